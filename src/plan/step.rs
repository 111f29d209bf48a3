//! One change to one process: its name, its subject, and whether it is wanted.

use core::ffi::CStr;

use super::{Config, table};

/// Which process does a step.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Process {
    /// The process that was called and waits for the result.
    Launcher,
    /// The process in between: it makes the session and proves the exec.
    Session,
    /// The process that becomes the program.
    Daemon,
}

impl Process {
    /// All of them, in the order of their births.
    pub const ALL: [Process; 3] = [Process::Launcher, Process::Session, Process::Daemon];

    /// What it is called.
    pub fn name(self) -> &'static [u8] {
        table::entry(b"launcher\0session\0daemon\0", self as usize)
    }
}

/// What a step is about, for messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Nothing to add.
    None,
    /// A path or a name.
    Text(&'a CStr),
    /// A number to be shown in octal.
    Octal(u32),
}

// The enum and its table of names, from one list: name N of the table is variant N.
macro_rules! steps {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal,)*) => {
        /// One change to one process.
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(test, derive(Debug))]
        #[repr(u8)]
        pub enum Step { $($(#[doc = $doc])* $variant,)* }

        impl Step {
            const ALL: &[Step] = &[$(Step::$variant,)*];
            const NAMES: &[u8] = concat!($($name, "\0",)*).as_bytes();
        }
    };
}

steps! {
    /// Refuses to start as PID 1.
    CheckFirst "start",
    /// Blocks every signal.
    BlockSignals "block signals",
    /// Becomes the parent of orphaned descendants.
    AdoptOrphans "adopt orphans",
    /// Maps the record and the stacks.
    MapMemory "map memory",
    /// Starts the session process.
    Fork "fork",
    /// Makes it the leader of a new session.
    CreateSession "create a session",
    /// Starts the daemon, which does not lead the session.
    ForkAgain "fork again",
    /// Gives every signal its default action.
    ResetSignals "reset signals",
    /// Closes every inherited descriptor.
    CloseDescriptors "close descriptors",
    /// Opens the null device as descriptors 0, 1 and 2.
    OpenNull "open null device",
    /// Clears the mask, so that dmz's own files have explicit modes.
    ClearUmask "clear umask",
    /// Opens or makes the pidfile.
    OpenPidfile "open pidfile",
    /// Locks and checks it.
    LockPidfile "lock pidfile",
    /// Writes the process id.
    WritePidfile "write pidfile",
    /// Makes the program's path absolute.
    FindDirectory "find the current directory for",
    /// Opens the file for standard input.
    OpenStdin "open standard input",
    /// Opens the file for standard output.
    OpenStdout "open standard output",
    /// Opens the file for standard error.
    OpenStderr "open standard error",
    /// Enters the working directory.
    ChangeDirectory "change directory to",
    /// Moves standard input onto descriptor 0.
    RedirectStdin "redirect standard input to",
    /// Moves standard output onto descriptor 1.
    RedirectStdout "redirect standard output to",
    /// Moves standard error onto descriptor 2.
    RedirectStderr "redirect standard error to",
    /// Sets the file mode creation mask.
    SetUmask "set umask",
    /// Unblocks every signal.
    UnblockSignals "unblock signals",
    /// Executes the program.
    Execute "execute",
}

impl Step {
    /// What the step does, as a phrase that fits behind "cannot".
    pub fn name(self) -> &'static [u8] {
        table::entry(Step::NAMES, self as usize)
    }

    /// The step with this number, as a record holds it.
    pub fn from_number(number: usize) -> Option<Step> {
        Step::ALL.get(number).copied()
    }

    /// Does `config` ask for it? What is not optional always happens.
    pub fn is_wanted(self, config: &Config<'_>) -> bool {
        match self {
            Step::OpenPidfile | Step::LockPidfile | Step::WritePidfile => config.pidfile.is_some(),
            Step::FindDirectory => config.program_is_relative(),
            Step::OpenStdin | Step::RedirectStdin => config.stdin.is_some(),
            Step::OpenStdout | Step::RedirectStdout => config.stdout.is_some(),
            Step::OpenStderr => config.stderr.is_some() && !config.shares_output(),
            Step::RedirectStderr => config.stderr.is_some(),
            Step::SetUmask => config.umask != 0,
            _ => true,
        }
    }

    /// What it is about.
    pub fn subject<'a>(self, config: &Config<'a>) -> Subject<'a> {
        let text = match self {
            Step::OpenPidfile | Step::LockPidfile | Step::WritePidfile => config.pidfile,
            Step::OpenStdin | Step::RedirectStdin => config.stdin,
            Step::OpenStdout | Step::RedirectStdout => config.stdout,
            Step::OpenStderr | Step::RedirectStderr => config.stderr,
            Step::ChangeDirectory => Some(config.directory),
            Step::FindDirectory | Step::Execute => Some(config.program),
            Step::SetUmask => return Subject::Octal(config.umask),
            _ => None,
        };
        text.map_or(Subject::None, Subject::Text)
    }
}
