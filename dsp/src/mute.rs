//! The mute, in the coded domain: which bytes must be overwritten so that the
//! spans are silent and nothing else changes by one bit.
//!
//! PCM, float and G.711 go sample by sample. GSM 06.10 goes by its 20 ms
//! frames, one frame earlier than the span: the decoder's memory rings on into
//! the first silent frame, so that frame must not be the secret's own. Frames
//! after a span keep their bits; the decoder needs about 80 ms to come back.

use crate::audio::{Span, merge};
use crate::codec::{Codec, g711, gsm610};
use crate::container::{ContainerError, Layout, ReadAt};

/// Bytes to write at an offset of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    pub offset: u64,
    pub bytes: Vec<u8>,
}

impl Patch {
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// The frames that a mute of `spans` really silences: the spans themselves, or
/// the whole codec blocks around them.
pub fn covered(layout: &Layout, spans: &[Span]) -> Vec<Span> {
    let frames = layout.frames();
    match layout.codec {
        Codec::Gsm | Codec::Wav49 => {
            let frame = gsm610::FRAME_SAMPLES as u64;
            let wide: Vec<Span> = merge(spans, frames)
                .iter()
                .map(|s| {
                    Span::new((s.start / frame).saturating_sub(1) * frame, s.end.div_ceil(frame) * frame)
                })
                .collect();
            merge(&wide, frames)
        }
        _ => merge(spans, frames),
    }
}

/// The bytes to overwrite, in order, disjoint, each of the length it replaces.
///
/// Only WAV49 reads `source`: two frames share a byte there. The result
/// depends on `layout` and `spans` alone as far as the muted bits go, so
/// patching a half-patched file gives the same bytes again.
///
/// # Errors
/// When `source` cannot be read.
pub fn patches(
    source: &(impl ReadAt + ?Sized),
    layout: &Layout,
    spans: &[Span],
) -> Result<Vec<Patch>, ContainerError> {
    let covered = covered(layout, spans);
    let silence: &[u8] = match layout.codec {
        Codec::Pcm8 => &[0x80],
        Codec::Ulaw => &[g711::ULAW_SILENCE],
        Codec::Alaw => &[g711::ALAW_SILENCE],
        Codec::Gsm => &gsm610::Frame::SILENT.pack(),
        Codec::Wav49 => {
            return covered.iter().map(|span| wav49_patch(source, layout, span)).collect();
        }
        _ => &[0],
    };
    let (block, frames) = (layout.block_bytes(), layout.codec.frames_per_block());
    Ok(covered
        .iter()
        .map(|s| Patch {
            offset: layout.data_start + s.start / frames * block,
            bytes: silence.repeat((s.len() / frames * block) as usize / silence.len()),
        })
        .collect())
}

fn wav49_patch(
    source: &(impl ReadAt + ?Sized),
    layout: &Layout,
    span: &Span,
) -> Result<Patch, ContainerError> {
    let frame = gsm610::FRAME_SAMPLES as u64;
    let (first, last) = (span.start / frame, span.end / frame);
    let offset = layout.data_start + first / 2 * gsm610::WAV49_BYTES as u64;
    let mut bytes = vec![0u8; ((last.div_ceil(2) - first / 2) as usize) * gsm610::WAV49_BYTES];
    source.read_at(offset, &mut bytes)?;
    let (blocks, _) = bytes.as_chunks_mut::<{ gsm610::WAV49_BYTES }>();
    for n in first..last {
        let block = &mut blocks[(n / 2 - first / 2) as usize];
        gsm610::Frame::SILENT.pack_wav49(block, (n % 2) as usize);
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

/// Writes the patches into a file held in memory.
///
/// # Panics
/// When a patch leaves `file`; [`patches`] never makes such a one for it.
pub fn apply(file: &mut [u8], patches: &[Patch]) {
    for p in patches {
        file[p.offset as usize..p.end() as usize].copy_from_slice(&p.bytes);
    }
}

/// What a verification found wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("the length changed")]
    Length,
    #[error("a byte outside the muted spans changed at offset {0}")]
    Outside(u64),
    #[error("a muted byte is not silent at offset {0}")]
    Inside(u64),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::{locate, wav};
    use crate::decode::decode;
    use proptest::prelude::*;

    const GSM: &[u8] = include_bytes!("../tests/data/libgsm.gsm");
    const WAV49: &[u8] = include_bytes!("../tests/data/libgsm.wav49");

    fn muted(name: &str, file: &[u8], spans: &[Span]) -> (Layout, Vec<u8>) {
        let layout = locate(name, file).expect("a layout");
        let patches = patches(file, &layout, spans).expect("patches");
        let mut after = file.to_vec();
        apply(&mut after, &patches);
        assert_eq!(verify(file, &after, &patches), Ok(()));
        (layout, after)
    }

    fn wav_of(tag: u16, bits: u16, channels: u16, payload: &[u8]) -> Vec<u8> {
        let rate = crate::audio::Rate::NARROW_BAND;
        let mut file = wav::pcm16_header(rate, channels, payload.len() as u32).to_vec();
        file[20..22].copy_from_slice(&tag.to_le_bytes());
        file[32..34].copy_from_slice(&(channels * bits / 8).to_le_bytes());
        file[34..36].copy_from_slice(&bits.to_le_bytes());
        file.extend_from_slice(payload);
        file
    }

    /// The naive twin: every frame asked one by one whether it is inside.
    fn naive(layout: &Layout, file: &[u8], spans: &[Span], silent: u8) -> Vec<u8> {
        let block = layout.block_bytes() as usize;
        let mut out = file.to_vec();
        for k in 0..layout.frames() {
            if spans.iter().any(|s| s.start <= k && k < s.end) {
                let at = layout.data_start as usize + k as usize * block;
                out[at..at + block].fill(silent);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn a_mute_touches_its_spans_alone_in_every_sample_format(
            payload in prop::collection::vec(any::<u8>(), 48..600),
            raw in prop::collection::vec((0u64..700, 0u64..700), 0..6),
            pick in 0usize..8, channels in 1u16..3,
        ) {
            let (tag, bits, silent) = [
                (1, 8, 0x80), (1, 16, 0), (1, 24, 0), (1, 32, 0),
                (3, 32, 0), (3, 64, 0), (7, 8, 0xFF), (6, 8, 0xD5),
            ][pick];
            let spans: Vec<Span> = raw.iter().map(|&(a, b)| Span::new(a, b)).collect();
            let file = wav_of(tag, bits, channels, &payload);
            let (layout, after) = muted("a.wav", &file, &spans);
            prop_assert_eq!(after, naive(&layout, &file, &spans, silent));
        }

        #[test]
        fn gsm_frames_that_touch_no_span_keep_every_bit(start in 0u64..29_000, len in 0u64..9_000,
                                                        wav49 in any::<bool>()) {
            let (name, file) = if wav49 { ("a.WAV", WAV49) } else { ("a.gsm", GSM) };
            let span = Span::new(start, start + len);
            let (layout, after) = muted(name, file, &[span]);
            let covered = covered(&layout, &[span]);
            for n in 0..layout.frames() / 160 {
                let hit = covered.iter().any(|s| s.start <= n * 160 && n * 160 < s.end);
                prop_assert_eq!(frame_at(&layout, &after, n) == frame_at(&layout, file, n)
                    || hit, true);
                if hit {
                    prop_assert_eq!(frame_at(&layout, &after, n), gsm610::Frame::SILENT);
                }
            }
            if let Some(last) = covered.last() {
                prop_assert!(last.end - span.end.min(layout.frames()) < 160);
                prop_assert!(span.start.saturating_sub(covered[0].start) < 320);
            }
        }
    }

    fn frame_at(layout: &Layout, file: &[u8], n: u64) -> gsm610::Frame {
        let data = &file[layout.data_start as usize..];
        match layout.codec {
            Codec::Gsm => gsm610::Frame::unpack(&data.as_chunks().0[n as usize]).expect("a frame"),
            _ => gsm610::Frame::unpack_wav49(&data.as_chunks().0[n as usize / 2], n as usize % 2),
        }
    }

    #[test]
    fn a_muted_span_decodes_below_minus_60_dbfs_a_frame_inside_its_edges() {
        for (name, file) in [("a.gsm", GSM), ("a.WAV", WAV49)] {
            let span = Span::new(9_000, 16_000);
            let (layout, after) = muted(name, file, &[span]);
            let plane = &decode(&after, &layout).expect("samples").planes[0];
            let peak = plane[9_000..16_000].iter().fold(0f32, |m, s| m.max(s.abs()));
            assert!(peak < 0.001, "{name}: {peak}");
        }
    }

    #[test]
    fn verify_names_what_is_wrong() {
        let before = [1u8, 2, 3, 4];
        let patch = [Patch { offset: 1, bytes: vec![0, 0] }];
        assert_eq!(verify(&before, &[1, 0, 0, 4], &patch), Ok(()));
        assert_eq!(verify(&before, &[1, 0, 3, 4], &patch), Err(Mismatch::Inside(2)));
        assert_eq!(verify(&before, &[1, 0, 0, 5], &patch), Err(Mismatch::Outside(3)));
        assert_eq!(verify(&before, &[1, 0, 0], &patch), Err(Mismatch::Length));
    }
}
