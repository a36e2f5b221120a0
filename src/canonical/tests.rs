use std::collections::BTreeSet;

use super::*;
use crate::project;

fn options() -> CanonicalOptions {
    CanonicalOptions { years: (2017, 2020), region: Some(522_301_000_000) }
}

/// A project written into a temporary folder and read again.
fn read(options: &CanonicalOptions) -> (tempfile::TempDir, project::Project) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files(options) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
    let project = project::read(&folder.path().join(project::FILE_NAME)).unwrap_or_else(|p| panic!("{p}"));
    (folder, project)
}

#[test]
fn it_has_the_samples_tables_columns_links_and_views() {
    let (_folder, made) = read(&options());
    let sample = project::read(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/sample_data/recount.yaml")))
        .unwrap_or_else(|p| panic!("{p}"));
    let names = |p: &project::Project| -> Vec<(String, Vec<String>, Vec<String>)> {
        let texts = |all: &[crate::diagnostic::Spanned<String>]| all.iter().map(|t| t.value.clone()).collect();
        let table = |t: &project::TableSource| {
            (t.name.value.clone(), texts(&t.key), t.columns.iter().map(|c| format!("{} {:?}", c.name.value, c.semantic)).collect())
        };
        p.tables.iter().map(table).collect()
    };
    assert_eq!(names(&made), names(&sample));
    assert!(made.tables.iter().all(|t| t.optional != t.from[0].value.starts_with("policy/")));
    assert_eq!(made.links.len(), sample.links.len());
    assert_eq!(made.views.len(), sample.views.len());
    let parameters = |p: &project::Project| p.parameters.all.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    assert_eq!(parameters(&made), parameters(&sample));
    // The sample's headers are among those of every column.
    for (ours, theirs) in made.tables.iter().zip(&sample.tables) {
        for (a, b) in ours.columns.iter().zip(&theirs.columns) {
            assert!(b.from.iter().all(|h| a.from.iter().any(|o| o.value == h.value)), "{}.{}", ours.name.value, a.name.value);
        }
    }
}

#[test]
fn years_and_region_are_the_countys() {
    let made = files(&options());
    let text = |name: &str| made.iter().find(|(n, _)| n == name).map(|(_, t)| t.as_str()).unwrap_or_default();
    let moved = files(&CanonicalOptions { years: (2021, 2023), region: None });
    assert!(text("recount.yaml").contains("covers: {from: 2017-01-01, to: 2020-12-31}"));
    assert!(moved[0].1.contains("covers: {from: 2021-01-01, to: 2023-12-31}") && moved[0].1.contains("from: 2019-01-01, to: 2023"));
    assert!(!moved[0].1.contains("2017-01-01") && !moved[0].1.contains("[\"52\"]"));
    assert_eq!(
        text("policy/regions.csv"),
        "code,name,level,parent,valid_from,valid_to,successor\n520000000000,520000,province,,2000-01-01,,\n\
         522300000000,522300,prefecture,520000000000,2000-01-01,,\n522301000000,522301,county,522300000000,2000-01-01,,\n"
    );
    assert!(text("policy/parameters.csv").contains("poverty_line,,2017-01-01,2017-12-31,3335,yuan,To be confirmed for this place: "));
    assert!(text("policy/parameters.csv").contains(",Inspection guide: "));
    assert!(!text("policy/parameters.csv").contains("522302"));
}

#[test]
fn no_header_stands_for_two_columns_of_a_sample_file() {
    // Two columns may read one header (`id_no`, `id_no_raw`); one column never finds two in a file of the sample.
    let layout = Layout::new(PROJECT, HEADERS);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data/data");
    for table in &layout.tables {
        for file in std::fs::read_dir(&folder).expect("the sample").flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let stem = name.trim_end_matches(".csv").trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned();
            if stem != table.name {
                continue;
            }
            let bytes = std::fs::read(file.path()).expect("readable");
            let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
            let text = String::from_utf8(first.to_vec()).unwrap_or_else(|_| encoding_rs::GB18030.decode(first).0.into_owned());
            let there: Vec<String> = text.split(',').map(crate::source::normal_header).collect();
            for column in &table.columns {
                let wanted: BTreeSet<String> = column.headers.iter().map(|h| crate::source::normal_header(h)).collect();
                let hits = there.iter().filter(|h| wanted.contains(*h)).count();
                assert!(hits <= 1, "{name}: {} has {hits} headers", column.name);
            }
        }
    }
}

#[test]
fn every_line_of_the_headers_names_a_column_or_a_table() {
    let layout = Layout::new(PROJECT, HEADERS);
    for line in HEADERS.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        let known = match name.strip_prefix("file ") {
            Some(table) => layout.tables.iter().any(|t| t.name == table),
            None => match name.split_once('.') {
                Some((table, column)) => layout.tables.iter().any(|t| t.name == table && t.columns.iter().any(|c| c.name == column)),
                None => layout.tables.iter().any(|t| t.columns.iter().any(|c| c.name == name)),
            },
        };
        assert!(known, "{line}");
    }
}

/// The page describes what the project file declares: every table and every column in the table's section, and nothing else.
#[test]
fn the_page_and_the_project_file_tell_the_same() {
    let page = include_str!("../../docs/canonical-tables.md");
    let (tables, _) = page.split_once("## Links, views, parameters").expect("the section after the tables");
    let layout = Layout::new(PROJECT, HEADERS);
    let mut sections: Vec<(String, String)> = vec![];
    for line in tables.lines() {
        let name = line.strip_prefix("### ").or_else(|| line.strip_prefix("* **")).or_else(|| {
            line.strip_prefix("| ")
                .filter(|l| layout.tables.iter().any(|t| l.split(' ').next() == Some(&t.name) && l.matches('|').count() == 3))
        });
        if let Some(rest) = name {
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let open = sections.last().is_some_and(|(n, _)| *n == name);
            if !open && layout.tables.iter().any(|t| t.name == name) && !sections.iter().any(|(n, _)| *n == name) {
                sections.push((name, String::new()));
            }
        } else if line.starts_with("## ") {
            sections.push((String::new(), String::new()));
        }
        if let Some((_, text)) = sections.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    let mut wrong = vec![];
    for table in &layout.tables {
        let Some((_, text)) = sections.iter().find(|(n, _)| *n == table.name) else {
            wrong.push(format!("the page has no section on `{}`", table.name));
            continue;
        };
        let words: BTreeSet<&str> = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
        for column in table.columns.iter().filter(|c| !words.contains(c.name.as_str())) {
            wrong.push(format!("the page does not tell of `{}.{}`", table.name, column.name));
        }
        // Columns that a table of columns lists: the first cells of rows of three.
        let listed = text.lines().filter(|l| l.matches('|').count() == 4 && !l.contains("---"));
        for cell in listed.filter_map(|l| l.split('|').nth(1)).flat_map(|c| c.split(',')).map(str::trim) {
            if cell != "column" && !table.columns.iter().any(|c| c.name == cell) && !layout.tables.iter().any(|t| t.name == cell) {
                wrong.push(format!("`{}.{cell}` of the page is not declared", table.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
