//! Hugging Face's pipelines and insanely-fast-whisper: `chunks` with a pair of
//! times in seconds, each a word or a segment; the last one's end is null.

use super::fields::{list, name, number, sentence, text, word};
use crate::speech::reading::{Reading, Sentence, Time};
use serde_json::Value;

pub fn read(value: &Value) -> Option<Reading> {
    let chunks = value.get("chunks")?.as_array()?;
    if !chunks.iter().all(|c| c.get("timestamp").is_some()) {
        return None;
    }
    // The same again with speakers, where they were told apart.
    let speakers = list(value, "speakers");
    let whole = speakers.len() >= chunks.len() && speakers.iter().all(|c| c.get("timestamp").is_some());
    let chunks = if whole { speakers } else { chunks };
    let by_word = chunks.iter().filter(|c| is_word(c)).count() * 10 > chunks.len() * 9;
    let text = value.get("text").and_then(Value::as_str).map(str::to_owned);
    Some(if by_word {
        let words = chunks.iter().filter_map(|c| word(said(c), time(c), name(c.get("speaker")))).collect();
        Reading { words, text, ..Reading::default() }
    } else {
        Reading { sentences: chunks.iter().map(segment).collect(), text, ..Reading::default() }
    })
}

fn said(chunk: &Value) -> &str {
    text(chunk, &["text"])
}

fn is_word(chunk: &Value) -> bool {
    said(chunk).split_whitespace().nth(1).is_none()
}

fn time(chunk: &Value) -> Time {
    let at = |n: usize| number(chunk.get("timestamp").and_then(|t| t.get(n)));
    Time::new(at(0), at(1))
}

/// A chunk of one word is that word, with its own time.
fn segment(chunk: &Value) -> Sentence {
    sentence(said(chunk), time(chunk), name(chunk.get("speaker")))
}
