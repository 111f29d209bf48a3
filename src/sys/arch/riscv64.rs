//! RISC-V, 64 bits: syscall(2), "Architecture calling conventions".

use core::arch::asm;
use linux_raw_sys::general::__NR_clone;

/// One system call with up to five arguments; what the kernel answers, as it stands.
///
/// # Safety
/// The arguments mean what system call `number` takes them for, and every pointer among them is good for that.
#[inline(never)]
pub unsafe fn syscall(number: u32, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    let answer;
    // SAFETY: the caller vouches for the call; the kernel keeps every register but a0.
    unsafe {
        asm!("ecall", in("a7") number as usize, inlateout("a0") a => answer, in("a1") b, in("a2") c, in("a3") d,
             in("a4") e, options(nostack));
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
    // SAFETY: the parent comes back below with only a0 changed; the child never comes back, and what it may touch is the
    // caller's promise. No nomem: with CLONE_VM the child writes what we read next. The child's id comes last here.
    unsafe {
        asm!(
            "ecall",
            "bnez a0, 2f",
            "mv fp, zero", // the child's outermost frame
            "mv a0, a6",
            "jalr a5",
            "2:",
            in("a7") __NR_clone as usize, inlateout("a0") flags as usize => answer,
            in("a1") stack, in("a2") tid, in("a4") tid, in("a5") entry, in("a6") argument,
        );
    }
    answer
}
