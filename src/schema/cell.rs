//! What all cells have in common: white space around them and full-width forms of ASCII.

use std::borrow::Cow;

/// `cell` without white space at its ends, where white space includes the ideographic space, byte order marks and zero-width spaces.
pub fn trim(cell: &str) -> &str {
    let bytes = cell.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(a), Some(b)) if a.is_ascii_graphic() && b.is_ascii_graphic() => cell,
        _ => cell.trim_matches(is_blank),
    }
}

pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\0')
}

/// `cell` with full-width forms (ＡＢＣ１２３，．（）) as ASCII, ideographic and no-break spaces as spaces, dashes as `-`.
pub fn fold(cell: &str) -> Cow<'_, str> {
    if cell.is_ascii() {
        return Cow::Borrowed(cell);
    }
    Cow::Owned(
        cell.chars()
            .map(|c| match c {
                '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
                '\u{3000}' | '\u{a0}' | '\u{2007}' | '\u{202f}' => ' ',
                '\u{2212}' | '\u{2013}' | '\u{2014}' | '\u{2010}' | '\u{2011}' => '-',
                '。' => '.',
                '、' => ',',
                '￥' => '¥',
                c => c,
            })
            .filter(|&c| c == ' ' || !is_blank(c))
            .collect(),
    )
}

/// `1.2E+17`, `5.2E17`: what a spreadsheet leaves of a long number.
pub fn is_scientific(text: &str) -> bool {
    let text = text.trim();
    let Some(e) = text.find(['E', 'e']) else { return false };
    let (mantissa, exponent) = (&text[..e], &text[e + 1..]);
    let digits = exponent.trim_start_matches(['+', '-']);
    !mantissa.is_empty()
        && mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && mantissa.contains('.') | exponent.starts_with('+')
        && !digits.is_empty()
        && digits.len() <= 3
        && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_what_the_eye_does_not_see() {
        assert_eq!(trim("\u{feff} 户编号\u{3000}\t"), "户编号");
        assert_eq!(trim(" a b "), "a b");
        assert_eq!(trim("\u{3000}"), "");
        assert_eq!(fold("（１，２００．５０）"), "(1,200.50)");
    }

    #[test]
    fn knows_scientific_notation() {
        assert!(is_scientific("1.2E+17") && is_scientific("5.20101E17") && is_scientific("5E+17"));
        assert!(!is_scientific("E17") && !is_scientific("12E") && !is_scientific("52010119500101001X") && !is_scientific("12E5"));
    }
}
