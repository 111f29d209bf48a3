//! The first minutes of somebody new: what README.md says to type, typed in a fresh clone.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::*;

/// The commands that README.md shows, a block each.
fn commands(readme: &str) -> Vec<&str> {
    readme.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

#[test]
fn the_commands_of_the_readme_work_in_a_fresh_clone() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    if skipped(
        std::env::var("DMZ_TESTS").is_ok_and(|tests| tests == "all"),
        "a build of its own: only with DMZ_TESTS=all",
    ) || skipped(home.join(".git").exists(), "no git repository")
        || lacks("git")
    {
        return;
    }
    let place = Place::new();
    let clone = place.path("clone");
    let outcome = Outcome::of(place.command("git").args(["clone", "--quiet"]).arg(home).arg(&clone));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let readme = fs::read_to_string(clone.join("README.md")).unwrap();
    let commands = commands(&readme);
    assert_eq!(commands.len(), 2, "{commands:?}");

    // Nobody else's pidfile: the command's own is in /tmp.
    let first = commands[0].replace("/tmp/", &format!("{}/", place.folder.display()));
    let type_in = |line: &str| {
        let mut shell = place.command("/bin/sh");
        shell.args(["-ec", line]).current_dir(&clone).env("CARGO_INSTALL_ROOT", place.path("installed"));
        for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "DMZ"] {
            shell.env_remove(name); // somebody new has not set them
        }
        let outcome = Outcome::of(&mut shell);
        assert_eq!(outcome.code, 0, "{line}: {}", outcome.stderr);
        outcome
    };
    let outcome = type_in(&first);
    let daemon = place.own(Process(outcome.stdout.trim_end().parse().expect("-P prints a number and nothing else")));
    assert_pidfile(place.path("sleep.pid"), daemon);
    // /proc shows them when the exec has come to its end.
    until("its arguments", || (daemon.arguments() == ["sleep", "60"]).then_some(()));
    assert!(outcome.stderr.lines().any(|line| line.starts_with("dmz: ")), "-v tells a story: {}", outcome.stderr);

    // What is in the middle of a sentence. The last one rewrites what is there already.
    for (line, makes) in
        [("cargo install --path .", "../installed/bin/dmz"), ("scripts/bless", "scripts/manual/tree.svg")]
    {
        assert!(readme.contains(&format!("`{line}`")), "{line}");
        type_in(line);
        assert!(clone.join(makes).is_file(), "{line}");
    }
    // Some costs differ a little from run to run: tests/costs.rs has slack for that.
    let status = ["status", "--porcelain", "--", ".", ":!tests/costs.txt"];
    let changes = Outcome::of(place.command("git").args(status).current_dir(&clone)).stdout;
    assert_eq!(changes, "", "a build leaves nothing that git would see, and nothing was behind");

    // The other one is what runs this test.
    assert_eq!(commands[1], "scripts/test\n");
    assert!(clone.join("scripts/test").is_file());
}

#[test]
fn every_script_can_be_executed_and_says_what_it_is_for() {
    let scripts = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")).unwrap();
    // A folder there holds what scripts work with; a file with an ending is one that another program is given.
    let is_ours = |path: &PathBuf| path.is_file() && path.extension().is_none();
    for script in scripts.map(|entry| entry.unwrap().path()).filter(is_ours) {
        let text = fs::read_to_string(&script).unwrap();
        assert!(text.starts_with("#!/bin/sh\n# "), "{}", script.display());
        assert!(text.contains("Usage: scripts/"), "{}", script.display());
        assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o111, 0o111, "{}", script.display());
        let check = Command::new("/bin/sh").arg("-n").arg(&script).status();
        assert!(check.unwrap().success(), "{}", script.display());
    }
}
