//! Processes: starting, waiting for, ending them.

use core::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};

use linux_raw_sys::general as linux;
/// A signal by its name.
pub use rustix::process::Signal;
use rustix::process::{Pid, WaitId, WaitIdOptions};

use super::arch::{CHILD_ID_IS_FIFTH, clone, syscall};
use super::memory::Stack;
use super::words::{Vector, Word};
use super::{Errno, Result, answer};

/// A process id greater than 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Process(Pid);

impl Process {
    /// Its number.
    pub fn number(self) -> i32 {
        self.0.as_raw_nonzero().get()
    }

    /// As rustix has it.
    #[cfg(any(feature = "control", feature = "ready"))]
    pub(super) fn pid(self) -> Pid {
        self.0
    }

    /// The process with number `pid`, if that can be one.
    pub fn new(pid: i32) -> Option<Process> {
        if pid > 0 { Pid::from_raw(pid).map(Process) } else { None }
    }
}

impl From<Pid> for Process {
    fn from(pid: Pid) -> Process {
        Process(pid)
    }
}

/// Starts a process that shares this memory and runs `entry(context)` on `stack`; comes back when it has executed a program
/// or ended (clone(2) with CLONE_VM and CLONE_VFORK). `id` gets the new process's id before either goes on. Nothing where
/// memory cannot be shared, and then nothing was done. EBUSY for a stack that was used before.
///
/// An emulator makes a fork of it, and both would go on. QEMU does so only for a process whose end is told by SIGCHLD, and
/// else says EINVAL; so it is told by nothing, until the exec makes it SIGCHLD. Others put the id into the parent's
/// memory alone, as the kernel would at a fork: a process that misses it there is a copy.
///
/// What `entry` changes in `context` must be `Sync`, since the two processes touch the same memory as two threads would.
pub fn spawn<T: Sync>(
    stack: &Stack,
    id: &'static AtomicI32,
    entry: fn(&T) -> !,
    context: &T,
) -> Result<Option<Process>> {
    struct Call<'a, T> {
        entry: fn(&T) -> !,
        context: &'a T,
        id: &'static AtomicI32,
        before: i32,
        has_begun: AtomicBool,
    }
    unsafe extern "C" fn run<T>(call: *const ()) -> ! {
        // SAFETY: `call` is the Call below, in a frame that stays: its owner sleeps in clone, and where it does not (an
        // emulator) or is killed, the child has its own copy or the frame's memory stays mapped.
        let call = unsafe { &*call.cast::<Call<'_, T>>() };
        if call.id.load(Relaxed) == call.before {
            exit(0);
        }
        call.has_begun.store(true, Relaxed);
        (call.entry)(call.context)
    }
    let top = stack.take().ok_or(Errno::BUSY)?;
    let flags = linux::CLONE_VM | linux::CLONE_VFORK | linux::CLONE_PARENT_SETTID;
    let call = Call { entry, context, id, before: id.load(Relaxed), has_begun: AtomicBool::new(false) };
    // SAFETY: the stack is used up now, and was mapped for one child or is below this frame, whose owner sleeps until the
    // child has let go of it; `run` never returns; `id` lives for ever.
    let pid = match answer(unsafe { clone(flags, top, id.as_ptr(), run::<T>, (&raw const call).cast()) }) {
        Err(Errno::INVAL) => return Ok(None),
        pid => pid?,
    };
    let child = Process::new(pid as i32).ok_or(Errno::BUSY)?;
    // Nothing of it has run: it was a copy and has ended by itself, or it was killed before its first instruction.
    if !call.has_begun.load(Relaxed)
        && let Ok(Some(End::Exited(_))) = look(child, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
    {
        wait(child);
        return Ok(None);
    }
    Ok(Some(child))
}

/// Starts a process with a copy of this memory; comes back in it with nothing, and in this one when the other has executed
/// a program or ended (clone(2) with CLONE_VFORK alone). `id` gets its id in both.
pub fn fork(id: &'static AtomicI32) -> Result<Option<Process>> {
    copy(id, linux::CLONE_VFORK)
}

/// The same, but both go on at once.
pub fn fork_and_go_on(id: &'static AtomicI32) -> Result<Option<Process>> {
    copy(id, 0)
}

fn copy(id: &'static AtomicI32, flags: u32) -> Result<Option<Process>> {
    let flags = flags | linux::CLONE_PARENT_SETTID | linux::CLONE_CHILD_SETTID | linux::SIGCHLD;
    let place = id.as_ptr() as usize;
    let (fourth, fifth) = if CHILD_ID_IS_FIFTH { (0, place) } else { (place, 0) };
    // SAFETY: without CLONE_VM and with no new stack both have memory of their own and go on here; there are no threads.
    // `id` lives for ever.
    Ok(Process::new(answer(unsafe { syscall(linux::__NR_clone, flags as usize, 0, place, fourth, fifth) })? as i32))
}

/// execve(2); comes back only with the reason why not.
pub fn execute(path: Word<'_>, arguments: Vector, environment: Vector) -> Errno {
    let path = path.address();
    // SAFETY: all three are NUL- or NULL-terminated; the kernel only reads them.
    match answer(unsafe { syscall(linux::__NR_execve, path, arguments.address(), environment.address(), 0, 0) }) {
        Err(errno) => errno,
        Ok(_) => Errno::BUSY,
    }
}

/// exit_group(2).
pub fn exit(status: u8) -> ! {
    loop {
        // SAFETY: ends the process; the loop is for the type only.
        unsafe { syscall(linux::__NR_exit_group, status as usize, 0, 0, 0, 0) };
    }
}

/// getpid(2).
pub fn own_id() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// getpgid(2) of this process; 0 for a group of another PID namespace, which rustix's number of a process cannot be.
pub fn own_group() -> i32 {
    // SAFETY: getpgid takes an integer, and of this process it always answers.
    unsafe { syscall(linux::__NR_getpgid, 0, 0, 0, 0, 0) as i32 }
}

/// setsid(2): EPERM for the leader of a process group. The session's number, which is this process's.
pub fn new_session() -> Result<i32> {
    Ok(rustix::process::setsid()?.as_raw_nonzero().get())
}

/// Whether orphans among our descendants become our children (prctl(2), PR_SET_CHILD_SUBREAPER; Linux 3.4).
pub fn adopt_orphans(yes: bool) -> Result<()> {
    Ok(rustix::process::set_child_subreaper(Pid::from_raw(yes.into()))?)
}

/// Has this child, in our session and in process group `group`, executed a program? setpgid(2) refuses with EACCES if
/// and only if it has, or with EPERM if it then became a session leader by itself; else it changes nothing, since the
/// child is in that group already, or is gone (ESRCH). Any other answer is that of a filter.
pub fn has_executed(child: Process, group: i32) -> Result<bool> {
    use rustix::io::Errno;
    match rustix::process::setpgid(Some(child.0), Pid::from_raw(group)) {
        Err(Errno::ACCESS | Errno::PERM) => Ok(true),
        Ok(()) | Err(Errno::SRCH) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It exited with this status.
    Exited(u8),
    /// This signal killed it.
    Killed(u8),
}

/// Has this child ended? It stays to be waited for (waitid(2) with WNOHANG and WNOWAIT). ECHILD for one that is not ours.
pub fn peek(child: Process) -> Result<Option<End>> {
    look(child, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT)
}

/// Is this child still to end? Not one that is not ours.
#[inline(never)]
pub fn runs(child: Process) -> bool {
    matches!(peek(child), Ok(None))
}

/// Waits for this child to end (waitid(2)); comes back at once if there is none such.
pub fn wait(child: Process) {
    while look(child, WaitIdOptions::EXITED) == Err(Errno::INTR) {}
}

#[inline(never)]
fn look(child: Process, options: WaitIdOptions) -> Result<Option<End>> {
    // Whatever its end is told by: see `spawn`.
    let options = options | WaitIdOptions::from_bits_retain(linux::__WALL);
    let status = rustix::process::waitid(WaitId::Pid(child.0), options)?;
    Ok(status.map(|status| match status.terminating_signal() {
        Some(signal) => End::Killed(signal as u8),
        None => End::Exited(status.exit_status().unwrap_or(0) as u8),
    }))
}

/// Ends a process if it is our child: kills it unless it is dead, and waits (kill(2), waitid(2)). A process that is not
/// our child keeps its peace, since its number may be somebody else's by now. Has a child gone? One that may not be killed
/// is not waited for.
pub fn end(child: Process) -> bool {
    let Ok(fate) = peek(child) else { return false };
    // A child that has not been waited for keeps its number, so this cannot hit another process.
    let is_over = rustix::process::kill_process(child.0, Signal::KILL).is_ok() || fate.is_some();
    if is_over {
        wait(child);
    }
    is_over
}

/// This process's parent, 0 if it cannot be seen from here (getppid(2)).
pub fn parent() -> i32 {
    rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get())
}

/// Has the kernel send this process a signal when its parent dies, or none any more (prctl(2), PR_SET_PDEATHSIG): when the
/// thread dies that has forked it. A fork does not pass it on, and a change of ids forgets it.
pub fn follow_parent(signal: Option<Signal>) -> Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(signal)?)
}

/// Is there no process with this id (kill(2) with signal 0)?
pub fn is_gone(id: i32) -> bool {
    use rustix::io::Errno;
    Pid::from_raw(id).is_none_or(|pid| rustix::process::test_kill_process(pid) == Err(Errno::SRCH))
}

/// Sends a signal to this child, which has not been waited for (kill(2)). One that cannot be sent is not worth a failure.
pub fn signal(child: Process, number: u32) {
    // SAFETY: kill takes two integers.
    unsafe { syscall(linux::__NR_kill, child.number() as usize, number as usize, 0, 0, 0) };
}

/// Dies of `signal` as a program would, but without a core file of its own; comes back if the signal does not kill.
pub fn die(signal: u8) {
    use rustix::process::{Resource, Rlimit};
    // The kernel keeps the first process of a namespace from it, and an emulator might wait for that for ever.
    let Some(own) = Process::new(own_id()).filter(|own| own.number() != 1) else { return };
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = super::signal::dispose(signal.into(), false);
    self::signal(own, signal.into());
    // No other one that waits is to be quicker.
    let super::signal::Set(only) = super::signal::set(&[signal.into()]);
    let _ = super::signal::block(super::signal::Set(!only));
}
