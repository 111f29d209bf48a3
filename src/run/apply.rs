//! The effect of each step: one arm each.

use core::ffi::CStr;

use super::record::Record;
use super::{Command, NO_FD, detach, execute, pidfile};
use crate::plan::table::Entries;
use crate::plan::{Config, Reason, Step};
use crate::sys::file::{self, Fd, Identity, flags};
use crate::sys::memory::{self, Path, Stack};
use crate::sys::{process, signal};

/// What all processes of a start share.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    pub config: &'a Config<'a>,
    pub command: &'a Command,
    /// None until the launcher has mapped it.
    pub record: Option<&'static Record>,
}

impl Start<'_> {
    /// The step that comes next.
    pub fn note(&self, step: Step) {
        if let Some(record) = self.record {
            record.note(step);
        }
    }
}

/// What one process carries from step to step.
pub struct Work<'a> {
    pub start: Start<'a>,
    pub outer: Option<Stack>,
    pub inner: Option<Stack>,
    pub session: Option<process::Process>,
    pub daemon: Option<process::Process>,
    /// Room for a path, in the daemon only; from [`Step::FindDirectory`] on the program's directory.
    pub path: Option<&'a mut Path>,
    pub pidfile: Fd,
    /// Which file the pidfile is.
    pub identity: Option<Identity>,
    /// The files for descriptors 0 to 2.
    pub standard: [Fd; 3],
}

impl<'a> Work<'a> {
    pub fn new(start: Start<'a>) -> Work<'a> {
        Work {
            start, outer: None, inner: None, session: None, daemon: None, path: None, pidfile: NO_FD, identity: None,
            standard: [NO_FD; 3],
        }
    }
}

/// Does `step` in this process.
pub fn apply(step: Step, work: &mut Work<'_>) -> Result<(), Reason> {
    let config = work.start.config;
    match step {
        Step::CheckFirst if process::own_id() == 1 => return Err(Reason::FIRST),
        Step::CheckFirst => {}
        Step::BlockSignals => {
            // An inherited "ignore" would have the kernel reap our children by itself.
            signal::reset(signal::CHILD)?;
            signal::block(signal::ALL)?;
        }
        // Without it (an emulator, Linux before 3.4) only a daemon whose session process is killed is out of reach.
        Step::AdoptOrphans => drop(process::adopt_orphans()),
        Step::MapMemory => {
            let arena = memory::arena(Record::default())?;
            work.start.record = Some(arena.record);
            work.outer = Some(arena.outer);
            work.inner = Some(arena.inner);
        }
        Step::Fork => {
            if let (Some(outer), Some(inner)) = (work.outer.take(), work.inner.take()) {
                detach::fork(&work.start, outer, inner)?;
            }
        }
        Step::CreateSession => work.session = Some(process::new_session()?),
        Step::ForkAgain => {
            if let Some(inner) = work.inner.take() {
                work.daemon = Some(detach::fork_again(&work.start, inner)?);
            }
        }
        Step::ResetSignals => {
            for number in signal::numbers() {
                signal::reset(number)?;
            }
        }
        Step::CloseDescriptors => file::close_range(0, u32::MAX)?,
        Step::OpenNull => work.open_null()?,
        Step::ClearUmask => drop(file::set_umask(0)),
        Step::OpenPidfile => pidfile::open(work)?,
        Step::LockPidfile => pidfile::lock(work)?,
        Step::WritePidfile => pidfile::write(work)?,
        Step::FindDirectory => {
            if let Some(path) = &mut work.path {
                path.push_current_directory()?;
            }
        }
        Step::OpenStdin => work.open_standard(0, flags::INPUT)?,
        Step::OpenStdout | Step::OpenStderr => {
            let how = if config.append { flags::APPEND } else { flags::TRUNCATE };
            work.open_standard(if step == Step::OpenStdout { 1 } else { 2 }, flags::OUTPUT | how)?;
        }
        Step::ChangeDirectory => file::change_directory(config.directory)?,
        Step::RedirectStdin => work.redirect(0, 0)?,
        Step::RedirectStdout => work.redirect(1, 1)?,
        Step::RedirectStderr => work.redirect(if config.shares_output() { 1 } else { 2 }, 2)?,
        Step::SetUmask => drop(file::set_umask(config.umask)),
        Step::UnblockSignals => drop(signal::block(signal::NONE)?),
        Step::Execute => return Err(execute::execute(work)),
    }
    Ok(())
}

impl Work<'_> {
    /// Opens what the configuration names for descriptor `number`.
    fn open_standard(&mut self, number: usize, how: file::Flags) -> Result<(), Reason> {
        let config = self.start.config;
        let path = [config.stdin, config.stdout, config.stderr].get(number).copied().flatten().unwrap_or(c"");
        let fd = file::open(file::HERE, path, how, OUTPUT_MODE)?;
        // The exec closes this descriptor, and any close of the pidfile drops its lock.
        if self.identity.is_some() && self.identity == Some(file::status(fd)?.identity) {
            return Err(Reason::PIDFILE);
        }
        // Opening must not wait for a FIFO's other end, but the program expects ordinary descriptors.
        file::set_blocking(fd, number != 0 && config.append)?;
        if let Some(place) = self.standard.get_mut(number) {
            *place = fd;
        }
        Ok(())
    }

    /// Opens the null device as the lowest free descriptor, and makes that 0, 1 and 2.
    fn open_null(&mut self) -> Result<(), Reason> {
        let null = null_at(c"/dev/null").or_else(|reason| self.make_null().ok_or(reason))?;
        for number in 0..3 {
            if number != null.0 {
                file::duplicate_onto(null, number)?;
            }
        }
        Ok(())
    }

    /// A null device of our own, made and unlinked in the first folder that takes one.
    fn make_null(&mut self) -> Option<Fd> {
        let path = self.path.as_mut()?;
        for name in Entries(SPARE_NULLS) {
            path.clear();
            path.push(name).ok()?;
            // It may be there: another start is at the same place, or was killed there. What counts is what we open.
            let _ = file::make_null(path.as_c_str());
            let null = null_at(path.as_c_str());
            let _ = file::unlink(file::HERE, path.as_c_str());
            if let Ok(null) = null {
                path.clear();
                return Some(null);
            }
        }
        None
    }

    /// Puts file `from` of the three onto descriptor `number`.
    fn redirect(&self, from: usize, number: i32) -> Result<(), Reason> {
        Ok(file::duplicate_onto(self.standard.get(from).copied().unwrap_or(NO_FD), number)?)
    }
}

/// Permissions of the output files that dmz makes.
const OUTPUT_MODE: u32 = 0o640;

/// Where a null device of our own may be made for a moment, when /dev/null is not there or is something else.
const SPARE_NULLS: &[u8] = b"/dev/null.dmz\0/run/null.dmz\0/tmp/null.dmz\0/null.dmz\0";

/// Opens `path` if it is the null device.
fn null_at(path: &CStr) -> Result<Fd, Reason> {
    let fd = file::open(file::HERE, path, flags::DEVICE, 0)?;
    match file::status(fd) {
        Ok(status) if status.is_null() => Ok(fd),
        other => {
            file::close(fd);
            Err(other.map_or_else(Reason::from, |_| Reason::NOT_NULL))
        }
    }
}
