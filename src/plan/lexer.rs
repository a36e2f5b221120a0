//! Text -> words, numbers, texts and symbols with their byte ranges.

use std::ops::Range;

use super::syntax::SyntaxError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A name or keyword; quoted: between double quotes, never a keyword.
    Word {
        text: String,
        quoted: bool,
    },
    Number(String),
    /// Between single quotes; `''` is one quote.
    Text(String),
    Symbol(&'static str),
}

/// Longer ones first.
const SYMBOLS: &[&str] = &["=>", "<>", "!=", "<=", ">=", "||", "(", ")", ",", ".", "=", "<", ">", "+", "-", "*", "/", "%"];

/// What people type by habit or by a Chinese input method, and what is meant.
const MISTAKES: &[(&str, &str)] = &[
    ("==", "="),
    ("&&", "and"),
    ("!", "not"),
    ("（", "("),
    ("）", ")"),
    ("，", ","),
    ("。", "."),
    ("＝", "="),
    ("＜", "<"),
    ("＞", ">"),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "<>"),
    ("＋", "+"),
    ("－", "-"),
    ("×", "*"),
    ("÷", "/"),
    ("％", "%"),
    ("‘", "'"),
    ("’", "'"),
    ("“", "'"),
    ("”", "'"),
    ("`", "\""),
    (";", ""),
];

pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Box<SyntaxError>> {
    let mut found = vec![];
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
        } else if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if c.is_alphabetic() || c == '_' {
            let end = at + rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            found.push(Token { kind: TokenKind::Word { text: text[at..end].to_owned(), quoted: false }, range: at..end });
            at = end;
        } else if c.is_ascii_digit() {
            let (token, end) = number(text, at)?;
            found.push(token);
            at = end;
        } else if c == '\'' || c == '"' {
            let (token, end) = quoted(text, at, c)?;
            found.push(token);
            at = end;
        } else {
            let mistake = MISTAKES.iter().find(|(wrong, _)| rest.starts_with(wrong) && !(*wrong == "!" && rest.starts_with("!=")));
            if let Some((wrong, right)) = mistake {
                let error = SyntaxError::new(format!("`{wrong}` is not part of the language"), at..at + wrong.len(), "not understood");
                return Err(if right.is_empty() { error.help("leave it out") } else { error.help(format!("write `{right}`")) });
            }
            let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) else {
                return Err(SyntaxError::new(format!("`{c}` is not part of the language"), at..at + c.len_utf8(), "not understood"));
            };
            found.push(Token { kind: TokenKind::Symbol(symbol), range: at..at + symbol.len() });
            at += symbol.len();
        }
    }
    Ok(found)
}

fn number(text: &str, start: usize) -> Result<(Token, usize), Box<SyntaxError>> {
    let digits = |from: usize| from + text[from..].find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len() - from);
    let mut end = digits(start);
    if text[end..].starts_with('.') && text[end + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        end = digits(end + 1);
    }
    if text[end..].starts_with(|c: char| c.is_alphabetic() || c == '_') {
        let stop = end + text[end..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len() - end);
        return Err(SyntaxError::new(format!("`{}` is neither a number nor a name", &text[start..stop]), start..stop, "not understood")
            .help("numbers are written in digits (`3000`, `1.6`); names begin with a letter; text stands in single quotes"));
    }
    Ok((Token { kind: TokenKind::Number(text[start..end].to_owned()), range: start..end }, end))
}

fn quoted(text: &str, start: usize, quote: char) -> Result<(Token, usize), Box<SyntaxError>> {
    let mut value = String::new();
    let mut chars = text[start + 1..].char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        if c != quote {
            value.push(c);
        } else if chars.peek().is_some_and(|&(_, next)| next == quote) {
            value.push(quote);
            chars.next();
        } else {
            let end = start + 1 + i + 1;
            let kind = if quote == '\'' { TokenKind::Text(value) } else { TokenKind::Word { text: value, quoted: true } };
            return Ok((Token { kind, range: start..end }, end));
        }
    }
    Err(SyntaxError::new("a quoted text is not closed", start..text.len(), format!("no closing {quote}")))
}
