//! What failed and why, with names.

use core::fmt;

use crate::plan::{Exit, Failure, Reason};
use crate::run::Failed;

pub use crate::plan::Step;

/// A start, a lock or a query that failed: which step, and why. What was begun has been undone.
///
/// ```
/// let error = dmz::PidFile::lock(c"/no/such/folder/x.pid").unwrap_err();
/// assert_eq!(error.step(), dmz::Step::OpenPidfile);
/// assert_eq!(error.errno(), Some(2));
/// assert_eq!(error.to_string(), "cannot open pidfile: No such file or directory");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    step: Step,
    reason: Reason,
    number: i32,
}

/// What kind of failure it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The kernel refused, with this error number (errno(3)).
    Errno(i32),
    /// The pidfile is locked by this process: it runs already. 0 for a process that cannot be seen from here (another PID
    /// namespace).
    Running(i32),
    /// The daemon was not ready in time.
    Timeout,
    /// The daemon, or a process on the way to it, ended before it had said that it is ready.
    Ended,
    /// There is no such user or group.
    Unknown,
    /// The file cannot be a pidfile: it is not regular, has several links, belongs to another user, is in a directory where
    /// others can replace it, is locked by a reader, or holds something other than one process id.
    Unfit,
    /// Anything else; its text says what.
    Other,
}

impl Error {
    /// What was being done.
    pub fn step(&self) -> Step {
        self.step
    }

    /// The kernel's error number, if the kernel refused.
    pub fn errno(&self) -> Option<i32> {
        match self.kind() {
            ErrorKind::Errno(number) => Some(number),
            _ => None,
        }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self.reason {
            reason if reason.is_errno() => ErrorKind::Errno(reason.number()),
            Reason::NO_INTERPRETER => ErrorKind::Errno(Reason::NOT_FOUND.number()),
            Reason::RUNNING => ErrorKind::Running(self.number),
            Reason::TIMEOUT => ErrorKind::Timeout,
            Reason::KILLED | Reason::ENDED | Reason::ENDED_EARLY => ErrorKind::Ended,
            Reason::UNKNOWN | Reason::NO_GROUP => ErrorKind::Unknown,
            Reason::FOREIGN | Reason::IRREGULAR | Reason::LINKED | Reason::OWNER | Reason::FOLDER | Reason::LOCKED => {
                ErrorKind::Unfit
            }
            _ => ErrorKind::Other,
        }
    }

    /// The exit status of `dmz` for it: 122 ended, 123 already running, 124 timeout, 126 and 127 a program that
    /// cannot be executed or is not there, 125 anything else.
    pub fn exit_status(&self) -> u8 {
        match self.reason {
            // A daemon of this program's own, where nobody can tell more.
            Reason::KILLED if self.step == Step::AwaitReady => Exit::Ended as u8,
            reason => Exit::of(Failure { step: self.step, reason }) as u8,
        }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Error {
        Error { step: failed.failure.step, reason: failed.failure.reason, number: failed.number }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error { step: failure.step, reason: failure.reason, number: 0 }
    }
}

impl Error {
    pub(super) fn new(step: Step, reason: Reason) -> Error {
        Error { step, reason, number: 0 }
    }
}

impl Step {
    /// The step as a phrase that fits behind "cannot". It names no file or user: the caller knows what was asked for.
    pub fn phrase(self) -> &'static str {
        // The launcher has an object behind these.
        match self {
            Step::RedirectStdin => "redirect stdin",
            Step::RedirectStdout => "redirect stdout",
            Step::RedirectStderr => "redirect stderr",
            Step::ChangeDirectory => "change directory",
            Step::Execute => "execute the program",
            Step::AwaitEnd => "wait for the program",
            Step::AwaitReady => "await readiness of the daemon",
            #[cfg(feature = "identity")]
            Step::EnterUser => "take the rights of the user",
            #[cfg(feature = "identity")]
            Step::LeaveUser => "leave the rights of the user",
            #[cfg(feature = "identity")]
            Step::LimitCapabilities => "limit capabilities",
            #[cfg(feature = "identity")]
            Step::ChangeRoot => "change root",
            #[cfg(feature = "identity")]
            Step::SetUser => "become the user",
            #[cfg(feature = "control")]
            Step::FindOwner => "find the owner of the pidfile",
            #[cfg(feature = "control")]
            Step::OpenProcess => "open the owner of the pidfile",
            #[cfg(feature = "control")]
            Step::SignalDaemon => "signal the owner of the pidfile",
            _ => self.name().as_c_str().to_str().unwrap_or(""),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "cannot {}: ", self.step.phrase())?;
        match (self.kind(), self.reason.text()) {
            (ErrorKind::Running(0), _) => out.write_str("already running, PID in another namespace"),
            (ErrorKind::Running(pid), _) => write!(out, "already running, PID {pid}"),
            (_, Some(text)) => out.write_str(text.as_c_str().to_str().unwrap_or("")),
            #[cfg(feature = "std")]
            (ErrorKind::Errno(number), None) => write!(out, "{}", std::io::Error::from_raw_os_error(number)),
            (_, None) => write!(out, "errno {}", self.reason.number()),
        }
    }
}

/// The same text as [`Display`](fmt::Display): `main` prints its error in this form.
impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl core::error::Error for Error {}

/// The kernel's error keeps its number; all others are of the kind `Other` and keep their text.
#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> std::io::Error {
        match error.errno() {
            Some(number) => std::io::Error::from_raw_os_error(number),
            None => std::io::Error::other(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_is_the_launchers() {
        for (step, reason, status) in [
            (Step::Execute, Reason::ENDED, 122),
            (Step::AwaitReady, Reason::ENDED_EARLY, 122),
            (Step::AwaitReady, Reason::KILLED, 122),
            (Step::Fork, Reason::KILLED, 125),
            (Step::LockPidfile, Reason::RUNNING, 123),
            (Step::AwaitReady, Reason::TIMEOUT, 124),
            (Step::Execute, Reason::NOT_FOUND, 127),
            (Step::Execute, Reason::NO_ACCESS, 126),
            (Step::OpenPidfile, Reason::NOT_FOUND, 125),
        ] {
            let error = Error::new(step, reason);
            assert_eq!(error.exit_status(), status, "{error}");
        }
        assert_eq!(Error::new(Step::Execute, Reason::ENDED).kind(), ErrorKind::Ended);
    }

    #[test]
    fn no_text_wants_another_word() {
        let mut number = 0;
        while let Some(step) = Step::from_number(number) {
            let last = step.phrase().rsplit(' ').next().unwrap_or("");
            assert!(!["", "of", "to", "for", "execute"].contains(&last), "{}", step.phrase());
            number += 1;
        }
        let error = Error::new(Step::LockPidfile, Reason::RUNNING);
        assert_eq!(std::format!("{error}"), "cannot lock pidfile: already running, PID in another namespace");
    }
}
