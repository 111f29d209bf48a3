//! The classic Python recipe (fork, setsid, fork, umask, dup2, pidfile, atexit) as a Rust program. Usage: recipe PIDFILE

use std::ffi::CString;

fn main() -> Result<(), dmz::Error> {
    let path = CString::new(std::env::args().nth(1).expect("usage: recipe PIDFILE")).unwrap();
    let daemon = dmz::Daemon::new().pid_file(&path).fork_with(libc::fork);
    // SAFETY: first thing in main: no threads, nothing open. The fork is the C library's.
    let ready = unsafe { daemon.detach()? };
    let end = prepare();
    let _pidfile = ready.notify(); // removed when main returns
    run(end);
    Ok(())
}

/// What must be done before anybody is told that it works: from here on SIGTERM is waited for.
fn prepare() -> libc::sigset_t {
    // SAFETY: plain calls on a set that they fill.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        set
    }
}

/// The daemon's work: it waits for a signal that asks it to end.
fn run(end: libc::sigset_t) {
    // SAFETY: reads a set, and writes a number.
    unsafe { libc::sigwait(&raw const end, &mut 0) };
}
