//! Signal masks and dispositions, all 64 of them, straight from the kernel: what a C library keeps for itself (32 and
//! 33) is inherited like any other.

use linux_raw_sys::general as linux;

use super::arch::syscall;
use super::{Result, answer};

/// A set of the signals 1 to 64: bit n - 1 is signal n.
#[derive(Clone, Copy)]
pub struct Set(#[allow(dead_code)] u64); // read by the kernel

/// No signal.
pub const NONE: Set = Set(0);
/// Every signal. The kernel leaves KILL and STOP out by itself.
pub const ALL: Set = Set(!0);

/// The signal that tells of a child's end.
pub const CHILD: u32 = linux::SIGCHLD;

/// Makes `set` the blocked signals (rt_sigprocmask(2)).
#[inline(never)]
pub fn block(set: Set) -> Result<()> {
    let place = (&raw const set) as usize;
    // SAFETY: the kernel reads eight bytes at `place`, which outlive the call.
    answer(unsafe { syscall(linux::__NR_rt_sigprocmask, linux::SIG_SETMASK as usize, place, 0, size_of::<Set>(), 0) })?;
    Ok(())
}

/// The default action for `signal` (rt_sigaction(2)); EINVAL for KILL and STOP, which have no other.
pub fn reset(signal: u32) -> Result<()> {
    // struct sigaction of the kernel: handler, flags, restorer where there is one, mask; SIG_DFL is all zeros.
    let action = [0usize; 6];
    let place = action.as_ptr() as usize;
    // SAFETY: the kernel reads one struct sigaction, at most the six words that stand here.
    answer(unsafe { syscall(linux::__NR_rt_sigaction, signal as usize, place, 0, size_of::<Set>(), 0) })?;
    Ok(())
}

/// The default action for every signal that can have another: all 64 but KILL and STOP.
pub fn reset_all() -> Result<()> {
    for signal in 1..=64 {
        if signal != linux::SIGKILL && signal != linux::SIGSTOP {
            reset(signal)?;
        }
    }
    Ok(())
}
