//! AssemblyAI: words in milliseconds, utterances with speakers, the whole text.

use super::fields::{language, list, name, sentence, span, text, word};
use crate::speech::reading::{Reading, Sentence, Token, Unit};
use serde_json::Value;

pub fn read(value: &Value) -> Option<Reading> {
    let own =
        ["audio_duration", "utterances", "language_code", "acoustic_model", "speech_model", "audio_url"];
    if !own.iter().any(|k| value.get(*k).is_some()) {
        return None;
    }
    if !["words", "utterances"].iter().any(|k| value.get(*k).is_some_and(Value::is_array)) {
        return None;
    }
    let utterances = list(value, "utterances");
    let mut sentences: Vec<Sentence> = utterances.iter().map(utterance).collect();
    let inside: usize = sentences.iter().map(|s| s.words.len()).sum();
    let mut words = tokens(value);
    if words.len() >= inside && !words.is_empty() {
        sentences.iter_mut().for_each(|s| s.words.clear());
    } else {
        words.clear();
    }
    Some(Reading {
        sentences,
        words,
        text: value.get("text").and_then(Value::as_str).map(str::to_owned),
        language: language(value.get("language_code")),
        aligned: true,
        unit: Unit::Checked(1e3),
        ..Reading::default()
    })
}

fn tokens(value: &Value) -> Vec<Token> {
    let speaker = |w: &Value| name(w.get("speaker")).or_else(|| name(w.get("channel")));
    list(value, "words")
        .iter()
        .filter_map(|w| word(text(w, &["text", "word"]), span(w, "start", "end"), speaker(w)))
        .collect()
}

fn utterance(value: &Value) -> Sentence {
    let speaker = name(value.get("speaker")).or_else(|| name(value.get("channel")));
    let whole = sentence(text(value, &["text", "transcript"]), span(value, "start", "end"), speaker);
    Sentence { words: tokens(value), ..whole }
}
