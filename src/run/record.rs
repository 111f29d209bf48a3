//! What the daemon and the session process leave for the launcher: which step came last, why it failed, and the kernel's
//! own proof of the exec. All zeros means that nobody got far: a start from which nothing was heard has failed.

use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use crate::Word;
use crate::plan::{Failure, Reason, Step};
use crate::sys::file::Identity;
use crate::sys::signal;

/// What has happened to the pidfile, so that a failed start can undo it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Pidfile {
    /// Nothing.
    Untouched = 0,
    /// It is being made, or was: to be unlinked.
    Made = 1,
    /// It was there before and has got a new text: to be emptied.
    Overwritten = 2,
}

/// How many children of the caller's can be told from those of the start.
const STRANGERS: usize = 32;

/// The program runs.
const PROVED: u8 = 1;

/// It never will: whoever still says so comes too late.
const REFUSED: u8 = 2;

/// The record. `proved` and `reason` are what others wait for: whoever reads them sees what was written before them. The
/// rest is read behind them, or when its writer has ended, so that no order matters.
#[derive(Default)]
pub struct Record {
    /// The session process's id.
    pub session: AtomicI32,
    /// The daemon's id.
    pub daemon: AtomicI32,
    /// The monitor's id.
    pub monitor: AtomicI32,
    /// The process that holds the lock, or a descriptor that is not open.
    number: AtomicI32,
    /// The program's end of the channel.
    pub channel: AtomicI32,
    address: AtomicU64,
    step: AtomicU8,
    reason: AtomicI32,
    proved: AtomicU8,
    pidfile: AtomicU8,
    ignored: AtomicU8,
    shared: AtomicU8,
    /// The children that the caller had before, and how many those are.
    strangers: [AtomicI32; STRANGERS],
    stranger_count: AtomicU8,
    mask: AtomicU64,
    device: AtomicU64,
    inode: AtomicU64,
}

impl Record {
    /// One of which nothing is known, in memory that forked processes share or not.
    pub fn new(is_shared: bool) -> Record {
        Record { shared: AtomicU8::new(is_shared.into()), ..Record::default() }
    }

    /// The step that a process is about to do.
    pub fn note(&self, step: Step) {
        self.step.store(step as u8, Relaxed);
    }

    /// The noted step failed; only the first failure counts, unless it is what a signal has brought about.
    #[inline(never)]
    pub fn fail(&self, reason: Reason) {
        if !self.has_failed() || reason == Reason::INTERRUPTED {
            self.reason.store(reason.number(), Release);
        }
    }

    /// The program runs.
    pub fn prove(&self) {
        self.proved.store(PROVED, Release);
    }

    /// Says how the start went, where several processes may: the first word counts, whatever comes behind it. Is it this
    /// one?
    #[inline(never)]
    pub fn decide(&self, result: Result<(), Reason>) -> bool {
        if let Err(reason) = result {
            self.fail(reason);
        }
        let state = if result.is_ok() { PROVED } else { REFUSED };
        self.proved.compare_exchange(0, state, Release, Relaxed).is_ok()
    }

    /// The program runs, but not for long: what was wanted besides has failed.
    pub fn disprove(&self) {
        self.proved.store(0, Relaxed);
    }

    /// Is it known how the start went?
    pub fn is_decided(&self) -> bool {
        self.proved.load(Acquire) != 0 || self.has_failed()
    }

    /// Why it failed; a process that reported nothing was killed.
    pub fn reason(&self) -> Reason {
        Reason::from_number(self.reason.load(Acquire)).unwrap_or(Reason::KILLED)
    }

    /// Did anybody report a failure?
    pub fn has_failed(&self) -> bool {
        self.reason.load(Acquire) != 0
    }

    /// Has the daemon come to the exec without a failure? Then the kernel's word that it has executed something means the
    /// program.
    pub fn is_executing(&self) -> bool {
        !self.has_failed() && self.step.load(Relaxed) == Step::Execute as u8
    }

    /// Forgets how the last start went, for another one.
    pub fn forget(&self) {
        self.reason.store(0, Relaxed);
    }

    /// What it all amounts to, once the session process has ended.
    pub fn verdict(&self) -> Result<(), Failure> {
        if self.proved.load(Acquire) == PROVED {
            return Ok(());
        }
        Err(self.failure(self.reason()))
    }

    /// The noted step with why it failed.
    pub fn failure(&self, reason: Reason) -> Failure {
        Failure { step: Step::from_number(self.step.load(Relaxed)).unwrap_or(Step::Fork), reason }
    }

    /// What is about to happen to the pidfile.
    pub fn set_pidfile(&self, state: Pidfile) {
        self.pidfile.store(state as u8, Relaxed);
    }

    /// A number that belongs to the failure.
    pub fn set_number(&self, number: i32) {
        self.number.store(number, Relaxed);
    }

    /// The number that belongs to the failure.
    pub fn number(&self) -> i32 {
        self.number.load(Relaxed)
    }

    /// The signals that the caller blocked.
    pub fn set_mask(&self, mask: signal::Set) {
        self.mask.store(mask.0, Relaxed);
    }

    /// What the caller blocked.
    pub fn mask(&self) -> signal::Set {
        signal::Set(self.mask.load(Relaxed))
    }

    /// Did the caller ignore its children's ends?
    pub fn set_ignored(&self, ignored: bool) {
        self.ignored.store(ignored.into(), Relaxed);
    }

    /// Did it?
    pub fn ignored(&self) -> bool {
        self.ignored.load(Relaxed) != 0
    }

    /// It is in memory that forked processes share.
    pub fn set_shared(&self) {
        self.shared.store(1, Relaxed);
    }

    /// Is it?
    pub fn is_shared(&self) -> bool {
        self.shared.load(Relaxed) != 0
    }

    /// The text is about to change, if it is another start's.
    pub fn will_overwrite(&self) {
        if self.pidfile_is(Pidfile::Untouched) {
            self.set_pidfile(Pidfile::Overwritten);
        }
    }

    /// What has happened to it.
    pub fn pidfile_is(&self, state: Pidfile) -> bool {
        self.pidfile.load(Relaxed) == state as u8
    }

    /// The name of the socket by which the program says that it is ready.
    pub fn set_address(&self, name: [u8; 5]) {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(name).for_each(|(place, byte)| *place = byte);
        self.address.store(u64::from_ne_bytes(bytes), Relaxed);
    }

    /// That name, as a word in `room`.
    pub fn address<'a>(&self, room: &'a mut [u8; 8]) -> Word<'a> {
        *room = self.address.load(Relaxed).to_ne_bytes();
        Word::ending(room)
    }

    /// A child of the caller's that was there before.
    pub fn add_stranger(&self, id: i32) {
        let count = self.stranger_count.load(Relaxed);
        if let Some(place) = self.strangers.get(usize::from(count)) {
            place.store(id, Relaxed);
        }
        self.stranger_count.store(count.saturating_add(1), Relaxed);
    }

    /// None of those that are there now is known yet.
    pub fn clear_strangers(&self) {
        self.strangers.iter().for_each(|stranger| stranger.store(0, Relaxed));
        self.stranger_count.store(0, Relaxed);
    }

    /// Nobody knows which were there before.
    pub fn forget_strangers(&self) {
        self.stranger_count.store(u8::MAX, Relaxed);
    }

    /// Was this child there before? Where there were too many to know, all count as that.
    pub fn is_stranger(&self, id: i32) -> bool {
        usize::from(self.stranger_count.load(Relaxed)) > STRANGERS || self.is_noted(id)
    }

    /// Is it known to have been there before?
    pub fn is_noted(&self, id: i32) -> bool {
        self.strangers.iter().any(|stranger| stranger.load(Relaxed) == id)
    }

    /// Which file it is.
    pub fn set_identity(&self, identity: Identity) {
        self.device.store(identity.device, Relaxed);
        self.inode.store(identity.inode, Relaxed);
    }

    /// Which file it was; all zeros if nobody got to look.
    pub fn identity(&self) -> Identity {
        Identity { device: self.device.load(Relaxed), inode: self.inode.load(Relaxed) }
    }
}
