//! The words: how options are read, what is a usage error, what `--help`, `--dry-run`, `-v`, `-q` and `-P` print.

#[path = "support/launch.rs"]
mod launch;
mod support;

use launch::*;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use support::*;

/// Asserts a usage error: one line that names the word at fault and how to get help, and nothing done.
#[track_caller]
fn assert_usage(place: &Place, words: &[&str], at_fault: &str) {
    let outcome = place.run(words);
    assert_eq!(outcome.code, 125, "{words:?} {outcome:?}");
    assert_one_line(&outcome);
    let (said, _) = outcome.stderr.rsplit_once("--help").expect("how to get help");
    assert!(said.contains(at_fault), "{words:?}: {at_fault}: {outcome:?}");
    place.assert_left(&[]);
}

const PROGRAM: [&str; 3] = ["-p", "x.pid", "/bin/true"];

#[test]
fn an_unknown_option_is_named() {
    let place = Place::new();
    let options = [
        "-z",
        "-Z",
        "-1",
        "-?",
        "--nope",
        "--Pidfile",
        "--pid",
        "--pidfil",
        "--pidfilee",
        "--help-",
        "--nope=1",
        "--=x",
        "---",
        "---help",
        "--p",
        "--no",
        "--verbose2",
        "-\u{e9}",
    ];
    for option in options {
        assert_usage(&place, &[&[option][..], &PROGRAM].concat(), option);
        assert_usage(&place, &[&["-v", option][..], &PROGRAM].concat(), option);
    }
    // In a bundle, too: the word, or its letter.
    for bundle in ["-vz", "-vaz", "-vPzp"] {
        assert_usage(&place, &[&[bundle][..], &PROGRAM].concat(), "z");
    }
}

#[test]
fn a_missing_value_is_named_by_its_option() {
    let place = Place::new();
    let long = ["--pidfile", "--lockfile", "--chdir", "--umask", "--stdin", "--stdout", "--stderr", "--env", "--unset"];
    let options = [&["-p", "-l", "-c", "-k", "-i", "-o", "-e", "-E", "-n", "--argv0", "--keep-fd"][..], &long].concat();
    for option in options {
        assert_usage(&place, &[option], option);
        assert_usage(&place, &["-P", option], option);
    }
    assert_usage(&place, &["-vap"], "p");
}

#[test]
fn a_switch_takes_no_value() {
    let place = Place::new();
    let switches = [
        "append",
        "clear-env",
        "no-close",
        "keep-signals",
        "initrd",
        "no-lock",
        "print-pid",
        "foreground",
        "single-fork",
        "wait",
        "dry-run",
        "verbose",
        "quiet",
        "help",
        "version",
    ];
    for name in switches {
        for value in ["", "yes"] {
            let word = format!("--{name}={value}");
            assert_usage_unless_quiet(&place, &[&[&*word][..], &PROGRAM].concat(), name);
        }
    }
}

/// As [`assert_usage`]; `--quiet` in the wrong form may already count as such.
#[track_caller]
fn assert_usage_unless_quiet(place: &Place, words: &[&str], at_fault: &str) {
    match at_fault {
        "quiet" => assert_eq!(place.run(words).code, 125),
        // The word to be named is the word for help here.
        "help" => assert_usage(place, words, ""),
        _ => assert_usage(place, words, at_fault),
    }
}

#[test]
fn a_bad_value_is_named() {
    let place = Place::new();
    let cases: &[(&str, &[&str])] = &[
        (
            "--umask",
            &["8", "9", "09", "-1", "+1", "0x1", "0o7", " 22", "22 ", "u=rw", "1000", "10000", "99999999999999999999"],
        ),
        (
            "--keep-fd",
            &["-1", "+1", "x", "1x", " 1", "0x1", "2147483648", "4294967295", "4294967296", "18446744073709551616"],
        ),
        ("--env", &["NAME", "=value", "="]),
        ("--unset", &["A=B", "=", "A="]),
    ];
    for (option, values) in cases {
        for value in *values {
            assert_usage(&place, &[&[*option, value][..], &PROGRAM].concat(), value);
            assert_usage(&place, &[&[&*format!("{option}={value}")][..], &PROGRAM].concat(), value);
        }
    }
}

#[test]
fn an_empty_value_is_refused() {
    let place = Place::new();
    let options = [
        "--pidfile",
        "--lockfile",
        "--chdir",
        "--umask",
        "--stdin",
        "--stdout",
        "--stderr",
        "--keep-fd",
        "--env",
        "--unset",
    ];
    for option in options {
        for words in [&[option, ""][..], &[&format!("{option}=")]] {
            let outcome = Outcome::of(place.dmz(words).args(["--", "/bin/true"]));
            assert_eq!(outcome.code, 125, "{words:?}");
            assert_one_line(&outcome);
            assert_eq!(place.processes(), []);
        }
    }
    place.assert_left(&[]);
}

#[test]
fn without_a_program_there_is_nothing_to_do() {
    let place = Place::new();
    for words in
        [&[][..], &["--"], &["-v"], &["-p", "x.pid"], &["-p", "x.pid", "--"], &[""], &["--", ""], &["-P", "", "x"]]
    {
        assert_usage(&place, words, "program");
    }
    // Not even a name of its own.
    let mut command = place.dmz([""; 0]);
    for words in [&[][..], &[&b""[..]], &[b"", b"--"]] {
        let outcome = Outcome::of(exactly(&mut command, words, &[b"DMZ_TEST=none"]));
        assert_eq!(outcome.code, 125);
        assert_one_line(&outcome);
        assert!(outcome.stderr.contains("program") && outcome.stderr.contains("--help"));
        command = place.dmz([""; 0]);
    }
    place.assert_left(&[]);
}

#[test]
fn options_that_exclude_each_other_are_refused_in_any_order() {
    let place = Place::new();
    let pairs: &[(&[&str], &[&str], &[&str])] = &[
        (&["-f"], &["-w"], &["-f", "-w"]),
        (&["--foreground"], &["--wait"], &["-f", "-w"]),
        (&["-f"], &["--single-fork"], &["-f", "--single-fork"]),
        (&["--no-lock"], &["-l", "x.lock"], &["--no-lock", "-l"]),
        (&["-i", "x.pid"], &["-p", "x.pid"], &["x.pid", "-p"]),
        (&["-o", "x.pid"], &["-p", "x.pid"], &["x.pid", "-p"]),
        (&["-e", "x.pid"], &["--pidfile=x.pid"], &["x.pid", "-p"]),
        (&["-i", "x.lock"], &["-l", "x.lock"], &["x.lock", "-l"]),
        (&["-o", "x.lock"], &["-l", "x.lock"], &["x.lock", "-l"]),
        (&["-e", "x.lock"], &["-l", "x.lock", "-p", "x.pid"], &["x.lock", "-l"]),
    ];
    for (one, other, named) in pairs {
        for words in [[*one, other], [*other, one]] {
            let words = [words[0], words[1], &["--", "/bin/sleep", "100"]].concat();
            assert_usage(&place, &words, "");
            let said = place.run(&words).stderr;
            assert!(named.iter().any(|name| said.contains(name)), "{words:?}: {said}");
        }
    }
}

#[test]
fn what_is_not_built_in_says_so() {
    let place = Place::new();
    let help = place.run(["--help"]).stdout;
    let all: [(&str, &[&str]); 4] = [
        ("--user", &["-u", "root"]),
        ("--supervise", &["-S"]),
        ("--ready", &["--ready", "exec"]),
        ("--status", &["-T", "-p", "x.pid"]),
    ];
    for (name, words) in all.into_iter().filter(|(name, _)| !help.contains(name)) {
        assert_usage(&place, &[words, &["/bin/true"]].concat(), words[0]);
        assert!(!help.contains(name));
    }
}

#[test]
fn the_word_at_fault_need_not_be_utf_8() {
    let place = Place::new();
    let output = place.dmz([OsStr::from_bytes(b"--n\xffpe"), "/bin/true".as_ref()]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(output.stderr.windows(6).any(|bytes| bytes == b"--n\xffpe"), "{output:?}");
    let output = place.dmz([OsStr::from_bytes(b"-\xff"), "/bin/true".as_ref()]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(output.stderr.contains(&0xff), "{output:?}");
}

/// Starts with these options; the program and where its standard output goes.
fn output(place: &Place, words: &[&str]) -> (Process, String) {
    let program = start(place, words.iter().chain(&SLEEP).copied());
    let path = program.descriptors()[&1].clone();
    (program, path.strip_prefix(&place.folder).unwrap_or(&path).to_str().unwrap().to_owned())
}

#[test]
fn values_are_glued_or_words_of_their_own() {
    let place = Place::new();
    let cases: &[(&[&str], &str)] = &[
        (&["-o", "out"], "out"),
        (&["-oout"], "out"),
        (&["-avo", "out", "-q"], "out"),
        (&["-aqoout"], "out"),
        (&["-qaoao"], "ao"),
        (&["-o=out"], "=out"),
        (&["-o", "-a"], "-a"),
        (&["-o", "--"], "--"),
        (&["-o--"], "--"),
        (&["--stdout", "out"], "out"),
        (&["--stdout=out"], "out"),
        (&["--stdout=a=b"], "a=b"),
        (&["--stdout==out"], "=out"),
        (&["--stdout", "--append"], "--append"),
        (&["--stdout= "], " "),
        (&["-o", "one", "-o", "two"], "two"),
        (&["-o", "one", "--stdout=two", "-othree"], "three"),
    ];
    for (words, expected) in cases {
        let quiet = [words, &["-q"][..]].concat();
        let (program, path) = output(&place, &quiet);
        assert_eq!(path, *expected, "{words:?}");
        program.end();
        fs::remove_file(place.path(expected)).unwrap();
        place.assert_left(&[]);
    }
}

#[test]
fn of_an_option_given_twice_the_last_one_counts() {
    let place = Place::new();
    fs::create_dir(place.path("dir")).unwrap();
    let words = [
        "-p",
        "one.pid",
        "-k",
        "777",
        "-c",
        "absent",
        "-l",
        "one.lock",
        "-n",
        "one",
        "-i",
        "absent",
        "-e",
        "absent/err",
    ];
    let later =
        ["-p", "two.pid", "-k", "022", "-c", "dir", "-l", "two.lock", "-n", "two", "-i", "/dev/zero", "-e", "err"];
    let script = ["--", "/bin/sh", "-c", "kill -STOP $$"];
    let program = settled(place.start(words.iter().chain(&later).chain(&script).copied().collect::<Vec<_>>()));
    assert_pidfile(place.path("two.pid"), program);
    assert_eq!(lock_owner(place.path("two.lock")), Some(program));
    assert_eq!(program.status("Umask").unwrap(), "0022");
    assert_eq!(program.link("cwd"), place.path("dir"));
    assert_eq!(program.arguments()[0], "two");
    program.end();
    place.assert_left(&["dir", "err", "two.lock", "two.pid"]);
}

#[test]
fn options_end_at_the_first_word_that_is_none() {
    let place = Place::new();
    let cases: &[(&[&str], &[&str])] = &[
        (&["/bin/sh", "-c", "kill -STOP $$", "-p", "x.pid", "--", "-h"], &["-p", "x.pid", "--", "-h"]),
        (&["--", "/bin/sh", "-c", "kill -STOP $$", "--help"], &["--help"]),
        (&["-n", "x", "/bin/sh", "-c", "kill -STOP $$", "-n", "y"], &["-n", "y"]),
    ];
    for (words, expected) in cases {
        let program = start(&place, *words);
        assert_eq!(program.arguments()[3..], **expected);
        program.end();
    }
    place.assert_left(&[]);
    // After `--` a dash is a name like any other.
    for name in ["-p", "--help", "--", "-"] {
        let outcome = Outcome::of(place.dmz(["--", name]).env("PATH", "/usr/bin:/bin"));
        outcome.assert_failed(127, &format!("cannot execute {name}: No such file or directory"));
    }
    let outcome = Outcome::of(place.dmz(["-", "-p", "x.pid"]).env("PATH", "/usr/bin:/bin"));
    outcome.assert_failed(127, "cannot execute -: No such file or directory");
    place.assert_left(&[]);
}

#[test]
fn the_command_lines_of_another_launcher_mean_the_same() {
    let place = Place::new();
    fs::create_dir(place.path("dir")).unwrap();
    for file in ["out", "err"] {
        place.file(file, "old\n");
    }
    let words = [
        "-a",
        "-c",
        "dir",
        "-e",
        "err",
        "-o",
        "out",
        "-E",
        "A=1",
        "-E",
        "B=2",
        "-p",
        "x.pid",
        "-l",
        "x.pid",
        "-v",
        "/bin/sh",
        "-c",
        "echo $A$B; exec sleep 100",
    ];
    let outcome = place.run(words);
    assert_eq!((outcome.code, &*outcome.stdout), (0, ""));
    let program = place.own(lock_owner(place.path("x.pid")).unwrap());
    until("the output", || (fs::read_to_string(place.path("out")).unwrap() == "old\n12\n").then_some(()));
    assert_pidfile(place.path("x.pid"), program);
    assert_eq!(program.link("cwd"), place.path("dir"));
    assert_eq!(place.run(["-p", "x.pid", "-l", "x.pid", "/bin/sleep", "100"]).code, 123);
}

#[test]
fn help_and_version_are_on_standard_output() {
    let place = Place::new();
    let help = place.run(["--help"]);
    assert_eq!((help.code, &*help.stderr), (0, ""));
    let options = [
        "-c, --chdir",
        "-k, --umask",
        "-i, --stdin",
        "-o, --stdout",
        "-e, --stderr",
        "-a, --append",
        "-E, --env",
        "--unset",
        "--clear-env",
        "--keep-fd",
        "-C, --no-close",
        "--keep-signals",
        "-n, --argv0",
        "--initrd",
        "-p, --pidfile",
        "-l, --lockfile",
        "--no-lock",
        "-P, --print-pid",
        "-f, --foreground",
        "--single-fork",
        "-w, --wait",
        "--dry-run",
        "-v, --verbose",
        "-q, --quiet",
        "-h, --help",
        "-V, --version",
    ];
    for option in options {
        let is_there = help
            .stdout
            .lines()
            .any(|line| line.split("  ").next().unwrap_or("").contains(option) || line.contains(option));
        assert!(is_there, "{option}\n{}", help.stdout);
    }
    let version = place.run(["--version"]);
    assert_eq!(
        (version.code, &*version.stderr, &*version.stdout),
        (0, "", concat!("dmz ", env!("CARGO_PKG_VERSION"), "\n"))
    );
    for (words, expected) in [
        (&["-h"][..], &help),
        (&["-vh"], &help),
        (&["-p", "x.pid", "--help", "/bin/sleep", "100"], &help),
        (&["--help", ""], &help),
        (&["-V"], &version),
        (&["-p", "x.pid", "-V", "/bin/sleep", "100"], &version),
    ] {
        let outcome = place.run(words);
        assert_eq!((outcome.code, &outcome.stdout, &*outcome.stderr), (0, &expected.stdout, ""), "{words:?}");
    }
    place.assert_left(&[]);
}

#[test]
fn an_output_that_takes_nothing_is_a_failure() {
    let place = Place::new();
    let run = |command: &mut Command| {
        let full = File::options().write(true).open("/dev/full").unwrap();
        Outcome::from(command.stdin(Stdio::null()).stdout(full).output().unwrap())
    };
    for words in [&["--help"][..], &["--version"], &["--dry-run", "/bin/true"]] {
        let line = "cannot write to standard output: No space left on device";
        run(&mut place.dmz(words)).assert_failed(125, line);
        let outcome = Outcome::of(closed(&mut place.dmz(words), &[1]));
        outcome.assert_failed(125, "cannot write to standard output: Bad file descriptor");
    }
    place.assert_left(&[]);
}

#[test]
fn a_dry_run_prints_the_plan_and_changes_nothing() {
    let place = Place::new();
    place.file("old.pid", "4194304\n");
    let plain = place.run(["--dry-run", "/bin/sleep", "100"]);
    let words =
        ["--dry-run", "-p", "old.pid", "-l", "x.lock", "-o", "out", "-c", "dir", "-k", "027", "-P", "/absent/program"];
    let full = place.run(words);
    for outcome in [&plain, &full] {
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
        assert!(outcome.stdout.lines().count() > 3 && outcome.stdout.ends_with('\n'), "{outcome:?}");
        assert!(outcome.stdout.lines().all(|line| line.trim() == line && !line.is_empty()), "{outcome:?}");
    }
    for subject in ["old.pid", "x.lock", "out", "dir", "027", "/absent/program"] {
        assert!(full.stdout.lines().any(|line| line.ends_with(&format!(" {subject}"))), "{subject}: {}", full.stdout);
        assert!(!plain.stdout.lines().any(|line| line.ends_with(&format!(" {subject}"))));
    }
    assert!(full.stdout.lines().count() > plain.stdout.lines().count());
    assert_eq!(fs::read_to_string(place.path("old.pid")).unwrap(), "4194304\n");
    assert_eq!(lock_owner(place.path("old.pid")), None);
    place.assert_left(&["old.pid"]);
}

#[test]
fn verbose_tells_the_story_on_standard_error() {
    let place = Place::new();
    for option in ["-v", "--verbose"] {
        let outcome = place.run([option, "-p", "x.pid", "--", "/bin/sleep", "100"]);
        let program = place.own(lock_owner(place.path("x.pid")).unwrap());
        assert_eq!((outcome.code, &*outcome.stdout), (0, ""));
        let plan = place.run(["--dry-run", option, "-p", "x.pid", "--", "/bin/sleep", "100"]);
        assert!(outcome.stderr.starts_with(&plan.stdout), "the plan first:\n{}\n{}", outcome.stderr, plan.stdout);
        assert!(outcome.stderr.lines().last().unwrap().contains(&program.0.to_string()), "{}", outcome.stderr);
        program.end();
    }
    let outcome = place.run(["-v", "/absent"]);
    assert_eq!(outcome.stderr.lines().last(), Some("dmz: cannot execute /absent: No such file or directory"));
}

#[test]
fn the_program_says_nothing_where_dmz_does() {
    let place = Place::new();
    let outcome = place.run(["-w", "--", "/bin/sh", "-c", "echo out; echo err >&2"]);
    assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (0, "", ""));
}

#[test]
fn print_pid_prints_the_process_id_and_nothing_else() {
    let place = Place::new();
    for option in ["-P", "--print-pid"] {
        for with in [&[][..], &["--single-fork"], &["-q"]] {
            let outcome = Outcome::of(place.dmz([option, "-p", "x.pid"]).args(with).args(SLEEP));
            let program = place.own(lock_owner(place.path("x.pid")).unwrap());
            assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (0, &*format!("{}\n", program.0), ""));
            program.end();
        }
    }
    let outcome = place.run(["-P", "/absent"]);
    assert_eq!((outcome.code, &*outcome.stdout), (127, ""));
}

#[test]
fn nothing_asked_for_nothing_said() {
    let place = Place::new();
    let outcome = place.run(["/bin/true"]);
    assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (0, "", ""));
}
