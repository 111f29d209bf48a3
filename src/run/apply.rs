//! The effect of each step: one arm each.

use core::sync::atomic::Ordering::Relaxed;

#[cfg(feature = "identity")]
use super::identity;
#[cfg(feature = "ready")]
use super::ready;
use super::record::Record;
use super::{Command, NAMED, descriptors, detach, execute, pidfile};
use crate::plan::number::{Digits, digits};
use crate::plan::{Config, Opt, Reason, Step};
use crate::sys::Errno;
use crate::sys::file::{self, Fd, Identity, NO_FD, flags};
use crate::sys::memory::{Path, Pool, Room, Stack};
#[cfg(feature = "monitor")]
use crate::sys::process::Signal;
use crate::sys::words::{VectorMut, join};
use crate::sys::{process, signal};
use crate::{Vector, Word};

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
    /// Room for a path.
    pub path: Path<'a>,
    /// The file that is being opened and locked.
    pub opened: Fd,
    pub pidfile: Fd,
    /// The pidfile's folder, in the foreground.
    pub folder: Fd,
    /// Our end of what the program says by that it is ready.
    pub channel: Fd,
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
        Work {
            start,
            path,
            opened: NO_FD,
            pidfile: NO_FD,
            folder: NO_FD,
            channel: NO_FD,
            locked: [Identity::NONE; 2],
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
    let record = work.start.record;
    match step {
        Step::CheckFirst if work.start.command.id == 1 => return Err(Reason::FIRST),
        Step::BlockSignals => {
            // An inherited "ignore" would have the kernel reap our children by itself.
            record.set_ignored(signal::dispose(signal::CHILD, false)?);
            record.set_mask(signal::block(signal::ALL)?);
        }
        Step::AdoptOrphans => {
            #[cfg(feature = "ready")]
            if config.has(Opt::Ready) && record.daemon.load(Relaxed) == 0 {
                ready::note_strangers(record);
            }
            let adopted = process::adopt_orphans(true);
            // Without it (an emulator, Linux before 3.4) only a daemon whose session process is killed is out of reach;
            // but who stays must be the parent.
            if config.has_any(&[Opt::Wait, Opt::Monitored]) {
                adopted?;
            }
        }
        #[cfg(feature = "ready")]
        Step::OpenChannel => ready::open_channel(work)?,
        #[cfg(feature = "ready")]
        Step::PassChannel => ready::pass_channel(work)?,
        #[cfg(feature = "ready")]
        Step::Fork if config.has(Opt::Ready) => detach::fork_and_watch(work.start, work.channel)?,
        Step::Fork => detach::fork(work.start)?,
        Step::CreateSession => {
            let session = process::new_session()?;
            // Of a PID namespace that its caller made, and is not in, the session process is the first.
            if session == 1 && !config.has(Opt::SingleFork) {
                return Err(Reason::FIRST);
            }
        }
        #[cfg(feature = "ready")]
        Step::ForkDaemon if config.has(Opt::Ready) => ready::start_daemon(work)?,
        Step::ForkDaemon => detach::fork_daemon(work.start)?,
        #[cfg(feature = "monitor")]
        Step::ForkMonitor => detach::fork_monitor(work.start)?,
        #[cfg(feature = "monitor")]
        Step::FollowMonitor => {
            process::follow_parent(Some(Signal::KILL))?;
            // It may have died before.
            if process::parent() != record.monitor.load(Relaxed) {
                return Err(Reason::KILLED);
            }
        }
        Step::ResetSignals => signal::reset_all()?,
        Step::CheckKept => descriptors::check_kept(config, record)?,
        Step::CloseDescriptors => descriptors::close(config, record.channel.load(Relaxed))?,
        Step::OpenNull => descriptors::open_null(config)?,
        Step::ClearUmask => work.umask = file::set_umask(0),
        Step::OpenPidfile => pidfile::open(work, Opt::Pidfile)?,
        Step::LockPidfile => pidfile::lock_pidfile(work)?,
        Step::OpenLockfile => pidfile::open(work, Opt::Lockfile)?,
        Step::LockLockfile => _ = pidfile::lock(work, Opt::Lockfile)?,
        Step::WritePidfile => pidfile::write(record, work.pidfile)?,
        Step::OpenStdin => work.open_standard(0, Opt::Stdin)?,
        Step::OpenStdout => work.open_standard(1, Opt::Stdout)?,
        Step::OpenStderr => work.open_standard(2, Opt::Stderr)?,
        #[cfg(feature = "monitor")]
        Step::LeaveDirectory => file::change_directory(Word::new(c"/"))?,
        Step::ChangeDirectory => file::change_directory(config.text(Opt::Chdir))?,
        Step::RedirectStdin => work.redirect(0, 0)?,
        Step::RedirectStdout => work.redirect(1, 1)?,
        Step::RedirectStderr => {
            if config.has(Opt::Foreground) {
                work.stderr = file::duplicate_from(file::STDERR, 3, false)?;
            }
            work.redirect(if config.has(Opt::SharedOutput) { 1 } else { 2 }, 2)?;
        }
        Step::SetUmask => _ = file::set_umask(config.umask),
        Step::RestoreUmask => _ = file::set_umask(work.umask),
        Step::NameProgram => work.name_program()?,
        Step::RestoreMask => {
            let keeps = config.has(Opt::KeepSignals);
            if keeps {
                signal::dispose(signal::CHILD, record.ignored())?;
            }
            signal::block(if keeps { record.mask() } else { signal::NONE })?;
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
    /// Variables with the id of the process that was called are meant for the program.
    #[inline(never)]
    fn name_program(&mut self) -> Result<(), Reason> {
        let command = self.start.command;
        let (mut old, mut new) = (Digits::default(), Digits::default());
        let old = digits(command.id as u32, 0, &mut old);
        let new = digits(self.start.record.daemon.load(Relaxed) as u32, 0, &mut new);
        let mut pool = Pool::new();
        // Not the command's: NOTIFY_SOCKET may have come to it.
        let mut environment = VectorMut::copy(self.environment, 0, &mut pool)?;
        for name in NAMED {
            if command.environment.into_iter().any(|word| word.strip(name).is_some_and(|id| id.is(old))) {
                environment.set(join(name, new, &mut pool)?);
            }
        }
        self.environment = environment.vector();
        Ok(())
    }

    /// Opens what the configuration names for descriptor `number`.
    pub fn open_standard(&mut self, number: usize, which: Opt) -> Result<(), Reason> {
        let config = self.start.config;
        let appends = number > 0 && (config.has(Opt::Append) || self.has_started);
        let how = match number {
            0 => flags::INPUT,
            _ if appends => flags::OUTPUT.union(flags::APPEND),
            _ => flags::OUTPUT,
        };
        let fd = file::open(file::HERE, config.text(which), how, OUTPUT_MODE)?;
        let status = file::status(fd)?;
        // The exec closes this descriptor, and any close of a locked file drops its lock.
        if self.locked.contains(&status.identity) {
            return Err(Reason::PIDFILE);
        }
        // The kernel would open a directory for reading.
        if status.is_directory() {
            return Err(Errno::ISDIR.into());
        }
        // Not before it is known that it is none of those: a lockfile has a text.
        if number > 0 && !appends && status.size > 0 {
            file::set_size(fd, 0)?;
        }
        // Opening must not wait for a FIFO's other end, but the program expects ordinary descriptors.
        file::set_blocking(fd, appends)?;
        if let Some(place) = self.standard.get_mut(number) {
            *place = fd;
        }
        Ok(())
    }

    /// Closes what was opened for descriptors 0 to 2, in a process that executes nothing.
    pub fn close_standard(&self) {
        self.standard.into_iter().filter(|fd| *fd != NO_FD).for_each(file::close);
    }

    /// Puts file `from` of the three onto descriptor `number`.
    pub fn redirect(&self, from: usize, number: i32) -> Result<(), Reason> {
        Ok(file::duplicate_onto(self.standard.get(from).copied().unwrap_or(NO_FD), number)?)
    }
}

/// Permissions of the output files that dmz makes.
const OUTPUT_MODE: u32 = 0o640;
