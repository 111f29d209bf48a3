//! What was asked for, with the defaults.

use super::identity::Identity;
use super::monitor::Monitoring;
use crate::Word;

/// The texts that can be given.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Text {
    /// The program's name or path.
    Program,
    /// The working directory.
    Directory,
    /// The file for standard input; else the null device.
    Stdin,
    /// The file for standard output.
    Stdout,
    /// The file for standard error.
    Stderr,
    /// The pidfile.
    Pidfile,
    /// Another file to lock.
    Lockfile,
    /// The program's own name for itself.
    Name,
    /// The file mode creation mask, octal.
    Umask,
    /// The user, and after a colon the group.
    User,
    /// The group.
    Group,
    /// The supplementary groups.
    Groups,
    /// The new root.
    Root,
    /// The capabilities that stay.
    Caps,
    /// The nice value.
    Nice,
    /// The OOM killer's adjustment.
    OomScore,
    /// The folder of a control group.
    Cgroup,
    /// The I/O class and level.
    IoPriority,
    /// The scheduling policy and priority.
    Scheduling,
    /// The first delay before a restart.
    RestartDelay,
    /// How often it is started again in a row.
    RestartMax,
    /// The signal that stops it.
    StopSignal,
    /// How long a stop may take.
    StopTimeout,
    /// Who gets the signals.
    Target,
    /// What counts as success.
    ExitOk,
    /// What happens at the end of PID 1.
    AtExit,
}

/// The switches.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Flag {
    /// Append to the output files instead of emptying them.
    Append,
    /// Start from an empty environment.
    ClearEnvironment,
    /// Keep every inherited descriptor from 3 on.
    KeepAll,
    /// Keep the caller's signal mask and ignored signals.
    KeepSignals,
    /// Mark the program as one that belongs to the initrd.
    Initrd,
    /// Leave no locked descriptor in the program.
    NoLock,
    /// Neither fork nor session: this process becomes the program.
    Foreground,
    /// No second fork: the program leads its session.
    SingleFork,
    /// Wait for the program to end.
    Wait,
    /// Print the program's process id.
    PrintPid,
    /// Print the plan and do nothing.
    DryRun,
    /// Tell the story of the start.
    Verbose,
    /// Say nothing at all.
    Quiet,
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// No exec gives privileges any more.
    NoNewPrivs,
    /// A monitor stays, detached.
    Supervise,
    /// This process is the monitor.
    Init,
    /// The program is started again when it ends.
    Restart,
    /// The same, if that was no success.
    RestartFailure,
    /// Signals go to the program's process group.
    TargetGroup,
    /// The caller leads a process group: found, not given.
    Leader,
}

/// How many texts there are.
const TEXTS: usize = Text::AtExit as usize + 1;

/// All that was asked for.
#[derive(Clone, Copy)]
pub struct Config<'a> {
    texts: [Word<'a>; TEXTS],
    flags: u32,
    /// The number in [`Text::Umask`].
    pub umask: u32,
    /// Descriptors that stay as they are.
    pub keep: &'a [u32],
    /// As whom and within what limits the program runs.
    pub identity: Identity<'a>,
    /// What the monitor does.
    pub monitoring: Monitoring<'a>,
}

impl<'a> Config<'a> {
    /// The defaults: no program yet, in `/`, umask 0, standard descriptors on the null device, no pidfile.
    pub const fn new() -> Config<'a> {
        Config {
            texts: [Word::EMPTY; TEXTS],
            flags: 0,
            umask: 0,
            keep: &[],
            identity: Identity::NONE,
            monitoring: Monitoring::DEFAULT,
        }
    }

    /// The text that was given, or its default; empty if there is neither.
    #[inline(never)]
    pub fn text(&self, which: Text) -> Word<'a> {
        let given = self.texts.get(which as usize).copied().unwrap_or(Word::EMPTY);
        if which == Text::Directory && given.is_empty() && !self.stays() {
            return Word::new(c"/");
        }
        given
    }

    /// Gives a text.
    pub fn set_text(&mut self, which: Text, text: Word<'a>) {
        if let Some(place) = self.texts.get_mut(which as usize) {
            *place = text;
        }
    }

    /// Is there such a text?
    pub fn names(&self, which: Text) -> bool {
        !self.text(which).is_empty()
    }

    /// Was the switch given?
    pub const fn has(&self, flag: Flag) -> bool {
        self.flags & 1 << flag as u8 != 0
    }

    /// Gives a switch.
    pub const fn set(&mut self, flag: Flag) {
        self.flags |= 1 << flag as u8;
    }

    /// Takes a switch back.
    pub const fn clear(&mut self, flag: Flag) {
        self.flags &= !(1 << flag as u8);
    }

    /// Does a monitor stay with the program?
    pub const fn is_monitored(&self) -> bool {
        self.has(Flag::Supervise) || self.has(Flag::Init)
    }

    /// Is nothing detached, so that standard descriptors, directory and umask stay unless asked for?
    pub const fn stays(&self) -> bool {
        self.has(Flag::Foreground) || self.has(Flag::Init)
    }

    /// Does the program lead a process group of its own, in the monitor's session?
    pub const fn leads_group(&self) -> bool {
        self.has(Flag::Init) || self.has(Flag::TargetGroup)
    }

    /// Does a process of its own make the session? Where the caller leads a process group it must not itself, and where it
    /// waits it stays in its session.
    pub const fn forks_twice(&self) -> bool {
        !self.has(Flag::SingleFork) && (self.has(Flag::Leader) || self.has(Flag::Wait))
    }

    /// Are files opened with another user's rights?
    pub fn opens_as_user(&self) -> bool {
        self.names(Text::User) && [Text::Stdin, Text::Stdout, Text::Stderr].iter().any(|file| self.names(*file))
    }

    /// Does a step behind the opening of files take privileges?
    pub fn needs_privileges(&self) -> bool {
        self.names(Text::Root) || self.names(Text::Caps) || self.identity.limited != 0
    }

    /// Were both given, and the same?
    #[inline(never)]
    pub fn same(&self, one: Text, other: Text) -> bool {
        self.names(one) && self.text(one).is(self.text(other))
    }

    /// Is the program named by a path, not to be searched?
    pub fn has_path(&self) -> bool {
        self.text(Text::Program).bytes().iter().any(|byte| *byte == b'/')
    }

    /// Does descriptor `number` stay as it is?
    pub fn keeps(&self, number: u32) -> bool {
        let stays = if number < 3 { self.stays() } else { self.has(Flag::KeepAll) };
        stays || self.keep.iter().any(|kept| *kept == number)
    }

    /// The lowest descriptor from `number` on that stays as it is, of those that were named.
    pub fn next_kept(&self, number: u32) -> Option<u32> {
        self.keep.iter().copied().filter(|kept| *kept >= number).min()
    }
}

impl Default for Config<'_> {
    fn default() -> Self {
        Config::new()
    }
}
