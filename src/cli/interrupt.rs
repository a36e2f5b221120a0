//! Ctrl-C: what this process was writing is removed, earlier runs stay, exit code 130.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use super::Exit;
use crate::table::hold_staging;

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

/// Does not return once Ctrl-C is being handled: what fails because its folder was removed is no news.
pub(super) fn wait() {
    drop(WORK.lock());
}

/// Installs the handler. Only `main` does.
pub(super) fn watch() {
    let installed = ctrlc::set_handler(|| {
        // Both kept until the process is gone: what has just been finished is not spoken of as lost, and nothing is begun any more.
        let (work, _gate) = (WORK.lock(), hold_staging());
        let (unfinished, says) = work.as_ref().map_or((&[][..], ""), |w| (&w.unfinished, &w.says));
        for (folder, prefix) in unfinished {
            remove(folder, prefix);
        }
        eprintln!("\ninterrupted{}{says}", if says.is_empty() { "" } else { ": " });
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    if let Err(error) = installed {
        tracing::debug!(%error, "Ctrl-C is handled elsewhere.");
    }
}

/// Other threads go on until the exit: under its new name none of them finds a folder to put one more file into, and the few that
/// were about to have done so by the next look.
fn remove(folder: &Path, prefix: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(prefix) {
            let gone = folder.join(format!("{name}.gone"));
            let path = if std::fs::rename(entry.path(), &gone).is_ok() { gone } else { entry.path() };
            // What cannot be removed keeps its telling name; there is nobody left to report to.
            for _ in 0..100 {
                let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
                if removed.is_ok() || !path.exists() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
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
        std::fs::write(folder.path().join(".writing-7-night.json"), "{}").unwrap();
        std::fs::write(folder.path().join(".writing-7-a/rows.parquet"), "PAR1").unwrap();
        remove(folder.path(), ".writing-7-");
        let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".writing-8-b", "2020-12-31-abc"]);
    }
}
