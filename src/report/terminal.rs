//! What a run found, in a few lines for the terminal.

use std::collections::{BTreeMap, BTreeSet};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::show::{Show, count, counted};
use super::words::{fill, word};
use super::{Options, unseen};
use crate::case::once;
use crate::finding::{Brief, Status};
use crate::run::{RunContent, severity_name, status_name};

/// `text` cut to `width` columns, with an ellipsis where something is left out.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        used += w;
        out.push(c);
    }
    out + "…"
}

fn pad(text: &str, width: usize, right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(text.width()));
    if right { space + text } else { text.to_owned() + &space }
}

/// How much was set aside by integrity rules, and how many exemptions could not be checked.
fn reserves(content: &RunContent, show: &Show<'_>) -> Vec<[String; 3]> {
    let line = |key: &str, n: u64, rules: usize| {
        let words = fill(show.lang, &format!("{key}_line"), &[("n", &count(n)), ("rules", &count(rules as u64))]);
        (n > 0).then(|| [show.word(key), String::new(), words])
    };
    let aside: Vec<u64> =
        content.outcomes.iter().filter(|o| !o.sets_aside.is_empty()).map(|o| o.flagged.units).filter(|n| *n > 0).collect();
    let unchecked: Vec<u64> = content.outcomes.iter().map(|o| o.unchecked.len() as u64).filter(|n| *n > 0).collect();
    let lines =
        [line("terminal_aside", aside.iter().sum(), aside.len()), line("terminal_unchecked", unchecked.iter().sum(), unchecked.len())];
    lines.into_iter().flatten().collect()
}

/// Rules with findings (most severe first), then rules that did not complete, then gaps, then totals. Lines fit into `width` columns.
pub fn summary(content: &RunContent, options: &Options, width: usize) -> String {
    let lang = options.lang;
    let show = Show::new(lang, options.reveal, &content.places);
    let mut case_of: BTreeMap<usize, u64> = BTreeMap::new();
    for case in &content.cases {
        case_of.extend(case.findings.iter().map(|&i| (i, case.rank)));
    }
    let mut by_rule: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, finding) in content.findings.briefs().iter().enumerate().filter(|(_, f)| !f.exempt) {
        by_rule.entry(&finding.rule).or_default().push(i);
    }
    let apart: BTreeSet<&str> =
        content.outcomes.iter().filter(|o| matches!(o.status, Status::Quarantined { .. })).map(|o| o.rule.as_str()).collect();
    let of = |rule: &str| by_rule.get(rule).into_iter().flatten().filter_map(|&i| content.findings.briefs().get(i));
    let mut ranked: Vec<(crate::finding::Severity, usize, &str)> = by_rule
        .iter()
        .filter(|(rule, _)| !apart.contains(*rule))
        .map(|(rule, all)| (of(rule).map(|f| f.severity).max().unwrap_or(crate::finding::Severity::Info), all.len(), *rule))
        .collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(b.2)));
    let mut rows: Vec<[String; 5]> = vec![];
    for (severity, n, rule) in ranked {
        let cases: BTreeSet<u64> = by_rule.get(rule).into_iter().flatten().filter_map(|i| case_of.get(i)).copied().collect();
        rows.push([
            show.word(&format!("severity_{}", severity_name(severity))),
            rule.to_owned(),
            counted(lang, "terminal_findings", n as u64),
            once(of(rule)).map(|m| show.money(Some(m))).unwrap_or_default(),
            counted(lang, "terminal_cases", cases.len() as u64),
        ]);
    }
    let skipped = unseen::skipped(content);
    let mut stopped: Vec<[String; 3]> = content
        .outcomes
        .iter()
        .filter_map(|o| match &o.status {
            Status::Completed => None,
            Status::Quarantined { reason } | Status::Skipped { reason } | Status::Failed { reason } => {
                // Rules that were not run for one reason share a line.
                let alike = skipped.iter().find(|(r, _)| r == reason).map_or(&[][..], |(_, rules)| rules);
                let name = match alike {
                    [first, _, ..] if *first != o.rule => return None,
                    [_, _, ..] => counted(lang, "terminal_rules", alike.len() as u64),
                    _ => o.rule.clone(),
                };
                Some([word(lang, &format!("status_{}", status_name(&o.status))).to_owned(), name, show.said(reason)])
            }
        })
        .collect();
    let gaps = content.outcomes.iter().flat_map(|o| show.gaps(o).into_iter().map(|gap| (o.rule.clone(), gap)));
    stopped.extend(gaps.map(|(rule, gap)| [show.word("terminal_gap"), rule, gap]));
    stopped.extend(reserves(content, &show));
    let first = rows.iter().map(|r| r[0].width()).chain(stopped.iter().map(|r| r[0].width())).max().unwrap_or(0);
    let second = rows.iter().map(|r| r[1].width()).chain(stopped.iter().map(|r| r[1].width())).max().unwrap_or(0);
    let widths: Vec<usize> = (2..5).map(|c| rows.iter().map(|r| r[c].width()).max().unwrap_or(0)).collect();
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(cut(text.trim_end(), width.max(20)).trim_end());
        out.push('\n');
    };
    for r in &rows {
        line(format!(
            "  {}  {}  {}  {}  {}",
            pad(&r[0], first, false),
            pad(&r[1], second, false),
            pad(&r[2], widths[0], true),
            pad(&r[3], widths[1], true),
            pad(&r[4], widths[2], true)
        ));
    }
    for r in &stopped {
        line(format!("  {}  {}  {}", pad(&r[0], first, false), pad(&r[1], second, false), r[2]));
    }
    // Codes are of one width: as many to a line as fit.
    let unseen = unseen::kinds(content);
    let label = fill(lang, "terminal_unseen", &[("kinds", "")]);
    let fits = (width.max(40) - label.width()) / 6;
    for (i, some) in unseen.chunks(fits.max(1)).enumerate() {
        let label = if i == 0 { label.clone() } else { " ".repeat(label.width()) };
        line(format!("{label}{}", some.join("  ")));
    }
    let with = |wanted: &str| count(content.outcomes.iter().filter(|o| status_name(&o.status) == wanted).count() as u64);
    let (all, completed, quarantined, skipped, failed) =
        (count(content.outcomes.len() as u64), with("completed"), with("quarantined"), with("skipped"), with("failed"));
    line(fill(
        lang,
        "terminal_result",
        &[("rules", &all), ("completed", &completed), ("quarantined", &quarantined), ("skipped", &skipped), ("failed", &failed)],
    ));
    let flagged: Vec<&Brief> = content.findings.briefs().iter().filter(|f| !f.exempt && !apart.contains(f.rule.as_str())).collect();
    let money = show.money(once(flagged.iter().copied()).or(Some(0)));
    let exempt = count(content.findings.briefs().iter().filter(|f| f.exempt).count() as u64);
    line(fill(
        lang,
        "terminal_total",
        &[
            ("findings", &counted(lang, "terminal_findings", flagged.len() as u64)),
            ("cases", &counted(lang, "terminal_cases", content.cases.len() as u64)),
            ("money", &money),
            ("exempt", &exempt),
        ],
    ));
    out
}
