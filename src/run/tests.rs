use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::fixture::{many, small};
use super::*;
use crate::diagnostic::{Diagnostic, Diagnostics};

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("folder").map(|e| e.expect("entry").path()) {
            if entry.is_dir() {
                open.push(entry);
            } else {
                all.insert(entry.strip_prefix(folder).expect("inside").display().to_string(), fs::read(&entry).expect("file"));
            }
        }
    }
    all
}

fn plain(sink: &Sink<'_>) -> Result<(), Diagnostics> {
    sink.file("cases/a.html", b"x")
}

#[test]
fn reads_back_what_was_written() {
    let root = tempfile::tempdir().expect("temp");
    for content in [small(), many(700)] {
        let written = write(root.path(), &content, &Journal::default(), plain).expect("written");
        assert_eq!(read(written.path()).expect("read"), content);
        fs::remove_dir_all(written.path()).expect("removed");
    }
}

#[test]
fn an_empty_run_reads_back_too() {
    let root = tempfile::tempdir().expect("temp");
    let mut content = small();
    content.findings = vec![].into();
    content.cases.clear();
    content.rejected.clear();
    content.outcomes.clear();
    content.visits = None;
    let written = write(root.path(), &content, &Journal::default(), plain).expect("written");
    assert_eq!(read(written.path()).expect("read"), content);
}

#[test]
fn equal_content_is_equal_bytes() {
    let (a, b) = (tempfile::tempdir().expect("temp"), tempfile::tempdir().expect("temp"));
    let journal = Journal { host: "one".into(), ..Journal::default() };
    let a = write(a.path(), &small(), &journal, plain).map(|w| (files(w.path()), w)).expect("written").0;
    let mut b =
        write(b.path(), &small(), &Journal { host: "two".into(), ..journal }, plain).map(|w| (files(w.path()), w)).expect("written").0;
    assert_ne!(a["journal.json"], b["journal.json"]);
    b.insert("journal.json".into(), a["journal.json"].clone());
    assert_eq!(a, b);
    assert_eq!(
        a.keys().collect::<Vec<_>>(),
        [
            "cases.parquet",
            "cases/a.html",
            "context.json",
            "evidence.parquet",
            "findings.parquet",
            "inputs/recount.yaml",
            "inputs/rules/funds/payment-after-death.yaml",
            "journal.json",
            "manifest.json",
            "outcomes.parquet",
            "rejected.parquet"
        ]
    );
}

#[test]
fn an_equal_run_writes_nothing() {
    let root = tempfile::tempdir().expect("temp");
    let first = write(root.path(), &small(), &Journal::default(), plain).expect("written");
    assert_eq!(existing(root.path(), &small().manifest).as_deref(), Some(first.path()));
    let again = write(root.path(), &small(), &Journal { host: "other".into(), ..Journal::default() }, |_| panic!("must not render"))
        .expect("written");
    assert_eq!(again, Written::Unchanged(first.path().to_path_buf()));
    assert_eq!(fs::read_dir(root.path()).expect("root").count(), 1);
}

#[test]
fn another_run_with_the_same_short_hash_gets_a_longer_name() {
    let root = tempfile::tempdir().expect("temp");
    let first = write(root.path(), &small(), &Journal::default(), plain).expect("written");
    fs::write(first.path().join("manifest.json"), "{}").expect("edited");
    let second = write(root.path(), &small(), &Journal::default(), plain).expect("written");
    assert_ne!(first.path(), second.path());
    assert!(matches!(second, Written::New(_)));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().expect("temp");
    let runs = root.path().join("runs");
    let written = write(&runs, &small(), &Journal::default(), plain).expect("written");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(written.path()), 0o700);
    assert_eq!(mode(&written.path().join("inputs")), 0o700);
    for name in files(written.path()).keys() {
        assert_eq!(mode(&written.path().join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_write_that_fails_leaves_earlier_runs_as_they_were() {
    let root = tempfile::tempdir().expect("temp");
    let earlier = write(root.path(), &small(), &Journal::default(), plain).expect("written");
    let before = files(root.path());
    let mut other = small();
    other.manifest.seed += 1;
    let failed = write(root.path(), &other, &Journal::default(), |_| Err(Diagnostic::error("stop", "in the middle").into()));
    assert!(failed.is_err());
    assert_eq!(files(root.path()), before);
    assert_eq!(read(earlier.path()).expect("read"), small());
}

#[test]
fn a_root_that_is_a_file_is_explained() {
    let root = tempfile::tempdir().expect("temp");
    let file = root.path().join("runs");
    fs::write(&file, "x").expect("file");
    let failed = write(&file, &small(), &Journal::default(), plain).expect_err("a file");
    assert_eq!(failed.0[0].code, "cannot-write");
    assert!(failed.0[0].message.contains("runs") && failed.0[0].help[0].contains("-o"), "{failed}");
}

#[test]
fn no_space_says_so() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return eprintln!("skipped: no /dev/full here");
    }
    let error = std::io::Write::write_all(&mut fs::OpenOptions::new().write(true).open(full).expect("open"), b"x").expect_err("full");
    let message = super::folder::unwritable(Path::new("runs/x"), &error);
    assert_eq!(message.0[0].code, "no-space");
    assert!(message.0[0].message.contains("runs/x"));
}

#[test]
fn files_of_two_runs_do_not_mix() {
    let root = tempfile::tempdir().expect("temp");
    let a = write(root.path(), &small(), &Journal::default(), plain).expect("written");
    let mut other = small();
    other.manifest.seed += 1;
    let b = write(root.path(), &other, &Journal::default(), plain).expect("written");
    fs::copy(b.path().join("findings.parquet"), a.path().join("findings.parquet")).expect("copied");
    assert_eq!(read(a.path()).expect_err("mixed").0[0].code, "run-mixed");
    assert_eq!(read(&root.path().join("none")).expect_err("absent").0[0].code, "run-unreadable");
}

#[test]
fn a_later_layout_is_refused() {
    let root = tempfile::tempdir().expect("temp");
    let mut content = small();
    content.manifest.format = FORMAT + 1;
    let written = write(root.path(), &content, &Journal::default(), plain).expect("written");
    assert_eq!(read(written.path()).expect_err("later").0[0].code, "run-format");
}

#[test]
fn the_manifest_names_its_date() {
    let text = small().manifest.text();
    assert!(text.contains("\"as_of\": \"2020-12-31\""), "{text}");
    assert_eq!(serde_json::from_str::<Manifest>(&text).expect("manifest"), small().manifest);
    assert_eq!(small().manifest.hash().len(), 64);
}

#[test]
fn compares_by_the_three_identities() {
    let old = small();
    let mut new = small();
    new.findings = old.findings.to_vec().into_iter().rev().collect::<Vec<_>>().into();
    let same = compare(&old, &new);
    let flagged = old.findings.briefs().iter().filter(|f| !f.exempt).count() as u64;
    assert_eq!(same, Comparison { unchanged: flagged, ..Comparison::default() });

    let mut new = small();
    let mut findings = new.findings.to_vec();
    findings[0].flag_hash = "other".into();
    findings[1].records_hash = "other".into();
    findings[2].exempt = true;
    findings[3].key = "new".into();
    new.findings = findings.into();
    new.manifest.rules[0].1 = "edited".into();
    new.manifest.files[1].sha256 = "other".into();
    new.manifest.files[1].rows += 5;
    let changed = compare(&old, &new);
    assert_eq!(changed.updated, [Updated { old: 0, new: 0, decisive: true }, Updated { old: 1, new: 1, decisive: false }]);
    assert_eq!((changed.new, changed.absent, changed.now_exempt), (vec![3], vec![2, 3], vec![2]));
    assert_eq!(changed.unchanged, flagged - 4);
    assert_eq!(changed.causes, [Cause::RuleEdited("accounts/shared-account".into()), Cause::Table { name: "payments".into(), rows: 5 }]);
}
