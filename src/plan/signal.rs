//! Signals by name and number, as kill(1) prints them: RTMIN is 34 and RTMAX 64.

use super::number;
use crate::{Table, Word};

/// The names, in the order of the numbers from 1 on.
const NAMES: Table = Table::new(
    b"HUP\0INT\0QUIT\0ILL\0TRAP\0ABRT\0BUS\0FPE\0KILL\0USR1\0SEGV\0USR2\0PIPE\0ALRM\0TERM\0STKFLT\0CHLD\0CONT\0STOP\0\
    TSTP\0TTIN\0TTOU\0URG\0XCPU\0XFSZ\0VTALRM\0PROF\0WINCH\0IO\0PWR\0SYS\0\0",
);

/// The least and the greatest real-time signal that programs use; the last signal of all.
const RTMIN: u32 = 34;
const RTMAX: u32 = 64;

/// The number of the signal that `text` begins with, and what is behind it: `HUP`, `SIGHUP`, `1`, `RTMIN+1`, `RTMAX-1`.
#[inline(never)]
pub fn read(text: Word<'_>) -> Option<(u32, Word<'_>)> {
    if let Some((number, rest)) = number::read(text, 10) {
        return if (1..=RTMAX.into()).contains(&number) { Some((number as u32, rest)) } else { None };
    }
    let name = text.strip(Word::new(c"SIG")).unwrap_or(text);
    if let Some((index, rest)) = NAMES.look_up(name) {
        return Some((index + 1, rest));
    }
    let (base, sign, rest) = match (name.strip(Word::new(c"RTMIN")), name.strip(Word::new(c"RTMAX"))) {
        (Some(rest), _) => (RTMIN, b'+', rest),
        (_, Some(rest)) => (RTMAX, b'-', rest),
        _ => return None,
    };
    if rest.first() != sign {
        return Some((base, rest));
    }
    match number::read(rest.rest(), 10) {
        Some((offset, rest)) if offset <= u64::from(RTMAX - RTMIN) => {
            let offset = offset as u32;
            Some((if sign == b'+' { base + offset } else { base - offset }, rest))
        }
        _ => None,
    }
}

/// The number of the signal that `text` names.
pub fn parse(text: Word<'_>) -> Option<u32> {
    match read(text) {
        Some((signal, rest)) if rest.is_empty() => Some(signal),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    fn parsed(text: &str) -> Option<u32> {
        parse(Word::new(&CString::new(text).unwrap()))
    }

    #[test]
    fn names_and_numbers_are_the_kernels() {
        for (text, signal) in
            [("HUP", 1), ("SIGHUP", 1), ("15", 15), ("TERM", 15), ("SYS", 31), ("WINCH", 28), ("64", 64)]
        {
            assert_eq!(parsed(text), Some(signal), "{text}");
        }
        for (text, signal) in [("RTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX", 64), ("RTMAX-30", 34)] {
            assert_eq!(parsed(text), Some(signal), "{text}");
        }
        for text in ["", "0", "65", "hup", "SIG", "SIGSIGHUP", "RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMIN+", "-1", "FOO"]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
