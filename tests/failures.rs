//! What cannot be started: the status, the one line, nothing left. And where a program is looked for.

#[path = "support/launch.rs"]
mod launch;
mod support;

use launch::*;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use support::caller::copied;
use support::*;

const ABSENT: &str = "No such file or directory";
const DENIED: &str = "Permission denied";
const FORMAT: &str = "Exec format error";

/// Every way to start, since each may fail in another process.
const WAYS: [&[&str]; 5] = [&[], &["--single-fork"], &["-w"], &["-f"], &["-C", "--keep-signals", "-o", "/dev/null"]];

/// A program may be named as it was typed, or by its whole path: as it was typed.
fn shown(place: &Place, mut outcome: Outcome) -> Outcome {
    outcome.stderr = outcome.stderr.replace(&format!("execute {}/", place.folder.display()), "execute ");
    outcome
}

/// Asserts that a start fails like this in every way, with and without a pidfile, and leaves only `names`.
#[track_caller]
fn assert_fails(place: &Place, words: &[&str], code: i32, line: &str, names: &[&str]) {
    for way in WAYS {
        for pidfile in [&[][..], &["-p", "x.pid"]] {
            let outcome = shown(place, Outcome::of(place.dmz(way).args(pidfile).args(words)));
            outcome.assert_failed(code, line);
            place.assert_left(names);
        }
    }
}

#[test]
fn a_program_that_cannot_be_executed_is_126_and_one_that_is_not_there_127() {
    let place = Place::new();
    place.file("plain", "text");
    place.file("dir-not", "");
    fs::create_dir(place.path("dir")).unwrap();
    symlink("loop", place.path("loop")).unwrap();
    symlink("absent", place.path("dangling")).unwrap();
    place.script("text", "echo no interpreter\n");
    place.script("empty", "");
    place.script("blank", "#!\n");
    place.script("elf", "\u{7f}ELF");
    for (name, interpreter) in [("denied", "plain"), ("folder", "dir")] {
        place.script(name, &format!("#!{}\n", place.path(interpreter).display()));
    }
    let names = ["blank", "dangling", "denied", "dir", "dir-not", "elf", "empty", "folder", "loop", "plain", "text"];
    let cases = [
        ("/absent", 127, ABSENT),
        ("./absent", 127, ABSENT),
        ("absent/program", 127, ABSENT),
        ("./dangling", 127, ABSENT),
        ("./plain/program", 127, "Not a directory"),
        ("./plain", 126, DENIED),
        ("./dir", 126, DENIED),
        ("./dir/", 126, DENIED),
        ("/", 126, DENIED),
        ("./loop", 126, "Too many levels of symbolic links"),
        ("./text", 126, FORMAT),
        ("./empty", 126, FORMAT),
        ("./blank", 126, FORMAT),
        ("./elf", 126, FORMAT),
        ("./denied", 126, DENIED),
        ("./folder", 126, DENIED),
    ];
    for (program, code, reason) in cases {
        assert_fails(
            &place,
            &["--", program, "argument"],
            code,
            &format!("cannot execute {program}: {reason}"),
            &names,
        );
    }
}

#[test]
fn a_missing_interpreter_is_named() {
    let place = Place::new();
    let cases = [
        ("#!/missing/interpreter\n", "/missing/interpreter"),
        ("#! /missing/interpreter  -x y\n", "/missing/interpreter"),
        ("#!\t/missing/interpreter", "/missing/interpreter"),
        ("#!missing\n", "missing"),
    ];
    for (text, interpreter) in cases {
        place.script("script", text);
        let line = format!("cannot find the interpreter {interpreter}: {ABSENT}");
        assert_fails(&place, &["./script"], 127, &line, &["script"]);
        assert_fails(&place, &[place.path("script").to_str().unwrap()], 127, &line, &["script"]);
        #[cfg(feature = "identity")]
        place.run(["--rlimit=nofile=3", "./script"]).assert_failed(127, &line);
    }
    // Where that cannot be seen from here, at least that it is one.
    let mut command = place.dmz(["-p", "x.pid", "--", "script"]);
    let outcome = Outcome::of(command.env("PATH", format!("/missing:{}", place.folder.display())));
    outcome.assert_failed(127, "cannot execute script: its interpreter or loader is not there");
    place.assert_left(&["script"]);
}

#[test]
fn an_errno_without_a_text_is_a_number_and_none_of_our_own_reasons() {
    if lacks("strace") {
        return;
    }
    let place = Place::new();
    // The first three are those that strace knows no name for, or that only kernels see.
    for (number, text) in
        [("218", "errno 218"), ("524", "errno 524"), ("4095", "errno 4095"), ("117", "Structure needs cleaning")]
    {
        let mut command = place.command("strace");
        command.args(["-fqqo", "/dev/null", "-e", "trace=chdir", "-e"]).arg(format!("inject=chdir:error={number}"));
        let outcome = Outcome::of(command.arg(dmz()).args(["-p", "x.pid", "--", "/bin/sleep", "100"]));
        outcome.assert_failed(125, &format!("cannot change directory to /: {text}"));
        place.assert_left(&[]);
    }
}

#[test]
fn a_missing_loader_is_not_taken_for_a_missing_program() {
    if lacks_root() {
        return;
    }
    // In a root where the program is, but not what loads it.
    let place = Place::new();
    let root = bare_root(&place);
    fs::create_dir(root.join("dev")).unwrap();
    node(&root.join("dev/null"), 1, 3);
    Place::copy("/bin/sleep", root.join("sleep"));
    let mut command = place.command("/dmz");
    let outcome = Outcome::of(rooted(command.args(["--", "/sleep", "100"]), &root));
    assert_eq!((outcome.code, &*outcome.stdout), (127, ""), "{outcome:?}");
    assert_one_line(&outcome);
    assert!(outcome.stderr.contains("interpreter") || outcome.stderr.contains("loader"), "{outcome:?}");
    assert_eq!(place.processes(), []);
}

#[test]
fn a_program_that_is_being_written_is_busy() {
    let place = Place::new();
    Place::copy("/bin/sleep", place.path("busy"));
    let writer = File::options().append(true).open(place.path("busy")).unwrap();
    assert_fails(&place, &["./busy", "100"], 126, "cannot execute ./busy: Text file busy", &["busy"]);
    drop(writer);
}

#[test]
fn a_program_where_none_may_be_executed_is_126() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.path("noexec")).unwrap();
    let script = "cp /bin/sleep noexec && exec \"$0\" -p x.pid -- noexec/sleep 100";
    let mut command = place.command("/bin/sh");
    command.args(["-c", script]).arg(dmz());
    let outcome = Outcome::of(mounted(own_mounts(&mut command), &place.path("noexec"), libc::MS_NOEXEC, ""));
    shown(&place, outcome).assert_failed(126, &format!("cannot execute noexec/sleep: {DENIED} (mounted noexec)"));
    place.assert_left(&["noexec"]);
}

#[test]
fn a_program_elsewhere_is_not_judged_by_where_its_name_leads_here() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.path("noexec")).unwrap();
    fs::create_dir(place.path("bin")).unwrap();
    place.file("bin/sleep", "");
    let here = place.path("noexec/sleep").to_str().unwrap().to_owned();
    fs::create_dir_all(format!("{}{}", place.path("root").display(), place.path("noexec").display())).unwrap();
    place.file(&format!("root{here}"), "");
    // One that is searched, and one in another root.
    for words in [&["sleep"][..], &["-R", "../root", &here]] {
        let script = "/bin/cp /bin/sleep noexec && cd noexec && exec \"$0\" \"$@\"";
        let mut command = place.command("/bin/sh");
        command.args(["-c", script]).arg(dmz()).args(words).env("PATH", place.path("bin"));
        let outcome = Outcome::of(mounted(own_mounts(&mut command), &place.path("noexec"), libc::MS_NOEXEC, ""));
        outcome.assert_failed(126, &format!("cannot execute {}: {DENIED}", words.last().unwrap()));
    }
    place.assert_left(&["bin", "noexec", "root"]);
}

#[test]
fn a_path_too_long_for_the_kernel_is_a_clear_line() {
    let place = Place::new();
    fs::create_dir(place.path("d")).unwrap();
    let long = "File name too long";
    for path in ["n".repeat(256), "/x".repeat(2048), "./".repeat(2047) + "xx", "y/".repeat(9999)] {
        let path = if path.contains('/') { path } else { format!("./{path}") };
        assert_fails(&place, &["--", &path], 126, &format!("cannot execute {path}: {long}"), &["d"]);
        for (option, step) in
            [("-c", "change directory to"), ("-i", "open stdin"), ("-o", "open stdout"), ("-e", "open stderr")]
        {
            assert_fails(
                &place,
                &[option, &path, "/bin/sleep", "100"],
                125,
                &format!("cannot {step} {path}: {long}"),
                &["d"],
            );
        }
    }
}

#[test]
fn a_step_that_fails_is_named_with_its_subject_and_the_kernels_reason() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    place.file("file", "");
    fs::create_dir(place.path("dir")).unwrap();
    symlink("loop", place.path("loop")).unwrap();
    let cases: [(&[&str], &str); 16] = [
        (&["-c", "absent"], "change directory to absent: No such file or directory"),
        (&["-c", "/absent"], "change directory to /absent: No such file or directory"),
        (&["-c", "file"], "change directory to file: Not a directory"),
        (&["-c", "loop"], "change directory to loop: Too many levels of symbolic links"),
        (&["-i", "absent"], "open stdin absent: No such file or directory"),
        (&["-i", "file/in"], "open stdin file/in: Not a directory"),
        (&["-o", "absent/out"], "open stdout absent/out: No such file or directory"),
        (&["-o", "dir"], "open stdout dir: Is a directory"),
        (&["-o", "dir/"], "open stdout dir/: Is a directory"),
        (&["-o", "loop"], "open stdout loop: Too many levels of symbolic links"),
        (&["-e", "file/err"], "open stderr file/err: Not a directory"),
        (&["-e", "dir"], "open stderr dir: Is a directory"),
        (&["-e", "absent/err", "-o", "/dev/null"], "open stderr absent/err: No such file or directory"),
        (&["-o", "absent/out", "-e", "absent/out"], "open stdout absent/out: No such file or directory"),
        (&["-a", "-o", "absent/out"], "open stdout absent/out: No such file or directory"),
        (&["--keep-fd", "77"], "keep descriptor 77: Bad file descriptor"),
    ];
    for (with, line) in cases {
        let words = [with, &["--", "/bin/sleep", "100"]].concat();
        assert_fails(&place, &words, 125, &format!("cannot {line}"), &["dir", "file", "loop"]);
    }
}

#[test]
fn a_directory_is_no_standard_input() {
    let place = Place::new();
    fs::create_dir(place.path("dir")).unwrap();
    for path in ["dir", "dir/", "."] {
        let line = format!("cannot open stdin {path}: Is a directory");
        assert_fails(&place, &["-i", path, "--", "/bin/sleep", "100"], 125, &line, &["dir"]);
    }
}

#[test]
fn outputs_on_a_read_only_disk_are_a_clear_line() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.path("ro")).unwrap();
    place.file("ro/old", "text");
    for (option, step) in [("-o", "stdout"), ("-e", "stderr")] {
        for name in ["ro/new", "ro/old"] {
            let mut command = place.dmz(["-p", "x.pid", option, name, "--", "/bin/sleep", "100"]);
            let outcome = Outcome::of(read_only(own_mounts(&mut command), &place.path("ro")));
            outcome.assert_failed(125, &format!("cannot open {step} {name}: Read-only file system"));
            place.assert_left(&["ro"]);
        }
    }
}

#[test]
fn a_process_too_many_is_a_failed_fork() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let copy = copied(&place, &dmz(), "dmz");
    for way in [&[][..], &["--single-fork"], &["-w"], &["-o", "/dev/null"]] {
        for lead in [false, true] {
            let mut command = place.command(&copy);
            // A number of its own: other tests' processes do not count.
            as_user(command.args(way).args(["--", "/bin/sleep", "100"]), 54321);
            limited(&mut command, libc::RLIMIT_NPROC as i32, 1);
            if lead {
                // SAFETY: setsid has no preconditions.
                before(&mut command, || done(unsafe { libc::setsid() }));
            }
            let outcome = Outcome::of(&mut command);
            assert_cannot(&outcome, 125, "fork", "Resource temporarily unavailable");
            assert_eq!(place.processes(), []);
        }
    }
}

#[test]
fn too_few_descriptors_are_a_clear_line() {
    let place = Place::new();
    let mut codes = Vec::new();
    for limit in 0..14 {
        let mut command = place.dmz(["-p", "x.pid", "-o", "out", "--", "/bin/sh", "-c", "exit 0"]);
        // Programs with a loader need one, too.
        let outcome = Outcome::of(limited(&mut command, libc::RLIMIT_NOFILE as i32, limit));
        until("the end", || place.processes().is_empty().then_some(()));
        codes.push(outcome.code);
        if outcome.code != 0 {
            assert_eq!(outcome.code, 125, "{limit}: {outcome:?}");
            assert_one_line(&outcome);
            assert!(outcome.stderr.ends_with("Too many open files\n"), "{outcome:?}");
            assert!(!place.path("x.pid").exists(), "{limit}");
        } else {
            fs::remove_file(place.path("x.pid")).unwrap();
        }
    }
    assert_eq!((codes[0], codes[13]), (125, 0), "{codes:?}");
}

#[test]
fn a_start_without_a_descriptor_for_the_pidfile_leaves_what_is_there() {
    let place = Place::new();
    place.file("empty", "");
    assert!(std::process::Command::new("mkfifo").arg(place.path("fifo")).status().unwrap().success());
    for name in ["empty", "fifo"] {
        // The folder takes the last one.
        let mut command = place.dmz(["-p", name, "--", "/bin/true"]);
        let outcome = Outcome::of(limited(&mut command, libc::RLIMIT_NOFILE as i32, 4));
        assert_eq!(outcome.code, 125, "{outcome:?}");
        assert!(outcome.stderr.ends_with("Too many open files\n"), "{outcome:?}");
        assert!(place.path(name).exists(), "{name}");
    }
}

#[test]
fn a_start_that_fails_early_touches_no_file() {
    let place = Place::new();
    place.file("out", "text");
    for words in [&["-c", "absent", "-o", "new", "/bin/true"][..], &["-p", "absent/x.pid", "-o", "out", "/bin/true"]] {
        assert_eq!(place.run(words).code, 125);
    }
    assert_eq!(fs::read_to_string(place.path("out")).unwrap(), "text");
    assert!(!place.path("x.pid").exists());
}

/// What a search with this PATH gives: `place` has folders `a`, `b` with programs that say where they are.
fn search(place: &Place, path: Option<&str>, with: &[&str], program: &str) -> Outcome {
    let mut command = place.dmz(["-w", "-a", "-o", "said"]);
    match path {
        Some(path) => command.env("PATH", path.replace('@', place.folder.to_str().unwrap())),
        None => command.env_remove("PATH"),
    };
    let _ = fs::remove_file(place.path("said"));
    let mut outcome = Outcome::of(command.args(with).args(["--", program]));
    outcome.stdout = fs::read_to_string(place.path("said")).unwrap_or_default().trim().to_owned();
    outcome
}

#[test]
fn a_name_without_a_slash_is_searched_in_the_callers_path() {
    let place = Place::new();
    for folder in ["a", "b", "denied", "format", "folder/tool", "interpreter"] {
        fs::create_dir_all(place.path(folder)).unwrap();
    }
    place.script("a/tool", "#!/bin/sh\necho a\n");
    place.script("b/tool", "#!/bin/sh\necho b\n");
    place.script("tool", "#!/bin/sh\necho here\n");
    place.file("denied/tool", "#!/bin/sh\necho denied\n");
    place.script("format/tool", "echo a shell ran it\n");
    place.script("interpreter/tool", "#!/missing\n");
    place.file("file", "");
    let missing: &[&str] = &[];
    // PATH, more options, what was found, or the status and the reason.
    type Case<'a> = (Option<&'a str>, &'a [&'a str], Result<&'a str, (i32, &'a str)>);
    let cases: &[Case] = &[
        (Some("@/a:@/b"), missing, Ok("a")),
        (Some("@/b:@/a"), missing, Ok("b")),
        (Some("@/a/:@/b"), missing, Ok("a")),
        (Some("/absent:@/b"), missing, Ok("b")),
        (Some("@/file:@/b"), missing, Ok("b")), // no directory
        (Some("@/denied:@/b"), missing, Ok("b")),
        (Some("@/folder:@/b"), missing, Ok("b")), // a directory of that name
        (Some("@/interpreter:@/b"), missing, Ok("b")), // ENOENT, as everywhere
        (Some(":@/b"), missing, Ok("b")),         // empty: the directory would be it
        (Some(".:a:./a:@/b:"), missing, Ok("b")),
        (Some(&format!("/{}:@/b", "x".repeat(5000))), missing, Ok("b")),
        (Some("@/denied"), missing, Err((126, DENIED))),
        (Some("@/denied:/absent:@/file:"), missing, Err((126, DENIED))),
        (Some("@/folder"), missing, Err((126, DENIED))),
        (Some("@/format:@/b"), missing, Err((126, FORMAT))),
        (Some("/absent:@/file"), missing, Err((127, ABSENT))),
        (Some(""), missing, Err((127, ABSENT))),
        (Some("."), missing, Err((127, ABSENT))),
        (Some("::a:"), missing, Err((127, ABSENT))),
        (None, missing, Err((127, ABSENT))),
        // What the program gets does not matter, nor where it will be.
        (Some("@/a"), &["-E", "PATH=/absent"], Ok("a")),
        (Some("@/a"), &["--clear-env"], Ok("a")),
        (Some("@/a"), &["--unset", "PATH"], Ok("a")),
        (Some("/absent"), &["-E", "PATH=/tmp:/bin"], Err((127, ABSENT))),
        (Some("@/a"), &["-c", "."], Ok("a")),
        (Some("."), &["-c", "a"], Err((127, ABSENT))),
        (Some("@/a"), &["-n", "name"], Ok("a")),
    ];
    for (path, with, expected) in cases {
        let outcome = search(&place, *path, with, "tool");
        match expected {
            Ok(said) => assert_eq!((outcome.code, &*outcome.stdout), (0, *said), "{path:?} {with:?} {outcome:?}"),
            Err((code, reason)) => outcome.assert_failed(*code, &format!("cannot execute tool: {reason}")),
        }
    }
}

#[test]
fn without_a_path_the_usual_folders_are_searched() {
    let place = Place::new();
    for program in ["true", "sh", "ldconfig"] {
        let mut command = place.dmz(["--", program]);
        let outcome = Outcome::of(command.env_remove("PATH"));
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{program}");
    }
    let program = place.started(place.dmz(["-P", "--", "sleep", "100"]).env_remove("PATH"));
    assert!(program.is_alive());
}

#[test]
fn a_name_with_a_slash_is_the_callers_file_and_never_searched() {
    let place = Place::new();
    fs::create_dir_all(place.path("a/sub")).unwrap();
    fs::create_dir_all(place.path("sub")).unwrap();
    place.script("a/sub/tool", "#!/bin/sh\necho wrong\n");
    let path = Some("@/a");
    for program in ["sub/tool", "./tool", "../tool"] {
        let outcome = shown(&place, search(&place, path, &[], program));
        outcome.assert_failed(127, &format!("cannot execute {program}: {ABSENT}"));
    }
    place.script("sub/tool", "#!/bin/sh\necho right\n");
    for with in [&[][..], &["-c", "a"], &["-c", "/"]] {
        let outcome = search(&place, path, with, "sub/tool");
        assert_eq!((outcome.code, &*outcome.stdout), (0, "right"), "{outcome:?}");
    }
}

#[test]
fn names_that_are_no_programs_are_not_found() {
    let place = Place::new();
    let long = "n".repeat(256);
    for (program, code) in
        [("-", 127), ("absent program", 127), ("\u{ff}", 127), (".", 126), ("..", 126), (&*long, 126)]
    {
        let outcome = Outcome::of(place.dmz(["-p", "x.pid", "--", program]).env("PATH", "/usr/bin:/bin"));
        assert_eq!(outcome.code, code, "{outcome:?}");
        assert_one_line(&outcome);
        assert!(outcome.stderr.starts_with(&format!("dmz: cannot execute {program}: ")), "{outcome:?}");
        place.assert_left(&[]);
    }
}

#[test]
fn no_shell_is_ever_involved() {
    let place = Place::new();
    place.script("text", "touch ran\n");
    for words in [["./text", ""], ["touch ran; true", ""], ["$(touch ran)", ""], ["/bin/echo", "$(touch ran)"]] {
        let outcome = place.run(["-w", "-o", "out", "-c", ".", "--", words[0], words[1]]);
        assert_eq!(outcome.code == 0, words[0] == "/bin/echo", "{outcome:?}");
        assert!(!place.path("ran").exists(), "{words:?}");
    }
    assert_eq!(fs::read_to_string(place.path("out")).unwrap(), "$(touch ran)\n");
}

#[test]
fn what_is_at_fault_is_named_on_one_line_without_control_characters() {
    let place = Place::new();
    let long = "x".repeat(3000);
    for (name, shown) in [
        ("\u{e9} \u{20ac} \u{c0}\\", "\u{e9} \u{20ac} \u{c0}\\"),
        ("\x1b[1m\t\n\r\x7f", "?[1m????"),
        ("\u{9b}1m", "\u{fffd}?1m"),
        (&long, &long),
    ] {
        let outcome = place.run(["--", &format!("/absent/{name}")]);
        outcome.assert_failed(127, &format!("cannot execute /absent/{shown}: {ABSENT}"));
        let plan = place.run(["--dry-run", "-p", name, "/bin/true"]);
        assert!(plan.stdout.lines().any(|line| line == format!("daemon: open pidfile {shown}")), "{plan:?}");
    }
}

#[test]
fn quiet_says_nothing_and_fails_the_same() {
    let place = Place::new();
    let cases: [(&[&str], i32); 5] = [
        (&["-p", "x.pid", "/absent"], 127),
        (&["-p", "x.pid", "/etc/passwd"], 126),
        (&["-p", "absent/x.pid", "/bin/true"], 125),
        (&["-c", "absent", "/bin/true"], 125),
        (&["-f", "/absent"], 127),
    ];
    for (words, code) in cases {
        for option in ["-q", "--quiet"] {
            let outcome = Outcome::of(place.dmz([option]).args(words));
            assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (code, "", ""), "{words:?}");
        }
    }
    let program = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    let outcome = place.run(["-q", "-p", "x.pid", "--", "/bin/sleep", "100"]);
    assert_eq!((outcome.code, &*outcome.stderr), (123, ""));
    program.end();
}

#[test]
fn an_executable_without_a_right_to_read_it_is_no_matter() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    Place::copy("/bin/sleep", place.path("secret"));
    fs::set_permissions(place.path("secret"), fs::Permissions::from_mode(0o711)).unwrap();
    let mut command = place.command(copied(&place, &dmz(), "dmz"));
    let program = place.started(as_user(command.args(["-P", "--", "./secret", "100"]), 12345));
    assert!(program.is_alive());
}

/// A program that the kernel takes and then cannot load: a segment where no address is.
fn fatal(place: &Place) {
    let mut bytes = fs::read("/proc/self/exe").unwrap();
    bytes.truncate(64);
    bytes[16..18].copy_from_slice(&2_u16.to_ne_bytes()); // ET_EXEC
    bytes[32..40].copy_from_slice(&64_u64.to_ne_bytes()); // one program header, right behind
    bytes[54..64].copy_from_slice(&[56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
    bytes.extend(1_u32.to_ne_bytes().into_iter().chain(5_u32.to_ne_bytes())); // PT_LOAD, r-x
    let address = 0xffff_8000_0000_0000_u64;
    bytes.extend([0, address, address, 120, 120, 4096].into_iter().flat_map(u64::to_ne_bytes));
    // By another process, as `script` does.
    fs::write(place.path("bytes"), bytes).unwrap();
    fs::set_permissions(place.path("bytes"), fs::Permissions::from_mode(0o755)).unwrap();
    Place::copy(place.path("bytes"), place.path("fatal"));
    fs::remove_file(place.path("bytes")).unwrap();
}

#[test]
fn a_program_that_dies_of_a_signal_inside_its_exec_is_122() {
    if skipped(cfg!(all(target_pointer_width = "64", target_endian = "little")), "made for another machine") {
        return;
    }
    let place = Place::new();
    fatal(&place);
    // The kernel may still be at it when it is known that there is no way back: who asks for readiness has it watched.
    let ways = [
        &["--ready=exec"][..],
        &["--single-fork"],
        &["--ready=exec", "--single-fork"],
        &["--ready=exec", "-S"],
        &["--ready=exec", "-I"],
    ];
    for round in 0..100 {
        let pidfile = if round % 2 == 0 { &[][..] } else { &["-p", "x.pid"] };
        let way = ways[round % ways.len()];
        let outcome = shown(&place, Outcome::of(place.dmz(pidfile).args(way).arg("./fatal")));
        assert_eq!((outcome.code, &*outcome.stdout), (122, ""), "{outcome:?}");
        assert_one_line(&outcome);
        assert!(outcome.stderr.contains("/fatal: "), "{outcome:?}");
        place.assert_left(&["fatal"]);
    }
}

#[test]
fn a_death_inside_the_exec_that_comes_too_late_to_be_seen_is_a_start() {
    if skipped(cfg!(all(target_pointer_width = "64", target_endian = "little")), "made for another machine") {
        return;
    }
    let place = Place::new();
    fatal(&place);
    for _ in 0..20 {
        let outcome = shown(&place, Outcome::of(&mut place.dmz(["./fatal"])));
        match outcome.code {
            122 => assert!(outcome.stderr.starts_with("dmz: cannot execute ./fatal: "), "{outcome:?}"),
            0 => assert_eq!(outcome.stderr, ""),
            _ => panic!("{outcome:?}"),
        }
        place.assert_left(&["fatal"]);
    }
}

#[test]
fn a_missing_loader_is_named() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let root = place.path("root");
    fs::create_dir(&root).unwrap();
    Place::copy(dmz(), root.join("dmz"));
    Place::copy("/bin/true", root.join("true"));
    let mut command = place.command("/dmz");
    let outcome = Outcome::of(rooted(command.args(["-f", "--", "/true"]), &root));
    assert_eq!((outcome.code, &*outcome.stdout), (127, ""));
    let line = outcome.stderr.strip_prefix("dmz: cannot find the interpreter /lib").expect(&outcome.stderr);
    assert!(line.contains("/ld") && line.ends_with(": No such file or directory\n"), "{outcome:?}");
    // A loader of a store.
    let mut file = fs::read("/bin/true").unwrap();
    let at = file.windows(5).position(|text| text == b"/lib/" || text == b"/lib6").unwrap();
    let end = file[at..].iter().position(|byte| *byte == 0).unwrap();
    let name = format!("{:.<width$}", "/s/lib/ld", width = end);
    file[at..at + end].copy_from_slice(name.as_bytes());
    fs::write(root.join("true"), file).unwrap();
    let mut command = place.command("/dmz");
    let outcome = Outcome::of(rooted(command.args(["-f", "--", "/true"]), &root));
    outcome.assert_failed(127, &format!("cannot find the interpreter {name}: {ABSENT}"));
}

#[test]
fn a_user_that_the_namespace_lacks_is_told_apart() {
    if lacks_root() || lacks_user_namespaces() {
        return;
    }
    let place = Place::new();
    let mut command = place.command("unshare");
    command.args(["-r"]).arg(dmz()).args(["-f", "-u", "12345:12345", "--", "/bin/true"]);
    let outcome = Outcome::of(&mut command);
    assert_eq!((outcome.code, &*outcome.stdout), (125, ""));
    assert!(outcome.stderr.contains("user namespace"), "{outcome:?}");
}
