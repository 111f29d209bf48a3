//! What is measured: the lines of `peers.txt`.

use std::ffi::CString;
use std::path::Path;
use std::{env, fs, io};

/// Pidfiles, service folders and the FIFO: a tmpfs of our own, since making a file on a disk costs more than a launch.
const RUN: &str = "/run";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Alone,
    Floor,
    Launch,
    Job,
    Leave,
    Stay,
}

impl Kind {
    fn of(word: &str) -> Option<Kind> {
        let all = [Kind::Alone, Kind::Floor, Kind::Launch, Kind::Job, Kind::Leave, Kind::Stay];
        all.into_iter().find(|kind| format!("{kind:?}").to_lowercase() == word)
    }

    /// Does what we start exit by itself, before the program ends?
    pub fn returns(self) -> bool {
        !matches!(self, Kind::Alone | Kind::Stay)
    }

    /// Does a process stay with the program?
    pub fn monitors(self) -> bool {
        matches!(self, Kind::Leave | Kind::Stay)
    }
}

#[derive(Clone)]
pub struct Peer {
    pub name: String,
    pub kind: Kind,
    words: Vec<String>,
}

impl Peer {
    /// The command for one instance of the program, with nothing of an older one in its way.
    pub fn command(&self, instance: usize, seconds: u32) -> Vec<CString> {
        let place = format!("{RUN}/{}.{instance}", self.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        let words = self.words.iter().map(|word| {
            if word == "{dir}" {
                make_service(Path::new(&place)).unwrap();
            } else if word == "{pid}" {
                let _ = fs::remove_file(place.clone() + ".pid");
            }
            let word = word.replace("{pid}", &(place.clone() + ".pid")).replace("{dir}", &place);
            let word = word.replace("{n}", &instance.to_string()).replace("{seconds}", &seconds.to_string());
            CString::new(word).unwrap()
        });
        words.collect()
    }

    /// Only for these is there something to compare: their number of instructions is past the patience of a stepper.
    pub fn is_interpreted(&self) -> bool {
        self.words.iter().any(|word| word.ends_with(".py"))
    }
}

/// A service folder as daemontools, runit and s6 know it.
fn make_service(folder: &Path) -> io::Result<()> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir(folder)?;
    std::os::unix::fs::symlink(program(), folder.join("run"))
}

pub fn program() -> String {
    env::var("BENCH_PROGRAM").expect("scripts/bench says where the program is")
}

/// The peers whose command is there. A `{word}` of a command is what BENCH_WORD says in the environment.
pub fn load(table: &str, only: &[String]) -> Vec<Peer> {
    let mut peers = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let [name, kind, command] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else { continue };
        let kind = Kind::of(kind).unwrap_or_else(|| panic!("no such kind: {line}"));
        let words: Vec<String> = command.split_whitespace().map(expand).collect();
        let is_wanted = only.is_empty() || kind == Kind::Alone || name.starts_with("floor");
        if !is_wanted && !only.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        if Path::new(&words[0]).exists() {
            peers.push(Peer { name: name.into(), kind, words });
        } else {
            eprintln!("bench: {name} is left out: there is no {}", words[0]);
        }
    }
    peers
}

fn expand(word: &str) -> String {
    let Some((before, rest)) = word.split_once('{') else { return word.into() };
    let (name, after) = rest.split_once('}').unwrap();
    match env::var(format!("BENCH_{}", name.to_uppercase())) {
        Ok(value) => format!("{before}{value}{after}"),
        Err(_) => word.into(), // one of each launch
    }
}
