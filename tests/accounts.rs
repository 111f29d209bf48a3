//! Who is meant by a name: /etc/passwd and /etc/group as text files, with all that can be wrong in them, numbers without
//! any file, and what a lookup costs. The files are a test's own, in a mount namespace. What a program then is and may:
//! `tests/identity.rs`.
#![cfg(feature = "identity")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use support::caller::*;
use support::namespace::*;
use support::*;

/// The ids with which a program runs.
#[derive(PartialEq, Eq, Debug)]
struct Ids {
    user: u32,
    group: u32,
    /// The supplementary groups. The group itself may be among them or not, it makes no difference.
    others: BTreeSet<u32>,
}

/// Real, effective, saved and file system id, if all are the same.
fn one_id(line: &str) -> u32 {
    let ids: BTreeSet<&str> = line.split_whitespace().collect();
    assert_eq!(ids.len(), 1, "four times the same, not {line}");
    ids.first().unwrap().parse().unwrap()
}

/// The ids that `dmz -f` with these options gives a program; its complaint if it gives none. The caller has groups that
/// must not be seen anywhere.
fn ids(place: &Place, prepare: impl Fn(&mut Command), options: &[&str]) -> Result<Ids, String> {
    let mut command = place.dmz(["-f"]);
    command.args(options).args(["--", "/bin/cat", "/proc/self/status"]);
    prepare(&mut command);
    let outcome = Outcome::of(with_groups(&mut command, &[4242, 4243]));
    if outcome.code != 0 {
        assert_eq!((outcome.code, outcome.stdout.as_str()), (125, ""), "{options:?} {outcome:?}");
        assert!(outcome.stderr.starts_with("dmz: ") && outcome.stderr.lines().count() == 1, "{outcome:?}");
        return Err(outcome.stderr);
    }
    let field = |name| outcome.stdout.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let group = one_id(field("Gid:"));
    let groups = field("Groups:").split_whitespace().map(|group| group.parse().unwrap());
    Ok(Ids { user: one_id(field("Uid:")), group, others: groups.filter(|other| *other != group).collect() })
}

/// The same with these texts as account files.
fn with(place: &Place, passwd: impl AsRef<[u8]>, group: impl AsRef<[u8]>, options: &[&str]) -> Result<Ids, String> {
    ids(place, |command| _ = with_accounts(command, place, &passwd, &group), options)
}

fn is(user: u32, group: u32, others: &[u32]) -> Ids {
    Ids { user, group, others: others.iter().copied().collect() }
}

/// Asserts that nothing was run.
#[track_caller]
fn assert_refused(what: &str, answer: Result<Ids, String>) {
    if let Ok(ids) = answer {
        panic!("{what}: {ids:?}");
    }
}

/// Texts of /etc/passwd in which `web` is user 33 with group 34.
const FOUND: &[(&str, &str)] = &[
    ("a line alone", "web:x:33:34:The web:/var/www:/bin/sh\n"),
    ("no newline at the end", "web:x:33:34:The web:/var/www:/bin/sh"),
    ("no newline and no shell", "web:x:33:34:The web:/var/www:"),
    ("CRLF", "a:x:1:1:::\r\nweb:x:33:34:::/bin/sh\r\n"),
    ("CR at the end", "web:x:33:34:::/bin/sh\r"),
    ("empty fields", "web::33:34:::\n"),
    ("the first of two", "web:x:33:34:::\nweb:x:0:0:::\n"),
    ("behind an empty line", "\n\nweb:x:33:34:::\n"),
    ("behind a comment", "# web:x:0:0:::\nweb:x:33:34:::\n"),
    ("behind NIS lines", "+::::::\n+@all:x:0:0:::\n-web:x:0:0:::\n+web:x:0:0:::\nweb:x:33:34:::\n"),
    ("behind a NIS line alone", "+\nweb:x:33:34:::\n"),
    ("behind a line with a field too few", "web:x:0:0::/\nweb:x:33:34:::\n"),
    ("behind a name alone", "web\nweb:\nweb:x\nweb:x:0\nweb:x:0:0\nweb:x:33:34:::\n"),
    ("behind a NUL in the name", "web\0:x:0:0:::\nweb:x:33:34:::\n"),
    ("behind a NUL in the last field", "web:x:0:0:::/bin/sh\0\nweb:x:33:34:::\n"),
    ("behind a NUL in the number", "web:x:0\0:0:::\nweb:x:33:34:::\n"),
    ("behind longer and shorter names", "webs:x:0:0:::\nwe:x:0:0:::\nxweb:x:0:0:::\nWEB:x:0:0:::\nweb:x:33:34:::\n"),
    ("behind a name in another field", "a:web:1:1:web:/web:web\nweb:x:33:34:::\n"),
];

#[test]
fn a_user_is_the_first_whole_line_with_its_name() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for (what, passwd) in FOUND {
        assert_eq!(with(&place, passwd, "", &["-u", "web"]), Ok(is(33, 34, &[])), "{what}");
    }
}

/// Texts of /etc/passwd in which there is no `web`.
const LOST: &[(&str, &str)] = &[
    ("an empty file", ""),
    ("other names", "web2:x:33:34:::\nwe:x:33:34:::\nxweb:x:33:34:::\n"),
    ("a field too few", "web:x:33:34::/\n"),
    ("NUL", "web:x:33:34:::\0\n"),
    ("no number", "web:x::34:::\n"),
    ("no number for the group", "web:x:33::::\n"),
    ("words for numbers", "web:x:root:root:::\n"),
    ("a sign", "web:x:+33:34:::\n"),
    ("a minus", "web:x:-1:34:::\n"),
    ("a blank", "web:x: 33:34:::\n"),
    ("hexadecimal", "web:x:0x21:34:::\n"),
    ("no user at all to the kernel", "web:x:4294967295:34:::\n"),
    ("no group at all to the kernel", "web:x:33:4294967295:::\n"),
    ("a number of 33 bits, root if cut", "web:x:4294967296:34:::\n"),
    ("a group of 33 bits, root if cut", "web:x:33:4294967296:::\n"),
    ("a number of 65 bits, root if cut", "web:x:18446744073709551616:34:::\n"),
];

#[test]
fn a_broken_line_is_nobody() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for (what, passwd) in LOST {
        assert_refused(what, with(&place, passwd, "", &["-u", "web"]));
    }
    for name in ["+", "+web", "-web", "#web", ""] {
        let passwd = format!("{name}:x:33:34:::\n");
        assert_refused(name, with(&place, passwd, "", &[&format!("--user={name}")]));
    }
}

#[test]
fn a_line_of_more_than_65536_bytes_is_skipped() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    // Whether the newline counts among them is nobody's business: one less and one more than both.
    let long = |name: &str, length: usize| {
        let ends = (format!("{name}:x:33:34:"), ":/:/bin/sh");
        format!("{}{}{}\n", ends.0, "x".repeat(length - ends.0.len() - ends.1.len()), ends.1)
    };
    assert_eq!(with(&place, long("web", 65_535), "", &["-u", "web"]), Ok(is(33, 34, &[])));
    let name = "w".repeat(900);
    assert_eq!(with(&place, long(&name, 65_535), "", &["-u", &name]), Ok(is(33, 34, &[])), "a long name");
    for length in [65_537, 2 * 65_536, 69_631, 69_632, 69_633, 1_000_000] {
        assert_refused("too long", with(&place, long("web", length), "", &["-u", "web"]));
        let behind = long("web", length) + "web:x:7:8:::\n";
        assert_eq!(with(&place, behind, "", &["-u", "web"]), Ok(is(7, 8, &[])), "behind {length} bytes");
    }
    for (members, groups) in [(500, &[60, 26][..]), (32_000, &[60, 26]), (33_000, &[26])] {
        let group = format!("games:x:60:{}web\ntape:x:26:web\n", "x,".repeat(members));
        assert_eq!(with(&place, PASSWD, group, &["-u", "web"]), Ok(is(33, 34, groups)), "so in /etc/group");
    }
}

#[test]
fn the_end_of_a_long_line_is_no_line() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    // Where a buffer of any likely size would end.
    let around = |length: usize| length - 2..=length + 2;
    let lengths = [256, 512, 1024, 2048, 4096, 8192].into_iter().flat_map(around);
    for length in lengths {
        let passwd = "x".repeat(length) + "web:x:0:0:::\nweb:x:33:34:::\n";
        assert_eq!(with(&place, passwd, "", &["-u", "web"]), Ok(is(33, 34, &[])), "behind {length} bytes");
    }
}

#[test]
fn a_line_may_lie_across_the_end_of_any_buffer() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let line = "web:x:33:34:a:b:c";
    for before in 0..=line.len() + 1 {
        // The line begins so many bytes before byte 4096, and the file ends with it.
        let passwd = format!("{}{}\n{line}\n", "#\n".repeat(1500), "#".repeat(4096 - 3000 - 1 - before));
        assert_eq!(passwd.len(), 4096 - before + line.len() + 1);
        assert_eq!(with(&place, &passwd, "", &["-u", "web"]), Ok(is(33, 34, &[])), "{before}");
        let open = passwd.trim_end();
        assert_eq!(with(&place, open, "", &["-u", "web"]), Ok(is(33, 34, &[])), "{before}, no newline");
    }
}

#[test]
fn a_group_may_be_given_with_a_user_and_without() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for (options, wanted) in [
        (&["-g", "games"][..], is(0, 60, &[])),
        (&["-g", "61"], is(0, 61, &[])),
        (&["-u", "web:games"], is(33, 60, &[12])),
        (&["-u", "web:61"], is(33, 61, &[12, 60])),
        (&["-u", "web", "-g", "games"], is(33, 60, &[12])),
        (&["-u", "33:games"], is(33, 60, &[12])),
        (&["-u", "4000:games"], is(4000, 60, &[])),
        (&["-u4000", "-ggames"], is(4000, 60, &[])),
    ] {
        // Whether the user's own group stays beside another one is not promised.
        let answer = with(&place, PASSWD, GROUP, options).map(|mut ids| {
            ids.others.remove(&34);
            ids
        });
        assert_eq!(answer, Ok(wanted), "{options:?}");
    }
}

/// Texts of /etc/group in which `tape` is group 26.
const GROUPS: &[(&str, &str)] = &[
    ("a line alone", "tape:x:26:\n"),
    ("members", "tape:x:26:a,b,c\n"),
    ("no newline at the end", "tape:x:26:"),
    ("CRLF", "a:x:1:\r\ntape:x:26:\r\n"),
    ("the first of two", "tape:x:26:\ntape:x:0:\n"),
    ("behind NIS lines", "+:::\n+tape:x:0:\n-tape:x:0:\n+\ntape:x:26:\n"),
    ("behind a field too few", "tape:x:0\ntape:x\ntape\n\ntape:x:26:\n"),
    ("behind NUL", "tape:x:0:\0\ntape\0:x:0:\ntape:x:26:\n"),
    ("behind other names", "tapes:x:0:\ntap:x:0:\nTAPE:x:0:\na:tape:0:tape\ntape:x:26:\n"),
];

#[test]
fn a_group_is_the_first_whole_line_with_its_name() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for (what, group) in GROUPS {
        assert_eq!(with(&place, PASSWD, group, &["-g", "tape"]), Ok(is(0, 26, &[])), "{what}");
        assert_eq!(with(&place, PASSWD, group, &["--groups", "tape"]).map(|ids| ids.others), Ok([26].into()), "{what}");
    }
    for line in ["", "tape:x:26\n", "tape:x::\n", "tape:x:-1:\n", "tape:x:4294967295:\n", "tape:x:4294967296:\n"] {
        for options in [["-g", "tape"], ["-u", "web:tape"], ["--groups", "tape"], ["--groups", "7,tape"]] {
            assert_refused(line, with(&place, PASSWD, line, &options));
        }
    }
}

/// Texts of /etc/group in which `web` is a member of the groups 26 and 60, and of no other but its own.
const MEMBERS: &[(&str, &str)] = &[
    ("alone, first, in the middle, last", "tape:x:26:web\ngames:x:60:a,web,b\na:x:34:web,b\nb:x:34:a,web\n"),
    ("CRLF and no newline at the end", "tape:x:26:web\r\ngames:x:60:a,web"),
    ("CR at the end", "tape:x:26:web\ngames:x:60:web\r"),
    ("named twice", "tape:x:26:web,web\ngames:x:60:web\ngames:x:60:web\n"),
    ("no longer and no shorter name", "a:x:1:webs,we,xweb,WEB\nweb:x:34:\nweb:web:2:\ntape:x:26:web\ngames:x:60:web\n"),
    (
        "no broken lines",
        "+:x:1:web\n-a:x:2:web\n#a:x:4:web\na:x::web\na:x:-1:web\na:x:3:web\0\ntape:x:26:web\ngames:x:60:web\n",
    ),
    ("no group at all to the kernel", "a:x:4294967295:web\na:x:4294967296:web\ntape:x:26:web\ngames:x:60:,web,\n"),
];

#[test]
fn the_supplementary_groups_are_those_that_list_the_user() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for (what, group) in MEMBERS {
        for user in ["web", "33"] {
            assert_eq!(with(&place, PASSWD, group, &["-u", user]), Ok(is(33, 34, &[26, 60])), "{what}, {user}");
        }
    }
    let many: Vec<u32> = (2000..2300).collect();
    let lines: String = many.iter().map(|number| format!("g{number}:x:{number}:a,web\n")).collect();
    assert_eq!(with(&place, PASSWD, lines, &["-u", "web"]), Ok(is(33, 34, &many)), "as many as there are");
    let comma = "mail,web:x:40:41::/:/bin/sh\n";
    assert_eq!(with(&place, comma, GROUP, &["-u", "40"]), Ok(is(40, 41, &[])), "two members are not one");
}

#[test]
fn groups_that_are_asked_for_are_the_only_ones() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for (options, wanted) in [
        (&["--groups", "26"][..], is(0, 0, &[26])),
        (&["-u", "web", "--groups", "26"], is(33, 34, &[26])),
        (&["-u", "web", "--groups", "tape,5,mail"], is(33, 34, &[5, 12, 26])),
        (&["-g", "games", "--groups=tape"], is(0, 60, &[26])),
        (&["-u", "4000:4001", "--groups", "5,6"], is(4000, 4001, &[5, 6])),
    ] {
        assert_eq!(with(&place, PASSWD, GROUP, options), Ok(wanted), "{options:?}");
    }
}

#[test]
fn a_number_needs_no_file() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let bare = |options: &[&str]| ids(&place, |command| _ = without_etc(command, &place), options);
    for (options, wanted) in [
        (&["-u", "4000:4001"][..], is(4000, 4001, &[])),
        (&["-u", "4000", "-g", "4001"], is(4000, 4001, &[])),
        (&["-u", "0:0"], is(0, 0, &[])),
        (&["-g", "4001"], is(0, 4001, &[])),
        (&["-u", "4000:4001", "--groups", "5,6"], is(4000, 4001, &[5, 6])),
    ] {
        assert_eq!(bare(options), Ok(wanted), "{options:?}");
    }
    for options in [["-u", "web"], ["-u", "web:34"], ["-u", "4000:web"], ["-g", "web"], ["--groups", "web"]] {
        assert_refused("no files", bare(&options));
    }
    // As from `-u "$USER:$GROUP"` without a GROUP: not the caller's group, and not the one of the line.
    for user in ["web:", "33:", "4000:", ":34"] {
        for group in [&[][..], &["-g", "34"]] {
            assert_refused("half a pair", with(&place, PASSWD, GROUP, &[&["-u", user], group].concat()));
        }
    }
    assert_refused("a number without a group", bare(&["-u", "4000"]));
    // A file that cannot be read is as good as none.
    fs::create_dir(place.path("nothing/passwd")).unwrap();
    assert_eq!(bare(&["-u", "33:34"]), Ok(is(33, 34, &[])));
    assert_refused("a folder", bare(&["-u", "33"]));
    // Nor is a file of groups needed to be in none.
    fs::remove_dir(place.path("nothing/passwd")).unwrap();
    place.file("nothing/passwd", PASSWD);
    for user in ["33:34", "33", "web"] {
        assert_eq!(bare(&["-u", user]), Ok(is(33, 34, &[])), "{user}");
    }
    assert_refused("a name of a group", bare(&["-u", "web:web"]));
}

#[test]
fn a_number_takes_its_group_from_its_line_or_needs_one() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    assert_eq!(with(&place, PASSWD, "", &["-u", "33"]), Ok(is(33, 34, &[])));
    assert_refused("no line", with(&place, PASSWD, GROUP, &["-u", "4000"]));
    assert_refused("a number that is only a group's", with(&place, PASSWD, GROUP, &["-u", "34"]));
    assert_eq!(with(&place, PASSWD, GROUP, &["-u", "4000:4001"]), Ok(is(4000, 4001, &[])), "only the group itself");
}

/// 4294967295, which tells the kernel to change nothing, and what becomes that or something else in careless hands.
const NUMBERS: &[&str] = &[
    "4294967295",
    "04294967295",
    "+4294967295",
    "-1",
    "0xffffffff",
    "8589934591",
    "18446744073709551615",
    "36893488147419103231",
    "4294967296",
    "18446744073709551616",
    "99999999999999999999999999",
    "+33",
    "-33",
    "--33",
    " 33",
    "33 ",
    "33\t",
    "33\r",
    "3 3",
    "33.0",
    "33e0",
    "0x21",
    "3_3",
    "-0",
    "+",
    "-",
];

#[test]
fn no_spelling_of_4294967295_and_no_half_number_gets_through() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for number in NUMBERS {
        let forms = ["--user=@", "--user=@:1", "--user=1:@", "--group=@", "--groups=@", "--groups=1,@"];
        for option in forms.map(|form| form.replace('@', number)) {
            assert_refused(&option, with(&place, PASSWD, GROUP, &[&option]));
        }
    }
    for option in ["--user=", "--user=:", "--group=", "--groups=", "--groups=,"] {
        assert_refused(option, with(&place, PASSWD, GROUP, &[option]));
    }
    // Whether a comma too many is forgiven is not promised; it is no group.
    for option in ["--groups=7,", "--groups=,7", "--groups=7,,7"] {
        if let Ok(ids) = with(&place, PASSWD, GROUP, &[option]) {
            assert_eq!(ids, is(0, 0, &[7]), "{option}");
        }
    }
    // Not in a user namespace, which has only some of them.
    if !is_nested() {
        let largest = u32::MAX - 1;
        assert_eq!(with(&place, "", "", &["-u", "4294967294:4294967294"]), Ok(is(largest, largest, &[])));
    }
}

#[test]
fn what_is_no_number_never_reaches_the_kernel() {
    if lacks_root() || lacks("strace") {
        return;
    }
    let place = Place::new();
    let passwd = "user:x:4294967295:34:::\ngroup:x:33:4294967295:::\nweb:x:33:34:::\n";
    let group = "none:x:4294967295:web\n";
    let traced = |options: &[&str]| {
        let mut command = place.command("strace");
        command.args(["-f", "-q", "-e", "trace=/set.*[ug]id,setgroups,/execve", "-o"]).arg(place.path("trace"));
        command.arg(dmz()).args(options).args(["--", "/bin/true"]);
        let outcome = Outcome::of(with_accounts(&mut command, &place, passwd, group));
        let trace = std::fs::read_to_string(place.path("trace")).unwrap();
        (outcome.code, trace.lines().filter(|line| line.contains("set") && !line.contains("exec")).count(), trace)
    };
    let numbers = ["4294967295", "04294967295", "-1", "8589934591", "18446744073709551615"];
    let forms = ["--user=@:1", "--user=1:@", "--group=@", "--groups=@", "--groups=1,@"];
    let numbers = numbers.iter().flat_map(|number| forms.map(|form| form.replace('@', number)));
    let names = ["--user=user", "--user=group", "--user=4294967295", "--group=none", "--groups=none"];
    for option in numbers.chain(names.map(str::to_owned)) {
        let (code, changes, trace) = traced(&[&option]);
        assert_eq!((code, changes), (125, 0), "{option}:\n{trace}");
    }
    // The line that lists the user counts for nothing, and what is left is seen to reach the kernel.
    let (code, changes, trace) = traced(&["--user=web"]);
    assert!(code == 0 && changes >= 3 && !trace.contains("4294967295"), "{trace}");
}

#[test]
fn a_carriage_return_is_no_part_of_the_last_field_and_an_empty_one_is_the_usual_shell() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for (shell, means) in [("/bin/x", "/bin/x"), ("", "/bin/sh")] {
        for end in ["\r\n", "\r", "\n", ""] {
            let mut command = place.dmz(["-f", "-u", "web", "--", "/usr/bin/env"]);
            let passwd = format!("web:x:33:34::/home:{shell}{end}");
            let outcome = Outcome::of(with_accounts(&mut command, &place, passwd, ""));
            let there = outcome.stdout.split('\n').find_map(|line| line.strip_prefix("SHELL="));
            assert_eq!(there, Some(means), "{shell:?} {end:?}");
        }
    }
}

#[test]
fn who_is_not_found_is_named() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for options in [
        &["-u", "nemo"][..],
        &["-g", "nemo"],
        &["-u", "web:nemo"],
        &["-u", "web", "-g", "nemo"],
        &["-u", "web", "--groups", "mail,nemo"],
        &["--groups", "nemo"],
    ] {
        let line = with(&place, PASSWD, GROUP, options).unwrap_err();
        assert!(line.starts_with("dmz: cannot ") && line.contains("nemo"), "{options:?}: {line}");
    }
    let line = with(&place, PASSWD, GROUP, &["-u", "4000"]).unwrap_err();
    assert!(line.contains("4000"), "{line}");
}

#[test]
fn a_file_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let reads = [libc::SYS_read, libc::SYS_readv, libc::SYS_pread64];
    let broken = |command: &mut Command| {
        with_accounts(command, &place, PASSWD, GROUP);
        with_filter(command, &reads, libc::EIO as u32);
    };
    for options in [["-u", "web"], ["-u", "33"], ["-g", "mail"], ["--groups", "mail"]] {
        let line = ids(&place, broken, &options).unwrap_err();
        assert!(line.ends_with(": Input/output error\n"), "{options:?}: {line}");
    }
}

#[test]
fn a_dry_run_finds_the_names_and_runs_nothing() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let dry = |options: &[&str]| {
        let mut command = place.dmz(["--dry-run"]);
        command.args(options).args(["-p", "x.pid", "--", "/bin/touch"]).arg(place.path("ran"));
        Outcome::of(with_accounts(&mut command, &place, PASSWD, GROUP))
    };
    let found = dry(&["-u", "web:games", "--groups", "mail"]);
    assert_eq!((found.code, found.stderr.as_str()), (0, ""));
    for options in [["-u", "nemo"], ["-g", "nemo"], ["--groups", "nemo"]] {
        let lost = dry(&options);
        assert!(lost.code == 125 && lost.stdout.is_empty() && lost.stderr.contains("nemo"), "{lost:?}");
    }
    place.assert_left(&["etc"]);
}

/// How often `command` and its children read under strace.
fn reads(place: &Place, mut command: Command) -> u64 {
    assert_eq!(Outcome::of(&mut command).code, 0, "{command:?}");
    let counts = std::fs::read_to_string(place.path("counts")).unwrap();
    let calls = counts.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let reads = calls.filter(|fields| matches!(fields.last(), Some(&("read" | "readv" | "pread64" | "preadv"))));
    reads.map(|fields| fields[3].parse::<u64>().unwrap()).sum()
}

#[test]
fn the_last_of_65536_lines_takes_a_read_for_each_page_of_the_file() {
    if lacks_root() || lacks("strace") {
        return;
    }
    let place = Place::new();
    let passwd: String = (0..65_536).map(|n| format!("u{n}:x:{n}:{n}:user {n}:/home/{n}:/bin/sh\n")).collect();
    let group: String = (0..65_536).map(|n| format!("g{n}:x:{n}:\n")).collect();
    let count = |passwd: &str, group: &str, options: &[&str]| {
        let mut command = place.command("strace");
        command.args(["-f", "-c", "-o"]).arg(place.path("counts")).arg(dmz());
        command.args(options).args(["--", "/bin/true"]);
        with_accounts(&mut command, &place, passwd, group);
        reads(&place, command)
    };
    // What the program and its loader read, the ends of both files, and a few more.
    let constant = count("", "", &["-u", "1:1"]) + 8;
    for (options, pages) in [
        (&["-u", "u65535"][..], passwd.len().div_ceil(4096) + group.len().div_ceil(4096)),
        (&["-u", "65535"], passwd.len().div_ceil(4096) + group.len().div_ceil(4096)),
        (&["-g", "g65535"], group.len().div_ceil(4096)),
    ] {
        let reads = count(&passwd, &group, options);
        assert!(reads <= pages as u64 + constant, "{options:?}: {reads} reads for {pages} pages and {constant}");
        println!("{options:?}: {reads} reads, of {pages} and {constant}");
    }
}

#[test]
fn in_a_user_namespace_all_this_is_true_as_well() {
    again();
}
