//! What "ready" means, and how a program says so: `--ready`, and the messages of sd_notify(3).

use super::number;
use crate::Word;

/// What it takes for the program to be ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ready {
    /// It was executed.
    Exec,
    /// It writes a newline to this descriptor.
    Descriptor(u32),
    /// It sends READY=1 to NOTIFY_SOCKET.
    Notify,
    /// Its first process exits with 0 and leaves a daemon.
    Exit,
}

/// `exec`, `fd:N` with N from 3, `notify`, `exit`, `exit:FILE`.
pub fn parse(text: Word<'_>) -> Option<Ready> {
    let is = |name| text.is(Word::new(name));
    let number = text.strip(Word::new(c"fd:")).and_then(|number| number::parse(number, 10, MOST));
    match number {
        Some(number) if number > 2 => Some(Ready::Descriptor(number)),
        _ if is(c"exec") => Some(Ready::Exec),
        _ if is(c"notify") => Some(Ready::Notify),
        _ if is(c"exit") || text.strip(Word::new(c"exit:")).is_some_and(|file| !file.is_empty()) => Some(Ready::Exit),
        _ => None,
    }
}

/// The highest descriptor that can be asked for.
const MOST: u32 = 1 << 20;

/// What a message says.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Message {
    /// READY=1: it is ready.
    pub is_ready: bool,
    /// MAINPID=N: this is the process that counts.
    pub main: Option<u32>,
    /// EXTEND_TIMEOUT_USEC=N: so many microseconds from now on.
    pub more_time: Option<u64>,
}

/// Reads a message: lines of `NAME=VALUE`, of which those that are not known do not count.
pub fn read(mut text: Word<'_>) -> Message {
    let mut message = Message::default();
    while !text.is_empty() {
        let number = |name| {
            let (number, rest) = number::read(text.strip(Word::new(name))?, 10)?;
            if matches!(rest.first(), 0 | b'\n') { Some(number) } else { None }
        };
        message.is_ready |= number(c"READY=") == Some(1);
        message.main = number(c"MAINPID=").and_then(|pid| u32::try_from(pid).ok()).or(message.main);
        message.more_time = number(c"EXTEND_TIMEOUT_USEC=").or(message.more_time);
        text = text.behind(b'\n');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    fn parsed(text: &str) -> Option<Ready> {
        parse(Word::new(&CString::new(text).unwrap()))
    }

    #[test]
    fn the_ways_to_be_ready_are_read() {
        for (text, ready) in [
            ("exec", Ready::Exec),
            ("fd:3", Ready::Descriptor(3)),
            ("notify", Ready::Notify),
            ("exit", Ready::Exit),
            ("exit:/run/x.pid", Ready::Exit),
        ] {
            assert_eq!(parsed(text), Some(ready), "{text}");
        }
        for text in ["", "fd", "fd:", "fd:2", "fd:-1", "fd:1048577", "exit:", "exec:", "Notify"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn messages_are_lines() {
        let told = |text: &str| read(Word::new(&CString::new(text).unwrap()));
        assert!(told("READY=1").is_ready && told("STATUS=x\nREADY=1\n").is_ready);
        for text in ["", "READY=0", "READY=11", "READY=1x", "XREADY=1", "STATUS=READY=1", "READY", "READY=1 \n"] {
            assert!(!told(text).is_ready, "{text:?}");
        }
        assert_eq!(told("MAINPID=12\nREADY=1"), Message { is_ready: true, main: Some(12), more_time: None });
        assert_eq!(told("EXTEND_TIMEOUT_USEC=5000000").more_time, Some(5_000_000));
        assert_eq!(told("MAINPID=99999999999").main, None);
    }
}
