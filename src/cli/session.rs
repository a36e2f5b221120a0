//! What every command has at hand: where the project is, and how to talk to the person.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::args::{Choice, Global, Messages};
use crate::diagnostic::render::{self, RenderOptions};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Severity};
use crate::project::{self, Project};

pub(super) struct Session {
    project: Option<PathBuf>,
    messages: Messages,
    options: RenderOptions,
    pub quiet: bool,
    /// Progress is shown: stderr is a terminal and nobody asked for silence.
    pub progress: bool,
}

impl Session {
    pub fn new(global: &Global) -> Session {
        let terminal = std::io::stderr().is_terminal();
        let color = match global.color {
            Choice::Always => true,
            Choice::Never => false,
            Choice::Auto => terminal && std::env::var_os("NO_COLOR").is_none(),
        };
        let width = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|&w| w >= 40).unwrap_or(140);
        Session {
            project: global.project.clone(),
            messages: global.messages,
            options: RenderOptions { color, width },
            quiet: global.quiet,
            progress: terminal && !global.quiet && !global.log_json,
        }
    }

    /// Shows messages on stderr.
    pub fn tell(&self, messages: &Diagnostics) {
        if messages.is_empty() {
            return;
        }
        let text = match self.messages {
            Messages::Full => render::full(messages, &self.options),
            Messages::Concise => render::concise(messages, &self.options),
            Messages::Json => render::json(messages, &self.options),
        };
        let mut stderr = std::io::stderr().lock();
        let shown = if self.quiet && !messages.has_errors() { String::new() } else { text };
        // A closed stderr leaves nobody to tell.
        let _ = stderr.write_all(shown.as_bytes());
        if self.messages == Messages::Full {
            let count = |s: Severity| messages.0.iter().filter(|m| m.severity == s).count();
            let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
            if errors + warnings > 1 {
                let _ = writeln!(stderr, "\n{} and {}", plural(errors, "error"), plural(warnings, "warning"));
            }
        }
    }

    /// A line on stderr for whoever looks on; in the log elsewhere.
    pub fn note(&self, line: &str) {
        tracing::info!("{line}");
        if self.progress {
            eprintln!("{line}");
        }
    }

    /// Columns of the terminal.
    pub fn width(&self) -> usize {
        self.options.width
    }

    /// Path of the project file: `--project` (file or folder), else the nearest one upward.
    pub fn project_path(&self) -> Result<PathBuf, Diagnostics> {
        let here = Path::new(".");
        match &self.project {
            Some(path) if path.is_dir() => Ok(path.join(project::FILE_NAME)),
            Some(path) => Ok(path.clone()),
            None => {
                if here.join(project::FILE_NAME).is_file() {
                    return Ok(PathBuf::from(project::FILE_NAME));
                }
                let start = std::env::current_dir().unwrap_or_else(|_| here.to_path_buf());
                project::find(&start).ok_or_else(|| {
                    Diagnostic::error("no-project", format!("no `{}` here or in a folder above", project::FILE_NAME))
                        .place(Place::File(start.display().to_string()), "")
                        .help("`recount init` makes a project that already runs; `--project PATH` names one elsewhere")
                        .into()
                })
            }
        }
    }

    pub fn project(&self) -> Result<Project, Diagnostics> {
        project::read(&self.project_path()?)
    }
}

/// `1 error`, `2 errors`.
pub(super) fn plural(n: usize, word: &str) -> String {
    if n == 1 { format!("{n} {word}") } else { format!("{n} {word}s") }
}
