//! The words: what failed, as one line on standard error; the plan; the process id.

use super::help;
use super::parse::{Fault, Kind};
use crate::plan::number::{Digits, digits};
use crate::plan::order::ORDER;
use crate::plan::{Config, Exit, Failure, Opt, Reason, Step};
#[cfg(feature = "control")]
use crate::run::control::Daemon;
use crate::run::{self, End, Failed};
use crate::{Table, Word};

/// What is said of each [`Kind`](super::parse::Kind), in the order of the enum. What a feature is for, and it is off,
/// cannot be told from what never was.
const FAULTS: Table =
    Table::new(if cfg!(all(feature = "identity", feature = "monitor", feature = "ready", feature = "control")) {
        concat!("unknown option \0", faults!()).as_bytes()
    } else {
        concat!("option unknown or not built in: \0", faults!()).as_bytes()
    });

macro_rules! faults {
    () => {
        "missing value for \0unexpected value in \0no program given\0\
        locked file for -i, -o, -e: \0no program goes with -T, -K, -s: \0-T, -K, -s need -p\0\
        --timeout needs --ready or --stop\0\0"
    };
}
use faults;

const BLANK: Word<'static> = Word::new(c" ");

/// One line on standard error, unless nothing is to be said; there is nobody to tell if that fails.
#[inline(never)]
fn tell(config: &Config<'_>, words: &[Word<'_>]) {
    if !config.has(Opt::Quiet) {
        run::say(words);
    }
}

/// Writes a text to standard output as it is.
pub fn print(config: &Config<'_>, text: Word<'_>) -> Exit {
    printed(config, run::write(run::STDOUT, text.bytes()).map_err(Reason::from))
}

/// Writes a line to standard output.
fn print_line(config: &Config<'_>, words: &[Word<'_>]) -> Exit {
    printed(config, run::write_line(run::STDOUT, words))
}

/// The status to end with when something was printed, or was not.
#[inline(never)]
fn printed(config: &Config<'_>, result: Result<(), Reason>) -> Exit {
    match result {
        Ok(()) => Exit::Done,
        Err(reason) => {
            cannot(config, Step::Print.name(), Word::EMPTY, reason);
            Exit::Failed
        }
    }
}

/// `dmz: cannot STEP SUBJECT: REASON`.
#[inline(never)]
pub fn cannot(config: &Config<'_>, step: Word<'_>, about: Word<'_>, reason: Reason) {
    let mut room = Digits::default();
    let (errno, text) = match reason.text() {
        Some(text) => (Word::EMPTY, text),
        None => (Word::new(c"errno "), digits(reason.number() as u32, 0, &mut room)),
    };
    tell(config, &[Word::new(c"dmz: cannot "), step, blank(about), about, Word::new(c": "), errno, text]);
}

/// What stands in front of a word that may be none.
fn blank(word: Word<'_>) -> Word<'_> {
    if word.is_empty() { word } else { BLANK }
}

/// Tells of a start that failed; the status to end with.
#[inline(never)]
pub fn failed(config: &Config<'_>, failed: Failed) -> Exit {
    let Failure { step, mut reason } = failed.failure;
    let mut room = Digits::default();
    let mut interpreter = [0; size_of::<run::Beginning>()];
    let mut name = [0; 32];
    let named = digits(failed.number as u32, 0, &mut room);
    let mut what = step.name();
    let mut about = config.text(step.about());
    if reason == Reason::RUNNING {
        let owner = if failed.number == 0 { Word::new(c"in another namespace") } else { named };
        let name = run::name_of(failed.number, &mut name);
        let (open, close) = if name.is_empty() { (name, name) } else { (Word::new(c" ("), Word::new(c")")) };
        tell(config, &[Word::new(c"dmz: already running, PID "), owner, open, name, close]);
        return Exit::Running;
    }
    if step == Step::CheckKept {
        about = named;
    }
    if reason == Reason::NO_INTERPRETER {
        let missing = run::missing_interpreter(seen(config), &mut interpreter);
        if !missing.is_empty() {
            (what, about, reason) = (Word::new(c"find the interpreter"), missing, Reason::NOT_FOUND);
        }
    }
    cannot(config, what, about, teach(config, Failure { step, reason }));
    Exit::of(failed.failure)
}

/// The program, where it has the same path for this process: not one that was searched, or is in another root.
#[inline(never)]
fn seen<'a>(config: &Config<'a>) -> Word<'a> {
    if config.has_path() && !config.has(Opt::Chroot) { config.text(Opt::Program) } else { Word::EMPTY }
}

/// What says more than the kernel's own reason where that misleads.
fn teach(config: &Config<'_>, failure: Failure) -> Reason {
    match (failure.step, failure.reason) {
        (Step::Execute, Reason::NO_ACCESS) if run::is_on_noexec(seen(config)) => Reason::NO_EXEC,
        #[cfg(feature = "identity")]
        (Step::SetGroups | Step::SetGroup | Step::SetUser | Step::EnterUser, reason) if run::is_root() => {
            match reason {
                Reason::NOT_PERMITTED => Reason::NO_CAPABILITY,
                Reason::INVALID => Reason::NOT_MAPPED,
                _ => reason,
            }
        }
        (_, reason) => reason,
    }
}

/// A command line that makes no sense.
#[inline(never)]
pub fn usage(config: &Config<'_>, fault: Fault) -> Exit {
    const HELP: Word<'static> = Word::new(c"; try 'dmz --help'");
    const DMZ: Word<'static> = Word::new(c"dmz: ");
    match fault {
        Fault::Word(kind, word) => {
            let mut room = help::Room::default();
            let near = if kind == Kind::Unknown { help::nearest(word) } else { None };
            let (near, is_it) = match near {
                Some(opt) => (help::name(opt, &mut room), Word::new(c"; is it ")),
                None => (Word::EMPTY, Word::EMPTY),
            };
            tell(config, &[DMZ, FAULTS.entry(kind as usize), word, is_it, near, HELP]);
        }
        Fault::Value(opt, value) => {
            let mut room = help::Room::default();
            let name = help::name(opt, &mut room);
            tell(config, &[DMZ, Word::new(c"bad value "), value, Word::new(c" for "), name, HELP]);
        }
        Fault::Conflict([one, other]) => {
            let (mut room, mut other_room) = (help::Room::default(), help::Room::default());
            let (one, other) = (help::name(one, &mut room), help::name(other, &mut other_room));
            tell(config, &[DMZ, one, Word::new(c" excludes "), other, HELP]);
        }
    }
    Exit::Failed
}

/// How the program ended, after it was waited for.
#[inline(never)]
pub fn ended(config: &Config<'_>, end: End) {
    let (how, status) = match end {
        End::Exited(status) => (Word::new(c"dmz: the program exited with "), status),
        End::Killed(signal) => (Word::new(c"dmz: the program was killed by signal "), signal),
    };
    if config.has(Opt::Verbose) {
        tell(config, &[how, digits(status.into(), 0, &mut Digits::default())]);
    }
}

/// The program runs: says so if it was asked to.
#[inline(never)]
pub fn started(config: &Config<'_>, pid: i32) -> Result<(), Failure> {
    if config.has(Opt::Verbose) {
        let mut room = Digits::default();
        tell(config, &[Word::new(c"dmz: started, PID "), digits(pid as u32, 0, &mut room)]);
    }
    print_pid(config, pid)
}

/// Prints the program's id, if it was asked for.
pub fn print_pid(config: &Config<'_>, pid: i32) -> Result<(), Failure> {
    if !config.has(Opt::PrintPid) {
        return Ok(());
    }
    let mut room = Digits::default();
    run::write_line(run::STDOUT, &[digits(pid as u32, 0, &mut room)])
        .map_err(|reason| Failure { step: Step::Print, reason })
}

/// The plan, one step a line: on standard output if that is all, else as the beginning of the story.
#[inline(never)]
pub fn plan(config: &Config<'_>) -> Exit {
    for row in ORDER {
        let Some((process, step)) = row.resolve(config) else { continue };
        let about = config.text(step.about());
        let line = [process.name(), BLANK, step.name(), blank(about), about];
        if config.has(Opt::DryRun) {
            if let exit @ Exit::Failed = print_line(config, &line) {
                return exit;
            }
        } else {
            tell(config, &line);
        }
    }
    Exit::Done
}

/// What is known of a daemon, if it was asked for.
#[cfg(feature = "control")]
pub fn running(config: &Config<'_>, daemon: &Daemon) -> Exit {
    let (mut program, mut monitor) = (Digits::default(), Digits::default());
    let program = digits(daemon.program as u32, 0, &mut program);
    let owner = digits(daemon.owner as u32, 0, &mut monitor);
    let (by, owner) = if daemon.is_monitor() { (Word::new(c", monitor "), owner) } else { (Word::EMPTY, Word::EMPTY) };
    // Between two programs a monitor has none.
    let (pid, number) = if daemon.program == 0 { (Word::EMPTY, Word::EMPTY) } else { (Word::new(c", PID "), program) };
    if config.has(Opt::Verbose) {
        tell(config, &[Word::new(c"dmz: running"), pid, number, by, owner]);
    }
    if config.has(Opt::PrintPid) && daemon.program != 0 { print_line(config, &[program]) } else { Exit::Done }
}

/// Why nothing can be done to a daemon.
#[cfg(feature = "control")]
pub fn uncontrolled(config: &Config<'_>, why: Word<'_>) -> Exit {
    let about = config.text(Opt::Pidfile);
    tell(config, &[Word::new(c"dmz: cannot control the daemon of "), about, Word::new(c": "), why]);
    Exit::Failed
}
