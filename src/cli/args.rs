//! Arguments of every command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Audits social-assistance programmes: loads their tables, runs declarative rules over them, and gives inspectors cases that can
/// be checked. A finding is a lead, never a verdict.
#[derive(Debug, Parser)]
#[command(name = "recount", version, propagate_version = true, max_term_width = 120)]
pub(super) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Global {
    /// Project file, or the folder it lies in; default: the nearest recount.yaml upward
    #[arg(short, long, global = true, value_name = "PATH")]
    pub project: Option<PathBuf>,
    /// Threads to use; default: all cores. The result never depends on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Colour in messages
    #[arg(long, global = true, value_enum, default_value_t = Choice::Auto, value_name = "WHEN")]
    pub color: Choice,
    /// How messages are shown
    #[arg(long, global = true, value_enum, default_value_t = Messages::Full, value_name = "FORM")]
    pub messages: Messages,
    /// More log lines (-v info, -vv debug); RECOUNT_LOG takes a filter
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log lines as JSON
    #[arg(long, global = true)]
    pub log_json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Choice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Messages {
    /// With the lines they are about
    Full,
    /// One line each
    Concise,
    /// For editors
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Init(InitArgs),
    Explain(ExplainArgs),
    List(ListArgs),
    Generate(GenerateArgs),
}

/// Makes a project that already runs: small tables, policy files, three rules
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Folder to make it in
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

/// Explains a rule, a kind of check, or an error code
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// `funds/payment-after-death`, `duplicate`, `unknown-column`
    pub name: String,
}

/// Lists what the project has
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[arg(value_enum)]
    pub what: Listed,
    /// One name a line, for scripts
    #[arg(long)]
    pub names: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Listed {
    Tables,
    Columns,
    Links,
    Views,
    Parameters,
    Regions,
    Errors,
    Runs,
}

/// Writes what follows from the program itself: reference pages, JSON schemas, shell completions, man pages
#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    #[command(subcommand)]
    pub what: Generated,
}

#[derive(Debug, Subcommand)]
pub(super) enum Generated {
    /// docs/cli.md
    Docs(TargetArgs),
    /// JSON schemas of the project file and of rule files, for editors
    Schema(TargetArgs),
    /// Man pages
    Man(TargetArgs),
    /// Completions of a shell, to stdout
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// Folder to write to
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    pub output: PathBuf,
    /// Writes nothing; exit code 1 if a file is not as it would be written
    #[arg(long)]
    pub check: bool,
}
