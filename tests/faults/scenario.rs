//! The ways to call dmz, one run of each under the tracer, and what a whole daemon is.

use crate::actor::act;
use crate::support::*;
use crate::tracer::*;
use libc::{SIGKILL, SIGSTOP, SIGTERM};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// One way to call dmz.
pub struct Scenario {
    pub name: &'static str,
    options: &'static [&'static str],
    program: &'static str,
    /// What is in the pidfile before.
    pub old: Option<&'static str>,
    /// The launcher leads a process group.
    leads: bool,
    /// With which options the daemon was started that this is about.
    about: &'static [&'static str],
}

const SLEEP: &str = "/bin/sleep";
/// A program that is not there.
const NOTHING: &str = "/nowhere/program";
/// In place of a program: a shell that says it is ready, though nobody may hear it any more, and becomes SLEEP.
const READY: &str = "trap '' PIPE; echo >&3; trap - PIPE; exec /bin/sleep 100 3>&-";
/// The same for a program of this test's own (`support/actor.rs`) that tells it to NOTIFY_SOCKET.
const NOTIFY: &str = "tell:READY=1 pause";
/// And for one whose first process ends: the child that it has left is the daemon.
const LEAVE: &str = "leave-child exit:0";
/// A process id that is never given out.
const OLD: &str = "4194304\n";
/// In options: a folder with one program, /sleep.
const ROOT: &str = "ROOT";

const fn scenario(name: &'static str, options: &'static [&'static str]) -> Scenario {
    Scenario { name, options, program: SLEEP, old: None, leads: false, about: &[] }
}

impl Scenario {
    const fn program(self, program: &'static str) -> Scenario {
        Scenario { program, ..self }
    }

    const fn over_an_old_one(self) -> Scenario {
        Scenario { old: Some(OLD), ..self }
    }

    const fn about(self, about: &'static [&'static str]) -> Scenario {
        Scenario { program: "", about, ..self }
    }

    const fn leading(self) -> Scenario {
        Scenario { leads: true, ..self }
    }
}

pub const SCENARIOS: &[Scenario] = &[
    scenario("plain", &[]),
    scenario("pidfile", &["-p", "x.pid", "-o", "out"]),
    scenario("old pidfile", &["-p", "x.pid", "-o", "out"]).over_an_old_one(),
    scenario("group leader", &["-p", "x.pid"]).leading(),
    scenario("outputs", &["-i", "/dev/zero", "-o", "out", "-e", "err", "-a"]),
    scenario("lockfile", &["-l", "x.lock", "-p", "x.pid"]),
    scenario("foreground", &["-f", "-p", "x.pid", "-o", "out", "-e", "err"]),
    scenario("single fork", &["--single-fork", "-p", "x.pid"]),
    // What -P prints says that the start is over and the waiting begins.
    scenario("wait", &["-w", "-P", "-p", "x.pid"]),
    scenario("relative", &["-k", "027"]).program("./tool"),
    scenario("no program", &["-p", "x.pid"]).program(NOTHING),
    scenario("no program, old", &["-p", "x.pid"]).program(NOTHING).over_an_old_one(),
    scenario("user", &["-u", "nobody", "-p", "x.pid", "-o", "open/out"]),
    scenario("root", &["-R", ROOT, "-p", "x.pid"]).program("/sleep"),
    scenario("user, root", IDENTITY).program("/sleep"),
    scenario("monitor", &["-S", "--stop-timeout", "1", "-p", "x.pid", "-o", "out"]),
    scenario("init", &["-I", "-P", "-p", "x.pid", "-e", "err"]),
    scenario("monitor, none", &["-S", "-p", "x.pid"]).program(NOTHING),
    scenario("ready, fd", &["--ready", "fd:3", "-t", "4", "-p", "x.pid"]).program(READY),
    scenario("ready, exec", &["--ready", "exec", "-t", "4", "-p", "x.pid"]),
    scenario("ready, notify", &["--ready", "notify", "-t", "4", "-p", "x.pid"]).program(NOTIFY),
    scenario("ready, exit", &["-S", "--ready", "exit", "-t", "4", "--stop-timeout", "1", "-p", "x.pid"]).program(LEAVE),
    scenario("status", &["-T", "-p", "x.pid"]).about(&["-p", "x.pid"]),
    scenario("signal", &["-s", "STOP", "-p", "x.pid"]).about(&["-p", "x.pid"]),
    scenario("stop", &["-K", "-t", "2", "-p", "x.pid"]).about(&["-p", "x.pid"]),
    scenario("stop, monitor", &["-K", "-t", "2", "-p", "x.pid"]).about(&["-S", "-p", "x.pid"]),
    scenario("restart", &["-S", "--stop-timeout", "1", "-r", "--restart-delay", "0", "-p", "x.pid"]),
];

/// What is wrong where the pidfile has no text.
pub const EMPTY_PIDFILE: &str = "pidfile, which is empty";

const IDENTITY: &[&str] =
    &["-u", "nobody:nogroup", "-R", ROOT, "--caps", "none", "--no-new-privs", "-p", "x.pid", "-o", "open/out"];

/// What /proc/PID/status then says.
const UNPRIVILEGED: &[(&str, &str)] = &[
    ("Uid", "65534\t65534\t65534\t65534"),
    ("Gid", "65534\t65534\t65534\t65534"),
    ("Groups", "65534"),
    ("CapInh", "0000000000000000"),
    ("CapPrm", "0000000000000000"),
    ("CapEff", "0000000000000000"),
    ("CapBnd", "0000000000000000"),
    ("CapAmb", "0000000000000000"),
    ("NoNewPrivs", "1"),
];

/// The folder for ROOT.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Fills the folder for ROOT, before any run.
pub fn prepare(root: &Place) {
    if let Some(busybox) = find("busybox") {
        fs::copy(busybox, root.path("sleep")).unwrap();
    }
    FOLDER.set(root.folder.clone()).unwrap();
}

fn root() -> &'static Path {
    FOLDER.get().unwrap()
}

impl Scenario {
    pub fn has(&self, option: &str) -> bool {
        self.options.contains(&option)
    }

    /// Does it start something if nothing goes wrong?
    pub fn starts(&self) -> bool {
        self.program != NOTHING && !self.asks()
    }

    /// Is it about a daemon that runs already?
    pub fn asks(&self) -> bool {
        self.program.is_empty()
    }

    /// Can it be asked for here? `DMZ_FAULTS` asks for those alone whose name begins so.
    pub fn is_possible(&self) -> bool {
        if !self.name.starts_with(&std::env::var("DMZ_FAULTS").unwrap_or_default()) {
            return false;
        }
        static HELP: OnceLock<String> = OnceLock::new();
        let help = HELP.get_or_init(|| Place::new().run(["--help"]).stdout);
        let names = |line: &'static str| line.split([' ', ',', '=', '[']);
        let is_known = |option: &str| options_of(help).into_iter().flat_map(names).any(|name| name == option);
        let mut options = self.options.iter().filter(|word| word.starts_with('-'));
        // A feature may be off.
        if skipped(options.all(|option| is_known(option)), &format!("{}: not built in", self.name)) {
            return false;
        }
        !((self.has("-u") || self.has("-R")) && lacks_root() || self.has("-R") && lacks("busybox"))
    }

    /// The arguments of the program in the end.
    fn arguments(&self) -> Vec<OsString> {
        match self.program {
            READY => [SLEEP, "100"].map(OsString::from).into(),
            NOTIFY | LEAVE => act(&self.program.split(' ').collect::<Vec<_>>()),
            program => [program, "100"].map(OsString::from).into(),
        }
    }

    /// Does the program leave a daemon of its own?
    pub fn forks(&self) -> bool {
        self.program == LEAVE
    }

    /// Is a monitor left with the program?
    pub fn is_monitored(&self) -> bool {
        self.has("-S") || self.has("-I")
    }

    /// Does dmz return the program's status?
    pub fn waits(&self) -> bool {
        self.has("-w") || self.has("-I")
    }

    /// Is nothing detached?
    pub fn is_foreground(&self) -> bool {
        self.has("-f") || self.has("-I")
    }

    /// The program that runs now, maybe a child of what was executed.
    fn running_program(&self, place: &Place, story: &Story) -> Option<Process> {
        let program = match self.program {
            LEAVE => fs::read_to_string(place.path("x.pid")).ok()?.trim_end().parse().ok().map(Process),
            _ => story.programs().last().copied(),
        };
        program.filter(|program| program.is_alive())
    }

    /// All that is alive of a run.
    fn alive(&self, place: &Place, story: &Story) -> Vec<Process> {
        match self.program {
            LEAVE => place.processes(),
            _ => story.processes.iter().map(|traced| traced.process).filter(|process| process.is_alive()).collect(),
        }
    }

    /// How dmz is called, in a place where everything is ready for it; `first` comes before its options.
    fn command(&self, place: &Place, first: &[&str]) -> Command {
        std::os::unix::fs::symlink(SLEEP, place.path("tool")).unwrap();
        fs::create_dir(place.path("open")).unwrap();
        fs::set_permissions(place.path("open"), fs::Permissions::from_mode(0o777)).unwrap();
        if let Some(old) = self.old {
            place.file("x.pid", old);
        }
        let mut command = place.dmz(first);
        for word in self.options {
            if *word == ROOT {
                command.arg(root())
            } else {
                command.arg(word)
            };
        }
        match self.program {
            "" => {}
            READY => drop(command.args(["--", "/bin/sh", "-c", READY])),
            _ => drop(command.arg("--").args(self.arguments())),
        }
        if self.leads {
            command.process_group(0);
        }
        command
    }

    /// The names of its steps with what they are about, as dmz itself plans them.
    pub fn steps(&self) -> Vec<String> {
        if self.asks() {
            return Vec::new();
        }
        let place = Place::new();
        let outcome = Outcome::of(&mut self.command(&place, &["--dry-run"]));
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{}", self.name);
        let plan = outcome.stdout.replace(place.folder.to_str().unwrap(), ".");
        plan.lines().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
    }

    /// Runs it once. `decide` says what becomes of each call, in the process at `only` until it has said something, or
    /// in every process to the end.
    pub fn run(&self, only: Option<usize>, decide: impl FnMut(&Story, usize) -> Act) -> Run {
        let place = Place::new();
        let daemon = self.asks().then(|| place.start(self.about.iter().chain(&["--", SLEEP, "100"])));
        let holder = daemon.and_then(|_| lock_owner(place.path("x.pid")));
        let mut command = self.command(&place, &[]);
        command.stdout(fs::File::create(place.path("answer")).unwrap());
        command.stderr(fs::File::create(place.path("words")).unwrap());
        let mut guide = Guide {
            scenario: self,
            place: &place,
            only,
            decide,
            was_hit: false,
            was_late: false,
            seen: None,
            is_unsafe: None,
        };
        let story = trace(&mut command, &mut guide);
        let Guide { was_hit, was_late, seen, is_unsafe, .. } = guide;
        let was_hit = was_hit && !story.was_spared;
        let look = || {
            let running = self.alive(&place, &story);
            let program = self.running_program(&place, &story).filter(|program| running == [*program]);
            (running, program)
        };
        let (mut running, mut program) = look();
        // Without its monitor the program ends, too, but not at once; what it has forked does not.
        let begin = Instant::now();
        let may_end = |running: &[Process], program: Option<Process>| {
            self.is_monitored() && !running.is_empty() && !(self.forks() && program.is_some())
        };
        while may_end(&running, program) && begin.elapsed() < Duration::from_secs(1) {
            pause();
            (running, program) = look();
        }
        let is_named_alone = program.is_some();
        let whole = seen.as_ref().map(|seen| seen.whole.clone());
        let whole = whole.or_else(|| Some(self.is_whole(&place, &story, program?)));
        let read = |name: &str| fs::read_to_string(place.path(name)).ok();
        let words = read("words").unwrap().replace(place.folder.to_str().unwrap(), ".");
        let owner = place.path("x.pid").exists().then(|| lock_owner(place.path("x.pid"))).flatten();
        let was_signalled = self.has("-s") && daemon.is_some_and(|daemon| is_stopped(daemon, &story));
        // The monitor ends after its program, unless it is killed.
        let daemon = holder.into_iter().chain(daemon).find(|process| process.is_alive());
        let pidfile = read("x.pid");
        Run {
            story,
            whole,
            seen,
            running,
            daemon,
            is_unsafe,
            was_hit,
            was_late,
            was_signalled,
            is_named_alone,
            words,
            pidfile,
            owner,
        }
    }

    /// Is this all that the program should be? What is wrong, if not.
    fn is_whole(&self, place: &Place, story: &Story, program: Process) -> Result<(), String> {
        let is = |what: &str, is: bool| if is { Ok(()) } else { Err(format!("the program runs, but not its {what}")) };
        let (own, foreground) = (Process(std::process::id() as i32), self.is_foreground());
        let arguments = self.arguments();
        // The program opens and closes files of its own when it begins, and a shell is not yet what it becomes.
        let begin = Instant::now();
        while let Err(what) =
            self.has_descriptors(place, program).and_then(|()| is("arguments", program.arguments() == arguments))
        {
            is("life", program.is_alive())?;
            if begin.elapsed() > Duration::from_secs(2) {
                return Err(what);
            }
            pause();
        }
        let umask = if foreground { own.status("Umask") } else { Some("0000".into()) };
        let umask = if self.has("-k") { Some("0027".into()) } else { umask };
        let directory = if foreground { &place.folder } else { Path::new("/") };
        let launcher = i64::from(story.processes[0].process.0);
        is("session", (program.stat(6) == own.stat(6)) == foreground)?;
        is(
            "place in its session",
            foreground || (program.stat(6) == i64::from(program.0)) == self.has("--single-fork"),
        )?;
        is("terminal", foreground || program.stat(7) == 0)?;
        is("directory", program.link("cwd") == if self.has(ROOT) { root() } else { directory })?;
        is("root", program.link("root") == if self.has(ROOT) { root() } else { Path::new("/") })?;
        is("umask", program.status("Umask") == umask)?;
        is("blocked signals", program.signals("SigBlk") == 0)?;
        is("ignored signals", program.signals("SigIgn") == 0)?;
        let (parent, stays) = (program.stat(4), self.is_monitored());
        is("parent", if self.has("-S") { parent != launcher && parent != i64::from(own.0) } else { true })?;
        is("parent", !self.has("-I") || parent == launcher)?;
        is("group", !self.has("-I") || program.stat(5) == i64::from(program.0))?;
        let owner = if stays { Process(parent as i32) } else { program };
        for (option, name) in [("-p", "x.pid"), ("-l", "x.lock")] {
            is("lock", !self.has(option) || lock_owner(place.path(name)) == Some(owner))?;
        }
        let text = fs::read_to_string(place.path("x.pid")).unwrap_or_default();
        is(EMPTY_PIDFILE, !self.has("-p") || !text.is_empty())?;
        is("pidfile", !self.has("-p") || text == format!("{}\n", program.0))
    }

    /// Are 0 to 2 what they should be, with the locks at 10 or more, and nothing else open?
    fn has_descriptors(&self, place: &Place, program: Process) -> Result<(), String> {
        let file_of = |option: &str| {
            let at = self.options.iter().position(|word| *word == option)?;
            Some(place.path(self.options[at + 1]))
        };
        let mut found = program.descriptors();
        let wrong = Err(format!("the program runs, but not its descriptors {found:?}"));
        for (number, option) in [(0, "-i"), (1, "-o"), (2, "-e")] {
            let Some(there) = found.remove(&number) else { return wrong };
            let is_right = match (file_of(option), number) {
                (Some(file), _) => there == file,
                (None, 1) if self.is_foreground() => there == place.path("answer"),
                (None, 2) if self.is_foreground() => there == place.path("words"),
                _ => is_null(program, number),
            };
            if !is_right {
                return wrong;
            }
        }
        let mut locks: Vec<_> = ["-p", "-l"].into_iter().filter(|_| !self.is_monitored()).filter_map(file_of).collect();
        locks.sort();
        let are_high = found.keys().all(|number| *number >= 10);
        let mut others: Vec<_> = found.into_values().collect();
        others.sort();
        if are_high && others == locks { Ok(()) } else { wrong }
    }
}

/// Is this descriptor the null device, by whatever name?
pub fn is_null(process: Process, number: i32) -> bool {
    let found = fs::metadata(format!("/proc/{}/fd/{number}", process.0));
    found.is_ok_and(|file| file.file_type().is_char_device() && file.rdev() == libc::makedev(1, 3))
}

/// Has it more rights than it should have? What, if so.
fn has_too_much(scenario: &Scenario, program: Process) -> Option<String> {
    let status = |process: Process, name| process.status(name).unwrap_or_default();
    // These two stay the caller's without an option of their own.
    let is_asked_for = |name| match name {
        "CapBnd" => scenario.has("--caps"),
        "NoNewPrivs" => scenario.has("--no-new-privs"),
        _ => true,
    };
    let own = Process(std::process::id() as i32);
    let wanted = |name, wanted: &str| if is_asked_for(name) { wanted.to_owned() } else { status(own, name) };
    let wrong = UNPRIVILEGED.iter().find(|row| status(program, row.0) != wanted(row.0, row.1))?;
    Some(format!("the program runs with {}: {}", wrong.0, status(program, wrong.0)))
}

/// Has it got the signal STOP? What a launcher that succeeded has sent arrives within a moment.
fn is_stopped(daemon: Process, story: &Story) -> bool {
    let is_due = matches!(story.processes[0].state, State::Ended(status) if status.success());
    let begin = Instant::now();
    loop {
        let is_stopped = daemon.status("State").is_some_and(|state| state.starts_with('T'));
        let is_pending = || daemon.signals("ShdPnd") & 1 << (SIGSTOP - 1) != 0;
        if is_stopped || !is_due && is_pending() {
            return true;
        }
        if !is_due || begin.elapsed() > Duration::from_secs(2) {
            return false;
        }
        pause();
    }
}

/// What there was before the program was told to go.
pub struct Seen {
    whole: Result<(), String>,
    /// How many calls each process had made.
    pub counts: Vec<usize>,
}

/// What came of a run.
pub struct Run {
    pub story: Story,
    /// What the program was like, if there is one or if there was one and we ended it.
    pub whole: Option<Result<(), String>>,
    /// The same in more detail, where dmz stays with the program.
    pub seen: Option<Seen>,
    /// All that is alive now.
    pub running: Vec<Process>,
    /// That is the program that the pidfile names, and nothing else.
    pub is_named_alone: bool,
    /// What ran before, if it still does.
    pub daemon: Option<Process>,
    /// What the program could do that it should not.
    pub is_unsafe: Option<String>,
    /// Did what was to go wrong go wrong?
    pub was_hit: bool,
    /// And only after the launcher had ended?
    pub was_late: bool,
    /// Has the daemon got the signal that it was to get?
    pub was_signalled: bool,
    /// What it said; its folder is `.` there.
    pub words: String,
    /// What is in the pidfile, and who has locked it.
    pub pidfile: Option<String>,
    pub owner: Option<Process>,
}

/// Leads a scenario to its end.
struct Guide<'a, F> {
    scenario: &'a Scenario,
    place: &'a Place,
    only: Option<usize>,
    decide: F,
    was_hit: bool,
    was_late: bool,
    seen: Option<Seen>,
    is_unsafe: Option<String>,
}

impl<F: FnMut(&Story, usize) -> Act> Watcher for Guide<'_, F> {
    fn call(&mut self, story: &Story, place: usize) -> Act {
        let act = (self.decide)(story, place);
        if act != Act::Go && !std::mem::replace(&mut self.was_hit, true) {
            self.was_late = matches!(story.processes[0].state, State::Ended(_));
        }
        act
    }

    fn wants_calls(&self, place: usize) -> bool {
        self.only.is_none_or(|only| only == place && !self.was_hit)
    }

    fn executed(&mut self, story: &Story, place: usize) {
        if self.scenario.has("-u") {
            self.is_unsafe =
                self.is_unsafe.take().or_else(|| has_too_much(self.scenario, story.processes[place].process));
        }
    }

    /// Whoever stays with the program waits for something to happen: what comes next is its end, or its restart.
    fn idle(&mut self, story: &Story) {
        let scenario = self.scenario;
        let launcher = story.processes[0].state;
        let is_over = match scenario.waits() {
            true => fs::metadata(self.place.path("answer")).unwrap().len() > 0,
            false => scenario.has("-S") && matches!(launcher, State::Ended(_)),
        };
        let sleeps =
            |place: usize| story.processes[place].process.status("State").is_some_and(|state| state.starts_with('S'));
        let programs = story.programs();
        let Some(program) = scenario.running_program(self.place, story) else { return };
        if self.seen.is_some() || !is_over || !story.running().into_iter().all(sleeps) {
            return;
        }
        if scenario.has("-r") && programs.len() == 1 {
            return program.signal(SIGKILL);
        }
        let mut running = story.running().into_iter().map(|place| story.processes[place].process);
        // Who is told to stop: the program's parent, unless it has just been killed.
        let stops = if scenario.is_monitored() {
            running.find(|process| program.status("PPid") == Some(process.0.to_string()))
        } else {
            Some(program)
        };
        let Some(stops) = stops else { return };
        let counts = story.processes.iter().map(|traced| traced.calls.len()).collect();
        let whole = scenario.is_whole(self.place, story, program);
        self.seen = Some(Seen { whole, counts });
        stops.signal(SIGTERM);
    }
}
