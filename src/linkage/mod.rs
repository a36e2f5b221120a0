//! Record linkage: which rows describe one person or one household, how sure that is, and why.
//!
//! A pure core: slices in, values out. It knows no rules, files or tables, reads no clock, prints nothing. The method is
//! Fellegi and Sunter's, with three kinds of non-match (kin, neighbour, stranger) that are counted and sampled instead of learnt.
//!
//! # The way of the data
//!
//! ```text
//! Spec (fields, kinds) + columns of text
//!   -> Records           one packed row per record, texts once in dictionaries            records, normalise
//!   -> Keys              one 32-bit key per rule and record; oversize blocks refined      block
//!   -> pairs, streamed   pattern of agreement levels + mask of the rules that meet        compare, pairs
//!   -> Model             N and u of each class, one EM for m, term frequencies            classes, em, model
//!   -> Pair              those over the review weight, with weight in millibits           score
//!   -> Cluster           constrained union-find; refused merges are shown                 cluster, judge
//!   -> HouseholdLink     listed twice, split, moved member, merged, unrelated             household
//!   -> Explanation       any pair, linked or not: a waterfall that adds up                explain
//! ```
//!
//! # Use
//!
//! ```
//! use recount::linkage::{Field, Kind, Records, Spec};
//! let spec = Spec::new(vec![Field::new("name", Kind::PersonName), Field::new("born", Kind::Date), Field::new("phone", Kind::Phone)]);
//! let rows = [["王小明", "1980-02-03", "13800138000"], ["王晓明", "1980-02-03", "13800138000"], ["李雷", "1971-01-05", ""]];
//! let mut builder = Records::builder(&spec, rows.len()).unwrap();
//! for f in 0..3 {
//!     builder.column(f, |row| Some(rows[row][f].into()));
//! }
//! let records = builder.finish();
//! assert_eq!(records.len(), 3);
//! ```
//!
//! Functions:
//!
//! - `link(&Records, &Spec, &Run) -> Result<Linkage, Problems>`; `Run { model: Option<&Model>, judgements: &[Judgement], labels: &[Label] }`
//! - `train(&Records, &Spec, &[Label]) -> Result<Model, Problems>`; the model holds its report: classes, levels, convergence, curve
//! - `explain(&Records, &Linkage, a: u32, b: u32) -> Option<Explanation>`, for any two rows
//! - `households(&Records, &Linkage) -> Vec<HouseholdLink>` and `shared_ids(&Records, &Linkage) -> Vec<SharedId>`
//! - `update(&Records, &Kept, &Run) -> Result<Linkage, Problems>`: most records are the same as in an earlier run; equals a full run with its model
//!
//! Rows in all results are ordinals of the caller (0 based, order of the columns). Weights are integers, in thousandths of a bit
//! (`millibits`) of log2 odds: 1000 is odds of 2 to 1. Probability = 1 / (1 + 2^(-weight / 1000)).
//!
//! Results do not depend on the order of rows (but for the ordinals) or the number of threads.

mod assumed;
mod block;
mod classes;
mod cluster;
mod compare;
mod dictionary;
mod em;
mod explain;
mod frequency;
mod household;
mod judge;
mod link;
mod model;
mod normalise;
mod outcome;
mod pairs;
mod parameters;
mod problem;
mod records;
mod score;
mod spec;

pub use compare::{Levels, known_levels, levels};
pub use explain::{Explanation, FieldReason, RuleReason, explain};
pub use household::{households, shared_ids};
pub use link::{Kept, Label, Run, link, train, update};
pub use model::{Class, ClassModel, Convergence, FieldModel, KeyModel, LevelModel, MODEL_VERSION, Model, TermFrequency};
pub use outcome::*;
pub use problem::{Problem, Problems};
pub use records::{Builder, Records, bytes};
pub use spec::{Accept, Blocking, Field, KeyPart, Kind, Limits, Part, Spec};

/// Bits of all agreement levels of a pair together; the rest of the word counts rules and frequencies.
pub const PATTERN_BITS: u32 = 44;
/// Blocking rules at most.
pub const MAX_RULES: usize = 14;

#[cfg(test)]
mod tests;
