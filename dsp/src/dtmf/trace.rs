//! The fine pass: from a seed outward, the fitted tones are carried on for as
//! long as they explain the audio. Where they stop is the edge.
//!
//! With `m` the tones and `x` the audio, `x² − (x − m)²` adds up to `+m²` a
//! sample inside the tone and to `−m²` outside, whatever else sounds there: the
//! largest sum from the middle outward is the most likely edge (a change point
//! in white noise), good to a sample or two.

use super::fit::Fit;

/// Stretch that one fit covers.
const STRETCH_S: f64 = 0.016;
/// How far a fit is carried on beyond its stretch before the next one is made.
const REACH_S: f64 = 0.012;

/// The tone around a seed: where, and the fits along it in order.
pub struct Trace {
    pub start: usize,
    pub end: usize,
    pub fits: Vec<Fit>,
}

/// Traces the tone that fills most of `plane[from..to]`.
pub fn trace(plane: &[f32], rate_hz: f64, from: usize, to: usize, omega: [f64; 2]) -> Option<Trace> {
    let stretch = (STRETCH_S * rate_hz) as usize;
    let reach = (REACH_S * rate_hz) as usize;
    let middle = Fit::of(plane, from, to, omega)?;
    let (mut fits, mut left) = (vec![middle], Vec::new());
    let mut start = from;
    let mut fit = middle;
    loop {
        let limit = start.saturating_sub(reach);
        let edge = edge_left(plane, &fit, limit, (start + stretch / 2).min(to));
        let advanced = edge + reach / 3 < start;
        start = edge;
        if !advanced || start == 0 {
            break;
        }
        let Some(next) = Fit::of(plane, start, (start + stretch).min(plane.len()), fit.omega) else { break };
        if !continues(&fit, &next) {
            break;
        }
        left.push(next);
        fit = next;
    }
    let mut end = to;
    fit = middle;
    loop {
        let limit = (end + reach).min(plane.len());
        let edge = edge_right(plane, &fit, end.saturating_sub(stretch / 2).max(start), limit);
        let advanced = edge > end + reach / 3;
        end = edge;
        if !advanced || end == plane.len() {
            break;
        }
        let Some(next) = Fit::of(plane, end.saturating_sub(stretch), end, fit.omega) else { break };
        if !continues(&fit, &next) {
            break;
        }
        fits.push(next);
        fit = next;
    }
    left.reverse();
    left.append(&mut fits);
    let mut traced = Trace { start, end: end.max(start), fits: left };
    traced.sharpen(plane, stretch, reach);
    Some(traced)
}

/// The next stretch still holds the same two tones.
fn continues(fit: &Fit, next: &Fit) -> bool {
    (0..2).all(|t| {
        let (a, b) = (fit.amplitude(t), next.amplitude(t));
        b > 0.3 * a && a > 0.1 * b && (fit.omega[t] / next.omega[t] - 1.0).abs() < 0.04
    })
}

impl Trace {
    /// Once more from a fit of the tone's own first and last stretch.
    fn sharpen(&mut self, plane: &[f32], stretch: usize, reach: usize) {
        let (Some(first), Some(last)) = (self.fits.first().copied(), self.fits.last().copied()) else { return };
        let to = (self.start + stretch).min(self.end);
        if let Some(fit) = Fit::of(plane, self.start, to, first.omega) {
            self.start = edge_left(plane, &fit, self.start.saturating_sub(reach), (self.start + to) / 2);
        }
        let from = self.end.saturating_sub(stretch).max(self.start);
        if let Some(fit) = Fit::of(plane, from, self.end, last.omega) {
            self.end = edge_right(plane, &fit, (from + self.end) / 2, (self.end + reach).min(plane.len()));
        }
    }
}

/// The sample in `limit..=from` from which on `fit` explains the audio up to `from`.
fn edge_left(plane: &[f32], fit: &Fit, limit: usize, from: usize) -> usize {
    let mut model = fit.waves(limit);
    let gains: Vec<f64> = plane[limit..from].iter().map(|x| gain(f64::from(*x) - fit.constant(), model.next())).collect();
    let (mut sum, mut best, mut at) = (0.0, 0.0, from);
    for (k, g) in gains.iter().enumerate().rev() {
        sum += g;
        if sum > best {
            (best, at) = (sum, limit + k);
        }
    }
    at
}

/// The sample in `from..=limit` up to which `fit` explains the audio from `from` on.
fn edge_right(plane: &[f32], fit: &Fit, from: usize, limit: usize) -> usize {
    let mut model = fit.waves(from);
    let (mut sum, mut best, mut at) = (0.0, 0.0, from);
    for (k, x) in plane[from..limit].iter().enumerate() {
        sum += gain(f64::from(*x) - fit.constant(), model.next());
        if sum > best {
            (best, at) = (sum, from + k + 1);
        }
    }
    at
}

fn gain(x: f64, m: f64) -> f64 {
    2.0 * x * m - m * m
}
