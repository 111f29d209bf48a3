//! The completions that `scripts/docs` makes, asked in the shells themselves: options and their values, and behind the
//! program whatever is the program's. How each shell is asked is in tests/completions/.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use support::*;

/// What a user has typed, and all that may come in place of the last word, where shells differ in one of these forms.
/// Answers may leave out what is in front of the last `=`, `:` or `,`, as bash wants it.
const LINES: &[(&str, &[&str])] = &[
    ("dmz --restart-", &["--restart-delay", "--restart-max"]),
    ("dmz --rest", &["--restart", "--restart|--restart=|--restart=failure", "--restart-delay", "--restart-max"]),
    ("dmz -P --keep-s", &["--keep-signals"]),
    ("dmz --chroot /x --cle", &["--clear-env"]),
    // Files and folders.
    ("dmz -p ou", &["out.pid", "outer|outer/"]),
    ("dmz -vPp ou", &["out.pid", "outer|outer/"]),
    ("dmz -pou", &["-pout.pid", "-pouter|-pouter/"]),
    ("dmz --stdout ou", &["out.pid", "outer|outer/"]),
    ("dmz --stdout=ou", &["--stdout=out.pid", "--stdout=outer|--stdout=outer/"]),
    ("dmz -c ou", &["outer|outer/"]),
    ("dmz -c outer/in", &["outer/inner|outer/inner/|inner"]),
    // Users and groups.
    ("dmz -u daemo", &["daemon"]),
    ("dmz -vu daemo", &["daemon"]),
    ("dmz --user=daemo", &["--user=daemon"]),
    ("dmz -u daemon:daemo", &["daemon:daemon"]),
    ("dmz -g daemo", &["daemon"]),
    ("dmz --groups root,daemo", &["root,daemon"]),
    // Signals.
    ("dmz -s TE", &["TERM"]),
    ("dmz --stop-signal US", &["USR1", "USR2"]),
    ("dmz --stop-signal=US", &["--stop-signal=USR1", "--stop-signal=USR2"]),
    ("dmz --map TERM:QU", &["TERM:QUIT"]),
    ("dmz --map TER", &["TERM|TERM:"]),
    ("dmz --exit-ok 1,TE", &["1,TERM"]),
    // Capabilities and limits.
    ("dmz --caps net_b", &["net_bind_service", "net_broadcast"]),
    ("dmz --caps kill,net_b", &["kill,net_bind_service", "kill,net_broadcast"]),
    ("dmz --rlimit no", &["nofile="]),
    // Words.
    ("dmz --ionice be", &["best-effort"]),
    ("dmz --sched r", &["rr:"]),
    ("dmz --ready no", &["notify"]),
    ("dmz --target ", &["process", "group"]),
    ("dmz --at-exit r", &["reboot"]),
    ("dmz --restart=", &["--restart=failure"]),
    ("dmz --unset DMZ_VAR", &["DMZ_VARIABLE"]),
    ("dmz --env DMZ_VAR", &["DMZ_VARIABLE|DMZ_VARIABLE="]),
    // The program, and what is the program's.
    ("dmz myserv", &["myserver"]),
    ("dmz -p x.pid -- myserv", &["myserver"]),
    ("dmz -ao out -- myserv", &["myserver"]),
    ("dmz --restart myserv", &["myserver"]),
    ("dmz -r myserv", &["myserver"]),
    ("dmz -p x.pid myserver --st", &[]),
    ("dmz -p x.pid chmod --rec", &["--recursive"]),
    ("dmz -vPp x.pid -- chmod --rec", &["--recursive"]),
    ("dmz -p x.pid -- myserver out", &["out.pid", "outer|outer/"]),
    ("dmz -- myserver -p out", &["out.pid", "outer|outer/"]),
];

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A shell, and how to ask it.
struct Shell {
    name: &'static str,
    options: &'static [&'static str],
    script: &'static str,
    completion: &'static str,
}

const BASH: Shell = Shell { name: "bash", options: &["--norc"], script: "ask.bash", completion: "made/dmz.bash" };
const ZSH: Shell = Shell { name: "zsh", options: &["-f"], script: "ask.zsh", completion: "made" };
const FISH: Shell = Shell { name: "fish", options: &[], script: "ask.fish", completion: "made/dmz.fish" };

impl Shell {
    /// Is it not here?
    fn is_missing(&self) -> bool {
        let functions = Path::new("/usr/share/bash-completion/bash_completion");
        lacks(self.name) || self.name == "bash" && skipped(functions.exists(), "no bash-completion")
    }

    /// What it would offer behind each line.
    fn ask<'a>(&self, place: &Place, lines: impl IntoIterator<Item = &'a str>) -> Vec<Vec<String>> {
        make(place);
        let lines: Vec<_> = lines.into_iter().collect();
        let file = place.file("lines", lines.join("\n") + "\n");
        let mut command = place.command(self.name);
        command.args(self.options).arg(home().join("tests/completions").join(self.script));
        command.arg(place.path(self.completion)).arg(file);
        // One program more than the system's, and nothing of the user's.
        let path = format!("{}:/usr/bin:/bin", place.path("programs").display());
        command.env("PATH", path).env("HOME", &place.folder).env("DMZ_VARIABLE", "x").env("TERM", "xterm");
        for name in ["DMZ_TESTS", "DMZ_BLESS", "DMZ_TEST", "DMZ", "ZDOTDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env_remove(name);
        }
        let outcome = Outcome::of(&mut command);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{}", outcome.stdout);
        let answers: Vec<_> = outcome.stdout.lines().map(|line| line.split('\t')).collect();
        assert_eq!(answers.len(), lines.len(), "{}", outcome.stdout);
        let check = |(mut answer, line): (std::str::Split<'_, char>, &str)| {
            assert_eq!(answer.next(), Some(line));
            answer.filter(|word| !word.is_empty()).map(String::from).collect()
        };
        answers.into_iter().zip(lines).map(check).collect()
    }
}

/// Makes the completions, and something to complete.
fn make(place: &Place) -> PathBuf {
    fs::create_dir_all(place.path("outer/inner")).unwrap();
    fs::create_dir_all(place.path("programs")).unwrap();
    place.file("out.pid", "");
    fs::set_permissions(place.file("programs/myserver", "#!/bin/sh\n"), PermissionsExt::from_mode(0o755)).unwrap();
    let made = place.path("made");
    let outcome = Outcome::of(place.command(home().join("scripts/docs")).arg(&made).env("DMZ", dmz()));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    made
}

fn offers_what_fits(shell: &Shell) {
    if shell.is_missing() {
        return;
    }
    let place = Place::new();
    let mut lines = LINES.to_vec();
    // Of no program does fish complete a value that is glued to its letter.
    lines.retain(|(line, _)| shell.name != "fish" || *line != "dmz -pou");
    let answers = shell.ask(&place, lines.iter().map(|(line, _)| *line));
    for ((line, expected), answers) in lines.iter().zip(answers) {
        let shown = answers.iter().take(9).collect::<Vec<_>>();
        let typed = line.rsplit(' ').next().unwrap();
        let stem = &typed[..typed.rfind(['=', ':', ',']).map_or(0, |at| at + 1)];
        let is = |answer: &String, forms: &str| {
            forms.split('|').any(|word| word == answer || word == format!("{stem}{answer}"))
        };
        let wrong = answers.iter().find(|answer| !expected.iter().any(|forms| is(answer, forms)));
        assert_eq!(wrong, None, "{}: {line}: {shown:?}", shell.name);
        let missing = expected.iter().find(|forms| !answers.iter().any(|answer| is(answer, forms)));
        assert_eq!(missing, None, "{}: {line}: {shown:?}", shell.name);
    }
}

#[test]
fn bash_offers_what_fits() {
    offers_what_fits(&BASH);
}

#[test]
fn zsh_offers_what_fits() {
    offers_what_fits(&ZSH);
}

#[test]
fn fish_offers_what_fits() {
    offers_what_fits(&FISH);
}

#[test]
fn every_option_is_offered() {
    let help = Outcome::of(&mut Place::new().dmz(["--help"])).stdout;
    let names = options_of(&help)
        .into_iter()
        .flat_map(|line| line.split([' ', ',', '[']).take_while(|word| word.len() < 2 || word.starts_with('-')));
    let options: BTreeSet<_> = names.filter(|word| word.starts_with('-')).map(String::from).collect();
    assert!(options.len() > 70 && options.contains("-p") && options.contains("--restart"), "{options:?}");
    for shell in [&BASH, &ZSH, &FISH] {
        if shell.is_missing() {
            continue;
        }
        let place = Place::new();
        let offered: BTreeSet<_> = shell.ask(&place, ["dmz -", "dmz --"]).concat().into_iter().collect();
        let missing: Vec<_> = options.difference(&offered).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", shell.name);
        let others = offered.difference(&options).filter(|word| !word.starts_with("--restart="));
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new(), "{}", shell.name);
    }
}

#[test]
fn every_word_that_is_offered_is_taken() {
    // The option, and what makes a whole value of a word that is offered.
    let options = [
        ("--stop-signal", ""),
        ("--signal", ""),
        ("--exit-ok", ""),
        ("--map", "0"),
        ("--caps", ""),
        ("--rlimit", "1"),
        ("--ionice", ""),
        ("--sched", "1"),
        ("--ready", "3"),
        ("--target", ""),
        ("--at-exit", ""),
    ];
    for shell in [&BASH, &ZSH, &FISH] {
        if shell.is_missing() {
            continue;
        }
        let place = Place::new();
        let lines: Vec<_> = options.iter().map(|(option, _)| format!("dmz {option} ")).collect();
        let answers = shell.ask(&place, lines.iter().map(String::as_str));
        for ((option, end), words) in options.iter().zip(answers) {
            assert!(words.len() > 1, "{}: {option}: {words:?}", shell.name);
            for word in words {
                let is_open = word.ends_with(['=', ':']) || *option == "--map";
                let colon = if *option == "--map" && !word.ends_with(':') { ":" } else { "" };
                let value = format!("{word}{colon}{}", if is_open { end } else { "" });
                let outcome = match *option {
                    // The daemon is asked after; there is none.
                    "--signal" => place.run(["-p", "none.pid", option, &value]),
                    _ => place.run(["--dry-run", option, &value, "--", "/bin/true"]),
                };
                assert!(!outcome.stderr.contains("bad value"), "{option} {value}: {}", outcome.stderr);
                assert!(*option == "--signal" || outcome.code == 0, "{option} {value}: {}", outcome.stderr);
            }
        }
    }
}
