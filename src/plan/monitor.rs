//! How what is asked of the monitor is written, and its delays.

use super::{number, signal};
use crate::{Table, Word};

/// What was asked of the monitor.
#[derive(Clone, Copy)]
pub struct Monitoring<'a> {
    /// The delay before the first restart, in milliseconds; it doubles.
    pub delay: u32,
    /// How often in a row the program is started again.
    pub most: u32,
    /// How the program is told to stop.
    pub stop_signal: u32,
    /// How long it may take for that, in seconds.
    pub stop_timeout: u32,
    /// Signals go to the program's process group.
    pub target_group: bool,
    /// What happens at the end of a machine's PID 1, by its number in [`ACTIONS`].
    pub at_exit: u32,
    /// As what a signal is passed on, 0 for not at all: pairs.
    pub map: &'a [[u32; 2]],
}

impl Monitoring<'_> {
    /// The defaults.
    pub const DEFAULT: Monitoring<'static> = Monitoring {
        delay: 100,
        most: u32::MAX,
        stop_signal: 15,
        stop_timeout: 10,
        target_group: false,
        at_exit: 0,
        map: &[],
    };

    /// As what `signal` is passed on; 0 for not at all.
    pub fn mapped(&self, signal: u32) -> u32 {
        self.map.iter().rev().find(|pair| pair[0] == signal).map_or(signal, |pair| pair[1])
    }
}

/// Who gets the signals, in the order of the numbers.
pub const TARGETS: Table = Table::new(b"process\0group\0\0");

/// What a machine's PID 1 does last, in the order of the numbers.
pub const ACTIONS: Table = Table::new(b"exit\0poweroff\0reboot\0halt\0\0");

/// What a program's end can be called: an exit status, or from here on the signals.
pub const SIGNALLED: u32 = 256;

/// Is `end` (an exit status, or [`SIGNALLED`] and a signal) in the `LIST` of statuses and signal names? Nothing for a list
/// that is none.
pub fn accepts(mut list: Word<'_>, end: u32) -> Option<bool> {
    let mut is_there = false;
    loop {
        let (element, rest) = match number::read(list, 10) {
            Some((status, rest)) if status < SIGNALLED.into() => (status as u32, rest),
            Some(_) => return None,
            None => signal::read(list).map(|(signal, rest)| (SIGNALLED + signal, rest))?,
        };
        is_there |= element == end;
        match rest.first() {
            0 => return Some(is_there),
            b',' => list = rest.rest(),
            _ => return None,
        }
    }
}

/// `A:B`: signal A as signal B, 0 for not at all.
pub fn parse_map(text: Word<'_>) -> Option<[u32; 2]> {
    let (from, rest) = signal::read(text)?;
    let to = rest.strip(Word::new(c":"))?;
    Some([from, if to.is(Word::new(c"0")) { 0 } else { signal::parse(to)? }])
}

/// The next delay: twice as long, at most half a minute; 0 stays 0.
pub fn next_delay(delay: u32) -> u32 {
    const MOST: u32 = 30_000;
    if delay > MOST { delay } else { (delay * 2).min(MOST) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    /// Calls `parse` with a text as a word.
    fn with<T>(text: &str, parse: impl FnOnce(Word<'_>) -> T) -> T {
        parse(Word::new(&CString::new(text).unwrap()))
    }

    #[test]
    fn lists_of_statuses_and_signals_are_read() {
        let list = "143,TERM,255,SIGRTMAX";
        for (end, is_there) in [(143, true), (255, true), (144, false), (0, false), (15, false)] {
            assert_eq!(with(list, |list| accepts(list, end)), Some(is_there), "{end}");
        }
        for (signal, is_there) in [(15, true), (64, true), (9, false)] {
            assert_eq!(with(list, |list| accepts(list, SIGNALLED + signal)), Some(is_there), "{signal}");
        }
        for list in ["", "256", "1,", "NAME", "-1", "1:2"] {
            assert_eq!(with(list, |list| accepts(list, 0)), None, "{list}");
        }
    }

    #[test]
    fn maps_are_read() {
        assert_eq!(with("TERM:QUIT", parse_map), Some([15, 3]));
        assert_eq!(with("HUP:0", parse_map), Some([1, 0]));
        assert_eq!(with("RTMIN+1:10", parse_map), Some([35, 10]));
        for text in ["", "TERM", "TERM:", ":TERM", "0:TERM", "TERM:QUIT:INT", "TERM,INT"] {
            assert_eq!(with(text, parse_map), None, "{text}");
        }
    }

    #[test]
    fn delays_double_up_to_half_a_minute() {
        assert_eq!(
            [next_delay(0), next_delay(100), next_delay(20_000), next_delay(30_000), next_delay(60_000)],
            [0, 200, 30_000, 30_000, 60_000]
        );
    }
}
