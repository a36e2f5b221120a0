//! The fitted model: a JSON file that a person can read, reused from night to night.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::CurvePoint;
use super::problem::Problems;
use super::spec::Spec;

/// Version of the file format; other versions are refused.
pub const MODEL_VERSION: u32 = 1;

/// How a pair that is not a match came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Two records drawn at random.
    Stranger,
    /// Two people of one village.
    Neighbour,
    /// Two people in one listing.
    Kin,
    /// Two people of one household that is listed twice.
    KinAcross,
}

impl Class {
    pub const ALL: [Class; 4] = [Class::Stranger, Class::Neighbour, Class::Kin, Class::KinAcross];
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassModel {
    pub class: Class,
    /// Pairs of this class: counted, but for `kin-across`, which the EM fits.
    pub pairs: f64,
    /// Pairs that were sampled for u.
    pub sampled: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelModel {
    pub level: String,
    /// Probability of the level among matches where both values are there, and the matches it rests on.
    pub m: f64,
    pub m_count: f64,
    /// Probability among non-matches by class, in the order of `Model::classes`.
    pub u: Vec<f64>,
}

/// How often the values of a field occur.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TermFrequency {
    /// Records that have a value.
    pub total: u64,
    /// Chance that a person met at random has the value of a given record, on the average of all records.
    pub chance: f64,
    /// The same chance for a value that is not listed.
    pub rest: f64,
    /// Chance of the most frequent values, by the hash of the normalised value (16 hex digits).
    pub values: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldModel {
    pub field: String,
    /// Best level first; the last is `differ`. Missing values are no evidence and have no level.
    pub levels: Vec<LevelModel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term_frequency: Option<TermFrequency>,
    /// The same for the second level (toneless pinyin).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound_frequency: Option<TermFrequency>,
}

/// The keys of one blocking rule as they were when the model was fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyModel {
    pub rule: String,
    /// Largest block that is compared whole.
    pub limit: u32,
    /// Keys that were split: (key, parts of `then` used). Frozen, so that new records meet old ones by the same rule.
    pub refined: Vec<(u32, u8)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Convergence {
    pub iterations: u32,
    pub converged: bool,
    /// Log likelihood of the counts after each iteration (natural log).
    pub log_likelihood: Vec<f64>,
    /// Different (rule mask, pattern) cells.
    pub cells: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub version: u32,
    pub spec: Spec,
    pub records: u64,
    /// Digest of the records it was fitted on.
    pub digest: String,
    /// Matching pairs (estimate).
    pub matches: f64,
    pub classes: Vec<ClassModel>,
    pub fields: Vec<FieldModel>,
    pub keys: Vec<KeyModel>,
    pub convergence: Convergence,
    /// Weight of a link, millibits.
    pub accept: i32,
    pub curve: Vec<CurvePoint>,
    /// What was degraded and why.
    pub messages: Vec<String>,
}

impl Model {
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a model file; another version, or one that does not hold together, is refused with a next step.
    pub fn from_json(text: &str) -> Result<Model, Problems> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let again = "train again with this version of recount";
        let version: Version = serde_json::from_str(text)
            .map_err(|e| Problems::one(format!("this is no linkage model: {e}"), "give a file written by `--train`"))?;
        if version.version != MODEL_VERSION {
            return Err(Problems::one(format!("model version {}; this program reads {MODEL_VERSION}", version.version), again));
        }
        let model: Model = serde_json::from_str(text).map_err(|e| Problems::one(format!("the model cannot be read: {e}"), again))?;
        model.spec.check()?;
        model.check()?;
        Ok(model)
    }

    fn check(&self) -> Result<(), Problems> {
        let again = "train again, or take the file as it was written";
        for field in &self.fields {
            let fits = self.spec.fields.iter().any(|f| f.name == field.field);
            let sound =
                field.levels.iter().all(|l| l.m > 0.0 && l.m <= 1.0 && l.u.len() == self.classes.len() && l.u.iter().all(|u| *u > 0.0));
            if !fits || !sound {
                return Err(Problems::one(format!("the parameters of `{}` do not hold together", field.field), again));
            }
        }
        Ok(())
    }
}
