//! Runs that take over what the night before judged give what a full run gives, whatever was edited in between.

use std::fs;
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use recount::diagnostic::Spanned;
use recount::engine::{Audit, Options, audit};
use recount::synth::{SynthOptions, write};
use recount::{project, rule, schema};

/// The shipped rules and the programme, copied, so that both can be edited.
fn programme() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let options = SynthOptions { rules: Some("rules/".into()), ..SynthOptions::new(900, 4, 77) };
    write(&options, dir.path()).expect("written");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    for pack in fs::read_dir(from).expect("rules").map(|e| e.expect("entry").path()) {
        let to = dir.path().join("rules").join(pack.file_name().expect("name"));
        fs::create_dir_all(&to).expect("folder");
        for file in fs::read_dir(&pack).expect("pack").map(|e| e.expect("entry").path()) {
            fs::copy(&file, to.join(file.file_name().expect("name"))).expect("copied");
        }
    }
    dir
}

fn run(dir: &Path, incremental: bool, as_of: i32) -> Audit {
    let project = project::read(&dir.join("recount.yaml")).expect("project");
    let (files, problems) = rule::read_folders(dir, &[Spanned::without_place("rules".into())]);
    assert!(!problems.has_errors());
    let mut options = Options::new(as_of, [7; 32]);
    if incremental {
        (options.incremental, options.store) = (true, Some(dir.join("store")));
        fs::create_dir_all(dir.join("store")).expect("store");
    }
    audit(&project, &files, &options).expect("audited")
}

/// Rules whose findings were taken over.
fn taken_over(audit: &Audit) -> u64 {
    audit.profile.iter().filter(|n| n.name == "taken over").map(|n| n.users as u64).sum()
}

fn same(dir: &Path, as_of: i32, what: &str) -> Audit {
    let (night, full) = (run(dir, true, as_of), run(dir, false, as_of));
    for (a, b) in night.outcomes.iter().zip(&full.outcomes) {
        assert_eq!(a, b, "{what}");
    }
    assert_eq!(night.findings.len(), full.findings.len(), "{what}");
    for (a, b) in night.findings.iter().zip(full.findings.iter()) {
        assert_eq!(a, b, "{what}");
    }
    assert_eq!(night.populations, full.populations, "{what}");
    night
}

/// Deletes, repeats under another key and changes a few records of a file.
fn edit(path: &Path, draw: &mut ChaCha8Rng) {
    let bytes = fs::read(path).expect("a file");
    // Some files are not UTF-8; their last column is left alone, and digits alone are changed.
    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).filter(|l| !l.is_empty()).collect();
    for _ in 0..3 {
        if lines.len() < 4 {
            return;
        }
        let at = draw.random_range(1..lines.len());
        match draw.random_range(0..4) {
            0 => drop(lines.remove(at)),
            1 => {
                let mut copy = lines[at].clone();
                copy.splice(0..0, *b"N");
                lines.insert(draw.random_range(1..lines.len()), copy);
            }
            _ => {
                let digits: Vec<usize> = (0..lines[at].len()).filter(|&i| lines[at][i].is_ascii_digit()).collect();
                if !digits.is_empty() {
                    let i = digits[draw.random_range(0..digits.len())];
                    lines[at][i] = b'0' + draw.random_range(0..10u8);
                }
            }
        }
    }
    let mut out = lines.join(&b'\n');
    out.push(b'\n');
    fs::write(path, out).expect("written");
}

#[test]
fn a_night_after_random_edits_is_a_full_run() {
    let dir = programme();
    let as_of = schema::dates::days_from_civil(2020, 12, 31);
    assert_eq!(taken_over(&same(dir.path(), as_of, "the first night")), 0);
    let nothing = same(dir.path(), as_of, "nothing changed");
    let possible = taken_over(&nothing);
    assert!(possible > 50, "{possible} rules were taken over");
    let mut draw = ChaCha8Rng::seed_from_u64(5);
    for night in 0..2 {
        for file in ["incomes-2019.csv", "payments-2020.csv", "events.csv", "members.csv", "visits-2020.csv"] {
            if draw.random_bool(0.6) {
                edit(&dir.path().join("data").join(file), &mut draw);
            }
        }
        let audit = same(dir.path(), as_of + night, &format!("night {night}"));
        if night == 0 {
            assert!(taken_over(&audit) > 30, "{}", taken_over(&audit));
        }
    }
    // A register that stands whole in every part.
    edit(&dir.path().join("data/deaths.csv"), &mut draw);
    same(dir.path(), as_of + 3, "a register changed");
    // Another policy, another rule: those that follow from them are judged in full.
    let policy = dir.path().join("policy/parameters.csv");
    let text = fs::read_to_string(&policy).expect("policy");
    let row = text.lines().find(|l| l.starts_with("death_grace_days,")).expect("a parameter");
    let cells: Vec<&str> = row.split(',').collect();
    let mut other: Vec<String> = cells.iter().map(|c| (*c).to_owned()).collect();
    other[4] = "1".into();
    fs::write(&policy, text.replace(row, &other.join(","))).expect("written");
    let audit = same(dir.path(), as_of + 3, "another policy");
    assert!(taken_over(&audit) > 30 && taken_over(&audit) < possible);
    let file = dir.path().join("rules/funds/paid-twice.yaml");
    let text = fs::read_to_string(&file).expect("rule");
    fs::write(&file, text.replace("payments.status in ('ok', 'reissued')", "payments.status = 'ok'")).expect("written");
    same(dir.path(), as_of + 3, "another rule");
    // What was kept is spoilt: a full run, and a good one the night after.
    for entry in fs::read_dir(dir.path().join("store/payments")).expect("store").map(|e| e.expect("entry").path()) {
        if entry.is_dir() {
            fs::write(entry.join("table.json"), "{").expect("written");
        }
    }
    same(dir.path(), as_of + 3, "a spoilt store");
    assert!(taken_over(&same(dir.path(), as_of + 3, "the night after")) > 30);
}
