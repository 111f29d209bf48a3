//! Words ⇄ values: from the command line to a configuration, from a result to one line and an exit status. No effects of
//! its own: `run` starts, writes and ends.
#![forbid(unsafe_code)]

mod help;
mod message;
mod options;
mod parse;

#[cfg(feature = "identity")]
use crate::plan::identity;
#[cfg(feature = "monitor")]
use crate::plan::monitor;
#[cfg(feature = "ready")]
use crate::plan::ready::{self, Ready};
#[cfg(any(feature = "monitor", feature = "control"))]
use crate::plan::signal;
use crate::plan::{Config, Exit, Failure, Opt, Reason, Step, number};
#[cfg(feature = "control")]
use crate::run::control::{self, State};
use crate::run::{self, Command, End, Errno, Failed, Plain, Pool, UserWords, VectorMut};
use crate::{Vector, Word, Words};
use options::{CONFLICTS, CONTROLS, FILES};
use parse::{Fault, Kind, Parser};

/// The whole of `dmz`: reads the words, does what they say, ends the process.
pub fn main(words: Words) -> ! {
    run::exit(answer(words))
}

/// What the command line consists of.
struct Call {
    words: Words,
    /// The program and its arguments.
    program: Vector,
    /// How many options that may be repeated there are.
    repeated: usize,
    /// This process's id.
    id: i32,
}

fn answer(words: Words) -> u8 {
    let mut config = Config::new();
    // What the user gives would happen with the file's privileges.
    if run::gives_privileges(&words) {
        message::cannot(&config, Step::CheckFirst.name(), Word::EMPTY, Reason::PRIVILEGED);
        return Exit::Failed as u8;
    }
    let mut call = Call { words, program: Vector::EMPTY, repeated: 0, id: 0 };
    if let Err(fault) = call.read(&mut config) {
        #[cfg(feature = "monitor")]
        run::find_console(run::own_id());
        return message::usage(&config, fault) as u8;
    }
    for (opt, text) in [(Opt::Help, help::HELP), (Opt::Version, help::VERSION)] {
        if config.has(opt) {
            return message::print(&config, text) as u8;
        }
    }
    #[cfg(feature = "monitor")]
    run::find_console(call.id);
    #[cfg(feature = "control")]
    if config.has_any(CONTROLS) {
        return control(&config, &call.words).unwrap_or_else(|failure| failed(&config, failure)) as u8;
    }
    match call.prepare(&mut config) {
        Ok(command) => start(&config, &command),
        Err(failure) => failed(&config, failure) as u8,
    }
}

/// Tells of a failure before anything was started.
fn failed(config: &Config<'_>, failure: Failure) -> Exit {
    message::failed(config, Failed { failure, number: 0 })
}

/// Asks, stops or signals the daemon behind the pidfile. Never inlined: it has room for a path on its stack.
#[cfg(feature = "control")]
#[inline(never)]
fn control(config: &Config<'_>, words: &Words) -> Result<Exit, Failure> {
    const ELSEWHERE: Word<'static> = Word::new(c"its owner is in another PID namespace");
    if config.has(Opt::Stop) {
        control::block_signals()?;
    }
    let state = control::find(config, words.user)?;
    Ok(match state {
        State::Running(daemon) if config.has(Opt::Status) => message::running(config, &daemon),
        State::Running(daemon) if config.has(Opt::Signal) => {
            control::send(&daemon, config.signal)?;
            Exit::Done
        }
        State::Running(daemon) if control::stop(config, &daemon)? => Exit::Done,
        State::Running(_) => {
            message::uncontrolled(config, Word::new(c"it does not end"));
            Exit::Timeout
        }
        State::Dead(_) if config.has(Opt::Status) => Exit::Dead,
        State::NotRunning if config.has(Opt::Status) => Exit::NotRunning,
        State::Unknown if config.has(Opt::Status) => Exit::Unknown,
        State::Unknown => message::uncontrolled(config, ELSEWHERE),
        State::Dead(_) | State::NotRunning if config.has(Opt::Signal) => {
            message::uncontrolled(config, Word::new(c"not running"))
        }
        State::Dead(file) => {
            control::clean(config, &file);
            Exit::Done
        }
        State::NotRunning => Exit::Done,
    })
}

/// Starts the program, or tells how it would be started.
#[inline(never)]
fn start(config: &Config<'_>, command: &Command) -> u8 {
    if config.has_any(&[Opt::DryRun, Opt::Verbose]) {
        let told = message::plan(config);
        if config.has(Opt::DryRun) {
            return told as u8;
        }
    }
    #[cfg(feature = "monitor")]
    if config.has(Opt::Init) {
        return serve(config, command);
    }
    // As the program, this process prints nothing any more.
    if config.has(Opt::Foreground)
        && let Err(failure) = message::print_pid(config, command.id)
    {
        return failed(config, failure) as u8;
    }
    match run::start(config, command) {
        Ok(started) => match message::started(config, started.program.number()) {
            Ok(()) => {
                started.announce(command);
                if !config.has(Opt::Wait) {
                    return Exit::Done as u8;
                }
                match started.wait(config) {
                    Ok(end) => end_like(config, end),
                    Err(failure) => failed(config, failure) as u8,
                }
            }
            Err(failure) => message::failed(config, started.take_down(config, failure)) as u8,
        },
        Err(failed) => tell_failed(config, failed),
    }
}

/// Tells of a start that failed; one that a signal has ended dies of it.
fn tell_failed(config: &Config<'_>, failed: Failed) -> u8 {
    if failed.failure.reason == Reason::INTERRUPTED {
        return end_like(config, End::Killed(failed.number as u8));
    }
    message::failed(config, failed) as u8
}

/// Stays with the program until nothing is left of it.
#[cfg(feature = "monitor")]
fn serve(config: &Config<'_>, command: &Command) -> u8 {
    let served = run::serve(config, command, |pid| message::started(config, pid));
    let status = match served {
        // A PID 1 cannot die of a signal.
        Ok(end) => end_like(config, end),
        Err(failed) => tell_failed(config, failed),
    };
    if command.id == 1 {
        run::end_machine(config.monitoring.at_exit);
    }
    status
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

impl Call {
    /// Reads every option, and the program's name. Never inlined, like the next: a monitor lives on the stack of those that
    /// have called it, for as long as it lives.
    #[inline(never)]
    fn read(&mut self, config: &mut Config<'static>) -> Result<(), Fault> {
        let mut parser = Parser::new(self.words.arguments);
        while let Some(opt) = parser.next()? {
            let value = parser.value;
            take(config, opt, value).ok_or(Fault::Value(opt, value))?;
            config.set(opt);
            config.set_text(opt, value);
            self.repeated += usize::from(may_repeat(opt));
        }
        if !config.has_any(CONTROLS) {
            self.id = run::own_id();
        }
        self.program = parser.words;
        config.set_text(Opt::Program, parser.words.next().unwrap_or(Word::EMPTY));
        #[cfg(feature = "monitor")]
        config.settle_monitor(self.id);
        for pair in CONFLICTS {
            if pair.iter().all(|opt| config.has(*opt)) {
                return Err(Fault::Conflict(*pair));
            }
        }
        for file in FILES {
            if config.same(*file, Opt::Pidfile) || config.same(*file, Opt::Lockfile) {
                return Err(Fault::Word(Kind::Locked, config.text(*file)));
            }
        }
        let is_ready_file = |opt| !config.ready_file.is_empty() && config.ready_file.is(config.text(opt));
        if is_ready_file(Opt::Pidfile) || is_ready_file(Opt::Lockfile) {
            return Err(Fault::Value(Opt::Ready, config.text(Opt::Ready)));
        }
        let program = config.text(Opt::Program);
        if config.has(Opt::Timeout) && !config.has_any(&[Opt::Ready, Opt::Stop]) {
            return Err(Fault::Word(Kind::NoLimit, Word::EMPTY));
        }
        if config.has_any(CONTROLS) {
            return match program.is_empty() {
                false => Err(Fault::Word(Kind::NoneWanted, program)),
                true if !config.has(Opt::Pidfile) => Err(Fault::Word(Kind::NoPidfile, Word::EMPTY)),
                true => Ok(()),
            };
        }
        if program.is_empty() && !config.has_any(&[Opt::Help, Opt::Version]) {
            return Err(Fault::Word(Kind::NoProgram, Word::EMPTY));
        }
        Ok(())
    }

    /// Finds out what has to be known before there is a plan.
    #[inline(never)]
    fn prepare(&self, config: &mut Config<'static>) -> Result<Command, Failure> {
        let mut pool = Pool::new();
        #[cfg(feature = "identity")]
        let user = run::find_names(config, &mut pool)?;
        #[cfg(not(feature = "identity"))]
        let user = UserWords::default();
        config.settle(run::own_group() == self.id);
        run::make_absolute(config, &mut pool)?;
        build(config, self, user, &mut pool).map_err(|errno| Failure { step: Step::CopyWords, reason: errno.into() })
    }
}

/// May the option be given more than once, each one counting?
fn may_repeat(opt: Opt) -> bool {
    matches!(opt, Opt::Env | Opt::Unset | Opt::KeepFd | Opt::Rlimit | Opt::Map)
}

/// The longest time that can be given, in seconds.
#[cfg(any(feature = "monitor", feature = "control", feature = "ready"))]
const DAY: u32 = 86_400;

/// Takes an option's value; nothing for a value that is none.
fn take<'a>(config: &mut Config<'a>, opt: Opt, value: Word<'a>) -> Option<()> {
    let check = |is_good: bool| if is_good { Some(()) } else { None };
    match opt {
        Opt::Umask => config.umask = number::parse(value, 8, 0o777)?,
        Opt::KeepFd => drop(number::parse(value, 10, i32::MAX as u32 - 1)?),
        Opt::Env => check(value.has(b'=') && value.first() != b'=')?,
        Opt::Unset => check(!value.has(b'='))?,
        #[cfg(feature = "identity")]
        Opt::Caps => config.caps = identity::parse_caps(value)?,
        #[cfg(feature = "identity")]
        Opt::Nice => config.nice = number::parse_signed(value, 20, 19)?,
        #[cfg(feature = "identity")]
        Opt::OomScoreAdj => {
            number::parse_signed(value, 1000, 1000)?;
            // The kernel reads this text, and would take 010 for 8.
            check(value.strip(Word::new(c"-")).unwrap_or(value).first() != b'0' || value.is(Word::new(c"0")))?;
        }
        #[cfg(feature = "identity")]
        Opt::Rlimit => drop(identity::parse_limit(value)?),
        #[cfg(feature = "identity")]
        Opt::Ionice => config.io_priority = identity::parse_io_priority(value)?,
        #[cfg(feature = "identity")]
        Opt::Sched => config.scheduling = identity::parse_scheduling(value)?,
        #[cfg(feature = "monitor")]
        Opt::RestartDelay => config.monitoring.delay = number::parse(value, 10, DAY * 1000)?,
        #[cfg(feature = "monitor")]
        Opt::RestartMax => config.monitoring.most = number::parse(value, 10, u32::MAX)?,
        #[cfg(feature = "monitor")]
        Opt::StopTimeout => config.monitoring.stop_timeout = number::parse(value, 10, DAY)?,
        #[cfg(feature = "monitor")]
        Opt::StopSignal => config.monitoring.stop_signal = signal::parse(value)?,
        #[cfg(feature = "control")]
        Opt::Signal => config.signal = signal::parse(value)?,
        #[cfg(feature = "ready")]
        Opt::Ready => {
            config.ready = ready::parse(value)?;
            config.ready_file = if config.ready == Ready::Exit { value.behind(b':') } else { Word::EMPTY };
        }
        #[cfg(any(feature = "control", feature = "ready"))]
        Opt::Timeout => config.timeout = number::parse(value, 10, DAY)?,
        #[cfg(feature = "monitor")]
        Opt::ExitOk => drop(monitor::accepts(value, 0)?),
        #[cfg(feature = "monitor")]
        Opt::Map => drop(monitor::parse_map(value)?),
        #[cfg(feature = "monitor")]
        Opt::Target => config.monitoring.target_group = monitor::TARGETS.whole(value)? != 0,
        #[cfg(feature = "monitor")]
        Opt::AtExit => config.monitoring.at_exit = monitor::ACTIONS.whole(value)?,
        #[cfg(feature = "monitor")]
        Opt::Restart => check(value.is_empty() || value.is(Word::new(c"failure")))?,
        _ => {}
    }
    Some(())
}

/// What the program gets byte for byte, and the lists of what may be repeated.
fn build(config: &mut Config<'static>, call: &Call, user: UserWords, pool: &mut Pool) -> Result<Command, Errno> {
    let Call { words, program, repeated, id } = *call;
    let caller = words.environment;
    let mut command = Command { arguments: program, environment: caller, caller, manager: None, user: words.user, id };
    if config.has_any(&[Opt::Argv0, Opt::Initrd]) {
        let mut name = config.text(if config.has(Opt::Argv0) { Opt::Argv0 } else { Opt::Program });
        if config.has(Opt::Initrd) {
            name = run::join(Word::new(c"@"), name, pool)?;
        }
        let mut arguments = VectorMut::copy(program, 0, pool)?;
        arguments.rename(name);
        command.arguments = arguments.vector();
    }
    // What was for dmz is not for the program.
    let manager = if config.has(Opt::Foreground) { None } else { run::manager(caller) };
    command.manager = manager;
    if repeated > 0 || config.has(Opt::ClearEnv) || user[0].is_some() || manager.is_some() {
        let base = if config.has(Opt::ClearEnv) { Vector::EMPTY } else { words.environment };
        let mut environment = VectorMut::copy(base, repeated + user.len(), pool)?;
        user.into_iter().flatten().for_each(|word| environment.set(word));
        if manager.is_some() {
            environment.unset(run::MANAGER);
        }
        each(words.arguments, Opt::Unset, |name| environment.unset(name));
        each(words.arguments, Opt::Env, |word| environment.set(word));
        command.environment = environment.vector();
        config.keep = list(call, Opt::KeepFd, pool, |value| number::parse(value, 10, u32::MAX))?;
        #[cfg(feature = "identity")]
        (config.limits = list(call, Opt::Rlimit, pool, identity::parse_limit)?);
        #[cfg(feature = "monitor")]
        (config.monitoring.map = list(call, Opt::Map, pool, monitor::parse_map)?);
    }
    #[cfg(feature = "monitor")]
    if config.has(Opt::Initrd) && config.has(Opt::Monitored) {
        words.arguments.mark();
    }
    if command.has_id() {
        config.set(Opt::PassesId);
    }
    Ok(command)
}

/// Gives every value of an option that may be repeated to `act`.
fn each(arguments: Vector, wanted: Opt, mut act: impl FnMut(Word<'static>)) {
    let mut parser = Parser::new(arguments);
    while let Ok(Some(opt)) = parser.next() {
        if opt == wanted {
            act(parser.value);
        }
    }
}

/// What the values of an option that may be repeated stand for.
fn list<T: Plain>(
    call: &Call,
    wanted: Opt,
    pool: &mut Pool,
    parse: impl Fn(Word<'static>) -> Option<T>,
) -> Result<&'static [T], Errno> {
    let list = pool.list(call.repeated)?;
    let mut count = 0;
    each(call.words.arguments, wanted, |value| {
        if let (Some(place), Some(value)) = (list.get_mut(count), parse(value)) {
            *place = value;
            count += 1;
        }
    });
    Ok(list.get(..count).unwrap_or(&[]))
}
