//! Executing the program: by its path, or searched in PATH as execvp(3) does, but never by way of a shell.

use super::apply::Work;
use crate::Word;
use crate::plan::reason::errno;
use crate::plan::{Reason, Text};
use crate::sys::file::{self, flags};
use crate::sys::process;

/// Where programs are when there is no PATH.
const DEFAULT_PATH: &[u8] = b"/usr/sbin:/usr/bin:/sbin:/bin";

/// Executes the program; comes back only with the reason why not.
pub fn execute(work: &mut Work<'_>) -> Reason {
    let start = work.start;
    if start.config.has_path() {
        // The path holds the caller's directory, or nothing for a program that starts at the root.
        return attempt(work);
    }
    let mut values = start.command.words.environment.filter_map(|word| word.bytes().strip_prefix(b"PATH="));
    let folders = values.next().unwrap_or(DEFAULT_PATH).split(|byte| *byte == b':');
    let mut worst = Reason::NOT_FOUND;
    // Elements that are empty or relative would mean the working directory, which is not the caller's any more.
    for folder in folders.filter(|folder| folder.first() == Some(&b'/')) {
        work.path.clear();
        let _ = work.path.push(folder);
        let reason = attempt(work);
        match reason.number() {
            errno::ENOENT | errno::ENOTDIR => {}
            errno::EACCES => worst = reason,
            _ => return reason,
        }
    }
    worst
}

/// Executes the program in the folder that the path holds, or without a folder as it is named.
fn attempt(work: &mut Work<'_>) -> Reason {
    let start = work.start;
    let program = start.config.text(Text::Program);
    let path = &mut work.path;
    let whole = if path.is_empty() { Ok(()) } else { path.push(b"/") };
    if let Err(errno) = whole.and_then(|()| path.push(program.bytes())) {
        return errno.into();
    }
    process::execute(path.word(), start.command.arguments, work.environment).into()
}

/// When `program` is there though its exec said ENOENT, what is missing instead: the interpreter that a script's first
/// line names, or a binary's loader. Empty if the program is not there.
pub fn missing_interpreter<'a>(program: Word<'_>, room: &'a mut [u8; 256]) -> Word<'a> {
    let Ok(fd) = file::open(file::HERE, program, flags::INPUT, 0) else { return Word::EMPTY };
    // The last byte stays NUL.
    let _ = file::read_start(fd, room.get_mut(..255).unwrap_or(&mut []));
    if !room.starts_with(b"#!") {
        return Word::new(c"(loader)");
    }
    let blank = |byte: &u8| *byte <= b' ';
    let start = room.iter().skip(2).position(|byte| !blank(byte)).unwrap_or(0) + 2;
    let name = room.get_mut(start..).unwrap_or(&mut []);
    name.iter_mut().filter(|byte| blank(byte)).for_each(|byte| *byte = 0);
    Word::ending(name)
}
