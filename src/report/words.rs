//! The report's own words, one catalogue per language.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    #[default]
    En,
    Zh,
}

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::En, Lang::Zh];
    /// `en`, `zh`.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh",
        }
    }
    /// The value of the page's `lang` attribute.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh-CN",
        }
    }
    pub fn from_code(code: &str) -> Option<Lang> {
        Lang::ALL.into_iter().find(|l| l.code() == code)
    }
    fn catalogue(self) -> &'static BTreeMap<String, String> {
        static EN: OnceLock<BTreeMap<String, String>> = OnceLock::new();
        static ZH: OnceLock<BTreeMap<String, String>> = OnceLock::new();
        let (cell, text) = match self {
            Lang::En => (&EN, include_str!("strings/en.json")),
            Lang::Zh => (&ZH, include_str!("strings/zh.json")),
        };
        cell.get_or_init(|| serde_json::from_str(text).unwrap_or_default())
    }
}

/// The text of `key`; a key that no catalogue holds is shown as it is.
pub fn word(lang: Lang, key: &str) -> &str {
    lang.catalogue().get(key).map_or(key, String::as_str)
}

pub(super) fn known(lang: Lang, key: &str) -> bool {
    lang.catalogue().contains_key(key)
}

/// The text of `key` with `{name}` replaced.
pub fn fill(lang: Lang, key: &str, values: &[(&str, &str)]) -> String {
    let mut rest = word(lang, key);
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        text.push_str(values.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v));
        rest = tail;
    }
    text + rest
}

/// `text` of the program's own, stored in English, in another language: entries whose key begins with `said_` hold the forms such texts
/// have, in English with what varies in braces. The form with the most words of its own is taken; a text of no form stays as it is.
pub fn said(lang: Lang, text: &str) -> String {
    if lang == Lang::En {
        return text.to_owned();
    }
    let forms = Lang::En.catalogue().iter().filter(|(key, _)| key.starts_with("said_"));
    let fitting = forms.filter_map(|(key, form)| Some((form.len(), key, taken_apart(form, text)?)));
    match fitting.max_by_key(|(length, ..)| *length) {
        Some((_, key, values)) => fill(lang, key, &values),
        None => text.to_owned(),
    }
}

/// What stands in `text` at the places of `form`.
fn taken_apart<'t>(form: &'static str, text: &'t str) -> Option<Vec<(&'static str, &'t str)>> {
    let mut values = vec![];
    let (first, mut form) = form.split_once('{').unwrap_or((form, ""));
    let mut rest = text.strip_prefix(first)?;
    while let Some((name, after)) = form.split_once('}') {
        let (literal, next) = after.split_once('{').unwrap_or((after, ""));
        // Up to the next words of the form; the last place takes all but the end.
        let at = if next.is_empty() { rest.strip_suffix(literal)?.len() } else { rest.find(literal)? };
        values.push((name, &rest[..at]));
        rest = &rest[at + literal.len()..];
        form = next;
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_program_are_said_in_the_readers_language() {
        for (text, wanted) in [
            ("record of payments", "payments 的记录"),
            ("record of events, with its steps", "events 的记录及其各步骤"),
            ("group of the same town, year in events", "events 中 town, year 相同的一组"),
            ("sum of `amount`", "amount 合计"),
            ("records", "记录数"),
            ("records of nothing known", "records of nothing known"),
            ("12 without a value", "12 条缺值"),
            ("3 zero or negative", "3 条为零或为负"),
            ("groups of the same year, town", "year, town 相同的单位"),
            ("each last digit is one in ten", "末位数字各占十分之一"),
            ("ring of payee_id_no in payments", "payments 中相互关联的 payee_id_no"),
            (
                "`5E+17`: a spreadsheet turned the id into a number; export the column as text",
                "`5E+17`：电子表格已将其变为数字，请将该列按文本导出",
            ),
        ] {
            assert_eq!(said(Lang::Zh, text), wanted);
            assert_eq!(said(Lang::En, text), text);
        }
    }

    #[test]
    fn both_languages_have_the_same_keys_and_places() {
        let (en, zh) = (Lang::En.catalogue(), Lang::Zh.catalogue());
        assert!(!en.is_empty());
        assert_eq!(en.keys().collect::<Vec<_>>(), zh.keys().collect::<Vec<_>>());
        let places = |text: &str| {
            text.split('{').skip(1).filter_map(|p| p.split_once('}')).map(|(n, _)| n.to_owned()).collect::<std::collections::BTreeSet<_>>()
        };
        for (key, text) in en {
            // A form that is said in other words may leave something out, never name something else.
            let said = key.starts_with("said_");
            assert!(places(text) == places(&zh[key]) || said && places(text).is_superset(&places(&zh[key])), "{key}");
            assert!(!text.is_empty() && !zh[key].is_empty(), "{key}");
        }
    }

    #[test]
    fn no_word_accuses() {
        for lang in Lang::ALL {
            for (key, text) in lang.catalogue() {
                let text = text.to_lowercase();
                for bad in [
                    "fraud", "guilty", "cheat", "criminal", "offender", "illegal", "suspect", "violat", "违法", "违规", "诈骗", "骗取",
                    "嫌疑", "罪",
                ] {
                    assert!(!text.contains(bad), "{key}: {text}");
                }
            }
        }
    }

    #[test]
    fn fills_places() {
        assert_eq!(fill(Lang::En, "of_total", &[("n", "3"), ("total", "5")]), "3 of 5");
        assert_eq!(fill(Lang::En, "no such {n} key {", &[("n", "3")]), "no such 3 key {");
    }
}
