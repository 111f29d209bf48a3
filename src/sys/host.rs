//! What only a program that uses the library asks of the kernel: processes of which its other parts hear nothing, and
//! forks by its own C library.

use linux_raw_sys::general as linux;
use rustix::process::{Pid, WaitId, WaitIdOptions};

use super::arch::syscall;
use super::file::Fd;
use super::process::{Process, Signal, own_id, parent};
use super::{Errno, Result, answer};

/// fork(2) as a C library has it, which keeps books about threads and has functions called before and after.
pub type Fork = unsafe extern "C" fn() -> i32;

/// Starts a process with a copy of this memory, whose end is told to nobody (clone(2) without a signal): only who asks for
/// it by `wait` sees it. Comes back in it with nothing.
///
/// It has one thread, whatever this one has. Sound, because in it nothing runs but this crate's code up to its exit, and
/// that takes no lock and allocates nothing that others use.
pub fn fork_silently() -> Result<Option<Process>> {
    // SAFETY: without CLONE_VM and with no new stack both have memory of their own and go on here.
    Ok(Process::new(answer(unsafe { syscall(linux::__NR_clone, 0, 0, 0, 0, 0) })? as i32))
}

/// Starts a process that goes on as this one does, by the C library if it is given, else silently or with the usual signal.
///
/// Sound, because this is reached by public functions alone that are unsafe: who calls them has promised that there are
/// no other threads, and that the function is fork(2).
pub fn fork(by: Option<Fork>, silently: bool) -> Result<Option<Process>> {
    let Some(fork) = by else {
        let signal = if silently { 0 } else { linux::SIGCHLD };
        // SAFETY: the same as above.
        return Ok(Process::new(answer(unsafe { syscall(linux::__NR_clone, signal as usize, 0, 0, 0, 0) })? as i32));
    };
    // SAFETY: see above.
    match unsafe { fork() } {
        -1 => Err(Errno::AGAIN),
        pid => Ok(Process::new(pid)),
    }
}

/// The C library's fork, which is there where std is.
#[cfg(feature = "std")]
pub fn library_fork() -> Option<Fork> {
    unsafe extern "C" {
        fn fork() -> i32;
    }
    Some(fork)
}

/// There may be no C library.
#[cfg(not(feature = "std"))]
pub fn library_fork() -> Option<Fork> {
    None
}

/// Waits for a child to end, a silent one, too (waitid(2) with __WALL, Linux 4.7).
pub fn wait(child: Process) {
    wait_for(child, WaitIdOptions::EXITED);
}

/// The same, but it stays a zombie, so that its number is still its own.
pub fn await_end(child: Process) {
    wait_for(child, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
}

fn wait_for(child: Process, options: WaitIdOptions) {
    let Some(pid) = Pid::from_raw(child.number()) else { return };
    let options = options | WaitIdOptions::from_bits_retain(linux::__WALL);
    while rustix::process::waitid(WaitId::Pid(pid), options).is_err_and(|errno| errno == rustix::io::Errno::INTR) {}
}

/// Kills everything in this process's group, itself included (kill(2)).
pub fn end_own_group() {
    let _ = rustix::process::kill_current_process_group(Signal::KILL);
}

/// Kills everything in the group that a child leads, if it does (kill(2)).
pub fn end_group(leader: Process) {
    if let Some(pid) = Pid::from_raw(leader.number()) {
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    }
}

/// Is this process's parent `id`, or can it not be seen from here?
pub fn is_parent(id: i32) -> bool {
    let parent = parent();
    parent == 0 || parent == id
}

/// Wakes this process's parent, if that is `id`: SIGCONT is allowed to everybody in the same session (kill(2)).
pub fn wake_parent(id: i32) {
    if let Some(parent) = Process::new(id).filter(|_| is_parent(id) && id != own_id()) {
        super::process::signal(parent, linux::SIGCONT);
    }
}

/// The effective user id (geteuid(2)).
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Has an exec close this descriptor, or not (fcntl(2), F_SETFD).
pub fn close_on_exec(fd: Fd, yes: bool) -> Result<()> {
    use rustix::io::FdFlags;
    Ok(rustix::io::fcntl_setfd(fd.borrow(), if yes { FdFlags::CLOEXEC } else { FdFlags::empty() })?)
}
