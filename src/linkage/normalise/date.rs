//! Dates as eight nibbles YYYYMMDD, so that digits compare by exclusive or. Impossible days are kept: a typing error still tells much.

use crate::schema::{dates, fold};

/// The date was read off an id, not delivered.
pub const DERIVED: u64 = 1 << 32;

fn bcd(year: u32, month: u32, day: u32) -> u64 {
    let mut word = 0;
    for d in [year / 1000 % 10, year / 100 % 10, year / 10 % 10, year % 10, month / 10, month % 10, day / 10, day % 10] {
        word = word << 4 | u64::from(d);
    }
    word
}

/// From days since 1970-01-01.
pub fn of_days(days: i32) -> u64 {
    let (year, month, day) = dates::civil_from_days(days);
    bcd(year.clamp(0, 9999) as u32, month, day)
}

pub fn parts(word: u64) -> (u32, u32, u32) {
    let d = |shift: u32| (word >> shift & 15) as u32;
    (d(28) * 1000 + d(24) * 100 + d(20) * 10 + d(16), d(12) * 10 + d(8), d(4) * 10 + d(0))
}

/// Day number, if it is a day of the calendar.
pub fn days(word: u64) -> Option<i32> {
    let (year, month, day) = parts(word);
    dates::checked_days(year as i32, month, day)
}

/// Reads a date cell: year first or day first, with or without separators; year and month, or the year alone, leave zeros.
pub fn normalise(cell: &str) -> Option<u64> {
    usual(cell).or_else(|| any(cell))
}

/// Ten characters, year first.
fn usual(cell: &str) -> Option<u64> {
    let text: [u8; 10] = cell.as_bytes().try_into().ok()?;
    let mut word = 0;
    for (i, b) in text.into_iter().enumerate() {
        match (i, b) {
            (4 | 7, b'-' | b'/' | b'.') => {}
            (4 | 7, _) => return None,
            (_, b'0'..=b'9') => word = word << 4 | u64::from(b - b'0'),
            _ => return None,
        }
    }
    let year = word >> 16;
    (year >= 0x1000 && !matches!(year, 0x9999 | 0x1111)).then_some(word)
}

fn any(cell: &str) -> Option<u64> {
    let folded = fold(cell);
    let text = folded.trim();
    let text = text.split([' ', 'T']).next().unwrap_or(text);
    let mut groups: [(u32, usize); 3] = [(0, 0); 3];
    let mut n = 0;
    let mut inside = false;
    for c in text.chars() {
        match c.to_digit(10) {
            Some(d) => {
                if !inside {
                    n += 1;
                    inside = true;
                    if n > 3 {
                        return None;
                    }
                }
                let group = &mut groups[n - 1];
                if group.1 >= 8 {
                    return None;
                }
                *group = (group.0 * 10 + d, group.1 + 1);
            }
            None if matches!(c, '-' | '/' | '.' | '年' | '月' | '日' | '号') => inside = false,
            None => return None,
        }
    }
    let date = match (n, groups[0].1, groups[1].1, groups[2].1) {
        (1, 8, ..) => (groups[0].0 / 10_000, groups[0].0 / 100 % 100, groups[0].0 % 100),
        (1, 6, ..) => (groups[0].0 / 100, groups[0].0 % 100, 0),
        (1, 4, ..) => (groups[0].0, 0, 0),
        (2, 4, 1..=2, _) => (groups[0].0, groups[1].0, 0),
        (3, 4, 1..=2, 1..=2) => (groups[0].0, groups[1].0, groups[2].0),
        (3, 1..=2, 1..=2, 4) => (groups[2].0, groups[1].0, groups[0].0),
        (1, 5, ..) => return dates::parse(text).ok().map(|(days, _)| of_days(days)),
        _ => return None,
    };
    if date.0 < 1000 || date.1 > 99 || date.2 > 99 || matches!(date.0, 9999 | 1111) { None } else { Some(bcd(date.0, date.1, date.2)) }
}

pub fn text(word: u64) -> String {
    match parts(word) {
        (year, 0, 0) => format!("{year:04}"),
        (year, month, 0) => format!("{year:04}-{month:02}"),
        (year, month, day) => format!("{year:04}-{month:02}-{day:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_usual_form_is_read_as_any_other(text in prop_oneof!["[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}", "(0999|1000|1111|9999)-[0-9]{2}-[0-9]{2}", "[0-9-]{10}"]) {
            prop_assert_eq!(normalise(&text), super::any(&text));
        }
    }

    #[test]
    fn forms_of_one_day() {
        for form in
            ["1980-02-03", "1980/2/3", "19800203", "1980.02.03", "1980年2月3日", "3/2/1980", "1980-02-03 00:00:00", "１９８０－０２－０３"]
        {
            assert_eq!(normalise(form).map(text).as_deref(), Some("1980-02-03"), "{form}");
        }
        assert_eq!(normalise("1980-02").map(text).as_deref(), Some("1980-02"));
        assert_eq!(normalise("198002").map(text).as_deref(), Some("1980-02"));
        assert_eq!(normalise("1980").map(text).as_deref(), Some("1980"));
        assert_eq!(normalise("19801332").map(text).as_deref(), Some("1980-13-32"), "an impossible day is kept");
        assert_eq!(days(normalise("19801332").unwrap_or(0)), None);
        for none in ["", "无", "12", "1980-02-03-04", "0001-01-01"] {
            assert_eq!(normalise(none), None, "{none}");
        }
    }
}
