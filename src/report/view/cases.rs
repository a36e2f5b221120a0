//! A case with its evidence: who, which records, which numbers, by which rule and policy, what speaks for the person.

use minijinja::Value as View;

use super::shown::context;

use super::Report;
use super::tables::anchor;
use crate::case::{Case, PartKind};
use crate::finding::{Cell, EvidenceRow, ExemptionCheck, ExemptionResult, Finding, ParameterUse};
use crate::report::show::count;
use crate::report::waterfall::waterfall;
use crate::report::words::{fill, known};
use crate::schema::Value;

/// Rows of one table and part that are laid out as one table; fewer stand alone.
const MATRIX_ROWS: usize = 2;
/// Columns that fit on a printed page.
const MATRIX_COLUMNS: usize = 9;

/// The case's line in the ranked list.
pub fn case_line(report: &Report<'_>, position: usize) -> Option<View> {
    let case = report.content.cases.get(position)?;
    Some(context! {
        rank => count(case.rank),
        number => case.number,
        severity => report.severity(case.severity),
        subject => report.show.subject(&case.subject),
        place => report.show.place(case.region),
        findings => count(case.findings.len() as u64),
        amount => report.show.money(case.amount),
        score => case.score.total,
        visit => report.content.visits.is_some().then(|| report.visited.contains(&position)),
    })
}

/// The case in full.
pub fn case_card(report: &Report<'_>, position: usize) -> Option<View> {
    let case = report.content.cases.get(position)?;
    // Findings of one rule stand together, so that what the rule says is said once.
    let mut groups: Vec<(&str, Vec<&Finding>)> = vec![];
    for finding in case.findings.iter().filter_map(|&i| report.finding(i)) {
        match groups.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            Some((_, list)) => list.push(finding),
            None => groups.push((&finding.rule, vec![finding])),
        }
    }
    Some(context! {
        line => case_line(report, position),
        also => case.also.iter().map(|s| report.show.subject(s)).collect::<Vec<_>>(),
        score_parts => score_parts(report, case),
        groups => groups.iter().map(|(rule, list)| rule_group(report, rule, list)).collect::<Vec<_>>(),
        exempt => case.exempt.iter().filter_map(|&i| report.finding(i)).map(|f| exempt(report, f)).collect::<Vec<_>>(),
    })
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

fn rule_group(report: &Report<'_>, rule: &str, findings: &[&Finding]) -> View {
    let card = report.rules.get(rule);
    // What all findings of the rule share is said once, below them.
    let same = |f: fn(&Finding, &Finding) -> bool| findings.len() > 1 && findings.windows(2).all(|w| f(w[0], w[1]));
    let same_parameters = same(|a, b| a.parameters == b.parameters);
    let same_exemptions = same(|a, b| a.exemptions == b.exemptions);
    let first = findings.first();
    context! {
        rule,
        anchor => anchor(rule),
        title => report.rule_title(rule),
        innocent => card.map(|c| c.innocent.iter().map(|i| report.show.local(i)).collect::<Vec<_>>()),
        next_step => card.and_then(|c| c.next_step.as_ref()).map(|n| report.show.local(n)),
        findings => findings.iter().map(|f| finding(report, f, !same_parameters, !same_exemptions)).collect::<Vec<_>>(),
        parameters => first.filter(|_| same_parameters).map(|f| parameters(report, f)),
        exemptions => first.filter(|_| same_exemptions).map(|f| exemptions(report, f)),
    }
}

fn parameters(report: &Report<'_>, f: &Finding) -> Vec<View> {
    f.parameters.iter().map(|p| parameter(report, p)).collect()
}

fn exemptions(report: &Report<'_>, f: &Finding) -> Vec<View> {
    let check = |e: &ExemptionCheck| {
        let result = exemption_name(e.result);
        context! { says => report.show.local(&e.says), result, word => report.show.word(&format!("exemption_{result}")) }
    };
    f.exemptions.iter().map(check).collect()
}

fn finding(report: &Report<'_>, f: &Finding, own_parameters: bool, own_exemptions: bool) -> View {
    let show = &report.show;
    context! {
        key => f.key.get(..12).unwrap_or(&f.key),
        severity => report.severity(f.severity),
        message => show.message(&f.message),
        amount => f.amount.map(|a| show.money(Some(a.into()))),
        date => f.date.map(|d| show.date(d)),
        period => f.period.as_ref().map(|p| show.value(p)),
        figures => f.figures.iter().map(|g| context! { name => g.name, value => show.value(&g.value), arithmetic => g.arithmetic.as_ref().map(|a| show.pieces(a)), chart => chart(&g.value) }).collect::<Vec<_>>(),
        parameters => own_parameters.then(|| parameters(report, f)),
        exemptions => own_exemptions.then(|| exemptions(report, f)),
        records => records(report, &f.evidence),
        omitted => (f.evidence_omitted > 0).then(|| fill(report.options.lang, "record_omitted", &[("n", &count(f.evidence_omitted))])),
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
    }
}

fn exempt(report: &Report<'_>, f: &Finding) -> View {
    let holds = f.exemptions.iter().filter(|e| e.result == ExemptionResult::Holds).map(|e| report.show.local(&e.says)).collect::<Vec<_>>();
    context! { title => report.rule_title(&f.rule), message => report.show.message(&f.message), holds }
}

fn parameter(report: &Report<'_>, p: &ParameterUse) -> View {
    let show = &report.show;
    let date = |d: Option<i32>| d.map(|d| show.date(d)).unwrap_or_default();
    let validity = match (p.valid_from, p.valid_to) {
        (Some(_), Some(_)) => "from_to",
        (Some(_), None) => "valid_from",
        (None, Some(_)) => "valid_to",
        (None, None) => "valid_always",
    };
    let keys: Vec<String> = p.keys.iter().map(|k| show.value(k)).collect();
    context! {
        name => if keys.is_empty() { p.name.clone() } else { format!("{} ({})", p.name, keys.join(", ")) },
        value => show.value(&p.value),
        region => p.region.map_or_else(|| show.word("everywhere"), |r| show.places.get(&r).map_or_else(|| show.place(Some(r)), |p| p.name.clone())),
        validity => fill(report.options.lang, validity, &[("from", &date(p.valid_from)), ("to", &date(p.valid_to))]),
        source => p.source,
    }
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

fn cell(report: &Report<'_>, c: &Cell) -> View {
    context! {
        column => c.column,
        used => report.show.value(&c.used),
        number => matches!(c.used, crate::schema::Value::Int(_) | crate::schema::Value::Money(_) | crate::schema::Value::Decimal { .. }),
        delivered => report.show.delivered(c),
        computed => c.delivered.is_none(),
    }
}

/// Records in order; neighbours of one table, part and columns are one matrix.
fn records(report: &Report<'_>, rows: &[EvidenceRow]) -> Vec<View> {
    let columns = |row: &EvidenceRow| row.cells.iter().map(|c| c.column.clone()).collect::<Vec<_>>();
    let alike = |a: &EvidenceRow, b: &EvidenceRow| a.table == b.table && a.role == b.role && columns(a) == columns(b);
    let mut blocks: Vec<&[EvidenceRow]> = vec![];
    for chunk in rows.chunk_by(alike) {
        if chunk.len() >= MATRIX_ROWS && chunk[0].cells.len() <= MATRIX_COLUMNS {
            blocks.push(chunk);
        } else {
            blocks.extend(chunk.chunks(1));
        }
    }
    blocks
        .into_iter()
        .filter_map(|block| {
            let first = block.first()?;
            let rows = block.iter().map(|row| context! { key => record_key(report, row), origin => place_in_file(report, row), cells => row.cells.iter().map(|c| cell(report, c)).collect::<Vec<_>>() });
            Some(context! {
                table => first.table,
                role => (first.role != first.table).then(|| role(report, &first.role)),
                matrix => block.len() >= MATRIX_ROWS,
                columns => columns(first),
                rows => rows.collect::<Vec<_>>(),
            })
        })
        .collect()
}
