//! Numbers that say how a value is written or measured, not what a policy allows.

use crate::plan::{Token, TokenKind};

/// Whether the number after `before` says how a value is written or cut, which no policy decides: `length(x) = 20`, `substring(x, 1, 18)`.
pub(super) fn of_form(before: &[Token]) -> bool {
    let is_word = |i: Option<usize>, words: &[&str]| {
        i.and_then(|i| before.get(i))
            .is_some_and(|t| matches!(&t.kind, TokenKind::Word { text, .. } if words.contains(&text.to_ascii_lowercase().as_str())))
    };
    // Position of the innermost `(` that is open at `end`.
    let open = |end: usize| {
        let mut depth = 0u32;
        before[..end].iter().enumerate().rev().find_map(|(i, token)| {
            match token.kind {
                TokenKind::Symbol(")") => depth += 1,
                TokenKind::Symbol("(") if depth == 0 => return Some(i),
                TokenKind::Symbol("(") => depth -= 1,
                _ => {}
            }
            None
        })
    };
    let compared = match before {
        [.., close, Token { kind: TokenKind::Symbol("=" | "<>" | "!=" | "<" | "<=" | ">" | ">="), .. }]
            if close.kind == TokenKind::Symbol(")") =>
        {
            open(before.len() - 2)
        }
        _ => None,
    };
    is_word(compared.and_then(|i| i.checked_sub(1)), &["length"])
        || is_word(open(before.len()).and_then(|i| i.checked_sub(1)), &["substring", "percentile", "round", "date"])
}

/// Whether a number beside `*` or `/` turns one unit into another: hours of a day, days of a year.
pub(super) fn of_units(number: &str, before: &[Token], after: &[Token]) -> bool {
    let scales = |token: Option<&Token>| token.is_some_and(|t| matches!(t.kind, TokenKind::Symbol("*" | "/")));
    ["7", "24", "60", "365", "1000", "10000"].contains(&number) && (scales(before.last()) || scales(after.first()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tokens;

    #[test]
    fn numbers_of_form_are_told_from_limits() {
        let judged = |text: &str| -> Vec<bool> {
            let tokens = tokens(text).unwrap();
            let numbers = (0..tokens.len()).filter(|&i| matches!(tokens[i].kind, TokenKind::Number(_)));
            numbers.map(|i| of_form(&tokens[..i])).collect()
        };
        assert_eq!(judged("length(id) = 20 and size > 20"), [true, false]);
        assert_eq!(judged("substring(id, 1, 6) = '52' or date(year, 12, 31) < days(30)"), [true, true, true, true, false]);
        assert_eq!(judged("length(a || b) >= 18 and abs(3)"), [true, false]);
    }
    #[test]
    fn numbers_of_units_scale() {
        let judged = |text: &str| -> Vec<bool> {
            let tokens = tokens(text).unwrap();
            let numbers =
                tokens.iter().enumerate().filter_map(|(i, t)| if let TokenKind::Number(n) = &t.kind { Some((i, n)) } else { None });
            numbers.map(|(i, n)| of_units(n, &tokens[..i], &tokens[i + 1..])).collect()
        };
        assert_eq!(judged("speed * minutes / 60 > 60"), [true, false]);
        assert_eq!(judged("24 * days > hours * 1.6"), [true, false]);
    }
}
