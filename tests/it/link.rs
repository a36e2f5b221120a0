//! `recount link` and the check `same_entity` as a person meets them: what is found, what is printed, the exit codes, the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use recount::synth::{RollOptions, RollRates, write_roll};

use super::cli::recount;

const ROLL: &str = "link: 1
from: roll.csv
key: record_no
fields:
  listing_no: household
  relation: relation
  name: person-name
  id_no: citizen-id
  sex: sex
  birth: date
  region_code: region
  phone: phone
  account: account
";

/// A roll of about 4,000 people with a link file.
fn roll() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_roll(&RollOptions { people: 4000, seed: 3, rates: RollRates::base() }, folder.path()).unwrap();
    fs::write(folder.path().join("people.yaml"), ROLL).unwrap();
    folder
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    fs::read_to_string(path).unwrap().lines().skip(1).map(|l| l.split(',').map(str::to_owned).collect()).collect()
}

/// Pairs of one group.
fn pairs(groups: impl Iterator<Item = (String, String)>) -> BTreeSet<(String, String)> {
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (record, group) in groups {
        members.entry(group).or_default().push(record);
    }
    let mut all = BTreeSet::new();
    for group in members.values_mut() {
        group.sort();
        for (i, a) in group.iter().enumerate() {
            all.extend(group[i + 1..].iter().map(|b| (a.clone(), b.clone())));
        }
    }
    all
}

#[test]
fn a_roll_is_linked_well_without_any_truth() {
    let folder = roll();
    let said = recount(folder.path(), &["link", "people.yaml"]);
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(said.contains("Matching pairs that no rule is expected to meet") && said.contains("Pairs of households: "), "{said}");
    let found = pairs(rows(&folder.path().join("people.link/clusters.csv")).into_iter().map(|r| (r[1].clone(), r[0].clone())));
    let real = pairs(rows(&folder.path().join("truth_people.csv")).into_iter().map(|r| (r[0].clone(), r[1].clone())));
    let hits = found.intersection(&real).count() as f64;
    let (precision, recall) = (hits / found.len() as f64, hits / real.len() as f64);
    assert!(precision > 0.97 && recall > 0.95, "precision {precision}, recall {recall}");
}

#[test]
fn the_same_bytes_whatever_the_threads_and_a_second_time() {
    let folder = roll();
    let read = |name: &str| {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(folder.path().join(name)).unwrap() {
            let path = entry.unwrap().path();
            all.insert(path.file_name().unwrap().to_owned(), fs::read(path).unwrap());
        }
        all
    };
    for (name, threads) in [("one", "1"), ("two", "2"), ("two", "2")] {
        let said = recount(folder.path(), &["link", "people.yaml", "-o", name, "--threads", threads]);
        assert!(said.starts_with("exit 0\n"), "{said}");
    }
    assert!(read("one") == read("two"));
    // A model that was kept gives the same links as the training that made it.
    let said = recount(folder.path(), &["link", "people.yaml", "-o", "again", "--model", "one/model.json"]);
    assert!(said.starts_with("exit 0\n"), "{said}");
    let name = std::ffi::OsStr::new("clusters.csv").to_owned();
    assert!(read("one")[&name] == read("again")[&name]);
}

#[test]
fn training_prints_parameters_and_keeps_the_model() {
    let folder = roll();
    let said = recount(folder.path(), &["link", "people.yaml", "--train", "--model", "model.json"]);
    for wanted in ["exit 0", "stranger", "neighbour", "kin", "id_no", "one-edit", "iterations over", "converged", "Model: model.json"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(fs::read_to_string(folder.path().join("model.json")).unwrap().contains("\"version\": "));
    assert!(!folder.path().join("people.link").exists());
}

#[test]
fn judgements_are_respected_and_contradictions_reported() {
    let folder = roll();
    recount(folder.path(), &["link", "people.yaml", "-o", "before"]);
    let before = rows(&folder.path().join("before/pairs.csv"));
    let link = before.iter().find(|r| r[2] == "link").unwrap();
    let roll = rows(&folder.path().join("roll.csv"));
    let (p, q, r) = (&roll[10][0], &roll[700][0], &roll[1500][0]);
    let text = format!(
        "a,b,verdict,by\n{},{},different,an inspector\n{p},{q},same,an inspector\n{q},{r},same,an inspector\nR999999999,{r},same,an inspector\n",
        link[0], link[1]
    );
    fs::write(folder.path().join("said.csv"), &text).unwrap();
    let said = recount(folder.path(), &["link", "people.yaml", "-o", "after", "--judgements", "said.csv"]);
    assert!(said.contains("1 judgements are about records that are not in the files"), "{said}");
    let groups: BTreeMap<String, String> =
        rows(&folder.path().join("after/clusters.csv")).into_iter().map(|r| (r[1].clone(), r[0].clone())).collect();
    assert!(groups.get(&link[0]).is_none_or(|g| Some(g) != groups.get(&link[1])), "judged different, and joined");
    assert!(groups.contains_key(p) && groups[p] == groups[q] && groups[q] == groups[r], "judged the same");
    // Both ways at once.
    fs::write(folder.path().join("said.csv"), format!("{text}{p},{r},different,another\n")).unwrap();
    let said = recount(folder.path(), &["link", "people.yaml", "-o", "after", "--judgements", "said.csv"]);
    assert!(said.contains("Judgements contradict each other"), "{said}");
}

#[test]
fn a_later_delivery_is_linked_against_what_was_kept() {
    let folder = roll();
    let roll = fs::read_to_string(folder.path().join("roll.csv")).unwrap();
    let (header, lines) = roll.split_once('\n').unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    // The first night lacks some records, has others that are gone later, and knows another phone of a third kind.
    let phone = header.split(',').position(|h| h == "phone").unwrap();
    let first = lines.iter().enumerate().filter(|(i, _)| i % 9 != 4).map(|(i, line)| {
        let mut cells: Vec<&str> = line.split(',').collect();
        if i % 50 == 7 {
            cells[phone] = "13912345678";
        }
        cells.join(",")
    });
    let first: Vec<String> = std::iter::once(header.to_owned()).chain(first).collect();
    let later: Vec<&str> = std::iter::once(header).chain(lines.iter().enumerate().filter(|(i, _)| i % 11 != 3).map(|(_, l)| *l)).collect();
    fs::write(folder.path().join("roll.csv"), first.join("\n")).unwrap();
    let said = recount(folder.path(), &["link", "people.yaml", "-o", "first", "--keep"]);
    assert!(said.starts_with("exit 0\n"), "{said}");
    fs::write(folder.path().join("roll.csv"), later.join("\n")).unwrap();
    let said = recount(folder.path(), &["link", "people.yaml", "-o", "second", "--since", "first", "--keep"]);
    assert!(said.starts_with("exit 0\n") && said.contains(" records are as they were: only pairs with one of the other "), "{said}");
    let full = recount(folder.path(), &["link", "people.yaml", "-o", "full", "--model", "first/model.json", "--keep"]);
    assert!(full.starts_with("exit 0\n"), "{full}");
    for table in [
        "pairs.csv",
        "clusters.csv",
        "refused.csv",
        "households.csv",
        "household_members.csv",
        "shared_ids.csv",
        "kept_pairs.parquet",
        "kept_records.parquet",
    ] {
        let read = |run: &str| fs::read(folder.path().join(run).join(table)).unwrap();
        assert!(read("second") == read("full"), "{table}");
    }
    assert!(recount(folder.path(), &["link", "people.yaml", "--since", "people.yaml"]).contains("unreadable-file"));
}

/// A project of members with a rule that links them.
fn members(folder: &Path, more_tables: &str, more_of_the_check: &str) {
    let columns =
        "person_id: {type: text}, household_id: {type: text}, name: {type: person_name}, birth: {type: date}, id_no: {type: text}";
    let project = format!(
        "recount: 1\ntables:\n  members: {{from: members.csv, key: person_id, columns: {{{columns}}}}}\n{more_tables}rules: [rules/]\n"
    );
    fs::write(folder.join("recount.yaml"), project).unwrap();
    fs::create_dir_all(folder.join("rules/p")).unwrap();
    let rule = format!(
        "id: p/twice\ntitle: One person under two ids\nstatus: trial\nseverity: medium\ncheck:\n  same_entity:\n    table: members\n    compare: [name, birth, {{id: {{of: id_no, kind: citizen-id}}}}]\n    household: household_id\n{more_of_the_check}subject: {{person: person_id}}\nsay: \"{{n}} records\"\n"
    );
    fs::write(folder.join("rules/p/twice.yaml"), rule).unwrap();
}

#[test]
fn a_linkage_that_is_too_large_fails_its_rule_alone() {
    let folder = tempfile::tempdir().unwrap();
    members(folder.path(), "", "");
    let rule = "id: p/early\ntitle: Born early\nstatus: trial\nseverity: low\ncheck: {row: {table: members, where: \"birth < '1950-01-02'\"}}\nsubject: {person: person_id}\nsay: born on {birth}\n";
    fs::write(folder.path().join("rules/p/early.yaml"), rule).unwrap();
    let mut text = String::from("person_id,household_id,name,birth,id_no\n");
    for i in 0..10_000 {
        let name: String = [i / 40, i % 40].iter().map(|c| char::from_u32(0x5f20 + c).unwrap()).collect();
        text += &format!("P{i:05},H{},{name},{}-01-01,\n", i / 3, 1949 + i % 60);
    }
    fs::write(folder.path().join("members.csv"), text).unwrap();
    let run = |memory: &str| recount(folder.path(), &["run", "--as-of", "2020-12-31", "--memory", memory, "--no-store", "-o", memory]);
    let early = |said: &str| said.lines().find(|line| line.contains("p/early")).map(str::to_owned);
    let whole = run("256MiB");
    assert!(whole.starts_with("exit 0\n"), "{whole}");
    let said = run("1MiB");
    assert!(said.starts_with("exit 2\n"), "{said}");
    for wanted in [
        "error[linkage-size]: linking 10000 records would need about 3 MiB, and 1 MiB are allowed",
        "help: allow more with --memory, or link fewer records: narrow the rule with `among`, or the run with --region",
        "rule `p/twice` did not run; the others did",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(early(&whole).is_some_and(|line| line.contains("167 findings")), "{whole}");
    assert_eq!(early(&said), early(&whole));
}

#[test]
fn a_lunar_birthday_is_the_same_day() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        "A,王小明,1990-01-01,13812345678",
        "B,王小明,1990-01-27,13812345678",
        "C,李雷,2020-04-01,13912345678",
        "D,李雷,2020-05-23,13912345678",
        "E,韩梅梅,1971-03-09,13712345678",
    ];
    fs::write(folder.path().join("r.csv"), format!("k,name,born,phone\n{}\n", lines.join("\n"))).unwrap();
    let link = |born: &str| {
        let text = format!("link: 1\nfrom: r.csv\nkey: k\nfields:\n  name: person-name\n  born: {born}\n  phone: phone\n");
        fs::write(folder.path().join("r.yaml"), text).unwrap();
        [["A", "B"], ["C", "D"]].map(|[a, b]| recount(folder.path(), &["link", "r.yaml", "--pair", a, b]))
    };
    let [first, second] = link("{kind: date, lunar: true}");
    assert!(first.contains("lunar") && first.contains("born: 1990-01-01 of the lunar calendar is 1990-01-27"), "{first}");
    assert!(second.contains("born: 2020-04-01 of the lunar calendar (the month intercalary) is 2020-05-23"), "{second}");
    for said in link("date") {
        assert!(said.starts_with("exit 0\n") && !said.contains("lunar"), "{said}");
    }
    assert!(link("{kind: date, levels: [exact, lunar]}")[0].contains("lunar"));
    assert!(link("{kind: phone, lunar: true}")[0].contains("linkage-spec"));
}

#[test]
fn rules_respect_what_inspectors_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let judged = "  judged: {from: judged.csv, columns: {a: {type: text}, b: {type: text}, verdict: {type: code, values: [same, different, unsure]}}}\n";
    members(folder.path(), judged, "    judgements: {table: judged}\n");
    fs::write(
        at("members.csv"),
        "person_id,household_id,name,birth,id_no\nP1,H1,王建国,1965-03-12,522301196503120017\nP2,H2,王建国,1965-03-12,522301196503120117\nP3,H3,李秀英,2001-07-08,522301200107080024\nP4,H4,赵铁柱,1950-01-02,522301195001020013\n",
    )
    .unwrap();
    let flagged = |judged: &str| {
        fs::write(at("judged.csv"), format!("a,b,verdict\n{judged}")).unwrap();
        let said = recount(folder.path(), &["run", "--as-of", "2020-12-31", "--no-store", "-o", "runs"]);
        assert!(said.starts_with("exit 0\n"), "{said}");
        let said = recount(folder.path(), &["query", "--format", "csv"]);
        fs::remove_dir_all(at("runs")).unwrap();
        (1..5).filter(|n| said.contains(&format!("P{n}"))).collect::<Vec<_>>()
    };
    assert_eq!(flagged(""), [1, 2]);
    assert_eq!(flagged("P1,P2,different\n"), [0; 0]);
    assert_eq!(flagged("P4,P3,same\nP9,P3,same\n"), [1, 2, 3, 4]);
    assert_eq!(flagged("P2,P1,unsure\n"), [0; 0]);
}

#[test]
fn labels_teach_and_draw_the_line() {
    let folder = roll();
    let truth = rows(&folder.path().join("truth_people.csv"));
    let mut by_person: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &truth {
        by_person.entry(&row[1]).or_default().push(&row[0]);
    }
    let mut text = String::from("a,b,verdict\n");
    for records in by_person.values().filter(|r| r.len() > 1).take(60) {
        text += &format!("{},{},same\n", records[0], records[1]);
    }
    for pair in truth.chunks(2).filter(|p| p.len() == 2 && p[0][1] != p[1][1]).take(60) {
        text += &format!("{},{},different\n", pair[0][0], pair[1][0]);
    }
    fs::write(folder.path().join("labels.csv"), text).unwrap();
    fs::write(folder.path().join("people.yaml"), format!("{ROLL}accept: labels\n")).unwrap();
    let said = recount(folder.path(), &["link", "people.yaml", "--labels", "labels.csv"]);
    assert!(said.starts_with("exit 0\n") && said.contains("labelled matches") && said.contains("highest F1"), "{said}");
    // Without labels the line cannot be drawn by them; labels about nobody are told.
    assert!(recount(folder.path(), &["link", "people.yaml"]).contains("to be drawn by labels"));
    fs::write(folder.path().join("labels.csv"), "a,b,verdict\nX,Y,same\n").unwrap();
    assert!(recount(folder.path(), &["link", "people.yaml", "--labels", "labels.csv"]).contains("linkage-labels"));
}

#[test]
fn a_pair_is_explained_linked_or_not() {
    let folder = roll();
    recount(folder.path(), &["link", "people.yaml"]);
    let link = rows(&folder.path().join("people.link/pairs.csv")).into_iter().find(|r| r[2] == "link").unwrap();
    let said = recount(folder.path(), &["link", "people.yaml", "--model", "people.link/model.json", "--pair", &link[0], &link[1]]);
    assert!(said.starts_with("exit 0\n") && said.contains(&link[0]) && said.contains("name"), "{said}");
    // Two people who have nothing in common: it says which rules did not meet.
    let said = recount(folder.path(), &["link", "people.yaml", "--pair", "R000000001", "R000002000"]);
    assert!(said.starts_with("exit 0\n") && said.contains("name") && said.contains("id_no"), "{said}");
    let said = recount(folder.path(), &["explain", "people.yaml", "--pair", "R000000001", "R000002000"]);
    assert!(said.starts_with("exit 0\n"), "{said}");
}

#[test]
fn mistakes_are_told_all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("r.csv"), "k,name\nA,王小明\nA,李雷\n,韩梅\n").unwrap();
    fs::write(
        folder.path().join("bad.yaml"),
        "link: 2\nfrom: r.csv\nkey: k\nfields:\n  name: person-nam\n  born: date\nblock: [[name.pinyn]]\naccept: {probability: 2}\n",
    )
    .unwrap();
    let said = recount(folder.path(), &["link", "bad.yaml"]);
    assert!(said.starts_with("exit 2\n"), "{said}");
    for code in ["link-version", "linkage-kind", "linkage-part", "linkage-threshold"] {
        assert!(said.contains(code), "{code}: {said}");
    }
    fs::write(folder.path().join("keys.yaml"), "link: 1\nfrom: r.csv\nkey: k\nfields:\n  name: person-name\n").unwrap();
    insta::assert_snapshot!(recount(folder.path(), &["link", "keys.yaml"]), @r#"
exit 2
-- stderr
error[link-key]: 1 of 3 records have no `k`
 --> keys.yaml:3:6
  |
3 | key: k
  |      ^ names a record
  |
help: name a column that has one value of its own in each record

error[link-key]: `k` is not unique: 1 records repeat another's, e.g. A
 --> keys.yaml:3:6
  |
3 | key: k
  |      ^ names a record
  |
help: name a column that has one value of its own in each record

2 errors and 0 warnings
"#);
    fs::write(folder.path().join("none.yaml"), "link: 1\nfrom: r.csv\nkey: name\nfields:\n  born: date\n").unwrap();
    insta::assert_snapshot!(recount(folder.path(), &["link", "none.yaml"]), @r#"
exit 2
-- stderr
error[missing-column]: `r.csv` has no column for `born` of table `link`
 --> none.yaml:5:3
  |
5 |   born: date
  |   ^^^^ wanted `born`
 ::: r.csv:1
  = the header of this file
help: write the file's header as `field: {kind: ..., column: HEADER}` (or as `key:`), or leave the field out
note: columns of the file: k, name
"#);
    fs::write(folder.path().join("one.csv"), "k,name\nA,王小明\n").unwrap();
    fs::write(folder.path().join("one.yaml"), "link: 1\nfrom: one.csv\nkey: k\nfields:\n  name: person-name\n").unwrap();
    insta::assert_snapshot!(recount(folder.path(), &["link", "one.yaml"]), @r#"
exit 2
-- stderr
error[no-records]: 1 records: there is nothing to link
--> one.yaml
 |
help: give files with at least two records under `from:`
"#);
    fs::write(folder.path().join("model.json"), "{\"version\": 99}").unwrap();
    fs::write(folder.path().join("two.csv"), "k,name\nA,王小明\nB,李雷\n").unwrap();
    fs::write(folder.path().join("two.yaml"), "link: 1\nfrom: two.csv\nkey: k\nfields:\n  name: person-name\n").unwrap();
    insta::assert_snapshot!(recount(folder.path(), &["link", "two.yaml", "--model", "model.json"]), @r#"
exit 2
-- stderr
error[linkage-spec]: model version 99; this program reads 1
--> model.json
 |
help: train again with this version of recount
"#);
    insta::assert_snapshot!(recount(folder.path(), &["link", "two.yaml", "--pair", "A", "C"]), @r#"
exit 2
-- stderr
error[unknown-record]: no record has the key `C`
 |
help: give two values of `k`, the key of the link file
"#);
    // A folder of something else is not replaced.
    fs::create_dir(folder.path().join("mine")).unwrap();
    let said = recount(folder.path(), &["link", "two.yaml", "-o", "mine"]);
    assert!(said.starts_with("exit 2\n") && said.contains("cannot-write"), "{said}");
}

#[test]
fn hostile_rolls_come_to_an_end_without_false_certainty() {
    let folder = tempfile::tempdir().unwrap();
    let link = "link: 1\nfrom: r.csv\nkey: k\nfields:\n  name: person-name\n  id: citizen-id\n  born: date\n  phone: phone\n";
    fs::write(folder.path().join("r.yaml"), link).unwrap();
    let made = |row: &dyn Fn(usize) -> String| {
        let lines: Vec<String> = (0..3000).map(|i| format!("K{i},{}", row(i))).collect();
        fs::write(folder.path().join("r.csv"), format!("k,name,id,born,phone\n{}\n", lines.join("\n"))).unwrap();
        let said = recount(folder.path(), &["link", "r.yaml"]);
        assert!(said.starts_with("exit 0\n"), "{said}");
        (said, rows(&folder.path().join("r.link/clusters.csv")).len())
    };
    // All empty; one agent's phone on all; placeholders for ids.
    let (said, linked) = made(&|_| ",,,".into());
    assert_eq!(linked, 0, "{said}");
    let (said, linked) = made(&|i| format!("{},,,13800138000", ['王', '李', '张'][i % 3]));
    assert_eq!(linked, 0, "{said}");
    let (said, linked) = made(&|i| format!("王{},000000000000000000,,", char::from_u32(0x4e00 + i as u32).unwrap()));
    assert_eq!(linked, 0, "{said}");
}
