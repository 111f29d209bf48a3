//! The pidfile: opened with care, locked by the process that will be the program, checked, written; and undone by the
//! launcher if the start fails.

use core::sync::atomic::Ordering::Relaxed;

use super::apply::Work;
use super::record::{Pidfile, Record};
use crate::Word;
use crate::plan::number::{Digits, digits, parse_pid};
use crate::plan::ready::Ready;
use crate::plan::{Config, Opt, Reason, Step};
use crate::sys::Errno;
use crate::sys::file::{self, Fd, Identity, NO_FD, flags};
use crate::sys::memory::Path;

/// The lock's descriptor is this or a higher number, out of the way of those that programs expect.
const LEAST: i32 = 10;

/// Anybody may read it.
pub const MODE: u32 = 0o644;

/// How often the file may turn out to be another one than what lies at the path.
const TRIES: usize = 100;

/// Opens the folder of `path`, in which as root nobody else may be able to replace files; and the name in it. `room` is for
/// the folder's path.
pub fn open_folder<'a>(path: Word<'a>, room: &mut Path<'_>, user: u32) -> Result<(Fd, Word<'a>), Reason> {
    let name = put_folder(path, room)?;
    let folder = file::open(file::HERE, room.word(), flags::FOLDER, 0)?;
    if user != 0 {
        return Ok((folder, name));
    }
    let reason = match file::status(folder) {
        Ok(status) if !status.lets_others_replace() => return Ok((folder, name)),
        Ok(_) => Reason::FOLDER,
        Err(errno) => errno.into(),
    };
    file::close(folder);
    Err(reason)
}

/// The same check for who only looks.
#[cfg(feature = "control")]
pub fn check_folder(path: Word<'_>, room: &mut Path<'_>, user: u32) -> Result<(), Reason> {
    put_folder(path, room)?;
    if user == 0 && file::status_at(file::HERE, room.word())?.lets_others_replace() {
        return Err(Reason::FOLDER);
    }
    Ok(())
}

/// Puts the path of the folder into `room`; the name in it.
fn put_folder<'a>(path: Word<'a>, room: &mut Path<'_>) -> Result<Word<'a>, Reason> {
    let name = last_part(path);
    // The name alone might fit where the whole path does not, and then nobody could remove the file again.
    room.clear();
    room.push(path.bytes())?;
    room.clear();
    room.push(path.bytes().get(..path.length_to(name)).unwrap_or(b""))?;
    room.push(b".")?;
    Ok(name)
}

/// The least number for descriptors of ours: above that which the program is to get; what it keeps is in use.
pub fn least_of(config: &Config<'_>) -> i32 {
    if let Ready::Descriptor(number) = config.ready { LEAST.max(number as i32 + 1) } else { LEAST }
}

/// Opens the file, and makes it if it is not there; not yet locked, nothing changed.
pub fn open(work: &mut Work<'_>, which: Opt) -> Result<(), Reason> {
    let config = work.start.config;
    let (folder, name) = open_folder(config.text(which), &mut work.path, work.start.command.user)?;
    let fd = open_in(folder, name, work.start.record, which == Opt::Pidfile);
    if which == Opt::Pidfile && config.has(Opt::Foreground) {
        work.folder = folder;
    } else {
        file::close(folder);
    }
    let fd = fd?;
    // On its final number before it is locked: closing the first number later would drop the lock.
    let least = least_of(config);
    // The program inherits it, unless a monitor holds it, or nobody.
    let opened = file::duplicate_from(fd, least, !config.has_any(&[Opt::Monitored, Opt::NoLock]));
    file::close(fd);
    work.opened = opened?;
    Ok(())
}

/// What is behind a path's last slash.
fn last_part(mut path: Word<'_>) -> Word<'_> {
    while path.has(b'/') {
        path = path.behind(b'/');
    }
    path
}

/// Opens `name` in `folder`, new if possible, so that it is known who made it.
fn open_in(folder: Fd, name: Word<'_>, record: &Record, is_pidfile: bool) -> Result<Fd, Reason> {
    let note = |state| {
        if is_pidfile {
            record.set_pidfile(state)
        }
    };
    for _ in 0..TRIES {
        // Noted before: a daemon that is killed inside the call must not leave the file behind.
        note(Pidfile::Made);
        match file::open(folder, name, flags::NEW, MODE) {
            Ok(fd) => return Ok(fd),
            Err(errno) => {
                note(Pidfile::Untouched);
                if errno != Errno::EXIST {
                    return Err(errno.into());
                }
            }
        }
        match file::open(folder, name, flags::OLD, 0) {
            // Gone between the two calls.
            Err(Errno::NOENT) => {}
            other => return Ok(other?),
        }
    }
    Err(Reason::REPLACED)
}

/// Locks the pidfile. From then on nobody else may write to it, if it is ours to say so.
pub fn lock_pidfile(work: &mut Work<'_>) -> Result<(), Reason> {
    if lock(work, Opt::Pidfile)? != MODE {
        let _ = file::set_mode(work.opened, MODE);
    }
    work.pidfile = work.opened;
    Ok(())
}

/// Locks the file, and makes sure that it is one we may write to and still the one at the path; its permissions.
#[inline(never)]
pub fn lock(work: &mut Work<'_>, which: Opt) -> Result<u32, Reason> {
    let record = work.start.record;
    let is_pidfile = which == Opt::Pidfile;
    for _ in 0..TRIES {
        if let Err(errno) = file::lock(work.opened) {
            match holder(work.opened, errno, record, is_pidfile) {
                // Gone between the two calls.
                None => continue,
                Some(reason) => return Err(reason),
            }
        }
        let status = file::status(work.opened)?;
        let path = work.start.config.text(which);
        // Or the path might still lead to a file whose link there is gone.
        file::await_rename(path);
        match file::status_at(file::HERE, path) {
            // Unchanged between the two looks, so that its one link was that of this path all the time. The links count as
            // well, since they change a moment before the time does.
            Ok(there)
                if there.identity == status.identity
                    && there.changed == status.changed
                    && there.links == status.links =>
            {
                if is_pidfile {
                    record.set_identity(status.identity);
                }
                work.locked[usize::from(is_pidfile)] = status.identity;
                check_standard(work.start.config, status.identity)?;
                return check(work.opened, &there, work.start.command.user).map(|_| there.permissions());
            }
            // Another start removed or replaced it between our open and our lock.
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        file::close(work.opened);
        // Opening it once more may fail.
        work.opened = NO_FD;
        record.note(if is_pidfile { Step::OpenPidfile } else { Step::OpenLockfile });
        open(work, which)?;
        record.note(if is_pidfile { Step::LockPidfile } else { Step::LockLockfile });
    }
    Err(Reason::REPLACED)
}

/// The file may not be open on a standard descriptor that stays until another one is put in its place: that closes it, and so
/// drops the lock.
fn check_standard(config: &Config<'_>, identity: Identity) -> Result<(), Reason> {
    for (number, opt) in (0..).zip([Opt::Stdin, Opt::Stdout, Opt::Stderr]) {
        if config.has(opt) && config.keeps(number) {
            match file::status(Fd(number as i32)) {
                Ok(there) if there.identity == identity => return Err(Reason::PIDFILE),
                Ok(_) | Err(Errno::BADF) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    Ok(())
}

/// Why the file cannot be locked: a daemon's lock, of which the record gets the owner, or something else.
/// Nothing if there is no lock any more.
fn holder(fd: Fd, errno: Errno, record: &Record, is_pidfile: bool) -> Option<Reason> {
    if !matches!(errno, Errno::AGAIN | Errno::ACCESS) {
        return Some(errno.into());
    }
    let reason = match file::lock_holder(fd) {
        Ok(holder) if holder.is_free => return None,
        // Neither a reader's lock nor one that belongs to no process is a daemon's.
        Ok(holder) if holder.writes && holder.pid >= 0 => {
            record.set_number(holder.pid);
            if is_pidfile {
                record.set_pidfile(Pidfile::Untouched);
            }
            Reason::RUNNING
        }
        Ok(_) => Reason::LOCKED,
        Err(errno) => errno.into(),
    };
    Some(reason)
}

/// Only a regular file of root's or the caller's, with one name, that is empty or holds one process id: which one.
#[inline(always)] // as without a second caller, the library
pub fn check(fd: Fd, status: &file::Status, user: u32) -> Result<Option<i32>, Reason> {
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
        return Ok(None);
    }
    match text_of(fd)? {
        // Emptied since, by a start that is about to write to it.
        (0, _) => Ok(None),
        (_, pid) => pid.map(Some).ok_or(Reason::FOREIGN),
    }
}

/// How long the text of a pidfile is, as far as that is of interest, and which process id it is, if it is one.
fn text_of(fd: Fd) -> Result<(usize, Option<i32>), Errno> {
    // A NUL stays behind what is read.
    let mut text = [0; 16];
    let [room @ .., _] = &mut text;
    let length = file::read_start(fd, room)?;
    Ok((length, text.get(..=length).and_then(parse_pid)))
}

/// Writes the daemon's id.
pub fn write(record: &Record, fd: Fd) -> Result<(), Reason> {
    let mut room = Digits::default();
    let text = digits(record.daemon.load(Relaxed) as u32, b'\n', &mut room);
    record.will_overwrite();
    if record.pidfile_is(Pidfile::Overwritten) {
        // Empty first: whatever comes in between, there is never a mixture of two numbers.
        file::set_size(fd, 0)?;
    }
    let written = file::write_start(fd, text.bytes());
    if written.is_err() {
        // A part of a number is another process's.
        let _ = file::set_size(fd, 0);
    }
    Ok(written?)
}

/// The process id in somebody else's pidfile; an error if that is a file of ours.
#[cfg(feature = "ready")]
pub fn read(path: Word<'_>, locked: &[Identity]) -> Result<Option<i32>, Reason> {
    let Ok(fd) = file::open(file::HERE, path, flags::INPUT, 0) else { return Ok(None) };
    if file::status(fd).is_ok_and(|there| locked.contains(&there.identity)) {
        // Left open: any close would drop the lock.
        return Err(Reason::PIDFILE);
    }
    let pid = text_of(fd).map_or(None, |(_, pid)| pid);
    file::close(fd);
    Ok(pid)
}

/// After a failed start, with no process of it left: unlinks the file if the start made it, empties it if the start
/// was to write to it.
pub fn undo(path: Word<'_>, record: &Record) {
    if record.pidfile_is(Pidfile::Made) {
        remove(path, record);
    } else if record.pidfile_is(Pidfile::Overwritten)
        && let Some(fd) = lock_again(path, record.identity())
    {
        let _ = file::set_size(fd, 0);
    }
}

/// The same by what is open, in the process that was to be the program: it may have another directory, root and user now.
pub fn undo_open(work: &Work<'_>) {
    let record = work.start.record;
    if work.pidfile == NO_FD {
        return;
    }
    let name = last_part(work.start.config.text(Opt::Pidfile));
    let is_made = record.pidfile_is(Pidfile::Made);
    let is_gone = is_made && unlink_same(work.folder, name, record.identity());
    if !is_gone && (is_made || record.pidfile_is(Pidfile::Overwritten)) {
        let _ = file::set_size(work.pidfile, 0);
    }
}

/// Unlinks this very file from a folder: is it gone?
pub fn unlink_same(folder: Fd, name: Word<'_>, identity: Identity) -> bool {
    file::status_at(folder, name).is_ok_and(|there| there.identity == identity) && file::unlink_at(folder, name).is_ok()
}

/// Unlinks the file when its daemon is gone, if it does not name another one by now.
pub fn remove(path: Word<'_>, record: &Record) {
    if let Some(fd) = lock_again(path, record.identity())
        && text_of(fd).is_ok_and(|(_, pid)| pid.is_none_or(|pid| pid == record.daemon.load(Relaxed)))
    {
        unlink(path, fd);
    }
}

/// Unlinks the file that is open as `fd`; where that may not be, it is emptied: it names nobody.
fn unlink(path: Word<'_>, fd: Fd) {
    if file::unlink(path).is_err() {
        let _ = file::set_size(fd, 0);
    }
}

/// Unlinks the file that is open as `fd` when its daemon is gone and it still is the one at that path.
#[cfg(feature = "control")]
pub fn remove_open(path: Word<'_>, fd: Fd, identity: Identity) {
    let is_same = |there: file::Status| there.identity == identity;
    if file::lock(fd).is_ok() && file::status_at(file::HERE, path).is_ok_and(is_same) {
        unlink(path, fd);
    }
}

/// Locks the file of a daemon that is gone, if it still is the very same, or was just made. What fails here fails in
/// silence: there is something more important to tell.
fn lock_again(path: Word<'_>, identity: Identity) -> Option<Fd> {
    let fd = file::open(file::HERE, path, flags::OLD, 0).ok()?;
    // Where locks do not work at all, nobody else can hold one.
    if matches!(file::lock(fd), Err(Errno::AGAIN | Errno::ACCESS)) {
        return None;
    }
    let status = file::status(fd).ok()?;
    let is_new = identity == Identity::NONE && status.size == 0 && status.is_regular() && status.links == 1;
    // Still the one at the path: whoever unlinks it has the lock.
    let is_there = status.identity == identity && status.links > 0;
    if is_there || is_new { Some(fd) } else { None }
}
