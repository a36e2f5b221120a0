//! Levels of two ids. Two valid ids that differ are two numbers, never one typo: the check digit catches every single error.

use super::nibbles;
use crate::linkage::normalise::id::{self, HIDDEN, MASKED, OTHER, VALID};

const LOW: u64 = 0xffff_ffff;

/// exact; one edit with an invalid side; masked and compatible; the first 15 digits or two edits with an invalid side; differ with an
/// invalid side; both valid, up to three digits differ; both valid, differ.
pub(super) fn level(a: [u64; 2], b: [u64; 2]) -> u8 {
    if a[1] == 0 || b[1] == 0 {
        return 0;
    }
    let flags = a[1] | b[1];
    let other = (a[1] & OTHER != 0, b[1] & OTHER != 0);
    match other {
        (true, true) => return if a[0] == b[0] { 1 } else { 7 },
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
        return 1;
    }
    let both_valid = a[1] & b[1] & VALID != 0;
    if length_a == length_b {
        let different = nibbles(a[0] ^ b[0]) + nibbles((a[1] ^ b[1]) & LOW);
        if both_valid {
            return if different <= 3 { 6 } else { 7 };
        }
        if different == 1 || (different == 2 && swapped(a, b)) {
            return 2;
        }
        // Excel keeps 15 significant digits.
        let rounded = |x: [u64; 2]| x[0] & 15 == 0 && x[1] & 0xff00_0000 == 0;
        if different == 2 || (length_a == 18 && a[0] >> 4 == b[0] >> 4 && (rounded(a) || rounded(b))) {
            return 4;
        }
        return if different > 9 { 5 } else { shifted(a, b) };
    }
    if both_valid { 7 } else { shifted(a, b) }
}

fn shifted(a: [u64; 2], b: [u64; 2]) -> u8 {
    let (x, y) = (id::digits(a[0], a[1]), id::digits(b[0], b[1]));
    match super::text::osa_within(x.as_slice(), y.as_slice(), 2) {
        Some(1) => 2,
        Some(_) => 4,
        None => 5,
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
        (_, 0) => 3,
        (8.., 1) => 4,
        _ => 5,
    }
}
