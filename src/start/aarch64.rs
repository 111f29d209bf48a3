//! ARM, 64 bits: the entry point.

use core::arch::{asm, naked_asm};

/// Where the kernel begins. Not called by anybody.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn dmz_start() -> ! {
    naked_asm!(
        "mov x29, xzr", // the outermost frame: debuggers stop here
        "mov x30, xzr",
        "mov x0, sp", // first argument: argc, argv, envp, auxv as the kernel laid them out, aligned to 16
        "bl {close_gap}",
        "mov sp, x0",
        "bl {enter}",
        "udf #0",
        close_gap = sym super::close_gap,
        enter = sym super::enter,
    )
}

/// Ends the process by an illegal instruction.
pub fn trap() -> ! {
    // SAFETY: it raises SIGILL and touches nothing.
    unsafe { asm!("udf #0", options(noreturn, nomem, nostack)) }
}
