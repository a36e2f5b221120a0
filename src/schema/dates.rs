//! Civil dates as days since 1970-01-01, months as year * 12 + month - 1, and the forms in which files write them.
//!
//! Dates are read year first or day first; month first (12/31/2017) is never guessed.

use super::{BadCell, cell::fold};

/// First and last day a date cell may name: 1800-01-01 and 2199-12-31. Anything outside is a typing error.
const FIRST_YEAR: i32 = 1800;
const LAST_YEAR: i32 = 2199;
/// Spreadsheet day numbers (days since 1899-12-30) that are read as dates: 1954-01-01 to 2064-12-31.
const SERIALS: std::ops::RangeInclusive<i64> = 19_725..=60_266;
const SERIAL_ZERO: i64 = -25_569;

/// Days since 1970-01-01 of a civil date. `month` is 1 to 12; `day` may run over.
pub fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let y = i64::from(year) - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let m = i64::from(month);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + i64::from(day) - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    let days = era * 146_097 + doe - 719_468;
    i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX })
}

/// Year, month (1 to 12) and day (1 to 31) of a day number.
pub fn civil_from_days(days: i32) -> (i32, u32, u32) {
    let z = i64::from(days) + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

pub fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The day number of a civil date, if there is such a day.
pub fn checked_days(year: i32, month: u32, day: u32) -> Option<i32> {
    ((1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month)).then(|| days_from_civil(year, month, day))
}

/// Month number (year * 12 + month - 1) a day lies in.
pub fn month_of(days: i32) -> i32 {
    let (year, month, _) = civil_from_days(days);
    year * 12 + month as i32 - 1
}

/// First day of a month number.
pub fn month_start(month: i32) -> i32 {
    days_from_civil(month.div_euclid(12), month.rem_euclid(12) as u32 + 1, 1)
}

/// Last day of a month number.
pub fn month_end(month: i32) -> i32 {
    let (year, m) = (month.div_euclid(12), month.rem_euclid(12) as u32 + 1);
    days_from_civil(year, m, days_in_month(year, m))
}

/// The same day `n` months on (back when negative), the last day of that month where it is shorter: 2019-01-31 + 1 = 2019-02-28.
pub fn add_months(days: i32, n: i32) -> i32 {
    let (year, month, day) = civil_from_days(days);
    let month = year.saturating_mul(12).saturating_add(month as i32 - 1).saturating_add(n);
    let (year, m) = (month.div_euclid(12), month.rem_euclid(12) as u32 + 1);
    days_from_civil(year, m, day.min(days_in_month(year, m)))
}

/// Whole months from `a` to `b`: the largest `n` with `add_months(a, n) <= b` (negative, and counted likewise, when `b` is before `a`).
pub fn months_between(a: i32, b: i32) -> i32 {
    if b < a {
        return -months_between(b, a);
    }
    let n = month_of(b) - month_of(a);
    if add_months(a, n) > b { n - 1 } else { n }
}

/// Reads a date cell (not empty): days since 1970-01-01, and whether only year and month were given (then the first of the month).
pub fn parse(cell: &str) -> Result<(i32, bool), BadCell> {
    let bytes = cell.as_bytes();
    // The form of most files, without a detour.
    if bytes.len() == 10
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && let (Some(y), Some(m), Some(d)) = (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..]))
    {
        return date(cell, y as i32, m, d);
    }
    let folded = fold(cell);
    read(cell, folded.trim())
}

/// Reads a month cell (not empty): year * 12 + month - 1. A full date stands for its month.
pub fn parse_month(cell: &str) -> Result<i32, BadCell> {
    parse(cell).map(|(days, _)| month_of(days))
}

fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
}

fn date(cell: &str, year: i32, month: u32, day: u32) -> Result<(i32, bool), BadCell> {
    if !(FIRST_YEAR..=LAST_YEAR).contains(&year) {
        return Err(BadCell::new(format!("`{cell}` has the year {year}; wanted a date between {FIRST_YEAR} and {LAST_YEAR}")));
    }
    match checked_days(year, month, day) {
        Some(days) => Ok((days, false)),
        None => Err(BadCell::new(format!("`{cell}` names no day of the calendar (read as year {year}, month {month}, day {day})"))),
    }
}

fn part(cell: &str, year: i32, month: u32) -> Result<(i32, bool), BadCell> {
    date(cell, year, month, 1).map(|(days, _)| (days, true))
}

fn unread(cell: &str) -> BadCell {
    BadCell::new(format!(
        "`{cell}` is not a date; wanted a form such as 2017-12-31, 2017/12/31, 20171231, 31/12/2017, 2017年12月31日 or 201712"
    ))
}

fn read(cell: &str, text: &str) -> Result<(i32, bool), BadCell> {
    let text = without_time(text);
    if text.contains('年') {
        return read_chinese(cell, text);
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return read_digits(cell, text);
    }
    // 43100.0 and 43100.75: a spreadsheet's day number with a time of day.
    if let Some((whole, fraction)) = text.split_once('.')
        && whole.len() == 5
        && !fraction.is_empty()
        && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
    {
        return read_digits(cell, whole);
    }
    let parts: Vec<&str> = text.split(['-', '/', '.', ' ', ',']).filter(|p| !p.is_empty()).collect();
    match parts[..] {
        [a, b, c] => read_three(cell, a, b, c),
        [a, b] => read_two(cell, text, a, b),
        _ => Err(unread(cell)),
    }
}

/// `2017-12-31 08:30:00`, `2017-12-31T08:30:00+08:00`, `31/12/2017 8:30 AM`: the date before the time. The day is the one written.
fn without_time(text: &str) -> &str {
    let Some(colon) = text.find(':') else { return text };
    let head = text[..colon].trim_end_matches(|c: char| c.is_ascii_digit());
    let head = head.trim_end();
    let head = head.strip_suffix(['T', 't']).unwrap_or(head).trim_end();
    let tail_is_time = text[colon..]
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, ':' | '.' | '+' | '-' | ' ' | 'Z' | 'A' | 'P' | 'M' | 'a' | 'p' | 'm'));
    if head.is_empty() || !tail_is_time { text } else { head }
}

fn read_digits(cell: &str, text: &str) -> Result<(i32, bool), BadCell> {
    let bytes = text.as_bytes();
    match bytes.len() {
        8 | 14 | 12 => match (number(&bytes[..4]), number(&bytes[4..6]), number(&bytes[6..8])) {
            (Some(y), Some(m), Some(d)) => date(cell, y as i32, m, d),
            _ => Err(unread(cell)),
        },
        6 => match (number(&bytes[..4]), number(&bytes[4..])) {
            (Some(y), Some(m)) => part(cell, y as i32, m),
            _ => Err(unread(cell)),
        },
        5 => {
            let serial = i64::from(number(bytes).unwrap_or(0));
            if SERIALS.contains(&serial) {
                Ok(((serial + SERIAL_ZERO) as i32, false))
            } else {
                Err(BadCell::new(format!(
                    "`{cell}` looks like a spreadsheet's day number, but lies outside {}..{} (1954 to 2064); export the column as text",
                    SERIALS.start(),
                    SERIALS.end()
                )))
            }
        }
        4 => Err(BadCell::new(format!("`{cell}` is a year only; wanted at least year and month, such as 2017-12"))),
        _ => Err(unread(cell)),
    }
}

fn read_chinese(cell: &str, text: &str) -> Result<(i32, bool), BadCell> {
    let bad = || unread(cell);
    let (year, rest) = text.split_once('年').ok_or_else(bad)?;
    let year = number(year.trim().as_bytes()).ok_or_else(bad)? as i32;
    let rest = rest.trim();
    let (month, rest) = match rest.split_once('月') {
        Some((month, rest)) => (month, rest.trim()),
        None => (rest, ""),
    };
    if month.is_empty() {
        return Err(BadCell::new(format!("`{cell}` is a year only; wanted at least year and month, such as 2017年12月")));
    }
    let month = number(month.trim().as_bytes()).ok_or_else(bad)?;
    let day = rest.trim_end_matches(['日', '号']).trim();
    if day.is_empty() { part(cell, year, month) } else { date(cell, year, month, number(day.as_bytes()).ok_or_else(bad)?) }
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// An English month name or its first three letters.
fn month_name(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    let i = MONTHS.iter().position(|m| lower.starts_with(m))?;
    const FULL: [&str; 12] =
        ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
    FULL[i].starts_with(lower.as_str()).then_some(i as u32 + 1)
}

fn read_three(cell: &str, a: &str, b: &str, c: &str) -> Result<(i32, bool), BadCell> {
    let year_of = |text: &str| (text.len() == 4).then(|| number(text.as_bytes())).flatten().map(|y| y as i32);
    let small = |text: &str| (text.len() <= 2).then(|| number(text.as_bytes())).flatten();
    if let (Some(year), Some(month), Some(day)) = (year_of(a), small(b).or_else(|| month_name(b)), small(c)) {
        return date(cell, year, month, day);
    }
    let (Some(day), Some(month)) = (small(a), small(b).or_else(|| month_name(b))) else { return Err(unread(cell)) };
    if let Some(year) = year_of(c) {
        return date(cell, year, month, day).map_err(|e| {
            if month > 12 { BadCell::new(format!("{}; a date that ends in the year is read day first", e.problem)) } else { e }
        });
    }
    match small(c) {
        // 07-Oct-14: only the year can be meant by the last pair.
        Some(year) if c.len() == 2 && month_name(b).is_some() => date(cell, if year < 70 { 2000 } else { 1900 } + year as i32, month, day),
        Some(_) => Err(BadCell::new(format!("`{cell}` has no year of four digits; export the column with the whole year"))),
        None => Err(unread(cell)),
    }
}

fn read_two(cell: &str, text: &str, a: &str, b: &str) -> Result<(i32, bool), BadCell> {
    let bad = || unread(cell);
    let year_of = |text: &str| (text.len() == 4).then(|| number(text.as_bytes())).flatten().map(|y| y as i32);
    let month_of = |text: &str| month_name(text).or_else(|| if text.len() <= 2 { number(text.as_bytes()) } else { None });
    if let Some(year) = year_of(a) {
        // As a number 2017.10 loses its last zero, and nobody can tell any more.
        if text.contains('.') && b == "1" {
            return Err(BadCell::new(format!(
                "`{cell}` may be January or October (a spreadsheet drops the zero of {a}.10); export the column as text"
            )));
        }
        return part(cell, year, month_of(b).ok_or_else(bad)?);
    }
    match (month_of(a), year_of(b)) {
        (Some(month), Some(year)) => part(cell, year, month),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(y: i32, m: u32, d: u32) -> (i32, bool) {
        (days_from_civil(y, m, d), false)
    }

    #[test]
    fn reads_the_forms_of_real_files() {
        for cell in [
            "2017-12-31",
            "2017/12/31",
            "20171231",
            "2017.12.31",
            "2017年12月31日",
            "2017年12月31号",
            "31/12/2017",
            "31-12-2017",
            "31.12.2017",
            "2017-12-31 08:30:00",
            "2017-12-31T08:30:00+08:00",
            "31/12/2017 8:30",
            "20171231083000",
            "２０１７－１２－３１",
            "43100",
            "43100.75",
            "31-Dec-17",
            "31 December 2017",
            " 2017-12-31 ",
            "\u{3000}2017/12/31",
        ] {
            assert_eq!(parse(cell), Ok(day(2017, 12, 31)), "{cell}");
        }
        for cell in ["201712", "2017.12", "2017-12", "2017年12月", "2017/12", "12/2017", "Dec 2017", "２０１７１２"] {
            assert_eq!(parse(cell), Ok((days_from_civil(2017, 12, 1), true)), "{cell}");
        }
        assert_eq!(parse("2017-1-3"), Ok(day(2017, 1, 3)));
        assert_eq!(parse("07/04/2015"), Ok(day(2015, 4, 7)));
        assert_eq!(parse_month("2017-12-31"), Ok(2017 * 12 + 11));
    }

    #[test]
    fn says_what_is_wrong_with_the_others() {
        for (cell, says) in [
            ("00:00:00", "not a date"),
            ("2017", "year only"),
            ("2017年", "year only"),
            ("2017-02-29", "no day of the calendar"),
            ("12/31/2017", "day first"),
            ("2017.1", "January or October"),
            ("01/02/03", "four digits"),
            ("12345", "day number"),
            ("99999", "day number"),
            ("201713", "no day"),
            ("0017-01-01", "the year 17"),
            ("soon", "not a date"),
            ("2017-13", "no day"),
        ] {
            let problem = parse(cell).expect_err(cell).problem;
            assert!(problem.contains(says), "{cell}: {problem}");
        }
    }

    #[test]
    fn months() {
        let d = |y, m, d| days_from_civil(y, m, d);
        assert_eq!(add_months(d(2019, 1, 31), 1), d(2019, 2, 28));
        assert_eq!(add_months(d(2020, 2, 29), -12), d(2019, 2, 28));
        assert_eq!(months_between(d(2019, 1, 31), d(2019, 2, 28)), 1);
        assert_eq!(months_between(d(2019, 1, 15), d(2019, 3, 14)), 1);
        assert_eq!(months_between(d(2019, 3, 14), d(2019, 1, 15)), -1);
        assert_eq!(month_start(2017 * 12 + 11), d(2017, 12, 1));
        assert_eq!(month_end(2020 * 12 + 1), d(2020, 2, 29));
        assert_eq!(civil_from_days(0), (1970, 1, 1));
    }

    proptest! {
        #[test]
        fn civil_and_back(days in -60_000i32..80_000) {
            let (y, m, d) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(y, m, d), days);
            prop_assert_eq!(checked_days(y, m, d), Some(days));
            prop_assert!(month_start(month_of(days)) <= days && days <= month_end(month_of(days)));
        }
        #[test]
        fn chrono_agrees(days in -60_000i32..80_000) {
            use chrono::Datelike;
            let date = chrono::NaiveDate::from_ymd_opt(1970, 1, 1).expect("a day") + chrono::Duration::days(i64::from(days));
            prop_assert_eq!(civil_from_days(days), (date.year(), date.month(), date.day()));
        }
        #[test]
        fn never_panics(cell in "[0-9年月日./: T-]{0,12}|\\PC{0,12}") {
            let _ = parse(&cell);
        }
    }
}
