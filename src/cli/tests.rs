use clap::{CommandFactory, Parser};

use super::args::Cli;
use super::{Exit, pages};

#[test]
fn the_arguments_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn arguments_parse_or_not() {
    let parses = |line: &str| Cli::try_parse_from(line.split_whitespace()).is_ok();
    for line in ["recount init", "recount init x", "recount -p x list tables", "recount list runs --names", "recount explain row -v"] {
        assert!(parses(line), "{line}");
    }
    for line in ["recount", "recount lst", "recount list", "recount --threads 0 list runs", "recount -q -v list runs"] {
        assert!(!parses(line), "{line}");
    }
}

#[test]
fn error_pages_have_a_first_sentence() {
    let codes: Vec<&str> = pages::error_codes().collect();
    assert!(codes.contains(&"unknown-column"));
    for code in codes {
        let page = pages::error(code).unwrap();
        assert!(page.starts_with(&format!("## {code}\n\n")) && page.contains(". "), "{code}");
        assert_eq!(page.matches("\n## ").count(), 0, "{code}");
    }
    assert_eq!(pages::error("nonsense"), None);
}

#[test]
fn exit_codes_and_their_order() {
    assert_eq!([Exit::Done, Exit::Gate, Exit::Incomplete, Exit::Interrupted].map(Exit::code), [0, 1, 2, 130]);
    assert!(Exit::Incomplete > Exit::Gate);
}
