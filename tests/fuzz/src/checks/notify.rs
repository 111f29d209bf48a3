//! Any message of sd_notify(3) says what its lines say.

use crate::plan::ready;
use crate::{text, word};

fn number(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if is_number { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

pub fn check(data: &[u8]) {
    let text = text(data);
    let message = ready::read(word(&text));
    let lines = || text.to_bytes().split(|byte| *byte == b'\n');
    let values = |name: &'static [u8]| lines().filter_map(move |line| number(line.strip_prefix(name)?));
    assert_eq!(message.is_ready, values(b"READY=").any(|value| value == 1));
    let main = values(b"MAINPID=").filter_map(|value| u32::try_from(value).ok()).next_back();
    assert_eq!(message.main, main);
    assert_eq!(message.more_time, values(b"EXTEND_TIMEOUT_USEC=").next_back());
}
