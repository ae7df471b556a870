//! Vosk and Kaldi: `result` with words in seconds and the `text`; one object,
//! or a list of them, one for each utterance.

use super::fields::{list, span, text, word};
use crate::speech::reading::{Reading, Token};
use serde_json::Value;

pub fn read(value: &Value) -> Option<Reading> {
    let utterances = match value.as_array() {
        Some(list) if !list.is_empty() => list.iter().collect(),
        Some(_) => return None,
        None => vec![value],
    };
    if !utterances.iter().any(|u| best(u).get("result").is_some_and(Value::is_array)) {
        return None;
    }
    // An utterance in which nothing was said has its empty text alone.
    if !utterances
        .iter()
        .all(|u| best(u).get("result").is_some_and(Value::is_array) || best(u).get("text").is_some())
    {
        return None;
    }
    let words: Vec<Token> =
        utterances.iter().flat_map(|u| list(best(u), "result")).filter_map(read_word).collect();
    let said: Vec<&str> = utterances.iter().map(|u| text(best(u), &["text"])).collect();
    Some(Reading { words, text: Some(said.join(" ")), aligned: true, ..Reading::default() })
}

/// Where several readings were asked for, the first is the best.
fn best(utterance: &Value) -> &Value {
    utterance.pointer("/alternatives/0").unwrap_or(utterance)
}

fn read_word(value: &Value) -> Option<Token> {
    word(text(value, &["word"]), span(value, "start", "end"), None)
}
