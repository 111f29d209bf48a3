//! Starts by a program that uses the library: the host. It may have threads, children, handlers and descriptors, so what
//! changes a process is done in another one, and the host itself sees nothing of it.
//!
//! ```text
//! spawn:   host ── clone ──► helper: the launcher's whole work, result in shared memory
//! detach:  host ── fork ──► session process ── fork ──► the daemon, which is the host's own code going on
//!           waits            waits for its word           says that it is ready
//! ```

use core::mem::MaybeUninit;
use core::sync::atomic::Ordering::Relaxed;

use super::apply::{Start, Work};
use super::record::{Pidfile, Record};
use super::{Command, Failed, descriptors, pidfile};
use crate::plan::order::ORDER;
use crate::plan::{Config, Failure, Opt, Process, Reason, Step};
use crate::sys::file::{self, Fd, Identity, NO_FD};
use crate::sys::host as sys;
use crate::sys::memory::{PATH_MAX, Path, Pool, Room, Shared, Stack};
use crate::sys::process::{self, Signal};
use crate::sys::signal;
use crate::sys::time::{self, now};
use crate::{Vector, Word};

pub use crate::sys::host::{Fork, library_fork};

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

/// A pidfile that is held by this process.
pub struct Held<'a> {
    name: Word<'a>,
    /// Where to remove it from; none in another root.
    folder: Fd,
    file: Fd,
    identity: Identity,
    /// Who holds it; a child that has a copy of this must leave the file alone.
    owner: i32,
}

impl Held<'_> {
    /// Removes the file if it still is the same one, and lets go of the lock. A file that may not be removed is emptied.
    pub fn release(&self) {
        // In a child the numbers may be another file's by now, even a pidfile's of its own; an exec closes them.
        if process::own_id() != self.owner {
            return;
        }
        if !pidfile::unlink_same(self.folder, self.name, self.identity) {
            let _ = file::set_size(self.file, 0);
        }
        file::close(self.file);
        if self.folder != NO_FD {
            file::close(self.folder);
        }
    }
}

/// Locks the pidfile at `path` for this process, and writes its id.
pub fn hold<'a>(path: Word<'a>) -> Result<Held<'a>, Failed> {
    let failed = |step, reason| Failed { failure: Failure { step, reason }, number: 0 };
    let shared = Shared::new(Record::default()).map_err(|errno| failed(Step::Fork, errno.into()))?;
    let record = shared.lend();
    record.daemon.store(process::own_id(), Relaxed);
    let mut config = Config::new();
    config.set_text(Opt::Pidfile, path);
    // As with a monitor: the programs that this process executes do not get the descriptor.
    config.set(Opt::Monitored);
    let command = no_command();
    let start = start(&config, &command, record);
    let mut room = [const { MaybeUninit::uninit() }; PATH_MAX];
    let mut work = Work::new(&start, Path::new(&mut room));
    let locked = lock(&mut work);
    let held = locked.and_then(|()| keep(&mut work, path));
    held.map_err(|reason| {
        if work.opened != NO_FD {
            file::close(work.opened);
        }
        record.fail(reason);
        give_back(path, record);
        let failure =
            Failure { step: record.verdict().err().map_or(Step::LockPidfile, |failure| failure.step), reason };
        Failed { failure, number: record.number() }
    })
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

/// Opens and locks the pidfile.
fn lock(work: &mut Work<'_>) -> Result<(), Reason> {
    let record = work.start.record;
    record.note(Step::OpenPidfile);
    pidfile::open(work, Opt::Pidfile)?;
    record.note(Step::LockPidfile);
    pidfile::lock_pidfile(work)
}

/// Writes the pidfile that is locked, and keeps what it takes to remove it from wherever this process will be.
fn keep<'a>(work: &mut Work<'_>, path: Word<'a>) -> Result<Held<'a>, Reason> {
    let record = work.start.record;
    record.note(Step::WritePidfile);
    let (folder, name) = pidfile::open_folder(path, &mut work.path, sys::user())?;
    let mut held = Held { name, folder, file: work.pidfile, identity: record.identity(), owner: process::own_id() };
    let written =
        sys::close_on_exec(held.file, true).map_err(Reason::from).and_then(|()| pidfile::write(record, held.file));
    // From an open folder there is a way out of another root.
    if written.is_err() || work.start.config.has(Opt::Chroot) {
        file::close(folder);
        held.folder = NO_FD;
    }
    written.map(|()| held)
}

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
    if let Some(session) = session.map_err(|errno| failed(errno.into()))? {
        sys::wait(session);
    }
    // It was killed if it has not said anything, and then the daemon may not say anything any more.
    record.decide(Err(Reason::KILLED));
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
    let forked = process::new_session().and_then(|()| {
        record.note(Step::ForkDaemon);
        // Blocked, so that `watch` takes it; where there is nothing to undo, the kernel may end this process by itself, and
        // the daemon follows.
        process::follow_parent(Some(if undo.is_some() { Signal::TERM } else { Signal::KILL }))?;
        // It may have died before.
        if sys::is_parent(launcher) { sys::fork(by, false) } else { Err(super::Errno::INTR) }
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
        Err(errno) => _ = record.decide(Err(errno.into())),
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
    let end = now() + MOMENT;
    while process::runs(daemon) && now() < end {
        let _ = signal::wait_for(signal::set(&[signal::CHILD]), Some(end.saturating_sub(now())));
    }
    process::end(daemon);
}

/// What the session process waits for: the daemon's end and its word, and the launcher's end.
const AWAITED: signal::Set = signal::set(&[signal::CHILD, signal::CONT, signal::TERM]);

/// Waits until the daemon has gone. One that was killed together with its session process is nobody's child here, and takes
/// its lock along a moment later.
fn await_end(record: &Record) {
    let end = now() + MOMENT;
    while !process::is_gone(record.daemon.load(Relaxed)) && now() < end {
        time::pause();
    }
}

/// With no daemon left, gives back what a start had of the pidfile at `path`. By a process of its own: the file is opened
/// and locked for that, and here the lock would stay, or with the descriptor another one of this process's would go.
fn give_back(path: Word<'_>, record: &Record) {
    if !record.pidfile_is(Pidfile::Untouched) {
        let _ = help(|_| pidfile::undo(path, record));
        record.set_pidfile(Pidfile::Untouched);
    }
}

/// How long a daemon that has failed may take to end, in milliseconds.
const MOMENT: u64 = 2000;

/// Does the daemon's steps in their order, as far as they are not about another program.
fn change<'a>(config: &Config<'a>, record: &'static Record) -> Result<Option<Held<'a>>, Reason> {
    let mut config = *config;
    #[cfg(feature = "identity")]
    super::find_names(&mut config, &mut Pool::new()).map_err(|failure| {
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
        step => super::identity::apply(step, work)?,
        #[cfg(not(feature = "identity"))]
        _ => {}
    }
    Ok(())
}

/// What is wanted of a daemon behind a pidfile.
#[cfg(feature = "control")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Status,
    Signal,
    Stop,
}

/// What was found.
#[cfg(feature = "control")]
pub enum Found {
    Running { owner: i32, program: i32 },
    Dead,
    NotRunning,
    Unknown,
}

/// Looks after the daemon behind a pidfile, and does what is wanted. In a helper: this process might hold the very lock,
/// which closing the file here would drop.
#[cfg(feature = "control")]
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

#[cfg(feature = "control")]
fn look(config: &Config<'_>, wanted: Wanted) -> Result<Found, Failure> {
    use super::control::{self, State};
    Ok(match control::find(config, sys::user())? {
        State::Running(daemon) => {
            let is_gone = match wanted {
                Wanted::Status => false,
                Wanted::Signal => control::send(&daemon, config.signal).map(|()| false)?,
                Wanted::Stop => control::stop(config, &daemon)?,
            };
            if is_gone { Found::NotRunning } else { Found::Running { owner: daemon.owner, program: daemon.program } }
        }
        State::Dead(file) if wanted == Wanted::Stop => {
            control::clean(config, &file);
            Found::NotRunning
        }
        State::Dead(_) => Found::Dead,
        State::NotRunning => Found::NotRunning,
        State::Unknown => Found::Unknown,
    })
}

/// The most that a manager reads of a message.
#[cfg(feature = "ready")]
const MESSAGE: usize = 4095;

/// Tells a manager something, and waits until it knows.
#[cfg(feature = "ready")]
pub fn tell(address: Word<'_>, text: Word<'_>) -> Result<(), Reason> {
    if text.bytes().len() > MESSAGE {
        return Err(Reason::TOO_LONG);
    }
    super::ready::tell(address, text)
}

/// Finds a user as `--user` takes it: the user's id, the group's, and how many supplementary groups there are in `room`.
#[cfg(feature = "identity")]
pub fn find_user(user: Word<'_>, room: &mut [u32]) -> Result<(u32, u32, usize), Failure> {
    super::account::find_user(user, room)
}

/// Makes the null device of descriptors 0, 1 and 2.
pub fn null_standard() -> Result<(), Reason> {
    let null = descriptors::find_null()?;
    for number in 0..3 {
        if null.0 != number {
            file::duplicate_onto(null, number)?;
        }
    }
    if null.0 > 2 {
        file::close(null);
    }
    Ok(())
}

/// Closes every descriptor from 3 on but those in `keep`.
pub fn close_others(keep: &[u32]) -> Result<(), Reason> {
    let mut config = Config::new();
    config.keep = keep;
    descriptors::close(&config, 0)
}

/// The default action for every signal, and none blocked.
pub fn reset_signals() -> Result<(), Reason> {
    signal::reset_all()?;
    signal::block(signal::NONE)?;
    Ok(())
}
