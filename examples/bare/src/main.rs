//! A daemon without std, main and C library: it detaches itself, and waits for a signal that ends it.
#![no_std]
#![no_main]

mod start;

/// Called by `start` with the stack as the kernel made it.
fn main() -> u8 {
    // SAFETY: the only thread, and nothing is open but what was inherited.
    let Ok(ready) = (unsafe { dmz::detach() }) else { return 125 };
    let _no_pidfile = ready.notify();
    start::pause()
}
