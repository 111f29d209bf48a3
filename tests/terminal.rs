//! `-I` on a terminal: who is in the foreground, whom the keys reach and how often, stopping and continuing, with a real
//! shell's job control. And `-S` from a terminal: nothing of it is left.

#[path = "support/play.rs"]
mod play;
mod support;

use libc::{SIGINT, SIGQUIT, SIGSTOP, SIGTERM, SIGUSR1, SIGWINCH};
use play::*;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use support::*;

/// The group in the foreground of a process's terminal.
fn foreground(of: Process) -> i64 {
    of.stat(8)
}

/// Waits until the group that a process leads is in the foreground.
#[track_caller]
fn until_foreground(leader: Process) {
    until(&format!("{leader:?} in the foreground"), || (foreground(leader) == i64::from(leader.0)).then_some(()));
}

/// Types.
fn keys(master: &OwnedFd, text: &str) {
    File::from(master.try_clone().unwrap()).write_all(text.as_bytes()).unwrap();
}

/// Takes what was written to the terminal, so that nobody who writes has to wait.
fn drain(master: &OwnedFd) {
    let mut poll = libc::pollfd { fd: master.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut room = [0_u8; 4096];
    // SAFETY: one pollfd, and room for the bytes.
    unsafe {
        while libc::poll(&raw mut poll, 1, 0) == 1 && poll.revents & libc::POLLIN != 0 {
            libc::read(poll.fd, room.as_mut_ptr().cast(), room.len());
        }
    }
}

/// `dmz` as the leader of a session with a terminal; these descriptors are not on it but on /dev/null.
fn led(place: &Place, options: &[&str], program: Vec<std::ffi::OsString>, away: &'static [i32]) -> (OwnedFd, Process) {
    let (master, path) = terminal();
    let mut command = place.dmz(words(options, program));
    lead(&mut command, &path);
    before(&mut command, move || {
        // SAFETY: system calls with integers and a string that lives for ever.
        unsafe {
            let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
            away.iter().try_for_each(|number| done(libc::dup2(null, *number)))
        }
    });
    let dmz = spawn(&mut command);
    (master, dmz)
}

/// A shell with job control on a terminal, as a user has it.
fn shell(place: &Place) -> (OwnedFd, Process) {
    shell_of(place, &["/bin/sh", "-i"])
}

fn shell_of(place: &Place, words: &[&str]) -> (OwnedFd, Process) {
    let (master, path) = terminal();
    let mut command = place.command(words[0]);
    command.args(&words[1..]).env("PS1", "").env_remove("ENV").env_remove("HISTFILE");
    let shell = spawn(lead(&mut command, &path));
    (master, shell)
}

/// Does it with a shell whose `fg` sends CONT to a job that runs, and with bash, whose does not.
fn with_each_shell(act: impl Fn(&Place, &OwnedFd, Process)) {
    for words in [&["/bin/sh", "-i"][..], &["/bin/bash", "--norc", "--noediting", "-i"]] {
        if !skipped(fs::exists(words[0]).unwrap(), "no bash") {
            let place = Place::new();
            let (master, shell) = shell_of(&place, words);
            act(&place, &master, shell);
        }
    }
}

/// Types `fg`, and waits until the shell waits for the job and dmz for signals: a shell may send CONT once the foreground is
/// the job's, dmz passes it on once the foreground is the program's, and it takes back a ^Z that has been typed before.
#[track_caller]
fn type_fg(master: &OwnedFd, shell: Process, dmz: Process) {
    let sleeps = |process: Process| process.status("State").unwrap().starts_with('S');
    until_foreground(shell);
    keys(master, "fg\n");
    until("the job's turn", || {
        drain(master);
        (foreground(shell) != shell.stat(5) && sleeps(shell) && sleeps(dmz)).then_some(())
    });
}

/// ^Z, and waits until both have stopped.
#[track_caller]
fn type_suspend(master: &OwnedFd, dmz: Process, program: Process) {
    keys(master, "\x1a");
    until_stopped(program, true);
    until_stopped(dmz, true);
}

/// Types `bg`, and waits until both go on.
#[track_caller]
fn type_bg(master: &OwnedFd, shell: Process, dmz: Process, program: Process) {
    until_foreground(shell);
    keys(master, "bg\n");
    until_stopped(dmz, false);
    until_stopped(program, false);
}

/// Types a line that starts a dmz in the shell, and waits for it and its program.
#[track_caller]
fn typed(master: &OwnedFd, shell: Process, line: &str) -> (Process, Process) {
    keys(master, &format!("{line}\n"));
    let dmz = until("dmz", || {
        drain(master);
        children(shell).into_iter().find(|child| comm(*child) == "dmz: up")
    });
    let program = child(dmz);
    (dmz, program)
}

#[track_caller]
fn type_dmz(master: &OwnedFd, shell: Process, line: &str) -> (Process, Process) {
    typed(master, shell, &line.replace("dmz", dmz().to_str().unwrap()))
}

#[test]
fn the_program_is_in_the_foreground_if_dmz_was() {
    let place = Place::new();
    for away in [&[][..], &[1, 2]] {
        let (_master, dmz) = led(&place, &["-I"], sleep(), away);
        let program = child(dmz);
        until_foreground(program);
        assert_eq!((program.stat(5), program.stat(6)), (i64::from(program.0), i64::from(dmz.0)));
    }
}

#[test]
fn the_program_is_not_in_the_foreground_if_dmz_was_not() {
    let place = Place::new();
    let (master, shell) = shell(&place);
    let (dmz, program) = type_dmz(&master, shell, "dmz -I /bin/sleep 100 &");
    assert_ne!(dmz.stat(5), shell.stat(5), "a job of its own");
    assert_eq!(foreground(program), shell.stat(5));
    keys(&master, "echo $$ >still\n");
    until_lines(place.path("still"), 1);
    assert_eq!(foreground(program), shell.stat(5));
}

#[test]
fn the_program_that_is_started_again_is_in_the_foreground_again_as_its_user_expects() {
    let place = Place::new();
    let (_master, dmz) = led(&place, &["-I", "-r", "--restart-delay=0"], sleep(), &[]);
    let first = child(dmz);
    until_foreground(first);
    first.signal(SIGTERM);
    until("the end of the first", || (!children(dmz).contains(&first)).then_some(()));
    let second = child(dmz);
    until_foreground(second);
}

#[test]
fn keys_reach_the_program_exactly_once_wherever_its_descriptors_are() {
    // All is where it is looked for: the terminal may be any of the three, or none of them.
    for away in [&[][..], &[0], &[1, 2], &[0, 1, 2]] {
        let place = Place::new();
        let heard = place.path("heard");
        let mut program = sh("exec \"$@\" >>heard");
        program.push("sh".into());
        program.extend(play("listen", &[]));
        let (master, dmz) = led(&place, &["-I"], program, away);
        until_lines(&heard, 1);
        let size = libc::winsize { ws_row: 7, ws_col: 7, ws_xpixel: 0, ws_ypixel: 0 };
        let mut expected = vec!["ready".to_owned()];
        for (number, key) in [(SIGINT, "\x03"), (SIGQUIT, "\x1c"), (SIGINT, "\x03"), (SIGWINCH, "")] {
            match key {
                // SAFETY: the kernel reads one winsize.
                "" => assert_eq!(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }, 0),
                key => keys(&master, key),
            }
            expected.push(number.to_string());
            until_lines(&heard, expected.len());
            // What somebody sends dmz is forwarded, and comes after all that dmz may have got before.
            dmz.signal(SIGUSR1);
            expected.push(SIGUSR1.to_string());
            assert_eq!(until_lines(&heard, expected.len()), expected, "on /dev/null: {away:?}");
        }
    }
}

#[test]
fn an_int_that_somebody_sends_is_forwarded_on_a_terminal_too() {
    let place = Place::new();
    let (_master, dmz) = led(&place, &["-I", "-o", "heard"], play("listen", &[]), &[]);
    until_lines(place.path("heard"), 1);
    for (at, number) in [SIGINT, SIGQUIT, SIGWINCH, SIGINT].into_iter().enumerate() {
        dmz.signal(number);
        assert_eq!(until_lines(place.path("heard"), at + 2)[at + 1], number.to_string());
    }
}

#[test]
fn interrupt_ends_the_program_and_dmz_dies_of_it() {
    // Also while the program is waited for to be ready.
    for options in [&["-I"][..], &["-I", "--ready=fd:3", "-t", "20"]] {
        let place = Place::new();
        let (master, dmz) = led(&place, options, sleep(), &[]);
        let program = child(dmz);
        until_foreground(program);
        keys(&master, "\x03");
        let status = dmz.wait();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(SIGINT), "{options:?}");
        assert_eq!(place.processes(), []);
    }
}

#[test]
fn interrupt_is_followed_by_no_restart() {
    let place = Place::new();
    let (master, dmz) = led(&place, &["-I", "-r", "--restart-delay=0"], sleep(), &[]);
    let program = child(dmz);
    until_foreground(program);
    keys(&master, "\x03");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&dmz.wait()), Some(SIGINT));
    assert_eq!(place.processes(), []);
}

#[test]
fn the_keys_reach_dmz_during_the_restart_delay() {
    for end in ["\x03", "\x1c"] {
        let place = Place::new();
        let (master, dmz) = led(&place, &["-I", "-r", "--restart-delay=30000"], sleep(), &[]);
        let program = child(dmz);
        until_foreground(program);
        program.signal(SIGTERM);
        until_comm(dmz, "dmz: wait");
        // The foreground is a group that is no more, if dmz has not taken it back.
        keys(&master, end);
        dmz.wait();
        assert_eq!(place.processes(), []);
    }
    let place = Place::new();
    let (master, shell) = shell(&place);
    let (dmz, program) = type_dmz(&master, shell, "dmz -I -r --restart-delay=30000 /bin/sleep 100");
    until_foreground(program);
    program.signal(SIGTERM);
    until_comm(dmz, "dmz: wait");
    for _ in 0..2 {
        keys(&master, "\x1a");
        until_stopped(dmz, true);
        type_fg(&master, shell, dmz);
    }
    keys(&master, "\x03");
    until_foreground(shell);
    assert_eq!(place.processes(), [shell]);
}

#[test]
fn a_hangup_ends_the_program_and_dmz() {
    for away in [&[][..], &[0, 1, 2]] {
        let place = Place::new();
        let (master, dmz) = led(&place, &["-I"], sleep(), away);
        child(dmz);
        drop(master);
        dmz.wait();
        assert_eq!(place.processes(), [], "{away:?}");
    }
}

/// ^Z, and `fg` once both have stopped.
#[track_caller]
fn stop_and_continue(master: &OwnedFd, shell: Process, dmz: Process, program: Process) {
    keys(master, "\x1a");
    until_stopped(program, true);
    until_stopped(dmz, true);
    until_foreground(shell);
    keys(master, "fg\n");
    until_stopped(program, false);
}

#[test]
fn suspend_stops_program_and_dmz_and_fg_continues_both() {
    let place = Place::new();
    let (master, shell) = shell(&place);
    let (dmz, program) = type_dmz(&master, shell, "dmz -I /bin/sleep 100");
    for _ in 0..3 {
        until_foreground(program);
        stop_and_continue(&master, shell, dmz, program);
        until_stopped(dmz, false);
        drain(&master);
    }
    until_foreground(program);
    keys(&master, "\x03");
    until("the end", || (!program.is_alive() && !dmz.is_alive()).then_some(()));
    keys(&master, "echo $? >status\n");
    assert_eq!(until_lines(place.path("status"), 1), ["130"]);
}

#[test]
fn suspend_stops_the_whole_job_that_dmz_is_in() {
    for line in ["/bin/sh script", "dmz -I /bin/sleep 100 | /bin/sleep 100"] {
        let place = Place::new();
        place.file("script", format!("{} -I /bin/sleep 100\necho on\n", dmz().display()));
        let (master, shell) = shell(&place);
        keys(&master, &format!("{}\n", line.replace("dmz", dmz().to_str().unwrap())));
        let dmz = until("dmz", || {
            drain(&master);
            place.processes().into_iter().find(|process| comm(*process) == "dmz: up")
        });
        let program = child(dmz);
        // Another one of the pipeline may give it to the job once more: then the key comes to dmz, which passes it on.
        until("the job's turn", || (foreground(shell) != shell.stat(5)).then_some(()));
        type_suspend(&master, dmz, program);
        until_foreground(shell);
        let job = || place.processes().into_iter().filter(|process| process.stat(5) == dmz.stat(5));
        assert_eq!(job().count(), 2, "{line}");
        job().for_each(|process| until_stopped(process, true));
        type_fg(&master, shell, dmz);
        job().for_each(|process| until_stopped(process, false));
        keys(&master, "\x03");
        until("the end", || (!program.is_alive() && !dmz.is_alive()).then_some(()));
        drain(&master);
        place.processes().into_iter().filter(|process| *process != shell).for_each(Process::end); // the pipeline's other one
    }
}

#[test]
fn suspend_stops_nothing_that_nobody_could_continue() {
    let place = Place::new();
    let script = sh("mkfifo never; exec 3<>never; trap 'echo CONT' CONT; echo ready; while :; do read x <&3; done");
    let (master, dmz) = led(&place, &["-I", "-c", ".", "-o", "heard"], script, &[]);
    let program = child(dmz);
    until_lines(place.path("heard"), 1);
    until_foreground(program);
    // As for every process of such a group: the one that leads a session has no shell.
    keys(&master, "\x1a");
    assert_eq!(until_lines(place.path("heard"), 2), ["ready", "CONT"]);
    keys(&master, "\x03");
    until("the end", || (!program.is_alive() && !dmz.is_alive()).then_some(()));
}

#[test]
fn a_terminal_that_the_shell_has_taken_stays_its_own() {
    let place = Place::new();
    let (master, shell) = shell(&place);
    let (dmz, program) = type_dmz(&master, shell, "dmz -I /bin/sleep 100");
    until_foreground(program);
    // Not by a key: the program goes on, and dmz learns of its end when it is continued.
    dmz.signal(SIGSTOP);
    until_foreground(shell);
    program.signal(SIGTERM);
    until("the program's end", || (!program.is_alive()).then_some(()));
    dmz.signal(libc::SIGCONT);
    until("the end of dmz", || (!dmz.is_alive()).then_some(()));
    keys(&master, "echo yes >said\n");
    assert_eq!(until_lines(place.path("said"), 1), ["yes"]);
}

/// What a program hears of five times ^Z and `fg`.
fn assert_one_cont_each(option: &str) {
    let place = Place::new();
    let (master, shell) = shell(&place);
    let heard = place.path("heard");
    let traps = ["CONT", "USR1", "USR2"].map(|name| format!("trap 'echo {name} >>heard' {name}; ")).concat();
    // It waits without a child: a shell that has just made one with vfork(2) stops only after the child's exec.
    place.file(
        "script",
        format!("{traps}mkfifo never; exec 3<>never; echo ready >>heard; while :; do read x <&3; done"),
    );
    let (dmz, program) = type_dmz(&master, shell, &format!("dmz -I {option} -c . /bin/sh script"));
    let mut expected = vec!["ready"];
    until_lines(&heard, 1);
    // A signal behind the shell's last look at its traps and before its read would be kept until the next one.
    let waits = || program.status("State").unwrap().starts_with('S');
    for _ in 0..5 {
        until("its read", || waits().then_some(()));
        stop_and_continue(&master, shell, dmz, program);
        let is_idle = || dmz.status("ShdPnd").unwrap().bytes().all(|digit| digit == b'0');
        until("nothing to pass on", || is_idle().then_some(()));
        expected.push("CONT");
        assert_eq!(until_lines(&heard, expected.len()), expected, "{option}");
        // Whatever came before has been heard when this one is.
        until("its read", || waits().then_some(()));
        program.signal(SIGUSR1);
        expected.push("USR1");
        assert_eq!(until_lines(&heard, expected.len()), expected, "{option}");
        drain(&master);
    }
}

#[test]
fn what_continues_dmz_is_not_passed_on_as_well() {
    ["", "--map=CONT:USR2"].into_iter().for_each(assert_one_cont_each);
}

/// Suspends and continues a job whose standard descriptors are elsewhere.
fn suspend(elsewhere: &str) {
    let place = Place::new();
    let (master, shell) = shell(&place);
    let (dmz, program) = type_dmz(&master, shell, &format!("dmz -I /bin/sleep 100 {elsewhere}"));
    keys(&master, "\x1a");
    until_stopped(program, true);
    until_stopped(dmz, true);
    keys(&master, "fg\n");
    until_stopped(dmz, false);
    until_stopped(program, false);
}

#[test]
fn suspend_stops_both_if_some_standard_descriptor_is_the_terminal() {
    ["</dev/null", ">out 2>&1", "</dev/null >out", "</dev/null 2>&1 >out"].into_iter().for_each(suspend);
}

#[test]
fn suspend_stops_both_even_if_no_standard_descriptor_is_the_terminal() {
    suspend("</dev/null >out 2>&1");
}

#[test]
fn bg_continues_both_in_the_background() {
    let place = Place::new();
    let (master, shell) = shell(&place);
    let (dmz, program) = type_dmz(&master, shell, "dmz -I /bin/sleep 100");
    until_foreground(program);
    keys(&master, "\x1a");
    until_stopped(program, true);
    until_stopped(dmz, true);
    keys(&master, "bg\n");
    until_stopped(dmz, false);
    until_stopped(program, false);
    keys(&master, "echo $$ >still\n");
    until_lines(place.path("still"), 1);
    assert_eq!(foreground(program), shell.stat(5), "the terminal stays the shell's");
    assert!(dmz.is_alive() && program.is_alive());
}

#[test]
fn a_program_in_the_background_that_reads_stops_with_dmz_until_fg() {
    let place = Place::new();
    let (master, shell) = shell(&place);
    keys(&master, &format!("{} -I /bin/sh -c 'read line; echo $line >line' &\n", dmz().display()));
    let dmz = until("dmz", || children(shell).into_iter().find(|child| comm(*child).starts_with("dmz: ")));
    let program = child(dmz);
    until_stopped(program, true);
    until_stopped(dmz, true);
    drain(&master);
    keys(&master, "fg\n");
    until_stopped(program, false);
    until_stopped(dmz, false);
    until_foreground(program);
    keys(&master, "hello\n");
    assert_eq!(until_lines(place.path("line"), 1), ["hello"]);
    until("the end", || (!dmz.is_alive()).then_some(()));
}

#[test]
fn suspend_and_interrupt_reach_a_job_that_fg_has_brought_from_the_background() {
    with_each_shell(|place, master, shell| {
        let (dmz, program) = type_dmz(master, shell, "dmz -I /bin/sleep 100 &");
        type_fg(master, shell, dmz);
        type_suspend(master, dmz, program);
        type_bg(master, shell, dmz, program);
        type_fg(master, shell, dmz);
        type_suspend(master, dmz, program);
        type_fg(master, shell, dmz);
        until_foreground(program);
        type_suspend(master, dmz, program);
        type_bg(master, shell, dmz, program);
        type_fg(master, shell, dmz);
        keys(master, "\x03");
        until("the end", || (!program.is_alive() && !dmz.is_alive()).then_some(()));
        keys(master, "echo $? >status\n");
        assert_eq!(until_lines(place.path("status"), 1), ["130"]);
    });
}

#[test]
fn a_program_that_fg_has_brought_from_the_background_can_read() {
    with_each_shell(|place, master, shell| {
        let line = "dmz -I -c . /bin/sh -c 'until [ -e go ]; do sleep .01; done; read line; echo $line >line' &";
        keys(master, &format!("{}\n", line.replace("dmz", dmz().to_str().unwrap())));
        let dmz = until("dmz", || children(shell).into_iter().find(|child| comm(*child) == "dmz: up"));
        type_fg(master, shell, dmz);
        place.file("go", "");
        keys(master, "hello\n");
        assert_eq!(until_lines(place.path("line"), 1), ["hello"]);
    });
}

#[test]
fn a_start_that_fails_gives_the_terminal_back() {
    let place = Place::new();
    let (master, path) = terminal();
    let text = format!("{} -I /nowhere/program; read line; echo $line >line", dmz().display());
    let mut command = place.command("/bin/sh");
    spawn(lead(command.args(["-c", &text]), &path));
    keys(&master, "hello\n");
    assert_eq!(until_lines(place.path("line"), 1), ["hello"]);
}

#[test]
fn interrupt_ends_one_after_the_other_of_a_pipeline() {
    for _ in 0..5 {
        let place = Place::new();
        let (master, shell) = shell(&place);
        let line = "dmz -I /bin/sleep 100 | dmz -I /bin/sleep 100\n";
        keys(&master, &line.replace("dmz", dmz().to_str().unwrap()));
        let both = until("both", || {
            drain(&master);
            let both = children(shell);
            (both.len() == 2 && both.iter().all(|dmz| comm(*dmz) == "dmz: up")).then_some(both)
        });
        both.iter().for_each(|dmz| {
            child(*dmz);
        });
        for left in [1, 0] {
            until("the pipeline's turn", || (foreground(shell) != shell.stat(5)).then_some(()));
            keys(&master, "\x03");
            until("an end", || (both.iter().filter(|dmz| dmz.is_alive()).count() == left).then_some(()));
        }
    }
}

#[test]
fn a_program_that_handles_suspend_stops_nobody() {
    let place = Place::new();
    let (master, shell) = shell(&place);
    let line = "dmz -I /bin/sh -c 'trap \"echo told >>told\" TSTP; echo >ready; while :; do sleep .01; done'";
    let (dmz, program) = type_dmz(&master, shell, line);
    until_lines(place.path("ready"), 1);
    until_foreground(program);
    keys(&master, "\x1a");
    // Its sleep, in the same group, may have stopped and keep it from its handler.
    until("told", || {
        children(program).into_iter().for_each(|child| unsafe {
            // SAFETY: integers only; one that has ended is no matter.
            libc::kill(child.0, libc::SIGCONT);
        });
        place.path("told").exists().then_some(())
    });
    assert!(!dmz.status("State").unwrap().starts_with('T'));
}

#[test]
fn term_ends_a_job_that_is_stopped() {
    let place = Place::new();
    let (master, shell) = shell(&place);
    let (dmz, program) = type_dmz(&master, shell, "dmz -I /bin/sleep 100");
    until_foreground(program);
    keys(&master, "\x1a");
    until_stopped(program, true);
    until_stopped(dmz, true);
    dmz.signal(SIGTERM);
    dmz.signal(libc::SIGCONT);
    until("the end", || (!program.is_alive() && !dmz.is_alive()).then_some(()));
}

#[test]
fn a_program_stopped_by_somebody_else_does_not_stop_a_dmz_without_terminal() {
    let place = Place::new();
    let dmz = spawn(&mut place.dmz(words(&["-I"], sleep())));
    let program = child(dmz);
    program.signal(SIGSTOP);
    until_stopped(program, true);
    dmz.signal(libc::SIGCONT);
    until_stopped(program, false);
    dmz.signal(SIGTERM);
    dmz.wait();
}

#[test]
fn supervise_leaves_nothing_of_the_terminal() {
    let place = Place::new();
    let (master, shell) = shell(&place);
    keys(&master, &format!("{} -S -p {} /bin/sleep 100\n", dmz().display(), place.path("x.pid").display()));
    until("the start", || place.path("x.pid").exists().then_some(()));
    let program = Process(until_lines(place.path("x.pid"), 1)[0].parse().unwrap());
    let monitor = guarded(until("the monitor", || lock_owner(place.path("x.pid"))));
    keys(&master, "echo $$ >still\n");
    until_lines(place.path("still"), 1);
    for process in [monitor, program] {
        assert_eq!(process.stat(7), 0);
        assert!(process.descriptors().values().all(|what| !what.starts_with("/dev/pts")), "{process:?}");
    }
    keys(&master, "\x03");
    drop(master);
    shell.wait();
    assert!(monitor.is_alive() && program.is_alive());
}

#[test]
fn a_session_without_a_terminal_is_no_matter() {
    let place = Place::new();
    let mut command: Command = place.dmz(words(&["-I"], sh("exit 7")));
    // SAFETY: no preconditions.
    before(&mut command, || done(unsafe { libc::setsid() }));
    assert_eq!(finish(&mut command).code, 7);
    assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 0);
}
