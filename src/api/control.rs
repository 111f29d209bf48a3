//! The daemon behind a pidfile: query, stop, signal.
#![cfg(feature = "control")]

use core::ffi::CStr;

use super::error::Error;
use crate::Word;
use crate::plan::{Config, Opt, Reason, Step};
use crate::run::host::{self, Wanted};

/// The state of the daemon behind a pidfile: the process that holds the file's lock. The number in the file is not trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Status {
    /// It runs.
    Running {
        /// The process that holds the lock.
        owner: i32,
        /// The process that the file names: not the owner if that is a monitor; 0 if the file is empty.
        program: i32,
    },
    /// It does not run, but its file is there.
    Dead,
    /// There is no file.
    NotRunning,
    /// It runs in another PID namespace, which cannot be seen from here.
    Unknown,
}

/// Queries the daemon behind a pidfile (fcntl(2), `F_GETLK`; pidfd_open(2)).
///
/// This, [`signal`] and [`stop`] work in a process of their own: a daemon may query itself and keeps its lock.
///
/// # Errors
/// [`ErrorKind::Unfit`](crate::ErrorKind) for a file that is no pidfile, the kernel's errors otherwise: ELOOP for a symbolic
/// link, ENXIO for a socket.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("dmz-doc-status-{}.pid", std::process::id()));
/// # let path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
/// let pidfile = dmz::PidFile::lock(&path)?;
/// let own = std::process::id() as i32;
/// assert_eq!(dmz::status(&path)?, dmz::Status::Running { owner: own, program: own });
/// drop(pidfile);
/// assert_eq!(dmz::status(&path)?, dmz::Status::NotRunning);
/// # Ok::<(), dmz::Error>(())
/// ```
pub fn status(pid_file: &CStr) -> Result<Status, Error> {
    ask(&config(pid_file), Wanted::Status)
}

/// Sends the daemon behind a pidfile a signal (pidfd_send_signal(2)), and returns its state: only `Running` has got it.
///
/// # Errors
/// Those of [`status`], and those of the signal, such as EPERM.
pub fn signal(pid_file: &CStr, number: u32) -> Result<Status, Error> {
    let mut config = config(pid_file);
    config.signal = number;
    ask(&config, Wanted::Signal)
}

/// Stops the daemon behind a pidfile: SIGTERM and SIGCONT, and SIGKILL after `seconds`. A monitor gets a second SIGTERM then,
/// and SIGKILL two seconds later, which takes its program along. Waits for its end without polling, and removes a file that
/// is left, if this process may. `NotRunning` when it has ended, `Running` if it does not end, `Unknown`, with nothing sent,
/// for one in another PID namespace.
///
/// # Errors
/// Those of [`signal`].
pub fn stop(pid_file: &CStr, seconds: u32) -> Result<Status, Error> {
    let mut config = config(pid_file);
    config.set(Opt::Timeout);
    config.timeout = seconds;
    ask(&config, Wanted::Stop)
}

fn config(pid_file: &CStr) -> Config<'_> {
    let mut config = Config::new();
    config.set_text(Opt::Pidfile, Word::new(pid_file));
    config
}

fn ask(config: &Config<'_>, wanted: Wanted) -> Result<Status, Error> {
    // A mistake of who made it, and not the name of a file that is not there.
    if config.text(Opt::Pidfile).is_empty() {
        return Err(Error::new(Step::OpenPidfile, Reason::INVALID));
    }
    let answer = host::control(config, wanted).map_err(|reason| Error::new(Step::Fork, reason))?;
    Ok(match answer? {
        host::Found::Running { owner, program } => Status::Running { owner, program },
        host::Found::Dead => Status::Dead,
        host::Found::NotRunning => Status::NotRunning,
        host::Found::Unknown => Status::Unknown,
    })
}
