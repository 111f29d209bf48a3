//! What must hold for any bytes: a fuzzer makes them (`fuzz_targets`), and a short test of each (`tests/smoke.rs`).

pub mod accounts;
pub mod notify;
pub mod pidfile;
pub mod plan;
pub mod values;
pub mod words;
