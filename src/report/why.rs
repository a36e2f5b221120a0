//! Why a subject was not flagged, for the terminal. Personal values are masked.

use super::show::{Show, count};
use crate::check::Reason;
use crate::engine::{Became, Condition, Joined, Looked, UnitWhy, WhyNot};
use crate::finding::ExemptionResult;
use crate::schema::{self, Value};

/// The answer in words: for each unit what became of it, the conditions that decide, and the least that would have to change.
pub fn why_not(why: &WhyNot, show: &Show<'_>) -> String {
    if let Some(reason) = &why.not_run {
        return format!("{} was not run: {reason}\n", why.rule);
    }
    let mut out = String::new();
    if why.matching == 0 {
        out.push_str(&format!("{}: no {} among {} is the subject's.\n", why.rule, why.unit, count(why.searched as u64)));
        // What would be masked helps nobody.
        let shown = |values: &Vec<Value>| {
            let plain = values.iter().all(|v| schema::mask(v) == schema::format(v));
            plain.then(|| values.iter().map(schema::format).collect::<Vec<_>>().join("/"))
        };
        let near: Vec<String> = why.near.iter().filter_map(shown).collect();
        if !near.is_empty() {
            out.push_str(&format!("  Begin alike: {}\n", near.join(", ")));
        }
        return out;
    }
    for unit in &why.units {
        of_unit(&mut out, why, unit, show);
    }
    if why.matching > why.units.len() {
        out.push_str(&format!("{} more of the subject's are not shown\n", count((why.matching - why.units.len()) as u64)));
    }
    out
}

fn of_unit(out: &mut String, why: &WhyNot, unit: &UnitWhy, show: &Show<'_>) {
    let key: Vec<String> = unit.key.iter().map(|v| show.value(v)).collect();
    out.push_str(&format!("{} · {} {}\n  {}\n", why.rule, why.unit, key.join("/"), became(unit)));
    match unit.became {
        Became::Outside => {
            let failing: Vec<&Condition> = unit.population.iter().filter(|c| c.holds != Some(true)).collect();
            out.push_str("  To be in the population would have to hold\n");
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
        let result = match check.result {
            ExemptionResult::Holds => "holds",
            ExemptionResult::DoesNotHold => "does not hold",
            ExemptionResult::Unknown => "cannot be told",
            ExemptionResult::NotDelivered => "cannot be told, its table was not delivered",
        };
        out.push_str(&format!("  exemption {result}: {}\n", show.local(&check.says)));
    }
    if !unit.figures.is_empty() {
        let values: Vec<String> = unit.figures.iter().map(|(name, value)| format!("{name} = {}", show.value(value))).collect();
        out.push_str(&format!("  values: {}\n", values.join("; ")));
    }
    for parameter in &unit.parameters {
        out.push_str(&format!("  parameter {} = {} ({})\n", parameter.name, show.value(&parameter.value), parameter.source));
    }
}

fn became(unit: &UnitWhy) -> String {
    match unit.became {
        Became::Outside => "not in the population: its conditions do not hold".to_owned(),
        Became::Clear if unit.flag.is_none() && unit.registers.iter().all(|l| l.rows == 0) => {
            "not flagged: no register holds a row for it".to_owned()
        }
        Became::Clear => "not flagged: the condition is false".to_owned(),
        Became::Exempt => "not flagged: exempt".to_owned(),
        Became::Flagged => "flagged".to_owned(),
        Became::NotAssessable(reason) => format!(
            "not assessable: {}",
            match reason {
                Reason::Unreadable => "a cell that the rule reads could not be read, or a link finds several rows",
                Reason::NotCovered => "the register does not cover its place and day",
                Reason::NotDue => "the window is not over at the as-of date",
                Reason::FailedIntegrity => "an integrity rule set the record aside",
                Reason::TooFew => "too few records for the test",
                Reason::NotApplicable => "the test does not apply",
                Reason::MissingValue => "a value that the rule needs is missing",
            }
        ),
    }
}

fn register(out: &mut String, looked: &Looked, show: &Show<'_>) {
    let covered = match looked.covered {
        Some(true) => "which covers the record",
        Some(false) => "which does not cover the record",
        None => "which cannot be told to cover the record",
    };
    match looked.rows {
        0 => out.push_str(&format!("  {}: no row, in a register {covered}\n", looked.register)),
        n => {
            out.push_str(&format!("  {}: {}\n", looked.register, if n == 1 { "1 row".to_owned() } else { format!("{n} rows") }));
            looked.pairs.iter().for_each(|pair| condition(out, pair, show, 4));
        }
    }
}

/// A condition with what it comes to, its parts below it.
fn condition(out: &mut String, c: &Condition, show: &Show<'_>, indent: usize) {
    let truth = match c.holds {
        Some(true) => "true   ",
        Some(false) => "false  ",
        None => "unknown",
    };
    let space = " ".repeat(indent);
    match c.joined {
        Joined::Alone => {
            let mut values: Vec<String> = c.values.iter().map(|(name, value)| format!("{} = {}", short(name), show.value(value))).collect();
            values.extend(c.distance.as_ref().map(|d| apart(d, show)));
            let values = if values.is_empty() { String::new() } else { format!("   ({})", values.join("; ")) };
            out.push_str(&format!("{space}{truth}  {}{values}\n", short(&c.text)));
        }
        joined => {
            let word = if joined == Joined::All { "all of" } else { "one of" };
            out.push_str(&format!("{space}{truth}  {word}\n"));
            c.parts.iter().for_each(|part| condition(out, part, show, indent + 2));
        }
    }
}

/// The least that would have to change, where the conditions above leave a choice.
fn changes<'c>(out: &mut String, needed: impl IntoIterator<Item = &'c Condition>, show: &Show<'_>) {
    for c in needed {
        let distance = c.distance.as_ref().map_or(String::new(), |d| format!("; {}", apart(d, show)));
        out.push_str(&format!("  would have to hold: {}{distance}\n", short(&c.text)));
    }
}

/// How far the sides of a comparison are apart.
fn apart(distance: &Value, show: &Show<'_>) -> String {
    match distance {
        Value::Int(0) | Value::Money(0) => "the two are equal".to_owned(),
        other => format!("{} apart", show.value(other)),
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
