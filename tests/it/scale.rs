//! The speed floor, small: the same result whatever the plan, the threads and the memory; each delivered file is read once however many rules there are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use recount::engine::{Audit, Options, audit};
use recount::table::Progress;
use recount::{project, rule, schema};

use crate::cli::recount as program;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const HOUSEHOLDS: u64 = 1_500;

/// The tables of `benches/floor` in small, as CSV, with its nine rules.
fn small_floor(folder: &Path) {
    let mut state = 20_261_125u64;
    let mut up_to = move |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut incomes = String::from("household_id,year,village_code,income,wage,transfer,members,status\n");
    let mut payments = String::from("payment_id,household_id,account,program,paid_on,amount\n");
    let mut deaths = String::from("household_id,died_on\n");
    for household in 0..HOUSEHOLDS {
        let base = 2_000 + up_to(3_000);
        for year in 2013..2021 {
            let income = base + up_to(base) * (1 + 5 * u64::from(up_to(40) == 0));
            let (village, wage, transfer) = (household % 12, income / 3, income * up_to(25) / 100);
            incomes.push_str(&format!("{household:010},{year},{village:012},{income},{wage},{transfer},{},registered\n", 1 + up_to(6)));
        }
        if up_to(20) == 0 {
            deaths.push_str(&format!("{household:010},{}-06-01\n", 2013 + up_to(8)));
        }
    }
    for payment in 0..10 * HOUSEHOLDS {
        let (household, account, program) = (up_to(HOUSEHOLDS), up_to(HOUSEHOLDS - 200), up_to(4));
        let day = format!("{}-{:02}-{:02}", 2013 + up_to(8), 1 + up_to(12), 1 + up_to(28));
        payments.push_str(&format!(
            "{payment},{household:010},6228{account:012},P{program},{day},{}.{:02}\n",
            1 + up_to(9_000),
            up_to(100)
        ));
    }
    for (name, text) in [("hy", incomes), ("pay", payments), ("deaths", deaths)] {
        std::fs::write(folder.join(format!("{name}.csv")), text).expect("written");
    }
    let declared = std::fs::read_to_string(root().join("benches/floor/recount.yaml")).expect("the floor's project");
    std::fs::write(folder.join("recount.yaml"), declared.replace("data/", "").replace(".parquet", ".csv")).expect("written");
    std::fs::copy(root().join("benches/floor/parameters.csv"), folder.join("parameters.csv")).expect("copied");
    std::fs::create_dir_all(folder.join("rules/floor")).expect("a folder");
    for rule in std::fs::read_dir(root().join("benches/floor/rules/floor")).expect("the floor's rules").flatten() {
        std::fs::copy(rule.path(), folder.join("rules/floor").join(rule.file_name())).expect("copied");
    }
}

/// Counts what is read of each table's files.
#[derive(Default)]
struct Read(Mutex<BTreeMap<String, (u32, u64)>>);

impl Progress for Read {
    fn table(&self, name: &str, _: u64) {
        self.0.lock().expect("no panic").entry(name.to_owned()).or_default().0 += 1;
    }
    fn bytes(&self, name: &str, bytes: u64) {
        self.0.lock().expect("no panic").entry(name.to_owned()).or_default().1 += bytes;
    }
    fn done(&self, _: &str, _: u64) {}
}

fn audited(folder: &Path, rules: &[&str], change: impl FnOnce(&mut Options<'_>)) -> (Audit, BTreeMap<String, (u32, u64)>) {
    let project = project::read(&folder.join("recount.yaml")).expect("a project");
    let (mut files, problems) = rule::read_folders(folder, &[recount::diagnostic::Spanned::without_place("rules".into())]);
    assert!(!problems.has_errors(), "{problems}");
    files.retain(|file| rules.is_empty() || rules.contains(&file.id()));
    let read = Read::default();
    let mut options = Options::new(schema::dates::days_from_civil(2020, 12, 31), [7; 32]);
    change(&mut options);
    options.progress = &read;
    let audit = audit(&project, &files, &options).expect("audited");
    (audit, read.0.into_inner().expect("no panic"))
}

#[test]
fn one_plan_one_by_one_parts_and_threads_give_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    small_floor(folder.path());
    let (together, _) = audited(folder.path(), &[], |_| {});
    assert_eq!(together.outcomes.len(), 9);
    let finding_something = together.outcomes.iter().filter(|o| o.flagged.units > 0).count();
    assert!(finding_something >= 6 && together.findings.len() > 1_000, "{finding_something} rules, {} findings", together.findings.len());
    let same = |other: &Audit, what: &str| {
        assert_eq!(together.outcomes, other.outcomes, "{what}");
        assert!(together.findings == other.findings, "{what}");
        assert_eq!(together.populations, other.populations, "{what}");
    };
    same(&audited(folder.path(), &[], |options| options.one_by_one = true).0, "one by one");
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    same(&one.install(|| audited(folder.path(), &[], |_| {}).0), "one thread");
    let mut parts = std::collections::BTreeSet::new();
    for memory in [1 << 20, 2 << 20] {
        let store = tempfile::tempdir().expect("a folder");
        let (parted, _) = audited(folder.path(), &[], |options| {
            (options.memory, options.store) = (Some(memory), Some(store.path().to_owned()));
        });
        same(&parted, "in parts");
        parts.extend(parted.profile.iter().filter_map(|n| n.name.split_once("(in ")?.1.split_once(' ')?.0.parse::<u32>().ok()));
        // What was put aside has no name: only tables are in the store.
        let names = std::fs::read_dir(store.path()).expect("the store").flatten().map(|e| e.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|n| !n.starts_with("seen")).collect();
        names.sort();
        assert_eq!(names, ["deaths", "incomes", "payments"]);
    }
    assert!(parts.len() > 1, "{parts:?}");
}

#[test]
fn each_file_is_read_once_however_many_rules_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    small_floor(folder.path());
    let size = |name: &str| std::fs::metadata(folder.path().join(name)).expect("a file").len();
    let once = |name: &str| (1, size(name));
    let (_, one) = audited(folder.path(), &["floor/transfer-share"], |_| {});
    assert_eq!(one, BTreeMap::from([("incomes".to_owned(), once("hy.csv"))]));
    let all =
        BTreeMap::from([("incomes".into(), once("hy.csv")), ("payments".into(), once("pay.csv")), ("deaths".into(), once("deaths.csv"))]);
    let (audit, nine) = audited(folder.path(), &[], |_| {});
    assert_eq!(nine, all);
    // Ninety further rules over the same columns add passes over nothing: as many nodes are built, one pass per relation.
    let text = std::fs::read_to_string(folder.path().join("rules/floor/transfer-share.yaml")).expect("a rule");
    for i in 0..90 {
        let rule =
            text.replace("floor/transfer-share", &format!("floor/share-{i}")).replace("param('transfer_share')", &format!("0.19{i:02}"));
        std::fs::write(folder.path().join(format!("rules/floor/share-{i}.yaml")), rule).expect("written");
    }
    let (more, ninety_nine) = audited(folder.path(), &[], |_| {});
    assert_eq!((more.outcomes.len(), ninety_nine), (99, all));
    let passes = |audit: &Audit| audit.profile.iter().map(|n| n.name.clone()).collect::<Vec<_>>();
    assert_eq!(passes(&audit), passes(&more));
}

/// All files of the only run in a folder but its journal.
fn written(runs: PathBuf) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open: Vec<PathBuf> = std::fs::read_dir(&runs).expect("runs").flatten().map(|e| e.path()).collect();
    assert_eq!(open.len(), 1, "{open:?}");
    let run = open[0].clone();
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder").flatten().map(|e| e.path()) {
            match entry.is_dir() {
                true => open.push(entry),
                false => {
                    all.insert(entry.strip_prefix(&run).expect("inside").display().to_string(), std::fs::read(&entry).expect("a file"));
                }
            }
        }
    }
    all.remove("journal.json");
    all
}

#[test]
fn the_run_folder_is_the_same_whatever_the_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    small_floor(folder.path());
    let run = |name: &str, more: &[&str]| {
        let said = program(folder.path(), &[&["run", "--as-of", "2020-12-31", "-o", name], more].concat());
        assert!(said.starts_with("exit 0"), "{said}");
        written(folder.path().join(name))
    };
    let whole = run("whole", &[]);
    assert!(whole.len() > 10 && whole.contains_key("ledger.xlsx"), "{:?}", whole.keys());
    for (name, more) in
        [("small", &["--memory", "1MiB"][..]), ("middle", &["--memory", "2MiB", "--threads", "1"]), ("alone", &["--one-by-one"])]
    {
        let other = run(name, more);
        assert_eq!(whole.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (file, bytes) in &whole {
            assert!(other[file] == *bytes, "{name}: {file}");
        }
    }
}

/// All shipped rules over the sample: most tie rows by one key and look others up by another.
#[test]
fn shipped_rules_in_parts_find_the_same() {
    let folder = root().join("sample_data");
    let project = project::read(&folder.join("recount.yaml")).expect("the sample");
    let (files, problems) = rule::read_folders(root(), &[recount::diagnostic::Spanned::without_place("rules".into())]);
    assert!(!problems.has_errors(), "{problems}");
    let store = tempfile::tempdir().expect("a folder");
    let run = |memory: Option<u64>| {
        let mut options = Options::new(schema::dates::days_from_civil(2020, 12, 31), [7; 32]);
        (options.memory, options.store) = (memory, Some(store.path().to_owned()));
        audit(&project, &files, &options).expect("audited")
    };
    let whole = run(None);
    assert!(whole.findings.len() > 500, "{}", whole.findings.len());
    let parted = run(Some(3 << 20));
    assert_eq!(whole.outcomes, parted.outcomes);
    for (one, other) in whole.findings.iter().zip(parted.findings.iter()) {
        assert_eq!(one, other);
    }
    assert_eq!(whole.findings.len(), parted.findings.len());
    assert_eq!(whole.populations, parted.populations);
    let in_parts = |what: &str| parted.profile.iter().filter(|n| n.name.contains("(in ") && n.name.contains(what)).count();
    assert!(in_parts("pass over") > 50 && in_parts("pass over payments") > 0 && in_parts("rows by other keys") > 5);
}
