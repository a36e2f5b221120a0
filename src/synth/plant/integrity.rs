//! Records that cannot be: DI05, DI06, DI08, DI09, DI13, DI14, DI17, DI18. Planted last, on households that belong to no other
//! case, with draws of their own, so that everything else stays as it would be without them.

use std::collections::HashSet;

use super::super::calendar::{age, as_of, civil, day, year_of};
use super::super::draw::Draw;
use super::super::household::event;
use super::super::jobs::Job;
use super::super::layout::Layout;
use super::super::model::*;

/// Streams from here on belong to these cases, one per village.
const STREAM: u64 = 2 << 40;

struct Late<'b, 'a> {
    layout: &'b Layout,
    village: &'b mut Village<'a>,
    draw: Draw,
    /// Households from this one on belong to no case.
    free: usize,
    used: HashSet<usize>,
}

/// Vouchers of the village office, then the cases that stand in this village.
pub(in super::super) fn plant(layout: &Layout, village: &mut Village, free: usize) {
    let draw = Draw::new(layout.seed, STREAM + village.site.index as u64);
    let mut late = Late { layout, village, draw, free, used: HashSet::new() };
    late.vouchers();
    for job in &late.village.site.late {
        late.village.truth.dosed(job.kind, job.dose);
        match job.kind {
            "DI05" => late.relation(job),
            "DI06" => late.against_id(job),
            "DI08" => late.out_of_range(job),
            "DI09" => late.logic(job),
            "DI13" => late.place(job),
            "DI14" => late.numbers(job),
            "DI17" => late.stale(job),
            "DI11" => late.silently(job),
            _ => late.name(job),
        }
    }
}

impl Late<'_, '_> {
    /// A free household for which `fits` gives something, beginning anywhere.
    fn find<X>(&mut self, fits: impl Fn(&Village, &Household) -> Option<X>) -> Option<(usize, X)> {
        let n = self.village.households.len().checked_sub(self.free).filter(|&n| n > 0)?;
        let offset = self.draw.below(n);
        let found = (0..n).map(|i| self.free + (offset + i) % n).filter(|at| !self.used.contains(at)).find_map(|at| {
            let household = &self.village.households[at];
            fits(self.village, household).map(|x| (at, x))
        })?;
        self.used.insert(found.0);
        Some(found)
    }

    fn member(&mut self, fits: impl Fn(&Household, &Person) -> bool) -> Option<(usize, usize)> {
        self.find(|village, h| h.people.iter().position(|p| p.id_raw.is_none() && !named_elsewhere(village, h, p) && fits(h, p)))
    }

    fn member_case(&mut self, job: &Job, (at, n): (usize, usize), note: &'static str) {
        let key = self.village.person_id(self.village.households[at].people[n].number);
        let case = self.village.truth.case(job.kind, job.planted, "person", key.clone(), note);
        self.village.truth.record(&case, "members", key);
    }

    fn household_case(&mut self, job: &Job, at: usize, note: &'static str) {
        let key = self.village.household_id(at + 1);
        let case = self.village.truth.case(job.kind, job.planted, "household", key.clone(), note);
        self.village.truth.record(&case, "households", key);
    }

    fn relation(&mut self, job: &Job) {
        let form = job.variant % if job.planted { 3 } else { 2 };
        let relation = |from: &'static str| move |_: &Household, p: &Person| p.relation == from && p.current();
        let grown_son = |h: &Household, p: &Person| p.relation == "child" && p.female == h.people[0].female && grown(p);
        let (found, to, note) = match (job.planted, form) {
            (true, 0) => (self.member(relation("child")), "parent", "parent younger than the head"),
            (true, 1) => (self.member(relation("spouse")), "child", "child of the head's age"),
            (true, _) => (self.member(grown_son), "spouse", "spouse of the head's sex"),
            (false, 0) => (self.member(relation("spouse")), "sibling", "sibling of the head's age"),
            (false, _) => (self.member(|_, p| p.relation == "child" && grown(p)), "child_in_law", "child-in-law"),
        };
        let Some((at, n)) = found else { return };
        self.village.households[at].people[n].relation = to;
        self.member_case(job, (at, n), note);
    }

    fn against_id(&mut self, job: &Job) {
        let wide = |h: &Household, p: &Person| p.relation == "child" && grown(p) && p.birth - h.people[0].birth > 18 * 366;
        let found = if job.planted { self.member(wide) } else { self.member(|_, p| p.relation == "head" && year_of(p.birth) < 1980) };
        let Some((at, n)) = found else { return };
        let person = &mut self.village.households[at].people[n];
        let note = match (job.planted, job.variant % 3) {
            (true, 0) => {
                person.birth -= 31;
                "birthday a month off the id's"
            }
            (true, 1) => {
                person.female = !person.female;
                "sex differs from the id's"
            }
            (true, _) => {
                person.birth -= 400;
                "birth year differs from the id's"
            }
            (false, _) => {
                person.id_raw = Some(person.id.old_form());
                "id of fifteen digits, with the same birth date"
            }
        };
        self.member_case(job, (at, n), note);
    }

    fn out_of_range(&mut self, job: &Job) {
        match (job.planted, job.variant % 3) {
            (true, 0) => {
                let Some((at, n)) = self.member(|_, p| p.plain_adult() && p.relation == "child") else { return };
                self.village.households[at].people[n].joined = day(self.layout.last_year + 20, 6, 1);
                self.member_case(job, (at, n), "entered in a year to come");
            }
            (true, 2) => {
                let last = self.layout.last_year;
                let Some((at, i)) = self.find(|_, h| h.incomes.iter().position(|i| i.year == last && (2..10).contains(&i.size))) else {
                    return;
                };
                self.village.households[at].incomes[i].size *= 11;
                let id = self.village.household_id(at + 1);
                let case = self.village.truth.case(job.kind, true, "household", id.clone(), "size typed twice on the income form");
                self.village.truth.record(&case, "incomes", format!("{id}/{last}"));
            }
            (planted, _) => {
                let entry = |e: &Event| matches!(e.kind, "apply" | "review" | "identify");
                let Some((at, e)) = self.find(|_, h| h.events.iter().position(entry)) else { return };
                let event = &mut self.village.households[at].events[e];
                event.system_on = if planted { event.on - 20 } else { event.on };
                let number = event.number;
                let note = if planted { "keyed before it happened" } else { "keyed on the very day" };
                let id = self.village.household_id(at + 1);
                let case = self.village.truth.case(job.kind, planted, "household", id, note);
                let key = self.village.event_id(number);
                self.village.truth.record(&case, "events", key);
            }
        }
    }

    fn logic(&mut self, job: &Job) {
        let pupil = |_: &Household, p: &Person| p.school == "in_school" && age(p.birth, as_of()) < 15;
        let adult = |_: &Household, p: &Person| p.plain_adult() && p.health == "healthy" && (20..50).contains(&age(p.birth, as_of()));
        let old = |_: &Household, p: &Person| p.relation == "spouse" && p.current() && age(p.birth, as_of()) > 40;
        let (found, note) = match (job.planted, job.variant % 4) {
            (true, 0) => (self.member(pupil), "months of work for a pupil"),
            (true, 1) => (self.member(adult), "fourteen months of work in a year"),
            (true, 2) => (self.member(old), "at school at over forty"),
            (true, _) => (self.member(adult), "a whole year of work with a severe illness"),
            (false, 1 | 3) => (self.member(|_, p| grown(p) && p.plain_adult() && age(p.birth, as_of()) < 28), "student of over twenty"),
            (false, _) => (self.member(adult), "work the whole year"),
        };
        let Some((at, n)) = found else { return };
        let person = &mut self.village.households[at].people[n];
        match (job.planted, job.variant % 4) {
            (true, 0) => person.work_months = 8,
            (true, 1) => person.work_months = 14,
            (true, 2) | (false, 1 | 3) => person.school = "in_school",
            (true, _) => (person.work_months, person.health) = (12, "severe"),
            (false, _) => person.work_months = 12,
        }
        self.member_case(job, (at, n), note);
    }

    fn place(&mut self, job: &Job) {
        let site = self.village.site;
        let (county, town) = (&self.layout.counties[site.county], &self.layout.towns[site.town]);
        // The household leaves its village's and county's totals: none may be planted on those.
        let quiet = county.quota.is_none() && county.heap.is_none() && town.surge.is_none();
        let unknown = job.planted && job.variant % 2 == 1 && quiet;
        let Some((at, ())) = self.find(|_, h| (!(h.private || unknown && h.exited_year.is_some())).then_some(())) else { return };
        let next = &self.layout.sites[(site.index + 1) % self.layout.sites.len()].name;
        let household = &mut self.village.households[at];
        let note = if unknown {
            household.code = Some(town.code + 299);
            "code of a village that does not exist"
        } else if job.planted {
            household.address = Some(format!("{next}2组{}号", household.number));
            "address in another village"
        } else if job.variant.is_multiple_of(2) {
            household.address = Some(format!("{}{}{}3组{}号", county.name, town.name, site.name, household.number));
            "address with county and town"
        } else {
            household.address = Some(format!("{}人民路{}号", county.name, household.number));
            "address in the county seat, without a village"
        };
        self.household_case(job, at, note);
    }

    /// Vouchers of the village office, numbered from 1 in each year.
    fn vouchers(&mut self) {
        const PURPOSES: [&str; 4] = ["办公用品", "道路养护", "培训", "环境整治"];
        for year in self.layout.years() {
            let n = self.draw.range(6, 9);
            for number in 1..=n {
                let on = day(year, 1, 8) + (number * 340 / n) as i32 - 20;
                let (purpose, amount) = (self.draw.pick(&PURPOSES), self.draw.range(40, 900) * 1000);
                self.village.vouchers.push(Voucher {
                    year,
                    number,
                    purpose,
                    amount,
                    on: on.max(day(year, 1, 3)),
                    void: false,
                    second: false,
                });
            }
        }
    }

    fn numbers(&mut self, job: &Job) {
        // Each case has a year of its own, so that several fit into one village.
        let years = (self.layout.last_year - self.layout.first_year + 1) as usize;
        let turn = job.variant * 2 + usize::from(!job.planted);
        let year = self.layout.first_year + (turn % years) as i32;
        let Some(at) = self.village.vouchers.iter().position(|v| v.year == year && v.number == 3) else { return };
        let office = format!("{}村委会", self.village.site.name);
        let notes = ["a number is missing", "one number for two vouchers", "void voucher kept in the list", "two lines of one voucher"];
        let form = job.variant % 2 + if job.planted { 0 } else { 2 };
        let case = self.village.truth.case("DI14", job.planted, "org", office, notes[form]);
        let voucher = self.village.vouchers[at].clone();
        match form {
            0 => {
                self.village.vouchers.remove(at);
            }
            1 => self.village.vouchers.insert(at, Voucher { purpose: "接待", amount: voucher.amount + 21_000, second: true, ..voucher }),
            2 => self.village.vouchers[at].void = true,
            _ => self.village.vouchers.insert(at, Voucher { second: true, ..voucher }),
        }
        // Where a number is missing the record is the one that follows.
        let rows = if matches!(form, 1 | 3) { at..at + 2 } else { at..at + 1 };
        let keys: Vec<String> = self.village.vouchers[rows].iter().map(|v| self.village.voucher_id(v)).collect();
        for key in keys {
            self.village.truth.record(&case, "vouchers", key);
        }
    }

    fn stale(&mut self, job: &Job) {
        let alive = |_: &Village, h: &Household| h.people.iter().any(Person::current).then_some(());
        let Some((at, ())) = self.find(alive) else { return };
        let before = self.layout.last_year - 1;
        let late = day(before, 3, 1) - 150 * (job.variant % 3) as i32 + self.draw.days(0, 200);
        let late = job.dose.map_or(late, |days| as_of() - 366 - days as i32);
        self.village.households[at].checked = Some(if job.planted { late } else { day(before, 12, 31) });
        self.household_case(job, at, if job.planted { "not verified for more than a year" } else { "verified a year ago to the day" });
    }

    /// Between the last two deliveries of the register: removed, changed, put in with an earlier date.
    fn silently(&mut self, job: &Job) {
        let middle = day(self.layout.last_year, 6, 30);
        let acted = |h: &Household| h.events.iter().any(|e| e.system_on >= middle);
        let kind = "DI11";
        match (job.planted, job.variant % 3) {
            (planted, 0) | (planted @ false, 2) => {
                let number = 900 + self.village.vanished.len();
                let (identified, head) = (day(self.layout.first_year - 3, 9, 1), self.village.cadres[0].id.altered(6));
                let key = self.village.household_id(number);
                let note = if planted { "vanished between two deliveries" } else { "removed by an act on record" };
                let case = self.village.truth.case(kind, planted, "household", key.clone(), note);
                let removed = (!planted).then(|| {
                    let case_no = format!("X{key}");
                    event(self.village, &mut self.draw, "delete", &case_no, self.layout.last_year, middle + 70)
                });
                self.village.truth.record(&case, "register_deliveries", format!("{key}/{}", date_text(middle)));
                self.village.vanished.push(Vanished { number, head, identified, removed });
            }
            (planted, form) => {
                let fits = |h: &Household| h.hh_type == "general" && (planted != acted(h));
                let Some((at, ())) = self.find(|_, h| fits(h).then_some(())) else { return };
                let household = &mut self.village.households[at];
                let note = match (planted, form) {
                    (true, 2) => {
                        household.entered_later = true;
                        "put in later with an earlier date"
                    }
                    (true, _) => {
                        household.earlier_type = Some("dibao");
                        "type changed without an act"
                    }
                    (false, _) => {
                        household.earlier_type = Some("dibao");
                        "type changed by an act on record"
                    }
                };
                let key = self.village.household_id(at + 1);
                let case = self.village.truth.case(kind, planted, "household", key.clone(), note);
                self.village.truth.record(&case, "register_deliveries", format!("{key}/{}", date_text(as_of())));
            }
        }
    }

    fn name(&mut self, job: &Job) {
        if job.planted && job.variant % 3 == 2 {
            return self.payee_name(job);
        }
        let Some((at, n)) = self.member(|_, p| p.plain_adult() && p.relation == "child") else { return };
        let person = &mut self.village.households[at].people[n];
        let split = person.name.chars().next().map_or(0, char::len_utf8);
        let (surname, given) = person.name.split_at(split);
        let (typed, note) = match (job.planted, job.variant % 3) {
            (true, 0) => (format!("{surname} {given}"), "space in a name"),
            (true, _) => (format!("{surname}\u{3000}{given}"), "wide space in a name"),
            (false, 1) => (format!("阿{given}·{surname}提"), "name with a middle dot"),
            (false, _) => (format!("{} ", person.name), "space after a name"),
        };
        if !job.planted && job.variant % 3 == 1 {
            person.name.clone_from(&typed);
        }
        person.name_raw = Some(typed);
        self.member_case(job, (at, n), note);
    }
}

impl Late<'_, '_> {
    /// One payment in which the last character of the payee's name is another.
    fn payee_name(&mut self, job: &Job) {
        let paid = |h: &Household| {
            let payee =
                |x: &Payment| h.people.iter().position(|p| p.current() && p.id == x.payee && p.name == x.payee_name && p.id_raw.is_none());
            h.payments.iter().enumerate().find_map(|(i, x)| (x.status == "ok").then(|| payee(x).map(|n| (i, n))).flatten())
        };
        let Some((at, (i, n))) = self.find(|_, h| paid(h)) else { return };
        let name = &mut self.village.households[at].payments[i].payee_name;
        let last = name.pop();
        name.push(if last == Some('莹') { '瑩' } else { '莹' });
        self.member_case(job, (at, n), "payee's name spelled otherwise than in the register");
    }
}

fn date_text(on: Days) -> String {
    let (y, m, d) = civil(on);
    format!("{y:04}-{m:02}-{d:02}")
}

fn grown(p: &Person) -> bool {
    p.current() && age(p.birth, as_of()) > 20
}

/// Whether another table speaks of the person: a change of the row would be a case of another kind there.
fn named_elsewhere(village: &Village, h: &Household, p: &Person) -> bool {
    p.relation != "head"
        && (h.payments.iter().any(|x| x.payee == p.id)
            || village.registered.iter().any(|r| r.id == p.id)
            || village.claims.iter().any(|c| c.id == p.id)
            || village.trustees.iter().any(|t| t.ward == p.id || t.trustee == Some(p.id)))
}
