//! Speechmatics' json-v2: one result for each word, punctuation mark or
//! entity, in seconds.

use super::fields::{language, name, span, text};
use crate::speech::reading::{Reading, Sentence, Time, Token};
use serde_json::Value;
use std::collections::BTreeMap;

pub fn read(value: &Value) -> Option<Reading> {
    let results = value.get("results")?.as_array()?;
    if !results.iter().all(|r| r.get("type").is_some() && r.get("alternatives").is_some_and(Value::is_array))
    {
        return None;
    }
    if results.is_empty() && value.get("format").is_none() {
        return None;
    }
    let mut channels: BTreeMap<String, Vec<Token>> = BTreeMap::new();
    for result in results {
        let words = channels.entry(name(result.get("channel")).unwrap_or_default()).or_default();
        add(words, result);
    }
    let stream = |(label, words): (String, Vec<Token>)| Sentence {
        words,
        time: Time::NONE,
        text: String::new(),
        speaker: Some(label).filter(|l| !l.is_empty()),
    };
    let told = value.pointer("/metadata/transcription_config/language");
    Some(Reading {
        sentences: channels.into_iter().map(stream).collect(),
        language: language(told),
        streams: true,
        aligned: true,
        ..Reading::default()
    })
}

fn add(words: &mut Vec<Token>, result: &Value) {
    let best = result.pointer("/alternatives/0").unwrap_or(&Value::Null);
    let content = text(best, &["content"]).trim();
    if text(result, &["type"]) == "punctuation" {
        if let Some(last) = words.last_mut() {
            last.text.push_str(content);
        }
        return;
    }
    let time = span(result, "start_time", "end_time");
    let speaker = name(result.get("channel")).or_else(|| name(best.get("speaker")));
    // An entity is written in several words, which share its time.
    let count = content.split_whitespace().count() as f64;
    let part = |n: usize| {
        let (start_s, end_s) = (time.start_s.unwrap_or(f64::NAN), time.end_s.unwrap_or(f64::NAN));
        let at = |n: usize| start_s + (end_s - start_s) * n as f64 / count;
        Time::new(at(n), at(n + 1))
    };
    let said = content.split_whitespace().enumerate();
    words.extend(said.map(|(n, said)| Token::new(said, part(n), speaker.clone())));
}
