//! `recount init`: a small project that already runs, to be changed into one's own.

use std::path::Path;

use super::args::InitArgs;
use super::output::{print, write_file};
use super::{Exit, Session};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::project;

/// The files of the new project.
const FILES: [(&str, &str); 9] = [
    ("recount.yaml", include_str!("template/recount.yaml")),
    ("data/members.csv", include_str!("template/data/members.csv")),
    ("data/payments-2019.csv", include_str!("template/data/payments-2019.csv")),
    ("data/deaths.csv", include_str!("template/data/deaths.csv")),
    ("policy/parameters.csv", include_str!("template/policy/parameters.csv")),
    ("policy/regions.csv", include_str!("template/policy/regions.csv")),
    ("rules/funds/payment-after-death.yaml", include_str!("template/rules/funds/payment-after-death.yaml")),
    ("rules/funds/paid-twice.yaml", include_str!("template/rules/funds/paid-twice.yaml")),
    (".gitignore", "# Runs hold personal data; the secret keys the findings' identities.\n/runs\n/recount.secret\n/.recount\n"),
];

pub(super) fn init(arguments: &InitArgs, _session: &Session) -> Result<Exit, Diagnostics> {
    let folder = &arguments.folder;
    let mut there = Diagnostics::default();
    for (name, _) in FILES.iter().filter(|(name, _)| *name != ".gitignore").chain([&(project::SECRET_FILE, "")]) {
        let path = folder.join(name);
        if path.exists() {
            let shown = path.to_string_lossy().replace('\\', "/");
            there.push(
                Diagnostic::error("file-exists", format!("`{shown}` exists already"))
                    .place(Place::File(shown), "")
                    .help("nothing was written; choose an empty folder: `recount init my-audit`"),
            );
        }
    }
    there.finish(())?;
    for (name, text) in FILES {
        let path = folder.join(name);
        if !path.exists() {
            write_file(&path, text.as_bytes())?;
        }
    }
    write_secret(&folder.join(project::SECRET_FILE))?;
    let place = if folder == Path::new(".") { String::new() } else { format!("cd {} && ", folder.display()) };
    print(&format!("A project with 3 tables and 2 rules is in {}.\nTry it:  {place}recount run --as-of 2019-12-31\n", folder.display()))?;
    Ok(Exit::Done)
}

/// A fresh random secret, readable by its owner alone.
fn write_secret(path: &Path) -> Result<(), Diagnostics> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Diagnostic::error("no-randomness", format!("the system gives no random numbers for the secret: {error}")))?;
    let text = format!("{}\n", blake3::Hash::from_bytes(bytes).to_hex());
    write_file(path, text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(|error| Diagnostic::error("cannot-write", format!("the secret cannot be made private: {error}")))?;
    }
    Ok(())
}
