//! Region codes: 12 digits (2 province, 2 prefecture, 2 county, 3 town, 3 village) as one number.

use super::{BadCell, cell::fold, cell::is_scientific};

/// Reads a region cell (not empty). Codes of 2, 4, 6 or 9 digits are those of a province, prefecture, county or town, filled up with zeros.
pub fn parse(cell: &str) -> Result<i64, BadCell> {
    let folded = fold(cell);
    let text = folded.trim();
    if !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        if matches!(text.len(), 2 | 4 | 6 | 9 | 12) {
            let number: i64 = text.bytes().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
            return Ok(number * 10i64.pow(12 - text.len() as u32));
        }
        return Err(BadCell::new(format!("`{cell}` has {} digits; wanted a region code of 12, or of 2, 4, 6 or 9", text.len())));
    }
    Err(BadCell::new(if is_scientific(text) {
        format!("`{cell}`: a spreadsheet turned the code into a number; export the column as text")
    } else {
        format!("`{cell}` is not a region code; wanted 12 digits")
    }))
}

/// The 12 digits.
pub fn text(code: i64) -> String {
    format!("{code:012}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fills_up_short_codes() {
        assert_eq!(parse("52"), Ok(520_000_000_000));
        assert_eq!(parse("522301"), Ok(522_301_000_000));
        assert_eq!(parse("５２２３０１００１００２"), Ok(522_301_001_002));
        for cell in ["5", "5223010", "5.2E+11", "贵州", "5223010010021"] {
            assert!(parse(cell).is_err(), "{cell}");
        }
    }

    proptest! {
        #[test]
        fn comes_back(code in 0i64..1_000_000_000_000) {
            prop_assert_eq!(parse(&text(code)), Ok(code));
        }
    }
}
