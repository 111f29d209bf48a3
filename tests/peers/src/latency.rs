//! How long a launch takes: all peers in turn, round after round, so that what else the machine does hits all alike.

use crate::launch::{Ready, Reports, end, kill, now, reap, wait, watch};
use crate::peers::Peer;
use std::mem::zeroed;
use std::time::Duration;

/// One launch.
pub struct Launch {
    /// Nanoseconds until the launcher had returned.
    pub returned: Option<i64>,
    /// Nanoseconds until the program's first instruction.
    pub begun: i64,
    /// Microseconds that all its processes used.
    pub used: i64,
    /// Page faults of all its processes, the program's own among them.
    pub faults: i64,
}

/// Every launch of every peer. One whose program does not begin is left out from then on.
pub fn measure(reports: &Reports, peers: &[Peer], rounds: usize) -> Vec<Vec<Launch>> {
    let mut launches: Vec<Vec<Launch>> = peers.iter().map(|_| Vec::new()).collect();
    let mut is_out = vec![false; peers.len()];
    for round in 0..rounds {
        for index in (0..peers.len()).map(|index| (index + round) % peers.len()).filter(|&index| index < peers.len()) {
            if is_out[index] {
                continue;
            }
            match once(reports, &peers[index]) {
                Some(launch) => launches[index].push(launch),
                None => {
                    eprintln!("bench: {} is left out: its program did not begin", peers[index].name);
                    is_out[index] = true;
                }
            }
        }
    }
    launches
}

fn once(reports: &Reports, peer: &Peer) -> Option<Launch> {
    let lives = if peer.kind.returns() && !peer.kind.monitors() { 0 } else { 60 };
    let command = Ready::new(peer, 0, lives);
    watch(&peer.name, 60);
    let before = usage();
    let (process, start) = command.spawn();
    let returned = peer.kind.returns().then(|| {
        wait(process);
        now() - start
    });
    let Some(report) = reports.next(Duration::from_secs(5)) else {
        if returned.is_none() {
            kill(process);
        }
        reap();
        return None;
    };
    if lives > 0 {
        end(report.process);
    }
    reap();
    let after = usage();
    Some(Launch { returned, begun: report.nanoseconds - start, used: after.0 - before.0, faults: after.1 - before.1 })
}

/// Microseconds and page faults of all children that have been reaped.
fn usage() -> (i64, i64) {
    let mut usage = unsafe { zeroed::<libc::rusage>() };
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) };
    let [user, system] = [usage.ru_utime, usage.ru_stime].map(|time| time.tv_sec * 1_000_000 + time.tv_usec);
    (user + system, usage.ru_minflt)
}

/// Runs what this process starts on one processor only, or on all again.
pub fn one_processor(one: bool) {
    unsafe {
        let mut set = zeroed::<libc::cpu_set_t>();
        let count = libc::sysconf(libc::_SC_NPROCESSORS_CONF) as usize;
        for processor in if one { count - 1..count } else { 0..count } {
            libc::CPU_SET(processor, &mut set);
        }
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}

/// Keeps other load away: a real-time policy, which children inherit.
pub fn real_time(on: bool) {
    let (policy, priority) = if on { (libc::SCHED_FIFO, 10) } else { (libc::SCHED_OTHER, 0) };
    let priority = libc::sched_param { sched_priority: priority };
    if unsafe { libc::sched_setscheduler(0, policy, &priority) } != 0 {
        eprintln!("bench: no SCHED_FIFO: {}", std::io::Error::last_os_error());
    }
}

/// Nanoseconds that one cpuid takes here: some 30 on bare metal, thousands where it traps into a hypervisor.
pub fn cpuid_cost() -> f64 {
    let count = 1000;
    let start = now();
    for _ in 0..count {
        std::hint::black_box(std::arch::x86_64::__cpuid(0));
    }
    (now() - start) as f64 / f64::from(count)
}
