//! Delivered headers and the columns they stand for. Wording drifts from delivery to delivery: each column lists its alternatives; case,
//! width, white space and underscores are ignored.

use crate::diagnostic::{Diagnostic, Diagnostics, Place, Span, nearest};

/// A column somebody needs.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub name: String,
    /// Headers it may have; never empty.
    pub headers: Vec<String>,
    pub optional: bool,
    pub span: Option<Span>,
}

/// Where in a file each wanted column stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By wanted column: the position in the file.
    pub at: Vec<Option<usize>>,
    /// Number of columns in the header.
    pub width: usize,
}

/// A header as it is compared: without white space, underscores and line breaks, lower case, half width.
pub fn normal_header(header: &str) -> String {
    let mut out = String::with_capacity(header.len());
    for c in header.chars() {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            c => c,
        };
        if c.is_whitespace() || matches!(c, '_' | '\u{feff}' | '\u{200b}' | '\0') {
            continue;
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// Finds `wanted` in the header row of `file`; says all that is missing or twice at once.
///
/// `deep`: the header has several rows joined by `/`; then a column that no whole header names is looked for in the last row alone.
pub fn map_headers(
    table: &str,
    file: &str,
    sheet: Option<&str>,
    line: u64,
    headers: &[String],
    deep: bool,
    wanted: &[Wanted],
) -> Result<Found, Diagnostics> {
    let normal: Vec<String> = headers.iter().map(|h| normal_header(h)).collect();
    let last: Vec<&str> = normal.iter().map(|h| h.rsplit('/').next().unwrap_or_default()).collect();
    let mut messages = Diagnostics::default();
    let mut at = Vec::with_capacity(wanted.len());
    let place = || Place::Record { file: file.to_owned(), sheet: sheet.map(str::to_owned), line, column: None };
    for column in wanted {
        let mut alternatives: Vec<String> = column.headers.iter().map(|h| normal_header(h)).collect();
        alternatives.sort_unstable();
        alternatives.dedup();
        let mut hits: Vec<usize> = (0..normal.len()).filter(|&i| alternatives.contains(&normal[i])).collect();
        if deep && hits.is_empty() {
            hits = (0..last.len()).filter(|&i| alternatives.iter().any(|a| a == last[i])).collect();
        }
        match hits[..] {
            [one] => at.push(Some(one)),
            [] if column.optional => at.push(None),
            [] => {
                at.push(None);
                messages.push(missing_column(table, file, column, headers).place(place(), "the header of this file"));
            }
            _ => {
                at.push(None);
                let shown: Vec<String> = hits.iter().map(|&i| format!("`{}` (column {})", headers[i].trim(), i + 1)).collect();
                messages.push(
                    Diagnostic::error(
                        "column-twice",
                        format!("column `{}` of table `{table}` stands {} times in `{file}`", column.name, hits.len()),
                    )
                    .at(column.span.clone(), "declared here")
                    .place(place(), shown.join(", "))
                    .help("keep in `from:` only the header that is meant, or rename one in the file"),
                );
            }
        }
    }
    messages.finish(Found { at, width: headers.len() })
}

/// The message for a column that a file does not have.
pub fn missing_column(table: &str, file: &str, column: &Wanted, headers: &[String]) -> Diagnostic {
    let wanted: Vec<String> = column.headers.iter().map(|h| format!("`{h}`")).collect();
    let known: Vec<String> = headers.iter().map(|h| h.trim().to_owned()).filter(|h| !h.is_empty()).collect();
    let mut message = Diagnostic::error("missing-column", format!("`{file}` has no column for `{}` of table `{table}`", column.name))
        .at(column.span.clone(), format!("wanted {}", wanted.join(" or ")))
        .note(format!("columns of the file: {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") }));
    let near = column.headers.iter().find_map(|h| nearest(h, known.iter().map(String::as_str)));
    message = match near {
        Some(name) => message.help(format!("a similar column exists: `{name}`; if it is meant, add it to `from:` of the column")),
        None => message
            .help(format!("add the file's header for it to `from:` of `{}`, or `optional: true` if the file may lack it", column.name)),
    };
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str, headers: &[&str]) -> Wanted {
        Wanted { name: name.to_owned(), headers: headers.iter().map(|h| h.to_string()).collect(), optional: false, span: None }
    }
    fn headers(names: &[&str]) -> Vec<String> {
        names.iter().map(|h| h.to_string()).collect()
    }

    #[test]
    fn drift_of_wording_is_ignored() {
        let file = headers(&["\u{feff}Body Name", "PAID_DATE", "Ａｍｏｕｎｔ ", "证件 号码"]);
        let found = map_headers(
            "t",
            "f.csv",
            None,
            1,
            &file,
            false,
            &[
                wanted("amount", &["amount"]),
                wanted("id_no", &["身份证号", "证件号码"]),
                wanted("paid_on", &["Paid Date"]),
                wanted("body", &["body_name"]),
            ],
        );
        assert_eq!(found.map(|f| f.at), Ok(vec![Some(2), Some(3), Some(1), Some(0)]));
    }

    #[test]
    fn missing_and_twice_are_said_at_once() {
        let file = headers(&["Amont", "id", "ID "]);
        let messages = map_headers("payments", "f.csv", None, 1, &file, false, &[wanted("amount", &["amount"]), wanted("id", &["id"])])
            .expect_err("two faults");
        assert_eq!(messages.0.iter().map(|m| m.code).collect::<Vec<_>>(), ["missing-column", "column-twice"]);
        assert!(messages.0[0].help[0].contains("`Amont`"), "{:?}", messages.0[0]);
        assert!(messages.0[0].notes[0].contains("Amont, id, ID"));
    }
}
