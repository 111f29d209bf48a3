//! Users and groups by name: /etc/passwd and /etc/group, read as they come, a line at a time. Done by the launcher before
//! anything else, so that nothing is looked up in another root or by a process that is about to be the program.

use super::UserWords;
use crate::plan::identity::{is_in_list, parse_id};
use crate::plan::{Config, Failure, Opt, Reason, Step};
use crate::sys::Errno;
use crate::sys::file::{self, Fd, flags};
use crate::sys::memory::{Path, Pool};
use crate::sys::words::join;
use crate::{Table, Word};

const USERS: Word<'static> = Word::new(c"/etc/passwd");
const GROUPS: Word<'static> = Word::new(c"/etc/group");

/// The most supplementary groups that a process can have (NGROUPS_MAX).
const GROUPS_MAX: usize = 65_536;

/// Finds the numbers of what `config` names, and puts them there; the variables of the user.
pub fn find_names(config: &mut Config<'_>, pool: &mut Pool) -> Result<UserWords, Failure> {
    let mut finder = Finder { step: Step::FindUser, config, pool, variables: UserWords::default(), name: Word::EMPTY };
    match finder.find() {
        Ok(()) => Ok(finder.variables),
        Err(reason) => Err(Failure { step: finder.step, reason }),
    }
}

/// For a program that goes on: the ids of a user, by name or number, and the groups that list it, its own first, in `room`.
/// Takes no memory.
pub fn find_user(user: Word<'_>, room: &mut [u32]) -> Result<(u32, u32, usize), Failure> {
    let (mut line, mut buffer, mut name) = ([0; STACK_LINE + 1], [0; BUFFER], [0; STACK_LINE + 1]);
    let mut find = |step, path, fields, act: &mut dyn FnMut(&Lines<'_>) -> Result<bool, Reason>| {
        let found = Lines::over(path, fields, &mut line, &mut buffer).map_err(Reason::from).and_then(|mut lines| {
            while lines.next()? {
                if act(&lines)? {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        found.map_err(|reason| Failure { step, reason })
    };
    let (number, mut ids) = (parse_id(user), None);
    let is_found = find(Step::FindUser, USERS, 7, &mut |lines| {
        let (Some(id), Some(group)) = (parse_id(lines.field(2)), parse_id(lines.field(3))) else { return Ok(false) };
        let is_it = number.map_or(lines.field(0).is(user), |number| number == id);
        if is_it {
            ids = Some((id, group));
            name.iter_mut().zip(lines.field(0).bytes()).for_each(|(place, byte)| *place = *byte);
        }
        Ok(is_it)
    })?;
    let Some((id, group)) = ids.filter(|_| is_found) else {
        return Err(Failure { step: Step::FindUser, reason: Reason::UNKNOWN });
    };
    let (name, mut count) = (Word::ending(&name), 0);
    let mut put = |number| {
        *room.get_mut(count).ok_or(Reason::TOO_MANY)? = number;
        count += 1;
        Ok::<(), Reason>(())
    };
    put(group).map_err(|reason| Failure { step: Step::FindGroups, reason })?;
    let found = find(Step::FindGroups, GROUPS, 4, &mut |lines| {
        match parse_id(lines.field(2)) {
            Some(other) if other != group && is_in_list(lines.field(3), name) => put(other)?,
            _ => {}
        }
        Ok(false)
    });
    match found {
        // Without the file, too.
        Err(failure) if failure.reason != Reason::NOT_FOUND => Err(failure),
        _ => Ok((id, group, count)),
    }
}

/// What a search needs.
struct Finder<'f, 'a> {
    config: &'f mut Config<'a>,
    pool: &'f mut Pool,
    /// What is being looked for.
    step: Step,
    variables: UserWords,
    /// The user's name as its line has it; empty without a line.
    name: Word<'static>,
}

impl Finder<'_, '_> {
    #[inline(never)] // one copy is enough
    fn find(&mut self) -> Result<(), Reason> {
        if !self.config.has_any(&[Opt::User, Opt::Group, Opt::Groups]) {
            return Ok(());
        }
        if self.config.has(Opt::User) {
            // USER:GROUP, unless the group was given by itself.
            let given = self.config.text(Opt::User);
            let group = given.behind(b':');
            if given.has(b':') && group.is_empty() {
                return Err(Reason::UNKNOWN); // an empty variable of a script's, which is not to be root's group
            }
            if given.has(b':') && !self.config.has(Opt::Group) {
                self.config.set(Opt::Group);
                self.config.set_text(Opt::Group, group);
            }
            let mut user = Path::new(self.pool.list(given.bytes().len() + 1)?);
            user.push(given.bytes().get(..given.length_to(given.find(b':'))).unwrap_or(b""))?;
            self.find_user(user.keep())?;
        }
        self.step = Step::FindGroup;
        // Without a text it is the one of the user's line.
        if !self.config.text(Opt::Group).is_empty() {
            self.config.group = self.group(self.config.text(Opt::Group))?;
        }
        self.step = Step::FindGroups;
        self.find_groups()
    }

    /// The user's line, by name or number. A number needs one only for its group.
    fn find_user(&mut self, user: Word<'static>) -> Result<(), Reason> {
        let number = parse_id(user);
        let has_group = self.config.has(Opt::Group);
        self.config.user = number.unwrap_or(0);
        let is_enough = number.is_some() && has_group;
        let mut lines = match Lines::open(USERS, 7, self.pool) {
            Err(_) if is_enough => return Ok(()),
            lines => lines?,
        };
        while match lines.next() {
            Err(_) if is_enough => false,
            next => next?,
        } {
            let Some(id) = parse_id(lines.field(2)) else { continue };
            let is_it = number.map_or(lines.field(0).is(user), |number| number == id);
            if let (true, Some(group)) = (is_it, parse_id(lines.field(3))) {
                self.config.user = id;
                if !has_group {
                    self.config.group = group;
                    self.config.set(Opt::Group);
                }
                let shell = lines.field(6);
                // An empty one means that (passwd(5)).
                let shell = if shell.is_empty() { Word::new(c"/bin/sh") } else { shell };
                let fields = [lines.field(5), lines.field(0), lines.field(0), shell];
                for ((place, field), name) in self.variables.iter_mut().zip(fields).zip(VARIABLES) {
                    *place = Some(join(name, field, self.pool)?);
                }
                self.name = join(lines.field(0), Word::EMPTY, self.pool)?;
                return Ok(());
            }
        }
        match number {
            None => Err(Reason::UNKNOWN),
            Some(_) if !has_group => Err(Reason::NO_GROUP),
            Some(_) => Ok(()),
        }
    }

    /// The number of a group, by name or as it stands.
    fn group(&mut self, group: Word<'_>) -> Result<u32, Reason> {
        if let Some(number) = parse_id(group) {
            return Ok(number);
        }
        let mut lines = Lines::open(GROUPS, 4, self.pool)?;
        while lines.next()? {
            if let (true, Some(id)) = (lines.field(0).is(group), parse_id(lines.field(2))) {
                return Ok(id);
            }
        }
        Err(Reason::UNKNOWN)
    }

    /// The supplementary groups: those that were asked for, else the group and those that list the user. Never the
    /// caller's.
    fn find_groups(&mut self) -> Result<(), Reason> {
        let (all, mut count) = (self.pool.list(GROUPS_MAX)?, 0);
        let mut put = |number| {
            *all.get_mut(count).ok_or(Reason::TOO_MANY)? = number;
            count += 1;
            Ok::<(), Reason>(())
        };
        if self.config.has(Opt::Groups) {
            let mut list = self.config.text(Opt::Groups);
            loop {
                let end = list.find(b',');
                let mut name = Path::new(self.pool.list(list.length_to(end) + 1)?);
                name.push(list.bytes().get(..list.length_to(end)).unwrap_or(b""))?;
                put(self.group(name.word())?)?;
                if end.is_empty() {
                    break;
                }
                list = end.rest();
            }
        } else {
            put(self.config.group)?;
            let lines = if self.name.is_empty() { None } else { Lines::open_if_there(GROUPS, 4, self.pool)? };
            if let Some(mut lines) = lines {
                while lines.next()? {
                    if let (true, Some(id)) = (is_in_list(lines.field(3), self.name), parse_id(lines.field(2)))
                        && id != self.config.group
                    {
                        put(id)?;
                    }
                }
            }
        }
        self.config.groups = all.get(..count).unwrap_or(&[]);
        self.config.set(Opt::Groups);
        Ok(())
    }
}

/// What a user's variables begin with.
const VARIABLES: Table = Table::new(b"HOME=\0USER=\0LOGNAME=\0SHELL=\0\0");

/// The longest line that counts; of it only what is used costs memory.
const LINE_MAX: usize = 65_536;

/// The longest one where it takes a host's stack.
const STACK_LINE: usize = 8192;

/// How much is read at once.
const BUFFER: usize = 4096;

/// The most fields that a line has: passwd(5).
const FIELDS: usize = 7;

/// A file's lines, one at a time, each as its fields. A line that is too long, has another number of fields, a NUL, no name
/// or one that stands for another source (NIS) counts as not there; the last need not end in a newline.
struct Lines<'a> {
    file: Fd,
    /// How many fields a line has.
    fields: usize,
    /// The line, its fields ended by NULs, and one more behind it.
    line: &'a mut [u8],
    /// Where its fields begin.
    starts: [usize; FIELDS],
    buffer: &'a mut [u8],
    start: usize,
    end: usize,
}

impl Lines<'_> {
    /// The lines of the file at `path`.
    fn open(path: Word<'_>, fields: usize, pool: &mut Pool) -> Result<Lines<'static>, Errno> {
        // The one that is used whole in front, so that the other one begins on a page that is there.
        let (buffer, line) = (pool.list(BUFFER)?, pool.list(LINE_MAX + 1)?);
        Lines::over(path, fields, line, buffer)
    }

    /// The same, or nothing: without the file of groups nobody is in another one.
    fn open_if_there(path: Word<'_>, fields: usize, pool: &mut Pool) -> Result<Option<Lines<'static>>, Errno> {
        match Lines::open(path, fields, pool) {
            Err(Errno::NOENT) => Ok(None),
            lines => lines.map(Some),
        }
    }

    /// The lines in room of the caller's.
    fn over<'a>(path: Word<'_>, fields: usize, line: &'a mut [u8], buffer: &'a mut [u8]) -> Result<Lines<'a>, Errno> {
        let file = file::open(file::HERE, path, flags::INPUT, 0)?;
        Ok(Lines { file, fields, line, starts: [0; FIELDS], buffer, start: 0, end: 0 })
    }

    /// Field number `index` of the line.
    #[inline(never)] // one copy is enough
    fn field(&self, index: usize) -> Word<'_> {
        let start = self.starts.get(index).copied().unwrap_or(0);
        Word::ending(self.line.get(start..).unwrap_or(b""))
    }

    /// Reads the next line that counts; none at the end of the file.
    fn next(&mut self) -> Result<bool, Errno> {
        let (mut length, mut count, mut is_bad) = (0, 1, false);
        loop {
            let next = self.byte()?;
            let byte = match next {
                Some(b'\n') | None => {
                    self.put(length, 0);
                    // Lines of other systems.
                    if length > 0 && self.line.get(length - 1) == Some(&b'\r') {
                        self.put(length - 1, 0);
                    }
                    let is_plain = !matches!(self.field(0).first(), 0 | b'+' | b'-' | b'#');
                    if count == self.fields && length < self.line.len() && !is_bad && is_plain {
                        return Ok(true);
                    }
                    if next.is_none() {
                        return Ok(false);
                    }
                    (length, count, is_bad) = (0, 1, false);
                    continue;
                }
                Some(b':') => {
                    if let Some(start) = self.starts.get_mut(count) {
                        *start = length + 1;
                    }
                    count += 1;
                    0
                }
                Some(byte) => {
                    is_bad |= byte == 0;
                    byte
                }
            };
            self.put(length, byte);
            length += 1;
        }
    }

    /// Puts a byte of the line in its place; the last place stays NUL.
    fn put(&mut self, at: usize, byte: u8) {
        if let [places @ .., _] = &mut *self.line
            && let Some(place) = places.get_mut(at)
        {
            *place = byte;
        }
    }

    /// The next byte of the file.
    fn byte(&mut self) -> Result<Option<u8>, Errno> {
        if self.start == self.end {
            (self.start, self.end) = (0, file::read(self.file, self.buffer)?);
        }
        let byte = self.buffer.get(self.start).copied().filter(|_| self.start < self.end);
        self.start += 1;
        if byte.is_none() {
            self.start = self.end;
        }
        Ok(byte)
    }
}

impl Drop for Lines<'_> {
    fn drop(&mut self) {
        file::close(self.file);
    }
}
