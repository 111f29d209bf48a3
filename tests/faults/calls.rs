//! What can go wrong: how each system call can fail, and after which failures a start goes on, rightly.

use crate::tracer::Call;
use libc::*;

/// How one call fails.
pub struct Row {
    pub name: &'static str,
    number: c_long,
    /// The argument that makes another call of it: which, which bits of it, their value.
    when: Option<(usize, u64, u64)>,
    /// How it fails once: the error numbers of its manual page that can happen to us.
    pub errors: &'static [c_int],
    /// How it fails always: on a kernel, under a filter (seccomp(2)) or on a file system that does not have it.
    pub always: &'static [c_int],
    /// Words of which the step that failed has one in its name; none where any step may make the call.
    pub steps: &'static [&'static str],
}

const fn row(name: &'static str, number: c_long, errors: &'static [c_int], steps: &'static [&'static str]) -> Row {
    Row { name, number, when: None, errors, always: &[], steps }
}

impl Row {
    const fn when(self, argument: usize, value: i64) -> Row {
        Row { when: Some((argument, u32::MAX as u64, value as u64)), ..self }
    }

    const fn with(self, argument: usize, bits: i64) -> Row {
        Row { when: Some((argument, bits as u64, bits as u64)), ..self }
    }

    const fn or_always(self, always: &'static [c_int]) -> Row {
        Row { always, ..self }
    }

    fn is_of(&self, call: &Call) -> bool {
        let is_its = |(argument, bits, value): (usize, u64, u64)| call.arguments[argument] & bits == value;
        self.number == call.number && self.when.is_none_or(is_its)
    }
}

/// Not there (an older kernel), or forbidden (a filter).
const REFUSED: &[c_int] = &[ENOSYS, EPERM];

/// Every call that a start may make. The first row that fits counts.
///
/// Left out is what would be a lie and no failure: EBADF, EFAULT, a kill's ESRCH, EACCES or EPERM of one setpgid among
/// others that are answered, EAGAIN of a message that has come. What every kernel and filter lets through does not fail
/// always.
const ROWS: &[Row] = &[
    // Memory.
    row("mmap", SYS_mmap, &[ENOMEM], &[]),
    row("madvise", SYS_madvise, &[EINVAL, ENOMEM], &[]).or_always(REFUSED),
    row("munmap", SYS_munmap, &[ENOMEM], &[]),
    row("mprotect", SYS_mprotect, &[ENOMEM], &[]),
    // It answers with the end that there is, never with an error number.
    row("brk", SYS_brk, &[], &[]),
    row("memfd_create", SYS_memfd_create, &[EMFILE, ENFILE, ENOMEM], &[]).or_always(REFUSED),
    // Signals.
    row("rt_sigprocmask", SYS_rt_sigprocmask, &[EINVAL], &["signal"]).or_always(REFUSED),
    row("rt_sigaction", SYS_rt_sigaction, &[EINVAL], &["signal"]).or_always(REFUSED),
    row("rt_sigtimedwait", SYS_rt_sigtimedwait, &[EINTR], &[]),
    row("signalfd4", SYS_signalfd4, &[EINVAL, EMFILE, ENFILE, ENOMEM], &[]).or_always(REFUSED),
    row("kill", SYS_kill, &[EPERM], &[]),
    row("tgkill", SYS_tgkill, &[EPERM], &[]),
    // Processes.
    row("clone", SYS_clone, &[EAGAIN, ENOMEM, EPERM], &["fork"]).or_always(REFUSED),
    row("clone3", SYS_clone3, &[EAGAIN, ENOMEM, EPERM], &["fork"]).or_always(REFUSED),
    row("vfork", SYS_vfork, &[EAGAIN, ENOMEM], &["fork"]).or_always(REFUSED),
    row("fork", SYS_fork, &[EAGAIN, ENOMEM], &["fork"]).or_always(REFUSED),
    row("waitid WNOHANG", SYS_waitid, &[], &[]).with(3, WNOHANG as i64),
    row("waitid", SYS_waitid, &[ECHILD, EINTR], &[]),
    row("wait4 WNOHANG", SYS_wait4, &[], &[]).with(2, WNOHANG as i64),
    row("wait4", SYS_wait4, &[ECHILD, EINTR], &[]),
    row("pidfd_open", SYS_pidfd_open, &[EINVAL, EMFILE, ENFILE, ENOMEM], &[]).or_always(REFUSED),
    row("pidfd_send_signal", SYS_pidfd_send_signal, &[EPERM], &[]).or_always(REFUSED),
    row("setsid", SYS_setsid, &[EPERM], &["session"]).or_always(REFUSED),
    row("setpgid", SYS_setpgid, &[EINVAL, ESRCH], &[]).or_always(REFUSED),
    row(
        "execve",
        SYS_execve,
        &[E2BIG, EACCES, EAGAIN, EIO, EISDIR, ELOOP, ENOENT, ENOEXEC, ENOMEM, ENOTDIR, EPERM, ETXTBSY],
        &["execute", "interpreter"],
    ),
    row("execveat", SYS_execveat, &[E2BIG, EACCES, ENOENT, ENOEXEC, ENOMEM, ETXTBSY], &["execute", "interpreter"])
        .or_always(REFUSED),
    row("prctl PR_SET_CHILD_SUBREAPER", SYS_prctl, &[EINVAL], &["orphans"])
        .when(0, PR_SET_CHILD_SUBREAPER as i64)
        .or_always(REFUSED),
    row("prctl PR_SET_PDEATHSIG", SYS_prctl, &[EINVAL], &["monitor"])
        .when(0, PR_SET_PDEATHSIG as i64)
        .or_always(REFUSED),
    row("prctl PR_SET_NAME", SYS_prctl, &[EFAULT], &[]).when(0, PR_SET_NAME as i64).or_always(REFUSED),
    row("prctl PR_SET_KEEPCAPS", SYS_prctl, &[EPERM], &["capabilities", "user"])
        .when(0, PR_SET_KEEPCAPS as i64)
        .or_always(REFUSED),
    row("prctl PR_CAPBSET_DROP", SYS_prctl, &[EINVAL, EPERM], &["capabilities"])
        .when(0, PR_CAPBSET_DROP as i64)
        .or_always(REFUSED),
    row("prctl PR_CAPBSET_READ", SYS_prctl, &[EINVAL], &["capabilities"])
        .when(0, PR_CAPBSET_READ as i64)
        .or_always(REFUSED),
    row("prctl PR_CAP_AMBIENT", SYS_prctl, &[EINVAL, EPERM], &["capabilities"])
        .when(0, PR_CAP_AMBIENT as i64)
        .or_always(REFUSED),
    row("prctl PR_SET_NO_NEW_PRIVS", SYS_prctl, &[EINVAL], &["privileges"])
        .when(0, PR_SET_NO_NEW_PRIVS as i64)
        .or_always(REFUSED),
    row("prctl PR_SET_SECUREBITS", SYS_prctl, &[EPERM], &["capabilities"])
        .when(0, PR_SET_SECUREBITS as i64)
        .or_always(REFUSED),
    // Time.
    row("nanosleep", SYS_nanosleep, &[EINTR], &[]).or_always(REFUSED),
    row("clock_nanosleep", SYS_clock_nanosleep, &[EINTR], &[]).or_always(REFUSED),
    row("clock_gettime", SYS_clock_gettime, &[], &[]),
    row("poll", SYS_poll, &[EINTR, ENOMEM], &[]),
    row("ppoll", SYS_ppoll, &[EINTR, ENOMEM], &[]),
    row("sched_yield", SYS_sched_yield, &[], &[]),
    row("futex", SYS_futex, &[EAGAIN, EINTR], &[]),
    // Descriptors.
    row("close_range", SYS_close_range, &[ENOMEM], &["close"]).or_always(REFUSED),
    row("dup2", SYS_dup2, &[EBUSY, EINTR, EMFILE], &["redirect", "null", "channel"]),
    row("dup3", SYS_dup3, &[EBUSY, EINTR, EMFILE], &["redirect", "null", "channel"]),
    row("dup", SYS_dup, &[EMFILE], &[]),
    row("fcntl F_DUPFD", SYS_fcntl, &[EMFILE], &[]).when(1, F_DUPFD as i64),
    row("fcntl F_DUPFD_CLOEXEC", SYS_fcntl, &[EMFILE], &[]).when(1, F_DUPFD_CLOEXEC as i64),
    row("fcntl F_GETFD", SYS_fcntl, &[], &[]).when(1, F_GETFD as i64),
    row("fcntl F_SETFD", SYS_fcntl, &[], &[]).when(1, F_SETFD as i64),
    row("fcntl F_GETFL", SYS_fcntl, &[], &[]).when(1, F_GETFL as i64),
    row("fcntl F_SETFL", SYS_fcntl, &[EPERM], &["open"]).when(1, F_SETFL as i64),
    row("fcntl F_SETOWN", SYS_fcntl, &[EINVAL], &[]).when(1, F_SETOWN as i64).or_always(REFUSED),
    row("fcntl F_SETSIG", SYS_fcntl, &[EINVAL], &[]).when(1, 10).or_always(REFUSED),
    row("fcntl F_SETLK", SYS_fcntl, &[EINTR, EINVAL, ENOLCK], &["lock"])
        .when(1, F_SETLK as i64)
        .or_always(&[ENOLCK, ENOSYS]),
    row("fcntl F_GETLK", SYS_fcntl, &[EINVAL, ENOLCK], &["lock"]).when(1, F_GETLK as i64).or_always(&[ENOLCK, ENOSYS]),
    row("close", SYS_close, &[EINTR, EIO, ENOSPC], &[]),
    row("pipe2", SYS_pipe2, &[EMFILE, ENFILE], &["fork", "channel"]),
    row("ioctl", SYS_ioctl, &[ENOTTY], &[]),
    row("lseek", SYS_lseek, &[EINVAL, ESPIPE], &[]),
    row("read", SYS_read, &[EINTR, EIO], &[]),
    row("pread64", SYS_pread64, &[EINTR, EIO], &["lock", "open"]),
    row("write", SYS_write, &[EAGAIN, EFBIG, EINTR, EIO, ENOSPC], &[]),
    row("writev", SYS_writev, &[EAGAIN, EFBIG, EINTR, EIO, ENOSPC], &[]),
    row("pwrite64", SYS_pwrite64, &[EDQUOT, EFBIG, EINTR, EIO, ENOSPC], &["write pidfile"]),
    row("ftruncate", SYS_ftruncate, &[EINTR, EIO, EPERM], &["write pidfile"]),
    row("fsync", SYS_fsync, &[EIO], &["write pidfile"]),
    row("sendmsg", SYS_sendmsg, &[EAGAIN, EINTR], &[]),
    row("sendto", SYS_sendto, &[EAGAIN, EINTR], &[]),
    row("recvmsg", SYS_recvmsg, &[EINTR, ENOMEM], &["readiness"]),
    row("socket", SYS_socket, &[EACCES, EMFILE, ENFILE, ENOMEM], &[]).or_always(REFUSED),
    // To a name of the kernel's choice: ENOSPC when all are taken.
    row("bind", SYS_bind, &[EACCES, EINTR, ENOMEM, ENOSPC], &["channel"]).or_always(REFUSED),
    row("setsockopt", SYS_setsockopt, &[ENOMEM], &["channel"]).or_always(REFUSED),
    row("getsockname", SYS_getsockname, &[], &["channel"]).or_always(REFUSED),
    // Files and folders.
    row(
        "openat",
        SYS_openat,
        &[EACCES, EINTR, EISDIR, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, ENOTDIR, ENXIO, EPERM, EROFS],
        &["open", "find", "lock"],
    ),
    row("newfstatat AT_EMPTY_PATH", SYS_newfstatat, &[EIO, ENOMEM, EOVERFLOW], &["open", "lock", "find"])
        .with(3, AT_EMPTY_PATH as i64),
    row("newfstatat", SYS_newfstatat, &[EACCES, ELOOP, ENOENT, ENOMEM], &["open", "lock", "find"]),
    row("fstat", SYS_fstat, &[EIO, ENOMEM], &["open", "lock", "find"]),
    row("statx", SYS_statx, &[EACCES, ENOENT, ENOMEM], &["open", "lock", "find"]).or_always(REFUSED),
    row("faccessat", SYS_faccessat, &[EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR], &["execute", "interpreter"])
        .or_always(REFUSED),
    row("unlinkat", SYS_unlinkat, &[EACCES, EBUSY, EIO, EROFS], &[]),
    row("renameat2", SYS_renameat2, &[EACCES, EINVAL, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR, EROFS], &[])
        .or_always(REFUSED),
    row("mknodat", SYS_mknodat, &[EACCES, EEXIST, ENOSPC, EPERM, EROFS], &["null"]).or_always(&[EPERM]),
    row("getdents64", SYS_getdents64, &[ENOENT], &["close"]).or_always(REFUSED),
    row("readlinkat", SYS_readlinkat, &[EACCES, ENOENT], &[]),
    row("getcwd", SYS_getcwd, &[EACCES, ENOENT, ENOMEM], &["find the current directory"]),
    row("chdir", SYS_chdir, &[EACCES, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR], &["change"]),
    row("fchdir", SYS_fchdir, &[EACCES], &["change"]),
    row("chroot", SYS_chroot, &[EACCES, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR, EPERM], &["root"]).or_always(REFUSED),
    // Who it is and what it may.
    row("setgroups", SYS_setgroups, &[EINVAL, ENOMEM, EPERM], &["group"]).or_always(REFUSED),
    row("setresgid", SYS_setresgid, &[EINVAL, EPERM], &["group", "rights"]).or_always(REFUSED),
    row("setresuid", SYS_setresuid, &[EAGAIN, EINVAL, EPERM], &["user", "rights"]).or_always(REFUSED),
    row("setfsuid", SYS_setfsuid, &[], &[]),
    row("setfsgid", SYS_setfsgid, &[], &[]),
    row("capset", SYS_capset, &[EINVAL, EPERM], &["capabilities"]).or_always(REFUSED),
    row("capget", SYS_capget, &[EINVAL, EPERM], &["capabilities", "identity"]).or_always(REFUSED),
    row("getresuid", SYS_getresuid, &[], &["identity"]).or_always(REFUSED),
    row("getresgid", SYS_getresgid, &[], &["identity"]).or_always(REFUSED),
    row("getgroups", SYS_getgroups, &[EINVAL], &["identity"]).or_always(REFUSED),
    row("prlimit64", SYS_prlimit64, &[EINVAL, EPERM], &["limits", "close"]).or_always(REFUSED),
    row("setpriority", SYS_setpriority, &[EACCES, EPERM], &["nice"]).or_always(REFUSED),
    row("sched_setscheduler", SYS_sched_setscheduler, &[EINVAL, EPERM], &["scheduling"]).or_always(REFUSED),
    row("sched_setattr", SYS_sched_setattr, &[EINVAL, EPERM], &["scheduling"]).or_always(REFUSED),
    row("ioprio_set", SYS_ioprio_set, &[EINVAL, EPERM], &["I/O"]).or_always(REFUSED),
    // What only other launchers call, or the C library and its loader for them.
    row("access", SYS_access, &[EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR], &[]),
    row("unlink", SYS_unlink, &[EACCES, EBUSY, EIO, EROFS], &[]),
    row("readlink", SYS_readlink, &[EACCES, ENOENT], &[]),
    row("getrandom", SYS_getrandom, &[EAGAIN], &[]),
    row("connect", SYS_connect, &[EACCES, EAGAIN, ECONNREFUSED, EINTR, ENOENT], &[]),
    row("getsockopt", SYS_getsockopt, &[], &[]),
    row("pselect6", SYS_pselect6, &[EINTR, ENOMEM], &[]),
    row("prctl PR_GET_NAME", SYS_prctl, &[], &[]).when(0, PR_GET_NAME as i64),
    row("arch_prctl", SYS_arch_prctl, &[], &[]),
    row("set_tid_address", SYS_set_tid_address, &[], &[]),
    row("set_robust_list", SYS_set_robust_list, &[], &[]),
    row("rseq", SYS_rseq, &[], &[]),
    row("rt_sigreturn", SYS_rt_sigreturn, &[], &[]),
    // They cannot fail.
    row("getpid", SYS_getpid, &[], &[]),
    row("gettid", SYS_gettid, &[], &[]),
    row("getppid", SYS_getppid, &[], &[]),
    row("getpgrp", SYS_getpgrp, &[], &[]),
    row("getpgid", SYS_getpgid, &[], &[]),
    row("getsid", SYS_getsid, &[ESRCH], &[]),
    row("getuid", SYS_getuid, &[], &[]),
    row("geteuid", SYS_geteuid, &[], &[]),
    row("getgid", SYS_getgid, &[], &[]),
    row("getegid", SYS_getegid, &[], &[]),
    row("umask", SYS_umask, &[], &[]),
    row("exit", SYS_exit, &[], &[]),
    row("exit_group", SYS_exit_group, &[], &[]),
];

/// The row of a call.
pub fn row_of(call: &Call) -> &'static Row {
    let Call { number, arguments, .. } = call;
    let found = ROWS.iter().find(|row| row.is_of(call));
    found.unwrap_or_else(|| panic!("faults/calls.rs needs a row for call {number} with {arguments:x?}"))
}

/// The call with the name that it is about. A process has another number in every run.
pub fn label(call: &Call) -> String {
    let mut parts: Vec<_> = call.path.split('/').collect();
    if let ["", "proc", number, ..] = &mut parts[..]
        && number.parse::<u32>().is_ok()
    {
        *number = "PID";
    }
    format!("{} {}", row_of(call).name, parts.join("/")).trim_end().to_owned()
}

/// Are both the same call about the same?
pub fn is_same(one: &Call, other: &Call) -> bool {
    std::ptr::eq(row_of(one), row_of(other)) && label(one) == label(other)
}

/// Does it take a length, so that it may do less than it was asked for?
pub fn can_be_short(call: &Call) -> bool {
    let is_long = call.arguments[2] > 1;
    is_long && [SYS_read, SYS_pread64, SYS_write, SYS_writev, SYS_pwrite64].contains(&call.number)
}

/// May it be one of a program's loader, or of what the C library does before main? It is about memory or a library then, or
/// only the C library makes it.
pub fn is_loading(call: &Call) -> bool {
    #![allow(non_upper_case_globals)] // the names are libc's
    let is_own = matches!(
        call.number,
        SYS_brk
            | SYS_mmap
            | SYS_munmap
            | SYS_mprotect
            | SYS_arch_prctl
            | SYS_set_tid_address
            | SYS_set_robust_list
            | SYS_rseq
            | SYS_getrandom
            | SYS_prlimit64
            | SYS_close
            | SYS_read
            | SYS_pread64
    );
    let places = ["/etc/ld.so.", "/lib/", "/usr/lib/", "/proc/self/exe"];
    is_own || places.iter().any(|place| call.path.starts_with(place))
}

/// Is it what tells the caller that something went wrong?
pub fn is_message(call: &Call) -> bool {
    [SYS_write, SYS_writev].contains(&call.number) && call.arguments[0] == 2
}

/// In place of error numbers: the call did only a part of its work.
pub const SHORT: &[c_int] = &[0];

/// Whatever it answers.
const ANY: &[c_int] = &[];

/// After these failures the start goes on, rightly: calls (all whose label begins so), error numbers, why.
const HARMLESS: &[(&str, &[c_int], &str)] = &[
    ("close_range", ANY, "there is /proc/self/fd, and closing one by one"),
    ("openat /proc/thread-self/children", ANY, "then all children count as the caller's own, and none is ended"),
    ("read", &[EIO], "the same"),
    ("openat /proc/PID/status", ANY, "the text of a pidfile is taken as it stands"),
    ("openat /etc/group", &[ENOENT], "without the file nobody is in another group"),
    ("madvise", ANY, "a page more for the monitor"),
    ("close", ANY, "Linux frees the number whatever it answers"),
    ("openat /dev/null", ANY, "dmz makes a null device of its own"),
    ("newfstatat AT_EMPTY_PATH /dev/null", ANY, "the same"),
    ("openat /dev/tty", ANY, "there is no terminal to hand over"),
    ("ioctl", &[ENOTTY], "the same"),
    ("openat x.pid", &[ENOENT], "somebody removed it in between: made again"),
    ("newfstatat x.", &[ENOENT], "somebody removed it in between: opened again"),
    ("newfstatat ./x.", &[ENOENT], "somebody removed it in between: opened again"),
    ("renameat2", ANY, "it changes nothing: a rename of somebody else's is not waited for"),
    ("dup3", &[EBUSY, EINTR], "done again"),
    ("pread64", &[EINTR], "done again"),
    ("pread64", SHORT, "a part is enough to see what it is"),
    ("pwrite64", &[EINTR], "done again"),
    ("pwrite64", SHORT, "the rest is written then"),
    ("write", &[EINTR], "done again"),
    ("write", SHORT, "the rest is written then"),
    ("openat", &[EINTR], "done again"),
    ("ftruncate", &[EINTR], "done again"),
    ("fcntl F_SETLK", &[EINTR], "done again"),
    ("read", &[EINTR], "read again"),
    ("read", SHORT, "the rest is read then"),
    ("waitid", &[ECHILD, EINTR], "asked again, or somebody else has waited"),
    ("wait4", &[ECHILD, EINTR], "asked again, or somebody else has waited"),
    ("poll", &[EINTR], "looked at what there is, and waited again"),
    ("ppoll", &[EINTR], "looked at what there is, and waited again"),
    ("rt_sigtimedwait", &[EINTR], "looked at what there is, and waited again"),
    ("setpgid", &[EINVAL, ENOSYS, EPERM, ESRCH], "another sign has to do as proof of the exec"),
    ("getsid", &[ESRCH], "a sender that has gone is known by its user"),
    ("kill", &[EPERM], "whoever is told looks for himself, too"),
    ("nanosleep", ANY, "the moment was shorter"),
    ("clock_nanosleep", ANY, "the moment was shorter"),
    ("prctl PR_SET_NAME", ANY, "ps(1) shows the old name"),
    ("prctl PR_CAPBSET", &[EINVAL], "the kernel knows no more of them"),
    ("prlimit64", REFUSED, "a core file more, when the launcher dies like the program"),
    ("prctl PR_SET_CHILD_SUBREAPER", ANY, "only a daemon whose session process is killed is out of reach"),
];

/// After these kills the start goes on, rightly: victim, at which calls (all whose process and label begin so), why.
const SURVIVED: &[(&str, &str, &str)] = &[
    ("session", "session, exit_group", "it has done its work"),
    ("monitor", "monitor, exit_group", "it has done its work"),
    ("monitor", "launcher, exit_group", "the start is over"),
    ("session", "launcher, ", "the launcher sleeps until the session process has done its work"),
];

/// These failures are told with another reason: calls, error numbers, what is said.
const OTHER_WORDS: &[(&str, &[c_int], &str)] = &[
    ("waitid", &[ECHILD], "its process was killed"),
    ("setpgid", &[EPERM], "its process was killed"),
    ("prctl PR_CAPBSET_READ", REFUSED, "Invalid argument"),
    ("execve", &[ENOENT], "its interpreter or loader is not there"),
    // Only a look at what the exec has said already.
    ("faccessat /nowhere/program", ANY, "No such file or directory"),
];

/// What may fail besides the steps of the plan.
pub const OTHER_STEPS: &[&str] = &["write to standard output", "find ", "fork", "await readiness of "];

/// Does the start go on after this call fails so?
pub fn is_harmless(call: &Call, errors: &[c_int]) -> bool {
    let label = label(call);
    HARMLESS.iter().any(|row| label.starts_with(row.0) && fits(row.1, errors))
}

/// Does it go on when `victim` is killed at this call of `whose`?
pub fn is_survived(victim: &str, whose: &str, call: &Call) -> bool {
    let label = format!("{whose}, {}", label(call));
    SURVIVED.iter().any(|row| victim == row.0 && label.starts_with(row.1))
}

/// Is it made again and again until something has happened, so that nobody knows how often?
pub fn is_asked_again(call: &Call) -> bool {
    let again = [
        SYS_nanosleep,
        SYS_clock_nanosleep,
        SYS_sched_yield,
        SYS_setpgid,
        SYS_waitid,
        SYS_wait4,
        SYS_poll,
        SYS_ppoll,
        SYS_rt_sigtimedwait,
    ];
    again.contains(&call.number)
}

/// Is this another way to tell of the failure?
pub fn is_other_reason(call: &Call, error: c_int, reason: &str) -> bool {
    let label = label(call);
    OTHER_WORDS.iter().any(|row| label.starts_with(row.0) && fits(row.1, &[error]) && reason == row.2)
}

/// Are these error numbers in a row's?
fn fits(row: &[c_int], errors: &[c_int]) -> bool {
    row == errors || errors != SHORT && (row == ANY || errors.iter().all(|error| row.contains(error)))
}

/// Can this step be the one that makes the call?
pub fn is_step_of(call: &Call, step: &str) -> bool {
    let steps = row_of(call).steps;
    steps.is_empty() || steps.iter().any(|word| step.contains(word))
}
