//! Ogg (RFC 3533) with Vorbis and Opus (RFC 7845): pages, packets, streams side
//! by side, and streams one behind the other.

pub mod page;

mod links;
mod walk;

use super::scan::Scan;
use super::streams::Streams;
use super::{Account, Belongs, Container, ContainerError, Layout, ReadAt, mpeg};
use links::Links;
use page::Page;
use walk::Walk;

/// Where a page lies that can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub offset: u64,
    /// Bytes with the header.
    pub len: u32,
    /// Another page or the file's end cuts it off, so that it has no CRC to hold.
    pub is_torn: bool,
}

/// All pages, the streams in them, and where every byte belongs.
#[derive(Clone, Debug)]
pub struct Index {
    pub pages: Vec<Written>,
    pub streams: Streams,
    pub account: Account,
}

/// Reads a file page by page.
///
/// # Errors
/// [`ContainerError`] when it holds a stream that unsaid cannot hear, or what is left of one.
pub fn index(source: &(impl ReadAt + ?Sized)) -> Result<Index, ContainerError> {
    let mut walk = Walk::new(source);
    let mut links = Links::new(source);
    let mut pages = Vec::new();
    let mut is_first = true;
    while let Some(page) = walk.next(|serial| links.is_known(serial))? {
        if std::mem::take(&mut is_first) && sounds_otherwise(source, page.offset)? {
            return Err(ContainerError::Holds("MPEG audio before its first Ogg page"));
        }
        let is_audio = links.add(&mut walk, &page)?;
        walk.take(&page, if is_audio { Belongs::Audio } else { Belongs::Metadata });
        pages.push(written(&page));
    }
    let account = walk.finish()?;
    Ok(Index { pages, streams: Streams::of(links.finish())?, account })
}

/// Do two MPEG frames that agree lie before `to`? A player takes such a file for MP3.
fn sounds_otherwise(source: &(impl ReadAt + ?Sized), to: u64) -> std::io::Result<bool> {
    // Two windows, so that a look ahead does not move the search's own.
    let (mut scan, mut ahead) = (Scan::new(source), Scan::new(source));
    for at in 0..to.saturating_sub(4) {
        let Some(first) = scan.array::<4>(at)?.and_then(mpeg::Header::parse) else { continue };
        let next_at = at + u64::from(first.len);
        let next = if next_at < to { ahead.array::<4>(next_at)? } else { None };
        let goes_on = next
            .and_then(mpeg::Header::parse)
            .is_some_and(|next| (first.rate_hz, first.channels) == (next.rate_hz, next.channels));
        if goes_on {
            return Ok(true);
        }
    }
    Ok(false)
}

fn written(page: &Page) -> Written {
    Written { offset: page.offset, len: (page.end - page.offset) as u32, is_torn: !page.is_whole() }
}

/// The layout by all pages.
///
/// # Errors
/// As [`index`].
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let index = index(source)?;
    Ok(index.streams.layout(Container::Ogg, source.len(), index.account))
}

#[cfg(test)]
mod tests;
