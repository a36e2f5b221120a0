//! Ctrl-C, a full disk, folders without the right to write: with the real program on real files.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::CommandCargoExt;
use recount::synth::{SynthOptions, write};

/// A synthetic programme with the shipped rules, large enough that each stage of a run takes a while.
fn programme(households: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut options = SynthOptions::new(households, 4, 7);
    options.rules = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("rules").display().to_string());
    write(&options, folder.path()).unwrap();
    folder
}

/// The project that `recount init` makes.
fn small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::cargo_bin("recount").unwrap().current_dir(folder.path()).arg("init").output().unwrap().status.success());
    folder
}

fn run(folder: &Path, as_of: &str, more: &[&str]) -> Command {
    let mut command = Command::cargo_bin("recount").unwrap();
    command.current_dir(folder).args(["run", "--as-of", as_of]).args(more);
    command.env_remove("RECOUNT_LOG").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// All files below `folder`, with their bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    all
}

/// Names in `folder` of what is being written.
fn unfinished(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|e| e.file_name().to_string_lossy().into_owned()).filter(|name| name.starts_with(".writing-")).collect()
}

/// Waits until `folder` has something unfinished, then sends what Ctrl-C sends.
fn interrupt_when_writing(mut child: Child, folder: &Path) -> Output {
    let patience = Instant::now();
    while unfinished(folder).is_empty() {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "the run ended before it wrote anything below {}", folder.display());
        assert!(patience.elapsed() < Duration::from_secs(300), "nothing is written below {}", folder.display());
        std::thread::sleep(Duration::from_micros(200));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    child.wait_with_output().unwrap()
}

#[test]
fn ctrl_c_leaves_nothing_half_written_and_earlier_runs_as_they_were() {
    let programme = programme(4_000);
    let (runs, store) = (programme.path().join("runs"), programme.path().join(".recount/store"));
    // An earlier run, of one rule.
    assert!(run(programme.path(), "2020-12-31", &["--rule", "funds/paid-twice"]).output().unwrap().status.success());
    let earlier = files(&runs);
    assert!(earlier.len() > 5);

    // While tables are stored, and while the run folder is written.
    for place in [&store, &runs] {
        let ended = interrupt_when_writing(run(programme.path(), "2020-12-31", &[]).spawn().unwrap(), place);
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(130), "{}: {told}", place.display());
        assert!(told.contains("interrupted: nothing of this run was kept; earlier runs are as they were"), "{told}");
        assert!(ended.stdout.is_empty(), "{}", String::from_utf8_lossy(&ended.stdout));
        assert_eq!(files(&runs), earlier, "{}", place.display());
        assert_eq!((unfinished(&runs), unfinished(&store)), (vec![], vec![]), "{}", place.display());
    }
    // What the store holds is whole: the next run reads it and ends as one without a store.
    let next = run(programme.path(), "2020-12-31", &[]).output().unwrap();
    assert_eq!(next.status.code(), Some(0), "{}", String::from_utf8_lossy(&next.stderr));
    let fresh = run(programme.path(), "2020-12-31", &["--no-store", "-o", "fresh"]).output().unwrap();
    let totals = |output: &Output| String::from_utf8_lossy(&output.stdout).lines().filter(|l| !l.starts_with("Report")).collect::<String>();
    assert_eq!(totals(&next), totals(&fresh));
}

#[test]
fn a_full_disk_is_told_with_place_and_next_step() {
    let project = small();
    let disk = project.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=32k", "tmpfs"]).arg(&disk).output();
    if !mounted.is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: a small disk can be mounted by root alone");
        return;
    }
    let ended = run(project.path(), "2019-12-31", &["-o", "disk", "--no-store"]).output().unwrap();
    let left = files(&disk);
    let there = unfinished(&disk);
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(told.contains("error[no-space]: no space left to write `disk/2019-12-31-"), "{told}");
    assert!(told.contains("free some space, or choose another place with `-o`"), "{told}");
    assert!(told.contains("earlier runs are as they were"), "{told}");
    assert!(left.is_empty() && there.is_empty(), "{there:?} {:?}", left.keys());
}

#[test]
fn loading_within_a_budget_leaves_nothing_when_it_is_interrupted_or_the_disk_is_full() {
    let programme = programme(2_000);
    let store = programme.path().join(".recount/store");
    let load = || {
        let mut command = Command::cargo_bin("recount").unwrap();
        command.current_dir(programme.path()).args(["load", "--memory", "1MiB", "--as-of", "2020-12-31", "--messages=concise"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let ended = interrupt_when_writing(load().spawn().unwrap(), &store);
    assert_eq!(ended.status.code(), Some(130), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(unfinished(&store), Vec::<String>::new());
    // Whatever stands in the store is a table's folder.
    assert!(std::fs::read_dir(&store).unwrap().flatten().all(|e| e.path().is_dir()));

    std::fs::remove_dir_all(programme.path().join(".recount")).unwrap();
    std::fs::create_dir_all(&store).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&store).output();
    if !mounted.is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: a small disk can be mounted by root alone");
        return;
    }
    let ended = load().arg("payments").output().unwrap();
    let left: Vec<PathBuf> = files(&store).into_keys().filter(|p| !p.ends_with("seen.json")).collect();
    assert!(Command::new("umount").arg(&store).status().unwrap().success());
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(told.contains("[store-not-written]: table `payments` could not be put in order on disk: No space left on device"), "{told}");
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
fn a_folder_without_the_right_to_write_is_told_with_place_and_next_step() {
    let project = small();
    // Without rights for anybody, and seen by somebody who is not root: root may write everywhere.
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let closed = project.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(project.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = run(project.path(), "2019-12-31", &["-o", "closed", "--no-store", "--messages=concise"]);
    let is_root = std::fs::write(closed.join("probe"), "").is_ok();
    if is_root {
        std::fs::remove_file(closed.join("probe")).unwrap();
        std::fs::set_permissions(project.path().join("recount.secret"), std::fs::Permissions::from_mode(0o644)).unwrap();
        command.uid(65_534).gid(65_534);
    }
    let ended = match command.output() {
        Err(why) if is_root => {
            eprintln!("skipped: another user cannot start the program here ({why})");
            return;
        }
        other => other.unwrap(),
    };
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(told.contains("error[no-right]: no right to write `closed`"), "{told}");
    assert!(files(&closed).is_empty());
}
