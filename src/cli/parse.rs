//! From the words of the command line to a configuration. Options end at the first word that is not one; letters bundle
//! and take glued values; long names take `--name VALUE` or `--name=VALUE` and are never abbreviated.

use core::ffi::CStr;

use super::options::{MEANINGS, Meaning, NAMES};
use crate::plan::table::Entries;
use crate::plan::{Config, Flag, Text, number};
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
}

/// A command line being read.
pub struct Parser {
    /// What has not been read; in the end the program and its arguments.
    pub words: Vector,
    /// What was asked for so far.
    pub config: Config<'static>,
    /// The word being read; the one at fault if there is a fault.
    pub word: &'static CStr,
}

impl Parser {
    /// Reads all of it. The first word is dmz's own name and may be missing.
    pub fn parse(&mut self) -> Result<(), Fault> {
        self.words.next();
        let program = loop {
            let rest = self.words;
            let Some(word) = self.words.next() else { break rest };
            self.word = word;
            match word.to_bytes() {
                b"--" => break self.words,
                [b'-', b'-', ..] => self.long()?,
                [b'-', _, ..] => self.letters()?,
                _ => break rest,
            }
        };
        self.words = program;
        self.word = c"";
        if let Some(name) = program.clone().next() {
            self.config.set_text(Text::Program, name);
        } else if !self.config.has(Flag::Help) && !self.config.has(Flag::Version) {
            return Err(Fault::NoProgram);
        }
        Ok(())
    }

    /// One `--name`, `--name=VALUE` or `--name VALUE`.
    fn long(&mut self) -> Result<(), Fault> {
        let text = self.word.to_bytes();
        let end = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
        let name = text.get(2..end).unwrap_or(b"");
        let glued = if end < text.len() { Some(tail(self.word, end + 1)) } else { None };
        let takes_value = self.take(b'-', name, glued)?;
        if glued.is_some() && !takes_value { Err(Fault::TakesNoValue) } else { Ok(()) }
    }

    /// A dash and letters; what follows a letter that takes a value is its value.
    fn letters(&mut self) -> Result<(), Fault> {
        let mut rest = tail(self.word, 1);
        while let Some(letter) = rest.to_bytes().first() {
            rest = tail(rest, 1);
            if self.take(*letter, b"", if rest.is_empty() { None } else { Some(rest) })? {
                break;
            }
        }
        Ok(())
    }

    /// Takes the option of this letter, or of this name where the letter is `-`; whether it has a value, which is
    /// `glued` to it in the same word or the next word.
    fn take(&mut self, letter: u8, name: &[u8], glued: Option<&'static CStr>) -> Result<bool, Fault> {
        let is_it = |entry: &[u8]| match entry {
            [first, long @ ..] if name.is_empty() => *first == letter && letter != b'-' && !long.is_empty(),
            [_, long @ ..] => long == name,
            [] => false,
        };
        let meaning = Entries(NAMES).position(is_it).and_then(|index| MEANINGS.get(index)).ok_or(Fault::Unknown)?;
        if let Meaning::Flag(flag) = meaning {
            self.config.set(*flag);
            return Ok(false);
        }
        let value = glued.or_else(|| self.words.next()).ok_or(Fault::NeedsValue)?;
        if let Meaning::Text(text) = meaning {
            self.config.set_text(*text, value);
        } else {
            self.word = value;
            self.config.umask = number::parse(value.to_bytes(), 8, 0o777).ok_or(Fault::BadValue)?;
        }
        Ok(true)
    }
}
