//! Google Speech-to-Text v1, v1p1beta1 and v2: results with alternatives, times
//! as `"1.300s"` or as seconds and nanos. The last result of a diarised
//! transcript repeats all words, with speakers and without a text.

use super::fields::{language, name, number, sentence, text, word};
use crate::speech::reading::{Reading, Sentence, Time, Token};
use serde_json::Value;
use std::collections::HashMap;

pub fn read(value: &Value) -> Option<Reading> {
    let results = results(value)?;
    if results.is_empty() || !results.iter().all(|r| r.get("alternatives").is_some_and(Value::is_array)) {
        return None;
    }
    // Speechmatics' results are alike, and each is a single word.
    if results.iter().any(|r| r.get("type").is_some()) {
        return None;
    }
    let told = results.iter().find_map(|r| key(r, &["languageCode", "language_code"]));
    let mut reading = Reading { language: language(told), aligned: true, ..Reading::default() };
    let mut before: HashMap<String, f64> = HashMap::new();
    for result in results {
        let best = result.pointer("/alternatives/0").unwrap_or(&Value::Null);
        let channel = name(key(result, &["channelTag", "channel_tag"])).filter(|c| c != "0");
        let words = words(best, &channel);
        let said = text(best, &["transcript"]);
        let time = span(result, &channel, &words, &mut before);
        let inside: usize = reading.sentences.iter().map(|s| s.words.len()).sum();
        if said.trim().is_empty() && !words.is_empty() && words.len() >= inside && inside > 0 {
            // The same words again, with their speakers.
            reading.words = words;
            reading.sentences.iter_mut().for_each(|s| s.words.clear());
            continue;
        }
        reading.sentences.push(Sentence { words, ..sentence(said, time, channel) });
    }
    Some(reading)
}

/// The list of results, also of an operation that is done, and of a batch of one file.
fn results(value: &Value) -> Option<&Vec<Value>> {
    let value = value.get("response").unwrap_or(value);
    match value.get("results")? {
        Value::Array(list) => Some(list),
        Value::Object(files) if files.len() == 1 => {
            let file = files.values().next()?;
            let inner = file.get("inlineResult").or_else(|| file.get("inline_result")).unwrap_or(file);
            inner.pointer("/transcript/results")?.as_array()
        }
        _ => None,
    }
}

fn key<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|k| value.get(*k))
}

/// From the end of the channel's result before, or its own first word, to its own end.
fn span(
    result: &Value,
    channel: &Option<String>,
    words: &[Token],
    before: &mut HashMap<String, f64>,
) -> Time {
    let ends = ["resultEndTime", "result_end_time", "resultEndOffset", "result_end_offset"];
    let last = words.iter().filter_map(|w| w.time.end_s).fold(f64::NAN, f64::max);
    let end_s = number(key(result, &ends)).max(last);
    let earlier = before.entry(channel.clone().unwrap_or_default()).or_insert(0.0);
    let start_s = *earlier;
    if end_s.is_finite() {
        *earlier = end_s;
    }
    Time::new(start_s, end_s)
}

fn words(best: &Value, channel: &Option<String>) -> Vec<Token> {
    let list = best.get("words").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let time = |w: &Value| {
        let start = key(w, &["startTime", "start_time", "startOffset", "start_offset"]);
        let end = key(w, &["endTime", "end_time", "endOffset", "end_offset"]);
        // A start at zero is left out by some clients.
        let start_s = if start.is_none() && end.is_some() { f64::NAN } else { number(start) };
        Time::new(start_s, number(end))
    };
    let speaker = |w: &Value| {
        let tag = name(key(w, &["speakerLabel", "speaker_label", "speakerTag", "speaker_tag"]));
        channel.clone().or(tag.filter(|t| t != "0"))
    };
    list.iter().filter_map(|w| word(text(w, &["word"]), time(w), speaker(w))).collect()
}
