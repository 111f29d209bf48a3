//! Text as the kernel has it: NUL-terminated words, vectors of them, and tables of our own.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;

use super::{Result, memory};
use linux_raw_sys::auxvec::{AT_EUID, AT_NULL};

/// A text that ends with a NUL. One pointer wide, unlike `&CStr`: most are only passed on.
#[derive(Clone, Copy)]
pub struct Word<'a>(*const c_char, PhantomData<&'a CStr>);

// SAFETY: a word is only read, like the `&CStr` that it stands for.
unsafe impl Sync for Word<'_> {}

impl<'a> Word<'a> {
    /// Nothing.
    pub const EMPTY: Word<'static> = Word::new(c"");

    /// A text.
    pub const fn new(text: &'a CStr) -> Word<'a> {
        Word(text.as_ptr(), PhantomData)
    }

    /// A text that ends where `bytes` do, with a NUL; nothing if they end without one.
    pub fn ending(bytes: &'a [u8]) -> Word<'a> {
        match bytes {
            [.., 0] => Word(bytes.as_ptr().cast(), PhantomData),
            _ => Word::EMPTY,
        }
    }

    /// As the language has it.
    pub fn as_c_str(self) -> &'a CStr {
        // SAFETY: it was made of a NUL-terminated text that lives for 'a, or is the end of one.
        unsafe { CStr::from_ptr(self.0) }
    }

    /// Its bytes, without the NUL.
    pub fn bytes(self) -> &'a [u8] {
        self.as_c_str().to_bytes()
    }

    /// Its first byte; NUL if it is empty.
    pub fn first(self) -> u8 {
        // SAFETY: there is at least the NUL.
        unsafe { *self.0 as u8 }
    }

    /// The address, for the kernel.
    pub(super) fn address(self) -> usize {
        self.0 as usize
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
        Table(Word(text.as_ptr().cast(), PhantomData))
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
            Some(Word(word, PhantomData))
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
    pub fn copy(from: Vector, more: usize) -> Result<VectorMut> {
        let length = from.count();
        // SAFETY: all zeros are null pointers.
        let words: &mut [*const c_char] = unsafe { memory::zeroed(length + more + 1)? };
        // SAFETY: there are so many words, and room for more of them in memory that is new.
        unsafe { memory::copy(from.0.cast(), words.as_mut_ptr().cast(), length * size_of::<*const c_char>()) };
        Ok(VectorMut { words, length })
    }

    /// Puts `word` behind the last, if there is room.
    pub fn push(&mut self, word: Word<'static>) {
        // The last place is the NULL's.
        if let Some([place, _]) = self.words.get_mut(self.length..self.length + 2) {
            *place = word.0;
            self.length += 1;
        }
    }

    /// Puts `word` in the place of the first, if there is one.
    pub fn rename(&mut self, word: Word<'static>) {
        if let Some(place) = self.words.first_mut() {
            *place = word.0;
        }
    }

    /// Puts another word in the place of each, or the same.
    pub fn replace(&mut self, other: impl Fn(Word<'static>) -> Result<Word<'static>>) -> Result<()> {
        for place in self.words.iter_mut().take(self.length) {
            *place = other(Word(*place, PhantomData))?.0;
        }
        Ok(())
    }

    /// Takes out every word that `goes`.
    pub fn remove(&mut self, goes: impl Fn(Word<'static>) -> bool) {
        let count = self.length;
        self.length = 0;
        // Each word is read before its place is written again.
        for index in 0..count {
            if let Some(place) = self.words.get_mut(index) {
                let word = Word(*place, PhantomData);
                *place = core::ptr::null();
                if !goes(word) {
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

/// `start` and `end` as one word, in memory mapped for it.
pub fn join(start: Word<'_>, end: Word<'_>) -> Result<Word<'static>> {
    let (length, more) = (start.bytes().len(), end.bytes().len());
    // SAFETY: all zeros are bytes.
    let place: &mut [u8] = unsafe { memory::zeroed(length + more + 1)? };
    // SAFETY: both have that many bytes, and so has the room, in memory that is new; a NUL is left behind them.
    unsafe {
        memory::copy(start.0.cast(), place.as_mut_ptr(), length);
        memory::copy(end.0.cast(), place.as_mut_ptr().add(length), more);
    }
    Ok(Word(place.as_ptr().cast(), PhantomData))
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
