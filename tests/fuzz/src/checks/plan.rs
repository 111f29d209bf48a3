//! Any options together: every process has a plan that ends in the exec, no step twice in one process, and the pidfile is
//! locked before it is written.

use crate::Word;
use crate::cli::options::OPTIONS;
use crate::plan::order::ORDER;
use crate::plan::{Config, Opt, Step};

pub fn check(data: &[u8]) {
    let (id, leads) = match data {
        [first, ..] => (i32::from(first % 2 + 1), first & 2 != 0),
        [] => (2, false),
    };
    let mut config = Config::new();
    for byte in data.iter().skip(1) {
        let entry = &OPTIONS[usize::from(*byte) % OPTIONS.len()];
        config.set(entry.opt);
        if !entry.value.is_empty() {
            config.set_text(entry.opt, Word::new(if byte & 128 == 0 { c"one" } else { c"other" }));
        }
    }
    config.settle_monitor(id);
    config.settle(leads);
    let steps: Vec<_> = ORDER.iter().filter_map(|row| row.resolve(&config)).collect();
    let place = |step: Step| steps.iter().position(|(_, other)| *other as u8 == step as u8);
    let is_once = |step: Step| steps.iter().filter(|(_, other)| *other as u8 == step as u8).count() <= 1;
    assert!(place(Step::Execute).is_some() && is_once(Step::Execute));
    for (first, then) in [
        (Step::CloseDescriptors, Step::OpenNull),
        (Step::OpenNull, Step::OpenPidfile),
        (Step::OpenPidfile, Step::LockPidfile),
        (Step::LockPidfile, Step::WritePidfile),
        (Step::SetGroups, Step::SetUser),
        (Step::SetGroup, Step::SetUser),
        (Step::ChangeRoot, Step::SetUser),
        (Step::ChangeRoot, Step::ChangeDirectory),
        (Step::SetUser, Step::SetCapabilities),
        (Step::SetCapabilities, Step::CheckIdentity),
        (Step::OpenStdout, Step::RedirectStdout),
        (Step::RestoreMask, Step::Execute),
    ] {
        if let (Some(before), Some(after)) = (place(first), place(then)) {
            assert!(before < after, "{first:?} before {then:?}", first = first as u8, then = then as u8);
        }
    }
    assert_eq!(place(Step::LockPidfile).is_some(), config.has(Opt::Pidfile));
}
