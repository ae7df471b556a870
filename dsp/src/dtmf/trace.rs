//! The fine pass: from a seed outward, the fitted tones are carried on for as
//! long as they explain the audio. Where they stop is the edge.
//!
//! With `m` the tones and `x` the audio, `x² − (x − m)²` adds up to `+m²` a
//! sample inside the tone and to `−m²` outside, whatever else sounds there: the
//! largest sum from the middle outward is the most likely edge (a change point
//! in white noise), good to a sample or two.

use super::band::Band;
use super::fit::Fit;

/// Stretch that one fit covers.
const STRETCH_S: f64 = 0.016;
/// How far a fit is carried on beyond its stretch before the next one is made.
const REACH_S: f64 = 0.012;

/// Most that another component of the tones' band may have over the weaker
/// tone (power) in the middle of a key.
const MOST_RIVAL: f64 = 4.0;
/// Amplitude of a fading tone over that inside, down to which the fade is followed.
const TAIL_LEVEL: f64 = 0.08;
/// Milliseconds, roughly, for which it is: a key's release, and the subframe of
/// 5 ms in which a codec such as GSM 6.10 or G.723.1 begins a tone faintly.
const RELEASE_STEPS: usize = 2;
const ONSET_STEPS: usize = 6;

/// The tone around a seed: where, and the fits along it in order.
pub struct Trace {
    pub start: usize,
    pub end: usize,
    /// Samples before `start` and after `end` in which the tone still fades.
    pub lead_in: usize,
    pub fade: usize,
    pub fits: Vec<Fit>,
}

/// Traces the tone that fills most of `plane[from..to]`; with `bridge` across
/// gaps of up to 12 ms too.
pub fn trace(
    plane: &[f32],
    rate_hz: f64,
    (from, to): (usize, usize),
    omega: [f64; 2],
    bridge: bool,
) -> Option<Trace> {
    let stretch = (STRETCH_S * rate_hz) as usize;
    let reach = (REACH_S * rate_hz) as usize;
    let rough = Fit::rough(plane, from, to, omega)?;
    if !is_plausible(&rough, omega) {
        return None;
    }
    let middle = Fit::near(plane, from, to, rough.omega)?;
    if Band::of(plane, rate_hz, &[middle], to).rival(&middle) > MOST_RIVAL {
        return None;
    }
    let mut walk = Walk { plane, stretch, reach, bridge, fits: vec![middle] };
    let start = walk.left(&middle, from, to);
    walk.fits.reverse();
    let end = walk.right(&middle, to, start);
    let mut traced = Trace { start, end: end.max(start), lead_in: 0, fade: 0, fits: walk.fits };
    traced.sharpen(plane, stretch, reach);
    Some(traced)
}

/// Most seeds in speech end here: the two components that stood out are not
/// where the tones are, or one is far below the other.
fn is_plausible(fit: &Fit, omega: [f64; 2]) -> bool {
    let twist = fit.amplitude(1) / fit.amplitude(0);
    (0..2).all(|t| (fit.omega[t] / omega[t] - 1.0).abs() < 0.03) && (0.18..5.6).contains(&twist)
}

/// The way outward, with the fits made so far.
struct Walk<'a> {
    plane: &'a [f32],
    stretch: usize,
    reach: usize,
    bridge: bool,
    fits: Vec<Fit>,
}

impl Walk<'_> {
    fn left(&mut self, middle: &Fit, from: usize, to: usize) -> usize {
        let (mut start, mut fit) = (from, *middle);
        loop {
            let limit = start.saturating_sub(self.reach);
            let edge = edge_left(self.plane, &fit, limit, (start + self.stretch / 2).min(to));
            let advanced = edge + self.reach / 3 < start;
            start = edge;
            let next = match advanced {
                true => self.fit(start, &fit, false).map(|next| (start, next)),
                false => self.beyond(start, &fit, |at, gap| at.checked_sub(gap + self.stretch)),
            };
            let Some((at, next)) = next else { return start };
            self.fits.push(next);
            (start, fit) = (at, next);
        }
    }

    fn right(&mut self, middle: &Fit, to: usize, start: usize) -> usize {
        let (mut end, mut fit) = (to, *middle);
        loop {
            let limit = (end + self.reach).min(self.plane.len());
            let edge = edge_right(self.plane, &fit, end.saturating_sub(self.stretch / 2).max(start), limit);
            let advanced = edge > end + self.reach / 3;
            end = edge;
            let next = match advanced {
                true => self.fit(end.saturating_sub(self.stretch), &fit, false).map(|next| (end, next)),
                false => {
                    let whole = |at: usize| (at + self.stretch <= self.plane.len()).then_some(at);
                    let beyond = self.beyond(end, &fit, |at, gap| whole(at + gap));
                    beyond.map(|(at, next)| (at + self.stretch, next))
                }
            };
            let Some((at, next)) = next else { return end };
            self.fits.push(next);
            (end, fit) = (at, next);
        }
    }

    /// The fit of the stretch that begins `at`, when it goes on from `fit`.
    fn fit(&self, at: usize, fit: &Fit, strict: bool) -> Option<Fit> {
        let next = Fit::near(self.plane, at, (at + self.stretch).min(self.plane.len()), fit.omega)?;
        let goes_on = continues(fit, &next, strict) && (!strict || self.share(&next) > 0.6 * self.share(fit));
        goes_on.then_some(next)
    }

    fn share(&self, fit: &Fit) -> f64 {
        let from = fit.origin - fit.frames / 2;
        fit.rest(&self.plane[from..(from + fit.frames).min(self.plane.len())], from).1.share()
    }

    /// The same tone on the far side of a gap (lost packets, a slip, a loud
    /// syllable): where that stretch begins, and its fit.
    fn beyond(
        &self,
        at: usize,
        fit: &Fit,
        place: impl Fn(usize, usize) -> Option<usize>,
    ) -> Option<(usize, Fit)> {
        let (step, tries) = (self.reach / 4, if self.bridge { 4 } else { 0 });
        (1..=tries)
            .filter_map(|n| place(at, n * step))
            .find_map(|from| Some((from, self.fit(from, fit, true)?)))
    }
}

/// The next stretch still holds the same two tones. `strict` across a gap,
/// where no edge has vouched for it.
fn continues(fit: &Fit, next: &Fit, strict: bool) -> bool {
    let (least, most, drift) = if strict { (0.6, 1.6, 0.012) } else { (0.3, 10.0, 0.04) };
    (0..2).all(|t| {
        let (a, b) = (fit.amplitude(t), next.amplitude(t));
        b > least * a && b < most * a && (fit.omega[t] / next.omega[t] - 1.0).abs() < drift
    })
}

impl Trace {
    /// Once more from a fit of the tone's own first and last stretch, and then
    /// over what a key's release or a codec's smear leaves of it.
    fn sharpen(&mut self, plane: &[f32], stretch: usize, reach: usize) {
        let (Some(first), Some(last)) = (self.fits.first().copied(), self.fits.last().copied()) else {
            return;
        };
        let to = (self.start + stretch).min(self.end);
        if let Some(fit) = Fit::near(plane, self.start, to, first.omega) {
            self.start = edge_left(plane, &fit, self.start.saturating_sub(reach), (self.start + to) / 2);
            self.lead_in = tail(&fit, reach / 4, ONSET_STEPS, |n, len| {
                let to = self.start.checked_sub(n)?;
                plane.get(to.checked_sub(len)?..to)
            });
        }
        let from = self.end.saturating_sub(stretch).max(self.start);
        if let Some(fit) = Fit::near(plane, from, self.end, last.omega) {
            self.end = edge_right(plane, &fit, (from + self.end) / 2, (self.end + reach).min(plane.len()));
            self.fade =
                tail(&fit, reach / 4, RELEASE_STEPS, |n, len| plane.get(self.end + n..self.end + n + len));
        }
    }
}

/// Samples beyond an edge in which both tones fade out: in windows of `len`
/// they stand above a tenth of their amplitude and above what is there
/// farther off. `outward(n, len)` is the window that begins n samples beyond.
fn tail<'a>(
    fit: &Fit,
    len: usize,
    steps: usize,
    outward: impl Fn(usize, usize) -> Option<&'a [f32]>,
) -> usize {
    let level = |n: usize| outward(n, len).map_or([0.0; 2], |x| fit.levels(x));
    let far = level(3 * len);
    let sounds = |n: usize| {
        let near = level(n);
        (0..2).all(|t| near[t] > TAIL_LEVEL && near[t] > 3.0 * far[t])
    };
    let step = (len / 3).max(1);
    (0..steps).take_while(|k| sounds(k * step)).count() * step
}

/// The sample in `limit..=from` from which on `fit` explains the audio up to `from`.
fn edge_left(plane: &[f32], fit: &Fit, limit: usize, from: usize) -> usize {
    let x = &plane[limit..from];
    let model = fit.model(limit, x.len());
    let (mut sum, mut best, mut at) = (0f32, 0f32, from);
    for (k, (x, m)) in x.iter().zip(&model).enumerate().rev() {
        sum += gain(x - fit.constant() as f32, *m);
        if sum > best {
            (best, at) = (sum, limit + k);
        }
    }
    at
}

/// The sample in `from..=limit` up to which `fit` explains the audio from `from` on.
fn edge_right(plane: &[f32], fit: &Fit, from: usize, limit: usize) -> usize {
    let x = &plane[from..limit];
    let model = fit.model(from, x.len());
    let (mut sum, mut best, mut at) = (0f32, 0f32, from);
    for (k, (x, m)) in x.iter().zip(&model).enumerate() {
        sum += gain(x - fit.constant() as f32, *m);
        if sum > best {
            (best, at) = (sum, from + k + 1);
        }
    }
    at
}

fn gain(x: f32, m: f32) -> f32 {
    2.0 * x * m - m * m
}
