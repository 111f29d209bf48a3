//! What the program gets as arguments and environment, when that is not what dmz got.

use core::ffi::CStr;

use crate::plan::Reason;
use crate::sys::memory;
use crate::sys::words::{Vector, VectorMut, join};

/// A vector being changed.
pub struct Rewrite(VectorMut);

impl Rewrite {
    /// Begins with what is in `from`, with room for `more` words.
    pub fn new(from: Vector, more: usize) -> Result<Rewrite, Reason> {
        Ok(Rewrite(VectorMut::copy(from, more)?))
    }

    /// Replaces the first word, with an `@` in front of it if it is to be `marked`.
    pub fn rename(&mut self, name: &'static CStr, marked: bool) -> Result<(), Reason> {
        self.0.set(0, if marked { join(b'@', name)? } else { name });
        Ok(())
    }

    /// Takes out every word, as an environment.
    pub fn clear(&mut self) {
        while self.0.vector().next().is_some() {
            self.0.remove(0);
        }
    }

    /// Takes out every variable of this name.
    pub fn unset(&mut self, name: &[u8]) {
        while let Some(index) = self.find(name) {
            self.0.remove(index);
        }
    }

    /// Sets the variable that `word` names before its `=`.
    pub fn set(&mut self, word: &'static CStr) {
        self.unset(name_of(word));
        self.0.set(usize::MAX, word);
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        self.0.vector().position(|word| name_of(word) == name)
    }

    /// The result.
    pub fn vector(&self) -> Vector {
        self.0.vector()
    }
}

/// Room for `count` numbers, that lasts as long as the process.
pub fn numbers(count: usize) -> Result<&'static mut [u32], Reason> {
    Ok(memory::numbers(count)?)
}

/// The name in `NAME=VALUE`.
pub fn name_of(word: &CStr) -> &[u8] {
    word.to_bytes().split(|byte| *byte == b'=').next().unwrap_or(b"")
}
