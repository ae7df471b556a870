//! The JSON that transcription tools write, known by its shape: Deepgram,
//! AssemblyAI, AWS Transcribe, whisper.cpp, Vosk, and every verbose_json
//! (OpenAI's whisper, faster-whisper, WhisperX, whisper-timestamped).
//!
//! Deepgram, AssemblyAI, AWS and Vosk align their words to the audio: their
//! times are trusted. Whisper's drift.

use super::{SpeechError, verbose_json};
use crate::call::{RawTranscript, Word};
use serde_json::Value;

/// Reads a transcript of any known shape. `duration_s` is the audio's length.
///
/// # Errors
/// [`SpeechError::NotUnderstood`] when no shape fits.
pub fn parse(json: &[u8], duration_s: f64) -> Result<RawTranscript, SpeechError> {
    let value: Value =
        serde_json::from_slice(json).map_err(|_| SpeechError::NotUnderstood("it is not JSON"))?;
    if let Some(channels) = value.pointer("/results/channels").and_then(Value::as_array) {
        return Ok(deepgram(channels, value.pointer("/results/channels/0/detected_language")));
    }
    if let Some(results) =
        value.get("results").filter(|r| r.get("items").is_some() || r.get("channel_labels").is_some())
    {
        return Ok(aws(results));
    }
    if let Some(segments) = value.get("transcription").and_then(Value::as_array) {
        return Ok(whisper_cpp(segments, value.pointer("/result/language")));
    }
    if let Some(words) = value.get("words").and_then(Value::as_array)
        && (value.get("language_code").is_some()
            || value.get("audio_duration").is_some()
            || value.get("utterances").is_some())
    {
        return Ok(assembly(words, value.get("language_code")));
    }
    if let Some(words) = value.get("result").and_then(Value::as_array) {
        return Ok(aligned(
            words.iter().map(|w| word(w, "word", ["start", "end"], 1.0, None)).collect(),
            None,
        ));
    }
    verbose_json::parse(json, duration_s)
}

fn aligned(words: Vec<Option<Word>>, language: Option<&Value>) -> RawTranscript {
    let mut words: Vec<Word> = words.into_iter().flatten().collect();
    // Channels side by side: in the order in which they were said.
    words.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    RawTranscript {
        words,
        language: language_of(language),
        word_times: true,
        trusted_times: true,
        ..RawTranscript::default()
    }
}

/// `en-US`, `en_us` → `en`.
fn language_of(value: Option<&Value>) -> Option<String> {
    let name = value?.as_str()?;
    name.split(['-', '_']).next().map(str::to_ascii_lowercase)
}

fn number(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::Number(n)) => n.as_f64().unwrap_or(f64::NAN),
        Some(Value::String(s)) => s.trim().parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}

fn name(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

/// One word; `unit_s` is what its times count.
fn word(value: &Value, text: &str, times: [&str; 2], unit_s: f64, speaker: Option<String>) -> Option<Word> {
    let text = value.get(text)?.as_str()?.trim();
    let [start_s, end_s] = times.map(|t| number(value.get(t)) * unit_s);
    let speaker = speaker.or_else(|| name(value.get("speaker")));
    (!text.is_empty()).then(|| Word { text: text.to_owned(), start_s, end_s, speaker })
}

fn deepgram(channels: &[Value], language: Option<&Value>) -> RawTranscript {
    let many = channels.len() > 1;
    let words = channels.iter().enumerate().flat_map(|(n, channel)| {
        let list =
            channel.pointer("/alternatives/0/words").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().map(move |w| {
            let text = if w.get("punctuated_word").is_some() { "punctuated_word" } else { "word" };
            word(w, text, ["start", "end"], 1.0, many.then(|| n.to_string()))
        })
    });
    aligned(words.collect(), language)
}

/// Milliseconds.
fn assembly(words: &[Value], language: Option<&Value>) -> RawTranscript {
    aligned(words.iter().map(|w| word(w, "text", ["start", "end"], 1e-3, None)).collect(), language)
}

fn aws(results: &Value) -> RawTranscript {
    let list = |v: Option<&Value>| v.and_then(Value::as_array).cloned().unwrap_or_default();
    let channels = list(results.pointer("/channel_labels/channels"));
    let mut words = Vec::new();
    for channel in &channels {
        words.extend(aws_items(&list(channel.get("items")), name(channel.get("channel_label"))));
    }
    if channels.is_empty() {
        words = aws_items(&list(results.get("items")), None);
    }
    aligned(words, results.get("language_code"))
}

fn aws_items(items: &[Value], speaker: Option<String>) -> Vec<Option<Word>> {
    let mut words: Vec<Option<Word>> = Vec::new();
    for item in items {
        let content = item.pointer("/alternatives/0/content").and_then(Value::as_str).unwrap_or("");
        if item.get("type").and_then(Value::as_str) == Some("punctuation") {
            if let Some(Some(last)) = words.last_mut() {
                last.text.push_str(content);
            }
            continue;
        }
        let speaker = speaker.clone().or_else(|| name(item.get("speaker_label")));
        words.push((!content.is_empty()).then(|| Word {
            text: content.to_owned(),
            start_s: number(item.get("start_time")),
            end_s: number(item.get("end_time")),
            speaker,
        }));
    }
    words
}

/// whisper.cpp's own JSON (`-oj`, `-ojf`): tokens in milliseconds where it was
/// asked for them, segments otherwise.
fn whisper_cpp(segments: &[Value], language: Option<&Value>) -> RawTranscript {
    let mut words: Vec<Word> = Vec::new();
    let mut word_times = true;
    for segment in segments {
        let [from, to] = ["/offsets/from", "/offsets/to"].map(|p| number(segment.pointer(p)) / 1e3);
        let speaker = name(segment.get("speaker"));
        let Some(tokens) = segment.get("tokens").and_then(Value::as_array) else {
            word_times = false;
            let text = segment.get("text").and_then(Value::as_str).unwrap_or("");
            words.extend(text.split_whitespace().map(|t| Word {
                text: t.to_owned(),
                start_s: from,
                end_s: to,
                speaker: speaker.clone(),
            }));
            continue;
        };
        let mut first = true;
        for token in tokens {
            let text = token.get("text").and_then(Value::as_str).unwrap_or("");
            if text.trim().is_empty() || text.starts_with("[_") {
                continue;
            }
            let [start_s, end_s] = ["/offsets/from", "/offsets/to"].map(|p| number(token.pointer(p)) / 1e3);
            match words.last_mut() {
                // A token without a leading space continues the word before.
                Some(last) if !first && !text.starts_with(' ') => {
                    last.text.push_str(text);
                    last.end_s = last.end_s.max(end_s);
                }
                _ => words.push(Word {
                    text: text.trim().to_owned(),
                    start_s,
                    end_s,
                    speaker: speaker.clone(),
                }),
            }
            first = false;
        }
    }
    RawTranscript { words, language: language_of(language), word_times, ..RawTranscript::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Said = (String, i64, i64, Option<String>);

    fn read(json: &str) -> (Vec<Said>, RawTranscript) {
        let got = parse(json.as_bytes(), 60.0).expect("a transcript");
        let ms = |s: f64| (s * 1e3).round() as i64;
        let words = got.words.iter().map(|w| (w.text.clone(), ms(w.start_s), ms(w.end_s), w.speaker.clone()));
        (words.collect(), got)
    }

    fn said(words: &[(&str, i64, i64, Option<&str>)]) -> Vec<Said> {
        words.iter().map(|(t, a, b, s)| ((*t).to_owned(), *a, *b, s.map(str::to_owned))).collect()
    }

    #[test]
    fn deepgrams_channels_are_speakers_in_the_order_of_time() {
        let (words, got) = read(
            r#"{"metadata":{"duration":9.1},"results":{"channels":[
              {"detected_language":"en-US","alternatives":[{"transcript":"Card?","confidence":0.9,"words":[{"word":"card","punctuated_word":"Card?","start":1.0,"end":1.4,"confidence":0.9}]}]},
              {"alternatives":[{"words":[{"word":"four","start":0.5,"end":0.9},{"word":"two","start":2.0,"end":2.2}]}]}]}}"#,
        );
        assert_eq!(
            words,
            said(&[
                ("four", 500, 900, Some("1")),
                ("Card?", 1000, 1400, Some("0")),
                ("two", 2000, 2200, Some("1"))
            ])
        );
        assert!(got.trusted_times && got.word_times && got.language.as_deref() == Some("en"));
    }

    #[test]
    fn assemblyais_times_are_milliseconds() {
        let (words, got) = read(
            r#"{"id":"x","status":"completed","language_code":"en_us","audio_duration":9,"text":"four two",
              "words":[{"text":"four","start":500,"end":900,"confidence":0.9,"speaker":"A"},{"text":"two.","start":1000,"end":1250,"speaker":"B"}]}"#,
        );
        assert_eq!(words, said(&[("four", 500, 900, Some("A")), ("two.", 1000, 1250, Some("B"))]));
        assert!(got.trusted_times && got.language.as_deref() == Some("en"));
    }

    #[test]
    fn awss_punctuation_belongs_to_the_word_before() {
        let (words, got) = read(
            r#"{"jobName":"j","accountId":"1","status":"COMPLETED","results":{"language_code":"es-US","transcripts":[{"transcript":"x"}],"items":[
              {"type":"pronunciation","start_time":"0.5","end_time":"0.9","speaker_label":"spk_0","alternatives":[{"confidence":"0.9","content":"cuatro"}]},
              {"type":"punctuation","alternatives":[{"content":"."}]},
              {"type":"pronunciation","start_time":"1.0","end_time":"1.2","speaker_label":"spk_1","alternatives":[{"content":"dos"}]}]}}"#,
        );
        assert_eq!(words, said(&[("cuatro.", 500, 900, Some("spk_0")), ("dos", 1000, 1200, Some("spk_1"))]));
        assert_eq!(got.language.as_deref(), Some("es"));
    }

    #[test]
    fn whisper_cpps_tokens_are_joined_and_its_segments_serve_where_there_are_none() {
        let (words, got) = read(
            r#"{"systeminfo":"x","model":{},"params":{},"result":{"language":"en"},"transcription":[
              {"timestamps":{"from":"00:00:00,000","to":"00:00:02,000"},"offsets":{"from":0,"to":2000},"text":" forty two.",
               "tokens":[{"text":"[_BEG_]","offsets":{"from":0,"to":0}},{"text":" for","offsets":{"from":500,"to":700}},{"text":"ty","offsets":{"from":700,"to":900}},
                         {"text":" two","offsets":{"from":1000,"to":1200}},{"text":".","offsets":{"from":1200,"to":1250}}]}]}"#,
        );
        assert_eq!(words, said(&[("forty", 500, 900, None), ("two.", 1000, 1250, None)]));
        assert!(got.word_times && !got.trusted_times);
        let (words, got) = read(
            r#"{"result":{"language":"en"},"transcription":[{"offsets":{"from":0,"to":2000},"text":" card 4532"}]}"#,
        );
        assert_eq!(words, said(&[("card", 0, 2000, None), ("4532", 0, 2000, None)]));
        assert!(!got.word_times);
    }

    #[test]
    fn vosk_and_verbose_json_are_known_too() {
        let (words, got) =
            read(r#"{"result":[{"conf":1.0,"start":0.5,"end":0.9,"word":"four"}],"text":"four"}"#);
        assert_eq!((words, got.trusted_times), (said(&[("four", 500, 900, None)]), true));
        let (words, got) = read(
            r#"{"language":"en","segments":[{"start":0.0,"end":1.0,"text":" four","words":[{"word":" four","start":0.5,"end":0.9,"score":0.8}]}]}"#,
        );
        assert_eq!((words, got.trusted_times), (said(&[("four", 500, 900, None)]), false));
    }

    proptest! {
        #[test]
        fn any_json_is_words_or_an_error(text in "\\{(\"(words|results|result|transcription|items|tokens|text|start)\":(\\[\\]|\\{\\}|1|\"x\"),?){0,4}\\}") {
            let _ = parse(text.as_bytes(), 10.0);
        }
    }
}
