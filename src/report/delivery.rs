//! A delivery against tables and rules, for the terminal.

use unicode_width::UnicodeWidthStr;

use super::Lang;
use super::show::count;
use super::words::{fill, word};
use crate::engine::{Delivery, Hindrance};
use crate::table::FileMatch;

/// What maps, what is missing, what that leaves out. Lists are broken to fit into `width` columns.
pub fn delivery(delivery: &Delivery, lang: Lang, width: usize) -> String {
    let width = width.max(60);
    let mut out = String::new();
    let there = delivery.tables.iter().filter(|t| !t.files.is_empty());
    for table in there.clone() {
        out.push_str(&format!("{}\n", table.table));
        for file in &table.files {
            of_file(&mut out, file, lang, width);
        }
    }
    let absent: Vec<&str> = delivery.tables.iter().filter(|t| t.files.is_empty()).map(|t| t.table.as_str()).collect();
    listed(&mut out, word(lang, "delivery_no_file"), &absent, width);
    let strays: Vec<String> = delivery
        .strays
        .iter()
        .map(|s| match &s.near {
            Some(near) => fill(lang, "delivery_near", &[("name", &s.file), ("near", near)]),
            None => s.file.clone(),
        })
        .collect();
    listed(&mut out, word(lang, "delivery_stray"), &strays.iter().map(String::as_str).collect::<Vec<_>>(), width);
    for hindered in &delivery.hindered {
        let (key, table, column) = match &hindered.why {
            Hindrance::NoTable { table } => ("delivery_no_table", table, None),
            Hindrance::Blocked { table, column } => ("delivery_blocked", table, column.as_ref()),
            Hindrance::NoColumn { table, column } => ("delivery_no_column", table, Some(column)),
        };
        let name = column.map_or_else(|| table.clone(), |column| format!("{table}.{column}"));
        let head = fill(lang, key, &[("name", &name), ("n", &count(hindered.rules.len() as u64))]);
        listed(&mut out, &head, &hindered.rules.iter().map(String::as_str).collect::<Vec<_>>(), width);
    }
    listed(&mut out, word(lang, "delivery_unseen"), &delivery.unseen.iter().map(String::as_str).collect::<Vec<_>>(), width);
    let n = |n: usize| count(n as u64);
    let values = [
        ("tables", n(there.count())),
        ("all", n(delivery.tables.len())),
        ("ready", n(delivery.ready)),
        ("rules", n(delivery.rules)),
        ("unseen", n(delivery.unseen.len())),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    out.push_str(&fill(lang, "delivery_result", &values));
    out.push('\n');
    out
}

fn of_file(out: &mut String, file: &FileMatch, lang: Lang, width: usize) {
    out.push_str(&format!("  {}\n", file.file));
    if let Some(problem) = &file.unreadable {
        wrapped(out, word(lang, "delivery_unreadable"), std::slice::from_ref(problem), width);
        return;
    }
    let columns: Vec<String> =
        file.columns.iter().map(|c| if c.column == c.header { c.column.clone() } else { format!("{} ← {}", c.column, c.header) }).collect();
    wrapped(out, word(lang, "delivery_read"), &columns, width);
    let missing = |optional: bool| -> Vec<String> {
        let gaps = file.missing.iter().filter(|gap| gap.optional == optional);
        gaps.map(|gap| match (&gap.twice[..], &gap.near) {
            ([_, ..], _) => fill(lang, "delivery_twice", &[("name", &gap.column), ("headers", &gap.twice.join(", "))]),
            (_, Some(near)) => fill(lang, "delivery_near", &[("name", &gap.column), ("near", near)]),
            _ => gap.column.clone(),
        })
        .collect()
    };
    wrapped(out, word(lang, "delivery_missing"), &missing(false), width);
    wrapped(out, word(lang, "delivery_without"), &missing(true), width);
    let unused: Vec<String> = file
        .unused
        .iter()
        .map(|u| match &u.near {
            Some(near) => fill(lang, "delivery_near", &[("name", &u.header), ("near", near)]),
            None => u.header.clone(),
        })
        .collect();
    wrapped(out, word(lang, "delivery_unused"), &unused, width);
}

/// A line of its own, then the items under it.
fn listed(out: &mut String, head: &str, items: &[&str], width: usize) {
    if items.is_empty() {
        return;
    }
    out.push_str(&format!("{head}\n"));
    let items: Vec<String> = items.iter().map(|i| (*i).to_owned()).collect();
    wrapped(out, "", &items, width);
}

/// `label  item, item, ...` over as many lines as it takes, those after the first indented under the items.
fn wrapped(out: &mut String, label: &str, items: &[String], width: usize) {
    const LABEL: usize = 10;
    let indent = if label.is_empty() { 2 } else { 4 + LABEL };
    let mut line =
        if label.is_empty() { " ".repeat(indent) } else { format!("    {label}{}", " ".repeat(LABEL.saturating_sub(label.width()))) };
    let mut used = line.width();
    for (i, item) in items.iter().enumerate() {
        let text = if i + 1 < items.len() { format!("{item}, ") } else { item.clone() };
        if used > indent && used + text.trim_end().width() > width {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(indent);
            used = indent;
        }
        used += text.width();
        line.push_str(&text);
    }
    if !items.is_empty() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
}
