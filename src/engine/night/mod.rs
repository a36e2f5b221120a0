//! The second night: what an earlier run found is taken over where nothing changed that it follows from.
//!
//! A rule follows from its *grounds*: all it evaluates and says, the policy it looks up, and what stands in the columns it reads, with their
//! places in the files. Equal grounds, equal outcome and findings: nothing is read or judged. The other rules are judged in full, over the tables
//! they read.

mod state;

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::judge::{Asked, Part, judge};
use super::structure::Structures;
use super::{Options, Prepared};
use crate::diagnostic::Diagnostics;
use crate::exec::Timer;
use crate::finding::{Drawer, Findings, carried};
use crate::project::Project;
use crate::table::{self, Contents, LoadOptions, Loaded, Needs};
use state::{Counted, Grounds, Night};

/// Judges all rules, by means of the night before where there is one.
///
/// # Errors
/// As loading and judging. A night that cannot be read or written costs time, nothing else.
pub fn audit(project: &Project, prepared: &Prepared, options: &Options<'_>, store: &Path) -> Result<(Loaded, Part), Diagnostics> {
    let start = Timer::start();
    let all = prepared.all();
    let needs = prepared.needs_of(&all);
    // No row of any table: what is in the store, or is stored now, tells what each holds.
    let receipts = table::load(project, &needs, &LoadOptions { pages: Some(0), ..prepared.load_options(options) })?;
    let rows = receipts.receipt.iter().map(|r| r.rows).sum::<u64>() as usize;
    let mut out = Part::default();
    out.profile.push(start.note("what the tables hold".to_owned(), rows, 0, 0, prepared.rules.len()));

    let start = Timer::start();
    let base = Structures::base(project, options);
    let before = Night::read(store, &base);
    let mut now = Night::of(base);
    let grounds = grounds(project, prepared, &all, &needs, &receipts);
    let (mut asked, mut left) = (Asked::default(), vec![]);
    for &table in &all.counted {
        let (name, grounds) = (&prepared.catalog.tables[table].name, grounds.counted.get(&table));
        match before.counted.get(name).filter(|known| Some(&known.grounds) == grounds) {
            Some(known) => {
                out.populations.extend(known.counts.iter().cloned());
                now.counted.insert(name.clone(), known.clone());
            }
            None => asked.counted.push(table),
        }
    }
    let found: Vec<_> = all
        .rules
        .par_iter()
        .map(|i| {
            let judged = before.rules.get(&prepared.rules[*i].0.id).filter(|judged| Some(&judged.grounds) == grounds.rules.get(i))?;
            Some((judged, Findings::from(before.found(judged)?)))
        })
        .collect();
    for (&i, found) in all.rules.iter().zip(found) {
        match found {
            Some((judged, findings)) => {
                out.outcomes.insert(i, judged.outcome.clone());
                out.findings.append(findings);
                left.push((i, before.findings_of(judged).unwrap_or_default().into()));
            }
            None => asked.rules.push(i),
        }
    }
    out.profile.push(start.note("taken over".to_owned(), before.rules.len(), out.findings.len(), 0, out.outcomes.len()));

    if !asked.rules.is_empty() || !asked.counted.is_empty() {
        let part = anew(project, prepared, options, &mut asked)?;
        for table in asked.counted {
            let name = prepared.catalog.tables[table].name.clone();
            let counts = part.populations.iter().filter(|count| count.table == name).cloned().collect();
            now.counted.extend(grounds.counted.get(&table).map(|grounds| (name, Counted { grounds: grounds.clone(), counts })));
        }
        left.extend(packed(prepared, &part));
        out.extend(part);
    }
    let start = Timer::start();
    for (i, findings) in left {
        if let (Some(grounds), Some(outcome)) = (grounds.rules.get(&i), out.outcomes.get(&i)) {
            now.add(&prepared.rules[i].0.id, grounds.clone(), outcome.clone(), &findings);
        }
    }
    if let Err(error) = now.write(store) {
        tracing::warn!(%error, "what the next night could take over was not kept");
    }
    out.profile.push(start.note("kept for the next night".to_owned(), out.findings.len(), out.findings.len(), 0, now.rules.len()));
    Ok((receipts, out))
}

/// Judges the rules that nothing is taken over of.
fn anew(project: &Project, prepared: &Prepared, options: &Options<'_>, asked: &mut Asked) -> Result<Part, Diagnostics> {
    let wanted: BTreeSet<usize> = asked.rules.iter().copied().collect();
    // Integrity rules set records aside for these, whatever is known of themselves.
    let validating: BTreeSet<usize> = wanted.iter().flat_map(|&i| prepared.set_aside_by(i)).copied().collect();
    asked.rules = wanted.union(&validating).copied().collect();
    let start = Timer::start();
    let loaded = table::load(project, &prepared.needs_of(asked), &prepared.load_options(options))?;
    let rows = loaded.tables.iter().map(|t| t.rows).sum();
    let load = start.note("load".to_owned(), rows, rows, 0, asked.rules.len());
    let mut part = judge(project, prepared, &loaded, options, asked, &Drawer::default())?;
    part.findings.retain(|f| wanted.iter().any(|&i| prepared.rules[i].0.id == *f.rule));
    part.outcomes.retain(|i, _| wanted.contains(i));
    part.profile.insert(0, load);
    Ok(part)
}

/// Findings of each rule as bytes.
fn packed(prepared: &Prepared, part: &Part) -> Vec<(usize, Box<[u8]>)> {
    let mut of_rule: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    for (position, brief) in part.findings.briefs().iter().enumerate() {
        of_rule.entry(&brief.rule).or_default().push(position);
    }
    let rules: Vec<usize> = part.outcomes.keys().copied().collect();
    rules
        .into_par_iter()
        .map(|i| {
            let positions = of_rule.get(prepared.rules[i].0.id.as_str()).map_or(&[][..], Vec::as_slice);
            (i, carried(positions.iter().filter_map(|&position| part.findings.get(position))).into())
        })
        .collect()
}

/// Grounds of what can be taken over, by position of the rule or table. One whose columns the store does not know has none.
struct AllGrounds {
    rules: FxHashMap<usize, Grounds>,
    counted: FxHashMap<usize, Grounds>,
}

fn grounds(project: &Project, prepared: &Prepared, all: &Asked, needs: &Needs, receipts: &Loaded) -> AllGrounds {
    let contents: FxHashMap<&str, &Contents> = receipts.contents.iter().map(|(name, c)| (name.as_str(), c)).collect();
    let data = |asked: Asked| {
        let mut hasher = blake3::Hasher::new();
        for (table, columns) in prepared.needs_of(&asked).columns {
            hasher.update(format!("{table} {columns:?}").as_bytes());
            hasher.update(contents.get(table.as_str())?.digest(&columns, needs.columns.get(&table)?)?.as_bytes());
        }
        Some(hasher.finalize().to_hex().to_string())
    };
    let data_of: FxHashMap<usize, String> =
        all.rules.par_iter().filter_map(|&i| Some((i, data(Asked { rules: vec![i], ..Asked::default() })?))).collect();
    let mut structures = Structures::new(project, prepared);
    let own: Vec<(usize, String)> = prepared.ready().map(|(i, rule)| (i, structures.rule(i, rule))).collect();
    let structure_of: FxHashMap<usize, &str> = own.iter().map(|(i, structure)| (*i, structure.as_str())).collect();
    let rules = own.par_iter().filter_map(|(i, structure)| {
        let (mut structure, mut data) = (structure.clone(), data_of.get(i)?.clone());
        // A record that an integrity rule sets aside is not assessable for others: they follow from it too.
        for &validating in prepared.set_aside_by(*i) {
            structure.push_str(structure_of.get(&validating)?);
            data.push_str(data_of.get(&validating)?);
        }
        Some((*i, Grounds { structure, data }))
    });
    let counted = all.counted.iter().filter_map(|&table| {
        let data = data(Asked { counted: vec![table], ..Asked::default() })?;
        Some((table, Grounds { structure: structures.counted(table), data }))
    });
    AllGrounds { rules: rules.collect(), counted: counted.collect() }
}
