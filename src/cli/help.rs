//! What `--help` and `--version` print: put together from the option table by the compiler, so that the binary holds the
//! finished text and no code for it. The parser finds the names there too: they are in the binary once.

use super::options::{OPTIONS, put};

/// The text of `--version`, and a NUL.
pub const VERSION: &[u8] = concat!("dmz ", env!("CARGO_PKG_VERSION"), "\n\0").as_bytes();

/// The text of `--help`, and a NUL.
pub const TEXT: &[u8] = &{
    let mut text = [0; LENGTH + 1];
    render(&mut text);
    text
};

const HEAD: &str = "usage: dmz [OPTION...] [--] PROGRAM [ARGUMENT...]\n\
    Starts PROGRAM as a daemon, returns when it runs. Options (* may be repeated):\n";

const LENGTH: usize = render(&mut []);

/// Where the letter, the long name and the help of an option begin in its line.
const LETTER: usize = 2;
const NAME: usize = 7;
const COLUMN: usize = 24;

/// The number of the option with this letter or long name.
pub fn find(name: &[u8], is_long: bool) -> Option<usize> {
    let mut lines = TEXT.split(|byte| *byte == b'\n').filter(|line| line.first() == Some(&b' '));
    lines.position(|line| {
        let there = line.get(if is_long { NAME } else { LETTER }..).unwrap_or(b"");
        // A name ends at a blank, a letter at its comma; where there is no letter, there are blanks.
        !name.is_empty() && there.split(|byte| matches!(byte, b' ' | b',')).next() == Some(name)
    })
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
        if !option.value.is_empty() {
            end = put(text, end, b" ");
            end = put(text, end, option.value.as_bytes());
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

    #[test]
    fn the_help_fits_a_terminal() {
        let text = core::str::from_utf8(TEXT).unwrap().strip_suffix('\0').unwrap();
        assert!(text.lines().all(|line| line.len() < 80), "{text}");
        assert!(text.lines().count() <= 60);
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn every_name_is_found_and_nothing_else() {
        for (index, option) in OPTIONS.iter().enumerate() {
            assert_eq!(find(option.long.as_bytes(), true), Some(index), "--{}", option.long);
            if option.short != b'-' {
                assert_eq!(find(&[option.short], false), Some(index), "-{}", option.short as char);
            }
        }
        for name in ["", "-", "p", "pid", "pidfile FILE", "pidfile ", "FILE", ","] {
            assert_eq!(find(name.as_bytes(), true), None, "--{name}");
        }
        for letter in [b" ", b"-", b",", b"1"] {
            assert_eq!(find(letter, false), None);
        }
    }
}
