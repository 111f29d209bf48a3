//! Who a process is and what it may: ids, groups, capabilities, limits, priorities.

use linux_raw_sys::general as linux;
#[cfg(target_pointer_width = "64")]
use linux_raw_sys::general::{__NR_getgroups, __NR_getresgid, __NR_getresuid, __NR_setgroups};
// The plain names are those of calls with ids of 16 bits there.
#[cfg(target_pointer_width = "32")]
use linux_raw_sys::general::{
    __NR_getgroups32 as __NR_getgroups, __NR_getresgid32 as __NR_getresgid, __NR_getresuid32 as __NR_getresuid,
    __NR_setgroups32 as __NR_setgroups,
};
use rustix::fs::Gid;
use rustix::process::Uid;
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::arch::syscall;
use super::words::Word;
use super::{Result, answer};

/// Which of a process's three user or group ids: real, effective, saved.
pub type Ids = [u32; 3];

/// setgroups(2).
pub fn set_groups(groups: &[u32]) -> Result<()> {
    // SAFETY: the kernel reads that many numbers of 32 bits.
    answer(unsafe { syscall(__NR_setgroups, groups.len(), groups.as_ptr() as usize, 0, 0, 0) })?;
    Ok(())
}

/// setresgid(2), all three.
pub fn set_group(id: u32) -> Result<()> {
    let id = Gid::from_raw(id);
    Ok(rustix::thread::set_thread_res_gid(id, id, id)?)
}

/// setresuid(2), all three.
pub fn set_user(id: u32) -> Result<()> {
    let id = Uid::from_raw(id);
    Ok(rustix::thread::set_thread_res_uid(id, id, id)?)
}

/// setresuid(2), the effective one alone.
pub fn set_effective_user(id: u32) -> Result<()> {
    Ok(rustix::thread::set_thread_res_uid(None, Uid::from_raw(id), None)?)
}

/// getresuid(2).
pub fn users() -> Result<Ids> {
    ids(__NR_getresuid)
}

/// getresgid(2).
pub fn groups() -> Result<Ids> {
    ids(__NR_getresgid)
}

fn ids(number: u32) -> Result<Ids> {
    let mut ids: Ids = [0; 3];
    let [real, effective, saved] = ids.each_mut().map(|id| (&raw mut *id) as usize);
    // SAFETY: the kernel writes one number of 32 bits at each.
    answer(unsafe { syscall(number, real, effective, saved, 0, 0) })?;
    Ok(ids)
}

/// getgroups(2) into `room`; how many there are. EINVAL where the room is too small.
pub fn supplementary(room: &mut [u32]) -> Result<usize> {
    // SAFETY: the kernel writes at most as many numbers of 32 bits as there is room for.
    Ok(answer(unsafe { syscall(__NR_getgroups, room.len(), room.as_mut_ptr() as usize, 0, 0, 0) })? as usize)
}

/// chroot(2); the working directory stays where it is.
pub fn change_root(path: Word<'_>) -> Result<()> {
    Ok(rustix::process::chroot(path.as_c_str())?)
}

/// Keeps the permitted capabilities when the user ids change (prctl(2), PR_SET_KEEPCAPS).
pub fn keep_capabilities(yes: bool) -> Result<()> {
    Ok(rustix::thread::set_keep_capabilities(yes)?)
}

/// Takes capability `number` out of what any exec can give (prctl(2), PR_CAPBSET_DROP); EINVAL for one that the kernel
/// does not know, EPERM without CAP_SETPCAP.
pub fn drop_capability(number: u32) -> Result<()> {
    Ok(rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number))?)
}

/// Can an exec give capability `number` (prctl(2), PR_CAPBSET_READ)? EINVAL for one that the kernel does not know.
pub fn has_capability(number: u32) -> Result<bool> {
    Ok(rustix::thread::capability_is_in_bounding_set(CapabilitySet::from_bits_retain(1 << number))?)
}

/// Puts capability `number` into what an exec of an ordinary program keeps (prctl(2), PR_CAP_AMBIENT).
pub fn raise_capability(number: u32) -> Result<()> {
    Ok(rustix::thread::configure_capability_in_ambient_set(CapabilitySet::from_bits_retain(1 << number), true)?)
}

/// Makes `bits` the permitted, effective and inheritable capabilities (capset(2)).
pub fn set_capabilities(bits: u64) -> Result<()> {
    let set = CapabilitySet::from_bits_retain(bits);
    put_capabilities(CapabilitySets { effective: set, permitted: set, inheritable: set })
}

/// Makes no capability inheritable, and so none ambient (capset(2)).
pub fn clear_inheritable() -> Result<()> {
    put_capabilities(CapabilitySets { inheritable: CapabilitySet::empty(), ..capabilities()? })
}

/// Makes all permitted capabilities effective, or none (capset(2)).
pub fn use_capabilities(yes: bool) -> Result<()> {
    let sets = capabilities()?;
    put_capabilities(CapabilitySets { effective: if yes { sets.permitted } else { CapabilitySet::empty() }, ..sets })
}

/// Are these the permitted, effective and inheritable capabilities (capget(2))?
#[inline(never)]
pub fn has_exactly(bits: u64) -> Result<bool> {
    let CapabilitySets { effective, permitted, inheritable } = capabilities()?;
    Ok(effective.bits() == bits && permitted.bits() == bits && inheritable.bits() == bits)
}

/// The permitted capabilities (capget(2)).
pub fn permitted_capabilities() -> Result<u64> {
    Ok(capabilities()?.permitted.bits())
}

#[inline(never)]
fn capabilities() -> Result<CapabilitySets> {
    Ok(rustix::thread::capabilities(None)?)
}

#[inline(never)]
fn put_capabilities(sets: CapabilitySets) -> Result<()> {
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

/// No exec gives privileges any more (prctl(2), PR_SET_NO_NEW_PRIVS).
pub fn forbid_new_privileges() -> Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// setpriority(2) of this process.
pub fn set_nice(value: i32) -> Result<()> {
    Ok(rustix::process::setpriority_process(None, value)?)
}

/// ioprio_set(2) of this process: class and level in one number.
pub fn set_io_priority(value: u32) -> Result<()> {
    const PROCESS: usize = 1; // IOPRIO_WHO_PROCESS
    // SAFETY: three integers.
    answer(unsafe { syscall(linux::__NR_ioprio_set, PROCESS, 0, value as usize, 0, 0) })?;
    Ok(())
}

/// sched_setscheduler(2) of this process.
pub fn set_scheduling(policy: u32, priority: u32) -> Result<()> {
    let place = (&raw const priority) as usize;
    // SAFETY: struct sched_param is this one integer, which the kernel reads.
    answer(unsafe { syscall(linux::__NR_sched_setscheduler, 0, policy as usize, place, 0, 0) })?;
    Ok(())
}

/// prlimit64(2) of this process.
pub fn set_limit(resource: u32, soft: u64, hard: u64) -> Result<()> {
    let limit = linux::rlimit64 { rlim_cur: soft, rlim_max: hard };
    let place = (&raw const limit) as usize;
    // SAFETY: the kernel reads one `rlimit64` and is asked for no old one.
    answer(unsafe { syscall(linux::__NR_prlimit64, 0, resource as usize, place, 0, 0) })?;
    Ok(())
}
