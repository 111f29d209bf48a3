//! Watches every system call of a program and of what it starts (ptrace(2)), and has chosen calls fail or kill: the
//! kernel that a test cannot otherwise have. For x86-64.

use super::support::*;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// How long a run may take before it hangs.
const LIMIT: Duration = Duration::from_secs(5);

/// A system call that was about to be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub number: i64,
    /// Its second argument, such as fcntl's command.
    pub second: u64,
}

/// What becomes of a call.
pub enum Act {
    Go,
    /// It is not made; the process finds this error number.
    Fail(i32),
    /// It is not made before this process, by its place in the story, was killed and has ended.
    Kill(usize),
}

/// What has become of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Runs,
    /// It has executed another program, and is not watched any more.
    Program,
    Ended(ExitStatus),
}

/// One process.
pub struct Traced {
    pub process: Process,
    pub state: State,
    pub calls: Vec<Call>,
    /// The error number that its call is to have at the end.
    fails: Option<i32>,
}

/// A run: its processes in the order of their births, the one that was called first.
#[derive(Default)]
pub struct Story {
    pub processes: Vec<Traced>,
    /// It came to no end.
    pub hung: bool,
    /// Those that had ended but were left to us by a parent that has gone.
    pub zombies: Vec<Process>,
    /// Stopped until that other one has ended.
    held: Option<(usize, usize)>,
}

impl Story {
    /// The process that is the program.
    pub fn program(&self) -> Option<Process> {
        self.processes.iter().find(|traced| traced.state == State::Program).map(|traced| traced.process)
    }

    fn runs(&self) -> bool {
        self.processes.iter().any(|traced| traced.state == State::Runs)
    }

    /// The place of a process, which may be a new one.
    fn place(&mut self, pid: i32) -> usize {
        self.processes.iter().position(|traced| traced.process.0 == pid).unwrap_or_else(|| {
            let process = Process(pid);
            self.processes.push(Traced { process, state: State::Runs, calls: Vec::new(), fails: None });
            self.processes.len() - 1
        })
    }

    fn go_on(&self, place: usize, signal: i32) {
        // Where this fails it was killed meanwhile.
        let _ = request(libc::PTRACE_SYSCALL, self.processes[place].process, 0, signal as usize);
    }

    fn kill(&self, place: usize) {
        // It was not waited for, so the number is its own.
        self.processes[place].process.signal(libc::SIGKILL);
    }

    fn ended(&mut self, place: usize, status: i32) {
        let traced = &mut self.processes[place];
        if matches!(traced.state, State::Ended(_)) {
            // Once to its tracer, and again to the parent that it has now.
            self.zombies.push(traced.process);
        }
        traced.state = State::Ended(ExitStatus::from_raw(status));
        if let Some((held, _)) = self.held.take_if(|(_, victim)| *victim == place) {
            self.go_on(held, 0);
        }
    }

    fn stopped(&mut self, place: usize, is_new: bool, status: i32, decide: &mut dyn FnMut(&Story, usize) -> Act) {
        let process = self.processes[place].process;
        match (libc::WSTOPSIG(status), status >> 16) {
            // dmz itself has just been executed.
            _ if is_new && place == 0 => {
                let options = libc::PTRACE_O_TRACEFORK
                    | libc::PTRACE_O_TRACEVFORK
                    | libc::PTRACE_O_TRACECLONE
                    | libc::PTRACE_O_TRACEEXEC
                    | libc::PTRACE_O_EXITKILL
                    | libc::PTRACE_O_TRACESYSGOOD;
                request(libc::PTRACE_SETOPTIONS, process, 0, options as usize).unwrap();
                self.go_on(place, 0);
            }
            // The stop that a birth under a tracer brings.
            _ if is_new => self.go_on(place, 0),
            (_, libc::PTRACE_EVENT_EXEC) => {
                self.processes[place].state = State::Program;
                request(libc::PTRACE_DETACH, process, 0, 0).unwrap();
            }
            (signal, 0) if signal == libc::SIGTRAP | 0x80 => self.call(place, decide),
            (signal, event) => self.go_on(place, if event == 0 { signal } else { 0 }),
        }
    }

    fn call(&mut self, place: usize, decide: &mut dyn FnMut(&Story, usize) -> Act) {
        let Some(call) = call(self.processes[place].process) else {
            if let Some(error) = self.processes[place].fails.take() {
                let _ = request(libc::PTRACE_POKEUSER, self.processes[place].process, RAX, -error as isize as usize);
            }
            return self.go_on(place, 0);
        };
        self.processes[place].calls.push(call);
        match decide(self, place) {
            Act::Go => self.go_on(place, 0),
            Act::Fail(error) => {
                self.processes[place].fails = Some(error);
                let _ = request(libc::PTRACE_POKEUSER, self.processes[place].process, ORIG_RAX, usize::MAX);
                self.go_on(place, 0);
            }
            Act::Kill(victim) => {
                self.kill(victim);
                if victim != place {
                    self.held = Some((place, victim));
                }
            }
        }
    }
}

/// Where registers are for PTRACE_POKEUSER (struct user_regs_struct).
const RAX: usize = 8 * 10;
const ORIG_RAX: usize = 8 * 15;

/// ptrace(2) with integers.
fn request(what: libc::c_uint, process: Process, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: the requests used here take integers only, none touches our memory.
    done(unsafe { libc::ptrace(what, process.0, address, data) } as i32)
}

/// The call that a stopped process is about to make; nothing if it has made it.
fn call(process: Process) -> Option<Call> {
    // SAFETY: all zeros are one, and the kernel writes at most its size.
    unsafe {
        let mut info: libc::ptrace_syscall_info = std::mem::zeroed();
        let size = size_of_val(&info);
        libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, process.0, size, &raw mut info);
        let is_entry = info.op == libc::PTRACE_SYSCALL_INFO_ENTRY;
        is_entry.then(|| Call { number: info.u.entry.nr as i64, second: info.u.entry.args[1] })
    }
}

/// A child that has something to tell: its number and its wait status; nothing if there is none, or not yet.
fn heard() -> Option<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the kernel writes one integer. No other test runs in this process, so every child is ours.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::WNOHANG) };
    (pid > 0).then_some((pid, status))
}

/// Runs `command` until nothing of it is left but what has executed another program. `decide` is asked at each call of
/// the process at this place; it has been told of the call.
pub fn trace(command: &mut Command, decide: &mut dyn FnMut(&Story, usize) -> Act) -> Story {
    // SAFETY: PTRACE_TRACEME takes nothing.
    before(command, || done(unsafe { libc::ptrace(libc::PTRACE_TRACEME) } as i32));
    #[expect(clippy::zombie_processes, reason = "it is waited for below, as every other process is")]
    let child = command.spawn().unwrap();
    let mut story = Story::default();
    let begin = Instant::now();
    let mut idle = 0;
    while story.processes.is_empty() || story.runs() {
        let Some((pid, status)) = heard() else {
            idle += 1;
            // SAFETY: no descriptors: this lets others run, for a millisecond if nothing has come for long.
            unsafe { if idle < 100 { libc::sched_yield() } else { libc::poll(std::ptr::null_mut(), 0, 1) } };
            if begin.elapsed() > LIMIT && !story.hung {
                story.hung = true;
                let runs = |place: &usize| story.processes[*place].state == State::Runs;
                (0..story.processes.len()).filter(runs).for_each(|place| story.kill(place));
            }
            continue;
        };
        idle = 0;
        let known = story.processes.len();
        let place = story.place(pid);
        if libc::WIFSTOPPED(status) {
            story.stopped(place, place == known, status, decide);
        } else {
            story.ended(place, status);
        }
    }
    while let Some((pid, status)) = heard() {
        let place = story.place(pid);
        story.ended(place, status);
    }
    assert_eq!(story.processes[0].process.0, child.id() as i32);
    story
}
