//! The units: a frame is one instant of all channels, a span a half-open range of frames.

/// Sample frames per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u32);

impl Rate {
    /// 8 kHz, the rate of every narrow-band telephone codec (ITU-T G.711).
    pub const NARROW_BAND: Rate = Rate(8_000);
    /// 16 kHz, what speech engines take.
    pub const SPEECH: Rate = Rate(16_000);

    /// A rate in hertz; `None` outside 1 kHz to 768 kHz, where a header is lying.
    pub fn new(hz: u32) -> Option<Rate> {
        (1_000..=768_000).contains(&hz).then_some(Rate(hz))
    }

    pub fn hz(self) -> u32 {
        self.0
    }

    /// The length of `frames` in seconds.
    pub fn seconds(self, frames: u64) -> f64 {
        frames as f64 / f64::from(self.0)
    }

    /// The first frame at or after `at_s`; negative and NaN times are the first frame.
    pub fn frame_at(self, at_s: f64) -> u64 {
        // Times come rounded to micro-seconds at best, so 1.1 s × 8000 = 8800.000000000002
        // is frame 8800, not 8801.
        let exact = at_s * f64::from(self.0);
        let near = exact.round();
        let frame = if (exact - near).abs() < 1e-6 { near } else { exact.ceil() };
        if frame > 0.0 { frame as u64 } else { 0 }
    }
}

/// A half-open range of frames, `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub start: u64,
    pub end: u64,
}

impl Span {
    pub fn new(start: u64, end: u64) -> Span {
        Span { start, end: end.max(start) }
    }

    /// Frame k is inside `[start_s, end_s)` when `start_s ≤ k/rate < end_s`.
    pub fn from_seconds(start_s: f64, end_s: f64, rate: Rate) -> Span {
        Span::new(rate.frame_at(start_s), rate.frame_at(end_s))
    }

    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// The part of the span that lies in a file of `frames`.
    pub fn clamp(&self, frames: u64) -> Span {
        Span::new(self.start.min(frames), self.end.min(frames))
    }
}

/// Sorted, disjoint, non-empty spans that cover exactly the union of `spans` within `frames`.
pub fn merge(spans: &[Span], frames: u64) -> Vec<Span> {
    let mut sorted: Vec<Span> = spans.iter().map(|s| s.clamp(frames)).filter(|s| !s.is_empty()).collect();
    sorted.sort_unstable();
    let mut out: Vec<Span> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match out.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => out.push(span),
        }
    }
    out
}

/// Decoded audio: one plane of samples in ±1 per channel, all of one length.
///
/// Its `Debug` tells shape, never samples.
#[derive(Clone)]
pub struct Samples {
    pub rate: Rate,
    pub planes: Vec<Vec<f32>>,
}

impl Samples {
    /// Frames a channel.
    pub fn frames(&self) -> usize {
        self.planes.first().map_or(0, Vec::len)
    }

    /// All channels averaged into one plane.
    pub fn mono(&self) -> Vec<f32> {
        match self.planes.as_slice() {
            [] => Vec::new(),
            [one] => one.clone(),
            many => {
                let scale = 1.0 / many.len() as f32;
                (0..self.frames()).map(|i| many.iter().map(|p| p[i]).sum::<f32>() * scale).collect()
            }
        }
    }
}

impl std::fmt::Debug for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Samples({} ch × {} @ {} Hz)", self.planes.len(), self.frames(), self.rate.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frame_k_is_inside_when_start_is_at_or_before_it_and_end_after_it() {
        let rate = Rate(8_000);
        assert_eq!(Span::from_seconds(1.0, 1.5, rate), Span::new(8_000, 12_000));
        assert_eq!(Span::from_seconds(1.1, 1.100_06, rate), Span::new(8_800, 8_801));
        assert_eq!(Span::from_seconds(-4.0, 0.000_1, rate), Span::new(0, 1));
        assert!(Span::from_seconds(2.0, 1.0, rate).is_empty());
        assert!(Span::from_seconds(f64::NAN, f64::NAN, rate).is_empty());
    }

    proptest! {
        #[test]
        fn merged_spans_cover_the_same_frames(
            raw in prop::collection::vec((0u64..300, 0u64..300), 0..12), frames in 0u64..250,
        ) {
            let spans: Vec<Span> = raw.iter().map(|&(a, b)| Span::new(a, b)).collect();
            let merged = merge(&spans, frames);
            for k in 0..300 {
                let wanted = k < frames && spans.iter().any(|s| (s.start..s.end).contains(&k));
                prop_assert_eq!(merged.iter().any(|s| (s.start..s.end).contains(&k)), wanted);
            }
            prop_assert!(merged.windows(2).all(|w| w[0].end < w[1].start));
        }
    }
}
