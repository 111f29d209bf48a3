//! Which descriptors the program gets: everything closed but what is to stay, and the null device on what is left of 0
//! to 2.

use super::record::Record;
use crate::plan::{Config, Opt, Reason};
use crate::sys::file::{self, Fd, NO_FD, flags};
use crate::{Table, Word};

/// Makes sure that the descriptors to keep are open.
pub fn check_kept(config: &Config<'_>, record: &Record) -> Result<(), Reason> {
    for number in config.keep {
        record.set_number(*number as i32);
        file::check(Fd(*number as i32))?;
    }
    Ok(())
}

/// Closes everything but the descriptors to keep, and the one of `channel` unless that is 0.
pub fn close(config: &Config<'_>, channel: i32) -> Result<(), Reason> {
    let mut first = if config.has(Opt::Detaches) { 0 } else { 3 };
    let last = if config.has(Opt::NoClose) { 2 } else { u32::MAX };
    let next = |first| {
        let channel = Some(channel as u32).filter(|channel| *channel > 0 && *channel >= first);
        config.next_kept(first).into_iter().chain(channel).min().filter(|kept| *kept <= last)
    };
    while let Some(kept) = next(first) {
        if kept > first {
            close_range(first, kept - 1)?;
        }
        first = kept + 1;
    }
    if first <= last { close_range(first, last) } else { Ok(()) }
}

/// Closes everything.
pub fn close_all() -> Result<(), Reason> {
    close_range(0, u32::MAX)
}

/// How many descriptors are closed one by one when there is no better way.
const FEW: u32 = 65_536;

/// Closes a range: by one call, else what /proc lists, else one number after the other if they are few.
fn close_range(first: u32, last: u32) -> Result<(), Reason> {
    if file::close_range(first, last).is_ok() { Ok(()) } else { close_listed(first, last) }
}

/// The same without that call (Linux before 5.9). Never inlined: its buffer is not worth a page of everybody's stack.
#[inline(never)]
fn close_listed(first: u32, last: u32) -> Result<(), Reason> {
    let close = |number: u32| {
        if (first..=last).contains(&number) {
            file::close(Fd(number as i32));
        }
    };
    if file::each_open(close).is_ok() {
        return Ok(());
    }
    if file::limit() > u64::from(FEW) {
        return Err(Reason::TOO_MANY);
    }
    // The limit may have been higher when they were opened.
    (0..FEW).for_each(close);
    Ok(())
}

/// The null device, and where one of our own may be made for a moment when that is not there or is something else.
const NULLS: Table = Table::new(b"/dev/null\0/dev/null.dmz\0/run/null.dmz\0/tmp/null.dmz\0/null.dmz\0\0");

/// Makes the null device every one of descriptors 0, 1 and 2 that is not to stay. In the foreground all stay that are open.
pub fn open_null(config: &Config<'_>) -> Result<(), Reason> {
    let mut null = NO_FD;
    for number in 0..3 {
        if config.keeps(number as u32) && file::check(Fd(number)).is_ok() {
            continue;
        }
        if null == NO_FD {
            // Nothing lower is free, so it is this very number.
            null = find_null()?;
        } else {
            file::duplicate_onto(null, number)?;
        }
    }
    Ok(())
}

/// The null device, or one of our own, made and unlinked in the first folder that takes one.
pub fn find_null() -> Result<Fd, Reason> {
    let mut refusal = None;
    for name in NULLS {
        if refusal.is_some() {
            // It may be there: another start is at the same place, or was killed there. What counts is what we open.
            let _ = file::make_null(name);
        }
        let null = null_at(name);
        if refusal.is_some() {
            let _ = file::unlink(name);
        }
        match null {
            Err(reason) => refusal = refusal.or(Some(reason)),
            Ok(null) => return Ok(null),
        }
    }
    Err(refusal.unwrap_or(Reason::NOT_NULL))
}

/// Opens `path` if it is the null device.
fn null_at(path: Word<'_>) -> Result<Fd, Reason> {
    let fd = file::open(file::HERE, path, flags::DEVICE, 0)?;
    let reason = match file::status(fd) {
        Ok(status) if status.is_null() => return Ok(fd),
        Ok(_) => Reason::NOT_NULL,
        Err(errno) => errno.into(),
    };
    file::close(fd);
    Err(reason)
}
