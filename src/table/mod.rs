//! Typed, coded, sorted tables in memory or as a Parquet store; key domains, delivery receipt. Knows no rules.

mod among;
mod assemble;
mod bits;
mod build;
mod column;
mod contents;
mod delivered;
mod external;
mod from_text;
mod headers;
mod intern;
mod load;
mod needs;
mod order;
mod packed;
mod parquet;
mod plan;
mod prune;
mod read;
mod receipt;
mod seen;
mod spill;
mod staging;
mod store;

#[cfg(test)]
mod tests;

pub use among::{Among, Keys};
pub use bits::Bits;
pub use column::{Column, Data, Dictionary, FileOrigin, Origin, Table};
pub use contents::{BUCKETS, ContentHash, Contents};
pub use delivered::{Delivered, WantedCells, delivered};
pub use from_text::{from_text, from_text_as_of};
pub use headers::{ColumnGap, ColumnMatch, FileMatch, Stray, TableMatch, Unused, headers};
pub use load::{StoreState, load, load_in_blocks, not_delivered, store_states};
pub use needs::{ColumnReceipt, ControlCheck, FileReceipt, Freshness, LoadOptions, Loaded, Needs, Progress, Receipt, Rejected, Silent};
pub use prune::{Compare, Condition};
pub(crate) use spill::Spill;
pub(crate) use staging::replace;
pub use staging::{hold_staging, staged, staging_prefix};
