//! Typing of `+ - * / %`: money and numbers, dates and intervals.

use std::ops::Range;

use super::checker::{Checker, Typed, hint};
use super::syntax::{Ast, Operator};
use super::types::{common, is_number, is_text, words};
use super::{BinaryOp, ExprId, Function, UnaryOp};
use crate::schema::Type;

impl Checker<'_> {
    pub(crate) fn arithmetic(&mut self, op: Operator, a: Typed, b: Typed, left: &Ast, right: &Ast, range: &Range<usize>) -> Option<Typed> {
        let (a, b) = match (op, a, b) {
            (_, Typed::Value(a), Typed::Value(b)) => (a, b),
            (Operator::Add | Operator::Subtract, Typed::Value(date), interval) => return self.moved(op, date, left, interval),
            (Operator::Add, interval, Typed::Value(date)) => return self.moved(op, date, right, interval),
            _ => {
                return self.fail(
                    "type-mismatch",
                    range.clone(),
                    "intervals are only added to dates or taken off them",
                    "write `d + days(30)`",
                    None,
                );
            }
        };
        let (ta, tb) = (self.ty(a), self.ty(b));
        for (ty, ast) in [(ta, left), (tb, right)] {
            if ty == Type::Null {
                return self.fail("type-mismatch", ast.range.clone(), "arithmetic with null gives nothing", "null", None);
            }
        }
        let symbol = self.written(&(left.range.end..right.range.start)).trim().to_owned();
        let money = (ta == Type::Money, tb == Type::Money);
        let (a, b, op, ty) = match op {
            Operator::Multiply => match money {
                (true, true) => {
                    return self.fail(
                        "type-mismatch",
                        range.clone(),
                        "money cannot be multiplied by money",
                        "one side must be a plain number",
                        None,
                    );
                }
                (true, false) if is_number(tb) => (a, b, BinaryOp::Multiply, Type::Money),
                (false, true) if is_number(ta) => (b, a, BinaryOp::Multiply, Type::Money),
                _ => {
                    let (a, b) = self.numbers(a, b, &symbol, left, right, range)?;
                    let ty = if self.ty(a) == Type::Int { Type::Int } else { Type::Decimal(6) };
                    (a, b, BinaryOp::Multiply, ty)
                }
            },
            Operator::Divide => match money {
                (true, true) => (a, b, BinaryOp::Divide, Type::Decimal(6)),
                (true, false) if is_number(tb) => (a, b, BinaryOp::Divide, Type::Money),
                (false, true) if is_number(ta) => {
                    return self.fail(
                        "money-and-number",
                        range.clone(),
                        "a plain number cannot be divided by money",
                        "number / money",
                        Some("divide money by money, or money by a number".to_owned()),
                    );
                }
                _ => {
                    let (a, b) = self.numbers(a, b, &symbol, left, right, range)?;
                    (a, b, BinaryOp::Divide, Type::Decimal(6))
                }
            },
            _ => {
                if op == Operator::Subtract && matches!(ta, Type::Date | Type::Month) && matches!(tb, Type::Date | Type::Month) {
                    if ta == Type::Month && tb == Type::Month {
                        return Some(Typed::Value(self.call_node(Function::MonthsBetween, vec![b, a], Type::Int)));
                    }
                    let (a, b) = (self.coerced(a, Type::Date, &left.range)?, self.coerced(b, Type::Date, &right.range)?);
                    return Some(Typed::Value(self.call_node(Function::DaysBetween, vec![b, a], Type::Int)));
                }
                let (a, b) = if money.0 || money.1 {
                    self.met(a, &left.range, b, &right.range)?
                } else {
                    self.numbers(a, b, &symbol, left, right, range)?
                };
                let op = match op {
                    Operator::Add => BinaryOp::Add,
                    Operator::Subtract => BinaryOp::Subtract,
                    _ => BinaryOp::Remainder,
                };
                (a, b, op, self.ty(a))
            }
        };
        Some(Typed::Value(self.binary_node(op, a, b, ty)))
    }
    fn numbers(&mut self, a: ExprId, b: ExprId, symbol: &str, left: &Ast, right: &Ast, _range: &Range<usize>) -> Option<(ExprId, ExprId)> {
        let mut good = true;
        for (id, ast) in [(a, left), (b, right)] {
            let ty = self.ty(id);
            if !is_number(ty) && ty != Type::Money {
                good = false;
                let help = match ty {
                    Type::Date | Type::Month => Some(
                        "move a date by an interval: `d + days(30)`, `d + months(3)`; the days between two are `days(a, b)`".to_owned(),
                    ),
                    t if is_text(t) => Some("texts are joined by `||`".to_owned()),
                    t => hint(t, Type::Int),
                };
                self.fail::<()>(
                    "type-mismatch",
                    ast.range.clone(),
                    format!("`{symbol}` needs numbers or money, found {}", words(ty)),
                    format!("this is {}", words(ty)),
                    help,
                );
            }
        }
        if !good {
            return None;
        }
        let Some(ty) = common(self.ty(a), self.ty(b)) else { return self.met(a, &left.range, b, &right.range) };
        Some((self.coerced(a, ty, &left.range)?, self.coerced(b, ty, &right.range)?))
    }
    /// A date or month moved by an interval.
    fn moved(&mut self, op: Operator, date: ExprId, ast: &Ast, interval: Typed) -> Option<Typed> {
        let (n, function) = match interval {
            Typed::Days(n) => (n, Function::AddDays),
            Typed::Months(n) => (n, Function::AddMonths),
            Typed::Value(_) => return None,
        };
        let n = if op == Operator::Subtract { self.unary(UnaryOp::Negate, n, Type::Int) } else { n };
        let from = self.ty(date);
        let (date, ty) = match (from, function) {
            (Type::Month, Function::AddMonths) => (date, Type::Month),
            _ => (self.coerced(date, Type::Date, &ast.range)?, Type::Date),
        };
        Some(Typed::Value(self.call_node(function, vec![date, n], ty)))
    }
}
