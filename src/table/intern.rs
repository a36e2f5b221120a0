//! Texts to codes. While files are read, each worker numbers the texts it meets; when all are read, the texts of a key domain become one
//! sorted dictionary and the workers' numbers are translated. The result does not depend on who met what first.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashTable;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

use super::Dictionary;

/// Distinct texts, numbered in the order they came.
#[derive(Debug, Default)]
pub(super) struct Interner {
    /// Which interner of its domain this is.
    pub id: u32,
    table: HashTable<u32>,
    arena: String,
    ends: Vec<usize>,
    last: u32,
}

fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

fn slice<'a>(arena: &'a str, ends: &[usize], number: u32) -> &'a str {
    let i = number as usize;
    let start = if i == 0 { 0 } else { ends[i - 1] };
    &arena[start..ends[i]]
}

impl Interner {
    pub fn number(&mut self, text: &str) -> u32 {
        // Files are often ordered by what repeats.
        if !self.ends.is_empty() && slice(&self.arena, &self.ends, self.last) == text {
            return self.last;
        }
        let (arena, ends) = (&mut self.arena, &mut self.ends);
        let h = hash(text);
        let found = self.table.find(h, |&n| slice(arena, ends, n) == text).copied();
        self.last = found.unwrap_or_else(|| {
            let number = ends.len() as u32;
            arena.push_str(text);
            ends.push(arena.len());
            self.table.insert_unique(h, number, |&n| hash(slice(arena, ends, n)));
            number
        });
        self.last
    }
    fn len(&self) -> usize {
        self.ends.len()
    }
    fn text(&self, number: u32) -> &str {
        slice(&self.arena, &self.ends, number)
    }
}

/// The interners of all domains, lent to workers.
#[derive(Debug)]
pub(super) struct Pool {
    domains: Vec<Mutex<Lent>>,
}

#[derive(Debug, Default)]
struct Lent {
    free: Vec<Interner>,
    made: u32,
}

impl Pool {
    pub fn new(domains: usize) -> Self {
        Pool { domains: (0..domains).map(|_| Mutex::default()).collect() }
    }
    pub fn borrow(&self, domain: usize) -> Interner {
        let mut lent = self.domains[domain].lock().unwrap_or_else(PoisonError::into_inner);
        lent.free.pop().unwrap_or_else(|| {
            lent.made += 1;
            Interner { id: lent.made - 1, ..Interner::default() }
        })
    }
    pub fn give_back(&self, domain: usize, interner: Interner) {
        self.domains[domain].lock().unwrap_or_else(PoisonError::into_inner).free.push(interner);
    }
    /// The dictionaries, once all interners are back.
    pub fn finish(self) -> Vec<Domain> {
        self.domains
            .into_par_iter()
            .map(|lent| {
                let mut interners = lent.into_inner().unwrap_or_else(PoisonError::into_inner).free;
                interners.sort_by_key(|i| i.id);
                unify(&interners)
            })
            .collect()
    }
}

/// A finished domain: its dictionary, and per interner the code of each of its numbers.
#[derive(Debug)]
pub(super) struct Domain {
    pub dictionary: Arc<Dictionary>,
    pub codes: Vec<Vec<u32>>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The first 16 bytes after what all texts begin with, most significant first: settles nearly all comparisons without touching the text.
    head: [u64; 2],
    interner: u32,
    number: u32,
}

fn unify(interners: &[Interner]) -> Domain {
    let shared = shared_prefix(interners);
    let mut entries: Vec<Entry> = Vec::with_capacity(interners.iter().map(Interner::len).sum());
    for (i, interner) in interners.iter().enumerate() {
        for number in 0..interner.len() as u32 {
            let rest = &interner.text(number).as_bytes()[shared..];
            let word = |from: usize| {
                let mut bytes = [0u8; 8];
                let part = rest.get(from..).unwrap_or(&[]);
                let n = part.len().min(8);
                bytes[..n].copy_from_slice(&part[..n]);
                u64::from_be_bytes(bytes)
            };
            entries.push(Entry { head: [word(0), word(8)], interner: i as u32, number });
        }
    }
    let text = |e: &Entry| interners[e.interner as usize].text(e.number);
    entries.par_sort_unstable_by(|a, b| a.head.cmp(&b.head).then_with(|| text(a).cmp(text(b))));
    let mut codes: Vec<Vec<u32>> = interners.iter().map(|i| vec![0; i.len()]).collect();
    let mut distinct: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in &entries {
        if distinct.last().is_none_or(|last| last.head != entry.head || text(last) != text(entry)) {
            distinct.push(*entry);
        }
        codes[entry.interner as usize][entry.number as usize] = (distinct.len() - 1) as u32;
    }
    let values = distinct.par_iter().map(|e| Arc::from(text(e))).collect();
    Domain { dictionary: Arc::new(Dictionary { values }), codes }
}

/// How many bytes all texts have in common at their beginning.
fn shared_prefix(interners: &[Interner]) -> usize {
    let mut texts = interners.iter().flat_map(|i| (0..i.len() as u32).map(move |n| i.text(n).as_bytes()));
    let Some(first) = texts.next() else { return 0 };
    texts.fold(first.len(), |shared, text| first[..shared].iter().zip(text).take_while(|(a, b)| a == b).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_follow_the_texts_whoever_met_them(a in prop::collection::vec("[ab]{0,20}", 0..30), b in prop::collection::vec("x?[ab张]{0,20}", 0..30)) {
            let pool = Pool::new(1);
            let (mut left, mut right) = (pool.borrow(0), pool.borrow(0));
            let numbers: Vec<Vec<u32>> = vec![a.iter().map(|t| left.number(t)).collect(), b.iter().map(|t| right.number(t)).collect()];
            pool.give_back(0, right);
            pool.give_back(0, left);
            let domain = pool.finish().remove(0);
            let mut sorted: Vec<String> = a.iter().chain(&b).cloned().collect();
            sorted.sort();
            sorted.dedup();
            prop_assert_eq!(domain.dictionary.values.iter().map(|v| v.to_string()).collect::<Vec<_>>(), sorted);
            for (i, texts) in [&a, &b].into_iter().enumerate() {
                for (text, number) in texts.iter().zip(&numbers[i]) {
                    prop_assert_eq!(&*domain.dictionary.values[domain.codes[i][*number as usize] as usize], text.as_str());
                }
            }
        }
    }
}
