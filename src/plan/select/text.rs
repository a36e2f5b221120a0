//! The statement's text: parsed by `sqlparser` in a small dialect of its own, and places of its words as byte ranges.

use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::{DataType, Expr, Ident, ObjectName, Query, Statement, TypedString};
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span as SqlSpan, Token};

use crate::diagnostic::{Diagnostic, Diagnostics, SourceText, Span, Spanned};

/// Levels that brackets and subqueries may nest.
const MAX_DEPTH: usize = 60;

/// Standard SQL without the extras of any product, names in any script, and the typed texts of the rule language (`month '2019-06'`).
#[derive(Debug)]
struct Words;

impl Dialect for Words {
    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_'
    }
    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }
    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '"'
    }
    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }
    fn supports_group_by_expr(&self) -> bool {
        true
    }
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let Token::Word(word) = &parser.peek_token().token else { return None };
        let name = word.value.to_lowercase();
        if word.quote_style.is_some() || !matches!(name.as_str(), "month" | "region" | "citizen_id" | "text") {
            return None;
        }
        let Token::SingleQuotedString(_) = parser.peek_nth_token(1).token else { return None };
        parser.advance_token();
        let value = parser.parse_value();
        let data_type = DataType::Custom(ObjectName::from(vec![Ident::new(name)]), vec![]);
        Some(value.map(|value| Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: false })))
    }
}

/// A statement as a person wrote it.
#[derive(Debug)]
pub(super) struct SqlText {
    pub whole: Spanned<String>,
    /// Byte offset of each line's start.
    lines: Vec<usize>,
}

impl SqlText {
    pub fn new(sql: &str) -> Self {
        let source = Arc::new(SourceText { name: "query".to_owned(), text: sql.to_owned() });
        let lines = std::iter::once(0).chain(sql.match_indices('\n').map(|(i, _)| i + 1)).collect();
        SqlText { whole: Spanned::new(sql.to_owned(), Span { source, range: 0..sql.len() }), lines }
    }
    fn offset(&self, line: u64, column: u64) -> usize {
        let text = &self.whole.value;
        let start = usize::try_from(line).ok().and_then(|l| self.lines.get(l.checked_sub(1)?).copied()).unwrap_or(text.len());
        let skip = usize::try_from(column).unwrap_or(0).saturating_sub(1);
        let rest = text.get(start..).unwrap_or_default();
        start + rest.char_indices().nth(skip).map_or(rest.len(), |(i, _)| i)
    }
    /// The bytes of a span; the whole text where the parser kept no place.
    pub fn range(&self, span: SqlSpan) -> Range<usize> {
        if span.start.line == 0 {
            return 0..self.whole.value.len();
        }
        let start = self.offset(span.start.line, span.start.column);
        let end = self.offset(span.end.line, span.end.column).max(start);
        start..self.closed(start, end)
    }
    /// The end of a part with the brackets that were opened in it: the parser leaves out those that close a call.
    fn closed(&self, start: usize, end: usize) -> usize {
        let text = &self.whole.value;
        let (mut open, mut quoted) = (0i32, false);
        for (i, c) in text[start..].char_indices() {
            let at = start + i;
            // `count(*)`: of a call without expressions the parser keeps only the name.
            if at >= end && (open <= 0 || quoted) && !(at == end && c == '(') {
                return end;
            }
            match c {
                '\'' => quoted = !quoted,
                '(' if !quoted => open += 1,
                ')' if !quoted => open -= 1,
                _ => {}
            }
            if at >= end && open == 0 {
                return at + 1;
            }
        }
        end
    }
    pub fn place(&self, range: Range<usize>) -> Option<Span> {
        self.whole.span.as_ref().map(|span| Span { source: span.source.clone(), range })
    }

    /// The one select statement that the text holds.
    pub fn parse(&self) -> Result<Query, Diagnostics> {
        let text = self.whole.value.trim_end().trim_end_matches(';');
        let parsed = Parser::new(&Words).with_recursion_limit(MAX_DEPTH).try_with_sql(text).and_then(|mut parser| {
            let query = match parser.parse_statement()? {
                Statement::Query(query) => Ok(*query),
                other => Err(other.to_string()),
            };
            match parser.peek_token().token {
                Token::EOF => Ok(query),
                _ => parser.expected("the end of the statement", parser.peek_token()),
            }
        });
        match parsed {
            Ok(Ok(query)) => Ok(query),
            Ok(Err(other)) => {
                let word = other.split_whitespace().next().unwrap_or_default().to_lowercase();
                Err(Diagnostic::error("sql-syntax", format!("`{word}` is no question: tables are only read here"))
                    .at(self.place(0..self.whole.value.len()), "not a select")
                    .help(FORM)
                    .into())
            }
            Err(error) => Err(self.syntax(&error).into()),
        }
    }
    fn syntax(&self, error: &ParserError) -> Diagnostic {
        let message = match error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
            ParserError::RecursionLimitExceeded => "it nests too deep",
        };
        let (what, place) = message.rsplit_once(" at Line: ").unwrap_or((message, ""));
        let numbers = place.split_once(", Column: ").and_then(|(l, c)| Some((l.parse().ok()?, c.trim().parse().ok()?)));
        let start = numbers.map_or(self.whole.value.len(), |(line, column)| self.offset(line, column));
        let rest = self.whole.value.get(start..).unwrap_or_default();
        let word =
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()).max(rest.chars().next().map_or(0, char::len_utf8));
        let mut what = what.replacen("Expected: ", "expected ", 1).replace(", found: ", ", found ");
        if let Some(found) = what.strip_suffix("found EOF") {
            what = format!("{found}found the end");
        }
        let habits = [
            ("（", "("),
            ("）", ")"),
            ("，", ","),
            ("＝", "="),
            ("＜", "<"),
            ("＞", ">"),
            ("‘", "'"),
            ("’", "'"),
            ("“", "'"),
            ("”", "'"),
            ("；", ";"),
        ];
        let mut diagnostic =
            Diagnostic::error("sql-syntax", format!("the statement cannot be read: {what}")).at(self.place(start..start + word), "here");
        diagnostic = match habits.iter().find(|(wrong, _)| self.whole.value.contains(wrong)) {
            Some((wrong, right)) => diagnostic.help(format!("write `{right}` for the full-width `{wrong}`")),
            None => diagnostic.help(FORM),
        };
        diagnostic
    }
}

pub(super) const FORM: &str = "the form is `[with NAME as (select ..)] select .. from TABLE [join TABLE on ..] [where ..] [group by ..] [having ..] [order by ..] [limit n]`; docs/query.md has all of it";
