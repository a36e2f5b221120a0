use std::collections::BTreeMap;

use super::*;
use crate::run::fixture::{FULL_ACCOUNT, FULL_ID, FULL_NAME, many, small};

fn render(content: &RunContent, options: &Options) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    files(content, options, &mut |path, bytes| {
        assert!(all.insert(path.to_owned(), bytes.to_vec()).is_none(), "{path} twice");
        Ok(())
    })
    .expect("rendered");
    all
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
