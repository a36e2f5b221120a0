//! Loaded tables kept between runs, as long as the delivered files and the table's declaration are the same.
//!
//! `STORE/<table>/<inputs>-<declaration>-<columns>/` holds `rows.parquet`, `texts-N.parquet` per text column, `contents.json` (hashes by bucket)
//! and `table.json`. A folder appears whole (written beside, then renamed) and never changes; folders of earlier deliveries go when a new
//! one is stored. A run reads any folder that holds at least the columns it needs and gets what loading those columns alone would give.
//! A store that cannot be read or written costs a warning and time, nothing else: the delivered files decide.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::among::Among;
use super::assemble::Assembled;
use super::build::LISTED_REJECTED;
use super::contents::{Contents, contents};
use super::intern::Pool;
use super::packed::{Stored, write};
use super::plan::{PlannedColumn, TablePlan};
use super::prune::Condition;
use super::seen::Seen;
use super::staging::{staged, staging_prefix};
use super::{Bits, Column, Data, FileOrigin, Freshness, Receipt};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::source::InputFile;
use card::declared;
pub(super) use card::{Card, StoredColumn, files as card_files, store_message};
use read::read;

mod card;
mod pick;
mod read;

pub(super) use read::StoredTable;

/// Raised whenever what is stored, or how cells are read, changes.
const FORMAT: u32 = 3;

/// Where a table is kept, or would be.
pub(super) struct Shelf<'a> {
    plan: &'a TablePlan<'a>,
    /// The table's folder.
    folder: PathBuf,
    declaration: String,
    files: &'a [InputFile],
    seen: Seen,
}

/// A stored table's card and folder, and the position in the card of each column of the plan.
type Located = (Card, PathBuf, Vec<usize>);

/// What looking for a stored table gave.
pub(super) enum Found {
    Fresh(Box<StoredTable>),
    /// The files must be read; why.
    Stale(Freshness),
}

/// Everything but files and columns that decides what is loaded.
fn declaration(plan: &TablePlan, as_of: Option<i32>) -> String {
    let s = plan.source;
    let names = |list: &[crate::diagnostic::Spanned<String>]| list.iter().map(|n| n.value.clone()).collect::<Vec<_>>();
    let expect = s.expect.as_ref().map(|e| {
        let sums: Vec<_> = e.sums.iter().map(|(name, sum)| (&name.value, &sum.value)).collect();
        format!("{:?} {:?} {sums:?}", e.rows.as_ref().map(|r| r.value), e.files.as_ref().map(|f| f.value))
    });
    let one = |name: &Option<crate::diagnostic::Spanned<String>>| name.as_ref().map(|n| n.value.clone());
    let text = format!(
        "{FORMAT} {} {} {:?} {:?} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {expect:?}",
        env!("CARGO_PKG_VERSION"),
        plan.name(),
        s.format,
        one(&s.encoding),
        s.delimiter,
        one(&s.sheet),
        s.header_rows,
        s.skip_rows,
        names(&s.key),
        names(&s.sort),
        one(&s.snapshot),
        as_of.filter(|_| plan.snapshot.is_some()),
    );
    short(&blake3::hash(text.as_bytes()))
}

fn short(hash: &blake3::Hash) -> String {
    hash.to_hex()[..16].to_owned()
}

fn inputs_of<'f>(files: impl Iterator<Item = (&'f str, &'f str)>) -> String {
    let mut inputs = blake3::Hasher::new();
    for (path, sha256) in files {
        inputs.update(format!("{path}\0{sha256}\n").as_bytes());
    }
    short(&inputs.finalize())
}

impl<'a> Shelf<'a> {
    pub fn new(store: &Path, plan: &'a TablePlan<'a>, files: &'a [InputFile], as_of: Option<i32>) -> Self {
        let folder = store.join(plan.name());
        let seen = Seen::look(&folder, files);
        Shelf { plan, declaration: declaration(plan, as_of), files, seen, folder }
    }

    /// The finished folders of this table, by name.
    fn siblings(&self) -> Vec<(String, PathBuf)> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let mut all: Vec<(String, PathBuf)> = entries
            .map(|e| (e.file_name().to_string_lossy().into_owned(), e.path()))
            .filter(|(_, path)| path.join("table.json").is_file())
            .collect();
        all.sort();
        all
    }

    fn cards(&self) -> Result<Vec<(String, PathBuf, Card)>, Diagnostic> {
        let card = |(name, path): (String, PathBuf)| {
            let text = std::fs::read(path.join("table.json")).map_err(|e| self.unreadable(&path, &e.to_string()))?;
            let card: Card = serde_json::from_slice(&text).map_err(|e| self.unreadable(&path, &e.to_string()))?;
            Ok((name, path, card))
        };
        // Of another layout: neither read nor a fault.
        self.siblings().into_iter().filter(|(name, _)| name.matches('-').count() == 2).map(card).collect()
    }

    fn unreadable(&self, folder: &Path, why: &str) -> Diagnostic {
        Diagnostic::warning("unreadable-store", format!("the store of table `{}` cannot be read: {why}", self.plan.name()))
            .place(Place::File(folder.display().to_string()), "")
            .help("the delivered files were read instead; remove the folder to have it written again")
    }

    /// The stored table, if there is one that is fresh; an error when there is one that cannot be read (a warning), or a delivered file.
    pub fn find(&self, pool: &Pool, only: &[Condition], among: &[Among], pages: Option<usize>) -> Result<Found, Diagnostics> {
        let (card, path, at) = match self.locate()? {
            Ok(located) => located,
            Err(why) => return Ok(Found::Stale(why)),
        };
        match read(self.plan, pool, card, &path, at, only, among, pages) {
            Ok(table) if table.fits() => Ok(Found::Fresh(Box::new(table))),
            Ok(_) => Err(self.unreadable(&path, "it is not complete").into()),
            Err(error) => Err(self.unreadable(&path, &error.message).into()),
        }
    }

    /// The table as the folder `name` holds it.
    pub fn kept(
        &self,
        name: &str,
        pool: &Pool,
        only: &[Condition],
        among: &[Among],
        pages: Option<usize>,
    ) -> Result<Box<StoredTable>, Diagnostics> {
        let path = self.folder.join(name);
        let text = std::fs::read(path.join("table.json")).map_err(|e| self.unreadable(&path, &e.to_string()))?;
        let card: Card = serde_json::from_slice(&text).map_err(|e| self.unreadable(&path, &e.to_string()))?;
        let at = |c: &PlannedColumn| card.columns.iter().position(|s| s.name == c.name && s.declared == declared(c));
        let places: Option<Vec<usize>> = self.plan.columns.iter().map(at).collect();
        let Some(places) = places else { return Err(self.unreadable(&path, "it lacks columns").into()) };
        match read(self.plan, pool, card, &path, places, only, among, pages) {
            Ok(table) if table.fits() => Ok(Box::new(table)),
            Ok(_) => Err(self.unreadable(&path, "it is not complete").into()),
            Err(error) => Err(self.unreadable(&path, &error.message).into()),
        }
    }

    /// Whether the store is fresh, with rows and columns of what it holds.
    pub fn state(&self) -> Result<(Freshness, u64, usize), Diagnostics> {
        Ok(match self.locate()? {
            Ok((card, ..)) => (Freshness::Fresh, card.rows as u64, card.columns.len()),
            Err(why) => (why, 0, 0),
        })
    }

    /// The folder to read, and where in it the columns lie; or why there is none.
    fn locate(&self) -> Result<Result<Located, Freshness>, Diagnostics> {
        let cards = self.cards()?;
        let (mut names, mut columns_missing) = (vec![], vec![]);
        if cards.is_empty() {
            return Ok(Err(Freshness::Empty));
        }
        // Only files that could be the stored ones are worth hashing before they are read.
        let sizes: Vec<(String, u64)> =
            self.files.iter().map(|f| (f.name.clone(), std::fs::metadata(&f.path).map_or(0, |m| m.len()))).collect();
        let alike = |card: &Card| card.files.iter().map(|f| (f.0.clone(), f.3)).eq(sizes.iter().cloned());
        let mut hashes: Vec<String> = vec![];
        if cards.iter().any(|(_, _, card)| alike(card)) {
            hashes = self.seen.hashes(self.files)?;
        }
        let inputs = inputs_of(self.files.iter().map(|f| f.name.as_str()).zip(hashes.iter().map(String::as_str)));
        let prefix = format!("{inputs}-{}-", self.declaration);
        let mut best: Option<(Card, PathBuf, Vec<usize>)> = None;
        for (name, path, card) in cards {
            if hashes.is_empty() || !name.starts_with(&format!("{inputs}-")) {
                names.extend(self.differences(&card, &hashes));
                continue;
            }
            if !name.starts_with(&prefix) {
                continue;
            }
            let at = |c: &PlannedColumn| card.columns.iter().position(|s| s.name == c.name && s.declared == declared(c));
            let places: Vec<Option<usize>> = self.plan.columns.iter().map(at).collect();
            let full = card.rejected.len() >= LISTED_REJECTED && card.columns.len() > self.plan.columns.len();
            match places.iter().copied().collect::<Option<Vec<usize>>>() {
                // Of a list that was cut it cannot be told what it would hold for fewer columns.
                Some(at) if !full => {
                    if best.as_ref().is_none_or(|(b, ..)| card.columns.len() < b.columns.len()) {
                        best = Some((card, path, at));
                    }
                }
                _ => {
                    let missing = self.plan.columns.iter().zip(&places).filter(|(_, p)| p.is_none());
                    columns_missing = missing.map(|(c, _)| c.name.clone()).collect();
                }
            }
        }
        let Some(best) = best else {
            names.sort();
            names.dedup();
            return Ok(Err(match (names.is_empty(), columns_missing.is_empty()) {
                (_, false) => Freshness::Columns(columns_missing),
                (false, _) => Freshness::Files(names),
                (true, true) => Freshness::Declaration,
            }));
        };
        self.seen.remember(self.files, &hashes);
        Ok(Ok(best))
    }

    /// Files that are not as the card has them.
    fn differences(&self, card: &Card, hashes: &[String]) -> Vec<String> {
        let stored = |name: &str| card.files.iter().find(|f| f.0 == name);
        let mut out = vec![];
        for (i, file) in self.files.iter().enumerate() {
            match stored(&file.name) {
                None => out.push(format!("{} is new", file.name)),
                Some(f) => {
                    let size = std::fs::metadata(&file.path).map_or(0, |m| m.len());
                    if size != f.3 || hashes.get(i).is_some_and(|h| *h != f.2) {
                        out.push(format!("{} changed", file.name));
                    }
                }
            }
        }
        out.extend(card.files.iter().filter(|f| !self.files.iter().any(|x| x.name == f.0)).map(|f| format!("{} is gone", f.0)));
        out
    }

    /// Where a table is written before it gets its name: straight under the store, so that what an interrupted process leaves is found.
    fn beside(&self, target: &Path) -> PathBuf {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        self.store().join(format!("{}{}-{name}", staging_prefix(), self.plan.name()))
    }

    /// Where the store lies.
    pub fn store(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// Stores a table; gives the receipt of the delivery before it and the hashes by bucket. The error is a warning.
    pub fn write(&self, assembled: &Assembled) -> Result<(Option<Receipt>, Contents), Diagnostic> {
        let mut given = None;
        let (contents, _) = self.place(&assembled.table.origin.files, |beside, previous| {
            given.clone_from(&previous);
            self.fill(beside, assembled, previous)
        })?;
        Ok((given, contents))
    }

    /// Makes the folder of a delivery of these files: `fill` writes into the folder it is told, with the receipt of the delivery before. Gives
    /// what that gave, and the folder's name. The error is a warning.
    pub fn place<T>(
        &self,
        files: &[FileOrigin],
        fill: impl FnOnce(&Path, Option<Receipt>) -> Result<T, Box<dyn std::error::Error>>,
    ) -> Result<(T, String), Diagnostic> {
        let hashes: Vec<String> = files.iter().map(|f| f.sha256.clone()).collect();
        let inputs = inputs_of(self.files.iter().map(|f| f.name.as_str()).zip(hashes.iter().map(String::as_str)));
        let prefix = format!("{inputs}-{}-", self.declaration);
        let mut columns = blake3::Hasher::new();
        for column in &self.plan.columns {
            columns.update(format!("{} {}\n", column.name, declared(column)).as_bytes());
        }
        let target = self.folder.join(format!("{prefix}{}", short(&columns.finalize())));
        let cards = self.cards().unwrap_or_default();
        let previous = match cards.iter().find(|(name, ..)| !name.starts_with(&inputs)) {
            Some((_, _, card)) => Some(card.receipt.clone()),
            None => cards.iter().find_map(|(_, _, card)| card.previous.clone()),
        };
        let beside = self.beside(&target);
        let filled = self.whole(&beside, &target, |beside| fill(beside, previous)).map_err(|why| {
            // What is half written is of no use to anybody; that it may stay behind changes no result.
            let _ = std::fs::remove_dir_all(&beside);
            Diagnostic::warning("store-not-written", format!("table `{}` could not be stored: {why}", self.plan.name()))
                .place(Place::File(target.display().to_string()), "")
                .help("make room or give the right to write there, or run with `--no-store`; the result is the same")
        })?;
        // Earlier deliveries and declarations go, and what holds nothing that this one does not.
        let ours = |c: &StoredColumn| self.plan.columns.iter().any(|p| p.name == c.name && declared(p) == c.declared);
        for (name, path) in self.siblings().into_iter().filter(|(_, path)| *path != target) {
            let less = cards.iter().find(|(n, ..)| *n == name).is_none_or(|(_, _, card)| card.columns.iter().all(ours));
            if !name.starts_with(&prefix) || less {
                let _ = std::fs::remove_dir_all(path);
            }
        }
        self.seen.remember(self.files, &hashes);
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((filled, name))
    }

    fn whole<T>(
        &self,
        beside: &Path,
        target: &Path,
        fill: impl FnOnce(&Path) -> Result<T, Box<dyn std::error::Error>>,
    ) -> Result<T, Box<dyn std::error::Error>> {
        staged(|| {
            if beside.exists() {
                std::fs::remove_dir_all(beside)?;
            }
            std::fs::create_dir_all(beside)
        })?;
        only_for_owner(beside)?;
        let filled = fill(beside)?;
        staged(|| {
            if target.exists() {
                std::fs::remove_dir_all(target)?;
            }
            std::fs::create_dir_all(&self.folder)?;
            std::fs::rename(beside, target)
        })?;
        Ok(filled)
    }

    fn fill(&self, beside: &Path, assembled: &Assembled, previous: Option<Receipt>) -> Result<Contents, Box<dyn std::error::Error>> {
        let table = &assembled.table;
        let files: Vec<i32> = table.origin.file.iter().map(|f| i32::from(*f)).collect();
        let mut vectors: Vec<(String, Stored)> = vec![("line".to_owned(), Stored::Codes(&table.origin.line))];
        if table.origin.files.len() > 1 {
            vectors.push(("file".to_owned(), Stored::I32(&files)));
        }
        let mut columns = vec![];
        for (i, (column, planned)) in table.columns.iter().zip(&self.plan.columns).enumerate() {
            let mut base = None;
            let stored = match &column.data {
                Data::I64(v) => {
                    let (stored, middle) = Stored::numbers(v);
                    base = middle;
                    stored
                }
                Data::I32(v) => Stored::I32(v),
                Data::Bool(v) => Stored::Bits(v),
                Data::Code(codes, dictionary) => {
                    let (codes, texts) = own_codes(column, codes, dictionary.len());
                    let texts = texts.into_iter().map(|t| &*dictionary.values[t]).collect();
                    write(&beside.join(format!("texts-{i}.parquet")), &[("text".to_owned(), Stored::Texts(texts))], &[])?;
                    Stored::OwnCodes(codes)
                }
            };
            push_vectors(&mut vectors, i, column, stored);
            columns.push(StoredColumn::of(planned, column, base));
        }
        let (written, hashes) = rayon::join(|| write(&beside.join("rows.parquet"), &vectors, &PLAIN), || contents(table, assembled.ties));
        written?;
        let card = Card {
            rows: table.rows,
            columns,
            files: card_files(&table.origin.files),
            receipt: assembled.receipt.clone(),
            rejected_cells: assembled.rejected_cells.clone(),
            rejected: assembled.rejected.clone(),
            warnings: assembled.warnings.0.iter().filter_map(store_message).collect(),
            ties: assembled.ties,
            previous,
        };
        card.write(beside, &hashes)?;
        Ok(hashes)
    }
}

/// Columns of a file of rows that nobody looks for rows by.
pub(super) const PLAIN: [&str; 2] = ["line", "file"];

/// The values of column `i` and the marks beside them, as columns of a file.
pub(super) fn push_vectors<'c>(vectors: &mut Vec<(String, Stored<'c>)>, i: usize, column: &'c Column, stored: Stored<'c>) {
    vectors.push((format!("value{i}"), stored));
    for (kind, bits) in [("valid", &column.valid), ("bad", &column.bad), ("part", &column.part)] {
        if let Some(bits) = bits {
            vectors.push((format!("{kind}{i}"), Stored::Bits(bits)));
        }
    }
}

#[cfg(unix)]
fn only_for_owner(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn only_for_owner(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Codes counted over the texts this column holds, and those texts (their codes in the dictionary), ascending.
fn own_codes(column: &Column, codes: &[u32], texts: usize) -> (Vec<u32>, Vec<usize>) {
    let mut used = Bits::new(texts, false);
    for (row, code) in codes.iter().enumerate() {
        if column.is_valid(row) {
            used.set(*code as usize, true);
        }
    }
    let mut own = vec![0; texts];
    let held: Vec<usize> = used.ones().collect();
    for (number, code) in held.iter().enumerate() {
        own[*code] = number as u32;
    }
    let codes = codes.par_iter().enumerate().map(|(row, code)| if column.is_valid(row) { own[*code as usize] } else { 0 }).collect();
    (codes, held)
}

#[cfg(test)]
mod tests;
