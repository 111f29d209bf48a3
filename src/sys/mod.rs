//! The kernel made safe: what rustix gives in public, plus the few calls that it does not, over one `syscall` per
//! architecture. Never decides anything: every function is one call, or the loop that makes one call whole.
#![allow(unsafe_code)]

mod arch;
#[cfg(feature = "ready")]
pub mod channel;
#[cfg(any(feature = "control", feature = "ready"))]
pub mod control;
pub mod file;
pub mod host;
#[cfg(feature = "identity")]
pub mod identity;
pub mod memory;
#[cfg(feature = "monitor")]
pub mod monitor;
pub mod process;
pub mod signal;
pub mod time;
pub mod words;

use core::num::NonZeroI32;

/// An error number of the kernel (errno(3)). Never 0, so that a result without a value is one number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(NonZeroI32);

macro_rules! errnos {
    ($($name:ident $kernels:ident,)*) => {
        #[allow(missing_docs)] // the kernel's names
        impl Errno {
            $(pub const $name: Errno = Errno(NonZeroI32::new(linux_raw_sys::errno::$kernels as i32).unwrap());)*
        }
    };
}

errnos! {
    NOENT ENOENT, SRCH ESRCH, INTR EINTR, BADF EBADF, AGAIN EAGAIN, NOMEM ENOMEM, ACCESS EACCES, BUSY EBUSY, EXIST EEXIST, ISDIR EISDIR,
    INVAL EINVAL, MFILE EMFILE, NOSPC ENOSPC, NAMETOOLONG ENAMETOOLONG,
}

impl Errno {
    /// The number.
    pub const fn number(self) -> NonZeroI32 {
        self.0
    }
}

/// What a call gives, or why the kernel refused.
pub type Result<T> = core::result::Result<T, Errno>;

impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Errno {
        // SAFETY: rustix makes an Errno only of a kernel's answer between -4095 and -1, so its number is 1 to 4095.
        Errno(unsafe { NonZeroI32::new_unchecked(errno.raw_os_error()) })
    }
}

/// The answer of a raw system call, as far as it fits 32 bits: negative numbers down to -4095 are errors (syscall(2)).
#[inline(never)]
fn answer(value: isize) -> Result<u32> {
    match NonZeroI32::new(-(value as i32)) {
        Some(number) if (-4095..0).contains(&value) => Err(Errno(number)),
        _ => Ok(value as u32),
    }
}
