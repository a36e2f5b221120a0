//! Effective-dated policy numbers by region: value, validity and source document of each.

mod read;
mod unit;

use std::cmp::Ordering;

use super::Regions;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::schema::{Type, Value};

pub(super) use read::{ListSource, TableSource, read_table, read_values, settle};
pub use unit::Unit;

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
    /// Unit its values are written in; `--set` reads values in it too.
    pub unit: Unit,
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

impl Parameters {
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.all.binary_search_by(|parameter| parameter.name.as_str().cmp(name)).ok().and_then(|i| self.all.get(i))
    }

    /// Puts one value in place of all values of `name`, everywhere and always: what `--set name=value` and `set:` of a rule test say.
    /// `text` is read in the parameter's own unit.
    ///
    /// # Errors
    /// `unknown-parameter`; `bad-value` when the text is no value of the parameter's unit, or the parameter is a list.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), Diagnostics> {
        let known: Vec<&str> = self.all.iter().map(|parameter| parameter.name.as_str()).collect();
        let Ok(at) = known.binary_search(&name) else {
            let mut problem = Diagnostic::error("unknown-parameter", format!("there is no parameter `{name}`"));
            problem = match nearest(name, known.iter().copied()) {
                Some(near) => problem.help(format!("a similar parameter exists: `{near}`")),
                None => problem.help("`recount list parameters` shows them all"),
            };
            return Err(problem.into());
        };
        let parameter = &mut self.all[at];
        if parameter.form == ParameterForm::List {
            return Err(Diagnostic::error("bad-value", format!("the parameter `{name}` is a list and cannot be set to one value")).into());
        }
        let (value, ty) = parameter
            .unit
            .read(text)
            .map_err(|bad| Diagnostic::error("bad-value", format!("`{name}` is stated in {}: {}", parameter.unit.name(), bad.problem)))?;
        parameter.ty = ty;
        if parameter.entries.is_empty() {
            parameter.entries.push(Entry {
                keys: vec![],
                value: Value::Null,
                region: None,
                valid_from: None,
                valid_to: None,
                source: String::new(),
            });
        }
        for entry in &mut parameter.entries {
            *entry = Entry {
                keys: std::mem::take(&mut entry.keys),
                value: value.clone(),
                region: None,
                valid_from: None,
                valid_to: None,
                source: "command line".into(),
            };
        }
        parameter.entries.dedup_by(|a, b| compare_keys(&a.keys, &b.keys).is_eq());
        Ok(())
    }
}

impl Parameter {
    /// The entry for `keys` in force on day `at` in `place` or its nearest ancestor with one in force, last of all one for everywhere.
    /// `at` or `place` absent: only entries that are not bound to a time, or a place, are in question.
    pub fn lookup(&self, keys: &[Value], place: Option<i64>, at: Option<i32>, regions: &Regions) -> Lookup<'_> {
        let first = self.entries.partition_point(|entry| compare_keys(&entry.keys, keys).is_lt());
        let count = self.entries[first..].partition_point(|entry| compare_keys(&entry.keys, keys).is_eq());
        let entries = &self.entries[first..first + count];
        let in_force = |region: Option<i64>| {
            let first = entries.partition_point(|entry| entry.region < region);
            let here = &entries[first..];
            let here = &here[..here.partition_point(|entry| entry.region == region)];
            match at {
                // No two overlap, so only the last that began can be in force.
                Some(day) => here[..here.partition_point(|entry| entry.valid_from.is_none_or(|from| from <= day))]
                    .last()
                    .filter(|entry| entry.valid_to.is_none_or(|to| day <= to)),
                None => here.iter().find(|entry| entry.valid_from.is_none() && entry.valid_to.is_none()),
            }
        };
        let local = place.and_then(|code| regions.ancestors(code).find_map(|region| in_force(Some(region))));
        local.or_else(|| in_force(None)).map_or(Lookup::Gap, Lookup::Found)
    }

    /// Whether a list has `tuple`.
    pub fn contains(&self, tuple: &[Value]) -> bool {
        self.entries.binary_search_by(|entry| compare_keys(&entry.keys, tuple)).is_ok()
    }

    pub fn varies_by_region(&self) -> bool {
        self.entries.iter().any(|entry| entry.region.is_some())
    }

    pub fn varies_by_date(&self) -> bool {
        self.entries.iter().any(|entry| entry.valid_from.is_some() || entry.valid_to.is_some())
    }
}

/// Keys are equal when their texts are: what kind of text a column holds does not matter.
fn compare_keys(a: &[Value], b: &[Value]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let order = match (a, b) {
            (Value::Text(a, _), Value::Text(b, _)) => a.cmp(b),
            (a, b) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

#[cfg(test)]
mod tests;
