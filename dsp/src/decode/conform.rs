//! Brings the parts of a file that differ in rate or channels to one time
//! line: slower ones are brought up by a windowed sinc, mono stands on every plane.

pub use crate::timeline::{MARGIN, Part, Timeline};

/// Samples of a part that one sample of the time line is made of.
const TAPS: usize = 16;
/// Places between two samples for which the sinc is worked out.
const PHASES: usize = 256;
/// The pass band, as a share of the part's own.
const PASS: f64 = 0.95;

const _: () = assert!(TAPS as u64 / 2 < MARGIN, "a span must reach as far as the taps do");

impl Timeline {
    /// What brings part `n` to the time line's rate and channels.
    pub fn conform(&self, n: usize) -> Option<Conform> {
        let part = self.part(n)?;
        let sinc = if part.rate == self.rate() { None } else { Some(Sinc::new()) };
        Some(Conform {
            from: u64::from(part.rate.hz()),
            to: u64::from(self.rate().hz()),
            channels: usize::from(self.channels()),
            total: self.span_of(n).len(),
            given: 0,
            held_from: 0,
            held: vec![Vec::new(); usize::from(part.channels)],
            sinc,
        })
    }
}

/// The windowed sinc at each phase between two samples.
struct Sinc(Vec<[f32; TAPS]>);

impl Sinc {
    fn new() -> Sinc {
        Sinc((0..=PHASES).map(|p| Sinc::row(p as f64 / PHASES as f64)).collect())
    }

    /// The taps for a place `between` two samples; they sum to 1.
    fn row(between: f64) -> [f32; TAPS] {
        let half = TAPS as f64 / 2.0;
        let tap = |k: usize| {
            let x = k as f64 - (half - 1.0) - between;
            let arch = (std::f64::consts::FRAC_PI_2 * x / half).cos().max(0.0);
            let angle = std::f64::consts::PI * PASS * x;
            let sinc = if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle };
            sinc * arch * arch
        };
        let taps: [f64; TAPS] = std::array::from_fn(tap);
        let sum: f64 = taps.iter().sum();
        taps.map(|t| (t / sum) as f32)
    }

    /// The sample `between` the middle two of `around`.
    fn at(&self, around: &[f32], between: f64) -> f32 {
        let place = between * PHASES as f64;
        let row = (place as usize).min(PHASES - 1);
        let share = (place - row as f64) as f32;
        let dot = |row: &[f32; TAPS]| around.iter().zip(row).map(|(a, b)| a * b).sum::<f32>();
        dot(&self.0[row]) * (1.0 - share) + dot(&self.0[row + 1]) * share
    }
}

/// Brings one part to the time line's rate and channels, stretch by stretch.
pub struct Conform {
    from: u64,
    to: u64,
    channels: usize,
    /// Frames of the time line that the part has, and how many were given.
    total: u64,
    given: u64,
    /// The part's samples that are still needed, and the first one's frame.
    held: Vec<Vec<f32>>,
    held_from: u64,
    sinc: Option<Sinc>,
}

impl Conform {
    /// Turns a stretch of the part into what of the time line it completes;
    /// `last` gives all that is left, so that the part has its length to the frame.
    /// Planes that the stretch lacks are silent.
    pub fn turn(&mut self, planes: &mut Vec<Vec<f32>>, last: bool) {
        let frames = planes.first().map_or(0, Vec::len);
        planes.iter_mut().for_each(|p| p.resize(frames, 0.0));
        planes.resize(self.held.len(), vec![0.0; frames]);
        match self.sinc.take() {
            None => self.same(planes, last),
            Some(sinc) => {
                self.raise(&sinc, planes, last);
                self.sinc = Some(sinc);
            }
        }
        self.given += planes[0].len() as u64;
        // Mono stands on every plane.
        while planes.len() < self.channels {
            planes.push(planes[0].clone());
        }
    }

    fn same(&self, planes: &mut [Vec<f32>], last: bool) {
        let left = (self.total - self.given) as usize;
        for plane in planes {
            plane.truncate(left);
            if last {
                plane.resize(left, 0.0);
            }
        }
    }

    fn raise(&mut self, sinc: &Sinc, planes: &mut [Vec<f32>], last: bool) {
        for (held, plane) in self.held.iter_mut().zip(planes.iter_mut()) {
            if self.held_from == 0 && held.is_empty() {
                // Silence before the first sample, for the taps that reach there.
                held.resize(TAPS / 2, 0.0);
            }
            held.append(plane);
        }
        let known = self.held_from + self.held[0].len() as u64;
        while self.given_with(planes) < self.total {
            let k = self.given_with(planes) * self.from;
            // `held` begins TAPS/2 samples early, so this is the first tap plus one.
            let first = k / self.to + 1;
            if first + TAPS as u64 > known && !last {
                break;
            }
            let between = (k % self.to) as f64 / self.to as f64;
            let at = (first - self.held_from) as usize;
            for (held, plane) in self.held.iter_mut().zip(planes.iter_mut()) {
                if held.len() < at + TAPS {
                    held.resize(at + TAPS, 0.0);
                }
                plane.push(sinc.at(&held[at..at + TAPS], between));
            }
        }
        let used = (self.given_with(planes) * self.from / self.to + 1).saturating_sub(self.held_from);
        let used = (used as usize).min(self.held[0].len());
        self.held.iter_mut().for_each(|held| drop(held.drain(..used)));
        self.held_from += used as u64;
    }

    fn given_with(&self, planes: &[Vec<f32>]) -> u64 {
        self.given + planes.first().map_or(0, Vec::len) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{Rate, Span};
    use proptest::prelude::*;

    fn part(hz: u32, channels: u16, frames: u64) -> Part {
        Part { rate: Rate::new(hz).expect("a rate"), channels, frames }
    }

    fn tone(hz: f64, rate: u32, frames: u64) -> Vec<f32> {
        (0..frames).map(|k| (std::f64::consts::TAU * hz * k as f64 / f64::from(rate)).sin() as f32).collect()
    }

    /// The whole part in pieces of `piece` frames.
    fn turned(line: &Timeline, n: usize, plane: &[f32], piece: usize) -> Vec<Vec<f32>> {
        let mut conform = line.conform(n).expect("a part");
        let mut out = vec![Vec::new(); usize::from(line.channels())];
        let mut add = |mut planes: Vec<Vec<f32>>, last: bool| {
            conform.turn(&mut planes, last);
            out.iter_mut().zip(planes).for_each(|(o, p)| o.extend(p));
        };
        plane.chunks(piece).for_each(|c| add(vec![c.to_vec()], false));
        add(vec![Vec::new()], true);
        out
    }

    #[test]
    fn a_slow_mono_part_is_as_if_it_had_been_made_at_the_larger_rate() {
        let line = Timeline::of(&[part(44_100, 2, 1_000), part(8_000, 1, 8_000)]).expect("a time line");
        assert_eq!((line.rate().hz(), line.slowest().hz(), line.channels()), (44_100, 8_000, 2));
        assert_eq!(line.frames(), 1_000 + 44_100);
        let out = turned(&line, 1, &tone(1_209.0, 8_000, 8_000), 576);
        let want = tone(1_209.0, 44_100, 44_100);
        let worst = (1_000..43_000).map(|k| (out[0][k] - want[k]).abs()).fold(0f32, f32::max);
        assert!(worst < 0.01, "{worst}");
        assert!(out[0] == out[1], "mono stands on both planes");
    }

    proptest! {
        #[test]
        fn a_part_has_its_length_to_the_frame_however_it_is_cut(
            hz in prop::sample::select(vec![8_000u32, 11_025, 22_050, 32_000, 47_999]),
            frames in 0u64..3_000, piece in 1usize..700,
        ) {
            let line = Timeline::of(&[part(hz, 1, frames), part(48_000, 2, 5)]).expect("a time line");
            let plane = tone(300.0, hz, frames);
            let out = turned(&line, 0, &plane, piece);
            prop_assert_eq!(out[0].len() as u64, line.span_of(0).len());
            prop_assert!(out == turned(&line, 0, &plane, usize::MAX));
        }

        #[test]
        fn a_span_that_is_silent_in_its_part_is_silent_on_the_time_line(
            hz in prop::sample::select(vec![8_000u32, 11_025, 44_100, 48_000]),
            start in 0u64..30_000, len in 1u64..9_000,
        ) {
            let line = Timeline::of(&[part(48_000, 2, 700), part(hz, 1, 4_000)]).expect("a time line");
            let span = Span::new(start, start + len);
            let mut plane = vec![0.5f32; 4_000];
            for (n, inside) in line.inside(span) {
                if n == 1 {
                    plane[inside.start as usize..inside.end as usize].fill(0.0);
                }
            }
            let out = turned(&line, 1, &plane, 500);
            let from = line.span_of(1).start;
            for (k, x) in out[0].iter().enumerate() {
                let frame = from + k as u64;
                prop_assert!(!(span.start..span.end).contains(&frame) || *x == 0.0, "{frame}: {x}");
            }
        }
    }
}
