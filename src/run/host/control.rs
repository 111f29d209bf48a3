//! The daemon behind a pidfile, for a host.

use core::sync::atomic::Ordering::Relaxed;

use super::{help, outcome};
use crate::plan::{Config, Failure, Reason};
use crate::run::Failed;
use crate::run::control::{self as daemon, State};
use crate::sys::host as sys;

/// What is wanted of a daemon behind a pidfile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Status,
    Signal,
    Stop,
}

/// What was found.
pub enum Found {
    Running { owner: i32, program: i32 },
    Dead,
    NotRunning,
    Unknown,
}

/// Looks after the daemon behind a pidfile, and does what is wanted. In a helper: this process might hold the very lock,
/// which closing the file here would drop.
pub fn control(config: &Config<'_>, wanted: Wanted) -> Result<Result<Found, Failed>, Reason> {
    let answer = help(|record| match look(config, wanted) {
        Ok(Found::Running { owner, program }) => {
            record.daemon.store(program, Relaxed);
            record.monitor.store(owner, Relaxed);
            record.prove();
        }
        Ok(other) => {
            // No process has such an id.
            record.monitor.store(
                match other {
                    Found::Dead => -1,
                    Found::NotRunning => -2,
                    _ => -3,
                },
                Relaxed,
            );
            record.prove();
        }
        Err(failure) => {
            record.note(failure.step);
            record.fail(failure.reason);
        }
    })?;
    let record = answer.lend();
    Ok(outcome(record).map(|program| match record.monitor.load(Relaxed) {
        -1 => Found::Dead,
        -2 => Found::NotRunning,
        -3 => Found::Unknown,
        owner => Found::Running { owner, program },
    }))
}

fn look(config: &Config<'_>, wanted: Wanted) -> Result<Found, Failure> {
    Ok(match daemon::find(config, sys::user())? {
        State::Running(daemon) => {
            let is_gone = match wanted {
                Wanted::Status => false,
                Wanted::Signal => daemon::send(&daemon, config.signal).map(|()| false)?,
                Wanted::Stop => daemon::stop(config, &daemon)?,
            };
            if is_gone { Found::NotRunning } else { Found::Running { owner: daemon.owner, program: daemon.program } }
        }
        State::Dead(file) if wanted == Wanted::Stop => {
            daemon::clean(config, &file);
            Found::NotRunning
        }
        State::Dead(_) => Found::Dead,
        State::NotRunning => Found::NotRunning,
        State::Unknown => Found::Unknown,
    })
}
