//! What only the monitor asks of the kernel: any child's fate, groups, terminals, the end of the machine.

use linux_raw_sys::general as linux;
use rustix::process::Pid;

use super::arch::syscall;
use super::file::{self, Fd, HERE, flags};
use super::process::{End, Process, own_group, peek};
use super::words::Word;
use super::{Errno, Result, answer};

/// What has become of a child.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// It has ended, and is gone now.
    Ended(End),
    /// This signal has stopped it.
    Stopped(u32),
}

/// The next child that has ended or was stopped, if there is one (waitpid(2) with WNOHANG and WUNTRACED). ECHILD without
/// children.
pub fn next_child() -> Result<Option<(Process, Child)>> {
    use rustix::process::{WaitOptions, wait};
    let Some((pid, status)) = wait(WaitOptions::NOHANG | WaitOptions::UNTRACED)? else { return Ok(None) };
    let what = match (status.stopping_signal(), status.terminating_signal()) {
        (Some(signal), _) => Child::Stopped(signal as u32),
        (_, Some(signal)) => Child::Ended(End::Killed(signal as u8)),
        _ => Child::Ended(End::Exited(status.exit_status().unwrap_or(0) as u8)),
    };
    Ok(Some((Process::from(pid), what)))
}

/// Gives every child to `act`, as /proc has them. One that is born meanwhile may be missing. ECHILD where /proc has the
/// numbers of another PID namespace.
pub fn each_child(mut act: impl FnMut(Process)) -> Result<()> {
    let list = file::open(HERE, Word::new(c"/proc/thread-self/children"), flags::INPUT, 0)?;
    let (mut buffer, mut pid, mut is_ours) = ([0; 64], 0, Ok(()));
    let read = loop {
        let count = match file::read(list, &mut buffer) {
            Ok(0) => break Ok(()),
            Ok(count) => count,
            Err(errno) => break Err(errno),
        };
        for byte in buffer.iter().take(count) {
            if byte.is_ascii_digit() {
                pid = pid * 10 + i32::from(byte & 15);
            } else if let Some(child) = Process::new(core::mem::take(&mut pid)) {
                match peek(child) {
                    Ok(_) => act(child),
                    Err(errno) => is_ours = Err(errno),
                }
            }
        }
    };
    file::close(list);
    read.and(is_ours)
}

/// The session of a process (getsid(2)); none if it is gone, and 0 for one of another PID namespace, which rustix's number
/// of a process cannot be.
pub fn session_of(process: Process) -> Option<u32> {
    // SAFETY: getsid takes an integer.
    answer(unsafe { syscall(linux::__NR_getsid, process.number() as usize, 0, 0, 0, 0) }).ok()
}

/// The process group of a process (getpgid(2)), if it is another one than ours.
pub fn other_group(process: Process) -> Option<i32> {
    let group = rustix::process::getpgid(Pid::from_raw(process.number())).ok()?.as_raw_nonzero().get();
    if group == own_group() { None } else { Some(group) }
}

/// Sends a signal to a process group; with number 1, to every process that this one may signal (kill(2)).
pub fn signal_group(group: i32, number: u32) {
    if group > 0 {
        // SAFETY: kill takes two integers.
        unsafe { syscall(linux::__NR_kill, -group as usize, number as usize, 0, 0, 0) };
    }
}

/// Makes this process the leader of a new process group (setpgid(2)).
pub fn new_group() -> Result<()> {
    Ok(rustix::process::setpgid(None, None)?)
}

/// The controlling terminal: one of the standard descriptors, or opened anew (tty(4)).
pub fn terminal() -> Option<Fd> {
    let standard = (0..3).map(Fd).find(|fd| rustix::termios::tcgetpgrp(fd.borrow()).is_ok());
    standard.or_else(|| {
        let terminal = file::open(HERE, Word::new(c"/dev/tty"), flags::EXISTING, 0).ok()?;
        let moved = file::duplicate_from(terminal, 10, false).ok();
        file::close(terminal);
        moved
    })
}

/// Which process group is its foreground (tcgetpgrp(3)), maybe one that is no more; 0 if that cannot be seen.
pub fn foreground(terminal: Fd) -> i32 {
    rustix::termios::tcgetpgrp(terminal.borrow()).map_or(0, |group| group.as_raw_nonzero().get())
}

/// Is this process's group its foreground? Not one that cannot be seen.
pub fn is_foreground(terminal: Fd) -> bool {
    let group = foreground(terminal);
    group != 0 && group == own_group()
}

/// Is there nobody left in a process group (kill(2) with signal 0)?
pub fn is_group_gone(group: i32) -> bool {
    use rustix::io::Errno;
    Pid::from_raw(group).is_none_or(|group| rustix::process::test_kill_process_group(group) == Err(Errno::SRCH))
}

/// Makes a process group the terminal's foreground (tcsetpgrp(3)); SIGTTOU must be blocked.
pub fn take_foreground(terminal: Fd, group: i32) -> Result<()> {
    let group = Pid::from_raw(group).ok_or(Errno::BUSY)?;
    Ok(rustix::termios::tcsetpgrp(terminal.borrow(), group)?)
}

/// Sends this process's whole group a signal that stops it, and lets that act here until somebody continues it. Nothing is
/// stopped where nobody could do that, since no parent of the group is in another one of the session (signal(7), setpgid(2)).
pub fn stop_group(number: u32) {
    use super::signal::{ALL, Set, block, set};
    signal_group(own_group(), number);
    let (Set(all), Set(one)) = (ALL, set(&[number]));
    let _ = block(Set(all & !one));
    let _ = block(ALL);
}

/// What ps(1) shows as the process's name (prctl(2), PR_SET_NAME).
pub fn set_name(name: Word<'_>) {
    // SAFETY: the kernel reads at most 16 bytes, up to the NUL. A name that cannot be set is not worth a failure.
    unsafe { syscall(linux::__NR_prctl, linux_raw_sys::prctl::PR_SET_NAME as usize, name.address(), 0, 0, 0) };
}

/// Commands for [`end_machine`].
pub use linux::{
    LINUX_REBOOT_CMD_HALT as HALT, LINUX_REBOOT_CMD_POWER_OFF as POWER_OFF, LINUX_REBOOT_CMD_RESTART as RESTART,
};

/// Writes everything to the disks and ends the machine, or this PID namespace (sync(2), reboot(2)).
pub fn end_machine(command: u32) {
    rustix::fs::sync();
    let (one, two) = (linux::LINUX_REBOOT_MAGIC1 as usize, linux::LINUX_REBOOT_MAGIC2 as usize);
    // SAFETY: integers only.
    unsafe { syscall(linux::__NR_reboot, one, two, command as usize, 0, 0) };
}
