//! What speaks for a key and what against it.

use super::Digit;
use super::band::Band;
use super::blocks::WINDOW_BLOCKS;
use super::detector::nominal;
use super::fit::Fit;
use super::judge::log_odds;
use super::seeds::Seed;
use super::trace::{Trace, trace};
use crate::audio::Span;

/// Shorter is a click.
const MIN_LEN_S: f64 = 0.008;
/// Rough, since the fits of a trace need not lie wholly inside the tone.
const MOST_ROUGH_DEVIATION: f64 = 0.03;

/// Measured on one candidate, for the judge and for whoever asks why.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    pub digit: Digit,
    /// Frames at the rate that the detector works at.
    pub span: Span,
    /// The span with the fade at both ends, and some guard.
    pub outer: Span,
    pub len_s: f64,
    /// Coarse windows that agreed.
    pub hits: usize,
    /// Sum of the tones' share of the energy in them.
    pub weight: f64,
    /// Relative deviation of row and column from the nominal frequency: the median over the fits.
    pub deviation: [f64; 2],
    /// Largest relative change of a frequency between neighbouring fits.
    pub drift: f64,
    /// Two tones' share of the whole energy.
    pub share: f64,
    /// Their share of the energy between 550 and 1850 Hz.
    pub band_share: f64,
    /// The strongest other component in that band, over the weaker tone (power).
    pub rival: f64,
    /// Column over row, in dB.
    pub twist_db: f64,
    /// Largest over smallest amplitude of a tone along the trace.
    pub unsteady: f64,
    /// The tones' power just outside over that inside: the larger of both sides and tones.
    pub outside: f64,
    pub amplitude: f64,
}

impl Evidence {
    /// Of row and column, over an amplitude of 1.
    pub fn levels_db(&self) -> [f64; 2] {
        let weaker = 20.0 * self.amplitude.log10();
        [weaker - self.twist_db.min(0.0), weaker + self.twist_db.max(0.0)]
    }
}

/// Below this a candidate is not looked at a second time, across gaps.
const WORTH_BRIDGING: f64 = -6.0;

/// Follows `seed` and measures what is there: first as far as the tone goes on
/// without a break, and if that speaks for a key, once more across gaps.
pub fn examine(plane: &[f32], rate_hz: f64, block: usize, seed: &Seed) -> Option<Evidence> {
    let omega = nominal(seed.digit, rate_hz);
    let window = (seed.best * block, (seed.best + WINDOW_BLOCKS) * block);
    let unbroken = trace(plane, rate_hz, window, omega, false)?;
    let length = unbroken.end - unbroken.start;
    let first = measure(plane, rate_hz, omega, seed, unbroken)?;
    if log_odds(&first) < WORTH_BRIDGING {
        return Some(first);
    }
    let bridged = trace(plane, rate_hz, window, omega, true).filter(|t| t.end - t.start > length);
    bridged.and_then(|trace| measure(plane, rate_hz, omega, seed, trace)).or(Some(first))
}

/// The measures of a trace; `None` when its frequencies or its length rule a key out.
fn measure(plane: &[f32], rate_hz: f64, omega: [f64; 2], seed: &Seed, trace: Trace) -> Option<Evidence> {
    let Trace { start, end, lead_in, fade, fits } = trace;
    let rough = [0, 1].map(|t| median(fits.iter().map(|f| f.omega[t] / omega[t] - 1.0)).abs());
    if ((end - start) as f64) < MIN_LEN_S * rate_hz || rough[0].max(rough[1]) > MOST_ROUGH_DEVIATION {
        return None;
    }
    let inside: Vec<Fit> = pieces(plane, rate_hz, start, end, &fits);
    let (first, last) = (inside.first()?, inside.last()?);
    let deviation = [0, 1].map(|t| median(inside.iter().map(|f| f.omega[t] / omega[t] - 1.0)));
    let drift = inside
        .windows(2)
        .flat_map(|w| [0, 1].map(|t| (w[1].omega[t] / w[0].omega[t] - 1.0).abs()))
        .fold(0.0, f64::max);
    let mean = |t: usize| median(inside.iter().map(|f| f.amplitude(t)));
    let (row, column) = (mean(0), mean(1));
    let band = Band::of(plane, rate_hz, &inside, end);
    let tone_power = row * row / 2.0 + column * column / 2.0;
    let unsteady = [0, 1].map(|t| {
        let all = inside.iter().map(|f| f.amplitude(t));
        all.clone().fold(0.0, f64::max) / all.fold(f64::MAX, f64::min).max(1e-9)
    });
    let outside = [before(plane, rate_hz, start, first), after(plane, rate_hz, end, last)];
    Some(Evidence {
        digit: seed.digit,
        span: Span::new(start as u64, end as u64),
        outer: guarded(rate_hz, (start, lead_in), (end, fade), plane.len()),
        len_s: (end - start) as f64 / rate_hz,
        hits: seed.hits,
        weight: f64::from(seed.weight),
        deviation,
        drift,
        share: band.energies.share(),
        band_share: tone_power / (tone_power + band.power),
        rival: band.peak / (row.min(column).powi(2) / 2.0).max(1e-12),
        twist_db: 20.0 * (column / row).log10(),
        unsteady: unsteady[0].max(unsteady[1]),
        outside: outside.into_iter().flatten().fold(0.0, f64::max),
        amplitude: row.min(column),
    })
}

/// What a span is wider than the tone that was measured, a side: an edge is
/// good to a millisecond or two in noise, and a line rings.
const GUARD_S: f64 = 0.0018;
/// Most of it after a tone: a release of 5 ms crosses half its amplitude, where the edge is, 2.5 ms before it ends.
const MOST_RELEASE_S: f64 = 0.0028;

fn guarded(
    rate_hz: f64,
    (start, lead_in): (usize, usize),
    (end, fade): (usize, usize),
    frames: usize,
) -> Span {
    let guard = (GUARD_S * rate_hz) as usize;
    // A faint onset was followed by a window that looked beyond it already.
    let before = guard.max(lead_in + guard / 2);
    let after = (fade + guard).min((MOST_RELEASE_S * rate_hz) as usize);
    Span::new(start.saturating_sub(before) as u64, (end + after).min(frames) as u64)
}

/// What one tone's presence is asked of, and by how much the question moves on.
const ASKED_S: f64 = 0.010;
const ASKED_STEP_S: f64 = 0.002;
/// Farther than this no voice hides an edge.
const MOST_REACH_S: f64 = 0.12;
/// Of its amplitude: at an edge, half of the stretch still holds the tone.
const PRESENT: f64 = 0.57;

/// How far one of its tones, the row (0) or the column (1), sounds on by itself,
/// where a voice hid the other and with it the edges: the outer span, widened.
pub fn reach(plane: &[f32], rate_hz: f64, e: &Evidence, tone: usize) -> Span {
    let frames = |s: f64| (s * rate_hz) as usize;
    let (asked, step) = (frames(ASKED_S), frames(ASKED_STEP_S).max(1));
    let omega = nominal(e.digit, rate_hz)[tone] * (1.0 + e.deviation[tone]);
    let amplitude = 10f64.powf(e.levels_db()[tone] / 20.0);
    let sounds = |from: Option<usize>| {
        let stretch = from.and_then(|from| plane.get(from..from + asked));
        stretch.is_some_and(|x| level_of(x, omega) > PRESENT * amplitude)
    };
    // The stretch lies across the edge, so that its middle is where the tone ends.
    let steps = frames(MOST_REACH_S) / step;
    let (start, end) = (e.span.start as usize, e.span.end as usize);
    let before = (1..steps).take_while(|n| sounds(start.checked_sub(n * step + asked / 2))).count();
    let after = (1..steps).take_while(|n| sounds((end + n * step).checked_sub(asked / 2))).count();
    let guard = frames(GUARD_S);
    let widened = |n: usize| if n == 0 { 0 } else { n * step + guard };
    let (start, end) = (start.saturating_sub(widened(before)), (end + widened(after)).min(plane.len()));
    Span::new(e.outer.start.min(start as u64), e.outer.end.max(end as u64))
}

/// What both tones' presence is asked of behind a slip, how the question moves
/// on, and how many moves the slip itself may take.
const PIECE_S: f64 = 0.006;
const PIECE_STEP_S: f64 = 0.0015;
const SLIP_STEPS: usize = 4;
/// Of each tone's amplitude: a window that lies half in the tone is below it.
const PIECE_PRESENT: f64 = 0.7;

/// Of the tones' share of all energy: a voice that bends both levels does not have it.
const PIECE_SHARE: f64 = 0.8;

/// The outer span, widened by what is left of the key behind samples that a
/// line dropped or repeated near its edge: the phase jumps there, the tones go on.
pub fn beyond_slips(plane: &[f32], rate_hz: f64, e: &Evidence) -> Span {
    let frames = |s: f64| (s * rate_hz) as usize;
    let (piece, step) = (frames(PIECE_S), frames(PIECE_STEP_S).max(1));
    let most = frames(MOST_REACH_S) / step;
    let levels_db = e.levels_db();
    let sounds = |from: Option<usize>| {
        let stretch = from.and_then(|from| plane.get(from..from + piece));
        stretch.is_some_and(|x| {
            let levels = [0, 1].map(|t| level_of(x, nominal(e.digit, rate_hz)[t] * (1.0 + e.deviation[t])));
            let power = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / x.len() as f64;
            let share = (levels[0].powi(2) + levels[1].powi(2)) / 2.0 / power.max(1e-12);
            let is_loud = |t: usize| levels[t] > PIECE_PRESENT * 10f64.powf(levels_db[t] / 20.0);
            share > PIECE_SHARE * e.share && is_loud(0) && is_loud(1)
        })
    };
    // Steps outward to the last piece that sounds, with no silence longer than a slip before it.
    let last = |at: &dyn Fn(usize) -> Option<usize>| {
        let (mut last, mut n) = (None, 0);
        while n <= last.map_or(SLIP_STEPS, |last: usize| last + SLIP_STEPS) && n < most {
            if sounds(at(n)) {
                last = Some(n);
            }
            n += 1;
        }
        last
    };
    let (start, end) = (e.span.start as usize, e.span.end as usize);
    let guard = frames(GUARD_S);
    let before = last(&|n| start.checked_sub(n * step + piece)).map_or(0, |n| n * step + piece + guard);
    let after = last(&|n| Some(end + n * step)).map_or(0, |n| n * step + piece + guard);
    Span::new(
        e.outer.start.min(start.saturating_sub(before) as u64),
        e.outer.end.max((end + after).min(plane.len()) as u64),
    )
}

/// The amplitude of one frequency in `x`.
fn level_of(x: &[f32], omega: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (k, v) in x.iter().enumerate() {
        let (sin, cos) = (omega * k as f64).sin_cos();
        (re, im) = (re + f64::from(*v) * cos, im + f64::from(*v) * sin);
    }
    re.hypot(im) * 2.0 / x.len().max(1) as f64
}

/// Fits of equal stretches of about 16 ms from edge to edge.
fn pieces(plane: &[f32], rate_hz: f64, start: usize, end: usize, fits: &[Fit]) -> Vec<Fit> {
    let count = (((end - start) as f64 / rate_hz / 0.016).round() as usize).max(1);
    (0..count)
        .filter_map(|n| {
            let (a, b) = (start + n * (end - start) / count, start + (n + 1) * (end - start) / count);
            let near = fits.iter().min_by_key(|f| f.origin.abs_diff((a + b) / 2))?;
            Fit::near(plane, a, b, near.omega)
        })
        .collect()
}

/// Each tone's power in the 12 ms that end 3 ms before `start`, over its power inside.
fn before(plane: &[f32], rate_hz: f64, start: usize, fit: &Fit) -> [f64; 2] {
    let gap = (0.003 * rate_hz) as usize;
    let to = start.saturating_sub(gap);
    level(plane, to.saturating_sub(4 * gap), to, fit)
}

fn after(plane: &[f32], rate_hz: f64, end: usize, fit: &Fit) -> [f64; 2] {
    let gap = (0.003 * rate_hz) as usize;
    let from = (end + gap).min(plane.len());
    level(plane, from, (from + 4 * gap).min(plane.len()), fit)
}

fn level(plane: &[f32], from: usize, to: usize, fit: &Fit) -> [f64; 2] {
    if to < from + 8 {
        return [0.0; 2];
    }
    fit.levels(&plane[from..to]).map(|level| level * level)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut v: Vec<f64> = values.collect();
    v.sort_unstable_by(f64::total_cmp);
    v.get(v.len() / 2).copied().unwrap_or(0.0)
}
