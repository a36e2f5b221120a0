//! The runs there are, and which one is meant.

use std::path::{Path, PathBuf};

use super::Session;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// Finished runs below `folder`: by the time they were written, the latest last.
pub(super) fn all(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.join("manifest.json").is_file()).collect();
    let written = |folder: &PathBuf| folder.join("manifest.json").metadata().and_then(|m| m.modified()).ok();
    folders.sort_by_cached_key(|folder| (written(folder), folder.clone()));
    folders
}

/// A run folder as the person named it: a path, a name under `runs/`, or nothing for the latest.
pub(super) fn folder(named: Option<&PathBuf>, session: &Session) -> Result<PathBuf, Diagnostics> {
    if let Some(path) = named
        && (path.is_dir() || path.components().count() > 1)
    {
        return Ok(path.clone());
    }
    let runs = session.project()?.root.join("runs");
    let folders = all(&runs);
    let found = match named {
        None => folders.last(),
        Some(name) => folders.iter().rfind(|folder| folder.ends_with(name) || folder.to_string_lossy().ends_with(&*name.to_string_lossy())),
    };
    found.cloned().ok_or_else(|| {
        Diagnostic::error(
            "no-run",
            match named {
                Some(name) => format!("there is no run `{}` in `{}`", name.display(), runs.display()),
                None => format!("there is no run in `{}` yet", runs.display()),
            },
        )
        .help("`recount list runs` shows those there are; `recount run` makes one")
        .into()
    })
}
