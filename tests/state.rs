//! What the program finds: the state of the process at exec, as the kernel shows it from outside.

#[path = "support/launch.rs"]
mod launch;
mod support;

use launch::*;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use support::*;

#[test]
fn a_plain_start_is_a_daemon() {
    let place = Place::new();
    let program = start(&place, SLEEP);
    assert_eq!(program.stat(4), i64::from(std::process::id()), "its parent is the nearest reaper");
    assert_eq!(program.link("cwd"), Path::new("/"));
    assert_eq!(program.arguments(), SLEEP[1..]);
    let null = Path::new("/dev/null").to_path_buf();
    assert_eq!(program.descriptors(), [(0, null.clone()), (1, null.clone()), (2, null)].into());
    assert_daemon(program);
    assert_eq!(place.processes(), [program], "nothing else stays");
}

#[test]
fn whatever_the_caller_leaves_behind_the_program_starts_clean() {
    let place = Place::new();
    for with in [&["-p", "x.pid"][..], &[]] {
        let program = started(&place, hostile(place.dmz(["-P"]).args(with).args(SLEEP)));
        assert_daemon(program);
        program.end();
    }
}

#[test]
fn a_signal_that_waits_for_the_caller_is_not_the_programs() {
    let place = Place::new();
    for with in [&[][..], &["-p", "x.pid"], &["--keep-signals"], &["--single-fork"]] {
        let mut command = place.dmz(["-P"]);
        signalled(command.args(with).args(SLEEP), &[], &[libc::SIGTERM, libc::SIGINT, 40]);
        before(&mut command, || {
            // SAFETY: raise takes an integer.
            [libc::SIGTERM, libc::SIGINT, 40].into_iter().try_for_each(|number| done(unsafe { libc::raise(number) }))
        });
        let program = started(&place, &mut command);
        assert_eq!(program.signals("SigPnd") | program.signals("ShdPnd"), 0, "{with:?}");
        program.end();
    }
}

#[test]
fn the_leader_of_a_group_or_a_session_starts_the_same_daemon() {
    let place = Place::new();
    // SAFETY: calls with integers, or without any.
    for lead in [|| done(unsafe { libc::setpgid(0, 0) }), || done(unsafe { libc::setsid() })] {
        let mut command = place.dmz(["-P", "-p", "x.pid"]);
        let program = started(&place, hostile(before(command.args(SLEEP), lead)));
        assert_pidfile(place.path("x.pid"), program);
        assert_daemon(program);
        program.end();
    }
}

#[test]
fn the_leader_of_a_terminal_starts_the_same_daemon() {
    let place = Place::new();
    let (_master, slave) = terminal();
    let mut command = place.dmz(["-p", "x.pid"]);
    assert!(hostile(lead(command.args(SLEEP), &slave)).status().unwrap().success());
    let program = place.own(only(&place));
    assert_pidfile(place.path("x.pid"), program);
    assert_daemon(program);
}

/// A program that opens a terminal as those do that want it to become their controlling one.
const OPENER: [&str; 4] = ["--", "/bin/sh", "-c", "exec 3<>\"$0\"; exec sleep 100"];

#[test]
fn no_open_gives_the_program_a_terminal() {
    let place = Place::new();
    let (_master, slave) = terminal();
    let opener = || OPENER.iter().map(OsStr::new).chain([slave.as_os_str()]);
    let program = started(&place, place.dmz(["-P"]).args(opener()));
    until("the terminal is open", || program.descriptors().values().any(|path| *path == slave).then_some(()));
    assert_eq!(program.stat(7), 0);
    // Only a session's leader would get it, as it does here; so the look above can fail.
    let leader = started(&place, place.dmz(["-P", "--single-fork"]).args(opener()));
    until("the terminal is taken", || (leader.stat(7) != 0).then_some(()));
}

#[test]
fn with_a_single_fork_the_program_leads_its_session() {
    let place = Place::new();
    for with in [&[][..], &["-p", "x.pid"]] {
        let program = started(&place, hostile(place.dmz(["-P", "--single-fork"]).args(with).args(SLEEP)));
        assert_eq!((program.stat(5), program.stat(6)), (program.0.into(), program.0.into()));
        assert_eq!(program.stat(4), i64::from(std::process::id()));
        assert_eq!(program.stat(7), 0);
        assert_null(program, 0..3);
        assert_eq!(program.signals("SigIgn") | program.signals("SigBlk"), 0);
        program.end();
    }
}

#[test]
fn closed_standard_descriptors_in_any_combination_change_nothing() {
    let place = Place::new();
    let files = &["-o", "out", "-e", "err", "-p", "x.pid"][..];
    for set in 0..8 {
        let numbers: Vec<i32> = (0..3).filter(|number| set & 1 << number != 0).collect();
        let program = start_silently(&place, closed(&mut place.dmz(SLEEP), &numbers));
        assert_daemon(program);
        program.end();
        let program = start_silently(&place, closed(place.dmz(files).args(SLEEP), &numbers));
        let locked = program.locked_descriptors();
        let mut there = program.descriptors();
        assert_null(program, [0]);
        assert_eq!((&there[&1], &there[&2]), (&place.path("out"), &place.path("err")), "closed: {numbers:?}");
        there.retain(|number, _| *number > 2 && !locked.contains(number));
        assert!(there.is_empty() && locked.len() == 1, "{there:?} {locked:?}, closed: {numbers:?}");
        assert_pidfile(place.path("x.pid"), program);
        program.end();
    }
}

#[test]
fn a_failure_without_standard_descriptors_leaves_nothing() {
    for set in 0..8 {
        let place = Place::new();
        let numbers: Vec<i32> = (0..3).filter(|number| set & 1 << number != 0).collect();
        let outcome = Outcome::of(closed(&mut place.dmz(["-p", "x.pid", "-o", "out", "/nowhere"]), &numbers));
        assert_eq!(outcome.code, 127, "closed: {numbers:?}");
        let said = if set & 4 == 0 { "dmz: cannot execute /nowhere: No such file or directory\n" } else { "" };
        assert_eq!((&*outcome.stderr, &*outcome.stdout), (said, ""), "closed: {numbers:?}");
        assert_eq!(fs::read(place.path("out")).unwrap(), b"");
        place.assert_left(&["out"]);
    }
}

#[test]
fn a_socket_as_standard_input_is_nothing_special() {
    let place = Place::new();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let number = theirs.as_raw_fd();
    // SAFETY: dup2 takes integers.
    let program =
        started(&place, before(place.dmz(["-P"]).args(SLEEP), move || done(unsafe { libc::dup2(number, 0) })));
    drop(theirs);
    assert_daemon(program);
    assert_eq!((&ours).read(&mut [0]).unwrap(), 0, "nobody holds the other end");
}

#[test]
fn an_inherited_pipe_is_closed_and_a_substitution_returns() {
    let place = Place::new();
    let mut command = place.command("/bin/sh");
    command.args(["-c", "exec 5>&1; text=$(\"$0\" -P -- sleep 100); printf %s \"$text\""]).arg(dmz());
    let program = started(&place, &mut command); // reads to the end of file, which 5 would keep off
    assert_daemon(program);
}

#[test]
fn kept_descriptors_stay_as_they_are() {
    let place = Place::new();
    for number in [3, 9, 10, 55, 300] {
        let mut command = place.dmz(["-P", "-p", "x.pid", "--keep-fd", &number.to_string()]);
        command.args(SLEEP);
        for each in [3, 9, 10, 55, 300] {
            opened(&mut command, each);
        }
        let program = started(&place, &mut command);
        let locked = program.locked_descriptors();
        let expected: Vec<i32> = (0..3).chain([number]).chain(locked.iter().copied()).collect();
        let mut there: Vec<i32> = program.descriptors().into_keys().collect();
        there.sort_by_key(|each| expected.iter().position(|other| each == other));
        assert_eq!(there, expected);
        assert_eq!(program.descriptors()[&number], Path::new("/dev/zero"));
        assert!(locked.len() == 1 && locked[0] >= 10, "{locked:?}");
        assert_null(program, 0..3);
        program.end();
    }
}

#[test]
fn several_descriptors_can_be_kept() {
    let place = Place::new();
    let mut command = place.dmz(["-P", "--keep-fd", "300", "--keep-fd=7", "--keep-fd", "8", "--keep-fd", "7"]);
    command.args(SLEEP);
    for number in [6, 7, 8, 9, 300, 301] {
        opened(&mut command, number);
    }
    let program = started(&place, &mut command);
    assert_eq!(program.descriptors().into_keys().collect::<Vec<i32>>(), [0, 1, 2, 7, 8, 300]);
}

#[test]
fn standard_descriptors_can_be_kept() {
    let place = Place::new();
    place.file("in", "");
    for kept in 0..3 {
        let mut command = place.dmz(["-p", "x.pid", "--keep-fd", &kept.to_string()]);
        let program = start_silently(&place, opened_on(command.args(SLEEP), kept, place.path("in")));
        assert_null(program, (0..3).filter(|number| *number != kept));
        assert_eq!(program.descriptors()[&kept], place.path("in"));
        program.end();
    }
}

#[test]
fn a_descriptor_to_keep_must_be_open() {
    let place = Place::new();
    for number in ["77", "19999", "2147483646"] {
        let outcome = place.run(["-p", "x.pid", "--keep-fd", number, "/bin/true"]);
        outcome.assert_failed(125, &format!("cannot keep descriptor {number}: Bad file descriptor"));
    }
    let outcome = Outcome::of(closed(&mut place.dmz(["--keep-fd", "0", "/bin/true"]), &[0]));
    outcome.assert_failed(125, "cannot keep descriptor 0: Bad file descriptor");
    place.assert_left(&[]);
}

#[test]
fn a_file_for_one_and_another_to_be_kept_go_together() {
    let place = Place::new();
    let mut command = place.dmz(["--keep-fd", "2", "-o", "out"]);
    let program = start_silently(&place, opened(command.args(SLEEP), 2));
    assert_eq!([1, 2].map(|number| program.descriptors()[&number].clone()), [place.path("out"), "/dev/zero".into()]);
    assert_null(program, [0]);
    program.end();
}

#[test]
fn all_from_3_on_and_one_below_go_together() {
    let place = Place::new();
    let mut command = place.dmz(["-C", "--keep-fd", "2"]);
    let program = start_silently(&place, opened(opened(command.args(SLEEP), 2), 3));
    assert!([2, 3].iter().all(|number| program.descriptors()[number].ends_with("dev/zero")));
    assert_null(program, [0, 1]);
    program.end();
}

#[test]
fn all_descriptors_from_3_on_can_be_kept() {
    let place = Place::new();
    for option in ["-C", "--no-close"] {
        let mut command = place.dmz(["-P", option, "-p", "x.pid"]);
        command.args(SLEEP);
        for number in [3, 10, 11, 300] {
            opened(&mut command, number);
        }
        let program = started(&place, &mut command);
        let there = program.descriptors();
        assert!([3, 10, 11, 300].iter().all(|number| there[number] == Path::new("/dev/zero")), "{there:?}");
        assert_null(program, 0..3);
        let locked = program.locked_descriptors();
        assert!(locked.len() == 1 && locked[0] >= 10, "{locked:?}");
        program.end();
    }
}

/// Without the two that the C library takes for itself: what runs the tests may ignore them.
const USUAL: u64 = !(3 << 31);

#[test]
fn the_callers_signal_state_can_be_kept() {
    let place = Place::new();
    let bit = |number: i32| 1_u64 << (number - 1);
    const IGNORED: &[i32] = &[libc::SIGHUP, libc::SIGPIPE, libc::SIGCHLD, 34, 64];
    const BLOCKED: &[i32] = &[libc::SIGUSR1, libc::SIGTERM, libc::SIGCHLD, 35, 63];
    let sum = |numbers: &[i32]| numbers.iter().fold(0, |sum, number| sum | bit(*number));
    // Who runs the tests in the background ignores some; Rust ignores PIPE, but not for what it starts.
    let own = Process(std::process::id() as i32).signals("SigIgn") & USUAL & !bit(libc::SIGPIPE);
    for with in [&[][..], &["--single-fork"], &["-p", "x.pid"], &["-o", "out", "-k", "22"]] {
        let mut command = place.dmz(["-P", "--keep-signals"]);
        let program = started(&place, signalled(command.args(with).args(SLEEP), IGNORED, BLOCKED));
        assert_eq!(program.signals("SigIgn") & USUAL, sum(IGNORED) | own, "{with:?}");
        assert_eq!(program.signals("SigBlk"), sum(BLOCKED), "{with:?}");
        program.end();
    }
    let program = started(&place, signalled(place.dmz(["-P", "--keep-signals"]).args(SLEEP), &[], &[]));
    assert_eq!((program.signals("SigIgn") & USUAL, program.signals("SigBlk")), (own, 0), "nothing is added");
}

#[test]
fn no_signal_is_left_ignored_or_blocked() {
    // In the foreground too: the promise is the program's.
    let place = Place::new();
    const ALL: &[i32] = &{
        let mut all = [0; 64 - 4];
        let (mut number, mut next) = (1, 0);
        while number <= 64 {
            // Those that cannot be ignored, and the two that the C library takes for itself.
            if !matches!(number, libc::SIGKILL | libc::SIGSTOP | 32 | 33) {
                all[next] = number;
                next += 1;
            }
            number += 1;
        }
        all
    };
    for with in [&["-P"][..], &["-P", "--single-fork"], &["-f"]] {
        let mut command = place.dmz(with);
        let guard = Guard::of(signalled(command.args(SLEEP).stdout(Stdio::null()), ALL, ALL));
        let program = until("the program", || place.processes().into_iter().find(|p| p.arguments() == SLEEP[1..]));
        for set in ["SigIgn", "SigBlk"] {
            assert_eq!(program.signals(set), 0, "{with:?} {set}");
        }
        drop(guard);
        program.end();
    }
}

#[test]
fn in_the_foreground_the_id_is_printed_before_the_program_is_executed() {
    let place = Place::new();
    let outcome = place.run(["-fP", "--", "/bin/sh", "-c", "echo $$"]);
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert!(lines.len() == 2 && lines[0] == lines[1], "{outcome:?}");
}

#[test]
fn the_directory_is_the_root_or_the_one_asked_for() {
    let place = Place::new();
    fs::create_dir_all(place.path("a/b")).unwrap();
    let inside = place.path("a/b");
    let by_name: &OsStr = inside.as_os_str();
    let choices: [(&OsStr, &Path); 4] = [
        (OsStr::new("a"), &place.path("a")),
        (OsStr::new("./a/../a/b/"), &place.path("a/b")),
        (by_name, &place.path("a/b")),
        (OsStr::new("."), &place.folder),
    ];
    for (given, expected) in choices {
        let program = start(&place, [OsStr::new("-c"), given, "--".as_ref(), "/bin/sleep".as_ref(), "100".as_ref()]);
        assert_eq!(program.link("cwd"), expected);
        program.end();
    }
}

#[test]
fn files_mean_what_the_caller_typed_whatever_the_directory_is() {
    let place = Place::new();
    place.script("program", "#!/bin/sh\nexec sleep 100\n");
    fs::create_dir(place.path("a")).unwrap();
    place.file("in", "");
    let with = ["-c", "a", "-p", "x.pid", "-l", "x.lock", "-i", "in", "-o", "out", "-e", "./err", "./program"];
    let program = start(&place, with);
    until("the script became a sleep", || (program.arguments()[0] == "sleep").then_some(()));
    let there = program.descriptors();
    assert_eq!([0, 1, 2].map(|number| there[&number].clone()), ["in", "out", "err"].map(|name| place.path(name)));
    assert_eq!(program.link("cwd"), place.path("a"));
    assert_pidfile(place.path("x.pid"), program);
    assert_eq!(lock_owner(place.path("x.lock")), Some(program));
    assert_eq!(fs::read_dir(place.path("a")).unwrap().count(), 0);
}

#[test]
fn the_mask_is_the_one_asked_for() {
    let place = Place::new();
    for (given, expected) in [("0", "0000"), ("22", "0022"), ("027", "0027"), ("0077", "0077"), ("777", "0777")] {
        let program = started(&place, hostile(place.dmz(["-P", "-k", given]).args(SLEEP)));
        assert_eq!(program.status("Umask").unwrap(), expected);
        program.end();
    }
}

#[test]
fn files_have_explicit_modes_whatever_the_mask_is() {
    for callers in [0o000, 0o022, 0o777] {
        for own in ["0", "022", "777"] {
            let place = Place::new();
            let mut command = place.dmz(["-P", "-k", own, "-p", "x.pid", "-o", "out", "-e", "err"]);
            // SAFETY: umask takes an integer.
            before(command.args(SLEEP), move || done(unsafe { libc::umask(callers) as i32 }));
            started(&place, &mut command);
            let modes = ["x.pid", "out", "err"].map(|name| fs::metadata(place.path(name)).unwrap().mode() & 0o7777);
            assert_eq!(modes, [0o644, 0o640, 0o640], "{callers:o} {own}");
        }
    }
}

#[test]
fn the_outputs_are_emptied_or_appended_to() {
    let place = Place::new();
    let words = ["--", "/bin/sh", "-c", "echo out; echo err >&2"];
    for (option, expected) in [(None, ["out\n", "err\n"]), (Some("-a"), ["old\nout\n", "old\nerr\n"])] {
        let files = ["out", "err"].map(|name| place.file(name, "old\n"));
        for file in &files {
            fs::set_permissions(file, fs::Permissions::from_mode(0o604)).unwrap();
        }
        let outcome = Outcome::of(place.dmz(["-w", "-o", "out", "-e", "err"]).args(option).args(words));
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
        assert_eq!(files.each_ref().map(|file| fs::read_to_string(file).unwrap()), expected);
        assert!(files.iter().all(|file| fs::metadata(file).unwrap().mode() & 0o777 == 0o604), "the mode is left alone");
    }
    let program = start(&place, ["-a", "-o", "out", "-e", "err", "--", "/bin/sleep", "100"]);
    for number in [1, 2] {
        let flags = program.descriptor_flags(number);
        assert_eq!(flags & (libc::O_ACCMODE | libc::O_APPEND), libc::O_WRONLY | libc::O_APPEND);
    }
}

#[test]
fn the_same_name_for_both_outputs_is_one_open_file() {
    let place = Place::new();
    for option in [None, Some("-a")] {
        place.file("log", "old\n");
        let words = ["-w", "-o", "log", "-e", "log", "--", "/bin/sh", "-c", "echo 1; echo 2 >&2; echo 3; echo 4 >&2"];
        let outcome = Outcome::of(place.dmz(option).args(words));
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
        let expected = if option.is_some() { "old\n1\n2\n3\n4\n" } else { "1\n2\n3\n4\n" };
        assert_eq!(fs::read_to_string(place.path("log")).unwrap(), expected);
    }
}

#[test]
fn standard_input_can_be_a_file() {
    let place = Place::new();
    place.file("in", "text\n");
    let outcome = place.run(["-w", "-i", "in", "-o", "out", "--", "/bin/cat"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(place.path("out")).unwrap(), "text\n");
    let program = start(&place, ["-i", "in", "--", "/bin/sleep", "100"]);
    assert_eq!(program.descriptor_flags(0) & (libc::O_ACCMODE | libc::O_NONBLOCK), libc::O_RDONLY);
    assert_null(program, [1, 2]);
}

#[test]
fn one_output_alone_leaves_the_others_null() {
    let place = Place::new();
    for (option, number) in [("-i", 0), ("-o", 1), ("-e", 2)] {
        place.file("file", "");
        let program = start(&place, [option, "file", "--", "/bin/sleep", "100"]);
        assert_eq!(program.descriptors()[&number], place.path("file"));
        assert_null(program, (0..3).filter(|other| *other != number));
        program.end();
    }
}

#[test]
fn a_fifo_is_opened_without_waiting_and_written_to_with_waiting() {
    let place = Place::new();
    fifo(&place.path("fifo"));
    for option in ["-o", "-e"] {
        let step = if option == "-o" { "stdout" } else { "stderr" };
        let outcome = place.run(["-p", "x.pid", option, "fifo", "--", "/bin/sleep", "100"]);
        outcome.assert_failed(125, &format!("cannot open {step} fifo: No such device or address"));
        assert_eq!(place.processes(), []);
    }
    // As standard input it needs no writer, and with a reader it is an output like any other.
    let reader = start(&place, ["-i", "fifo", "--", "/bin/sleep", "100"]);
    let writer = start(&place, ["-o", "fifo", "-e", "fifo", "--", "/bin/sleep", "100"]);
    for (program, number) in [(reader, 0), (writer, 1), (writer, 2)] {
        assert_eq!(program.descriptors()[&number], place.path("fifo"));
        assert_eq!(program.descriptor_flags(number) & libc::O_NONBLOCK, 0);
    }
    assert!(!place.path("x.pid").exists());
}

#[test]
fn a_full_device_as_an_output_is_the_programs_affair() {
    let place = Place::new();
    let words = ["-w", "-o", "/dev/full", "-e", "/dev/full", "--", "/bin/sh", "-c", "echo text"];
    assert_ne!(place.run(words).code, 125);
    let program = start(&place, ["-a", "-o", "/dev/full", "-e", "/dev/full", "--", "/bin/sleep", "100"]);
    assert_eq!(program.descriptors()[&1], Path::new("/dev/full"));
}

/// Bytes that are no UTF-8, blanks, line ends, nothing.
const ODD: [&[u8]; 6] = [b"\xff\xfe\x80", b"", b"a b", b"line\nend", b"-p", "h\u{e9}\u{20ac}".as_bytes()];

/// A program that stays as it was executed.
const STOPPED: [&[u8]; 4] = [b"--", b"/bin/sh", b"-c", b"kill -STOP $$"];

fn odd(words: &[&'static [u8]]) -> Vec<&'static OsStr> {
    words.iter().map(|word| OsStr::from_bytes(word)).collect()
}

#[test]
fn arguments_pass_byte_for_byte() {
    let place = Place::new();
    let words = odd(&[&STOPPED[..], &ODD].concat());
    for with in [&["-P"][..], &["-P", "--single-fork"], &["-P", "-p", "x.pid", "-E", "A=B"]] {
        let program = started(&place, place.dmz(with).args(&words));
        assert_eq!(program.arguments(), words[1..]);
        program.end();
    }
    let many: Vec<OsString> = (0..20_000).map(|number| number.to_string().into()).collect();
    let program = started(&place, place.dmz(["-P"]).args(&words).args(&many));
    assert_eq!(program.arguments()[1 + 2 + ODD.len()..], many);
}

#[test]
fn paths_need_not_be_utf_8() {
    let place = Place::new();
    let name = |ending: &[u8]| OsStr::from_bytes(&[&b"\xff\x80 \n"[..], ending].concat()).to_owned();
    let [pidfile, out, folder] = [&b".pid"[..], b".out", b".folder"].map(name);
    fs::create_dir(place.path(&folder)).unwrap();
    Place::copy("/bin/sleep", place.path(&folder).join("program"));
    let path = Path::new(&folder).join("program");
    let options = ["-p", "-o", "-c"].map(OsStr::new).into_iter().zip([&pidfile, &out, &folder]);
    let words = options.flat_map(|(option, value)| [option, value]).chain([path.as_os_str(), "100".as_ref()]);
    let daemon = start(&place, words);
    assert_eq!(daemon.arguments(), [path.as_os_str(), "100".as_ref()]);
    assert_eq!(daemon.link("cwd"), place.path(&folder));
    assert_eq!(daemon.descriptors()[&1], place.path(&out));
    assert_pidfile(place.path(&pidfile), daemon);
}

#[test]
fn the_environment_passes_byte_for_byte() {
    let place = Place::new();
    let mut command = place.dmz([""; 0]);
    let (name, value) = command.get_envs().next().unwrap();
    let mark = [name.as_bytes(), b"=", value.unwrap().as_bytes()].concat();
    // Also what no shell would make: no `=`, no name, a name twice, nothing at all.
    let odd: [&[u8]; 8] = [&mark, b"A=\xff\xfe", b"A=twice", b"plain", b"", b"=C:=x", b"B=line\nend", b"LONG="];
    let path = dmz();
    let words: Vec<&[u8]> = vec![path.as_os_str().as_bytes(), b"-P", b"--", b"/bin/sleep", b"100"];
    let program = started(&place, exactly(&mut command, &words, &odd));
    assert_eq!(program.environment(), odd.map(OsStr::from_bytes));
    assert_daemon(program);
}

#[test]
fn there_may_be_no_environment() {
    let place = Place::new();
    let path = dmz();
    for with in [&[][..], &[&b"-E"[..], b"A=B"]] {
        let words = [&[path.as_os_str().as_bytes(), b"-P"], with, &[b"/bin/sleep", b"100"]].concat();
        let program = started(&place, exactly(&mut place.dmz([""; 0]), &words, &[]));
        assert_eq!(program.environment(), with.iter().skip(1).map(|word| OsStr::from_bytes(word)).collect::<Vec<_>>());
        assert_daemon(program);
        program.end();
    }
}

#[test]
fn the_environment_is_cleared_unset_and_set_in_this_order() {
    let place = Place::new();
    // The options, and what is there of A, B, C, D then.
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["A=1", "B=2"]),
        (&["-E", "A=3"], &["A=3", "B=2"]),
        (&["--env", "C=3", "--env=D=", "-EA=x=y"], &["A=x=y", "B=2", "C=3", "D="]),
        (&["-E", "C=1", "-E", "C=2"], &["A=1", "B=2", "C=2"]),
        (&["--unset", "A"], &["B=2"]),
        (&["--unset", "A", "--unset=B", "--unset", "C"], &[]),
        (&["-E", "A=3", "--unset", "A"], &["A=3", "B=2"]),
        (&["-E", "A=3", "--clear-env"], &["A=3"]),
        (&["--clear-env", "--unset", "D", "-E", "D=\n"], &["D=\n"]),
        (&["--clear-env"], &[]),
        // A name is whole: neither the beginning nor the end of another.
        (&["--unset", "AA", "-E", "BB=1"], &["A=1", "B=2"]),
    ];
    for (with, expected) in cases {
        let program = started(&place, place.dmz(["-P"]).args(*with).args(SLEEP).env("A", "1").env("B", "2"));
        let mut there = program.environment();
        let all = there.len();
        there.retain(|word| matches!(word.as_bytes(), [b'A'..=b'D', b'=', ..]));
        there.sort();
        assert_eq!(there, *expected, "{with:?}");
        if with.contains(&"--clear-env") {
            assert_eq!(all, expected.len(), "nothing else: {with:?}");
        }
        program.end();
    }
}

#[test]
fn what_is_set_may_be_no_utf_8_and_empty() {
    let place = Place::new();
    let program = started(&place, place.dmz(["-P", "-E"]).args(odd(&[b"A\xff=\xfe\n", b"--env", b"B="])).args(SLEEP));
    let there = program.environment();
    assert!([&b"A\xff=\xfe\n"[..], b"B="].iter().all(|word| there.contains(&OsStr::from_bytes(word).to_owned())));
    program.end();
    let program = started(&place, place.dmz(["-P", "--unset"]).arg(OsStr::from_bytes(b"A\xff")).args(SLEEP));
    program.end();
}

#[test]
fn variables_that_name_dmz_name_the_program() {
    let place = Place::new();
    let script = "LISTEN_PID=$$ WATCHDOG_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"";
    for with in [&[][..], &["--single-fork"], &["-p", "x.pid"], &["-E", "A=B"]] {
        let mut command = place.command("/bin/sh");
        let program = started(&place, command.args(["-c", script]).arg(dmz()).arg("-P").args(with).args(SLEEP));
        let there = program.environment();
        for name in ["LISTEN_PID", "WATCHDOG_PID"] {
            assert!(there.iter().any(|word| *word == *format!("{name}={}", program.0)), "{name} {with:?} {there:?}");
        }
        assert!(there.iter().any(|word| word == "LISTEN_FDS=1"));
        program.end();
    }
}

#[test]
fn variables_that_name_another_process_are_left_alone() {
    let place = Place::new();
    for other in ["1", "", "x", "01", "4194304"] {
        let mut command = place.dmz(["-P"]);
        let program = started(&place, command.args(SLEEP).env("LISTEN_PID", other).env("WATCHDOG_PID", other));
        let there = program.environment();
        assert!(there.iter().any(|word| *word == *format!("LISTEN_PID={other}")), "{there:?}");
        assert!(there.iter().any(|word| *word == *format!("WATCHDOG_PID={other}")), "{there:?}");
        program.end();
    }
}

#[test]
fn argument_0_can_be_chosen() {
    let place = Place::new();
    let stopped = odd(&STOPPED);
    let cases: &[(&[&str], &str)] = &[
        (&["-n", "-name"], "-name"),
        (&["--argv0", "a b"], "a b"),
        (&["--initrd"], "@/bin/sh"),
        (&["--initrd", "-n", "name"], "@name"),
        (&["-n", "one", "-n", "two"], "two"),
    ];
    for (with, expected) in cases {
        let program = started(&place, place.dmz(["-P"]).args(*with).args(&stopped));
        assert_eq!(program.arguments(), [&[OsStr::new(expected)], &stopped[2..]].concat());
        assert_eq!(program.link("exe"), fs::canonicalize("/bin/sh").unwrap());
        program.end();
    }
    let program = started(&place, place.dmz(["-P", "-n"]).arg(OsStr::from_bytes(b"\xff\n")).args(&stopped));
    assert_eq!(program.arguments()[0].as_bytes(), b"\xff\n");
}

#[test]
fn in_the_foreground_this_process_becomes_the_program() {
    let place = Place::new();
    place.file("in", "");
    let mut command = place.dmz(["-f", "-p", "x.pid"]);
    let guard = Guard::of(hostile(opened_on(command.args(SLEEP).stdout(Stdio::piped()), 0, place.path("in"))));
    let program = guard.process();
    until("the exec", || (program.arguments() == SLEEP[1..]).then_some(()));
    settled(program);
    assert_pidfile(place.path("x.pid"), program);
    // SAFETY: getsid and getpgid take an integer.
    let ours = unsafe { (libc::getpgid(0), libc::getsid(0)) };
    assert_eq!((program.stat(5), program.stat(6)), (ours.0.into(), ours.1.into()), "group and session");
    assert_eq!(program.link("cwd"), place.folder);
    assert_eq!(program.status("Umask").unwrap(), "0077");
    let there = program.descriptors();
    assert_eq!(there[&0], place.path("in"));
    assert!(there[&1].to_str().unwrap().starts_with("pipe:"));
    let locked = program.locked_descriptors();
    assert_eq!((there.len(), locked.len()), (4, 1), "{there:?}");
    assert!(locked[0] >= 10);
    assert_eq!(program.signals("SigIgn") | program.signals("SigBlk"), 0);
}

#[test]
fn in_the_foreground_what_was_asked_for_is_done() {
    let place = Place::new();
    fs::create_dir(place.path("a")).unwrap();
    place.file("in", "");
    let with = ["-f", "-c", "a", "-k", "027", "-i", "in", "-o", "out", "-e", "out", "-n", "name", "-E", "A=B"];
    let guard = Guard::of(place.dmz(with).args(odd(&STOPPED)));
    let program = guard.process();
    until("the exec", || (program.arguments().first()? == "name").then_some(()));
    settled(program);
    assert_eq!(program.link("cwd"), place.path("a"));
    assert_eq!(program.status("Umask").unwrap(), "0027");
    let there = program.descriptors();
    assert_eq!([&there[&0], &there[&1], &there[&2]], [&place.path("in"), &place.path("out"), &place.path("out")]);
    assert!(program.environment().iter().any(|word| word == "A=B"));
}

#[test]
fn in_the_foreground_missing_standard_descriptors_are_null() {
    let place = Place::new();
    for set in 0..8 {
        let numbers: Vec<i32> = (0..3).filter(|number| set & 1 << number != 0).collect();
        let mut command = place.dmz(["-f"]);
        for number in 0..3 {
            opened(&mut command, number);
        }
        let guard = Guard::of(closed(command.args(SLEEP), &numbers));
        let program = guard.process();
        until("the exec", || (program.arguments() == SLEEP[1..]).then_some(()));
        settled(program);
        assert_null(program, numbers.iter().copied());
        let there = program.descriptors();
        assert_eq!(there.len(), 3, "{there:?}");
        for number in (0..3).filter(|number| !numbers.contains(number)) {
            assert_eq!(there[&number], Path::new("/dev/zero"));
        }
    }
}

#[test]
fn in_the_foreground_the_callers_signal_state_can_be_kept() {
    let place = Place::new();
    let mut command = place.dmz(["-f", "--keep-signals"]);
    let guard = Guard::of(signalled(command.args(SLEEP), &[libc::SIGHUP], &[libc::SIGTERM]));
    let program = guard.process();
    until("the exec", || (program.arguments() == SLEEP[1..]).then_some(()));
    settled(program);
    assert_eq!(program.signals("SigIgn") & USUAL, 1 << (libc::SIGHUP - 1));
    assert_eq!(program.signals("SigBlk"), 1 << (libc::SIGTERM - 1));
}
