//! ARM, 32 bits: the entry point.

use core::arch::{asm, naked_asm};

/// Where the kernel begins. Not called by anybody.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn dmz_start() -> ! {
    naked_asm!(
        "mov r11, #0", // the outermost frame: debuggers stop here
        "mov lr, #0",
        "mov r0, sp", // first argument: argc, argv, envp, auxv as the kernel laid them out, aligned to 8
        "bl {close_gap}",
        "mov sp, r0",
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
