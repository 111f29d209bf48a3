//! Any /etc/passwd and /etc/group: a user is the first whole line with its name, and its groups are those that list it.
//! The first byte of the input chooses the user; a byte 1 is between the files. Runs in a mount namespace of its own, which
//! takes root.

use crate::Word;
use crate::plan::{Config, Opt};
use crate::run::find_names;
use crate::sys::memory::Pool;
use std::ffi::CStr;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

const FILES: [(&CStr, &CStr); 2] = [(c"/tmp/dmz-fuzz/passwd", c"/etc/passwd"), (c"/tmp/dmz-fuzz/group", c"/etc/group")];

/// Puts two files that only this thread sees over the machine's.
fn be_private() -> [File; 2] {
    let none = std::ptr::null();
    let done = |answer| assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    fs::create_dir_all("/tmp/dmz-fuzz").unwrap();
    // SAFETY: system calls with strings that live for ever.
    unsafe {
        done(libc::unshare(libc::CLONE_NEWNS));
        done(libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast()));
        done(libc::mount(c"none".as_ptr(), c"/tmp/dmz-fuzz".as_ptr(), c"tmpfs".as_ptr(), 0, none.cast()));
    }
    FILES.map(|(source, target)| {
        let file = File::create(source.to_str().unwrap()).unwrap();
        // SAFETY: the same.
        done(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), none, libc::MS_BIND, none.cast()) });
        file
    })
}

fn id(text: &[u8]) -> Option<u32> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number: u64 = if is_number { std::str::from_utf8(text).ok()?.parse().ok()? } else { return None };
    u32::try_from(number).ok().filter(|number| *number != u32::MAX)
}

/// The lines of a file that count, as fields.
fn lines(text: &[u8], fields: usize) -> Vec<Vec<&[u8]>> {
    let whole = |line: &&[u8]| line.len() <= 65_536 && !line.contains(&0);
    let line = |line: &'_ [u8]| -> Vec<&[u8]> {
        // SAFETY: only to name the lifetime: the text outlives this function.
        let line: &[u8] = unsafe { std::mem::transmute(line.strip_suffix(b"\r").unwrap_or(line)) };
        line.split(|byte| *byte == b':').collect()
    };
    let counts =
        |line: &Vec<&[u8]>| line.len() == fields && !matches!(line[0].first(), None | Some(b'+' | b'-' | b'#'));
    text.split(|byte| *byte == b'\n').filter(whole).map(line).filter(counts).collect()
}

/// Makes `text` all that is in a file, which keeps its page.
fn fill(file: &File, text: &[u8]) {
    file.write_all_at(text, 0).unwrap();
    file.set_len(text.len() as u64).unwrap();
}

pub fn check(data: &[u8]) {
    static FOUND: OnceLock<[File; 2]> = OnceLock::new();
    let [users, groups] = FOUND.get_or_init(be_private);
    let Some((which, data)) = data.split_first() else { return };
    let mut files = data.splitn(2, |byte| *byte == 1);
    let (passwd, group) = (files.next().unwrap_or(b""), files.next().unwrap_or(b""));
    fill(users, passwd);
    fill(groups, group);
    look_up([c"a", c"root", c"0", c"7"][usize::from(which % 4)], passwd, group);
}

/// What a pool maps at once, which a process that is about to end never gives back.
struct Mapping(*mut u8);

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: so much is mapped there at the least, and what was given out of it is dropped before this.
        unsafe { libc::munmap(self.0.cast(), 512 * 1024) };
    }
}

fn look_up(name: &'static CStr, passwd: &[u8], group: &[u8]) {
    let mut config = Config::new();
    let name = Word::new(name);
    config.set(Opt::User);
    config.set_text(Opt::User, name);
    let mut pool = Pool::new();
    let Ok(first) = pool.list::<u8>(1) else { panic!("no memory") };
    let _mapping = Mapping(first.as_mut_ptr());
    let found = find_names(&mut config, &mut pool).is_ok();
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
