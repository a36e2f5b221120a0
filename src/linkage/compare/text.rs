//! Edit distance and Jaro-Winkler on symbols, with cheap ways out first.

use crate::linkage::dictionary::Dictionary;

/// exact; one edit; close (Jaro-Winkler .92); near (Jaro-Winkler .85, or half of the words in common); differ.
pub(super) fn level(dictionary: &Dictionary, x: u32, y: u32) -> u8 {
    if x == y {
        return 1;
    }
    let (a, b) = (dictionary.entry(x), dictionary.entry(y));
    let (x, y) = (dictionary.symbols(a), dictionary.symbols(b));
    if x.len().abs_diff(y.len()) <= 1 && x.len().min(y.len()) >= 2 && osa_within(x, y, 1).is_some() {
        return 2;
    }
    let closeness = jaro_winkler(x, y);
    if closeness >= 0.92 {
        return 3;
    }
    if closeness >= 0.85 || words_in_common(x, y) { 4 } else { 5 }
}

/// At least two words on each side, and at least half of all different words on both.
fn words_in_common(x: &[u16], y: &[u16]) -> bool {
    let space = u16::from(b' ');
    let count = |s: &[u16]| s.split(|c| *c == space).count();
    let (nx, ny) = (count(x), count(y));
    if nx < 2 || ny < 2 || nx > 32 || ny > 32 {
        return false;
    }
    let common = x.split(|c| *c == space).filter(|w| y.split(|c| *c == space).any(|v| v == *w)).count();
    common * 2 >= nx + ny - common
}

/// Optimal string alignment distance (edits and swaps of neighbours), if it is at most `most`.
pub fn osa_within<T: Copy + Eq>(x: &[T], y: &[T], most: usize) -> Option<usize> {
    if x.len().abs_diff(y.len()) > most {
        return None;
    }
    let prefix = x.iter().zip(y).take_while(|(a, b)| a == b).count();
    let (x, y) = (&x[prefix..], &y[prefix..]);
    let suffix = x.iter().rev().zip(y.iter().rev()).take_while(|(a, b)| a == b).count();
    let (x, y) = (&x[..x.len() - suffix], &y[..y.len() - suffix]);
    if x.is_empty() || y.is_empty() {
        return Some(x.len().max(y.len()));
    }
    if most == 0 {
        return None;
    }
    if most == 1 {
        let one = x.len() == 1 && y.len() == 1;
        let swap = x.len() == 2 && y.len() == 2 && x[0] == y[1] && x[1] == y[0];
        return (one || swap).then_some(1);
    }
    let distance = if x.len() <= 64 { osa_bits(x, y) } else { osa_table(x, y) };
    (distance <= most).then_some(distance)
}

/// Bit-parallel (Hyyro 2003, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances"); `x` up to 64 symbols.
fn osa_bits<T: Copy + Eq>(x: &[T], y: &[T]) -> usize {
    let last = 1u64 << (x.len() - 1);
    let (mut vp, mut vn, mut d0, mut before) = (u64::MAX, 0u64, 0u64, 0u64);
    let mut distance = x.len();
    for c in y {
        let mut matches = 0u64;
        for (i, s) in x.iter().enumerate() {
            matches |= u64::from(s == c) << i;
        }
        let swap = ((!d0 & matches) << 1) & before;
        d0 = ((matches & vp).wrapping_add(vp) ^ vp) | matches | vn | swap;
        let hp = vn | !(d0 | vp);
        let hn = d0 & vp;
        distance += usize::from(hp & last != 0);
        distance -= usize::from(hn & last != 0);
        let hp = hp << 1 | 1;
        vp = hn << 1 | !(d0 | hp);
        vn = hp & d0;
        before = matches;
    }
    distance
}

fn osa_table<T: Copy + Eq>(x: &[T], y: &[T]) -> usize {
    let mut two: Vec<usize> = vec![0; y.len() + 1];
    let mut one: Vec<usize> = (0..=y.len()).collect();
    for i in 1..=x.len() {
        let mut row = vec![i; y.len() + 1];
        for j in 1..=y.len() {
            row[j] = (one[j] + 1).min(row[j - 1] + 1).min(one[j - 1] + usize::from(x[i - 1] != y[j - 1]));
            if i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1] {
                row[j] = row[j].min(two[j - 2] + 1);
            }
        }
        two = std::mem::replace(&mut one, row);
    }
    one[y.len()]
}

/// Jaro-Winkler similarity (prefix up to four symbols, scale .1, from a Jaro similarity of .7 up), 0 to 1.
pub fn jaro_winkler<T: Copy + Eq>(x: &[T], y: &[T]) -> f64 {
    let jaro = if x.len() <= 64 && y.len() <= 64 { jaro_bits(x, y) } else { jaro_long(x, y) };
    if jaro <= 0.7 {
        return jaro;
    }
    let prefix = x.iter().zip(y).take(4).take_while(|(a, b)| a == b).count();
    (jaro + 0.1 * prefix as f64 * (1.0 - jaro)).min(1.0)
}

fn jaro_of(matches: usize, swaps: usize, x: usize, y: usize) -> f64 {
    if matches == 0 {
        return 0.0;
    }
    let m = matches as f64;
    (m / x as f64 + m / y as f64 + (m - (swaps / 2) as f64) / m) / 3.0
}

fn jaro_bits<T: Copy + Eq>(x: &[T], y: &[T]) -> f64 {
    if x.is_empty() || y.is_empty() {
        return if x.is_empty() && y.is_empty() { 1.0 } else { 0.0 };
    }
    let window = (x.len().max(y.len()) / 2).saturating_sub(1);
    let (mut taken_x, mut taken_y) = (0u64, 0u64);
    for (i, a) in x.iter().enumerate() {
        let from = i.saturating_sub(window);
        let to = (i + window + 1).min(y.len());
        for (j, b) in y.iter().enumerate().take(to).skip(from) {
            if a == b && taken_y >> j & 1 == 0 {
                taken_x |= 1 << i;
                taken_y |= 1 << j;
                break;
            }
        }
    }
    let matches = taken_x.count_ones() as usize;
    let (mut rest_x, mut rest_y, mut swaps) = (taken_x, taken_y, 0);
    while rest_x != 0 {
        swaps += usize::from(x[rest_x.trailing_zeros() as usize] != y[rest_y.trailing_zeros() as usize]);
        rest_x &= rest_x - 1;
        rest_y &= rest_y - 1;
    }
    jaro_of(matches, swaps, x.len(), y.len())
}

fn jaro_long<T: Copy + Eq>(x: &[T], y: &[T]) -> f64 {
    let window = (x.len().max(y.len()) / 2).saturating_sub(1);
    let mut taken = vec![false; y.len()];
    let mut found = Vec::new();
    for (i, a) in x.iter().enumerate() {
        let range = i.saturating_sub(window)..(i + window + 1).min(y.len());
        if let Some(j) = range.into_iter().find(|j| !taken[*j] && y[*j] == *a) {
            taken[j] = true;
            found.push(*a);
        }
    }
    let other = y.iter().zip(&taken).filter(|(_, t)| **t).map(|(c, _)| c);
    let swaps = found.iter().zip(other).filter(|(a, b)| a != b).count();
    jaro_of(found.len(), swaps, x.len(), y.len())
}
