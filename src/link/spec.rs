//! The link file: what is linked, as written, and as the core takes it.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::check::block_part;
use crate::diagnostic::yaml::{self, OneOrMany, Ordered, TextOr};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceText, Spanned};
use crate::linkage::{Accept, Blocking, Field, Kind, Limits, Problems, Spec};

/// Version of the file format.
pub const LINK_VERSION: u32 = 1;

/// `link.yaml` as written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkFile {
    /// Version of this format: 1.
    pub link: Spanned<u32>,
    /// Files of records: CSV, Parquet, XLSX; globs are expanded. Paths are relative to this file.
    pub from: OneOrMany<Spanned<String>>,
    /// Files of a second register: its records are sought for those of `from`, and links within one side are not wanted.
    #[serde(default)]
    pub with: OneOrMany<Spanned<String>>,
    /// Column that names a record; unique over all files.
    pub key: Spanned<String>,
    /// What is known of a record: the name of the field with the kind of its values, or with more.
    pub fields: Ordered<TextOr<FieldSpec>>,
    /// Which pairs are compared at all: lists of fields that agree, each `field` or `field.part`. Rules that suit the fields when absent.
    #[serde(default)]
    pub block: Vec<OneOrMany<Spanned<String>>>,
    /// When a pair is a link: `balanced` (the highest estimated F1), `labels` (the highest F1 over the pairs of `--labels`), or `{probability: 0.95}`, `{error: 0.001}` (the estimated share of wrong links),
    /// `{weight: 8.5}` (bits).
    pub accept: Option<TextOr<AcceptSpec>>,
    /// What inspectors said about pairs: a CSV file with the columns a, b, verdict (same, different, unsure).
    pub judgements: Option<Spanned<String>>,
    /// Text encoding of CSV files; UTF-8 when absent.
    pub encoding: Option<Spanned<String>>,
    /// Bounds on work.
    #[serde(default)]
    pub limits: LimitsSpec,
}

/// A field with more than its kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// What the values mean.
    pub kind: Kind,
    /// Header of the column; the field's name when absent.
    pub column: Option<String>,
    /// Agreement levels that are told apart, best first; all of the kind when absent.
    pub levels: Option<Vec<String>>,
    /// Whether rare values that agree count more.
    pub term_frequency: Option<bool>,
    /// Only used in `block`, never scored.
    #[serde(default)]
    pub block_only: bool,
    /// Of dates: one may be the other in the Chinese lunar calendar, which then counts as the level `lunar`.
    #[serde(default)]
    pub lunar: bool,
}

/// One way to say which pairs are links.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptSpec {
    /// At least this probability.
    pub probability: Option<f64>,
    /// At most this estimated share of wrong links.
    pub error: Option<f64>,
    /// At least this weight, in bits.
    pub weight: Option<f64>,
}

/// Bounds on work, where they differ from the usual ones.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsSpec {
    /// Pairs that one blocking rule may make, per record.
    pub pairs_per_record: Option<u32>,
    /// Pairs under this weight (bits) are not kept.
    pub review: Option<f64>,
    /// Clusters over this size go to review.
    pub cluster: Option<u32>,
}

/// A link file, resolved.
#[derive(Debug, Clone)]
pub struct Question {
    pub file: LinkFile,
    pub spec: Spec,
    /// Header of each field's column.
    pub columns: Vec<String>,
    /// The file's text, for the manifest.
    pub text: String,
}

impl Question {
    /// Reads a link file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(path: &Path) -> Result<Question, Diagnostics> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Diagnostic::error("unreadable-file", format!("`{}` cannot be read: {e}", path.display()))
                .help("give the path of a link file; `docs/linkage.md` shows one")
        })?;
        let source = Arc::new(SourceText { name: path.display().to_string(), text: text.clone() });
        let file: LinkFile = yaml::read(&source)?;
        let mut problems = Diagnostics::default();
        if file.link.value != LINK_VERSION {
            let error =
                Diagnostic::error("link-version", format!("link file version {}; this program reads {LINK_VERSION}", file.link.value));
            problems.push(error.at(file.link.span.clone(), "").help("write `link: 1`"));
        }
        let mut fields = vec![];
        let mut columns = vec![];
        for (name, field) in file.fields.iter() {
            let (kind, column, more) = match field {
                TextOr::Text(kind) => match kind_of(&kind.value) {
                    Some(kind) => (kind, name.value.clone(), None),
                    None => {
                        let error = Diagnostic::error("linkage-kind", format!("`{}` is no kind of value", kind.value));
                        problems.push(
                            error.at(kind.span.clone(), "").suggest(&kind.value, KINDS).help(format!("use one of {}", KINDS.join(", "))),
                        );
                        continue;
                    }
                },
                TextOr::Other(more) => (more.kind, more.column.clone().unwrap_or_else(|| name.value.clone()), Some(more)),
            };
            let mut field = Field::new(name.value.clone(), kind);
            if let Some(more) = more {
                (field.levels, field.term_frequency, field.block_only) = (more.levels.clone(), more.term_frequency, more.block_only);
                field.lunar = more.lunar;
            }
            fields.push(field);
            columns.push(column);
        }
        let blocking = blocking(&file, &mut problems);
        let accept = accept(&file, &mut problems);
        problems.finish(())?;
        let usual = Limits::default();
        let limits = Limits {
            pairs_per_record: file.limits.pairs_per_record.unwrap_or(usual.pairs_per_record),
            review: file.limits.review.map_or(usual.review, |bits| (bits * 1000.0).round() as i32),
            cluster: file.limits.cluster.unwrap_or(usual.cluster),
            ..usual
        };
        let spec = Spec { blocking, accept, limits, across: !file.with.is_empty(), ..Spec::new(fields) };
        spec.check().map_err(|problems| told(problems, path))?;
        Ok(Question { file, spec, columns, text })
    }
}

/// Problems of the core as messages about a file.
pub fn told(problems: Problems, path: &Path) -> Diagnostics {
    let mut all = Diagnostics::default();
    for problem in problems.0 {
        all.push(Diagnostic::error("linkage-spec", problem.message).place(Place::File(path.display().to_string()), "").help(problem.help));
    }
    all
}

const KINDS: [&str; 15] = [
    "citizen-id",
    "person-name",
    "latin-name",
    "date",
    "sex",
    "region",
    "phone",
    "account",
    "text",
    "number",
    "code",
    "household",
    "register",
    "relation",
    "money",
];

fn kind_of(name: &str) -> Option<Kind> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

fn blocking(file: &LinkFile, problems: &mut Diagnostics) -> Vec<Blocking> {
    let mut rules = vec![];
    for names in &file.block {
        let mut on = vec![];
        for name in names.iter() {
            match block_part(name) {
                Ok(part) => on.push(part),
                Err(problem) => problems.push(*problem),
            }
        }
        rules.push(Blocking { on, then: vec![] });
    }
    rules
}

fn accept(file: &LinkFile, problems: &mut Diagnostics) -> Accept {
    let wanted = "write `accept: balanced`, `accept: labels`, or one of `{probability: 0.95}`, `{error: 0.001}`, `{weight: 8.5}`";
    let mut wrong = |message: String| {
        problems.push(Diagnostic::error("linkage-threshold", message).at(file.key.span.clone(), "of this link file").help(wanted));
        Accept::Balanced
    };
    match &file.accept {
        None => Accept::Balanced,
        Some(TextOr::Text(text)) if text.value == "balanced" => Accept::Balanced,
        Some(TextOr::Text(text)) if text.value == "labels" => Accept::Labels,
        Some(TextOr::Text(text)) => wrong(format!("`accept: {}` is not known", text.value)),
        Some(TextOr::Other(one)) => match (one.probability, one.error, one.weight) {
            (Some(p), None, None) if p > 0.0 && p < 1.0 => Accept::Weight(((p / (1.0 - p)).log2() * 1000.0).round() as i32),
            (None, Some(error), None) if error > 0.0 && error < 1.0 => Accept::Error(error),
            (None, None, Some(bits)) => Accept::Weight((bits * 1000.0).round() as i32),
            _ => wrong("`accept` needs exactly one of probability, error (both between 0 and 1) and weight".to_owned()),
        },
    }
}
