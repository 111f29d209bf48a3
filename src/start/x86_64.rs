//! x86-64: the entry point, and the memory functions as the instructions that the processor has for them.

use core::arch::{asm, global_asm};

global_asm!(
    ".globl dmz_start",
    ".type dmz_start, @function",
    "dmz_start:",
    "xor ebp, ebp",   // the outermost frame: debuggers stop here
    "mov rdi, rsp",   // first argument: argc, argv, envp, auxv as the kernel laid them out, aligned to 16
    "call {close_gap}",
    "mov rsp, rax",
    "mov rdi, rax",
    "call {enter}",
    "ud2",
    close_gap = sym super::close_gap,
    enter = sym super::enter,
);

/// Ends the process by an illegal instruction.
pub fn trap() -> ! {
    // SAFETY: ud2 raises SIGILL and touches nothing.
    unsafe { asm!("ud2", options(noreturn, nomem, nostack)) }
}

// Loops would do, but the compiler turns a loop that copies into a call of the very function it is in. Never inlined: one
// copy of each is enough.

#[inline(never)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller owns both ranges of `length` bytes, as the C standard demands.
    unsafe {
        asm!("rep movsb", inout("rcx") length => _, inout("rdi") to => _, inout("rsi") from => _,
             options(nostack, preserves_flags));
    }
    to
}

#[inline(never)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    // SAFETY: the caller owns `length` bytes at `to`, as the C standard demands.
    unsafe {
        asm!("rep stosb", inout("rcx") length => _, inout("rdi") to => _, in("al") byte as u8,
             options(nostack, preserves_flags));
    }
    to
}

#[inline(never)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, length: usize) -> i32 {
    let order: i32;
    // SAFETY: the caller owns `length` bytes at both, as the C standard demands; only they are read.
    unsafe {
        asm!("xor eax, eax", "cmp rcx, rcx", "repe cmpsb", "je 2f", "movzx eax, byte ptr [rdi - 1]",
             "movzx ecx, byte ptr [rsi - 1]", "sub eax, ecx", "2:",
             inout("rcx") length => _, inout("rdi") a => _, inout("rsi") b => _, out("eax") order,
             options(nostack, readonly));
    }
    order
}

#[inline(never)]
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, length: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, length) }
}

#[inline(never)]
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let left: usize;
    // SAFETY: the caller passes a NUL-terminated string; the scan stops at the NUL.
    unsafe {
        asm!("repne scasb", inout("rcx") usize::MAX => left, inout("rdi") text => _, in("al") 0u8,
             options(nostack, readonly));
    }
    // rcx went down once for each byte, the NUL included, from all ones.
    !left - 1
}
