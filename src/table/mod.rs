//! Typed, coded, sorted tables in memory or as a Parquet store; key domains, delivery receipt. Knows no rules.

mod assemble;
mod bits;
mod build;
mod column;
mod delivered;
mod from_text;
mod intern;
mod load;
mod needs;
mod order;
mod packed;
mod parquet;
mod plan;
mod read;
mod receipt;
mod store;

#[cfg(test)]
mod tests;

pub use bits::Bits;
pub use column::{Column, Data, Dictionary, FileOrigin, Origin, Table};
pub use delivered::{Delivered, WantedRows, delivered};
pub use from_text::{from_text, from_text_as_of};
pub use load::{load, load_in_blocks};
pub use needs::{ColumnReceipt, ControlCheck, FileReceipt, LoadOptions, Loaded, Needs, Progress, Receipt, Rejected, Silent};
pub use store::staging_prefix;
