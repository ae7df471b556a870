//! What a speech engine answers: the truth, bent as engines bend it.

use crate::compose::Said;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

/// How an engine's times and words err.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bent {
    /// Not at all.
    Exact,
    /// Every boundary by chance: 120 ms of standard deviation, one of 20 by 0.3 to 0.8 s.
    Jitter,
    /// Every word begins 200 ms late and ends 200 ms early.
    Narrow,
    /// The whole transcript runs 300 ms late.
    Late,
    /// A word after a pause begins up to ten seconds early (faster-whisper #125).
    EarlyAfterPause,
    /// Groups of digits as one numeral.
    Numerals,
    /// No word times, only segments.
    Segments,
    /// Digits' times that cannot be: the end before the start.
    Backwards,
}

impl Bent {
    pub const ALL: [Bent; 8] = [
        Bent::Exact,
        Bent::Jitter,
        Bent::Narrow,
        Bent::Late,
        Bent::EarlyAfterPause,
        Bent::Numerals,
        Bent::Segments,
        Bent::Backwards,
    ];
}

/// The answer in the shape of OpenAI's verbose_json.
pub fn verbose_json(words: &[Said], duration_s: f64, bent: Bent, seed: u64) -> String {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut words = words.to_vec();
    match bent {
        Bent::Exact => {}
        Bent::Jitter => words.iter_mut().for_each(|w| {
            w.start_s += error_s(&mut rng);
            w.end_s = (w.end_s + error_s(&mut rng)).max(w.start_s + 0.02);
        }),
        Bent::Narrow => words.iter_mut().for_each(|w| {
            w.start_s += 0.2;
            w.end_s = (w.end_s - 0.2).max(w.start_s + 0.02);
        }),
        Bent::Late => words.iter_mut().for_each(|w| {
            w.start_s += 0.3;
            w.end_s += 0.3;
        }),
        Bent::EarlyAfterPause => early(&mut words),
        Bent::Numerals => words = numerals(&words),
        Bent::Segments => return segments(&words, duration_s),
        Bent::Backwards => words.iter_mut().filter(|w| w.secret.is_some()).for_each(|w| {
            std::mem::swap(&mut w.start_s, &mut w.end_s);
        }),
    }
    let text = words.iter().map(|w| w.word.as_str()).collect::<Vec<_>>().join(" ");
    let words: Vec<Value> = words
        .iter()
        .map(
            |w| json!({ "word": w.word, "start": w.start_s.max(0.0), "end": w.end_s.clamp(0.0, duration_s) }),
        )
        .collect();
    json!({ "text": text, "language": "english", "duration": duration_s, "words": words }).to_string()
}

/// A normal deviate of 120 ms; one of 20 is off by 0.3 to 0.8 s.
fn error_s(rng: &mut StdRng) -> f64 {
    if rng.random_bool(0.05) {
        let sign = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
        return sign * rng.random_range(0.3..0.8);
    }
    let sum: f64 = (0..12).map(|_| rng.random_range(0.0..1.0)).sum();
    (sum - 6.0) * 0.12
}

fn early(words: &mut [Said]) {
    for k in 1..words.len() {
        if words[k].start_s - words[k - 1].end_s > 0.4 {
            words[k].start_s = (words[k].start_s - 10.0).max(words[k - 1].end_s);
        }
    }
}

/// Digits that follow each other closely become one word.
fn numerals(words: &[Said]) -> Vec<Said> {
    let mut out: Vec<Said> = Vec::new();
    for w in words {
        let Some(digit) = w.secret else {
            out.push(w.clone());
            continue;
        };
        match out.last_mut() {
            Some(last) if last.secret.is_some() && w.start_s - last.end_s < 0.2 => {
                last.word.push_str(&digit.to_string());
                last.end_s = w.end_s;
            }
            _ => out.push(Said { word: digit.to_string(), ..w.clone() }),
        }
    }
    out
}

/// A segment wherever a pause is longer than 0.3 s; the text holds the words.
fn segments(words: &[Said], duration_s: f64) -> String {
    let mut out: Vec<(f64, f64, String)> = Vec::new();
    for w in words {
        match out.last_mut() {
            Some((_, end_s, text)) if w.start_s - *end_s < 0.3 => {
                *end_s = w.end_s;
                text.push(' ');
                text.push_str(&w.word);
            }
            _ => out.push((w.start_s, w.end_s, w.word.clone())),
        }
    }
    let text = out.iter().map(|s| s.2.as_str()).collect::<Vec<_>>().join(" ");
    let segments: Vec<Value> = out
        .iter()
        .enumerate()
        .map(|(id, s)| json!({ "id": id, "start": s.0, "end": s.1, "text": s.2 }))
        .collect();
    json!({ "text": text, "language": "english", "duration": duration_s, "segments": segments }).to_string()
}
