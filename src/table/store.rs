//! Loaded tables kept between runs, as long as the delivered files, the project file and what is asked for are the same.
//!
//! `STORE/<table>/<inputs>-<needs>/` holds `rows.parquet`, `texts-N.parquet` per text column and `table.json`. A folder appears whole (written
//! beside, then renamed) and never changes; folders of earlier deliveries go when a new one is stored. A store that cannot be read or written
//! costs a warning and time, nothing else: the delivered files decide.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::assemble::Assembled;
use super::intern::{Domain, Pool};
use super::packed::{Stored, read_bits, read_i32, read_i64, read_texts, write};
use super::plan::TablePlan;
use super::{Bits, Column, Data, FileOrigin, Origin, Receipt, Rejected, Table};
use crate::diagnostic::{Diagnostic, Diagnostics, Label, Place, Severity, SourceText, Span};
use crate::project::Project;
use crate::schema::Type;
use crate::source::{Columnar, InputFile, hash_file, open_columnar};

/// Raised whenever what is stored, or how cells are read, changes.
const FORMAT: u32 = 1;

/// What is known of a stored table beside its vectors.
#[derive(Debug, Serialize, Deserialize)]
struct Card {
    rows: usize,
    /// By column: whether it has bits of this kind.
    columns: Vec<Marks>,
    files: Vec<(String, Option<String>, String, u64, u64)>,
    receipt: Receipt,
    rejected: Vec<Rejected>,
    warnings: Vec<StoredMessage>,
    /// Receipt of the delivery before this one.
    previous: Option<Receipt>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Marks {
    valid: bool,
    bad: bool,
    part: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredMessage {
    note: bool,
    code: String,
    message: String,
    labels: Vec<(StoredPlace, String)>,
    help: Vec<String>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
enum StoredPlace {
    /// A range of the project file, which is part of the name of the folder.
    Project(usize, usize),
    Record(String, Option<String>, u64, Option<String>),
    File(String),
}

/// Codes of the warnings a load gives.
const CODES: [&str; 7] =
    ["no-records", "ragged-record", "blank-record", "duplicate-key", "rejected-cells", "rejected-not-listed", "control-total"];

/// Where a table is kept, or would be.
pub(super) struct Shelf {
    folder: PathBuf,
    inputs: String,
}

/// A table read from its store; texts still have the numbers of the pool.
pub(super) struct StoredTable {
    card: Card,
    origin: Origin,
    columns: Vec<(Column, Option<u32>)>,
}

impl Shelf {
    /// Names the folder after everything that decides the table: its files by content, the project file, the columns and the day of audit.
    pub fn new(store: &Path, project: &Project, plan: &TablePlan, files: &[InputFile], as_of: Option<i32>) -> Result<Self, Diagnostics> {
        let hashes: Vec<Result<(String, u64), Diagnostic>> = files.par_iter().map(hash_file).collect();
        let mut messages = Diagnostics::default();
        let mut inputs = blake3::Hasher::new();
        inputs.update(format!("{FORMAT} {} {}\n", env!("CARGO_PKG_VERSION"), plan.name()).as_bytes());
        for (file, hash) in files.iter().zip(hashes) {
            if let Some((sha256, bytes)) = messages.take(hash.map_err(Diagnostics::from)) {
                inputs.update(format!("{}\0{bytes}\0{sha256}\n", file.name).as_bytes());
            }
        }
        let mut needs = blake3::Hasher::new();
        needs.update(project.text.text.as_bytes());
        needs.update(&as_of.filter(|_| plan.snapshot.is_some()).unwrap_or(i32::MAX).to_le_bytes());
        for column in &plan.columns {
            needs.update(column.name.as_bytes()).update(b"\0");
        }
        let inputs = inputs.finalize().to_hex()[..16].to_owned();
        let folder = store.join(plan.name()).join(format!("{inputs}-{}", &needs.finalize().to_hex()[..16]));
        messages.finish(Shelf { folder, inputs })
    }

    /// The stored table, if there is one; an error when there is one that cannot be read.
    pub fn read(&self, plan: &TablePlan, pool: &Pool) -> Result<Option<StoredTable>, Diagnostic> {
        let card = self.folder.join("table.json");
        if !card.is_file() {
            return Ok(None);
        }
        let unreadable = |why: String| {
            Diagnostic::warning("unreadable-store", format!("the store of table `{}` cannot be read: {why}", plan.name()))
                .place(Place::File(self.folder.display().to_string()), "")
                .help("the delivered files were read instead; remove the folder to have it written again")
        };
        let text = std::fs::read_to_string(&card).map_err(|e| unreadable(e.to_string()))?;
        let card: Card = serde_json::from_str(&text).map_err(|e| unreadable(e.to_string()))?;
        let read = || -> Result<StoredTable, Diagnostic> {
            let rows = open_columnar(&self.file("rows.parquet"))?;
            let columns: Vec<Result<(Column, Option<u32>), Diagnostic>> =
                (0..plan.columns.len()).into_par_iter().map(|i| self.column(plan, pool, &rows, &card, i)).collect();
            let file = read_i32(&rows, "file")?.into_iter().map(|f| f as u16).collect();
            let line = read_i32(&rows, "line")?.into_iter().map(|l| l as u32).collect();
            let files = card.files.iter().map(|(path, sheet, sha256, bytes, rows)| FileOrigin {
                path: path.clone(),
                sheet: sheet.clone(),
                sha256: sha256.clone(),
                bytes: *bytes,
                rows: *rows,
            });
            let origin = Origin { files: files.collect(), file, line };
            Ok(StoredTable { origin, columns: columns.into_iter().collect::<Result<_, _>>()?, card })
        };
        match read() {
            Ok(table) if table.fits() => Ok(Some(table)),
            Ok(_) => Err(unreadable("it is not complete".to_owned())),
            Err(error) => Err(unreadable(error.message)),
        }
    }

    fn file(&self, name: &str) -> InputFile {
        InputFile { path: self.folder.join(name), name: name.to_owned() }
    }

    fn column(&self, plan: &TablePlan, pool: &Pool, rows: &Columnar, card: &Card, i: usize) -> Result<(Column, Option<u32>), Diagnostic> {
        let planned = &plan.columns[i];
        let marks = card.columns.get(i).copied().unwrap_or(Marks { valid: false, bad: false, part: false });
        let bits = |has: bool, kind: &str| if has { read_bits(rows, &format!("{kind}{i}")).map(Some) } else { Ok(None) };
        let mut column = Column::empty(&planned.name, &planned.semantic, None);
        column.valid = bits(marks.valid, "valid")?;
        column.bad = bits(marks.bad, "bad")?;
        column.part = bits(marks.part, "part")?;
        let name = format!("value{i}");
        let mut interner_id = None;
        column.data = match planned.semantic.value_type() {
            Type::Text(_) => {
                let texts = open_columnar(&self.file(&format!("texts-{i}.parquet")))?;
                if let Some(domain) = planned.domain {
                    let mut interner = pool.fresh(domain);
                    interner_id = Some(interner.id);
                    read_texts(&texts, "text", |text| interner.append(text))?;
                    pool.put_by(domain, interner);
                }
                let codes = read_i32(rows, &name)?.into_iter().map(|c| c as u32).collect();
                Data::Code(codes, Arc::default())
            }
            Type::Date | Type::Month => Data::I32(read_i32(rows, &name)?),
            Type::Bool => Data::Bool(read_bits(rows, &name)?),
            _ => Data::I64(read_i64(rows, &name)?),
        };
        Ok((column, interner_id))
    }

    /// Receipt of the delivery before this one, if the store holds it.
    fn previous(&self) -> Option<Receipt> {
        let mut cards: Vec<(String, Card)> = self
            .siblings()
            .into_iter()
            .filter_map(|(name, path)| Some((name, serde_json::from_str(&std::fs::read_to_string(path.join("table.json")).ok()?).ok()?)))
            .collect();
        cards.sort_by(|a, b| a.0.cmp(&b.0));
        let other = cards.iter().position(|(name, _)| !name.starts_with(&self.inputs));
        match other {
            Some(other) => Some(cards.swap_remove(other).1.receipt),
            None => cards.into_iter().find_map(|(_, card)| card.previous),
        }
    }

    /// The finished folders of this table, by name.
    fn siblings(&self) -> Vec<(String, PathBuf)> {
        let Some(parent) = self.folder.parent() else { return vec![] };
        let entries = std::fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok);
        entries
            .map(|e| (e.file_name().to_string_lossy().into_owned(), e.path()))
            .filter(|(_, path)| path.join("table.json").is_file())
            .collect()
    }

    /// Where a table is written before it gets its name: straight under the store, so that what an interrupted process leaves is found.
    fn beside(&self, table: &str) -> PathBuf {
        let inputs = self.folder.file_name().unwrap_or_default().to_string_lossy();
        let store = self.folder.parent().and_then(Path::parent).unwrap_or(&self.folder);
        store.join(format!("{}{table}-{inputs}", staging_prefix()))
    }

    /// Stores a table; gives the receipt of the delivery before it. The error is a warning.
    pub fn write(&self, plan: &TablePlan, assembled: &Assembled) -> Result<Option<Receipt>, Diagnostic> {
        let previous = self.previous();
        let beside = self.beside(plan.name());
        let result = self.write_beside(&beside, assembled, previous.clone());
        if let Err(why) = result {
            // What is half written is of no use to anybody; that it may stay behind changes no result.
            let _ = std::fs::remove_dir_all(&beside);
            return Err(Diagnostic::warning("store-not-written", format!("table `{}` could not be stored: {why}", plan.name()))
                .place(Place::File(self.folder.display().to_string()), "")
                .help("make room or give the right to write there, or run with `--no-store`; the result is the same"));
        }
        for (name, path) in self.siblings() {
            if !name.starts_with(&self.inputs) {
                let _ = std::fs::remove_dir_all(path);
            }
        }
        Ok(previous)
    }

    fn write_beside(&self, beside: &Path, assembled: &Assembled, previous: Option<Receipt>) -> Result<(), Box<dyn std::error::Error>> {
        let table = &assembled.table;
        if beside.exists() {
            std::fs::remove_dir_all(beside)?;
        }
        std::fs::create_dir_all(beside)?;
        only_for_owner(beside)?;
        let files: Vec<i32> = table.origin.file.iter().map(|f| i32::from(*f)).collect();
        let lines: Vec<i32> = table.origin.line.iter().map(|l| *l as i32).collect();
        let mut vectors: Vec<(String, Stored)> = vec![("file".to_owned(), Stored::I32(&files)), ("line".to_owned(), Stored::I32(&lines))];
        for (i, column) in table.columns.iter().enumerate() {
            let stored = match &column.data {
                Data::I64(v) => Stored::I64(v),
                Data::I32(v) => Stored::I32(v),
                Data::Bool(v) => Stored::Bits(v),
                Data::Code(codes, dictionary) => {
                    let (codes, texts) = own_codes(column, codes, dictionary.len());
                    let texts = texts.into_iter().map(|t| &*dictionary.values[t]).collect();
                    write(&beside.join(format!("texts-{i}.parquet")), &[("text".to_owned(), Stored::Texts(texts))])?;
                    Stored::Codes(codes)
                }
            };
            vectors.push((format!("value{i}"), stored));
            for (kind, bits) in [("valid", &column.valid), ("bad", &column.bad), ("part", &column.part)] {
                if let Some(bits) = bits {
                    vectors.push((format!("{kind}{i}"), Stored::Bits(bits)));
                }
            }
        }
        write(&beside.join("rows.parquet"), &vectors)?;
        let card = Card {
            rows: table.rows,
            columns: table
                .columns
                .iter()
                .map(|c| Marks { valid: c.valid.is_some(), bad: c.bad.is_some(), part: c.part.is_some() })
                .collect(),
            files: table.origin.files.iter().map(|f| (f.path.clone(), f.sheet.clone(), f.sha256.clone(), f.bytes, f.rows)).collect(),
            receipt: assembled.receipt.clone(),
            rejected: assembled.rejected.clone(),
            warnings: assembled.warnings.0.iter().map(store_message).collect(),
            previous,
        };
        std::fs::write(beside.join("table.json"), serde_json::to_vec(&card)?)?;
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder)?;
        }
        if let Some(parent) = self.folder.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::rename(beside, &self.folder)?;
        Ok(())
    }
}

/// Beginning of the names of folders that this process is writing, a store's table or a run: one that stays behind belongs to an
/// interrupted process and may be removed.
pub fn staging_prefix() -> String {
    format!(".writing-{}-", std::process::id())
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
fn own_codes(column: &Column, codes: &[u32], texts: usize) -> (Vec<i32>, Vec<usize>) {
    let mut used = Bits::new(texts, false);
    for (row, code) in codes.iter().enumerate() {
        if column.is_valid(row) {
            used.set(*code as usize, true);
        }
    }
    let mut own = vec![0i32; texts];
    let held: Vec<usize> = used.ones().collect();
    for (number, code) in held.iter().enumerate() {
        own[*code] = number as i32;
    }
    let codes = codes.iter().enumerate().map(|(row, code)| if column.is_valid(row) { own[*code as usize] } else { 0 }).collect();
    (codes, held)
}

impl StoredTable {
    fn fits(&self) -> bool {
        let rows = self.card.rows;
        let len = |data: &Data| match data {
            Data::I64(v) => v.len(),
            Data::I32(v) => v.len(),
            Data::Code(v, _) => v.len(),
            Data::Bool(v) => v.len(),
        };
        self.origin.file.len() == rows && self.origin.line.len() == rows && self.columns.iter().all(|(c, _)| len(&c.data) == rows)
    }

    /// The table, once the dictionaries stand; and the receipt of the delivery before.
    pub fn finish(self, plan: &TablePlan, project: &Project, domains: &[Domain]) -> (Assembled, Option<Receipt>) {
        let columns: Vec<Column> = self
            .columns
            .into_par_iter()
            .zip(&plan.columns)
            .map(|((mut column, interner), planned)| {
                if let (Data::Code(codes, dictionary), Some(domain)) = (&mut column.data, planned.domain.map(|d| &domains[d])) {
                    *dictionary = domain.dictionary.clone();
                    let of: &[u32] = interner.and_then(|i| domain.codes.get(i as usize)).map_or(&[], Vec::as_slice);
                    for (row, code) in codes.iter_mut().enumerate() {
                        let there = column.valid.as_ref().is_none_or(|v| v.get(row));
                        *code = if there { of.get(*code as usize).copied().unwrap_or(0) } else { 0 };
                    }
                }
                column
            })
            .collect();
        let table =
            Table { name: plan.name().to_owned(), rows: self.card.rows, columns, sorted_by: plan.sort.clone(), origin: self.origin };
        let warnings = Diagnostics(self.card.warnings.into_iter().filter_map(|m| restore_message(m, &project.text)).collect());
        (Assembled { table, receipt: self.card.receipt, rejected: self.card.rejected, warnings }, self.card.previous)
    }
}

fn store_message(d: &Diagnostic) -> StoredMessage {
    let labels = d.labels.iter().map(|label| {
        let place = match &label.place {
            Place::Text(span) => StoredPlace::Project(span.range.start, span.range.end),
            Place::Record { file, sheet, line, column } => StoredPlace::Record(file.clone(), sheet.clone(), *line, column.clone()),
            Place::File(file) => StoredPlace::File(file.clone()),
        };
        (place, label.text.clone())
    });
    StoredMessage {
        note: d.severity == Severity::Note,
        code: d.code.to_owned(),
        message: d.message.clone(),
        labels: labels.collect(),
        help: d.help.clone(),
        notes: d.notes.clone(),
    }
}

fn restore_message(m: StoredMessage, text: &Arc<SourceText>) -> Option<Diagnostic> {
    let labels = m.labels.into_iter().map(|(place, label)| {
        let place = match place {
            StoredPlace::Project(start, end) => Place::Text(Span { source: text.clone(), range: start..end }),
            StoredPlace::Record(file, sheet, line, column) => Place::Record { file, sheet, line, column },
            StoredPlace::File(file) => Place::File(file),
        };
        Label { place, text: label }
    });
    Some(Diagnostic {
        severity: if m.note { Severity::Note } else { Severity::Warning },
        code: CODES.iter().find(|c| **c == m.code)?,
        message: m.message,
        labels: labels.collect(),
        help: m.help,
        notes: m.notes,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{column, everything, project, table};
    use super::super::{LoadOptions, Loaded, load};
    use crate::schema::{MoneyUnit, SemanticType};

    const TEXT: &str = "id,name,amount,day,ok,id_no\nB,x,5.00,2019-03-01,Y,34052419800101001X\nA,,oops,201902,N,1.2E+17\nB,x,6,,,\n\nC,y\n";

    fn run(folder: &std::path::Path, store: bool) -> Loaded {
        let columns = vec![
            column("id", &[], SemanticType::Text),
            column("name", &[], SemanticType::PersonName),
            column("amount", &[], SemanticType::Money(MoneyUnit::Yuan)),
            column("day", &[], SemanticType::Date),
            column("ok", &[], SemanticType::Bool),
            column("id_no", &[], SemanticType::CitizenId),
        ];
        let other = table("q", "q.csv", &["id"], vec![column("id", &[], SemanticType::Text)]);
        let project = project(folder, vec![table("p", "p.csv", &["id"], columns), other]);
        let mut needs = everything(&project);
        needs.domains = vec![vec![("p".to_owned(), "id".to_owned()), ("q".to_owned(), "id".to_owned())]];
        let options = LoadOptions { store: store.then(|| folder.join("store")), ..LoadOptions::default() };
        load(&project, &needs, &options).expect("loads")
    }
    fn same(a: &Loaded, b: &Loaded) {
        assert_eq!(a.tables, b.tables);
        assert_eq!((&a.rejected, &a.receipt, &a.warnings), (&b.rejected, &b.receipt, &b.warnings));
    }

    #[test]
    fn what_comes_from_the_store_is_what_was_read() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("p.csv"), TEXT).expect("written");
        std::fs::write(folder.path().join("q.csv"), "id\nD\nA\n").expect("written");
        let fresh = run(folder.path(), false);
        assert!(!fresh.warnings.is_empty() && !fresh.rejected.is_empty());
        same(&run(folder.path(), true), &fresh);
        let kept = std::fs::read_dir(folder.path().join("store/p")).expect("stored").count();
        assert_eq!(kept, 1);
        let again = run(folder.path(), true);
        same(&again, &fresh);
        assert!(again.previous.is_empty());

        // One table changes: it is read again, the dictionary it shares with the stored one grows, the old store goes.
        std::fs::write(folder.path().join("q.csv"), "id\nD\n0\n").expect("written");
        let changed = run(folder.path(), true);
        same(&changed, &run(folder.path(), false));
        assert_eq!(changed.previous.iter().map(|r| (r.table.as_str(), r.rows)).collect::<Vec<_>>(), [("q", 2)]);
        assert_eq!(std::fs::read_dir(folder.path().join("store/q")).expect("stored").count(), 1);
        assert_eq!(run(folder.path(), true).previous.len(), 1);
    }

    #[test]
    fn a_damaged_store_costs_a_warning() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("p.csv"), TEXT).expect("written");
        std::fs::write(folder.path().join("q.csv"), "id\nD\n").expect("written");
        let fresh = run(folder.path(), true);
        let stored = std::fs::read_dir(folder.path().join("store/p")).expect("stored").next().expect("one").expect("one").path();
        std::fs::write(stored.join("rows.parquet"), "nonsense").expect("written");
        let again = run(folder.path(), true);
        assert_eq!(again.tables[0].columns, fresh.tables[0].columns);
        assert_eq!(again.warnings.0[0].code, "unreadable-store");
        // The next run finds it whole again.
        same(&run(folder.path(), true), &fresh);
    }

    #[test]
    fn a_store_that_cannot_be_written_costs_a_warning() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("p.csv"), TEXT).expect("written");
        std::fs::write(folder.path().join("q.csv"), "id\nD\n").expect("written");
        std::fs::write(folder.path().join("store"), "a file, not a folder").expect("written");
        let loaded = run(folder.path(), true);
        assert_eq!(loaded.tables[0].rows, 4);
        assert_eq!(loaded.warnings.0.iter().filter(|d| d.code == "store-not-written").count(), 2);
    }
}
