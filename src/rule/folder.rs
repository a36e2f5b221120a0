//! Rule folders: every `*.yaml` below them is one rule, its id its path. A file that cannot be read never hides the others.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::overlay::Change;
use super::spec::RuleSpec;
use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceText, Spanned, yaml};

/// A rule as written, where it stands, and the overlay changes that apply to it.
#[derive(Debug, Clone)]
pub struct RuleFile {
    pub path: PathBuf,
    pub text: Arc<SourceText>,
    pub spec: RuleSpec,
    pub overlays: Vec<Arc<Change>>,
    /// An integrity rule that nobody asked for: judged only for the records it sets aside, without an outcome or findings of its own.
    pub unasked: bool,
}

impl RuleFile {
    pub fn id(&self) -> &str {
        &self.spec.id.value
    }

    /// `funds` of `funds/payment-after-death`; empty for a rule that stands in no pack.
    pub fn pack(&self) -> &str {
        self.id().rsplit_once('/').map_or("", |(pack, _)| pack)
    }

    /// Reads one rule text. `text.name` is its name in messages. The id is not compared with the path.
    ///
    /// # Errors
    /// All that is wrong with the form of the text: keys, types, missing parts.
    pub fn read(path: PathBuf, text: Arc<SourceText>) -> Result<RuleFile, Diagnostics> {
        let spec: RuleSpec = yaml::read(&text)?;
        Ok(RuleFile { path, text, spec, overlays: vec![], unasked: false })
    }
}

/// Reads all rule files below `folders` (relative to `root`), ascending by id. Names that start with `.` or `_` are passed over.
/// The second part holds everything that is wrong: unreadable folders and files, ids that differ from the path, ids that stand twice.
pub fn read_folders(root: &Path, folders: &[Spanned<PathBuf>]) -> (Vec<RuleFile>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let mut files: BTreeMap<String, RuleFile> = BTreeMap::new();
    for folder in folders {
        let base = root.join(&folder.value);
        if !base.is_dir() {
            problems.push(
                Diagnostic::error("missing-folder", format!("there is no folder `{}`", shown(&folder.value)))
                    .at(folder.span.clone(), "named here")
                    .help(format!("create `{}` or correct the path; it is relative to the folder of recount.yaml", shown(&base))),
            );
            continue;
        }
        for path in yaml_files(&base, &mut problems) {
            let name = path.strip_prefix(root).unwrap_or(&path);
            let Some(text) = read_text(&path, &shown(name), &mut problems) else { continue };
            let Some(file) = problems.take(RuleFile::read(path.clone(), text)) else { continue };
            let wanted = shown(&path.strip_prefix(&base).unwrap_or(&path).with_extension(""));
            if file.id() != wanted {
                problems.push(
                    Diagnostic::error("rule-id", format!("rule `{}` stands in a file named `{wanted}.yaml`", file.id()))
                        .at(file.spec.id.span.clone(), "differs from the path")
                        .help(format!("write `id: {wanted}`, or move the file")),
                );
                continue;
            }
            if let Some(first) = files.get(&wanted) {
                problems.push(
                    Diagnostic::error(
                        "duplicate-rule",
                        format!("two files hold the rule `{wanted}`: `{}` and `{}`", first.text.name, file.text.name),
                    )
                    .at(file.spec.id.span.clone(), "a second time")
                    .at(first.spec.id.span.clone(), "first here")
                    .help("rename or remove one of them; until then only the first is used"),
                );
                continue;
            }
            files.insert(wanted, file);
        }
    }
    (files.into_values().collect(), problems)
}

/// Paths of the `.yaml` files below `base`, sorted. A `.yml` file is a mistake that would go unnoticed, so it is named.
pub(super) fn yaml_files(base: &Path, problems: &mut Diagnostics) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![base.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) => entries,
            Err(error) => {
                problems.push(unreadable(&folder, &error));
                continue;
            }
        };
        for entry in entries {
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with(['.', '_']) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            match path.extension().and_then(|e| e.to_str()) {
                Some("yaml") => found.push(path),
                Some("yml") => problems.push(
                    Diagnostic::error("rule-extension", format!("`{}` ends in `.yml`", shown(&path)))
                        .place(Place::File(shown(&path)), "not read")
                        .help("rename it so that it ends in `.yaml`"),
                ),
                _ => {}
            }
        }
    }
    // By the name as shown, so that the order is the same on every system.
    found.sort_by_key(|path| shown(path));
    found
}

pub(super) fn read_text(path: &Path, name: &str, problems: &mut Diagnostics) -> Option<Arc<SourceText>> {
    match fs::read_to_string(path) {
        Ok(text) => Some(Arc::new(SourceText { name: name.to_owned(), text })),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            problems.push(
                Diagnostic::error("wrong-encoding", format!("`{name}` is not UTF-8"))
                    .place(Place::File(name.to_owned()), "not read")
                    .help("save it as UTF-8 in the editor"),
            );
            None
        }
        Err(error) => {
            problems.push(unreadable(path, &error));
            None
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("unreadable-file", format!("`{}` cannot be read: {error}", shown(path)))
        .place(Place::File(shown(path)), "not read")
        .help("check that it exists and that you may read it")
}

/// Path with `/` between folders.
pub(super) fn shown(path: &Path) -> String {
    path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/").replace("//", "/")
}

/// The rules whose id matches one of `patterns` (`funds/*`, `*death*`, whole ids), in the order given; all when `patterns` is empty.
///
/// # Errors
/// A pattern that is malformed or matches no rule.
pub fn select(files: Vec<RuleFile>, patterns: &[String]) -> Result<Vec<RuleFile>, Diagnostics> {
    if patterns.is_empty() {
        return Ok(files);
    }
    let mut problems = Diagnostics::default();
    let mut chosen = vec![false; files.len()];
    for pattern in patterns {
        let Ok(glob) = glob::Pattern::new(pattern) else {
            problems.push(
                Diagnostic::error("rule-pattern", format!("`{pattern}` is not a pattern"))
                    .help("write an id, or `*` for any part of it: `funds/*`"),
            );
            continue;
        };
        let mut any = false;
        for (file, chosen) in files.iter().zip(&mut chosen) {
            if glob.matches(file.id()) {
                any = true;
                *chosen = true;
            }
        }
        if !any {
            problems.push(
                Diagnostic::error("unknown-rule", format!("no rule matches `{pattern}`"))
                    .suggest(pattern, files.iter().map(RuleFile::id))
                    .help("`recount list rules` shows all rules"),
            );
        }
    }
    problems.finish(files.into_iter().zip(chosen).filter_map(|(file, chosen)| chosen.then_some(file)).collect())
}
