//! AWS: Transcribe's items in seconds, and Contact Lens' and Call Analytics'
//! turns in milliseconds.

use super::fields::{language, list, name, sentence, span, span_in, text};
use crate::speech::reading::{Reading, Sentence, Time, Token};
use serde_json::Value;

pub fn transcribe(value: &Value) -> Option<Reading> {
    let results = value.get("results")?;
    let channels = results.pointer("/channel_labels/channels").and_then(Value::as_array);
    if channels.is_none() && !results.get("items").is_some_and(Value::is_array) {
        return None;
    }
    let whole = text(results.pointer("/transcripts/0").unwrap_or(&Value::Null), &["transcript"]);
    let one = |items: &[Value], text: &str, label: Option<String>| {
        let words = tokens(items, &label, |item| span(item, "start_time", "end_time"));
        Sentence { words, ..sentence(text, Time::NONE, label) }
    };
    let stretches = list(results, "audio_segments").iter();
    let stretches: Vec<Sentence> = stretches
        .map(|s| {
            sentence(
                text(s, &["transcript"]),
                span(s, "start_time", "end_time"),
                name(s.get("speaker_label")),
            )
        })
        .collect();
    let mut reading =
        Reading { language: language(results.get("language_code")), aligned: true, ..Reading::default() };
    if let Some(channels) = channels {
        let stream = |c: &Value| one(list(c, "items"), "", name(c.get("channel_label")));
        reading.sentences = channels.iter().map(stream).collect();
        (reading.streams, reading.text) = (true, Some(whole.to_owned()));
    } else if stretches.is_empty() {
        reading.sentences = vec![one(list(results, "items"), whole, None)];
        reading.streams = true;
    } else {
        reading.words = one(list(results, "items"), "", None).words;
        (reading.sentences, reading.text) = (stretches, Some(whole.to_owned()));
    }
    Some(reading)
}

/// Items with their punctuation, which has no time and belongs to the word before.
fn tokens(items: &[Value], speaker: &Option<String>, time: impl Fn(&Value) -> Time) -> Vec<Token> {
    let mut words: Vec<Token> = Vec::new();
    for item in items {
        let best = item.pointer("/alternatives/0").or_else(|| item.pointer("/Alternatives/0"));
        let content = text(best.unwrap_or(item), &["content", "Content"]).trim();
        let punctuation = text(item, &["type", "Type"]).eq_ignore_ascii_case("punctuation");
        match words.last_mut() {
            Some(last) if punctuation => last.text.push_str(content),
            _ if content.is_empty() || punctuation => {}
            _ => {
                let speaker = speaker.clone().or_else(|| name(item.get("speaker_label")));
                words.push(Token::new(content, time(item), speaker));
            }
        }
    }
    words
}

/// Turns of both parties. Without word times a turn is the stretch.
pub fn contact_lens(value: &Value) -> Option<Reading> {
    let turns: Vec<&Value> = match value.get("Transcript").and_then(Value::as_array) {
        Some(turns) => turns.iter().collect(),
        // In real time they come as segments.
        None => value.get("Segments")?.as_array()?.iter().filter_map(|s| s.get("Transcript")).collect(),
    };
    Some(Reading {
        sentences: turns.into_iter().map(turn).collect(),
        language: language(value.get("LanguageCode")),
        aligned: true,
        ..Reading::default()
    })
}

fn millis(value: &Value) -> Time {
    span_in(value, "BeginOffsetMillis", "EndOffsetMillis", 1e3)
}

fn turn(value: &Value) -> Sentence {
    let speaker = name(value.get("ParticipantRole")).or_else(|| name(value.get("ParticipantId")));
    let words = tokens(list(value, "Items"), &speaker, millis);
    Sentence { words, ..sentence(text(value, &["Content"]), millis(value), speaker) }
}
