//! Typing of `param` and `listed`: policy numbers and lists, and what governs them.

use std::ops::Range;

use super::checker::Checker;
use super::functions;
use super::syntax::{Arg, Ast, Kind};
use super::types::words;
use super::{Expr, ExprId, Function, ParameterKind};
use crate::diagnostic::nearest;
use crate::schema::Type;

impl Checker<'_> {
    pub(crate) fn param(&mut self, args: &[Arg], range: &Range<usize>) -> Option<ExprId> {
        let catalog = self.names.catalog;
        let (name, def_at) = self.parameter_name("param", args.first().filter(|a| a.name.is_none()).map(|a| &a.value), range)?;
        let (parameter, def) = (super::ParameterId(u32::try_from(def_at).ok()?), &catalog.parameters[def_at]);
        let key_types: &[Type] = match &def.kind {
            ParameterKind::Value => &[],
            ParameterKind::Table(types) => types,
            ParameterKind::List(_) => {
                return self.fail(
                    "wrong-arguments",
                    range.clone(),
                    format!("`{name}` is a list"),
                    "not a value",
                    Some(format!("ask whether something stands in it: `listed('{name}', ...)`")),
                );
            }
        };
        let given: Vec<&Ast> = args[1..].iter().filter(|a| a.name.is_none()).map(|a| &a.value).collect();
        let mut good = true;
        if given.len() != key_types.len() {
            let wants = match key_types {
                [] => "no keys".to_owned(),
                types => format!("{} keys ({})", types.len(), types.iter().map(|t| words(*t)).collect::<Vec<_>>().join(", ")),
            };
            good = false;
            self.fail::<()>(
                "wrong-arguments",
                range.clone(),
                format!("`{name}` takes {wants}, found {}", given.len()),
                "wrong number of keys",
                None,
            );
        }
        let keys: Vec<Option<ExprId>> = given.iter().zip(key_types).map(|(ast, ty)| self.value_as(ast, *ty)).collect();
        let (mut at, mut place) = (None, None);
        for arg in args {
            let Some(label) = &arg.name else { continue };
            match label.name.as_str() {
                "at" => {
                    at = self.value_as(&arg.value, Type::Date);
                    good &= at.is_some();
                }
                "place" => {
                    place = self.value_as(&arg.value, Type::Region);
                    good &= place.is_some();
                }
                other => {
                    good = false;
                    let near = nearest(other, ["at", "place"]).map(|n| format!("a similar name exists: `{n}`"));
                    self.fail::<()>(
                        "wrong-arguments",
                        label.range.clone(),
                        format!("`param` has no argument named `{other}`"),
                        "known are `at` and `place`",
                        near,
                    );
                }
            }
        }
        let given_at = args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.name == "at"));
        let given_place = args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.name == "place"));
        if !given_at && def.varies_by_date {
            at = self.scope.at;
            good &= self.governed(at, &name, "at", "time", range);
        }
        if !given_place && def.varies_by_region {
            place = self.scope.place;
            good &= self.governed(place, &name, "place", "place", range);
        }
        let keys = keys.into_iter().collect::<Option<Vec<_>>>()?;
        if !good {
            return None;
        }
        let (at, place) = (at.filter(|_| def.varies_by_date), place.filter(|_| def.varies_by_region));
        Some(self.graph().expr(Expr::Parameter { parameter, args: keys, at, place }, def.ty))
    }
    fn governed(&mut self, found: Option<ExprId>, name: &str, word: &str, what: &str, range: &Range<usize>) -> bool {
        if found.is_some() {
            return true;
        }
        if let Some(pending) = self.names.pending
            && self.names.rows.iter().any(|r| r.row.table.is_some_and(|t| pending.governed.contains(&t)))
        {
            self.later = true;
            return false;
        }
        let example = if word == "at" { "at => paid_on" } else { "place => household.region_code" };
        let help = format!(
            "say it here: `param('{name}', {example})`, or declare `{}:` for the table in recount.yaml",
            if word == "at" { "date" } else { "region" }
        );
        self.fail::<()>(
            "ungoverned-parameter",
            range.clone(),
            format!("`{name}` varies by {what}, and nothing says which governs here"),
            "which one?",
            Some(help),
        );
        false
    }
    fn parameter_name(&mut self, function: &str, ast: Option<&Ast>, range: &Range<usize>) -> Option<(String, usize)> {
        let catalog = self.names.catalog;
        let Some(Ast { kind: Kind::Text(name), range: at }) = ast else {
            return self.fail(
                "wrong-arguments",
                ast.map_or(range.clone(), |a| a.range.clone()),
                format!("`{function}` begins with the parameter's name in single quotes"),
                "wanted a name in quotes",
                functions::find(function).map(|f| format!("it is written `{}`", f.usage)),
            );
        };
        match catalog.parameters.iter().position(|p| p.name == *name) {
            Some(i) => Some((name.clone(), i)),
            None => {
                let near =
                    nearest(name, catalog.parameters.iter().map(|p| p.name.as_str())).map(|n| format!("a similar parameter exists: '{n}'"));
                let help = near.unwrap_or_else(|| "declare it in the file under `parameters: values:` in recount.yaml".to_owned());
                self.fail("unknown-parameter", at.clone(), format!("there is no parameter '{name}'"), "not declared", Some(help))
            }
        }
    }
    pub(crate) fn listed(&mut self, asts: &[&Ast], range: &Range<usize>) -> Option<ExprId> {
        let catalog = self.names.catalog;
        let (name, at) = self.parameter_name("listed", asts.first().copied(), range)?;
        let ParameterKind::List(types) = &catalog.parameters[at].kind else {
            return self.fail(
                "wrong-arguments",
                range.clone(),
                format!("`{name}` is a value, not a list"),
                "not a list",
                Some(format!("its value is `param('{name}')`")),
            );
        };
        if asts.len() - 1 != types.len() {
            return self.fail(
                "wrong-arguments",
                range.clone(),
                format!("`{name}` lists {} values together, found {}", types.len(), asts.len() - 1),
                "wrong number of values",
                None,
            );
        }
        let ids: Vec<Option<ExprId>> = asts[1..].iter().zip(types).map(|(ast, ty)| self.value_as(ast, *ty)).collect();
        let ids = ids.into_iter().collect::<Option<Vec<_>>>()?;
        Some(self.call_node(Function::Listed(super::graph::ListTag(u32::try_from(at).ok()?)), ids, Type::Bool))
    }
}
