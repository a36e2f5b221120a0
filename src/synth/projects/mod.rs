//! Projects, tenders, suppliers and invoices, offices' accounts, bank lines and loans: tables of their own, with draws of their own,
//! so that nothing else of a programme changes with them. What is planted here needs no household made to its wish.

mod accounts;
mod money;
mod plant;
mod works;

use std::collections::BTreeMap;

use super::calendar::{civil, day};
use super::doses::Turn;
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
    dose: Option<i64>,
}

impl Plan {
    fn new(kind: &'static str, planted: bool, turn: Turn) -> Self {
        Plan { kind, planted, variant: turn.variant, dose: turn.dose }
    }

    /// The dose of a planted case, else what it is without doses; look-alikes stay as they are.
    fn dose(&self, usual: i64) -> i64 {
        self.dose.filter(|_| self.planted).unwrap_or(usual)
    }

    /// Which of so many forms the case takes: the one that the dose speaks of, else by the case's number.
    fn form(&self, of: usize, dosed: usize) -> usize {
        if self.planted && self.dose.is_some() { dosed } else { self.variant % of }
    }
}

/// Planted cases and look-alikes of a kind in turn, each with its place in that order.
fn turns(layout: &Layout, kind: &'static str) -> Vec<Plan> {
    layout.amount.turns(kind).flat_map(|turn| [true, false].map(|planted| Plan::new(kind, planted, turn))).collect()
}

/// The cases of a village: each kind starts in another village and takes every so manyth, planted and look-alike in turn.
fn plans(layout: &Layout, index: usize) -> Vec<Plan> {
    let villages = layout.sites.len();
    let mut all = Vec::new();
    for (n, &kind) in KINDS.iter().enumerate() {
        // A village has room for one case of a kind.
        let plans = turns(layout, kind);
        let slots = plans.len().min((villages / 2 * 2).max(1));
        let stride = (villages / slots).max(1);
        let first = n * 5 % villages;
        all.extend(plans.into_iter().take(slots).enumerate().filter(|(slot, _)| (first + slot * stride) % villages == index).map(|x| x.1));
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
        village.truth.dosed(plan.kind, plan.dose);
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
        village.truth.dosed(plan.kind, plan.dose);
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
        let plans = turns(layout, "FD24");
        let stride = (self.0.len() / plans.len()).max(1);
        for (n, (key, b)) in self.0.into_iter().enumerate() {
            let (mut bank, mut ledger, mut fee) = (b.sum, b.sum, 0);
            if let Some(plan) = plans.get(n / stride).filter(|_| n % stride == 0) {
                truth.dosed(plan.kind, plan.dose);
                let form = (plan.planted, plan.form(2, 0));
                let note = match form {
                    (true, 0) => "the bank credited more than the list says",
                    (true, _) => "the ledger says more than the bank credited",
                    _ => "the bank's fee was credited with the batch",
                };
                match form {
                    (true, 0) => {
                        bank += 100 * plan.dose(1260);
                        ledger = bank;
                    }
                    (true, _) => ledger = b.sum + 340_000,
                    _ => (bank, ledger, fee) = (b.sum + 2_500, b.sum + 2_500, 2_500),
                }
                let case = truth.case("FD24", plan.planted, "case", key.clone(), note);
                truth.record(&case, "bank_batches", key.clone());
            }
            let mut row = tables.row(T::BankBatches);
            row.text(&key).int(b.region).hundredths(bank).int(b.lines).hundredths(ledger).hundredths(fee).date(b.last + 1);
        }
    }
}
