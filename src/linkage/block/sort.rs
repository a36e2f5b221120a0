//! Sorted keys, and the blocks they make.

const DIGIT: u32 = 11;
const BUCKETS: usize = 1 << DIGIT;
/// The three digits of a key of 32 bits.
const DIGITS: [u32; 3] = [0, DIGIT, 2 * DIGIT];

/// Sorts columns of keys, one after the other in the same memory.
#[derive(Default)]
pub(super) struct Sorter {
    from: Vec<u64>,
    to: Vec<u64>,
}

impl Sorter {
    /// (key << 32 | record) for all keys but 0, sorted by key, then record: a radix sort on the key alone, since records come in order.
    pub fn by_key(&mut self, column: &[u32]) -> &[u64] {
        let keyed = || (0u64..).zip(column).filter(|(_, key)| **key != 0);
        let word = |(record, key): (u64, &u32)| u64::from(*key) << 32 | record;
        if column.len() < 4096 {
            self.from.clear();
            self.from.extend(keyed().map(word));
            self.from.sort_unstable();
            return &self.from;
        }
        let mut starts = [[0usize; BUCKETS]; DIGITS.len()];
        for (_, key) in keyed() {
            for (starts, shift) in starts.iter_mut().zip(DIGITS) {
                starts[(key >> shift) as usize & (BUCKETS - 1)] += 1;
            }
        }
        let mut n = 0;
        for starts in &mut starts {
            n = 0;
            for start in starts {
                n += std::mem::replace(start, n);
            }
        }
        for memory in [&mut self.from, &mut self.to] {
            memory.resize(n.max(memory.len()), 0);
        }
        let mut put = |to: &mut [u64], word: u64, digit: usize| {
            let start = &mut starts[digit][(word >> (32 + DIGITS[digit])) as usize & (BUCKETS - 1)];
            to[*start] = word;
            *start += 1;
        };
        keyed().map(word).for_each(|word| put(&mut self.from, word, 0));
        self.from[..n].iter().for_each(|word| put(&mut self.to, *word, 1));
        self.to[..n].iter().for_each(|word| put(&mut self.from, *word, 2));
        &self.from[..n]
    }
}

/// Slices of equal keys.
pub(super) fn runs(sorted: &[u64]) -> impl Iterator<Item = &[u64]> {
    sorted.chunk_by(|x, y| x >> 32 == y >> 32)
}

/// How many blocks there are of each size, ascending.
pub(super) fn sizes(sorted: &[u64]) -> Vec<(u32, u64)> {
    const SMALL: usize = 256;
    let mut small = [0u64; SMALL];
    let mut large: Vec<u32> = Vec::new();
    for run in runs(sorted) {
        match small.get_mut(run.len()) {
            Some(count) => *count += 1,
            None => large.push(run.len() as u32),
        }
    }
    large.sort_unstable();
    let small = (0..).zip(small).filter(|(_, count)| *count > 0);
    small.chain(large.chunk_by(|x, y| x == y).map(|run| (run[0], run.len() as u64))).collect()
}

/// Records of one rule's blocks of two and more, block after block; ascending within each.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    records: Vec<u32>,
    ends: Vec<u32>,
}

impl Blocks {
    pub(super) fn of(sorted: &[u64]) -> Blocks {
        let mut blocks = Blocks::default();
        for run in runs(sorted).filter(|run| run.len() > 1) {
            blocks.records.extend(run.iter().map(|word| *word as u32));
            blocks.ends.push(blocks.records.len() as u32);
        }
        blocks.records.shrink_to_fit();
        blocks.ends.shrink_to_fit();
        blocks
    }

    /// One block of all records.
    pub(super) fn of_all(records: u32) -> Blocks {
        Blocks { records: (0..records).collect(), ends: if records > 1 { vec![records] } else { vec![] } }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Records of the blocks `from` to `to`, the last left out.
    pub fn between(&self, from: usize, to: usize) -> &[u32] {
        let end = |block: usize| block.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.records[end(from)..end(to)]
    }

    pub fn get(&self, block: usize) -> &[u32] {
        self.between(block, block + 1)
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.len()).map(|block| self.get(block))
    }
}
