//! Why a subject was not flagged, for the terminal. Personal values are masked.

use super::show::{Show, count};
use super::words::{fill, word};
use crate::check::Reason;
use crate::engine::{Became, Condition, Joined, Looked, UnitWhy, WhyNot};
use crate::finding::ExemptionResult;
use crate::schema::{self, Value};

/// The answer in words: for each unit what became of it, the conditions that decide, and the least that would have to change.
pub fn why_not(why: &WhyNot, show: &Show<'_>) -> String {
    if let Some(reason) = &why.not_run {
        return fill(show.lang, "why_not_run", &[("rule", &why.rule), ("reason", &show.said(reason))]) + "\n";
    }
    let mut out = String::new();
    if why.matching == 0 {
        let values = [("rule", why.rule.as_str()), ("unit", &show.said(&why.unit)), ("n", &count(why.searched as u64))];
        out.push_str(&fill(show.lang, "why_no_unit", &values));
        out.push('\n');
        // What would be masked helps nobody.
        let shown = |values: &Vec<Value>| {
            let plain = values.iter().all(|v| schema::mask(v) == schema::format(v));
            plain.then(|| values.iter().map(schema::format).collect::<Vec<_>>().join("/"))
        };
        let near: Vec<String> = why.near.iter().filter_map(shown).collect();
        if !near.is_empty() {
            line(&mut out, 2, &fill(show.lang, "why_alike", &[("list", &near.join(&show.word("list_separator")))]));
        }
        return out;
    }
    for unit in &why.units {
        of_unit(&mut out, why, unit, show);
    }
    if why.matching > why.units.len() {
        line(&mut out, 0, &fill(show.lang, "why_more", &[("n", &count((why.matching - why.units.len()) as u64))]));
    }
    out
}

fn of_unit(out: &mut String, why: &WhyNot, unit: &UnitWhy, show: &Show<'_>) {
    let key: Vec<String> = unit.key.iter().map(|v| show.value(v)).collect();
    out.push_str(&format!("{} · {} {}\n  {}\n", why.rule, show.said(&why.unit), key.join("/"), became(unit, show)));
    match unit.became {
        Became::Outside => {
            let failing: Vec<&Condition> = unit.population.iter().filter(|c| c.holds != Some(true)).collect();
            line(out, 2, word(show.lang, "why_population"));
            failing.iter().for_each(|c| condition(out, c, show, 2));
            if failing.iter().any(|c| c.joined != Joined::Alone) {
                changes(out, failing.iter().flat_map(|c| c.to_change()), show);
            }
            return;
        }
        Became::NotAssessable(reason) => {
            let open = unit.population.iter().chain(unit.assessable.iter().filter(|(_, r)| *r == reason).map(|(c, _)| c));
            open.filter(|c| c.holds != Some(true)).for_each(|c| condition(out, c, show, 2));
        }
        _ => {}
    }
    if let Some(flag) = &unit.flag {
        condition(out, flag, show, 2);
        if matches!(unit.became, Became::Clear | Became::NotAssessable(Reason::MissingValue | Reason::Unreadable | Reason::NotCovered)) {
            // Of a condition without parts the line above says it all.
            if flag.joined != Joined::Alone {
                changes(out, flag.to_change(), show);
            }
        }
    }
    unit.registers.iter().for_each(|looked| register(out, looked, show));
    if matches!(unit.became, Became::Clear) && !unit.registers.is_empty() {
        let nearest: Vec<&Condition> =
            unit.registers.iter().flat_map(|l| &l.pairs).map(Condition::to_change).min_by_key(Vec::len).unwrap_or_default();
        if unit.registers.iter().flat_map(|l| &l.pairs).any(|pair| pair.joined != Joined::Alone) {
            changes(out, nearest, show);
        }
    }
    for check in &unit.exemptions {
        let result = show.word(match check.result {
            ExemptionResult::Holds => "exemption_holds",
            ExemptionResult::DoesNotHold => "exemption_does_not_hold",
            ExemptionResult::Unknown => "why_unknown_exemption",
            ExemptionResult::NotDelivered => "exemption_not_delivered",
        });
        line(out, 2, &fill(show.lang, "why_exemption", &[("result", &result), ("says", show.local(&check.says))]));
    }
    if !unit.figures.is_empty() {
        let values: Vec<String> = unit.figures.iter().map(|(name, value)| format!("{name} = {}", show.figure(name, value))).collect();
        line(out, 2, &fill(show.lang, "why_values", &[("list", &values.join("; "))]));
    }
    for parameter in &unit.parameters {
        let values = [("name", &*parameter.name), ("value", &show.value(&parameter.value)), ("source", &*parameter.source)];
        line(out, 2, &fill(show.lang, "why_parameter", &values));
    }
}

/// One line, `indent` from the left.
fn line(out: &mut String, indent: usize, text: &str) {
    out.push_str(&" ".repeat(indent));
    out.push_str(text);
    out.push('\n');
}

fn became(unit: &UnitWhy, show: &Show<'_>) -> String {
    let key = match unit.became {
        Became::Outside => "why_outside",
        Became::Clear if unit.flag.is_none() && unit.registers.iter().all(|l| l.rows == 0) => "why_no_row",
        Became::Clear => "why_clear",
        Became::Exempt => "why_exempt",
        Became::Flagged => "why_flagged",
        Became::NotAssessable(reason) => {
            let reason = match reason {
                Reason::Unreadable => "why_reason_unreadable",
                Reason::NotCovered => "why_reason_not_covered",
                Reason::NotDue => "why_reason_not_due",
                Reason::FailedIntegrity => "why_reason_failed_integrity",
                Reason::TooFew => "why_reason_too_few",
                Reason::NotApplicable => "why_reason_not_applicable",
                Reason::MissingValue => "why_reason_missing_value",
            };
            return fill(show.lang, "why_not_assessable", &[("reason", word(show.lang, reason))]);
        }
    };
    show.word(key)
}

fn register(out: &mut String, looked: &Looked, show: &Show<'_>) {
    let covered = word(
        show.lang,
        match looked.covered {
            Some(true) => "why_covers",
            Some(false) => "why_covers_not",
            None => "why_covers_unknown",
        },
    );
    let key = match looked.rows {
        0 => "why_register_empty",
        1 => "why_register_one",
        _ => "why_register_rows",
    };
    let n = count(looked.rows as u64);
    line(out, 2, &fill(show.lang, key, &[("register", &looked.register), ("covered", covered), ("n", &n)]));
    looked.pairs.iter().for_each(|pair| condition(out, pair, show, 4));
}

/// A condition with what it comes to, its parts below it.
fn condition(out: &mut String, c: &Condition, show: &Show<'_>, indent: usize) {
    let truth = word(
        show.lang,
        match c.holds {
            Some(true) => "why_true",
            Some(false) => "why_false",
            None => "why_unknown",
        },
    );
    match c.joined {
        Joined::Alone => {
            let mut values: Vec<String> = c.values.iter().map(|(name, value)| format!("{} = {}", short(name), show.value(value))).collect();
            values.extend(c.distance.as_ref().map(|d| apart(d, show)));
            let values = if values.is_empty() { String::new() } else { format!("   ({})", values.join("; ")) };
            line(out, indent, &format!("{truth}  {}{values}", short(&c.text)));
        }
        joined => {
            let key = if joined == Joined::All { "why_all" } else { "why_any" };
            line(out, indent, &format!("{truth}  {}", word(show.lang, key)));
            c.parts.iter().for_each(|part| condition(out, part, show, indent + 2));
        }
    }
}

/// The least that would have to change, where the conditions above leave a choice.
fn changes<'c>(out: &mut String, needed: impl IntoIterator<Item = &'c Condition>, show: &Show<'_>) {
    for c in needed {
        let distance = c.distance.as_ref().map(|d| fill(show.lang, "why_apart_after", &[("apart", &apart(d, show))]));
        let values = [("condition", &*short(&c.text)), ("apart", distance.as_deref().unwrap_or_default())];
        line(out, 2, &fill(show.lang, "why_would_hold", &values));
    }
}

/// How far the sides of a comparison are apart.
fn apart(distance: &Value, show: &Show<'_>) -> String {
    match distance {
        Value::Int(0) | Value::Money(0) => show.word("why_equal"),
        other => fill(show.lang, "why_apart", &[("value", &show.value(other))]),
    }
}

/// Long conditions are cut; what they read stands beside them.
fn short(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}
