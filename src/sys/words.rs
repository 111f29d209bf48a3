//! Text as the kernel has it: NUL-terminated words, vectors of them, and tables of our own.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::Result;
use super::memory::{self, Pool};
use linux_raw_sys::auxvec::{AT_EGID, AT_EUID, AT_GID, AT_NULL, AT_SECURE, AT_UID};

/// A text that ends with a NUL. One pointer wide, unlike `&CStr`: most are only passed on.
#[derive(Clone, Copy)]
pub struct Word<'a>(NonNull<c_char>, PhantomData<&'a CStr>);

// SAFETY: a word is only read, like the `&CStr` that it stands for.
unsafe impl Sync for Word<'_> {}

impl<'a> Word<'a> {
    /// Nothing.
    pub const EMPTY: Word<'static> = Word::new(c"");

    /// A text.
    pub const fn new(text: &'a CStr) -> Word<'a> {
        Word::at(text.as_ptr())
    }

    /// The text at an address that is not null and at which there is one.
    const fn at(place: *const c_char) -> Word<'a> {
        // SAFETY: all callers have it from a reference, or have looked.
        Word(unsafe { NonNull::new_unchecked(place.cast_mut()) }, PhantomData)
    }

    /// A text that ends where `bytes` do, with a NUL; nothing if they end without one.
    pub fn ending(bytes: &'a [u8]) -> Word<'a> {
        match bytes {
            [.., 0] => Word::at(bytes.as_ptr().cast()),
            _ => Word::EMPTY,
        }
    }

    /// As the language has it.
    pub fn as_c_str(self) -> &'a CStr {
        // SAFETY: it was made of a NUL-terminated text that lives for 'a, or is the end of one.
        unsafe { CStr::from_ptr(self.0.as_ptr()) }
    }

    /// Its bytes, without the NUL.
    pub fn bytes(self) -> &'a [u8] {
        self.as_c_str().to_bytes()
    }

    /// Its first byte; NUL if it is empty.
    pub fn first(self) -> u8 {
        // SAFETY: there is at least the NUL.
        unsafe { *self.0.as_ptr() as u8 }
    }

    /// The address, for the kernel.
    pub(super) fn address(self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Is nothing in it?
    pub fn is_empty(self) -> bool {
        self.first() == 0
    }

    /// Without its first `count` bytes.
    #[inline(never)]
    pub fn skip(self, count: usize) -> Word<'a> {
        // SAFETY: it is still within the text, or its NUL.
        Word(unsafe { self.0.add(count.min(self.bytes().len())) }, PhantomData)
    }

    /// The name in `NAME=VALUE`; all of it where there is no `=`.
    #[inline(never)]
    pub fn variable(self) -> &'a [u8] {
        self.bytes().split(|byte| *byte == b'=').next().unwrap_or(b"")
    }

    /// Do both say the same?
    pub fn is(self, other: Word<'_>) -> bool {
        self.bytes() == other.bytes()
    }
}

/// Texts one behind the other, each ended by a NUL, the last one empty. Unlike an array of strings it holds no pointers,
/// so nothing has to be relocated when the binary is loaded.
#[derive(Clone, Copy)]
pub struct Table(Word<'static>);

impl Table {
    /// The texts in `text`, which ends with two NULs: the compiler checks it.
    pub const fn new(text: &'static [u8]) -> Table {
        assert!(text.len() > 1 && text[text.len() - 1] == 0 && text[text.len() - 2] == 0);
        Table(Word::at(text.as_ptr().cast()))
    }

    /// Text number `index`; an empty one if there are not so many.
    #[inline(never)]
    pub fn entry(mut self, index: usize) -> Word<'static> {
        self.nth(index).unwrap_or(Word::EMPTY)
    }
}

impl Iterator for Table {
    type Item = Word<'static>;

    fn next(&mut self) -> Option<Word<'static>> {
        let word = self.0;
        if word.is_empty() {
            return None;
        }
        // SAFETY: behind the NUL of a text that is not empty there is another one: only the last is empty.
        self.0 = Word(unsafe { word.0.add(word.bytes().len() + 1) }, PhantomData);
        Some(word)
    }
}

/// A NULL-terminated vector of words, as execve(2) takes it.
#[derive(Clone, Copy)]
pub struct Vector(*const *const c_char);

// SAFETY: nothing writes to a vector or its words while it is lent out: the kernel's are ours alone, and the makers of
// others promise it. Then sharing them between threads, or processes that share memory, is only reading.
unsafe impl Sync for Vector {}

impl Vector {
    /// No words.
    pub const EMPTY: Vector = Vector([core::ptr::null()].as_ptr());

    /// The address, for the kernel.
    pub(super) fn address(self) -> usize {
        self.0 as usize
    }
}

impl Iterator for Vector {
    type Item = Word<'static>;

    #[inline(never)]
    fn next(&mut self) -> Option<Word<'static>> {
        // SAFETY: the place is within the vector or its NULL, where we stop for good; each entry before it is a
        // NUL-terminated string that lives as long as the process.
        unsafe {
            let word = *self.0;
            if word.is_null() {
                return None;
            }
            self.0 = self.0.add(1);
            Some(Word::at(word))
        }
    }
}

/// A vector being made, in memory mapped for it that is never given back.
pub struct VectorMut {
    words: &'static mut [*const c_char],
    length: usize,
}

impl VectorMut {
    /// A copy of `from` with room for `more` words behind it.
    #[inline(never)]
    pub fn copy(from: Vector, more: usize, pool: &mut Pool) -> Result<VectorMut> {
        let length = from.count();
        // SAFETY: all zeros are null pointers.
        let words: &mut [*const c_char] = unsafe { pool.zeroed(length + more + 1)? };
        // SAFETY: there are so many words, and room for more of them in memory that is new.
        unsafe { memory::copy(from.0.cast(), words.as_mut_ptr().cast(), length * size_of::<*const c_char>()) };
        Ok(VectorMut { words, length })
    }

    /// Puts `word` behind the last, if there is room.
    pub fn push(&mut self, word: Word<'static>) {
        // The last place is the NULL's.
        if let Some([place, _]) = self.words.get_mut(self.length..self.length + 2) {
            *place = word.0.as_ptr();
            self.length += 1;
        }
    }

    /// Puts `word` in the place of the first, if there is one.
    pub fn rename(&mut self, word: Word<'static>) {
        if let Some(place) = self.words.first_mut() {
            *place = word.0.as_ptr();
        }
    }

    /// Puts another word in the place of each, or the same.
    pub fn replace(&mut self, mut other: impl FnMut(Word<'static>) -> Result<Word<'static>>) -> Result<()> {
        for place in self.words.iter_mut().take(self.length) {
            *place = other(Word::at(*place))?.0.as_ptr();
        }
        Ok(())
    }

    /// In an environment: puts a variable in, in the place of one with the same name.
    pub fn set(&mut self, word: Word<'static>) {
        self.unset(word.variable());
        self.push(word);
    }

    /// In an environment: takes out every variable with this name.
    #[inline(never)]
    pub fn unset(&mut self, name: &[u8]) {
        let count = self.length;
        self.length = 0;
        // Each word is read before its place is written again.
        for index in 0..count {
            if let Some(place) = self.words.get_mut(index) {
                let word = Word::at(*place);
                *place = core::ptr::null();
                if word.variable() != name {
                    self.push(word);
                }
            }
        }
    }

    /// The words as they are now. What is changed later shows in it, so it is taken when all is done.
    pub fn vector(&self) -> Vector {
        Vector(self.words.as_ptr())
    }
}

/// `start` and `end` as one word.
pub fn join(start: &[u8], end: &[u8], pool: &mut Pool) -> Result<Word<'static>> {
    // SAFETY: all zeros are bytes.
    let place: &mut [u8] = unsafe { pool.zeroed(start.len() + end.len() + 1)? };
    // SAFETY: there is room for both; a NUL is left behind them.
    unsafe {
        memory::copy(start.as_ptr(), place.as_mut_ptr(), start.len());
        memory::copy(end.as_ptr(), place.as_mut_ptr().add(start.len()), end.len());
    }
    Ok(Word::at(place.as_ptr().cast()))
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
    /// Did the exec change the user or group (a set-user-id file)?
    pub has_changed: bool,
    /// Did the exec give privileges, or change the security context (AT_SECURE)?
    pub is_secure: bool,
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
            let (mut users, mut groups, mut is_secure) = ([0; 2], [0; 2], false);
            while *pair != AT_NULL as usize {
                let value = *pair.add(1);
                match *pair as u32 {
                    AT_UID => users[0] = value,
                    AT_EUID => users[1] = value,
                    AT_GID => groups[0] = value,
                    AT_EGID => groups[1] = value,
                    AT_SECURE => is_secure = value != 0,
                    _ => {}
                }
                pair = pair.add(2);
            }
            let has_changed = users[0] != users[1] || groups[0] != groups[1];
            Words { arguments, environment, user: users[1] as u32, has_changed, is_secure }
        }
    }
}
