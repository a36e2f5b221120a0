//! Links and views: what they lead to and take from must be there.

use super::names::{Known, check_name, simple_name, unknown_column, unknown_table};
use super::{pairs, tables};
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::project::spec::{LinkSpec, Text, ViewSpec};
use crate::project::{LinkSource, PickSource, Regions, ViewSource};

pub(super) fn resolve(name: Text, spec: LinkSpec, known: &Known<'_>, problems: &mut Diagnostics) -> Option<LinkSource> {
    let part = |range: std::ops::Range<usize>| Spanned {
        value: name.value[range.clone()].to_string(),
        span: name.span.as_ref().map(|s| s.part(range)),
    };
    let dot = name.value.find('.').filter(|&i| i > 0 && i + 1 < name.value.len() && !name.value[i + 1..].contains('.'));
    let Some(dot) = dot else {
        problems.push(
            Diagnostic::error("bad-name", format!("`{}` cannot be the name of a link", name.value))
                .at(name.span.clone(), "wanted `table.name`")
                .help("a link starts at a table: `payments.payee`"),
        );
        return None;
    };
    let (source, link) = (part(0..dot), part(dot + 1..name.value.len()));
    check_name("link", &link, problems);
    if let Some(back) = &spec.back {
        check_name("link", back, problems);
    }
    for table in [&source, &spec.to] {
        if known.columns(&table.value).is_none() {
            problems.push(unknown_table(table, known.tables()));
        }
    }
    let keys = pairs(spec.keys.0);
    if keys.is_empty() {
        problems.push(Diagnostic::error("missing-value", format!("the link `{}` has no keys", name.value)).at(name.span.clone(), ""));
    }
    for (here, there) in &keys {
        column(&source.value, here, known, problems);
        column(&spec.to.value, there, known, problems);
    }
    if let Some(at) = &spec.at {
        column(&source.value, at, known, problems);
    }
    let pick = match spec.pick {
        Some(text) => Some(pick(&text, &spec.to.value, known, problems)?),
        None => None,
    };
    Some(LinkSource { source, name: link, to: spec.to, keys, at: spec.at, pick, back: spec.back })
}

/// A text that is one name, or `table.name`, must be a column; anything longer is an expression, parsed later.
fn column(table: &str, text: &Text, known: &Known<'_>, problems: &mut Diagnostics) {
    let Some(columns) = known.columns(table) else { return };
    let own = text.value.strip_prefix(table).and_then(|rest| rest.strip_prefix('.'));
    let bare = own.unwrap_or(&text.value);
    if simple_name(bare) && !columns.iter().any(|c| c == bare) {
        let start = text.value.len() - bare.len();
        let span = text.span.as_ref().map(|s| s.part(start..text.value.len()));
        problems.push(unknown_column(table, columns.iter().map(String::as_str), &Spanned { value: bare.to_string(), span }));
    }
}

fn pick(text: &Text, to: &str, known: &Known<'_>, problems: &mut Diagnostics) -> Option<PickSource> {
    let (word, rest) = text.value.split_once(char::is_whitespace).unwrap_or((&text.value, ""));
    let by = rest.trim_start();
    let largest = match word {
        "latest" | "highest" => true,
        "earliest" | "lowest" => false,
        _ => {
            problems.push(
                Diagnostic::error("bad-value", format!("`{}` does not say which row to take", text.value))
                    .at(text.span.clone(), "wanted `earliest`, `latest`, `lowest` or `highest` and a column")
                    .suggest(word, ["earliest", "latest", "lowest", "highest"]),
            );
            return None;
        }
    };
    if by.is_empty() {
        problems
            .push(Diagnostic::error("bad-value", format!("`{word}` by which column?")).at(text.span.clone(), "wanted a column after it"));
        return None;
    }
    let start = text.value.len() - by.len();
    let by = Spanned { value: by.to_string(), span: text.span.as_ref().map(|s| s.part(start..text.value.len())) };
    column(to, &by, known, problems);
    Some(PickSource { largest, by })
}

pub(super) fn view(name: Text, spec: ViewSpec, regions: &Regions, problems: &mut Diagnostics) -> ViewSource {
    check_name("view", &name, problems);
    let each = spec.each.and_then(|each| {
        let mut entries = each.value.into_iter();
        match (entries.next(), entries.next()) {
            (Some(only), None) => Some(only),
            _ => {
                problems.push(
                    Diagnostic::error("bad-value", "`each` makes one period column")
                        .at(each.span, "wanted one entry such as `{m: \"months(starts_on, ends_on)\"}`"),
                );
                None
            }
        }
    });
    let columns = pairs(spec.columns.0);
    for (column, _) in &columns {
        check_name("column", column, problems);
    }
    for (i, (column, _)) in columns.iter().enumerate() {
        if let Some((first, _)) = columns[..i].iter().find(|(c, _)| c.value == column.value) {
            problems.push(
                Diagnostic::error("name-clash", format!("the view `{}` has the column `{}` twice", name.value, column.value))
                    .at(column.span.clone(), "second")
                    .at(first.span.clone(), "first"),
            );
        }
    }
    ViewSource {
        name,
        from: spec.from,
        filter: spec.filter,
        each,
        key: spec.key.0,
        region: spec.region,
        date: spec.date,
        covers: spec.covers.map(|c| tables::covers(c, regions, problems)),
        columns,
    }
}

/// Views in an order in which each stands after what it takes its rows from; columns filled in; what they name checked.
pub(super) fn settle_views(views: Vec<ViewSource>, known: &mut Known<'_>, problems: &mut Diagnostics) -> Vec<ViewSource> {
    let names: Vec<String> = views.iter().map(|v| v.name.value.clone()).collect();
    let mut waiting = views;
    let mut done = Vec::new();
    loop {
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|v| known.columns(&v.from.value).is_some());
        if ready.is_empty() {
            waiting = rest;
            break;
        }
        for mut view in ready {
            let of = known.columns(&view.from.value).unwrap_or_default().to_vec();
            if view.columns.is_empty() {
                let place = view.from.span.clone();
                let name = |c: &String| Spanned { value: c.clone(), span: place.clone() };
                view.columns = of.iter().map(|c| (name(c), name(c))).collect();
            }
            let each = view.each.as_ref().map(|(name, _)| name.value.clone());
            for (_, expression) in &view.columns {
                if Some(&expression.value) != each.as_ref() {
                    column(&view.from.value, expression, known, problems);
                }
            }
            let mut columns: Vec<String> = view.columns.iter().map(|(name, _)| name.value.clone()).collect();
            columns.extend(each.filter(|name| !columns.contains(name)));
            for key in &view.key {
                if !columns.contains(&key.value) {
                    problems.push(unknown_column(&view.name.value, columns.iter().map(String::as_str), key));
                }
            }
            known.add_view(&view.name.value, columns);
            done.push(view);
        }
        waiting = rest;
    }
    for view in &waiting {
        if names.contains(&view.from.value) {
            problems.push(
                Diagnostic::error("view-cycle", format!("the view `{}` takes its rows from itself, through others", view.name.value))
                    .at(view.from.span.clone(), "comes back to it"),
            );
        } else {
            problems.push(unknown_table(&view.from, known.tables()));
        }
    }
    done
}
