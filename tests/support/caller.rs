//! Callers of every kind: with other ids, groups, capabilities, securebits, and under filters. Each has a command's own
//! process changed just before it becomes dmz.

use super::*;
use std::os::unix::fs::PermissionsExt;

/// Capabilities by number.
pub const CHOWN: u32 = 0;
pub const KILL: u32 = 5;
pub const SETPCAP: u32 = 8;
pub const SYS_NICE: u32 = 23;
pub const SYS_RESOURCE: u32 = 24;

/// A copy of an executable in the place, within everybody's reach: the folders of the original may be closed to an
/// ordinary user. Another process copies it, so that no fork of another test holds it open for writing later.
pub fn copied(place: &Place, from: &Path, name: &str) -> PathBuf {
    let to = place.path(name);
    assert!(Command::new("cp").arg(from).arg(&to).status().unwrap().success());
    for path in [&place.folder, &to] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    to
}

/// An ordinary user: these ids, no groups.
pub fn as_user(command: &mut Command, id: u32) -> &mut Command {
    before(command, move || {
        // SAFETY: system calls with integers and a null pointer for no groups.
        unsafe {
            done(libc::setgroups(0, std::ptr::null()))?;
            done(libc::setresgid(id, id, id))?;
            done(libc::setresuid(id, id, id))
        }
    })
}

/// With these supplementary groups.
pub fn with_groups<'a>(command: &'a mut Command, groups: &'static [u32]) -> &'a mut Command {
    // SAFETY: the kernel reads that many numbers.
    before(command, || done(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) }))
}

/// With this real user id; the others stay.
pub fn with_real_user(command: &mut Command, id: u32) -> &mut Command {
    // SAFETY: a system call with integers.
    before(command, move || done(unsafe { libc::setresuid(id, u32::MAX, u32::MAX) }))
}

/// With these resource limits.
pub fn with_limit(command: &mut Command, resource: u32, soft: u64, hard: u64) -> &mut Command {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the kernel reads one structure that lives as long as the closure.
    before(command, move || done(unsafe { libc::prlimit64(0, resource as _, &raw const limit, std::ptr::null_mut()) }))
}

/// capget(2) and capset(2) of this process: effective, permitted, inheritable, first the low then the high 32 bits.
fn capabilities(number: libc::c_long, sets: &mut [[u32; 3]; 2]) -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    // SAFETY: the two structures that the kernel wants are these integers, which it reads or writes.
    done(unsafe { libc::syscall(number, header.as_ptr(), sets.as_mut_ptr()) } as _)
}

/// With capability `inheritable` and, in the ambient set too, `ambient`.
pub fn with_capabilities(command: &mut Command, inheritable: u32, ambient: u32) -> &mut Command {
    before(command, move || {
        let mut sets = [[0; 3]; 2];
        capabilities(libc::SYS_capget, &mut sets)?;
        sets[0][2] |= 1 << inheritable | 1 << ambient;
        capabilities(libc::SYS_capset, &mut sets)?;
        // SAFETY: prctl with integers.
        done(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, ambient, 0, 0) })
    })
}

/// Without capability `number`, for good.
pub fn without_capability(command: &mut Command, number: u32) -> &mut Command {
    // SAFETY: prctl with integers.
    before(command, move || done(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) }))
}

/// With these securebits (capabilities(7)).
pub fn with_securebits(command: &mut Command, bits: i32) -> &mut Command {
    // SAFETY: prctl with integers.
    before(command, move || done(unsafe { libc::prctl(libc::PR_SET_SECUREBITS, bits, 0, 0, 0) }))
}

/// Under a filter that answers these system calls with `errno` instead of doing them; with 0 it only pretends.
pub fn with_filter<'a>(command: &'a mut Command, calls: &[libc::c_long], errno: u32) -> &'a mut Command {
    let line = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let answer = |value| line(libc::BPF_RET | libc::BPF_K, 0, 0, value);
    // The call's number is the first field of what a filter sees.
    let mut filter = vec![line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)];
    for call in calls {
        filter.push(line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, *call as u32));
        filter.push(answer(libc::SECCOMP_RET_ERRNO | errno));
    }
    filter.push(answer(libc::SECCOMP_RET_ALLOW));
    before(command, move || {
        let program = libc::sock_fprog { len: filter.len() as _, filter: filter.as_mut_ptr() };
        // SAFETY: the kernel reads the program, which lives as long as the closure. As root no other call is needed.
        done(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, 0, 0) })
    })
}

/// Does the caller of this test have capability `number`?
pub fn has_capability(number: u32) -> bool {
    own_capabilities() & 1 << number != 0
}

/// And is it the machine's: not that of a user namespace only, which is nothing to priorities and limits?
pub fn has_machines(number: u32) -> bool {
    has_capability(number) && !namespace::is_nested()
}

/// The capabilities that a program started by this test has if nothing is said.
pub fn own_capabilities() -> u64 {
    u64::from_str_radix(&Process(std::process::id() as i32).status("CapBnd").unwrap(), 16).unwrap()
}
