//! Detections made disjoint, and placed in time.

use super::cues::Marks;
use super::lexicon::class;
use super::text::Text;
use super::{Detection, Ruleset};
use crate::call::{Detector, RawTranscript, Reason, Segment, Word};
use crate::hearing::claims;
use unsaid_dsp::silence::Silence;

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
/// "mm-hmm", "go ahead". A date's short padding leaves the listener's word to the listener.
pub fn over_sounds(found: Vec<Detection>, text: &Text, marks: &Marks) -> Vec<Detection> {
    let mut out: Vec<Detection> = Vec::with_capacity(found.len());
    for d in found {
        match out.last_mut() {
            Some(last)
                if last.reason == d.reason
                    && d.first - last.last <= MAX_SOUNDS + 1
                    && (last.last + 1..d.first).all(|i| {
                        let listens = text.tokens[i].is(class::BACKCHANNEL);
                        marks.infill[i] && !(listens && d.reason == Reason::Dob)
                            || text.tokens[i].is(class::NUMBER_JOINT | class::MAIL_JOINT)
                    }) =>
            {
                last.last = d.last;
            }
            _ => out.push(d),
        }
    }
    out
}

/// How far beyond its padding an edge looks for a pause.
const SNAP_S: f64 = 0.4;

/// Seconds around the sound of a value, whose edges are fainter than the line of silence.
const EDGE_S: f64 = 0.1;

/// What is known of the recording besides its words.
#[derive(Clone, Copy)]
pub struct Recording<'a> {
    pub duration_s: f64,
    /// Where it is quiet; `None` where only a transcript is at hand.
    pub silence: Option<&'a Silence>,
}

/// Where detections lie in the recording: from the first word's start to the
/// last word's end, padded.
///
/// Where the engine's times can be trusted, the padding ends at the
/// neighbouring words. Where they drift (a Whisper-class engine's do), the
/// padded edge moves outward to the next pause, so that it does not cut a word
/// that is said later than its time says, and sound beside the value that no
/// word claims goes with it (`hearing::claims`). A word that has a stretch rather than
/// a time goes with all of its stretch, and no trust is put in its edges. A time
/// that cannot be (absent, reversed, out of order) is taken from the nearest
/// sound neighbours instead: wider, never narrower.
pub fn place(
    transcript: &RawTranscript,
    detections: &[Detection],
    rules: &Ruleset,
    recording: Recording,
) -> Vec<Segment> {
    let words = &transcript.words;
    let in_stretch = in_stretch(transcript);
    let sound = sound(words, &in_stretch, recording.duration_s);
    let placed = detections.iter().map(|d| {
        let pad = rules.padding_s(d.reason);
        let own = |at: usize| (sound[at] || in_stretch[at]).then(|| &words[at]);
        let start = own(d.first).map_or_else(|| neighbour_before(words, &sound, d.first), |w| w.start_s);
        let end = own(d.last)
            .map_or_else(|| neighbour_after(words, &sound, d.last).min(recording.duration_s), |w| w.end_s);
        let inner = (d.first..=d.last).filter_map(own);
        let (low, high) = inner.fold((start, end), |(l, h), w| (l.min(w.start_s), h.max(w.end_s)));
        let (mut start, mut end) = (low - pad, high + pad);
        if transcript.trusted_times && !in_stretch[d.first..=d.last].contains(&true) {
            start = start.max(neighbour_before(words, &sound, d.first).min(low));
            end = end.min(neighbour_after(words, &sound, d.last).max(high));
        } else if let Some(silence) = recording.silence {
            let before = (0..d.first).rev().find(|i| sound[*i]).map(|i| &words[i]);
            let after = (d.last + 1..words.len()).find(|i| sound[*i]).map(|i| &words[i]);
            let (first_s, last_s) = claims::widened((low, high), before, after, silence);
            // A stretch reaches to its neighbours already.
            let low = if in_stretch[d.first] { low } else { first_s };
            let high = if in_stretch[d.last] { high } else { last_s };
            (start, end) = (start.min(low - EDGE_S), end.max(high + EDGE_S));
            (start, end) = (silence.before(start, SNAP_S), silence.after(end, SNAP_S));
        }
        Segment {
            start: start.max(0.0),
            end: end.min(recording.duration_s.max(0.0)),
            reason: d.reason,
            detector: Detector::Words,
        }
    });
    bridge(placed.filter(|s| s.end > s.start).collect())
}

/// Which words have a stretch rather than a time.
fn in_stretch(transcript: &RawTranscript) -> Vec<bool> {
    let mut out = vec![false; transcript.words.len()];
    for at in &transcript.unplaced {
        if let (Some(word), Some(out)) = (transcript.words.get(*at), out.get_mut(*at)) {
            *out = word.start_s.is_finite() && word.end_s.is_finite();
        }
    }
    out
}

/// Seconds that an engine's times may run backwards between two words.
const BACKWARDS_S: f64 = 1.0;

/// Which words have a time of their own that can be: inside the recording, forward, and in order.
fn sound(words: &[Word], in_stretch: &[bool], duration_s: f64) -> Vec<bool> {
    let mut latest = 0f64;
    words
        .iter()
        .zip(in_stretch)
        .map(|(w, in_stretch)| {
            let sound = !in_stretch
                && w.start_s.is_finite()
                && w.end_s.is_finite()
                && w.start_s >= 0.0
                && w.end_s > w.start_s
                && (duration_s <= 0.0 || w.start_s <= duration_s)
                && w.start_s >= latest - BACKWARDS_S;
            if sound {
                latest = latest.max(w.start_s);
            }
            sound
        })
        .collect()
}

fn neighbour_before(words: &[Word], sound: &[bool], first: usize) -> f64 {
    (0..first).rev().find(|i| sound[*i]).map_or(0.0, |i| words[i].end_s)
}

fn neighbour_after(words: &[Word], sound: &[bool], last: usize) -> f64 {
    (last + 1..words.len()).find(|i| sound[*i]).map_or(f64::INFINITY, |i| words[i].start_s)
}

/// Joins spans of one reason that nearly touch; between two reasons the gap
/// goes to the first.
pub fn bridge(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.sort_by(|a, b| a.start.total_cmp(&b.start));
    let mut out: Vec<Segment> = Vec::with_capacity(segments.len());
    for s in segments {
        if let Some(same) = out.iter_mut().rev().find(|o| o.reason == s.reason)
            && s.start - same.end < BRIDGE_S
        {
            same.end = same.end.max(s.end);
            continue;
        }
        if let Some(last) = out.last_mut()
            && s.start > last.end
            && s.start - last.end < BRIDGE_S
        {
            last.end = s.start;
        }
        out.push(s);
    }
    out
}

/// Seconds after a keyword in which keyed tones are its answer.
const KEYED_S: f64 = 15.0;

/// Tones that answer a request ("enter your PIN") get its reason.
pub fn name_tones(tones: &mut [Segment], words: &[Word], language: Option<&str>, rules: &Ruleset) {
    if tones.is_empty() {
        return;
    }
    let requests = super::announced(words, language, rules);
    for tone in tones.iter_mut().filter(|t| t.reason == Reason::Dtmf) {
        let asked = requests.iter().rev().find(|(at_s, _)| *at_s <= tone.start + 0.5);
        if let Some((at_s, reason)) = asked
            && tone.start - at_s <= KEYED_S
        {
            tone.reason = *reason;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word from one second to another.
    fn word(text: &str, start_s: f64, end_s: f64) -> Word {
        Word { text: text.to_owned(), start_s, end_s, speaker: None }
    }

    fn placed(words: &[Word], unplaced: &[usize], first: usize, last: usize) -> (f64, f64) {
        let rules = Ruleset::new().expect("rules");
        let transcript = RawTranscript {
            words: words.to_vec(),
            unplaced: unplaced.to_vec(),
            word_times: true,
            trusted_times: true,
            ..RawTranscript::default()
        };
        let found = [Detection::new(first, last, Reason::CardNumber, "test")];
        let recording = Recording { duration_s: 30.0, silence: None };
        let segments = place(&transcript, &found, &rules, recording);
        assert_eq!(segments.len(), 1);
        (segments[0].start, segments[0].end)
    }

    #[test]
    fn a_word_with_a_stretch_goes_with_all_of_it_and_no_trust_is_put_in_its_edges() {
        let words = [word("is", 4.0, 5.0), word("4111", 5.0, 12.0), word("okay", 12.0, 12.4)];
        assert_eq!(placed(&words, &[1], 1, 1), (4.5, 12.5));
        // A time that is trusted ends at its neighbours.
        assert_eq!(placed(&words, &[], 1, 1), (5.0, 12.0));
    }

    #[test]
    fn a_stretch_that_begins_before_the_words_before_it_is_no_disorder() {
        let words = [word("card", 8.0, 8.4), word("4111", 2.0, 12.0), word("1111", 9.0, 10.0)];
        assert_eq!(placed(&words, &[1], 1, 2), (1.5, 12.5));
    }
}
