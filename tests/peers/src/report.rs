//! The figures as Markdown tables and as CSV.

use crate::growth::STEPS;
use crate::latency::Launch;
use crate::peers::Kind;
use crate::{Row, trace};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

/// A median with the tenth and the ninetieth percentile.
#[derive(Clone, Copy)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(values: impl Iterator<Item = i64>) -> Option<Spread> {
        let mut values: Vec<i64> = values.collect();
        values.sort_unstable();
        let at = |part: usize| values[(values.len() * part / 100).min(values.len() - 1)] as f64;
        (!values.is_empty()).then(|| Spread { low: at(10), median: at(50), high: at(90) })
    }

    fn micro(self) -> String {
        format!("{:.0} ({:.0} to {:.0})", self.median / 1e3, self.low / 1e3, self.high / 1e3)
    }
}

pub fn returned(launches: &[Launch]) -> Option<Spread> {
    Spread::of(launches.iter().filter_map(|launch| launch.returned))
}

pub fn begun(launches: &[Launch]) -> Option<Spread> {
    Spread::of(launches.iter().map(|launch| launch.begun))
}

fn faults(row: &Row) -> Option<f64> {
    Spread::of(row.one_processor.iter().map(|launch| launch.faults)).map(|spread| spread.median)
}

/// A cell, or a dash where there is nothing to say.
fn cell<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or("–".into(), text)
}

fn ratio(value: Option<f64>, base: Option<f64>) -> String {
    cell(value.zip(base), |(value, base)| format!("{:.2}", value / base))
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

fn table(text: &mut String, head: &[&str], rows: Vec<Vec<String>>) {
    writeln!(text, "\n| {} |\n|---{}|", head.join(" | "), "|---:".repeat(head.len() - 1)).unwrap();
    for row in rows {
        writeln!(text, "| {} |", row.join(" | ")).unwrap();
    }
}

/// Where this was measured.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let release = read("/proc/sys/kernel/osrelease");
    let cpuinfo = read("/proc/cpuinfo");
    let value = |key: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
    };
    let count = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let place = if value("flags").contains("hypervisor") { "a virtual machine" } else { "bare metal" };
    format!("Linux {}, {} × {}, {place}", release.trim(), count, value("model name"))
}

pub fn markdown(rows: &[Row], rounds: usize, idle: usize, cpuid: f64) -> String {
    let mut text = format!("# Beside its peers\n\n{}; {rounds} rounds in turn under SCHED_FIFO.\n", machine());
    writeln!(
        text,
        "One cpuid takes {cpuid:.0} ns here. On bare metal that is some 30 ns; in a virtual machine every cpuid traps \
         into the hypervisor, and a start of glibc, dynamic or static, makes dozens. This inflates the gap between what \
         is linked with glibc and what is not, so \"without cpuid\" takes their cost off again."
    )
    .unwrap();
    launchers(&mut text, rows, cpuid);
    monitors(&mut text, rows, cpuid, idle);
    growth(&mut text, rows);
    text
}

fn launchers(text: &mut String, rows: &[Row], cpuid: f64) {
    text.push_str(
        "\n## Launchers\n\nMedians (tenth to ninetieth percentile) from before posix_spawn(3): until the launcher has \
         returned, and until the program's first instruction. Ratios are to the first line, a double vfork by hand that \
         does nothing else than the recipe. \"with libraries\" is every file that is executed or mapped on the way. \
         Calls and instructions (exact, by single step) are those of all processes until the program is executed. Page \
         faults are without the program's own.\n",
    );
    let floor = rows.iter().find(|row| row.peer.kind == Kind::Floor);
    let alone = rows.iter().find(|row| row.peer.kind == Kind::Alone).and_then(faults);
    let head = [
        "launcher",
        "file, bytes",
        "with libraries",
        "system calls",
        "instructions",
        "page faults",
        "returned, µs, one CPU",
        "× floor",
        "first instruction, µs, one CPU",
        "× floor",
        "× floor without cpuid",
        "returned, µs, all CPUs",
        "× floor",
    ];
    let lines = rows.iter().filter(|row| row.peer.kind.returns() && !row.peer.kind.monitors()).map(|row| {
        let base = |of: fn(&[Launch]) -> Option<Spread>, one: bool| {
            floor.and_then(|row| of(if one { &row.one_processor } else { &row.all_processors })).map(|s| s.median)
        };
        let (gone, first) = (returned(&row.one_processor), begun(&row.one_processor));
        let both = returned(&row.all_processors);
        let mut line = made_of(row);
        line.extend([
            cell(faults(row).zip(alone), |(faults, alone)| format!("{:.0}", faults - alone)),
            cell(gone, Spread::micro),
            ratio(gone.map(|s| s.median), base(returned, true)),
            cell(first, Spread::micro),
            ratio(first.map(|s| s.median), base(begun, true)),
            ratio(without_cpuid(row, first, cpuid), base(begun, true)),
            cell(both, Spread::micro),
            ratio(both.map(|s| s.median), base(returned, false)),
        ]);
        line
    });
    table(text, &head, lines.collect());
}

/// Name, sizes, calls and instructions.
fn made_of(row: &Row) -> Vec<String> {
    let size = |files: fn(&trace::Count) -> &BTreeSet<PathBuf>| {
        cell(row.calls.as_ref(), |count| grouped(trace::bytes(files(count))))
    };
    vec![
        row.peer.name.clone(),
        size(|count| &count.programs),
        size(|count| &count.files),
        cell(row.calls.as_ref(), |count| count.calls.to_string()),
        cell(row.instructions.as_ref(), |count| grouped(count.instructions as u64)),
    ]
}

fn without_cpuid(row: &Row, spread: Option<Spread>, cpuid: f64) -> Option<f64> {
    Some(spread?.median - row.instructions.as_ref()?.cpuids as f64 * cpuid)
}

fn monitors(text: &mut String, rows: &[Row], cpuid: f64, idle: usize) {
    writeln!(
        text,
        "\n## Monitors\n\nWhat stays with the program, one instance of each, measured after the start and over {idle} \
         idle seconds. \"own\" is what is private and changed; shared pages are divided in \"proportional\". \"one more\" \
         is the mean of own and page tables where there are most (see below). The floor is a vfork and a wait by hand, which restarts, forwards and tells nothing. Calls and \
         instructions are those until the program is executed."
    )
    .unwrap();
    let head = [
        "monitor",
        "file, bytes",
        "with libraries",
        "system calls",
        "instructions",
        "first instruction, µs, one CPU",
        "× floor",
        "× floor without cpuid",
        "resident, kB",
        "proportional, kB",
        "own, kB",
        "page tables, kB",
        "one more, kB",
        "wake-ups a second",
    ];
    let floor = rows.iter().find(|row| row.peer.kind == Kind::Stay).and_then(|row| begun(&row.one_processor));
    let floor = floor.map(|spread| spread.median);
    let lines = rows.iter().filter(|row| row.peer.kind.monitors()).map(|row| {
        let first = begun(&row.one_processor);
        let mut line = made_of(row);
        let kilobytes = |value: f64| format!("{value:.0}");
        line.extend([
            cell(first, Spread::micro),
            ratio(first.map(|s| s.median), floor),
            ratio(without_cpuid(row, first, cpuid), floor),
            cell(row.resident, |kept| kilobytes(kept.resident)),
            cell(row.resident, |kept| kilobytes(kept.proportional)),
            cell(row.resident, |kept| kilobytes(kept.dirty)),
            cell(row.resident, |kept| kilobytes(kept.page_tables)),
            cell(row.growth.last(), |step| kilobytes(step.one_more())),
            cell(row.resident, |kept| format!("{:.1}", kept.wakes)),
        ]);
        line
    });
    table(text, &head, lines.collect());
}

fn growth(text: &mut String, rows: &[Row]) {
    text.push_str(
        "\n## Many at once\n\nStarts a second, one after the other on one CPU, while all daemons live on (by the \
         median since the column before); behind the semicolon the memory of all monitors together (proportional and \
         page tables, MB). Nothing where 20 seconds did not suffice.\n",
    );
    let head: Vec<String> = ["launcher".into()].into_iter().chain(STEPS.map(|count| grouped(count as u64))).collect();
    let lines = rows.iter().filter(|row| !row.growth.is_empty()).map(|row| {
        let step = |count: usize| {
            cell(row.growth.iter().find(|step| step.count == count), |step| {
                let memory = (step.memory.proportional + step.memory.page_tables) / 1024.0;
                let memory = if step.monitors > 0 { format!("; {memory:.1}") } else { String::new() };
                format!("{:.0}{memory}", step.rate)
            })
        };
        [row.peer.name.clone()].into_iter().chain(STEPS.map(step)).collect()
    });
    table(text, &head.iter().map(String::as_str).collect::<Vec<_>>(), lines.collect());
}

/// Every launch.
pub fn launches(rows: &[Row]) -> String {
    let mut text = String::from("peer,processors,returned_ns,begun_ns,used_us,faults\n");
    for row in rows {
        for (processors, launches) in [("one", &row.one_processor), ("all", &row.all_processors)] {
            for launch in launches {
                let returned = launch.returned.map_or(String::new(), |time| time.to_string());
                let Launch { begun, used, faults, .. } = launch;
                writeln!(text, "\"{}\",{processors},{returned},{begun},{used},{faults}", row.peer.name).unwrap();
            }
        }
    }
    text
}

/// Everything else: a figure a line.
pub fn figures(rows: &[Row]) -> String {
    let mut text = String::from("peer,figure,value\n");
    for row in rows {
        let mut line = |figure: &str, value: f64| writeln!(text, "\"{}\",{figure},{value}", row.peer.name).unwrap();
        if let Some(count) = &row.calls {
            line("calls", count.calls as f64);
            line("file_bytes", trace::bytes(&count.programs) as f64);
            line("all_files_bytes", trace::bytes(&count.files) as f64);
        }
        if let Some(count) = &row.instructions {
            line("instructions", count.instructions as f64);
            line("cpuids", count.cpuids as f64);
        }
        if let Some(kept) = row.resident {
            line("resident_kb", kept.resident);
            line("proportional_kb", kept.proportional);
            line("own_kb", kept.dirty);
            line("page_tables_kb", kept.page_tables);
            line("wakes_per_second", kept.wakes);
        }
        for step in &row.growth {
            line(&format!("starts_per_second_at_{}", step.count), step.rate);
            line(&format!("proportional_kb_at_{}", step.count), step.memory.proportional);
            line(&format!("own_kb_at_{}", step.count), step.memory.dirty);
            line(&format!("page_tables_kb_at_{}", step.count), step.memory.page_tables);
        }
    }
    text
}
