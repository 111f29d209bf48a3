//! Executing the program: by its path, or searched in PATH as execvp(3) does, but never by way of a shell.

use super::apply::Work;
use crate::Word;
use crate::plan::{Opt, Reason};
use crate::sys::file::{self, flags};
use crate::sys::process;

/// Where programs are when there is no PATH.
const DEFAULT_PATH: Word<'static> = Word::new(c"/usr/sbin:/usr/bin:/sbin:/bin");

/// The variable that says where they are.
const PATH: Word<'static> = Word::new(c"PATH=");

/// Executes the program; comes back only with the reason why not.
pub fn execute(work: &mut Work<'_>) -> Reason {
    let start = work.start;
    let program = start.config.text(Opt::Program);
    if start.config.has_path() {
        return process::execute(program, start.command.arguments, work.environment).into();
    }
    let mut caller = start.command.caller;
    let mut folders = caller.find_map(|word| word.strip(PATH)).unwrap_or(DEFAULT_PATH);
    let mut worst = Reason::NOT_FOUND;
    while !folders.is_empty() {
        let end = folders.find(b':');
        let folder = folders.bytes().get(..folders.length_to(end)).unwrap_or(b"");
        // An element that is empty or relative would mean the working directory, which is not the caller's any more.
        if folders.first() == b'/' {
            match attempt(work, folder, program) {
                reason if reason.means_not_found() => {}
                Reason::NO_ACCESS => worst = Reason::NO_ACCESS,
                reason => return reason,
            }
        }
        folders = end.rest();
    }
    worst
}

/// Executes the program in a folder.
fn attempt(work: &mut Work<'_>, folder: &[u8], program: Word<'_>) -> Reason {
    let path = &mut work.path;
    path.clear();
    match path.push(folder).and_then(|()| path.push(b"/")).and_then(|()| path.push(program.bytes())) {
        Ok(()) => process::execute(path.word(), work.start.command.arguments, work.environment).into(),
        Err(errno) => errno.into(),
    }
}

/// How much of a program is looked at: its first line, or what stands behind an ELF file's headers.
pub type Beginning = [u8; 1024];

/// When `program` is there though its exec said ENOENT, what is missing instead: the interpreter that a script's first
/// line names, or a binary's loader. Empty if the program is not there.
pub fn missing_interpreter<'a>(program: Word<'_>, room: &'a mut Beginning) -> Word<'a> {
    let Ok(fd) = file::open(file::HERE, program, flags::INPUT, 0) else { return Word::EMPTY };
    // The last byte stays NUL.
    let [text @ .., _] = room;
    let _ = file::read_start(fd, text);
    if !room.starts_with(b"#!") {
        // Every loader is in a /lib, and its name stands behind the headers, which have no such text.
        let start = room.windows(4).position(|text| text == b"/lib");
        return start.map_or(Word::new(c"(loader)"), |start| Word::ending(room.get(start..).unwrap_or(b"")));
    }
    let blank = |byte: &u8| *byte <= b' ';
    let start = room.iter().skip(2).position(|byte| !blank(byte)).unwrap_or(0) + 2;
    let name = room.get_mut(start..).unwrap_or(&mut []);
    name.iter_mut().filter(|byte| blank(byte)).for_each(|byte| *byte = 0);
    Word::ending(name)
}

/// Is `program` on a file system from which nothing is executed (statfs(2), ST_NOEXEC)?
pub fn is_on_noexec(program: Word<'_>) -> bool {
    file::is_noexec(program).unwrap_or(false)
}
