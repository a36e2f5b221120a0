//! `docs/rules.md`: one line per shipped rule, kept in step with the rule files. `UPDATE=1 cargo test rules_index` writes it anew.

use std::fmt::Write;
use std::path::Path;

use recount::diagnostic::Spanned;
use recount::rule;

fn index() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (files, problems) = rule::read_folders(root, &[Spanned::without_place("rules".into())]);
    assert!(!problems.has_errors(), "{problems}");
    let mut page = String::from(
        "# The shipped rules\n\nWritten by a test from the rule files under `rules/`; the catalogue ids are those of the audit notes the rules come from.\n",
    );
    let mut pack = "";
    for file in &files {
        if file.pack() != pack {
            pack = file.pack();
            write!(page, "\n## {pack}\n\n| rule | finds | kind | catalogue | severity | status | exemptions | tests |\n").unwrap();
            page.push_str("|---|---|---|---|---|---|---|---|\n");
        }
        let text = file.rule_text();
        let severity = match &file.spec.severity.value {
            rule::SeveritySpec::Word(word) => format!("{word:?}"),
            rule::SeveritySpec::Steps(steps) => steps.iter().map(|s| s.severity.value.clone()).collect::<Vec<_>>().join(" / "),
        };
        let title = |language: &str| text.title.0.get(language).cloned().unwrap_or_default();
        writeln!(
            page,
            "| [{id}](../rules/{id}.yaml) | {en}<br>{zh} | {kind} | {covers} | {severity} | {status} | {exempt} | {tests} |",
            id = text.id,
            en = title("en"),
            zh = title("zh"),
            kind = file.spec.check.value.kind(),
            covers = text.covers.join(", "),
            severity = severity.to_lowercase(),
            status = format!("{:?}", text.status).to_lowercase(),
            exempt = file.spec.exempt.len(),
            tests = file.spec.tests.len(),
        )
        .unwrap();
    }
    page
}

#[test]
fn the_page_of_rules_is_in_step() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let wanted = index();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(found == wanted, "docs/rules.md is not in step with rules/: run `make accept`");
}
