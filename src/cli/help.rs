//! What `--help` and `--version` print: put together from the option table by the compiler, so that the binary holds the
//! finished text and no code for it. The parser reads the very same text: it has every option's names, and says whether
//! there is a value.

use super::options::{Entry, GROUPS, OPTIONS, OPTS, put};
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
    usage: dmz -T | -K | -s SIGNAL [OPTION...] -p FILE      * may be repeated\n";

/// Where the help of an option begins in its cell, and where the second cell of a line does.
const HELP_COLUMN: usize = 26;
const CELL: usize = 40;

/// An option that was found.
pub struct Found<'a> {
    /// Which one.
    pub opt: Opt,
    /// What is behind its name on the command line.
    pub rest: Word<'a>,
    /// What is behind its name in the help: `' '` and the value's name, a second `' '` for a switch, or `[`.
    pub form: Word<'static>,
}

/// The options in the text, one after the other: each begins ` -p, --name`, the letter perhaps missing, and nothing else
/// has two dashes.
struct Names {
    text: Word<'static>,
}

impl Names {
    const fn new() -> Names {
        Names { text: LINES }
    }

    /// The next one's letter, or 0, and its long name.
    fn next(&mut self) -> (u8, Word<'static>) {
        let mut letter = 0;
        loop {
            self.text = self.text.behind(b'-');
            match self.text.first() {
                b'-' | 0 => break,
                first if self.text.rest().first() == b',' => letter = first,
                _ => {}
            }
        }
        let name = self.text.rest();
        self.text = name_end(name);
        (letter, name)
    }
}

/// Behind the name that begins here.
fn name_end(mut name: Word<'static>) -> Word<'static> {
    while !matches!(name.first(), b' ' | b'[' | 0) {
        name = name.rest();
    }
    name
}

/// The option whose letter or whole long name `text` begins with.
#[inline(never)]
pub fn find(text: Word<'_>, is_long: bool) -> Option<Found<'_>> {
    let mut names = Names::new();
    for opt in OPTS {
        let (letter, mut form) = names.next();
        let mut rest = text;
        if is_long {
            while form.first() == rest.first() && !matches!(form.first(), 0 | b' ' | b'[') {
                (form, rest) = (form.rest(), rest.rest());
            }
        } else if letter == text.first() {
            (form, rest) = (names.text, Word::EMPTY);
        }
        if matches!(form.first(), b' ' | b'[') && matches!(rest.first(), 0 | b'=') && !text.is_empty() {
            let rest = if is_long { rest } else { text.rest() };
            return Some(Found { opt: *opt, rest, form });
        }
    }
    None
}

/// Room for an option's long name.
pub type Room = [u8; 24];

/// The long name of an option with its dashes, as a word in `room`.
#[inline(never)]
pub fn name(wanted: Opt, room: &mut Room) -> Word<'_> {
    let mut names = Names::new();
    let mut name = names.next().1;
    for _ in OPTS.iter().take_while(|opt| **opt != wanted) {
        name = names.next().1;
    }
    // The last byte stays NUL.
    let [dash, other, places @ .., _] = room;
    (*dash, *other) = (b'-', b'-');
    for place in places {
        *place = if matches!(name.first(), b' ' | b'[') { 0 } else { name.first() };
        if *place != 0 {
            name = name.rest();
        }
    }
    Word::ending(room)
}

/// The option that a word with two dashes, which is none, is most like: which shares the most at both ends with it, if that
/// is more than half.
pub fn nearest(word: Word<'_>) -> Option<Opt> {
    let word = word.bytes();
    let (mut best, mut most) = (None, 0);
    for opt in OPTS {
        let mut room = Room::default();
        let name = name(*opt, &mut room).bytes();
        let is_same = |(one, other): &(&u8, &u8)| one == other;
        let start = name.iter().zip(word).take_while(is_same).count();
        let end = name.iter().rev().zip(word.iter().rev()).take_while(is_same).count();
        let shared = (start + end).min(name.len());
        if shared > most && shared * 2 > name.len().max(word.len()) + 2 {
            (best, most) = (Some(*opt), shared);
        }
    }
    best
}

/// Writes as much of the text as there is room for; its full length.
const fn render(text: &mut [u8]) -> usize {
    let mut end = put(text, 0, HEAD.as_bytes());
    let (mut index, mut group, mut start, mut is_second) = (0, 0, 0, false);
    while index < OPTIONS.len() {
        let option = &OPTIONS[index];
        // Groups of features that are not built in have no option.
        while group < GROUPS.len() && GROUPS[group].0 as u8 <= option.opt as u8 {
            group += 1;
            if group == GROUPS.len() || GROUPS[group].0 as u8 > option.opt as u8 {
                end = if is_second { put(text, end, b"\n") } else { end };
                end = put(text, end, GROUPS[group - 1].1.as_bytes());
                end = put(text, end, b":\n");
                is_second = false;
            }
        }
        if is_second {
            while end < start + CELL {
                end = put(text, end, b" ");
            }
        } else {
            start = end;
        }
        end = cell(text, end, option);
        if is_second {
            end = put(text, end, b"\n");
        }
        is_second = !is_second;
        index += 1;
    }
    if is_second { put(text, end, b"\n") } else { end }
}

/// Writes one option.
const fn cell(text: &mut [u8], start: usize, option: &Entry) -> usize {
    let mut end = if option.short == b'-' {
        put(text, start, b"     ")
    } else {
        put(text, start, &[b' ', b'-', option.short, b',', b' '])
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
    while end < start + HELP_COLUMN {
        end = put(text, end, b" ");
    }
    put(text, end, option.help.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn the_help_fits_a_terminal() {
        let text = HELP.as_c_str().to_str().unwrap();
        assert!(text.lines().all(|line| line.len() < 80), "{text}");
        assert!(text.lines().count() <= 40, "{text}");
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
            assert_eq!(
                name(option.opt, &mut Room::default()).bytes().strip_prefix(b"--"),
                Some(option.long.as_bytes())
            );
        }
        for name in ["", "-", "p", "pid", "pidfile FILE", "pidfile ", "FILE", ",", "pidfilex", "no-lock-", "=", "=x"] {
            assert_eq!(found(name, true), None, "--{name}");
        }
        for letter in [" ", "-", ",", "1", "=", ""] {
            assert_eq!(found(letter, false), None, "-{letter}");
        }
    }

    #[test]
    fn a_cell_has_room_for_what_it_says() {
        let text = HELP.as_c_str().to_str().unwrap();
        for line in text.lines().filter(|line| line.starts_with(' ') && line.len() > CELL) {
            assert!(line[..CELL].ends_with(' ') && line[CELL..].starts_with(' '), "{line}");
        }
    }

    #[test]
    fn a_mistyped_name_is_near_to_one() {
        let nearest = |text: &str| nearest(Word::new(&CString::new(text).unwrap()));
        for (text, opt) in [
            ("--pidfiel", Opt::Pidfile),
            ("--dry_run", Opt::DryRun),
            ("--no-nwe-privs", Opt::NoNewPrivs),
            ("--supervice", Opt::Supervise),
            ("--chdirr", Opt::Chdir),
            ("--usr", Opt::User),
            ("--make-pidfile", Opt::Pidfile),
        ] {
            assert_eq!(nearest(text), Some(opt), "{text}");
        }
        for text in ["--", "--nonsense", "--x", "--exec", "--oknodo"] {
            assert_eq!(nearest(text), None, "{text}");
        }
    }
}
