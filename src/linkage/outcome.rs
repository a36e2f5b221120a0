//! What a run gives back. Rows are the caller's ordinals, weights millibits.

use serde::{Deserialize, Serialize};

use super::model::Model;

/// Where a pair stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// At or over the accepted weight, or judged the same.
    Link,
    /// Over the review weight, judged `unsure`, or refused by a guard.
    Review,
    /// Under it, or judged different.
    No,
}

/// Two records that may be one person. `a < b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pair {
    pub a: u32,
    pub b: u32,
    /// Log2 odds in millibits.
    pub weight: i32,
    /// Agreement levels, packed (`Model::levels_of` reads them).
    pub pattern: u64,
    /// Bit r: blocking rule r met the pair.
    pub mask: u16,
    pub band: Band,
}

impl Pair {
    pub fn probability(&self) -> f64 {
        probability(self.weight)
    }
}

/// Probability of a weight in millibits.
pub fn probability(weight: i32) -> f64 {
    1.0 / (1.0 + (-f64::from(weight) / 1000.0).exp2())
}

/// Records taken for one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// Ascending.
    pub rows: Vec<u32>,
    /// Weight of the weakest edge that holds the cluster together (the spanning tree's).
    pub weakest: i32,
    /// The pair of that edge.
    pub weakest_edge: (u32, u32),
    /// Why a person should look at it first.
    pub review: Vec<ClusterReview>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterReview {
    /// More records than `Limits::cluster`.
    Large,
    /// Falls in two if one edge near the accepted weight is taken away.
    Bridge,
    /// Two members contradict each other, held by a direct edge or judgement.
    Contradiction,
}

/// Why two groups of records were not joined though an edge between them is over the accepted weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// Two valid ids that differ.
    Ids,
    /// Two members of one household with different names.
    Household,
    Sex,
    Birth,
    /// An inspector said `different`.
    Judged,
    /// One edge joins them, but the pairs of their members taken together speak against it.
    Group,
    /// The joined cluster would be too large to check.
    Size,
}

/// An edge over the accepted weight that was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Refused {
    pub a: u32,
    pub b: u32,
    pub weight: i32,
    pub conflict: Conflict,
    /// The two records that contradict each other.
    pub between: (u32, u32),
}

/// What an inspector said about two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Same,
    Different,
    Unsure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    pub a: u32,
    pub b: u32,
    pub verdict: Verdict,
}

/// Judgements that cannot all hold: a chain of `same` joins two records that were judged `different` (or judged both ways).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    pub a: u32,
    pub b: u32,
    /// The chain of records judged the same, from `a` to `b`.
    pub chain: Vec<u32>,
}

/// Minimum, expected and maximum.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Range {
    pub min: i64,
    pub expected: f64,
    pub max: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HouseholdKind {
    /// Both listings are the same household.
    ListedTwice,
    /// The members of one listing are part of the other, which holds more of them.
    Merged,
    /// A part of one household is listed again as a household of its own.
    Split,
    /// One person stands in two families.
    MovedMember,
    /// Linked persons, but the households speak against it.
    Unrelated,
}

/// Two listings that share persons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HouseholdLink {
    /// Rows of the two listings, ascending; `left` holds the smaller first row.
    pub left: Vec<u32>,
    pub right: Vec<u32>,
    /// One-to-one: row of `left`, row of `right`, weight (with the prior of this pair of households for those found by feedback).
    pub members: Vec<Member>,
    pub kind: HouseholdKind,
    /// Log2 odds that the two listings are one household, millibits.
    pub weight: i32,
    pub head_linked: bool,
    pub spouse_linked: bool,
    pub same_place: bool,
    pub same_account: bool,
    pub same_phone: bool,
    /// Persons counted twice.
    pub heads: Range,
    /// Sum of the smaller of the two amounts of each linked member, if there is a money field.
    pub money: Option<Range>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Member {
    pub left: u32,
    pub right: u32,
    pub weight: i32,
    /// Found in the second round, inside this pair of households.
    pub by_feedback: bool,
}

/// One valid id on records that are not one person by all else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SharedId {
    pub rows: Vec<u32>,
    /// Groups of rows whose names agree.
    pub people: Vec<Vec<u32>>,
}

/// One point of the estimated curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub weight: i32,
    /// Pairs at or over the weight.
    pub pairs: u64,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// What blocking did with one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleReport {
    pub rule: String,
    /// Records that have all parts of the key.
    pub records: u64,
    pub blocks: u64,
    pub largest_block: u64,
    /// Pairs of the rule as written, and those left after refinement.
    pub pairs_as_written: u64,
    pub pairs: u64,
    /// Blocks split by further parts, and records in blocks that stayed too large and were refused.
    pub blocks_refined: u64,
    pub records_refused: u64,
    /// Pairs over the accepted weight that this rule alone met.
    pub links_alone: u64,
}

/// What happened, in numbers; printed by `recount link`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    pub records: u64,
    pub rules: Vec<RuleReport>,
    /// Different pairs met by any rule.
    pub pairs_compared: u64,
    pub pairs_kept: u64,
    pub links: u64,
    pub reviews: u64,
    /// Matching pairs that no rule is expected to meet (estimate; Chao's lower bound over the rules).
    pub matches_missed: f64,
    /// Sentences that a person should read: what was degraded, refined, refused, constant, empty.
    pub messages: Vec<String>,
}

/// All results of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Linkage {
    pub model: Model,
    pub report: Report,
    /// Over the review weight, sorted by (a, b).
    pub pairs: Vec<Pair>,
    /// Two records or more, sorted by first row.
    pub clusters: Vec<Cluster>,
    pub refused: Vec<Refused>,
    pub contradictions: Vec<Contradiction>,
    pub curve: Vec<CurvePoint>,
    /// Over the labelled pairs alone, by each weight that occurs; empty without labels.
    pub labelled: Vec<CurvePoint>,
}
