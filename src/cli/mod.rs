//! Words ⇄ values: from the command line to a configuration, from a result to one line and an exit status. No effects of
//! its own: `run` starts, writes and ends.
#![forbid(unsafe_code)]

mod help;
mod message;
mod options;
mod parse;

use crate::Words;
use crate::plan::{Exit, Reason};
use crate::run::{self, Command};
use parse::{Request, Task};

/// The whole of `dmz`: reads the words, does what they say, ends the process.
pub fn main(words: Words) -> ! {
    run::exit(answer(words) as u8)
}

fn answer(words: Words) -> Exit {
    let mut request = Request::new();
    if let Err(usage) = parse::parse(words.arguments, &mut request) {
        if !request.quiet {
            message::usage(&usage);
        }
        return Exit::Failed;
    }
    match request.task {
        Task::Help => print(help::TEXT),
        Task::Version => print(help::VERSION),
        Task::Plan => message::plan(&request.config, run::print),
        Task::Start => start(&request, words),
    }
}

#[inline(never)]
fn print(text: &[u8]) -> Exit {
    printed(run::print(&[text]))
}

/// What it means that standard output took, or did not take, what was asked for.
fn printed(result: Result<(), Reason>) -> Exit {
    match result {
        Ok(()) => Exit::Done,
        Err(reason) => {
            message::output(reason);
            Exit::Failed
        }
    }
}

fn start(request: &Request, words: Words) -> Exit {
    let config = &request.config;
    let command = Command {
        arguments: words.arguments.from(request.program),
        environment: words.environment,
        user: words.user,
    };
    if request.verbose {
        // Nobody to tell if standard error takes nothing.
        let _ = message::plan(config, |pieces| { run::tell(pieces); Ok(()) });
    }
    match run::start(config, &command) {
        Ok(pid) => {
            if request.verbose {
                message::started(pid);
            }
            if request.print_pid { message::print_pid(pid) } else { Exit::Done }
        }
        Err(failed) => {
            if !request.quiet {
                message::failed(config, &failed);
            }
            Exit::of(failed.failure)
        }
    }
}
