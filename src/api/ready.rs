//! The daemon's report to the process that waits for it.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroI32;

use super::pidfile::PidFile;
use crate::plan::Reason;
use crate::run::exit;
use crate::run::host::Detached;

/// Held by the daemon, while the launcher waits for [`notify`](Ready::notify).
///
/// If it is dropped before, the daemon has failed: the launcher gets [`ErrorKind::Ended`](crate::ErrorKind) at
/// [`Step::AwaitReady`](crate::Step), the pidfile is removed, and if this process has not ended two seconds later it is
/// killed. The same holds for a panic, `std::process::exit`, a crash and SIGKILL; the launcher's side then removes the
/// pidfile.
///
/// Only the first report counts: after a timeout, or a signal that ended the caller, the daemon cannot become ready.
///
/// - In a child that is a copy of the daemon (fork(2)) neither dropping nor notifying it has an effect.
/// - It stays with the thread that detached. Until the report the kernel kills the daemon if the process that waits for it
///   dies, and that is a property of the thread (prctl(2), `PR_SET_PDEATHSIG`). So it cannot be sent:
///
/// ```compile_fail,E0277
/// fn sent(ready: dmz::Ready<'static>) {
///     std::thread::spawn(move || ready.notify());
/// }
/// ```
#[must_use = "dropping it tells the launcher that the daemon has failed"]
pub struct Ready<'a>(Option<Detached<'a>>, PhantomData<*mut ()>);

impl<'a> Ready<'a> {
    pub(super) fn new(detached: Detached<'a>) -> Ready<'a> {
        Ready(Some(detached), PhantomData)
    }

    /// Reports that the daemon works: the launcher ends with success. Returns the pidfile, if one was asked for: hold it as
    /// long as the daemon runs.
    ///
    /// If the start has failed meanwhile, by [`timeout`](crate::Daemon::timeout) or a signal to the launcher, this removes
    /// the pidfile and ends the process with status 1.
    #[must_use = "the pidfile is removed when this is dropped"]
    pub fn notify(mut self) -> Option<PidFile<'a>> {
        let mut detached = self.0.take()?;
        let pidfile = detached.held.take().map(PidFile);
        if !detached.report(Ok(())) {
            drop(pidfile);
            exit(1)
        }
        pidfile
    }

    /// Reports that the daemon has failed, with this error number (errno(3)), which the launcher gets if it is one from 1 to
    /// 199; for any other it gets [`ErrorKind::Ended`](crate::ErrorKind). Removes the pidfile and ends the process at once.
    pub fn fail(mut self, errno: i32) -> ! {
        let reason = NonZeroI32::new(errno).filter(|errno| (1..200).contains(&errno.get()));
        self.give_up(reason.map_or(Reason::ENDED_EARLY, Reason::errno));
        exit(1)
    }

    /// Removes the pidfile, and then reports.
    fn give_up(&mut self, reason: Reason) {
        if let Some(mut detached) = self.0.take() {
            drop(detached.held.take().map(PidFile));
            detached.report(Err(reason));
        }
    }
}

impl Drop for Ready<'_> {
    fn drop(&mut self) {
        self.give_up(Reason::ENDED_EARLY);
    }
}

impl fmt::Debug for Ready<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Ready")
    }
}
