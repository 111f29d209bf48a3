//! Many daemons at once: how fast a further one starts, and what their monitors keep.

use crate::launch::{Ready, Reports, end, monitor, now, reap, wait, watch};
use crate::memory::{self, Resident};
use crate::peers::Peer;
use crate::report::Spread;
use std::time::{Duration, Instant};

/// How many daemons live when it is looked at them.
pub const STEPS: [usize; 5] = [1, 10, 100, 1000, 5000];

/// At one step: the starts a second, by the median since the step before, and the memory of all monitors together.
pub struct Step {
    pub count: usize,
    pub rate: f64,
    pub monitors: usize,
    pub memory: Resident,
}

impl Step {
    /// The mean kilobytes that one more monitor costs: what is its own and changed, and its page tables.
    pub fn one_more(&self) -> f64 {
        (self.memory.dirty + self.memory.page_tables) / self.monitors as f64
    }
}

/// Starts daemons one after the other, all of which live on, until there are `most` or `patience` is over.
pub fn measure(reports: &Reports, peer: &Peer, most: usize, patience: Duration) -> Vec<Step> {
    let (mut programs, mut steps, mut spent) = (Vec::new(), Vec::new(), Vec::new());
    let begin = Instant::now();
    while programs.len() < most && begin.elapsed() < patience {
        watch(&peer.name, 60);
        let command = Ready::new(peer, programs.len(), 300);
        let (process, start) = command.spawn();
        if peer.kind.returns() {
            wait(process);
        }
        let Some(report) = reports.next(Duration::from_secs(5)) else {
            eprintln!("bench: {}: no more than {} began", peer.name, programs.len());
            break;
        };
        spent.push(now() - start);
        programs.push(report.process);
        if STEPS.contains(&programs.len()) {
            let (monitors, memory) = all(&programs);
            let rate = 1e9 / Spread::of(spent.drain(..)).unwrap().median;
            steps.push(Step { count: programs.len(), rate, monitors, memory });
        }
    }
    watch(&peer.name, 120);
    programs.into_iter().for_each(end);
    reap();
    steps
}

/// The monitors of these programs, and the sum of their memory.
fn all(programs: &[i32]) -> (usize, Resident) {
    let monitors: Vec<_> = programs.iter().filter_map(|program| monitor(*program)).collect();
    let sum = monitors.iter().map(|monitor| memory::of(*monitor)).fold(Resident::default(), |sum, one| Resident {
        resident: sum.resident + one.resident,
        proportional: sum.proportional + one.proportional,
        dirty: sum.dirty + one.dirty,
        page_tables: sum.page_tables + one.page_tables,
        wakes: 0.0,
    });
    (monitors.len(), sum)
}
