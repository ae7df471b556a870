//! NeMo and Parakeet: a hypothesis with `timestamp.word` and `timestamp.segment`
//! in seconds; Parakeet for MLX with `sentences` and their tokens.

use super::fields::{list, pieces, sentence, span, text, word};
use crate::speech::reading::{Reading, Sentence, Token};
use serde_json::Value;

pub fn read(value: &Value) -> Option<Reading> {
    // `transcribe()` gives a list, here of one recording.
    let value = match value.as_array().map(Vec::as_slice) {
        Some([one]) => one,
        Some(_) => return None,
        None => value,
    };
    hypothesis(value).or_else(|| mlx(value))
}

fn hypothesis(value: &Value) -> Option<Reading> {
    let times = value.get("timestamp").or_else(|| value.get("timestep"))?;
    if !["word", "segment", "char"].iter().any(|k| times.get(*k).is_some_and(Value::is_array)) {
        return None;
    }
    let words: Vec<Token> = list(times, "word")
        .iter()
        .filter_map(|w| word(text(w, &["word", "char"]), span(w, "start", "end"), None))
        .collect();
    let segments = list(times, "segment").iter();
    let sentences = segments.map(|s| sentence(text(s, &["segment", "text"]), span(s, "start", "end"), None));
    let whole = text(value, &["text", "pred_text"]);
    let sentences: Vec<Sentence> = sentences.collect();
    Some(Reading { sentences, words, text: Some(whole.to_owned()), aligned: true, ..Reading::default() })
}

fn mlx(value: &Value) -> Option<Reading> {
    let sentences = value.get("sentences")?.as_array()?;
    if !sentences.iter().all(|s| s.get("tokens").is_some_and(Value::is_array)) {
        return None;
    }
    let read = |s: &Value| {
        let tokens = list(s, "tokens").iter().map(|t| (text(t, &["text"]), span(t, "start", "end"), None));
        Sentence { words: pieces(tokens), ..sentence(text(s, &["text"]), span(s, "start", "end"), None) }
    };
    let whole = value.get("text").and_then(Value::as_str).map(str::to_owned);
    Some(Reading {
        sentences: sentences.iter().map(read).collect(),
        text: whole,
        aligned: true,
        ..Reading::default()
    })
}
