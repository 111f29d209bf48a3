//! The order of the steps, and why it is this one.
//!
//! Each process does the steps of its list from top to bottom, leaving out those that were not asked for, and stops at
//! the first that fails. Every reason stands beside the step that it holds in place.

use super::{Config, Process, Step};

/// Every step of every process. In the foreground the daemon's steps are this process's own, and without a monitor the
/// monitor's are the daemon's.
const ORDER: &[(Process, Step)] = &[
    // A PID 1 that leaves takes everything with it: not even begun.
    (Process::Launcher, Step::CheckFirst),
    // Before the first fork: a ^C during the start ends all of it or nothing.
    (Process::Launcher, Step::BlockSignals),
    // Before the first fork: a daemon whose session process was killed must become ours, to be ended.
    (Process::Launcher, Step::AdoptOrphans),
    // Only if the launcher leads a process group and so must not make a session, or waits and so stays in its own. It
    // does not leave before the session process has gone: if it leads a terminal's session, its end sends SIGHUP to
    // everything that is still in that session.
    (Process::Launcher, Step::Fork),
    // By the session process, or by the launcher if there is none.
    (Process::Session, Step::CreateSession),
    // The daemon is not the session's leader, so no open can give it a terminal.
    (Process::Session, Step::ForkDaemon),
    (Process::Session, Step::ForkMonitor),
    // With a single fork it is.
    (Process::Daemon, Step::CreateSession),
    (Process::Daemon, Step::ResetSignals),
    // Before anything is opened, so that the number cannot be a descriptor of ours.
    (Process::Monitor, Step::CheckKept),
    // Before the pidfile is locked: any close of the same file drops the lock, also that of an inherited duplicate.
    (Process::Monitor, Step::CloseDescriptors),
    // Before anything else is opened: nothing of ours may sit on 0, 1 or 2, to be replaced or written to later.
    (Process::Monitor, Step::OpenNull),
    // With the caller's privileges, which a negative nice value or a control group takes.
    (Process::Daemon, Step::SetNice),
    (Process::Daemon, Step::SetScheduling),
    (Process::Daemon, Step::SetIoPriority),
    (Process::Daemon, Step::SetOomScore),
    (Process::Daemon, Step::EnterCgroup),
    // Before the first file is made.
    (Process::Monitor, Step::ClearUmask),
    // By the very process that will be the program: a record lock is not inherited and survives the exec.
    (Process::Monitor, Step::OpenPidfile),
    (Process::Monitor, Step::LockPidfile),
    // Before the pidfile is written: a start that loses changes nothing.
    (Process::Monitor, Step::OpenLockfile),
    (Process::Monitor, Step::LockLockfile),
    // Before the outputs are emptied, for the same reason.
    (Process::Daemon, Step::WritePidfile),
    // Behind the pidfile, which is the caller's; before the outputs, which are the user's. Groups first: the others take
    // the right to change them.
    (Process::Daemon, Step::SetGroups),
    (Process::Daemon, Step::SetGroup),
    (Process::Daemon, Step::EnterUser),
    // Before the directory changes: the paths mean what the caller typed.
    (Process::Daemon, Step::FindDirectory),
    (Process::Daemon, Step::OpenStdin),
    (Process::Daemon, Step::OpenStdout),
    (Process::Daemon, Step::OpenStderr),
    // What follows takes privileges.
    (Process::Daemon, Step::LeaveUser),
    (Process::Daemon, Step::LimitCapabilities),
    (Process::Daemon, Step::ChangeRoot),
    (Process::Daemon, Step::RedirectStdin),
    (Process::Daemon, Step::RedirectStdout),
    (Process::Daemon, Step::RedirectStderr),
    // Behind everything that opens, makes or writes a file, which small limits would forbid.
    (Process::Daemon, Step::SetLimits),
    // Behind everything that takes privileges.
    (Process::Daemon, Step::SetUser),
    // In the new root, with the user's rights.
    (Process::Daemon, Step::ChangeDirectory),
    // Behind the change of the user, which would clear them.
    (Process::Daemon, Step::SetCapabilities),
    (Process::Daemon, Step::ForbidPrivileges),
    // Behind all that changes it.
    (Process::Daemon, Step::CheckIdentity),
    // After the last file was made.
    (Process::Daemon, Step::SetUmask),
    // Behind the change of ids, which makes the kernel forget it.
    (Process::Daemon, Step::FollowMonitor),
    (Process::Daemon, Step::NameProgram),
    // Last: what was sent to the daemon meanwhile ends it now, and the launcher sees that.
    (Process::Daemon, Step::RestoreMask),
    (Process::Daemon, Step::Execute),
];

/// Gives `act` every step that `config` asks for, with the process that does it, in order; stops where it says so.
pub fn each<E>(config: &Config<'_>, mut act: impl FnMut(Process, Step) -> Result<(), E>) -> Result<(), E> {
    for (process, step) in ORDER {
        if step.is_wanted(*process, config) {
            let monitored = *process == Process::Monitor && !config.is_monitored();
            act(if monitored { Process::Daemon } else { *process }, *step)?;
        }
    }
    Ok(())
}
