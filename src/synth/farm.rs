//! Land, animals and the detail of income forms, such that they carry what the forms say.

use std::collections::HashSet;

use super::calendar::{age, day};
use super::draw::Draw;
use super::layout::Layout;
use super::model::*;

/// Streams of the draws made for the farms of a village.
const FARM_STREAM: u64 = 1 << 42;

/// Usual gross value of a mu of crops and of an animal, in fen.
const MU: Fen = 250_000;
const SPECIES: [(&str, Fen); 3] = [("cattle", 900_000), ("pig", 240_000), ("poultry", 9000)];

/// Land and animals for every income form; years that a case brings itself are left alone.
pub(super) fn fill(layout: &Layout, village: &mut Village) {
    let mut draw = Draw::new(layout.seed, FARM_STREAM + village.site.index as u64);
    declared(village, &mut draw);
    let mut dividends = Vec::new();
    for (at, h) in village.households.iter_mut().enumerate() {
        let forest = draw.range(0, 60);
        let breeder = draw.per_mille(600);
        let member = draw.per_mille(500);
        for n in 0..h.incomes.len() {
            let (year, operating, property, one_off) =
                (h.incomes[n].year, h.incomes[n].operating, h.incomes[n].property, h.incomes[n].one_off);
            if !h.farmed.contains(&year) {
                let animals = if breeder { operating * draw.range(15, 60) / 10_000 * 100 } else { 0 };
                h.land.push(Land { year, crop: fields(&mut draw, operating - animals), forest, rented: 0 });
                if animals > 0 {
                    let (species, value) = SPECIES.into_iter().find(|s| animals >= s.1).unwrap_or(SPECIES[2]);
                    let heads = (animals + value / 2) / value + 1;
                    let insured = if draw.per_mille(500) { heads } else { 0 };
                    h.herds.push(Herd { year, species, heads, vaccinated: heads, insured });
                    h.items.push(Item { year, item: "livestock", amount: animals, counted: true });
                }
            }
            let known: Fen = h.items.iter().filter(|i| i.year == year && i.counted && i.item != "livestock").map(|i| i.amount).sum();
            let amount = property - one_off - known;
            if amount > 0 && !h.items.iter().any(|i| i.year == year && matches!(i.item, "dividend" | "rent")) {
                let kind = if member { "dividend" } else { "rent" };
                h.items.push(Item { year, item: kind, amount, counted: true });
                dividends.push(Dividend { household: at, year, kind, promised: amount, paid: amount, paid_on: day(year, 12, 10) });
            }
        }
    }
    village.dividends.extend(dividends);
}

/// Income forms declare the transfers of the ledger, and where nobody is able to work the year of the exit does not double; cases about
/// incomes stay as they were planted.
fn declared(village: &mut Village, draw: &mut Draw) {
    let planted: HashSet<String> = village.truth.rows.iter().filter(|r| r.table == "incomes").map(|r| r.key.clone()).collect();
    for at in 0..village.households.len() {
        let id = village.household_id(at + 1);
        let h = &mut village.households[at];
        for n in 0..h.incomes.len() {
            let year = h.incomes[n].year;
            if planted.contains(&format!("{id}/{year}")) {
                continue;
            }
            let credited = |p: &&Payment| {
                p.year == year && p.status != "returned" && matches!(p.programme, "DIBAO" | "TEKUN" | "PENSION" | "DISAB" | "ECO")
            };
            let paid: Fen = h.payments.iter().filter(credited).map(Payment::amount).sum();
            let able = |p: &&Person| {
                let old = age(p.birth, h.incomes[n].surveyed);
                matches!(p.health, "healthy" | "chronic") && (16..60).contains(&old) && p.in_register(h.incomes[n].surveyed)
            };
            let without_labour = h.exited_year == Some(year) && h.people.iter().find(able).is_none();
            let before = h.incomes.iter().find(|i| i.year == year - 1).map(|i| i.per_capita);
            let i = &mut h.incomes[n];
            if let Some(before) = before.filter(|b| without_labour && !h.taken && i.per_capita > b * 19 / 10) {
                i.set_per_capita(before * 19 / 10);
            }
            let off = (i.transfer - paid).abs();
            if off > 20_000 && off > paid / 10 {
                // From one source to another: the net income stays.
                let moved = paid + draw.range(50, 180) * 100 - i.transfer;
                if i.operating >= moved {
                    (i.transfer, i.operating) = (i.transfer + moved, i.operating - moved);
                }
            }
        }
    }
}

/// Fields, in tenths of a mu, that usually give about so much.
pub(super) fn fields(draw: &mut Draw, value: Fen) -> i64 {
    (value * 10 / MU * draw.range(80, 130) / 100).max(5)
}
