//! Writing a run folder: beside, then renamed, for its owner's eyes alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::frame::Frame;
use super::store::write_content;
use super::{Journal, Manifest, RunContent};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::schema::{self, Value};
use crate::table::{staged, staging_prefix};

/// Digits of the manifest's hash in the folder's name; more only if another run has the same ones.
const SHORT: usize = 8;

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    New(PathBuf),
    /// An equal run was there already: nothing was written.
    Unchanged(PathBuf),
}

impl Written {
    pub fn path(&self) -> &Path {
        match self {
            Written::New(path) | Written::Unchanged(path) => path,
        }
    }
}

/// Where rendered files of a run go while it is being written.
pub struct Sink<'a> {
    folder: &'a Path,
    /// The folder's later name, for messages.
    target: &'a Path,
    /// Names of the files so far: brought to the disk together, which costs one wait instead of thousands.
    written: Mutex<Vec<String>>,
}

impl Sink<'_> {
    /// Writes `name` (relative, `/` between folders), readable by the owner alone. May be called from several threads.
    pub fn file(&self, name: &str, bytes: &[u8]) -> Result<(), Diagnostics> {
        let mut file = self.create(name)?;
        file.write_all(bytes).map_err(|e| unwritable(&self.target.join(name), &e))
    }

    /// A table of `rows` rows; see [`super::frame::write`].
    pub(super) fn parquet<'f>(
        &self,
        name: &str,
        manifest: &str,
        rows: usize,
        part: impl Fn(Range<usize>) -> Frame<'f> + Sync,
    ) -> Result<(), Diagnostics> {
        let path = format!("{name}.parquet");
        let mut file = BufWriter::with_capacity(1 << 18, self.create(&path)?);
        let written = super::frame::write(name, manifest, &mut file, rows, part).map_err(cause);
        written.and_then(|()| file.flush()).map_err(|e| unwritable(&self.target.join(&path), &e))
    }

    /// Waits until all files are on the disk.
    fn sync(&self) -> Result<(), Diagnostics> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let synced: Result<Vec<()>, Diagnostics> = written
            .par_iter()
            .map(|name| {
                let file = OpenOptions::new().write(true).open(self.folder.join(name));
                file.and_then(|f| f.sync_all()).map_err(|e| unwritable(&self.target.join(name), &e))
            })
            .collect();
        synced.map(|_| ())
    }

    fn create(&self, name: &str) -> Result<File, Diagnostics> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        let path = self.folder.join(name);
        // Folders below the run's own, never that one: Ctrl-C may have removed it while this thread was still writing.
        let below = name.match_indices('/').map(|(end, _)| self.folder.join(&name[..end]));
        let made = below.filter(|folder| !folder.is_dir()).try_for_each(|folder| match private_subfolder(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        });
        made.and_then(|()| private_file(&path)).map_err(|e| unwritable(&self.target.join(name), &e))
    }
}

#[cfg(unix)]
fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
#[cfg(not(unix))]
fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn private_subfolder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}
#[cfg(not(unix))]
fn private_subfolder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// What the disk said, where that is why a table could not be written.
fn cause(error: parquet::errors::ParquetError) -> io::Error {
    match error {
        parquet::errors::ParquetError::External(inner) => inner.downcast::<io::Error>().map_or_else(io::Error::other, |e| *e),
        other => io::Error::other(other),
    }
}

/// The cause in words, with what to do about it.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> Diagnostics {
    let shown = path.display();
    let diagnostic = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Diagnostic::error("no-space", format!("no space left to write `{shown}`"))
                .help("free some space, or choose another place with `-o`")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Diagnostic::error("no-right", format!("no right to write `{shown}`"))
                .help("choose a folder you may write to with `-o`, or ask its owner")
        }
        _ => Diagnostic::error("cannot-write", format!("`{shown}` cannot be written: {error}"))
            .help("check that the folder exists and is not in use, or choose another place with `-o`"),
    };
    diagnostic.place(Place::File(shown.to_string()), "").note("nothing was changed; earlier runs are as they were").into()
}

pub(super) fn unreadable(path: &Path, problem: &str) -> Diagnostics {
    Diagnostic::error("run-unreadable", format!("`{}` cannot be read: {problem}", path.display()))
        .place(Place::File(path.display().to_string()), "")
        .help("name a run folder such as `runs/2020-12-31-8f3c2a1b`; `recount list runs` shows those there are")
        .into()
}

/// The folder of a manifest under `root`, and whether an equal run is there already.
fn place(root: &Path, manifest: &Manifest) -> (PathBuf, bool) {
    let (text, hash) = (manifest.text(), manifest.hash());
    let day = schema::format(&Value::Date(manifest.as_of));
    for length in (SHORT..=hash.len()).step_by(4) {
        let folder = root.join(format!("{day}-{}", &hash[..length]));
        match fs::read_to_string(folder.join("manifest.json")) {
            Ok(there) if there == text => return (folder, true),
            Ok(_) => {}
            Err(_) if folder.exists() => {}
            Err(_) => return (folder, false),
        }
    }
    (root.join(format!("{day}-{hash}")), false)
}

/// The folder that holds this run already, if any.
pub fn existing(root: &Path, manifest: &Manifest) -> Option<PathBuf> {
    let (folder, there) = place(root, manifest);
    there.then_some(folder)
}

/// Writes a run under `root` (`runs/`), which is made if it is missing: everything into a folder beside, which gets its name at the end.
/// `render` adds the files that people read; it is not called when an equal run is there already.
///
/// # Errors
/// No space, no right, a root that is a file; then `root` is as it was.
pub fn write(
    root: &Path,
    content: &RunContent,
    journal: &Journal,
    render: impl FnOnce(&Sink<'_>) -> Result<(), Diagnostics> + Send,
) -> Result<Written, Diagnostics> {
    let (target, there) = place(root, &content.manifest);
    if there {
        return Ok(Written::Unchanged(target));
    }
    private_folder(root).map_err(|e| unwritable(root, &e))?;
    // Removed when dropped: on every early return below.
    let mut staging = tempfile::Builder::new();
    let prefix = staging_prefix();
    staging.prefix(&prefix);
    #[cfg(unix)]
    staging.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let staging = staged(|| staging.tempdir_in(root)).map_err(|e| unwritable(root, &e))?;
    let sink = Sink { folder: staging.path(), target: &target, written: Mutex::default() };
    let hash = content.manifest.hash();
    let (stored, rendered) = rayon::join(|| write_content(content, &hash, &sink), || render(&sink));
    stored.and(rendered)?;
    content.findings.intact().map_err(|problem| {
        Diagnostic::error("cannot-read", format!("the findings of this run could not be read again: {problem}"))
            .note("nothing was kept; earlier runs are as they were")
            .help("run again")
    })?;
    let journal = serde_json::to_string_pretty(journal).unwrap_or_default();
    sink.file("journal.json", format!("{journal}\n").as_bytes())?;
    sink.file("manifest.json", content.manifest.text().as_bytes())?;
    sink.sync()?;
    staged(|| fs::rename(staging.path(), &target)).map_err(|e| unwritable(&target, &e))?;
    let _renamed = staging.keep();
    Ok(Written::New(target))
}
