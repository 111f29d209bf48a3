//! States of a caller that a start must not mind, and looks at what came of it. Used by the tests of the launcher.
#![allow(dead_code)] // no test file uses all of it

use super::support::*;
use std::ffi::{CString, OsStr};
use std::fs;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// What every test starts that only wants something to look at.
pub const SLEEP: [&str; 3] = ["--", "/bin/sleep", "100"];

/// The null device's number.
const NULL: u64 = libc::makedev(1, 3);

/// Are these descriptors the null device, really?
#[track_caller]
pub fn assert_null(program: Process, numbers: impl IntoIterator<Item = i32>) {
    for number in numbers {
        let device = fs::metadata(format!("/proc/{}/fd/{number}", program.0)).expect("an open descriptor").rdev();
        assert_eq!(device, NULL, "descriptor {number} of {program:?}");
    }
}

/// Asserts everything that a plain start promises, but who the parent is.
#[track_caller]
pub fn assert_daemon(program: Process) {
    assert!(program.is_alive());
    // SAFETY: getsid with an integer.
    let ours = unsafe { libc::getsid(0) };
    assert!(![i64::from(ours), i64::from(program.0)].contains(&program.stat(6)), "its own session, and not its leader");
    assert_eq!(program.stat(7), 0, "no terminal");
    assert_eq!(program.link("cwd"), program.link("root"));
    assert_eq!(program.status("Umask").unwrap(), "0000");
    for set in ["SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"] {
        assert_eq!(program.signals(set), 0, "{set}");
    }
    assert_null(program, 0..3);
    let locked = program.locked_descriptors();
    let others: Vec<i32> = program.descriptors().into_keys().filter(|n| *n > 2 && !locked.contains(n)).collect();
    assert_eq!(others, [], "nothing else is open");
    assert!(locked.iter().all(|number| *number >= 10), "{locked:?}");
}

/// Waits until the program sleeps, is stopped, or is gone: the kernel fills in /proc at the very end of an exec, when that
/// cannot fail any more and dmz may have returned, and then a loader opens files.
pub fn settled(program: Process) -> Process {
    until("the program at rest", || {
        let is_moving = program.status("State").is_some_and(|state| state.starts_with(['R', 'D']));
        (!is_moving && (!program.arguments().is_empty() || !program.is_alive())).then_some(program)
    })
}

/// Starts a daemon as [`Place::start`] does, to look at what the program found.
pub fn start<A: AsRef<OsStr>>(place: &Place, arguments: impl IntoIterator<Item = A>) -> Process {
    settled(place.start(arguments))
}

/// Starts a daemon as [`Place::started`] does, to look at what the program found.
pub fn started(place: &Place, command: &mut Command) -> Process {
    settled(place.started(command))
}

/// The one process that runs in `place`.
#[track_caller]
pub fn only(place: &Place) -> Process {
    let program = until("the program", || place.processes().first().copied());
    assert_eq!(place.processes(), [program]);
    settled(program)
}

/// Runs a start that cannot print a process id, such as one without standard output; what it started.
#[track_caller]
pub fn start_silently(place: &Place, command: &mut Command) -> Process {
    let outcome = Outcome::of(command);
    assert_eq!((outcome.code, outcome.stderr.as_str(), outcome.stdout.as_str()), (0, "", ""), "{command:?}");
    place.own(only(place))
}

/// Asserts one line of the contract's form (a step, `about` what, why) with this status, and nothing else said.
#[track_caller]
pub fn assert_cannot(outcome: &Outcome, code: i32, about: &str, reason: &str) {
    assert_eq!((outcome.code, outcome.stdout.as_str()), (code, ""), "{outcome:?}");
    let line = outcome.stderr.strip_prefix("dmz: cannot ").and_then(|text| text.strip_suffix('\n'));
    let line = line.unwrap_or_else(|| panic!("dmz: cannot STEP SUBJECT: REASON, not {outcome:?}"));
    assert!(!line.contains('\n'), "{line}");
    assert!(line.ends_with(&format!(": {reason}")), "{line}\n{reason}");
    assert!(line.contains(about), "{line}\n{about}");
}

/// Asserts one line on standard error, whatever it says.
#[track_caller]
pub fn assert_one_line(outcome: &Outcome) {
    let text = outcome.stderr.strip_suffix('\n').unwrap_or("");
    assert!(text.starts_with("dmz: ") && !text.contains('\n') && outcome.stdout.is_empty(), "{outcome:?}");
}

/// `command` begins with this descriptor open on /dev/zero, for its programs as well.
pub fn opened(command: &mut Command, number: RawFd) -> &mut Command {
    opened_on(command, number, "/dev/zero")
}

/// `command` begins with this descriptor open on this file, for reading and writing.
pub fn opened_on(command: &mut Command, number: RawFd, path: impl AsRef<OsStr>) -> &mut Command {
    let path = c(path);
    before(command, move || {
        // SAFETY: system calls with integers and a string that the closure owns.
        unsafe {
            let fd = libc::open(path.as_ptr(), libc::O_RDWR);
            done(fd)?;
            if fd == number {
                return Ok(());
            }
            done(libc::dup2(fd, number))?;
            done(libc::close(fd))
        }
    })
}

/// `command` begins without these descriptors.
pub fn closed<'a>(command: &'a mut Command, numbers: &[RawFd]) -> &'a mut Command {
    let numbers = numbers.to_vec();
    // SAFETY: close takes an integer.
    before(command, move || numbers.iter().try_for_each(|number| done(unsafe { libc::close(*number) })))
}

/// `command` begins with these signals ignored and those blocked.
pub fn signalled<'a>(command: &'a mut Command, ignored: &'static [i32], blocked: &'static [i32]) -> &'a mut Command {
    before(command, move || {
        // SAFETY: all zeros are an empty set; the calls read what is passed to them.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            for number in blocked {
                libc::sigaddset(&raw mut set, *number);
            }
            for number in ignored {
                libc::signal(*number, libc::SIG_IGN);
            }
            done(libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()))
        }
    })
}

/// Everything at once that a caller can leave behind: ignored and blocked signals, a mask, open descriptors.
pub fn hostile(command: &mut Command) -> &mut Command {
    for number in [55, 99, 300] {
        opened(command, number);
    }
    const IGNORED: &[i32] = &[libc::SIGHUP, libc::SIGINT, libc::SIGPIPE, libc::SIGCHLD, libc::SIGTSTP, 34, 64];
    signalled(command, IGNORED, &[libc::SIGUSR1, libc::SIGTERM, libc::SIGCHLD, libc::SIGALRM, 35, 64]);
    // SAFETY: umask takes an integer.
    before(command, || done(unsafe { libc::umask(0o077) as i32 }))
}

/// A resource limit, soft and hard.
pub fn limited(command: &mut Command, resource: i32, value: u64) -> &mut Command {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the kernel reads one rlimit.
    before(command, move || done(unsafe { libc::setrlimit(resource as _, &raw const limit) }))
}

/// `command` begins as an ordinary user without any name.
pub fn as_user(command: &mut Command, user: u32) -> &mut Command {
    // SAFETY: system calls with integers and no list.
    before(command, move || unsafe {
        done(libc::setgroups(0, std::ptr::null()))?;
        done(libc::setgid(user))?;
        done(libc::setuid(user))
    })
}

/// In place of `command`, exactly these words and this environment: also none at all, which std cannot give.
pub fn exactly<'a>(command: &'a mut Command, words: &[&[u8]], environment: &[&[u8]]) -> &'a mut Command {
    struct Words(Vec<CString>, Vec<*const libc::c_char>);
    // SAFETY: the pointers point into the strings beside them, which nobody changes.
    unsafe impl Send for Words {}
    // SAFETY: as above.
    unsafe impl Sync for Words {}
    impl Words {
        fn new(words: &[&[u8]]) -> Words {
            let words: Vec<CString> = words.iter().map(|word| CString::new(*word).unwrap()).collect();
            let pointers = words.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect();
            Words(words, pointers)
        }
        fn list(&self) -> *const *const libc::c_char {
            self.1.as_ptr()
        }
    }
    let (path, words, environment) = (c(command.get_program()), Words::new(words), Words::new(environment));
    // SAFETY: a string and two lists that the closure owns, each ended by a null pointer.
    before(command, move || done(unsafe { libc::execve(path.as_ptr(), words.list(), environment.list()) }))
}

/// `command` begins behind a filter that answers these calls with these error numbers, as an older kernel or a
/// container's sandbox does.
pub fn filtered<'a>(command: &'a mut Command, calls: &[(libc::c_long, i32)]) -> &'a mut Command {
    let rule = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut program = vec![rule(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)]; // the call's number
    for (number, errno) in calls {
        program.push(rule(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, *number as u32));
        program.push(rule(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | *errno as u32));
    }
    program.push(rule(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW));
    before(command, move || {
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        // SAFETY: the kernel reads the filter, which the closure owns.
        unsafe {
            done(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
            done(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter))
        }
    })
}

/// `command` begins in a mount namespace of its own, where nothing that it mounts is seen elsewhere.
pub fn own_mounts(command: &mut Command) -> &mut Command {
    // SAFETY: system calls with integers and strings.
    before(command, || unsafe {
        done(libc::unshare(libc::CLONE_NEWNS))?;
        let none = c"none".as_ptr();
        done(libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, std::ptr::null()))
    })
}

/// Mounts a tmpfs, in the mount namespace that `command` has by then.
pub fn mounted<'a>(command: &'a mut Command, path: &Path, flags: libc::c_ulong, options: &str) -> &'a mut Command {
    let (path, options) = (c(path), CString::new(options).unwrap());
    // SAFETY: strings that live as long as the closure.
    before(command, move || unsafe {
        let kind = c"tmpfs".as_ptr();
        done(libc::mount(kind, path.as_ptr(), kind, flags, options.as_ptr().cast()))
    })
}

/// Makes a folder, and all that is below it, a read-only mount of itself.
pub fn read_only<'a>(command: &'a mut Command, path: &Path) -> &'a mut Command {
    let path = c(path);
    // SAFETY: strings that live as long as the closure.
    before(command, move || unsafe {
        let (path, none) = (path.as_ptr(), std::ptr::null());
        done(libc::mount(path, path, none, libc::MS_BIND, none.cast()))?;
        done(libc::mount(none, path, none, libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY, none.cast()))
    })
}

/// `command` begins with this root, in its top folder.
pub fn rooted<'a>(command: &'a mut Command, root: &Path) -> &'a mut Command {
    let root = c(root);
    // SAFETY: strings that live as long as the closure.
    before(command, move || unsafe {
        done(libc::chroot(root.as_ptr()))?;
        done(libc::chdir(c"/".as_ptr()))
    })
}

/// A folder with nothing in it but dmz and a program that needs nothing, `/busybox`.
pub fn bare_root(place: &Place) -> PathBuf {
    let root = place.path("root");
    fs::create_dir(&root).unwrap();
    Place::copy(dmz(), root.join("dmz"));
    Place::copy(find("busybox").unwrap(), root.join("busybox"));
    root
}

/// Makes a device node.
pub fn node(path: &Path, major: u32, minor: u32) {
    // SAFETY: a string and integers.
    let answer = unsafe { libc::mknod(c(path).as_ptr(), libc::S_IFCHR | 0o666, libc::makedev(major, minor)) };
    done(answer).unwrap();
}

/// Makes a FIFO.
pub fn fifo(path: &Path) {
    // SAFETY: a string and an integer.
    done(unsafe { libc::mkfifo(c(path).as_ptr(), 0o644) }).unwrap();
}

/// A path for the kernel.
pub fn c(path: impl AsRef<OsStr>) -> CString {
    CString::new(path.as_ref().as_bytes()).unwrap()
}

/// A child that is killed and waited for when the test is over.
pub struct Guard(pub Child);

impl Guard {
    /// Starts `command`.
    pub fn of(command: &mut Command) -> Guard {
        Guard(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// It.
    pub fn process(&self) -> Process {
        Process(self.0.id() as i32)
    }

    /// How it ends: its exit status, or 128 and the signal that killed it.
    pub fn end(mut self) -> Outcome {
        let status = until("the end of a child", || self.0.try_wait().unwrap());
        let text = |from: Option<&mut dyn std::io::Read>| {
            let mut bytes = Vec::new();
            from.map(|from| from.read_to_end(&mut bytes).unwrap());
            bytes
        };
        let stdout = text(self.0.stdout.as_mut().map(|from| from as _));
        let stderr = text(self.0.stderr.as_mut().map(|from| from as _));
        Outcome::from(std::process::Output { status, stdout, stderr })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many rounds the races go; `DMZ_ROUNDS` sets another number.
pub fn rounds(usual: usize) -> usize {
    std::env::var("DMZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
