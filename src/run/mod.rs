//! Doing what was planned: one loop over steps in each process, and what the launcher makes of their result. Effects
//! only through `sys`; never has words.
#![forbid(unsafe_code)]

mod apply;
mod descriptors;
mod detach;
mod execute;
mod pidfile;
mod record;
mod wait;
mod words;

pub use crate::sys::file::{STDERR, STDOUT};
pub use crate::sys::process::{End, die};
pub use detach::{Started, start};
pub use execute::missing_interpreter;
pub use words::{Rewrite, numbers};

use core::mem::MaybeUninit;

use crate::plan::{Failure, Process, Reason, order};
use crate::sys::file::{self, Fd};
use crate::sys::memory::{PATH_MAX, Path};
use crate::sys::words::{Vector, Words};
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
    /// Its environment.
    pub environment: Vector,
    /// What the caller gave: PATH for the search, and the effective user id.
    pub words: Words,
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

/// Writes `template` as one line, with the next word in place of each `%`; the blank before an empty word goes with it,
/// and what is too long for a line is left out. Why it could not.
pub fn write(fd: Fd, template: &[u8], words: &[&[u8]]) -> Result<(), Reason> {
    let mut room = [const { MaybeUninit::uninit() }; LINE_MAX];
    let mut line = Path::new(&mut room);
    let mut words = words.iter();
    let mut rest = template;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match words.as_slice() {
            // The word is empty.
            [[], ..] if behind.first() == Some(&b'%') && *byte == b' ' => {}
            [word, ..] if *byte == b'%' => {
                let _ = line.push(word);
                words.next();
            }
            _ => drop(line.push(&[*byte])),
        }
    }
    Ok(file::write(fd, line.as_bytes())?)
}

/// Room for a line with two of the longest paths.
const LINE_MAX: usize = 3 * PATH_MAX;

/// Ends this process.
pub fn exit(status: u8) -> ! {
    process::exit(status)
}
