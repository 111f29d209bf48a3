//! Starts by a program that uses the library: the host. It may have threads, children, handlers and descriptors, so what
//! changes a process is done in another one, and the host itself sees nothing of it.
//!
//! ```text
//! spawn:   host ── clone ──► helper: the launcher's whole work, result in shared memory
//! detach:  host ── fork ──► session process ── fork ──► the daemon, which is the host's own code going on
//!           waits            waits for its word           says that it is ready
//! ```

#[cfg(feature = "control")]
mod control;
mod detach;
mod hold;
mod pieces;

use core::sync::atomic::Ordering::Relaxed;

use super::apply::Start;
use super::record::Record;
use super::{Command, Failed};
use crate::plan::{Config, Failure, Opt, Reason, Step};
use crate::sys::file::Fd;
use crate::sys::host as sys;
use crate::sys::memory::{Pool, Room, Shared, Stack};
use crate::sys::process::{self, Signal};
use crate::sys::signal;
use crate::{Vector, Word};

pub use crate::sys::host::{Fork, library_fork};
#[cfg(feature = "control")]
pub use control::{Found, Wanted, control};
pub use detach::{Detached, Side, detach, detach_plainly};
pub use hold::{Held, hold};
#[cfg(feature = "identity")]
pub use pieces::find_user;
#[cfg(feature = "ready")]
pub use pieces::tell;
pub use pieces::{close_others, null_standard, reset_signals};

/// The program to start: its arguments, its own name first, and its environment.
#[derive(Clone, Copy)]
pub struct Program<'a> {
    pub name: &'a core::ffi::CStr,
    pub arguments: &'a [&'a core::ffi::CStr],
    pub environment: &'a [&'a core::ffi::CStr],
}

/// What a start, or a look, comes to.
pub type Answer = Shared<Record>;

/// Lets a process of its own do `act`, and waits for it. The host's threads, signals, children and descriptors are not
/// touched.
pub fn help(act: impl FnOnce(&Record)) -> Result<Answer, Reason> {
    let record = Shared::new(Record::default())?;
    record.lend().note(Step::Fork);
    // The host's handlers must not run in the helper.
    let mask = signal::block(signal::ALL)?;
    let helper = sys::fork_silently();
    if let Ok(None) = helper {
        let _end = Ends;
        act(record.lend());
        process::exit(0);
    }
    let _ = signal::block(mask);
    if let Some(helper) = helper? {
        sys::wait(helper);
    }
    Ok(record)
}

/// The end of a process that must not get out of the function in which it was born: a panic would unwind into a second
/// copy of the host.
struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        process::exit(1);
    }
}

/// Starts `program`; its process id once it is executed, and ready if that was asked for.
pub fn spawn(config: &Config<'_>, program: &Program<'_>) -> Result<i32, Failed> {
    let host = process::own_id();
    let record = help(|record| {
        // Where the start is waited for, this signal ends it, and everything is taken down. The host's thread is asleep until
        // then, so it ends with the host alone. The program gets clean signals.
        let _ = signal::dispose(signal::TERM, false);
        let _ = process::follow_parent(Some(Signal::TERM));
        if !sys::is_parent(host) {
            return;
        }
        let mut config = *config;
        // This process has descriptors of its own. One that is not open is found out about later.
        for number in config.keep {
            let _ = sys::close_on_exec(Fd(*number as i32), false);
        }
        let started = prepare(&mut config, program)
            .map_err(|failure| Failed { failure, number: 0 })
            .and_then(|command| super::start(&config, &command));
        match started {
            Ok(started) => {
                record.daemon.store(started.program.number(), Relaxed);
                record.prove();
            }
            Err(Failed { failure, number }) => {
                record.note(failure.step);
                record.set_number(number);
                record.fail(failure.reason);
            }
        }
    })
    .map_err(|reason| Failed { failure: Failure { step: Step::Fork, reason }, number: 0 })?;
    outcome(record.lend())
}

/// What a record says: the daemon's id.
fn outcome(record: &Record) -> Result<i32, Failed> {
    match record.verdict() {
        Ok(()) => Ok(record.daemon.load(Relaxed)),
        Err(failure) => Err(Failed { failure, number: record.number() }),
    }
}

/// What the helper has to know before it starts something.
fn prepare<'a>(config: &mut Config<'a>, program: &Program<'a>) -> Result<Command, Failure> {
    let mut pool = Pool::new();
    config.set_text(Opt::Program, Word::new(program.name));
    #[cfg(feature = "identity")]
    let user = super::find_names(config, &mut pool)?;
    #[cfg(not(feature = "identity"))]
    let user = super::UserWords::default();
    // As a leader would: the session process is another one than the helper, which can end it.
    config.settle(true);
    super::make_absolute(config, &mut pool)?;
    let id = process::own_id();
    let vectors = vectors(program, user, &mut pool);
    let (arguments, environment) = vectors.map_err(|errno| Failure { step: Step::CopyWords, reason: errno.into() })?;
    Ok(Command { arguments, environment, caller: environment, manager: None, user: sys::user(), id })
}

/// The program's arguments and environment: the user's variables, then what was given.
fn vectors(program: &Program<'_>, user: super::UserWords, pool: &mut Pool) -> Result<(Vector, Vector), super::Errno> {
    let given = program.arguments.iter().copied();
    let arguments = crate::sys::words::vector(given, pool)?.vector();
    let mut given = crate::sys::words::vector(program.environment.iter().copied(), pool)?;
    if user[0].is_some() {
        let mut environment = super::VectorMut::copy(Vector::EMPTY, user.len() + program.environment.len(), pool)?;
        user.into_iter().flatten().chain(given.vector()).for_each(|word| environment.set(word));
        given = environment;
    }
    Ok((arguments, given.vector()))
}

/// No words, but this process's user: what a pidfile may be depends on who asks.
fn no_command() -> Command {
    Command {
        arguments: Vector::EMPTY,
        environment: Vector::EMPTY,
        caller: Vector::EMPTY,
        manager: None,
        user: sys::user(),
        id: 0,
    }
}

/// The effects' context, for a process that goes on.
fn start<'a>(config: &'a Config<'a>, command: &'a Command, record: &'static Record) -> Start<'a> {
    Start { config, command, record, outer: Stack::none(), inner: Stack::none(), room: Room::none() }
}
