//! How recall, precision and look-alikes flagged move with the dose, for each kind and each rule.

use std::collections::BTreeMap;
use std::fmt;

use super::doses::dosing;
use super::score::{aligned, judge, percent, ratio, row};
use super::truth::{Role, Truth};
use crate::finding::Finding;
use crate::stats::wilson;

/// One dose of one kind, as all rules that cover the kind see it or as one of them does.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Curve {
    /// Catalogue id.
    pub kind: String,
    /// None: all rules of the kind together.
    pub rule: Option<String>,
    /// What [`Dosing::means`](super::Dosing::means) says; none where a case of the kind is there or not, or was planted without doses.
    pub dose: Option<i64>,
    /// Place among the kind's doses, the weakest 1.
    pub step: Option<usize>,
    pub planted: usize,
    pub found: usize,
    /// `found / planted`; none when nothing is planted.
    pub recall: Option<f64>,
    /// Wilson's 95 % interval of the recall.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub lookalikes: usize,
    /// Look-alikes flagged without an exemption.
    pub flagged: usize,
    /// Findings on nothing planted of the rule, or of all rules that cover the kind: the same at each dose.
    pub background: usize,
    /// Findings on planted cases of the dose in all findings but those on cases of other kinds and doses: what the precision would be in a
    /// programme that holds this dose alone. None without such a finding.
    pub precision: Option<f64>,
}

/// Cases of all kinds of a group of the catalogue at one step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DoseTotal {
    /// First letters of the kinds' ids.
    pub group: String,
    /// None: kinds that are there or not.
    pub step: Option<usize>,
    pub kinds: usize,
    pub planted: usize,
    pub found: usize,
    pub lookalikes: usize,
    pub flagged: usize,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Curves {
    /// By kind, then the kind as a whole before its rules, then from the weakest dose. Kinds that no rule covers are left out.
    pub curves: Vec<Curve>,
    /// By group and step.
    pub totals: Vec<DoseTotal>,
}

#[derive(Default)]
struct Sums {
    planted: usize,
    found: usize,
    lookalikes: usize,
    flagged: usize,
    right: usize,
    wrong: usize,
}

/// Compares findings with the truth as [`score`](super::score) does, dose by dose.
pub fn curves(findings: &[Finding], covers: &BTreeMap<String, Vec<String>>, truth: &Truth) -> Curves {
    let (cases, rules) = judge(findings, covers, truth);
    let mut sums: BTreeMap<(&str, Option<&str>, Option<usize>, Option<i64>), Sums> = BTreeMap::new();
    for case in &cases {
        let (kind, dose) = (case.first.kind.as_str(), case.first.dose);
        let step = dose.and_then(|d| dosing(kind)?.steps.iter().position(|&s| s == d)).map(|n| n + 1);
        let covering: Vec<&str> =
            covers.iter().filter(|(_, kinds)| kinds.iter().any(|k| k == kind)).map(|(rule, _)| rule.as_str()).collect();
        if covering.is_empty() {
            continue;
        }
        for rule in std::iter::once(None).chain(covering.into_iter().map(Some)) {
            let of = sums.entry((kind, rule, step, dose)).or_default();
            let findings = match rule {
                Some(rule) => case.by.get(rule).copied().unwrap_or(0),
                None => case.by.values().sum(),
            };
            let seen = usize::from(findings > 0);
            if case.first.role == Role::Planted {
                (of.planted, of.found, of.right) = (of.planted + 1, of.found + seen, of.right + findings);
            } else {
                (of.lookalikes, of.flagged, of.wrong) = (of.lookalikes + 1, of.flagged + seen, of.wrong + findings);
            }
        }
    }
    let mut curves = Vec::with_capacity(sums.len());
    let mut totals: BTreeMap<(&str, Option<usize>), DoseTotal> = BTreeMap::new();
    for ((kind, rule, step, dose), s) in sums {
        let background = match rule {
            Some(rule) => rules.get(rule).map_or(0, |r| r.background),
            None => rules.values().filter(|r| r.kinds.iter().any(|k| k == kind)).map(|r| r.background).sum(),
        };
        let interval = (s.planted > 0).then(|| wilson(s.found as i64, s.planted as i64));
        if rule.is_none() {
            let group = kind.get(..2).unwrap_or(kind);
            let empty = || DoseTotal { group: group.into(), step, kinds: 0, planted: 0, found: 0, lookalikes: 0, flagged: 0 };
            let total = totals.entry((group, step)).or_insert_with(empty);
            total.kinds += 1;
            (total.planted, total.found) = (total.planted + s.planted, total.found + s.found);
            (total.lookalikes, total.flagged) = (total.lookalikes + s.lookalikes, total.flagged + s.flagged);
        }
        curves.push(Curve {
            kind: kind.to_string(),
            rule: rule.map(String::from),
            dose,
            step,
            planted: s.planted,
            found: s.found,
            recall: ratio(s.found, s.planted),
            low: interval.map(|i| i.0),
            high: interval.map(|i| i.1),
            lookalikes: s.lookalikes,
            flagged: s.flagged,
            background,
            precision: ratio(s.right, s.right + s.wrong + background),
        });
    }
    Curves { curves, totals: totals.into_values().collect() }
}

const COLUMNS: [&str; 10] = ["kind", "dose", "planted", "found", "recall", "95%", "look-alikes", "flagged", "background", "precision"];

impl Curve {
    fn name(&self) -> &str {
        self.rule.as_deref().unwrap_or("all")
    }

    fn cells(&self) -> Vec<String> {
        let n = |x: usize| x.to_string();
        let whole = |share: f64| format!("{:.0}", share * 100.0);
        let interval = self.low.zip(self.high).map_or_else(|| "-".to_string(), |(low, high)| format!("{}-{}%", whole(low), whole(high)));
        vec![
            self.kind.clone(),
            self.dose.map_or_else(|| "-".to_string(), |d| d.to_string()),
            n(self.planted),
            n(self.found),
            percent(self.recall),
            interval,
            n(self.lookalikes),
            n(self.flagged),
            n(self.background),
            percent(self.precision),
            self.name().to_string(),
        ]
    }
}

impl Curves {
    /// The curves as CSV: shares of one, empty where there is none.
    pub fn csv(&self) -> String {
        let mut text = String::from("kind,rule,step,dose,planted,found,recall,low,high,lookalikes,flagged,background,precision\n");
        let share = |x: Option<f64>| x.map_or_else(String::new, |x| format!("{x:.4}"));
        for c in &self.curves {
            let step = c.step.map_or_else(String::new, |s| s.to_string());
            let dose = c.dose.map_or_else(String::new, |d| d.to_string());
            text.push_str(&format!("{},{},{step},{dose},{},{},", c.kind, c.name(), c.planted, c.found));
            text.push_str(&format!("{},{},{},", share(c.recall), share(c.low), share(c.high)));
            text.push_str(&format!("{},{},{},{}\n", c.lookalikes, c.flagged, c.background, share(c.precision)));
        }
        text
    }

    /// Kinds with doses of which the middle one or the strongest is found less often than nine times in ten, with the weakest dose from which
    /// on it is; none: at no dose.
    fn weak(&self) -> Vec<(&str, Option<i64>)> {
        let mut by_kind: BTreeMap<&str, Vec<&Curve>> = BTreeMap::new();
        for c in self.curves.iter().filter(|c| c.rule.is_none() && c.step.is_some() && c.planted > 0) {
            by_kind.entry(&c.kind).or_default().push(c);
        }
        let seen = |c: &&Curve| c.recall.is_some_and(|r| r >= 0.9);
        let middle = |kind: &str| dosing(kind).map_or(1, |d| d.steps.len() / 2 + 1);
        by_kind
            .into_iter()
            .filter(|(kind, all)| all.iter().any(|c| c.step.is_some_and(|s| s >= middle(kind)) && !seen(c)))
            .map(|(kind, all)| (kind, all.iter().rev().take_while(|c| seen(c)).last().and_then(|c| c.dose)))
            .collect()
    }
}

impl fmt::Display for Curves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![row(&COLUMNS)];
        rows[0].push("rule".to_string());
        rows.extend(self.curves.iter().map(Curve::cells));
        aligned(f, &rows)?;
        writeln!(f)?;
        let mut rows = vec![row(&["group", "step", "kinds", "planted", "found", "recall", "look-alikes", "flagged"])];
        for t in &self.totals {
            let mut cells = vec![t.group.clone(), t.step.map_or_else(|| "-".to_string(), |s| s.to_string())];
            cells.extend([t.kinds, t.planted, t.found].map(|n| n.to_string()));
            cells.push(percent(ratio(t.found, t.planted)));
            cells.extend([t.lookalikes, t.flagged].map(|n| n.to_string()));
            rows.push(cells);
        }
        aligned(f, &rows)?;
        let mut kinds: Vec<&str> = self.curves.iter().filter(|c| c.dose.is_some()).map(|c| c.kind.as_str()).collect();
        kinds.dedup();
        if kinds.is_empty() {
            return writeln!(f, "\nNo case carries a dose; `recount synth --doses` plants every kind at all of its doses");
        }
        writeln!(f, "\nWhat a dose is")?;
        for dosing in kinds.into_iter().filter_map(dosing) {
            writeln!(f, "  {}  {}", dosing.kind, dosing.means)?;
        }
        let weak = self.weak();
        if !weak.is_empty() {
            writeln!(f, "\nFound less often than nine times in ten at the middle dose or above it")?;
        }
        for (kind, from) in weak {
            match from {
                Some(dose) => writeln!(f, "  {kind}  seen from {dose} on")?,
                None => writeln!(f, "  {kind}  at no dose")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::score::tests::{finding, text};
    use super::*;

    fn truth() -> Truth {
        let mut file = String::from("truth_no,kind,role,table,key,entity,subject,note,dose\n");
        // Three cases at two doses of FE04, a look-alike at the stronger; FE03 has one dose; XX01 no rule.
        for (no, kind, role, dose) in [
            ("T1", "FE04", "planted", "1"),
            ("T2", "FE04", "planted", "3"),
            ("T3", "FE04", "planted", "3"),
            ("T4", "FE04", "lookalike", "3"),
            ("T5", "FE03", "planted", ""),
            ("T6", "XX01", "planted", ""),
        ] {
            file.push_str(&format!("{no},{kind},{role},events,E{no},household,H{no},posted too short,{dose}\n"));
        }
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("truth.csv");
        std::fs::write(&path, file).expect("file can be written");
        Truth::read(&path).expect("truth can be read")
    }

    #[test]
    fn recall_and_precision_by_dose() {
        let covers: BTreeMap<String, Vec<String>> = [("exit/publicity", "FE04"), ("exit/one-day", "FE04"), ("exit/chain", "FE03")]
            .map(|(rule, kind)| (rule.to_string(), vec![kind.to_string()]))
            .into();
        let on = |rule: &str, record: &str| finding(rule, false, "x", &[("events", &[text(record)])]);
        let findings = [
            on("exit/publicity", "ET2"),
            on("exit/publicity", "ET3"),
            on("exit/one-day", "ET3"),
            on("exit/publicity", "ET4"),
            on("exit/publicity", "E9"),
            on("exit/chain", "ET5"),
        ];
        let curves = curves(&findings, &covers, &truth());
        assert_eq!(
            curves.to_string(),
            "\
kind  dose  planted  found  recall      95%  look-alikes  flagged  background  precision  rule
FE03     -        1      1  100.0%  21-100%            0        0           0     100.0%  all
FE03     -        1      1  100.0%  21-100%            0        0           0     100.0%  exit/chain
FE04     1        1      0    0.0%    0-79%            0        0           1       0.0%  all
FE04     3        2      2  100.0%  34-100%            1        1           1      60.0%  all
FE04     1        1      0    0.0%    0-79%            0        0           0          -  exit/one-day
FE04     3        2      1   50.0%    9-91%            1        0           0     100.0%  exit/one-day
FE04     1        1      0    0.0%    0-79%            0        0           1       0.0%  exit/publicity
FE04     3        2      2  100.0%  34-100%            1        1           1      50.0%  exit/publicity

group  step  kinds  planted  found  recall  look-alikes  flagged
FE        -      1        1      1  100.0%            0  0
FE        1      1        1      0    0.0%            0  0
FE        3      1        2      2  100.0%            1  1

What a dose is
  FE04  days missing of the seven of publicity
"
        );
        assert_eq!(curves.csv().lines().count(), 9);
        assert!(curves.csv().contains("FE04,exit/publicity,3,3,2,2,1.0000,0.3424,1.0000,1,1,1,0.5000\n"), "{}", curves.csv());
    }

    #[test]
    fn kinds_that_are_seen_late_are_named() {
        let covers = BTreeMap::from([("exit/publicity".to_string(), vec!["FE04".to_string()])]);
        let none = curves(&[], &covers, &truth()).to_string();
        assert!(none.ends_with("at the middle dose or above it\n  FE04  at no dose\n"), "{none}");
    }
}
