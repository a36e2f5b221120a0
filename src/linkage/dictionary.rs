//! Texts, once each, with what comparing and blocking need of them.

use std::borrow::Cow;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::normalise::hash;
use super::normalise::name::{self, Name};
use super::spec::Kind;

/// Symbols that stand in the entry itself: most Chinese names.
const INLINE: usize = 4;

/// One text, in one cache line. Number 0 is the missing value.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub(crate) struct Entry {
    pub hash: u64,
    /// Hash of the sound: pinyin of the whole name, letters of a Latin one, sound of a Latin word.
    pub sound: u64,
    pub surname_sound: u32,
    pub given_sound: u32,
    pub start: u32,
    pub text: u32,
    pub len: u16,
    pub surname: u8,
    pub han: bool,
    symbols: [u16; INLINE],
    syllables: [u16; INLINE],
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Dictionary {
    pub entries: Vec<Entry>,
    symbols: Vec<u16>,
    syllables: Vec<u16>,
    texts: String,
}

impl Dictionary {
    /// Normalises and numbers the texts of `rows` cells. The words: number of the text, the low half of its sound's hash above it.
    pub fn of<'a>(rows: usize, chunk: usize, kind: Kind, cell: impl Fn(usize) -> Option<Cow<'a, str>> + Sync) -> (Dictionary, Vec<u64>) {
        let starts: Vec<usize> = (0..rows).step_by(chunk).collect();
        // Each chunk numbers its own texts; then the lists are joined in order.
        let parts: Vec<(Vec<String>, Vec<u32>)> = starts
            .par_iter()
            .map(|&start| {
                let mut raw: FxHashMap<String, u32> = FxHashMap::default();
                let mut texts: Vec<String> = Vec::new();
                let mut numbers = Vec::with_capacity(chunk);
                for row in start..(start + chunk).min(rows) {
                    let Some(text) = cell(row) else {
                        numbers.push(0);
                        continue;
                    };
                    if let Some(number) = raw.get(text.as_ref()) {
                        numbers.push(*number);
                        continue;
                    }
                    let normal = match kind {
                        Kind::PersonName | Kind::LatinName => name::normalise(&text),
                        _ => Some(name::normalise_text(&text)).filter(|t| !t.is_empty()),
                    };
                    // Two spellings of one text meet when the lists are joined.
                    let number = normal.map_or(0, |normal| {
                        texts.push(normal);
                        texts.len() as u32
                    });
                    raw.insert(text.into_owned(), number);
                    numbers.push(number);
                }
                (texts, numbers)
            })
            .collect();
        let mut known: FxHashMap<&str, u32> = FxHashMap::default();
        let mut all: Vec<&str> = Vec::new();
        let mut maps: Vec<Vec<u32>> = Vec::with_capacity(parts.len());
        for (texts, _) in &parts {
            let mut map = vec![0u32];
            for text in texts {
                map.push(*known.entry(text).or_insert_with(|| {
                    all.push(text);
                    all.len() as u32
                }));
            }
            maps.push(map);
        }
        let names: Vec<(Name, Entry)> = all.par_iter().map(|text| analyse(kind, (*text).to_owned())).collect();
        let mut dictionary = Dictionary { entries: vec![Entry::default()], ..Dictionary::default() };
        for (name, mut entry) in names {
            entry.start = dictionary.symbols.len() as u32;
            entry.text = dictionary.texts.len() as u32;
            dictionary.symbols.extend_from_slice(&name.symbols[..entry.len as usize]);
            if kind == Kind::PersonName {
                dictionary.syllables.extend_from_slice(&name.syllables[..entry.len as usize]);
            }
            dictionary.texts.push_str(&name.text);
            dictionary.entries.push(entry);
        }
        dictionary.texts.shrink_to_fit();
        dictionary.symbols.shrink_to_fit();
        let cells: Vec<Vec<u64>> = parts
            .par_iter()
            .zip(&maps)
            .map(|((_, numbers), map)| {
                numbers
                    .iter()
                    .map(|n| {
                        let number = map[*n as usize];
                        if number == 0 { 0 } else { u64::from(number) | dictionary.entries[number as usize].sound << 32 }
                    })
                    .collect()
            })
            .collect();
        (dictionary, cells.concat())
    }

    pub fn hash(&self, number: u32) -> u64 {
        self.entries.get(number as usize).map_or(0, |e| e.hash)
    }

    pub fn entry(&self, number: u32) -> &Entry {
        &self.entries[number as usize]
    }

    pub fn symbols<'a>(&'a self, entry: &'a Entry) -> &'a [u16] {
        if entry.len as usize <= INLINE {
            return &entry.symbols[..entry.len as usize];
        }
        &self.symbols[entry.start as usize..entry.start as usize + entry.len as usize]
    }

    /// Of person names alone.
    pub fn syllables<'a>(&'a self, entry: &'a Entry) -> &'a [u16] {
        if entry.len as usize <= INLINE {
            return &entry.syllables[..entry.len as usize];
        }
        &self.syllables[entry.start as usize..entry.start as usize + entry.len as usize]
    }

    pub fn text(&self, number: u32) -> &str {
        let start = self.entries.get(number as usize).map_or(0, |e| e.text as usize);
        let end = self.entries.get(number as usize + 1).map_or(self.texts.len(), |e| e.text as usize);
        if number == 0 { "" } else { &self.texts[start..end] }
    }
}

/// Texts longer than this are compared by their beginning.
const LONGEST: usize = 1000;

fn analyse(kind: Kind, text: String) -> (Name, Entry) {
    let name = name::analyse(text);
    let n = name.symbols.len().min(LONGEST);
    let letters = |text: &str| hash(text.as_bytes());
    let (sound, surname, given) = match kind {
        Kind::PersonName if name.han => {
            let cut = name.surname as usize;
            (letters(&name.sound()), letters(&name.sound_of(0, cut)), letters(&name.sound_of(cut, name.symbols.len())))
        }
        Kind::PersonName => {
            let words: Vec<&str> = name.text.split(' ').collect();
            let (first, last) = (words.first().copied().unwrap_or(""), words.last().copied().unwrap_or(""));
            (letters(&name.sound()), letters(last), letters(first))
        }
        _ => {
            let start: String = name.text.chars().take(3).collect();
            (letters(&name::latin_sound(&name.text)), letters(&start), letters(&name.text))
        }
    };
    let entry = Entry {
        hash: hash(name.text.as_bytes()),
        sound,
        surname_sound: surname as u32,
        given_sound: given as u32,
        start: 0,
        text: 0,
        len: n as u16,
        surname: name.surname,
        han: name.han,
        symbols: [0; INLINE],
        syllables: [0; INLINE],
    };
    let mut entry = entry;
    if n <= INLINE {
        entry.symbols[..n].copy_from_slice(&name.symbols);
        entry.syllables[..n].copy_from_slice(&name.syllables);
    }
    (name, entry)
}
