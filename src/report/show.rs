//! Values as people read them: grouped digits, words for yes and no, and masked unless the report is revealed.

use std::collections::BTreeMap;

use super::words::{Lang, fill, said, word};
use crate::finding::{Cell, Localised, Message, Outcome, Piece, Subject};
use crate::run::Place;
use crate::schema::{self, TextKind, Value};

/// Digits in a row from which a plain text may hold a phone, an account or an id.
const LONG_RUN: usize = 11;
/// Digits in a delivered text, however separated, from which it may hold an id.
const MANY_DIGITS: usize = 15;

/// How values of one report are shown.
pub struct Show<'a> {
    pub lang: Lang,
    pub reveal: bool,
    pub(super) places: BTreeMap<i64, &'a Place>,
}

impl<'a> Show<'a> {
    pub fn new(lang: Lang, reveal: bool, places: &'a [Place]) -> Self {
        Show { lang, reveal, places: places.iter().map(|p| (p.code, p)).collect() }
    }

    pub fn word(&self, key: &str) -> String {
        word(self.lang, key).to_owned()
    }

    /// A text of the program's own in the reader's language.
    pub fn said(&self, text: &str) -> String {
        said(self.lang, text)
    }

    pub fn local<'t>(&self, text: &'t Localised) -> &'t str {
        text.get(self.lang.code())
    }

    pub fn value(&self, value: &Value) -> String {
        match value {
            Value::Null => "—".to_owned(),
            Value::Bool(b) => self.word(if *b { "yes" } else { "no" }),
            // Four digits may be a year.
            Value::Int(n) if n.unsigned_abs() < 10_000 => n.to_string(),
            Value::Int(_) | Value::Decimal { .. } | Value::Money(_) => group(&schema::format(value)),
            Value::Region(code) => match self.places.get(code) {
                Some(place) => format!("{} {}", place.name, schema::format(value)),
                None => schema::format(value),
            },
            _ if self.reveal => schema::format(value),
            Value::Text(text, TextKind::Plain) => mask_runs(text),
            _ => schema::mask(value),
        }
    }

    /// As `value`, in the form machines read: no grouping, no name with a region, empty where missing.
    pub fn machine(&self, value: &Value) -> String {
        match value {
            _ if self.reveal => schema::format(value),
            Value::Text(text, TextKind::Plain) => mask_runs(text),
            _ => schema::mask(value),
        }
    }

    /// The delivered text of a cell, if it says something that the value used does not.
    pub fn delivered(&self, cell: &Cell) -> Option<String> {
        let delivered = cell.delivered.as_deref()?;
        if delivered == schema::format(&cell.used) {
            return None;
        }
        Some(self.raw(delivered, &cell.used))
    }

    /// A delivered text that became `used` (nothing, where it did not parse).
    pub fn raw(&self, delivered: &str, used: &Value) -> String {
        if self.reveal {
            return delivered.to_owned();
        }
        match used {
            Value::CitizenId(_) | Value::Text(_, TextKind::Phone | TextKind::Account) => keep_last_digits(delivered),
            Value::Text(_, TextKind::PersonName) => schema::mask(&Value::Text(delivered.into(), TextKind::PersonName)),
            Value::Null | Value::Text(..) if delivered.chars().filter(|c| is_digit(*c)).count() >= MANY_DIGITS => {
                keep_last_digits(delivered)
            }
            Value::Null | Value::Text(..) => mask_runs(delivered),
            _ => delivered.to_owned(),
        }
    }

    /// What is wrong with a delivered cell; the text quotes the cell.
    pub fn problem(&self, delivered: &str, problem: &str) -> String {
        let said = self.said(problem);
        let cell = delivered.trim();
        if self.reveal || cell.is_empty() {
            return said;
        }
        mask_runs(&said.replace(&format!("`{cell}`"), &format!("`{}`", self.raw(cell, &Value::Null))))
    }

    pub fn pieces(&self, pieces: &[Piece]) -> String {
        pieces
            .iter()
            .map(|p| match p {
                Piece::Text(text) => text.to_string(),
                Piece::Value(value) => self.value(value),
            })
            .collect()
    }

    pub fn message(&self, message: &Message) -> String {
        message.get(self.lang.code()).or_else(|| message.values().next()).map(|p| self.pieces(p)).unwrap_or_default()
    }

    pub fn subject(&self, subject: &Subject) -> String {
        format!("{} {}", self.entity(&subject.entity), self.value(&subject.value))
    }

    /// Entities have words in the catalogue; others are shown as written.
    pub fn entity(&self, entity: &str) -> String {
        let key = format!("entity_{entity}");
        if super::words::known(self.lang, &key) { self.word(&key) } else { entity.to_owned() }
    }

    /// Parameters without a value in force and results without a value, where a rule met them.
    pub fn gaps(&self, outcome: &Outcome) -> Vec<String> {
        let parameters = outcome.parameter_gaps.iter();
        let mut lines: Vec<String> =
            parameters.map(|(name, n)| fill(self.lang, "gap_line", &[("name", name), ("n", &count(*n))])).collect();
        if outcome.arithmetic_gaps > 0 {
            lines.push(fill(self.lang, "arithmetic_line", &[("n", &count(outcome.arithmetic_gaps))]));
        }
        lines
    }

    /// What an integrity rule set aside, and exemptions that could not be checked.
    pub fn reserves(&self, outcome: &Outcome) -> Vec<String> {
        let separator = self.word("list_separator");
        let unchecked = outcome
            .unchecked
            .iter()
            .map(|u| fill(self.lang, "unchecked_line", &[("tables", &u.tables.join(&separator)), ("says", self.local(&u.says))]));
        let aside = (!outcome.sets_aside.is_empty() && outcome.flagged.units > 0).then(|| {
            fill(self.lang, "set_aside_line", &[("n", &count(outcome.flagged.units)), ("what", &outcome.sets_aside.join(&separator))])
        });
        aside.into_iter().chain(unchecked).collect()
    }

    pub fn date(&self, days: i32) -> String {
        schema::format(&Value::Date(days))
    }

    pub fn money(&self, fen: Option<i128>) -> String {
        fen.map_or_else(|| "—".to_owned(), |f| group(&yuan(f)))
    }

    /// Names from the county down, `青岩县 › 石门镇 › 上寨村`; the code where it is unknown.
    pub fn place(&self, code: Option<i64>) -> String {
        let Some(code) = code else { return self.word("no_place") };
        let mut names = vec![];
        let mut at = self.places.get(&code).copied();
        while let Some(place) = at {
            if place.level < 3 && !names.is_empty() || names.len() > 5 {
                break;
            }
            names.push(place.name.as_str());
            at = place.parent.and_then(|p| self.places.get(&p).copied());
        }
        if names.is_empty() {
            return schema::format(&Value::Region(code));
        }
        names.reverse();
        names.join(" › ")
    }
}

/// Fen as yuan with two decimals.
pub fn yuan(fen: i128) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let abs = fen.unsigned_abs();
    format!("{sign}{}.{:02}", abs / 100, abs % 100)
}

/// `1234567.5` -> `1,234,567.5`.
pub fn group(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |r| ("-", r));
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    if !whole.bytes().all(|b| b.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut grouped = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(c);
    }
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

pub fn count(n: u64) -> String {
    group(&n.to_string())
}

/// The words of `key` for `n` things; one thing has words of its own.
pub fn counted(lang: Lang, key: &str, n: u64) -> String {
    let one = format!("{key}_one");
    fill(lang, if n == 1 { &one } else { key }, &[("n", &count(n))])
}

/// `part` in `whole` times `per`, one decimal, rounded half up, never 0 where there is some; nothing where `whole` is zero.
pub fn rate(part: u64, whole: u64, per: u64) -> Option<String> {
    let (part, whole, per) = (u128::from(part), u128::from(whole), u128::from(per));
    if whole == 0 {
        return None;
    }
    let tenths = (part * per * 10 * 2 + whole) / (whole * 2);
    if tenths == 0 && part > 0 {
        return Some("<0.1".to_owned());
    }
    Some(format!("{}.{}", group(&(tenths / 10).to_string()), tenths % 10))
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || ('０'..='９').contains(&c)
}

/// Runs of eleven digits or more (an x at the end counts) keep their last four.
fn mask_runs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run: Vec<char> = vec![];
    let flush = |run: &mut Vec<char>, out: &mut String| {
        let hidden = if run.len() >= LONG_RUN { run.len() - 4 } else { 0 };
        out.extend(run.iter().enumerate().map(|(i, &c)| if i < hidden { '*' } else { c }));
        run.clear();
    };
    for c in text.chars() {
        if is_digit(c) || (matches!(c, 'x' | 'X' | 'Ｘ') && run.len() >= 14) {
            run.push(c);
        } else {
            flush(&mut run, &mut out);
            out.push(c);
        }
    }
    flush(&mut run, &mut out);
    out
}

/// Letters and digits but the last four become stars.
fn keep_last_digits(text: &str) -> String {
    let total = text.chars().filter(|c| c.is_alphanumeric()).count();
    let hidden = total - (total / 4).min(4);
    let mut seen = 0;
    text.chars()
        .map(|c| {
            if !c.is_alphanumeric() {
                return c;
            }
            seen += 1;
            if seen <= hidden { '*' } else { c }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_digits() {
        for (from, to) in [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-1234567.50", "-1,234,567.50"), ("n/a", "n/a")] {
            assert_eq!(group(from), to);
        }
        assert_eq!(yuan(-5), "-0.05");
        assert_eq!(yuan(i128::from(i64::MAX)), "92233720368547758.07");
    }

    #[test]
    fn rates_are_rounded_half_up() {
        assert_eq!(rate(1, 3, 1000).as_deref(), Some("333.3"));
        assert_eq!(rate(2, 3, 100).as_deref(), Some("66.7"));
        assert_eq!(rate(1, 2000, 100).as_deref(), Some("0.1"));
        assert_eq!((rate(1, 0, 100), rate(1, 9_000, 100).as_deref(), rate(0, 9, 100).as_deref()), (None, Some("<0.1"), Some("0.0")));
    }

    #[test]
    fn plain_texts_hide_what_may_be_an_id() {
        assert_eq!(mask_runs("tel 13985130001, gate 4"), "tel *******0001, gate 4");
        assert_eq!(mask_runs("52230119450307241X"), "**************241X");
        assert_eq!(mask_runs("20191231 H00017 X"), "20191231 H00017 X");
        assert_eq!(keep_last_digits("522301 19450307 241x"), "****** ******** 241x");
        assert_eq!(keep_last_digits("张三"), "**");
        let show = Show::new(Lang::En, false, &[]);
        assert_eq!(show.raw("522301 19450307 2411", &Value::Null), "****** ******** 2411");
        assert_eq!(show.raw("2019-06-10 10:22:33", &Value::Null), "2019-06-10 10:22:33");
        assert_eq!(show.raw("4120.5", &Value::Money(412_050)), "4120.5");
    }
}
