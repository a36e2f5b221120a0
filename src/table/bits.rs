//! A packed vector of bits: validity, rejected cells, truth values.

/// `len` bits in 64-bit words, bit `i` in word `i / 64`. Bits past `len` in the last word are zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    pub fn new(len: usize, value: bool) -> Self {
        let mut bits = Bits { words: vec![if value { u64::MAX } else { 0 }; len.div_ceil(64)], len };
        bits.clear_tail();
        bits
    }
    pub fn from_words(words: Vec<u64>, len: usize) -> Self {
        debug_assert_eq!(words.len(), len.div_ceil(64));
        let mut bits = Bits { words, len };
        bits.clear_tail();
        bits
    }
    /// Bit `i` of the result is `f(i)`.
    pub fn from_fn(len: usize, mut f: impl FnMut(usize) -> bool) -> Self {
        let mut words = Vec::with_capacity(len.div_ceil(64));
        let mut start = 0;
        while start < len {
            let n = (len - start).min(64);
            let mut word = 0u64;
            for j in 0..n {
                word |= u64::from(f(start + j)) << j;
            }
            words.push(word);
            start += 64;
        }
        Bits { words, len }
    }
    fn clear_tail(&mut self) {
        if self.len % 64 != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1u64 << (self.len % 64)) - 1;
        }
    }
    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    pub fn words(&self) -> &[u64] {
        &self.words
    }
    #[inline]
    pub fn get(&self, i: usize) -> bool {
        self.words[i / 64] >> (i % 64) & 1 == 1
    }
    #[inline]
    pub fn set(&mut self, i: usize, value: bool) {
        let mask = 1u64 << (i % 64);
        if value {
            self.words[i / 64] |= mask;
        } else {
            self.words[i / 64] &= !mask;
        }
    }
    pub fn push(&mut self, value: bool) {
        if self.len % 64 == 0 {
            self.words.push(0);
        }
        self.len += 1;
        self.set(self.len - 1, value);
    }
    /// `other` behind the last bit.
    pub fn append(&mut self, other: &Bits) {
        let shift = self.len % 64;
        if shift == 0 {
            self.words.extend_from_slice(&other.words);
        } else {
            for &word in &other.words {
                if let Some(last) = self.words.last_mut() {
                    *last |= word << shift;
                }
                self.words.push(word >> (64 - shift));
            }
        }
        self.len += other.len;
        self.words.truncate(self.len.div_ceil(64));
    }
    pub fn count_ones(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }
    pub fn any(&self) -> bool {
        self.words.iter().any(|&w| w != 0)
    }
    pub fn all(&self) -> bool {
        self.count_ones() == self.len
    }
    /// Bits `start..start + len` as their own vector.
    pub fn slice(&self, start: usize, len: usize) -> Bits {
        let shift = start % 64;
        let first = start / 64;
        let n = len.div_ceil(64);
        let word = |i: usize| self.words.get(i).copied().unwrap_or(0);
        let words = if shift == 0 {
            (0..n).map(|i| word(first + i)).collect()
        } else {
            (0..n).map(|i| word(first + i) >> shift | word(first + i + 1) << (64 - shift)).collect()
        };
        Bits::from_words(words, len)
    }
    /// `f` word by word over `self` and `other`, which are of one length.
    #[must_use]
    pub fn zip(&self, other: &Bits, f: impl Fn(u64, u64) -> u64) -> Bits {
        debug_assert_eq!(self.len, other.len);
        Bits::from_words(self.words.iter().zip(&other.words).map(|(&a, &b)| f(a, b)).collect(), self.len)
    }
    #[must_use]
    pub fn and(&self, other: &Bits) -> Bits {
        self.zip(other, |a, b| a & b)
    }
    #[must_use]
    pub fn or(&self, other: &Bits) -> Bits {
        self.zip(other, |a, b| a | b)
    }
    #[must_use]
    pub fn not(&self) -> Bits {
        Bits::from_words(self.words.iter().map(|w| !w).collect(), self.len)
    }
    /// Positions of the set bits, ascending.
    pub fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let j = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    i * 64 + j
                })
            })
        })
    }
}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(iter: I) -> Self {
        let mut bits = Bits::default();
        for value in iter {
            bits.push(value);
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_vector_of_bools(values in prop::collection::vec(any::<bool>(), 0..300), start in 0usize..300, len in 0usize..300) {
            let bits: Bits = values.iter().copied().collect();
            prop_assert_eq!(bits.len(), values.len());
            prop_assert_eq!(&bits, &Bits::from_fn(values.len(), |i| values[i]));
            prop_assert_eq!(bits.ones().collect::<Vec<_>>(), (0..values.len()).filter(|&i| values[i]).collect::<Vec<_>>());
            prop_assert_eq!(bits.not().count_ones(), values.iter().filter(|v| !**v).count());
            let mut twice = bits.clone();
            twice.append(&bits);
            prop_assert_eq!(twice, values.iter().chain(&values).copied().collect::<Bits>());
            let start = start.min(values.len());
            let len = len.min(values.len() - start);
            prop_assert_eq!(bits.slice(start, len), values[start..start + len].iter().copied().collect::<Bits>());
        }
    }
}
