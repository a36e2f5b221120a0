//! What a finding's amount is about, record by record: the base of sums in which every record counts once.

use super::{Finding, Record, code};
use crate::schema::Value;

/// A record, by a hash of its table and key.
pub type RecordId = [u8; 16];

/// The records that an amount is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stake {
    /// Fen of each record: its only record, or a money column whose cells sum to the amount.
    Shares(Box<[(RecordId, i64)]>),
    /// Not told apart by record. Each once, ascending by key.
    Lump(Box<[RecordId]>),
}

/// The records a finding's amount is about: those that play the first row's part in the first row's table.
fn records<R: Record>(evidence: &[R]) -> Vec<&R> {
    let Some(first) = evidence.first() else { return vec![] };
    evidence.iter().filter(|row| row.table() == first.table() && row.role() == first.role()).collect()
}

fn id(row: &impl Record) -> RecordId {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(row.table().as_bytes());
    for (name, value) in row.key() {
        bytes.push(0xff);
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0xff);
        code::value(&mut bytes, &value);
    }
    let mut id = [0; 16];
    id.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..16]);
    id
}

/// What each record contributes, if the finding's evidence says so.
fn shares(finding: &Finding, rows: &[&impl Record], amount: i64) -> Option<Box<[(RecordId, i64)]>> {
    if finding.evidence_omitted > 0 {
        return None;
    }
    if let [row] = rows {
        return Some([(id(*row), amount)].into());
    }
    for (column, _) in rows.first()?.cells() {
        let money: Option<Vec<i64>> = rows
            .iter()
            .map(|row| match row.cells().find(|(name, _)| *name == column).as_ref().map(|(_, used)| &**used) {
                Some(Value::Money(fen)) => Some(*fen),
                _ => None,
            })
            .collect();
        if let Some(money) = money
            && money.iter().map(|fen| i128::from(*fen)).sum::<i128>() == i128::from(amount)
        {
            return Some(rows.iter().zip(money).map(|(row, fen)| (id(*row), fen)).collect());
        }
    }
    None
}

/// `None`: the finding states no amount.
pub fn stake(finding: &Finding, evidence: &[impl Record]) -> Option<Stake> {
    let amount = finding.amount?;
    let mut rows = records(evidence);
    Some(match shares(finding, &rows, amount) {
        Some(shares) => Stake::Shares(shares),
        None => {
            rows.sort_by(|a, b| a.table().cmp(b.table()).then_with(|| a.key().cmp(b.key())));
            rows.dedup_by(|a, b| a.table() == b.table() && a.key().eq(b.key()));
            Stake::Lump(rows.into_iter().map(id).collect())
        }
    })
}
