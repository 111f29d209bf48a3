//! Files and descriptors.

use linux_raw_sys::general as linux;
use rustix::fd::{BorrowedFd, IntoRawFd, OwnedFd};
use rustix::fs::{AtFlags, FlockOperation, Mode};

use super::arch::syscall;
use super::words::Word;
use super::{Errno, Result, answer};

/// A descriptor's number. Closing is explicit: a process that is about to execute a program or to end closes nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fd(pub i32);

/// Where relative names start: the current directory.
pub const HERE: Fd = Fd(linux::AT_FDCWD);
/// No descriptor.
pub const NO_FD: Fd = Fd(i32::MAX);
/// Standard error.
pub const STDERR: Fd = Fd(2);
/// Standard output.
pub const STDOUT: Fd = Fd(1);

impl Fd {
    /// As rustix has it. Not by `borrow_raw`, which asserts what is known and so leaves a path to a panic.
    pub(super) fn borrow(self) -> BorrowedFd<'static> {
        // SAFETY: it is documented to be transparent and never -1, which no Fd is: every one is AT_FDCWD, one of 0 to 2, came
        // from an open in this process, is NO_FD, or a number to keep, which the words and the API take up to that. rustix only
        // passes the number on, and the kernel answers EBADF where it is not open.
        unsafe { core::mem::transmute::<i32, BorrowedFd<'static>>(self.0) }
    }
}

/// How to open a file.
pub use rustix::fs::OFlags as Flags;

/// Ways to open a file. None gives a controlling terminal, and all but [`DEVICE`](flags::DEVICE) are closed by an exec.
pub mod flags {
    use super::Flags;
    const ALWAYS: Flags = Flags::CLOEXEC.union(Flags::NOCTTY);
    /// No symbolic link at the end, no waiting for a FIFO.
    const CAREFUL: Flags = ALWAYS.union(Flags::NOFOLLOW).union(Flags::NONBLOCK);
    /// Only a place to start from.
    pub const FOLDER: Flags = ALWAYS.union(Flags::PATH).union(Flags::DIRECTORY);
    /// A folder to list.
    pub const FOLDER_LIST: Flags = ALWAYS.union(Flags::DIRECTORY);
    /// A new file to read and write, or EEXIST.
    pub const NEW: Flags = CAREFUL.union(Flags::RDWR).union(Flags::CREATE).union(Flags::EXCL);
    /// An existing file to read and write.
    pub const OLD: Flags = CAREFUL.union(Flags::RDWR);
    /// An existing file to look at.
    pub const EXAMINE: Flags = CAREFUL;
    /// A file to read, without waiting for a FIFO's writer.
    pub const INPUT: Flags = ALWAYS.union(Flags::NONBLOCK);
    /// A file to write; a FIFO that nobody reads is ENXIO.
    pub const OUTPUT: Flags = INPUT.union(Flags::WRONLY).union(Flags::CREATE);
    /// An existing file to write.
    pub const EXISTING: Flags = ALWAYS.union(Flags::WRONLY);
    /// A file of the kernel's, to write to.
    pub const KERNELS: Flags = CAREFUL.union(Flags::WRONLY);
    /// To [`OUTPUT`]: write behind what is there.
    pub const APPEND: Flags = Flags::APPEND;
    /// A device to read and write, for 0, 1 or 2: not closed by an exec.
    pub const DEVICE: Flags = Flags::RDWR.union(Flags::NOCTTY).union(Flags::NOFOLLOW);
}

/// openat(2).
#[inline(never)]
pub fn open(from: Fd, path: Word<'_>, how: Flags, mode: u32) -> Result<Fd> {
    Ok(Fd(rustix::fs::openat(from.borrow(), path.as_c_str(), how, Mode::from_raw_mode(mode))?.into_raw_fd()))
}

/// close(2). The number is free whatever the kernel answers, so there is nothing to report.
pub fn close(fd: Fd) {
    // SAFETY: callers close what they opened, once; nobody else holds the number.
    unsafe { rustix::io::close(fd.0) };
}

/// The lowest free number from `least` on, for the same open file; an exec closes it unless it `stays` (fcntl(2), F_DUPFD
/// and F_DUPFD_CLOEXEC).
#[inline(never)]
pub fn duplicate_from(fd: Fd, least: i32, stays: bool) -> Result<Fd> {
    let command = if stays { linux::F_DUPFD } else { linux::F_DUPFD_CLOEXEC };
    // SAFETY: both commands take an integer and touch no memory.
    let new = unsafe { syscall(linux::__NR_fcntl, fd.0 as usize, command as usize, least as usize, 0, 0) };
    match answer(new) {
        // What it says of a number that the limit does not allow.
        Err(Errno::INVAL) => Err(Errno::MFILE),
        new => Ok(Fd(new? as i32)),
    }
}

/// Makes `number` a second name of `fd` that stays open over an exec (dup3(2)); EBUSY and EINTR are asked again.
#[inline(never)]
pub fn duplicate_onto(fd: Fd, number: i32) -> Result<()> {
    use rustix::io::DupFlags;
    if number < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: the type is documented to be transparent and never -1; the number is one that the program is to have, which
    // nobody owns as an object; ManuallyDrop keeps it open.
    let mut target = core::mem::ManuallyDrop::new(unsafe { core::mem::transmute::<i32, OwnedFd>(number) });
    loop {
        match rustix::io::dup3(fd.borrow(), &mut target, DupFlags::empty()) {
            Err(rustix::io::Errno::BUSY | rustix::io::Errno::INTR) => {}
            // What it says of a number that the limit does not allow: the other one is open.
            Err(rustix::io::Errno::BADF) => return Err(Errno::MFILE),
            other => return Ok(other?),
        }
    }
}

/// What fstat(2) says, as far as dmz asks.
#[derive(Clone, Copy)]
pub struct Status {
    /// Device and inode: which file it is.
    pub identity: Identity,
    /// The owner's user id.
    pub owner: u32,
    /// Number of names.
    pub links: u32,
    /// File type and permission bits.
    pub mode: u32,
    /// Length in bytes.
    pub size: u64,
    /// When its links, owner or mode were last changed: seconds and nanoseconds.
    pub changed: [u64; 2],
    /// Of a device: which.
    pub device: u64,
}

/// Device and inode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The file system.
    pub device: u64,
    /// The file on it.
    pub inode: u64,
}

impl Identity {
    /// No file's.
    pub const NONE: Identity = Identity { device: 0, inode: 0 };
}

impl Status {
    fn is(&self, kind: u32) -> bool {
        self.mode & linux::S_IFMT == kind
    }

    /// The permission bits alone.
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// A regular file?
    pub fn is_regular(&self) -> bool {
        self.is(linux::S_IFREG)
    }

    /// A folder?
    pub fn is_directory(&self) -> bool {
        self.is(linux::S_IFDIR)
    }

    /// A folder in which others than its owner could replace our file: writable for group or all, and not sticky.
    pub fn lets_others_replace(&self) -> bool {
        self.mode & (linux::S_IWGRP | linux::S_IWOTH) != 0 && self.mode & linux::S_ISVTX == 0
    }

    /// The null device, character device 1:3?
    pub fn is_null(&self) -> bool {
        self.is(linux::S_IFCHR) && self.device == NULL_DEVICE
    }
}

/// The null device's number, major 1 and minor 3 (null(4)).
const NULL_DEVICE: u64 = 0x103;

/// fstat(2).
pub fn status(fd: Fd) -> Result<Status> {
    look(fd, Word::EMPTY, AtFlags::EMPTY_PATH)
}

/// fstatat(2) of the name itself, not of what a symbolic link points to.
pub fn status_at(from: Fd, path: Word<'_>) -> Result<Status> {
    look(from, path, AtFlags::SYMLINK_NOFOLLOW)
}

/// Does `path` lead to anything (faccessat(2), F_OK)?
pub fn is_there(path: Word<'_>) -> bool {
    rustix::fs::accessat(HERE.borrow(), path.as_c_str(), rustix::fs::Access::EXISTS, AtFlags::empty()).is_ok()
}

#[inline(never)]
#[allow(clippy::unnecessary_cast)] // the kernel's widths differ between architectures
fn look(from: Fd, path: Word<'_>, how: AtFlags) -> Result<Status> {
    let stat = stat(from, path, how)?;
    Ok(Status {
        identity: Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 },
        owner: stat.st_uid,
        links: stat.st_nlink as u32,
        mode: stat.st_mode,
        size: stat.st_size as u64,
        changed: [stat.st_ctime as u64, stat.st_ctime_nsec as u64],
        device: stat.st_rdev as u64,
    })
}

#[cfg(target_pointer_width = "64")]
fn stat(from: Fd, path: Word<'_>, how: AtFlags) -> Result<rustix::fs::Stat> {
    Ok(rustix::fs::statat(from.borrow(), path.as_c_str(), how)?)
}

/// With 32 bits rustix asks statx(2) first, for times beyond 2038, and keeps in a variable whether there is one. We look at
/// no times.
#[cfg(target_pointer_width = "32")]
fn stat(from: Fd, path: Word<'_>, how: AtFlags) -> Result<linux::stat64> {
    let mut stat = core::mem::MaybeUninit::<linux::stat64>::uninit();
    let (from, place) = (from.0 as usize, stat.as_mut_ptr() as usize);
    // SAFETY: the kernel reads the path and writes one `stat64`, and has done so if there is no error.
    unsafe {
        answer(syscall(linux::__NR_fstatat64, from, path.address(), place, how.bits() as usize, 0))?;
        Ok(stat.assume_init())
    }
}

/// unlinkat(2) from here.
pub fn unlink(path: Word<'_>) -> Result<()> {
    unlink_at(HERE, path)
}

/// unlinkat(2).
pub fn unlink_at(from: Fd, path: Word<'_>) -> Result<()> {
    Ok(rustix::fs::unlinkat(from.borrow(), path.as_c_str(), AtFlags::empty())?)
}

/// Waits until a rename over `path` that has begun has ended. The kernel changes the files first and their names after that,
/// and holds the folder all the while, which a rename of a name to itself asks for, too: it never happens, whatever the
/// answer (renameat2(2), RENAME_NOREPLACE).
pub fn await_rename(path: Word<'_>) {
    let (here, path) = (HERE.borrow(), path.as_c_str());
    let _ = rustix::fs::renameat_with(here, path, here, path, rustix::fs::RenameFlags::NOREPLACE);
}

/// A null device node of our own: mknodat(2), which needs CAP_MKNOD.
pub fn make_null(path: Word<'_>) -> Result<()> {
    use rustix::fs::FileType;
    Ok(rustix::fs::mknodat(
        HERE.borrow(),
        path.as_c_str(),
        FileType::CharacterDevice,
        Mode::from_raw_mode(0o600),
        NULL_DEVICE,
    )?)
}

/// Gives a file these permissions, whatever the mask (fchmod(2)).
pub fn set_mode(fd: Fd, mode: u32) -> Result<()> {
    Ok(rustix::fs::fchmod(fd.borrow(), rustix::fs::Mode::from_raw_mode(mode))?)
}

/// ftruncate(2).
pub fn set_size(fd: Fd, size: u64) -> Result<()> {
    Ok(rustix::fs::ftruncate(fd.borrow(), size)?)
}

/// Makes reads and writes wait again (fcntl(2), F_SETFL): takes O_NONBLOCK off, leaves `append` as it was asked for.
pub fn set_blocking(fd: Fd, append: bool) -> Result<()> {
    let flags = if append { Flags::APPEND } else { Flags::empty() };
    Ok(rustix::fs::fcntl_setfl(fd.borrow(), flags)?)
}

/// Locks the whole file for writing, or EAGAIN or EACCES when somebody holds a lock (fcntl(2), F_SETLK). The lock is the
/// process's own: not inherited, kept over an exec, dropped at any close of the file in this process.
pub fn lock(fd: Fd) -> Result<()> {
    Ok(rustix::fs::fcntl_lock(fd.borrow(), FlockOperation::NonBlockingLockExclusive)?)
}

/// A lock that stands in our way.
#[derive(Clone, Copy)]
pub struct Holder {
    /// The process that holds it, as this PID namespace numbers it; 0 for one that cannot be seen from here, -1 for a
    /// lock that belongs to no process.
    pub pid: i32,
    /// Is it a lock for writing?
    pub writes: bool,
    /// There is none.
    pub is_free: bool,
}

/// Who holds a lock that keeps us from taking ours (fcntl(2), F_GETLK).
pub fn lock_holder(fd: Fd) -> Result<Holder> {
    let holder = look_at_lock(fd)?;
    // The kernel looks for the owner's number when it has let go of its locks. In a PID namespace whoever ended in between
    // is 0, too; the lock is gone by then.
    if holder.pid == 0 && !holder.is_free { look_at_lock(fd) } else { Ok(holder) }
}

fn look_at_lock(fd: Fd) -> Result<Holder> {
    let mut lock =
        linux::flock { l_type: linux::F_WRLCK as _, l_whence: linux::SEEK_SET as _, l_start: 0, l_len: 0, l_pid: 0 };
    let place = (&raw mut lock) as usize;
    // SAFETY: the kernel reads and fills one `flock`, which outlives the call.
    answer(unsafe { syscall(linux::__NR_fcntl, fd.0 as usize, linux::F_GETLK as usize, place, 0, 0) })?;
    let kind = lock.l_type as u32;
    Ok(Holder { pid: lock.l_pid, writes: kind == linux::F_WRLCK, is_free: kind == linux::F_UNLCK })
}

/// read(2); 0 at the end.
pub fn read(fd: Fd, buffer: &mut [u8]) -> Result<usize> {
    Ok(rustix::io::read(fd.borrow(), buffer)?)
}

/// pread(2) from the start; how many bytes there were, `buffer` full at the most.
pub fn read_start(fd: Fd, buffer: &mut [u8]) -> Result<usize> {
    loop {
        match rustix::io::pread(fd.borrow(), &mut *buffer, 0) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

/// pwrite(2) of all of `bytes` at the start of the file; a file that takes only a part is full.
pub fn write_start(fd: Fd, bytes: &[u8]) -> Result<()> {
    loop {
        match rustix::io::pwrite(fd.borrow(), bytes, 0) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(count) if count == bytes.len() => return Ok(()),
            Ok(_) => return Err(Errno::NOSPC),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// write(2) of all of `bytes`; ENOSPC if only a part was taken.
pub fn write(fd: Fd, bytes: &[u8]) -> Result<()> {
    if rustix::io::write(fd.borrow(), bytes)? == bytes.len() { Ok(()) } else { Err(Errno::NOSPC) }
}

/// Closes the descriptors `first` to `last`, both included (close_range(2), Linux 5.9).
pub fn close_range(first: u32, last: u32) -> Result<()> {
    // SAFETY: closes numbers that no object in this process owns; memory is not touched.
    answer(unsafe { syscall(linux::__NR_close_range, first as usize, last as usize, 0, 0, 0) })?;
    Ok(())
}

/// Gives the numbers of the open descriptors to `act`, as /proc/self/fd has them, all but the one that reads them
/// (getdents64(2)).
pub fn each_open(mut act: impl FnMut(u32)) -> Result<()> {
    /// Where in a struct linux_dirent64 its length and its name are.
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    let folder = open(HERE, Word::new(c"/proc/self/fd"), flags::FOLDER_LIST, 0)?;
    // The last byte stays NUL.
    let mut buffer = [0u8; 1024];
    loop {
        let (place, room) = (buffer.as_mut_ptr() as usize, buffer.len() - 1);
        // SAFETY: the kernel writes at most as many bytes as there is room for.
        let count = unsafe { syscall(linux::__NR_getdents64, folder.0 as usize, place, room, 0, 0) };
        let count = answer(count)? as usize;
        let mut at = 0;
        while at < count {
            let Some([low, high]) = buffer.get(at + LENGTH..at + LENGTH + 2) else { break };
            let length = u16::from_ne_bytes([*low, *high]);
            // The folder itself and its parent are no numbers.
            let mut name = Word::ending(buffer.get(at + NAME..).unwrap_or(b""));
            let is_number = name.first() != b'.';
            let mut number = 0u32;
            while !name.is_empty() {
                number = number.wrapping_mul(10).wrapping_add((name.first() & 15).into());
                name = name.rest();
            }
            if is_number && number as i32 != folder.0 {
                act(number);
            }
            at += usize::from(length.max(1));
        }
        if count == 0 {
            close(folder);
            return Ok(());
        }
    }
}

/// The highest number that a descriptor can have is below this (getrlimit(2), the hard RLIMIT_NOFILE).
pub fn limit() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// Is nothing on its file system executed (statfs(2))?
pub fn is_noexec(path: Word<'_>) -> Result<bool> {
    const ST_NOEXEC: u64 = 8;
    Ok(rustix::fs::statfs(path.as_c_str())?.f_flags as u64 & ST_NOEXEC != 0)
}

/// Is it a file of proc(5) or of a control group (fstatfs(2))?
#[allow(clippy::unnecessary_cast)] // the kernel's widths differ between architectures
pub fn is_kernels(fd: Fd) -> Result<bool> {
    let kind = rustix::fs::fstatfs(fd.borrow())?.f_type as u32;
    Ok(matches!(kind, linux::PROC_SUPER_MAGIC | linux::CGROUP_SUPER_MAGIC | linux::CGROUP2_SUPER_MAGIC))
}

/// Is it open (fcntl(2), F_GETFD)?
pub fn check(fd: Fd) -> Result<()> {
    rustix::io::fcntl_getfd(fd.borrow())?;
    Ok(())
}

/// chdir(2).
pub fn change_directory(path: Word<'_>) -> Result<()> {
    Ok(rustix::process::chdir(path.as_c_str())?)
}

/// umask(2): the mask before.
pub fn set_umask(mask: u32) -> u32 {
    rustix::process::umask(Mode::from_raw_mode(mask)).as_raw_mode()
}
