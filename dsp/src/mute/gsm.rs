//! GSM 06.10: whole 20 ms frames, one frame earlier than the span: the
//! decoder's memory rings on into the first silent frame, so that frame must
//! not be the secret's own. Frames after a span keep their bits; the decoder
//! needs about 80 ms to come back.

use super::Patch;
use crate::audio::{Span, merge};
use crate::codec::gsm610::{FRAME_BYTES, FRAME_SAMPLES, Frame, WAV49_BYTES};
use crate::container::{ContainerError, Layout, ReadAt};

/// The frames that are silenced for `spans`, as spans.
pub fn covered(layout: &Layout, spans: &[Span]) -> Vec<Span> {
    let frame = FRAME_SAMPLES as u64;
    let wide =
        |s: &Span| Span::new((s.start / frame).saturating_sub(1) * frame, s.end.div_ceil(frame) * frame);
    merge(&spans.iter().map(wide).collect::<Vec<Span>>(), layout.frames())
}

/// Patches for covered spans of a raw file.
pub fn raw_patches(layout: &Layout, covered: &[Span]) -> Vec<Patch> {
    let (bytes, frame) = (FRAME_BYTES as u64, FRAME_SAMPLES as u64);
    let patch = |s: &Span| Patch {
        offset: layout.data_start + s.start / frame * bytes,
        bytes: Frame::SILENT.pack().repeat((s.len() / frame) as usize),
    };
    covered.iter().map(patch).collect()
}

/// The patch for one covered span of a WAV49 file, where two frames share a byte.
pub fn wav49_patch(
    source: &(impl ReadAt + ?Sized),
    layout: &Layout,
    span: &Span,
) -> Result<Patch, ContainerError> {
    let frame = FRAME_SAMPLES as u64;
    let (first, last) = (span.start / frame, span.end / frame);
    let offset = layout.data_start + first / 2 * WAV49_BYTES as u64;
    let mut bytes = vec![0u8; ((last.div_ceil(2) - first / 2) as usize) * WAV49_BYTES];
    source.read_at(offset, &mut bytes)?;
    let (blocks, _) = bytes.as_chunks_mut::<WAV49_BYTES>();
    for n in first..last {
        let block = &mut blocks[(n / 2 - first / 2) as usize];
        Frame::SILENT.pack_wav49(block, (n % 2) as usize);
    }
    Ok(trim_shared(bytes, offset, first % 2 == 1, last % 2 == 1))
}

/// Leaves out the whole bytes of a neighbour frame: byte 32 is the one both share.
fn trim_shared(mut bytes: Vec<u8>, offset: u64, from_half: bool, to_half: bool) -> Patch {
    if to_half {
        bytes.truncate(bytes.len() - 32);
    }
    let skip = if from_half { 32 } else { 0 };
    Patch { offset: offset + skip as u64, bytes: bytes.split_off(skip) }
}
