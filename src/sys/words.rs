//! Text as the kernel has it: NUL-terminated words, vectors of them, and tables of our own.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr::{NonNull, null};

use linux_raw_sys::auxvec::{AT_EGID, AT_EUID, AT_GID, AT_NULL, AT_SECURE, AT_UID};

use super::Result;
use super::memory::{self, Pool};

/// A text that ends with a NUL. One pointer wide, unlike `&CStr`: most are only passed on.
#[derive(Clone, Copy)]
#[repr(transparent)] // so that an `Option` of it is a pointer, which may be null
pub struct Word<'a>(NonNull<u8>, PhantomData<&'a CStr>);

// SAFETY: a word is only read, like the `&CStr` that it stands for.
unsafe impl Sync for Word<'_> {}
// SAFETY: the same.
unsafe impl Send for Word<'_> {}

impl<'a> Word<'a> {
    /// Nothing.
    pub const EMPTY: Word<'static> = Word::new(c"");

    /// A text.
    pub const fn new(text: &'a CStr) -> Word<'a> {
        // SAFETY: a text of the language's ends with a NUL and lives for 'a.
        unsafe { Word::at(text.as_ptr().cast()) }
    }

    /// The text at an address.
    ///
    /// # Safety
    /// It is not null, and from there on up to a NUL there are bytes that live for 'a.
    const unsafe fn at(place: *const u8) -> Word<'a> {
        // SAFETY: so the caller says.
        Word(unsafe { NonNull::new_unchecked(place.cast_mut()) }, PhantomData)
    }

    /// The text that `bytes` are, up to their first NUL; nothing if their last byte is none.
    #[inline(never)]
    pub const fn ending(bytes: &'a [u8]) -> Word<'a> {
        match bytes {
            // SAFETY: their last byte is a NUL, and they live for 'a.
            [.., 0] => unsafe { Word::at(bytes.as_ptr()) },
            _ => Word::EMPTY,
        }
    }

    /// As the language has it.
    pub fn as_c_str(self) -> &'a CStr {
        // SAFETY: it was made of a NUL-terminated text that lives for 'a, or is the end of one.
        unsafe { CStr::from_ptr(self.0.as_ptr().cast()) }
    }

    /// Its bytes, without the NUL.
    pub fn bytes(self) -> &'a [u8] {
        self.as_c_str().to_bytes()
    }

    /// Its first byte; NUL if it is empty.
    pub const fn first(self) -> u8 {
        // SAFETY: there is at least the NUL.
        unsafe { *self.0.as_ptr() }
    }

    /// Is nothing in it?
    pub const fn is_empty(self) -> bool {
        self.first() == 0
    }

    /// Without its first byte; the same if it is empty.
    pub fn rest(self) -> Word<'a> {
        if self.is_empty() {
            return self;
        }
        // SAFETY: behind a byte that is not NUL there is another one, or the NUL.
        Word(unsafe { self.0.add(1) }, PhantomData)
    }

    /// Without its first `count` bytes; its end if there are not so many.
    pub fn skip(mut self, count: usize) -> Word<'a> {
        for _ in 0..count {
            self = self.rest();
        }
        self
    }

    /// From its first `byte` on; its end if it has none.
    #[inline(never)]
    pub fn find(mut self, byte: u8) -> Word<'a> {
        while !self.is_empty() && self.first() != byte {
            self = self.rest();
        }
        self
    }

    /// Behind its first `byte`; its end if it has none.
    pub fn behind(self, byte: u8) -> Word<'a> {
        self.find(byte).rest()
    }

    /// Is `byte` in it?
    pub fn has(self, byte: u8) -> bool {
        !self.find(byte).is_empty()
    }

    /// What is behind `start`, if it begins with that.
    #[inline(never)]
    pub fn strip(mut self, mut start: Word<'_>) -> Option<Word<'a>> {
        while !start.is_empty() {
            if self.first() != start.first() {
                return None;
            }
            (self, start) = (self.rest(), start.rest());
        }
        Some(self)
    }

    /// Do both say the same?
    pub fn is(self, other: Word<'_>) -> bool {
        self.strip(other).is_some_and(Word::is_empty)
    }

    /// Do both have the same name in front of an `=`?
    pub fn has_name_of(self, other: Word<'_>) -> bool {
        let (mut one, mut other) = (self, other);
        while one.first() == other.first() && !matches!(one.first(), 0 | b'=') {
            (one, other) = (one.rest(), other.rest());
        }
        matches!(one.first(), 0 | b'=') && matches!(other.first(), 0 | b'=')
    }

    /// How many bytes are in front of `end`, which is an end of this text; of another text's end it is some number.
    pub fn length_to(self, end: Word<'_>) -> usize {
        (end.0.as_ptr() as usize).wrapping_sub(self.0.as_ptr() as usize)
    }

    /// The address, for the kernel.
    pub(super) fn address(self) -> usize {
        self.0.as_ptr() as usize
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
        // SAFETY: it ends with a NUL, and lives for ever.
        Table(unsafe { Word::at(text.as_ptr()) })
    }

    /// How many bytes the table of `texts` has.
    pub const fn length(texts: &[&str]) -> usize {
        let (mut length, mut index) = (1, 0);
        while index < texts.len() {
            length += texts[index].len() + 1;
            index += 1;
        }
        length
    }

    /// The table of `texts`, for the compiler.
    pub const fn lay_out<const LENGTH: usize>(texts: &[&str]) -> [u8; LENGTH] {
        let (mut table, mut end, mut index) = ([0; LENGTH], 0, 0);
        while index < texts.len() {
            let (text, mut byte) = (texts[index].as_bytes(), 0);
            while byte < text.len() {
                table[end] = text[byte];
                (end, byte) = (end + 1, byte + 1);
            }
            (end, index) = (end + 1, index + 1);
        }
        table
    }

    /// Text number `index`; an empty one if there are not so many.
    #[inline(never)]
    pub fn entry(mut self, index: usize) -> Word<'static> {
        for _ in 0..index {
            self.next();
        }
        self.0
    }

    /// The number of the text that `word` begins with, and what is behind it: nothing that could belong to a name.
    #[inline(never)]
    pub fn look_up<'a>(self, word: Word<'a>) -> Option<(u32, Word<'a>)> {
        for (number, name) in (0..).zip(self) {
            if let Some(rest) = word.strip(name)
                && matches!(rest.first(), 0 | b',' | b':' | b'=')
            {
                return Some((number, rest));
            }
        }
        None
    }
}

impl Table {
    /// The number of the text that `word` is.
    pub fn whole(self, word: Word<'_>) -> Option<u32> {
        self.look_up(word).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
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
        self.0 = Word(unsafe { word.find(0).0.add(1) }, PhantomData);
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
    pub const EMPTY: Vector = Vector([null()].as_ptr());

    /// The address, for the kernel.
    pub(super) fn address(self) -> usize {
        self.0 as usize
    }

    /// Makes `@` the first byte of the first word, as ps(1) and systemd see it.
    #[cfg(feature = "monitor")]
    pub fn mark(mut self) {
        if let Some(name) = self.next().filter(|name| !name.is_empty()) {
            // SAFETY: the kernel's arguments are this process's own to write to, this is the only thread, and nobody else
            // has looked at dmz's own name.
            unsafe { name.0.write(b'@') };
        }
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
            Some(Word::at(word.cast()))
        }
    }
}

/// A vector being made, in memory mapped for it that is never given back.
pub struct VectorMut {
    /// The last place stays the NULL's.
    words: &'static mut [Option<Word<'static>>],
    length: usize,
}

impl VectorMut {
    /// A copy of `from` with room for `more` words behind it.
    #[inline(never)]
    pub fn copy(from: Vector, more: usize, pool: &mut Pool) -> Result<VectorMut> {
        // SAFETY: all zeros are Nones.
        let words = unsafe { pool.zeroed(from.count() + more + 1)? };
        let mut copy = VectorMut { words, length: 0 };
        from.for_each(|word| copy.push(word));
        Ok(copy)
    }

    /// Puts `word` behind the last, if there is room.
    fn push(&mut self, word: Word<'static>) {
        if let Some([place, _, ..]) = self.words.get_mut(self.length..) {
            *place = Some(word);
            self.length += 1;
        }
    }

    /// Puts `word` in the place of the first, if there is one.
    pub fn rename(&mut self, word: Word<'static>) {
        if let [place, _, ..] = self.words {
            *place = Some(word);
        }
    }

    /// In an environment: takes out every variable with this name, which may be followed by `=`.
    #[inline(never)]
    pub fn unset(&mut self, name: Word<'_>) {
        let count = self.length;
        self.length = 0;
        for index in 0..count {
            // Read before its place is written again.
            if let Some(word) = self.words.get_mut(index).and_then(Option::take)
                && !word.has_name_of(name)
            {
                self.push(word);
            }
        }
    }

    /// In an environment: puts a variable in, in the place of those with the same name.
    pub fn set(&mut self, word: Word<'static>) {
        self.unset(word);
        self.push(word);
    }

    /// The words as they are now. What is changed later shows in it, so it is taken when all is done.
    pub fn vector(&self) -> Vector {
        // An optional word is a pointer, NULL for none, and the last place has one of those.
        Vector(self.words.as_ptr().cast())
    }
}

/// Copies of `words`, as a vector.
pub fn vector<'a>(words: impl Iterator<Item = &'a CStr> + Clone, pool: &mut Pool) -> Result<VectorMut> {
    let mut vector = VectorMut::copy(Vector::EMPTY, words.clone().count(), pool)?;
    for word in words {
        vector.push(join(Word::new(word), Word::EMPTY, pool)?);
    }
    Ok(vector)
}

/// `start` and `end` as one word.
pub fn join(start: Word<'_>, end: Word<'_>, pool: &mut Pool) -> Result<Word<'static>> {
    let mut path = memory::Path::new(pool.list(start.bytes().len() + end.bytes().len() + 1)?);
    path.push(start.bytes())?;
    path.push(end.bytes())?;
    Ok(path.keep())
}

/// All that the kernel hands over at the start of a process.
#[derive(Clone, Copy)]
pub struct Words {
    /// argv.
    pub(crate) arguments: Vector,
    /// envp.
    pub(crate) environment: Vector,
    /// The effective user id, from the auxiliary vector.
    pub(crate) user: u32,
    /// Did the exec change the user or group (a set-user-id file)?
    pub(crate) has_changed: bool,
    /// Did the exec give privileges, or change the security context (AT_SECURE)?
    pub(crate) is_secure: bool,
}

impl Words {
    /// Finds everything on the stack that the kernel made (execve(2), getauxval(3)).
    ///
    /// # Safety
    /// At `stack` are argc, argc pointers, NULL, the environment's pointers, NULL, and the auxiliary vector up to AT_NULL,
    /// as at the process's entry or moved as a whole. They and the NUL-terminated texts that they point to live as long as
    /// the process, and nothing else writes to them.
    pub unsafe fn from_stack(stack: *const usize) -> Words {
        // SAFETY: the kernel lays out argc, argc pointers, NULL, the environment, NULL, pairs up to AT_NULL.
        unsafe {
            let arguments = Vector(stack.add(1).cast());
            let environment = Vector(stack.add(1 + *stack + 1).cast());
            let mut rest = environment;
            while rest.next().is_some() {}
            let mut pair = rest.0.add(1).cast::<usize>();
            let mut values = [0; SECURE + 1];
            while *pair != AT_NULL as usize {
                if let Some(place) = values.get_mut(*pair) {
                    *place = *pair.add(1);
                }
                pair = pair.add(2);
            }
            let value = |which: u32| values[which as usize];
            let has_changed = value(AT_UID) != value(AT_EUID) || value(AT_GID) != value(AT_EGID);
            Words { arguments, environment, user: value(AT_EUID) as u32, has_changed, is_secure: value(AT_SECURE) != 0 }
        }
    }
}

/// The last entry of the auxiliary vector that counts.
const SECURE: usize = AT_SECURE as usize;
