//! MP3: a frame with empty side information decodes to silence whatever its
//! main data holds. The pointer into the reservoir stays, so that the frames
//! after it find theirs; the muted frames' own main data becomes zeros,
//! wherever it lies.

use super::Patch;
use crate::audio::Span;
use crate::container::mpeg::header::crc;
use crate::container::mpeg::{Frame, Index};
use crate::container::{ContainerError, ReadAt};

/// Samples that a frame reaches beyond its own: the overlap of the transform and the filter bank.
const REACH: u64 = 576 + 481;

/// Patches for the merged `spans` of what is heard.
pub fn patches(
    source: &(impl ReadAt + ?Sized),
    index: &Index,
    spans: &[Span],
) -> Result<Vec<Patch>, ContainerError> {
    let muted = muted(index, spans);
    // Once it is silent, it is a tag, and what it cuts off counts.
    if index.is_tag_loud && muted.first() == Some(&true) {
        return Err(ContainerError::NotMuted("an MP3 file's first frame, which holds a tag and sound"));
    }
    let mut out = Vec::new();
    for n in (0..index.frames.len()).filter(|n| muted[*n]) {
        out.push(side_patch(source, &index.frames[n])?);
    }
    let starts = MainData::of(source, index)?;
    for n in (0..index.frames.len()).filter(|n| muted[*n] && !index.frames[*n].is_tag) {
        starts.zeros(index, n, &mut out);
    }
    out.retain(|p| !p.bytes.is_empty());
    out.sort_by_key(|p| p.offset);
    Ok(out)
}

/// The frames that sound in `spans`, or in what a tag cuts off beside them.
fn muted(index: &Index, spans: &[Span]) -> Vec<bool> {
    let mut muted = vec![false; index.frames.len()];
    for span in spans {
        for (run, part) in index.line.inside(index.cuts.whole(*span)) {
            let Some(run) = index.runs.get(run) else { continue };
            let first = run.first + (part.start.saturating_sub(REACH) / run.samples) as usize;
            // The last frames of another rate ring on in a player that keeps its filters.
            let before = REACH.saturating_sub(part.start).div_ceil(run.samples) as usize;
            let first = if first == run.first { first.saturating_sub(before) } else { first };
            let last = run.first + part.end.div_ceil(run.samples) as usize;
            muted[first..last.min(run.end)].fill(true);
        }
    }
    muted
}

/// Empty side information, with the reservoir's pointer and the private bits as they were, and the CRC over it.
fn side_patch(source: &(impl ReadAt + ?Sized), frame: &Frame) -> Result<Patch, ContainerError> {
    let header = &frame.header;
    let mut head = vec![0u8; header.before_main() as usize];
    let there = head.len().min(frame.len as usize);
    source.read_at(frame.offset, &mut head[..there])?;
    let at = header.side_at() as usize;
    for bit in header.side_head_bits()..header.side as usize * 8 {
        head[at + bit / 8] &= !(0x80 >> (bit % 8));
    }
    if header.has_crc {
        let crc = crc(&head[2..4], &head[at..]);
        head[4..6].copy_from_slice(&crc.to_be_bytes());
    }
    head.truncate(there);
    Ok(Patch { offset: frame.offset + 4, bytes: head.split_off(there.min(4)) })
}

/// The main data of all frames laid end to end: where each frame's part of the
/// file begins in it, and where each frame's own data does.
struct MainData {
    carried: Vec<u64>,
    own: Vec<u64>,
}

impl MainData {
    fn of(source: &(impl ReadAt + ?Sized), index: &Index) -> Result<MainData, ContainerError> {
        let (mut at, mut reached) = (0u64, 0u64);
        let (mut carried, mut own) = (Vec::new(), Vec::new());
        for (n, frame) in index.frames.iter().enumerate() {
            carried.push(at);
            if frame.is_apart && n > 0 {
                // What was lost before it does not make the frame before it smaller.
                reached += used(source, &index.frames[n - 1])?;
            }
            // In a damaged file a pointer may reach back behind the one before it.
            reached = reached.max(at.saturating_sub(u64::from(frame.reservoir))).min(at);
            own.push(reached);
            at += if frame.is_tag { 0 } else { u64::from(frame.main_len()) };
        }
        carried.push(at);
        own.push(at);
        Ok(MainData { carried, own })
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

/// Bytes of main data that the frame's granules say are theirs.
fn used(source: &(impl ReadAt + ?Sized), frame: &Frame) -> Result<u64, ContainerError> {
    let header = &frame.header;
    let mut side = vec![0u8; header.side as usize];
    let there = (frame.len.saturating_sub(header.side_at()) as usize).min(side.len());
    source.read_at(frame.offset + u64::from(header.side_at()), &mut side[..there])?;
    // Behind the head MPEG 1 has four bits of scale factors' sharing a channel; a granule of one
    // channel has 59 bits, of MPEG 2 63, of which the first twelve are its length.
    let channels = usize::from(header.channels);
    let (sharing, granules, bits) = if header.is_one { (4, 2, 59) } else { (0, 1, 63) };
    // MPEG 1's head counts its private bits: nine, and five or three. MPEG 2's: eight, and one or two.
    let first = header.side_head_bits() + sharing * channels;
    let bit = |n: usize| u64::from(side[n / 8] >> (7 - n % 8) & 1);
    let length = |granule: usize| (0..12).fold(0, |v, n| v << 1 | bit(first + granule * bits + n));
    let total: u64 = (0..granules * channels).map(length).sum();
    Ok(total.div_ceil(8))
}
