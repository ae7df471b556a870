//! Reads forward through a source with one small buffer.

use super::ReadAt;

/// Bytes that are read at once.
const WINDOW: usize = 64 * 1024;

/// Bytes that are searched at once.
const STRETCH: usize = 1_024;

/// A source with a window of it in memory.
pub struct Scan<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    from: u64,
    window: Vec<u8>,
}

impl<'a, S: ReadAt + ?Sized> Scan<'a, S> {
    pub fn new(source: &'a S) -> Scan<'a, S> {
        Scan { source, from: 0, window: Vec::new() }
    }

    /// `len` bytes at `at`, or `None` where the source ends before.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn get(&mut self, at: u64, len: usize) -> std::io::Result<Option<&[u8]>> {
        let Some(end) = at.checked_add(len as u64).filter(|end| *end <= self.source.len()) else {
            return Ok(None);
        };
        if at < self.from || end > self.from + self.window.len() as u64 {
            let whole = (self.source.len() - at).min(WINDOW.max(len) as u64) as usize;
            self.window.resize(whole, 0);
            self.source.read_at(at, &mut self.window)?;
            self.from = at;
        }
        let start = (at - self.from) as usize;
        Ok(self.window.get(start..start + len))
    }

    /// The same as an array.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn array<const N: usize>(&mut self, at: u64) -> std::io::Result<Option<[u8; N]>> {
        Ok(self.get(at, N)?.and_then(|b| b.try_into().ok()))
    }

    /// The first place from `at` on, and before `to`, where a byte is `wanted`.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn find(&mut self, at: u64, to: u64, wanted: impl Fn(u8) -> bool) -> std::io::Result<Option<u64>> {
        let mut from = at;
        while from < to {
            let len = (to - from).min(STRETCH as u64) as usize;
            let Some(bytes) = self.get(from, len)? else { return Ok(None) };
            if let Some(n) = bytes.iter().position(|b| wanted(*b)) {
                return Ok(Some(from + n as u64));
            }
            from += len as u64;
        }
        Ok(None)
    }
}
