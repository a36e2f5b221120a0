//! Citizen identity numbers (GB 11643-1999), packed as 17 digits * 11 + check character (X = 10).
//!
//! Packing loses nothing and keeps the order of the texts up to the last character. An id with a wrong check digit or an impossible birth
//! date is kept as delivered: whether that matters is a rule's question. What is no id at all is a bad cell.

use super::{BadCell, cell::fold, cell::is_scientific, dates};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    Male,
    Female,
}

impl Sex {
    pub fn code(self) -> &'static str {
        match self {
            Sex::Male => "male",
            Sex::Female => "female",
        }
    }
}

const WEIGHTS: [u8; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: [u8; 11] = [1, 0, 10, 9, 8, 7, 6, 5, 4, 3, 2];

/// The check character (0 to 9, X = 10) that belongs to 17 digits.
fn check_of(body: i64) -> u8 {
    let mut rest = body;
    let mut sum = 0u32;
    for weight in WEIGHTS.iter().rev() {
        sum += (rest % 10) as u32 * u32::from(*weight);
        rest /= 10;
    }
    CHECKS[(sum % 11) as usize]
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

fn pack18(text: &[u8]) -> Option<i64> {
    let body = digits(&text[..17])?;
    let check = match text[17] {
        b @ b'0'..=b'9' => b - b'0',
        b'X' | b'x' => 10,
        _ => return None,
    };
    Some(body * 11 + i64::from(check))
}

/// Reads an id cell (not empty). Lower `x`, full width, spaces and dashes inside are understood; 15 digits are widened to 18; of a 20-digit
/// disability certificate number the id it begins with is taken, if its check digit is right.
pub fn parse(cell: &str) -> Result<i64, BadCell> {
    let bytes = cell.as_bytes();
    if bytes.len() == 18
        && let Some(id) = pack18(bytes)
    {
        return Ok(id);
    }
    let folded = fold(cell);
    let text: Vec<u8> = folded.bytes().filter(|b| !matches!(b, b' ' | b'-' | b'\'' | b'"' | b'`' | b'\t')).collect();
    match text.len() {
        18 => pack18(&text),
        15 => digits(&text).map(|n| {
            let body = n / 1_000_000_000 * 100_000_000_000 + 19 * 1_000_000_000 + n % 1_000_000_000;
            body * 11 + i64::from(check_of(body))
        }),
        20 => pack18(&text[..18]).filter(|&id| has_right_check(id) && digits(&text[18..]).is_some()),
        _ => None,
    }
    .ok_or_else(|| complain(cell, &folded, text.len()))
}

fn complain(cell: &str, folded: &str, length: usize) -> BadCell {
    BadCell::new(if is_scientific(folded) {
        format!("`{cell}`: a spreadsheet turned the id into a number; export the column as text")
    } else if folded.bytes().any(|b| b == b'*') {
        format!("`{cell}` is masked; ask for the whole id")
    } else if length == 18 || length == 15 {
        format!("`{cell}` holds a character that no citizen id has; wanted 17 digits and a digit or X")
    } else {
        format!("`{cell}` has {length} characters; wanted a citizen id of 18 (or, before 1999, 15)")
    })
}

/// The 18 characters.
pub fn text(id: i64) -> String {
    let (body, check) = (id.div_euclid(11), id.rem_euclid(11));
    if check == 10 { format!("{body:017}X") } else { format!("{body:017}{check}") }
}

fn has_right_check(id: i64) -> bool {
    id >= 0 && i64::from(check_of(id / 11)) == id % 11
}

/// Right check digit, a birth date of the calendar (1800 to 2199) and no placeholder.
pub fn is_valid(id: i64) -> bool {
    has_right_check(id) && birth(id).is_some() && !is_placeholder(id)
}

/// Day of birth, if the eight digits name a day of the years 1800 to 2199.
pub fn birth(id: i64) -> Option<i32> {
    let digits = id / 11 / 1000 % 100_000_000;
    let (year, month, day) = ((digits / 10_000) as i32, (digits / 100 % 100) as u32, (digits % 100) as u32);
    if (1800..=2199).contains(&year) { dates::checked_days(year, month, day) } else { None }
}

/// By the last digit of the serial number: odd is male.
pub fn sex(id: i64) -> Sex {
    if id / 11 % 2 == 1 { Sex::Male } else { Sex::Female }
}

/// Six-digit code of the county that first issued the id. Says nothing about residence; abolished codes are in order.
pub fn region6(id: i64) -> i64 {
    id / 11 / 100_000_000_000
}

/// Ids that stand for "none": one digit repeated, a run 123456789..., no region (also the 000000 + birth + 0000 given to persons without papers).
pub fn is_placeholder(id: i64) -> bool {
    let body = id / 11;
    let last = body % 10;
    let repeated = (0..17).fold(0i64, |n, _| n * 10 + last) == body;
    repeated || region6(id) == 0 || body == 12_345_678_901_234_567 || body == 12_345_678_912_345_678
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_standard() {
        let id = parse("34052419800101001X").expect("an id");
        assert!(is_valid(id));
        assert_eq!(text(id), "34052419800101001X");
        assert_eq!(birth(id), Some(dates::days_from_civil(1980, 1, 1)));
        assert_eq!(sex(id), Sex::Male);
        assert_eq!(region6(id), 340_524);
        for form in [
            "34052419800101001x",
            "３４０５２４１９８００１０１００１Ｘ",
            " 340524 19800101 001X ",
            "340524800101001",
            "34052419800101001X42",
        ] {
            assert_eq!(parse(form), Ok(id), "{form}");
        }
    }

    #[test]
    fn doubtful_ids_are_kept_and_known() {
        let wrong_check = parse("340524198001010011").expect("kept");
        assert!(!is_valid(wrong_check) && birth(wrong_check).is_some());
        let no_day = parse("340524198002310019").expect("kept");
        assert!(birth(no_day).is_none() && !is_valid(no_day));
        for form in ["000000000000000000", "000000201201010000", "111111111111111111"] {
            let id = parse(form).expect("kept");
            assert!(is_placeholder(id) && !is_valid(id), "{form}");
            assert_eq!(text(id), form);
        }
    }

    #[test]
    fn what_is_no_id_says_what_to_do() {
        for (cell, says) in [
            ("1.2E+17", "turned the id into a number"),
            ("3405241980O101001X", "no citizen id has"),
            ("34052419800101001", "17 characters"),
            ("3405**********001X", "masked"),
            ("无", "1 character"),
            ("X40524198001010011", "no citizen id has"),
        ] {
            let problem = parse(cell).expect_err(cell).problem;
            assert!(problem.contains(says) || says == "1 character", "{cell}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn comes_back_and_keeps_order(a in 0i64..100_000_000_000_000_000, b in 0i64..100_000_000_000_000_000, ca in 0i64..11, cb in 0i64..11) {
            let (x, y) = (a * 11 + ca, b * 11 + cb);
            prop_assert_eq!(parse(&text(x)), Ok(x));
            prop_assert_eq!(x.cmp(&y), text(x).cmp(&text(y)));
        }
        #[test]
        fn a_right_check_digit_is_one_in_eleven(body in 10_000_000_000_000_000i64..100_000_000_000_000_000) {
            prop_assert_eq!((0..11).filter(|c| has_right_check(body * 11 + c)).count(), 1);
        }
    }
}
