//! The effect of each step: one arm each.

use core::ffi::CStr;

use super::record::Record;
use super::{Command, detach, execute, pidfile};
use crate::plan::table::Entries;
use crate::plan::{Config, Flag, Reason, Step, Text};
use crate::sys::file::{self, Fd, NO_FD, flags};
use crate::sys::memory::{Path, Stack};
use crate::sys::{process, signal};

/// What all processes of a start share.
pub struct Start<'a> {
    pub config: &'a Config<'a>,
    pub command: &'a Command,
    pub record: &'static Record,
    pub outer: Stack,
    pub inner: Stack,
}

/// What one process carries from step to step.
pub struct Work<'a> {
    pub start: &'a Start<'a>,
    /// From [`Step::FindDirectory`] on the program's directory.
    pub path: Path<'a>,
    pub pidfile: Fd,
    /// The files for descriptors 0 to 2.
    standard: [Fd; 3],
}

impl<'a> Work<'a> {
    pub fn new(start: &'a Start<'a>, path: Path<'a>) -> Work<'a> {
        Work { start, path, pidfile: NO_FD, standard: [NO_FD; 3] }
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
        Step::Fork => detach::fork(work.start)?,
        Step::CreateSession => process::new_session()?,
        Step::ForkAgain => detach::fork_again(work.start)?,
        Step::ResetSignals => signal::reset_all()?,
        Step::CloseDescriptors => file::close_from(0)?,
        Step::OpenNull => open_null(&mut work.path)?,
        Step::ClearUmask => file::set_umask(0),
        Step::OpenPidfile => pidfile::open(work)?,
        Step::LockPidfile => pidfile::lock(work)?,
        Step::WritePidfile => pidfile::write(work)?,
        Step::FindDirectory => work.path.push_current_directory()?,
        Step::OpenStdin => work.open_standard(0, Text::Stdin, flags::INPUT)?,
        Step::OpenStdout => work.open_standard(1, Text::Stdout, flags::OUTPUT)?,
        Step::OpenStderr => work.open_standard(2, Text::Stderr, flags::OUTPUT)?,
        Step::ChangeDirectory => file::change_directory(config.text(Text::Directory).unwrap_or(c"/"))?,
        Step::RedirectStdin => work.redirect(0, 0)?,
        Step::RedirectStdout => work.redirect(1, 1)?,
        Step::RedirectStderr => work.redirect(if config.shares_output() { 1 } else { 2 }, 2)?,
        Step::SetUmask => file::set_umask(config.umask),
        Step::UnblockSignals => signal::block(signal::NONE)?,
        Step::Execute => return Err(execute::execute(work)),
    }
    Ok(())
}

impl Work<'_> {
    /// Opens what the configuration names for descriptor `number`.
    fn open_standard(&mut self, number: usize, which: Text, how: file::Flags) -> Result<(), Reason> {
        let config = self.start.config;
        let (append, end) = match config.has(Flag::Append) {
            _ if number == 0 => (false, how),
            true => (true, how | flags::APPEND),
            false => (false, how | flags::TRUNCATE),
        };
        let fd = file::open(file::HERE, config.text(which).unwrap_or(c""), end, OUTPUT_MODE)?;
        // The exec closes this descriptor, and any close of the pidfile drops its lock.
        if file::status(fd)?.identity == self.start.record.identity() {
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

/// Permissions of the output files that dmz makes.
const OUTPUT_MODE: u32 = 0o640;

/// The null device, and where one of our own may be made for a moment when that is not there or is something else.
const NULLS: &[u8] = b"/dev/null\0/dev/null.dmz\0/run/null.dmz\0/tmp/null.dmz\0/null.dmz\0";

/// Opens the null device as the lowest free descriptor, and makes that 0, 1 and 2.
fn open_null(path: &mut Path<'_>) -> Result<(), Reason> {
    let mut refusal = Reason::NONE;
    for (index, name) in Entries(NULLS).enumerate() {
        path.clear();
        path.push(name)?;
        let name = path.as_c_str();
        if index > 0 {
            // It may be there: another start is at the same place, or was killed there. What counts is what we open.
            let _ = file::make_null(name);
        }
        let null = null_at(name);
        if index > 0 {
            let _ = file::unlink(name);
        }
        match null {
            Err(reason) if index == 0 => refusal = reason,
            Err(_) => {}
            Ok(null) => {
                path.clear();
                return Ok(file::spread(null)?);
            }
        }
    }
    Err(refusal)
}

/// Opens `path` if it is the null device.
fn null_at(path: &CStr) -> Result<Fd, Reason> {
    let fd = file::open(file::HERE, path, flags::DEVICE, 0)?;
    let status = file::status(fd)?;
    if status.is_null() {
        return Ok(fd);
    }
    file::close(fd);
    Err(Reason::NOT_NULL)
}
