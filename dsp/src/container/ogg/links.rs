//! From pages to streams: which packets belong to which logical stream, and
//! which streams lie side by side or one behind the other.

use super::super::streams::{Coding, Counter, Packets, Part, Stream, read_parts};
use super::super::{ContainerError, ReadAt};
use super::page::Page;
use super::walk::Walk;
use crate::codec::vorbis;
use std::collections::HashMap;

/// Header packets that are held in memory; a longer one is hostile.
const MOST_HEADER: u64 = 1 << 20;

/// What the packets of a logical stream are.
enum Kind {
    /// The first packet is still to come.
    New,
    /// The second packet, which holds the comments, is still to come.
    OpusTags(Coding),
    /// Comments and set-up are still to come.
    VorbisHeaders {
        ident: Vec<u8>,
        seen: u8,
    },
    Audio(Coding),
    /// Pictures, or an index: nothing that sounds.
    Soundless,
}

/// One logical stream.
struct Link {
    group: usize,
    kind: Kind,
    /// The same serial number began a stream before: players that look at it
    /// alone take both for one, and drop nothing at the second's start.
    is_again: bool,
    /// The parts of a packet that goes on in the next page, and its first bytes.
    open: Vec<Part>,
    head: Vec<u8>,
    packets: Packets,
    counter: Counter,
    /// The last granule position that is known, and the frames since.
    granule: i64,
    since: i64,
    /// Frames behind the end that its last page says.
    trim: u64,
}

/// The logical streams of a file.
pub struct Links<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    links: Vec<Link>,
    /// The stream that a serial number means at this place of the file.
    by_serial: HashMap<u32, usize>,
    group: usize,
    /// The first page that begins no stream ends a group's beginnings.
    has_data: bool,
}

impl<'a, S: ReadAt + ?Sized> Links<'a, S> {
    pub fn new(source: &'a S) -> Links<'a, S> {
        Links { source, links: Vec::new(), by_serial: HashMap::new(), group: 0, has_data: false }
    }

    pub fn is_known(&self, serial: u32) -> bool {
        self.by_serial.contains_key(&serial)
    }

    /// Adds a page's packets; true when it holds audio.
    ///
    /// # Errors
    /// [`ContainerError`] when its stream is none that unsaid can hear.
    pub fn add(&mut self, walk: &mut Walk<'_, S>, page: &Page) -> Result<bool, ContainerError> {
        if page.begins() {
            self.begin(page);
        }
        self.has_data |= !page.begins();
        let link = self.by_serial.get(&page.serial).and_then(|n| self.links.get_mut(*n));
        let link =
            link.ok_or(ContainerError::Damaged("it has Ogg pages of a stream whose beginning is lost"))?;
        link.add(self.source, walk, page)
    }

    fn begin(&mut self, page: &Page) {
        if self.has_data {
            (self.group, self.has_data) = (self.group + 1, false);
        }
        let before = self.by_serial.insert(page.serial, self.links.len());
        if let Some(before) = before.and_then(|n| self.links.get_mut(n)) {
            before.tear();
        }
        self.links.push(Link::new(self.group, before.is_some()));
    }

    /// The audio of each group, in order.
    pub fn finish(mut self) -> Vec<Vec<Stream>> {
        let mut groups: Vec<Vec<Stream>> = Vec::new();
        for mut link in self.links.drain(..) {
            link.tear();
            let skip = match &link.kind {
                Kind::Audio(Coding::Opus(head)) if !link.is_again => u64::from(head.pre_skip),
                _ => 0,
            };
            let Kind::Audio(coding) = link.kind else { continue };
            groups.resize_with(groups.len().max(link.group + 1), Vec::new);
            let Link { packets, counter, trim, .. } = link;
            groups[link.group].push(Stream { coding, packets, counter, skip, trim });
        }
        groups
    }
}

impl Link {
    fn new(group: usize, is_again: bool) -> Link {
        Link {
            group,
            kind: Kind::New,
            is_again,
            open: Vec::new(),
            head: Vec::new(),
            packets: Packets::default(),
            counter: Counter::default(),
            granule: 0,
            since: 0,
            trim: 0,
        }
    }

    fn add<S: ReadAt + ?Sized>(
        &mut self,
        source: &S,
        walk: &mut Walk<'_, S>,
        page: &Page,
    ) -> Result<bool, ContainerError> {
        if !page.goes_on() {
            self.tear();
        }
        let before = self.packets.total();
        let (mut lacing, mut offset) = (page.lacing.as_slice(), page.body());
        // What goes on from a page that is not there is the end of a packet without its beginning.
        let mut is_torn = page.goes_on() && self.open.is_empty();
        while let Some((len, is_complete, rest)) = first_packet(lacing) {
            let part = Part { offset, len: len.min(page.end.saturating_sub(offset) as u32) };
            (lacing, offset) = (rest, offset + u64::from(len));
            if self.head.len() < 2 {
                self.head.extend(walk.head(part.offset, part.len.min(2) as usize)?);
            }
            if part.len > 0 {
                self.open.push(part);
            }
            if is_torn || part.len < len {
                self.tear();
            } else if is_complete && !self.open.is_empty() {
                self.complete(source)?;
            }
            is_torn = is_torn && !is_complete;
        }
        let added = self.packets.total() - before;
        self.end_page(page, added);
        Ok(matches!(self.kind, Kind::Audio(_)) && (!self.packets.is_empty() || !self.open.is_empty()))
    }

    /// What is open has no end, or no beginning: no player plays it.
    fn tear(&mut self) {
        let is_audio = matches!(self.kind, Kind::Audio(_));
        for part in self.open.drain(..).filter(|_| is_audio) {
            self.packets.add_fragment(part);
        }
        self.head.clear();
    }

    /// What is open is a packet.
    fn complete(&mut self, source: &(impl ReadAt + ?Sized)) -> Result<(), ContainerError> {
        let parts = std::mem::take(&mut self.open);
        let head = std::mem::take(&mut self.head);
        self.kind = match std::mem::replace(&mut self.kind, Kind::Soundless) {
            Kind::Audio(coding) => {
                match self.counter.frames(&coding, &head) {
                    Some(frames) => self.packets.add(&parts, frames),
                    None => self.packets.add_undecodable(&parts),
                }
                Kind::Audio(coding)
            }
            Kind::Soundless => Kind::Soundless,
            Kind::New => identified(&header(source, &parts)?)?,
            Kind::OpusTags(coding) => {
                if !starts_with(source, &parts, b"OpusTags")? {
                    return Err(ContainerError::Damaged("its Opus comments are not where they must be"));
                }
                Kind::Audio(coding)
            }
            Kind::VorbisHeaders { ident, seen: 1 } => Kind::VorbisHeaders { ident, seen: 2 },
            Kind::VorbisHeaders { ident, .. } => {
                let setup = vorbis::Setup::parse(&ident, &header(source, &parts)?);
                let setup = setup.ok_or(ContainerError::Damaged("its Vorbis headers are not whole"))?;
                Kind::Audio(Coding::Vorbis(Box::new(setup)))
            }
        };
        Ok(())
    }

    /// Only a stream's last page says how much of its packets is not to be
    /// played: what it counts less than its packets have, beginning at the page before.
    fn end_page(&mut self, page: &Page, added: u64) {
        self.since = self.since.saturating_add(added as i64);
        self.trim = 0;
        if page.granule < 0 || self.packets.is_empty() {
            return;
        }
        let beyond = self.granule.saturating_add(self.since).saturating_sub(page.granule);
        let beyond = u64::try_from(beyond).unwrap_or(0);
        if page.is_last() && page.is_whole() {
            let last = self.packets.len().checked_sub(1).map_or(0, |n| self.packets.frames(n));
            self.trim = match &self.kind {
                // ffmpeg cuts a Vorbis stream's last packet or nothing.
                Kind::Audio(Coding::Vorbis(_)) => Some(beyond).filter(|b| *b <= last).unwrap_or(0),
                _ => beyond.min(added),
            };
        }
        (self.granule, self.since) = (page.granule, 0);
    }
}

/// Bytes of the first packet in `lacing`, whether it ends there, and the lacing behind it.
fn first_packet(lacing: &[u8]) -> Option<(u32, bool, &[u8])> {
    if lacing.is_empty() {
        return None;
    }
    let full = lacing.iter().take_while(|l| **l == 255).count();
    let is_complete = full < lacing.len();
    let segments = if is_complete { full + 1 } else { full };
    let (packet, rest) = lacing.split_at(segments);
    Some((packet.iter().map(|l| u32::from(*l)).sum(), is_complete, rest))
}

/// The bytes of a header packet.
fn header(source: &(impl ReadAt + ?Sized), parts: &[Part]) -> Result<Vec<u8>, ContainerError> {
    if parts.iter().map(|p| u64::from(p.len)).sum::<u64>() > MOST_HEADER {
        return Err(ContainerError::Damaged("its Ogg header packets are far too long"));
    }
    Ok(read_parts(source, parts)?)
}

/// Comments may hold a cover of many megabytes: only their first bytes are looked at.
fn starts_with(source: &(impl ReadAt + ?Sized), parts: &[Part], what: &[u8]) -> std::io::Result<bool> {
    let first = parts.first().map_or(Part { offset: 0, len: 0 }, |p| Part { len: p.len.min(255), ..*p });
    Ok(read_parts(source, &[first])?.starts_with(what))
}

/// What a stream is, by its first packet.
fn identified(packet: &[u8]) -> Result<Kind, ContainerError> {
    const SOUNDLESS: [&[u8]; 8] = [
        b"fishead\0",
        b"\x80theora",
        b"\x80daala",
        b"OVP80",
        b"BBCD\0",
        b"KW-DIRAC",
        b"\x01video\0",
        b"OVP90",
    ];
    const REFUSED: [(&[u8], &str); 10] = [
        (b"Speex   ", "a Speex stream in Ogg"),
        (b"\x7FFLAC", "a FLAC stream in Ogg"),
        (b"fLaC", "a FLAC stream in Ogg"),
        (b"CELT    ", "a CELT stream in Ogg"),
        (b"PCM     ", "a PCM stream in Ogg"),
        (b"\x01audio\0", "an OGM audio stream in Ogg"),
        (b"\x01text\0", "subtitles in Ogg, which may hold the words of the call"),
        (b"\x80kate", "subtitles in Ogg, which may hold the words of the call"),
        (b"CMML\0", "subtitles in Ogg, which may hold the words of the call"),
        (b"OggMIDI\0", "a MIDI stream in Ogg"),
    ];
    if packet.starts_with(b"OpusHead") {
        return Ok(Kind::OpusTags(Coding::opus(packet)?));
    }
    if packet.starts_with(b"\x01vorbis") {
        return Ok(Kind::VorbisHeaders { ident: packet.to_vec(), seen: 1 });
    }
    if SOUNDLESS.iter().any(|magic| packet.starts_with(magic)) {
        return Ok(Kind::Soundless);
    }
    let known = REFUSED.iter().find(|(magic, _)| packet.starts_with(magic));
    Err(ContainerError::Holds(known.map_or("an Ogg stream of an unknown codec", |(_, name)| name)))
}
