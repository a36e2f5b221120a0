//! From findings to ranked cases.

use std::collections::{BTreeMap, BTreeSet};

use super::number::numbers;
use super::score::score;
use super::{Case, RuleCard, once};
use crate::finding::{Brief, Subject};
use crate::schema::{TextKind, Value};

/// What `build` needs besides findings and rules.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The project's secret: case numbers are keyed by it.
    pub key: [u8; 32],
    /// Rules whose result is quarantined: their findings stay in the run, but make no case.
    pub set_apart: BTreeSet<String>,
}

/// Subjects with a value, case key first.
fn subjects(finding: &Brief) -> impl Iterator<Item = &Subject> {
    finding.subjects.iter().filter(|s| s.value != Value::Null)
}

/// The household of each person, where the findings name exactly one.
fn homes(findings: &[Brief]) -> BTreeMap<&Value, &Subject> {
    let mut all: BTreeMap<&Value, BTreeSet<&Subject>> = BTreeMap::new();
    for finding in findings {
        if let Some(first) = subjects(finding).next()
            && first.entity == "person"
        {
            let homes = subjects(finding).filter(|s| s.entity == "household");
            all.entry(&first.value).or_default().extend(homes);
        }
    }
    all.into_iter()
        .filter_map(|(person, homes)| (homes.len() == 1).then(|| homes.into_iter().next().map(|h| (person, h))).flatten())
        .collect()
}

/// Whose case a finding belongs to: the household of the person it is about, else its first subject, else its own unit.
fn owner(finding: &Brief, homes: &BTreeMap<&Value, &Subject>) -> Subject {
    let Some(first) = subjects(finding).next() else {
        return Subject { entity: "record".into(), value: Value::Text((&*finding.key).into(), TextKind::Code) };
    };
    if first.entity == "person" {
        if let Some(household) = subjects(finding).find(|s| s.entity == "household") {
            return household.clone();
        }
        if let Some(household) = homes.get(&first.value) {
            return (*household).clone();
        }
    }
    first.clone()
}

/// Ranked cases of `findings`; positions in the result are positions in `findings`. The order of `findings` and `rules` changes nothing else.
///
/// A person's findings join the household's case (of the household the finding names, else of the only one other findings name for
/// that person); subjects "also involved" do not merge. Exempt findings are counted with the case, never scored, and make no case alone.
pub fn build(findings: &[Brief], rules: &[RuleCard], options: &Options) -> Vec<Case> {
    let families: BTreeMap<&str, &str> = rules.iter().map(|r| (r.id.as_str(), r.family.as_str())).collect();
    let homes = homes(findings);
    let mut groups: BTreeMap<Subject, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (i, finding) in findings.iter().enumerate().filter(|(_, f)| !options.set_apart.contains(f.rule.as_str())) {
        let (flagged, exempt) = groups.entry(owner(finding, &homes)).or_default();
        if finding.exempt { exempt.push(i) } else { flagged.push(i) }
    }
    groups.retain(|_, (flagged, _)| !flagged.is_empty());
    let names = numbers(&groups.keys().collect::<Vec<_>>(), &options.key);
    let mut cases: Vec<Case> = groups
        .into_iter()
        .zip(names)
        .map(|((subject, (mut flagged, mut exempt)), number)| {
            let by_weight = |&a: &usize, &b: &usize| {
                let (a, b) = (&findings[a], &findings[b]);
                b.severity.cmp(&a.severity).then(b.amount.cmp(&a.amount)).then(a.rule.cmp(&b.rule)).then(a.key.cmp(&b.key))
            };
            flagged.sort_by(by_weight);
            exempt.sort_by(by_weight);
            let of_case = || flagged.iter().map(|&i| &findings[i]);
            let amount = once(of_case());
            let also: BTreeSet<&Subject> = of_case().flat_map(subjects).filter(|s| **s != subject).collect();
            Case {
                number,
                rank: 0,
                also: also.into_iter().cloned().collect(),
                region: of_case().find_map(|f| f.region),
                severity: of_case().map(|f| f.severity).max().unwrap_or(crate::finding::Severity::Info),
                amount,
                score: score(of_case(), &families, amount),
                subject,
                findings: flagged,
                exempt,
            }
        })
        .collect();
    cases.sort_by(|a, b| b.score.total.cmp(&a.score.total).then(b.amount.cmp(&a.amount)).then_with(|| a.subject.cmp(&b.subject)));
    for (i, case) in cases.iter_mut().enumerate() {
        case.rank = i as u64 + 1;
    }
    cases
}
