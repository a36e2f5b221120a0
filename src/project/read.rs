//! Finds and reads `recount.yaml` and the project's secret.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::generate::SchemaSettings;

use super::spec::ProjectSpec;
use super::{Project, resolve};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceText, yaml};

/// Name of the project file.
pub const FILE_NAME: &str = "recount.yaml";
/// Name of the file beside it that holds the secret of the finding keys, 64 hexadecimal digits.
pub const SECRET_FILE: &str = "recount.secret";

/// The nearest project file in `start` or a folder above it.
pub fn find(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file())
}

/// Reads a project file, its policy parameters and regions.
///
/// # Errors
/// Everything that is wrong with the file and the policy files it names, at once; data files are not looked at.
pub fn read(path: &Path) -> Result<Project, Diagnostics> {
    let name = path.to_string_lossy().replace('\\', "/");
    let unreadable = |problem: String| {
        Diagnostic::error("unreadable-file", problem).place(Place::File(name.clone()), "").help("`recount init` makes a new project")
    };
    let bytes = std::fs::read(path).map_err(|error| unreadable(format!("the project file cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Diagnostic::error("wrong-encoding", "the project file is not UTF-8").place(Place::File(name.clone()), "").help("save it as UTF-8")
    })?;
    let root = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    read_text(Arc::new(SourceText { name: name.clone(), text }), root)
}

/// Reads a project from its text; paths in it are relative to `root`.
///
/// # Errors
/// As [`read`].
pub fn read_text(text: Arc<SourceText>, root: &Path) -> Result<Project, Diagnostics> {
    let spec: ProjectSpec = yaml::read(&text)?;
    resolve::resolve(spec, text, root)
}

/// JSON schema of `recount.yaml`, for editors.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<ProjectSpec>().to_value()
}

/// The key of the project's finding keys: the content of `recount.secret`, or, where there is none, derived from the project's text, so
/// that samples give the same keys everywhere.
///
/// # Errors
/// `bad-secret` when the file is there but does not hold 64 hexadecimal digits, `unreadable-file` when it cannot be read.
pub fn secret(root: &Path) -> Result<[u8; 32], Diagnostics> {
    let path = root.join(SECRET_FILE);
    let place = || Place::File(path.to_string_lossy().replace('\\', "/"));
    match std::fs::read_to_string(&path) {
        Ok(text) => blake3::Hash::from_hex(text.trim()).map(|hash| *hash.as_bytes()).map_err(|_| {
            Diagnostic::error("bad-secret", "the secret is not 64 hexadecimal digits")
                .place(place(), "")
                .help("restore it from a backup: without it, findings of earlier runs are not recognised")
                .into()
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = std::fs::read(root.join(FILE_NAME)).unwrap_or_default();
            Ok(blake3::derive_key("recount 2026 project secret of a project without recount.secret", &text))
        }
        Err(error) => Err(Diagnostic::error("unreadable-file", format!("the secret cannot be read: {error}")).place(place(), "").into()),
    }
}

/// A text the project is made of besides the project file itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// As written in the project file.
    pub path: String,
    pub kind: PolicyKind,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyKind {
    Parameters,
    Regions,
}

/// The files that the project's parameters and regions were read from, in the order they are named, each once.
///
/// # Errors
/// One of them can no longer be read.
pub fn policy_files(project: &Project) -> Result<Vec<PolicyFile>, Diagnostics> {
    let spec: ProjectSpec = yaml::read(&project.text)?;
    let parameters = spec.parameters.iter().flat_map(|p| p.values.iter().chain(p.tables.iter().map(|(_, table)| &table.from)));
    let named = parameters.map(|path| (path, PolicyKind::Parameters)).chain(spec.regions.iter().map(|path| (path, PolicyKind::Regions)));
    let mut problems = Diagnostics::default();
    let mut files: Vec<PolicyFile> = Vec::new();
    for (path, kind) in named {
        if files.iter().any(|file| file.path == path.value) {
            continue;
        }
        match std::fs::read_to_string(project.root.join(&path.value)) {
            Ok(text) => files.push(PolicyFile { path: path.value.clone(), kind, text }),
            Err(error) => problems.push(
                Diagnostic::error("unreadable-file", format!("`{}` cannot be read: {error}", path.value))
                    .at(path.span.clone(), "named here"),
            ),
        }
    }
    problems.finish(files)
}
