//! Words ⇄ values: from the command line to a configuration, from a result to one line and an exit status. No effects of
//! its own: `run` starts, writes and ends.
#![forbid(unsafe_code)]

mod help;
mod message;
mod options;
mod parse;

use crate::Words;
use crate::plan::{Config, Exit, Flag};
use crate::run::{self, Command};
use parse::Parser;

/// The whole of `dmz`: reads the words, does what they say, ends the process.
pub fn main(words: Words) -> ! {
    run::exit(answer(words) as u8)
}

fn answer(words: Words) -> Exit {
    let mut parser = Parser { words: words.arguments, config: Config::new(c""), word: c"" };
    if let Err(fault) = parser.parse() {
        message::usage(fault, &parser);
        return Exit::Failed;
    }
    let config = &parser.config;
    if config.has(Flag::Help) {
        return message::print(help::TEXT, &[]);
    }
    if config.has(Flag::Version) {
        return message::print(help::VERSION, &[]);
    }
    if config.has(Flag::DryRun) || config.has(Flag::Verbose) {
        let told = message::plan(config);
        if config.has(Flag::DryRun) {
            return told;
        }
    }
    let command = Command { arguments: parser.words, environment: words.environment, user: words.user };
    match run::start(config, &command) {
        Ok(pid) => message::started(config, pid),
        Err(failed) => {
            message::failed(config, &failed);
            Exit::of(failed.failure)
        }
    }
}
