//! Waiting until the program works: what it says by a descriptor or a message, or by its exec alone; and telling it to whom
//! dmz itself was to tell.
//!
//! Here the daemon is a real fork: it can be given up. Whoever is its parent waits, in one wait for signals, of which SIGIO
//! says that there is something to read.

use core::sync::atomic::Ordering::Relaxed;

use super::apply::{Start, Work};
use super::descriptors::find_null;
use super::detach::{become_daemon, prove, watch};
use super::pidfile::least_of;
use super::record::Record;
use super::sooner;
use crate::Word;
use crate::plan::number::{Digits, digits};
use crate::plan::ready::{Message, Ready, read};
use crate::plan::{Opt, Reason, Step};
use crate::sys::Errno;
use crate::sys::channel::{self, Received};
use crate::sys::control::await_event;
use crate::sys::file::{self, Fd, NO_FD};
use crate::sys::memory::Pool;
use crate::sys::monitor::{each_child, other_group, session_of, signal_group};
use crate::sys::process::{self, Process};
use crate::sys::signal::{self, CHILD, CONT, HUP, INT, IO, QUIT, TERM};
use crate::sys::time::now;
use crate::sys::words::{VectorMut, join};

/// What ends the wait, or may: a child's end, something to read, and the signals that mean "no more".
const AWAITED: signal::Set = signal::set(&[CHILD, IO, TERM, INT, HUP, QUIT]);

/// [`Step::OpenChannel`]: makes the pipe or the socket.
pub fn open_channel(work: &mut Work<'_>) -> Result<(), Reason> {
    let record = work.start.record;
    let ours = if work.start.config.ready == Ready::Notify {
        let (socket, name) = channel::listen()?;
        record.set_address(name);
        socket
    } else {
        let [from, to] = channel::pipe()?;
        record.channel.store(file::duplicate_from(to, least_of(work.start.config), false)?.0, Relaxed);
        file::close(to);
        from
    };
    work.channel = file::duplicate_from(ours, least_of(work.start.config), false)?;
    file::close(ours);
    Ok(())
}

/// [`Step::PassChannel`]: gives the program its end.
pub fn pass_channel(work: &mut Work<'_>) -> Result<(), Reason> {
    let record = work.start.record;
    if work.has_started {
        // Only the first run is waited for; what later ones write may not fail.
        if let Ready::Descriptor(number) = work.start.config.ready {
            let null = find_null()?;
            if null != Fd(number as i32) {
                file::duplicate_onto(null, number as i32)?;
                file::close(null);
            }
        }
        return Ok(());
    }
    if let Ready::Descriptor(number) = work.start.config.ready {
        return Ok(file::duplicate_onto(Fd(record.channel.load(Relaxed)), number as i32)?);
    }
    let mut pool = Pool::new();
    let mut environment = VectorMut::copy(work.environment, 1, &mut pool)?;
    environment.set(join(Word::new(c"NOTIFY_SOCKET=@"), record.address(&mut Default::default()), &mut pool)?);
    work.environment = environment.vector();
    Ok(())
}

/// Starts the daemon and waits until it is ready.
pub fn start_daemon(work: &mut Work<'_>) -> Result<(), Reason> {
    let start = work.start;
    let record = start.record;
    // Before the fork: from then on it is the daemon that notes its steps.
    let mut wait = Wait::new(start, work.channel)?;
    record.note(Step::ForkDaemon);
    let Some(program) = process::fork_and_go_on(&record.daemon)? else { become_daemon(start) };
    close_theirs(record);
    let group = record.session.load(Relaxed);
    // A program that leads its own session is out of the kernel's proof: there its word must do.
    let is_proved = start.config.has(Opt::SingleFork) || prove(program, group, || wait.pause())?;
    let is_executing = start.config.has(Opt::SingleFork) || record.is_executing();
    if !is_proved || !is_executing {
        return Err(record.reason());
    }
    if start.config.ready == Ready::Exec {
        // The kernel may still kill it: a file that cannot be loaded is known to be one when there is no way back.
        return watch(start, program);
    }
    record.note(Step::AwaitReady);
    while !wait.is_ready(program)? {
        wait.pause_for(None)?;
    }
    if start.config.ready == Ready::Notify {
        wait.answer(program)?;
    }
    record.prove();
    Ok(())
}

/// How long a program that is ready may take to ask for an answer: so many milliseconds, or messages.
const MOMENTS: usize = 10;

/// Only the program may hold its end open, or its closing would not be seen.
pub fn close_theirs(record: &Record) {
    let theirs = record.channel.load(Relaxed);
    if theirs > 0 {
        file::close(Fd(theirs));
    }
}

/// How often the channel is read before we look at anything else: a program may write faster than we read. What is in it
/// at one time is less (pipe(7): a MiB at the most, in pieces of 64 bytes; unix(7): a few hundred messages), so more has
/// come meanwhile and has sent its signal.
const MOST: usize = 1 + (1 << 14);

/// A wait for a program to be ready.
pub struct Wait<'a> {
    start: &'a Start<'a>,
    channel: Fd,
    /// When it is over.
    pub deadline: Option<u64>,
    /// The process that the program says counts.
    pub main: Option<Process>,
}

impl<'a> Wait<'a> {
    /// From now on.
    pub fn new(start: &'a Start<'a>, channel: Fd) -> Result<Wait<'a>, Reason> {
        // By the process that waits: it is the one that is told.
        if channel != NO_FD {
            start.record.note(Step::OpenChannel);
            channel::watch(channel)?;
        }
        let limit = u64::from(start.config.timeout) * 1000;
        let deadline = if start.config.has(Opt::Timeout) { Some(now() + limit) } else { None };
        Ok(Wait { start, channel, deadline, main: None })
    }

    /// Has the program said that it is ready? An error if it never will.
    pub fn is_ready(&mut self, program: Process) -> Result<bool, Reason> {
        let has_ended = !process::runs(program);
        let is_ready = match self.start.config.ready {
            // Asked after whether it has ended, so that nothing that it said is missed.
            Ready::Descriptor(_) => self.has_newline()?,
            Ready::Notify => self.is_told(program)?,
            // The monitor sees to that.
            Ready::Exec => true,
            Ready::Exit => return Ok(false),
        };
        if has_ended && !is_ready { Err(Reason::ENDED_EARLY) } else { Ok(is_ready) }
    }

    /// Reads what the program wrote; its closing of all ends means that it never will.
    fn has_newline(&self) -> Result<bool, Reason> {
        let mut buffer = [0; 64];
        for _ in 0..MOST {
            match file::read(self.channel, &mut buffer) {
                Ok(0) => return Err(Reason::ENDED_EARLY),
                Ok(length) if buffer.iter().take(length).any(|byte| *byte == b'\n') => return Ok(true),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(false)
    }

    /// Reads the messages that have come. Never inlined: its buffer is a page that a monitor else need not have.
    #[inline(never)]
    fn is_told(&mut self, program: Process) -> Result<bool, Reason> {
        // The most that counts is 4,095 bytes, and a NUL behind them. The last of all stays one, whatever comes.
        let mut buffer = [0; 4096 + 2];
        for _ in 0..MOST {
            let [room @ .., _] = &mut buffer;
            let received = match channel::receive(self.channel, room) {
                Err(Errno::AGAIN) => break,
                other => other?,
            };
            let Some([text @ .., end]) = buffer.get_mut(..=received.length).filter(|text| text.len() <= 4096) else {
                continue;
            };
            *end = 0;
            // A NUL in it is nothing that a program says; one at its end is.
            let text = text.strip_suffix(b"\0").unwrap_or(text);
            let is_whole = !text.contains(&0);
            if is_whole && self.is_heard(&received, program) && self.take(read(Word::ending(&buffer))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// May this sender speak for the program? It must be that, or in its session: nobody can enter that from outside. One
    /// that has gone meanwhile is believed if it was the program's user, who could do anything to it; one in a session of
    /// another PID namespace (0) is not.
    fn is_heard(&self, received: &Received, program: Process) -> bool {
        let Some(sender) = Process::new(received.sender) else { return false };
        let config = self.start.config;
        let user = if config.has(Opt::User) { config.user } else { self.start.command.user };
        match session_of(sender) {
            _ if sender == program => true,
            None => received.user == user,
            session => session != Some(0) && session == session_of(program),
        }
    }

    /// Answers what comes right behind "ready" (sd_notify_barrier(3)): taking the message closes what it brings, and a socket
    /// that has gone would be an error to the program.
    pub fn answer(&mut self, program: Process) -> Result<(), Reason> {
        for _ in 0..MOMENTS {
            self.is_told(program)?;
            let _ = signal::wait_for(signal::set(&[IO]), Some(1));
        }
        Ok(())
    }

    /// Takes what a message says: is the program ready?
    fn take(&mut self, message: Message) -> bool {
        self.main = message.main.and_then(|pid| Process::new(pid as i32)).or(self.main);
        if let (Some(time), Some(_)) = (message.more_time, self.deadline) {
            self.deadline = self.deadline.max(Some(now().saturating_add(time / 1000)));
        }
        message.is_ready
    }

    /// Waits for a moment while the exec is under way.
    fn pause(&mut self) -> Result<(), Reason> {
        self.pause_for(Some(1))
    }

    /// Waits until something has happened, but not for more than so many milliseconds.
    fn pause_for(&mut self, most: Option<u64>) -> Result<(), Reason> {
        let left = self.deadline.map(|deadline| deadline.saturating_sub(now()));
        // Not only where nothing comes: of who never stops talking there is always more to read.
        if left == Some(0) {
            return Err(Reason::TIMEOUT);
        }
        match signal::wait_for(AWAITED, sooner(left, most)) {
            Ok(arrived) if !matches!(arrived.number, CHILD | IO) => interrupt(self.start.record, arrived.number),
            _ => Ok(()),
        }
    }
}

/// The caller was told to end: so is the start, unless the caller did not care for that signal.
pub fn interrupt(record: &Record, number: u32) -> Result<(), Reason> {
    if signal::is_ignored(number) {
        return Ok(());
    }
    record.set_number(number as i32);
    Err(Reason::INTERRUPTED)
}

/// Waits for the session process, or the monitor, to end or to have decided; a signal ends the start.
pub fn await_process(record: &Record, process: Process, is_done: impl Fn() -> bool) -> Result<(), Reason> {
    while !is_done() && process::runs(process) {
        // A filter might refuse the monitor's word, so look again now and then.
        if let Ok(arrived) = signal::wait_for(AWAITED, Some(100))
            && !matches!(arrived.number, CHILD | IO)
        {
            interrupt(record, arrived.number)?;
        }
    }
    Ok(())
}

/// How long the daemon of a start that is given up has to end by itself, in milliseconds.
const MOMENT: u64 = 2000;

/// Notes the children that there are already: none of them is of the start that comes.
pub fn note_strangers(record: &Record) {
    if each_child(|child| record.add_stranger(child.number())).is_err() {
        record.forget_strangers();
    }
}

/// Stops the daemon of a start that is given up, and everything that it has left.
pub fn stop_session(record: &Record) {
    if let Some(daemon) = Process::new(record.daemon.load(Relaxed))
        && process::runs(daemon)
    {
        process::signal(daemon, TERM);
        process::signal(daemon, CONT);
        super::detach::await_end(daemon, MOMENT);
    }
    // Without /proc nothing lists the rest. The daemon has not been waited for, so its group is still its own.
    if let Some(daemon) = Process::new(record.daemon.load(Relaxed))
        && process::peek(daemon).is_ok()
        && let Some(group) = other_group(daemon)
    {
        signal_group(group, signal::KILL);
    }
    let mut is_left = true;
    // What a child leaves behind becomes ours when it is gone.
    while is_left {
        is_left = false;
        let _ = each_child(|child| {
            if !record.is_stranger(child.number()) {
                is_left |= process::end(child);
            }
        });
    }
}

/// How long the manager has to answer, in milliseconds.
const PATIENCE: u64 = 5000;

/// Tells the manager at `address` that the daemon is `main` and works, and waits until it knows.
pub fn announce(address: Word<'_>, main: i32) {
    let mut pool = Pool::new();
    let mut room = Digits::default();
    let main = digits(main as u32, 0, &mut room);
    if let Ok(text) = join(Word::new(c"READY=1\nMAINPID="), main, &mut pool) {
        let _ = tell(address, text);
    }
}

/// Tells the manager at `address` something, and waits until it knows.
pub fn tell(address: Word<'_>, text: Word<'_>) -> Result<(), Reason> {
    let end = now() + PATIENCE;
    let send = |text, fd| loop {
        match channel::send(address, text, fd) {
            // It has not read what came before.
            Err(Errno::AGAIN) if now() < end => _ = signal::wait_for(signal::NONE, Some(10)),
            other => return other,
        }
    };
    send(text, None)?;
    // Its closing of the pipe says that it has read all that came before (sd_notify_barrier(3)).
    if let Ok([from, to]) = channel::pipe() {
        let sent = send(Word::new(c"BARRIER=1"), Some(to));
        file::close(to);
        // A host may have handlers.
        while sent.is_ok() && await_event(from, end.saturating_sub(now())) == Err(Errno::INTR) {}
        file::close(from);
    }
    Ok(())
}
