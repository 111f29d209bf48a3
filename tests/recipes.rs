//! README.md: every command there does what is said of it, exactly as it stands, on a machine of its own. What it prints is
//! what is shown; `DMZ_BLESS=1 cargo test --release --test recipes` writes that anew. The two commands of the first
//! minutes are in tests/readme.rs.

#[path = "support/scratch.rs"]
mod scratch;
mod support;

use scratch::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use support::*;

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(home().join("README.md")).unwrap()
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// With the same process ids at every run.
fn with_fixed_numbers(text: &str) -> String {
    let mut before = "";
    let fixed = |word| {
        let number = match std::mem::replace(&mut before, word) {
            "PID " => "4711",
            "monitor " => "4710",
            _ => return word.to_owned(),
        };
        word.replacen(word.trim_end_matches(|letter: char| !letter.is_ascii_digit()), number, 1)
    };
    text.split_inclusive([' ', '\n']).map(fixed).collect()
}

#[test]
fn every_block_is_of_a_kind_that_is_run() {
    let page = readme();
    let trace = fs::read_to_string(home().join("tests/traces/pidfile.txt")).unwrap();
    for block in blocks(&page) {
        let kinds = ["sh", "shell", "console", "dockerfile", "ini", "crontab", "text"];
        assert!(kinds.contains(&block.language), "{:?}", block.language);
        // The help and a piece of a trace are all that nobody types.
        let is_trace = || block.text.lines().all(|line| trace.contains(&format!("\n{line}\n")));
        let is_said = block.text.starts_with("usage: dmz ") || is_trace();
        assert!(block.language != "text" || is_said, "{}", block.text);
    }
    let count = |language| blocks(&page).iter().filter(|block| block.language == language).count();
    // As many as the tests here take by their words.
    assert_eq!(["shell", "dockerfile", "ini", "crontab"].map(count), [4, 1, 1, 1]);
}

#[test]
fn what_is_shown_is_what_is_printed() {
    let Some(machine) = Scratch::new() else { return };
    let page = readme();
    let mut blessed = page.clone();
    for block in blocks(&page).iter().filter(|block| block.language == "console") {
        let mut shown = String::new();
        for command in block.text.split("$ ").skip(1) {
            let line = command.lines().next().unwrap();
            let outcome = machine.run(line);
            shown += &format!("$ {line}\n{}", with_fixed_numbers(&(outcome.stdout + &outcome.stderr)));
            let fails = outcome.stderr.contains("cannot ") || outcome.stderr.contains("already ");
            assert_eq!(outcome.code != 0, fails, "{line}: {}", outcome.stderr);
            if line.contains("HUP") {
                machine.hears();
            } else if outcome.code == 0
                && !line.contains("--dry-run")
                && !line.contains(" -T ")
                && !line.contains(" -K ")
            {
                machine.server();
            }
        }
        if std::env::var_os("DMZ_BLESS").is_none() {
            assert_eq!(block.text.trim_end(), shown.trim_end(), "scripts/bless writes it anew");
        }
        blessed = blessed.replace(block.text.trim_end(), shown.trim_end());
    }
    if std::env::var_os("DMZ_BLESS").is_some() {
        fs::write(home().join("README.md"), blessed).unwrap();
    }
}

#[test]
fn the_manual_and_the_completions_are_made_and_installed() {
    let Some(machine) = Scratch::new() else { return };
    let clone = machine.path("clone");
    fs::create_dir(&clone).unwrap();
    let copied = Command::new("/bin/cp").arg("-r").arg(home().join("scripts")).arg(&clone).status();
    assert!(copied.unwrap().success());
    let mut shell = machine.line(block(&readme(), "shell", "scripts/docs"));
    let outcome = Outcome::of(shell.current_dir(&clone).env("DMZ", dmz()));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    for (file, begin) in [
        ("man/man1/dmz.1", ".\\\" "),
        ("bash-completion/completions/dmz", "# bash"),
        ("zsh/site-functions/_dmz", "#compdef dmz\n"),
        ("fish/vendor_completions.d/dmz.fish", "# fish"),
    ] {
        let text = fs::read_to_string(machine.path("usr/local/share").join(file)).unwrap();
        assert!(text.starts_with(begin), "{file}");
    }
}

// Recipes.

/// A root that has nothing but busybox and what is copied there.
fn root(machine: &Scratch) -> PathBuf {
    let root = machine.path("root");
    for folder in ["bin", "run", "srv/seen"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    Place::copy(find("busybox").unwrap(), root.join("bin/busybox"));
    for name in ["sh", "sleep", "mount", "mv", "cp"] {
        symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    root
}

/// The server of such a root: its shell has no /dev/null to start anything in the background.
const BARE_SERVER: &str =
    "#!/bin/sh\necho \"arguments: $*\" >/srv/seen/.$$\nmv /srv/seen/.$$ /srv/seen/$$\nexec sleep 1000\n";

fn copy_programs<'a>(machine: &Scratch, root: &Path, names: impl IntoIterator<Item = &'a str>) {
    machine.program("myserver", BARE_SERVER);
    for name in names {
        let from = if name == "dmz" { dmz() } else { machine.path(name) };
        Place::copy(from, root.join("bin").join(name));
    }
}

/// A command as the first process of that root; its parent, which ends as it does.
fn first_process(machine: &Scratch, root: &Path, command: &[String]) -> Begun {
    // Both are outside of it, and PATH is for the inside.
    let chroot = find("chroot").unwrap();
    let mut outer = machine.place.command(find("unshare").unwrap());
    outer.args(["-f", "-p", "-m"]).arg(chroot).arg(root).args(command).env("PATH", "/bin");
    Begun(outer.spawn().unwrap())
}

/// The only child of a process.
fn child(process: Process) -> Process {
    let file = format!("/proc/{0}/task/{0}/children", process.0);
    let first = || fs::read_to_string(&file).ok()?.split(' ').next()?.parse().ok();
    Process(until("a child", first))
}

fn in_namespace(process: Process) -> Option<i32> {
    process.status("NSpid")?.rsplit('\t').next()?.parse().ok()
}

#[test]
fn an_initramfs_without_anything_starts_its_programs() {
    let Some(machine) = Scratch::new() else { return };
    if lacks("busybox") {
        return;
    }
    let page = readme();
    let root = root(&machine);
    copy_programs(&machine, &root, ["dmz", "myserver"]);
    machine.program("root/init", block(&page, "shell", "# /init\n"));
    machine.program("root/main", "cp /run/myserver.pid /srv/running\nexec sleep 1000\n");
    let mut outer = first_process(&machine, &root, &["/init".into()]);
    let init = child(outer.process());
    let running =
        until("the last line of /init", || fs::read_to_string(root.join("srv/running")).ok().filter(|t| !t.is_empty()));
    let pid: i32 = running.trim_end().parse().expect("the pidfile is complete when dmz has returned");
    until("myserver to run", || root.join("srv/seen").join(pid.to_string()).exists().then_some(()));
    let server = machine.place.processes().into_iter().find(|process| in_namespace(*process) == Some(pid)).unwrap();
    // What PID 1 waits for ends, so all of it does.
    init.signal(libc::SIGTERM);
    outer.wait();
    until("the end of everything", || (!server.is_alive()).then_some(()));
}

#[test]
fn a_container_has_dmz_as_its_first_process() {
    let Some(machine) = Scratch::new() else { return };
    if lacks("busybox") {
        return;
    }
    let page = readme();
    let file = block(&page, "dockerfile", "FROM scratch");
    let line = |name: &str| file.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    let list = |name| -> Vec<String> {
        let words = line(name).trim_matches(['[', ']']).split(", ");
        words.map(|word| word.trim_matches('"').into()).collect()
    };
    let root = root(&machine);
    let (programs, folder) = line("COPY").rsplit_once(' ').unwrap();
    assert_eq!(folder, "/bin/");
    copy_programs(&machine, &root, programs.split(' '));
    let command = [list("ENTRYPOINT"), list("CMD")].concat();
    let mut outer = first_process(&machine, &root, &command);
    let init = child(outer.process());
    let seen = || {
        fs::read_dir(root.join("srv/seen")).unwrap().find_map(|e| e.unwrap().file_name().to_str()?.parse::<i32>().ok())
    };
    let pid = until("myserver to run", seen);
    assert_eq!(in_namespace(init), Some(1));
    assert_eq!(init.arguments()[0], "/bin/dmz");
    assert_eq!(in_namespace(child(init)), Some(pid));
    let text = fs::read_to_string(root.join("srv/seen").join(pid.to_string())).unwrap();
    assert!(text.starts_with("arguments: --port 80\n"), "{text}");
    init.signal(libc::SIGTERM);
    assert_eq!(code(outer.wait()), 128 + libc::SIGTERM, "the program's own end");
}

#[test]
fn an_init_script_does_what_the_lsb_asks_for() {
    let Some(machine) = Scratch::new() else { return };
    machine.program("usr/local/sbin/script", block(&readme(), "shell", "# /etc/init.d/myserver\n"));
    assert_eq!(machine.run("script status").code, 3);
    machine.succeed("script start");
    let first = machine.server();
    assert_eq!(first.found("ids"), "33:33 33");
    assert_eq!(first.found("output"), "/var/log/myserver/log");
    assert_eq!(first.found("umask"), "0022");
    assert_pidfile(machine.path("run/myserver.pid"), first.process);
    machine.succeed("script start");
    assert_pidfile(machine.path("run/myserver.pid"), first.process);
    assert_eq!(machine.succeed("script status").stderr, format!("dmz: running, PID {}\n", first.process.0));
    machine.succeed("script reload");
    machine.hears();
    machine.succeed("script restart");
    let second = machine.server();
    assert!(!first.process.is_alive());
    assert_pidfile(machine.path("run/myserver.pid"), second.process);
    machine.succeed("script stop");
    machine.succeed("script stop");
    assert!(!second.process.is_alive() && !machine.path("run/myserver.pid").exists());
    assert_eq!(machine.run("script status").code, 3);
    assert_eq!(machine.run("script what").code, 2);
}

#[test]
fn a_unit_of_type_notify_is_told_when_the_program_is_ready() {
    let Some(machine) = Scratch::new() else { return };
    let page = readme();
    let unit = block(&page, "ini", "Type=notify");
    let value = |name: &str| unit.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let socket = UnixDatagram::bind(machine.path("notify")).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut command = machine.line(value("ExecStart="));
    let mut begun = Begun(command.env("NOTIFY_SOCKET", machine.path("notify")).spawn().unwrap());
    let mut told = String::new();
    // Until then it waits for the manager.
    while !told.contains("BARRIER=1") {
        let mut bytes = [0; 256];
        let length = until("READY=1 and a barrier", || socket.recv(&mut bytes).ok());
        told += &String::from_utf8_lossy(&bytes[..length]);
        told += "\n";
    }
    let ready = format!("READY=1\nMAINPID={}\n", begun.0.id());
    assert!(told.contains(&ready), "{told}");
    let server = machine.server();
    assert_eq!(server.found("arguments"), "--ready-fd 3");
    let reload = Outcome::of(machine.line(value("ExecReload=")).env("MAINPID", begun.0.id().to_string()));
    assert_eq!(reload.code, 0, "{}", reload.stderr);
    machine.hears();
    begun.process().signal(libc::SIGTERM);
    assert_eq!(code(begun.wait()), 128 + libc::SIGTERM);
    assert!(!server.process.is_alive());
}

#[test]
fn cron_starts_what_does_not_run_and_says_nothing() {
    let Some(machine) = Scratch::new() else { return };
    let page = readme();
    let table = block(&page, "crontab", "@reboot");
    // Behind the times and the user, which is how a system's table has it.
    let lines: Vec<_> = table.lines().map(|line| line.split_once(" root ").unwrap().1.trim()).collect();
    assert_eq!(lines.len(), 2);
    let cron = |line: &str| {
        let outcome = Outcome::of(&mut machine.line_with(line, "/usr/bin:/bin"));
        assert_eq!((outcome.code, outcome.stdout + &outcome.stderr), (0, String::new()), "{line}");
    };
    cron(lines[0]);
    let server = machine.server();
    assert_eq!(server.found("umask"), "0022");
    cron(lines[1]);
    assert_pidfile(machine.path("run/myserver.pid"), server.process);
    server.process.signal(libc::SIGKILL);
    server.process.wait();
    cron(lines[1]);
    let other = machine.server();
    assert_pidfile(machine.path("run/myserver.pid"), other.process);
}

#[test]
fn ssh_returns_at_once_and_the_program_stays() {
    let Some(machine) = Scratch::new() else { return };
    // As a real one it has the other side's outputs until their ends, and the other side's status.
    machine.program(
        "usr/local/bin/ssh",
        "#!/bin/sh\nshift\nsaid=$(sh -c \"$*\" 2>&1)\nstatus=$?\necho \"$said\"\nexit $status\n",
    );
    let outcome = machine.succeed(block(&readme(), "shell", "ssh host"));
    let server = machine.server();
    assert_eq!(outcome.stdout, format!("{}\n\nit runs\n", server.process.0));
    assert_eq!(server.found("arguments"), "--port 80");
    assert_eq!(server.found("umask"), "0022");
    assert_pidfile(machine.path("run/myserver.pid"), server.process);
}

// Coming from another tool.

/// What a command line does, as far as it can be seen.
#[derive(Debug, PartialEq)]
struct Effect {
    status: i32,
    /// What the program found.
    found: Vec<String>,
    /// Does the daemon of before live, has it heard HUP, and is its file there?
    control: Option<(bool, bool, bool)>,
}

/// What the program of both must have found alike: all of this, and what is behind an option if it was given here.
const ALIKE: &[(&str, &str)] = &[
    ("arguments", ""),
    ("ids", ""),
    ("nice", ""),
    ("files", ""),
    ("disk", ""),
    ("policy", ""),
    ("A", ""),
    ("output", ""),
    ("folder", " -c "),
    ("umask", ""),
];

/// Does a command line stay until the program ends? `ours` says so in its options.
fn stays(ours: &str) -> bool {
    [" -I ", " -w ", " -f "].iter().any(|option| ours.contains(option))
}

fn effect(line: &str, ours: &str) -> Effect {
    let machine = Scratch::new().unwrap();
    let controls = [" -K ", " -T ", " -s "].iter().any(|option| ours.contains(option));
    let before = controls.then(|| {
        machine.succeed("dmz -p /run/m.pid -- myserver");
        machine.server()
    });
    eprintln!("{line}"); // shown if it fails
    let mut begun = machine.begin(line);
    let mut found = Vec::new();
    if !controls && !ours.contains("--dry-run") {
        let server = machine.server();
        let folder = machine.place.folder.to_str().unwrap();
        let alike = ALIKE.iter().filter(|(_, option)| ours.contains(option));
        found.extend(alike.map(|(name, _)| format!("{name}: {}", server.found(name)).replace(folder, "the caller's")));
        if stays(ours) && !ours.contains(" --exit ") {
            begun.process().signal(libc::SIGTERM);
        }
    }
    let control = before.map(|Server { process, .. }| {
        // A zombie would live for those who look at the number only.
        if ours.contains(" -K ") {
            process.wait();
        } else if ours.contains(" -s ") {
            machine.hears();
        }
        let status = code(begun.wait());
        assert_eq!(status, 0, "{line}: {}", fs::read_to_string(machine.path("errors")).unwrap());
        (process.is_alive(), ours.contains(" -s "), machine.path("run/m.pid").exists())
    });
    let status = code(begun.wait());
    let errors = fs::read_to_string(machine.path("errors")).unwrap();
    assert!(status < 122 || stays(ours), "{line}: {status}, {errors}");
    Effect { status, found, control }
}

/// The rows of the tables whose right column is for dmz: both cells.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let (_, part) = page.split_once("## Coming from another tool\n").unwrap();
    let part = part.split("\n## ").next().unwrap();
    let lines = part.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| dmz |"));
    lines.map(|line| line.trim_matches(['|', ' ']).split_once(" | ").unwrap()).collect()
}

/// What is set as code in a cell.
fn commands(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2).filter(|code| code.contains(' '))
}

fn check_rows(of: &str) {
    if Scratch::new().is_none() {
        return;
    }
    let page = readme();
    let mut checked = 0;
    for (theirs, ours) in rows(&page) {
        let tool = commands(theirs).next().map(|line| line.split(' ').next().unwrap());
        let tables = ["daemonize", "start-stop-daemon", "nohup", "setsid", "tini", "dumb-init"];
        let table = tool.filter(|tool| tables.contains(tool)).unwrap_or("others");
        if !of.split(' ').any(|name| name == table) {
            continue;
        }
        checked += 1;
        for ours in commands(ours) {
            let effect = effect(ours, ours);
            if let Some(theirs) = commands(theirs).next()
                && !lacks(tool.unwrap())
            {
                assert_eq!(self::effect(theirs, ours), effect, "left {theirs}\nright {ours}");
            }
        }
    }
    assert!(checked > 1, "{of}");
}

#[test]
fn every_row_for_daemonize_does_the_same() {
    check_rows("daemonize");
}

#[test]
fn every_row_for_start_stop_daemon_does_the_same() {
    check_rows("start-stop-daemon");
}

#[test]
fn every_row_for_nohup_and_setsid_does_the_same() {
    check_rows("nohup setsid");
}

#[test]
fn every_row_for_tini_and_dumb_init_does_the_same() {
    check_rows("tini dumb-init");
}

#[test]
fn every_row_for_s6_and_freebsd_does_the_same() {
    check_rows("others");
}
