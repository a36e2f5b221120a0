//! Projects, tenders, suppliers and invoices, offices' accounts, bank lines and loans: tables of their own, with draws of their own,
//! so that nothing else of a programme changes with them. What is planted here needs no household made to its wish.

mod accounts;
mod money;
mod plant;
mod works;

use std::collections::BTreeMap;

use super::calendar::{civil, day};
use super::draw::Draw;
use super::files::{T, Tables};
use super::layout::Layout;
use super::model::*;
use super::truth::Truth;
use works::Works;

/// Kinds planted here, in the order in which they are spread over the villages.
pub(super) const KINDS: [&str; 28] = [
    "FD01", "FD02", "FD03", "FD04", "FD13", "FD14", "FD17", "FD18", "FD19", "FD21", "FD22", "FD24", "FD26", "FD27", "PJ01", "PJ02", "PJ03",
    "PJ04", "PJ05", "PJ06", "PJ07", "PJ08", "PJ09", "PJ10", "PJ11", "PJ12", "PJ13", "PJ14",
];

/// Streams of the draws that change payments and documents, and of those of the new tables; villages count up from them.
const ALTER_STREAM: u64 = 2 << 40;
const ADD_STREAM: u64 = 3 << 40;

/// One case of a village.
#[derive(Debug, Clone, Copy)]
struct Plan {
    kind: &'static str,
    planted: bool,
    variant: usize,
}

/// Planted cases of each kind in a programme of so many villages; as many look-alikes.
fn cases_of_each(layout: &Layout) -> usize {
    if layout.small { 3 } else { (layout.sites.len() / 20).max(3) }
}

/// The cases of a village: each kind starts in another village and takes every so manyth, planted and look-alike in turn.
fn plans(layout: &Layout, index: usize) -> Vec<Plan> {
    let villages = layout.sites.len();
    let slots = 2 * cases_of_each(layout);
    let stride = (villages / slots).max(1);
    let mut all = Vec::new();
    for (n, &kind) in KINDS.iter().enumerate() {
        let first = n * 5 % villages;
        for slot in 0..slots {
            if (first + slot * stride) % villages == index {
                all.push(Plan { kind, planted: slot % 2 == 0, variant: slot / 2 });
            }
        }
    }
    all
}

/// Whether an earlier village of the county has a case of the same kind and role: a county has one.
fn earlier_in_county(layout: &Layout, index: usize, plan: Plan) -> bool {
    let county = layout.sites[index].county;
    let same = |p: &Plan| p.kind == plan.kind && p.planted == plan.planted;
    let own = plans(layout, index).iter().position(same).is_some_and(|n| plans(layout, index)[n].variant != plan.variant);
    let sites = layout.sites[..index].iter().rev().take_while(|s| s.county == county);
    own || sites.into_iter().any(|s| plans(layout, s.index).iter().any(same))
}

/// Households that no other case has taken, all when there is none.
fn free(village: &Village) -> Vec<usize> {
    let all = 0..village.households.len();
    let free: Vec<usize> = all.clone().filter(|&n| !village.households[n].taken).collect();
    if free.is_empty() { all.collect() } else { free }
}

/// Cases that stand in payments and in documents that move money; before the letters that state their sums.
pub(super) fn alter(layout: &Layout, village: &mut Village) {
    let mut draw = Draw::new(layout.seed, ALTER_STREAM + village.site.index as u64);
    for plan in plans(layout, village.site.index) {
        match plan.kind {
            "FD03" => money::slow_transfer(layout, village, &mut draw, plan),
            "FD13" => money::other_standard(village, plan),
            "FD21" => money::other_purpose(layout, village, &mut draw, plan),
            "FD26" => money::reissued(village, plan),
            _ => {}
        }
    }
}

/// Makes the new tables of a village with their cases; gives the sums of its pay-out batches.
pub(super) fn add(layout: &Layout, village: &mut Village, tables: &mut Tables) -> Batches {
    let mut draw = Draw::new(layout.seed, ADD_STREAM + village.site.index as u64);
    let mut works = Works::default();
    let batches = money::background(layout, village, &mut draw, &mut works);
    works::background(layout, village, &mut draw, &mut works);
    for plan in plans(layout, village.site.index) {
        let mut planting = plant::Planting { layout, village, draw: &mut draw, works: &mut works, plan };
        if plan.kind.starts_with("PJ") || plan.kind == "FD04" { planting.project() } else { planting.money() }
    }
    works.emit(village, tables);
    batches
}

/// Pay-out batches of the programme: what their lists sum to.
#[derive(Default)]
pub(super) struct Batches(BTreeMap<String, Batch>);

struct Batch {
    region: i64,
    sum: Fen,
    lines: i64,
    last: Days,
}

impl Batches {
    fn pay(&mut self, layout: &Layout, village: &Village, payment: &Payment) {
        let (y, m, _) = civil(payment.paid_on);
        let town = village.site.town;
        let region = layout.towns[town].code;
        let key = format!("{}{y}{m:02}{:04}", payment.programme, town + 1);
        let batch = self.0.entry(key).or_insert(Batch { region, sum: 0, lines: 0, last: day(y, m, 1) });
        batch.sum += payment.amount();
        batch.lines += 1;
        batch.last = batch.last.max(payment.paid_on);
    }

    pub(super) fn add(&mut self, other: Batches) {
        for (key, b) in other.0 {
            let batch = self.0.entry(key).or_insert(Batch { region: b.region, sum: 0, lines: 0, last: b.last });
            batch.sum += b.sum;
            batch.lines += b.lines;
            batch.last = batch.last.max(b.last);
        }
    }

    /// Writes what the bank and the ledger say of each batch; some do not agree (FD24), some differ by the bank's fee.
    pub(super) fn finish(self, layout: &Layout, tables: &mut Tables, truth: &mut Truth) {
        let slots = 2 * cases_of_each(layout);
        let stride = (self.0.len() / slots).max(1);
        for (n, (key, b)) in self.0.into_iter().enumerate() {
            let (mut bank, mut ledger, mut fee) = (b.sum, b.sum, 0);
            let slot = n / stride;
            if n % stride == 0 && slot < slots {
                let note = match (slot % 2, slot / 2 % 2) {
                    (0, 0) => "the bank credited more than the list says",
                    (0, _) => "the ledger says more than the bank credited",
                    _ => "the bank's fee was credited with the batch",
                };
                match (slot % 2, slot / 2 % 2) {
                    (0, 0) => (bank, ledger) = (b.sum + 126_000, b.sum + 126_000),
                    (0, _) => ledger = b.sum + 340_000,
                    _ => (bank, ledger, fee) = (b.sum + 2_500, b.sum + 2_500, 2_500),
                }
                let case = truth.case("FD24", slot % 2 == 0, "case", key.clone(), note);
                truth.record(&case, "bank_batches", key.clone());
            }
            let mut row = tables.row(T::BankBatches);
            row.text(&key).int(b.region).hundredths(bank).int(b.lines).hundredths(ledger).hundredths(fee).date(b.last + 1);
        }
    }
}
