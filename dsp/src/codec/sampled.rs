//! Codecs whose samples stand alone: PCM, float and G.711, interleaved.

use super::{Codec, g711, pcm};

/// Decodes `data`, whole frames of a sampled codec, behind what `planes` hold;
/// false, and nothing done, for any other codec.
pub fn decode(codec: Codec, data: &[u8], planes: &mut [Vec<f32>]) -> bool {
    let unit = |sample: i16| f32::from(sample) / 32_768.0;
    match codec {
        Codec::Pcm8 => deal(data, planes, |&[b]: &[u8; 1]| pcm::from_u8(b)),
        Codec::Pcm16 => deal(data, planes, |b: &[u8; 2]| pcm::from_i16(*b)),
        Codec::Pcm24 => deal(data, planes, |b: &[u8; 3]| pcm::from_i24(*b)),
        Codec::Pcm32 => deal(data, planes, |b: &[u8; 4]| pcm::from_i32(*b)),
        Codec::Pcm24In4 => deal(data, planes, |&[a, b, c, _]: &[u8; 4]| pcm::from_i24([a, b, c])),
        Codec::Float32 => deal(data, planes, |b: &[u8; 4]| f32::from_le_bytes(*b)),
        Codec::Float64 => deal(data, planes, |b: &[u8; 8]| f64::from_le_bytes(*b) as f32),
        Codec::Pcm8Signed => deal(data, planes, |&[b]: &[u8; 1]| pcm::from_i8(b as i8)),
        Codec::Pcm16Be => deal(data, planes, |&[a, b]: &[u8; 2]| pcm::from_i16([b, a])),
        Codec::Pcm24Be => deal(data, planes, |&[a, b, c]: &[u8; 3]| pcm::from_i24([c, b, a])),
        Codec::Pcm32Be => deal(data, planes, |&[a, b, c, d]: &[u8; 4]| pcm::from_i32([d, c, b, a])),
        Codec::Float32Be => deal(data, planes, |b: &[u8; 4]| f32::from_be_bytes(*b)),
        Codec::Float64Be => deal(data, planes, |b: &[u8; 8]| f64::from_be_bytes(*b) as f32),
        Codec::Ulaw => deal(data, planes, |&[b]: &[u8; 1]| unit(g711::ulaw_to_i16(b))),
        Codec::Alaw => deal(data, planes, |&[b]: &[u8; 1]| unit(g711::alaw_to_i16(b))),
        _ => return false,
    }
    true
}

/// Interleaved samples to planes.
fn deal<const N: usize>(data: &[u8], planes: &mut [Vec<f32>], sample: impl Fn(&[u8; N]) -> f32) {
    let (samples, _) = data.as_chunks::<N>();
    let channels = planes.len();
    for (c, plane) in planes.iter_mut().enumerate() {
        match channels {
            1 => plane.extend(samples.iter().map(&sample)),
            _ => plane.extend(samples.iter().skip(c).step_by(channels).map(&sample)),
        }
    }
}
