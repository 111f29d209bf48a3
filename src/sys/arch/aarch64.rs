//! ARM, 64 bits: syscall(2), "Architecture calling conventions".

use core::arch::asm;
use linux_raw_sys::general::__NR_clone;

/// One system call with up to five arguments; what the kernel answers, as it stands.
///
/// # Safety
/// The arguments mean what system call `number` takes them for, and every pointer among them is good for that.
#[inline(never)]
pub unsafe fn syscall(number: u32, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    let answer;
    // SAFETY: the caller vouches for the call; the kernel keeps every register but x0.
    unsafe {
        asm!("svc #0", in("x8") number as usize, inlateout("x0") a => answer, in("x1") b, in("x2") c, in("x3") d,
             in("x4") e, options(nostack));
    }
    answer
}

/// clone(2) with a child that starts in `entry(argument)` on the stack below `stack`, or, if that is NULL, below this very
/// frame.
///
/// # Safety
/// `stack` ends memory that only the child uses, enough for `entry`, aligned to 16; without one the caller sleeps as long as
/// the child uses its stack (CLONE_VFORK). `entry` never returns; `tid` stays writable as long as the child runs.
pub unsafe fn clone(
    flags: u32,
    stack: *mut u8,
    tid: *const i32,
    entry: unsafe extern "C" fn(*const ()) -> !,
    argument: *const (),
) -> isize {
    let answer;
    // SAFETY: the parent comes back below with only x0 changed; the child never comes back, and what it may touch is the
    // caller's promise. No nomem: with CLONE_VM the child writes what we read next. The child's id comes last here.
    unsafe {
        asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr", // the child's outermost frame
            "mov x0, x6",
            "blr x5",
            "2:",
            in("x8") __NR_clone as usize, inlateout("x0") flags as usize => answer,
            in("x1") stack, in("x2") tid, in("x4") tid, in("x5") entry, in("x6") argument,
        );
    }
    answer
}
