//! x86, 32 bits: the entry point.

use core::arch::{asm, naked_asm};

/// Where the kernel begins. Not called by anybody.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn dmz_start() -> ! {
    naked_asm!(
        "xor ebp, ebp", // the outermost frame: debuggers stop here
        "mov eax, esp", // argc, argv, envp, auxv as the kernel laid them out, aligned to 16
        "sub esp, 12", // the call below then gives the alignment that the ABI promises
        "push eax",
        "call {close_gap}",
        "lea esp, [eax - 12]",
        "push eax",
        "call {enter}",
        "ud2",
        close_gap = sym super::close_gap,
        enter = sym super::enter,
    )
}

/// Ends the process by an illegal instruction.
pub fn trap() -> ! {
    // SAFETY: it raises SIGILL and touches nothing.
    unsafe { asm!("ud2", options(noreturn, nomem, nostack)) }
}
