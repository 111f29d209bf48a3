//! The kernel made safe: what rustix gives in public, plus the few calls that it does not, over one `syscall` per
//! architecture. Never decides anything: every function is one call, or the loop that makes one call whole.
#![allow(unsafe_code)]

mod arch;
pub mod file;
#[cfg(feature = "identity")]
pub mod identity;
pub mod memory;
#[cfg(feature = "monitor")]
pub mod monitor;
pub mod process;
pub mod signal;
pub mod words;

use core::num::NonZeroI32;

/// An error number of the kernel (errno(3)). Never 0, so that a result without a value is one number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(NonZeroI32);

impl Errno {
    /// Too long a path.
    pub const NAMETOOLONG: Errno = Errno::new(linux_raw_sys::errno::ENAMETOOLONG);
    /// No such file.
    pub const NOENT: Errno = Errno::new(linux_raw_sys::errno::ENOENT);
    /// No space left.
    pub const NOSPC: Errno = Errno::new(linux_raw_sys::errno::ENOSPC);
    /// In use.
    pub const BUSY: Errno = Errno::new(linux_raw_sys::errno::EBUSY);

    const fn new(number: u32) -> Errno {
        Errno(NonZeroI32::new(number as i32).unwrap())
    }

    /// Is it this one?
    pub const fn is(self, number: i32) -> bool {
        self.0.get() == number
    }

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
fn answer(value: isize) -> Result<u32> {
    match NonZeroI32::new(-(value as i32)) {
        Some(number) if (-4095..0).contains(&value) => Err(Errno(number)),
        _ => Ok(value as u32),
    }
}
