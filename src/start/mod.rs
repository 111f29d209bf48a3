//! How does the kernel hand over? Its entry point, the functions that the compiler calls behind our back, and the end
//! of a panic. Never holds logic: that is the library's.
#![allow(unsafe_code)]

#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "x86", path = "x86.rs")]
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
#[cfg_attr(target_arch = "arm", path = "arm.rs")]
#[cfg_attr(target_arch = "riscv64", path = "riscv64.rs")]
mod arch;
#[cfg(not(target_arch = "x86_64"))]
mod memory;

use core::panic::PanicInfo;

/// Called by `dmz_start` with the stack as the kernel made it.
///
/// # Safety
/// `stack` is the stack pointer at process entry: argc, argv, envp and the auxiliary vector, which live as long as the
/// process.
unsafe extern "C" fn enter(stack: *const usize) -> ! {
    // SAFETY: the architecture page passes the kernel's own stack pointer, unchanged.
    let words = unsafe { dmz::Words::from_stack(stack) };
    dmz::main(words)
}

/// No path leads here (a test counts them); if one did, dying at once is all that is left.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    arch::trap()
}

/// The precompiled core library names it where unwind tables are kept; nothing ever unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
