//! What was asked of the monitor, with the defaults.

use super::account::elements;
use super::identity::split;
use super::{number, signal};

/// The values of the monitor's options.
#[derive(Clone, Copy)]
pub struct Monitoring<'a> {
    /// The delay before the first restart, in milliseconds; it doubles.
    pub delay: u32,
    /// How often in a row the program is started again.
    pub most: Option<u32>,
    /// How the program is told to stop.
    pub stop_signal: u32,
    /// How long it may take for that, in seconds, if that was given.
    pub timeout: Option<u32>,
    /// As what each signal is passed on, 0 for not at all; empty if all stay what they are.
    pub map: &'a [u8],
    /// Exit statuses that count as success, one bit each.
    pub statuses: [u64; 4],
    /// Signals by which a death counts as success, bit n - 1 for signal n.
    pub signals: u64,
    /// What happens at the end of a machine's PID 1.
    pub at_exit: AtExit,
}

/// What PID 1 does last.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum AtExit {
    /// It exits.
    Exit,
    /// The machine is switched off.
    PowerOff,
    /// The machine starts again.
    Reboot,
    /// The machine stops.
    Halt,
}

/// How long a stop may take where nothing was said, in seconds.
pub const STOP_TIMEOUT: u32 = 10;

impl Monitoring<'_> {
    /// The defaults.
    pub const DEFAULT: Monitoring<'static> = Monitoring {
        delay: 100,
        most: None,
        stop_signal: 15,
        timeout: None,
        map: &[],
        statuses: [1, 0, 0, 0],
        signals: 0,
        at_exit: AtExit::Exit,
    };

    /// Does this exit status count as success?
    pub fn accepts_status(&self, status: u8) -> bool {
        self.statuses.get(usize::from(status / 64)).is_some_and(|bits| bits & 1 << (status % 64) != 0)
    }

    /// Does a death by this signal?
    pub fn accepts_signal(&self, signal: u8) -> bool {
        self.signals & 1 << (signal.wrapping_sub(1) % 64) != 0
    }

    /// Reads `LIST` of statuses and signal names.
    pub fn accept(&mut self, list: &[u8]) -> Option<()> {
        for element in elements(list) {
            match number::parse(element, 10, 255) {
                Some(status) => *self.statuses.get_mut(status as usize / 64)? |= 1 << (status % 64),
                None => self.signals |= 1 << (signal::parse(element)? - 1),
            }
        }
        Some(())
    }

    /// As what `signal` is passed on; 0 for not at all.
    pub fn mapped(&self, signal: u32) -> u32 {
        self.map.get(signal as usize).map_or(signal, |mapped| u32::from(*mapped))
    }
}

/// `A:B`: signal A as signal B, 0 for not at all.
pub fn parse_map(text: &[u8]) -> Option<(usize, u8)> {
    let (from, to) = split(text, b':');
    let to = if to? == b"0" { 0 } else { signal::parse(to?)? };
    Some((signal::parse(from)? as usize, to as u8))
}

/// The end of a machine's PID 1.
pub fn parse_at_exit(text: &[u8]) -> Option<AtExit> {
    match text {
        b"exit" => Some(AtExit::Exit),
        b"poweroff" => Some(AtExit::PowerOff),
        b"reboot" => Some(AtExit::Reboot),
        b"halt" => Some(AtExit::Halt),
        _ => None,
    }
}

/// The next delay: twice as long, at most half a minute; 0 stays 0.
pub fn next_delay(delay: u32) -> u32 {
    const MOST: u32 = 30_000;
    if delay > MOST { delay } else { (delay * 2).min(MOST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_statuses_and_signals_are_read() {
        let mut monitoring = Monitoring::DEFAULT;
        assert!(monitoring.accepts_status(0) && !monitoring.accepts_status(143) && !monitoring.accepts_signal(15));
        assert_eq!(monitoring.accept(b"143,TERM,255,SIGRTMAX"), Some(()));
        assert!(monitoring.accepts_status(143) && monitoring.accepts_status(255) && !monitoring.accepts_status(144));
        assert!(monitoring.accepts_signal(15) && monitoring.accepts_signal(64) && !monitoring.accepts_signal(9));
        for list in ["", "256", "1,", "NAME", "-1"] {
            assert_eq!(monitoring.accept(list.as_bytes()), None, "{list}");
        }
    }

    #[test]
    fn maps_are_read() {
        assert_eq!(parse_map(b"TERM:QUIT"), Some((15, 3)));
        assert_eq!(parse_map(b"HUP:0"), Some((1, 0)));
        for text in ["", "TERM", "TERM:", ":TERM", "0:TERM", "TERM:QUIT:INT"] {
            assert_eq!(parse_map(text.as_bytes()), None, "{text}");
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
