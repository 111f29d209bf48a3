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

/// The most that lies between what the kernel lays out at the start and the texts that this points to: a distance below two
/// pages, by chance, and some bytes that the auxiliary vector points to (AT_RANDOM, AT_PLATFORM), which dmz never reads.
const GAP: usize = 2 * 4096 + 256;

/// Moves what the kernel laid out up to the texts, over that gap; the new place, where the stack is to begin. So a
/// process has one page less on most of its starts, and a monitor as long as it lives.
///
/// # Safety
/// `stack` is the stack pointer at process entry, and nothing above it is lent out.
unsafe extern "C" fn close_gap(stack: *mut usize) -> *mut usize {
    // SAFETY: the kernel lays out argc, argc pointers, NULL, the environment, NULL, pairs up to one of AT_NULL, and above
    // that nothing but the gap up to the texts, of which the first argument is the lowest. What is written is all there.
    unsafe {
        let texts = *stack.add(1);
        let mut end = stack.add(1 + *stack + 1);
        while *end != 0 {
            end = end.add(1);
        }
        end = end.add(1);
        while *end != 0 {
            end = end.add(2);
        }
        end = end.add(2);
        // A multiple of what the stack has to be aligned to.
        let gap = texts.saturating_sub(end.addr()) & !15;
        if gap > GAP {
            return stack; // no kernel did this
        }
        // From above, since the places overlap.
        while end > stack {
            end = end.sub(1);
            *end.byte_add(gap) = *end;
        }
        stack.byte_add(gap)
    }
}

/// Called by `dmz_start` with the stack as [`close_gap`] left it.
///
/// # Safety
/// At `stack` are argc, argv, envp and the auxiliary vector, which live as long as the process.
unsafe extern "C" fn enter(stack: *const usize) -> ! {
    // SAFETY: the architecture page passes what the kernel laid out, all of it moved.
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
