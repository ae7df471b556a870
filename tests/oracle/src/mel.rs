//! The classifier's front end: Slaney's mel scale, log, normalised over the clip.
//!
//! The model's file holds none of it. Hop, bands and frames are its meta
//! data's; the window (Hann, 400 of 512), the range (0 to 8 kHz) and the floor
//! (10⁻⁶ of power) are those with which it reads FSDD's digits best.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex32;

pub const BANDS: usize = 64;
pub const FRAMES: usize = 128;
/// One second at 16 kHz.
pub const CLIP_LEN: usize = 16_000;
const RATE_HZ: f32 = 16_000.0;
const HOP: usize = 125;
const WINDOW: usize = 400;
const FFT: usize = 512;
const FLOOR: f32 = 1e-6;

/// `clip`: [`CLIP_LEN`] samples in ±1. The answer: [`BANDS`] × [`FRAMES`], band by band.
pub fn log_mel(clip: &[f32]) -> Vec<f32> {
    assert_eq!(clip.len(), CLIP_LEN);
    let padded = reflect(clip, FFT / 2);
    let bank = filters();
    let window = hann();
    let fft = RealFftPlanner::<f32>::new().plan_fft_forward(FFT);
    let mut spectrum = fft.make_output_vec();
    let mut out = vec![0.0; BANDS * FRAMES];
    for frame in 0..FRAMES {
        let mut x: Vec<f32> = padded[frame * HOP..][..FFT].iter().zip(&window).map(|(x, w)| x * w).collect();
        fft.process(&mut x, &mut spectrum).expect("lengths are the plan's");
        for (band, filter) in bank.iter().enumerate() {
            let power: f32 =
                filter.iter().zip(&spectrum).map(|(w, c): (&f32, &Complex32)| w * c.norm_sqr()).sum();
            out[band * FRAMES + frame] = (power + FLOOR).ln();
        }
    }
    normalise(&mut out);
    out
}

fn reflect(x: &[f32], by: usize) -> Vec<f32> {
    let before = (1..=by).rev().map(|k| x[k]);
    let after = (0..by).map(|k| x[x.len() - 2 - k]);
    before.chain(x.iter().copied()).chain(after).collect()
}

/// A Hann window of [`WINDOW`] in the middle of [`FFT`] samples.
fn hann() -> Vec<f32> {
    let aside = (FFT - WINDOW) / 2;
    let at = |k: usize| 0.5 - 0.5 * (std::f32::consts::TAU * k as f32 / WINDOW as f32).cos();
    (0..FFT).map(|k| if (aside..aside + WINDOW).contains(&k) { at(k - aside) } else { 0.0 }).collect()
}

/// Slaney's scale: linear below 1 kHz, logarithmic above.
fn mel_of(hz: f32) -> f32 {
    if hz < 1_000.0 { hz * 3.0 / 200.0 } else { 15.0 + (hz / 1_000.0).ln() / (6.4f32.ln() / 27.0) }
}

fn hz_of(mel: f32) -> f32 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1_000.0 * ((6.4f32.ln() / 27.0) * (mel - 15.0)).exp() }
}

/// Triangles of equal area, one for each band.
fn filters() -> Vec<Vec<f32>> {
    let top = mel_of(RATE_HZ / 2.0);
    let edges: Vec<f32> = (0..BANDS + 2).map(|k| hz_of(top * k as f32 / (BANDS + 1) as f32)).collect();
    let triangle = |low: f32, mid: f32, high: f32| {
        (0..=FFT / 2)
            .map(|bin| bin as f32 * RATE_HZ / FFT as f32)
            .map(|hz| {
                ((hz - low) / (mid - low)).min((high - hz) / (high - mid)).max(0.0) * 2.0 / (high - low)
            })
            .collect()
    };
    edges.windows(3).map(|e| triangle(e[0], e[1], e[2])).collect()
}

fn normalise(x: &mut [f32]) {
    let n = x.len() as f32;
    let mean = x.iter().sum::<f32>() / n;
    let deviation = (x.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt();
    x.iter_mut().for_each(|v| *v = (*v - mean) / (deviation + 1e-5));
}
