//! Results on stdout: text, and plain tables laid out by display width. A closed pipe ends the output quietly.

use std::io::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::diagnostic::{Diagnostic, Diagnostics};

/// Writes a result.
pub(super) fn print(text: &str) -> Result<(), Diagnostics> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Diagnostic::error("cannot-write", format!("the result cannot be written to the standard output: {error}")).into())
        }
        _ => Ok(()),
    }
}

/// Writes a file, its folder made if missing.
pub(super) fn write_file(path: &std::path::Path, bytes: &[u8]) -> Result<(), Diagnostics> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, bytes)).map_err(|error| {
        Diagnostic::error("cannot-write", format!("`{}` cannot be written: {error}", path.display()))
            .help("check that you may write there")
            .into()
    })
}

/// Which side of a column its cells stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Rows in columns, two spaces between them; no cell of the last column is padded.
pub(super) fn columns(sides: &[Side], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> =
        (0..sides.len()).map(|i| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.width()).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths.get(i).map_or(0, |w| w.saturating_sub(cell.width())));
            match sides.get(i) {
                Some(Side::Right) => line.extend([pad.as_str(), cell.as_str()]),
                _ => line.extend([cell.as_str(), pad.as_str()]),
            }
            line.push_str("  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `text` cut to `width` columns, with an ellipsis where something is left out.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_string();
    }
    let (mut out, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        out.push(c);
    }
    out + "\u{2026}"
}

/// `1,234,567`
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_by_display_width() {
        let rows = vec![vec!["流水号".into(), "1".into(), "a".into()], vec!["id".into(), "12".into(), String::new()]];
        assert_eq!(columns(&[Side::Left, Side::Right, Side::Left], &rows), "流水号   1  a\nid      12\n");
    }

    #[test]
    fn counts_and_cuts() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(cut("年年年", 5), "年年\u{2026}");
        assert_eq!(cut("abc", 3), "abc");
    }
}
