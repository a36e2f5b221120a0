//! Members against outside registers: XR02, XR07, XR09-15, XR18-20.

use super::{Planting, resize};
use crate::synth::calendar::{as_of, civil, day};
use crate::synth::files::T;
use crate::synth::ids::Id;
use crate::synth::jobs::Job;
use crate::synth::kept::{Cell, Kept};
use crate::synth::model::{Absence, Cadre, Days, Fact, Fen, Land, Person};
use crate::synth::truth::Case;
use crate::synth::village::outsider;

use Cell::{Day, Empty, Month};

impl Planting<'_, '_> {
    pub(super) fn outside(&mut self, job: &Job, at: Option<usize>) {
        match (job.kind, at) {
            ("XR02", Some(at)) => self.cadre_at_home(job, at),
            ("XR07", Some(at)) => self.in_custody(job, at),
            ("XR09", Some(at)) => self.registered_wages(job, at),
            ("XR10", Some(at)) => self.housing_fund(job, at),
            ("XR11", Some(at)) => self.balances(job, at),
            ("XR12", Some(at)) => self.young_pensioner(job, at),
            ("XR13", Some(at)) => self.no_pupil(job, at),
            ("XR14", Some(at)) => self.stays(job, at),
            ("XR15", _) => self.missed(job),
            ("XR18", Some(at)) => self.undeclared(job, at),
            ("XR19", Some(at)) => self.moved_in(job, at),
            ("XR20", Some(at)) => self.operator(job, at),
            ("XR16", Some(at)) => self.nobody_lives_there(job, at),
            ("RB10", Some(at)) => self.flat_unused(job, at),
            _ => {}
        }
    }

    /// Adds a row and records it with the case.
    pub(super) fn keep(&mut self, case: &Case, table: T, key: String, cells: Vec<Cell>) {
        self.village.kept.push(Kept { table, cells });
        self.village.truth.record(case, table.name(), key);
    }

    /// A row whose first cell is its number.
    pub(super) fn keep_numbered(&mut self, case: &Case, table: T, letter: char, cells: Vec<Cell>) -> String {
        let key = self.village.next_kept(table, letter);
        let all = std::iter::once(Cell::from(&key)).chain(cells).collect();
        self.keep(case, table, key.clone(), all);
        key
    }

    /// Somebody of the same name.
    fn namesake(&mut self, of: &Person) -> Person {
        let mut other = outsider(self.layout, self.ids, self.draw, 30, 60);
        other.name.clone_from(&of.name);
        other
    }

    fn cadre_at_home(&mut self, job: &Job, at: usize) {
        let n = self.spare(at);
        let mut person = self.person(at, n);
        let identified = self.village.households[at].identified;
        let (starts, note) = match (job.planted, job.variant % 2) {
            (true, _) => (identified - 420 - job.variant as i32 * 7 % 90, "village cadre in office before the entry"),
            (false, 0) => (identified + 380, "elected after the entry"),
            _ => (identified - 420, "a namesake is village cadre"),
        };
        let case = self.person_case("XR02", job.planted, at, n, note);
        self.record_member(&case, at, n);
        if !job.planted && job.variant % 2 == 1 {
            person = self.namesake(&person);
        }
        let phone = self.village.new_phone();
        self.village.cadres.push(Cadre { id: person.id, name: person.name, resident: false, role: "village_clerk", phone, starts });
        self.village.truth.record(&case, "cadres", person.id.text().to_string());
    }

    fn in_custody(&mut self, job: &Job, at: usize) {
        let last = self.layout.last_year;
        let form = job.variant % 3;
        let starts = day(last - 1, 3, 5);
        let mut ends = Some(day(last, 1, 20));
        let n = if !job.planted && form == 2 { self.spare(at) } else { self.elder(at) };
        let mut person = self.person(at, n);
        let (kind, note) = match (job.planted, form) {
            (true, 2) => {
                ends = None;
                ("abroad", "pension while abroad")
            }
            (true, _) => ("prison", "pension during a sentence"),
            (false, 0) => {
                ends = Some(day(last - 1, 5, 20));
                ("prison", "the sentence ended before the month that was paid")
            }
            (false, 1) => ("prison", "a namesake served a sentence"),
            _ => ("army", "a soldier without benefits of his own"),
        };
        let case = self.person_case("XR07", job.planted, at, n, note);
        let within = |p: &crate::synth::model::Payment| p.payee == person.id && p.year == last - 1 && p.programme == "PENSION";
        let paid: Vec<usize> = self.village.households[at].payments.iter().filter(|p| within(p)).map(|p| p.number).collect();
        for number in paid {
            self.record_payment(&case, number);
        }
        if !job.planted && form == 1 {
            person = self.namesake(&person);
        }
        let cells = vec![person.id.into(), (&person.name).into(), kind.into(), Day(starts), ends.map_or(Empty, Day)];
        self.keep_numbered(&case, T::Custody, 'U', cells);
    }

    fn registered_wages(&mut self, job: &Job, at: usize) {
        let year = self.layout.last_year - 1;
        let n = self.spare(at);
        let mut person = self.person(at, n);
        let declared = self.household(at).income(year).map_or(0, |i| i.wage.max(10_000));
        let (factor, base, note) = match (job.planted, job.variant % 3) {
            (true, _) => (job.dose(200 + job.variant as Fen * 13 % 90), "actual", "wages of an employer far above the declared ones"),
            (false, 0) => (115, "actual", "wages a little above the declared ones"),
            (false, 1) => (230, "floor", "insured on the floor of the contribution base"),
            _ => (230, "actual", "wages of a namesake"),
        };
        let case = self.household_case("XR09", job.planted, at, note);
        self.record_income(&case, at, year);
        if !job.planted && job.variant % 3 == 2 {
            person = self.namesake(&person);
        }
        let each = declared * factor / 1200 + 1;
        for month in 1..=12 {
            let key = format!("{}/{year}-{month:02}", person.id.text());
            let cells = vec![person.id.into(), Month(year, month), "县电子厂".into(), base.into(), Cell::Fen(each), Cell::Fen(each)];
            self.keep(&case, T::Wages, key, cells);
        }
    }

    fn housing_fund(&mut self, job: &Job, at: usize) {
        let n = self.spare(at);
        let person = self.person(at, n);
        let identified = self.village.households[at].identified;
        let (early, late) = (identified - 70, day(self.layout.last_year - 1, 4, 1));
        let (kind, months, note): (_, Vec<Days>, _) = match (job.planted, job.variant % 3) {
            (true, _) => ("employee", vec![early, late, late + 40], "housing fund paid since before the entry"),
            (false, 0) => ("dispatch", vec![early, late], "dispatched worker"),
            (false, 1) => ("employee", vec![late, late + 40], "employed after the entry"),
            _ => ("employee", vec![early - 60, early], "the account ended before the entry"),
        };
        let case = self.person_case("XR10", job.planted, at, n, note);
        self.record_member(&case, at, n);
        for on in months {
            let (year, month, _) = civil(on);
            let key = format!("{}/{year}-{month:02}", person.id.text());
            let cells =
                vec![person.id.into(), Month(year, month), "县供电公司".into(), kind.into(), Cell::Fen(420_000), Cell::Fen(100_800)];
            self.keep(&case, T::HousingFund, key, cells);
        }
    }

    fn balances(&mut self, job: &Job, at: usize) {
        let on = day(self.layout.last_year, 6, 30);
        let (held, other, compensation, note): (Fen, Fen, Fen, _) = match (job.planted, job.variant % 2) {
            (true, _) if job.dose.is_some() => (3_000_000 + 100 * job.dose(0), 3_000_000, 0, "savings of two members above the limit"),
            (true, v) => (4_500_000 + v as Fen * 700_000, 3_800_000, 0, "savings of two members above the limit"),
            (false, 0) => (4_500_000, 3_800_000, 4_500_000, "compensation for land makes up the difference"),
            _ => (2_500_000, 2_800_000, 0, "savings of two members under the limit"),
        };
        let case = self.household_case("XR11", job.planted, at, note);
        for (n, amount, part) in [(0, held, compensation), (1, other, 0)] {
            let id: Id = self.village.households[at].people[n].id;
            let (y, m, d) = civil(on);
            let kind = if n == 0 { "deposit" } else { "insurance" };
            let cells = vec![id.into(), Day(on), kind.into(), Cell::Fen(amount), Cell::Fen(part)];
            self.keep(&case, T::Balances, format!("{}/{y}-{m:02}-{d:02}/{kind}", id.text()), cells);
        }
    }

    fn young_pensioner(&mut self, job: &Job, at: usize) {
        let (elder, n) = (self.elder(at), self.spare(at));
        let id = self.village.households[at].people[elder].id;
        let last = self.layout.last_year;
        let like =
            self.village.households[at].payments.iter().find(|p| p.payee == id && p.programme == "PENSION" && p.year == last).cloned();
        let Some(like) = like else { return };
        if job.planted {
            let young = self.person(at, n);
            let number = self.pay(at, &like, |p| (p.payee, p.payee_name) = (young.id, young.name.clone()));
            let case = self.person_case("XR12", true, at, n, "pension to a grown child");
            self.record_payment(&case, number);
        } else {
            let case = self.person_case("XR12", false, at, elder, "pension after the sixtieth birthday");
            self.record_payment(&case, like.number);
        }
    }

    fn no_pupil(&mut self, job: &Job, at: usize) {
        let Some(pupil) = self.village.households[at].people.iter().position(|p| p.edu) else { return };
        let year = self.layout.last_year - 1;
        let id = self.village.households[at].people[pupil].id;
        let like = self.village.households[at].payments.iter().find(|p| p.payee == id && p.programme == "EDU" && p.year == year).cloned();
        let Some(like) = like else { return };
        if job.planted {
            let n = self.spare(at);
            let grown = self.person(at, n);
            let number = self.pay(at, &like, |p| (p.payee, p.payee_name) = (grown.id, grown.name.clone()));
            let case = self.person_case("XR13", true, at, n, "student aid for somebody on no roll");
            self.record_payment(&case, number);
            return;
        }
        let note = if job.variant.is_multiple_of(2) {
            self.household(at).people[pupil].school = "home_tuition";
            "taught at home, with approval"
        } else {
            "on the roll of the year"
        };
        let case = self.person_case("XR13", false, at, pupil, note);
        self.record_payment(&case, like.number);
    }

    fn stay(&mut self, case: &Case, id: Id, at: usize, hospital: &str, from: Days, to: Days) {
        let household = self.household_id(at);
        let cells = vec![id.into(), (&household).into(), hospital.into(), Day(from), Day(to), Cell::Fen(640_000), Cell::Fen(58_000)];
        self.keep_numbered(case, T::Claims, 'C', cells);
    }

    fn stays(&mut self, job: &Job, at: usize) {
        let on = day(self.later_year(job), 5, 6);
        let county = self.layout.counties[self.village.site.county].code;
        let other = self.layout.counties[(self.village.site.county + 1) % self.layout.counties.len()].code;
        let form = job.variant % 3;
        let note = match (job.planted, form) {
            (true, 0) => "in two hospitals for six days",
            (true, 1) => "admitted after the death",
            (true, _) => "on a train in the middle of the stay",
            (false, 0) => "moved to another hospital on the day of discharge",
            (false, 1) => "died in hospital",
            _ => "fetched by bus within the county",
        };
        if form == 1 {
            let mut dead = outsider(self.layout, self.ids, self.draw, 50, 80);
            dead.in_registers = false;
            let subject = dead.id.text().to_string();
            let case = self.village.truth.case("XR14", job.planted, "person", subject, note);
            self.village.died(&dead, on, on + 9);
            self.last_registered(&case);
            let (from, to) = if job.planted { (on + 12, on + 20) } else { (on - 8, on) };
            self.stay(&case, dead.id, at, "县人民医院", from, to);
            return;
        }
        let n = self.spare(at);
        let id = self.person(at, n).id;
        let case = self.person_case("XR14", job.planted, at, n, note);
        self.stay(&case, id, at, "县人民医院", on, on + 10);
        if form == 0 {
            let from = if job.planted { on + 4 } else { on + 10 };
            self.stay(&case, id, at, "镇中心卫生院", from, on + 18);
        } else {
            let (kind, to) = if job.planted { ("rail", other) } else { ("bus", county) };
            self.trip(&case, id, kind, county, to, on + 5, 610);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a journey")]
    pub(super) fn trip(&mut self, case: &Case, id: Id, kind: &str, from: i64, to: i64, on: Days, minute: i64) {
        let cells = vec![id.into(), kind.into(), from.into(), to.into(), Day(on), minute.into()];
        self.keep_numbered(case, T::Trips, 'T', cells);
    }

    fn missed(&mut self, job: &Job) {
        let mut person = outsider(self.layout, self.ids, self.draw, 30, 70);
        let mut starts = day(self.layout.last_year - 1, 5, 4) + job.variant as i32 % 40;
        let mut help = "";
        let note = match (job.planted, job.variant % 3) {
            (true, _) => "on a list of hardship for a year and in no household of the register",
            (false, 0) => {
                help = "敬老院集中供养";
                "looked after in a home for the aged"
            }
            (false, 1) => {
                starts = as_of() - 40;
                "listed too lately to be reviewed"
            }
            _ => {
                person = self.village.households[0].head_person().clone();
                "member of a registered household"
            }
        };
        let kind = ["rural_dibao", "severe_disability", "serious_illness", "house_d"][job.variant % 4];
        let case = self.village.truth.case("XR15", job.planted, "person", person.id.text().to_string(), note);
        let region = self.village.site.code;
        let cells = vec![person.id.into(), (&person.name).into(), region.into(), kind.into(), Day(starts), Empty, help.into()];
        self.keep_numbered(&case, T::Hardship, 'L', cells);
    }

    /// A row of the household book of the head.
    fn book_row(&mut self, case: &Case, at: usize, person: &Person, relation: &str, rest: [Cell; 5]) {
        let head = self.village.households[at].head;
        let book = format!("HK{}", self.household_id(at));
        let sex = if person.female { "female" } else { "male" };
        let region = self.village.site.code;
        let cells = vec![
            person.id.into(),
            (&person.name).into(),
            (&book).into(),
            head.into(),
            relation.into(),
            sex.into(),
            Day(person.birth),
            region.into(),
        ];
        self.keep(case, T::Hukou, person.id.text().to_string(), cells.into_iter().chain(rest).collect());
    }

    fn undeclared(&mut self, job: &Job, at: usize) {
        let identified = self.village.households[at].identified;
        let kin = outsider(self.layout, self.ids, self.draw, 22, 30);
        let mut starts = identified - 500;
        let mut rest = [Empty, Empty, Empty, Empty, Empty];
        let note = match (job.planted, job.variant % 3) {
            (true, _) => "a child in the household book, not on the form, with a post or a car before the entry",
            (false, 0) => {
                starts = identified + 200;
                "hired or bought after the entry"
            }
            (false, 1) => {
                rest[3] = Day(identified - 300);
                "moved out of the book before the entry"
            }
            _ => {
                starts = identified - 900;
                "the post or the car was given up before the entry"
            }
        };
        let ends = (!job.planted && job.variant % 3 == 2).then_some(identified - 60);
        let case = self.household_case("XR18", job.planted, at, note);
        self.book_row(&case, at, &kin, "child", rest);
        let fact = if job.variant.is_multiple_of(2) {
            Fact::Payroll { kind: "institution" }
        } else {
            Fact::Vehicle { kind: "car", price_yuan: 76_000 }
        };
        self.register(&case, &kin, starts, ends, fact);
    }

    fn moved_in(&mut self, job: &Job, at: usize) {
        let n = self.spare(at);
        let person = self.person(at, n);
        let joined = person.joined;
        let (moved, reason, note) = match (job.planted, job.variant % 3) {
            (true, _) => (joined - 60 - job.variant as i32 * 31 % 250, "transfer", "moved into the household book months before the entry"),
            (false, 0) => (joined - 90, "marriage", "married into the household"),
            (false, 1) => (joined - 1400, "transfer", "moved in four years before the entry"),
            _ => (joined + 70, "transfer", "moved in after the entry"),
        };
        let case = self.person_case("XR19", job.planted, at, n, note);
        self.record_member(&case, at, n);
        if job.planted && job.variant % 3 == 1 {
            let cadre = self.village.cadres[0].id;
            self.village.relatives.push((cadre, person.id, "child"));
        }
        let from = self.layout.counties[(self.village.site.county + 1) % self.layout.counties.len()].code;
        self.book_row(&case, at, &person, "other", [Day(moved), from.into(), reason.into(), Empty, Empty]);
    }

    /// Twelve months of the household's meter up to the as-of date; in one of them something was used, if at all.
    fn meter_readings(&mut self, case: &Case, at: usize, used: bool) {
        let household = self.household_id(at);
        let meter = format!("MK{household}");
        let year = self.layout.last_year;
        for month in 1..=12 {
            let (kwh, water) = if used && month == 11 { (3_800, 410) } else { (0, 0) };
            let cells = vec![(&meter).into(), Month(year, month), (&household).into(), Empty, Cell::Fen(kwh), Cell::Fen(water)];
            self.keep(case, T::Meters, format!("{meter}/{year}-{month:02}"), cells);
        }
    }

    fn gone_to_work(&mut self, at: usize) {
        let (starts, ends) = (day(self.layout.last_year, 2, 20), as_of());
        self.village.absences.push(Absence { household: at, whole: true, starts, ends, place: "广东" });
    }

    fn nobody_lives_there(&mut self, job: &Job, at: usize) {
        let form = job.variant % 3;
        let field = !job.planted && form == 0;
        let note = match (job.planted, form) {
            (true, _) => "no land, no electricity and no water for a year",
            (false, 0) => "no electricity, with a field that is tilled",
            (false, 1) => "the whole household works elsewhere",
            _ => "something was used in one month",
        };
        let years: Vec<i32> = self.layout.years().collect();
        let h = self.household(at);
        for year in years {
            h.land.retain(|l| l.year != year);
            h.land.push(Land { year, crop: if field { 18 } else { 0 }, forest: 0, rented: 0 });
            h.farmed.push(year);
        }
        let case = self.household_case("XR16", job.planted, at, note);
        self.record_household(&case, at);
        self.meter_readings(&case, at, !job.planted && form == 2);
        if !job.planted && form == 1 {
            self.gone_to_work(at);
        }
    }

    fn flat_unused(&mut self, job: &Job, at: usize) {
        let form = job.variant % 3;
        let head = self.village.households[at].head_person().clone();
        let lately = !job.planted && form == 2;
        let acquired = if lately { as_of() - 45 } else { day(self.layout.first_year + 1, 9, 12) };
        let note = match (job.planted, form) {
            (true, _) => "relocation flat without electricity and water for a year",
            (false, 0) => "the whole household works elsewhere",
            (false, 1) => "something was used in one month",
            _ => "handed over six weeks ago",
        };
        let case = self.household_case("RB10", job.planted, at, note);
        let fact = Fact::Estate { kind: "relocation_flat", origin: "relocation", share: 100, area: 7500 };
        self.register(&case, &head, acquired, None, fact);
        self.meter_readings(&case, at, !job.planted && form == 1);
        if !job.planted && form == 0 {
            self.gone_to_work(at);
        }
    }

    fn operator(&mut self, job: &Job, at: usize) {
        let year = self.layout.last_year;
        let (crop, rented, note) = match (job.planted, job.variant % 2) {
            (true, v) => (1_800 + v as i64 * 400, 0, "subsidy for two hundred mu"),
            (false, 0) => (24, 900, "rents others' land, whose subsidy goes to them"),
            _ => (110, 0, "eleven mu of its own"),
        };
        let h = self.household(at);
        h.land.retain(|l| l.year != year);
        h.land.push(Land { year, crop, forest: 0, rented });
        h.farmed.push(year);
        resize(h);
        let case = self.household_case("XR20", job.planted, at, note);
        let key = format!("{}/{year}", self.household_id(at));
        self.village.truth.record(&case, "land", key);
    }
}
