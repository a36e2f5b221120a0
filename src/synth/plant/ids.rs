//! Ids, names and sizes that contradict themselves: DI01-04, DI07, DI16, XR17.

use super::{Planting, resize};
use crate::synth::calendar::{day, year_of};
use crate::synth::jobs::Job;
use crate::synth::model::Fact;
use crate::synth::roll::by_ear;
use crate::synth::village::outsider;

impl Planting<'_, '_> {
    pub(super) fn identities(&mut self, job: &Job, at: &[usize]) {
        match (job.kind, job.planted) {
            ("DI01", true) => self.malformed(job, at[0]),
            ("DI01", false) => self.unusual_id(job, at[0]),
            ("DI02", true) => self.one_id_two_people(job, at),
            ("DI02", false) => self.moved(at),
            ("DI03", true) => self.two_ids_one_person(job, at),
            ("DI03", false) => self.twins(at[0]),
            ("DI04", true) => self.household_unsound(job, at[0]),
            ("DI04", false) => self.member_left(at[0]),
            ("DI07", planted) => self.phone(job, at[0], planted),
            ("DI16", true) => self.spreadsheet(at),
            ("DI16", false) => self.zeros(at[0]),
            ("XR17", planted) => self.altered_id(job, at[0], planted),
            _ => {}
        }
    }

    fn malformed(&mut self, job: &Job, at: usize) {
        let n = self.spare(at);
        let case = self.household_case("DI01", true, at, "member id malformed");
        let id = self.village.households[at].people[n].id;
        let text = id.text();
        let raw = match job.variant % 4 {
            0 => id.wrong_check(),
            1 => text[..17].to_string(),
            // The letter O where the century's zero or the month's stands.
            2 => format!("{}O{}", &text[..12], &text[13..]),
            _ => format!("{}13{}", &text[..10], &text[12..]),
        };
        self.household(at).people[n].id_raw = Some(raw);
        self.record_member(&case, at, n);
    }

    fn unusual_id(&mut self, job: &Job, at: usize) {
        let case = self.household_case("DI01", false, at, "valid id in an unusual form");
        // Ids of fifteen digits were issued before 1999: the head has one.
        let n = if job.variant.is_multiple_of(2) { 0 } else { self.spare(at) };
        if n == 0 {
            let raw = self.village.households[at].people[0].id.old_form();
            self.household(at).people[0].id_raw = Some(raw);
        } else {
            let first = self.layout.first_year;
            let female = self.village.households[at].people[n].female;
            let (id, birth) = self.ids.ends_in_x(self.draw, day(first - 25, 1, 1), day(first - 20, 1, 1), female);
            let person = &mut self.household(at).people[n];
            (person.id, person.birth) = (id, birth);
            person.id_raw = Some(id.text().to_lowercase());
        }
        self.record_member(&case, at, n);
    }

    fn one_id_two_people(&mut self, job: &Job, at: &[usize]) {
        let (a, b) = (self.spare(at[0]), self.spare(at[1]));
        let first = self.person(at[0], a);
        let second = &mut self.household(at[1]).people[b];
        (second.id, second.birth, second.female, second.in_registers) = (first.id, first.birth, first.female, false);
        if !job.variant.is_multiple_of(2) {
            second.name = first.name;
        }
        let case = self.person_case("DI02", true, at[0], a, "one id in two households at once");
        self.record_member(&case, at[0], a);
        self.record_member(&case, at[1], b);
    }

    fn moved(&mut self, at: &[usize]) {
        let (a, b) = (self.spare(at[0]), self.spare(at[1]));
        let on = day(self.layout.last_year - 1, 12, 5);
        let first = self.person(at[0], a);
        self.household(at[0]).people[a].left = Some((on, "moved"));
        let second = &mut self.household(at[1]).people[b];
        (second.id, second.birth, second.female, second.in_registers) = (first.id, first.birth, first.female, false);
        (second.name, second.joined) = (first.name, on);
        // Not a child of this head, whatever the row was before.
        second.relation = "other";
        for &h in at {
            resize(self.household(h));
        }
        let case = self.person_case("DI02", false, at[0], a, "moved from one household to the other");
        self.record_member(&case, at[0], a);
        self.record_member(&case, at[1], b);
    }

    fn two_ids_one_person(&mut self, job: &Job, at: &[usize]) {
        let (a, b) = (self.spare(at[0]), self.spare(at[1]));
        let first = self.person(at[0], a);
        let second = &mut self.household(at[1]).people[b];
        (second.name, second.birth, second.female) = (first.name.clone(), first.birth, first.female);
        (second.id, second.in_registers) = (first.id.altered(4), false);
        if job.variant % 2 == 1 {
            // Found by no key: the name was written by ear and a digit mistyped.
            let name = by_ear(&self.layout.words, self.draw, &first.name);
            let second = &mut self.household(at[1]).people[b];
            (second.name, second.id_raw) = (name, Some(first.id.mistyped()));
            let malformed = self.household_case("DI01", true, at[1], "mistyped id of a second record");
            self.record_member(&malformed, at[1], b);
        }
        let case = self.person_case("DI03", true, at[0], a, "the same person under two near ids");
        self.record_member(&case, at[0], a);
        self.record_member(&case, at[1], b);
    }

    fn twins(&mut self, at: usize) {
        let spares = self.spares(at);
        let (a, b) = (spares[0], spares.get(1).copied().unwrap_or(1));
        let first = self.person(at, a);
        let names = &self.layout.names;
        let surname = first.name.chars().next().unwrap_or('王');
        let mut name = names.person(self.draw, surname, first.female);
        while name == first.name {
            name = names.person(self.draw, surname, first.female);
        }
        let second = &mut self.household(at).people[b];
        (second.name, second.birth, second.female, second.id) = (name, first.birth, first.female, first.id.altered(4));
        let case = self.person_case("DI03", false, at, a, "twins");
        self.record_member(&case, at, a);
        self.record_member(&case, at, b);
    }

    fn household_unsound(&mut self, job: &Job, at: usize) {
        let notes = ["stated size differs from the members", "two heads", "member of a household that does not exist", "no head"];
        let form = job.variant % 4;
        let case = self.household_case("DI04", true, at, notes[form]);
        self.record_household(&case, at);
        match form {
            0 => {
                let size = self.village.households[at].size();
                self.household(at).stated_size = Some(size + 1);
            }
            1 => {
                self.household(at).people[1].relation = "head";
                self.record_member(&case, at, 0);
                self.record_member(&case, at, 1);
            }
            2 => {
                let mut orphan = outsider(self.layout, self.ids, self.draw, 20, 40);
                orphan.number = self.village.next_person();
                orphan.relation = "orphan";
                orphan.joined = self.village.households[at].identified;
                self.household(at).people.push(orphan);
                let n = self.village.households[at].people.len() - 1;
                self.record_member(&case, at, n);
            }
            _ => {
                self.household(at).people[0].relation = "other";
                self.record_member(&case, at, 0);
            }
        }
    }

    fn member_left(&mut self, at: usize) {
        let n = self.spare(at);
        let case = self.household_case("DI04", false, at, "a member who left is not counted");
        self.household(at).people[n].left = Some((day(self.layout.last_year, 11, 10), "moved"));
        resize(self.household(at));
        self.record_household(&case, at);
        self.record_member(&case, at, n);
    }

    fn phone(&mut self, job: &Job, at: usize, planted: bool) {
        if planted {
            let case = self.household_case("DI07", true, at, "placeholder instead of a phone number");
            let raw = ["00000000000", "无", "99999999999", "13800000000"][job.variant % 4];
            self.household(at).phone_raw = Some(raw.to_string());
            self.record_household(&case, at);
        } else if job.variant.is_multiple_of(2) {
            let case = self.household_case("DI07", false, at, "number of the village office");
            self.household(at).phone = self.village.office_phone;
            self.record_household(&case, at);
        } else {
            let case = self.household_case("DI07", false, at, "a real number with a round tail");
            let phone = self.village.households[at].phone;
            self.household(at).phone = phone / 10_000 * 10_000 + 6666;
            self.record_household(&case, at);
        }
    }

    fn spreadsheet(&mut self, at: &[usize]) {
        let case = self.village_case("DI16", true, "ids damaged by a spreadsheet");
        for &h in at {
            for n in self.spares(h) {
                let text = self.village.households[h].people[n].id.text().to_string();
                let cut = format!("{}000", &text[..15]);
                let failed = text.as_bytes()[17] != b'0' || &text[15..17] != "00";
                let raw =
                    if n.is_multiple_of(2) && failed && !check_holds(&cut) { cut } else { format!("{}.{}E+17", &text[..1], &text[1..6]) };
                self.household(h).people[n].id_raw = Some(raw);
                self.record_member(&case, h, n);
            }
        }
    }

    fn zeros(&mut self, at: usize) {
        let n = self.spare(at);
        let (id, birth) = self.ids.ends_in_zeros(day(self.layout.first_year - 30, 1, 1));
        let person = &mut self.household(at).people[n];
        (person.id, person.birth, person.female) = (id, birth, true);
        person.relation = "other";
        let case = self.village_case("DI16", false, "a valid id that ends in 000");
        self.record_member(&case, at, n);
    }

    fn altered_id(&mut self, job: &Job, at: usize, planted: bool) {
        let n = self.spare(at);
        let before = self.village.households[at].identified - 700;
        let true_person = self.person(at, n);
        let fact = match job.variant % 3 {
            0 => Fact::Payroll { kind: "institution" },
            1 => Fact::Vehicle { kind: "car", price_yuan: 92_000 },
            _ => Fact::Estate { kind: "urban_home", origin: "bought", share: 100, area: 9400 },
        };
        if planted {
            let person = &mut self.household(at).people[n];
            person.id = true_person.id.altered(4);
            if job.variant % 3 == 1 {
                let name = by_ear(&self.layout.words, self.draw, &true_person.name);
                let person = &mut self.household(at).people[n];
                (person.name, person.id_raw) = (name, Some(true_person.id.mistyped()));
                let malformed = self.household_case("DI01", true, at, "mistyped id that hides an owner");
                self.record_member(&malformed, at, n);
            }
            let case = self.person_case("XR17", true, at, n, "id in the register of members altered");
            self.record_member(&case, at, n);
            self.register(&case, &true_person, before, None, fact);
        } else {
            let mut other = outsider(self.layout, self.ids, self.draw, 20, 30);
            let note = if job.variant.is_multiple_of(2) {
                // A twin outside the register: same birthday, near id, another name.
                (other.id, other.birth, other.female) = (true_person.id.altered(4), true_person.birth, true_person.female);
                while other.name == true_person.name {
                    other.name.push('明');
                }
                "twin outside the register"
            } else {
                other.name.clone_from(&true_person.name);
                "namesake of the same village"
            };
            let case = self.person_case("XR17", false, at, n, note);
            debug_assert!(year_of(other.birth) > 1900);
            self.record_member(&case, at, n);
            self.register(&case, &other, before, None, fact);
        }
    }
}

/// Whether an id of 17 digits and a zero has zero as its fitting check digit.
fn check_holds(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = WEIGHTS.iter().zip(text.bytes()).map(|(w, c)| w * u32::from(c - b'0')).sum();
    sum % 11 == 1
}
