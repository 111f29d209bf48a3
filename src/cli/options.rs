//! The option table: one entry per option, with its names, its value, its help and its meaning. `--help`, the parser and
//! the tests read this one list.

use core::ffi::CStr;

use super::parse::{Request, Task};
use crate::plan::number;

/// An option as a person sees it.
pub struct Opt {
    /// The letter, or 0.
    pub short: u8,
    /// The long name, without its dashes.
    pub long: &'static str,
    /// What its value is called in the help; empty for an option without one.
    pub value: &'static str,
    /// One line of help.
    pub help: &'static str,
}

// The table and the meanings, from one list. A meaning says false when the value is none that it takes.
macro_rules! options {
    ($([$short:literal $long:literal $value:literal $help:literal] |$request:ident, $word:ident| $meaning:expr,)*) => {
        /// Every option, in the order of the help.
        pub const OPTIONS: &[Opt] =
            &[$(Opt { short: $short, long: $long, value: $value, help: $help },)*];

        /// Does what option number `index` of the table means; false for a value that it does not take.
        pub fn apply(index: usize, request: &mut Request, word: &'static CStr) -> bool {
            let mut number = 0;
            $(
                if index == number {
                    let $request = request;
                    let $word = word;
                    return $meaning;
                }
                number += 1;
            )*
            let _ = number;
            false
        }
    };
}

options! {
    [b'p' "pidfile" "FILE" "write and lock the process id there"]
        |request, word| set(&mut request.config.pidfile, Some(word)),
    [b'c' "chdir" "DIR" "working directory (/)"]
        |request, word| set(&mut request.config.directory, word),
    [b'k' "umask" "MODE" "file mode creation mask, octal (0)"]
        |request, word| number::parse(word.to_bytes(), 8, 0o777).is_some_and(|mask| set(&mut request.config.umask, mask)),
    [b'i' "stdin" "FILE" "standard input (/dev/null)"]
        |request, word| set(&mut request.config.stdin, Some(word)),
    [b'o' "stdout" "FILE" "standard output (/dev/null)"]
        |request, word| set(&mut request.config.stdout, Some(word)),
    [b'e' "stderr" "FILE" "standard error (/dev/null)"]
        |request, word| set(&mut request.config.stderr, Some(word)),
    [b'a' "append" "" "append to -o and -e, do not empty them"]
        |request, _word| set(&mut request.config.append, true),
    [b'P' "print-pid" "" "print the program's process id"]
        |request, _word| set(&mut request.print_pid, true),
    [0 "dry-run" "" "print the plan and do nothing"]
        |request, _word| set(&mut request.task, Task::Plan),
    [b'v' "verbose" "" "tell the story of the start"]
        |request, _word| set(&mut request.verbose, true),
    [b'q' "quiet" "" "no messages"]
        |request, _word| set(&mut request.quiet, true),
    [b'h' "help" "" "print this help"]
        |request, _word| set(&mut request.task, Task::Help),
    [b'V' "version" "" "print the version"]
        |request, _word| set(&mut request.task, Task::Version),
}

fn set<T>(place: &mut T, value: T) -> bool {
    *place = value;
    true
}

/// The names as the parser scans them, made by the compiler: for each option its letter, `+` if it takes a value or `-`,
/// the long name, and a NUL.
pub const NAMES: &[u8] = &names();

const NAMES_LENGTH: usize = {
    let mut length = 0;
    let mut index = 0;
    while index < OPTIONS.len() {
        length += OPTIONS[index].long.len() + 3;
        index += 1;
    }
    length
};

const fn names() -> [u8; NAMES_LENGTH] {
    let mut names = [0; NAMES_LENGTH];
    let (mut place, mut index) = (0, 0);
    while index < OPTIONS.len() {
        let option = &OPTIONS[index];
        names[place] = if option.short == 0 { b'-' } else { option.short };
        names[place + 1] = if option.value.is_empty() { b'-' } else { b'+' };
        let long = option.long.as_bytes();
        let mut at = 0;
        while at < long.len() {
            names[place + 2 + at] = long[at];
            at += 1;
        }
        place += long.len() + 3;
        index += 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_there_once_and_plain() {
        let (mut letters, mut names) = (HashSet::new(), HashSet::new());
        for option in OPTIONS {
            assert!(option.short == 0 || option.short.is_ascii_alphabetic());
            assert!(option.short == 0 || letters.insert(option.short), "-{}", option.short as char);
            assert!(names.insert(option.long), "--{}", option.long);
            assert!(option.long.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit()));
            assert!(option.long.len() > 1);
        }
    }

    #[test]
    fn the_scanned_names_are_the_table() {
        let scanned: std::vec::Vec<_> = NAMES.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
        assert_eq!(scanned.len(), OPTIONS.len());
        for (name, option) in scanned.iter().zip(OPTIONS) {
            assert_eq!(name[0], if option.short == 0 { b'-' } else { option.short });
            assert_eq!(name[1] == b'+', !option.value.is_empty());
            assert_eq!(&name[2..], option.long.as_bytes());
        }
    }
}
