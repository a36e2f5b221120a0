//! What puts one case before another: severity, independence of the rules that agree, money. Whole points, all parts kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::card::family;
use crate::finding::{Brief, Severity};

/// Points of a case and how they came about; `total` is the sum of the parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    pub total: u32,
    /// In the order in which they are explained: severity, independence, repetition, amount.
    pub parts: Vec<ScorePart>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScorePart {
    pub kind: PartKind,
    /// The family that earned the points, and its most severe finding; none for the amount.
    pub family: Option<(String, Severity)>,
    pub points: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// The most severe finding: all its points.
    Severity,
    /// A further family of rules says so too: half the points of its most severe finding.
    Independence,
    /// Further findings within one family: a tenth of their points each, at most a quarter of the family's most severe.
    Repetition,
    /// Ten points for every tenfold of the money.
    Amount,
}

pub fn severity_points(severity: Severity) -> u32 {
    match severity {
        Severity::Info => 2,
        Severity::Low => 10,
        Severity::Medium => 30,
        Severity::High => 60,
        Severity::Critical => 100,
    }
}

/// Ten points for every tenfold of the amount in yuan, in whole points rounded down: 1 yuan 0, 10 yuan 10, 1,000 yuan 30.
pub fn amount_points(fen: i128) -> u32 {
    // 10^(i/10), in ten-thousandths: the tenths of a decade.
    const STEPS: [i128; 10] = [10_000, 12_590, 15_849, 19_953, 25_119, 31_623, 39_811, 50_119, 63_096, 79_433];
    let mut yuan = fen / 100;
    if yuan < 1 {
        return 0;
    }
    let mut decades = 0;
    let mut scale: i128 = 1;
    while yuan >= 10 {
        yuan /= 10;
        scale *= 10;
        decades += 1;
    }
    // fen / 100 / scale, in ten-thousandths; beyond 10^30 fen the digits would not fit and no longer matter.
    let leading = fen.checked_mul(100).map_or(10_000, |f| f / scale);
    let steps = STEPS.iter().skip(1).filter(|&&s| leading >= s).count();
    decades * 10 + u32::try_from(steps).unwrap_or(0)
}

/// The score of findings of one case (none exempt) with `amount` fen at stake.
pub fn score<'a>(findings: impl Iterator<Item = &'a Brief>, families: &BTreeMap<&str, &str>, amount: Option<i128>) -> Score {
    let mut by_family: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    let mut strongest: BTreeMap<&str, Severity> = BTreeMap::new();
    for finding in findings {
        let name = families.get(finding.rule.as_str()).copied().unwrap_or_else(|| family(&finding.rule));
        by_family.entry(name).or_default().push(severity_points(finding.severity));
        let top = strongest.entry(name).or_insert(finding.severity);
        *top = (*top).max(finding.severity);
    }
    let mut ranked: Vec<(&str, Severity)> = strongest.into_iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let part = |kind, name: &str, severity, points| ScorePart { kind, family: Some((name.to_owned(), severity)), points };
    let mut parts = vec![];
    for (i, &(name, severity)) in ranked.iter().enumerate() {
        let points = severity_points(severity);
        parts.push(if i == 0 {
            part(PartKind::Severity, name, severity, points)
        } else {
            part(PartKind::Independence, name, severity, points / 2)
        });
    }
    for &(name, severity) in &ranked {
        let top = severity_points(severity);
        let all: u32 = by_family.get(name).map_or(0, |points| points.iter().sum());
        let points = ((all - top) / 10).min(top / 4);
        if points > 0 {
            parts.push(part(PartKind::Repetition, name, severity, points));
        }
    }
    let points = amount.map_or(0, amount_points);
    if points > 0 {
        parts.push(ScorePart { kind: PartKind::Amount, family: None, points });
    }
    Score { total: parts.iter().map(|p| p.points).sum(), parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_points_for_every_tenfold() {
        for (yuan, points) in [(0, 0), (1, 0), (2, 3), (9, 9), (10, 10), (99, 19), (100, 20), (1_000, 30), (4_120, 36), (1_000_000, 60)] {
            assert_eq!(amount_points(yuan * 100), points, "{yuan} yuan");
        }
        assert_eq!(amount_points(-5_000), 0);
        assert_eq!(amount_points(99), 0);
        assert!(amount_points(i128::MAX) >= 360);
    }

    #[test]
    fn points_never_fall_when_the_amount_grows() {
        let mut last = 0;
        for fen in (0..2_000_000).step_by(37) {
            let points = amount_points(fen);
            assert!(points >= last, "{fen}");
            last = points;
        }
    }
}
