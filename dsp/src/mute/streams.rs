//! Opus and Vorbis, whatever carries them: packets that decode to silence,
//! each of the length in time and in bytes that it had.

use crate::audio::Span;
use crate::codec::{opus, vorbis};
use crate::container::streams::{Coding, Group, Part, Stream, Streams};
use crate::container::{ContainerError, ReadAt};

/// Samples at 48 kHz that a packet sounds into the next one: CELT's overlap.
const OPUS_REACH: u64 = 120;
/// Frames around a piece of a packet in which it would have sounded.
const FRAGMENT_REACH: u64 = 5_760;

/// Bytes to write at an offset of the file, over as many that were there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub offset: u64,
    pub bytes: Vec<u8>,
}

/// Silent versions of the packets that sound in `spans`, in the order of the file.
///
/// # Errors
/// When the source cannot be read.
pub fn edits(
    source: &(impl ReadAt + ?Sized),
    streams: &Streams,
    spans: &[Span],
) -> Result<Vec<Edit>, ContainerError> {
    let mut inside: Vec<Vec<Span>> = vec![Vec::new(); streams.groups.len()];
    for span in with_seams(streams, spans) {
        streams.line.inside(span).for_each(|(n, span)| inside[n].push(span));
    }
    let mut out = Vec::new();
    for (group, spans) in streams.groups.iter().zip(&inside).filter(|(_, spans)| !spans.is_empty()) {
        for stream in &group.streams {
            let decoded = decoded(group, stream, spans);
            match &stream.coding {
                Coding::Opus(_) => opus_edits(source, stream, &decoded, &mut out)?,
                Coding::Vorbis(setup) => vorbis_edits(source, stream, &setup.modes, &decoded, &mut out)?,
            }
            for (at, part) in stream.packets.fragments() {
                if meets(&decoded, at.saturating_sub(FRAGMENT_REACH), at + FRAGMENT_REACH) {
                    out.push(Edit { offset: part.offset, bytes: vec![0; part.len as usize] });
                }
            }
        }
    }
    out.sort_by_key(|e| e.offset);
    Ok(out)
}

/// A span that touches a seam between two streams goes a frame into both.
fn with_seams(streams: &Streams, spans: &[Span]) -> Vec<Span> {
    let seam = |(n, group): (usize, &Group)| {
        let (at, rate) = (streams.line.span_of(n).start, u64::from(streams.line.rate().hz()));
        let own = group.streams.first().map_or(rate, |s| u64::from(s.coding.rate_hz()));
        (group.lead > 0)
            .then(|| Span::new(at.saturating_sub(1), at + (group.lead * rate).div_ceil(own.max(1)) + 1))
    };
    let seams = streams.groups.iter().enumerate().filter_map(seam);
    let touched = seams.filter(|seam| spans.iter().any(|s| s.start < seam.end && seam.start < s.end));
    spans.iter().copied().chain(touched).collect()
}

/// The spans of a group in the decoded frames of a stream, sorted and disjoint.
fn decoded(group: &Group, stream: &Stream, spans: &[Span]) -> Vec<Span> {
    let decoded: Vec<Span> = spans.iter().map(|s| stream.decoded(group, *s)).collect();
    crate::audio::merge(&decoded, u64::MAX)
}

/// Does `start..end` meet one of `spans`, which are sorted and disjoint?
fn meets(spans: &[Span], start: u64, end: u64) -> bool {
    let next = spans.partition_point(|s| s.end <= start);
    spans.get(next).is_some_and(|s| s.start < end)
}

fn opus_edits(
    source: &(impl ReadAt + ?Sized),
    stream: &Stream,
    spans: &[Span],
    out: &mut Vec<Edit>,
) -> Result<(), ContainerError> {
    let mut at = 0u64;
    let mut sounds = |n: usize| {
        let start = at;
        at += stream.packets.frames(n);
        meets(spans, start, at + OPUS_REACH)
    };
    let mut is_muted: Vec<bool> = (0..stream.packets.len()).map(&mut sounds).collect();
    begin_with_silence(source, stream, &mut is_muted)?;
    for n in 0..is_muted.len() {
        let after_muted = n > 0 && is_muted[n - 1];
        if !is_muted[n] && !after_muted {
            continue;
        }
        let packet = stream.packets.read(source, n)?;
        let Some(toc) = opus::Toc::parse(&packet) else { continue };
        let first = opus::first_frame_at(&packet).and_then(|f| packet.get(f)).copied();
        // The packet behind a muted one may hold a coarse copy of it.
        let is_copy = after_muted && first.is_some_and(|b| toc.has_copy_of_the_last(b));
        if is_muted[n] || is_copy {
            put(stream.packets.parts(n), &opus::silent(toc, packet.len()), out);
        }
    }
    Ok(())
}

/// A packet too short for silence sounds like what was before it. Where such a
/// one is the first to be muted, those before it go with it, back to one with room.
fn begin_with_silence(
    source: &(impl ReadAt + ?Sized),
    stream: &Stream,
    is_muted: &mut [bool],
) -> Result<(), ContainerError> {
    let has_room = |n: usize| -> Result<bool, ContainerError> {
        let parts = stream.packets.parts(n);
        let len = parts.iter().map(|p| p.len as usize).sum();
        let head = stream.packets.read_head(source, n)?;
        Ok(opus::Toc::parse(&head).is_some_and(|toc| opus::has_room(toc, len)))
    };
    for n in (1..is_muted.len()).rev() {
        if is_muted[n] && !is_muted[n - 1] && !has_room(n)? {
            is_muted[n - 1] = true;
        }
    }
    Ok(())
}

fn vorbis_edits(
    source: &(impl ReadAt + ?Sized),
    stream: &Stream,
    modes: &vorbis::Modes,
    spans: &[Span],
    out: &mut Vec<Edit>,
) -> Result<(), ContainerError> {
    let damaged = || ContainerError::Damaged("a Vorbis packet has no mode");
    let mut at = 0u64;
    for n in 0..stream.packets.len() {
        let start = at;
        at += stream.packets.frames(n);
        // A packet is heard in what it gives and in what the next one gives.
        let next = if n + 1 < stream.packets.len() { stream.packets.frames(n + 1) } else { FRAGMENT_REACH };
        if meets(spans, start, at + next) {
            let bytes = stream.packets.read(source, n)?;
            let kept = modes.kept_bits(bytes.first().copied().unwrap_or(1)).ok_or_else(damaged)?;
            put(stream.packets.parts(n), &only_bits(bytes, kept), out);
        }
    }
    Ok(())
}

/// A packet's bytes to where its parts lie.
fn put(parts: &[Part], bytes: &[u8], out: &mut Vec<Edit>) {
    let mut from = 0usize;
    for part in parts {
        let to = from + part.len as usize;
        out.push(Edit { offset: part.offset, bytes: bytes[from..to].to_vec() });
        from = to;
    }
}

/// The first `kept` bits (the least significant come first), then zeros.
fn only_bits(mut bytes: Vec<u8>, kept: u32) -> Vec<u8> {
    for (n, byte) in bytes.iter_mut().enumerate() {
        let left = i64::from(kept) - n as i64 * 8;
        *byte &= match left {
            8.. => 0xFF,
            1..=7 => (1u8 << left) - 1,
            _ => 0,
        };
    }
    bytes
}
