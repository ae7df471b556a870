//! The proof that a mute did what it should and nothing else.

use super::{Fill, Options, Patch, covered, ring_frames};
use crate::audio::Span;
use crate::codec::Codec;
use crate::container::{ContainerError, Layout, ReadAt};
use crate::decode::Reader;

/// −60 dBFS: what a muted stretch may hold at most.
const SILENT: f32 = 0.001;
/// −29 dBFS: what a tone may.
const TONE: f32 = 0.036;

/// What a verification found wrong.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Mismatch {
    #[error("the length changed")]
    Length,
    #[error("a byte outside the muted spans changed at offset {0}")]
    Outside(u64),
    #[error("a muted byte is not silent at offset {0}")]
    Inside(u64),
    #[error("decoded again, {at_s:.3} s is not silent")]
    NotSilent { at_s: f64 },
    #[error("decoded again, {at_s:.3} s is not what it was")]
    Sample { at_s: f64 },
    #[error("decoded again, the length or the format changed")]
    Shape,
}

/// Proves that `after` is `before` with exactly `patches` written.
///
/// # Errors
/// The first [`Mismatch`].
pub fn verify(before: &[u8], after: &[u8], patches: &[Patch]) -> Result<(), Mismatch> {
    if before.len() != after.len() {
        return Err(Mismatch::Length);
    }
    let mut at = 0usize;
    for p in patches {
        let (start, end) = (p.offset as usize, p.end() as usize);
        same(before, after, at, start).map_err(Mismatch::Outside)?;
        if let Some(n) = p.bytes.iter().zip(&after[start..end]).position(|(a, b)| a != b) {
            return Err(Mismatch::Inside(p.offset + n as u64));
        }
        at = end;
    }
    same(before, after, at, before.len()).map_err(Mismatch::Outside)
}

fn same(before: &[u8], after: &[u8], from: usize, to: usize) -> Result<(), u64> {
    if before[from..to] == after[from..to] {
        return Ok(());
    }
    let n = before[from..to].iter().zip(&after[from..to]).position(|(a, b)| a != b);
    Err((from + n.unwrap_or(0)) as u64)
}

/// Decodes `after` again and proves that it is as long as `layout` says, and
/// silent (or the tone) in `spans` but for what [`ring_frames`] and a ramp allow.
///
/// # Errors
/// The first [`Mismatch`], or what the decoder could not read.
pub fn verify_decoded(
    after: &(impl ReadAt + ?Sized),
    layout: &Layout,
    spans: &[Span],
    options: &Options,
) -> Result<Result<(), Mismatch>, ContainerError> {
    let ramp = (options.ramp_s * f64::from(layout.rate.hz())).ceil() as u64;
    let inner = |s: &Span| Span::new(s.start + ring_frames(layout).max(ramp), s.end.saturating_sub(ramp));
    let judged: Vec<Span> = covered(layout, spans).iter().map(inner).filter(|s| !s.is_empty()).collect();
    let most = if options.fill == Fill::Tone { TONE } else { SILENT };
    for part in parts(layout, &judged) {
        let mut reader = Reader::open(after, &part.layout)?;
        let (mut planes, mut at) = (Vec::new(), part.first);
        while reader.next(&mut planes)? {
            if let Some(at) = loud(&planes, at, &judged, most) {
                return Ok(Err(Mismatch::NotSilent { at_s: layout.rate.seconds(at) }));
            }
            at += planes.first().map_or(0, Vec::len) as u64;
        }
        if at != part.first + part.layout.frames() {
            return Ok(Err(Mismatch::Shape));
        }
    }
    Ok(Ok(()))
}

/// A stretch to decode: as a layout of its own, and its first frame.
struct Part {
    layout: Layout,
    first: u64,
}

/// Blocks of decoder memory to begin before a span.
const WARM_UP_BLOCKS: u64 = 4;

/// What must be decoded to hear `spans`: the blocks around each, or the whole
/// file where blocks do not stand alone.
fn parts(layout: &Layout, spans: &[Span]) -> Vec<Part> {
    let (bytes, frames) = (layout.block_bytes(), layout.codec.frames_per_block());
    if bytes == 0 || layout.codec == Codec::G722 {
        return vec![Part { layout: layout.clone(), first: 0 }];
    }
    let part = |s: &Span| {
        let first = (s.start / frames).saturating_sub(WARM_UP_BLOCKS);
        let last = s.end.div_ceil(frames).min(layout.data_len.div_ceil(bytes));
        let data_start = layout.data_start + first * bytes;
        let data_len = ((last - first) * bytes).min(layout.data_len - first * bytes);
        let layout = Layout { data_start, data_len, ..layout.clone() };
        Part { layout, first: first * frames }
    };
    spans.iter().map(part).collect()
}

/// The first frame from `at` on that is louder than `most` inside `spans`.
fn loud(planes: &[Vec<f32>], at: u64, spans: &[Span], most: f32) -> Option<u64> {
    let len = planes.first().map_or(0, Vec::len) as u64;
    spans.iter().filter(|s| s.start < at + len && at < s.end).find_map(|span| {
        let (from, to) = (span.start.saturating_sub(at) as usize, (span.end - at).min(len) as usize);
        let place = |plane: &Vec<f32>| plane[from..to].iter().position(|s| s.abs() > most || s.is_nan());
        planes.iter().filter_map(place).min().map(|n| at + (from + n) as u64)
    })
}

/// Decodes both files and proves that they are the same, sample for sample,
/// farther than `reach` frames from every one of `spans`.
///
/// # Errors
/// The first [`Mismatch`], or what the decoder could not read.
pub fn verify_outside(
    before: &(impl ReadAt + ?Sized),
    after: &(impl ReadAt + ?Sized),
    layout: &Layout,
    spans: &[Span],
    reach: u64,
) -> Result<Result<(), Mismatch>, ContainerError> {
    let near: Vec<Span> =
        spans.iter().map(|s| Span::new(s.start.saturating_sub(reach), s.end + reach)).collect();
    let (mut was, mut is) = (Reader::open(before, layout)?, Reader::open(after, layout)?);
    let (mut was_planes, mut is_planes) = (Vec::new(), Vec::new());
    let mut at = 0u64;
    loop {
        let more = was.next(&mut was_planes)?;
        if is.next(&mut is_planes)? != more
            || was_planes.first().map(Vec::len) != is_planes.first().map(Vec::len)
        {
            return Ok(Err(Mismatch::Shape));
        }
        if !more {
            return Ok(Ok(()));
        }
        let len = was_planes.first().map_or(0, Vec::len);
        for (was, is) in was_planes.iter().zip(&is_planes) {
            let differs = |n: &usize| {
                let frame = at + *n as u64;
                was[*n].to_bits() != is[*n].to_bits()
                    && !near.iter().any(|s| s.start <= frame && frame < s.end)
            };
            if let Some(n) = (0..len).find(differs) {
                return Ok(Err(Mismatch::Sample { at_s: layout.rate.seconds(at + n as u64) }));
            }
        }
        at += len as u64;
    }
}
