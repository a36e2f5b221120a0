//! Headers alone: which columns of a table a delivered file has, before anything of it is loaded.

use std::collections::BTreeSet;

use super::plan::wanted_of;
use super::read::{csv_header, delimiter_of, join_headers};
use crate::diagnostic::{Diagnostics, nearest};
use crate::project::{Format, Project, TableSource, policy_files};
use crate::source::{BlockReader, Cut, InputFile, Wanted, empty_file, expand, format_of, normal_header, open_columnar, read_sheet};

/// Bytes of a text file that are read for its header.
const HEAD_BYTES: usize = 1 << 16;
/// Objects of an NDJSON file whose keys are taken for its headers.
const OBJECTS: usize = 200;

/// A column and the header it is read from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ColumnMatch {
    pub column: String,
    pub header: String,
}

/// A column that a file has no header for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ColumnGap {
    pub column: String,
    /// The file may lack it.
    pub optional: bool,
    /// A header of the file that is much like one of those wanted.
    pub near: Option<String>,
    /// Several headers of the file stand for it.
    pub twice: Vec<String>,
}

/// A header that no column takes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unused {
    pub header: String,
    /// A column much like it that is still without a header.
    pub near: Option<String>,
}

/// A delivered file against the columns of its table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileMatch {
    pub file: String,
    pub columns: Vec<ColumnMatch>,
    pub missing: Vec<ColumnGap>,
    pub unused: Vec<Unused>,
    /// Why it cannot be read, where it cannot.
    pub unreadable: Option<String>,
}

/// A declared table and its files; none when nothing was delivered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TableMatch {
    pub table: String,
    /// The rules that read it are left out when it has no file; else nothing can be loaded.
    pub optional: bool,
    /// Where its files are looked for.
    pub from: Vec<String>,
    pub files: Vec<FileMatch>,
}

impl TableMatch {
    /// Columns that no file of the table has.
    pub fn absent(&self) -> BTreeSet<&str> {
        let of = |file: &'_ FileMatch| -> BTreeSet<String> { file.missing.iter().map(|gap| gap.column.clone()).collect() };
        let mut files = self.files.iter();
        let Some(first) = files.next() else { return BTreeSet::new() };
        let everywhere = files.fold(of(first), |all, file| all.intersection(&of(file)).cloned().collect());
        first.missing.iter().map(|gap| gap.column.as_str()).filter(|c| everywhere.contains(*c)).collect()
    }
}

/// A file beside the delivered ones that no table takes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Stray {
    pub file: String,
    /// A table whose file name is much like it.
    pub near: Option<String>,
}

/// Every table against its files, and the files of the same folders that no table takes. Headers alone are read (of spreadsheets the
/// sheet).
///
/// # Errors
/// A pattern that is none, a folder that may not be read. Files that are absent or unreadable are told in the result.
pub fn headers(project: &Project) -> Result<(Vec<TableMatch>, Vec<Stray>), Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut tables = vec![];
    let mut taken = BTreeSet::new();
    for source in &project.tables {
        let files = match expand(&project.root, &source.from, true) {
            Ok(files) => files,
            Err(found) => {
                problems.extend(Diagnostics(found.0.into_iter().filter(|p| p.code != "no-such-file").collect()));
                vec![]
            }
        };
        taken.extend(files.iter().map(|f| f.name.clone()));
        tables.push(TableMatch {
            table: source.name.value.clone(),
            optional: source.optional,
            from: source.from.iter().map(|f| f.value.clone()).collect(),
            files: files.iter().map(|file| matched(source, file)).collect(),
        });
    }
    problems.finish((tables, strays(project, &taken)))
}

fn matched(source: &TableSource, file: &InputFile) -> FileMatch {
    let mut out = FileMatch { file: file.name.clone(), columns: vec![], missing: vec![], unused: vec![], unreadable: None };
    let headers = match head(source, file) {
        Ok(headers) => headers,
        Err(problems) => {
            out.unreadable = problems.0.first().map(|p| p.message.clone());
            return out;
        }
    };
    let deep = source.header_rows > 1;
    let normal: Vec<String> = headers.iter().map(|h| normal_header(h)).collect();
    let mut used = BTreeSet::new();
    for wanted in source.columns.iter().filter(|c| c.is.is_none()).map(wanted_of) {
        let hits = hits(&wanted, &normal, deep);
        used.extend(hits.iter().copied());
        match hits[..] {
            [one] => out.columns.push(ColumnMatch { column: wanted.name, header: headers[one].trim().to_owned() }),
            _ => out.missing.push(ColumnGap {
                near: None,
                optional: wanted.optional && hits.is_empty(),
                twice: hits.iter().map(|&i| headers[i].trim().to_owned()).collect(),
                column: wanted.name,
            }),
        }
    }
    let left: Vec<&str> = (0..headers.len()).filter(|i| !used.contains(i)).map(|i| headers[i].trim()).filter(|h| !h.is_empty()).collect();
    let accepted = |name: &str| -> Vec<String> {
        let column = source.columns.iter().find(|c| c.name.value == name);
        column.map(|c| wanted_of(c).headers).unwrap_or_default()
    };
    for gap in &mut out.missing {
        gap.near = accepted(&gap.column).iter().find_map(|h| nearest(h, left.iter().copied())).map(str::to_owned);
    }
    for header in left {
        let near = out.missing.iter().find(|gap| gap.near.as_deref() == Some(header)).map(|gap| gap.column.clone());
        out.unused.push(Unused { header: header.to_owned(), near });
    }
    out
}

/// Positions of the headers that stand for a column.
fn hits(wanted: &Wanted, normal: &[String], deep: bool) -> Vec<usize> {
    let alternatives: BTreeSet<String> = wanted.headers.iter().map(|h| normal_header(h)).collect();
    let whole: Vec<usize> = (0..normal.len()).filter(|&i| alternatives.contains(&normal[i])).collect();
    if !deep || !whole.is_empty() {
        return whole;
    }
    let last = |i: &usize| alternatives.contains(normal[*i].rsplit('/').next().unwrap_or_default());
    (0..normal.len()).filter(last).collect()
}

/// The headers of a file.
fn head(source: &TableSource, file: &InputFile) -> Result<Vec<String>, Diagnostics> {
    match format_of(source.format, file)? {
        Format::Csv => {
            let delimiter = delimiter_of(source, file);
            let mut reader = BlockReader::open(file, source.encoding.as_ref(), Cut::Csv { delimiter }, HEAD_BYTES)?.unhashed();
            let mut text = String::new();
            while let Some(block) = reader.next_block()? {
                text.push_str(&block.text);
                if let Some((headers, ..)) = csv_header(&text, source.skip_rows, source.header_rows, delimiter) {
                    return Ok(headers);
                }
            }
            Err(empty_file(file).into())
        }
        Format::Ndjson => {
            let mut reader = BlockReader::open(file, source.encoding.as_ref(), Cut::Lines, HEAD_BYTES)?.unhashed();
            let block = reader.next_block()?.ok_or_else(|| empty_file(file))?;
            let objects =
                block.text.lines().take(OBJECTS).filter_map(|l| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(l).ok());
            let names: BTreeSet<String> = objects.flat_map(|object| object.into_iter().map(|(name, _)| name)).collect();
            Ok(names.into_iter().collect())
        }
        Format::Xlsx => {
            let sheet = read_sheet(file, source.sheet.as_ref())?;
            let skip = (source.skip_rows + 1).saturating_sub(sheet.first_row) as usize;
            let depth = source.header_rows.max(1) as usize;
            let rows = sheet.rows.get(skip..).filter(|r| r.len() >= depth).ok_or_else(|| empty_file(file))?;
            Ok(join_headers(&rows[..depth]))
        }
        Format::Parquet => Ok(open_columnar(file)?.columns.iter().map(|c| c.name.clone()).collect()),
    }
}

/// Files of the folders in which tables look that none of them takes. Policy tables are taken by the project itself.
fn strays(project: &Project, taken: &BTreeSet<String>) -> Vec<Stray> {
    let folder = |from: &str| from.rsplit_once('/').map(|(folder, _)| folder.to_owned()).unwrap_or_default();
    let folders: BTreeSet<String> =
        project.tables.iter().flat_map(|t| &t.from).map(|f| folder(&f.value)).filter(|f| !f.contains('*')).collect();
    // Policy files that cannot be read are told where they matter.
    let policy = policy_files(project).unwrap_or_default();
    let mut strays = vec![];
    for folder in folders.iter().filter(|f| !f.is_empty()) {
        let Ok(entries) = std::fs::read_dir(project.root.join(folder)) else { continue };
        for entry in entries.flatten().filter(|e| e.path().is_file()) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{folder}/{name}");
            let ending = name.rsplit_once('.').map(|(_, e)| e.to_lowercase()).unwrap_or_default();
            let known = matches!(
                ending.as_str(),
                "csv" | "txt" | "tsv" | "parquet" | "pq" | "xlsx" | "xlsm" | "xls" | "xlsb" | "ods" | "ndjson" | "jsonl"
            );
            if !known || taken.contains(&path) || policy.iter().any(|p| p.path == path) {
                continue;
            }
            let stem = name.split(['.', '-']).next().unwrap_or_default().to_lowercase();
            let near = nearest(&stem, project.tables.iter().map(|t| t.name.value.as_str())).map(str::to_owned);
            strays.push(Stray { file: path, near });
        }
    }
    strays.sort_by(|a, b| a.file.cmp(&b.file));
    strays
}
