//! RISC-V, 64 bits: the entry point.

use core::arch::{asm, naked_asm};

/// Where the kernel begins. Not called by anybody.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn dmz_start() -> ! {
    naked_asm!(
        "mv fp, zero", // the outermost frame: debuggers stop here
        "mv ra, zero",
        "mv a0, sp", // first argument: argc, argv, envp, auxv as the kernel laid them out, aligned to 16
        "call {close_gap}",
        "mv sp, a0",
        "call {enter}",
        "unimp",
        close_gap = sym super::close_gap,
        enter = sym super::enter,
    )
}

/// Ends the process by an illegal instruction.
pub fn trap() -> ! {
    // SAFETY: it raises SIGILL and touches nothing.
    unsafe { asm!("unimp", options(noreturn, nomem, nostack)) }
}
