//! Texts that are compared: phones, accounts, names, codes, yes and no.

use std::borrow::Cow;

use super::{BadCell, cell::fold, cell::is_blank, cell::is_scientific};

/// Digits only; a leading +86 or 0086 before a mobile number goes. Spaces, dashes, points and parentheses are not part of a number.
pub fn parse_phone(cell: &str) -> Result<Cow<'_, str>, BadCell> {
    let plain = cell.len() <= 12 && cell.bytes().all(|b| b.is_ascii_digit());
    if plain {
        return Ok(Cow::Borrowed(cell));
    }
    let folded = fold(cell);
    if is_scientific(&folded) {
        return Err(BadCell::new(format!("`{cell}`: a spreadsheet turned the phone number into a number; export the column as text")));
    }
    let mut digits = String::new();
    for (i, c) in folded.trim().chars().enumerate() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if i == 0 => {}
            ' ' | '-' | '.' | '(' | ')' | '/' => {}
            _ => return Err(BadCell::new(format!("`{cell}` is not a phone number; wanted digits"))),
        }
    }
    if digits.is_empty() {
        return Err(BadCell::new(format!("`{cell}` is not a phone number; wanted digits")));
    }
    for code in ["0086", "86"] {
        if let Some(rest) = digits.strip_prefix(code)
            && rest.len() == 11
            && rest.starts_with('1')
        {
            return Ok(Cow::Owned(rest.to_owned()));
        }
    }
    Ok(Cow::Owned(digits))
}

/// Digits and upper-case letters; spaces and dashes go.
pub fn parse_account(cell: &str) -> Result<Cow<'_, str>, BadCell> {
    if cell.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
        return Ok(Cow::Borrowed(cell));
    }
    let folded = fold(cell);
    if is_scientific(&folded) {
        return Err(BadCell::new(format!("`{cell}`: a spreadsheet turned the account into a number; export the column as text")));
    }
    let mut account = String::with_capacity(cell.len());
    for c in folded.trim().chars() {
        match c {
            '0'..='9' | 'A'..='Z' => account.push(c),
            'a'..='z' => account.push(c.to_ascii_uppercase()),
            ' ' | '-' | '\'' => {}
            '*' => return Err(BadCell::new(format!("`{cell}` is masked; ask for the whole account number"))),
            _ => return Err(BadCell::new(format!("`{cell}` is not an account number; wanted digits or letters"))),
        }
    }
    if account.is_empty() {
        return Err(BadCell::new(format!("`{cell}` is not an account number; wanted digits or letters")));
    }
    Ok(Cow::Owned(account))
}

/// Names as people compare them: no space inside a Chinese name, one between Latin words, one form of the middle dot, no full-width letters.
pub fn parse_name(cell: &str) -> Cow<'_, str> {
    let simple = if cell.is_ascii() { !cell.contains("  ") && !cell.contains('\t') } else { cell.chars().all(is_ideograph) };
    if simple {
        return Cow::Borrowed(cell);
    }
    let folded = fold(cell);
    let mut name = String::with_capacity(cell.len());
    let mut gap = false;
    for c in folded.chars() {
        if is_blank(c) {
            gap = true;
            continue;
        }
        let c = if matches!(c, '•' | '‧' | '・' | '･' | '∙' | '⋅' | '●') { '·' } else { c };
        if gap && name.chars().next_back().is_some_and(|before| !is_ideograph(before) && before != '·') && !is_ideograph(c) && c != '·' {
            name.push(' ');
        }
        gap = false;
        name.push(c);
    }
    Cow::Owned(name)
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' | '\u{3007}')
}

/// A code, in the spelling of the closed list `codes` (empty: any). Case and width are ignored when it is looked for.
pub fn parse_code<'a>(cell: &'a str, codes: &[String]) -> Result<Cow<'a, str>, BadCell> {
    if codes.is_empty() || codes.iter().any(|c| c == cell) {
        return Ok(Cow::Borrowed(cell));
    }
    let wanted = fold(cell).trim().to_lowercase();
    match codes.iter().find(|c| fold(c).trim().to_lowercase() == wanted) {
        Some(code) => Ok(Cow::Owned(code.clone())),
        None => {
            let shown: Vec<&str> = codes.iter().take(12).map(String::as_str).collect();
            let more = if codes.len() > shown.len() { ", ..." } else { "" };
            Err(BadCell::new(format!("`{cell}` is not in the code list ({}{more})", shown.join(", "))))
        }
    }
}

pub fn parse_bool(cell: &str) -> Result<bool, BadCell> {
    match cell {
        "是" | "有" | "1" | "true" | "Y" | "yes" => return Ok(true),
        "否" | "无" | "0" | "false" | "N" | "no" => return Ok(false),
        _ => {}
    }
    match fold(cell).trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "y" | "yes" | "√" => Ok(true),
        "0" | "false" | "f" | "n" | "no" | "×" => Ok(false),
        _ => Err(BadCell::new(format!("`{cell}` is neither yes nor no; wanted 是/否, Y/N, 1/0 or true/false"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn phones_and_accounts() {
        for cell in ["13800138000", "138 0013 8000", "+86 138-0013-8000", "008613800138000", "１３８００１３８０００"] {
            assert_eq!(parse_phone(cell).as_deref(), Ok("13800138000"), "{cell}");
        }
        assert_eq!(parse_phone("(0859) 322-1234").as_deref(), Ok("08593221234"));
        assert!(parse_phone("无").is_err() && parse_phone("1.38E+10").is_err() && parse_phone("--").is_err());
        assert_eq!(parse_account("6222 0212-3456 x").as_deref(), Ok("622202123456X"));
        assert!(parse_account("6222****3456").is_err() && parse_account("6.22E+18").is_err());
    }

    #[test]
    fn names() {
        assert_eq!(parse_name("张　三"), "张三");
        assert_eq!(parse_name("买买提 • 艾力"), "买买提·艾力");
        assert_eq!(parse_name("OXFORD   ROUND\tTABLE"), "OXFORD ROUND TABLE");
        assert_eq!(parse_name("ＬＩ Ｍｉｎｇ"), "LI Ming");
    }

    #[test]
    fn codes_and_yes_or_no() {
        let codes = vec!["general".to_owned(), "A".to_owned()];
        assert_eq!(parse_code("General", &codes).as_deref(), Ok("general"));
        assert_eq!(parse_code("Ａ", &codes).as_deref(), Ok("A"));
        assert!(parse_code("E", &codes).expect_err("closed").problem.contains("general, A"));
        assert_eq!(parse_code("anything", &[]).as_deref(), Ok("anything"));
        assert_eq!((parse_bool("是"), parse_bool("Ｎ"), parse_bool("TRUE")), (Ok(true), Ok(false), Ok(true)));
        assert!(parse_bool("maybe").is_err());
    }

    proptest! {
        #[test]
        fn normal_forms_are_stable(cell in "\\PC{1,20}") {
            if let Ok(once) = parse_phone(&cell) {
                prop_assert!(parse_phone(&once) == Ok(Cow::Borrowed(&*once)));
            }
            if let Ok(once) = parse_account(&cell) {
                prop_assert!(parse_account(&once) == Ok(Cow::Borrowed(&*once)));
            }
            let once = parse_name(super::super::cell::trim(&cell));
            prop_assert_eq!(parse_name(super::super::cell::trim(&once)), super::super::cell::trim(&once));
        }
    }
}
