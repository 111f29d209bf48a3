//! `scripts/bench` works: its tables and plots have the figures of everything that it can measure here without a
//! download. What the figures are is not looked at: this machine may be busy.
#![cfg(target_arch = "x86_64")]

mod support;

use std::fs;
use std::path::Path;
use support::*;

/// A command of `scripts/bench` that works, with its results in a place.
fn measure(place: &Place, names: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/bench");
    let mut command = place.command(script);
    command.args(["--check", "--offline"]).args(names);
    command.env("DMZ", dmz()).env("DMZ_BARE", dmz()); // no build of its own
    command.env("BENCH_RESULTS", place.path("results"));
    let outcome = Outcome::of(&mut command);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stdout
}

/// The cells of the line of a table that begins with this name: its first line of so many cells.
fn cells<'a>(text: &'a str, name: &str, count: usize) -> Vec<&'a str> {
    let rows = text.lines().map(|line| line.trim_matches(['|', ' ']).split(" | ").map(str::trim).collect::<Vec<_>>());
    let mut rows = rows.filter(|cells| cells[0] == name && cells.len() == count);
    rows.next().unwrap_or_else(|| panic!("no line of {count} cells for {name}:\n{text}"))
}

#[test]
fn the_script_measures_launchers_and_monitors_and_draws_what_it_found() {
    // Only where it may have a mount namespace of its own.
    let own_mounts = || std::process::Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|s| s.success());
    if lacks_root() || lacks("cc") || lacks("unshare") || skipped(own_mounts(), "no namespaces") {
        return;
    }
    let place = Place::new();
    let text = measure(&place, &["dmz"]);
    let (launchers, monitors, many) = (13, 14, 6);
    for name in ["floor vfork", "floor fork and pipe", "dmz", "dmz without pidfile", "dmz as a job"] {
        let cells = cells(&text, name, launchers);
        assert!(cells.iter().all(|cell| *cell != "–"), "{cells:?}");
    }
    for name in ["floor monitor", "dmz -I", "dmz -S"] {
        let cells = cells(&text, name, monitors);
        assert!(cells.iter().all(|cell| *cell != "–"), "{cells:?}");
        assert!(self::cells(&text, name, many)[2].contains("; "), "ten of them have memory");
    }
    let file = fs::metadata(dmz()).unwrap().len().to_string();
    assert_eq!(cells(&text, "dmz", launchers)[1].replace(',', ""), file, "its file has no libraries");
    assert_eq!(cells(&text, "dmz", launchers)[2].replace(',', ""), file, "its file has no libraries");

    let results = fs::read_dir(place.path("results")).unwrap().map(|entry| entry.unwrap().path());
    for path in results.filter(|path| path.extension().is_some_and(|name| name == "svg")) {
        let plot = fs::read_to_string(&path).unwrap();
        assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n") && plot.contains(">dmz"), "{plot}");
    }
    assert_eq!(fs::read_to_string(place.path("results/results.md")).unwrap(), text);
    let csv = fs::read_to_string(place.path("results/launches.csv")).unwrap();
    assert_eq!(csv.lines().filter(|line| line.starts_with("\"dmz\",one,")).count(), 2, "two rounds: {csv}");
}
