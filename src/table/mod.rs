//! Typed, coded, sorted tables in memory or as a Parquet store; key domains, delivery receipt. Knows no rules.

mod bits;
mod column;

pub use bits::Bits;
pub use column::{Column, Data, Dictionary, FileOrigin, Origin, Table};
