//! MP3: a frame with empty side information decodes to silence whatever its
//! main data holds. The pointer into the reservoir stays, so that the frames
//! after it find theirs; the muted frames' own main data becomes zeros,
//! wherever it lies.

use super::Patch;
use crate::audio::Span;
use crate::container::mpeg::{Frame, Index};
use crate::container::{ContainerError, ReadAt};

/// Samples that a frame reaches beyond its own: the overlap of the transform and the filter bank.
const REACH: u64 = 576 + 481;

/// Patches for the merged `spans`.
pub fn patches(
    source: &(impl ReadAt + ?Sized),
    index: &Index,
    spans: &[Span],
) -> Result<Vec<Patch>, ContainerError> {
    let muted = muted(index, spans);
    let mut out = Vec::new();
    for n in (0..index.frames.len()).filter(|n| muted[*n]) {
        out.push(side_patch(source, &index.frames[n])?);
    }
    let starts = MainData::of(index);
    for n in (0..index.frames.len()).filter(|n| muted[*n]) {
        starts.zeros(index, n, &mut out);
    }
    out.sort_by_key(|p| p.offset);
    Ok(out)
}

fn muted(index: &Index, spans: &[Span]) -> Vec<bool> {
    let mut muted = vec![false; index.frames.len()];
    let Some(samples) = index.frames.first().map(|f| u64::from(f.header.samples)) else { return muted };
    for s in spans {
        let first = (s.start + index.skip).saturating_sub(REACH) / samples;
        let last = (s.end + index.skip).div_ceil(samples).min(muted.len() as u64);
        (first..last).for_each(|n| muted[n as usize] = true);
    }
    muted
}

/// Empty side information, with the reservoir's pointer and the private bits as they were, and the CRC over it.
fn side_patch(source: &(impl ReadAt + ?Sized), frame: &Frame) -> Result<Patch, ContainerError> {
    let before = frame.header.before_main() as usize;
    let mut head = vec![0u8; before];
    source.read_at(frame.offset, &mut head)?;
    let (at, stereo) = (frame.header.side_at() as usize, frame.header.channels == 2);
    // Nine bits of pointer and five or three private ones; eight, and one or two.
    let kept = match (frame.header.is_one, stereo) {
        (true, false) => 14,
        (true, true) => 12,
        (false, false) => 9,
        (false, true) => 10,
    };
    for bit in kept..frame.header.side as usize * 8 {
        head[at + bit / 8] &= !(0x80 >> (bit % 8));
    }
    if frame.header.has_crc {
        let crc = crc(&head[2..4], &head[at..]);
        head[4..6].copy_from_slice(&crc.to_be_bytes());
    }
    Ok(Patch { offset: frame.offset + 4, bytes: head.split_off(4) })
}

/// CRC-16 over the last two bytes of the header and the side information (ISO/IEC 11172-3, 2.4.3.1).
fn crc(header: &[u8], side: &[u8]) -> u16 {
    header.iter().chain(side).fold(0xFFFF, |crc: u16, byte| {
        (0..8)
            .fold(crc ^ u16::from(*byte) << 8, |c, _| if c & 0x8000 != 0 { c << 1 ^ 0x8005 } else { c << 1 })
    })
}

/// The main data of all frames laid end to end: where each frame's part of the
/// file begins in it, and where each frame's own data does.
struct MainData {
    carried: Vec<u64>,
    own: Vec<u64>,
}

impl MainData {
    fn of(index: &Index) -> MainData {
        let (mut at, mut reached) = (0u64, 0u64);
        let (mut carried, mut own) = (Vec::new(), Vec::new());
        for frame in &index.frames {
            carried.push(at);
            // In a damaged file a pointer may reach back behind the one before it.
            reached = reached.max(at.saturating_sub(u64::from(frame.reservoir)));
            own.push(reached);
            at += u64::from(frame.main_len());
        }
        carried.push(at);
        own.push(at);
        MainData { carried, own }
    }

    /// Zeros over the own main data of frame `n`, up to where the next one's begins.
    fn zeros(&self, index: &Index, n: usize, out: &mut Vec<Patch>) {
        let (from, to) = (self.own[n], self.own[n + 1]);
        let first = self.carried.partition_point(|c| *c <= from).saturating_sub(1);
        for f in first..index.frames.len() {
            let (begin, end) = (self.carried[f].max(from), self.carried[f + 1].min(to));
            if self.carried[f] >= to {
                break;
            }
            if begin < end {
                let frame = &index.frames[f];
                let offset = frame.offset + u64::from(frame.header.before_main()) + (begin - self.carried[f]);
                out.push(Patch { offset, bytes: vec![0; (end - begin) as usize] });
            }
        }
    }
}
