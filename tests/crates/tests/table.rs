//! Measures eight requirements with each crate, and compares with the table in the library's documentation. Run in this
//! folder, as root: `cargo test`. With DMZ_BLESS=1 it prints what it has measured.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

const CRATES: [&str; 4] = ["dmz", "daemonize", "fork", "daemonize-me"];

/// A folder and the daemon that may be in it, ended when this goes.
struct Place(PathBuf);

impl Place {
    fn new(name: &str, what: &str) -> Place {
        let folder = std::env::temp_dir().join(format!("peers-{}-{name}-{what}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Place(folder)
    }

    fn command(&self, name: &str, case: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peers"));
        command.args([name, case]).arg(&self.0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("PEERS", &self.0);
        command
    }

    /// Runs it with a change before; did it end well?
    fn run(&self, name: &str, case: &str, change: impl FnMut() -> io::Result<()> + Send + Sync + 'static) -> bool {
        let mut command = self.command(name, case);
        // SAFETY: what is passed here makes system calls only.
        unsafe { command.pre_exec(change) };
        command.status().unwrap().success()
    }

    fn pid(&self, file: &str) -> Option<i32> {
        fs::read_to_string(self.0.join(file)).ok()?.trim_end().parse().ok()
    }

    /// The daemon's own id, once it works.
    fn daemon(&self) -> Option<i32> {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(1) {
            if let Some(pid) = self.pid("self") {
                return Some(pid);
            }
            thread::yield_now();
        }
        None
    }

    fn line(&self, name: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/status", self.daemon().unwrap())).unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t")).unwrap().trim().to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mark = format!("PEERS={}", self.0.display());
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|word| word == mark.as_bytes()) {
                // SAFETY: kill takes two integers.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn done(answer: i32) -> io::Result<()> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn unchanged() -> io::Result<()> {
    Ok(())
}

fn word(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// Does the caller's status tell of a failure behind the fork?
fn reports_failure(name: &str) -> &'static str {
    word(!Place::new(name, "failure").run(name, "missing", unchanged))
}

/// How often a pidfile may be complete by luck. On one processor it seldom is: the caller ends before its child goes on.
const ROUNDS: usize = 200;

/// Keeps a process and its children on the first processor that it may use.
fn on_one_processor() -> io::Result<()> {
    // SAFETY: plain calls on sets that they fill; all zeros are an empty one.
    unsafe {
        let (mut all, mut one): (libc::cpu_set_t, libc::cpu_set_t) = (std::mem::zeroed(), std::mem::zeroed());
        done(libc::sched_getaffinity(0, size_of_val(&all), &raw mut all))?;
        let first = (0..libc::CPU_SETSIZE as usize).find(|number| libc::CPU_ISSET(*number, &all));
        libc::CPU_SET(first.unwrap_or(0), &mut one);
        done(libc::sched_setaffinity(0, size_of_val(&one), &raw const one))
    }
}

/// Is the pidfile complete when the caller comes back?
fn writes_pidfile_first(name: &str) -> &'static str {
    for round in 0..ROUNDS {
        let place = Place::new(name, &format!("pidfile{round}"));
        assert!(place.run(name, "plain", on_one_processor));
        let early = place.pid("x.pid");
        let daemon = place.daemon();
        if place.pid("x.pid").is_none() && !place.0.join("x.pid").exists() {
            return "none";
        }
        if early.is_none() || early != daemon {
            return "no";
        }
    }
    "yes"
}

/// Does a second start fail and leave the pidfile alone?
fn locks(name: &str) -> &'static str {
    let place = Place::new(name, "lock");
    assert!(place.run(name, "plain", unchanged));
    let first = place.daemon();
    if !place.0.join("x.pid").exists() {
        return "none";
    }
    fs::remove_file(place.0.join("self")).unwrap();
    let fails = !place.run(name, "plain", unchanged);
    // It may run all the same, and later than its caller says.
    let _second = place.daemon();
    match (fails, place.pid("x.pid") == first) {
        (true, true) => "yes",
        (false, true) => "unreported",
        _ => "no",
    }
}

/// Does it give up the caller's supplementary groups with its user?
fn drops_groups(name: &str) -> &'static str {
    let place = Place::new(name, "groups");
    fs::set_permissions(&place.0, std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
    let groups = || {
        // SAFETY: the kernel reads two numbers.
        done(unsafe { libc::setgroups(2, [0, 4].as_ptr()) })
    };
    assert!(place.run(name, "user", groups));
    if place.daemon().is_none() || place.line("Uid").starts_with("0\t") {
        return "none";
    }
    word(place.line("Groups").split_whitespace().all(|group| group == "65534"))
}

/// Is an inherited descriptor gone?
fn closes_descriptors(name: &str) -> &'static str {
    let place = Place::new(name, "descriptors");
    // SAFETY: dup2 takes two integers.
    assert!(place.run(name, "plain", || done(unsafe { libc::dup2(0, 99) })));
    word(!Path::new(&format!("/proc/{}/fd/99", place.daemon().unwrap())).exists())
}

/// Is a signal that the caller ignores at its default again, and one that it blocks free?
fn resets_signals(name: &str) -> &'static str {
    let place = Place::new(name, "signals");
    let change = || {
        // SAFETY: plain calls on a set that they fill.
        unsafe {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            let mut set = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGUSR1);
            done(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()))
        }
    };
    assert!(place.run(name, "plain", change));
    let bit = |name, signal: i32| u64::from_str_radix(&place.line(name), 16).unwrap() & 1 << (signal - 1) != 0;
    word(!bit("SigIgn", libc::SIGHUP) && !bit("SigBlk", libc::SIGUSR1))
}

/// With 0 to 2 closed by the caller: are they the null device, and is the pidfile sound?
fn survives_closed(name: &str) -> &'static str {
    let place = Place::new(name, "closed");
    let close = || {
        for number in 0..3 {
            // SAFETY: close takes an integer.
            unsafe { libc::close(number) };
        }
        Ok(())
    };
    if !place.run(name, "plain", close) {
        return "no";
    }
    let Some(pid) = place.daemon() else { return "no" };
    let is_null =
        |number| fs::read_link(format!("/proc/{pid}/fd/{number}")).is_ok_and(|to| to == Path::new("/dev/null"));
    let is_sound = place.pid("x.pid").is_none_or(|there| there == pid);
    word((0..3).all(is_null) && is_sound)
}

/// Does the caller's status tell of a failure of the daemon's own before it works?
fn awaits_readiness(name: &str) -> &'static str {
    word(!Place::new(name, "ready").run(name, "unready", unchanged))
}

type Measure = fn(&str) -> &'static str;

const REQUIREMENTS: [(&str, Measure); 8] = [
    ("a failure after the fork is the caller's status", reports_failure),
    ("the pidfile is complete before the caller returns", writes_pidfile_first),
    ("a second start fails and changes nothing", locks),
    ("the caller's supplementary groups are dropped with its user", drops_groups),
    ("inherited descriptors are closed", closes_descriptors),
    ("ignored and blocked signals can be reset", resets_signals),
    ("descriptors 0 to 2 may be closed", survives_closed),
    ("the caller waits until the daemon works", awaits_readiness),
];

#[test]
fn the_table_in_the_documentation_is_what_is_measured() {
    // SAFETY: no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        assert!(std::env::var_os("DMZ_TESTS").is_none_or(|tests| tests != "all"), "skipped: not root");
        return eprintln!("skipped: not root");
    }
    let row = |(what, measure): &(&str, Measure)| format!("//! | {what} | {} |\n", CRATES.map(measure).join(" | "));
    let table: String = REQUIREMENTS.iter().map(row).collect();
    if std::env::var_os("DMZ_BLESS").is_some() {
        return println!("{table}");
    }
    let documented = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/lib.rs")).unwrap();
    assert!(documented.contains(&table), "{table}");
}
