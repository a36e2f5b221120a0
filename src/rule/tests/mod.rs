mod resolved;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::diagnostic::{Diagnostics, Severity as Level, Spanned};

fn file(text: &str) -> RuleFile {
    read(text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn read(text: &str) -> Result<RuleFile, Diagnostics> {
    RuleFile::read(PathBuf::from("rules/p/r.yaml"), Arc::new(SourceText { name: "rules/p/r.yaml".into(), text: text.into() }))
}

fn codes(problems: &Diagnostics) -> Vec<&'static str> {
    problems.0.iter().map(|d| d.code).collect()
}

/// What the first label of the first message points at.
fn pointed(problems: &Diagnostics) -> &str {
    match &problems.0[0].labels[0].place {
        crate::diagnostic::Place::Text(span) => &span.source.text[span.range.clone()],
        other => panic!("{other:?}"),
    }
}

const SMALL: &str = "id: p/r
title: {en: Large payment, zh: 大额发放}
severity: medium
check: {row: {table: payments, where: amount > yuan(500)}}
subject: {person: payee_id_no}
say: '{amount} was paid'
";

#[test]
fn keys_types_and_words_are_checked_at_once() {
    let problems = read("id: p/r\ntitel: x\nseverity: severe\nstatus: ready\ncheck: {row: {table: t, where: x}}\nsubject: {houshold: x}\n")
        .unwrap_err();
    assert_eq!(codes(&problems), ["missing-key", "unknown-key", "unknown-value", "unknown-value", "unknown-key"]);
    assert!(problems.0[1].help.iter().any(|h| h.contains("`title`")), "{problems:?}");
    assert!(problems.0[4].help.iter().any(|h| h.contains("`household`")), "{problems:?}");
}

#[test]
fn texts_keep_their_languages_and_values_stay_as_written() {
    let rule = file(SMALL);
    assert_eq!(rule.id(), "p/r");
    assert_eq!(rule.pack(), "p");
    assert_eq!(rule.spec.title.value.by_language(), [("en", "Large payment"), ("zh", "大额发放")]);
    assert_eq!(rule.spec.say.unwrap().value.by_language(), [("en", "{amount} was paid")]);
    let chinese = file(&SMALL.replace("'{amount} was paid'", "NO 发放 {amount}"));
    assert_eq!(chinese.spec.say.unwrap().value.by_language(), [("zh", "NO 发放 {amount}")]);
}

#[test]
fn a_comma_in_a_short_mapping_is_explained() {
    let problems = read(&SMALL.replace("en: Large payment,", "en: Large, odd payment,")).unwrap_err();
    assert_eq!((codes(&problems), pointed(&problems)), (vec!["unknown-key"], "odd payment"));
    assert!(problems.0[0].help.iter().any(|h| h.contains("comma")), "{problems:?}");
}

#[test]
fn steps_of_severity_keep_their_order() {
    let rule = file(&SMALL.replace("severity: medium", "severity: {steps: [{critical: amount > yuan(9)}, {low: otherwise}]}"));
    let spec::SeveritySpec::Steps(steps) = rule.spec.severity.value else { panic!("steps") };
    assert_eq!(
        steps.iter().map(|s| (s.severity.value.as_str(), s.when.value.as_str())).collect::<Vec<_>>(),
        [("critical", "amount > yuan(9)"), ("low", "otherwise")]
    );
}

#[test]
fn tests_are_data() {
    let text = format!(
        "{SMALL}tests:\n  - name: one\n    given:\n      payments: |\n        payment_id,amount\n        P1,1e3\n    set: {{limit: 010}}\n    as_of: 2020-01-31\n    flags: [P1, A/NO]\n"
    );
    let tests = file(&text).tests().unwrap();
    assert_eq!(tests.len(), 1);
    assert_eq!(tests[0].given[0].0, "payments");
    assert_eq!(tests[0].given[0].1.value, "payment_id,amount\nP1,1e3\n");
    assert_eq!(tests[0].set, [("limit".to_owned(), "010".to_owned())]);
    assert_eq!(tests[0].flags, ["P1", "A/NO"]);
    assert_eq!(tests[0].as_of, Some(crate::schema::dates::days_from_civil(2020, 1, 31)));
}

#[test]
fn tests_that_contradict_themselves_are_refused() {
    let text = format!(
        "{SMALL}tests:\n  - {{name: a, given: {{}}, flags: []}}\n  - {{name: a, given: {{payments: \"payment_id\"}}, flags: [P1], exempt: [P1], as_of: 2020-13-01}}\n"
    );
    assert_eq!(codes(&file(&text).tests().unwrap_err()), ["empty-test", "duplicate-test", "duplicate-in-test", "bad-date"]);
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn folders(names: &[&str]) -> Vec<Spanned<PathBuf>> {
    names.iter().map(|name| Spanned::without_place(PathBuf::from(name))).collect()
}

#[test]
fn a_bad_file_never_hides_the_others() {
    let root = folder(&[
        ("rules/b/z.yaml", &SMALL.replace("id: p/r", "id: b/z")),
        ("rules/a/r.yaml", &SMALL.replace("id: p/r", "id: a/r")),
        ("rules/a/other.yaml", SMALL),
        ("rules/a/broken.yaml", "id: [\n"),
        ("rules/a/ignored.yml", SMALL),
        ("rules/a/_draft.yaml", "no rule"),
        ("more/b/z.yaml", &SMALL.replace("id: p/r", "id: b/z")),
    ]);
    fs::write(root.path().join("rules/a/gbk.yaml"), [0x69, 0x64, 0xd6, 0xd0]).unwrap();
    let (files, problems) = read_folders(root.path(), &folders(&["rules", "more", "absent"]));
    assert_eq!(files.iter().map(RuleFile::id).collect::<Vec<_>>(), ["a/r", "b/z"]);
    assert_eq!(codes(&problems), ["rule-extension", "yaml-syntax", "wrong-encoding", "rule-id", "duplicate-rule", "missing-folder"]);
    let twice = &problems.0[4].message;
    assert!(twice.contains("rules/b/z.yaml") && twice.contains("more/b/z.yaml"), "{twice}");
}

#[test]
fn rules_are_chosen_by_pattern() {
    let all = || ["funds/a", "funds/b", "income/a"].map(|id| file(&SMALL.replace("id: p/r", &format!("id: {id}")))).to_vec();
    let chosen = |patterns: &[&str]| select(all(), &patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>());
    let ids = |files: Vec<RuleFile>| files.iter().map(|f| f.id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(chosen(&[]).unwrap()), ["funds/a", "funds/b", "income/a"]);
    assert_eq!(ids(chosen(&["*/a"]).unwrap()), ["funds/a", "income/a"]);
    assert_eq!(ids(chosen(&["income/a", "funds/*"]).unwrap()), ["funds/a", "funds/b", "income/a"]);
    let problems = chosen(&["fund/a", "[", "*"]).unwrap_err();
    assert_eq!(codes(&problems), ["unknown-rule", "rule-pattern"]);
    assert!(problems.0[0].help[0].contains("`funds/a`"));
}

fn overlays(text: &str) -> Vec<Arc<Change>> {
    let root = folder(&[("overlays/office.yaml", text)]);
    let (changes, problems) = read_overlays(root.path(), &folders(&["overlays"]));
    assert!(problems.is_empty(), "{problems}");
    changes
}

fn day(y: i32, m: u32, d: u32) -> i32 {
    crate::schema::dates::days_from_civil(y, m, d)
}

#[test]
fn overlays_change_what_an_office_may_change() {
    let changes = overlays(
        "changes:
  - {rule: 'p/*', severity: low, limits: {max_flag_rate: 10%}, exempt: [{when: amount < yuan(600), says: small}], reason: new desk, owner: Desk 3, expires: 2020-06-30}
",
    );
    let mut files = vec![file(SMALL)];
    let problems = apply(&mut files, &changes, day(2020, 6, 30));
    assert!(problems.is_empty(), "{problems}");
    assert!(matches!(files[0].spec.severity.value, spec::SeveritySpec::Word(Severity::Low)));
    assert_eq!(files[0].spec.limits.as_ref().unwrap().max_flag_rate.as_ref().unwrap().value, "10%");
    assert_eq!(files[0].spec.exempt.len(), 1);
    assert_eq!(files[0].overlays[0].in_words(), "severity, max_flag_rate 10%, 1 further exemption(s): new desk (Desk 3, until 2020-06-30)");
}

#[test]
fn overlays_that_expired_conflict_or_miss_are_named() {
    let changes = overlays(
        "changes:
  - {rule: p/r, severity: low, reason: r, owner: o, expires: 2020-06-30}
  - {rule: p/r, severity: high, reason: r, owner: o, expires: 2021-06-30}
  - {rule: p/r, severity: info, reason: r, owner: o, expires: 2021-06-30}
  - {rule: p/x, severity: info, reason: r, owner: o, expires: 2021-06-30}
  - {rule: p/r, reason: r, owner: o, expires: 2021-06-30}
  - {rule: p/r, status: trial, reason: r, owner: o, expires: later}
",
    );
    let mut files = vec![file(SMALL)];
    let problems = apply(&mut files, &changes, day(2020, 7, 1));
    assert_eq!(codes(&problems), ["expired-overlay", "overlay-conflict", "unknown-rule", "empty-overlay", "bad-date"]);
    assert_eq!(problems.0[0].severity, Level::Warning);
    assert!(matches!(files[0].spec.severity.value, spec::SeveritySpec::Word(Severity::High)));
    assert_eq!(files[0].overlays.len(), 1);
}

#[test]
fn an_overlay_never_changes_the_logic() {
    let root = folder(&[("overlays/o.yaml", "changes: [{rule: p/r, check: {row: {table: t}}, reason: r, owner: o, expires: 2020-01-01}]")]);
    let (changes, problems) = read_overlays(root.path(), &folders(&["overlays"]));
    assert!(changes.is_empty());
    assert_eq!(codes(&problems), ["unknown-key"]);
    assert_eq!(pointed(&problems), "check");
}

#[test]
fn variants_for_mutation_differ_from_the_rule_and_still_read() {
    let rule = file(&SMALL.replace(
        "check: {row: {table: payments, where: amount > yuan(500)}}",
        "check: {row: {table: payments, among: kind = 'a', let: {shown: amount * 7, limit: yuan(500)}, where: amount > limit}}\nexempt: [{when: a = 1, says: x}]",
    ));
    let changes: Vec<String> = mutants(&rule).into_iter().map(|m| m.change).collect();
    assert_eq!(
        changes,
        [
            "exemption 1 left out",
            "`check.row.among` left out",
            "`check.row.let.limit`: 500 moved to 1000",
            "`check.row.let.limit`: 500 moved to 250",
            "`check.row.where`: turned round",
            "`check.row.where`: `>` turned into `<=`",
        ]
    );
    let all = mutants(&rule);
    assert!(all[0].file.spec.exempt.is_empty());
    assert!(all[1].file.spec.check.value.among().is_none());
    assert!(all.iter().all(|m| m.file.id() == "p/r" && m.file.spec.title.value.by_language().len() == 2));
}

#[test]
fn the_schema_names_every_key() {
    let schema = schema();
    let keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    for key in ["id", "title", "check", "subject", "exempt", "say", "tests"] {
        assert!(keys.contains(&key), "{key} in {keys:?}");
    }
    assert_eq!(schema["additionalProperties"], serde_json::Value::Bool(false));
    // Every key of a rule has a row in the page for inspectors.
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rule-language.md")).unwrap();
    for key in keys {
        assert!(page.contains(&format!("| `{key}` |")), "docs/rule-language.md says nothing of `{key}`");
    }
}
