//! Agreement levels: a pair of records becomes a pattern of a few bits per field. 0 is "missing", then best to worst; the last is "differ".

mod id;
mod name;
pub mod text;

use super::normalise::date::{self, DERIVED};
use super::normalise::{digits, lunar};
use super::problem::Problem;
use super::records::{Records, Slot};
use super::spec::{Field, Kind, Spec};

/// One date is the other in the lunar calendar. Told apart only where it is asked for.
pub(super) const LUNAR: &str = "lunar";

/// Levels a kind can tell apart, best first, without `differ`.
pub fn known_levels(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::CitizenId => &["exact", "one-edit", "masked", "two-edits", "typo-of-one-birth", "near-of-one-birth", "unclear", "near-valid"],
        Kind::PersonName => &["exact", "pinyin", "one-character", "part", "given", "surname"],
        Kind::LatinName => &["exact", "one-edit", "close", "near"],
        Kind::Text => &["exact", "one-edit", "close", "near"],
        Kind::Date => &["exact", LUNAR, "part", "one-digit", "near", "year"],
        Kind::Sex | Kind::Code => &["exact"],
        Kind::Region => &["village", "town", "county"],
        Kind::Phone | Kind::Account => &["exact", "one-digit"],
        Kind::Number => &["exact", "near", "close"],
        Kind::Household => &["same"],
        Kind::Register | Kind::Relation | Kind::Money => &[],
    }
}

/// Levels of one field as the spec declares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    /// Names, best first, the last is `differ`; empty: the field is not compared.
    pub names: Vec<&'static str>,
    /// Level (from 1) of each known level of the kind, by its number from 1; 0 stays missing.
    pub remap: [u8; 16],
    pub bits: u32,
}

pub fn levels(field: &Field) -> Result<Levels, Problem> {
    let known = known_levels(field.kind);
    if known.is_empty() || field.block_only {
        return Ok(Levels { names: Vec::new(), remap: [0; 16], bits: 0 });
    }
    let mut names: Vec<&'static str> = Vec::new();
    match &field.levels {
        None => names.extend(known.iter().filter(|level| **level != LUNAR || field.lunar)),
        Some(wanted) => {
            for level in known {
                if wanted.iter().any(|w| w == level) || (field.lunar && *level == LUNAR) {
                    names.push(level);
                }
            }
            if let Some(strange) = wanted.iter().find(|w| !known.contains(&w.as_str())) {
                return Err(Problem::new(
                    format!("field `{}`: no level `{strange}` for a {:?}", field.name, field.kind),
                    format!("use some of {}", known.join(", ")),
                ));
            }
        }
    }
    names.push("differ");
    let mut remap = [0u8; 16];
    for (i, slot) in remap.iter_mut().enumerate().skip(1) {
        // A level that is not declared counts as the next worse that is.
        let place = names.iter().position(|n| known.iter().position(|k| k == n).unwrap_or(known.len()) + 1 >= i);
        *slot = place.unwrap_or(names.len() - 1) as u8 + 1;
    }
    let bits = u32::BITS - (names.len() as u32).leading_zeros();
    Ok(Levels { names, remap, bits })
}

/// One field, ready to be compared.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    pub slot: Slot,
    pub field: usize,
    pub shift: u32,
    pub bits: u32,
    pub remap: [u8; 16],
    pub names: Vec<&'static str>,
    /// Dates may be of the lunar calendar.
    pub lunar: bool,
}

/// Compares pairs of records of one layout.
#[derive(Debug, Clone)]
pub(crate) struct Comparer {
    pub fields: Vec<Comparison>,
    /// Word of the (first) id, which derived values are read off.
    id: Option<usize>,
    /// Word of the (first) date, if it is compared: the birth day.
    birth: Option<usize>,
}

impl Comparer {
    pub fn new(spec: &Spec, records: &Records) -> Comparer {
        let mut shift = 0;
        let mut fields = Vec::new();
        for (i, field) in spec.fields.iter().enumerate() {
            let Ok(levels) = levels(field) else { continue };
            if levels.bits == 0 {
                continue;
            }
            fields.push(Comparison {
                slot: records.slots[i],
                field: i,
                shift,
                bits: levels.bits,
                remap: levels.remap,
                lunar: levels.names.contains(&LUNAR),
                names: levels.names,
            });
            shift += levels.bits;
        }
        let birth = fields.iter().find(|f: &&Comparison| f.slot.kind == Kind::Date).map(|f| f.slot.word);
        Comparer { birth, fields, id: records.slots.iter().find(|s| s.kind == Kind::CitizenId).map(|s| s.word) }
    }

    pub fn pattern(&self, records: &Records, a: usize, b: usize) -> u64 {
        let (row_a, row_b) = (records.row(a), records.row(b));
        let mut pattern = 0;
        for field in &self.fields {
            let level = self.level(records, field, a, b, row_a, row_b);
            pattern |= u64::from(field.remap[level as usize & 15]) << field.shift;
        }
        pattern
    }

    #[inline]
    fn level(&self, records: &Records, field: &Comparison, a: usize, b: usize, row_a: &[u64], row_b: &[u64]) -> u8 {
        let slot = field.slot;
        match slot.kind {
            Kind::Household => match (records.listing[a], records.listing[b]) {
                (0, _) | (_, 0) => 0,
                (x, y) => 1 + u8::from(x != y),
            },
            Kind::CitizenId => {
                // Birth days that agree make most of two ids agree: only what the ids say beyond that may count.
                let one_birth = self.birth.is_some_and(|word| row_a[word] != 0 && (row_a[word] ^ row_b[word]) & !DERIVED == 0);
                id::level([row_a[slot.word], row_a[slot.word + 1]], [row_b[slot.word], row_b[slot.word + 1]], one_birth)
            }
            _ => {
                let (x, y) = (row_a[slot.word], row_b[slot.word]);
                if x == 0 || y == 0 {
                    return 0;
                }
                match slot.kind {
                    Kind::PersonName => name::level(&records.dictionaries[slot.dictionary], x, y),
                    Kind::LatinName | Kind::Text => text::level(&records.dictionaries[slot.dictionary], x as u32, y as u32),
                    Kind::Date | Kind::Sex if (x | y) & DERIVED != 0 && self.both_have_ids(row_a, row_b) => 0,
                    Kind::Date => date_level(x & !DERIVED, y & !DERIVED, field.lunar),
                    Kind::Sex => 1 + u8::from(x & 3 != y & 3),
                    Kind::Region => region_level(x, y),
                    Kind::Phone => phone_level(x, y),
                    Kind::Account => account_level(x, y),
                    Kind::Number => number_level(digits::figure_value(x), digits::figure_value(y)),
                    _ => 1 + u8::from(x as u32 != y as u32),
                }
            }
        }
    }

    /// Looks the texts of a record up in their dictionaries, so that they are near when they are compared.
    pub fn texts(&self, records: &Records, record: usize) -> u64 {
        let texts = self.fields.iter().filter(|f| matches!(f.slot.kind, Kind::PersonName | Kind::LatinName | Kind::Text));
        texts.fold(0, |sum, f| sum ^ records.dictionaries[f.slot.dictionary].hash(records.cell(record, f.slot.word) as u32))
    }

    fn both_have_ids(&self, a: &[u64], b: &[u64]) -> bool {
        self.id.is_some_and(|word| a[word + 1] != 0 && b[word + 1] != 0)
    }
}

/// Exact; one the other in the lunar calendar, where that is asked for; a part known of one and compatible (01-01 stands for a year); one digit or day
/// and month swapped; near (calendar or age mistakes: 15 to 50 days, or the same day 1, 2 or 10 years off); same year; differ.
fn date_level(x: u64, y: u64, lunar: bool) -> u8 {
    const EXACT: u8 = 1;
    const OF_LUNAR: u8 = 2;
    const PART: u8 = 3;
    const ONE_DIGIT: u8 = 4;
    const NEAR: u8 = 5;
    const YEAR: u8 = 6;
    const DIFFER: u8 = 7;
    if x == y {
        return if x & 0xff == 0 { PART } else { EXACT };
    }
    if lunar && lunar::reading(x, y).is_some() {
        return OF_LUNAR;
    }
    let rough = |w: u64| w & 0xff == 0 || w & 0xffff == 0x0101;
    let year_equal = x >> 16 == y >> 16;
    if rough(x) || rough(y) {
        let day_unknown = |w: u64| w & 0xff == 0 && w & 0xff00 != 0;
        return match year_equal {
            true if (day_unknown(x) || day_unknown(y)) && x >> 8 != y >> 8 && !(x & 0xffff == 0x0101 || y & 0xffff == 0x0101) => YEAR,
            true => PART,
            false => DIFFER,
        };
    }
    let swapped = (y & 0xffff_0000) | (y & 0xff) << 8 | (y >> 8 & 0xff);
    if x == swapped || nibbles(x ^ y) == 1 {
        return ONE_DIGIT;
    }
    let ((year_x, month_x, day_x), (year_y, month_y, day_y)) = (date::parts(x), date::parts(y));
    if month_x == month_y && day_x == day_y && matches!(year_x.abs_diff(year_y), 1 | 2 | 10) {
        return NEAR;
    }
    // Two neighbouring digits in the wrong order.
    for shift in (0..28).step_by(4) {
        let (low, high) = (y >> shift & 15, y >> (shift + 4) & 15);
        if x == (y & !(0xff << shift)) | low << (shift + 4) | high << shift {
            return ONE_DIGIT;
        }
    }
    if year_x.abs_diff(year_y) <= 1
        && let (Some(dx), Some(dy)) = (date::days(x), date::days(y))
        && (15..=50).contains(&dx.abs_diff(dy))
    {
        return NEAR;
    }
    if year_equal { YEAR } else { DIFFER }
}

/// Nibbles that are not zero.
pub(crate) fn nibbles(x: u64) -> u32 {
    let low = 0x1111_1111_1111_1111u64;
    ((x | x >> 1 | x >> 2 | x >> 3) & low).count_ones()
}

fn region_level(x: u64, y: u64) -> u8 {
    // A code that ends in zeros stands for the whole area: only what both say is compared.
    let known = |w: u64| {
        if !w.is_multiple_of(1_000) {
            1
        } else if !w.is_multiple_of(1_000_000) {
            1_000
        } else {
            1_000_000
        }
    };
    let unit = known(x).max(known(y));
    if x / unit == y / unit {
        return match unit {
            1 => 1,
            1_000 => 2,
            _ => 3,
        };
    }
    if unit < 1_000 && x / 1_000 == y / 1_000 {
        return 2;
    }
    if x / 1_000_000 == y / 1_000_000 { 3 } else { 4 }
}

fn phone_level(x: u64, y: u64) -> u8 {
    if x == y {
        return 1;
    }
    if x >> 60 == y >> 60 {
        let difference = x ^ y;
        match nibbles(difference) {
            1 => return 2,
            2 => {
                let shift = difference.trailing_zeros() / 4 * 4;
                let (low, high) = (y >> shift & 15, y >> (shift + 4) & 15);
                if shift < 56 && x >> shift & 15 == high && x >> (shift + 4) & 15 == low {
                    return 2;
                }
            }
            _ => {}
        }
    } else {
        // One digit more or less: an area code is not one digit, a slip of the finger is.
        let (short, long) = if x >> 60 < y >> 60 { (x, y) } else { (y, x) };
        if (long >> 60) - (short >> 60) == 1 {
            let (short, long) = (short & !(15 << 60), long & !(15 << 60));
            if (0..15).any(|i| {
                let below = (1u64 << (4 * i)) - 1;
                (long >> 4 & !below) | (long & below) == short
            }) {
                return 2;
            }
        }
    }
    3
}

fn account_level(x: u64, y: u64) -> u8 {
    if x == y {
        return 1;
    }
    if x >= digits::ACCOUNT_TEXT || y >= digits::ACCOUNT_TEXT {
        return 3;
    }
    // One digit off: the difference is a digit times a power of ten. Two neighbours swapped: nine times as much.
    let mut d = x.abs_diff(y);
    let mut power = 1u64;
    while d.is_multiple_of(10) {
        d /= 10;
        power *= 10;
    }
    let one = d < 10 && x.max(y) / power % 10 >= x.min(y) / power % 10 && x / power / 10 == y / power / 10;
    let pair = |v: u64| (v / power % 10, v / power / 10 % 10);
    let swap =
        d < 90 && d.is_multiple_of(9) && pair(x) == (pair(y).1, pair(y).0) && x / power / 100 == y / power / 100 && x % power == y % power;
    if one || swap { 2 } else { 3 }
}

fn number_level(x: i64, y: i64) -> u8 {
    if x == y {
        return 1;
    }
    let (difference, size) = (x.abs_diff(y), x.unsigned_abs().max(y.unsigned_abs()));
    if difference <= size / 100 {
        2
    } else if difference <= size / 10 {
        3
    } else {
        4
    }
}

#[cfg(test)]
mod tests;
