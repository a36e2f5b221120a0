//! What was seen beside what was to be expected, as a short text that a report draws.

use std::fmt;
use std::str::FromStr;

/// One class: how many there are, how many should be, and within which bounds 95 of 100 lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub label: String,
    pub observed: u64,
    pub expected: f64,
    pub low: f64,
    pub high: f64,
}

/// Bars side by side; written `bars: 1 57/30.1 (20.6-39.6), 2 ...`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chart {
    pub bars: Vec<Bar>,
}

impl Chart {
    /// Counts of classes against a law: the band is n p +- (1.96 sqrt(n p (1 - p)) + 1/2).
    pub fn of(labels: impl Iterator<Item = String>, counts: &[u64], law: &[f64]) -> Chart {
        let n: u64 = counts.iter().sum();
        let bars = labels
            .zip(counts.iter().zip(law))
            .map(|(label, (&observed, p))| {
                let expected = n as f64 * p;
                let half = 1.959_963_984_540_054 * (expected * (1.0 - p)).sqrt() + 0.5;
                Bar { label, observed, expected, low: (expected - half).max(0.0), high: expected + half }
            })
            .collect();
        Chart { bars }
    }
}

const START: &str = "bars: ";

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(START)?;
        for (i, b) in self.bars.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{} {}/{:.1} ({:.1}-{:.1})", b.label, b.observed, b.expected, b.low, b.high)?;
        }
        Ok(())
    }
}

impl FromStr for Chart {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let bar = |part: &str| {
            let (rest, band) = part.split_once(" (")?;
            let (label, rest) = rest.rsplit_once(' ')?;
            let (observed, expected) = rest.split_once('/')?;
            let (low, high) = band.strip_suffix(')')?.split_once('-')?;
            Some(Bar {
                label: label.to_owned(),
                observed: observed.parse().ok()?,
                expected: expected.parse().ok()?,
                low: low.parse().ok()?,
                high: high.parse().ok()?,
            })
        };
        let bars = text.strip_prefix(START).ok_or(())?.split(", ").map(bar).collect::<Option<Vec<Bar>>>().ok_or(())?;
        Ok(Chart { bars })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_read_back() {
        let chart = Chart::of(["1".to_owned(), "other side".to_owned()].into_iter(), &[57, 43], &[0.5, 0.5]);
        let text = chart.to_string();
        assert_eq!(text, "bars: 1 57/50.0 (39.7-60.3), other side 43/50.0 (39.7-60.3)");
        let back: Chart = text.parse().unwrap();
        assert_eq!(back.bars[0].observed, 57);
        assert_eq!(back.to_string(), text);
        assert!("+1 -2".parse::<Chart>().is_err());
    }
}
