//! Starts at the same time: exactly one of two wins, and whenever dmz has returned the pidfile is complete, locked, and
//! names the live program. `DMZ_ROUNDS` sets how often.

#[path = "support/launch.rs"]
mod launch;
mod support;

use launch::*;
use std::fs;
use std::process::Stdio;
use support::*;

/// What lies at the pidfile's place before a round.
const BEFORE: [Option<&str>; 3] = [None, Some(""), Some("4194304\n")];

#[test]
fn of_two_starts_at_once_exactly_one_wins() {
    let place = Place::new();
    for round in 0..rounds(200) {
        let name = format!("{round}.pid");
        let path = place.path(&name);
        if let Some(text) = BEFORE[round % 3] {
            place.file(&name, text);
        }
        let spawn = || {
            let mut command = place.dmz(["-P", "-p", &name]);
            command.args(SLEEP).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let pair = [spawn(), spawn()].map(|child| Outcome::from(child.wait_with_output().unwrap()));
        let owner = lock_owner(&path).unwrap_or_else(|| panic!("nobody holds the lock: {pair:?}"));
        assert_pidfile(&path, place.own(owner));
        let (winner, loser) = if pair[0].code == 0 { (&pair[0], &pair[1]) } else { (&pair[1], &pair[0]) };
        assert_eq!((winner.code, &*winner.stdout), (0, &*format!("{}\n", owner.0)), "{pair:?}");
        loser.assert_failed(123, &format!("already running, PID {}", owner.0));
        owner.end();
        fs::remove_file(path).unwrap();
    }
    place.assert_left(&[]);
}

#[test]
fn under_load_the_pidfile_is_right_each_time_dmz_has_returned() {
    let spin = |place: &Place| {
        place.own(Process(place.command("/bin/sh").args(["-c", "while :; do :; done"]).spawn().unwrap().id() as i32))
    };
    let load = Place::new();
    let busy: Vec<Process> = (0..2).map(|_| spin(&load)).collect();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                let place = Place::new();
                for round in 0..rounds(500) / 2 {
                    let name = format!("{thread}-{round}.pid");
                    if let Some(text) = BEFORE[round % 3] {
                        place.file(&name, text);
                    }
                    let with: &[&str] = if round % 2 == 0 { &[] } else { &["-o", "out", "-k", "077"] };
                    let mut command = place.dmz(["-P", "-p", &name]);
                    let program = place.started(command.args(with).args(SLEEP));
                    assert_pidfile(place.path(&name), program);
                    program.end();
                }
                assert_eq!(place.processes(), []);
            });
        }
    });
    assert!(busy.iter().all(|process| process.is_alive()));
}

#[test]
fn the_same_pidfile_serves_one_daemon_after_the_other() {
    // Each finds the text of the one before, and a lock that has just gone.
    let place = Place::new();
    for _ in 0..rounds(200) {
        let outcome = place.run(["-P", "-p", "x.pid", "--", "/bin/sleep", "100"]);
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
        let program = place.own(Process(outcome.stdout.trim().parse().unwrap()));
        assert_pidfile(place.path("x.pid"), program);
        let second = place.run(["-p", "x.pid", "--", "/bin/sleep", "100"]);
        second.assert_failed(123, &format!("already running, PID {}", program.0));
        program.end();
    }
    place.assert_left(&["x.pid"]);
}

#[test]
fn while_pidfiles_come_and_go_no_two_daemons_overlap() {
    // Each of them removes the file at its end: who has opened it before that gets the lock of a file that is gone.
    let shared = Place::new();
    let script = "mkdir alone || exit 9; rmdir alone || exit 9";
    let words = ["-w", "-c", ".", "-p", "x.pid", "--", "/bin/sh", "-c", script];
    let folder = &shared.folder;
    let ended: Vec<bool> = std::thread::scope(|scope| {
        let run = || {
            let place = Place::new();
            let start = |_| {
                let outcome = Outcome::of(place.dmz(words).current_dir(folder));
                assert!([0, 123].contains(&outcome.code), "{outcome:?}");
                outcome.code == 0
            };
            (0..rounds(400)).map(start).collect::<Vec<bool>>()
        };
        let threads = [0; 3].map(|_| scope.spawn(run));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ended.contains(&true) && ended.contains(&false), "they met");
    shared.assert_left(&[]);
}

#[test]
fn a_file_that_is_replaced_before_it_is_locked_is_looked_for_again() {
    if lacks("strace") {
        return;
    }
    let place = Place::new();
    let path = place.file("x.pid", "");
    let mut command = place.command("strace");
    // Between the open and the lock, time for another to come.
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fcntl", "-e", "inject=fcntl:delay_enter=300000"]);
    let start = Guard::of(command.arg(dmz()).args(["-p", "x.pid", "--", "/bin/true"]).stdout(Stdio::piped()));
    let has_open = |process: &Process| {
        let all = fs::read_dir(format!("/proc/{}/fd", process.0)).into_iter().flatten().flatten();
        all.map(|entry| fs::read_link(entry.path())).any(|file| file.is_ok_and(|file| file == path))
    };
    until("the open file", || place.processes().iter().any(has_open).then_some(()));
    assert_eq!(lock_owner(&path), None);
    fs::rename(place.file("new", ""), &path).unwrap();
    assert_eq!(start.end().code, 0);
    assert_ne!(fs::read_to_string(&path).unwrap(), "", "it is the file that is there");
}

#[test]
fn an_interrupted_start_is_all_or_nothing() {
    for round in 0..rounds(300) {
        let place = Place::new();
        if let Some(text) = BEFORE[round % 3] {
            place.file("x.pid", text);
        }
        let to_group = round % 2 == 0;
        let mut command = place.dmz(["-p", "x.pid"]);
        // SAFETY: setpgid takes integers.
        before(command.args(SLEEP), || done(unsafe { libc::setpgid(0, 0) }));
        let child = Guard::of(command.stdout(Stdio::null()).stderr(Stdio::null()));
        let number = child.process().0;
        // SAFETY: system calls with integers; the child has not been waited for, so its number is its own.
        unsafe {
            for _ in 0..round {
                libc::sched_yield(); // another moment each time
            }
            libc::kill(if to_group { -number } else { number }, libc::SIGINT);
        }
        let code = child.end().code;
        let owner = lock_owner_of(&place);
        if code == 0 {
            assert_pidfile(place.path("x.pid"), place.own(owner.unwrap_or_else(|| panic!("round {round}: no daemon"))));
        } else {
            assert_eq!((owner, place.processes()), (None, vec![]), "round {round}, status {code}");
            let text = fs::read_to_string(place.path("x.pid")).unwrap_or_default();
            assert!(["", BEFORE[round % 3].unwrap_or("")].contains(&&*text), "round {round}: {text:?}");
        }
    }
}

/// Who locks the pidfile, if it is there.
fn lock_owner_of(place: &Place) -> Option<Process> {
    let path = place.path("x.pid");
    path.exists().then(|| lock_owner(path))?
}
