//! The library as other programs use it: daemons of their own and of others, by functions.

mod support;

use std::ffi::{CStr, CString};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use dmz::{Daemon, Error, ErrorKind, Outcome as Side, PidFile, Program, Ready, Status, Step};
use support::*;

/// Where the examples are, built once.
fn example(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let profile = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "--quiet", "--examples"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.env("CARGO_TARGET_DIR", profile.parent().unwrap()).status().unwrap().success());
        profile.join("examples")
    });
    folder.join(name)
}

fn c(path: impl AsRef<Path>) -> CString {
    CString::new(path.as_ref().as_os_str().as_bytes()).unwrap()
}

/// The process that the pidfile names.
fn named(place: &Place, pidfile: &str) -> Process {
    let text = fs::read_to_string(place.path(pidfile)).unwrap();
    place.own(Process(text.trim_end().parse().unwrap()))
}

/// Starts the web service; its process and its port.
fn serve(place: &Place) -> (Process, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let outcome = Outcome::of(place.command(example("web")).args(["web.pid", &port.to_string()]));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    (named(place, "web.pid"), port)
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn a_web_service_detaches_itself_and_serves_when_its_caller_comes_back() {
    let place = Place::new();
    let (service, port) = serve(&place);
    assert!(get(port, "/").ends_with(&format!("\r\n\r\n{}", service.0)));
    assert_pidfile(place.path("web.pid"), service);
    assert_eq!(dmz::status(&c(place.path("web.pid"))), Ok(Status::Running { owner: service.0, program: service.0 }));
}

#[test]
fn a_second_start_names_the_owner_and_changes_nothing() {
    let place = Place::new();
    let (service, _) = serve(&place);
    let second = Outcome::of(place.command(example("web")).args(["web.pid", "0"]));
    let line = format!("Error: cannot lock pidfile: already running, PID {}\n", service.0);
    assert_eq!((second.code, second.stderr), (1, line));
    assert_pidfile(place.path("web.pid"), service);
}

#[test]
fn what_the_service_cannot_do_its_caller_gets_to_know() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let outcome = Outcome::of(place.command(example("web")).args(["web.pid", &port]));
    let line = "Error: cannot await readiness of the daemon: errno 98\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, line));
    place.assert_left(&[]);
}

#[test]
fn a_service_removes_its_pidfile_at_a_signal_to_end_at_an_exit_and_a_panic() {
    let signals = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];
    let ends = signals.map(|signal| (Some(signal), "", 0)).into_iter();
    for (signal, end, status) in ends.chain([(None, "/exit", 3), (None, "/panic", 101)]) {
        let place = Place::new();
        let (service, port) = serve(&place);
        match signal {
            Some(signal) => service.signal(signal),
            None => drop(get(port, end)),
        }
        assert_eq!(service.wait().code(), Some(status), "{signal:?} {end}");
        assert!(!place.path("web.pid").exists(), "{signal:?} {end}");
    }
}

#[test]
fn what_sigkill_leaves_the_next_start_takes_over() {
    let place = Place::new();
    let (service, _) = serve(&place);
    service.end();
    assert_eq!(dmz::status(&c(place.path("web.pid"))), Ok(Status::Dead));
    for asked in [dmz::status(c""), dmz::stop(c"", 1), dmz::signal(c"", 0)] {
        let error = asked.unwrap_err();
        assert_eq!((error.step(), error.errno()), (Step::OpenPidfile, Some(libc::EINVAL)), "no name at all");
    }
    let (next, _) = serve(&place);
    assert_pidfile(place.path("web.pid"), next);
}

/// Runs the recipe in a process that was changed before; the daemon.
fn recipe(place: &Place, change: impl FnMut() -> std::io::Result<()> + Send + Sync + 'static) -> Process {
    let mut command = place.command(example("recipe"));
    command.arg("recipe.pid").stdin(Stdio::inherit());
    assert!(before(&mut command, change).status().unwrap().success());
    named(place, "recipe.pid")
}

#[test]
fn the_recipe_gives_a_daemon_with_nothing_of_its_caller() {
    let place = Place::new();
    let daemon = recipe(&place, || Ok(()));
    let session = daemon.stat(6);
    assert!(session != i64::from(daemon.0) && session != own_session(), "{session}");
    assert_eq!((daemon.stat(7), daemon.link("cwd")), (0, "/".into()));
    let umask = daemon.status("Umask");
    assert!(umask.is_none_or(|umask| umask == "0022"));
    assert!((0..3).all(|number| daemon.descriptors()[&number] == Path::new("/dev/null")));
    // The pidfile, and its folder to remove it from.
    let locked = daemon.locked_descriptors();
    assert!(locked.len() == 1 && daemon.descriptors().len() == 5, "{:?}", daemon.descriptors());
    daemon.signal(libc::SIGTERM);
    daemon.wait();
    place.assert_left(&[]);
}

fn own_session() -> i64 {
    // SAFETY: getsid has no preconditions.
    unsafe { libc::getsid(0) }.into()
}

#[test]
fn descriptors_0_to_2_may_be_closed_in_any_combination() {
    for bits in 0..8 {
        let place = Place::new();
        let daemon = recipe(&place, move || {
            for number in (0..3).filter(|number| bits & 1 << number != 0) {
                // SAFETY: close takes an integer.
                unsafe { libc::close(number) };
            }
            Ok(())
        });
        assert!((0..3).all(|number| daemon.descriptors()[&number] == Path::new("/dev/null")), "{bits}");
        assert_pidfile(place.path("recipe.pid"), daemon);
    }
}

#[test]
fn a_parent_starts_three_daemons_and_stays() {
    let place = Place::new();
    let mut parent = place.command(example("three"));
    let mut parent = parent.arg(&place.folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = [0; 1];
    parent.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    for name in ["1.pid", "2.pid", "3.pid"] {
        let daemon = named(&place, name);
        assert_pidfile(place.path(name), daemon);
        assert_eq!(daemon.arguments(), ["sleep", "600"]);
        assert!(daemon.stat(4) != i64::from(parent.id()));
    }
    drop(parent.stdin.take());
    assert!(parent.wait().unwrap().success());
    place.assert_left(&[]);
}

/// Lets a forked child of this process do `act` and gives what it returns: a process with one thread, of which nothing
/// disturbs the others.
fn in_a_child(act: impl FnOnce() -> i32) -> i32 {
    // SAFETY: what tests pass here calls the library and the kernel, and neither allocates nor locks.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(act());
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        assert!(libc::WIFEXITED(status), "{status:#x}");
        libc::WEXITSTATUS(status)
    }
}

const SLEEP: Program = Program::new(c"/bin/sleep").arguments(&[c"sleep", c"600"]);

#[test]
fn a_spawn_tells_its_host_of_no_child() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let verdict = in_a_child(|| {
        // SAFETY: plain calls on sets that they fill.
        unsafe {
            let (mut set, mut pending): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGCHLD);
            libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
            let has_started = Daemon::new().pid_file(&path).spawn(&SLEEP).is_ok();
            let has_failed = Daemon::new().spawn(&Program::new(c"/no/such/program")).is_err();
            libc::sigpending(&raw mut pending);
            let is_told = libc::sigismember(&raw const pending, libc::SIGCHLD) == 1;
            let has_children = libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG | libc::__WALL) != -1;
            i32::from(!has_started)
                | i32::from(!has_failed) << 1
                | i32::from(is_told) << 2
                | i32::from(has_children) << 3
        }
    });
    assert_eq!(verdict, 0);
    let daemon = named(&place, "x.pid");
    assert_pidfile(place.path("x.pid"), daemon);
}

/// What a spawn must not change in its host.
fn state() -> Vec<String> {
    let text = fs::read_to_string("/proc/thread-self/status").unwrap();
    let names = ["Umask", "SigBlk", "SigIgn", "SigCgt", "Uid", "Gid", "Groups", "CapEff", "CapAmb", "NoNewPrivs"];
    let lines = text.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
    let mut state: Vec<_> = lines.map(String::from).collect();
    // SAFETY: prctl and getpgrp with integers.
    state.push(format!("{} {}", unsafe { libc::prctl(libc::PR_GET_DUMPABLE) }, unsafe { libc::getpgrp() }));
    state.push(format!("{:?}", std::env::current_dir()));
    state
}

#[test]
fn a_program_gets_the_descriptors_that_its_host_keeps_for_it() {
    let place = Place::new();
    // As std opens everything: an exec of the host's own would close it.
    let file = fs::File::create(place.path("kept")).unwrap();
    let number = file.as_raw_fd();
    let daemon = place.own(Process(Daemon::new().keep(&[number as u32]).spawn(&SLEEP).unwrap()));
    assert_eq!(daemon.descriptors().get(&number), Some(&place.path("kept")));
    // SAFETY: fcntl with integers.
    assert_eq!(unsafe { libc::fcntl(number, libc::F_GETFD) }, libc::FD_CLOEXEC);
}

#[test]
fn a_manager_that_cannot_be_told_is_an_error() {
    let place = Place::new();
    let nobody = c(place.path("socket"));
    let error = dmz::tell_manager(&nobody, c"READY=1").unwrap_err();
    assert_eq!((error.step(), error.errno()), (Step::TellManager, Some(libc::ENOENT)));
    let socket = UnixDatagram::bind(place.path("socket")).unwrap();
    let long = CString::new(vec![b'x'; 4096]).unwrap();
    let error = dmz::tell_manager(&nobody, &long).unwrap_err();
    assert_eq!((error.step(), error.errno()), (Step::TellManager, Some(libc::E2BIG)));
    drop(socket);
    // Not what such a name begins with.
    let error = dmz::tell_manager(&c(place.path("x".repeat(120))), c"READY=1").unwrap_err();
    assert_eq!((error.step(), error.errno()), (Step::TellManager, Some(libc::ENAMETOOLONG)));
}

#[test]
fn a_manager_is_waited_for_whatever_the_host_handles_meanwhile() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn hear(_: i32) {
        HEARD.fetch_add(1, Relaxed);
    }
    let place = Place::new();
    let path = c(place.path("socket"));
    let socket = UnixDatagram::bind(place.path("socket")).unwrap();
    // SAFETY: the handler only counts; signal takes a number and a function.
    unsafe { libc::signal(libc::SIGUSR1, hear as *const () as usize) };
    let teller = std::thread::spawn(move || dmz::tell_manager(&path, c"READY=1"));
    let mut text = [0; 64];
    assert_eq!(socket.recv(&mut text).unwrap(), 7);
    for count in 1..=3 {
        // SAFETY: the thread is not joined yet.
        unsafe { libc::pthread_kill(std::os::unix::thread::JoinHandleExt::as_pthread_t(&teller), libc::SIGUSR1) };
        until("the handler", || (HEARD.load(Relaxed) >= count).then_some(()));
        let begin = Instant::now();
        until("a moment", || (begin.elapsed() > Duration::from_millis(50)).then_some(()));
        assert!(!teller.is_finished(), "BARRIER=1 is not read yet");
    }
    socket.recv(&mut text).unwrap();
    teller.join().unwrap().unwrap();
}

#[test]
fn a_spawn_as_another_user_leaves_its_host_as_it_was() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let before = state();
    let daemon = Daemon::new().user(c"65534:65534").no_new_privileges().working_directory(c"/tmp").umask(0o77);
    let daemon = place.own(Process(daemon.spawn(&SLEEP).unwrap()));
    assert_eq!(state(), before);
    assert_eq!(daemon.status("Uid").unwrap(), "65534\t65534\t65534\t65534");
    assert_eq!((daemon.status("Groups").unwrap(), daemon.link("cwd")), ("65534".into(), "/tmp".into()));
}

#[test]
fn a_failed_spawn_says_which_step_and_why() {
    let place = Place::new();
    let (file, folder) = (c(place.file("file", "text\n")), c(place.path("none")));
    let missing = Program::new(c"/no/such/program");
    for (daemon, program, step, errno, status) in [
        (Daemon::new(), &missing, Step::Execute, Some(2), 127),
        (Daemon::new(), &Program::new(c"/etc/passwd"), Step::Execute, Some(13), 126),
        (Daemon::new().working_directory(&folder), &SLEEP, Step::ChangeDirectory, Some(2), 125),
        (Daemon::new().pid_file(&file), &SLEEP, Step::LockPidfile, None, 125),
        (Daemon::new().keep(&[999]), &SLEEP, Step::CheckKept, Some(9), 125),
    ] {
        let error = daemon.spawn(program).unwrap_err();
        assert_eq!((error.step(), error.errno(), error.exit_status()), (step, errno, status), "{error}");
    }
    place.assert_left(&["file"]);
}

#[test]
fn a_spawn_waits_for_the_programs_word_and_not_longer_than_it_may() {
    let place = Place::new();
    let shell = |text: &'static CStr| -> [&'static CStr; 3] { [c"sh", c"-c", text] };
    let says = shell(c"echo >&5; exec sleep 600");
    let daemon = Daemon::new().ready_on(5).timeout(10);
    let pid = daemon.spawn(&Program::new(c"/bin/sh").arguments(&says).environment(&[c"PATH=/usr/bin:/bin"]));
    place.own(Process(pid.unwrap()));
    let path = c(place.path("x.pid"));
    let ends = shell(c"exit 0");
    let error = daemon.pid_file(&path).spawn(&Program::new(c"/bin/sh").arguments(&ends)).unwrap_err();
    assert_eq!((error.kind(), error.exit_status()), (ErrorKind::Ended, 122));
    let error = daemon.pid_file(&path).timeout(0).spawn(&SLEEP).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    place.assert_left(&[]);
}

/// Detaches in this process, by the C library's fork; the launcher's side. The daemon does `act` and ends.
fn detach<'a>(daemon: Daemon<'a>, act: impl FnOnce(Ready<'a>)) -> Result<i32, Error> {
    // SAFETY: there are threads, but the daemon does nothing but what a signal handler may.
    match unsafe { daemon.keep_all().fork_with(libc::fork).detach_and_return()? } {
        Side::Launcher(pid) => Ok(pid),
        Side::Daemon(ready) => {
            act(ready);
            // SAFETY: ends this copy of the tests at once.
            unsafe { libc::_exit(0) }
        }
    }
}

fn pause() {
    // SAFETY: no preconditions.
    unsafe { libc::pause() };
}

#[test]
fn a_parent_may_have_itself_back() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let before = state();
    let pid = detach(Daemon::new().pid_file(&path), |ready| {
        let _pidfile = ready.notify();
        pause();
    });
    let daemon = place.own(Process(pid.unwrap()));
    assert_eq!(state(), before);
    assert_pidfile(place.path("x.pid"), daemon);
    assert_eq!(dmz::stop(&path, 5), Ok(Status::NotRunning));
    daemon.wait();
    place.assert_left(&[]);
}

#[test]
fn a_daemon_that_does_not_say_that_it_is_ready_has_failed() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let daemon = Daemon::new().pid_file(&path);
    let killed = |ready| {
        // SAFETY: kill and getpid with integers.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        drop(ready);
    };
    let leaving = |ready| {
        let _still_held: Ready<'_> = ready;
        // SAFETY: _exit takes an integer.
        unsafe { libc::_exit(0) }
    };
    let failed = |result: Result<i32, Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.step(), Step::AwaitReady);
        place.assert_left(&[]);
        error.kind()
    };
    assert_eq!(failed(detach(daemon, drop)), ErrorKind::Ended);
    assert_eq!(failed(detach(daemon, killed)), ErrorKind::Ended);
    assert_eq!(failed(detach(daemon, leaving)), ErrorKind::Ended);
    assert_eq!(failed(detach(daemon, |ready| ready.fail(libc::EADDRINUSE))), ErrorKind::Errno(libc::EADDRINUSE));
    let lingering = |ready| {
        drop(ready);
        pause();
    };
    assert_eq!(failed(detach(daemon, lingering)), ErrorKind::Ended);
    let hanging = |ready: Ready<'_>| {
        pause();
        drop(ready);
    };
    assert_eq!(failed(detach(daemon.timeout(1), hanging)), ErrorKind::Timeout);
}

#[test]
fn a_daemon_that_says_it_too_late_has_failed_and_knows_it() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    // SAFETY: plain calls on a set that they fill.
    let late = |ready: Ready<'_>| unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        // The limit is over when it comes.
        libc::sigwait(&raw const set, &mut 0);
        let _pidfile = ready.notify();
        pause();
    };
    let error = detach(Daemon::new().pid_file(&path).timeout(1), late).unwrap_err();
    assert_eq!((error.step(), error.kind()), (Step::AwaitReady, ErrorKind::Timeout));
    place.assert_left(&[]);
}

#[test]
fn a_copy_of_the_word_says_nothing() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let pid = detach(Daemon::new().pid_file(&path), |ready| {
        // SAFETY: the child drops its copy and ends at once.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                drop(ready);
                libc::_exit(0);
            }
            libc::waitpid(child, std::ptr::null_mut(), 0);
        }
        let _pidfile = ready.notify();
        pause();
    });
    let daemon = place.own(Process(pid.unwrap()));
    assert_pidfile(place.path("x.pid"), daemon);
}

/// A process with one thread that detaches, and whose daemon never says anything; and that daemon.
fn waiting(place: &Place, path: &CStr) -> (Process, Process) {
    // SAFETY: what is done here neither allocates nor locks.
    let host = unsafe { libc::fork() };
    if host == 0 {
        let silent = |ready| {
            let _unspoken: Ready<'_> = ready;
            pause();
        };
        let _ = detach(Daemon::new().pid_file(path), silent);
        // SAFETY: ends this copy of the tests at once.
        unsafe { libc::_exit(0) }
    }
    let path = place.path("x.pid");
    let daemon = until("the pidfile", || fs::read_to_string(&path).ok()?.strip_suffix('\n')?.parse().ok());
    (place.own(Process(host)), place.own(Process(daemon)))
}

#[test]
fn when_who_waits_is_told_to_end_the_start_is_taken_down() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGKILL] {
        let place = Place::new();
        let path = c(place.path("x.pid"));
        let (host, daemon) = waiting(&place, &path);
        host.signal(signal);
        host.wait();
        until("the daemon's end", || (!daemon.is_alive()).then_some(()));
        until("the removal of the pidfile", || (!place.path("x.pid").exists()).then_some(()));
    }
}

#[test]
fn a_daemon_that_signals_its_group_does_not_end_its_start() {
    let place = Place::new();
    let pid = detach(Daemon::new().timeout(10), |ready| {
        // SAFETY: signal and kill with integers.
        unsafe {
            libc::signal(libc::SIGTERM, libc::SIG_IGN);
            libc::kill(0, libc::SIGTERM);
            // The one that waits has taken it when it is asleep again.
            let session = Process(parent());
            until("its sleep", || (session.signals("SigPnd") | session.signals("ShdPnd") == 0).then_some(()));
        }
        drop(ready.notify());
        pause();
    });
    place.own(Process(pid.unwrap()));
}

#[test]
fn a_session_process_that_is_killed_leaves_nothing() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let killing = |ready| {
        let _unspoken: Ready<'_> = ready;
        // SAFETY: kill with an integer: the parent is the session process.
        unsafe { libc::kill(parent(), libc::SIGKILL) };
        pause();
    };
    let error = detach(Daemon::new().pid_file(&path), killing).unwrap_err();
    assert_eq!((error.step(), error.kind()), (Step::AwaitReady, ErrorKind::Ended));
    place.assert_left(&[]);
}

/// Forks, and writes the child's number into the file; is this the parent?
fn fork_noted(file: &fs::File) -> bool {
    // SAFETY: plain calls with integers, and one place to read from.
    unsafe {
        let pid = libc::fork();
        pid > 0 && libc::write(file.as_raw_fd(), (&raw const pid).cast(), 4) == 4
    }
}

#[test]
fn a_session_process_that_is_killed_takes_along_what_the_daemon_has_started() {
    let place = Place::new();
    let child = fs::File::create(place.path("child")).unwrap();
    let killing = |ready| {
        let _unspoken: Ready<'_> = ready;
        if fork_noted(&child) {
            // SAFETY: kill with an integer: the parent is the session process.
            unsafe { libc::kill(parent(), libc::SIGKILL) };
        }
        pause();
    };
    assert_eq!(detach(Daemon::new(), killing).unwrap_err().kind(), ErrorKind::Ended);
    let pid = i32::from_ne_bytes(fs::read(place.path("child")).unwrap().try_into().unwrap());
    until("its end", || (!Process(pid).is_alive()).then_some(()));
}

#[test]
fn what_a_daemon_has_started_ends_with_it_when_it_is_not_ready_in_time() {
    let place = Place::new();
    let child = fs::File::create(place.path("child")).unwrap();
    let with_a_child = |ready| {
        let _unspoken: Ready<'_> = ready;
        fork_noted(&child);
        pause();
    };
    // It may have been stopped before it came to that.
    let pid = until("a daemon with a child", || {
        assert_eq!(detach(Daemon::new().timeout(1), with_a_child).unwrap_err().kind(), ErrorKind::Timeout);
        fs::read(place.path("child")).unwrap().try_into().ok()
    });
    let child = place.own(Process(i32::from_ne_bytes(pid)));
    until("the child's end", || (!child.is_alive()).then_some(()));
}

#[test]
fn as_pid_1_nothing_detaches_itself_but_who_comes_back() {
    if lacks_root() {
        return;
    }
    let verdict = in_a_child(|| {
        // SAFETY: plain calls with integers; what comes behind them is one thread's.
        unsafe {
            if libc::unshare(libc::CLONE_NEWPID) != 0 {
                return 77;
            }
            let first = libc::fork();
            if first == 0 {
                let is_refused = |error: Error| error.step() == Step::CheckFirst && error.kind() == ErrorKind::Other;
                let one = dmz::detach().is_err_and(is_refused);
                let other = Daemon::new().keep_all().detach().is_err_and(is_refused);
                let both = detach(Daemon::new(), |ready| drop(ready.notify())).is_ok();
                libc::_exit(i32::from(!one) | i32::from(!other) << 1 | i32::from(!both) << 2);
            }
            let mut status = 0;
            libc::waitpid(first, &raw mut status, 0);
            if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 99 }
        }
    });
    if skipped(verdict != 77, "no PID namespaces here") {
        return;
    }
    assert_eq!(verdict, 0);
}

#[test]
fn a_daemon_that_drops_its_parents_pidfile_keeps_its_own() {
    let place = Place::new();
    let (outer, inner) = (c(place.path("outer.pid")), c(place.path("inner.pid")));
    let verdict = in_a_child(|| {
        // So that both pidfiles are on the same numbers.
        // SAFETY: what others have open in this copy of the tests is not used any more.
        if unsafe { dmz::close_descriptors(&[]) }.is_err() {
            return 4;
        }
        let Ok(pidfile) = PidFile::lock(&outer) else { return 1 };
        let pidfile = std::cell::Cell::new(Some(pidfile));
        let daemon = Daemon::new().pid_file(&inner).fork_with(libc::fork);
        // SAFETY: one thread, and no descriptor that the daemon's side would use.
        match unsafe { daemon.detach_and_return() } {
            Err(_) => 2,
            Ok(Side::Launcher(_)) => {
                // The parent's is as it was.
                let is_held = dmz::status(&outer).is_ok_and(|status| matches!(status, Status::Running { .. }));
                i32::from(!is_held) * 3
            }
            Ok(Side::Daemon(ready)) => {
                drop(pidfile.take());
                let _pidfile = ready.notify();
                pause();
                0
            }
        }
    });
    assert_eq!(verdict, 0);
    let daemon = named(&place, "inner.pid");
    assert_pidfile(place.path("inner.pid"), daemon);
}

#[test]
fn what_is_asked_for_with_no_text_is_refused_before_anything_is_done() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let daemon = Daemon::new().pid_file(&path);
    for (daemon, step, errno) in [
        (Daemon::new().pid_file(c""), Step::OpenPidfile, 22),
        (daemon.working_directory(c""), Step::ChangeDirectory, 22),
        (daemon.stdin(c""), Step::OpenStdin, 22),
        (daemon.stdout(c""), Step::OpenStdout, 22),
        (daemon.stderr(c""), Step::OpenStderr, 22),
        (daemon.user(c""), Step::FindUser, 22),
        (daemon.group(c""), Step::FindGroup, 22),
        (daemon.groups(c""), Step::FindGroups, 22),
        (daemon.root(c""), Step::ChangeRoot, 22),
        (daemon.umask(0o1000), Step::SetUmask, 22),
        (daemon.nice(i32::MIN), Step::SetNice, 22),
        (daemon.nice(20), Step::SetNice, 22),
        (daemon.limits(&[[(1 << 32) + 7, 64, 64]]), Step::SetLimits, 22),
        (daemon.keep(&[u32::MAX]), Step::CheckKept, 9),
        (daemon.keep(&[i32::MAX as u32]), Step::CheckKept, 9),
        (daemon.ready_on(2), Step::PassChannel, 9),
        (daemon.ready_on(i32::MAX as u32), Step::PassChannel, 9),
    ] {
        let error = daemon.spawn(&SLEEP).unwrap_err();
        assert_eq!((error.step(), error.errno()), (step, Some(errno)), "{error}");
        // SAFETY: it fails before it forks.
        let error = unsafe { daemon.detach_and_return() }.unwrap_err();
        assert_eq!((error.step(), error.errno()), (step, Some(errno)), "{error}");
    }
    // SAFETY: the same.
    let error = unsafe { dmz::daemonize(c"") }.unwrap_err();
    assert_eq!((error.step(), error.errno()), (Step::OpenPidfile, Some(22)));
    place.assert_left(&[]);
}

#[test]
fn a_daemon_in_another_root_has_no_way_out_by_its_pidfile() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let path = c(place.path("x.pid"));
    fs::create_dir(place.path("root")).unwrap();
    let root = c(place.path("root"));
    let pid = detach(Daemon::new().pid_file(&path).root(&root), |ready| {
        let _pidfile = ready.notify();
        pause();
    });
    let daemon = place.own(Process(pid.unwrap()));
    assert_eq!((daemon.link("root"), daemon.link("cwd")), (place.path("root"), place.path("root")));
    assert!(!daemon.descriptors().values().any(|path| *path == place.folder), "{:?}", daemon.descriptors());
    assert_pidfile(place.path("x.pid"), daemon);
    assert_eq!(dmz::stop(&path, 5), Ok(Status::NotRunning));
    // And emptied by one that ends well.
    let pid = detach(Daemon::new().pid_file(&path).root(&root), |ready| drop(ready.notify()));
    place.own(Process(pid.unwrap())).wait();
    assert_eq!(fs::read_to_string(place.path("x.pid")).unwrap(), "");
}

#[test]
fn a_host_that_ends_while_it_spawns_takes_the_program_along() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    // SAFETY: what is done here neither allocates nor locks.
    let host = unsafe { libc::fork() };
    if host == 0 {
        let _ = Daemon::new().pid_file(&path).ready_on(5).spawn(&SLEEP);
        // SAFETY: ends this copy of the tests at once.
        unsafe { libc::_exit(0) }
    }
    let host = place.own(Process(host));
    let file = place.path("x.pid");
    let program = until("the pidfile", || fs::read_to_string(&file).ok()?.strip_suffix('\n')?.parse().ok());
    let program = place.own(Process(program));
    until("the program", || (program.arguments() == ["sleep", "600"]).then_some(()));
    host.signal(libc::SIGTERM);
    host.wait();
    until("the program's end", || (!program.is_alive()).then_some(()));
    until("the removal of the pidfile", || (!file.exists()).then_some(()));
}

#[test]
fn a_detach_that_fails_says_so_where_it_was_called() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let never = |_: Ready<'_>| {};
    let error = detach(Daemon::new().pid_file(&path).working_directory(c"/no/such/folder"), never).unwrap_err();
    assert_eq!((error.step(), error.errno()), (Step::ChangeDirectory, Some(2)));
    let error = detach(Daemon::new().pid_file(&path).stdout(c"/no/such/file"), never).unwrap_err();
    assert_eq!((error.step(), error.errno()), (Step::OpenStdout, Some(2)));
    place.assert_left(&[]);
}

#[test]
fn a_daemon_that_gives_up_roots_rights_empties_the_pidfile_that_it_may_not_remove() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let pid = detach(Daemon::new().pid_file(&path).user(c"65534:65534"), |ready| drop(ready.notify()));
    place.own(Process(pid.unwrap())).wait();
    assert_eq!(fs::read_to_string(place.path("x.pid")).unwrap(), "");
    assert_eq!(dmz::status(&path), Ok(Status::Dead));
}

#[test]
fn a_pidfile_alone_excludes_others_and_spares_what_is_not_its_own() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let pidfile = PidFile::lock(&path).unwrap();
    let own = std::process::id() as i32;
    // Losing against it and asking after it do not drop the lock, which reading it in this process would.
    let other = in_a_child(|| match PidFile::lock(&path) {
        Err(error) => i32::from(error.kind() == ErrorKind::Running(parent())),
        Ok(_) => 2,
    });
    assert_eq!(other, 1);
    assert_eq!(dmz::status(&path), Ok(Status::Running { owner: own, program: own }));
    // A child that is a copy.
    let copy = std::cell::Cell::new(Some(pidfile));
    let dropped = in_a_child(|| {
        drop(copy.take());
        0
    });
    assert_eq!(dropped, 0);
    assert!(place.path("x.pid").exists());
    // Replaced meanwhile.
    fs::rename(place.path("x.pid"), place.path("old")).unwrap();
    place.file("x.pid", "1\n");
    drop(copy.take());
    place.assert_left(&["old", "x.pid"]);
}

#[test]
fn a_pidfile_whose_lock_was_lost_and_taken_stays() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let pidfile = PidFile::lock(&path).unwrap();
    // This loses it.
    fs::read(place.path("x.pid")).unwrap();
    let daemon = place.own(Process(Daemon::new().pid_file(&path).spawn(&SLEEP).unwrap()));
    drop(pidfile);
    assert_pidfile(place.path("x.pid"), daemon);
}

#[test]
fn a_pidfile_is_on_no_standard_descriptor() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let verdict = in_a_child(|| {
        // SAFETY: integers only; this copy of the tests reads and writes nothing.
        let open = || (0..3).filter(|number| unsafe { libc::fcntl(*number, libc::F_GETFD) } != -1).count();
        // SAFETY: the same.
        unsafe { libc::close_range(0, 2, 0) };
        match PidFile::lock(&path) {
            Ok(_pidfile) => open() as i32,
            Err(_) => 9,
        }
    });
    assert_eq!(verdict, 0);
    place.assert_left(&[]);
}

#[test]
fn capabilities_that_are_kept_do_not_survive_a_later_change_of_the_user() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let looking = |ready: Ready<'_>| {
        // SAFETY: prctl with integers.
        if unsafe { libc::prctl(libc::PR_GET_KEEPCAPS) } != 0 {
            ready.fail(libc::EPERM);
        }
        let _pidfile = ready.notify();
        pause();
    };
    // CAP_SETUID among them.
    place.own(Process(detach(Daemon::new().capabilities(1 << 7), looking).unwrap()));
}

/// How many descriptors are open in this process.
fn open_descriptors() -> usize {
    // SAFETY: fcntl with integers.
    (0..1024).filter(|number| unsafe { libc::fcntl(*number, libc::F_GETFD) } != -1).count()
}

#[test]
fn a_pidfile_that_cannot_be_had_costs_no_descriptor() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    fs::create_dir(place.path("open")).unwrap();
    fs::set_permissions(place.path("open"), fs::Permissions::from_mode(0o777)).unwrap();
    std::os::unix::fs::symlink("nowhere", place.path("link")).unwrap();
    place.file("text", "text\n");
    let paths = ["folder", "open/x.pid", "link", "text"].map(|name| c(place.path(name)));
    let failing = if lacks_root() { &paths[2..] } else { &paths[..] };
    let verdict = in_a_child(|| {
        let before = open_descriptors();
        let have_failed = failing.iter().all(|path| PidFile::lock(path).is_err());
        i32::from(!have_failed) | i32::from(open_descriptors() != before) << 1
    });
    assert_eq!(verdict, 0);
    place.assert_left(&["folder", "link", "open", "text"]);
}

#[test]
fn a_pidfile_that_was_made_in_vain_is_removed() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let verdict = in_a_child(|| {
        // No number from 10 on is to be had.
        let limit = libc::rlimit { rlim_cur: 10, rlim_max: 10 };
        // SAFETY: reads one struct; what others have open in this copy of the tests is not used any more.
        if unsafe {
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) != 0 || dmz::close_descriptors(&[]).is_err()
        } {
            return 1;
        }
        match PidFile::lock(&path) {
            Err(error) if error.errno() == Some(libc::EMFILE) => 0,
            Err(_) => 2,
            Ok(_) => 3,
        }
    });
    assert_eq!(verdict, 0);
    place.assert_left(&[]);
}

#[test]
fn a_number_that_no_descriptor_has_cannot_be_kept() {
    for number in [u32::MAX, i32::MAX as u32] {
        let verdict = in_a_child(|| {
            // SAFETY: alarm takes an integer; what others have open in this copy of the tests is not used any more.
            let error = unsafe {
                libc::alarm(20);
                dmz::close_descriptors(&[number])
            };
            let is_said = error.is_err_and(|error| error.errno() == Some(libc::EBADF));
            // SAFETY: fcntl with integers.
            i32::from(!is_said) | i32::from(unsafe { libc::fcntl(2, libc::F_GETFD) } == -1) << 1
        });
        assert_eq!(verdict, 0, "{number}");
    }
}

#[test]
fn everybody_may_read_a_pidfile_whatever_the_mask() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    let verdict = in_a_child(|| {
        // SAFETY: umask takes an integer; all zeros are a stat, which is filled.
        unsafe {
            libc::umask(0o077);
            let Ok(_pidfile) = PidFile::lock(&path) else { return 1 };
            let mut stat: libc::stat = std::mem::zeroed();
            libc::stat(path.as_ptr(), &raw mut stat);
            i32::from(stat.st_mode & 0o777 != 0o644) * 2
        }
    });
    assert_eq!(verdict, 0);
}

#[test]
fn who_is_not_root_holds_a_pidfile_as_well() {
    let place = Place::new();
    let folder = place.path("own");
    fs::create_dir(&folder).unwrap();
    let is_root = !lacks_root();
    if is_root {
        std::os::unix::fs::chown(&folder, Some(65534), Some(65534)).unwrap();
    }
    // Whom a folder of its own lets in is its own affair.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o775)).unwrap();
    let path = c(place.path("own/x.pid"));
    let verdict = in_a_child(|| {
        // SAFETY: integers, and no groups.
        unsafe {
            if is_root && (libc::setgroups(0, std::ptr::null()) | libc::setgid(65534) | libc::setuid(65534)) != 0 {
                return 1;
            }
        }
        let is_own = |path| {
            let Ok(_pidfile) = PidFile::lock(path) else { return false };
            let own = std::process::id() as i32;
            dmz::status(path) == Ok(Status::Running { owner: own, program: own })
        };
        let is_new = is_own(&path);
        // And one that is there.
        // SAFETY: a path and integers.
        unsafe { libc::close(libc::creat(path.as_ptr(), 0o644)) };
        (i32::from(!is_new) * 2) | (i32::from(!is_own(&path)) * 4)
    });
    assert_eq!(verdict, 0);
    place.assert_left(&["own"]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

fn parent() -> i32 {
    // SAFETY: no preconditions.
    unsafe { libc::getppid() }
}

#[test]
fn signals_go_to_the_owner_of_the_lock_alone() {
    let place = Place::new();
    let path = c(place.path("x.pid"));
    assert_eq!(dmz::signal(&path, 15), Ok(Status::NotRunning));
    let daemon = place.own(Process(Daemon::new().pid_file(&path).spawn(&SLEEP).unwrap()));
    assert!(matches!(dmz::signal(&path, 0), Ok(Status::Running { .. })));
    assert!(daemon.is_alive());
    assert!(matches!(dmz::signal(&path, 15), Ok(Status::Running { .. })));
    daemon.wait();
    assert_eq!(dmz::signal(&path, 15), Ok(Status::Dead));
    assert_eq!(dmz::stop(&path, 1), Ok(Status::NotRunning));
    place.assert_left(&[]);
}

#[test]
fn a_program_without_std_and_main_detaches_itself_and_is_small() {
    if skipped(cfg!(target_arch = "x86_64"), "the bare example is written for x86-64") {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bare");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "--quiet", "--release"]).current_dir(&folder).env_remove("CARGO_TARGET_DIR");
    assert!(build.status().unwrap().success());
    let program = folder.join("target/release/bare");
    assert!(fs::metadata(&program).unwrap().len() <= 4096);
    let place = Place::new();
    assert_eq!(Outcome::of(&mut place.command(program)).code, 0);
    let there = place.processes();
    let [daemon] = there[..] else { panic!("{there:?}") };
    let null: PathBuf = "/dev/null".into();
    assert_eq!(daemon.descriptors().into_values().collect::<Vec<_>>(), [null.clone(), null.clone(), null]);
    assert_eq!((daemon.stat(7), daemon.link("cwd")), (0, "/".into()));
}
