//! whisper.cpp's own JSON (`-oj`, `-ojf`): segments in milliseconds, with
//! tokens where they were asked for.

use super::fields::{language, list, name, pieces, sentence, span_in, text};
use crate::speech::reading::{Reading, Sentence, Time};
use serde_json::Value;

pub fn read(value: &Value) -> Option<Reading> {
    let segments = value.get("transcription")?.as_array()?;
    Some(Reading {
        sentences: segments.iter().map(segment).collect(),
        language: language(value.pointer("/result/language")),
        ..Reading::default()
    })
}

fn offsets(value: &Value) -> Time {
    value.get("offsets").map_or(Time::NONE, |o| span_in(o, "from", "to", 1e3))
}

fn segment(value: &Value) -> Sentence {
    let said = |t: &Value| !text(t, &["text"]).starts_with("[_");
    let tokens = list(value, "tokens").iter().filter(|t| said(t));
    let words = pieces(tokens.map(|t| (text(t, &["text"]), offsets(t), None)));
    let speaker = name(value.get("speaker"));
    Sentence { words, ..sentence(text(value, &["text"]), offsets(value), speaker) }
}
