//! Two small charts of the summary, as SVG text: findings over time, cases by place. Colour says severity and nothing else.

use std::collections::BTreeMap;

use plotters::coord::ranged1d::SegmentValue;
use plotters::prelude::*;

use crate::finding::Severity;
use crate::schema::dates;

const SIZE: (u32, u32) = (600, 230);
const AXIS: RGBColor = RGBColor(138, 146, 158);
const GRID: RGBColor = RGBColor(226, 230, 235);
const INK: RGBColor = RGBColor(70, 78, 90);
const FONT: &str = "system-ui, 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif";
/// Bars that fit side by side.
const BINS: usize = 36;

/// Most severe first: the order in which bars are stacked.
pub const SEVERITIES: [Severity; 5] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

fn colour(severity: Severity) -> RGBColor {
    match severity {
        Severity::Critical => RGBColor(155, 28, 28),
        Severity::High => RGBColor(201, 92, 18),
        Severity::Medium => RGBColor(198, 153, 28),
        Severity::Low => RGBColor(92, 122, 153),
        Severity::Info => RGBColor(170, 178, 188),
    }
}

/// Counts by severity, in the order of [`SEVERITIES`].
pub type Stack = [u32; 5];

pub fn slot(severity: Severity) -> usize {
    match severity {
        Severity::Critical => 0,
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
        Severity::Info => 4,
    }
}

/// Findings (date, severity) by month, quarter or year, whichever fits; without gaps between the first and the last.
pub fn by_time(findings: &[(i32, Severity)]) -> Vec<(String, Stack)> {
    let months: Vec<i32> = findings.iter().map(|&(d, _)| dates::month_of(d)).collect();
    let (Some(&first), Some(&last)) = (months.iter().min(), months.iter().max()) else { return vec![] };
    let span = i64::from(last) - i64::from(first);
    let step = if span < BINS as i64 {
        1
    } else if span / 3 < BINS as i64 {
        3
    } else {
        12
    };
    // A date typed centuries off must not stretch the axis: the last bins are shown.
    let (low, high) = (first.div_euclid(step), last.div_euclid(step));
    let low = low.max(high.saturating_sub(BINS as i32 * 2));
    let mut bins: BTreeMap<i32, Stack> = (low..=high).map(|b| (b, [0; 5])).collect();
    for (&month, &(_, severity)) in months.iter().zip(findings) {
        if let Some(stack) = bins.get_mut(&month.div_euclid(step)) {
            stack[slot(severity)] += 1;
        }
    }
    bins.into_iter()
        .map(|(bin, stack)| {
            let month = bin * step;
            let (year, of_year) = (month.div_euclid(12), month.rem_euclid(12));
            let label = match step {
                1 => format!("{year}-{:02}", of_year + 1),
                3 => format!("{year} Q{}", of_year / 3 + 1),
                _ => year.to_string(),
            };
            (label, stack)
        })
        .collect()
}

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn svg(label: &str, size: (u32, u32), draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Drawn) -> Option<String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&area).and_then(|()| area.present()).ok()?;
    }
    let label = label.replace(['<', '>', '&', '"'], " ");
    Some(text.replacen("<svg ", &format!("<svg class=\"chart\" role=\"img\" aria-label=\"{label}\" "), 1))
}

fn rounded(max: u32) -> u32 {
    let max = max.max(4);
    max + max / 12
}

/// The far edge of segment `i` of `n`.
fn after(i: usize, n: usize) -> SegmentValue<usize> {
    if i + 1 < n { SegmentValue::Exact(i + 1) } else { SegmentValue::Last }
}

/// Stacked columns, one per bin. `None`: nothing to draw.
pub fn columns(label: &str, bins: &[(String, Stack)]) -> Option<String> {
    let max = bins.iter().map(|(_, s)| s.iter().sum::<u32>()).max().filter(|&m| m > 0)?;
    svg(label, SIZE, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(26)
            .y_label_area_size(38)
            .build_cartesian_2d((0..bins.len() - 1).into_segmented(), 0..rounded(max))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(AXIS)
            .x_labels(bins.len().min(9))
            .y_labels(5)
            .label_style((FONT, 13).into_font().color(&INK))
            .x_label_formatter(&|v| match v {
                SegmentValue::CenterOf(i) | SegmentValue::Exact(i) => bins.get(*i).map(|(l, _)| l.clone()).unwrap_or_default(),
                SegmentValue::Last => String::new(),
            })
            .draw()?;
        for (i, (_, stack)) in bins.iter().enumerate() {
            let mut base = 0;
            for (severity, &n) in SEVERITIES.iter().zip(stack) {
                if n > 0 {
                    let mut bar =
                        Rectangle::new([(SegmentValue::Exact(i), base), (after(i, bins.len()), base + n)], colour(*severity).filled());
                    bar.set_margin(0, 0, 2, 2);
                    chart.draw_series([bar])?;
                    base += n;
                }
            }
        }
        Ok(())
    })
}

/// Stacked bars, one per place, the first on top. `None`: nothing to draw.
pub fn bars(label: &str, places: &[(String, Stack)]) -> Option<String> {
    let max = places.iter().map(|(_, s)| s.iter().sum::<u32>()).max().filter(|&m| m > 0)?;
    let n = places.len();
    let height = SIZE.1.max(44 + 22 * u32::try_from(n).unwrap_or(0));
    svg(label, (SIZE.0, height), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(26)
            .y_label_area_size(150)
            .build_cartesian_2d(0..rounded(max), (0..n - 1).into_segmented())?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(AXIS)
            .x_labels(6)
            .y_labels(n)
            .label_style((FONT, 13).into_font().color(&INK))
            .y_label_formatter(&|v| match v {
                SegmentValue::CenterOf(i) => n.checked_sub(i + 1).and_then(|i| places.get(i)).map(|(l, _)| l.clone()).unwrap_or_default(),
                _ => String::new(),
            })
            .draw()?;
        for (i, (_, stack)) in places.iter().rev().enumerate() {
            let mut base = 0;
            for (severity, &count) in SEVERITIES.iter().zip(stack) {
                if count > 0 {
                    let mut bar = Rectangle::new([(base, SegmentValue::Exact(i)), (base + count, after(i, n))], colour(*severity).filled());
                    bar.set_margin(4, 4, 0, 0);
                    chart.draw_series([bar])?;
                    base += count;
                }
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::dates::days_from_civil;

    #[test]
    fn bins_have_no_gaps_and_hold_every_finding() {
        let at = |y, m| (days_from_civil(y, m, 15), Severity::High);
        let labels = |f: &[(i32, Severity)]| by_time(f).into_iter().map(|(l, _)| l).collect::<Vec<_>>();
        assert_eq!(labels(&[at(2019, 11), at(2020, 2)]), ["2019-11", "2019-12", "2020-01", "2020-02"]);
        assert_eq!(labels(&[at(2015, 1), at(2020, 2)]).first().map(String::as_str), Some("2015 Q1"));
        assert_eq!(labels(&[at(2001, 1), at(2020, 2)]).len(), 20);
        assert!(labels(&[at(1, 1), at(2020, 2)]).len() < 100);
        assert_eq!(by_time(&[at(2019, 11), at(2019, 11)])[0].1, [0, 2, 0, 0, 0]);
        assert_eq!(columns("x", &by_time(&[])), None);
    }

    #[test]
    fn charts_are_whole_and_the_same_every_time() {
        let places = vec![("石门镇 <a>".to_owned(), [1, 2, 0, 0, 3]), ("x".to_owned(), [0; 5])];
        let one = bars("by \"place\"", &places).expect("a chart");
        assert_eq!(Some(&one), bars("by \"place\"", &places).as_ref());
        assert!(one.starts_with("<svg class=\"chart\" role=\"img\"") && one.trim_end().ends_with("</svg>"));
        assert!(!one.contains("<a>"), "{one}");
    }
}
