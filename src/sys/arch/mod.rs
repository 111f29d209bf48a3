//! Which page speaks to this processor's kernel? One system call and one way to start a process on a stack of its own;
//! nothing else is written per architecture.

#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "x86", path = "x86.rs")]
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
#[cfg_attr(target_arch = "arm", path = "arm.rs")]
#[cfg_attr(target_arch = "riscv64", path = "riscv64.rs")]
mod page;

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "x86",
    target_arch = "aarch64",
    target_arch = "arm",
    target_arch = "riscv64"
)))]
compile_error!("dmz has no pages for this architecture: add one to src/sys/arch and one to src/start");

#[cfg(any(not(target_os = "linux"), all(target_arch = "x86_64", target_pointer_width = "32")))]
compile_error!("dmz is for Linux, and on x86-64 for its ABI of 64 bits");

pub use page::{clone, syscall};

/// Where clone(2) takes the place for the child's own id: fourth on x86-64 and a few others (CONFIG_CLONE_BACKWARDS unset).
pub const CHILD_ID_IS_FIFTH: bool = cfg!(not(target_arch = "x86_64"));
