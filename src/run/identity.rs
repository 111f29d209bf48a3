//! The steps that change as whom and within what limits the program runs.

use super::apply::Work;
use crate::Word;
use crate::plan::{Reason, Step, Text};
use crate::sys::memory::Pool;
use crate::sys::{file, identity as sys};

/// Does `step`, if it is one of these.
pub fn apply(step: Step, work: &mut Work<'_>) -> Result<(), Reason> {
    let config = work.start.config;
    let identity = &config.identity;
    match step {
        Step::SetNice => sys::set_nice(identity.nice)?,
        Step::SetScheduling => sys::set_scheduling(identity.scheduling.0, identity.scheduling.1)?,
        Step::SetIoPriority => sys::set_io_priority(identity.io_priority)?,
        Step::SetOomScore => put(Word::new(c"/proc/self/oom_score_adj"), config.text(Text::OomScore))?,
        Step::EnterCgroup => {
            work.path.clear();
            work.path.push(config.text(Text::Cgroup).bytes())?;
            work.path.push(b"/cgroup.procs")?;
            // 0 is the process that writes.
            let entered = put(work.path.word(), Word::new(c"0"));
            work.path.clear();
            entered?;
        }
        Step::SetGroups => sys::set_groups(identity.groups.unwrap_or(&[]))?,
        Step::SetGroup => sys::set_group(identity.group.unwrap_or(NOBODY))?,
        Step::EnterUser => sys::set_effective_user(identity.user.unwrap_or(NOBODY))?,
        Step::LeaveUser => sys::set_effective_user(work.start.command.words.user)?,
        Step::LimitCapabilities => limit_capabilities(identity.caps.unwrap_or(0))?,
        Step::ChangeRoot => {
            sys::change_root(config.text(Text::Root))?;
            file::change_directory(Word::new(c"/"))?;
        }
        Step::SetLimits => {
            let limits = (0..).zip(identity.limits.chunks_exact(2));
            for (resource, limit) in limits.filter(|(resource, _)| identity.limited & 1 << resource != 0) {
                if let [soft, hard] = limit {
                    sys::set_limit(resource, *soft, *hard)?;
                }
            }
        }
        Step::SetUser => sys::set_user(identity.user.unwrap_or(NOBODY))?,
        Step::SetCapabilities => {
            let caps = identity.caps.unwrap_or(0);
            sys::set_capabilities(caps)?;
            numbers(caps).try_for_each(sys::raise_capability)?;
        }
        Step::ForbidPrivileges => sys::forbid_new_privileges()?,
        Step::CheckIdentity => check(work)?,
        _ => {}
    }
    Ok(())
}

/// Never reaches the kernel: a step without its number is not wanted.
const NOBODY: u32 = 65_534;

/// The numbers of the bits that are set.
fn numbers(bits: u64) -> impl Iterator<Item = u32> {
    (0..64).filter(move |number| bits & 1 << number != 0)
}

/// Takes all but `caps` out of what an exec can give, and has the rest survive the change of the user.
fn limit_capabilities(caps: u64) -> Result<(), Reason> {
    for number in numbers(!caps) {
        match sys::drop_capability(number) {
            // Above the last that this kernel knows.
            Err(errno) if errno.is(crate::plan::reason::errno::EINVAL) => break,
            other => other?,
        }
    }
    Ok(sys::keep_capabilities()?)
}

/// Asks the kernel who this process is: a change that only pretended must not run the program.
fn check(work: &Work<'_>) -> Result<(), Reason> {
    let identity = &work.start.config.identity;
    let is = |wanted: Option<u32>, ids: sys::Ids| wanted.is_none_or(|wanted| ids == [wanted; 3]);
    let mut few = [0; FEW];
    if let Some(wanted) = identity.groups {
        let room = if wanted.len() > FEW { Pool::new().numbers(wanted.len())? } else { &mut few[..] };
        let count = sys::supplementary(room)?;
        let is_there = |group: &u32| room.iter().take(count).any(|there| there == group);
        if count != wanted.len() || !wanted.iter().all(is_there) {
            return Err(Reason::PRETENDED);
        }
    }
    if is(identity.user, sys::users()?) && is(identity.group, sys::groups()?) { Ok(()) } else { Err(Reason::PRETENDED) }
}

/// How many groups there is room for on the stack.
const FEW: usize = 32;

/// Writes `text` to a file that is there.
fn put(path: Word<'_>, text: Word<'_>) -> Result<(), Reason> {
    let fd = file::open(file::HERE, path, file::flags::EXISTING, 0)?;
    let put = super::write(fd, &[text]);
    file::close(fd);
    put
}
