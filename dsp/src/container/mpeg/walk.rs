//! Walks a stream of MPEG frames from its first byte to its last, as players
//! do, and says of every byte what it is.
//!
//! Where a frame ends, the next one begins, whatever its rate, for every
//! player takes it so. Where none begins there, every place up to the end of
//! the stream is tried for the next real one: ffmpeg and sox know no tags in
//! the middle of a file and play what they find inside. A place is a frame's
//! when another one that agrees with it follows at its end, or the stream's end
//! or a tag does; when two others of any kind follow; or when its CRC is right.
//! Behind zeros alone any frame counts.

use super::header::{Header, Layer, crc};
use super::{Frame, tag};
use crate::container::scan::Scan;
use crate::container::{Accountant, Belongs, ContainerError, ReadAt, tags};

/// Where the first frame is looked for by ffmpeg before it takes what comes (libavformat, `mp3dec.c`).
const FFMPEG_LOOKS: u64 = 64 * 1024;
/// So many frames in a row are no chance.
const SURE: u32 = 3;
/// Bytes that a frame of free format has at most (ISO/IEC 11172-3's largest buffer, generously).
const MOST_FREE: u64 = 5_760;

/// Bytes of a source that a player's frame finder sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    pub from: u64,
    pub to: u64,
    /// The stream is a file of its own: tags stand before it, and Xing's counts.
    pub is_file: bool,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    pub frames: Vec<Frame>,
    /// The tag in the first frame, which is not among the frames.
    pub tag: Option<tag::Tag>,
    /// The tag's frame has sound, which some player plays: it is the first of the frames.
    pub is_tag_loud: bool,
    pub account: Accountant,
}

/// Walks `region`.
///
/// # Errors
/// [`ContainerError`] when the source cannot be read, or holds frames that unsaid cannot silence.
pub fn walk<S: ReadAt + ?Sized>(source: &S, region: Region) -> Result<Walk, ContainerError> {
    let mut walker = Walker {
        scan: Scan::new(source),
        end: region.to,
        is_file: region.is_file,
        walk: Walk::default(),
        at: region.from,
        first: region.from,
    };
    walker.walk.account.take(region.from, Belongs::Header);
    if region.is_file {
        walker.tags_before()?;
        walker.walk.is_tag_loud = walker.first_tag(source.len())?;
    }
    walker.first = walker.at;
    walker.frames()?;
    walker.unplayed(usize::from(walker.walk.is_tag_loud))?;
    Ok(walker.walk)
}

struct Walker<'a, S: ReadAt + ?Sized> {
    scan: Scan<'a, S>,
    end: u64,
    is_file: bool,
    walk: Walk,
    at: u64,
    /// Where the stream begins behind the tags.
    first: u64,
}

impl<S: ReadAt + ?Sized> Walker<'_, S> {
    fn header(&mut self, at: u64) -> Result<Option<Header>, ContainerError> {
        let whole = at.checked_add(4).is_some_and(|after| after <= self.end);
        Ok(if whole { self.scan.array::<4>(at)?.and_then(Header::parse) } else { None })
    }

    /// ID3v2 tags before everything, which every player passes over by the length that they tell.
    fn tags_before(&mut self) -> Result<(), ContainerError> {
        while self.scan.array::<3>(self.at)?.is_some_and(|h| &h == b"ID3") {
            let Some(len) = tags::len_at(&mut self.scan, self.at, self.end)? else { break };
            let after = self.at + len;
            let mut from = self.at + 10;
            while let Some(at) = self.scan.find(from, after, |b| b == 0xFF)? {
                if self.row(at, after)? {
                    return Err(ContainerError::Damaged("the ID3 tag at its start holds MPEG frames"));
                }
                from = at + 1;
            }
            self.walk.account.take(after, Belongs::Metadata);
            self.at = after;
        }
        Ok(())
    }

    /// Do [`SURE`] frames that agree follow one another from `at` on, and begin before `before`?
    fn row(&mut self, at: u64, before: u64) -> Result<bool, ContainerError> {
        let Some(first) = self.header(at)? else { return Ok(false) };
        let mut next = at + u64::from(first.len);
        for _ in 1..SURE {
            if next >= before || !self.header(next)?.is_some_and(|h| h.agrees(&first)) {
                return Ok(false);
            }
            next += u64::from(first.len);
        }
        Ok(true)
    }

    /// Xing's frame, where it is the very first. True when sound is in it, which some player plays.
    fn first_tag(&mut self, file_len: u64) -> Result<bool, ContainerError> {
        let Some(header) = self.header(self.at)? else { return Ok(false) };
        let after = self.at + u64::from(header.len);
        self.walk.tag = tag::read(&mut self.scan, self.at, &header, file_len)?;
        // A tag that counts nothing is played as the frame that it stands in.
        if !self.walk.tag.is_some_and(|t| t.counts) || after > self.end {
            return Ok(false);
        }
        if !self.is_silent(self.at, &header)? {
            return Ok(true);
        }
        self.walk.account.take(after, Belongs::Metadata);
        self.at = after;
        Ok(false)
    }

    /// Does the side information code nothing at all?
    fn is_silent(&mut self, at: u64, header: &Header) -> Result<bool, ContainerError> {
        let side = self.scan.get(at + u64::from(header.side_at()), header.side as usize)?;
        let bit = |side: &[u8], n: usize| side[n / 8] & 0x80 >> (n % 8) != 0;
        Ok(side.is_none_or(|s| !(header.side_head_bits()..s.len() * 8).any(|n| bit(s, n))))
    }

    fn frames(&mut self) -> Result<(), ContainerError> {
        while self.at < self.end {
            match self.adjacent()? {
                Some(header) => self.push(header)?,
                None => self.gap()?,
            }
        }
        Ok(())
    }

    /// The frame that begins where the last one ended.
    fn adjacent(&mut self) -> Result<Option<Header>, ContainerError> {
        if self.walk.frames.is_empty() && self.walk.tag.is_none() {
            return Ok(None);
        }
        let Some(header) = self.header(self.at)? else { return Ok(None) };
        // Where a frame ends, every player plays what looks like one, of any layer.
        if header.layer == Layer::III { Ok(Some(header)) } else { Err(other_layer(&header)) }
    }

    fn push(&mut self, header: Header) -> Result<(), ContainerError> {
        let at = self.at;
        let mut len = u64::from(header.len).min(self.end - at);
        let is_tag = tag::is_tag(&mut self.scan, at, &header)?;
        let side: [u8; 2] = self.scan.array(at + u64::from(header.side_at()))?.unwrap_or_default();
        let nine = u32::from(side[0]) << 1 | u32::from(side[1] >> 7);
        if !self.follows(at + len)? {
            len = self.torn(at, len)?;
        }
        self.walk.frames.push(Frame {
            offset: at,
            header,
            len: len as u32,
            reservoir: if header.is_one { nine } else { u32::from(side[0]) },
            is_tag,
            is_apart: self.walk.frames.last().map_or(self.first, Frame::end) != at,
            is_unplayed: false,
        });
        self.at = at + len;
        self.walk.account.take(self.at, Belongs::Audio);
        Ok(())
    }

    /// Does something that belongs to a stream begin at `at`: a frame, a tag, the end? Zeros do
    /// not tell: a mute leaves them inside a frame.
    fn follows(&mut self, at: u64) -> Result<bool, ContainerError> {
        if at >= self.end || self.header(at)?.is_some() {
            return Ok(true);
        }
        Ok(tags::len_at(&mut self.scan, at, self.end)?.is_some())
    }

    /// A frame of which the end was lost has another stream's frames inside
    /// what its header says is its own. Answers how many bytes are its own.
    fn torn(&mut self, at: u64, len: u64) -> Result<u64, ContainerError> {
        let mut from = at + 4;
        while let Some(inside) = self.scan.find(from, at + len, |b| b == 0xFF)? {
            if self.row(inside, self.end)? {
                return Ok(inside - at);
            }
            from = inside + 1;
        }
        Ok(len)
    }

    /// Bytes that are no frame: to the next real one, or to the end.
    fn gap(&mut self) -> Result<(), ContainerError> {
        let from = self.at;
        let after_zeros = self.scan.find(from, self.end, |b| b != 0)?.unwrap_or(self.end);
        let next = self.next_real(from, after_zeros)?;
        let to = next.map_or(self.end, |(at, _)| at);
        self.name(from, to)?;
        self.at = to;
        next.map_or(Ok(()), |(_, header)| self.push(header))
    }

    fn next_real(&mut self, from: u64, after_zeros: u64) -> Result<Option<(u64, Header)>, ContainerError> {
        let mut search = from;
        while let Some(at) = self.scan.find(search, self.end, |b| b == 0xFF)? {
            search = at + 1;
            let Some(header) = self.header(at)? else {
                if self.is_free(at)? {
                    return Err(ContainerError::NotMuted("MPEG audio of free format"));
                }
                continue;
            };
            let is_behind_zeros = at == after_zeros && at > from;
            if is_behind_zeros || self.is_real(at, &header)? {
                return if header.layer == Layer::III {
                    Ok(Some((at, header)))
                } else {
                    Err(other_layer(&header))
                };
            }
        }
        Ok(None)
    }

    /// Does a frame begin at `at`, and not only what looks like its header?
    fn is_real(&mut self, at: u64, header: &Header) -> Result<bool, ContainerError> {
        let after = at + u64::from(header.len);
        if after >= self.end {
            return Ok(after == self.end);
        }
        match self.header(after)? {
            Some(next) if next.agrees(header) => return Ok(true),
            Some(next) if self.header(after + u64::from(next.len))?.is_some() => return Ok(true),
            _ => {}
        }
        Ok(tags::len_at(&mut self.scan, after, self.end)?.is_some() || self.has_right_crc(at, header)?)
    }

    fn has_right_crc(&mut self, at: u64, header: &Header) -> Result<bool, ContainerError> {
        if !header.has_crc || header.layer != Layer::III {
            return Ok(false);
        }
        let bytes = self.scan.get(at, header.before_main() as usize)?;
        Ok(bytes.is_some_and(|b| crc(&b[2..4], &b[6..]) == u16::from_be_bytes([b[4], b[5]])))
    }

    /// Do three frames of free format, all of one length but for a byte, begin at `at`?
    fn is_free(&mut self, at: u64) -> Result<bool, ContainerError> {
        let free = |bytes: Option<[u8; 4]>| bytes.and_then(Header::parse_free);
        let Some(first) = free(self.scan.array(at)?) else { return Ok(false) };
        let most = (at + MOST_FREE).min(self.end);
        let mut from = at + 24;
        while let Some(second) = self.scan.find(from, most, |b| b == 0xFF)? {
            from = second + 1;
            if free(self.scan.array(second)?).is_some_and(|h| h.kind == first.kind) {
                let third = second + (second - at);
                for place in third - 1..=third + 1 {
                    if free(self.scan.array(place)?).is_some_and(|h| h.kind == first.kind) {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Names the bytes of a gap: zeros and tags from its start on, tags before its end, the rest foreign.
    fn name(&mut self, from: u64, to: u64) -> Result<(), ContainerError> {
        let mut at = from;
        while at < to {
            let zeros = self.scan.find(at, to, |b| b != 0)?.unwrap_or(to);
            self.walk.account.take(zeros, Belongs::Padding);
            match tags::len_at(&mut self.scan, zeros, to)? {
                Some(len) => {
                    at = zeros + len;
                    self.walk.account.take(at, Belongs::Metadata);
                }
                None if zeros == at => break,
                None => at = zeros,
            }
        }
        let mut tail = to;
        while let Some(begin) = self.tag_before(tail, at)? {
            tail = begin;
        }
        self.walk.account.take(tail, Belongs::Foreign);
        self.walk.account.take(to, Belongs::Metadata);
        Ok(())
    }

    /// Where the tag begins that ends at `end`, not before `least`: ID3v1, or APE by its footer.
    fn tag_before(&mut self, end: u64, least: u64) -> Result<Option<u64>, ContainerError> {
        for len in [227 + 128, 128] {
            let Some(at) = end.checked_sub(len).filter(|at| *at >= least) else { continue };
            if tags::len_at(&mut self.scan, at, end)? == Some(len)
                && self.scan.array::<3>(at)?.is_some_and(|h| &h == b"TAG")
            {
                return Ok(Some(at));
            }
        }
        let Some(footer) = end.checked_sub(32) else { return Ok(None) };
        Ok(tags::ape_items_at(&mut self.scan, footer)?.filter(|at| *at >= least && *at < end))
    }

    /// Marks what ffmpeg does not play. Before the first frame it looks for two
    /// that are wholly alike, and passes over a tag's frame even with sound in
    /// it; later it loses frames where something stands between two.
    fn unplayed(&mut self, tags: usize) -> Result<(), ContainerError> {
        let frames = &self.walk.frames;
        let alike = |w: &[Frame]| w[0].header.kind == w[1].header.kind && w[0].end() == w[1].offset;
        let begin = frames.windows(2).skip(tags).position(alike).map_or(tags, |n| n + tags);
        let soon = |f: &Frame| self.is_file && f.offset - self.first < FFMPEG_LOOKS;
        if frames.get(begin).is_some_and(soon) {
            self.walk.frames[..begin].iter_mut().for_each(|f| f.is_unplayed = true);
        } else if frames.first().is_some_and(|f| f.is_apart) {
            self.lost(0)?;
        }
        for apart in 1..self.walk.frames.len() {
            if self.walk.frames[apart].is_apart {
                self.lost(apart)?;
            }
        }
        Ok(())
    }

    /// Follows ffmpeg's parser through the bytes before the frame `apart`. It
    /// takes the first thing that looks like a header, together with all bytes
    /// before it, and its decoder passes over zeros alone: with other bytes
    /// before it a frame is dropped (libavcodec, `mpegaudio_parser.c`,
    /// `mpegaudiodec_template.c`). Where it would lose its place among the frames, the file is refused.
    fn lost(&mut self, apart: usize) -> Result<(), ContainerError> {
        let mut at = apart.checked_sub(1).map_or(self.first, |n| self.walk.frames[n].end());
        let real = self.walk.frames[apart].offset;
        while let Some((found, header)) = self.next_header(at)? {
            let is_played = self.scan.find(at, found, |b| b != 0)?.is_none();
            if found == real {
                self.walk.frames[apart].is_unplayed |= !is_played;
                break;
            }
            at = found + u64::from(header.len);
            if is_played || at > real {
                return Err(ContainerError::Damaged(
                    "bytes between its frames look like a frame, and players would play different things",
                ));
            }
        }
        Ok(())
    }

    fn next_header(&mut self, at: u64) -> Result<Option<(u64, Header)>, ContainerError> {
        let mut from = at;
        while let Some(found) = self.scan.find(from, self.end, |b| b == 0xFF)? {
            if let Some(header) = self.header(found)? {
                return Ok(Some((found, header)));
            }
            from = found + 1;
        }
        Ok(None)
    }
}

fn other_layer(header: &Header) -> ContainerError {
    ContainerError::NotMuted(if header.layer == Layer::I {
        "MPEG audio layer I"
    } else {
        "MPEG audio layer II"
    })
}
