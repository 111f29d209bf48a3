//! The effect of each step: one arm each.

use core::sync::atomic::Ordering::Relaxed;

#[cfg(feature = "identity")]
use super::identity;
use super::record::Record;
use super::{Command, descriptors, detach, execute, pidfile};
use crate::plan::number::{Digits, digits};
use crate::plan::{Config, Flag, Reason, Step, Text};
use crate::sys::file::{self, Fd, Identity, NO_FD, flags};
use crate::sys::memory::{Path, Pool, Room, Stack};
#[cfg(feature = "monitor")]
use crate::sys::monitor;
use crate::sys::words::{VectorMut, join};
use crate::sys::{process, signal};
use crate::{Table, Vector, Word};

/// What all processes of a start share.
pub struct Start<'a> {
    pub config: &'a Config<'a>,
    pub command: &'a Command,
    pub record: &'static Record,
    pub outer: Stack,
    pub inner: Stack,
    pub room: Room,
}

/// What one process carries from step to step.
pub struct Work<'a> {
    pub start: &'a Start<'a>,
    /// From [`Step::FindDirectory`] on the program's directory.
    pub path: Path<'a>,
    /// The file that is being opened and locked.
    pub opened: Fd,
    pub pidfile: Fd,
    /// Which files are locked.
    pub locked: [Identity; 2],
    /// The files for descriptors 0 to 2.
    standard: [Fd; 3],
    /// In the foreground, the caller's standard error, for a message after it was redirected.
    pub stderr: Fd,
    /// The mask before ours.
    umask: u32,
    /// What the program gets.
    pub environment: Vector,
    /// The program has run before: its outputs are not emptied again.
    pub has_started: bool,
}

impl<'a> Work<'a> {
    pub fn new(start: &'a Start<'a>, path: Path<'a>) -> Work<'a> {
        let nobody = Identity { device: 0, inode: 0 };
        Work {
            start,
            path,
            opened: NO_FD,
            pidfile: NO_FD,
            locked: [nobody; 2],
            standard: [NO_FD; 3],
            stderr: NO_FD,
            umask: 0,
            environment: start.command.environment,
            has_started: false,
        }
    }
}

/// Does `step` in this process.
pub fn apply(step: Step, work: &mut Work<'_>) -> Result<(), Reason> {
    let config = work.start.config;
    match step {
        Step::CheckFirst if work.start.command.id == 1 => return Err(Reason::FIRST),
        Step::CheckFirst => {}
        Step::BlockSignals => {
            // An inherited "ignore" would have the kernel reap our children by itself.
            let ignored = signal::dispose(signal::CHILD, false)?;
            let mut mask = signal::ALL;
            signal::block(&mut mask)?;
            work.start.record.set_signals(mask.0, ignored);
        }
        Step::AdoptOrphans => {
            let adopted = process::adopt_orphans(true);
            // Without it (an emulator, Linux before 3.4) only a daemon whose session process is killed is out of reach;
            // but who wants to wait must be the parent.
            if config.has(Flag::Wait) {
                adopted?;
            }
        }
        Step::Fork => detach::fork(work.start)?,
        Step::CreateSession => process::new_session()?,
        Step::ForkDaemon => detach::fork_daemon(work.start)?,
        #[cfg(feature = "monitor")]
        Step::ForkMonitor => detach::fork_monitor(work.start)?,
        #[cfg(feature = "monitor")]
        Step::FollowMonitor => {
            monitor::die_with_parent()?;
            // It may have died before.
            if monitor::parent() != work.start.record.monitor.load(Relaxed) {
                return Err(Reason::KILLED);
            }
        }
        Step::ResetSignals => signal::reset_all()?,
        Step::CheckKept => descriptors::check_kept(work)?,
        Step::CloseDescriptors => descriptors::close(config)?,
        Step::OpenNull => descriptors::open_null(work)?,
        Step::ClearUmask => work.umask = file::set_umask(0),
        Step::OpenPidfile => pidfile::open(work, Text::Pidfile)?,
        Step::LockPidfile => {
            pidfile::lock(work, Text::Pidfile)?;
            work.pidfile = work.opened;
        }
        Step::OpenLockfile => pidfile::open(work, Text::Lockfile)?,
        Step::LockLockfile => pidfile::lock(work, Text::Lockfile)?,
        Step::WritePidfile => pidfile::write(work)?,
        Step::FindDirectory => work.path.push_current_directory()?,
        Step::OpenStdin => work.open_standard(0, Text::Stdin, flags::INPUT)?,
        Step::OpenStdout => work.open_standard(1, Text::Stdout, flags::OUTPUT)?,
        Step::OpenStderr => work.open_standard(2, Text::Stderr, flags::OUTPUT)?,
        Step::ChangeDirectory => file::change_directory(config.text(Text::Directory))?,
        Step::RedirectStdin => work.redirect(0, 0)?,
        Step::RedirectStdout => work.redirect(1, 1)?,
        Step::RedirectStderr => {
            if config.has(Flag::Foreground) {
                work.stderr = file::save(file::STDERR, 3)?;
            }
            work.redirect(if config.same(Text::Stdout, Text::Stderr) { 1 } else { 2 }, 2)?;
        }
        Step::SetUmask => {
            file::set_umask(if config.names(Text::Umask) { config.umask } else { work.umask });
        }
        Step::NameProgram => work.name_program()?,
        Step::RestoreMask => {
            let mut mask = signal::NONE;
            if config.has(Flag::KeepSignals) {
                mask = signal::Set(work.start.record.mask());
                signal::dispose(signal::CHILD, work.start.record.ignored_children())?;
            }
            signal::block(&mut mask)?;
        }
        Step::Execute => return Err(execute::execute(work)),
        #[cfg(feature = "identity")]
        step => identity::apply(step, work)?,
        #[cfg(not(feature = "identity"))]
        _ => {}
    }
    Ok(())
}

impl Work<'_> {
    /// Variables with dmz's process id are meant for the program.
    fn name_program(&mut self) -> Result<(), Reason> {
        let (mut old, mut new) = (Digits::default(), Digits::default());
        let old = Word::ending(digits(self.start.command.id as u32, 0, &mut old));
        let new = Word::ending(digits(self.start.record.daemon.load(Relaxed) as u32, 0, &mut new));
        let start_of = |word: Word<'_>| {
            let mut starts = NAMED;
            starts.find(|start| word.bytes().strip_prefix(start.bytes()) == Some(old.bytes()))
        };
        let (mut words, mut pool) = (self.environment, Pool::new());
        if words.any(|word| start_of(word).is_some()) {
            let mut environment = VectorMut::copy(self.environment, 0, &mut pool)?;
            environment.replace(|word| match start_of(word) {
                Some(start) => join(start.bytes(), new.bytes(), &mut pool),
                None => Ok(word),
            })?;
            self.environment = environment.vector();
        }
        Ok(())
    }

    /// Opens what the configuration names for descriptor `number`.
    fn open_standard(&mut self, number: usize, which: Text, how: file::Flags) -> Result<(), Reason> {
        let config = self.start.config;
        let (append, end) = match config.has(Flag::Append) || self.has_started {
            _ if number == 0 => (false, how),
            true => (true, how | flags::APPEND),
            false => (false, how | flags::TRUNCATE),
        };
        let fd = file::open(file::HERE, config.text(which), end, OUTPUT_MODE)?;
        // The exec closes this descriptor, and any close of a locked file drops its lock.
        let identity = file::status(fd)?.identity;
        if self.locked.iter().any(|locked| *locked == identity) {
            return Err(Reason::PIDFILE);
        }
        // Opening must not wait for a FIFO's other end, but the program expects ordinary descriptors.
        file::set_blocking(fd, append)?;
        if let Some(place) = self.standard.get_mut(number) {
            *place = fd;
        }
        Ok(())
    }

    /// Puts file `from` of the three onto descriptor `number`.
    fn redirect(&self, from: usize, number: i32) -> Result<(), Reason> {
        Ok(file::duplicate_onto(self.standard.get(from).copied().unwrap_or(NO_FD), number)?)
    }
}

/// Variables that hold the id of the process that they are meant for (sd_listen_fds(3), sd_watchdog_enabled(3)).
const NAMED: Table = Table::new(b"LISTEN_PID=\0WATCHDOG_PID=\0\0");

/// Permissions of the output files that dmz makes.
const OUTPUT_MODE: u32 = 0o640;
