//! The sources of dmz once more, with what is private there within reach of the fuzzers: what is fuzzed is the code
//! itself, and nothing has to be public for it.
#![allow(dead_code, unused_imports, missing_docs)] // they are used elsewhere
#![allow(clippy::should_implement_trait, clippy::manual_contains)] // as there

#[path = "../../../src/plan/mod.rs"]
pub mod plan;
#[path = "../../../src/run/mod.rs"]
pub mod run;
#[path = "../../../src/sys/mod.rs"]
pub mod sys;

pub mod checks;
pub mod cli;

pub use sys::words::{Table, Vector, Word, Words};

use std::ffi::{CStr, CString};

/// What is before the first NUL of `data`.
pub fn text(data: &[u8]) -> CString {
    CString::new(data.split(|byte| *byte == 0).next().unwrap_or(b"")).unwrap()
}

/// Words with NULs between them, as the kernel lays them out: for as long as the process lives.
pub fn with_vector<T>(data: &[u8], act: impl FnOnce(Vector) -> T) -> T {
    let words: Vec<CString> = data.split(|byte| *byte == 0).map(|word| CString::new(word).unwrap()).collect();
    // argc, argv, NULL, an empty environment, an empty auxiliary vector.
    let mut stack = vec![words.len()];
    stack.extend(words.iter().map(|word| word.as_ptr() as usize));
    stack.extend([0, 0, 0, 0]);
    // SAFETY: this is how a kernel lays out a stack. It is gone when `act` has returned, which keeps nothing of it.
    let words = unsafe { Words::from_stack(stack.as_ptr()) };
    act(words.arguments)
}

/// A word of text that lives as long as `text` does.
pub fn word(text: &CStr) -> Word<'_> {
    Word::new(text)
}
