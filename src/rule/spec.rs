//! A rule file as a person writes it: keys, texts and places. Nothing is looked up yet.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::RuleStatus;
use crate::check::CheckSpec;
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::{OneOrMany, Ordered};
use crate::finding::{Localised, Severity};

/// Languages a text may be written in.
pub const LANGUAGES: [&str; 2] = ["en", "zh"];

/// An expression in SQL syntax, kept as text with its place.
pub type ExprText = Spanned<String>;

/// One rule file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Name of the rule: its path below the rules folder without `.yaml`, e.g. `funds/payment-after-death`.
    pub id: Spanned<String>,
    /// What the rule finds, in a few neutral words.
    pub title: Spanned<Text>,
    /// How far the rule may be trusted; `draft` when absent.
    pub status: Option<Spanned<RuleStatus>>,
    /// A word, or steps tried in order.
    pub severity: Spanned<SeveritySpec>,
    /// Why the situation should be looked at.
    pub why: Option<Spanned<Text>>,
    /// The policy the rule rests on.
    #[serde(default)]
    pub basis: Vec<BasisSpec>,
    /// Ids of the rule catalogue that this rule covers, e.g. `FD12`.
    #[serde(default)]
    pub covers: Vec<Spanned<String>>,
    /// The form of check and its parameters.
    pub check: Spanned<CheckSpec>,
    /// Expression that ranks the findings of this rule.
    pub measure: Option<ExprText>,
    /// Whom a finding is about: entity and the expression of its key. The first is the case key.
    #[serde(default)]
    #[schemars(schema_with = "subject_schema")]
    pub subject: Ordered<ExprText>,
    /// One finding per flagged record, or one for all records of a group.
    pub report: Option<Spanned<Report>>,
    /// Money at stake per unit.
    pub amount: Option<ExprText>,
    /// Situations that speak for the person and are checked by the data.
    #[serde(default)]
    pub exempt: Vec<ExemptSpec>,
    /// Innocent explanations that only a person can check.
    #[serde(default)]
    pub innocent: Vec<Spanned<Text>>,
    /// The finding in one sentence; `{expression}` stands for a value, `{{` and `}}` for braces.
    pub say: Option<Spanned<Text>>,
    /// What to do to verify it.
    pub next_step: Option<Spanned<Text>>,
    /// Values on which a decision about a finding rests: when one changes, a decided case opens again.
    #[serde(default)]
    pub decisive: Vec<ExprText>,
    pub limits: Option<LimitsSpec>,
    /// The rule finds records that cannot be judged: a table, or columns of one (`members.id_no`), for rules that decide by them. It runs first.
    #[serde(default)]
    pub validates: OneOrMany<Spanned<String>>,
    #[serde(default)]
    pub tests: Vec<TestSpec>,
}

/// Whom a finding can be about.
pub const ENTITIES: [&str; 11] =
    ["person", "household", "account", "phone", "cadre", "enumerator", "area", "org", "supplier", "project", "case"];

fn subject_schema(_: &mut SchemaGenerator) -> Schema {
    let properties: serde_json::Map<String, serde_json::Value> =
        ENTITIES.iter().map(|entity| ((*entity).to_owned(), serde_json::json!({"type": "string"}))).collect();
    json_schema!({"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1})
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    Record,
    Group,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasisSpec {
    /// Name of the document.
    pub source: Spanned<String>,
    pub clause: Option<Spanned<String>>,
    /// What it says, in short.
    pub says: Option<Spanned<Text>>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExemptSpec {
    /// Condition under which the whole finding is exempt.
    pub when: Option<ExprText>,
    /// Condition under which a record is taken out of the group, which is then judged again.
    pub drop: Option<ExprText>,
    /// Why, for the inspector.
    pub says: Spanned<Text>,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsSpec {
    /// Share of the population, e.g. `5%`, above which the result is set apart and explained.
    pub max_flag_rate: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestSpec {
    pub name: Spanned<String>,
    /// Tables and their rows, as CSV text with a header of canonical column names. Tables not given are empty.
    pub given: Ordered<Spanned<String>>,
    /// Keys of the units that must be flagged; parts of a key are joined by `/`.
    pub flags: Vec<Spanned<String>>,
    /// Keys of the units that would be flagged but for an exemption.
    #[serde(default)]
    pub exempt: Vec<Spanned<String>>,
    /// Left out: not looked at. An empty list demands that every unit can be assessed, as in a test of what the population leaves out.
    #[serde(default)]
    pub not_assessable: Option<Vec<Spanned<String>>>,
    /// Parameters and the value they have in this test, everywhere and always.
    #[serde(default)]
    pub set: Ordered<Spanned<String>>,
    /// As-of date of the test; the latest date in `given` when absent.
    pub as_of: Option<Spanned<String>>,
}

/// A text in one language (which one is seen from its characters) or in several.
#[derive(Debug, Clone)]
pub enum Text {
    One(String),
    Many(Ordered<Spanned<String>>),
}

impl Text {
    /// Language and text, as written.
    pub fn by_language(&self) -> Vec<(&str, &str)> {
        match self {
            Text::One(text) => vec![(language_of(text), text.as_str())],
            Text::Many(texts) => texts.iter().map(|(language, text)| (language.value.as_str(), text.value.as_str())).collect(),
        }
    }
    pub fn localised(&self) -> Localised {
        Localised(self.by_language().into_iter().map(|(l, t)| (l.to_owned(), t.to_owned())).collect())
    }
}

/// Texts of a spanned [`Text`], each with its own place.
pub fn texts_of(text: &Spanned<Text>) -> Vec<(&str, Spanned<String>)> {
    match &text.value {
        Text::One(one) => vec![(language_of(one), Spanned { value: one.clone(), span: text.span.clone() })],
        Text::Many(texts) => texts.iter().map(|(language, text)| (language.value.as_str(), text.clone())).collect(),
    }
}

/// `zh` for a text with Chinese characters, else `en`. What stands in `{...}` does not count.
fn language_of(text: &str) -> &'static str {
    let mut depth = 0u32;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3134f}' if depth == 0 => return "zh",
            _ => {}
        }
    }
    "en"
}

/// How grave a finding is: one word, or the first step whose condition holds.
#[derive(Debug, Clone)]
pub enum SeveritySpec {
    Word(Severity),
    /// Severity and its condition; the last is `otherwise`.
    Steps(Vec<Step>),
}

#[derive(Debug, Clone)]
pub struct Step {
    pub severity: Spanned<String>,
    pub when: ExprText,
}

/// Severities by name, mildest first.
pub const SEVERITIES: [(&str, Severity); 5] = [
    ("info", Severity::Info),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

pub fn severity(word: &str) -> Option<Severity> {
    SEVERITIES.iter().find(|(name, _)| *name == word).map(|(_, severity)| *severity)
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text, or texts by language `{en: ..., zh: ...}`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text::One(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
                let mut texts: Ordered<Spanned<String>> = Ordered::default();
                while let Some(entry) = map.next_entry::<Spanned<String>, Spanned<String>>()? {
                    if !LANGUAGES.contains(&entry.0.value.as_str()) {
                        return Err(A::Error::unknown_field(&entry.0.value, &LANGUAGES));
                    }
                    texts.0.push(entry);
                }
                if texts.is_empty() { Err(A::Error::invalid_length(0, &self)) } else { Ok(Text::Many(texts)) }
            }
        }
        deserializer.deserialize_any(V)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A text, or texts by language.",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"en": {"type": "string"}, "zh": {"type": "string"}},
                    "additionalProperties": false,
                    "minProperties": 1
                }
            ]
        })
    }
}

impl<'de> Deserialize<'de> for SeveritySpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Steps {
            steps: Vec<Ordered<Spanned<String>>>,
        }
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = SeveritySpec;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("info, low, medium, high, critical, or `steps: [{critical: condition}, {low: otherwise}]`")
            }
            fn visit_str<E: Error>(self, word: &str) -> Result<SeveritySpec, E> {
                severity(word)
                    .map(SeveritySpec::Word)
                    .ok_or_else(|| E::unknown_variant(word, &["info", "low", "medium", "high", "critical"]))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SeveritySpec, A::Error> {
                let Steps { steps } = Steps::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let steps = steps.into_iter().flat_map(|step| step.into_iter().map(|(severity, when)| Step { severity, when }));
                Ok(SeveritySpec::Steps(steps.collect()))
            }
        }
        deserializer.deserialize_any(V)
    }
}

impl JsonSchema for SeveritySpec {
    fn schema_name() -> Cow<'static, str> {
        "SeveritySpec".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let word = generator.subschema_for::<Severity>();
        json_schema!({
            "description": "A word, or steps tried in order; the condition of the last is `otherwise`.",
            "anyOf": [
                word,
                {
                    "type": "object",
                    "properties": {
                        "steps": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1, "maxProperties": 1}
                        }
                    },
                    "required": ["steps"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
