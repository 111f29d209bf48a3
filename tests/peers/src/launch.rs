//! Starting a launcher, hearing from the program, and ending both.
//!
//! This process is the subreaper: every daemon becomes its child, so none can be missed, and none is ended by a number
//! that could be somebody else's by now.

use crate::peers::{Kind, Peer};
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::mem::zeroed;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::ptr::null_mut;
use std::time::Duration;

/// What the program says at its first instruction.
#[derive(Clone, Copy)]
pub struct Begun {
    /// CLOCK_MONOTONIC.
    pub nanoseconds: i64,
    pub process: i32,
}

pub fn now() -> i64 {
    let mut time = unsafe { zeroed::<libc::timespec>() };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// The FIFO on which programs report.
pub struct Reports(File);

impl Reports {
    /// Makes it, and this process what the measurements need.
    pub fn open() -> Reports {
        let path = c"/run/begun";
        unsafe {
            libc::mkfifo(path.as_ptr(), 0o600);
            libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
        }
        let fifo = OpenOptions::new().read(true).write(true).custom_flags(libc::O_CLOEXEC).open("/run/begun");
        Reports(fifo.expect("the FIFO /run/begun"))
    }

    /// The next report, if it comes in time.
    pub fn next(&self, patience: Duration) -> Option<Begun> {
        let mut wait = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        if unsafe { libc::poll(&mut wait, 1, patience.as_millis() as i32) } != 1 {
            return None;
        }
        let mut report = [0; 16];
        (&self.0).read_exact(&mut report).ok()?;
        let word = |at: usize| i64::from_ne_bytes(report[at..at + 8].try_into().unwrap());
        Some(Begun { nanoseconds: word(0), process: word(8) as i32 })
    }
}

/// A command with all that posix_spawn wants, made before the clock is looked at.
pub struct Ready {
    words: Vec<CString>,
    environment: [CString; 2],
    is_job: bool,
}

impl Ready {
    pub fn new(peer: &Peer, instance: usize, seconds: u32) -> Ready {
        let text = |text: String| CString::new(text).unwrap();
        let path = text("PATH=/usr/sbin:/usr/bin:/sbin:/bin".into());
        let service = text(format!("RC_SVCNAME=bench{instance}")); // as OpenRC tells
        Ready { words: peer.command(instance, seconds), environment: [path, service], is_job: peer.kind == Kind::Job }
    }

    pub fn pointers(&self) -> (Vec<*mut libc::c_char>, Vec<*mut libc::c_char>) {
        let list = |words: &[CString]| words.iter().map(|word| word.as_ptr().cast_mut()).chain([null_mut()]).collect();
        (list(&self.words), list(&self.environment))
    }

    /// Starts it. Its process id, and the time just before.
    pub fn spawn(&self) -> (i32, i64) {
        let (words, environment) = self.pointers();
        unsafe {
            let mut attributes = zeroed();
            libc::posix_spawnattr_init(&mut attributes);
            if self.is_job {
                libc::posix_spawnattr_setflags(&mut attributes, libc::POSIX_SPAWN_SETPGROUP as i16);
            }
            let mut process = 0;
            let start = now();
            let error = libc::posix_spawn(
                &mut process,
                words[0],
                std::ptr::null(),
                &attributes,
                words.as_ptr(),
                environment.as_ptr(),
            );
            assert_eq!(error, 0, "{:?}", self.words);
            (process, start)
        }
    }
}

/// Waits for this child; its wait status.
pub fn wait(process: i32) -> i32 {
    let mut status = 0;
    while unsafe { libc::waitpid(process, &mut status, 0) } < 0 && errno() == libc::EINTR {}
    status
}

pub fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// The monitor of a program: what stands between it and us, if anything does.
pub fn monitor(program: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{program}/stat")).ok()?;
    let parent = stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()?;
    (parent > 1 && parent != std::process::id() as i32).then_some(parent)
}

/// Ends a program and its monitor, the monitor first so that it starts nothing again.
pub fn end(program: i32) {
    if let Some(monitor) = monitor(program) {
        kill(monitor);
    }
    kill(program);
}

pub fn kill(process: i32) {
    unsafe { libc::kill(process, libc::SIGKILL) };
}

/// Reaps every child; there is an end, since all have been ended or end by themselves.
pub fn reap() {
    while unsafe { libc::waitpid(-1, null_mut(), 0) } > 0 {}
}

/// Ends this process when the peer of that name hangs.
pub fn watch(name: &str, seconds: u32) {
    static NAME: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
    extern "C" fn late(_: i32) {
        let name = NAME.try_lock().map(|name| name.clone()).unwrap_or_default();
        eprintln!("bench: {name}: no end");
        std::process::exit(3);
    }
    *NAME.lock().unwrap() = name.into();
    unsafe {
        libc::signal(libc::SIGALRM, late as extern "C" fn(i32) as libc::sighandler_t);
        libc::alarm(seconds);
    }
}
