//! The generator: same bytes for the same seed, whatever the threads; the committed sample is what it writes; every kind is planted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use recount::synth::{self, Role, SynthOptions, Truth};
use recount::{project, schema, table};

/// What the committed sample is made of.
fn sample() -> SynthOptions {
    SynthOptions::new(800, 4, 7)
}

fn sample_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data")
}

/// All files below a folder, by path with `/`.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("folder can be listed") {
            let path = entry.expect("entry can be read").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("below the folder").to_string_lossy().replace('\\', "/");
                all.insert(name, fs::read(&path).expect("file can be read"));
            }
        }
    }
    all
}

/// `UPDATE=1 cargo test --test it synth::` rewrites the committed sample.
#[test]
fn sample_is_what_the_generator_writes() {
    if std::env::var_os("UPDATE").is_some() {
        synth::write(&sample(), &sample_dir()).expect("sample can be written");
    }
    let temp = tempfile::tempdir().expect("temporary folder");
    synth::write(&sample(), temp.path()).expect("programme can be written");
    let committed = contents(&sample_dir());
    let mut size = 0;
    for (name, bytes) in contents(temp.path()) {
        let there = committed.get(&name).unwrap_or_else(|| panic!("sample_data/{name} is missing; run with UPDATE=1"));
        assert!(there == &bytes, "sample_data/{name} differs from what the generator writes; run with UPDATE=1");
        size += bytes.len();
    }
    assert!(size < 9_000_000, "the sample has {size} bytes");
}

#[test]
fn threads_change_nothing() {
    let write = |threads: usize| {
        let temp = tempfile::tempdir().expect("temporary folder");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("thread pool");
        let summary = pool.install(|| synth::write(&SynthOptions::new(900, 4, 11), temp.path())).expect("programme can be written");
        (summary, contents(temp.path()))
    };
    let (one, one_files) = write(1);
    let (four, four_files) = write(4);
    assert_eq!(one, four);
    assert!(one_files == four_files, "files differ between 1 and 4 threads");
}

#[test]
fn another_seed_plants_every_kind() {
    for (seed, years) in [(20, 4), (21, 5), (22, 6)] {
        let temp = tempfile::tempdir().expect("temporary folder");
        let summary = synth::write(&SynthOptions::new(160 * years, years, seed), temp.path()).expect("programme can be written");
        assert_eq!(summary.not_planted, Vec::<String>::new(), "seed {seed}");
        let areas = ["CM03", "PJ02", "QS01", "QS02", "QS04", "QS06", "QS08", "SV10"];
        for kind in synth::kinds() {
            let (planted, alike) = summary.kinds[kind];
            let least = if areas.contains(&kind) { 1 } else { 3 };
            assert!(planted >= least && alike >= least, "{kind}: {planted} planted, {alike} look-alikes (seed {seed})");
        }
    }
}

#[test]
fn every_record_of_the_truth_stands_in_its_table() {
    let temp = tempfile::tempdir().expect("temporary folder");
    synth::write(&SynthOptions::new(600, 4, 3), temp.path()).expect("programme can be written");
    let truth = Truth::read(&temp.path().join("truth.csv")).expect("truth can be read");
    let data = contents(&temp.path().join("data"));
    // Tables with a key of one column that stands first in the file; the others have keys of several columns.
    let keys = |table: &str| -> Vec<String> {
        let files = data
            .iter()
            .filter(|(name, _)| name.trim_end_matches(".csv").trim_end_matches(|c: char| c.is_ascii_digit() || c == '-') == table);
        let two = matches!(
            table,
            "incomes"
                | "guarantees"
                | "attendance"
                | "register_deliveries"
                | "school"
                | "land"
                | "org_balances"
                | "meters"
                | "wages"
                | "housing_fund"
                | "allowances"
        );
        files
            .flat_map(|(_, bytes)| String::from_utf8_lossy(bytes).lines().skip(1).map(String::from).collect::<Vec<_>>())
            .map(|line| {
                let cells: Vec<&str> = line.split(',').collect();
                match table {
                    "targets" | "herds" | "income_items" | "project_items" | "balances" => cells[..3].join("/"),
                    _ if two => cells[..2].join("/"),
                    _ => cells[0].to_string(),
                }
            })
            .collect()
    };
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &truth.rows {
        let keys = known.entry(row.table.clone()).or_insert_with(|| {
            let mut all = keys(&row.table);
            all.sort();
            all
        });
        assert!(keys.binary_search(&row.key).is_ok(), "{} {} of {} is in no file", row.table, row.key, row.truth_no);
    }
    for (table, keys) in known {
        assert!(keys.windows(2).all(|w| w[0] != w[1]), "a key of {table} stands twice");
    }
    assert!(truth.rows.iter().any(|r| r.role == Role::Lookalike));
}

#[test]
fn options_out_of_range_are_refused_together() {
    let temp = tempfile::tempdir().expect("temporary folder");
    let problems = synth::write(&SynthOptions::new(10, 9, 1), temp.path()).expect_err("refused");
    assert_eq!(problems.0.len(), 2);
    assert!(contents(temp.path()).is_empty());
}

/// Every table, every column: the project file fits the files, and no cell is rejected but those that were planted.
#[test]
fn the_programme_loads_without_a_stray_cell() {
    let temp = tempfile::tempdir().expect("temporary folder");
    synth::write(&SynthOptions::new(800, 5, 5), temp.path()).expect("programme can be written");
    let project = project::read(&temp.path().join("recount.yaml")).unwrap_or_else(|e| panic!("{e}"));
    let mut needs = table::Needs::default();
    for t in &project.tables {
        needs.columns.insert(t.name.value.clone(), t.columns.iter().filter(|c| c.is.is_none()).map(|c| c.name.value.clone()).collect());
    }
    let loaded = table::load(&project, &needs, &table::LoadOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    assert!(loaded.warnings.0.iter().all(|w| w.code == "rejected-cells"), "{}", loaded.warnings);
    let planted = |column: &str| match column {
        "id_no" => ["DI01", "DI16"].as_slice(),
        "phone" => ["DI07"].as_slice(),
        _ => [].as_slice(),
    };
    let truth = Truth::read(&temp.path().join("truth.csv")).expect("truth can be read");
    for r in &loaded.rejected {
        let kinds = planted(r.column.as_deref().unwrap_or_default());
        assert!(!kinds.is_empty(), "{} line {}: {:?} `{}` {}", r.file, r.line, r.column, r.delivered, r.problem);
    }
    let members = fs::read_to_string(temp.path().join("data/members.csv")).expect("members can be read");
    let delivered: BTreeMap<&str, &str> = members.lines().filter_map(|line| line.split(',').next().zip(line.split(',').nth(2))).collect();
    let damaged = truth.rows.iter().filter(|r| r.role == Role::Planted && planted("id_no").contains(&r.kind.as_str()));
    let unreadable = damaged.filter(|r| schema::citizen_id::parse(delivered[r.key.as_str()]).is_err()).count();
    assert_eq!(loaded.rejected.iter().filter(|r| r.column.as_deref() == Some("id_no")).count(), unreadable);
    assert!(unreadable > 0);
    for receipt in &loaded.receipt {
        assert!(receipt.rows > 0, "{} is empty", receipt.table);
        assert_eq!((receipt.duplicate_keys, receipt.ragged), (0, 0), "{}", receipt.table);
    }
}
