//! Pieces of a start that are useful alone.

#[cfg(any(feature = "identity", feature = "ready"))]
use core::ffi::CStr;

use super::daemon::can_be_open;
use super::error::Error;
#[cfg(any(feature = "identity", feature = "ready"))]
use crate::Word;
use crate::plan::{Reason, Step};
use crate::run::host;

/// Sets every signal to its default action, and blocks none (rt_sigaction(2), rt_sigprocmask(2)): all 64, including those that
/// a C library reserves. std expects SIGPIPE to be ignored, so use this before executing another program.
///
/// # Errors
/// The kernel's, at [`Step::ResetSignals`]; only a seccomp filter causes one.
///
/// ```
/// # if false {
/// dmz::reset_signals()?;
/// # }
/// # Ok::<(), dmz::Error>(())
/// ```
pub fn reset_signals() -> Result<(), Error> {
    host::reset_signals().map_err(|reason| Error::new(Step::ResetSignals, reason))
}

/// Closes every descriptor from 3 on but these (close_range(2); before Linux 5.9 what /proc/self/fd lists).
///
/// # Errors
/// [`ErrorKind::Other`](crate::ErrorKind) if neither is available and the limit of descriptors is above 65,536; EBADF, with
/// nothing closed, for a number that no descriptor can have, such as the -1 of a call that failed.
///
/// # Safety
/// Nothing owns a descriptor from 3 on that is not in `keep`.
///
/// ```no_run
/// // SAFETY: nothing is open yet but the standard descriptors and the socket that was inherited as 3.
/// unsafe { dmz::close_descriptors(&[3])? };
/// # Ok::<(), dmz::Error>(())
/// ```
#[allow(unsafe_code)] // a declaration
pub unsafe fn close_descriptors(keep: &[u32]) -> Result<(), Error> {
    let kept = if keep.iter().all(|number| can_be_open(*number)) { Ok(keep) } else { Err(Reason::BAD_DESCRIPTOR) };
    kept.and_then(host::close_others).map_err(|reason| Error::new(Step::CloseDescriptors, reason))
}

/// Puts descriptors 0, 1 and 2 on the null device (dup3(2)), also if they are closed. The device is checked to be the null
/// device; if /dev has none, root creates a node, opens and unlinks it.
///
/// # Errors
/// At [`Step::OpenNull`], if there is no null device and none can be created.
///
/// # Safety
/// Nothing but the standard streams uses the descriptors 0, 1 and 2: with one of them closed, the next file that was opened
/// may have got its number.
///
/// ```no_run
/// // SAFETY: nothing was opened yet.
/// unsafe { dmz::null_stdio()? };
/// # Ok::<(), dmz::Error>(())
/// ```
#[allow(unsafe_code)] // a declaration
pub unsafe fn null_stdio() -> Result<(), Error> {
    host::null_standard().map_err(|reason| Error::new(Step::OpenNull, reason))
}

/// A user and the groups it is in.
#[cfg(feature = "identity")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct User {
    /// The user id.
    pub user: u32,
    /// The id of its own group.
    pub group: u32,
    /// How many entries of the given slice are filled, its own group first.
    pub groups: usize,
}

/// Looks up a user by name or number in /etc/passwd, and in /etc/group the groups that list it. No name service is asked.
/// A line of more than 8,192 bytes is ignored; that many are on the stack, twice.
///
/// # Errors
/// [`ErrorKind::Unknown`](crate::ErrorKind) if there is no such line, [`ErrorKind::Other`](crate::ErrorKind) at
/// [`Step::FindGroups`] if the slice is too short, the kernel's error if a file cannot be read.
///
/// ```
/// let mut groups = [0; 64];
/// let root = dmz::find_user(c"root", &mut groups)?;
/// assert_eq!((root.user, root.group, groups[0]), (0, 0, 0));
/// # Ok::<(), dmz::Error>(())
/// ```
#[cfg(feature = "identity")]
pub fn find_user(name: &CStr, groups: &mut [u32]) -> Result<User, Error> {
    let (user, group, groups) = host::find_user(Word::new(name), groups)?;
    Ok(User { user, group, groups })
}

/// Sends a service manager a message, as sd_notify(3) does, and waits up to five seconds until it has been read:
/// `READY=1`, `STOPPING=1`, `STATUS=…`, at most 4,095 bytes. `socket` is the value of NOTIFY_SOCKET.
///
/// # Errors
/// At [`Step::TellManager`], the kernel's error if nothing can be sent to that address; E2BIG for a longer text. A manager
/// that has not read it in time is not an error.
///
/// ```no_run
/// dmz::tell_manager(c"/run/systemd/notify", c"READY=1")?;
/// # Ok::<(), dmz::Error>(())
/// ```
#[cfg(feature = "ready")]
pub fn tell_manager(socket: &CStr, text: &CStr) -> Result<(), Error> {
    let told = host::tell(Word::new(socket), Word::new(text));
    told.map_err(|reason| Error::new(Step::TellManager, reason))
}
