//! Wrong variants of a rule: a good set of tests tells each of them from the rule itself.

use std::sync::Arc;

use super::folder::RuleFile;
use super::form::of_form;
use super::tree::{Tree, scalars};
use crate::diagnostic::{SourceText, Spanned, yaml};
use crate::plan::{Token, TokenKind, tokens};

/// A variant of a rule and what was changed in it.
#[derive(Debug, Clone)]
pub struct Mutant {
    pub change: String,
    pub file: RuleFile,
}

/// Parameters of checks that hold conditions.
const CONDITIONS: [&str; 5] = ["where", "expect", "having", "on", "off"];
/// Parameters of checks that hold keys or steps, one or several.
const KEYS: [&str; 7] = ["keys", "key", "by", "per", "peers", "columns", "steps"];

/// Variants of `file`: conditions turned round, limits moved, keys, exemptions and the population's condition left out.
/// Variants that cannot be read are left out. Some do not resolve (half a whole number where a whole one is wanted); they say nothing about
/// the tests.
pub fn mutants(file: &RuleFile) -> Vec<Mutant> {
    let Ok(tree) = yaml::read::<Spanned<Tree>>(&file.text) else { return vec![] };
    let mut changed: Vec<(String, Tree)> = vec![];
    if let Some(Tree::List(items)) = tree.value.get("exempt").map(|e| &e.value) {
        for i in 0..items.len() {
            let mut variant = tree.value.clone();
            if let Some(Spanned { value: Tree::List(items), .. }) = variant.get_mut("exempt") {
                items.remove(i);
            }
            changed.push((format!("exemption {} left out", i + 1), variant));
        }
    }
    let mut places = vec![];
    if let Some(check) = tree.value.get("check") {
        visit(check, &check.value, &mut vec!["check".to_owned()], &mut places);
    }
    for (path, edit) in places {
        let mut variant = tree.value.clone();
        let Some(change) = apply(&mut variant, &path, edit) else { continue };
        changed.push((change, variant));
    }
    changed
        .into_iter()
        .filter_map(|(change, tree)| {
            let mut text = String::new();
            tree.write(&mut text);
            let text = Arc::new(SourceText { name: format!("{} ({change})", file.text.name), text });
            RuleFile::read(file.path.clone(), text).ok().map(|file| Mutant { change, file })
        })
        .collect()
}

/// What to do at a place of the tree.
enum Edit {
    /// Scalar: another text; its description.
    Text(String, String),
    /// Mapping or list: one entry less.
    Drop(usize),
    /// Mapping: without this key.
    Without(&'static str),
}

/// A step to a place: key of a mapping or number of a list's item.
type Path = Vec<String>;

/// Notes what can be done to `tree`, which stands at `path` in `check`.
fn visit(check: &Spanned<Tree>, tree: &Tree, path: &mut Path, places: &mut Vec<(Path, Edit)>) {
    let name = path.iter().rev().find(|step| step.parse::<usize>().is_err()).cloned().unwrap_or_default();
    match tree {
        Tree::Scalar(text) => {
            if CONDITIONS.contains(&name.as_str()) {
                places.push((path.clone(), Edit::Text(format!("not ({text})"), "turned round".to_owned())));
                places.extend(turned(text).into_iter().map(|(text, what)| (path.clone(), Edit::Text(text, what))));
            }
            if name != "among" && path.len() > 2 {
                places.extend(moved(text).into_iter().map(|(text, what)| (path.clone(), Edit::Text(text, what))));
            }
        }
        Tree::List(items) => {
            if KEYS.contains(&name.as_str()) && items.len() > 1 {
                places.extend((0..items.len()).map(|i| (path.clone(), Edit::Drop(i))));
            }
            for (i, item) in items.iter().enumerate() {
                path.push(i.to_string());
                visit(check, &item.value, path, places);
                path.pop();
            }
        }
        Tree::Map(entries) => {
            if KEYS.contains(&name.as_str()) && entries.len() > 1 {
                places.extend((0..entries.len()).map(|i| (path.clone(), Edit::Drop(i))));
            }
            for key in ["among", "where"] {
                if entries.get(key).is_some_and(|condition| condition.value.scalar() != Some("true")) {
                    places.push((path.clone(), Edit::Without(key)));
                }
            }
            for (key, value) in entries {
                // A name that only the sentence shows decides nothing.
                if name == "let" && !mentions(check, &key.value) {
                    continue;
                }
                path.push(key.value.clone());
                visit(check, &value.value, path, places);
                path.pop();
            }
        }
    }
}

/// Whether an expression of the check uses `name`.
fn mentions(check: &Spanned<Tree>, name: &str) -> bool {
    let mut found = false;
    scalars(check, &mut vec![], &mut |_, text| {
        found |= tokens(&text.value).unwrap_or_default().iter().any(|t| matches!(&t.kind, TokenKind::Word { text, .. } if text == name));
    });
    found
}

fn apply(tree: &mut Tree, path: &[String], edit: Edit) -> Option<String> {
    let mut node = tree;
    for step in path {
        node = match node {
            Tree::List(items) => &mut items.get_mut(step.parse::<usize>().ok()?)?.value,
            other => &mut other.get_mut(step)?.value,
        };
    }
    let place = path.join(".");
    match (edit, node) {
        (Edit::Text(text, what), Tree::Scalar(old)) => {
            *old = text;
            Some(format!("`{place}`: {what}"))
        }
        (Edit::Drop(i), Tree::List(items)) => {
            let item = items.remove(i);
            Some(format!("`{place}`: `{}` left out", item.value.scalar().map_or_else(|| format!("item {}", i + 1), str::to_owned)))
        }
        (Edit::Drop(i), Tree::Map(entries)) => {
            let (key, _) = entries.0.remove(i);
            Some(format!("`{place}`: `{}` left out", key.value))
        }
        (Edit::Without(key), Tree::Map(entries)) => {
            entries.0.retain(|(k, _)| k.value != key);
            Some(format!("`{place}.{key}` left out"))
        }
        _ => None,
    }
}

fn word(token: Option<&Token>) -> &str {
    match token.map(|t| &t.kind) {
        Some(TokenKind::Word { text, quoted: false }) => text,
        _ => "",
    }
}

/// The text with each comparison turned round, one at a time.
fn turned(text: &str) -> Vec<(String, String)> {
    let Ok(tokens) = tokens(text) else { return vec![] };
    let mut found = vec![];
    for (i, token) in tokens.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|b| tokens.get(b));
        let with = match &token.kind {
            TokenKind::Symbol("=") => "<>",
            TokenKind::Symbol("<>" | "!=") => "=",
            TokenKind::Symbol("<") => ">=",
            TokenKind::Symbol("<=") => ">",
            TokenKind::Symbol(">") => "<=",
            TokenKind::Symbol(">=") => "<",
            TokenKind::Word { text: w, quoted: false }
                if ["in", "between", "like"].contains(&w.to_ascii_lowercase().as_str()) && !word(before).eq_ignore_ascii_case("not") =>
            {
                let what = format!("`{w}` turned into `not {w}`");
                found.push((format!("{}not {}", &text[..token.range.start], &text[token.range.start..]), what));
                continue;
            }
            TokenKind::Word { text: w, quoted: false } if w.eq_ignore_ascii_case("null") && word(before).eq_ignore_ascii_case("is") => {
                found.push((
                    format!("{}not {}", &text[..token.range.start], &text[token.range.start..]),
                    "`is null` turned into `is not null`".to_owned(),
                ));
                continue;
            }
            _ => continue,
        };
        let what = format!("`{}` turned into `{with}`", &text[token.range.clone()]);
        found.push((format!("{}{with}{}", &text[..token.range.start], &text[token.range.end..]), what));
    }
    found
}

/// The text with each number and each parameter doubled and halved, one at a time. 0 and 1 are no limits.
fn moved(text: &str) -> Vec<(String, String)> {
    let Ok(tokens) = tokens(text) else { return vec![] };
    let mut found = vec![];
    // Numbers inside `param(...)` are keys of the parameter.
    let mut skip = 0;
    for (i, token) in tokens.iter().enumerate() {
        if i < skip {
            continue;
        }
        let replace = |end: usize, with: String| format!("{}{with}{}", &text[..token.range.start], &text[end..]);
        match &token.kind {
            TokenKind::Number(number) if !["0", "1"].contains(&number.as_str()) && !of_form(&tokens[..i]) => {
                for with in [scaled(number, 2, 1), scaled(number, 1, 2)].into_iter().flatten() {
                    found.push((replace(token.range.end, with.clone()), format!("{number} moved to {with}")));
                }
            }
            TokenKind::Word { text: name, quoted: false } if name.eq_ignore_ascii_case("param") => {
                let Some(last) = closing(&tokens, i + 1) else { continue };
                skip = last + 1;
                let end = tokens[last].range.end;
                let call = &text[token.range.start..end];
                found.push((replace(end, format!("({call} * 2)")), format!("`{call}` doubled")));
                found.push((replace(end, format!("({call} / 2)")), format!("`{call}` halved")));
            }
            _ => {}
        }
    }
    found
}

/// Position of the `)` that closes the `(` at `open`.
fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0u32;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            TokenKind::Symbol("(") => depth += 1,
            TokenKind::Symbol(")") if depth <= 1 => return (depth == 1).then_some(i),
            TokenKind::Symbol(")") => depth -= 1,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// `number * up / down` in the number's own decimals; `None` where that is the number itself or nothing.
fn scaled(number: &str, up: i128, down: i128) -> Option<String> {
    let decimals = number.split_once('.').map_or(0, |(_, d)| d.len());
    let units: i128 = number.replace('.', "").parse().ok()?;
    let scaled = units.checked_mul(up)? / down;
    if scaled == units || scaled == 0 {
        return None;
    }
    let digits = format!("{scaled:0>width$}", width = decimals + 1);
    let (whole, rest) = digits.split_at(digits.len() - decimals);
    Some(if decimals == 0 { whole.to_owned() } else { format!("{whole}.{rest}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(edits: Vec<(String, String)>) -> Vec<String> {
        edits.into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn each_comparison_is_turned_round_alone() {
        assert_eq!(texts(turned("a > 5 and b = 'x > y'")), ["a <= 5 and b = 'x > y'", "a > 5 and b <> 'x > y'"]);
        assert_eq!(texts(turned("a in (1, 2) or b is null")), ["a not in (1, 2) or b is null", "a in (1, 2) or b is not null"]);
        assert_eq!(texts(turned("a not in (1, 2)")), Vec::<String>::new());
    }
    #[test]
    fn each_limit_is_doubled_and_halved() {
        assert_eq!(texts(moved("a > 5")), ["a > 10", "a > 2"]);
        assert_eq!(texts(moved("a > 1.5 and b > 0")), ["a > 3.0 and b > 0", "a > 0.7 and b > 0"]);
        assert_eq!(texts(moved("a > param('p', 3)")), ["a > (param('p', 3) * 2)", "a > (param('p', 3) / 2)"]);
    }
}
