//! Citizen ids in two words: digits as nibbles, so that differences are an exclusive or away.

use crate::schema::{citizen_id, fold};

/// Of the second word.
pub const VALID: u64 = 1 << 32;
pub const MASKED: u64 = 1 << 33;
pub const FROM15: u64 = 1 << 34;
/// Another document; the first word is a hash of its text.
pub const OTHER: u64 = 1 << 35;
const LENGTH: u32 = 40;
/// A digit that is hidden.
pub const HIDDEN: u8 = 15;
const LONGEST: usize = 24;

/// Digits of an id, first to last; X is 10, a hidden one 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    pub digits: [u8; LONGEST],
    pub len: usize,
}

impl Digits {
    pub fn as_slice(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

pub fn length(w1: u64) -> usize {
    (w1 >> LENGTH & 31) as usize
}

pub fn digit(w0: u64, w1: u64, i: usize) -> u8 {
    (if i < 16 { w0 >> (60 - 4 * i) } else { w1 >> (28 - 4 * (i - 16)) } & 15) as u8
}

pub fn digits(w0: u64, w1: u64) -> Digits {
    let mut all = Digits { digits: [0; LONGEST], len: length(w1) };
    for i in 0..all.len {
        all.digits[i] = digit(w0, w1, i);
    }
    all
}

fn words(text: &[u8], flags: u64) -> [u64; 2] {
    let (mut w0, mut w1) = (0u64, flags | (text.len() as u64) << LENGTH);
    for (i, b) in text.iter().enumerate() {
        let nibble = u64::from(match b {
            b'X' => 10,
            b'*' => HIDDEN,
            b => b - b'0',
        });
        if i < 16 {
            w0 |= nibble << (60 - 4 * i);
        } else {
            w1 |= nibble << (28 - 4 * (i - 16));
        }
    }
    [w0, w1]
}

/// The packed form (17 digits * 11 + check) of an id with 18 readable characters.
pub fn packed(w0: u64, w1: u64) -> Option<i64> {
    if length(w1) != 18 || w1 & (MASKED | OTHER) != 0 {
        return None;
    }
    let mut body = 0i64;
    for i in 0..17 {
        let d = digit(w0, w1, i);
        if d > 9 {
            return None;
        }
        body = body * 10 + i64::from(d);
    }
    Some(body * 11 + i64::from(digit(w0, w1, 17)))
}

/// Reads an id cell. An error: nothing there, or a placeholder (`true`).
pub fn normalise(cell: &str) -> Result<[u64; 2], bool> {
    usual(cell).unwrap_or_else(|| any(cell))
}

/// The usual form, eighteen characters and nothing else; `None`: another form.
fn usual(cell: &str) -> Option<Result<[u64; 2], bool>> {
    let mut text: [u8; 18] = cell.as_bytes().try_into().ok()?;
    text[17] = text[17].to_ascii_uppercase();
    if !text[..17].iter().all(u8::is_ascii_digit) || !(text[17].is_ascii_digit() || text[17] == b'X') {
        return None;
    }
    let body = text[..17].iter().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
    let id = body * 11 + if text[17] == b'X' { 10 } else { i64::from(text[17] - b'0') };
    if text.iter().all(|b| *b == text[0]) || citizen_id::is_placeholder(id) {
        return Some(Err(true));
    }
    Some(Ok(words(&text, if citizen_id::is_valid(id) { VALID } else { 0 })))
}

fn any(cell: &str) -> Result<[u64; 2], bool> {
    let folded = fold(cell);
    let mut text: Vec<u8> = Vec::with_capacity(24);
    let mut other = false;
    for c in folded.chars() {
        match c {
            '0'..='9' | '*' => text.push(c as u8),
            'x' | 'X' | '×' => text.push(b'X'),
            ' ' | '-' | '\'' | '"' | '`' | '\t' | '(' | ')' => {}
            _ => other = true,
        }
    }
    // An x is the last character or a mask.
    let last = text.len().saturating_sub(1);
    for (i, b) in text.iter_mut().enumerate() {
        if *b == b'X' && i != last && i != 17 {
            *b = b'*';
        }
    }
    if text.is_empty() && !other {
        return Err(false);
    }
    let hidden = text.iter().filter(|b| **b == b'*').count();
    if other || text.len() < 8 || text.len() > LONGEST {
        let letters: String = folded.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
        let same = letters.bytes().all(|b| Some(b) == letters.bytes().next());
        if letters.chars().count() < 5 || same {
            return Err(true);
        }
        return Ok([super::hash(letters.as_bytes()), OTHER | 1 << LENGTH]);
    }
    if text.iter().all(|b| *b == text[0]) || hidden + 4 > text.len() {
        return Err(true);
    }
    if hidden > 0 {
        return Ok(words(&text, MASKED));
    }
    let plain = std::str::from_utf8(&text).ok().and_then(|t| citizen_id::parse(t).ok());
    let Some(id) = plain else { return Ok(words(&text, 0)) };
    if citizen_id::is_placeholder(id) {
        return Err(true);
    }
    let valid = if citizen_id::is_valid(id) { VALID } else { 0 };
    let widened = if text.len() == 15 { FROM15 } else { 0 };
    if widened != 0 && valid == 0 {
        return Ok(words(&text, 0));
    }
    Ok(words(citizen_id::text(id).as_bytes(), valid | widened))
}

/// As text, for explanations.
pub fn text(w0: u64, w1: u64) -> String {
    if w1 & OTHER != 0 {
        return format!("#{w0:016x}");
    }
    digits(w0, w1)
        .as_slice()
        .iter()
        .map(|d| match *d {
            10 => 'X',
            HIDDEN => '*',
            d => (b'0' + d) as char,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_of_one_id() {
        let whole = normalise("34052419800101001X").expect("id");
        assert_eq!(whole[1] & VALID, VALID);
        for form in [
            "34052419800101001x",
            "３４０５２４１９８００１０１００１Ｘ",
            "'340524-19800101-001X",
            "34052419800101001×",
            "34052419800101001X42",
        ] {
            assert_eq!(normalise(form), Ok(whole), "{form}");
        }
        let old = normalise("340524800101001").expect("id");
        assert_eq!((old[0], old[1] & !FROM15), (whole[0], whole[1]));
        assert_eq!(packed(whole[0], whole[1]), citizen_id::parse("34052419800101001X").ok());
    }

    #[test]
    fn masked_odd_and_other() {
        let masked = normalise("340524********001X").expect("masked");
        assert_eq!(masked[1] & (MASKED | VALID), MASKED);
        assert_eq!(text(masked[0], masked[1]), "340524********001X");
        let short = normalise("3405241980010100X").expect("odd length");
        assert_eq!((length(short[1]), short[1] & VALID), (17, 0));
        let passport = normalise("E1234 5678").expect("passport");
        assert_eq!(passport[1] & OTHER, OTHER);
        assert_eq!(normalise("e12345678").expect("passport")[0], passport[0]);
        for none in ["000000000000000000", "111111111111111111", "无", "000000201201010000", "******************", "不详"] {
            assert_eq!(normalise(none), Err(true), "{none}");
        }
        assert_eq!(normalise("  "), Err(false));
    }

    proptest! {
        #[test]
        fn the_usual_form_is_read_as_any_other(text in prop_oneof!["[0-9]{17}[0-9xX*]", "52[0-9]{4}19[0-9]{2}0[1-9][12][0-9]{4}[0-9X]", "0{6}[0-9]{12}", "1{17}[01]"]) {
            if let Some(read) = usual(&text) {
                prop_assert_eq!(read, super::any(&text));
            }
        }

        #[test]
        fn digits_come_back(text in "[1-9][0-9]{7,14}[1-9][0-9]{1,5}") {
            if let Ok([w0, w1]) = normalise(&text) && w1 & (VALID | FROM15) == 0 {
                // Of a disability certificate the id it begins with is taken.
                prop_assert!(text.starts_with(&super::text(w0, w1)) && (text.len() == 20 || super::text(w0, w1) == text));
            }
        }
    }
}
