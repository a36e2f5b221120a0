//! Formats that people read: one file each. Values are masked here, unless the report is revealed.

mod charts;
mod delivery;
mod diff;
mod export;
mod html;
mod ledger;
mod markup;
mod observed;
mod reply;
mod sheet;
mod show;
mod terminal;
mod unseen;
mod view;
mod waterfall;
mod why;
mod words;

pub use delivery::delivery;
pub use diff::rule_diff;
pub use export::{cases_csv, findings_csv, json, outcomes_csv};
pub use html::html;
pub use ledger::ledger;
pub use reply::{cell, numeric, quoted, reply_csv, reply_json};
pub use show::Show;
pub use terminal::summary;
pub use why::why_not;
pub use words::Lang;

use crate::diagnostic::Diagnostics;
use crate::run::RunContent;

/// Cases in `report.html`, and in each further page.
pub const CASES_PER_PAGE: usize = 500;

/// How a report is rendered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    pub lang: Lang,
    /// Personal data in full. Whoever sets it has checked and logged the authority.
    pub reveal: bool,
}

/// Where rendered files go: a relative path (`/` between folders) and its bytes. Called from several threads, in any order.
pub type Out<'a> = dyn Fn(&str, &[u8]) -> Result<(), Diagnostics> + Sync + 'a;

/// The report files of a run folder: `report.html`, `cases/*.html`, `ledger.xlsx`.
pub fn files(content: &RunContent, options: &Options, out: &Out<'_>) -> Result<(), Diagnostics> {
    let (pages, book) = rayon::join(|| html(content, options, out), || out("ledger.xlsx", &ledger(content, options)?));
    pages.and(book)
}

#[cfg(test)]
mod tests;
