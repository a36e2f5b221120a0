//! A condition over a run's findings, in SQL syntax: `severity >= 'high' and amount > 10000`.

use std::cmp::Ordering;

use sqlparser::ast::{BinaryOperator, Expr, InTarget, UnaryOperator, Value as Literal};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::RunContent;
use crate::case::Case;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::finding::{Finding, Severity};
use crate::schema::{self, Value};

/// Fields a condition may name, with what they hold.
pub const FIELDS: [(&str, &str); 15] = [
    ("rule", "id of the rule"),
    ("family", "pack of the rule"),
    ("severity", "info < low < medium < high < critical"),
    ("amount", "yuan"),
    ("region", "12 digits"),
    ("date", "2019-06-10"),
    ("period", "text of the period"),
    ("measure", "what ranks findings of one rule"),
    ("entity", "person, household, account ..."),
    ("subject", "key of the first subject"),
    ("case", "number of the case"),
    ("rank", "rank of the case"),
    ("exempt", "true or false"),
    ("records", "records of evidence"),
    ("key", "finding key"),
];

/// A parsed condition.
#[derive(Debug)]
pub struct Filter {
    condition: Expr,
}

#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Bool(bool),
    Text(String),
    /// In units of 10^-9.
    Number(i128),
    Severity(Severity),
}

const SCALE: u32 = 9;
const UNIT: i128 = 10i128.pow(SCALE);

/// What a condition may ask of one finding.
struct Row<'a> {
    finding: &'a Finding,
    case: Option<&'a Case>,
}

impl Filter {
    /// # Errors
    /// `bad-condition`: no condition in SQL syntax, a field or form that is not known.
    pub fn parse(text: &str) -> Result<Filter, Diagnostics> {
        let wrong = |why: String| {
            Diagnostics::from(
                Diagnostic::error("bad-condition", format!("`{text}` is not a condition on findings: {why}"))
                    .help("write it as `severity >= 'high' and amount > 10000`"),
            )
        };
        let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).map_err(|e| wrong(e.to_string()))?;
        let condition = parser.parse_expr().map_err(|e| wrong(e.to_string()))?;
        let rest = parser.next_token();
        if rest.token != sqlparser::tokenizer::Token::EOF {
            return Err(wrong(format!("`{rest}` is left over")));
        }
        check(&condition, true)?;
        Ok(Filter { condition })
    }

    /// Positions of the findings for which the condition is true, with the position of their case; ranked findings first, in rank order.
    pub fn select(&self, content: &RunContent) -> Vec<(usize, Option<usize>)> {
        let mut case_of = vec![None; content.findings.len()];
        for (c, case) in content.cases.iter().enumerate() {
            for &finding in case.findings.iter().chain(&case.exempt) {
                if let Some(slot) = case_of.get_mut(finding) {
                    *slot = Some(c);
                }
            }
        }
        let mut chosen: Vec<(usize, Option<usize>)> = case_of
            .into_iter()
            .enumerate()
            .filter(|&(i, case)| {
                let case = case.and_then(|c| content.cases.get(c));
                content.findings.get(i).is_some_and(|f| eval(&self.condition, &Row { finding: &f, case }) == Cell::Bool(true))
            })
            .collect();
        chosen.sort_by_key(|&(finding, case)| (case.is_none(), case, finding));
        chosen
    }
}

fn unsupported(expr: &Expr) -> Diagnostics {
    Diagnostic::error("bad-condition", format!("`{expr}` cannot stand in a condition on findings"))
        .help("comparisons, `and`, `or`, `not`, `in`, `between`, `like` and `is null` can")
        .into()
}

/// Field names and forms, before any finding is looked at. `logical`: must be true or false.
fn check(expr: &Expr, logical: bool) -> Result<(), Diagnostics> {
    match expr {
        Expr::Nested(inner) => check(inner, logical),
        Expr::Identifier(name) => {
            let names = || FIELDS.iter().map(|(name, _)| *name);
            if !names().any(|known| known == name.value) {
                let problem = Diagnostic::error("bad-condition", format!("findings have no field `{}`", name.value));
                return Err(match nearest(&name.value, names()) {
                    Some(near) => problem.help(format!("a similar field exists: `{near}`")),
                    None => problem.help(format!("fields: {}", names().collect::<Vec<_>>().join(", "))),
                }
                .into());
            }
            if logical && name.value != "exempt" { Err(unsupported(expr)) } else { Ok(()) }
        }
        Expr::Value(value) => match &value.value {
            Literal::Boolean(_) => Ok(()),
            Literal::Number(..) | Literal::SingleQuotedString(_) | Literal::Null if !logical => Ok(()),
            _ => Err(unsupported(expr)),
        },
        Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => check(inner, true),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } if !logical => check(inner, false),
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => check(left, true).and_then(|()| check(right, true)),
        Expr::BinaryOp { left, op, right } if comparison(op, Ordering::Equal).is_some() => {
            check(left, false)?;
            check(right, false)?;
            severity_words(left, std::slice::from_ref(&**right))?;
            severity_words(right, std::slice::from_ref(&**left))
        }
        Expr::In { expr: inner, target: InTarget::List(list), .. } => {
            list.iter().try_for_each(|item| check(item, false))?;
            severity_words(inner, list)?;
            check(inner, false)
        }
        Expr::Between { expr: inner, low, high, .. } => {
            severity_words(inner, &[(**low).clone(), (**high).clone()])?;
            [inner, low, high].into_iter().try_for_each(|part| check(part, false))
        }
        Expr::Like { expr: inner, pattern, escape_char: None, any: false, .. } => check(inner, false).and_then(|()| check(pattern, false)),
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => check(inner, false),
        _ => Err(unsupported(expr)),
    }
}

/// A text beside `severity` must be one of its words.
fn severity_words(field: &Expr, others: &[Expr]) -> Result<(), Diagnostics> {
    if !matches!(field, Expr::Identifier(name) if name.value == "severity") {
        return Ok(());
    }
    for other in others {
        if let Expr::Value(value) = other
            && let Literal::SingleQuotedString(word) = &value.value
            && severity(word).is_none()
        {
            return Err(Diagnostic::error("bad-condition", format!("`{word}` is no severity"))
                .help("info, low, medium, high or critical")
                .into());
        }
    }
    Ok(())
}

fn severity(word: &str) -> Option<Severity> {
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|s| super::severity_name(*s) == word)
}

fn comparison(op: &BinaryOperator, order: Ordering) -> Option<bool> {
    Some(match op {
        BinaryOperator::Eq => order.is_eq(),
        BinaryOperator::NotEq => order.is_ne(),
        BinaryOperator::Lt => order.is_lt(),
        BinaryOperator::LtEq => order.is_le(),
        BinaryOperator::Gt => order.is_gt(),
        BinaryOperator::GtEq => order.is_ge(),
        _ => return None,
    })
}

fn order(left: &Cell, right: &Cell) -> Option<Ordering> {
    match (left, right) {
        (Cell::Bool(a), Cell::Bool(b)) => Some(a.cmp(b)),
        (Cell::Text(a), Cell::Text(b)) => Some(a.cmp(b)),
        (Cell::Number(a), Cell::Number(b)) => Some(a.cmp(b)),
        (Cell::Severity(a), Cell::Severity(b)) => Some(a.cmp(b)),
        (Cell::Severity(a), Cell::Text(b)) => severity(b).map(|b| a.cmp(&b)),
        (Cell::Text(a), Cell::Severity(b)) => severity(a).map(|a| a.cmp(b)),
        _ => None,
    }
}

/// Kleene logic: what is unknown is neither.
fn eval(expr: &Expr, row: &Row<'_>) -> Cell {
    let logical = |value: Option<bool>| value.map_or(Cell::Null, Cell::Bool);
    let truth = |expr: &Expr| if let Cell::Bool(b) = eval(expr, row) { Some(b) } else { None };
    let turned = |value: Option<bool>, negated: bool| logical(value.map(|b| b != negated));
    match expr {
        Expr::Nested(inner) => eval(inner, row),
        Expr::Identifier(name) => field(&name.value, row),
        Expr::Value(value) => match &value.value {
            Literal::Boolean(b) => Cell::Bool(*b),
            Literal::Number(text, _) => number(text),
            Literal::SingleQuotedString(text) => Cell::Text(text.clone()),
            _ => Cell::Null,
        },
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => logical(truth(expr).map(|b| !b)),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match eval(expr, row) {
            Cell::Number(n) => Cell::Number(-n),
            _ => Cell::Null,
        },
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => logical(match (truth(left), truth(right)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }),
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => logical(match (truth(left), truth(right)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        }),
        Expr::BinaryOp { left, op, right } => logical(order(&eval(left, row), &eval(right, row)).and_then(|o| comparison(op, o))),
        Expr::In { expr, target: InTarget::List(list), negated, .. } => {
            let value = eval(expr, row);
            let found: Vec<Option<bool>> = list.iter().map(|item| order(&value, &eval(item, row)).map(Ordering::is_eq)).collect();
            let any = if found.contains(&Some(true)) {
                Some(true)
            } else if found.contains(&None) {
                None
            } else {
                Some(false)
            };
            turned(any, *negated)
        }
        Expr::Between { expr, negated, low, high } => {
            let value = eval(expr, row);
            let above = order(&value, &eval(low, row)).map(Ordering::is_ge);
            let below = order(&value, &eval(high, row)).map(Ordering::is_le);
            turned(above.zip(below).map(|(a, b)| a && b), *negated)
        }
        Expr::Like { negated, expr, pattern, .. } => match (eval(expr, row), eval(pattern, row)) {
            (Cell::Text(text), Cell::Text(pattern)) => turned(Some(like(&text, &pattern)), *negated),
            _ => Cell::Null,
        },
        Expr::IsNull(inner) => Cell::Bool(eval(inner, row) == Cell::Null),
        Expr::IsNotNull(inner) => Cell::Bool(eval(inner, row) != Cell::Null),
        _ => Cell::Null,
    }
}

fn number(text: &str) -> Cell {
    schema::number::parse_decimal(text, SCALE as u8).map_or(Cell::Null, |units| Cell::Number(i128::from(units)))
}

fn field(name: &str, row: &Row<'_>) -> Cell {
    let Row { finding, case } = row;
    let text = |text: &str| Cell::Text(text.to_string());
    match name {
        "rule" => text(&finding.rule),
        "family" => text(finding.rule.split('/').next().unwrap_or_default()),
        "severity" => Cell::Severity(finding.severity),
        "amount" => finding.amount.map_or(Cell::Null, |fen| Cell::Number(i128::from(fen) * (UNIT / 100))),
        "region" => finding.region.map_or(Cell::Null, |code| Cell::Text(schema::region::text(code))),
        "date" => finding.date.map_or(Cell::Null, |day| Cell::Text(schema::format(&Value::Date(day)))),
        "period" => finding.period.as_ref().map_or(Cell::Null, value),
        "measure" => finding.measure.as_ref().map_or(Cell::Null, value),
        "entity" => finding.subjects.first().map_or(Cell::Null, |s| text(&s.entity)),
        "subject" => finding.subjects.first().map_or(Cell::Null, |s| text(&schema::format(&s.value))),
        "case" => case.map_or(Cell::Null, |case| text(&case.number)),
        "rank" => case.map_or(Cell::Null, |case| Cell::Number(i128::from(case.rank) * UNIT)),
        "exempt" => Cell::Bool(finding.exempt),
        "records" => Cell::Number((finding.evidence.len() as i128 + i128::from(finding.evidence_omitted)) * UNIT),
        "key" => text(&finding.key),
        _ => Cell::Null,
    }
}

fn value(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(b) => Cell::Bool(*b),
        Value::Int(n) => Cell::Number(i128::from(*n) * UNIT),
        Value::Decimal { units, scale } => Cell::Number(i128::from(*units) * 10i128.pow(SCALE.saturating_sub(u32::from(*scale)))),
        Value::Money(fen) => Cell::Number(i128::from(*fen) * (UNIT / 100)),
        other => Cell::Text(schema::format(other)),
    }
}

/// `%` any part, `_` one character.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    // Row by row: does the pattern so far match the text so far?
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for &p in &pattern {
        let mut next = vec![false; text.len() + 1];
        next[0] = reach[0] && p == '%';
        for i in 0..text.len() {
            next[i + 1] = match p {
                '%' => reach[i + 1] || next[i],
                '_' => reach[i],
                c => reach[i] && text[i] == c,
            };
        }
        reach = next;
    }
    reach[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture;

    #[test]
    fn patterns() {
        for (text, pattern, wanted) in [
            ("funds/a", "funds/%", true),
            ("funds/a", "%a", true),
            ("ab", "a_", true),
            ("ab", "a", false),
            ("", "%", true),
            ("", "_", false),
        ] {
            assert_eq!(like(text, pattern), wanted, "{text} {pattern}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        let problem = |text: &str| Filter::parse(text).unwrap_err().0[0].clone();
        assert!(problem("severty = 'high'").help[0].contains("`severity`"));
        for text in ["severity = 'heigh'", "amount + 1 > 2", "amount >", "amount > 1 2", "amount", "f(amount) = 1", "rule in (select 1)"] {
            assert_eq!(problem(text).code, "bad-condition", "{text}");
        }
    }

    /// Each condition chooses what a plain loop over the findings chooses.
    #[test]
    fn conditions_choose_findings() {
        let content = fixture::small();
        assert!(!content.findings.is_empty());
        type Plain = fn(&crate::finding::Finding) -> bool;
        let cases: [(&str, Plain); 9] = [
            ("true", |_| true),
            ("severity >= 'high'", |f| f.severity >= Severity::High),
            ("not (severity >= 'high')", |f| f.severity < Severity::High),
            ("amount > 100", |f| f.amount.is_some_and(|a| a > 10_000)),
            ("amount is null or amount <= 100", |f| f.amount.is_none_or(|a| a <= 10_000)),
            ("exempt", |f| f.exempt),
            ("rule like 'funds/%'", |f| f.rule.starts_with("funds/")),
            ("severity in ('low', 'critical') and not exempt", |f| matches!(f.severity, Severity::Low | Severity::Critical) && !f.exempt),
            ("date between '2019-01-01' and '2019-12-31'", |f| f.date.is_some_and(|d| (17897..=18261).contains(&d))),
        ];
        for (condition, plain) in cases {
            let mut chosen: Vec<usize> = Filter::parse(condition).unwrap().select(&content).into_iter().map(|(f, _)| f).collect();
            chosen.sort_unstable();
            let wanted: Vec<usize> = (0..content.findings.len()).filter(|&i| content.findings.get(i).as_ref().is_some_and(plain)).collect();
            assert_eq!(chosen, wanted, "{condition}");
        }
    }
}
