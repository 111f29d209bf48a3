//! Memory: the one piece that a start maps (two stacks for the processes that share ours until they have executed the
//! program, and the record they leave), and paths.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use rustix::mm::{MapFlags, ProtFlags};

use super::arch::syscall;
use super::{Errno, Result, answer};

const PAGE: usize = 4096;
const LENGTH: usize = 5 * PAGE;

/// The end of a private stack: whoever holds it may start one process on it.
pub struct Stack(pub(super) *mut u8);

// SAFETY: a Stack is the only name of its memory, so handing it to another process hands the memory over.
unsafe impl Send for Stack {}

/// A record that child processes can write, and a stack for each of two of them.
pub struct Arena<T: 'static> {
    /// The record, in memory that is shared even where clone(2) copies (an emulator's vfork).
    pub record: &'static T,
    /// For the session process: what is left of the record's page.
    pub outer: Stack,
    /// For the daemon: the pages below. Under them nothing is mapped, so that running over is a fault, not a corruption.
    pub inner: Stack,
}

/// Maps an arena that holds `record` (mmap(2)). It is never unmapped: a child may still run on it.
pub fn arena<T: Sync>(record: T) -> Result<Arena<T>> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at a place that the kernel picks overlaps nothing.
    let base = unsafe { rustix::mm::mmap_anonymous(core::ptr::null_mut(), LENGTH, protection, MapFlags::SHARED)? };
    // SAFETY: the record takes the end of the last page, aligned to 16 as a stack below it must be; it is written before
    // it is lent out, and the mapping lasts as long as the process.
    unsafe {
        let top = base.cast::<u8>().add(LENGTH);
        let place = top.sub(size_of::<T>().next_multiple_of(16)).cast::<T>();
        place.write(record);
        Ok(Arena { record: &*place, outer: Stack(place.cast()), inner: Stack(top.sub(PAGE)) })
    }
}

/// The longest path that the kernel takes, its NUL included.
const PATH_MAX: usize = linux_raw_sys::general::PATH_MAX as usize;

/// A path being put together, in a buffer of the kernel's own limit. Bytes that are not used are never touched, so a
/// short path costs no page.
pub struct Path {
    bytes: MaybeUninit<[u8; PATH_MAX]>,
    length: usize,
}

impl Path {
    /// An empty path.
    pub const fn new() -> Path {
        Path { bytes: MaybeUninit::uninit(), length: 0 }
    }

    /// Forgets what is there.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Puts `bytes` behind what is there; ENAMETOOLONG when they and a NUL do not fit.
    #[inline(never)]
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.length + bytes.len();
        if end >= PATH_MAX {
            return Err(Errno::new(linux_raw_sys::errno::ENAMETOOLONG as i32));
        }
        // SAFETY: `end` is below the buffer's size, so the bytes and a NUL fit; the source is another object.
        unsafe {
            let place = self.bytes.as_mut_ptr().cast::<u8>();
            // Volatile, for else the compiler makes a call of it that goes through a table to be relocated.
            for (index, byte) in bytes.iter().enumerate() {
                place.add(self.length + index).write_volatile(*byte);
            }
            place.add(end).write(0);
        }
        self.length = end;
        Ok(())
    }

    /// The current directory's name (getcwd(2)), for an empty path. One that cannot be reached from the root has no
    /// leading slash and is ENOENT.
    pub fn push_current_directory(&mut self) -> Result<()> {
        let place = self.bytes.as_mut_ptr();
        // SAFETY: the kernel writes at most PATH_MAX bytes into the buffer, a NUL at their end.
        let length = answer(unsafe { syscall(linux_raw_sys::general::__NR_getcwd, place as usize, PATH_MAX, 0, 0, 0) })?;
        // SAFETY: the kernel wrote at least one byte and its NUL.
        if unsafe { place.cast::<u8>().read() } != b'/' {
            return Err(Errno::new(linux_raw_sys::errno::ENOENT as i32));
        }
        self.length = length - 1;
        Ok(())
    }

    /// The path for the kernel; up to its first NUL.
    pub fn as_c_str(&self) -> &CStr {
        if self.length == 0 {
            return c"";
        }
        // SAFETY: every push wrote a NUL behind its bytes.
        unsafe { CStr::from_ptr(self.bytes.as_ptr().cast()) }
    }
}
