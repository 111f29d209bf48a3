//! A web service that makes itself a daemon: detached first, before there is any thread; ready when it listens; its pidfile
//! removed when main returns, at an exit and a panic, and at SIGTERM, SIGINT, SIGHUP and SIGQUIT: what is left are crashes
//! and SIGKILL. Usage: web PIDFILE PORT
//!
//! It answers `/` with its process id; `/panic` and `/exit` end it in those ways.

use std::ffi::CString;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::{env, mem, panic, process, ptr, thread};

use dmz::{Daemon, PidFile};

/// Where everybody who ends the program finds it.
static PIDFILE: Mutex<Option<PidFile<'static>>> = Mutex::new(None);

fn main() -> Result<(), dmz::Error> {
    let words: Vec<_> = env::args().collect();
    let [_, path, port] = &words[..] else { panic!("usage: web PIDFILE PORT") };
    let path = Box::leak(CString::new(path.as_str()).unwrap().into_boxed_c_str());
    let daemon = Daemon::new().pid_file(path).timeout(10).fork_with(libc::fork);
    // SAFETY: no threads yet, nothing open; the fork is the C library's.
    let ready = unsafe { daemon.detach()? };
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().unwrap_or(0))) {
        Ok(listener) => listener,
        // The caller hears of it, and no pidfile is left.
        Err(error) => ready.fail(error.raw_os_error().unwrap_or(libc::EINVAL)),
    };
    end_well();
    // Held meanwhile: who is told that it works may ask it to end before the next line.
    let mut pidfile = PIDFILE.lock().unwrap();
    *pidfile = ready.notify();
    drop(pidfile);
    for stream in listener.incoming().flatten() {
        thread::spawn(move || answer(stream));
    }
    Ok(())
}

/// The signals that ask a program to end.
const ENDING: [libc::c_int; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];

/// Has the pidfile removed at every end that can be seen coming: these signals and a panic become an exit, and an exit calls
/// `leave`.
fn end_well() {
    extern "C" fn leave() {
        if let Ok(mut pidfile) = PIDFILE.lock() {
            drop(pidfile.take());
        }
    }
    // SAFETY: plain calls on a set that they fill; `leave` does not unwind.
    unsafe {
        libc::atexit(leave);
        let mut set = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in ENDING {
            libc::sigaddset(&raw mut set, signal);
        }
        // Blocked in all threads, and taken by one.
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut());
        thread::spawn(move || {
            libc::sigwait(&raw const set, &mut 0);
            process::exit(0);
        });
    }
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        report(info);
        process::exit(101);
    }));
}

fn answer(mut stream: TcpStream) {
    let mut line = String::new();
    let _ = BufReader::new(&stream).read_line(&mut line);
    match line.split(' ').nth(1) {
        Some("/panic") => panic!("asked to"),
        Some("/exit") => process::exit(3),
        _ => {}
    }
    let text = process::id().to_string();
    let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
}
