//! Users and groups by name: /etc/passwd and /etc/group, read as they come, a line at a time. Done by the launcher before
//! anything else, so that nothing is looked up in another root or by a process that is about to be the program.

use crate::Word;
use crate::plan::account::{self, Account, elements, parse_id};
use crate::plan::identity::split;
use crate::plan::{Config, Failure, Reason, Step, Text};
use crate::sys::file::{self, Fd, flags};
use crate::sys::memory::Pool;
use crate::sys::words::join;

const USERS: Word<'static> = Word::new(c"/etc/passwd");
const GROUPS: Word<'static> = Word::new(c"/etc/group");

/// The most supplementary groups that a process can have (NGROUPS_MAX).
const GROUPS_MAX: usize = 65_536;

/// Finds the numbers of what `config` names, and puts them there.
pub fn resolve(config: &mut Config<'static>, pool: &mut Pool) -> Result<(), Failure> {
    let (user, group) = split(config.text(Text::User).bytes(), b':');
    let group = if config.names(Text::Group) { Some(config.text(Text::Group).bytes()) } else { group };
    if !config.names(Text::User) && group.is_none() && !config.names(Text::Groups) {
        return Ok(());
    }
    let failed = |step| move |reason| Failure { step, reason };
    let room = pool.bytes(LINE_MAX + BUFFER).map_err(|errno| failed(Step::FindUser)(errno.into()))?;
    let mut finder = Finder { config, pool, room, name: Word::EMPTY };
    if finder.config.names(Text::User) {
        finder.find_user(user, group.is_some()).map_err(failed(Step::FindUser))?;
    }
    if let Some(group) = group {
        finder.config.identity.group = Some(finder.group(group).map_err(failed(Step::FindGroup))?);
    }
    finder.find_groups().map_err(failed(Step::FindGroups))
}

/// What a search needs.
struct Finder<'a> {
    config: &'a mut Config<'static>,
    pool: &'a mut Pool,
    room: &'a mut [u8],
    /// The user's name as its line has it; empty without a line.
    name: Word<'static>,
}

impl Finder<'_> {
    /// The user's line, by name or number. A number needs one only for its group.
    fn find_user(&mut self, user: &[u8], has_group: bool) -> Result<(), Reason> {
        let number = parse_id(user);
        let identity = &mut self.config.identity;
        identity.user = number;
        match Lines::open(USERS, self.room) {
            Err(_) if number.is_some() && has_group => return Ok(()),
            Err(reason) => return Err(reason),
            Ok(mut lines) => {
                while let Some(found) = lines.next_account(7)? {
                    if number.map_or(found.name == user, |number| found.id == number) {
                        let [group, _, home, shell] = found.rest;
                        identity.user = Some(found.id);
                        identity.group = parse_id(group);
                        let name = join(b"LOGNAME=", found.name, self.pool)?;
                        self.name = name.skip(8);
                        identity.environment = [
                            Some(join(b"HOME=", home, self.pool)?),
                            Some(join(b"USER=", found.name, self.pool)?),
                            Some(name),
                            Some(join(b"SHELL=", shell, self.pool)?),
                        ];
                        break;
                    }
                }
            }
        }
        match (identity.user, identity.group) {
            (None, _) => Err(Reason::UNKNOWN),
            (_, None) if !has_group => Err(Reason::NO_GROUP),
            _ => Ok(()),
        }
    }

    /// The number of a group, by name or as it stands.
    fn group(&mut self, group: &[u8]) -> Result<u32, Reason> {
        if let Some(number) = parse_id(group) {
            return Ok(number);
        }
        let mut lines = Lines::open(GROUPS, self.room)?;
        while let Some(found) = lines.next_account(4)? {
            if found.name == group {
                return Ok(found.id);
            }
        }
        Err(Reason::UNKNOWN)
    }

    /// The supplementary groups: those that were asked for, else the group and those that list the user. Never the
    /// caller's.
    fn find_groups(&mut self) -> Result<(), Reason> {
        let list = self.config.text(Text::Groups).bytes();
        let (all, mut count) = (self.pool.numbers(GROUPS_MAX)?, 0);
        let mut put = |number| {
            *all.get_mut(count).ok_or(Reason::TOO_MANY)? = number;
            count += 1;
            Ok::<(), Reason>(())
        };
        if !list.is_empty() {
            for group in elements(list) {
                put(self.group(group)?)?;
            }
        } else if let Some(group) = self.config.identity.group {
            put(group)?;
            if !self.name.is_empty() {
                let mut lines = Lines::open(GROUPS, self.room)?;
                while let Some(found) = lines.next_account(4)? {
                    let [members, ..] = found.rest;
                    if found.id != group && elements(members).any(|member| member == self.name.bytes()) {
                        put(found.id)?;
                    }
                }
            }
        }
        self.config.identity.groups = all.get(..count);
        Ok(())
    }
}

/// The longest line that counts.
const LINE_MAX: usize = 1024;

/// How much is read at once.
const BUFFER: usize = 4096;

/// A file's lines, one at a time. Longer ones are left out; the last need not end in a newline.
struct Lines<'a> {
    file: Fd,
    line: &'a mut [u8],
    buffer: &'a mut [u8],
    start: usize,
    end: usize,
}

impl Lines<'_> {
    /// The lines of the file at `path`, with `room` for one and for what was read ahead.
    fn open<'a>(path: Word<'_>, room: &'a mut [u8]) -> Result<Lines<'a>, Reason> {
        let file = file::open(file::HERE, path, flags::INPUT, 0)?;
        let (line, buffer) = room.split_at_mut_checked(LINE_MAX).ok_or(Reason::NONE)?;
        Ok(Lines { file, line, buffer, start: 0, end: 0 })
    }

    /// The next line that is a whole account with so many fields; nothing at the end of the file.
    fn next_account(&mut self, fields: usize) -> Result<Option<Account<'_>>, Reason> {
        loop {
            let Some(length) = self.next()? else { return Ok(None) };
            // Twice, since the borrow checker does not see that a line that is not one is not lent out.
            if account::parse(self.line.get(..length).unwrap_or(b""), fields).is_some() {
                return Ok(account::parse(self.line.get(..length).unwrap_or(b""), fields));
            }
        }
    }

    /// Reads the next line of at most the longest length; its length.
    fn next(&mut self) -> Result<Option<usize>, Reason> {
        let mut length = 0;
        loop {
            if self.start == self.end {
                (self.start, self.end) = (0, file::read(self.file, self.buffer)?);
                if self.end == 0 {
                    return Ok(if length > 0 && length <= LINE_MAX { Some(length) } else { None });
                }
            }
            let byte = self.buffer.get(self.start).copied().unwrap_or(b'\n');
            self.start += 1;
            if byte != b'\n' {
                if let Some(place) = self.line.get_mut(length) {
                    *place = byte;
                }
                length += 1;
            } else if length <= LINE_MAX {
                return Ok(Some(length));
            } else {
                length = 0;
            }
        }
    }
}

impl Drop for Lines<'_> {
    fn drop(&mut self) {
        file::close(self.file);
    }
}
