//! Whatever the words are, there is a plan or one line that says what is wrong with them, and a plan changes nothing. The
//! words are random but the same each time (`DMZ_SEED` sets others, `DMZ_ROUNDS` how many); most are nearly right, since
//! what is plainly wrong is refused early.

#[path = "support/launch.rs"]
mod launch;
#[path = "support/random.rs"]
mod random;
mod support;

use launch::*;
use random::Random;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use support::*;

/// A name of every option, and whether it takes a value: `--help`.
fn options() -> Vec<(String, bool)> {
    let help = Outcome::of(Command::new(dmz()).arg("--help")).stdout;
    let words = |cell: &str| {
        let names: Vec<&str> =
            cell[..26.min(cell.len())].split('[').next()?.split([' ', ',']).filter(|name| !name.is_empty()).collect();
        let takes = names.iter().any(|name| !name.starts_with('-'));
        let names = names.into_iter().filter(|name| name.starts_with('-'));
        Some(names.map(|name| (name.to_owned(), takes)).collect::<Vec<_>>())
    };
    options_of(&help).into_iter().filter_map(words).flatten().collect()
}

/// Values that some option likes, and some that none does; an empty one among them.
const VALUES: &str = "x.pid y.lock dir dir/a / . .. out 022 0777 08 1000 0 1 2 3 9 99 64 65 -1 -20 19 2147483647 \
    4294967294 4294967295 4294967296 18446744073709551616 A=B A= =B A root root: :root root:root nobody 0:0 1:2 \
    nobody:65534 root,nogroup none kill,chown kill, all nofile=64 nofile=64:65 nofile=65:64 core=unlimited as=1G:2G cpu= \
    idle realtime:0 best-effort:7 best-effort:8 fifo:1 rr:99 batch other:0 TERM SIGHUP RTMIN RTMIN+3 RTMAX HUP:USR1 HUP:0 \
    0:HUP 1:2:3 process group exec fd:3 fd:2 fd:1048577 notify exit exit: exit:x.pid failure always exit,0 0,1,TERM \
    poweroff  -- - \u{fe} /bin/true true nowhere /dev/null";

/// One command line: options of the right form, mostly, and a program or none.
fn words(random: &mut Random, options: &[(String, bool)], values: &[&str]) -> Vec<OsString> {
    let mut words = vec![OsString::from("--dry-run")];
    for _ in 0..random.below(7) {
        let (name, takes) = random.of(options);
        let mut value = OsString::from(random.of(values));
        if random.below(8) == 0 {
            value = OsString::from_vec(random.bytes(12).into_iter().filter(|byte| *byte != 0).collect());
        }
        let mut word = OsString::from(name);
        match random.below(10) {
            0 => word = value,
            1 => words.push(word.clone()),
            2 => word.push(&value),
            3..6 if *takes && name.starts_with("--") => {
                word.push("=");
                word.push(&value);
            }
            _ if *takes => words.extend([std::mem::take(&mut word), value]),
            _ => {}
        }
        if !word.is_empty() {
            words.push(word);
        }
    }
    if random.below(4) != 0 {
        words.extend(["--", *random.of(&["/bin/true", "true", "./x", "nowhere"])].map(OsString::from));
    }
    words
}

/// Name, kind, size, last change of everything in a folder.
fn looks(folder: &Path) -> Vec<(OsString, u32, u64, i64)> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let look = |entry: fs::DirEntry| {
        let status = entry.metadata().unwrap();
        (entry.file_name(), status.mode(), status.size(), status.ctime_nsec() ^ status.ctime())
    };
    let mut all: Vec<_> = all.map(look).collect();
    all.sort();
    all
}

/// Is this a line of a plan: who, and what that does?
fn is_step(line: &str) -> bool {
    let who = ["launcher", "session", "monitor", "daemon", "program"];
    line.split_once(": ").is_some_and(|(name, what)| who.contains(&name) && !what.is_empty())
}

#[test]
fn any_words_are_a_plan_or_one_line_about_them_and_nothing_happens() {
    let place = Place::new();
    fs::create_dir(place.path("dir")).unwrap();
    place.file("x.pid", "4194304\n");
    let (options, values) = (options(), VALUES.split(' ').collect::<Vec<_>>());
    let before = looks(&place.folder);
    assert!(options.len() > 40, "{options:?}");
    let (mut random, mut plans, mut refused) = (Random::new(), 0, 0);
    for round in 0..rounds(3000) {
        let words = words(&mut random, &options, &values);
        let about = format!("round {round}: {words:?}");
        let has = |names: &[&str]| names.iter().any(|name| words.iter().any(|word| *word == **name));
        let outcome = place.run(&words);
        match outcome.code {
            // Whoever controls has another answer, and -h and -V come first.
            0 if outcome.stdout.starts_with("dmz ") || outcome.stdout.starts_with("usage: ") => {}
            0 if outcome.stdout.is_empty() => {
                assert!(!has(&["--"]) && outcome.stderr.is_empty(), "{about} {outcome:?}")
            }
            0 => {
                // A name with a newline makes two lines of one.
                let is_plain = words.iter().all(|word| !word.as_encoded_bytes().contains(&b'\n'));
                assert!(!is_plain || outcome.stdout.lines().all(is_step), "{about} {outcome:?}");
                assert!(has(&["-v", "--verbose"]) || outcome.stderr.is_empty() || has(&["-q"]), "{about} {outcome:?}");
                plans += 1;
            }
            1 | 3 | 4 => assert_eq!(outcome.stdout, "", "{about}"),
            125 => {
                // What is wrong may itself have bytes of any kind in it, so a line may look like more.
                let is_told = outcome.stderr.starts_with("dmz: ") && outcome.stderr.ends_with('\n');
                assert!(is_told || outcome.stderr.is_empty(), "{about} {outcome:?}");
                assert_eq!(outcome.stdout, "", "{about}");
                refused += 1;
            }
            _ => panic!("{about} {outcome:?}"),
        }
    }
    assert!(plans > 0 && refused > 0, "{plans} plans, {refused} refused");
    assert_eq!(looks(&place.folder), before);
    assert_eq!(place.processes(), []);
}

#[test]
fn a_dry_run_of_control_signals_nobody() {
    let place = Place::new();
    let program = place.start([&["-p", "x.pid"][..], &SLEEP].concat());
    for words in [&["-K"][..], &["-s", "KILL"], &["-T"]] {
        let outcome = place.run([&["--dry-run", "-p", "x.pid"], words].concat());
        assert!([0, 125].contains(&outcome.code), "{outcome:?}");
        assert_pidfile(place.path("x.pid"), program);
        assert_eq!(program.signals("ShdPnd"), 0);
    }
}

/// Is this what a pidfile may hold, one process id and at most a newline behind it? §4 and §7 in other words.
fn is_pid_text(text: &[u8]) -> bool {
    let digits = text.strip_suffix(b"\n").unwrap_or(text);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) && digits[0] != b'0';
    is_number && digits.len() < 10 && std::str::from_utf8(digits).unwrap().parse::<u32>().unwrap() <= 4_194_304
}

#[test]
fn any_text_in_a_pidfile_is_one_process_id_or_refused() {
    let place = Place::new();
    let path = place.path("x.pid");
    let mut random = Random::new();
    let (mut good, mut bad) = (0, 0);
    for round in 0..rounds(1500) {
        let mut text =
            random.of(&["1", "12\n", "4194304\n", "4194305", "007", "77", "419430\n4", "12 \n"]).as_bytes().to_vec();
        for _ in 0..random.below(3) {
            let at = random.below(text.len() + 1);
            match random.below(4) {
                0 if at < text.len() => drop(text.remove(at)),
                1 => text.insert(at, random.bytes(1).first().copied().unwrap_or(0)),
                2 => text.insert(at, *random.of(b"0123456789\n\0 +-x")),
                _ => text.extend(random.bytes(40)),
            }
        }
        fs::write(&path, &text).unwrap();
        let outcome = place.run(["-T", "-p", "x.pid"]);
        let is_good = text.is_empty() || is_pid_text(&text);
        // Nobody holds the lock: dead, or refused.
        let wanted = if is_good { 1 } else { 125 };
        assert_eq!(outcome.code, wanted, "round {round}: {:?} {outcome:?}", String::from_utf8_lossy(&text));
        assert_eq!(fs::read(&path).unwrap(), text);
        *(if is_good { &mut good } else { &mut bad }) += 1;
    }
    assert!(good > 0 && bad > 0);
}

/// What a plan says and the call that does it. Neither is there without the other.
const TRUTHS: [(&str, &str); 20] = [
    ("set nice value 3", "setpriority("),
    ("set scheduling batch", "sched_setscheduler("),
    ("set I/O priority idle", "ioprio_set("),
    ("set OOM score 300", "/oom_score_adj"),
    ("change root to /", "chroot("),
    ("set groups", "setgroups("),
    ("become user 65534:65534", "resuid("),
    ("set limits", "prlimit64(0, RLIMIT_NOFILE, {"),
    ("limit capabilities to none", "PR_CAPBSET_DROP"),
    ("forbid new privileges", "PR_SET_NO_NEW_PRIVS"),
    ("open pidfile", "x.pid\", O_RDWR"),
    ("open lockfile", "y.lock\", O_RDWR"),
    ("open stdin", "in\", O_RDONLY"),
    ("open stdout", "out\", O_WRONLY"),
    ("open stderr", "err\", O_WRONLY"),
    ("set umask 027", "umask(027)"),
    ("create a session", "setsid("),
    ("adopt orphans", "PR_SET_CHILD_SUBREAPER"),
    ("follow the monitor", "PR_SET_PDEATHSIG"),
    ("change directory to /tmp", "chdir(\"/tmp\")"),
];

#[test]
fn what_a_dry_run_says_is_what_a_real_one_does() {
    if lacks_root() || lacks("strace") {
        return;
    }
    const OPTIONS: &str = "-N3|--sched=batch|--ionice=idle|--oom-score-adj=300|-R/|-u65534:65534|--rlimit=nofile=99|\
        --caps=none|--no-new-privs|-px.pid|-ly.lock|-iin|-oout|-eerr|-k027|-c/tmp|-a|-C|--keep-signals|-EA=B|-P";
    const WAYS: [&[&str]; 6] = [&[], &["-f"], &["-w"], &["-S"], &["-I"], &["--single-fork"]];
    let (mut random, mut seen) = (Random::new(), [0; TRUTHS.len()]);
    for round in 0..rounds(36) {
        let place = Place::new();
        std::os::unix::fs::chown(&place.folder, Some(0), Some(65534)).unwrap();
        fs::set_permissions(&place.folder, std::os::unix::fs::PermissionsExt::from_mode(0o1775)).unwrap();
        place.file("in", "");
        let chosen = OPTIONS.split('|').filter(|_| random.below(5) < 2);
        let words: Vec<&str> = chosen.chain(WAYS[round % WAYS.len()].iter().copied()).collect();
        let rest = ["--", "/bin/true"];
        let plan = place.run([&["--dry-run"], &words[..], &rest].concat());
        assert_eq!(plan.code, 0, "{words:?} {plan:?}");
        let mut command = place.command("strace");
        command.args(["-f", "-qq", "-o", "/dev/stderr", "-s", "4096"]).arg(dmz()).args(&words).args(rest);
        let real = Outcome::of(&mut command);
        assert_eq!(real.code, 0, "{words:?} {real:?}");
        for (index, (step, call)) in TRUTHS.iter().enumerate() {
            let is_planned = plan.stdout.lines().any(|line| line.contains(&format!(": {step}")));
            let is_done = real.stderr.lines().any(|line| line.contains(call));
            assert_eq!(is_planned, is_done, "planned and done: {step}, {call}: {words:?}\n{}", plan.stdout);
            seen[index] += usize::from(is_planned);
        }
    }
    assert!(!seen.contains(&0), "each was there: {seen:?}");
}
