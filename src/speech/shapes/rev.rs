//! Rev and Rev AI: monologues of elements, `ts` and `end_ts` in seconds,
//! punctuation without.

use super::fields::{list, name, span, text};
use crate::speech::reading::{Reading, Sentence, Token};
use serde_json::Value;

pub fn read(value: &Value) -> Option<Reading> {
    let monologues = value.get("monologues")?.as_array()?;
    let words = monologues.iter().flat_map(monologue).collect();
    Some(Reading {
        sentences: vec![Sentence { words, ..Sentence::default() }],
        streams: true,
        aligned: true,
        ..Reading::default()
    })
}

fn monologue(value: &Value) -> Vec<Token> {
    let speaker = name(value.get("speaker")).or_else(|| name(value.get("speaker_info")?.get("display_name")));
    let mut words: Vec<Token> = Vec::new();
    for element in list(value, "elements") {
        let said = text(element, &["value"]).trim();
        match (text(element, &["type"]), words.last_mut()) {
            (_, _) if said.is_empty() => {}
            ("punct", Some(last)) => last.text.push_str(said),
            ("punct", None) => {}
            _ => words.push(Token::new(said, span(element, "ts", "end_ts"), speaker.clone())),
        }
    }
    words
}
