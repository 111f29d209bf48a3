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
}

/// The switches.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Flag {
    /// Append to the output files instead of emptying them.
    Append,
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
}

/// All that was asked for.
#[derive(Clone, Copy)]
pub struct Config<'a> {
    texts: [Option<&'a CStr>; 6],
    flags: u32,
    /// The file mode creation mask.
    pub umask: u32,
}

impl<'a> Config<'a> {
    /// The defaults, for `program`: in `/`, umask 0, standard descriptors on the null device, no pidfile.
    pub const fn new(program: &'a CStr) -> Config<'a> {
        Config { texts: [Some(program), Some(c"/"), None, None, None, None], flags: 0, umask: 0 }
    }

    /// The text, if it was given or has a default.
    pub fn text(&self, which: Text) -> Option<&'a CStr> {
        self.texts.get(which as usize).copied().flatten()
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

    /// Do both outputs go to the file of the same name, which is then opened once?
    pub fn shares_output(&self) -> bool {
        self.text(Text::Stdout) == self.text(Text::Stderr)
    }

    /// Is the program named by a path, not to be searched?
    #[allow(clippy::manual_contains)] // contains() is a search made for long texts, 200 bytes of it
    pub fn has_path(&self) -> bool {
        self.program().to_bytes().iter().any(|byte| *byte == b'/')
    }

    /// Is the program a path that starts in the caller's directory?
    pub fn program_is_relative(&self) -> bool {
        self.has_path() && self.program().to_bytes().first() != Some(&b'/')
    }
}
