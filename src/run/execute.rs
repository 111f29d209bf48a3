//! Executing the program: by its path, or searched in PATH as execvp(3) does, but never by way of a shell.

use core::ffi::CStr;

use super::apply::Work;
use crate::plan::Reason;
use crate::plan::reason::errno;
use crate::sys::Errno;
use crate::sys::file::{self, flags};
use crate::sys::memory::Path;
use crate::sys::process;
use crate::sys::words::Vector;

/// Where programs are when there is no PATH.
const DEFAULT_PATH: &[u8] = b"/usr/sbin:/usr/bin:/sbin:/bin";

/// Executes the program; comes back only with the reason why not.
pub fn execute(work: &mut Work<'_>) -> Reason {
    let command = work.start.command;
    let name = work.start.config.program;
    let Some(path) = &mut work.path else { return Reason::NONE };
    let run = |path: &CStr| process::execute(path, command.arguments, command.environment).into();
    if name.to_bytes().first() == Some(&b'/') {
        return run(name);
    }
    if work.start.config.has_path() {
        return match join(path, name) {
            Ok(()) => run(path.as_c_str()),
            Err(errno) => errno.into(),
        };
    }
    let mut worst = Reason::NOT_FOUND;
    if name.is_empty() {
        return worst;
    }
    // Elements that are empty or relative would mean the working directory, which is not the caller's any more.
    let elements = search_path(command.environment).split(|byte| *byte == b':');
    for folder in elements.filter(|folder| folder.first() == Some(&b'/')) {
        path.clear();
        let reason: Reason = match path.push(folder).and_then(|()| join(path, name)) {
            Ok(()) => run(path.as_c_str()),
            Err(errno) => errno.into(),
        };
        match reason.number() {
            errno::ENOENT | errno::ENOTDIR => {}
            errno::EACCES => worst = reason,
            _ => return reason,
        }
    }
    worst
}

/// Puts a slash and `name` behind `path`.
fn join(path: &mut Path, name: &CStr) -> Result<(), Errno> {
    path.push(b"/")?;
    path.push(name.to_bytes())
}

/// The caller's PATH.
fn search_path(environment: Vector) -> &'static [u8] {
    let mut values = environment.filter_map(|word| word.to_bytes().strip_prefix(b"PATH="));
    values.next().unwrap_or(DEFAULT_PATH)
}

/// When `program` is there though its exec said ENOENT, it is the interpreter that is missing: its name as the script's
/// first line has it, empty for a binary's loader. `room` holds the name.
pub fn missing_interpreter<'a>(program: &CStr, room: &'a mut [u8; 256]) -> Option<&'a [u8]> {
    let fd = file::open(file::HERE, program, flags::READ, 0).ok()?;
    let length = file::read_start(fd, room).unwrap_or(0);
    let text = room.get(..length)?;
    let Some(line) = text.strip_prefix(b"#!") else { return Some(b"") };
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
    line.split(is_blank).find(|word| !word.is_empty())
}
