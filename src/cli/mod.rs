//! Words ⇄ values: from the command line to a configuration, from a result to one line and an exit status. No effects of
//! its own: `run` starts, writes and ends.
#![forbid(unsafe_code)]

mod help;
mod message;
mod options;
mod parse;

#[cfg(feature = "identity")]
use crate::plan::identity;
use crate::plan::{Config, Exit, Flag, Reason, Text, number};
#[cfg(feature = "monitor")]
use crate::plan::{monitor, signal};
use crate::run::{self, Command, End, Pool, VectorMut};
use crate::{Vector, Word, Words};
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
    /// Room for the resource limits.
    limits: &'static mut [u64],
    /// As what signals are passed on.
    map: &'static mut [u8],
    /// Where what the program gets is put together.
    pool: Pool,
}

fn answer(words: Words) -> u8 {
    let mut request = Request { config: Config::new(), repeated: 0, limits: &mut [], map: &mut [], pool: Pool::new() };
    let mut parser = Parser::new(words.arguments);
    // What the user gives would happen with the file's privileges.
    if run::gives_privileges(&words) {
        message::privileged(&request.config);
        return Exit::Failed as u8;
    }
    if let Err(fault) = request.read(&mut parser) {
        message::usage(&request.config, fault, parser.word);
        return Exit::Failed as u8;
    }
    if request.config.has(Flag::Help) {
        return message::print(&[Word::ending(help::TEXT)]) as u8;
    }
    if request.config.has(Flag::Version) {
        return message::print(&[Word::ending(help::VERSION)]) as u8;
    }
    #[cfg(feature = "identity")]
    if let Err(failure) = run::resolve(&mut request.config, &mut request.pool) {
        message::failed(&request.config, &run::Failed { failure, number: 0 });
        return Exit::Failed as u8;
    }
    #[cfg(feature = "monitor")]
    if request.config.has(Flag::Supervise)
        && let Err(failure) = run::make_absolute(&mut request.config, &mut request.pool)
    {
        message::failed(&request.config, &run::Failed { failure, number: 0 });
        return Exit::Failed as u8;
    }
    match request.command(words, parser.words) {
        Ok(command) => start(&request.config, &command),
        Err(reason) => {
            message::no_memory(&request.config, reason);
            Exit::Failed as u8
        }
    }
}

/// Starts the program, or tells how it would be started.
#[inline(never)]
fn start(config: &Config<'_>, command: &Command) -> u8 {
    if config.has(Flag::DryRun) || config.has(Flag::Verbose) {
        let told = message::plan(config);
        if config.has(Flag::DryRun) {
            return told as u8;
        }
    }
    #[cfg(feature = "monitor")]
    if config.has(Flag::Init) {
        return serve(config, command);
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

/// Stays with the program until nothing is left of it.
#[cfg(feature = "monitor")]
fn serve(config: &Config<'_>, command: &Command) -> u8 {
    let served = run::serve(config, command, |pid| {
        let _ = message::started(config, pid);
    });
    let status = match served {
        Ok(end) => end_like(config, end),
        Err(failed) => {
            message::failed(config, &failed);
            Exit::of(failed.failure) as u8
        }
    };
    if command.id == 1 {
        run::end_machine(config.monitoring.at_exit);
    }
    status
}

/// Ends as the program does.
fn wait(config: &Config<'_>, started: &run::Started) -> u8 {
    end_like(config, started.wait(config))
}

/// Ends as a program has ended.
fn end_like(config: &Config<'_>, end: End) -> u8 {
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
    #[inline(never)]
    fn read(&mut self, parser: &mut Parser) -> Result<(), Fault> {
        while let Some(meaning) = parser.next()? {
            let value = parser.value;
            let is_good = match meaning {
                Meaning::Flag(flag) => {
                    self.config.set(flag);
                    true
                }
                Meaning::Text(text) => {
                    self.config.set_text(text, value);
                    !value.is_empty() && self.set_value(text, value.bytes()).is_some()
                }
                Meaning::Keep => descriptor(value).is_some(),
                Meaning::Set => has_equals(value) && value.first() != b'=',
                Meaning::Unset => !has_equals(value) && !value.is_empty(),
                #[cfg(feature = "monitor")]
                Meaning::Restart => self.set_restart(value.bytes()),
                #[cfg(feature = "monitor")]
                Meaning::Map => self.set_map(value.bytes()).is_some(),
                #[cfg(feature = "identity")]
                Meaning::Limit => self.set_limit(value.bytes()).is_some(),
            };
            self.repeated += usize::from(meaning.may_repeat());
            if !is_good {
                parser.word = value;
                return Err(Fault::BadValue);
            }
        }
        parser.word = Word::EMPTY;
        let limits: &'static mut [u64] = core::mem::take(&mut self.limits);
        self.config.identity.limits = limits;
        let map: &'static mut [u8] = core::mem::take(&mut self.map);
        self.config.monitoring.map = map;
        let restarts = self.config.has(Flag::Restart) || self.config.has(Flag::RestartFailure);
        if restarts && !self.config.has(Flag::Init) {
            self.config.set(Flag::Supervise);
        }
        self.check()?;
        let program = parser.words.clone().next().unwrap_or(Word::EMPTY);
        self.config.set_text(Text::Program, program);
        match self.config.has(Flag::Help) || self.config.has(Flag::Version) || !program.is_empty() {
            true => Ok(()),
            false => Err(Fault::NoProgram),
        }
    }

    /// The values that are more than a text; nothing for one that is none.
    fn set_value(&mut self, which: Text, value: &[u8]) -> Option<()> {
        #[cfg(feature = "identity")]
        self.set_identity(which, value)?;
        #[cfg(feature = "monitor")]
        self.set_monitoring(which, value)?;
        if which == Text::Umask {
            self.config.umask = number::parse(value, 8, 0o777)?;
        }
        Some(())
    }

    #[cfg(feature = "identity")]
    fn set_identity(&mut self, which: Text, value: &[u8]) -> Option<()> {
        let identity = &mut self.config.identity;
        match which {
            Text::Caps => identity.caps = Some(identity::parse_caps(value)?),
            Text::Nice => identity.nice = number::parse_signed(value, 20, 19)?,
            Text::OomScore => drop(number::parse_signed(value, 1000, 1000)?),
            Text::IoPriority => identity.io_priority = identity::parse_io_priority(value)?,
            Text::Scheduling => identity.scheduling = identity::parse_scheduling(value)?,
            _ => {}
        }
        Some(())
    }

    #[cfg(feature = "monitor")]
    fn set_monitoring(&mut self, which: Text, value: &[u8]) -> Option<()> {
        let monitoring = &mut self.config.monitoring;
        match which {
            Text::RestartDelay => monitoring.delay = number::parse(value, 10, DAY * 1000)?,
            Text::RestartMax => monitoring.most = Some(number::parse(value, 10, u32::MAX)?),
            Text::StopSignal => monitoring.stop_signal = signal::parse(value)?,
            Text::StopTimeout => monitoring.timeout = Some(number::parse(value, 10, DAY)?),
            Text::ExitOk => monitoring.accept(value)?,
            Text::AtExit => monitoring.at_exit = monitor::parse_at_exit(value)?,
            Text::Target if value == b"group" => self.config.set(Flag::TargetGroup),
            Text::Target if value == b"process" => self.config.clear(Flag::TargetGroup),
            Text::Target => return None,
            _ => {}
        }
        Some(())
    }

    #[cfg(feature = "monitor")]
    fn set_map(&mut self, value: &[u8]) -> Option<()> {
        let (from, to) = monitor::parse_map(value)?;
        if self.map.is_empty() {
            self.map = self.pool.bytes(65).ok()?;
            (0..).zip(self.map.iter_mut()).for_each(|(number, place)| *place = number);
        }
        *self.map.get_mut(from)? = to;
        Some(())
    }

    /// Restart always, or after a failure only.
    #[cfg(feature = "monitor")]
    fn set_restart(&mut self, value: &[u8]) -> bool {
        self.config.clear(Flag::Restart);
        self.config.clear(Flag::RestartFailure);
        self.config.set(if value.is_empty() { Flag::Restart } else { Flag::RestartFailure });
        matches!(value, b"" | b"failure")
    }

    #[cfg(feature = "identity")]
    fn set_limit(&mut self, value: &[u8]) -> Option<()> {
        let (resource, limit) = identity::parse_limit(value)?;
        if self.limits.is_empty() {
            self.limits = self.pool.longs(2 * identity::RESOURCES_MAX).ok()?;
        }
        let [soft, hard] = self.limits.get_mut(2 * resource..2 * resource + 2)? else { return None };
        [*soft, *hard] = limit;
        self.config.identity.limited |= 1 << resource;
        Some(())
    }

    /// What cannot be meant together.
    fn check(&self) -> Result<(), Fault> {
        let config = &self.config;
        for (one, other, fault) in CONFLICTS {
            if config.has(*one) && config.has(*other) {
                return Err(*fault);
            }
        }
        if config.has(Flag::NoLock) && config.names(Text::Lockfile) {
            return Err(Fault::UnlockedLockfile);
        }
        let is_locked = |file: &Text| LOCKS.iter().any(|lock| config.same(*file, *lock));
        if FILES.iter().any(is_locked) { Err(Fault::LockedStandard) } else { Ok(()) }
    }

    /// What the program gets. The options that may be repeated are read again: what is unset before what is set.
    fn command(&mut self, words: Words, program: Vector) -> Result<Command, Reason> {
        let (config, pool) = (&mut self.config, &mut self.pool);
        let mut command = Command { arguments: program, environment: words.environment, words, id: run::own_id() };
        if run::own_group() == command.id {
            config.set(Flag::Leader);
        }
        // The first process of all cannot detach anything: it is what the others stay alive by.
        #[cfg(feature = "monitor")]
        if command.id == 1 && !FORKS.iter().any(|flag| config.has(*flag)) {
            config.set(Flag::Init);
        }
        let is_initrd = config.has(Flag::Initrd);
        if is_initrd || config.names(Text::Name) {
            let which = if config.names(Text::Name) { Text::Name } else { Text::Program };
            let mut name = config.text(which);
            if is_initrd {
                name = run::join(b"@", name.bytes(), pool)?;
            }
            let mut arguments = VectorMut::copy(program, 0, pool)?;
            arguments.rename(name);
            command.arguments = arguments.vector();
        }
        let user = config.identity.environment;
        if self.repeated > 0 || config.has(Flag::ClearEnvironment) || user[0].is_some() {
            let base = if config.has(Flag::ClearEnvironment) { Vector::EMPTY } else { words.environment };
            let mut environment = VectorMut::copy(base, self.repeated + user.len(), pool)?;
            user.into_iter().flatten().for_each(|word| environment.set(word));
            let keep = pool.numbers(self.repeated)?;
            let mut kept = 0;
            for sets in [false, true] {
                let mut parser = Parser::new(words.arguments);
                while let Ok(Some(meaning)) = parser.next() {
                    let value = parser.value;
                    match meaning {
                        Meaning::Unset if !sets => environment.unset(value.bytes()),
                        Meaning::Set if sets => environment.set(value),
                        Meaning::Keep if sets => {
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
        }
        Ok(command)
    }
}

/// The longest time that can be given, in seconds.
#[cfg(feature = "monitor")]
const DAY: u32 = 86_400;

/// What needs a second process.
#[cfg(feature = "monitor")]
const FORKS: &[Flag] = &[Flag::Foreground, Flag::Supervise, Flag::SingleFork, Flag::Wait];

/// The number of a descriptor.
fn descriptor(word: Word<'_>) -> Option<u32> {
    number::parse(word.bytes(), 10, i32::MAX as u32 - 1)
}

/// Is it `NAME=VALUE`?
fn has_equals(word: Word<'_>) -> bool {
    word.variable().len() < word.bytes().len()
}
