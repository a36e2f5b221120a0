//! Cases: findings on one subject, reviewed together; scored, ranked, numbered; a visit budget over the ranked list.
//!
//! Everything is integer arithmetic over the findings' own values, so a case and its rank do not depend on the order in
//! which findings arrive.

mod build;
mod card;
mod money;
mod number;
mod score;
mod visits;

use serde::{Deserialize, Serialize};

pub use build::{Options, build};
pub use card::{BasisCard, RuleCard};
pub use money::once;
pub use score::{PartKind, Score, ScorePart, amount_points, severity_points};
pub use visits::{AreaVisits, Budget, Share, VisitPlan, plan_visits};

use crate::finding::{Severity, Subject};

/// Findings on one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Short number that people use, `7KQ2-M9XD`: a keyed hash of the subject, so the same in every run of a project.
    pub number: String,
    /// 1 for the first of the list.
    pub rank: u64,
    pub subject: Subject,
    /// Others named by the findings, ascending: persons whose findings joined their household's, and subjects "also involved".
    pub also: Vec<Subject>,
    /// Place of the finding that weighs most among those with a place.
    pub region: Option<i64>,
    /// Of the most severe finding.
    pub severity: Severity,
    /// Fen; each source record counted once. `None`: no finding states an amount.
    pub amount: Option<i128>,
    pub score: Score,
    /// Positions in the list of findings, most severe first, then by amount, rule and key.
    pub findings: Vec<usize>,
    /// Positions of findings on the same subject that an exemption cleared: shown, never scored.
    pub exempt: Vec<usize>,
}

#[cfg(test)]
mod tests;
