//! `recount explain`: the page of an error code.

use super::args::ExplainArgs;
use super::output::print;
use super::{Exit, Session, pages};
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};

pub(super) fn explain(arguments: &ExplainArgs, _session: &Session) -> Result<Exit, Diagnostics> {
    let name = arguments.name.as_str();
    if let Some(page) = pages::error(name) {
        print(&format!("{page}\n"))?;
        return Ok(Exit::Done);
    }
    let problem = Diagnostic::error("unknown-name", format!("`{name}` is no rule, check or error code"));
    Err(match nearest(name, pages::error_codes()) {
        Some(near) => problem.help(format!("a similar name exists: `{near}`")),
        None => problem.help("`recount list errors` shows them"),
    }
    .into())
}
