//! `recount.yaml` as written. Doc comments become the descriptions of the JSON schema.

use schemars::JsonSchema;
use serde::Deserialize;

use super::parameters::Unit;
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::{OneOrMany, Ordered, TextOr};
use crate::schema::MoneyUnit;

pub(super) type Text = Spanned<String>;

/// A recount project: its tables, links, views, policy parameters, regions and rule folders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Project")]
pub(super) struct ProjectSpec {
    /// Version of this format: 1.
    pub recount: Spanned<u32>,
    /// Civil time of the programme; a day ends at local midnight. Default: Asia/Shanghai.
    pub time_zone: Option<Text>,
    /// Tables by name.
    pub tables: Ordered<TableSpec>,
    /// Links by `table.name`: many-to-one steps from a table or view to another.
    #[serde(default)]
    pub links: Ordered<LinkSpec>,
    /// Views by name: tables at another grain.
    #[serde(default)]
    pub views: Ordered<ViewSpec>,
    /// Policy parameters.
    pub parameters: Option<ParametersSpec>,
    /// CSV of regions: code, name, level, parent, valid_from, valid_to, successor.
    pub regions: Option<Text>,
    /// Folders of rule files. Default: rules/.
    pub rules: Option<OneOrMany<Text>>,
    /// Folders of overlays, by which an office adjusts limits of rules.
    #[serde(default)]
    pub overlays: OneOrMany<Text>,
}

/// A table and the files it is read from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Table")]
pub(super) struct TableSpec {
    /// Files or globs (`data/payments-*.csv`), relative to the project file; all of them are one table.
    pub from: OneOrMany<Text>,
    /// Default: by the files' extension.
    pub format: Option<FormatSpec>,
    /// Encoding of CSV files, such as gb18030. Default: UTF-8, a byte order mark is honoured.
    pub encoding: Option<Text>,
    /// Delimiter of CSV files: one character, or `tab`. Default: comma.
    pub delimiter: Option<Text>,
    /// Sheet of XLSX files by name. Default: the first.
    pub sheet: Option<Text>,
    /// Rows of the header; several are joined by `/`. Default: 1.
    pub header_rows: Option<Spanned<u32>>,
    /// Lines before the header.
    pub skip_rows: Option<u32>,
    /// Its files may be absent: then the rules that read it are not run, and say so.
    #[serde(default)]
    pub optional: bool,
    /// Columns that name a record.
    #[serde(default)]
    pub key: OneOrMany<Text>,
    /// Columns the rows are sorted by. Default: the key with date columns last.
    #[serde(default)]
    pub sort: OneOrMany<Text>,
    /// Expression for the region that places a record.
    pub region: Option<Text>,
    /// Expression for the date that dates a record.
    pub date: Option<Text>,
    /// Time and place outside of which absence from this table says nothing.
    pub covers: Option<Spanned<CoversSpec>>,
    /// Columns between which a row is true.
    pub valid: Option<ValidSpec>,
    /// Date column of deliveries: of each key only the latest row up to the as-of date is used.
    pub snapshot: Option<Text>,
    /// Control totals of the delivery, compared before any finding.
    pub expect: Option<Spanned<ExpectSpec>>,
    /// Columns by name: a type, or type and options.
    pub columns: Ordered<TextOr<ColumnSpec>>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Format")]
pub(super) enum FormatSpec {
    Csv,
    Parquet,
    Xlsx,
    Ndjson,
}

/// A column.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Column")]
pub(super) struct ColumnSpec {
    #[serde(rename = "type")]
    pub kind: Spanned<TypeSpec>,
    /// Headers it may have in the files; case, width and white space are ignored. Default: its own name.
    #[serde(default)]
    pub from: OneOrMany<Text>,
    /// Computed column: the expression.
    pub is: Option<Text>,
    /// Unit in which files state money. Default: yuan.
    pub unit: Option<Spanned<MoneyUnit>>,
    /// Decimals kept, up to 9. Default: 2.
    pub scale: Option<Spanned<u8>>,
    /// Closed list of codes; other cells are rejected.
    pub values: Option<OneOrMany<Text>>,
    /// May be absent from a file: then all its cells are missing.
    #[serde(default)]
    pub optional: bool,
    /// Loaded only when an authority is named.
    #[serde(default)]
    pub restricted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Type")]
pub(super) enum TypeSpec {
    Text,
    PersonName,
    Phone,
    Account,
    Code,
    CitizenId,
    Region,
    Money,
    Date,
    Month,
    Int,
    Decimal,
    Bool,
}

impl TypeSpec {
    pub const ALL: [(&'static str, TypeSpec); 13] = [
        ("text", TypeSpec::Text),
        ("person_name", TypeSpec::PersonName),
        ("phone", TypeSpec::Phone),
        ("account", TypeSpec::Account),
        ("code", TypeSpec::Code),
        ("citizen_id", TypeSpec::CitizenId),
        ("region", TypeSpec::Region),
        ("money", TypeSpec::Money),
        ("date", TypeSpec::Date),
        ("month", TypeSpec::Month),
        ("int", TypeSpec::Int),
        ("decimal", TypeSpec::Decimal),
        ("bool", TypeSpec::Bool),
    ];
}

/// Time (closed) and place covered by a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Covers")]
pub(super) struct CoversSpec {
    pub from: Option<Text>,
    pub to: Option<Text>,
    /// Region codes of 2, 4, 6, 9 or 12 digits. Default: everywhere.
    #[serde(default)]
    pub regions: OneOrMany<Text>,
}

/// Date columns between which (closed; missing: open) a row is true.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Valid")]
pub(super) struct ValidSpec {
    pub from: Option<Text>,
    pub to: Option<Text>,
}

/// What the sender says is in the delivery.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Expect")]
pub(super) struct ExpectSpec {
    pub rows: Option<Spanned<u64>>,
    pub files: Option<Spanned<u64>>,
    /// Sums by column, in the column's delivered unit.
    #[serde(default)]
    pub sums: Ordered<Text>,
}

/// A many-to-one step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Link")]
pub(super) struct LinkSpec {
    /// Table or view it leads to.
    pub to: Text,
    /// Column of both sides, or `here: there`, or a list of these.
    pub keys: OneOrMany<TextOr<Ordered<Text>>>,
    /// Date at which the row it leads to must be valid.
    pub at: Option<Text>,
    /// Which of several rows: `earliest COLUMN`, `latest COLUMN`, `lowest COLUMN`, `highest COLUMN`.
    pub pick: Option<Text>,
    /// Name under which the other side sees these rows.
    pub back: Option<Text>,
}

/// A table at another grain.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "View")]
pub(super) struct ViewSpec {
    /// Table or view its rows come from.
    pub from: Text,
    /// Which rows.
    #[serde(rename = "where")]
    pub filter: Option<Text>,
    /// One period column: `{m: "months(starts_on, ends_on)"}`; a row becomes one row per period.
    pub each: Option<Spanned<Ordered<Text>>>,
    /// Columns that name a row.
    #[serde(default)]
    pub key: OneOrMany<Text>,
    pub region: Option<Text>,
    pub date: Option<Text>,
    pub covers: Option<Spanned<CoversSpec>>,
    /// Columns and their expressions; a bare name is taken as it is. Default: all columns.
    #[serde(default)]
    pub columns: OneOrMany<TextOr<Ordered<Text>>>,
}

/// Policy numbers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Parameters")]
pub(super) struct ParametersSpec {
    /// CSV files: name, region, valid_from, valid_to, value, unit, source.
    #[serde(default)]
    pub values: OneOrMany<Text>,
    /// Values by further keys, and lists.
    #[serde(default)]
    pub tables: Ordered<ParameterTableSpec>,
}

/// Values by further keys, or (with `list: true`) a list of tuples.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ParameterTable")]
pub(super) struct ParameterTableSpec {
    /// CSV file.
    pub from: Text,
    /// Key columns; codes, or `column: type`.
    pub by: OneOrMany<TextOr<Ordered<Text>>>,
    /// Column of the value.
    pub value: Option<Text>,
    /// Unit of the value.
    pub unit: Option<Spanned<Unit>>,
    /// A list of tuples instead of values.
    #[serde(default)]
    pub list: bool,
}
