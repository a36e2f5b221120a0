//! Ctrl-C: what this process was writing is removed, earlier runs stay, exit code 130.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use super::Exit;

/// What stands on disk that is not finished, and what to say about it.
struct Work {
    /// Folders and the beginning of the names in them that are this process's own.
    unfinished: Vec<(PathBuf, String)>,
    says: String,
}

static WORK: Mutex<Work> = Mutex::new(Work { unfinished: Vec::new(), says: String::new() });

/// From now on Ctrl-C removes entries of `folder` whose name begins with `prefix`, and says `says`.
pub(super) fn removes(folder: &Path, prefix: &str, says: &str) {
    if let Ok(mut work) = WORK.lock() {
        work.unfinished.push((folder.to_path_buf(), prefix.to_string()));
        work.says = says.to_string();
    }
}

/// From now on Ctrl-C says `says`; nothing is left to remove.
pub(super) fn says(says: &str) {
    if let Ok(mut work) = WORK.lock() {
        *work = Work { unfinished: Vec::new(), says: says.to_string() };
    }
}

/// Installs the handler. Only `main` does.
pub(super) fn watch() {
    let installed = ctrlc::set_handler(|| {
        // Kept locked until the process is gone: what has just been finished is not spoken of as lost.
        let work = WORK.lock();
        let (unfinished, says) = work.as_ref().map_or((&[][..], ""), |w| (&w.unfinished, &w.says));
        // Other threads go on until the exit: a folder is looked at again in case one of them has put a file there meanwhile.
        for _ in 0..5 {
            if unfinished.iter().filter(|(folder, prefix)| remove(folder, prefix)).count() == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        eprintln!("\ninterrupted{}{says}", if says.is_empty() { "" } else { ": " });
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    if let Err(error) = installed {
        tracing::debug!(%error, "Ctrl-C is handled elsewhere.");
    }
}

/// Whether there was something to remove.
fn remove(folder: &Path, prefix: &str) -> bool {
    let mut found = false;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found = true;
            // What cannot be removed keeps its telling name; there is nobody left to report to.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    found
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
        assert!(remove(folder.path(), ".writing-7-"));
        assert!(!remove(folder.path(), ".writing-7-"));
        let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".writing-8-b", "2020-12-31-abc"]);
    }
}
