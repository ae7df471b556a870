//! MPEG audio layer III frames (ISO/IEC 11172-3, 13818-3, and Fraunhofer's
//! 2.5): headers, side information, the bit reservoir, Xing's and LAME's tags.

use super::scan::Scan;
use super::{Account, Container, ContainerError, Layout, Lengths, ReadAt};
use crate::audio::Rate;
use crate::codec::Codec;

const BITRATES_1: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const BITRATES_2: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
/// What a decoder's filters delay, with one sample of LAME's counting.
const DECODER_DELAY: u64 = 529;
/// Bytes that may lie between a tag and the first frame.
const MOST_GARBAGE: u64 = 64 * 1024;

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub rate_hz: u32,
    pub channels: u16,
    /// Samples of one frame: 1152, or 576 for MPEG 2 and 2.5.
    pub samples: u32,
    /// Bytes of the frame with its header.
    pub len: u32,
    /// Two bytes of CRC follow the header.
    pub has_crc: bool,
    /// Bytes of side information.
    pub side: u32,
    /// MPEG 1, whose side information begins with nine bits of reservoir, not eight.
    pub is_one: bool,
}

impl Header {
    /// Reads four bytes; `None` when they are no layer III header.
    pub fn parse(b: [u8; 4]) -> Option<Header> {
        let (version, layer) = (b[1] >> 3 & 3, b[1] >> 1 & 3);
        let (bitrate, rate) = (usize::from(b[2] >> 4), usize::from(b[2] >> 2 & 3));
        if b[0] != 0xFF
            || b[1] >> 5 != 7
            || version == 1
            || layer != 1
            || bitrate == 0
            || bitrate == 15
            || rate == 3
        {
            return None;
        }
        let is_one = version == 3;
        let rate_hz = [44_100, 48_000, 32_000][rate] >> [2, 0, 1, 0][usize::from(version)];
        let mono = b[3] >> 6 == 3;
        let kbps = if is_one { BITRATES_1[bitrate] } else { BITRATES_2[bitrate] };
        let samples = if is_one { 1_152 } else { 576 };
        Some(Header {
            rate_hz,
            channels: if mono { 1 } else { 2 },
            samples,
            len: samples / 8 * kbps * 1_000 / rate_hz + u32::from(b[2] >> 1 & 1),
            has_crc: b[1] & 1 == 0,
            side: match (is_one, mono) {
                (true, true) | (false, false) => 17,
                (true, false) => 32,
                (false, true) => 9,
            },
            is_one,
        })
    }

    /// Bytes before the main data: header, CRC, side information.
    pub fn before_main(&self) -> u32 {
        4 + if self.has_crc { 2 } else { 0 } + self.side
    }

    /// Offset of the side information in the frame.
    pub fn side_at(&self) -> u32 {
        self.before_main() - self.side
    }

    fn goes_with(&self, other: &Header) -> bool {
        (self.rate_hz, self.channels, self.samples) == (other.rate_hz, other.channels, other.samples)
    }
}

/// One audio frame in its file.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub offset: u64,
    pub header: Header,
    /// How many bytes of main data before this frame's its own begins.
    pub reservoir: u32,
}

impl Frame {
    /// Bytes of main data that this frame carries (not all of them its own).
    pub fn main_len(&self) -> u32 {
        self.header.len.saturating_sub(self.header.before_main())
    }
}

/// Every audio frame of a file, and how its samples count.
#[derive(Clone, Debug)]
pub struct Index {
    pub frames: Vec<Frame>,
    /// Decoded samples that are dropped at the start: the encoder's and the decoder's delay.
    pub skip: u64,
    /// Samples after that.
    pub total: u64,
}

/// What the tag in the first frame says.
#[derive(Clone, Copy, Debug, Default)]
struct Tag {
    frames: Option<u32>,
    delay: u64,
    padding: u64,
}

struct Start {
    /// The first frame that holds audio.
    at: u64,
    header: Header,
    tag: Option<Tag>,
}

/// The layout from the head of the file alone; without Xing's tag the length
/// is what a constant bit rate makes it.
///
/// # Errors
/// [`ContainerError`] when no frame is found.
pub fn probe(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let mut scan = Scan::new(source);
    let start = start(&mut scan)?;
    let bytes = source.len().saturating_sub(start.at);
    if bytes == 0 {
        return Err(ContainerError::NoAudio);
    }
    let said = start.tag.and_then(|t| Some((u64::from(t.frames?), t)));
    let (frames, tag) = said.unwrap_or((bytes / u64::from(start.header.len), Tag::default()));
    let total = total(frames * u64::from(start.header.samples), start.tag.map(|_| tag));
    layout(&start, bytes, total.1)
}

/// The layout by all frames.
///
/// # Errors
/// [`ContainerError`] when there is no frame, or the format changes on the way.
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let index = index(source)?;
    let mut scan = Scan::new(source);
    layout(&start(&mut scan)?, source.len() - index.frames[0].offset, index.total)
}

fn layout(start: &Start, bytes: u64, total: u64) -> Result<Layout, ContainerError> {
    let rate =
        Rate::new(start.header.rate_hz).ok_or(ContainerError::Damaged("its sample rate is not possible"))?;
    Ok(Layout {
        container: Container::Mp3,
        codec: Codec::Mp3,
        rate,
        slowest: rate,
        channels: start.header.channels,
        data_start: start.at,
        data_len: bytes,
        lengths: Lengths::Right,
        counted: Some(total),
        account: Account::default(),
    })
}

/// Samples to skip and those that remain, of `decoded` ones (the same rule as ffmpeg's).
fn total(decoded: u64, tag: Option<Tag>) -> (u64, u64) {
    let Some(tag) = tag else { return (0, decoded) };
    let skip = tag.delay + DECODER_DELAY;
    let cut = tag.padding.saturating_sub(DECODER_DELAY);
    (skip, decoded.saturating_sub(cut).saturating_sub(skip))
}

/// Finds every frame.
///
/// # Errors
/// [`ContainerError`] when there is none.
pub fn index(source: &(impl ReadAt + ?Sized)) -> Result<Index, ContainerError> {
    let mut scan = Scan::new(source);
    let start = start(&mut scan)?;
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = start.at;
    while let Some(head) = scan.array::<4>(at)? {
        let header = Header::parse(head).filter(|h| h.goes_with(&start.header));
        let whole = header.filter(|h| at + u64::from(h.len) <= source.len());
        let Some(header) = whole else {
            // Tags at the end, or a damaged stretch: the next two frames in a row go on.
            match next_pair(&mut scan, at + 1, MOST_GARBAGE, Some(&start.header))? {
                Some(next) => at = next,
                None => break,
            }
            continue;
        };
        let side: [u8; 2] = scan.array(at + u64::from(header.side_at()))?.unwrap_or_default();
        let nine = u32::from(side[0]) << 1 | u32::from(side[1] >> 7);
        let reservoir = if header.is_one { nine } else { u32::from(side[0]) };
        frames.push(Frame { offset: at, header, reservoir });
        at += u64::from(header.len);
    }
    if frames.is_empty() {
        return Err(ContainerError::NoAudio);
    }
    let (skip, total) = total(frames.len() as u64 * u64::from(start.header.samples), start.tag);
    Ok(Index { frames, skip, total })
}

fn start<S: ReadAt + ?Sized>(scan: &mut Scan<'_, S>) -> Result<Start, ContainerError> {
    let after_tags = after_id3(scan)?;
    let at = next_pair(scan, after_tags, MOST_GARBAGE, None)?;
    let at = at.ok_or(ContainerError::Damaged("no MPEG layer III frame was found"))?;
    let head = scan.array::<4>(at)?.and_then(Header::parse);
    let header = head.ok_or(ContainerError::Damaged("no MPEG layer III frame was found"))?;
    let tag = tag(scan, at, &header)?;
    let first = if tag.is_some() { at + u64::from(header.len) } else { at };
    Ok(Start { at: first, header, tag })
}

/// Bytes of ID3v2 at the start (id3.org: a syncsafe length, perhaps a footer).
fn after_id3<S: ReadAt + ?Sized>(scan: &mut Scan<'_, S>) -> Result<u64, ContainerError> {
    let mut at = 0u64;
    while let Some(h) = scan.array::<10>(at)?.filter(|h| &h[..3] == b"ID3") {
        let len = h[6..].iter().fold(0u64, |n, b| n << 7 | u64::from(b & 0x7F));
        at += 10 + len + if h[5] & 0x10 != 0 { 10 } else { 0 };
    }
    Ok(at)
}

/// The first place from `at` on where a frame is followed by another one or by the end.
fn next_pair<S: ReadAt + ?Sized>(
    scan: &mut Scan<'_, S>,
    at: u64,
    most: u64,
    like: Option<&Header>,
) -> Result<Option<u64>, ContainerError> {
    for from in at..at + most {
        let Some(head) = scan.array::<4>(from)? else { return Ok(None) };
        let Some(header) = Header::parse(head).filter(|h| like.is_none_or(|l| h.goes_with(l))) else {
            continue;
        };
        let next = scan.array::<4>(from + u64::from(header.len))?;
        if next.is_none_or(|n| Header::parse(n).is_some_and(|n| n.goes_with(&header))) {
            return Ok(Some(from));
        }
    }
    Ok(None)
}

/// Xing's, Info's or VBRI's tag in the frame at `at`.
fn tag<S: ReadAt + ?Sized>(
    scan: &mut Scan<'_, S>,
    at: u64,
    header: &Header,
) -> Result<Option<Tag>, ContainerError> {
    let body = at + 4 + u64::from(header.side);
    let Some(name) = scan.array::<4>(body)? else { return Ok(None) };
    if &name == b"Xing" || &name == b"Info" {
        return Ok(Some(xing(scan, body)?));
    }
    let vbri = scan.array::<18>(at + 36)?.filter(|v| &v[..4] == b"VBRI");
    Ok(vbri.map(|v| Tag { frames: Some(u32::from_be_bytes([v[14], v[15], v[16], v[17]])), ..Tag::default() }))
}

fn xing<S: ReadAt + ?Sized>(scan: &mut Scan<'_, S>, body: u64) -> Result<Tag, ContainerError> {
    let flags = scan.array::<8>(body)?.map_or(0, |f| f[7]);
    let mut at = body + 8;
    let mut frames = None;
    if flags & 1 != 0 {
        frames = scan.array::<4>(at)?.map(u32::from_be_bytes);
        at += 4;
    }
    at += u64::from(flags >> 1 & 1) * 4 + u64::from(flags >> 2 & 1) * 100 + u64::from(flags >> 3 & 1) * 4;
    // LAME's extension: 21 bytes in, twelve bits of delay and twelve of padding.
    let gaps = scan.array::<24>(at)?.map_or([0; 3], |l| [l[21], l[22], l[23]]);
    let both = u64::from(gaps[0]) << 16 | u64::from(gaps[1]) << 8 | u64::from(gaps[2]);
    Ok(Tag { frames, delay: both >> 12, padding: both & 0xFFF })
}
