//! Words ⇄ values: from the command line to a configuration, from a result to one line and an exit status. No effects of
//! its own: `run` starts, writes and ends.
#![forbid(unsafe_code)]

mod help;
mod message;
mod options;
mod parse;

use core::ffi::CStr;

use crate::plan::{Config, Exit, Flag, Reason, Text, number};
use crate::run::{self, Command, End, Rewrite};
use crate::{Vector, Words};
use options::{CONFLICTS, FILES, LOCKS, Meaning};
use parse::{Fault, Parser};

/// The whole of `dmz`: reads the words, does what they say, ends the process.
pub fn main(words: Words) -> ! {
    run::exit(answer(words))
}

/// What all options together ask for.
struct Request {
    config: Config<'static>,
    /// How many options of those that may be repeated.
    repeated: usize,
}

fn answer(words: Words) -> u8 {
    let mut request = Request { config: Config::new(c""), repeated: 0 };
    let mut parser = Parser::new(words.arguments);
    if let Err(fault) = request.read(&mut parser) {
        message::usage(fault, &request.config, parser.word);
        return Exit::Failed as u8;
    }
    let config = &mut request.config;
    if config.has(Flag::Help) {
        return message::print(help::TEXT, &[]) as u8;
    }
    if config.has(Flag::Version) {
        return message::print(help::VERSION, &[]) as u8;
    }
    let exit = match request.command(words, parser.words) {
        Err(reason) => message::no_memory(&request.config, reason),
        Ok(command) => {
            if run::own_group() == command.id {
                request.config.set(Flag::Leader);
            }
            return start(&request.config, &command);
        }
    };
    exit as u8
}

/// Starts the program, or tells how it would be started.
fn start(config: &Config<'_>, command: &Command) -> u8 {
    if config.has(Flag::DryRun) || config.has(Flag::Verbose) {
        let told = message::plan(config);
        if config.has(Flag::DryRun) {
            return told as u8;
        }
    }
    match run::start(config, command) {
        Ok(started) => {
            let exit = message::started(config, started.program.number());
            if config.has(Flag::Wait) { wait(config, &started) } else { exit as u8 }
        }
        Err(failed) => {
            message::failed(config, &failed);
            Exit::of(failed.failure) as u8
        }
    }
}

/// Ends as the program does.
fn wait(config: &Config<'_>, started: &run::Started) -> u8 {
    let end = started.wait(config);
    message::ended(config, end);
    match end {
        End::Exited(status) => status,
        End::Killed(signal) => {
            run::die(signal);
            128 + signal
        }
    }
}

impl Request {
    /// Reads every option, and the program's name.
    fn read(&mut self, parser: &mut Parser) -> Result<(), Fault> {
        while let Some((meaning, value)) = parser.next()? {
            let text = value.to_bytes();
            let name = text.iter().position(|byte| *byte == b'=');
            self.repeated += usize::from(!matches!(meaning, Meaning::Text(_) | Meaning::Flag(_) | Meaning::Umask));
            let is_good = match meaning {
                Meaning::Text(text) => {
                    self.config.set_text(text, value);
                    true
                }
                Meaning::Flag(flag) => {
                    self.config.set(flag);
                    true
                }
                Meaning::Umask => {
                    self.config.umask = number::parse(text, 8, 0o777);
                    self.config.umask.is_some()
                }
                Meaning::Keep => descriptor(value).is_some(),
                Meaning::Set => name.is_some_and(|length| length > 0),
                Meaning::Unset => name.is_none() && !text.is_empty(),
            };
            if !is_good {
                parser.word = value;
                return Err(Fault::BadValue);
            }
        }
        self.check()?;
        match parser.words.clone().next() {
            Some(name) => self.config.set_text(Text::Program, name),
            None if self.config.has(Flag::Help) || self.config.has(Flag::Version) => {}
            None => return Err(Fault::NoProgram),
        }
        Ok(())
    }

    /// What cannot be meant together.
    fn check(&self) -> Result<(), Fault> {
        let config = &self.config;
        let clash = CONFLICTS.iter().any(|(one, other)| config.has(*one) && config.has(*other));
        let unlocked = config.has(Flag::NoLock) && config.text(Text::Lockfile).is_some();
        let same = FILES.iter().any(|file| LOCKS.iter().any(|lock| config.same(*file, *lock)));
        if clash || unlocked || same { Err(Fault::Conflict) } else { Ok(()) }
    }

    /// What the program gets. The options that may be repeated are read again: what is unset before what is set.
    fn command(&mut self, words: Words, program: Vector) -> Result<Command, Reason> {
        let config = &mut self.config;
        let mut command = Command { arguments: program, environment: words.environment, words, id: run::own_id() };
        if let Some(name) = config.text(Text::Name).or(config.has(Flag::Initrd).then_some(config.program())) {
            let mut arguments = Rewrite::new(program, 0)?;
            arguments.rename(name, config.has(Flag::Initrd))?;
            command.arguments = arguments.vector();
        }
        if self.repeated == 0 && !config.has(Flag::ClearEnvironment) {
            return Ok(command);
        }
        let mut environment = Rewrite::new(words.environment, self.repeated)?;
        if config.has(Flag::ClearEnvironment) {
            environment.clear();
        }
        let keep = run::numbers(self.repeated)?;
        let mut kept = 0;
        for sets in [false, true] {
            let mut parser = Parser::new(words.arguments);
            while let Ok(Some((meaning, value))) = parser.next() {
                match meaning {
                    Meaning::Unset if !sets => environment.unset(value.to_bytes()),
                    Meaning::Set if sets => environment.set(value),
                    Meaning::Keep if !sets => {
                        if let (Some(place), Some(number)) = (keep.get_mut(kept), descriptor(value)) {
                            *place = number;
                            kept += 1;
                        }
                    }
                    _ => {}
                }
            }
        }
        config.keep = keep.get(..kept).unwrap_or(&[]);
        command.environment = environment.vector();
        Ok(command)
    }
}

/// The number of a descriptor.
fn descriptor(word: &CStr) -> Option<u32> {
    number::parse(word.to_bytes(), 10, i32::MAX as u32 - 1)
}
