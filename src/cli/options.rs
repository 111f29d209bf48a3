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
    /// A few words of help.
    pub help: &'static str,
}

/// What the options from one on are about: a line of the help.
pub const GROUPS: &[(Opt, &str)] = &[
    (Opt::Pidfile, "Pidfile and lock"),
    (Opt::Chdir, "What the program gets"),
    (Opt::User, "As whom, within what limits"),
    (Opt::Foreground, "How it is started"),
    (Opt::Supervise, "The monitor"),
    (Opt::Ready, "Ready; status and stop"),
    (Opt::PrintPid, "What is printed"),
];

const fn entry(opt: Opt, short: u8, long: &'static str, value: &'static str, help: &'static str) -> Entry {
    Entry { opt, short, long, value, help }
}

/// Every option, in the order of the help.
#[rustfmt::skip]
pub const OPTIONS: &[Entry] = &[
    entry(Opt::Pidfile, b'p', "pidfile", "FILE", "PID and lock"),
    entry(Opt::Lockfile, b'l', "lockfile", "FILE", "lock alone"),
    entry(Opt::NoLock, b'-', "no-lock", "", "PID alone"),
    entry(Opt::Chdir, b'c', "chdir", "DIR", "directory (/)"),
    entry(Opt::Umask, b'k', "umask", "MODE", "mask (0)"),
    entry(Opt::Stdin, b'i', "stdin", "FILE", "input (null)"),
    entry(Opt::Stdout, b'o', "stdout", "FILE", "output (null)"),
    entry(Opt::Stderr, b'e', "stderr", "FILE", "errors (null)"),
    entry(Opt::Append, b'a', "append", "", "add to files"),
    entry(Opt::Env, b'E', "env", "NAME=VALUE", "set*"),
    entry(Opt::Unset, b'-', "unset", "NAME", "remove*"),
    entry(Opt::ClearEnv, b'-', "clear-env", "", "begin empty"),
    entry(Opt::KeepFd, b'-', "keep-fd", "N", "keep open*"),
    entry(Opt::NoClose, b'C', "no-close", "", "keep all open"),
    entry(Opt::KeepSignals, b'-', "keep-signals", "", "as they are"),
    entry(Opt::Argv0, b'n', "argv0", "NAME", "its argv[0]"),
    entry(Opt::Initrd, b'-', "initrd", "", "@ before it"),
    #[cfg(feature = "identity")]
    entry(Opt::User, b'u', "user", "USER[:GROUP]", "run as"),
    #[cfg(feature = "identity")]
    entry(Opt::Group, b'g', "group", "GROUP", "main group"),
    #[cfg(feature = "identity")]
    entry(Opt::Groups, b'-', "groups", "G,...", "other groups"),
    #[cfg(feature = "identity")]
    entry(Opt::Chroot, b'R', "chroot", "DIR", "new root"),
    #[cfg(feature = "identity")]
    entry(Opt::NoNewPrivs, b'-', "no-new-privs", "", "no new rights"),
    #[cfg(feature = "identity")]
    entry(Opt::Caps, b'-', "caps", "LIST", "keep only"),
    #[cfg(feature = "identity")]
    entry(Opt::Nice, b'N', "nice", "N", "nice value"),
    #[cfg(feature = "identity")]
    entry(Opt::Rlimit, b'-', "rlimit", "NAME=N[:N]", "a limit*"),
    #[cfg(feature = "identity")]
    entry(Opt::OomScoreAdj, b'-', "oom-score-adj", "N", "OOM score"),
    #[cfg(feature = "identity")]
    entry(Opt::Cgroup, b'-', "cgroup", "DIR", "control group"),
    #[cfg(feature = "identity")]
    entry(Opt::Ionice, b'-', "ionice", "CLASS[:N]", "I/O class"),
    #[cfg(feature = "identity")]
    entry(Opt::Sched, b'-', "sched", "POLICY[:N]", "scheduler"),
    entry(Opt::Foreground, b'f', "foreground", "", "no fork, exec"),
    entry(Opt::SingleFork, b'-', "single-fork", "", "lead session"),
    entry(Opt::Wait, b'w', "wait", "", "for its end"),
    #[cfg(feature = "monitor")]
    entry(Opt::Supervise, b'S', "supervise", "", "leave monitor"),
    #[cfg(feature = "monitor")]
    entry(Opt::Init, b'I', "init", "", "be monitor"),
    #[cfg(feature = "monitor")]
    entry(Opt::Restart, b'r', "restart", "[=failure]", "start again"),
    #[cfg(feature = "monitor")]
    entry(Opt::RestartDelay, b'-', "restart-delay", "MS", "first (100)"),
    #[cfg(feature = "monitor")]
    entry(Opt::RestartMax, b'-', "restart-max", "N", "so often"),
    #[cfg(feature = "monitor")]
    entry(Opt::StopSignal, b'-', "stop-signal", "SIG", "(TERM)"),
    #[cfg(feature = "monitor")]
    entry(Opt::StopTimeout, b'-', "stop-timeout", "SECS", "KILL (10)"),
    #[cfg(feature = "monitor")]
    entry(Opt::Target, b'-', "target", "WHO", "who hears"),
    #[cfg(feature = "monitor")]
    entry(Opt::Map, b'-', "map", "A:B", "pass A as B*"),
    #[cfg(feature = "monitor")]
    entry(Opt::ExitOk, b'-', "exit-ok", "LIST", "no failure"),
    #[cfg(feature = "monitor")]
    entry(Opt::AtExit, b'-', "at-exit", "ACTION", "of PID 1"),
    #[cfg(feature = "ready")]
    entry(Opt::Ready, b'-', "ready", "HOW", "started means"),
    #[cfg(any(feature = "ready", feature = "control"))]
    entry(Opt::Timeout, b't', "timeout", "SECS", "for it, or -K"),
    #[cfg(feature = "control")]
    entry(Opt::Status, b'T', "status", "", "0 1 3 4"),
    #[cfg(feature = "control")]
    entry(Opt::Stop, b'K', "stop", "", "stop it"),
    #[cfg(feature = "control")]
    entry(Opt::Signal, b's', "signal", "SIG", "signal it"),
    entry(Opt::PrintPid, b'P', "print-pid", "", "its PID"),
    entry(Opt::DryRun, b'-', "dry-run", "", "show the plan"),
    entry(Opt::Verbose, b'v', "verbose", "", "all its steps"),
    entry(Opt::Quiet, b'q', "quiet", "", "no messages"),
    entry(Opt::Help, b'h', "help", "", "this"),
    entry(Opt::Version, b'V', "version", "", "its number"),
];

/// Options that exclude each other; those that imply another one (as --restart does, and --ready exit) before that one.
pub const CONFLICTS: &[[Opt; 2]] = &[
    [Opt::Foreground, Opt::Wait],
    [Opt::Foreground, Opt::SingleFork],
    [Opt::NoLock, Opt::Lockfile],
    #[cfg(feature = "monitor")]
    [Opt::Foreground, Opt::Restart],
    #[cfg(feature = "ready")]
    [Opt::Foreground, Opt::Ready],
    #[cfg(feature = "monitor")]
    [Opt::Foreground, Opt::Supervise],
    #[cfg(feature = "monitor")]
    [Opt::Foreground, Opt::Init],
    #[cfg(feature = "monitor")]
    [Opt::Restart, Opt::Wait],
    #[cfg(feature = "monitor")]
    [Opt::Restart, Opt::SingleFork],
    #[cfg(feature = "monitor")]
    [Opt::Supervise, Opt::Wait],
    #[cfg(feature = "monitor")]
    [Opt::Supervise, Opt::SingleFork],
    #[cfg(feature = "monitor")]
    [Opt::Supervise, Opt::Init],
    #[cfg(feature = "monitor")]
    [Opt::Init, Opt::SingleFork],
    #[cfg(feature = "control")]
    [Opt::Status, Opt::Stop],
    #[cfg(feature = "control")]
    [Opt::Status, Opt::Signal],
    #[cfg(feature = "control")]
    [Opt::Stop, Opt::Signal],
    #[cfg(feature = "control")]
    [Opt::DryRun, Opt::Stop],
    #[cfg(feature = "control")]
    [Opt::DryRun, Opt::Signal],
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
