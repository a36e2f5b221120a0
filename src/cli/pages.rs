//! Pages of `docs/` that the program shows: one section per error code.

/// `docs/errors.md`, as of the build.
pub(super) const ERRORS: &str = include_str!("../../docs/errors.md");

/// The section of an error code: its heading and text.
pub(super) fn error(code: &str) -> Option<&'static str> {
    let heading = format!("\n## {code}\n");
    let start = ERRORS.find(&heading)? + 1;
    let rest = &ERRORS[start..];
    let end = rest[1..].find("\n## ").map_or(rest.len(), |i| i + 2);
    Some(rest[..end].trim_end())
}

/// All error codes that have a section, in the order of the page.
pub(super) fn error_codes() -> impl Iterator<Item = &'static str> {
    ERRORS.lines().filter_map(|line| line.strip_prefix("## ")).filter(|code| !code.contains(' '))
}
