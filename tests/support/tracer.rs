//! Watches every system call of a program and of what it starts (ptrace(2)), and has chosen calls fail or kill: the
//! kernel that a test cannot otherwise have. Several threads may do so at once. For x86-64.

use super::support::*;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// How long a run may take before it hangs.
const LIMIT: Duration = Duration::from_secs(5);

/// Nothing has happened for so long: the watcher is asked.
const MOMENT: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// A system call that was about to be made.
#[derive(Clone, PartialEq)]
pub struct Call {
    pub number: i64,
    pub arguments: [u64; 6],
    /// The name that it is about, in which the folder that the run began in is `.`; empty where there is none.
    pub path: String,
    /// Which processes ran then, by their places.
    pub running: Vec<usize>,
}

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Go,
    /// It is not made; the process finds this error number.
    Fail(i32),
    /// It is made, but the process finds this error number.
    Pretend(i32),
    /// It is made with a length of one.
    Shorten,
    /// It is a clone(2), and makes a process with a copy of the memory, as an emulator's.
    Copy,
    /// It is not made before this process, by its place in the story, was killed and has ended.
    Kill(usize),
}

/// Who looks on, and decides.
pub trait Watcher {
    /// The process at this place is about to make the last of its calls.
    fn call(&mut self, story: &Story, place: usize) -> Act;
    /// Are the calls of the process at this place of interest, from now on? If not, it runs faster.
    fn wants_calls(&self, place: usize) -> bool;
    /// The process at this place has become another program, and is watched no more.
    fn executed(&mut self, story: &Story, place: usize);
    /// Nothing has happened for a moment.
    fn idle(&mut self, story: &Story);
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
    /// It has stopped at its birth.
    is_born: bool,
    /// The error number that its call is to have at the end.
    fails: Option<i32>,
    /// A register of an argument of its call, as it was.
    before: Option<(usize, u64)>,
}

/// A run: its processes in the order of their births, the one that was called first.
#[derive(Default)]
pub struct Story {
    pub processes: Vec<Traced>,
    /// It came to no end.
    pub hung: bool,
    /// Who was to be killed had become another program meanwhile, or had ended.
    pub was_spared: bool,
    /// Those that had ended but were left to us by a parent that has gone.
    pub zombies: Vec<Process>,
    /// Where it began.
    folder: String,
    /// Stopped until that other one has ended.
    held: Option<(usize, usize)>,
    /// The same before the kill, which waits for an exec to be told.
    due: Option<(usize, usize)>,
}

impl Story {
    /// The processes that have become the program, one after the other.
    pub fn programs(&self) -> Vec<Process> {
        let executed = self.processes.iter().filter(|traced| traced.state == State::Program);
        executed.map(|traced| traced.process).collect()
    }

    /// Those that are neither the program nor at their end, by their places.
    pub fn running(&self) -> Vec<usize> {
        (0..self.processes.len()).filter(|place| self.processes[*place].state == State::Runs).collect()
    }

    /// Has this process got so far in its exec that the kernel counts it as done (proc(5), stat, PF_FORKNOEXEC), though the
    /// tracer is told a moment later? Of the process that was called this says nothing: it has executed dmz itself.
    pub fn is_executing(&self, place: usize) -> bool {
        const PF_FORKNOEXEC: i64 = 0x40;
        place != 0 && self.processes[place].process.stat(9) & PF_FORKNOEXEC == 0
    }

    /// Kills who is to be killed, once nobody is in the middle of an exec: else what was executed would die unseen.
    fn kill(&mut self, watcher: &dyn Watcher) {
        if self.running().into_iter().any(|place| self.is_executing(place)) {
            return;
        }
        let Some((held, victim)) = self.due.take() else { return };
        if self.processes[victim].state != State::Runs {
            self.was_spared = true;
            return self.go_on(held, 0, watcher);
        }
        // It was not waited for, so the number is its own.
        self.processes[victim].process.signal(libc::SIGKILL);
        if victim != held {
            self.held = Some((held, victim));
        }
    }

    /// The place of a process, which may be a new one.
    fn place(&mut self, pid: i32) -> usize {
        self.processes.iter().position(|traced| traced.process.0 == pid).unwrap_or_else(|| {
            let (process, calls) = (Process(pid), Vec::new());
            self.processes.push(Traced {
                process,
                state: State::Runs,
                calls,
                is_born: false,
                fails: None,
                before: None,
            });
            self.processes.len() - 1
        })
    }

    fn go_on(&self, place: usize, signal: i32, watcher: &dyn Watcher) {
        let Traced { process, fails, before, .. } = self.processes[place];
        let to_its_call = fails.is_some() || before.is_some() || watcher.wants_calls(place);
        let how = if to_its_call { libc::PTRACE_SYSCALL } else { libc::PTRACE_CONT };
        // Where this fails it was killed meanwhile.
        let _ = request(how, process, 0, signal as usize);
    }

    fn set(&self, place: usize, register: usize, value: u64) {
        let _ = request(libc::PTRACE_POKEUSER, self.processes[place].process, register, value as usize);
    }

    fn ended(&mut self, place: usize, status: i32, watcher: &dyn Watcher) {
        self.processes[place].state = State::Ended(ExitStatus::from_raw(status));
        if let Some((held, _)) = self.held.take_if(|(_, victim)| *victim == place) {
            self.go_on(held, 0, watcher);
        }
        self.kill(watcher);
    }

    fn stopped(&mut self, place: usize, status: i32, watcher: &mut dyn Watcher) {
        let process = self.processes[place].process;
        let is_new = !std::mem::replace(&mut self.processes[place].is_born, true);
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
                self.go_on(place, 0, watcher);
            }
            // The stop that a birth under a tracer brings.
            _ if is_new => self.go_on(place, 0, watcher),
            (_, libc::PTRACE_EVENT_EXEC) => {
                self.processes[place].state = State::Program;
                watcher.executed(self, place);
                if request(libc::PTRACE_DETACH, process, 0, 0).is_err() {
                    // It was killed at this very moment, and its end is still to be told.
                    self.processes[place].state = State::Runs;
                }
                self.kill(watcher);
            }
            (signal, 0) if signal == libc::SIGTRAP | 0x80 => self.call(place, watcher),
            // Its child counts from now on: it may be heard of only after the end of its parent.
            (_, libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE) => {
                if let Some(child) = child(process) {
                    self.place(child);
                }
                self.go_on(place, 0, watcher);
            }
            (signal, event) => self.go_on(place, if event == 0 { signal } else { 0 }, watcher),
        }
    }

    /// A call begins or ends.
    fn call(&mut self, place: usize, watcher: &mut dyn Watcher) {
        let Some((number, arguments)) = call(self.processes[place].process) else {
            if let Some(error) = self.processes[place].fails.take() {
                self.set(place, RAX, -i64::from(error) as u64);
            }
            if let Some((register, value)) = self.processes[place].before.take() {
                self.set(place, register, value);
            }
            return self.go_on(place, 0, watcher);
        };
        let path = path(self.processes[place].process, number, arguments).replace(&self.folder, ".");
        let running = self.running();
        self.processes[place].calls.push(Call { number, arguments, path, running });
        match watcher.call(self, place) {
            Act::Go => {}
            Act::Fail(error) => {
                self.processes[place].fails = Some(error);
                self.set(place, ORIG_RAX, u64::MAX);
            }
            Act::Pretend(error) => self.processes[place].fails = Some(error),
            Act::Shorten => {
                self.processes[place].before = Some((RDX, arguments[2]));
                self.set(place, RDX, 1);
            }
            Act::Copy => {
                self.processes[place].before = Some((RDI, arguments[0]));
                self.set(place, RDI, arguments[0] & !((libc::CLONE_VM | libc::CLONE_VFORK) as u64));
            }
            Act::Kill(victim) => {
                self.due = Some((place, victim));
                return self.kill(watcher);
            }
        }
        self.go_on(place, 0, watcher);
    }
}

/// Where registers are for PTRACE_POKEUSER (struct user_regs_struct).
const RAX: usize = 8 * 10;
const RDI: usize = 8 * 14;
const RDX: usize = 8 * 12;
const ORIG_RAX: usize = 8 * 15;

/// ptrace(2) with integers.
fn request(what: libc::c_uint, process: Process, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: the requests used here take integers only, none touches our memory.
    done(unsafe { libc::ptrace(what, process.0, address, data) } as i32)
}

/// Whom a process that has stopped for that has just forked; nobody if it was killed meanwhile.
fn child(process: Process) -> Option<i32> {
    let mut pid = 0_u64;
    // SAFETY: the kernel writes one long.
    let told = unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG, process.0, 0, &raw mut pid) };
    (told == 0).then_some(pid as i32)
}

/// The call that a stopped process is about to make, and its arguments; nothing if it has made it.
fn call(process: Process) -> Option<(i64, [u64; 6])> {
    // SAFETY: all zeros are one, and the kernel writes at most its size.
    unsafe {
        let mut info: libc::ptrace_syscall_info = std::mem::zeroed();
        let size = size_of_val(&info);
        libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, process.0, size, &raw mut info);
        let is_entry = info.op == libc::PTRACE_SYSCALL_INFO_ENTRY;
        if is_entry { Some((info.u.entry.nr as i64, info.u.entry.args)) } else { None }
    }
}

/// The name that a call is about, in the memory of the process that makes it.
fn path(process: Process, number: i64, arguments: [u64; 6]) -> String {
    #![allow(non_upper_case_globals)] // the names are libc's
    use libc::*;
    let mut address = match number {
        SYS_openat | SYS_openat2 | SYS_newfstatat | SYS_statx | SYS_unlinkat | SYS_mknodat | SYS_readlinkat
        | SYS_renameat2 | SYS_faccessat | SYS_faccessat2 => arguments[1],
        SYS_open | SYS_stat | SYS_lstat | SYS_access | SYS_readlink | SYS_unlink | SYS_mknod | SYS_chdir
        | SYS_chroot | SYS_execve => arguments[0],
        SYS_fstat => 0,
        _ => return String::new(),
    };
    let mut text = Vec::new();
    // Or the file that it has open.
    let open = || std::fs::read_link(format!("/proc/{}/fd/{}", process.0, arguments[0]));
    let is_of_open = number == SYS_fstat || number == SYS_newfstatat && arguments[3] & AT_EMPTY_PATH as u64 != 0;
    if is_of_open {
        return open().map_or(String::new(), |file| file.to_string_lossy().into_owned());
    }
    // To the end of a page at a time, since the next one need not be there.
    loop {
        let mut page = [0u8; 4096];
        let length = 4096 - (address % 4096) as usize;
        let local = iovec { iov_base: page.as_mut_ptr().cast(), iov_len: length };
        let remote = iovec { iov_base: address as *mut _, iov_len: length };
        // SAFETY: the kernel writes at most that many bytes into the page.
        let count = unsafe { process_vm_readv(process.0, &raw const local, 1, &raw const remote, 1, 0) };
        let there = &page[..count.max(0) as usize];
        let end = there.iter().position(|byte| *byte == 0);
        text.extend_from_slice(&there[..end.unwrap_or(there.len())]);
        if end.is_some() || there.len() < length {
            return String::from_utf8_lossy(&text).into_owned();
        }
        address += length as u64;
    }
}

/// Interrupts what this thread waits for, again and again.
struct Clock(libc::timer_t);

impl Clock {
    fn start() -> Clock {
        extern "C" fn nothing(_: libc::c_int) {}
        // SAFETY: a handler that does nothing may run at any time; all zeros are a sigaction and a sigevent; the kernel
        // reads and writes these three.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as *const () as usize;
            assert_eq!(libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()), 0);
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = libc::SIGALRM;
            event.sigev_notify_thread_id = libc::gettid();
            let mut timer = std::mem::zeroed();
            assert_eq!(libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer), 0);
            let times = libc::itimerspec { it_interval: MOMENT, it_value: MOMENT };
            assert_eq!(libc::timer_settime(timer, 0, &raw const times, std::ptr::null_mut()), 0);
            Clock(timer)
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // SAFETY: it was made above and is deleted once.
        unsafe { libc::timer_delete(self.0) };
    }
}

/// The next of this thread's processes that has something to tell: its number and its wait status; nothing if the
/// clock was faster.
fn heard() -> Option<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the kernel writes one integer.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
    assert!(pid > 0 || io::Error::last_os_error().kind() == io::ErrorKind::Interrupted);
    (pid > 0).then_some((pid, status))
}

/// Runs `command` until nothing of it is left but what has executed another program.
pub fn trace(command: &mut Command, watcher: &mut dyn Watcher) -> Story {
    // SAFETY: PTRACE_TRACEME takes nothing.
    before(command, || done(unsafe { libc::ptrace(libc::PTRACE_TRACEME) } as i32));
    #[expect(clippy::zombie_processes, reason = "it is waited for below, as every other process is")]
    let child = command.spawn().unwrap();
    let folder = command.get_current_dir().unwrap().to_str().unwrap().to_owned();
    let (mut story, begin, mut was_idle) = (Story { folder, ..Story::default() }, Instant::now(), false);
    story.place(child.id() as i32);
    let clock = Clock::start();
    while !story.running().is_empty() {
        let Some((pid, status)) = heard() else {
            if begin.elapsed() > LIMIT && !story.hung {
                story.hung = true;
                let stuck = story.running();
                stuck.into_iter().for_each(|place| story.processes[place].process.signal(libc::SIGKILL));
            } else if std::mem::replace(&mut was_idle, true) {
                watcher.idle(&story);
            }
            continue;
        };
        was_idle = false;
        let place = story.place(pid);
        if libc::WIFSTOPPED(status) {
            story.stopped(place, status, watcher);
        } else {
            story.ended(place, status, watcher);
        }
    }
    drop(clock);
    for traced in &story.processes {
        // An end is told to the tracer, and again to the parent: to us, if that has gone and did not wait.
        let is_left = || {
            // SAFETY: the kernel writes nothing.
            unsafe { libc::waitpid(traced.process.0, std::ptr::null_mut(), libc::WNOHANG | libc::__WALL) > 0 }
        };
        if is_left() {
            story.zombies.push(traced.process);
        }
    }
    story
}
