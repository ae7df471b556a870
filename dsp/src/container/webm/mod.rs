//! WebM and Matroska (RFC 9559) with Opus and Vorbis.
//!
//! The walk is flat: the header of a segment or a cluster is stepped over and
//! what it holds is read as it comes, so that lengths that a live recorder left
//! unknown, or told wrongly, hide no block.

mod blocks;
mod ebml;
mod tracks;

use super::scan::Scan;
use super::streams::{Counter, Packets, Stream, Streams};
use super::{Account, Accountant, Belongs, Container, ContainerError, Layout, ReadAt, tags};
use ebml::Element;
use tracks::Holds;

const EBML: u32 = 0x1A45_DFA3;
const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_AE6B;
const CLUSTER: u32 = 0x1F43_B675;
const SEEK_HEAD: u32 = 0x114D_9B74;
const INFO: u32 = 0x1549_A966;
const CHAPTERS: u32 = 0x1043_A770;
const CUES: u32 = 0x1C53_BB6B;
const ATTACHMENTS: u32 = 0x1941_A469;
const TAGS: u32 = 0x1254_C367;
const VOID: u32 = 0xEC;
const CRC_32: u32 = 0xBF;
const TIMESTAMP: u32 = 0xE7;
const SILENT_TRACKS: u32 = 0x5854;
const POSITION: u32 = 0xA7;
const PREVIOUS_SIZE: u32 = 0xAB;
const SIMPLE_BLOCK: u32 = 0xA3;
const BLOCK_GROUP: u32 = 0xA0;
const ENCRYPTED_BLOCK: u32 = 0xAF;

/// What a lost reader looks for: what blocks may follow.
const LANDMARKS: [u32; 4] = [EBML, SEGMENT, TRACKS, CLUSTER];
/// Bytes that are searched at once.
const SEARCHED: usize = 32 * 1024;
/// Tracks are read in memory; beyond this a file is hostile.
const MOST_TRACKS_BYTES: u64 = 4 << 20;
const MOST_TRACKS: usize = 64;

/// A CRC-32 element and the bytes that it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// Where its four bytes lie.
    pub at: u64,
    pub from: u64,
    pub to: u64,
}

/// The streams of a file, its checksums, and where every byte belongs.
#[derive(Clone, Debug)]
pub struct Index {
    pub streams: Streams,
    pub checksums: Vec<Checksum>,
    pub account: Account,
}

/// A track and what of it was read.
struct Track {
    number: u64,
    holds: Holds,
    packets: Packets,
    counter: Counter,
    /// Frames of the last packet that are not to be played.
    discard: u64,
}

struct Walk<'a, S: ReadAt + ?Sized> {
    scan: Scan<'a, S>,
    len: u64,
    account: Accountant,
    /// Each set of tracks, one behind the other.
    groups: Vec<Vec<Track>>,
    /// The segment or cluster whose header was read last.
    master: Option<Element>,
    checksums: Vec<Checksum>,
    /// Bytes that further checksums may cover.
    to_sum: u64,
    /// Bytes of the largest block so far.
    largest: u64,
}

/// Reads a file element by element.
///
/// # Errors
/// [`ContainerError`] when it holds a track that unsaid cannot hear, or is damaged where blocks lie.
pub fn index(source: &(impl ReadAt + ?Sized)) -> Result<Index, ContainerError> {
    let mut walk = Walk {
        scan: Scan::new(source),
        len: source.len(),
        account: Accountant::default(),
        groups: Vec::new(),
        master: None,
        checksums: Vec::new(),
        to_sum: source.len().saturating_mul(4),
        largest: 0,
    };
    while walk.account.at() < walk.len {
        walk.step()?;
    }
    let account = walk.account.finish(walk.len)?;
    let groups = walk.groups.into_iter().enumerate();
    let streams = groups.map(|(n, tracks)| tracks.into_iter().filter_map(|t| t.stream(n == 0)).collect());
    Ok(Index { streams: Streams::of(streams.collect())?, checksums: walk.checksums, account })
}

/// The layout by all blocks.
///
/// # Errors
/// As [`index`].
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let index = index(source)?;
    Ok(index.streams.layout(Container::Webm, source.len(), index.account))
}

impl Track {
    /// Players drop the delay at a file's start alone.
    fn stream(self, is_first: bool) -> Option<Stream> {
        let Holds::Audio { coding, skip } = self.holds else { return None };
        let (packets, counter) = (self.packets, self.counter);
        Some(Stream { coding, packets, counter, skip: if is_first { skip } else { 0 }, trim: self.discard })
    }
}

impl<S: ReadAt + ?Sized> Walk<'_, S> {
    /// Names the next element, or what lies there instead.
    fn step(&mut self) -> Result<(), ContainerError> {
        let at = self.account.at();
        let Some(element) = Element::at(&mut self.scan, at, self.len)? else { return self.lost(at) };
        match element.id {
            SEGMENT | CLUSTER => {
                self.account.take(element.body.min(self.len), Belongs::Header);
                self.master = Some(element);
                Ok(())
            }
            TRACKS => self.tracks(&element),
            EBML => self.pass(&element, Belongs::Header),
            SEEK_HEAD | INFO | CHAPTERS | CUES | ATTACHMENTS | TAGS => self.pass(&element, Belongs::Metadata),
            VOID => self.pass(&element, Belongs::Padding),
            CRC_32 if element.len == Some(4) => {
                let master = self.master.filter(|m| m.body == element.offset);
                self.checksum(&element, master)?;
                self.pass(&element, Belongs::Header)
            }
            _ if !self.is_in_cluster(at) => self.lost(at),
            TIMESTAMP | POSITION | PREVIOUS_SIZE if element.len.is_some_and(|len| len <= 8) => {
                self.pass(&element, Belongs::Header)
            }
            SILENT_TRACKS => self.pass(&element, Belongs::Header),
            SIMPLE_BLOCK => self.block(&element),
            BLOCK_GROUP => self.block_group(&element),
            ENCRYPTED_BLOCK => Err(ContainerError::Holds("encrypted blocks in WebM")),
            _ => self.lost(at),
        }
    }

    fn is_in_cluster(&self, at: u64) -> bool {
        self.master.is_some_and(|m| m.id == CLUSTER && m.end().is_none_or(|end| at < end))
    }

    /// Steps over an element that holds no block. One that says it is longer
    /// than its surroundings ends where blocks can begin again.
    fn pass(&mut self, element: &Element, what: Belongs) -> Result<(), ContainerError> {
        let Some(end) = element.end() else { return self.lost(element.offset) };
        let cluster = self.master.filter(|_| self.is_in_cluster(element.offset)).and_then(|m| m.end());
        if cluster.is_some_and(|cluster| end > cluster) {
            return Err(ContainerError::Damaged("an element leaves its WebM cluster"));
        }
        let end = if end <= self.len { end } else { self.landmark(element.body, self.len)? };
        self.account.take(end, what);
        Ok(())
    }

    /// What stands at `at` is no element.
    fn lost(&mut self, at: u64) -> Result<(), ContainerError> {
        let zeros = self.run_of_zeros(at)?;
        if zeros > at {
            self.account.take(zeros, Belongs::Padding);
            return Ok(());
        }
        // Lyrics are looked for to their end, which would be once for every cluster.
        let is_lyrics = at > 0 && self.scan.array::<3>(at)?.is_some_and(|b| &b == b"LYR");
        let tag =
            if is_lyrics { None } else { tags::len_at(&mut self.scan, at, self.len)?.map(|len| at + len) };
        if let Some(end) = tag.filter(|end| at == 0 || *end == self.len) {
            let end = self.landmark(at + 1, end)?;
            self.account.take(end, Belongs::Metadata);
            return Ok(());
        }
        // A file that was cut off may end in the middle of an element's header.
        if self.is_in_cluster(at) && self.len - at > 12 {
            return Err(ContainerError::Damaged("a WebM cluster holds bytes that are no block"));
        }
        let next = self.landmark(at + 1, self.len)?;
        self.account.take(next, Belongs::Foreign);
        Ok(())
    }

    /// The next element from `at` on, before `to`, behind which blocks may follow; `to` where none is.
    fn landmark(&mut self, mut at: u64, to: u64) -> std::io::Result<u64> {
        while at < to {
            let len = (to - at).min(SEARCHED as u64) as usize;
            let Some(bytes) = self.scan.get(at, len)? else { break };
            let is_one = |w: &[u8]| {
                w[0] & 0xF0 == 0x10 && LANDMARKS.contains(&u32::from_be_bytes([w[0], w[1], w[2], w[3]]))
            };
            if let Some(n) = bytes.windows(4).position(is_one) {
                return Ok(at + n as u64);
            }
            // Its first bytes may stand at the very end of what was searched.
            at += (len as u64).saturating_sub(3).max(1);
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

    /// Keeps a checksum that covers the rest of `master`, whose first child it is.
    fn checksum(&mut self, element: &Element, master: Option<Element>) -> Result<(), ContainerError> {
        let ends = (element.end(), master.and_then(|m| m.end()));
        if let (Some(from), Some(to)) = ends
            && to <= self.len
        {
            // A segment's covers its clusters' and theirs their groups'; more is hostile.
            let left = self.to_sum.checked_sub(to.saturating_sub(from));
            self.to_sum =
                left.ok_or(ContainerError::Damaged("its WebM checksums cover each other too often"))?;
            self.checksums.push(Checksum { at: element.body, from, to });
        }
        Ok(())
    }

    /// Tracks that come again behind blocks begin a new set.
    fn tracks(&mut self, element: &Element) -> Result<(), ContainerError> {
        let damaged = || ContainerError::Damaged("its WebM tracks are not whole");
        let end = element.end().filter(|end| *end <= self.len).ok_or_else(damaged)?;
        let len = end - element.body;
        if len > MOST_TRACKS_BYTES {
            return Err(damaged());
        }
        let body = self.scan.get(element.body, len as usize)?.unwrap_or_default();
        let tracks: Vec<Track> = tracks::parse(body)?.into_iter().map(Track::of).collect();
        if tracks.len() > MOST_TRACKS {
            return Err(ContainerError::Holds("more than 64 tracks"));
        }
        if self.groups.last().is_some_and(|g| g.iter().all(|t| t.packets.is_empty())) {
            self.groups.pop();
        }
        self.groups.push(tracks);
        self.account.take(end, Belongs::Header);
        Ok(())
    }
}

impl Track {
    fn of((number, holds): (u64, Holds)) -> Track {
        Track { number, holds, packets: Packets::default(), counter: Counter::default(), discard: 0 }
    }
}

#[cfg(test)]
mod tests;
