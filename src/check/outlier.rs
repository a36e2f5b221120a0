//! `outlier`: a value far from those of its peers, with a wider peer group where the near one is small.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::Names;
use super::planner::{Planner, Source};
use super::{Check, CheckPlan, Flag, UnitKind};
use crate::diagnostic::yaml::Ordered;
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{AggregateFunction, BinaryOp, ExprId, Function, Hop, KeyPart, RowRef, RowSet, Scope, UnaryOp, Want};
use crate::schema::{TextKind, Type, Value};

/// Flags records whose value lies far from those of their peers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutlierCheck {
    /// Table or view whose records are looked at.
    pub table: Spanned<String>,
    /// Which of its records are the population and the peers; all when absent.
    pub among: Option<Spanned<String>>,
    /// The value: an int, decimal or money.
    pub measure: Spanned<String>,
    /// Who is compared: an expression of the record, or several, narrowest first: where a peer group has fewer than `min_peers`, the next is taken.
    pub peers: Names,
    /// Least number of peers with a value, the record itself included; 30 when absent.
    pub min_peers: Option<Spanned<String>>,
    /// `mad` (when absent): distance from the median in robust standard deviations. `iqr`: distance from the quartiles in widths of the middle half.
    pub method: Option<Spanned<Method>>,
    /// From which distance on a value is flagged; 3.5 (`mad`) or 3 (`iqr`) when absent.
    pub limit: Option<Spanned<String>>,
    /// Whether `high`, `low` or `both` kinds of distance are flagged; `both` when absent.
    pub side: Option<Spanned<Side>>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    #[default]
    Mad,
    Iqr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    High,
    Low,
    #[default]
    Both,
}

impl Check for OutlierCheck {
    const NAME: &'static str = "outlier";
    const TITLE: &'static str = "A value far from its peers";
    const FINDS: &'static str = "Records whose value lies far from the median or the quartiles of their peers.";
    const POPULATION: &'static str = "Records of the table, as narrowed by `among`; those with too few peers are not assessable.";
    const DOC: &'static str = include_str!("../../docs/checks/outlier.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let source = planner.source(&self.table)?;
        let mut scope = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(self.among.as_ref(), &scope);
        let value = planner.expr(&self.measure, &scope, Want::Numeric);
        let (among, value) = (among?, value?);
        let levels = self.levels(planner, source, &scope, among, value)?;

        let ty = planner.graph.type_of(value);
        let method = self.method.as_ref().map(|m| m.value).unwrap_or_default();
        let mut own = vec![("value".to_owned(), value)];
        let mut pick = |planner: &mut Planner, name: &str, ty: Type, each: &dyn Fn(&mut Planner, &Level) -> ExprId| {
            let whens = levels.iter().map(|level| (level.enough, each(planner, level))).collect();
            let expr = planner.case(whens, None, ty);
            own.push((format!("peer.{name}"), expr));
            expr
        };
        let score = match method {
            Method::Mad => {
                let median =
                    pick(planner, "median", ty, &|planner, l| planner.aggregate(AggregateFunction::Median, &l.over, Some(l.member), None));
                let mad = pick(planner, "mad", ty, &|planner, l| l.mad(planner));
                robust_z(planner, value, median, mad)
            }
            Method::Iqr => {
                let quantile = |q| {
                    move |planner: &mut Planner, l: &Level| planner.aggregate(AggregateFunction::Quantile(q), &l.over, Some(l.member), None)
                };
                let low = pick(planner, "p25", ty, &quantile(250));
                let high = pick(planner, "p75", ty, &quantile(750));
                widths(planner, value, low, high)
            }
        };
        pick(planner, "n", Type::Int, &|_, l| l.n);
        let text = Type::Text(TextKind::Plain);
        pick(planner, "group", text, &|planner, l| planner.literal(Value::Text(l.words.as_str().into(), TextKind::Plain)));
        own.push(("score".into(), score));
        scope.names.extend(own.clone());
        let mut figures = planner.lets(&self.lets, &mut scope)?;
        figures.extend(own);
        let flag = self.flag(planner, &scope, score, method)?;
        let distance = planner.call(Function::Abs, vec![score], Type::Decimal(6));
        Some(CheckPlan {
            population: among.into_iter().collect(),
            flag: Flag::Row(flag),
            measure: Some(distance),
            figures,
            ..CheckPlan::of(UnitKind::Record, format!("record of {}", self.table.value), source, scope)
        })
    }
}

/// One peer group of a record.
struct Level {
    words: String,
    over: Over,
    /// The group of a member row (slot 1).
    of_member: Over,
    /// The value of the member row in slot 1.
    member: ExprId,
    n: ExprId,
    enough: ExprId,
}

impl Level {
    /// Median of the distances from the group's median.
    fn mad(&self, planner: &mut Planner) -> ExprId {
        let ty = planner.graph.type_of(self.member);
        let median = planner.aggregate(AggregateFunction::Median, &self.of_member, Some(self.member), None);
        let distance = planner.subtract(self.member, median);
        let distance = planner.call(Function::Abs, vec![distance], ty);
        planner.aggregate(AggregateFunction::Median, &self.over, Some(distance), None)
    }
}

impl OutlierCheck {
    fn levels(&self, planner: &mut Planner, source: Source, scope: &Scope, among: Option<ExprId>, value: ExprId) -> Option<Vec<Level>> {
        if self.peers.is_empty() {
            let error = Diagnostic::error("outlier-peers", "nothing says who the peers are");
            planner.error(error.at(self.table.span.clone(), "this check").help("add e.g. `peers: household.region_code`"));
            return None;
        }
        let min = match &self.min_peers {
            Some(text) => planner.expr(text, scope, Want::Type(Type::Int))?,
            None => planner.int(30),
        };
        let member = planner.at_row(value, &RowRef::slot(1));
        let known = planner.not_null(value);
        let parts: Vec<ExprId> = among.into_iter().chain([known]).collect();
        let among = Some(planner.all(&parts));
        let mut levels = vec![];
        for text in &self.peers {
            let key = planner.expr(text, scope, Want::Key)?;
            let groups = planner.groups(vec![KeyPart { of: source.rel, keys: vec![key], among }]);
            let set = planner.graph.set(RowSet::Members { groups, part: 0 });
            let hop = Hop::Group { groups, part: 0 };
            let over = Over { owner: RowRef::slot(0).then(hop), set };
            let of_member = Over { owner: RowRef::slot(1).then(hop), set };
            let n = planner.count(&over, None);
            let enough = planner.compare(BinaryOp::GreaterEqual, n, min);
            levels.push(Level { words: text.value.trim().to_owned(), over, of_member, member, n, enough });
        }
        Some(levels)
    }

    fn flag(&self, planner: &mut Planner, scope: &Scope, score: ExprId, method: Method) -> Option<ExprId> {
        let decimal = Type::Decimal(6);
        let limit = match &self.limit {
            Some(text) => planner.expr(text, scope, Want::Type(decimal))?,
            None => planner.literal(Value::Decimal { units: if method == Method::Mad { 3_500_000 } else { 3_000_000 }, scale: 6 }),
        };
        let mut sides = vec![];
        let side = self.side.as_ref().map(|s| s.value).unwrap_or_default();
        if side != Side::Low {
            sides.push(planner.compare(BinaryOp::Greater, score, limit));
        }
        if side != Side::High {
            let below = planner.graph.expr(crate::plan::Expr::Unary { op: UnaryOp::Negate, arg: limit }, decimal);
            sides.push(planner.compare(BinaryOp::Less, score, below));
        }
        let mut parts = vec![planner.any(&sides)];
        if let Some(text) = &self.condition {
            parts.push(planner.bool(text, scope)?);
        }
        Some(planner.all(&parts))
    }
}

/// 0.6745 (value - median) / mad. At the median 0, even where most peers have one value; off it, unknown there.
fn robust_z(planner: &mut Planner, value: ExprId, median: ExprId, mad: ExprId) -> ExprId {
    let decimal = Type::Decimal(6);
    let distance = planner.subtract(value, median);
    let ratio = planner.binary(BinaryOp::Divide, distance, mad, decimal);
    let factor = planner.literal(Value::Decimal { units: 6745, scale: 4 });
    let score = planner.binary(BinaryOp::Multiply, ratio, factor, decimal);
    let (same, zero) = (planner.compare(BinaryOp::Equal, value, median), planner.literal(Value::Decimal { units: 0, scale: 6 }));
    planner.case(vec![(same, zero)], Some(score), decimal)
}

/// Distance beyond the quartiles in widths of the middle half, negative below; 0 between them.
fn widths(planner: &mut Planner, value: ExprId, low: ExprId, high: ExprId) -> ExprId {
    let decimal = Type::Decimal(6);
    let width = planner.subtract(high, low);
    let (over, under) = (planner.subtract(value, high), planner.subtract(value, low));
    let (over, under) = (planner.binary(BinaryOp::Divide, over, width, decimal), planner.binary(BinaryOp::Divide, under, width, decimal));
    let (above, below) = (planner.compare(BinaryOp::Greater, value, high), planner.compare(BinaryOp::Less, value, low));
    let within = planner.any(&[above, below]);
    let within = planner.not(within);
    let zero = planner.literal(Value::Decimal { units: 0, scale: 6 });
    planner.case(vec![(above, over), (below, under), (within, zero)], None, decimal)
}
