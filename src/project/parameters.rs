//! Effective-dated policy numbers by region: value, validity and source document of each.

use crate::schema::{Type, Value};

/// All parameters of a project, by name ascending.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    pub all: Vec<Parameter>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterForm {
    /// A value by region and date.
    Value,
    /// A value by further keys, region and date.
    Table,
    /// A set of tuples (`listed`).
    List,
}

#[derive(Debug, Clone)]
pub struct Parameter {
    pub name: String,
    pub form: ParameterForm,
    pub ty: Type,
    /// Types of the further keys (`Table`) or of the tuple (`List`).
    pub keys: Vec<Type>,
    /// Sorted by keys, region, valid_from. No two of the same keys and region overlap in time.
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub keys: Vec<Value>,
    pub value: Value,
    /// 12-digit code; `None`: everywhere.
    pub region: Option<i64>,
    /// Days since 1970-01-01, closed; `None`: open.
    pub valid_from: Option<i32>,
    pub valid_to: Option<i32>,
    /// The document the number stands in.
    pub source: String,
}

/// What a lookup found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup<'a> {
    Found(&'a Entry),
    /// No entry is in force there and then.
    Gap,
}
