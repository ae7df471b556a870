//! Audio as it is sent: FLAC, half the bytes of WAV and exactly its samples.

use crate::config::Upload;
use flacenc::component::BitRepr;
use flacenc::error::Verify;
use unsaid_dsp::Rate;
use unsaid_dsp::codec::pcm;
use unsaid_dsp::container::wav;

/// What a header and a request around the samples take, generously.
const AROUND: u64 = 4_096;

/// Samples that fit an upload of `bytes`, as WAV: FLAC is never longer by more
/// than its frame headers.
pub fn most_samples(bytes: u64) -> usize {
    // A frame of 4096 samples that does not compress has some 30 bytes around it.
    (bytes.saturating_sub(AROUND) / 2 * 99 / 100) as usize
}

/// A plane at 16 kHz as a file: its name and its bytes.
pub fn encoded(plane: &[f32], upload: Upload) -> (&'static str, Vec<u8>) {
    match upload {
        Upload::Flac => match flac_of(plane) {
            Some(bytes) => ("call.flac", bytes),
            None => ("call.wav", wav_of(plane)),
        },
        Upload::Wav => ("call.wav", wav_of(plane)),
    }
}

/// `None` when the encoder refuses, which it does for an empty plane.
fn flac_of(plane: &[f32]) -> Option<Vec<u8>> {
    let samples: Vec<i32> = plane.iter().map(|s| i32::from(pcm::to_i16(*s))).collect();
    let source = flacenc::source::MemSource::from_samples(&samples, 1, 16, Rate::SPEECH.hz() as usize);
    let config = flacenc::config::Encoder::default().into_verified().ok()?;
    let stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size).ok()?;
    let mut sink = flacenc::bitsink::ByteSink::new();
    stream.write(&mut sink).ok()?;
    Some(sink.as_slice().to_vec())
}

/// A 16-bit WAV file.
fn wav_of(plane: &[f32]) -> Vec<u8> {
    let data_len = u32::try_from(plane.len() * 2).unwrap_or(u32::MAX);
    let mut bytes = wav::pcm16_header(Rate::SPEECH, 1, data_len).to_vec();
    bytes.extend(plane.iter().flat_map(|s| pcm::to_i16(*s).to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use unsaid_dsp::container::locate;
    use unsaid_dsp::decode::decode;

    #[test]
    fn flac_holds_the_same_samples_in_fewer_bytes() {
        let plane: Vec<f32> = (0..40_000).map(|k| (k as f32 * 0.05).sin() * 0.3).collect();
        let ((flac_name, flac), (wav_name, wav)) =
            (encoded(&plane, Upload::Flac), encoded(&plane, Upload::Wav));
        assert!(flac.len() * 2 < wav.len());
        let samples = |name: &str, bytes: &[u8]| {
            let layout = locate(name, bytes).expect("a file");
            decode(bytes, &layout).expect("samples").planes.remove(0)
        };
        assert_eq!(samples(flac_name, &flac), samples(wav_name, &wav));
    }

    #[test]
    fn what_does_not_compress_stays_under_the_limit() {
        let most = most_samples(1 << 20);
        let noise: Vec<f32> = (0..most as u32)
            .map(|k| (k.wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0)
            .collect();
        for upload in [Upload::Flac, Upload::Wav] {
            assert!(encoded(&noise, upload).1.len() as u64 + 1_024 < 1 << 20);
        }
    }
}
