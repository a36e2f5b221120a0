//! A case with its evidence: who, which records, which numbers, by which rule and policy, what speaks for the person.
//!
//! A province has hundreds of thousands of cases: they are laid out here, straight into the page's text, and not by a template.

use super::Report;
use super::tables::anchor;
use crate::case::{Case, PartKind};
use crate::finding::{Cell, EvidenceRow, ExemptionResult, Finding, ParameterUse};
use crate::report::markup::Markup;
use crate::report::observed::observed;
use crate::report::show::count;
use crate::report::waterfall::waterfall;
use crate::report::words::{fill, known, word};
use crate::schema::Value;

/// Rows of one table and part that are laid out as one table; fewer stand alone.
const MATRIX_ROWS: usize = 2;
/// Columns that fit on a printed page.
const MATRIX_COLUMNS: usize = 9;

/// The case's line in the ranked list.
pub fn case_line(report: &Report<'_>, position: usize, out: &mut Markup) {
    let Some(case) = report.content.cases.get(position) else { return };
    let show = &report.show;
    out.raw("<tr><td class=\"n\">").text(&count(case.rank)).raw("</td><td><a class=\"code\" href=\"#").text(&case.number).raw("\">");
    out.text(&case.number).raw("</a></td><td>");
    severity(report, case.severity, out);
    out.raw("</td><td>").text(&show.subject(&case.subject)).raw("</td><td>").text(&show.place(case.region));
    out.raw("</td><td class=\"n\">").text(&count(case.findings.len() as u64)).raw("</td><td class=\"n\">").text(&show.money(case.amount));
    out.raw("</td><td class=\"n\">").raw(&case.score.total.to_string()).raw("</td>");
    if report.content.visits.is_some() {
        match report.visited.contains(&position) {
            true => out.raw("<td>").text(word(report.options.lang, "yes")).raw("</td>"),
            false => out.raw("<td><span class=\"muted\">—</span></td>"),
        };
    }
    out.raw("</tr>\n");
}

fn severity(report: &Report<'_>, severity: crate::finding::Severity, out: &mut Markup) {
    let name = crate::run::severity_name(severity);
    out.raw("<span class=\"sev ").raw(name).raw("\">").text(&report.show.word(&format!("severity_{name}"))).raw("</span>");
}

/// The case in full. `root`: the way from the page to the report.
pub fn case_card(report: &Report<'_>, position: usize, root: &str, out: &mut Markup) {
    let Some(case) = report.content.cases.get(position) else { return };
    let show = &report.show;
    let w = |key| word(report.options.lang, key);
    // Findings of one rule stand together, so that what the rule says is said once.
    let findings: Vec<Finding> = case.findings.iter().filter_map(|&i| report.finding(i)).collect();
    let mut groups: Vec<(&str, Vec<&Finding>)> = vec![];
    for finding in &findings {
        match groups.iter_mut().find(|(rule, _)| finding.rule == **rule) {
            Some((_, list)) => list.push(finding),
            None => groups.push((&finding.rule, vec![finding])),
        }
    }
    out.raw("<article class=\"case\" id=\"").text(&case.number).raw("\">\n<header>\n<p class=\"rank\">").text(&count(case.rank));
    out.raw("</p>\n<div class=\"who\">\n<h3>").text(&show.subject(&case.subject)).raw("</h3>\n<p><span class=\"code\">");
    out.text(&case.number).raw("</span> · ").text(&show.place(case.region));
    if report.content.visits.is_some() {
        match report.visited.contains(&position) {
            true => out.raw(" · ").text(w("visit_yes")),
            false => out.raw(" · <span class=\"muted\">").text(w("visit_no")).raw("</span>"),
        };
    }
    out.raw("</p>\n");
    if !case.also.is_empty() {
        let also: Vec<String> = case.also.iter().map(|s| show.subject(s)).collect();
        out.raw("<p class=\"muted\">").text(w("also")).raw(": ").text(&also.join(", ")).raw("</p>");
    }
    out.raw("</div>\n<dl class=\"sums\"><div><dt>").text(w("severity")).raw("</dt><dd>");
    severity(report, case.severity, out);
    out.raw("</dd></div><div><dt>").text(w("amount_yuan")).raw("</dt><dd>").text(&show.money(case.amount)).raw("</dd></div><div><dt>");
    let total = case.score.total.to_string();
    out.text(w("score")).raw("</dt><dd>").raw(&total).raw("</dd></div></dl>\n</header>\n<p class=\"score\">");
    out.text(w("score")).raw(" ").raw(&total).raw(" = ").text(&score_parts(report, case).join(" + ")).raw("</p>\n");
    for (rule, list) in &groups {
        rule_group(report, rule, list, root, out);
    }
    if !case.exempt.is_empty() {
        out.raw("<div class=\"exempt\"><h5>").text(w("also_exempt")).raw("</h5><ul>");
        for f in case.exempt.iter().filter_map(|&i| report.finding(i)) {
            out.raw("<li>").text(&report.rule_title(&f.rule)).raw(": ").text(&show.message(&f.message));
            for e in f.exemptions.iter().filter(|e| e.result == ExemptionResult::Holds) {
                out.raw(" <b>").text(show.local(&e.says)).raw("</b>");
            }
            out.raw("</li>");
        }
        out.raw("</ul></div>\n");
    }
    out.raw("<p class=\"verdict\"><b>").text(w("verdict")).raw("</b>");
    for key in ["verdict_confirmed", "verdict_explained", "verdict_data_error", "verdict_new_problem"] {
        out.raw(" <span>☐ ").text(w(key)).raw("</span>");
    }
    for key in ["verdict_by", "verdict_on"] {
        out.raw(" <span class=\"line\">").text(w(key)).raw("</span>");
    }
    out.raw(" <a class=\"up\" href=\"#index\">").text(w("back_to_list")).raw("</a></p>\n</article>\n");
}

fn score_parts(report: &Report<'_>, case: &Case) -> Vec<String> {
    let part = |p: &crate::case::ScorePart| {
        let key = match p.kind {
            PartKind::Severity => "score_part_severity",
            PartKind::Independence => "score_part_independence",
            PartKind::Repetition => "score_part_repetition",
            PartKind::Amount => "score_part_amount",
        };
        let (family, severity) = p
            .family
            .as_ref()
            .map_or(("", String::new()), |(name, s)| (name, report.show.word(&format!("severity_{}", crate::run::severity_name(*s)))));
        fill(report.options.lang, key, &[("points", &p.points.to_string()), ("family", family), ("severity", &severity)])
    };
    case.score.parts.iter().map(part).collect()
}

fn rule_group(report: &Report<'_>, rule: &str, findings: &[&Finding], root: &str, out: &mut Markup) {
    let w = |key| word(report.options.lang, key);
    let card = report.rules.get(rule);
    // What all findings of the rule share is said once, below them.
    let same = |f: fn(&Finding, &Finding) -> bool| findings.len() > 1 && findings.windows(2).all(|w| f(w[0], w[1]));
    let same_parameters = same(|a, b| a.parameters == b.parameters);
    let same_exemptions = same(|a, b| a.exemptions == b.exemptions);
    out.raw("<section class=\"rule\">\n<h4><a href=\"").text(root).raw(if root.is_empty() { "" } else { "report.html" }).raw("#");
    out.text(&anchor(rule)).raw("\">").text(&report.rule_title(rule)).raw("</a> <span class=\"code\">").text(rule).raw("</span></h4>\n");
    for f in findings {
        finding(report, f, !same_parameters, !same_exemptions, out);
    }
    let first = findings.first();
    if let Some(f) = first.filter(|_| same_parameters) {
        parameters(report, f, true, out);
    }
    out.raw("\n");
    if let Some(f) = first.filter(|_| same_exemptions) {
        exemptions(report, f, true, out);
    }
    out.raw("\n");
    if let Some(card) = card.filter(|c| !c.innocent.is_empty()) {
        out.raw("<div class=\"advice\"><h5>").text(w("innocent")).raw("</h5><ul>");
        for i in &card.innocent {
            out.raw("<li>").text(report.show.local(i)).raw("</li>");
        }
        out.raw("</ul></div>\n");
    }
    if let Some(next) = card.and_then(|c| c.next_step.as_ref()).map(|n| report.show.local(n)).filter(|n| !n.is_empty()) {
        out.raw("<div class=\"advice\"><h5>").text(w("next_step")).raw("</h5><p>").text(next).raw("</p></div>");
    }
    out.raw("</section>\n");
}

/// `shared`: what stands here is said of all findings above.
fn title(report: &Report<'_>, key: &'static str, shared: bool, out: &mut Markup) {
    out.raw("<h5>").text(word(report.options.lang, key));
    if shared {
        out.raw(" <span class=\"muted\">(").text(word(report.options.lang, "for_all_above")).raw(")</span>");
    }
    out.raw("</h5>\n");
}

fn parameters(report: &Report<'_>, f: &Finding, shared: bool, out: &mut Markup) {
    if f.parameters.is_empty() {
        return;
    }
    title(report, "parameters", shared, out);
    out.raw("<div class=\"wide\"><table class=\"small\">\n<thead><tr>");
    for (key, class) in [("parameter", ""), ("value", " class=\"n\""), ("for_region", ""), ("in_force", ""), ("source", "")] {
        out.raw("<th").raw(class).raw(">").text(word(report.options.lang, key)).raw("</th>");
    }
    out.raw("</tr></thead>\n<tbody>");
    for p in &f.parameters {
        parameter(report, p, out);
    }
    out.raw("</tbody></table></div>\n");
}

fn exemptions(report: &Report<'_>, f: &Finding, shared: bool, out: &mut Markup) {
    if f.exemptions.is_empty() {
        return;
    }
    title(report, "exemptions", shared, out);
    out.raw("<ul class=\"checks\">");
    for e in &f.exemptions {
        let result = exemption_name(e.result);
        out.raw("<li class=\"").raw(result).raw("\"><span>").text(report.show.local(&e.says)).raw("</span> <b>");
        out.text(&report.show.word(&format!("exemption_{result}"))).raw("</b></li>");
    }
    out.raw("</ul>\n");
}

fn finding(report: &Report<'_>, f: &Finding, own_parameters: bool, own_exemptions: bool, out: &mut Markup) {
    let show = &report.show;
    let w = |key| word(report.options.lang, key);
    out.raw("<details class=\"finding\" open>\n<summary>");
    if let Some(amount) = f.amount {
        out.raw("<span class=\"amount\">").text(&show.money(Some(amount.into()))).raw(" ").text(w("yuan")).raw("</span> ");
    }
    severity(report, f.severity, out);
    out.raw(" <span class=\"says\">").text(&show.message(&f.message)).raw("</span></summary>\n");
    if !f.figures.is_empty() {
        out.raw("<h5>").text(w("figures")).raw("</h5>\n<dl class=\"cells\">");
        for g in &f.figures {
            out.raw("<div><dt>").text(&g.name).raw("</dt><dd>");
            if let Some(chart) = counts(&g.value) {
                out.raw(&chart).raw("</dd></div>");
                continue;
            }
            out.raw("<span class=\"num\">").text(&show.value(&g.value)).raw("</span>");
            if let Some(arithmetic) = g.arithmetic.as_ref().map(|a| show.pieces(a)).filter(|a| !a.is_empty()) {
                out.raw("<br><span class=\"was\">").text(&arithmetic).raw("</span>");
            }
            if let Some(chart) = chart(&g.value) {
                out.raw("<br>").raw(&chart);
            }
            out.raw("</dd></div>");
        }
        out.raw("</dl>\n");
    }
    if !f.evidence.is_empty() {
        out.raw("<h5>").text(w("records")).raw("</h5>\n");
        records(report, &f.evidence, out);
        if f.evidence_omitted > 0 {
            let omitted = fill(report.options.lang, "record_omitted", &[("n", &count(f.evidence_omitted))]);
            out.raw("<p class=\"muted\">").text(&omitted).raw("</p>");
        }
    }
    if own_parameters {
        parameters(report, f, false, out);
    }
    out.raw("\n");
    if own_exemptions {
        exemptions(report, f, false, out);
    }
    let key = f.key.get(..12).unwrap_or(&f.key);
    out.raw("\n<p class=\"identity\">").text(&fill(report.options.lang, "identity", &[("key", key)]));
    if let Some(date) = f.date {
        out.raw(" · ").text(&show.date(date));
    }
    if let Some(period) = f.period.as_ref().map(|p| show.value(p)).filter(|p| !p.is_empty()) {
        out.raw(" · ").text(&period);
    }
    out.raw("</p>\n</details>\n");
}

/// What a statistical test saw beside what it expected, drawn.
fn counts(value: &Value) -> Option<String> {
    match value {
        Value::Text(text, _) => observed(text),
        _ => None,
    }
}

/// What agrees in a link, drawn.
fn chart(value: &Value) -> Option<String> {
    match value {
        Value::Text(text, _) => waterfall(text),
        _ => None,
    }
}

fn exemption_name(result: ExemptionResult) -> &'static str {
    match result {
        ExemptionResult::Holds => "holds",
        ExemptionResult::DoesNotHold => "does_not_hold",
        ExemptionResult::Unknown => "unknown",
        ExemptionResult::NotDelivered => "not_delivered",
    }
}

fn parameter(report: &Report<'_>, p: &ParameterUse, out: &mut Markup) {
    let show = &report.show;
    let date = |d: Option<i32>| d.map(|d| show.date(d)).unwrap_or_default();
    let validity = match (p.valid_from, p.valid_to) {
        (Some(_), Some(_)) => "from_to",
        (Some(_), None) => "valid_from",
        (None, Some(_)) => "valid_to",
        (None, None) => "valid_always",
    };
    let keys: Vec<String> = p.keys.iter().map(|k| show.value(k)).collect();
    let name = if keys.is_empty() { p.name.to_string() } else { format!("{} ({})", p.name, keys.join(", ")) };
    let region =
        p.region.map_or_else(|| show.word("everywhere"), |r| show.places.get(&r).map_or_else(|| show.place(Some(r)), |p| p.name.clone()));
    let in_force = fill(report.options.lang, validity, &[("from", &date(p.valid_from)), ("to", &date(p.valid_to))]);
    out.raw("<tr><td class=\"code\">").text(&name).raw("</td><td class=\"n\">").text(&show.value(&p.value)).raw("</td><td>").text(&region);
    out.raw("</td><td>").text(&in_force).raw("</td><td>").text(&p.source).raw("</td></tr>");
}

fn place_in_file(report: &Report<'_>, row: &EvidenceRow) -> String {
    let line = row.line.to_string();
    match &row.sheet {
        Some(sheet) => fill(report.options.lang, "row_of", &[("file", &row.file), ("sheet", sheet), ("line", &line)]),
        None => fill(report.options.lang, "line_of", &[("file", &row.file), ("line", &line)]),
    }
}

fn role(report: &Report<'_>, role: &str) -> String {
    let key = format!("role_{role}");
    if known(report.options.lang, &key) { report.show.word(&key) } else { role.to_owned() }
}

fn record_key(report: &Report<'_>, row: &EvidenceRow) -> String {
    row.key.iter().map(|(_, v)| report.show.value(v)).collect::<Vec<_>>().join(" / ")
}

fn is_number(c: &Cell) -> bool {
    matches!(c.used, Value::Int(_) | Value::Money(_) | Value::Decimal { .. })
}

fn value(report: &Report<'_>, c: &Cell, out: &mut Markup) {
    out.raw(if is_number(c) { "<span class=\"num\">" } else { "<span class=\"\">" }).text(&report.show.value(&c.used)).raw("</span>");
    if let Some(delivered) = report.show.delivered(c) {
        out.raw("<br><span class=\"was\">").text(&fill(report.options.lang, "as_delivered", &[("text", &delivered)])).raw("</span>");
    }
}

/// Records in order; neighbours of one table, part and columns are one matrix.
fn records(report: &Report<'_>, rows: &[EvidenceRow], out: &mut Markup) {
    let same_columns = |a: &EvidenceRow, b: &EvidenceRow| a.cells.iter().map(|c| &c.column).eq(b.cells.iter().map(|c| &c.column));
    let alike = |a: &EvidenceRow, b: &EvidenceRow| a.table == b.table && a.role == b.role && same_columns(a, b);
    for chunk in rows.chunk_by(alike) {
        if chunk.len() >= MATRIX_ROWS && chunk[0].cells.len() <= MATRIX_COLUMNS {
            matrix(report, chunk, out);
        } else {
            chunk.iter().for_each(|row| record(report, row, out));
        }
    }
}

fn of_what(report: &Report<'_>, row: &EvidenceRow, out: &mut Markup) {
    let role = if row.role == row.table { String::new() } else { role(report, &row.role) };
    if !role.is_empty() {
        out.raw("<span class=\"part\">").text(&role).raw("</span> ");
    }
    out.raw("<span class=\"code\">").text(&row.table).raw("</span>");
}

fn matrix(report: &Report<'_>, rows: &[EvidenceRow], out: &mut Markup) {
    out.raw("<div class=\"wide record\"><table class=\"matrix\">\n<caption>");
    of_what(report, &rows[0], out);
    out.raw("</caption>\n<thead><tr><th></th>");
    for c in &rows[0].cells {
        out.raw("<th>").text(&c.column).raw("</th>");
    }
    out.raw("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.raw("<tr><th scope=\"row\">").text(&record_key(report, row)).raw("<br><span class=\"file\">");
        out.text(&place_in_file(report, row)).raw("</span></th>");
        for c in &row.cells {
            out.raw(if is_number(c) { "<td class=\"n\">" } else { "<td>" });
            value(report, c, out);
            out.raw("</td>");
        }
        out.raw("</tr>\n");
    }
    out.raw("</tbody></table></div>\n");
}

fn record(report: &Report<'_>, row: &EvidenceRow, out: &mut Markup) {
    out.raw("<div class=\"record\">\n<p class=\"of\">");
    of_what(report, row, out);
    out.raw(" ").text(&record_key(report, row)).raw(" <span class=\"file\">").text(&place_in_file(report, row));
    out.raw("</span></p>\n<dl class=\"cells\">");
    for c in &row.cells {
        out.raw("<div><dt>").text(&c.column);
        if c.delivered.is_none() {
            out.raw(" <span class=\"muted\">(").text(word(report.options.lang, "computed")).raw(")</span>");
        }
        out.raw("</dt><dd>");
        value(report, c, out);
        out.raw("</dd></div>");
    }
    out.raw("</dl>\n</div>\n");
}
