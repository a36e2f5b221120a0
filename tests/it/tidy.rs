//! The source tree keeps its own rules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` (relative to the root) whose name ends with `ending`, with their text.
fn files(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, ending: &str, all: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, ending, all);
            } else if path.to_string_lossy().ends_with(ending) {
                all.push(path);
            }
        }
    }
    let mut all = Vec::new();
    walk(&root().join(folder), ending, &mut all);
    all.sort();
    all.into_iter().map(|p| (p.strip_prefix(root()).unwrap().to_path_buf(), std::fs::read_to_string(&p).unwrap())).collect()
}

fn modules() -> Vec<String> {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    lib.lines().filter_map(|l| l.strip_prefix("pub mod ")).map(|m| m.trim_end_matches(';').to_string()).collect()
}

/// Text of a file without its unit tests, which may reach further.
fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]").map_or(text, |at| &text[..at])
}

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let order = modules();
    assert!(order.len() > 10, "{order:?}");
    let mut wrong = Vec::new();
    for (path, text) in files("src", ".rs") {
        let part = path.components().nth(1).unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_string();
        let name = path.to_string_lossy().to_string();
        let Some(place) = order.iter().position(|m| *m == part) else { continue };
        if name.ends_with("tests.rs") || name.ends_with("fixture.rs") || name.contains("/tests/") {
            continue;
        }
        for (i, _) in without_tests(&text).match_indices("crate::") {
            let used: String = text[i + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if order.iter().position(|m| *m == used).is_some_and(|at| at > place) {
                wrong.push(format!("{name}: uses {used}, which stands after {part}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short() {
    let long: Vec<String> = files("src", ".rs")
        .into_iter()
        .filter(|(_, text)| text.lines().count() > 600)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "split these:\n{}", long.join("\n"));
}

#[test]
fn only_the_command_line_prints_exits_and_reads_the_clock() {
    let mut wrong = Vec::new();
    for (path, text) in files("src", ".rs") {
        let name = path.to_string_lossy().to_string();
        if name.starts_with("src/cli") || name == "src/main.rs" || name.ends_with("tests.rs") || name.contains("/tests/") {
            continue;
        }
        for word in
            ["println!(", "print!(", "eprintln!(", "process::exit", "SystemTime::now", "env::var", "todo!(", "unimplemented!(", "dbg!("]
        {
            if without_tests(&text).lines().any(|line| line.contains(word) && !line.trim_start().starts_with("//")) {
                wrong.push(format!("{name}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Codes given to `Diagnostic::error`, `Diagnostic::warning` and what is built on them.
fn codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for (path, text) in files("src", ".rs") {
        if path.to_string_lossy().ends_with("tests.rs") {
            continue;
        }
        for call in ["Diagnostic::error(", "Diagnostic::warning(", "self.fail(", "fail("] {
            for (i, _) in without_tests(&text).match_indices(call) {
                let code = text[i + call.len()..].trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                codes.extend(code.filter(|code| !code.contains(' ')).map(str::to_string));
            }
        }
    }
    codes
}

#[test]
fn every_error_code_has_a_page() {
    let page = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let documented: BTreeSet<&str> = page.lines().filter_map(|l| l.strip_prefix("## ")).collect();
    let codes = codes();
    assert!(codes.len() > 40, "{codes:?}");
    let missing: Vec<&String> = codes.iter().filter(|code| !documented.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:?}");
    for code in codes {
        assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "`{code}` is not kebab-case");
    }
}

#[test]
fn every_dependency_has_a_line() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let page = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let mut inside = false;
    let mut missing = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]" || line == "[dev-dependencies]";
        } else if let (true, Some((name, _))) = (inside, line.split_once(" = "))
            && !page.contains(&format!("| `{name}` |"))
        {
            missing.push(name.to_string());
        }
    }
    assert!(missing.is_empty(), "docs/dependencies.md lacks {missing:?}");
}
