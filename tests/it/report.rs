//! The report of the sample as the program writes it.

use std::path::Path;

use crate::cli::recount;

fn page(language: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = recount(root, &["run", "-p", "sample_data", "--as-of", "2020-12-31", "--lang", language, "--no-store", "-o", output]);
    assert!(told.starts_with("exit 0"), "{told}");
    let run = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::read_to_string(run.join("report.html")).unwrap()
}

/// What the program says of itself is in the language of the report: units, control totals, unreadable cells, roles of records.
#[test]
fn a_chinese_report_has_no_english_words_of_the_program() {
    let (en, zh) = (page("en"), page("zh"));
    for words in [
        "record of ",
        "group of the same ",
        "totals of the same ",
        "with its steps",
        "chain of the same ",
        "records of the same ",
        " over two deliveries of ",
        "person in ",
        "a spreadsheet turned the ",
        ">same key<",
        "days from ",
        // Of statistical tests: the null, what takes no part, who is compared, the figures, the labels of the charts.
        "of last digits other than 0 and 5",
        "round figures are as frequent",
        "near the threshold as many",
        "values come about independently",
        "a record is near a given one",
        "the figures spread as those of the peers do",
        "groups of the same ",
        ">all groups<",
        ">none<",
        ">n_excluded<",
        ">effect.low<",
        ">without_top.p<",
        ">family_size<",
        ">peer.group<",
        ">good side<",
        ">to 1 sd<",
        ">beyond<",
        ">to look at first<",
    ] {
        assert!(en.contains(words) || words == "days from ", "no longer said: {words}");
        assert!(!zh.contains(words), "in the Chinese report: {words}");
    }
}
