//! ElevenLabs Scribe: words in seconds with spaces and sounds between them; one
//! transcript, or one for each channel.

use super::fields::{language, list, name, sentence, span, text, word};
use crate::speech::reading::{Reading, Sentence, Time, Token, Unit};
use serde_json::Value;

pub fn read(value: &Value) -> Option<Reading> {
    let transcripts = list(value, "transcripts");
    let all: Vec<&Value> = if transcripts.is_empty() { vec![value] } else { transcripts.iter().collect() };
    // A list of transcripts by channel is nobody else's.
    let by_channel =
        !transcripts.is_empty() && all.iter().all(|t| t.get("words").is_some_and(Value::is_array));
    if !by_channel && !all.iter().all(|t| is_scribe(t)) {
        return None;
    }
    let many = all.len() > 1;
    let channel = |(n, t): (usize, &&Value)| {
        let label = many.then(|| name(t.get("channel_index")).unwrap_or_else(|| n.to_string()));
        let words = list(t, "words").iter().filter_map(|w| token(w, &label)).collect();
        Sentence { words, ..sentence(text(t, &["text"]), Time::NONE, label.clone()) }
    };
    Some(Reading {
        sentences: all.iter().enumerate().map(channel).collect(),
        language: language(all.iter().find_map(|t| t.get("language_code"))),
        streams: true,
        aligned: true,
        unit: Unit::Checked(1.0),
        ..Reading::default()
    })
}

/// Its words say what they are; AssemblyAI's, which are alike, do not.
fn is_scribe(value: &Value) -> bool {
    let kinds = ["word", "spacing", "audio_event"];
    let words = list(value, "words");
    let typed = |w: &Value| kinds.contains(&text(w, &["type"]));
    let own = value.get("language_probability").is_some() || value.get("transcription_id").is_some();
    value.get("words").is_some_and(Value::is_array)
        && (own || !words.is_empty())
        && (own && words.is_empty()
            || words.iter().any(typed)
            || words.iter().any(|w| w.get("logprob").is_some() || w.get("speaker_id").is_some()))
}

fn token(value: &Value, channel: &Option<String>) -> Option<Token> {
    let speaker = channel.clone().or_else(|| name(value.get("speaker_id")));
    word(text(value, &["text"]), span(value, "start", "end"), speaker)
}
