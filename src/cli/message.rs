//! The words: what failed, as one line on standard error.

use super::parse::{Fault, Usage};
use super::printed;
use crate::plan::number::digits;
use crate::plan::table::{self, Entries};
use crate::plan::{Config, Exit, Failure, Process, Reason, Step, Subject, order};
use crate::run::{self, Failed};

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
\xd4that is the pidfile\0";

/// The text of a reason; empty for one that is not in the table.
fn text(reason: Reason) -> &'static [u8] {
    let entry = Entries(REASONS).find(|entry| entry.first() == Some(&reason.number()));
    entry.and_then(|entry| entry.get(1..)).unwrap_or(b"")
}

/// A subject as it stands in a line.
fn subject<'a>(subject: Subject<'a>, room: &'a mut [u8; 16]) -> &'a [u8] {
    match subject {
        Subject::None => b"",
        Subject::Text(name) => name.to_bytes(),
        Subject::Octal(number) => digits(number, 8, room),
    }
}

fn space(subject: &[u8]) -> &'static [u8] {
    if subject.is_empty() { b"" } else { b" " }
}

/// `dmz: cannot STEP SUBJECT: REASON`.
fn line(step: &[u8], about: &[u8], extra: &[u8], reason: Reason) {
    let mut room = [0; 16];
    let (errno, why): (&[u8], &[u8]) = match text(reason) {
        b"" => (b"errno ", digits(reason.number().into(), 10, &mut room)),
        text => (b"", text),
    };
    run::tell(&[b"dmz: cannot ", step, space(about), about, b": ", extra, errno, why, b"\n"]);
}

/// Tells of a start that failed.
pub fn failed(config: &Config<'_>, failed: &Failed) {
    let Failure { step, reason } = failed.failure;
    let mut room = [0; 16];
    if reason == Reason::RUNNING {
        let (what, owner): (&[u8], &[u8]) = match failed.owner {
            0 => (b"in a PID namespace that cannot be seen from here", b""),
            pid => (b"PID ", digits(pid as u32, 10, &mut room)),
        };
        run::tell(&[b"dmz: already running, ", what, owner, b"\n"]);
        return;
    }
    let about = subject(step.subject(config), &mut room);
    let mut room = [0; 256];
    match missing_interpreter(failed.failure, about, config, &mut room) {
        None => line(step.name(), about, b"", reason),
        Some(name) => run::tell(&[
            b"dmz: cannot execute ", about, b": its interpreter", space(name), name, b": ", text(reason), b"\n",
        ]),
    }
}

/// An exec that says ENOENT about a program that is there means its interpreter.
fn missing_interpreter<'a>(
    failure: Failure, program: &[u8], config: &Config<'_>, room: &'a mut [u8; 256],
) -> Option<&'a [u8]> {
    let not_found = failure.step == Step::Execute && failure.reason == Reason::NOT_FOUND;
    if not_found && config.has_path() { run::missing_interpreter(config.program, room) } else { None }
}

/// What is said of each [`Fault`], in the order of the enum.
const FAULTS: &[u8] =
    b"unknown option \0a value is missing for \0no value belongs to \0bad value \0no program given\0";

/// A word of the command line that makes no sense.
pub fn usage(usage: &Usage) {
    run::tell(&[b"dmz: ", table::entry(FAULTS, usage.fault as usize), usage.word, b"; try 'dmz --help'\n"]);
}

/// Standard output did not take what was asked for.
pub fn output(reason: Reason) {
    line(b"write to standard output", b"", b"", reason);
}

/// The end of the story that `--verbose` tells.
pub fn started(pid: i32) {
    let mut room = [0; 16];
    run::tell(&[b"dmz: started, PID ", digits(pid as u32, 10, &mut room), b"\n"]);
}

/// The program's process id, as `--print-pid` asks for it.
pub fn print_pid(pid: i32) -> Exit {
    let mut room = [0; 16];
    printed(run::print(&[digits(pid as u32, 10, &mut room), b"\n"]))
}

/// Gives the plan to `write`, one step a line.
pub fn plan(config: &Config<'_>, write: fn(&[&[u8]]) -> Result<(), Reason>) -> Exit {
    for process in Process::ALL {
        for step in order::steps(process, config) {
            let mut room = [0; 16];
            let about = subject(step.subject(config), &mut room);
            if let Err(reason) = write(&[process.name(), b": ", step.name(), space(about), about, b"\n"]) {
                return printed(Err(reason));
            }
        }
    }
    Exit::Done
}
