//! What a change of rules changes, for the terminal: rule by rule counts and money, and the first findings gained and lost.

use super::show::{Show, count, counted};
use crate::engine::RuleDiff;
use crate::finding::{Finding, Outcome, Status};

/// Text of all rules; of each at most `samples` findings gained and lost.
pub fn rule_diff(diffs: &[RuleDiff], show: &Show<'_>, samples: usize) -> String {
    let mut out = String::new();
    for diff in diffs {
        out.push_str(&format!("{}\n", diff.rule));
        for (name, outcome) in [("before", &diff.before), ("after", &diff.after)] {
            out.push_str(&format!("  {name:<7} {}\n", side(outcome.as_ref())));
        }
        let exempt = if diff.now_exempt > 0 { format!(" ({} exempt now)", count(diff.now_exempt as u64)) } else { String::new() };
        for (name, findings, note) in [("gained", &diff.gained, String::new()), ("lost", &diff.lost, exempt)] {
            let money = if findings.iter().any(|f| f.amount.is_some()) {
                format!(", {} yuan", show.money(Some(RuleDiff::money(findings))))
            } else {
                String::new()
            };
            out.push_str(&format!("  {name:<7} {}{money}{note}\n", counted(show.lang, "terminal_findings", findings.len() as u64)));
            for finding in findings.iter().take(samples) {
                out.push_str(&format!("            {}\n", sample(finding, show)));
            }
            if findings.len() > samples && samples > 0 {
                out.push_str(&format!("            and {} more\n", count((findings.len() - samples) as u64)));
            }
        }
        out.push_str(&format!("  same    {}\n", count(diff.same as u64)));
    }
    let all = |of: fn(&RuleDiff) -> &Vec<Finding>| diffs.iter().map(|d| of(d).len() as u64).sum::<u64>();
    let changed = diffs.iter().filter(|d| !d.gained.is_empty() || !d.lost.is_empty()).count();
    out.push_str(&format!(
        "{} compared, {} with other findings: {} gained, {} lost\n",
        if diffs.len() == 1 { "1 rule".to_owned() } else { format!("{} rules", diffs.len()) },
        count(changed as u64),
        count(all(|d| &d.gained)),
        count(all(|d| &d.lost)),
    ));
    out
}

fn side(outcome: Option<&Outcome>) -> String {
    let Some(o) = outcome else { return "no such rule".to_owned() };
    let status = match &o.status {
        Status::Completed => String::new(),
        Status::Quarantined { reason } => format!("; set apart: {reason}"),
        Status::Skipped { reason } => return format!("not run: {reason}"),
        Status::Failed { reason } => return format!("failed: {reason}"),
    };
    format!(
        "{} flagged, {} clear, {} exempt, {} not assessable of {}{status}",
        count(o.flagged.units),
        count(o.clear.units),
        count(o.exempt.units),
        count(o.not_assessable.units),
        count(o.population.units),
    )
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
