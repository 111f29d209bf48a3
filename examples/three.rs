//! A program that starts three daemons and stays: from three threads at once, with children of its own that it waits for
//! as if there were no others. Usage: three FOLDER; the daemons are stopped when a line comes on standard input.

use std::ffi::CString;
use std::process::Command;
use std::{io, thread};

use dmz::{Daemon, Error, Program, Status};

fn main() -> Result<(), Error> {
    let folder = std::env::args().nth(1).expect("usage: three FOLDER");
    let mut child = Command::new("true").spawn().expect("a child of our own");
    let paths = [1, 2, 3].map(|number| CString::new(format!("{folder}/{number}.pid")).unwrap());
    let sleep = Program::new(c"sleep").arguments(&[c"sleep", c"600"]).environment(&[c"PATH=/usr/bin:/bin"]);
    let started = thread::scope(|scope| {
        let start = |path: &CString| Daemon::new().pid_file(path).spawn(&sleep);
        let starts: Vec<_> = paths.iter().map(|path| scope.spawn(move || start(path))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect::<Result<Vec<_>, Error>>()
    });
    assert!(child.wait().expect("nobody else has waited for it").success());
    println!("{:?}", started?);
    let _ = io::stdin().read_line(&mut String::new());
    for path in &paths {
        assert_eq!(dmz::stop(path, 5)?, Status::NotRunning);
    }
    Ok(())
}
