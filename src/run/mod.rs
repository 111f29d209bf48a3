//! Doing what was planned: one loop over steps in each process, and what the launcher makes of their result. Effects
//! only through `sys`; never has words.
#![forbid(unsafe_code)]

#[cfg(feature = "identity")]
mod account;
mod apply;
mod descriptors;
mod detach;
mod execute;
#[cfg(feature = "identity")]
mod identity;
#[cfg(feature = "monitor")]
mod monitor;
#[cfg(feature = "monitor")]
mod paths;
mod pidfile;
mod record;
mod wait;

pub use crate::sys::file::{STDERR, STDOUT};
pub use crate::sys::memory::Pool;
pub use crate::sys::process::{End, die, own_group, own_id};
pub use crate::sys::words::{VectorMut, join};
#[cfg(feature = "identity")]
pub use account::resolve;
#[cfg(feature = "monitor")]
pub use detach::serve;
pub use detach::{Started, start};
pub use execute::missing_interpreter;
#[cfg(feature = "monitor")]
pub use paths::make_absolute;

#[cfg(feature = "monitor")]
use crate::plan::monitor::AtExit;
use crate::plan::{Failure, Process, Reason, order};
use crate::sys::file::{self, Fd};
use crate::sys::{Errno, process};
use crate::{Vector, Word, Words};
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
    /// Its environment.
    pub environment: Vector,
    /// What the caller gave: PATH for the search, and the effective user id.
    pub words: Words,
    /// The id of the process that was called.
    pub id: i32,
}

/// A start that failed, with everything taken down again.
#[derive(Clone, Copy)]
pub struct Failed {
    /// What failed and why.
    pub failure: Failure,
    /// With [`Reason::RUNNING`], the process that holds the lock, 0 for one that cannot be seen from here; with
    /// [`Step::CheckKept`](crate::plan::Step), the descriptor.
    pub number: i32,
}

/// Does the steps of `process` in their order; stops at the first that fails.
#[inline(never)]
fn perform(process: Process, work: &mut Work<'_>) -> Result<(), Reason> {
    let start = work.start;
    order::each(start.config, |whose, step| {
        if whose != process {
            return Ok(());
        }
        start.record.note(step);
        apply(step, work)
    })
}

/// Writes `words` as one line, one behind the other. Why it could not.
#[inline(never)]
pub fn write(fd: Fd, words: &[Word<'_>]) -> Result<(), Reason> {
    let mut pieces = [file::piece(b""); PIECES];
    let mut length = 0;
    for (place, word) in pieces.iter_mut().zip(words) {
        *place = file::piece(word.bytes());
        length += word.bytes().len();
    }
    Ok(file::write(fd, pieces.get(..words.len()).unwrap_or(&pieces), length)?)
}

/// Words of the longest line.
const PIECES: usize = 8;

/// The last act of a machine's PID 1.
#[cfg(feature = "monitor")]
pub fn end_machine(how: AtExit) {
    use crate::sys::monitor as last;
    match how {
        AtExit::Exit => {}
        AtExit::PowerOff => last::end_machine(last::POWER_OFF),
        AtExit::Reboot => last::end_machine(last::RESTART),
        AtExit::Halt => last::end_machine(last::HALT),
    }
}

/// Ends this process.
pub fn exit(status: u8) -> ! {
    process::exit(status)
}

/// Does dmz's own file give its user privileges: by its owner or group, or by capabilities? AT_SECURE alone also comes
/// from a change of the security context, which gives nothing.
pub fn gives_privileges(words: &Words) -> bool {
    words.has_changed || words.is_secure && words.user != 0 && has_capabilities()
}

#[cfg(feature = "identity")]
fn has_capabilities() -> bool {
    crate::sys::identity::permitted_capabilities() != Ok(0)
}

#[cfg(not(feature = "identity"))]
fn has_capabilities() -> bool {
    true
}
