//! The `dmz` binary: everything is in the library, but for how the kernel hands over.
#![no_std]
#![no_main]

mod start;
