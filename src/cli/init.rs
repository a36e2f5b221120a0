//! `recount init`: a small project that already runs, to be changed into one's own; or the canonical programme for files that are there.

use std::path::Path;

use super::args::InitArgs;
use super::output::{print, write_file};
use super::{Exit, Session, clock};
use crate::canonical::{self, CanonicalOptions};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::project;

const IGNORED: (&str, &str) =
    (".gitignore", "# Runs hold personal data; the secret keys the findings' identities.\n/runs\n/recount.secret\n/.recount\n");

/// The files of the small project.
const FILES: [(&str, &str); 8] = [
    ("recount.yaml", include_str!("template/recount.yaml")),
    ("data/members.csv", include_str!("template/data/members.csv")),
    ("data/payments-2019.csv", include_str!("template/data/payments-2019.csv")),
    ("data/deaths.csv", include_str!("template/data/deaths.csv")),
    ("policy/parameters.csv", include_str!("template/policy/parameters.csv")),
    ("policy/regions.csv", include_str!("template/policy/regions.csv")),
    ("rules/funds/payment-after-death.yaml", include_str!("template/rules/funds/payment-after-death.yaml")),
    ("rules/funds/paid-twice.yaml", include_str!("template/rules/funds/paid-twice.yaml")),
];

pub(super) fn init(arguments: &InitArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let folder = &arguments.folder;
    let place = if folder == Path::new(".") { String::new() } else { format!("cd {} && ", folder.display()) };
    if arguments.canonical {
        let today = clock::year();
        let options = CanonicalOptions { years: arguments.years.unwrap_or((today - 3, today)), region: arguments.region };
        let files = canonical::files(&options);
        write(folder, files.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
        // The rules are the largest part: say at once if the project does not hold together.
        session.tell(&project::read(&folder.join(project::FILE_NAME)).err().unwrap_or_default());
        print(&format!(
            "A project for {} tables and {} rules is in {folder}.\n\
             1. Put your files into {folder}/data; {folder}/data/README.md says which name and which headers.\n\
             2. Fill in {folder}/policy: regions.csv, and what parameters.csv marks as to be confirmed.\n\
             3. See what maps:  {place}recount lint --data\n\
             4. Audit:  {place}recount run --as-of {}-12-31\n",
            canonical::tables(),
            canonical::RULES.len(),
            options.years.1,
            folder = folder.display(),
        ))?;
        return Ok(Exit::Done);
    }
    write(folder, FILES)?;
    print(&format!("A project with 3 tables and 2 rules is in {}.\nTry it:  {place}recount run --as-of 2019-12-31\n", folder.display()))?;
    Ok(Exit::Done)
}

/// Writes the files and a fresh secret below `folder`; nothing, when one of them is there.
fn write<'f>(folder: &Path, files: impl IntoIterator<Item = (&'f str, &'f str)> + Clone) -> Result<(), Diagnostics> {
    let mut there = Diagnostics::default();
    for (name, _) in files.clone().into_iter().chain([(project::SECRET_FILE, "")]) {
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
    for (name, text) in files.into_iter().chain([IGNORED]) {
        let path = folder.join(name);
        if !path.exists() {
            write_file(&path, text.as_bytes())?;
        }
    }
    write_secret(&folder.join(project::SECRET_FILE))
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
