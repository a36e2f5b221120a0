//! What README and the pages tell people to type works, and the rule they show is a real one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::recount;

/// A fenced block of a page: its language, the line it begins at, its text without the indentation of the fence.
struct Block {
    page: PathBuf,
    line: usize,
    language: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let folders = [root().to_owned(), root().join("docs"), root().join("docs/checks")];
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap().flatten());
    let mut pages: Vec<PathBuf> = entries.map(|e| e.path()).filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    pages.sort();
    pages
}

fn blocks(page: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(page).unwrap();
    let mut blocks: Vec<Block> = vec![];
    let mut open: Option<usize> = None;
    for (i, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        match (line.trim_start().strip_prefix("```"), open) {
            (Some(language), None) => {
                open = Some(indent);
                blocks.push(Block { page: page.to_owned(), line: i + 1, language: language.trim().to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => open = None,
            (None, Some(indent)) => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line.get(indent..).unwrap_or_default());
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{}: a fence is not closed", page.display());
    blocks
}

fn is_command(line: &str) -> bool {
    let line = line.trim_start_matches("$ ");
    ["recount ", "make ", "cargo "].iter().any(|start| line.starts_with(start))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            // What earlier runs left in the sample is none of its own.
            if name != "runs" && name != ".recount" {
                copy(&path, &to.join(name));
            }
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A checkout as far as the commands of a page need it.
fn checkout() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["sample_data", "rules"] {
        copy(&root().join(name), &folder.path().join(name));
    }
    std::fs::copy(root().join("Makefile"), folder.path().join("Makefile")).unwrap();
    folder
}

/// Blocks of commands are marked `sh`, so that the next test finds them.
#[test]
fn commands_stand_in_blocks_that_are_run() {
    let mut wrong = vec![];
    for block in pages().iter().flat_map(|page| blocks(page)) {
        if block.text.lines().any(is_command) && !["sh", "console", "text"].contains(&block.language.as_str()) {
            wrong.push(format!("{}:{}: mark it `sh`", block.page.display(), block.line));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// README is typed in the checkout, the other pages in a project: the sample. `make` itself runs, with a cargo that has built already.
#[cfg(unix)]
#[test]
fn the_commands_of_the_pages_work() {
    use std::os::unix::fs::PermissionsExt;
    let program = assert_cmd::cargo::cargo_bin("recount");
    let mut run = 0;
    for page in pages() {
        let blocks: Vec<Block> = blocks(&page).into_iter().filter(|b| ["sh", "console"].contains(&b.language.as_str())).collect();
        if blocks.is_empty() {
            continue;
        }
        let checkout = checkout();
        let bin = checkout.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(&program, bin.join("recount")).unwrap();
        let make = "#!/bin/sh\nexec \"$MAKE_ITSELF\" CARGO=true RECOUNT=recount \"$@\"\n";
        std::fs::write(bin.join("make"), make).unwrap();
        std::fs::set_permissions(bin.join("make"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap();
        let itself = path.split(':').map(|folder| Path::new(folder).join("make")).find(|p| p.is_file());
        let place = if page.ends_with("README.md") { checkout.path().to_owned() } else { checkout.path().join("sample_data") };
        for block in blocks {
            let commands: Vec<&str> = match block.language.as_str() {
                "console" => block.text.lines().filter_map(|line| line.strip_prefix("$ ")).collect(),
                _ => block.text.lines().collect(),
            };
            let script = commands.join("\n").replace("<pack>/<name>", "funds/paid-twice");
            if itself.is_none() && script.contains("make ") {
                eprintln!("skipped: no make here for {}:{}", block.page.display(), block.line);
                continue;
            }
            let output = Command::new("sh")
                .args(["-euc", &script])
                .current_dir(&place)
                .env("PATH", format!("{}:{path}", bin.display()))
                .env("MAKE_ITSELF", itself.as_deref().unwrap_or(Path::new("make")))
                .env_remove("RECOUNT_LOG")
                .output()
                .unwrap();
            let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{}:{}: {script}\n{told}", block.page.display(), block.line);
            if block.language == "console" {
                let wanted: Vec<&str> = block.text.lines().filter(|line| !line.starts_with("$ ")).collect();
                let found = String::from_utf8_lossy(&output.stdout);
                assert_eq!(found.lines().collect::<Vec<_>>(), wanted, "{}:{}", block.page.display(), block.line);
            }
            run += 1;
        }
    }
    assert!(run >= 4, "{run} blocks");
}

/// The rule in README is the one of a new project: the same lines, its tests left out, and with them it does the same.
#[test]
fn the_rule_of_the_readme_is_real() {
    let readme = blocks(&root().join("README.md"));
    let shown = readme.iter().find(|b| b.language == "yaml").unwrap();
    let project = tempfile::tempdir().unwrap();
    assert!(recount(project.path(), &["init"]).starts_with("exit 0"));
    let path = project.path().join("rules/funds/payment-after-death.yaml");
    let real = std::fs::read_to_string(&path).unwrap();
    let (rule, tests) = real.split_once("\ntests:\n").unwrap();
    let (shown, rest) = shown.text.split_once("\ntests: ...\n").unwrap();
    assert_eq!(rest, "");
    let lines: Vec<&str> = rule.lines().collect();
    let missing: Vec<&str> = shown.lines().filter(|line| !lines.contains(line)).collect();
    assert!(missing.is_empty(), "README shows what {} does not have:\n{}", path.display(), missing.join("\n"));

    let before = recount(project.path(), &["run", "--as-of", "2019-12-31", "-o", "before"]);
    // `basis` is what README leaves out besides the tests.
    let basis: String = lines.iter().skip_while(|line| **line != "basis:").take(2).map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, format!("{shown}\n{basis}tests:\n{tests}")).unwrap();
    assert!(recount(project.path(), &["test"]).starts_with("exit 0"));
    let after = recount(project.path(), &["run", "--as-of", "2019-12-31", "-o", "after"]);
    let results = |text: &str| text.lines().filter(|line| !line.starts_with("Report")).collect::<Vec<_>>().join("\n");
    assert!(before.contains("payment-after-death  2 findings"), "{before}");
    assert_eq!(results(&after), results(&before));
}
