//! Is there something to hear? An engine that says nothing over it has failed.

use unsaid_dsp::Rate;

/// Seconds of one level.
const STEP_S: f64 = 0.02;
/// Quieter than this (−50 dBFS) is a line without a voice.
const LEAST_LOUD: f32 = 0.003;
/// Speech swells and fades by this much at least; noise and tones do not.
const LEAST_SWELL: f32 = 2.0;
/// Seconds of sound in which somebody would have said a word.
const LONG_S: f64 = 10.0;

/// Is there so much that sounds like speech that a transcript without a word is no answer?
/// `plane` is 16 kHz.
pub fn is_long(plane: &[f32]) -> bool {
    let step = (STEP_S * f64::from(Rate::SPEECH.hz())) as usize;
    let levels: Vec<f32> = plane
        .chunks_exact(step)
        .map(|c| (c.iter().map(|s| s * s).sum::<f32>() / step as f32).sqrt())
        .collect();
    let mut sorted = levels.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let at = |share: f64| sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    // Where most of a call is silence, its floor says nothing of how its voices swell.
    let (low, high) = (at(0.1), at(0.95).max(at(0.5)));
    let line = (low * high).sqrt().max(LEAST_LOUD / 2.0);
    let loud = levels.iter().filter(|l| **l >= line).count();
    high >= LEAST_LOUD && high >= low * LEAST_SWELL && loud as f64 * STEP_S >= LONG_S
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(seconds: usize, level: impl Fn(f64) -> f32) -> Vec<f32> {
        (0..seconds * 16_000).map(|k| level(k as f64 / 16e3) * (k as f32 * 0.37).sin()).collect()
    }

    #[test]
    fn a_long_talk_is_something_to_hear_and_silence_noise_and_a_tone_are_not() {
        let talk = |t: f64| 0.1 * ((t * 13.0).sin().abs() as f32).sqrt();
        assert!(is_long(&plane(20, talk)));
        assert!(is_long(&plane(60, |t| if t < 30.0 { talk(t) } else { 0.0005 })));
        assert!(!is_long(&plane(8, talk)), "too short");
        assert!(!is_long(&plane(60, |t| if t < 5.0 { talk(t) } else { 0.0 })), "two words");
        assert!(!is_long(&plane(60, |_| 0.0)) && !is_long(&plane(60, |_| 0.1)) && !is_long(&[]));
    }
}
