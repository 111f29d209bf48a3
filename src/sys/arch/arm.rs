//! ARM, 32 bits, EABI: syscall(2), "Architecture calling conventions". The compiler keeps r7 for itself where it makes Thumb
//! instructions, so it is lent for the call only.

use core::arch::asm;
use linux_raw_sys::general::__NR_clone;

/// One system call with up to five arguments; what the kernel answers, as it stands.
///
/// # Safety
/// The arguments mean what system call `number` takes them for, and every pointer among them is good for that.
#[inline(never)]
pub unsafe fn syscall(number: u32, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    let answer;
    // SAFETY: the caller vouches for the call; the kernel keeps every register but r0.
    unsafe {
        asm!("mov r12, r7", "mov r7, r5", "svc #0", "mov r7, r12", in("r5") number, inlateout("r0") a => answer,
             in("r1") b, in("r2") c, in("r3") d, in("r4") e, out("r12") _, options(nostack));
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
    // SAFETY: the parent comes back below with only r0 changed; the child never comes back, and what it may touch is the
    // caller's promise. No nomem: with CLONE_VM the child writes what we read next. The child's id comes last here.
    unsafe {
        asm!(
            "mov r12, r7",
            "mov r7, #{number}",
            "svc #0",
            "mov r7, r12",
            "cmp r0, #0",
            "bne 2f",
            "mov r11, #0", // the child's outermost frame
            "mov r0, r8",
            "blx r5",
            "2:",
            number = const __NR_clone, inlateout("r0") flags as usize => answer,
            in("r1") stack, in("r2") tid, in("r4") tid, in("r5") entry, in("r8") argument,
            out("r12") _,
        );
    }
    answer
}
