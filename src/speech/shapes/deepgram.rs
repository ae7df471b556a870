//! Deepgram: channels side by side, words in seconds; paragraphs and
//! utterances where they were asked for.

use super::fields::{language, list, name, sentence, span, text, word};
use crate::speech::reading::{Reading, Sentence, Time, Token};
use serde_json::Value;

pub fn read(value: &Value) -> Option<Reading> {
    let results = value.get("results")?;
    let channels = results.get("channels")?.as_array()?;
    let many = channels.len() > 1;
    let mut streams = Vec::new();
    let mut sentences = Vec::new();
    for (n, channel) in channels.iter().enumerate() {
        let label = many.then(|| n.to_string());
        let best = channel.pointer("/alternatives/0").unwrap_or(&Value::Null);
        let words: Vec<Token> = list(best, "words").iter().filter_map(|w| read_word(w, &label)).collect();
        if words.is_empty() {
            sentences.extend(told_apart(results, best, n, &label));
        }
        let whole = sentence(text(best, &["transcript"]), Time::NONE, label);
        streams.push(Sentence { words, ..whole });
    }
    let detected = channels.iter().find_map(|c| c.get("detected_language"));
    let without_words = streams.iter().all(|s| s.words.is_empty()) && !sentences.is_empty();
    // Without words, what is told by sentences lies in their stretches; else each channel is one stream.
    let text = (without_words && !many).then(|| streams.iter().map(|s| s.text.as_str()).collect());
    if without_words {
        sentences.sort_by(|a, b| a.time.start_s.unwrap_or(0.0).total_cmp(&b.time.start_s.unwrap_or(0.0)));
    }
    Some(Reading {
        sentences: if without_words { sentences } else { streams },
        text,
        language: language(detected),
        streams: !without_words,
        aligned: true,
        ..Reading::default()
    })
}

fn read_word(value: &Value, channel: &Option<String>) -> Option<Token> {
    let speaker = channel.clone().or_else(|| name(value.get("speaker")));
    word(text(value, &["punctuated_word", "word"]), span(value, "start", "end"), speaker)
}

/// The sentences of a channel's paragraphs, or its utterances.
fn told_apart(results: &Value, best: &Value, channel: usize, label: &Option<String>) -> Vec<Sentence> {
    let said = |s: &Value| sentence(text(s, &["text", "transcript"]), span(s, "start", "end"), label.clone());
    let paragraphs = best.pointer("/paragraphs/paragraphs").and_then(Value::as_array);
    if let Some(paragraphs) = paragraphs {
        return paragraphs.iter().flat_map(|p| list(p, "sentences")).map(said).collect();
    }
    let own = |u: &&Value| u.get("channel").and_then(Value::as_u64).is_none_or(|c| c == channel as u64);
    list(results, "utterances").iter().filter(own).map(said).collect()
}
