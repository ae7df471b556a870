//! A kit for tone receivers, built from the standards' limits (ITU-T Q.24,
//! ETSI ES 201 235-3) and from what a redactor meets beyond them. Each case is
//! audio with the truth beside it; the score asks for digits, edges and cover.

#![allow(dead_code, reason = "the tests and the example each use a part")]

pub mod cases;
pub mod codecs;
pub mod negatives;
pub mod score;
pub mod signal;
pub mod songs;
pub mod voices;

use score::Found;
use unsaid_dsp::{Rate, dtmf};

/// One keyed tone that is really there.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    pub digit: char,
    /// In frames.
    pub start: usize,
    pub end: usize,
    /// A receiver must find it; otherwise it may.
    pub must: bool,
}

/// One signal.
#[derive(Clone)]
pub struct Case {
    pub category: &'static str,
    pub condition: String,
    pub rate: u32,
    pub plane: Vec<f32>,
    pub truths: Vec<Truth>,
}

/// What unsaid finds in a case.
pub fn detect(case: &Case) -> Vec<Found> {
    let rate = Rate::new(case.rate).expect("a rate");
    let tones = dtmf::detect(&case.plane, rate);
    tones
        .iter()
        .map(|t| Found { digit: t.digit.symbol(), start: t.span.start as usize, end: t.span.end as usize })
        .collect()
}
