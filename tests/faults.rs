//! Every system call of every process of a start fails in turn, and every process is killed at each: then there is one
//! line and nothing else, or a whole daemon for a reason that is written down (`faults/calls.rs`).

#[cfg(target_arch = "x86_64")]
#[path = "support/actor.rs"]
mod actor;
mod support;

#[cfg(target_arch = "x86_64")]
#[path = "faults/calls.rs"]
mod calls;
#[cfg(target_arch = "x86_64")]
#[path = "faults/copies.rs"]
mod copies;
#[cfg(target_arch = "x86_64")]
#[path = "faults/matrix.rs"]
mod matrix;
#[cfg(target_arch = "x86_64")]
#[path = "faults/peers.rs"]
mod peers;
#[cfg(target_arch = "x86_64")]
#[path = "faults/scenario.rs"]
mod scenario;
#[cfg(target_arch = "x86_64")]
#[path = "support/tracer.rs"]
mod tracer;

#[test]
fn whatever_fails_there_is_one_line_or_a_whole_daemon() {
    #[cfg(target_arch = "x86_64")]
    matrix::inject();
    #[cfg(not(target_arch = "x86_64"))]
    eprintln!("skipped: the tracer knows the registers of x86-64 only");
}

#[test]
fn where_memory_cannot_be_shared_a_start_is_the_same() {
    #[cfg(target_arch = "x86_64")]
    copies::start();
    #[cfg(not(target_arch = "x86_64"))]
    eprintln!("skipped: the tracer knows the registers of x86-64 only");
}

/// Prints a table for README.md; what is not installed is left out. `scripts/torture` runs it.
#[test]
#[ignore = "it is about others, which have to be installed"]
fn the_same_faults_in_other_launchers() {
    #[cfg(target_arch = "x86_64")]
    peers::inject();
    #[cfg(not(target_arch = "x86_64"))]
    eprintln!("skipped: the tracer knows the registers of x86-64 only");
}
