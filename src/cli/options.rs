//! The option table: one entry per option, with its names, its value and its help. `--help`, the parser and the tests
//! read this one list.

use crate::plan::Opt;

/// An option as a person sees it.
pub struct Entry {
    /// Which one it is.
    pub opt: Opt,
    /// The letter, or `-`.
    pub short: u8,
    /// The long name, without its dashes.
    pub long: &'static str,
    /// What its value is called in the help; empty for a switch, in brackets for a value that may be left out.
    pub value: &'static str,
    /// One line of help.
    pub help: &'static str,
}

const fn entry(opt: Opt, short: u8, long: &'static str, value: &'static str, help: &'static str) -> Entry {
    Entry { opt, short, long, value, help }
}

/// Every option, in the order of the help.
#[rustfmt::skip]
pub const OPTIONS: &[Entry] = &[
    entry(Opt::Pidfile, b'p', "pidfile", "FILE", "write and lock the process id there"),
    entry(Opt::Lockfile, b'l', "lockfile", "FILE", "lock this file too"),
    entry(Opt::NoLock, b'-', "no-lock", "", "leave the pidfile unlocked"),
    entry(Opt::Chdir, b'c', "chdir", "DIR", "working directory (/)"),
    entry(Opt::Umask, b'k', "umask", "MODE", "file mode creation mask, octal (0)"),
    entry(Opt::Stdin, b'i', "stdin", "FILE", "standard input (/dev/null)"),
    entry(Opt::Stdout, b'o', "stdout", "FILE", "standard output (/dev/null)"),
    entry(Opt::Stderr, b'e', "stderr", "FILE", "standard error (/dev/null)"),
    entry(Opt::Append, b'a', "append", "", "append to -o and -e"),
    entry(Opt::Env, b'E', "env", "NAME=VALUE", "set in the environment*"),
    entry(Opt::Unset, b'-', "unset", "NAME", "remove from the environment*"),
    entry(Opt::ClearEnv, b'-', "clear-env", "", "start from an empty environment"),
    entry(Opt::KeepFd, b'-', "keep-fd", "N", "keep descriptor N*"),
    entry(Opt::NoClose, b'C', "no-close", "", "keep every descriptor from 3 on"),
    entry(Opt::KeepSignals, b'-', "keep-signals", "", "keep mask and ignored signals"),
    entry(Opt::Argv0, b'n', "argv0", "NAME", "argument 0 of the program"),
    entry(Opt::Initrd, b'-', "initrd", "", "put @ before it: systemd spares it"),
    #[cfg(feature = "identity")]
    entry(Opt::User, b'u', "user", "USER[:GROUP]", "run as this user"),
    #[cfg(feature = "identity")]
    entry(Opt::Group, b'g', "group", "GROUP", "run as this group"),
    #[cfg(feature = "identity")]
    entry(Opt::Groups, b'-', "groups", "G,...", "supplementary groups"),
    #[cfg(feature = "identity")]
    entry(Opt::Chroot, b'R', "chroot", "DIR", "root directory"),
    #[cfg(feature = "identity")]
    entry(Opt::NoNewPrivs, b'-', "no-new-privs", "", "forbid to gain privileges"),
    #[cfg(feature = "identity")]
    entry(Opt::Caps, b'-', "caps", "LIST", "keep only these capabilities (or none)"),
    #[cfg(feature = "identity")]
    entry(Opt::Nice, b'N', "nice", "N", "nice value"),
    #[cfg(feature = "identity")]
    entry(Opt::Rlimit, b'-', "rlimit", "NAME=SOFT[:HARD]", "resource limit*"),
    #[cfg(feature = "identity")]
    entry(Opt::OomScoreAdj, b'-', "oom-score-adj", "N", "OOM score adjustment"),
    #[cfg(feature = "identity")]
    entry(Opt::Cgroup, b'-', "cgroup", "DIR", "control group"),
    #[cfg(feature = "identity")]
    entry(Opt::Ionice, b'-', "ionice", "CLASS[:N]", "I/O class and level"),
    #[cfg(feature = "identity")]
    entry(Opt::Sched, b'-', "sched", "POLICY[:N]", "scheduling policy and priority"),
    entry(Opt::Foreground, b'f', "foreground", "", "do not detach, become the program"),
    entry(Opt::SingleFork, b'-', "single-fork", "", "let it lead its session"),
    entry(Opt::Wait, b'w', "wait", "", "wait for its end, return its status"),
    #[cfg(feature = "monitor")]
    entry(Opt::Supervise, b'S', "supervise", "", "leave a monitor with the program"),
    #[cfg(feature = "monitor")]
    entry(Opt::Init, b'I', "init", "", "be the monitor, do not detach"),
    #[cfg(feature = "monitor")]
    entry(Opt::Restart, b'r', "restart", "[=failure]", "start it again when it ends"),
    #[cfg(feature = "monitor")]
    entry(Opt::RestartDelay, b'-', "restart-delay", "MS", "first delay, then doubled (100)"),
    #[cfg(feature = "monitor")]
    entry(Opt::RestartMax, b'-', "restart-max", "N", "give up after N restarts in a row"),
    #[cfg(feature = "monitor")]
    entry(Opt::StopSignal, b'-', "stop-signal", "SIG", "how the monitor stops it (TERM)"),
    #[cfg(feature = "monitor")]
    entry(Opt::StopTimeout, b'-', "stop-timeout", "SECS", "KILL after so long (10)"),
    #[cfg(feature = "monitor")]
    entry(Opt::Target, b'-', "target", "WHO", "signal the process or its group"),
    #[cfg(feature = "monitor")]
    entry(Opt::Map, b'-', "map", "A:B", "forward signal A as B, 0 for not*"),
    #[cfg(feature = "monitor")]
    entry(Opt::ExitOk, b'-', "exit-ok", "LIST", "statuses, signals that are success"),
    #[cfg(feature = "monitor")]
    entry(Opt::AtExit, b'-', "at-exit", "ACTION", "as PID 1: exit poweroff reboot halt"),
    #[cfg(feature = "ready")]
    entry(Opt::Ready, b'-', "ready", "HOW", "exec fd:N notify exit[:FILE]"),
    #[cfg(any(feature = "ready", feature = "control"))]
    entry(Opt::Timeout, b't', "timeout", "SECS", "limit for --ready, and for -K (15)"),
    #[cfg(feature = "control")]
    entry(Opt::Status, b'T', "status", "", "does the daemon of -p run? 0 1 3 4"),
    #[cfg(feature = "control")]
    entry(Opt::Stop, b'K', "stop", "", "stop the daemon of -p"),
    #[cfg(feature = "control")]
    entry(Opt::Signal, b's', "signal", "SIG", "send the daemon of -p a signal"),
    entry(Opt::PrintPid, b'P', "print-pid", "", "print the process id"),
    entry(Opt::DryRun, b'-', "dry-run", "", "print the plan, do nothing"),
    entry(Opt::Verbose, b'v', "verbose", "", "tell the story of the start"),
    entry(Opt::Quiet, b'q', "quiet", "", "no messages"),
    entry(Opt::Help, b'h', "help", "", "print this help"),
    entry(Opt::Version, b'V', "version", "", "print the version"),
];

/// Options that exclude each other.
pub const CONFLICTS: &[[Opt; 2]] = &[
    [Opt::Foreground, Opt::Wait],
    [Opt::Foreground, Opt::SingleFork],
    [Opt::NoLock, Opt::Lockfile],
    #[cfg(feature = "monitor")]
    [Opt::Foreground, Opt::Supervise],
    #[cfg(feature = "monitor")]
    [Opt::Foreground, Opt::Init],
    #[cfg(feature = "monitor")]
    [Opt::Foreground, Opt::Restart],
    #[cfg(feature = "monitor")]
    [Opt::Supervise, Opt::Wait],
    #[cfg(feature = "monitor")]
    [Opt::Supervise, Opt::SingleFork],
    #[cfg(feature = "monitor")]
    [Opt::Supervise, Opt::Init],
    #[cfg(feature = "ready")]
    [Opt::Foreground, Opt::Ready],
    #[cfg(feature = "control")]
    [Opt::Status, Opt::Stop],
    #[cfg(feature = "control")]
    [Opt::Status, Opt::Signal],
    #[cfg(feature = "control")]
    [Opt::Stop, Opt::Signal],
    #[cfg(feature = "control")]
    [Opt::NoLock, Opt::Status],
    #[cfg(feature = "control")]
    [Opt::NoLock, Opt::Stop],
    #[cfg(feature = "control")]
    [Opt::NoLock, Opt::Signal],
];

/// Asking, stopping, signalling: each is all that is done.
pub const CONTROLS: &[Opt] = &[Opt::Status, Opt::Stop, Opt::Signal];

/// Files that the program reads or writes must not be among those that are locked: any close would drop the lock.
pub const FILES: &[Opt] = &[Opt::Stdin, Opt::Stdout, Opt::Stderr];

/// What each option is, in the order of the table.
pub const OPTS: &[Opt] = &{
    let mut opts = [Opt::Help; OPTIONS.len()];
    let mut index = 0;
    while index < OPTIONS.len() {
        opts[index] = OPTIONS[index].opt;
        index += 1;
    }
    opts
};

/// Puts `piece` at `end` of `text`, as much of it as there is room for; where it ends. For the compiler.
pub const fn put(text: &mut [u8], mut end: usize, piece: &[u8]) -> usize {
    let mut index = 0;
    while index < piece.len() {
        if end < text.len() {
            text[end] = piece[index];
        }
        end += 1;
        index += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_there_once_and_plain() {
        let (mut letters, mut names) = (HashSet::new(), HashSet::new());
        for option in OPTIONS {
            assert!(option.short == b'-' || option.short.is_ascii_alphabetic());
            assert!(option.short == b'-' || letters.insert(option.short), "-{}", option.short as char);
            assert!(names.insert(option.long), "--{}", option.long);
            assert!(option.long.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit()));
            assert!(option.long.len() > 1);
        }
    }

    #[test]
    fn the_table_has_the_order_of_the_options() {
        assert!(OPTS.windows(2).all(|pair| (pair[0] as u8) < pair[1] as u8));
    }
}
