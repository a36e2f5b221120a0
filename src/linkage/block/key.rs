//! Hashes of parts of values.

use crate::linkage::normalise::date::{self, DERIVED};
use crate::linkage::normalise::digits::ACCOUNT_TEXT;
use crate::linkage::normalise::id::{self, HIDDEN, MASKED, OTHER};
use crate::linkage::normalise::{combine, hash_of, mix};
use crate::linkage::records::{Records, Slot};
use crate::linkage::spec::{Blocking, KeyPart, Kind, Part, Spec};

/// Whether values of a kind have such a part.
pub fn suits(part: Part, kind: Kind) -> bool {
    match part {
        Part::Whole => !matches!(kind, Kind::Relation | Kind::Money | Kind::Register),
        Part::Pinyin | Part::Given => kind == Kind::PersonName,
        Part::Surname => matches!(kind, Kind::PersonName | Kind::LatinName | Kind::Text),
        Part::Sound => matches!(kind, Kind::LatinName | Kind::Text),
        Part::Year | Part::YearMonth | Part::MonthDay => kind == Kind::Date,
        Part::Town | Part::County => kind == Kind::Region,
        Part::Head(_) | Part::Tail(_) => {
            matches!(kind, Kind::CitizenId | Kind::PersonName | Kind::LatinName | Kind::Text | Kind::Phone | Kind::Account)
        }
    }
}

pub(super) fn name(rule: &Blocking) -> String {
    let one = |key: &KeyPart| match key.part {
        Part::Whole => key.field.clone(),
        Part::Head(n) => format!("{} head {n}", key.field),
        Part::Tail(n) => format!("{} tail {n}", key.field),
        part => format!("{} {}", key.field, format!("{part:?}").to_lowercase()),
    };
    rule.on.iter().map(one).collect::<Vec<_>>().join(" + ")
}

pub(super) fn parts(keys: &[KeyPart], spec: &Spec, records: &Records) -> Vec<(Slot, Part)> {
    keys.iter().filter_map(|key| spec.fields.iter().position(|f| f.name == key.field).map(|i| (records.slots[i], key.part))).collect()
}

/// Hash of all parts; none if one is missing.
pub(super) fn hash(parts: &[(Slot, Part)], records: &Records, record: usize) -> Option<u64> {
    let mut sum = parts.len() as u64;
    for (i, part) in parts.iter().enumerate() {
        // Equal values of two fields are different parts.
        sum = combine(sum, of(part, records, record)?.wrapping_add(i as u64));
    }
    Some(sum)
}

pub(super) fn of(&(slot, part): &(Slot, Part), records: &Records, record: usize) -> Option<u64> {
    match slot.kind {
        Kind::Household => return Some(records.listing[record]).filter(|l| *l != 0).map(|l| mix(u64::from(l))),
        Kind::CitizenId => return of_id(records.cell(record, slot.word), records.cell(record, slot.word + 1), part),
        _ => {}
    }
    let word = records.cell(record, slot.word);
    if word == 0 {
        return None;
    }
    match slot.kind {
        Kind::PersonName | Kind::LatinName | Kind::Text | Kind::Code => {
            let dictionary = &records.dictionaries[slot.dictionary];
            let entry = dictionary.entry(word as u32);
            match part {
                Part::Pinyin | Part::Sound => Some(entry.sound),
                Part::Surname => Some(mix(entry.surname_sound.into())),
                Part::Given => (!entry.han || entry.len as usize > entry.surname as usize).then(|| mix(entry.given_sound.into())),
                Part::Head(n) | Part::Tail(n) => {
                    let symbols = dictionary.symbols(entry);
                    let n = n as usize;
                    if symbols.len() < n {
                        return None;
                    }
                    let slice = if matches!(part, Part::Head(_)) { &symbols[..n] } else { &symbols[symbols.len() - n..] };
                    Some(slice.iter().fold(n as u64, |sum, s| combine(sum, (*s).into())))
                }
                _ => Some(entry.hash),
            }
        }
        Kind::Date => of_date(word & !DERIVED, part),
        Kind::Sex => Some(mix(word & 3)),
        Kind::Region => match part {
            Part::Town => (!word.is_multiple_of(1_000_000)).then(|| mix(word / 1_000)),
            Part::County => (!word.is_multiple_of(100_000_000)).then(|| mix(word / 1_000_000)),
            _ => Some(mix(word)),
        },
        Kind::Phone => {
            let length = (word >> 60) as u8;
            match part {
                Part::Tail(n) if n <= length => Some(mix(word & ((1 << (4 * n.min(15))) - 1))),
                Part::Head(n) if n <= length => Some(mix((word & !(15 << 60)) >> (4 * (length - n)))),
                Part::Tail(_) | Part::Head(_) => None,
                _ => Some(mix(word)),
            }
        }
        Kind::Account => match part {
            Part::Tail(n) if word < ACCOUNT_TEXT => Some(mix(word % 10u64.pow(n.min(19).into()))),
            Part::Head(n) if word < ACCOUNT_TEXT => {
                let length = word.ilog10() + 1;
                (u32::from(n) <= length).then(|| mix(word / 10u64.pow(length - u32::from(n))))
            }
            Part::Tail(_) | Part::Head(_) => None,
            _ => Some(mix(word)),
        },
        _ => Some(mix(word)),
    }
}

fn of_date(word: u64, part: Part) -> Option<u64> {
    let (year, month, day) = date::parts(word);
    match part {
        Part::Year => Some(mix(u64::from(year) + 1)),
        Part::YearMonth => (month > 0).then(|| mix(word >> 8)),
        // The first of January stands for "not known".
        Part::MonthDay => (day > 0 && word & 0xffff != 0x0101).then(|| mix(word & 0xffff)),
        _ => (day > 0).then(|| mix(word)),
    }
}

fn of_id(w0: u64, w1: u64, part: Part) -> Option<u64> {
    if w1 == 0 {
        return None;
    }
    let length = id::length(w1);
    let (from, to) = match part {
        Part::Head(n) => (0, n as usize),
        Part::Tail(n) => (length.checked_sub(n as usize)?, length),
        _ if w1 & OTHER != 0 => return Some(w0),
        _ => (0, length),
    };
    if w1 & OTHER != 0 || to > length {
        return None;
    }
    let digits = (from..to).map(|i| id::digit(w0, w1, i));
    if w1 & MASKED != 0 && digits.clone().any(|d| d == HIDDEN) { None } else { Some(hash_of(digits)) }
}
