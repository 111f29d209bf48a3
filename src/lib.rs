//! Makes a program a Unix daemon by direct system calls, without libc and without allocation.
//!
//! This is the code of the launcher `dmz` for Rust programs, with and without std. A program that makes itself a daemon, with
//! a pidfile that is removed when it ends:
//!
//! ```no_run
//! # struct Service;
//! # impl Service { fn open() -> Service { Service } fn run(&self) {} }
//! fn main() -> Result<(), dmz::Error> {
//!     // SAFETY: first thing in main: no threads, no open files.
//!     let ready = unsafe { dmz::Daemon::new().pid_file(c"/run/service.pid").detach()? };
//!     let service = Service::open(); // a failure or panic here is reported to the caller
//!     let _pidfile = ready.notify(); // only now the process that was called ends, with status 0
//!     service.run();
//!     Ok(())
//! }
//! ```
//!
//! | you want | take |
//! |---|---|
//! | this process as a daemon | [`daemonize`], [`detach`], [`Daemon::detach`]; with the caller going on, [`Daemon::detach_and_return`] |
//! | another program as a daemon | [`Daemon::spawn`], safe, also with threads |
//! | one process at a time | [`PidFile`] |
//! | to query, signal or stop a daemon | `status`, `signal`, `stop` (feature `control`) |
//! | a piece | [`reset_signals`], [`close_descriptors`], [`null_stdio`], `find_user` (feature `identity`), `tell_manager` (feature `ready`) |
//!
//! Depend on it with `default-features = false` and those of the features `identity`, `ready` and `control` that you need.
//! With std add `std`: it forks by the C library, and converts an [`Error`] to an `std::io::Error`. Features only
//! add. Needs Rust 1.88 and Linux 4.19, for `control` 5.3. Nothing allocates; a program without std that detaches itself has
//! less than 4 KB (`examples/bare` in the repository).
//!
//! # How the daemon may end
//!
//! What the waiting caller gets, and what becomes of the pidfile:
//!
//! | end | before [`Ready::notify`] | after it |
//! |---|---|---|
//! | return, or a panic that unwinds | the caller gets an error, no file | the guard removes the file |
//! | `std::process::exit`, a panic that aborts | the caller gets an error, no file | the file stays, unlocked; the next start takes it over |
//! | a signal without a handler, SIGKILL | the caller gets an error, no file | the same |
//! | SIGTERM with a handler | as the handler does | return from `main`, or drop the guard: no file |
//!
//! `examples/web.rs` shows how to remove the file at a panic, an exit, and SIGTERM, SIGINT, SIGHUP and SIGQUIT.
//!
//! # Beside other crates
//!
//! Measured by `tests/crates` in the repository with daemonize 0.5.0, fork 0.11.0 (`checked_daemon`), daemonize-me 2.0.4.
//! "None": the crate has no such feature; "unreported": it fails, but its caller ends with success.
//!
//! | | dmz | daemonize | fork | daemonize-me |
//! |---|---|---|---|---|
//! | a failure after the fork is the caller's status | yes | no | yes | no |
//! | the pidfile is complete before the caller returns | yes | no | none | no |
//! | a second start fails and changes nothing | yes | unreported | none | no |
//! | the caller's supplementary groups are dropped with its user | yes | no | none | yes |
//! | inherited descriptors are closed | yes | no | yes | no |
//! | ignored and blocked signals can be reset | yes | no | yes | no |
//! | descriptors 0 to 2 may be closed | yes | yes | yes | yes |
//! | the caller waits until the daemon works | yes | no | yes | no |
//!
//! (Descriptors 0 to 2 that are closed are opened by std itself before `main`.)
//!
//! # Map
//!
//! Folders are layers, in reading order. The arrows are the only allowed uses, which `tests/layers.rs` in the
//! repository checks.
//!
//! ```text
//! start ──► cli ─┬─► run ──► sys ──► rustix (public API), linux-raw-sys
//!           api ─┴─► plan ◄──┘       plan uses core only
//! ```
//!
//! | folder | answers | never |
//! |---|---|---|
//! | `start` | entry point, memory functions, panic handler; only in the binary | decides |
//! | `cli` | words ⇄ values: the option table, parsing, help, messages | has effects |
//! | `api` | the functions for other programs | does anything unsafe itself |
//! | `plan` | what will be done, as data: configuration, steps, their order and its reasons, exit statuses | calls the kernel |
//! | `run` | doing it: processes, one effect per step, the pidfile, the launcher's record | has words |
//! | `sys` | the kernel made safe: rustix where it offers a call in public, raw system calls for the rest | decides |
//!
//! # Flow
//!
//! The words become a `Config`; `plan::order` turns that into the steps of each process; `run` does them in
//! one loop; a daemon that fails leaves `{step, reason}` in a record that it shares with the launcher, and the launcher,
//! which holds the same plan and is the only one with words, makes one line of it.
//!
//! ```text
//! launcher ── clone ──► session process ── clone ──► daemon ── execve ──► program
//!  sleeps                setsid, sleeps               the daemon's steps
//!  reads the record ◄──── asks the kernel for proof of the exec
//! ```
//!
//! The classic first fork is there because a leader of a process group may not make a session. A launcher that leads none
//! (a script's, a container's) is the session process itself, which saves a process; one that stays to wait never is,
//! since it keeps its own session.
//!
//! The clones share memory and suspend the parent (CLONE_VM and CLONE_VFORK): no pipe is needed for the report, no page
//! table is copied, and without a session process the daemon even has its frames below the launcher's. Where an emulator
//! can only fork, that is found out before anything is done (`sys/process.rs`), and the record alone is shared. The proof
//! is setpgid(2), which POSIX lets a parent use on a child only until that child has executed a program: EACCES is the
//! kernel's word that it has, and a daemon that was killed never gets it said.
//!
//! Where a process lives on or must be given up it is a real fork: a monitor (`-S`), which is the program's parent and tells
//! the launcher by the record and a signal; and everything that `--ready` waits for. Whoever waits does so in one wait for
//! signals (rt_sigtimedwait(2)): a child's end, what there is to read (SIGIO), the caller's ^C, and the time are one queue,
//! without a handler and without a descriptor.
//!
//! The monitor decides by a table of states and events (`plan/machine.rs`); the control of a daemon (`-T`, `-K`, `-s`) is
//! the lock's owner and a pidfd (`run/control.rs`), and starts nothing.
//!
//! # Invariants
//!
//! 1. `plan` and `cli` make no system call; unsafe code is in `sys` and `start` only, unsafe functions are declared in `api`.
//! 2. No allocation, no `core::fmt`, no panicking path and no writable static in the binary; no relocation, no segment
//!    that is writable and executable (`src/start/link.ld` refuses to link otherwise).
//! 3. The daemon closes everything first, then opens: no descriptor of ours ever sits on 0, 1 or 2 but what belongs
//!    there. The launcher opens nothing before the daemon is done, but for the channel of `--ready`, which is moved to 10
//!    or higher. The pidfile's descriptor gets its last number before it is locked, since any close of that file drops
//!    the lock.
//! 4. The order of the steps is `plan/order.rs`, each constraint with its reason.
//! 5. What is not reported has failed: success takes a report by the session process and the kernel's proof of the exec.
//! 6. The launcher leaves last. If the start fails it ends and reaps what is left of it, which is or became its child.
//! 7. A number is signalled only while it cannot be another process's: a child that was not waited for, or by a pidfd.
//!
//! # Why not
//!
//! - *A pipe whose end of file means success*: it also ends when the daemon is killed.
//! - *flock(2) or an open file description lock on the pidfile*: the program's children inherit it, and nobody can ask
//!   for its owner. A record lock is the process's own, survives the exec, and F_GETLK names the owner.
//! - *signalfd, pidfd and ppoll in the monitor*: three descriptors and three calls a turn for what one wait gives.
//! - *A session process on memory that is shared between processes*: a process that was forked there goes on on the same
//!   stack as its parent. Only the record is shared.
//! - *A record that is always in shared memory*: to the kernel that is a file, and takes 10 of a start's 260 µs.
//! - *A segment aligned to 64 KiB, which one page fault might map whole*: no fault less, and no faster (Linux 6.18).
//! - *rustix's `runtime` module for fork, execve and signals*: its name carries a suffix that changes, to keep others off.
#![no_std]
#![deny(unsafe_code)]
// contains() is a search made for long texts: 200 bytes of it for our three elements.
#![allow(clippy::manual_contains)]
// What a feature that is off would have used.
#![cfg_attr(
    not(all(feature = "cli", feature = "identity", feature = "monitor", feature = "ready", feature = "control")),
    allow(dead_code, unused_imports, unused_mut)
)]

#[cfg(any(test, feature = "std"))]
extern crate std;

mod api;
#[cfg(feature = "cli")]
mod cli;
mod plan;
mod run;
mod sys;

pub use api::*;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub use cli::main;
#[doc(hidden)]
pub use sys::words::Words;
pub(crate) use sys::words::{Table, Vector, Word};
