//! Fields of JSON as many tools write them: numbers as strings, times as
//! durations, languages by name.

use crate::speech::reading::{Sentence, Time, Token};
use serde_json::Value;

/// The list under a key, or none.
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
}

/// The first of the keys that holds a text.
pub fn text<'a>(value: &'a Value, keys: &[&str]) -> &'a str {
    keys.iter().find_map(|k| value.get(*k)?.as_str()).unwrap_or("")
}

/// A name or a number that tells speakers or channels apart.
pub fn name(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

/// A time as it stands, in whatever it counts; NaN where there is none. Seconds where it
/// says so: `"1.3s"`, `"PT1.3S"`, `{"seconds": 1, "nanos": 300000000}`.
pub fn number(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::Number(n)) => n.as_f64().unwrap_or(f64::NAN),
        Some(Value::String(s)) => duration(s.trim()),
        Some(Value::Object(parts)) if parts.contains_key("seconds") || parts.contains_key("nanos") => {
            let part = |key: &str| parts.get(key).map_or(0.0, |v| number(Some(v)));
            part("seconds") + part("nanos") / 1e9
        }
        _ => f64::NAN,
    }
}

fn duration(text: &str) -> f64 {
    if text.starts_with('P') {
        return text.parse::<jiff::SignedDuration>().map_or(f64::NAN, |d| d.as_secs_f64());
    }
    // `00:01:02.500`, and with a comma as subtitles have it.
    if text.contains(':') {
        let part = |p: &str| p.replace(',', ".").parse::<f64>().unwrap_or(f64::NAN);
        return text.split(':').fold(0.0, |all, p| all * 60.0 + part(p));
    }
    text.trim_end_matches('s').parse().unwrap_or(f64::NAN)
}

/// From one key to another.
pub fn span(value: &Value, start: &str, end: &str) -> Time {
    Time::new(number(value.get(start)), number(value.get(end)))
}

/// The same where the file counts so many to a second.
pub fn span_in(value: &Value, start: &str, end: &str, per_s: f64) -> Time {
    Time::new(number(value.get(start)) / per_s, number(value.get(end)) / per_s)
}

/// A word, unless it is empty; its own speaker before the one given.
pub fn word(said: &str, time: Time, speaker: Option<String>) -> Option<Token> {
    let said = said.trim();
    (!said.is_empty()).then(|| Token::new(said, time, speaker))
}

/// A sentence that is told by its text and stretch alone.
pub fn sentence(said: &str, time: Time, speaker: Option<String>) -> Sentence {
    Sentence { text: said.trim().to_owned(), time, speaker, words: Vec::new() }
}

/// Pieces of words, where spaces stand before those that begin one: the others continue the word before.
pub fn pieces<'a>(tokens: impl Iterator<Item = (&'a str, Time, Option<String>)> + Clone) -> Vec<Token> {
    let spaced = tokens.clone().any(|(said, ..)| said.starts_with(' '));
    let mut words: Vec<Token> = Vec::new();
    for (said, time, speaker) in tokens {
        let Some(token) = word(said, time, speaker) else { continue };
        match words.last_mut() {
            Some(last) if spaced && !said.starts_with(' ') => {
                last.text.push_str(&token.text);
                last.time = last.time.hull(time);
            }
            _ => words.push(token),
        }
    }
    words
}

/// ISO 639-1 of `en-US`, `en_us`, `eng`, `English`; other languages as they are called.
pub fn language(value: Option<&Value>) -> Option<String> {
    let told = value?.as_str()?.trim();
    (!told.is_empty()).then(|| crate::call::language_code(told))
}
