//! Values that meet: comparisons, closed code lists, alternatives of one type.

use std::ops::Range;

use super::checker::{Checker, hint, place};
use super::syntax::Ast;
use super::types::{common, is_number, is_ordered, is_text, words};
use super::{BinaryOp, Expr, ExprId};
use crate::diagnostic::{Diagnostic, nearest};
use crate::schema::{SemanticType, Type, Value};

impl Checker<'_> {
    pub fn compare(&mut self, op: BinaryOp, left: &Ast, right: &Ast) -> Option<ExprId> {
        let (a, b) = (self.value(left), self.value(right));
        self.compared(op, a?, &left.range, b?, &right.range)
    }
    pub fn compared(&mut self, op: BinaryOp, a: ExprId, a_at: &Range<usize>, b: ExprId, b_at: &Range<usize>) -> Option<ExprId> {
        let both = a_at.start.min(b_at.start)..a_at.end.max(b_at.end);
        for (id, at) in [(a, a_at), (b, b_at)] {
            if self.ty(id) == Type::Null {
                let help = "write `is null` or `is not null`".to_owned();
                return self.fail(
                    "type-mismatch",
                    at.clone(),
                    "nothing equals null: the comparison would always be unknown",
                    "null",
                    Some(help),
                );
            }
        }
        let ((a, b), equality) = (self.met(a, a_at, b, b_at)?, matches!(op, BinaryOp::Equal | BinaryOp::NotEqual));
        let ty = self.ty(a);
        if !equality && !is_ordered(ty) {
            let help = match ty {
                Type::Region => Some("ask whether a region lies in another with `under(code, ancestor)`".to_owned()),
                Type::CitizenId => Some("compare dates of birth: `id_birth(x)`".to_owned()),
                _ => None,
            };
            return self.fail("type-mismatch", both, format!("{} has no order", words(ty)), "compare it with `=` or `<>`", help);
        }
        self.known_code(a, b, b_at);
        self.known_code(b, a, a_at);
        Some(self.binary_node(op, a, b, Type::Bool))
    }
    /// Two values as values of one type.
    pub fn met(&mut self, a: ExprId, a_at: &Range<usize>, b: ExprId, b_at: &Range<usize>) -> Option<(ExprId, ExprId)> {
        let (ta, tb) = (self.ty(a), self.ty(b));
        let quoted = |c: &Self, id: ExprId| is_text(c.ty(id)) && c.names.graph.literal_of(id).is_some();
        if quoted(self, a) && !quoted(self, b) {
            return Some((self.coerced(a, tb, a_at)?, b));
        }
        if quoted(self, b) && !quoted(self, a) {
            return Some((a, self.coerced(b, ta, b_at)?));
        }
        if let Some(ty) = common(ta, tb) {
            return Some((self.coerced(a, ty, a_at)?, self.coerced(b, ty, b_at)?));
        }
        if ta == Type::Money && is_number(tb) {
            return Some((a, self.coerced(b, ta, b_at)?));
        }
        if tb == Type::Money && is_number(ta) {
            return Some((self.coerced(a, tb, a_at)?, b));
        }
        let both = a_at.start.min(b_at.start)..a_at.end.max(b_at.end);
        self.fail(
            "type-mismatch",
            both,
            format!("{} and {} cannot be compared", words(ta), words(tb)),
            format!("{} here, {} there", words(ta), words(tb)),
            hint(ta, tb).or_else(|| hint(tb, ta)),
        )
    }
    /// A text compared with a column of a closed list must be one of its codes.
    fn known_code(&mut self, column: ExprId, text: ExprId, at: &Range<usize>) {
        let Some(Value::Text(text, _)) = self.names.graph.literal_of(text).cloned() else { return };
        let Some((name, codes)) = self.codes_of(column) else { return };
        if !codes.is_empty() && !codes.iter().any(|c| **c == *text) {
            let near = nearest(&text, codes.iter().map(String::as_str)).map(|n| format!("a similar code exists: '{n}'"));
            let list = format!("its codes are {}", codes.iter().map(|c| format!("'{c}'")).collect::<Vec<_>>().join(", "));
            let diagnostic = Diagnostic::error("unknown-code", format!("'{text}' is not a code of `{name}`"))
                .at(place(self.text, at.clone()), "no row can have it");
            self.error(match near {
                Some(near) => diagnostic.help(near).note(list),
                None => diagnostic.help(list),
            });
        }
    }
    fn codes_of(&self, id: ExprId) -> Option<(String, Vec<String>)> {
        let graph = &self.names.graph;
        let Expr::Column { row, column } = graph.get(id) else { return None };
        let slots: Vec<_> = (0..=row.slot).map(|s| self.rel_of_slot(s)).collect();
        let rel = graph.rel_of(self.names.catalog, row, &slots).filter(|r| *r != super::UNREAD)?;
        let (_, table) = self.names.catalog.table_of(rel)?;
        let def = table.columns.get(*column)?;
        match &def.semantic {
            Some(SemanticType::Code(codes)) => Some((def.name.clone(), codes.clone())),
            _ => None,
        }
    }
    /// The relation a slot's row belongs to, where a row of the scope stands at it without a hop.
    fn rel_of_slot(&self, slot: u8) -> super::RelId {
        let scope = self.scope.slots.iter().find(|s| s.row.slot == slot && s.row.hops.is_empty()).map(|s| s.rel);
        let member =
            || self.names.rows[self.names.outer..].iter().rev().find(|r| r.row.row.slot == slot && !r.prefix.is_empty()).map(|r| r.row.rel);
        scope.or_else(member).unwrap_or(super::UNREAD)
    }

    /// Alternatives as values of one type.
    pub fn unified(&mut self, parts: Vec<(ExprId, Range<usize>)>) -> Option<(Vec<ExprId>, Type)> {
        let quoted = |c: &Self, id: ExprId| is_text(c.ty(id)) && c.names.graph.literal_of(id).is_some();
        // Texts in quotes and a plain 0 follow the type of the others.
        let plain = |c: &Self, id: ExprId| quoted(c, id) || c.names.graph.literal_of(id) == Some(&Value::Int(0));
        let mut ty = Type::Null;
        for strict in [true, false] {
            for (id, at) in &parts {
                let own = self.ty(*id);
                if plain(self, *id) == strict || (!strict && ty != Type::Null) {
                    continue;
                }
                match common(ty, own) {
                    Some(both) => ty = both,
                    None if (ty == Type::Money && is_number(own)) || (own == Type::Money && is_number(ty)) => {
                        return self.money_mixed(*id, own, ty, at);
                    }
                    None => {
                        return self.fail(
                            "type-mismatch",
                            at.clone(),
                            format!("the alternatives are of two types: {} and {}", words(ty), words(own)),
                            format!("this is {}", words(own)),
                            hint(own, ty),
                        );
                    }
                }
            }
        }
        let mut made = vec![];
        for (id, at) in parts {
            made.push(self.coerced(id, ty, &at)?);
        }
        Some((made, ty))
    }
}
