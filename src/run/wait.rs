//! The launcher that stays until the program ends.

use super::{Started, pidfile};
use crate::plan::{Config, Failure, Opt, Step};
use crate::sys::Errno;
use crate::sys::process::{self, End, Process};
use crate::sys::signal::{self, CHILD, HUP, INT, QUIT, TERM, USR1, USR2};

/// What the launcher passes on while it waits.
const FORWARDED: signal::Set = signal::set(&[HUP, INT, QUIT, USR1, USR2, TERM, CHILD]);

impl Started {
    /// Waits for the program to end, passes signals on to it meanwhile, and removes the pidfile. How it ended.
    pub fn wait(&self, config: &Config<'_>) -> Result<End, Failure> {
        // The program is our child already; its own orphans are not ours to reap.
        let _ = process::adopt_orphans(false);
        let end = wait_for(self.program);
        if config.has(Opt::Pidfile) {
            pidfile::remove(config.text(Opt::Pidfile), self.record);
        }
        end.map_err(|errno| Failure { step: Step::AwaitEnd, reason: errno.into() })
    }
}

fn wait_for(program: Process) -> Result<End, Errno> {
    loop {
        if let Some(end) = process::peek(program)? {
            process::wait(program);
            return Ok(end);
        }
        // The child signal has been blocked since before the program was born, so its end cannot be missed.
        // What the caller ignores is not for the program either (nohup(1)).
        if let Ok(number) = signal::wait(FORWARDED)
            && number != CHILD
            && !signal::is_ignored(number)
        {
            process::signal(program, number);
        }
    }
}
