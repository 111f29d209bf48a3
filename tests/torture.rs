//! Races and long runs: a signal at every moment of a start, pidfiles that change under it, monitors killed at any time,
//! programs that end at once for ever. A few rounds of each here; `scripts/torture` sets `DMZ_ROUNDS` for the long run, and
//! every test prints what came of its rounds, as one line of a table.

#[path = "support/launch.rs"]
mod launch;
#[path = "support/random.rs"]
mod random;
#[cfg(target_arch = "x86_64")]
#[path = "support/stepper.rs"]
mod stepper;
mod support;

use launch::*;
use random::Random;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use support::*;

/// One line of the table: what was done, how often, and what came of it.
fn told(what: &str, outcomes: &BTreeMap<String, usize>) {
    let sum: usize = outcomes.values().sum();
    let each: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    println!("| {what} | {sum} | {} |", each.join(", "));
}

/// Is this the long run?
fn is_long() -> bool {
    std::env::var_os("DMZ_ROUNDS").is_some()
}

fn count(outcomes: &mut BTreeMap<String, usize>, outcome: impl Into<String>) {
    *outcomes.entry(outcome.into()).or_default() += 1;
}

/// Asserts all or nothing after a start with `-p x.pid` that ended with `code`, and takes what it started down.
#[track_caller]
fn whole_or_nothing(place: &Place, code: i32, about: &str) -> &'static str {
    let path = place.path("x.pid");
    let owner = path.exists().then(|| lock_owner(&path)).flatten();
    if code == 0 {
        let owner = owner.unwrap_or_else(|| panic!("{about}: 0, and no daemon"));
        assert_pidfile(&path, place.own(owner));
        owner.end();
        fs::remove_file(path).unwrap();
        return "whole";
    }
    assert_eq!((owner, place.processes()), (None, vec![]), "{about}: status {code}, and something is left");
    assert!(!path.exists(), "{about}: status {code}, and its file is left: {:?}", fs::read_to_string(path));
    "nothing"
}

#[cfg(target_arch = "x86_64")]
mod moments {
    use super::stepper::*;
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::time::Duration;

    fn start(place: &Place) -> Command {
        let mut command = place.dmz(["-p", "x.pid"]);
        command.args(SLEEP).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// A walk that nothing disturbs, and all that there is to be told of it.
    fn undisturbed(at: At) -> Walk {
        let place = Place::new();
        let walk = walk(&mut start(&place), at, Deed::Nothing);
        assert_eq!(whole_or_nothing(&place, walk.status.into_raw(), "undisturbed"), "whole");
        walk
    }

    /// Does `deed` at this moment: all or nothing.
    fn disturb(place: &Place, at: At, deed: Deed, outcomes: &mut BTreeMap<String, usize>) -> Walk {
        let walk = walk(&mut start(place), at, deed);
        let code = walk.status.code().unwrap_or_else(|| 128 + walk.status.signal().unwrap());
        let about = format!("{deed:?} at {at:?}");
        assert!(!walk.left_early, "{about}: it had ended while a process was held");
        let outcome = whole_or_nothing(place, code, &about);
        if walk.done {
            count(outcomes, outcome);
        }
        walk
    }

    /// Does `deed` at the begin and end of each call.
    fn at_each_call(what: &str, deed: Deed) {
        let (place, mut outcomes) = (Place::new(), BTreeMap::new());
        for moment in 0..undisturbed(At::Never).calls {
            disturb(&place, At::Call(moment), deed, &mut outcomes);
        }
        told(&format!("{what} at each begin and end of a call"), &outcomes);
    }

    /// Does `deed` at every `step`-th instruction.
    fn at_instructions(what: &str, step: usize, deed: Deed) {
        let (place, mut outcomes) = (Place::new(), BTreeMap::new());
        let moments = undisturbed(At::Each).moments;
        let mut missed = 0;
        for moment in moments.iter().step_by(step) {
            missed += usize::from(!disturb(&place, At::Instruction(*moment), deed, &mut outcomes).done);
        }
        // A process id with more digits, a pause more before the exec is done: a start may go another way.
        assert!(missed * 20 <= moments.len() / step, "{missed} moments of {} never came", moments.len());
        if missed > 0 {
            outcomes.insert("never came".into(), missed);
        }
        let which = if step == 1 { "every instruction".into() } else { format!("every {step}th instruction") };
        told(&format!("{what} at {which}"), &outcomes);
    }

    #[test]
    fn a_signal_at_each_call_is_all_or_nothing() {
        at_each_call("INT to the launcher", Deed::Signal(libc::SIGINT));
        at_each_call("TERM to the group", Deed::ToGroup(libc::SIGTERM));
        if is_long() {
            at_each_call("TERM to the launcher", Deed::Signal(libc::SIGTERM));
            at_each_call("INT to the group", Deed::ToGroup(libc::SIGINT));
        }
    }

    #[test]
    fn a_signal_at_each_instruction_is_all_or_nothing() {
        // About so many, each time the same; all, if enough are asked for.
        let step = (40_000 / rounds(200)).max(1);
        for (name, number) in [("INT", libc::SIGINT), ("TERM", libc::SIGTERM)] {
            at_instructions(&format!("{name} to the group"), step, Deed::ToGroup(number));
        }
    }

    #[test]
    fn a_launcher_killed_at_each_call_leaves_a_whole_daemon_or_nothing() {
        // Its own status tells; what it has begun completes, or nothing stays.
        let (place, mut outcomes) = (Place::new(), BTreeMap::new());
        for moment in 0..undisturbed(At::Never).calls {
            let about = format!("killed at {moment}");
            walk(&mut start(&place), At::Call(moment), Deed::Signal(libc::SIGKILL));
            let path = place.path("x.pid");
            let owner = || path.exists().then(|| lock_owner(&path)).flatten();
            // Without its launcher, a daemon that is on its way needs a moment.
            let is_whole = until(&about, || {
                let is_there = owner().is_some_and(|owner| {
                    place.processes() == [owner] && owner.arguments().first().is_some_and(|word| word == "/bin/sleep")
                });
                (is_there || place.processes().is_empty()).then_some(is_there)
            });
            if is_whole {
                count(&mut outcomes, whole_or_nothing(&place, 0, &about));
                continue;
            }
            count(&mut outcomes, whole_or_nothing(&place, 128 + libc::SIGKILL, &about));
        }
        told("KILL of the launcher at each begin and end of a call", &outcomes);
    }

    #[test]
    fn whoever_is_slow_at_any_call_is_waited_for() {
        at_each_call("a long wait", Deed::Hold(Duration::from_millis(20)));
    }
}

#[test]
fn of_many_starts_at_once_exactly_one_wins_each_time() {
    const AT_ONCE: usize = 10;
    let (place, mut outcomes) = (Place::new(), BTreeMap::new());
    for round in 0..rounds(300) / AT_ONCE {
        if round % 2 == 0 {
            place.file("x.pid", "4194304\n");
        }
        let start = || {
            let mut command = place.dmz(["-P", "-p", "x.pid"]);
            command.args(SLEEP).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let all = [(); AT_ONCE].map(|()| start());
        let all = all.map(|child| Outcome::from(child.wait_with_output().unwrap()));
        let owner = place.own(lock_owner(place.path("x.pid")).unwrap_or_else(|| panic!("no daemon: {all:?}")));
        let winners = all.iter().filter(|outcome| outcome.code == 0).count();
        assert_eq!(winners, 1, "round {round}: {all:?}");
        for outcome in &all {
            match outcome.code {
                0 => assert_eq!(outcome.stdout, format!("{}\n", owner.0)),
                _ => {
                    let line = outcome.stderr.strip_prefix(&format!("dmz: already running, PID {}", owner.0));
                    assert!(
                        outcome.code == 123 && line.is_some_and(|rest| rest.starts_with(['\n', ' '])),
                        "{outcome:?}"
                    );
                }
            }
            count(&mut outcomes, if outcome.code == 0 { "won" } else { "refused" });
        }
        assert_pidfile(place.path("x.pid"), owner);
        owner.end();
        fs::remove_file(place.path("x.pid")).unwrap();
    }
    told("starts on one pidfile, ten at once", &outcomes);
}

/// What an attacker, or another program, puts in the pidfile's place, again and again.
fn replace(folder: &Path, round: usize) {
    let [path, new, precious, dangling] = ["x.pid", "new", "precious", "dangling"].map(|name| folder.join(name));
    let _ = fs::remove_file(&new);
    match round % 7 {
        0 | 1 => symlink(&precious, &new).unwrap(),
        2 => fs::hard_link(&precious, &new).unwrap(),
        3 => fifo(&new),
        4 => fs::write(&new, "").unwrap(),
        5 => symlink(&dangling, &new).unwrap(),
        _ => return drop(fs::remove_file(path)),
    }
    let _ = fs::rename(new, path);
}

#[test]
fn links_that_are_renamed_over_the_pidfile_are_never_written_through() {
    let place = Place::new();
    let precious = place.file("precious", "12\n");
    let look = |path: &Path| {
        let status = fs::metadata(path).unwrap();
        (status.ino(), status.mode(), status.uid(), status.mtime_nsec(), fs::read(path).unwrap())
    };
    let (before, is_over, mut outcomes) = (look(&precious), AtomicBool::new(false), BTreeMap::new());
    std::thread::scope(|scope| {
        let (folder, is_over) = (&place.folder, &is_over);
        let remover = scope.spawn(move || {
            let mut round = 0;
            while !is_over.load(Ordering::Relaxed) {
                replace(folder, round);
                round += 1;
            }
        });
        for round in 0..rounds(300) {
            let outcome = place.run([&["-P", "-p", "x.pid"][..], &SLEEP].concat());
            match outcome.code {
                0 => place.own(Process(outcome.stdout.trim_end().parse().unwrap())).end(),
                123 | 125 => assert!(outcome.stderr.starts_with("dmz: ") && outcome.stdout.is_empty(), "{outcome:?}"),
                _ => panic!("round {round}: {outcome:?}"),
            }
            assert_eq!(place.processes(), [], "round {round}: {outcome:?}");
            count(&mut outcomes, if outcome.code == 0 { "whole" } else { "nothing" });
        }
        is_over.store(true, Ordering::Relaxed);
        remover.join().unwrap();
    });
    assert_eq!(look(&precious), before);
    assert!(!place.path("dangling").exists(), "nothing was made through a link");
    told("starts while links, pipes and files are renamed over the pidfile", &outcomes);
}

/// How many bytes a file has; none if it is not there.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |status| status.len())
}

/// What must not grow in a monitor that lives long: pages of its own, address space, descriptors; and its pidfile.
fn weight(monitor: Process, pidfile: &Path) -> (Vec<Option<String>>, Vec<i32>, u64) {
    let names = ["VmRSS", "VmSize", "VmData", "VmPTE"];
    let memory = names.map(|name| monitor.status(name)).to_vec();
    (memory, monitor.descriptors().into_keys().collect(), fs::metadata(pidfile).unwrap().ino())
}

#[test]
fn a_program_that_ends_at_once_for_ever_costs_its_monitor_nothing() {
    let place = Place::new();
    let path = place.path("x.pid");
    let words = ["-S", "-r", "--restart-delay", "0", "-p", "x.pid", "-a", "-o", "out", "--", "/bin/echo"];
    assert_eq!(place.run(words).code, 0);
    let monitor = place.own(until("the monitor's lock", || lock_owner(&path)));
    let restarts = rounds(300) as u64;
    let out = place.path("out");
    // Every program writes one byte.
    until("some restarts", || (size(&out) > 50).then_some(()));
    let before = weight(monitor, &path);
    let mut seen = 0;
    while seen < restarts {
        until("more restarts", || {
            let now = size(&out);
            (now > seen).then(|| seen = now)
        });
    }
    let after = weight(monitor, &path);
    // A page of the file's text may come and go; what the monitor owns may not.
    let resident = |weight: &(Vec<Option<String>>, Vec<i32>, u64)| -> u64 {
        weight.0[0].as_deref().and_then(|text| text.strip_suffix(" kB")).unwrap().trim().parse().unwrap()
    };
    assert!(resident(&after) <= resident(&before) + 8, "{before:?}, after {seen} restarts {after:?}");
    assert_eq!((&after.0[1..], &after.1, after.2), (&before.0[1..], &before.1, before.2), "after {seen} restarts");
    assert_eq!(place.run(["-K", "-p", "x.pid"]).code, 0);
    place.assert_left(&["out"]);
    told("restarts of a program that ends at once", &BTreeMap::from([("cost nothing".into(), seen as usize)]));
}

#[test]
fn after_a_monitor_was_killed_at_any_moment_the_next_start_is_clean() {
    let (place, mut random, mut outcomes) = (Place::new(), Random::new(), BTreeMap::new());
    let path = place.path("x.pid");
    for round in 0..rounds(60) {
        // Mostly while it starts its program again, which is when most could go wrong.
        let program: &[&str] = if round % 3 == 0 { &SLEEP } else { &["--", "/bin/true"] };
        let words = ["-S", "-r", "--restart-delay", "0", "-p", "x.pid"];
        let outcome = place.run([&words[..], program].concat());
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "round {round}");
        let monitor = place.own(until("the monitor's lock", || lock_owner(&path)));
        for _ in 0..random.below(300) {
            // SAFETY: no arguments.
            unsafe { libc::sched_yield() };
        }
        monitor.end();
        until("the end of its program", || place.processes().is_empty().then_some(()));
        assert_eq!(lock_owner(&path), None, "round {round}");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.is_empty() || text.trim_end().parse::<i32>().is_ok() && text.ends_with('\n'), "{text:?}");
        let next = place.start([&["-p", "x.pid"][..], &SLEEP].concat());
        assert_pidfile(&path, next);
        next.end();
        count(&mut outcomes, if text.is_empty() { "clean, with an empty file" } else { "clean, with a stale number" });
    }
    told("monitors killed at random moments, then a start", &outcomes);
    place.assert_left(&["x.pid"]);
}

#[test]
fn a_terminal_that_hangs_up_during_a_start_is_all_or_nothing() {
    let (place, mut random, mut outcomes) = (Place::new(), Random::new(), BTreeMap::new());
    for round in 0..rounds(100) {
        let (master, slave) = terminal();
        let mut command = place.dmz(["-p", "x.pid"]);
        let child = Guard::of(lead(command.args(SLEEP), &slave));
        for _ in 0..random.below(200) {
            // SAFETY: no arguments.
            unsafe { libc::sched_yield() };
        }
        drop(master);
        let code = child.end().code;
        let outcome = whole_or_nothing(&place, code, &format!("round {round}"));
        count(&mut outcomes, outcome);
    }
    told("hang-ups of the terminal that dmz leads", &outcomes);
}
