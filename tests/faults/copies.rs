//! Every clone(2) with CLONE_VM is a fork, of which both go on at once and only the parent is told the id: as under an
//! emulator that knows nothing else and does not say so.

use crate::support::*;
use crate::tracer::{Act, State, Story, Watcher, trace};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

struct Emulator;

impl Watcher for Emulator {
    fn call(&mut self, story: &Story, place: usize) -> Act {
        let call = story.processes[place].calls.last().unwrap();
        let shares = call.number == libc::SYS_clone && call.arguments[0] & libc::CLONE_VM as u64 != 0;
        if shares { Act::Copy } else { Act::Go }
    }
    fn wants_calls(&self, _: usize) -> bool {
        true
    }
    fn executed(&mut self, _: &Story, _: usize) {}
    fn idle(&mut self, _: &Story) {}
}

/// How the process that was called ended, and what has become the program.
fn status(place: &Place, words: &[&str], leads: bool) -> (Option<i32>, Vec<Process>) {
    let mut command = place.dmz(words);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if leads {
        command.process_group(0);
    }
    let story = trace(&mut command, &mut Emulator);
    assert!(!story.hung, "{words:?}");
    let programs = story.programs().into_iter().map(|program| place.own(program)).collect();
    let State::Ended(status) = story.processes[0].state else { panic!("{words:?}") };
    (status.code(), programs)
}

pub fn start() {
    for leads in [false, true] {
        for words in [&["-p", "x.pid"][..], &["-p", "x.pid", "-o", "out"], &["--single-fork", "-p", "x.pid"]] {
            let place = Place::new();
            let sleep = [words, &["--", "/bin/sleep", "100"]].concat();
            let (code, programs) = status(&place, &sleep, leads);
            assert_eq!((code, programs.len()), (Some(0), 1), "{sleep:?} {leads}");
            assert_pidfile(place.path("x.pid"), programs[0]);
            assert_eq!(place.processes(), programs, "nobody stays with it");
            let (code, others) = status(&place, &sleep, leads);
            assert_eq!((code, others.len()), (Some(123), 0), "{sleep:?} {leads}");
            programs[0].end();
            let absent = [words, &["--", "/absent"]].concat();
            let (code, programs) = status(&place, &absent, leads);
            assert_eq!((code, programs.len()), (Some(127), 0), "{absent:?} {leads}");
            assert!(place.processes().is_empty());
        }
    }
}
