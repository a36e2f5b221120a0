//! Whole numbers, decimals and money. All are exact: a cell either means one integer or is bad.

use super::{
    BadCell, MoneyUnit,
    cell::{fold, is_scientific},
};

impl MoneyUnit {
    /// Decimal places from this unit down to fen.
    pub fn places(self) -> u8 {
        match self {
            MoneyUnit::Fen => 0,
            MoneyUnit::Yuan => 2,
            MoneyUnit::Wan => 6,
        }
    }
    fn word(self) -> &'static str {
        match self {
            MoneyUnit::Fen => "fen",
            MoneyUnit::Yuan => "yuan",
            MoneyUnit::Wan => "10,000 yuan",
        }
    }
}

/// What to do with digits past the last place that is kept.
#[derive(Clone, Copy, PartialEq)]
enum Excess {
    /// Only zeros may stand there.
    Refuse,
    /// Round half away from zero.
    Round,
}

#[derive(Debug, PartialEq)]
enum Fault {
    NotANumber,
    Grouping,
    Excess,
    Overflow,
}

/// `text` as units of 10^-places. ASCII, an optional sign in front, groups of three by commas, one point.
fn fixed(text: &[u8], places: u8, excess: Excess) -> Result<i64, Fault> {
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let mut value: i64 = 0;
    let mut seen = 0usize;
    let mut group: Option<usize> = None;
    let mut i = 0;
    let push = |value: i64, b: u8| value.checked_mul(10).and_then(|v| v.checked_add(i64::from(b - b'0'))).ok_or(Fault::Overflow);
    while i < digits.len() && digits[i] != b'.' {
        match digits[i] {
            b @ b'0'..=b'9' => {
                value = push(value, b)?;
                seen += 1;
                group = group.map(|n| n + 1);
            }
            b',' => {
                // The first group has one to three digits, the others three.
                if seen == 0 || group.map_or(seen > 3, |n| n != 3) {
                    return Err(Fault::Grouping);
                }
                group = Some(0);
            }
            _ => return Err(Fault::NotANumber),
        }
        i += 1;
    }
    if group.is_some_and(|n| n != 3) {
        return Err(Fault::Grouping);
    }
    let fraction = digits.get(i + 1..).unwrap_or(&[]);
    let mut kept = 0u8;
    let mut up = false;
    for (j, &b) in fraction.iter().enumerate() {
        if !b.is_ascii_digit() {
            return Err(Fault::NotANumber);
        }
        seen += 1;
        if kept < places {
            value = push(value, b)?;
            kept += 1;
        } else if excess == Excess::Round {
            up |= j == usize::from(places) && b >= b'5';
        } else if b != b'0' {
            return Err(Fault::Excess);
        }
    }
    if seen == 0 {
        return Err(Fault::NotANumber);
    }
    for _ in kept..places {
        value = value.checked_mul(10).ok_or(Fault::Overflow)?;
    }
    let value = value.checked_add(i64::from(up)).ok_or(Fault::Overflow)?;
    Ok(if negative { -value } else { value })
}

fn bad(cell: &str, wanted: &str, fault: &Fault) -> BadCell {
    BadCell::new(match fault {
        Fault::Overflow => format!("`{cell}` is too large for {wanted}"),
        Fault::Grouping => format!("`{cell}` has commas that do not separate thousands; wanted {wanted} such as 1,234,567.89"),
        Fault::Excess => format!("`{cell}` has more decimals than {wanted} can hold"),
        Fault::NotANumber if is_scientific(cell) => {
            format!("`{cell}` is what a spreadsheet leaves of a long number; export the column as text")
        }
        Fault::NotANumber => format!("`{cell}` is not {wanted}"),
    })
}

/// Reads a money cell (not empty) stated in `unit` as fen. Currency signs, `元`/`万元`, thousands separators, full-width digits and
/// parentheses for a negative amount are understood; decimals below one fen, unless zero, are not.
pub fn parse_money(cell: &str, unit: MoneyUnit) -> Result<i64, BadCell> {
    if let Ok(value) = fixed(cell.as_bytes(), unit.places(), Excess::Refuse) {
        return Ok(value);
    }
    let folded = fold(cell);
    let mut text = folded.trim();
    let mut negative = false;
    if let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        negative = true;
        text = inner.trim();
    }
    if let Some(rest) = text.strip_prefix('-') {
        if negative {
            return Err(bad(cell, "an amount", &Fault::NotANumber));
        }
        negative = true;
        text = rest.trim();
    }
    for sign in ["¥", "RMB", "CNY", "£", "$", "€"] {
        text = text.strip_prefix(sign).map_or(text, str::trim_start);
    }
    if let Some(rest) = text.strip_prefix('-') {
        if negative {
            return Err(bad(cell, "an amount", &Fault::NotANumber));
        }
        negative = true;
        text = rest.trim();
    }
    for (word, of) in [("万元", MoneyUnit::Wan), ("万", MoneyUnit::Wan), ("元", MoneyUnit::Yuan), ("分", MoneyUnit::Fen)] {
        if let Some(rest) = text.strip_suffix(word) {
            if of != unit {
                return Err(BadCell::new(format!("`{cell}` is stated in {}, but the column is declared in {}", of.word(), unit.word())));
            }
            text = rest.trim_end();
            break;
        }
    }
    if text.starts_with(['+', '-']) {
        return Err(bad(cell, "an amount", &Fault::NotANumber));
    }
    match fixed(text.as_bytes(), unit.places(), Excess::Refuse) {
        Ok(value) => Ok(if negative { -value } else { value }),
        Err(fault) => Err(bad(cell, &format!("an amount in {}", unit.word()), &fault)),
    }
}

/// Reads a whole number (not empty); `2019.0` is one, `2019.5` is not.
pub fn parse_int(cell: &str) -> Result<i64, BadCell> {
    parse_fixed(cell, 0, Excess::Refuse, "a whole number")
}

/// Reads a decimal (not empty) as units of 10^-scale; further digits are rounded half away from zero.
pub fn parse_decimal(cell: &str, scale: u8) -> Result<i64, BadCell> {
    parse_fixed(cell, scale, Excess::Round, "a number")
}

fn parse_fixed(cell: &str, places: u8, excess: Excess, wanted: &str) -> Result<i64, BadCell> {
    if let Ok(value) = fixed(cell.as_bytes(), places, excess) {
        return Ok(value);
    }
    let folded = fold(cell);
    fixed(folded.trim().as_bytes(), places, excess).map_err(|fault| bad(cell, wanted, &fault))
}

/// Units of 10^-scale as text: `412000` at scale 2 is `4120.00`.
pub fn format_decimal(units: i64, scale: u8) -> String {
    let mut out = String::new();
    write_decimal(&mut out, units, scale);
    out
}

/// Appends what [`format_decimal`] gives.
pub fn write_decimal(out: &mut String, units: i64, scale: u8) {
    if scale == 0 {
        return write_int(out, units, 1);
    }
    let base = 10u64.pow(u32::from(scale.min(19)));
    let magnitude = units.unsigned_abs();
    if units < 0 {
        out.push('-');
    }
    digits(out, magnitude / base, 1);
    out.push('.');
    digits(out, magnitude % base, usize::from(scale));
}

/// Appends a number, filled up with zeros to `width` characters (its sign is one of them).
pub fn write_int(out: &mut String, n: i64, width: usize) {
    if n < 0 {
        out.push('-');
    }
    digits(out, n.unsigned_abs(), width.saturating_sub(usize::from(n < 0)));
}

fn digits(out: &mut String, mut n: u64, width: usize) {
    // 20 digits at most, and no width asked for is larger.
    let mut text = [b'0'; 20];
    let mut first = 20;
    while n > 0 {
        first -= 1;
        text[first] = b'0' + (n % 10) as u8;
        n /= 10;
    }
    first = first.min(20 - width.clamp(1, 20));
    out.extend(text[first..].iter().map(|&digit| char::from(digit)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_as_files_write_it() {
        for (cell, fen) in [
            ("4120", 412_000),
            ("4120.00", 412_000),
            ("4,120.5", 412_050),
            ("¥4,120.50", 412_050),
            ("￥４，１２０．５０", 412_050),
            ("4120元", 412_000),
            ("(4,120.00)", -412_000),
            ("-4120", -412_000),
            ("−4120", -412_000),
            ("-0.01", -1),
            ("£-1.00", -100),
            (".5", 50),
            ("4120.000", 412_000),
            ("+3", 300),
        ] {
            assert_eq!(parse_money(cell, MoneyUnit::Yuan), Ok(fen), "{cell}");
        }
        assert_eq!(parse_money("1.2345万元", MoneyUnit::Wan), Ok(1_234_500));
        assert_eq!(parse_money("412000", MoneyUnit::Fen), Ok(412_000));
    }

    #[test]
    fn money_that_is_refused() {
        for (cell, unit, says) in [
            ("12.345", MoneyUnit::Yuan, "more decimals"),
            ("1,23", MoneyUnit::Yuan, "separate thousands"),
            ("1.5万元", MoneyUnit::Yuan, "stated in 10,000 yuan"),
            ("99999999999999999999", MoneyUnit::Yuan, "too large"),
            ("1.2E+17", MoneyUnit::Yuan, "spreadsheet"),
            ("--5", MoneyUnit::Yuan, "not an amount"),
            ("(-5)", MoneyUnit::Yuan, "not an amount"),
            ("-", MoneyUnit::Yuan, "not an amount"),
            ("£", MoneyUnit::Yuan, "not an amount"),
            ("abc", MoneyUnit::Fen, "not an amount"),
            ("1.2.3", MoneyUnit::Yuan, "not an amount"),
        ] {
            let problem = parse_money(cell, unit).expect_err(cell).problem;
            assert!(problem.contains(says), "{cell}: {problem}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(parse_int("2,019"), Ok(2019));
        assert_eq!(parse_int("２０１９"), Ok(2019));
        assert_eq!(parse_int("2019.0"), Ok(2019));
        assert!(parse_int("2019.5").is_err());
        assert_eq!(parse_decimal("26.1234565", 6), Ok(26_123_457));
        assert_eq!(parse_decimal("-0.5", 0), Ok(-1));
        assert_eq!(format_decimal(-5, 2), "-0.05");
    }

    proptest! {
        #[test]
        fn money_comes_back(fen in -i64::MAX..=i64::MAX) {
            prop_assert_eq!(parse_money(&format_decimal(fen, 2), MoneyUnit::Yuan), Ok(fen));
            prop_assert_eq!(parse_money(&fen.to_string(), MoneyUnit::Fen), Ok(fen));
        }
        #[test]
        fn decimals_come_back(units in -i64::MAX..=i64::MAX, scale in 0u8..=9) {
            prop_assert_eq!(parse_decimal(&format_decimal(units, scale), scale), Ok(units));
        }
        #[test]
        fn digits_as_the_formatter_writes_them(n: i64, width in 1usize..16) {
            let mut out = String::new();
            write_int(&mut out, n, width);
            prop_assert_eq!(out, format!("{n:0width$}"));
        }
        #[test]
        fn never_panics(cell in "[0-9,.()¥元-]{0,24}") {
            let _ = parse_money(&cell, MoneyUnit::Wan);
            let _ = parse_decimal(&cell, 9);
        }
    }
}
