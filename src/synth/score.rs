//! How well a run's findings agree with what was planted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::truth::{Role, Truth, TruthRow};
use crate::finding::{EvidenceRow, Finding};
use crate::schema::Value;

/// Recall per kind, precision per rule, and the cases behind the numbers.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Score {
    /// By kind. Kinds that no rule covers are listed with `covered` false and count nowhere else.
    pub kinds: Vec<KindScore>,
    /// By rule; rules that cover no kind are left out.
    pub rules: Vec<RuleScore>,
    pub totals: Totals,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct KindScore {
    pub kind: String,
    pub covered: bool,
    /// Rules that cover the kind.
    pub rules: Vec<String>,
    pub planted: usize,
    pub found: usize,
    /// Planted cases that were only flagged as exempt: they count as missed.
    pub exempted: usize,
    /// `found / planted`; none when nothing is planted.
    pub recall: Option<f64>,
    pub lookalikes: usize,
    /// Look-alikes flagged without an exemption.
    pub lookalikes_flagged: usize,
    /// Look-alikes flagged, with an exemption that says why not.
    pub lookalikes_exempt: usize,
    /// Planted cases not found.
    pub missed: Vec<Missed>,
    /// Look-alikes flagged.
    pub wrong: Vec<Missed>,
}

/// A planted case that was missed, or a look-alike that was flagged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Missed {
    pub truth_no: String,
    /// `table key` of its first records.
    pub records: Vec<String>,
    pub subject: String,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RuleScore {
    pub rule: String,
    pub kinds: Vec<String>,
    /// Findings without those exempt. `planted + other_kind + lookalike + background`.
    pub flagged: usize,
    /// Findings on planted cases of the rule's kinds.
    pub planted: usize,
    /// Findings on cases planted for another kind: neither right nor wrong.
    pub other_kind: usize,
    pub lookalike: usize,
    /// Findings on nothing that was planted.
    pub background: usize,
    pub exempt: usize,
    /// `planted / (planted + lookalike + background)`; none when that is nothing.
    pub precision: Option<f64>,
    /// First records of the findings on background, at most ten.
    pub background_records: Vec<String>,
}

/// Sums over the covered kinds and their rules.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Totals {
    pub kinds: usize,
    pub covered: usize,
    pub planted: usize,
    pub found: usize,
    pub recall: Option<f64>,
    pub lookalikes: usize,
    pub lookalikes_flagged: usize,
    pub precision: Option<f64>,
}

/// A case of the truth and what the findings say of it.
pub(super) struct Case<'a> {
    pub(super) first: &'a TruthRow,
    records: Vec<String>,
    pub(super) found: bool,
    exempted: bool,
    /// Rules with a finding on it that is not exempt, and how many.
    pub(super) by: BTreeMap<&'a str, usize>,
}

/// Compares findings with the truth.
///
/// `covers` gives the kinds each rule is meant to find, by rule id. A finding speaks of a case if one of its evidence records is a record
/// of the case; where no record agrees, if one of its subjects is the case's subject. A case of several records is found when one
/// finding speaks of it.
pub fn score(findings: &[Finding], covers: &BTreeMap<String, Vec<String>>, truth: &Truth) -> Score {
    let (cases, rules) = judge(findings, covers, truth);
    let rules: Vec<RuleScore> = rules.into_values().map(RuleScore::finish).collect();
    let kinds = kind_scores(&cases, covers);
    let totals = totals(&kinds, &rules);
    Score { kinds, rules, totals }
}

/// What the findings say of each case, in the order of the truth, and of each rule.
pub(super) fn judge<'a>(
    findings: &[Finding],
    covers: &'a BTreeMap<String, Vec<String>>,
    truth: &'a Truth,
) -> (Vec<Case<'a>>, BTreeMap<&'a str, RuleScore>) {
    let mut cases: Vec<Case> = Vec::new();
    let mut by_number: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_record: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut by_subject: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for row in &truth.rows {
        let n = *by_number.entry(&row.truth_no).or_insert_with(|| {
            cases.push(Case { first: row, records: vec![], found: false, exempted: false, by: BTreeMap::new() });
            by_subject.entry(&row.subject).or_default().push(cases.len() - 1);
            cases.len() - 1
        });
        let record = format!("{} {}", row.table, row.key);
        by_record.entry(record.clone()).or_default().push(n);
        cases[n].records.push(record);
    }

    let mut rules: BTreeMap<&'a str, RuleScore> = covers.iter().map(|(rule, kinds)| (rule.as_str(), RuleScore::new(rule, kinds))).collect();
    for finding in findings {
        let Some((name, _)) = covers.get_key_value(finding.rule.as_str()) else { continue };
        let Some(rule) = rules.get_mut(name.as_str()) else { continue };
        let records: BTreeSet<usize> =
            finding.evidence.iter().filter_map(|e| by_record.get(&format!("{} {}", e.table, key_text(e)))).flatten().copied().collect();
        let subjects: BTreeSet<usize> =
            finding.subjects.iter().filter_map(|s| by_subject.get(value_text(&s.value).as_str())).flatten().copied().collect();
        let of = |among: &BTreeSet<usize>, role: Role| -> Vec<usize> {
            let fits = |n: &&usize| cases[**n].first.role == role && rule.kinds.contains(&cases[**n].first.kind);
            among.iter().filter(fits).copied().collect()
        };
        // Records speak before subjects: a person may have both a planted case and a look-alike.
        let (mut planted, mut alike) = (of(&records, Role::Planted), of(&records, Role::Lookalike));
        if planted.is_empty() && alike.is_empty() {
            (planted, alike) = (of(&subjects, Role::Planted), of(&subjects, Role::Lookalike));
        }
        if finding.exempt {
            rule.exempt += 1;
            planted.iter().chain(&alike).for_each(|&n| cases[n].exempted = true);
            continue;
        }
        rule.flagged += 1;
        let speaks_of = if planted.is_empty() { &alike } else { &planted };
        for &n in speaks_of {
            cases[n].found = true;
            *cases[n].by.entry(name).or_default() += 1;
        }
        if !planted.is_empty() {
            rule.planted += 1;
        } else if !alike.is_empty() {
            rule.lookalike += 1;
        } else if records.iter().chain(&subjects).any(|&n| cases[n].first.role == Role::Planted) {
            rule.other_kind += 1;
        } else {
            rule.background += 1;
            if rule.background_records.len() < 10 {
                rule.background_records.push(finding.evidence.first().map_or_else(String::new, |e| format!("{} {}", e.table, key_text(e))));
            }
        }
    }

    (cases, rules)
}

fn kind_scores(cases: &[Case], covers: &BTreeMap<String, Vec<String>>) -> Vec<KindScore> {
    let mut kinds: BTreeMap<&str, KindScore> = BTreeMap::new();
    for case in cases {
        let kind = case.first.kind.as_str();
        let score = kinds.entry(kind).or_insert_with(|| {
            let rules: Vec<String> = covers.iter().filter(|(_, k)| k.iter().any(|x| x == kind)).map(|(r, _)| r.clone()).collect();
            KindScore {
                kind: kind.to_string(),
                covered: !rules.is_empty(),
                rules,
                planted: 0,
                found: 0,
                exempted: 0,
                recall: None,
                lookalikes: 0,
                lookalikes_flagged: 0,
                lookalikes_exempt: 0,
                missed: vec![],
                wrong: vec![],
            }
        });
        match (case.first.role, case.found) {
            (Role::Planted, true) => {
                score.planted += 1;
                score.found += 1;
            }
            (Role::Planted, false) => {
                score.planted += 1;
                score.exempted += usize::from(case.exempted);
                score.missed.push(case.listed());
            }
            (Role::Lookalike, found) => {
                score.lookalikes += 1;
                score.lookalikes_flagged += usize::from(found);
                score.lookalikes_exempt += usize::from(!found && case.exempted);
                if found {
                    score.wrong.push(case.listed());
                }
            }
        }
    }
    let mut kinds: Vec<KindScore> = kinds.into_values().collect();
    for k in kinds.iter_mut().filter(|k| k.covered) {
        k.recall = ratio(k.found, k.planted);
    }
    kinds
}

fn totals(kinds: &[KindScore], rules: &[RuleScore]) -> Totals {
    let mut t = Totals { kinds: kinds.len(), ..Totals::default() };
    for k in kinds.iter().filter(|k| k.covered) {
        t.covered += 1;
        t.planted += k.planted;
        t.found += k.found;
        t.lookalikes += k.lookalikes;
        t.lookalikes_flagged += k.lookalikes_flagged;
    }
    t.recall = ratio(t.found, t.planted);
    let right: usize = rules.iter().map(|r| r.planted).sum();
    let wrong: usize = rules.iter().map(|r| r.lookalike + r.background).sum();
    t.precision = ratio(right, right + wrong);
    t
}

impl Score {
    /// The kinds as CSV; the recall as a share of one, empty where nothing is planted or no rule covers the kind.
    pub fn csv(&self) -> String {
        let mut text = String::from("kind,planted,found,exempted,recall,lookalikes,lookalikes_flagged,lookalikes_exempt,rules\n");
        for k in &self.kinds {
            let recall = k.recall.map_or_else(String::new, |r| format!("{r:.4}"));
            text.push_str(&format!("{},{},{},{},{recall},", k.kind, k.planted, k.found, k.exempted));
            text.push_str(&format!("{},{},{},{}\n", k.lookalikes, k.lookalikes_flagged, k.lookalikes_exempt, k.rules.join(" ")));
        }
        text
    }
}

impl Case<'_> {
    fn listed(&self) -> Missed {
        Missed {
            truth_no: self.first.truth_no.clone(),
            records: self.records.iter().take(3).cloned().collect(),
            subject: format!("{} {}", self.first.entity, self.first.subject),
            note: self.first.note.clone(),
        }
    }
}

impl RuleScore {
    fn new(rule: &str, kinds: &[String]) -> Self {
        RuleScore {
            rule: rule.to_string(),
            kinds: kinds.to_vec(),
            flagged: 0,
            planted: 0,
            other_kind: 0,
            lookalike: 0,
            background: 0,
            exempt: 0,
            precision: None,
            background_records: vec![],
        }
    }
    fn finish(mut self) -> Self {
        self.precision = ratio(self.planted, self.planted + self.lookalike + self.background);
        self
    }
}

pub(super) fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn key_text(row: &EvidenceRow) -> String {
    row.key.iter().map(|(_, value)| value_text(value)).collect::<Vec<_>>().join("/")
}

/// Canonical text of a key value.
fn value_text(value: &Value) -> String {
    crate::schema::format(value)
}

pub(super) fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_string(), |r| format!("{:.1}%", r * 100.0))
}

/// Columns as wide as their widest cell; the first and the last to the left, the others to the right.
pub(super) fn aligned(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (c, cell) in row.iter().enumerate() {
            if c == 0 {
                line.push_str(&format!("{cell:<w$}", w = widths[c]));
            } else if c + 1 == columns {
                line.push_str(&format!("  {cell}"));
            } else {
                line.push_str(&format!("  {cell:>w$}", w = widths[c]));
            }
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

pub(super) fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = |x: usize| x.to_string();
        let mut kinds = vec![row(&["kind", "planted", "found", "missed", "recall", "look-alikes", "flagged", "exempt", "rules"])];
        for k in self.kinds.iter().filter(|k| k.covered) {
            kinds.push(vec![
                k.kind.clone(),
                n(k.planted),
                n(k.found),
                n(k.planted - k.found),
                percent(k.recall),
                n(k.lookalikes),
                n(k.lookalikes_flagged),
                n(k.lookalikes_exempt),
                k.rules.join(", "),
            ]);
        }
        aligned(f, &kinds)?;
        writeln!(f)?;
        let mut rules =
            vec![row(&["rule", "flagged", "planted", "other kind", "look-alike", "background", "exempt", "precision", "kinds"])];
        for r in &self.rules {
            rules.push(vec![
                r.rule.clone(),
                n(r.flagged),
                n(r.planted),
                n(r.other_kind),
                n(r.lookalike),
                n(r.background),
                n(r.exempt),
                percent(r.precision),
                r.kinds.join(", "),
            ]);
        }
        aligned(f, &rules)?;
        let list = |f: &mut fmt::Formatter<'_>, title: &str, of: fn(&KindScore) -> &Vec<Missed>| -> fmt::Result {
            let mut first = true;
            for k in self.kinds.iter().filter(|k| k.covered) {
                for m in of(k) {
                    if first {
                        writeln!(f, "\n{title}")?;
                        first = false;
                    }
                    writeln!(f, "  {}  {}  {}  {}; {}", k.kind, m.truth_no, m.subject, m.records.join(", "), m.note)?;
                }
            }
            Ok(())
        };
        list(f, "Planted and not found", |k| &k.missed)?;
        list(f, "Look-alikes flagged", |k| &k.wrong)?;
        for r in self.rules.iter().filter(|r| r.background > 0) {
            writeln!(f, "\nFindings of {} on nothing planted\n  {}", r.rule, r.background_records.join(", "))?;
        }
        let open: Vec<&str> = self.kinds.iter().filter(|k| !k.covered).map(|k| k.kind.as_str()).collect();
        if !open.is_empty() {
            writeln!(f, "\nKinds that no rule covers\n  {}", open.join(", "))?;
        }
        let t = &self.totals;
        writeln!(
            f,
            "\n{} of {} kinds covered; {} of {} planted cases found ({}); {} of {} look-alikes flagged; precision {}",
            t.covered,
            t.kinds,
            t.found,
            t.planted,
            percent(t.recall),
            t.lookalikes_flagged,
            t.lookalikes,
            percent(t.precision)
        )
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::finding::{Severity, Subject};
    use crate::schema::TextKind;

    pub(in crate::synth) fn text(value: &str) -> Value {
        Value::Text(value.into(), TextKind::Plain)
    }

    fn truth() -> Truth {
        let file = "truth_no,kind,role,table,key,entity,subject,note\n\
            T1,FD12,planted,payments,P1,person,52010119500101001X,paid after the death\n\
            T1,FD12,planted,payments,P2,person,52010119500101001X,paid after the death\n\
            T2,FD12,planted,payments,P9,person,520101195001010029,paid after the death\n\
            T3,FD12,lookalike,payments,P3,person,520101195001010037,funeral grant\n\
            T4,FD12,lookalike,payments,P4,person,520101195001010045,arrears\n\
            T5,FE01,planted,incomes,H1/2019,household,H1,under the line\n\
            T6,CM03,planted,incomes,H2/2019,area,522301000000,heaped\n";
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("truth.csv");
        std::fs::write(&path, file).expect("file can be written");
        Truth::read(&path).expect("truth can be read")
    }

    pub(in crate::synth) fn finding(rule: &str, exempt: bool, subject: &str, records: &[(&str, &[Value])]) -> Finding {
        let evidence = records.iter().map(|(table, key)| EvidenceRow {
            table: (*table).into(),
            role: "record".into(),
            file: "f.csv".into(),
            sheet: None,
            line: 2,
            key: key.iter().map(|v| ("k".into(), v.clone())).collect(),
            cells: vec![],
        });
        Finding {
            key: String::new(),
            records_hash: String::new(),
            flag_hash: String::new(),
            rule: rule.into(),
            severity: Severity::High,
            subjects: vec![Subject { entity: "person".into(), value: text(subject) }],
            region: None,
            date: None,
            period: None,
            amount: None,
            measure: None,
            message: BTreeMap::new(),
            exempt,
            exemptions: vec![],
            figures: vec![],
            parameters: vec![],
            evidence: evidence.collect(),
            evidence_omitted: 0,
        }
    }

    fn covers() -> BTreeMap<String, Vec<String>> {
        [("exit/below-line", "FE01"), ("funds/after-death", "FD12")]
            .into_iter()
            .map(|(r, k)| (r.to_string(), vec![k.to_string()]))
            .collect()
    }

    #[test]
    fn findings_against_the_truth() {
        let findings = [
            // Two findings on one planted case: one case found.
            finding("funds/after-death", false, "x", &[("payments", &[text("P1")])]),
            finding("funds/after-death", false, "x", &[("deaths", &[text("D1")]), ("payments", &[text("P2")])]),
            // A look-alike flagged, another exempt, one finding on nothing, one on another kind's case.
            finding("funds/after-death", false, "x", &[("payments", &[text("P3")])]),
            finding("funds/after-death", true, "x", &[("payments", &[text("P4")])]),
            finding("funds/after-death", false, "x", &[("payments", &[text("P77")])]),
            finding("funds/after-death", false, "H1", &[("payments", &[text("P78")])]),
            // No record of the case, but its subject.
            finding("exit/below-line", false, "H1", &[("households", &[text("H1")])]),
            // A rule that says nothing about what it covers.
            finding("other/rule", false, "x", &[("payments", &[text("P9")])]),
        ];
        let score = score(&findings, &covers(), &truth());
        let fd12 = score.kinds.iter().find(|k| k.kind == "FD12").expect("kind is listed");
        assert_eq!((fd12.planted, fd12.found, fd12.recall), (2, 1, Some(0.5)));
        assert_eq!((fd12.lookalikes, fd12.lookalikes_flagged, fd12.lookalikes_exempt), (2, 1, 1));
        assert_eq!(fd12.missed[0].records, ["payments P9"]);
        let rule = score.rules.iter().find(|r| r.rule == "funds/after-death").expect("rule is listed");
        assert_eq!((rule.flagged, rule.planted, rule.other_kind, rule.lookalike, rule.background, rule.exempt), (5, 2, 1, 1, 1, 1));
        assert_eq!(rule.precision, Some(0.5));
        assert_eq!(score.totals.recall, Some(2.0 / 3.0));
        assert_eq!(
            score.to_string(),
            "\
kind  planted  found  missed  recall  look-alikes  flagged  exempt  rules
FD12        2      1       1   50.0%            2        1       1  funds/after-death
FE01        1      1       0  100.0%            0        0       0  exit/below-line

rule               flagged  planted  other kind  look-alike  background  exempt  precision  kinds
exit/below-line          1        1           0           0           0       0     100.0%  FE01
funds/after-death        5        2           1           1           1       1      50.0%  FD12

Planted and not found
  FD12  T2  person 520101195001010029  payments P9; paid after the death

Look-alikes flagged
  FD12  T3  person 520101195001010037  payments P3; funeral grant

Findings of funds/after-death on nothing planted
  payments P77

Kinds that no rule covers
  CM03

2 of 3 kinds covered; 2 of 3 planted cases found (66.7%); 1 of 2 look-alikes flagged; precision 60.0%
"
        );
    }

    #[test]
    fn an_exempt_planted_case_is_missed() {
        let findings = [finding("exit/below-line", true, "H1", &[("incomes", &[text("H1"), Value::Int(2019)])])];
        let score = score(&findings, &covers(), &truth());
        let fe01 = score.kinds.iter().find(|k| k.kind == "FE01").expect("kind is listed");
        assert_eq!((fe01.found, fe01.exempted), (0, 1));
        assert!(!score.kinds.iter().any(|k| k.kind == "CM03" && k.covered));
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("truth.csv");
        std::fs::write(&path, "a,b\n1,2\n").expect("file can be written");
        assert_eq!(Truth::read(&path).expect_err("refused").0[0].code, "truth-unreadable");
        assert_eq!(Truth::read(&dir.path().join("none.csv")).expect_err("refused").0[0].code, "truth-unreadable");
    }
}
