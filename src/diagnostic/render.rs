//! Diagnostics as text: full with carets, one line each, JSON. Returns strings; `cli` prints them.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::{Diagnostic, Diagnostics, Label, Place, Severity};

/// How the text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderOptions {
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Default for RenderOptions {
    fn default() -> Self {
        RenderOptions { color: false, width: 140 }
    }
}

/// Each message with its lines of source, carets, help and notes; messages are parted by an empty line.
#[must_use]
pub fn full(messages: &Diagnostics, options: &RenderOptions) -> String {
    let renderer = if options.color { Renderer::styled() } else { Renderer::plain() }.term_width(options.width);
    let mut out = String::new();
    for (i, message) in messages.0.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        for line in renderer.render(&groups(message)).lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

fn groups(message: &Diagnostic) -> Vec<Group<'_>> {
    let level = match message.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(message.message.as_str()).id(message.code));
    let mut i = 0;
    while i < message.labels.len() {
        match &message.labels[i].place {
            Place::Text(span) => {
                // Neighbours in one file share a snippet.
                let same = |l: &Label| matches!(&l.place, Place::Text(s) if s.source == span.source);
                let n = message.labels[i..].iter().take_while(|l| same(l)).count();
                let annotations = message.labels[i..i + n].iter().enumerate().filter_map(|(k, label)| annotation(label, i + k == 0));
                group = group.element(
                    Snippet::source(span.source.text.as_str()).path(span.source.name.as_str()).annotations(annotations.collect::<Vec<_>>()),
                );
                i += n;
            }
            place => {
                group = group.element(Origin::path(place_text(place)));
                if !message.labels[i].text.is_empty() {
                    group = group.element(Level::NOTE.no_name().message(message.labels[i].text.as_str()));
                }
                i += 1;
            }
        }
    }
    let mut groups = vec![group];
    groups.extend(message.help.iter().map(|help| Group::with_title(Level::HELP.secondary_title(help.as_str()))));
    groups.extend(message.notes.iter().map(|note| Group::with_title(Level::NOTE.secondary_title(note.as_str()))));
    groups
}

fn annotation(label: &Label, primary: bool) -> Option<Annotation<'_>> {
    let Place::Text(span) = &label.place else { return None };
    let text = &span.source.text;
    let clamp = |at: usize| (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    let start = clamp(span.range.start);
    let kind = if primary { AnnotationKind::Primary } else { AnnotationKind::Context };
    let annotation = kind.span(start..clamp(span.range.end).max(start));
    Some(if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) })
}

/// `file:line:column`, `file:line (sheet S, column C)` or `file`.
fn place_text(place: &Place) -> String {
    match place {
        Place::Text(span) => {
            let (line, column) = span.line_column();
            format!("{}:{line}:{column}", span.source.name)
        }
        Place::Record { file, sheet, line, column } => {
            let mut inside = Vec::new();
            inside.extend(sheet.as_ref().map(|s| format!("sheet {s}")));
            inside.extend(column.as_ref().map(|c| format!("column {c}")));
            if inside.is_empty() { format!("{file}:{line}") } else { format!("{file}:{line} ({})", inside.join(", ")) }
        }
        Place::File(file) => file.clone(),
    }
}

/// One line each: `file:line:column: error[code]: message`.
#[must_use]
pub fn concise(messages: &Diagnostics, _options: &RenderOptions) -> String {
    let mut out = String::new();
    for message in &messages.0 {
        if let Some(label) = message.labels.first() {
            out.push_str(&place_text(&label.place));
            out.push_str(": ");
        }
        out.push_str(&format!("{}[{}]: {}\n", message.severity.name(), message.code, message.message));
    }
    out
}

/// An array of objects: `severity, code, message, labels [{file, line, column, end_line, end_column, text}], help, notes`.
#[must_use]
pub fn json(messages: &Diagnostics, _options: &RenderOptions) -> String {
    let all: Vec<Value> = messages.0.iter().map(as_json).collect();
    let mut text = serde_json::to_string_pretty(&Value::Array(all)).unwrap_or_default();
    text.push('\n');
    text
}

fn as_json(message: &Diagnostic) -> Value {
    let labels: Vec<Value> = message
        .labels
        .iter()
        .map(|label| match &label.place {
            Place::Text(span) => {
                let (line, column) = span.line_column();
                let end = super::Span { source: span.source.clone(), range: span.range.end..span.range.end };
                let (end_line, end_column) = end.line_column();
                json!({"file": span.source.name, "line": line, "column": column, "end_line": end_line, "end_column": end_column, "text": label.text})
            }
            Place::Record { file, sheet, line, column } => {
                json!({"file": file, "sheet": sheet, "line": line, "column_name": column, "text": label.text})
            }
            Place::File(file) => json!({"file": file, "text": label.text}),
        })
        .collect();
    json!({
        "severity": message.severity.name(), "code": message.code, "message": message.message,
        "labels": labels, "help": message.help, "notes": message.notes,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::{SourceText, Span};

    fn example() -> Diagnostics {
        let text = "check:\n  match:\n    keys: {paye_id_no: id_no}\n".to_string();
        let at = text.find("paye_id_no").unwrap();
        let source = Arc::new(SourceText { name: "rules/funds/x.yaml".into(), text });
        let span = Span { source, range: at..at + 10 };
        let mut all = Diagnostics::default();
        all.push(
            Diagnostic::error("unknown-column", "table `payments` has no column `paye_id_no`")
                .at(Some(span), "not in `payments`")
                .suggest("paye_id_no", ["payee_id_no", "amount"])
                .note("`payments` is declared in recount.yaml:4"),
        );
        all.push(Diagnostic::warning("rejected-cell", "`12O.5` is not an amount of money").place(
            Place::Record { file: "data/payments-2019.csv".into(), sheet: None, line: 1034, column: Some("amount".into()) },
            "has a letter",
        ));
        all.push(Diagnostic::error("no-files", "no file matches `data/x-*.csv`").place(Place::File("data".into()), ""));
        all
    }

    #[test]
    fn full_shows_carets_help_and_notes() {
        insta::assert_snapshot!(full(&example(), &RenderOptions::default()), @r#"
error[unknown-column]: table `payments` has no column `paye_id_no`
 --> rules/funds/x.yaml:3:12
  |
3 |     keys: {paye_id_no: id_no}
  |            ^^^^^^^^^^ not in `payments`
  |
help: a similar name exists: `payee_id_no`
note: `payments` is declared in recount.yaml:4

warning[rejected-cell]: `12O.5` is not an amount of money
--> data/payments-2019.csv:1034 (column amount)
 = has a letter

error[no-files]: no file matches `data/x-*.csv`
--> data
"#);
    }

    #[test]
    fn concise_is_one_line_each() {
        insta::assert_snapshot!(concise(&example(), &RenderOptions::default()), @r#"
rules/funds/x.yaml:3:12: error[unknown-column]: table `payments` has no column `paye_id_no`
data/payments-2019.csv:1034 (column amount): warning[rejected-cell]: `12O.5` is not an amount of money
data: error[no-files]: no file matches `data/x-*.csv`
"#);
    }

    #[test]
    fn json_has_places() {
        let value: Value = serde_json::from_str(&json(&example(), &RenderOptions::default())).unwrap();
        assert_eq!(value[0]["labels"][0]["line"], 3);
        assert_eq!(value[0]["labels"][0]["column"], 12);
        assert_eq!(value[1]["labels"][0]["column_name"], "amount");
        assert_eq!(value[2]["code"], "no-files");
    }

    #[test]
    fn colour_only_when_asked() {
        assert!(!full(&example(), &RenderOptions::default()).contains('\x1b'));
        assert!(full(&example(), &RenderOptions { color: true, width: 80 }).contains('\x1b'));
    }
}
