//! Signal masks and dispositions, all 64 of them, straight from the kernel: what a C library keeps for itself (32 and
//! 33) is inherited like any other.

use linux_raw_sys::general as linux;

use super::arch::syscall;
use super::time::WAIT;
use super::{Result, answer};

/// A set of the signals 1 to 64: bit n - 1 is signal n.
#[derive(Clone, Copy)]
pub struct Set(pub u64);

/// No signal.
pub const NONE: Set = Set(0);
/// Every signal. The kernel leaves KILL and STOP out by itself.
pub const ALL: Set = Set(!0);

/// The signal that tells of a child's end.
pub const CHILD: u32 = linux::SIGCHLD;
pub use linux::{
    SIGBUS as BUS, SIGCONT as CONT, SIGHUP as HUP, SIGINT as INT, SIGIO as IO, SIGKILL as KILL, SIGPIPE as PIPE,
    SIGQUIT as QUIT, SIGSEGV as SEGV, SIGTERM as TERM, SIGTSTP as TSTP, SIGTTIN as TTIN, SIGTTOU as TTOU,
    SIGUSR1 as USR1, SIGUSR2 as USR2, SIGWINCH as WINCH, SIGXFSZ as XFSZ,
};

/// Makes `set` the blocked signals; those of before (rt_sigprocmask(2)).
#[inline(never)]
pub fn block(mut set: Set) -> Result<Set> {
    let place = (&raw mut set) as usize;
    // SAFETY: the kernel reads eight bytes at `place` and then writes eight.
    answer(unsafe {
        syscall(linux::__NR_rt_sigprocmask, linux::SIG_SETMASK as usize, place, place, size_of::<Set>(), 0)
    })?;
    Ok(set)
}

/// What becomes of a signal that is not blocked: the kernel's struct sigaction, handler, flags, restorer where there is
/// one, mask.
type Action = [usize; 6];

/// The handler's place with SIG_IGN.
const IGNORE: usize = 1;

/// Gives `signal` the default action or ignores it (rt_sigaction(2)); whether it was ignored before. EINVAL for KILL and
/// STOP, which have no other action.
pub fn dispose(signal: u32, ignore: bool) -> Result<bool> {
    let action: Action = [if ignore { IGNORE } else { 0 }, 0, 0, 0, 0, 0];
    let mut before: Action = [0; 6];
    let (new, old) = (action.as_ptr() as usize, before.as_mut_ptr() as usize);
    // SAFETY: the kernel reads one struct sigaction and writes one, at most six words each.
    answer(unsafe { syscall(linux::__NR_rt_sigaction, signal as usize, new, old, size_of::<Set>(), 0) })?;
    Ok(before[0] == IGNORE)
}

/// Is a signal ignored (rt_sigaction(2))?
pub fn is_ignored(signal: u32) -> bool {
    let mut action: Action = [0; 6];
    let place = action.as_mut_ptr() as usize;
    // SAFETY: the kernel writes one struct sigaction, at most six words.
    unsafe { syscall(linux::__NR_rt_sigaction, signal as usize, 0, place, size_of::<Set>(), 0) };
    action[0] == IGNORE
}

/// The default action for every signal that can have another: all 64 but KILL and STOP.
pub fn reset_all() -> Result<()> {
    let action: Action = [0; 6];
    let place = action.as_ptr() as usize;
    for signal in 1..=64 {
        if signal != linux::SIGKILL && signal != linux::SIGSTOP {
            // SAFETY: the kernel reads one struct sigaction, at most six words.
            answer(unsafe { syscall(linux::__NR_rt_sigaction, signal as usize, place, 0, size_of::<Set>(), 0) })?;
        }
    }
    Ok(())
}

/// The set of these signals.
#[inline(always)] // a number, where it is known
pub const fn set(numbers: &[u32]) -> Set {
    let (mut bits, mut index) = (0, 0);
    while index < numbers.len() {
        bits |= 1 << (numbers[index] - 1);
        index += 1;
    }
    Set(bits)
}

/// A signal that was waited for.
#[derive(Clone, Copy)]
pub struct Arrived {
    /// Its number.
    pub number: u32,
    /// Did the kernel itself send it, as for a key at a terminal (si_code above 0)?
    pub is_kernels: bool,
}

/// Waits for one of these blocked signals and takes it, at most for so many milliseconds (rt_sigtimedwait(2)). EAGAIN
/// when the time is over, EINTR after a stop.
pub fn wait_for(set: Set, milliseconds: Option<u64>) -> Result<Arrived> {
    /// The kernel's siginfo_t, of which the third number is si_code.
    #[repr(C, align(8))]
    struct Info([i32; 32]);
    let mut info = core::mem::MaybeUninit::<Info>::uninit();
    let mut time = milliseconds.map(|time| [time / 1000, (time % 1000) * 1_000_000]);
    let (place, info_place) = ((&raw const set) as usize, info.as_mut_ptr() as usize);
    // SAFETY: the kernel reads eight bytes and one timespec of the kind that the call takes, if it is given one, and fills
    // one siginfo_t.
    let number = answer(
        WAIT.with(time.as_mut(), |call, time| unsafe { syscall(call, place, info_place, time, size_of::<Set>(), 0) }),
    )?;
    // SAFETY: a signal was taken, so the kernel has filled it.
    let Info([_, _, code, ..]) = unsafe { info.assume_init_ref() };
    Ok(Arrived { number, is_kernels: *code > 0 })
}

/// Waits for one of these blocked signals and takes it.
pub fn wait(set: Set) -> Result<u32> {
    Ok(wait_for(set, None)?.number)
}
