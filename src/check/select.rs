//! The select statement of a `query` check, cut into its parts; the expressions are left to the plan's parser.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{Token, TokenKind, tokens};

/// `select COLUMNS from TABLE [where ..] [group by ..] [having ..]`.
#[derive(Debug, Clone)]
pub struct Select {
    /// Name and expression, in order.
    pub columns: Vec<(Spanned<String>, Spanned<String>)>,
    pub from: Spanned<String>,
    pub filter: Option<Spanned<String>>,
    pub group_by: Vec<Spanned<String>>,
    pub having: Option<Spanned<String>>,
}

/// Clauses in their order.
const CLAUSES: [&str; 5] = ["select", "from", "where", "group", "having"];

/// What SQL has and a rule does not, and what to write instead.
const ELSEWHERE: [(&str, &str); 12] = [
    ("join", "follow a declared link instead: `household.region_code` reads the linked row"),
    ("left", "follow a declared link instead: `household.region_code` reads the linked row"),
    ("inner", "follow a declared link instead: `household.region_code` reads the linked row"),
    ("full", "use the check `reconcile`, which keeps the keys of both sides"),
    ("cross", "use the check `match`, which looks at pairs of rows"),
    ("union", "write one rule for each part"),
    ("except", "use the check `missing`"),
    ("intersect", "use the check `match`"),
    ("order", "the report ranks findings by `measure:`"),
    ("limit", "every unit is judged; take it out"),
    ("with", "declare a view in recount.yaml"),
    ("over", "use `prior(..)` or the checks `change` and `outlier`"),
];

/// Parts of `sql`.
///
/// # Errors
/// A clause missing, out of order or not known here.
pub fn parse(sql: &Spanned<String>) -> Result<Select, Box<Diagnostic>> {
    let text = &sql.value;
    let at = |range: Range<usize>| sql.span.as_ref().map(|span| span.part(range));
    let all = tokens(text).map_err(|e| {
        let error = Diagnostic::error("query-syntax", e.message.clone()).at(at(e.range.clone()), e.label.clone());
        Box::new(match &e.help {
            Some(help) => error.help(help.clone()),
            None => error,
        })
    })?;
    let refuse = |range: Range<usize>, message: String, label: &str, help: &str| {
        Box::new(Diagnostic::error("query-syntax", message).at(at(range), label).help(help))
    };
    const FORM: &str = "the form is `select NAME, EXPRESSION as NAME, CONDITION as flag from TABLE where .. group by .. having ..`";

    // Clause words outside all brackets.
    let mut depth = 0usize;
    let mut marks: Vec<(usize, usize)> = vec![];
    let mut cases = 0usize;
    for (i, token) in all.iter().enumerate() {
        match &token.kind {
            TokenKind::Symbol("(") => depth += 1,
            TokenKind::Symbol(")") => depth = depth.saturating_sub(1),
            TokenKind::Word { text, quoted: false } if depth == 0 => {
                let word = text.to_lowercase();
                let dotted = i > 0 && all[i - 1].kind == TokenKind::Symbol(".");
                let called = all.get(i + 1).is_some_and(|next| next.kind == TokenKind::Symbol("("));
                match word.as_str() {
                    "case" => cases += 1,
                    "end" => cases = cases.saturating_sub(1),
                    _ if dotted || cases > 0 => {}
                    _ => {
                        if let Some(clause) = CLAUSES.iter().position(|c| *c == word) {
                            if marks.last().is_some_and(|&(last, _)| last >= clause) {
                                let message = format!("`{word}` stands twice or out of order");
                                return Err(refuse(token.range.clone(), message, "not here", FORM));
                            }
                            marks.push((clause, i));
                        } else if let Some((_, instead)) = ELSEWHERE.iter().find(|(other, _)| *other == word && !called) {
                            return Err(refuse(
                                token.range.clone(),
                                format!("`{word}` is not part of a `query` check"),
                                "not understood",
                                instead,
                            ));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let whole = 0..text.len();
    if marks.first() != Some(&(0, 0)) {
        return Err(refuse(all.first().map_or(whole, |t| t.range.clone()), "a query begins with `select`".into(), "found this", FORM));
    }
    let clause = |number: usize| -> Option<&[Token]> {
        let position = marks.iter().position(|(clause, _)| *clause == number)?;
        let start = marks[position].1 + 1;
        let end = marks.get(position + 1).map_or(all.len(), |(_, at)| *at);
        all.get(start..end)
    };
    let piece = |part: &[Token]| -> Option<Spanned<String>> {
        let range = part.first()?.range.start..part.last()?.range.end;
        Some(Spanned { value: text[range.clone()].to_owned(), span: at(range) })
    };
    let missing = |word: &str| refuse(whole.clone(), format!("nothing stands after `{word}`"), "incomplete", FORM);

    let Some(from) = clause(1) else { return Err(refuse(whole, "`from` is missing".into(), "which table?", FORM)) };
    let [Token { kind: TokenKind::Word { text: table, .. }, range }] = from else {
        let range = from.get(1).map_or(whole.clone(), |t| t.range.clone());
        return Err(refuse(
            range,
            "`from` takes one table or view".into(),
            "not understood",
            "columns of linked tables are read along links, without joins",
        ));
    };
    let from = Spanned { value: table.clone(), span: at(range.clone()) };

    let mut columns = vec![];
    for item in split(clause(0).unwrap_or_default()) {
        columns.push(column(item, &piece).ok_or_else(|| match piece(item) {
            Some(item) => {
                let error = Diagnostic::error("query-syntax", format!("`{}` has no name", item.value)).at(item.span, "without a name");
                Box::new(error.help("write `EXPRESSION as NAME`"))
            }
            None => missing("select"),
        })?);
    }
    let filter = clause(2).map(|part| piece(part).ok_or_else(|| missing("where"))).transpose()?;
    let having = clause(4).map(|part| piece(part).ok_or_else(|| missing("having"))).transpose()?;
    let group_by = match clause(3) {
        None => vec![],
        Some([Token { kind: TokenKind::Word { text: by, .. }, .. }, keys @ ..]) if by.eq_ignore_ascii_case("by") => {
            split(keys).into_iter().map(|key| piece(key).ok_or_else(|| missing("group by"))).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(missing("group")),
    };
    Ok(Select { columns, from, filter, group_by, having })
}

/// Items between commas outside all brackets.
fn split(part: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0usize;
    let mut start = 0;
    let mut items = vec![];
    for (i, token) in part.iter().enumerate() {
        match token.kind {
            TokenKind::Symbol("(") => depth += 1,
            TokenKind::Symbol(")") => depth = depth.saturating_sub(1),
            TokenKind::Symbol(",") if depth == 0 => {
                items.push(&part[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    items.push(&part[start..]);
    items
}

/// `EXPRESSION as NAME`, or a path, named by its last word.
fn column(item: &[Token], piece: &dyn Fn(&[Token]) -> Option<Spanned<String>>) -> Option<(Spanned<String>, Spanned<String>)> {
    if let [expression @ .., Token { kind: TokenKind::Word { text: word, quoted: false }, .. }, name] = item
        && word.eq_ignore_ascii_case("as")
        && let TokenKind::Word { text, .. } = &name.kind
    {
        let place = piece(std::slice::from_ref(name))?.span;
        return Some((Spanned { value: text.clone(), span: place }, piece(expression)?));
    }
    let path = item.iter().all(|t| matches!(t.kind, TokenKind::Word { .. } | TokenKind::Symbol(".")));
    match item.last() {
        Some(Token { kind: TokenKind::Word { text, .. }, .. }) if path => {
            let expression = piece(item)?;
            Some((Spanned { value: text.clone(), span: expression.span.clone() }, expression))
        }
        _ => None,
    }
}
