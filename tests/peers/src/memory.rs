//! What a monitor keeps, and how often it wakes up though nothing happens.

use crate::launch::{Ready, Reports, end, monitor, reap, wait, watch};
use crate::peers::Peer;
use std::fs;
use std::time::{Duration, Instant};

/// Of one monitor: kilobytes, and wake-ups in a second.
#[derive(Clone, Copy, Default)]
pub struct Resident {
    pub resident: f64,
    /// Shared pages divided by those who share them.
    pub proportional: f64,
    /// Pages that are its own and changed: what every further one costs.
    pub dirty: f64,
    pub page_tables: f64,
    pub wakes: f64,
}

/// The number behind `key` in a file of /proc.
fn number(path: &str, key: &str) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

/// The memory of a process.
pub fn of(process: i32) -> Resident {
    let kept = |key| number(&format!("/proc/{process}/smaps_rollup"), key).unwrap_or(0.0);
    Resident {
        resident: kept("Rss:"),
        proportional: kept("Pss:"),
        dirty: kept("Private_Dirty:"),
        page_tables: number(&format!("/proc/{process}/status"), "VmPTE:").unwrap_or(0.0),
        wakes: 0.0,
    }
}

/// How often a process has been given the processor.
fn switches(process: i32) -> f64 {
    let path = format!("/proc/{process}/status");
    ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"].iter().filter_map(|key| number(&path, key)).sum()
}

/// One monitor of each peer, all at once, left alone for a while.
pub fn measure(reports: &Reports, peers: &[Peer], idle: Duration) -> Vec<Option<Resident>> {
    watch("the monitors", 60 + idle.as_secs() as u32);
    let mut programs = Vec::new();
    for peer in peers {
        if !peer.kind.monitors() {
            programs.push(None);
            continue;
        }
        let (process, _) = Ready::new(peer, 0, 120).spawn();
        if peer.kind.returns() {
            wait(process);
        }
        programs.push(reports.next(Duration::from_secs(5)).map(|report| report.process));
    }
    let settle = Duration::from_millis(300); // what each still does after the start is no wake-up
    reports.next(settle);
    let monitors: Vec<_> = programs.iter().map(|program| program.and_then(monitor)).collect();
    let before: Vec<_> = monitors.iter().map(|monitor| monitor.map(switches)).collect();
    let start = Instant::now();
    reports.next(idle); // no program reports now
    let seconds = start.elapsed().as_secs_f64();
    let residents = monitors.iter().zip(before).map(|(monitor, before)| {
        let monitor = (*monitor)?;
        Some(Resident { wakes: (switches(monitor) - before?) / seconds, ..of(monitor) })
    });
    let residents = residents.collect();
    programs.into_iter().flatten().for_each(end);
    reap();
    residents
}
