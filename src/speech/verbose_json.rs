//! OpenAI's verbose_json, as its many compatible servers write it: words on
//! top or inside segments, null or absent; numbers as strings; times in
//! nanoseconds. What has digits and no word times is placed by its segment,
//! never dropped.

use super::SpeechError;
use crate::call::{RawTranscript, Word};
use serde_json::Value;

/// What the times of a transcript count: seconds, or where they lie far beyond
/// the audio's end, milliseconds or nanoseconds. Decided once for all of them.
#[derive(Clone, Copy)]
struct Unit {
    per_s: f64,
}

impl Unit {
    fn of<'a>(times: impl Iterator<Item = &'a Value>, duration_s: f64) -> Unit {
        let latest = times.filter_map(number).fold(0.0, f64::max);
        let beyond = duration_s.max(1.0) * 2.0 + 30.0;
        let per_s = match latest {
            l if l <= beyond => 1.0,
            l if l / 1e3 <= beyond => 1e3,
            _ => 1e9,
        };
        Unit { per_s }
    }

    /// A time in seconds; NaN where there is none, which places the word by its neighbours.
    fn seconds(self, value: Option<&Value>) -> f64 {
        value.and_then(number).unwrap_or(f64::NAN) / self.per_s
    }
}

/// A number, or a string that holds one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.trim().trim_end_matches('s').parse().ok(),
        _ => None,
    }
}

/// Reads a verbose_json. `duration_s` is the audio's own length.
///
/// # Errors
/// [`SpeechError::NotUnderstood`] when it is not an object with text.
pub fn parse(json: &[u8], duration_s: f64) -> Result<RawTranscript, SpeechError> {
    let value: Value =
        serde_json::from_slice(json).map_err(|_| SpeechError::NotUnderstood("it is not JSON"))?;
    let object = value.as_object().ok_or(SpeechError::NotUnderstood("it is not an object"))?;
    let list = |key: &str| object.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let segments = list("segments");
    let language = object.get("language").and_then(Value::as_str).map(language_code);
    let inner = segments.iter().filter_map(|s| s.get("words").and_then(Value::as_array)).flatten();
    let ends = list("words").iter().chain(segments).chain(inner).filter_map(|w| w.get("end"));
    let unit = Unit::of(ends, duration_s);
    let top: Vec<Word> = list("words").iter().filter_map(|w| word(w, unit)).collect();
    let nested = || segments.iter().flat_map(|s| words_in(s, unit)).collect::<Vec<Word>>();
    let mut words = if top.is_empty() { nested() } else { top };
    let word_times = !words.is_empty();
    if words.is_empty() {
        words = segments.iter().flat_map(|s| words_of_segment(s, unit)).collect();
    }
    if words.is_empty() {
        let text = object
            .get("text")
            .and_then(Value::as_str)
            .ok_or(SpeechError::NotUnderstood("it has neither words nor segments nor text"))?;
        words = spread(text, 0.0, duration_s, None);
    }
    Ok(RawTranscript { words, language, word_times, ..RawTranscript::default() })
}

fn words_in(segment: &Value, unit: Unit) -> Vec<Word> {
    let list = segment.get("words").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut words: Vec<Word> = Vec::new();
    for token in list {
        let Some(word) = word(token, unit) else { continue };
        // whisper.cpp gives tokens: one without a leading space continues the word before.
        let continues = list.iter().any(|t| text_of(t).starts_with(' ')) && !text_of(token).starts_with(' ');
        match words.last_mut() {
            Some(last) if continues => {
                last.text.push_str(&word.text);
                last.end_s = last.end_s.max(word.end_s);
            }
            _ => words.push(word),
        }
    }
    words
}

fn text_of(token: &Value) -> &str {
    token.get("word").or_else(|| token.get("text")).and_then(Value::as_str).unwrap_or("")
}

fn word(value: &Value, unit: Unit) -> Option<Word> {
    let text = text_of(value).trim();
    if text.is_empty() {
        return None;
    }
    let speaker = value.get("speaker").and_then(Value::as_str).map(str::to_owned);
    Some(Word {
        text: text.to_owned(),
        start_s: unit.seconds(value.get("start")),
        end_s: unit.seconds(value.get("end")),
        speaker,
    })
}

/// Every word of a segment carries the segment's times: whatever is found mutes all of it.
fn words_of_segment(segment: &Value, unit: Unit) -> Vec<Word> {
    let text = segment.get("text").and_then(Value::as_str).unwrap_or("");
    let start = unit.seconds(segment.get("start"));
    let end = unit.seconds(segment.get("end"));
    let speaker = segment.get("speaker").and_then(Value::as_str).map(str::to_owned);
    spread(text, start, end, speaker)
}

fn spread(text: &str, start_s: f64, end_s: f64, speaker: Option<String>) -> Vec<Word> {
    text.split_whitespace()
        .map(|t| Word { text: t.to_owned(), start_s, end_s, speaker: speaker.clone() })
        .collect()
}

/// `english` → `en`: whisper names languages in full.
fn language_code(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "english" => "en".to_owned(),
        "spanish" => "es".to_owned(),
        "french" => "fr".to_owned(),
        other => other.chars().take(8).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(json: &str) -> Vec<(String, f64, f64)> {
        let got = parse(json.as_bytes(), 60.0).expect("a transcript");
        got.words.into_iter().map(|w| (w.text, w.start_s, w.end_s)).collect()
    }

    #[test]
    fn every_servers_shape_gives_words() {
        let want = vec![("four".to_owned(), 1.0, 1.5), ("two.".to_owned(), 1.5, 2.0)];
        for json in [
            r#"{"text":"four two.","words":[{"word":"four","start":1.0,"end":1.5},{"word":"two.","start":1.5,"end":2.0}],"segments":null}"#,
            r#"{"text":"x","words":null,"segments":[{"text":" four two.","start":1,"end":2,"words":[{"word":" four","start":1.0,"end":1.5,"probability":0.9},{"word":" two.","start":"1.5","end":"2.0"}]}]}"#,
            r#"{"segments":[{"text":"four two.","words":[{"word":" fo","start":1.0,"end":1.2},{"word":"ur","start":1.2,"end":1.5},{"word":" two","start":1.5,"end":1.9},{"word":".","start":1.9,"end":2.0}]}]}"#,
        ] {
            assert_eq!(texts(json), want, "{json}");
        }
    }

    #[test]
    fn without_word_times_each_word_has_its_segments() {
        let json =
            r#"{"duration":"60.0","segments":[{"text":"card 4532","start":1000000000,"end":9000000000}]}"#;
        let got = parse(json.as_bytes(), 60.0).expect("a transcript");
        assert!(!got.word_times);
        assert!(got.words.iter().all(|w| (w.start_s, w.end_s) == (1.0, 9.0)));
        let bare = parse(br#"{"text":"card 4532"}"#, 60.0).expect("a transcript");
        assert!(bare.words.iter().all(|w| (w.start_s, w.end_s) == (0.0, 60.0)));
    }

    #[test]
    fn what_each_server_does_differently() {
        for (server, json) in [
            (
                "vLLM: duration is a string, segments alone",
                r#"{"duration":"60.0","language":"en","segments":[{"id":0,"start":1.0,"end":9.0,"text":" card 4532"}],"words":null}"#,
            ),
            (
                "LocalAI: nanoseconds, segments alone",
                r#"{"segments":[{"id":0,"start":1000000000,"end":9000000000,"text":"card 4532","tokens":[1,2]}],"text":"card 4532"}"#,
            ),
            (
                "milliseconds",
                r#"{"segments":[{"start":1000,"end":9000,"text":"card 4532"},{"start":20000,"end":59000,"text":""}]}"#,
            ),
        ] {
            let got = parse(json.as_bytes(), 60.0).expect(server);
            assert!(!got.word_times, "{server}");
            let words: Vec<_> = got.words.iter().map(|w| (w.text.as_str(), w.start_s, w.end_s)).collect();
            assert_eq!(words, [("card", 1.0, 9.0), ("4532", 1.0, 9.0)], "{server}");
        }
        for (server, json) in [
            (
                "OpenAI: no punctuation, float noise",
                r#"{"task":"transcribe","language":"english","duration":60.0,"text":"card 4532","words":[{"word":"card","start":1.0000000001,"end":1.2999999523},{"word":"4532","start":1.2999999523,"end":2.0}]}"#,
            ),
            (
                "speaches: a leading space, again in its segment",
                r#"{"language":"en","words":[{"word":" card","start":1.0,"end":1.3,"probability":0.9},{"word":" 4532","start":1.3,"end":2.0,"probability":0.9}],"segments":[{"text":" card 4532","start":1.0,"end":2.0,"words":[{"word":" card","start":1.0,"end":1.3},{"word":" 4532","start":1.3,"end":2.0}]}]}"#,
            ),
            (
                "Groq: both, and its own keys",
                r#"{"task":"transcribe","language":"English","x_groq":{"id":"r"},"words":[{"word":"card","start":1.0,"end":1.3},{"word":"4532","start":1.3,"end":2.0}],"segments":[{"id":0,"seek":0,"start":1,"end":2,"text":"card 4532","avg_logprob":-0.2}]}"#,
            ),
        ] {
            let got = parse(json.as_bytes(), 60.0).expect(server);
            let words: Vec<_> =
                got.words.iter().map(|w| (w.text.as_str(), (w.start_s * 10.0).round())).collect();
            assert_eq!(words, [("card", 10.0), ("4532", 13.0)], "{server}");
            assert_eq!((got.word_times, got.language.as_deref()), (true, Some("en")), "{server}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_words_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, 10.0);
        }
    }
}
