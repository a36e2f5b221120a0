//! What a rule that resolves may still lack or get wrong: tests, reasons, bare policy numbers, words that accuse.

use std::collections::BTreeSet;

use super::RuleStatus;
use super::folder::RuleFile;
use super::form::{of_form, of_units};
use super::say::part;
use super::spec::{LANGUAGES, Text, texts_of};
use super::tree::{Tree, scalars};
use super::words::accusation;
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned, yaml};
use crate::plan::{Catalog, Token, TokenKind, tokens};
use crate::project::Project;
use crate::schema::{self, Type, Value};

/// Codes of this page, each with what it means.
pub const CODES: &[(&str, &str)] = &[
    ("no-flagging-test", "a stable rule has no test in which it flags"),
    ("no-quiet-test", "a stable rule has no test in which it stays quiet"),
    ("no-why", "a stable rule does not say why the situation matters"),
    ("no-basis", "a stable rule names no policy it rests on"),
    ("no-say", "a stable rule has no sentence for its findings"),
    ("bare-number", "an expression holds a policy number that a parameter holds too"),
    ("accusing-word", "a text accuses instead of describing"),
    ("no-among", "a check over a table with a status column does not narrow its population"),
    ("lag-over-period", "`lag` takes the row before, whatever its period"),
    ("many-branches", "a condition has three or more `or` branches, so that `say` cannot tell which holds"),
    ("missing-language", "a text lacks a language that other rules have"),
    ("catalogue-id", "an id in `covers` has not the form of the rule catalogue"),
];

/// Everything worth saying about `files`, in their order. Retired rules are passed over.
pub fn lint(files: &[RuleFile], project: &Project, catalog: &Catalog) -> Diagnostics {
    let mut problems = Diagnostics::default();
    let languages = languages(files);
    for file in files {
        let status = file.spec.status.as_ref().map_or(RuleStatus::Draft, |s| s.value);
        if status == RuleStatus::Retired {
            continue;
        }
        if status == RuleStatus::Stable {
            complete(file, &mut problems);
        }
        wording(file, &mut problems);
        if languages.len() > 1 {
            missing_languages(file, &languages, &mut problems);
        }
        covers(file, &mut problems);
        among(file, catalog, &mut problems);
        expressions(file, project, status == RuleStatus::Stable, &mut problems);
    }
    problems
}

/// What a stable rule must have.
fn complete(file: &RuleFile, problems: &mut Diagnostics) {
    let spec = &file.spec;
    let mut lacks = |code: &'static str, what: &str, help: &str| {
        problems.push(
            Diagnostic::error(code, format!("the stable rule `{}` {what}", file.id()))
                .at(spec.status.as_ref().and_then(|s| s.span.clone()), "stable")
                .help(help),
        );
    };
    if !spec.tests.iter().any(|test| !test.flags.is_empty()) {
        lacks("no-flagging-test", "has no test in which it flags", "add a test with `flags: [...]`, or set `status: trial`");
    }
    if !spec.tests.iter().any(|test| test.flags.is_empty()) {
        lacks("no-quiet-test", "has no test in which it stays quiet", "add a test of a look-alike that is in order, with `flags: []`");
    }
    if spec.why.is_none() {
        lacks("no-why", "does not say why the situation matters", "add `why:` in one or two sentences");
    }
    if spec.basis.is_empty() {
        lacks("no-basis", "names no policy it rests on", "add `basis: [{source: ..., clause: ..., says: ...}]`");
    }
    if spec.say.is_none() {
        lacks("no-say", "has no sentence for its findings", "add `say:` with the values an inspector has to see in `{...}`");
    }
}

/// The texts of a rule in our own words, by key. `basis` quotes documents and is left out.
fn own_texts(file: &RuleFile) -> Vec<(&'static str, &Spanned<Text>)> {
    let spec = &file.spec;
    let mut texts = vec![("title", &spec.title)];
    texts.extend(spec.why.iter().map(|t| ("why", t)));
    texts.extend(spec.exempt.iter().map(|e| ("exempt", &e.says)));
    texts.extend(spec.innocent.iter().map(|t| ("innocent", t)));
    texts.extend(spec.say.iter().map(|t| ("say", t)));
    texts.extend(spec.next_step.iter().map(|t| ("next_step", t)));
    texts
}

fn wording(file: &RuleFile, problems: &mut Diagnostics) {
    for (key, text) in own_texts(file) {
        for (_, one) in texts_of(text) {
            if let Some(range) = accusation(&one.value) {
                problems.push(
                    Diagnostic::error("accusing-word", format!("`{key}` accuses: `{}`", &one.value[range.clone()]))
                        .at(part(&one, range), "a verdict")
                        .help("a flag is a lead: describe the records, e.g. \"should be checked\", \"differs from\""),
                );
            }
        }
    }
}

/// Languages that the rules use, if some rule gives one text in several.
fn languages(files: &[RuleFile]) -> BTreeSet<&'static str> {
    let texts = || files.iter().flat_map(own_texts);
    if !texts().any(|(_, text)| text.value.by_language().len() > 1) {
        return BTreeSet::new();
    }
    LANGUAGES.into_iter().filter(|language| texts().any(|(_, text)| text.value.by_language().iter().any(|(l, _)| l == language))).collect()
}

fn missing_languages(file: &RuleFile, languages: &BTreeSet<&str>, problems: &mut Diagnostics) {
    for language in languages {
        let lacking: Vec<(&str, &Spanned<Text>)> =
            own_texts(file).into_iter().filter(|(_, text)| !text.value.by_language().iter().any(|(l, _)| l == language)).collect();
        let Some((_, first)) = lacking.first() else { continue };
        let keys: BTreeSet<&str> = lacking.iter().map(|(key, _)| *key).collect();
        problems.push(
            Diagnostic::warning(
                "missing-language",
                format!("`{}` of `{}` is not written in `{language}`", Vec::from_iter(keys).join("`, `"), file.id()),
            )
            .at(first.span.clone(), format!("no `{language}` text"))
            .help("write `{en: ..., zh: ...}`; a report in the missing language shows the other one"),
        );
    }
}

fn covers(file: &RuleFile, problems: &mut Diagnostics) {
    for id in &file.spec.covers {
        let bytes = id.value.as_bytes();
        if !(bytes.len() == 4 && bytes[..2].iter().all(u8::is_ascii_uppercase) && bytes[2..].iter().all(u8::is_ascii_digit)) {
            problems.push(
                Diagnostic::warning("catalogue-id", format!("`{}` is not an id of the rule catalogue", id.value))
                    .at(id.span.clone(), "two capital letters and two digits were wanted")
                    .help("write e.g. `FD12`"),
            );
        }
    }
}

fn among(file: &RuleFile, catalog: &Catalog, problems: &mut Diagnostics) {
    let check = &file.spec.check.value;
    let name = check.table();
    let Some((_, table)) = catalog.table(&name.value) else { return };
    let Some(status) = table.columns.iter().find(|c| c.name == "status" || c.name.ends_with("_status")) else { return };
    if check.among().is_none() {
        problems.push(
            Diagnostic::warning(
                "no-among",
                format!("`{}` has a column `{}`, and the check does not say which records count", name.value, status.name),
            )
            .at(name.span.clone(), "all its records are judged, whatever their status")
            .help(format!("write e.g. `among: {}.{} = '...'`, or `among: true` if all of them do", name.value, status.name)),
        );
    }
}

fn expressions(file: &RuleFile, project: &Project, stable: bool, problems: &mut Diagnostics) {
    // A file that was read once reads again.
    let Ok(tree) = yaml::read::<Spanned<Tree>>(&file.text) else { return };
    // Steps of severity rank findings; they are the rule's own and no policy.
    for key in ["check", "measure", "subject", "amount", "exempt", "decisive", "say"] {
        let Some(node) = tree.value.get(key) else { continue };
        scalars(node, &mut vec![key], &mut |path, text| {
            if path.last() == Some(&"says") {
                return;
            }
            if key == "say" {
                for piece in super::template(text).unwrap_or_default() {
                    if let super::TemplatePiece::Expression(text) = piece {
                        expression(path, &text, project, stable, problems);
                    }
                }
            } else {
                expression(path, text, project, stable, problems);
            }
        });
    }
}

fn expression(path: &[&str], text: &Spanned<String>, project: &Project, stable: bool, problems: &mut Diagnostics) {
    let Ok(tokens) = tokens(&text.value) else { return };
    for (i, token) in tokens.iter().enumerate() {
        match &token.kind {
            TokenKind::Number(number) if of_units(number, &tokens[..i], &tokens[i + 1..]) => {}
            TokenKind::Number(number) => bare_number(number, &tokens[..i], text, token, project, stable, problems),
            TokenKind::Word { text: word, quoted: false }
                if word.eq_ignore_ascii_case("lag") && tokens.get(i + 1).is_some_and(|t| t.kind == TokenKind::Symbol("(")) =>
            {
                problems.push(
                    Diagnostic::warning("lag-over-period", "`lag` takes the row before, also when a period is missing between them")
                        .at(part(text, token.range.clone()), "the row before")
                        .help("`prior(x)` is the value exactly one period before, and unknown when there is none"),
                )
            }
            _ => {}
        }
    }
    if path.last() == Some(&"where") && branches(&tokens) >= 3 {
        problems.push(
            Diagnostic::warning("many-branches", format!("the condition has {} branches joined by `or`", branches(&tokens)))
                .at(text.span.clone(), "the finding cannot say which of them holds")
                .help("write one rule for each branch"),
        );
    }
}

/// Number of parts of the outermost `or`; 1 when there is none.
fn branches(tokens: &[Token]) -> usize {
    let mut depth = 0i32;
    let mut count = 1;
    for token in tokens {
        match &token.kind {
            TokenKind::Symbol("(") => depth += 1,
            TokenKind::Symbol(")") => depth -= 1,
            TokenKind::Word { text, quoted: false } => match text.to_ascii_lowercase().as_str() {
                "case" => depth += 1,
                "end" => depth -= 1,
                "or" if depth == 0 => count += 1,
                _ => {}
            },
            _ => {}
        }
    }
    count
}

/// A number of the expression that is also the value of a parameter of its kind. Small counts, 100 and years are everyone's.
fn bare_number(
    number: &str,
    before: &[Token],
    text: &Spanned<String>,
    token: &Token,
    project: &Project,
    stable: bool,
    problems: &mut Diagnostics,
) {
    let money = match before {
        [.., Token { kind: TokenKind::Word { text: unit, .. }, .. }, open] if open.kind == TokenKind::Symbol("(") => {
            match unit.to_ascii_lowercase().as_str() {
                "fen" => Some(1),
                "yuan" => Some(100),
                "wan" => Some(1_000_000),
                _ => None,
            }
        }
        _ => None,
    };
    // As units of 10^-6, so that `1.60` and `1.6` are one number.
    let Some(micro) = micro(number) else { return };
    let everyones =
        micro <= 12_000_000 && micro % 1_000_000 == 0 || micro == 100_000_000 || (1_900_000_000..=2_100_000_000).contains(&micro);
    if money.is_none() && (everyones || of_form(before)) || micro == 0 {
        return;
    }
    let same = |value: &Value| match (value, money) {
        (Value::Money(fen), Some(unit)) => i128::from(*fen) * 1_000_000 == micro * unit,
        (Value::Int(n), None) => i128::from(*n) * 1_000_000 == micro,
        (Value::Decimal { units, scale }, None) => {
            i128::from(*units) * 10i128.pow(6u32.saturating_sub(u32::from(*scale))) == micro && *scale <= 6
        }
        _ => false,
    };
    let holds = |p: &&crate::project::Parameter| {
        matches!(p.ty, Type::Money | Type::Int | Type::Decimal(_)) && p.entries.iter().any(|e| same(&e.value))
    };
    let names: Vec<&str> = project.parameters.all.iter().filter(holds).map(|p| p.name.as_str()).collect();
    let Some(first) = names.first() else { return };
    let message = format!("the number {number} is also held by the parameter `{}`", names.join("`, `"));
    let diagnostic = if stable { Diagnostic::error("bare-number", message) } else { Diagnostic::warning("bare-number", message) };
    let entry = project.parameters.all.iter().find(|p| p.name == *first).and_then(|p| p.entries.iter().find(|e| same(&e.value)));
    let mut diagnostic =
        diagnostic.at(part(text, token.range.clone()), "a policy number in a rule goes stale unseen").help(match names.len() {
            1 => format!("write `param('{first}')`; if the equality is chance, name the number in the parameter file under its own name"),
            _ => "write `param('...')` with the one that is meant; if none is, name the number in the parameter file under its own name"
                .to_owned(),
        });
    if let (Some(entry), 1) = (entry, names.len()) {
        diagnostic = diagnostic.note(format!("`{first}` is {} by \"{}\"", schema::format(&entry.value), entry.source));
    }
    problems.push(diagnostic);
}

/// A decimal literal in millionths; `None` past six decimals.
fn micro(number: &str) -> Option<i128> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > 6 {
        return None;
    }
    format!("{whole}{decimals:0<6}").parse().ok()
}
