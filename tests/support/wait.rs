//! Waiting for what others do: asked again and again, with a deadline, and never by sleeping.

use super::{Place, Process};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails. Far more than it takes on a loaded machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Asks again and again until there is an answer.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < DEADLINE, "in vain: {what}");
        pause();
    }
}

/// Lets others run for a millisecond.
pub fn pause() {
    // SAFETY: no descriptors.
    unsafe { libc::poll(std::ptr::null_mut(), 0, 1) };
}

/// The whole lines of a file that is being written.
pub fn lines(path: impl AsRef<Path>) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    whole.lines().map(String::from).collect()
}

/// Waits until a file has at least so many lines; them.
#[track_caller]
pub fn until_lines(path: impl AsRef<Path>, count: usize) -> Vec<String> {
    let begin = Instant::now();
    loop {
        let all = lines(&path);
        if all.len() >= count {
            return all;
        }
        assert!(begin.elapsed() < DEADLINE, "in vain: {count} lines in {:?}, there is {all:?}", path.as_ref());
        pause();
    }
}

/// Waits until no process has the place's mark any more.
#[track_caller]
pub fn until_nothing_runs(place: &Place) {
    until("the end of all processes", || place.processes().is_empty().then_some(()));
}

/// Waits for a file.
#[track_caller]
pub fn until_there(path: impl AsRef<Path>) {
    until(&format!("{:?}", path.as_ref()), || path.as_ref().exists().then_some(()));
}

/// Waits until the process is stopped (job control), or is not.
#[track_caller]
pub fn until_stopped(process: Process, is_stopped: bool) {
    until(&format!("{process:?} to be stopped: {is_stopped}"), || {
        process.status("State").filter(|state| state.starts_with('T') == is_stopped)
    });
}
