//! Turns a program into a Unix daemon, without libc and without allocation, straight to the kernel.
//!
//! # Map
//!
//! Folders are layers, in reading order. The arrows are the only allowed uses, and `tests/layers.rs` checks them.
//!
//! ```text
//! start ──► cli ──► run ──► sys ──► rustix (public API), linux-raw-sys
//!               └─► plan ◄──┘       plan uses core only
//! ```
//!
//! | folder | answers | never |
//! |---|---|---|
//! | `start` | how the kernel hands over: entry point, memory functions, panic handler; the binary's only | holds logic |
//! | `cli` | words ⇄ values: the option table, parsing, help, messages | has effects |
//! | `plan` | what will be done, as data: configuration, steps, their order and its reasons, exit statuses | calls the kernel |
//! | `run` | doing it: processes, one effect per step, the pidfile, the launcher's record | has words |
//! | `sys` | the kernel made safe: rustix where it offers a call in public, raw system calls for the rest | decides |
//!
//! # Flow
//!
//! The words become a [`plan::Config`]; [`plan::order`] turns that into the steps of each process; `run` does them in
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
//! The clones share memory and suspend the parent (CLONE_VM and CLONE_VFORK): no pipe is needed for the report and no
//! page table is copied. The proof is setpgid(2), which POSIX lets a parent use on a child only until that child has
//! executed a program: EACCES is the kernel's word that it has, and a daemon that was killed never gets it said.
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
//! 1. `plan` and `cli` make no system call; unsafe code is in `sys` and `start` only.
//! 2. No allocation, no `core::fmt`, no panicking path and no writable static in the binary; no relocation, no segment
//!    that is writable and executable (`src/start/link.ld` refuses to link otherwise).
//! 3. The daemon closes everything first, then opens: no descriptor of ours ever sits on 0, 1 or 2 but what belongs
//!    there. The launcher opens nothing before the daemon is done, but for the channel of `--ready`, which is moved to 10
//!    or higher. The pidfile's descriptor gets its last number before it is locked, since any close of that file drops
//!    the lock.
//! 4. The order of the steps is `plan/order.rs`, each constraint with its reason.
//! 5. Not reported is failed: success takes a sign from the session process and the kernel's proof of the exec.
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

#[cfg(test)]
extern crate std;

#[cfg(feature = "cli")]
mod cli;
pub mod plan;
mod run;
mod sys;

#[cfg(feature = "cli")]
pub use cli::main;
pub use sys::words::{Table, Vector, Word, Words};
