//! What can be read off the sources: which folder may use which, where unsafe code may be, and that README.md says what
//! the program says. `DMZ_BLESS=1 cargo test --release --test layers` writes the help there anew.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use support::*;

/// A folder of `src`, what it may name at the root of the crate beside itself, and what other crates it may use.
struct Layer {
    folder: &'static str,
    inside: &'static [&'static str],
    outside: &'static [&'static str],
}

/// The map of `src/lib.rs`. `dmz` is how the binary calls the library.
const LAYERS: &[Layer] = &[
    Layer { folder: "start", inside: &[], outside: &["core", "dmz"] },
    Layer { folder: "cli", inside: &["run", "plan", "Table", "Vector", "Word", "Words"], outside: &["core"] },
    Layer { folder: "api", inside: &["run", "plan", "Word"], outside: &["core", "std"] },
    Layer { folder: "run", inside: &["sys", "plan", "Table", "Vector", "Word", "Words"], outside: &["core"] },
    Layer { folder: "plan", inside: &["Table", "Vector", "Word"], outside: &["core"] },
    Layer { folder: "sys", inside: &[], outside: &["core", "rustix", "linux_raw_sys"] },
];

/// The crates that a file could name.
const CRATES: &[&str] = &["core", "alloc", "std", "dmz", "rustix", "linux_raw_sys", "libc"];

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file in this folder and those inside it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (folders, files): (Vec<_>, Vec<_>) =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    // What cargo has put there is none of ours.
    let folders = folders.iter().filter(|folder| !folder.ends_with("target"));
    files.chain(folders.flat_map(|folder| self::files(folder))).collect()
}

/// The code of a file, without comments and without its unit tests.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn is_part_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The name at the start of `text`.
fn name(text: &str) -> &str {
    &text[..text.find(|letter| !is_part_of_a_name(letter)).unwrap_or(text.len())]
}

/// What follows each `word` in `code`, where it is a whole word.
fn behind<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let is_whole = |(at, _): &(usize, &str)| {
        let ends = code[at + word.len()..].starts_with(|letter| !is_part_of_a_name(letter) && letter != '!');
        ends && !code[..*at].ends_with(|letter| is_part_of_a_name(letter) || letter == ':')
    };
    code.match_indices(word).filter(is_whole).map(|(at, _)| &code[at + word.len()..])
}

/// The first names of a path or of a tree of them: `b` of `b::c`, `b` and `d` of `{b::{c, e}, d}`.
fn first_names(path: &str) -> Vec<&str> {
    let Some(tree) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut names, mut starts) = (0, Vec::new(), true);
    for (at, letter) in tree.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts = true,
            _ if starts && is_part_of_a_name(letter) => {
                starts = false;
                names.push(name(&tree[at..]));
            }
            _ => {}
        }
    }
    names
}

/// The names at the root of the crate that a file uses: behind `crate`, or behind as many `super` as there are modules
/// around it.
fn names_at_the_root<'a>(file: &Path, code: &'a str) -> Vec<&'a str> {
    let inside = file.strip_prefix(home().join("src")).unwrap();
    let depth = inside.components().count() - usize::from(inside.ends_with("mod.rs"));
    let up = &"super::super::super::super"[..depth * 7 - 2];
    let paths = behind(code, "crate").chain(behind(code, up)).filter_map(|path| path.strip_prefix("::"));
    paths.flat_map(first_names).filter(|name| *name != "super").collect()
}

#[test]
fn first_names_are_found_in_trees() {
    assert_eq!(first_names("plan::{Config, Flag};"), ["plan"]);
    assert_eq!(first_names("{\n    Table, plan::{self, a::{b, c}}, Word as W,\n};"), ["Table", "plan", "Word"]);
    assert_eq!(behind("crate::a my_crate::b $crate::c x::crate::d crated::e", "crate").count(), 2);
}

#[test]
fn every_folder_is_a_layer_on_the_map() {
    let entries =
        fs::read_dir(home().join("src")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files = ["lib.rs", "main.rs"];
    let known: BTreeSet<_> = LAYERS.iter().map(|layer| layer.folder).chain(files).map(String::from).collect();
    assert_eq!(entries.collect::<BTreeSet<_>>(), known);
    let map = fs::read_to_string(home().join("src/lib.rs")).unwrap();
    for Layer { folder, .. } in LAYERS {
        assert!(map.contains(&format!("//! | `{folder}` |")), "src/lib.rs does not describe {folder}");
    }
}

#[test]
fn a_layer_uses_only_those_that_the_map_allows() {
    let mut wrong = Vec::new();
    for Layer { folder, inside, outside } in LAYERS {
        for file in files(&home().join("src").join(folder)) {
            let code = code(&file);
            let names = names_at_the_root(&file, &code).into_iter();
            let inner =
                names.filter(|name| name != folder && !inside.contains(name)).map(|name| format!("crate::{name}"));
            let crates = CRATES.iter().filter(|name| !outside.contains(*name));
            let outer = crates.filter(|name| behind(&code, name).any(|path| path.starts_with("::")));
            wrong.extend(
                inner.chain(outer.map(|name| name.to_string())).map(|name| format!("{}: {name}", file.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn unsafe_code_is_in_sys_and_start_only() {
    let mut wrong = files(&home().join("src"));
    wrong.retain(|file| !["sys", "start"].iter().any(|folder| file.starts_with(home().join("src").join(folder))));
    // A declaration for those who call the library is no unsafe code of ours.
    wrong.retain(|file| behind(&code(file).replace("pub unsafe fn", ""), "unsafe").next().is_some());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    let mut wrong: Vec<_> = ["src", "tests"].iter().flat_map(|folder| files(&home().join(folder))).collect();
    wrong.retain(|file| !fs::read_to_string(file).unwrap().starts_with("//! "));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const MARK: &str = "<!-- dmz --help -->\n```text\n";

fn readme() -> String {
    fs::read_to_string(home().join("README.md")).unwrap()
}

fn help() -> String {
    let outcome = Place::new().run(["--help"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    outcome.stdout
}

/// The long names of the options in the help.
fn options(help: &str) -> BTreeSet<&str> {
    options_of(help).into_iter().map(|line| option(&line[line.find("--").unwrap()..])).collect()
}

/// The option at the start of `text`, with its dashes.
fn option(text: &str) -> &str {
    &text[..text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').unwrap_or(text.len())]
}

#[test]
fn the_readme_has_the_help() {
    let (readme, help) = (readme(), help());
    let (before, rest) = readme.split_once(MARK).expect("the mark of the help");
    let (there, after) = rest.split_once("```").expect("the end of the help");
    if std::env::var_os("DMZ_BLESS").is_some() {
        return fs::write(home().join("README.md"), format!("{before}{MARK}{help}```{after}")).unwrap();
    }
    assert!(there == help, "README.md is behind `dmz --help`; scripts/bless writes it anew. The help is now:\n{help}");
}

#[test]
fn the_readme_names_every_option_and_no_other() {
    let (readme, help) = (readme(), help());
    let known = options(&help);
    assert!(known.len() > 20, "{known:?}");
    let named = |option: &&&str| readme.match_indices(**option).any(|(at, _)| self::option(&readme[at..]) == **option);
    let missing: Vec<_> = known.iter().filter(|option| !named(option)).collect();
    assert!(missing.is_empty(), "not in README.md: {missing:?}");

    // What is set as code and is a line for dmz or an option; every second piece between backticks is code. `--name`
    // stands for any of them.
    let prose = readme.split("```").step_by(2).collect::<String>();
    let words = prose.split('`').skip(1).step_by(2).filter(|code| code.starts_with('-') || code.starts_with("dmz "));
    let words = words.flat_map(|code| code.split(" -- ").next().unwrap().split(' ')).map(option);
    let unknown: Vec<_> = words
        .filter(|word| word.len() > 2 && word.starts_with("--") && *word != "--name" && !known.contains(word))
        .collect();
    assert!(unknown.is_empty(), "only in README.md: {unknown:?}");
}

#[test]
fn the_readme_has_every_exit_status_once() {
    let readme = readme();
    let (_, table) = readme.split_once("\n| status | when |\n").expect("the table of exit statuses");
    let rows = table.lines().take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    let statuses = rows.flat_map(|row| row.split('/')).filter_map(|status| status.trim().parse::<u8>().ok());
    let mut documented: Vec<_> = statuses.collect();
    documented.sort();
    let code = code(&home().join("src/plan/exit.rs"));
    let variants = code.lines().filter_map(|line| line.trim().strip_suffix(',')?.rsplit_once(" = ")?.1.parse().ok());
    let mut there: Vec<u8> = variants.collect();
    there.sort();
    assert!(there.contains(&125), "{there:?}");
    assert_eq!(documented, there);
}
