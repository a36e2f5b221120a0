//! Phones, accounts, region codes, sexes, relations and figures.

use super::hash;
use crate::schema::{fold, number, region};

/// Accounts with letters, or more than 19 digits, are hashes from here up.
pub const ACCOUNT_TEXT: u64 = 10_000_000_000_000_000_000;

/// Phone as nibbles, the last digit lowest; up to 15 digits. A placeholder, or fewer than five digits, is none.
pub fn phone(cell: &str) -> Option<u64> {
    let folded = fold(cell);
    // Two numbers in one cell: the first.
    let first = folded.trim().split([',', ';', '/']).next().unwrap_or("");
    // One more than a number may have tells that there are too many.
    let mut digits = [0u8; 16];
    let mut count = 0;
    for (place, digit) in digits.iter_mut().zip(first.bytes().filter(u8::is_ascii_digit)) {
        *place = digit;
        count += 1;
    }
    let mut text = &digits[..count];
    for code in [b"0086".as_slice(), b"86"] {
        if text.len() == 11 + code.len() && text.starts_with(code) && text[code.len()] == b'1' {
            text = &text[code.len()..];
        }
    }
    if text.len() < 5 || text.len() > 15 || text[1..].iter().all(|b| *b == text[1]) || text == b"12345678901" || text == b"13800000000" {
        return None;
    }
    Some(text.iter().fold(0, |word, b| word << 4 | u64::from(b - b'0')) | (text.len() as u64) << 60)
}

/// Account as a number of up to 19 digits (leading zeros go: spreadsheets lose them), or a hash.
pub fn account(cell: &str) -> Option<u64> {
    let bytes = cell.as_bytes();
    if (4..=19).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) {
        return (!bytes.iter().all(|b| *b == bytes[0])).then(|| bytes.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0')));
    }
    let folded = fold(cell);
    let text: Vec<u8> = folded.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()).collect();
    if text.len() < 4 || text.iter().all(|b| *b == text[0]) {
        return None;
    }
    if text.len() <= 19 && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0')));
    }
    Some(ACCOUNT_TEXT + hash(&text) % 8_000_000_000_000_000_000)
}

/// Region code of 12 digits as a number.
pub fn region_code(cell: &str) -> Option<u64> {
    region::parse(cell).ok().map(|code| code as u64).filter(|code| *code > 0)
}

/// 1 male, 2 female.
pub fn sex(cell: &str) -> Option<u64> {
    let known = |cell: &str| match cell {
        "男" | "男性" | "m" | "male" | "1" | "man" => Some(1),
        "女" | "女性" | "f" | "female" | "2" | "woman" => Some(2),
        _ => None,
    };
    known(cell).or_else(|| known(fold(cell).trim().to_lowercase().as_str()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationCode {
    Other,
    Head,
    Spouse,
}

pub fn relation(cell: &str) -> RelationCode {
    let known = |cell: &str| match cell {
        "户主" | "本人" | "本人或户主" | "head" | "self" | "01" | "02" => Some(RelationCode::Head),
        "配偶" | "妻" | "夫" | "妻子" | "丈夫" | "spouse" | "wife" | "husband" | "10" | "11" | "12" => Some(RelationCode::Spouse),
        // Nobody in particular, but most members: told without a copy.
        "子女" | "子" | "女" | "孙子女" | "父母" => Some(RelationCode::Other),
        _ => None,
    };
    known(cell).or_else(|| known(fold(cell).trim().to_lowercase().as_str())).unwrap_or(RelationCode::Other)
}

/// A figure in thousandths, moved up so that zero is not "missing".
pub fn figure(cell: &str) -> Option<u64> {
    let value = number::parse_decimal(cell, 3).ok()?;
    Some((value as u64) ^ (1 << 63)).filter(|word| *word != 0)
}

pub fn figure_value(word: u64) -> i64 {
    (word ^ (1 << 63)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        let one = phone("13812345678");
        for form in ["138 1234 5678", "+86 138-1234-5678", "008613812345678", "１３８１２３４５６７８", "13812345678/13900000001"]
        {
            assert_eq!(phone(form), one, "{form}");
        }
        assert!(one.is_some());
        for none in ["", "0", "00000000000", "11111111111", "无", "1234"] {
            assert_eq!(phone(none), None, "{none}");
        }
        assert_eq!(account("6222 0212-3456 x"), account("622202123456X"));
        assert_eq!(account("0062220212345678"), account("62220212345678"));
        assert!(account("6222020212345678901234").is_some_and(|a| a >= ACCOUNT_TEXT));
        assert_eq!(account("0000000000"), None);
        assert_eq!(sex("女"), Some(2));
        assert_eq!(figure("-12.5").map(figure_value), Some(-12_500));
        assert_eq!(figure("0").map(figure_value), Some(0));
        assert_eq!(relation("户主"), RelationCode::Head);
    }
}
