//! What the audit office itself keeps: exemptions granted (SV10) and deliveries received (SV12). One county is made for each form.

use super::calendar::day;
use super::draw::Draw;
use super::files::{T, Tables};
use super::layout::Layout;
use super::truth::{Case, Truth};

/// Stream of the draws made for the logs.
const LOG_STREAM: u64 = (1 << 40) + 2;

/// Writes both logs and says what was planted.
pub(super) fn write(layout: &Layout, tables: &mut Tables, truth: &mut Truth) {
    let mut draw = Draw::new(layout.seed, LOG_STREAM);
    exemptions(layout, tables, truth, &mut draw);
    deliveries(layout, tables, truth, &mut draw);
}

fn exemptions(layout: &Layout, tables: &mut Tables, truth: &mut Truth, draw: &mut Draw) {
    let mut entry = 0;
    for (c, county) in layout.counties.iter().enumerate() {
        let area = county.code.to_string();
        // Without a role four people share the work and the list stays as long as it was.
        let (planted, note) = match c {
            0 => (true, "one person granted most exemptions"),
            1 => (true, "exemptions grew many times over"),
            2 => (false, "one desk by written order"),
            _ => (false, ""),
        };
        let case = (!note.is_empty()).then(|| truth.case("SV10", planted, "area", area, note));
        for year in layout.years() {
            let n = if c == 1 && year == layout.last_year { 40 } else { 10 + draw.range(0, 2) };
            for k in 0..n {
                entry += 1;
                let granter = if c == 2 || (c == 0 && k % 10 < 7) { 0 } else { 1 + k % 4 };
                let home = layout.sites.iter().find(|s| s.county == c).map_or(0, |s| s.index + 1);
                let mut row = tables.row(T::ExemptionsLog);
                row.key('Y', 0, entry, 6).text(if k % 3 == 0 { "whitelist" } else { "exemption" }).text("household");
                row.key('H', home, (k + 1) as usize, 3).int(county.code).text(&format!("{}{granter}号审核员", county.name)).yes_no(c == 2);
                row.date(day(year, 1, 15) + (k * 320 / n) as i32).date(day(year, 12, 31)).text("资料待补");
                drop(row);
                if let Some(case) = &case {
                    truth.record(case, "exemptions_log", format!("Y00000{entry:06}"));
                }
            }
        }
    }
}

/// One delivery, as the intake desk writes it down.
struct Delivery {
    table: &'static str,
    due: i32,
    delivered: i32,
    extended: Option<i32>,
    due_rows: i64,
    rows: i64,
    replaces: Option<usize>,
    changed: i64,
    requested: bool,
}

fn deliveries(layout: &Layout, tables: &mut Tables, truth: &mut Truth, draw: &mut Draw) {
    let announced = day(layout.last_year, 10, 20);
    let due = announced + 14;
    let mut number = 0;
    for (c, county) in layout.counties.iter().enumerate() {
        let area = county.code.to_string();
        for table in ["members", "incomes", "payments"] {
            let rows = 400 + draw.range(0, 900);
            let plain = Delivery {
                table,
                due,
                delivered: due - 3,
                extended: None,
                due_rows: rows,
                rows,
                replaces: None,
                changed: 0,
                requested: false,
            };
            let first = number + 1;
            let again = |d: Delivery| Delivery { delivered: due + 9, replaces: Some(first), ..d };
            let copy = |d: &Delivery| Delivery { ..*d };
            let (role, made): (Option<(bool, &'static str)>, Vec<Delivery>) = match (c, table) {
                (0, "incomes") => (Some((true, "delivered late")), vec![Delivery { delivered: due + 18, ..plain }]),
                (0, "payments") => (
                    Some((false, "delivered late, term extended")),
                    vec![Delivery { delivered: due + 18, extended: Some(due + 20), ..plain }],
                ),
                (1, "incomes") => (Some((true, "delivered in part")), vec![Delivery { rows: rows * 9 / 10, ..plain }]),
                (1, "payments") => {
                    let part = Delivery { rows: rows * 9 / 10, ..copy(&plain) };
                    (
                        Some((false, "delivered in part, completed when asked")),
                        vec![part, again(Delivery { changed: rows / 10, requested: true, ..plain })],
                    )
                }
                (2, "incomes") => {
                    let changed = again(Delivery { changed: 37, ..copy(&plain) });
                    (Some((true, "delivered again with changes")), vec![plain, changed])
                }
                (2, "payments") => {
                    let same = again(copy(&plain));
                    (Some((false, "delivered again, unchanged")), vec![plain, same])
                }
                _ => (None, vec![plain]),
            };
            let case: Option<Case> = role.map(|(planted, note)| truth.case("SV12", planted, "area", area.clone(), note));
            for d in made {
                number += 1;
                let mut row = tables.row(T::DeliveriesLog);
                row.key('D', 0, number, 5)
                    .text(d.table)
                    .int(county.code)
                    .date(announced)
                    .date(d.due)
                    .opt_date(d.extended)
                    .date(d.delivered);
                row.int(d.due_rows).int(d.rows);
                match d.replaces {
                    Some(other) => row.key('D', 0, other, 5),
                    None => row.text(""),
                };
                row.int(d.changed).yes_no(d.requested);
                drop(row);
                if let Some(case) = &case {
                    truth.record(case, "deliveries_log", format!("D00000{number:05}"));
                }
            }
        }
    }
}
