//! Every exit status of `dmz`, once. Where the program's own status is dmz's, the numbers
//! below 122 are left to it.

use super::{Failure, Reason, Step};

/// How `dmz` ends.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Started.
    Done = 0,
    /// No daemon runs, but its pidfile is there: `-T`.
    Dead = 1,
    /// No daemon runs: `-T`.
    NotRunning = 3,
    /// Nobody here can tell: `-T`.
    Unknown = 4,
    /// The program ended before it was ready.
    Ended = 122,
    /// A daemon holds the pidfile's lock already.
    Running = 123,
    /// Time is over.
    Timeout = 124,
    /// dmz itself failed: usage, file, lock, directory, fork, null device.
    Failed = 125,
    /// The program is there but cannot be executed.
    CannotExecute = 126,
    /// The program, or the interpreter that it names, was not found.
    NotFound = 127,
}

impl Exit {
    /// The status for a step that failed.
    #[inline(never)] // one copy is enough
    pub fn of(failure: Failure) -> Exit {
        match (failure.step, failure.reason) {
            (_, Reason::RUNNING) => Exit::Running,
            (_, Reason::ENDED | Reason::ENDED_EARLY | Reason::AMBIGUOUS) => Exit::Ended,
            (_, Reason::TIMEOUT) => Exit::Timeout,
            (Step::Execute, reason) if reason.means_not_found() => Exit::NotFound,
            (Step::Execute, reason) if reason.is_errno() => Exit::CannotExecute,
            _ => Exit::Failed,
        }
    }
}
