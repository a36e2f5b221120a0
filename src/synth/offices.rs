//! What offices report upwards and note about their own work, in order; and the cases about it: FE10, QS11, QS12.

use std::collections::HashMap;

use super::calendar::{as_of, day};
use super::draw::Draw;
use super::ids::Id;
use super::jobs::Job;
use super::layout::Layout;
use super::model::*;

/// Streams of the draws made for the offices of a village.
const OFFICE_STREAM: u64 = 1 << 43;
/// Share of residents who are still poor, in per cent, below which a village exits.
const LIMIT: i64 = 3;

/// Kind, notice and end of what a county is told about in a year.
pub(super) fn inspections(year: i32) -> [(&'static str, Days, Option<Days>); 3] {
    [
        ("inspection", day(year, 6, 3), Some(day(year, 6, 20))),
        ("cross_check", day(year, 9, 5), Some(day(year, 9, 15))),
        ("year_close", day(year + 1, 1, 15), None),
    ]
}

pub(super) fn fill(layout: &Layout, village: &mut Village) {
    let mut draw = Draw::new(layout.seed, OFFICE_STREAM + village.site.index as u64);
    certificates(village, &mut draw);
    checks(village);
    revisions(layout, village, &mut draw);
    let jobs: Vec<Job> = village.site.added.clone();
    for job in jobs.iter().filter(|j| j.kind == "QS12") {
        crowded(village, job);
    }
    reports(layout, village, &jobs);
}

/// Whoever signs the consent to an exit is at home that day: a stay in hospital that would cover it ends with it.
pub(super) fn signed_at_home(village: &mut Village) {
    let consents: HashMap<(usize, Id), Days> = village
        .households
        .iter()
        .enumerate()
        .flat_map(|(n, h)| h.events.iter().filter(|e| e.kind == "exit_consent").filter_map(move |e| Some(((n, e.signer?), e.on))))
        .collect();
    for claim in &mut village.claims {
        if let Some(&on) = consents.get(&(claim.household, claim.id)).filter(|&&on| on > claim.admitted && on < claim.discharged) {
            claim.discharged = on;
        }
    }
}

fn certificates(village: &mut Village, draw: &mut Draw) {
    let mut found = Vec::new();
    for h in &village.households {
        for p in h.people.iter().filter(|p| p.disab.is_some() && p.in_registers) {
            let kind = draw.pick(&["physical", "physical", "visual", "hearing", "mental", "intellectual"]);
            let grade = if p.disab == Some("1") { 1 } else { 2 };
            found.push(Disability { id: p.id, kind, grade, issued: day(2013, 1, 10) + draw.days(0, 900) });
        }
    }
    village.disabilities.extend(found);
}

/// One check of the house before each exit, unless a case brings its own.
fn checks(village: &mut Village) {
    for at in 0..village.households.len() {
        if village.checks.iter().any(|c| c.household == at) {
            continue;
        }
        let marks: Vec<(i32, Days)> =
            village.households[at].events.iter().filter(|e| e.kind == "exit_mark").map(|e| (e.year, e.on)).collect();
        for (year, marked) in marks {
            let check = check(village, at, year, marked - 6);
            village.checks.push(check);
        }
    }
}

/// A check as it should be: a photo, a sheet and a place of its own.
pub(super) fn check(village: &Village, at: usize, year: i32, on: Days) -> HouseCheck {
    let (v, number) = (village.site.index + 1, at + 1);
    // Any fixed mixing gives each house and year a picture of its own.
    let mixed = ((v * 1000 + number) as u64 * 10 + year as u64 % 10).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (lat, lon) = village.home(number);
    HouseCheck { household: at, year, photo: format!("{mixed:016x}"), lat, lon, sheet: format!("YS{year}-{v}-{number}"), on }
}

/// Corrections in order: phones at any time, incomes between the cross-check and the close of the year.
fn revisions(layout: &Layout, village: &mut Village, draw: &mut Draw) {
    for household in 0..village.households.len() {
        if village.households[household].taken || !draw.per_mille(80) {
            continue;
        }
        let year = draw.range(layout.first_year.into(), layout.last_year.into()) as i32;
        let (table, column, on) = if draw.per_mille(600) {
            ("households", "phone", draw.days(day(year, 1, 5), day(year, 12, 20)))
        } else {
            ("incomes", "per_capita", draw.days(day(year, 11, 2), day(year, 12, 20)))
        };
        let old = draw.range(3000, 6000);
        let (old, new) = (old.to_string(), (old + draw.range(-90, 90)).to_string());
        village.revisions.push(Revision { household, table, year, column, old, new, on, approved: false });
    }
}

fn registered(village: &Village) -> i64 {
    village.households.iter().map(|h| h.stated_size.unwrap_or_else(|| h.size())).sum()
}

/// More people in the register than is plausible; look-alike: some households, already noted as away, make the difference.
fn crowded(village: &mut Village, job: &Job) {
    village.truth.dosed(job.kind, job.dose);
    let share = if job.planted { job.dose(75 + job.variant as i64 % 40) } else { 61 };
    village.population = registered(village) * 100 / share;
    let note = if job.planted { "most residents stand in the register" } else { "households that live elsewhere as a whole" };
    let subject = village.site.code.to_string();
    let case = village.truth.case("QS12", job.planted, "area", subject.clone(), note);
    village.truth.record(&case, "villages", subject);
}

/// Members of households that had not exited by the end of a year.
fn still_poor(village: &Village, year: i32) -> i64 {
    let poor = |h: &&Household| super::calendar::year_of(h.identified) <= year && h.exited_year.is_none_or(|e| e > year);
    village.households.iter().filter(poor).map(|h| h.stated_size.unwrap_or_else(|| h.size())).sum()
}

/// Exits reported at the end of each year, and the declaration that the village has exited once it may be made.
fn reports(layout: &Layout, village: &mut Village, jobs: &[Job]) {
    let late = |year: i32| day(year, 12, 29).min(as_of());
    let odd = jobs.iter().find(|j| j.kind == "QS11").copied();
    let with_marks: Vec<i32> = layout.years().filter(|&y| marks(village, y).next().is_some()).collect();
    let odd_year = odd.and_then(|j| with_marks.get(j.variant % with_marks.len().max(1)).copied());
    for year in layout.years() {
        let value = marks(village, year).count() as i64;
        let filed = marks(village, year).map(|e| e.system_on).max().unwrap_or(0).max(late(year));
        let report = Report { kind: "exits", year, value, filed, superseded_by: None };
        match odd.filter(|_| odd_year == Some(year)) {
            Some(job) => odd_report(village, &job, report),
            None => village.reports.push(report),
        }
    }
    let last = layout.last_year;
    let may = |village: &Village, year: i32| still_poor(village, year) * 100 < village.population * LIMIT;
    let declared = |year: i32, value: i64, superseded_by| Report { kind: "hat_off", year, value, filed: late(year), superseded_by };
    match jobs.iter().find(|j| j.kind == "FE10") {
        Some(job) => {
            let year = layout.first_year;
            let next = village.reports.len() + 1;
            let superseded = (!job.planted).then_some(next);
            village.reports.push(declared(year, 0, superseded));
            if !job.planted {
                let poor = still_poor(village, year);
                village.reports.push(Report { kind: "headcount", value: poor, ..declared(year, poor, None) });
            }
            let note = if job.planted { "declared as exited with many still poor" } else { "declaration withdrawn by a later report" };
            let case = village.truth.case("FE10", job.planted, "area", village.site.code.to_string(), note);
            let key = village.key('Q', next);
            village.truth.record(&case, "reports", key);
        }
        None if may(village, last) => {
            let poor = still_poor(village, last);
            village.reports.push(declared(last, poor, None));
        }
        None => {}
    }
}

fn marks<'v>(village: &'v Village, year: i32) -> impl Iterator<Item = &'v Event> {
    village.households.iter().flat_map(|h| &h.events).filter(move |e| e.kind == "exit_mark" && e.year == year)
}

/// Exits reported otherwise than recorded, or before; look-alikes: a wrong report replaced, acts on paper keyed after the report.
fn odd_report(village: &mut Village, job: &Job, mut report: Report) {
    let next = village.reports.len() + 1;
    village.truth.dosed(job.kind, job.dose);
    let second = job.form(2, 0) == 1;
    let note = match (job.planted, second) {
        (true, false) => {
            report.value += job.dose(2 + job.variant as i64 % 5);
            "reported exits are not those of the records"
        }
        (true, true) => {
            report.filed = marks(village, report.year).map(|e| e.system_on).max().unwrap_or(report.filed) - 1;
            "reported before the last exits were recorded"
        }
        (false, false) => {
            let wrong = Report { value: report.value + 3, filed: report.filed - 1, superseded_by: Some(next), ..report.clone() };
            village.reports.push(wrong);
            "a wrong report was replaced"
        }
        (false, true) => {
            report.filed = marks(village, report.year).map(|e| e.on).max().unwrap_or(report.filed);
            for h in &mut village.households {
                for e in h.events.iter_mut().filter(|e| e.kind == "exit_mark" && e.year == report.year) {
                    if e.on == report.filed {
                        e.system_on = e.on + 2;
                    }
                    e.paper |= e.system_on > report.filed;
                }
            }
            "done on paper and keyed after the report"
        }
    };
    village.reports.push(report);
    let case = village.truth.case("QS11", job.planted, "area", village.site.code.to_string(), note);
    let key = village.key('Q', next);
    village.truth.record(&case, "reports", key);
}
