//! Which pairs are compared: one key per rule and record, equal keys meet. Costs are counted before any pair is made, and a block
//! that is too large is split by further parts of the key instead of being dropped.

mod default;
mod key;
mod sort;

use rayon::prelude::*;

pub(crate) use default::rules;
pub use key::suits;
use sort::{Blocks, Sorter};

use super::compare::Comparer;
use super::model::KeyModel;
use super::normalise::combine;
use super::outcome::RuleReport;
use super::records::{Records, to_line};
use super::spec::{Blocking, Kind, Spec};

/// Up to this many pairs in all, every pair is compared, whatever the rules.
const COMPARE_ALL: u64 = 500_000;
/// The same when a model brings the rule: a kept index may have grown.
const COMPARE_ALL_FROZEN: u64 = 20_000_000;
/// Blocks over this size are always split.
const LARGEST_BLOCK: u32 = 400;
pub(crate) const EVERYTHING: &str = "every pair";

/// Keys of all records under all rules.
pub(crate) struct Keys {
    pub names: Vec<String>,
    /// `keys[first + record * stride + rule]`; 0: the record has no key. Rows begin with a cache line.
    keys: Vec<u32>,
    first: usize,
    stride: usize,
    pub rules: usize,
    /// By rule: who meets.
    pub blocks: Vec<Blocks>,
    /// Compared fields (bits by order in the comparer) that each rule looks at, with what is tied to them.
    pub uses: Vec<u64>,
    pub models: Vec<KeyModel>,
    pub reports: Vec<RuleReport>,
    pub messages: Vec<String>,
    /// Blocks were split that the model does not know of.
    pub outgrown: bool,
}

/// Fields a rule looks at. Id, birth and sex are tied: one tells the others.
fn uses(rule: &Blocking, spec: &Spec, comparer: &Comparer) -> u64 {
    let tied = |kind: Kind| matches!(kind, Kind::CitizenId | Kind::Date | Kind::Sex);
    let has_id = spec.first(Kind::CitizenId).is_some();
    let mut bits = 0;
    for (i, field) in comparer.fields.iter().enumerate() {
        let kind = field.slot.kind;
        let used = rule
            .on
            .iter()
            .filter_map(|key| spec.fields.iter().find(|f| f.name == key.field))
            .any(|f| f.name == spec.fields[field.field].name || (has_id && tied(kind) && tied(f.kind) && f.kind != Kind::Sex));
        bits |= u64::from(used) << i;
    }
    bits
}

impl Keys {
    /// Keys of `records` by the rules of `spec`. With `frozen` the blocks of a fitted model are split as they were then.
    pub fn build(spec: &Spec, records: &Records, comparer: &Comparer, frozen: Option<&[KeyModel]>) -> Keys {
        let rules = rules(spec);
        let n = records.len() as u64;
        let all_pairs = n * n.saturating_sub(1) / 2;
        let everything = match frozen {
            Some(models) => models.iter().any(|m| m.rule == EVERYTHING) && all_pairs <= COMPARE_ALL_FROZEN,
            None => all_pairs <= COMPARE_ALL,
        };
        let count = rules.len() + usize::from(everything);
        let stride = if count > 8 { 16 } else { 8 };
        let column = vec![0; records.len() * stride + 16];
        let mut keys = Keys {
            names: Vec::new(),
            first: to_line(&column),
            stride,
            keys: column,
            rules: count,
            uses: Vec::new(),
            models: Vec::new(),
            reports: Vec::new(),
            messages: Vec::new(),
            outgrown: false,
            blocks: Vec::new(),
        };
        if let Some(models) = frozen
            && models.iter().any(|m| m.rule == EVERYTHING)
            && !everything
        {
            keys.outgrown = true;
            keys.messages.push("the model was fitted on every pair; there are too many records now: train again".into());
        }
        let mut sorter = Sorter::default();
        for (r, rule) in rules.iter().enumerate() {
            let name = key::name(rule);
            let frozen = frozen.and_then(|models| models.iter().find(|m| m.rule == name));
            keys.rule(r, name, rule, spec, records, frozen, &mut sorter);
            keys.uses.push(uses(rule, spec, comparer));
        }
        if everything {
            keys.set(rules.len(), &vec![1; records.len()]);
            keys.blocks.push(Blocks::of_all(records.len() as u32));
            keys.names.push(EVERYTHING.into());
            keys.uses.push(0);
            keys.models.push(KeyModel { rule: EVERYTHING.into(), limit: records.len() as u32, refined: Vec::new() });
            keys.reports.push(RuleReport {
                rule: EVERYTHING.into(),
                records: n,
                blocks: 1,
                largest_block: n,
                pairs_as_written: all_pairs,
                pairs: all_pairs,
                ..empty()
            });
        }
        keys
    }

    fn set(&mut self, rule: usize, column: &[u32]) {
        let (first, stride) = (self.first, self.stride);
        self.keys[first..first + column.len() * stride]
            .par_chunks_mut(stride)
            .zip(column.par_iter())
            .for_each(|(row, key)| row[rule] = *key);
    }

    fn rule(
        &mut self,
        r: usize,
        name: String,
        rule: &Blocking,
        spec: &Spec,
        records: &Records,
        frozen: Option<&KeyModel>,
        sorter: &mut Sorter,
    ) {
        let on = key::parts(&rule.on, spec, records);
        let then = key::parts(&rule.then, spec, records);
        let whole = |record| key::hash(&on, records, record).map_or(0, short);
        let mut column: Vec<u32> = (0..records.len()).into_par_iter().map(whole).collect();
        let mut sorted = sorter.by_key(&column);
        let sizes = sort::sizes(sorted);
        let pairs = |sizes: &[(u32, u64)]| sizes.iter().map(|(k, blocks)| blocks * pairs_of(*k)).sum::<u64>();
        let mut report = RuleReport {
            rule: name.clone(),
            records: sorted.len() as u64,
            blocks: sizes.iter().map(|(_, blocks)| blocks).sum(),
            largest_block: sizes.last().map_or(0, |(k, _)| u64::from(*k)),
            pairs_as_written: pairs(&sizes),
            ..empty()
        };
        let limit = frozen.map_or_else(|| limit(&sizes, spec, records.len()), |m| m.limit);
        let mut refined: Vec<(u32, u8)> = Vec::new();
        for depth in 0..=then.len() {
            // Under a frozen model its list decides; blocks that have grown out of all bounds are split nevertheless.
            let bound = if frozen.is_some() { limit.saturating_mul(8).max(2000) } else { limit };
            let mut over: Vec<u32> = sort::runs(sorted).filter(|run| run.len() > bound as usize).map(|run| (run[0] >> 32) as u32).collect();
            if let Some(model) = frozen {
                if !over.is_empty() {
                    self.outgrown = true;
                    self.messages.push(format!("{name}: {} blocks have outgrown the model; train again", over.len()));
                }
                over.extend(model.refined.iter().filter(|(_, d)| *d == depth as u8).map(|(key, _)| *key));
                over.sort_unstable();
                over.dedup();
            }
            if over.is_empty() {
                break;
            }
            refined.extend(over.iter().map(|key| (*key, depth as u8)));
            report.blocks_refined += if depth == 0 { over.len() as u64 } else { 0 };
            let part = then.get(depth);
            let before = sorted.len();
            column.par_iter_mut().enumerate().filter(|(_, key)| **key != 0 && over.binary_search(key).is_ok()).for_each(|(record, key)| {
                *key = part.and_then(|p| key::of(p, records, record)).map_or(0, |h| short(combine(u64::from(*key), h)));
            });
            sorted = sorter.by_key(&column);
            report.records_refused += (before - sorted.len()) as u64;
        }
        report.pairs = pairs(&sort::sizes(sorted));
        if report.records_refused > 0 {
            self.messages.push(format!(
                "{name}: {} records stand in blocks too large to compare and were left to other rules; add a part under `then`",
                report.records_refused
            ));
        }
        self.blocks.push(Blocks::of(sorted));
        self.set(r, &column);
        self.names.push(name.clone());
        self.models.push(KeyModel { rule: name, limit, refined });
        self.reports.push(report);
    }

    /// Bit r: the two agree on the key of rule r.
    pub fn mask(&self, a: usize, b: usize) -> u16 {
        // Places beyond the rules are 0 everywhere; a fixed number of them is compared at once.
        let row = |record: usize| &self.keys[self.first + record * self.stride..][..self.stride];
        let eight = |x: &[u32], y: &[u32]| {
            let mut mask = 0u32;
            for r in 0..8 {
                mask |= if x[r] == y[r] && x[r] != 0 { 1 << r } else { 0 };
            }
            mask
        };
        let (x, y) = (row(a), row(b));
        let mut mask = 0;
        for (i, (x, y)) in x.chunks_exact(8).zip(y.chunks_exact(8)).enumerate() {
            mask |= eight(x, y) << (8 * i);
        }
        mask as u16
    }

    pub fn key(&self, record: usize, rule: usize) -> u32 {
        self.keys[self.first + record * self.stride + rule]
    }
}

/// Where one record stands under one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// A field of the key has no value (of the wanted part).
    Missing(String),
    /// Its block was too large and could not be split further.
    Refused,
    /// `whole`: the key as written; `key`: after splitting.
    Key { whole: u32, key: u32 },
}

/// Keys of one record under a fitted model, by rule. The same as [`Keys::build`] with the model's keys, for one record.
pub(crate) fn reach(spec: &Spec, records: &Records, models: &[KeyModel], record: usize) -> Vec<(String, Reach)> {
    let mut all: Vec<(String, Reach)> = rules(spec)
        .iter()
        .map(|rule| {
            let name = key::name(rule);
            let on = key::parts(&rule.on, spec, records);
            if let Some(i) = on.iter().position(|part| key::of(part, records, record).is_none()) {
                return (name, Reach::Missing(rule.on[i].field.clone()));
            }
            let then = key::parts(&rule.then, spec, records);
            let whole = key::hash(&on, records, record).map_or(0, short);
            let mut now = whole;
            if let Some(model) = models.iter().find(|m| m.rule == name) {
                for depth in 0..=then.len() {
                    if !model.refined.contains(&(now, depth as u8)) {
                        break;
                    }
                    match then.get(depth).and_then(|part| key::of(part, records, record)) {
                        Some(hash) => now = short(combine(u64::from(now), hash)),
                        None => return (name, Reach::Refused),
                    }
                }
            }
            (name, Reach::Key { whole, key: now })
        })
        .collect();
    if models.iter().any(|m| m.rule == EVERYTHING) {
        all.push((EVERYTHING.into(), Reach::Key { whole: 1, key: 1 }));
    }
    all
}

fn empty() -> RuleReport {
    RuleReport {
        rule: String::new(),
        records: 0,
        blocks: 0,
        largest_block: 0,
        pairs_as_written: 0,
        pairs: 0,
        blocks_refined: 0,
        records_refused: 0,
        links_alone: 0,
    }
}

fn short(key: u64) -> u32 {
    ((key >> 32) as u32).max(1)
}

fn pairs_of(block: u32) -> u64 {
    u64::from(block) * u64::from(block.saturating_sub(1)) / 2
}

/// The largest block size whose blocks, and all smaller ones, keep within the budget. `sizes`: with the number of blocks of each, ascending.
fn limit(sizes: &[(u32, u64)], spec: &Spec, records: usize) -> u32 {
    let budget = (u64::from(spec.limits.pairs_per_record) * records as u64).max(COMPARE_ALL);
    let most = LARGEST_BLOCK.max(spec.limits.small_block);
    let mut cost = 0u64;
    let mut limit = spec.limits.small_block;
    for &(size, blocks) in sizes {
        // A size is taken when its first block fits.
        if size > limit && (cost + pairs_of(size) > budget || size > most) {
            break;
        }
        cost += blocks * pairs_of(size);
        limit = limit.max(size);
    }
    limit
}

#[cfg(test)]
mod tests;
