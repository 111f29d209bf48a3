//! From the words of the command line to options with their values, one at a time. Options end at the first word that is
//! not one; letters bundle and take glued values; long names take `--name VALUE` or `--name=VALUE` and are never
//! abbreviated.

use core::ffi::CStr;

use super::options::{MEANINGS, Meaning, NAMES};
use crate::plan::table::Entries;
use crate::{Vector, tail};

/// What is wrong with a word.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// No such option.
    Unknown,
    /// The option's value is missing.
    NeedsValue,
    /// The option takes no value.
    TakesNoValue,
    /// The option does not take this value.
    BadValue,
    /// There is no program.
    NoProgram,
    /// Two options that exclude each other; this is the second.
    Conflict,
}

/// A command line being read.
#[derive(Clone)]
pub struct Parser {
    /// What has not been read; in the end the program and its arguments.
    pub words: Vector,
    /// The word being read; the one at fault if there is a fault.
    pub word: &'static CStr,
    /// Letters of that word that are still to be read.
    letters: &'static CStr,
}

impl Parser {
    /// Before the first option: the first word is dmz's own name and may be missing.
    pub fn new(mut words: Vector) -> Parser {
        words.next();
        Parser { words, word: c"", letters: c"" }
    }

    /// The next option and its value, empty for a switch; nothing at the end of the options.
    pub fn next(&mut self) -> Result<Option<(Meaning, &'static CStr)>, Fault> {
        if self.letters.is_empty() {
            let before = self.words;
            self.word = self.words.next().unwrap_or(c"");
            match self.word.to_bytes() {
                b"--" => return Ok(None),
                [b'-', b'-', ..] => return self.long().map(Some),
                [b'-', _, ..] => self.letters = tail(self.word, 1),
                _ => {
                    self.words = before;
                    return Ok(None);
                }
            }
        }
        self.letter().map(Some)
    }

    /// One `--name`, `--name=VALUE` or `--name VALUE`.
    fn long(&mut self) -> Result<(Meaning, &'static CStr), Fault> {
        let text = self.word.to_bytes();
        let end = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
        let name = text.get(2..end).unwrap_or(b"");
        let meaning = find(|entry| entry.get(1..) == Some(name))?;
        let glued = end < text.len();
        if glued && matches!(meaning, Meaning::Flag(_)) {
            return Err(Fault::TakesNoValue);
        }
        self.value(meaning, if glued { Some(tail(self.word, end + 1)) } else { None })
    }

    /// The next letter; what follows one that takes a value is its value.
    fn letter(&mut self) -> Result<(Meaning, &'static CStr), Fault> {
        let letter = self.letters.to_bytes().first();
        let meaning = find(|entry| entry.first() == letter && letter != Some(&b'-'))?;
        let rest = tail(self.letters, 1);
        let is_flag = matches!(meaning, Meaning::Flag(_));
        self.letters = if is_flag { rest } else { c"" };
        self.value(meaning, if rest.is_empty() || is_flag { None } else { Some(rest) })
    }

    fn value(&mut self, meaning: Meaning, glued: Option<&'static CStr>) -> Result<(Meaning, &'static CStr), Fault> {
        if let Meaning::Flag(_) = meaning {
            return Ok((meaning, c""));
        }
        let value = glued.or_else(|| self.words.next()).ok_or(Fault::NeedsValue)?;
        Ok((meaning, value))
    }
}

/// The option whose entry among the names is the one.
fn find(is_it: impl Fn(&[u8]) -> bool) -> Result<Meaning, Fault> {
    let index = Entries(NAMES).position(is_it);
    index.and_then(|index| MEANINGS.get(index)).copied().ok_or(Fault::Unknown)
}
