//! Becomes a daemon by one of the crates, as well as that can be asked to, and writes its process id to FOLDER/self.
//! Usage: peers CRATE CASE FOLDER

use std::ffi::CString;
use std::time::Duration;
use std::{env, fs, process};

fn main() {
    let words: Vec<_> = env::args().collect();
    let [_, name, case, folder] = &words[..] else { panic!("usage: peers CRATE CASE FOLDER") };
    let pidfile = format!("{folder}/x.pid");
    let directory = if case == "missing" { "/no/such/folder" } else { "/" };
    let (as_user, fails) = (case == "user", case == "unready");
    match name.as_str() {
        "dmz" => dmz(&pidfile, directory, as_user, fails, folder),
        "daemonize" => {
            let mut daemon = daemonize::Daemonize::new().pid_file(&pidfile).working_directory(directory);
            if as_user {
                daemon = daemon.user("nobody").group(65534);
            }
            check(daemon.start());
            work(folder, fails)
        }
        "daemonize-me" => {
            let mut daemon = daemonize_me::Daemon::new().pid_file(&pidfile, Some(false)).work_dir(directory);
            if as_user {
                let user = daemonize_me::User::try_from("nobody").unwrap();
                daemon = daemon.user(user).group(daemonize_me::Group::try_from("nogroup").unwrap());
            }
            check(daemon.start());
            work(folder, fails)
        }
        "fork" => {
            let mut options = fork::DaemonOptions::new();
            options.current_directory(directory).unwrap().redirect_standard_io_to_null().unwrap();
            if let fork::CheckedDaemon::Daemon(notifier) = check(fork::checked_daemon(options, Duration::from_secs(5)))
            {
                if fails {
                    process::exit(1);
                }
                check(notifier.notify_ready());
                work(folder, false)
            }
        }
        _ => panic!("no such crate: {name}"),
    }
}

fn dmz(pidfile: &str, directory: &str, as_user: bool, fails: bool, folder: &str) {
    let (pidfile, directory) = (CString::new(pidfile).unwrap(), CString::new(directory).unwrap());
    let mut daemon = dmz::Daemon::new().pid_file(&pidfile).working_directory(&directory).reset_signals();
    if as_user {
        daemon = daemon.user(c"nobody:65534");
    }
    // SAFETY: no threads, nothing open; the C library forks.
    let ready = check(unsafe { daemon.detach() });
    if fails {
        process::exit(1);
    }
    let _pidfile = ready.notify();
    work(folder, false)
}

/// A failure is told as main would.
fn check<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("{error:?}");
        process::exit(1)
    })
}

/// The daemon's work.
fn work(folder: &str, fails: bool) {
    if fails {
        process::exit(1);
    }
    fs::write(format!("{folder}/self"), process::id().to_string()).unwrap();
    // SAFETY: no preconditions.
    unsafe { libc::pause() };
}
