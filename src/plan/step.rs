//! One change to one process: its name and its subject.

use super::Opt;
use crate::{Table, Word};

/// Which process does a step.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Process {
    /// The process that was called and waits for the result.
    Launcher,
    /// The process that makes the session and proves the exec: the launcher itself where it can.
    Session,
    /// The process that stays with the program; where none does, the one that becomes the program.
    Monitor,
    /// The process that becomes the program.
    Daemon,
    /// The monitor again, after each start of the program.
    Keeper,
}

impl Process {
    /// What it is called.
    pub fn name(self) -> Word<'static> {
        const { Table::new(b"launcher:\0session:\0monitor:\0daemon:\0monitor:\0\0") }.entry(self as usize)
    }
}

// The enum and its tables, from one list: entry N of each table is variant N.
macro_rules! steps {
    ($($(#[doc = $doc:literal])* $(#[cfg($feature:meta)])? $variant:ident $name:literal $($about:ident)?,)*) => {
        /// One change to one process: what was being done when something failed.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Step { $($(#[doc = $doc])* $(#[cfg($feature)])? $variant,)* }

        const ALL: &[Step] = &[$($(#[cfg($feature)])? Step::$variant,)*];
        const TEXTS: &[&str] = &[$($(#[cfg($feature)])? $name,)*];
        const ABOUT: &[Opt] = &[$($(#[cfg($feature)])? about!($($about)?),)*];
    };
}

/// What the steps are called.
const NAMES: Table = Table::new(&Table::lay_out::<{ Table::length(TEXTS) }>(TEXTS));

macro_rules! about {
    () => {
        Opt::Always
    };
    ($about:ident) => {
        Opt::$about
    };
}

// Variant, its name as a phrase that fits behind "cannot", and the option whose text it is about.
steps! {
    /// Refuses to start as PID 1.
    CheckFirst "start",
    /// Blocks every signal.
    BlockSignals "block signals",
    /// Becomes the parent of orphaned descendants.
    AdoptOrphans "adopt orphans",
    /// Opens what the program says by that it is ready.
    #[cfg(feature = "ready")]
    OpenChannel "open channel",
    /// Gives the program its end of that.
    #[cfg(feature = "ready")]
    PassChannel "pass on channel",
    /// Starts the session process.
    Fork "fork",
    /// Makes this process the leader of a new session.
    CreateSession "create a session",
    /// Starts the daemon.
    ForkDaemon "fork the daemon",
    /// Starts the monitor.
    #[cfg(feature = "monitor")]
    ForkMonitor "fork the monitor",
    /// Gives every signal its default action.
    ResetSignals "reset signals",
    /// Makes sure that the descriptors to keep are open.
    CheckKept "keep descriptor",
    /// Closes every inherited descriptor but those to keep.
    CloseDescriptors "close descriptors",
    /// Opens the null device as descriptors 0, 1 and 2.
    OpenNull "open null device",
    /// Clears the mask, so that dmz's own files have explicit modes.
    ClearUmask "clear umask",
    /// Opens or makes the pidfile.
    OpenPidfile "open pidfile" Pidfile,
    /// Locks it.
    LockPidfile "lock pidfile" Pidfile,
    /// Opens or makes the lockfile.
    OpenLockfile "open lockfile" Lockfile,
    /// Locks it.
    LockLockfile "lock lockfile" Lockfile,
    /// Writes the process id.
    WritePidfile "write pidfile" Pidfile,
    /// Makes room for the program's words. This and the next four are done before the plan is.
    CopyWords "copy words",
    /// Makes relative paths absolute.
    FindDirectory "find the current directory",
    /// Finds the user in /etc/passwd.
    #[cfg(feature = "identity")]
    FindUser "find user" User,
    /// Finds the group in /etc/group.
    #[cfg(feature = "identity")]
    FindGroup "find group" Group,
    /// Finds the supplementary groups.
    #[cfg(feature = "identity")]
    FindGroups "find groups" Groups,
    /// Sets the nice value.
    #[cfg(feature = "identity")]
    SetNice "set nice value" Nice,
    /// Sets the scheduling policy.
    #[cfg(feature = "identity")]
    SetScheduling "set scheduling" Sched,
    /// Sets the I/O class and level.
    #[cfg(feature = "identity")]
    SetIoPriority "set I/O priority" Ionice,
    /// Sets the OOM killer's adjustment.
    #[cfg(feature = "identity")]
    SetOomScore "set OOM score" OomScoreAdj,
    /// Moves this process into a control group.
    #[cfg(feature = "identity")]
    EnterCgroup "enter cgroup" Cgroup,
    /// Sets the supplementary groups.
    #[cfg(feature = "identity")]
    SetGroups "set groups",
    /// Becomes a member of the group.
    #[cfg(feature = "identity")]
    SetGroup "set group",
    /// Takes the user's rights for a while.
    #[cfg(feature = "identity")]
    EnterUser "take the rights of" User,
    /// Takes the caller's rights back.
    #[cfg(feature = "identity")]
    LeaveUser "leave the rights of" User,
    /// Drops capabilities from what an exec can give.
    #[cfg(feature = "identity")]
    LimitCapabilities "limit capabilities to" Caps,
    /// Enters the new root.
    #[cfg(feature = "identity")]
    ChangeRoot "change root to" Chroot,
    /// Sets the resource limits.
    #[cfg(feature = "identity")]
    SetLimits "set limits",
    /// Becomes the user.
    #[cfg(feature = "identity")]
    SetUser "become user" User,
    /// Gives up all capabilities but those that stay.
    #[cfg(feature = "identity")]
    SetCapabilities "keep capabilities" Caps,
    /// Forbids to gain privileges.
    #[cfg(feature = "identity")]
    ForbidPrivileges "forbid new privileges",
    /// Asks the kernel who this process is now.
    #[cfg(feature = "identity")]
    CheckIdentity "be sure of the identity",
    /// Opens the file for standard input.
    OpenStdin "open stdin" Stdin,
    /// Opens the file for standard output.
    OpenStdout "open stdout" Stdout,
    /// Opens the file for standard error.
    OpenStderr "open stderr" Stderr,
    /// Enters the working directory.
    ChangeDirectory "change directory to" Chdir,
    /// Enters the root directory, in which nothing keeps a mount busy.
    #[cfg(feature = "monitor")]
    LeaveDirectory "change directory to /",
    /// Moves standard input onto descriptor 0.
    RedirectStdin "redirect stdin to" Stdin,
    /// Moves standard output onto descriptor 1.
    RedirectStdout "redirect stdout to" Stdout,
    /// Moves standard error onto descriptor 2.
    RedirectStderr "redirect stderr to" Stderr,
    /// Sets the file mode creation mask.
    SetUmask "set umask" Umask,
    /// Sets the mask of before.
    RestoreUmask "restore the umask",
    /// Puts the program's process id where the environment has dmz's.
    NameProgram "pass on LISTEN_PID",
    /// Has the daemon killed when its monitor dies.
    #[cfg(feature = "monitor")]
    FollowMonitor "follow the monitor",
    /// Unblocks every signal, or gives the caller's mask back.
    RestoreMask "set the signal mask",
    /// Executes the program.
    Execute "execute" Program,
    /// Waits until the program ends.
    AwaitEnd "wait for" Program,
    /// Waits until the program is ready.
    AwaitReady "await readiness of" Program,
    /// Finds out who holds the pidfile's lock.
    #[cfg(feature = "control")]
    FindOwner "find the owner of" Pidfile,
    /// Takes hold of that process.
    #[cfg(feature = "control")]
    OpenProcess "open the owner of" Pidfile,
    /// Sends it a signal.
    #[cfg(feature = "control")]
    SignalDaemon "signal the owner of" Pidfile,
    /// Prints the process id, by the launcher when all is done; or anything else that was asked for.
    Print "write to standard output",
    /// Tells a service manager something; by the library alone.
    #[cfg(feature = "ready")]
    TellManager "tell the manager",
}

impl Step {
    /// What the step does, as a phrase that fits behind "cannot".
    pub(crate) fn name(self) -> Word<'static> {
        NAMES.entry(self as usize)
    }

    /// The step with this number, as a record holds it.
    pub(crate) fn from_number(number: u8) -> Option<Step> {
        ALL.get(number as usize).copied()
    }

    /// The option whose text it is about; one without a text if it is about none.
    pub(crate) fn about(self) -> Opt {
        ABOUT.get(self as usize).copied().unwrap_or(Opt::Always)
    }
}
