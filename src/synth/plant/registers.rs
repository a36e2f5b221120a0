//! Members who stand in registers that exclude them, and clues closed too early: XR01, XR03-06, XR08, SV01.

use super::{Planting, resize};
use crate::synth::calendar::{as_of, day};
use crate::synth::jobs::Job;
use crate::synth::model::{Clue, Days, Fact};
use crate::synth::village::outsider;

impl Planting<'_, '_> {
    pub(super) fn registers(&mut self, job: &Job, at: usize) {
        match job.kind {
            "XR06" => self.deceased(job, at),
            "SV01" if job.planted => self.not_rectified(job, at),
            "SV01" => self.rectified(job, at),
            _ => self.stands_in(job, at),
        }
    }

    /// A fact in a register: before the entry into the programme (planted), or one of the innocent forms.
    fn stands_in(&mut self, job: &Job, at: usize) {
        let n = self.spare(at);
        let person = self.person(at, n);
        let identified = self.village.households[at].identified;
        let early = identified - 120 - (job.variant as i32 * 37) % 400;
        let late = identified + 260;
        let form = job.variant % 3;
        let company = |kind, role, tax| Fact::Business { kind, role, capital: 30_000_000, tax };
        let estate = |kind, origin, share| Fact::Estate { kind, origin, share, area: 9250 };
        let planted = job.planted;
        let (starts, ends, fact, note): (Days, Option<Days>, Fact, &'static str) = match (job.kind, planted, form) {
            ("XR01", true, _) => (
                early,
                None,
                Fact::Payroll { kind: if form == 0 { "civil" } else { "institution" } },
                "on the public payroll before the entry",
            ),
            ("XR01", _, 0) => (late, None, Fact::Payroll { kind: "institution" }, "hired after the entry"),
            ("XR01", _, 1) => (early, None, Fact::Payroll { kind: "temporary" }, "public welfare post"),
            ("XR01", ..) => (early - 700, Some(early - 90), Fact::Payroll { kind: "institution" }, "post ended before the entry"),
            ("XR03", true, _) => {
                let price_yuan = job.dose(42_000 + 7_300 * (job.variant as i64 % 9));
                (
                    early,
                    None,
                    Fact::Vehicle { kind: if form == 1 { "van" } else { "car" }, price_yuan },
                    "car over the limit before the entry",
                )
            }
            ("XR03", _, 0) => (late, None, Fact::Vehicle { kind: "car", price_yuan: 68_000 }, "car bought after the entry"),
            ("XR03", _, 1) => (early, None, Fact::Vehicle { kind: "farm", price_yuan: 56_000 }, "farm vehicle"),
            ("XR03", ..) => (early - 600, Some(early), Fact::Vehicle { kind: "car", price_yuan: 71_000 }, "car sold before the entry"),
            ("XR04", true, _) => {
                (early, None, estate(if form == 1 { "shop" } else { "urban_home" }, "bought", 100), "urban home or shop before the entry")
            }
            ("XR04", _, 0) => (late, None, estate("relocation_flat", "relocation", 100), "relocation flat"),
            ("XR04", _, 1) => (early, None, estate("urban_home", "inherited", 25), "inherited share"),
            ("XR04", ..) => (early - 500, Some(early), estate("urban_home", "bought", 100), "home sold before the entry"),
            ("XR05", true, _) => {
                let role = if form == 1 { "shareholder" } else { "legal_person" };
                (early, None, company("company", role, 8_600_000), "operating company before the entry")
            }
            ("XR05", _, 0) => (early, None, company("cooperative", "coop_member", 0), "member of a cooperative"),
            ("XR05", _, 1) => {
                (early - 500, Some(early), company("company", "legal_person", 1_200_000), "company cancelled before the entry")
            }
            ("XR05", ..) => (early, None, company("stall", "legal_person", 0), "stall without turnover"),
            ("XR08", true, _) => (early, None, Fact::UrbanDibao, "draws the urban minimum allowance as well"),
            (_, _, 0 | 2) => (early - 200, Some(early), Fact::UrbanDibao, "urban allowance ended before the entry"),
            _ => (early, None, Fact::UrbanDibao, "namesake draws the urban allowance"),
        };
        let namesake = job.kind == "XR08" && !planted && form == 1;
        let mut named = person;
        if namesake {
            let other = outsider(self.layout, self.ids, self.draw, 30, 50);
            (named.id, named.birth) = (other.id, other.birth);
        }
        let mut note = note;
        if job.kind == "XR08" && planted && form == 1 {
            // Stands in the register with a mistyped id, so that no comparison by id finds it.
            note = "draws the urban minimum allowance under the right id, and is a member under a mistyped one";
            let raw = named.id.mistyped();
            self.household(at).people[n].id_raw = Some(raw);
            let malformed = self.household_case("DI01", true, at, "mistyped id that hides an allowance");
            self.record_member(&malformed, at, n);
        }
        let case = self.person_case(job.kind, planted, at, n, note);
        self.record_member(&case, at, n);
        self.register(&case, &named, starts, ends, fact);
    }

    fn deceased(&mut self, job: &Job, at: usize) {
        let n = self.spare(at);
        let person = self.person(at, n);
        let registered = |on: Days| Fact::Death { registered: on };
        let (died, filed, note) = match (job.planted, job.variant % 3) {
            (true, form) => {
                let died = as_of() - job.dose(260 + 210 * form as i64) as i32;
                (died, died + 20, "deceased and still in the register")
            }
            (false, 0) => (as_of() - 55, as_of() - 40, "died within the last ninety days"),
            (false, 1) => (as_of() - 128, as_of() - 19, "death filed late"),
            _ => (as_of() - 500, as_of() - 480, "a namesake died"),
        };
        let namesake = !job.planted && job.variant % 3 == 2;
        let case = self.person_case("XR06", job.planted, at, n, note);
        self.record_member(&case, at, n);
        if namesake {
            let mut other = outsider(self.layout, self.ids, self.draw, 40, 80);
            other.name = person.name;
            self.register(&case, &other, died, None, registered(filed));
        } else {
            self.register(&case, &person, died, None, registered(filed));
        }
    }

    fn clue(&mut self, clue: Clue) -> String {
        self.village.clues.push(clue);
        self.village.key('K', self.village.clues.len())
    }

    fn not_rectified(&mut self, job: &Job, at: usize) {
        let last = self.layout.last_year;
        if job.variant % 3 == 1 {
            // Declared stopped, and paid again since.
            let n = self.elder(at);
            let id = self.person(at, n).id;
            let died = day(last - 1, 2, 3);
            self.kill(at, n, died, None, i32::MAX);
            let after: Vec<(usize, Days)> = {
                let h = &self.village.households[at];
                h.payments.iter().filter(|p| p.payee == id && p.period_end() > died).map(|p| (p.number, p.paid_on)).collect()
            };
            let rectified = day(last, 3, 30);
            let key = self.clue(Clue {
                kind: "FD12",
                household: at,
                id: Some(id),
                opened: day(last, 1, 15),
                result: "confirmed",
                amount: Some(126_000),
                rectified: Some(rectified),
                closed: Some(rectified + 10),
            });
            let case = self.person_case("SV01", true, at, n, "payments after a death declared stopped, and paid again");
            self.village.truth.record(&case, "cases", key);
            let paid = self.person_case("FD12", true, at, n, "pension after the death");
            for (number, on) in after {
                self.record_payment(&paid, number);
                if on > rectified {
                    self.record_payment(&case, number);
                }
            }
            self.last_registered(&paid);
            let still = self.person_case("XR06", true, at, n, "deceased and still in the register");
            self.record_member(&still, at, n);
            self.last_registered(&still);
        } else {
            let n = self.spare(at);
            let person = self.person(at, n);
            let died = day(last - 1, 3, 14);
            self.village.died(&person, died, died + 12);
            let key = self.clue(Clue {
                kind: "XR06",
                household: at,
                id: Some(person.id),
                opened: day(last - 1, 9, 2),
                result: "confirmed",
                amount: None,
                rectified: Some(day(last - 1, 11, 20)),
                closed: Some(day(last - 1, 12, 5)),
            });
            let case = self.person_case("SV01", true, at, n, "removal of the deceased declared done, still in the register");
            self.village.truth.record(&case, "cases", key);
            let still = self.person_case("XR06", true, at, n, "deceased and still in the register");
            self.record_member(&still, at, n);
            self.last_registered(&still);
        }
    }

    fn rectified(&mut self, job: &Job, at: usize) {
        let last = self.layout.last_year;
        let n = self.spare(at);
        let person = self.person(at, n);
        let died = day(last - 1, 3, 14);
        let (result, note) = if job.variant.is_multiple_of(2) {
            self.village.died(&person, died, died + 12);
            self.household(at).people[n].left = Some((died + 70, "death"));
            resize(self.household(at));
            ("confirmed", "removed from the register in time")
        } else {
            let mut other = outsider(self.layout, self.ids, self.draw, 40, 70);
            other.name.clone_from(&person.name);
            self.village.died(&other, died, died + 12);
            ("explained", "the death was that of a namesake")
        };
        let rectified = (result == "confirmed").then_some(died + 72);
        let key = self.clue(Clue {
            kind: "XR06",
            household: at,
            id: Some(person.id),
            opened: died + 50,
            result,
            amount: None,
            rectified,
            closed: Some(died + 90),
        });
        let case = self.person_case("SV01", false, at, n, note);
        self.village.truth.record(&case, "cases", key);
        self.record_member(&case, at, n);
    }
}
