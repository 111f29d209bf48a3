//! What a C library would have brought: the entry point, the memory functions that the compiler calls, an end.

use core::arch::{asm, global_asm};

#[cfg(not(target_arch = "x86_64"))]
compile_error!("this example is written for x86-64");

global_asm!(".globl dmz_start", "dmz_start:", "xor ebp, ebp", "call {enter}", "ud2", enter = sym enter);

extern "C" fn enter() -> ! {
    call(231, crate::main().into()); // exit_group(2)
    loop {}
}

/// Waits for any signal that ends the process (pause(2)).
pub fn pause() -> u8 {
    call(34, 0);
    0
}

fn call(number: usize, argument: usize) {
    // SAFETY: both calls take integers at the most.
    unsafe {
        asm!("syscall", inlateout("rax") number => _, in("rdi") argument, lateout("rcx") _, lateout("r11") _);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller owns both ranges.
    unsafe { asm!("rep movsb", inout("rcx") length => _, inout("rdi") to => _, inout("rsi") from => _) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    // SAFETY: the caller owns the range.
    unsafe { asm!("rep stosb", inout("rcx") length => _, inout("rdi") to => _, in("al") byte as u8) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, length: usize) -> i32 {
    for at in 0..length {
        // SAFETY: the caller owns both ranges. Volatile, or the compiler makes a call of itself of the loop.
        let (one, other) = unsafe { (a.add(at).read_volatile(), b.add(at).read_volatile()) };
        if one != other {
            return i32::from(one) - i32::from(other);
        }
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller's text ends with a NUL.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}
