//! The kernel made safe: what rustix gives in public, plus the few calls that it does not, over one `syscall` per
//! architecture. Never decides anything: every function is one call, or the loop that makes one call whole.
#![allow(unsafe_code)]

mod arch;
pub mod file;
pub mod memory;
pub mod process;
pub mod signal;
pub mod words;

use core::num::NonZeroU8;

/// An error number of the kernel (errno(3)); 1 to 133 so far. Never 0, so that a result without a value is one byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(NonZeroU8);

impl Errno {
    /// An error number; what is none becomes 255, which no table knows.
    #[inline(never)]
    pub const fn new(number: i32) -> Errno {
        Errno(match NonZeroU8::new(number as u8) {
            Some(number) => number,
            None => NonZeroU8::MAX,
        })
    }

    /// The number.
    pub const fn number(self) -> NonZeroU8 {
        self.0
    }
}

/// What a call gives, or why the kernel refused.
pub type Result<T> = core::result::Result<T, Errno>;

impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Errno {
        Errno::new(errno.raw_os_error())
    }
}

/// The answer of a raw system call: negative numbers down to -4095 are errors (syscall(2)).
fn answer(value: isize) -> Result<usize> {
    if (-4095..0).contains(&value) { Err(Errno::new(-value as i32)) } else { Ok(value as usize) }
}
