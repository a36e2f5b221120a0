//! `recount generate`: reference pages, schemas, completions and man pages from the program's own definitions.

use std::path::PathBuf;

use clap::CommandFactory;

use super::args::{Cli, GenerateArgs, Generated, TargetArgs};
use super::output::{print, write_file};
use super::{Exit, Session};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::{project, rule};

pub(super) fn generate(arguments: &GenerateArgs, session: &Session) -> Result<Exit, Diagnostics> {
    match &arguments.what {
        Generated::Docs(target) => write(target, vec![("docs/cli.md".into(), command_page().into_bytes())], session),
        Generated::Schema(target) => write(target, schemas(), session),
        Generated::Man(target) => write(target, man_pages()?, session),
        Generated::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "recount", &mut out);
            print(&String::from_utf8_lossy(&out))?;
            Ok(Exit::Done)
        }
    }
}

fn write(target: &TargetArgs, files: Vec<(PathBuf, Vec<u8>)>, session: &Session) -> Result<Exit, Diagnostics> {
    let mut stale = Diagnostics::default();
    for (name, bytes) in files {
        let path = target.output.join(&name);
        let shown = path.to_string_lossy().replace('\\', "/");
        if std::fs::read(&path).is_ok_and(|there| there == bytes) {
            continue;
        }
        if target.check {
            stale.push(
                Diagnostic::error("out-of-date", format!("`{shown}` is not what the program would write"))
                    .place(Place::File(shown), "")
                    .help("run `recount generate` without `--check` and look at the difference"),
            );
        } else {
            write_file(&path, &bytes)?;
            print(&format!("{shown}\n"))?;
        }
    }
    session.tell(&stale);
    Ok(if stale.is_empty() { Exit::Done } else { Exit::Gate })
}

fn schemas() -> Vec<(PathBuf, Vec<u8>)> {
    let pretty = |schema: &serde_json::Value| {
        let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
        text.push('\n');
        text.into_bytes()
    };
    vec![
        ("schemas/project.schema.json".into(), pretty(&project::schema())),
        ("schemas/rule.schema.json".into(), pretty(&rule::schema())),
        ("schemas/overlay.schema.json".into(), pretty(&rule::overlay_schema())),
    ]
}

/// The reference of all commands, from the same definitions that parse them.
fn command_page() -> String {
    let mut out = String::from(
        "# Commands\n\nWritten by `recount generate docs`. Exit codes: 0 done, 1 a gate tripped, 2 not all that was asked could be done, 130 interrupted.\n",
    );
    let command = Cli::command().term_width(120).max_term_width(120);
    let help = |command: &clap::Command, path: &str| {
        let text =
            command.clone().bin_name(path).display_name(path).term_width(120).disable_help_subcommand(true).render_long_help().to_string();
        let text: Vec<&str> = text.lines().map(str::trim_end).collect();
        format!("\n## {path}\n\n```text\n{}\n```\n", text.join("\n").trim_end())
    };
    out.push_str(&help(&command, "recount"));
    for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
        let path = format!("recount {}", sub.get_name());
        out.push_str(&help(sub, &path));
        for inner in sub.get_subcommands().filter(|c| c.get_name() != "help") {
            out.push_str(&help(inner, &format!("{path} {}", inner.get_name())));
        }
    }
    out
}

fn man_pages() -> Result<Vec<(PathBuf, Vec<u8>)>, Diagnostics> {
    let failed =
        |error: std::io::Error| Diagnostics::from(Diagnostic::error("cannot-write", format!("a man page cannot be written: {error}")));
    let command = Cli::command();
    let mut pages = Vec::new();
    let mut page = |command: clap::Command, name: String| {
        let mut out = Vec::new();
        clap_mangen::Man::new(command.display_name(&name)).render(&mut out).map_err(failed)?;
        pages.push((PathBuf::from(format!("man/{name}.1")), out));
        Ok::<(), Diagnostics>(())
    };
    page(command.clone(), "recount".into())?;
    for sub in command.get_subcommands() {
        page(sub.clone(), format!("recount-{}", sub.get_name()))?;
    }
    Ok(pages)
}
