//! What the binary has instead of a C library's start: the entry point, the memory functions that the compiler's code
//! calls, and the panic handler. All else is in the library.
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

/// The most that the kernel leaves between the auxiliary vector and the texts of the arguments: a random distance below two
/// pages, and some bytes that the vector points to (AT_RANDOM, AT_PLATFORM), which dmz never reads.
const GAP: usize = 2 * 4096 + 256;

/// Moves argc, argv, envp and the auxiliary vector up over that gap, to the texts; returns the new stack pointer. Most
/// starts touch one page less by that, and a monitor has one page less.
///
/// # Safety
/// `stack` is the stack pointer at process entry, and there is no reference to anything above it.
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
/// At `stack` are argc, argv, envp and the auxiliary vector as the kernel laid them out, perhaps moved as a whole, and
/// they live as long as the process.
unsafe extern "C" fn enter(stack: *const usize) -> ! {
    // SAFETY: so the caller says, and nothing but the library has the texts from here on.
    let words = unsafe { dmz::Words::from_stack(stack) };
    dmz::main(words)
}

/// No path leads here (tests/size.rs looks for one); if one did, the process ends at once.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    arch::trap()
}

/// The precompiled core library refers to it if unwind tables are kept; nothing unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
