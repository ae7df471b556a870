//! Do bytes behind the audio that a header counts sound like more of it?
//!
//! A recorder that appends and dies leaves audio that its header does not
//! count. Players stop where the header says, but what is there can be heard
//! by whoever mends the header, so it is heard and silenced with the rest. Bytes
//! that are not audio (a text, a picture, another program's notes) look like noise.

use super::{ContainerError, ReadAt};
use crate::codec::{Codec, sampled};

/// Frames that are judged together.
const WINDOW: usize = 1_024;
/// Neighbouring samples of a voice or a tone are alike this much at least; those of noise by 0.1 at most.
const ALIKE: f32 = 0.3;

/// Judges what stands from `at` to the end of the file as audio of `codec`.
///
/// # Errors
/// When it cannot be read.
pub fn goes_on(
    source: &(impl ReadAt + ?Sized),
    codec: Codec,
    channels: u16,
    at: u64,
) -> Result<bool, ContainerError> {
    let block = codec.block_bytes(channels);
    let len = source.len().saturating_sub(at);
    if !codec.is_sampled() {
        // Any bytes decode to something that sounds; in doubt they are heard.
        return Ok(len >= block);
    }
    let stretch = block * WINDOW as u64;
    let mut bytes = vec![0u8; stretch as usize];
    let mut from = at;
    // A whole window, or at least a quarter of one.
    while source.len().saturating_sub(from) >= stretch / 4 {
        let len = stretch.min(source.len() - from) / block * block;
        bytes.resize(len as usize, 0);
        source.read_at(from, &mut bytes)?;
        let mut planes = vec![Vec::new(); usize::from(channels)];
        sampled::decode(codec, &bytes, &mut planes);
        if planes.iter().any(|plane| alike(plane)) {
            return Ok(true);
        }
        from += len.max(block);
    }
    Ok(false)
}

/// Is the sum of products of neighbours large beside the energy?
fn alike(plane: &[f32]) -> bool {
    let mean = plane.iter().sum::<f32>() / plane.len().max(1) as f32;
    let energy: f32 = plane.iter().map(|x| (x - mean) * (x - mean)).sum();
    let product: f32 = plane.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum();
    product > ALIKE * energy && energy > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(codec: Codec, bytes: &[u8]) -> bool {
        goes_on(bytes, codec, 1, 0).expect("readable")
    }

    #[test]
    fn a_voice_goes_on_and_a_text_or_noise_does_not() {
        let tone: Vec<u8> =
            (0..4_000).flat_map(|k| (((f64::from(k) * 0.7).sin() * 3_000.0) as i16).to_le_bytes()).collect();
        assert!(judged(Codec::Pcm16, &tone));
        let mut seed = 1u32;
        let mut noise = vec![0u8; 70_000];
        noise.iter_mut().for_each(|b| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *b = (seed >> 24) as u8;
        });
        for codec in [Codec::Pcm8, Codec::Pcm16, Codec::Pcm16Be, Codec::Pcm32, Codec::Ulaw, Codec::Alaw] {
            assert!(!judged(codec, &noise), "{codec:?}");
            assert!(!judged(codec, &[]), "{codec:?}");
        }
        assert!(judged(Codec::Pcm16, &[noise.as_slice(), tone.as_slice()].concat()), "behind noise");
    }
}
