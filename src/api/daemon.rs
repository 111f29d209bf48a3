//! What a daemon is to be like, and the start of another program as one.

use core::ffi::CStr;
use core::fmt;

use super::error::Error;
use crate::Word;
#[cfg(feature = "ready")]
use crate::plan::ready::Ready as Readiness;
use crate::plan::{Config, Opt, Reason, Step};
use crate::run::host;

/// The properties of a daemon: plain data, which can be a constant. [`spawn`](Daemon::spawn) starts another program as such
/// a daemon, [`detach`](Daemon::detach) makes this process one.
///
/// The defaults are the launcher's: a session of its own without a terminal, in `/`, descriptors 0 to 2 on the null device
/// and all others closed. But the umask is 022, since files that a Rust program creates would be writable by all with 0.
///
/// ```
/// use dmz::Daemon;
/// const SERVICE: Daemon = Daemon::new().pid_file(c"/run/service.pid").stderr(c"/var/log/service").append();
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct Daemon<'a> {
    pub(super) config: Config<'a>,
    pub(super) fork: Option<host::Fork>,
    pub(super) resets: bool,
}

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident $opt:ident;)*) => {
        $($(#[$doc])*
        pub const fn $name(mut self, text: &'a CStr) -> Self {
            self.config.set(Opt::$opt);
            self.config.set_text(Opt::$opt, Word::new(text));
            self
        })*
    };
}

macro_rules! switch {
    ($($(#[$doc:meta])* $name:ident $opt:ident;)*) => {
        $($(#[$doc])*
        pub const fn $name(mut self) -> Self {
            self.config.set(Opt::$opt);
            self
        })*
    };
}

impl<'a> Daemon<'a> {
    /// The default.
    pub const fn new() -> Daemon<'a> {
        let mut config = Config::new();
        config.set(Opt::Umask);
        config.umask = 0o022;
        Daemon { config, fork: None, resets: false }
    }

    text! {
        /// A pidfile: written and locked before the start succeeds. Relative to the current directory. The file is
        /// checked as by [`PidFile::lock`](crate::PidFile::lock).
        pid_file Pidfile;
        /// The working directory; inside the new root, with one.
        working_directory Chdir;
        /// A file for standard input.
        stdin Stdin;
        /// A file for standard output, made with mode 0640, emptied unless [`append`](Daemon::append).
        stdout Stdout;
        /// A file for standard error; the same name as for standard output shares it.
        stderr Stderr;
    }

    switch! {
        /// Appends to the output files.
        append Append;
        /// Keeps every inherited descriptor from 3 on.
        keep_all NoClose;
    }

    /// Keeps these descriptors; one that is not open is an error. A [spawned](Daemon::spawn) program gets them even if they
    /// are close-on-exec, as all that std opens are; in this process that flag does not change.
    pub const fn keep(mut self, descriptors: &'a [u32]) -> Self {
        self.config.set(Opt::KeepFd);
        self.config.keep = descriptors;
        self
    }

    /// The file mode creation mask, at most 0o777.
    pub const fn umask(mut self, mask: u32) -> Self {
        self.config.umask = mask;
        self
    }

    /// The time to become ready, in seconds. After it the daemon gets SIGTERM, and two seconds later it and what it has
    /// started get SIGKILL, and the start fails. The default is no limit. [`spawn`](Daemon::spawn) needs the feature `ready`
    /// for this.
    pub const fn timeout(mut self, seconds: u32) -> Self {
        self.config.set(Opt::Timeout);
        self.config.timeout = seconds;
        self
    }

    /// For [`detach`](Daemon::detach): sets every signal to its default action, and blocks none. Otherwise handlers, ignored
    /// and blocked signals stay, such as SIGPIPE, which std ignores. A spawned program always gets default signals.
    pub const fn reset_signals(mut self) -> Self {
        self.resets = true;
        self
    }

    /// For [`detach`](Daemon::detach): forks by this function, which must be fork(2) of the C library that the program uses
    /// (`libc::fork`). With the feature `std` that is the default. The caller of [`detach`](Daemon::detach) guarantees it.
    pub const fn fork_with(mut self, fork: host::Fork) -> Self {
        self.fork = Some(fork);
        self
    }

    /// Starts `program` as this daemon. Returns its process id when it has been executed and, with `ready_on` or
    /// `ready_when_notified`, is ready.
    ///
    /// The calling process does not change, and may have threads. The work is done in a copy of it (clone(2)), for which it
    /// gets no SIGCHLD and which a wait(2) for any child does not see. The copy takes time in proportion to the memory
    /// in use, since page tables are copied. If this process ends while it waits for the program, the start is undone.
    ///
    /// The program's parent is the nearest subreaper or PID 1. If that is this process, it has to wait(2) for the program.
    ///
    /// # Errors
    /// The step that failed and why; then nothing is left of the start: no process, and no pidfile that was not there before.
    /// The exception is a SIGKILL to the process that does the work ([`ErrorKind::Ended`](crate::ErrorKind)): then the start
    /// either completes or leaves nothing.
    ///
    /// ```no_run
    /// use dmz::{Daemon, Program};
    /// let program = Program::new(c"/usr/bin/sleep").arguments(&[c"sleep", c"60"]);
    /// let pid = Daemon::new().pid_file(c"/run/sleep.pid").spawn(&program)?;
    /// # Ok::<(), dmz::Error>(())
    /// ```
    pub fn spawn(&self, program: &Program<'_>) -> Result<i32, Error> {
        self.check()?;
        let mut config = self.config;
        if cfg!(feature = "ready") && config.has(Opt::Timeout) && !config.has(Opt::Ready) {
            config.set(Opt::Ready);
        }
        Ok(host::spawn(&config, &program.0)?)
    }

    /// What no start can do is refused before anything has been done. An empty text in particular is a mistake of who made
    /// it, and not the same as none: a daemon that was to be a user's must not be root's.
    pub(super) fn check(&self) -> Result<(), Error> {
        let config = &self.config;
        let mut wrong = TEXTS.iter().filter(|(opt, _)| config.has(*opt) && config.text(*opt).is_empty());
        if let Some((_, step)) = wrong.next() {
            return Err(Error::new(*step, Reason::INVALID));
        }
        if config.umask > 0o777 {
            return Err(Error::new(Step::SetUmask, Reason::INVALID));
        }
        if !config.keep.iter().all(|number| can_be_open(*number)) {
            return Err(Error::new(Step::CheckKept, Reason::BAD_DESCRIPTOR));
        }
        #[cfg(feature = "identity")]
        if !(-20..=19).contains(&config.nice) {
            return Err(Error::new(Step::SetNice, Reason::INVALID));
        }
        #[cfg(feature = "identity")]
        if config.limits.iter().any(|[resource, ..]| u32::try_from(*resource).is_err()) {
            return Err(Error::new(Step::SetLimits, Reason::INVALID));
        }
        #[cfg(feature = "ready")]
        if let Readiness::Descriptor(number) = config.ready
            && (number < 3 || !can_be_open(number))
        {
            return Err(Error::new(Step::PassChannel, Reason::BAD_DESCRIPTOR));
        }
        Ok(())
    }
}

/// Which step it is that needs a text.
const TEXTS: &[(Opt, Step)] = &[
    (Opt::Pidfile, Step::OpenPidfile),
    (Opt::Chdir, Step::ChangeDirectory),
    (Opt::Stdin, Step::OpenStdin),
    (Opt::Stdout, Step::OpenStdout),
    (Opt::Stderr, Step::OpenStderr),
    #[cfg(feature = "identity")]
    (Opt::User, Step::FindUser),
    #[cfg(feature = "identity")]
    (Opt::Group, Step::FindGroup),
    #[cfg(feature = "identity")]
    (Opt::Groups, Step::FindGroups),
    #[cfg(feature = "identity")]
    (Opt::Chroot, Step::ChangeRoot),
];

/// Can a descriptor have this number at all? The kernel counts to less than the highest integer, and that one stands for
/// none here.
pub(super) const fn can_be_open(number: u32) -> bool {
    number < i32::MAX as u32
}

#[cfg(feature = "identity")]
impl<'a> Daemon<'a> {
    text! {
        /// The user it runs as, `USER[:GROUP]`, by names of /etc/passwd and /etc/group or by numbers; with the user's
        /// supplementary groups, and without capabilities.
        user User;
        /// The group.
        group Group;
        /// The supplementary groups, `GROUP,GROUP…`, instead of the user's.
        groups Groups;
        /// A new root directory.
        root Chroot;
    }

    switch! {
        /// No exec gains privileges (prctl(2), `PR_SET_NO_NEW_PRIVS`).
        no_new_privileges NoNewPrivs;
    }

    /// The capabilities that stay: bit n for number n (capabilities(7)).
    pub const fn capabilities(mut self, bits: u64) -> Self {
        self.config.set(Opt::Caps);
        self.config.caps = bits;
        self
    }

    /// The nice value, -20 to 19.
    pub const fn nice(mut self, value: i32) -> Self {
        self.config.set(Opt::Nice);
        self.config.nice = value;
        self
    }

    /// Resource limits: the kernel's number of each, its soft and its hard limit (prlimit(2)).
    pub const fn limits(mut self, limits: &'a [[u64; 3]]) -> Self {
        self.config.set(Opt::Rlimit);
        self.config.limits = limits;
        self
    }
}

#[cfg(feature = "ready")]
impl Daemon<'_> {
    /// For [`spawn`](Daemon::spawn): the program is ready when it writes a newline on this descriptor, 3 or higher.
    pub const fn ready_on(mut self, descriptor: u32) -> Self {
        self.config.set(Opt::Ready);
        self.config.ready = Readiness::Descriptor(descriptor);
        self
    }

    /// For [`spawn`](Daemon::spawn): the program is ready when it says so by sd_notify(3).
    pub const fn ready_when_notified(mut self) -> Self {
        self.config.set(Opt::Ready);
        self.config.ready = Readiness::Notify;
        self
    }
}

impl Default for Daemon<'_> {
    fn default() -> Self {
        Daemon::new()
    }
}

impl fmt::Debug for Daemon<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Daemon")
    }
}

/// A program to start: its path, arguments and environment.
///
/// ```
/// use dmz::Program;
/// const SLEEP: Program = Program::new(c"sleep").arguments(&[c"sleep", c"60"]).environment(&[c"PATH=/usr/bin:/bin"]);
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct Program<'a>(host::Program<'a>);

impl<'a> Program<'a> {
    /// The program at `path`; a name without a slash is searched in the PATH of its environment, else in
    /// `/usr/sbin:/usr/bin:/sbin:/bin`. Without arguments, not even a name of its own, and with an empty environment.
    pub const fn new(path: &'a CStr) -> Program<'a> {
        Program(host::Program { name: path, arguments: &[], environment: &[] })
    }

    /// Its arguments, its own name first.
    pub const fn arguments(mut self, words: &'a [&'a CStr]) -> Self {
        self.0.arguments = words;
        self
    }

    /// Its environment, `NAME=VALUE`; with [`user`](Daemon::user) there are HOME, USER, LOGNAME and SHELL of that user, too,
    /// unless they are given here. Nothing is inherited, since a C library and std guard the environment by locks of
    /// their own; with std, pass on `std::env::vars_os`.
    pub const fn environment(mut self, words: &'a [&'a CStr]) -> Self {
        self.0.environment = words;
        self
    }
}

impl fmt::Debug for Program<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Program").field(&self.0.name).field(&self.0.arguments).finish()
    }
}
