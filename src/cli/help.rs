//! What `--help` and `--version` print: put together from the option table by the compiler, so that the binary holds the
//! finished text and no code for it.

use super::options::{OPTIONS, put};

/// The text of `--version`.
pub const VERSION: &[u8] = concat!("dmz ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();

/// The text of `--help`.
pub const TEXT: &[u8] = &{
    let mut text = [0; LENGTH];
    render(&mut text);
    text
};

const HEAD: &str = "usage: dmz [OPTION...] [--] PROGRAM [ARGUMENT...]\n\
    Starts PROGRAM as a daemon; returns when it runs.\n\n";

const LENGTH: usize = render(&mut []);

/// The column where the help of an option begins.
const COLUMN: usize = 24;

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
        let text = core::str::from_utf8(TEXT).unwrap();
        assert!(text.lines().all(|line| line.len() < 80), "{text}");
        assert!(text.lines().count() <= 40);
        assert!(text.ends_with('\n'));
    }
}
