//! From the words of the command line to a request. Options end at the first word that is not one; letters bundle and
//! take glued values; long names take `--name VALUE` or `--name=VALUE` and are never abbreviated.

use core::ffi::CStr;

use super::options::{self, NAMES};
use crate::plan::Config;
use crate::plan::table::Entries;
use crate::{Vector, tail};

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Start the program.
    Start,
    /// Print the plan.
    Plan,
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}

/// All that the command line says.
pub struct Request {
    pub task: Task,
    pub config: Config<'static>,
    /// Which word of the command line is the program.
    pub program: usize,
    pub print_pid: bool,
    pub verbose: bool,
    pub quiet: bool,
}

impl Request {
    /// Nothing said yet.
    pub const fn new() -> Request {
        Request {
            task: Task::Start, config: Config::new(c""), program: 0, print_pid: false, verbose: false, quiet: false,
        }
    }
}

/// A word that makes no sense, and why.
pub struct Usage {
    /// The word at fault; empty where something is missing at the end.
    pub word: &'static [u8],
    pub fault: Fault,
}

/// What is wrong with a word.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Fault {
    Unknown,
    NeedsValue,
    TakesNoValue,
    BadValue,
    NoProgram,
}

/// Reads the command line; the first word is dmz's own name and may be missing.
pub fn parse(words: Vector, request: &mut Request) -> Result<(), Usage> {
    let mut rest = Rest { words, taken: 0 };
    rest.next();
    while let Some(word) = rest.words.clone().next() {
        let text = word.to_bytes();
        let Some(name) = text.strip_prefix(b"-").filter(|name| !name.is_empty()) else { break };
        rest.next();
        match name.strip_prefix(b"-") {
            Some(b"") => break,
            Some(name) => long(name, word, &mut rest, request)?,
            None => letters(word, &mut rest, request)?,
        }
    }
    request.program = rest.taken;
    match rest.next() {
        Some(program) => request.config.program = program,
        None if matches!(request.task, Task::Help | Task::Version) => {}
        None => return Err(Usage { word: b"", fault: Fault::NoProgram }),
    }
    Ok(())
}

/// What of the command line has not been read.
struct Rest {
    words: Vector,
    taken: usize,
}

impl Rest {
    fn next(&mut self) -> Option<&'static CStr> {
        let word = self.words.next()?;
        self.taken += 1;
        Some(word)
    }
}

/// An option of the table.
struct Found {
    index: usize,
    takes_value: bool,
}

/// The option that `is_it` recognizes by its letter and its long name.
fn find(is_it: impl Fn(u8, &[u8]) -> bool) -> Option<Found> {
    for (index, entry) in Entries(NAMES).enumerate() {
        if let [letter, value, name @ ..] = entry {
            if is_it(*letter, name) {
                return Some(Found { index, takes_value: *value == b'+' });
            }
        }
    }
    None
}

/// One `--name`, `--name=VALUE` or `--name VALUE`.
fn long(text: &'static [u8], word: &'static CStr, rest: &mut Rest, request: &mut Request) -> Result<(), Usage> {
    let at = |fault| Usage { word: word.to_bytes(), fault };
    let equals = text.iter().position(|byte| *byte == b'=');
    let name = text.get(..equals.unwrap_or(text.len())).unwrap_or(text);
    let found = find(|_, long| long == name).ok_or(at(Fault::Unknown))?;
    let value = match equals {
        Some(_) if !found.takes_value => return Err(at(Fault::TakesNoValue)),
        Some(place) => tail(word, place + 3),
        None if found.takes_value => rest.next().ok_or(at(Fault::NeedsValue))?,
        None => c"",
    };
    if options::apply(found.index, request, value) { Ok(()) } else { Err(Usage { word: value.to_bytes(), fault: Fault::BadValue }) }
}

/// A dash and letters; what follows a letter that takes a value is its value.
fn letters(word: &'static CStr, rest: &mut Rest, request: &mut Request) -> Result<(), Usage> {
    let at = |fault| Usage { word: word.to_bytes(), fault };
    for (place, letter) in word.to_bytes().iter().enumerate().skip(1) {
        let found = find(|short, _| short == *letter && short != b'-').ok_or(at(Fault::Unknown))?;
        let value = match tail(word, place + 1) {
            _ if !found.takes_value => c"",
            glued if !glued.is_empty() => glued,
            _ => rest.next().ok_or(at(Fault::NeedsValue))?,
        };
        if !options::apply(found.index, request, value) {
            return Err(Usage { word: value.to_bytes(), fault: Fault::BadValue });
        }
        if found.takes_value {
            break;
        }
    }
    Ok(())
}
