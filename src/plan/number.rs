//! Numbers as text, both ways, without core::fmt.

/// Room for a number's digits and what ends them.
pub type Digits = [u8; 12];

/// `value` in decimal, followed by `end`.
#[inline(never)]
pub fn digits(mut value: u32, end: u8, room: &mut Digits) -> &[u8] {
    let mut start = room.len();
    let mut next = end;
    for place in room.iter_mut().rev() {
        *place = next;
        start -= 1;
        if value == 0 && next != end {
            break;
        }
        next = b'0' + (value % 10) as u8;
        value /= 10;
    }
    room.get(start..).unwrap_or(&[])
}

/// A number in `base` (8 or 10) without sign or blanks, at most `most`.
pub fn parse(text: &[u8], base: u32, most: u32) -> Option<u32> {
    parse_long(text, base.into()).filter(|value| *value <= most.into()).map(|value| value as u32)
}

/// A number in `base` (8 or 10) without sign or blanks.
#[inline(never)]
pub fn parse_long(text: &[u8], base: u64) -> Option<u64> {
    let mut value = 0u64;
    for byte in text {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        if digit >= base {
            return None;
        }
        value = value.checked_mul(base)?.checked_add(digit)?;
    }
    if text.is_empty() { None } else { Some(value) }
}

/// A decimal number from `-least` to `most`, with or without a minus sign.
pub fn parse_signed(text: &[u8], least: u32, most: u32) -> Option<i32> {
    match text.strip_prefix(b"-") {
        Some(digits) => parse(digits, 10, least).map(|value| -(value as i32)),
        None => parse(text, 10, most).map(|value| value as i32),
    }
}

/// The largest process id that a kernel gives (PID_MAX_LIMIT).
const PID_MAX: u32 = 4_194_304;

/// The process id in a pidfile's text: no leading zero, at most a newline behind it.
pub fn parse_pid(text: &[u8]) -> Option<i32> {
    let number = text.strip_suffix(b"\n").unwrap_or(text);
    if number.first() == Some(&b'0') {
        return None;
    }
    parse(number, 10, PID_MAX).map(|pid| pid as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_what_others_print() {
        for value in [0, 1, 7, 10, 100, 4095, 4_194_304, u32::MAX] {
            assert_eq!(digits(value, b'\n', &mut [0; 12]), std::format!("{value}\n").as_bytes());
            assert_eq!(digits(value, 0, &mut [0; 12]), std::format!("{value}\0").as_bytes());
        }
    }

    #[test]
    fn numbers_are_read_strictly() {
        for text in ["", " 1", "1 ", "+1", "-1", "0x1", "4294967296", "99999999999999999999", "1\0"] {
            assert_eq!(parse(text.as_bytes(), 10, u32::MAX), None, "{text:?}");
        }
        assert_eq!(parse(b"8", 8, 9), None);
        assert_eq!(parse(b"7777", 8, 0o7777), Some(0o7777));
        assert_eq!(parse(b"10000", 8, 0o7777), None);
    }

    #[test]
    fn signs_count_where_they_are_allowed() {
        assert_eq!(parse_signed(b"-20", 20, 19), Some(-20));
        assert_eq!(parse_signed(b"19", 20, 19), Some(19));
        for text in ["-21", "20", "--1", "+1", "-", ""] {
            assert_eq!(parse_signed(text.as_bytes(), 20, 19), None, "{text}");
        }
    }

    #[test]
    fn a_pid_text_is_one_number_and_at_most_a_newline() {
        for (text, pid) in [("1", 1), ("12\n", 12), ("4194304\n", 4_194_304)] {
            assert_eq!(parse_pid(text.as_bytes()), Some(pid));
        }
        for text in ["", "\n", "0", "012", "-1", "12abc", "12 34", "1\n2\n", "1\n\n", " 12", "+12", "12\0", "4194305"] {
            assert_eq!(parse_pid(text.as_bytes()), None, "{text:?}");
        }
    }
}
