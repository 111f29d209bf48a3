//! The words: what failed, as one line on standard error; the plan; the process id.

use super::parse::Fault;
use crate::plan::number::{Digits, digits};
use crate::plan::{Config, Exit, Failure, Flag, Reason, Step, Text, order};
use crate::run::{self, End, Failed};
use crate::{Table, Word};

/// The kernel's usual text for every error number that a step can give, and our own reasons: number, text, NUL.
const REASONS: Table = Table::new(
    b"\
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
\xd5too many\0\
\xd6not found\0\
\xd7it needs a group, too\0\
\xd8the kernel only pretended\0\
\xd9its file gives privileges (set-user-id or capabilities)\0\
\0",
);

/// What is said of each [`Fault`], in the order of the enum.
const FAULTS: Table = Table::new(
    b"unknown option\0missing value for\0unexpected value in\0bad value\0no program given\0\
    -f excludes -w\0-f excludes --single-fork\0\
    -f excludes -S and -r\0-f excludes -I\0-S and -r exclude -w\0-S and -r exclude --single-fork\0-I excludes -S\0--no-lock excludes -l\0-i, -o, -e exclude the file of -p and -l\0\0",
);

/// A number as a word.
fn number(value: u32, room: &mut Digits) -> Word<'_> {
    Word::ending(digits(value, 0, room))
}

const BLANK: Word<'static> = Word::new(c" ");
const LINE_END: Word<'static> = Word::new(c"\n");

/// One line on standard error, unless nothing is to be said; there is nobody to tell if that fails.
#[inline(never)]
fn tell(config: &Config<'_>, words: &[Word<'_>]) {
    if !config.has(Flag::Quiet) {
        let _ = run::write(run::STDERR, words);
    }
}

/// Writes to standard output.
#[inline(never)]
pub fn print(words: &[Word<'_>]) -> Exit {
    match run::write(run::STDOUT, words) {
        Ok(()) => Exit::Done,
        Err(reason) => {
            cannot(&Config::new(), Word::new(c"write to standard output"), Word::EMPTY, reason);
            Exit::Failed
        }
    }
}

/// `dmz: cannot STEP SUBJECT: REASON`.
#[inline(never)]
fn cannot(config: &Config<'_>, step: Word<'_>, about: Word<'_>, reason: Reason) {
    let mut room = Digits::default();
    let mut reasons = REASONS;
    let (errno, text) = match reasons.find(|entry| entry.first() == reason.number() as u8) {
        Some(entry) => (Word::EMPTY, entry.skip(1)),
        None => (Word::new(c"errno "), number(reason.number() as u32, &mut room)),
    };
    let blank = if about.is_empty() { about } else { BLANK };
    tell(config, &[Word::new(c"dmz: cannot "), step, blank, about, Word::new(c": "), errno, text, LINE_END]);
}

/// Tells of a start that failed.
pub fn failed(config: &Config<'_>, failed: &Failed) {
    let Failure { step, reason } = failed.failure;
    let mut room = Digits::default();
    let mut interpreter = [0; 256];
    let named = number(failed.number as u32, &mut room);
    if reason == Reason::RUNNING {
        let owner = if failed.number == 0 { Word::new(c"in another namespace") } else { named };
        return tell(config, &[Word::new(c"dmz: already running, PID "), owner, LINE_END]);
    }
    let about = match step.about() {
        Some(text) => config.text(text),
        None if step == Step::CheckKept => named,
        None => Word::EMPTY,
    };
    // An exec that says ENOENT about a program that is there means its interpreter.
    if step == Step::Execute && reason == Reason::NOT_FOUND && config.has_path() && !config.names(Text::Root) {
        let missing = run::missing_interpreter(about, &mut interpreter);
        if !missing.is_empty() {
            return cannot(config, Word::new(c"find the interpreter"), missing, reason);
        }
    }
    cannot(config, step.name(), about, reason);
}

/// A word of the command line that makes no sense.
pub fn usage(config: &Config<'_>, fault: Fault, word: Word<'_>) {
    let fault = FAULTS.entry(fault as usize);
    tell(config, &[Word::new(c"dmz: "), fault, BLANK, word, Word::new(c"; try 'dmz --help'\n")]);
}

/// dmz's own file is set-user-id, or the like.
pub fn privileged(config: &Config<'_>) {
    cannot(config, Step::CheckFirst.name(), Word::EMPTY, Reason::PRIVILEGED);
}

/// There is no memory for the program's words.
pub fn no_memory(config: &Config<'_>, reason: Reason) {
    cannot(config, Word::new(c"copy arguments"), Word::EMPTY, reason);
}

/// How the program ended, after it was waited for.
pub fn ended(config: &Config<'_>, end: End) {
    let (how, status) = match end {
        End::Exited(status) => (Word::new(c"dmz: the program exited with "), status),
        End::Killed(signal) => (Word::new(c"dmz: the program was killed by signal "), signal),
    };
    if config.has(Flag::Verbose) {
        tell(config, &[how, number(status.into(), &mut Digits::default()), LINE_END]);
    }
}

/// The program runs: says so if it was asked to.
pub fn started(config: &Config<'_>, pid: i32) -> Exit {
    let mut room = Digits::default();
    let pid = number(pid as u32, &mut room);
    if config.has(Flag::Verbose) {
        tell(config, &[Word::new(c"dmz: started, PID "), pid, LINE_END]);
    }
    if config.has(Flag::PrintPid) { print(&[pid, LINE_END]) } else { Exit::Done }
}

/// The plan, one step a line: on standard output if that is all, else as the beginning of the story.
pub fn plan(config: &Config<'_>) -> Exit {
    let printed = order::each(config, |process, step| {
        let about = step.about().map_or(Word::EMPTY, |text| config.text(text));
        let blank = if about.is_empty() { about } else { BLANK };
        let line = [process.name(), BLANK, step.name(), blank, about, LINE_END];
        if config.has(Flag::DryRun) {
            return match print(&line) {
                Exit::Done => Ok(()),
                exit => Err(exit),
            };
        }
        tell(config, &line);
        Ok(())
    });
    printed.err().unwrap_or(Exit::Done)
}
