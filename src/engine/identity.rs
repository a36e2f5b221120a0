//! The three identities of a finding: keyed hashes, since a plain hash of an id can be reversed by trying all ids.

use crate::finding::EvidenceRow;
use crate::schema::{self, Value};

/// Feeds typed values into one keyed hash so that no two lists of values read the same.
pub struct Identity(blake3::Hasher);

impl Identity {
    pub fn new(secret: &[u8; 32], purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(secret);
        hasher.update(purpose.as_bytes());
        hasher.update(&[0]);
        Identity(hasher)
    }
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }
    pub fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::Null => self.text("\u{0}null"),
            value => self.text(&schema::format(value)),
        }
    }
    pub fn rows(&mut self, rows: &[EvidenceRow]) -> &mut Self {
        // Neither file, line nor order of the records belongs to what they say.
        let mut texts: Vec<String> = rows
            .iter()
            .map(|row| {
                let mut text = format!("{}\u{1f}{}", row.table, row.role);
                let key = row.key.iter().map(|(name, value)| (name, value));
                for (name, value) in key.chain(row.cells.iter().map(|c| (&c.column, &c.used))) {
                    text.push_str(&format!("\u{1e}{name}\u{1f}{}", schema::format(value)));
                }
                text
            })
            .collect();
        texts.sort_unstable();
        for text in texts {
            self.text(&text);
        }
        self
    }
    /// 32 hex digits.
    pub fn hex(&self) -> String {
        self.0.finalize().to_hex()[..32].to_owned()
    }
}
