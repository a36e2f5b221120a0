//! Planted cases and innocent look-alikes, made from the audit catalogue alone: the generator does not know the rules.
//!
//! Each case has households of its own, made to its wish; what it changes there is written down in the truth.

mod clues;
mod entries;
mod evidence;
mod exits;
mod funds;
mod helpers;
mod ids;
mod incomes;
pub(super) mod integrity;
mod outside;
mod registers;
mod returns;
mod sources;
mod villages;
mod visits;

use std::ops::Range;

use super::calendar::{as_of, day, year_of};
use super::draw::Draw;
use super::family::{Exit, Wish};
use super::household::{self, entitlements, event};
use super::ids::Ids;
use super::jobs::Job;
use super::layout::{Layout, Site};
use super::model::*;
use super::truth::Case;

pub(super) use villages::reasons;

/// What the households of a case must be like.
pub(super) fn wish(layout: &Layout, site: &Site, job: &Job, slot: usize) -> Wish {
    let stable = Wish::STABLE;
    let (first, last) = (layout.first_year, layout.last_year);
    let spread = |from: i32, to: i32| Exit::In(from + job.variant as i32 % (to - from + 1).max(1));
    let never = Wish { exit: Exit::Never, ..stable };
    match job.kind {
        "CM01" | "CM05" | "CM15" | "CM16" | "CM17" => never,
        "DI01" | "DI02" | "XR01" | "XR03" | "XR04" | "XR05" | "XR06" | "XR08" | "XR17" => Wish { spares: 1, ..stable },
        "DI03" => Wish { spares: if job.planted { 1 } else { 2 }, ..stable },
        "DI04" => Wish { spares: 1, ..stable },
        "DI16" => Wish { spares: if job.planted { 3 } else { 1 }, ..stable },
        "FD05" | "FD06" | "FD07" | "FD09" | "FD11" | "FD23" => Wish { elder: true, ..stable },
        "FD12" => Wish { elder: true, dibao: !job.planted && job.variant % 3 == 2, ..stable },
        "FE01" if !job.planted && job.variant % 3 == 2 => {
            // A per-capita income between two counties' lines, in the year in which they differ.
            let differ = layout.years().find(|&y| own_line(layout, site, y) != layout.policy.poverty_line(522_302_000_000, y));
            Wish { exit: Exit::In(differ.unwrap_or(last)), ..stable }
        }
        "FE01" | "FE03" | "FE04" => Wish { exit: spread(first + 1, last), ..stable },
        "FE02" => Wish { exit: spread(first + 1, last), spares: 1, pupils: 1, ..stable },
        "QS13" if job.planted && job.variant % 4 == 1 => never,
        "QS13" => Wish { exit: spread(first, last), ..stable },
        "RB03" => Wish { exit: spread(first, last - 2), ..stable },
        "RB04" => Wish { exit: spread(first, last - 2), ..stable },
        "RB05" => Wish { exit: Exit::In(first), ..stable },
        "SV01" => Wish { spares: 1, elder: job.planted && job.variant % 3 == 1, ..stable },
        "WA06" => Wish { elder: true, ..stable },
        // Two of the four households of a shared account and the like have nothing to ask for.
        _ if slot > 0 => stable,
        _ => stable,
    }
}

/// Streams of the draws made for added cases.
const ADDED_STREAM: u64 = 1 << 41;

/// Plants the cases whose households come on top of those that were asked for. Their draws are their own: nothing else changes with them.
pub(super) fn added(layout: &Layout, village: &mut Village, ids: &mut Ids) {
    let site = village.site;
    let mut draw = Draw::new(layout.seed, ADDED_STREAM + site.index as u64);
    for job in &site.added {
        let start = village.households.len();
        for _ in 0..job.needs {
            let made = household::make(layout, village, ids, &mut draw, &added_wish(layout, job));
            village.households.push(made);
            clear_of_the_heap(layout, village);
        }
        let at: Vec<usize> = (start..village.households.len()).collect();
        village.truth.dosed(job.kind, job.dose);
        let mut planting = Planting { layout, village, ids, draw: &mut draw };
        match job.kind {
            "FE05" | "FE06" | "FE07" | "FE08" | "FE09" | "FE12" | "FE13" | "FE14" => planting.evidence(job, &at),
            "CM04" | "CM06" | "CM07" | "CM08" | "CM09" | "CM10" | "CM11" | "CM12" | "CM13" | "CM19" | "CM21" => {
                planting.sources(job, at[0])
            }
            "WA08" | "WA09" | "WA10" | "QS09" | "RB07" => planting.entries(job, &at),
            "CM18" | "QS04" => planting.villages(job, &at),
            "QS12" => {
                for household in at {
                    let (starts, ends) = (day(layout.last_year, 2, 20), as_of());
                    planting.village.absences.push(Absence { household, whole: true, starts, ends, place: "广东" });
                }
            }
            kind if kind.starts_with("XR") || kind == "RB10" => planting.outside(job, at.first().copied()),
            kind if kind.starts_with("WA") || kind.starts_with("RB") => planting.helpers(job, at.first().copied()),
            kind if kind.starts_with("SV") => planting.handling(job, at.first().copied()),
            // What is planted on a village as a whole is written with its reports.
            _ => {}
        }
    }
}

/// In the year of a county's heap nobody stands just under the line: the last household made moves down, if need be.
fn clear_of_the_heap(layout: &Layout, village: &mut Village) {
    let county = &layout.counties[village.site.county];
    let Some(heap) = county.heap.filter(|h| h.planted) else { return };
    let line = layout.policy.poverty_line(county.code, heap.year);
    let income = village.households.last_mut().and_then(|h| h.income(heap.year));
    if let Some(i) = income.filter(|i| (line * 93 / 100..line).contains(&i.per_capita)) {
        i.set_per_capita(line * 88 / 100);
    }
}

fn added_wish(layout: &Layout, job: &Job) -> Wish {
    let stable = Wish::STABLE;
    let (first, last) = (layout.first_year, layout.last_year);
    let spread = |from: i32, to: i32| Exit::In(from + job.variant as i32 % (to - from + 1).max(1));
    match job.kind {
        "FE05" => Wish { exit: spread(first + 1, last), elder: true, ..stable },
        "FE06" | "FE07" | "FE08" | "FE13" => Wish { exit: spread(first + 1, last), ..stable },
        "FE09" | "FE12" | "CM21" => Wish { exit: spread(first, last - 1), ..stable },
        "FE14" => Wish { exit: spread(first + 1, last - 1), spares: 1, ..stable },
        "CM04" if job.planted => Wish { exit: Exit::In(last), ..stable },
        "CM04" | "CM06" => Wish { exit: spread(first + 1, last - 1), ..stable },
        "QS09" | "RB07" => Wish { exit: Exit::In(first), ..stable },
        "XR07" | "XR12" | "SV11" => Wish { exit: Exit::Never, elder: true, spares: 1, ..stable },
        "XR13" => Wish { exit: Exit::Never, spares: 1, pupils: 1, ..stable },
        "RB01" => Wish { exit: spread(first + 1, last - 2), elder: true, ..stable },
        "RB02" | "RB09" => Wish { exit: spread(first + 1, last - 1), ..stable },
        "RB08" => Wish { exit: Exit::In(first), ..stable },
        "RB12" => Wish { exit: spread(first, last - 2), ..stable },
        "CM10" => Wish { exit: Exit::Never, spares: 1, pupils: 1, ..stable },
        kind if kind.starts_with("XR") || matches!(kind, "WA12" | "SV04") => Wish { exit: Exit::Never, spares: 1, ..stable },
        "CM19" => Wish { exit: spread(first + 1, last), spares: 1, ..stable },
        "CM18" if !job.planted => stable,
        _ => Wish { exit: Exit::Never, ..stable },
    }
}

fn own_line(layout: &Layout, site: &Site, year: i32) -> Fen {
    layout.policy.poverty_line(layout.counties[site.county].code, year)
}

pub(super) struct Planting<'b, 'a> {
    pub(super) layout: &'b Layout,
    pub(super) village: &'b mut Village<'a>,
    pub(super) ids: &'b mut Ids,
    pub(super) draw: &'b mut Draw,
}

impl Planting<'_, '_> {
    pub(super) fn plant(&mut self, job: &Job, range: Range<usize>) {
        let at: Vec<usize> = range.collect();
        self.village.truth.dosed(job.kind, job.dose);
        match job.kind {
            "DI01" | "DI02" | "DI03" | "DI04" | "DI07" | "DI16" | "XR17" => self.identities(job, &at),
            "XR01" | "XR03" | "XR04" | "XR05" | "XR06" | "XR08" | "SV01" => self.registers(job, at[0]),
            "FD05" | "FD06" | "FD07" | "FD08" | "FD09" | "FD10" | "FD11" | "FD12" | "FD15" | "FD16" | "FD23" => self.funds(job, &at),
            "FE01" | "FE02" | "FE03" | "FE04" | "QS13" => self.exits(job, at[0]),
            "RB03" | "RB04" | "RB05" => self.returns(job, at[0]),
            "CM01" | "CM05" | "CM15" | "CM16" | "CM17" => self.incomes(job, &at),
            "WA01" | "WA02" | "WA03" | "WA04" | "WA06" | "WA07" => self.visits(job, &at),
            // Letters are written last, when the rows they speak of are final.
            _ => {}
        }
    }

    fn line(&self, year: i32) -> Fen {
        own_line(self.layout, self.village.site, year)
    }

    fn monitoring_line(&self, year: i32) -> Fen {
        self.layout.policy.monitoring_line(self.layout.counties[self.village.site.county].code, year)
    }

    /// A year of the programme from the second on, by the case's number.
    fn later_year(&self, job: &Job) -> i32 {
        let n = self.layout.last_year - self.layout.first_year;
        self.layout.first_year + 1 + job.variant as i32 % n.max(1)
    }

    fn household(&mut self, at: usize) -> &mut Household {
        &mut self.village.households[at]
    }

    fn household_id(&self, at: usize) -> String {
        self.village.household_id(at + 1)
    }

    /// A grown child without benefits; every wish with `spares` has one, the head's spouse stands in otherwise.
    fn spare(&self, at: usize) -> usize {
        self.spares(at).first().copied().unwrap_or(1)
    }

    fn spares(&self, at: usize) -> Vec<usize> {
        let people = &self.village.households[at].people;
        let grown = |p: &Person| p.plain_adult() && p.relation == "child" && year_of(p.birth) < self.layout.first_year - 17;
        (0..people.len()).filter(|&n| grown(&people[n])).collect()
    }

    /// The parent who draws a pension.
    fn elder(&self, at: usize) -> usize {
        self.village.households[at].people.iter().position(|p| p.pension).unwrap_or(0)
    }

    fn person(&self, at: usize, n: usize) -> Person {
        self.village.households[at].people[n].clone()
    }

    fn household_case(&mut self, kind: &'static str, planted: bool, at: usize, note: &'static str) -> Case {
        let subject = self.household_id(at);
        self.village.truth.case(kind, planted, "household", subject, note)
    }

    fn person_case(&mut self, kind: &'static str, planted: bool, at: usize, n: usize, note: &'static str) -> Case {
        let subject = self.village.households[at].people[n].id.text().to_string();
        self.village.truth.case(kind, planted, "person", subject, note)
    }

    fn village_case(&mut self, kind: &'static str, planted: bool, note: &'static str) -> Case {
        let subject = self.village.site.code.to_string();
        self.village.truth.case(kind, planted, "area", subject, note)
    }

    fn record_household(&mut self, case: &Case, at: usize) {
        let key = self.household_id(at);
        self.village.truth.record(case, "households", key);
    }

    fn record_member(&mut self, case: &Case, at: usize, n: usize) {
        let key = self.village.person_id(self.village.households[at].people[n].number);
        self.village.truth.record(case, "members", key);
    }

    fn record_income(&mut self, case: &Case, at: usize, year: i32) {
        let key = format!("{}/{year}", self.household_id(at));
        self.village.truth.record(case, "incomes", key);
    }

    fn record_payment(&mut self, case: &Case, number: usize) {
        let key = self.village.payment_id(number);
        self.village.truth.record(case, "payments", key);
    }

    /// Records the household's first event of that kind, if it has one.
    fn record_event(&mut self, case: &Case, at: usize, kind: &str) {
        if let Some(number) = self.village.households[at].events.iter().find(|e| e.kind == kind).map(|e| e.number) {
            let key = self.village.event_id(number);
            self.village.truth.record(case, "events", key);
        }
    }

    /// A register row about a member; recorded with the member's own row.
    fn register(&mut self, case: &Case, person: &Person, starts: Days, ends: Option<Days>, fact: Fact) {
        let (table, key) = self.village.register(person, starts, ends, fact);
        self.village.truth.record(case, table, key);
    }

    /// Adds a payment like `like`, changed by `change`; gives its number.
    fn pay(&mut self, at: usize, like: &Payment, change: impl FnOnce(&mut Payment)) -> usize {
        let number = self.village.next_payment();
        let mut payment = Payment { number, ..like.clone() };
        change(&mut payment);
        self.household(at).payments.push(payment);
        number
    }

    /// A payment to the head that the household has no example of.
    fn new_payment(
        &mut self,
        at: usize,
        programme: &'static str,
        grade: &'static str,
        year: i32,
        month: i32,
        quantity: i64,
        paid_on: Days,
    ) -> usize {
        let number = self.village.next_payment();
        let standard = self.layout.policy.standard(programme, grade);
        let h = self.household(at);
        let (payee_name, payee, account) = (h.head_person().name.clone(), h.head, h.account);
        let (status, returned_on, reissue_of) = ("ok", None, None);
        h.payments.push(Payment {
            number,
            programme,
            grade,
            year,
            month,
            part: 1,
            payee_name,
            payee,
            account,
            quantity,
            standard,
            paid_on,
            status,
            returned_on,
            reissue_of,
        });
        number
    }

    /// The register of deaths gets a row; the household's row ends on `left`, if at all; what must stop with the death stops,
    /// and whoever was met later was somebody else. Payments of the person up to `paid_to` stay.
    fn kill(&mut self, at: usize, n: usize, died: Days, left: Option<Days>, paid_to: Days) {
        let person = self.person(at, n);
        self.village.died(&person, died, died + 9);
        let h = &mut self.village.households[at];
        h.people[n].left = left.map(|on| (on, "death"));
        h.payments.retain(|p| !(p.payee == person.id && p.per_person() && p.period_end() > paid_to));
        h.entitlements = entitlements(&h.payments);
        resize(h);
    }

    /// A line in the log of changes; gives its key.
    fn revise(
        &mut self,
        at: usize,
        what: (&'static str, &'static str),
        year: i32,
        values: (String, String),
        on: Days,
        approved: bool,
    ) -> String {
        let (table, column) = what;
        let (old, new) = values;
        self.village.revisions.push(Revision { household: at, table, year, column, old, new, on, approved });
        self.village.key('X', self.village.revisions.len())
    }

    fn marked_on(&self, at: usize) -> Days {
        self.village.households[at].events.iter().find(|e| e.kind == "exit_mark").map_or(0, |e| e.on)
    }

    fn last_registered(&mut self, case: &Case) {
        if let Some(last) = self.village.registered.len().checked_sub(1) {
            let (table, key) = (self.village.registered[last].table(), self.village.registered_key(last));
            self.village.truth.record(case, table, key);
        }
    }

    fn event(&mut self, at: usize, kind: &'static str, on: Days) {
        let case_no = format!("M{}", self.household_id(at));
        let step = event(self.village, self.draw, kind, &case_no, year_of(on), on);
        self.household(at).events.push(step);
    }

    /// Puts the household on the watch list, with help.
    fn watch(&mut self, at: usize, kind: &'static str, found: Days, help: bool) {
        self.household(at).monitor = Some(Monitor { kind, found, cleared: None });
        self.event(at, "risk_on", found);
        if help {
            let number = self.village.next_measure();
            let helper = self.village.cadres.get(2).map(|c| c.id);
            let measure = Measure { number, kind: "job", starts: found + 10, ends: None, amount: 260_000, helper };
            self.household(at).measures.push(measure);
        }
    }
}

/// Income forms follow the members of the day of the survey; the per-capita income stays.
fn resize(h: &mut Household) {
    for n in 0..h.incomes.len() {
        let on = h.incomes[n].surveyed;
        let size = h.people.iter().filter(|p| p.in_register(on)).count().max(1) as i64;
        let income = &mut h.incomes[n];
        if income.size != size {
            let per_capita = income.per_capita;
            income.size = size;
            income.set_per_capita(per_capita);
        }
    }
}

/// Letters that do not agree with the files, and letters that a later one replaced.
pub(super) fn letters(village: &mut Village) {
    for job in village.jobs().iter().filter(|j| j.kind == "DI12") {
        village.truth.dosed(job.kind, job.dose);
        let n = job.variant % village.letters.len();
        let subject = village.site.code.to_string();
        let note = if job.planted { "letter and file differ" } else { "a later letter replaces a wrong one" };
        let case = village.truth.case("DI12", job.planted, "area", subject, note);
        if job.planted {
            let letter = &mut village.letters[n];
            if job.form(2, 0) == 0 { letter.rows += job.dose(2) } else { letter.amount += 860_000 }
        } else {
            let right = village.letters[n].clone();
            let last = village.letters.len();
            let letter = &mut village.letters[n];
            letter.rows += 3;
            letter.amount += 1_250_000;
            letter.superseded_by = Some(last);
            let sent = (right.sent + 12).min(as_of()).max(day(right.year, 1, 2));
            village.letters.push(Letter { sent, ..right });
        }
        let key = village.key('N', n + 1);
        village.truth.record(&case, "transmittals", key);
    }
}
