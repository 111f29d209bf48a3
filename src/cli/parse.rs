//! From the words of the command line to options with their values, one at a time. Options end at the first word that is
//! not one; letters bundle and take glued values; long names take `--name VALUE` or `--name=VALUE` and are never
//! abbreviated.

use super::help;
use crate::plan::Opt;
use crate::{Vector, Word};

/// What is wrong with the command line.
#[derive(Clone, Copy)]
pub enum Fault {
    /// Something about one word.
    Word(Kind, Word<'static>),
    /// A value that an option does not take.
    Value(Opt, Word<'static>),
    /// Options that exclude each other.
    Conflict([Opt; 2]),
}

/// What can be wrong with a word.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// No such option.
    Unknown,
    /// The option's value is missing.
    NeedsValue,
    /// The option takes no value.
    TakesNoValue,
    /// There is no program.
    NoProgram,
    /// A file that the program reads or writes is also to be locked.
    Locked,
    /// Control goes without a program.
    NoneWanted,
    /// Control needs a pidfile.
    NoPidfile,
    /// There is nothing to limit.
    NoLimit,
}

/// A command line being read.
pub struct Parser {
    /// What has not been read; in the end the program and its arguments.
    pub words: Vector,
    /// The value of the option that was read last; empty for a switch.
    pub value: Word<'static>,
    /// The word being read.
    word: Word<'static>,
    /// Letters of the word that are still to be read.
    letters: Word<'static>,
}

impl Parser {
    /// Before the first option: the first word is dmz's own name and may be missing.
    pub fn new(mut words: Vector) -> Parser {
        words.next();
        Parser { words, value: Word::EMPTY, word: Word::EMPTY, letters: Word::EMPTY }
    }

    /// Reads the next option and its value; nothing at the end of the options.
    #[inline(never)]
    pub fn next(&mut self) -> Result<Option<Opt>, Fault> {
        let mut is_long = false;
        if self.letters.is_empty() {
            let mut words = self.words;
            self.word = words.next().unwrap_or(Word::EMPTY);
            self.letters = self.word.rest();
            if self.word.first() != b'-' || self.letters.is_empty() {
                self.letters = Word::EMPTY;
                return Ok(None);
            }
            self.words = words;
            if self.letters.first() == b'-' {
                is_long = true;
                self.letters = self.letters.rest();
                if self.letters.is_empty() {
                    return Ok(None);
                }
            }
        }
        let fault = |kind| Fault::Word(kind, self.word);
        let found = help::find(self.letters, is_long).ok_or(fault(Kind::Unknown))?;
        let is_switch = found.form.rest().first() == b' ';
        let is_optional = found.form.first() == b'[';
        // Glued: `-oFILE`, or `--name=VALUE`.
        let glued = if is_long { found.rest.rest() } else { found.rest };
        let is_glued = !found.rest.is_empty();
        self.letters = Word::EMPTY;
        self.value = Word::EMPTY;
        if !is_long && (is_switch || is_optional) {
            self.letters = found.rest;
        } else if is_switch && is_glued {
            return Err(fault(Kind::TakesNoValue));
        } else if is_glued {
            self.value = glued;
        } else if !is_switch && !is_optional {
            self.value = self.words.next().ok_or(fault(Kind::NeedsValue))?;
        }
        // `--restart=` is no `--restart`.
        if self.value.is_empty() && (is_glued && is_long || !is_switch && !is_optional) {
            return Err(Fault::Value(found.opt, self.value));
        }
        Ok(Some(found.opt))
    }
}
