//! libFuzzer makes the bytes of `checks/pidfile.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dmz_fuzz::checks::pidfile::check(data));
