//! What a change of rules changes, for the terminal: rule by rule counts and money, and the first findings gained and lost.

use super::show::{Show, count, counted};
use super::words::{fill, word};
use crate::engine::RuleDiff;
use crate::finding::{Finding, Outcome, Status};

/// Text of all rules; of each at most `samples` findings gained and lost.
pub fn rule_diff(diffs: &[RuleDiff], show: &Show<'_>, samples: usize) -> String {
    let mut out = String::new();
    for diff in diffs {
        out.push_str(&format!("{}\n", diff.rule));
        let w = |key: &'static str| word(show.lang, key);
        for (name, outcome) in [("diff_before", &diff.before), ("diff_after", &diff.after)] {
            out.push_str(&format!("  {} {}\n", w(name), side(outcome.as_ref(), show)));
        }
        let exempt =
            if diff.now_exempt > 0 { fill(show.lang, "diff_exempt", &[("n", &count(diff.now_exempt as u64))]) } else { String::new() };
        for (name, findings, note) in [("diff_gained", &diff.gained, String::new()), ("diff_lost", &diff.lost, exempt)] {
            let money = if findings.iter().any(|f| f.amount.is_some()) {
                fill(show.lang, "diff_money", &[("money", &show.money(Some(RuleDiff::money(findings))))])
            } else {
                String::new()
            };
            out.push_str(&format!("  {} {}{money}{note}\n", w(name), counted(show.lang, "terminal_findings", findings.len() as u64)));
            for finding in findings.iter().take(samples) {
                out.push_str(&format!("            {}\n", sample(finding, show)));
            }
            if findings.len() > samples && samples > 0 {
                let more = fill(show.lang, "diff_more", &[("n", &count((findings.len() - samples) as u64))]);
                out.push_str(&format!("            {more}\n"));
            }
        }
        out.push_str(&format!("  {} {}\n", w("diff_same"), count(diff.same as u64)));
    }
    let all = |of: fn(&RuleDiff) -> &Vec<Finding>| diffs.iter().map(|d| of(d).len() as u64).sum::<u64>();
    let changed = diffs.iter().filter(|d| !d.gained.is_empty() || !d.lost.is_empty()).count();
    let values = [
        ("rules", counted(show.lang, "terminal_rules", diffs.len() as u64)),
        ("changed", count(changed as u64)),
        ("gained", count(all(|d| &d.gained))),
        ("lost", count(all(|d| &d.lost))),
    ];
    out.push_str(&fill(show.lang, "diff_result", &values.each_ref().map(|(name, value)| (*name, value.as_str()))));
    out.push('\n');
    out
}

fn side(outcome: Option<&Outcome>, show: &Show<'_>) -> String {
    let Some(o) = outcome else { return show.word("diff_no_rule") };
    let because = |key: &str, reason: &str| fill(show.lang, key, &[("reason", &show.said(reason))]);
    let status = match &o.status {
        Status::Completed => String::new(),
        Status::Quarantined { reason } => because("diff_apart", reason),
        Status::Skipped { reason } => return because("diff_not_run", reason),
        Status::Failed { reason } => return because("diff_failed", reason),
    };
    let values = [
        ("flagged", count(o.flagged.units)),
        ("clear", count(o.clear.units)),
        ("exempt", count(o.exempt.units)),
        ("not_assessable", count(o.not_assessable.units)),
        ("population", count(o.population.units)),
        ("status", status),
    ];
    fill(show.lang, "diff_side", &values.each_ref().map(|(name, value)| (*name, value.as_str())))
}

/// Record, subject and what the finding says, masked.
fn sample(finding: &Finding, show: &Show<'_>) -> String {
    let record = finding.evidence.iter().find(|r| r.role == "record").map(|r| {
        let key: Vec<String> = r.key.iter().map(|(_, value)| show.value(value)).collect();
        format!("{} {}: ", r.table, key.join("/"))
    });
    let subject = finding.subjects.first().map(|s| format!("{}: ", show.subject(s)));
    format!("{}{}", record.or(subject).unwrap_or_default(), show.message(&finding.message))
}
