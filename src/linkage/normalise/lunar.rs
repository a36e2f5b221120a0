//! The Chinese lunar calendar: a birthday that one register has by it and another by the common calendar.

use std::sync::OnceLock;

use super::date;
use crate::schema::dates;

const FIRST_YEAR: u32 = 1900;

/// Years 1900 to 2100. Bit i: month i of the year (from 0, the intercalary month counted where it stands) has 30 days, else 29; from bit 16: the
/// month that is followed by an intercalary one, 0 in years without. The year 1900 begins on 1900-01-31.
///
/// By the rules of GB/T 33661-2017 as lunar-python 1.4.8 (MIT) computes them; the tables of lunardate 0.3.0 say the same but for the first day of four
/// months (1933-06, 1954-11, 1978-08, 2057-09), where published calendars differ by a day.
#[rustfmt::skip]
const YEARS: [u32; 201] = [
    0x816d2, 0x00752, 0x00ea5, 0x5164a, 0x0064b, 0x00a9b, 0x41556, 0x0056a, 0x00b59, 0x21752,
    0x00752, 0x61b25, 0x00b25, 0x00a4b, 0x514ab, 0x002ad, 0x0056b, 0x20b69, 0x00da9, 0x71d92,
    0x00e92, 0x00d25, 0x51a4d, 0x00a56, 0x002b6, 0x415b5, 0x006d4, 0x00ea9, 0x21e92, 0x00e92,
    0x60d26, 0x0052b, 0x00a57, 0x512b6, 0x00b5a, 0x006d4, 0x30ec9, 0x00749, 0x71693, 0x00a93,
    0x0052b, 0x60a5b, 0x00aad, 0x0056a, 0x41b55, 0x00ba4, 0x00b49, 0x21a93, 0x00a95, 0x7152d,
    0x00536, 0x00aad, 0x515aa, 0x005b2, 0x00da5, 0x31d4a, 0x00d4a, 0x80a95, 0x00a97, 0x00556,
    0x60ab5, 0x00ad5, 0x006d2, 0x40ea5, 0x00ea5, 0x0064a, 0x30c97, 0x00a9b, 0x7155a, 0x0056a,
    0x00b69, 0x51752, 0x00b52, 0x00b25, 0x4164b, 0x00a4b, 0x814ab, 0x002ad, 0x0056d, 0x60b69,
    0x00da9, 0x00d92, 0x41d25, 0x00d25, 0xa1a4d, 0x00a56, 0x002b6, 0x605b5, 0x006d5, 0x00ea9,
    0x51e92, 0x00e92, 0x00d26, 0x30a56, 0x00a57, 0x814d6, 0x0035a, 0x006d5, 0x516c9, 0x00749,
    0x00693, 0x4152b, 0x0052b, 0x00a5b, 0x2155a, 0x0056a, 0x71b55, 0x00ba4, 0x00b49, 0x51a93,
    0x00a95, 0x0052d, 0x40aad, 0x00ab5, 0x915aa, 0x005d2, 0x00da5, 0x61d4a, 0x00d4a, 0x00c95,
    0x4152e, 0x00556, 0x00ab5, 0x215b2, 0x006d2, 0x60ea5, 0x00725, 0x0064b, 0x50c97, 0x00cab,
    0x0055a, 0x30ad6, 0x00b69, 0xb1752, 0x00b52, 0x00b25, 0x61a4b, 0x00a4b, 0x004ab, 0x5055b,
    0x005ad, 0x00b6a, 0x21b52, 0x00d92, 0x71d25, 0x00d25, 0x00a55, 0x514ad, 0x004b6, 0x005b5,
    0x30daa, 0x00ec9, 0x81e92, 0x00e92, 0x00d26, 0x60a56, 0x00a57, 0x004d6, 0x406d5, 0x00755,
    0x00749, 0x30e93, 0x00693, 0x7152b, 0x0052b, 0x00a5b, 0x5155a, 0x0056a, 0x00b65, 0x4174a,
    0x00b4a, 0x81a95, 0x00a95, 0x0052d, 0x60aad, 0x00ab5, 0x005aa, 0x40ba5, 0x00da5, 0x00d4a,
    0x31c95, 0x00c96, 0x7194e, 0x00556, 0x00ab5, 0x515b2, 0x006d2, 0x00ea5, 0x40e4a, 0x0068b,
    0x80c97, 0x004ab, 0x0055b, 0x60ad6, 0x00b6a, 0x00752, 0x41725, 0x00b45, 0x00a8b, 0x2149b,
    0x004ab,
];

/// First day of each lunar year, and of the one after the last.
fn new_years() -> &'static [i32] {
    static DAYS: OnceLock<Vec<i32>> = OnceLock::new();
    DAYS.get_or_init(|| {
        let mut day = dates::days_from_civil(1900, 1, 31);
        let mut all = vec![day];
        for year in YEARS {
            day += (0..months(year)).map(|i| length(year, i)).sum::<i32>();
            all.push(day);
        }
        all
    })
}

fn months(year: u32) -> u32 {
    if year >> 16 == 0 { 12 } else { 13 }
}

fn length(year: u32, month: u32) -> i32 {
    29 + (year >> month & 1) as i32
}

/// Day number of a lunar date, if the calendar has it.
fn days(year: u32, month: u32, day: u32, intercalary: bool) -> Option<i32> {
    let at = year.checked_sub(FIRST_YEAR)? as usize;
    let months_of = *YEARS.get(at)?;
    let followed = months_of >> 16;
    if !(1..=12).contains(&month) || (intercalary && month != followed) {
        return None;
    }
    let place = month - 1 + u32::from(intercalary || (followed != 0 && month > followed));
    if day == 0 || day as i32 > length(months_of, place) {
        return None;
    }
    Some(new_years()[at] + (0..place).map(|i| length(months_of, i)).sum::<i32>() + day as i32 - 1)
}

/// How one of two dates is the other in the lunar calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The first of the two is the lunar one.
    pub first: bool,
    /// Its month is the intercalary one, which dates do not say.
    pub intercalary: bool,
}

/// Whether one of two whole dates is the other in the lunar calendar. A lunar date may be a day that the common calendar does not have.
pub fn reading(x: u64, y: u64) -> Option<Reading> {
    let one = |lunar: u64, solar: u64| -> Option<bool> {
        let ((year, month, day), (y, m, d)) = (date::parts(lunar), date::parts(solar));
        // A lunar month begins three to seven weeks after the common one of its number.
        if !(0..=2).contains(&((y * 12 + m) as i32 - (year * 12 + month) as i32)) {
            return None;
        }
        let wanted = dates::checked_days(y as i32, m, d)?;
        [false, true].into_iter().find(|&intercalary| days(year, month, day, intercalary) == Some(wanted))
    };
    let found = |first: bool, intercalary: Option<bool>| intercalary.map(|intercalary| Reading { first, intercalary });
    found(true, one(x, y)).or_else(|| found(false, one(y, x)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn word(text: &str) -> u64 {
        date::normalise(text).expect("a date")
    }

    #[test]
    fn known_days() {
        let day = |text: &str| date::days(word(text));
        for (lunar, intercalary, solar) in [
            ((1900, 1, 1), false, "1900-01-31"),
            ((1949, 8, 10), false, "1949-10-01"),
            ((1966, 3, 30), false, "1966-04-20"),
            ((1984, 10, 1), true, "1984-11-23"),
            ((1990, 1, 1), false, "1990-01-27"),
            ((1999, 12, 29), false, "2000-02-04"),
            ((2020, 1, 1), false, "2020-01-25"),
            ((2020, 4, 1), false, "2020-04-23"),
            ((2020, 4, 1), true, "2020-05-23"),
            ((2020, 5, 5), false, "2020-06-25"),
            ((2033, 11, 1), true, "2033-12-22"),
            ((2100, 12, 1), false, "2100-12-31"),
        ] {
            let (year, month, of_month) = lunar;
            assert_eq!(days(year, month, of_month, intercalary), day(solar), "{lunar:?}");
        }
        assert_eq!(days(2021, 4, 1, true), None, "no intercalary month in 2021");
        assert_eq!(days(1990, 1, 31, false), None);
        assert_eq!(days(1899, 1, 1, false), None);
        assert_eq!(days(2101, 1, 1, false), None);
        assert_eq!(new_years().last().copied(), day("2101-01-29"));
    }

    #[test]
    fn two_dates_of_one_day() {
        let read = |x: &str, y: &str| reading(word(x), word(y));
        let of = |first, intercalary| Some(Reading { first, intercalary });
        assert_eq!(read("1990-01-01", "1990-01-27"), of(true, false));
        assert_eq!(read("1990-01-27", "1990-01-01"), of(false, false));
        assert_eq!(read("2020-05-23", "2020-04-01"), of(false, true));
        assert_eq!(read("2020-04-23", "2020-04-01"), of(false, false));
        // The lunar year is the one before; a day that February does not have.
        assert_eq!(read("1989-12-14", "1990-01-10"), of(true, false));
        assert_eq!(read("1985-02-30", "1985-04-19"), of(true, false));
        for (x, y) in
            [("1990-01-01", "1990-01-28"), ("1990-01-27", "1990-01-27"), ("1990-03-05", "1990-04-30"), ("1850-01-01", "1850-02-12")]
        {
            assert_eq!(read(x, y), None, "{x} {y}");
        }
    }

    proptest! {
        /// Every day from 1900-01-31 on is one day of the lunar calendar, and is found again by it.
        #[test]
        fn each_day_has_one_lunar_date(number in 0i32..73_000) {
            let day = new_years()[0] + number;
            let year = FIRST_YEAR + new_years().partition_point(|first| *first <= day) as u32 - 1;
            let all: Vec<(u32, u32)> = (1..=12u32).flat_map(|m| (1..=30).map(move |d| (m, d))).collect();
            let found: Vec<_> = all.iter().flat_map(|(m, d)| [(*m, *d, false), (*m, *d, true)]).filter(|(m, d, i)| days(year, *m, *d, *i) == Some(day)).collect();
            prop_assert_eq!(found.len(), 1);
            let (month, of_month, intercalary) = found[0];
            let lunar = word(&format!("{year:04}-{month:02}-{of_month:02}"));
            let solar = date::of_days(day);
            if lunar != solar {
                prop_assert_eq!(reading(lunar, solar), Some(Reading { first: true, intercalary }));
            }
        }
    }
}
