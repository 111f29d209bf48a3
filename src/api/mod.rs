//! What other programs use: daemons of their own and of others, as functions. Declares what is unsafe, and does nothing
//! unsafe itself; effects through `run`.

mod control;
mod daemon;
mod detach;
mod error;
mod pidfile;
mod pieces;
mod ready;

pub use crate::run::host::Fork;
#[cfg(feature = "control")]
pub use control::{Status, signal, status, stop};
pub use daemon::{Daemon, Program};
pub use detach::{Outcome, daemonize, detach};
pub use error::{Error, ErrorKind, Step};
pub use pidfile::PidFile;
#[cfg(feature = "ready")]
pub use pieces::tell_manager;
#[cfg(feature = "identity")]
pub use pieces::{User, find_user};
pub use pieces::{close_descriptors, null_stdio, reset_signals};
pub use ready::Ready;
