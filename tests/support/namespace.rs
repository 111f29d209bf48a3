//! Namespaces of a test's own: other account files than the machine's, another network, and the whole test program once
//! more as the root of a user namespace. Nothing here changes what any other process sees.

use super::caller::copied;
use super::*;
use std::ffi::CStr;
use std::io::{Read, Write};

/// Users as `with_accounts` callers like them. Numbers of user and group differ, so that no mix-up goes unseen.
pub const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
    web:x:33:34:The web,,,:/var/www:/usr/sbin/nologin\n\
    mail:x:8:12:mail:/var/mail:/bin/sh\n";

/// Groups that go with them.
pub const GROUP: &str = "root:x:0:\nweb:x:34:\nmail:x:12:web\ngames:x:60:mail,web\ntape:x:26:mail\n";

/// Gives `command` a mount namespace of its own; nothing that is mounted there gets out.
fn unshare_mounts() -> io::Result<()> {
    let none = std::ptr::null();
    // SAFETY: system calls with integers, null pointers and a string that lives for ever.
    unsafe {
        done(libc::unshare(libc::CLONE_NEWNS))?;
        done(libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast()))
    }
}

/// Puts `source` over `target`, in the namespace of whoever calls.
fn bind(source: &CStr, target: &CStr) -> io::Result<()> {
    let none = std::ptr::null();
    // SAFETY: a system call with strings that live until it returns.
    done(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), none, libc::MS_BIND, none.cast()) })
}

fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

/// Has `command` see these texts as /etc/passwd and /etc/group. They are in the folder `etc` of the place.
pub fn with_accounts<'a>(
    command: &'a mut Command,
    place: &Place,
    passwd: impl AsRef<[u8]>,
    group: impl AsRef<[u8]>,
) -> &'a mut Command {
    fs::create_dir_all(place.path("etc")).unwrap();
    let passwd = c_string(&place.file("etc/passwd", passwd));
    let group = c_string(&place.file("etc/group", group));
    before(command, move || {
        unshare_mounts()?;
        bind(&passwd, c"/etc/passwd")?;
        bind(&group, c"/etc/group")
    })
}

/// Has `command` see an empty /etc.
pub fn without_etc<'a>(command: &'a mut Command, place: &Place) -> &'a mut Command {
    fs::create_dir_all(place.path("nothing")).unwrap();
    let nothing = c_string(&place.path("nothing"));
    before(command, move || {
        unshare_mounts()?;
        bind(&nothing, c"/etc")
    })
}

/// Gives `command` a network of its own that is nothing but a loopback interface.
pub fn with_loopback(command: &mut Command) -> &mut Command {
    before(command, || {
        // SAFETY: plain calls; all zeros are an ifreq, and its name has room for three bytes.
        unsafe {
            done(libc::unshare(libc::CLONE_NEWNET))?;
            let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
            done(socket)?;
            let mut request: libc::ifreq = std::mem::zeroed();
            request.ifr_name[0] = b'l' as _;
            request.ifr_name[1] = b'o' as _;
            request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as _;
            done(libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request))?;
            done(libc::close(socket))
        }
    })
}

/// Calls `act` on a thread that has a mount namespace of its own, and mounts a file system of this `kind` at `target`
/// there first. Nothing if the kernel has no such file system.
pub fn inside<T: Send>(kind: &CStr, options: &CStr, target: &Path, act: impl FnOnce() -> T + Send) -> Option<T> {
    let target = c_string(target);
    let act = move || {
        unshare_mounts().unwrap();
        // SAFETY: a system call with strings that live until it returns.
        let mounted =
            done(unsafe { libc::mount(c"none".as_ptr(), target.as_ptr(), kind.as_ptr(), 0, options.as_ptr().cast()) });
        match mounted.map_err(|error| error.raw_os_error()) {
            Err(Some(libc::ENODEV)) => None,
            other => {
                other.unwrap();
                Some(act())
            }
        }
    };
    std::thread::scope(|scope| scope.spawn(act).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

const NESTED: &str = "DMZ_TEST_NESTED";

/// Is this test program the root of a user namespace only, started by [`again`]?
pub fn is_nested() -> bool {
    std::env::var_os(NESTED).is_some()
}

/// Does a test need the machine's own root, and is this not it? Quiet in a user namespace: outside it was not skipped.
pub fn lacks_machine() -> bool {
    is_nested() || lacks_root()
}

/// An ordinary user and the first of the ids that are the namespace's.
const USER: u32 = 1000;
const FIRST: u32 = 100_000;
const COUNT: u32 = 65_536;

/// Runs this whole test program again, as the root of a user namespace that an ordinary user made.
pub fn again() {
    if lacks_machine() {
        return;
    }
    let place = Place::new();
    let tests = copied(&place, &std::env::current_exe().unwrap(), "tests");
    let binary = copied(&place, &dmz(), "dmz");
    let mut command = place.command(tests);
    command.env("DMZ", binary).env(NESTED, "1").current_dir("/");
    let (mut asks, asked) = io::pipe().unwrap();
    let (answered, mut answers) = io::pipe().unwrap();
    let (ask, answer) = (asked.as_raw_fd(), answered.as_raw_fd());
    before(&mut command, move || {
        let mut byte = 0_u8;
        // SAFETY: system calls with integers and with addresses of what lives until they return.
        unsafe {
            done(libc::setgroups(0, std::ptr::null()))?;
            done(libc::setresgid(USER, USER, USER))?;
            done(libc::setresuid(USER, USER, USER))?;
            done(libc::unshare(libc::CLONE_NEWUSER))?;
            let pid = libc::getpid();
            done(libc::write(ask, (&raw const pid).cast(), 4) as _)?;
            done(libc::read(answer, (&raw mut byte).cast(), 1) as _)?;
            done(libc::setresgid(0, 0, 0))?;
            done(libc::setresuid(0, 0, 0))
        }
    });
    let outcome = std::thread::scope(|scope| {
        // Only the outer root may give more ids than the maker's own, and it does so between two steps of the child.
        scope.spawn(move || {
            let mut pid = [0; 4];
            if asks.read_exact(&mut pid).is_ok() {
                for map in ["uid_map", "gid_map"] {
                    let path = format!("/proc/{}/{map}", i32::from_ne_bytes(pid));
                    fs::write(path, format!("0 {FIRST} {COUNT}\n")).unwrap();
                }
                answers.write_all(b".").unwrap();
            }
        });
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        // Without this a child that failed early would leave the thread waiting.
        drop((asked, answered));
        child.map(|child| Outcome::from(child.wait_with_output().unwrap()))
    });
    if skipped(outcome.is_ok(), &format!("no user namespaces here: {:?}", outcome.as_ref().err())) {
        return;
    }
    let outcome = outcome.unwrap();
    assert_eq!(outcome.code, 0, "in a user namespace:\n{}{}", outcome.stdout, outcome.stderr);
}
