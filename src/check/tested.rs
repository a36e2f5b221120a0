//! Groups that are tested together: what the forms over test nodes share.

use super::build::Over;
use super::keys::{NamedKeys, Names};
use super::planner::{GroupKeys, Planner, Source};
use super::{CheckPlan, Flag, Members, Precondition, Reason, UnitKind};
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::Ordered;
use crate::plan::{BinaryOp, Expr, ExprId, Function, KeyPart, RelId, RowRef, Scope, Test, TestId, TestMembers, Want};
use crate::schema::{TextKind, Type, Value};
use crate::stats::Kernel;

/// Groups of records, and which of them are compared.
pub(super) struct TestedGroups {
    source: Source,
    table: String,
    groups: RelId,
    keys: GroupKeys,
    over: Over,
    /// Of the groups.
    pub scope: Scope,
    /// Of their records, slot 0.
    pub records: Scope,
    family: Vec<usize>,
    peers: Vec<usize>,
    /// Groups are held against each other, not against a law or a given share.
    pub peered: bool,
}

/// A test of such groups: the names of its columns, in their order.
pub(super) struct Tested {
    test: TestId,
    pub names: Vec<(String, ExprId)>,
}

impl Tested {
    /// The column of that name.
    pub fn named(&self, name: &str) -> Option<ExprId> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, expr)| *expr)
    }
}

impl TestedGroups {
    pub fn new(
        planner: &mut Planner,
        table: &Spanned<String>,
        among: Option<&Spanned<String>>,
        by: &NamedKeys,
        family: &Names,
        peers: &Names,
    ) -> Option<TestedGroups> {
        let source = planner.source(table)?;
        let records = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(among, &records);
        let keys = planner.group_keys(by, &records);
        let (among, keys) = (among?, keys?);
        let positions = (planner.key_positions(&keys, family), planner.key_positions(&keys, peers));
        let (family, peers) = (positions.0?, positions.1?);
        let groups = planner.groups(vec![KeyPart { of: source.rel, keys: keys.exprs.clone(), among }]);
        let over = planner.members(groups, 0, false);
        let mut scope = planner.group_scope(groups, &keys, &[(vec![table.value.clone()], source)]);
        planner.group_frame(&mut scope, groups, 0, source);
        Some(TestedGroups { source, table: table.value.clone(), groups, keys, over, scope, records, family, peers, peered: true })
    }
    /// Numbers of family and peer keys, as kernels want them.
    pub fn counts(&self) -> (usize, usize) {
        (self.family.len(), self.peers.len())
    }
    /// The test by `kernel`, told `values` and the keys of family and peers of each group, and the figure and date of each record. `own`: columns that
    /// are counted like the figure.
    pub fn test(&self, planner: &mut Planner, kernel: Kernel, values: Vec<ExprId>, figure: ExprId, own: &[&str]) -> Tested {
        self.test_of(planner, kernel, values, &[figure], own)
    }
    /// The same, told several figures of each record, and its date after them.
    pub fn test_of(&self, planner: &mut Planner, kernel: Kernel, mut values: Vec<ExprId>, figures: &[ExprId], own: &[&str]) -> Tested {
        let columns = planner.key_columns(&RowRef::slot(0), &self.keys);
        values.extend(self.family.iter().chain(&self.peers).map(|&position| columns[position]));
        let date = planner.def(self.source).date.unwrap_or_else(|| planner.null(Type::Date));
        let members = TestMembers { set: self.over.set, values: figures.iter().copied().chain([date]).collect(), filter: None };
        let ty = figures.first().map_or(Type::Int, |figure| planner.graph.type_of(*figure));
        let columns = kernel.columns();
        let test = planner.graph.test(Test { of: self.groups, values, members: Some(members), by: kernel });
        let column = |(column, &(name, of)): (usize, &(&str, Type))| {
            let of = if own.contains(&name) { ty } else { of };
            (name.to_owned(), planner.graph.expr(Expr::Tested { row: RowRef::slot(0), test, column }, of))
        };
        let names = columns.iter().enumerate().map(column).collect();
        Tested { test, names }
    }
    /// Which groups have the same values of some keys, in words.
    fn words(&self, planner: &mut Planner, keys: &[usize]) -> ExprId {
        let names: Vec<&str> = keys.iter().filter_map(|&key| self.keys.words.get(key).map(String::as_str)).collect();
        let words = if names.is_empty() { "all groups".to_owned() } else { format!("groups of the same {}", names.join(", ")) };
        planner.literal(Value::Text(words.as_str().into(), TextKind::Plain))
    }
    /// The date of a record, if its table has one.
    pub fn date(&self, planner: &Planner) -> Option<ExprId> {
        planner.def(self.source).date
    }
    /// A setting of the rule in the frame of the group; `usual` when it is not written.
    pub fn setting(&self, planner: &mut Planner, text: Option<&Spanned<String>>, usual: Value) -> Option<ExprId> {
        match text {
            Some(text) => planner.expr(text, &self.scope, Want::Type(usual.value_type())),
            None => Some(planner.literal(usual)),
        }
    }
    /// The plan: flagged are groups with a q of at most `max_q` and an effect of at least `min_effect`, in either direction.
    pub fn plan(
        mut self,
        planner: &mut Planner,
        tested: Tested,
        null: &str,
        limits: (Option<&Spanned<String>>, Option<&Spanned<String>>, i64),
        lets: &Ordered<Spanned<String>>,
        condition: Option<&Spanned<String>>,
        measure: &str,
    ) -> Option<CheckPlan> {
        let named = |name: &str| tested.names.iter().find(|(known, _)| known == name).map(|(_, expr)| *expr);
        let (q, effect, reason) = (named("q")?, named("effect")?, named("reason")?);
        let null = planner.literal(Value::Text(null.into(), TextKind::Plain));
        let mut own = tested.names.clone();
        own.push(("null".to_owned(), null));
        own.push(("family".to_owned(), self.words(planner, &self.family)));
        if self.peered {
            let keys: Vec<usize> = self.family.iter().chain(self.peers.iter().filter(|p| !self.family.contains(p))).copied().collect();
            own.push(("peer.group".to_owned(), self.words(planner, &keys)));
        }
        self.scope.names.extend(own.clone());
        let mut figures = planner.lets(lets, &mut self.scope)?;
        figures.extend(own.into_iter().filter(|(name, _)| name != "reason"));

        let (max_q, min_effect, usual) = limits;
        let max_q = match max_q {
            Some(text) => planner.expr(text, &self.scope, Want::Type(Type::Decimal(9)))?,
            None => planner.literal(Value::Decimal { units: 50_000_000, scale: 9 }),
        };
        let min_effect = match min_effect {
            Some(text) => planner.expr(text, &self.scope, Want::Type(Type::Decimal(6)))?,
            None => planner.literal(Value::Decimal { units: usual, scale: 6 }),
        };
        let size = planner.call(Function::Abs, vec![effect], Type::Decimal(6));
        let rare = planner.compare(BinaryOp::LessEqual, q, max_q);
        let large = planner.compare(BinaryOp::GreaterEqual, size, min_effect);
        let mut parts = vec![rare, large];
        if let Some(text) = condition {
            parts.push(planner.bool(text, &self.scope)?);
        }
        let flag = planner.all(&parts);
        let preconditions = [("too few", Reason::TooFew), ("the test does not apply", Reason::NotApplicable)]
            .map(|(words, why)| Precondition { holds: without_reason(planner, reason, words), reason: why });
        let identity = planner.key_columns(&RowRef::slot(0), &self.keys);
        let unit = format!("group of the same {} in {}", self.keys.words.join(", "), self.table);
        let members = Members { role: "to look at first".into(), owner: self.over.owner, set: self.over.set, inner: 1, filter: None };
        Some(CheckPlan {
            rel: self.groups,
            preconditions: preconditions.into(),
            flag: Flag::Row(flag),
            measure: named(measure).map(|m| if m == effect { size } else { m }),
            members: vec![members],
            leads: Some(tested.test),
            figures,
            identity,
            ..CheckPlan::of(UnitKind::Group, unit, self.source, self.scope)
        })
    }
}

/// True unless the reason for which there is no p begins with `words`.
fn without_reason(planner: &mut Planner, reason: ExprId, words: &str) -> ExprId {
    let words = planner.literal(Value::Text(words.into(), TextKind::Plain));
    let starts = planner.call(Function::StartsWith, vec![reason, words], Type::Bool);
    let no = planner.truth(false);
    let starts = planner.call(Function::Coalesce, vec![starts, no], Type::Bool);
    planner.not(starts)
}
