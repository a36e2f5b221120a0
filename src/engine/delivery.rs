//! What a delivery allows: which rules can run on the files that are there, and what the others leave unseen.

use std::collections::{BTreeMap, BTreeSet};

use super::prepare::{Prepared, Resolved};
use crate::diagnostic::Diagnostics;
use crate::project::Project;
use crate::rule::{RuleFile, RuleStatus};
use crate::table::{self, Stray, TableMatch};

/// Why a rule does not do its work on this delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Hindrance {
    /// It reads a table of which there is no file, or which is not declared.
    NoTable { table: String },
    /// It reads a file that cannot be read, or that lacks a column it must have: nothing can be loaded for it.
    Blocked { table: String, column: Option<String> },
    /// A column by which it decides stands in no file: it can judge nothing.
    NoColumn { table: String, column: String },
}

/// Rules that one thing hinders.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Hindered {
    #[serde(flatten)]
    pub why: Hindrance,
    pub rules: Vec<String>,
}

/// A delivery against tables and rules.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Delivery {
    pub tables: Vec<TableMatch>,
    pub strays: Vec<Stray>,
    /// Rules that were asked about, and those of them that can do their work.
    pub rules: usize,
    pub ready: usize,
    pub hindered: Vec<Hindered>,
    /// Kinds of the catalogue that only hindered rules look for.
    pub unseen: Vec<String>,
}

impl Delivery {
    /// Whether a file is there that cannot be used as it is.
    pub fn has_faults(&self) -> bool {
        self.tables.iter().any(|t| {
            let faulty = |file: &table::FileMatch| file.unreadable.is_some() || file.missing.iter().any(|gap| !gap.optional);
            t.files.iter().any(faulty)
        })
    }
}

/// Holds the files that are there against the tables, and the rules against both. No record is read.
///
/// # Errors
/// The project does not hold together. A rule that does not resolve is left to `recount lint`.
pub fn delivery(project: &Project, files: &[RuleFile], as_of: i32) -> Result<Delivery, Diagnostics> {
    let (tables, strays) = table::headers(project)?;
    let mut prepared = Prepared::new(project, files, as_of, None)?;
    prepared.forgo_exemptions(tables.iter().filter(|t| t.files.is_empty()).map(|t| t.table.clone()).collect());
    let retired: BTreeSet<&str> =
        files.iter().filter(|f| f.spec.status.as_ref().is_some_and(|s| s.value == RuleStatus::Retired)).map(RuleFile::id).collect();
    let mut by_reason: BTreeMap<Hindrance, Vec<String>> = BTreeMap::new();
    let (mut seen, mut missed) = (BTreeSet::new(), BTreeSet::new());
    let (mut rules, mut ready) = (0, 0);
    for (position, (text, _, resolved)) in prepared.rules.iter().enumerate().filter(|(_, (t, ..))| !retired.contains(t.id.as_str())) {
        let hindrances = match resolved {
            Resolved::Ready(_) => hindrances(&prepared, position, &tables),
            Resolved::Skipped(_) => undeclared(files, &text.id, project),
            Resolved::Failed(_) => continue,
        };
        rules += 1;
        let kinds = text.covers.iter().cloned();
        if hindrances.is_empty() {
            ready += 1;
            seen.extend(kinds);
        } else {
            missed.extend(kinds);
        }
        for why in hindrances {
            by_reason.entry(why).or_default().push(text.id.clone());
        }
    }
    let hindered = by_reason.into_iter().map(|(why, rules)| Hindered { why, rules }).collect();
    let unseen = missed.into_iter().filter(|kind| !seen.contains(kind)).collect();
    Ok(Delivery { tables, strays, rules, ready, hindered, unseen })
}

fn hindrances(prepared: &Prepared, position: usize, tables: &[TableMatch]) -> Vec<Hindrance> {
    let (reads, decides) = (prepared.reads(position), prepared.decides_by(position));
    let mut all = vec![];
    for (name, columns) in &reads {
        let Some(found) = tables.iter().find(|t| t.table == *name) else { continue };
        let table = || name.clone();
        if found.files.is_empty() {
            all.push(Hindrance::NoTable { table: table() });
            continue;
        }
        if found.files.iter().any(|f| f.unreadable.is_some()) {
            all.push(Hindrance::Blocked { table: table(), column: None });
        }
        let gaps = found.files.iter().flat_map(|f| &f.missing).filter(|gap| !gap.optional && columns.contains(&gap.column));
        let blocked: BTreeSet<&String> = gaps.map(|gap| &gap.column).collect();
        all.extend(blocked.iter().map(|column| Hindrance::Blocked { table: table(), column: Some((*column).clone()) }));
        let absent = found.absent();
        let needed = decides.get(name).into_iter().flatten();
        let blind = needed.filter(|c| absent.contains(c.as_str()) && !blocked.contains(c));
        all.extend(blind.map(|column| Hindrance::NoColumn { table: table(), column: column.clone() }));
    }
    all
}

fn undeclared(files: &[RuleFile], id: &str, project: &Project) -> Vec<Hindrance> {
    let known = |name: &str| project.tables.iter().any(|t| t.name.value == name) || project.views.iter().any(|v| v.name.value == name);
    let named = files.iter().filter(|f| f.id() == id).flat_map(|f| f.spec.check.value.tables());
    named.filter(|t| !known(&t.value)).map(|t| Hindrance::NoTable { table: t.value.clone() }).collect()
}
