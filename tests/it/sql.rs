//! Questions in SQL and records of a subject, as a person meets them.

use std::path::Path;

use assert_cmd::Command;

use crate::cli::recount;

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    recount(folder.path(), &["init", "."]);
    folder
}

/// What is printed without the exit code's line and the names of the streams.
fn plain(output: &str) -> String {
    output.lines().filter(|l| !l.starts_with("exit ") && !l.starts_with("-- std")).map(|l| format!("{l}\n")).collect()
}

/// The examples of `docs/query.md`: each question stands before what it prints.
#[test]
fn the_examples_of_the_page_print_what_it_says() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/query.md")).unwrap();
    let folder = project();
    let blocks: Vec<(&str, &str)> = page.split("\n```").filter_map(|part| part.split_once('\n')).collect();
    let mut run = 0;
    for pair in blocks.windows(3) {
        let [(kind, asked), _, ("text", wanted)] = pair else { continue };
        let found = match *kind {
            "sql" => recount(folder.path(), &["query", "--sql", asked, "--format", "table", "--as-of", "2019-12-31"]),
            "sh" => {
                let words: Vec<&str> = asked.trim().split(' ').skip(1).chain(["--format", "table", "--as-of", "2019-12-31"]).collect();
                recount(folder.path(), &words)
            }
            _ => continue,
        };
        assert_eq!(plain(&found).trim(), wanted.trim(), "{asked}");
        run += 1;
    }
    assert_eq!(run, 5);
}

/// The same bytes with one thread, with several, from the files and from the store.
#[test]
fn answers_do_not_depend_on_threads_or_the_store() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data");
    let questions = [
        "select * from payments",
        "select programme, status, count(*) as n, sum(amount) as s, median(amount) as m from payments group by programme, status",
        "select p.payment_id, m.person_id, p.payee.household_id from payments p full join members m on m.id_no = p.payee_id_no",
        "select distinct payee_id_no from payments where exists (select 1 from deaths d where d.id_no = payments.payee_id_no)",
        "select payment_id, rank() over (partition by programme order by amount desc) as r, sum(amount) over (order by paid_on rows between 3 preceding and current row) as s from payments",
        "select programme, count(*) as n from payments group by programme union all select status, count(*) from payments group by status",
    ];
    for question in questions {
        let ask = |threads: &str, store: &[&str]| {
            let mut command = Command::cargo_bin("recount").unwrap();
            command
                .args(["query", question, "-p"])
                .arg(&sample)
                .args(["--format", "csv", "--as-of", "2020-12-31", "--threads", threads])
                .args(store);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{question}: {}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        let one = ask("1", &["--no-store"]);
        assert!(one.len() > 40, "{question}");
        assert!(one == ask("4", &["--no-store"]), "{question}: threads");
        assert!(one == ask("2", &[]), "{question}: store");
    }
}

#[test]
fn findings_of_a_run_are_tables() {
    let folder = project();
    let ask = |sql: &str| recount(folder.path(), &["query", sql, "--format", "csv", "--as-of", "2019-12-31"]);
    assert!(ask("select rule from recount.findings").contains("error[no-run]"));
    recount(folder.path(), &["run", "--as-of", "2019-12-31"]);
    insta::assert_snapshot!(ask("select f.rule, count(*) as n, sum(f.amount) as total, min(o.units) as flagged from recount.findings f join recount.outcomes o on o.rule = f.rule and o.outcome = 'flagged' where not f.exempt group by f.rule order by f.rule"), @"");
    insta::assert_snapshot!(ask("select c.rank, c.entity, c.subject, c.severity, f.message from recount.cases c join recount.findings f using (case_no) order by c.rank, f.rule limit 2"), @"");
    insta::assert_snapshot!(ask("select table_name, count(*) as n from recount.rejected group by table_name"), @"");
}

#[test]
fn forms_regions_parameters_and_masks() {
    let folder = project();
    let ask = |arguments: &[&str]| {
        let all: Vec<&str> = ["query"].into_iter().chain(arguments.iter().copied()).chain(["--as-of", "2019-12-31"]).collect();
        recount(folder.path(), &all)
    };
    let sql = "select person_id, name, id_text(id_no) as id, joined_at, region_code from members order by person_id limit 1";
    // Not a terminal: CSV.
    insta::assert_snapshot!(ask(&[sql]), @"");
    insta::assert_snapshot!(ask(&[sql, "--format", "json"]), @"");
    insta::assert_snapshot!(ask(&[sql, "--reveal", "--authority", "B-7"]), @"");
    let log = std::fs::read_to_string(folder.path().join("runs/access.log")).unwrap();
    assert_eq!(log.lines().count(), 1);
    assert!(log.contains("\"authority\":\"B-7\"") && log.contains("id_text(id_no)"), "{log}");
    insta::assert_snapshot!(ask(&["select count(*) as n from members", "--region", "522301001002"]), @"");
    insta::assert_snapshot!(ask(&["select payment_id, amount / 0 as x from payments where amount > yuan(500)", "--set", "death_grace_days=10"]), @"");
    insta::assert_snapshot!(ask(&["--subject", "household=H4", "--format", "csv"]), @"");
    insta::assert_snapshot!(ask(&["--subject", "hushold=H4"]), @"");
    insta::assert_snapshot!(ask(&["--sql", "select 1 fro members"]), @"");
}
