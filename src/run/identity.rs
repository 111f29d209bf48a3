//! The steps that change as whom and within what limits the program runs.

use super::apply::Work;
use crate::Word;
use crate::plan::{Config, Opt, Reason, Step};
use crate::sys::memory::Pool;
use crate::sys::{Errno, file, identity as sys};

/// Does `step`, if it is one of these.
#[inline(always)] // one jump table with the other steps
pub fn apply(step: Step, work: &mut Work<'_>) -> Result<(), Reason> {
    let config = work.start.config;
    match step {
        Step::SetNice => sys::set_nice(config.nice)?,
        Step::SetScheduling => sys::set_scheduling(config.scheduling & 0xff, config.scheduling >> 8)?,
        Step::SetIoPriority => sys::set_io_priority(config.io_priority)?,
        Step::SetOomScore => put(Word::new(c"/proc/self/oom_score_adj"), config.text(Opt::OomScoreAdj))?,
        Step::EnterCgroup => {
            work.path.clear();
            work.path.push(config.text(Opt::Cgroup).bytes())?;
            work.path.push(b"/cgroup.procs")?;
            // 0 is the process that writes.
            let entered = put(work.path.word(), Word::new(c"0"));
            work.path.clear();
            entered?;
        }
        Step::SetGroups => sys::set_groups(config.groups)?,
        Step::SetGroup => sys::set_group(config.group)?,
        Step::EnterUser => act_as(config.user, false, work)?,
        Step::LeaveUser => act_as(work.start.command.user, true, work)?,
        Step::LimitCapabilities => limit_capabilities(config.caps)?,
        Step::ChangeRoot => {
            sys::change_root(config.text(Opt::Chroot))?;
            file::change_directory(Word::new(c"/"))?;
        }
        Step::SetLimits => {
            let mut limits = config.limits.iter();
            while let Some([resource, soft, hard]) = limits.next() {
                // The last of a resource counts: the one before might lower what may not be raised again.
                if !limits.clone().any(|later| later[0] == *resource) {
                    sys::set_limit(*resource as u32, *soft, *hard)?;
                }
            }
        }
        Step::SetUser => sys::set_user(config.user)?,
        Step::SetCapabilities => set_capabilities(config)?,
        Step::ForbidPrivileges => sys::forbid_new_privileges()?,
        Step::CheckIdentity => check(work)?,
        _ => {}
    }
    Ok(())
}

/// The numbers of the bits that are set.
fn numbers(bits: u64) -> impl Iterator<Item = u32> {
    (0..64).filter(move |number| bits & 1 << number != 0)
}

/// Makes `user` the one for whom files are opened: with the caller's capabilities, or with none.
#[inline(never)]
fn act_as(user: u32, with_capabilities: bool, work: &Work<'_>) -> Result<(), Reason> {
    sys::set_effective_user(user)?;
    // To and from root the kernel does that itself, unless securebits have it not.
    if work.start.command.user != 0 {
        sys::use_capabilities(with_capabilities)?;
    }
    Ok(())
}

/// Takes all but `caps` out of what an exec can give, and has the rest survive the change of the user.
fn limit_capabilities(caps: u64) -> Result<(), Reason> {
    for number in numbers(!caps) {
        match sys::drop_capability(number) {
            // Above the last that this kernel knows; but then it must say the same when asked.
            Err(Errno::INVAL) if sys::has_capability(number) == Err(Errno::INVAL) => break,
            other => other?,
        }
    }
    Ok(sys::keep_capabilities(true)?)
}

/// Leaves the program `--caps`, or nothing where its user is not root.
#[inline(never)]
fn set_capabilities(config: &Config<'_>) -> Result<(), Reason> {
    let caps = config.caps;
    if config.user == 0 && !config.has(Opt::Caps) {
        // An exec would give root all of them, unless that is forbidden; then they would be lost.
        return Ok(sys::clear_inheritable()?);
    }
    if !sys::has_exactly(caps)? {
        sys::set_capabilities(caps)?;
        if !sys::has_exactly(caps)? {
            return Err(Reason::PRETENDED);
        }
    }
    if config.has(Opt::Caps) {
        // An exec would end that; a process that goes on has it for good.
        sys::keep_capabilities(false)?;
    }
    Ok(numbers(caps).try_for_each(sys::raise_capability)?)
}

/// Asks the kernel who this process is: a change that only pretended must not run the program.
#[inline(never)]
fn check(work: &Work<'_>) -> Result<(), Reason> {
    let config = work.start.config;
    let mut few = [0; FEW];
    let room = if config.groups.len() > FEW { Pool::new().list(config.groups.len())? } else { &mut few[..] };
    let count = sys::supplementary(room)?;
    let is_there = |group: &u32| room.iter().take(count).any(|there| there == group);
    let is = |opt, wanted, ids: sys::Ids| !config.has(opt) || ids == [wanted; 3];
    // The kernel sorts the groups, and keeps those that are there twice.
    let is_so = count == config.groups.len()
        && config.groups.iter().all(is_there)
        && is(Opt::User, config.user, sys::users()?)
        && is(Opt::Group, config.group, sys::groups()?);
    if is_so { Ok(()) } else { Err(Reason::PRETENDED) }
}

/// How many groups there is room for on the stack.
const FEW: usize = 32;

/// Writes `text` to a file of the kernel's.
fn put(path: Word<'_>, text: Word<'_>) -> Result<(), Reason> {
    let fd = file::open(file::HERE, path, file::flags::KERNELS, 0)?;
    // One that is refused is closed with the end of this process, which comes next.
    if !file::is_kernels(fd)? {
        return Err(Reason::NOT_KERNELS);
    }
    let written = file::write(fd, text.bytes());
    file::close(fd);
    Ok(written?)
}
