//! Streams of Opus and Vorbis packets, as Ogg and WebM carry them: tracks lie
//! side by side in a group, and groups lie one behind the other.
//!
//! The time line counts what the packets themselves say they last; neither
//! granule positions nor timestamps are believed, for both begin anywhere and
//! jump. Tracks of one group begin together and stand on planes of their own.

use super::{Account, Container, ContainerError, Layout, Lengths, ReadAt};
use crate::audio::{Rate, Span};
use crate::codec::{Codec, opus, vorbis};
use crate::decode::conform::{self, Timeline};

/// More planes than any recorder writes; beyond it a file is hostile.
const MOST_CHANNELS: u16 = 8;
/// How near to a stream's edge a span is taken to touch it, as a share of a second.
const TOUCHES: u64 = 50;

/// A stretch of a packet: Ogg's may go on in the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub offset: u64,
    pub len: u32,
}

/// The packets of one stream in order, without its headers.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    parts: Vec<Part>,
    /// Where the parts of each packet begin in `parts`.
    first: Vec<u32>,
    /// Frames that each packet adds to what was decoded before it.
    frames: Vec<u16>,
    total: u64,
    /// Pieces that no decoder takes, a packet's head without its end or the
    /// other way round, each with the frame before which it lies.
    fragments: Vec<(u64, Part)>,
}

impl Packets {
    pub fn add(&mut self, parts: &[Part], frames: u16) {
        self.first.push(self.parts.len() as u32);
        self.parts.extend_from_slice(parts);
        self.frames.push(frames);
        self.total += u64::from(frames);
    }

    pub fn add_fragment(&mut self, part: Part) {
        self.fragments.push((self.total, part));
    }

    /// A packet that no decoder takes. Its first two bytes, which say so, are
    /// never to be overwritten: it would become one that a decoder takes.
    pub fn add_undecodable(&mut self, parts: &[Part]) {
        let mut kept = 2;
        for part in parts {
            let skipped = part.len.min(kept);
            kept -= skipped;
            if part.len > skipped {
                self.add_fragment(Part { offset: part.offset + u64::from(skipped), len: part.len - skipped });
            }
        }
    }

    pub fn len(&self) -> usize {
        self.first.len()
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Frames that all packets together decode to.
    pub fn total(&self) -> u64 {
        self.total
    }

    pub fn fragments(&self) -> &[(u64, Part)] {
        &self.fragments
    }

    /// Frames of packet `n`.
    pub fn frames(&self, n: usize) -> u64 {
        self.frames.get(n).map_or(0, |f| u64::from(*f))
    }

    /// The parts of packet `n`, in order; none behind the last.
    pub fn parts(&self, n: usize) -> &[Part] {
        let Some(from) = self.first.get(n) else { return &[] };
        let to = self.first.get(n + 1).map_or(self.parts.len(), |p| *p as usize);
        &self.parts[*from as usize..to]
    }

    /// The bytes of packet `n`.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn read(&self, source: &(impl ReadAt + ?Sized), n: usize) -> std::io::Result<Vec<u8>> {
        read_parts(source, self.parts(n))
    }

    /// The first bytes of packet `n`, two where it has them.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn read_head(&self, source: &(impl ReadAt + ?Sized), n: usize) -> std::io::Result<Vec<u8>> {
        let first: Vec<Part> =
            self.parts(n).iter().take(2).map(|p| Part { len: p.len.min(2), ..*p }).collect();
        let mut head = read_parts(source, &first)?;
        head.truncate(2);
        Ok(head)
    }
}

/// The bytes of `parts`, one behind the other.
///
/// # Errors
/// When the source cannot be read.
pub fn read_parts(source: &(impl ReadAt + ?Sized), parts: &[Part]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(parts.iter().map(|p| p.len as usize).sum());
    for part in parts {
        let from = out.len();
        out.resize(from + part.len as usize, 0);
        source.read_at(part.offset, &mut out[from..])?;
    }
    Ok(out)
}

/// How a stream's packets are coded.
#[derive(Clone, Debug)]
pub enum Coding {
    Opus(opus::Head),
    Vorbis(Box<vorbis::Setup>),
}

impl Coding {
    /// The identification header of Opus, where unsaid can decode what follows.
    ///
    /// # Errors
    /// [`ContainerError::Holds`] for more than two channels.
    pub fn opus(packet: &[u8]) -> Result<Coding, ContainerError> {
        let head = opus::Head::parse(packet);
        let head = head.ok_or(ContainerError::Damaged("its Opus header is not whole"))?;
        if !head.is_one_stream {
            return Err(ContainerError::Holds("Opus with more than two channels"));
        }
        Ok(Coding::Opus(head))
    }

    pub fn rate_hz(&self) -> u32 {
        match self {
            Coding::Opus(_) => opus::RATE_HZ,
            Coding::Vorbis(setup) => setup.ident.rate_hz,
        }
    }

    pub fn channels(&self) -> u16 {
        match self {
            Coding::Opus(head) => u16::from(head.channels),
            Coding::Vorbis(setup) => u16::from(setup.ident.channels),
        }
    }
}

/// Counts the frames of a stream's packets as they come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    /// Are the first and the last Vorbis block long?
    are_long: Option<(bool, bool)>,
}

impl Counter {
    /// Frames that a packet adds, by its first two bytes (fewer of a shorter
    /// one); `None` when it is no audio.
    pub fn frames(&mut self, coding: &Coding, head: &[u8]) -> Option<u16> {
        match coding {
            Coding::Opus(_) => opus::Toc::parse(head).and_then(|toc| u16::try_from(toc.samples()).ok()),
            Coding::Vorbis(setup) => {
                let is_long = setup.modes.is_long(*head.first()?)?;
                let before = self.are_long;
                self.are_long = Some((before.map_or(is_long, |b| b.0), is_long));
                u16::try_from(before.map_or(0, |(_, last)| setup.ident.lapped(last, is_long))).ok()
            }
        }
    }
}

/// One track of a group.
#[derive(Clone, Debug)]
pub struct Stream {
    pub coding: Coding,
    pub packets: Packets,
    pub counter: Counter,
    /// Decoded frames before the first that players play.
    pub skip: u64,
    /// Decoded frames behind the last that players play.
    pub trim: u64,
}

impl Stream {
    /// Frames that players play.
    pub fn frames(&self) -> u64 {
        self.packets.total().saturating_sub(self.skip).saturating_sub(self.trim)
    }

    /// What of the decoded frames must be silent for `span` of the group's frames to be silent.
    /// A span that touches an edge takes with it what is cut off there, for some players play it.
    pub fn decoded(&self, group: &Group, span: Span) -> Span {
        let near = u64::from(self.coding.rate_hz()) / TOUCHES;
        let place = |frame: u64| frame.saturating_sub(group.lead) + self.skip;
        let starts_here = span.start <= group.lead + near;
        let ends_here = span.end + near >= group.lead + self.frames();
        Span::new(
            if starts_here { 0 } else { place(span.start) },
            if ends_here { u64::MAX } else { place(span.end).max(1) },
        )
    }
}

/// Tracks that lie side by side.
#[derive(Clone, Debug)]
pub struct Group {
    pub streams: Vec<Stream>,
    /// Silent frames before the first: what a decoder that goes on from one
    /// Vorbis stream into the next makes of the seam.
    pub lead: u64,
    rate: Rate,
}

impl Group {
    /// Frames of the longest track, with the lead.
    pub fn frames(&self) -> u64 {
        self.lead + self.streams.iter().map(Stream::frames).max().unwrap_or(0)
    }

    pub fn channels(&self) -> u16 {
        self.streams.iter().map(|s| s.coding.channels()).sum()
    }
}

/// All audio of a file.
#[derive(Clone, Debug)]
pub struct Streams {
    pub groups: Vec<Group>,
    pub line: Timeline,
}

impl Streams {
    /// Puts tracks into groups; those without a packet are left out.
    ///
    /// # Errors
    /// [`ContainerError`] when there is no audio, or tracks do not go side by side.
    pub fn of(groups: Vec<Vec<Stream>>) -> Result<Streams, ContainerError> {
        let mut out: Vec<Group> = Vec::new();
        for mut streams in groups {
            streams.retain(|s| s.frames() > 0);
            let Some(first) = streams.first() else { continue };
            let hz = first.coding.rate_hz();
            let rate = Rate::new(hz).ok_or(ContainerError::Damaged("its sample rate is not possible"))?;
            if streams.iter().any(|s| s.coding.rate_hz() != hz) {
                return Err(ContainerError::Holds("tracks side by side whose sample rates differ"));
            }
            let group = Group { streams, lead: 0, rate };
            if group.channels() > MOST_CHANNELS {
                return Err(ContainerError::Holds("more than eight channels"));
            }
            out.push(group);
        }
        for n in 1..out.len() {
            let (before, from) = out.split_at_mut(n);
            if let (Some(before), Some(group)) = (before.last(), from.first_mut()) {
                join(before, group);
            }
        }
        let part = |g: &Group| conform::Part { rate: g.rate, channels: g.channels(), frames: g.frames() };
        let parts: Vec<conform::Part> = out.iter().map(part).collect();
        let line = Timeline::of(&parts).ok_or(ContainerError::NoAudio)?;
        Ok(Streams { groups: out, line })
    }

    /// The layout of a file of `len` bytes that holds these streams.
    pub fn layout(&self, container: Container, len: u64, account: Account) -> Layout {
        let codings = || self.groups.iter().flat_map(|g| &g.streams).map(|s| &s.coding);
        let has_opus = codings().any(|c| matches!(c, Coding::Opus(_)));
        Layout {
            container,
            codec: if has_opus { Codec::Opus } else { Codec::Vorbis },
            rate: self.line.rate(),
            slowest: self.line.slowest(),
            channels: self.line.channels(),
            data_start: 0,
            data_len: len,
            lengths: Lengths::Right,
            counted: Some(self.line.frames()),
            account,
        }
    }
}

/// A player's decoder goes on from one Vorbis stream into the next and sounds
/// the seam, at the longest as if a long block had been before (ffmpeg).
fn join(before: &Group, group: &mut Group) {
    let ([last], [first]) = (before.streams.as_slice(), group.streams.as_slice()) else { return };
    if let (Some(_), Some(start), Coding::Vorbis(setup)) =
        (last.counter.are_long, first.counter.are_long, &first.coding)
    {
        group.lead = u64::from(setup.ident.lapped(true, start.0));
    }
}
