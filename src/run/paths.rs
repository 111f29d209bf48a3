//! Paths for a monitor, which works in `/`: what the caller typed, made absolute before anything changes.

use crate::Word;
use crate::plan::{Config, Failure, Reason, Step, Text};
use crate::sys::memory::{PATH_MAX, Path, Pool};
use crate::sys::words::join;

/// The paths that start in the caller's directory.
const PATHS: &[Text] = &[
    Text::Pidfile,
    Text::Lockfile,
    Text::Stdin,
    Text::Stdout,
    Text::Stderr,
    Text::Root,
    Text::Cgroup,
    Text::Directory,
    Text::Program,
];

/// Puts the current directory in front of every relative path.
pub fn make_absolute(config: &mut Config<'static>, pool: &mut Pool) -> Result<(), Failure> {
    let mut folder = Word::EMPTY;
    for which in PATHS {
        let path = config.text(*which);
        // A program without a slash is searched; in a new root a relative path starts there.
        let is_elsewhere = match which {
            Text::Program => !config.has_path() || config.names(Text::Root),
            Text::Directory => config.names(Text::Root),
            _ => false,
        };
        if path.is_empty() || path.first() == b'/' || is_elsewhere {
            continue;
        }
        let absolute = (|| {
            if folder.is_empty() {
                folder = current_folder(pool)?;
            }
            Ok::<_, Reason>(join(folder.bytes(), path.bytes(), pool)?)
        })();
        let absolute = absolute.map_err(|reason| Failure { step: Step::FindDirectory, reason })?;
        config.set_text(*which, absolute);
    }
    Ok(())
}

/// The current directory, with a slash behind it.
fn current_folder(pool: &mut Pool) -> Result<Word<'static>, Reason> {
    let mut path = Path::new(pool.room(PATH_MAX)?);
    path.push_current_directory()?;
    Ok(join(path.word().bytes(), b"/", pool)?)
}
