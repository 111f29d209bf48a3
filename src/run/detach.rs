//! The tree of processes that a start is: launcher, session process, daemon.
//!
//! Two nested clones that share this memory and suspend their parent: no pipe, no copy of page tables, and the daemon's
//! failure is simply there when the parent goes on. What that cannot tell, a killed daemon from an executed program, the
//! session process asks the kernel.

use core::sync::atomic::Ordering::Relaxed;

use super::apply::{Start, Work};
use super::record::Record;
use super::{Command, Failed, perform, pidfile};
use crate::plan::{Config, Failure, Process, Reason, Step, Text};
use core::mem::MaybeUninit;

use crate::sys::memory::{self, PATH_MAX, Path};
use crate::sys::process::{self, End, Infallible};

/// Starts the daemon: its process id once the program is executed, or what failed, with nothing left behind.
pub fn start(config: &Config<'_>, command: &Command) -> Result<i32, Failed> {
    let arena = memory::arena(Record::default())
        .map_err(|errno| Failed { failure: Failure { step: Step::Fork, reason: errno.into() }, owner: 0 })?;
    let record = arena.record;
    let start = Start { config, command, record, outer: arena.outer, inner: arena.inner };
    if let Err(reason) = perform(Process::Launcher, &mut Work::new(&start, Path::new(&mut []))) {
        record.fail(reason);
    }
    match record.verdict() {
        Ok(()) => Ok(record.daemon.load(Relaxed)),
        Err(failure) => {
            take_down(config, record);
            Err(Failed { failure, owner: record.owner.load(Relaxed) })
        }
    }
}

/// Leaves nothing of a start that failed. The session process has been waited for, so a daemon that still lives has
/// become our child.
fn take_down(config: &Config<'_>, record: &Record) {
    if let Some(daemon) = process::Process::new(record.daemon.load(Relaxed)) {
        process::end(daemon);
    }
    if let Some(path) = config.text(Text::Pidfile) {
        pidfile::undo(path, record);
    }
}

/// [`Step::Fork`]: starts the session process and waits until it has gone.
pub fn fork(start: &Start<'_>) -> Result<(), Reason> {
    process::wait(process::spawn(&start.outer, &start.record.session, session, start)?);
    Ok(())
}

/// The session process.
fn session(start: &Start<'_>) -> Infallible {
    child(Process::Session, start, Path::new(&mut []))
}

/// [`Step::ForkAgain`]: starts the daemon, and when it has executed the program, failed or was killed, asks which.
pub fn fork_again(start: &Start<'_>) -> Result<(), Reason> {
    let daemon = process::spawn(&start.inner, &start.record.daemon, daemon, start)?;
    prove(start.record, daemon)
}

/// The daemon, until it is the program.
fn daemon(start: &Start<'_>) -> Infallible {
    let mut room = [const { MaybeUninit::uninit() }; PATH_MAX];
    child(Process::Daemon, start, Path::new(&mut room))
}

/// The life of a child process: its steps, and its failure in the record.
fn child(process: Process, start: &Start<'_>, path: Path<'_>) -> ! {
    if let Err(reason) = perform(process, &mut Work::new(start, path)) {
        start.record.fail(reason);
    }
    process::exit(0)
}

/// Asks the kernel whether the daemon has executed the program, and says so in the record.
///
/// An exec lets go of our memory a moment before it counts as done, so the answer may be no at first while the daemon
/// lives; where vfork only forks, that moment is the whole start. A daemon that has ended may have executed just before,
/// so it is asked once more.
fn prove(record: &Record, daemon: process::Process) -> Result<(), Reason> {
    let mut has_ended = false;
    loop {
        if process::has_executed(daemon, record.session.load(Relaxed)) {
            if process::peek(daemon) == Ok(Some(End::Killed)) {
                return Err(Reason::ENDED);
            }
            record.prove();
            return Ok(());
        }
        if has_ended {
            return Ok(());
        }
        has_ended = process::peek(daemon) != Ok(None);
        if !has_ended {
            process::pause();
        }
    }
}
