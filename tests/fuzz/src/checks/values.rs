//! Any value of any option: what is taken is within its range, and what a model of the grammar says.

use crate::plan::{identity, monitor, number, ready, signal};
use crate::{text, word};

/// A number as people write it: digits only.
fn model(text: &str, base: u32) -> Option<u64> {
    let is_number = !text.is_empty() && text.chars().all(|digit| digit.is_digit(base));
    if is_number { u64::from_str_radix(text, base).ok() } else { None }
}

pub fn check(data: &[u8]) {
    let text = text(data);
    let word = word(&text);
    let utf8 = text.to_str().unwrap_or("?");
    for (base, most) in [(8, 0o777), (10, 4_194_304), (10, u32::MAX)] {
        let wanted = model(utf8, base).filter(|number| *number <= most.into());
        assert_eq!(number::parse(word, base as u8, most).map(u64::from), wanted, "{utf8:?}");
    }
    let id = model(utf8, 10).filter(|id| *id < u32::MAX.into());
    assert_eq!(identity::parse_id(word).map(u64::from), id);
    let digits = utf8.strip_prefix('-').unwrap_or(utf8);
    let signed = model(digits, 10).filter(|number| *number <= if digits == utf8 { 19 } else { 20 });
    let signed = signed.map(|number| if digits == utf8 { number as i32 } else { -(number as i32) });
    assert_eq!(number::parse_signed(word, 20, 19), signed);
    if let Some([resource, soft, hard]) = identity::parse_limit(word) {
        assert!(resource < 16 && soft <= hard, "{utf8:?}");
    }
    assert!(identity::parse_caps(word).is_none_or(|bits| bits < 1 << 41));
    assert!(identity::parse_io_priority(word).is_none_or(|value| value >> 13 < 4 && value & 0x1fff < 8));
    assert!(identity::parse_scheduling(word).is_none_or(|value| value & 0xff < 6 && value >> 8 < 100));
    assert!(signal::parse(word).is_none_or(|number| (1..=64).contains(&number)));
    assert!(monitor::parse_map(word).is_none_or(|[from, to]| (1..=64).contains(&from) && to <= 64));
    if let Some(ready::Ready::Descriptor(number)) = ready::parse(word) {
        assert!((3..=1 << 20).contains(&number));
    }
    for end in [0, 1, 255, 256 + 15] {
        let _ = monitor::accepts(word, end);
    }
    // An element of a list is one between commas.
    let (list, name) = utf8.split_once(' ').unwrap_or((utf8, "a"));
    if !name.contains(',') {
        let wanted = !name.is_empty() && list.split(',').any(|element| element == name);
        let (list, name) = (std::ffi::CString::new(list).unwrap(), std::ffi::CString::new(name).unwrap());
        assert_eq!(identity::is_in_list(crate::word(&list), crate::word(&name)), wanted);
    }
    // Numbers are written as they are read.
    if let Some(value) = model(utf8, 10).and_then(|value| u32::try_from(value).ok()) {
        assert_eq!(number::digits(value, b'\n', &mut [0; 12]).as_c_str().to_str(), Ok(&*format!("{value}\n")));
    }
}
