//! What was seen beside what was to be expected, drawn: a bar a class, a mark where it should end, and the band in which 95 of 100 lie.

use std::fmt::Write;

use super::show::Show;
use super::words::known;
use crate::stats::Chart;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 44.0;
const FOOT: f64 = 18.0;
/// Labels that fit side by side.
const LABELS: usize = 20;

/// The chart of a figure's text as `stats` words it (`bars: 1 57/30.1 (20.6-39.6), ...`); `None` for any other text.
pub fn observed(text: &str, show: &Show<'_>) -> Option<String> {
    let chart: Chart = text.parse().ok()?;
    let most = chart.bars.iter().map(|b| (b.observed as f64).max(b.high)).fold(1.0, f64::max);
    let step = (WIDTH - LEFT) / chart.bars.len() as f64;
    let y = |value: f64| (HEIGHT - FOOT) * (1.0 - value / most) + 4.0;
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" font-size=\"11\">"
    );
    let ground = y(0.0);
    let _ = write!(svg, "<text x=\"0\" y=\"14\">{most:.0}</text><text x=\"0\" y=\"{ground:.1}\">0</text>");
    let _ = write!(svg, "<line x1=\"{LEFT}\" y1=\"{ground:.1}\" x2=\"{WIDTH}\" y2=\"{ground:.1}\" stroke=\"#8a929e\"/>");
    let every = chart.bars.len().div_ceil(LABELS);
    for (i, bar) in chart.bars.iter().enumerate() {
        let x = LEFT + step * i as f64;
        let (low, high, expected) = (y(bar.low), y(bar.high), y(bar.expected));
        let seen = bar.observed as f64;
        // Colour says whether the bar ends outside its band.
        let colour = if seen > bar.high || seen < bar.low { "#c95c12" } else { "#5c7a99" };
        let top = y(seen);
        let (width, middle) = (step * 0.7, x + step * 0.35);
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/><line x1=\"{middle:.1}\" y1=\"{high:.1}\" x2=\"{middle:.1}\" y2=\"{low:.1}\" stroke=\"#464e5a\"/><line x1=\"{x:.1}\" y1=\"{expected:.1}\" x2=\"{:.1}\" y2=\"{expected:.1}\" stroke=\"#464e5a\" stroke-width=\"2\"/>",
            ground - top,
            x + width
        );
        if i % every == 0 {
            let key = format!("bar_{}", bar.label);
            let label = if known(show.lang, &key) { show.word(&key) } else { bar.label.clone() };
            let label = label.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{HEIGHT}\">{label}</text>");
        }
    }
    svg.push_str("</svg>");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Lang;

    #[test]
    fn a_bar_a_class_and_colour_where_it_leaves_its_band() {
        let show = Show::new(Lang::En, false, &[]);
        let svg = observed("bars: <1 57/30.0 (20.0-40.0), >1 31/30.0 (20.0-40.0)", &show).expect("a chart");
        assert_eq!(svg.matches("<rect").count(), 2);
        assert_eq!((svg.matches("#c95c12").count(), svg.matches("#5c7a99").count()), (1, 1));
        assert!(svg.contains("&lt;1") && !svg.contains("><1"));
        assert_eq!(observed("name exact +9.8; prior -19.3; together -9.5 bits", &show), None);
        let svg = observed("bars: other side 57/30.0 (20.0-40.0)", &Show::new(Lang::Zh, false, &[])).expect("a chart");
        assert!(svg.contains(">另一侧<") && !svg.contains("other"), "{svg}");
    }
}
