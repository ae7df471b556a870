//! IMA's and Microsoft's ADPCM: the blocks that a span touches are coded again,
//! from their first silent sample on; all other blocks keep their bytes. A torn
//! last block is played as far as it goes, and silenced likewise.

use super::Patch;
use crate::audio::Span;
use crate::codec::{Codec, adpcm_ima, adpcm_ms};
use crate::container::{ContainerError, Layout, ReadAt};

/// One patch for the run of blocks that each of the merged `spans` touches.
pub fn patches(
    source: &(impl ReadAt + ?Sized),
    layout: &Layout,
    spans: &[Span],
) -> Result<Vec<Patch>, ContainerError> {
    let (bytes, samples) = (layout.block_bytes(), layout.codec.frames_per_block());
    let mut out: Vec<Patch> = Vec::new();
    let mut next = 0u64;
    for span in spans {
        // Two spans in one block are muted together, with the first.
        let first = (span.start / samples).max(next);
        let last = (span.end - 1) / samples;
        if last < first {
            continue;
        }
        next = last + 1;
        let offset = layout.data_start + first * bytes;
        let len = ((next - first) * bytes).min(layout.data_len - first * bytes);
        let mut coded = vec![0u8; len as usize];
        source.read_at(offset, &mut coded)?;
        for (n, block) in coded.chunks_mut(bytes as usize).enumerate() {
            let start = (first + n as u64) * samples;
            mute_block(layout, block, |k| {
                let frame = start + k as u64;
                spans.iter().any(|s| s.start <= frame && frame < s.end)
            });
        }
        out.push(Patch { offset, bytes: coded });
    }
    Ok(out)
}

fn mute_block(layout: &Layout, block: &mut [u8], silent: impl Fn(usize) -> bool + Copy) {
    let channels = usize::from(layout.channels);
    for c in 0..channels {
        match layout.codec {
            Codec::ImaAdpcm { .. } => adpcm_ima::mute(block, c, channels, silent),
            _ => adpcm_ms::mute(block, c, channels, silent),
        }
    }
}
