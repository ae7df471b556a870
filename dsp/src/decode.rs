//! Coded blocks to samples in ±1.

use crate::audio::Samples;
use crate::codec::{Codec, g711, gsm610, pcm};
use crate::container::{ContainerError, Layout};

/// Decodes the whole of `file` (its bytes from offset 0), located by `layout`.
///
/// # Errors
/// When the layout leaves the file, or a GSM frame has no 0xD.
pub fn decode(file: &[u8], layout: &Layout) -> Result<Samples, ContainerError> {
    let data = usize::try_from(layout.data_start)
        .ok()
        .and_then(|start| file.get(start..start.checked_add(usize::try_from(layout.data_len).ok()?)?))
        .ok_or(ContainerError::Damaged("the audio lies beyond the end of the file"))?;
    let channels = usize::from(layout.channels);
    let planes = match layout.codec {
        Codec::Pcm8 => planes(data, channels, |&[b]: &[u8; 1]| pcm::from_u8(b)),
        Codec::Pcm16 => planes(data, channels, |b: &[u8; 2]| pcm::from_i16(*b)),
        Codec::Pcm24 => planes(data, channels, |b: &[u8; 3]| pcm::from_i24(*b)),
        Codec::Pcm32 => planes(data, channels, |b: &[u8; 4]| pcm::from_i32(*b)),
        Codec::Float32 => planes(data, channels, |b: &[u8; 4]| f32::from_le_bytes(*b)),
        Codec::Float64 => planes(data, channels, |b: &[u8; 8]| f64::from_le_bytes(*b) as f32),
        Codec::Ulaw => planes(data, channels, |&[b]: &[u8; 1]| unit(g711::ulaw_to_i16(b))),
        Codec::Alaw => planes(data, channels, |&[b]: &[u8; 1]| unit(g711::alaw_to_i16(b))),
        Codec::Gsm => vec![gsm(data)?],
        Codec::Wav49 => vec![wav49(data)],
    };
    Ok(Samples { rate: layout.rate, planes })
}

fn unit(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

fn planes<const N: usize>(data: &[u8], channels: usize, sample: impl Fn(&[u8; N]) -> f32) -> Vec<Vec<f32>> {
    let (samples, _) = data.as_chunks::<N>();
    (0..channels).map(|c| samples.iter().skip(c).step_by(channels).map(&sample).collect()).collect()
}

fn gsm(data: &[u8]) -> Result<Vec<f32>, ContainerError> {
    let mut decoder = gsm610::Decoder::default();
    let (frames, _) = data.as_chunks::<{ gsm610::FRAME_BYTES }>();
    let mut out = Vec::with_capacity(frames.len() * gsm610::FRAME_SAMPLES);
    for bytes in frames {
        let frame =
            gsm610::Frame::unpack(bytes).ok_or(ContainerError::Damaged("a GSM frame must begin with 0xD"))?;
        out.extend(decoder.decode(&frame).map(unit));
    }
    Ok(out)
}

fn wav49(data: &[u8]) -> Vec<f32> {
    let mut decoder = gsm610::Decoder::default();
    let (blocks, _) = data.as_chunks::<{ gsm610::WAV49_BYTES }>();
    let frames = blocks.iter().flat_map(|b| [0, 1].map(|h| gsm610::Frame::unpack_wav49(b, h)));
    frames.flat_map(|f| decoder.decode(&f)).map(unit).collect()
}
