//! Levels of two ids. Two valid ids that differ are two numbers, never one typo: the check digit catches every single error.

use super::nibbles;
use crate::linkage::normalise::id::{self, HIDDEN, MASKED, OTHER, VALID};

const LOW: u64 = 0xffff_ffff;

const EXACT: u8 = 1;
const ONE: u8 = 2;
const MASKED_ALIKE: u8 = 3;
const TWO: u8 = 4;
const TYPO_OF_ONE_BIRTH: u8 = 5;
const NEAR_OF_ONE_BIRTH: u8 = 6;
const UNCLEAR: u8 = 7;
const NEAR_VALID: u8 = 8;
const DIFFER: u8 = 9;

/// exact; one edit with an invalid side; masked and compatible; the first 15 digits or two edits with an invalid side; of records with
/// one birth day: a typo that leaves the last four, or last four that are nearly the same; differ with an invalid side; both valid, up to
/// three digits differ; both valid, differ.
///
/// `one_birth`: the delivered birth days agree, so area and birth digits agree by construction and only the last four say more.
pub(super) fn level(a: [u64; 2], b: [u64; 2], one_birth: bool) -> u8 {
    let level = plain(a, b);
    if !one_birth || !matches!(level, ONE | MASKED_ALIKE | TWO) {
        return level;
    }
    // Of an id that lost or won a digit the end still counts.
    let (x, y) = (id::digits(a[0], a[1]), id::digits(b[0], b[1]));
    if x.len < 8 || y.len < 8 {
        return UNCLEAR;
    }
    let (x, y) = (&x.as_slice()[x.len - 4..], &y.as_slice()[y.len - 4..]);
    // What is hidden, or was rounded off by a spreadsheet, says nothing.
    let hidden = |s: &[u8]| s.contains(&HIDDEN);
    if hidden(x) || hidden(y) || x[1..] == [0, 0, 0] || y[1..] == [0, 0, 0] {
        return 0;
    }
    match x.iter().zip(y).filter(|(p, q)| p != q).count() {
        0 => TYPO_OF_ONE_BIRTH,
        1 if x[3] != y[3] => TYPO_OF_ONE_BIRTH,
        1 => NEAR_OF_ONE_BIRTH,
        2 if x[..2] == [y[1], y[0]] || x[1..3] == [y[2], y[1]] || x[2..] == [y[3], y[2]] => NEAR_OF_ONE_BIRTH,
        _ => UNCLEAR,
    }
}

fn plain(a: [u64; 2], b: [u64; 2]) -> u8 {
    if a[1] == 0 || b[1] == 0 {
        return 0;
    }
    let flags = a[1] | b[1];
    let other = (a[1] & OTHER != 0, b[1] & OTHER != 0);
    match other {
        (true, true) => return if a[0] == b[0] { EXACT } else { DIFFER },
        // Documents of different kinds say nothing about each other.
        (true, false) | (false, true) => return 0,
        _ => {}
    }
    let (length_a, length_b) = (id::length(a[1]), id::length(b[1]));
    let same_digits = a[0] == b[0] && (a[1] & LOW) == (b[1] & LOW) && length_a == length_b;
    if flags & MASKED != 0 {
        return masked(a, b);
    }
    if same_digits {
        return EXACT;
    }
    let both_valid = a[1] & b[1] & VALID != 0;
    if length_a == length_b {
        let different = nibbles(a[0] ^ b[0]) + nibbles((a[1] ^ b[1]) & LOW);
        if both_valid {
            return if different <= 3 { NEAR_VALID } else { DIFFER };
        }
        if different == 1 || (different == 2 && swapped(a, b)) {
            return ONE;
        }
        // Excel keeps 15 significant digits.
        let rounded = |x: [u64; 2]| x[0] & 15 == 0 && x[1] & 0xff00_0000 == 0;
        if different == 2 || (length_a == 18 && a[0] >> 4 == b[0] >> 4 && (rounded(a) || rounded(b))) {
            return TWO;
        }
        return if different > 9 { UNCLEAR } else { shifted(a, b) };
    }
    if both_valid { DIFFER } else { shifted(a, b) }
}

fn shifted(a: [u64; 2], b: [u64; 2]) -> u8 {
    let (x, y) = (id::digits(a[0], a[1]), id::digits(b[0], b[1]));
    match super::text::osa_within(x.as_slice(), y.as_slice(), 2) {
        Some(1) => ONE,
        Some(_) => TWO,
        None => UNCLEAR,
    }
}

fn swapped(a: [u64; 2], b: [u64; 2]) -> bool {
    let (x, y) = (id::digits(a[0], a[1]), id::digits(b[0], b[1]));
    let (x, y) = (x.as_slice(), y.as_slice());
    let first = x.iter().zip(y).position(|(p, q)| p != q);
    first.is_some_and(|i| i + 1 < x.len() && x[i] == y[i + 1] && x[i + 1] == y[i])
}

/// Digits that both show must agree, at least six of them.
fn masked(a: [u64; 2], b: [u64; 2]) -> u8 {
    let (x, y) = (id::digits(a[0], a[1]), id::digits(b[0], b[1]));
    if x.len != y.len {
        return 0;
    }
    let (mut agree, mut differ) = (0, 0);
    for (p, q) in x.as_slice().iter().zip(y.as_slice()) {
        if *p != HIDDEN && *q != HIDDEN {
            if p == q { agree += 1 } else { differ += 1 }
        }
    }
    match (agree, differ) {
        (..6, 0) => 0,
        (_, 0) => MASKED_ALIKE,
        (8.., 1) => TWO,
        _ => UNCLEAR,
    }
}
