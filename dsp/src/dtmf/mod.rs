//! Keyed digits (ITU-T Q.23 tones, Q.24 receivers), found offline and from both sides.

mod band;
mod blocks;
mod detector;
mod evidence;
mod fit;
mod front;
mod judge;
pub mod policy;
mod seeds;
mod trace;

pub use detector::Detector;
pub use evidence::Evidence;
pub use policy::Policy;

use crate::audio::{Rate, Span};

/// Row and column frequencies in hertz, Q.23.
const TONES_HZ: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
const SYMBOLS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// A key of the pad. It is a secret: `Debug` says nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digit {
    row: u8,
    column: u8,
}

impl Digit {
    /// The key's symbol, for whoever asked to see it.
    pub fn symbol(self) -> char {
        SYMBOLS[usize::from(self.row & 3)][usize::from(self.column & 3)]
    }
}

impl std::fmt::Debug for Digit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digit")
    }
}

/// One keyed tone and the frames that hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    pub digit: Digit,
    pub span: Span,
}

/// Every key in `plane`, in order. See [`Detector`] for audio that comes in pieces.
pub fn detect(plane: &[f32], rate: Rate) -> Vec<Tone> {
    let mut detector = Detector::new(rate);
    detector.push(plane);
    detector.finish()
}

/// The keys of all channels in order. The same key on two channels at once is
/// one key, which lasts until it has ended on both.
pub fn of_all_channels(mut tones: Vec<Tone>) -> Vec<Tone> {
    tones.sort_by_key(|t| t.span);
    tones.dedup_by(|next, tone| {
        let is_same = next.digit == tone.digit && next.span.start < tone.span.end;
        if is_same {
            tone.span.end = tone.span.end.max(next.span.end);
        }
        is_same
    });
    tones
}

/// Every candidate in `plane`, a key or not, with what speaks for and against
/// it; spans in frames of about 8 kHz (see [`Evidence::span`]).
pub fn examine(plane: &[f32], rate: Rate) -> Vec<Evidence> {
    let front = front::Front::new(rate.hz());
    let rate_hz = front.rate_hz(rate.hz());
    let basis = blocks::Basis::new(rate_hz);
    let mut scratch = blocks::Scratch::default();
    detector::candidates(&front.pass(plane), rate_hz, &basis, &mut scratch, seeds::Look::Whole).collect()
}
