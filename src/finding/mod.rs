//! Findings: who, which records, which numbers, by which rule and policy, what speaks for the person.
//!
//! The types that `engine` fills, `case` groups, `run` stores and `report` renders. Values are kept typed and whole;
//! masking happens when they are rendered.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod code;
mod kept;
mod record;
mod stake;

pub use crate::check::Reason;
use crate::schema::Value;
pub use code::{brought, carried};
pub use kept::{Batch, Brief, Cells as DeliveredCells, Drawer, Findings, Packer};
pub use record::Record;
pub use stake::{RecordId, Stake};

/// A text in one or more languages (`en`, `zh`). Rendering falls back to the first.
///
/// Read from a mapping of languages, or from a bare text, which counts as English. Written as a mapping.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Localised(pub BTreeMap<String, String>);

impl Localised {
    /// The text in `language`, else in the first language there is.
    pub fn get(&self, language: &str) -> &str {
        self.0.get(language).or_else(|| self.0.values().next()).map_or("", String::as_str)
    }
}

impl From<&str> for Localised {
    fn from(text: &str) -> Self {
        Localised(BTreeMap::from([("en".to_string(), text.to_string())]))
    }
}

impl<'de> Deserialize<'de> for Localised {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> serde::de::Visitor<'de> for Texts {
            type Value = Localised;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text, or a mapping of languages to texts")
            }
            fn visit_str<E>(self, text: &str) -> Result<Localised, E> {
                Ok(Localised::from(text))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Localised, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((language, text)) = map.next_entry()? {
                    texts.insert(language, text);
                }
                Ok(Localised(texts))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

impl schemars::JsonSchema for Localised {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Localised".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A text, or one text per language (en, zh).",
            "anyOf": [{"type": "string"}, {"type": "object", "properties": {"en": {"type": "string"}, "zh": {"type": "string"}}, "additionalProperties": false, "minProperties": 1}]
        })
    }
}

/// Piece of a message: text as written, or a value to be rendered (and masked) then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Text(Name),
    Value(Value),
}

/// Message by language.
pub type Message = BTreeMap<String, Vec<Piece>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

/// Whom a finding is about: `entity` is one of person, household, account, phone, cadre, enumerator, area, org, supplier, project, case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    pub entity: Name,
    pub value: Value,
}

/// A name that many records share: of a table, column, file or part. Held once however many say it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl std::ops::Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}
impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}
impl<T: Into<Arc<str>>> From<T> for Name {
    fn from(text: T) -> Self {
        Name(text.into())
    }
}
impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        &**self == other
    }
}
impl PartialEq<String> for Name {
    fn eq(&self, other: &String) -> bool {
        *self.0 == **other
    }
}
impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        &**self == *other
    }
}
impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self)
    }
}
impl Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}
impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Name::from)
    }
}

/// One cell that took part: as delivered and as used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub column: Name,
    /// The text of the cell in the delivered file; absent for computed columns.
    pub delivered: Option<String>,
    pub used: Value,
}

/// One source record that took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRow {
    pub table: Name,
    /// Part it plays: `record`, `other`, `before`, a link's or step's name.
    pub role: Name,
    pub file: Name,
    pub sheet: Option<Name>,
    pub line: u32,
    pub key: Vec<(Name, Value)>,
    pub cells: Vec<Cell>,
}

/// A number the rule computed, with the arithmetic written out (`4,120.00 / 3`), if it has any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    pub name: Name,
    pub value: Value,
    pub arithmetic: Option<Vec<Piece>>,
}

/// A policy number that was used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ParameterUse {
    pub name: Name,
    pub keys: Vec<Value>,
    pub value: Value,
    /// Region the value is written for (an ancestor of the record's place, or none: everywhere).
    pub region: Option<i64>,
    pub valid_from: Option<i32>,
    pub valid_to: Option<i32>,
    pub source: Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExemptionResult {
    Holds,
    DoesNotHold,
    /// Could not be checked: data missing or not covered.
    Unknown,
    /// Could not be checked: a table that it needs was not delivered.
    NotDelivered,
}

/// An exemption that a run could check for no finding of a rule, and the tables that were not delivered for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchecked {
    pub says: Localised,
    pub tables: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptionCheck {
    pub says: Localised,
    pub result: ExemptionResult,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Keyed hash of rule and unit (subject key, period, record keys), hex: the same finding in another run has the same key.
    pub key: String,
    /// Keyed hash of all values of its records, hex.
    pub records_hash: String,
    /// Keyed hash of the fields the rule calls decisive, hex: a decided case opens again when it changes.
    pub flag_hash: String,
    pub rule: Name,
    pub severity: Severity,
    /// First is the case key, the rest "also involved".
    pub subjects: Vec<Subject>,
    pub region: Option<i64>,
    pub date: Option<i32>,
    pub period: Option<Value>,
    /// Fen.
    pub amount: Option<i64>,
    /// What ranks findings of one rule.
    pub measure: Option<Value>,
    pub message: Message,
    /// True: would have been flagged, but an exemption holds. Kept and counted, never in a case.
    pub exempt: bool,
    pub exemptions: Vec<ExemptionCheck>,
    pub figures: Vec<Figure>,
    pub parameters: Vec<ParameterUse>,
    pub evidence: Vec<EvidenceRow>,
    /// Evidence rows beyond the limit that are not listed.
    pub evidence_omitted: u64,
}

/// Units and their money (fen); money only where the rule states an amount for every unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub units: u64,
    pub money: Option<i128>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Status {
    Completed,
    /// More units flagged than `limits.max_flag_rate` allows: the result is set apart and explained, never hidden.
    Quarantined {
        reason: String,
    },
    Skipped {
        reason: String,
    },
    Failed {
        reason: String,
    },
}

/// Share of a register's or table's rows that a rule could use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub table: String,
    pub rows: u64,
    pub without_key: u64,
    pub from: Option<i32>,
    pub to: Option<i32>,
}

/// What became of one rule. `flagged + clear + exempt + not_assessable = population`, in units and in money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub rule: String,
    pub status: Status,
    /// What a unit is: `record of payments`, `group of the same account_no`.
    pub unit: String,
    pub population: Count,
    pub flagged: Count,
    pub clear: Count,
    pub exempt: Count,
    pub not_assessable: Count,
    pub reasons: Vec<(Reason, Count)>,
    pub coverage: Vec<Coverage>,
    /// Parameters looked up and not found (`name`, units).
    pub parameter_gaps: Vec<(String, u64)>,
    /// Divisions by zero and overflows (they count as missing values).
    pub arithmetic_gaps: u64,
    /// Of an integrity rule: the table, or columns of it (`members.id_no`), by which the records it flags are not judged by others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets_aside: Vec<String>,
    /// Exemptions that were not checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<Unchecked>,
}
