//! Reads YAML into typed specs with places, all problems at once.
//!
//! Three steps: text -> tree of nodes with places (`tree`), tree against the JSON schema of the wanted type (`check`: unknown
//! keys, wrong kinds, missing keys, unknown alternatives), tree -> value (`decode`).
//!
//! Scalars are read by the type that is asked for: a `String` gets `NO`, `010`, `1e3` exactly as written. Where serde asks for
//! "anything" a scalar is text, so `#[serde(untagged)]` and `#[serde(flatten)]` are no use here; take [`OneOrMany`],
//! [`TextOr`] and [`Ordered`] instead.

mod check;
mod decode;
mod forms;
mod tree;

use std::sync::Arc;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;

use super::{Diagnostics, SourceText};
pub use forms::{OneOrMany, Ordered, TextOr};

/// Reads the one document of `text` as `T`. [`super::Spanned`] values inside know their place.
///
/// # Errors
/// Codes `yaml-syntax`, `yaml-anchor`, `yaml-tag`, `duplicate-key`, then, all together, `unknown-key`, `missing-key`,
/// `wrong-type`, `unknown-value`, `bad-value`.
pub fn read<T: DeserializeOwned + JsonSchema>(text: &Arc<SourceText>) -> Result<T, Diagnostics> {
    let root = tree::parse(text)?;
    let schema = SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>().to_value();
    let problems = check::check(&root, &schema, text);
    problems.finish(())?;
    decode::decode(&root, text)
}

#[cfg(test)]
mod tests;
