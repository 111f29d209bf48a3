//! The option table: one entry per option, with its names, its value, its help and its meaning. `--help`, the parser and
//! the tests read this one list.

use super::parse::Fault;
use crate::plan::{Flag, Text};

/// What an option means.
#[derive(Clone, Copy)]
pub enum Meaning {
    /// Its value is this text.
    Text(Text),
    /// It is a switch.
    Flag(Flag),
    /// Its value is a descriptor to keep. Repeatable.
    Keep,
    /// Its value is set in the environment. Repeatable.
    Set,
    /// Its value is removed from the environment. Repeatable.
    Unset,
    /// A switch that may have a value: restart always, or only after a failure.
    #[cfg(feature = "monitor")]
    Restart,
    /// Its value is a signal and as what it is passed on. Repeatable.
    #[cfg(feature = "monitor")]
    Map,
    /// Its value is a resource limit. Repeatable.
    #[cfg(feature = "identity")]
    Limit,
}

impl Meaning {
    /// May the option be given more than once, each one counting?
    pub const fn may_repeat(self) -> bool {
        matches!(self, Meaning::Keep | Meaning::Set | Meaning::Unset)
    }
}

/// An option as a person sees it, and its meaning.
pub struct Opt {
    /// The letter, or `-`.
    pub short: u8,
    /// The long name, without its dashes.
    pub long: &'static str,
    /// What its value is called in the help; empty for an option without one.
    pub value: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// What it means.
    pub meaning: Meaning,
}

const fn text(short: u8, long: &'static str, text: Text, value: &'static str, help: &'static str) -> Opt {
    Opt { short, long, value, help, meaning: Meaning::Text(text) }
}

const fn flag(short: u8, long: &'static str, flag: Flag, help: &'static str) -> Opt {
    Opt { short, long, value: "", help, meaning: Meaning::Flag(flag) }
}

const fn other(short: u8, long: &'static str, meaning: Meaning, value: &'static str, help: &'static str) -> Opt {
    Opt { short, long, value, help, meaning }
}

/// Every option, in the order of the help.
pub const OPTIONS: &[Opt] = &[
    text(b'p', "pidfile", Text::Pidfile, "FILE", "write and lock the process id there"),
    text(b'l', "lockfile", Text::Lockfile, "FILE", "lock this file too"),
    flag(b'-', "no-lock", Flag::NoLock, "leave the pidfile unlocked"),
    text(b'c', "chdir", Text::Directory, "DIR", "working directory (/)"),
    text(b'k', "umask", Text::Umask, "MODE", "file mode creation mask, octal (0)"),
    text(b'i', "stdin", Text::Stdin, "FILE", "standard input (/dev/null)"),
    text(b'o', "stdout", Text::Stdout, "FILE", "standard output (/dev/null)"),
    text(b'e', "stderr", Text::Stderr, "FILE", "standard error (/dev/null)"),
    flag(b'a', "append", Flag::Append, "append to -o and -e"),
    other(b'E', "env", Meaning::Set, "NAME=VALUE", "set in the environment*"),
    other(b'-', "unset", Meaning::Unset, "NAME", "remove from the environment*"),
    flag(b'-', "clear-env", Flag::ClearEnvironment, "start from an empty environment"),
    other(b'-', "keep-fd", Meaning::Keep, "N", "keep descriptor N*"),
    flag(b'C', "no-close", Flag::KeepAll, "keep every descriptor from 3 on"),
    flag(b'-', "keep-signals", Flag::KeepSignals, "keep mask and ignored signals"),
    text(b'n', "argv0", Text::Name, "NAME", "argument 0 of the program"),
    flag(b'-', "initrd", Flag::Initrd, "put @ before it: systemd spares it"),
    #[cfg(feature = "identity")]
    text(b'u', "user", Text::User, "USER[:GROUP]", "run as this user"),
    #[cfg(feature = "identity")]
    text(b'g', "group", Text::Group, "GROUP", "run as this group"),
    #[cfg(feature = "identity")]
    text(b'-', "groups", Text::Groups, "G,...", "supplementary groups"),
    #[cfg(feature = "identity")]
    text(b'R', "chroot", Text::Root, "DIR", "root directory"),
    #[cfg(feature = "identity")]
    flag(b'-', "no-new-privs", Flag::NoNewPrivs, "forbid to gain privileges"),
    #[cfg(feature = "identity")]
    text(b'-', "caps", Text::Caps, "LIST", "keep only these capabilities (or none)"),
    #[cfg(feature = "identity")]
    text(b'N', "nice", Text::Nice, "N", "nice value"),
    #[cfg(feature = "identity")]
    other(b'-', "rlimit", Meaning::Limit, "NAME=SOFT[:HARD]", "resource limit*"),
    #[cfg(feature = "identity")]
    text(b'-', "oom-score-adj", Text::OomScore, "N", "OOM score adjustment"),
    #[cfg(feature = "identity")]
    text(b'-', "cgroup", Text::Cgroup, "DIR", "control group"),
    #[cfg(feature = "identity")]
    text(b'-', "ionice", Text::IoPriority, "CLASS[:N]", "I/O class and level"),
    #[cfg(feature = "identity")]
    text(b'-', "sched", Text::Scheduling, "POLICY[:N]", "scheduling policy and priority"),
    flag(b'f', "foreground", Flag::Foreground, "do not detach, become the program"),
    flag(b'-', "single-fork", Flag::SingleFork, "let it lead its session"),
    flag(b'w', "wait", Flag::Wait, "wait for its end, return its status"),
    #[cfg(feature = "monitor")]
    flag(b'S', "supervise", Flag::Supervise, "leave a monitor with the program"),
    #[cfg(feature = "monitor")]
    flag(b'I', "init", Flag::Init, "be the monitor, do not detach"),
    #[cfg(feature = "monitor")]
    other(b'r', "restart", Meaning::Restart, "[=failure]", "start it again when it ends"),
    #[cfg(feature = "monitor")]
    text(b'-', "restart-delay", Text::RestartDelay, "MS", "first delay, then doubled (100)"),
    #[cfg(feature = "monitor")]
    text(b'-', "restart-max", Text::RestartMax, "N", "give up after N restarts in a row"),
    #[cfg(feature = "monitor")]
    text(b'-', "stop-signal", Text::StopSignal, "SIG", "how the monitor stops it (TERM)"),
    #[cfg(feature = "monitor")]
    text(b'-', "stop-timeout", Text::StopTimeout, "SECS", "KILL after so long (10)"),
    #[cfg(feature = "monitor")]
    text(b'-', "target", Text::Target, "WHO", "signal the process or its group"),
    #[cfg(feature = "monitor")]
    other(b'-', "map", Meaning::Map, "A:B", "forward signal A as B, 0 for not*"),
    #[cfg(feature = "monitor")]
    text(b'-', "exit-ok", Text::ExitOk, "LIST", "statuses, signals that are success"),
    #[cfg(feature = "monitor")]
    text(b'-', "at-exit", Text::AtExit, "ACTION", "as PID 1: exit poweroff reboot halt"),
    flag(b'P', "print-pid", Flag::PrintPid, "print the process id"),
    flag(b'-', "dry-run", Flag::DryRun, "print the plan, do nothing"),
    flag(b'v', "verbose", Flag::Verbose, "tell the story of the start"),
    flag(b'q', "quiet", Flag::Quiet, "no messages"),
    flag(b'h', "help", Flag::Help, "print this help"),
    flag(b'V', "version", Flag::Version, "print the version"),
];

/// Files that the program reads or writes must not be among those that are locked.
pub const FILES: &[Text] = &[Text::Stdin, Text::Stdout, Text::Stderr];

/// The files that are locked.
pub const LOCKS: &[Text] = &[Text::Pidfile, Text::Lockfile];

/// Switches that exclude each other.
pub const CONFLICTS: &[(Flag, Flag, Fault)] = &[
    (Flag::Foreground, Flag::Wait, Fault::ForegroundWait),
    (Flag::Foreground, Flag::SingleFork, Fault::ForegroundFork),
    (Flag::Foreground, Flag::Supervise, Fault::ForegroundSupervise),
    (Flag::Foreground, Flag::Init, Fault::ForegroundInit),
    (Flag::Supervise, Flag::Wait, Fault::SuperviseWait),
    (Flag::Supervise, Flag::SingleFork, Fault::SuperviseFork),
    (Flag::Init, Flag::Supervise, Fault::InitSupervise),
];

/// What the options mean, in the order of the table.
pub const MEANINGS: &[Meaning] = &{
    let mut meanings = [Meaning::Keep; OPTIONS.len()];
    let mut index = 0;
    while index < OPTIONS.len() {
        meanings[index] = OPTIONS[index].meaning;
        index += 1;
    }
    meanings
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
}
