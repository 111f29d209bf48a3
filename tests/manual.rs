//! The manual and the picture: that they say what the program does, made from the help and from a trace; and the examples.

#[path = "support/scratch.rs"]
mod scratch;
mod support;

use scratch::*;
use std::fs;
use std::path::{Path, PathBuf};
use support::*;

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source() -> String {
    fs::read_to_string(home().join("scripts/manual/dmz.1.in")).unwrap()
}

/// What `scripts/docs` makes for this binary.
fn made_for(place: &Place, binary: &Path) -> Outcome {
    Outcome::of(place.command(home().join("scripts/docs")).arg(place.path("made")).env("DMZ", binary))
}

fn manual(place: &Place) -> PathBuf {
    let outcome = made_for(place, &dmz());
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    place.path("made/dmz.1")
}

/// The manual as it is read, without bold and underlined letters.
fn read(place: &Place, file: &Path) -> String {
    let outcome = Outcome::of(place.command("mandoc").args(["-T", "ascii", "-O", "width=200"]).arg(file));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let mut text = String::new();
    for letter in outcome.stdout.chars() {
        match letter {
            '\x08' => _ = text.pop(),
            _ => text.push(letter),
        }
    }
    text
}

#[test]
fn the_manual_is_without_a_warning() {
    if lacks("mandoc") {
        return;
    }
    let place = Place::new();
    let outcome = Outcome::of(place.command("mandoc").args(["-T", "lint", "-W", "warning"]).arg(manual(&place)));
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, "", ""));
}

#[test]
fn the_manual_has_every_option_as_the_help_has_it() {
    if lacks("mandoc") {
        return;
    }
    let place = Place::new();
    let text = read(&place, &manual(&place));
    let help = place.run(["--help"]).stdout;
    let mut count = 0;
    for line in options_of(&help) {
        // Names and value end in front of the column of the text.
        let heading = line[..26].trim();
        let is_heading = |line: &&str| line.starts_with("     ") && line.trim() == heading;
        assert_eq!(text.lines().filter(is_heading).count(), 1, "{heading}");
        count += 1;
    }
    assert!(count > 50, "{help}");
}

#[test]
fn the_manual_has_every_section_that_a_reader_looks_for() {
    if lacks("mandoc") {
        return;
    }
    let place = Place::new();
    let text = read(&place, &manual(&place));
    for section in [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "PIDFILE",
        "READINESS",
        "MONITOR",
        "SIGNALS",
        "ENVIRONMENT",
        "FILES",
        "EXIT STATUS",
        "EXAMPLES",
        "DIAGNOSTICS",
        "SEE ALSO",
        "CAVEATS",
        "BUGS",
        "SECURITY CONSIDERATIONS",
    ] {
        assert!(text.lines().any(|line| line == section), "{section}");
    }
    let version = place.run(["--version"]).stdout;
    assert!(text.contains(version.trim_end()), "{version}");
}

#[test]
fn every_exit_status_of_the_readme_is_in_the_manual() {
    let readme = fs::read_to_string(home().join("README.md")).unwrap();
    let (_, table) = readme.split_once("\n| status | when |\n").unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let manual = source();
    let (_, part) = manual.split_once(".Sh EXIT STATUS\n").unwrap();
    let part = part.split(".Sh ").next().unwrap();
    let headings: Vec<_> = part.lines().filter_map(|line| line.strip_prefix(".It ")).collect();
    let documented: Vec<_> = rows.map(|row| row.split('|').nth(1).unwrap().trim().replace(" / ", ", ")).collect();
    assert_eq!(headings, documented);
}

/// A binary with this help.
fn pretender(place: &Place, help: &str) -> PathBuf {
    place.file("help", help);
    let help = place.path("help");
    place.script("pretender", &format!("#!/bin/sh\n[ $1 = --version ] && echo dmz 0 || cat {}\n", help.display()))
}

#[test]
fn an_option_that_the_manual_lacks_is_an_error() {
    let place = Place::new();
    let help = place.run(["--help"]).stdout + "     --frobnicate N     do it\n";
    let outcome = made_for(&place, &pretender(&place, &help));
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (1, "scripts/docs: not in scripts/manual/dmz.1.in: --frobnicate\n")
    );
    assert!(!place.path("made/dmz.1").exists(), "nothing that is half made");
}

#[test]
fn an_option_that_is_not_built_in_is_in_neither_manual_nor_completions() {
    let place = Place::new();
    let help = place.run(["--help"]).stdout;
    let less: Vec<_> = options_of(&help).into_iter().filter(|line| !line.contains("--caps")).collect();
    let outcome = made_for(&place, &pretender(&place, &(less.join("\n") + "\n")));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, "scripts/docs: not built in: --caps\n"));
    for (file, name) in [("dmz.1", ".It Fl -caps"), ("dmz.bash", "--caps"), ("_dmz", "--caps"), ("dmz.fish", "-l caps")]
    {
        assert!(!fs::read_to_string(place.path("made").join(file)).unwrap().contains(name), "{file}");
    }
}

#[test]
fn the_examples_work_as_they_stand() {
    let Some(machine) = Scratch::new() else { return };
    let source = source();
    let (_, part) = source.split_once("@RUN\n").unwrap();
    let part = part.split("@END RUN").next().unwrap();
    let commands: Vec<_> =
        part.split(".Bd -literal -offset indent\n").skip(1).map(|rest| rest.split("\n.Ed").next().unwrap()).collect();
    assert_eq!(commands.len(), 8);
    for command in commands {
        // A backslash, as mdoc(7) has it.
        let command = command.replace("\\e\n", "\\\n");
        assert!(command.lines().any(|line| line.starts_with("dmz ")) && !command.contains("\\e"), "{command}");
        assert!(command.lines().all(|line| line.len() < 70), "as wide as a terminal: {command}");
        machine.succeed(&command);
        if command.contains("HUP") {
            machine.hears();
        } else if command.contains("-- myserver") && !command.contains("--dry-run") && !command.contains("--fork") {
            machine.server();
        }
    }
}

#[test]
fn the_picture_is_what_a_trace_shows() {
    if lacks("strace") || lacks("setsid") {
        return;
    }
    let place = Place::new();
    let file = place.path("tree.svg");
    let copy = place.path("dmz");
    Place::copy(dmz(), &copy);
    let outcome = Outcome::of(place.command(home().join("scripts/picture")).arg(&file).env("DMZ", copy));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    let known = fs::read_to_string(home().join("scripts/manual/tree.svg")).unwrap();
    assert_eq!(fs::read_to_string(file).unwrap(), known, "scripts/picture draws it anew");
}
