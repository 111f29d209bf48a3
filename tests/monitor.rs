//! The monitor that `-S` leaves with the program: whom it signals, what it reaps, when it starts the program again, what is
//! in the pidfile meanwhile, and what it costs. `-I` and PID 1 are in `init.rs`, terminals in `terminal.rs`.

#[path = "support/play.rs"]
mod play;
mod support;

use libc::{SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};
use play::*;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};
use support::*;

/// A stop that would need this timeout has failed, before the deadline of the tests.
const LONG: &str = "--stop-timeout=600";

/// Two looks at the pidfile name the same file.
fn inode(place: &Place) -> u64 {
    fs::metadata(place.path("x.pid")).unwrap().ino()
}

/// A line of the monitor's memory in /proc/PID/smaps_rollup, in KiB.
fn memory(of: Process, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", of.0)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Waits for the program that comes after this one.
fn another(monitor: Process, than: Process) -> Process {
    until("the end of the program", || (!children(monitor).contains(&than)).then_some(()));
    child(monitor)
}

/// Starts one that listens, into the file `heard`, and waits until it does.
fn listening(place: &Place, options: &[&str]) -> (Process, Process) {
    let options = [&["-o", "heard"], options].concat();
    let both = supervise(place, &options, play("listen", &[]));
    until_lines(place.path("heard"), 1);
    both
}

/// What it has heard so far, as soon as it is `count` signals.
fn heard(place: &Place, count: usize) -> Vec<i32> {
    until_lines(place.path("heard"), count + 1)[1..].iter().map(|line| line.parse().unwrap()).collect()
}

// What is there while the program runs.

#[test]
fn the_program_is_the_monitors_child_and_both_are_detached() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &[], sleep());
    assert_eq!(monitor.stat(4), i64::from(std::process::id()), "the monitor's parent is the nearest reaper");
    let own = Process(std::process::id() as i32);
    for process in [monitor, program] {
        assert_ne!(process.stat(6), own.stat(6), "{process:?}: a session of its own");
        assert_eq!(process.stat(7), 0, "{process:?}: no terminal");
    }
    assert_ne!(program.stat(6), i64::from(program.0), "the program does not lead its session");
}

#[test]
fn leaders_of_groups_and_sessions_start_monitors_too() {
    let place = Place::new();
    for round in 0..20 {
        let mut command = place.dmz(words(&["-S", "-P"], sleep()));
        // A shell with job control makes every command the leader of a group.
        before(&mut command, move || {
            // SAFETY: integers only.
            done(unsafe { if round % 2 == 0 { libc::setpgid(0, 0) } else { libc::setsid() } })
        });
        let (monitor, program) = supervised(&mut command);
        assert_ne!(program.stat(6), i64::from(program.0));
        monitor.signal(SIGTERM);
        monitor.wait();
    }
}

#[test]
fn the_monitor_keeps_no_folder_busy_as_no_daemon_should() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["-c", "."], sleep());
    assert_eq!((program.link("cwd"), monitor.link("cwd")), (place.folder.clone(), "/".into()));
}

#[test]
fn the_program_finds_what_it_finds_without_a_monitor() {
    let place = Place::new();
    let (_, program) = supervise(&place, &["-p", "x.pid", "-l", "x.lock"], sleep());
    for set in ["SigBlk", "SigIgn", "SigCgt"] {
        assert_eq!(program.signals(set), 0, "{set}");
    }
    assert_eq!(program.status("Umask").unwrap(), "0000");
    let null = std::path::PathBuf::from("/dev/null");
    // The pidfile above all: who has it could write another text.
    until_descriptors(program, [(0, null.clone()), (1, null.clone()), (2, null)]);
}

#[test]
fn the_pidfile_names_the_program_and_is_locked_by_the_monitor() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["-p", "x.pid", "-l", "x.lock"], sleep());
    assert_eq!(lines(place.path("x.pid")), [program.0.to_string()]);
    assert_eq!(lock_owner(place.path("x.pid")), Some(monitor));
    assert_eq!(lock_owner(place.path("x.lock")), Some(monitor));
}

#[test]
fn a_second_start_names_the_one_that_runs_and_changes_nothing() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["-p", "x.pid"], sleep());
    let before = inode(&place);
    let second = place.run(words(&["-S", "-p", "x.pid"], sleep()));
    // "The owner" may be the lock's or the text's.
    let named =
        second.stderr.strip_prefix("dmz: already running, PID ").and_then(|pid| pid.split(' ').next()?.parse().ok());
    assert!([Some(monitor.0), Some(program.0)].contains(&named), "{second:?}");
    assert_eq!((second.code, second.stdout.as_str()), (123, ""));
    assert_eq!((inode(&place), lines(place.path("x.pid"))), (before, vec![program.0.to_string()]));
    assert_eq!(place.processes().len(), 2);
}

#[test]
fn of_starts_at_once_exactly_one_wins() {
    let place = Place::new();
    let mut starts = Vec::new();
    for _ in 0..8 {
        starts.push(place.dmz(words(&["-S", "-q", "-p", "x.pid"], sleep())).spawn().unwrap());
    }
    let mut codes: Vec<_> = starts.into_iter().map(|mut start| start.wait().unwrap().code().unwrap()).collect();
    codes.sort();
    assert_eq!(codes, [0, 123, 123, 123, 123, 123, 123, 123]);
    until("only two processes", || (place.processes().len() == 2).then_some(()));
}

#[test]
fn the_name_in_ps_says_up_wait_and_stop() {
    let place = Place::new();
    let (monitor, _) = listening(&place, &["-r", "--restart-delay=30000", LONG]);
    until_comm(monitor, "dmz: up");
    child(monitor).signal(SIGKILL);
    until_comm(monitor, "dmz: wait");
    let (monitor, _) = listening(&place, &[LONG]);
    monitor.signal(SIGTERM);
    until_comm(monitor, "dmz: stop");
}

#[test]
fn initrd_marks_the_monitor_as_well() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["--initrd"], sleep());
    for process in [monitor, program] {
        let first = process.arguments()[0].clone().into_string().unwrap();
        assert!(first.starts_with('@'), "{process:?} is {first:?}");
    }
}

#[test]
fn listen_pid_and_watchdog_pid_that_named_dmz_name_every_program() {
    let place = Place::new();
    let line = "LISTEN_PID=$$ WATCHDOG_PID=$$ exec \"$0\" -S -P -o seen -a -r --restart-delay 0 --restart-max 1 -- \
                /bin/sh -c 'echo $$ $LISTEN_PID $WATCHDOG_PID'";
    let outcome = Outcome::of(place.command("/bin/sh").args(["-c", line]).arg(dmz()));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    for line in until_lines(place.path("seen"), 2) {
        let pids: Vec<_> = line.split(' ').collect();
        assert!(pids.len() == 3 && pids.iter().all(|pid| *pid == pids[0]), "{line}");
    }
    until_nothing_runs(&place);
}

#[test]
fn the_monitor_keeps_no_descriptor_of_the_callers() {
    let place = Place::new();
    let file = fs::File::create(place.path("kept")).unwrap();
    let mut command = place.dmz(words(&["-S", "-P"], sleep()));
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    // SAFETY: integers only.
    before(&mut command, move || done(unsafe { libc::dup2(number, 7) }));
    let (monitor, program) = supervised(&mut command);
    for process in [monitor, program] {
        assert!(process.descriptors().values().all(|what| !what.ends_with("kept")), "{process:?}");
    }
}

#[test]
fn a_kept_descriptor_is_there_for_every_program() {
    let place = Place::new();
    let file = fs::File::create(place.path("kept")).unwrap();
    let mut command = place.dmz(["-S", "-r", "--restart-delay=0", "--restart-max=2", "--keep-fd=7", "--"]);
    command.args(sh("echo here >&7; exit 1"));
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    // SAFETY: integers only.
    before(&mut command, move || done(unsafe { libc::dup2(number, 7) }));
    assert_eq!(Outcome::of(&mut command).code, 0);
    assert_eq!(until_lines(place.path("kept"), 3), ["here"; 3]);
}

// Starts that fail.

#[test]
fn a_start_that_fails_says_so_and_leaves_nothing() {
    let place = Place::new();
    place.file("plain", "x");
    for (options, program, code) in [
        (&["-r"][..], "/nonexistent/program", 127),
        (&["-r"], "./plain", 126),
        (&["-c", "/nonexistent"], "/bin/true", 125),
        (&["-o", "/nonexistent/out"], "/bin/true", 125),
        (&["-p", "/nonexistent/x.pid"], "/bin/true", 125),
    ] {
        let outcome = place.run([&["-S", "-p", "x.pid"], options, &["--", program]].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (code, ""), "{options:?} {program}: {outcome:?}");
        assert!(outcome.stderr.starts_with("dmz: cannot ") && outcome.stderr.lines().count() == 1, "{outcome:?}");
        place.assert_left(&["plain"]);
    }
}

#[test]
fn what_a_program_sends_to_its_group_is_not_for_the_monitor() {
    let place = Place::new();
    let program =
        sh("until [ -e go ]; do sleep .01; done; echo run >>runs; [ $(wc -l <runs) -lt 3 ] && kill 0; sleep 100");
    let (monitor, _) = supervise(&place, &["-c", ".", "-r", "--restart-delay=0"], program);
    place.file("go", "");
    until_lines(place.path("runs"), 3);
    assert!(monitor.is_alive());
    monitor.signal(SIGTERM);
    monitor.wait();
}

#[test]
fn while_a_start_is_given_up_the_monitor_sleeps() {
    if lacks("strace") {
        return;
    }
    let place = Place::new();
    let mut traced = place.command("strace");
    traced.args(["-o", "trace", "-e", "trace=rt_sigtimedwait"]).arg(dmz());
    traced.args([
        "-I",
        "--stop-timeout=1",
        "--ready=fd:3",
        "-t0",
        "--",
        "/bin/sh",
        "-c",
        "trap '' TERM; sleep 100 & wait; wait",
    ]);
    assert_eq!(Outcome::of(&mut traced).code, 124);
    let waits = fs::read_to_string(place.path("trace")).unwrap().lines().count();
    assert!(waits < 100, "{waits} waits in a second");
}

#[test]
fn options_that_exclude_the_monitor_are_usage_errors() {
    let place = Place::new();
    for options in [
        &["-f", "-S"][..],
        &["-f", "-I"],
        &["-f", "-r"],
        &["-S", "-w"],
        &["-S", "--single-fork"],
        &["-r", "-w"],
        &["-r", "--single-fork"],
        &["-I", "-S"],
        &["-I", "--single-fork"],
        &["-S", "--stop-signal=NONE"],
        &["-S", "--stop-signal=65"],
        &["-S", "--stop-timeout=-1"],
        &["-r", "--restart=sometimes"],
        &["-r", "--restart-delay=soon"],
        &["-r", "--restart-max=-1"],
        &["-S", "--target=everybody"],
        &["-S", "--map=TERM"],
        &["-S", "--map=0:TERM"],
        &["-S", "--exit-ok=256"],
        &["-S", "--exit-ok=NONE"],
        &["-I", "--at-exit=dance"],
    ] {
        let outcome = place.run([options, &["--", "/bin/true"]].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (125, ""), "{options:?}: {outcome:?}");
        assert!(outcome.stderr.contains("--help"), "{options:?}: {outcome:?}");
    }
    for (options, names) in [(&["-f", "-r"][..], "--restart"), (&["-f", "--ready=exit"], "--ready")] {
        let said = place.run([options, &["--", "/bin/true"]].concat()).stderr;
        assert!(said.contains("--foreground") && said.contains(names), "what was typed: {said}");
    }
}

// Signals.

#[test]
fn signals_are_forwarded_real_time_ones_included() {
    let place = Place::new();
    let (monitor, _) = listening(&place, &[]);
    let all: Vec<_> = forwardable().filter(|number| ![SIGTERM, SIGINT].contains(number)).collect();
    let all: Vec<_> = all.into_iter().filter(|number| !FAULTS.contains(number)).collect();
    for (at, number) in all.iter().enumerate() {
        // One at a time: the kernel drops a pending TSTP when CONT comes.
        monitor.signal(*number);
        assert_eq!(heard(&place, at + 1), all[..=at]);
    }
}

#[test]
fn the_signal_of_a_fault_is_forwarded_when_somebody_sent_it() {
    let place = Place::new();
    let (monitor, _) = listening(&place, &[]);
    for (at, number) in FAULTS.iter().enumerate() {
        monitor.signal(*number);
        assert_eq!(heard(&place, at + 1), FAULTS[..=at]);
    }
}

#[test]
fn queued_real_time_signals_all_arrive() {
    let place = Place::new();
    let (monitor, _) = listening(&place, &[]);
    monitor.signal(SIGSTOP);
    until_stopped(monitor, true);
    (0..20).for_each(|_| monitor.signal(40));
    monitor.signal(SIGCONT);
    let heard = heard(&place, 21);
    assert_eq!(heard.iter().filter(|number| **number == 40).count(), 20, "{heard:?}");
}

#[test]
fn a_stop_is_not_held_up_by_lower_numbers() {
    if lacks("strace") {
        return;
    }
    let place = Place::new();
    let (monitor, _) = listening(&place, &[LONG]);
    monitor.signal(SIGSTOP);
    until_stopped(monitor, true);
    [SIGHUP, SIGUSR1, SIGTERM].into_iter().for_each(|number| monitor.signal(number));
    let mut strace = place.command("strace");
    strace.args(["-qq", "-o", "trace", "-e", "trace=kill", "-e", "signal=none", "-p"]);
    let mut strace = strace.arg(monitor.0.to_string()).spawn().unwrap();
    until("strace to be there", || (monitor.status("TracerPid").unwrap() != "0").then_some(()));
    monitor.signal(SIGCONT);
    let sent = until("all three", || {
        let sent = fs::read_to_string(place.path("trace")).ok()?;
        ["SIGHUP)", "SIGTERM)", "SIGUSR1)"].into_iter().map(|name| sent.find(name)).collect::<Option<Vec<_>>>()
    });
    assert!(sent.is_sorted(), "{sent:?}");
    monitor.signal(SIGKILL);
    strace.wait().unwrap();
}

#[test]
fn a_map_changes_and_drops_signals() {
    let place = Place::new();
    let (monitor, _) = listening(&place, &["--map=USR1:USR2", "--map=HUP:0", "--map", "SIGWINCH:RTMIN", "--map=40:1"]);
    for number in [SIGUSR1, SIGHUP, libc::SIGWINCH, 40, SIGUSR2] {
        monitor.signal(number);
        // HUP goes nowhere: when the next signal has arrived without it, it was dropped.
        let so_far = [SIGUSR1, SIGHUP, libc::SIGWINCH, 40, SIGUSR2].iter().position(|n| *n == number).unwrap();
        heard(&place, [1, 1, 2, 3, 4][so_far]);
    }
    assert_eq!(heard(&place, 4), [SIGUSR2, 34, SIGHUP, SIGUSR2]);
}

#[test]
fn only_the_program_is_signalled_by_default() {
    let place = Place::new();
    let (monitor, _) = supervise(&place, &["-o", "heard"], play("group", &[]));
    until_lines(place.path("heard"), 2);
    monitor.signal(SIGUSR1);
    monitor.signal(SIGUSR2);
    assert_eq!(until_lines(place.path("heard"), 4)[2..], ["parent 10", "parent 12"]);
}

#[test]
fn the_whole_group_is_signalled_when_it_is_the_target() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["-o", "heard", "--target=group", LONG], play("group", &[]));
    until_lines(place.path("heard"), 2);
    assert_ne!(program.stat(5), monitor.stat(5), "its own group, else the monitor would signal itself");
    for (at, (number, expected)) in [(SIGUSR1, &[10][..]), (SIGTERM, &[15, 18])].into_iter().enumerate() {
        monitor.signal(number);
        let from = 2 + 2 * at;
        let mut lines = until_lines(place.path("heard"), from + 2 * expected.len())[from..].to_vec();
        lines.sort();
        let said = |who| expected.iter().map(move |number| format!("{who} {number}"));
        assert_eq!(lines, said("child").chain(said("parent")).collect::<Vec<_>>());
    }
}

#[test]
fn a_signal_right_after_the_start_is_not_lost() {
    let place = Place::new();
    for _ in 0..20 {
        let (monitor, _) = supervise(&place, &[], sleep());
        monitor.signal(SIGHUP);
        monitor.wait();
    }
    assert_eq!(place.processes(), []);
}

// The end.

#[test]
fn term_or_int_sends_the_stop_signal_and_cont_and_waits() {
    for (number, options, expected) in [
        (SIGTERM, &[LONG][..], SIGTERM),
        (SIGINT, &[LONG], SIGTERM),
        (SIGTERM, &[LONG, "--stop-signal=QUIT"], SIGQUIT),
        (SIGINT, &[LONG, "--stop-signal", "SIGRTMIN"], 34),
        (SIGTERM, &[LONG, "--stop-signal", "64"], 64),
    ] {
        let place = Place::new();
        let (monitor, program) = listening(&place, &[&["-p", "x.pid"], options].concat());
        monitor.signal(number);
        // The kernel hands out the lower number first where both wait.
        let mut both = heard(&place, 2);
        both.sort_by_key(|number| *number == SIGCONT);
        assert_eq!(both, [expected, SIGCONT], "{options:?}");
        // It has not obeyed, so all is as it was: never a pidfile that is gone while the program is not.
        assert_eq!(lines(place.path("x.pid")), [program.0.to_string()]);
        assert_eq!(lock_owner(place.path("x.pid")), Some(monitor));
        program.signal(SIGKILL);
        monitor.wait();
        place.assert_left(&["heard"]);
    }
}

#[test]
fn a_program_that_obeys_is_not_waited_for_any_longer() {
    let place = Place::new();
    let (monitor, _) = supervise(&place, &["-p", "x.pid", LONG], sleep());
    monitor.signal(SIGTERM);
    monitor.wait();
    place.assert_left(&[]);
}

#[test]
fn a_stopped_program_is_continued_to_obey() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &[LONG], sleep());
    program.signal(SIGSTOP);
    until_stopped(program, true);
    monitor.signal(SIGTERM);
    monitor.wait();
    place.assert_left(&[]);
}

#[test]
fn a_program_that_does_not_obey_is_killed_after_the_timeout() {
    let place = Place::new();
    let (monitor, _) = listening(&place, &["-p", "x.pid", "--stop-timeout=1"]);
    monitor.signal(SIGTERM);
    monitor.wait();
    place.assert_left(&["heard"]);
}

#[test]
fn a_second_term_kills_the_tree_at_once() {
    for second in [SIGTERM, SIGINT] {
        let place = Place::new();
        let (monitor, _) = supervise(&place, &["-p", "x.pid", "-o", "heard", LONG], play("group", &[]));
        until_lines(place.path("heard"), 2);
        monitor.signal(SIGTERM);
        until_lines(place.path("heard"), 4);
        monitor.signal(second);
        monitor.wait();
        place.assert_left(&["heard"]);
    }
}

#[test]
fn what_a_program_has_left_is_waited_for_and_only_a_second_term_kills_it() {
    for requests in [0, 1, 2] {
        let place = Place::new();
        let left = "trap 'until [ -e go ]; do sleep .01; done; touch done; exit' TERM; echo \\$\\$";
        let ends = "until [ -e end ]; do sleep .01; done";
        let program = sh(&format!("sh -c \"{left}; while :; do sleep .01; done\" & {ends}"));
        let (monitor, program) = supervise(&place, &["-c", ".", "-p", "x.pid", "-o", "left", LONG], program);
        let left = Process(until_lines(place.path("left"), 1)[0].parse().unwrap());
        place.file("end", "");
        // The program has ended by itself, and nobody is named.
        until_comm(monitor, "dmz: stop");
        assert_eq!((program.is_alive(), fs::read_to_string(place.path("x.pid")).unwrap().as_str()), (false, ""));
        let outcome = place.run(["-T", "-P", "-v", "-p", "x.pid"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
        assert_eq!(outcome.stderr, format!("dmz: running, monitor {}\n", monitor.0));
        for _ in 0..requests {
            monitor.signal(SIGTERM);
            // At its end the monitor may leave others that nobody takes.
            let is_in = |set: String| u64::from_str_radix(&set, 16).unwrap() & 1 << (SIGTERM - 1) != 0;
            until("TERM to be taken", || (!monitor.status("ShdPnd").is_some_and(is_in)).then_some(()));
        }
        if requests < 2 {
            assert!(left.is_alive());
            place.file("go", "");
        }
        monitor.wait();
        assert!(is_gone(left));
        place.assert_left(if requests < 2 { &["done", "end", "go", "left"] } else { &["end", "left"] });
    }
}

#[test]
fn forty_one_processes_that_escaped_are_stopped_without_a_trace() {
    for (ends, restart) in [(false, &[][..]), (true, &[]), (false, &["-r", "--restart-delay=0"])] {
        let place = Place::new();
        let program = play("tree", if ends { &["41", "end"] } else { &["41"] });
        let outcome =
            place.run(words(&[&["-S", "-p", "x.pid", "-o", "tree", "--stop-timeout=1"], restart].concat(), program));
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let monitor =
            until("the monitor", || place.processes().into_iter().find(|process| comm(*process).starts_with("dmz: ")));
        guarded(monitor);
        let mut said = until_lines(place.path("tree"), 42);
        assert_eq!(said.pop().unwrap(), "ready");
        if !ends {
            monitor.signal(SIGTERM);
        }
        monitor.wait();
        // Not even zombies: ECHILD was reached before the monitor left.
        let left: Vec<_> = said.iter().filter(|pid| !is_gone(Process(pid.parse().unwrap()))).collect();
        assert!(left.is_empty(), "ends by itself: {ends}, left: {left:?}");
        place.assert_left(&["tree"]);
    }
}

#[test]
fn each_of_a_tree_is_told_once() {
    let place = Place::new();
    // Some go at once, some later, some never: after each that has gone the others are looked at.
    let stubborn = "trap 'echo $0 >>told' TERM; echo $0 >>up; while :; do sleep .01; done";
    let obedient = "echo $0 >>up; exec sleep 100";
    let text =
        "i=0; while [ $i -lt 20 ]; do setsid sh -c \"$1\" o$i & setsid sh -c \"$2\" s$i & i=$((i+1)); done; wait";
    let program = [sh(text), ["sh", obedient, stubborn].map(Into::into).into()].concat();
    let (monitor, _) = supervise(&place, &["-c", ".", "--stop-timeout=1"], program);
    until_lines(place.path("up"), 40);
    monitor.signal(SIGTERM);
    monitor.wait();
    let mut told = lines(place.path("told"));
    told.sort();
    let count = told.len();
    told.dedup();
    // Those that were killed before they could say so do not count.
    assert!(count > 0 && count == told.len(), "{count} words of {}", told.len());
    place.assert_left(&["told", "up"]);
}

#[test]
fn a_start_that_fails_late_leaves_nothing_of_the_programs_tree() {
    let place = Place::new();
    // The pidfile cannot be written, and the process id cannot be printed.
    let program = || sh("setsid sleep 100 & exec sleep 100");
    let inject = "inject=pwrite64:error=ENOSPC:delay_enter=200000";
    for way in [&["-S"][..], &["-I"]] {
        if !lacks("strace") {
            let mut command = place.command("strace");
            command.args(["-fqqo", "/dev/null", "-e", "trace=pwrite64", "-e", inject]).arg(dmz());
            let outcome = finish(command.args(words(&[way, &["-p", "x.pid"]].concat(), program())));
            assert_eq!(outcome.code, 125, "{outcome:?}");
            assert!(outcome.stderr.ends_with("x.pid: No space left on device\n"), "{outcome:?}");
            place.assert_left(&[]);
        }
        // At any moment of its start.
        for _ in 0..10 {
            let mut command = place.dmz(words(&[way, &["-P", "-p", "x.pid"]].concat(), program()));
            let full = fs::File::options().write(true).open("/dev/full").unwrap();
            let status = command.stdout(full).stderr(std::process::Stdio::null()).status().unwrap();
            assert_eq!(status.code(), Some(125), "{way:?}");
            place.assert_left(&[]);
        }
    }
}

#[test]
fn what_is_born_while_the_tree_is_stopped_is_told_too() {
    let place = Place::new();
    let (monitor, _) = supervise(&place, &["-o", "lives", LONG], play("reborn", &["5"]));
    until_lines(place.path("lives"), 1);
    monitor.signal(SIGTERM);
    monitor.wait();
    assert_eq!(lines(place.path("lives")), ["ready", "4", "3", "2", "1", "0"]);
    place.assert_left(&["lives"]);
}

#[test]
fn the_end_of_the_program_ends_the_monitor_and_removes_the_pidfile() {
    let place = Place::new();
    for program in ["exit 0", "exit 7"] {
        let outcome = place.run(words(&["-S", "-p", "x.pid"], sh(program)));
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{program}");
        until_nothing_runs(&place);
        place.assert_left(&[]);
    }
    let (monitor, program) = supervise(&place, &["-p", "x.pid"], sleep());
    program.signal(SIGKILL);
    monitor.wait();
    place.assert_left(&[]);
}

#[test]
fn a_foreign_file_in_the_pidfiles_place_is_not_removed() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["-p", "x.pid"], sleep());
    fs::rename(place.path("x.pid"), place.path("old")).unwrap();
    place.file("x.pid", "1\n");
    program.signal(SIGKILL);
    monitor.wait();
    place.assert_left(&["old", "x.pid"]);
    assert_eq!(lines(place.path("x.pid")), ["1"]);
}

#[test]
fn a_pidfile_that_somebody_removed_is_no_matter() {
    let place = Place::new();
    let (monitor, _) = supervise(&place, &["-p", "x.pid", LONG], sleep());
    fs::remove_file(place.path("x.pid")).unwrap();
    monitor.signal(SIGTERM);
    monitor.wait();
    place.assert_left(&[]);
}

#[test]
fn a_killed_monitor_takes_the_program_along_and_the_next_start_finds_a_free_lock() {
    for options in [&[][..], &["-u", "65534:65534"], &["-r", "--restart-delay=0"]] {
        if options.first() == Some(&"-u") && lacks_root() {
            continue;
        }
        let place = Place::new();
        let (monitor, program) = supervise(&place, &[&["-p", "x.pid"], options].concat(), sleep());
        monitor.signal(SIGKILL);
        monitor.wait();
        // It is our child now.
        program.wait();
        assert_eq!(lines(place.path("x.pid")), [program.0.to_string()], "a dead number");
        assert_eq!(lock_owner(place.path("x.pid")), None);
        let (monitor, program) = supervise(&place, &["-p", "x.pid"], sleep());
        assert_eq!(lines(place.path("x.pid")), [program.0.to_string()]);
        assert_eq!(lock_owner(place.path("x.pid")), Some(monitor));
    }
}

#[test]
fn a_program_that_was_started_again_goes_with_the_monitor_too() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["-r", "--restart-delay=0"], sleep());
    program.signal(SIGKILL);
    let second = another(monitor, program);
    monitor.signal(SIGKILL);
    monitor.wait();
    second.wait();
    assert_eq!(place.processes(), []);
}

// Reaping.

#[test]
fn orphans_are_reaped_while_the_program_runs() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["-o", "out"], sh("(sleep 0 & echo $!); echo ready; exec sleep 100"));
    let orphan = Process(until_lines(place.path("out"), 2)[0].parse().unwrap());
    until("the orphan's end", || is_gone(orphan).then_some(()));
    assert_eq!(children(monitor), [program]);
}

#[test]
fn a_thousand_orphans_that_end_at_once_are_all_reaped() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["-o", "out", LONG], play("storm", &["1000"]));
    until_lines(place.path("out"), 1);
    until("only the program to be left", || (children(monitor) == [program]).then_some(()));
    assert_eq!(comm(monitor), "dmz: up");
    monitor.signal(SIGTERM);
    monitor.wait();
    place.assert_left(&["out"]);
}

#[test]
fn an_ignored_sigchld_of_the_callers_is_no_matter() {
    let place = Place::new();
    let mut command = place.dmz(words(&["-S", "-P", "-p", "x.pid"], sleep()));
    before(&mut command, || ignore(libc::SIGCHLD));
    let (monitor, program) = supervised(&mut command);
    assert_eq!(program.signals("SigIgn"), 0);
    program.signal(SIGTERM);
    monitor.wait();
    place.assert_left(&[]);
}

/// Blocks and ignores signals, the ones that libc hides among them; returns both sets.
fn strange_signals(command: &mut std::process::Command) -> (u64, u64) {
    const BLOCKED: [i32; 4] = [SIGTERM, SIGUSR1, 33, 64];
    const IGNORED: [i32; 7] = [SIGHUP, libc::SIGPIPE, libc::SIGCHLD, libc::SIGTTIN, libc::SIGTTOU, 32, 50];
    let set = |numbers: &[i32]| numbers.iter().fold(0, |set, number| set | 1 << (number - 1));
    let blocked = set(&BLOCKED);
    before(command, move || {
        ignore_only(&IGNORED)?;
        block(blocked)
    });
    (blocked, set(&IGNORED))
}

#[test]
fn signals_are_clean_in_every_program_or_exactly_the_callers() {
    for keeps in [false, true] {
        let place = Place::new();
        let options: &[&str] = if keeps { &["--keep-signals"] } else { &[] };
        let mut command = place.dmz(["-S", "-P", "-r", "--restart-delay=0"]);
        command.args(words(options, sleep()));
        let (blocked, ignored) = if keeps {
            strange_signals(&mut command)
        } else {
            strange_signals(&mut command);
            (0, 0)
        };
        let (monitor, first) = supervised(&mut command);
        let seen = |program: Process| (program.signals("SigBlk"), program.signals("SigIgn"), program.signals("SigCgt"));
        assert_eq!(seen(first), (blocked, ignored, 0), "kept: {keeps}");
        first.signal(SIGKILL);
        let second = another(monitor, first);
        assert_eq!(seen(second), (blocked, ignored, 0), "kept: {keeps}, second program");
    }
}

#[test]
fn a_monitor_without_cap_kill_stays_with_a_program_that_it_cannot_signal() {
    if lacks_root() || lacks("setpriv") {
        return;
    }
    let place = Place::new();
    let mut command = place.command("setpriv");
    command.args(["--bounding-set=-kill", "--inh-caps=-kill", "--"]).arg(dmz());
    command.args(words(&["-S", "-P", "-p", "x.pid", "-u", "65534:65534", "--stop-timeout=1"], sleep()));
    let (monitor, program) = supervised(&mut command);
    monitor.signal(SIGHUP);
    monitor.signal(SIGTERM);
    until_comm(monitor, "dmz: stop");
    assert_eq!(lines(place.path("x.pid")), [program.0.to_string()]);
    assert!(program.is_alive() && monitor.is_alive());
    program.signal(SIGKILL);
    monitor.wait();
    place.assert_left(&[]);
}

// Starting again.

/// How often a program ran that ends like this, with these options; after the monitor has given up. The first one ends
/// only after the start has returned: a death by a signal that comes with the exec is a failed start.
fn runs(options: &[&str], end: &str) -> usize {
    let place = Place::new();
    let options = [&["-p", "x.pid", "-o", "runs", "-c", ".", "--restart-delay=0"], options].concat();
    let program = format!("echo run; until [ -e go ]; do sleep .01; done; {end}");
    let (monitor, _) = supervised(place.dmz(["-P"]).args(words(&options, sh(&program))));
    place.file("go", "");
    monitor.wait();
    place.assert_left(&["go", "runs"]);
    lines(place.path("runs")).len()
}

#[test]
fn restarts_are_for_the_ends_that_were_asked_for() {
    for (options, end, count) in [
        (&["-S"][..], "exit 1", 1),
        (&["-r"], "exit 0", 4),
        (&["-r"], "exit 1", 4),
        (&["-S", "-r"], "kill -9 $$", 4),
        (&["--restart"], "exit 1", 4),
        (&["--restart=failure"], "exit 0", 1),
        (&["--restart=failure"], "exit 255", 4),
        (&["--restart=failure"], "kill -TERM $$", 4),
        (&["--restart=failure", "--exit-ok=3,TERM,143"], "exit 3", 1),
        (&["--restart=failure", "--exit-ok=3,TERM,143"], "exit 143", 1),
        (&["--restart=failure", "--exit-ok=3,TERM,143"], "kill -TERM $$", 1),
        (&["--restart=failure", "--exit-ok=3,TERM,143"], "kill -HUP $$", 4),
        (&["--restart=failure", "--exit-ok=3", "--exit-ok=4"], "exit 3", 4),
        (&["--restart=failure", "--exit-ok=3", "--exit-ok=4"], "exit 4", 1),
        (&["-r", "--exit-ok=3"], "exit 3", 4),
    ] {
        assert_eq!(runs(&[options, &["--restart-max=3"]].concat(), end), count, "{options:?} {end}");
    }
}

#[test]
fn the_limit_counts_the_starts_after_the_first() {
    for (limit, count) in [("0", 1), ("1", 2), ("5", 6)] {
        assert_eq!(runs(&["-r", "--restart-max", limit], "exit 1"), count, "{limit}");
    }
}

#[test]
fn a_delay_of_nothing_stays_nothing() {
    // With any delay that doubles this would take far longer than the deadline.
    assert_eq!(runs(&["-r", "--restart-max=100"], "exit 1"), 101);
}

#[test]
fn the_delay_doubles() {
    let begin = Instant::now();
    assert_eq!(runs(&["-r", "--restart-max=4", "--restart-delay=20"], "exit 1"), 5);
    // At least 20 + 40 + 80 + 160: a lower bound, so a slow machine cannot break it.
    assert!(begin.elapsed() >= Duration::from_millis(300));
}

#[test]
fn ten_seconds_up_are_a_fresh_start() {
    // The second run lasts; after it the third one is the first restart again. Without that there were two runs.
    assert_eq!(runs(&["-r", "--restart-max=1"], "[ $(wc -l <runs) = 2 ] && exec sleep 10.5"), 3);
}

#[test]
fn after_a_restart_the_same_pidfile_names_the_new_program() {
    let place = Place::new();
    let (monitor, mut program) = supervise(&place, &["-p", "x.pid", "-r", "--restart-delay=0"], sleep());
    let file = inode(&place);
    for _ in 0..5 {
        program.signal(SIGKILL);
        let text = until("another number", || {
            Some(lines(place.path("x.pid"))).filter(|text| !text.is_empty() && text[0] != program.0.to_string())
        });
        program = Process(text[0].parse().unwrap());
        assert_eq!((text.len(), program.stat(4)), (1, i64::from(monitor.0)));
        assert_eq!((inode(&place), lock_owner(place.path("x.pid"))), (file, Some(monitor)));
    }
}

#[test]
fn a_shorter_number_leaves_nothing_of_the_longer_one() {
    if lacks_root() {
        return;
    }
    // In a namespace of its own the next number can be chosen. Nobody else starts anything there.
    let place = Place::new();
    let program =
        sh("until [ -s x.pid ]; do sleep 0; done; cat x.pid >>texts; echo 4 >/proc/sys/kernel/ns_last_pid; exit 1");
    let options = ["-I", "-c", ".", "-p", "x.pid", "-r", "--restart-delay=0", "--restart-max=1"];
    let begin = "echo 20000 >/proc/sys/kernel/ns_last_pid; exec \"$@\"";
    let mut inner = play("namespace", &["p", "/bin/sh", "-c", begin, "sh"]);
    inner.push(dmz().into());
    inner.extend(words(&options, program));
    let outcome = Outcome::of(place.command(&inner[0]).args(&inner[1..]));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    assert_eq!(lines(place.path("texts")), ["20001", "5"]);
}

#[test]
fn while_nothing_runs_the_pidfile_is_empty_and_locked() {
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["-p", "x.pid", "-r", "--restart-delay=30000"], sleep());
    let file = inode(&place);
    program.signal(SIGKILL);
    until_comm(monitor, "dmz: wait");
    until("an empty pidfile", || fs::read(place.path("x.pid")).unwrap().is_empty().then_some(()));
    assert_eq!((inode(&place), lock_owner(place.path("x.pid"))), (file, Some(monitor)));
    let second = place.run(words(&["-S", "-p", "x.pid"], sleep()));
    second.assert_failed(123, &format!("already running, PID {}", monitor.0));
}

#[test]
fn signals_during_the_delay_reach_nobody_and_do_no_harm() {
    let place = Place::new();
    let (monitor, program) = listening(&place, &["-a", "-r", "--restart-delay=2000"]);
    program.signal(SIGKILL);
    until_comm(monitor, "dmz: wait");
    forwardable().filter(|number| ![SIGTERM, SIGINT].contains(number)).for_each(|number| monitor.signal(number));
    assert_eq!(until_lines(place.path("heard"), 2)[1], "ready", "the next program hears nothing of it");
    monitor.signal(SIGUSR1);
    assert_eq!(until_lines(place.path("heard"), 3)[2], SIGUSR1.to_string());
}

#[test]
fn term_during_the_delay_ends_it_at_once() {
    for number in [SIGTERM, SIGINT] {
        let place = Place::new();
        let options = ["-p", "x.pid", "-o", "runs", "-r", "--restart-delay=30000", LONG];
        let (monitor, program) = supervise(&place, &options, sh("echo run; exec sleep 100"));
        until_lines(place.path("runs"), 1);
        program.signal(SIGKILL);
        until_comm(monitor, "dmz: wait");
        monitor.signal(number);
        monitor.wait();
        assert_eq!(lines(place.path("runs")), ["run"]);
        place.assert_left(&["runs"]);
    }
}

#[test]
fn a_stop_is_followed_by_no_restart() {
    for options in [&["-r"][..], &["--restart=failure"], &["-r", "--stop-signal=KILL"]] {
        let place = Place::new();
        let options = [&["-p", "x.pid", "-o", "runs", "--restart-delay=0", LONG], options].concat();
        let (monitor, _) =
            supervise(&place, &options, sh("trap 'exit 3' TERM; echo run; while :; do sleep 0.01; done"));
        until_lines(place.path("runs"), 1);
        monitor.signal(SIGTERM);
        monitor.wait();
        assert_eq!(lines(place.path("runs")), ["run"], "{options:?}");
        place.assert_left(&["runs"]);
    }
}

#[test]
fn every_program_is_started_by_the_same_plan() {
    let place = Place::new();
    fs::create_dir(place.path("work")).unwrap();
    let show = "pwd; umask; echo \"$A $# $1\"; readlink /proc/self/fd/0; ulimit -n; cat; exit 1";
    let options = ["-r", "--restart-delay=0", "--restart-max=2", "-c", "work", "-k", "027", "-E", "A=b c", "-i", "in"];
    let options = [&options[..], &["-o", "out", "-e", "out", "--rlimit", "nofile=77"]].concat();
    let input = place.file("in", "read from the beginning\n");
    let mut program = sh(show);
    program.extend(["name", "one  two"].map(Into::into));
    assert_eq!(place.run(words(&options, program)).code, 0);
    until_nothing_runs(&place);
    let work = place.path("work");
    let once =
        [work.to_str().unwrap(), "0027", "b c 1 one  two", input.to_str().unwrap(), "77", "read from the beginning"];
    assert_eq!(lines(place.path("out")), [once; 3].concat(), "by absolute names, and never truncated");
}

#[test]
fn a_program_that_cannot_be_started_again_is_a_failure_that_counts() {
    let place = Place::new();
    let script = place.script("program", "#!/bin/sh\nrm \"$0\"\nexit 1\n");
    let options = ["-S", "-p", "x.pid", "-r", "--restart-delay=0", "--restart-max=3"];
    assert_eq!(place.run(words(&options, vec![script.into()])).code, 0);
    until_nothing_runs(&place);
    place.assert_left(&[]);
}

#[test]
fn a_pidfile_that_cannot_be_written_again_does_not_end_the_program() {
    if lacks("strace") {
        return;
    }
    let place = Place::new();
    let (monitor, program) = supervise(&place, &["-r", "--restart-delay=0", "-p", "x.pid"], sleep());
    let mut strace = place.command("strace");
    strace.args(["-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", "inject=pwrite64:error=ENOSPC", "-p"]);
    let mut strace = strace.arg(monitor.0.to_string()).spawn().unwrap();
    until("strace to be there", || (monitor.status("TracerPid").unwrap() != "0").then_some(()));
    program.signal(SIGKILL);
    let other = another(monitor, program);
    let mut looks = 0;
    until("looks", || {
        assert!(children(monitor).into_iter().all(|child| child == other), "another one");
        looks += 1;
        (looks > 50).then_some(())
    });
    assert_eq!((fs::read(place.path("x.pid")).unwrap(), lock_owner(place.path("x.pid"))), (vec![], Some(monitor)));
    monitor.signal(SIGTERM);
    monitor.wait();
    strace.wait().unwrap();
    place.assert_left(&[]);
}

// What it costs.

/// Polls until there is a whole second in which it was not woken. A shorter look might fall into a moment in which it
/// waits for a processor.
fn until_idle(process: Process) {
    let count = || process.status("voluntary_ctxt_switches").unwrap();
    until("an idle second", || {
        let (before, begin) = (count(), Instant::now());
        until("the time to pass", || (begin.elapsed() >= Duration::from_secs(1)).then_some(()));
        (count() == before).then_some(())
    });
}

#[test]
fn an_idle_monitor_never_wakes_up() {
    let place = Place::new();
    let (monitor, _) = supervise(&place, &["-p", "x.pid", "-r", "--restart=failure"], sleep());
    until_idle(monitor);
}

/// The stack of a monitor that has nothing to do, in KiB: the caller's words, which the kernel puts at its begin, and what
/// dmz has below them, which is more where the launcher leads a group and has made a session process.
fn stack_kib(leads: bool) -> u64 {
    let words: usize = std::env::vars_os().map(|(name, value)| name.len() + value.len() + 2 + 8).sum();
    let below = if leads { 5120 } else { 4096 };
    (words as u64 + below).div_ceil(4096) * 4
}

// With less than 3,000 bytes of words that is two pages; with none it is one, as tests/costs.txt has it. Relative paths and
// another environment are words that dmz makes itself, on two pages more.
#[test]
fn an_idle_monitor_has_its_stack_and_nothing_else() {
    let place = Place::new();
    let file = fs::metadata(dmz()).unwrap().len().div_ceil(4096) * 4;
    let many = &["-p", "x.pid", "-o", "out", "-r", "--map=USR1:USR2", "-E", "A=B"];
    for (options, leads, made) in [(&[][..], false, 0), (&[], true, 0), (&many[..], false, 8)] {
        let mut command = place.dmz(["-S", "-P"]);
        command.args(words(options, sleep()));
        if leads {
            command.process_group(0);
        }
        let (monitor, program) = supervised(&mut command);
        let check = |when: &str, monitor| {
            let most = stack_kib(leads) + made;
            // The page that it shares with the launcher goes when that has gone.
            until("its own pages alone", || (memory(monitor, "Pss_Shmem") == 0).then_some(()));
            let (own, all) = (memory(monitor, "Anonymous"), memory(monitor, "Rss"));
            assert!(own <= most, "{when} {options:?} {leads}: {own} KiB anonymous");
            assert!(all <= own + file, "{when} {options:?}: {all} KiB, file {file} KiB");
        };
        check("first program", monitor);
        if options.contains(&"-r") {
            program.signal(SIGKILL);
            another(monitor, program);
            until_comm(monitor, "dmz: up");
            check("second program", monitor);
        }
    }
}

#[test]
fn the_monitor_has_at_most_four_descriptors_of_its_own() {
    let place = Place::new();
    let (monitor, _) = supervise(&place, &["-r"], sleep());
    let (other, _) = supervise(&place, &["-p", "x.pid", "-l", "x.lock", "-i", "/dev/zero", "-o", "out"], sleep());
    let own = monitor.descriptors().into_keys().filter(|number| *number > 2).count();
    assert!(own <= 4, "{:?}", monitor.descriptors());
    // The two that were asked for.
    let own = other.descriptors().into_keys().filter(|number| *number > 2).count();
    assert!(own <= 6, "{:?}", other.descriptors());
    for number in 0..3 {
        assert_eq!(monitor.descriptors()[&number], std::path::Path::new("/dev/null"), "{number}");
    }
}

#[test]
fn the_memory_of_many_monitors_is_linear_and_small() {
    let place = Place::new();
    let rounds: u64 = std::env::var("DMZ_ROUNDS").map_or(100, |rounds| rounds.parse().unwrap());
    let mut monitors = Vec::new();
    for round in 1..=rounds {
        monitors.push(supervise(&place, &[], sleep()).0);
        if [rounds / 2, rounds].contains(&round) {
            until("their own pages alone", || monitors.iter().all(|one| memory(*one, "Pss_Shmem") == 0).then_some(()));
            let sum: u64 = monitors.iter().map(|monitor| memory(*monitor, "Pss")).sum();
            // And a share of the file's pages.
            assert!(sum <= (stack_kib(false) + 1) * round, "{sum} KiB for {round}");
        }
    }
}
