//! The system calls of a start, process by process, as strace shows them: compared with `tests/traces`, which are meant
//! to be read; counted; and held against what must be true of every start. `DMZ_BLESS=1 cargo test --release --test
//! order` writes the traces anew.

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::OnceLock;
use support::*;

/// One way to call dmz.
struct Scenario {
    /// The name of its file.
    name: &'static str,
    /// What there is to see.
    about: &'static str,
    /// Files that are there before: name and text.
    files: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
    status: i32,
}

const SLEEP: &str = "/bin/sleep";

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "plain",
        about: "A fork that shares memory and suspends its parent; setpgid's EACCES is the proof of the exec.",
        files: &[],
        arguments: &["--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "pidfile",
        about: "A new pidfile: made, moved to a number out of the way, locked, checked, written, and never closed.",
        files: &[],
        arguments: &["-p", "x.pid", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "pidfile-old",
        about: "A pidfile that a dead daemon left: its text is read before it is replaced.",
        files: &[("x.pid", "4194304\n")],
        arguments: &["-p", "x.pid", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "pidfile-no-lock",
        about: "Only the text: the lock goes when the text is there.",
        files: &[],
        arguments: &["--no-lock", "-p", "x.pid", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "lockfile",
        about: "A lock without a text.",
        files: &[],
        arguments: &["-l", "x.lock", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "pidfile-and-lockfile",
        about: "Both locks are taken before the text is written: a start that loses changes nothing.",
        files: &[],
        arguments: &["-p", "x.pid", "-l", "x.lock", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "output",
        about: "Opened without waiting for a FIFO's reader, then made to wait again; the names are the caller's.",
        files: &[],
        arguments: &["-o", "out", "-e", "err", "-a", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "output-shared",
        about: "The same name twice is opened once.",
        files: &[],
        arguments: &["-o", "out", "-e", "out", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "umask",
        about: "The program's mask comes after the last file is made.",
        files: &[],
        arguments: &["-k", "027", "-p", "x.pid", "-o", "out", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "foreground",
        about: "No fork and no session: this process becomes the program.",
        files: &[],
        arguments: &["-f", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "foreground-pidfile",
        about: "The process id is the caller's child.",
        files: &[],
        arguments: &["-f", "-p", "x.pid", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "wait",
        about: "The launcher keeps its session, so another process makes the new one; it removes the pidfile and dies as the program did.",
        files: &[],
        arguments: &["-w", "-p", "x.pid", "--", SLEEP, "100"],
        status: 128 + libc::SIGTERM,
    },
    Scenario {
        name: "single-fork",
        about: "The daemon makes the session itself; the launcher watches it for a moment.",
        files: &[],
        arguments: &["--single-fork", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "keep-fd",
        about: "The kept descriptor splits the range that is closed.",
        files: &[],
        arguments: &["--keep-fd", "7", "--", SLEEP, "100"],
        status: 0,
    },
    Scenario {
        name: "relative-program",
        about: "The caller's directory is looked up before it is left.",
        files: &[],
        arguments: &["--", "./tool", "100"],
        status: 0,
    },
    Scenario {
        name: "path-search",
        about: "PATH is /nowhere:relative::/bin, of which only absolute elements count.",
        files: &[],
        arguments: &["--", "sleep", "100"],
        status: 0,
    },
    Scenario {
        name: "failed-program",
        about: "The program is not there: the launcher removes the new pidfile, holding its lock, and has the only words.",
        files: &[],
        arguments: &["-p", "x.pid", "--", "/nowhere/program"],
        status: 127,
    },
    Scenario {
        name: "failed-program-old-pidfile",
        about: "An older pidfile is emptied.",
        files: &[("x.pid", "4194304\n")],
        arguments: &["-p", "x.pid", "--", "/nowhere/program"],
        status: 127,
    },
    Scenario {
        name: "failed-running",
        about: "A daemon holds the lock: F_GETLK names it, and nothing changes.",
        files: &[],
        arguments: &["-p", "x.pid", "--", SLEEP, "100"],
        status: 123,
    },
    Scenario {
        name: "failed-output",
        about: "No such folder, after the pidfile was written.",
        files: &[],
        arguments: &["-p", "x.pid", "-o", "nowhere/out", "--", SLEEP, "100"],
        status: 125,
    },
    Scenario {
        name: "failed-pidfile",
        about: "A file that holds something else is left alone.",
        files: &[("x.pid", "precious\n")],
        arguments: &["-p", "x.pid", "--", SLEEP, "100"],
        status: 125,
    },
    Scenario {
        name: "failed-directory",
        about: "The directory is the last thing before the exec that can be wrong.",
        files: &[],
        arguments: &["-c", "/nowhere", "--", SLEEP, "100"],
        status: 125,
    },
    Scenario {
        name: "failed-usage",
        about: "Words that make no sense: nothing begins.",
        files: &[],
        arguments: &["--nonsense"],
        status: 125,
    },
];

/// The calls of one process, until it is the program or ends.
struct Traced {
    name: &'static str,
    calls: Vec<String>,
}

/// What a scenario showed.
struct Trace {
    scenario: &'static Scenario,
    status: i32,
    processes: Vec<Traced>,
}

impl Traced {
    /// The place of the first call that satisfies this.
    fn find(&self, is: impl Fn(&str) -> bool) -> Option<usize> {
        self.calls.iter().position(|call| is(call))
    }

    /// The place of the last call that satisfies this.
    fn find_last(&self, is: impl Fn(&str) -> bool) -> Option<usize> {
        self.calls.iter().rposition(|call| is(call))
    }
}

fn is_open(call: &str) -> bool {
    call.starts_with("open")
}

fn makes_file(call: &str) -> bool {
    is_open(call) && call.contains("O_CREAT")
}

fn is_lock(call: &str) -> bool {
    call.contains("F_SETLK") && call.ends_with(" = 0")
}

fn has_worked(call: &str) -> bool {
    !call.contains(" = -1 ")
}

/// The descriptor that is a call's first argument.
fn first_argument(call: &str) -> &str {
    call.split(['(', ',', ')']).nth(1).unwrap()
}

impl Trace {
    /// One process; in the foreground there is only one.
    fn process(&self, name: &str) -> Option<&Traced> {
        self.processes.iter().find(|process| process.name == name)
    }

    /// The process that becomes the program.
    fn last(&self) -> &Traced {
        self.processes.last().unwrap()
    }

    fn is_foreground(&self) -> bool {
        self.scenario.arguments.contains(&"-f")
    }

    /// The file in `tests/traces`.
    fn text(&self) -> String {
        let mut text = format!("# dmz {}\n# {}\n", self.scenario.arguments.join(" "), self.scenario.about);
        for process in &self.processes {
            text += &format!("\n{}:\n", process.name);
            process.calls.iter().for_each(|call| text += &format!("    {call}\n"));
        }
        text
    }
}

/// Every scenario, run once.
fn traces() -> &'static [Trace] {
    static TRACES: OnceLock<Vec<Trace>> = OnceLock::new();
    TRACES.get_or_init(|| SCENARIOS.iter().map(run).collect())
}

/// Nothing to see here?
fn lacks_traces() -> bool {
    skipped(cfg!(target_arch = "x86_64"), "the traces are those of x86-64") || lacks("strace") || lacks_root()
}

/// Runs a scenario under strace, in a folder and with an environment, mask and umask that are always the same.
fn run(scenario: &'static Scenario) -> Trace {
    let place = Place::new();
    let work = place.path("work");
    fs::create_dir(&work).unwrap();
    std::os::unix::fs::symlink(SLEEP, work.join("tool")).unwrap();
    fs::set_permissions(&work, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (name, text) in scenario.files {
        fs::write(work.join(name), text).unwrap();
    }
    let is_second = scenario.status == 123;
    let owner = is_second.then(|| place.start(["-p", "work/x.pid", "--", SLEEP, "100"]));

    let mut command = place.command("strace");
    let mark = command.get_envs().find_map(|(name, value)| (name == "DMZ_TEST").then(|| value.unwrap().to_owned()));
    command.env_clear().env("DMZ_TEST", mark.unwrap()).env("PATH", "/nowhere:relative::/bin:/usr/bin");
    command.args(["-ff", "-q", "-s", "4096", "-o"]).arg(place.path("trace"));
    command.arg(dmz()).args(scenario.arguments).current_dir(&work);
    command.stderr(fs::File::create(place.path("words")).unwrap());
    before(&mut command, || {
        // SAFETY: system calls with integers and a string that lives for ever.
        unsafe {
            libc::umask(0o022);
            let fd = libc::open(c"/dev/zero".as_ptr(), libc::O_RDONLY);
            done(libc::dup2(fd, 7))
        }
    });
    let status = finish(command.spawn().unwrap(), &place);
    let mut names: HashMap<i32, &str> = owner.iter().map(|owner| (owner.0, "owner")).collect();
    Trace { scenario, status, processes: normal(&place, &work, &mut names) }
}

/// What strace has written so far: a process's lines, by its number.
fn lines(place: &Place) -> HashMap<i32, Vec<String>> {
    let files = fs::read_dir(&place.folder).unwrap().map(|entry| entry.unwrap().path());
    let lines = |path: PathBuf| {
        let pid = path.file_name()?.to_str()?.strip_prefix("trace.")?.parse().ok()?;
        Some((pid, fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()))
    };
    files.filter_map(lines).collect()
}

/// Is this the call by which a process became another program?
fn is_exec(line: &str) -> bool {
    line.starts_with("execve(") && line.ends_with(" = 0")
}

fn has_ended(lines: &[String]) -> bool {
    lines.last().is_some_and(|line| line.starts_with("+++ "))
}

/// Does the launcher wait for the program? It does when the session process has ended.
fn waits(launcher: i32, lines: &[String]) -> bool {
    let call = fs::read_to_string(format!("/proc/{launcher}/syscall")).unwrap_or_default();
    lines.iter().any(|line| line.starts_with("waitid(") && line.contains(" = 0"))
        && call.starts_with(&format!("{} ", libc::SYS_rt_sigtimedwait))
}

/// Ends the program once the launcher has done all it does before that, and waits for strace; dmz's status.
fn finish(mut strace: Child, place: &Place) -> i32 {
    let is_launcher = |lines: &[String]| lines.first().is_some_and(|line| is_exec(line));
    let mut ended = Vec::new();
    let status = until(&format!("the end of {}", place.folder.display()), || {
        if let Some(status) = strace.try_wait().unwrap() {
            return Some(status);
        }
        let all = lines(place);
        let (&launcher, its) = all.iter().find(|(_, lines)| is_launcher(lines))?;
        let waits = waits(launcher, its);
        for (&pid, lines) in &all {
            // In the foreground the launcher itself is the program.
            let is_program = if pid == launcher {
                lines.iter().filter(|line| is_exec(line)).count() == 2
            } else {
                lines.iter().any(|line| is_exec(line)) && (waits || has_ended(its))
            };
            // While strace has not told of its end the number is still its own.
            if is_program && !has_ended(lines) && !ended.contains(&pid) {
                ended.push(pid);
                Process(pid).signal(libc::SIGTERM);
            }
        }
        None
    });
    // Those that became ours.
    for pid in ended {
        // SAFETY: waitpid with an integer; it may not be our child.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    }
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// The processes in the order of the forks, with everything dropped that is another thing in every run.
fn normal(place: &Place, work: &Path, names: &mut HashMap<i32, &'static str>) -> Vec<Traced> {
    let all = lines(place);
    let Some((&launcher, _)) = all.iter().find(|(_, lines)| is_exec(&lines[0])) else { panic!("strace saw nothing") };
    let mut order = vec![launcher];
    while let Some(child) = all[order.last().unwrap()].iter().find_map(|line| {
        line.starts_with("clone(").then(|| line.rsplit_once(" = ").unwrap().1.parse::<i32>().ok()).flatten()
    }) {
        order.push(child);
    }
    assert_eq!(order.len(), all.len(), "a process for each file");
    let all_names = if order.len() == 2 { ["launcher", "daemon", ""] } else { ["launcher", "session", "daemon"] };
    names.extend(order.iter().copied().zip(all_names));
    let process = |pid: &i32| {
        let mut calls: Vec<String> = all[pid].iter().filter_map(|line| normal_line(line, work, names)).collect();
        // What the program does is its own business.
        if let Some(exec) = calls.iter().rposition(|call| is_exec(call)).filter(|place| *place > 0 || *pid != launcher)
        {
            calls.truncate(exec + 1);
        }
        Traced { name: names[pid], calls: fold(&calls) }
    };
    order.iter().map(process).collect()
}

/// A line without what is another thing in every run; nothing for one that says nothing.
fn normal_line(line: &str, work: &Path, names: &HashMap<i32, &str>) -> Option<String> {
    let mut line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.starts_with("+++ exited") || line.starts_with("---") {
        return None;
    }
    line = line.replace(work.to_str().unwrap(), "FOLDER").replace(dmz().to_str().unwrap(), "dmz");
    let call = line.split('(').next().unwrap().to_owned();
    let result = line.rsplit_once(" = ").map_or("", |(_, result)| result).to_owned();
    let drop: &[(&str, &str)] = match call.as_str() {
        "execve" => &[(", 0x", ")")],
        "clone" => &[("child_stack=", "flags="), (", parent_tid=", ")")],
        "rt_sigtimedwait" => &[("si_signo=", "si_code="), (", si_pid=", "}")],
        "waitid" => &[("si_signo=", "si_code="), (", si_uid=", ", si_status="), (", si_utime=", "}")],
        "newfstatat" if line.contains("S_IFDIR") => &[(" st_size=", " ...")],
        _ => &[],
    };
    for (from, to) in drop {
        line = without(&line, from, to);
    }
    let is_said = line.starts_with("write(2, \"dmz: ") || line.starts_with("write(1, ");
    // An address; the length of a text that has a process id in it or of the folder's name.
    line = match call.as_str() {
        "mmap" => line.replace(&result, "ADDRESS"),
        "getcwd" => line.replace(&format!(" = {result}"), " = LENGTH"),
        "pwrite64" => line.replace(&format!(", {result}, 0) = {result}"), ", LENGTH, 0) = LENGTH"),
        "write" if is_said => line.replace(&format!(", {result}) = {result}"), ", LENGTH) = LENGTH"),
        "getpgid" => line.replace(&format!(" = {result}"), " = GROUP"),
        "newfstatat" if !line.contains("st_size=0,") => resized(&line),
        "ftruncate" if !line.contains(", 0)") => without(&line, ", ", ")").replace(')', ", LENGTH)"),
        _ => line,
    };
    let tells_numbers = ["clone", "setsid", "getpid", "setpgid", "waitid", "kill", "pwrite64"];
    if is_said || tells_numbers.contains(&call.as_str()) || line.contains("F_GETLK") || line.contains("/proc/") {
        line = named(&line, names);
    } else if call == "pread64" {
        // A pidfile of this very start.
        let with_name = named(&line, names);
        if with_name != line {
            line = with_name.replace(&format!(" = {result}"), " = LENGTH");
        }
    }
    Some(line)
}

/// The status of a file with something in it, whose length is another in every run.
fn resized(line: &str) -> String {
    without(line, "st_size=", ", ").replace("0644, ,", "0644, st_size=LENGTH,")
}

/// The line without what begins with `from` and goes on until `to`.
fn without(line: &str, from: &str, to: &str) -> String {
    let Some(begin) = line.find(from) else { return line.to_owned() };
    let end = begin + from.len() + line[begin + from.len()..].find(to).unwrap();
    format!("{}{}", &line[..begin], &line[end..])
}

/// The line with names in the place of process ids.
fn named(line: &str, names: &HashMap<i32, &str>) -> String {
    let mut text = String::new();
    for part in line.split_inclusive(|character: char| !character.is_ascii_digit()) {
        let digits = part.trim_end_matches(|character: char| !character.is_ascii_digit());
        let name = digits.parse().ok().and_then(|number| names.get(&number));
        text += name.unwrap_or(&digits);
        text += &part[digits.len()..];
    }
    text
}

/// What is done again and again, once, and how often; a proof that was asked for a moment too early, not at all.
fn fold(calls: &[String]) -> Vec<String> {
    let mut folded: Vec<String> = Vec::new();
    let mut rest = calls;
    while let [first, ..] = rest {
        let resets = rest.iter().take_while(|call| call.starts_with("rt_sigaction(")).count();
        let pairs = if rest.len() < 2 { 1 } else { rest.chunks(2).take_while(|pair| *pair == &rest[..2]).count() };
        if resets > 1 {
            let all = &rest[..resets];
            let is_default = |call: &String| call.contains(", {sa_handler=SIG_DFL, ") && call.ends_with(" = 0");
            assert!(all.iter().all(is_default), "{all:#?}");
            let name = |call: &String| call[..call.find(',').unwrap()].to_owned();
            let different: std::collections::HashSet<String> = all.iter().map(name).collect();
            folded.push(format!(
                "{}, {{sa_handler=SIG_DFL, ...}}, ...) = 0 and {} more",
                name(first),
                different.len() - 1
            ));
            rest = &rest[resets..];
        } else if is_too_early(rest) {
            rest = &rest[3..];
        } else if pairs > 1 && rest[0] != rest[1] {
            folded.extend([first.clone(), rest[1].clone(), format!("... and both {} times more", pairs - 1)]);
            rest = &rest[2 * pairs..];
        } else {
            folded.push(first.clone());
            rest = &rest[1..];
        }
    }
    folded
}

/// A proof that was asked for while the exec, or the end, was under way: no, and not ended either.
fn is_too_early(calls: &[String]) -> bool {
    let [proof, ended, pause, ..] = calls else { return false };
    proof.starts_with("setpgid(") && ended.contains(", {}, ") && pause.starts_with("clock_nanosleep(")
}

/// The lines of `old` and `new` between those at the beginning and the end that are the same.
fn difference(old: &str, new: &str) -> String {
    let (mut old, mut new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    old.drain(..same);
    new.drain(..same);
    while old.last().is_some() && old.last() == new.last() {
        old.pop();
        new.pop();
    }
    let old = old.iter().map(|line| format!("-{line}\n"));
    format!("line {}:\n{}", same + 1, old.chain(new.iter().map(|line| format!("+{line}\n"))).collect::<String>())
}

#[test]
fn the_traces_are_as_they_are_written_down() {
    if lacks_traces() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces");
    let mut differences = String::new();
    for trace in traces() {
        let path = folder.join(trace.scenario.name).with_extension("txt");
        let text = trace.text();
        if std::env::var_os("DMZ_BLESS").is_some() {
            fs::write(&path, text).unwrap();
        } else {
            let golden = fs::read_to_string(&path).unwrap_or_default();
            if golden != text {
                differences += &format!("\n{}, {}", path.display(), difference(&golden, &text));
            }
        }
    }
    assert!(differences.is_empty(), "DMZ_BLESS=1 takes over what is different:\n{differences}");
    let files = fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, SCENARIOS.len(), "a file for each scenario and no other");
}

#[test]
fn the_status_is_the_scenarios() {
    if lacks_traces() {
        return;
    }
    for trace in traces() {
        // The foreground's status is the program's, which we end.
        let status = if trace.is_foreground() { 128 + libc::SIGTERM } else { trace.scenario.status };
        assert_eq!(trace.status, status, "{}", trace.scenario.name);
    }
}

#[test]
fn a_start_takes_few_calls() {
    if lacks_traces() {
        return;
    }
    for (name, most) in [("plain", 22), ("pidfile", 34)] {
        let trace = traces().iter().find(|trace| trace.scenario.name == name).unwrap();
        let calls = trace.processes.iter().flat_map(|process| &process.calls);
        let calls: Vec<_> = calls.filter(|call| !call.starts_with("rt_sigaction")).collect();
        assert!(calls.len() <= most, "{name}: {} calls: {calls:#?}", calls.len());
        println!("{name}: {} calls, of {most}", calls.len());
    }
}

/// Something that holds for every trace: the first call that is wrong, or nothing.
type Check = fn(&Trace) -> Option<&str>;

/// The first call of `process` that is so and stands before `place`.
fn early(process: &Traced, place: Option<usize>, is: impl Fn(&str) -> bool) -> Option<&str> {
    process.calls[..place.unwrap_or(process.calls.len())].iter().map(String::as_str).find(|call| is(call))
}

/// The first call of `process` that is so and stands behind `place`.
fn late(process: &Traced, place: Option<usize>, is: impl Fn(&str) -> bool) -> Option<&str> {
    process.calls[place? + 1..].iter().map(String::as_str).find(|call| is(call))
}

const INVARIANTS: &[(&str, Check)] = &[
    ("the daemon closes everything before it opens anything", |trace| {
        let daemon = trace.last();
        early(daemon, daemon.find_last(|call| call.starts_with("close_range(")), is_open)
    }),
    ("the launcher opens nothing before the daemon is done", |trace| {
        let launcher = trace.process("launcher").filter(|_| !trace.is_foreground())?;
        early(launcher, launcher.find(|call| call.starts_with("waitid(")), is_open)
    }),
    ("the session process opens nothing", |trace| early(trace.process("session")?, None, is_open)),
    ("signals are blocked and orphans adopted before the first fork", |trace| {
        let launcher = trace.process("launcher").unwrap();
        let fork = launcher.find(|call| call.starts_with("clone("))?;
        let before = |name| early(launcher, Some(fork), |call| call.starts_with(name) && has_worked(call)).is_some();
        // Only a process between the launcher and the daemon can leave the launcher an orphan.
        let adopts = before("prctl(PR_SET_CHILD_SUBREAPER, 1") || trace.process("session").is_none();
        (!before("rt_sigprocmask(SIG_SETMASK, ~[]") || !adopts).then_some("clone")
    }),
    ("the session process, or the launcher, makes the session, and with a single fork the daemon", |trace| {
        let is_single = trace.scenario.arguments.contains(&"--single-fork");
        let maker = match trace.processes.get(1)? {
            _ if is_single => trace.last(),
            second if second.name == "session" => second,
            _ => &trace.processes[0],
        };
        early(maker, None, |call| call.starts_with("setsid(")).is_none().then_some("no setsid").or_else(|| {
            trace
                .processes
                .iter()
                .filter(|process| process.name != maker.name)
                .find_map(|process| early(process, None, |call| call.starts_with("setsid(")))
        })
    }),
    ("the process that executes the program takes the lock", |trace| {
        trace.processes[..trace.processes.len() - 1].iter().find_map(|process| {
            // The launcher takes it again when the daemon is gone.
            early(process, process.find_last(|call| call.starts_with("waitid(")), is_lock)
        })
    }),
    ("a lock's descriptor is 10 or more and is not closed", |trace| {
        let daemon = trace.last();
        let unlocks = trace.scenario.arguments.contains(&"--no-lock");
        daemon.calls.iter().enumerate().filter(|(_, call)| is_lock(call)).find_map(|(place, lock)| {
            let number = first_argument(lock);
            if number.parse::<i32>().unwrap() < 10 {
                return Some(lock.as_str());
            }
            let closes =
                |call: &str| call == format!("close({number}) = 0") || call.contains(&format!("dup3({number},"));
            late(daemon, Some(place), closes).filter(|_| !unlocks)
        })
    }),
    ("nothing at all is closed between the lock and the exec", |trace| {
        let daemon = trace.last();
        // With both files the second is opened when the first is locked already, and it is another file.
        let lock = daemon.find_last(is_lock);
        late(daemon, lock, |call| call.starts_with("close"))
            .filter(|_| !trace.scenario.arguments.contains(&"--no-lock"))
    }),
    ("no file is made before the umask is cleared", |trace| {
        let daemon = trace.last();
        early(daemon, daemon.find(|call| call.starts_with("umask(000)")), makes_file)
    }),
    ("the umask is set after the last file was made", |trace| {
        let daemon = trace.last();
        let sets = |call: &str| call.starts_with("umask(");
        let (first, last) = (daemon.find(sets)?, daemon.find_last(sets)?);
        if first == last { None } else { late(daemon, Some(last), is_open) }
    }),
    ("the directory changes after everything is opened", |trace| {
        let daemon = trace.last();
        let from = daemon.find(|call| call.starts_with("chdir("))?;
        // After an exec that failed it is looked why.
        let to = daemon.find_last(|call| call.starts_with("execve(")).filter(|to| *to > from);
        let calls = &daemon.calls[from + 1..to.unwrap_or(daemon.calls.len())];
        calls.iter().map(String::as_str).find(|call| is_open(call) || call.starts_with("getcwd("))
    }),
    ("descriptors are close-on-exec at birth, but for the null device, the lock and 0 to 2", |trace| {
        let open = |call: &str| {
            is_open(call) && !call.contains("O_CLOEXEC") && !call.contains("\"/dev/null\"")
                || call.contains("F_DUPFD,") && !call.ends_with(", 10) = 10") && !call.ends_with(", 10) = 11")
        };
        trace.processes.iter().find_map(|process| early(process, None, open))
    }),
    ("no open can give a terminal", |trace| {
        let open = |call: &str| is_open(call) && !call.contains("O_NOCTTY") && !call.contains("O_PATH");
        trace.processes.iter().find_map(|process| early(process, None, open))
    }),
    ("a pidfile is never truncated by its open nor reached through a link", |trace| {
        let open = |call: &str| {
            is_open(call)
                && (call.contains("x.pid") || call.contains("x.lock"))
                && (call.contains("O_TRUNC") || !call.contains("O_NOFOLLOW"))
        };
        trace.processes.iter().find_map(|process| early(process, None, open))
    }),
    ("only the launcher has words, and only on standard error", |trace| {
        let is_write = |call: &str| call.starts_with("write");
        let said =
            trace.processes.iter().flat_map(|process| process.calls.iter().map(move |call| (process.name, call)));
        let mut said = said.filter(|(_, call)| is_write(call));
        let is_failure = trace.scenario.status > 122 && trace.scenario.status < 128;
        match (is_failure, said.next(), said.next()) {
            (false, None, None) => None,
            (true, Some(("launcher", call)), None) if call.starts_with("write(2, \"dmz: ") => None,
            (_, first, second) => Some(second.or(first).map_or("not a word", |(_, call)| call)),
        }
    }),
    ("the mask is emptied just before the exec", |trace| {
        let daemon = trace.last();
        let exec = daemon.calls.iter().enumerate().skip(1).position(|(_, call)| call.starts_with("execve("))? + 1;
        let before = &daemon.calls[exec - 1];
        (!before.starts_with("rt_sigprocmask(SIG_SETMASK, [], ")).then_some(before)
    }),
    ("a start that worked was proved by the kernel", |trace| {
        if trace.processes.len() == 1 || trace.scenario.arguments.contains(&"--single-fork") {
            return None;
        }
        let parent = &trace.processes[trace.processes.len() - 2];
        let proof = early(parent, None, |call| call.starts_with("setpgid(daemon, ") && call.contains(" = -1 EACCES"));
        let worked = ![123, 125, 126, 127].contains(&trace.scenario.status);
        (proof.is_some() != worked).then_some("setpgid")
    }),
    ("nobody but the daemon executes anything", |trace| {
        let count = trace.processes.len();
        let execs = |process: &Traced| process.calls.iter().filter(|call| call.starts_with("execve(")).count();
        trace.processes[..count - 1]
            .iter()
            .enumerate()
            .find_map(|(index, process)| (execs(process) != usize::from(index == 0)).then_some(process.name))
    }),
];

#[test]
fn what_is_true_of_every_start_is_true_of_these() {
    if lacks_traces() {
        return;
    }
    for (what, check) in INVARIANTS {
        for trace in traces() {
            if let Some(wrong) = check(trace) {
                panic!("not true: {what}: {wrong}\n{}", trace.text());
            }
        }
    }
}
