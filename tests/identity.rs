//! Who a program is and within what limits it runs: ids, capabilities, another root, priorities, limits, and what is done
//! with whose rights. Read from /proc and compared with what setpriv(1) makes of the same request. Which names mean whom:
//! `tests/accounts.rs`.
#![cfg(feature = "identity")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;
use support::caller::*;
use support::namespace::*;
use support::*;

const SLEEP: [&str; 3] = ["--", "/bin/sleep", "100"];
const STATUS: [&str; 2] = ["/bin/cat", "/proc/self/status"];

/// The capability sets as /proc/PID/status calls them.
const SETS: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

/// What tells who a process is and what it may, field by field, from the text of a /proc/PID/status.
type Seen = BTreeMap<&'static str, String>;

fn seen(status: &str) -> Seen {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    let names = ["Uid", "Gid", "NoNewPrivs"].iter().chain(&SETS);
    let mut seen: Seen = names.map(|name| (*name, field(name).unwrap().to_owned())).collect();
    // The group itself may be among them or not: it makes no difference.
    let group = seen["Gid"].split('\t').next().unwrap();
    let groups: BTreeSet<_> = field("Groups").unwrap().split_whitespace().filter(|other| *other != group).collect();
    seen.insert("Groups", groups.into_iter().collect::<Vec<_>>().join(" "));
    seen
}

fn set(seen: &Seen, name: &str) -> u64 {
    u64::from_str_radix(&seen[name], 16).unwrap()
}

/// All five sets as one number, if they are the same.
fn sets(seen: &Seen) -> Option<u64> {
    let all: BTreeSet<u64> = SETS.iter().map(|name| set(seen, name)).collect();
    if all.len() == 1 { all.first().copied() } else { None }
}

/// Asserts that dmz itself failed, said so in one line with `words` in it, and that nothing runs.
#[track_caller]
fn assert_refused(place: &Place, outcome: &Outcome, words: &str) {
    assert_eq!((outcome.code, outcome.stdout.as_str()), (125, ""), "{outcome:?}");
    assert!(outcome.stderr.starts_with("dmz: ") && outcome.stderr.lines().count() == 1, "{outcome:?}");
    assert!(outcome.stderr.contains(words), "{outcome:?} has no {words:?}");
    assert_eq!(place.processes(), []);
}

/// The program, once the kernel shows it: dmz may return while the exec, of which it has proof, is still under way, and be
/// shown as its emulator.
fn settled(program: Process) -> Process {
    let is_there = |words: &[_]| !words.is_empty() && words.iter().all(|word| dmz() != *word);
    until("the program", || is_there(&program.arguments()).then_some(program))
}

/// `dmz` with options, for a caller who has more groups, inheritable and ambient capabilities than the program may see.
fn rich(place: &Place, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = place.command(program);
    with_accounts(&mut command, place, PASSWD, GROUP);
    with_groups(&mut command, &[4242, 4243]);
    with_capabilities(&mut command, KILL, CHOWN);
    command
}

/// What a program sees of itself that `dmz -f` with these options starts.
fn in_foreground(place: &Place, options: &[&str]) -> Seen {
    let mut command = rich(place, dmz());
    let outcome = Outcome::of(command.arg("-f").args(options).arg("--").args(STATUS));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{options:?}");
    seen(&outcome.stdout)
}

/// Requests as dmz and as setpriv(1) have them.
const REQUESTS: &[(&[&str], &[&str])] = &[
    (&[], &[]),
    (&["-u", "web"], &["--reuid=web", "--regid=34", "--init-groups", "--inh-caps=-all", "--ambient-caps=-all"]),
    (
        &["-u", "web:games", "--groups", "mail,5"],
        &["--reuid=33", "--regid=60", "--groups=12,5", "--inh-caps=-all", "--ambient-caps=-all"],
    ),
    (
        &["-u", "4000:4001"],
        &["--reuid=4000", "--regid=4001", "--clear-groups", "--inh-caps=-all", "--ambient-caps=-all"],
    ),
    (&["-u", "root"], &["--reuid=0", "--regid=0", "--init-groups", "--inh-caps=-all", "--ambient-caps=-all"]),
    (
        &["-u", "root", "--no-new-privs"],
        &["--reuid=0", "--regid=0", "--init-groups", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"],
    ),
    (&["-g", "games"], &["--regid=60", "--clear-groups"]),
    (&["--groups", "mail,5"], &["--groups=12,5"]),
    (&["--no-new-privs"], &["--no-new-privs"]),
    (&["--caps", "none"], &["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]),
    (
        &["--caps", "kill,chown"],
        &["--bounding-set=-all,+kill,+chown", "--inh-caps=-all,+kill,+chown", "--ambient-caps=-all,+kill,+chown"],
    ),
    (
        &["-u", "web", "--caps", "net_bind_service,kill"],
        &[
            "--reuid=web",
            "--regid=34",
            "--init-groups",
            "--bounding-set=-all,+net_bind_service,+kill",
            "--inh-caps=-all,+net_bind_service,+kill",
            "--ambient-caps=-all,+net_bind_service,+kill",
        ],
    ),
    (
        &["-u", "web", "--caps=none", "--no-new-privs"],
        &[
            "--reuid=web",
            "--regid=34",
            "--init-groups",
            "--no-new-privs",
            "--bounding-set=-all",
            "--inh-caps=-all",
            "--ambient-caps=-all",
        ],
    ),
];

#[test]
fn in_every_field_the_program_is_what_setpriv_makes_of_the_same_request() {
    if lacks_root() || lacks("setpriv") {
        return;
    }
    let place = Place::new();
    for (options, request) in REQUESTS {
        let outcome = Outcome::of(rich(&place, "setpriv").args(*request).args(STATUS));
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{request:?}");
        assert_eq!(in_foreground(&place, options), seen(&outcome.stdout), "{options:?} in the foreground");
    }
}

#[test]
fn a_daemon_is_what_a_program_in_the_foreground_is() {
    if lacks_root() {
        return;
    }
    // -a alone changes nothing.
    let ways = ["-a", "--single-fork", if cfg!(feature = "monitor") { "-S" } else { "-a" }];
    let place = Place::new();
    for (options, _) in REQUESTS {
        let wanted = in_foreground(&place, options);
        for way in ways {
            let mut command = rich(&place, dmz());
            let program = settled(place.started(command.args(["-P", way]).args(*options).args(SLEEP)));
            let status = fs::read_to_string(format!("/proc/{}/status", program.0)).unwrap();
            assert_eq!(seen(&status), wanted, "{options:?} with {way}");
        }
    }
}

#[test]
fn without_caps_a_user_has_none_and_the_bounding_set_stays() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for user in ["web", "4000:4001"] {
        let seen = in_foreground(&place, &["-u", user]);
        for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(set(&seen, name), 0, "{name} of {user}");
        }
        assert_eq!(set(&seen, "CapBnd"), own_capabilities());
    }
}

#[test]
fn every_capability_has_its_kernel_name() {
    if lacks_root() || lacks("setpriv") {
        return;
    }
    let place = Place::new();
    let names = Outcome::of(place.command("setpriv").arg("--list-caps")).stdout;
    let last: usize = fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap().trim().parse().unwrap();
    // A newer kernel has some that setpriv cannot name.
    let names = names.lines().filter(|name| !name.starts_with("cap_")).take(last + 1);
    for (number, name) in names.enumerate() {
        for user in [&["-u", "4000:4001"][..], &[]] {
            let outcome = Outcome::of(place.dmz(["-f"]).args(user).args(["--caps", name, "--"]).args(STATUS));
            if has_capability(number as u32) {
                assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{name}");
                assert_eq!(sets(&seen(&outcome.stdout)), Some(1 << number), "{name} {user:?}");
            } else {
                // Not even this test has it.
                assert_refused(&place, &outcome, "");
            }
        }
    }
}

#[test]
fn what_is_no_capability_is_refused() {
    let place = Place::new();
    for list in ["", "frobnicate", "kill,", ",kill", "kill,frobnicate", "none,kill", "kill chown", "64"] {
        let outcome = place.run(["-f", &format!("--caps={list}"), "--", "/bin/echo", "ran"]);
        assert_refused(&place, &outcome, list);
    }
}

#[test]
fn capabilities_are_not_limited_without_the_right_to() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let binary = copied(&place, &dmz(), "dmz");
    for list in ["none", "kill"] {
        let echo = ["--caps", list, "--", "/bin/echo", "ran"];
        let ordinary = Outcome::of(as_user(place.command(&binary).args(echo), 1000));
        assert_refused(&place, &ordinary, list);
        let root = Outcome::of(without_capability(place.command(&binary).args(echo), SETPCAP));
        assert_refused(&place, &root, list);
        let foreground = Outcome::of(as_user(place.command(&binary).arg("-f").args(echo), 1000));
        assert_refused(&place, &foreground, list);
    }
}

#[test]
fn securebits_keep_no_capability_alive() {
    if lacks_root() {
        return;
    }
    const NO_SETUID_FIXUP: i32 = 1 << 2;
    const KEEP_CAPS: i32 = 1 << 4;
    const NO_AMBIENT_RAISE: i32 = 1 << 6;
    let place = Place::new();
    for bits in [NO_SETUID_FIXUP, KEEP_CAPS, NO_SETUID_FIXUP | KEEP_CAPS] {
        let mut command = rich(&place, dmz());
        let outcome = Outcome::of(with_securebits(command.args(["-f", "-u", "web", "--"]).args(STATUS), bits));
        // To refuse such a caller would be right as well.
        if outcome.code != 125 {
            let seen = seen(&outcome.stdout);
            for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
                assert_eq!(set(&seen, name), 0, "{name} with securebits {bits}");
            }
        }
    }
    // A folder is entered with the program's rights, whatever the caller's are.
    folder(&place, "closed", 0, 0, 0o700);
    let mut command = place.dmz(["-f", "-u", "4000:4001", "-c", "closed", "--", "/bin/echo", "ran"]);
    assert_refused(&place, &Outcome::of(with_securebits(&mut command, NO_SETUID_FIXUP)), "closed");
    let mut command = place.dmz(["-f", "-u", "4000:4001", "--caps", "kill", "--", "/bin/echo", "ran"]);
    // Not silently without what was asked for.
    assert_refused(&place, &Outcome::of(with_securebits(&mut command, NO_AMBIENT_RAISE)), "kill");
}

#[test]
fn a_user_with_net_bind_service_binds_port_80() {
    if lacks_root() || lacks("busybox") {
        return;
    }
    let place = Place::new();
    let listen = ["--", "busybox", "nc", "-l", "-p", "80"];
    let with = |options: &[&str]| {
        let mut command = place.dmz(options);
        with_accounts(with_loopback(command.args(listen)), &place, PASSWD, GROUP);
        command
    };
    let outcome = Outcome::of(&mut with(&["-f", "-u", "web"]));
    assert!(outcome.code == 1 && outcome.stderr.contains("Permission denied"), "{outcome:?}");

    let program = place.started(&mut with(&["-P", "-u", "web", "--caps", "net_bind_service"]));
    // A local address with port 80, no other side, and the state of a listener.
    let listens = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1].ends_with(":0050") && fields[3] == "0A"
    };
    until("a listener", || {
        let read = |name| fs::read_to_string(format!("/proc/{}/net/{name}", program.0)).unwrap_or_default();
        (read("tcp") + &read("tcp6")).lines().any(listens).then_some(())
    });
    assert_eq!(program.status("Uid").unwrap(), "33\t33\t33\t33");
}

#[test]
fn a_change_of_identity_that_fails_or_only_pretends_runs_nothing() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let user = [libc::SYS_setuid, libc::SYS_setreuid, libc::SYS_setresuid];
    let group = [libc::SYS_setgid, libc::SYS_setregid, libc::SYS_setresgid];
    let groups = [libc::SYS_setgroups];
    let capabilities = [libc::SYS_capset];
    for (calls, options) in [
        (&user[..], &["-u", "4000:4001"][..]),
        (&user, &["-u", "4000:4001", "--caps", "kill"]),
        (&group, &["-u", "4000:4001"]),
        (&group, &["-g", "4001"]),
        (&groups, &["-u", "4000:4001"]),
        (&groups, &["-g", "4001"]),
        (&groups, &["--groups", "4001"]),
        (&capabilities, &["-u", "4000:4001", "--caps", "kill"]),
        (&capabilities, &["--caps", "none"]),
    ] {
        for errno in [0, libc::EPERM] {
            for way in [&["-f"][..], &["-p", "x.pid"]] {
                let mut command = place.dmz(way);
                command.args(options).args(["--", "/bin/echo", "ran"]);
                with_groups(&mut command, &[4242]);
                let outcome = Outcome::of(with_filter(&mut command, calls, errno as u32));
                assert_refused(&place, &outcome, if errno == 0 { "" } else { "Operation not permitted" });
                place.assert_left(&[]);
            }
        }
    }
    // The filter alone stands in nobody's way.
    let mut command = place.dmz(["-f", "-u", "4000:4001", "--", "/bin/echo", "ran"]);
    assert_eq!(Outcome::of(with_filter(&mut command, &[libc::SYS_reboot], 0)).stdout, "ran\n");
}

#[test]
fn a_user_with_too_many_processes_gets_no_other() {
    // In a user namespace the limit hits its root, too, and so the fork.
    if lacks_machine() {
        return;
    }
    let place = Place::new();
    let arguments = ["-u", "4005:4001", "--", "/bin/sleep", "100"];
    let others = [place.start(arguments), place.start(arguments)];
    // The kernel lets the change of the user pass and fails the exec.
    let mut command = place.dmz(["-p", "x.pid"]);
    let outcome = Outcome::of(with_limit(command.args(arguments), libc::RLIMIT_NPROC, 1, 1));
    assert!(
        outcome.code == 126 && outcome.stderr.contains("/bin/sleep: Resource temporarily unavailable"),
        "{outcome:?}"
    );
    let there: BTreeSet<i32> = place.processes().iter().map(|process| process.0).collect();
    assert_eq!(there, others.iter().map(|process| process.0).collect());
    assert!(!place.path("x.pid").exists());
}

#[test]
fn where_groups_cannot_be_set_nothing_runs_with_the_callers() {
    if lacks_machine() || lacks_user_namespaces() {
        return;
    }
    let place = Place::new();
    let binary = copied(&place, &dmz(), "dmz");
    let unshared = |options: &[&str], program: &[&str]| {
        // The namespace of an ordinary user has one user, one group, and groups that nobody may change.
        let mut command = place.command("unshare");
        command.arg("-r").arg(&binary).args(options).arg("--").args(program);
        before(&mut command, || {
            // SAFETY: system calls with integers and an array that lives until they return.
            unsafe {
                done(libc::setgroups(1, [4242].as_ptr()))?;
                done(libc::setresgid(1000, 1000, 1000))?;
                done(libc::setresuid(1000, 1000, 1000))
            }
        });
        Outcome::of(&mut command)
    };
    assert_refused(&place, &unshared(&["-u", "0:0"], &["/bin/echo", "ran"]), "Operation not permitted");
    assert_refused(&place, &unshared(&["-f", "-g", "0"], &["/bin/echo", "ran"]), "Operation not permitted");
    // What needs no groups works there.
    let outcome = unshared(&["-f", "--caps", "kill", "--no-new-privs"], &STATUS);
    assert_eq!(sets(&seen(&outcome.stdout)), Some(1 << KILL), "{outcome:?}");
}

#[test]
fn an_ordinary_user_becomes_nobody_else() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let binary = copied(&place, &dmz(), "dmz");
    fs::create_dir(place.path("root")).unwrap();
    for options in [&["-u", "0:0"][..], &["-u", "4000:4001"], &["-g", "0"], &["--groups", "0"], &["-R", "root"]] {
        let mut command = place.command(&binary);
        let outcome = Outcome::of(as_user(command.args(options).args(["--", "/bin/echo", "ran"]), 1000));
        assert_refused(&place, &outcome, "Operation not permitted");
    }
}

/// A folder of the place, with an owner, a group and a mode.
fn folder(place: &Place, name: &str, owner: u32, group: u32, mode: u32) -> PathBuf {
    fs::create_dir(place.path(name)).unwrap();
    owned(place.path(name), owner, group, mode)
}

fn owned(path: PathBuf, owner: u32, group: u32, mode: u32) -> PathBuf {
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    chown(&path, Some(owner), Some(group)).unwrap();
    // The kernel may take bits away when the owner changes.
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn the_pidfile_is_the_callers_and_the_outputs_are_the_users() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    folder(&place, "closed", 0, 0, 0o700);
    folder(&place, "logs", 33, 34, 0o700);
    let files = ["-p", "closed/x.pid", "-l", "closed/x.lock", "-o", "logs/out", "-e", "logs/err", "-c"];
    let mut command = place.dmz(["-P", "-u", "web"]);
    command.args(files).arg(place.path("logs")).args(SLEEP);
    let program = place.started(with_accounts(&mut command, &place, PASSWD, GROUP));
    assert_pidfile(place.path("closed/x.pid"), program);
    for (name, wanted) in [
        ("closed/x.pid", (0, 0, 0o100_644)),
        ("closed/x.lock", (0, 0, 0o100_644)),
        ("logs/out", (33, 34, 0o100_640)),
        ("logs/err", (33, 34, 0o100_640)),
    ] {
        let file = fs::metadata(place.path(name)).unwrap();
        assert_eq!((file.uid(), file.gid(), file.mode()), wanted, "{name}");
    }
    assert!(program.is_at("cwd", place.path("logs")));
}

#[test]
fn what_the_user_may_not_open_is_not_opened_for_the_user() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    folder(&place, "closed", 0, 0, 0o700);
    owned(place.file("secret", ""), 0, 0, 0o600);
    owned(place.file("forbidden", ""), 33, 34, 0o000);
    place.script("closed/tool", "#!/bin/sh\necho closed\n");
    for (code, options, named) in [
        (125, &["-o", "closed/out", "--", "/bin/true"][..], "closed/out"),
        (125, &["-e", "closed/err", "--", "/bin/true"], "closed/err"),
        (125, &["-e", "secret", "--", "/bin/true"], "secret"),
        (125, &["-a", "-o", "secret", "--", "/bin/true"], "secret"),
        (125, &["-i", "secret", "--", "/bin/true"], "secret"),
        (125, &["-i", "forbidden", "--", "/bin/true"], "forbidden"),
        (125, &["-c", "closed", "--", "/bin/true"], "closed"),
        (126, &["--", "closed/tool"], "closed/tool"),
        // Not even with the capability to read everything; the files are opened before it is given.
        (125, &["--caps", "dac_override", "-o", "secret", "--", "/bin/true"], "secret"),
    ] {
        for way in [&["-p", "x.pid"][..], &["-f"]] {
            let mut command = place.dmz(["-u", "web"]);
            let outcome = Outcome::of(with_accounts(command.args(way).args(options), &place, PASSWD, GROUP));
            assert_eq!((outcome.code, outcome.stdout.as_str()), (code, ""), "{way:?} {options:?}: {outcome:?}");
            // In the foreground standard error may be redirected by then.
            assert!(outcome.stderr.ends_with(": Permission denied\n"), "{way:?} {options:?}: {outcome:?}");
            assert!(outcome.stderr.contains(named), "{way:?} {options:?}: {outcome:?}");
            place.assert_left(&["closed", "etc", "forbidden", "secret"]);
        }
    }
}

#[test]
fn an_ordinary_callers_capabilities_open_nothing_for_the_user() {
    if lacks_root() || lacks("setpriv") {
        return;
    }
    let place = Place::new();
    let binary = copied(&place, &dmz(), "dmz");
    folder(&place, "closed", 0, 0, 0o700);
    place.file("closed/in", "text");
    let ambient = ["--inh-caps=+setuid,+setgid,+dac_override", "--ambient-caps=+setuid,+setgid,+dac_override"];
    for (options, named) in
        [(["-i", "closed/in"], "closed/in"), (["-o", "closed/out"], "closed/out"), (["-c", "closed"], "closed")]
    {
        let mut command = place.command("setpriv");
        command.args(["--reuid=1000", "--regid=1000", "--clear-groups"]).args(ambient).arg(&binary).arg("-f");
        let outcome = Outcome::of(command.args(["-u", "4000:4001"]).args(options).args(["--", "/bin/echo", "ran"]));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (125, ""), "{options:?}: {outcome:?}");
        assert!(outcome.stderr.ends_with(&format!("{named}: Permission denied\n")), "{options:?}: {outcome:?}");
    }
    place.assert_left(&["closed", "dmz"]);
    assert_eq!(fs::read_dir(place.path("closed")).unwrap().count(), 1);
}

#[test]
fn a_folder_is_entered_and_a_program_executed_with_the_programs_capabilities() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    folder(&place, "roots", 0, 0, 0o700);
    folder(&place, "users", 33, 34, 0o700);
    place.script("users/tool", "#!/bin/sh\necho ran\n");
    let run = |options: &[&str]| Outcome::of(place.dmz(["-f"]).args(options));
    let pwd = ["--", "/bin/pwd"];
    assert_eq!(run(&[&["-u", "4000:4001", "--caps", "dac_read_search", "-c", "roots"][..], &pwd].concat()).code, 0);
    for options in [&["-u", "4000:4001", "-c", "roots"][..], &["--caps", "none", "-c", "users"]] {
        let outcome = run(&[options, &pwd].concat());
        assert!(outcome.code == 125 && outcome.stderr.ends_with(": Permission denied\n"), "{options:?}: {outcome:?}");
    }
    // Root stays who may everything.
    for options in [&["-u", "0:0"][..], &["-u", "0:0", "-c", "users"], &["-u", "0:0", "--no-new-privs"]] {
        assert_eq!(run(&[options, &["--", "users/tool"]].concat()).stdout, "ran\n", "{options:?}");
    }
}

#[test]
fn what_only_the_users_groups_may_open_is_opened() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    owned(place.file("groups", "text"), 0, 60, 0o640);
    owned(place.file("own", "text"), 0, 34, 0o640);
    folder(&place, "entered", 0, 60, 0o750);
    for options in [["-i", "own", "-c", "/"], ["-i", "groups", "-c", "entered"]] {
        let mut command = place.dmz(["-f", "-u", "web"]);
        command.args(options).args(["--", "/bin/cat"]);
        assert_eq!(Outcome::of(with_accounts(&mut command, &place, PASSWD, GROUP)).stdout, "text", "{options:?}");
    }
}

#[test]
fn a_program_is_searched_with_the_users_rights() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    folder(&place, "closed", 0, 0, 0o700);
    folder(&place, "open", 0, 0, 0o755);
    place.script("closed/tool", "#!/bin/sh\necho closed\n");
    place.script("closed/other", "#!/bin/sh\necho closed\n");
    place.script("open/tool", "#!/bin/sh\necho open\n");
    let path = [place.path("closed"), place.path("open")].map(|path| path.to_str().unwrap().to_owned()).join(":");
    let run = |options: &[&str]| Outcome::of(place.dmz(["-f"]).args(options).env("PATH", &path));
    assert_eq!(run(&["--", "tool"]).stdout, "closed\n");
    assert_eq!(run(&["-u", "4000:4001", "--", "tool"]).stdout, "open\n");
    let outcome = run(&["-u", "4000:4001", "--", "other"]);
    assert!(outcome.code == 126 && outcome.stderr.ends_with(": Permission denied\n"), "{outcome:?}");
}

/// A new root: `bin/busybox`, also as `tools/sleep`, an account file where `web` is somebody else, and `sub/inner`.
fn new_root(place: &Place) {
    for name in ["root", "root/bin", "root/tools", "root/etc", "root/sub"] {
        folder(place, name, 0, 0, 0o755);
    }
    place.file("root/etc/passwd", "web:x:77:77:::\n");
    place.file("root/etc/group", "games:x:78:web\n");
    place.file("root/sub/inner", "");
    let busybox = find("busybox").unwrap();
    copied(place, &busybox, "root/bin/busybox");
    copied(place, &busybox, "root/tools/sleep");
}

#[test]
fn a_new_root_is_entered_and_nothing_is_looked_up_there() {
    if lacks_root() || lacks("busybox") {
        return;
    }
    let place = Place::new();
    new_root(&place);
    folder(&place, "logs", 33, 34, 0o700);
    for (directory, sleep, cwd) in [
        (&[][..], &["/bin/busybox", "sleep", "100"][..], "root"),
        (&["-c", "sub"], &["/bin/busybox", "sleep", "100"], "root/sub"),
        (&["-c", "/sub"], &["../tools/sleep", "100"], "root/sub"),
        // Found in a folder that the old root does not have.
        (&["-c/"], &["sleep", "100"], "root"),
    ] {
        let mut command = place.dmz(["-P", "-u", "web", "-R", "root", "-p", "x.pid", "-o", "logs/out"]);
        command.args(directory).arg("--").args(sleep).env("PATH", "/nowhere:/tools");
        let program = settled(place.started(with_accounts(&mut command, &place, PASSWD, GROUP)));
        assert!(program.is_at("root", place.path("root")), "{directory:?}");
        assert!(program.is_at("cwd", place.path(cwd)), "{directory:?}");
        assert_eq!(program.status("Uid").unwrap(), "33\t33\t33\t33", "the outer file's");
        assert!(program.status("Groups").unwrap().contains("60"), "the outer file's");
        assert_pidfile(place.path("x.pid"), program);
        // No way back: nothing of the old root is open but files that were asked for.
        let allowed = ["/dev/null".into(), place.path("logs/out"), place.path("x.pid")];
        let is_allowed = |number| allowed.iter().any(|path| program.is_at(&format!("fd/{number}"), path));
        assert!(program.descriptors().keys().all(is_allowed), "{:?}", program.descriptors());
        program.signal(libc::SIGKILL);
        program.wait();
    }
}

#[test]
fn a_new_root_is_entered_in_the_foreground_too() {
    if lacks_root() || lacks("busybox") {
        return;
    }
    let place = Place::new();
    new_root(&place);
    for (options, there) in [(&[][..], "/ bin etc sub tools\n"), (&["-c", "sub"], "/sub inner\n")] {
        let mut command = place.dmz(["-f", "-R", "root"]);
        command.args(options).args(["--", "/bin/busybox", "sh", "-c", "echo $(pwd) *"]);
        assert_eq!(Outcome::of(&mut command).stdout, there, "{options:?}");
    }
}

#[test]
fn a_root_or_program_that_is_not_there_is_an_error() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    folder(&place, "root", 0, 0, 0o755);
    place.file("file", "");
    for (root, words) in [("nowhere", "nowhere: No such file or directory"), ("file", "file: Not a directory")] {
        assert_refused(&place, &place.run(["-p", "x.pid", "-R", root, "--", "/bin/true"]), words);
    }
    assert_refused(&place, &place.run(["-R", "root", "-c", "/tmp", "--", "/bin/true"]), "/tmp");
    let outcome = place.run(["-p", "x.pid", "-R", "root", "--", "/bin/true"]);
    assert!(outcome.code == 127 && outcome.stderr.contains("/bin/true"), "{outcome:?}");
    place.assert_left(&["file", "root"]);
}

#[test]
fn no_new_privileges_come_last() {
    if lacks_root() || lacks("busybox") {
        return;
    }
    let place = Place::new();
    new_root(&place);
    let options = ["--no-new-privs", "-u", "4000:4001", "--caps", "kill", "-R", "root", "--nice", "3"];
    let program = settled(place.start(options.iter().chain(&["--", "/tools/sleep", "100"])));
    assert_eq!(program.status("NoNewPrivs").unwrap(), "1");
    assert_eq!(program.status("Uid").unwrap(), "4000\t4000\t4000\t4000");
    assert_eq!(program.status("CapEff").unwrap(), "0000000000000020");
}

/// The resources that a process may use so much of, by the kernel's names (getrlimit(2)).
const RESOURCES: &[(&str, u32)] = &[
    ("cpu", libc::RLIMIT_CPU),
    ("fsize", libc::RLIMIT_FSIZE),
    ("data", libc::RLIMIT_DATA),
    ("stack", libc::RLIMIT_STACK),
    ("core", libc::RLIMIT_CORE),
    ("rss", libc::RLIMIT_RSS),
    ("nproc", libc::RLIMIT_NPROC),
    ("nofile", libc::RLIMIT_NOFILE),
    ("memlock", libc::RLIMIT_MEMLOCK),
    ("as", libc::RLIMIT_AS),
    ("locks", libc::RLIMIT_LOCKS),
    ("sigpending", libc::RLIMIT_SIGPENDING),
    ("msgqueue", libc::RLIMIT_MSGQUEUE),
    ("nice", libc::RLIMIT_NICE),
    ("rtprio", libc::RLIMIT_RTPRIO),
    ("rttime", libc::RLIMIT_RTTIME),
];

/// A process's soft and hard limit of a resource. The kernel lists them in the order of their numbers.
fn limit(process: Process, resource: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{}/limits", process.0)).unwrap();
    let line = text.lines().nth(1 + resource as usize).unwrap();
    // The name has up to 25 letters and blanks.
    let mut amounts = line[25..].split_whitespace().map(|word| match word {
        "unlimited" => u64::MAX,
        number => number.parse().unwrap(),
    });
    (amounts.next().unwrap(), amounts.next().unwrap())
}

/// The one that this test has, and gives on.
fn own_limit(resource: u32) -> (u64, u64) {
    limit(Process(std::process::id() as i32), resource)
}

#[test]
fn every_limit_of_the_kernel_can_be_set_and_no_other_changes() {
    let place = Place::new();
    for (name, resource) in RESOURCES {
        // Only lower ones: everybody may do that. Room enough for the program in any unit.
        let (_, most) = own_limit(*resource);
        let (soft, hard) = (most.min(3 << 30), most.min(5 << 30));
        let option = format!("{name}={soft}:{hard}");
        let program = place.start(["--rlimit", &option, "--", "/bin/sleep", "100"]);
        for (other, number) in RESOURCES {
            let wanted = if other == name { (soft, hard) } else { own_limit(*number) };
            assert_eq!(limit(program, *number), wanted, "{other} after {option}");
        }
        program.signal(libc::SIGKILL);
        program.wait();
    }
}

#[test]
fn limits_have_units_and_one_value_sets_both() {
    let place = Place::new();
    for (option, resource, wanted) in [
        ("core=0", libc::RLIMIT_CORE, (0, 0)),
        ("core=7", libc::RLIMIT_CORE, (7, 7)),
        ("core=3K", libc::RLIMIT_CORE, (3 << 10, 3 << 10)),
        ("core=3K:5M", libc::RLIMIT_CORE, (3 << 10, 5 << 20)),
        ("core=3M:5G", libc::RLIMIT_CORE, (3 << 20, 5 << 30)),
        ("core=0:unlimited", libc::RLIMIT_CORE, (0, u64::MAX)),
        ("core=unlimited", libc::RLIMIT_CORE, (u64::MAX, u64::MAX)),
        ("cpu=1K", libc::RLIMIT_CPU, (1024, 1024)),
        ("nofile=64:100", libc::RLIMIT_NOFILE, (64, 100)),
    ] {
        if wanted.1 > own_limit(resource).1 {
            assert!(!has_capability(SYS_RESOURCE), "this machine limits {option}");
            continue;
        }
        let program = place.start(["--rlimit", option, "--", "/bin/sleep", "100"]);
        assert_eq!(limit(program, resource), wanted, "{option}");
    }
    // Each counts, and of the same one the last. (Downwards: raising may be nobody's right.)
    let options = ["--rlimit", "core=3", "--rlimit", "nofile=64", "--rlimit=core=2"];
    let program = place.start(options.iter().chain(&SLEEP));
    assert_eq!((limit(program, libc::RLIMIT_CORE).0, limit(program, libc::RLIMIT_NOFILE).0), (2, 64));
}

#[test]
fn what_is_no_limit_is_refused() {
    let place = Place::new();
    for limit in [
        "",
        "core",
        "core=",
        "=1",
        "cores=1",
        "CORE=1",
        "core=-1",
        "core=+1",
        "core= 1",
        "core=1 ",
        "core=1:",
        "core=:1",
        "core=1:2:3",
        "core=2:1",
        "core=unlimited:1",
        "core=K",
        "core=1KK",
        "core=1T",
        "core=1.5K",
        "core=0x10",
        "core=18446744073709551616",
        "core=17179869184G",
        "core=99999999999999999999999",
    ] {
        assert_refused(&place, &place.run(["-f", "--rlimit", limit, "--", "/bin/echo", "ran"]), limit);
    }
}

#[test]
fn a_hard_limit_is_raised_by_who_may() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let options = ["-P", "-u", "4000:4001", "--rlimit", "core=50:60", "--", "/bin/sleep", "100"];
    let mut command = place.dmz(options);
    with_limit(&mut command, libc::RLIMIT_CORE, 10, 20);
    if has_machines(SYS_RESOURCE) {
        assert_eq!(limit(place.started(&mut command), libc::RLIMIT_CORE), (50, 60));
    } else {
        assert_refused(&place, &Outcome::of(&mut command), "Operation not permitted");
    }
}

#[test]
fn limits_that_leave_room_for_nothing_do_not_spoil_the_start() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    folder(&place, "logs", 33, 34, 0o700);
    let limits = ["--rlimit", "nofile=4", "--rlimit", "fsize=0", "--rlimit", "core=0", "--rlimit", "memlock=0"];
    let files = ["-p", "x.pid", "-l", "x.lock", "-o", "logs/out", "-e", "logs/err", "-P", "-u", "web"];
    let mut command = place.dmz(files);
    let program = place.started(with_accounts(command.args(limits).args(SLEEP), &place, PASSWD, GROUP));
    assert_pidfile(place.path("x.pid"), program);
    assert_eq!(limit(program, libc::RLIMIT_NOFILE), (4, 4));
    assert_eq!(limit(program, libc::RLIMIT_FSIZE), (0, 0));

    // Nor does one on memory: what dmz needs is there before.
    let passes = "LISTEN_PID=$$ exec \"$0\" -f --rlimit as=200K \"$@\"";
    let mut command = place.command("/bin/sh");
    command.args(["-c", passes]).arg(dmz()).args([dmz().as_os_str(), "--version".as_ref()]);
    let outcome = Outcome::of(&mut command);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
}

#[test]
fn a_limit_on_files_takes_no_status_away() {
    let place = Place::new();
    for (code, options, limit) in [
        (127, &["-f", "--rlimit", "fsize=0", "/nowhere/program"][..], None),
        (125, &["--nonsense"], Some(0)),
        (0, &["-v", "-w", "/bin/true"], Some(0)),
    ] {
        let mut command = place.dmz(options);
        if let Some(limit) = limit {
            with_limit(&mut command, libc::RLIMIT_FSIZE, limit, limit);
        }
        let said = std::fs::File::create(place.path("said")).unwrap();
        assert_eq!(command.stderr(said).status().unwrap().code(), Some(code), "{options:?}");
        assert_eq!(fs::metadata(place.path("said")).unwrap().len(), 0, "there was no room for it");
    }
}

#[test]
fn the_nice_value_is_set_before_the_right_to_is_gone() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for (options, nice) in [(&["-N", "5"][..], 5), (&["--nice=19"], 19), (&["-N0"], 0)] {
        let program = place.start(["-u", "4000:4001"].iter().chain(options).chain(&SLEEP));
        assert_eq!(program.stat(19), nice, "{options:?}");
    }
    for (options, nice) in [(&["-N", "-5"][..], -5), (&["--nice=-20"], -20), (&["-N-1"], -1)] {
        let all = ["-u", "4000:4001"].iter().chain(options).chain(&SLEEP);
        if has_machines(SYS_NICE) {
            assert_eq!(place.start(all).stat(19), nice, "{options:?}");
        } else {
            let place = Place::new();
            assert_refused(&place, &place.run(all), "nice");
        }
    }
}

#[test]
fn a_nice_value_that_the_caller_may_not_have_runs_nothing() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let binary = copied(&place, &dmz(), "dmz");
    let mut command = place.command(&binary);
    assert_refused(&place, &Outcome::of(as_user(command.args(["-N", "-5"]).args(SLEEP), 1000)), "nice");
}

/// Class and level of a process for input and output, as ioprio_get(2) has them.
fn io_priority(process: Process) -> (i64, i64) {
    const PROCESS: i32 = 1;
    // SAFETY: a system call with integers.
    let value = unsafe { libc::syscall(libc::SYS_ioprio_get, PROCESS, process.0) };
    assert!(value >= 0);
    (value >> 13, value & 7)
}

#[test]
fn the_input_and_output_priority_has_the_kernels_words() {
    let place = Place::new();
    for (value, wanted) in [("idle", 3), ("best-effort", 2)] {
        let program = place.start(["--ionice", value, "--", "/bin/sleep", "100"]);
        assert_eq!(io_priority(program).0, wanted, "{value}");
    }
    for level in 0..8 {
        let program = place.start(["--ionice", &format!("best-effort:{level}"), "--", "/bin/sleep", "100"]);
        assert_eq!(io_priority(program), (2, level));
    }
    let program = place.start(["--ionice", "none", "--", "/bin/sleep", "100"]);
    assert!(matches!(io_priority(program).0, 0 | 2), "a kernel that knows better says what none comes to");
    if !lacks_root() {
        let all = ["-u", "4000:4001", "--ionice", "realtime:3", "--", "/bin/sleep", "100"];
        if has_machines(SYS_NICE) {
            assert_eq!(io_priority(place.start(all)), (1, 3));
        } else {
            let place = Place::new();
            assert_refused(&place, &place.run(all), "Operation not permitted");
        }
    }
}

/// Policy and priority of a process, as sched(7) has them.
fn scheduling(process: Process) -> (i32, i32) {
    // SAFETY: all zeros are a sched_param, which the kernel writes.
    unsafe {
        let mut param: libc::sched_param = std::mem::zeroed();
        assert_eq!(libc::sched_getparam(process.0, &raw mut param), 0);
        (libc::sched_getscheduler(process.0), param.sched_priority)
    }
}

#[test]
fn the_scheduling_policy_has_the_kernels_words() {
    let place = Place::new();
    for (value, wanted) in [("other", libc::SCHED_OTHER), ("batch", libc::SCHED_BATCH), ("idle", libc::SCHED_IDLE)] {
        let program = place.start(["--sched", value, "--", "/bin/sleep", "100"]);
        assert_eq!(scheduling(program), (wanted, 0), "{value}");
    }
    if lacks_root() {
        return;
    }
    for (value, wanted) in
        [("fifo:1", (libc::SCHED_FIFO, 1)), ("fifo:99", (libc::SCHED_FIFO, 99)), ("rr:10", (libc::SCHED_RR, 10))]
    {
        let all = ["-u", "4000:4001", "--sched", value, "--", "/bin/sleep", "100"];
        if has_machines(SYS_NICE) {
            assert_eq!(scheduling(place.start(all)), wanted, "{value}");
        } else {
            let place = Place::new();
            assert_refused(&place, &place.run(all), "Operation not permitted");
        }
    }
}

#[test]
fn the_oom_score_is_set_before_the_right_to_is_gone() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let score = |process: Process| {
        fs::read_to_string(format!("/proc/{}/oom_score_adj", process.0)).unwrap().trim().parse::<i32>().unwrap()
    };
    for value in ["500", "1000", "0", "-500"] {
        let all = ["-u", "4000:4001", "--oom-score-adj", value, "--", "/bin/sleep", "100"];
        if value.starts_with('-') && !has_machines(SYS_RESOURCE) {
            let place = Place::new();
            assert_refused(&place, &place.run(all), "Permission denied");
        } else {
            assert_eq!(score(place.start(all)), value.parse().unwrap());
        }
    }
}

#[test]
fn what_is_no_priority_is_refused() {
    let place = Place::new();
    for (option, values) in [
        ("--nice", &["", "20", "-21", "1.5", "+", "-", "5 ", "high", "4294967295", "--5"][..]),
        ("--oom-score-adj", &["", "1001", "-1001", "1x", "-", "4294967296", "010", "-010", "00", "-0"]),
        (
            "--ionice",
            &["", "best", "best-effort:8", "best-effort:", "best-effort:-1", "realtime:x", "2", "BEST-EFFORT"],
        ),
        ("--sched", &["", "fair", "fifo:0", "fifo:100", "rr:", "rr:-1", "rr:x", "FIFO:1", "1"]),
    ] {
        for value in values {
            let outcome = place.run(["-f", &format!("{option}={value}"), "--", "/bin/echo", "ran"]);
            assert_refused(&place, &outcome, value);
        }
    }
}

/// A control group, removed when the test is over, however it ends. Nothing may be in it by then.
struct Group(PathBuf);

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Starts a program in a new control group of a file system that only this test sees, and asserts that it is there, by
/// its line in /proc/PID/cgroup. Nothing if the kernel has no such file system.
fn start_in_group(kind: &CStr, options: &CStr, hierarchy: &str) -> Option<()> {
    let mount = Place::new();
    let folder = &mount.folder;
    inside(kind, options, folder, || {
        let name = folder.file_name().unwrap().to_str().unwrap();
        fs::create_dir(folder.join(name)).unwrap();
        let group = Group(folder.join(name));
        // Dropped first.
        let place = Place::new();
        let mut command = place.dmz(["-P", "-u", "4000:4001", "-p", "x.pid", "--cgroup"]);
        let program = place.started(command.arg(&group.0).args(SLEEP));
        let procs = fs::read_to_string(group.0.join("cgroup.procs")).unwrap();
        assert_eq!(procs, format!("{}\n", program.0), "nothing but the program");
        let text = fs::read_to_string(format!("/proc/{}/cgroup", program.0)).unwrap();
        let is_there = |line: &str| line.contains(hierarchy) && line.ends_with(&format!("/{name}"));
        assert!(text.lines().any(is_there), "{text}");
    })
}

#[test]
fn the_program_is_put_into_a_control_group_before_the_right_to_is_gone() {
    if !lacks_machine() {
        start_in_group(c"cgroup2", c"", "0::").expect("control groups");
    }
}

/// A hierarchy of version 1 that is nothing but a name, gone when the test is over. The kernel forgets it some time after
/// it was last mounted, and only if by then it had forgotten the groups in it.
struct Hierarchy(CString, String);

impl Hierarchy {
    fn is_there(&self) -> bool {
        fs::read_to_string("/proc/self/cgroup").unwrap().contains(&self.1)
    }
}

impl Drop for Hierarchy {
    fn drop(&mut self) {
        let place = Place::new();
        for _ in 0..20 {
            let begin = std::time::Instant::now();
            until("an answer", || (!self.is_there() || begin.elapsed().as_millis() > 100).then_some(()));
            if !self.is_there() {
                break;
            }
            inside(c"cgroup", &self.0, &place.folder, || ());
        }
    }
}

#[test]
fn a_control_group_may_be_one_of_version_1() {
    if lacks_machine() {
        return;
    }
    let name = format!("name=dmz-test-{}", std::process::id());
    let hierarchy = Hierarchy(CString::new(format!("none,{name}")).unwrap(), format!(":{name}:"));
    // A kernel without version 1 has nothing to enter.
    let _ = start_in_group(c"cgroup", &hierarchy.0, &hierarchy.1);
}

#[test]
fn a_control_group_that_is_none_is_an_error() {
    let place = Place::new();
    fs::create_dir(place.path("plain")).unwrap();
    for (folder, reason) in [("nowhere", "No such file or directory"), ("plain", "No such file or directory")] {
        let outcome = place.run(["-p", "x.pid", "--cgroup", folder, "--", "/bin/sleep", "100"]);
        assert_refused(&place, &outcome, folder);
        assert!(outcome.stderr.contains(reason), "{outcome:?}");
    }
    // Nor is a folder with such a file one: what it is, or leads to, stays as it is, and a FIFO holds nobody up.
    for name in ["file", "link", "fifo"] {
        fs::create_dir(place.path(name)).unwrap();
    }
    place.file("file/cgroup.procs", "text");
    std::os::unix::fs::symlink(place.path("file/cgroup.procs"), place.path("link/cgroup.procs")).unwrap();
    let fifo = CString::new(place.path("fifo/cgroup.procs").into_os_string().into_encoded_bytes()).unwrap();
    // SAFETY: a string with a NUL at its end.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    for (folder, reason) in [
        ("file", "not a file of the kernel"),
        ("link", "Too many levels of symbolic links"),
        ("fifo", "No such device or address"),
    ] {
        let outcome = place.run(["-p", "x.pid", "--cgroup", folder, "--", "/bin/sleep", "100"]);
        assert_refused(&place, &outcome, &format!("{folder}: {reason}"));
    }
    assert_eq!(fs::read_to_string(place.path("file/cgroup.procs")).unwrap(), "text");
    place.assert_left(&["fifo", "file", "link", "plain"]);
}

#[test]
fn the_environment_of_a_named_user_is_that_users() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let callers = ["A=1", "HOME=/caller", "LOGNAME=caller", "PATH=/bin:/usr/bin", "SHELL=/bin/false", "USER=caller"];
    let users = ["HOME=/var/www", "LOGNAME=web", "SHELL=/usr/sbin/nologin", "USER=web"];
    let mixed = ["A=1", users[0], users[1], callers[3], users[2], users[3]];
    for (options, wanted) in [
        (&["-u", "web"][..], &mixed[..]),
        (&["-u", "web:games"], &mixed),
        (&["-u", "web", "--clear-env"], &users),
        (&["-u", "web", "--clear-env", "-E", "A=2"], &["A=2", users[0], users[1], users[2], users[3]]),
        (
            &["--unset", "HOME", "-E", "USER=other", "--unset", "SHELL", "-E", "SHELL=/x", "-u", "web"],
            &["A=1", users[1], callers[3], "SHELL=/x", "USER=other"],
        ),
        (&["-u", "4000:4001"], &callers),
        (&["-g", "games"], &callers),
    ] {
        let mut command = place.dmz(["-f"]);
        command.env_clear().envs(callers.iter().map(|variable| variable.split_once('=').unwrap()));
        command.args(options).args(["--", "/usr/bin/env"]);
        let outcome = Outcome::of(with_accounts(&mut command, &place, PASSWD, GROUP));
        let mut lines: Vec<&str> = outcome.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, wanted, "{options:?} {}", outcome.stderr);
    }
}

/// Do set-user-id bits count where this place is?
fn lacks_privileged_files(place: &Place) -> bool {
    let path = CString::new(place.folder.to_str().unwrap()).unwrap();
    // SAFETY: all zeros are a statvfs, which the kernel writes; the path lives until then.
    let flags = unsafe {
        let mut status: libc::statvfs = std::mem::zeroed();
        assert_eq!(libc::statvfs(path.as_ptr(), &raw mut status), 0);
        status.f_flag
    };
    skipped(flags & libc::ST_NOSUID == 0, "the temporary folder is mounted nosuid")
}

/// Gives a file capabilities, permitted and effective (the attribute as capabilities(7) has it, version 2).
fn give_capabilities(file: &std::path::Path, capability: u32) {
    let words: [u32; 5] = [0x0200_0001, 1 << capability, 0, 0, 0];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let path = CString::new(file.to_str().unwrap()).unwrap();
    // SAFETY: the kernel reads two strings and that many bytes.
    let answer = unsafe {
        libc::setxattr(path.as_ptr(), c"security.capability".as_ptr(), bytes.as_ptr().cast(), bytes.len(), 0)
    };
    done(answer).unwrap();
}

#[test]
fn a_dmz_whose_file_gives_privileges_refuses_everything() {
    let place = Place::new();
    if lacks_root() || lacks_privileged_files(&place) {
        return;
    }
    let file = |name: &str, owner, group, mode| owned(copied(&place, &dmz(), name), owner, group, mode);
    let capable = file("capable", 0, 0, 0o755);
    give_capabilities(&capable, KILL);
    for (binary, user) in [
        (file("users", 0, 0, 0o4755), Some(1000)),
        (file("groups", 0, 0, 0o2755), Some(1000)),
        (file("both", 0, 0, 0o6755), Some(1000)),
        (file("nobodys", 4000, 0, 0o4755), None),
        (file("nobodys-group", 0, 4000, 0o2755), None),
        (capable, Some(1000)),
    ] {
        for arguments in [
            &["--version"][..],
            &["--help"],
            &["--dry-run", "--", "/bin/true"],
            &["-f", "--", "/bin/echo", "ran"],
            &["-p", "x.pid", "--", "/bin/sleep", "100"],
            &["--no-such-option"],
            &[],
        ] {
            let mut command = place.command(&binary);
            command.args(arguments);
            if let Some(user) = user {
                as_user(&mut command, user);
            }
            let outcome = Outcome::of(&mut command);
            assert_refused(&place, &outcome, "");
            assert!(!outcome.stderr.contains("no-such-option"), "it does not even read them: {outcome:?}");
            assert!(!place.path("x.pid").exists());
        }
    }
}

#[test]
fn a_caller_whose_ids_differ_is_refused() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let outcome = Outcome::of(with_real_user(&mut place.dmz(["-f", "--", "/bin/echo", "ran"]), 1000));
    assert_refused(&place, &outcome, "");
}

#[test]
fn a_dmz_whose_file_gives_nothing_more_is_not_refused() {
    let place = Place::new();
    if lacks_root() || lacks_privileged_files(&place) || lacks("setpriv") {
        return;
    }
    let echo = ["-f", "--", "/bin/echo", "ran"];
    let binary = copied(&place, &dmz(), "dmz");
    let ran = |command: &mut Command| assert_eq!(Outcome::of(command).stdout, "ran\n", "{command:?}");
    ran(as_user(place.command(&binary).args(echo), 1000));
    // Capabilities that the caller had already.
    let ids = ["--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=+kill", "--ambient-caps=+kill"];
    ran(place.command("setpriv").args(ids).arg(&binary).args(echo));
    // To root it gives nothing.
    give_capabilities(&binary, KILL);
    ran(place.command(&binary).args(echo));
}

/// How many system calls a start takes in all its processes, without rt_sigaction; the fewest of some, since the proof of
/// the exec may be asked for once more or less.
fn calls(place: &Place, options: &[&str]) -> u64 {
    let count = || {
        let mut command = place.command("strace");
        command.args(["-f", "-c", "-o"]).arg(place.path("counts")).arg(dmz()).args(options);
        command.args(["-p", "x.pid", "-o", "logs/out", "--", "/bin/true"]);
        let outcome = Outcome::of(with_accounts(&mut command, place, PASSWD, GROUP));
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{options:?}");
        for name in ["x.pid", "logs/out"] {
            fs::remove_file(place.path(name)).unwrap();
        }
        let counts = fs::read_to_string(place.path("counts")).unwrap();
        let lines = counts.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let lines = lines.filter(|fields| !matches!(fields.last(), Some(&("total" | "rt_sigaction"))));
        lines.filter_map(|fields| fields.get(3)?.parse::<u64>().ok()).sum()
    };
    (0..5).map(|_| count()).min().unwrap()
}

#[test]
fn another_user_costs_at_most_16_system_calls() {
    if lacks_root() || lacks("strace") {
        return;
    }
    let place = Place::new();
    folder(&place, "logs", 33, 34, 0o700);
    let (without, with) = (calls(&place, &[]), calls(&place, &["-u", "web"]));
    assert!(without > 20 && with <= without + 16, "{with} calls with a user, {without} without");
    println!("{with} calls with a user, {without} without");
}

#[test]
fn in_a_user_namespace_all_this_is_true_as_well() {
    again();
}
