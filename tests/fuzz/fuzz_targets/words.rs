//! libFuzzer makes the bytes of `checks/words.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dmz_fuzz::checks::words::check(data));
