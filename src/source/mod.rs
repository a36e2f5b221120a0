//! Delivered files: one streaming pass each. Hash, decode, cut into records with the line a person would count. Knows no meaning of columns.

mod columnar;
mod csv;
mod files;
mod header;
mod pages;
mod sheet;
mod text;

use crate::diagnostic::{Diagnostic, Place};

pub use columnar::{Cell, Columnar, FileColumn, Kind, hash_file, open_columnar, open_indexed};
pub use csv::{CsvRecords, Field, has_open_quote};
pub use files::{Fingerprint, InputFile, expand, format_of};
pub use header::{Found, Wanted, map_headers, missing_column, normal_header};
pub use pages::{MISSING, Texts};
pub use sheet::{Sheet, number_text, read_sheet};
pub use text::{Block, BlockReader, Cut};

/// The message for a file without any record, not even a header.
pub fn empty_file(file: &InputFile) -> Diagnostic {
    Diagnostic::error("empty-file", format!("`{}` is empty: it has no header", file.name))
        .place(Place::File(file.name.clone()), "")
        .help("ask the sender whether the delivery is complete, or take the file out of `from:`")
}
