//! libFuzzer makes the bytes of `checks/accounts.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dmz_fuzz::checks::accounts::check(data));
