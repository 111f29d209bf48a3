//! Numbers as text, both ways, without core::fmt.

use crate::Word;

/// Room for a number's digits, what ends them, and a NUL.
pub type Digits = [u8; 12];

/// `value` in decimal, followed by `end`.
#[inline(never)]
pub fn digits(mut value: u32, end: u8, room: &mut Digits) -> Word<'_> {
    let (mut start, mut next) = (0, 0);
    for (index, place) in room.iter_mut().enumerate().rev() {
        *place = next;
        start = index;
        match next {
            0 if end != 0 => next = end,
            _ if value == 0 && next.is_ascii_digit() => break,
            _ => {
                next = b'0' + (value % 10) as u8;
                value /= 10;
            }
        }
    }
    Word::ending(room.get(start..).unwrap_or(b""))
}

/// The number in `base` (8 or 10) that `text` begins with, without sign or blanks, and what is behind it.
#[inline(never)]
pub fn read(mut text: Word<'_>, base: u8) -> Option<(u64, Word<'_>)> {
    let (mut value, start) = (0u64, text);
    loop {
        let digit = text.first().wrapping_sub(b'0');
        if digit >= base {
            return if start.length_to(text) == 0 { None } else { Some((value, text)) };
        }
        value = value.checked_mul(base.into())?.checked_add(digit.into())?;
        text = text.rest();
    }
}

/// A number in `base` (8 or 10) without sign or blanks, at most `most`.
#[inline(never)]
pub fn parse(text: Word<'_>, base: u8, most: u32) -> Option<u32> {
    match read(text, base) {
        Some((value, rest)) if rest.is_empty() && value <= most.into() => Some(value as u32),
        _ => None,
    }
}

/// A decimal number from `-least` to `most`, with or without a minus sign.
pub fn parse_signed(text: Word<'_>, least: u32, most: u32) -> Option<i32> {
    match text.strip(Word::new(c"-")) {
        Some(digits) => parse(digits, 10, least).map(|value| -(value as i32)),
        None => parse(text, 10, most).map(|value| value as i32),
    }
}

/// The largest process id that a kernel gives (PID_MAX_LIMIT).
const PID_MAX: u64 = 4_194_304;

/// The process id in a pidfile's text: no leading zero, at most a newline behind it. The text ends at its last NUL.
pub fn parse_pid(text: &[u8]) -> Option<i32> {
    let word = Word::ending(text);
    let (pid, mut rest) = read(word, 10)?;
    if rest.first() == b'\n' {
        rest = rest.rest();
    }
    let is_whole = word.length_to(rest) + 1 == text.len();
    if is_whole && word.first() != b'0' && pid <= PID_MAX { Some(pid as i32) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::string::String;

    /// Calls `read` with a text as a word.
    fn with<T>(text: &str, read: impl FnOnce(Word<'_>) -> T) -> T {
        read(Word::new(&CString::new(text).unwrap()))
    }

    #[test]
    fn digits_are_what_others_print() {
        for value in [0, 1, 7, 10, 100, 4095, 4_194_304, u32::MAX] {
            assert_eq!(digits(value, b'\n', &mut [0; 12]).bytes(), std::format!("{value}\n").as_bytes());
            assert_eq!(digits(value, 0, &mut [0; 12]).bytes(), std::format!("{value}").as_bytes());
        }
    }

    #[test]
    fn numbers_are_read_strictly() {
        for text in ["", " 1", "1 ", "+1", "-1", "0x1", "4294967296", "99999999999999999999", "1:"] {
            assert_eq!(with(text, |word| parse(word, 10, u32::MAX)), None, "{text:?}");
        }
        assert_eq!(with("8", |word| parse(word, 8, 9)), None);
        assert_eq!(with("7777", |word| parse(word, 8, 0o7777)), Some(0o7777));
        assert_eq!(with("10000", |word| parse(word, 8, 0o7777)), None);
    }

    #[test]
    fn signs_count_where_they_are_allowed() {
        assert_eq!(with("-20", |word| parse_signed(word, 20, 19)), Some(-20));
        assert_eq!(with("19", |word| parse_signed(word, 20, 19)), Some(19));
        for text in ["-21", "20", "--1", "+1", "-", ""] {
            assert_eq!(with(text, |word| parse_signed(word, 20, 19)), None, "{text}");
        }
    }

    #[test]
    fn a_pid_text_is_one_number_and_at_most_a_newline() {
        let pid_in = |text: &str| parse_pid((String::from(text) + "\0").as_bytes());
        for (text, pid) in [("1", 1), ("12\n", 12), ("4194304\n", 4_194_304)] {
            assert_eq!(pid_in(text), Some(pid));
        }
        for text in ["", "\n", "0", "012", "-1", "12abc", "12 34", "1\n2\n", "1\n\n", " 12", "+12", "12\0", "4194305"] {
            assert_eq!(pid_in(text), None, "{text:?}");
        }
    }
}
