//! Other processes, by a descriptor that never means another one than it did (pidfd_open(2), Linux 5.3).

use linux_raw_sys::general as linux;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::IntoRawFd;
use rustix::process::PidfdFlags;

use super::arch::syscall;
use super::file::Fd;
use super::process::Process;
use super::{Errno, Result, answer};

/// A descriptor for the process that has this id now; ESRCH if there is none.
pub fn open_process(process: Process) -> Result<Fd> {
    Ok(Fd(rustix::process::pidfd_open(process.pid(), PidfdFlags::empty())?.into_raw_fd()))
}

/// Sends it a signal (pidfd_send_signal(2)); ESRCH if it is gone.
pub fn signal_process(process: Fd, number: u32) -> Result<()> {
    // SAFETY: integers, and no siginfo_t.
    answer(unsafe { syscall(linux::__NR_pidfd_send_signal, process.0 as usize, number as usize, 0, 0, 0) })?;
    Ok(())
}

/// Waits for something to read from `fd`, its other end's closing, or the end of the process that it is, at most for so
/// many milliseconds (ppoll(2)): did it come?
pub fn await_event(fd: Fd, milliseconds: u64) -> Result<bool> {
    let time = Timespec { tv_sec: (milliseconds / 1000) as i64, tv_nsec: ((milliseconds % 1000) * 1_000_000) as _ };
    match poll(&mut [PollFd::from_borrowed_fd(fd.borrow(), PollFlags::IN)], Some(&time)) {
        Err(rustix::io::Errno::INTR) => Err(Errno::INTR),
        other => Ok(other? > 0),
    }
}
