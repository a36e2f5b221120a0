//! Integrity rules run first: the records they set aside are not assessable for the rules that decide by them.

use std::path::Path;
use std::sync::Arc;

use recount::check::Reason;
use recount::diagnostic::{SourceText, Spanned};
use recount::engine::{Audit, Options, audit};
use recount::finding::Outcome;
use recount::project::Project;
use recount::rule::RuleFile;
use recount::{project, rule, schema};

use crate::cli::recount;

const DAMAGED: [&str; 2] = ["integrity/malformed-id", "integrity/spreadsheet-damaged-id"];
/// By the citizen id, and by the date of birth.
const BY_ID: &str = "registers/vehicle-before-identification";
const BY_BIRTH: &str = "integrity/generation-gap-too-small";

/// The sample audited by some rules, each changed before.
fn audited_with(asked: &[&str], change: impl Fn(&mut RuleFile)) -> Audit {
    let (project, mut files) = rules_of(asked);
    files.iter_mut().for_each(change);
    audit(&project, &files, &Options::new(schema::dates::days_from_civil(2020, 12, 31), [7; 32])).expect("audited")
}

fn rules_of(ids: &[&str]) -> (Project, Vec<RuleFile>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = project::read(&root.join("sample_data/recount.yaml")).expect("the sample");
    let (mut files, _) = rule::read_folders(root, &[Spanned::without_place("rules".into())]);
    files.retain(|file| ids.contains(&file.id()));
    (project, files)
}

fn audited(asked: &[&str], unasked: &[&str], change: impl FnOnce(&mut Options<'_>)) -> Audit {
    let (project, mut files) = rules_of(&[asked, unasked].concat());
    files.iter_mut().for_each(|file| file.unasked = unasked.contains(&file.id()));
    let mut options = Options::new(schema::dates::days_from_civil(2020, 12, 31), [7; 32]);
    change(&mut options);
    audit(&project, &files, &options).expect("audited")
}

fn of<'a>(audit: &'a Audit, rule: &str) -> &'a Outcome {
    audit.outcomes.iter().find(|o| o.rule == rule).expect("an outcome")
}

fn aside(outcome: &Outcome) -> u64 {
    outcome.reasons.iter().filter(|(reason, _)| *reason == Reason::FailedIntegrity).map(|(_, count)| count.units).sum()
}

#[test]
fn a_record_is_set_aside_for_rules_that_decide_by_what_is_wrong() {
    let asked: Vec<&str> = DAMAGED.into_iter().chain([BY_ID, BY_BIRTH]).collect();
    let with = audited(&asked, &[], |_| {});
    let flagged: u64 = DAMAGED.iter().map(|rule| of(&with, rule).flagged.units).sum();
    assert!(flagged > 5, "{flagged}");
    assert_eq!(of(&with, DAMAGED[0]).sets_aside, ["members.id_no"]);
    // The date of birth of a record with a wrong id is judged all the same.
    let out = aside(of(&with, BY_ID));
    assert!(0 < out && out <= flagged, "{out} of {flagged}");
    assert_eq!(aside(of(&with, BY_BIRTH)), 0);
    let without = audited(&[BY_ID, BY_BIRTH], &[], |_| {});
    assert_eq!(aside(of(&without, BY_ID)), 0);
    assert_eq!(of(&without, BY_BIRTH), of(&with, BY_BIRTH));
    assert_eq!(of(&without, BY_ID).population, of(&with, BY_ID).population);
}

#[test]
fn what_an_exemption_speaks_for_is_not_set_aside() {
    let whole = audited(&[DAMAGED[0], BY_ID], &[], |_| {});
    let text = |file: &RuleFile| {
        let text = file.text.text.replace("length(members.id_no_raw) = 20 and id_valid", "members.id_no is not null or id_valid");
        assert_ne!(text, file.text.text);
        RuleFile::read(file.path.clone(), Arc::new(SourceText { name: file.text.name.clone(), text })).expect("a rule")
    };
    let some = audited_with(&[DAMAGED[0], BY_ID], |file| {
        if file.id() == DAMAGED[0] {
            *file = text(file)
        }
    });
    let (before, after) = (of(&whole, DAMAGED[0]), of(&some, DAMAGED[0]));
    assert!(
        after.exempt.units > before.exempt.units && after.flagged.units + after.exempt.units == before.flagged.units + before.exempt.units
    );
    assert_eq!(aside(of(&whole, BY_ID)) - aside(of(&some, BY_ID)), before.flagged.units - after.flagged.units);
}

#[test]
fn integrity_rules_that_nobody_asked_for_set_aside_the_same() {
    let asked: Vec<&str> = DAMAGED.into_iter().chain([BY_ID]).collect();
    let (all, one) = (audited(&asked, &[], |_| {}), audited(&[BY_ID], &DAMAGED, |_| {}));
    assert_eq!(one.outcomes.len(), 1);
    assert_eq!(of(&one, BY_ID), of(&all, BY_ID));
    assert!(one.findings.iter().all(|f| f.rule == BY_ID));
    // None of them is needed for a rule that they set nothing aside for.
    let birth = audited(&[BY_BIRTH], &DAMAGED, |_| {});
    assert!(birth.profile.iter().all(|node| !node.name.contains("vehicles")) && birth.outcomes.len() == 1);
}

#[test]
fn one_by_one_in_parts_and_by_region_the_same_is_set_aside() {
    let asked: Vec<&str> = DAMAGED.into_iter().chain([BY_ID]).collect();
    let whole = audited(&asked, &[], |_| {});
    assert_eq!(audited(&asked, &[], |options| options.one_by_one = true).outcomes, whole.outcomes);
    // By the household and by the citizen id: no one cut serves the integrity rules and the register.
    let store = tempfile::tempdir().expect("a folder");
    let parts = audited(&asked, &[], |options| (options.memory, options.store) = (Some(300_000), Some(store.path().to_owned())));
    assert!(parts.profile.iter().any(|node| node.name.contains("parts")), "{:?}", parts.profile);
    assert_eq!(parts.outcomes, whole.outcomes);
    let regions: Vec<Audit> = [522_301_000_000, 522_302_000_000, 522_303_000_000]
        .into_iter()
        .map(|region| audited(&asked, &[], |options| options.region = Some(region)))
        .collect();
    for rule in &asked {
        let sum = |count: fn(&Outcome) -> u64| regions.iter().map(|audit| count(of(audit, rule))).sum::<u64>();
        assert_eq!((sum(aside), sum(|o| o.flagged.units)), (aside(of(&whole, rule)), of(&whole, rule).flagged.units), "{rule}");
    }
}

#[test]
fn the_program_says_what_was_set_aside_and_for_whom() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().to_str().expect("a path");
    let run = |rules: &[&str]| {
        let mut arguments = vec!["run", "-p", "sample_data", "--as-of", "2020-12-31", "--no-store", "-o", output];
        rules.iter().for_each(|rule| arguments.extend(["--rule", rule]));
        recount(root, &arguments)
    };
    let told = run(&[DAMAGED[0], BY_ID]);
    assert!(told.starts_with("exit 0") && told.contains("records that cannot be judged, by 1 integrity rules"), "{told}");
    let page = |told: &str| {
        let run = told.lines().find_map(|line| line.strip_prefix("Report  ")).expect("a report").trim_end_matches("report.html");
        std::fs::read_to_string(folder.path().join(run.rsplit('/').nth(1).expect("a run")).join("report.html")).expect("a page")
    };
    let html = page(&told);
    assert!(html.contains("sets aside") && html.contains("members.id_no"));
    let alone = run(&[BY_ID]);
    assert!(alone.contains("1 rule") && !alone.contains("malformed-id"), "{alone}");
    assert!(page(&alone).contains("set aside by an integrity rule"), "the rule alone leaves the same records out");
    let why = recount(root, &["explain", BY_ID, "--why-not", "R0000100101", "-p", "sample_data", "--as-of", "2020-12-31"]);
    assert!(why.contains(BY_ID), "{why}");
}
