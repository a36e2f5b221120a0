//! What speaks for and against a link, as a waterfall: one bar a field, from the prior to the weight of the pair.

use std::fmt::Write;

/// One step of a waterfall, in tenths of a bit.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    name: String,
    by: i64,
}

const ROW: i64 = 22;
const LEFT: i64 = 190;
const WIDTH: i64 = 600;

/// The chart of an agreement as linkage words it (`name exact +9.8, birth year -1.2; prior -19.3; together 12.4 bits`); `None` for any other
/// text, or one whose parts do not add up.
pub fn waterfall(agreement: &str) -> Option<String> {
    let (steps, total) = steps(agreement)?;
    let (mut low, mut high, mut at) = (0, 0, 0);
    for step in &steps {
        at += step.by;
        low = low.min(at);
        high = high.max(at);
    }
    let span = (high - low).max(10);
    let x = |value: i64| LEFT + (value - low) * (WIDTH - LEFT - 60) / span;
    let height = ROW * (steps.len() as i64 + 1) + 8;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" font-size=\"12\">");
    let zero = x(0);
    let _ = write!(svg, "<line x1=\"{zero}\" y1=\"0\" x2=\"{zero}\" y2=\"{height}\" stroke=\"#8a929e\"/>");
    let mut bar = |row: i64, name: &str, from: i64, to: i64, label: &str, colour: &str| {
        let (left, right) = (x(from.min(to)), x(from.max(to)).max(x(from.min(to)) + 1));
        let y = row * ROW + 4;
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{}\">{}</text><rect x=\"{left}\" y=\"{y}\" width=\"{}\" height=\"14\" fill=\"{colour}\"/><text x=\"{}\" y=\"{}\">{label}</text>",
            y + 11,
            escaped(name),
            right - left,
            right + 4,
            y + 11
        );
    };
    let mut at = 0;
    for (row, step) in (0..).zip(&steps) {
        let colour = if step.by < 0 { "#c95c12" } else { "#5c7a99" };
        bar(row, &step.name, at, at + step.by, &tenths(step.by, true), colour);
        at += step.by;
    }
    bar(steps.len() as i64, "=", 0, total, &tenths(total, false), "#464e5a");
    svg.push_str("</svg>");
    Some(svg)
}

fn steps(agreement: &str) -> Option<(Vec<Step>, i64)> {
    let mut steps = vec![];
    let mut total = None;
    for part in agreement.split([',', ';']).map(str::trim) {
        if let Some(rest) = part.strip_prefix("together ") {
            total = parse(rest.strip_suffix(" bits")?);
            continue;
        }
        let (name, by) = part.rsplit_once(' ')?;
        steps.push(Step { name: name.to_owned(), by: parse(by)? });
    }
    // The prior comes first: it is where the weighing begins.
    if let Some(prior) = steps.iter().position(|s| s.name == "prior") {
        let prior = steps.remove(prior);
        steps.insert(0, prior);
    }
    let total = total?;
    let sum: i64 = steps.iter().map(|s| s.by).sum();
    // Each part is cut to a tenth.
    (steps.len() > 1 && (sum - total).abs() <= steps.len() as i64 + 1).then_some((steps, total))
}

/// `+9.8` as 98.
fn parse(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, tenth) = digits.split_once('.')?;
    let value = whole.parse::<i64>().ok()? * 10 + i64::from(tenth.parse::<u8>().ok().filter(|t| *t < 10)?);
    Some(sign * value)
}

fn tenths(value: i64, signed: bool) -> String {
    let sign = if value < 0 {
        "\u{2212}"
    } else if signed {
        "+"
    } else {
        ""
    };
    format!("{sign}{}.{}", value.abs() / 10, value.abs() % 10)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_an_agreement_add_up() {
        let text = "name exact +9.8, id_no one-edit +14.2, birth year -1.2; prior -9.3; together +13.5 bits";
        let (steps, total) = steps(text).expect("an agreement");
        assert_eq!(total, 135);
        assert_eq!(steps[0], Step { name: "prior".into(), by: -93 });
        assert_eq!(steps.iter().map(|s| s.by).sum::<i64>(), total);
        let svg = waterfall(text).expect("a chart");
        assert_eq!(svg.matches("<rect").count(), 5);
        assert!(svg.contains("+14.2") && svg.contains("\u{2212}9.3") && svg.contains(">13.5<"), "{svg}");
    }

    #[test]
    fn other_texts_have_no_chart() {
        for text in [
            "",
            "hello",
            "name exact +9.8; together 99.0 bits",
            "name exact +9.8, born +1.0; together 30.0 bits",
            "a +1.x; together 1.0 bits",
        ] {
            assert_eq!(waterfall(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_escaped() {
        let svg = waterfall("<b> exact +9.8; prior -1.0; together 8.8 bits").expect("a chart");
        assert!(svg.contains("&lt;b&gt;") && !svg.contains("<b>"));
    }
}
