//! Which files a declaration names, and what tells that one of them has not changed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::diagnostic::{Diagnostic, Diagnostics, Place, Spanned};
use crate::project::Format;

/// A delivered file: where it is, and the name it goes by in messages and results (relative to the project file, `/` between folders).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    pub path: PathBuf,
    pub name: String,
}

/// Size and time of last change: compared before and after a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    pub bytes: u64,
    pub modified: Option<SystemTime>,
}

impl Fingerprint {
    pub fn of(file: &InputFile) -> Result<Self, Diagnostic> {
        let meta = std::fs::metadata(&file.path).map_err(|e| unreadable(file, &e))?;
        Ok(Fingerprint { bytes: meta.len(), modified: meta.modified().ok() })
    }
}

pub(super) fn unreadable(file: &InputFile, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("unreadable-file", format!("`{}` cannot be read: {error}", file.name))
        .place(Place::File(file.name.clone()), "")
        .help("check that the file exists and may be read by you")
}

pub(super) fn changed(file: &InputFile, before: &Fingerprint, after: &Fingerprint) -> Option<Diagnostic> {
    (before != after).then(|| {
        Diagnostic::error("file-changed", format!("`{}` changed while it was read", file.name))
            .place(Place::File(file.name.clone()), format!("{} bytes before, {} bytes after", before.bytes, after.bytes))
            .help("wait until the delivery is complete, then run again; nothing was written")
    })
}

/// The files of one table: globs are expanded, each file stands once, in the order of their names. A pattern without a file is an
/// error; with `optional` only if no pattern has one.
pub fn expand(root: &Path, from: &[Spanned<String>], optional: bool) -> Result<Vec<InputFile>, Diagnostics> {
    let mut messages = Diagnostics::default();
    let mut absent: Vec<Diagnostic> = vec![];
    let mut files: Vec<InputFile> = vec![];
    for pattern in from {
        let is_glob = pattern.value.contains(['*', '?', '[']) && !root.join(&pattern.value).is_file();
        let mut found = vec![];
        if is_glob {
            let root_text = glob::Pattern::escape(&root.to_string_lossy());
            match glob::glob(&format!("{}/{}", root_text.trim_end_matches('/'), pattern.value)) {
                Ok(paths) => {
                    for path in paths {
                        match path {
                            Ok(path) if path.is_file() => found.push(path),
                            Ok(_) => {}
                            Err(error) => messages.push(
                                Diagnostic::error(
                                    "unreadable-file",
                                    format!("`{}` cannot be read: {}", error.path().display(), error.error()),
                                )
                                .at(pattern.span.clone(), "")
                                .help("check that the folder may be read by you"),
                            ),
                        }
                    }
                }
                Err(error) => messages.push(
                    Diagnostic::error("bad-glob", format!("`{}` is not a file pattern: {}", pattern.value, error.msg))
                        .at(pattern.span.clone(), "")
                        .help("use `*` for any characters of a name, `?` for one"),
                ),
            }
        } else {
            let path = root.join(&pattern.value);
            if path.is_file() {
                found.push(path);
            }
        }
        if found.is_empty() && !messages.has_errors() {
            let message = if is_glob { "no file matches" } else { "there is no file" };
            absent.push(
                Diagnostic::error("no-such-file", format!("{message} `{}`", pattern.value))
                    .at(pattern.span.clone(), "not found")
                    .note(format!("looked in `{}`; paths are relative to the project file", root.display()))
                    .help("correct `from:`, or put the delivered files there"),
            );
        }
        for path in found {
            let name = relative_name(root, &path);
            files.push(InputFile { path, name });
        }
    }
    if !optional || files.is_empty() {
        absent.into_iter().for_each(|message| messages.push(message));
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.dedup_by(|a, b| a.name == b.name);
    messages.finish(files)
}

fn relative_name(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<String> = path
        .components()
        .filter(|c| !matches!(c, std::path::Component::CurDir))
        .map(|c| c.as_os_str().to_string_lossy().replace('\\', "/"))
        .collect();
    parts.join("/").replacen("//", "/", 1)
}

/// The declared format, or the one the file's extension names.
pub fn format_of(declared: Option<Format>, file: &InputFile) -> Result<Format, Diagnostic> {
    if let Some(format) = declared {
        return Ok(format);
    }
    let extension = file.path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "csv" | "txt" | "tsv" => Ok(Format::Csv),
        "parquet" | "pq" => Ok(Format::Parquet),
        "xlsx" | "xlsm" | "xls" | "xlsb" | "ods" => Ok(Format::Xlsx),
        "ndjson" | "jsonl" => Ok(Format::Ndjson),
        _ => Err(Diagnostic::error("unknown-format", format!("the format of `{}` cannot be told from its name", file.name))
            .place(Place::File(file.name.clone()), format!("extension `{extension}`"))
            .help("add `format: csv` (or parquet, xlsx, ndjson) to the table")),
    }
}
