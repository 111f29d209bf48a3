//! The `dmz` binary: everything is in the library, but for how the kernel hands over.
#![no_std]
#![no_main]

#[cfg(feature = "std")]
compile_error!("`std` is for programs that use the library: the binary is built without it");

#[cfg(not(feature = "std"))]
mod start;
