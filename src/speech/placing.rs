//! From what an engine wrote to words with places: nothing that it heard is
//! without one.

use super::align;
use super::believe::{self, Bounds, Place, Said};
use super::reading::{Reading, Time, Token};
use crate::call::{RawTranscript, Word};
use crate::hearing::pace;

/// Seconds that a word may lie outside of its segment: both drift.
const OUTSIDE_S: f64 = 3.0;
/// Seconds that the last word may end behind the recording.
const BEYOND_S: f64 = 1.0;

/// Every word of the reading, with the time that the engine gives it where that
/// can be, and with the stretch in which it must have been said where not.
/// `duration_s` is the recording's length.
pub fn place(reading: Reading, duration_s: f64) -> RawTranscript {
    let Reading { sentences, words, text, language, streams, aligned, .. } = reading;
    let recording = Bounds { start_s: 0.0, end_s: duration_s.max(0.0), slack_s: BEYOND_S };
    let mut tokens: Vec<Vec<Token>> = sentences.iter().map(align::complete).collect();
    if !words.is_empty() {
        tokens = align::distribute(tokens, words);
    }
    let times = sentences.iter().map(|s| s.time).chain(std::iter::repeat(Time::NONE));
    let parts: Vec<(Vec<Token>, Time)> =
        tokens.into_iter().zip(times).filter(|(t, _)| !t.is_empty()).collect();
    let stretches = if streams {
        vec![Place::Between { start_s: recording.start_s, end_s: recording.end_s }; parts.len()]
    } else {
        let said: Vec<Said> = parts.iter().map(|(tokens, time)| sentence_said(tokens, *time)).collect();
        believe::places(&said, recording)
    };
    let mut all: Vec<Token> = Vec::new();
    for ((tokens, _), stretch) in parts.into_iter().zip(stretches) {
        all.extend(placed_in(tokens, stretch, recording));
    }
    if streams {
        all.sort_by(|a, b| start_of(a).total_cmp(&start_of(b)));
    }
    // The text of streams side by side has an order of its own: it is looked at where something is missing.
    if let Some(text) = text.filter(|text| !streams || align::lacks(&all, text)) {
        all = with_text(all, &text, recording);
    }
    transcript(all, recording, language, aligned)
}

fn start_of(token: &Token) -> f64 {
    token.place.map_or(0.0, Place::start_s)
}

fn word_said(token: &Token) -> Said {
    let syllables = pace::syllables(&token.text);
    Said { time: token.time, words: 1, syllables, longest_s: pace::longest_s(syllables) }
}

/// A sentence is at least as long as its words take, and where it has no time of
/// its own it lies where they do.
fn sentence_said(tokens: &[Token], time: Time) -> Said {
    let syllables = tokens.iter().map(|t| pace::syllables(&t.text)).sum();
    Said { time, words: tokens.len(), syllables, longest_s: f64::INFINITY }
}

/// The words of one sentence, each with its place in the sentence's stretch.
fn placed_in(tokens: Vec<Token>, stretch: Place, recording: Bounds) -> Vec<Token> {
    let mut said: Vec<Said> = tokens.iter().map(word_said).collect();
    let mut bounds = Bounds { start_s: stretch.start_s(), end_s: stretch.end_s(), slack_s: OUTSIDE_S };
    let timed = || said.iter().filter_map(|s| Some((s.time.start_s?, s.time.end_s?)));
    let outside =
        |(a, b): &(f64, f64)| *b < bounds.start_s - bounds.slack_s || *a > bounds.end_s + bounds.slack_s;
    // The words say one place and the sentence another: it was said in either.
    if timed().filter(outside).count() * 2 > timed().count() {
        let inside = |t: f64| t.clamp(recording.start_s, recording.end_s);
        let hull =
            timed().fold((bounds.start_s, bounds.end_s), |(low, high), (a, b)| (low.min(a), high.max(b)));
        bounds = Bounds { start_s: inside(hull.0), end_s: inside(hull.1), ..bounds };
        said.iter_mut().for_each(|s| s.time = Time::NONE);
    }
    let within = |t: Option<f64>| t.filter(|t| *t >= -BEYOND_S && *t <= recording.end_s + BEYOND_S);
    for s in &mut said {
        s.time = Time { start_s: within(s.time.start_s), end_s: within(s.time.end_s) };
    }
    let places = believe::places(&said, bounds);
    tokens.into_iter().zip(places).map(|(t, place)| Token { place: Some(place), ..t }).collect()
}

/// What the whole text has besides lies between its neighbours.
fn with_text(tokens: Vec<Token>, text: &str, recording: Bounds) -> Vec<Token> {
    let all = align::merged(align::words_of(text, None), tokens);
    let said: Vec<Said> = all.iter().map(word_said).collect();
    let placed: Vec<Option<Place>> = all.iter().map(|t| t.place).collect();
    let places = believe::filled(&said, &placed, recording);
    all.into_iter().zip(places).map(|(t, place)| Token { place: Some(place), ..t }).collect()
}

fn transcript(
    tokens: Vec<Token>,
    recording: Bounds,
    language: Option<String>,
    aligned: bool,
) -> RawTranscript {
    let mut words = Vec::with_capacity(tokens.len());
    let mut unplaced = Vec::new();
    for token in tokens {
        let place =
            token.place.unwrap_or(Place::Between { start_s: recording.start_s, end_s: recording.end_s });
        if matches!(place, Place::Between { .. }) {
            unplaced.push(words.len());
        }
        let inside = |t: f64| t.clamp(recording.start_s, recording.end_s);
        let (start_s, end_s) = (inside(place.start_s()), inside(place.end_s()));
        words.push(Word { text: token.text, start_s, end_s, speaker: token.speaker });
    }
    let word_times = words.is_empty() || unplaced.len() < words.len();
    let trusted_times = aligned && word_times;
    RawTranscript { words, language, word_times, trusted_times, unplaced, ..RawTranscript::default() }
}
