//! The three identities of a finding: keyed hashes, since a plain hash of an id can be reversed by trying all ids.

use crate::finding::Record;
use crate::schema::{self, Value};

/// Feeds typed values into one keyed hash so that no two lists of values read the same.
pub struct Identity(blake3::Hasher, String);

impl Identity {
    pub fn new(secret: &[u8; 32], purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(secret);
        hasher.update(purpose.as_bytes());
        hasher.update(&[0]);
        Identity(hasher, String::new())
    }
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }
    pub fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::Null => self.text("\u{0}null"),
            Value::Text(text, _) => self.text(text),
            value => {
                self.1.clear();
                schema::format_into(&mut self.1, value);
                let Identity(hasher, text) = self;
                hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
                self
            }
        }
    }
    pub fn rows(&mut self, rows: &[impl Record]) -> &mut Self {
        // Neither file, line nor order of the records belongs to what they say.
        let mut all = String::with_capacity(128 * rows.len());
        let mut texts = Vec::with_capacity(rows.len());
        for row in rows {
            let start = all.len();
            all.push_str(row.table());
            all.push('\u{1f}');
            all.push_str(row.role());
            for (name, value) in row.key().chain(row.cells()) {
                all.push('\u{1e}');
                all.push_str(name);
                all.push('\u{1f}');
                schema::format_into(&mut all, &value);
            }
            texts.push(start..all.len());
        }
        texts.sort_unstable_by(|a, b| all[a.clone()].cmp(&all[b.clone()]));
        for text in texts {
            self.text(&all[text]);
        }
        self
    }
    /// 32 hex digits.
    pub fn hex(&self) -> String {
        self.0.finalize().to_hex()[..32].to_owned()
    }
}
