//! The words that the kernel hands over: arguments, environment, auxiliary vector.

use core::ffi::{CStr, c_char};

use super::{Result, memory};
use linux_raw_sys::auxvec::{AT_EUID, AT_NULL};

/// A NULL-terminated vector of strings, as execve(2) takes it.
#[derive(Clone, Copy)]
pub struct Vector(*const *const c_char);

// SAFETY: nothing writes to a vector or its strings while it is lent out: the kernel's are ours alone, and the makers of
// others promise it. Then sharing them between threads, or processes that share memory, is only reading.
unsafe impl Sync for Vector {}

impl Vector {
    /// The address, for the kernel.
    pub(super) fn address(self) -> usize {
        self.0 as usize
    }
}

/// `word` without its first `count` bytes; empty if it has no more.
pub fn tail(word: &CStr, count: usize) -> &CStr {
    match word.to_bytes_with_nul().get(count..) {
        // SAFETY: the end of a C string is one: its only NUL is the last byte, which a range within the string keeps.
        Some(rest @ [_, ..]) => unsafe { CStr::from_bytes_with_nul_unchecked(rest) },
        _ => c"",
    }
}

impl Iterator for Vector {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        // SAFETY: the place is within the vector or its NULL, where we stop for good; each entry before it is a
        // NUL-terminated string that lives as long as the process.
        unsafe {
            let word = *self.0;
            if word.is_null() {
                return None;
            }
            self.0 = self.0.add(1);
            Some(CStr::from_ptr(word))
        }
    }
}

/// A vector that can be changed: a copy of another, in memory mapped for it that is never given back.
pub struct VectorMut {
    words: &'static mut [*const c_char],
    length: usize,
}

impl VectorMut {
    /// A copy of `from` with room for `more` words behind it.
    pub fn copy(from: Vector, more: usize) -> Result<VectorMut> {
        let length = from.count();
        // SAFETY: all zeros are null pointers.
        let words = unsafe { memory::zeroed(length + more + 1)? };
        for (index, place) in words.iter_mut().enumerate().take(length) {
            // SAFETY: `from` has this many words before its NULL.
            *place = unsafe { *from.0.add(index) };
        }
        Ok(VectorMut { words, length })
    }

    /// Puts `word` in the place of the word at `index`, or behind the last if there is none such.
    pub fn set(&mut self, index: usize, word: &'static CStr) {
        let index = index.min(self.length);
        // The last place is the NULL's.
        if index + 1 < self.words.len()
            && let Some(place) = self.words.get_mut(index)
        {
            *place = word.as_ptr();
            self.length = self.length.max(index + 1);
        }
    }

    /// Takes out the word at `index`; the last word takes its place, since nothing depends on the order.
    pub fn remove(&mut self, index: usize) {
        if index < self.length {
            self.length -= 1;
            self.words.swap(index, self.length);
            if let Some(place) = self.words.get_mut(self.length) {
                *place = core::ptr::null();
            }
        }
    }

    /// The words as they are now. What is changed later shows in it, so it is taken when all is done.
    pub fn vector(&self) -> Vector {
        Vector(self.words.as_ptr())
    }
}

/// `first` and `rest` as one word, in memory mapped for it.
pub fn join(first: u8, rest: &CStr) -> Result<&'static CStr> {
    let rest = rest.to_bytes_with_nul();
    // SAFETY: all zeros are bytes.
    let place: &mut [u8] = unsafe { memory::zeroed(rest.len() + 1)? };
    for (place, byte) in place.iter_mut().zip(core::iter::once(&first).chain(rest)) {
        *place = *byte;
    }
    // SAFETY: the last byte is the NUL that came with `rest`.
    Ok(unsafe { CStr::from_ptr(place.as_ptr().cast()) })
}

/// All that the kernel hands over at the start of a process.
#[derive(Clone, Copy)]
pub struct Words {
    /// argv.
    pub arguments: Vector,
    /// envp.
    pub environment: Vector,
    /// The effective user id, from the auxiliary vector.
    pub user: u32,
}

impl Words {
    /// Finds everything on the stack that the kernel made (execve(2), getauxval(3)).
    ///
    /// # Safety
    /// `stack` is the stack pointer at the process's entry, and nothing has written above it.
    pub unsafe fn from_stack(stack: *const usize) -> Words {
        // SAFETY: the kernel lays out argc, argc pointers, NULL, the environment, NULL, pairs up to AT_NULL.
        unsafe {
            let arguments = Vector(stack.add(1).cast());
            let environment = Vector(stack.add(1 + *stack + 1).cast());
            let mut rest = environment;
            while !(*rest.0).is_null() {
                rest.0 = rest.0.add(1);
            }
            let mut pair = rest.0.add(1).cast::<usize>();
            let mut user = 0;
            while *pair != AT_NULL as usize {
                if *pair == AT_EUID as usize {
                    user = *pair.add(1) as u32;
                }
                pair = pair.add(2);
            }
            Words { arguments, environment, user }
        }
    }
}
