//! Every system call of every process of a start fails in turn, and every process is killed at each: then there is one
//! line and nothing else, or a whole daemon. One test, since its tracer waits for all children of this process.
#![cfg(target_arch = "x86_64")]

mod support;
#[path = "support/tracer.rs"]
mod tracer;

use libc::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use support::*;
use tracer::*;

/// One way to call dmz.
struct Scenario {
    name: &'static str,
    options: &'static [&'static str],
    program: &'static str,
    /// What is in the pidfile before.
    old: Option<&'static str>,
}

const SLEEP: &str = "/bin/sleep";
/// Where the launcher leads a process group, so that there is a session process.
const LEADER: &str = "group leader";
/// A process id that is never given out.
const OLD: &str = "4194304\n";

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "pidfile", options: &["-p", "x.pid", "-o", "out"], program: SLEEP, old: None },
    Scenario { name: "old pidfile", options: &["-p", "x.pid", "-o", "out"], program: SLEEP, old: Some(OLD) },
    Scenario { name: "plain", options: &[], program: SLEEP, old: None },
    Scenario { name: LEADER, options: &["-p", "x.pid"], program: SLEEP, old: None },
    Scenario {
        name: "outputs",
        options: &["-i", "/dev/zero", "-o", "out", "-e", "err", "-a"],
        program: SLEEP,
        old: None,
    },
    Scenario { name: "lockfile", options: &["-l", "x.lock", "-p", "x.pid"], program: SLEEP, old: None },
    Scenario { name: "wait", options: &["-w", "-p", "x.pid"], program: SLEEP, old: None },
    Scenario { name: "single fork", options: &["--single-fork", "-p", "x.pid"], program: SLEEP, old: None },
    Scenario {
        name: "foreground",
        options: &["-f", "-p", "x.pid", "-o", "out", "-e", "err"],
        program: SLEEP,
        old: None,
    },
    Scenario { name: "relative", options: &["-k", "027"], program: "./tool", old: None },
    Scenario { name: "no program", options: &["-p", "x.pid"], program: "/nowhere/program", old: None },
    Scenario { name: "no program, old", options: &["-p", "x.pid"], program: "/nowhere/program", old: Some(OLD) },
];

impl Scenario {
    fn has(&self, option: &str) -> bool {
        self.options.contains(&option)
    }

    /// Does it start something if nothing goes wrong?
    fn starts(&self) -> bool {
        self.program != "/nowhere/program"
    }
}

/// How calls can fail, as their manual pages have it; with a command where that makes another call of it.
const ERRORS: &[(&str, c_long, Option<c_int>, &[c_int])] = &[
    ("mmap", SYS_mmap, None, &[ENOMEM]),
    ("rt_sigprocmask", SYS_rt_sigprocmask, None, &[EINVAL]),
    ("rt_sigaction", SYS_rt_sigaction, None, &[EINVAL]),
    ("rt_sigtimedwait", SYS_rt_sigtimedwait, None, &[EINTR]),
    ("prctl", SYS_prctl, None, &[EINVAL]),
    ("clone", SYS_clone, None, &[EAGAIN, ENOMEM]),
    ("waitid", SYS_waitid, None, &[ECHILD, EINTR]),
    ("setsid", SYS_setsid, None, &[EPERM]),
    ("setpgid", SYS_setpgid, None, &[ESRCH, EPERM]),
    ("nanosleep", SYS_nanosleep, None, &[EINTR]),
    ("close_range", SYS_close_range, None, &[ENOSYS, EPERM]),
    ("openat", SYS_openat, None, &[EACCES, EINTR, EMFILE, ENFILE, ENOENT, ENOSPC, EROFS]),
    ("newfstatat", SYS_newfstatat, None, &[EACCES, ENOENT, ENOMEM]),
    ("dup3", SYS_dup3, None, &[EBUSY, EINTR, EMFILE]),
    ("fcntl F_DUPFD", SYS_fcntl, Some(F_DUPFD), &[EMFILE]),
    ("fcntl F_DUPFD_CLOEXEC", SYS_fcntl, Some(F_DUPFD_CLOEXEC), &[EMFILE]),
    ("fcntl F_GETFD", SYS_fcntl, Some(F_GETFD), &[EBADF]),
    ("fcntl F_SETFL", SYS_fcntl, Some(F_SETFL), &[EPERM]),
    ("fcntl F_SETLK", SYS_fcntl, Some(F_SETLK), &[EINTR, ENOLCK]),
    ("close", SYS_close, None, &[EINTR, EIO]),
    ("pread64", SYS_pread64, None, &[EINTR, EIO]),
    ("pwrite64", SYS_pwrite64, None, &[EFBIG, EINTR, EIO, ENOSPC]),
    ("ftruncate", SYS_ftruncate, None, &[EINTR, EIO]),
    ("getcwd", SYS_getcwd, None, &[EACCES, ENOENT]),
    ("chdir", SYS_chdir, None, &[EACCES, ENOENT]),
    ("unlinkat", SYS_unlinkat, None, &[EACCES]),
    ("execve", SYS_execve, None, &[E2BIG, EACCES, ENOENT, ENOEXEC, ENOMEM, ETXTBSY]),
    ("kill", SYS_kill, None, &[]),
    ("writev", SYS_writev, None, &[]),
    // The way round what is refused above.
    ("getdents64", SYS_getdents64, None, &[]),
    ("prlimit64", SYS_prlimit64, None, &[]),
    ("mknodat", SYS_mknodat, None, &[]),
    // They cannot fail.
    ("getpid", SYS_getpid, None, &[]),
    ("getpgrp", SYS_getpgrp, None, &[]),
    ("umask", SYS_umask, None, &[]),
    ("exit_group", SYS_exit_group, None, &[]),
];

/// The row of a call.
fn row(call: Call) -> &'static (&'static str, c_long, Option<c_int>, &'static [c_int]) {
    let is_its = |command: Option<c_int>| command.is_none_or(|command| command as u64 == call.second);
    let mut rows = ERRORS.iter();
    rows.find(|row| row.1 == call.number && is_its(row.2)).unwrap_or_else(|| panic!("no row for call {}", call.number))
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// This call fails.
    Error(c_int),
    /// All calls of this kind fail, in every process, as with a filter (seccomp(2)) or another kernel.
    Always(c_int),
    /// This process is killed when the call is about to be made.
    Kill(usize),
}

/// Where it does.
#[derive(Clone, Copy)]
struct Point {
    place: usize,
    index: usize,
    call: Call,
    /// How many processes there are.
    count: usize,
    fault: Fault,
}

const LAUNCHER: usize = 0;

/// What a process is called.
fn role(place: usize, count: usize) -> &'static str {
    match (place, count) {
        (LAUNCHER, _) => "launcher",
        (1, 3) => "session",
        _ => "daemon",
    }
}

/// The kernel's name of an error number.
fn text(error: c_int) -> String {
    let text = std::io::Error::from_raw_os_error(error).to_string();
    text.split(" (os").next().unwrap().to_owned()
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whose, what) = (role(self.place, self.count), row(self.call).0);
        match self.fault {
            Fault::Error(error) => write!(f, "{whose}, call {}, {what}: {}", self.index, text(error)),
            Fault::Always(error) => write!(f, "every {what}: {}", text(error)),
            Fault::Kill(victim) => {
                write!(f, "{} killed at {whose}'s call {}, {what}", role(victim, self.count), self.index)
            }
        }
    }
}

impl Point {
    fn kills_launcher(&self) -> bool {
        self.fault == Fault::Kill(LAUNCHER)
    }

    /// What is to be done at the last call of the process at `place`.
    fn act(&self, story: &Story, place: usize) -> Act {
        let calls = &story.processes[place].calls;
        let call = calls[calls.len() - 1];
        let is_here = place == self.place && calls.len() == self.index + 1 && row(call) == row(self.call);
        match self.fault {
            Fault::Always(error) if row(call) == row(self.call) => Act::Fail(error),
            Fault::Error(error) if is_here => Act::Fail(error),
            Fault::Kill(victim) if is_here => Act::Kill(victim),
            _ => Act::Go,
        }
    }
}

/// Injections after which the start goes on, rightly: call, error numbers, why.
const HARMLESS: &[(&str, &[c_int], &str)] = &[];

/// Kills after which the start goes on, rightly: victim, whose call, call, why.
const SURVIVED: &[(&str, &str, &str, &str)] = &[];

/// How a start ended that went as it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Reported,
    Continued,
}

/// One run.
struct Run {
    place: Place,
    story: Story,
    /// With `-w`: what the program was like before we ended it.
    ended: Option<Result<(), String>>,
    was_hit: bool,
}

fn run(scenario: &Scenario, point: Option<&Point>) -> Run {
    let place = Place::new();
    std::os::unix::fs::symlink(SLEEP, place.path("tool")).unwrap();
    if let Some(old) = scenario.old {
        place.file("x.pid", old);
    }
    let mut command = place.dmz(scenario.options);
    command.args(["--", scenario.program, "100"]);
    command.stdout(Stdio::null()).stderr(fs::File::create(place.path("words")).unwrap());
    if scenario.name == LEADER {
        command.process_group(0);
    }
    let (mut ended, mut was_hit) = (None, false);
    let story = trace(&mut command, &mut |story, place_| {
        let act = point.map_or(Act::Go, |point| point.act(story, place_));
        was_hit |= !matches!(act, Act::Go);
        let calls = &story.processes[place_].calls;
        // The first signal that it takes is the session process's end.
        let waits = calls.iter().filter(|call| call.number == SYS_rt_sigtimedwait).count() == 2;
        if let Some(program) = story.program().filter(|_| waits && ended.is_none() && !matches!(act, Act::Kill(_))) {
            ended = Some(is_whole(scenario, &place, story, program));
            program.signal(SIGTERM);
        }
        act
    });
    if let Some(program) = story.program().filter(|_| ended.is_none()) {
        place.own(program);
    }
    Run { place, story, ended, was_hit }
}

/// Is this all that the program should be? What is wrong, if not.
fn is_whole(scenario: &Scenario, place: &Place, story: &Story, program: Process) -> Result<(), String> {
    let foreground = scenario.has("-f");
    let own = Process(std::process::id() as i32);
    let session = match foreground {
        true => own.stat(6),
        false if scenario.has("--single-fork") => i64::from(program.0),
        false => i64::from(story.processes[story.processes.len() - 2].process.0),
    };
    let null = PathBuf::from("/dev/null");
    let mut expected = BTreeMap::from([(0, null.clone()), (1, null.clone()), (2, null)]);
    if foreground {
        expected.insert(2, place.path("words"));
    }
    let mut lock = 10;
    for pair in scenario.options.windows(2) {
        let file = if pair[1].starts_with('/') { PathBuf::from(pair[1]) } else { place.path(pair[1]) };
        match pair[0] {
            "-i" => drop(expected.insert(0, file)),
            "-o" => drop(expected.insert(1, file)),
            "-e" => drop(expected.insert(2, file)),
            "-p" => drop(expected.insert(lock_number(scenario, &mut lock, "-p"), file)),
            "-l" => drop(expected.insert(lock_number(scenario, &mut lock, "-l"), file)),
            _ => {}
        }
    }
    // The program opens and closes files of its own when it begins.
    let begin = std::time::Instant::now();
    let mut found = program.descriptors();
    while found != expected && begin.elapsed().as_secs() < 2 && program.is_alive() {
        // SAFETY: no descriptors: this only lets others run for a millisecond.
        unsafe { libc::poll(std::ptr::null_mut(), 0, 1) };
        found = program.descriptors();
    }
    let umask = if foreground { own.status("Umask") } else { Some("0000".into()) };
    let umask = if scenario.has("-k") { Some("0027".into()) } else { umask };
    let is = |what: &str, is: bool| if is { Ok(()) } else { Err(format!("the program runs, but not its {what}")) };
    is("life", program.is_alive())?;
    is(&format!("descriptors {found:?}"), found == expected)?;
    is("arguments", program.arguments() == [scenario.program, "100"])?;
    is("session", program.stat(6) == session)?;
    is("terminal", foreground || program.stat(7) == 0)?;
    is("directory", program.link("cwd") == if foreground { &place.folder } else { Path::new("/") })?;
    is("umask", program.status("Umask") == umask)?;
    is("blocked signals", program.signals("SigBlk") == 0)?;
    is("ignored signals", program.signals("SigIgn") == 0)?;
    for (option, name) in [("-p", "x.pid"), ("-l", "x.lock")] {
        is("lock", !scenario.has(option) || lock_owner(place.path(name)) == Some(program))?;
    }
    let text = fs::read_to_string(place.path("x.pid")).unwrap_or_default();
    is("pidfile", !scenario.has("-p") || text == format!("{}\n", program.0))
}

/// The number of a lock's descriptor: the pidfile is opened first.
fn lock_number(scenario: &Scenario, least: &mut i32, option: &str) -> i32 {
    *least + i32::from(option == "-l" && scenario.has("-p"))
}

/// Has the start ended as it should? What is wrong, if not.
fn verdict(scenario: &Scenario, point: &Point, run: &Run) -> Result<Verdict, String> {
    let Run { place, story, ended, .. } = run;
    if story.hung {
        return Err("it hangs".into());
    }
    // Who is told that he has no such child cannot reap it.
    let lies = matches!(point.fault, Fault::Error(ECHILD) | Fault::Always(_)) && point.call.number == SYS_waitid;
    if !story.zombies.is_empty() && !point.kills_launcher() && !lies {
        return Err(format!("zombies: {:?}", story.zombies));
    }
    let words = fs::read_to_string(place.path("words")).unwrap();
    let launcher = story.processes[LAUNCHER].state;
    if let Some(program) = story.program() {
        let good = match launcher {
            _ if point.kills_launcher() => true,
            State::Ended(status) if ended.is_some() => status.signal() == Some(SIGTERM),
            State::Ended(status) => status.success(),
            state => scenario.has("-f") && state == State::Program,
        };
        if !good {
            return Err(format!("the program runs, but dmz: {launcher:?}, {words:?}"));
        }
        if !words.is_empty() {
            return Err(format!("the program runs, but it says {words:?}"));
        }
        match ended {
            Some(whole) => whole.clone()?,
            None => is_whole(scenario, place, story, program)?,
        }
        let is_left = ended.is_some() && place.path("x.pid").exists();
        return if is_left {
            Err("the pidfile is left after the program's end".into())
        } else {
            Ok(Verdict::Continued)
        };
    }
    if !point.kills_launcher() {
        let State::Ended(status) = launcher else { return Err(format!("{launcher:?}")) };
        let is_line = words.starts_with("dmz: cannot ") && words.ends_with('\n') && words.lines().count() == 1;
        if status.success() || status.code().is_none() || !is_line {
            return Err(format!("nothing runs, and dmz: {status:?}, {words:?}"));
        }
    }
    // In the foreground nobody is left to clean up, nor when the launcher of a start that fails by itself is killed.
    let is_alone = point.kills_launcher() && (scenario.has("-f") || !scenario.starts());
    // What it does to clean up may fail, too.
    let is_undo = point.place == LAUNCHER && !scenario.starts();
    if is_alone || is_undo || !scenario.has("-p") {
        return Ok(Verdict::Reported);
    }
    let text = fs::read_to_string(place.path("x.pid")).ok();
    let wrote = story.processes.iter().flat_map(|traced| &traced.calls).any(|call| call.number == SYS_pwrite64);
    match (scenario.old, text.as_deref()) {
        (None, None) => Ok(Verdict::Reported),
        (Some(_), Some("")) => Ok(Verdict::Reported),
        (Some(old), Some(text)) if old == text && !wrote => Ok(Verdict::Reported),
        (_, text) => Err(format!("the pidfile is left: {text:?}")),
    }
    .and_then(|verdict| match scenario.old.and_then(|_| lock_owner(place.path("x.pid"))) {
        Some(owner) => Err(format!("{owner:?} holds the lock")),
        None => Ok(verdict),
    })
}

/// Every injection there is for a scenario, from a run without one.
fn points(scenario: &Scenario) -> Vec<Point> {
    let story = run(scenario, None).story;
    let count = story.processes.len();
    let mut points: Vec<Point> = Vec::new();
    for (place, traced) in story.processes.iter().enumerate() {
        let begins = |call: &Call| call.number == SYS_rt_sigtimedwait;
        let calls = &traced.calls[..traced.calls.iter().position(begins).map_or(traced.calls.len(), |at| at + 1)];
        for (index, &call) in calls.iter().enumerate() {
            let point = |fault| Point { place, index, call, count, fault };
            // Of a run of the same calls the first, one in the middle, and the last.
            let same = |other: &Call| other.number == call.number && call.number != SYS_dup3;
            let before = calls[..index].iter().rev().take_while(|other| same(other)).count();
            let after = calls[index + 1..].iter().take_while(|other| same(other)).count();
            if before > 0 && after > 0 && before != after && before != after + 1 {
                continue;
            }
            points.extend(row(call).3.iter().map(|error| point(Fault::Error(*error))));
            points.extend((0..=place).map(|victim| point(Fault::Kill(victim))));
            if !points.iter().any(|point| matches!(point.fault, Fault::Always(_)) && row(point.call) == row(call)) {
                points.extend([ENOSYS, EPERM].map(|error| point(Fault::Always(error))));
            }
        }
    }
    points.retain(|point| !matches!(point.fault, Fault::Always(_)) || !never_refused(point.call));
    points
}

/// Calls that every filter and every kernel lets through: without them a process cannot end, or what they answer is no
/// error.
fn never_refused(call: Call) -> bool {
    [SYS_exit_group, SYS_getpid, SYS_getpgrp, SYS_umask, SYS_writev].contains(&call.number)
}

#[test]
fn whatever_fails_there_is_one_line_or_a_whole_daemon() {
    drop(Place::new()); // the first makes us the parent of orphans
    let mut wrong = String::new();
    println!("{:<20}{:>10}{:>10}{:>10}{:>10}", "", "injected", "reported", "continued", "wrong");
    for scenario in SCENARIOS {
        let (mut reported, mut continued, mut bad) = (0, 0, 0);
        let points = points(scenario);
        for point in &points {
            let mut run_ = run(scenario, Some(point));
            for _ in 0..10 {
                if run_.was_hit {
                    break;
                }
                run_ = run(scenario, Some(point));
            }
            assert!(run_.was_hit, "{}: {point}: never came", scenario.name);
            let verdict = verdict(scenario, point, &run_).and_then(|verdict| match verdict {
                Verdict::Continued if !is_expected(point) => Err("the start goes on, and nothing says why".into()),
                verdict => Ok(verdict),
            });
            match verdict {
                Ok(Verdict::Reported) => reported += 1,
                Ok(Verdict::Continued) => continued += 1,
                Err(what) => {
                    bad += 1;
                    wrong += &format!("{}: {point}: {what}\n", scenario.name);
                }
            }
        }
        println!("{:<20}{:>10}{reported:>10}{continued:>10}{bad:>10}", scenario.name, points.len());
    }
    assert!(wrong.is_empty(), "wrong:\n{wrong}");
}

/// May the start go on after this?
fn is_expected(point: &Point) -> bool {
    let (whose, what) = (role(point.place, point.count), row(point.call).0);
    match point.fault {
        Fault::Kill(LAUNCHER) => true,
        Fault::Kill(victim) => {
            SURVIVED.iter().any(|row| (row.0, row.1, row.2) == (role(victim, point.count), whose, what))
        }
        Fault::Error(error) | Fault::Always(error) => {
            HARMLESS.iter().any(|row| row.0 == what && row.1.contains(&error))
        }
    }
}
