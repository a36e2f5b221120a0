//! The command line: arguments, progress, exit codes, printing. Alone prints, exits, and reads clock and environment.
//!
//! Results go to stdout; diagnostics, progress and logs to stderr. One file per command.

mod args;
mod ask;
mod clock;
mod diff;
mod exit;
mod explain;
mod generate;
mod init;
mod interrupt;
mod link;
mod lint;
mod list;
mod load;
mod log;
mod output;
mod pages;
mod progress;
mod query;
mod rules;
mod run;
mod runs;
mod score;
mod session;
mod synth;
mod test;

use std::ffi::OsString;

use clap::Parser;

pub use exit::Exit;

use args::{Cli, Command};
use session::Session;

/// Runs one command line (the first argument is the program's name) and says how it ended.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(message) => {
            // Help and version are results; anything else is a mistake in the arguments.
            let code = if message.use_stderr() { Exit::Incomplete } else { Exit::Done };
            return if message.print().is_err() { Exit::Incomplete } else { code };
        }
    };
    threads(cli.global.threads);
    log::start(&cli.global);
    interrupt::watch();
    let session = Session::new(&cli.global);
    let result = match &cli.command {
        Command::Init(arguments) => init::init(arguments, &session),
        Command::Run(arguments) => run::run(arguments, &session),
        Command::Load(arguments) => load::load(arguments, &session),
        Command::Test(arguments) => test::test(arguments, &session),
        Command::Query(arguments) => query::query(arguments, &session),
        Command::DiffRules(arguments) => diff::diff_rules(arguments, &session),
        Command::Lint(arguments) => lint::lint(arguments, &session),
        Command::Link(arguments) => link::link(arguments, &session),
        Command::Synth(arguments) => synth::synth(arguments, &session),
        Command::Score(arguments) => score::score(arguments, &session),
        Command::Explain(arguments) => explain::explain(arguments, &session),
        Command::List(arguments) => list::list(arguments, &session),
        Command::Generate(arguments) => generate::generate(arguments, &session),
    };
    match result {
        Ok(exit) => exit,
        Err(problems) => {
            interrupt::wait();
            session.tell(&problems);
            Exit::Incomplete
        }
    }
}

/// Sizes the process-wide pool before its first use.
fn threads(threads: Option<u16>) {
    let Some(n) = threads else { return };
    if let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(usize::from(n)).build_global() {
        tracing::warn!(%error, "The thread pool has its size already.");
    }
}

#[cfg(test)]
mod tests;
