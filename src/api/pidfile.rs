//! The pidfile as a value: locked while it is held, removed when it is dropped.

use core::ffi::CStr;
use core::fmt;

use super::error::Error;
use crate::Word;
use crate::run::host::{self, Held};

/// A pidfile that this process holds: it contains `PID\n`, has mode 0644, and is locked (fcntl(2), `F_SETLK`). Dropping it
/// removes the file and releases the lock.
///
/// - The kernel releases the lock however the process ends. A crash or SIGKILL leaves an unlocked file, which the next start
///   takes over; so does `std::process::exit`, which drops nothing.
/// - Dropped in a child that is a copy of this process (fork(2)), it leaves the file alone.
/// - Only the file that was locked is removed, not another one at its path. If this process may not remove it any more
///   (another user, another root) it is emptied.
/// - Programs that this process executes do not inherit the descriptor.
/// - **A process may hold a path only once.** A record lock keeps other processes out, not this one: a second `lock` of the
///   same file succeeds, and whichever is dropped first removes the file and releases the lock of both; so does a second
///   one that fails after opening the file.
/// - A record lock is lost when the process closes *any* descriptor of the file: do not open and close the pidfile while
///   you hold it. `status` and its like do not. If somebody else has locked it since, dropping leaves it alone.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("dmz-doc-{}.pid", std::process::id()));
/// # let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
/// let pidfile = dmz::PidFile::lock(&name)?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
/// drop(pidfile);
/// assert!(!path.exists());
/// # Ok::<(), dmz::Error>(())
/// ```
#[must_use = "the pidfile is removed when this is dropped"]
pub struct PidFile<'a>(pub(super) Held<'a>);

impl<'a> PidFile<'a> {
    /// Opens or creates the file, locks and checks it, and writes this process's id.
    ///
    /// # Errors
    /// [`ErrorKind::Running`](crate::ErrorKind) with the owner's id if another process holds it, and nothing was changed;
    /// [`ErrorKind::Unfit`](crate::ErrorKind) for a file that is not regular, has several names, belongs to neither root
    /// nor this user, is locked by a reader, or holds anything but one process id, and as root for one in a folder that
    /// others can write to; the kernel's error otherwise, ELOOP for a symbolic link, EISDIR for a directory and ENXIO for a
    /// socket.
    pub fn lock(path: &'a CStr) -> Result<PidFile<'a>, Error> {
        Ok(PidFile(host::hold(Word::new(path))?))
    }
}

impl Drop for PidFile<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl fmt::Debug for PidFile<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PidFile")
    }
}
