//! From delivered text to words that are compared. Every normaliser is a pure function of one cell.

pub mod chars;
pub mod date;
pub mod digits;
pub mod id;
pub mod lunar;
pub mod name;

/// FNV-1a with a final mix: fixed for all machines and versions, since it decides keys and the canonical order.
pub fn hash(bytes: &[u8]) -> u64 {
    hash_of(bytes.iter().copied())
}

/// The same of bytes that stand nowhere.
pub fn hash_of(bytes: impl Iterator<Item = u8>) -> u64 {
    mix(bytes.fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)))
}

/// SplitMix64's finaliser.
pub fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Two hashes in one; order matters.
pub fn combine(a: u64, b: u64) -> u64 {
    mix(a.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(b))
}
