//! Texts of a block that differ by a few edits, directly or through others.

use std::hash::Hasher;

use rayon::prelude::*;

use super::near::labelled;
use super::union::Union;
use super::{Item, by_block};

/// A row with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Similar<'t> {
    pub block: u32,
    pub text: &'t str,
    pub row: u32,
}

impl Item for Similar<'_> {
    fn block(&self) -> u32 {
        self.block
    }
}

/// Shortened texts that are held at once: about 128 MB.
const AT_ONCE: usize = 1 << 23;

/// Each row with the smallest row of its group. Two rows of a block are tied when at most `edits` characters (at least 1) must be put in, left out,
/// replaced or swapped with their neighbour to make one text of the other (Damerau-Levenshtein).
///
/// Texts at most `edits` apart have a shortened text in common, from which at most so many characters are left out of each: such texts are sorted and
/// only those that meet are compared (Mor and Fraenkel 1982). Blocks in which that costs more than comparing all pairs are compared pair by pair.
pub fn similar(mut items: Vec<Similar<'_>>, edits: usize) -> Vec<(u32, u32)> {
    items.par_sort_unstable();
    by_block(&items, |block| {
        let mut sets = Union::new(block.len());
        // Equal texts stand side by side; one of each is compared.
        let mut distinct: Vec<(u32, Vec<char>)> = vec![];
        for (i, item) in (0u32..).zip(block.iter()) {
            match i.checked_sub(1).filter(|&before| block[before as usize].text == item.text) {
                Some(before) => sets.join(before, i),
                None => distinct.push((i, item.text.chars().collect())),
            }
        }
        let shortened: usize = distinct.iter().map(|(_, text)| variants(text.len(), edits)).fold(0, usize::saturating_add);
        // A comparison looks at about half as many cells as there are pairs of characters; a shortened text is read once per character.
        let pairs = distinct.len().saturating_mul(distinct.len()) / 2;
        let longest = distinct.iter().map(|(_, text)| text.len()).max().unwrap_or(0);
        if pairs.saturating_mul(longest) <= shortened.saturating_mul(2) {
            for (i, a) in distinct.iter().enumerate() {
                distinct[i + 1..].iter().for_each(|b| compare(a, b, edits, &mut sets));
            }
        } else {
            meet(&distinct, edits, shortened.div_ceil(AT_ONCE), &mut sets);
        }
        labelled(block, sets, |item| item.row)
    })
}

/// How many texts arise from leaving out at most `edits` of `length` characters, some of them alike.
fn variants(length: usize, edits: usize) -> usize {
    let mut all = 1usize;
    let mut choose = 1usize;
    for k in 1..=edits.min(length) {
        choose = choose.saturating_mul(length + 1 - k) / k;
        all = all.saturating_add(choose);
    }
    all
}

fn compare(a: &(u32, Vec<char>), b: &(u32, Vec<char>), edits: usize, sets: &mut Union) {
    if a.1.len().abs_diff(b.1.len()) <= edits && sets.find(a.0) != sets.find(b.0) && within(&a.1, &b.1, edits) {
        sets.join(a.0, b.0);
    }
}

/// The distance is that of the function `edits(a, b)`.
fn within(a: &[char], b: &[char], edits: usize) -> bool {
    strsim::generic_damerau_levenshtein(a, b) <= edits
}

/// Compares texts that have a shortened text in common, in `passes` passes over parts of the hashes.
pub(super) fn meet(distinct: &[(u32, Vec<char>)], edits: usize, passes: usize, sets: &mut Union) {
    let passes = passes.max(1) as u64;
    let mut shortened: Vec<(u64, u32)> = vec![];
    for pass in 0..passes {
        shortened.clear();
        for (at, (_, text)) in (0u32..).zip(distinct) {
            let mut kept = text.clone();
            leave_out(&mut kept, 0, edits, &mut |hash| {
                if hash % passes == pass {
                    shortened.push((hash, at));
                }
            });
        }
        shortened.sort_unstable();
        shortened.dedup();
        for run in shortened.chunk_by(|a, b| a.0 == b.0) {
            for (i, &(_, a)) in run.iter().enumerate() {
                run[i + 1..].iter().for_each(|&(_, b)| compare(&distinct[a as usize], &distinct[b as usize], edits, sets));
            }
        }
    }
}

/// Hashes of `text` and of what is left of it without up to `edits` of its characters from `from` on.
fn leave_out(text: &mut Vec<char>, from: usize, edits: usize, found: &mut dyn FnMut(u64)) {
    let mut hasher = rustc_hash::FxHasher::default();
    text.iter().for_each(|c| hasher.write_u32(*c as u32));
    found(hasher.finish());
    if edits == 0 {
        return;
    }
    for at in from..text.len() {
        let c = text.remove(at);
        leave_out(text, at, edits - 1, found);
        text.insert(at, c);
    }
}
