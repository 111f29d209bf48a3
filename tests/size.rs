//! The file itself: how large it is, of what it is made, and that everyone who builds it gets the same bytes. Its
//! budgets are in `tests/budget.txt`.

mod support;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::*;

/// What no binary is ever above, whatever its features, architecture or profile.
const LIMIT: usize = 100_000;

/// Features and the most bytes that they may take, from the smallest to the default.
fn budgets() -> Vec<(&'static str, usize)> {
    let lines = include_str!("budget.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).map(|(name, bytes)| (name, bytes.trim().parse().unwrap())).collect()
}

/// A little-endian ELF file, of 32 or 64 bits.
struct Elf(Vec<u8>);

/// A program header, or a section header.
#[derive(Debug, Clone, PartialEq)]
struct Header {
    kind: u64,
    flags: u64,
    address: u64,
    file_size: u64,
    memory_size: u64,
}

impl Elf {
    fn under_test() -> Elf {
        let bytes = fs::read(dmz()).unwrap();
        assert_eq!((&bytes[..4], bytes[5]), (b"\x7fELF".as_slice(), 1), "a little-endian ELF file");
        Elf(bytes)
    }

    fn is_64(&self) -> bool {
        self.0[4] == 2
    }

    /// The number of `size` bytes at `at`.
    fn number(&self, at: usize, size: usize) -> u64 {
        self.0[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// The field at `at` in a file of 64 or else 32 bits.
    fn field(&self, wide: (usize, usize), narrow: (usize, usize)) -> u64 {
        let (at, size) = if self.is_64() { wide } else { narrow };
        self.number(at, size)
    }

    fn kind(&self) -> u64 {
        self.number(16, 2)
    }

    fn machine(&self) -> u64 {
        self.number(18, 2)
    }

    /// The program headers.
    fn segments(&self) -> Vec<Header> {
        let (start, size) = (self.field((32, 8), (28, 4)), self.field((54, 2), (42, 2)));
        let count = self.field((56, 2), (44, 2));
        let header = |at: usize| Header {
            kind: self.number(at, 4),
            flags: self.field((at + 4, 4), (at + 24, 4)),
            address: self.field((at + 16, 8), (at + 8, 4)),
            file_size: self.field((at + 32, 8), (at + 16, 4)),
            memory_size: self.field((at + 40, 8), (at + 20, 4)),
        };
        (0..count).map(|index| header((start + index * size) as usize)).collect()
    }

    /// The section headers; none where they are stripped, too.
    fn sections(&self) -> Vec<Header> {
        let (start, size) = (self.field((40, 8), (32, 4)), self.field((58, 2), (46, 2)));
        let count = self.field((60, 2), (48, 2));
        let header = |at: usize| Header {
            kind: self.number(at + 4, 4),
            flags: self.field((at + 8, 8), (at + 8, 4)),
            address: self.field((at + 16, 8), (at + 12, 4)),
            file_size: self.field((at + 32, 8), (at + 20, 4)),
            memory_size: self.field((at + 32, 8), (at + 20, 4)),
        };
        (0..count).map(|index| header((start + index * size) as usize)).collect()
    }
}

const EXECUTABLE_AT_ITS_PLACE: u64 = 2;
const POSITION_INDEPENDENT: u64 = 3;
const I386: u64 = 3;
const X86_64: u64 = 62;
const LOAD: u64 = 1;
const DYNAMIC: u64 = 2;
const INTERPRETER: u64 = 3;
const STACK: u64 = 0x6474_e551;
const READ_EXECUTE: u64 = 5;
const READ_WRITE: u64 = 6;

/// Is the binary under test one that nobody ships?
fn lacks_release() -> bool {
    skipped(!cfg!(debug_assertions) || std::env::var_os("DMZ").is_some(), "a debug build is not what is shipped")
}

#[test]
fn it_is_below_the_limit() {
    let size = Elf::under_test().0.len();
    if lacks_release() {
        return;
    }
    assert!(size < LIMIT, "{size} bytes");
}

#[test]
fn it_is_within_the_budget_of_the_default_features() {
    let elf = Elf::under_test();
    if lacks_release() || skipped(elf.machine() == X86_64, "the budgets are those of x86_64") {
        return;
    }
    let budget = budgets().last().unwrap().1;
    assert!(elf.0.len() <= budget, "{} bytes, {budget} allowed", elf.0.len());
}

#[test]
fn there_is_one_segment_and_a_stack_that_cannot_be_executed() {
    let segments = Elf::under_test().segments();
    let kinds: Vec<_> = segments.iter().map(|segment| (segment.kind, segment.flags)).collect();
    assert_eq!(kinds, [(LOAD, READ_EXECUTE), (STACK, READ_WRITE)], "kind and flags of each program header");
    assert_eq!(segments[0].file_size, segments[0].memory_size, "nothing is added to it in memory");
}

#[test]
fn it_can_be_loaded_anywhere() {
    let elf = Elf::under_test();
    // i686 needs a table of addresses for that.
    let kind = if elf.machine() == I386 { EXECUTABLE_AT_ITS_PLACE } else { POSITION_INDEPENDENT };
    assert_eq!(elf.kind(), kind);
    if kind == POSITION_INDEPENDENT {
        assert_eq!(elf.segments()[0].address, 0);
    }
}

#[test]
fn nothing_is_left_for_a_dynamic_linker() {
    let elf = Elf::under_test();
    assert!(elf.segments().iter().all(|segment| ![DYNAMIC, INTERPRETER].contains(&segment.kind)));
    let (relocations_with, dynamic, relocations) = (4, 6, 9);
    let kinds = [relocations_with, dynamic, relocations];
    let left: Vec<_> = elf.sections().into_iter().filter(|s| kinds.contains(&s.kind) && s.file_size > 0).collect();
    assert_eq!(left, []);
}

#[test]
fn nothing_in_memory_is_writable() {
    let (write, in_memory) = (1, 2);
    let is_writable = |s: &Header| s.flags & write != 0 && s.flags & in_memory != 0 && s.memory_size > 0;
    assert_eq!(Elf::under_test().sections().into_iter().filter(is_writable).collect::<Vec<_>>(), []);
}

#[test]
fn the_table_of_budgets_ends_with_every_default_feature() {
    let manifest = include_str!("../Cargo.toml");
    let default = manifest.split_once("\ndefault = [").unwrap().1.split_once(']').unwrap().0;
    let default: BTreeSet<_> = default.split(',').map(|word| word.trim().trim_matches('"')).collect();
    assert_eq!(budgets().last().unwrap().0.split(',').collect::<BTreeSet<_>>(), default);
}

/// The builds below take a minute, so only CI makes them.
fn lacks_time() -> bool {
    skipped(std::env::var("DMZ_TESTS").is_ok_and(|tests| tests == "all"), "builds of its own: only with DMZ_TESTS=all")
}

/// Runs cargo for the sources in `folder` with a target folder of its own.
fn cargo<A: AsRef<OsStr>>(folder: &Path, target: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", target);
    command
}

#[track_caller]
fn succeed(command: &mut Command) {
    let outcome = Outcome::of(command);
    assert_eq!(outcome.code, 0, "{command:?}\n{}", outcome.stderr);
}

/// A release build of this tree with these features; cargo keeps it between runs.
fn build(name: &str, features: &str, set_up: fn(&mut Command) -> &mut Command) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let arguments = ["build", "--release", "--locked", "--bin", "dmz", "--no-default-features", "--features", features];
    succeed(set_up(&mut cargo(Path::new(env!("CARGO_MANIFEST_DIR")), &target, arguments)));
    target.join("release/dmz")
}

/// What `cargo build --release` makes of this tree.
fn default_build() -> Vec<u8> {
    fs::read(build("default", budgets().last().unwrap().0, |command| command)).unwrap()
}

/// The sources, copied to a folder under another name.
fn copy(place: &Place, name: &str) -> PathBuf {
    let folder = place.path(name);
    fs::create_dir_all(&folder).unwrap();
    let sources = ["Cargo.toml", "Cargo.lock", "build.rs", "README.md", "src", "examples", "tests"];
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    succeed(Command::new("cp").arg("-R").args(sources.map(|name| here.join(name))).arg(&folder));
    folder
}

#[test]
fn every_choice_of_features_is_within_its_budget() {
    if lacks_time() || skipped(cfg!(target_arch = "x86_64"), "the budgets are those of x86_64") {
        return;
    }
    let mut over = false;
    let mut table = format!("{:<28} {:>7} {:>7}\n", "features", "bytes", "budget");
    for (features, budget) in budgets() {
        let size = fs::metadata(build("features", features, |command| command)).unwrap().len() as usize;
        over |= size > budget;
        table += &format!("{features:<28} {size:>7} {budget:>7}{}\n", if size > budget { "  too large" } else { "" });
    }
    println!("{table}");
    assert!(!over, "\n{table}");
}

#[test]
fn the_same_bytes_come_from_another_folder() {
    if lacks_time() {
        return;
    }
    let place = Place::new();
    let folder = copy(&place, "another/folder with a longer name");
    succeed(&mut cargo(&folder, &place.path("target"), ["build", "--release", "--locked"]));
    assert!(fs::read(place.path("target/release/dmz")).unwrap() == default_build(), "the files differ");
}

#[test]
fn cargo_install_installs_the_same_bytes() {
    if lacks_time() {
        return;
    }
    let place = Place::new();
    let folder = copy(&place, "sources");
    let root = place.path("root");
    let arguments = ["install".as_ref(), "--locked".as_ref(), "--path=.".as_ref(), "--root".as_ref(), root.as_os_str()];
    succeed(&mut cargo(&folder, &place.path("target"), arguments));
    assert!(fs::read(root.join("bin/dmz")).unwrap() == default_build(), "the files differ");
}

#[test]
fn there_is_no_path_to_a_panic_and_no_formatting() {
    if lacks_time() || lacks("nm") || lacks("objdump") {
        return;
    }
    let file =
        build("names", budgets().last().unwrap().0, |command| command.env("CARGO_PROFILE_RELEASE_STRIP", "none"));
    let names = Outcome::of(Command::new("nm").arg(&file)).stdout;
    assert!(names.contains(" dmz_start\n"), "the file has names: {names}");
    // As both manglings spell core::fmt and the alloc crate.
    let unwanted = ["4core3fmt", "_5alloc", "_ZN5alloc"];
    let found: Vec<_> = names.lines().filter(|name| unwanted.iter().any(|part| name.contains(part))).collect();
    assert!(found.is_empty(), "{found:#?}");
    // rustix asserts that no descriptor that the kernel gives is -1: the one path to a panic, and it is never gone.
    let code = Outcome::of(Command::new("objdump").args(["-d", "-C", "--no-show-raw-insn"]).arg(&file)).stdout;
    let allowed = ["core::panicking::", "FromRawFd>::from_raw_fd", "rustix::backend::conv::ret_owned_fd"];
    // What is in front of the entry is text and tables.
    let code = code.split_once("<dmz_start>:").expect("code").1;
    let mut function = "dmz_start";
    for line in code.lines() {
        if let Some((_, name)) = line.strip_suffix(">:").and_then(|line| line.split_once(" <")) {
            function = name;
        }
        let panics = line.contains("core::panicking::") && (line.contains("call") || line.contains("jmp"));
        assert!(!panics || allowed.iter().any(|part| function.contains(part)), "{function}: {line}");
    }
}
