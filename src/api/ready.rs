//! The daemon's word to who waits for it.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroI32;

use super::pidfile::PidFile;
use crate::plan::Reason;
use crate::run::exit;
use crate::run::host::Detached;

/// In the daemon: the launcher waits for [`notify`](Ready::notify).
///
/// Dropped without it, the daemon has failed: the launcher gets [`ErrorKind::Ended`](crate::ErrorKind) at
/// [`Step::AwaitReady`](crate::Step), the pidfile is removed, and if this process has not ended two seconds later it is
/// killed. So it is with a panic, with `std::process::exit`, with a crash and with SIGKILL; the pidfile is then removed by
/// the launcher's side.
///
/// The first word counts: a daemon that has run out of time, or whose caller was told to end, is not ready any more,
/// whatever it says.
///
/// - In a child that is a copy of the daemon (fork(2)) it says nothing: neither dropped nor notified.
/// - It stays with the thread that detached. Until it has spoken, the kernel kills the daemon when the one that waits for
///   it dies, and that bond is the thread's (prctl(2), `PR_SET_PDEATHSIG`). So it cannot be sent:
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

    /// The daemon works: the launcher ends with success. Gives the pidfile, if there was to be one: hold it as long as the
    /// daemon runs.
    ///
    /// Where the launcher was told meanwhile that the start has failed, which is [`timeout`](crate::Daemon::timeout) or a
    /// signal to it, this removes the pidfile and ends the process with status 1. It never comes back in a daemon of which
    /// nobody is to know.
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

    /// The daemon cannot work, for this error number (errno(3)): the launcher gets it. Removes the pidfile and ends the
    /// process at once.
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
