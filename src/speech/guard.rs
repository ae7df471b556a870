//! What an engine makes up where nothing is said. Nothing that could be a
//! secret is dropped: a word with a digit stays whatever speaks against it.

use crate::call::{RawTranscript, Word};
use unsaid_dsp::silence::Silence;

/// The same words said this often in a row are a loop.
const LOOP: usize = 4;
/// Words of a phrase that loops, at most.
const LOOP_WORDS: usize = 12;

/// Drops phrases that repeat in a loop (all but the first), and words that lie
/// wholly in silence.
pub fn drop_hallucinations(transcript: &mut RawTranscript, silence: &Silence) {
    let words = &transcript.words;
    let mut keep = vec![true; words.len()];
    for range in loops(words) {
        keep[range].fill(false);
    }
    if transcript.word_times {
        for (word, keep) in words.iter().zip(&mut keep) {
            *keep &= digits(word) || !silence.holds(word.start_s, word.end_s);
        }
    }
    let mut kept = keep.into_iter();
    transcript.words.retain(|_| kept.next().unwrap_or(true));
}

fn digits(word: &Word) -> bool {
    word.text.chars().any(|c| c.is_ascii_digit() || c == '@')
}

/// The repetitions of phrases that are said [`LOOP`] times in a row or more,
/// without digits and of two words at least: "one one one one" is a number.
fn loops(words: &[Word]) -> Vec<std::ops::Range<usize>> {
    let same = |a: usize, b: usize, len: usize| {
        (0..len).all(|k| words[a + k].text.trim().eq_ignore_ascii_case(words[b + k].text.trim()))
    };
    let mut found = Vec::new();
    let mut at = 0;
    'words: while at < words.len() {
        for len in 3..=LOOP_WORDS {
            let mut times = 1;
            while at + (times + 1) * len <= words.len() && same(at, at + times * len, len) {
                times += 1;
            }
            if times >= LOOP && !words[at..at + len].iter().any(digits) && varied(&words[at..at + len]) {
                found.push(at + len..at + times * len);
                at += times * len;
                continue 'words;
            }
        }
        at += 1;
    }
    found
}

/// Of different words: three times the same one may be digits that are spoken.
fn varied(words: &[Word]) -> bool {
    words.iter().any(|w| !w.text.trim().eq_ignore_ascii_case(words[0].text.trim()))
        && words.iter().any(|w| w.text.trim().len() > 5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unsaid_dsp::Rate;

    fn said(text: &str) -> RawTranscript {
        let word = |(i, w): (usize, &str)| Word {
            text: w.to_owned(),
            start_s: i as f64 * 0.1,
            end_s: i as f64 * 0.1 + 0.08,
            speaker: None,
        };
        RawTranscript {
            words: text.split_whitespace().enumerate().map(word).collect(),
            word_times: true,
            ..RawTranscript::default()
        }
    }

    fn left(text: &str, plane: &[f32]) -> String {
        let mut transcript = said(text);
        drop_hallucinations(&mut transcript, &Silence::of(plane, Rate::SPEECH));
        transcript.words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_loop_is_said_once_and_digits_are_never_dropped() {
        let loud: Vec<f32> =
            (0..160_000).map(|k| if k % 1_000 < 900 { (k as f32).sin() * 0.3 } else { 0.0 }).collect();
        let text = "thanks for watching thanks for watching thanks for watching thanks for watching bye";
        assert_eq!(left(text, &loud), "thanks for watching bye");
        for text in [
            "one oh five one oh five one oh five one oh five",
            "4111 4111 4111 4111 4111",
            "no no no no no no",
        ] {
            assert_eq!(left(text, &loud), text);
        }
    }

    #[test]
    fn words_in_silence_go_and_numbers_in_silence_stay() {
        let mut plane: Vec<f32> = (0..16_000).map(|k| (k as f32).sin() * 0.3).collect();
        plane.extend(vec![0.0; 64_000]);
        let text = "hello there how are you today it is fine x x x x x x subscribe 4532 channel";
        let left = left(text, &plane);
        assert!(left.contains("4532") && left.starts_with("hello") && !left.contains("subscribe"), "{left}");
    }
}
