//! What a report says about a rule besides its findings.

use serde::{Deserialize, Serialize};

use crate::finding::Localised;
use crate::rule::{RuleStatus, RuleText};

/// A rule's own words, for lists and the reading guide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCard {
    pub id: String,
    /// Rules of one family are not independent of each other: `funds` of `funds/payment-after-death`.
    pub family: String,
    pub title: Localised,
    /// `draft`, `trial`, `stable`, `retired`.
    pub status: String,
    /// Name of the kind of check, `match`.
    pub check: String,
    pub why: Option<Localised>,
    pub basis: Vec<BasisCard>,
    pub innocent: Vec<Localised>,
    pub next_step: Option<Localised>,
    pub covers: Vec<String>,
    /// Overlays that were applied, in words.
    pub overlays: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasisCard {
    pub source: String,
    pub clause: Option<String>,
    pub says: Option<Localised>,
}

impl RuleCard {
    pub fn new(text: &RuleText, family: &str, check: &str, overlays: &[String]) -> RuleCard {
        RuleCard {
            id: text.id.clone(),
            family: family.to_owned(),
            title: text.title.clone(),
            status: match text.status {
                RuleStatus::Draft => "draft",
                RuleStatus::Trial => "trial",
                RuleStatus::Stable => "stable",
                RuleStatus::Retired => "retired",
            }
            .to_owned(),
            check: check.to_owned(),
            why: text.why.clone(),
            basis: text
                .basis
                .iter()
                .map(|b| BasisCard { source: b.source.clone(), clause: b.clause.clone(), says: b.says.clone() })
                .collect(),
            innocent: text.innocent.clone(),
            next_step: text.next_step.clone(),
            covers: text.covers.clone(),
            overlays: overlays.to_vec(),
        }
    }
}

/// The family of a rule by its id: the pack it lies in.
pub(super) fn family(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}
