//! A record of evidence as hashes, sums and the packed form read it, whether it is written out or still lies in packed columns.

use std::borrow::Cow;

use super::{EvidenceRow, Name};
use crate::schema::Value;

/// A source record that took part.
pub trait Record {
    fn table(&self) -> &Name;
    /// Part it plays; see [`EvidenceRow::role`].
    fn role(&self) -> &Name;
    /// File, sheet and line.
    fn place(&self) -> (&Name, Option<&Name>, u32);
    /// Columns of the record key with their values.
    fn key(&self) -> impl ExactSizeIterator<Item = (&Name, Cow<'_, Value>)>;
    /// The other columns that are shown, with the values used.
    fn cells(&self) -> impl ExactSizeIterator<Item = (&Name, Cow<'_, Value>)>;
}

impl Record for EvidenceRow {
    fn table(&self) -> &Name {
        &self.table
    }
    fn role(&self) -> &Name {
        &self.role
    }
    fn place(&self) -> (&Name, Option<&Name>, u32) {
        (&self.file, self.sheet.as_ref(), self.line)
    }
    fn key(&self) -> impl ExactSizeIterator<Item = (&Name, Cow<'_, Value>)> {
        self.key.iter().map(|(name, value)| (name, Cow::Borrowed(value)))
    }
    fn cells(&self) -> impl ExactSizeIterator<Item = (&Name, Cow<'_, Value>)> {
        self.cells.iter().map(|cell| (&cell.column, Cow::Borrowed(&cell.used)))
    }
}
