//! Text columns of Parquet files page by page: a text that a file's dictionary holds is handed over once, its rows as numbers.

use std::ops::Range;

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;

/// Rows of a text column, in order.
pub enum Texts<'a> {
    /// One row each: a position in the chunk's dictionary, or [`MISSING`].
    Coded(&'a [u32], &'a [&'a [u8]]),
    /// One row each.
    Plain(&'a [Option<&'a [u8]>]),
    /// So many rows that were not wanted.
    Skipped(usize),
}

/// In place of a code: no value.
pub const MISSING: u32 = u32::MAX;

/// Whether all pages of a chunk with these encodings can be read here.
pub(super) fn readable(mut encodings: impl Iterator<Item = Encoding>, optional: bool) -> bool {
    #[allow(deprecated, reason = "old writers used it for levels; those are left to the library")]
    encodings.all(|e| match e {
        Encoding::PLAIN | Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY | Encoding::RLE => true,
        Encoding::BIT_PACKED => !optional,
        _ => false,
    })
}

/// Hands the rows of a chunk over, page by page. `optional`: rows may lack a value. `skip` says of the next rows whether they are not wanted.
pub(super) fn read(
    pages: &mut dyn PageReader,
    optional: bool,
    mut skip: impl FnMut(usize) -> bool,
    mut rows: impl FnMut(Texts),
) -> Result<(), ParquetError> {
    let dictionary = match pages.peek_next_page()? {
        Some(next) if next.is_dict => pages.get_next_page()?,
        _ => None,
    };
    let mut entries: Vec<&[u8]> = vec![];
    if let Some(Page::DictionaryPage { buf, num_values, .. }) = &dictionary {
        let mut at = 0;
        for _ in 0..*num_values {
            entries.push(text(buf, &mut at)?);
        }
    }
    let mut levels: Vec<u32> = vec![];
    let mut codes: Vec<u32> = vec![];
    loop {
        let Some(next) = pages.peek_next_page()? else { return Ok(()) };
        if let Some(n) = next.num_rows.or(next.num_levels)
            && skip(n)
        {
            pages.skip_next_page()?;
            rows(Texts::Skipped(n));
            continue;
        }
        let Some(page) = pages.get_next_page()? else { return Ok(()) };
        let (buf, count, encoding, values) = match &page {
            Page::DataPage { buf, num_values, encoding, .. } => {
                let mut start = 0;
                if optional {
                    let length = word(buf, 0)? as usize;
                    start = 4 + length;
                    levels.clear();
                    hybrid(buf.get(4..start).ok_or_else(short)?, 1, *num_values as usize, &mut levels)?;
                }
                (buf, *num_values as usize, *encoding, start)
            }
            Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let from = *rep_levels_byte_len as usize;
                let start = from + *def_levels_byte_len as usize;
                if optional {
                    levels.clear();
                    hybrid(buf.get(from..start).ok_or_else(short)?, 1, *num_values as usize, &mut levels)?;
                }
                (buf, *num_values as usize, *encoding, start)
            }
            Page::DictionaryPage { .. } => return Err(ParquetError::General("a second dictionary".to_owned())),
        };
        let values = buf.get(values..).ok_or_else(short)?;
        let whole = !optional || levels.iter().all(|l| *l == 1);
        let present = if whole { count } else { levels.iter().filter(|l| **l == 1).count() };
        if encoding == Encoding::PLAIN {
            let mut at = 0;
            let there = |i: usize| whole || levels.get(i) == Some(&1);
            let cells: Result<Vec<Option<&[u8]>>, ParquetError> =
                (0..count).map(|i| if there(i) { text(values, &mut at).map(Some) } else { Ok(None) }).collect();
            rows(Texts::Plain(&cells?));
            continue;
        }
        codes.clear();
        if let Some((width, packed)) = values.split_first() {
            hybrid(packed, u32::from(*width), present, &mut codes)?;
        }
        if codes.len() != present || codes.iter().any(|c| *c as usize >= entries.len()) {
            return Err(short());
        }
        if !whole {
            let mut held = codes.iter().copied();
            let spread: Vec<u32> = levels.iter().map(|l| if *l == 1 { held.next().unwrap_or(MISSING) } else { MISSING }).collect();
            codes = spread;
        }
        rows(Texts::Coded(&codes, &entries));
    }
}

/// Hands the bytes of `rows` over, page by page, of a chunk of values of `width` bytes (0: one bit) in every row. Pages outside are left out.
pub(super) fn plain(
    pages: &mut dyn PageReader,
    width: usize,
    rows: Range<usize>,
    value: &mut dyn FnMut(&[u8]),
) -> Result<(), ParquetError> {
    let mut at = 0;
    while at < rows.end {
        let Some(next) = pages.peek_next_page()? else {
            return Err(ParquetError::General(format!("{at} of {} rows could be read", rows.end)));
        };
        if let Some(n) = next.num_rows.or(next.num_levels)
            && at + n <= rows.start
        {
            pages.skip_next_page()?;
            at += n;
            continue;
        }
        let Some(Page::DataPage { buf, num_values, encoding: Encoding::PLAIN, .. }) = pages.get_next_page()? else {
            return Err(ParquetError::General("a page is not written plainly".to_owned()));
        };
        let n = num_values as usize;
        let from = rows.start.saturating_sub(at).min(n);
        let to = (rows.end - at).min(n);
        let bytes = if width == 0 { from / 8..to.div_ceil(8) } else { from * width..to * width };
        value(buf.get(bytes).ok_or_else(short)?);
        at += n;
    }
    Ok(())
}

fn short() -> ParquetError {
    ParquetError::General("a page is shorter than it says".to_owned())
}

fn word(bytes: &[u8], at: usize) -> Result<u32, ParquetError> {
    let four = bytes.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
    four.map(u32::from_le_bytes).ok_or_else(short)
}

/// The text with its length before it, at `at`, which moves behind it.
fn text<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], ParquetError> {
    let length = word(bytes, *at)? as usize;
    let start = *at + 4;
    *at = start + length;
    bytes.get(start..*at).ok_or_else(short)
}

/// Appends `count` numbers of `width` bits from Parquet's mix of runs and packed groups of eight.
fn hybrid(bytes: &[u8], width: u32, count: usize, out: &mut Vec<u32>) -> Result<(), ParquetError> {
    if width > 32 {
        return Err(ParquetError::General(format!("codes of {width} bits")));
    }
    let wanted = out.len() + count;
    out.reserve(count);
    let mut at = 0;
    while out.len() < wanted {
        let (mut header, mut shift) = (0u64, 0);
        loop {
            let byte = *bytes.get(at).ok_or_else(short)?;
            at += 1;
            header |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 56 {
                return Err(short());
            }
        }
        let n = (header >> 1) as usize;
        if header & 1 == 0 {
            let length = width.div_ceil(8) as usize;
            let mut value = [0u8; 4];
            value[..length].copy_from_slice(bytes.get(at..at + length).ok_or_else(short)?);
            at += length;
            let n = n.min(wanted - out.len());
            if n == 0 {
                return Err(short());
            }
            out.extend(std::iter::repeat_n(u32::from_le_bytes(value), n));
        } else {
            let length = n.checked_mul(width as usize).ok_or_else(short)?;
            // The last group may be cut where no further value follows.
            let packed = bytes.get(at..bytes.len().min(at.saturating_add(length))).ok_or_else(short)?;
            at += packed.len();
            let n = n.saturating_mul(8).min(wanted - out.len());
            if n == 0 || packed.len() * 8 < n * width as usize {
                return Err(short());
            }
            unpack(packed, width, n, out);
        }
    }
    Ok(())
}

fn unpack(packed: &[u8], width: u32, count: usize, out: &mut Vec<u32>) {
    let mask = (1u64 << width) - 1;
    let width = width as usize;
    out.extend((0..count).map(|i| {
        let bit = i * width;
        let from = bit / 8;
        let mut eight = [0u8; 8];
        match packed.get(from..from + 8) {
            Some(bytes) => eight.copy_from_slice(bytes),
            None => {
                let rest = packed.get(from..).unwrap_or_default();
                eight[..rest.len()].copy_from_slice(rest);
            }
        }
        ((u64::from_le_bytes(eight) >> (bit % 8)) & mask) as u32
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The other way round, for the test: runs of equal numbers, groups of eight otherwise.
    fn pack(values: &[u32], width: u32) -> Vec<u8> {
        let mut out = vec![];
        let mut at = 0;
        while at < values.len() {
            let run = values[at..].iter().take_while(|v| **v == values[at]).count();
            if run >= 8 {
                out.extend([(run << 1) as u8 | 0x80, (run >> 6) as u8]);
                out.extend(&values[at].to_le_bytes()[..width.div_ceil(8) as usize]);
                at += run;
                continue;
            }
            let mut bits: Vec<bool> = vec![];
            for i in 0..8 {
                let value = values.get(at + i).copied().unwrap_or(0);
                bits.extend((0..width).map(|b| value >> b & 1 == 1));
            }
            out.push(3);
            out.extend(bits.chunks(8).map(|b| b.iter().enumerate().map(|(i, on)| u8::from(*on) << i).sum::<u8>()));
            at = (at + 8).min(values.len());
        }
        out
    }

    proptest! {
        #[test]
        fn codes_come_back(width in 0u32..=32, seed in prop::collection::vec((any::<u32>(), 1usize..30), 0..20)) {
            let mask = ((1u64 << width) - 1) as u32;
            let values: Vec<u32> = seed.iter().flat_map(|(v, n)| std::iter::repeat_n(v & mask, *n)).collect();
            let mut out = vec![];
            hybrid(&pack(&values, width), width, values.len(), &mut out).expect("read");
            prop_assert_eq!(out, values);
        }
        #[test]
        fn broken_pages_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), width in 0u32..40, count in 0usize..2000) {
            // Whatever it is: an answer or an error, never more than was asked for.
            let mut out = vec![];
            if hybrid(&bytes, width, count, &mut out).is_ok() {
                prop_assert_eq!(out.len(), count);
            }
        }
    }
}
