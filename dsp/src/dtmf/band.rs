//! What else sounds where the keys' tones are, 550 to 1850 Hz.

use super::fit::{Energies, Fit};

/// Measured on what fits leave of the audio.
#[derive(Clone, Copy, Debug)]
pub struct Band {
    /// Of the whole band, not of this one alone.
    pub energies: Energies,
    pub power: f64,
    /// Of its strongest component.
    pub peak: f64,
}

impl Band {
    /// What `pieces`, fits of neighbouring stretches up to `end`, leave of `plane`.
    pub fn of(plane: &[f32], rate_hz: f64, pieces: &[Fit], end: usize) -> Band {
        let (mut power, mut peak, mut frames) = (0.0, 0.0, 0usize);
        let mut energies = Energies::default();
        for piece in pieces {
            let from = piece.origin - piece.frames / 2;
            let to = (from + piece.frames).min(end).min(plane.len());
            let (rest, here) = piece.rest(&plane[from..to], from);
            energies = Energies { all: energies.all + here.all, rest: energies.rest + here.rest };
            let n = rest.len() as f32;
            // Bins one resolution apart cover the band once, so that their powers add up.
            let step = rate_hz / f64::from(n);
            let bins = (1_300.0 / step).ceil() as usize;
            for first in (0..bins).step_by(LANES) {
                let omega =
                    |lane: usize| std::f64::consts::TAU * (550.0 + (first + lane) as f64 * step) / rate_hz;
                let all = powers(&rest, std::array::from_fn(|lane| (2.0 * omega(lane).cos()) as f32));
                for p in all.iter().take(bins - first).map(|p| f64::from(p * 2.0 / (n * n))) {
                    power += p * f64::from(n);
                    peak = f64::max(peak, p);
                }
            }
            frames += rest.len();
        }
        Band { energies, power: power / frames.max(1) as f64, peak }
    }
}

impl Band {
    /// The strongest other component over the weaker tone of `fit`, in power.
    pub fn rival(&self, fit: &Fit) -> f64 {
        let weaker = fit.amplitude(0).min(fit.amplitude(1));
        self.peak / (weaker * weaker / 2.0).max(1e-12)
    }
}

/// Frequencies that are looked at side by side.
const LANES: usize = 16;

/// `|X|²` at the frequencies of `coefficients`, `2 cos ω` (Goertzel 1958).
fn powers(x: &[f32], coefficients: [f32; LANES]) -> [f32; LANES] {
    let c = &coefficients;
    let (mut s1, mut s2) = ([0f32; LANES], [0f32; LANES]);
    for v in x {
        let s0: [f32; LANES] = std::array::from_fn(|k| v + c[k] * s1[k] - s2[k]);
        (s2, s1) = (s1, s0);
    }
    std::array::from_fn(|k| (s1[k] * s1[k] + s2[k] * s2[k] - c[k] * s1[k] * s2[k]).max(0.0))
}
