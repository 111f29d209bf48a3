//! libFuzzer makes the bytes of `checks/values.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dmz_fuzz::checks::values::check(data));
