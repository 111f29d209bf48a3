//! Why a step failed: an error number of the kernel, or something that dmz itself does not accept.

use core::num::NonZeroI32;

use crate::{Table, Word};

/// Error numbers that decide something.
pub mod errno {
    /// Operation not permitted.
    pub const EPERM: i32 = 1;
    /// No such file or directory.
    pub const ENOENT: i32 = 2;
    /// Argument list too long.
    pub const E2BIG: i32 = 7;
    /// Bad file descriptor.
    pub const EBADF: i32 = 9;
    /// Permission denied.
    pub const EACCES: i32 = 13;
    /// Not a directory.
    pub const ENOTDIR: i32 = 20;
    /// Invalid argument.
    pub const EINVAL: i32 = 22;
    /// No space left on device.
    pub const ENOSPC: i32 = 28;
}

/// Why a step failed: the kernel's errno(3), or above all of its numbers one of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reason(NonZeroI32);

impl Reason {
    /// Nobody can say what: something that cannot be.
    pub const NONE: Reason = Reason::own(255);
    /// A process was killed before it could report.
    pub const KILLED: Reason = Reason::own(200);
    /// The lock is held: a daemon is running.
    pub const RUNNING: Reason = Reason::own(201);
    /// A file that is neither empty nor holds one process id.
    pub const FOREIGN: Reason = Reason::own(202);
    /// Not a regular file.
    pub const IRREGULAR: Reason = Reason::own(203);
    /// A file with more than one name.
    pub const LINKED: Reason = Reason::own(204);
    /// A file of another user.
    pub const OWNER: Reason = Reason::own(205);
    /// A folder in which others could replace the file.
    pub const FOLDER: Reason = Reason::own(206);
    /// The file at the path is another one at every look.
    pub const REPLACED: Reason = Reason::own(207);
    /// Not the null device.
    pub const NOT_NULL: Reason = Reason::own(208);
    /// Somebody else's lock: a reader's, or one that belongs to no process.
    pub const LOCKED: Reason = Reason::own(209);
    /// Too many descriptors to close one by one.
    pub const TOO_MANY: Reason = Reason::own(213);
    /// As PID 1 there would be nobody left.
    pub const FIRST: Reason = Reason::own(210);
    /// A signal killed the program while it was being executed.
    pub const ENDED: Reason = Reason::own(211);
    /// An output or input file that is the pidfile itself.
    pub const PIDFILE: Reason = Reason::own(212);

    /// EACCES of an exec, from a file system on which nothing is executed.
    pub const NO_EXEC: Reason = Reason::own(222);
    /// ENOENT of an exec of what is there.
    pub const NO_INTERPRETER: Reason = Reason::own(225);
    /// EPERM of who is root, and yet may not.
    pub const NO_CAPABILITY: Reason = Reason::own(223);
    /// EINVAL of an id that its user namespace does not have.
    pub const NOT_MAPPED: Reason = Reason::own(224);

    /// It took too long.
    pub const TIMEOUT: Reason = Reason::own(218);
    /// A signal has told the launcher to end.
    pub const INTERRUPTED: Reason = Reason::own(219);
    /// The program left more than one process.
    pub const AMBIGUOUS: Reason = Reason::own(220);
    /// It ended before it was ready.
    pub const ENDED_EARLY: Reason = Reason::own(221);

    /// No such user or group.
    pub const UNKNOWN: Reason = Reason::own(214);
    /// A user without a group.
    pub const NO_GROUP: Reason = Reason::own(215);
    /// A change of identity that the kernel says did not happen.
    pub const PRETENDED: Reason = Reason::own(216);
    /// An executable that gives privileges.
    pub const PRIVILEGED: Reason = Reason::own(217);
    /// A file that the kernel is to be told something by, and that is not the kernel's.
    pub const NOT_KERNELS: Reason = Reason::own(226);

    /// No space left on device.
    pub const NO_SPACE: Reason = Reason::kernel(errno::ENOSPC);
    /// Operation not permitted.
    pub const NOT_PERMITTED: Reason = Reason::kernel(errno::EPERM);
    /// Invalid argument.
    pub const INVALID: Reason = Reason::kernel(errno::EINVAL);
    /// Argument list too long.
    pub const TOO_LONG: Reason = Reason::kernel(errno::E2BIG);
    /// Bad file descriptor.
    pub const BAD_DESCRIPTOR: Reason = Reason::kernel(errno::EBADF);
    /// Permission denied.
    pub const NO_ACCESS: Reason = Reason::kernel(errno::EACCES);
    /// No such file or directory.
    pub const NOT_FOUND: Reason = Reason::kernel(errno::ENOENT);

    const fn own(number: i32) -> Reason {
        Reason::kernel(ERRNO_MAX + 1 + number)
    }

    const fn kernel(number: i32) -> Reason {
        Reason(NonZeroI32::new(number).unwrap())
    }

    /// An error number of the kernel.
    pub const fn errno(number: NonZeroI32) -> Reason {
        Reason(number)
    }

    /// The number, for a table and for the way through a record.
    pub const fn number(self) -> i32 {
        self.0.get()
    }

    /// What [`Reason::number`] gave; nothing for 0.
    pub fn from_number(number: i32) -> Option<Reason> {
        NonZeroI32::new(number).map(Reason)
    }

    /// What is said of it: the kernel's usual text, or our own.
    #[inline(always)] // as without a second caller, the library
    pub fn text(self) -> Option<Word<'static>> {
        // A filter may make the kernel answer any number.
        let key = if self.number() < OWN || !self.is_errno() { self.number() as u8 } else { 0 };
        let mut reasons = TEXTS;
        reasons.find(|entry| entry.first() == key).map(Word::rest)
    }

    /// Is it the kernel's own?
    pub const fn is_errno(self) -> bool {
        self.0.get() <= ERRNO_MAX
    }

    /// Does it say that a program, or what it needs, is not there?
    pub const fn means_not_found(self) -> bool {
        matches!(self.0.get(), errno::ENOENT | errno::ENOTDIR) || self.0.get() == Reason::NO_INTERPRETER.0.get()
    }
}

/// The kernel's greatest error number (<linux/err.h>), of which the lowest byte is 255: so that of ours is its key below.
const ERRNO_MAX: i32 = 4095;

/// The least key of ours; no error number of that size has a text.
const OWN: i32 = 200;

/// The kernel's usual text for every error number that a step can give, and our own reasons: number, text, NUL.
const TEXTS: Table = Table::new(
    b"\
\x01Operation not permitted\0\
\x02No such file or directory\0\
\x03No such process\0\
\x04Interrupted system call\0\
\x05Input/output error\0\
\x06No such device or address\0\
\x07Argument list too long\0\
\x08Exec format error\0\
\x09Bad file descriptor\0\
\x0aNo child processes\0\
\x0bResource temporarily unavailable\0\
\x0cCannot allocate memory\0\
\x0dPermission denied\0\
\x10Device or resource busy\0\
\x11File exists\0\
\x13No such device\0\
\x14Not a directory\0\
\x15Is a directory\0\
\x16Invalid argument\0\
\x17Too many open files in system\0\
\x18Too many open files\0\
\x1aText file busy\0\
\x1bFile too large\0\
\x1cNo space left on device\0\
\x1dIllegal seek\0\
\x1eRead-only file system\0\
\x20Broken pipe\0\
\x24File name too long\0\
\x25No locks available\0\
\x26Function not implemented\0\
\x28Too many levels of symbolic links\0\
\x4bValue too large for defined data type\0\
\x50Accessing a corrupted shared library\0\
\x5fOperation not supported\0\
\x6bTransport endpoint is not connected\0\
\x74Stale file handle\0\
\x75Structure needs cleaning\0\
\x7aDisk quota exceeded\0\
\x7eRequired key not available\0\
\xc8its process was killed\0\
\xcaholds something other than a process id\0\
\xcbnot a regular file\0\
\xcchas other names (hard links)\0\
\xcdbelongs to another user\0\
\xceothers can write to its directory\0\
\xcfreplaced again and again\0\
\xd0not the null device\0\
\xd1another program holds a lock on it\0\
\xd2as PID 1 it would be the last to live\0\
\xd3killed while it was executed\0\
\xd4that is a lock\0\
\xd5too many\0\
\xd6not found\0\
\xd7it needs a group, too\0\
\xd8the kernel only pretended\0\
\xdatime is over\0\
\xdbinterrupted\0\
\xdcwhich of its processes is meant is not clear\0\
\xddit ended\0\
\xdePermission denied (mounted noexec)\0\
\xe1its interpreter or loader is not there\0\
\xdfOperation not permitted (no capability, or not in this user namespace)\0\
\xe0Invalid argument (not mapped in this user namespace)\0\
\xd9its file gives privileges (set-user-id or capabilities)\0\
\xe2not a file of the kernel\0\
\0",
);
