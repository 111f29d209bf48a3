//! The monitor: it stays, has the program as its child, passes signals on, reaps, starts again, and leaves nothing behind.
//! What it decides is in `plan/machine.rs`; here is what it sees and does.
//!
//! It waits in one rt_sigtimedwait(2) for all signals, its children's ends among them: no descriptor, no handler, and no
//! wakeup while nothing happens. A child's number is its own until it is reaped here, so kill(2) cannot hit a stranger.

use core::sync::atomic::Ordering::Relaxed;

use super::apply::{Start, Work};
use super::detach::prove;
use super::{perform, pidfile};
use crate::Word;
use crate::plan::machine::{Action, Event, State, next};
use crate::plan::monitor::{SIGNALLED, accepts, next_delay};
use crate::plan::{Failure, Opt, Process, Reason, Step};
use crate::sys::Errno;
use crate::sys::file;
use crate::sys::memory::Path;
use crate::sys::monitor::{self as sys, Child};
use crate::sys::process::{self, End};
use crate::sys::signal::{self, CONT, INT, KILL, TERM, TSTP, TTIN, TTOU};

/// A run of this long is no failure to start, so the delay begins anew.
const STEADY: u64 = 10_000;

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
    /// The descriptor of a terminal whose foreground was given to the program.
    terminal: Option<file::Fd>,
    /// Children that were told to go already.
    told: [i32; TOLD],
    told_count: usize,
}

/// How many of those are remembered; a child that is forgotten is told again.
const TOLD: usize = 32;

/// Starts the program, says so by `started`, stays until nothing is left of it. How it ended; or why there was no start.
pub fn run(start: &Start<'_>, started: impl FnOnce(i32) -> Result<(), Failure>) -> Result<End, Reason> {
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
        terminal: None,
        told: [0; TOLD],
        told_count: 0,
    };
    perform(Process::Monitor, &mut monitor.work)?;
    monitor.begin()?;
    start.record.prove();
    started(start.record.daemon.load(Relaxed)).map_err(|failure| {
        start.record.note(failure.step);
        start.record.disprove();
        failure.reason
    })?;
    monitor.work.has_started = true;
    monitor.stay();
    if config.has(Opt::Pidfile) {
        pidfile::remove(config.text(Opt::Pidfile), start.record.identity());
    }
    Ok(monitor.end)
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
    start.record.monitor.store(process::own_id(), Relaxed);
    if let Err(reason) = process::adopt_orphans(true).map_err(Reason::from).and_then(|()| run(start, tell).map(|_| ()))
    {
        start.record.fail(reason);
    }
    process::exit(0)
}

impl Monitor<'_> {
    /// Starts the program.
    fn begin(&mut self) -> Result<(), Reason> {
        let start = self.work.start;
        let (config, record) = (start.config, start.record);
        self.name(c"dmz: up");
        let terminal = if config.has(Opt::Init) { sys::foreground() } else { None };
        record.note(Step::ForkDaemon);
        let Some(program) = process::fork(&record.daemon)? else { self.become_program(terminal) };
        // The program leads a group of its own, or is in this one.
        let group = if config.leads_group() { program.number() } else { process::own_group() };
        let proved = prove(program, group);
        if proved != Ok(true) || record.has_failed() {
            process::wait(program);
            return Err(proved.err().unwrap_or(record.reason()));
        }
        self.program = Some(program);
        self.terminal = terminal;
        self.started = process::now();
        if config.has(Opt::Pidfile) {
            record.note(Step::WritePidfile);
            if let Err(reason) = pidfile::write(record, self.work.pidfile) {
                process::end(program);
                return Err(reason);
            }
        }
        Ok(())
    }

    /// The child: the daemon's steps, in a copy of this memory.
    fn become_program(&mut self, terminal: Option<file::Fd>) -> ! {
        let start = self.work.start;
        let begun = (|| {
            if start.config.leads_group() {
                sys::new_group()?;
            }
            if let Some(terminal) = terminal {
                sys::take_foreground(terminal, process::own_id())?;
            }
            Ok(())
        })();
        if let Err(reason) = begun.and_then(|()| perform(Process::Daemon, &mut self.work)) {
            start.record.fail(reason);
        }
        process::exit(0)
    }

    /// Until nothing is left.
    fn stay(&mut self) {
        loop {
            if self.reap() {
                return;
            }
            let left = self.deadline.map(|deadline| deadline.saturating_sub(process::now()));
            match signal::wait_for(signal::ALL, left) {
                Ok(signal) => self.signalled(signal),
                Err(Errno::AGAIN) => {
                    self.deadline = None;
                    self.act(Event::Timeout);
                }
                // Stopped and continued.
                Err(_) => {}
            }
        }
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
                        Child::Stopped(signal) if is_program && matches!(signal, TSTP | TTIN | TTOU) => self.stop_too(),
                        Child::Stopped(_) => {}
                    }
                }
                Ok(None) => return false,
                Err(_) => return self.act(Event::Empty),
            }
        }
    }

    /// The program has ended.
    fn ended(&mut self, end: End) {
        let config = self.work.start.config;
        let monitoring = &config.monitoring;
        let number = match end {
            End::Exited(status) => status.into(),
            End::Killed(signal) => SIGNALLED + u32::from(signal),
        };
        let is_success = number == 0 || accepts(config.text(Opt::ExitOk), number) == Some(true);
        self.program = None;
        self.end = if is_success { End::Exited(0) } else { end };
        if process::now().saturating_sub(self.started) >= STEADY {
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
                if self.begin().is_err() {
                    // It counts like a program that failed at once.
                    self.started = process::now();
                    self.ended(End::Exited(127));
                }
            }
            Action::Stop => {
                self.forward(monitoring.stop_signal);
                self.forward(CONT);
                self.patience();
            }
            Action::Delay => {
                self.name(c"dmz: wait");
                if self.work.start.config.has(Opt::Pidfile) {
                    let _ = file::set_size(self.work.pidfile, 0);
                }
                self.deadline = Some(process::now() + u64::from(self.delay));
                self.delay = next_delay(self.delay);
                self.restarts += 1;
            }
            Action::Drain | Action::Kill => {
                self.told_count = 0;
                self.patience();
                self.sweep();
            }
            Action::Leave => return true,
        }
        false
    }

    /// Sets the time for a stop.
    fn patience(&mut self) {
        self.name(c"dmz: stop");
        let seconds = self.work.start.config.monitoring.stop_timeout;
        self.deadline = if self.state == State::Kill { None } else { Some(process::now() + u64::from(seconds) * 1000) };
    }

    /// Tells every child to go that was not told yet, if it is time for that. What a child leaves behind when it goes
    /// becomes our child, and is told after the child was reaped.
    fn sweep(&mut self) {
        let signal = match self.state {
            State::Drain => TERM,
            State::Kill => KILL,
            _ => return,
        };
        let (told, count) = (&mut self.told, &mut self.told_count);
        let swept = sys::each_child(|child| {
            if !told.iter().take(*count).any(|pid| *pid == child.number()) {
                process::signal(child, signal);
                if signal == TERM {
                    process::signal(child, CONT);
                }
                if let Some(place) = told.get_mut(*count) {
                    *place = child.number();
                    *count += 1;
                }
            }
        });
        if swept.is_err() {
            // No /proc: as PID 1 everything is ours; else what is left of the program's group is.
            let start = self.work.start;
            let everybody = if start.command.id == 1 && start.config.has(Opt::Init) { 1 } else { 0 };
            let group = if everybody == 1 { 1 } else { start.record.daemon.load(Relaxed) };
            if everybody == 1 || start.config.leads_group() {
                sys::signal_group(group, signal);
            }
        }
    }

    /// A signal has come.
    fn signalled(&mut self, signal: signal::Arrived) {
        let config = self.work.start.config;
        let number = signal.number;
        let from_terminal = signal.is_kernels && (self.terminal.is_some() || matches!(number, TSTP | TTIN | TTOU));
        match number {
            signal::CHILD => {}
            TERM | INT if config.has(Opt::Supervise) => {
                self.act(Event::Terminate);
            }
            _ if from_terminal => {}
            TERM | INT => {
                // In the foreground it is passed on as it is; and then that was the last start.
                self.is_last = true;
                if self.program.is_some() {
                    self.forward(config.monitoring.mapped(number));
                    if self.state == State::Up && config.has(Opt::StopTimeout) {
                        self.state = State::Stop;
                        self.patience();
                    }
                } else {
                    self.act(Event::Terminate);
                }
            }
            _ => self.forward(config.monitoring.mapped(number)),
        }
    }

    /// Passes a signal on to the program. One that cannot be sent is not worth an end.
    fn forward(&self, signal: u32) {
        if let Some(program) = self.program.filter(|_| signal != 0) {
            if self.work.start.config.monitoring.target_group {
                sys::signal_group(program.number(), signal);
            } else {
                process::signal(program, signal);
            }
        }
    }

    /// The terminal has stopped the program: its shell is to see this process stopped, too. Comes back when continued.
    fn stop_too(&mut self) {
        if let (Some(terminal), Some(program)) = (self.terminal, self.program) {
            sys::stop_self();
            let _ = sys::take_foreground(terminal, program.number());
            sys::signal_group(program.number(), CONT);
        }
    }

    /// Shows the state in ps(1).
    fn name(&self, name: &core::ffi::CStr) {
        sys::set_name(Word::new(name));
    }
}
