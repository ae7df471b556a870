//! Any rate to 16 kHz mono for speech engines, by rubato's FFT resampler.

use crate::audio::{Rate, Samples};
use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

/// The resampler refused the rates.
#[derive(Debug, thiserror::Error)]
#[error("audio at {from_hz} Hz cannot be brought to 16 kHz: {reason}")]
pub struct ResampleError {
    from_hz: u32,
    reason: String,
}

/// All channels averaged, at 16 kHz; the length is that of the input in seconds.
///
/// # Errors
/// [`ResampleError`] when rubato has no ratio for the rate.
pub fn speech_plane(samples: &Samples) -> Result<Vec<f32>, ResampleError> {
    let mono = samples.mono();
    if samples.rate == Rate::SPEECH || mono.is_empty() {
        return Ok(mono);
    }
    let from_hz = samples.rate.hz();
    let failed = |reason: String| ResampleError { from_hz, reason };
    let mut resampler =
        Fft::<f32>::new(from_hz as usize, Rate::SPEECH.hz() as usize, 1_024, 1, FixedSync::Both)
            .map_err(|e| failed(e.to_string()))?;
    let input = InterleavedSlice::new(&mono, 1, mono.len()).map_err(|e| failed(format!("{e:?}")))?;
    let out = resampler.process_all(&input, mono.len(), None).map_err(|e| failed(e.to_string()))?;
    Ok(out.take_data())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, rate: u32, seconds: f64) -> Vec<f32> {
        let n = (f64::from(rate) * seconds) as usize;
        (0..n).map(|k| (std::f64::consts::TAU * hz * k as f64 / f64::from(rate)).sin() as f32 * 0.5).collect()
    }

    #[test]
    fn a_tone_keeps_its_level_and_its_place_to_one_sample_at_every_rate() {
        for rate in [8_000, 11_025, 22_050, 44_100, 48_000] {
            let samples =
                Samples { rate: Rate::new(rate).expect("a rate"), planes: vec![sine(440.0, rate, 1.0)] };
            let got = speech_plane(&samples).expect("a plane");
            // The naive twin: the same tone made at 16 kHz in the first place.
            let want = sine(440.0, 16_000, 1.0);
            assert!(got.len().abs_diff(want.len()) <= 1, "{rate}: {}", got.len());
            let worst = (2_000..14_000).map(|k| (got[k] - want[k]).abs()).fold(0f32, f32::max);
            // One sample of 16 kHz moves this tone by at most 0.5·2π·440/16000.
            assert!(worst < 0.087, "{rate} Hz: off by {worst}");
        }
    }
}
