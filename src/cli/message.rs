//! The words: what failed, as one line on standard error; the plan; the process id.

use core::ffi::CStr;

use super::parse::Fault;
use crate::plan::number::digits;
use crate::plan::table::{self, Entries};
use crate::plan::{Config, Exit, Failure, Flag, Reason, Step, Subject, order};
use crate::run::{self, End, Failed};

/// The kernel's usual text for every error number that a step can give, and our own reasons: number, text, NUL.
const REASONS: &[u8] = b"\
\x01Operation not permitted\0\
\x02No such file or directory\0\
\x04Interrupted system call\0\
\x05Input/output error\0\
\x06No such device or address\0\
\x07Argument list too long\0\
\x08Exec format error\0\
\x09Bad file descriptor\0\
\x0bResource temporarily unavailable\0\
\x0cCannot allocate memory\0\
\x0dPermission denied\0\
\x10Device or resource busy\0\
\x11File exists\0\
\x13No such device\0\
\x14Not a directory\0\
\x15Is a directory\0\
\x16Invalid argument\0\
\x17Too many open files in system\0\
\x18Too many open files\0\
\x1aText file busy\0\
\x1bFile too large\0\
\x1cNo space left on device\0\
\x1dIllegal seek\0\
\x1eRead-only file system\0\
\x20Broken pipe\0\
\x24File name too long\0\
\x25No locks available\0\
\x26Function not implemented\0\
\x28Too many levels of symbolic links\0\
\x4bValue too large for defined data type\0\
\x50Accessing a corrupted shared library\0\
\x5fOperation not supported\0\
\x74Stale file handle\0\
\x7aDisk quota exceeded\0\
\xc8its process was killed\0\
\xc9already running\0\
\xcaholds something else than a process id\0\
\xcbnot a regular file\0\
\xcchas other names (hard links)\0\
\xcdbelongs to another user\0\
\xceothers can write to its directory\0\
\xcfreplaced again and again\0\
\xd0not the null device\0\
\xd1another program holds a lock on it\0\
\xd2as PID 1 it would be the last to live\0\
\xd3killed while it was executed\0\
\xd4that is a lock\0\
\xd5too many to close one by one\0";

/// The text of a reason; empty for one that is not in the table.
fn text(reason: Reason) -> &'static [u8] {
    let entry = Entries(REASONS).find(|entry| entry.first() == Some(&(reason.number() as u8)));
    entry.and_then(|entry| entry.get(1..)).unwrap_or(b"")
}

/// A step's subject as it stands in a line.
fn subject<'a>(step: Step, config: &Config<'a>, room: &'a mut [u8; 16]) -> &'a [u8] {
    match step.subject(config) {
        Subject::None => b"",
        Subject::Text(name) => name.to_bytes(),
        Subject::Octal(number) => digits(number, 8, room),
    }
}

/// One line on standard error, unless nothing is to be said; there is nobody to tell if that fails.
#[inline(never)]
fn tell<'a>(config: &Config<'_>, template: &'a [u8], words: &[&'a [u8]]) -> Exit {
    if !config.has(Flag::Quiet) {
        let _ = run::write(run::STDERR, template, words);
    }
    Exit::Done
}

/// Writes to standard output.
#[inline(never)]
pub fn print<'a>(template: &'a [u8], words: &[&'a [u8]]) -> Exit {
    match run::write(run::STDOUT, template, words) {
        Ok(()) => Exit::Done,
        Err(reason) => {
            cannot(&Config::new(c""), b"write to", b"standard output", reason);
            Exit::Failed
        }
    }
}

/// `dmz: cannot STEP SUBJECT: REASON`.
fn cannot(config: &Config<'_>, step: &[u8], about: &[u8], reason: Reason) {
    let mut room = [0; 16];
    let (errno, why): (&[u8], _) = match text(reason) {
        b"" => (b"errno", digits(reason.number() as u32, 10, &mut room)),
        text => (b"", text),
    };
    tell(config, b"dmz: cannot % %: % %\n", &[step, about, errno, why]);
}

/// Tells of a start that failed.
pub fn failed(config: &Config<'_>, failed: &Failed) {
    let Failure { step, reason } = failed.failure;
    let mut room = [0; 16];
    if reason == Reason::RUNNING {
        let owner = digits(failed.number as u32, 10, &mut room);
        tell(config, b"dmz: already running, PID %\n", &[owner]);
        return;
    }
    let about = match step {
        Step::CheckKept => digits(failed.number as u32, 10, &mut room),
        _ => subject(step, config, &mut room),
    };
    let mut room = [0; 256];
    // An exec that says ENOENT about a program that is there means its interpreter.
    let not_found = step == Step::Execute && reason == Reason::NOT_FOUND && config.has_path();
    match if not_found { run::missing_interpreter(config.program(), &mut room) } else { b"" } {
        b"" => cannot(config, step.name(), about, reason),
        name => drop(tell(config, b"dmz: cannot execute %: its interpreter %: %\n", &[about, name, text(reason)])),
    }
}

/// What is said of each [`Fault`], in the order of the enum.
const FAULTS: &[u8] = b"unknown option\0missing value for\0unexpected value in\0bad value\0no program given\0options that exclude each other\0";

/// A word of the command line that makes no sense.
pub fn usage(fault: Fault, config: &Config<'_>, word: &CStr) {
    let fault = table::entry(FAULTS, fault as usize);
    tell(config, b"dmz: % %; try 'dmz --help'\n", &[fault, word.to_bytes()]);
}

/// There is no memory for the program's words.
pub fn no_memory(config: &Config<'_>, reason: Reason) -> Exit {
    cannot(config, b"copy", b"arguments", reason);
    Exit::Failed
}

/// How the program ended, after it was waited for.
pub fn ended(config: &Config<'_>, end: End) {
    let (how, number): (&[u8], u8) = match end {
        End::Exited(status) => (b"exited with", status),
        End::Killed(signal) => (b"was killed by signal", signal),
    };
    if config.has(Flag::Verbose) {
        tell(config, b"dmz: the program % %\n", &[how, digits(number.into(), 10, &mut [0; 16])]);
    }
}

/// The program runs: says so if it was asked to.
pub fn started(config: &Config<'_>, pid: i32) -> Exit {
    let mut room = [0; 16];
    let pid = digits(pid as u32, 10, &mut room);
    if config.has(Flag::Verbose) {
        tell(config, b"dmz: started, PID %\n", &[pid]);
    }
    if config.has(Flag::PrintPid) { print(b"%\n", &[pid]) } else { Exit::Done }
}

/// One step of the plan.
const LINE: &[u8] = b"% % %\n";

/// The plan, one step a line: on standard output if that is all, else as the beginning of the story.
pub fn plan(config: &Config<'_>) -> Exit {
    let printed = order::each(config, |process, step| {
        let mut room = [0; 16];
        let words = [process.name(), step.name(), subject(step, config, &mut room)];
        let exit = if config.has(Flag::DryRun) { print(LINE, &words) } else { tell(config, LINE, &words) };
        if exit == Exit::Done { Ok(()) } else { Err(exit) }
    });
    printed.err().unwrap_or(Exit::Done)
}
