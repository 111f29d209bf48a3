//! A machine for commands that are meant to be typed as they stand: /run, /usr/local, /var/log and /srv are folders of the
//! test's own, `dmz` is installed, and so is the `myserver` that README.md and the manual speak of.
#![allow(dead_code)] // no test file uses all of it

use super::support::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A server that says what it finds, in a file of its process id's name in /srv/seen, and in /srv/heard when it hears HUP.
const MYSERVER: &str = r#"#!/bin/sh
# The fds of the redirection are this block's own, so what is said of them is asked first.
output=$(readlink /proc/$$/fd/1)
{
    echo "arguments: $*"
    echo "ids: $(id -u):$(id -g) $(id -G)"
    echo "folder: $(pwd)"
    echo "umask: $(umask)"
    echo "nice: $(nice)"
    echo "files: $(ulimit -n)"
    echo "disk: $(ionice -p $$)"
    echo "policy: $(chrt -p $$ | sed 's/.*: //')"
    echo "A: $A"
    echo "output: $output"
} >/srv/seen/.$$ 2>/dev/null
while [ $# != 0 ]; do
    case $1 in
    --ready-fd) eval "echo >&$2" ;;
    --notify)
        # The sender stays: of one that has gone nobody can tell whose it was.
        perl -MSocket -e '$name = $ENV{NOTIFY_SOCKET}; $name =~ s/^@/\0/; socket(S, AF_UNIX, SOCK_DGRAM, 0);
            send(S, "READY=1", 0, sockaddr_un($name)) or die; sleep 1000' &
        ;;
    --exit)
        mv /srv/seen/.$$ /srv/seen/$$
        exit "$2"
        ;;
    --fork)
        sleep 1000 &
        exit
        ;;
    esac
    shift
done
trap 'echo HUP >>/srv/heard' HUP
mv /srv/seen/.$$ /srv/seen/$$
sleep 1000 &
wait $!
while [ $? -gt 128 ]; do wait $!; done
"#;

/// Has the folders in their places, and becomes what bash makes of a line: a lone command in its own process.
const MACHINE: &str = r#"for folder in run usr/local var/log srv; do mount --bind "$0/$folder" "/$folder" || exit; done
PATH=$2 exec bash -c "$1""#;

/// What a login has.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub struct Scratch {
    pub place: Place,
    seen: std::cell::Cell<usize>,
}

impl Scratch {
    /// The machine; nothing if there cannot be one here, which is said.
    pub fn new() -> Option<Scratch> {
        if lacks_root() || lacks("unshare") || skipped(has_user(), "no user www-data") {
            return None;
        }
        let place = Place::new();
        for folder in ["run", "usr/local/bin", "usr/local/sbin", "var/log/myserver", "srv/seen"] {
            fs::create_dir_all(place.path(folder)).unwrap();
        }
        // As those who start servers have it.
        chown(place.path("var/log/myserver"), Some(33), None).unwrap();
        for folder in ["srv", "srv/seen", "var/log"] {
            fs::set_permissions(place.path(folder), PermissionsExt::from_mode(0o1777)).unwrap();
        }
        Place::copy(dmz(), place.path("usr/local/bin/dmz"));
        let scratch = Scratch { place, seen: Default::default() };
        scratch.program("usr/local/sbin/myserver", MYSERVER);
        Some(scratch)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// Installs a script.
    pub fn program(&self, name: &str, text: &str) {
        self.place.script(name, text);
    }

    /// A command line that a shell on that machine gets; with another PATH than that of a login.
    pub fn line_with(&self, line: &str, path: &str) -> Command {
        let mut command = self.place.command("unshare");
        command.args(["-m", "sh", "-c", MACHINE]).arg(&self.place.folder).args([line, path]);
        command.env_remove("DMZ_TESTS").env_remove("NOTIFY_SOCKET");
        command
    }

    pub fn line(&self, line: &str) -> Command {
        self.line_with(line, PATH)
    }

    /// Runs a command line to its end; whatever it leaves behind must keep none of its outputs.
    #[track_caller]
    pub fn run(&self, line: &str) -> Outcome {
        Outcome::of(&mut self.line(line))
    }

    /// Runs it, and it must succeed.
    #[track_caller]
    pub fn succeed(&self, line: &str) -> Outcome {
        let outcome = self.run(line);
        assert_eq!(outcome.code, 0, "{line}: {outcome:?}");
        outcome
    }

    /// Begins a command line.
    pub fn begin(&self, line: &str) -> Begun {
        let (output, errors) = (fs::File::create(self.path("output")), fs::File::create(self.path("errors")));
        let mut command = self.line(line);
        Begun(command.stdout(output.unwrap()).stderr(errors.unwrap()).stdin(Stdio::null()).spawn().unwrap())
    }

    /// Waits until another `myserver` has said what it finds.
    #[track_caller]
    pub fn server(&self) -> Server {
        let all = || fs::read_dir(self.path("srv/seen")).unwrap().map(|entry| entry.unwrap());
        let name = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<i32>().ok();
        // Those that were seen are moved away, so at most one is new.
        let pid = until("myserver to run", || all().filter_map(name).next());
        let file = self.path("srv/seen").join(pid.to_string());
        let text = fs::read_to_string(&file).unwrap();
        let number = self.seen.get();
        self.seen.set(number + 1);
        fs::rename(file, self.path(&format!("srv/seen-{number}"))).unwrap();
        Server { process: self.place.own(Process(pid)), text }
    }

    /// Waits until `myserver` has heard HUP, and forgets that.
    #[track_caller]
    pub fn hears(&self) {
        let heard = self.path("srv/heard");
        until("HUP to be heard", || heard.exists().then_some(()));
        fs::remove_file(heard).unwrap();
    }
}

fn has_user() -> bool {
    fs::read_to_string("/etc/passwd").is_ok_and(|text| text.contains("\nwww-data:x:33:33:"))
}

/// A running `myserver`, and what it said.
pub struct Server {
    pub process: Process,
    pub text: String,
}

impl Server {
    pub fn found(&self, name: &str) -> &str {
        let line = self.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }
}

/// A command that was begun, and is ended in any case.
pub struct Begun(pub Child);

impl Begun {
    pub fn process(&self) -> Process {
        Process(self.0.id() as i32)
    }

    pub fn wait(&mut self) -> ExitStatus {
        until("the end of the command", || self.0.try_wait().unwrap())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command of README.md or of the manual, as a block has them.
pub struct Block<'a> {
    pub language: &'a str,
    pub text: &'a str,
}

/// The blocks of a page.
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let inside = page.split("\n```").skip(1).step_by(2);
    let parts = inside.map(|block| block.split_once('\n').expect("a line with the language"));
    parts.map(|(language, text)| Block { language, text }).collect()
}

/// The one block of this language with these words in it.
#[track_caller]
pub fn block<'a>(page: &'a str, language: &str, words: &str) -> &'a str {
    let mut fitting: Vec<_> = blocks(page);
    fitting.retain(|block| block.language == language && block.text.contains(words));
    assert_eq!(fitting.len(), 1, "blocks of {language} with {words:?}");
    fitting[0].text
}
