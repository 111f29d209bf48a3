//! x86-64: syscall(2), "Architecture calling conventions".

use core::arch::asm;
use linux_raw_sys::general::__NR_clone;

/// One system call with up to five arguments; what the kernel answers, as it stands.
///
/// # Safety
/// The arguments mean what system call `number` takes them for, and every pointer among them is good for that.
#[inline(never)]
pub unsafe fn syscall(number: u32, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    let answer;
    // SAFETY: the caller vouches for the call; the kernel keeps every register but rax, rcx and r11.
    unsafe {
        asm!("syscall", inlateout("rax") number as usize => answer, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
             in("r8") e, lateout("rcx") _, lateout("r11") _, options(nostack));
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
    // SAFETY: the parent comes back below with only rax, rcx and r11 changed; the child never comes back, and what it
    // may touch is the caller's promise. No nomem: with CLONE_VM the child writes what we read next.
    unsafe {
        asm!(
            "syscall",
            "test eax, eax",
            "jnz 2f",
            "xor ebp, ebp", // the child's outermost frame
            "mov rdi, r9",
            "call r8",
            "ud2",
            "2:",
            inlateout("rax") __NR_clone as usize => answer,
            in("rdi") flags as usize, in("rsi") stack, in("rdx") tid, in("r10") tid, in("r8") entry, in("r9") argument,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    answer
}
