//! m and u as numbers, and what they say of a pattern.

use super::compare::Comparer;
use super::model::{Class, Model};

/// Probabilities by field (order of the comparer) and level (from 1, stored from 0).
pub(crate) type Table = Vec<Vec<f64>>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameters {
    pub matches: f64,
    pub m: Table,
    pub m_count: Table,
    pub classes: Vec<ClassParameters>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClassParameters {
    pub class: Class,
    pub pairs: f64,
    pub sampled: u64,
    pub u: Table,
}

impl Class {
    /// Whether rare values are less likely to agree by chance in this class: kin share on purpose.
    pub(crate) fn has_frequencies(self) -> bool {
        matches!(self, Class::Stranger | Class::Neighbour)
    }
}

/// Likelihoods of one pattern: of matches, of non-matches that go with term frequency, and of the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Likelihood {
    pub matches: f64,
    pub by_frequency: f64,
    pub plain: f64,
}

impl Likelihood {
    /// Log2 odds, given the log2 ratio of the frequencies of the values that agree.
    pub fn odds(&self, frequency: f64) -> f64 {
        (self.matches / (self.by_frequency * frequency.exp2() + self.plain)).log2()
    }
}

pub(crate) fn product(table: &Table, comparer: &Comparer, pattern: u64) -> f64 {
    let mut product = 1.0;
    for (field, levels) in comparer.fields.iter().zip(table) {
        let level = (pattern >> field.shift & ((1 << field.bits) - 1)) as usize;
        if level > 0 {
            product *= levels[level - 1];
        }
    }
    product
}

impl Parameters {
    pub fn of(model: &Model) -> Parameters {
        Parameters {
            matches: model.matches,
            m: model.fields.iter().map(|f| f.levels.iter().map(|l| l.m).collect()).collect(),
            m_count: model.fields.iter().map(|f| f.levels.iter().map(|l| l.m_count).collect()).collect(),
            classes: model
                .classes
                .iter()
                .enumerate()
                .map(|(c, class)| ClassParameters {
                    class: class.class,
                    pairs: class.pairs,
                    sampled: class.sampled,
                    u: model.fields.iter().map(|f| f.levels.iter().map(|l| l.u[c]).collect()).collect(),
                })
                .collect(),
        }
    }

    pub fn likelihood(&self, comparer: &Comparer, pattern: u64) -> Likelihood {
        let mut sum = Likelihood { matches: self.matches * product(&self.m, comparer, pattern), by_frequency: 0.0, plain: 0.0 };
        for class in &self.classes {
            let likelihood = class.pairs * product(&class.u, comparer, pattern);
            if class.class.has_frequencies() {
                sum.by_frequency += likelihood;
            } else {
                sum.plain += likelihood;
            }
        }
        sum
    }
}

/// Weight in millibits of log2 odds; kept within a million bits either way.
pub(crate) fn millibits(odds: f64) -> i32 {
    (odds * 1000.0).round().clamp(-1e9, 1e9) as i32
}
