//! Ctrl-C: what this process was writing is removed, earlier runs stay, exit code 130.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::Exit;

/// Folders that hold nothing but unfinished work of this process.
static UNFINISHED: Mutex<Vec<(PathBuf, String)>> = Mutex::new(Vec::new());

/// From now on Ctrl-C removes entries of `folder` whose name begins with `prefix`.
pub(super) fn removes(folder: &Path, prefix: &str) {
    if let Ok(mut folders) = UNFINISHED.lock() {
        folders.push((folder.to_path_buf(), prefix.to_string()));
    }
}

/// Installs the handler. Only `main` does.
pub(super) fn watch() {
    let installed = ctrlc::set_handler(|| {
        let folders = UNFINISHED.lock().map(|f| f.clone()).unwrap_or_default();
        for (folder, prefix) in folders {
            remove(&folder, &prefix);
        }
        eprintln!("\ninterrupted: nothing of this run was kept; earlier runs are as they were");
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    if let Err(error) = installed {
        tracing::debug!(%error, "Ctrl-C is handled elsewhere.");
    }
}

fn remove(folder: &Path, prefix: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            // What cannot be removed keeps its telling name; there is nobody left to report to.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_unfinished_work_goes() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".writing-7-a", ".writing-8-b", "2020-12-31-abc"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        remove(folder.path(), ".writing-7-");
        let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".writing-8-b", "2020-12-31-abc"]);
    }
}
