//! What dmz costs, against the table `tests/costs.txt`: bytes of the file, system calls of a start, memory of a monitor,
//! bytes of the private stacks.
//! A commit that makes something grow has to change the table; `DMZ_BLESS=1 cargo test --release --test costs` does.
//! (What each feature may have of the bytes is in `tests/budget.txt`, each call in `tests/traces`, times and
//! instructions in what `scripts/bench` writes.)
#![cfg(target_arch = "x86_64")] // whose figures these are

#[allow(dead_code)] // here nothing is disturbed
#[path = "support/stepper.rs"]
mod stepper;
mod support;

#[allow(dead_code)] // here nothing is made to fail
#[path = "support/tracer.rs"]
mod tracer;

use std::collections::HashMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use stepper::{At, Deed, walk};
use support::*;
use tracer::{Act, Story, Watcher};

/// A figure that may be another from run to run is the least of so many.
const TRIES: usize = 5;

/// What a figure may vary by all the same: how tables are laid out for musl and for the compiler's own target, where
/// the stack begins in its page, and how often it was asked whether the program runs while the machine was busy.
const SLACK: &[(&str, usize)] = &[
    ("bytes tables", 32),
    ("monitor resident", 8),
    ("monitor page-tables", 4),
    ("calls wait", 9),
    ("calls monitor", 9),
    ("calls init", 9),
];

/// How each start that is counted is asked for; the program is /bin/true, and its own calls do not count.
const STARTS: &[(&str, &[&str])] = &[
    ("plain", &[]),
    ("pidfile", &["-p", "x.pid"]),
    ("files", &["-p", "x.pid", "-l", "x.lock", "-o", "out", "-e", "err"]),
    ("foreground", &["-f"]),
    ("wait", &["-w", "-p", "x.pid"]),
    ("user", &["-p", "x.pid", "-u", "65534:65534"]),
    ("limits", &["-N", "1", "--rlimit", "nofile=256", "--no-new-privs"]),
    ("monitor", &["-S", "-p", "x.pid"]),
    ("init", &["-I", "-p", "x.pid"]),
    ("failure", &["-c", "/nowhere"]),
];

/// Lets everything happen.
struct Onlooker;

impl Watcher for Onlooker {
    fn call(&mut self, _: &Story, _: usize) -> Act {
        Act::Go
    }
    fn wants_calls(&self, _: usize) -> bool {
        true
    }
    fn executed(&mut self, _: &Story, _: usize) {}
    fn idle(&mut self, _: &Story) {}
}

/// All system calls of all processes of dmz, from its own exec on, until nothing of it is left.
fn calls(options: &[&str]) -> usize {
    let place = Place::new();
    let mut command = place.dmz(options);
    command.args(["--", "/bin/true"]).stdout(Stdio::null()).stderr(Stdio::null());
    let story = tracer::trace(&mut command, &mut Onlooker);
    assert!(!story.hung, "{options:?}");
    for program in story.programs() {
        // Only one that is our own child: its end is not to be heard by the next run.
        // SAFETY: the kernel writes nothing.
        unsafe { libc::waitpid(program.0, std::ptr::null_mut(), libc::__WALL) };
    }
    story.processes.iter().map(|process| process.calls.len()).sum()
}

/// The kilobytes of a monitor whose program sleeps: its resident memory, what of that no file backs, and its page
/// tables.
fn memory() -> [usize; 3] {
    let place = Place::new();
    let mut command = place.dmz(["-PS", "-p", "x.pid", "--", "/bin/sleep", "100"]);
    command.env_clear(); // a large environment is memory, too
    let program = place.started(&mut command);
    let monitor = place.own(lock_owner(place.path("x.pid")).expect("the monitor holds the lock"));
    assert_ne!(monitor.0, program.0);
    let (mut before, mut quiet) = (None, 0);
    until("an idle monitor", || {
        let switches = monitor.status("voluntary_ctxt_switches");
        quiet = if switches == before { quiet + 1 } else { 0 };
        before = switches;
        (quiet > 200).then_some(()) // milliseconds, at least
    });
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", monitor.0)).unwrap();
    let kept = |key: &str| number(rollup.lines().find_map(|line| line.strip_prefix(key)).unwrap());
    [kept("Rss:"), kept("Anonymous:"), number(&monitor.status("VmPTE").unwrap())]
}

fn number(text: &str) -> usize {
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// The bytes of tables and text, which the linker puts in front of the entry; of code; and of all else in the file.
fn bytes() -> [usize; 3] {
    let file = fs::read(dmz()).unwrap();
    let word = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
    let (entry, headers) = (word(24), 64 + 2 * 56);
    let end = word(headers - 2 * 56 + 32); // of the first segment, which is everything that is loaded
    [entry - headers, end - entry, file.len() - end + headers]
}

/// What is mapped for the private stacks of a start that has a session process (`src/sys/memory.rs`): of that, and of the
/// daemon.
const STACKS: [usize; 2] = [4096, 2 * 4096];

/// What a function that calls no other may use below its stack pointer.
const RED_ZONE: usize = 128;

/// How many bytes of the private stacks are used at the most, looked at before every instruction.
fn stacks() -> [usize; 2] {
    let mut most = [0, 0];
    stay_on_this_processor();
    // Those with the most to do.
    for (name, options) in STARTS.iter().filter(|(name, _)| ["files", "user"].contains(name)) {
        let place = Place::new();
        let mut command = place.dmz(*options);
        command.args(["--", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(0); // whose leader cannot make a session
        let stacks = walk(&mut command, At::Each, Deed::Nothing).stacks;
        // A stack of its own begins at the end of a page, and the daemon's is below the other one.
        let (_, top, _) = stacks[1..].iter().find(|(_, first, _)| first % 4096 == 0).expect("a private stack");
        for (_, first, lowest) in &stacks[1..] {
            let (which, end) = if *first > top - STACKS[0] { (0, *top) } else { (1, top - STACKS[0]) };
            most[which] = (end - lowest + RED_ZONE).max(most[which]);
        }
        assert!(most[0] <= STACKS[0] && most[1] <= STACKS[1], "{name}: {most:?}");
    }
    most
}

/// Every figure, by its name, as the table has them.
fn figures() -> Vec<(String, usize)> {
    let mut figures = Vec::new();
    let mut add = |names: [&str; 3], values: [usize; 3]| {
        figures.extend(names.map(String::from).into_iter().zip(values));
    };
    add(["bytes tables", "bytes code", "bytes rest"], bytes());
    let least = (0..TRIES).map(|_| memory()).reduce(|a, b| std::array::from_fn(|at| a[at].min(b[at]))).unwrap();
    add(["monitor resident", "monitor own", "monitor page-tables"], least);
    figures.extend(["stack session", "stack daemon"].map(String::from).into_iter().zip(stacks()));
    for (name, options) in STARTS {
        let least = (0..TRIES).map(|_| calls(options)).min().unwrap();
        figures.push((format!("calls {name}"), least));
    }
    figures
}

#[test]
fn nothing_costs_more_than_the_table_says() {
    if skipped(!cfg!(debug_assertions) || std::env::var_os("DMZ").is_some(), "a debug build is not what is shipped")
        || lacks_root()
    {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/costs.txt");
    let table = fs::read_to_string(&path).unwrap();
    let (about, lines): (Vec<_>, Vec<_>) = table.lines().partition(|line| line.starts_with('#'));
    let most: HashMap<&str, usize> = lines
        .iter()
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, most)| (name.trim(), number(most)))
        .collect();
    let figures = figures();
    if std::env::var_os("DMZ_BLESS").is_some() {
        let slack = |name: &str| SLACK.iter().find(|(slack, _)| *slack == name).map_or(0, |(_, slack)| *slack);
        let line = |(name, value): &(String, usize)| format!("{name:<22}{:>7}\n", value + slack(name));
        let lines: String = figures.iter().map(line).collect();
        fs::write(&path, about.join("\n") + "\n" + &lines).unwrap();
        return;
    }
    let mut report = String::new();
    for (name, value) in &figures {
        let most = most.get(name.as_str()).unwrap_or_else(|| panic!("no line in tests/costs.txt: {name}"));
        let verdict = if value > most { "  too much" } else { "" };
        report += &format!("{name:<22}{value:>7} of {most:>7}{verdict}\n");
    }
    println!("{report}");
    assert_eq!(most.len(), figures.len(), "lines of tests/costs.txt that say nothing");
    assert!(!report.contains("too much"), "\n{report}");
}
