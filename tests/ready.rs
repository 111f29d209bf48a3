//! Readiness, `--ready`: dmz returns 0 when the program works and not before; else everything is taken down. What a program
//! may say, and what nobody may; and what dmz in its turn reports to its own service manager.

#[path = "support/actor.rs"]
mod actor;
mod support;

use actor::*;
use libc::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM};
use std::ffi::OsString;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use support::*;

/// The ways to be ready that take something of the program, and the steps by which it does so.
const WAYS: [(&str, &[&str]); 3] = [
    ("fd:3", &["write:3:\\n"]),
    ("notify", &["send:READY=1"]),
    // Its first process ends, the child is the daemon.
    ("exit", &["leave-child", "exit:0"]),
];

/// The same without a program that leaves by itself.
const SAYING: [(&str, &[&str]); 2] = [WAYS[0], WAYS[1]];

/// A program of these steps; `@/` is the place's folder.
fn program(place: &Place, steps: &[&str]) -> Vec<OsString> {
    let folder = format!("{}/", place.folder.display());
    let steps: Vec<String> = steps.iter().map(|step| step.replace("@/", &folder)).collect();
    act(&steps.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Starts a program that is to be ready in this way, and takes these steps.
fn start(place: &Place, way: &str, options: &[&str], steps: &[&str]) -> Call {
    call(&mut place.dmz(words(&[&["-p", "x.pid", "--ready", way], options].concat(), &program(place, steps))))
}

/// The same, up to the point where it only waits for a file `go`, and so dmz has to wait as well.
fn start_until(place: &Place, way: &str, options: &[&str], first: &[&str], then: &[&str]) -> Call {
    let steps = [first, &["mark:@/there", "await:@/go"], then, &["pause"]].concat();
    let mut call = start(place, way, options, &steps);
    until(&format!("the program, {way} {options:?}"), || {
        let ended = call.child.try_wait().unwrap();
        assert!(ended.is_none(), "{way} {options:?}: {ended:?}");
        place.path("there").exists().then_some(())
    });
    call.assert_waits();
    call
}

fn go(place: &Place) {
    place.file("go", "");
}

/// Asserts success without a word.
#[track_caller]
fn assert_ready(call: Call) {
    let outcome = call.outcome();
    assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (0, "", ""));
}

/// Asserts a start that failed in this way: one line, nothing left but these files.
#[track_caller]
fn assert_nothing_left(place: &Place, outcome: Outcome, code: i32, names: &[&str]) {
    assert_eq!((outcome.code, &*outcome.stdout), (code, ""), "{outcome:?}");
    let line = outcome.stderr.strip_suffix('\n').unwrap_or("");
    assert!(line.starts_with("dmz: ") && !line.contains('\n'), "{outcome:?}");
    place.assert_left(names);
}

/// Asserts that a program that takes these steps and then ends is not ready.
#[track_caller]
fn assert_not_ready(way: &str, steps: &[&str]) {
    let place = Place::new();
    let outcome = start(&place, way, &[], steps).outcome();
    assert_eq!(outcome.code, 122, "{way} {steps:?}: {outcome:?}");
    assert_nothing_left(&place, outcome, 122, &[]);
}

/// Asserts that what it does first does not make a program ready, and that it can still be ready afterwards.
#[track_caller]
fn assert_ready_only_after(way: &str, first: &[&str], then: &[&str]) {
    let place = Place::new();
    let call = start_until(&place, way, &[], first, then);
    go(&place);
    assert_ready(call);
    let daemon = number(place.path("x.pid"));
    assert!(daemon.is_alive(), "{way} {first:?}");
}

/// The address at which a program is to report.
fn notify_socket(program: Process) -> Option<String> {
    let environment = program.environment();
    environment.iter().find_map(|word| Some(word.to_str()?.strip_prefix("NOTIFY_SOCKET=")?.to_owned()))
}

/// This test program, where another user can execute it.
fn copy_for_others(place: &Place) -> PathBuf {
    let copy = place.path("actor");
    let binary = std::env::current_exe().unwrap();
    assert!(place.command("cp").arg(binary).arg(&copy).status().unwrap().success());
    copy
}

// When it is ready.

#[test]
fn dmz_returns_when_the_program_is_ready_and_not_before() {
    for (way, ready) in WAYS {
        for options in [[].as_slice(), &["-S"]] {
            let place = Place::new();
            let call = start_until(&place, way, options, &[], ready);
            go(&place);
            assert_ready(call);
            let daemon = number(place.path("x.pid"));
            assert!(daemon.is_alive(), "{way} {options:?}");
            let owner = lock_owner(place.path("x.pid")).unwrap();
            assert_eq!(owner != daemon, way == "exit" || options == ["-S"], "{way} {options:?}");
        }
    }
}

#[test]
fn the_number_that_is_printed_is_the_daemons() {
    for (way, ready) in WAYS {
        let place = Place::new();
        let outcome = start(&place, way, &["-P"], &[ready, &["pause"]].concat()).outcome();
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{way}");
        assert_eq!(outcome.stdout, fs::read_to_string(place.path("x.pid")).unwrap(), "{way}");
        assert!(number(place.path("x.pid")).is_alive());
    }
}

#[test]
fn exec_is_what_a_start_means_anyway() {
    let place = Place::new();
    let program = place.start(words(&["-p", "x.pid", "--ready", "exec"], &sleep()));
    assert_pidfile(place.path("x.pid"), program);
    assert_eq!(notify_socket(program), None);
    let place = Place::new();
    let outcome = finish(&place, &["-p", "x.pid", "--ready=exec"], &["/nowhere/program".into()]);
    assert_nothing_left(&place, outcome, 127, &[]);
}

#[test]
fn without_a_monitor_a_program_that_is_ready_is_a_daemon_like_any_other() {
    for (way, ready) in SAYING {
        let place = Place::new();
        assert_ready(start(&place, way, &[], &[ready, &["pause"]].concat()));
        let daemon = number(place.path("x.pid"));
        assert_pidfile(place.path("x.pid"), daemon);
        assert_eq!(place.processes(), [daemon], "{way}: nothing else stays");
        assert_ne!(daemon.stat(6), i64::from(daemon.0), "{way}: it does not lead its session");
        for set in ["SigBlk", "SigIgn", "SigCgt"] {
            // The runtime of these programs ignores SIGPIPE and catches faults; what counts is that dmz adds nothing.
            assert_eq!(daemon.signals(set) & (1 << (SIGTERM - 1)), 0, "{way} {set}");
        }
    }
}

#[test]
fn with_wait_the_status_of_a_program_that_was_ready_is_passed_on() {
    for (way, ready) in SAYING {
        let place = Place::new();
        let outcome = start(&place, way, &["-w"], &[ready, &["exit:7"]].concat()).outcome();
        assert_eq!((outcome.code, &*outcome.stderr), (7, ""), "{way}");
        let place = Place::new();
        let outcome = start(&place, way, &["-w"], &["exit:7"]).outcome();
        assert_nothing_left(&place, outcome, 122, &[]);
    }
}

#[test]
fn a_program_that_is_ready_and_ends_at_once_was_ready() {
    for (way, ready) in SAYING {
        for options in [[].as_slice(), &["-S"], &["-I"], &["-w"]] {
            for _ in 0..10 {
                let place = Place::new();
                let outcome = start(&place, way, options, ready).outcome();
                assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{way} {options:?}");
            }
        }
    }
}

#[test]
fn what_the_program_says_does_not_come_back_as_a_signal() {
    for (way, steps) in [
        ("fd:3", ["write:3:x", "write:3:y", "write:3:\\n"].as_slice()),
        ("notify", &["send:X=1", "barrier", "send:READY=1", "tell:STATUS=x", "tell:STATUS=y"]),
    ] {
        for _ in 0..10 {
            let place = Place::new();
            let heard = place.path("heard");
            let options = ["-S", "-o", heard.to_str().unwrap()];
            assert_ready(start(&place, way, &options, &[&["deaf"], steps, &["listen"]].concat()));
            until_lines(&heard, 1);
            assert_eq!(place.run(["-s", "USR1", "-p", "x.pid"]).code, 0);
            until_lines(&heard, 2);
            assert_eq!(lines(&heard), ["ready", &libc::SIGUSR1.to_string()], "{way}");
        }
    }
}

#[test]
fn an_init_takes_a_program_that_is_not_ready_in_time_down() {
    for (way, ready) in SAYING {
        let place = Place::new();
        let outcome = start(&place, way, &["-I", "-t", "1"], &["pause"]).outcome();
        assert_nothing_left(&place, outcome, 124, &[]);
        let place = Place::new();
        let mut init = start_until(&place, way, &["-I", "-t", "20"], ready, &["exit:7"]);
        init.assert_waits();
        go(&place);
        assert_eq!(init.outcome().code, 7, "{way}");
    }
}

#[test]
fn readiness_gates_the_first_run_only() {
    let place = Place::new();
    let text = "echo >>runs; if [ $(wc -l <runs) = 1 ]; then echo >&3; fi; exec sleep 100";
    let options = ["-S", "-r", "--restart-delay=0", "-c", ".", "-p", "x.pid", "--ready=fd:3", "-t", "10"];
    let outcome = finish(&place, &options, &sh(text));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    place.own(lock_owner(place.path("x.pid")).unwrap());
    let first = number(place.path("x.pid"));
    first.signal(SIGKILL);
    until("another program", || {
        let text = fs::read_to_string(place.path("x.pid")).ok()?;
        let pid = Process(text.trim_end().parse().ok()?);
        (pid != first && pid.is_alive()).then_some(())
    });
    // A first run that is not ready is not tried again.
    let place = Place::new();
    let outcome = start(&place, "fd:3", &["-S", "-r", "--restart-delay=0"], &["exit:1"]).outcome();
    assert_nothing_left(&place, outcome, 122, &[]);
}

// When it is not.

#[test]
fn a_program_that_ends_before_it_is_ready_is_122_and_nothing_is_left() {
    for (way, _) in WAYS {
        for last in ["exit:0", "exit:3", &format!("die:{SIGKILL}"), &format!("die:{SIGTERM}")] {
            // An escaped child is taken down as well; for `exit` it would be the daemon if the end were a good one.
            let child: &[&str] = if way == "exit" && last == "exit:0" { &[] } else { &["leave-child"] };
            for options in [[].as_slice(), &["-S"]] {
                let place = Place::new();
                let outcome = start(&place, way, options, &[child, &[last]].concat()).outcome();
                assert_eq!(outcome.code, 122, "{way} {last} {options:?}: {outcome:?}");
                assert_nothing_left(&place, outcome, 122, &[]);
            }
        }
    }
}

#[test]
fn even_what_has_left_the_session_is_taken_down() {
    let cases =
        [("fd:3", 122, "exit:0"), ("notify", 122, "die:9"), ("fd:3", 124, "pause"), ("notify", 128 + SIGTERM, "pause")];
    at_once(cases.iter().flat_map(|case| [(case, ""), (case, "-S")]), |((way, code, last), monitor)| {
        let place = Place::new();
        let options = [if monitor.is_empty() { "-q" } else { monitor }, "-t", if *code == 124 { "1" } else { "20" }];
        let launcher = start(&place, way, &options, &["escape", "mark:@/there", last]);
        until_there(place.path("there"));
        if *code > 128 {
            launcher.process().signal(SIGTERM);
        }
        let outcome = launcher.outcome();
        assert_eq!(outcome.code, *code, "{way} {options:?} {last}: {outcome:?}");
        place.assert_left(&["there"]);
    });
}

#[test]
fn children_that_the_launcher_already_had_are_spared() {
    for (way, _) in SAYING {
        for options in [[].as_slice(), &["-S"]] {
            let place = Place::new();
            // One in the caller's session, one in its own, both the children of what then is dmz.
            let text = "sleep 100 & echo $! >one; setsid sleep 100 & echo $! >two; exec \"$@\"";
            let mut command = place.command("/bin/sh");
            command.args(["-c", text, "sh"]).arg(dmz()).args(["-p", "x.pid", "--ready", way]).args(options);
            assert_eq!(call(command.args(["--", "/bin/true"])).outcome().code, 122);
            for file in ["one", "two"] {
                assert!(number(place.path(file)).is_alive(), "{way} {options:?}: {file}");
            }
            assert!(!place.path("x.pid").exists());
        }
    }
}

#[test]
fn an_older_pidfile_of_a_start_that_was_not_ready_is_left_empty() {
    for options in [[].as_slice(), &["-S"]] {
        let place = Place::new();
        place.file("x.pid", "4194304\n");
        let outcome = start(&place, "fd:3", options, &["exit:0"]).outcome();
        assert_nothing_left(&place, outcome, 122, &["x.pid"]);
        assert_eq!(fs::read(place.path("x.pid")).unwrap(), b"");
    }
}

#[test]
fn at_the_timeout_the_tree_is_stopped_even_if_it_does_not_listen() {
    let (alone, monitored): (&[&str], &[&str]) = (&["-t", "1"], &["-t1", "-S", "--stop-timeout=1"]);
    let cases = SAYING.map(|(way, _)| (way, alone)).into_iter().chain(WAYS.map(|(way, _)| (way, monitored)));
    at_once(cases, |(way, options)| {
        let place = Place::new();
        // The mask is inherited: the child does not listen either.
        let outcome = start(&place, way, options, &["deaf", "leave-child", "pause"]).outcome();
        assert_eq!(outcome.code, 124, "{way} {options:?}: {outcome:?}");
        assert_nothing_left(&place, outcome, 124, &[]);
    });
}

#[test]
fn an_init_that_is_told_to_end_while_it_waits_dies_of_that_signal() {
    for (way, _) in WAYS {
        for number in [SIGTERM, SIGINT] {
            let place = Place::new();
            let steps = program(&place, &["mark:@/there", "pause"]);
            let mut command = place.dmz(words(&["-I", "-p", "x.pid", "--ready", way], &steps));
            let init = call(ignoring(&mut command, &[number], false));
            until_there(place.path("there"));
            init.process().signal(number);
            let outcome = init.outcome();
            assert_eq!((outcome.code, &*outcome.stderr), (128 + number, ""), "{way}");
            place.assert_left(&["there"]);
        }
    }
}

#[test]
fn a_signal_to_the_launcher_takes_everything_down_and_it_dies_of_that_signal() {
    for (way, _) in WAYS {
        for options in [[].as_slice(), &["-S"]] {
            for number in [SIGTERM, SIGINT, SIGHUP, SIGQUIT] {
                let place = Place::new();
                let mut command = place.dmz(words(
                    &[&["-p", "x.pid", "--ready", way], options].concat(),
                    &program(&place, &["leave-child", "mark:@/there", "pause"]),
                ));
                before(&mut command, move || {
                    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                    // SAFETY: an integer, and the kernel reads one rlimit: SIGQUIT shall leave no core file.
                    done(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) })
                });
                let launcher = call(ignoring(&mut command, &[number], false));
                until_there(place.path("there"));
                launcher.process().signal(number);
                let outcome = launcher.outcome();
                assert_eq!(outcome.code, 128 + number, "{way} {options:?}: {outcome:?}");
                place.assert_left(&["there"]);
            }
        }
    }
}

#[test]
fn without_its_launcher_a_start_completes() {
    for (way, ready) in SAYING {
        for options in [[].as_slice(), &["-S"]] {
            let place = Place::new();
            let path = place.path("x.pid");
            let launcher = start_until(&place, way, options, &[], &[ready, &["mark:@/said"]].concat());
            launcher.process().signal(SIGKILL);
            launcher.outcome();
            let daemon = number(&path);
            assert!(daemon.is_alive() && lock_owner(&path).is_some(), "{way} {options:?}");
            go(&place);
            if options.is_empty() {
                // Nobody hears what it says, of which this program dies. There is nobody to remove the file, either: it
                // is not locked.
                until("its end", || (!daemon.is_alive() && lock_owner(&path).is_none()).then_some(()));
                assert!(!place.path("said").exists() && place.processes().is_empty(), "{way}");
            } else {
                until("what it says", || place.path("said").exists().then_some(()));
                assert!(daemon.is_alive() && number(&path) == daemon && lock_owner(&path).is_some(), "{way}");
            }
        }
    }
}

#[test]
fn a_second_start_while_the_first_one_waits_is_123() {
    for (way, ready) in WAYS {
        let place = Place::new();
        let first = start_until(&place, way, &[], &[], ready);
        let second = start(&place, way, &[], ready).outcome();
        assert_eq!(second.code, 123, "{way}: {second:?}");
        go(&place);
        assert_ready(first);
        assert!(number(place.path("x.pid")).is_alive());
    }
}

// By a descriptor.

#[test]
fn only_a_newline_counts_whatever_comes_before_it() {
    assert_ready_only_after("fd:3", &["write:3:almost", "write:3: ready\\0"], &["write:3: now\\nand more"]);
    assert_not_ready("fd:3", &["write:3:almost"]);
}

#[test]
fn much_before_the_newline_is_no_obstacle() {
    let long = "x".repeat(60_000);
    let write = format!("write:3:{long}");
    // More than a pipe holds.
    assert_ready_only_after("fd:3", &[&write, &write, &write], &["write:3:\\n"]);
}

#[test]
fn an_end_of_file_before_the_newline_is_122_though_the_program_lives() {
    for options in [[].as_slice(), &["-S"]] {
        let place = Place::new();
        let outcome = start(&place, "fd:3", options, &["close:3", "pause"]).outcome();
        assert_nothing_left(&place, outcome, 122, &[]);
    }
}

#[test]
fn a_child_with_the_descriptor_does_not_keep_a_start_waiting_when_the_program_has_ended() {
    assert_not_ready("fd:3", &["leave-child", "exit:0"]);
}

#[test]
fn the_program_finds_the_pipe_on_the_number_and_nothing_else() {
    for number in [3, 9, 10, 11, 100, 500] {
        for options in [[].as_slice(), &["-S"]] {
            let place = Place::new();
            let way = format!("fd:{number}");
            let ready = format!("write:{number}:\\n");
            let call = start_until(&place, &way, options, &["own:@/pid"], &[&ready]);
            let program = self::number(place.path("pid"));
            let locked = program.locked_descriptors();
            assert!(locked.iter().all(|lock| *lock >= 10 && *lock > number), "{way}: {locked:?}");
            let mut open = program.descriptors();
            open.retain(|fd, _| !locked.contains(fd));
            assert_eq!(open.keys().copied().collect::<Vec<_>>(), [0, 1, 2, number], "{way} {options:?}: {open:?}");
            assert!(open[&number].to_str().unwrap().starts_with("pipe:"), "{open:?}");
            assert_eq!(program.descriptor_flags(number) & (libc::O_ACCMODE | libc::O_NONBLOCK), libc::O_WRONLY);
            assert_eq!(notify_socket(program), None);
            go(&place);
            assert_ready(call);
        }
    }
}

#[test]
fn a_number_that_no_descriptor_can_have_is_one_line_and_125() {
    let place = Place::new();
    let mut command = place.dmz(words(&["-p", "x.pid", "--ready=fd:900"], &sleep()));
    before(&mut command, || {
        let few = libc::rlimit { rlim_cur: 100, rlim_max: 100 };
        // SAFETY: the kernel reads one rlimit.
        done(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const few) })
    });
    let outcome = call(&mut command).outcome();
    assert!(outcome.stderr.contains("dmz: cannot "), "{outcome:?}");
    assert_nothing_left(&place, outcome, 125, &[]);
}

// By messages.

#[test]
fn the_program_is_told_where_to_and_the_callers_address_is_not_passed_on() {
    let place = Place::new();
    let receiver = Receiver::new(&place, false);
    let mut launcher = reporting(
        &place,
        &receiver,
        &["-p", "x.pid", "--ready=notify"],
        &program(&place, &["own:@/pid", "mark:@/there", "await:@/go", "send:READY=1", "pause"]),
    );
    until_there(place.path("there"));
    let told = notify_socket(number(place.path("pid"))).expect("NOTIFY_SOCKET");
    assert!(told != receiver.name && told.starts_with(['@', '/']), "{told}");
    assert!(receiver.try_next().is_none(), "nothing is said before it is ready");
    go(&place);
    let (outcome, said) = receive(&receiver, &mut launcher);
    assert_eq!(outcome, 0);
    assert!(said.contains(&"READY=1".into()), "{said:?}");
}

#[test]
fn one_of_which_the_variables_named_dmz_is_told_where_to_as_well() {
    let line = "LISTEN_PID=$$ WATCHDOG_PID=$$ exec \"$0\" \"$@\"";
    for with in [&[][..], &["-S"], &["-r"]] {
        let place = Place::new();
        let program = program(&place, &["send:READY=1", "pause"]);
        let mut command = place.command("/bin/sh");
        command.args(["-c", line]).arg(dmz()).args(["-p", "x.pid", "-t", "20", "--ready=notify"]).args(with);
        assert_ready(call(command.arg("--").args(program)));
        let program = number(place.path("x.pid"));
        assert!(program.environment().iter().any(|word| *word == *format!("LISTEN_PID={}", program.0)), "{with:?}");
    }
}

#[test]
fn a_clean_environment_has_the_address_as_well() {
    let place = Place::new();
    assert_ready(start(&place, "notify", &["--clear-env"], &["send:READY=1", "pause"]));
    place.own(number(place.path("x.pid")));
}

#[test]
fn ready_is_a_whole_line_among_others() {
    for text in
        ["READY=1", "READY=1\\n", "STATUS=working\\nREADY=1", "READY=1\\nSTATUS=x\\n", "X=\\n\\nREADY=1", "READY=1\\0"]
    {
        let place = Place::new();
        let send = format!("send:{text}");
        let outcome = start(&place, "notify", &[], &[&send, "pause"]).outcome();
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{text}");
    }
}

#[test]
fn what_only_looks_like_it_is_not_ready() {
    for text in [
        "",
        "\\n",
        "READY",
        "READY=",
        "READY=0",
        "READY=10",
        "READY=1x",
        "READY=1 ",
        "XREADY=1",
        " READY=1",
        "ready=1",
        "STATUS=READY=1",
        "READY=1\\0\\nX=1",
        "X=1\\0\\nREADY=1",
        "\\0READY=1",
        "=1",
        "STOPPING=1",
        "RELOADING=1",
    ] {
        let send = format!("send:{text}");
        assert_not_ready("notify", &[&send]);
    }
}

#[test]
fn a_message_that_is_too_long_does_not_count_and_does_no_harm() {
    for length in ["5000", "60000"] {
        let long = format!("long:{length}");
        assert_not_ready("notify", &[&long]);
        assert_ready_only_after("notify", &[&long, "barrier"], &["send:READY=1"]);
        // Also if both are there at one look.
        for options in [[].as_slice(), &["-S"]] {
            assert_ready(start(&Place::new(), "notify", options, &[&long, "send:READY=1", "pause"]));
        }
    }
}

#[test]
fn bad_messages_are_nothing_to_worry_about() {
    let bad = ["send:", "send:\\0", "send:READY=1\\0\\nREADY=1", "send:MAINPID=x\\nEXTEND_TIMEOUT_USEC=y", "barrier"];
    assert_ready_only_after("notify", &bad, &["send:READY=1"]);
}

#[test]
fn a_barrier_is_answered_before_and_after() {
    for options in [[].as_slice(), &["-S"]] {
        let place = Place::new();
        let steps = ["barrier", "barrier", "send:READY=1", "last-barrier", "mark:@/there", "pause"];
        assert_ready(start(&place, "notify", options, &steps));
        until_there(place.path("there"));
    }
}

#[test]
fn a_barrier_right_behind_is_answered() {
    let refused = (0..20).filter(|round| {
        let place = Place::new();
        let options: &[&str] = if round % 2 == 0 { &[] } else { &["-S"] };
        let marks = ["mark:@/1", "mark:@/2", "mark:@/3", "mark:@/4"];
        let steps = [&["send:READY=1"][..], &marks, &["barrier", "mark:@/answered", "pause"]].concat();
        assert_ready(start(&place, "notify", options, &steps));
        let answered = || place.path("answered").exists();
        until("an answer, or an end", || (answered() || place.processes().is_empty()).then_some(()));
        !answered()
    });
    // What the program does in between may take longer on a busy machine.
    assert!(refused.count() <= 5);
}

#[test]
fn an_end_after_the_exec_is_the_programs_own() {
    let place = Place::new();
    for way in [&[][..], &["--single-fork"]] {
        for status in [0, 3] {
            let text = format!("exit {status}");
            let start = |wait: &[&str]| {
                Outcome::of(place.dmz(wait).args(way).args(["--ready=exec", "--", "/bin/sh", "-c", &text]))
            };
            assert_eq!((start(&[]).code, start(&["-w"]).code), (0, status), "{way:?}");
        }
    }
}

#[test]
fn descriptors_that_are_sent_are_closed() {
    assert_ready_only_after("notify", &["barriers:100", "barriers:253", "barriers:2"], &["send:READY=1"]);
    // Those that come with a monitor's messages are not kept for its life.
    let place = Place::new();
    let call = start_until(&place, "notify", &["-S"], &["barriers:253"], &["send:READY=1"]);
    go(&place);
    assert_ready(call);
    let monitor = place.own(lock_owner(place.path("x.pid")).unwrap());
    assert!(monitor.descriptors().len() <= 7, "{:?}", monitor.descriptors());
}

#[test]
fn a_flood_is_read_to_its_end() {
    assert_ready_only_after("notify", &["flood:20000"], &["flood:1000", "send:READY=1"]);
}

#[test]
fn a_flood_does_not_hold_up_the_timeout() {
    let place = Place::new();
    let outcome = start(&place, "notify", &["-t", "1"], &["flood-on"]).outcome();
    assert_nothing_left(&place, outcome, 124, &[]);
}

#[test]
fn a_flood_that_is_faster_than_its_reader_does_not_either() {
    if lacks_root() {
        return;
    }
    // On the same processor, of which the program gets as much as it wants.
    for (way, steps) in [("notify", &act(&["flood-on"])), ("fd:3", &sh("exec cat /dev/zero >&3"))] {
        for options in [[].as_slice(), &["-S"]] {
            let place = Place::new();
            let options = [&["-p", "x.pid", "--ready", way, "-t", "1", "--sched=fifo:10"], options].concat();
            let mut command = place.dmz(words(&options, steps));
            before(&mut command, || {
                // Before it goes on for ever the kernel ends it.
                let limit = libc::rlimit { rlim_cur: 5, rlim_max: 5 };
                // SAFETY: all zeros are a set; the kernel reads that and one rlimit; the number is within the set.
                unsafe {
                    let mut this: libc::cpu_set_t = std::mem::zeroed();
                    libc::CPU_SET(libc::sched_getcpu() as usize, &mut this);
                    done(libc::sched_setaffinity(0, size_of_val(&this), &raw const this))?;
                    done(libc::setrlimit(libc::RLIMIT_CPU, &raw const limit))
                }
            });
            let outcome = call(&mut command).outcome();
            assert_eq!(outcome.code, 124, "{way} {options:?}: {outcome:?}");
            assert_eq!(place.processes(), [], "{way} {options:?}");
        }
    }
}

#[test]
fn a_flood_does_not_hold_up_a_signal() {
    let place = Place::new();
    let launcher = start(&place, "notify", &[], &["mark:@/there", "flood-on"]);
    until_there(place.path("there"));
    launcher.process().signal(SIGTERM);
    assert_eq!(launcher.outcome().code, 128 + SIGTERM);
    place.assert_left(&["there"]);
}

#[test]
fn a_stranger_cannot_say_it() {
    assert_deaf_to_strangers();
}

#[test]
fn nobody_of_a_session_that_cannot_be_seen_can_say_it() {
    // Where the test is PID 1 of a namespace its session has no number, as in a container that was entered from outside.
    if is_nested("nobody_of_a_session_that_cannot_be_seen_can_say_it") {
        // SAFETY: getsid takes an integer.
        assert_eq!(unsafe { libc::getsid(0) }, 0);
        assert_deaf_to_strangers();
    }
}

fn assert_deaf_to_strangers() {
    let place = Place::new();
    let mut call = start_until(&place, "notify", &["-t", "20"], &["own:@/pid"], &["barrier", "send:READY=1"]);
    let to = address(&notify_socket(number(place.path("pid"))).unwrap());
    let socket = UnixDatagram::unbound().unwrap();
    for text in ["READY=1", "MAINPID=1\nREADY=1", "EXTEND_TIMEOUT_USEC=1", "READY=1\n"] {
        // Refused at once, or taken and not believed.
        let _ = socket.send_to_addr(text.as_bytes(), &to);
    }
    call.assert_waits();
    go(&place);
    assert_ready(call);
}

#[test]
fn another_user_cannot_say_it() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let mut launcher = start_until(&place, "notify", &[], &["own:@/pid"], &["barrier", "send:READY=1"]);
    let told = notify_socket(number(place.path("pid"))).unwrap();
    let mut command = place.command(copy_for_others(&place));
    command.args(["--act", "send:READY=1"]).env("NOTIFY_SOCKET", told).uid(65534).gid(65534);
    let _ = call(&mut command).outcome();
    launcher.assert_waits();
    go(&place);
    assert_ready(launcher);
}

#[test]
fn a_program_of_another_user_can_say_it() {
    if lacks_root() {
        return;
    }
    let place = Place::new();
    let copy = copy_for_others(&place).into_os_string();
    let program: Vec<OsString> = [copy, "--act".into(), "barrier".into(), "send:READY=1".into(), "pause".into()].into();
    let outcome = finish(&place, &["-u", "65534:65534", "-p", "x.pid", "--ready=notify"], &program);
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
    assert!(number(place.path("x.pid")).status("Uid").unwrap().starts_with("65534"));
}

#[test]
fn more_time_can_be_asked_for() {
    let place = Place::new();
    let first = ["send:EXTEND_TIMEOUT_USEC=30000000"];
    let begin = Instant::now();
    let mut call = start_until(&place, "notify", &["-t", "1"], &first, &["send:READY=1"]);
    until("more than the timeout", || (begin.elapsed() > Duration::from_millis(1500)).then_some(()));
    call.assert_waits();
    go(&place);
    assert_ready(call);
}

#[test]
fn time_that_was_asked_for_ends_too() {
    let place = Place::new();
    let begin = Instant::now();
    let outcome = start(&place, "notify", &["-t", "1"], &["send:EXTEND_TIMEOUT_USEC=2000000", "pause"]).outcome();
    assert!(begin.elapsed() >= Duration::from_secs(2));
    assert_nothing_left(&place, outcome, 124, &[]);
}

#[test]
fn less_time_cannot_be_asked_for_and_nonsense_is_ignored() {
    for text in ["1", "0", "18446744073709551615", "99999999999999999999999", "-1", "x", ""] {
        let extend = format!("send:EXTEND_TIMEOUT_USEC={text}");
        let place = Place::new();
        let call = start_until(&place, "notify", &["-t", "20"], &[&extend, "barrier"], &["send:READY=1"]);
        go(&place);
        assert_ready(call);
    }
}

#[test]
fn a_main_process_that_is_none_of_ours_is_not_believed() {
    for number in ["1", "0", "-1", "99999999999", "x", &std::process::id().to_string()] {
        let place = Place::new();
        let send = format!("send:MAINPID={number}\\nREADY=1");
        let call = start(&place, "notify", &["-S"], &["own:@/pid", &send, "pause"]);
        assert_ready(call);
        assert_eq!(self::number(place.path("x.pid")), self::number(place.path("pid")), "{number}");
    }
}

#[test]
fn the_programs_own_number_as_main_process_changes_nothing() {
    for options in [[].as_slice(), &["-S"]] {
        let place = Place::new();
        assert_ready(start(&place, "notify", options, &["own:@/pid", "send-own:MAINPID=OWN\\nREADY=1", "pause"]));
        assert_eq!(number(place.path("x.pid")), number(place.path("pid")));
    }
}

#[test]
fn a_program_can_name_its_child_as_the_main_process_and_end() {
    let place = Place::new();
    let steps = ["leave-child:@/pid", "await:@/pid", "send-main:@/pid", "last-barrier", "exit:0"];
    assert_ready(start(&place, "notify", &["-S"], &steps));
    let (monitor, daemon) = (place.own(lock_owner(place.path("x.pid")).unwrap()), number(place.path("pid")));
    // Proved, and so believed, when the first process has ended.
    until("the monitor as its parent", || (daemon.stat(4) == i64::from(monitor.0)).then_some(()));
    until("its number", || (lines(place.path("x.pid")) == [daemon.0.to_string()]).then_some(()));
    assert_eq!(place.run(["-K", "-p", "x.pid"]).code, 0);
    assert!(!daemon.is_alive() && !place.path("x.pid").exists());
}

#[test]
fn words_for_readiness_that_mean_nothing_are_usage_errors() {
    let place = Place::new();
    let program = ["/bin/sleep", "100"];
    for word in [
        "",
        "x",
        "fd",
        "fd:",
        "fd:x",
        "fd:-1",
        "fd: 3",
        "fd:3x",
        "fd:99999999999",
        "notify:",
        "notify:x",
        "exit:",
        "exec:",
        "Exec",
    ] {
        let outcome = place.run([&["--ready", word, "--"], program.as_slice()].concat());
        assert_eq!((outcome.code, outcome.stderr.lines().count()), (125, 1), "{word:?}: {outcome:?}");
        assert!(outcome.stderr.contains("dmz --help") && outcome.stderr.contains(word), "{outcome:?}");
    }
    for options in [
        "-f --ready exec",
        "-f --ready fd:3",
        "-t 1",
        "-t 1 -S",
        "--ready exec -t",
        "--ready fd:3 -t -1",
        "--ready fd:3 -t x",
        "-p x.pid --ready exit:x.pid",
        "--ready exit:x.pid -S -p x.pid",
        "--ready exit:x.lock -l x.lock",
        "--ready",
    ] {
        let outcome = place.run(options.split(' ').chain(["--"]).chain(program));
        assert_eq!((outcome.code, outcome.stderr.lines().count()), (125, 1), "{options}: {outcome:?}");
        assert!(outcome.stderr.contains("dmz --help"), "{outcome:?}");
    }
    place.assert_left(&[]);
}

// Programs that fork by themselves.

#[test]
fn the_one_process_that_is_left_is_the_daemon_under_the_monitor() {
    for text in [
        "sleep 100 &",
        "setsid sleep 100 & sleep 0.01",
        "(setsid sh -c 'sleep 100 & exit' & wait); exit 0",
        // Of two one goes, as the middle process of a double fork does, which may live a little longer than the first.
        "sleep 100 & sleep 0.1 & exit 0",
    ] {
        let place = Place::new();
        let outcome = finish(&place, &["-p", "x.pid", "--ready=exit"], &sh(text));
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{text}");
        let (monitor, daemon) = (place.own(lock_owner(place.path("x.pid")).unwrap()), number(place.path("x.pid")));
        until("the daemon's exec", || (daemon.arguments() == ["sleep", "100"]).then_some(()));
        assert_eq!(daemon.stat(4), i64::from(monitor.0), "{text}: the monitor is its parent");
        assert_ne!(monitor, daemon);
        daemon.signal(SIGKILL);
        monitor.wait();
        place.assert_left(&[]);
    }
}

#[test]
fn its_own_pidfile_says_which_of_several_is_the_daemon() {
    let place = Place::new();
    let steps = ["leave-child", "leave-child:@/own.pid", "leave-child", "await:@/own.pid", "exit:0"];
    let way = format!("exit:{}", place.path("own.pid").display());
    assert_ready(start(&place, &way, &[], &steps));
    let (monitor, daemon) = (place.own(lock_owner(place.path("x.pid")).unwrap()), number(place.path("x.pid")));
    assert_eq!(number(place.path("own.pid")), daemon);
    assert_eq!(daemon.stat(4), i64::from(monitor.0));
    // The daemon is the program: when it ends, so does everything.
    daemon.signal(SIGTERM);
    monitor.wait();
    until_nothing_runs(&place);
    assert!(!place.path("x.pid").exists());
}

#[test]
fn its_own_pidfile_is_what_the_caller_typed_and_may_be_a_little_late() {
    let place = Place::new();
    let text = "cd \"$1\"; sleep 100 & (sleep 0.1; sh -c 'echo $PPID' >new; mv new own.pid; sleep 100) & exit 0";
    let program: Vec<OsString> = sh(text).into_iter().chain(["sh".into(), place.folder.clone().into()]).collect();
    let outcome = finish(&place, &["-p", "x.pid", "--ready=exit:own.pid", "-t", "10"], &program);
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
    assert_eq!(number(place.path("x.pid")), number(place.path("own.pid")));
}

#[test]
fn the_middle_process_of_a_double_fork_is_not_the_daemon() {
    let taken = (0..10).filter(|_| {
        let place = Place::new();
        let program: Vec<_> = ["/bin/sh", "-c", "(sleep 100 & exit 0) & exit 0"].map(OsString::from).into();
        let outcome = finish(&place, &["-P", "-p", "x.pid", "--ready=exit", "-t", "20"], &program);
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
        // If it was, it is not for long.
        let daemon = until("the daemon", || {
            let daemon = Process(lines(place.path("x.pid")).first()?.parse().ok()?);
            (daemon.arguments() == ["sleep", "100"]).then_some(daemon)
        });
        outcome.stdout != format!("{}\n", daemon.0)
    });
    // On a busy machine it may live longer than is waited for it.
    assert!(taken.count() <= 2);
}

#[test]
fn a_file_that_dmz_itself_locks_is_not_read_as_the_programs_own() {
    for (option, way) in [("-l", "exit:./locked"), ("-l", "exit:link"), ("-p", "exit:link")] {
        let place = Place::new();
        std::os::unix::fs::symlink("locked", place.path("link")).unwrap();
        // To read it would drop the lock.
        let options = [option, "locked", "-t", "5", "--ready", way];
        let outcome = call(&mut place.dmz(words(&options, &program(&place, &["leave-child", "exit:0"])))).outcome();
        assert!(outcome.stderr.ends_with(": that is a lock\n"), "{outcome:?}");
        assert_nothing_left(&place, outcome, 125, if option == "-l" { &["link", "locked"] } else { &["link"] });
    }
}

#[test]
fn a_child_that_was_there_before_is_not_the_daemon() {
    let place = Place::new();
    let mut command = place.command("/bin/sh");
    command.args(["-c", "sleep 100 & exec \"$0\" -I --ready exit -- /bin/true"]).arg(dmz());
    let outcome = call(&mut command).outcome();
    assert_eq!(outcome.code, 122, "{outcome:?}");
}

#[test]
fn a_descriptor_to_be_kept_is_not_the_channels() {
    let place = Place::new();
    for number in ["10", "11", "12"] {
        for way in ["fd:5", "notify"] {
            let mut command = place.dmz(["--keep-fd", number, "--ready", way, "-t", "5", "--", "/bin/sleep", "100"]);
            // SAFETY: integers only.
            before(&mut command, || done(unsafe { libc::close_range(10, 12, 0) }));
            let outcome = call(&mut command).outcome();
            assert!(outcome.stderr.contains(number), "{outcome:?}");
            assert_nothing_left(&place, outcome, 125, &[]);
        }
    }
}

#[test]
fn who_may_not_be_killed_is_not_waited_for() {
    if lacks_root() || lacks("setpriv") {
        return;
    }
    let place = Place::new();
    let mut command = place.command("setpriv");
    command.args(["--bounding-set=-kill", "--inh-caps=-kill"]).arg(dmz());
    command.args(["-u", "65534:65534", "--ready", "fd:3", "-t", "1", "--", "/bin/sleep", "100"]);
    let outcome = call(&mut command).outcome();
    assert_eq!(outcome.code, 124, "{outcome:?}");
    place.processes().into_iter().for_each(Process::end);
}

#[test]
fn several_without_a_file_are_122() {
    assert_not_ready("exit", &["leave-child", "leave-child", "exit:0"]);
}

#[test]
fn a_file_that_names_nobody_of_ours_is_122_and_nobody_is_hit() {
    let mut bystander = std::process::Command::new("/bin/sleep").arg("100").spawn().unwrap();
    let texts = [&format!("{}\n", bystander.id()), "1\n", "nonsense\n", "4194304\n", "-1\n"];
    at_once(texts, |text| {
        let place = Place::new();
        let way = format!("exit:{}", place.file("own.pid", text).display());
        let outcome = start(&place, &way, &["-t", "2"], &["leave-child", "leave-child", "exit:0"]).outcome();
        // With a file that may still be written, the time may be over first.
        assert!([122, 124].contains(&outcome.code), "{text:?}: {outcome:?}");
        let code = outcome.code;
        assert_nothing_left(&place, outcome, code, &["own.pid"]);
        assert_eq!(fs::read_to_string(place.path("own.pid")).unwrap(), text);
    });
    let state = bystander.try_wait().unwrap();
    bystander.kill().and_then(|()| bystander.wait()).unwrap();
    assert!(state.is_none());
}

#[test]
fn a_program_that_daemonizes_itself_can_be_stopped_by_its_pidfile() {
    let place = Place::new();
    assert_ready(start(&place, "exit", &[], &["leave-child", "exit:0"]));
    let daemon = number(place.path("x.pid"));
    let outcome = place.run(["-K", "-p", "x.pid"]);
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
    assert!(!daemon.is_alive());
    place.assert_left(&[]);
}

#[test]
fn what_an_earlier_run_has_left_is_not_taken_for_the_daemon() {
    let place = Place::new();
    // Each daemon has a child, which the monitor gets when its parent is killed.
    let text = "{ sleep 100 & exec sleep 200; } & echo $! >>daemons";
    let options = ["-c", ".", "-r", "--restart-delay=0", "-p", "x.pid", "--ready=exit"];
    assert_eq!(finish(&place, &options, &sh(text)).code, 0);
    for run in 1..4 {
        let daemon = until_lines(place.path("daemons"), run).pop().unwrap();
        let named = || lines(place.path("x.pid")) == [daemon.clone()];
        until("the pidfile", || named().then_some(()));
        Process(daemon.parse().unwrap()).signal(SIGKILL);
    }
    assert_eq!(place.run(["-K", "-p", "x.pid"]).code, 0);
    until_nothing_runs(&place);
}

#[test]
fn a_daemon_in_a_group_without_its_leader_is_reached_as_a_group() {
    let place = Place::new();
    let text = "setsid sh -c 'sleep 100 & echo $! >daemon'";
    let options = ["-c", ".", "--target=group", "--stop-timeout=600", "-p", "x.pid", "--ready=exit"];
    assert_eq!(finish(&place, &options, &sh(text)).code, 0);
    assert_eq!(lines(place.path("x.pid")), lines(place.path("daemon")));
    assert_eq!(call(&mut place.dmz(["-K", "-t", "600", "-p", "x.pid"])).outcome().code, 0);
    until_nothing_runs(&place);
}

#[test]
fn nginx_in_its_own_way_is_ready_when_its_pidfile_names_its_master() {
    if lacks("nginx") || lacks_root() {
        return;
    }
    let place = Place::new();
    let folder = place.folder.display();
    let text = format!(
        "daemon on; master_process on; worker_processes 1; user root; pid {folder}/nginx.pid; error_log {folder}/log;\n\
         events {{}}\nhttp {{ access_log off; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2;\n\
         fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;\n\
         server {{ listen unix:{folder}/socket; }} }}\n"
    );
    let conf = place.file("nginx.conf", text);
    let ready = format!("--ready=exit:{folder}/nginx.pid");
    let nginx =
        [find("nginx").unwrap().into_os_string(), "-e".into(), place.path("log").into(), "-c".into(), conf.into()];
    let outcome = finish(&place, &["-p", "x.pid", &ready], &nginx);
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{:?}", fs::read_to_string(place.path("log")));
    place.own(lock_owner(place.path("x.pid")).unwrap());
    assert_eq!(number(place.path("x.pid")), number(place.path("nginx.pid")));
    std::os::unix::net::UnixStream::connect(place.path("socket")).unwrap();
    assert_eq!(place.run(["-K", "-p", "x.pid"]).code, 0);
    until_nothing_runs(&place);
    assert!(!place.path("x.pid").exists());
}

// What dmz itself reports.

/// Answers barriers until the call is over: its status, and all lines that came.
fn receive(receiver: &Receiver, call: &mut Call) -> (i32, Vec<String>) {
    let mut said = Vec::new();
    let status = until("the end of a call that reports", || {
        // Before the last look at the socket, so that nothing is lost.
        let ended = call.child.try_wait().unwrap();
        while let Some(message) = receiver.try_next() {
            said.extend(message.text.lines().map(String::from));
        }
        ended
    });
    (status.code().unwrap_or_else(|| 128 + status.signal().unwrap()), said)
}

#[test]
fn dmz_reports_the_main_process_and_that_it_is_ready_with_a_barrier_behind() {
    for is_abstract in [false, true] {
        for options in [[].as_slice(), &["-S"], &["--ready=exec"]] {
            let place = Place::new();
            let receiver = Receiver::new(&place, is_abstract);
            let mut launcher = reporting(&place, &receiver, &[&["-p", "x.pid"], options].concat(), &sleep());
            let mut texts = Vec::new();
            let mut barrier = until("a barrier", || {
                let message = receiver.try_next()?;
                // Nobody else would be believed where the main process is not known yet.
                assert!(message.sender == launcher.process().0, "{options:?}: sent by {}", message.sender);
                if message.text.trim_end() == "BARRIER=1" {
                    return Some(message.descriptors);
                }
                assert!(message.descriptors.is_empty(), "{}", message.text);
                texts.push(message.text);
                None
            });
            assert_eq!(barrier.len(), 1, "one descriptor, in a message of its own");
            let (program, owner) = (number(place.path("x.pid")), lock_owner(place.path("x.pid")).unwrap());
            place.own(owner);
            // In one message their order does not matter.
            let has = |text: &str, wanted: &str| text.lines().any(|line| line == wanted);
            let names = [program, owner].map(|process| format!("MAINPID={}", process.0));
            let main = texts.iter().position(|text| names.iter().any(|name| has(text, name)));
            let ready = texts.iter().position(|text| has(text, "READY=1"));
            assert!(main.is_some() && ready.is_some() && main <= ready, "{options:?}: {texts:?}");
            launcher.assert_waits();
            barrier.clear();
            assert_ready(launcher);
            assert_eq!(notify_socket(program), None, "dmz has used it up");
            assert!(receiver.try_next().is_none());
        }
    }
}

#[test]
fn a_program_that_forks_by_itself_is_reported_by_its_daemon() {
    let place = Place::new();
    let receiver = Receiver::new(&place, true);
    let mut launcher =
        reporting(&place, &receiver, &["-p", "x.pid", "--ready=exit"], &program(&place, &["leave-child", "exit:0"]));
    let (code, said) = receive(&receiver, &mut launcher);
    let owner = place.own(lock_owner(place.path("x.pid")).unwrap());
    let names = [number(place.path("x.pid")), owner].map(|process| format!("MAINPID={}", process.0));
    assert_eq!(code, 0);
    assert!(said.contains(&"READY=1".into()) && names.iter().any(|name| said.contains(name)), "{said:?}");
}

#[test]
fn nothing_is_reported_before_the_program_is_ready() {
    for (way, ready) in WAYS {
        let place = Place::new();
        let receiver = Receiver::new(&place, true);
        let steps = [&["mark:@/there", "await:@/go"], ready, &["pause"]].concat();
        let options = ["-p", "x.pid", "--ready", way];
        let mut launcher = reporting(&place, &receiver, &options, &program(&place, &steps));
        until_there(place.path("there"));
        launcher.assert_waits();
        assert!(receiver.try_next().is_none(), "{way}");
        go(&place);
        let (code, said) = receive(&receiver, &mut launcher);
        assert_eq!((code, said.iter().filter(|line| *line == "READY=1").count()), (0, 1), "{way}: {said:?}");
    }
}

#[test]
fn a_start_that_fails_never_reports_ready() {
    for (options, text, code) in [
        (["--ready=fd:3"].as_slice(), "exit 0", 122),
        (&["--ready=fd:3", "-t1"], "exec sleep 100", 124),
        (&["-c", "/nowhere"], "exec sleep 100", 125),
    ] {
        let place = Place::new();
        let receiver = Receiver::new(&place, true);
        let mut launcher = reporting(&place, &receiver, options, &sh(text));
        let (ended, said) = receive(&receiver, &mut launcher);
        assert_eq!(ended, code);
        assert!(!said.contains(&"READY=1".into()), "{said:?}");
    }
}

#[test]
fn an_init_reports_when_its_program_is_ready_and_passes_nothing_on() {
    for options in [["-I"].as_slice(), &["-I", "--ready=fd:3"]] {
        let place = Place::new();
        let receiver = Receiver::new(&place, false);
        let text = format!("{}; exec sleep 100", if options.len() > 1 { "echo >&3" } else { ":" });
        let mut launcher = reporting(&place, &receiver, options, &sh(&text));
        let said = receiver.until_ready();
        // The main process is this one already, or its program.
        assert!(said.iter().all(|line| line == "READY=1" || line.starts_with("MAINPID=")), "{said:?}");
        let program = until("the program", || {
            let text = fs::read_to_string(format!("/proc/{0}/task/{0}/children", launcher.child.id())).ok()?;
            text.trim_end().parse().map(Process).ok()
        });
        assert_eq!(notify_socket(program), None);
        launcher.process().signal(SIGTERM);
        // It may still wait for an answer to its barrier.
        assert_eq!(receive(&receiver, &mut launcher).0, 128 + SIGTERM);
    }
}

#[test]
fn in_the_foreground_the_program_keeps_the_address_and_dmz_is_silent() {
    let place = Place::new();
    let receiver = Receiver::new(&place, false);
    let steps = program(&place, &["send:STATUS=mine", "pause"]);
    let launcher = reporting(&place, &receiver, &["-f"], &steps);
    let first = receiver.next();
    assert_eq!((&*first.text, first.sender), ("STATUS=mine", launcher.process().0));
    launcher.process().signal(SIGTERM);
    launcher.outcome();
    assert!(receiver.try_next().is_none());
}

#[test]
fn a_receiver_that_is_not_there_does_not_hang_a_start() {
    for name in ["@dmz-test-nobody-is-here", "/nowhere/notify", "vsock:2:1234", "nonsense", "", "@", "/"] {
        let place = Place::new();
        // Whether it fails or not is another question; here it has to come to an end, and the whole of it.
        let outcome = call(place.dmz(words(&["-p", "x.pid"], &sleep())).env("NOTIFY_SOCKET", name)).outcome();
        match outcome.code {
            0 => assert_pidfile(place.path("x.pid"), number(place.path("x.pid"))),
            125 => assert_nothing_left(&place, outcome, 125, &[]),
            _ => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn a_manager_that_does_not_read_holds_dmz_up_and_does_not_hang_it() {
    let place = Place::new();
    let receiver = Receiver::new(&place, true);
    let launcher = reporting(&place, &receiver, &["-p", "x.pid"], &sleep());
    until("READY=1", || (receiver.try_next()?.text.contains("READY=1")).then_some(()));
    // The barrier is not answered, unless it came with the same look: either way this is the end of it.
    launcher.process().signal(SIGTERM);
    let code = launcher.outcome().code;
    assert!([0, 128 + SIGTERM].contains(&code), "{code}");
    if code == 0 {
        assert_pidfile(place.path("x.pid"), number(place.path("x.pid")));
    }
}

#[test]
fn what_dmz_starts_for_a_manager_is_a_notifying_service_whatever_the_program_says() {
    // Two deep: a dmz under a dmz, each ready when the inner one is.
    let place = Place::new();
    let inner: Vec<OsString> = [dmz().into_os_string()]
        .into_iter()
        .chain(words(
            &["-I", "--ready=fd:4"],
            &program(&place, &["mark:@/there", "await:@/go", "write:4:\\n", "pause"]),
        ))
        .collect();
    let mut outer = call(&mut place.dmz(words(&["-S", "-p", "x.pid", "--ready=notify"], &inner)));
    until_there(place.path("there"));
    outer.assert_waits();
    go(&place);
    assert_ready(outer);
    // The inner one closes what it inherits: only a monitor keeps the lock.
    assert!(number(place.path("x.pid")).is_alive() && lock_owner(place.path("x.pid")).is_some());
}

#[test]
fn s6_sees_a_program_under_dmz_become_ready() {
    if lacks("s6-supervise") || lacks("s6-svstat") || lacks("s6-svc") {
        return;
    }
    for option in ["-f", "-I"] {
        let place = Place::new();
        let service = place.path("service");
        fs::create_dir(&service).unwrap();
        place.file("service/notification-fd", "3\n");
        let text = "touch there; until [ -e go ]; do sleep 0.01; done; echo >&3; exec sleep 100";
        let run = format!(
            "#!/bin/sh\nexec {} {option} --keep-fd 3 -c {} -- /bin/sh -c '{text}'\n",
            dmz().display(),
            place.folder.display(),
        );
        place.script("service/run", &run);
        let supervise = call(place.command("s6-supervise").arg(&service));
        let state = || Outcome::of(place.command("s6-svstat").args(["-o", "up,ready"]).arg(&service)).stdout;
        until_there(place.path("there"));
        // Both are there when it says so, s6 a little later than its program.
        until("s6 to have a service", || (state() == "true false\n").then_some(()));
        go(&place);
        until("s6 to see it", || (state() == "true true\n").then_some(()));
        assert_eq!(Outcome::of(place.command("s6-svc").arg("-dx").arg(&service)).code, 0);
        assert_eq!(supervise.outcome().code, 0);
        until_nothing_runs(&place);
    }
}
