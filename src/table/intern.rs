//! Texts to codes. While files are read, each worker numbers the texts it meets; when all are read, the texts of a key domain become one
//! sorted dictionary and the workers' numbers are translated. The result does not depend on who met what first.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashTable;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

use super::Dictionary;

/// Texts, numbered in the order they came; as a rule each once.
#[derive(Debug, Default)]
pub(super) struct Interner {
    /// Names it within its domain.
    pub id: u32,
    table: HashTable<Slot>,
    arena: String,
    ends: Vec<usize>,
    last: Option<Slot>,
    looked_up: usize,
    /// Nearly every text is new: looking for it costs more than sorting it twice, so the table is given up.
    plain: bool,
}

/// After so many look-ups it is decided, once, whether looking pays.
const TRIAL: usize = 1 << 15;

/// A text in the table. Most texts are short: they are compared here, without a further step through memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    /// The first 16 bytes, the rest zero.
    head: [u64; 2],
    len: u32,
    number: u32,
}

const HEAD: usize = 16;

fn head(bytes: &[u8]) -> [u64; 2] {
    let mut buffer = [0u8; HEAD];
    let n = bytes.len().min(HEAD);
    buffer[..n].copy_from_slice(&bytes[..n]);
    let [a, b, c, d, e, f, g, h, tail @ ..] = buffer;
    [u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(tail)]
}

fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd6e8_feb8_6659_fd93);
    product as u64 ^ (product >> 64) as u64
}

/// Of a text with this head and length; `rest` is what follows the head.
fn hash(head: [u64; 2], len: u32, rest: &[u8]) -> u64 {
    let short = mix(mix(head[0], head[1]), u64::from(len));
    if rest.is_empty() { short } else { mix(short, FxBuildHasher.hash_one(rest)) }
}

fn slice<'a>(arena: &'a str, ends: &[usize], number: u32) -> &'a str {
    let i = number as usize;
    let start = if i == 0 { 0 } else { ends[i - 1] };
    &arena[start..ends[i]]
}

impl Interner {
    pub fn number(&mut self, text: &str) -> u32 {
        let bytes = text.as_bytes();
        let (head, len, rest) = (head(bytes), bytes.len() as u32, bytes.get(HEAD..).unwrap_or(&[]));
        let (arena, ends) = (&mut self.arena, &mut self.ends);
        let is_it = |slot: &Slot, arena: &str, ends: &[usize]| {
            slot.head == head && slot.len == len && (rest.is_empty() || &slice(arena, ends, slot.number).as_bytes()[HEAD..] == rest)
        };
        // Files are often ordered by what repeats.
        if let Some(last) = self.last
            && is_it(&last, arena, ends)
        {
            return last.number;
        }
        if self.plain {
            let slot = Slot { head, len, number: ends.len() as u32 };
            arena.push_str(text);
            ends.push(arena.len());
            self.last = Some(slot);
            return slot.number;
        }
        let h = hash(head, len, rest);
        let found = self.table.find(h, |slot| is_it(slot, arena, ends)).copied();
        let slot = found.unwrap_or_else(|| {
            let slot = Slot { head, len, number: ends.len() as u32 };
            arena.push_str(text);
            ends.push(arena.len());
            self.table.insert_unique(h, slot, |s| {
                let rest = if s.len as usize > HEAD { &slice(arena, ends, s.number).as_bytes()[HEAD..] } else { &[] };
                hash(s.head, s.len, rest)
            });
            slot
        });
        self.last = Some(slot);
        self.looked_up += 1;
        if self.looked_up == TRIAL && self.ends.len() > TRIAL / 2 {
            self.plain = true;
            self.table = HashTable::new();
        }
        slot.number
    }
    /// Takes a text without looking whether it is there; its number is the count of texts before it.
    pub fn append(&mut self, text: &str) {
        self.arena.push_str(text);
        self.ends.push(self.arena.len());
    }
    fn len(&self) -> usize {
        self.ends.len()
    }
    /// Bytes it holds.
    fn bytes(&self) -> usize {
        self.arena.capacity() + self.ends.capacity() * size_of::<usize>() + self.table.capacity() * (size_of::<Slot>() + 1)
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
    /// Full ones, that are not lent again.
    put_by: Vec<Interner>,
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
    /// An interner of its own, to be filled and put by.
    pub fn fresh(&self, domain: usize) -> Interner {
        let mut lent = self.domains[domain].lock().unwrap_or_else(PoisonError::into_inner);
        lent.made += 1;
        Interner { id: lent.made - 1, ..Interner::default() }
    }
    pub fn put_by(&self, domain: usize, interner: Interner) {
        self.domains[domain].lock().unwrap_or_else(PoisonError::into_inner).put_by.push(interner);
    }
    pub fn give_back(&self, domain: usize, interner: Interner) {
        self.domains[domain].lock().unwrap_or_else(PoisonError::into_inner).free.push(interner);
    }
    pub fn domains(&self) -> usize {
        self.domains.len()
    }
    /// The dictionaries, once all interners are back.
    pub fn finish(self) -> Vec<Domain> {
        let domains: Vec<usize> = (0..self.domains.len()).collect();
        domains.into_par_iter().map(|domain| unify(&self.take(domain)).into_domain()).collect()
    }
    /// The interners of a domain, by id, once all are back; from now on it has none.
    pub fn take(&self, domain: usize) -> Vec<Interner> {
        let lent = std::mem::take(&mut *self.domains[domain].lock().unwrap_or_else(PoisonError::into_inner));
        let mut interners = lent.free;
        interners.extend(lent.put_by);
        interners.sort_by_key(|i| i.id);
        interners
    }
    /// Bytes of the texts that were met, and of the largest domain's order while it is made.
    pub fn bytes(&self) -> usize {
        let mut largest = 0;
        let all = self.domains.iter().map(|lent| {
            let lent = lent.lock().unwrap_or_else(PoisonError::into_inner);
            let interners = || lent.free.iter().chain(&lent.put_by);
            largest = largest.max(interners().map(Interner::len).sum::<usize>() * (2 * size_of::<Entry>() + size_of::<u32>()));
            interners().map(Interner::bytes).sum::<usize>()
        });
        all.sum::<usize>() + largest
    }
}

/// A finished domain: its dictionary, and per interner (by id) the code of each of its numbers.
#[derive(Debug)]
pub(super) struct Domain {
    pub dictionary: Arc<Dictionary>,
    pub codes: Vec<Vec<u32>>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The first 16 bytes after what all texts begin with, most significant first, and how many bytes there are after that:
    /// settles nearly all comparisons without touching the text.
    head: [u64; 2],
    rest: u32,
    interner: u32,
    number: u32,
}

/// The texts of a domain in order.
pub(super) struct Unified<'i> {
    interners: &'i [Interner],
    /// What all texts begin with.
    prefix: &'i [u8],
    distinct: Vec<Entry>,
    /// Per interner (by id) the code of each of its numbers.
    pub codes: Vec<Vec<u32>>,
}

pub(super) fn unify(interners: &[Interner]) -> Unified<'_> {
    let shared = shared_prefix(interners);
    let prefix = interners.iter().find(|i| i.len() > 0).map_or(&[][..], |i| &i.text(0).as_bytes()[..shared]);
    let mut entries: Vec<Entry> = Vec::with_capacity(interners.iter().map(Interner::len).sum());
    for (i, interner) in interners.iter().enumerate() {
        for number in 0..interner.len() as u32 {
            let rest = &interner.text(number).as_bytes()[shared..];
            entries.push(Entry { head: head(rest).map(u64::swap_bytes), rest: rest.len() as u32, interner: i as u32, number });
        }
    }
    let text = |e: &Entry| interners[e.interner as usize].text(e.number);
    // Of two texts that agree in their heads and end there, the shorter comes first (it can only be followed by zero bytes).
    let compare = |a: &Entry, b: &Entry| {
        a.head.cmp(&b.head).then_with(|| if a.rest.max(b.rest) as usize <= HEAD { a.rest.cmp(&b.rest) } else { text(a).cmp(text(b)) })
    };
    // Texts from a store come sorted: their runs are merged.
    entries.par_sort_by(compare);
    // By id: an interner that was lost with a failed read leaves a gap.
    let ids = interners.iter().map(|i| i.id as usize + 1).max().unwrap_or(0);
    let mut codes = vec![vec![]; ids];
    for interner in interners {
        codes[interner.id as usize] = vec![0; interner.len()];
    }
    // In place: as many at most as have been looked at.
    let mut distinct = 0;
    for i in 0..entries.len() {
        let entry = entries[i];
        if distinct == 0 || compare(&entries[distinct - 1], &entry).is_ne() {
            entries[distinct] = entry;
            distinct += 1;
        }
        codes[interners[entry.interner as usize].id as usize][entry.number as usize] = (distinct - 1) as u32;
    }
    entries.truncate(distinct);
    Unified { interners, prefix, distinct: entries, codes }
}

impl Unified<'_> {
    pub fn len(&self) -> usize {
        self.distinct.len()
    }
    /// Hands the bytes of a text over.
    pub fn text<T>(&self, code: usize, take: impl FnOnce(&[u8]) -> T) -> T {
        let e = &self.distinct[code];
        if e.rest as usize > HEAD || self.prefix.len() > 32 {
            return take(self.interners[e.interner as usize].text(e.number).as_bytes());
        }
        // The same bytes as the text, without a step to where it lies.
        let mut bytes = [0u8; 32 + HEAD];
        let (shared, rest) = (self.prefix.len(), e.rest as usize);
        bytes[..shared].copy_from_slice(self.prefix);
        let [a, b] = e.head.map(u64::to_be_bytes);
        bytes[shared..shared + 8].copy_from_slice(&a);
        bytes[shared + 8..shared + HEAD].copy_from_slice(&b);
        take(&bytes[..shared + rest])
    }
    fn into_domain(self) -> Domain {
        let value = |code: usize| -> Arc<str> { self.text(code, |bytes| Arc::from(std::str::from_utf8(bytes).unwrap_or_default())) };
        let values = (0..self.len()).into_par_iter().with_min_len(1024).map(value).collect();
        Domain { dictionary: Arc::new(Dictionary::new(values)), codes: self.codes }
    }
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

    #[test]
    fn texts_that_hardly_repeat_are_not_looked_for() {
        let texts: Vec<String> = (0..TRIAL * 2).map(|i| format!("payment number {:07}", i * 7919 % (TRIAL + TRIAL / 2))).collect();
        let pool = Pool::new(1);
        let mut interner = pool.borrow(0);
        let numbers: Vec<u32> = texts.iter().map(|t| interner.number(t)).collect();
        assert!(interner.plain);
        pool.give_back(0, interner);
        let domain = pool.finish().remove(0);
        assert_eq!(domain.dictionary.len(), TRIAL + TRIAL / 2);
        assert!(domain.dictionary.values.is_sorted());
        for (text, number) in texts.iter().zip(numbers) {
            assert_eq!(&*domain.dictionary.values[domain.codes[0][number as usize] as usize], text.as_str());
        }
    }

    proptest! {
        #[test]
        fn codes_follow_the_texts_whoever_met_them(a in prop::collection::vec("[ab\\x00]{0,20}", 0..30), b in prop::collection::vec("x?[ab张]{0,20}", 0..30)) {
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
