//! Records as the core holds them: one packed row each, in an order that does not depend on the order of delivery.

use std::borrow::Cow;

use rayon::prelude::*;

use super::dictionary::Dictionary;
use super::normalise::{combine, date, digits, hash, id, mix};
use super::problem::Problems;
use super::spec::{Kind, Spec};

/// Rows normalised together; fixed, so that threads do not matter.
const CHUNK: usize = 1 << 15;

/// Words of a cache line.
const LINE: usize = 8;

/// Elements before the first that begins a cache line; speed alone depends on it.
pub(crate) fn to_line<T>(of: &[T]) -> usize {
    of.as_ptr().align_offset(64).min(64 / size_of::<T>())
}

/// Where a field stands in a packed row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub kind: Kind,
    /// First word; ids take two. Context kinds have none.
    pub word: usize,
    pub dictionary: usize,
}

/// Packed records. Missing values are zero words.
#[derive(Debug, Clone)]
pub struct Records {
    pub(crate) stride: usize,
    /// Words of the rows from `first` on, which begins a cache line: a row of eight words is one line.
    cells: Vec<u64>,
    first: usize,
    pub(crate) slots: Vec<Slot>,
    pub(crate) dictionaries: Vec<Dictionary>,
    /// Number of the listing and of the place, from 1; 0: none.
    pub(crate) listing: Vec<u32>,
    pub(crate) place: Vec<u32>,
    pub(crate) side: Vec<u8>,
    pub(crate) across: bool,
    pub(crate) relation: Vec<u8>,
    pub(crate) money: Vec<i64>,
    /// Hash of all that was delivered of the record.
    pub(crate) digest: Vec<u64>,
    /// Caller's row of each record, and back.
    pub(crate) rows: Vec<u32>,
    pub(crate) at: Vec<u32>,
    pub(crate) messages: Vec<String>,
}

/// Takes columns of text, one after the other, and packs them.
pub struct Builder {
    rows: usize,
    across: bool,
    slots: Vec<Slot>,
    columns: Vec<Vec<u64>>,
    dictionaries: Vec<Dictionary>,
    names: Vec<String>,
    listing: Vec<u64>,
    register: Vec<u64>,
    relation: Vec<u8>,
    money: Vec<i64>,
    side: Vec<u8>,
    messages: Vec<String>,
}

impl Records {
    /// A builder for `rows` records of the fields of `spec`.
    pub fn builder(spec: &Spec, rows: usize) -> Result<Builder, Problems> {
        spec.check()?;
        if rows >= u32::MAX as usize {
            return Err(Problems::one(format!("{rows} records"), "link at most 4,294,967,294 at once"));
        }
        let mut slots = Vec::new();
        let (mut word, mut dictionary) = (0, 0);
        for field in &spec.fields {
            slots.push(Slot { kind: field.kind, word, dictionary });
            word += words(field.kind);
            dictionary += usize::from(has_dictionary(field.kind));
        }
        Ok(Builder {
            rows,
            across: spec.across,
            columns: vec![Vec::new(); word],
            dictionaries: (0..dictionary).map(|_| Dictionary::default()).collect(),
            names: spec.fields.iter().map(|f| f.name.clone()).collect(),
            listing: Vec::new(),
            register: Vec::new(),
            relation: Vec::new(),
            money: Vec::new(),
            side: Vec::new(),
            messages: Vec::new(),
            slots,
        })
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Digest of all records, whatever their order.
    pub fn digest(&self) -> u64 {
        self.digest.iter().fold(mix(self.len() as u64), |sum, d| sum.wrapping_add(mix(*d)))
    }

    pub(crate) fn cell(&self, record: usize, word: usize) -> u64 {
        self.cells[self.first + record * self.stride + word]
    }

    /// All words of a record.
    pub(crate) fn row(&self, record: usize) -> &[u64] {
        let start = self.first + record * self.stride;
        &self.cells[start..start + self.stride]
    }

    /// Whether the two may be one pair of the question.
    pub(crate) fn admits(&self, a: usize, b: usize) -> bool {
        !self.across || self.side[a] != self.side[b]
    }

    /// The record of a caller's row.
    /// Hash of all that was delivered of the caller's row, as normalised; rows there are not have 0.
    pub fn digest_of(&self, row: u32) -> u64 {
        self.record_of(row).map_or(0, |record| self.digest[record])
    }
    pub(crate) fn record_of(&self, row: u32) -> Option<usize> {
        self.at.get(row as usize).map(|r| *r as usize)
    }

    /// The normalised value of a field, as text; `None`: missing. `derived`: read off the id.
    pub fn value(&self, field: usize, row: u32) -> Option<(String, bool)> {
        let record = self.record_of(row)?;
        let slot = self.slots.get(field)?;
        if words(slot.kind) == 0 {
            return match slot.kind {
                Kind::Household => (self.listing[record] != 0).then(|| (format!("#{}", self.listing[record]), false)),
                Kind::Money => Some((self.money.get(record)?.to_string(), false)),
                _ => None,
            };
        }
        let word = self.cell(record, slot.word);
        if word == 0 && (slot.kind != Kind::CitizenId || self.cell(record, slot.word + 1) == 0) {
            return None;
        }
        let text = match slot.kind {
            Kind::CitizenId => id::text(word, self.cell(record, slot.word + 1)),
            Kind::PersonName | Kind::LatinName | Kind::Text | Kind::Code => self.dictionaries[slot.dictionary].text(word as u32).to_owned(),
            Kind::Date => date::text(word),
            Kind::Sex => if word & 3 == 1 { "male" } else { "female" }.to_owned(),
            Kind::Region => format!("{word:012}"),
            Kind::Phone => (0..word >> 60).rev().map(|i| char::from(b'0' + (word >> (4 * i) & 15) as u8)).collect(),
            Kind::Account if word >= digits::ACCOUNT_TEXT => format!("#{word:x}"),
            Kind::Account => word.to_string(),
            Kind::Number => {
                let value = digits::figure_value(word);
                format!("{}{}.{:03}", if value < 0 { "-" } else { "" }, value.unsigned_abs() / 1000, value.unsigned_abs() % 1000)
            }
            _ => return None,
        };
        Some((text, matches!(slot.kind, Kind::Date | Kind::Sex) && word & date::DERIVED != 0))
    }
}

/// Bytes that linking so many records takes, about: packed rows, a line of keys, numbers and blocks by record, and the pairs of a usual register. Measured.
pub fn bytes(spec: &Spec, records: u64) -> u64 {
    let words: usize = spec.fields.iter().map(|f| words(f.kind)).sum();
    records * (8 * words as u64 + 192)
}

pub(crate) fn words(kind: Kind) -> usize {
    match kind {
        Kind::CitizenId => 2,
        Kind::Household | Kind::Register | Kind::Relation | Kind::Money => 0,
        _ => 1,
    }
}

fn has_dictionary(kind: Kind) -> bool {
    matches!(kind, Kind::PersonName | Kind::LatinName | Kind::Text | Kind::Code)
}

impl Builder {
    /// Normalises one field: `cell(row)` is the delivered text. A field that is never given is missing everywhere.
    pub fn column<'a>(&mut self, field: usize, cell: impl Fn(usize) -> Option<Cow<'a, str>> + Sync) {
        let Some(slot) = self.slots.get(field).copied() else { return };
        let present = |row: usize| cell(row).filter(|c| !crate::schema::trim(c).is_empty());
        match slot.kind {
            Kind::Household => {
                self.listing = each(self.rows, |row| present(row).map_or(0, |c| hash(crate::schema::trim(&c).as_bytes()).max(1)))
            }
            Kind::Register => {
                self.register = each(self.rows, |row| present(row).map_or(0, |c| hash(crate::schema::trim(&c).as_bytes()).max(1)))
            }
            Kind::Relation => self.relation = each(self.rows, |row| present(row).map_or(0, |c| digits::relation(&c) as u8)),
            Kind::Money => {
                self.money = each(self.rows, |row| present(row).and_then(|c| crate::schema::number::parse_decimal(&c, 0).ok()).unwrap_or(0))
            }
            Kind::CitizenId => {
                let both = each(self.rows, |row| present(row).map_or(Ok([0, 0]), |c| id::normalise(&c)));
                let placeholders = both.iter().filter(|r| **r == Err(true)).count();
                if placeholders > 0 {
                    self.messages.push(format!("{}: {placeholders} placeholders or unreadable ids count as missing", self.names[field]));
                }
                self.columns[slot.word] = both.par_iter().map(|r| r.map_or(0, |w| w[0])).collect();
                self.columns[slot.word + 1] = both.par_iter().map(|r| r.map_or(0, |w| w[1])).collect();
            }
            Kind::PersonName | Kind::LatinName | Kind::Text | Kind::Code => {
                let (dictionary, cells) = Dictionary::of(self.rows, CHUNK, slot.kind, present);
                self.dictionaries[slot.dictionary] = dictionary;
                self.columns[slot.word] = cells;
            }
            kind => {
                let read = |c: Cow<'_, str>| match kind {
                    Kind::Date => date::normalise(&c),
                    Kind::Sex => digits::sex(&c),
                    Kind::Region => digits::region_code(&c),
                    Kind::Phone => digits::phone(&c),
                    Kind::Account => digits::account(&c),
                    _ => digits::figure(&c),
                };
                self.columns[slot.word] = each(self.rows, |row| present(row).and_then(read).unwrap_or(0));
            }
        }
    }

    /// For `Spec::across`: which of two tables (0 or 1) a row stands in.
    pub fn side(&mut self, side: impl Fn(usize) -> u8 + Sync) {
        self.side = each(self.rows, side);
    }

    /// Packs the rows and puts them into their canonical order: by place, listing and digest, then the caller's row.
    pub fn finish(mut self) -> Records {
        let n = self.rows;
        let stride = self.columns.len();
        for column in &mut self.columns {
            column.resize(n, 0);
        }
        self.describe();
        self.derive();
        let find = |kind: Kind| self.slots.iter().find(|s| s.kind == kind).copied();
        self.listing.resize(n, 0);
        // A listing is a listing of its register.
        for (listing, register) in self.listing.iter_mut().zip(&self.register).filter(|(l, _)| **l != 0) {
            *listing = combine(*register, *listing).max(1);
        }
        self.side.resize(n, 0);
        let places: &[u64] = find(Kind::Region).map_or(&[], |s| &self.columns[s.word]);
        let mut order: Vec<Place> = (0..n as u32)
            .into_par_iter()
            .map(|row| {
                let r = row as usize;
                Place { place: places.get(r).copied().unwrap_or(0), listing: self.listing[r], digest: self.digest(r), row }
            })
            .collect();
        order.par_sort_unstable();
        let listing = ordinals(order.iter().map(|r| r.listing));
        let place = ordinals(order.iter().map(|r| r.place));
        let digest: Vec<u64> = order.iter().map(|r| r.digest).collect();
        let order: Vec<u32> = order.iter().map(|r| r.row).collect();
        let mut cells = vec![0u64; n * stride + LINE];
        let first = to_line(&cells);
        if stride > 0 {
            cells[first..first + n * stride].par_chunks_mut(stride * CHUNK).zip(order.par_chunks(CHUNK)).for_each(|(cells, order)| {
                for (row, at) in cells.chunks_exact_mut(stride).zip(order) {
                    for (cell, column) in row.iter_mut().zip(&self.columns) {
                        *cell = column[*at as usize];
                    }
                }
            });
        }
        let side = order.iter().map(|r| self.side[*r as usize]).collect();
        let relation = if self.relation.is_empty() { Vec::new() } else { order.iter().map(|r| self.relation[*r as usize]).collect() };
        let money = if self.money.is_empty() { Vec::new() } else { order.iter().map(|r| self.money[*r as usize]).collect() };
        let mut at = vec![0u32; n];
        for (i, row) in order.iter().enumerate() {
            at[*row as usize] = i as u32;
        }
        Records {
            stride,
            cells,
            first,
            slots: self.slots,
            dictionaries: self.dictionaries,
            listing,
            place,
            side,
            across: self.across,
            relation,
            money,
            digest,
            rows: order,
            at,
            messages: self.messages,
        }
    }

    /// Tells of columns without values or with one value.
    fn describe(&mut self) {
        for (slot, name) in self.slots.iter().zip(&self.names) {
            if words(slot.kind) == 0 || self.rows < 2 {
                continue;
            }
            let column = &self.columns[slot.word + usize::from(slot.kind == Kind::CitizenId)];
            let first = column.iter().find(|w| **w != 0);
            match first {
                None => self.messages.push(format!("{name}: no record has a value; the field says nothing")),
                Some(first) if slot.kind != Kind::CitizenId && column.iter().all(|w| w == first) => {
                    self.messages.push(format!("{name}: all records have one value; agreement on it is no evidence"));
                }
                _ => {}
            }
        }
    }

    /// Birth day and sex off a valid id, where they were not delivered. They may block; they score only where the id does not.
    fn derive(&mut self) {
        let find = |kind: Kind| self.slots.iter().find(|s| s.kind == kind).map(|s| s.word);
        let Some(ids) = find(Kind::CitizenId) else { return };
        for (kind, word) in [(Kind::Date, find(Kind::Date)), (Kind::Sex, find(Kind::Sex))] {
            let Some(word) = word else { continue };
            let mut column = std::mem::take(&mut self.columns[word]);
            let (w0, w1) = (&self.columns[ids], &self.columns[ids + 1]);
            column.par_iter_mut().enumerate().filter(|(row, cell)| **cell == 0 && w1[*row] & id::VALID != 0).for_each(|(row, cell)| {
                if let Some(packed) = id::packed(w0[row], w1[row]) {
                    use crate::schema::citizen_id as c;
                    *cell = match kind {
                        Kind::Date => c::birth(packed).map_or(0, |days| date::of_days(days) | date::DERIVED),
                        _ => (if c::sex(packed) == c::Sex::Male { 1 } else { 2 }) | date::DERIVED,
                    };
                }
            });
            self.columns[word] = column;
        }
    }

    fn digest(&self, row: usize) -> u64 {
        let mut sum = u64::from(self.side[row]);
        for slot in &self.slots {
            for w in slot.word..slot.word + words(slot.kind) {
                let word = self.columns[w][row];
                let content = if has_dictionary(slot.kind) { self.dictionaries[slot.dictionary].hash(word as u32) } else { word };
                sum = combine(sum, content);
            }
        }
        let register = self.register.get(row).copied().unwrap_or(0);
        let relation = u64::from(self.relation.get(row).copied().unwrap_or(0));
        let money = self.money.get(row).copied().unwrap_or(0) as u64;
        combine(combine(sum, combine(self.listing[row], register)), combine(relation, money))
    }
}

fn each<T: Send>(rows: usize, value: impl Fn(usize) -> T + Sync) -> Vec<T> {
    (0..rows).into_par_iter().with_min_len(CHUNK.min(4096)).map(&value).collect()
}

/// Where a record stands in the canonical order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    place: u64,
    listing: u64,
    digest: u64,
    row: u32,
}

/// Dense numbers from 1, in the order of the values; 0 stays. Equal values mostly follow each other.
fn ordinals(values: impl Iterator<Item = u64> + Clone) -> Vec<u32> {
    let mut sorted: Vec<u64> = Vec::new();
    values.clone().for_each(|v| {
        if sorted.last() != Some(&v) {
            sorted.push(v);
        }
    });
    sorted.par_sort_unstable();
    sorted.dedup();
    let shift = u32::from(sorted.first() != Some(&0));
    let mut last = None;
    let number = |v: u64| match last {
        Some((known, number)) if known == v => number,
        _ => {
            let number = sorted.binary_search(&v).map_or(0, |i| i as u32 + shift);
            last = Some((v, number));
            number
        }
    };
    values.map(number).collect()
}

/// Records by a number they have: groups of one number, ascending, each with its records, ascending. Those with 0 are in none.
#[derive(Debug)]
pub(crate) struct Groups {
    records: Vec<u32>,
    /// Where the group of each number starts.
    starts: Vec<u32>,
}

impl Groups {
    pub fn of(number: &[u32]) -> Groups {
        let most = number.iter().copied().max().unwrap_or(0) as usize;
        let mut starts = vec![0u32; most + 2];
        number.iter().for_each(|n| starts[*n as usize + 1] += 1);
        // Those with 0 count for nothing.
        starts[1] = 0;
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut records = vec![0u32; starts[most + 1] as usize];
        let mut next = starts.clone();
        for (record, n) in (0u32..).zip(number).filter(|(_, n)| **n != 0) {
            let at = &mut next[*n as usize];
            records[*at as usize] = record;
            *at += 1;
        }
        Groups { records, starts }
    }

    /// Records with a number; none of a number that nobody has.
    pub fn get(&self, number: u32) -> &[u32] {
        let n = number as usize;
        match (self.starts.get(n), self.starts.get(n + 1)) {
            (Some(from), Some(to)) => &self.records[*from as usize..*to as usize],
            _ => &[],
        }
    }

    /// Groups of two and more.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (1..self.starts.len().saturating_sub(1)).map(|n| self.get(n as u32)).filter(|g| g.len() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_groups_agree_with_sorting(values in proptest::collection::vec(0u64..9, 0..60)) {
            let numbers = ordinals(values.iter().map(|v| v * 1000));
            let mut distinct: Vec<u64> = values.iter().copied().filter(|v| *v != 0).collect();
            distinct.sort_unstable();
            distinct.dedup();
            for (value, number) in values.iter().zip(&numbers) {
                prop_assert_eq!(*number as usize, distinct.iter().position(|d| d == value).map_or(0, |i| i + 1));
            }
            let groups = Groups::of(&numbers);
            let of = |n: u32| (0..numbers.len() as u32).filter(|r| numbers[*r as usize] == n).collect::<Vec<u32>>();
            for n in 1..12 {
                prop_assert_eq!(groups.get(n), &of(n)[..]);
            }
            let all: Vec<Vec<u32>> = (1..10).map(of).filter(|g| g.len() > 1).collect();
            prop_assert_eq!(groups.iter().map(<[u32]>::to_vec).collect::<Vec<_>>(), all);
        }
    }
}
