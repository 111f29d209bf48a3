//! libFuzzer makes the bytes of `checks/notify.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dmz_fuzz::checks::notify::check(data));
