//! Which page speaks to this processor's kernel? One system call and one way to start a process on a stack of its own;
//! nothing else is written per architecture.

#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod page;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("dmz has no system call page for this architecture: add one to src/sys/arch and src/start");

pub use page::{clone, syscall};
