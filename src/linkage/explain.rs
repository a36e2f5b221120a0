//! Why a pair is a link, or is none: a waterfall in millibits that adds up exactly, the rules that met the pair or what missed it, and
//! what would have changed the decision. Cheap for one pair: nothing is built for the other records.

use serde::Serialize;

use super::block::{self, Reach};
use super::compare::{Comparer, LUNAR};
use super::frequency;
use super::model::{Class, Model};
use super::normalise::date::{self, DERIVED};
use super::normalise::lunar;
use super::outcome::{Band, Linkage, Refused, probability};
use super::parameters::{Parameters, millibits, product};
use super::records::Records;
use super::spec::Kind;

/// What one field says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldReason {
    pub field: String,
    /// Agreement level; `missing` weighs nothing.
    pub level: String,
    /// Normalised values (unmasked).
    pub a: Option<String>,
    pub b: Option<String>,
    /// A value was read off the id; it counts only where the ids do not.
    pub derived: bool,
    pub m: f64,
    /// By class, in the order of `Model::classes`.
    pub u: Vec<f64>,
    /// Chance of this value over the average chance, where term frequency applies (1: average).
    pub frequency: f64,
    /// Against the rival class, millibits.
    pub weight: i32,
    /// How the level came about, where the two values do not show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How a blocking rule treated the pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleReason {
    pub rule: String,
    pub met: bool,
    /// Why not: a value is missing, the keys differ, the block was split or refused.
    pub why: String,
}

/// One pair, explained. `prior + rivals + sum of field weights = weight`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    pub a: u32,
    pub b: u32,
    pub fields: Vec<FieldReason>,
    /// Matches against pairs of the rival class, before anything is compared; millibits.
    pub prior: i32,
    /// What the other classes take away, with the rounding of the rest.
    pub rivals: i32,
    pub weight: i32,
    pub probability: f64,
    pub accept: i32,
    pub band: Band,
    /// The likeliest way in which two different people look like this.
    pub rival: Class,
    /// Pairs of different people, among all, expected to show just this pattern.
    pub by_chance: f64,
    /// Matching pairs expected to show it.
    pub by_match: f64,
    pub rules: Vec<RuleReason>,
    /// The field that speaks most for a match, and the weight without it.
    pub without_strongest: Option<(String, i32)>,
    /// A link that falls under the accepted weight without its strongest field.
    pub rests_on_one_field: bool,
    /// The guard that kept the link out of a cluster.
    pub refused: Option<Refused>,
}

/// Explains any two rows; `None` if one does not exist or both are the same.
pub fn explain(records: &Records, linkage: &Linkage, a: u32, b: u32) -> Option<Explanation> {
    let (a, b) = (a.min(b), a.max(b));
    let (x, y) = (records.record_of(a)?, records.record_of(b)?);
    if x == y {
        return None;
    }
    let (x, y) = (x.min(y), x.max(y));
    let model = &linkage.model;
    let comparer = Comparer::new(&model.spec, records);
    let parameters = Parameters::of(model);
    let pattern = comparer.pattern(records, x, y);
    let frequencies: Vec<f64> = comparer
        .fields
        .iter()
        .zip(&model.fields)
        .map(|(c, f)| frequency::of_one(records, c, f, pattern >> c.shift & ((1 << c.bits) - 1), x))
        .collect();
    let frequency: f64 = frequencies.iter().sum();
    let weight = millibits(parameters.likelihood(&comparer, pattern).odds(frequency));
    let likelihoods: Vec<f64> = parameters
        .classes
        .iter()
        .map(|c| c.pairs * product(&c.u, &comparer, pattern) * if c.class.has_frequencies() { frequency.exp2() } else { 1.0 })
        .collect();
    let rival = (0..likelihoods.len()).fold(0, |best, i| if likelihoods[i] > likelihoods[best] { i } else { best });
    let class = &parameters.classes[rival];
    let mut fields = Vec::new();
    for (f, comparison) in comparer.fields.iter().enumerate() {
        let level = (pattern >> comparison.shift & ((1 << comparison.bits) - 1)) as usize;
        let value = |record: usize| records.value(comparison.field, records.rows[record]);
        let (va, vb) = (records.record_of(a).and_then(value), records.record_of(b).and_then(value));
        let derived = matches!(comparison.slot.kind, Kind::Date | Kind::Sex)
            && (records.cell(x, comparison.slot.word) | records.cell(y, comparison.slot.word)) & DERIVED != 0;
        let mut reason = FieldReason {
            field: model.fields[f].field.clone(),
            level: "missing".into(),
            a: va.map(|v| v.0),
            b: vb.map(|v| v.0),
            derived,
            m: 1.0,
            u: vec![1.0; parameters.classes.len()],
            frequency: 1.0,
            weight: 0,
            note: None,
        };
        if level > 0 {
            let ratio = if class.class.has_frequencies() { frequencies[f] } else { 0.0 };
            reason.level = comparison.names[level - 1].to_owned();
            reason.m = parameters.m[f][level - 1];
            reason.u = parameters.classes.iter().map(|c| c.u[f][level - 1]).collect();
            reason.frequency = frequencies[f].exp2();
            reason.weight = millibits((reason.m / reason.u[rival]).log2() - ratio);
            if reason.level == LUNAR {
                reason.note = lunar_note(records.cell(x, comparison.slot.word), records.cell(y, comparison.slot.word));
            }
        }
        fields.push(reason);
    }
    let prior = millibits((parameters.matches / class.pairs).log2());
    let rivals = weight - prior - fields.iter().map(|f| f.weight).sum::<i32>();
    let strongest = fields.iter().filter(|f| f.weight > 0).max_by_key(|f| f.weight).map(|f| (f.field.clone(), f.level.clone()));
    let without_strongest = strongest.map(|(name, _)| {
        let at = comparer.fields.iter().zip(&model.fields).position(|(_, f)| f.field == name).unwrap_or(0);
        let c = &comparer.fields[at];
        let bare = pattern & !(((1 << c.bits) - 1) << c.shift);
        (name, millibits(parameters.likelihood(&comparer, bare).odds(frequency - frequencies[at])))
    });
    let pair = linkage.pairs.binary_search_by_key(&(a, b), |p| (p.a, p.b)).ok().map(|i| linkage.pairs[i]);
    let band = pair.map_or(Band::No, |p| p.band);
    Some(Explanation {
        a,
        b,
        prior,
        rivals,
        weight,
        probability: probability(weight),
        accept: model.accept,
        band,
        rival: class.class,
        by_chance: likelihoods.iter().sum(),
        by_match: parameters.matches * product(&parameters.m, &comparer, pattern),
        rules: rules(records, model, x, y),
        rests_on_one_field: weight >= model.accept && without_strongest.as_ref().is_some_and(|(_, w)| *w < model.accept),
        without_strongest,
        refused: linkage.refused.iter().find(|r| (r.a, r.b) == (a, b)).copied(),
        fields,
    })
}

/// Which of two dates is the other in the lunar calendar.
fn lunar_note(x: u64, y: u64) -> Option<String> {
    let (x, y) = (x & !DERIVED, y & !DERIVED);
    let reading = lunar::reading(x, y)?;
    let (by_moon, by_sun) = if reading.first { (x, y) } else { (y, x) };
    let month = if reading.intercalary { " (the month intercalary)" } else { "" };
    Some(format!("{} of the lunar calendar{month} is {}", date::text(by_moon), date::text(by_sun)))
}

fn rules(records: &Records, model: &Model, x: usize, y: usize) -> Vec<RuleReason> {
    let across = !records.admits(x, y);
    let reasons = block::reach(&model.spec, records, &model.keys, x).into_iter().zip(block::reach(&model.spec, records, &model.keys, y));
    reasons
        .map(|((rule, p), (_, q))| {
            let (met, why) = match (p, q) {
                _ if across => (false, "both records stand on one side; only pairs of two sides are asked for".to_owned()),
                (Reach::Missing(field), _) | (_, Reach::Missing(field)) => (false, format!("a record has no {field}")),
                (Reach::Refused, Reach::Refused) => (false, "both stand in a block that was too large".to_owned()),
                (Reach::Key { key: p, .. }, Reach::Key { key: q, .. }) if p == q => (true, String::new()),
                (Reach::Key { whole: p, .. }, Reach::Key { whole: q, .. }) if p == q => {
                    (false, "the block was too large and was split; they differ on the further part".to_owned())
                }
                _ => (false, "the keys differ".to_owned()),
            };
            RuleReason { rule, met, why }
        })
        .collect()
}

impl Explanation {
    /// One line without values: `name exact +9.8, id_no one-edit +14.2; prior -19.3; together 12.4 bits`.
    pub fn sentence(&self) -> String {
        let bits = |w: i32| format!("{}{}.{}", if w < 0 { "-" } else { "+" }, w.abs() / 1000, w.abs() % 1000 / 100);
        let fields: Vec<String> =
            self.fields.iter().filter(|f| f.level != "missing").map(|f| format!("{} {} {}", f.field, f.level, bits(f.weight))).collect();
        let rivals = if self.rivals.abs() >= 100 { format!("; other explanations {}", bits(self.rivals)) } else { String::new() };
        format!("{}; prior {}{rivals}; together {} bits", fields.join(", "), bits(self.prior), bits(self.weight))
    }

    /// In counts: how often chance alone makes such a pair.
    pub fn in_counts(&self) -> String {
        let number = |x: f64| {
            if x >= 10.0 {
                format!("{x:.0}")
            } else if x >= 0.01 {
                format!("{x:.2}")
            } else {
                format!("{x:.1e}")
            }
        };
        let who = match self.rival {
            Class::Stranger => "strangers",
            Class::Neighbour => "people of one village",
            Class::Kin => "relatives in one household",
            Class::KinAcross => "relatives of a household that is listed twice",
        };
        format!(
            "among all pairs of records about {} of the same person and {} of different people look like this; the likeliest others are {who}",
            number(self.by_match),
            number(self.by_chance)
        )
    }
}
