//! Days written in rule files and overlays.

use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::schema::{self, SemanticType, Value};

/// Days since 1970-01-01 of a day written `2020-12-31`.
pub(super) fn day(text: &Spanned<String>) -> Result<i32, Diagnostics> {
    match schema::parse(&text.value, &SemanticType::Date) {
        Ok(parsed) if !parsed.part => {
            if let Value::Date(day) = parsed.value {
                return Ok(day);
            }
        }
        _ => {}
    }
    Err(Diagnostic::error("bad-date", format!("`{}` is not a day", text.value))
        .at(text.span.clone(), "a day was wanted")
        .help("write year, month and day: `2020-12-31`")
        .into())
}
