//! Doing what was planned: one loop over steps in each process, and what the launcher makes of their result. Effects
//! only through `sys`; never has words.
#![forbid(unsafe_code)]

mod apply;
mod detach;
mod execute;
mod pidfile;
mod record;

pub use detach::start;
pub use execute::missing_interpreter;

use crate::plan::{Failure, Process, Reason, order};
use crate::sys::file::{self, Fd};
use crate::sys::words::Vector;
use crate::sys::{Errno, process};
use apply::{Work, apply};

impl From<Errno> for Reason {
    fn from(errno: Errno) -> Reason {
        Reason::errno(errno.number())
    }
}

/// What the program gets byte for byte, and who asks.
#[derive(Clone, Copy)]
pub struct Command {
    /// Its arguments, its own name first.
    pub arguments: Vector,
    /// Its environment; PATH for the search is the caller's.
    pub environment: Vector,
    /// The caller's effective user id.
    pub user: u32,
}

/// A start that failed, with everything taken down again.
#[derive(Clone, Copy)]
pub struct Failed {
    /// What failed and why.
    pub failure: Failure,
    /// With [`Reason::RUNNING`], the process that holds the lock; 0 for one that cannot be seen from here.
    pub owner: i32,
}

/// Does the steps of `process` in their order; stops at the first that fails.
fn perform(process: Process, work: &mut Work<'_>) -> Result<(), Failure> {
    let config = work.start.config;
    for step in order::steps(process, config) {
        work.start.note(step);
        apply(step, work).map_err(|reason| Failure { step, reason })?;
    }
    Ok(())
}

/// Writes one line to standard error; there is nobody to tell if that fails.
pub fn tell(pieces: &[&[u8]]) {
    let _ = file::write_line(file::STDERR, pieces);
}

/// Writes all of a line to standard output; why it could not.
pub fn print(pieces: &[&[u8]]) -> Result<(), Reason> {
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    let count = file::write_line(file::STDOUT, pieces)?;
    if count == length { Ok(()) } else { Err(Reason::NO_SPACE) }
}

/// Ends this process.
pub fn exit(status: u8) -> ! {
    process::exit(status)
}

/// No descriptor.
const NO_FD: Fd = Fd(-1);
