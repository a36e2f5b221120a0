//! The answer of an ad hoc question as CSV or JSON. Personal data are masked, also in texts that were made from them.

use crate::diagnostic::Diagnostics;
use crate::engine::Reply;
use crate::schema::{self, TextKind, Type, Value, dates};

/// Takes the text of an answer piece by piece.
pub type Sink<'a> = dyn FnMut(&str) -> Result<(), Diagnostics> + 'a;

/// The text of a cell; `None` where there is no value.
pub fn cell(reply: &Reply, column: usize, row: usize, reveal: bool) -> Option<String> {
    let (described, stored) = (reply.columns.get(column)?, reply.table.columns.get(column)?);
    let value = stored.value(row);
    Some(match value {
        Value::Null => return None,
        // A date that stands for its month is shown as the month.
        Value::Date(day) if stored.part.as_ref().is_some_and(|p| p.get(row)) => schema::format(&Value::Month(dates::month_of(day))),
        value if reveal => schema::format(&value),
        Value::Text(text, _) if described.personal => schema::mask(&Value::Text(text, TextKind::Account)),
        value => schema::mask(&value),
    })
}

/// Whether values of a type are written as numbers and stand on the right.
pub fn numeric(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Decimal(_) | Type::Money)
}

/// A cell of CSV.
pub fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Header and rows; a missing value is an empty cell.
pub fn reply_csv(reply: &Reply, reveal: bool, sink: &mut Sink<'_>) -> Result<(), Diagnostics> {
    let mut text = reply.columns.iter().map(|c| quoted(&c.name)).collect::<Vec<_>>().join(",") + "\n";
    for row in 0..reply.table.rows {
        for column in 0..reply.columns.len() {
            if column > 0 {
                text.push(',');
            }
            text.push_str(&quoted(&cell(reply, column, row, reveal).unwrap_or_default()));
        }
        text.push('\n');
        flush(&mut text, sink)?;
    }
    sink(&text)
}

/// A list of objects, one a line; numbers and money as numbers with all their decimals, dates and texts as texts, missing as null.
pub fn reply_json(reply: &Reply, reveal: bool, sink: &mut Sink<'_>) -> Result<(), Diagnostics> {
    let text_of = |text: &str| serde_json::Value::from(text).to_string();
    let names: Vec<String> = reply.columns.iter().map(|c| text_of(&c.name)).collect();
    let mut text = String::from("[");
    for row in 0..reply.table.rows {
        text.push_str(if row == 0 { "\n  {" } else { ",\n  {" });
        for (column, described) in reply.columns.iter().enumerate() {
            let value = match cell(reply, column, row, reveal) {
                None => "null".to_owned(),
                Some(value) if numeric(described.ty) || described.ty == Type::Bool => value,
                Some(value) => text_of(&value),
            };
            text.push_str(if column == 0 { "" } else { ", " });
            text.push_str(&format!("{}: {value}", names[column]));
        }
        text.push('}');
        flush(&mut text, sink)?;
    }
    text.push_str(if reply.table.rows == 0 { "]\n" } else { "\n]\n" });
    sink(&text)
}

fn flush(text: &mut String, sink: &mut Sink<'_>) -> Result<(), Diagnostics> {
    if text.len() > 1 << 20 {
        sink(text)?;
        text.clear();
    }
    Ok(())
}
