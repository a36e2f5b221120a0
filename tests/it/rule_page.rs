//! The example of `docs/rule-language.md` does what its tests say.

use std::path::Path;
use std::sync::Arc;

use recount::diagnostic::SourceText;
use recount::engine::{Verdict, run_tests};
use recount::{project, rule};

#[test]
fn the_example_of_the_page_passes_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/rule-language.md")).unwrap();
    let example = page.split("```yaml\n").nth(1).and_then(|block| block.split("```").next()).unwrap();
    let text = Arc::new(SourceText { name: "docs/rule-language.md".into(), text: example.to_owned() });
    let file = rule::RuleFile::read("docs/rule-language.md".into(), text).unwrap();
    let project = project::read(&root.join("sample_data/recount.yaml")).unwrap();
    let results = run_tests(&project, &file);
    assert_eq!(results.len(), 3);
    for result in results {
        assert_eq!(result.verdict, Verdict::Ok, "{}: {:?}", result.test, result.lines);
    }
}
