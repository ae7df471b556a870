//! Which sound beside a value belongs to the words that stay, and which to the value.
//!
//! Engines shorten a long word behind a pause, and end words early: a card's group
//! may begin 1.7 s before its word does. A word that stays claims the time in which
//! it can be said. Sound between it and the value, which nothing claims, is the value's.

use super::pace;
use crate::call::Word;
use unsaid_dsp::silence::Silence;

/// Seconds beyond an engine's edge that still belong to the word that stays: its
/// ends are 0.2 s early in the median.
const LATE_S: f64 = 0.25;
/// Sound that is shorter than this is a click or a breath.
const LEAST_S: f64 = 0.08;
/// Seconds beside a value in which sound that nothing claims is the value's.
const REACH_S: f64 = 2.5;

/// `start_s..end_s` of a value with the sound beside it that no word claims. `before` and `after`
/// are the words that stay next to it, with times of their own. It never becomes narrower.
pub fn widened(
    (start_s, end_s): (f64, f64),
    before: Option<&Word>,
    after: Option<&Word>,
    silence: &Silence,
) -> (f64, f64) {
    let claimed_to = before.map_or(f64::NEG_INFINITY, |w| w.end_s.min(w.start_s + longest_s(w)) + LATE_S);
    let claimed_from = after.map_or(f64::INFINITY, |w| w.start_s.max(w.end_s - longest_s(w)) - LATE_S);
    let from = claimed_to.max(start_s - REACH_S).max(0.0);
    let to = claimed_from.min(end_s + REACH_S);
    let first = silence.first_sound(from, start_s, LEAST_S).unwrap_or(start_s);
    let last = silence.last_sound(end_s, to, LEAST_S).unwrap_or(end_s);
    (first.min(start_s), last.max(end_s))
}

/// Seconds that a word takes in slow speech.
fn longest_s(word: &Word) -> f64 {
    SLOW_WORD_S + SLOW_SYLLABLE_S * pace::syllables(&word.text)
}

const SLOW_WORD_S: f64 = 0.2;
const SLOW_SYLLABLE_S: f64 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unsaid_dsp::Rate;

    /// Ten seconds in which these stretches are loud.
    fn recording(loud: &[(f64, f64)]) -> Silence {
        let is_loud = |s: f64| loud.iter().any(|(a, b)| (*a..*b).contains(&s));
        let plane: Vec<f32> = (0..80_000)
            .map(|k| if is_loud(f64::from(k) / 8e3) { (k as f32 * 0.7).sin() * 0.2 } else { 0.0 })
            .collect();
        Silence::of(&plane, Rate::NARROW_BAND)
    }

    fn word(text: &str, start_s: f64, end_s: f64) -> Word {
        Word { text: text.to_owned(), start_s, end_s, speaker: None }
    }

    fn near(got: (f64, f64), want: (f64, f64)) {
        assert!((got.0 - want.0).abs() < 0.03 && (got.1 - want.1).abs() < 0.03, "{got:?}, not {want:?}");
    }

    #[test]
    fn sound_that_no_word_claims_goes_with_the_value_beside_it() {
        let silence = recording(&[(1.0, 1.6), (2.2, 5.0), (5.8, 6.2)]);
        let (is, okay) = (word("is", 1.2, 1.5), word("okay", 5.8, 6.2));
        // The engine's word begins 1.7 s late and ends 0.5 s early.
        near(widened((3.9, 4.5), Some(&is), Some(&okay), &silence), (2.2, 5.0));
    }

    #[test]
    fn a_word_claims_no_more_than_it_takes_to_say_it() {
        let silence = recording(&[(1.0, 1.4), (2.2, 5.0)]);
        // The engine stretched "is" over the first digits.
        let is = word("is", 1.0, 3.9);
        near(widened((3.9, 5.0), Some(&is), None, &silence), (2.2, 5.0));
    }

    #[test]
    fn a_word_that_is_said_right_beside_the_value_stays() {
        let silence = recording(&[(1.0, 4.0)]);
        let (is, okay) = (word("is", 1.0, 1.9), word("okay", 3.0, 4.0));
        let (start_s, end_s) = widened((2.0, 3.0), Some(&is), Some(&okay), &silence);
        assert!(start_s > 1.7 && end_s < 3.2, "{start_s} {end_s}");
    }

    proptest! {
        #[test]
        fn a_value_never_becomes_narrower_and_reaches_no_further_than_it_may(
            loud in prop::collection::vec((0f64..10.0, 0f64..2.0), 0..8),
            start_s in 0f64..10.0, long_s in 0f64..3.0, before_s in 0f64..3.0, after_s in 0f64..3.0,
        ) {
            let loud: Vec<(f64, f64)> = loud.into_iter().map(|(a, long)| (a, a + long)).collect();
            let end_s = start_s + long_s;
            let (is, okay) = (word("is", start_s - before_s, start_s), word("okay", end_s, end_s + after_s));
            let (first, last) = widened((start_s, end_s), Some(&is), Some(&okay), &recording(&loud));
            prop_assert!(first <= start_s && last >= end_s);
            prop_assert!(first >= start_s - REACH_S && last <= end_s + REACH_S);
        }
    }
}
