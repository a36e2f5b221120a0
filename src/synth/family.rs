//! The people of a household.

use super::calendar::{age, as_of, day};
use super::draw::Draw;
use super::ids::Ids;
use super::layout::Layout;
use super::model::{Days, Person, Village};

/// When a household should leave the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Any,
    Never,
    In(i32),
}

/// What a case needs of the household it is planted on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) taken: bool,
    pub(super) exit: Exit,
    /// A parent who draws a pension in all years.
    pub(super) elder: bool,
    /// Grown children without benefits.
    pub(super) spares: usize,
    /// Children of school age in all years.
    pub(super) pupils: usize,
    /// Receives DIBAO in all years.
    pub(super) dibao: bool,
    /// No HOUSE or RELOC grant.
    pub(super) no_grants: bool,
}

impl Wish {
    pub(super) const FREE: Wish =
        Wish { taken: false, exit: Exit::Any, elder: false, spares: 0, pupils: 0, dibao: false, no_grants: false };
    /// For a case: nobody leaves or joins, no grants besides those the case brings.
    pub(super) const STABLE: Wish = Wish { taken: true, no_grants: true, ..Wish::FREE };
}

/// Makes people of one household.
pub(super) struct Family<'b, 'a> {
    pub(super) layout: &'b Layout,
    pub(super) village: &'b mut Village<'a>,
    pub(super) ids: &'b mut Ids,
    pub(super) draw: &'b mut Draw,
    pub(super) identified: Days,
    pub(super) people: Vec<Person>,
}

impl Family<'_, '_> {
    fn add(&mut self, relation: &'static str, surname: char, female: bool, birth: Days) -> usize {
        let id = self.ids.id(self.draw, birth, female);
        let name = self.layout.names.person(self.draw, surname, female);
        let old = age(birth, as_of());
        let school = if (6..=15).contains(&old) || ((16..=18).contains(&old) && self.draw.per_mille(500)) { "in_school" } else { "none" };
        let works = (18..=59).contains(&old) && school == "none";
        let health = match self.draw.below(100) {
            0..=6 if old > 30 => "chronic",
            7..=9 if old > 30 => "severe",
            _ => "healthy",
        };
        self.people.push(Person {
            number: self.village.next_person(),
            id,
            id_raw: None,
            name,
            name_raw: None,
            female,
            birth,
            relation,
            health,
            school,
            work_months: if works && health != "severe" { self.draw.range(2, 11) } else { 0 },
            joined: self.identified,
            left: None,
            insured_from: Some(day(self.layout.cover_year(), 1, 1)),
            pension: false,
            disab: None,
            edu: false,
            in_registers: true,
        });
        self.people.len() - 1
    }

    fn born(&mut self, from_age: i32, to_age: i32) -> Days {
        // Ages as of the first year's start.
        let base = day(self.layout.first_year, 1, 1);
        self.ids.birth(self.draw, base - to_age * 365 - to_age / 4, base - from_age * 365 - from_age / 4 - 1)
    }

    pub(super) fn make(&mut self, wish: &Wish, single_elder: bool) {
        let surname = self.layout.names.surname(self.draw);
        if single_elder {
            let female = self.draw.per_mille(300);
            let birth = self.born(62, 82);
            let head = self.add("head", surname, female, birth);
            self.people[head].pension = false;
            return;
        }
        let female = self.draw.per_mille(150);
        let head_birth = self.born(34, 55);
        self.add("head", surname, female, head_birth);
        let head_age = age(head_birth, day(self.layout.first_year, 1, 1));
        if wish.taken || self.draw.per_mille(780) {
            let other = self.layout.names.surname(self.draw);
            let birth = self.born((head_age - 6).max(24), head_age + 3);
            self.add("spouse", other, !female, birth);
        }
        for _ in 0..wish.spares {
            let birth = self.born(18, (head_age - 19).clamp(18, 26));
            let female = self.draw.per_mille(450);
            let n = self.add("child", surname, female, birth);
            self.people[n].health = "healthy";
            self.people[n].school = "none";
            self.people[n].work_months = self.draw.range(3, 10);
        }
        for _ in 0..wish.pupils {
            let birth = self.born(7, 9);
            let female = self.draw.per_mille(480);
            let n = self.add("child", surname, female, birth);
            self.people[n].edu = true;
        }
        let children = if wish.spares + wish.pupils > 0 { self.draw.below(2) } else { self.draw.pick(&[0, 1, 1, 2, 2, 3]) };
        for _ in 0..children {
            let eldest = (head_age - 20).clamp(4, 24);
            let birth = self.born(4, eldest);
            let female = self.draw.per_mille(480);
            let n = self.add("child", surname, female, birth);
            let old = age(birth, day(self.layout.first_year, 9, 1));
            self.people[n].edu = (5..=14).contains(&old) && self.draw.per_mille(if self.layout.small { 250 } else { 450 });
        }
        if wish.elder || self.draw.per_mille(if self.layout.small { 180 } else { 280 }) {
            let mother = self.draw.per_mille(600);
            let low = (head_age + 19).max(62);
            let birth = self.born(low, low + 14);
            let n = self.add("parent", surname, mother, birth);
            self.people[n].pension = true;
            self.people[n].work_months = 0;
        }
        for n in 1..self.people.len() {
            let person = &mut self.people[n];
            let grown = age(person.birth, day(self.layout.first_year, 1, 1)) >= 17;
            if grown && n > wish.spares + 1 && self.draw.per_mille(70) {
                person.disab = Some(self.draw.pick(&["1", "2"]));
                person.health = "disabled";
                person.work_months = 0;
            }
        }
        if !wish.taken {
            self.changes();
        }
    }

    /// People who leave or are born while the household is in the register.
    fn changes(&mut self) {
        let (first, last) = (self.layout.first_year, self.layout.last_year);
        for n in 1..self.people.len() {
            let on = self.draw.days(day(first, 1, 10), day(last, 6, 1)).max(self.identified + 40);
            let p = &self.people[n];
            let grown = age(p.birth, on) >= 20;
            if p.plain_adult() && p.relation == "child" && grown && self.draw.per_mille(60) {
                self.people[n].left = Some((on, self.draw.pick(&["marriage", "moved"])));
            } else if p.pension && self.draw.per_mille(60) {
                // The register follows within the ninety days that its rules allow.
                let left = on + self.draw.days(15, 70);
                self.people[n].left = Some((left, "death"));
                self.village.died(&self.people[n], on, on + 12);
            }
        }
        if self.people.len() > 2 && self.people.len() < 7 && self.draw.per_mille(40) {
            let low = day(first, 1, 10).max(self.identified);
            let birth = self.ids.birth(self.draw, low, day(last - 1, 11, 1).max(low + 10));
            let surname = self.people[0].name.chars().next().unwrap_or('王');
            let female = self.draw.per_mille(480);
            let n = self.add("child", surname, female, birth);
            self.people[n].joined = birth + 40;
            self.people[n].insured_from = Some(birth + 40);
        }
    }
}
