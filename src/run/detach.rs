//! The tree of processes that a start is: launcher, session process, daemon.
//!
//! Two nested clones that share this memory and suspend their parent: no pipe, no copy of page tables, and the daemon's
//! failure is simply there when the parent goes on. What that cannot tell, a killed daemon from an executed program, the
//! session process asks the kernel.

use core::sync::atomic::Ordering::Relaxed;

use super::apply::{Start, Work};
use super::record::Record;
use super::{Command, Failed, perform, pidfile};
use crate::plan::{Config, Failure, Process, Reason, Step};
use crate::sys::memory::{Path, Stack};
use crate::sys::process::{self, End, Infallible};

/// Starts the daemon: its process id once the program is executed, or what failed, with nothing left behind.
pub fn start(config: &Config<'_>, command: &Command) -> Result<i32, Failed> {
    let mut work = Work::new(Start { config, command, record: None });
    let begun = perform(Process::Launcher, &mut work);
    let Some(record) = work.start.record else {
        return begun.map(|()| 0).map_err(|failure| Failed { failure, owner: 0 });
    };
    begun.and_then(|()| record.verdict()).map_err(|failure| {
        take_down(config, record, failure);
        Failed { failure, owner: record.owner.load(Relaxed) }
    })?;
    Ok(record.daemon.load(Relaxed))
}

/// Leaves nothing of a start that failed. The session process has been waited for, so a daemon that still lives has
/// become our child.
fn take_down(config: &Config<'_>, record: &Record, failure: Failure) {
    if let Some(daemon) = process::Process::new(record.daemon.load(Relaxed)) {
        process::end(daemon);
    }
    if let Some(path) = config.pidfile {
        pidfile::undo(path, record, failure.reason);
    }
}

/// [`Step::Fork`]: starts the session process and waits until it has gone.
pub fn fork(start: &Start<'_>, outer: Stack, inner: Stack) -> Result<(), Reason> {
    let record = start.record.ok_or(Reason::NONE)?;
    let session = process::spawn(outer, &record.session, session, start, inner)?;
    process::wait(session);
    Ok(())
}

/// The session process.
fn session(start: &Start<'_>, inner: Stack) -> Infallible {
    let mut work = Work::new(*start);
    work.inner = Some(inner);
    let done = perform(Process::Session, &mut work);
    let proof = done.and_then(|()| prove(&work));
    report(start, proof)
}

/// [`Step::ForkAgain`]: starts the daemon; comes back when it has executed the program, failed or was killed.
pub fn fork_again(start: &Start<'_>, inner: Stack) -> Result<process::Process, Reason> {
    let record = start.record.ok_or(Reason::NONE)?;
    Ok(process::spawn(inner, &record.daemon, daemon, start, ())?)
}

/// The daemon, until it is the program.
fn daemon(start: &Start<'_>, (): ()) -> Infallible {
    let mut path = Path::new();
    let mut work = Work::new(*start);
    work.path = Some(&mut path);
    let done = perform(Process::Daemon, &mut work);
    report(start, done)
}

/// Ends a process of the start, with its failure in the record.
fn report(start: &Start<'_>, done: Result<(), Failure>) -> ! {
    if let (Err(failure), Some(record)) = (done, start.record) {
        if !record.has_failed() {
            record.fail(failure);
        }
    }
    process::exit(0)
}

/// Asks the kernel whether the daemon has executed the program, and says so in the record.
///
/// An exec lets go of our memory a moment before it counts as done, so the answer may be no at first while the daemon
/// lives; where vfork only forks, that moment is the whole start. A daemon that has ended may have executed just before,
/// so it is asked once more.
fn prove(work: &Work<'_>) -> Result<(), Failure> {
    let (Some(record), Some(session), Some(daemon)) = (work.start.record, work.session, work.daemon) else {
        return Ok(());
    };
    loop {
        let ended = process::peek(daemon);
        if process::has_executed(daemon, session) {
            if let Some(End::Killed(_)) = ended.or_else(|| process::peek(daemon)) {
                return Err(Failure { step: Step::Execute, reason: Reason::ENDED });
            }
            record.prove();
            return Ok(());
        }
        if ended.is_some() || record.has_failed() {
            return Ok(());
        }
        process::pause();
    }
}
