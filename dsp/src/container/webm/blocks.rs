//! Blocks of WebM: which frames of which track they hold, however they are laced.

use super::super::streams::Part;
use super::super::{Belongs, ContainerError, ReadAt};
use super::ebml::{self, Element};
use super::tracks::Holds;
use super::{CRC_32, Track, Walk};

const BLOCK: u32 = 0xA1;
const DISCARD_PADDING: u32 = 0x75A2;
/// Bytes of a block's header with the lacing of 256 frames of 64 KiB.
const MOST_HEADER: u64 = 80_000;

/// The header of a block.
struct Head {
    track: u64,
    /// Offsets and lengths of its frames in the file.
    frames: Vec<Part>,
}

impl<S: ReadAt + ?Sized> Walk<'_, S> {
    /// A simple block, or the beginning of one that the file's end cuts off.
    pub(super) fn block(&mut self, element: &Element) -> Result<(), ContainerError> {
        let end = self.block_end(element)?;
        let belongs = self.add_block(element, end, 0)?;
        self.account.take(end, belongs);
        Ok(())
    }

    /// A block with what is said about it.
    pub(super) fn block_group(&mut self, element: &Element) -> Result<(), ContainerError> {
        let end = self.block_end(element)?;
        let (mut at, mut block, mut discard_ns) = (element.body, None, 0);
        while at < end {
            let Some(child) = Element::at(&mut self.scan, at, end)? else { break };
            let child_end = child.end().unwrap_or(u64::MAX);
            if child_end > end && element.end() == Some(end) {
                return Err(ContainerError::Damaged("a WebM block group is not whole"));
            }
            match child.id {
                BLOCK => block = Some(child),
                DISCARD_PADDING if child_end <= end => {
                    let value = self.scan.get(child.body, (child_end - child.body).min(9) as usize)?;
                    discard_ns = value.and_then(ebml::integer).unwrap_or(0);
                }
                CRC_32 if at == element.body && child.len == Some(4) => {
                    self.checksum(&child, Some(*element))?
                }
                _ => {}
            }
            at = child_end;
        }
        let belongs = match block {
            Some(block) => self.add_block(&block, block.end().unwrap_or(end).min(end), discard_ns)?,
            None => Belongs::Metadata,
        };
        self.account.take(end, belongs);
        Ok(())
    }

    /// Where a block ends. The file's end may cut the last one off, if that can be the last.
    fn block_end(&mut self, element: &Element) -> Result<u64, ContainerError> {
        let damaged = ContainerError::Damaged("a WebM block has no possible length");
        let (Some(len), Some(end)) = (element.len, element.end()) else { return Err(damaged) };
        let cluster = self.master.and_then(|m| m.end()).unwrap_or(u64::MAX);
        if end > cluster.max(element.offset) || end > self.len && len > 2 * self.largest + 64 {
            return Err(damaged);
        }
        self.largest = self.largest.max(len);
        Ok(end.min(self.len))
    }

    /// Adds the frames of a block that should lie in `element` and of which the file has all up to `end`.
    fn add_block(&mut self, element: &Element, end: u64, discard_ns: i64) -> Result<Belongs, ContainerError> {
        let is_whole = element.end() == Some(end);
        let len = (end.saturating_sub(element.body)).min(MOST_HEADER) as usize;
        let bytes = self.scan.get(element.body, len)?.unwrap_or_default();
        let head = if is_whole {
            Head::parse(bytes, element.body, end)
        } else {
            Head::torn(bytes, element.body, end)
        };
        let Some(head) = head else {
            // So little of it is there that it does not tell its track.
            return if is_whole {
                Err(ContainerError::Damaged("a WebM block's lacing is not whole"))
            } else {
                Ok(Belongs::Foreign)
            };
        };
        let mut found = self.groups.last_mut().into_iter().flatten();
        let track = found.find(|t| t.number == head.track);
        let track = track
            .ok_or(ContainerError::Damaged("it has WebM blocks of a track that it does not describe"))?;
        if !matches!(track.holds, Holds::Audio { .. }) {
            return Ok(Belongs::Metadata);
        }
        for part in head.frames {
            let first = self.scan.get(part.offset, part.len.min(2) as usize)?.unwrap_or_default();
            track.add(part, first, is_whole);
        }
        track.discard(discard_ns);
        Ok(Belongs::Audio)
    }
}

impl Track {
    fn add(&mut self, part: Part, first: &[u8], is_whole: bool) {
        let Holds::Audio { coding, .. } = &self.holds else { return };
        if !is_whole {
            return self.packets.add_fragment(part);
        }
        match self.counter.frames(coding, first) {
            Some(frames) => self.packets.add(&[part], frames),
            None => self.packets.add_undecodable(&[part]),
        }
    }

    /// Only the last block's padding counts; what it says of a block before is played.
    fn discard(&mut self, ns: i64) {
        let Holds::Audio { coding, .. } = &self.holds else { return };
        let last = self.packets.len().checked_sub(1).map_or(0, |n| self.packets.frames(n));
        let frames = u128::from(ns.max(0).unsigned_abs()) * u128::from(coding.rate_hz()) / 1_000_000_000;
        self.discard = u64::try_from(frames).unwrap_or(u64::MAX).min(last);
    }
}

impl Head {
    /// A whole block whose bytes begin with `b` at `at` and end at `end`.
    fn parse(b: &[u8], at: u64, end: u64) -> Option<Head> {
        let (track, skip) = ebml::number(b)?;
        let flags = *b.get(skip + 2)?;
        let rest = b.get(skip + 3..)?;
        let body = at + (skip + 3) as u64;
        let lens = match flags >> 1 & 3 {
            0 => (vec![end - body], 0),
            1 => xiph(rest, end - body)?,
            2 => fixed(rest, end - body)?,
            _ => laced(rest, end - body)?,
        };
        let mut offset = body + lens.1 as u64;
        let mut frames = Vec::with_capacity(lens.0.len());
        for len in lens.0 {
            let len32 = u32::try_from(len).ok()?;
            if len > 0 {
                frames.push(Part { offset, len: len32 });
            }
            offset += len;
        }
        Some(Head { track: track?, frames })
    }

    /// What is left of a block that the file's end cuts off.
    fn torn(b: &[u8], at: u64, end: u64) -> Option<Head> {
        let (track, skip) = ebml::number(b)?;
        let offset = at + (skip + 3) as u64;
        let len = u32::try_from(end.checked_sub(offset)?).ok().filter(|len| *len > 0)?;
        Some(Head { track: track?, frames: vec![Part { offset, len }] })
    }
}

/// Lengths of frames, and how many bytes told them.
type Lens = (Vec<u64>, usize);

/// The last frame has what the others leave.
fn with_rest(mut lens: Vec<u64>, told: usize, total: u64) -> Option<Lens> {
    let others: u64 = lens.iter().try_fold(told as u64, |sum, len| sum.checked_add(*len))?;
    lens.push(total.checked_sub(others)?);
    Some((lens, told))
}

/// Each length but the last as bytes of 255 and a smaller one.
fn xiph(b: &[u8], total: u64) -> Option<Lens> {
    let (mut at, mut lens) = (1, Vec::new());
    for _ in 0..*b.first()? {
        let full = b.get(at..)?.iter().take_while(|x| **x == 255).count();
        let last = *b.get(at + full)?;
        lens.push(255 * full as u64 + u64::from(last));
        at += full + 1;
    }
    with_rest(lens, at, total)
}

fn fixed(b: &[u8], total: u64) -> Option<Lens> {
    let count = u64::from(*b.first()?) + 1;
    let frames = total.checked_sub(1)?;
    (frames % count == 0).then(|| (vec![frames / count; count as usize], 1))
}

/// The first length as an EBML number, the others but the last as differences.
fn laced(b: &[u8], total: u64) -> Option<Lens> {
    let count = *b.first()?;
    let (mut at, mut lens, mut last) = (1, Vec::new(), 0i64);
    for n in 0..count {
        let rest = b.get(at..)?;
        let bytes = if n == 0 {
            let (first, bytes) = ebml::number(rest)?;
            last = i64::try_from(first?).ok()?;
            bytes
        } else {
            let (step, bytes) = ebml::signed(rest)?;
            last = last.checked_add(step)?;
            bytes
        };
        lens.push(u64::try_from(last).ok()?);
        at += bytes;
    }
    with_rest(lens, at, total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lens(b: &[u8], end: u64) -> Option<Vec<u32>> {
        Head::parse(b, 0, end).map(|h| h.frames.iter().map(|p| p.len).collect())
    }

    #[test]
    fn every_lacing_gives_the_lengths_of_its_frames() {
        assert_eq!(lens(&[0x81, 0, 0, 0x80], 54), Some(vec![50]));
        assert_eq!(lens(&[0x81, 0, 0, 0x02, 2, 255, 45, 20], 8 + 300 + 20 + 7), Some(vec![300, 20, 7]));
        assert_eq!(lens(&[0x81, 0, 0, 0x04, 1], 5 + 64), Some(vec![32, 32]));
        assert_eq!(lens(&[0x81, 0, 0, 0x04, 1], 5 + 65), None);
        // 800, 500, 1000: RFC 9559's own example.
        let ebml = [0x81, 0, 0, 0x06, 2, 0x43, 0x20, 0x5E, 0xD3];
        assert_eq!(lens(&ebml, 9 + 800 + 500 + 1_000), Some(vec![800, 500, 1_000]));
    }

    proptest! {
        #[test]
        fn frames_lie_inside_their_block(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let end = bytes.len() as u64;
            for head in [Head::parse(&bytes, 0, end), Head::torn(&bytes, 0, end)].into_iter().flatten() {
                prop_assert!(head.frames.iter().all(|p| p.offset + u64::from(p.len) <= end));
            }
        }
    }
}
