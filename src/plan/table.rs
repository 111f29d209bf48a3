//! Tables of text: entries one behind the other, each ended by a NUL. Unlike an array of strings they hold no pointers,
//! so nothing has to be relocated when the binary is loaded.

/// The entries of a table, in order.
#[derive(Clone, Copy)]
pub struct Entries(pub &'static [u8]);

impl Iterator for Entries {
    type Item = &'static [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<&'static [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let (entry, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..).unwrap_or(&[]);
        Some(entry)
    }
}

/// Entry number `index`, or nothing.
#[inline(never)]
pub fn entry(table: &'static [u8], index: usize) -> &'static [u8] {
    Entries(table).nth(index).unwrap_or(b"")
}
