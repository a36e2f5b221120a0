//! Messages about what a person wrote or delivered: what was found, what was wanted, where, what to do next.
//!
//! Knows texts, places and renderers; never domain words. `render` prints them, `yaml` reads YAML with places.

pub mod render;
pub mod yaml;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text that a person wrote (a rule file, the project file, an expression) and the name it goes by in messages.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceText {
    /// Path as the person gave it, with `/` between folders.
    pub name: String,
    pub text: String,
}

/// A byte range of a [`SourceText`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub source: Arc<SourceText>,
    pub range: Range<usize>,
}

impl Span {
    /// The part `range` (byte offsets within the text that stands at this span) of this span: for errors inside an expression
    /// that stands in a YAML scalar. Indentation of later lines and quote escapes, which the text does not hold, are stepped over.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Span {
        let start = self.written(range.start);
        let end = self.written(range.end).max(start);
        Span { source: self.source.clone(), range: start..end }
    }

    /// Byte offset in the source of offset `wanted` in the text that stands here.
    fn written(&self, wanted: usize) -> usize {
        let text = &self.source.text;
        let Some(slice) = text.get(self.range.clone()) else { return self.range.start };
        let before = &text[..self.range.start];
        let line = &before[before.rfind('\n').map_or(0, |i| i + 1)..];
        // Later lines of a block lose the indentation of the first; those of a text begun on its key's line lose all of theirs.
        let indent = if line.chars().all(|c| c == ' ') { line.len() } else { usize::MAX };
        let escape = match before.chars().next_back() {
            Some('\'') => Some("''"),
            Some('"') => Some("\\"),
            _ => None,
        };
        let (mut at, mut offset) = (0, 0);
        while offset < wanted && at < slice.len() {
            let rest = &slice[at..];
            if escape.is_some_and(|e| rest.starts_with(e)) {
                at += 1;
            }
            let Some(c) = slice[at..].chars().next() else { break };
            at += c.len_utf8();
            offset += c.len_utf8();
            if c == '\n' {
                at += slice[at..].bytes().take_while(|&b| b == b' ').take(indent).count();
            }
        }
        self.range.start + at.min(slice.len())
    }

    /// Line and column of the start, both counted from 1, columns in characters.
    #[must_use]
    pub fn line_column(&self) -> (usize, usize) {
        let before = self.source.text.get(..self.range.start).unwrap_or(&self.source.text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// A value and the place it was written at. `span` is absent for values that no file holds (command line, defaults).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Option<Span>,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Self {
        Spanned { value, span: Some(span) }
    }
    pub fn without_place(value: T) -> Self {
        Spanned { value, span: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
    Note,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// Where a message points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A range of a text file.
    Text(Span),
    /// A cell or record of a delivered table. `line` counts from 1 as a person counts, header included.
    Record { file: String, sheet: Option<String>, line: u64, column: Option<String> },
    /// A file as a whole.
    File(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub place: Place,
    pub text: String,
}

/// One message. `code` is a stable kebab-case name (`unknown-column`) with a page in `docs/errors.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    /// First is the primary place.
    pub labels: Vec<Label>,
    pub help: Vec<String>,
    pub notes: Vec<String>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Error, code, message: message.into(), labels: vec![], help: vec![], notes: vec![] }
    }
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Self::error(code, message) }
    }
    #[must_use]
    pub fn at(mut self, span: Option<Span>, text: impl Into<String>) -> Self {
        if let Some(span) = span {
            self.labels.push(Label { place: Place::Text(span), text: text.into() });
        }
        self
    }
    #[must_use]
    pub fn place(mut self, place: Place, text: impl Into<String>) -> Self {
        self.labels.push(Label { place, text: text.into() });
        self
    }
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
    /// Adds ``help: a similar NAME exists: `x` `` when one of `known` is near to `wrong`.
    #[must_use]
    pub fn suggest<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(wrong, known) {
            Some(name) => self.help(format!("a similar name exists: `{name}`")),
            None => self,
        }
    }
}

/// The known name nearest to `wrong` by edit distance, ties by name, if it is near enough to be what was meant.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wrong.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .filter(|&(distance, _)| distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Everything that is wrong, gathered so that one look shows it all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }
    pub fn extend(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }
    /// Puts messages on one text in the order of their places; others keep theirs, after them.
    pub fn sort(&mut self) {
        self.0.sort_by_key(|message| match message.labels.first() {
            Some(Label { place: Place::Text(span), .. }) => (0, span.source.name.clone(), span.range.start),
            _ => (1, String::new(), 0),
        });
    }
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Keeps the value of `result`, or gathers its messages.
    pub fn take<T>(&mut self, result: Result<T, Diagnostics>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(messages) => {
                self.extend(messages);
                None
            }
        }
    }
    /// `Ok(value)` when nothing gathered is an error.
    pub fn finish<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.has_errors() { Err(self) } else { Ok(value) }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics(vec![diagnostic])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, d) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "[{}] {}", d.code, d.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
