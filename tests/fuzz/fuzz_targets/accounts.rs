//! Any /etc/passwd and /etc/group (before and behind the first NUL): a user is the first whole line with its name, and its
//! groups are those that list it. Runs in a mount namespace of its own, which takes root.
#![no_main]

use dmz_fuzz::Word;
use dmz_fuzz::plan::{Config, Opt};
use dmz_fuzz::run::find_names;
use dmz_fuzz::sys::memory::Pool;
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::ptr::null_mut;
use std::sync::Once;

static PRIVATE: Once = Once::new();
const FILES: [(&str, &std::ffi::CStr, &std::ffi::CStr); 2] = [
    ("/tmp/dmz-fuzz/passwd", c"/tmp/dmz-fuzz/passwd", c"/etc/passwd"),
    ("/tmp/dmz-fuzz/group", c"/tmp/dmz-fuzz/group", c"/etc/group"),
];

/// Puts two files that only this process sees over the machine's.
fn be_private() {
    let none = std::ptr::null();
    let done = |answer| assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    fs::create_dir_all("/tmp/dmz-fuzz").unwrap();
    // SAFETY: system calls with strings that live for ever.
    unsafe {
        done(libc::unshare(libc::CLONE_NEWNS));
        done(libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast()));
        done(libc::mount(c"none".as_ptr(), c"/tmp/dmz-fuzz".as_ptr(), c"tmpfs".as_ptr(), 0, none.cast()));
        for (path, source, target) in FILES {
            fs::write(path, "").unwrap();
            done(libc::mount(source.as_ptr(), target.as_ptr(), none, libc::MS_BIND, none.cast()));
        }
    }
}

fn id(text: &[u8]) -> Option<u32> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number: u64 = if is_number { std::str::from_utf8(text).ok()?.parse().ok()? } else { return None };
    u32::try_from(number).ok().filter(|number| *number != u32::MAX)
}

/// The lines of a file that count, as fields.
fn lines(text: &[u8], fields: usize) -> Vec<Vec<&[u8]>> {
    let whole = |line: &&[u8]| line.len() <= 1024 && !line.contains(&0);
    let line = |line: &'_ [u8]| -> Vec<&[u8]> {
        // SAFETY: only to name the lifetime: the text outlives this function.
        let line: &[u8] = unsafe { std::mem::transmute(line.strip_suffix(b"\r").unwrap_or(line)) };
        line.split(|byte| *byte == b':').collect()
    };
    let counts = |line: &Vec<&[u8]>| {
        line.len() == fields && !line[0].is_empty() && !line[0].starts_with(b"+") && !line[0].starts_with(b"-")
    };
    text.split(|byte| *byte == b'\n').filter(whole).map(line).filter(counts).collect()
}

fuzz_target!(|data: &[u8]| {
    PRIVATE.call_once(be_private);
    let mut files = data.splitn(2, |byte| *byte == 1);
    let (passwd, group) = (files.next().unwrap_or(b""), files.next().unwrap_or(b""));
    fs::write(FILES[0].0, passwd).unwrap();
    fs::write(FILES[1].0, group).unwrap();
    for name in [c"a", c"root", c"0", c"7"] {
        let end = next_mapping();
        look_up(name, passwd, group);
        unmap_to(end);
    }
});

fn look_up(name: &'static std::ffi::CStr, passwd: &[u8], group: &[u8]) {
    let mut config = Config::new();
    let name = Word::new(name);
    config.set(Opt::User);
    config.set_text(Opt::User, name);
    let found = find_names(&mut config, &mut Pool::new()).is_ok();
    let text = name.as_c_str().to_bytes();
    let line = lines(passwd, 7).into_iter().find_map(|line| {
        let (user, group) = (id(line[2])?, id(line[3])?);
        let is_it = id(text).map_or(line[0] == text, |number| number == user);
        is_it.then_some((user, group, line[0].to_vec()))
    });
    assert_eq!(found, line.is_some(), "{name:?}", name = text);
    let Some((user, main, name)) = line else { return };
    assert_eq!((config.user, config.group), (user, main));
    let mut groups = vec![main];
    let lists = |line: &Vec<&[u8]>| line[3].split(|byte| *byte == b',').any(|member| member == name);
    let others = lines(group, 4).into_iter().filter(lists).filter_map(|line| id(line[2])).filter(|id| *id != main);
    groups.extend(others);
    assert_eq!(config.groups, groups);
}

/// Where the kernel puts the next mapping: below the last one.
fn next_mapping() -> usize {
    const PAGE: usize = 4096;
    // SAFETY: a mapping of its own that nobody uses.
    unsafe {
        let place = libc::mmap(null_mut(), PAGE, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        assert_ne!(place, libc::MAP_FAILED);
        libc::munmap(place, PAGE);
        place as usize + PAGE
    }
}

/// Gives back what a pool has mapped since, which a process that is about to end never does.
fn unmap_to(end: usize) {
    let start = next_mapping();
    if start < end && end - start < 1 << 26 {
        // SAFETY: only the pool maps meanwhile, and what it gave out is not used any more.
        unsafe { libc::munmap(start as *mut _, end - start) };
    }
}
