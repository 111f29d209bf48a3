//! What `--help` and `--version` print: put together from the option table by the compiler, so that the binary holds the
//! finished text and no code for it. The parser reads the very same text: it has every option's names, and says whether
//! there is a value.

use super::options::{OPTIONS, OPTS, put};
use crate::Word;
use crate::plan::Opt;

/// The text of `--version`.
pub const VERSION: Word<'static> = Word::ending(concat!("dmz ", env!("CARGO_PKG_VERSION"), "\n\0").as_bytes());

/// The text of `--help`.
pub const HELP: Word<'static> = Word::ending(TEXT);

/// Its lines with options.
const LINES: Word<'static> = Word::ending(TEXT.split_at(HEAD.len()).1);

const TEXT: &[u8] = &{
    let mut text = [0; render(&mut []) + 1];
    render(&mut text);
    text
};

const HEAD: &str = "usage: dmz [OPTION...] [--] PROGRAM [ARGUMENT...]\n\
    Starts PROGRAM as a daemon, returns when it runs. Options (* may be repeated):\n";

/// Where the letter, the long name and the help of an option begin in its line.
const LETTER: usize = 2;
const NAME: usize = 7;
const COLUMN: usize = 24;

/// An option that was found.
pub struct Found<'a> {
    /// Which one.
    pub opt: Opt,
    /// What is behind its name on the command line.
    pub rest: Word<'a>,
    /// What is behind its name in the help: `' '` and the value's name, a second `' '` for a switch, or `[`.
    pub form: Word<'static>,
}

/// The option whose letter or whole long name `text` begins with.
#[inline(never)]
pub fn find(text: Word<'_>, is_long: bool) -> Option<Found<'_>> {
    let mut line = LINES;
    for opt in OPTS {
        let (mut form, mut rest) = (line.skip(NAME), text);
        if is_long {
            while form.first() == rest.first() && !matches!(form.first(), 0 | b' ' | b'[') {
                (form, rest) = (form.rest(), rest.rest());
            }
        } else if line.skip(LETTER).first() == rest.first() {
            (form, rest) = (name_end(form), Word::EMPTY);
        }
        if matches!(form.first(), b' ' | b'[') && matches!(rest.first(), 0 | b'=') && text.first() > b' ' {
            let rest = if is_long { rest } else { text.rest() };
            return Some(Found { opt: *opt, rest, form });
        }
        line = line.behind(b'\n');
    }
    None
}

/// Behind the name that begins here.
fn name_end(mut name: Word<'static>) -> Word<'static> {
    while !matches!(name.first(), b' ' | b'[') {
        name = name.rest();
    }
    name
}

/// The long name of an option with its dashes, as a word in `room`, which is zeroed.
pub fn name(wanted: Opt, room: &mut [u8; 24]) -> Word<'_> {
    let mut line = LINES;
    for _ in OPTS.iter().take_while(|opt| **opt != wanted) {
        line = line.behind(b'\n');
    }
    let mut name = line.skip(NAME - 2);
    // The last byte stays NUL.
    for place in room.iter_mut().take(23) {
        if matches!(name.first(), b' ' | b'[') {
            break;
        }
        *place = name.first();
        name = name.rest();
    }
    Word::ending(room)
}

/// Writes as much of the text as there is room for; its full length.
const fn render(text: &mut [u8]) -> usize {
    let mut end = put(text, 0, HEAD.as_bytes());
    let mut index = 0;
    while index < OPTIONS.len() {
        let option = &OPTIONS[index];
        let start = end;
        end = if option.short == b'-' {
            put(text, end, b"     ")
        } else {
            put(text, end, &[b' ', b'-', option.short, b',', b' '])
        };
        end = put(text, end, b"--");
        end = put(text, end, option.long.as_bytes());
        if let Some(first) = option.value.as_bytes().first() {
            end = put(text, end, if *first == b'[' { b"" } else { b" " });
            end = put(text, end, option.value.as_bytes());
        } else {
            end = put(text, end, b" ");
        }
        end = put(text, end, b" ");
        while end < start + COLUMN {
            end = put(text, end, b" ");
        }
        end = put(text, end, option.help.as_bytes());
        end = put(text, end, b"\n");
        index += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn the_help_fits_a_terminal() {
        let text = HELP.as_c_str().to_str().unwrap();
        assert!(text.lines().all(|line| line.len() < 80), "{text}");
        assert!(text.lines().count() <= 60);
        assert!(text.ends_with('\n'));
    }

    fn found(text: &str, is_long: bool) -> Option<(Opt, std::string::String, u8)> {
        let text = CString::new(text).unwrap();
        let found = find(Word::new(&text), is_long)?;
        let second = found.form.rest().first();
        Some((found.opt, found.rest.as_c_str().to_str().unwrap().into(), if second == b' ' { b' ' } else { b'V' }))
    }

    #[test]
    fn every_name_is_found_and_nothing_else() {
        for option in OPTIONS {
            let kind = if option.value.is_empty() { b' ' } else { b'V' };
            assert_eq!(found(option.long, true), Some((option.opt, "".into(), kind)), "--{}", option.long);
            let glued = std::format!("{}=x", option.long);
            assert_eq!(found(&glued, true), Some((option.opt, "=x".into(), kind)), "--{glued}");
            if option.short != b'-' {
                let letters = std::format!("{}xy", option.short as char);
                assert_eq!(found(&letters, false), Some((option.opt, "xy".into(), kind)), "-{letters}");
            }
            assert_eq!(name(option.opt, &mut [0; 24]).bytes().strip_prefix(b"--"), Some(option.long.as_bytes()));
        }
        for name in ["", "-", "p", "pid", "pidfile FILE", "pidfile ", "FILE", ",", "pidfilex", "no-lock-", "=", "=x"] {
            assert_eq!(found(name, true), None, "--{name}");
        }
        for letter in [" ", "-", ",", "1", "=", ""] {
            assert_eq!(found(letter, false), None, "-{letter}");
        }
    }
}
