//! Vorbis and Opus in Ogg: packets that decode to silence, each of the length
//! in time and in bytes that it had, so that only pages' bodies and their CRCs
//! change.

use super::Patch;
use crate::audio::Span;
use crate::codec::{opus, vorbis};
use crate::container::ogg::{self, Index};
use crate::container::{ContainerError, ReadAt};

/// Samples at 48 kHz that a packet sounds into the next one: CELT's overlap.
const OPUS_REACH: u64 = 120;

/// A packet and the frames (what is skipped counted) in which it is heard.
struct Heard {
    packet: usize,
    start: u64,
    end: u64,
}

/// Silent versions of the Opus packets that sound in `spans`.
pub fn opus_patches(source: &(impl ReadAt + ?Sized), spans: &[Span]) -> Result<Vec<Patch>, ContainerError> {
    let index = ogg::index(source)?;
    let head = opus::Head::parse(&ogg::header_packet(source, &index, 0)?);
    let skip = head.map_or(0, |h| u64::from(h.pre_skip));
    let mut edits = Vec::new();
    let (mut at, mut after_muted) = (0u64, false);
    for n in 2..index.packet_count() {
        let packet = index.read(source, n)?;
        let Some(toc) = opus::Toc::parse(&packet) else { continue };
        let heard = Heard { packet: n, start: at, end: at + u64::from(toc.samples()) + OPUS_REACH };
        at += u64::from(toc.samples());
        let first = opus::first_frame_at(&packet).and_then(|f| packet.get(f)).copied();
        // The packet behind a muted one may hold a coarse copy of it.
        let is_copy = after_muted && first.is_some_and(|b| toc.has_copy_of_the_last(b));
        let is_muted = heard.meets(spans, skip);
        if is_muted || is_copy {
            edits.push((heard.packet, opus::silent(toc, packet.len())));
        }
        after_muted = is_muted;
    }
    page_patches(source, &index, &edits)
}

/// Silent versions of the Vorbis packets that sound in `spans`.
pub fn vorbis_patches(source: &(impl ReadAt + ?Sized), spans: &[Span]) -> Result<Vec<Patch>, ContainerError> {
    let index = ogg::index(source)?;
    let damaged = || ContainerError::Damaged("its Vorbis headers are not whole");
    let ident = vorbis::Ident::parse(&ogg::header_packet(source, &index, 0)?).ok_or_else(damaged)?;
    let modes = vorbis::Modes::parse(&ogg::header_packet(source, &index, 2)?).ok_or_else(damaged)?;
    let mut edits = Vec::new();
    let mut last: Option<(usize, u64, u64)> = None;
    let (mut at, mut from) = (0u64, 0u64);
    let mut mute = |packet: usize, start: u64, end: u64| -> Result<(), ContainerError> {
        if (Heard { packet, start, end }).meets(spans, 0) {
            let bytes = index.read(source, packet)?;
            let kept = modes.kept_bits(bytes.first().copied().unwrap_or(1)).ok_or_else(damaged)?;
            edits.push((packet, only_bits(bytes, kept)));
        }
        Ok(())
    };
    for n in 3..index.packet_count() {
        let Some(part) = index.parts(n).first().filter(|p| p.len > 0) else { continue };
        let mut first = [0u8; 1];
        source.read_at(part.offset, &mut first)?;
        let Some(is_long) = modes.is_long(first[0]) else { continue };
        let block = u64::from(ident.blocks[usize::from(is_long)]);
        // A packet gives a quarter of its block and of the one before; it is
        // heard in what it gives and in what the next one gives.
        if let Some((packet, start, before)) = last {
            from = at;
            at += before / 4 + block / 4;
            mute(packet, start, at)?;
        }
        last = Some((n, from, block));
    }
    if let Some((packet, start, block)) = last {
        mute(packet, start, at + block)?;
    }
    page_patches(source, &index, &edits)
}

impl Heard {
    fn meets(&self, spans: &[Span], skip: u64) -> bool {
        spans.iter().any(|s| s.start + skip < self.end && self.start < s.end + skip)
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

/// Patches for the pages that `edits` (packets in order, bytes as long as before) touch.
fn page_patches(
    source: &(impl ReadAt + ?Sized),
    index: &Index,
    edits: &[(usize, Vec<u8>)],
) -> Result<Vec<Patch>, ContainerError> {
    // Parts in the order of the file, with the bytes that belong there.
    let mut parts: Vec<(u64, &[u8])> = Vec::new();
    for (packet, bytes) in edits {
        let mut from = 0usize;
        for part in index.parts(*packet) {
            let to = from + part.len as usize;
            parts.push((part.offset, &bytes[from..to]));
            from = to;
        }
    }
    let mut out = Vec::new();
    let mut parts = parts.into_iter().peekable();
    for page in &index.pages {
        let end = page.offset + u64::from(page.len);
        if parts.peek().is_none_or(|(offset, _)| *offset >= end) {
            continue;
        }
        let mut bytes = vec![0u8; page.len as usize];
        source.read_at(page.offset, &mut bytes)?;
        let mut bodies = Vec::new();
        while let Some((offset, part)) = parts.next_if(|(offset, _)| *offset < end) {
            let at = (offset - page.offset) as usize;
            bytes[at..at + part.len()].copy_from_slice(part);
            bodies.push(Patch { offset, bytes: part.to_vec() });
        }
        let crc = ogg::crc(&bytes).to_le_bytes();
        out.push(Patch { offset: page.offset + 22, bytes: crc.to_vec() });
        out.append(&mut bodies);
    }
    Ok(out)
}
