//! The tree of processes that a start is: launcher, session process, daemon.
//!
//! Two nested clones that share this memory and suspend their parent: no pipe, no copy of page tables, and the daemon's
//! failure is simply there when the parent goes on. What that cannot tell, a killed daemon from an executed program, the
//! session process asks the kernel.

use core::sync::atomic::{AtomicI32, Ordering::Relaxed};

use super::apply::{Start, Work};
use super::record::Record;
use super::{Command, Failed, perform, pidfile};
use crate::plan::{Config, Failure, Opt, Process, Reason, Step};
use crate::sys::Errno;
use crate::sys::file::{self, Fd, NO_FD};
use crate::sys::memory::{self, Path, Stack};
use crate::sys::process::{self, End};
use crate::sys::signal;
use crate::sys::time;

/// A daemon that runs.
pub struct Started {
    /// The process that is the program.
    pub program: process::Process,
    pub(super) record: &'static Record,
}

impl Started {
    /// Tells the manager that called dmz that the program works, if there is one. With a monitor that is who counts.
    pub fn announce(&self, command: &Command) {
        #[cfg(feature = "ready")]
        if let Some(address) = command.manager {
            let monitor = self.record.monitor.load(Relaxed);
            super::ready::announce(address, if monitor > 0 { monitor } else { self.program.number() });
        }
        let _ = command;
    }

    /// Takes it all back: what the caller wanted besides has failed.
    pub fn take_down(&self, config: &Config<'_>, failure: Failure) -> Failed {
        take_down(config, self.record);
        Failed { failure, number: 0 }
    }
}

/// Starts the daemon, and comes back once the program is executed; or what failed, with nothing left behind.
#[inline(always)]
pub fn start(config: &Config<'_>, command: &Command) -> Result<Started, Failed> {
    let start = prepare(config, command)?;
    let record = start.record;
    if config.has(Opt::Foreground) {
        become_program(&start);
    } else if let Err(reason) = detach(&start) {
        record.fail(reason);
    }
    match (record.verdict(), process::Process::new(record.daemon.load(Relaxed))) {
        (Ok(()), Some(program)) => Ok(Started { program, record }),
        (verdict, _) => {
            take_down(config, record);
            let failure = verdict.err().unwrap_or(Failure { step: Step::Fork, reason: Reason::KILLED });
            Err(Failed { failure, number: record.number() })
        }
    }
}

/// What all processes of a start share.
#[inline(never)]
fn prepare<'a>(config: &'a Config<'a>, command: &'a Command) -> Result<Start<'a>, Failed> {
    let no_memory = |errno: Errno| Failed { failure: Failure { step: Step::Fork, reason: errno.into() }, number: 0 };
    let forks = config.has(Opt::Monitored) || config.has(Opt::Ready);
    let has_session = !forks && config.has(Opt::ForksTwice);
    let arena = memory::arena(Record::new(forks), forks, has_session).map_err(no_memory)?;
    arena.record.session.store(command.id, Relaxed);
    Ok(Start { config, command, record: arena.record, outer: arena.outer, inner: arena.inner, room: arena.room })
}

/// Is the program's monitor, in this very process: starts it, calls `started` with its id, and comes back with how it
/// ended when nothing is left of it.
#[cfg(feature = "monitor")]
pub fn serve(
    config: &Config<'_>,
    command: &Command,
    started: impl FnOnce(i32) -> Result<(), Failure>,
) -> Result<End, Failed> {
    let start = prepare(config, command)?;
    start.record.monitor.store(command.id, Relaxed);
    let started = |pid| {
        started(pid)?;
        #[cfg(feature = "ready")]
        if let Some(address) = command.manager {
            super::ready::announce(address, command.id);
        }
        Ok(())
    };
    let served = perform(Process::Launcher, &mut Work::new(&start, Path::new(&mut [])));
    served.and_then(|()| super::monitor::run(&start, started)).map_err(|reason| {
        start.record.fail(reason);
        take_down(config, start.record);
        let failure = start.record.verdict().err().unwrap_or(Failure { step: Step::Fork, reason });
        Failed { failure, number: start.record.number() }
    })
}

/// The launcher's steps, and the session process's unless there is one.
fn detach(start: &Start<'_>) -> Result<(), Reason> {
    let mut work = Work::new(start, Path::new(&mut []));
    perform(Process::Launcher, &mut work)?;
    if start.config.has(Opt::ForksTwice) { Ok(()) } else { perform(Process::Session, &mut work) }
}

/// The foreground: this process does the daemon's steps and is the program, or has failed.
#[inline(never)]
fn become_program(start: &Start<'_>) {
    start.record.daemon.store(start.command.id, Relaxed);
    let mut work = Work::new(start, Path::new(start.room.take()));
    let launched = perform(Process::Launcher, &mut work);
    if let Err(reason) = launched.and_then(|()| perform(Process::Daemon, &mut work)) {
        start.record.fail(reason);
        // From here the path may lead elsewhere.
        pidfile::undo_open(&work);
    }
    // The message must reach the caller, not the file that was to be the program's.
    if work.stderr != NO_FD {
        let _ = file::duplicate_onto(work.stderr, 2);
    }
}

/// Leaves nothing of a start that failed. The session process has been waited for, so a daemon that still lives has
/// become our child.
fn take_down(config: &Config<'_>, record: &Record) {
    #[cfg(feature = "monitor")]
    if config.has(Opt::Supervise)
        && let Some(monitor) = process::Process::new(record.monitor.load(Relaxed))
        && process::runs(monitor)
    {
        // It stops the program and all that it has started, as it was told to.
        process::signal(monitor, signal::TERM);
        process::wait(monitor);
    }
    #[cfg(feature = "ready")]
    if config.has(Opt::Ready) && !config.has(Opt::Init) {
        super::ready::stop_session(record);
    }
    for id in [&record.monitor, &record.daemon] {
        if let Some(process) = process::Process::new(id.load(Relaxed)) {
            process::end(process);
        }
    }
    pidfile::undo(config.text(Opt::Pidfile), record);
}

/// Starts a process that does `entry`; comes back when it has executed a program or ended. It shares this memory, or, where
/// that cannot be or somebody has to live on, the record alone.
#[inline(never)]
fn begin(
    start: &Start<'_>,
    stack: &Stack,
    id: &'static AtomicI32,
    entry: fn(&Start<'_>) -> !,
) -> Result<process::Process, Reason> {
    if !start.record.is_shared() {
        if let Some(child) = process::spawn(stack, id, entry, start)? {
            return Ok(child);
        }
        memory::share(start.record)?;
        start.record.set_shared();
    }
    match process::fork(id)? {
        Some(child) => Ok(child),
        None => entry(start),
    }
}

/// [`Step::Fork`]: starts the session process and waits until it has gone.
pub fn fork(start: &Start<'_>) -> Result<(), Reason> {
    process::wait(begin(start, &start.outer, &start.record.session, session)?);
    Ok(())
}

/// The same where the launcher must be able to give the start up: it waits for signals, too.
#[cfg(feature = "ready")]
pub fn fork_and_watch(start: &Start<'_>, channel: Fd) -> Result<(), Reason> {
    let Some(session) = process::fork_and_go_on(&start.record.session)? else {
        let mut work = Work::new(start, Path::new(&mut []));
        work.channel = channel;
        end(start.record, perform(Process::Session, &mut work))
    };
    super::ready::close_theirs(start.record);
    let awaited = super::ready::await_process(start.record, session, || false);
    process::end(session);
    awaited
}

/// [`Step::ForkDaemon`]: starts the daemon, and when it has executed the program, failed or was killed, asks which.
pub fn fork_daemon(start: &Start<'_>) -> Result<(), Reason> {
    let daemon = begin(start, &start.inner, &start.record.daemon, become_daemon)?;
    if start.config.has(Opt::SingleFork) {
        return watch(start, daemon);
    }
    let is_proved = prove(daemon, start.record.session.load(Relaxed), pause)?;
    // Killed inside its exec, or so soon after it that nobody can tell: every signal was blocked. Who waits is told of the
    // death itself.
    let is_killed = || matches!(process::peek(daemon), Ok(Some(End::Killed(KILL | SEGV | BUS))));
    if is_proved && !start.config.has(Opt::Wait) && is_killed() {
        return Err(Reason::ENDED);
    }
    // A filter may say EPERM to everything: what the daemon itself says counts, too.
    if is_proved && start.record.is_executing() {
        start.record.prove();
    }
    Ok(())
}

/// [`Step::ForkMonitor`]: starts the monitor, which lives on, and waits until it says how the start went, or is gone.
#[cfg(feature = "monitor")]
pub fn fork_monitor(start: &Start<'_>) -> Result<(), Reason> {
    let Some(monitor) = process::fork_and_go_on(&start.record.monitor)? else { super::monitor::live(start) };
    // Blocked since before the fork, so neither its word nor its end can be missed.
    #[cfg(feature = "ready")]
    if start.config.has(Opt::Ready) {
        return super::ready::await_process(start.record, monitor, || start.record.is_decided());
    }
    while !start.record.is_decided() && process::runs(monitor) {
        // A filter might refuse its word.
        let _ = signal::wait_for(signal::set(&[signal::CHILD]), Some(MOMENT));
    }
    Ok(())
}

/// How long to wait before looking again, in milliseconds.
#[cfg(feature = "monitor")]
const MOMENT: u64 = 100;

/// How the kernel itself ends an exec that has gone too far to fail.
const KILL: u8 = signal::KILL as u8;
const SEGV: u8 = signal::SEGV as u8;
const BUS: u8 = signal::BUS as u8;

/// A moment in which an exec comes to its end.
pub fn pause() -> Result<(), Reason> {
    time::pause();
    Ok(())
}

/// Watches a daemon for a moment: one that leads its own session, since the kernel's proof is for children in our session;
/// and one of which it is asked whether the exec comes to its end. It has failed if it says so, or is killed in that moment
/// as the kernel does it; any other end is the program's. The moment begins with the exec: where vfork only forks, all of
/// the start is before that, and the exec itself may fail late.
pub fn watch(start: &Start<'_>, daemon: process::Process) -> Result<(), Reason> {
    let record = start.record;
    await_exec(start, daemon)?;
    if !record.has_failed() {
        record.prove();
    }
    Ok(())
}

/// The moment itself.
pub fn await_exec(start: &Start<'_>, daemon: process::Process) -> Result<(), Reason> {
    let record = start.record;
    let mut moments = MOMENTS;
    while moments > 0 {
        match process::peek(daemon) {
            Ok(Some(End::Killed(_))) if !record.is_executing() => return Err(Reason::KILLED),
            Ok(Some(End::Killed(KILL | SEGV | BUS))) if !start.config.has(Opt::Wait) => return Err(Reason::ENDED),
            Ok(Some(_)) => break,
            Ok(None) if !record.is_executing() => moments = MOMENTS_WITH_EXEC,
            _ => moments -= 1,
        }
        time::pause();
    }
    Ok(())
}

/// How many pauses of 100 µs that moment is; and where the exec is still to come, which takes time itself.
const MOMENTS: usize = 50;
const MOMENTS_WITH_EXEC: usize = 10 * MOMENTS;

/// The session process.
fn session(start: &Start<'_>) -> ! {
    child(Process::Session, start, Path::new(&mut []))
}

/// The daemon, until it is the program.
pub fn become_daemon(start: &Start<'_>) -> ! {
    child(Process::Daemon, start, Path::new(start.room.take()))
}

/// The life of a child process: its steps, and its failure in the record.
fn child(process: Process, start: &Start<'_>, path: Path<'_>) -> ! {
    end(start.record, perform(process, &mut Work::new(start, path)))
}

/// The end of a child process: its failure is in the record.
fn end(record: &Record, result: Result<(), Reason>) -> ! {
    if let Err(reason) = result {
        record.fail(reason);
    }
    process::exit(0)
}

/// Waits until `child` has ended, but not for more than so many milliseconds.
pub fn await_end(child: process::Process, milliseconds: u64) {
    let deadline = time::now() + milliseconds;
    while process::runs(child) {
        let left = deadline.saturating_sub(time::now());
        if left == 0 {
            return;
        }
        let _ = signal::wait_for(signal::set(&[signal::CHILD]), Some(left));
    }
}

/// Asks the kernel whether the daemon, in process group `group`, has executed the program; if not, it has ended.
///
/// An exec lets go of our memory a moment before it counts as done, so the answer may be no at first while the daemon
/// lives; where vfork only forks, that moment is the whole start. A daemon that has ended may have executed just before,
/// so it is asked once more.
pub fn prove(
    daemon: process::Process,
    group: i32,
    mut pause: impl FnMut() -> Result<(), Reason>,
) -> Result<bool, Reason> {
    let mut has_ended = false;
    loop {
        if process::has_executed(daemon, group)? {
            return Ok(true);
        }
        if has_ended {
            return Ok(false);
        }
        has_ended = !process::runs(daemon);
        if !has_ended {
            pause()?;
        }
    }
}
