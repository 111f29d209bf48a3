//! What will be done, as data: what was asked for, the steps, their order with its reasons, how it can fail. Uses core
//! and [`Word`](crate::Word) alone; never calls the kernel.
#![forbid(unsafe_code)]

pub mod config;
pub mod exit;
pub mod identity;
pub mod machine;
pub mod monitor;
pub mod number;
pub mod order;
pub mod ready;
pub mod reason;
pub mod signal;
pub mod step;

pub use config::{Config, Limit, Opt};
pub use exit::Exit;
pub use reason::Reason;
pub use step::{Process, Step};

/// A step that could not be done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Which one.
    pub step: Step,
    /// Why not.
    pub reason: Reason,
}
