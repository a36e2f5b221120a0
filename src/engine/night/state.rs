//! What a run leaves to the next: one file of the store, written whole; a file that was cut short or changed is as good as none.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::population::RegionCount;
use crate::finding::{Finding, Outcome, brought};
use crate::table;

const NAME: &str = "night.bin";
/// Raised whenever what a night leaves, or what is taken over from it, changes.
const FORMAT: [u8; 8] = *b"night\0\0\x03";
const HASH: usize = 32;

/// What a run leaves to the next.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Night {
    /// What everything follows from: program, project file, regions, secret.
    pub base: String,
    pub rules: BTreeMap<String, Judged>,
    /// Records by region, by table.
    pub counted: BTreeMap<String, Counted>,
    /// Findings of all rules.
    #[serde(skip)]
    findings: Vec<u8>,
}

/// What a result follows from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounds {
    /// All that is evaluated, the policy that is looked up.
    pub structure: String,
    /// The columns that are read.
    pub data: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judged {
    pub grounds: Grounds,
    /// Before it is weighed against the rule's limits.
    pub outcome: Outcome,
    /// Where its findings lie.
    at: (usize, usize),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Counted {
    pub grounds: Grounds,
    pub counts: Vec<RegionCount>,
}

impl Night {
    pub fn of(base: String) -> Self {
        Night { base, ..Night::default() }
    }

    /// What the run before left; nothing where it follows from another base, or cannot be read.
    pub fn read(store: &Path, base: &str) -> Night {
        let night = std::fs::read(store.join(NAME)).ok().and_then(|bytes| Night::from_bytes(&bytes));
        night.filter(|night| night.base == base).unwrap_or_default()
    }

    /// # Errors
    /// The store cannot be written.
    pub fn write(&self, store: &Path) -> std::io::Result<()> {
        table::replace(store, NAME, &self.to_bytes()?)
    }

    fn to_bytes(&self) -> std::io::Result<Vec<u8>> {
        let head = serde_json::to_vec(self)?;
        let mut bytes = Vec::with_capacity(FORMAT.len() + 8 + head.len() + self.findings.len() + HASH);
        bytes.extend_from_slice(&FORMAT);
        bytes.extend_from_slice(&(head.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&self.findings);
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        Ok(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Night> {
        let (bytes, hash) = bytes.split_last_chunk::<HASH>()?;
        if blake3::hash(bytes) != *hash {
            return None;
        }
        let rest = bytes.strip_prefix(&FORMAT)?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (head, findings) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let night: Night = serde_json::from_slice(head).ok()?;
        Some(Night { findings: findings.to_vec(), ..night })
    }

    /// Findings of a rule as bytes, see [`crate::finding::carried`].
    pub fn findings_of(&self, judged: &Judged) -> Option<&[u8]> {
        self.findings.get(judged.at.0..judged.at.1)
    }

    pub fn found(&self, judged: &Judged) -> Option<Vec<Finding>> {
        brought(self.findings_of(judged)?)
    }

    pub fn add(&mut self, rule: &str, grounds: Grounds, outcome: Outcome, findings: &[u8]) {
        let start = self.findings.len();
        self.findings.extend_from_slice(findings);
        self.rules.insert(rule.to_owned(), Judged { grounds, outcome, at: (start, self.findings.len()) });
    }
}
