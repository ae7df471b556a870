//! The mute, in the coded domain: which bytes must be overwritten so that the
//! spans are silent and nothing else changes by one bit.
//!
//! | codec | what is silenced | what follows |
//! |---|---|---|
//! | PCM, float, G.711 | the samples themselves | nothing changes |
//! | GSM 06.10 | 20 ms frames, one before the span too | 80 ms until the decoder is itself again |
//! | IMA, MS ADPCM | the samples; the block is coded anew from there | the next block is exact |
//! | G.722 | the bytes, coded from the decoder's own state | 0.4 s until the decoder is itself again |
//! | MP3 | frames that sound in the span | the frame after is exact |
//! | Vorbis, Opus | packets that sound in the span | Vorbis exact, Opus 40 to 200 ms |
//! | FLAC | the samples; touched frames are rewritten | nothing changes, but the file's length |

mod adpcm;
mod flac;
mod g722;
mod gsm;
mod mpeg;
mod ogg;
mod overlay;
mod samples;
mod streams;
mod torn;
mod verify;
mod webm;

pub use overlay::{Overlay, spliced};
pub use verify::{Mismatch, verify, verify_decoded, verify_outside};

use crate::audio::{Span, merge};
use crate::codec::Codec;
use crate::container::{Container, ContainerError, Layout, ReadAt, mpeg as mpeg_container};
use crate::timeline::MARGIN;

/// Bytes to write at an offset of the file, over as many that were there.
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

/// Bytes to put where others, perhaps more or fewer, were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    pub offset: u64,
    pub removed: u64,
    pub bytes: Vec<u8>,
}

/// What a mute does to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The file keeps its length: it can be muted where it lies.
    InPlace(Vec<Patch>),
    /// The file must be written anew.
    Rewritten(Vec<Splice>),
}

/// What is put into the spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fill {
    #[default]
    Silence,
    /// 1 kHz at −30 dBFS, for PCM and G.711, so that a listener knows.
    Tone,
}

/// How a mute is done. The default: silence with hard edges.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// Seconds inside each edge of a span over which the sample just outside
    /// dies away, in PCM and G.711; other codecs have soft edges of their own.
    pub ramp_s: f64,
    pub fill: Fill,
}

/// The frames that a mute of `spans` silences: the spans themselves, or the
/// whole GSM frames or G.722 bytes around them.
pub fn covered(layout: &Layout, spans: &[Span]) -> Vec<Span> {
    let spans = merge(spans, layout.frames());
    match layout.codec {
        Codec::Gsm | Codec::Wav49 => gsm::covered(layout, &spans),
        Codec::G722 => g722::covered(layout, &spans),
        _ => spans,
    }
}

/// Frames at the start of a covered span in which a codec's memory rings on, so
/// that they need not be silent. A frame of the codec at most, 20 ms.
pub fn ring_frames(layout: &Layout) -> u64 {
    match layout.codec {
        Codec::Gsm | Codec::Wav49 => 160,
        Codec::ImaAdpcm { .. } | Codec::MsAdpcm { .. } => u64::from(layout.rate.hz()) / 50,
        Codec::G722 => 320,
        Codec::Opus => 960,
        _ => 0,
    }
}

/// Frames around a span after which a decoded file must be what it was, sample
/// for sample; `None` where a decoder takes its time to come back to itself.
pub fn reach_frames(layout: &Layout) -> Option<u64> {
    let reach = match layout.codec {
        Codec::Gsm | Codec::Wav49 | Codec::G722 | Codec::Opus => return None,
        Codec::ImaAdpcm { .. } | Codec::MsAdpcm { .. } => layout.codec.frames_per_block(),
        // Two frames with what they overlap; two long blocks.
        Codec::Mp3 => 2 * 1_152 + 1_057,
        Codec::Vorbis => 2 * 8_192,
        _ => 0,
    };
    // A slower part's frames are longer on the time line, and their edges softer.
    let (rate, slowest) = (u64::from(layout.rate.hz()), u64::from(layout.slowest.hz()));
    Some(if rate == slowest { reach } else { (reach + 2 * MARGIN) * rate.div_ceil(slowest) })
}

/// What must change for `spans` to be silent.
///
/// # Errors
/// When `source` cannot be read or its frames not be found; when a tone is
/// asked of a codec that cannot hold one.
pub fn plan(
    source: &(impl ReadAt + ?Sized),
    layout: &Layout,
    spans: &[Span],
    options: &Options,
) -> Result<Change, ContainerError> {
    if options.fill == Fill::Tone && !layout.codec.is_sampled() {
        return Err(ContainerError::NoTone(layout.codec.name()));
    }
    if layout.codec == Codec::Flac {
        let spans = merge(spans, layout.frames());
        return Ok(Change::Rewritten(if spans.is_empty() {
            Vec::new()
        } else {
            flac::splices(source, &spans)?
        }));
    }
    let covered = covered(layout, spans);
    if covered.is_empty() {
        return Ok(Change::InPlace(Vec::new()));
    }
    let mut patches = match layout.codec {
        Codec::Gsm => gsm::raw_patches(layout, &covered),
        Codec::Wav49 => {
            covered.iter().map(|span| gsm::wav49_patch(source, layout, span)).collect::<Result<_, _>>()?
        }
        Codec::ImaAdpcm { .. } | Codec::MsAdpcm { .. } => adpcm::patches(source, layout, &covered)?,
        Codec::G722 => g722::patches(source, layout, &covered)?,
        Codec::Mp3 => {
            let region = mpeg_container::Region::of(layout, source);
            mpeg::patches(source, &mpeg_container::index(source, region)?, &covered)?
        }
        Codec::Vorbis | Codec::Opus if layout.container == Container::Webm => {
            webm::patches(source, &covered)?
        }
        Codec::Vorbis | Codec::Opus => ogg::patches(source, &covered)?,
        _ => samples::patches(source, layout, &covered, options)?,
    };
    patches.extend(torn::patch(layout, &covered));
    Ok(Change::InPlace(patches))
}

/// The bytes to overwrite, in order, disjoint, each of the length it replaces.
///
/// Patching a half-patched file gives the same bytes again.
///
/// # Errors
/// As [`plan`]'s, and [`ContainerError::NotInPlace`] where the file would change its length.
pub fn patches(
    source: &(impl ReadAt + ?Sized),
    layout: &Layout,
    spans: &[Span],
    options: &Options,
) -> Result<Vec<Patch>, ContainerError> {
    match plan(source, layout, spans, options)? {
        Change::InPlace(patches) => Ok(patches),
        Change::Rewritten(_) => Err(ContainerError::NotInPlace),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::gsm610;
    use crate::container::{locate, wav};
    use crate::decode::decode;
    use proptest::prelude::*;

    const GSM: &[u8] = include_bytes!("../../tests/data/libgsm.gsm");
    const WAV49: &[u8] = include_bytes!("../../tests/data/libgsm.wav49");

    fn muted(name: &str, file: &[u8], spans: &[Span]) -> (Layout, Vec<u8>) {
        let layout = locate(name, file).expect("a layout");
        let patches = patches(file, &layout, spans, &Options::default()).expect("patches");
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
                if k + 1 == layout.frames() {
                    // The torn rest of one more frame goes with the last.
                    out[at + block..].fill(silent);
                }
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
            let plane = &decode(after.as_slice(), &layout).expect("samples").planes[0];
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
