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
    match search(work, false) {
        // An exec that says so of a program that is there means its interpreter.
        Reason::NOT_FOUND => search(work, true),
        reason => reason,
    }
}

/// Executes the program, or only looks whether it is there, in each folder of PATH until something else comes of it.
#[inline(never)] // one copy is enough
fn search(work: &mut Work<'_>, only_looks: bool) -> Reason {
    let start = work.start;
    let program = start.config.text(Opt::Program);
    if start.config.has_path() {
        return attempt(work, program, only_looks);
    }
    let mut caller = start.command.caller;
    let mut folders = caller.find_map(|word| word.strip(PATH)).unwrap_or(DEFAULT_PATH);
    let mut worst = Reason::NOT_FOUND;
    while !folders.is_empty() {
        let end = folders.find(b':');
        let folder = folders.bytes().get(..folders.length_to(end)).unwrap_or(b"");
        // An element that is empty or relative would mean the working directory, which is not the caller's any more.
        if folders.first() == b'/' {
            let path = &mut work.path;
            path.clear();
            // Nothing can be where no path leads.
            let reason =
                match path.push(folder).and_then(|()| path.push(b"/")).and_then(|()| path.push(program.bytes())) {
                    Ok(()) => attempt(work, work.path.word(), only_looks),
                    Err(_) => Reason::NOT_FOUND,
                };
            match reason {
                Reason::NO_ACCESS => worst = Reason::NO_ACCESS,
                reason if reason.is_errno() && reason.means_not_found() => {}
                reason => return reason,
            }
        }
        folders = end.rest();
    }
    worst
}

/// Executes what is at `path`, or only looks.
fn attempt(work: &Work<'_>, path: Word<'_>, only_looks: bool) -> Reason {
    if !only_looks {
        return process::execute(path, work.start.command.arguments, work.environment).into();
    }
    if file::is_there(path) { Reason::NO_INTERPRETER } else { Reason::NOT_FOUND }
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
        // Every loader is in some /lib, and its name stands behind the headers, which have no such text, and behind a NUL.
        let lib = room.windows(4).position(|text| text == b"/lib");
        let Some(before) = lib.and_then(|lib| room.get(..lib)) else { return Word::new(c"(loader)") };
        let start = before.iter().rposition(|byte| *byte == 0).map_or(0, |nul| nul + 1);
        return Word::ending(room.get(start..).unwrap_or(b""));
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
