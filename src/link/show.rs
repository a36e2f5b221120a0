//! What a person reads of a link run: the report, the parameters, one pair.

use std::collections::BTreeMap;
use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::{Found, Prepared};
use crate::linkage::{Band, CurvePoint, Explanation, Kind, Linkage, Model, RuleReason, probability};
use crate::schema::{TextKind, Value, citizen_id, mask};

/// `12.34` of millibits.
fn bits(weight: i32) -> String {
    format!("{:.2}", f64::from(weight) / 1000.0)
}

fn counted(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Report of a run: what blocking did, what was linked, what is to be known.
pub fn found_text(found: &Found) -> String {
    let report = &found.linkage.report;
    let model = &found.linkage.model;
    let mut out = String::new();
    let _ = writeln!(out, "{} records, {} pairs compared", counted(report.records), counted(report.pairs_compared));
    if let Some(same) = found.manifest.same_as_before {
        let _ = writeln!(
            out,
            "{} records are as they were: only pairs with one of the other {} were compared",
            counted(same),
            counted(report.records - same)
        );
    }
    let _ = writeln!(out, "\n  rule  records      largest block  pairs          links it alone met  keys");
    for (i, rule) in report.rules.iter().enumerate() {
        let refined =
            if rule.blocks_refined > 0 { format!("  ({} large blocks split)", counted(rule.blocks_refined)) } else { String::new() };
        let refused = if rule.records_refused > 0 {
            format!("  ({} records in blocks too large)", counted(rule.records_refused))
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "  {:<4}  {:<11}  {:<13}  {:<13}  {:<18}  {}{refined}{refused}",
            i + 1,
            counted(rule.records),
            counted(rule.largest_block),
            counted(rule.pairs),
            counted(rule.links_alone),
            rule.rule
        );
    }
    let _ = writeln!(
        out,
        "\nMatching pairs that no rule is expected to meet: about {}",
        counted(report.matches_missed.max(0.0).round() as u64)
    );
    let _ = writeln!(
        out,
        "{} links (weight {} or more, probability {:.4}), {} for review, {} groups, {} merges refused",
        counted(report.links),
        bits(model.accept),
        probability(model.accept),
        counted(report.reviews),
        counted(found.linkage.clusters.len() as u64),
        counted(found.linkage.refused.len() as u64)
    );
    if let Some(point) = model.curve.iter().min_by_key(|p| (p.weight - model.accept).abs()) {
        let _ = writeln!(out, "Estimated at that weight: precision {:.4}, recall {:.4}", point.precision, point.recall);
    }
    labelled(&mut out, &found.linkage);
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for household in &found.households {
        let kind = serde_json::to_value(household.kind).ok().and_then(|v| v.as_str().map(|s| s.replace('-', " "))).unwrap_or_default();
        *kinds.entry(kind).or_default() += 1;
    }
    if !kinds.is_empty() {
        let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{} {kind}", counted(*n))).collect();
        let _ = writeln!(out, "Pairs of households: {}", kinds.join(", "));
    }
    if !found.shared_ids.is_empty() {
        let _ = writeln!(out, "{} ids are used by several people", counted(found.shared_ids.len() as u64));
    }
    for c in &found.linkage.contradictions {
        let chain: Vec<&str> = c.chain.iter().map(|&row| found.key(row)).collect();
        let _ = writeln!(
            out,
            "Judgements contradict each other: {} and {} are judged different, and the same through {}",
            found.key(c.a),
            found.key(c.b),
            chain.join(" = ")
        );
    }
    if found.judgements_absent > 0 {
        let _ = writeln!(out, "{} judgements are about records that are not in the files", found.judgements_absent);
    }
    for message in &report.messages {
        let _ = writeln!(out, "Note: {message}");
    }
    out
}

/// The labelled pairs at the line, at the best line, and at the lowest line without a wrong link.
fn labelled(out: &mut String, linkage: &Linkage) {
    let Some(all) = linkage.labelled.first() else { return };
    let highest = |better: &dyn Fn(&CurvePoint, &CurvePoint) -> bool| {
        linkage.labelled.iter().fold(all, |best, p| if better(p, best) { p } else { best })
    };
    let at = linkage.labelled.iter().find(|p| p.weight >= linkage.model.accept);
    let best = highest(&|p, best| p.f1 > best.f1);
    let pure = linkage.labelled.iter().find(|p| p.precision >= 1.0);
    let _ = writeln!(out, "\nLabelled pairs       weight   pairs  precision  recall  F1");
    for (name, point) in [("at the line", at), ("highest F1", Some(best)), ("none wrong", pure)] {
        if let Some(p) = point {
            let _ = writeln!(
                out,
                "  {name:<17}  {:>7}  {:>6}  {:>9.4}  {:>6.4}  {:>6.4}",
                bits(p.weight),
                counted(p.pairs),
                p.precision,
                p.recall,
                p.f1
            );
        }
    }
}

/// Parameters of a model and how it came to them.
pub fn model_text(model: &Model) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Matching pairs: about {}; a link from weight {} on",
        counted(model.matches.max(0.0).round() as u64),
        bits(model.accept)
    );
    let _ = writeln!(out, "\n  pairs of different people  number               sampled");
    for class in &model.classes {
        let _ =
            writeln!(out, "  {:<25}  {:<19}  {}", word(&class.class), counted(class.pairs.max(0.0).round() as u64), counted(class.sampled));
    }
    let names: Vec<String> = model.classes.iter().map(|c| word(&c.class)).collect();
    for field in &model.fields {
        let _ = writeln!(
            out,
            "\n{}\n  {:<16}  {:<8}  {}  weight against the first",
            field.field,
            "level",
            "m",
            names.iter().map(|n| format!("{:<12}", format!("u {n}"))).collect::<String>()
        );
        for level in &field.levels {
            let us: String = level.u.iter().map(|u| format!("{:<12}", number(*u))).collect();
            let weight = level.u.first().map_or(0.0, |u| (level.m / u).log2());
            let _ = writeln!(out, "  {:<16}  {:<8}  {us}  {weight:+.2}", level.level, number(level.m));
        }
    }
    let c = &model.convergence;
    let ends = match (c.log_likelihood.first(), c.log_likelihood.last()) {
        (Some(first), Some(last)) => format!("log likelihood {first:.1} at first, {last:.1} at last"),
        _ => String::new(),
    };
    let _ = writeln!(
        out,
        "\n{} iterations over {} cells, {}; {ends}",
        c.iterations,
        counted(c.cells),
        if c.converged { "converged" } else { "not converged" }
    );
    for message in &model.messages {
        let _ = writeln!(out, "Note: {message}");
    }
    out
}

fn number(value: f64) -> String {
    if value >= 0.001 { format!("{value:.4}") } else { format!("{value:.1e}") }
}

fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// One pair as a waterfall that adds up, values masked.
pub fn pair_text(prepared: &Prepared, explanation: &Explanation) -> String {
    let e = explanation;
    let mut out = String::new();
    let decision = match (e.band, &e.refused) {
        (_, Some(refused)) => format!("not joined: {} ({})", word(&refused.conflict), "two records of the groups contradict each other"),
        (Band::Link, None) => "a link".to_owned(),
        (Band::Review, None) => "for review".to_owned(),
        (Band::No, None) => "no link".to_owned(),
    };
    let _ = writeln!(
        out,
        "{} and {}: {decision}; weight {} (probability {:.6}), a link from {} on",
        prepared.keys.get(e.a as usize),
        prepared.keys.get(e.b as usize),
        bits(e.weight),
        e.probability,
        bits(e.accept)
    );
    let mut rows = vec![["", "level", "first", "second", "bits", "together"].map(str::to_owned)];
    let mut together = e.prior;
    let prior = format!("before comparing, against {}", word(&e.rival));
    rows.push([prior, String::new(), String::new(), String::new(), signed(e.prior), bits(together)]);
    for field in &e.fields {
        together += field.weight;
        let kind = prepared.question.spec.fields.iter().find(|f| f.name == field.field).map(|f| f.kind);
        let value = |v: &Option<String>, row: u32| match (v, kind, &prepared.listings) {
            (None, ..) => "-".to_owned(),
            // The core knows a listing by its number alone.
            (Some(_), Some(Kind::Household), Some(listings)) => listings.get(row as usize).to_owned(),
            (Some(v), ..) => masked(v, kind),
        };
        let level = if field.derived { format!("{} (read off the id)", field.level) } else { field.level.clone() };
        rows.push([field.field.clone(), level, value(&field.a, e.a), value(&field.b, e.b), signed(field.weight), bits(together)]);
    }
    together += e.rivals;
    rows.push(["other explanations".to_owned(), String::new(), String::new(), String::new(), signed(e.rivals), bits(together)]);
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths[column] - cell.width());
            // Numbers stand to the right.
            line.push_str(&if column >= 4 { format!("{pad}{cell}  ") } else { format!("{cell}{pad}  ") });
        }
        let _ = writeln!(out, "  {}", line.trim_end());
    }
    for (field, note) in e.fields.iter().filter_map(|f| f.note.as_ref().map(|note| (&f.field, note))) {
        let _ = writeln!(out, "{field}: {note}");
    }
    let _ = writeln!(out, "In counts: {}", e.in_counts());
    if let Some((field, weight)) = &e.without_strongest {
        let alone = if e.rests_on_one_field { "; the link rests on it alone" } else { "" };
        let _ = writeln!(out, "Without {field}: {} bits{alone}", bits(*weight));
    }
    let (met, missed): (Vec<&RuleReason>, Vec<&RuleReason>) = e.rules.iter().partition(|rule| rule.met);
    let names: Vec<&str> = met.iter().map(|rule| rule.rule.as_str()).collect();
    let _ = writeln!(
        out,
        "Met by {}",
        if names.is_empty() { "no blocking rule: the pair was never compared".to_owned() } else { names.join("; ") }
    );
    for rule in missed {
        let _ = writeln!(out, "Not by {}: {}", rule.rule, rule.why);
    }
    out
}

fn signed(weight: i32) -> String {
    format!("{:+.2}", f64::from(weight) / 1000.0)
}

/// A value as people may see it without an authority.
fn masked(value: &str, kind: Option<Kind>) -> String {
    let text = |kind| mask(&Value::Text(value.into(), kind));
    match kind {
        Some(Kind::CitizenId) => citizen_id::parse(value).map_or_else(|_| text(TextKind::Account), |id| mask(&Value::CitizenId(id))),
        Some(Kind::PersonName | Kind::LatinName) => text(TextKind::PersonName),
        Some(Kind::Phone) => text(TextKind::Phone),
        Some(Kind::Account) => text(TextKind::Account),
        _ => value.to_owned(),
    }
}
