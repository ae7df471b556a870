//! Detections made disjoint, and placed in time.

use super::cues::Marks;
use super::lexicon::class;
use super::text::Text;
use super::{Detection, Ruleset};
use crate::call::{Detector, Reason, Segment, Word};

/// Gaps shorter than this between two spans of one reason are silenced too.
const BRIDGE_S: f64 = 0.4;

/// In order and disjoint: overlapping detections become one, with the reason
/// and the explanation of the one whose reason is more particular.
pub fn disjoint(mut found: Vec<Detection>) -> Vec<Detection> {
    let rank = |d: &Detection| match d.reason {
        Reason::Email => 0,
        Reason::Address if d.why.rule == "street" => 1,
        Reason::Other => 3,
        Reason::Name => 4,
        _ => 2,
    };
    found.sort_by_key(|d| (d.first, std::cmp::Reverse(d.last)));
    let mut out: Vec<Detection> = Vec::with_capacity(found.len());
    for d in found {
        match out.last_mut() {
            Some(last) if d.first <= last.last => {
                if rank(&d) < rank(last) {
                    (last.reason, last.why) = (d.reason, d.why);
                }
                last.last = last.last.max(d.last);
            }
            _ => out.push(d),
        }
    }
    out
}

/// Most sounds between two pieces of one value.
const MAX_SOUNDS: usize = 4;

/// Joins pieces of one reason with nothing but sounds between them: "um",
/// "mm-hmm", "go ahead".
pub fn over_sounds(found: Vec<Detection>, text: &Text, marks: &Marks) -> Vec<Detection> {
    let mut out: Vec<Detection> = Vec::with_capacity(found.len());
    for d in found {
        match out.last_mut() {
            Some(last)
                if last.reason == d.reason
                    && d.first - last.last <= MAX_SOUNDS + 1
                    && (last.last + 1..d.first).all(|i| {
                        marks.infill[i] || text.tokens[i].is(class::NUMBER_JOINT | class::MAIL_JOINT)
                    }) =>
            {
                last.last = d.last;
            }
            _ => out.push(d),
        }
    }
    out
}

/// Where detections lie in the recording: from the first word's start to the
/// last word's end, padded. A time that cannot be (absent, reversed, out of
/// order) is taken from the nearest sound neighbours instead: wider, never
/// narrower.
pub fn place(words: &[Word], detections: &[Detection], rules: &Ruleset, duration_s: f64) -> Vec<Segment> {
    let placed = detections.iter().map(|d| {
        let pad = rules.padding_s(d.reason);
        let start = sound_start(words, d.first);
        let end = sound_end(words, d.last, duration_s);
        let inner = words[d.first..=d.last].iter().filter(|w| is_sound(w));
        let (low, high) = inner.fold((start, end), |(l, h), w| (l.min(w.start_s), h.max(w.end_s)));
        Segment {
            start: (low - pad).max(0.0),
            end: (high + pad).min(duration_s.max(0.0)),
            reason: d.reason,
            detector: Detector::Words,
        }
    });
    bridge(placed.filter(|s| s.end > s.start).collect())
}

fn is_sound(word: &Word) -> bool {
    word.start_s.is_finite() && word.end_s.is_finite() && word.start_s >= 0.0 && word.end_s > word.start_s
}

/// The word's start, or the end of the nearest sound word before it, or the beginning.
fn sound_start(words: &[Word], at: usize) -> f64 {
    if is_sound(&words[at]) {
        return words[at].start_s;
    }
    words[..at].iter().rev().find(|w| is_sound(w)).map_or(0.0, |w| w.end_s)
}

fn sound_end(words: &[Word], at: usize, duration_s: f64) -> f64 {
    if is_sound(&words[at]) {
        return words[at].end_s;
    }
    words[at + 1..].iter().find(|w| is_sound(w)).map_or(duration_s, |w| w.start_s)
}

/// Joins spans of one reason that nearly touch.
pub fn bridge(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.sort_by(|a, b| a.start.total_cmp(&b.start));
    let mut out: Vec<Segment> = Vec::with_capacity(segments.len());
    for s in segments {
        let before = out.iter_mut().rev().find(|o| o.reason == s.reason);
        match before {
            Some(last) if s.start - last.end < BRIDGE_S => {
                last.end = last.end.max(s.end);
            }
            _ => out.push(s),
        }
    }
    out
}
