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
    let filter = EnvFilter::try_from_env("RECOUNT_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second start (tests in one process) keeps the first.
    let _ = if global.log_json { builder.json().try_init() } else { builder.with_ansi(false).without_time().try_init() };
}
