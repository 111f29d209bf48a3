//! libFuzzer makes the bytes of `checks/plan.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dmz_fuzz::checks::plan::check(data));
