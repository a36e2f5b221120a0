//! Parameters that may be written in more than one form: names, and keys of a comparison.

use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::{OneOrMany, Ordered, TextOr};

/// One text or a list of them.
pub type Names = OneOrMany<Spanned<String>>;

/// How rows of two tables belong together: `household_id` (one column of that name on both sides), `[household_id, year]` (several),
/// `{payee_id_no: id_no}` (expression of the unit: expression of the other row), or a list with such pairs: a ladder, strongest first.
pub type Keys = OneOrMany<TextOr<Ordered<Spanned<String>>>>;

/// One rung of a ladder: pairs of (expression of the unit, expression of the other row).
pub type Pairs = Vec<(Spanned<String>, Spanned<String>)>;

/// The ladder of keys, strongest first.
pub fn rungs(keys: &Keys) -> Vec<Pairs> {
    let pairs = |key: &TextOr<Ordered<Spanned<String>>>| match key {
        TextOr::Text(name) => vec![(name.clone(), name.clone())],
        TextOr::Other(pairs) => pairs.iter().map(|(own, other)| (own.clone(), other.clone())).collect::<Pairs>(),
    };
    if keys.iter().all(|key| matches!(key, TextOr::Text(_))) {
        // A list of columns is one key of several parts.
        let all: Pairs = keys.iter().flat_map(pairs).collect();
        if all.is_empty() { vec![] } else { vec![all] }
    } else {
        keys.iter().map(pairs).collect()
    }
}

/// Group keys with names: `account_no`, `[account_no, programme]`, or `{town: town(region_code), programme: programme}`.
pub type NamedKeys = OneOrMany<TextOr<Ordered<Spanned<String>>>>;

/// Name (if one can be named by it) and expression of each group key. A plain word names itself; a path by its last word.
pub fn named(keys: &NamedKeys) -> Vec<(Option<String>, Spanned<String>)> {
    keys.iter()
        .flat_map(|key| match key {
            TextOr::Text(text) => vec![(word(&text.value), text.clone())],
            TextOr::Other(pairs) => pairs.iter().map(|(name, text)| (Some(name.value.clone()), text.clone())).collect(),
        })
        .collect()
}

/// `account_no` of `account_no`, `region_code` of `household.region_code`; nothing of longer expressions.
pub fn word(text: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let text = text.trim();
    if !text.chars().all(plain) {
        return None;
    }
    text.rsplit('.').next().filter(|name| !name.is_empty()).map(str::to_owned)
}
