//! A workbook of many rows: laid out by the workbook library with a header and one row of samples, then filled straight into the packed file, since
//! the library would hold every cell, or stop the program when its own temporary files find no room.

use std::io::{Cursor, Read, Write};

use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Workbook};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::Lang;
use super::words::word;
use crate::schema::{self, Value, dates};

/// Characters Excel takes in a cell.
const CELL: usize = 32_000;
/// Bytes of rows that are packed at once.
const AT_ONCE: usize = 1 << 18;
/// Most of a sheet repeats itself within a few rows: looking further costs time and gains little.
const LEVEL: i64 = 3;

pub type Fault = Box<dyn std::error::Error + Send + Sync>;
pub type Done = Result<(), Fault>;

/// A column: its title (a catalogue key) and width in characters.
pub type Columns = &'static [(&'static str, f64)];

/// A sheet before its rows.
pub struct Layout {
    /// A catalogue key.
    pub name: &'static str,
    pub columns: Columns,
    /// Rows below the header.
    pub rows: usize,
}

/// How a cell looks: the samples stand in this order.
#[derive(Clone, Copy)]
enum Look {
    Text,
    Wrap,
    Count,
    Money,
    Date,
}

fn looks() -> [Format; 5] {
    let base = || Format::new().set_font_size(10).set_align(FormatAlign::Top);
    [base(), base().set_text_wrap(), base().set_num_format("#,##0"), base().set_num_format("#,##0.00"), base().set_num_format("yyyy-mm-dd")]
}

/// The bytes of `book` with these sheets; `fill` writes the rows of each.
pub fn pack(
    mut book: Workbook,
    layouts: &[Layout],
    lang: Lang,
    mut fill: impl FnMut(usize, &mut Sheet<'_>) -> Done,
) -> Result<Vec<u8>, Fault> {
    let head =
        Format::new().set_font_size(10).set_align(FormatAlign::Top).set_bold().set_text_wrap().set_border_bottom(FormatBorder::Medium);
    for layout in layouts {
        let sheet = book.add_worksheet();
        sheet.set_name(word(lang, layout.name))?;
        sheet.set_landscape().set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
        sheet.set_freeze_panes(1, 2)?;
        for (i, (title, width)) in (0u16..).zip(layout.columns) {
            sheet.set_column_width(i, *width)?;
            sheet.write_string_with_format(0, i, word(lang, title), &head)?;
        }
        for (i, look) in (0u16..).zip(&looks()) {
            sheet.write_blank(1, i, look)?;
        }
        let last = u16::try_from(layout.columns.len().saturating_sub(1)).unwrap_or(0);
        sheet.autofilter(0, 0, u32::try_from(layout.rows.max(1))?, last)?;
    }
    let mut laid_out = ZipArchive::new(Cursor::new(book.save_to_buffer()?))?;
    let mut out = ZipWriter::new(Cursor::new(vec![]));
    // The archive's own date, not the clock's.
    let packed = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::default());
    for i in 0..laid_out.len() {
        let mut part = laid_out.by_index(i)?;
        let name = part.name()?.into_owned();
        let number = name.strip_prefix("xl/worksheets/sheet").and_then(|n| n.strip_suffix(".xml")).and_then(|n| n.parse::<usize>().ok());
        let Some(layout) = number.and_then(|n| layouts.get(n.checked_sub(1)?)) else {
            drop(part);
            out.raw_copy_file(laid_out.by_index_raw(i)?)?;
            continue;
        };
        let mut xml = String::new();
        part.read_to_string(&mut xml)?;
        drop(part);
        let (before, samples, after) = around_samples(&xml).ok_or("a sheet is not laid out as expected")?;
        let styles: Vec<&str> = samples.split(" s=\"").skip(1).filter_map(|s| s.split_once('"').map(|(style, _)| style)).collect();
        let styles: [&str; 5] = styles.try_into().map_err(|_| "a sheet lacks its samples")?;
        out.start_file(name.as_str(), packed)?;
        out.write_all(with_dimension(before, layout.rows + 1).as_bytes())?;
        let mut sheet = Sheet { out: &mut out, xml: String::with_capacity(AT_ONCE + (AT_ONCE >> 2)), styles, row: 1, column: 0 };
        fill(number.unwrap_or(1) - 1, &mut sheet)?;
        sheet.end()?;
        out.write_all(after.as_bytes())?;
    }
    Ok(out.finish()?.into_inner())
}

/// What stands before the row of samples, the row, and what follows.
fn around_samples(xml: &str) -> Option<(&str, &str, &str)> {
    let start = xml.find("<row r=\"2\"")?;
    let end = start + xml[start..].find("</row>")? + "</row>".len();
    Some((&xml[..start], &xml[start..end], &xml[end..]))
}

/// `<dimension ref="A1:P2"/>` for `rows` rows.
fn with_dimension(xml: &str, rows: usize) -> String {
    const MARK: &str = "<dimension ref=\"";
    let Some((before, (range, after))) = xml.split_once(MARK).and_then(|(b, rest)| Some((b, rest.split_once('"')?))) else {
        return xml.to_owned();
    };
    format!("{before}{MARK}{}{rows}\"{after}", range.trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// The rows of one sheet.
pub struct Sheet<'z> {
    out: &'z mut ZipWriter<Cursor<Vec<u8>>>,
    xml: String,
    styles: [&'z str; 5],
    /// The row being written, from 1; the header is the first.
    row: u32,
    column: u8,
}

impl Sheet<'_> {
    pub fn next_row(&mut self) -> Done {
        if self.row > 1 {
            self.xml.push_str("</row>");
        }
        if self.xml.len() >= AT_ONCE {
            self.out.write_all(self.xml.as_bytes())?;
            self.xml.clear();
        }
        self.row += 1;
        self.column = 0;
        self.xml.push_str("<row r=\"");
        schema::number::write_int(&mut self.xml, self.row.into(), 1);
        self.xml.push_str("\">");
        Ok(())
    }
    fn end(mut self) -> Done {
        if self.row > 1 {
            self.xml.push_str("</row>");
        }
        Ok(self.out.write_all(self.xml.as_bytes())?)
    }
    /// `<c r="B7" s="3"`, and on to the next column. No sheet has more than 26.
    fn cell(&mut self, look: Look) {
        self.xml.push_str("<c r=\"");
        self.xml.push(char::from(b'A' + self.column));
        schema::number::write_int(&mut self.xml, self.row.into(), 1);
        self.xml.push_str("\" s=\"");
        self.xml.push_str(self.styles[look as usize]);
        self.xml.push('"');
        self.skip();
    }
    pub fn skip(&mut self) {
        self.column += 1;
    }
    pub fn text(&mut self, text: &str) {
        self.put(text, Look::Text);
    }
    pub fn wrapped(&mut self, text: &str) {
        self.put(text, Look::Wrap);
    }
    fn put(&mut self, text: &str, look: Look) {
        if text.is_empty() {
            return self.skip();
        }
        let end = if text.len() > CELL { text.char_indices().nth(CELL).map_or(text.len(), |(at, _)| at) } else { text.len() };
        self.cell(look);
        self.xml.push_str(" t=\"inlineStr\"><is><t xml:space=\"preserve\">");
        escape(&mut self.xml, &text[..end]);
        self.xml.push_str("</t></is></c>");
    }
    fn number(&mut self, text: &str, look: Look) {
        self.cell(look);
        self.xml.push_str("><v>");
        self.xml.push_str(text);
        self.xml.push_str("</v></c>");
    }
    pub fn count(&mut self, n: u64) {
        self.number(&n.to_string(), Look::Count);
    }
    /// Fen, as a number of yuan.
    pub fn money(&mut self, fen: Option<i128>) {
        match fen {
            Some(fen) => self.number(&(fen as f64 / 100.0).to_string(), Look::Money),
            None => self.skip(),
        }
    }
    /// Excel counts days from 1900, and takes that year for a leap year; earlier days stay text.
    pub fn date(&mut self, days: Option<i32>) {
        match days {
            None => self.skip(),
            Some(days) if (1900..=9999).contains(&dates::civil_from_days(days).0) => {
                let serial = i64::from(days) + 25_569;
                self.number(&(serial - i64::from(serial < 61)).to_string(), Look::Date);
            }
            Some(days) => self.text(&schema::format(&Value::Date(days))),
        }
    }
}

/// Text inside an element. Characters that XML cannot hold are written as Excel does, `_x0007_`, and text that looks like that is kept apart from it.
fn escape(out: &mut String, text: &str) {
    for (at, c) in text.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '_' if looks_escaped(&text[at..]) => out.push_str("_x005F_"),
            '\n' | '\t' => out.push(c),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => out.push_str(&format!("_x{:04X}_", u32::from(c))),
            c => out.push(c),
        }
    }
}

fn looks_escaped(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 7 && bytes[1] == b'x' && bytes[6] == b'_' && bytes[2..6].iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_xml_cannot_hold_are_written_as_excel_does() {
        for (text, wanted) in
            [("a<b>&\n", "a&lt;b&gt;&amp;\n"), ("\u{7}", "_x0007_"), ("_x0007_", "_x005F_x0007_"), ("_x", "_x"), ("冉_", "冉_")]
        {
            let mut out = String::new();
            escape(&mut out, text);
            assert_eq!(out, wanted);
        }
    }

    #[test]
    fn the_dimension_follows_the_rows() {
        assert_eq!(with_dimension("<a/><dimension ref=\"A1:P2\"/><b/>", 120), "<a/><dimension ref=\"A1:P120\"/><b/>");
    }
}
