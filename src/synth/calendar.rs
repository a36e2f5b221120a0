//! Days since 1970-01-01 from and to civil dates.

pub(super) fn day(year: i32, month: i32, day: i32) -> i32 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month, day.
pub(super) fn civil(days: i32) -> (i32, i32, i32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * of_year + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + i32::from(month <= 2);
    (year, month, of_year - (153 * mp + 2) / 5 + 1)
}

pub(super) fn year_of(days: i32) -> i32 {
    civil(days).0
}

/// The 31st of December 2020: the programme's as-of date.
pub(super) fn as_of() -> i32 {
    day(2020, 12, 31)
}

pub(super) fn month_days(year: i32, month: i32) -> i32 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    day(next_year, next, 1) - day(year, month, 1)
}

pub(super) fn age(birth: i32, on: i32) -> i32 {
    let (by, bm, bd) = civil(birth);
    let (y, m, d) = civil(on);
    y - by - i32::from((m, d) < (bm, bd))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_and_back() {
        assert_eq!(day(1970, 1, 1), 0);
        assert_eq!(day(2000, 3, 1), 11_017);
        assert_eq!(day(2020, 12, 31), 18_627);
        for d in -30_000..30_000 {
            let (y, m, dd) = civil(d);
            assert_eq!(day(y, m, dd), d);
        }
        assert_eq!(month_days(2020, 2), 29);
        assert_eq!(month_days(2019, 12), 31);
        assert_eq!(age(day(1960, 6, 15), day(2020, 6, 14)), 59);
        assert_eq!(age(day(1960, 6, 15), day(2020, 6, 15)), 60);
    }
}
