//! The second night: what an earlier run judged is taken over where nothing changed that it follows from.
//!
//! A rule that can be judged part by part ([`crate::plan::Partition`]) is judged again only under values of the cut's columns under which a row is
//! not the same as in the earlier delivery, and under those that had flagged units, so that all findings are made anew, with today's places and
//! cells. The outcome of the rest follows: yesterday's, less what these values gave in the earlier delivery, more what they give now. Any other rule
//! (new, changed, with another policy, over rows that cannot be cut) is judged in full.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::judge::{Asked, Part, judge};
use super::outcome::replaced;
use super::parts::classes;
use super::structure::Structures;
use super::{Options, Prepared};
use crate::diagnostic::Diagnostics;
use crate::exec::{Env, Timer};
use crate::finding::{Drawer, Outcome};
use crate::plan::{Partition, Rel, RelId};
use crate::project::Project;
use crate::table::{self, LoadOptions, Loaded, Table};

/// What a run leaves to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Night {
    base: String,
    /// Folder of the store by table.
    folders: BTreeMap<String, String>,
    rules: BTreeMap<String, Judged>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Judged {
    /// What the outcome follows from besides the rows.
    structure: String,
    /// By what the tables were cut: `households.household_id incomes.household_id`.
    cut: String,
    /// Before it is weighed against the rule's limits.
    outcome: Outcome,
    /// Numbers of the cut's values that had flagged units, ascending.
    flagged: Vec<u64>,
}

const STATE: &str = "night.json";

/// Judges all rules, by means of the night before where there is one.
///
/// # Errors
/// As loading and judging. A night that cannot be read or written costs time, nothing else.
pub fn audit(project: &Project, prepared: &Prepared, options: &Options<'_>, store: &Path) -> Result<(Loaded, Part), Diagnostics> {
    let start = Timer::start();
    let loaded = prepared.load(project, options)?;
    let rows = loaded.receipt.iter().map(|r| r.rows).sum::<u64>() as usize;
    let load = start.note("load".to_owned(), rows, rows, 0, prepared.rules.len());
    let night = std::fs::read(store.join(STATE)).ok().and_then(|text| serde_json::from_slice::<Night>(&text).ok());
    let base = Structures::base(project);
    let night = night.filter(|night| night.base == base).unwrap_or_default();

    let mut structures = Structures::new(project, prepared);
    let own: BTreeMap<usize, String> = prepared.ready().map(|(i, rule)| (i, structures.rule(i, rule))).collect();
    // A record that an integrity rule flags is not assessable for others: they follow from it too.
    let validating: String = prepared.ready().filter(|(_, rule)| rule.validates.is_some()).map(|(i, _)| own[&i].as_str()).collect();
    let structure_of = |i: usize| blake3::hash(format!("{}{validating}", own[&i]).as_bytes()).to_hex().to_string();

    let all = prepared.all();
    let small = |t: usize| loaded.tables[t].rows <= rows / 8;
    let mut classes = classes(prepared, &all, &small);
    let cut_of = |partition: &Partition| {
        let name =
            |(&t, &c): (&usize, &usize)| format!("{}.{}", prepared.catalog.tables[t].name, prepared.catalog.tables[t].columns[c].name);
        partition.cut.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    let mut anew = Asked { counted: all.counted, ..Asked::default() };
    let mut again: Vec<(Asked, Partition)> = vec![];
    for class in &mut classes {
        let partition = class.partition.take();
        let known = |i: &usize| {
            let judged = night.rules.get(&prepared.rules[*i].0.id);
            partition.as_ref().zip(judged).is_some_and(|(p, judged)| judged.structure == structure_of(*i) && judged.cut == cut_of(p))
        };
        let (kept, rest): (Vec<usize>, Vec<usize>) = class.asked.rules.iter().partition(|i| known(i));
        if let Some(partition) = &partition {
            anew.cuts.extend(rest.iter().map(|&i| (i, partition.cut.clone())));
        }
        anew.rules.extend(rest);
        if let (Some(partition), false) = (partition, kept.is_empty()) {
            let cuts = kept.iter().map(|&i| (i, partition.cut.clone())).collect();
            again.push((Asked { rules: kept, cuts, ..Asked::default() }, partition));
        }
    }
    let mut all = Part { profile: vec![load], ..Part::default() };
    let start = Timer::start();
    let before = if again.is_empty() { None } else { earlier(project, prepared, options, &night, &again) };
    if let Some(before) = &before {
        let rows = before.tables.iter().map(|t| t.rows).sum();
        all.profile.push(start.note("load the earlier delivery".to_owned(), rows, rows, 0, again.iter().map(|(a, _)| a.rules.len()).sum()));
    }
    let start = Timer::start();
    let changed = before.as_ref().map(|before| changed(prepared, &again, &loaded, before)).unwrap_or_default();
    if !again.is_empty() {
        let rows = changed.values().map(|(now, before)| now.len() + before.len()).sum();
        all.profile.push(start.note("what changed".to_owned(), loaded.tables.iter().map(|t| t.rows).sum(), rows, 0, again.len()));
    }
    for (asked, partition) in again {
        // Tables that stand whole in every part must be the same.
        let whole = |t: &usize| changed.get(t).is_none_or(|(now, before)| now.is_empty() && before.is_empty());
        let part = match before.as_ref().filter(|_| partition.whole.iter().all(whole)) {
            None => None,
            Some(before) => {
                let pair = Pair { loaded: &loaded, before, changed: &changed };
                class_again(project, prepared, options, &pair, &night, &asked, &partition)?
            }
        };
        match part {
            Some(part) => all.extend(part),
            None => {
                anew.rules.extend(&asked.rules);
                anew.cuts.extend(asked.cuts);
            }
        }
    }
    // Integrity rules mark records for those that are judged in full, whatever is known of themselves.
    let asked: BTreeSet<usize> = anew.rules.iter().copied().collect();
    if !asked.is_empty() {
        anew.rules.extend(prepared.ready().filter(|(i, rule)| rule.validates.is_some() && !asked.contains(i)).map(|(i, _)| i));
    }
    anew.rules.sort_unstable();
    let mut part = judge(project, prepared, &loaded, options, &anew, &Drawer::default())?;
    let wanted = |id: &str| asked.iter().any(|&i| prepared.rules[i].0.id == id);
    part.findings.retain(|f| wanted(f.rule.as_ref()));
    part.outcomes.retain(|i, _| asked.contains(i));
    part.failed.retain(|i, _| asked.contains(i));
    all.extend(part);

    let judged = all.outcomes.iter().filter_map(|(i, outcome)| {
        let (cut, flagged) = all.flagged.get(i)?;
        let cut = cut_of(&Partition { cut: cut.clone(), ..Partition::default() });
        let mut flagged: Vec<u64> = flagged.iter().copied().collect();
        flagged.sort_unstable();
        Some((outcome.rule.clone(), Judged { structure: structure_of(*i), cut, outcome: outcome.clone(), flagged }))
    });
    let left = Night { base, folders: loaded.folders.clone(), rules: judged.collect() };
    if let Err(error) = keep(store, &left) {
        tracing::warn!(%error, "what the next night could take over was not kept");
    }
    Ok((loaded, all))
}

/// Folders first: a state that names folders which are gone is of no use, folders that nothing names are only disk.
fn keep(store: &Path, night: &Night) -> std::io::Result<()> {
    table::keep(store, &night.folders)?;
    table::replace(store, STATE, &serde_json::to_vec(night)?)
}

/// The earlier delivery, as the store kept it.
fn earlier(project: &Project, prepared: &Prepared, options: &Options<'_>, night: &Night, again: &[(Asked, Partition)]) -> Option<Loaded> {
    let rules = again.iter().flat_map(|(asked, _)| asked.rules.iter().copied()).collect();
    let needs = prepared.needs_of(&Asked { rules, ..Asked::default() });
    if needs.columns.keys().any(|table| !night.folders.contains_key(table)) {
        return None;
    }
    let load = LoadOptions { kept: Some(night.folders.clone()), progress: &table::Silent, ..prepared.load_options(options) };
    table::load(project, &needs, &load).ok()
}

/// Rows of one delivery that are not in the other, by table.
type Changed = BTreeMap<usize, (Vec<u32>, Vec<u32>)>;

/// Over the columns that any of the rules reads.
fn changed(prepared: &Prepared, again: &[(Asked, Partition)], now: &Loaded, before: &Loaded) -> Changed {
    let rules = again.iter().flat_map(|(asked, _)| asked.rules.iter().copied()).collect();
    let needs = prepared.needs_of(&Asked { rules, ..Asked::default() });
    let of = |(name, columns): (&String, &BTreeSet<String>)| {
        let (t, _) = prepared.catalog.table(name)?;
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        Some((t, table::changed(&now.tables[t], &before.tables[t], &columns)))
    };
    needs.columns.iter().filter_map(of).collect()
}

/// Two deliveries, and what is not the same in them.
struct Pair<'a> {
    loaded: &'a Loaded,
    before: &'a Loaded,
    changed: &'a Changed,
}

/// Rules of one cut. `None`: so much changed that all may as well be judged in full.
fn class_again(
    project: &Project,
    prepared: &Prepared,
    options: &Options<'_>,
    pair: &Pair<'_>,
    night: &Night,
    asked: &Asked,
    partition: &Partition,
) -> Result<Option<Part>, Diagnostics> {
    let start = Timer::start();
    let catalog = &prepared.catalog;
    let mut numbers: FxHashSet<u64> = FxHashSet::default();
    for (&t, &c) in &partition.cut {
        let by = catalog.tables[t].columns[c].name.as_str();
        if let Some((now, before)) = pair.changed.get(&t) {
            numbers.extend(table::numbers(&pair.loaded.tables[t], by, now.iter().copied()));
            numbers.extend(table::numbers(&pair.before.tables[t], by, before.iter().copied()));
        }
    }
    let outcome_of = |i: usize| night.rules.get(&prepared.rules[i].0.id);
    for &i in &asked.rules {
        numbers.extend(outcome_of(i).into_iter().flat_map(|judged| &judged.flagged));
    }
    let under = |loaded: &Loaded| -> Loaded {
        let table = |(t, table): (usize, &Arc<Table>)| match partition.cut.get(&t) {
            Some(&c) => Arc::new(table.under(&catalog.tables[t].columns[c].name, &numbers)),
            None => table.clone(),
        };
        Loaded { tables: loaded.tables.iter().enumerate().map(table).collect(), ..loaded.clone() }
    };
    let now = under(pair.loaded);
    let of = |loaded: &Loaded| partition.cut.keys().map(|&t| loaded.tables[t].rows).sum::<usize>();
    let (whole, part) = (of(pair.loaded), of(&now));
    if 2 * part > whole {
        return Ok(None);
    }
    let note = start.note("rows to be judged".to_owned(), whole, part, 0, asked.rules.len());
    let old = judge(project, prepared, &under(pair.before), options, &Asked { counts_only: true, ..asked.clone() }, &Drawer::default())?;
    let mut new = judge(project, prepared, &now, options, asked, &Drawer::default())?;
    for (i, outcome) in &mut new.outcomes {
        if let (Some(judged), Some(old)) = (outcome_of(*i), old.outcomes.get(i)) {
            let whole = judged.outcome.clone();
            *outcome = replaced(whole, old, outcome.clone(), partition, |name| catalog.table(name).map(|(t, _)| t));
        }
    }
    new.profile.insert(0, note);
    for node in &mut new.profile {
        node.name.push_str(" (changed or flagged)");
    }
    Ok(Some(new))
}

/// Numbers of the cut's values under which units of `rel` stand.
pub fn stand_under(env: Env<'_>, tables: &[Arc<Table>], rel: RelId, rows: &[u32], cut: &BTreeMap<usize, usize>) -> FxHashSet<u64> {
    match env.graph.get_rel(rel) {
        Rel::Table(t) => match cut.get(t) {
            Some(&c) => table::numbers(&tables[*t], &env.catalog.tables[*t].columns[c].name, rows.iter().copied()),
            None => FxHashSet::default(),
        },
        Rel::Rows { of, .. } => {
            let base = env.nodes.frame(rel).and_then(|f| f.base());
            let rows: Vec<u32> = rows.iter().map(|&row| base.map_or(row, |base| base[row as usize])).collect();
            stand_under(env, tables, *of, &rows, cut)
        }
        other => {
            let Some(frame) = env.nodes.frame(rel) else { return FxHashSet::default() };
            let mut out = FxHashSet::default();
            let mut start = 0u32;
            for (part, firsts) in other.parts().unwrap_or_default().iter().zip(frame.firsts()) {
                let end = start + firsts.len() as u32;
                let members: Vec<u32> = rows.iter().filter(|r| (start..end).contains(r)).map(|r| firsts[(r - start) as usize]).collect();
                out.extend(stand_under(env, tables, part.of, &members, cut));
                start = end;
            }
            out
        }
    }
}
