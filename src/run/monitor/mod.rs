//! The monitor: the program's parent, which forwards signals, reaps, starts the program again, and ends what it leaves. The
//! decisions are in `plan/machine.rs`, their causes and effects here.
//!
//! It waits in one rt_sigtimedwait(2) for all signals, its children's ends among them, with no descriptor and no handler
//! for that. Once the start is over it wakes up only for a signal or a deadline. A child's number stays its own until
//! it is reaped here, so kill(2) reaches no other process.

#[cfg(feature = "ready")]
mod ready;
mod terminal;

use core::sync::atomic::Ordering::Relaxed;

use super::apply::{Start, Work};
use super::detach::{await_exec, pause, prove};
use super::{perform, pidfile, sooner};
use crate::Word;
use crate::plan::machine::{Action, Event, State, next};
use crate::plan::monitor::{SIGNALLED, accepts, next_delay};
use crate::plan::ready::Ready;
use crate::plan::{Exit, Failure, Opt, Process, Reason, Step};
use crate::sys::file;
use crate::sys::memory::{Path, set_aside, trim_stack};
use crate::sys::monitor::{self as sys, Child};
use crate::sys::process::{self, End};
use crate::sys::signal::{self, CONT, INT, KILL, QUIT, TERM, TSTP, TTIN, TTOU};
use crate::sys::time::now;

/// A run of this long is no failure to start, so the delay begins anew.
const STEADY: u64 = 10_000;

/// How long to look again and again for the daemon that a program has left, and how often, in milliseconds.
const ADOPTION: u64 = 1000;
const MOMENT: u64 = 10;
/// How long the only one must have been that: the middle process of a double fork is it for a moment.
#[cfg(feature = "ready")]
const SETTLING: u64 = 50;

/// How often, and how long apart in milliseconds, to look whether the launcher has gone. Where somebody never reaps it the
/// monitor has a page more.
const LOOKS: u32 = 100;
const LOOK: u64 = 10;

/// What the monitor knows.
struct Monitor<'a> {
    work: Work<'a>,
    state: State,
    /// The program, while it runs.
    program: Option<process::Process>,
    /// How it ended last.
    end: End,
    /// When the time is over that the last action set.
    deadline: Option<u64>,
    started: u64,
    delay: u32,
    /// Starts in a row that did not last.
    restarts: u32,
    /// Nothing is started any more.
    is_last: bool,
    /// The program works.
    is_ready: bool,
    /// The wait for its first run to be ready.
    #[cfg(feature = "ready")]
    wait: Option<super::ready::Wait<'a>>,
    /// The process that it has named as the one that counts, while that is not our child.
    main: Option<process::Process>,
    /// Until when its first process may have left a daemon that is still to be found.
    adopts_until: Option<u64>,
    /// Why the start is given up.
    failure: Option<Failure>,
    /// Why the last start again has failed.
    restart_failure: Option<Failure>,
    /// The controlling terminal.
    terminal: Option<file::Fd>,
    /// The process group that its foreground was given to: the program's, or 0.
    given: i32,
    /// How many children were told to go already, which are the first of the list, and the last one of them.
    told: (usize, i32),
}

/// What the keys ^C and ^\ send.
const KEY_INT: u8 = INT as u8;
const KEY_QUIT: u8 = QUIT as u8;

/// Starts the program, says by `started` when it works, stays until nothing is left of it. How it ended; or why there was
/// no start.
pub fn run(start: &Start<'_>, started: impl FnOnce(i32) -> Result<(), Failure>) -> Result<End, Reason> {
    let mut monitor = Monitor::new(start)?;
    let is_over = monitor.stay();
    // Even if it is over: then it has worked and ended.
    let told = if monitor.work.has_started { started(start.record.daemon.load(Relaxed)) } else { Ok(()) };
    monitor.leave(is_over, told)
}

/// The detached monitor's whole life.
pub fn live(start: &Start<'_>) -> ! {
    let parent = process::Process::new(start.record.session.load(Relaxed));
    let tell = |_| {
        if let Some(parent) = parent {
            process::signal(parent, signal::CHILD);
        }
        Ok(())
    };
    // To who has left its PID namespace (unshare(2)) the launcher has no number, and with this process all others would end.
    if process::own_id() == 1 {
        start.record.fail(Reason::FIRST);
        process::exit(0)
    }
    start.record.monitor.store(process::own_id(), Relaxed);
    if let Err(reason) = run(start, tell) {
        start.record.fail(reason);
    }
    process::exit(0)
}

impl<'a> Monitor<'a> {
    /// The monitor's own steps, and the first start of the program.
    #[inline(never)]
    fn new(start: &'a Start<'a>) -> Result<Monitor<'a>, Reason> {
        let config = start.config;
        let mut monitor = Monitor {
            work: Work::new(start, Path::new(start.room.take())),
            state: State::Up,
            program: None,
            end: End::Exited(0),
            deadline: None,
            started: 0,
            delay: config.monitoring.delay,
            restarts: 0,
            is_last: false,
            is_ready: !config.has(Opt::Ready),
            #[cfg(feature = "ready")]
            wait: None,
            main: None,
            adopts_until: None,
            failure: None,
            restart_failure: None,
            terminal: None,
            given: 0,
            told: (0, 0),
        };
        perform(Process::Monitor, &mut monitor.work)?;
        // It is written when the program runs, and an older one is not to outlive a start that fails.
        if config.has(Opt::Pidfile) {
            start.record.will_overwrite();
        }
        // Behind the closing of what was inherited.
        if config.has(Opt::Init) {
            monitor.terminal = sys::terminal();
        }
        #[cfg(feature = "ready")]
        (monitor.wait = Some(super::ready::Wait::new(start, monitor.work.channel)?));
        monitor.begin()?;
        Ok(monitor)
    }

    /// Stays until it `is_over`, in spite of what could not be `told`.
    #[inline(never)]
    fn leave(&mut self, is_over: bool, told: Result<(), Failure>) -> Result<End, Reason> {
        let Start { config, record, .. } = self.work.start;
        if let Err(failure) = told {
            record.disprove();
            self.give_up(failure);
        }
        if !is_over {
            self.stay();
        }
        if self.failure.is_none() {
            if config.has(Opt::Pidfile) {
                pidfile::remove(config.text(Opt::Pidfile), record);
            }
            // A detached monitor has nobody left to tell.
            if let (Some(failure), true) = (self.restart_failure, config.has(Opt::Init)) {
                record.disprove();
                self.failure = Some(failure);
            }
        }
        if let Some(Failure { step, reason }) = self.failure {
            record.note(step);
            // In the foreground a signal, or a key, has told the program and us: known only after its silence.
            let is_told = config.has(Opt::Init) && record.number() > 0;
            return Err(if reason == Reason::ENDED_EARLY && is_told { Reason::INTERRUPTED } else { reason });
        }
        Ok(self.end)
    }

    /// Starts the program.
    fn begin(&mut self) -> Result<(), Reason> {
        let start = self.work.start;
        let (config, record) = (start.config, start.record);
        self.name(c"dmz: up");
        record.forget();
        let takes_terminal = self.terminal.is_some_and(sys::is_foreground);
        record.note(Step::ForkDaemon);
        // What an earlier run has left is not this one's daemon.
        #[cfg(feature = "ready")]
        if config.ready == Ready::Exit && self.work.has_started {
            record.clear_strangers();
            super::ready::note_strangers(record);
        }
        let Some(program) = process::fork(&record.daemon)? else { self.become_program(takes_terminal) };
        self.given = if takes_terminal { program.number() } else { 0 };
        let mut proved = prove(program, program.number(), pause);
        if config.ready == Ready::Exec && !self.is_ready {
            proved = proved.and_then(|proved| await_exec(start, program).map(|()| proved));
        }
        if proved != Ok(true) || !record.is_executing() {
            process::end(program);
            self.take_terminal_back();
            return Err(proved.err().unwrap_or(record.reason()));
        }
        self.program = Some(program);
        self.started = now();
        // The number may be another file's by the time of a later start.
        #[cfg(feature = "ready")]
        if !self.work.has_started {
            super::ready::close_theirs(record);
        }
        // A program that forks by itself will be another process.
        if config.ready == Ready::Exit {
            return Ok(());
        }
        match perform(Process::Keeper, &mut self.work) {
            // What it has started meanwhile goes as well.
            Err(reason) if !self.work.has_started => self.give_up(Failure { step: Step::WritePidfile, reason }),
            // A program that could be started again is worth more than its pidfile, which is empty and locked.
            _ => {}
        }
        Ok(())
    }

    /// The child: the daemon's steps, in a copy of this memory.
    fn become_program(&mut self, takes_terminal: bool) -> ! {
        let start = self.work.start;
        let begun = (|| {
            // What it sends to its group is not for the monitor.
            sys::new_group()?;
            if let (Some(terminal), true) = (self.terminal, takes_terminal) {
                sys::take_foreground(terminal, process::own_id())?;
            }
            Ok(())
        })();
        if let Err(reason) = begun.and_then(|()| perform(Process::Daemon, &mut self.work)) {
            start.record.fail(reason);
        }
        process::exit(0)
    }

    /// Until nothing is left, or until the program works for the first time; whether nothing is left.
    #[inline(never)]
    fn stay(&mut self) -> bool {
        let record = self.work.start.record;
        let mut looks = LOOKS;
        loop {
            #[cfg(feature = "ready")]
            self.look();
            let is_over = self.reap();
            if self.is_ready && self.failure.is_none() && !self.work.has_started {
                record.prove();
                self.work.has_started = true;
                return is_over;
            }
            if is_over {
                return true;
            }
            let mut next = self.deadline;
            #[cfg(feature = "ready")]
            if !self.is_ready && self.failure.is_none() {
                next = sooner(next, self.wait.as_ref().and_then(|wait| wait.deadline));
            }
            let left = next.map(|next| next.saturating_sub(now()));
            let left = sooner(left, self.adopts_until.map(|_| MOMENT));
            let arrived = match left {
                // Nobody reads the record any more: its page is for when there is something to do.
                None if self.is_alone() => {
                    trim_stack();
                    set_aside(record, || signal::wait_for(signal::ALL, None))
                }
                None if looks > 0 => {
                    looks -= 1;
                    signal::wait_for(signal::ALL, Some(LOOK))
                }
                left => signal::wait_for(signal::ALL, left),
            };
            // Or stopped and continued, or a time is over.
            if let Ok(signal) = arrived {
                self.signalled(signal);
                // The kernel hands out the lowest number first: an endless number of those must not hold up a stop.
                if signal.number < TERM
                    && let Ok(stop) = signal::wait_for(signal::set(&[TERM, INT]), Some(0))
                {
                    self.signalled(stop);
                }
            }
            // However many signals come.
            if self.deadline.is_some_and(|deadline| deadline <= now()) {
                self.deadline = None;
                self.act(Event::Timeout);
            }
        }
    }

    /// Have those gone with which the record is shared?
    fn is_alone(&self) -> bool {
        let Start { config, command, record, .. } = self.work.start;
        config.has(Opt::Init) || process::is_gone(command.id) && process::is_gone(record.session.load(Relaxed))
    }

    /// The start has failed: everything is stopped, and then that is told.
    fn give_up(&mut self, failure: Failure) {
        self.failure = self.failure.or(Some(failure));
        self.is_last = true;
        self.adopts_until = None;
        self.act(if self.program.is_some() { Event::Terminate } else { Event::Ended });
    }

    /// Takes every child that has ended; whether it is time to leave.
    fn reap(&mut self) -> bool {
        loop {
            match sys::next_child() {
                Ok(Some((child, what))) => {
                    let is_program = self.program == Some(child);
                    match what {
                        Child::Ended(end) if is_program => self.ended(end),
                        Child::Ended(_) => self.sweep(),
                        Child::Stopped(signal) if is_program && matches!(signal, TSTP | TTIN | TTOU) => {
                            self.stop_too(signal);
                        }
                        Child::Stopped(_) => {}
                    }
                }
                Ok(None) => return false,
                Err(_) => {
                    if self.adopts_until.take().is_some() {
                        self.finish();
                    }
                    return self.act(Event::Empty);
                }
            }
        }
    }

    /// The program has ended.
    fn ended(&mut self, end: End) {
        // What it said before counts.
        #[cfg(feature = "ready")]
        self.look();
        (self.program, self.end) = (None, end);
        // ^C has gone to the program alone, and means all of this.
        if let (End::Killed(key @ (KEY_INT | KEY_QUIT)), true) = (end, self.given > 0) {
            self.is_told_to_end(key.into());
        }
        self.take_terminal_back();
        #[cfg(feature = "ready")]
        if end == End::Exited(0) {
            self.take_main();
            if self.program.is_some() {
                return;
            }
        }
        if self.work.start.config.ready == Ready::Exit && end == End::Exited(0) && self.state == State::Up {
            self.adopts_until = Some(now() + ADOPTION);
        } else {
            self.finish();
        }
    }

    /// The program has ended, and left no daemon.
    fn finish(&mut self) {
        let config = self.work.start.config;
        let monitoring = &config.monitoring;
        let number = match self.end {
            End::Exited(status) => status.into(),
            End::Killed(signal) => SIGNALLED + u32::from(signal),
        };
        let is_accepted = number == 0 || accepts(config.text(Opt::ExitOk), number) == Some(true);
        let is_success = is_accepted && self.restart_failure.is_none();
        if is_success {
            self.end = End::Exited(0);
        }
        if !self.is_ready {
            self.give_up(Failure { step: Step::AwaitReady, reason: Reason::ENDED_EARLY });
            return;
        }
        if now().saturating_sub(self.started) >= STEADY {
            (self.restarts, self.delay) = (0, monitoring.delay);
        }
        // `--restart=failure`, or always.
        let is_asked = config.has(Opt::Restart) && (config.text(Opt::Restart).is_empty() || !is_success);
        let may_start = is_asked && !self.is_last && self.restarts < monitoring.most;
        self.act(if may_start { Event::Restart } else { Event::Ended });
    }

    /// Lets the table decide, and does it; whether it is time to leave.
    fn act(&mut self, event: Event) -> bool {
        let (state, action) = next(self.state, event);
        self.state = state;
        let monitoring = &self.work.start.config.monitoring;
        match action {
            Action::Nothing => {}
            Action::Start => {
                let begun = self.begin();
                self.restart_failure = begun.err().map(|reason| self.work.start.record.failure(reason));
                if let Some(failure) = self.restart_failure {
                    // It counts like a program that failed at once.
                    self.started = now();
                    self.end = End::Exited(Exit::of(failure) as u8);
                    self.finish();
                }
            }
            Action::Stop => {
                self.forward(monitoring.stop_signal);
                self.forward(CONT);
                self.patience();
            }
            Action::Delay => {
                self.name(c"dmz: wait");
                self.disown();
                self.deadline = Some(now() + u64::from(self.delay));
                self.delay = next_delay(self.delay);
                self.restarts += 1;
            }
            Action::Drain | Action::Kill => {
                self.disown();
                self.patience();
                self.sweep();
            }
            Action::Leave => return true,
        }
        false
    }

    /// The pidfile names nobody while nothing runs.
    fn disown(&self) {
        if self.program.is_none() && self.work.start.config.has(Opt::Pidfile) {
            let _ = file::set_size(self.work.pidfile, 0);
        }
    }

    /// Sets the time for a stop, in which nobody was told yet.
    fn patience(&mut self) {
        self.name(c"dmz: stop");
        self.told = (0, 0);
        let seconds = self.work.start.config.monitoring.stop_timeout;
        self.deadline = if self.state == State::Kill { None } else { Some(now() + u64::from(seconds) * 1000) };
    }

    /// Tells every child to go that was not told yet, if it is time for that. What a child leaves behind when it goes
    /// becomes our child, and is told after the child was reaped.
    fn sweep(&mut self) {
        let signal = match self.state {
            State::Stop | State::Drain if self.program.is_none() => TERM,
            State::Kill => KILL,
            _ => return,
        };
        let start = self.work.start;
        let config = start.config;
        // The kernel lists them in the order in which they became ours, and at most one has gone since: then the last that was
        // told stands one place before, or it is that one.
        let (count, last) = self.told;
        let mut all = (0, 0);
        let tell = |child: process::Process| {
            all = (all.0 + 1, child.number());
            if all.0 > count || all.0 == count && all.1 != last {
                process::signal(child, signal);
                if signal == TERM {
                    process::signal(child, CONT);
                }
            }
        };
        let group = if start.command.id == 1 && config.has(Opt::Init) {
            1 // Everything is ours, and /proc may be another namespace's.
        } else if sys::each_child(tell).is_ok() {
            self.told = all;
            return;
        } else {
            // No /proc, or that of another namespace: what is left of the program's group is ours. Once the program is reaped
            // the kernel gives its number to nobody as long as there is such a group: so first that is looked for.
            let leader = start.record.daemon.load(Relaxed);
            let is_strangers = || sys::is_group_gone(leader) || !process::is_gone(leader);
            if self.program.is_none() && is_strangers() { 0 } else { leader }
        };
        // Once: to a monitor among them a second TERM means more than the first.
        if count == 0 || signal == KILL {
            self.told.0 = 1;
            sys::signal_group(group, signal);
            if signal == TERM {
                sys::signal_group(group, CONT);
            }
        }
    }

    /// A signal has come.
    fn signalled(&mut self, signal: signal::Arrived) {
        let config = self.work.start.config;
        let number = signal.number;
        let mapped = config.monitoring.mapped(number);
        // A shell's `fg`.
        if number == CONT {
            self.hand_over();
        }
        match number {
            signal::CHILD => {}
            // Something to read.
            signal::IO if signal.is_kernels => {}
            TERM | INT if self.adopts_until.is_some() => {
                self.adopts_until = None;
                self.is_told_to_end(number);
                self.finish();
            }
            TERM | INT if config.has(Opt::Supervise) => {
                self.act(Event::Terminate);
            }
            _ if self.passes_key(signal) => {}
            // ^\ between two programs.
            QUIT if signal.is_kernels && self.program.is_none() => {
                self.is_told_to_end(number);
                self.act(Event::Terminate);
            }
            _ if mapped == 0 => {}
            TERM | INT => {
                // In the foreground it is passed on as it is; and then that was the last start.
                self.is_told_to_end(number);
                if self.program.is_some() {
                    self.forward(mapped);
                    if self.state == State::Up && config.has(Opt::StopTimeout) {
                        self.state = State::Stop;
                        self.patience();
                    }
                } else {
                    self.act(Event::Terminate);
                }
            }
            // A stop of -S has sent its own, and -K sends one to every monitor.
            CONT if self.state != State::Up && config.has(Opt::Supervise) => {}
            _ => self.forward(mapped),
        }
    }

    /// Nothing is started any more. A start that is not over has been ended by that signal.
    fn is_told_to_end(&mut self, signal: u32) {
        self.is_last = true;
        self.work.start.record.set_number(signal as i32);
    }

    /// Passes a signal on to the program. One that cannot be sent is not worth an end.
    fn forward(&self, signal: u32) {
        if let Some(program) = self.program {
            // A daemon that was adopted may be in a group whose leader has gone.
            match sys::other_group(program).filter(|_| self.work.start.config.monitoring.target_group) {
                Some(group) => sys::signal_group(group, signal),
                None => process::signal(program, signal),
            }
        }
    }

    /// Shows the state in ps(1).
    fn name(&self, name: &core::ffi::CStr) {
        sys::set_name(Word::new(name));
    }
}
