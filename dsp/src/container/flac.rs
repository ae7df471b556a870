//! FLAC (RFC 9639): the metadata's stream info, and where each frame lies.

use super::scan::Scan;
use super::{Account, Container, ContainerError, Layout, Lengths, ReadAt};
use crate::audio::Rate;
use crate::codec::Codec;

/// The STREAMINFO block, 8.2.
#[derive(Clone, Copy, Debug)]
pub struct StreamInfo {
    /// The block's 34 bytes as they are.
    pub bytes: [u8; 34],
    /// Offset of those bytes in the file.
    pub at: u64,
    pub rate_hz: u32,
    pub channels: u8,
    pub bits: u8,
    /// 0 when the encoder did not know.
    pub total: u64,
    pub least_block: u16,
    pub most_block: u16,
}

/// The metadata: stream info, seek table, and where audio begins.
#[derive(Clone, Copy, Debug)]
pub struct Metadata {
    pub info: StreamInfo,
    /// Offset and bytes of the seek points.
    pub seek_table: Option<(u64, u32)>,
    pub audio_at: u64,
}

/// One frame of audio.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub offset: u64,
    pub len: u32,
    /// Bytes of the header without its CRC.
    pub header_len: u32,
    /// The first sample.
    pub start: u64,
    pub samples: u32,
}

/// Reads the metadata blocks.
///
/// # Errors
/// [`ContainerError`] when the file does not begin with fLaC and STREAMINFO.
pub fn metadata(source: &(impl ReadAt + ?Sized)) -> Result<Metadata, ContainerError> {
    let mut scan = Scan::new(source);
    let damaged = || ContainerError::Damaged("its FLAC metadata is not whole");
    let mut at = 4u64;
    let (mut info, mut seek_table) = (None, None);
    loop {
        let head = scan.array::<4>(at)?.ok_or_else(damaged)?;
        let len = u32::from_be_bytes([0, head[1], head[2], head[3]]);
        match head[0] & 0x7F {
            0 => info = Some(stream_info(at + 4, scan.array::<34>(at + 4)?.ok_or_else(damaged)?)),
            3 => seek_table = Some((at + 4, len)),
            127 => return Err(damaged()),
            _ => {}
        }
        at += 4 + u64::from(len);
        if head[0] & 0x80 != 0 {
            return Ok(Metadata { info: info.ok_or_else(damaged)?, seek_table, audio_at: at });
        }
    }
}

fn stream_info(at: u64, b: [u8; 34]) -> StreamInfo {
    let packed = u64::from_be_bytes([b[10], b[11], b[12], b[13], b[14], b[15], b[16], b[17]]);
    StreamInfo {
        bytes: b,
        at,
        rate_hz: (packed >> 44) as u32,
        channels: (packed >> 41 & 7) as u8 + 1,
        bits: (packed >> 36 & 31) as u8 + 1,
        total: packed & 0xF_FFFF_FFFF,
        least_block: u16::from_be_bytes([b[0], b[1]]),
        most_block: u16::from_be_bytes([b[2], b[3]]),
    }
}

/// The layout by the metadata alone.
///
/// # Errors
/// [`ContainerError`] when the metadata is damaged.
pub fn probe(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let m = metadata(source)?;
    let rate = Rate::new(m.info.rate_hz).ok_or(ContainerError::Damaged("its sample rate is not possible"))?;
    Ok(Layout {
        container: Container::Flac,
        codec: Codec::Flac,
        rate,
        slowest: rate,
        channels: u16::from(m.info.channels),
        data_start: m.audio_at,
        data_len: source.len().saturating_sub(m.audio_at),
        lengths: Lengths::Right,
        counted: Some(m.info.total),
        account: Account::default(),
    })
}

/// The layout, with the frames counted where the encoder did not.
///
/// # Errors
/// [`ContainerError`] when there is no frame.
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let mut layout = probe(source)?;
    if layout.counted == Some(0) {
        let bytes = all(source)?;
        layout.counted = frames(&bytes, &metadata(source)?)?.last().map(|f| f.start + u64::from(f.samples));
    }
    Ok(layout)
}

/// The whole file in memory.
///
/// # Errors
/// When it cannot be read.
pub fn all(source: &(impl ReadAt + ?Sized)) -> std::io::Result<Vec<u8>> {
    let len = usize::try_from(source.len()).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
    let mut bytes = vec![0u8; len];
    source.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// Finds the frames: each ends where its CRC-16 fits and the next one's header begins, or the file ends.
///
/// # Errors
/// [`ContainerError`] when a frame is damaged.
pub fn frames(file: &[u8], metadata: &Metadata) -> Result<Vec<Frame>, ContainerError> {
    let mut out: Vec<Frame> = Vec::new();
    let mut at = usize::try_from(metadata.audio_at).unwrap_or(usize::MAX);
    let mut start = 0u64;
    while let Some(head) = file.get(at..).and_then(|b| header(b, metadata)) {
        let Some(len) = frame_len(file, at, head.len, metadata) else { break };
        out.push(Frame {
            offset: at as u64,
            len: len as u32,
            header_len: head.len as u32,
            start,
            samples: head.samples,
        });
        start += u64::from(head.samples);
        at += len;
    }
    if out.is_empty() {
        return Err(ContainerError::NoAudio);
    }
    Ok(out)
}

struct Header {
    len: usize,
    samples: u32,
}

/// A frame header (9.1) whose CRC-8 fits.
fn header(b: &[u8], metadata: &Metadata) -> Option<Header> {
    if b.len() < 6 || b[0] != 0xFF || b[1] & 0xFE != 0xF8 {
        return None;
    }
    let number = match b[4].leading_ones() {
        0 => 1,
        n @ 2..=7 => n as usize,
        _ => return None,
    };
    let (size_code, rate_code) = (b[2] >> 4, b[2] & 15);
    let mut at = 4 + number;
    let samples = match size_code {
        1 => 192,
        2..=5 => 576 << (size_code - 2),
        6 => u32::from(*b.get(at)?) + 1,
        7 => u32::from(u16::from_be_bytes([*b.get(at)?, *b.get(at + 1)?])) + 1,
        8.. => 256 << (size_code - 8),
        0 => return None,
    };
    at += match size_code {
        6 => 1,
        7 => 2,
        _ => 0,
    };
    at += match rate_code {
        12 => 1,
        13 | 14 => 2,
        15 => return None,
        _ => 0,
    };
    let channels = match b[3] >> 4 {
        n @ 0..=7 => n + 1,
        8..=10 => 2,
        _ => return None,
    };
    let fits = channels == metadata.info.channels && b[3] & 1 == 0 && *b.get(at)? == crc8(&b[..at]);
    fits.then_some(Header { len: at, samples })
}

fn frame_len(file: &[u8], at: usize, header_len: usize, metadata: &Metadata) -> Option<usize> {
    let mut crc = crc16(0, &file[at..at + header_len + 1]);
    let mut next = at + header_len + 1;
    loop {
        // `crc` covers everything before `next`; a frame ends with its own CRC, so that it comes to nothing.
        if crc == 0 && next > at + header_len + 2 {
            let rest = &file[next..];
            if rest.is_empty() || header(rest, metadata).is_some() || is_id3v1(rest) {
                return Some(next - at);
            }
        }
        crc = crc16(crc, &[*file.get(next)?]);
        next += 1;
    }
}

/// A tag that players put behind the last frame.
fn is_id3v1(rest: &[u8]) -> bool {
    rest.len() == 128 && rest.starts_with(b"TAG")
}

/// CRC-8 of a frame header, polynomial 0x07.
pub fn crc8(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |crc, b| (0..8).fold(crc ^ b, |c, _| if c & 0x80 != 0 { c << 1 ^ 0x07 } else { c << 1 }))
}

/// CRC-16 of a frame, polynomial 0x8005.
pub fn crc16(from: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(from, |crc, b| crc << 8 ^ CRC16_TABLE[usize::from((crc >> 8) as u8 ^ b)])
}

const CRC16_TABLE: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut n = 0;
    while n < 256 {
        let mut r = (n as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            r = if r & 0x8000 != 0 { r << 1 ^ 0x8005 } else { r << 1 };
            bit += 1;
        }
        table[n] = r;
        n += 1;
    }
    table
};
