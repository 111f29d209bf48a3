//! What the tests share: a place for one test's files and processes, a way to call `dmz` as users do, and looks at
//! processes and locks from outside, as the kernel shows them.
#![allow(dead_code)] // no test file uses all of it

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

pub mod caller;
pub mod namespace;
mod wait;

pub use wait::*;

/// The binary under test: the one that `DMZ` names (scripts/test gives the static musl artefact), else cargo's.
pub fn dmz() -> PathBuf {
    std::env::var_os("DMZ").map_or_else(|| env!("CARGO_BIN_EXE_dmz").into(), PathBuf::from)
}

/// Says that a test cannot run here; with `DMZ_TESTS=all` that is a failure. `if skipped(...) { return; }`
pub fn skipped(unless: bool, what: &str) -> bool {
    if unless {
        return false;
    }
    assert!(std::env::var_os("DMZ_TESTS").is_none_or(|tests| tests != "all"), "skipped: {what}");
    eprintln!("skipped: {what}");
    true
}

/// Is `program` missing, so that the test is to be skipped?
pub fn lacks(program: &str) -> bool {
    skipped(find(program).is_some(), &format!("no {program} here"))
}

/// Is this not root, or not of a root that is a mount point, so that the test is to be skipped? What is mounted in a plain
/// chroot could get out of it.
pub fn lacks_root() -> bool {
    // SAFETY: geteuid has no preconditions.
    let is_root = unsafe { libc::geteuid() } == 0;
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let is_mounted = mounts.lines().any(|line| line.split(' ').nth(4) == Some("/"));
    skipped(is_root, "not root") || skipped(is_mounted, "/ is no mount point")
}

/// Does the kernel refuse a user namespace, as it does in a chroot, so that the test is to be skipped?
pub fn lacks_user_namespaces() -> bool {
    let made = || Command::new("unshare").args(["-r", "true"]).stderr(Stdio::null()).status();
    lacks("unshare") || skipped(made().is_ok_and(|status| status.success()), "no user namespaces")
}

/// The options of `dmz --help`, each as its half of a line has it: letter, name, value, and a few words behind column 26.
pub fn options_of(help: &str) -> Vec<&str> {
    let lines = help.lines().filter(|line| line.starts_with(' '));
    let halves = lines.flat_map(|line| [&line[..line.len().min(40)], line.get(40..).unwrap_or("")]);
    halves.map(str::trim_end).filter(|half| !half.is_empty()).collect()
}

/// Where a program is.
pub fn find(program: &str) -> Option<PathBuf> {
    let folders = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    folders.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}

/// Keeps this thread, and what it starts, on the processor that it is on: a tracer and who is traced take turns, and are
/// three times faster where nobody else has to be woken.
pub fn stay_on_this_processor() {
    // SAFETY: all zeros are a set, and the kernel reads it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu() as usize, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
    }
}

/// One test's folder and processes. Everything that was started through it carries its mark in the environment, or is
/// given to it; all that is ended, by process id, and the folder removed, when the test is over, however it ends.
pub struct Place {
    pub folder: PathBuf,
    mark: String,
    /// With the time of its start, since a number may be somebody else's once its process was waited for.
    owned: std::cell::RefCell<Vec<(Process, Option<i64>)>>,
}

impl Place {
    pub fn new() -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        static PREPARED: Once = Once::new();
        // SAFETY: system calls with integers only.
        PREPARED.call_once(|| unsafe {
            // Daemons become our children, so their ends can be waited for and their numbers stay theirs until then.
            assert_eq!(libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1), 0);
            // nohup(1) and a shell's `&` have us ignore these; what is started here is not to inherit that.
            for number in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT] {
                libc::signal(number, libc::SIG_DFL);
            }
        });
        loop {
            let mark = format!("dmz-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
            // Not writable for others, so that pidfiles may be there.
            let folder = std::env::temp_dir().join(&mark);
            match fs::create_dir(&folder) {
                // From a run that was killed and had this number.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => {
                    made.unwrap();
                    return Place { folder, mark, owned: Default::default() };
                }
            }
        }
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.folder.join(name.as_ref())
    }

    /// Writes a file; its path.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes an executable file. A fork of another test could hold it open for writing for a moment (ETXTBSY), so a
    /// process of its own writes it.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        let make = Command::new("/bin/sh")
            .args(["-c", "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"", "sh"])
            .args([path.as_os_str(), OsStr::new(text)])
            .status();
        assert!(make.unwrap().success());
        path
    }

    /// Copies a program, by a process of its own for the same reason.
    pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) {
        let copied = Command::new("/bin/cp").args([from.as_ref(), to.as_ref()]).status();
        assert!(copied.unwrap().success());
    }

    /// `program` with this place's mark, in its folder, standard input closed off.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("DMZ_TEST", &self.mark).current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// `dmz` with these arguments.
    pub fn dmz<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.command(dmz());
        command.args(arguments);
        command
    }

    /// Calls `dmz`.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        Outcome::of(&mut self.dmz(arguments))
    }

    /// Calls `dmz -P` and takes what it started; `arguments` are options, program, and its arguments.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Process {
        let mut command = self.dmz(["-P"]);
        command.args(arguments);
        self.started(&mut command)
    }

    /// Runs a command that starts a daemon and prints its process id; that daemon.
    pub fn started(&self, command: &mut Command) -> Process {
        let outcome = Outcome::of(command);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{command:?}");
        let pid = outcome.stdout.trim_end().parse();
        self.own(Process(pid.unwrap_or_else(|_| panic!("a process id, not {:?}", outcome.stdout))))
    }

    /// Takes a process that has lost the mark, such as one with an environment of its own.
    pub fn own(&self, process: Process) -> Process {
        self.owned.borrow_mut().push((process, process.begin()));
        process
    }

    /// Every process with this place's mark that is alive.
    pub fn processes(&self) -> Vec<Process> {
        let mark = format!("DMZ_TEST={}", self.mark);
        let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        all.map(Process).filter(|p| p.is_alive() && p.environment().iter().any(|word| *word == *mark)).collect()
    }

    /// Asserts that nothing runs any more, and that nothing is in the folder but these names.
    pub fn assert_left(&self, names: &[&str]) {
        assert_eq!(self.processes(), [], "left behind");
        let mut there: Vec<_> = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        there.sort();
        assert_eq!(there, names, "files left behind");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let owned = self.owned.take().into_iter();
        owned
            .filter(|(process, begin)| begin.is_some() && process.begin() == *begin)
            .for_each(|(process, _)| process.end());
        // Where there is one there may be another that it has started since.
        loop {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            left.into_iter().for_each(Process::end);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// How a call ended, and what it said.
#[derive(Debug)]
pub struct Outcome {
    /// The exit status; 128 and the number of a signal that killed it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Runs `command` to its end. Its output is read until end of file, so a daemon that keeps it open is noticed.
    pub fn of(command: &mut Command) -> Outcome {
        let stdin = Stdio::null();
        Outcome::from(command.stdin(stdin).output().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Asserts a failure with this status and exactly this line.
    #[track_caller]
    pub fn assert_failed(&self, code: i32, line: &str) {
        let mut said = self.stderr.clone();
        // Which program that is stands behind it where /proc tells.
        if let (true, Some(name)) = (line.starts_with("already running, PID "), said.find(" (")) {
            said.replace_range(name..said.len() - 1, "");
        }
        assert_eq!((self.code, said.as_str(), self.stdout.as_str()), (code, &*format!("dmz: {line}\n"), ""));
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Outcome {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let status = output.status;
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        Outcome { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// A process, by its number. Sound because what a test starts becomes our child: its number stays its own until we wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Process(pub i32);

impl Process {
    fn proc(self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.0).into()
    }

    /// Does it run: there, and not a zombie?
    pub fn is_alive(self) -> bool {
        self.status("State").is_some_and(|state| !state.starts_with(['Z', 'X']))
    }

    /// Is what a symbolic link of /proc/PID leads to this very file? Its text may be another path where the process has
    /// other mounts.
    pub fn is_at(self, name: &str, path: impl AsRef<Path>) -> bool {
        let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        let there = identity(&self.proc(name));
        there.is_some() && there == identity(path.as_ref())
    }

    /// A line of /proc/PID/status.
    pub fn status(self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.proc("status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"))?;
        Some(line.trim().to_owned())
    }

    /// A set of signals of /proc/PID/status: `SigBlk`, `SigIgn`, `SigCgt`.
    pub fn signals(self, name: &str) -> u64 {
        u64::from_str_radix(&self.status(name).unwrap(), 16).unwrap()
    }

    /// Field `number` of /proc/PID/stat as proc(5) counts them: 4 parent, 5 group, 6 session, 7 terminal, 22 start.
    pub fn stat(self, number: usize) -> i64 {
        self.field(number).unwrap_or_else(|| panic!("{self:?} is not there"))
    }

    fn field(self, number: usize) -> Option<i64> {
        let text = fs::read_to_string(self.proc("stat")).ok()?;
        text.rsplit_once(") ")?.1.split(' ').nth(number - 3)?.parse().ok()
    }

    /// When it was started, if it is there, as a zombie at least.
    fn begin(self) -> Option<i64> {
        self.field(22)
    }

    /// What every open descriptor is.
    pub fn descriptors(self) -> BTreeMap<i32, PathBuf> {
        let entries = fs::read_dir(self.proc("fd")).unwrap().map(Result::unwrap);
        let number = |entry: &fs::DirEntry| entry.file_name().to_str().unwrap().parse().unwrap();
        entries.filter_map(|entry| Some((number(&entry), fs::read_link(entry.path()).ok()?))).collect()
    }

    /// Flags of a descriptor (octal in /proc/PID/fdinfo/N), such as `libc::O_APPEND`.
    pub fn descriptor_flags(self, number: i32) -> i32 {
        let text = fs::read_to_string(self.proc(&format!("fdinfo/{number}"))).unwrap();
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:\t")).unwrap();
        i32::from_str_radix(flags, 8).unwrap()
    }

    /// The descriptors on which it holds a record lock for writing.
    pub fn locked_descriptors(self) -> Vec<i32> {
        let is_locked = |number: &i32| {
            let text = fs::read_to_string(self.proc(&format!("fdinfo/{number}"))).unwrap_or_default();
            text.contains("POSIX  ADVISORY  WRITE") && text.contains(&format!(" {} ", self.0))
        };
        self.descriptors().into_keys().filter(is_locked).collect()
    }

    /// `cwd`, `root` or `exe`.
    pub fn link(self, name: &str) -> PathBuf {
        fs::read_link(self.proc(name)).unwrap()
    }

    fn words(self, name: &str) -> Vec<OsString> {
        let bytes = fs::read(self.proc(name)).unwrap_or_default();
        let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes).split(|byte| *byte == 0);
        if bytes.is_empty() { Vec::new() } else { words.map(|word| OsString::from_vec(word.to_vec())).collect() }
    }

    /// Its arguments; none once it has ended. In the middle of an exec /proc shows none for a moment, which is waited out.
    pub fn arguments(self) -> Vec<OsString> {
        until("its arguments", || {
            let words = self.words("cmdline");
            (!words.is_empty() || !self.is_alive()).then_some(words)
        })
    }

    /// Its environment; none once it has ended. In the middle of an exec, or of its end, /proc shows neither this nor any
    /// arguments, which is waited out; a kernel's thread never has any.
    pub fn environment(self) -> Vec<OsString> {
        const PF_KTHREAD: i64 = 0x20_0000; // <linux/sched.h>, field 9 of proc(5)
        until("its environment", || {
            let words = self.words("environ");
            let is_program = || self.is_alive() && self.field(9).is_some_and(|flags| flags & PF_KTHREAD == 0);
            if !words.is_empty() || !is_program() {
                return Some(words);
            }
            // The exec may be over since: only what is empty beside arguments is empty.
            (!self.words("cmdline").is_empty()).then(|| self.words("environ"))
        })
    }

    /// Sends it a signal.
    pub fn signal(self, number: i32) {
        assert!(self.0 > 1);
        // SAFETY: kill takes two integers.
        assert_eq!(unsafe { libc::kill(self.0, number) }, 0, "{self:?}");
    }

    /// Waits until it is gone, and reaps it; its wait status.
    pub fn wait(self) -> std::process::ExitStatus {
        until(&format!("the end of {self:?}"), || {
            let mut status = 0;
            // SAFETY: the kernel writes one integer.
            match unsafe { libc::waitpid(self.0, &raw mut status, libc::WNOHANG) } {
                0 => None,
                pid if pid == self.0 => Some(ExitStatusExt::from_raw(status)),
                _ => panic!("{self:?} is not our child: {}", io::Error::last_os_error()),
            }
        })
    }

    /// Kills it, and waits for its end where it is our child.
    pub fn end(self) {
        assert!(self.0 > 1);
        // SAFETY: kill and waitpid with integers and one place to write to.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, std::ptr::null_mut(), 0);
        }
    }
}

/// The process that holds a lock on the file; the kernel's answer (F_GETLK).
pub fn lock_owner(path: impl AsRef<Path>) -> Option<Process> {
    let file = File::options().read(true).write(true).open(path).unwrap();
    // SAFETY: all zeros are a flock.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as _;
    // SAFETY: the kernel reads and writes one flock.
    assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut lock) }, 0);
    (lock.l_type != libc::F_UNLCK as libc::c_short).then_some(Process(lock.l_pid))
}

/// Asserts that the pidfile holds `process`'s number and that `process` holds its lock.
#[track_caller]
pub fn assert_pidfile(path: impl AsRef<Path>, process: Process) {
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", process.0));
    assert_eq!(lock_owner(&path), Some(process));
    assert!(process.is_alive());
}

/// Has `command` do something in its own process before it is dmz, such as closing a descriptor.
pub fn before(command: &mut Command, act: impl FnMut() -> io::Result<()> + Send + Sync + 'static) -> &mut Command {
    // SAFETY: what tests pass here makes system calls only, no memory is allocated and no lock taken.
    unsafe { command.pre_exec(act) }
}

/// `command` begins with these signals ignored, or not; who runs the tests in the background may ignore some.
pub fn ignoring<'a>(command: &'a mut Command, signals: &[i32], ignored: bool) -> &'a mut Command {
    let signals = signals.to_vec();
    before(command, move || {
        for signal in &signals {
            // SAFETY: integers, and no handler.
            unsafe { libc::signal(*signal, if ignored { libc::SIG_IGN } else { libc::SIG_DFL }) };
        }
        Ok(())
    })
}

/// An error if a C function said -1.
pub fn done(answer: i32) -> io::Result<()> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A pseudo terminal: the side of the one who looks at it, and the path of the other.
pub fn terminal() -> (OwnedFd, PathBuf) {
    // SAFETY: plain calls; ptsname_r writes into the room it is given.
    unsafe {
        let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
        assert!(master >= 0);
        assert_eq!((libc::grantpt(master), libc::unlockpt(master)), (0, 0));
        let mut name = [0; 64];
        assert_eq!(libc::ptsname_r(master, name.as_mut_ptr(), name.len()), 0);
        let name = std::ffi::CStr::from_ptr(name.as_ptr());
        (OwnedFd::from_raw_fd(master), OsStr::from_bytes(name.to_bytes()).into())
    }
}

/// Makes `command` the leader of a session that has `terminal` as its controlling terminal, and puts its standard
/// descriptors there.
pub fn lead<'a>(command: &'a mut Command, terminal: &Path) -> &'a mut Command {
    let terminal = CString::new(terminal.as_os_str().as_bytes()).unwrap();
    before(command, move || {
        // SAFETY: system calls with integers and a string that lives as long as the closure.
        unsafe {
            done(libc::setsid())?;
            let fd = libc::open(terminal.as_ptr(), libc::O_RDWR);
            done(fd)?;
            done(libc::ioctl(fd, libc::TIOCSCTTY, 0))?;
            for number in 0..3 {
                done(libc::dup2(fd, number))?;
            }
            if fd > 2 { done(libc::close(fd)) } else { Ok(()) }
        }
    })
}
