//! Time, and the calls that take or give one.

#[cfg(target_pointer_width = "32")]
use linux_raw_sys::errno::{ENOSYS, EPERM};
use linux_raw_sys::general as linux;

use super::arch::syscall;

/// struct timespec, wide: seconds and nanoseconds.
pub type Time = [u64; 2];

/// A call with a time. A 32-bit kernel has each one twice: with wide times (Linux 5.1), and with narrow ones, without which
/// it may be built since (CONFIG_COMPAT_32BIT_TIME).
#[derive(Clone, Copy)]
pub struct Call {
    wide: u32,
    #[cfg(target_pointer_width = "32")]
    narrow: u32,
}

macro_rules! calls {
    ($($name:ident: $call:ident, $wide:ident;)*) => {
        $(
            #[cfg(target_pointer_width = "64")]
            pub(super) const $name: Call = Call { wide: linux::$call };
            #[cfg(target_pointer_width = "32")]
            pub(super) const $name: Call = Call { wide: linux::$wide, narrow: linux::$call };
        )*
    };
}

calls! {
    GET: __NR_clock_gettime, __NR_clock_gettime64;
    SLEEP: __NR_clock_nanosleep, __NR_clock_nanosleep_time64;
    WAIT: __NR_rt_sigtimedwait, __NR_rt_sigtimedwait_time64;
}

impl Call {
    /// Lets `call` make the system call of this number with the address of this time, 0 for none; what the kernel answers.
    #[inline(always)]
    pub(super) fn with(self, mut time: Option<&mut Time>, call: impl Fn(u32, usize) -> isize) -> isize {
        let answer = call(self.wide, time.as_mut().map_or(0, |time| time.as_mut_ptr() as usize));
        // A filter that does not know it may say EPERM, which none of them else does.
        #[cfg(target_pointer_width = "32")]
        if [ENOSYS, EPERM].contains(&(-answer as u32)) {
            let Some(time) = time else { return call(self.narrow, 0) };
            let mut narrow = time.map(|part| part as usize);
            let answer = call(self.narrow, narrow.as_mut_ptr() as usize);
            *time = narrow.map(|part| part as u64);
            return answer;
        }
        answer
    }
}

/// A short sleep, 100 µs: for the moment between an exec's release of our memory and its end (clock_nanosleep(2)).
pub fn pause() {
    let clock = linux::CLOCK_MONOTONIC as usize;
    // SAFETY: the kernel reads one timespec of the kind that the call takes.
    SLEEP.with(Some(&mut [0, 100_000]), |call, time| unsafe { syscall(call, clock, 0, time, 0, 0) });
}

/// Milliseconds on a clock that never goes back (clock_gettime(2), CLOCK_MONOTONIC).
pub fn now() -> u64 {
    let mut time = [0; 2];
    let clock = linux::CLOCK_MONOTONIC as usize;
    // SAFETY: the kernel writes one timespec of the kind that the call gives.
    GET.with(Some(&mut time), |call, time| unsafe { syscall(call, clock, time, 0, 0, 0) });
    let [seconds, nanoseconds] = time;
    seconds * 1000 + nanoseconds / 1_000_000
}
