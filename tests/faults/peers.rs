//! The same faults in other launchers of daemons, and in dmz, with one verdict for all of them: from outside, generous, and
//! about nothing but what came of the start.

use crate::calls::*;
use crate::matrix::*;
use crate::scenario::is_null;
use crate::support::*;
use crate::tracer::*;
use libc::SIGKILL;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// A launcher, and how it starts /bin/sleep as a daemon: without a pidfile, and with one, which is `{pid}`. Without one the
/// two start-stop-daemons want a name all the same, to look for what runs already; they make no file of it.
struct Launcher {
    name: &'static str,
    program: &'static str,
    plain: &'static str,
    pidfile: &'static str,
}

const LAUNCHERS: &[Launcher] = &[
    Launcher { name: "dmz", program: "dmz", plain: "-- /bin/sleep 100", pidfile: "-p {pid} -- /bin/sleep 100" },
    Launcher {
        name: "daemonize",
        program: "daemonize",
        plain: "-c / /bin/sleep 100",
        pidfile: "-c / -p {pid} /bin/sleep 100",
    },
    Launcher {
        name: "start-stop-daemon (dpkg)",
        program: "start-stop-daemon",
        plain: "-S -b -p {pid} -x /bin/sleep -- 100",
        pidfile: "-S -b -m -p {pid} -x /bin/sleep -- 100",
    },
    Launcher {
        name: "start-stop-daemon (busybox)",
        program: "busybox",
        plain: "start-stop-daemon -S -b -p {pid} -x /bin/sleep -- 100",
        pidfile: "start-stop-daemon -S -b -m -p {pid} -x /bin/sleep -- 100",
    },
    Launcher {
        name: "daemon (libslack)",
        program: "daemon",
        plain: "-N -U -- /bin/sleep 100",
        pidfile: "-N -U -n x -F {pid} -- /bin/sleep 100",
    },
];

/// How a start can be wrong, as the table has it.
const HANGS: &str = "hangs";
const NOTHING_RUNS: &str = "said yes, nothing runs";
const NOT_WHOLE: &str = "said yes, the daemon is not whole";
const STILL_RUNS: &str = "failed, something runs";
const PIDFILE_LEFT: &str = "failed, pidfile left";
const NO_WORD: &str = "failed without a word";
const KINDS: [&str; 6] = [NOTHING_RUNS, NOT_WHOLE, STILL_RUNS, PIDFILE_LEFT, NO_WORD, HANGS];

/// One of these, with what there is to see of it.
type Wrong = (&'static str, String);

/// For so long a start may go on in the background after its launcher has ended.
const GRACE: Duration = Duration::from_secs(1);

/// So many descriptors there may be: some launchers close every number that there can be.
const DESCRIPTORS: libc::rlimit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };

/// A way to call a launcher.
struct Start {
    launcher: &'static Launcher,
    program: PathBuf,
    words: &'static str,
}

/// What there is to see of a daemon, by name.
type Daemon = Vec<(&'static str, String)>;

/// What came of a start.
struct Run {
    story: Story,
    daemon: Option<Daemon>,
    verdict: Result<(), Wrong>,
    was_hit: bool,
}

impl Start {
    fn all() -> Vec<Start> {
        let mut all = Vec::new();
        for launcher in LAUNCHERS {
            let program = if launcher.name == "dmz" { Some(dmz()) } else { find(launcher.program) };
            if skipped(program.is_some(), &format!("no {} here", launcher.name)) {
                continue;
            }
            let start = |words| Start { launcher, program: program.clone().unwrap(), words };
            all.extend([launcher.plain, launcher.pidfile].map(start));
        }
        all
    }

    /// Calls it once. `usual` is the daemon of a run in which nothing goes wrong; without that, whatever is there is right.
    fn run(&self, usual: Option<&Daemon>, only: Option<usize>, decide: impl FnMut(&Story, usize) -> Act) -> Run {
        let place = Place::new();
        let mut command = place.command(&self.program);
        let pidfile = place.path("x.pid");
        command.args(self.words.split(' ').map(|word| word.replace("{pid}", pidfile.to_str().unwrap())));
        // No locale is read, no library is looked for where cargo's are, and no descriptor is right by chance.
        command
            .env("LC_ALL", "C")
            .env_remove("LD_LIBRARY_PATH")
            .stdin(fs::File::open(place.file("input", "")).unwrap());
        command.stdout(fs::File::create(place.path("answer")).unwrap());
        command.stderr(fs::File::create(place.path("words")).unwrap());
        // SAFETY: the kernel reads one rlimit.
        before(&mut command, || done(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &DESCRIPTORS) }));
        let look = Look { place: &place, usual };
        let mut guide = Guide { look: &look, only, decide, was_hit: false, ended: None, seen: None };
        let story = trace(&mut command, &mut guide);
        let Guide { was_hit, seen, .. } = guide;
        let begin = Instant::now();
        let (daemon, verdict) = seen.unwrap_or_else(|| {
            loop {
                let (daemon, verdict) = (look.daemon(&story), look.verdict(&story));
                if verdict.is_ok() || alive(&story).is_empty() || begin.elapsed() > GRACE {
                    return (daemon, verdict);
                }
                pause();
            }
        });
        Run { story, daemon, verdict, was_hit }
    }
}

/// All that is alive now.
fn alive(story: &Story) -> Vec<Process> {
    story.processes.iter().map(|traced| traced.process).filter(|process| process.is_alive()).collect()
}

/// Who looks at what came of a start.
struct Look<'a> {
    place: &'a Place,
    usual: Option<&'a Daemon>,
}

impl Look<'_> {
    /// What there is to see of the daemon, if there is one. What the program opens by itself, locks, and what else a
    /// launcher alone may promise are left out.
    fn daemon(&self, story: &Story) -> Option<Daemon> {
        let daemon = story.programs().into_iter().find(|program| program.is_alive())?;
        let text = fs::read_to_string(self.place.path("x.pid")).ok();
        let number = text.as_ref().map(|text| text.trim_end().parse::<i64>());
        let pidfile = match number {
            None => "none",
            Some(Ok(number)) if number == i64::from(daemon.0) => "names it",
            Some(Ok(number)) if number == daemon.stat(4) => "names its parent",
            Some(Ok(_)) => "names another process",
            Some(Err(_)) => "holds no number",
        };
        let file = |number: i32| match fs::read_link(format!("/proc/{}/fd/{number}", daemon.0)) {
            Ok(_) if is_null(daemon, number) => "null device".to_owned(),
            // Pipes have numbers.
            Ok(file) => file
                .to_string_lossy()
                .replace(self.place.folder.to_str().unwrap(), ".")
                .split(':')
                .next()
                .unwrap()
                .to_owned(),
            Err(_) => "closed".to_owned(),
        };
        let own = Process(std::process::id() as i32);
        let session = match daemon.stat(6) {
            session if session == own.stat(6) => "the caller's",
            session if session == i64::from(daemon.0) => "it leads",
            _ => "a new one",
        };
        let folder = daemon.link("cwd");
        let folder = if folder == self.place.folder { Path::new(".") } else { &folder };
        Some(vec![
            ("processes", alive(story).len().to_string()),
            ("pidfile", pidfile.to_owned()),
            ("arguments", format!("{:?}", daemon.arguments())),
            ("descriptor 0", file(0)),
            ("descriptor 1", file(1)),
            ("descriptor 2", file(2)),
            ("session", session.to_owned()),
            ("terminal", daemon.stat(7).to_string()),
            ("directory", folder.display().to_string()),
            ("umask", daemon.status("Umask").unwrap_or_default()),
            ("blocked signals", daemon.status("SigBlk").unwrap_or_default()),
            ("ignored signals", daemon.status("SigIgn").unwrap_or_default()),
        ])
    }

    /// Is it a start or a failure, and whole as that? Zombies are left out, since init would reap them.
    fn verdict(&self, story: &Story) -> Result<(), Wrong> {
        let read = |name: &str| fs::read_to_string(self.place.path(name)).unwrap_or_default();
        let State::Ended(status) = story.processes[LAUNCHER].state else { return Err((HANGS, String::new())) };
        if story.hung {
            return Err((HANGS, format!("{status}, {:?}", read("words"))));
        }
        let daemon = self.daemon(story);
        if status.success() {
            let Some(daemon) = daemon else { return Err((NOTHING_RUNS, format!("{:?}", read("words")))) };
            let differs = |(found, usual): &(&(&str, String), &(&str, String))| found != usual;
            let usual = self.usual.unwrap_or(&daemon);
            let Some(((name, found), (_, wanted))) = daemon.iter().zip(usual).find(differs) else { return Ok(()) };
            return Err((NOT_WHOLE, format!("{name}: {found}, not {wanted}; {:?}", read("words"))));
        }
        self.failure(story, status, read("answer") + &read("words"))
    }

    fn failure(&self, story: &Story, status: ExitStatus, words: String) -> Result<(), Wrong> {
        let alive = alive(story);
        if !alive.is_empty() {
            let arguments: Vec<_> = alive.iter().map(|process| process.arguments()).collect();
            return Err((STILL_RUNS, format!("{status}, {words:?}, {arguments:?}")));
        }
        // Nothing runs, so whatever number it holds is that of a dead process.
        let text = fs::read_to_string(self.place.path("x.pid")).unwrap_or_default();
        match text.trim_end().parse::<u32>() {
            Ok(_) => Err((PIDFILE_LEFT, format!("{status}, {words:?}, {text:?}"))),
            Err(_) if words.trim().is_empty() => Err((NO_WORD, status.to_string())),
            Err(_) => Ok(()),
        }
    }
}

/// Leads a start to its end.
struct Guide<'a, F> {
    look: &'a Look<'a>,
    only: Option<usize>,
    decide: F,
    was_hit: bool,
    /// When the launcher was seen to have ended.
    ended: Option<Instant>,
    /// What came of it, where something stays with the daemon and so is still traced.
    seen: Option<(Option<Daemon>, Result<(), Wrong>)>,
}

impl<F: FnMut(&Story, usize) -> Act> Watcher for Guide<'_, F> {
    fn call(&mut self, story: &Story, place: usize) -> Act {
        let act = (self.decide)(story, place);
        // Who kills what is left once the program runs does so to a start that is over.
        let act = if matches!(act, Act::Kill(_)) && !story.programs().is_empty() { Act::Go } else { act };
        self.was_hit |= act != Act::Go;
        act
    }

    fn wants_calls(&self, place: usize) -> bool {
        self.only.is_none_or(|only| only == place && !self.was_hit)
    }

    fn executed(&mut self, _: &Story, _: usize) {}

    fn idle(&mut self, story: &Story) {
        if !matches!(story.processes[LAUNCHER].state, State::Ended(_)) || story.hung || self.seen.is_some() {
            return;
        }
        let is_over = self.ended.get_or_insert_with(Instant::now).elapsed() > GRACE;
        let verdict = self.look.verdict(story);
        // Without a daemon to compare with, any is right at any time.
        if is_over || verdict.is_ok() && self.look.usual.is_some() {
            self.seen = Some((self.look.daemon(story), verdict));
            story.running().into_iter().for_each(|place| story.processes[place].process.signal(SIGKILL));
        }
    }
}

/// How a start goes without a fault: its daemon, and every fault that there is for it.
fn usual(start: Start) -> (Start, Daemon, Vec<Point>) {
    let run = start.run(None, None, |_, _| Act::Go);
    assert_eq!(run.verdict, Ok(()), "{}", start.launcher.name);
    let story = &run.story;
    const BIRTHS: [&str; 5] = ["launcher", "second process", "third process", "fourth process", "fifth process"];
    let role = |place: usize| if story.processes[place].state == State::Program { "daemon" } else { BIRTHS[place] };
    let roles: Vec<_> = (0..story.processes.len()).map(role).collect();
    let mut points = Vec::new();
    for (place, traced) in story.processes.iter().enumerate() {
        // A loader that fails is the system's failure: the first call that none makes is the launcher's own first.
        let own = traced.calls.iter().position(|call| !is_loading(call)).unwrap();
        let skip = if place == LAUNCHER { own } else { 0 };
        points.extend(points_of(place, &traced.calls, skip, &roles));
    }
    points.retain(|point| point.fault != Fault::Kill(LAUNCHER));
    (start, run.daemon.unwrap(), points)
}

/// One fault; nothing if it never came, as where a process asks again and again, not always so often.
fn judge(start: &Start, usual: &Daemon, point: &Point) -> Option<Result<(), Wrong>> {
    (0..TRIES).find_map(|_| {
        let run = start.run(Some(usual), point.only(), |story, place| point.act(story, place));
        run.was_hit.then_some(run.verdict)
    })
}

/// Injects everything everywhere, and prints a table of what came of it; with `DMZ_WRONG` each that was wrong, too.
pub fn inject() {
    // The first place makes us the parent of orphans.
    let first = Place::new();
    let starts = each(Start::all(), usual);
    let jobs: Vec<_> = starts
        .iter()
        .flat_map(|(start, usual, points)| points.iter().map(move |point| (start, usual, point)))
        .collect();
    let verdicts = each(jobs.clone(), |(start, usual, point)| judge(start, usual, point));
    drop(first);
    println!("| launcher | faults | wrong | {} |", KINDS.join(" | "));
    println!("|---|---|---|{}", "---|".repeat(KINDS.len()));
    for launcher in LAUNCHERS {
        let mine = || jobs.iter().zip(&verdicts).filter(|((start, ..), _)| start.launcher.name == launcher.name);
        let came = mine().filter(|(_, verdict)| verdict.is_some()).count();
        let wrong: Vec<_> =
            mine().filter_map(|(job, verdict)| Some((job, verdict.as_ref()?.as_ref().err()?))).collect();
        if mine().count() == 0 {
            continue;
        }
        let counts = KINDS.map(|kind| wrong.iter().filter(|(_, (found, _))| *found == kind).count().to_string());
        println!("| {} | {came} | {} | {} |", launcher.name, wrong.len(), counts.join(" | "));
        let lines =
            wrong.iter().map(|((start, _, point), (kind, what))| format!("{}: {point}: {kind}: {what}\n", start.words));
        let lines: String = lines.collect();
        if std::env::var_os("DMZ_WRONG").is_some() {
            eprint!("{lines}");
        }
        // Else the table would say little.
        assert!(came * 4 >= mine().count() * 3, "{}: too many never came", launcher.name);
        assert!(launcher.name != "dmz" || wrong.is_empty(), "wrong:\n{lines}");
    }
}
