//! A pidfile that the host holds itself.

use core::mem::MaybeUninit;
use core::sync::atomic::Ordering::Relaxed;

use super::{help, no_command, start};
use crate::Word;
use crate::plan::{Config, Failure, Opt, Reason, Step};
use crate::run::apply::Work;
use crate::run::record::{Pidfile, Record};
use crate::run::{Failed, pidfile};
use crate::sys::file::{self, Fd, Identity, NO_FD};
use crate::sys::host as sys;
use crate::sys::memory::{PATH_MAX, Path, Shared};
use crate::sys::process;

/// A pidfile that is held by this process.
pub struct Held<'a> {
    name: Word<'a>,
    /// Where to remove it from; none in another root.
    folder: Fd,
    file: Fd,
    identity: Identity,
    /// Who holds it; a child that has a copy of this must leave the file alone.
    owner: i32,
    /// How it is let go. By a pointer, so that a program that never holds one has no code for that.
    release: fn(&Held<'_>),
}

impl Held<'_> {
    /// Removes the file if it still is the same one, and lets go of the lock. A file that may not be removed is emptied.
    pub fn release(&self) {
        (self.release)(self);
    }
}

fn let_go(held: &Held<'_>) {
    // In a child the numbers may be another file's by now, even a pidfile's of its own; an exec closes them.
    if process::own_id() != held.owner {
        return;
    }
    // Whoever has locked it since, because this process has lost its lock, keeps it.
    if file::lock(held.file).is_ok() && !pidfile::unlink_same(held.folder, held.name, held.identity) {
        let _ = file::set_size(held.file, 0);
    }
    file::close(held.file);
    if held.folder != NO_FD {
        file::close(held.folder);
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

/// Opens and locks the pidfile.
pub(super) fn lock(work: &mut Work<'_>) -> Result<(), Reason> {
    let record = work.start.record;
    record.note(Step::OpenPidfile);
    pidfile::open(work, Opt::Pidfile)?;
    record.note(Step::LockPidfile);
    pidfile::lock_pidfile(work)
}

/// Writes the pidfile that is locked, and keeps what it takes to remove it from wherever this process will be.
pub(super) fn keep<'a>(work: &mut Work<'_>, path: Word<'a>) -> Result<Held<'a>, Reason> {
    let record = work.start.record;
    record.note(Step::WritePidfile);
    let (low, name) = pidfile::open_folder(path, &mut work.path, sys::user())?;
    // Out of the way of descriptors 0 to 2, which may be closed.
    let folder = file::duplicate_from(low, 10, false);
    file::close(low);
    let folder = folder?;
    let mut held = Held {
        name,
        folder,
        file: work.pidfile,
        identity: record.identity(),
        owner: process::own_id(),
        release: let_go,
    };
    let written =
        sys::close_on_exec(held.file, true).map_err(Reason::from).and_then(|()| pidfile::write(record, held.file));
    // From an open folder there is a way out of another root.
    if written.is_err() || work.start.config.has(Opt::Chroot) {
        file::close(folder);
        held.folder = NO_FD;
    }
    written.map(|()| held)
}

/// With no daemon left, gives back what a start had of the pidfile at `path`. By a process of its own: the file is opened
/// and locked for that, and here the lock would stay, or with the descriptor another one of this process's would go.
pub(super) fn give_back(path: Word<'_>, record: &Record) {
    if !record.pidfile_is(Pidfile::Untouched) {
        let _ = help(|_| pidfile::undo(path, record));
        record.set_pidfile(Pidfile::Untouched);
    }
}
