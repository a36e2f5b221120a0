//! Levels of two names: exact; same toneless pinyin; one character off; a part or close; given name only; surname only; differ.

use super::text::{jaro_winkler, osa_within};
use crate::linkage::dictionary::{Dictionary, Entry};
use crate::linkage::normalise::chars::{self, WILDCARD};

const EXACT: u8 = 1;
const PINYIN: u8 = 2;
const ONE: u8 = 3;
const PART: u8 = 4;
const GIVEN: u8 = 5;
const SURNAME: u8 = 6;
const DIFFER: u8 = 7;

/// Of two words (number of the text below, hash of the sound above).
pub(super) fn level(dictionary: &Dictionary, x: u64, y: u64) -> u8 {
    if x as u32 == y as u32 {
        return EXACT;
    }
    if x >> 32 == y >> 32 {
        return PINYIN;
    }
    let (a, b) = (dictionary.entry(x as u32), dictionary.entry(y as u32));
    match (a.han, b.han) {
        (true, true) => han(dictionary, a, b),
        (false, false) => latin(dictionary, a, b),
        _ => mixed(dictionary, a, b),
    }
}

/// Characters of one position agree in writing or in sound.
fn alike(cx: u16, sx: u16, cy: u16, sy: u16) -> bool {
    cx == cy || (sx != 0 && sx == sy)
}

fn han(dictionary: &Dictionary, a: &Entry, b: &Entry) -> u8 {
    let (cx, cy) = (dictionary.symbols(a), dictionary.symbols(b));
    let (sx, sy) = (dictionary.syllables(a), dictionary.syllables(b));
    let n = cx.len();
    let cut = a.surname.max(b.surname) as usize;
    let same = |i: usize, j: usize| alike(cx[i], sx[i], cy[j], sy[j]);
    if n == cy.len() {
        let (mut off, mut last, mut wild, mut fuzzy) = (0, 0, 0, 0);
        for i in 0..n {
            if cx[i] == WILDCARD || cy[i] == WILDCARD {
                wild += 1;
            } else if !same(i, i) {
                off += 1;
                last = i;
                fuzzy += usize::from(sx[i] != 0 && chars::fuzzy(sx[i]) == chars::fuzzy(sy[i]));
            }
        }
        if off == 0 {
            return if wild == 0 { PINYIN } else { ONE };
        }
        if off == fuzzy && n > 1 {
            return ONE;
        }
        if n >= 3 {
            if off == 1 && last >= cut {
                return if wild == 0 { ONE } else { PART };
            }
            if off == 2 && last > cut && same(last, last - 1) && same(last - 1, last) {
                return ONE;
            }
        }
    } else {
        let (short, long) = if n < cy.len() { (n, cy.len()) } else { (cy.len(), n) };
        // A truncated or shortened name, one character left out.
        if short >= 2 && (0..short).all(|i| same(i, i)) {
            return PART;
        }
        if long >= 3 && long - short == 1 && osa_within(cx, cy, 1) == Some(1) {
            return PART;
        }
        if long >= 5 && osa_within(cx, cy, long / 4).is_some() {
            return PART;
        }
    }
    if a.given_sound == b.given_sound && n > a.surname as usize {
        return GIVEN;
    }
    if a.surname_sound == b.surname_sound { SURNAME } else { DIFFER }
}

fn latin(dictionary: &Dictionary, a: &Entry, b: &Entry) -> u8 {
    let (x, y) = (dictionary.symbols(a), dictionary.symbols(b));
    const SPACE: u16 = b' ' as u16;
    let words = |s: &[u16]| {
        let mut words: Vec<Vec<u16>> = s.split(|c| *c == SPACE).map(<[u16]>::to_vec).collect();
        words.sort();
        words
    };
    if x.len() == y.len() && words(x) == words(y) {
        return PINYIN;
    }
    if x.len().min(y.len()) >= 4 && osa_within(x, y, 1).is_some() {
        return ONE;
    }
    let closeness = jaro_winkler(x, y);
    if closeness >= 0.95 {
        return ONE;
    }
    if closeness >= 0.88 {
        return PART;
    }
    let (wx, wy) = (words(x), words(y));
    let long: Vec<&Vec<u16>> = wx.iter().filter(|w| w.len() >= 2).collect();
    if wx.len() != wy.len() && long.len() >= 2 && (wx.iter().all(|w| wy.contains(w)) || wy.iter().all(|w| wx.contains(w))) {
        return PART;
    }
    if a.given_sound == b.given_sound {
        return GIVEN;
    }
    if a.surname_sound == b.surname_sound { SURNAME } else { DIFFER }
}

/// One in characters, one in letters: as they are spelled.
fn mixed(dictionary: &Dictionary, a: &Entry, b: &Entry) -> u8 {
    let spell = |e: &Entry| -> Vec<u16> {
        let mut letters = Vec::new();
        for (c, s) in dictionary.symbols(e).iter().zip(dictionary.syllables(e)) {
            if *s != 0 {
                letters.extend(chars::spelling(*s).bytes().map(u16::from));
            } else if *c != u16::from(b' ') {
                letters.push(*c);
            }
        }
        letters
    };
    let (x, y) = (spell(a), spell(b));
    if x.len() >= 4 && osa_within(&x, &y, 1).is_some() {
        return ONE;
    }
    if jaro_winkler(&x, &y) >= 0.92 { PART } else { DIFFER }
}
