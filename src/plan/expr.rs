//! Typed scalar expressions. Each function has one written meaning, here and on its page.

use super::{ExprId, Hop, ParameterId, RowRef, SetId, TestId};
use crate::schema::{Type, Value};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    Literal(Value),
    /// Column `column` of the relation that `row` reaches: for a table the position in its [`super::TableDef`], for groups the
    /// position of the key. Missing when a hop finds no row; not assessable when a hop finds several and no `pick` decides.
    Column {
        row: RowRef,
        column: usize,
    },
    /// Whether the last hop of `row` finds a row: true, false, or unknown where the register does not cover the record.
    Has {
        row: RowRef,
    },
    Unary {
        op: UnaryOp,
        arg: ExprId,
    },
    /// Both sides have been cast to one type by the type checker (but for `Divide` and `Multiply` of money by numbers).
    Binary {
        op: BinaryOp,
        left: ExprId,
        right: ExprId,
    },
    Call {
        function: Function,
        args: Vec<ExprId>,
    },
    Case {
        whens: Vec<(ExprId, ExprId)>,
        otherwise: Option<ExprId>,
    },
    /// Conversion made explicit by the type checker: int -> decimal, decimal scale, month -> date (its first day, standing for the month).
    Cast {
        arg: ExprId,
        to: Type,
    },
    /// The value in force at `at` in `place` or its nearest ancestor. `args` are the further keys of a parameter table.
    /// `at` or `place` absent: the parameter must not vary by it.
    Parameter {
        parameter: ParameterId,
        args: Vec<ExprId>,
        at: Option<ExprId>,
        place: Option<ExprId>,
    },
    /// Aggregate over the rows of `set` that belong to the row `owner` reaches. In `arg` and `filter` the member row is slot
    /// `inner`; they may also read lower slots (then the aggregate is *correlated* and is computed per outer row). An uncorrelated one
    /// always has `inner` = 1 whatever its depth, so that equal aggregates of different rules are equal nodes.
    Aggregate {
        owner: RowRef,
        set: SetId,
        inner: u8,
        function: AggregateFunction,
        distinct: bool,
        arg: Option<ExprId>,
        filter: Option<ExprId>,
    },
    /// What column `column` of the test says of the row that `row` reaches, a row of the test's relation. Missing where the test could not be made.
    Tested {
        row: RowRef,
        test: TestId,
        column: usize,
    },
    /// Number of the row within its relation, ascending in the relation's order: to break ties and to look at each pair once. Int.
    RowNumber {
        row: RowRef,
    },
}

impl Expr {
    /// The hops this node itself takes (not its arguments).
    pub fn hops(&self) -> &[Hop] {
        match self {
            Expr::Column { row, .. }
            | Expr::Has { row }
            | Expr::RowNumber { row }
            | Expr::Tested { row, .. }
            | Expr::Aggregate { owner: row, .. } => &row.hops,
            _ => &[],
        }
    }
    /// The row this node itself reads or owns its members by.
    pub fn own_row(&self) -> Option<&RowRef> {
        match self {
            Expr::Column { row, .. }
            | Expr::Has { row }
            | Expr::RowNumber { row }
            | Expr::Tested { row, .. }
            | Expr::Aggregate { owner: row, .. } => Some(row),
            _ => None,
        }
    }
    /// The parts evaluated in the same frame, in order. `arg` and `filter` of an aggregate are not: they have the member row besides.
    pub fn args(&self) -> Vec<ExprId> {
        match self {
            Expr::Literal(_)
            | Expr::Column { .. }
            | Expr::Has { .. }
            | Expr::Aggregate { .. }
            | Expr::RowNumber { .. }
            | Expr::Tested { .. } => vec![],
            Expr::Unary { arg, .. } | Expr::Cast { arg, .. } => vec![*arg],
            Expr::Binary { left, right, .. } => vec![*left, *right],
            Expr::Call { args, .. } => args.clone(),
            Expr::Case { whens, otherwise } => whens.iter().flat_map(|&(w, t)| [w, t]).chain(*otherwise).collect(),
            Expr::Parameter { args, at, place, .. } => args.iter().copied().chain(*at).chain(*place).collect(),
        }
    }
    /// The same node over other parts: `parts` stand in the order of [`Expr::args`].
    #[must_use]
    pub fn with_args(&self, parts: &[ExprId]) -> Expr {
        let mut next = parts.iter().copied();
        let mut take = |old: ExprId| next.next().unwrap_or(old);
        let mut expr = self.clone();
        match &mut expr {
            Expr::Literal(_)
            | Expr::Column { .. }
            | Expr::Has { .. }
            | Expr::Aggregate { .. }
            | Expr::RowNumber { .. }
            | Expr::Tested { .. } => {}
            Expr::Unary { arg, .. } | Expr::Cast { arg, .. } => *arg = take(*arg),
            Expr::Binary { left, right, .. } => {
                *left = take(*left);
                *right = take(*right);
            }
            Expr::Call { args, .. } => args.iter_mut().for_each(|a| *a = take(*a)),
            Expr::Case { whens, otherwise } => {
                for (when, then) in whens {
                    *when = take(*when);
                    *then = take(*then);
                }
                if let Some(otherwise) = otherwise {
                    *otherwise = take(*otherwise);
                }
            }
            Expr::Parameter { args, at, place, .. } => {
                args.iter_mut().for_each(|a| *a = take(*a));
                for part in [at, place].into_iter().flatten() {
                    *part = take(*part);
                }
            }
        }
        expr
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// Kleene: not unknown is unknown.
    Not,
    Negate,
    /// True where there is no value. Of a rejected cell: not assessable, not true.
    IsNull,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// Kleene: false and unknown is false.
    And,
    /// Kleene: true or unknown is true.
    Or,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    /// Money x number -> money, decimal x decimal -> decimal(6): rounded half away from zero.
    Multiply,
    /// Number / number -> decimal(6), money / number -> money, money / money -> decimal(6): rounded half away from zero.
    /// By zero: missing, and counted.
    Divide,
    /// Truncated: the sign is the dividend's.
    Remainder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    Count,
    Sum,
    Min,
    Max,
    /// Middle value; mean of the two middle ones, rounded half away from zero.
    Median,
    /// Permille p: the smallest value with at least p/1000 of the values at or below it. `percentile(x, 99)` is `Quantile(990)`.
    Quantile(u16),
    /// Mean, rounded half away from zero to the argument's scale (int -> decimal(6)).
    Average,
    /// Kleene or over the rows.
    Any,
    /// Kleene and over the rows.
    Every,
}

/// Scalar functions. The comment is the meaning; unless it says otherwise a missing argument gives a missing result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// First argument that has a value.
    Coalesce,
    /// `nullif(a, b)`: missing where equal, else a.
    NullIf,
    Abs,
    /// Rounds a decimal half away from zero to int.
    Round,
    /// The first n digits (1 to 9) of a number as it is counted (money in fen), without its sign; missing where it has fewer.
    FirstDigits,
    /// Largest of its arguments; missing ones are passed over.
    Greatest,
    /// Smallest of its arguments; missing ones are passed over.
    Least,
    /// `days(a, b)`: whole days from date a to date b, negative if b is earlier. Int. Part dates are not assessable.
    DaysBetween,
    /// `months_between(a, b)`: complete months from date a to date b; of two months their distance.
    MonthsBetween,
    /// date + days.
    AddDays,
    /// date + months, clamped to the month's last day; month + months.
    AddMonths,
    /// Of a date (`year(month)` is written by the type checker as `Year(MonthStart(month))`).
    Year,
    /// Of a date, 1 to 12.
    MonthOfYear,
    DayOfMonth,
    /// The month a date lies in. Also of a part date.
    MonthOf,
    /// First day of a month (the argument is always a month; `month_start(date)` is `MonthStart(MonthOf(date))`).
    MonthStart,
    /// Last day of a month (likewise).
    MonthEnd,
    /// `date(year, month, day)`.
    MakeDate,
    /// `in_window(d, a, b)`: a <= d <= b.
    InWindow,
    /// `in_period(d, m)`: date d lies in month m.
    InPeriod,
    /// `overlap_days(a1, a2, b1, b2)`: days the closed intervals share; 0 when none; a missing end is open.
    OverlapDays,
    /// `under(code, ancestor)`: the region lies in or under the ancestor by the region tree, successors followed.
    Under,
    /// `parent_region(code, level)` is written `town(code)`, `county(code)`, ...: ancestor of that level; level numbered 1 province .. 5 village.
    RegionLevel(u8),
    /// `distance_km(lat, lon, lat, lon)`: kilometres between two places in degrees; decimal(3). Missing where one is no place on the earth.
    DistanceKm,
    Lower,
    Upper,
    /// `length(text)`: characters.
    Length,
    /// `substring(text, start, length)`: characters, from 1.
    Substring,
    /// Null-propagating.
    Concat,
    /// `like`: % and _, case-sensitive.
    Like,
    StartsWith,
    Contains,
    /// `edits(a, b)`: Damerau-Levenshtein distance in characters.
    Edits,
    /// Whether the check character and birth date of a citizen id, or of a text that should be one, are right.
    IdValid,
    IdBirth,
    /// 'male' or 'female' by the 17th digit.
    IdSex,
    /// First six digits, as text.
    IdRegion,
    /// A citizen id of placeholder shape: all digits equal, or serial 0000.
    IdPlaceholder,
    /// Text of a citizen id (18 characters), for text functions.
    IdText,
    /// `listed('excludes', a, b)`: the pair stands in the list (both directions are written in the list if both are meant).
    Listed(super::graph::ListTag),
}
