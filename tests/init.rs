//! `-I`: the monitor in the foreground, and dmz as PID 1 of a container or of a machine. Statuses, signals and ends as the
//! caller, or the caller of the container, sees them.

#[path = "support/play.rs"]
mod play;
mod support;

use libc::{SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGUSR1};
use play::*;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Instant;
use support::*;

const LONG: &str = "--stop-timeout=600";

/// Signals that do not end a process by default.
const HARMLESS: [i32; 8] = [
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGURG,
    libc::SIGWINCH,
    libc::SIGSTOP,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

/// `dmz` with these options and this program as PID 1 of a PID namespace; `how` as in `play.rs`.
fn first_process(place: &Place, how: &str, options: &[&str], program: Vec<std::ffi::OsString>) -> Command {
    let mut all = play("namespace", &[how]);
    all.push(dmz().into());
    all.extend(words(options, program));
    let mut command = place.command(&all[0]);
    command.args(&all[1..]);
    command
}

/// Starts a `dmz -I` with one that listens: dmz, and the program.
fn listening(place: &Place, options: &[&str]) -> (Process, Process) {
    let init = spawn(&mut place.dmz(words(&[&["-I", "-o", "heard"], options].concat(), play("listen", &[]))));
    until_lines(place.path("heard"), 1);
    (init, child(init))
}

/// The same as PID 1: the outermost process, which ends as dmz does; dmz; the program.
fn listening_first(place: &Place, how: &str, options: &[&str]) -> (Process, Process, Process) {
    let options = [&["-o", "heard"], options].concat();
    let outer = spawn(&mut first_process(place, how, &options, play("listen", &[])));
    until_lines(place.path("heard"), 1);
    let init = child(outer);
    (outer, init, child(init))
}

fn heard(place: &Place, count: usize) -> Vec<i32> {
    until_lines(place.path("heard"), count + 1)[1..].iter().map(|line| line.parse().unwrap()).collect()
}

// Statuses.

#[test]
fn every_exit_status_is_the_programs_own() {
    let place = Place::new();
    for option in ["-I", "-w"] {
        for status in 0..256 {
            let outcome = finish_dmz(&place, [option, "--", "/bin/sh", "-c", &format!("exit {status}")]);
            assert_eq!((outcome.code, outcome.stderr.as_str()), (status, ""), "{option}");
        }
    }
}

/// Signals that end a program.
fn deadly() -> impl Iterator<Item = i32> {
    (1..=64).filter(|number| !HARMLESS.contains(number))
}

/// Waits until dmz, writing to the file `pid`, has printed the program's number: then it was started.
fn until_started(place: &Place, command: &mut Command) -> Process {
    let file = fs::File::create(place.path("pid")).unwrap();
    let outer = spawn(command.stdout(file));
    until_lines(place.path("pid"), 1);
    outer
}

#[test]
fn a_death_by_any_signal_is_the_same_death() {
    for option in ["-I", "-w"] {
        let place = Place::new();
        for number in deadly() {
            let mut command = place.dmz(words(&[option, "-P"], sleep()));
            let dmz = until_started(&place, without_core(&mut command));
            Process(lines(place.path("pid"))[0].parse().unwrap()).signal(number);
            let status = dmz.wait();
            assert_eq!((status.signal(), status.code()), (Some(number), None), "{option}");
        }
    }
}

#[test]
fn a_program_that_dies_of_its_own_signal_at_once_was_started_all_the_same() {
    // Inside an exec a process can only die of the kernel's KILL or SEGV, for the others are blocked until then.
    let place = Place::new();
    for number in [SIGHUP, SIGTERM, libc::SIGABRT, SIGUSR1] {
        for option in ["-I", "-w"] {
            let mut command = place.dmz([option, "--", "/bin/sh", "-c", &format!("kill -{number} $$")]);
            let outcome = finish(without_core(&mut command));
            assert_eq!((outcome.code, outcome.stderr.as_str()), (128 + number, ""), "{option}");
        }
    }
}

#[test]
fn signals_that_do_not_kill_do_not_end_dmz() {
    let place = Place::new();
    for number in [libc::SIGCHLD, libc::SIGCONT, libc::SIGURG, libc::SIGWINCH] {
        let outcome = finish_dmz(&place, words(&["-I"], play("die", &[&number.to_string()])));
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{number}");
    }
}

#[test]
fn as_pid_1_a_status_is_the_programs_and_a_death_is_128_and_the_signal() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for status in [0, 1, 7, 122, 125, 127, 128, 255] {
        let outcome = finish(&mut first_process(&place, "", &[], sh(&format!("exit {status}"))));
        assert_eq!((outcome.code, outcome.stderr.as_str()), (status, ""));
    }
    for number in deadly() {
        let mut command = first_process(&place, "", &["-P"], sleep());
        let outer = until_started(&place, without_core(&mut command));
        child(child(outer)).signal(number);
        let status = outer.wait();
        assert_eq!((status.code(), status.signal()), (Some(128 + number), None));
    }
}

#[test]
fn listed_statuses_and_signals_are_success() {
    let place = Place::new();
    for (list, end, code) in [
        ("143", "exit 143", 0),
        ("143", "kill -TERM $$", 143),
        ("TERM", "kill -TERM $$", 0),
        ("TERM", "exit 143", 143),
        ("SIGTERM,3,RTMAX", "exit 3", 0),
        ("SIGTERM,3,RTMAX", "exit 15", 15),
        ("255", "exit 255", 0),
        ("3", "exit 0", 0),
    ] {
        let outcome = finish_dmz(&place, words(&["-I", "--exit-ok", list], sh(end)));
        assert_eq!((outcome.code, outcome.stderr.as_str()), (code, ""), "{list}: {end}");
    }
}

#[test]
fn a_program_that_cannot_be_started_is_126_or_127_and_the_reason_is_said() {
    let place = Place::new();
    place.file("plain", "x");
    for (program, code) in [("/nonexistent/program", 127), ("nonexistent-program", 127), ("./plain", 126), ("/", 126)] {
        let outcome = finish_dmz(&place, ["-I", "-p", "x.pid", "--", program]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (code, ""), "{program}: {outcome:?}");
        assert!(
            outcome.stderr.starts_with("dmz: cannot execute ") && outcome.stderr.lines().count() == 1,
            "{outcome:?}"
        );
        place.assert_left(&["plain"]);
    }
}

#[test]
fn an_ignored_sigchld_does_not_hang() {
    let place = Place::new();
    for options in [&["-I"][..], &["-I", "--keep-signals"], &["-w"]] {
        let mut command = place.dmz(words(options, sh("exit 7")));
        before(&mut command, || ignore(libc::SIGCHLD));
        assert_eq!(finish(&mut command).code, 7, "{options:?}");
    }
}

#[test]
fn blocked_signals_do_not_hang() {
    let place = Place::new();
    let mut command = place.dmz(words(&["-I"], sh("exit 7")));
    before(&mut command, || block(u64::MAX));
    assert_eq!(finish(&mut command).code, 7);
}

// What is left alone.

#[test]
fn descriptors_directory_umask_and_session_are_the_callers() {
    let place = Place::new();
    let out = fs::File::create(place.path("out")).unwrap();
    let mut command = place.dmz(words(&["-I"], sleep()));
    command.stdout(out.try_clone().unwrap()).stderr(out);
    // SAFETY: integers only.
    before(&mut command, || done(unsafe { libc::umask(0o137) } as i32));
    let init = spawn(&mut command);
    let program = child(init);
    let out = place.path("out");
    until_descriptors(program, [(0, "/dev/null".into()), (1, out.clone()), (2, out)]);
    assert_eq!(program.link("cwd"), place.folder);
    assert_eq!(program.status("Umask").unwrap(), "0137");
    assert_eq!(program.stat(6), init.stat(6), "the same session");
    assert_eq!(program.stat(5), i64::from(program.0), "a group of its own");
    assert_eq!(comm(init), "dmz: up");
}

#[test]
fn what_is_asked_for_is_done() {
    let place = Place::new();
    let options = ["-I", "-c", "/", "-k", "027", "-o", "out", "-E", "A=1"];
    assert_eq!(finish_dmz(&place, words(&options, sh("pwd; umask; echo $A"))).code, 0);
    assert_eq!(lines(place.path("out")), ["/", "0027", "1"]);
}

#[test]
fn the_pidfile_names_the_program_is_locked_by_dmz_and_goes_with_the_program() {
    let place = Place::new();
    let (init, program) = listening(&place, &["-p", "x.pid"]);
    // The program runs a moment before all is written.
    assert_eq!(until_lines(place.path("x.pid"), 1), [program.0.to_string()]);
    assert_eq!(lock_owner(place.path("x.pid")), Some(init));
    program.signal(SIGKILL);
    assert_eq!(init.wait().signal(), Some(SIGKILL));
    place.assert_left(&["heard"]);
}

#[test]
fn print_pid_prints_the_programs_number() {
    let place = Place::new();
    let outcome = finish_dmz(&place, words(&["-I", "-P", "-o", "out"], sh("echo $$")));
    assert_eq!((outcome.code, outcome.stdout), (0, fs::read_to_string(place.path("out")).unwrap()));
}

// Signals.

#[test]
fn every_signal_is_forwarded_as_it_is() {
    let place = Place::new();
    let (init, _) = listening(&place, &[]);
    let all: Vec<_> = forwardable().collect();
    for (at, number) in all.iter().enumerate() {
        // One at a time: the kernel drops a pending TSTP when CONT comes.
        init.signal(*number);
        assert_eq!(heard(&place, at + 1), all[..=at]);
    }
}

#[test]
fn every_signal_is_forwarded_by_pid_1_too() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let (_, init, _) = listening_first(&place, "", &[]);
    let all: Vec<_> = forwardable().collect();
    for (at, number) in all.iter().enumerate() {
        init.signal(*number);
        assert_eq!(heard(&place, at + 1), all[..=at]);
    }
}

#[test]
fn pid_1_also_hears_signals_from_inside() {
    if lacks_root() {
        return;
    }
    // The kernel drops what PID 1 neither blocks nor handles.
    let place = Place::new();
    let program = sh("trap 'exit 3' TERM; kill -TERM 1; while :; do sleep .01; done");
    assert_eq!(finish(&mut first_process(&place, "", &[], program)).code, 3);
}

#[test]
fn without_a_timeout_term_is_forwarded_every_time_and_never_kills() {
    let place = Place::new();
    let (init, program) = listening(&place, &[]);
    for (at, number) in [SIGTERM, SIGINT, SIGTERM].into_iter().enumerate() {
        init.signal(number);
        assert_eq!(heard(&place, at + 1)[at], number);
    }
    assert!(program.is_alive());
    program.signal(SIGKILL);
    assert_eq!(init.wait().signal(), Some(SIGKILL));
}

#[test]
fn with_a_timeout_the_program_is_killed_after_it() {
    let place = Place::new();
    let (init, _) = listening(&place, &["--stop-timeout=1"]);
    init.signal(SIGTERM);
    assert_eq!(init.wait().signal(), Some(SIGKILL));
    assert_eq!(heard(&place, 1)[0], SIGTERM);
    place.assert_left(&["heard"]);
}

#[test]
fn a_map_comes_before_everything_else() {
    let place = Place::new();
    let (init, _) = listening(&place, &["--map=TERM:QUIT", "--map=INT:0", "--map=USR1:TERM"]);
    for number in [SIGTERM, SIGINT, SIGUSR1] {
        init.signal(number);
        heard(&place, if number == SIGUSR1 { 2 } else { 1 });
    }
    assert_eq!(heard(&place, 2), [libc::SIGQUIT, SIGTERM]);
}

#[test]
fn a_signal_that_is_dropped_begins_no_stop() {
    let place = Place::new();
    let (init, program) = listening(&place, &["--map=TERM:0", "--stop-timeout=0"]);
    init.signal(SIGTERM);
    init.signal(SIGUSR1);
    assert_eq!(heard(&place, 1), [SIGUSR1]);
    assert!(program.is_alive());
    program.signal(SIGKILL);
    init.wait();
}

#[test]
fn a_stop_reaches_what_is_stopped_dmz_itself_and_its_program() {
    let place = Place::new();
    let init = spawn(&mut place.dmz(words(&["-I", "-p", "x.pid"], sleep())));
    until_lines(place.path("x.pid"), 1);
    let program = child(init);
    for process in [program, init] {
        process.signal(libc::SIGSTOP);
        until("it to stop", || process.status("State").unwrap().starts_with('T').then_some(()));
    }
    assert_eq!(place.run(["-K", "-t", "5", "-p", "x.pid"]).code, 0);
    assert_eq!(init.wait().signal(), Some(SIGTERM));
}

#[test]
fn the_group_is_the_target_if_asked() {
    let place = Place::new();
    let options = ["-I", "-o", "heard", "--target=group"];
    let init = spawn(&mut place.dmz(words(&options, play("group", &[]))));
    until_lines(place.path("heard"), 2);
    init.signal(SIGUSR1);
    let mut said = until_lines(place.path("heard"), 4)[2..].to_vec();
    said.sort();
    assert_eq!(said, ["child 10", "parent 10"]);
}

#[test]
fn term_is_followed_by_no_restart() {
    let options = ["-I", "-r", "--restart-delay=0", "-o", "runs", "-p", "x.pid"];
    let program = sh("trap 'exit 3' TERM INT; echo run; while :; do sleep .01; done");
    for number in [SIGTERM, SIGINT] {
        let place = Place::new();
        let init = spawn(&mut place.dmz(words(&options, program.clone())));
        until_lines(place.path("runs"), 1);
        init.signal(number);
        assert_eq!(init.wait().code(), Some(3));
        assert_eq!(lines(place.path("runs")), ["run"]);
        place.assert_left(&["runs"]);
    }
}

#[test]
fn term_during_the_restart_delay_ends_it_at_once_with_the_last_status() {
    let place = Place::new();
    let options = ["-I", "-r", "--restart-delay=30000", "-o", "runs", "-p", "x.pid", LONG];
    let init = spawn(&mut place.dmz(words(&options, sh("echo run; exit 3"))));
    until_comm(init, "dmz: wait");
    until("an empty pidfile", || fs::read(place.path("x.pid")).unwrap().is_empty().then_some(()));
    init.signal(SIGTERM);
    assert_eq!(init.wait().code(), Some(3));
    assert_eq!(lines(place.path("runs")), ["run"]);
    place.assert_left(&["runs"]);
}

#[test]
fn it_gives_up_with_the_last_status() {
    let place = Place::new();
    let program = sh("echo run >>runs; exit $((10 + $(wc -l <runs)))");
    let outcome = finish_dmz(&place, words(&["-I", "-r", "--restart-delay=0", "--restart-max=3"], program));
    assert_eq!((outcome.code, lines(place.path("runs")).len()), (14, 4));
}

#[test]
fn a_program_that_cannot_be_started_again_is_126_or_127_as_at_first_and_the_reason_is_said() {
    let place = Place::new();
    for (text, status, reason) in [
        ("#!/bin/sh\nrm \"$0\"\nexit 1\n", 127, "No such file or directory"),
        ("#!/bin/sh\nchmod -x \"$0\"\nexit 1\n", 126, "Permission denied"),
    ] {
        let script = place.script("program", text);
        // It is dmz's own failure, so no list of the program's statuses makes it a success.
        let options = ["-I", "-p", "x.pid", "-r", "--restart-delay=0", "--restart-max=2", "--exit-ok=126,127"];
        let line = format!("dmz: cannot execute {}: {reason}\n", script.display());
        // An older pidfile goes as well.
        for old in [false, true] {
            if old {
                place.script("program", text);
                place.file("x.pid", "");
            }
            let outcome = finish_dmz(&place, words(&options, vec![script.clone().into()]));
            assert_eq!((outcome.code, &*outcome.stderr), (status, &*line));
            assert!(!place.path("x.pid").exists());
        }
    }
}

#[test]
fn a_status_that_is_listed_as_success_ends_restarts_on_failure() {
    let place = Place::new();
    let program = sh("echo run >>runs; exit $((10 + $(wc -l <runs)))");
    let options = ["-I", "--restart=failure", "--restart-delay=0", "--exit-ok=12"];
    let outcome = finish_dmz(&place, words(&options, program));
    assert_eq!((outcome.code, lines(place.path("runs")).len()), (0, 2));
}

#[test]
fn without_cap_kill_a_forward_that_fails_does_not_end_dmz() {
    if lacks_root() || lacks("setpriv") {
        return;
    }
    let place = Place::new();
    let mut command = place.command("setpriv");
    command.args(["--bounding-set=-kill", "--inh-caps=-kill", "--"]).arg(dmz());
    let program = sh("echo ready; until [ -e go ]; do sleep .01; done; exit 7");
    command.args(words(&["-I", "-u", "65534:65534", "-p", "x.pid"], program));
    command.stdout(fs::File::create(place.path("out")).unwrap());
    let init = spawn(&mut command);
    until_lines(place.path("out"), 1);
    [SIGHUP, SIGTERM, SIGCONT, SIGUSR1].into_iter().for_each(|number| init.signal(number));
    until("all to be taken", || (init.signals("ShdPnd") | init.signals("SigPnd") == 0).then_some(()));
    assert_eq!(until_lines(place.path("x.pid"), 1).len(), 1);
    place.file("go", "");
    assert_eq!(init.wait().code(), Some(7));
    place.assert_left(&["go", "out"]);
}

#[test]
fn a_killed_init_takes_the_program_along() {
    let place = Place::new();
    for options in [&[][..], &["-u", "65534:65534"]] {
        if !options.is_empty() && lacks_root() {
            continue;
        }
        let init = spawn(&mut place.dmz(words(&[&["-I"], options].concat(), sleep())));
        let program = child(init);
        init.signal(SIGKILL);
        init.wait();
        program.wait();
        assert_eq!(place.processes(), []);
    }
}

#[test]
fn an_init_killed_before_its_program_is_executed_leaves_nothing() {
    let place = Place::new();
    for _ in 0..50 {
        let init = spawn(&mut place.dmz(words(&["-I"], sleep())));
        let begin = Instant::now();
        // As soon as there is a child, which is mostly before it is a program: a millisecond would be too late.
        while children(init).is_empty() {
            assert!(begin.elapsed() < DEADLINE);
        }
        init.signal(SIGKILL);
        init.wait();
    }
    until_nothing_runs(&place);
}

#[test]
fn signals_are_clean_in_the_program_or_exactly_the_callers() {
    for (options, blocked, ignored) in
        [(&["-I"][..], 0, 0), (&["-I", "--keep-signals"], 1 << 39, 1 << 63 | 1 << 16 | 1)]
    {
        let place = Place::new();
        let mut command = place.dmz(words(options, sleep()));
        before(&mut command, || {
            ignore_only(&[SIGHUP, libc::SIGCHLD, 64])?;
            block(1 << 39)
        });
        let init = spawn(&mut command);
        let program = child(init);
        let seen = ["SigBlk", "SigIgn", "SigCgt"].map(|set| program.signals(set));
        assert_eq!(seen, [blocked, ignored, 0], "{options:?}");
    }
}

// The tree.

#[test]
fn forty_one_processes_that_escaped_are_stopped_without_a_trace() {
    for (how, ends) in [
        (None, true),
        (None, false),
        (Some(""), true),
        (Some(""), false),
        (Some("p"), true),
        (Some("p"), false),
        (Some("n"), false),
        (Some("n"), true),
    ] {
        if how.is_some() && lacks_root() {
            continue;
        }
        let place = Place::new();
        let options = ["-o", "tree", "--stop-timeout=1", "-p", "x.pid"];
        let program = play("tree", if ends { &["41", "end"] } else { &["41"] });
        let (outer, init) = match how {
            None => {
                let init = spawn(&mut place.dmz(words(&[&["-I"], &options[..]].concat(), program)));
                (init, init)
            }
            Some(how) => {
                let outer = spawn(&mut first_process(&place, how, &options, program));
                (outer, child(outer))
            }
        };
        let status = if ends {
            outer.wait()
        } else {
            until_lines(place.path("tree"), 42);
            assert_eq!(place.processes().len(), if how.is_some() { 44 } else { 43 });
            init.signal(SIGTERM);
            outer.wait()
        };
        let expected = match (ends, how) {
            (true, _) => (Some(5), None),
            (false, None) => (None, Some(SIGTERM)),
            (false, Some(_)) => (Some(128 + SIGTERM), None),
        };
        assert_eq!((status.code(), status.signal()), expected, "{how:?} {ends}");
        assert_eq!(lines(place.path("tree")).len(), 42);
        if how.is_none() {
            // Numbers as they are seen here. Not even zombies: ECHILD was reached before dmz left.
            let said = lines(place.path("tree"));
            let left: Vec<_> =
                said.iter().filter_map(|line| line.parse().ok()).filter(|pid| !is_gone(Process(*pid))).collect();
            assert!(left.is_empty(), "{left:?}");
        }
        place.assert_left(&["tree"]);
    }
}

#[test]
fn the_status_is_the_programs_not_that_of_what_it_left() {
    let place = Place::new();
    let outcome = finish_dmz(&place, words(&["-I", LONG], sh("(exec setsid sh -c 'exit 9') & sleep 100 & exit 3")));
    assert_eq!(outcome.code, 3);
    place.assert_left(&[]);
}

#[test]
fn a_thousand_orphans_of_pid_1_that_end_at_once_are_all_reaped() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let outer = spawn(&mut first_process(&place, "", &["-o", "out"], play("storm", &["1000"])));
    until_lines(place.path("out"), 1);
    let init = child(outer);
    let program = until("only the program to be left", || Some(children(init)).filter(|all| all.len() == 1))[0];
    program.signal(SIGUSR1);
    assert_eq!(outer.wait().code(), Some(128 + SIGUSR1));
}

// PID 1.

#[test]
fn pid_1_is_init_by_itself() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    // No -I: it stays, with the program as its child, in the same folder, and standard output is the caller's.
    let outcome = finish(&mut first_process(&place, "p", &[], sh("echo $PPID; cat /proc/1/comm; pwd")));
    let expected = format!("1\ndmz: up\n{}\n", place.folder.display());
    assert_eq!((outcome.code, outcome.stdout, outcome.stderr.as_str()), (0, expected, ""));
}

#[test]
fn a_parent_that_is_pid_1_is_no_reason_to_be_init() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    // The shell is PID 1. dmz comes back at once, and the program is a daemon with the shell as its parent.
    let text = "\"$0\" -P -o out -- /bin/sh -c 'until grep -q \"^PPid:.1$\" /proc/$$/status; do sleep .01; done; echo adopted; exec sleep 100' && until [ -s out ]; do sleep .01; done; cat out";
    let mut all = play("namespace", &["p", "/bin/sh", "-c", text]);
    all.push(dmz().into());
    let outcome = finish(place.command(&all[0]).args(&all[1..]));
    let said: Vec<_> = outcome.stdout.lines().collect();
    assert_eq!((outcome.code, outcome.stderr.as_str(), said.len(), said[1]), (0, "", 2, "adopted"), "{outcome:?}");
}

#[test]
fn pid_1_works_without_proc() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let (outer, init, _) = listening_first(&place, "n", &["-p", "x.pid", "--stop-timeout=1"]);
    init.signal(SIGTERM);
    assert_eq!(outer.wait().code(), Some(128 + SIGKILL));
    assert_eq!(heard(&place, 1)[0], SIGTERM);
    place.assert_left(&["heard"]);
}

#[test]
fn pid_1_starts_the_program_again() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let options = ["-I", "-r", "--restart-delay=0", "--restart-max=3", "-p", "x.pid"];
    let outcome = finish(&mut first_process(&place, "p", &options, sh("echo run; exit 9")));
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (9, "run\nrun\nrun\nrun\n", ""));
    place.assert_left(&[]);
}

#[test]
fn pid_1_told_to_restart_is_init_as_well_for_it_cannot_detach() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let options = ["-r", "--restart-delay=0", "--restart-max=1"];
    let outcome = finish(&mut first_process(&place, "p", &options, sh("echo run; exit 9")));
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (9, "run\nrun\n", ""));
}

#[test]
fn pid_1_cannot_detach_and_says_so() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let outcome = finish(&mut first_process(&place, "p", &["-S"], sleep()));
    assert_eq!((outcome.code, outcome.stderr.starts_with("dmz: ")), (125, true), "{outcome:?}");
}

#[test]
fn what_pid_1_leaves_behind_is_told_before_the_kernel_kills_it() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let program = sh("(trap 'echo told; exit' TERM; echo ready; while :; do sleep .01; done) & \
                      until [ -s out ]; do sleep .01; done; exit 4");
    let mut command = first_process(&place, "", &["-c", ".", "-o", "out", LONG], program);
    assert_eq!(finish(&mut command).code, 4);
    assert_eq!(lines(place.path("out")), ["ready", "told"]);
}

#[test]
fn what_pid_1_leaves_behind_is_told_once_and_continued() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    // Whenever one of the others has gone, who listens might be told again: a monitor among them would kill at that.
    let program = sh("\"$@\" >heard & sleep 100 & setsid sleep 100 & sleep 100 & kill -STOP $!; \
                      until [ -s heard ]; do sleep .01; done; exit 4");
    let program = [program, vec!["sh".into()], play("listen", &[])].concat();
    let outer = spawn(&mut first_process(&place, "", &["-c", ".", "--stop-timeout=600"], program));
    let init = child(outer);
    let listener = until("all but who listens to end", || match children(init)[..] {
        [only] if only.arguments().get(1).is_some_and(|word| word != "-c") && place.path("heard").exists() => {
            Some(only)
        }
        _ => None,
    });
    assert_eq!(heard(&place, 2), [SIGTERM, SIGCONT]);
    listener.signal(SIGKILL);
    assert_eq!(outer.wait().code(), Some(4));
    assert_eq!(lines(place.path("heard")).len(), 3, "ready, and each once");
}

#[test]
fn pid_1_that_cannot_go_on_says_why_on_standard_error() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for (options, program, code) in [
        (&[][..], "/nonexistent/program", 127),
        (&["-p", "/nonexistent/x.pid"], "/bin/true", 125),
        (&["-c", "/nonexistent"], "/bin/true", 125),
        (&["--nonsense"], "/bin/true", 125),
        (&["-f"], "/nonexistent/program", 127),
    ] {
        let outcome = finish(&mut first_process(&place, "", options, vec![program.into()]));
        assert_eq!(outcome.code, code, "{options:?} {program}: {outcome:?}");
        assert!(outcome.stderr.starts_with("dmz: "), "{options:?} {program}: {outcome:?}");
    }
}

#[test]
fn pid_1_without_standard_descriptors_says_why_on_the_console() {
    if lacks_root() {
        return;
    }
    for (options, program, code) in [(&[][..], "/nonexistent/program", 127), (&["--nonsense"], "/bin/true", 125)] {
        let place = Place::new();
        place.file("console", "");
        let outcome = finish(&mut first_process(&place, "c", options, vec![program.into()]));
        assert_eq!(outcome.code, code, "{outcome:?}");
        let said = fs::read_to_string(place.path("console")).unwrap();
        assert!(said.starts_with("dmz: "), "{options:?} {program}: {said:?}");
    }
}

#[test]
fn pid_1_without_standard_descriptors_gives_the_program_valid_ones() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    place.file("console", "");
    let text = "for n in 0 1 2; do readlink /proc/self/fd/$n; done >seen 2>&1; exit 6";
    let text = text.replace("/proc/self", "/proc/$$");
    assert_eq!(finish(&mut first_process(&place, "cp", &["-c", "."], sh(&text))).code, 6);
    assert_eq!(lines(place.path("seen")).len(), 3, "{:?}", lines(place.path("seen")));
}

#[test]
fn a_machines_last_act_is_asked_of_the_kernel_after_a_sync() {
    if lacks_root() || lacks("strace") {
        return;
    }
    // In a PID namespace reboot(2) ends the namespace's init: by HUP for a restart, by INT for the rest.
    for (action, last, death) in [
        ("poweroff", "LINUX_REBOOT_CMD_POWER_OFF", SIGINT),
        ("halt", "LINUX_REBOOT_CMD_HALT", SIGINT),
        ("reboot", "LINUX_REBOOT_CMD_RESTART", SIGHUP),
    ] {
        for end in ["exit 0", "exit 3", "kill -TERM $$"] {
            let place = Place::new();
            let options = ["--at-exit", action, "-p", "x.pid"];
            let inner = first_process(&place, "", &options, sh(end));
            let mut command = place.command("strace");
            command.args(["-f", "-qq", "-o", "trace", "-e", "trace=sync,reboot"]).arg(inner.get_program());
            let outcome = finish(command.args(inner.get_args()));
            assert_eq!(outcome.code, 128 + death, "{action} {end}: {outcome:?}");
            let calls: Vec<_> = lines(place.path("trace"))
                .into_iter()
                .filter_map(|line| line.split_once(' ').map(|(_, call)| call.trim().to_owned()))
                .filter(|call| call.starts_with("sync(") || call.starts_with("reboot("))
                .collect();
            assert!(calls.len() == 2 && calls[0].starts_with("sync(") && calls[1].contains(last), "{calls:?}");
            assert!(!place.path("x.pid").exists());
        }
    }
}

#[test]
fn a_machine_whose_program_cannot_start_says_why_and_ends_as_asked_for_else_the_kernel_panics() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let outcome = finish(&mut first_process(&place, "", &["--at-exit=poweroff"], vec!["/nonexistent/program".into()]));
    assert!(outcome.stderr.starts_with("dmz: cannot execute "), "{outcome:?}");
    assert_eq!(outcome.code, 128 + SIGINT);
}

#[test]
fn the_last_act_of_exit_is_just_an_exit() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let outcome = finish(&mut first_process(&place, "", &["--at-exit=exit"], sh("exit 3")));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (3, ""));
}

#[test]
fn the_machine_goes_on_when_dmz_is_not_pid_1() {
    if lacks_root() {
        return;
    }
    // The shell is PID 1 of a namespace, which is all that a wrong reboot(2) could end.
    let place = Place::new();
    let text = "\"$0\" -I --at-exit=poweroff -- /bin/true; echo still here";
    let mut all = play("namespace", &["", "/bin/sh", "-c", text]);
    all.push(dmz().into());
    assert_eq!(finish(place.command(&all[0]).args(&all[1..])).stdout, "still here\n");
}
