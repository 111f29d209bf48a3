//! Any text of a pidfile: one process id and at most a newline behind it, or none.

use crate::plan::number::parse_pid;

fn model(text: &[u8]) -> Option<i32> {
    let digits = text.strip_suffix(b"\n").unwrap_or(text);
    let is_number = digits.first().is_some_and(|digit| *digit != b'0') && digits.iter().all(u8::is_ascii_digit);
    let pid = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (is_number && pid <= 4_194_304).then_some(pid)
}

pub fn check(data: &[u8]) {
    // As much as is read of a file, and the NUL behind it.
    let text = &data[..data.len().min(15)];
    assert_eq!(parse_pid(&[text, b"\0"].concat()), model(text));
}
