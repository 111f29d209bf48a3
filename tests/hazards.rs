//! What goes wrong in programs that make daemons. `hazards.txt` is the catalogue: a row for each hazard, with the test that
//! holds what dmz must do about it. Here are the tests of those that belong nowhere else.

#[path = "support/actor.rs"]
mod actor;
#[path = "support/launch.rs"]
mod launch;
mod support;

use actor::act;
use launch::*;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use support::*;

/// The sections of the catalogue and how many rows each has.
const SECTIONS: [(char, usize); 10] =
    [('A', 18), ('B', 15), ('C', 10), ('D', 10), ('E', 15), ('F', 10), ('G', 11), ('H', 10), ('I', 6), ('J', 7)];

#[test]
fn every_hazard_has_a_test_or_a_reason_to_have_none() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let text = fs::read_to_string(tests.join("hazards.txt")).unwrap();
    let mut rows = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let [id, _hazard, held] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("three columns: {line}") };
        assert!(rows.insert(id.to_owned()), "twice: {id}");
        if held.starts_with("none: ") {
            continue;
        }
        for test in held.split(", ") {
            let (file, name) = test.split_once(": ").unwrap_or_else(|| panic!("{id}: FILE: TEST, not {test:?}"));
            let code = fs::read_to_string(tests.join(file)).unwrap_or_else(|error| panic!("{id}: {file}: {error}"));
            let is_test =
                code.match_indices(&format!("fn {name}()")).any(|(at, _)| code[..at].trim_end().ends_with(']'));
            assert!(is_test, "{id}: {file} has no test {name}");
        }
    }
    let all = SECTIONS.iter().flat_map(|(section, count)| (1..=*count).map(move |number| format!("{section}{number}")));
    assert_eq!(rows, all.collect());
}

#[test]
fn a_limit_of_file_sizes_is_a_failure_and_no_death() {
    let place = Place::new();
    let forks = ["--", "/bin/sh", "-c", "sleep 100 &"];
    let ways = [[].as_slice(), &["-S"], &["-w"], &["-f"]].map(|with| (with, SLEEP.as_slice()));
    for (with, program) in ways.into_iter().chain([(["--ready", "exit"].as_slice(), forks.as_slice())]) {
        let mut command = place.dmz(["-p", "x.pid"]);
        let outcome = Outcome::of(limited(command.args(with).args(program), libc::RLIMIT_FSIZE as i32, 0));
        assert_cannot(&outcome, 125, "x.pid", "File too large");
        place.assert_left(&[]);
    }
}

#[test]
fn children_that_the_caller_left_are_no_matter() {
    let place = Place::new();
    for with in [&[][..], &["-S"], &["--single-fork"], &["--ready", "exec", "-t", "9"]] {
        let script = "true & sleep 100 & exec \"$@\"";
        let mut command = place.command("/bin/sh");
        command.args(["-c", script, "sh"]).arg(dmz()).args(["-P", "-p", "x.pid"]).args(with).args(SLEEP);
        // In a file: the child keeps its outputs, and a pipe would keep us.
        let code =
            Guard::of(command.stdout(File::create(place.path("said")).unwrap()).stderr(Stdio::null())).end().code;
        assert_eq!(code, 0, "{with:?}");
        let program = Process(fs::read_to_string(place.path("said")).unwrap().trim_end().parse().unwrap());
        assert_eq!(fs::read_to_string(place.path("x.pid")).unwrap(), format!("{}\n", program.0));
        place.processes().into_iter().for_each(Process::end);
        let _ = fs::remove_file(place.path("x.pid"));
    }
}

#[test]
fn a_failure_that_cannot_be_told_keeps_its_status() {
    let place = Place::new();
    for (words, code) in
        [(&["/nowhere"][..], 127), (&["/etc/passwd"], 126), (&["-c", "/nowhere", "true"], 125), (&["-X"], 125)]
    {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (reader, broken) = io::pipe().unwrap();
        drop(reader);
        for stderr in [Stdio::from(full), Stdio::from(broken)] {
            let mut command = place.dmz(["-p", "x.pid"]);
            let output =
                command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).output().unwrap();
            assert_eq!(Outcome::from(output).code, code, "{words:?}");
            place.assert_left(&[]);
        }
    }
}

#[test]
fn a_program_that_closes_the_lock_is_out_of_reach_unless_a_monitor_holds_it() {
    let place = Place::new();
    let words: Vec<_> = ["close:10", "close:11", "close:12", "mark:closed", "pause"].to_vec();
    let start = |options: &[&str]| {
        let mut command = place.dmz(["-P", "-c", ".", "-p", "x.pid"]);
        let program = place.started(command.args(options).arg("--").args(act(&words)));
        until("that it has closed all", || fs::remove_file(place.path("closed")).ok());
        program
    };
    let program = start(&[]);
    assert_eq!(place.run(["-T", "-p", "x.pid"]).code, 1, "never a wrong \"running\"");
    assert_eq!(place.run(["-K", "-p", "x.pid"]).code, 0);
    assert!(program.is_alive(), "a number without a lock is never signalled");
    program.end();
    let program = start(&["-S"]);
    assert_eq!(place.run(["-T", "-p", "x.pid"]).code, 0);
    assert_eq!(place.run(["-K", "-p", "x.pid"]).code, 0);
    assert!(!program.is_alive());
}

#[test]
fn a_child_with_every_descriptor_does_not_keep_the_lock() {
    let place = Place::new();
    // The shell's child has the lock's descriptor, too.
    let program = place.start(["-c", ".", "-p", "x.pid", "--", "/bin/sh", "-c", "sleep 100 & echo > there; wait"]);
    until("the child", || place.path("there").exists().then_some(()));
    program.end();
    assert_eq!(place.processes().len(), 1);
    assert_eq!(place.run(["-T", "-p", "x.pid"]).code, 1);
    assert_pidfile(place.path("x.pid"), place.start([&["-p", "x.pid"][..], &SLEEP].concat()));
}

#[test]
fn a_monitor_removes_the_pidfile_of_a_program_in_another_root() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let root = bare_root(&place);
    let root = root.to_str().unwrap();
    let words = ["-S", "-R", root, "-u", "65534:65534", "-p", "x.pid", "--", "/busybox", "sleep", "100"];
    let program = place.start(words);
    assert_eq!(fs::read_to_string(place.path("x.pid")).unwrap(), format!("{}\n", program.0));
    program.signal(libc::SIGTERM);
    until("the end", || place.processes().is_empty().then_some(()));
    place.assert_left(&["root"]);
}

#[test]
fn a_killed_monitor_takes_a_program_of_another_user_along() {
    if lacks_root() {
        return;
    }
    // The kernel forgets the wish to die with the parent when the ids change.
    let place = Place::new();
    let program = place.start([&["-S", "-u", "65534:65534", "-p", "x.pid"][..], &SLEEP].concat());
    lock_owner(place.path("x.pid")).unwrap().signal(libc::SIGKILL);
    until("the end", || (!program.is_alive()).then_some(()));
}

#[test]
fn no_output_becomes_the_programs_terminal() {
    let place = Place::new();
    let (_master, slave) = terminal();
    let slave = slave.to_str().unwrap();
    for with in [&["--single-fork"][..], &[]] {
        let program = start(&place, [with, &["-i", slave, "-o", slave, "-e", slave], &SLEEP].concat());
        assert_eq!(program.descriptors()[&1], Path::new(slave));
        assert_eq!(program.stat(7), 0, "{with:?}: no controlling terminal");
        program.end();
    }
}

#[test]
fn an_alarm_of_the_callers_does_not_end_the_program() {
    let place = Place::new();
    let mut command = place.dmz(["-P"]);
    let alarm = || {
        // SAFETY: alarm takes an integer.
        unsafe { libc::alarm(1) };
        Ok(())
    };
    let program = place.started(before(command.args(SLEEP), alarm));
    let past = Guard::of(place.command("/bin/sleep").arg("1.3"));
    past.end();
    assert!(program.is_alive());
}

#[test]
fn what_was_not_asked_for_is_the_callers() {
    let place = Place::new();
    let looks = |process: Process| {
        let cgroup = fs::read_to_string(format!("/proc/{}/cgroup", process.0)).unwrap();
        let oom = fs::read_to_string(format!("/proc/{}/oom_score_adj", process.0)).unwrap();
        let limits = fs::read_to_string(format!("/proc/{}/limits", process.0)).unwrap();
        let cpus = process.status("Cpus_allowed_list");
        (cgroup, oom, limits, cpus, process.stat(19), process.status("NoNewPrivs"))
    };
    let caller = |command: &mut Command| {
        // SAFETY: calls with integers, a set and a limit that the closure owns.
        before(limited(command, libc::RLIMIT_NOFILE as i32, 333), || unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(0, &mut set);
            done(libc::sched_setaffinity(0, size_of_val(&set), &raw const set))?;
            done(libc::setpriority(libc::PRIO_PROCESS, 0, 7))?;
            let fd = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY);
            done(libc::write(fd, c"500".as_ptr().cast(), 3) as i32)?;
            done(libc::close(fd))
        });
    };
    let mut plain = place.command("/bin/sleep");
    caller(plain.arg("100"));
    let guard = Guard::of(&mut plain);
    for with in [&[][..], &["-S"]] {
        let mut command = place.dmz(["-P"]);
        caller(command.args(with).args(SLEEP));
        let program = started(&place, &mut command);
        assert_eq!(looks(program), looks(guard.process()), "{with:?}");
    }
}

#[test]
fn the_largest_argument_and_a_large_environment_pass_whole() {
    let place = Place::new();
    let large = "x".repeat(131_071);
    let mut command = place.dmz(["-P", "--", "/bin/sh", "-c", "kill -STOP $$", "sh", &large]);
    let program = started(&place, command.env("LARGE", &large[6..]));
    assert_eq!(program.arguments().last().unwrap().as_os_str(), OsStr::new(&large));
    assert!(program.environment().iter().any(|word| word.len() == 131_071));
}

#[test]
fn without_proc_control_is_the_same() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let root = bare_root(&place);
    let call = |words: &[&str]| Outcome::of(rooted(place.command("/dmz").args(words), &root));
    for with in ["-C", "-S"] {
        assert_eq!(call(&[with, "-p", "/x.pid", "--", "/busybox", "sleep", "100"]).code, 0, "{with}");
        assert_eq!(call(&["-T", "-p", "/x.pid"]).code, 0, "{with}");
        assert_eq!(call(&["-s", "CONT", "-p", "/x.pid"]).code, 0, "{with}");
        assert_eq!(call(&["-K", "-p", "/x.pid"]).code, 0, "{with}");
        assert_eq!(place.processes(), [], "{with}");
    }
}

#[test]
fn control_does_without_newer_calls_or_says_that_it_cannot() {
    let place = Place::new();
    for errno in [libc::ENOSYS, libc::EPERM] {
        for call in [libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal, libc::SYS_close_range] {
            let program = place.start([&["-p", "x.pid"][..], &SLEEP].concat());
            let asked = Outcome::of(filtered(&mut place.dmz(["-T", "-p", "x.pid"]), &[(call, errno)]));
            assert!([0, 4].contains(&asked.code) || asked.code == 125 && !asked.stderr.is_empty(), "{call} {asked:?}");
            let stopped = Outcome::of(filtered(&mut place.dmz(["-K", "-p", "x.pid"]), &[(call, errno)]));
            match stopped.code {
                0 => assert!(!program.is_alive(), "{call}"),
                125 => assert_one_line(&stopped),
                _ => panic!("{call} {stopped:?}"),
            }
            program.end();
            let _ = fs::remove_file(place.path("x.pid"));
        }
    }
}

#[test]
fn the_stack_may_begin_anywhere() {
    let place = Place::new();
    let path = dmz();
    for length in 0..64 {
        let mut command = place.dmz([""; 0]);
        let variable = [&b"A="[..], &b"x".repeat(length)].concat();
        for words in [&[&b"-V"[..]][..], &[b"--dry-run", b"true"], &[b"-w", b"--", b"/bin/true"]] {
            let words = [&[path.as_os_str().as_encoded_bytes()], words].concat();
            let outcome = Outcome::of(exactly(&mut command, &words, &[&variable]));
            assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{length}");
            command = place.dmz([""; 0]);
        }
    }
}

/// The calls of these kinds that a start makes, in all its processes.
fn calls(place: &Place, kinds: &str, words: &[&str]) -> String {
    let mut command = place.command("strace");
    command.args(["-f", "-qq", "-o", "trace", "-e", &format!("trace={kinds}")]).arg(dmz()).args(words);
    let outcome = Outcome::of(&mut command);
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
    fs::read_to_string(place.path("trace")).unwrap()
}

#[test]
fn a_change_of_the_user_never_makes_memory_readable_again() {
    if lacks_root() || lacks("strace") {
        return;
    }
    let place = Place::new();
    let text = calls(&place, "prctl", &["-w", "-u", "65534:65534", "--caps", "none", "--", "/bin/true"]);
    assert!(text.contains("PR_CAPBSET_DROP"), "something was seen");
    assert!(!text.contains("PR_SET_DUMPABLE"), "{text}");
}

#[test]
fn no_limit_of_time_is_by_the_wall_clock() {
    if lacks("strace") {
        return;
    }
    let place = Place::new();
    let kinds = "clock_gettime,gettimeofday,time,timerfd_create,timer_create";
    let program = "echo >&3; exec 3>&-";
    let text = calls(&place, kinds, &["--ready", "fd:3", "-t", "9", "--", "/bin/sh", "-c", program]);
    assert!(!text.contains("CLOCK_REALTIME"), "{text}");
    for call in ["gettimeofday", "time("] {
        assert!(!text.contains(&format!(" {call}")), "{text}");
    }
}
