//! Lines of /etc/passwd and /etc/group, as passwd(5) and group(5) have them. A line that is not whole, or that stands for
//! another source (NIS), counts as not there.

use super::number;

/// The largest user or group id: the one above means "none" to the kernel.
pub const ID_MAX: u32 = u32::MAX - 1;

/// A user, group or group of users as one line of its file has it.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its own number: of a user in passwd, of a group in group.
    pub id: u32,
    /// The other fields, from the fourth on: a user's group number, comment, home, shell; a group's members.
    pub rest: [&'a [u8]; 4],
}

/// A line with as many `fields`: 7 in passwd, 4 in group.
pub fn parse(line: &[u8], fields: usize) -> Option<Account<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut all: [&[u8]; 7] = [b""; 7];
    let mut count = 0;
    for field in line.split(|byte| *byte == b':') {
        *all.get_mut(count)? = field;
        count += 1;
    }
    let [name, _, id, rest @ ..] = all;
    let is_plain = !matches!(name.first(), None | Some(b'+' | b'-')) && line.iter().all(|byte| *byte != 0);
    if count != fields || !is_plain {
        return None;
    }
    Some(Account { name, id: parse_id(id)?, rest })
}

/// A user or group id: decimal, no sign, no blank.
pub fn parse_id(text: &[u8]) -> Option<u32> {
    number::parse(text, 10, ID_MAX)
}

/// The elements of a list with commas.
pub fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_are_read() {
        let www = parse(b"www:x:33:34:web,,,:/var/www:/usr/sbin/nologin\r", 7).unwrap();
        assert_eq!((www.name, www.id), (&b"www"[..], 33));
        assert_eq!(www.rest, [&b"34"[..], b"web,,,", b"/var/www", b"/usr/sbin/nologin"]);
        let empty = parse(b"a::0:0:::", 7).unwrap();
        assert_eq!((empty.id, empty.rest[3]), (0, &b""[..]));
        let adm = parse(b"adm:x:4:root,www", 4).unwrap();
        assert_eq!((adm.id, adm.rest[0]), (4, &b"root,www"[..]));
    }

    #[test]
    fn broken_and_foreign_lines_are_not() {
        for line in
            ["", "#", "a", "a:x:1", "+::::::", "+@net:x:1:1:::", "-a:x:1:1:::", ":x:1:1:::", "a:x::1:::", "a:x:-1:1:::"]
        {
            assert!(parse(line.as_bytes(), 7).is_none(), "{line}");
        }
        for line in
            ["a:x:4294967295:1:::", "a:x:4294967296:1:::", "a:x: 1:1:::", "a:x:1:1::::", "a\0:x:1:1:::", "a:x:1:1:::\0"]
        {
            assert!(parse(line.as_bytes(), 7).is_none(), "{line}");
        }
    }
}
