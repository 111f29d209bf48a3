//! Doing what was planned: one loop over steps in each process, and what the launcher makes of their result. Effects
//! only through `sys`; never has words.
#![forbid(unsafe_code)]

#[cfg(feature = "identity")]
mod account;
mod apply;
#[cfg(feature = "control")]
pub mod control;
mod descriptors;
mod detach;
mod execute;
pub mod host;
#[cfg(feature = "identity")]
mod identity;
#[cfg(feature = "monitor")]
mod monitor;
mod paths;
mod pidfile;
#[cfg(feature = "ready")]
mod ready;
mod record;
mod wait;

use core::mem::{MaybeUninit, replace};

pub use crate::sys::Errno;
pub use crate::sys::file::{STDERR, STDOUT, write};
pub use crate::sys::memory::{Plain, Pool};
pub use crate::sys::process::{End, die, own_group, own_id};
pub use crate::sys::words::{VectorMut, join};
#[cfg(feature = "identity")]
pub use account::find_names;
#[cfg(feature = "monitor")]
pub use detach::serve;
pub use detach::{Started, start};
pub use execute::{Beginning, is_on_noexec, missing_interpreter};
pub use paths::make_absolute;

use crate::plan::number::{Digits, digits};
use crate::plan::order::ORDER;
use crate::plan::{Failure, Process, Reason};
use crate::sys::file::{self, Fd};
use crate::sys::memory::Path;
use crate::sys::{process, signal};
use crate::{Table, Vector, Word, Words};
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
    /// The caller's own environment, for its PATH.
    pub caller: Vector,
    /// Where dmz itself is to tell when the program works: NOTIFY_SOCKET.
    pub manager: Option<Word<'static>>,
    /// The effective user id.
    pub user: u32,
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

/// HOME, USER, LOGNAME and SHELL of a user that has a line in /etc/passwd.
pub type UserWords = [Option<Word<'static>>; 4];

impl Command {
    /// Is something in the environment for the process that was called, by its id?
    pub fn has_id(&self) -> bool {
        let mut room = Digits::default();
        let id = digits(self.id as u32, 0, &mut room);
        // The names outside: finding the next one costs more than the next word.
        NAMED.into_iter().any(|name| {
            let mut words = self.environment;
            words.any(|word| word.strip(name).is_some_and(|is| is.is(id)))
        })
    }
}

/// Where whoever has called dmz wants to be told.
pub const MANAGER: Word<'static> = Word::new(c"NOTIFY_SOCKET=");

/// What an environment has of that. What cannot tell does not take it either.
pub fn manager(mut environment: Vector) -> Option<Word<'static>> {
    if cfg!(feature = "ready") { environment.find_map(|word| word.strip(MANAGER)) } else { None }
}

/// Variables that hold the id of the process that they are meant for (sd_listen_fds(3), sd_watchdog_enabled(3)).
const NAMED: Table = Table::new(b"LISTEN_PID=\0WATCHDOG_PID=\0\0");

/// The one that is over first, of times that may be none.
#[cfg(any(feature = "monitor", feature = "ready"))]
fn sooner(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

/// Does the steps of `process` in their order; stops at the first that fails.
#[inline(never)]
fn perform(process: Process, work: &mut Work<'_>) -> Result<(), Reason> {
    let start = work.start;
    for row in ORDER {
        if let Some((whose, step)) = row.resolve(start.config)
            && whose == process
        {
            start.record.note(step);
            apply(step, work)?;
        }
    }
    Ok(())
}

/// How many bytes of a line are written at once, so that it is not torn by what others write.
const LINE: usize = 1024;

/// Writes `words` as one line, one behind the other. Why it could not.
#[inline(never)]
pub fn write_line(fd: Fd, words: &[Word<'_>]) -> Result<(), Reason> {
    let (mut line, mut length) = ([0; LINE], 0);
    let mut before = 0;
    let tamed = words.iter().flat_map(|word| word.bytes()).map(|byte| tame(*byte, replace(&mut before, *byte)));
    for byte in tamed.chain([b'\n']) {
        if let Some(place) = line.get_mut(length) {
            *place = byte;
            length += 1;
        }
        if length == LINE {
            file::write(fd, &line)?;
            length = 0;
        }
    }
    Ok(file::write(fd, line.get(..length).unwrap_or(&line))?)
}

/// What is shown of a byte of a name, behind the byte `before`. Others may have chosen that, and who reads it may be root at
/// a terminal: a control character, of which a newline is one, becomes a question mark, one of C1 in UTF-8 its second byte.
fn tame(byte: u8, before: u8) -> u8 {
    let is_control = byte < b' ' || byte == 0x7f || before == 0xc2 && (0x80..0xa0).contains(&byte);
    if is_control { b'?' } else { byte }
}

/// Writes a line to standard error. A pipe that nobody reads, or a limit on files, must not end this process: what it has to
/// say is its status.
pub fn say(words: &[Word<'_>]) {
    let before = signal::block(signal::ALL);
    let written = write_line(STDERR, words);
    if let Ok(before) = before {
        if written.is_err() {
            let _ = signal::wait_for(signal::set(&[signal::PIPE, signal::XFSZ]), Some(0));
        }
        let _ = signal::block(before);
    }
}

/// A kernel that had no console for its first process leaves it without descriptors: for the words of a PID 1 that cannot
/// go on there must be one. `id` is this process's.
#[cfg(feature = "monitor")]
pub fn find_console(id: i32) {
    if id == 1
        && file::check(STDERR).is_err()
        && let Ok(console) = file::open(file::HERE, Word::new(c"/dev/console"), file::flags::EXISTING, 0)
        && console != STDERR
    {
        let _ = file::duplicate_onto(console, 2);
        file::close(console);
    }
}

/// Is this process root's, at least by its name here?
#[cfg(feature = "identity")]
pub fn is_root() -> bool {
    crate::sys::identity::users().is_ok_and(|[_, effective, _]| effective == 0)
}

/// What a process is called (proc(5), comm), in `room`, which is zeroed; empty if that cannot be seen.
pub fn name_of(id: i32, room: &mut [u8; 32]) -> Word<'_> {
    // A newline is behind the name, which becomes the NUL; the last byte stays one.
    let [text @ .., _] = room;
    let length = read_about(id, b"/comm", text);
    if let Some(end) = text.get_mut(length.wrapping_sub(1)) {
        *end = 0;
    }
    Word::ending(room)
}

/// Reads the beginning of what /proc has of a process; how many bytes, 0 if that cannot be seen.
#[inline(never)]
fn read_about(id: i32, what: &[u8], room: &mut [u8]) -> usize {
    let mut digit_room = Digits::default();
    let mut path_room = [const { MaybeUninit::uninit() }; 32];
    let mut path = Path::new(&mut path_room);
    let id = digits(id as u32, 0, &mut digit_room).bytes();
    let _ = path.push(b"/proc/").and_then(|()| path.push(id)).and_then(|()| path.push(what));
    let Ok(fd) = file::open(file::HERE, path.word(), file::flags::INPUT, 0) else { return 0 };
    let length = file::read_start(fd, room).unwrap_or(0);
    file::close(fd);
    length
}

/// The last act of a machine's PID 1, by its number in [`ACTIONS`](crate::plan::monitor::ACTIONS).
#[cfg(feature = "monitor")]
pub fn end_machine(action: u32) {
    use crate::sys::monitor as last;
    match action {
        1 => last::end_machine(last::POWER_OFF),
        2 => last::end_machine(last::RESTART),
        3 => last::end_machine(last::HALT),
        _ => {}
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
