//! What changed from one run to another, by the three identities of a finding.

use std::collections::BTreeMap;

use super::RunContent;

/// Flagged findings of `old` and `new`, each in one of the four states. Positions are those of the run's list of findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Positions in the new run.
    pub new: Vec<usize>,
    /// Positions in the old run.
    pub absent: Vec<usize>,
    pub updated: Vec<Updated>,
    pub unchanged: u64,
    /// Positions in the old run of absent findings that the new run holds as exempt.
    pub now_exempt: Vec<usize>,
    /// What differs between the two that can explain it.
    pub causes: Vec<Cause>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    pub old: usize,
    pub new: usize,
    /// A decisive field changed, not only something about the records: a decided case opens again.
    pub decisive: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    Tool {
        old: String,
        new: String,
    },
    AsOf {
        old: i32,
        new: i32,
    },
    RuleAdded(String),
    RuleRemoved(String),
    RuleEdited(String),
    /// Other files, or the same with other content; rows added (negative: fewer).
    Table {
        name: String,
        rows: i64,
    },
    Parameters,
    Regions,
    Project,
    /// `name`, old and new value.
    Option {
        name: String,
        old: Option<String>,
        new: Option<String>,
    },
}

/// Position, records hash and flag hash by key.
fn flagged(run: &RunContent) -> BTreeMap<String, (usize, String, String)> {
    let told = (0..run.findings.len()).filter_map(|i| Some((i, run.findings.told(i)?)));
    told.filter(|(_, f)| !f.exempt).map(|(i, f)| (f.key, (i, f.records_hash, f.flag_hash))).collect()
}

/// Compares two runs; lists are in the order of the run they point into.
pub fn compare(old: &RunContent, new: &RunContent) -> Comparison {
    let (before, after) = (flagged(old), flagged(new));
    let mut result = Comparison { causes: causes(old, new), ..Comparison::default() };
    for (key, (i, records, flag)) in &after {
        match before.get(key) {
            None => result.new.push(*i),
            Some((j, records_before, flag_before)) if flag != flag_before || records != records_before => {
                result.updated.push(Updated { old: *j, new: *i, decisive: flag != flag_before });
            }
            Some(_) => result.unchanged += 1,
        }
    }
    let exempt: std::collections::BTreeSet<&str> = new.findings.briefs().iter().filter(|f| f.exempt).map(|f| &*f.key).collect();
    for (key, (i, ..)) in &before {
        if !after.contains_key(key) {
            result.absent.push(*i);
            if exempt.contains(key.as_str()) {
                result.now_exempt.push(*i);
            }
        }
    }
    result.new.sort_unstable();
    result.absent.sort_unstable();
    result.now_exempt.sort_unstable();
    result.updated.sort_by_key(|u| u.new);
    result
}

fn causes(old: &RunContent, new: &RunContent) -> Vec<Cause> {
    let (a, b) = (&old.manifest, &new.manifest);
    let mut causes = vec![];
    if a.recount != b.recount {
        causes.push(Cause::Tool { old: a.recount.clone(), new: b.recount.clone() });
    }
    if a.as_of != b.as_of {
        causes.push(Cause::AsOf { old: a.as_of, new: b.as_of });
    }
    let rules = |m: &super::Manifest| m.rules.iter().cloned().collect::<BTreeMap<String, String>>();
    let (was, is) = (rules(a), rules(b));
    for name in was.keys().chain(is.keys()).collect::<std::collections::BTreeSet<_>>() {
        match (was.get(name), is.get(name)) {
            (None, _) => causes.push(Cause::RuleAdded(name.clone())),
            (_, None) => causes.push(Cause::RuleRemoved(name.clone())),
            (Some(x), Some(y)) if x != y => causes.push(Cause::RuleEdited(name.clone())),
            _ => {}
        }
    }
    // Contents and rows per table: a file under another name is the same delivery.
    let tables = |m: &super::Manifest| {
        let mut tables: BTreeMap<String, (Vec<String>, i64)> = BTreeMap::new();
        for file in &m.files {
            let (hashes, rows) = tables.entry(file.table.clone()).or_default();
            hashes.push(file.sha256.clone());
            *rows += i64::try_from(file.rows).unwrap_or(i64::MAX);
        }
        tables.values_mut().for_each(|(hashes, _)| hashes.sort());
        tables
    };
    let (was, is) = (tables(a), tables(b));
    for name in was.keys().chain(is.keys()).collect::<std::collections::BTreeSet<_>>() {
        let (x, y) = (was.get(name), is.get(name));
        if x != y {
            causes.push(Cause::Table { name: name.clone(), rows: y.map_or(0, |t| t.1) - x.map_or(0, |t| t.1) });
        }
    }
    for (differs, cause) in [
        (a.parameters != b.parameters, Cause::Parameters),
        (a.regions != b.regions, Cause::Regions),
        (a.project != b.project, Cause::Project),
    ] {
        if differs {
            causes.push(cause);
        }
    }
    for name in a.options.keys().chain(b.options.keys()).collect::<std::collections::BTreeSet<_>>() {
        let (x, y) = (a.options.get(name), b.options.get(name));
        if x != y {
            causes.push(Cause::Option { name: name.clone(), old: x.cloned(), new: y.cloned() });
        }
    }
    causes
}
