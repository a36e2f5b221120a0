//! Money at stake over several findings, each source record counted once.

use rustc_hash::FxHashMap;

use crate::finding::{Brief, RecordId, Stake};

/// Fen at stake in `findings` together, `None` when none states an amount. A record that several findings name counts once, with the
/// largest of its amounts; an amount that cannot be laid out over records counts as far as its records are not counted already.
pub fn once<'a>(findings: impl Iterator<Item = &'a Brief>) -> Option<i128> {
    let mut stated: Vec<(&Brief, i64)> = findings.filter_map(|f| f.amount.map(|amount| (f, amount))).collect();
    if stated.is_empty() {
        return None;
    }
    stated.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.rule.cmp(&b.0.rule)).then_with(|| a.0.key.cmp(&b.0.key)));
    let mut counted: FxHashMap<RecordId, i128> = FxHashMap::default();
    let mut apart: i128 = 0;
    let mut lumps: Vec<(&[RecordId], i128)> = vec![];
    for (finding, amount) in stated {
        match &finding.stake {
            Some(Stake::Shares(shares)) => {
                for (record, fen) in shares {
                    let fen = i128::from(*fen);
                    let largest = counted.entry(*record).or_insert(fen);
                    *largest = (*largest).max(fen);
                }
            }
            Some(Stake::Lump(records)) => lumps.push((records, amount.into())),
            None => lumps.push((&[], amount.into())),
        }
    }
    for (records, amount) in lumps {
        let already: i128 = records.iter().filter_map(|k| counted.get(k)).sum();
        let rest = amount - already;
        if rest <= 0 {
            continue;
        }
        let Ok(n) = i128::try_from(records.len()) else { continue };
        if n == 0 {
            apart += rest;
            continue;
        }
        // Laid evenly on its records, so that a further finding on some of them finds its part counted.
        for (i, record) in records.iter().enumerate() {
            *counted.entry(*record).or_insert(0) += rest / n + i128::from(i == 0) * (rest % n);
        }
    }
    Some(counted.values().sum::<i128>() + apart)
}
