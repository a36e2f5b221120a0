//! Typed, coded, sorted tables in memory or as a Parquet store; key domains, delivery receipt. Knows no rules.

mod bits;
mod column;
mod needs;

pub use bits::Bits;
pub use column::{Column, Data, Dictionary, FileOrigin, Origin, Table};
pub use needs::{ColumnReceipt, ControlCheck, FileReceipt, LoadOptions, Loaded, Needs, Progress, Receipt, Rejected, Silent};
