//! As whom and within what limits the program runs: how the values are written.

use super::{Limit, number};
use crate::{Table, Word};

/// The largest user or group id: the one above means "none" to the kernel.
const ID_MAX: u32 = u32::MAX - 1;

/// A user or group id: decimal, no sign, no blank.
pub fn parse_id(text: Word<'_>) -> Option<u32> {
    number::parse(text, 10, ID_MAX)
}

/// Is `name` an element of the list, which has commas? A name with a comma is none: it would be two elements.
pub fn is_in_list(mut list: Word<'_>, name: Word<'_>) -> bool {
    loop {
        match list.strip(name) {
            Some(rest) if matches!(rest.first(), 0 | b',') => return !name.is_empty() && !name.has(b','),
            _ if list.is_empty() => return false,
            _ => list = list.behind(b','),
        }
    }
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
const POLICIES: Table = Table::new(b"other\0fifo\0rr\0batch\0,\0idle\0\0");

/// A list of capabilities, or `none`: their bits.
pub fn parse_caps(mut text: Word<'_>) -> Option<u64> {
    let mut bits = 0;
    if text.is(Word::new(c"none")) {
        return Some(bits);
    }
    loop {
        let (number, rest) = CAPS.look_up(text)?;
        bits |= 1 << number;
        match rest.first() {
            0 => return Some(bits),
            b',' => text = rest.rest(),
            _ => return None,
        }
    }
}

/// `NAME=SOFT[:HARD]`.
pub fn parse_limit(text: Word<'_>) -> Option<Limit> {
    let (resource, rest) = RESOURCES.look_up(text)?;
    if rest.first() != b'=' {
        return None;
    }
    let (soft, mut rest) = read_amount(rest.rest())?;
    let mut hard = soft;
    if rest.first() == b':' {
        (hard, rest) = read_amount(rest.rest())?;
    }
    if rest.is_empty() && soft <= hard { Some([resource.into(), soft, hard]) } else { None }
}

/// A limit's amount: `unlimited`, or a number with an optional K, M or G.
#[inline(never)]
fn read_amount(text: Word<'_>) -> Option<(u64, Word<'_>)> {
    if let Some(rest) = text.strip(Word::new(c"unlimited")) {
        return Some((u64::MAX, rest));
    }
    let (number, rest) = number::read(text, 10)?;
    let shift = match rest.first() {
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        _ => 0,
    };
    // The largest number is how the kernel writes "unlimited", and the next is the largest limit.
    let amount = number.checked_mul(1 << shift).filter(|amount| *amount < u64::MAX)?;
    Some((amount, if shift == 0 { rest } else { rest.rest() }))
}

/// A name in a table and behind a colon a number from `least` to `most`: both, or `other` where there is no number.
fn parse_level(table: Table, text: Word<'_>, range: impl FnOnce(u32) -> (u32, u32, Option<u32>)) -> Option<[u32; 2]> {
    let (index, rest) = table.look_up(text)?;
    let (least, most, other) = range(index);
    let level = match rest.first() {
        0 => other?,
        b':' => number::parse(rest.rest(), 10, most).filter(|level| *level >= least)?,
        _ => return None,
    };
    Some([index, level])
}

/// `CLASS[:N]` with N from 0, the highest, to 7: for ioprio_set(2).
pub fn parse_io_priority(text: Word<'_>) -> Option<u32> {
    let range = |class| if matches!(class, 1 | 2) { (0, 7, Some(4)) } else { (1, 0, Some(0)) };
    let [class, level] = parse_level(CLASSES, text, range)?;
    Some(class << 13 | level)
}

/// `POLICY[:N]` with N from 1 to 99 for the real-time policies, which need one: the policy and, above eight bits, the
/// priority.
pub fn parse_scheduling(text: Word<'_>) -> Option<u32> {
    let range = |policy| if matches!(policy, 1 | 2) { (1, 99, None) } else { (1, 0, Some(0)) };
    let [policy, priority] = parse_level(POLICIES, text, range)?;
    if text.first() == b',' { None } else { Some(policy | priority << 8) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    /// Calls `parse` with a text as a word.
    fn with<T>(text: &str, parse: impl FnOnce(Word<'_>) -> T) -> T {
        parse(Word::new(&CString::new(text).unwrap()))
    }

    #[test]
    fn capabilities_have_the_kernels_numbers() {
        for (text, bits) in [
            ("none", 0),
            ("chown", 1),
            ("net_bind_service,kill", 1 << 10 | 1 << 5),
            ("checkpoint_restore", 1 << 40),
            ("net_admin", 1 << 12),
        ] {
            assert_eq!(with(text, parse_caps), Some(bits), "{text}");
        }
        for text in ["", "all", "chown,", "none,chown", "CHOWN", "cap_chown", "chown:", "chown=1", "net", "kil"] {
            assert_eq!(with(text, parse_caps), None, "{text}");
        }
    }

    #[test]
    fn limits_are_read_with_their_units() {
        let limit = |text| with(text, parse_limit);
        assert_eq!(limit("nofile=64"), Some([7, 64, 64]));
        assert_eq!(limit("core=0:unlimited"), Some([4, 0, u64::MAX]));
        assert_eq!(limit("as=2G:3G"), Some([9, 2 << 30, 3 << 30]));
        assert_eq!(limit("rttime=1K"), Some([15, 1024, 1024]));
        for text in [
            "nofile",
            "nofile=",
            "nofile=-1",
            "nofile=2:1",
            "files=1",
            "nofile=1:",
            "nofile:1",
            "nofile=K",
            "nofile=1KK",
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
        for (text, value) in [("idle", 3 << 13), ("best-effort", 2 << 13 | 4), ("realtime:0", 1 << 13), ("none", 0)] {
            assert_eq!(with(text, parse_io_priority), Some(value), "{text}");
        }
        for (text, value) in [("other", 0), ("rr:99", 2 | 99 << 8), ("idle", 5), ("batch", 3)] {
            assert_eq!(with(text, parse_scheduling), Some(value), "{text}");
        }
        for text in ["", "idle:1", "best-effort:8", "best-effort:", "be"] {
            assert_eq!(with(text, parse_io_priority), None, "{text}");
        }
        for text in ["", "fifo", "fifo:0", "fifo:100", "other:1", ",", "iso", "deadline", "rr=1"] {
            assert_eq!(with(text, parse_scheduling), None, "{text}");
        }
    }

    #[test]
    fn elements_of_a_list_are_whole_words() {
        let is_in = |list, name| with(list, |list| with(name, |name| is_in_list(list, name)));
        assert!(is_in("root,www", "www") && is_in("root,www", "root") && is_in("www", "www"));
        assert!(!is_in("a,b", "a,b") && !is_in("x,a,b", "a,b") && !is_in(",,,", ","));
        assert!(!is_in("", "www") && !is_in("wwwx,xwww", "www") && !is_in("root,", "") && !is_in("", ""));
    }
}
