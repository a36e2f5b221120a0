//! Money at stake over several findings, each source record counted once.

use std::collections::BTreeMap;

use crate::finding::{EvidenceRow, Finding, Name};
use crate::schema::Value;

type RecordKey<'a> = (&'a str, &'a [(Name, Value)]);

/// The records a finding's amount is about: those that play the first row's part in the first row's table.
fn records(finding: &Finding) -> Vec<&EvidenceRow> {
    let Some(first) = finding.evidence.first() else { return vec![] };
    finding.evidence.iter().filter(|row| row.table == first.table && row.role == first.role).collect()
}

fn key(row: &EvidenceRow) -> RecordKey<'_> {
    (&row.table, &row.key)
}

/// What each record contributes, if the finding's evidence says so: its only record, or a money column whose cells sum to the amount.
fn shares<'a>(finding: &'a Finding, rows: &[&'a EvidenceRow], amount: i64) -> Option<Vec<(RecordKey<'a>, i128)>> {
    if finding.evidence_omitted > 0 {
        return None;
    }
    if let [row] = rows {
        return Some(vec![(key(row), i128::from(amount))]);
    }
    for cell in &rows.first()?.cells {
        let money: Option<Vec<i128>> = rows
            .iter()
            .map(|row| match row.cells.iter().find(|c| c.column == cell.column).map(|c| &c.used) {
                Some(Value::Money(fen)) => Some(i128::from(*fen)),
                _ => None,
            })
            .collect();
        if let Some(money) = money
            && money.iter().sum::<i128>() == i128::from(amount)
        {
            return Some(rows.iter().zip(money).map(|(row, fen)| (key(row), fen)).collect());
        }
    }
    None
}

/// Fen at stake in `findings` together, `None` when none states an amount. A record that several findings name counts once, with the
/// largest of its amounts; an amount that cannot be laid out over records counts as far as its records are not counted already.
pub fn once<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<i128> {
    let mut stated: Vec<(&Finding, i64)> = findings.filter_map(|f| f.amount.map(|amount| (f, amount))).collect();
    if stated.is_empty() {
        return None;
    }
    stated.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.rule.cmp(&b.0.rule)).then(a.0.key.cmp(&b.0.key)));
    let mut counted: BTreeMap<RecordKey<'a>, i128> = BTreeMap::new();
    let mut apart: i128 = 0;
    let mut lumps = vec![];
    for (finding, amount) in stated {
        let rows = records(finding);
        match shares(finding, &rows, amount) {
            Some(shares) => {
                for (record, fen) in shares {
                    let largest = counted.entry(record).or_insert(fen);
                    *largest = (*largest).max(fen);
                }
            }
            None => lumps.push((rows, i128::from(amount))),
        }
    }
    for (rows, amount) in lumps {
        let mut keys: Vec<RecordKey<'a>> = rows.into_iter().map(key).collect();
        keys.sort();
        keys.dedup();
        let already: i128 = keys.iter().filter_map(|k| counted.get(k)).sum();
        let rest = amount - already;
        if rest <= 0 {
            continue;
        }
        let Ok(n) = i128::try_from(keys.len()) else { continue };
        if n == 0 {
            apart += rest;
            continue;
        }
        // Laid evenly on its records, so that a further finding on some of them finds its part counted.
        for (i, record) in keys.into_iter().enumerate() {
            *counted.entry(record).or_insert(0) += rest / n + i128::from(i == 0) * (rest % n);
        }
    }
    Some(counted.values().sum::<i128>() + apart)
}
