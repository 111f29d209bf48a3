//! The host becomes the daemon: session process and daemon are forks of it, and its own code goes on.

use core::mem::MaybeUninit;
use core::sync::atomic::Ordering::Relaxed;

use super::hold::{Held, give_back, keep, lock};
use super::{no_command, null_standard, outcome, start};
use crate::Word;
use crate::plan::order::ORDER;
use crate::plan::{Config, Failure, Opt, Process, Reason, Step};
use crate::run::apply::Work;
use crate::run::record::Record;
use crate::run::{Failed, descriptors, detach};
use crate::sys::file;
use crate::sys::host::{self as sys, Fork};
use crate::sys::memory::{PATH_MAX, Path, Pool, Shared};
use crate::sys::process::{self, Signal};
use crate::sys::signal;
use crate::sys::time::{self, now};

/// The host is detached: this is the daemon, and somebody waits for its word.
pub struct Detached<'a> {
    record: Shared<Record>,
    /// What it holds.
    pub held: Option<Held<'a>>,
}

impl Detached<'_> {
    /// Tells the launcher that the daemon works, or why it does not; false if it has been told something else before. A
    /// child of the daemon's that has a copy of this says nothing.
    #[inline(never)]
    pub fn report(&self, result: Result<(), Reason>) -> bool {
        let record = self.record.lend();
        if process::own_id() != record.daemon.load(Relaxed) {
            return true;
        }
        if result.is_ok() {
            // Before the word: who hears it ends at once.
            let _ = process::follow_parent(None);
        }
        let is_first = record.decide(result);
        sys::wake_parent(record.session.load(Relaxed));
        is_first
    }
}

/// Which process this is after a detach.
pub enum Side<'a> {
    /// The one that was there before, with the daemon's id.
    Launcher(i32),
    /// The one that goes on.
    Daemon(Detached<'a>),
}

/// Makes a daemon that goes on as this process does. The launcher comes back when the daemon has said that it is ready, or
/// with what failed, and then there is no daemon.
pub fn detach<'a>(config: &Config<'a>, by: Option<Fork>) -> Result<Side<'a>, Failed> {
    let limit = if config.has(Opt::Timeout) { Some(config.timeout) } else { None };
    let undo = |record: &Record| {
        await_end(record);
        give_back(config.text(Opt::Pidfile), record);
    };
    split(by, limit, |record| change(config, record), Some(undo))
}

/// The same with nothing asked for: the shortest way, and the smallest.
pub fn detach_plainly(by: Option<Fork>) -> Result<Side<'static>, Failed> {
    let change = |record: &'static Record| {
        record.note(Step::CloseDescriptors);
        descriptors::close_all()?;
        record.note(Step::OpenNull);
        null_standard()?;
        record.note(Step::ChangeDirectory);
        file::change_directory(Word::new(c"/"))?;
        file::set_umask(0o022);
        follow(record).map(|()| None)
    };
    split(by, None, change, None::<fn(&Record)>)
}

/// Starts session process and daemon. The daemon does `change`; when that or what comes behind it has failed, the session
/// process does `undo`, and where that was killed the launcher.
fn split<'a>(
    by: Option<Fork>,
    limit: Option<u32>,
    change: impl FnOnce(&'static Record) -> Result<Option<Held<'a>>, Reason>,
    undo: Option<impl Fn(&Record)>,
) -> Result<Side<'a>, Failed> {
    let failed = |reason| Failed { failure: Failure { step: Step::Fork, reason }, number: 0 };
    let shared = Shared::new(Record::default()).map_err(|errno| failed(errno.into()))?;
    let record = shared.lend();
    record.note(Step::Fork);
    let mask = signal::block(signal::ALL).map_err(|errno| failed(errno.into()))?;
    record.set_mask(mask);
    let launcher = process::own_id();
    let session = sys::fork(by, true);
    if let Ok(None) = session {
        session_process(by, limit, launcher, &undo, record);
        record.daemon.store(process::own_id(), Relaxed);
        match change(record) {
            Ok(held) => return Ok(Side::Daemon(Detached { record: shared, held })),
            Err(reason) => {
                record.decide(Err(reason));
                process::exit(1)
            }
        }
    }
    let _ = signal::block(mask);
    // It was killed if it has not said anything, and then the daemon may not say anything any more.
    let decide = || record.decide(Err(Reason::KILLED));
    if let Some(session) = session.map_err(|errno| failed(errno.into()))? {
        if undo.is_some() {
            // Then it has not ended what the daemon has started either.
            sys::await_end(session);
            decide();
            if record.verdict().is_err() {
                sys::end_group(session);
            }
        }
        sys::wait(session);
    }
    decide();
    if let (Err(_), Some(undo)) = (record.verdict(), undo) {
        undo(record);
    }
    outcome(record).map(Side::Launcher)
}

/// The session process. Comes back as the daemon alone; itself it stays until that has said how it is, and ends. `launcher`
/// is its parent, without which nobody waits for the daemon any more.
fn session_process(
    by: Option<Fork>,
    limit: Option<u32>,
    launcher: i32,
    undo: &Option<impl Fn(&Record)>,
    record: &'static Record,
) {
    record.session.store(process::own_id(), Relaxed);
    record.note(Step::CreateSession);
    let forked = process::new_session().map_err(Reason::from).and_then(|number| {
        // Of a PID namespace that its caller made, and is not in: the kernel ends everything in it with this one.
        if number == 1 {
            return Err(Reason::FIRST);
        }
        record.note(Step::ForkDaemon);
        // Blocked, so that `watch` takes it; where there is nothing to undo, the kernel may end this process by itself, and
        // the daemon follows.
        process::follow_parent(Some(if undo.is_some() { Signal::TERM } else { Signal::KILL }))?;
        // It may have died before.
        if sys::is_parent(launcher) { Ok(sys::fork(by, false)?) } else { Err(Reason::INTERRUPTED) }
    });
    match forked {
        Ok(None) => return,
        Ok(Some(daemon)) => {
            watch(limit, undo.is_some().then_some(launcher), daemon, record);
            if let (Err(_), Some(undo)) = (record.verdict(), undo) {
                undo(record);
                // What the daemon has started goes with it. This process is the first of that group.
                sys::end_own_group();
            }
        }
        Err(reason) => _ = record.decide(Err(reason)),
    }
    process::exit(0)
}

/// Waits until the daemon is ready; if it never will be, or when the launcher has died, ends it. The kernel tells of that by
/// the signal, which the daemon may have sent to its group as well; without a launcher here it ends this process itself.
fn watch(limit: Option<u32>, launcher: Option<i32>, daemon: process::Process, record: &Record) {
    record.daemon.store(daemon.number(), Relaxed);
    // An inherited "ignore" would have the kernel reap it by itself.
    let _ = signal::dispose(signal::CHILD, false);
    let deadline = limit.map(|seconds| now() + u64::from(seconds) * 1000);
    while !record.is_decided() && process::runs(daemon) {
        let left = deadline.map_or(MOMENT, |deadline| deadline.saturating_sub(now()).min(MOMENT));
        if left == 0 {
            record.decide(Err(Reason::TIMEOUT));
        } else if let Ok(arrived) = signal::wait_for(AWAITED, Some(left))
            && arrived.number == signal::TERM
            && launcher.is_some_and(|launcher| process::parent() != launcher)
        {
            record.decide(Err(Reason::INTERRUPTED));
        }
    }
    // Whatever the daemon has not said by now comes too late.
    let is_up = record.verdict().is_err_and(|failure| failure.step == Step::AwaitReady);
    record.decide(Err(if is_up { Reason::ENDED_EARLY } else { Reason::KILLED }));
    if record.verdict().is_ok() {
        return;
    }
    if (launcher.is_some() || limit.is_some()) && matches!(record.reason(), Reason::TIMEOUT | Reason::INTERRUPTED) {
        process::signal(daemon, signal::TERM);
        process::signal(daemon, signal::CONT);
    }
    // It is on its way out by itself: what it has to clean up is its own.
    detach::await_end(daemon, MOMENT);
    process::end(daemon);
}

/// What the session process waits for: the daemon's end and its word, and the launcher's end.
const AWAITED: signal::Set = signal::set(&[signal::CHILD, signal::CONT, signal::TERM]);

/// Waits until the daemon has gone. One that was killed together with its session process is nobody's child here, and takes
/// its lock along a moment later.
fn await_end(record: &Record) {
    // Of a subreaper, or PID 1, it is a child by now.
    if let Some(daemon) = process::Process::new(record.daemon.load(Relaxed)) {
        process::end(daemon);
    }
    let end = now() + MOMENT;
    while !process::is_gone(record.daemon.load(Relaxed)) && now() < end {
        time::pause();
    }
}

/// How long a daemon that has failed may take to end, in milliseconds.
const MOMENT: u64 = 2000;

/// Does the daemon's steps in their order, as far as they are not about another program.
fn change<'a>(config: &Config<'a>, record: &'static Record) -> Result<Option<Held<'a>>, Reason> {
    // A session process that was killed before it has said which process this is has left nobody who knows of it. A change
    // of ids takes that back.
    process::follow_parent(Some(Signal::KILL))?;
    if !sys::is_parent(record.session.load(Relaxed)) {
        return Err(Reason::KILLED);
    }
    let mut config = *config;
    #[cfg(feature = "identity")]
    crate::run::find_names(&mut config, &mut Pool::new()).map_err(|failure| {
        record.note(failure.step);
        failure.reason
    })?;
    config.settle(true);
    let command = no_command();
    let start = start(&config, &command, record);
    let mut room = [const { MaybeUninit::uninit() }; PATH_MAX];
    let mut work = Work::new(&start, Path::new(&mut room));
    let mut held = None;
    for row in ORDER {
        if let Some((Process::Daemon, step)) = row.resolve(&config) {
            // Each step notes itself where it is one of ours.
            apply(step, &mut work, &mut held, config.text(Opt::Pidfile))?;
        }
    }
    work.close_standard();
    if !config.has(Opt::KeepSignals) {
        record.set_mask(signal::NONE);
    }
    follow(record)?;
    Ok(held)
}

/// The last of the daemon's steps: as long as it is not ready, it ends with who waits for it.
fn follow(record: &Record) -> Result<(), Reason> {
    record.note(Step::ForkDaemon);
    process::follow_parent(Some(Signal::KILL))?;
    // It may have died before.
    if !sys::is_parent(record.session.load(Relaxed)) {
        return Err(Reason::KILLED);
    }
    record.note(Step::RestoreMask);
    signal::block(record.mask())?;
    record.note(Step::AwaitReady);
    Ok(())
}

/// Does `step` to a process that goes on.
fn apply<'a>(step: Step, work: &mut Work<'_>, held: &mut Option<Held<'a>>, path: Word<'a>) -> Result<(), Reason> {
    let config = work.start.config;
    let record = work.start.record;
    record.note(step);
    match step {
        Step::ResetSignals => signal::reset_all()?,
        Step::CheckKept => descriptors::check_kept(config, record)?,
        Step::CloseDescriptors => descriptors::close(config, 0)?,
        Step::OpenNull => descriptors::open_null(config)?,
        Step::ClearUmask => _ = file::set_umask(0),
        Step::OpenPidfile => lock(work)?,
        Step::WritePidfile => *held = Some(keep(work, path)?),
        Step::OpenStdin => work.open_standard(0, Opt::Stdin)?,
        Step::OpenStdout => work.open_standard(1, Opt::Stdout)?,
        Step::OpenStderr => work.open_standard(2, Opt::Stderr)?,
        Step::RedirectStdin => work.redirect(0, 0)?,
        Step::RedirectStdout => work.redirect(1, 1)?,
        Step::RedirectStderr => work.redirect(if config.has(Opt::SharedOutput) { 1 } else { 2 }, 2)?,
        Step::ChangeDirectory => file::change_directory(config.text(Opt::Chdir))?,
        Step::SetUmask => _ = file::set_umask(config.umask),
        #[cfg(feature = "identity")]
        step => crate::run::identity::apply(step, work)?,
        #[cfg(not(feature = "identity"))]
        _ => {}
    }
    Ok(())
}
