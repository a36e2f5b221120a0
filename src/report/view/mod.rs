//! What the pages show, as plain values with every text ready: templates only lay it out.

mod cases;
mod regions;
mod shown;
mod summary;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::Value as View;

pub use cases::{case_card, case_line};

pub use shown::Shown;
use shown::context;

use super::show::Show;
use super::{CASES_PER_PAGE, Options};
use crate::case::RuleCard;
use crate::finding::{Brief, Finding, Status};
use crate::project::Level;
use crate::run::{RunContent, regions as tree};

/// Rejected cells and findings of a quarantined rule that a page lists.
pub const REJECTED_SHOWN: usize = 200;
pub const SET_ASIDE_SHOWN: usize = 20;

/// Where the lines and the cards of cases go in what a template lays out. Nothing before them comes from delivered records but the names of
/// places; one that held these characters would spoil the layout of its page and nothing else.
pub const LINES: &str = "\u{1}lines\u{1}";
pub const CARDS: &str = "\u{1}cards\u{1}";

fn room(mark: &str) -> View {
    View::from_safe_string(mark.to_owned())
}

/// One run on its way to pages.
pub struct Report<'a> {
    pub content: &'a RunContent,
    pub options: Options,
    pub show: Show<'a>,
    pub regions: crate::project::Regions,
    pub rules: BTreeMap<&'a str, &'a RuleCard>,
    /// Page that holds each case, by position.
    pub page_of: Vec<String>,
    /// Positions of cases in the visit plan.
    pub visited: BTreeSet<usize>,
}

/// A page of cases besides the report itself.
pub struct Page {
    /// `cases/522301100000.html`
    pub path: String,
    pub place: String,
    /// Positions of its cases, in rank order.
    pub cases: Vec<usize>,
}

impl<'a> Report<'a> {
    pub fn new(content: &'a RunContent, options: &Options) -> (Self, Vec<Page>) {
        let mut report = Report {
            content,
            options: *options,
            show: Show::new(options.lang, options.reveal, &content.places),
            regions: tree(&content.places),
            rules: content.rules.iter().map(|r| (r.id.as_str(), r)).collect(),
            page_of: vec!["report.html".to_owned(); content.cases.len()],
            visited: content.visits.iter().flat_map(|v| v.chosen.iter().copied()).collect(),
        };
        let pages = report.pages();
        for page in &pages {
            for &i in &page.cases {
                if let Some(path) = report.page_of.get_mut(i) {
                    path.clone_from(&page.path);
                }
            }
        }
        (report, pages)
    }

    /// Pages for the cases past the first, by town (else the place as it is), each of bounded length.
    fn pages(&self) -> Vec<Page> {
        let mut by_town: BTreeMap<Option<i64>, Vec<usize>> = BTreeMap::new();
        for (i, case) in self.content.cases.iter().enumerate().skip(CASES_PER_PAGE) {
            let town = case.region.map(|code| self.regions.at_level(self.regions.current(code), Level::Town).unwrap_or(code));
            by_town.entry(town).or_default().push(i);
        }
        let mut pages = vec![];
        for (town, cases) in by_town {
            let name = town.map_or_else(|| "unplaced".to_owned(), |code| format!("{code:012}"));
            for (part, cases) in (1..).zip(cases.chunks(CASES_PER_PAGE)) {
                let suffix = if part == 1 { String::new() } else { format!("-{part}") };
                let place = self.show.place(town);
                pages.push(Page {
                    path: format!("cases/{name}{suffix}.html"),
                    place: if part == 1 { place } else { format!("{place} ({part})") },
                    cases: cases.to_vec(),
                });
            }
        }
        pages
    }

    pub fn finding(&self, position: usize) -> Option<Finding> {
        self.content.findings.get(position)
    }

    pub fn brief(&self, position: usize) -> Option<&'a Brief> {
        self.content.findings.briefs().get(position)
    }

    pub fn rule_title(&self, id: &str) -> String {
        self.rules.get(id).map_or_else(|| id.to_owned(), |r| self.show.local(&r.title).to_owned())
    }

    /// Rules whose result is quarantined.
    pub fn set_apart(&self) -> BTreeSet<&'a str> {
        self.content.outcomes.iter().filter(|o| matches!(o.status, Status::Quarantined { .. })).map(|o| o.rule.as_str()).collect()
    }

    /// What stands at the head of every page.
    pub fn head(&self) -> View {
        let m = &self.content.manifest;
        context! {
            lang => self.options.lang.tag(),
            programme => m.programme,
            as_of => self.show.date(m.as_of),
            run => format!("{}-{}", self.show.date(m.as_of), &m.hash()[..8]),
            tool => format!("recount {}", m.recount),
            revealed => self.options.reveal,
        }
    }

    /// Cases that the report itself shows.
    pub fn first(&self) -> Vec<usize> {
        (0..self.content.cases.len().min(CASES_PER_PAGE)).collect()
    }

    /// The whole report, with room for its cases.
    pub fn report(&self, pages: &[Page]) -> View {
        let first = self.first();
        context! {
            head => self.head(),
            summary => self.summary(),
            receipt => self.receipt(),
            outcomes => self.outcomes(),
            regions => self.roll_up(),
            visits => self.visit_plan(),
            cases_total => super::show::count(self.content.cases.len() as u64),
            cases_first => super::show::count(first.len() as u64),
            pages => pages.iter().map(|p| context! { path => p.path, place => p.place, n => p.cases.len() }).collect::<Vec<_>>(),
            index => if first.is_empty() { View::from(()) } else { room(LINES) },
            cards => room(CARDS),
            visits_planned => self.content.visits.is_some(),
            quarantine => self.quarantine(),
            rejected => self.rejected(),
            guide => self.guide(),
            provenance => self.provenance(),
        }
    }

    /// A further page of cases, with room for them.
    pub fn page(&self, page: &Page) -> View {
        context! {
            head => self.head(),
            place => page.place,
            index => room(LINES),
            cards => room(CARDS),
            visits_planned => self.content.visits.is_some(),
        }
    }
}
