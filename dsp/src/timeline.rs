//! Where the parts of a recording lie in time, and what of it is left out.
//!
//! A jingle of 44.1 kHz in stereo before a call of 8 kHz in mono is one
//! recording: it has the largest rate and number of channels of its parts. A
//! span goes back to each part's own frames, rounded outward.
//!
//! What a player leaves out because a tag says so (an encoder's delay and
//! padding) lies on the whole line too, as a cut: it is listened to, and goes
//! silent with what stands beside it.

use crate::audio::{Rate, Span, merge};

/// How far outward a span goes in a part that is brought to a larger rate, in
/// the part's frames: no sample of the span is then made of one that sounds.
pub const MARGIN: u64 = 9;

/// A stretch of a file in one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub rate: Rate,
    pub channels: u16,
    /// Its length, in its own frames.
    pub frames: u64,
}

/// A part and where it lies on the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Placed {
    part: Part,
    span: Span,
}

/// The time line of a file's parts, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    rate: Rate,
    slowest: Rate,
    channels: u16,
    placed: Vec<Placed>,
}

impl Timeline {
    /// Lays `parts` one behind the other; `None` where there is none.
    pub fn of(parts: &[Part]) -> Option<Timeline> {
        let rate = parts.iter().map(|p| p.rate).max()?;
        let slowest = parts.iter().map(|p| p.rate).min()?;
        let channels = parts.iter().map(|p| p.channels).max()?;
        let mut at = 0u64;
        let placed = parts.iter().map(|part| {
            let frames = scaled(part.frames, rate, part.rate, true);
            let span = Span::new(at, at + frames);
            at = span.end;
            Placed { part: *part, span }
        });
        Some(Timeline { rate, slowest, channels, placed: placed.collect() })
    }

    /// The largest rate of the parts: the time line's own.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// The smallest rate of the parts.
    pub fn slowest(&self) -> Rate {
        self.slowest
    }

    /// The largest number of channels of the parts.
    pub fn channels(&self) -> u16 {
        self.channels
    }

    /// Frames of the time line.
    pub fn frames(&self) -> u64 {
        self.placed.last().map_or(0, |p| p.span.end)
    }

    /// Where part `n` lies on the time line; an empty span behind its end for a part that is not there.
    pub fn span_of(&self, n: usize) -> Span {
        self.placed.get(n).map_or(Span::new(self.frames(), self.frames()), |p| p.span)
    }

    /// Part `n`.
    pub fn part(&self, n: usize) -> Option<&Part> {
        self.placed.get(n).map(|p| &p.part)
    }

    /// Frame `frame` of part `n` on the time line, rounded down.
    pub fn place(&self, n: usize, frame: u64) -> u64 {
        let Some(placed) = self.placed.get(n) else { return self.frames() };
        let at =
            placed.span.start + scaled(frame.min(placed.part.frames), self.rate, placed.part.rate, false);
        at.min(placed.span.end)
    }

    /// The frames of each part that must be silent for `span` of the time line
    /// to be silent: outward, inside the part.
    pub fn inside(&self, span: Span) -> impl Iterator<Item = (usize, Span)> + '_ {
        let touched = move |p: &Placed| span.start < p.span.end && p.span.start < span.end;
        self.placed.iter().enumerate().filter(move |(_, p)| touched(p)).map(move |(n, placed)| {
            let from = span.start.max(placed.span.start) - placed.span.start;
            let to = span.end.min(placed.span.end) - placed.span.start;
            (n, self.back(&placed.part, from, to))
        })
    }

    /// Frames `from..to` of a part as it lies on the time line, in the part's own.
    fn back(&self, part: &Part, from: u64, to: u64) -> Span {
        if part.rate == self.rate {
            return Span::clamp(&Span::new(from, to), part.frames);
        }
        let first = scaled(from, part.rate, self.rate, false).saturating_sub(MARGIN);
        let last = scaled(to, part.rate, self.rate, true) + MARGIN;
        Span::clamp(&Span::new(first, last), part.frames)
    }
}

/// `frames` at rate `from` as frames at rate `to`, rounded up or down.
fn scaled(frames: u64, to: Rate, from: Rate, up: bool) -> u64 {
    let (product, by) = (u128::from(frames) * u128::from(to.hz()), u128::from(from.hz()));
    let scaled = if up { product.div_ceil(by) } else { product / by };
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Stretches of a whole line that are not heard by who follows the tags: sorted, disjoint, none empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    cuts: Vec<Span>,
    whole: u64,
}

impl Cuts {
    /// `cuts`, in any order, of a line of `whole` frames. When nothing would be left, nothing is cut.
    pub fn of(cuts: &[Span], whole: u64) -> Cuts {
        let merged = Cuts { cuts: merge(cuts, whole), whole };
        if merged.heard_frames() == 0 { Cuts { cuts: Vec::new(), whole } } else { merged }
    }

    /// Frames that remain.
    pub fn heard_frames(&self) -> u64 {
        self.whole - self.cuts.iter().map(Span::len).sum::<u64>()
    }

    pub fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// What of the whole line belongs to `span` of what is heard: a cut that
    /// lies in it or at its edge goes with it.
    pub fn whole(&self, span: Span) -> Span {
        let (mut start, mut end, mut cut) = (span.start, span.end, 0);
        for c in &self.cuts {
            // Where this cut stands among what is heard.
            let at = c.start - cut;
            cut += c.len();
            if at < span.start {
                start += c.len();
            }
            if at <= span.end {
                end += c.len();
            }
        }
        Span::new(start, end)
    }

    /// Where `span` of the whole line is heard. What lies in a cut alone
    /// stands for the frames beside the cut, so that nothing is ever nowhere.
    pub fn heard(&self, span: Span) -> Span {
        let before = |frame: u64| {
            let cut = |c: &Span| c.end.min(frame).saturating_sub(c.start);
            frame - self.cuts.iter().map(cut).sum::<u64>()
        };
        let (start, end) = (before(span.start), before(span.end));
        if start < end || span.is_empty() {
            return Span::new(start, end);
        }
        Span::clamp(&Span::new(start.saturating_sub(1), end + 1), self.heard_frames())
    }

    /// Drops what is cut from `planes`, a stretch of the whole line that begins at frame `at`.
    pub fn drop_from(&self, at: u64, planes: &mut [Vec<f32>]) {
        let end = at + planes.first().map_or(0, Vec::len) as u64;
        for c in self.cuts.iter().rev().filter(|c| c.start < end && at < c.end) {
            let (from, to) = (c.start.max(at) - at, c.end.min(end) - at);
            planes.iter_mut().for_each(|plane| drop(plane.drain(from as usize..to as usize)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_cut_off_goes_with_what_stands_beside_it() {
        let cuts = Cuts::of(&[Span::new(0, 100), Span::new(900, 1_000)], 1_000);
        assert_eq!(cuts.heard_frames(), 800);
        assert_eq!(cuts.whole(Span::new(0, 10)), Span::new(0, 110));
        assert_eq!(cuts.whole(Span::new(1, 10)), Span::new(101, 110));
        assert_eq!(cuts.whole(Span::new(790, 800)), Span::new(890, 1_000));
        assert_eq!(cuts.whole(Span::new(790, 799)), Span::new(890, 899));
        // A key that sounds in the cut alone is heard at its edge.
        assert_eq!(cuts.heard(Span::new(20, 60)), Span::new(0, 1));
        assert_eq!(cuts.heard(Span::new(950, 990)), Span::new(799, 800));
        assert_eq!(cuts.heard(Span::new(150, 920)), Span::new(50, 800));
    }

    #[test]
    fn cuts_that_would_leave_nothing_are_none() {
        assert!(Cuts::of(&[Span::new(0, 500)], 500).is_empty());
    }

    proptest! {
        #[test]
        fn a_span_there_and_back_holds_itself_and_the_cut_beside_it(
            raw in prop::collection::vec((0u64..300, 1u64..60), 0..5), start in 0u64..300, len in 1u64..80,
        ) {
            let spans: Vec<Span> = raw.iter().map(|(a, n)| Span::new(*a, a + n)).collect();
            let cuts = Cuts::of(&spans, 300);
            let span = Span::clamp(&Span::new(start, start + len), cuts.heard_frames());
            if !span.is_empty() {
                prop_assert_eq!(cuts.heard(cuts.whole(span)), span);
            }
            let mut plane = vec![(0..300).map(|k| k as f32).collect::<Vec<f32>>()];
            cuts.drop_from(0, &mut plane);
            prop_assert_eq!(plane[0].len() as u64, cuts.heard_frames());
            let whole = cuts.whole(span);
            for k in span.start..span.end {
                let frame = plane[0][k as usize] as u64;
                prop_assert!(whole.start <= frame && frame < whole.end);
            }
        }
    }
}
