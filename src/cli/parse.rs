//! From the words of the command line to options with their values, one at a time. Options end at the first word that is
//! not one; letters bundle and take glued values; long names take `--name VALUE` or `--name=VALUE` and are never
//! abbreviated.

use super::help;
use super::options::{MEANINGS, Meaning};
use crate::{Vector, Word};

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
    /// Options that exclude each other.
    ForegroundWait,
    /// Options that exclude each other.
    ForegroundFork,
    /// Options that exclude each other.
    ForegroundSupervise,
    /// Options that exclude each other.
    ForegroundInit,
    /// Options that exclude each other.
    SuperviseWait,
    /// Options that exclude each other.
    SuperviseFork,
    /// Options that exclude each other.
    InitSupervise,
    /// Nothing to lock the lockfile with.
    UnlockedLockfile,
    /// A file that the program reads or writes is also to be locked: closing the one would unlock the other.
    LockedStandard,
}

/// A command line being read.
pub struct Parser {
    /// What has not been read; in the end the program and its arguments.
    pub words: Vector,
    /// The word being read; the one at fault if there is a fault.
    pub word: Word<'static>,
    /// The value of the option that was read last; empty for a switch.
    pub value: Word<'static>,
    /// Letters of the word that are still to be read.
    letters: Word<'static>,
}

impl Parser {
    /// Before the first option: the first word is dmz's own name and may be missing.
    pub fn new(mut words: Vector) -> Parser {
        words.next();
        Parser { words, word: Word::EMPTY, value: Word::EMPTY, letters: Word::EMPTY }
    }

    /// Reads the next option and its value; nothing at the end of the options.
    #[inline(never)]
    pub fn next(&mut self) -> Result<Option<Meaning>, Fault> {
        let mut is_long = false;
        if self.letters.is_empty() {
            let before = self.words;
            self.word = self.words.next().unwrap_or(Word::EMPTY);
            match self.word.bytes() {
                b"--" => return Ok(None),
                [b'-', b'-', ..] => is_long = true,
                [b'-', _, ..] => {}
                _ => {
                    self.words = before;
                    return Ok(None);
                }
            }
            self.letters = self.word.skip(1 + usize::from(is_long));
        }
        let text = self.letters.bytes();
        let (name, glued) = match text.iter().position(|byte| *byte == b'=').filter(|_| is_long) {
            Some(end) => (text.get(..end).unwrap_or(b""), end + 1),
            None if is_long => (text, 0),
            None => (text.get(..1).unwrap_or(b""), if text.len() > 1 { 1 } else { 0 }),
        };
        let meaning = help::find(name, is_long).and_then(|index| MEANINGS.get(index)).copied().ok_or(Fault::Unknown)?;
        let rest = self.letters.skip(if is_long { text.len() } else { 1 });
        let value = self.letters.skip(glued);
        self.letters = rest;
        self.value = Word::EMPTY;
        match meaning {
            Meaning::Flag(_) if is_long && glued > 0 => return Err(Fault::TakesNoValue),
            Meaning::Flag(_) => {}
            #[cfg(feature = "monitor")]
            Meaning::Restart => {
                if is_long && glued > 0 {
                    self.value = value;
                }
            }
            _ => {
                self.letters = Word::EMPTY;
                self.value = if glued > 0 { value } else { self.words.next().ok_or(Fault::NeedsValue)? };
            }
        }
        Ok(Some(meaning))
    }
}
