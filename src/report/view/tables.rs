//! Receipt, outcomes, results set apart, rejected cells, reading guide, provenance.

use minijinja::Value as View;

use super::shown::context;

use super::summary::adds_up;
use super::{REJECTED_SHOWN, Report, SET_ASIDE_SHOWN};
use crate::finding::{Count, Coverage, Outcome, Reason, Status};
use crate::report::show::{count, counted, group, rate};
use crate::report::words::{fill, word};
use crate::schema::Value;

/// Date columns of a table that the receipt shows.
const DATES_SHOWN: usize = 3;

fn reason_key(reason: Reason) -> &'static str {
    match reason {
        Reason::Unreadable => "reason_unreadable",
        Reason::NotCovered => "reason_not_covered",
        Reason::NotDue => "reason_not_due",
        Reason::FailedIntegrity => "reason_failed_integrity",
        Reason::MissingValue => "reason_missing_value",
        Reason::TooFew => "reason_too_few",
        Reason::NotApplicable => "reason_not_applicable",
    }
}

impl Report<'_> {
    pub fn receipt(&self) -> Vec<View> {
        let lang = self.options.lang;
        self.content
            .receipts
            .iter()
            .map(|r| {
                let dates = r.columns.iter().filter_map(|c| Some((&c.column, c.first.as_ref()?, c.last.as_ref()?))).take(DATES_SHOWN);
                let dates = dates.map(|(column, a, b)| context! { column, range => fill(lang, "from_to", &[("from", a), ("to", b)]) });
                let sums = r.columns.iter().filter_map(|c| c.sum.as_ref().map(|sum| context! { column => c.column, sum => group(sum) }));
                let unreadable: u64 = r.columns.iter().map(|c| c.rejected).sum();
                let faults = [("n_unreadable", unreadable), ("n_duplicate", r.duplicate_keys), ("n_ragged", r.ragged)];
                let faults = faults.iter().filter(|(_, n)| *n > 0).map(|(key, n)| context! { agrees => false, text => counted(lang, key, *n) });
                let controls = r.checks.iter().map(|c| {
                    let key = if c.agrees { "control_agrees" } else { "control_differs" };
                    context! { agrees => c.agrees, text => fill(lang, key, &[("what", &self.show.said(&c.what)), ("expected", &group(&c.expected)), ("found", &group(&c.found))]) }
                });
                context! {
                    table => r.table,
                    rows => count(r.rows_delivered),
                    used => (r.rows != r.rows_delivered).then(|| fill(lang, "rows_used", &[("rows", &count(r.rows)), ("delivered", &count(r.rows_delivered))])),
                    dates => dates.collect::<Vec<_>>(),
                    sums => sums.collect::<Vec<_>>(),
                    empty => r.columns.iter().filter(|c| c.empty > 0).map(|c| context! { column => c.column, n => count(c.empty) }).collect::<Vec<_>>(),
                    checks => controls.chain(faults).collect::<Vec<_>>(),
                    files => r.files.iter().map(|f| context! { path => f.path, sheet => f.sheet, rows => count(f.rows) }).collect::<Vec<_>>(),
                }
            })
            .collect()
    }

    fn coverage(&self, c: &Coverage) -> String {
        let end = |d: Option<i32>| d.map_or_else(|| self.show.word("coverage_open"), |d| self.show.date(d));
        fill(
            self.options.lang,
            "coverage_line",
            &[
                ("table", &c.table),
                ("rows", &count(c.rows)),
                ("without_key", &count(c.without_key)),
                ("from", &end(c.from)),
                ("to", &end(c.to)),
            ],
        )
    }

    fn notes(&self, o: &Outcome) -> Vec<String> {
        let lang = self.options.lang;
        let mut notes = vec![];
        if !o.reasons.is_empty() {
            let list: Vec<String> = o.reasons.iter().map(|(r, c)| format!("{} {}", count(c.units), word(lang, reason_key(*r)))).collect();
            let separator = self.show.word("list_separator");
            notes.push(fill(lang, "not_assessable_because", &[("list", &list.join(&separator))]));
        }
        notes.extend(o.coverage.iter().map(|c| self.coverage(c)));
        notes.extend(self.show.gaps(o));
        notes.extend(self.show.reserves(o));
        notes
    }

    pub fn outcomes(&self) -> Vec<View> {
        self.content
            .outcomes
            .iter()
            .map(|o| {
                let part = |c: Count| context! { units => count(c.units), money => c.money.map(|m| self.show.money(Some(m))) };
                let (status, reason): (_, Option<&String>) = match &o.status {
                    Status::Completed => ("completed", None),
                    Status::Quarantined { reason } => ("quarantined", Some(reason)),
                    Status::Skipped { reason } => ("skipped", Some(reason)),
                    Status::Failed { reason } => ("failed", Some(reason)),
                };
                let ran = matches!(o.status, Status::Completed | Status::Quarantined { .. });
                context! {
                    rule => o.rule,
                    anchor => anchor(&o.rule),
                    title => self.rule_title(&o.rule),
                    unit => self.show.said(&o.unit),
                    status,
                    status_word => self.show.word(&format!("status_{status}")),
                    reason => reason.map(|r| self.show.said(r)),
                    ran,
                    population => part(o.population),
                    flagged => part(o.flagged),
                    clear => part(o.clear),
                    exempt => part(o.exempt),
                    not_assessable => part(o.not_assessable),
                    rate => rate(o.flagged.units, o.population.units, 100),
                    adds_up => adds_up(o),
                    notes => self.notes(o),
                }
            })
            .collect()
    }

    pub fn quarantine(&self) -> Vec<View> {
        let lang = self.options.lang;
        self.content
            .outcomes
            .iter()
            .filter_map(|o| match &o.status {
                Status::Quarantined { reason } => Some((o, reason)),
                _ => None,
            })
            .map(|(o, reason)| {
                let briefs = self.content.findings.briefs().iter().enumerate();
                let all: Vec<usize> = briefs.filter(|(_, f)| f.rule == o.rule && !f.exempt).map(|(i, _)| i).collect();
                let more = all.len().saturating_sub(SET_ASIDE_SHOWN);
                context! {
                    rule => o.rule,
                    title => self.rule_title(&o.rule),
                    reason => self.show.said(reason),
                    findings => all.iter().take(SET_ASIDE_SHOWN).filter_map(|&i| self.finding(i)).map(|f| context! {
                        severity => self.severity(f.severity),
                        subject => f.subjects.first().map(|s| self.show.subject(s)),
                        place => self.show.place(f.region),
                        message => self.show.message(&f.message),
                        amount => f.amount.map(|a| self.show.money(Some(a.into()))),
                    }).collect::<Vec<_>>(),
                    more => (more > 0).then(|| fill(lang, "quarantine_more", &[("n", &count(more as u64))])),
                }
            })
            .collect()
    }

    pub fn rejected(&self) -> View {
        let all = &self.content.rejected;
        let more = all.len().saturating_sub(REJECTED_SHOWN);
        context! {
            cells => all.iter().take(REJECTED_SHOWN).map(|r| context! {
                table => r.table,
                file => r.file,
                sheet => r.sheet,
                line => r.line,
                column => r.column,
                delivered => self.show.raw(&r.delivered, &Value::Null),
                problem => self.show.problem(&r.delivered, &r.problem),
            }).collect::<Vec<_>>(),
            more => (more > 0).then(|| fill(self.options.lang, "rejected_more", &[("n", &count(more as u64))])),
        }
    }

    pub fn guide(&self) -> Vec<View> {
        let lang = self.options.lang;
        self.content
            .rules
            .iter()
            .map(|r| {
                let basis = r.basis.iter().map(|b| {
                    let source = match &b.clause {
                        Some(clause) => fill(lang, "clause", &[("source", &b.source), ("clause", clause)]),
                        None => b.source.clone(),
                    };
                    context! { source, says => b.says.as_ref().map(|s| self.show.local(s)) }
                });
                context! {
                    id => r.id,
                    anchor => anchor(&r.id),
                    title => self.show.local(&r.title),
                    check => r.check,
                    status => word(lang, &format!("rule_{}", r.status)),
                    why => r.why.as_ref().map(|w| self.show.local(w)),
                    basis => basis.collect::<Vec<_>>(),
                    innocent => r.innocent.iter().map(|i| self.show.local(i)).collect::<Vec<_>>(),
                    next_step => r.next_step.as_ref().map(|n| self.show.local(n)),
                    overlays => r.overlays,
                }
            })
            .collect()
    }

    pub fn provenance(&self) -> View {
        let m = &self.content.manifest;
        let lang = self.options.lang;
        let setting = |name: String, value: String| context! { name, value };
        let mut settings = vec![
            setting(self.show.word("manifest_hash"), m.hash()),
            setting(self.show.word("project_file"), m.project.clone()),
            setting(self.show.word("parameter_files"), m.parameters.clone()),
            setting(self.show.word("region_file"), m.regions.clone()),
            setting(self.show.word("time_zone"), m.time_zone.clone()),
            setting(self.show.word("seed"), m.seed.to_string()),
        ];
        settings.extend(m.options.iter().map(|(name, value)| setting(fill(lang, "option", &[("name", name)]), value.clone())));
        context! {
            settings,
            files => m.files.iter().map(|f| context! { table => f.table, path => f.path, sheet => f.sheet, rows => count(f.rows), bytes => count(f.bytes), sha256 => f.sha256 }).collect::<Vec<_>>(),
            rules => m.rules.iter().map(|(id, sha256)| context! { id, sha256 }).collect::<Vec<_>>(),
        }
    }
}

/// A rule's anchor in the reading guide.
pub fn anchor(rule: &str) -> String {
    format!("rule-{}", rule.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
}
