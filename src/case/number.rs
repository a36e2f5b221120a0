//! Short case numbers: a keyed hash of the subject, so that they stay the same from run to run and tell nothing by themselves.

use std::collections::BTreeMap;

use crate::finding::Subject;
use crate::schema;

/// Crockford's alphabet: no letter that looks like a digit or another letter when read out.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SHORTEST: usize = 8;
const LONGEST: usize = 48;

fn digits(subject: &Subject, key: &[u8; 32]) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"case number\0");
    hasher.update(subject.entity.as_bytes());
    hasher.update(b"\0");
    hasher.update(schema::format(&subject.value).as_bytes());
    hasher
        .finalize()
        .as_bytes()
        .iter()
        .flat_map(|b| [b >> 4 & 0x0f, b & 0x0f])
        .collect::<Vec<u8>>()
        .chunks(5)
        .flat_map(five_nibbles)
        .collect()
}

/// Twenty bits as four base-32 digits.
fn five_nibbles(nibbles: &[u8]) -> [u8; 4] {
    let bits = nibbles.iter().fold(0u32, |bits, &n| bits << 4 | u32::from(n));
    [15, 10, 5, 0].map(|shift| ALPHABET[(bits >> shift & 31) as usize])
}

fn text(digits: &[u8], length: usize) -> String {
    let groups: Vec<&str> = digits[..length.min(digits.len())].chunks(4).filter_map(|c| std::str::from_utf8(c).ok()).collect();
    groups.join("-")
}

/// The number of each subject, in the order given. Subjects are distinct. Where two would share a number both get a longer one.
pub fn numbers(subjects: &[&Subject], key: &[u8; 32]) -> Vec<String> {
    let all: Vec<Vec<u8>> = subjects.iter().map(|s| digits(s, key)).collect();
    let mut length = vec![SHORTEST; all.len()];
    loop {
        let mut taken: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (i, d) in all.iter().enumerate() {
            taken.entry(&d[..length[i].min(d.len())]).or_default().push(i);
        }
        let mut clash = false;
        for same in taken.values().filter(|same| same.len() > 1) {
            for &i in same {
                if length[i] < LONGEST {
                    length[i] += 4;
                    clash = true;
                }
            }
        }
        if !clash {
            return all.iter().zip(&length).map(|(d, &l)| text(d, l)).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{TextKind, Value};

    fn household(id: &str) -> Subject {
        Subject { entity: "household".into(), value: Value::Text(id.into(), TextKind::Plain) }
    }

    #[test]
    fn stable_short_and_keyed() {
        let (a, b) = (household("H1"), household("H2"));
        let one = numbers(&[&a, &b], &[1; 32]);
        assert_eq!(one, numbers(&[&b, &a], &[1; 32]).into_iter().rev().collect::<Vec<_>>());
        assert_ne!(one, numbers(&[&a, &b], &[2; 32]));
        assert!(one.iter().all(|n| n.len() == 9 && n.as_bytes()[4] == b'-'), "{one:?}");
        assert_ne!(one[0], numbers(&[&Subject { entity: "account".into(), value: a.value.clone() }], &[1; 32])[0]);
    }

    #[test]
    fn two_subjects_never_share_a_number() {
        let subjects: Vec<Subject> = (0..20_000).map(|i| household(&i.to_string())).collect();
        let mut all = numbers(&subjects.iter().collect::<Vec<_>>(), &[7; 32]);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 20_000);
    }
}
