//! Pieces of a start that are useful alone.

use crate::Word;
use crate::plan::{Config, Failure, Reason};
use crate::run::descriptors;
use crate::sys::{file, signal};

/// The most that a manager reads of a message.
#[cfg(feature = "ready")]
const MESSAGE: usize = 4095;

/// Tells a manager something, and waits until it knows.
#[cfg(feature = "ready")]
pub fn tell(address: Word<'_>, text: Word<'_>) -> Result<(), Reason> {
    if text.bytes().len() > MESSAGE {
        return Err(Reason::TOO_LONG);
    }
    crate::run::ready::tell(address, text)
}

/// Finds a user as `--user` takes it: the user's id, the group's, and how many supplementary groups there are in `room`.
#[cfg(feature = "identity")]
pub fn find_user(user: Word<'_>, room: &mut [u32]) -> Result<(u32, u32, usize), Failure> {
    crate::run::account::find_user(user, room)
}

/// Makes the null device of descriptors 0, 1 and 2.
pub fn null_standard() -> Result<(), Reason> {
    let null = descriptors::find_null()?;
    for number in 0..3 {
        if null.0 != number {
            file::duplicate_onto(null, number)?;
        }
    }
    if null.0 > 2 {
        file::close(null);
    }
    Ok(())
}

/// Closes every descriptor from 3 on but those in `keep`.
pub fn close_others(keep: &[u32]) -> Result<(), Reason> {
    let mut config = Config::new();
    config.keep = keep;
    descriptors::close(&config, 0)
}

/// The default action for every signal, and none blocked.
pub fn reset_signals() -> Result<(), Reason> {
    signal::reset_all()?;
    signal::block(signal::NONE)?;
    Ok(())
}
