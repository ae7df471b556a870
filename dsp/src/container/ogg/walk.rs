//! The way through an Ogg file, page by page, past whatever lies between pages.
//!
//! A page that is followed by another, or by the file's end, is taken at its
//! header's word. Anywhere else its CRC decides. A page whose CRC does not fit
//! is heard all the same when its stream is known, for players differ in what
//! they do with it, and the last one is heard as far as it reaches. Where no
//! page can be, the search goes on.

use super::super::scan::Scan;
use super::super::{Account, Accountant, Belongs, ContainerError, ReadAt, tags};
use super::page::{self, Page};

/// Bytes that are searched at once.
const SEARCHED: usize = 32 * 1024;
/// How often the file's own length may be spent on CRCs that do not fit.
const MOST_TRIES: u64 = 8;

/// A walk from a file's first byte to its last.
pub struct Walk<'a, S: ReadAt + ?Sized> {
    scan: Scan<'a, S>,
    len: u64,
    account: Accountant,
    /// The walk stands right behind a page, a tag, or at the file's start.
    in_step: bool,
    /// Bytes that may still be spent on CRCs that do not fit.
    tries: u64,
    /// How many more lyrics may be looked for.
    lyrics: u8,
}

impl<'a, S: ReadAt + ?Sized> Walk<'a, S> {
    pub fn new(source: &'a S) -> Walk<'a, S> {
        let len = source.len();
        let tries = len.saturating_mul(MOST_TRIES).saturating_add(1 << 20);
        Walk {
            scan: Scan::new(source),
            len,
            account: Accountant::default(),
            in_step: true,
            tries,
            lyrics: 16,
        }
    }

    /// Up to `N` bytes at `at`, as many as the file has.
    pub fn head(&mut self, at: u64, len: usize) -> std::io::Result<Vec<u8>> {
        let len = (self.len.saturating_sub(at)).min(len as u64) as usize;
        Ok(self.scan.get(at, len)?.unwrap_or_default().to_vec())
    }

    /// The next page; all before it is named. `is_known` tells the serial numbers of streams that began.
    ///
    /// # Errors
    /// When the source cannot be read, or too much of it only looks like pages.
    pub fn next(&mut self, is_known: impl Fn(u32) -> bool) -> Result<Option<Page>, ContainerError> {
        loop {
            let at = self.account.at();
            if at >= self.len {
                return Ok(None);
            }
            if let Some(page) = self.page_at(at, &is_known)? {
                return Ok(Some(page));
            }
            if let Some(len) = self.tag_at(at)? {
                // A player that knows no tags looks for pages in it too.
                let end = self.intact_within(at, at + len)?;
                self.account.take(end, Belongs::Metadata);
                self.in_step = true;
                continue;
            }
            let zeros = self.run_of_zeros(at)?;
            if zeros > at {
                self.account.take(zeros, Belongs::Padding);
                continue;
            }
            self.in_step = false;
            let next = self.capture(at + 1, self.len)?;
            self.account.take(next, Belongs::Foreign);
        }
    }

    /// Names a page's bytes, once it is known what it holds.
    pub fn take(&mut self, page: &Page, body: Belongs) {
        self.account.take(page.body().min(page.end), Belongs::Header);
        self.account.take(page.end, body);
        self.in_step = true;
    }

    /// Every byte of the file.
    ///
    /// # Errors
    /// When the walk did not come to the file's end.
    pub fn finish(self) -> Result<Account, ContainerError> {
        self.account.finish(self.len)
    }

    /// The page at `at`, if a player could take what stands there for one.
    fn page_at(&mut self, at: u64, is_known: &impl Fn(u32) -> bool) -> Result<Option<Page>, ContainerError> {
        let Some(mut page) = Page::at(&mut self.scan, at)? else { return Ok(None) };
        let is_followed = page.end == self.len || self.is_capture(page.end)?;
        if self.in_step && is_followed || self.is_intact(&page)? {
            return Ok(Some(page));
        }
        if !is_known(page.serial) {
            return Ok(None);
        }
        let end = page.end.min(self.len);
        page.end = self.intact_within(at, end)?;
        if page.end < end {
            return Err(ContainerError::Damaged("an Ogg page is cut off by the next one"));
        }
        Ok(Some(page))
    }

    fn is_capture(&mut self, at: u64) -> std::io::Result<bool> {
        Ok(self.scan.array::<5>(at)?.is_some_and(|b| &b == b"OggS\0"))
    }

    fn is_intact(&mut self, page: &Page) -> Result<bool, ContainerError> {
        let claimed = page.claimed();
        let Some(bytes) = self.scan.get(page.offset, claimed as usize)? else { return Ok(false) };
        let fits = page::is_intact(bytes);
        if !fits {
            let left = self.tries.checked_sub(claimed);
            self.tries = left.ok_or(ContainerError::Damaged("much of it only looks like Ogg pages"))?;
        }
        Ok(fits)
    }

    /// The first intact page behind `from`, or `to` where none begins before.
    fn intact_within(&mut self, from: u64, to: u64) -> Result<u64, ContainerError> {
        let to = to.min(self.len);
        let mut at = from + 1;
        loop {
            at = self.capture(at, to)?;
            if at >= to {
                return Ok(to);
            }
            if let Some(page) = Page::at(&mut self.scan, at)?
                && self.is_intact(&page)?
            {
                return Ok(at);
            }
            at += 1;
        }
    }

    /// Bytes of the tag at `at`. Lyrics without an end are looked for a few times only.
    fn tag_at(&mut self, at: u64) -> Result<Option<u64>, ContainerError> {
        let is_lyrics = self.scan.array::<3>(at)?.is_some_and(|b| &b == b"LYR");
        if is_lyrics && self.lyrics == 0 {
            return Ok(None);
        }
        self.lyrics -= u8::from(is_lyrics);
        Ok(tags::len_at(&mut self.scan, at, self.len)?)
    }

    /// The next place from `at` on, before `to`, where a page's first bytes stand; `to` where none is.
    fn capture(&mut self, mut at: u64, to: u64) -> std::io::Result<u64> {
        while at < to {
            // Its first bytes may stand at the very end of what was searched.
            let len = (self.len - at).min(to - at + 4).min(SEARCHED as u64) as usize;
            let Some(bytes) = self.scan.get(at, len)? else { break };
            if let Some(n) = bytes.windows(5).position(|w| w == b"OggS\0") {
                return Ok(at + n as u64);
            }
            at += (len as u64).saturating_sub(4).max(1);
        }
        Ok(to)
    }

    /// The first byte from `at` on that is not zero.
    fn run_of_zeros(&mut self, mut at: u64) -> std::io::Result<u64> {
        while at < self.len {
            let len = (self.len - at).min(SEARCHED as u64) as usize;
            let Some(bytes) = self.scan.get(at, len)? else { break };
            match bytes.iter().position(|b| *b != 0) {
                Some(n) => return Ok(at + n as u64),
                None => at += len as u64,
            }
        }
        Ok(at)
    }
}
