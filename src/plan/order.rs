//! The order of the steps, and why it is this one.
//!
//! Each process does the steps of its list from top to bottom, leaving out those that were not asked for, and stops at
//! the first that fails. Every reason stands beside the step that it holds in place.

use super::{Config, Process, Step};

/// Every step of every process.
const ORDER: &[(Process, Step)] = &[
    // A PID 1 that leaves takes everything with it: not even begun.
    (Process::Launcher, Step::CheckFirst),
    // Before the first fork: a ^C during the start ends all of it or nothing.
    (Process::Launcher, Step::BlockSignals),
    // Before the first fork: a daemon whose session process was killed must become ours, to be ended.
    (Process::Launcher, Step::AdoptOrphans),
    // The launcher sleeps here. It does not leave before the session process has gone: if it leads a terminal's session,
    // its end sends SIGHUP to everything that is still in that session.
    (Process::Launcher, Step::Fork),
    // Not in the launcher, which may lead a process group and then must not.
    (Process::Session, Step::CreateSession),
    // The daemon is not the session's leader, so no open can give it a terminal.
    (Process::Session, Step::ForkAgain),
    (Process::Daemon, Step::ResetSignals),
    // Before the pidfile is locked: any close of the same file drops the lock, also that of an inherited duplicate.
    (Process::Daemon, Step::CloseDescriptors),
    // Before anything else is opened: nothing of ours may sit on 0, 1 or 2, to be replaced or written to later.
    (Process::Daemon, Step::OpenNull),
    // Before the first file is made.
    (Process::Daemon, Step::ClearUmask),
    // By the very process that will be the program: a record lock is not inherited and survives the exec.
    (Process::Daemon, Step::OpenPidfile),
    (Process::Daemon, Step::LockPidfile),
    // Before the outputs are emptied: a start that loses against another changes nothing.
    (Process::Daemon, Step::WritePidfile),
    // Before the directory changes: the paths mean what the caller typed.
    (Process::Daemon, Step::FindDirectory),
    (Process::Daemon, Step::OpenStdin),
    (Process::Daemon, Step::OpenStdout),
    (Process::Daemon, Step::OpenStderr),
    (Process::Daemon, Step::ChangeDirectory),
    (Process::Daemon, Step::RedirectStdin),
    (Process::Daemon, Step::RedirectStdout),
    (Process::Daemon, Step::RedirectStderr),
    // After the last file was made.
    (Process::Daemon, Step::SetUmask),
    // Last: what was sent to the daemon meanwhile ends it now, and the launcher sees that.
    (Process::Daemon, Step::UnblockSignals),
    (Process::Daemon, Step::Execute),
];

/// Gives `act` every step that `config` asks for, with the process that does it, in order; stops where it says so.
pub fn each<E>(config: &Config<'_>, mut act: impl FnMut(Process, Step) -> Result<(), E>) -> Result<(), E> {
    for (process, step) in ORDER {
        if step.is_wanted(config) {
            act(*process, *step)?;
        }
    }
    Ok(())
}
