//! The program as a person meets it: what it prints, and the exit code.

use std::path::Path;

use assert_cmd::Command;

/// Runs the program in `folder`; exit code, stdout and stderr as one text.
pub fn recount(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::cargo_bin("recount").unwrap().current_dir(folder).env_remove("RECOUNT_LOG").args(arguments).output().unwrap();
    let mut text = format!("exit {}\n", output.status.code().map_or("by a signal".to_string(), |c| c.to_string()));
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            text.push_str(&format!("-- {name}\n{}", String::from_utf8_lossy(bytes)));
        }
    }
    text.replace(&folder.display().to_string(), "FOLDER").replace('\\', "/")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn empty() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn no_project_is_told_with_the_next_step() {
    insta::assert_snapshot!(recount(empty().path(), &["list", "tables"]), @r#"
exit 2
-- stderr
error[no-project]: no `recount.yaml` here or in a folder above
--> FOLDER
 |
help: `recount init` makes a project that already runs; `--project PATH` names one elsewhere
"#);
}

#[test]
fn init_makes_a_project_that_reads() {
    let folder = empty();
    insta::assert_snapshot!(recount(folder.path(), &["init", "audit"]), @r#"
exit 0
-- stdout
A project with 3 tables and 2 rules is in audit.
Try it:  cd audit && recount run --as-of 2019-12-31
"#);
    insta::assert_snapshot!(recount(folder.path(), &["list", "tables", "-p", "audit"]), @r#"
exit 0
-- stdout
members   data/members.csv     key person_id   7 columns
payments  data/payments-*.csv  key payment_id  7 columns
deaths    data/deaths.csv      key death_no    4 columns
"#);
    insta::assert_snapshot!(recount(folder.path(), &["list", "parameters", "-p", "audit/recount.yaml"]), @r#"
exit 0
-- stdout
death_grace_days  30 days  2015-01-01 to ..  黔地省  Subsidy card rules: pay-out may end with the month after the death
"#);
    // A second time nothing is overwritten.
    insta::assert_snapshot!(recount(folder.path(), &["init", "audit", "--messages", "concise"]), @r#"
exit 2
-- stderr
audit/recount.yaml: error[file-exists]: `audit/recount.yaml` exists already
audit/data/members.csv: error[file-exists]: `audit/data/members.csv` exists already
audit/data/payments-2019.csv: error[file-exists]: `audit/data/payments-2019.csv` exists already
audit/data/deaths.csv: error[file-exists]: `audit/data/deaths.csv` exists already
audit/policy/parameters.csv: error[file-exists]: `audit/policy/parameters.csv` exists already
audit/policy/regions.csv: error[file-exists]: `audit/policy/regions.csv` exists already
audit/rules/funds/payment-after-death.yaml: error[file-exists]: `audit/rules/funds/payment-after-death.yaml` exists already
audit/rules/funds/paid-twice.yaml: error[file-exists]: `audit/rules/funds/paid-twice.yaml` exists already
audit/recount.secret: error[file-exists]: `audit/recount.secret` exists already
"#);
    let secret = |name: &str| std::fs::read_to_string(folder.path().join(name).join("recount.secret")).unwrap();
    recount(folder.path(), &["init", "other"]);
    assert_ne!(secret("audit"), secret("other"));
}

#[test]
fn mistakes_in_the_project_file() {
    let folder = empty();
    std::fs::write(folder.path().join("recount.yaml"), "recount: 1\ntables:\n  a: {from: a.csv, kye: [b], columns: {b: txt}}\n").unwrap();
    insta::assert_snapshot!(recount(folder.path(), &["list", "tables"]), @r#"
exit 2
-- stderr
error[unknown-key]: `kye` is not a known key of `a`
 --> recount.yaml:3:20
  |
3 |   a: {from: a.csv, kye: [b], columns: {b: txt}}
  |                    ^^^ not known
  |
help: a similar key exists: `key`
"#);
    insta::assert_snapshot!(recount(folder.path(), &["list", "tables", "--messages", "concise"]), @r#"
exit 2
-- stderr
recount.yaml:3:20: error[unknown-key]: `kye` is not a known key of `a`
"#);
    std::fs::write(folder.path().join("recount.yaml"), b"recount: \xff\n").unwrap();
    insta::assert_snapshot!(recount(folder.path(), &["list", "tables"]), @r#"
exit 2
-- stderr
error[wrong-encoding]: the project file is not UTF-8
--> recount.yaml
 |
help: save it as UTF-8
"#);
}

#[test]
fn explain_prints_the_page_of_an_error() {
    insta::assert_snapshot!(recount(root(), &["explain", "same-files"]), @r#"
exit 0
-- stdout
## same-files

Two tables read the same files, so each record would count twice. Declare one table, and a view for another look at it. Two sheets of one workbook are two tables: name both with `sheet:`.
"#);
    insta::assert_snapshot!(recount(root(), &["explain", "same-file"]), @r#"
exit 2
-- stderr
error[unknown-name]: `same-file` is no rule, check or error code
 |
help: a similar name exists: `same-files`
"#);
}

#[test]
fn wrong_arguments_are_exit_2() {
    let text = recount(root(), &["lits"]);
    assert!(text.starts_with("exit 2\n-- stderr\n") && text.contains("'list'"), "{text}");
}

/// `UPDATE=1 cargo test` writes them; otherwise they must be as the program would write them.
#[test]
fn generated_files_are_up_to_date() {
    for what in ["docs", "schema"] {
        let check = if std::env::var_os("UPDATE").is_some() { [].as_slice() } else { ["--check"].as_slice() };
        let text = recount(root(), &[["generate", what].as_slice(), check].concat());
        assert!(text.starts_with("exit 0"), "{text}\nrun the tests with UPDATE=1 and look at the difference");
    }
}

#[test]
fn completions_and_man_pages_are_made() {
    assert!(recount(root(), &["generate", "completions", "bash"]).contains("complete -F _recount"));
    let folder = empty();
    assert!(recount(folder.path(), &["generate", "man"]).contains("man/recount-list.1"));
}

#[test]
fn columns_are_listed_with_the_types_of_the_project_file() {
    let folder = empty();
    recount(folder.path(), &["init"]);
    let text = recount(folder.path(), &["list", "columns"]);
    for (column, kind) in
        [("members.id_no", "citizen_id"), ("members.name", "person_name"), ("payments.amount", "money, yuan"), ("payments.paid_on", "date")]
    {
        let rest = text.lines().find_map(|line| line.strip_prefix(column)?.strip_prefix(' '));
        assert!(rest.is_some_and(|rest| rest.trim_start().starts_with(kind)), "{column}: {text}");
    }
}

/// The latest run is the one written last, whatever its name.
#[test]
fn query_takes_the_run_that_was_written_last() {
    let folder = empty();
    recount(folder.path(), &["init"]);
    for days in ["30", "100", "400"] {
        let set = format!("death_grace_days={days}");
        assert!(recount(folder.path(), &["run", "--as-of", "2019-12-31", "--set", &set]).starts_with("exit 0"));
        let told = recount(folder.path(), &["run", "--as-of", "2019-12-31", "--set", &set]);
        let name = told.split("runs/").nth(1).unwrap().split('/').next().unwrap();
        assert!(recount(folder.path(), &["query"]).contains(&format!("of run {name}")), "{told}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_log_filter_that_is_none_is_told() {
    let folder = empty();
    recount(folder.path(), &["init"]);
    let output = Command::cargo_bin("recount")
        .unwrap()
        .current_dir(folder.path())
        .env("RECOUNT_LOG", "a=b=c")
        .args(["list", "tables"])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("RECOUNT_LOG is no filter"));
}

#[test]
fn load_fills_the_store_and_says_what_was_delivered() {
    let folder = empty();
    recount(folder.path(), &["init", "."]);
    let first = recount(folder.path(), &["load", "--as-of", "2019-12-31"]);
    assert!(first.starts_with("exit 0\n"), "{first}");
    for says in ["members", "not stored yet", "amount", "sum ", "paid_on"] {
        assert!(first.contains(says), "{says}: {first}");
    }
    let again = recount(folder.path(), &["load", "--as-of", "2019-12-31"]);
    assert!(again.contains("fresh") && !again.contains("not stored yet"), "{again}");
    // What a run finds does not depend on who filled the store.
    let run = |output: &str, more: &[&str]| {
        let mut arguments = vec!["run", "--as-of", "2019-12-31", "-v", "-o", output];
        arguments.extend(more);
        recount(folder.path(), &arguments)
    };
    let stored = run("a", &[]);
    assert!(stored.contains("tables are fresh"), "{stored}");
    run("b", &["--no-store"]);
    let name = |output: &str| std::fs::read_dir(folder.path().join(output)).unwrap().next().unwrap().unwrap().path();
    for file in ["manifest.json", "findings.parquet", "evidence.parquet", "report.html"] {
        assert_eq!(std::fs::read(name("a").join(file)).unwrap(), std::fs::read(name("b").join(file)).unwrap(), "{file}");
    }
    // Another delivery of one table: that table alone is read again.
    let deaths = folder.path().join("data/deaths.csv");
    let text = std::fs::read_to_string(&deaths).unwrap();
    std::fs::write(&deaths, text.trim_end().rsplit_once('\n').unwrap().0).unwrap();
    let listed = recount(folder.path(), &["list", "store"]);
    assert!(listed.contains("data/deaths.csv changed") && listed.matches("fresh").count() == 2, "{listed}");
    let stale = run("c", &[]);
    assert!(stale.contains("2 tables fresh; read again: deaths (data/deaths.csv changed)"), "{stale}");
    let unknown = recount(folder.path(), &["load", "death"]);
    assert!(unknown.starts_with("exit 2\n") && unknown.contains("unknown-table") && unknown.contains("deaths"), "{unknown}");
}
