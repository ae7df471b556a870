//! What an engine makes up where nothing is said. It is taken out of the
//! sanitized transcript alone, after detection: a number that an engine placed
//! wrongly was found and silenced before anybody calls it made up.

use super::sanitize::{REDACTED, SanitizedTranscript, SanitizedWord};
use unsaid_dsp::silence::Silence;

/// The same words said this often in a row are a loop.
const LOOP: usize = 4;
/// Words of a phrase that loops.
const LOOP_WORDS: std::ops::RangeInclusive<usize> = 3..=12;
/// Words beside a redaction stay: they may have been said with it.
const NEAR: usize = 4;

/// Drops phrases that repeat in a loop (all but the first), and words that lie
/// wholly in silence. `word_times` says whether words have times of their own.
pub fn drop(transcript: &mut SanitizedTranscript, silence: &Silence, word_times: bool) {
    let words = transcript.words();
    let mut keep = vec![true; words.len()];
    for range in loops(words) {
        keep[range].fill(false);
    }
    if word_times {
        for (word, keep) in words.iter().zip(&mut keep) {
            *keep &= !silence.holds(word.start, word.end);
        }
    }
    for at in (0..words.len()).filter(|i| words[*i].word.starts_with(REDACTED.trim_end_matches(']'))) {
        keep[at.saturating_sub(NEAR)..words.len().min(at + NEAR + 1)].fill(true);
    }
    transcript.retain(&keep);
}

/// The repetitions of phrases that are said [`LOOP`] times in a row or more.
fn loops(words: &[SanitizedWord]) -> Vec<std::ops::Range<usize>> {
    let same = |a: usize, b: usize, len: usize| {
        (0..len).all(|k| words[a + k].word.eq_ignore_ascii_case(&words[b + k].word))
    };
    let mut found = Vec::new();
    let mut at = 0;
    'words: while at < words.len() {
        for len in LOOP_WORDS {
            let mut times = 1;
            while at + (times + 1) * len <= words.len() && same(at, at + times * len, len) {
                times += 1;
            }
            if times >= LOOP {
                found.push(at + len..at + times * len);
                at += times * len;
                continue 'words;
            }
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{RawTranscript, Reason, Word};
    use crate::detect::{Detection, sanitize};
    use unsaid_dsp::Rate;

    fn left(text: &str, secret: Option<usize>, plane: &[f32]) -> String {
        let word = |(i, w): (usize, &str)| Word {
            text: w.to_owned(),
            start_s: i as f64 * 0.1,
            end_s: i as f64 * 0.1 + 0.08,
            speaker: None,
        };
        let words = text.split_whitespace().enumerate().map(word).collect();
        let raw = RawTranscript { words, word_times: true, ..RawTranscript::default() };
        let found: Vec<Detection> =
            secret.into_iter().map(|at| Detection::new(at, at, Reason::CardNumber, "test")).collect();
        let mut clean = sanitize(&raw, &found, false);
        drop(&mut clean, &Silence::of(plane, Rate::SPEECH), true);
        clean.text().as_str().to_owned()
    }

    fn sound(seconds: usize) -> Vec<f32> {
        (0..seconds * 16_000).map(|k| if k % 1_000 < 900 { (k as f32).sin() * 0.3 } else { 0.0 }).collect()
    }

    #[test]
    fn a_loop_is_said_once() {
        let text = "thanks for watching thanks for watching thanks for watching thanks for watching bye";
        assert_eq!(left(text, None, &sound(10)), "thanks for watching bye");
        assert_eq!(left("no no no no no", None, &sound(10)), "no no no no no");
    }

    #[test]
    fn words_in_silence_go_but_not_those_beside_a_redaction() {
        let mut plane = sound(1);
        plane.extend(vec![0.0; 80_000]);
        let text = "hello there how are you today it is fine x x x x x x please subscribe to the channel and 4532 bye now then we all go home";
        let left = left(text, Some(21), &plane);
        assert!(left.starts_with("hello there") && left.contains("[REDACTED] bye"), "{left}");
        assert!(!left.contains("subscribe") && !left.contains("home"), "{left}");
    }
}
