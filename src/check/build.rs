//! Short forms for the graph nodes that checks are made of.

use super::planner::{Planner, Source};
use super::{Precondition, Reason};
use crate::plan::{AggregateFunction, BinaryOp, Expr, ExprId, Function, Hop, KeyPart, Rel, RelId, RowRef, RowSet, SetId, UnaryOp};
use crate::schema::{Type, Value};

/// Rows that an aggregate runs over: those of `set` that belong to `owner`; the member row is slot 1.
#[derive(Debug, Clone)]
pub struct Over {
    pub owner: RowRef,
    pub set: SetId,
}

impl Planner<'_> {
    pub fn literal(&mut self, value: Value) -> ExprId {
        let ty = value.value_type();
        self.graph.expr(Expr::Literal(value), ty)
    }
    pub fn int(&mut self, value: i64) -> ExprId {
        self.literal(Value::Int(value))
    }
    pub fn truth(&mut self, value: bool) -> ExprId {
        self.literal(Value::Bool(value))
    }
    /// Unknown, as a condition.
    pub fn unknown(&mut self) -> ExprId {
        self.null(Type::Bool)
    }
    /// A missing value of type `ty`.
    pub fn null(&mut self, ty: Type) -> ExprId {
        self.graph.expr(Expr::Literal(Value::Null), ty)
    }
    /// Zero of a summable type.
    pub fn zero(&mut self, ty: Type) -> ExprId {
        self.literal(match ty {
            Type::Money => Value::Money(0),
            Type::Decimal(scale) => Value::Decimal { units: 0, scale },
            _ => Value::Int(0),
        })
    }
    pub fn binary(&mut self, op: BinaryOp, left: ExprId, right: ExprId, ty: Type) -> ExprId {
        self.graph.expr(Expr::Binary { op, left, right }, ty)
    }
    /// A comparison or `and` / `or`.
    pub fn compare(&mut self, op: BinaryOp, left: ExprId, right: ExprId) -> ExprId {
        self.binary(op, left, right, Type::Bool)
    }
    pub fn not(&mut self, arg: ExprId) -> ExprId {
        self.graph.expr(Expr::Unary { op: UnaryOp::Not, arg }, Type::Bool)
    }
    pub fn is_null(&mut self, arg: ExprId) -> ExprId {
        self.graph.expr(Expr::Unary { op: UnaryOp::IsNull, arg }, Type::Bool)
    }
    pub fn not_null(&mut self, arg: ExprId) -> ExprId {
        let null = self.is_null(arg);
        self.not(null)
    }
    /// All of them; true when there are none.
    pub fn all(&mut self, parts: &[ExprId]) -> ExprId {
        self.fold(BinaryOp::And, parts, true)
    }
    /// Any of them; false when there are none.
    pub fn any(&mut self, parts: &[ExprId]) -> ExprId {
        self.fold(BinaryOp::Or, parts, false)
    }
    fn fold(&mut self, op: BinaryOp, parts: &[ExprId], empty: bool) -> ExprId {
        match parts.split_first() {
            None => self.truth(empty),
            Some((&first, rest)) => rest.iter().fold(first, |all, &part| self.compare(op, all, part)),
        }
    }
    pub fn call(&mut self, function: Function, args: Vec<ExprId>, ty: Type) -> ExprId {
        self.graph.expr(Expr::Call { function, args }, ty)
    }
    /// `days(a, b)`.
    pub fn days_between(&mut self, a: ExprId, b: ExprId) -> ExprId {
        self.call(Function::DaysBetween, vec![a, b], Type::Int)
    }
    pub fn case(&mut self, whens: Vec<(ExprId, ExprId)>, otherwise: Option<ExprId>, ty: Type) -> ExprId {
        self.graph.expr(Expr::Case { whens, otherwise }, ty)
    }
    pub fn subtract(&mut self, left: ExprId, right: ExprId) -> ExprId {
        let ty = self.graph.type_of(left);
        self.binary(BinaryOp::Subtract, left, right, ty)
    }
    pub fn aggregate(&mut self, function: AggregateFunction, over: &Over, arg: Option<ExprId>, filter: Option<ExprId>) -> ExprId {
        use AggregateFunction as F;
        let of = arg.map_or(Type::Int, |arg| self.graph.type_of(arg));
        let ty = match (function, of) {
            (F::Count, _) => Type::Int,
            (F::Any | F::Every, _) => Type::Bool,
            (F::Average, Type::Int) => Type::Decimal(6),
            (_, of) => of,
        };
        let (owner, set) = (over.owner.clone(), over.set);
        self.graph.expr(Expr::Aggregate { owner, set, inner: 1, function, distinct: false, arg, filter }, ty)
    }
    pub fn count(&mut self, over: &Over, filter: Option<ExprId>) -> ExprId {
        self.aggregate(AggregateFunction::Count, over, None, filter)
    }
    pub fn count_distinct(&mut self, over: &Over, arg: ExprId) -> ExprId {
        let (owner, set) = (over.owner.clone(), over.set);
        let node =
            Expr::Aggregate { owner, set, inner: 1, function: AggregateFunction::Count, distinct: true, arg: Some(arg), filter: None };
        self.graph.expr(node, Type::Int)
    }
    /// Whether any row of `over` fulfils `condition`; without one, whether there is a row.
    pub fn exists(&mut self, over: &Over, condition: Option<ExprId>) -> ExprId {
        match condition {
            Some(condition) => self.aggregate(AggregateFunction::Any, over, Some(condition), None),
            None => {
                let n = self.count(over, None);
                let zero = self.int(0);
                self.compare(BinaryOp::Greater, n, zero)
            }
        }
    }
    /// Number of the row in its relation.
    pub fn row_number(&mut self, row: RowRef) -> ExprId {
        self.graph.expr(Expr::RowNumber { row }, Type::Int)
    }
    /// Key `position` of the group that `row` reaches.
    pub fn group_key(&mut self, row: &RowRef, position: usize, ty: Type) -> ExprId {
        self.graph.expr(Expr::Column { row: row.clone(), column: position }, ty)
    }
    pub fn groups(&mut self, parts: Vec<KeyPart>) -> RelId {
        self.graph.rel(Rel::Groups { parts })
    }
    /// The member rows of the group that the row of slot 0 is (`from_member`: belongs to).
    pub fn members(&mut self, groups: RelId, part: usize, from_member: bool) -> Over {
        let set = self.graph.set(RowSet::Members { groups, part });
        let owner = RowRef::slot(0);
        Over { owner: if from_member { owner.then(Hop::Group { groups, part }) } else { owner }, set }
    }

    /// Every key has a value; else the unit is not assessable for a missing value.
    pub fn complete(&mut self, keys: &[ExprId]) -> Precondition {
        let parts: Vec<ExprId> = keys.iter().map(|&key| self.not_null(key)).collect();
        Precondition { holds: self.all(&parts), reason: Reason::MissingValue }
    }
    /// Whether the register `source` covers `place` at `date`; `None` when it covers everything.
    /// A unit without a date is held against the as-of date; one without a place is not known to lie outside.
    pub fn covered(&mut self, source: Source, date: Option<ExprId>, place: Option<ExprId>) -> Option<ExprId> {
        let covers = self.def(source).covers.clone()?;
        let mut parts = vec![];
        let date = match date {
            Some(date) if self.graph.type_of(date) == Type::Date => date,
            // A month is covered when its first and last day are; comparing the first suffices for bounds that are whole months.
            Some(date) if self.graph.type_of(date) == Type::Month => self.call(Function::MonthStart, vec![date], Type::Date),
            _ => self.literal(Value::Date(self.catalog.as_of)),
        };
        if let Some(from) = covers.from {
            let from = self.literal(Value::Date(from));
            parts.push(self.compare(BinaryOp::GreaterEqual, date, from));
        }
        if let Some(to) = covers.to {
            let to = self.literal(Value::Date(to));
            parts.push(self.compare(BinaryOp::LessEqual, date, to));
        }
        if let Some(place) = place.filter(|_| !covers.regions.is_empty()) {
            let inside = covers.regions.iter().map(|&code| {
                let region = self.literal(Value::Region(code));
                self.call(Function::Under, vec![place, region], Type::Bool)
            });
            let mut each: Vec<ExprId> = inside.collect();
            // A record that does not say where it belongs is not known to lie outside.
            each.push(self.is_null(place));
            parts.push(self.any(&each));
        }
        (!parts.is_empty()).then(|| self.all(&parts))
    }
}
