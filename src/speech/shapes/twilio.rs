//! Twilio: the sentences of Voice Intelligence, in seconds, and the text alone
//! of a recording's own transcription.

use super::fields::{list, name, sentence, span, text, word};
use crate::speech::reading::{Reading, Sentence, Time, Token, Unit};
use serde_json::Value;

pub fn read(value: &Value) -> Option<Reading> {
    if let Some(said) = value.get("transcription_text") {
        let said = said.as_str().unwrap_or_default();
        let sentences = vec![sentence(said, Time::NONE, None)];
        return Some(Reading { sentences, ..Reading::default() });
    }
    let sentences = value.get("sentences")?.as_array()?;
    if !sentences.iter().all(|s| s.get("transcript").is_some()) {
        return None;
    }
    let mut sentences: Vec<Sentence> = sentences.iter().map(read_sentence).collect();
    let start = |s: &Sentence| s.time.start_s.unwrap_or(f64::INFINITY);
    if sentences.iter().all(|s| s.time.start_s.is_some()) {
        sentences.sort_by(|a, b| start(a).total_cmp(&start(b)));
    }
    Some(Reading { sentences, aligned: true, unit: Unit::Checked(1.0), ..Reading::default() })
}

fn read_sentence(value: &Value) -> Sentence {
    let speaker = name(value.get("media_channel"));
    let time = |w: &Value| span(w, "start_time", "end_time");
    let words: Vec<Token> = list(value, "words")
        .iter()
        .filter_map(|w| word(text(w, &["word", "text"]), time(w), speaker.clone()))
        .collect();
    Sentence { words, ..sentence(text(value, &["transcript"]), time(value), speaker) }
}
