//! Executing the program: by its path, or searched in PATH as execvp(3) does, but never by way of a shell.

use core::ffi::CStr;

use super::apply::Work;
use crate::plan::Reason;
use crate::plan::reason::errno;
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
    let mut values = start.command.words.environment.filter_map(|word| word.to_bytes().strip_prefix(b"PATH="));
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
    let program = start.config.program();
    let path = &mut work.path;
    let whole = if path.is_empty() { Ok(()) } else { path.push(b"/") };
    if let Err(errno) = whole.and_then(|()| path.push(program.to_bytes())) {
        return errno.into();
    }
    process::execute(path.as_c_str(), start.command.arguments, start.command.environment).into()
}

/// When `program` is there though its exec said ENOENT, what is missing instead: the interpreter that a script's first
/// line names, or a binary's loader. `room` holds the name; it is empty if the program is not there.
pub fn missing_interpreter<'a>(program: &CStr, room: &'a mut [u8; 256]) -> &'a [u8] {
    let Ok(fd) = file::open(file::HERE, program, flags::INPUT, 0) else { return b"" };
    let length = file::read_start(fd, room).unwrap_or(0);
    let mut words = room.get(..length).unwrap_or(b"").split(|byte| *byte <= b' ' || *byte == b'!');
    match words.next() {
        Some(b"#") => words.find(|word| !word.is_empty()).unwrap_or(b""),
        _ => b"(loader)",
    }
}
