//! What was asked for, with the defaults.

use super::monitor::Monitoring;
use super::ready::Ready;
use crate::Word;

/// Everything that can be asked for, in the order of the help; and behind the options, facts that follow from them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs)] // each is the option of this name
pub enum Opt {
    Pidfile,
    Lockfile,
    NoLock,
    Chdir,
    Umask,
    Stdin,
    Stdout,
    Stderr,
    Append,
    Env,
    Unset,
    ClearEnv,
    KeepFd,
    NoClose,
    KeepSignals,
    Argv0,
    Initrd,
    User,
    Group,
    Groups,
    Chroot,
    NoNewPrivs,
    Caps,
    Nice,
    Rlimit,
    OomScoreAdj,
    Cgroup,
    Ionice,
    Sched,
    Foreground,
    SingleFork,
    Wait,
    Supervise,
    Init,
    Restart,
    RestartDelay,
    RestartMax,
    StopSignal,
    StopTimeout,
    Target,
    Map,
    ExitOk,
    AtExit,
    Ready,
    Timeout,
    Status,
    Stop,
    Signal,
    PrintPid,
    DryRun,
    Verbose,
    Quiet,
    Help,
    Version,
    /// Always given.
    Always,
    /// This process neither becomes the program nor its monitor.
    Detaches,
    /// The mask of before does not matter.
    ClearsUmask,
    /// A process of its own makes the session.
    ForksTwice,
    /// A monitor stays with the program.
    Monitored,
    /// Both outputs are the same file.
    SharedOutput,
    /// Files are opened with another user's rights.
    OpensAsUser,
    /// The monitor writes the pidfile.
    KeepsPidfile,
    /// What comes after that takes the caller's rights.
    NeedsRights,
    /// The launcher hears from the program.
    LaunchersChannel,
    /// The monitor does.
    MonitorsChannel,
    /// The environment says that something is for the caller's process id.
    PassesId,
    /// The program: its name or path. Not asked for but there.
    Program,
}

/// How many can be asked for: one bit each.
const COUNT: usize = Opt::Program as usize + 1;
const _: () = assert!(COUNT <= 128);

/// Where the bit of an option is.
const fn place(opt: Opt) -> (usize, u64) {
    (opt as usize / 64, 1 << (opt as u32 % 64))
}

/// The bits of some options.
#[inline(always)] // numbers, where they are known
const fn bits(opts: &[Opt]) -> [u64; 2] {
    let (mut bits, mut index) = ([0; 2], 0);
    while index < opts.len() {
        let (word, bit) = place(opts[index]);
        bits[word] |= bit;
        index += 1;
    }
    bits
}

/// A resource limit: the resource's number, soft and hard limit.
pub type Limit = [u64; 3];

/// All that was asked for.
#[derive(Clone, Copy)]
pub struct Config<'a> {
    given: [u64; 2],
    /// The file mode creation mask.
    pub umask: u32,
    /// The nice value.
    pub nice: i32,
    /// Class and level as ioprio_set(2) takes them.
    pub io_priority: u32,
    /// Policy and, above eight bits, priority as sched_setscheduler(2) takes them.
    pub scheduling: u32,
    /// The user, if [`Opt::User`].
    pub user: u32,
    /// The group, if [`Opt::Group`].
    pub group: u32,
    /// The supplementary groups, if [`Opt::Groups`].
    pub groups: &'a [u32],
    /// The capabilities that stay, bit n for number n (capabilities(7)).
    pub caps: u64,
    /// Descriptors that stay as they are.
    pub keep: &'a [u32],
    /// Resource limits.
    pub limits: &'a [Limit],
    /// What it takes for the program to be ready.
    pub ready: Ready,
    /// With [`Ready::Exit`], the pidfile that the program writes itself; empty if it writes none.
    pub ready_file: Word<'a>,
    /// The time limit, in seconds, if [`Opt::Timeout`].
    pub timeout: u32,
    /// The signal to send, if [`Opt::Signal`].
    pub signal: u32,
    /// What the monitor does.
    pub monitoring: Monitoring<'a>,
    texts: [Word<'a>; COUNT],
}

impl<'a> Config<'a> {
    /// The defaults: no program yet, in `/`, umask 0, standard descriptors on the null device, no pidfile.
    #[inline(never)]
    pub const fn new() -> Config<'a> {
        Config {
            given: bits(&[Opt::Always]),
            umask: 0,
            nice: 0,
            io_priority: 0,
            scheduling: 0,
            user: 0,
            group: 0,
            groups: &[],
            caps: 0,
            keep: &[],
            limits: &[],
            ready: Ready::Exec,
            ready_file: Word::EMPTY,
            timeout: 0,
            signal: 0,
            monitoring: Monitoring::DEFAULT,
            texts: [Word::EMPTY; COUNT],
        }
    }

    /// Was it given?
    pub const fn has(&self, opt: Opt) -> bool {
        let (word, bit) = place(opt);
        self.given[word] & bit != 0
    }

    /// Were any of them?
    pub const fn has_any(&self, opts: &[Opt]) -> bool {
        let bits = bits(opts);
        self.given[0] & bits[0] != 0 || self.given[1] & bits[1] != 0
    }

    /// Its text; empty if it was not given, or is a switch.
    pub const fn text(&self, opt: Opt) -> Word<'a> {
        self.texts[opt as usize]
    }

    /// Gives a switch, or notes a fact.
    pub const fn set(&mut self, opt: Opt) {
        let (word, bit) = place(opt);
        self.given[word] |= bit;
    }

    /// Gives an option with its text.
    #[inline(never)] // one copy is enough
    pub const fn set_text(&mut self, opt: Opt, text: Word<'a>) {
        self.texts[opt as usize] = text;
    }

    /// Takes an option back.
    pub const fn clear(&mut self, opt: Opt) {
        let (word, bit) = place(opt);
        self.given[word] &= !bit;
    }

    /// As PID 1 a plain start is `-I`; elsewhere who wants restarts wants `-S`.
    #[cfg(feature = "monitor")]
    pub fn settle_monitor(&mut self, id: i32) {
        if id == 1 && !self.has_any(&[Opt::Foreground, Opt::Supervise, Opt::Wait]) {
            self.set(Opt::Init);
        }
        if (self.has(Opt::Restart) || self.ready == Ready::Exit) && !self.has(Opt::Init) {
            self.set(Opt::Supervise);
        }
    }

    /// Notes what follows from all that was given, and from whether the caller leads a process group.
    pub fn settle(&mut self, leads: bool) {
        let is_monitored = self.has_any(&[Opt::Supervise, Opt::Init]);
        if is_monitored {
            self.set(Opt::Monitored);
            if self.has(Opt::Pidfile) {
                self.set(Opt::KeepsPidfile);
            }
        }
        if matches!(self.ready, Ready::Descriptor(_) | Ready::Notify) {
            self.set(if is_monitored { Opt::MonitorsChannel } else { Opt::LaunchersChannel });
        }
        if !self.has_any(&[Opt::Foreground, Opt::Init]) {
            self.set(Opt::Detaches);
            if !self.has(Opt::Chdir) {
                self.set(Opt::Chdir);
                self.set_text(Opt::Chdir, Word::new(c"/"));
            }
            // A leader of a process group may not make a session; who waits stays in its own.
            if (leads || self.has(Opt::Wait)) && !self.has(Opt::SingleFork) {
                self.set(Opt::ForksTwice);
            }
        }
        if self.has(Opt::User) && self.has_any(&[Opt::Stdin, Opt::Stdout, Opt::Stderr]) {
            self.set(Opt::OpensAsUser);
            if self.has_any(&[Opt::Chroot, Opt::Caps, Opt::Rlimit]) {
                self.set(Opt::NeedsRights);
            }
        }
        if self.has_any(&[Opt::Detaches, Opt::Umask]) {
            self.set(Opt::ClearsUmask);
        }
        if self.same(Opt::Stdout, Opt::Stderr) {
            self.set(Opt::SharedOutput);
        }
        if self.same(Opt::Lockfile, Opt::Pidfile) {
            self.clear(Opt::Lockfile);
        }
    }

    /// Were both given, and the same? No text that can be given is empty.
    #[inline(never)]
    pub fn same(&self, one: Opt, other: Opt) -> bool {
        !self.text(one).is_empty() && self.text(one).is(self.text(other))
    }

    /// Is the program named by a path, not to be searched?
    pub fn has_path(&self) -> bool {
        self.text(Opt::Program).has(b'/')
    }

    /// Does descriptor `number` stay as it is?
    pub fn keeps(&self, number: u32) -> bool {
        let stays = if number < 3 { !self.has(Opt::Detaches) } else { self.has(Opt::NoClose) };
        stays || self.keep.iter().any(|kept| *kept == number)
    }

    /// The lowest descriptor from `number` on that stays as it is, of those that were named.
    pub fn next_kept(&self, number: u32) -> Option<u32> {
        self.keep.iter().copied().filter(|kept| *kept >= number).min()
    }
}

impl Default for Config<'_> {
    fn default() -> Self {
        Config::new()
    }
}
