//! The texts of a column: sorted lists on disk, one of each run, become one list, and the codes of the runs those of that list.

use std::io;

use super::super::Spill;

/// Different texts in order: each with its length (four bytes) before it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct TextList {
    at: u64,
    bytes: u64,
    pub count: usize,
}

/// Bytes that are read or written at once.
const ROOM: usize = 1 << 18;

impl TextList {
    /// Writes the texts for which `text` is called with their positions.
    pub fn write(spill: &Spill, count: usize, text: impl Fn(usize, &mut dyn FnMut(&[u8]))) -> io::Result<TextList> {
        let mut bytes = 0;
        (0..count).for_each(|i| text(i, &mut |t| bytes += 4 + t.len() as u64));
        let mut writer = Writer { spill, at: spill.reserve(bytes), room: Vec::with_capacity(ROOM), list: TextList::default() };
        writer.list.at = writer.at;
        for i in 0..count {
            let mut written = Ok(());
            text(i, &mut |t| written = writer.put(t));
            written?;
        }
        writer.finish()
    }
    pub fn read<'s>(&self, spill: &'s Spill) -> Reader<'s> {
        Reader { spill, at: self.at, end: self.at + self.bytes, room: vec![], from: 0, text: 0..0, head: 0 }
    }
    /// The text at a position.
    pub fn get(&self, spill: &Spill, position: usize) -> io::Result<String> {
        let mut reader = self.read(spill);
        for _ in 0..=position {
            reader.next()?;
        }
        Ok(String::from_utf8_lossy(reader.text()).into_owned())
    }
}

struct Writer<'s> {
    spill: &'s Spill,
    at: u64,
    room: Vec<u8>,
    list: TextList,
}

impl Writer<'_> {
    fn put(&mut self, text: &[u8]) -> io::Result<()> {
        self.room.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.room.extend_from_slice(text);
        self.list.count += 1;
        if self.room.len() >= ROOM { self.flush() } else { Ok(()) }
    }
    fn flush(&mut self) -> io::Result<()> {
        self.spill.write(&self.room, self.at)?;
        self.at += self.room.len() as u64;
        self.list.bytes += self.room.len() as u64;
        self.room.clear();
        Ok(())
    }
    fn finish(mut self) -> io::Result<TextList> {
        self.flush()?;
        Ok(self.list)
    }
}

/// Reads a list from its beginning.
pub(super) struct Reader<'s> {
    spill: &'s Spill,
    at: u64,
    end: u64,
    room: Vec<u8>,
    from: usize,
    text: std::ops::Range<usize>,
    /// The first 16 bytes of the text, the rest zero, most significant first.
    head: u128,
}

impl Reader<'_> {
    /// Moves on; `false` behind the last text.
    pub fn next(&mut self) -> io::Result<bool> {
        if !self.at_hand(4)? {
            return Ok(false);
        }
        let mut length = [0; 4];
        length.copy_from_slice(&self.room[self.from..self.from + 4]);
        let length = u32::from_le_bytes(length) as usize;
        if !self.at_hand(4 + length)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.text = self.from + 4..self.from + 4 + length;
        self.from = self.text.end;
        let mut head = [0; 16];
        let n = length.min(16);
        head[..n].copy_from_slice(&self.room[self.text.start..self.text.start + n]);
        self.head = u128::from_be_bytes(head);
        Ok(true)
    }
    pub fn text(&self) -> &[u8] {
        &self.room[self.text.clone()]
    }
    /// Whether so many bytes follow; they are in the room then.
    fn at_hand(&mut self, bytes: usize) -> io::Result<bool> {
        if self.room.len() - self.from >= bytes {
            return Ok(true);
        }
        self.room.drain(..self.from);
        self.from = 0;
        let left = self.end - self.at;
        let more = left.min((bytes.saturating_sub(self.room.len())).max(ROOM) as u64) as usize;
        let held = self.room.len();
        self.room.resize(held + more, 0);
        self.spill.read(&mut self.room[held..], self.at)?;
        self.at += more as u64;
        Ok(self.room.len() >= bytes)
    }
}

/// One list of all texts, and of each list the new positions of its texts.
pub(super) fn merge(spill: &Spill, lists: &[TextList]) -> io::Result<(TextList, Vec<Vec<u32>>)> {
    let mut codes: Vec<Vec<u32>> = lists.iter().map(|list| Vec::with_capacity(list.count)).collect();
    // As if no text stood in two lists: what is too much is never touched.
    let at = spill.reserve(lists.iter().map(|l| l.bytes).sum());
    let mut writer = Writer { spill, at, room: Vec::with_capacity(ROOM), list: TextList { at, ..TextList::default() } };
    let mut open: Vec<(usize, Reader)> = vec![];
    let mut text = vec![];
    for (i, list) in lists.iter().enumerate() {
        let mut reader = list.read(spill);
        if reader.next()? {
            open.push((i, reader));
        }
    }
    while let Some(mut least) = open.first().map(|(_, r)| r) {
        // Heads settle nearly all comparisons. Of two texts with one head the texts themselves are compared: zero bytes may follow.
        let less = |a: &Reader, b: &Reader| a.head < b.head || (a.head == b.head && a.text() < b.text());
        for (_, reader) in &open[1..] {
            if less(reader, least) {
                least = reader;
            }
        }
        let number = writer.list.count as u32;
        writer.put(least.text())?;
        let head = least.head;
        text.clear();
        text.extend_from_slice(least.text());
        let mut ended = false;
        for (i, reader) in &mut open {
            if reader.head == head && reader.text() == text {
                codes[*i].push(number);
                if !reader.next()? {
                    (reader.text, ended) = (0..0, true);
                    reader.end = 0;
                }
            }
        }
        if ended {
            open.retain(|(_, r)| r.end > 0);
        }
    }
    Ok((writer.finish()?, codes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn one_list_of_many(lists in prop::collection::vec(prop::collection::btree_set("(long beginning )?[ab\\x00张]{0,20}", 0..30), 0..5)) {
            let folder = tempfile::tempdir().expect("a folder");
            let spill = Spill::in_folder(folder.path()).expect("a file");
            let texts: Vec<Vec<&String>> = lists.iter().map(|l| l.iter().collect()).collect();
            let written: Vec<TextList> =
                texts.iter().map(|l| TextList::write(&spill, l.len(), |i, put| put(l[i].as_bytes())).expect("written")).collect();
            let (all, codes) = merge(&spill, &written).expect("merged");
            let expected: BTreeSet<&String> = lists.iter().flatten().collect();
            let expected: Vec<&String> = expected.into_iter().collect();
            let mut reader = all.read(&spill);
            for text in &expected {
                prop_assert!(reader.next().expect("read"));
                prop_assert_eq!(reader.text(), text.as_bytes());
            }
            prop_assert!(!reader.next().expect("read"));
            for (list, codes) in texts.iter().zip(&codes) {
                prop_assert_eq!(list.iter().map(|t| expected.binary_search(t).expect("there") as u32).collect::<Vec<_>>(), codes.clone());
            }
        }
    }

    #[test]
    fn texts_longer_than_the_room_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let spill = Spill::in_folder(folder.path()).expect("a file");
        let texts = ["a".repeat(ROOM - 6), "b".repeat(ROOM * 3), "c".to_owned()];
        let list = TextList::write(&spill, 3, |i, put| put(texts[i].as_bytes())).expect("written");
        for (i, text) in texts.iter().enumerate() {
            assert_eq!(list.get(&spill, i).expect("read"), *text);
        }
    }
}
