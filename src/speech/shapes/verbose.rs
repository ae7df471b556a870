//! OpenAI's verbose_json, as its many servers and tools write it: words on top
//! or inside segments, null or absent; numbers as strings; times in
//! milliseconds or nanoseconds. WhisperX, faster-whisper, whisper-timestamped,
//! Groq, vLLM and LocalAI belong here.

use super::fields::{language, list, name, pieces, sentence, span, text};
use crate::speech::reading::{Reading, Sentence, Token, Unit};
use serde_json::Value;

/// The words of a WhisperX file stand in its segments and here again.
const WORD_LISTS: [&str; 2] = ["words", "word_segments"];

pub fn read(value: &Value) -> Option<Reading> {
    // A bare list of segments.
    let bare = value.as_array().map(Vec::as_slice).filter(|l| !l.is_empty() && l.iter().all(is_segment));
    let segments = bare.unwrap_or_else(|| list(value, "segments"));
    let has = |key: &str| value.get(key).is_some_and(|v| v.is_array() || v.is_null());
    let told = bare.is_some() || value.get("text").is_some_and(Value::is_string) || has("segments");
    if !told && !WORD_LISTS.iter().any(|l| value.get(*l).is_some_and(Value::is_array)) {
        return None;
    }
    // A list that is not of segments is not this family's.
    if !segments.iter().all(Value::is_object) {
        return None;
    }
    let mut sentences: Vec<Sentence> = segments.iter().map(segment).collect();
    let inside: usize = sentences.iter().map(|s| s.words.len()).sum();
    let beside = WORD_LISTS.map(|l| words(list(value, l)));
    let mut beside = beside.into_iter().max_by_key(Vec::len).unwrap_or_default();
    // Whichever list lacks less is the one that is taken; the other is the same again.
    if beside.len() >= inside && !beside.is_empty() {
        sentences.iter_mut().for_each(|s| s.words.clear());
    } else {
        beside.clear();
    }
    let whole = value.get("text").and_then(Value::as_str).map(str::to_owned);
    Some(Reading {
        sentences,
        words: beside,
        text: whole,
        language: language(value.get("language")),
        unit: Unit::Open,
        ..Reading::default()
    })
}

fn is_segment(value: &Value) -> bool {
    value.get("text").is_some_and(Value::is_string)
        && value.get("start").is_some()
        && value.get("end").is_some()
}

fn segment(value: &Value) -> Sentence {
    let speaker = name(value.get("speaker"));
    let words = words(list(value, "words"));
    Sentence { words, ..sentence(text(value, &["text"]), span(value, "start", "end"), speaker) }
}

fn words(list: &[Value]) -> Vec<Token> {
    pieces(list.iter().map(|w| (text(w, &["word", "text"]), span(w, "start", "end"), name(w.get("speaker")))))
}
