//! Message templates: text with `{expression}` in it.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Diagnostics, Span, Spanned};

/// Piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePiece {
    Text(String),
    /// An expression with its place.
    Expression(Spanned<String>),
}

/// Cuts a template into its pieces. `{{` and `}}` stand for braces; inside `{...}` a text in single quotes may hold braces.
///
/// # Errors
/// A brace without its partner, an empty `{}`.
pub fn template(text: &Spanned<String>) -> Result<Vec<TemplatePiece>, Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut pieces = vec![];
    let mut plain = String::new();
    let source = text.value.as_str();
    let mut rest = 0;
    while let Some(c) = source[rest..].chars().next() {
        let next = rest + c.len_utf8();
        let doubled = source[next..].starts_with(c);
        match c {
            '{' | '}' if doubled => {
                plain.push(c);
                rest = next + 1;
            }
            '{' => {
                let Some(end) = closing(&source[next..]).map(|length| next + length) else {
                    problems.push(
                        Diagnostic::error("open-brace", "`{` without its `}`")
                            .at(part(text, rest..next), "opened here")
                            .help("close it, or write `{{` for the character itself"),
                    );
                    return Err(problems);
                };
                let inside = &source[next..end];
                let expression = inside.trim();
                if expression.is_empty() {
                    problems.push(
                        Diagnostic::error("empty-value", "`{}` names no value")
                            .at(part(text, rest..end + 1), "nothing inside")
                            .help("write the value to show: `{payments.amount}`"),
                    );
                }
                if !plain.is_empty() {
                    pieces.push(TemplatePiece::Text(std::mem::take(&mut plain)));
                }
                let start = next + (inside.len() - inside.trim_start().len());
                pieces.push(TemplatePiece::Expression(Spanned {
                    value: expression.to_owned(),
                    span: part(text, start..start + expression.len()),
                }));
                rest = end + 1;
            }
            '}' => {
                problems.push(
                    Diagnostic::error("open-brace", "`}` without its `{`")
                        .at(part(text, rest..next), "closed here")
                        .help("write `}}` for the character itself"),
                );
                rest = next;
            }
            _ => {
                plain.push(c);
                rest = next;
            }
        }
    }
    if !plain.is_empty() {
        pieces.push(TemplatePiece::Text(plain));
    }
    problems.finish(pieces)
}

/// Offset of the `}` that ends an expression. Another `{` before it means that it was forgotten.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (i, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '}' if !quoted => return Some(i),
            '{' if !quoted => return None,
            _ => {}
        }
    }
    None
}

/// The place of a part of a text.
pub(super) fn part(text: &Spanned<String>, range: Range<usize>) -> Option<Span> {
    text.span.as_ref().map(|span| span.part(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Result<Vec<TemplatePiece>, Diagnostics> {
        template(&Spanned::without_place(text.to_owned()))
    }
    fn value(text: &str) -> TemplatePiece {
        TemplatePiece::Expression(Spanned::without_place(text.to_owned()))
    }
    fn words(text: &str) -> TemplatePiece {
        TemplatePiece::Text(text.to_owned())
    }

    #[test]
    fn cuts_text_and_values() {
        assert_eq!(pieces("{a.b} was { days } late").unwrap(), [value("a.b"), words(" was "), value("days"), words(" late")]);
        assert_eq!(pieces("{a}{b}").unwrap(), [value("a"), value("b")]);
        assert_eq!(pieces("").unwrap(), []);
        assert_eq!(
            pieces("已向{name}支付{amount}元").unwrap(),
            [words("已向"), value("name"), words("支付"), value("amount"), words("元")]
        );
    }
    #[test]
    fn doubled_braces_and_quoted_braces_are_characters() {
        assert_eq!(pieces("a {{b}} {case when x = '}' then 1 end}").unwrap(), [words("a {b} "), value("case when x = '}' then 1 end")]);
    }
    #[test]
    fn braces_without_partner_and_empty_ones_are_refused() {
        for (text, code) in [("a {b", "open-brace"), ("a b}", "open-brace"), ("a { } b", "empty-value")] {
            assert_eq!(pieces(text).unwrap_err().0[0].code, code, "{text}");
        }
    }
    #[test]
    fn values_keep_their_place() {
        let source = std::sync::Arc::new(crate::diagnostic::SourceText { name: "r.yaml".into(), text: "say: \"付 { sum }\"".into() });
        let text = Spanned::new("付 { sum }".to_owned(), Span { source: source.clone(), range: 6..source.text.len() - 1 });
        let Some(TemplatePiece::Expression(sum)) = template(&text).unwrap().pop() else { panic!("an expression") };
        assert_eq!(&source.text[sum.span.unwrap().range], "sum");
    }
}
