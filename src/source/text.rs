//! Text files in blocks of whole records: read once, hashed on the way, decoded to UTF-8.

use std::fs::File;
use std::io::Read;

use encoding_rs::{Decoder, DecoderResult, Encoding};
use memchr::{memchr_iter, memrchr};
use sha2::{Digest, Sha256};

use super::csv::last_record_end;
use super::files::{Fingerprint, InputFile, changed, unreadable};
use crate::diagnostic::{Diagnostic, Place, Spanned};

/// How a text is cut into records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Quoted fields may hold line breaks.
    Csv {
        delimiter: u8,
    },
    Lines,
}

/// Whole records, and the line the first of them begins at.
#[derive(Debug)]
pub struct Block {
    pub text: String,
    pub first_line: u64,
    /// Bytes of the file read for it.
    pub bytes: u64,
}

/// Reads a text file block by block. After the last block [`BlockReader::finish`] gives hash and size.
pub struct BlockReader {
    file: InputFile,
    input: File,
    before: Fingerprint,
    /// `None`: the hash is known already.
    hasher: Option<Sha256>,
    decoder: Option<Decoder>,
    /// Declared, or found by a byte order mark.
    encoding: &'static Encoding,
    declared: bool,
    cut: Cut,
    block_bytes: usize,
    /// Decoded text that is not yet in a block; begins at a record. Bytes of an unfinished UTF-8 character may stand at its end.
    carry: Vec<u8>,
    bytes: u64,
    line: u64,
    started: bool,
    ended: bool,
}

/// Records longer than this are a quote that was never closed, not a record.
const LONGEST_RECORD: usize = 64 << 20;

impl BlockReader {
    /// `block_bytes`: about how many bytes a block has; results do not depend on it.
    pub fn open(file: &InputFile, encoding: Option<&Spanned<String>>, cut: Cut, block_bytes: usize) -> Result<Self, Diagnostic> {
        let declared = match encoding {
            None => None,
            Some(label) => Some(Encoding::for_label(label.value.trim().as_bytes()).ok_or_else(|| {
                Diagnostic::error("unknown-encoding", format!("`{}` is not the name of a text encoding", label.value))
                    .at(label.span.clone(), "")
                    .help("use a name such as utf-8, gb18030, big5, utf-16le, windows-1252")
            })?),
        };
        let before = Fingerprint::of(file)?;
        let input = File::open(&file.path).map_err(|e| unreadable(file, &e))?;
        Ok(BlockReader {
            file: file.clone(),
            input,
            before,
            hasher: Some(Sha256::new()),
            decoder: None,
            encoding: declared.unwrap_or(encoding_rs::UTF_8),
            declared: declared.is_some(),
            cut,
            block_bytes: block_bytes.max(16),
            carry: vec![],
            bytes: 0,
            line: 1,
            started: false,
            ended: false,
        })
    }

    /// Does not hash what is read.
    #[must_use]
    pub fn unhashed(mut self) -> Self {
        self.hasher = None;
        self
    }

    /// The next block; `None` after the last.
    pub fn next_block(&mut self) -> Result<Option<Block>, Diagnostic> {
        let mut want = self.block_bytes;
        loop {
            let read = if self.ended { 0 } else { self.fill(want)? };
            if self.ended {
                if self.carry.is_empty() {
                    return Ok(None);
                }
                let end = self.carry.len();
                return self.take(end, read).map(Some);
            }
            let end = match self.cut {
                Cut::Csv { delimiter } => last_record_end(&self.carry, delimiter),
                Cut::Lines => memrchr(b'\n', &self.carry).map(|i| i + 1),
            };
            if let Some(end) = end {
                return self.take(end, read).map(Some);
            }
            if self.carry.len() > LONGEST_RECORD {
                return Err(self.open_quote(self.line));
            }
            // Doubling keeps the repeated search for the end of a long record cheap.
            want = self.carry.len().max(want);
        }
    }

    /// Reads about `want` bytes into the carry.
    fn fill(&mut self, want: usize) -> Result<u64, Diagnostic> {
        let at = self.carry.len();
        let mut raw = vec![];
        let decoded = self.started && self.decoder.is_none();
        let target = if decoded { &mut self.carry } else { &mut raw };
        let before = target.len();
        let read = Read::by_ref(&mut self.input).take(want as u64).read_to_end(target).map_err(|e| unreadable(&self.file, &e))?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&target[before..]);
        }
        self.bytes += read as u64;
        self.ended = read < want;
        if decoded {
            return Ok(read as u64);
        }
        let mut rest: &[u8] = &raw;
        if !self.started {
            self.started = true;
            if let Some((encoding, mark)) = Encoding::for_bom(rest)
                && (!self.declared || encoding == self.encoding || encoding == encoding_rs::UTF_8)
            {
                self.encoding = encoding;
                rest = &rest[mark..];
            }
            if self.encoding != encoding_rs::UTF_8 {
                self.decoder = Some(self.encoding.new_decoder_without_bom_handling());
            }
        }
        let Some(decoder) = &mut self.decoder else {
            self.carry.extend_from_slice(rest);
            return Ok(read as u64);
        };
        let need = decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len() * 3 + 16);
        self.carry.resize(at + need, 0);
        let (result, consumed, written) = decoder.decode_to_utf8_without_replacement(rest, &mut self.carry[at..], self.ended);
        self.carry.truncate(at + written);
        if let DecoderResult::Malformed(length, after) = result {
            let offset = self.bytes - rest.len() as u64 + (consumed as u64).saturating_sub(u64::from(length) + u64::from(after));
            let line = self.line + memchr_iter(b'\n', &self.carry).count() as u64;
            return Err(self.wrong_encoding(offset, line, &[]));
        }
        Ok(read as u64)
    }

    /// Cuts the first `end` bytes of the carry off as a block.
    fn take(&mut self, end: usize, read: u64) -> Result<Block, Diagnostic> {
        let rest = self.carry.split_off(end);
        let bytes = std::mem::replace(&mut self.carry, rest);
        // Of a decoded text this is no place in the file, but then every character is whole.
        let offset = self.bytes.saturating_sub((bytes.len() + self.carry.len()) as u64);
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let line = self.line + memchr_iter(b'\n', &error.as_bytes()[..good]).count() as u64;
                return Err(self.wrong_encoding(offset + good as u64, line, &error.as_bytes()[good..]));
            }
        };
        let first_line = self.line;
        self.line += memchr_iter(b'\n', text.as_bytes()).count() as u64;
        Ok(Block { text, first_line, bytes: read })
    }

    fn wrong_encoding(&self, offset: u64, line: u64, bytes: &[u8]) -> Diagnostic {
        let likely = if self.encoding == encoding_rs::UTF_8 { likely_encoding(bytes) } else { Some("utf-8") };
        let shown: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
        let found = if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(" ")) };
        let message = Diagnostic::error(
            "wrong-encoding",
            format!("`{}` is not {}: byte {offset}{found} in line {line} is not part of a character", self.file.name, self.encoding.name()),
        )
        .place(Place::Record { file: self.file.name.clone(), sheet: None, line, column: None }, format!("byte {offset} of the file"));
        match likely {
            Some(name) => message.help(format!("it may be {name}: write `encoding: {name}` in the table")),
            None => {
                message.help("ask the sender for the encoding and write it as `encoding:` in the table, or have the file exported as UTF-8")
            }
        }
    }

    /// The message for a quote that is never closed, in the record that begins at `line`.
    pub fn open_quote(&self, line: u64) -> Diagnostic {
        Diagnostic::error("open-quote", format!("a quote opened in line {line} of `{}` is never closed", self.file.name))
            .place(
                Place::Record { file: self.file.name.clone(), sheet: None, line, column: None },
                "the record that begins here does not end",
            )
            .help("close the quote, or double it if it is part of the text")
    }

    pub fn file(&self) -> &InputFile {
        &self.file
    }

    /// SHA-256 (hex) and size, once all is read; an error if the file changed meanwhile.
    pub fn finish(self) -> Result<(String, u64), Diagnostic> {
        let after = Fingerprint::of(&self.file)?;
        if let Some(message) = changed(&self.file, &self.before, &after) {
            return Err(message);
        }
        if after.bytes != self.bytes {
            let read = Fingerprint { bytes: self.bytes, modified: None };
            return Err(changed(&self.file, &read, &after)
                .unwrap_or_else(|| Diagnostic::error("file-changed", "the file changed while it was read")));
        }
        Ok((self.hasher.map_or_else(String::new, |h| hex(&h.finalize())), self.bytes))
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// What bytes that are not UTF-8 may be.
fn likely_encoding(bytes: &[u8]) -> Option<&'static str> {
    let sample = &bytes[..bytes.len().min(4096)];
    // A character may be cut at the end of the sample.
    for end in [sample.len(), sample.len().saturating_sub(1), sample.len().saturating_sub(2), sample.len().saturating_sub(3)] {
        let (text, _, bad) = encoding_rs::GB18030.decode(&sample[..end]);
        let ideographs = text.chars().filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c)).count();
        let others = text.chars().filter(|c| !c.is_ascii() && !('\u{3000}'..='\u{ffef}').contains(c)).count();
        if !bad && ideographs > 0 && ideographs >= others {
            return Some("gb18030");
        }
    }
    sample.first().is_some_and(|b| *b >= 0xa0 || matches!(b, 0x80 | 0x82..=0x8c | 0x91..=0x9c)).then_some("windows-1252")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(bytes: &[u8]) -> (tempfile::TempDir, InputFile) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f.csv");
        std::fs::write(&path, bytes).expect("written");
        (folder, InputFile { path, name: "f.csv".to_owned() })
    }

    fn read(bytes: &[u8], encoding: Option<&str>, size: usize) -> Result<Vec<(u64, String)>, Diagnostic> {
        let (_folder, file) = write(bytes);
        let label = encoding.map(|e| Spanned::without_place(e.to_owned()));
        let mut reader = BlockReader::open(&file, label.as_ref(), Cut::Csv { delimiter: b',' }, size)?;
        let mut out = vec![];
        while let Some(block) = reader.next_block()? {
            out.push((block.first_line, block.text));
        }
        let (hash, size) = reader.finish()?;
        assert_eq!(size, bytes.len() as u64);
        assert_eq!(hash, hex(&Sha256::digest(bytes)));
        Ok(out)
    }

    #[test]
    fn any_block_size_gives_the_same_text() {
        let text = "户编号,金额\n\"a\nb\",1\nc,2\n丁,3";
        let (gb, _, _) = encoding_rs::GB18030.encode(text);
        let mut marked = b"\xef\xbb\xbf".to_vec();
        marked.extend(text.as_bytes());
        let utf16: Vec<u8> = std::iter::once(0xfeffu16).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for size in [16, 17, 23, 40, 1000] {
            for (bytes, encoding) in
                [(text.as_bytes(), None), (&gb[..], Some("gb18030")), (&gb[..], Some("GBK")), (&marked[..], None), (&utf16[..], None)]
            {
                let blocks = read(bytes, encoding, size).expect("read");
                let whole: String = blocks.iter().map(|b| b.1.as_str()).collect();
                assert_eq!(whole, text, "{size} {encoding:?}");
                for (line, block) in &blocks {
                    let before = whole.find(block.as_str()).expect("part");
                    assert_eq!(*line, 1 + whole[..before].matches('\n').count() as u64);
                }
            }
        }
    }

    #[test]
    fn wrong_encodings_are_named_with_their_place() {
        let (gb, _, _) = encoding_rs::GB18030.encode("id,name\n1,李\n2,张三\n");
        let error = read(&gb, None, 1000).expect_err("not utf-8");
        assert_eq!(error.code, "wrong-encoding");
        assert!(error.message.contains("byte 10") && error.message.contains("line 2"), "{}", error.message);
        assert!(error.help[0].contains("gb18030"), "{:?}", error.help);
        let error = read("id,name\n1,\u{80}\u{ff}\u{7ff}李\n".as_bytes(), Some("gb18030"), 1000);
        if let Err(error) = error {
            assert!(error.help[0].contains("utf-8"));
        }
        let error = read(b"id,name\n1,caf\xe9\n", None, 1000).expect_err("not utf-8");
        assert!(error.help[0].contains("windows-1252"), "{:?}", error.help);
        let error = read(b"a", Some("utf-9"), 10).expect_err("no encoding");
        assert_eq!(error.code, "unknown-encoding");
    }

    #[test]
    fn a_file_that_changes_is_noticed() {
        let (_folder, file) = write(b"a,b\n1,2\n3,4\n");
        let mut reader = BlockReader::open(&file, None, Cut::Lines, 16).expect("open");
        while reader.next_block().expect("read").is_some() {}
        std::fs::write(&file.path, b"a,b\n1,2\n3,4\n5,6\n").expect("written");
        assert_eq!(reader.finish().expect_err("changed").code, "file-changed");
    }
}
