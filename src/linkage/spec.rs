//! What is linked: fields and their kinds, agreement levels, blocking rules, limits, when a pair is accepted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compare::levels;
use super::problem::{Problem, Problems};

/// What the texts of a field mean; decides how they are normalised, compared and used as keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Citizen identity number of 18 or 15 characters, masked or whole; other documents are compared as text.
    CitizenId,
    /// Name of a person, Chinese or Latin.
    PersonName,
    /// One word of a Latin name (given name, surname), compared by edits and Jaro-Winkler.
    LatinName,
    /// Day of birth or another date; parts of a date are understood.
    Date,
    Sex,
    /// Region code of up to 12 digits. The first field of this kind is the place of the neighbour class.
    Region,
    Phone,
    /// Bank account or another number with many digits.
    Account,
    /// Free text: address, e-mail, organisation.
    Text,
    /// A figure, compared by ratio.
    Number,
    /// A code that agrees or not.
    Code,
    /// Number of the household or listing the record stands in: the kin class. Not compared.
    Household,
    /// Register or source of the record. Not compared.
    Register,
    /// Relation to the head of household (`户主`, `head`, `配偶`, `spouse`, ...). Not compared.
    Relation,
    /// Whole money units paid to the record, for the sum counted twice. Not compared.
    Money,
}

/// One field of the records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
    /// Agreement levels to tell apart, best first, without `missing` and `differ`, which always are. Default: all of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<String>>,
    /// Rare values that agree count more. Default: names, phones, accounts and ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term_frequency: Option<bool>,
    /// Only for blocking, never scored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub block_only: bool,
    /// Of dates: one may be the other in the Chinese lunar calendar, which is a level of its own (`lunar`, after `exact`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lunar: bool,
}

impl Field {
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Field { name: name.into(), kind, levels: None, term_frequency: None, block_only: false, lunar: false }
    }
}

/// A part of a value, used in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The whole normalised value.
    Whole,
    /// Toneless pinyin of the whole name (a Latin name: its letters).
    Pinyin,
    /// Reading of the surname; of Latin text the first three letters.
    Surname,
    /// Reading of the given name.
    Given,
    /// Sound of a Latin word: consonants in classes, first letter kept.
    Sound,
    Year,
    YearMonth,
    MonthDay,
    Town,
    County,
    /// First characters or digits.
    Head(u8),
    /// Last characters or digits.
    Tail(u8),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPart {
    pub field: String,
    pub part: Part,
}

/// Pairs of records that agree on all of `on` are compared. A block too large for the budget is split by `then`, one part after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blocking {
    pub on: Vec<KeyPart>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<KeyPart>,
}

/// Which weight makes a link.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Accept {
    /// Where the estimated F1 is highest, but nothing less likely than not.
    #[default]
    Balanced,
    /// The lowest weight at which the estimated share of wrong links stays at or under this (0.001: one in a thousand).
    Error(f64),
    /// This weight, in millibits.
    Weight(i32),
    /// Where the F1 over the labelled pairs is highest; needs labels.
    Labels,
}

/// Bounds on work. All are stated in the report when they were met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Pairs that one blocking rule may make, per record.
    pub pairs_per_record: u32,
    /// Blocks up to this size are always compared whole.
    pub small_block: u32,
    /// Pairs under this weight (millibits) are not kept.
    pub review: i32,
    /// Clusters over this size go to review.
    pub cluster: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { pairs_per_record: 12, small_block: 40, review: -3000, cluster: 6 }
    }
}

/// The whole question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    pub fields: Vec<Field>,
    /// Empty: rules that suit the fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocking: Vec<Blocking>,
    #[serde(default)]
    pub accept: Accept,
    #[serde(default)]
    pub limits: Limits,
    /// Only pairs between two sides are wanted (`Builder::side`): a link of two tables instead of duplicates in one.
    #[serde(default)]
    pub across: bool,
}

impl Spec {
    pub fn new(fields: Vec<Field>) -> Self {
        Spec { fields, blocking: Vec::new(), accept: Accept::default(), limits: Limits::default(), across: false }
    }

    /// Ordinal of the first field of a kind.
    pub fn first(&self, kind: Kind) -> Option<usize> {
        self.fields.iter().position(|f| f.kind == kind)
    }

    /// All that is wrong with the specification.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        let mut bits = 0;
        for (i, field) in self.fields.iter().enumerate() {
            if self.fields[..i].iter().any(|f| f.name == field.name) {
                problems.push(Problem::new(format!("field `{}` stands twice", field.name), "give each field its own name"));
            }
            if matches!(field.kind, Kind::Household | Kind::Register | Kind::Relation | Kind::Money)
                && self.fields[..i].iter().any(|f| f.kind == field.kind)
            {
                problems.push(Problem::new(format!("field `{}` is a second {:?}", field.name, field.kind), "keep one field of that kind"));
            }
            if field.lunar && field.kind != Kind::Date {
                problems.push(Problem::new(
                    format!("field `{}` is a {:?} and has no lunar calendar", field.name, field.kind),
                    "take out `lunar`, or give the field the kind `date`",
                ));
            }
            match levels(field) {
                Ok(levels) => bits += levels.bits,
                Err(problem) => problems.push(problem),
            }
        }
        if !self.fields.iter().any(|f| f.kind.is_compared() && !f.block_only) {
            problems
                .push(Problem::new("no field is compared", "add a name, an id, a date, a phone or another field that tells people apart"));
        }
        if bits > super::PATTERN_BITS {
            problems.push(Problem::new(
                format!("the agreement levels of all fields need {bits} bits; {} is the most", super::PATTERN_BITS),
                "leave out a field, or name fewer `levels`",
            ));
        }
        if self.blocking.len() > super::MAX_RULES {
            problems.push(Problem::new(
                format!("{} blocking rules; {} is the most", self.blocking.len(), super::MAX_RULES),
                "keep those that find most",
            ));
        }
        for (i, rule) in self.blocking.iter().enumerate() {
            if rule.on.is_empty() {
                problems.push(Problem::new(format!("blocking rule {} has no key", i + 1), "name a field under `on`"));
            }
            for key in rule.on.iter().chain(&rule.then) {
                match self.fields.iter().find(|f| f.name == key.field) {
                    None => {
                        let known: Vec<&str> = self.fields.iter().map(|f| f.name.as_str()).collect();
                        problems.push(Problem::new(
                            format!("blocking rule {} uses `{}`, which is no field", i + 1, key.field),
                            format!("use one of {}", known.join(", ")),
                        ));
                    }
                    Some(field) if !super::block::suits(key.part, field.kind) => problems.push(Problem::new(
                        format!("blocking rule {}: `{}` is a {:?} and has no {:?}", i + 1, key.field, field.kind, key.part),
                        "use `whole`, or a part that the kind has",
                    )),
                    Some(_) => {}
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }
}

impl Kind {
    /// Compared and scored (unless `block_only`); other kinds are context.
    pub fn is_compared(self) -> bool {
        !matches!(self, Kind::Household | Kind::Register | Kind::Relation | Kind::Money)
    }
}
