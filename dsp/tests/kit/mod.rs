//! A kit for tone receivers, built from the standards' limits (ITU-T Q.24,
//! ETSI ES 201 235-3) and from what a redactor meets beyond them. Each case is
//! audio with the truth beside it; the score asks for digits, edges and cover.

#![allow(dead_code, reason = "the tests and the example each use a part")]

pub mod cases;
pub mod codecs;
pub mod negatives;
pub mod score;
pub mod signal;
pub mod voices;

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
