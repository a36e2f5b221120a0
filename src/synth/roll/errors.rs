//! A record of a person as somebody wrote it down.

use super::people::{Home, Person, iso, phone};
use super::rates::RollRates;
use super::words::{Mistake, Words};
use crate::synth::calendar::{civil, day, month_days};
use crate::synth::draw::Draw;

/// One line of the roll, without its numbers.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) id_no: String,
    pub(super) sex: &'static str,
    pub(super) birth: String,
    pub(super) phone: u64,
    pub(super) account: u64,
    pub(super) place: u64,
}

/// What surrounds the person who is written down.
pub(super) struct Setting<'a> {
    pub(super) home: &'a Home,
    pub(super) place: u64,
    pub(super) neighbour: u64,
    pub(super) cadre_phone: u64,
    /// A copy has the rates as stated, a first record half of them.
    pub(super) copy: bool,
}

pub(super) struct Clerk<'a> {
    pub(super) words: &'a Words,
    pub(super) rates: &'a RollRates,
    pub(super) draw: &'a mut Draw,
    pub(super) copy: bool,
}

impl Clerk<'_> {
    fn goes(&mut self, rate: usize) -> bool {
        let of = if self.copy { 10_000 } else { 20_000 };
        self.draw.below(of) < rate
    }

    pub(super) fn write(&mut self, person: &Person, setting: &Setting) -> Written {
        self.copy = setting.copy;
        let (id_no, birth) = self.id_and_birth(person, setting.home);
        let name = self.name(person);
        let r = *self.rates;
        let sex = match (self.goes(r.sex_missing), person.female != self.goes(r.sex_wrong)) {
            (true, _) => "",
            (_, true) => "女",
            _ => "男",
        };
        let other_phone = setting.copy && self.goes(r.phone_other);
        let phone = if self.goes(r.phone_missing) {
            0
        } else if self.goes(r.phone_of_cadre) {
            setting.cadre_phone
        } else if other_phone {
            phone(self.draw)
        } else if person.phone > 0 && self.goes(r.phone_digit) {
            self.digit_of_number(person.phone)
        } else {
            person.phone
        };
        let account = if self.goes(r.account_missing) {
            0
        } else if setting.copy && self.goes(r.account_other) {
            6_228_000_000_000_000_000 + self.draw.below(1_000_000_000_000_000) as u64
        } else {
            person.account
        };
        let place = if self.goes(r.place_missing) {
            0
        } else if self.goes(r.place_neighbour) {
            setting.neighbour
        } else {
            setting.place
        };
        Written { name, id_no, sex, birth, phone, account, place }
    }

    fn digit_of_number(&mut self, number: u64) -> u64 {
        let at = 10u64.pow(self.draw.below(8) as u32);
        let old = number / at % 10;
        let new = (old + 1 + self.draw.below(9) as u64) % 10;
        number - old * at + new * at
    }

    fn id_and_birth(&mut self, person: &Person, home: &Home) -> (String, String) {
        let r = *self.rates;
        let mut born = person.birth;
        let mut text = person.id.map_or_else(String::new, |id| id.text().to_owned());
        if !text.is_empty() {
            let kin: Vec<&Person> = home.people.iter().filter(|p| p.id.is_some() && p.id != person.id).collect();
            if self.goes(r.id_missing) {
                text.clear();
            } else if self.goes(r.id_of_kin) && !kin.is_empty() {
                let other = self.draw.pick(&kin);
                text = other.id.map_or_else(String::new, |id| id.text().to_owned());
                if self.draw.below(10_000) < r.birth_of_kin {
                    born = other.birth;
                }
            } else if self.goes(r.id_placeholder) {
                text = ["111111111111111111", "000000000000000000", "无"][self.draw.below(3)].to_owned();
            } else {
                text = self.mistyped(person, text);
            }
        }
        (text, self.birth(born))
    }

    fn mistyped(&mut self, person: &Person, text: String) -> String {
        let r = *self.rates;
        let mut b: Vec<char> = text.chars().collect();
        let mut digit = |draw: &mut Draw| {
            let at = draw.below(17);
            let old = b[at].to_digit(10).unwrap_or(0);
            b[at] = char::from_digit((old + 1 + draw.below(9) as u32) % 10, 10).unwrap_or('0');
        };
        if self.goes(r.id_digit) {
            digit(self.draw);
        } else if self.goes(r.id_two_digits) {
            digit(self.draw);
            digit(self.draw);
        } else if self.goes(r.id_swapped) {
            let at = self.draw.below(17);
            b.swap(at, at + 1);
        } else if self.goes(r.id_dropped) {
            b.remove(self.draw.below(18));
        } else if self.goes(r.id_old_form) && civil(person.birth).0 < 1990 {
            return person.id.map_or_else(String::new, |id| id.old_form());
        } else if self.goes(r.id_zeros) {
            b[15..].fill('0');
        } else if self.goes(r.id_masked) {
            b[6..14].fill('*');
        } else if self.goes(r.id_spaced) {
            b.insert(14, ' ');
            b.insert(6, ' ');
        }
        b.into_iter().collect()
    }

    fn birth(&mut self, born: i32) -> String {
        let r = *self.rates;
        let (y, m, d) = civil(born);
        if self.goes(r.birth_missing) {
            return String::new();
        }
        if self.goes(r.birth_first_january) {
            return iso(day(y, 1, 1));
        }
        if self.goes(r.birth_lunar) {
            return iso(born - self.draw.days(18, 50));
        }
        if self.goes(r.birth_swapped) && d <= 12 {
            return iso(day(y, d, m));
        }
        if self.goes(r.birth_year_off) {
            let off = if self.draw.per_mille(500) { 1 } else { -1 };
            return iso(day(y + off, m, d.min(month_days(y + off, m))));
        }
        if self.goes(r.birth_digit) {
            return match self.draw.below(3) {
                0 => iso(day(y - 10, m, d.min(month_days(y - 10, m)))),
                1 => iso(day(y, m % 12 + 1, d.min(28))),
                _ => iso(day(y, m, d % 28 + 1)),
            };
        }
        iso(born)
    }

    fn name(&mut self, person: &Person) -> String {
        let r = *self.rates;
        let name = person.name.clone();
        let foreign = name.contains('·') || name.chars().count() > 4;
        if foreign {
            if self.goes(r.name_patronym_dropped) {
                return name.split('·').next().unwrap_or(&name).to_owned();
            }
            if self.goes(r.name_respelled) {
                return self.words.respelled(self.draw, &name).unwrap_or(name);
            }
            return if self.goes(r.name_spaced) { name.replace('·', "") } else { name };
        }
        let known = [(r.name_homophone, Mistake::Homophone), (r.name_lookalike, Mistake::LookAlike), (r.name_variant, Mistake::Variant)];
        for (rate, kind) in known {
            if self.goes(rate)
                && let Some(other) = self.words.mistaken(self.draw, &name, kind)
            {
                return other;
            }
        }
        let chars: Vec<char> = name.chars().collect();
        let last = chars.len() - 1;
        let year = civil(person.birth).0;
        let with = |at: usize, c: char| -> String { chars.iter().enumerate().map(|(i, &o)| if i == at { c } else { o }).collect() };
        if self.goes(r.name_character) {
            let c = self.words.given(self.draw, person.female, year);
            return with(last, c);
        }
        if self.goes(r.name_unknown) {
            return with(last, '?');
        }
        if self.goes(r.name_dropped) && last >= 2 {
            return chars.iter().enumerate().filter(|(i, _)| *i != 1).map(|(_, c)| *c).collect();
        }
        if self.goes(r.name_swapped) && last >= 2 {
            let mut swapped = chars.clone();
            swapped.swap(last - 1, last);
            return swapped.into_iter().collect();
        }
        if self.goes(r.name_spaced) {
            return format!(
                "{} {}",
                chars[..person.surname_chars].iter().collect::<String>(),
                chars[person.surname_chars..].iter().collect::<String>()
            );
        }
        if self.goes(r.name_other) {
            let mut other: String = chars[..person.surname_chars].iter().collect();
            other.push(self.words.given(self.draw, person.female, year));
            other.push(self.words.given(self.draw, person.female, year));
            return other;
        }
        name
    }
}
