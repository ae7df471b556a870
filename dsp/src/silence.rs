//! Where a recording is quiet: for cutting it, for sending only what is said,
//! and for ending a mute between two words rather than in one.

use crate::audio::Rate;

/// Seconds of one level.
const STEP_S: f64 = 0.01;
/// A pause between words is this long at least; shorter is inside one (a plosive's closure takes up to 0.1 s, but is
/// followed by the rest of its word, which lies inside the padding).
const LEAST_S: f64 = 0.04;
/// How far up from the noise floor to speech, in decibels, is still quiet.
const SHARE: f32 = 0.3;
/// The same for what is not even listened to, and the most that it may be
/// (−56 dBFS): a voice at the far end of a bad line is louder.
const FAINT_SHARE: f32 = 0.12;
const FAINT: f32 = 0.0016;
/// Quieter than this is quiet whatever else there is (−66 dBFS).
const FLOOR: f32 = 0.0005;

/// The levels of a recording and the line below which it is quiet.
#[derive(Clone, Debug, Default)]
pub struct Silence {
    levels: Vec<f32>,
    line: f32,
    /// Below this it is quiet for whoever decides not to listen at all.
    faint: f32,
}

impl Silence {
    /// Measures `plane`.
    pub fn of(plane: &[f32], rate: Rate) -> Silence {
        let step = ((STEP_S * f64::from(rate.hz())) as usize).max(1);
        let levels: Vec<f32> = plane
            .chunks(step)
            .map(|c| (c.iter().map(|s| s * s).sum::<f32>() / c.len() as f32).sqrt())
            .collect();
        let mut sorted = levels.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let at = |share: f64| {
            sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(0.0).max(FLOOR / 4.0)
        };
        let (low, high) = (at(0.1), at(0.9).max(FLOOR));
        let line = low * (high / low).max(1.0).powf(SHARE);
        let faint = (low * (high / low).max(1.0).powf(FAINT_SHARE)).clamp(FLOOR / 4.0, FAINT);
        Silence { levels, line: line.max(FLOOR), faint }
    }

    fn quiet(&self, step: usize) -> bool {
        self.levels.get(step).is_none_or(|l| *l < self.line)
    }

    /// Is it quiet for [`LEAST_S`] from this step on?
    fn pause(&self, step: usize) -> bool {
        (step..step + (LEAST_S / STEP_S) as usize).all(|s| self.quiet(s))
    }

    /// The latest moment up to `at_s`, and at most `reach_s` before it, at
    /// which a pause ends; `at_s` itself where there is none.
    pub fn before(&self, at_s: f64, reach_s: f64) -> f64 {
        let least = (LEAST_S / STEP_S) as usize;
        let from = (at_s / STEP_S) as usize;
        let to = ((at_s - reach_s).max(0.0) / STEP_S) as usize;
        let found = (to..=from).rev().find(|s| *s >= least && self.pause(s - least) || *s == 0);
        found.map_or(at_s, |s| (s as f64 * STEP_S).min(at_s))
    }

    /// The first moment from `at_s` on, and at most `reach_s` after it, at
    /// which a pause begins; `at_s` itself where there is none.
    pub fn after(&self, at_s: f64, reach_s: f64) -> f64 {
        let from = (at_s / STEP_S).ceil() as usize;
        let to = ((at_s + reach_s) / STEP_S) as usize;
        (from..=to).find(|s| self.pause(*s)).map_or(at_s, |s| (s as f64 * STEP_S).max(at_s))
    }

    /// Where the first sound of `least_s` or more begins, between two moments. It counts as far as it lies
    /// between them.
    pub fn first_sound(&self, from_s: f64, to_s: f64, least_s: f64) -> Option<f64> {
        let mut steps = self.steps(from_s, to_s);
        let least = ((least_s / STEP_S) as usize).max(1);
        let first =
            steps.find(|s| (*s..s + least).all(|s| !self.quiet(s)) && (s + least) as f64 * STEP_S <= to_s)?;
        Some((first as f64 * STEP_S).max(from_s))
    }

    /// Where the last sound of `least_s` or more ends, between two moments.
    pub fn last_sound(&self, from_s: f64, to_s: f64, least_s: f64) -> Option<f64> {
        let least = ((least_s / STEP_S) as usize).max(1);
        let steps = self.steps(from_s, to_s);
        let first = steps.start;
        let last =
            steps.rev().find(|s| *s + 1 >= first + least && (s + 1 - least..=*s).all(|s| !self.quiet(s)))?;
        Some(((last + 1) as f64 * STEP_S).min(to_s))
    }

    /// The steps that lie between two moments; none where these are absurd.
    fn steps(&self, from_s: f64, to_s: f64) -> std::ops::Range<usize> {
        let inside = |t: f64| (t / STEP_S).clamp(0.0, self.levels.len() as f64);
        let (from, to) = (inside(from_s).floor(), inside(to_s).ceil());
        from as usize..if to > from { to as usize } else { from as usize }
    }

    /// Is there nothing to hear from `from_s` to `to_s`? False where times are absurd.
    pub fn holds(&self, from_s: f64, to_s: f64) -> bool {
        let (from, to) = ((from_s / STEP_S).floor(), (to_s / STEP_S).ceil());
        if !(from >= 0.0 && to > from && to <= self.levels.len() as f64) {
            return false;
        }
        self.levels[from as usize..to as usize].iter().all(|l| *l < self.faint)
    }

    /// What is not quiet, in seconds: stretches apart by `gap_s` or more, each
    /// with `margin_s` around it.
    pub fn islands(&self, gap_s: f64, margin_s: f64) -> Vec<(f64, f64)> {
        let end_s = self.levels.len() as f64 * STEP_S;
        let mut out: Vec<(f64, f64)> = Vec::new();
        for step in (0..self.levels.len()).filter(|s| self.levels[*s] >= self.faint) {
            let (a, b) = (step as f64 * STEP_S - margin_s, (step + 1) as f64 * STEP_S + margin_s);
            match out.last_mut() {
                Some(last) if a <= last.1 + (gap_s - 2.0 * margin_s).max(0.0) => last.1 = b,
                _ => out.push((a, b)),
            }
        }
        out.into_iter().map(|(a, b)| (a.max(0.0), b.min(end_s))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Seconds of a loud tone or of faint hiss.
    fn plane(parts: &[(f64, bool)]) -> Vec<f32> {
        let mut out: Vec<f32> = Vec::new();
        for (seconds, loud) in parts {
            let amplitude = if *loud { 0.2 } else { 0.001 };
            let from = out.len();
            out.extend((0..(seconds * 8e3) as usize).map(|k| amplitude * ((from + k) as f32 * 0.7).sin()));
        }
        out
    }

    #[test]
    fn an_edge_in_a_word_moves_out_to_the_pause_beside_it() {
        let silence = Silence::of(&plane(&[(1.0, false), (1.0, true), (1.0, false)]), Rate::NARROW_BAND);
        assert!((silence.before(1.3, 0.5) - 1.0).abs() < 0.021);
        assert!((silence.after(1.7, 0.5) - 2.0).abs() < 0.021);
        // Already in a pause, or none near: as it was.
        assert_eq!((silence.before(0.5, 0.5), silence.after(2.5, 0.5)), (0.5, 2.5));
        assert_eq!(silence.before(1.8, 0.3), 1.8);
    }

    #[test]
    fn islands_are_what_is_said() {
        let silence = Silence::of(
            &plane(&[(3.0, false), (1.0, true), (0.3, false), (1.0, true), (4.0, false)]),
            Rate::NARROW_BAND,
        );
        let islands = silence.islands(1.0, 0.2);
        assert_eq!(islands.len(), 1);
        assert!((islands[0].0 - 2.8).abs() < 0.02 && (islands[0].1 - 5.5).abs() < 0.02, "{islands:?}");
    }

    proptest! {
        #[test]
        fn an_edge_moves_outward_alone_and_no_further_than_its_reach(
            plane in prop::collection::vec(-1f32..1.0, 0..9_000), at_s in 0f64..1.2, reach_s in 0f64..0.6,
        ) {
            let silence = Silence::of(&plane, Rate::NARROW_BAND);
            let (before, after) = (silence.before(at_s, reach_s), silence.after(at_s, reach_s));
            prop_assert!(before <= at_s && before >= at_s - reach_s - 0.011);
            prop_assert!(after >= at_s && after <= at_s + reach_s + 0.011);
            for (a, b) in silence.islands(0.5, 0.1) {
                prop_assert!(0.0 <= a && a < b && b <= plane.len() as f64 / 8e3 + 0.01);
            }
        }
    }
}
