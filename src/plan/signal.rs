//! Signals by name and number, as kill(1) prints them: RTMIN is 34 and RTMAX 64.

use super::number;
use crate::Table;

/// The names, in the order of the numbers from 1 on.
const NAMES: Table = Table::new(
    b"HUP\0INT\0QUIT\0ILL\0TRAP\0ABRT\0BUS\0FPE\0KILL\0USR1\0SEGV\0USR2\0PIPE\0ALRM\0TERM\0STKFLT\0CHLD\0CONT\0STOP\0\
    TSTP\0TTIN\0TTOU\0URG\0XCPU\0XFSZ\0VTALRM\0PROF\0WINCH\0IO\0PWR\0SYS\0\0",
);

/// The least and the greatest real-time signal that programs use; the last signal of all.
const RTMIN: u32 = 34;
const RTMAX: u32 = 64;

/// The number of a signal: `HUP`, `SIGHUP`, `1`, `RTMIN+1`, `RTMAX-1`.
pub fn parse(text: &[u8]) -> Option<u32> {
    if let Some(number) = number::parse(text, 10, RTMAX) {
        return if number > 0 { Some(number) } else { None };
    }
    let name = text.strip_prefix(b"SIG").unwrap_or(text);
    let offset = |text: &[u8]| if text.is_empty() { Some(0) } else { number::parse(text.get(1..)?, 10, RTMAX - RTMIN) };
    match (name.strip_prefix(b"RTMIN"), name.strip_prefix(b"RTMAX")) {
        (Some(rest @ ([] | [b'+', ..])), _) => Some(RTMIN + offset(rest)?),
        (_, Some(rest @ ([] | [b'-', ..]))) => Some(RTMAX - offset(rest)?),
        _ => NAMES.into_iter().position(|entry| entry.bytes() == name).map(|index| index as u32 + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_the_kernels() {
        for (text, signal) in
            [("HUP", 1), ("SIGHUP", 1), ("15", 15), ("TERM", 15), ("SYS", 31), ("WINCH", 28), ("64", 64)]
        {
            assert_eq!(parse(text.as_bytes()), Some(signal), "{text}");
        }
        for (text, signal) in [("RTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX", 64), ("RTMAX-30", 34)] {
            assert_eq!(parse(text.as_bytes()), Some(signal), "{text}");
        }
        for text in ["", "0", "65", "hup", "SIG", "SIGSIGHUP", "RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMIN+", "-1", "FOO"]
        {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
