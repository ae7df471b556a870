//! The same call as every tool writes it.

use super::*;
use serde_json::json;

/// Start and end in milliseconds.
type Said = (String, i64, i64);

pub(super) fn read(value: &Value, duration_s: f64) -> RawTranscript {
    parse(value.to_string().as_bytes(), duration_s).expect("a transcript")
}

fn said(got: &RawTranscript) -> Vec<Said> {
    let ms = |s: f64| (s * 1e3).round() as i64;
    got.words.iter().map(|w| (w.text.clone(), ms(w.start_s), ms(w.end_s))).collect()
}

/// "Your code? 4471, thanks." with the times of its words.
const CALL: [(&str, f64, f64); 4] =
    [("Your", 1.0, 1.3), ("code?", 1.4, 1.9), ("4471,", 4.2, 5.6), ("thanks.", 6.5, 7.1)];

fn want() -> Vec<Said> {
    CALL.iter().map(|(w, a, b)| ((*w).to_owned(), (a * 1e3) as i64, (b * 1e3).round() as i64)).collect()
}

pub(super) fn texts() -> String {
    CALL.map(|(w, ..)| w).join(" ")
}

pub(super) fn each(make: impl Fn(&str, f64, f64) -> Value) -> Value {
    Value::Array(CALL.iter().map(|(w, a, b)| make(w, *a, *b)).collect())
}

pub(super) fn ms(s: f64) -> i64 {
    (s * 1e3).round() as i64
}

pub(super) fn seconds(word: &'static str) -> Value {
    each(|w, a, b| json!({word: w, "start": a, "end": b}))
}

/// A shape, the file, whether its times are trusted, and the language that it tells.
type Shape = (&'static str, Value, bool, Option<&'static str>);

fn whisper_shapes() -> Vec<Shape> {
    let segment = json!({"id": 0, "start": 1.0, "end": 7.2, "text": format!(" {}", texts())});
    let with = |words: Value| {
        let mut segment = segment.clone();
        segment["words"] = words;
        segment
    };
    let spaced =
        || each(|w, a, b| json!({"word": format!(" {w}"), "start": a, "end": b, "probability": 0.9}));
    let bare = || each(|w, a, b| json!({"word": w.trim_matches(['?', ',', '.']), "start": a, "end": b}));
    let nanos = each(|w, a, b| json!({"word": w, "start": (a * 1e9) as i64, "end": (b * 1e9) as i64}));
    let tokens = json!([{"text": "[_BEG_]", "offsets": {"from": 0, "to": 0}}, {"text": " Your", "offsets": {"from": 1000, "to": 1300}},
        {"text": " co", "offsets": {"from": 1400, "to": 1600}}, {"text": "de", "offsets": {"from": 1600, "to": 1850}},
        {"text": "?", "offsets": {"from": 1850, "to": 1900}}, {"text": " 44", "offsets": {"from": 4200, "to": 5000}},
        {"text": "71", "offsets": {"from": 5000, "to": 5550}}, {"text": ",", "offsets": {"from": 5550, "to": 5600}},
        {"text": " thanks.", "offsets": {"from": 6500, "to": 7100}}]);
    vec![
        (
            "OpenAI",
            json!({"task": "transcribe", "language": "english", "duration": 9.0, "text": texts(), "words": bare(), "segments": [segment.clone()]}),
            false,
            Some("en"),
        ),
        ("OpenAI, words alone", json!({"text": texts(), "words": bare(), "segments": null}), false, None),
        (
            "faster-whisper's servers",
            json!({"language": "en", "words": spaced(), "segments": [with(spaced())]}),
            false,
            Some("en"),
        ),
        ("faster-whisper's segments as a list", json!([with(spaced())]), false, None),
        (
            "WhisperX",
            json!({"segments": [with(seconds("word"))], "word_segments": seconds("word"), "language": "en"}),
            false,
            Some("en"),
        ),
        (
            "whisper-timestamped",
            json!({"text": texts(), "segments": [with(seconds("text"))], "language": "en"}),
            false,
            Some("en"),
        ),
        (
            "nanoseconds",
            json!({"segments": [{"start": 1_000_000_000i64, "end": 7_200_000_000i64, "text": texts(), "words": nanos}]}),
            false,
            None,
        ),
        (
            "whisper.cpp",
            json!({"result": {"language": "en"}, "transcription": [{"offsets": {"from": 1000, "to": 7200}, "text": format!(" {}", texts()), "tokens": tokens}]}),
            false,
            Some("en"),
        ),
        (
            "Hugging Face",
            json!({"text": texts(), "chunks": each(|w, a, b| json!({"text": format!(" {w}"), "timestamp": [a, b]}))}),
            false,
            None,
        ),
        (
            "NeMo",
            json!({"text": texts(), "timestamp": {"word": each(|w, a, b| json!({"word": w, "start": a, "end": b, "start_offset": 5, "end_offset": 9})),
            "segment": [{"segment": texts(), "start": 1.0, "end": 7.2}]}}),
            true,
            None,
        ),
        (
            "Parakeet for MLX",
            json!({"text": texts(), "sentences": [{"text": texts(), "start": 1.0, "end": 7.2, "duration": 6.2,
            "tokens": each(|w, a, b| json!({"text": format!(" {w}"), "start": a, "end": b, "duration": b - a}))}]}),
            true,
            None,
        ),
        ("Vosk", json!({"result": seconds("word"), "text": texts()}), true, None),
        (
            "Vosk, by utterance",
            json!([{"result": [{"word": "Your", "start": 1.0, "end": 1.3}, {"word": "code?", "start": 1.4, "end": 1.9}], "text": "Your code?"}, {"text": ""},
            {"result": [{"word": "4471,", "start": 4.2, "end": 5.6}, {"word": "thanks.", "start": 6.5, "end": 7.1}], "text": "4471, thanks."}]),
            true,
            None,
        ),
    ]
}

fn service_shapes() -> Vec<Shape> {
    let millis = |w: &str, a: f64, b: f64| json!({"text": w, "start": ms(a), "end": ms(b), "confidence": 0.9, "speaker": "A"});
    let item = |w: &str, a: f64, b: f64| json!({"type": "pronunciation", "start_time": a.to_string(), "end_time": b.to_string(), "alternatives": [{"content": w}]});
    let mut scribe = Vec::new();
    for (w, a, b) in CALL {
        scribe.push(json!({"text": w, "start": a, "end": b, "type": "word", "speaker_id": "speaker_0", "logprob": -0.1}));
        scribe.push(json!({"text": " ", "start": b, "end": b, "type": "spacing", "speaker_id": "speaker_0"}));
    }
    let lens = |w: &str, a: f64, b: f64| json!({"Type": "pronunciation", "Alternatives": [{"Content": w}], "BeginOffsetMillis": ms(a), "EndOffsetMillis": ms(b)});
    let speechmatics = |w: &str, a: f64, b: f64| json!({"type": "word", "start_time": a, "end_time": b, "alternatives": [{"content": w, "speaker": "S1"}]});
    let mut rev = Vec::new();
    for (w, a, b) in CALL {
        let bare = w.trim_matches(['?', ',', '.']);
        rev.push(json!({"type": "text", "value": bare, "ts": a, "end_ts": b, "confidence": 0.9}));
        rev.push(json!({"type": "punct", "value": format!("{} ", &w[bare.len()..])}));
    }
    vec![
        (
            "Deepgram",
            json!({"metadata": {}, "results": {"channels": [{"detected_language": "en-US", "alternatives": [{"transcript": texts(),
            "words": each(|w, a, b| json!({"word": "x", "punctuated_word": w, "start": a, "end": b}))}]}]}}),
            true,
            Some("en"),
        ),
        (
            "AssemblyAI",
            json!({"id": "x", "status": "completed", "language_code": "en_us", "audio_duration": 9, "text": texts(), "words": each(millis),
            "utterances": [{"speaker": "A", "start": 1000, "end": 7100, "text": texts(), "words": each(millis)}]}),
            true,
            Some("en"),
        ),
        (
            "ElevenLabs Scribe",
            json!({"language_code": "eng", "language_probability": 0.98, "text": texts(), "words": scribe}),
            true,
            Some("en"),
        ),
        (
            "ElevenLabs Scribe, by channel",
            json!({"transcripts": [{"language_code": "eng", "channel_index": 0, "text": texts(), "words": scribe}], "transcription_id": "x"}),
            true,
            Some("en"),
        ),
        (
            "AWS Transcribe",
            json!({"jobName": "j", "results": {"language_code": "en-US", "transcripts": [{"transcript": texts()}], "items": each(item)}}),
            true,
            Some("en"),
        ),
        (
            "AWS Transcribe, with stretches",
            json!({"results": {"transcripts": [{"transcript": texts()}], "items": each(item),
            "audio_segments": [{"id": 0, "transcript": texts(), "start_time": "1.0", "end_time": "7.2", "items": [0, 1, 2, 3]}]}}),
            true,
            None,
        ),
        (
            "Contact Lens",
            json!({"JobStatus": "COMPLETED", "LanguageCode": "en-US", "Participants": [], "Transcript": [{"Id": "t", "Content": texts(), "LoudnessScores": [70.1],
            "ParticipantRole": "AGENT", "BeginOffsetMillis": 1000, "EndOffsetMillis": 7200, "Items": each(lens)}]}),
            true,
            Some("en"),
        ),
        (
            "Speechmatics",
            json!({"format": "2.9", "job": {}, "metadata": {"transcription_config": {"language": "en"}}, "results": each(speechmatics)}),
            true,
            Some("en"),
        ),
        ("Rev", json!({"monologues": [{"speaker": 0, "elements": rev}]}), true, None),
        (
            "Twilio",
            json!({"sentences": [{"media_channel": 1, "sentence_index": 0, "start_time": "1.0", "end_time": "7.2", "transcript": texts(),
            "words": each(|w, a, b| json!({"word": w, "start_time": a.to_string(), "end_time": b.to_string()}))}], "meta": {}}),
            true,
            None,
        ),
    ]
}

fn google_and_azure_shapes() -> Vec<Shape> {
    let google = |w: &str, a: f64, b: f64| json!({"startTime": format!("{a:.3}s"), "endTime": format!("{b:.3}s"), "word": w});
    let parts = |t: f64| json!({"seconds": (t.trunc() as i64).to_string(), "nanos": (t.fract() * 1e9).round() as i64});
    let v2 = |w: &str, a: f64, b: f64| json!({"startOffset": format!("{a}s"), "endOffset": format!("{b}s"), "word": w, "speakerLabel": "1"});
    let result = |words: Value| json!({"alternatives": [{"transcript": texts(), "words": words}], "resultEndTime": "7.200s", "languageCode": "en-us"});
    let ticks = |t: f64| (t * 1e7).round() as i64;
    let azure = |w: &str, a: f64, b: f64| json!({"word": w, "offset": format!("PT{a}S"), "duration": format!("PT{:.1}S", b - a), "offsetInTicks": ticks(a), "durationInTicks": ticks(b - a)});
    let iso = |w: &str, a: f64, b: f64| json!({"word": w, "offset": format!("PT{a}S"), "duration": format!("PT{:.1}S", b - a)});
    let batch = |words: Value| {
        json!({"source": "x", "durationInTicks": ticks(9.0), "combinedRecognizedPhrases": [{"channel": 0, "display": texts()}],
        "recognizedPhrases": [{"channel": 0, "offsetInTicks": ticks(1.0), "durationInTicks": ticks(6.2), "nBest": [{"display": texts(), "words": words}]}]})
    };
    vec![
        ("Google v1", json!({"results": [result(each(google))]}), true, Some("en")),
        (
            "Google, an operation",
            json!({"name": "1", "done": true, "response": {"results": [result(each(google))]}}),
            true,
            Some("en"),
        ),
        (
            "Google, seconds and nanos",
            json!({"results": [result(each(|w, a, b| json!({"start_time": parts(a), "end_time": parts(b), "word": w})))]}),
            true,
            Some("en"),
        ),
        (
            "Google v2",
            json!({"results": [{"alternatives": [{"transcript": texts(), "words": each(v2)}], "resultEndOffset": "7.2s"}]}),
            true,
            None,
        ),
        (
            "Google, diarised",
            json!({"results": [{"alternatives": [{"transcript": texts(), "words": each(google)}], "resultEndTime": "7.2s"},
            {"alternatives": [{"words": each(google)}]}]}),
            true,
            None,
        ),
        ("Azure batch", batch(each(azure)), true, None),
        ("Azure batch, ISO durations", batch(each(iso)), true, None),
        (
            "Azure fast",
            json!({"durationMilliseconds": 9000, "combinedPhrases": [{"text": texts()}], "phrases": [{"offsetMilliseconds": 1000, "durationMilliseconds": 6200, "text": texts(), "locale": "en-US",
            "words": each(|w, a, b| json!({"text": w, "offsetMilliseconds": ms(a), "durationMilliseconds": ms(b - a)}))}]}),
            true,
            Some("en"),
        ),
        (
            "Azure, detailed",
            json!({"RecognitionStatus": "Success", "Offset": ticks(1.0), "Duration": ticks(6.2), "DisplayText": texts(),
            "NBest": [{"Display": texts(), "Words": each(|w, a, b| json!({"Word": w, "Offset": ticks(a), "Duration": ticks(b - a)}))}]}),
            true,
            None,
        ),
    ]
}

fn shapes() -> Vec<Shape> {
    let mut all = whisper_shapes();
    all.extend(service_shapes());
    all.extend(google_and_azure_shapes());
    all
}

#[test]
fn every_tools_shape_gives_the_same_words_at_the_same_times() {
    for (tool, file, trusted, language) in shapes() {
        let got = read(&file, 9.0);
        assert_eq!(said(&got), want(), "{tool}");
        assert!(got.word_times && got.unplaced.is_empty(), "{tool}: {:?}", got.unplaced);
        assert_eq!((got.trusted_times, got.language.as_deref()), (trusted, language), "{tool}");
    }
}

/// Takes every time out of a file, wherever its tool writes words.
fn without_words(value: &mut Value) {
    let lists = ["words", "word_segments", "tokens", "items", "Items", "Words", "elements", "word"];
    match value {
        Value::Object(keys) => {
            for (key, inner) in keys.iter_mut() {
                if lists.contains(&key.as_str()) && inner.is_array() {
                    *inner = json!([])
                } else {
                    without_words(inner)
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(without_words),
        _ => {}
    }
}

#[test]
fn a_text_without_its_words_lies_in_the_stretch_of_its_segment() {
    for (tool, mut file, ..) in shapes() {
        without_words(&mut file);
        // Their words are all that there is.
        if matches!(tool, "Speechmatics" | "Rev" | "OpenAI, words alone" | "Hugging Face")
            || tool.starts_with("Vosk")
        {
            continue;
        }
        let got = read(&file, 9.0);
        let words: Vec<&str> = got.words.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(words.join(" "), texts(), "{tool}");
        assert!(!got.word_times && got.unplaced.len() == 4, "{tool}");
        let code = &got.words[2];
        assert!(code.start_s <= 4.2 && code.end_s >= 5.6, "{tool}: {code:?}");
    }
}
