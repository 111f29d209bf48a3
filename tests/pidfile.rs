//! Return means done, and the pidfile cannot lie: what it holds, who locks it, which files are refused, what a start that
//! fails or loses leaves.

#[path = "support/launch.rs"]
mod launch;
mod support;

use launch::*;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::caller::copied;
use support::*;

/// The largest process id: a stale text that names nobody.
const STALE: &str = "4194304\n";

/// Asserts that the pidfile is `program`'s, at once.
#[track_caller]
fn assert_owned(place: &Place, program: Process) {
    assert_pidfile(place.path("x.pid"), program);
}

#[test]
fn the_pidfile_is_complete_and_locked_by_the_program() {
    let place = Place::new();
    let program = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    assert_owned(&place, program);
    let file = fs::metadata(place.path("x.pid")).unwrap();
    // SAFETY: geteuid and getegid have no preconditions.
    let ours = unsafe { (libc::geteuid(), libc::getegid()) };
    assert_eq!((file.mode() & 0o7777, (file.uid(), file.gid())), (0o644, ours));
    let locked = settled(program).locked_descriptors();
    assert!(locked.len() == 1 && locked[0] >= 10, "{locked:?}");
}

#[test]
fn a_pidfile_on_a_descriptor_that_is_redirected_is_refused() {
    let place = Place::new();
    for (option, number) in [("-i", 0), ("-o", 1), ("-e", 2)] {
        for way in [&["-f"][..], &["--keep-fd", &number.to_string()]] {
            for lock in ["-p", "-l"] {
                place.file("target", "");
                let line = format!("exec \"$0\" \"$@\" 2>said {number}<>locked");
                let mut command = place.command("/bin/sh");
                command.args(["-c", &line]).arg(dmz()).args(way).args([
                    lock,
                    "locked",
                    option,
                    "target",
                    "--",
                    "/bin/true",
                ]);
                // To put the file in its place would close the lock's, and drop the lock.
                let outcome = Outcome::of(&mut command);
                assert_eq!(outcome.code, 125, "{way:?} {lock} {option}: {outcome:?}");
                if number != 2 {
                    let said = fs::read_to_string(place.path("said")).unwrap();
                    assert!(said.ends_with("file locked: that is a lock\n"), "{said}");
                }
                assert_eq!(fs::read_to_string(place.path("target")).unwrap(), "");
                for name in ["said", "locked"] {
                    fs::remove_file(place.path(name)).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_second_start_prints_the_owner_and_changes_nothing() {
    let place = Place::new();
    let program = start(&place, ["-p", "x.pid", "--", "/bin/sleep", "100"]);
    place.file("out", "text");
    let looks = || {
        ["x.pid", "out"]
            .map(|name| fs::metadata(place.path(name)).unwrap())
            .map(|file| (file.ino(), file.mode(), file.size(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()))
    };
    let before = looks();
    for with in [&[][..], &["-w"], &["-f"], &["--single-fork"], &["-o", "out"], &["-l", "x.pid"], &["-C"]] {
        let second = Outcome::of(place.dmz(with).args(["-p", "x.pid"]).args(SLEEP));
        second.assert_failed(123, &format!("already running, PID {}", program.0));
        assert_eq!((looks(), place.processes()), (before, vec![program]), "{with:?}");
    }
    assert_owned(&place, program);
    program.end();
    place.assert_left(&["out", "x.pid"]);
}

#[test]
fn with_every_combination_of_options_the_lock_names_the_program_now_and_a_second_later() {
    let place = Place::new();
    let detach: [&[&str]; 4] = [&[], &["--single-fork"], &["-w"], &["-f"]];
    let options: [&[&str]; 6] = [
        &["-C"],
        &["--keep-signals", "--keep-fd", "40"],
        &["-o", "out", "-e", "err", "-a"],
        &["-l", "SAME"],
        &["-k", "777", "-c", "/tmp", "-n", "name", "--initrd"],
        &["--clear-env", "-E", "A=B", "-v", "-i", "/dev/zero"],
    ];
    let mut all = Vec::new();
    for (number, detach) in (0..).zip(detach) {
        for set in 0..1 << options.len() {
            let name = format!("{number}-{set}.pid");
            let pidfile = place.file(&name, if set % 2 == 0 { "" } else { STALE });
            let mut command = place.dmz(detach);
            for (_, words) in options.iter().enumerate().filter(|(bit, _)| set & 1 << bit != 0) {
                command.args(words.iter().map(|word| if *word == "SAME" { &*name } else { word }));
            }
            command.args(["-p", &name]).args(SLEEP).stdout(Stdio::null()).stderr(Stdio::null());
            // Others are open on the pidfile itself, some of them in the way of the lock's own number.
            for number in [3, 10, 11, 40] {
                opened_on(&mut command, number, &pidfile);
            }
            let stays = detach.iter().any(|word| ["-w", "-f"].contains(word));
            let mut guard = Guard::of(&mut command);
            if !stays {
                assert!(guard.0.wait().unwrap().success(), "{command:?}");
            } else {
                until("the lock and the text", || {
                    let text = fs::read_to_string(&pidfile).unwrap();
                    let owner = lock_owner(&pidfile)?;
                    (text == format!("{}\n", owner.0)).then_some(())
                });
            }
            let program = place.own(lock_owner(&pidfile).unwrap_or_else(|| panic!("no lock: {command:?}")));
            assert_pidfile(&pidfile, program);
            all.push((pidfile, program, guard, format!("{command:?}")));
        }
    }
    let begin = Instant::now();
    until("a second", || (begin.elapsed() > Duration::from_secs(1)).then_some(()));
    for (pidfile, program, _, command) in &all {
        assert_eq!(lock_owner(pidfile), Some(*program), "{command}");
        assert_pidfile(pidfile, *program);
    }
    // Not while the launchers that wait would remove what is checked.
    drop(all);
}

#[test]
fn a_failed_start_in_the_foreground_leaves_none_wherever_it_has_gone() {
    let place = Place::new();
    fs::create_dir(place.path("root")).unwrap();
    let ways = [&["-c", "/"][..], &["-c", "root"], if lacks_root() { &[] } else { &["-R", "root"] }];
    for (way, lock) in ways.into_iter().flat_map(|way| [(way, &[][..]), (way, &["--no-lock"])]) {
        for path in ["x.pid", place.path("x.pid").to_str().unwrap()] {
            let run = || Outcome::of(place.dmz(["-f", "-p", path]).args(way).args(lock).arg("/nowhere/program"));
            assert_eq!(run().code, 127, "{way:?}");
            place.assert_left(&["root"]);
            place.file("x.pid", STALE);
            assert_eq!(run().code, 127, "{way:?}");
            assert_eq!(fs::read_to_string(place.path("x.pid")).unwrap(), "", "{way:?}");
            fs::remove_file(place.path("x.pid")).unwrap();
        }
    }
}

#[test]
fn an_older_file_is_closed_to_other_writers() {
    let place = Place::new();
    for mode in [0o666, 0o600, 0o4755] {
        let path = place.file("x.pid", STALE);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let program = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
        assert_owned(&place, program);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644, "{mode:o}");
        program.end();
    }
}

#[test]
fn the_last_descriptor_may_be_kept() {
    let place = Place::new();
    let text = "ulimit -n 256; exec 255</dev/null; exec \"$@\"";
    let mut command = place.command("/bin/bash");
    command.args(["-c", text, "bash"]).arg(dmz()).args([
        "-P",
        "-p",
        "x.pid",
        "--keep-fd",
        "255",
        "--",
        "/bin/sleep",
        "100",
    ]);
    let program = place.started(&mut command);
    assert_owned(&place, program);
    program.end();
}

#[test]
fn a_file_that_may_be_taken_over_is_replaced_as_a_whole() {
    let place = Place::new();
    for text in ["", "1", "1\n", STALE, "4194304"] {
        let path = place.file("x.pid", text);
        let inode = fs::metadata(&path).unwrap().ino();
        let program = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
        assert_owned(&place, program);
        assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "the same file: {text:?}");
        program.end();
    }
}

#[test]
fn a_file_with_anything_else_in_it_is_refused_and_untouched() {
    let place = Place::new();
    let texts: [&[u8]; 14] = [
        b"root:x:0:0:root:/root:/bin/sh\n",
        b"12 34\n",
        b"12\n34\n",
        b"12\n\n",
        b"0\n",
        b"012\n",
        b"-1\n",
        b"+1\n",
        b" 1\n",
        b"1 \n",
        b"4194305\n",
        b"99999999999999999999\n",
        b"\n",
        b"12\0",
    ];
    for option in ["-p", "-l"] {
        for text in texts {
            let path = place.file("x.pid", text);
            let before = fs::metadata(&path).unwrap();
            let outcome = place.run([option, "x.pid", "-o", "out", "/bin/sleep", "100"]);
            assert_cannot(&outcome, 125, "x.pid", "holds something other than a process id");
            let after = fs::metadata(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), text);
            assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()), "{text:?}");
            place.assert_left(&["x.pid"]);
        }
    }
}

#[test]
fn what_is_no_regular_file_with_one_name_is_refused_at_once() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    place.file("target", "");
    place.file("linked", "");
    symlink("target", place.path("symlink")).unwrap();
    symlink("absent", place.path("dangling")).unwrap();
    fs::hard_link(place.path("linked"), place.path("hard")).unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    fifo(&place.path("fifo"));
    node(&place.path("null"), 1, 3);
    node(&place.path("tape"), 9, 200); // no driver: not even to be opened
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    let link = "Too many levels of symbolic links";
    let cases: [(&str, &[&str]); 11] = [
        ("symlink", &[link]),
        ("dangling", &[link]),
        ("hard", &["has other names (hard links)"]),
        ("folder", &["Is a directory"]),
        (".", &["Is a directory"]),
        ("folder/", &["Is a directory", "No such file or directory"]),
        ("fifo", &["not a regular file"]),
        ("null", &["not a regular file"]),
        ("/dev/full", &["not a regular file"]),
        ("tape", &["No such device or address", "No such device", "not a regular file"]),
        ("socket", &["No such device or address", "not a regular file"]),
    ];
    let names = ["fifo", "folder", "hard", "linked", "null", "socket", "symlink", "tape", "target"];
    let names = [&["dangling"], &names[..]].concat();
    for option in ["-p", "-l"] {
        for (name, reasons) in cases {
            let outcome = place.run([option, name, "/bin/sleep", "100"]);
            let reason = reasons.iter().find(|reason| outcome.stderr.ends_with(&format!(": {reason}\n")));
            assert_cannot(&outcome, 125, name, reason.unwrap_or(&reasons[0]));
            place.assert_left(&names);
        }
    }
    assert_eq!(fs::read(place.path("target")).unwrap(), b"");
    assert_eq!(fs::read(place.path("linked")).unwrap(), b"");
    assert_eq!(fs::symlink_metadata(place.path("symlink")).unwrap().mode() & libc::S_IFMT, libc::S_IFLNK);
}

#[test]
fn a_symbolic_link_on_the_way_is_followed() {
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    symlink("run", place.path("var-run")).unwrap();
    let program = place.start(["-p", "var-run/x.pid", "--", "/bin/sleep", "100"]);
    assert_pidfile(place.path("run/x.pid"), program);
}

#[test]
fn a_file_of_another_user_is_refused() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    for (owner, text) in [(12345, ""), (12345, STALE), (65534, "1\n")] {
        let path = place.file("x.pid", text);
        std::os::unix::fs::chown(&path, Some(owner), Some(owner)).unwrap();
        for option in ["-p", "-l"] {
            let outcome = place.run([option, "x.pid", "/bin/sleep", "100"]);
            assert_cannot(&outcome, 125, "x.pid", "belongs to another user");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        place.assert_left(&["x.pid"]);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn an_ordinary_user_takes_what_is_its_own_or_roots() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let copy = copied(&place, &dmz(), "dmz");
    fs::create_dir(place.path("run")).unwrap();
    fs::set_permissions(place.path("run"), fs::Permissions::from_mode(0o777)).unwrap(); // only root minds
    // What is there: its owner, who may write it; does a start take it?
    let cases = [
        (None, 0, None),
        (Some(12345), 0o644, None),
        (Some(0), 0o666, None),
        (Some(0), 0o644, Some("Permission denied")),
        (Some(777), 0o666, Some("belongs to another user")),
    ];
    for (owner, mode, refusal) in cases {
        let path = place.path("run/x.pid");
        if let Some(owner) = owner {
            fs::write(&path, STALE).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            std::os::unix::fs::chown(&path, Some(owner), None).unwrap();
        }
        let mut command = place.command(&copy);
        as_user(command.args(["-P", "-p", "run/x.pid"]).args(SLEEP), 12345);
        match refusal {
            None => {
                let program = place.started(&mut command);
                assert_pidfile(&path, program);
                assert_eq!(fs::metadata(&path).unwrap().uid(), owner.unwrap_or(12345), "never chowned");
                program.end();
            }
            Some(reason) => {
                assert_cannot(&Outcome::of(&mut command), 125, "run/x.pid", reason);
                assert_eq!(fs::read_to_string(&path).unwrap(), STALE);
            }
        }
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn root_refuses_a_folder_in_which_others_can_replace_the_file() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    for mode in [0o777, 0o775, 0o757, 0o722, 0o1777, 0o1775, 0o755, 0o700] {
        fs::set_permissions(place.path("run"), fs::Permissions::from_mode(mode)).unwrap();
        let is_safe = mode & 0o1000 != 0 || mode & 0o022 == 0;
        for option in ["-p", "-l"] {
            let outcome = place.run([option, "run/x.pid", "/bin/true"]);
            if is_safe {
                assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{mode:o}");
                until("the end", || lock_owner(place.path("run/x.pid")).is_none().then_some(()));
                fs::remove_file(place.path("run/x.pid")).unwrap();
            } else {
                assert_cannot(&outcome, 125, "run/x.pid", "others can write to its directory");
                assert_eq!(fs::read_dir(place.path("run")).unwrap().count(), 0);
            }
        }
    }
    // The caller's own directory, by a bare name, is no exception.
    let mut command = place.dmz(["-p", "x.pid", "/bin/true"]);
    fs::set_permissions(place.path("run"), fs::Permissions::from_mode(0o777)).unwrap();
    let outcome = Outcome::of(command.current_dir(place.path("run")));
    assert_cannot(&outcome, 125, "x.pid", "others can write to its directory");
}

#[test]
fn a_pidfile_that_cannot_be_opened_is_one_clear_line() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    place.file("file", "");
    symlink("loop", place.path("loop")).unwrap();
    fs::create_dir(place.path("ro")).unwrap();
    let component = "n".repeat(256);
    let (below, long) = ("n/".repeat(2100) + "x", "x".repeat(9000));
    let cases: [(&str, &str); 8] = [
        ("absent/x.pid", "No such file or directory"),
        ("/absent/x.pid", "No such file or directory"),
        ("file/x.pid", "Not a directory"),
        ("loop/x.pid", "Too many levels of symbolic links"),
        ("ro/x.pid", "Read-only file system"),
        (&component, "File name too long"),
        (&below, "File name too long"),
        (&long, "File name too long"),
    ];
    for (option, what) in [("-p", "pidfile"), ("-l", "lockfile")] {
        for (path, reason) in cases {
            let mut command = place.dmz([option, path, "-o", "out", "--", "/bin/sleep", "100"]);
            let outcome = Outcome::of(read_only(own_mounts(&mut command), &place.path("ro")));
            outcome.assert_failed(125, &format!("cannot open {what} {path}: {reason}"));
            place.assert_left(&["file", "loop", "ro"]);
        }
    }
}

#[test]
fn the_longest_path_is_one_byte_below_path_max() {
    let place = Place::new();
    let path = "./".repeat(2044) + "//x.pid";
    assert_eq!(path.len(), 4095); // and the NUL
    let program = place.start(["-p", &*path, "--", "/bin/sleep", "100"]);
    assert_owned(&place, program);
    program.end();
    fs::remove_file(place.path("x.pid")).unwrap();
    for (option, what) in [("-p", "pidfile"), ("-l", "lockfile")] {
        let outcome = place.run([option, &*format!("/{path}"), "--", "/bin/sleep", "100"]);
        assert_cannot(&outcome, 125, what, "File name too long");
        let outcome = place.run([option, &*format!("./{path}"), "--", "/bin/sleep", "100"]);
        assert_cannot(&outcome, 125, what, "File name too long");
        place.assert_left(&[]);
    }
}

#[test]
fn a_full_disk_leaves_no_pidfile_and_an_older_one_empty() {
    if lacks_root() {
        return;
    }
    // What is in the way (nothing may be made, or nothing may be written), what was there, what is there then.
    let cases = [
        ("size=4k", false, None, "write pidfile"),
        ("size=4k", true, Some(""), "write pidfile"),
        ("nr_inodes=2", false, None, "open pidfile"),
    ];
    for (options, is_there, expected, step) in cases {
        let place = Place::new();
        fs::create_dir(place.path("disk")).unwrap();
        let script = "if [ -n \"$2\" ]; then : >disk/x.pid; fi; head -c 9999 /dev/zero >disk/fill 2>/dev/null
            \"$1\" -p disk/x.pid -- sleep 100; code=$?
            if [ -e disk/x.pid ]; then echo \"there $(wc -c <disk/x.pid)\"; fi; exit $code";
        let mut command = place.command("/bin/sh");
        command.args(["-c", script, "sh"]).arg(dmz()).arg(if is_there { "there" } else { "" });
        let outcome = Outcome::of(mounted(own_mounts(&mut command), &place.path("disk"), 0, options));
        let there = outcome.stdout.strip_prefix("there ").map(|size| if size.trim() == "0" { "" } else { "text" });
        assert_eq!((outcome.code, there), (125, expected), "{options} {outcome:?}");
        assert_eq!(outcome.stderr, format!("dmz: cannot {step} disk/x.pid: No space left on device\n"));
        assert_eq!(place.processes(), []);
    }
}

#[test]
fn a_start_that_fails_leaves_no_file_of_its_own_and_an_older_one_empty() {
    let place = Place::new();
    let monitored = if cfg!(feature = "monitor") { "-S" } else { "-f" };
    for with in [&[][..], &["--single-fork"], &["-w"], &["-f"], &[monitored]] {
        for program in ["/nowhere", "/etc/passwd", "."] {
            let run = |path| Outcome::of(place.dmz(with).args(["-p", path, "--", program]));
            assert!([126, 127].contains(&run("x.pid").code), "{with:?} {program}");
            place.assert_left(&[]);
            place.file("x.pid", STALE);
            assert!([126, 127].contains(&run("./x.pid").code), "{with:?} {program}");
            assert_eq!(fs::read_to_string(place.path("x.pid")).unwrap(), "", "{with:?} {program}");
            place.assert_left(&["x.pid"]);
            fs::remove_file(place.path("x.pid")).unwrap();
        }
    }
}

#[test]
fn the_lock_is_not_inherited_and_lasts_as_long_as_the_program() {
    let place = Place::new();
    let script = "sleep 100 & echo $!; exec sleep 101";
    let program = place.start(["-p", "x.pid", "-o", "child", "--", "/bin/sh", "-c", script]);
    let child = until("a child", || fs::read_to_string(place.path("child")).ok()?.trim().parse().ok());
    let child = place.own(Process(child));
    assert_owned(&place, program);
    program.signal(libc::SIGKILL);
    program.wait();
    assert!(child.is_alive());
    assert_eq!(lock_owner(place.path("x.pid")), None, "its child does not hold it");
    let next = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    assert_owned(&place, next);
    assert!(child.is_alive());
}

#[test]
fn without_a_lock_there_is_a_text_and_nothing_else() {
    let place = Place::new();
    for text in [None, Some(STALE)] {
        if let Some(text) = text {
            place.file("x.pid", text);
        }
        let program = start(&place, ["--no-lock", "-p", "x.pid", "--", "/bin/sleep", "100"]);
        assert_eq!(fs::read_to_string(place.path("x.pid")).unwrap(), format!("{}\n", program.0));
        assert_eq!(lock_owner(place.path("x.pid")), None);
        assert_daemon(settled(program));
        assert_eq!(program.locked_descriptors(), []);
    }
    assert_eq!(place.processes().len(), 2, "nobody was kept out");
    for path in ["absent/x.pid", "/dev/null"] {
        assert_eq!(place.run(["--no-lock", "-p", path, "/bin/true"]).code, 125, "the same checks");
    }
}

#[test]
fn a_lockfile_is_held_and_its_text_left_alone() {
    let place = Place::new();
    for text in [None, Some(""), Some("1"), Some(STALE)] {
        if let Some(text) = text {
            place.file("x.lock", text);
        }
        let program = start(&place, ["-l", "x.lock", "--", "/bin/sleep", "100"]);
        assert_eq!(lock_owner(place.path("x.lock")), Some(program));
        assert_eq!(fs::read_to_string(place.path("x.lock")).unwrap(), text.unwrap_or(""));
        let second = place.run(["-l", "x.lock", "-p", "x.pid", "--", "/bin/sleep", "100"]);
        second.assert_failed(123, &format!("already running, PID {}", program.0));
        assert_eq!(place.processes(), [program]);
        assert!(!place.path("x.pid").exists(), "the loser leaves no pidfile");
        program.end();
        assert!(place.path("x.lock").exists(), "never removed");
    }
}

#[test]
fn the_lockfile_may_be_the_pidfile() {
    let place = Place::new();
    for lockfile in ["x.pid", "./x.pid"] {
        let program = place.start(["-p", "x.pid", "-l", lockfile, "--", "/bin/sleep", "100"]);
        assert_owned(&place, program);
        assert!(settled(program).descriptors().keys().all(|number| !(3..10).contains(number)));
        program.end();
    }
}

#[test]
fn pidfile_and_lockfile_are_both_held() {
    let place = Place::new();
    let program = start(&place, ["-p", "x.pid", "-l", "x.lock", "--", "/bin/sleep", "100"]);
    assert_owned(&place, program);
    assert_eq!(lock_owner(place.path("x.lock")), Some(program));
    assert_eq!(fs::read(place.path("x.lock")).unwrap(), b"");
    assert_daemon(settled(program));
    assert_eq!(program.locked_descriptors().len(), 2);
    program.end();
    // One that loses at the lockfile gives the older pidfile back as it was.
    place.file("x.pid", STALE);
    let other = start(&place, ["-l", "x.lock", "--", "/bin/sleep", "100"]);
    assert_eq!(place.run(["-p", "x.pid", "-l", "x.lock", "--", "/bin/sleep", "100"]).code, 123);
    assert_eq!(fs::read_to_string(place.path("x.pid")).unwrap(), STALE);
    assert_eq!(place.processes(), [other]);
}

#[test]
fn a_readers_lock_is_reported_and_not_taken_for_a_daemon() {
    let place = Place::new();
    for option in ["-p", "-l"] {
        let path = place.file("x.pid", STALE);
        let mut command = place.command("/bin/sleep");
        let name = c(&path);
        before(command.arg("100"), move || {
            // SAFETY: all zeros are a flock; a string that the closure owns.
            unsafe {
                let fd = libc::open(name.as_ptr(), libc::O_RDONLY);
                done(fd)?;
                let mut lock: libc::flock = std::mem::zeroed();
                lock.l_type = libc::F_RDLCK as _;
                done(libc::fcntl(fd, libc::F_SETLK, &raw const lock))
            }
        });
        let reader = Guard::of(&mut command);
        let outcome = place.run([option, "x.pid", "--", "/bin/sleep", "101"]);
        assert_cannot(&outcome, 125, "x.pid", "another program holds a lock on it");
        assert_eq!(fs::read_to_string(&path).unwrap(), STALE);
        assert_eq!(place.processes(), [reader.process()]);
    }
}

#[test]
fn other_kinds_of_locks_do_not_count() {
    let place = Place::new();
    let file = File::create(place.path("x.pid")).unwrap();
    // SAFETY: flock takes integers.
    done(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) }).unwrap();
    let program = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    assert_owned(&place, program);
}

#[test]
fn an_owner_in_another_namespace_keeps_a_start_out() {
    if lacks_root() || lacks("unshare") {
        return;
    }
    let place = Place::new();
    let program = start(&place, ["-p", "x.pid", "--", "/bin/sleep", "100"]);
    let mut command = place.command("unshare");
    // As the child of a PID 1 that cannot see the owner.
    let script = "\"$0\" -p x.pid -- sleep 100; exit $?";
    let outcome = Outcome::of(command.args(["-pf", "/bin/sh", "-c", script]).arg(dmz()));
    assert_eq!((outcome.code, &*outcome.stdout), (123, ""), "{outcome:?}");
    assert_one_line(&outcome);
    assert!(outcome.stderr.starts_with("dmz: already running"), "{outcome:?}");
    assert_owned(&place, program);
    assert_eq!(place.processes(), [program]);
}

#[test]
fn what_the_owner_calls_itself_is_one_line_without_commands_for_a_terminal() {
    let place = Place::new();
    let script = "printf 'a)\\n\\033[2J\\177' >/proc/$$/comm && mv out named && sleep 100";
    let program = start(&place, ["-c", ".", "-o", "out", "-p", "x.pid", "--", "/bin/sh", "-c", script]);
    until("its name", || place.path("named").exists().then_some(()));
    let second = place.run(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    assert_eq!((second.code, second.stderr), (123, format!("dmz: already running, PID {} (a)??[2J?)\n", program.0)));
}

#[test]
fn an_output_that_turns_out_to_be_the_lockfile_is_refused_untouched() {
    let place = Place::new();
    place.file("x.lock", "4242\n");
    let outcome = place.run(["-l", "x.lock", "-o", "./x.lock", "--", "/bin/sleep", "100"]);
    outcome.assert_failed(125, "cannot open stdout ./x.lock: that is a lock");
    assert_eq!(fs::read_to_string(place.path("x.lock")).unwrap(), "4242\n");
    place.assert_left(&["x.lock"]);
}

#[test]
fn standard_descriptors_cannot_be_the_pidfile_by_any_name() {
    let place = Place::new();
    for old in [None, Some(STALE)] {
        for (lock, option) in [("-p", "-i"), ("-p", "-o"), ("-p", "-e"), ("-l", "-o")] {
            match old {
                Some(text) => drop(place.file("x.pid", text)),
                None => drop(fs::remove_file(place.path("x.pid"))),
            }
            for name in ["./x.pid", &*place.path("x.pid").to_string_lossy()] {
                let outcome = place.run([lock, "x.pid", option, name, "--", "/bin/sleep", "100"]);
                assert_eq!(outcome.code, 125, "{lock} {option} {name}");
                assert_one_line(&outcome);
                assert_eq!(place.processes(), []);
                assert!(old.is_some() || lock == "-l" || !place.path("x.pid").exists());
            }
        }
    }
}

#[test]
fn without_standard_output_the_process_id_is_a_failure() {
    let place = Place::new();
    // Whatever fails: a line, a status, no daemon, no pidfile.
    for with in [&[][..], &["-p", "x.pid"]] {
        let mut command = place.dmz(["-P"]);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command.args(with).args(SLEEP).stdin(Stdio::null()).stdout(full).output().unwrap();
        let outcome = Outcome::from(output);
        outcome.assert_failed(125, "cannot write to standard output: No space left on device");
        place.assert_left(&[]);
        let outcome = Outcome::of(closed(place.dmz(["-P"]).args(with).args(SLEEP), &[1]));
        outcome.assert_failed(125, "cannot write to standard output: Bad file descriptor");
        place.assert_left(&[]);
    }
}

#[test]
fn a_pidfile_in_the_program_s_hands_may_be_replaced_and_a_new_start_looks_again() {
    let place = Place::new();
    let first = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    fs::remove_file(place.path("x.pid")).unwrap();
    let second = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    assert_owned(&place, second);
    assert_ne!(first, second);
}

#[test]
fn a_path_with_anything_in_it_is_a_path() {
    let place = Place::new();
    for name in ["-p", " ", "a b\n", "=", "%s", "'", "pid\\"] {
        let words: [OsString; 5] = ["-p", name, "--", "/bin/sleep", "100"].map(OsString::from);
        let program = place.start(words);
        assert_pidfile(place.path(Path::new(name)), program);
        program.end();
    }
}
