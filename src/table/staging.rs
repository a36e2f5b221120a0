//! Folders and files that are being written and have no name of their own yet.
//!
//! Whoever ends the process while other threads still write (Ctrl-C) holds the gate: then nothing new begins and nothing gets its name,
//! so what is removed stays removed.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

static GATE: Mutex<()> = Mutex::new(());

/// Beginning of the names of what this process is writing, a store's table or a run: one that stays behind belongs to an
/// interrupted process and may be removed.
pub fn staging_prefix() -> String {
    format!(".writing-{}-", std::process::id())
}

/// Makes something whose name begins with [`staging_prefix`], or gives it its own name; waits for as long as somebody holds the gate.
///
/// # Errors
/// Those of `step`.
pub fn staged<T>(step: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let _open = hold_staging();
    step()
}

/// From now on, until it is dropped, nothing is begun or named.
pub fn hold_staging() -> MutexGuard<'static, ()> {
    GATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes `folder/name` whole or not at all.
pub(crate) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    staged(|| {
        let beside = folder.join(format!("{}{name}", staging_prefix()));
        std::fs::write(&beside, bytes)?;
        std::fs::rename(beside, folder.join(name))
    })
}
