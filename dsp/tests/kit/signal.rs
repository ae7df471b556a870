//! The raw material: tones, noises, voices. Deterministic from a seed.

use std::f64::consts::TAU;
use std::sync::atomic::{AtomicU64, Ordering};

pub const ROWS_HZ: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
pub const COLUMNS_HZ: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
pub const DIGITS: [char; 16] =
    ['1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D'];

/// Another series is another kit with the same limits: to check that nothing was learned by heart.
pub static SERIES: AtomicU64 = AtomicU64::new(0);

/// A small generator of random numbers (SplitMix64): the same kit everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        let seed = seed + SERIES.load(Ordering::Relaxed) * 1_000_000;
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5151_5151)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `[from, to)`.
    pub fn within(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (self.within(1e-12, 1.0), self.within(0.0, 1.0));
        (-2.0 * u.ln()).sqrt() * (TAU * v).cos()
    }
}

/// The amplitude of a sine of `dbm0` (G.711: 0 dBm0 is 3.17 dB below full scale).
pub fn amplitude(dbm0: f64) -> f64 {
    10f64.powf((dbm0 - 3.17) / 20.0)
}

/// How one key sounds.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// 0 to 15, row by row.
    pub digit: usize,
    pub len_s: f64,
    /// Level of the row tone.
    pub row_dbm0: f64,
    pub column_dbm0: f64,
    /// Relative deviations of the two frequencies.
    pub row_off: f64,
    pub column_off: f64,
}

impl Key {
    pub fn plain(digit: usize, len_s: f64, dbm0: f64) -> Key {
        Key { digit, len_s, row_dbm0: dbm0, column_dbm0: dbm0, row_off: 0.0, column_off: 0.0 }
    }
}

/// Adds the key's two tones to `plane` from `at_s` on; answers the frames they take.
pub fn add_key(plane: &mut [f32], rate: f64, at_s: f64, key: &Key, dice: &mut Dice) -> (usize, usize) {
    let (start, end) = ((at_s * rate).ceil() as usize, ((at_s + key.len_s) * rate).ceil() as usize);
    let row = TAU * ROWS_HZ[key.digit / 4] * (1.0 + key.row_off) / rate;
    let column = TAU * COLUMNS_HZ[key.digit % 4] * (1.0 + key.column_off) / rate;
    let (a, b) = (amplitude(key.row_dbm0), amplitude(key.column_dbm0));
    let (p, q) = (dice.within(0.0, TAU), dice.within(0.0, TAU));
    let end = end.min(plane.len());
    for (n, x) in plane[start..end].iter_mut().enumerate() {
        *x += (a * (row * n as f64 + p).sin() + b * (column * n as f64 + q).sin()) as f32;
    }
    (start, end)
}

pub fn power(plane: &[f32]) -> f64 {
    plane.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>() / plane.len().max(1) as f64
}

/// White noise of `rms`.
pub fn add_noise(plane: &mut [f32], rms: f64, dice: &mut Dice) {
    for x in plane {
        *x += (rms * dice.normal()) as f32;
    }
}

pub fn add_sine(plane: &mut [f32], rate: f64, hz: f64, amplitude: f64, phase: f64) {
    for (n, x) in plane.iter_mut().enumerate() {
        *x += (amplitude * (TAU * hz * n as f64 / rate + phase).sin()) as f32;
    }
}

/// Adds `other`, scaled to `rms`, looped.
pub fn add_looped(plane: &mut [f32], other: &[f32], from: usize, rms: f64) {
    let scale = (rms / power(other).sqrt().max(1e-9)) as f32;
    for (n, x) in plane.iter_mut().enumerate() {
        *x += scale * other[(from + n) % other.len()];
    }
}

/// Rounds to 16 bits, clipping.
pub fn quantize(plane: &mut [f32]) {
    for x in plane {
        *x = (*x * 32_768.0).round().clamp(-32_768.0, 32_767.0) / 32_768.0;
    }
}

/// A source of harmonics and how it is filtered.
pub struct Voice {
    pub f0: f64,
    /// Relative depth of the vibrato.
    pub vibrato: f64,
    /// Of the five formants, in hertz.
    pub bandwidths: [f64; 5],
    /// The harmonics' amplitudes fall with this power of their frequency above 200 Hz.
    pub tilt: f64,
}

/// A vowel sung by a source of harmonics through five formants (Klatt's cascade in the frequency domain).
pub fn add_vowel(
    plane: &mut [f32],
    rate: f64,
    f0: f64,
    vibrato: f64,
    formants: &[f64; 5],
    rms: f64,
    dice: &mut Dice,
) {
    let voice = Voice { f0, vibrato, bandwidths: [60.0, 90.0, 120.0, 180.0, 250.0], tilt: 1.2 };
    add_voice(plane, rate, &voice, formants, rms, dice);
}

/// The same for any voice.
pub fn add_voice(
    plane: &mut [f32],
    rate: f64,
    voice: &Voice,
    formants: &[f64; 5],
    rms: f64,
    dice: &mut Dice,
) {
    let harmonics = ((rate / 2.0 - 100.0) / voice.f0) as usize;
    let gains: Vec<f64> = (1..=harmonics)
        .map(|h| {
            let f = voice.f0 * h as f64;
            let tilt = (200.0 / f).min(1.0).powf(voice.tilt);
            formants
                .iter()
                .zip(voice.bandwidths)
                .fold(tilt, |g, (c, b)| g * c * c / ((c * c - f * f).powi(2) + (b * f).powi(2)).sqrt())
        })
        .collect();
    let phases: Vec<f64> = (0..harmonics).map(|_| dice.within(0.0, TAU)).collect();
    let (rate_hz, mut phase) = (dice.within(4.5, 6.5), 0.0);
    let mut out = vec![0f32; plane.len()];
    for (n, x) in out.iter_mut().enumerate() {
        let f = voice.f0 * (1.0 + voice.vibrato * (TAU * rate_hz * n as f64 / rate).sin());
        phase += TAU * f / rate;
        *x =
            (0..harmonics).map(|h| gains[h] * ((h + 1) as f64 * phase + phases[h]).sin()).sum::<f64>() as f32;
    }
    let scale = (rms / power(&out).sqrt().max(1e-12)) as f32;
    plane.iter_mut().zip(&out).for_each(|(x, o)| *x += scale * o);
}
