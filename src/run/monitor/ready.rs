//! What the monitor does until its program is ready, and to find the process that counts when that is not its first one.

use core::sync::atomic::Ordering::Relaxed;

use super::{ADOPTION, Monitor, SETTLING};
use crate::plan::ready::Ready;
use crate::plan::{Failure, Opt, Reason, Step};
use crate::run::pidfile;
use crate::sys::monitor::each_child;
use crate::sys::time::now;
use crate::sys::{file, process};

impl Monitor<'_> {
    /// Looks whether the program is ready, or never will be.
    pub(super) fn look(&mut self) {
        self.adopt();
        let Some(wait) = self.wait.as_mut().filter(|_| !self.is_ready && self.failure.is_none()) else { return };
        let ready = match self.program {
            Some(program) => wait.is_ready(program),
            None => Ok(false),
        };
        match ready {
            Ok(true) => {
                if let (Ready::Notify, Some(program)) = (self.work.start.config.ready, self.program) {
                    let _ = wait.answer(program);
                }
                self.main = wait.main;
                self.wait = None;
                self.take_main();
                self.is_ready = self.failure.is_none();
                // What is sent later is for nobody.
                file::close(self.work.channel);
            }
            Ok(false) if wait.deadline.is_some_and(|deadline| deadline <= now()) => {
                self.give_up(Failure { step: Step::AwaitReady, reason: Reason::TIMEOUT });
            }
            Ok(false) => {}
            Err(reason) => self.give_up(Failure { step: Step::AwaitReady, reason }),
        }
    }

    /// Looks for the daemon that the program's first process has left: the one that its own file names, or the only one.
    fn adopt(&mut self) {
        let Some(until) = self.adopts_until else { return };
        let record = self.work.start.record;
        let file = self.work.start.config.ready_file;
        let (mut found, mut count) = (None, 0);
        if file.is_empty() {
            let _ = each_child(|child| {
                if !record.is_noted(child.number()) {
                    found = Some(child);
                    count += 1;
                }
            });
        } else {
            match pidfile::read(file, &self.work.locked) {
                Ok(pid) => found = pid.and_then(process::Process::new),
                Err(reason) => return self.give_up(Failure { step: Step::AwaitReady, reason }),
            }
            count = 1;
        }
        let is_settled = !file.is_empty() || until <= now() + ADOPTION - SETTLING;
        if let (Some(child), 1, true) = (found, count, is_settled)
            // Ours, and not yet waited for: so the number is still its own.
            && process::runs(child)
        {
            self.adopts_until = None;
            self.take(child);
            self.is_ready = self.failure.is_none();
        } else if until <= now() {
            if self.is_ready {
                self.adopts_until = None;
                self.finish();
            } else if count == 0 {
                self.give_up(Failure { step: Step::AwaitReady, reason: Reason::ENDED_EARLY });
            } else if count > 1 {
                // Before, all but one might have been on their way out, as the middle process of a double fork is.
                self.give_up(Failure { step: Step::AwaitReady, reason: Reason::AMBIGUOUS });
            }
        }
    }

    /// Takes the process that the program said counts, once it is our child.
    pub(super) fn take_main(&mut self) {
        if let Some(main) = self.main
            && process::runs(main)
        {
            self.main = None;
            self.take(main);
        }
    }

    /// From now on `program` is the one that counts, if it is our child.
    fn take(&mut self, program: process::Process) {
        let record = self.work.start.record;
        if process::runs(program) {
            self.program = Some(program);
            record.daemon.store(program.number(), Relaxed);
            if self.work.start.config.has(Opt::Pidfile) {
                let emptied = file::set_size(self.work.pidfile, 0).map_err(Reason::from);
                let written = emptied.and_then(|()| pidfile::write(record, self.work.pidfile));
                // A daemon that has started already is worth more than its pidfile.
                if let (Err(reason), false) = (written, self.work.has_started) {
                    self.give_up(Failure { step: Step::WritePidfile, reason });
                }
            }
        }
    }
}
