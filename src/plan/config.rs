//! What was asked for, with the defaults.

use core::ffi::CStr;

/// All that was asked for.
#[derive(Clone, Copy)]
pub struct Config<'a> {
    /// The program's name or path.
    pub program: &'a CStr,
    /// The working directory.
    pub directory: &'a CStr,
    /// The file mode creation mask.
    pub umask: u32,
    /// Where standard input comes from; the null device if not set.
    pub stdin: Option<&'a CStr>,
    /// Where standard output goes.
    pub stdout: Option<&'a CStr>,
    /// Where standard error goes.
    pub stderr: Option<&'a CStr>,
    /// Append to the output files instead of emptying them.
    pub append: bool,
    /// The pidfile.
    pub pidfile: Option<&'a CStr>,
}

impl<'a> Config<'a> {
    /// The defaults, for `program`: in `/`, umask 0, standard descriptors on the null device, no pidfile.
    pub const fn new(program: &'a CStr) -> Config<'a> {
        Config {
            program, directory: c"/", umask: 0, stdin: None, stdout: None, stderr: None, append: false, pidfile: None,
        }
    }

    /// Do both outputs go to the file of the same name, which is then opened once?
    pub fn shares_output(&self) -> bool {
        self.stdout.is_some() && self.stdout == self.stderr
    }

    /// Is the program a path that starts in the caller's directory?
    pub fn program_is_relative(&self) -> bool {
        self.has_path() && !self.program.to_bytes().starts_with(b"/")
    }

    /// Is the program named by a path, not to be searched?
    pub fn has_path(&self) -> bool {
        self.program.to_bytes().iter().any(|byte| *byte == b'/')
    }
}
