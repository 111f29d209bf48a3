//! This process as a daemon.

use core::ffi::CStr;

use super::daemon::Daemon;
use super::error::Error;
use super::pidfile::PidFile;
use super::ready::Ready;
use crate::plan::{Opt, Reason, Step};
use crate::run::{exit, host, own_id};

/// Makes this process a daemon with a pidfile, in the usual way: the process that called ends with status 0 when that is
/// done, and this function returns in the daemon. Hold what it returns for as long as the daemon runs.
///
/// It is [`Daemon::new`]`().pid_file(path).`[`detach`](Daemon::detach)`()` and [`Ready::notify`] at once; take those to
/// report success only when the service works.
///
/// # Errors
/// In the process that called, with everything as it was before.
///
/// # Safety
/// Those of [`Daemon::detach`].
///
/// ```no_run
/// fn main() -> Result<(), dmz::Error> {
///     // SAFETY: first thing in main: no threads, no open files.
///     let _pidfile = unsafe { dmz::daemonize(c"/run/service.pid")? };
///     loop {
///         std::thread::park(); // the service
///     }
/// }
/// ```
#[allow(unsafe_code)] // a declaration
pub unsafe fn daemonize(path: &CStr) -> Result<PidFile<'_>, Error> {
    check_first()?;
    match split(&Daemon::new().pid_file(path))? {
        Outcome::Launcher(_) => exit(0),
        Outcome::Daemon(ready) => match ready.notify() {
            Some(pidfile) => Ok(pidfile),
            // It was asked for.
            None => exit(1),
        },
    }
}

/// Makes this process a daemon with nothing but the defaults of [`Daemon::new`], which is the least code: a session of its
/// own, in `/`, umask 022, nothing open but the null device on 0 to 2.
///
/// # Errors
/// In the process that called, with everything as it was before, except that processes which a failed daemon has started
/// are not ended.
///
/// # Safety
/// Those of [`Daemon::detach`], with all descriptors from 3 on.
///
/// ```no_run
/// // SAFETY: first thing in main: no threads, no open files.
/// let ready = unsafe { dmz::detach()? };
/// // What the daemon has to prepare, and then:
/// let _no_pidfile = ready.notify();
/// # Ok::<(), dmz::Error>(())
/// ```
#[allow(unsafe_code)] // a declaration
pub unsafe fn detach() -> Result<Ready<'static>, Error> {
    check_first()?;
    match host::detach_plainly(host::library_fork())? {
        host::Side::Launcher(_) => exit(0),
        host::Side::Daemon(detached) => Ok(Ready::new(detached)),
    }
}

/// Which process this is, after [`Daemon::detach_and_return`].
#[derive(Debug)]
#[must_use]
pub enum Outcome<'a> {
    /// The one that called: a daemon with this process id runs.
    Launcher(i32),
    /// The daemon, which has not reported yet.
    Daemon(Ready<'a>),
}

impl<'a> Daemon<'a> {
    /// Makes the calling process this daemon. Returns in the daemon, a new process with a copy of this one's memory. The
    /// process that called waits for [`Ready::notify`] and then ends with status 0 by exit_group(2), which runs no exit
    /// handlers and flushes nothing: the daemon has a copy of what was not yet written.
    ///
    /// The daemon has done setsid(2), does not lead its session, and has everything that was asked for. Handlers, ignored and
    /// blocked signals are this process's, unless [`reset_signals`](Daemon::reset_signals) was asked for. Its parent is a
    /// process that ends when it is ready.
    ///
    /// # Errors
    /// In the process that called, with everything as it was before: the step of the daemon's that failed, or what it gave
    /// to [`Ready::fail`], or [`ErrorKind::Ended`](crate::ErrorKind) if it ended or dropped its [`Ready`] before
    /// it was ready, [`ErrorKind::Timeout`](crate::ErrorKind) if it took too long. No daemon and no pidfile of it is left,
    /// and nothing that the daemon has started, unless that has made a session or a process group of its own.
    ///
    /// As PID 1 it is refused at [`Step::CheckFirst`](crate::Step): the kernel ends everything with a PID 1 that ends.
    ///
    /// A signal that ends the waiting process ends the start, too: the daemon gets SIGTERM, two seconds later SIGKILL, and
    /// its pidfile is removed.
    ///
    /// # Safety
    /// - No other thread exists: only the calling one goes on in the daemon, and a lock that another one held, in the
    ///   allocator for instance, would be held for ever. An async runtime has threads, and descriptors of its own that do
    ///   not survive: detach first, start it then. (With threads, the daemon may do only what a signal handler may,
    ///   signal-safety(7).)
    /// - Nothing owns a descriptor from 3 on, unless it is in [`keep`](Daemon::keep) or there is
    ///   [`keep_all`](Daemon::keep_all): the daemon closes them. A [`PidFile`] is such an owner, and its lock would not be the
    ///   daemon's anyhow: a record lock stays with the process that took it. Detach first, with
    ///   [`pid_file`](Daemon::pid_file), or lock then.
    /// - Nothing but the standard streams uses 0, 1 and 2, unless they are in [`keep`](Daemon::keep): the daemon has the null
    ///   device there, or the files that were asked for.
    /// - The function of [`fork_with`](Daemon::fork_with) is fork(2), if one was given.
    /// - A program with a C library forks by that: with the feature `std`, or by
    ///   [`fork_with`](Daemon::fork_with)`(libc::fork)`. Else glibc takes the launcher's thread id for the daemon's, so that
    ///   pthread_setaffinity_np(3) and the like would hit another process, and what pthread_atfork(3) was told is not done.
    #[allow(unsafe_code)] // a declaration
    pub unsafe fn detach(&self) -> Result<Ready<'a>, Error> {
        check_first()?;
        match split(self)? {
            Outcome::Launcher(_) => exit(0),
            Outcome::Daemon(ready) => Ok(ready),
        }
    }

    /// The same, but returns in both processes, for a caller that goes on; it may be PID 1. The caller gets the daemon's
    /// process id when it is ready. The daemon is not a child of the caller, unless that is PID 1 or a subreaper (prctl(2),
    /// `PR_SET_CHILD_SUBREAPER`): then it has to wait(2) for it.
    ///
    /// # Errors
    /// Those of [`detach`](Daemon::detach).
    ///
    /// # Safety
    /// Those of [`detach`](Daemon::detach). With a C library's fork the caller may get a SIGCHLD for a process that it
    /// need not wait for; without there is none.
    #[allow(unsafe_code)] // a declaration
    pub unsafe fn detach_and_return(&self) -> Result<Outcome<'a>, Error> {
        split(self)
    }
}

/// A PID 1 that ends takes everything with it, the daemon first.
fn check_first() -> Result<(), Error> {
    if own_id() == 1 { Err(Error::new(Step::CheckFirst, Reason::FIRST)) } else { Ok(()) }
}

fn split<'a>(daemon: &Daemon<'a>) -> Result<Outcome<'a>, Error> {
    daemon.check()?;
    let mut config = daemon.config;
    if !daemon.resets {
        config.set(Opt::KeepSignals);
    }
    Ok(match host::detach(&config, daemon.fork.or(host::library_fork()))? {
        host::Side::Launcher(pid) => Outcome::Launcher(pid),
        host::Side::Daemon(detached) => Outcome::Daemon(Ready::new(detached)),
    })
}
