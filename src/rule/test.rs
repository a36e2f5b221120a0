//! Tests written in rule files, as data for whoever runs them.

use std::collections::BTreeMap;

use super::folder::RuleFile;
use super::{RuleTest, dates};
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};

impl RuleFile {
    /// The tests of the file, in order.
    ///
    /// # Errors
    /// Two tests of one name, a test without tables, a table given twice, a key expected to end in two ways, a malformed `as_of`.
    pub fn tests(&self) -> Result<Vec<RuleTest>, Diagnostics> {
        let mut problems = Diagnostics::default();
        let mut tests = vec![];
        let mut names: BTreeMap<&str, &Spanned<String>> = BTreeMap::new();
        for spec in &self.spec.tests {
            if let Some(first) = names.insert(&spec.name.value, &spec.name) {
                problems.push(
                    Diagnostic::error("duplicate-test", format!("two tests of `{}` are named `{}`", self.id(), spec.name.value))
                        .at(spec.name.span.clone(), "a second time")
                        .at(first.span.clone(), "first here")
                        .help("name each test by what it shows"),
                );
            }
            if spec.given.is_empty() {
                problems.push(
                    Diagnostic::error("empty-test", format!("the test `{}` is given no table", spec.name.value))
                        .at(spec.name.span.clone(), "`given` is empty")
                        .help("give at least the rows that the rule judges"),
                );
            }
            problems.extend(twice(spec.given.iter().map(|(table, _)| table), "table"));
            problems.extend(twice(spec.set.iter().map(|(parameter, _)| parameter), "parameter"));
            problems.extend(twice(spec.flags.iter().chain(&spec.exempt).chain(spec.not_assessable.iter().flatten()), "unit"));
            let as_of = spec.as_of.as_ref().and_then(|text| problems.take(dates::day(text)));
            let texts = |list: &[Spanned<String>]| -> Vec<String> { list.iter().map(|t| t.value.clone()).collect() };
            tests.push(RuleTest {
                name: spec.name.value.clone(),
                span: spec.name.span.clone(),
                given: spec.given.iter().map(|(table, rows)| (table.value.clone(), rows.clone())).collect(),
                set: spec.set.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect(),
                as_of,
                flags: texts(&spec.flags),
                exempt: texts(&spec.exempt),
                not_assessable: spec.not_assessable.as_deref().map(texts),
            });
        }
        problems.finish(tests)
    }
}

fn twice<'a>(names: impl Iterator<Item = &'a Spanned<String>>, what: &str) -> Diagnostics {
    let mut problems = Diagnostics::default();
    let mut seen: BTreeMap<&str, &Spanned<String>> = BTreeMap::new();
    for name in names {
        if let Some(first) = seen.insert(&name.value, name) {
            problems.push(
                Diagnostic::error("duplicate-in-test", format!("the test names the {what} `{}` twice", name.value))
                    .at(name.span.clone(), "a second time")
                    .at(first.span.clone(), "first here")
                    .help("keep one of them"),
            );
        }
    }
    problems
}
