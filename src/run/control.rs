//! The daemon behind a pidfile: asked after, stopped, signalled. It is whoever holds the file's lock; the number in the
//! file is for people, and never signalled.

use core::mem::MaybeUninit;

use super::{pidfile, read_about};
use crate::Word;
use crate::plan::number::read;
use crate::plan::{Config, Failure, Opt, Reason, Step};
use crate::sys::Errno;
use crate::sys::control as sys;
use crate::sys::file::{self, Fd, Identity, flags};
use crate::sys::memory::{PATH_MAX, Path};
use crate::sys::process::Process;
use crate::sys::signal::{self, CONT, KILL, TERM};

/// What is known of the daemon.
pub enum State {
    /// It lives.
    Running(Daemon),
    /// It is gone, its file is not.
    Dead(File),
    /// There is no file.
    NotRunning,
    /// The owner of the lock is in another PID namespace.
    Unknown,
}

/// A daemon that lives.
pub struct Daemon {
    /// The lock's owner.
    pub owner: i32,
    /// The process that the file names; another one than the owner if that is a monitor, and 0 if there is none, or none
    /// that is known here.
    pub program: i32,
    process: Fd,
    file: File,
}

/// A pidfile that is open.
pub struct File {
    fd: Fd,
    identity: Identity,
}

impl Daemon {
    /// Is the owner a monitor?
    pub fn is_monitor(&self) -> bool {
        self.owner != self.program
    }
}

/// How long KILL may take, and how long a monitor has for what a second TERM tells it, in milliseconds.
const MOMENT: u64 = 2000;

/// How long a monitor may take to hear of a signal.
const TAKEN: u64 = 100;

/// How long a stop may take where nothing was said, in seconds.
const PATIENCE: u32 = 15;

/// How often the owner may change while it is looked at.
const TRIES: usize = 100;

/// Finds the daemon; `user` is the caller's effective user id.
#[inline(always)] // as without a second caller, the library; so are the next
pub fn find(config: &Config<'_>, user: u32) -> Result<State, Failure> {
    let failed = |reason| Failure { step: Step::OpenPidfile, reason };
    let mut room = [const { MaybeUninit::uninit() }; PATH_MAX];
    let path = config.text(Opt::Pidfile);
    match pidfile::check_folder(path, &mut Path::new(&mut room), user) {
        Err(Reason::NOT_FOUND) => return Ok(State::NotRunning),
        other => other.map_err(failed)?,
    }
    // To lock it when the daemon is gone takes the right to write; to look does not.
    let opened = match file::open(file::HERE, path, flags::OLD, 0) {
        Err(Errno::NOENT) => return Ok(State::NotRunning),
        Err(_) => file::open(file::HERE, path, flags::EXAMINE, 0),
        opened => opened,
    };
    let fd = opened.map_err(|errno| failed(errno.into()))?;
    let status = file::status(fd).map_err(|errno| failed(errno.into()))?;
    if status.links == 0 {
        // Unlinked between the two calls.
        return Ok(State::NotRunning);
    }
    let number = pidfile::check(fd, &status, user).map_err(failed)?;
    look(File { fd, identity: status.identity }, number.unwrap_or(0))
}

/// Who holds the lock, for sure: asked, opened, and asked again.
#[inline(always)] // called once, but for the library
fn look(file: File, number: i32) -> Result<State, Failure> {
    let fd = file.fd;
    let failed = |step| move |errno: Errno| Failure { step, reason: errno.into() };
    for _ in 0..TRIES {
        let holder = file::lock_holder(fd).map_err(failed(Step::FindOwner))?;
        let owner = match holder.pid {
            _ if holder.is_free => return Ok(State::Dead(file)),
            0 => return Ok(State::Unknown),
            pid => Process::new(pid).filter(|_| holder.writes),
        };
        let Some(owner) = owner else { return Err(Failure { step: Step::FindOwner, reason: Reason::LOCKED }) };
        let process = match sys::open_process(owner) {
            Err(Errno::SRCH) => continue,
            other => other.map_err(failed(Step::OpenProcess))?,
        };
        if file::lock_holder(fd).map_err(failed(Step::FindOwner))?.pid == owner.number() {
            let owner = owner.number();
            let inner = if number == owner { None } else { inner_number(owner) };
            let program = match inner {
                None => number,
                // The number is that of another PID namespace: there the owner has it, or a program that is not known here.
                Some(inner) => {
                    if inner == number {
                        owner
                    } else {
                        0
                    }
                }
            };
            return Ok(State::Running(Daemon { owner, program, process, file }));
        }
        file::close(process);
    }
    Err(Failure { step: Step::FindOwner, reason: Reason::REPLACED })
}

/// The number that a process has in its own PID namespace, if that is another one below ours and can be seen (proc(5),
/// NSpid).
#[inline(never)]
fn inner_number(id: i32) -> Option<i32> {
    // The last byte stays NUL.
    let mut room = [0; 1024];
    let [text @ .., _] = &mut room;
    read_about(id, b"/status", text);
    let mut line = Word::ending(&room);
    let mut numbers = loop {
        match line.strip(Word::new(c"NSpid:\t")) {
            Some(numbers) => break numbers,
            None if line.is_empty() => return None,
            None => line = line.behind(b'\n'),
        }
    };
    // One for each namespace from ours inwards.
    let mut is_inner = false;
    loop {
        let (number, rest) = read(numbers, 10)?;
        if rest.first() != b'\t' {
            return is_inner.then_some(number as i32);
        }
        (numbers, is_inner) = (rest.rest(), true);
    }
}

/// Sends the daemon a signal; a monitor passes it on.
#[inline(always)]
pub fn send(daemon: &Daemon, number: u32) -> Result<(), Failure> {
    sys::signal_process(daemon.process, number)
        .map_err(|errno| Failure { step: Step::SignalDaemon, reason: errno.into() })
}

/// Stops the daemon and removes the file that it left: is it gone?
pub fn stop(config: &Config<'_>, daemon: &Daemon) -> Result<bool, Failure> {
    let timeout = if config.has(Opt::Timeout) { config.timeout } else { PATIENCE };
    let time = u64::from(timeout) * 1000;
    // Of two TERMs the second counts only when the first has been taken.
    let (first, time, second) =
        if daemon.is_monitor() { (TERM, time.max(TAKEN), TERM) } else { (config.monitoring.stop_signal, time, KILL) };
    let patience = [(first, time), (second, MOMENT), (KILL, MOMENT)];
    for (number, time) in patience {
        match sys::signal_process(daemon.process, number) {
            // Who is stopped cannot end; a monitor in the foreground may be, together with its program.
            Ok(()) if number != KILL => _ = sys::signal_process(daemon.process, CONT),
            Ok(()) | Err(Errno::SRCH) => {}
            Err(errno) => return Err(Failure { step: Step::SignalDaemon, reason: errno.into() }),
        }
        if has_ended(daemon.process, time)? {
            clean(config, &daemon.file);
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits for the end of a process, a zombie's included: has it come? Interrupted by a stop alone, it begins again.
fn has_ended(process: Fd, time: u64) -> Result<bool, Failure> {
    loop {
        match sys::await_event(process, time) {
            Ok(has_ended) => return Ok(has_ended),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Failure { step: Step::SignalDaemon, reason: errno.into() }),
        }
    }
}

/// Removes the file of a daemon that is gone, if it still is the same one and nobody else has locked it.
#[inline(always)]
pub fn clean(config: &Config<'_>, file: &File) {
    pidfile::remove_open(config.text(Opt::Pidfile), file.fd, file.identity);
}

/// Whoever holds the file's lock is taken for its daemon, and so would this process be: nothing may end it meanwhile.
pub fn block_signals() -> Result<(), Failure> {
    match signal::block(signal::ALL) {
        Ok(_) => Ok(()),
        Err(errno) => Err(Failure { step: Step::BlockSignals, reason: errno.into() }),
    }
}
