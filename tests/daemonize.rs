//! What the program finds: the state of the process at exec, as the kernel shows it from outside.

mod support;
use support::*;

#[test]
fn a_plain_start_is_a_daemon() {
    let place = Place::new();
    let program = place.start(["/bin/sleep", "100"]);
    assert_eq!(program.stat(4), i64::from(std::process::id()), "its parent is the nearest reaper");
    assert_ne!(program.stat(6), i64::from(program.0), "it does not lead its session");
    assert_eq!(program.stat(7), 0, "no terminal");
    assert_eq!(program.link("cwd"), std::path::Path::new("/"));
    assert_eq!(program.status("Umask").unwrap(), "0000");
    for set in ["SigBlk", "SigIgn", "SigCgt"] {
        assert_eq!(program.signals(set), 0, "{set}");
    }
    let null = std::path::Path::new("/dev/null").to_path_buf();
    assert_eq!(program.descriptors(), [(0, null.clone()), (1, null.clone()), (2, null)].into());
}

#[test]
fn the_pidfile_is_locked_by_the_program() {
    let place = Place::new();
    let program = place.start(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    assert_pidfile(place.path("x.pid"), program);
    let second = place.run(["-p", "x.pid", "--", "/bin/sleep", "100"]);
    second.assert_failed(123, &format!("already running, PID {}", program.0));
    assert_eq!(place.processes(), [program]);
}
