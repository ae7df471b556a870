//! FLAC (RFC 9639): the metadata's stream info, and where each frame lies.

mod header;
mod index;

pub use header::{crc8, crc16};
pub use index::{Frame, Index, Stream, index};

use super::scan::Scan;
use super::{Container, ContainerError, Layout, Lengths, ReadAt};
use crate::audio::Rate;
use crate::codec::Codec;
use crate::decode::conform::{Part, Timeline};

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

/// Reads the metadata blocks of the stream that begins at `begin`.
///
/// # Errors
/// [`ContainerError`] when fLaC and STREAMINFO do not stand there.
fn metadata_at(source: &(impl ReadAt + ?Sized), begin: u64) -> Result<Metadata, ContainerError> {
    let mut scan = Scan::new(source);
    let damaged = || ContainerError::Damaged("its FLAC metadata is not whole");
    let mut at = begin + 4;
    let (mut info, mut seek_table) = (None, None);
    loop {
        let head = scan.array::<4>(at)?.ok_or_else(damaged)?;
        let len = u32::from_be_bytes([0, head[1], head[2], head[3]]);
        match head[0] & 0x7F {
            0 if info.is_none() => {
                info = Some(stream_info(at + 4, scan.array::<34>(at + 4)?.ok_or_else(damaged)?))
            }
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

/// The layout. Frames are counted, because a stream's own count may be wrong,
/// of one stream of several, or missing.
///
/// # Errors
/// [`ContainerError`] when there is no frame, or one that cannot be decoded.
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let index = index(&all(source)?)?;
    let timeline = index.timeline()?;
    let data_start = index.streams[0].metadata.audio_at;
    Ok(Layout {
        container: Container::Flac,
        codec: Codec::Flac,
        rate: timeline.rate(),
        slowest: timeline.slowest(),
        channels: timeline.channels(),
        data_start,
        data_len: source.len() - data_start,
        lengths: Lengths::Right,
        counted: Some(timeline.frames()),
        account: index.account,
    })
}

impl Index {
    /// The streams one behind the other.
    ///
    /// # Errors
    /// When a stream's rate is not possible.
    pub fn timeline(&self) -> Result<Timeline, ContainerError> {
        let parts = self.streams.iter().map(|stream| {
            let info = &stream.metadata.info;
            let rate = Rate::new(info.rate_hz);
            let rate = rate.ok_or(ContainerError::Damaged("its sample rate is not possible"))?;
            Ok(Part { rate, channels: u16::from(info.channels), frames: stream.samples })
        });
        let parts = parts.collect::<Result<Vec<Part>, ContainerError>>()?;
        Timeline::of(&parts).ok_or(ContainerError::NoAudio)
    }
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
