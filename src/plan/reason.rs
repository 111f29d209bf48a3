//! Why a step failed: an error number of the kernel, or something that dmz itself does not accept.

use core::num::NonZeroI32;

/// Error numbers that decide something.
pub mod errno {
    /// Operation not permitted.
    pub const EPERM: i32 = 1;
    /// No such file or directory.
    pub const ENOENT: i32 = 2;
    /// Resource temporarily unavailable.
    pub const EAGAIN: i32 = 11;
    /// Permission denied.
    pub const EACCES: i32 = 13;
    /// File exists.
    pub const EEXIST: i32 = 17;
    /// Not a directory.
    pub const ENOTDIR: i32 = 20;
    /// No space left on device.
    pub const ENOSPC: i32 = 28;
    /// Is a directory.
    pub const EISDIR: i32 = 21;
    /// Invalid argument.
    pub const EINVAL: i32 = 22;
}

/// Why a step failed. A number below 200 is the kernel's errno(3), the others are ours.
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
    /// EPERM or EINVAL of who is root, and yet may not.
    pub const NAMESPACE: Reason = Reason::own(223);

    /// It took too long.
    pub const TIMEOUT: Reason = Reason::own(218);
    /// A signal has told the launcher to end.
    pub const INTERRUPTED: Reason = Reason::own(219);
    /// The program left more than one process, or its file names none of them.
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

    /// No space left on device.
    pub const NO_SPACE: Reason = Reason::own(errno::ENOSPC);
    /// Operation not permitted.
    pub const NOT_PERMITTED: Reason = Reason::own(errno::EPERM);
    /// Invalid argument.
    pub const INVALID: Reason = Reason::own(errno::EINVAL);
    /// Permission denied.
    pub const NO_ACCESS: Reason = Reason::own(errno::EACCES);
    /// No such file or directory.
    pub const NOT_FOUND: Reason = Reason::own(errno::ENOENT);

    const fn own(number: i32) -> Reason {
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

    /// Is it the kernel's own?
    pub const fn is_errno(self) -> bool {
        self.0.get() < 200
    }

    /// Does it say that a program, or what it needs, is not there?
    pub const fn means_not_found(self) -> bool {
        matches!(self.0.get(), errno::ENOENT | errno::ENOTDIR)
    }
}
