//! Hashes of delivered files that need not be taken again: the file system says that a file is as it was when it was hashed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{InputFile, hash_file};

/// What a file system tells of a file without reading it: size, times of the last change of content and of anything, number.
/// A copy with the old date, a restored backup or a tool that sets dates all show in one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Print {
    bytes: u64,
    modified: u128,
    changed: u128,
    number: u64,
}

impl Print {
    pub fn of(path: &Path) -> Option<Print> {
        let meta = std::fs::metadata(path).ok()?;
        let modified = nanos(meta.modified().ok()?);
        let (changed, number) = kept_by_system(&meta).unwrap_or((modified, 0));
        Some(Print { bytes: meta.len(), modified, changed, number })
    }
}

fn nanos(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos())
}

#[cfg(unix)]
fn kept_by_system(meta: &std::fs::Metadata) -> Option<(u128, u64)> {
    use std::os::unix::fs::MetadataExt;
    let nanos = u128::try_from(meta.ctime()).ok()? * 1_000_000_000 + u128::try_from(meta.ctime_nsec()).ok()?;
    Some((nanos, meta.ino()))
}
#[cfg(not(unix))]
fn kept_by_system(_: &std::fs::Metadata) -> Option<(u128, u64)> {
    None
}

/// A file changed less than this before it was hashed may change again without its times telling.
const SETTLED: u128 = 2_000_000_000;

/// The files of one table as they are now, and the hashes known from before.
pub(super) struct Seen {
    path: PathBuf,
    now: u128,
    prints: Vec<Option<Print>>,
    known: BTreeMap<String, (Print, String)>,
}

impl Seen {
    /// Looks at the files before they are read; `folder` is the table's in the store, which need not be there yet.
    pub fn look(folder: &Path, files: &[InputFile]) -> Seen {
        let path = folder.join("seen.json");
        let known = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        // The clock that counts is the one the file system stamps files with.
        let clock = folder.join(".clock");
        let now = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&clock, b"."))
            .and_then(|()| std::fs::metadata(&clock)?.modified())
            .map_or(0, nanos);
        let _ = std::fs::remove_file(&clock);
        let prints = files.iter().map(|f| Print::of(&f.path)).collect();
        Seen { path, now, prints, known }
    }

    /// SHA-256 (hex) of each file; files that are as they were are not read.
    pub fn hashes(&self, files: &[InputFile]) -> Result<Vec<String>, Diagnostics> {
        let hashes: Vec<Result<String, Diagnostic>> = files
            .par_iter()
            .zip(&self.prints)
            .map(|(file, print)| match self.known.get(&file.name) {
                Some((known, hash)) if Some(known) == print.as_ref() => Ok(hash.clone()),
                _ => hash_file(file).map(|(hash, _)| hash),
            })
            .collect();
        let mut messages = Diagnostics::default();
        let hashes = hashes.into_iter().filter_map(|h| messages.take(h.map_err(Diagnostics::from))).collect();
        messages.finish(hashes)
    }

    /// Remembers hashes of the files that had settled when they were looked at. Failing costs time in the next run, nothing else.
    pub fn remember(&self, files: &[InputFile], hashes: &[String]) {
        let mut known = BTreeMap::new();
        for ((file, print), hash) in files.iter().zip(&self.prints).zip(hashes) {
            if let Some(print) = print
                && print.modified.max(print.changed) + SETTLED < self.now
            {
                known.insert(file.name.clone(), (print.clone(), hash.clone()));
            }
        }
        if known != self.known {
            let beside = self.path.with_extension("part");
            let _ = serde_json::to_vec(&known)
                .map_err(std::io::Error::other)
                .and_then(|text| std::fs::write(&beside, text))
                .and_then(|()| std::fs::rename(&beside, &self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settled_files_are_remembered_and_only_as_they_were() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "one").expect("written");
        let files = [InputFile { path: path.clone(), name: "a.csv".to_owned() }];
        let store = folder.path().join("store");
        let real = Seen::look(&store, &files).hashes(&files).expect("hashed");
        let known = |seen: &Seen| seen.hashes(&files).expect("hashed")[0] == "remembered";
        let told = vec!["remembered".to_owned()];
        // Written a moment ago: it may change again within the same tick of the clock.
        let mut seen = Seen::look(&store, &files);
        seen.remember(&files, &told);
        assert!(!known(&Seen::look(&store, &files)));
        // The same look, later by the file system's clock.
        seen.now += SETTLED + 60_000_000_000;
        seen.remember(&files, &told);
        assert!(known(&Seen::look(&store, &files)));
        // Other content of the same size under the old date.
        let date = std::fs::metadata(&path).and_then(|m| m.modified()).expect("a date");
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(&path, "two").expect("written");
        std::fs::File::options().write(true).open(&path).and_then(|f| f.set_modified(date)).expect("dated");
        let now = Seen::look(&store, &files).hashes(&files).expect("hashed");
        if cfg!(unix) {
            assert!(now[0] != "remembered" && now != real);
        }
    }
}
