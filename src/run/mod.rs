//! The run folder: all that one audit run found, written whole or not at all, read back, and compared with another.
//!
//! `docs/run-folder.md` describes the files. The folder's name and the hash in every file's metadata follow from
//! [`Manifest`], which holds only what decides the result; times and hosts go to the journal, outside every hash.

mod compare;
mod filter;
mod folder;
pub(crate) mod frame;
mod place;
mod store;
mod tables;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::Digest;

pub use compare::{Cause, Comparison, Updated, compare};
pub use filter::{FIELDS, Filter};
pub use folder::{Sink, Written, existing, write};
pub use place::{Place, places, regions};
pub use store::{read, severity_name, status_name};
pub use tables::{TABLES, tables};

use crate::case::{Case, RuleCard, VisitPlan};
use crate::finding::{Coverage, Findings, Outcome};
pub use crate::table::{Receipt, Rejected};

/// Version of the folder's layout; a reader refuses a higher one.
pub const FORMAT: u32 = 1;

/// All that a run folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunContent {
    pub manifest: Manifest,
    /// One per rule, in the order in which they are listed.
    pub outcomes: Vec<Outcome>,
    /// Cases refer to positions in it.
    pub findings: Findings,
    pub rules: Vec<RuleCard>,
    /// In rank order.
    pub cases: Vec<Case>,
    pub visits: Option<VisitPlan>,
    pub receipts: Vec<Receipt>,
    pub rejected: Vec<Rejected>,
    /// The region tree as it was used.
    pub places: Vec<Place>,
    /// Denominators of the roll-up by region.
    pub populations: Vec<Population>,
    /// Rules, overlays, parameters, regions and project file, as read.
    pub inputs: Vec<InputText>,
}

/// What decides the result of a run, and nothing else: equal manifests mean equal folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// Version of the tool.
    pub recount: String,
    /// Name of the programme, for the report's title.
    pub programme: Option<String>,
    /// Days since 1970-01-01 here, `2020-12-31` in the file.
    #[serde(with = "iso_date")]
    pub as_of: i32,
    pub time_zone: String,
    pub seed: u64,
    /// Fingerprint of the project's secret, which finding keys and case numbers depend on; see [`fingerprint`].
    pub secret: String,
    /// Whatever was asked on the command line that changes the result or its rendering: `rule`, `region`, `set`, `visits`, `lang`, `reveal`.
    pub options: BTreeMap<String, String>,
    /// Hex SHA-256 of the project file, the parameters and the region table as read.
    pub project: String,
    pub parameters: String,
    pub regions: String,
    /// Rule id (or overlay path) and hex SHA-256 of its file.
    pub rules: Vec<(String, String)>,
    pub files: Vec<InputFile>,
    pub coverage: Vec<Coverage>,
}

/// A delivered file (or sheet).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    pub table: String,
    /// Relative to the project file, `/` between folders.
    pub path: String,
    pub sheet: Option<String>,
    pub sha256: String,
    pub bytes: u64,
    pub rows: u64,
}

/// A text the run was made from, kept verbatim under `inputs/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputText {
    /// Relative to the project file, `/` between folders.
    pub path: String,
    pub text: String,
}

/// Units of one entity in one region (lowest level known).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Population {
    /// `household`, `person`, else a table's name.
    pub entity: String,
    pub region: i64,
    pub units: u64,
}

/// How a run came about: shown, never hashed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Civil times as text.
    pub started: String,
    pub finished: String,
    pub host: String,
    pub operator: String,
    pub threads: u64,
    pub peak_memory_bytes: Option<u64>,
    /// Stage and milliseconds, in order.
    pub stages: Vec<(String, u64)>,
    /// Whatever else is worth knowing: cache state, platform.
    pub notes: BTreeMap<String, String>,
}

impl Manifest {
    /// The text of `manifest.json`.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
    /// Hex SHA-256 of `manifest.json`.
    pub fn hash(&self) -> String {
        sha256(self.text().as_bytes())
    }
}

/// Tells whether two runs were keyed alike, and nothing about the secret.
pub fn fingerprint(secret: &[u8; 32]) -> String {
    blake3::derive_key("recount run secret fingerprint v1", secret)[..8].iter().map(|b| format!("{b:02x}")).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

mod iso_date {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::schema::{self, Value, dates};

    pub fn serialize<S: Serializer>(days: &i32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&schema::format(&Value::Date(*days)))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
        let text = String::deserialize(deserializer)?;
        match dates::parse(&text) {
            Ok((days, false)) => Ok(days),
            _ => Err(D::Error::custom(format!("`{text}` is not a date such as 2020-12-31"))),
        }
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
