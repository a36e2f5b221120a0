//! Who really lives in a village: households with kin, lineages with generation characters, twins, shared phones and accounts.

use super::words::Words;
use crate::synth::calendar::{civil, day, year_of};
use crate::synth::draw::Draw;
use crate::synth::ids::Id;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Head,
    Spouse,
    Child,
    Parent,
    InLaw,
    Grandchild,
    Sibling,
}

impl Relation {
    pub(super) fn text(self) -> &'static str {
        match self {
            Relation::Head => "户主",
            Relation::Spouse => "配偶",
            Relation::Child => "子女",
            Relation::Parent => "父母",
            Relation::InLaw => "儿媳女婿",
            Relation::Grandchild => "孙子女",
            Relation::Sibling => "兄弟姐妹",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) surname_chars: usize,
    pub(super) id: Option<Id>,
    pub(super) birth: i32,
    pub(super) female: bool,
    pub(super) relation: Relation,
    /// 0: none.
    pub(super) phone: u64,
    pub(super) account: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) people: Vec<Person>,
}

/// One village: its real households.
pub(super) struct Village {
    pub(super) code: u64,
    pub(super) cadre_phone: u64,
    pub(super) homes: Vec<Home>,
}

struct Lineage {
    surname: usize,
    /// One per generation of 25 years, from 1900.
    generation: Vec<char>,
}

const YEAR: i32 = 2020;

/// Makes the villages of one county in turn.
pub(super) struct Maker<'a> {
    words: &'a Words,
    draw: Draw,
    county: u32,
    /// How many ids of the county have this birthday and sex.
    serials: rustc_hash::FxHashMap<(i32, bool), u32>,
    minority: bool,
}

impl<'a> Maker<'a> {
    pub(super) fn new(words: &'a Words, draw: Draw, county: u32) -> Self {
        Maker { words, draw, county, serials: rustc_hash::FxHashMap::default(), minority: false }
    }

    pub(super) fn village(&mut self, code: u64, homes: usize) -> Village {
        self.minority = self.draw.per_mille(40);
        let cadre_phone = phone(&mut self.draw);
        let count = 1 + self.draw.below(4);
        let lineages: Vec<Lineage> = (0..count)
            .map(|_| {
                let surname = self.words.surname(&mut self.draw);
                let generation = (0..6).map(|g| self.words.given(&mut self.draw, false, 1900 + 25 * g)).collect();
                Lineage { surname, generation }
            })
            .collect();
        let share = self.draw.range(300, 900) as usize;
        let homes = (0..homes)
            .map(|_| {
                let lineage = if self.draw.per_mille(share) { Some(self.draw.below(count)) } else { None };
                self.home(lineage.map(|l| &lineages[l]), cadre_phone)
            })
            .collect();
        Village { code, cadre_phone, homes }
    }
}

pub(super) fn phone(draw: &mut Draw) -> u64 {
    const PREFIX: [u64; 12] = [135, 136, 137, 138, 139, 150, 151, 152, 158, 182, 187, 188];
    draw.pick(&PREFIX) * 100_000_000 + draw.below(100_000_000) as u64
}

impl Maker<'_> {
    fn name(&mut self, lineage: Option<&Lineage>, surname: usize, female: bool, birth: i32) -> (String, usize) {
        let year = year_of(birth);
        if self.minority {
            let (a, b) = (self.draw.pick(&self.words.translit).0, self.draw.pick(&self.words.translit).0);
            return if self.draw.per_mille(700) { (format!("{a}·{b}"), a.chars().count()) } else { (a.to_owned(), a.chars().count()) };
        }
        let mut name = self.words.surname_text(surname).to_owned();
        let surname_chars = name.chars().count();
        let carries = if female { 150 } else { 650 };
        if let Some(lineage) = lineage.filter(|_| self.draw.per_mille(carries)) {
            name.push(lineage.generation[(((year - 1900) / 25).clamp(0, 5)) as usize]);
        } else if self.draw.per_mille(750) {
            let given = self.words.given(&mut self.draw, female, year);
            name.push(given);
        }
        let given = self.words.given(&mut self.draw, female, year);
        name.push(given);
        (name, surname_chars)
    }

    /// A new id: most carry the county's own area code, and people of one birthday have serials in a row.
    fn id(&mut self, birth: i32, female: bool) -> Id {
        let sex = u32::from(!female);
        if self.draw.per_mille(880) {
            let used = self.serials.entry((birth, female)).or_insert(0);
            *used += 1;
            let start = (birth.unsigned_abs()).wrapping_mul(2_654_435_761) >> 24;
            Id::new(self.county, birth, (start + *used) % 250 * 2 + sex)
        } else {
            let area = self.county / 100 * 100 + 31 + self.draw.below(60) as u32;
            Id::new(area, birth, 500 + self.draw.below(250) as u32 * 2 + sex)
        }
    }

    fn person(&mut self, lineage: Option<&Lineage>, surname: usize, female: bool, birth: i32, relation: Relation) -> Person {
        let (name, surname_chars) = self.name(lineage, surname, female, birth);
        let young = YEAR - year_of(birth) < 6;
        let without = if young { 250 } else { 8 };
        let id = (!self.draw.per_mille(without)).then(|| self.id(birth, female));
        let age = YEAR - year_of(birth);
        let own = if (16..70).contains(&age) { 500 } else { 40 };
        let own_phone = if self.draw.per_mille(own) { phone(&mut self.draw) } else { 0 };
        Person { name, surname_chars, id, birth, female, relation, phone: own_phone, account: 0 }
    }

    fn born(&mut self, low: i32, high: i32) -> i32 {
        self.draw.days(day(low.max(1925), 1, 1), day(high.clamp(1926, YEAR), 12, 28))
    }

    fn home(&mut self, lineage: Option<&Lineage>, cadre_phone: u64) -> Home {
        let surname = lineage.map_or_else(|| self.words.surname(&mut self.draw), |l| l.surname);
        let head_birth = self.born(1938, 1996);
        let head_female = self.draw.per_mille(180);
        let year = year_of(head_birth);
        let mut people = vec![self.person(lineage, surname, head_female, head_birth, Relation::Head)];
        if self.draw.per_mille(760) {
            let other = self.words.surname(&mut self.draw);
            let birth = self.born(year - 4, year + 5);
            people.push(self.person(None, other, !head_female, birth, Relation::Spouse));
        }
        let mut children = self.draw.below(4);
        let mut last = year + 20;
        while children > 0 && last < YEAR - 1 {
            let birth = self.born(last + 1, last + 4);
            last = year_of(birth);
            let female = self.draw.per_mille(480);
            people.push(self.person(lineage, surname, female, birth, Relation::Child));
            children -= 1;
            // Twins: one birthday, ids in a row.
            if self.draw.per_mille(11) {
                let same = self.draw.per_mille(700);
                people.push(self.person(lineage, surname, if same { female } else { !female }, birth, Relation::Child));
            }
            if YEAR - last > 24 && self.draw.per_mille(250) {
                let other = self.words.surname(&mut self.draw);
                let birth = self.born(last - 3, last + 3);
                people.push(self.person(None, other, !female, birth, Relation::InLaw));
                for _ in 0..self.draw.below(3) {
                    let birth = self.born(last + 21, last + 27);
                    let girl = self.draw.per_mille(480);
                    people.push(self.person(lineage, surname, girl, birth, Relation::Grandchild));
                }
            }
        }
        if self.draw.per_mille(220) {
            let birth = self.born(year - 32, year - 20);
            let female = self.draw.per_mille(600);
            let other = if female { self.words.surname(&mut self.draw) } else { surname };
            people.push(self.person(lineage.filter(|_| !female), other, female, birth, Relation::Parent));
        }
        if self.draw.per_mille(40) {
            let birth = self.born(year - 8, year + 8);
            people.push(self.person(lineage, surname, false, birth, Relation::Sibling));
        }
        self.share(&mut people, cadre_phone);
        Home { people }
    }

    /// The head's phone and the household's one card stand on most members; some households give the village cadre's phone.
    fn share(&mut self, people: &mut [Person], cadre_phone: u64) {
        if self.draw.per_mille(40) {
            people.iter_mut().for_each(|p| p.phone = cadre_phone);
        } else {
            if people[0].phone == 0 {
                people[0].phone = phone(&mut self.draw);
            }
            let head = people[0].phone;
            for p in people.iter_mut().skip(1) {
                if p.phone == 0 && self.draw.per_mille(700) {
                    p.phone = head;
                }
            }
        }
        let account = |draw: &mut Draw| 6_217_000_000_000_000_000 + draw.below(1_000_000_000_000_000) as u64;
        let one_card = account(&mut self.draw);
        let shared = self.draw.per_mille(650);
        for p in people.iter_mut() {
            p.account = if shared || p.relation == Relation::Head {
                one_card
            } else if YEAR - year_of(p.birth) >= 16 {
                account(&mut self.draw)
            } else {
                0
            };
        }
    }
}

/// `YYYY-MM-DD`.
pub(super) fn iso(birth: i32) -> String {
    let (y, m, d) = civil(birth);
    format!("{y:04}-{m:02}-{d:02}")
}
