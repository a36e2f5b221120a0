//! Sorted keys.

const DIGIT: u32 = 11;
const BUCKETS: usize = 1 << DIGIT;

/// (key << 32 | record) for all keys but 0, sorted by key, then record: a radix sort on the key's half alone, since records come in order.
pub(super) fn by_key(column: &[u32]) -> Vec<u64> {
    let mut from: Vec<u64> =
        column.iter().enumerate().filter(|(_, key)| **key != 0).map(|(record, key)| u64::from(*key) << 32 | record as u64).collect();
    if from.len() < 4096 {
        from.sort_unstable();
        return from;
    }
    let mut to = vec![0u64; from.len()];
    for shift in [32, 32 + DIGIT, 32 + 2 * DIGIT] {
        let mut starts = [0usize; BUCKETS];
        for word in &from {
            starts[(word >> shift) as usize & (BUCKETS - 1)] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        for word in &from {
            let start = &mut starts[(word >> shift) as usize & (BUCKETS - 1)];
            to[*start] = *word;
            *start += 1;
        }
        std::mem::swap(&mut from, &mut to);
    }
    from
}

/// Slices of equal keys.
pub(crate) fn runs(sorted: &[u64]) -> impl Iterator<Item = &[u64]> {
    sorted.chunk_by(|x, y| x >> 32 == y >> 32)
}
