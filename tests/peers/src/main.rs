//! Measures dmz beside other launchers and monitors of daemons. `scripts/bench` prepares what this needs and runs it:
//!
//!     peers TABLE FOLDER ROUNDS IDLE-SECONDS MOST-DAEMONS [NAME...]
//!
//! reads the peers from TABLE (only those whose name has one of these parts) and writes `results.md`, `*.csv` and
//! `*.svg` to FOLDER. Ratios are of one run and of peers that were measured in turn; microseconds of two runs or two
//! machines say nothing. What is unsafe here are calls of libc with integers and with pointers to what lives long enough.

mod growth;
mod latency;
mod launch;
mod memory;
mod peers;
mod plot;
mod report;
mod trace;

use launch::Reports;
use memory::Resident;
use peers::Peer;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};
use trace::{By, Count};

/// All that is known of one peer.
pub struct Row {
    peer: Peer,
    /// Calls and files.
    calls: Option<Count>,
    instructions: Option<Count>,
    one_processor: Vec<latency::Launch>,
    all_processors: Vec<latency::Launch>,
    resident: Option<Resident>,
    growth: Vec<growth::Step>,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [table, folder, rounds, idle, most, only @ ..] = &arguments[..] else { panic!("see the source") };
    let [rounds, idle, most] = [rounds, idle, most].map(|word| word.parse::<usize>().expect("a number"));
    let peers = peers::load(&fs::read_to_string(table).unwrap(), only);
    let reports = Reports::open();
    leave_the_terminal();

    say("latency");
    latency::real_time(true);
    latency::one_processor(true);
    let cpuid = latency::cpuid_cost();
    let one_processor = latency::measure(&reports, &peers, rounds);
    latency::one_processor(false);
    let all_processors = latency::measure(&reports, &peers, rounds);
    latency::real_time(false);
    say("memory and wake-ups");
    let residents = memory::measure(&reports, &peers, Duration::from_secs(idle as u64));

    let mut rows = Vec::new();
    for (((peer, one_processor), all_processors), resident) in
        peers.into_iter().zip(one_processor).zip(all_processors).zip(residents)
    {
        let is_traced = peer.kind != peers::Kind::Alone && !one_processor.is_empty();
        say(&format!("calls, instructions, growth: {}", peer.name));
        let calls = is_traced.then(|| trace::count(&reports, &peer, By::Call)).flatten();
        let is_stepped = is_traced && !peer.is_interpreted();
        let instructions = is_stepped.then(|| trace::count(&reports, &peer, By::Step)).flatten();
        latency::real_time(true);
        latency::one_processor(true);
        let growth = growth::measure(&reports, &peer, if is_traced { most } else { 0 }, Duration::from_secs(20));
        latency::one_processor(false);
        latency::real_time(false);
        rows.push(Row { peer, calls, instructions, one_processor, all_processors, resident, growth });
    }
    let folder = Path::new(folder);
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    write("results.md", report::markdown(&rows, rounds, idle, cpuid));
    write("launches.csv", report::launches(&rows));
    write("figures.csv", report::figures(&rows));
    for (name, text) in plot::all(&rows) {
        write(name, text);
    }
}

fn say(what: &str) {
    eprintln!("bench: {what}");
}

/// Daemons and monitors get a null device; what this process says still goes to its standard error.
fn leave_the_terminal() {
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        libc::dup2(null, 0);
        libc::dup2(null, 1);
        // Some peers close every descriptor up to the limit: the usual one.
        let mut limit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = 1024.min(limit.rlim_max);
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
    }
    env::set_current_dir("/").unwrap();
}
