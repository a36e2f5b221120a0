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
    insta::assert_snapshot!(ask("select f.rule, count(*) as n, sum(f.amount) as total, min(o.units) as flagged from recount.findings f join recount.outcomes o on o.rule = f.rule and o.outcome = 'flagged' where not f.exempt group by f.rule order by f.rule"), @r#"
exit 0
-- stdout
rule,n,total,flagged
funds/paid-twice,1,110.00,1
funds/payment-after-death,2,630.00,2
"#);
    insta::assert_snapshot!(ask("select c.rank, c.entity, c.subject, c.severity, f.message from recount.cases c join recount.findings f using (case_no) order by c.rank, f.rule limit 2"), @r#"
exit 0
-- stdout
rank,entity,subject,severity,message
1,household,H2,critical,315.00 was paid on 2019-06-15 for a period that ended 89 days after the death recorded on 2019-04-02
1,household,H2,critical,315.00 was paid on 2019-09-15 for a period that ended 181 days after the death recorded on 2019-04-02
"#);
    insta::assert_snapshot!(ask("select table_name, count(*) as n from recount.rejected group by table_name"), @r#"
exit 0
-- stdout
table_name,n
"#);
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
    insta::assert_snapshot!(ask(&[sql]), @r#"
exit 0
-- stdout
person_id,name,id,joined_at,region_code
M1,赵**,**************0122,2015-01-01,522301001001
"#);
    insta::assert_snapshot!(ask(&[sql, "--format", "json"]), @r#"
exit 0
-- stdout
[
  {"person_id": "M1", "name": "赵**", "id": "**************0122", "joined_at": "2015-01-01", "region_code": "522301001001"}
]
"#);
    insta::assert_snapshot!(ask(&[sql, "--reveal", "--authority", "B-7"]), @r#"
exit 0
-- stdout
person_id,name,id,joined_at,region_code
M1,赵山河,522301194503120122,2015-01-01,522301001001
"#);
    let log = std::fs::read_to_string(folder.path().join("runs/access.log")).unwrap();
    assert_eq!(log.lines().count(), 1);
    assert!(log.contains("\"authority\":\"B-7\"") && log.contains("id_text(id_no)"), "{log}");
    insta::assert_snapshot!(ask(&["select count(*) as n from members", "--region", "522301001002"]), @r#"
exit 0
-- stdout
n
2
"#);
    insta::assert_snapshot!(ask(&["select payment_id, amount / 0 as x from payments where amount > yuan(500)", "--set", "death_grace_days=10"]), @r#"
exit 0
-- stdout
payment_id,x
P15,
-- stderr
warning[sql-lost-values]: 1 result without a value: divided by zero, or too large a number
 |
help: ask for them: `where divisor = 0`
"#);
    insta::assert_snapshot!(ask(&["--subject", "household=H4", "--format", "csv"]), @r#"
exit 0
-- stdout
table,file,line,column,value
members,data/members.csv,5,person_id,M4
members,data/members.csv,5,household_id,H4
members,data/members.csv,5,id_no,522301********0443
members,data/members.csv,5,name,李**
members,data/members.csv,5,region_code,522301001002
members,data/members.csv,5,joined_at,2015-01-01
members,data/members.csv,5,left_at,
payments,data/payments-2019.csv,11,payment_id,P10
payments,data/payments-2019.csv,11,payee_id_no,522301********0443
payments,data/payments-2019.csv,11,programme,DISAB
payments,data/payments-2019.csv,11,status,ok
payments,data/payments-2019.csv,11,amount,110.00
payments,data/payments-2019.csv,11,paid_on,2019-05-10
payments,data/payments-2019.csv,11,period_end,2019-05-31
payments,data/payments-2019.csv,12,payment_id,P11
payments,data/payments-2019.csv,12,payee_id_no,522301********0443
payments,data/payments-2019.csv,12,programme,DISAB
payments,data/payments-2019.csv,12,status,ok
payments,data/payments-2019.csv,12,amount,110.00
payments,data/payments-2019.csv,12,paid_on,2019-05-24
payments,data/payments-2019.csv,12,period_end,2019-05-31
"#);
    insta::assert_snapshot!(ask(&["--subject", "hushold=H4"]), @r#"
exit 2
-- stderr
error[bad-argument]: no rule names an entity `hushold`
 |
help: a similar one exists: `household`
"#);
    insta::assert_snapshot!(ask(&["--sql", "select 1 fro members"]), @r#"
exit 2
-- stderr
error[sql-syntax]: the statement cannot be read: expected the end of the statement, found members
 --> query:1:14
  |
1 | select 1 fro members
  |              ^^^^^^^ here
  |
help: the form is `[with NAME as (select ..)] select .. from TABLE [join TABLE on ..] [where ..] [group by ..] [having ..] [order by ..] [limit n]`; docs/query.md has all of it
"#);
}
