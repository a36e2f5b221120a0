//! Comma-separated records, as RFC 4180 has them and spreadsheets write them.
//!
//! A quote opens a quoted field only as its first character; inside, two quotes are one; what follows the closing quote belongs to the field.
//! Lines end in LF or CR LF; lines without any character are no records.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memrchr};

/// One field of a record, unquoted.
pub type Field<'a> = Cow<'a, str>;

/// Walks over the records of a text that begins at the start of a record.
pub struct CsvRecords<'a> {
    text: &'a str,
    at: usize,
    line: u64,
    delimiter: u8,
    /// Line of the last record in which a quote was left open.
    open_quote: Option<u64>,
}

impl<'a> CsvRecords<'a> {
    /// `first_line`: the line `text` begins at.
    pub fn new(text: &'a str, first_line: u64, delimiter: u8) -> Self {
        CsvRecords { text, at: 0, line: first_line, delimiter, open_quote: None }
    }
    /// The line of a record whose quoted field runs into the end of the text.
    pub fn open_quote(&self) -> Option<u64> {
        self.open_quote
    }
    /// Skips lines without any character; gives the line the next record begins at.
    pub fn next_line(&mut self) -> u64 {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b'\n') => self.at += 1,
                Some(b'\r') if bytes.get(self.at + 1) == Some(&b'\n') => self.at += 2,
                _ => return self.line,
            }
            self.line += 1;
        }
    }
    /// Bytes consumed so far.
    pub fn position(&self) -> usize {
        self.at
    }
    /// Hands each field of the next record, with its index, to `field`. Gives the record's first line and its number of fields.
    #[inline]
    pub fn next(&mut self, mut field: impl FnMut(usize, Field<'a>)) -> Option<(u64, usize)> {
        let bytes = self.text.as_bytes();
        let first_line = self.next_line();
        if self.at >= bytes.len() {
            return None;
        }
        let mut index = 0;
        loop {
            let start = self.at;
            let ended = if bytes.get(start) == Some(&b'"') {
                let (value, ended) = self.quoted(first_line);
                field(index, value);
                ended
            } else {
                let mut i = start;
                while i < bytes.len() && bytes[i] != self.delimiter && bytes[i] != b'\n' {
                    i += 1;
                }
                let ended = i >= bytes.len() || bytes[i] == b'\n';
                let mut end = i;
                if ended {
                    self.line += 1;
                    if end > start && bytes[end - 1] == b'\r' {
                        end -= 1;
                    }
                }
                self.at = (i + 1).min(bytes.len());
                // Both ends stand beside ASCII bytes, so they are character boundaries.
                field(index, Cow::Borrowed(self.text.get(start..end).unwrap_or_default()));
                ended
            };
            index += 1;
            if ended {
                return Some((first_line, index));
            }
            if self.at >= bytes.len() {
                // The text ends in a delimiter: one more, empty field.
                field(index, Cow::Borrowed(""));
                return Some((first_line, index + 1));
            }
        }
    }

    /// Reads a quoted field at `self.at`; true when the record ends with it.
    fn quoted(&mut self, first_line: u64) -> (Field<'a>, bool) {
        let bytes = self.text.as_bytes();
        let mut value: Option<String> = None;
        let mut from = self.at + 1;
        let close = loop {
            match memchr(b'"', &bytes[from.min(bytes.len())..]) {
                None => {
                    self.open_quote = Some(first_line);
                    break bytes.len();
                }
                Some(offset) => {
                    let quote = from + offset;
                    if bytes.get(quote + 1) == Some(&b'"') {
                        value.get_or_insert_default();
                        from = quote + 2;
                    } else {
                        break quote;
                    }
                }
            }
        };
        let inner = self.text.get(self.at + 1..close).unwrap_or_default();
        self.line += memchr_iter(b'\n', inner.as_bytes()).count() as u64;
        let mut value: Field<'a> = if value.is_some() { Cow::Owned(inner.replace("\"\"", "\"")) } else { Cow::Borrowed(inner) };
        let tail = (close + 1).min(bytes.len());
        let mut i = tail;
        while i < bytes.len() && bytes[i] != self.delimiter && bytes[i] != b'\n' {
            i += 1;
        }
        let ended = i >= bytes.len() || bytes[i] == b'\n';
        let mut end = i;
        if ended {
            self.line += 1;
            if end > tail && bytes[end - 1] == b'\r' {
                end -= 1;
            }
        }
        if end > tail {
            value.to_mut().push_str(self.text.get(tail..end).unwrap_or_default());
        }
        self.at = (i + 1).min(bytes.len());
        (value, ended)
    }
}

/// Where the last whole record of `bytes` ends (just past its line feed); `bytes` begins at the start of a record.
pub(super) fn last_record_end(bytes: &[u8], delimiter: u8) -> Option<usize> {
    if memchr(b'"', bytes).is_none() {
        return memrchr(b'\n', bytes).map(|i| i + 1);
    }
    let mut end = None;
    let mut at = 0;
    while let Some(next) = record_end(bytes, at, delimiter) {
        end = Some(next);
        at = next;
    }
    end
}

/// Just past the line feed of the record that begins at `start`.
fn record_end(bytes: &[u8], start: usize, delimiter: u8) -> Option<usize> {
    let mut at = start;
    loop {
        let rest = bytes.get(at..)?;
        let feed = memchr(b'\n', rest)?;
        // A quote matters only as the first character of a field.
        let mut open = None;
        let mut from = 0;
        while let Some(offset) = memchr(b'"', &rest[from..feed]) {
            let quote = from + offset;
            if at + quote == start
                || (quote > 0 && rest[quote - 1] == delimiter)
                || (quote == 0 && at > start && bytes[at - 1] == delimiter)
            {
                open = Some(at + quote);
                break;
            }
            from = quote + 1;
        }
        let Some(open) = open else { return Some(at + feed + 1) };
        let mut from = open + 1;
        let close = loop {
            let quote = from + memchr(b'"', bytes.get(from..)?)?;
            match bytes.get(quote + 1) {
                // The file may go on with the second quote of a pair.
                None => return None,
                Some(b'"') => from = quote + 2,
                Some(_) => break quote,
            }
        };
        // What follows the closing quote up to the delimiter is plain.
        let mut i = close + 1;
        while *bytes.get(i)? != delimiter && bytes[i] != b'\n' {
            i += 1;
        }
        if bytes[i] == b'\n' {
            return Some(i + 1);
        }
        at = i + 1;
        // A field that begins right here is judged by `bytes[at - 1] == delimiter`.
    }
}

/// Whether a quoted field of the last record runs into the end of `text`; gives the line that record begins at.
pub fn has_open_quote(text: &str, first_line: u64, delimiter: u8) -> Option<u64> {
    let mut records = CsvRecords::new(text, first_line, delimiter);
    while records.next(|_, _| ()).is_some() {}
    records.open_quote()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut records = CsvRecords::new(text, 1, b',');
        let mut out = vec![];
        loop {
            let mut fields = vec![];
            match records.next(|i, f| {
                assert_eq!(i, fields.len());
                fields.push(f.into_owned());
            }) {
                Some((line, n)) => {
                    assert_eq!(n, fields.len());
                    out.push((line, fields));
                }
                None => return out,
            }
        }
    }

    #[test]
    fn lines_are_those_a_person_counts() {
        let text = "a,b\r\n\"x\ny\",1\n\n\"say \"\"hi\"\"\",2\r\n5\" pipe,3,\n";
        let v = |line, cells: &[&str]| (line, cells.iter().map(|s| s.to_string()).collect::<Vec<_>>());
        assert_eq!(all(text), vec![v(1, &["a", "b"]), v(2, &["x\ny", "1"]), v(5, &["say \"hi\"", "2"]), v(6, &["5\" pipe", "3", ""])]);
        assert_eq!(all("a,"), vec![v(1, &["a", ""])]);
        assert_eq!(all("\"a\"b,c"), vec![v(1, &["ab", "c"])]);
        assert_eq!(has_open_quote("a\nb,\"c\nd", 1, b','), Some(2));
        assert_eq!(has_open_quote("a\nb,\"c\nd\"", 1, b','), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_csv_crate(text in "[ab,\"\n]{0,40}") {
            prop_assume!(has_open_quote(&text, 1, b',').is_none());
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let theirs: Vec<Vec<String>> = reader.records().map(|r| r.expect("a record").iter().map(str::to_owned).collect()).collect();
            let ours: Vec<Vec<String>> = all(&text).into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(ours, theirs);
        }
        #[test]
        fn cutting_anywhere_changes_nothing(text in "[ab,\"\n\r]{0,60}", cut in 0usize..60) {
            prop_assume!(has_open_quote(&text, 1, b',').is_none());
            let cut = cut.min(text.len());
            if let Some(end) = last_record_end(&text.as_bytes()[..cut], b',') {
                let mut parts = all(&text[..end]);
                let feeds = text[..end].matches('\n').count() as u64;
                parts.extend(all(&text[end..]).into_iter().map(|(line, f)| (line + feeds, f)));
                prop_assert_eq!(parts, all(&text));
            }
        }
    }
}
