//! Programs for the monitor to run, played by the test binary itself: what a shell cannot do exactly, such as blocking all
//! 64 signals. `play("listen", &[])` are the words that start one. Also: how to start a monitor, and looks at it.
#![allow(dead_code)] // no test file uses all of it

use super::support::*;
use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Seek};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::Command;
use std::ptr::{null, null_mut};

/// Every signal, as the kernel's set of 64.
const ALL: u64 = u64::MAX;

/// The signals that can be forwarded: all but KILL, STOP and CHLD.
pub fn forwardable() -> impl Iterator<Item = i32> {
    (1..=64).filter(|number| ![libc::SIGKILL, libc::SIGSTOP, libc::SIGCHLD].contains(number))
}

/// The signals that a fault of a process itself raises.
pub const FAULTS: [i32; 7] =
    [libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGSEGV, libc::SIGSYS];

/// The words that start the program `role`.
pub fn play(role: &str, words: &[&str]) -> Vec<OsString> {
    let binary = std::env::current_exe().unwrap().into_os_string();
    [binary, "--play".into(), role.into()].into_iter().chain(words.iter().map(OsString::from)).collect()
}

/// `options`, `--`, and the words of `program`.
pub fn words(options: &[&str], program: Vec<OsString>) -> Vec<OsString> {
    options.iter().map(OsString::from).chain([OsString::from("--")]).chain(program).collect()
}

/// Ends a process that a test started, however the test ends. By its pidfd: long before, the number may be another's.
struct Guard(OwnedFd);

impl Guard {
    fn of(process: Process) -> Guard {
        // SAFETY: integers only; the descriptor is nobody else's.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process.0, 0) } as i32;
        assert!(fd >= 0, "{process:?}");
        // SAFETY: as above.
        Guard(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let fd = self.0.as_raw_fd();
        // SAFETY: integers only. What has ended, or is not our child, is no matter.
        unsafe {
            libc::syscall(libc::SYS_pidfd_send_signal, fd, libc::SIGKILL, null::<u8>(), 0);
            libc::waitid(libc::P_PIDFD, fd as u32, null_mut(), libc::WEXITED);
        }
    }
}

thread_local! {
    /// A test is a thread: what it has started is ended with it.
    static GUARDS: RefCell<Vec<Guard>> = const { RefCell::new(Vec::new()) };
}

/// Has a process end with this test; it.
pub fn guarded(process: Process) -> Process {
    GUARDS.with_borrow_mut(|guards| guards.push(Guard::of(process)));
    process
}

fn begin(command: &mut Command) -> Process {
    Process(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")).id() as i32)
}

/// Starts `command`, which ends with this test.
pub fn spawn(command: &mut Command) -> Process {
    guarded(begin(command))
}

/// Runs `command` to its end, which is in vain at the deadline. What it leaves running may keep its output.
pub fn finish(command: &mut Command) -> Outcome {
    let [mut out, mut err] = [(); 2].map(|()| {
        // SAFETY: a string that lives for ever; the descriptor is nobody else's.
        unsafe { fs::File::from_raw_fd(libc::memfd_create(c"output".as_ptr(), libc::MFD_CLOEXEC)) }
    });
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let process = begin(command);
    let _guard = Guard::of(process);
    let status = process.wait();
    let [stdout, stderr] = [&mut out, &mut err].map(|file| {
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).unwrap();
        bytes
    });
    Outcome::from(std::process::Output { status, stdout, stderr })
}

/// The same for `dmz` with these words.
pub fn finish_dmz<A: AsRef<std::ffi::OsStr>>(place: &Place, words: impl IntoIterator<Item = A>) -> Outcome {
    finish(&mut place.dmz(words))
}

/// Starts a daemon with a monitor, by a `dmz -S -P`: the monitor and the program.
pub fn supervised(command: &mut Command) -> (Process, Process) {
    let outcome = Outcome::of(command);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{command:?}");
    let program = Process(outcome.stdout.trim_end().parse().unwrap());
    let monitor = Process(program.stat(4) as i32);
    assert_ne!(monitor.0 as u32, std::process::id(), "the program has no monitor");
    (guarded(monitor), program)
}

/// The same, with these options and this program.
pub fn supervise(place: &Place, options: &[&str], program: Vec<OsString>) -> (Process, Process) {
    supervised(place.dmz(["-S", "-P"]).args(words(options, program)))
}

/// `sh -c TEXT`.
pub fn sh(text: &str) -> Vec<OsString> {
    ["/bin/sh", "-c", text].map(OsString::from).into()
}

/// A program that does nothing for a while.
pub fn sleep() -> Vec<OsString> {
    ["/bin/sleep", "100"].map(OsString::from).into()
}

/// The children of a process.
pub fn children(of: Process) -> Vec<Process> {
    let text = fs::read_to_string(format!("/proc/{0}/task/{0}/children", of.0)).unwrap_or_default();
    text.split_whitespace().map(|pid| Process(pid.parse().unwrap())).collect()
}

/// Waits until there is exactly one child, and it is another program than its parent; it.
pub fn child(of: Process) -> Process {
    let program = |process: Process| fs::read_link(format!("/proc/{}/exe", process.0)).ok();
    until(&format!("the child of {of:?}"), || match children(of)[..] {
        [one] if program(one).is_some_and(|path| Some(path) != program(of)) => Some(one),
        _ => None,
    })
}

/// Its name, as ps(1) shows it.
pub fn comm(process: Process) -> String {
    let name = fs::read_to_string(format!("/proc/{}/comm", process.0)).unwrap_or_default();
    name.trim_end().to_owned()
}

/// Waits until the monitor's name says so.
pub fn until_comm(monitor: Process, name: &str) {
    until(&format!("{monitor:?} to be {name:?}, not {:?}", comm(monitor)), || (comm(monitor) == name).then_some(()));
}

/// Waits until exactly these descriptors are open: a program's loader has some more for a moment.
pub fn until_descriptors<const N: usize>(process: Process, expected: [(i32, PathBuf); N]) {
    let expected = expected.into();
    until(&format!("{expected:?}, not {:?}", process.descriptors()), || {
        (process.descriptors() == expected).then_some(())
    });
}

/// Is there no such process any more, not even a zombie?
pub fn is_gone(process: Process) -> bool {
    process.status("State").is_none()
}

/// No core files from programs that die of signals.
pub fn without_core(command: &mut Command) -> &mut Command {
    before(command, || {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the kernel reads one rlimit.
        done(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) })
    })
}

/// Blocks these signals, all 64 bits as given; libc's own function leaves two of them out.
pub fn block(set: u64) -> std::io::Result<()> {
    // SAFETY: the kernel reads eight bytes.
    done(unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, &raw const set, null_mut::<u64>(), 8) }
        as i32)
}

/// Ignores a signal, also those that libc keeps for itself.
pub fn ignore(number: i32) -> std::io::Result<()> {
    dispose(number, libc::SIG_IGN)
}

/// Ignores exactly these signals, whatever the tests' own caller ignored.
pub fn ignore_only(numbers: &[i32]) -> std::io::Result<()> {
    (1..=64)
        .filter(|number| ![libc::SIGKILL, libc::SIGSTOP].contains(number))
        .try_for_each(|number| dispose(number, if numbers.contains(&number) { libc::SIG_IGN } else { libc::SIG_DFL }))
}

fn dispose(number: i32, handler: usize) -> std::io::Result<()> {
    // The kernel's struct sigaction: flags, restorer and mask are 0.
    let action = [handler, 0, 0, 0];
    // SAFETY: the kernel reads four words.
    done(unsafe { libc::syscall(libc::SYS_rt_sigaction, number, action.as_ptr(), null_mut::<u64>(), 8) } as i32)
}

#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

/// Before main: with `--play` this process is a program of the tests, and never gets to main.
extern "C" fn start() {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    if words.get(1).is_none_or(|word| word != "--play") {
        return;
    }
    let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(0);
    match words[2].as_str() {
        "listen" => listen(""),
        "group" => group(),
        "die" => die(number(3)),
        "tree" => tree(number(3), words.get(4).is_some_and(|word| word == "end")),
        "reborn" => reborn(number(3)),
        "storm" => storm(number(3)),
        "namespace" => namespace(&words[3], &words[4..]),
        role => panic!("no role {role}"),
    }
}

fn fork() -> i32 {
    // SAFETY: this process has one thread.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    pid
}

fn leave(status: i32) -> ! {
    // SAFETY: no preconditions.
    unsafe { libc::_exit(status) }
}

fn pause() -> ! {
    loop {
        // SAFETY: no preconditions.
        unsafe { libc::pause() };
    }
}

fn own() -> i32 {
    std::process::id() as i32
}

/// Has a copy of this process, in a session of its own and without its parent, run on; the other one comes back.
fn escape(act: impl FnOnce()) {
    let first = fork();
    if first == 0 {
        // SAFETY: no preconditions.
        unsafe { libc::setsid() };
        if fork() == 0 {
            act();
        }
        leave(0);
    }
    // SAFETY: no status is asked for.
    unsafe { libc::waitpid(first, null_mut(), 0) };
}

/// Writes a line to standard output in one piece.
fn say(line: &str) {
    let line = format!("{line}\n");
    // SAFETY: the bytes live that long.
    unsafe { libc::write(1, line.as_ptr().cast(), line.len()) };
}

fn next_signal() -> i32 {
    loop {
        let all = ALL;
        // SAFETY: the kernel reads eight bytes; it is told of no other room.
        let call = unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &raw const all, null::<u8>(), null::<u8>(), 8) };
        if call > 0 {
            return call as i32;
        }
    }
}

/// Says "ready", and from then on every signal it gets. Only KILL ends it.
fn listen(name: &str) -> ! {
    block(ALL).unwrap();
    say(&format!("{name}ready"));
    loop {
        let number = next_signal();
        say(&format!("{name}{number}"));
    }
}

/// Two who listen, in one process group.
fn group() -> ! {
    block(ALL).unwrap();
    listen(if fork() == 0 { "child " } else { "parent " })
}

/// Dies of a signal; ends with 0 if that one does not kill.
fn die(number: i32) -> ! {
    // SAFETY: integers only.
    unsafe { libc::kill(own(), number) };
    leave(0)
}

/// A pipe: where to read, where to write.
fn pipe() -> [i32; 2] {
    let mut ends = [0; 2];
    // SAFETY: the kernel writes two integers.
    done(unsafe { libc::pipe(ends.as_mut_ptr()) }).unwrap();
    ends
}

/// Waits for a byte; whether one came before the end of file.
fn read_byte(from: i32) -> bool {
    let mut byte = [0];
    // SAFETY: one byte of room.
    unsafe { libc::read(from, byte.as_mut_ptr().cast(), 1) == 1 }
}

/// Starts processes in sessions of their own, no children of its, every second one ignoring TERM. When all are there it
/// says "ready", then stays, or ends with status 5.
fn tree(count: i32, ends: bool) -> ! {
    let [there, here] = pipe();
    for number in 0..count {
        escape(|| {
            if number % 2 == 1 {
                ignore(libc::SIGTERM).unwrap();
            }
            say(&own().to_string());
            // SAFETY: one byte.
            unsafe { libc::write(here, c"x".as_ptr().cast(), 1) };
            pause();
        });
    }
    (0..count).for_each(|_| assert!(read_byte(there)));
    say("ready");
    if ends { leave(5) } else { pause() }
}

/// A program that, told to stop, starts itself anew far away, so many times.
fn reborn(lives: i32) -> ! {
    block(ALL).unwrap();
    say("ready");
    for life in (0..lives).rev() {
        while next_signal() != libc::SIGTERM {}
        let mut is_new = false;
        let first = fork();
        if first == 0 {
            // SAFETY: no preconditions.
            unsafe { libc::setsid() };
            is_new = fork() == 0;
        }
        if !is_new {
            leave(0);
        }
        say(&life.to_string());
    }
    leave(0)
}

/// Starts children that lose their parent and then end all at once; says "ready" when they are told to.
fn storm(count: i32) -> ! {
    let [there, here] = pipe();
    let first = fork();
    if first == 0 {
        for _ in 0..count {
            if fork() == 0 {
                // SAFETY: integers only.
                unsafe { libc::close(here) };
                // Nothing is ever written: this comes back when nobody has the other end any more.
                read_byte(there);
                leave(0);
            }
        }
        leave(0);
    }
    // SAFETY: integers only, no status is asked for.
    unsafe {
        libc::waitpid(first, null_mut(), 0);
        libc::close(here);
    }
    say("ready");
    pause()
}

/// Runs a program as PID 1 of a PID namespace, and ends as it did. `how` has letters: `p` for its own /proc, `n` for none,
/// `c` for standard descriptors that are closed and a file `console` in this folder as /dev/console.
fn namespace(how: &str, program: &[String]) -> ! {
    let program: Vec<_> = program.iter().map(|word| std::ffi::CString::new(word.as_str()).unwrap()).collect();
    let words: Vec<_> = program.iter().map(|word| word.as_ptr()).chain([null()]).collect();
    let mount = |source: &std::ffi::CStr, target: &std::ffi::CStr, kind: &std::ffi::CStr, flags| {
        // SAFETY: strings that live that long.
        done(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, null()) }).unwrap();
    };
    // SAFETY: system calls with integers and strings that live long enough, in a process with one thread.
    unsafe {
        done(libc::unshare(libc::CLONE_NEWPID | libc::CLONE_NEWNS)).unwrap();
        mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE);
        let first = fork();
        if first == 0 {
            done(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL)).unwrap();
            match () {
                () if how.contains('p') => mount(c"proc", c"/proc", c"proc", 0),
                () if how.contains('n') => mount(c"none", c"/proc", c"tmpfs", 0),
                () => {}
            }
            if how.contains('c') {
                mount(c"console", c"/dev/console", c"none", libc::MS_BIND);
                (0..3).for_each(|number| _ = libc::close(number));
            }
            libc::execv(words[0], words.as_ptr());
            leave(99);
        }
        let mut status = 0;
        while libc::waitpid(first, &raw mut status, 0) != first {}
        if libc::WIFEXITED(status) {
            leave(libc::WEXITSTATUS(status));
        }
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::signal(libc::WTERMSIG(status), libc::SIG_DFL);
        die(libc::WTERMSIG(status))
    }
}
