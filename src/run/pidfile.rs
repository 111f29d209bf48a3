//! The pidfile: opened with care, locked by the process that will be the program, checked, written; and undone by the
//! launcher if the start fails.

use core::sync::atomic::Ordering::Relaxed;

use super::apply::Work;
use super::record::{Pidfile, Record};
use crate::Word;
use crate::plan::number::{Digits, digits, parse_pid};
use crate::plan::reason::errno;
use crate::plan::{Flag, Reason, Step, Text};
use crate::sys::file::{self, Fd, flags};

/// The lock's descriptor is this or a higher number, out of the way of those that programs expect.
const LEAST: i32 = 10;

/// Anybody may read it.
const MODE: u32 = 0o644;

/// How often the file may turn out to be another one than what lies at the path.
const TRIES: usize = 100;

/// Opens the file, and makes it if it is not there; not yet locked, nothing changed.
pub fn open(work: &mut Work<'_>, which: Text) -> Result<(), Reason> {
    let config = work.start.config;
    let (folder, name) = split(config.text(which));
    work.path.clear();
    work.path.push(folder)?;
    let parent = file::open(file::HERE, work.path.word(), flags::FOLDER, 0)?;
    work.path.clear();
    if work.start.command.words.user == 0 && file::status(parent)?.lets_others_replace() {
        return Err(Reason::FOLDER);
    }
    let fd = open_in(parent, name, if which == Text::Pidfile { Some(work.start.record) } else { None })?;
    // On its final number before it is locked: closing the first number later would drop the lock.
    let least = config.keep.iter().fold(LEAST, |least, kept| least.max(*kept as i32 + 1));
    // The program inherits it, unless a monitor holds it.
    work.opened = if config.is_monitored() { file::save(fd, least)? } else { file::duplicate_from(fd, least)? };
    file::close(fd);
    file::close(parent);
    Ok(())
}

/// Opens `name` in `parent`, new if possible, so that it is known who made it.
fn open_in(parent: Fd, name: Word<'_>, record: Option<&Record>) -> Result<Fd, Reason> {
    let note = |state| record.map_or((), |record| record.set_pidfile(state));
    for _ in 0..TRIES {
        // Noted before: a daemon that is killed inside the call must not leave the file behind.
        note(Pidfile::Made);
        match file::open(parent, name, flags::NEW, MODE) {
            Err(errno) if errno.is(errno::EEXIST) => {}
            other => return Ok(other?),
        }
        note(Pidfile::Untouched);
        match file::open(parent, name, flags::OLD, 0) {
            // Gone between the two calls.
            Err(errno) if errno.is(errno::ENOENT) => {}
            other => return Ok(other?),
        }
    }
    Err(Reason::REPLACED)
}

/// Locks the file, and makes sure that it is one we may write to and still the one at the path.
pub fn lock(work: &mut Work<'_>, which: Text) -> Result<(), Reason> {
    let record = work.start.record;
    let is_pidfile = which == Text::Pidfile;
    let path = work.start.config.text(which);
    for _ in 0..TRIES {
        match file::lock(work.opened) {
            Err(errno) if errno.is(errno::EAGAIN) || errno.is(errno::EACCES) => {
                let holder = file::lock_holder(work.opened)?;
                // Neither a reader's lock nor one that belongs to no process is a daemon's.
                if holder.writes && holder.pid >= 0 {
                    record.set_number(holder.pid);
                    if is_pidfile {
                        record.set_pidfile(Pidfile::Untouched);
                    }
                    return Err(Reason::RUNNING);
                }
                return Err(Reason::LOCKED);
            }
            other => other?,
        }
        let status = file::status(work.opened)?;
        match file::status_at(file::HERE, path) {
            Ok(there) if there.identity == status.identity => {
                if is_pidfile {
                    record.set_identity(status.identity);
                }
                work.locked[usize::from(is_pidfile)] = status.identity;
                return check(work.opened, &status, work.start.command.words.user);
            }
            Err(errno) if !errno.is(errno::ENOENT) => return Err(errno.into()),
            // Another start removed or replaced it between our open and our lock.
            _ => {}
        }
        file::close(work.opened);
        record.note(if is_pidfile { Step::OpenPidfile } else { Step::OpenLockfile });
        open(work, which)?;
        record.note(if is_pidfile { Step::LockPidfile } else { Step::LockLockfile });
    }
    Err(Reason::REPLACED)
}

/// Only a regular file of root's or the caller's, with one name, that is empty or holds one process id.
fn check(fd: Fd, status: &file::Status, user: u32) -> Result<(), Reason> {
    if !status.is_regular() {
        return Err(Reason::IRREGULAR);
    }
    if status.links != 1 {
        return Err(Reason::LINKED);
    }
    if status.owner != 0 && status.owner != user {
        return Err(Reason::OWNER);
    }
    if status.size == 0 {
        return Ok(());
    }
    let mut text = [0; 16];
    let length = file::read_start(fd, &mut text)?;
    text.get(..length).and_then(parse_pid).map(|_| ()).ok_or(Reason::FOREIGN)
}

/// Writes this process's id.
pub fn write(work: &Work<'_>) -> Result<(), Reason> {
    let record = work.start.record;
    let mut room = Digits::default();
    let text = digits(record.daemon.load(Relaxed) as u32, b'\n', &mut room);
    record.about_to_write();
    file::write_start(work.pidfile, text)?;
    file::set_size(work.pidfile, text.len() as u64)?;
    if work.start.config.has(Flag::NoLock) && !work.start.config.is_monitored() {
        file::close(work.pidfile);
    }
    Ok(())
}

/// After a failed start, with no process of it left: unlinks the file if the start made it, empties it if the start
/// wrote to it.
pub fn undo(path: Word<'_>, record: &Record) {
    if record.pidfile_is(Pidfile::Made) {
        remove(path, record);
    } else if record.pidfile_is(Pidfile::Overwritten)
        && let Some(fd) = lock_again(path, record)
    {
        let _ = file::set_size(fd, 0);
    }
}

/// Unlinks the file when its daemon is gone.
pub fn remove(path: Word<'_>, record: &Record) {
    if lock_again(path, record).is_some() {
        let _ = file::unlink(path);
    }
}

/// Locks the file of a daemon that is gone, if it still is the very same, or was just made. What fails here fails in
/// silence: there is something more important to tell.
fn lock_again(path: Word<'_>, record: &Record) -> Option<Fd> {
    let fd = file::open(file::HERE, path, flags::OLD, 0).ok()?;
    file::lock(fd).ok()?;
    let status = file::status(fd).ok()?;
    let is_ours = status.identity == record.identity() || status.size == 0;
    if is_ours { Some(fd) } else { None }
}

/// The folder's part of a path, and the name in it.
fn split(path: Word<'_>) -> (&[u8], Word<'_>) {
    let bytes = path.bytes();
    match bytes.iter().rposition(|byte| *byte == b'/') {
        None => (b".", path),
        Some(slash) => (bytes.get(..slash.max(1)).unwrap_or(b"/"), path.skip(slash + 1)),
    }
}
