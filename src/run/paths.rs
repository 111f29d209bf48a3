//! Paths for processes that work in `/`: what the caller typed, made absolute before anything changes.

use crate::Word;
use crate::plan::{Config, Failure, Opt, Reason, Step};
use crate::sys::memory::{PATH_MAX, Path, Pool};
use crate::sys::words::join;

/// The paths that start in the caller's directory. The program's is used when that has been left; a monitor uses the
/// others again and again.
const PATHS: &[Opt] = &[
    Opt::Program,
    Opt::Pidfile,
    Opt::Lockfile,
    Opt::Stdin,
    Opt::Stdout,
    Opt::Stderr,
    Opt::Chroot,
    Opt::Cgroup,
    Opt::Chdir,
];

/// Puts the current directory in front of every relative path that needs it.
pub fn make_absolute(config: &mut Config<'_>, pool: &mut Pool) -> Result<(), Failure> {
    let mut folder = Word::EMPTY;
    for which in if config.has(Opt::Supervise) { PATHS } else { &PATHS[..1] } {
        let path = config.text(*which);
        // A program without a slash is searched; in a new root a relative path starts there.
        let is_elsewhere = match which {
            Opt::Program => !config.has_path() || config.has(Opt::Chroot),
            Opt::Chdir => config.has(Opt::Chroot),
            _ => false,
        };
        if !path.is_empty() && path.first() != b'/' && !is_elsewhere {
            let absolute = absolute(path, &mut folder, pool);
            config.set_text(*which, absolute.map_err(|reason| Failure { step: Step::FindDirectory, reason })?);
        }
    }
    if !config.ready_file.is_empty() && config.ready_file.first() != b'/' {
        let absolute = absolute(config.ready_file, &mut folder, pool);
        config.ready_file = absolute.map_err(|reason| Failure { step: Step::FindDirectory, reason })?;
    }
    Ok(())
}

/// `path` behind the current directory, which is found out once and put into `folder`.
fn absolute(path: Word<'_>, folder: &mut Word<'static>, pool: &mut Pool) -> Result<Word<'static>, Reason> {
    if folder.is_empty() {
        let mut here = Path::new(pool.list(PATH_MAX + 1)?);
        here.push_current_directory()?;
        here.push(b"/")?;
        *folder = here.keep();
    }
    Ok(join(*folder, path, pool)?)
}
