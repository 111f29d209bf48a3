//! The order of the steps, and why it is this one.
//!
//! Each process does the steps of its list from top to bottom, leaving out those that were not asked for, and stops at
//! the first that fails. Every reason stands beside the step that it holds in place.

use super::Config;
use super::Opt::{self, *};
use super::Process::{self, *};
use super::Step::{self, *};

/// A step of a process: wanted when one thing was given, unless another was.
pub struct Row(Process, Step, Opt, Option<Opt>);

/// Every step of every process. In the foreground the daemon's steps are this process's own, and without a monitor the
/// monitor's are the daemon's.
pub const ORDER: &[Row] = &[
    // A PID 1 that leaves takes everything with it: not even begun.
    Row(Launcher, CheckFirst, Detaches, None),
    // Before the first fork: a ^C during the start ends all of it or nothing.
    Row(Launcher, BlockSignals, Always, None),
    // Before the first fork: a daemon whose session process was killed must become ours, to be ended.
    Row(Launcher, AdoptOrphans, ForksTwice, None),
    #[cfg(feature = "monitor")]
    Row(Launcher, AdoptOrphans, Supervise, Some(ForksTwice)),
    // Before it, too: what is left of a program that is not ready in time must become ours.
    #[cfg(feature = "ready")]
    Row(Launcher, AdoptOrphans, Ready, Some(ForksTwice)),
    // Before the channel is there, whose number it could be.
    #[cfg(feature = "ready")]
    Row(Launcher, CheckKept, LaunchersChannel, None),
    #[cfg(feature = "ready")]
    Row(Launcher, OpenChannel, LaunchersChannel, None),
    // Only if the launcher leads a process group and so must not make a session, or waits and so stays in its own. It
    // does not leave before the session process has gone: if it leads a terminal's session, its end sends SIGHUP to
    // everything that is still in that session.
    Row(Launcher, Fork, ForksTwice, None),
    // By the session process, or by the launcher if there is none.
    Row(Session, CreateSession, Detaches, Some(SingleFork)),
    // The daemon is not the session's leader, so no open can give it a terminal.
    Row(Session, ForkDaemon, Detaches, Some(Supervise)),
    #[cfg(feature = "monitor")]
    Row(Session, ForkMonitor, Supervise, None),
    // With a single fork it is.
    Row(Daemon, CreateSession, SingleFork, None),
    // Before the first child: what it leaves behind must become ours.
    #[cfg(feature = "monitor")]
    Row(Monitor, AdoptOrphans, Monitored, None),
    Row(Daemon, ResetSignals, Always, Some(KeepSignals)),
    // Before anything is opened, so that the number cannot be a descriptor of ours.
    Row(Monitor, CheckKept, KeepFd, None),
    // Before the pidfile is locked: any close of the same file drops the lock, also that of an inherited duplicate.
    Row(Monitor, CloseDescriptors, Always, None),
    // Before anything else is opened: nothing of ours may sit on 0, 1 or 2, to be replaced or written to later.
    Row(Monitor, OpenNull, Always, None),
    // Behind the closing, which would close it, and with it on its number before anything else could take that.
    #[cfg(feature = "ready")]
    Row(Monitor, OpenChannel, MonitorsChannel, None),
    #[cfg(feature = "ready")]
    Row(Daemon, PassChannel, MonitorsChannel, None),
    #[cfg(feature = "ready")]
    Row(Daemon, PassChannel, LaunchersChannel, None),
    // Behind the last relative path of the monitor's own: it keeps no mount busy. All others are absolute with it.
    #[cfg(feature = "monitor")]
    Row(Monitor, LeaveDirectory, Supervise, None),
    // With the caller's privileges, which a negative nice value or a control group takes.
    #[cfg(feature = "identity")]
    Row(Daemon, SetNice, Nice, None),
    #[cfg(feature = "identity")]
    Row(Daemon, SetScheduling, Sched, None),
    #[cfg(feature = "identity")]
    Row(Daemon, SetIoPriority, Ionice, None),
    #[cfg(feature = "identity")]
    Row(Daemon, SetOomScore, OomScoreAdj, None),
    #[cfg(feature = "identity")]
    Row(Daemon, EnterCgroup, Cgroup, None),
    // Before the first file is made.
    Row(Monitor, ClearUmask, Always, None),
    // By the very process that will be the program: a record lock is not inherited and survives the exec.
    Row(Monitor, OpenPidfile, Pidfile, None),
    Row(Monitor, LockPidfile, Pidfile, None),
    // Before the pidfile is written: a start that loses changes nothing.
    Row(Monitor, OpenLockfile, Lockfile, None),
    Row(Monitor, LockLockfile, Lockfile, None),
    // Before the outputs are emptied, for the same reason.
    Row(Daemon, WritePidfile, Pidfile, Some(Monitored)),
    // Behind the pidfile, which is the caller's; before the outputs, which are the user's. Groups first: the others take
    // the right to change them.
    #[cfg(feature = "identity")]
    Row(Daemon, SetGroups, Groups, None),
    #[cfg(feature = "identity")]
    Row(Daemon, SetGroup, Group, None),
    #[cfg(feature = "identity")]
    Row(Daemon, EnterUser, OpensAsUser, None),
    // Before the directory changes: the paths mean what the caller typed.
    Row(Daemon, OpenStdin, Stdin, None),
    Row(Daemon, OpenStdout, Stdout, None),
    Row(Daemon, OpenStderr, Stderr, Some(SharedOutput)),
    // What follows takes privileges. Becoming the user for good takes none.
    #[cfg(feature = "identity")]
    Row(Daemon, LeaveUser, NeedsRights, None),
    #[cfg(feature = "identity")]
    Row(Daemon, LimitCapabilities, Caps, None),
    #[cfg(feature = "identity")]
    Row(Daemon, ChangeRoot, Chroot, None),
    Row(Daemon, RedirectStdin, Stdin, None),
    Row(Daemon, RedirectStdout, Stdout, None),
    Row(Daemon, RedirectStderr, Stderr, None),
    Row(Daemon, NameProgram, PassesId, None),
    // Behind everything that takes memory, or opens, makes or writes a file, which small limits would forbid.
    #[cfg(feature = "identity")]
    Row(Daemon, SetLimits, Rlimit, None),
    // Behind everything that takes privileges.
    #[cfg(feature = "identity")]
    Row(Daemon, SetUser, User, None),
    // Behind the change of the user, which would clear them.
    #[cfg(feature = "identity")]
    Row(Daemon, SetCapabilities, Caps, None),
    // The kernel clears the inheritable ones at no change of the user.
    #[cfg(feature = "identity")]
    Row(Daemon, SetCapabilities, User, Some(Caps)),
    // In the new root, with the user's rights and capabilities.
    Row(Daemon, ChangeDirectory, Chdir, None),
    #[cfg(feature = "identity")]
    Row(Daemon, ForbidPrivileges, NoNewPrivs, None),
    // Behind all that changes it.
    #[cfg(feature = "identity")]
    Row(Daemon, CheckIdentity, Groups, None),
    // After the last file was made. Where nothing is detached the mask stays unless asked for.
    Row(Daemon, SetUmask, Umask, None),
    Row(Daemon, RestoreUmask, Always, Some(ClearsUmask)),
    // Behind the change of ids, which makes the kernel forget it.
    #[cfg(feature = "monitor")]
    Row(Daemon, FollowMonitor, Monitored, None),
    // Last: what was sent to the daemon meanwhile ends it now, and the launcher sees that.
    Row(Daemon, RestoreMask, Always, None),
    Row(Daemon, Execute, Always, None),
    // With the number of each program: only now is it known that there is one.
    #[cfg(feature = "monitor")]
    Row(Keeper, WritePidfile, KeepsPidfile, None),
];

impl Row {
    /// Which process does which step, if it is wanted at all.
    #[inline(never)]
    pub fn resolve(&self, config: &Config<'_>) -> Option<(Process, Step)> {
        let Row(process, step, when, unless) = *self;
        if !config.has(when) || unless.is_some_and(|unless| config.has(unless)) {
            return None;
        }
        Some((if process == Monitor && !config.has(Monitored) { Daemon } else { process }, step))
    }
}
