//! Memory: what a start maps (the record that its processes leave, room for a path, and stacks for those that share our
//! memory until they have executed the program), a pool for what the command line turns into, and paths.

use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::{NonNull, null_mut};
use core::slice;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use rustix::mm::{MapFlags, ProtFlags};

use super::arch::syscall;
use super::words::Word;
use super::{Errno, Result, answer};

/// A place in memory that is for one user: it is given out once.
pub struct Once(AtomicPtr<u8>);

impl Once {
    fn take(&self) -> Option<NonNull<u8>> {
        let place = NonNull::new(self.0.load(Relaxed));
        self.0.store(null_mut(), Relaxed);
        place
    }
}

/// The end of a stack for one process: in memory of its own, or below the frames of who starts it.
pub struct Stack(Once);

impl Stack {
    /// None at all.
    pub const fn none() -> Stack {
        Stack(Once(AtomicPtr::new(null_mut())))
    }

    /// What clone(2) takes, which is NULL for a stack below the caller's frames.
    pub(super) fn take(&self) -> Option<*mut u8> {
        self.0.take().map(|end| if end == BELOW { null_mut() } else { end.as_ptr() })
    }
}

/// Stands for the caller's own stack. No mapping ends there.
const BELOW: NonNull<u8> = NonNull::dangling();

/// Room for one path.
pub struct Room(Once);

impl Room {
    /// None at all.
    pub const fn none() -> Room {
        Room(Once(AtomicPtr::new(null_mut())))
    }

    /// The room, and none at all the second time.
    pub fn take(&self) -> &'static mut [MaybeUninit<u8>] {
        // SAFETY: the mapping has this many bytes there, for nobody else, and lasts as long as the process.
        self.0.take().map_or(&mut [], |place| unsafe { slice::from_raw_parts_mut(place.as_ptr().cast(), PATH_MAX) })
    }
}

/// A record that child processes can write, room for a path, and stacks.
///
/// Record and path are two pages, of which a short path touches one. A process that shares our memory, while we sleep,
/// may have its frames below ours; but when a session process is killed, its parent goes on while the daemon still runs,
/// so these two have stacks of their own: from the end a page for the outer one, two for the inner one. There is no gap
/// between them, nor below: less than half of each is used (`tests/costs.txt`), and not optimized they are larger.
pub struct Arena<T: 'static> {
    /// The record.
    pub record: &'static T,
    /// For the session process.
    pub outer: Stack,
    /// For the daemon.
    pub inner: Stack,
    /// For the process that executes the program, or its monitor, which sleeps meanwhile.
    pub room: Room,
}

const PAGE: usize = 4096;

/// The outer stack, and half of the inner one. What is not optimized has frames several times as large.
const STACK: usize = if cfg!(debug_assertions) { 4 * PAGE } else { PAGE };

/// Record and path.
const RECORD: usize = 2 * PAGE;

/// Maps an arena that holds `record` (mmap(2)): one that forked processes share, or stacks for a session process and its
/// daemon, or neither. It is never unmapped: a child may still run on it.
pub fn arena<T: Sync>(record: T, is_shared: bool, has_session: bool) -> Result<Arena<T>> {
    const { assert!(size_of::<T>() + PATH_MAX <= RECORD) };
    let flags = if is_shared { MapFlags::SHARED } else { MapFlags::PRIVATE };
    let place = map(RECORD, flags)?.cast::<T>();
    let (mut outer, mut inner) = (null_mut(), BELOW.as_ptr());
    if has_session {
        inner = map(3 * STACK, MapFlags::PRIVATE)?.wrapping_add(2 * STACK);
        outer = inner.wrapping_add(STACK);
    }
    let stack = |end| Stack(Once(AtomicPtr::new(end)));
    // SAFETY: record and room fit into their pages, and the record is written before it is lent out; the mapping lasts as
    // long as the process.
    unsafe {
        place.write(record);
        let room = Room(Once(AtomicPtr::new(place.add(1).cast())));
        Ok(Arena { record: &*place, outer: stack(outer), inner: stack(inner), room })
    }
}

/// Puts the record into memory that is shared with every process that is forked from now on (mmap(2)). For a process that
/// is the only one with that record, before anything is put into the room behind it.
pub fn share<T: Sync>(record: &'static T) -> Result<()> {
    // SAFETY: what is there is that mapping alone, and its record is put back.
    keep(record, |place| unsafe { map_at(place, RECORD, MapFlags::SHARED | MapFlags::FIXED) })?;
    Ok(())
}

/// Does `act`, which may lose what is in the record's pages; after it the record is what it was.
fn keep<T: Sync, R>(record: &'static T, act: impl FnOnce(*mut u8) -> R) -> R {
    let place = (&raw const *record).cast_mut();
    // SAFETY: a copy of the bits is put back where they were before anybody looks again: what `T` holds is atomic numbers,
    // whose memory may be written to. The pages are a mapping of our own that begins with the record.
    unsafe {
        let copy = ManuallyDrop::new(place.read());
        let done = act(place.cast());
        place.cast::<ManuallyDrop<T>>().write(copy);
        done
    }
}

/// A value in memory that is shared with the processes that are forked while it is there; given back in the end.
pub struct Shared<T: Sync + 'static>(&'static T);

impl<T: Sync> Shared<T> {
    /// Maps memory for `value` (mmap(2)).
    pub fn new(value: T) -> Result<Shared<T>> {
        const { assert!(size_of::<T>() <= PAGE && !core::mem::needs_drop::<T>()) };
        let place = map(PAGE, MapFlags::SHARED)?.cast::<T>();
        // SAFETY: the value fits into the page, which nobody else has.
        unsafe {
            place.write(value);
            Ok(Shared(&*place))
        }
    }

    /// The value. For ever where a process is about to execute or to end; who goes on lets go of it before this is dropped.
    pub fn lend(&self) -> &'static T {
        self.0
    }
}

impl<T: Sync> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: the page was mapped for this value, and what was lent is not used any more.
        let _ = unsafe { rustix::mm::munmap((&raw const *self.0).cast_mut().cast(), PAGE) };
    }
}

/// Gives the record's page back while `wait` lasts (madvise(2), MADV_REMOVE); after it the record is what it was. For a
/// process that is the only one with that record, and knows that nobody else will look meanwhile.
#[cfg(feature = "monitor")]
pub fn set_aside<T: Sync, R>(record: &'static T, wait: impl FnOnce() -> R) -> R {
    use rustix::mm::{Advice, madvise};
    keep(record, |place| {
        // SAFETY: what is lost there is put back.
        let _ = unsafe { madvise(place.cast(), RECORD, Advice::LinuxRemove) };
        wait()
    })
}

/// Gives back the stack that earlier, deeper calls have used (madvise(2), MADV_DONTNEED).
#[cfg(feature = "monitor")]
#[inline(never)]
pub fn trim_stack() {
    use rustix::mm::{Advice, madvise};
    /// What the ABI lets a function use below its stack pointer, and as much for what this one has.
    const MARGIN: usize = 256;
    /// A start does not go deeper, and the kernel keeps more than that free below the first stack of a process, on which a
    /// monitor is: it comes from `main`, whose words are there.
    const DEPTH: usize = 16 * PAGE;
    let here = 0u8;
    let end = (&raw const here).cast_mut().map_addr(|here| (here - MARGIN) & !(PAGE - 1));
    // SAFETY: only what is called from here has a frame down there, and it has not been called yet.
    let _ = unsafe { madvise(end.wrapping_sub(DEPTH).cast(), DEPTH, Advice::LinuxDontNeed) };
}

/// Memory for what the command line turns into: mapped in large pieces that cost a page where they are touched, handed
/// out in order, never given back.
pub struct Pool {
    rest: *mut u8,
    left: usize,
}

/// The least that is mapped at once: the largest list of groups and some words.
const PIECE: usize = 512 * 1024;

impl Pool {
    /// Nothing is mapped before it is needed.
    pub const fn new() -> Pool {
        Pool { rest: null_mut(), left: 0 }
    }

    /// Room for `count` zeroed `T`s that last as long as the process (mmap(2)).
    ///
    /// # Safety
    /// A `T` may be all zeros, and is aligned to 16 at the most.
    pub(super) unsafe fn zeroed<T>(&mut self, count: usize) -> Result<&'static mut [T]> {
        let place = self.take(count * size_of::<T>()).ok_or(Errno::NOMEM)?;
        // SAFETY: the piece is zeroed, large enough, nobody else's, and never unmapped.
        Ok(unsafe { slice::from_raw_parts_mut(place.as_ptr().cast(), count) })
    }

    #[inline(never)]
    fn take(&mut self, length: usize) -> Option<NonNull<u8>> {
        let length = length.next_multiple_of(16);
        if self.left < length {
            let size = length.max(PIECE);
            (self.rest, self.left) = (map(size, MapFlags::PRIVATE).ok()?, size);
        }
        self.left -= length;
        let place = self.rest;
        // SAFETY: so much was left.
        self.rest = unsafe { place.add(length) };
        NonNull::new(place)
    }

    /// `count` zeros.
    pub fn list<T: Plain>(&mut self, count: usize) -> Result<&'static mut [T]> {
        // SAFETY: so says the trait.
        unsafe { self.zeroed(count) }
    }
}

/// Types that may be all zeros.
///
/// # Safety
/// All zeros are a value, and the alignment is 16 at the most.
pub unsafe trait Plain {}

// SAFETY: numbers, and arrays of numbers; and bytes of which nothing is promised.
unsafe impl Plain for MaybeUninit<u8> {}
// SAFETY: the same.
unsafe impl Plain for u8 {}
// SAFETY: the same.
unsafe impl Plain for u32 {}
// SAFETY: the same.
unsafe impl Plain for [u32; 2] {}
// SAFETY: the same.
unsafe impl Plain for [u64; 3] {}

impl Default for Pool {
    fn default() -> Pool {
        Pool::new()
    }
}

/// Maps zeroed memory for reading and writing at a place that the kernel picks.
fn map(length: usize, flags: MapFlags) -> Result<*mut u8> {
    // SAFETY: a new mapping overlaps nothing.
    unsafe { map_at(null_mut(), length, flags) }
}

/// The same, with MAP_FIXED at `place`.
///
/// # Safety
/// With MAP_FIXED nobody misses what was there.
#[inline(never)]
unsafe fn map_at(place: *mut u8, length: usize, flags: MapFlags) -> Result<*mut u8> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: so the caller says.
    Ok(unsafe { rustix::mm::mmap_anonymous(place.cast(), length, protection, flags)? }.cast())
}

/// The longest path that the kernel takes, its NUL included.
pub const PATH_MAX: usize = linux_raw_sys::general::PATH_MAX as usize;

/// A path being put together. Bytes that are not used are never touched, so a short path costs no page.
pub struct Path<'a> {
    room: &'a mut [MaybeUninit<u8>],
    length: usize,
}

impl<'a> Path<'a> {
    /// An empty path.
    pub fn new(room: &'a mut [MaybeUninit<u8>]) -> Path<'a> {
        Path { room, length: 0 }
    }

    /// Forgets what is there.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Puts `bytes` behind what is there; ENAMETOOLONG when they and a NUL do not fit.
    #[inline(never)]
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let (start, end) = (self.length, self.length + bytes.len());
        let Some([place @ .., last]) = self.room.get_mut(start..=end) else { return Err(Errno::NAMETOOLONG) };
        for (place, byte) in place.iter_mut().zip(bytes) {
            place.write(*byte);
        }
        last.write(0);
        self.length = end;
        Ok(())
    }

    /// The current directory's name (getcwd(2)), for an empty path. One that cannot be reached from the root has no
    /// leading slash and is ENOENT.
    pub fn push_current_directory(&mut self) -> Result<()> {
        let place = self.room.as_mut_ptr();
        // SAFETY: the kernel writes at most as many bytes as there are, a NUL at their end.
        let length = unsafe { syscall(linux_raw_sys::general::__NR_getcwd, place as usize, self.room.len(), 0, 0, 0) };
        self.length = answer(length)? as usize - 1;
        if self.word().first() == b'/' { Ok(()) } else { Err(Errno::NOENT) }
    }

    /// The path; up to its first NUL.
    pub fn word(&self) -> Word<'_> {
        if self.length == 0 {
            return Word::EMPTY;
        }
        // SAFETY: all up to the length was written, and a NUL behind it.
        Word::ending(unsafe { slice::from_raw_parts(self.room.as_ptr().cast(), self.length + 1) })
    }

    /// The path for good.
    pub fn keep(self) -> Word<'a> {
        // SAFETY: the same, for as long as there is the room, which nobody else has now.
        Word::ending(unsafe { slice::from_raw_parts(self.room.as_ptr().cast(), self.length + 1) })
    }
}
