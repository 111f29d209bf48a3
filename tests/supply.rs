//! What the binary is made of besides this code: which crates reach it, and how much of it the compiler cannot check. Whence
//! they come and under which licences is in deny.toml.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The crates that may be in the binary.
const REACH_THE_BINARY: [&str; 4] = ["bitflags", "dmz", "linux-raw-sys", "rustix"];

/// Every crate that `cargo tree` finds with these words.
fn tree(words: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["tree", "--locked", "--offline", "--prefix", "none"]).args(words);
    let output = command.current_dir(home()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
}

#[test]
fn three_crates_reach_the_binary_and_no_other() {
    for features in [&["--all-features"][..], &["--no-default-features", "--features", "cli"]] {
        // For this machine: what is for other systems than Linux is never built.
        let names = tree(&[&["--edges", "normal"], features].concat());
        assert!(names.iter().eq(&REACH_THE_BINARY), "{names:?}");
    }
}

#[test]
fn nothing_is_run_while_they_are_built_but_what_they_need() {
    // A build script, or a macro that is a program, could do anything on the machine that builds.
    let names = tree(&["--edges", "build"]);
    assert!(names.iter().eq(&["dmz"]), "{names:?}");
}

/// How often the compiler has to trust somebody, in `src`. More of it is a reason to read it again, and then to write the
/// new number here; less is always welcome.
const UNSAFE: usize = 170;

#[test]
fn there_is_no_more_unsafe_code_than_was_read() {
    let mut counts = BTreeMap::new();
    let mut folders = vec![home().join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                counts.insert(path.strip_prefix(home()).unwrap().to_owned(), count_unsafe(&path));
            }
        }
    }
    counts.retain(|_, count| *count > 0);
    let sum: usize = counts.values().sum();
    assert!(sum > 0 && sum <= UNSAFE, "{sum} are more than {UNSAFE}: {counts:#?}");
}

/// Blocks, functions and implementations that are unsafe; not what forbids or allows them.
fn count_unsafe(path: &PathBuf) -> usize {
    let text = fs::read_to_string(path).unwrap();
    let code = text.lines().map(|line| line.split("//").next().unwrap());
    let words = |line: &str| {
        line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| *word == "unsafe").count()
    };
    code.map(words).sum()
}
