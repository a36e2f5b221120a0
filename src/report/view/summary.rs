//! The first page: figures, what to know before reading on, two charts.

use std::collections::BTreeMap;

use minijinja::Value as View;

use super::shown::context;

use super::Report;
use crate::case::once;
use crate::finding::{Count, Outcome, Status};
use crate::project::Level;
use crate::report::charts::{self, Stack};
use crate::report::show::{count, group};
use crate::report::unseen;
use crate::report::words::{fill, word};

/// Places the chart shows; the others are in the table.
const PLACES: usize = 12;

/// Whether the parts make up the population, in units and in money.
pub fn adds_up(outcome: &Outcome) -> bool {
    let parts = [outcome.flagged, outcome.clear, outcome.exempt, outcome.not_assessable];
    let money: Option<i128> = parts.iter().map(|p: &Count| p.money).sum();
    parts.iter().map(|p| p.units).sum::<u64>() == outcome.population.units
        && outcome.population.money.is_none_or(|all| money.is_none_or(|parts| parts == all))
}

impl Report<'_> {
    pub fn summary(&self) -> View {
        let content = self.content;
        let lang = self.options.lang;
        let apart = self.set_apart();
        let flagged = || content.findings.briefs().iter().filter(|f| !f.exempt && !apart.contains(f.rule.as_str()));
        let rules: std::collections::BTreeSet<&str> = flagged().map(|f| f.rule.as_str()).collect();
        let completed = content.outcomes.iter().filter(|o| o.status == Status::Completed).count();
        let rows: u64 = content.receipts.iter().map(|r| r.rows_delivered).sum();
        let files: usize = content.receipts.iter().map(|r| r.files.len()).sum();
        let fact = |label: &str, value: String, note: String| context! { label => word(lang, label), value, note };
        let n = |n: usize| count(n as u64);
        let mut facts = vec![
            fact("fact_cases", n(content.cases.len()), String::new()),
            fact("fact_findings", n(flagged().count()), fill(lang, "fact_findings_note", &[("rules", &n(rules.len()))])),
            fact("fact_money", self.show.money(once(flagged())), self.show.word("fact_money_note")),
            fact("fact_exempt", n(content.findings.briefs().iter().filter(|f| f.exempt).count()), self.show.word("fact_exempt_note")),
            fact("fact_rules", fill(lang, "of_total", &[("n", &n(completed)), ("total", &n(content.outcomes.len()))]), String::new()),
            fact(
                "fact_records",
                count(rows),
                fill(lang, "fact_records_note", &[("files", &n(files)), ("rejected", &n(content.rejected.len()))]),
            ),
        ];
        if let Some(visits) = &content.visits {
            let note = fill(lang, "fact_visits_note", &[("n", &count(visits.unvisited))]);
            facts.push(fact("fact_visits", n(visits.chosen.len()), note));
        }
        let dated: Vec<_> = flagged().filter_map(|f| f.date.map(|d| (d, f.severity))).collect();
        context! {
            facts,
            attention => self.attention(),
            time => charts::columns(word(lang, "chart_time"), &charts::by_time(&dated)),
            places => charts::bars(word(lang, "chart_place"), &self.chart_places()),
            legend => charts::SEVERITIES.iter().map(|&s| self.severity(s)).collect::<Vec<_>>(),
        }
    }

    /// What may change how the rest is read: control totals that differ, rules that did not complete, gaps of parameters and arithmetic.
    fn attention(&self) -> Vec<View> {
        let lang = self.options.lang;
        let line = |kind: &str, text: String| context! { kind, text };
        let mut lines = vec![];
        for receipt in &self.content.receipts {
            for check in receipt.checks.iter().filter(|c| !c.agrees) {
                let text = fill(
                    lang,
                    "attention_control",
                    &[
                        ("table", &receipt.table),
                        ("what", &self.show.said(&check.what)),
                        ("expected", &group(&check.expected)),
                        ("found", &group(&check.found)),
                    ],
                );
                lines.push(line("control", text));
            }
        }
        for (reason, rules) in unseen::skipped(self.content) {
            let reason = self.show.said(reason);
            let text = match rules[..] {
                [rule] => fill(lang, "attention_skipped", &[("rule", rule), ("reason", &reason)]),
                _ => fill(lang, "attention_skipped_many", &[("n", &count(rules.len() as u64)), ("reason", &reason)]),
            };
            lines.push(line("attention_skipped", text));
        }
        let kinds = unseen::kinds(self.content);
        if !kinds.is_empty() {
            lines.push(line(
                "attention_unseen",
                fill(lang, "attention_unseen", &[("kinds", &kinds.join(&self.show.word("list_separator")))]),
            ));
        }
        for outcome in &self.content.outcomes {
            let (key, reason) = match &outcome.status {
                Status::Completed | Status::Skipped { .. } => continue,
                Status::Failed { reason } => ("attention_failed", reason),
                Status::Quarantined { reason } => ("attention_quarantined", reason),
            };
            lines.push(line(key, fill(lang, key, &[("rule", &outcome.rule), ("reason", &self.show.said(reason))])));
        }
        for outcome in &self.content.outcomes {
            let gaps = self.show.gaps(outcome).into_iter().chain(self.show.reserves(outcome));
            lines.extend(gaps.map(|gap| line("attention_gap", fill(lang, "attention_gap", &[("rule", &outcome.rule), ("gap", &gap)]))));
        }
        for outcome in self.content.outcomes.iter().filter(|o| !adds_up(o)) {
            lines.push(line("attention_unbalanced", fill(lang, "attention_unbalanced", &[("rule", &outcome.rule)])));
        }
        lines
    }

    /// Towns with the most cases, or counties where there are too many towns.
    fn chart_places(&self) -> Vec<(String, Stack)> {
        let at = |level: Level| {
            let mut stacks: BTreeMap<Option<i64>, Stack> = BTreeMap::new();
            for case in &self.content.cases {
                let area = case.region.and_then(|code| self.regions.at_level(self.regions.current(code), level));
                stacks.entry(area).or_insert([0; 5])[charts::slot(case.severity)] += 1;
            }
            stacks
        };
        let mut stacks = at(Level::Town);
        if stacks.len() > PLACES {
            let counties = at(Level::County);
            if counties.len() > 1 {
                stacks = counties;
            }
        }
        let mut ranked: Vec<(Option<i64>, Stack)> = stacks.into_iter().collect();
        ranked.sort_by_key(|(code, stack)| (std::cmp::Reverse(stack.iter().sum::<u32>()), *code));
        ranked.truncate(PLACES);
        let name = |code: Option<i64>| match code.and_then(|c| self.show.places.get(&c)) {
            Some(place) => place.name.clone(),
            None => self.show.place(code),
        };
        ranked.into_iter().map(|(code, stack)| (name(code), stack)).collect()
    }

    /// A severity's name for style sheets and its word.
    pub fn severity(&self, severity: crate::finding::Severity) -> View {
        let name = crate::run::severity_name(severity);
        context! { name, word => word(self.options.lang, &format!("severity_{name}")) }
    }
}
