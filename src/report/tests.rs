use std::collections::BTreeMap;

use super::*;
use crate::run::fixture::{FULL_ACCOUNT, FULL_ID, FULL_NAME, many, small};

fn render(content: &RunContent, options: &Options) -> BTreeMap<String, Vec<u8>> {
    let all = std::sync::Mutex::new(BTreeMap::new());
    files(content, options, &|path, bytes| {
        assert!(all.lock().expect("no panic").insert(path.to_owned(), bytes.to_vec()).is_none(), "{path} twice");
        Ok(())
    })
    .expect("rendered");
    all.into_inner().expect("no panic")
}

fn page(content: &RunContent, options: &Options) -> String {
    String::from_utf8(render(content, options).remove("report.html").expect("a report")).expect("UTF-8")
}

const ZH: Options = Options { lang: Lang::Zh, reveal: false };

/// `RECOUNT_KEEP_REPORT=folder` keeps the rendered files, to look at them.
#[test]
fn renders_in_both_languages() {
    for (name, content) in [("small", small()), ("many", many(900))] {
        for lang in Lang::ALL {
            let all = render(&content, &Options { lang, reveal: false });
            assert!(all.contains_key("ledger.xlsx"));
            if let Ok(folder) = std::env::var("RECOUNT_KEEP_REPORT") {
                for (path, bytes) in &all {
                    let path = std::path::Path::new(&folder).join(format!("{name}-{}", lang.code())).join(path);
                    std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
                    std::fs::write(path, bytes).expect("kept");
                }
            }
        }
    }
}

#[test]
fn equal_content_gives_equal_bytes() {
    for options in [Options::default(), ZH] {
        assert_eq!(render(&small(), &options), render(&small(), &options));
    }
}

/// Text files of a report, ledger unpacked, exports and terminal: everything that leaves the program.
fn everything(content: &RunContent, options: &Options) -> String {
    let mut all = String::new();
    for (path, bytes) in render(content, options) {
        if path.ends_with(".xlsx") {
            use calamine::Reader;
            let mut book = calamine::Xlsx::new(std::io::Cursor::new(bytes)).expect("a workbook");
            for (_, range) in book.worksheets() {
                for row in range.rows() {
                    row.iter().for_each(|cell| all.push_str(&format!("{cell}\t")));
                    all.push('\n');
                }
            }
        } else {
            all.push_str(&String::from_utf8(bytes).expect("UTF-8"));
        }
    }
    for list in [cases_csv(content, options), findings_csv(content, options), outcomes_csv(content)] {
        all.push_str(&String::from_utf8(list.expect("a list")).expect("UTF-8"));
    }
    all + &json(content, options) + &summary(content, options, 200)
}

#[test]
fn personal_data_is_masked_unless_revealed() {
    let secrets = [FULL_ID, FULL_NAME, FULL_ACCOUNT, "52230119720511241X", "13985130001", "522302194102030079"];
    for lang in Lang::ALL {
        let masked = everything(&small(), &Options { lang, reveal: false });
        let lower = FULL_ID.to_lowercase();
        for secret in secrets.into_iter().chain([lower.as_str()]) {
            assert!(!masked.contains(secret), "{secret} is shown ({})", lang.code());
        }
        let revealed = everything(&small(), &Options { lang, reveal: true });
        for secret in secrets {
            assert!(revealed.contains(secret), "{secret} is not revealed");
        }
        assert!(revealed.contains(words::word(lang, "revealed")) && masked.contains(words::word(lang, "masked")));
    }
}

#[test]
fn pages_need_nothing_from_outside_and_no_script() {
    for (path, bytes) in render(&many(900), &Options::default()) {
        if !path.ends_with(".html") {
            continue;
        }
        let text = String::from_utf8(bytes).expect("UTF-8");
        for bad in ["<script", "javascript:", " onclick", " onload", "@import", "url(", "<link", "<img", "<iframe"] {
            assert!(!text.contains(bad), "{path} has {bad}");
        }
        for outside in text.match_indices("http") {
            assert!(text[outside.0..].starts_with("http://www.w3.org/2000/svg"), "{path}: {}", &text[outside.0..outside.0 + 40]);
        }
    }
}

#[test]
fn delivered_text_cannot_become_markup() {
    let mut content = small();
    let mut findings = content.findings.to_vec();
    findings[0].evidence[0].cells[1].delivered = Some("<script>alert(1)</script>".into());
    content.findings = findings.into();
    content.manifest.programme = Some("<b>&".into());
    let text = page(&content, &Options::default());
    assert!(!text.contains("<script") && !text.contains("<b>&"));
    assert!(text.contains("&lt;b&gt;&amp;"));
}

#[test]
fn every_case_is_on_one_page_and_links_resolve() {
    let content = many(900);
    let all = render(&content, &Options::default());
    let pages: BTreeMap<&str, String> = all
        .iter()
        .filter(|(p, _)| p.ends_with(".html"))
        .map(|(p, b)| (p.as_str(), String::from_utf8_lossy(b).replace("&#x2f;", "/")))
        .collect();
    assert!(pages.len() > 1, "one page holds {CASES_PER_PAGE} cases");
    for (i, case) in content.cases.iter().enumerate() {
        let id = format!("id=\"{}\"", case.number);
        let on: Vec<&str> = pages.iter().filter(|(_, text)| text.contains(&id)).map(|(path, _)| *path).collect();
        assert_eq!(on.len(), 1, "{} is on {on:?}", case.number);
        assert_eq!(on[0] == "report.html", i < CASES_PER_PAGE);
    }
    for (path, text) in &pages {
        for link in text.split("href=\"").skip(1).filter_map(|t| t.split_once('"')).map(|(link, _)| link) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match target {
                "" => (*path).to_owned(),
                other => other.strip_prefix("../").map_or_else(|| other.to_owned(), str::to_owned),
            };
            let there = pages.get(target.as_str()).unwrap_or_else(|| panic!("{path} links to {link}"));
            assert!(anchor.is_empty() || there.contains(&format!("id=\"{anchor}\"")), "{path} links to {link}");
        }
    }
}

#[test]
fn an_empty_run_says_that_nothing_was_flagged() {
    let mut content = small();
    content.findings = vec![].into();
    content.cases.clear();
    content.visits = None;
    content.rejected.clear();
    content.populations.clear();
    content.receipts.clear();
    for lang in Lang::ALL {
        let options = Options { lang, reveal: false };
        assert!(page(&content, &options).contains(words::word(lang, "cases_none")));
        assert!(!ledger(&content, &options).expect("a ledger").is_empty());
    }
    content.outcomes.clear();
    content.rules.clear();
    content.places.clear();
    page(&content, &Options::default());
}

#[test]
fn an_outcome_that_does_not_add_up_is_pointed_out() {
    let sign = "do not add up";
    assert!(!page(&small(), &Options::default()).contains(sign));
    let mut content = small();
    content.outcomes[2].clear.units -= 1;
    assert!(page(&content, &Options::default()).contains(sign));
    let mut content = small();
    content.outcomes[2].clear.money = Some(1);
    assert!(page(&content, &Options::default()).contains(sign));
}

#[test]
fn lists_start_with_a_bom_and_no_cell_becomes_a_formula() {
    let mut content = small();
    let mut findings = content.findings.to_vec();
    for piece in findings[3].message.values_mut() {
        piece.insert(0, crate::finding::Piece::Text("=cmd|' /C calc'!A0 ".into()));
    }
    content.findings = findings.into();
    let list = String::from_utf8(findings_csv(&content, &Options::default()).expect("a list")).expect("UTF-8");
    assert!(list.starts_with('\u{feff}'));
    assert!(list.contains("\"'=cmd") && !list.contains("\"=cmd") && !list.contains(",=cmd"), "{list}");
    let mut reader = csv::Reader::from_reader(list.trim_start_matches('\u{feff}').as_bytes());
    assert_eq!(reader.records().filter(|r| r.is_ok()).count(), content.findings.len());
}

#[test]
fn json_holds_every_finding_and_case() {
    let content = small();
    let whole: serde_json::Value = serde_json::from_str(&json(&content, &Options::default())).expect("JSON");
    assert_eq!(whole["findings"].as_array().map(Vec::len), Some(content.findings.len()));
    assert_eq!(whole["cases"].as_array().map(Vec::len), Some(content.cases.len()));
    assert_eq!(whole["findings"][0]["evidence"][0]["line"], 1042);
    assert_eq!(whole["outcomes"][3]["flagged"]["yuan"], "315.00");
}

#[test]
fn the_ledger_has_three_sheets_with_a_line_each() {
    use calamine::Reader;
    let content = small();
    let bytes = ledger(&content, &Options::default()).expect("a ledger");
    let mut book = calamine::Xlsx::new(std::io::Cursor::new(bytes)).expect("a workbook");
    let rows: Vec<(String, usize)> = book.worksheets().into_iter().map(|(name, range)| (name, range.height())).collect();
    assert_eq!(
        rows,
        [
            ("Cases".to_owned(), content.cases.len() + 1),
            ("Findings".into(), content.findings.len() + 1),
            ("Outcomes".into(), content.outcomes.len() + 1)
        ]
    );
}

#[test]
fn the_terminal_summary_fits() {
    for lang in Lang::ALL {
        for width in [40, 80, 120] {
            let text = summary(&small(), &Options { lang, reveal: false }, width);
            assert!(text.lines().all(|l| unicode_width::UnicodeWidthStr::width(l) <= width), "{text}");
        }
    }
    insta::assert_snapshot!(summary(&small(), &Options::default(), 110));
    insta::assert_snapshot!(summary(&small(), &ZH, 110));
}

#[test]
fn the_pages_stay_as_they_were_looked_at() {
    insta::assert_snapshot!("report_en", page(&small(), &Options::default()));
    insta::assert_snapshot!("report_zh", page(&small(), &ZH));
}
