//! What was asked for, with the defaults.

use core::ffi::CStr;

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
    /// The caller leads a process group: found, not given.
    Leader,
}

/// All that was asked for.
#[derive(Clone, Copy)]
pub struct Config<'a> {
    texts: [Option<&'a CStr>; 8],
    flags: u32,
    /// The file mode creation mask, if one was given.
    pub umask: Option<u32>,
    /// Descriptors that stay as they are.
    pub keep: &'a [u32],
}

impl<'a> Config<'a> {
    /// The defaults, for `program`: in `/`, umask 0, standard descriptors on the null device, no pidfile.
    pub const fn new(program: &'a CStr) -> Config<'a> {
        let mut texts = [None; 8];
        texts[Text::Program as usize] = Some(program);
        Config { texts, flags: 0, umask: None, keep: &[] }
    }

    /// The text, if it was given or has a default.
    pub fn text(&self, which: Text) -> Option<&'a CStr> {
        let given = self.texts.get(which as usize).copied().flatten();
        let root = which == Text::Directory && !self.has(Flag::Foreground);
        given.or(if root { Some(c"/") } else { None })
    }

    /// Gives a text.
    pub fn set_text(&mut self, which: Text, text: &'a CStr) {
        if let Some(place) = self.texts.get_mut(which as usize) {
            *place = Some(text);
        }
    }

    /// Was the switch given?
    pub const fn has(&self, flag: Flag) -> bool {
        self.flags & 1 << flag as u8 != 0
    }

    /// Gives a switch.
    pub const fn set(&mut self, flag: Flag) {
        self.flags |= 1 << flag as u8;
    }

    /// The program's name or path.
    pub fn program(&self) -> &'a CStr {
        self.text(Text::Program).unwrap_or(c"")
    }

    /// Does a process of its own make the session? Where the caller leads a process group it must not itself, and where it
    /// waits it stays in its session.
    pub const fn forks_twice(&self) -> bool {
        !self.has(Flag::SingleFork) && (self.has(Flag::Leader) || self.has(Flag::Wait))
    }

    /// Were both given, and the same?
    pub fn same(&self, one: Text, other: Text) -> bool {
        let text = self.text(one);
        text.is_some() && text == self.text(other)
    }

    /// Is the program named by a path, not to be searched?
    pub fn has_path(&self) -> bool {
        self.program().to_bytes().iter().any(|byte| *byte == b'/')
    }

    /// Is the program a path that starts in the caller's directory?
    pub fn program_is_relative(&self) -> bool {
        self.has_path() && self.program().to_bytes().first() != Some(&b'/')
    }

    /// Does descriptor `number` stay as it is?
    pub fn keeps(&self, number: u32) -> bool {
        let inherited = if number < 3 { Flag::Foreground } else { Flag::KeepAll };
        self.has(inherited) || self.keep.iter().any(|kept| *kept == number)
    }

    /// The lowest descriptor from `number` on that stays as it is, of those that were named.
    pub fn next_kept(&self, number: u32) -> Option<u32> {
        self.keep.iter().copied().filter(|kept| *kept >= number).min()
    }
}
