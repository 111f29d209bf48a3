//! `-w`: dmz stays, passes signals on, removes the pidfile, and ends as the program did.

#[path = "support/launch.rs"]
mod launch;
mod support;

use launch::*;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use support::*;

/// A start that waits, once it has printed what it has started (`-P`), and that program.
fn waiting(place: &Place, command: &mut Command) -> (Guard, Process) {
    let mut launcher = Guard::of(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(launcher.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let pid = line.trim_end().parse().unwrap_or_else(|_| panic!("no process id: {command:?}"));
    assert_pidfile(place.path("x.pid"), place.own(Process(pid)));
    (launcher, settled(Process(pid)))
}

#[test]
fn the_status_is_the_programs() {
    let place = Place::new();
    for status in [0, 1, 7, 121, 122, 125, 127, 128, 255] {
        for option in ["-w", "--wait"] {
            let outcome = place.run([option, "-p", "x.pid", "--", "/bin/sh", "-c", &format!("exit {status}")]);
            assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (status, "", ""));
        }
        place.assert_left(&[]);
    }
}

#[test]
fn a_death_by_a_signal_is_passed_on_as_the_same_death() {
    let place = Place::new();
    for signal in [libc::SIGTERM, libc::SIGKILL, libc::SIGHUP, libc::SIGUSR1, libc::SIGPIPE, libc::SIGSEGV, 34, 64] {
        let mut command = place.dmz(["-wPp", "x.pid"]);
        limited(command.args(SLEEP), libc::RLIMIT_CORE as i32, 0);
        let (mut launcher, program) = waiting(&place, &mut command);
        program.signal(signal);
        let status = until("its end", || launcher.0.try_wait().unwrap());
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(signal), "{status:?}");
        place.assert_left(&[]);
    }
}

#[test]
fn a_program_that_dies_of_a_signal_at_once_was_started_all_the_same() {
    let place = Place::new();
    for signal in [libc::SIGKILL, libc::SIGSEGV, libc::SIGTERM] {
        for round in 0..100 {
            let way = if round % 4 == 0 { &["-w", "--single-fork"][..] } else { &["-w"] };
            let mut command = place.dmz(way);
            command.args(["--", "/bin/sh", "-c", &format!("kill -{signal} $$")]);
            let outcome = Outcome::of(limited(&mut command, libc::RLIMIT_CORE as i32, 0));
            assert_eq!((outcome.code, &*outcome.stderr), (128 + signal, ""), "{way:?}");
        }
    }
    place.assert_left(&[]);
}

#[test]
fn a_signal_that_comes_when_the_program_has_died_is_not_the_death() {
    if lacks("strace") {
        return;
    }
    let place = Place::new();
    // The last call before its own death.
    let inject = ["-qq", "-o", "/dev/null", "-e", "trace=prlimit64,setrlimit"];
    let inject = inject.into_iter().chain(["-e", "inject=prlimit64,setrlimit:signal=HUP"]);
    for with in ["-w", "-I"] {
        let mut command = place.command("strace");
        command.args(inject.clone()).arg(dmz()).args([with, "--", "/bin/sh", "-c", "kill -TERM $$"]);
        assert_eq!(Outcome::of(&mut command).code, 128 + libc::SIGTERM, "{with}");
    }
}

#[test]
fn signals_are_passed_on_and_do_not_end_the_wait() {
    let place = Place::new();
    let cases = [
        (libc::SIGTERM, "TERM"),
        (libc::SIGINT, "INT"),
        (libc::SIGHUP, "HUP"),
        (libc::SIGQUIT, "QUIT"),
        (libc::SIGUSR1, "USR1"),
        (libc::SIGUSR2, "USR2"),
    ];
    for (signal, name) in cases {
        let script = format!(
            "trap 'echo {name}' {name}; trap 'exit 42' ALRM; echo ready; while :; do sleep 100 & wait $!; done"
        );
        let with = ["-wPp", "x.pid", "-o", "out", "-E", "A=B", "--", "/bin/sh", "-c", &script];
        let (launcher, program) = waiting(&place, ignoring(&mut place.dmz(with), &[signal], false));
        let says = |text: &str| until(text, || (fs::read_to_string(place.path("out")).unwrap() == text).then_some(()));
        says("ready\n");
        launcher.process().signal(signal);
        says(&format!("ready\n{name}\n"));
        launcher.process().signal(signal);
        says(&format!("ready\n{name}\n{name}\n"));
        assert!(launcher.process().is_alive());
        program.signal(libc::SIGALRM);
        assert_eq!(launcher.end().code, 42);
        place.processes().into_iter().for_each(Process::end); // the shell's sleeps
        fs::remove_file(place.path("out")).unwrap();
        place.assert_left(&[]);
    }
}

#[test]
fn a_signal_that_the_program_does_not_catch_ends_both() {
    let place = Place::new();
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2] {
        let mut command = place.dmz(["-wPp", "x.pid"]);
        let (launcher, program) = waiting(&place, ignoring(command.args(SLEEP), &[signal], false));
        launcher.process().signal(signal);
        assert_eq!(launcher.end().code, 128 + signal);
        assert!(!program.is_alive());
        place.assert_left(&[]);
    }
}

#[test]
fn a_signal_that_the_caller_ignores_is_not_passed_on() {
    let place = Place::new();
    for signal in [libc::SIGHUP, libc::SIGINT] {
        let mut command = place.dmz(["-wPp", "x.pid"]);
        ignoring(command.args(SLEEP), &[signal], true);
        let (launcher, program) = waiting(&place, ignoring(&mut command, &[libc::SIGUSR1], false));
        launcher.process().signal(signal);
        launcher.process().signal(libc::SIGUSR1);
        assert_eq!(launcher.end().code, 128 + libc::SIGUSR1);
        assert!(!program.is_alive());
        place.assert_left(&[]);
    }
}

#[test]
fn the_program_is_the_same_daemon_as_without_waiting() {
    let place = Place::new();
    let (launcher, program) = waiting(&place, hostile(place.dmz(["-wPp", "x.pid"]).args(SLEEP)));
    assert_daemon(program);
    assert_ne!(program.stat(6), launcher.process().stat(6), "the launcher stays in its own session");
    let ignored = launcher.process().stat(6);
    // SAFETY: getsid takes an integer.
    assert_eq!(ignored, i64::from(unsafe { libc::getsid(0) }));
    program.end();
    assert_eq!(launcher.end().code, 128 + libc::SIGKILL, "although SIGCHLD was ignored");
}

#[test]
fn the_pidfile_is_only_removed_while_it_is_the_same() {
    let place = Place::new();
    let (launcher, program) = waiting(&place, place.dmz(["-wPp", "x.pid", "-l", "x.lock"]).args(SLEEP));
    fs::remove_file(place.path("x.pid")).unwrap();
    let next = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    program.signal(libc::SIGTERM);
    assert_eq!(launcher.end().code, 128 + libc::SIGTERM);
    assert_pidfile(place.path("x.pid"), next);
    assert!(place.path("x.lock").exists(), "a lockfile never is");
}

#[test]
fn a_pidfile_that_names_another_daemon_by_now_stays() {
    let place = Place::new();
    let launcher = Guard::of(place.dmz(["-w", "--no-lock", "-p", "x.pid"]).args(SLEEP));
    let text = || fs::read_to_string(place.path("x.pid")).unwrap_or_default();
    let first = until("the first", || text().strip_suffix('\n').map(String::from));
    let next = place.own(Process(
        place.run(["-P", "--no-lock", "-p", "x.pid", "--", "/bin/sleep", "100"]).stdout.trim_end().parse().unwrap(),
    ));
    place.own(Process(first.parse().unwrap())).signal(libc::SIGTERM);
    assert_eq!(launcher.end().code, 128 + libc::SIGTERM);
    assert_eq!(text(), format!("{}\n", next.0));
}

#[test]
fn a_pidfile_that_is_replaced_before_it_is_locked_again_stays() {
    if lacks("strace") {
        return;
    }
    let place = Place::new();
    let mut command = place.command("strace");
    command.args(["-o", "trace", "-e", "trace=openat", "-e", "inject=openat:signal=STOP:when=1", "-P"]);
    command.arg(place.path("x.pid")).arg(dmz()).arg("-wPp").arg(place.path("x.pid"));
    let (launcher, program) = waiting(&place, command.args(SLEEP));
    program.signal(libc::SIGTERM);
    // The launcher has opened the file; then another one stops the dead daemon, and the next one makes a file of its own.
    let trace = || fs::read_to_string(place.path("trace")).unwrap_or_default();
    until("a stop", || trace().contains("stopped by SIGSTOP").then_some(()));
    assert_eq!(place.run(["-K", "-p", "x.pid"]).code, 0);
    assert!(!place.path("x.pid").exists());
    let next = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    let is_stopped = |process: &Process| process.status("State").is_some_and(|state| state.starts_with(['T', 't']));
    let stopped = place.processes().into_iter().find(is_stopped);
    stopped.unwrap().signal(libc::SIGCONT);
    launcher.end();
    assert_pidfile(place.path("x.pid"), next);
}

#[test]
fn a_pidfile_that_was_replaced_by_a_plain_file_stays() {
    let place = Place::new();
    let (launcher, program) = waiting(&place, place.dmz(["-wPp", "x.pid"]).args(SLEEP));
    fs::remove_file(place.path("x.pid")).unwrap();
    place.file("x.pid", "1\n");
    program.signal(libc::SIGTERM);
    assert_eq!(launcher.end().code, 128 + libc::SIGTERM);
    assert_eq!(fs::read_to_string(place.path("x.pid")).unwrap(), "1\n");
}

#[test]
fn a_failed_start_is_the_same_failure_as_without_waiting() {
    let place = Place::new();
    let outcome = place.run(["-w", "-p", "x.pid", "/nowhere"]);
    outcome.assert_failed(127, "cannot execute /nowhere: No such file or directory");
    place.assert_left(&[]);
    let program = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    let outcome = place.run(["-w", "-p", "x.pid", "--", "/bin/sleep", "100"]);
    outcome.assert_failed(123, &format!("already running, PID {}", program.0));
    assert_pidfile(place.path("x.pid"), program);
}

#[test]
fn the_process_id_is_printed_when_the_program_starts() {
    let place = Place::new();
    let (launcher, program) = waiting(&place, place.dmz(["-wPp", "x.pid"]).args(SLEEP));
    assert!(launcher.process().is_alive() && program.is_alive());
    program.signal(libc::SIGTERM);
    assert_eq!(launcher.end().stdout, "", "and nothing later");
}

#[test]
fn verbose_tells_whose_a_status_is() {
    let place = Place::new();
    let theirs = place.run(["-v", "-w", "--", "/bin/sh", "-c", "exit 127"]);
    let ours = place.run(["-v", "-w", "--", "/nowhere"]);
    assert_eq!((theirs.code, ours.code), (127, 127));
    let last = |outcome: &Outcome| outcome.stderr.lines().last().unwrap().to_owned();
    assert!(last(&theirs).contains("the program") && last(&theirs).contains("127"), "{theirs:?}");
    assert!(last(&ours).starts_with("dmz: cannot execute /nowhere"), "{ours:?}");
    let (launcher, program) = waiting(&place, place.dmz(["-vwPp", "x.pid"]).args(SLEEP));
    program.signal(libc::SIGKILL);
    let killed = launcher.end();
    assert_eq!(killed.code, 128 + libc::SIGKILL);
    assert!(last(&killed).contains("signal 9") || last(&killed).contains("KILL"), "{killed:?}");
}

#[test]
fn nothing_else_is_waited_for() {
    // A child that the program leaves behind keeps neither dmz nor the pidfile.
    let place = Place::new();
    let outcome = place.run(["-w", "-p", "x.pid", "--", "/bin/sh", "-c", "sleep 100 & exit 3"]);
    assert_eq!((outcome.code, &*outcome.stderr), (3, ""));
    assert!(!place.path("x.pid").exists());
    until("what it has left", || (place.processes().len() == 1).then_some(()));
}
