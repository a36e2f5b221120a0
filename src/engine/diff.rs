//! What a change of rules changes: the same data judged by the old and by the new rules, finding by finding.

use std::collections::{BTreeMap, BTreeSet};

use super::{Audit, Options, audit};
use crate::diagnostic::Diagnostics;
use crate::finding::{Finding, Outcome};
use crate::project::Project;
use crate::rule::RuleFile;

/// How a rule's findings differ. A finding is the same when it is about the same unit, whatever it says.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDiff {
    pub rule: String,
    /// As it was and as it is now; none where the rule did not exist.
    pub before: Option<Outcome>,
    pub after: Option<Outcome>,
    pub same: usize,
    /// In the order of the audit. Exempt findings count as not flagged.
    pub gained: Vec<Finding>,
    pub lost: Vec<Finding>,
    /// Of those lost: how many are exempt now.
    pub now_exempt: usize,
}

impl RuleDiff {
    /// Money of findings in fen.
    pub fn money(findings: &[Finding]) -> i128 {
        findings.iter().filter_map(|f| f.amount).map(i128::from).sum()
    }
}

/// Judges the project's data by both sets of rules and compares them rule by rule. Rules whose text is the same on both sides are left
/// out, unless they set records aside for others.
///
/// # Errors
/// As [`audit`].
pub fn diff(project: &Project, old: &[RuleFile], new: &[RuleFile], options: &Options<'_>) -> Result<Vec<RuleDiff>, Diagnostics> {
    let unchanged: BTreeSet<&str> =
        old.iter().filter(|o| new.iter().any(|n| n.id() == o.id() && n.text.text == o.text.text)).map(RuleFile::id).collect();
    let needed = |files: &[RuleFile]| -> Vec<RuleFile> {
        files.iter().filter(|f| !unchanged.contains(f.id()) || !f.spec.validates.is_empty()).cloned().collect()
    };
    let (before, after) = (audit(project, &needed(old), options)?, audit(project, &needed(new), options)?);
    let (mut old_findings, mut new_findings) = (by_rule(&before), by_rule(&after));
    let rules: BTreeSet<&str> = before.outcomes.iter().chain(&after.outcomes).map(|o| o.rule.as_str()).collect();
    let outcome = |audit: &Audit, rule: &str| audit.outcomes.iter().find(|o| o.rule == rule).cloned();
    let mut out = vec![];
    for rule in rules.into_iter().filter(|rule| !unchanged.contains(rule)) {
        let (was, is) = (old_findings.remove(rule).unwrap_or_default(), new_findings.remove(rule).unwrap_or_default());
        let flagged = |all: &[Finding]| -> BTreeSet<String> { all.iter().filter(|f| !f.exempt).map(|f| f.key.clone()).collect() };
        let (keys_was, keys_is) = (flagged(&was), flagged(&is));
        let only = |all: &[Finding], other: &BTreeSet<String>| -> Vec<Finding> {
            all.iter().filter(|f| !f.exempt && !other.contains(&f.key)).cloned().collect()
        };
        let lost = only(&was, &keys_is);
        let exempt: BTreeSet<&str> = is.iter().filter(|f| f.exempt).map(|f| f.key.as_str()).collect();
        out.push(RuleDiff {
            rule: rule.to_owned(),
            before: outcome(&before, rule),
            after: outcome(&after, rule),
            same: keys_was.intersection(&keys_is).count(),
            gained: only(&is, &keys_was),
            now_exempt: lost.iter().filter(|f| exempt.contains(f.key.as_str())).count(),
            lost,
        });
    }
    Ok(out)
}

fn by_rule(audit: &Audit) -> BTreeMap<String, Vec<Finding>> {
    let mut all: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in audit.findings.iter() {
        all.entry(finding.rule.to_string()).or_default().push(finding);
    }
    all
}
