//! Azure Speech: batch transcription (ticks of 100 ns or ISO durations), fast
//! transcription (milliseconds), and the detailed answers of its SDK (ticks).
//!
//! The words are lexical ("four five"), the display text is written ("45"):
//! what is aligned to the audio is taken, and what the display has besides is added.

use super::fields::{language, list, name, number, sentence, text, word};
use crate::speech::reading::{Reading, Sentence, Time, Token};
use serde_json::Value;

pub fn read(value: &Value) -> Option<Reading> {
    batch(value).or_else(|| fast(value)).or_else(|| detailed(value))
}

const TICKS: f64 = 1e7;

/// Offset and duration in whichever way they are told.
fn time(value: &Value) -> Time {
    let seconds = |ticks: &str, millis: &str, iso: &str| {
        let told =
            |key: &str, per_s: f64| value.get(key).map(|v| number(Some(v)) / per_s).filter(|t| t.is_finite());
        let iso_s = || value.get(iso).filter(|v| v.is_string()).map(|v| number(Some(v)));
        told(ticks, TICKS).or_else(|| told(millis, 1e3)).or_else(iso_s).unwrap_or(f64::NAN)
    };
    let start_s = seconds("offsetInTicks", "offsetMilliseconds", "offset");
    Time::new(start_s, start_s + seconds("durationInTicks", "durationMilliseconds", "duration"))
}

fn speaker(phrase: &Value) -> Option<String> {
    name(phrase.get("speaker")).or_else(|| name(phrase.get("channel")))
}

fn batch(value: &Value) -> Option<Reading> {
    let phrases = value.get("recognizedPhrases")?.as_array()?;
    let phrase = |p: &Value| {
        let best = p.pointer("/nBest/0").unwrap_or(&Value::Null);
        let who = speaker(p);
        let lexical = tokens(list(best, "words"), &["word"], &who, time);
        let display = tokens(list(best, "displayWords"), &["displayText"], &who, time);
        let words = if lexical.is_empty() { display } else { lexical };
        Sentence { words, ..sentence(text(best, &["display", "itn", "lexical"]), time(p), who) }
    };
    let mut sentences: Vec<Sentence> = phrases.iter().map(phrase).collect();
    by_time(&mut sentences);
    // Channels are told one after the other, phrases in the order of time.
    let whole = match list(value, "combinedRecognizedPhrases") {
        [one] => Some(text(one, &["display", "lexical"]).to_owned()),
        _ => None,
    };
    let locale = phrases.iter().find_map(|p| p.get("locale"));
    Some(Reading { sentences, text: whole, language: language(locale), aligned: true, ..Reading::default() })
}

fn fast(value: &Value) -> Option<Reading> {
    let phrases = value.get("phrases")?.as_array()?;
    if value.get("combinedPhrases").is_none()
        && !phrases.iter().any(|p| p.get("offsetMilliseconds").is_some())
    {
        return None;
    }
    let phrase = |p: &Value| {
        let who = speaker(p);
        let words = tokens(list(p, "words"), &["text"], &who, time);
        Sentence { words, ..sentence(text(p, &["text"]), time(p), who) }
    };
    let mut sentences: Vec<Sentence> = phrases.iter().map(phrase).collect();
    by_time(&mut sentences);
    let whole = match list(value, "combinedPhrases") {
        [one] => Some(text(one, &["text"]).to_owned()),
        _ => None,
    };
    let locale = phrases.iter().find_map(|p| p.get("locale"));
    Some(Reading { sentences, text: whole, language: language(locale), aligned: true, ..Reading::default() })
}

/// One answer of the SDK or a list of them.
fn detailed(value: &Value) -> Option<Reading> {
    let answers = match value.as_array() {
        Some(list) if !list.is_empty() => list.iter().collect(),
        Some(_) => return None,
        None => vec![value],
    };
    if !answers.iter().all(|a| a.get("RecognitionStatus").is_some()) {
        return None;
    }
    let ticks = |v: &Value| {
        let start_s = number(v.get("Offset")) / TICKS;
        Time::new(start_s, start_s + number(v.get("Duration")) / TICKS)
    };
    let answer = |a: &&Value| {
        let best = a.pointer("/NBest/0").unwrap_or(&Value::Null);
        let who = name(a.get("SpeakerId")).or_else(|| name(a.get("Channel")));
        let words = tokens(list(best, "Words"), &["Word"], &who, ticks);
        let said = Some(text(best, &["Display", "Lexical"])).filter(|t| !t.is_empty());
        Sentence { words, ..sentence(said.unwrap_or_else(|| text(a, &["DisplayText"])), ticks(a), who) }
    };
    let mut sentences: Vec<Sentence> = answers.iter().map(answer).collect();
    by_time(&mut sentences);
    Some(Reading { sentences, aligned: true, ..Reading::default() })
}

fn by_time(sentences: &mut [Sentence]) {
    let start = |s: &Sentence| s.time.start_s.unwrap_or(f64::INFINITY);
    if sentences.iter().all(|s| s.time.start_s.is_some()) {
        sentences.sort_by(|a, b| start(a).total_cmp(&start(b)));
    }
}

fn tokens(
    list: &[Value],
    said: &[&str],
    speaker: &Option<String>,
    time: impl Fn(&Value) -> Time,
) -> Vec<Token> {
    list.iter().filter_map(|w| word(text(w, said), time(w), speaker.clone())).collect()
}
