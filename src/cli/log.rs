//! Logs to stderr: warnings by default, more with `-v`, a filter of one's own in `RECOUNT_LOG`, JSON lines on request.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use super::args::Global;

pub(super) fn start(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "recount=info,warn",
        (_, 2) => "recount=debug,info",
        _ => "trace",
    };
    let own = std::env::var("RECOUNT_LOG").ok().filter(|text| !text.is_empty());
    let filter = match own.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) => filter,
        Some(Err(error)) => {
            eprintln!("RECOUNT_LOG is no filter such as `recount=debug` ({error}); it is left aside");
            EnvFilter::new(level)
        }
        None => EnvFilter::new(level),
    };
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second start (tests in one process) keeps the first.
    let _ = if global.log_json { builder.json().try_init() } else { builder.with_ansi(false).without_time().try_init() };
}
