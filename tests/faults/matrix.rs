//! All injections into all scenarios, and the verdict on each.

use crate::calls::*;
use crate::scenario::*;
use crate::support::*;
use crate::tracer::*;
use libc::{ECHILD, ENOENT, SIGTERM, SYS_ftruncate, SYS_pwrite64, SYS_wait4, SYS_waitid, c_int};
use std::fmt::{self, Display, Formatter};
use std::iter;
use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;
use std::thread;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This call fails.
    Error(c_int),
    /// All calls of this kind fail, in every process.
    Always(c_int),
    /// It does a part of what it was asked for.
    Short,
    /// This process is killed when the call is about to be made.
    Kill(usize),
}

/// Where it does.
pub struct Point {
    pub fault: Fault,
    place: usize,
    call: Call,
    /// How often the process has made the same call before.
    before: usize,
    roles: Vec<&'static str>,
}

/// Does `victim` still run dmz?
fn is_dmz(story: &Story, victim: usize) -> bool {
    story.running().contains(&victim) && !story.is_executing(victim)
}

/// The process that was called.
pub const LAUNCHER: usize = 0;

impl Display for Point {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (whose, what, number) = (self.roles[self.place], label(&self.call), self.before + 1);
        match self.fault {
            Fault::Error(error) => write!(f, "{whose}, {what} no. {number}: {}", text(error)),
            Fault::Always(error) => write!(f, "every {}: {}", row_of(&self.call).name, text(error)),
            Fault::Short => write!(f, "{whose}, {what} no. {number}: only a part"),
            Fault::Kill(victim) => write!(f, "{} killed at {whose}'s {what} no. {number}", self.roles[victim]),
        }
    }
}

/// The kernel's name of an error number.
fn text(error: c_int) -> String {
    let text = std::io::Error::from_raw_os_error(error).to_string();
    text.split(" (os").next().unwrap().to_owned()
}

impl Point {
    /// What becomes of the last call of the process at `place`.
    pub fn act(&self, story: &Story, place: usize) -> Act {
        let calls = &story.processes[place].calls;
        let (call, before) = calls.split_last().unwrap();
        let is_it = || place == self.place && is_same(call, &self.call);
        let is_now = || is_it() && before.iter().filter(|other| is_same(other, call)).count() == self.before;
        match self.fault {
            Fault::Always(error) if std::ptr::eq(row_of(call), row_of(&self.call)) => Act::Fail(error),
            // Linux frees the number whatever it answers (close(2)).
            Fault::Error(error) if is_now() && call.number == libc::SYS_close => Act::Pretend(error),
            Fault::Error(error) if is_now() => Act::Fail(error),
            Fault::Short if is_now() => Act::Shorten,
            Fault::Kill(victim) if is_now() && is_dmz(story, victim) => Act::Kill(victim),
            _ => Act::Go,
        }
    }

    /// The process that it is about, if it is not about all.
    pub fn only(&self) -> Option<usize> {
        if matches!(self.fault, Fault::Always(_)) { None } else { Some(self.place) }
    }

    fn kills(&self, place: usize) -> bool {
        self.fault == Fault::Kill(place)
    }

    /// Is it a kill of another process than the launcher?
    fn kills_another(&self) -> bool {
        matches!(self.fault, Fault::Kill(victim) if victim != LAUNCHER)
    }

    fn kills_a(&self, role: &str) -> bool {
        matches!(self.fault, Fault::Kill(victim) if self.roles[victim] == role)
    }

    /// Who is told that he has no such child cannot reap it.
    fn hides_children(&self) -> bool {
        [SYS_waitid, SYS_wait4].contains(&self.call.number) && self.fault == Fault::Error(ECHILD)
    }

    /// Who is told that the file has gone does not remove it.
    fn hides_the_file(&self) -> bool {
        self.fault == Fault::Error(ENOENT) && !self.call.path.is_empty()
    }

    /// May the start go on after this?
    fn is_harmless(&self) -> bool {
        match self.fault {
            Fault::Kill(LAUNCHER) => true,
            Fault::Kill(victim) => is_survived(self.roles[victim], self.roles[self.place], &self.call),
            Fault::Short => is_harmless(&self.call, SHORT),
            Fault::Error(error) | Fault::Always(error) => is_harmless(&self.call, &[error]),
        }
    }
}

/// How a scenario goes without an injection.
struct Usual {
    steps: Vec<String>,
    words: String,
    /// Every injection that there is for it.
    points: Vec<Point>,
}

/// Runs a scenario without an injection.
fn usual(scenario: &Scenario) -> Usual {
    let run = scenario.run(None, |_, _| Act::Go);
    let is_whole = run.whole.as_ref().map_or(!scenario.starts(), Result::is_ok);
    assert!(is_whole, "{}: {:?}, {:?}", scenario.name, run.whole, run.words);
    let roles = roles(scenario, &run.story);
    let mut points = Vec::new();
    for (place, traced) in run.story.processes.iter().enumerate() {
        // What it does once it was told to go is no part of the start.
        let counts = run.seen.as_ref().map(|seen| seen.counts.get(place).copied().unwrap_or(0));
        points.extend(points_of(place, &traced.calls[..counts.unwrap_or(traced.calls.len())], 0, &roles));
    }
    let calls =
        run.story.processes.iter().zip(0..).flat_map(|(traced, place)| traced.calls.iter().zip(iter::repeat(place)));
    let mut seen = Vec::new();
    for (call, place) in calls {
        let row = row_of(call);
        if !seen.contains(&row.name) {
            seen.push(row.name);
            let always = |error: &c_int| Point {
                fault: Fault::Always(*error),
                place,
                call: call.clone(),
                before: 0,
                roles: roles.clone(),
            };
            points.extend(row.always.iter().map(always));
        }
    }
    Usual { steps: scenario.steps(), words: run.words, points }
}

/// What can go wrong at the calls of the process at `place` but the first few.
pub fn points_of(place: usize, calls: &[Call], skip: usize, roles: &[&'static str]) -> Vec<Point> {
    let mut points = Vec::new();
    for (index, call) in calls.iter().enumerate().skip(skip) {
        let before = calls[..index].iter().filter(|other| is_same(other, call)).count();
        let after = calls[index + 1..].iter().filter(|other| is_same(other, call)).count();
        let point = |fault| Point { fault, place, call: call.clone(), before, roles: roles.to_vec() };
        // Of many that are the same the first two, one in the middle and the last.
        if before < 2 || after == 0 || before == after || before == after + 1 {
            points.extend(faults(call).map(point));
        }
    }
    points
}

/// What the processes are called.
fn roles(scenario: &Scenario, story: &Story) -> Vec<&'static str> {
    let last = story.processes.len() - 1;
    let is_daemon = |place: usize| match scenario.starts() {
        true => story.processes[place].state == State::Program,
        false => place == last,
    };
    let stays = (0..=last).rev().find(|place| !is_daemon(*place));
    let role = |place: usize| match place {
        LAUNCHER => "launcher",
        _ if is_daemon(place) => "daemon",
        _ if scenario.has("-S") && stays == Some(place) => "monitor",
        _ => "session",
    };
    (0..=last).map(role).collect()
}

/// What can go wrong at one call.
fn faults(call: &Call) -> impl Iterator<Item = Fault> {
    let errors = row_of(call).errors.iter().map(|error| Fault::Error(*error));
    let kills = call.running.iter().map(|victim| Fault::Kill(*victim));
    errors.chain(kills).chain(can_be_short(call).then_some(Fault::Short))
}

/// How a start ended that went as it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Reported,
    Continued,
    /// What was to go wrong never came: a process asks again and again, not always so often.
    Missed,
}

/// Has the start ended as it should? What is wrong, if not.
fn verdict(scenario: &Scenario, usual: &Usual, point: &Point, run: &Run) -> Result<Verdict, String> {
    let Run { story, whole, running, words, .. } = run;
    let launcher = story.processes[LAUNCHER].state;
    let is_excused =
        point.kills(LAUNCHER) || point.hides_children() || point.kills_another() && scenario.is_monitored();
    if story.hung {
        return Err(format!("it hangs, and says {words:?}"));
    }
    if let Some(what) = &run.is_unsafe {
        return Err(what.clone());
    }
    if !story.zombies.is_empty() && !is_excused {
        return Err(format!("zombies: {:?}, and dmz: {launcher:?}, {words:?}", story.zombies));
    }
    let Some(whole) = whole else {
        if !running.is_empty() {
            return Err(format!("left behind: {running:?}, and dmz: {launcher:?}, {words:?}"));
        }
        let is_there = if scenario.asks() { is_answered } else { nothing_is_left };
        return is_there(scenario, usual, point, run);
    };
    let is_good = match launcher {
        _ if point.kills(LAUNCHER) || point.hides_children() => true,
        State::Ended(status) if scenario.waits() => status.signal() == Some(SIGTERM),
        State::Ended(status) => status.success(),
        state => scenario.has("-f") && state == State::Program,
    };
    // Who waits for a child that he is told is not his can only say so.
    let may_say_so = scenario.has("-w") && point.hides_children();
    if !is_good || !(words.is_empty() || may_say_so) {
        return Err(format!("the program runs, but dmz: {launcher:?}, {words:?}"));
    }
    // The monitor's death reaches its child alone, and what a program has forked is that only by adoption.
    let is_out_of_reach = scenario.forks() && point.kills_a("monitor") && run.is_named_alone;
    if is_out_of_reach {
        return Ok(Verdict::Continued);
    }
    // At a restart the program is worth more than the text, of which nothing is better than a part.
    let may_be_empty = scenario.has("-r") && run.was_late && [SYS_pwrite64, SYS_ftruncate].contains(&point.call.number);
    match whole {
        Err(what) if may_be_empty && what.ends_with(EMPTY_PIDFILE) => {}
        whole => whole.clone()?,
    }
    let stays = scenario.is_monitored() || scenario.has("-w");
    // A monitor that is killed leaves its pidfile: nobody holds its lock, and the process that it names ends.
    let is_left = !running.is_empty() || run.pidfile.is_some() && !point.kills_a("monitor");
    if stays && !point.kills(LAUNCHER) && !point.hides_children() && is_left {
        return Err(format!("after the program's end: {running:?}, {:?}", run.pidfile));
    }
    // A program that ends, and what fails at a restart, is tried again; once the start is over nobody is left to be told of
    // the monitor's death.
    let is_tried_again = scenario.has("-r") && (run.was_late || point.kills_a("daemon"));
    if point.is_harmless() || is_tried_again || point.kills_a("monitor") && run.was_late {
        Ok(Verdict::Continued)
    } else {
        Err("the start goes on, and nothing says why".into())
    }
}

/// The same where no program runs.
fn nothing_is_left(scenario: &Scenario, usual: &Usual, point: &Point, run: &Run) -> Result<Verdict, String> {
    let Run { story, words, pidfile, .. } = run;
    let launcher = story.processes[LAUNCHER].state;
    if let Some(owner) = run.owner {
        return Err(format!("{owner:?} holds the lock"));
    }
    match launcher {
        _ if point.kills(LAUNCHER) => {}
        // Killed after it had started.
        State::Ended(status) if status.success() && scenario.has("-S") && point.kills_another() => {
            let is_late = words.is_empty() && (!story.programs().is_empty() || point.is_harmless());
            return if is_late { Ok(Verdict::Reported) } else { Err("nothing runs, and dmz said yes".into()) };
        }
        State::Ended(status) if status.code().is_some_and(|code| code != 0) => {
            // The start fails anyway: what fails in taking it down is not what the caller wants to know.
            let is_usual =
                usual.words == *words && (point.is_harmless() || point.place == LAUNCHER || point.kills_another());
            if !is_usual && !is_message(&point.call) {
                is_told(&usual.steps, point, words)?;
            }
        }
        state => return Err(format!("nothing runs, and dmz: {state:?}, {words:?}")),
    }
    // In the foreground nobody is left to clean up, nor when the launcher of a start that fails by itself is killed.
    let is_alone = point.kills(LAUNCHER) && (scenario.is_foreground() || !scenario.starts());
    // What it does to clean up may fail, too.
    let is_undo = point.place == LAUNCHER && !scenario.starts();
    match (scenario.old, pidfile.as_deref()) {
        _ if is_alone || is_undo || point.hides_the_file() => {}
        (None, None) | (Some(_), Some("")) => {}
        (Some(old), Some(text)) if old == text => {}
        _ => return Err(format!("the pidfile is left: {pidfile:?}, and dmz: {launcher:?}, {words:?}")),
    }
    Ok(Verdict::Reported)
}

/// The same where dmz asks or stops a daemon that runs: it says what is true, or that it cannot.
fn is_answered(scenario: &Scenario, _: &Usual, point: &Point, run: &Run) -> Result<Verdict, String> {
    let Run { story, words, daemon, pidfile, owner, .. } = run;
    let launcher = story.processes[LAUNCHER].state;
    let (asks, signals) = (scenario.has("-T"), scenario.has("-s"));
    let is_whole = daemon.is_some_and(|daemon| *owner == Some(daemon) && *pidfile == Some(format!("{}\n", daemon.0)));
    let is_line = words.starts_with("dmz: ") && words.ends_with('\n') && words.lines().count() == 1;
    let what = match launcher {
        _ if (asks || signals) && !is_whole => "it changed something",
        _ if point.kills(LAUNCHER) => return Ok(Verdict::Reported),
        State::Ended(status)
            if point.hides_the_file() && !signals && status.code() == Some(if asks { 3 } else { 0 }) =>
        {
            return Ok(Verdict::Continued);
        }
        // A pidfile that could not be removed is not locked, and so does no harm.
        State::Ended(status) if status.success() && (asks || run.was_signalled || daemon.is_none()) => {
            return Ok(Verdict::Continued);
        }
        State::Ended(status) if !status.code().is_some_and(|code| [4, 124, 125].contains(&code)) => "not true",
        _ if run.was_signalled => "the signal was sent",
        _ if is_line || is_message(&point.call) => return Ok(Verdict::Reported),
        _ => "not one line",
    };
    Err(format!("{what}: {daemon:?} with {pidfile:?}, and dmz: {launcher:?}, {words:?}"))
}

/// Is this the one line that says what failed and why?
fn is_told(steps: &[String], point: &Point, words: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {words:?}"));
    let Some(line) = words.strip_prefix("dmz: cannot ").and_then(|line| line.strip_suffix('\n')) else {
        return wrong("not a message");
    };
    let (step, reason) = line.rsplit_once(": ").unwrap_or((line, ""));
    if !steps.iter().any(|planned| planned == step) && !OTHER_STEPS.iter().any(|other| step.starts_with(other)) {
        return wrong("names no step");
    }
    if line.contains('\n') {
        return wrong("more than a line");
    }
    match point.fault {
        Fault::Short => Ok(()),
        // What was executed already has just ended.
        Fault::Kill(_) if reason.contains("killed") || reason == "it ended" => Ok(()),
        Fault::Kill(_) => wrong("does not say that it was killed"),
        Fault::Error(error) | Fault::Always(error) if is_other_reason(&point.call, error, reason) => Ok(()),
        // What may be behind it follows in brackets.
        Fault::Error(error) | Fault::Always(error) if reason.split(" (").next() != Some(&*text(error)) => {
            wrong("another reason")
        }
        _ if is_step_of(&point.call, step) => Ok(()),
        _ => wrong("another step"),
    }
}

/// Runs all that has to be run, in a few threads.
pub fn each<T: Send, U: Send>(jobs: Vec<T>, act: impl Fn(T) -> U + Sync) -> Vec<U> {
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some((number, job)) = queue.lock().unwrap().next() else { return };
                    let result = act(job);
                    done.lock().unwrap().push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Runs wait for each other more than they work.
const WORKERS: usize = 4;

/// How often an injection is tried that does not come.
pub const TRIES: usize = 5;

/// One injection.
fn judge(scenario: &Scenario, usual: &Usual, point: &Point) -> Result<Verdict, String> {
    for _ in 0..TRIES {
        let run = scenario.run(point.only(), |story, place| point.act(story, place));
        if run.was_hit {
            return verdict(scenario, usual, point, &run);
        }
    }
    let may_miss = point.before > 0
        || is_asked_again(&point.call)
        || matches!(point.fault, Fault::Kill(victim) if victim != point.place);
    if may_miss { Ok(Verdict::Missed) } else { Err("never came".into()) }
}

/// Injects everything everywhere, and prints what came of it.
pub fn inject() {
    // The first place makes us the parent of orphans.
    let root = Place::new();
    prepare(&root);
    let scenarios: Vec<_> = SCENARIOS.iter().filter(|scenario| scenario.is_possible()).collect();
    let usual = each(scenarios.clone(), usual);
    let jobs: Vec<_> =
        (0..scenarios.len()).flat_map(|at| usual[at].points.iter().map(move |point| (at, point))).collect();
    let verdicts = each(jobs.clone(), |(at, point)| judge(scenarios[at], &usual[at], point));
    drop(root);
    let mut wrong = String::new();
    println!("{:<20}{:>10}{:>10}{:>10}{:>10}{:>10}", "", "injected", "reported", "continued", "missed", "wrong");
    for (at, scenario) in scenarios.iter().enumerate() {
        let mine = || jobs.iter().zip(&verdicts).filter(|((number, _), _)| *number == at);
        let count = |verdict| mine().filter(|(_, found)| **found == Ok(verdict)).count();
        let bad: Vec<_> = mine()
            .filter_map(|((_, point), found)| Some(format!("{}: {point}: {}\n", scenario.name, found.as_ref().err()?)))
            .collect();
        let [reported, continued, missed] = [Verdict::Reported, Verdict::Continued, Verdict::Missed].map(count);
        println!(
            "{:<20}{:>10}{reported:>10}{continued:>10}{missed:>10}{:>10}",
            scenario.name,
            mine().count(),
            bad.len()
        );
        // Else the matrix would say little.
        assert!(missed * 4 <= mine().count(), "{}: too many never came", scenario.name);
        wrong.extend(bad);
    }
    assert!(wrong.is_empty(), "wrong:\n{wrong}");
}
