//! Follows every process of a start to one moment of it, a user instruction or the begin or end of a system call
//! (ptrace(2)), and does one thing just then: a signal that comes just then, or a long wait. For x86-64.

use super::support::*;
use std::collections::HashMap;
use std::io;
use std::mem::offset_of;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// A moment of a start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    Never,
    /// The begin or the end of a call, counted over all processes.
    Call(usize),
    /// Every instruction: the walk says which there are.
    Each,
    Instruction(Moment),
}

/// An instruction of a start, before it is executed. Every start puts it at the same address, since the walk switches off
/// what would move it (personality(2), ADDR_NO_RANDOMIZE).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The begin of a process or the end of a call behind which it is, counted over all processes.
    mark: usize,
    address: usize,
    /// How often the process has been there since.
    before: usize,
}

/// What happens at the chosen moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    Nothing,
    /// This signal to the process that was called.
    Signal(i32),
    /// This signal to its whole process group; it must lead one.
    ToGroup(i32),
    /// Whoever has come to this moment stays there until nothing else has happened for so long.
    Hold(Duration),
}

/// How a start went.
pub struct Walk {
    /// How the process that was called ended.
    pub status: ExitStatus,
    /// How many begins and ends of calls there were before the program was there.
    pub calls: usize,
    /// The instructions, if they were to be told.
    pub moments: Vec<Moment>,
    /// Then also where each process had its stack pointer first, and where it was lowest, in the order of their births.
    pub stacks: Vec<(i32, usize, usize)>,
    /// Had the chosen one come?
    pub done: bool,
    /// Did the process that was called end while another one was held?
    pub left_early: bool,
}

/// No start takes longer, even one instruction at a time.
const LIMIT: Duration = Duration::from_secs(60);

fn request(what: libc::c_uint, pid: i32, data: usize) -> io::Result<()> {
    // SAFETY: the requests used here take integers only, none touches our memory.
    done(unsafe { libc::ptrace(what, pid, 0, data) } as i32)
}

/// Takes every process of `command` to its end or to its exec, and does `deed` at `at`.
pub fn walk(command: &mut Command, at: At, deed: Deed) -> Walk {
    // SAFETY: they take integers or nothing. Who runs the tests in the background ignores INT.
    before(command, || unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        done(libc::setpgid(0, 0))?;
        done(libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong))?;
        done(libc::ptrace(libc::PTRACE_TRACEME) as i32)
    });
    let first = command.spawn().unwrap().id() as i32;
    let status = ExitStatus::from_raw(0);
    let walk = Walk { status, calls: 0, moments: vec![], stacks: vec![], done: false, left_early: false };
    let mut walker = Walker {
        walk,
        at,
        deed,
        first,
        running: vec![first],
        in_call: vec![],
        marks: 0,
        passed: HashMap::new(),
        hits: None,
        held: None,
    };
    let (mut known, begin) = (vec![], Instant::now());
    while !walker.running.is_empty() {
        assert!(begin.elapsed() < LIMIT, "a start that does not end");
        match heard(walker.held.is_some()) {
            None => walker.release(),
            Some((pid, status)) if libc::WIFSTOPPED(status) => {
                let is_new = !known.contains(&pid);
                if is_new {
                    known.push(pid);
                }
                walker.stopped(pid, is_new, status);
            }
            Some((pid, status)) => walker.ended(pid, status),
        }
    }
    walker.walk
}

/// A start under way.
struct Walker {
    walk: Walk,
    at: At,
    deed: Deed,
    /// The process that was called.
    first: i32,
    /// Those that are watched.
    running: Vec<i32>,
    /// Those that have begun a call and not ended it.
    in_call: Vec<i32>,
    /// How many marks there were.
    marks: usize,
    /// How often each instruction was passed since the last mark.
    passed: HashMap<usize, usize>,
    /// Who is on its way to the chosen instruction, and how often it is still to pass it.
    hits: Option<(i32, usize)>,
    /// Who does not go on yet, since when and for how long.
    held: Option<(i32, Instant, Duration)>,
}

impl Walker {
    fn stopped(&mut self, pid: i32, is_new: bool, status: i32) {
        let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
        if is_new {
            if pid == self.first {
                let options = libc::PTRACE_O_TRACEFORK
                    | libc::PTRACE_O_TRACEVFORK
                    | libc::PTRACE_O_TRACECLONE
                    | libc::PTRACE_O_TRACEEXEC
                    | libc::PTRACE_O_EXITKILL
                    | libc::PTRACE_O_TRACESYSGOOD;
                request(libc::PTRACE_SETOPTIONS, pid, options as usize).unwrap();
            } else {
                self.running.push(pid);
            }
            return self.mark(pid);
        }
        if event == libc::PTRACE_EVENT_EXEC {
            // From here on it is the program's own life.
            self.running.retain(|process| *process != pid);
            return request(libc::PTRACE_DETACH, pid, 0).unwrap();
        }
        if signal == libc::SIGTRAP | 0x80 {
            return self.call(pid);
        }
        match self.hits {
            _ if signal != libc::SIGTRAP || event != 0 => self.go_on(pid, if event == 0 { signal } else { 0 }),
            Some((_, 0)) => {
                self.hits = None;
                set_breakpoint(pid, None);
                self.act(pid);
            }
            Some((_, count)) => {
                self.hits = Some((pid, count - 1));
                self.go_on(pid, 0);
            }
            None => self.step(pid),
        }
    }

    fn ended(&mut self, pid: i32, status: i32) {
        self.running.retain(|process| *process != pid);
        if pid == self.first {
            self.walk.status = ExitStatus::from_raw(status);
        }
    }

    /// The begin or the end of a call.
    fn call(&mut self, pid: i32) {
        let is_it = self.at == At::Call(self.walk.calls);
        self.walk.calls += 1;
        let begun = self.in_call.len();
        self.in_call.retain(|process| *process != pid);
        let ends = self.in_call.len() < begun;
        if self.hits.take_if(|(walking, _)| *walking == pid).is_some() {
            set_breakpoint(pid, None); // this start has gone another way
        }
        if !ends {
            self.in_call.push(pid);
        }
        match (is_it, ends) {
            (true, _) => self.act(pid),
            (false, true) => self.mark(pid),
            (false, false) => self.go_on(pid, 0),
        }
    }

    fn mark(&mut self, pid: i32) {
        self.marks += 1;
        self.passed.clear();
        match self.at {
            At::Each => self.step(pid),
            At::Instruction(moment) if moment.mark == self.marks => {
                self.hits = Some((pid, moment.before));
                set_breakpoint(pid, Some(moment.address));
                self.go_on(pid, 0);
            }
            _ => self.go_on(pid, 0),
        }
    }

    /// A process is at an instruction, as the next one to tell of.
    fn step(&mut self, pid: i32) {
        let address = register(pid, offset_of!(libc::user, regs.rip));
        let pointer = register(pid, offset_of!(libc::user, regs.rsp));
        match self.walk.stacks.iter_mut().find(|(process, ..)| *process == pid) {
            Some((.., lowest)) => *lowest = pointer.min(*lowest),
            None => self.walk.stacks.push((pid, pointer, pointer)),
        }
        // One that repeats itself (`rep`) counts once, as it does for a breakpoint.
        let is_same = |last: &Moment| last.mark == self.marks && last.address == address;
        if !self.walk.moments.last().is_some_and(is_same) {
            let before = self.passed.entry(address).or_default();
            self.walk.moments.push(Moment { mark: self.marks, address, before: *before });
            *before += 1;
        }
        if is_call(pid, address) {
            self.go_on(pid, 0);
        } else {
            let _ = request(libc::PTRACE_SINGLESTEP, pid, 0);
        }
    }

    /// It is the moment.
    fn act(&mut self, pid: i32) {
        self.walk.done = true;
        let is_there = self.running.contains(&self.first);
        match self.deed {
            // It is our child and was not waited for, so the number is its own.
            Deed::Signal(number) if is_there => Process(self.first).signal(number),
            // SAFETY: kill takes two integers; the group is that of the child.
            Deed::ToGroup(number) if is_there => unsafe {
                libc::kill(-self.first, number);
            },
            Deed::Hold(long) => return self.held = Some((pid, Instant::now(), long)),
            _ => {}
        }
        self.go_on(pid, 0);
    }

    /// Who was held goes on if it is time.
    fn release(&mut self) {
        if let Some((pid, ..)) = self.held.take_if(|(_, since, long)| since.elapsed() > *long) {
            self.walk.left_early = pid != self.first && !self.running.contains(&self.first);
            self.go_on(pid, 0);
        }
    }

    /// Lets a process go on to its next moment or, once all is done that was to be, without any more.
    fn go_on(&self, pid: i32, signal: i32) {
        let how = if self.walk.done { libc::PTRACE_CONT } else { libc::PTRACE_SYSCALL };
        // Where this fails it was killed meanwhile.
        let _ = request(how, pid, signal as usize);
    }
}

/// What a stopped process has in a register, by its place in `struct user`.
fn register(pid: i32, place: usize) -> usize {
    // SAFETY: this reads a word of another process and none of our memory.
    unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, pid, place, 0) as usize }
}

/// Is the instruction there a system call?
fn is_call(pid: i32, address: usize) -> bool {
    const SYSCALL: i64 = 0x050f;
    // SAFETY: as above.
    unsafe { libc::ptrace(libc::PTRACE_PEEKTEXT, pid, address, 0) & 0xffff == SYSCALL }
}

/// Stops a process before it executes what is at `address` (the processor's debug registers 0 and 7), or nowhere.
fn set_breakpoint(pid: i32, address: Option<usize>) {
    let set = |register: usize, value: usize| {
        let place = offset_of!(libc::user, u_debugreg) + 8 * register;
        // SAFETY: integers only.
        done(unsafe { libc::ptrace(libc::PTRACE_POKEUSER, pid, place, value) } as i32)
    };
    let done = match address {
        Some(address) => set(0, address).and_then(|()| set(7, 1)),
        None => set(7, 0),
    };
    // Whoever was killed meanwhile has none.
    assert!(done.is_ok() || !Process(pid).is_alive(), "no breakpoint: {done:?}");
}

/// The next of our processes that has something to tell, at once or never.
fn heard(is_quick: bool) -> Option<(i32, i32)> {
    let mut status = 0;
    let how = libc::__WALL | libc::__WNOTHREAD | if is_quick { libc::WNOHANG } else { 0 };
    // SAFETY: the kernel writes one integer; poll without descriptors only lets others run.
    unsafe {
        let pid = libc::waitpid(-1, &raw mut status, how);
        assert!(pid >= 0, "{}", io::Error::last_os_error());
        if pid == 0 {
            libc::poll(std::ptr::null_mut(), 0, 1);
        }
        (pid > 0).then_some((pid, status))
    }
}
