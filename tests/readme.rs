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

/// The folder of the scripts.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

/// All of them.
fn scripts() -> impl Iterator<Item = PathBuf> {
    // A folder there holds what scripts work with; a file with an ending is one that another program is given.
    let is_ours = |path: &PathBuf| path.is_file() && path.extension().is_none();
    fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(is_ours)
}

#[test]
fn every_script_can_be_executed_and_says_what_it_is_for() {
    for script in scripts() {
        let text = fs::read_to_string(&script).unwrap();
        assert!(text.starts_with("#!/bin/sh\n# "), "{}", script.display());
        assert!(text.contains("Usage: scripts/"), "{}", script.display());
        assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o111, 0o111, "{}", script.display());
        let check = Command::new("/bin/sh").arg("-n").arg(&script).status();
        assert!(check.unwrap().success(), "{}", script.display());
    }
}

#[test]
fn no_script_does_anything_for_a_word_that_it_does_not_know() {
    let place = Place::new();
    for program in ["apt-get", "cargo", "rustup"] {
        place.script(program, "#!/bin/sh\necho $0 \"$@\" >>\"${0%/*}/called\"\nexit 1\n");
    }
    let path = format!("{}:{}", place.folder.display(), std::env::var("PATH").unwrap());
    for script in scripts() {
        let outcome = Outcome::of(place.command(&script).arg("--help").env("PATH", &path));
        assert!(outcome.code == 1 || outcome.code == 2, "{}: {}", script.display(), outcome.code);
        assert!(!(outcome.stdout + &outcome.stderr).is_empty(), "{}", script.display());
        assert_eq!(fs::read_to_string(place.path("called")).unwrap_or_default(), "", "{}", script.display());
    }
}

#[test]
fn a_package_is_made_of_a_file_and_in_a_folder_that_are_relative() {
    if lacks("dpkg-deb") {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.path("here")).unwrap();
    fs::copy(dmz(), place.path("file")).unwrap();
    let mut package = place.command(folder().join("package"));
    let outcome = Outcome::of(package.args(["x86_64", "file", "here"]).env("SOURCE_DATE_EPOCH", "1"));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let file = outcome.stdout.trim_end();
    assert!(Path::new(file).starts_with(place.path("here")), "{file}");
    let list = Outcome::of(place.command("dpkg-deb").args(["-c", file])).stdout;
    let mut lines = list.lines();
    let root = lines.next().unwrap();
    assert!(root.starts_with("drwxr-xr-x root/root ") && root.ends_with(" ./"), "{root}");
    for name in ["bin/dmz", "share/doc/dmz/README.md", "share/doc/dmz/copyright"] {
        assert!(list.lines().any(|line| line.ends_with(&format!(" ./usr/{name}"))), "{name}: {list}");
    }
}

#[test]
fn the_module_for_dracut_fails_where_there_is_no_dmz() {
    if lacks("bash") {
        return;
    }
    let place = Place::new();
    // As dracut calls it, for an image of another root.
    let script = r#"derror() { echo "$@" >&2; }; . "$0"; check; status=$?; [ $status = 1 ] || install; exit $status"#;
    let module = |named: &str| {
        let mut bash = place.command("bash");
        bash.args(["-c", script]).arg(folder().join("dracut-module.sh")).env("DMZ", named);
        Outcome::of(bash.env("dracutsysrootdir", &place.folder).env("initdir", place.path("image")))
    };
    let refused = |outcome: Outcome, what: &str| {
        assert_eq!((outcome.code, outcome.stderr), (1, format!("dmz: no {what} to put into an initramfs\n")));
    };
    refused(module(""), "/usr/bin/dmz and no /usr/local/bin/dmz");
    for folder in ["usr/local/bin", "usr/bin"] {
        fs::create_dir_all(place.path(folder)).unwrap();
        place.file(&format!("{folder}/dmz"), folder);
        assert_eq!(module("").code, 255, "only where it is asked for");
        assert_eq!(fs::read_to_string(place.path("image/usr/bin/dmz")).unwrap(), folder);
    }
    refused(module("other"), "other");
    place.file("other", "other");
    assert_eq!(module("other").code, 255);
    assert_eq!(fs::read_to_string(place.path("image/usr/bin/dmz")).unwrap(), "other");
}
