//! Where a start must work, or fail clearly: as PID 1 and below it, without /dev, /proc or /etc, on a read-only root, on
//! older kernels and behind filters, under an emulator, from a terminal that goes away.

#[path = "support/launch.rs"]
mod launch;
mod support;

use launch::*;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::*;

/// A program that needs nothing, in a bare root.
const ALONE: [&str; 4] = ["--", "/busybox", "sleep", "100"];

/// What is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The null device's path in the program's own root, as it was when it was opened.
fn null_path(program: Process) -> PathBuf {
    let path = &program.descriptors()[&0];
    Path::new("/").join(path.strip_prefix(program.link("root")).unwrap())
}

fn lacks_chroot() -> bool {
    lacks_root() || lacks("busybox")
}

#[test]
fn a_session_process_that_is_pid_1_takes_nothing_down() {
    if lacks_root() || lacks("unshare") {
        return;
    }
    let place = Place::new();
    // Its first child is PID 1 of the new namespace, it itself is not in that.
    let mut command = place.command("setsid");
    command.args(["--wait", "unshare", "--pid"]).arg(dmz()).args(["-p", "x.pid"]).args(SLEEP);
    let outcome = Outcome::of(&mut command);
    assert_eq!(outcome.code, 125, "{outcome:?}");
    assert!(outcome.stderr.contains("PID 1"), "{outcome:?}");
    place.assert_left(&[]);
}

#[test]
fn a_monitor_that_would_be_pid_1_of_another_namespace_is_refused() {
    if lacks_root() || lacks("unshare") {
        return;
    }
    let place = Place::new();
    for options in [&["-S"][..], &["-S", "--ready=exec"], &["-S", "--ready=fd:3", "-t", "20"]] {
        let mut command = place.command("unshare");
        command.arg("--pid").arg(dmz()).args(["-p", "x.pid"]).args(options).args(SLEEP);
        let outcome = Outcome::of(&mut command);
        assert_eq!(outcome.code, 125, "{outcome:?}");
        assert!(outcome.stderr.contains("PID 1"), "{outcome:?}");
        place.assert_left(&[]);
    }
}

#[test]
fn the_proc_of_another_namespace_names_nobody_of_ours() {
    if lacks_root() || lacks("unshare") {
        return;
    }
    let place = Place::new();
    let mut command = place.command("unshare");
    command.args(["--pid", "--fork", "--kill-child"]).arg(dmz());
    command.args(["-I", "--", "/bin/sh", "-c", "\"$0\" --ready=fd:3 -t 1 -- /bin/sh -c 'sleep 100 & exec sleep 100'"]);
    command.arg(dmz()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = Guard::of(&mut command).end();
    assert_eq!(outcome.code, 124, "{outcome:?}");
}

#[test]
fn without_dev_proc_and_etc_the_program_finds_the_same() {
    if lacks_chroot() {
        return;
    }
    // The first of these folders that is there takes the null device.
    for (folder, expected) in [("dev", "/dev"), ("run", "/run"), ("tmp", "/tmp"), (".", "/")] {
        let place = Place::new();
        let root = bare_root(&place);
        let _ = fs::create_dir(root.join(folder));
        let before = names(&root);
        let mut command = place.command("/dmz");
        let program = started(&place, rooted(hostile(command.arg("-P").args(ALONE)), &root));
        assert_daemon(program);
        assert_eq!(null_path(program).parent().unwrap(), Path::new(expected));
        assert_eq!(names(&root), before, "nothing stays");
        assert!(folder == "." || names(&root.join(folder)).is_empty());
        program.end();
        let mut command = place.command("/dmz");
        closed(rooted(command.args(["-P", "-p", "/x.pid", "-o", "out"]).args(ALONE), &root), &[0, 2]);
        let program = started(&place, &mut command);
        assert_pidfile(root.join("x.pid"), program);
        assert_null(program, [0, 2]);
    }
}

#[test]
fn a_failure_without_dev_is_the_same_failure() {
    if lacks_chroot() {
        return;
    }
    let place = Place::new();
    let root = bare_root(&place);
    for with in [&[][..], &["-f"], &["-w"], &["--single-fork"]] {
        let mut command = place.command("/dmz");
        let outcome = Outcome::of(rooted(command.args(with).args(["-p", "x.pid", "/absent"]), &root));
        outcome.assert_failed(127, "cannot execute /absent: No such file or directory");
        assert_eq!(names(&root), ["busybox", "dmz"]);
    }
}

#[test]
fn what_only_is_called_dev_null_is_not_used_and_not_touched() {
    if lacks_chroot() {
        return;
    }
    type Make = fn(&Path);
    let kinds: [(&str, Make); 6] = [
        ("a regular file", |path| fs::write(path, "text").unwrap()),
        ("another device", |path| node(path, 1, 5)),
        ("a device that nobody drives", |path| node(path, 9, 200)),
        ("a directory", |path| fs::create_dir(path).unwrap()),
        ("a fifo", fifo),
        ("a link to nothing", |path| std::os::unix::fs::symlink("absent", path).unwrap()),
    ];
    for (kind, make) in kinds {
        let place = Place::new();
        let root = bare_root(&place);
        fs::create_dir(root.join("dev")).unwrap();
        make(&root.join("dev/null"));
        let mut command = place.command("/dmz");
        command.args(["-P", "--", "/busybox", "sh", "-c", "echo out; echo err >&2; exec /busybox sleep 100"]);
        let program = started(&place, rooted(&mut command, &root));
        assert_daemon(program);
        assert_eq!(names(&root.join("dev")), ["null"], "{kind}");
        if kind == "a regular file" {
            assert_eq!(fs::read(root.join("dev/null")).unwrap(), b"text");
        }
    }
}

#[test]
fn a_link_to_the_null_device_does_no_harm() {
    if lacks_chroot() {
        return;
    }
    let place = Place::new();
    let root = bare_root(&place);
    fs::create_dir(root.join("dev")).unwrap();
    node(&root.join("dev/nothing"), 1, 3);
    std::os::unix::fs::symlink("nothing", root.join("dev/null")).unwrap();
    let program = started(&place, rooted(place.command("/dmz").arg("-P").args(ALONE), &root));
    assert_daemon(program);
    assert_eq!(names(&root.join("dev")), ["nothing", "null"]);
}

#[test]
fn where_no_null_device_can_be_made_nothing_is_started() {
    if lacks_chroot() {
        return;
    }
    let place = Place::new();
    let root = bare_root(&place);
    for folder in ["dev", "run", "tmp"] {
        fs::create_dir(root.join(folder)).unwrap();
        fs::set_permissions(root.join(folder), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let before = names(&root);
    for way in ["a read-only root", "a root without devices", "a user who may not make one"] {
        let mut command = place.command("/dmz");
        match way {
            "a read-only root" => rooted(read_only(own_mounts(command.args(ALONE)), &root), &root),
            "a user who may not make one" => as_user(rooted(command.args(ALONE), &root), 12345),
            _ => {
                fs::create_dir(root.join("disk")).unwrap();
                let script = "cp dmz busybox disk && exec chroot disk /dmz -p x.pid -- /busybox sleep 100";
                command = place.command("/bin/sh");
                command.args(["-c", script]).current_dir(&root);
                mounted(own_mounts(&mut command), &root.join("disk"), libc::MS_NODEV, "")
            }
        };
        let outcome = Outcome::of(&mut command);
        assert_eq!((outcome.code, &*outcome.stdout), (125, ""), "{outcome:?}");
        assert_one_line(&outcome);
        assert!(outcome.stderr.contains("null device"), "{outcome:?}");
        assert_eq!(place.processes(), []);
        let _ = fs::remove_dir(root.join("disk"));
        assert_eq!(names(&root), before);
        assert!(["dev", "run", "tmp"].iter().all(|folder| names(&root.join(folder)).is_empty()));
    }
}

#[test]
fn a_read_only_root_is_enough_without_a_pidfile() {
    if lacks_chroot() {
        return;
    }
    let place = Place::new();
    let root = bare_root(&place);
    fs::create_dir(root.join("dev")).unwrap();
    node(&root.join("dev/null"), 1, 3);
    let dmz = |words: &[&str]| {
        let mut command = place.command("/dmz");
        rooted(read_only(own_mounts(command.args(words).args(ALONE)), &root), &root);
        command
    };
    let program = started(&place, &mut dmz(&["-P"]));
    assert_daemon(program);
    program.end();
    let cases = [("-p", "pidfile"), ("-l", "lockfile"), ("-o", "stdout"), ("-e", "stderr")];
    for (option, step) in cases {
        let outcome = Outcome::of(&mut dmz(&[option, "/x.pid"]));
        outcome.assert_failed(125, &format!("cannot open {step} /x.pid: Read-only file system"));
        assert_eq!(place.processes(), []);
    }
}

#[test]
fn one_writable_folder_is_enough_for_the_null_device() {
    if lacks_chroot() {
        return;
    }
    let place = Place::new();
    let root = bare_root(&place);
    for folder in ["dev", "run", "tmp"] {
        fs::create_dir(root.join(folder)).unwrap();
    }
    for folder in ["dev", "run", "tmp"] {
        let mut command = place.command("/dmz");
        let mounts = read_only(own_mounts(command.arg("-P").args(ALONE)), &root);
        let program = started(&place, rooted(mounted(mounts, &root.join(folder), 0, ""), &root));
        assert_daemon(program);
        program.end();
    }
}

#[test]
fn a_full_or_missing_proc_makes_no_difference_to_a_lock() {
    if lacks_chroot() {
        return;
    }
    let place = Place::new();
    let root = bare_root(&place);
    let mut command = place.command("/dmz");
    let program = started(&place, rooted(command.args(["-P", "-p", "x.pid"]).args(ALONE), &root));
    let second = Outcome::of(rooted(place.command("/dmz").args(["-p", "x.pid"]).args(ALONE), &root));
    second.assert_failed(123, &format!("already running, PID {}", program.0));
    assert_pidfile(root.join("x.pid"), program);
}

/// As many descriptors as there may be here.
fn highest() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one rlimit.
    done(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }).unwrap();
    limit.rlim_max
}

#[test]
fn the_highest_limit_of_descriptors_is_no_matter() {
    let place = Place::new();
    for with in [&[][..], &["-p", "x.pid"], &["--keep-fd", "400"]] {
        let mut command = place.dmz(["-P"]);
        limited(command.args(with).args(SLEEP), libc::RLIMIT_NOFILE as i32, highest());
        let program = started(&place, opened(opened(&mut command, 400), highest() as i32 - 1));
        let mut there: Vec<i32> = program.descriptors().into_keys().filter(|number| *number > 2).collect();
        there.retain(|number| !program.locked_descriptors().contains(number));
        assert_eq!(there, if with.contains(&"400") { &[400][..] } else { &[] });
        program.end();
    }
}

/// Calls that kernels of the last years have got, and dmz may like to use.
const NEWER: [libc::c_long; 12] = [
    libc::SYS_close_range,
    libc::SYS_clone3,
    libc::SYS_openat2,
    libc::SYS_faccessat2,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pidfd_getfd,
    libc::SYS_execveat,
    libc::SYS_statx,
    libc::SYS_memfd_create,
    libc::SYS_copy_file_range,
    libc::SYS_renameat2,
];

#[test]
fn newer_calls_that_are_refused_are_done_without() {
    let place = Place::new();
    for errno in [libc::ENOSYS, libc::EPERM] {
        let all: Vec<_> = NEWER.map(|call| (call, errno)).to_vec();
        let each = NEWER.map(|call| vec![(call, errno)]);
        for calls in each.into_iter().chain([all]) {
            let mut command = place.dmz(["-P", "-p", "x.pid"]);
            let program = place.started(filtered(hostile(command.args(SLEEP)), &calls));
            assert_pidfile(place.path("x.pid"), program);
            assert_daemon(settled(program));
            program.end();
        }
    }
}

#[test]
fn with_newer_calls_refused_every_way_to_start_and_to_fail_still_works() {
    let place = Place::new();
    let all: Vec<_> = NEWER.map(|call| (call, libc::ENOSYS)).to_vec();
    for way in [&[][..], &["-f"], &["-w"], &["--single-fork"], &["-C"]] {
        for (program, code) in [("/bin/true", 0), ("/absent", 127), ("/etc/passwd", 126)] {
            let mut command = place.dmz(way);
            let outcome = Outcome::of(filtered(command.args(["-p", "x.pid", program]), &all));
            assert_eq!(outcome.code, code, "{way:?} {outcome:?}");
            until("the end", || place.processes().is_empty().then_some(()));
            assert!(code == 0 || !place.path("x.pid").exists());
            let _ = fs::remove_file(place.path("x.pid"));
        }
    }
    let program = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    let outcome = Outcome::of(filtered(place.dmz(["-p", "x.pid"]).args(SLEEP), &all));
    outcome.assert_failed(123, &format!("already running, PID {}", program.0));
}

/// A process with this number, which leads a session of its own and waits (clone3(2), set_tid).
fn with_number(number: i32) -> std::io::Result<Process> {
    // SAFETY: all zeros are clone_args; the kernel reads them and one number; the child, alone in a copy of this memory, makes
    // only calls with integers.
    unsafe {
        let mut arguments: libc::clone_args = std::mem::zeroed();
        arguments.exit_signal = libc::SIGCHLD as u64;
        (arguments.set_tid, arguments.set_tid_size) = ((&raw const number) as u64, 1);
        let answer = libc::syscall(libc::SYS_clone3, &raw const arguments, size_of_val(&arguments)) as i32;
        if answer == 0 {
            libc::syscall(libc::SYS_setsid);
            loop {
                libc::syscall(libc::SYS_ppoll, 0, 0, 0, 0, 0);
            }
        }
        done(answer.min(0)).map(|()| Process(answer))
    }
}

#[test]
fn a_stranger_with_the_number_of_a_program_that_has_ended_is_let_alone() {
    if lacks_chroot() {
        return;
    }
    let place = Place::new();
    let root = bare_root(&place);
    // Without /proc a monitor ends what is left of the program's group, and here that is nothing.
    let mut command = place.command("/dmz");
    command.args(["-SPp", "x.pid", "--target=group", "--stop-timeout=1", "--", "/busybox", "sh", "-c"]);
    command.arg("/dmz -- /busybox sleep 100; until [ -e go ]; do :; done");
    let program = place.started(rooted(&mut command, &root));
    let monitor = place.own(lock_owner(root.join("x.pid")).unwrap());
    let left = || place.processes().into_iter().find(|process| ![monitor, program].contains(process));
    let left = until("what is left", || left().filter(|left| left.arguments() == ["/busybox", "sleep", "100"]));
    fs::write(root.join("go"), "").unwrap();
    let begin = Instant::now();
    let stranger = until("the number", || (!program.is_alive()).then(|| with_number(program.0).ok()).flatten());
    place.own(stranger);
    until("the kill", || (begin.elapsed() > Duration::from_secs(2)).then_some(()));
    assert!(stranger.is_alive());
    left.signal(libc::SIGKILL);
    until("the end", || (!monitor.is_alive()).then_some(()));
}

/// The calls of a 32-bit x86 program with times of 64 bits (Linux 5.1), and those with 32, which a kernel may lack.
const WIDE: &[libc::c_long] = &[403, 407, 414, 421];
const NARROW: &[libc::c_long] = &[162, 168, 177, 265, 267, 309];

#[test]
fn one_kind_of_calls_with_times_is_enough() {
    let is_x86 = fs::read(dmz()).unwrap()[18..20] == [3, 0]; // e_machine: EM_386
    // A filter that does not know the newer ones may say EPERM to them.
    let ways = [(WIDE, libc::ENOSYS), (WIDE, libc::EPERM), (NARROW, libc::ENOSYS)];
    for (missing, errno) in if is_x86 { ways.to_vec() } else { vec![(&[][..], 0)] } {
        let place = Place::new();
        let runs = |count| fs::read_to_string(place.path("runs")).is_ok_and(|runs| runs.lines().count() == count);
        let refused: Vec<_> = missing.iter().map(|call| (*call, errno)).collect();
        let mut command = place.dmz(["-SPp", "x.pid", "-r", "--restart-delay=20", "--stop-timeout=1", "-c", "."]);
        command.args(["--", "/bin/sh", "-c", "trap '' TERM; echo >>runs; exec sleep 100"]);
        let program = place.started(filtered(&mut command, &refused));
        let monitor = place.own(lock_owner(place.path("x.pid")).unwrap());
        until("a run", || runs(1).then_some(()));
        program.signal(libc::SIGKILL);
        until("the time for another one", || runs(2).then_some(()));
        monitor.signal(libc::SIGTERM);
        until("the time for its end", || place.processes().is_empty().then_some(()));
        let mut command = place.dmz(["--ready=fd:3", "-t", "1"]);
        let outcome = Outcome::of(filtered(command.args(SLEEP), &refused));
        assert_eq!(outcome.code, 124, "{outcome:?}");
    }
}

#[test]
fn without_close_range_and_proc_few_descriptors_are_closed_one_by_one() {
    if lacks_chroot() {
        return;
    }
    let place = Place::new();
    let root = bare_root(&place);
    for errno in [libc::ENOSYS, libc::EPERM] {
        // Lower than the numbers that are open, higher, and the highest of those.
        for limit in [64, 1024, highest().min(65_536)] {
            let mut command = place.command("/dmz");
            command.args(["-P", "-p", "x.pid"]).args(ALONE);
            opened(opened(&mut command, 55), 1000);
            rooted(limited(&mut command, libc::RLIMIT_NOFILE as i32, limit), &root);
            let program = started(&place, filtered(&mut command, &[(libc::SYS_close_range, errno)]));
            assert_pidfile(root.join("x.pid"), program);
            assert_daemon(program);
            program.end();
        }
    }
}

#[test]
fn without_close_range_a_limit_of_a_billion_takes_proc_or_is_refused() {
    if lacks_chroot() || lacks("strace") || skipped(cfg!(target_endian = "little"), "made for another machine") {
        return;
    }
    // Nobody may set such a limit here, so the kernel's answer is replaced: soft and hard.
    let billion = "F8FFFF3F00000000".repeat(2);
    let limits = |call: &str, number| format!("inject={call}:poke_exit=@arg{number}={billion}");
    let place = Place::new();
    let root = bare_root(&place);
    let traced = |root: &Path, program: &str| {
        let mut command = place.command("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=close_range,prlimit64,getrlimit"]);
        command.args(["-e", "inject=close_range:error=ENOSYS", "-e", &limits("prlimit64", 4)]);
        command.args(["-e", &limits("getrlimit", 2), "chroot"]).arg(root).arg(program);
        limited(&mut command, libc::RLIMIT_CPU as i32, 10); // not for a billion calls
        command
    };
    let mut command = traced(&root, "/dmz");
    let outcome = Outcome::of(command.args(["-p", "x.pid"]).args(ALONE));
    assert_cannot(&outcome, 125, "close descriptors", "too many");
    assert_eq!((place.processes(), names(&root)), (vec![], vec!["busybox".into(), "dmz".into()]));
    let mut command = traced(Path::new("/"), dmz().to_str().unwrap());
    let outcome = Outcome::of(opened(command.args(["-w", "--", "/bin/sh", "-c", "test ! -e /proc/$$/fd/55"]), 55));
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "closed by what /proc lists");
}

/// `dmz` as the first process of a namespace of its own.
fn first(place: &Place, words: &[&str]) -> Command {
    let mut command = place.command("unshare");
    command.args(["-pf", "--kill-child"]).arg(dmz()).args(words);
    command
}

fn lacks_namespaces() -> bool {
    lacks_root() || lacks("unshare")
}

#[test]
fn a_plain_start_as_pid_1_is_never_a_silent_death() {
    if lacks_namespaces() {
        return;
    }
    let place = Place::new();
    let has_monitor = place.run(["--help"]).stdout.contains("--init");
    let program = ["--", "/bin/sh", "-c", "echo ran; exit 7"];
    let outcome = Outcome::of(&mut first(&place, &[&["-p", "x.pid", "-o", "out"][..], &program].concat()));
    if has_monitor {
        assert_eq!((outcome.code, &*outcome.stderr), (7, ""));
        assert_eq!(fs::read_to_string(place.path("out")).unwrap(), "ran\n");
    } else {
        assert_eq!(outcome.code, 125);
        assert_one_line(&outcome);
        place.assert_left(&[]);
    }
    assert!(!place.path("x.pid").exists());
}

#[test]
fn as_pid_1_the_foreground_is_the_program() {
    if lacks_namespaces() {
        return;
    }
    let place = Place::new();
    let words = ["-f", "-p", "x.pid", "-o", "out", "--", "/bin/sh", "-c", "echo $$; exit 7"];
    let outcome = Outcome::of(&mut first(&place, &words));
    assert_eq!((outcome.code, &*outcome.stderr), (7, ""));
    assert_eq!(fs::read_to_string(place.path("out")).unwrap(), "1\n");
}

#[test]
fn as_pid_1_a_wait_stays_or_refuses() {
    if lacks_namespaces() {
        return;
    }
    let place = Place::new();
    let outcome = Outcome::of(&mut first(&place, &["-w", "-p", "x.pid", "--", "/bin/sh", "-c", "exit 7"]));
    if outcome.code != 7 {
        assert_eq!(outcome.code, 125);
        assert_one_line(&outcome);
    }
    place.assert_left(&[]);
}

#[test]
fn as_pid_1_there_is_nothing_to_detach_from() {
    if lacks_namespaces() {
        return;
    }
    // It would be killed as soon as dmz returned.
    let place = Place::new();
    let outcome = Outcome::of(&mut first(&place, &["--single-fork", "-p", "x.pid", "--", "/bin/sleep", "100"]));
    assert_eq!(outcome.code, 125, "{outcome:?}");
    assert_one_line(&outcome);
    place.assert_left(&[]);
}

#[test]
fn a_child_of_pid_1_returns_at_once_and_the_program_stays() {
    if lacks_namespaces() {
        return;
    }
    for with in [&[][..], &["--single-fork"]] {
        let place = Place::new();
        let mut command = place.command("unshare");
        let script = "dmz=$1; shift; \"$dmz\" \"$@\"; echo $?; read line; exit 9";
        command.args(["-pf", "--kill-child", "/bin/sh", "-c", script, "sh"]).arg(dmz());
        command.args(with).args(["-p", "x.pid"]).args(SLEEP);
        let mut first = Guard::of(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(first.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "0\n", "it has returned");
        let program = place.own(lock_owner(place.path("x.pid")).unwrap());
        let text = fs::read_to_string(place.path("x.pid")).unwrap();
        let numbers = program.status("NSpid").unwrap();
        assert_eq!(text.trim(), numbers.rsplit('\t').next().unwrap(), "the process id there");
        settled(program);
        if with.is_empty() {
            assert_daemon(program);
        }
        let parent = Process(program.stat(4) as i32);
        assert!(parent.status("NSpid").unwrap().ends_with("\t1"), "its parent is PID 1");
        drop(first.0.stdin.take());
        assert_eq!(first.end().code, 9);
    }
}

#[test]
fn a_failure_as_child_of_pid_1_is_the_same_failure() {
    if lacks_namespaces() {
        return;
    }
    let place = Place::new();
    for (program, code) in [("/absent", 127), ("/etc/passwd", 126)] {
        let mut command = place.command("unshare");
        let script = "\"$@\"; exit $?";
        command.args(["-pf", "--kill-child", "/bin/sh", "-c", script, "sh"]).arg(dmz());
        let outcome = Outcome::of(command.args(["-p", "x.pid", program]));
        assert_eq!(outcome.code, code);
        assert_one_line(&outcome);
        place.assert_left(&[]);
    }
}

#[test]
fn a_terminal_whose_leader_is_dmz_takes_nothing_down() {
    let place = Place::new();
    for _ in 0..rounds(60) {
        let (master, slave) = terminal();
        let mut command = place.dmz(["-p", "x.pid"]);
        assert!(lead(command.args(SLEEP), &slave).status().unwrap().success());
        // The leader is gone: whoever was still in its session has got its SIGHUP. Now the terminal hangs up, too.
        drop(master);
        let program = place.own(lock_owner(place.path("x.pid")).expect("the program lives"));
        assert_pidfile(place.path("x.pid"), program);
        assert_eq!(settled(program).signals("ShdPnd"), 0);
        program.end();
    }
}

#[test]
fn a_terminal_whose_leader_leaves_at_once_takes_nothing_down() {
    let place = Place::new();
    for _ in 0..rounds(60) {
        let (master, slave) = terminal();
        let mut command = place.command("/bin/sh");
        command.args(["-c", "\"$0\" -p x.pid -- sleep 100; exit $?"]).arg(dmz());
        assert!(lead(&mut command, &slave).status().unwrap().success());
        drop(master);
        let program = place.own(lock_owner(place.path("x.pid")).expect("the program lives"));
        assert_pidfile(place.path("x.pid"), program);
        program.end();
    }
}

#[test]
fn a_caller_that_ignores_its_childrens_ends_gets_the_same_answers() {
    let place = Place::new();
    const CHILD: &[i32] = &[libc::SIGCHLD];
    for way in [&[][..], &["--single-fork"], &["-w"], &["-f"]] {
        let outcome = Outcome::of(signalled(place.dmz(way).args(["-p", "x.pid", "/absent"]), CHILD, &[]));
        outcome.assert_failed(127, "cannot execute /absent: No such file or directory");
        place.assert_left(&[]);
    }
    let program = started(&place, signalled(place.dmz(["-P", "-p", "x.pid"]).args(SLEEP), CHILD, &[]));
    assert_daemon(program);
    let outcome = Outcome::of(signalled(place.dmz(["-w", "--", "/bin/sh", "-c"]).arg("exit 7"), CHILD, &[]));
    assert_eq!((outcome.code, &*outcome.stderr), (7, ""));
}

#[test]
fn a_directory_that_is_gone_only_matters_to_what_is_in_it() {
    let place = Place::new();
    let gone = || {
        let mut command = place.command("/bin/sh");
        command.args(["-c", "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"", "sh"]).arg(dmz());
        command
    };
    let path = place.path("x.pid");
    let program = started(&place, gone().args(["-P", "-p"]).arg(&path).args(SLEEP));
    assert_pidfile(&path, program);
    assert_daemon(program);
    program.end();
    let outcome = Outcome::of(gone().arg("./program"));
    outcome.assert_failed(125, "cannot find the current directory: No such file or directory");
    let outcome = Outcome::of(gone().args(["-p", "x.pid", "/bin/true"]));
    outcome.assert_failed(125, "cannot open pidfile x.pid: No such file or directory");
    place.assert_left(&["x.pid"]);
}

/// `dmz` under an emulator, if there is one.
fn emulated(place: &Place, words: &[&str]) -> Option<Command> {
    if lacks("qemu-x86_64-static") || skipped(cfg!(target_arch = "x86_64"), "made for another machine") {
        return None;
    }
    let mut command = place.command("qemu-x86_64-static");
    command.arg(dmz()).args(words);
    Some(command)
}

#[test]
fn under_an_emulator_whose_vfork_is_a_fork_a_start_is_the_same() {
    let place = Place::new();
    for way in [&["-P"][..], &["-P", "-o", "out", "-k", "077"], &["-P", "-C"]] {
        let Some(mut command) = emulated(&place, &[way, &["-p", "x.pid"], &SLEEP].concat()) else { return };
        let program = place.started(&mut command);
        assert_pidfile(place.path("x.pid"), program);
        let program = settled(program);
        assert_ne!(program.stat(6), i64::from(program.0), "not its session's leader");
        assert_eq!((program.stat(7), program.arguments()), (0, SLEEP[1..].iter().map(|word| word.into()).collect()));
        assert_eq!(place.processes(), [program], "nobody stays with it");
        let second = Outcome::of(&mut emulated(&place, &["-p", "x.pid", "--", "/bin/sleep", "100"]).unwrap());
        second.assert_failed(123, &format!("already running, PID {}", program.0));
        program.end();
    }
}

#[test]
fn under_an_emulator_the_leader_of_a_group_starts_the_same() {
    let place = Place::new();
    let Some(mut command) = emulated(&place, &[&["-P", "-p", "x.pid"], &SLEEP[..]].concat()) else { return };
    // SAFETY: setpgid takes integers.
    let program = place.started(before(&mut command, || done(unsafe { libc::setpgid(0, 0) })));
    assert_pidfile(place.path("x.pid"), program);
    assert_ne!(settled(program).stat(6), i64::from(program.0));
}

#[test]
fn under_an_emulator_every_way_to_fail_is_the_same() {
    let place = Place::new();
    for way in [&[][..], &["-f"], &["--single-fork"]] {
        let Some(mut command) = emulated(&place, &[way, &["-p", "x.pid", "/absent"]].concat()) else { return };
        Outcome::of(&mut command).assert_failed(127, "cannot execute /absent: No such file or directory");
        place.assert_left(&[]);
    }
}

#[test]
fn under_an_emulator_a_single_fork_is_the_same() {
    let place = Place::new();
    let words = [&["-P", "--single-fork", "-p", "x.pid"], &SLEEP[..]].concat();
    let Some(mut command) = emulated(&place, &words) else { return };
    let program = place.started(&mut command);
    assert_pidfile(place.path("x.pid"), program);
    assert_eq!(settled(program).stat(6), program.0.into());
}

/// Where vfork only forks, the launcher is not asleep while the daemon does its steps; here the first one takes a second.
#[test]
fn under_an_emulator_a_single_fork_is_no_success_before_the_exec() {
    let place = Place::new();
    let Some(emulated) = emulated(&place, &["--single-fork", "-i", "absent", "/bin/true"]) else { return };
    if lacks("strace") {
        return;
    }
    let slow = ["-f", "--seccomp-bpf", "-o", "calls", "-e", "trace=setsid", "-e", "inject=setsid:delay_enter=1000000"];
    let mut command = place.command("strace");
    command.args(slow).arg(emulated.get_program()).args(emulated.get_args());
    Outcome::of(&mut command).assert_failed(125, "cannot open stdin absent: No such file or directory");
    place.assert_left(&["calls"]);
}

#[test]
fn under_an_emulator_that_adopts_no_orphans_a_wait_is_refused() {
    let place = Place::new();
    let Some(mut command) = emulated(&place, &["-w", "-p", "x.pid", "--", "/bin/sh", "-c", "exit 7"]) else { return };
    Outcome::of(&mut command).assert_failed(125, "cannot adopt orphans: Invalid argument");
    place.assert_left(&[]);
}

#[test]
fn an_inherited_pipe_ends_when_dmz_returns() {
    let place = Place::new();
    for way in [&[][..], &["--single-fork"]] {
        let mut command = place.dmz(way);
        command.args(["-p", "x.pid"]).args(SLEEP).stdout(Stdio::piped()).stderr(Stdio::piped());
        // SAFETY: dup2 takes integers.
        before(&mut command, || done(unsafe { libc::dup2(1, 55) }));
        let mut child = Guard::of(&mut command);
        let mut text = String::new();
        child.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((child.end().code, &*text), (0, ""));
        let program = place.own(lock_owner(place.path("x.pid")).unwrap());
        assert!(program.is_alive());
        program.end();
    }
}
