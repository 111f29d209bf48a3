//! As whom and within what limits the program runs: the values, and how they are written.

use super::account::elements;
use super::number;
use crate::{Table, Word};

/// What changes of the process's identity and limits, beside the texts.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The user id.
    pub user: Option<u32>,
    /// The group id.
    pub group: Option<u32>,
    /// The supplementary groups.
    pub groups: Option<&'a [u32]>,
    /// HOME, USER, LOGNAME and SHELL of the user, as words for the environment; nothing if there is no such user.
    pub environment: [Option<Word<'a>>; 4],
    /// The capabilities that stay, bit n for number n (capabilities(7)).
    pub caps: Option<u64>,
    /// Soft and hard limit of each resource, one after the other; nothing where none was given.
    pub limits: &'a [u64],
    /// Which of them were given: bit n for resource n.
    pub limited: u32,
    /// The nice value.
    pub nice: i32,
    /// Class and level as ioprio_set(2) takes them.
    pub io_priority: u32,
    /// Policy and priority as sched_setscheduler(2) takes them.
    pub scheduling: (u32, u32),
}

/// How many resources there are.
pub const RESOURCES_MAX: usize = 16;

impl Identity<'_> {
    /// Nothing changes.
    pub const NONE: Identity<'static> = Identity {
        user: None,
        group: None,
        groups: None,
        environment: [None; 4],
        caps: None,
        limits: &[],
        limited: 0,
        nice: 0,
        io_priority: 0,
        scheduling: (0, 0),
    };
}

/// The capabilities, in the order of their numbers.
const CAPS: Table = Table::new(
    b"chown\0dac_override\0dac_read_search\0fowner\0fsetid\0kill\0setgid\0setuid\0setpcap\0linux_immutable\0\
    net_bind_service\0net_broadcast\0net_admin\0net_raw\0ipc_lock\0ipc_owner\0sys_module\0sys_rawio\0sys_chroot\0\
    sys_ptrace\0sys_pacct\0sys_admin\0sys_boot\0sys_nice\0sys_resource\0sys_time\0sys_tty_config\0mknod\0lease\0\
    audit_write\0audit_control\0setfcap\0mac_override\0mac_admin\0syslog\0wake_alarm\0block_suspend\0audit_read\0\
    perfmon\0bpf\0checkpoint_restore\0\0",
);

/// The resources of which a process's use is limited, in the order of their numbers.
const RESOURCES: Table = Table::new(
    b"cpu\0fsize\0data\0stack\0core\0rss\0nproc\0nofile\0memlock\0as\0locks\0sigpending\0msgqueue\0nice\0rtprio\0\
    rttime\0\0",
);

/// The classes of ioprio_set(2), in the order of their numbers.
const CLASSES: Table = Table::new(b"none\0realtime\0best-effort\0idle\0\0");

/// The policies of sched(7), in the order of their numbers; what has no name cannot be asked for.
const POLICIES: Table = Table::new(b"other\0fifo\0rr\0batch\0\x01\0idle\0\0");

/// The number of `name` in a table.
fn find(mut table: Table, name: &[u8]) -> Option<u32> {
    table.position(|entry| entry.bytes() == name).map(|index| index as u32)
}

/// Both sides of the first `mark`; the second is empty where there is none.
pub fn split(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |byte| *byte == mark);
    (parts.next().unwrap_or(b""), parts.next())
}

/// A list of capabilities, or `none`: their bits.
pub fn parse_caps(text: &[u8]) -> Option<u64> {
    if text == b"none" {
        return Some(0);
    }
    elements(text).try_fold(0, |bits, name| Some(bits | 1 << find(CAPS, name)?))
}

/// `NAME=SOFT[:HARD]`: the number of the resource and its limits.
pub fn parse_limit(text: &[u8]) -> Option<(usize, [u64; 2])> {
    let (name, value) = split(text, b'=');
    let (soft, hard) = split(value?, b':');
    let (soft, hard) = (parse_amount(soft)?, parse_amount(hard.unwrap_or(soft))?);
    if soft > hard {
        return None;
    }
    Some((find(RESOURCES, name)? as usize, [soft, hard]))
}

/// A limit's amount: `unlimited`, or a number with an optional K, M or G.
fn parse_amount(text: &[u8]) -> Option<u64> {
    if text == b"unlimited" {
        return Some(u64::MAX);
    }
    let (digits, shift) = match text {
        [digits @ .., b'K'] => (digits, 10),
        [digits @ .., b'M'] => (digits, 20),
        [digits @ .., b'G'] => (digits, 30),
        digits => (digits, 0),
    };
    // The largest number is how the kernel writes "unlimited", and the next is the largest limit.
    number::parse_long(digits, 10)?.checked_mul(1 << shift).filter(|amount| *amount < u64::MAX)
}

/// `CLASS[:N]` with N from 0, the highest, to 7: for ioprio_set(2).
pub fn parse_io_priority(text: &[u8]) -> Option<u32> {
    let (name, level) = split(text, b':');
    let class = find(CLASSES, name)?;
    let has_levels = matches!(class, 1 | 2);
    let level = match level {
        Some(level) if has_levels => number::parse(level, 10, 7)?,
        Some(_) => return None,
        None if has_levels => 4,
        None => 0,
    };
    Some(class << 13 | level)
}

/// `POLICY[:N]` with N from 1 to 99 for the real-time policies, which need one: for sched_setscheduler(2).
pub fn parse_scheduling(text: &[u8]) -> Option<(u32, u32)> {
    let (name, priority) = split(text, b':');
    let policy = find(POLICIES, name).filter(|_| name != b"\x01")?;
    let priority = match (policy, priority) {
        (1 | 2, Some(priority)) => number::parse(priority, 10, 99).filter(|priority| *priority > 0)?,
        (1 | 2, None) | (_, Some(_)) => return None,
        _ => 0,
    };
    Some((policy, priority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_have_the_kernels_numbers() {
        assert_eq!(parse_caps(b"none"), Some(0));
        assert_eq!(parse_caps(b"chown"), Some(1));
        assert_eq!(parse_caps(b"net_bind_service,kill"), Some(1 << 10 | 1 << 5));
        assert_eq!(parse_caps(b"checkpoint_restore"), Some(1 << 40));
        for text in ["", "all", "chown,", "none,chown", "CHOWN", "cap_chown"] {
            assert_eq!(parse_caps(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn limits_are_read_with_their_units() {
        let limit = |text: &str| parse_limit(text.as_bytes()).map(|(resource, [soft, hard])| (resource, soft, hard));
        assert_eq!(limit("nofile=64"), Some((7, 64, 64)));
        assert_eq!(limit("core=0:unlimited"), Some((4, 0, u64::MAX)));
        assert_eq!(limit("as=2G:3G"), Some((9, 2 << 30, 3 << 30)));
        assert_eq!(limit("rttime=1K"), Some((15, 1024, 1024)));
        for text in [
            "nofile",
            "nofile=",
            "nofile=-1",
            "nofile=2:1",
            "files=1",
            "nofile=1:",
            "nofile=K",
            "as=99999999999999999999",
            "as=18446744073709551615",
            "as=18014398509481984K",
            "nofile=1k",
        ] {
            assert_eq!(limit(text), None, "{text}");
        }
    }

    #[test]
    fn priorities_are_read_with_the_kernels_words() {
        assert_eq!(parse_io_priority(b"idle"), Some(3 << 13));
        assert_eq!(parse_io_priority(b"best-effort"), Some(2 << 13 | 4));
        assert_eq!(parse_io_priority(b"realtime:0"), Some(1 << 13));
        assert_eq!(parse_scheduling(b"other"), Some((0, 0)));
        assert_eq!(parse_scheduling(b"rr:99"), Some((2, 99)));
        assert_eq!(parse_scheduling(b"idle"), Some((5, 0)));
        for text in ["", "idle:1", "best-effort:8", "best-effort:", "be"] {
            assert_eq!(parse_io_priority(text.as_bytes()), None, "{text}");
        }
        for text in ["", "fifo", "fifo:0", "fifo:100", "other:1", "\x01", "iso", "deadline"] {
            assert_eq!(parse_scheduling(text.as_bytes()), None, "{text}");
        }
    }
}
