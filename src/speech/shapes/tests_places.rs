//! What is made of transcripts that lack words or times, or say absurd ones.

use super::tests::{each, ms, read, seconds, texts};
use super::*;
use serde_json::json;

fn place_of(file: &Value, duration_s: f64, word: &str) -> (f64, f64) {
    let got = read(file, duration_s);
    let found = got.words.iter().find(|w| w.text.starts_with(word)).expect("the word");
    (found.start_s, found.end_s)
}

#[test]
fn what_stands_in_the_text_alone_lies_between_its_neighbours() {
    let w = |t: &str, a: f64, b: f64| json!({"word": t, "start": a, "end": b});
    let words = json!([w("My", 5.0, 5.2), w("mail", 5.3, 5.6), w("is", 5.7, 5.9), w("okay", 12.0, 12.5)]);
    let text = "My mail is kim.b@example.org okay";
    let segment = json!({"start": 5.0, "end": 12.6, "text": text, "words": words});
    for file in [
        json!({"segments": [segment]}),
        json!({"text": text, "words": words}),
        json!({"words": words, "segments": [{"start": 5.0, "end": 12.6, "text": text}]}),
        // In the whole text alone.
        json!({"text": text, "segments": [{"start": 5.0, "end": 12.6, "text": "My mail is okay", "words": words}]}),
    ] {
        assert_eq!(place_of(&file, 30.0, "kim"), (5.9, 12.0), "{file}");
    }
}

#[test]
fn a_number_beside_a_word_that_is_said_twice_lies_between_what_is_certain() {
    let file = |text: &str, words: Value| json!({"text": text, "words": words});
    let w = |t: &str, a: f64, b: f64| json!({"word": t, "start": a, "end": b});
    // The "okay" at 16.5 s may be the one before the number, or the one behind it.
    let behind = file("it is okay 4471 okay bye", json!([w("it", 1.0, 1.2), w("okay", 16.5, 17.4)]));
    assert_eq!(place_of(&behind, 20.0, "4471"), (1.2, 20.0));
    let before = file("hi okay yes 4471 okay it", json!([w("okay", 3.0, 3.4), w("it", 9.0, 9.2)]));
    assert_eq!(place_of(&before, 20.0, "4471"), (0.0, 9.0));
    // Two of three may be any two of them.
    let three = file("yes 4471 yes 0151 yes", json!([w("yes", 3.0, 3.4), w("yes", 9.0, 9.2)]));
    assert_eq!(place_of(&three, 20.0, "4471"), (0.0, 20.0));
    assert_eq!(place_of(&three, 20.0, "0151"), (0.0, 20.0));
}

#[test]
fn times_in_which_nobody_can_speak_are_no_times() {
    let file = |times: [(f64, f64); 4]| {
        let groups = ["4000", "1234", "5678", "9017"];
        let words: Vec<Value> =
            groups.iter().zip(times).map(|(g, (a, b))| json!({"word": g, "start": a, "end": b})).collect();
        let q = json!({"start": 1.0, "end": 2.5, "text": "card?", "words": [{"word": "card?", "start": 2.0, "end": 2.5}]});
        let z = json!({"start": 15.0, "end": 16.0, "text": "thanks", "words": [{"word": "thanks", "start": 15.0, "end": 16.0}]});
        json!({"segments": [q, {"start": 5.0, "end": 13.0, "text": groups.join(" "), "words": words}, z]})
    };
    let nan = f64::NAN;
    for (how, times) in [
        ("squeezed to the end", [(12.9, 12.92), (12.92, 12.94), (12.94, 12.96), (12.96, 12.98)]),
        ("squeezed to the beginning", [(5.0, 5.05), (5.05, 5.1), (5.1, 5.15), (5.15, 5.2)]),
        ("all at one moment", [(9.0, 9.0); 4]),
        ("backwards", [(11.0, 12.0), (9.0, 10.0), (7.0, 8.0), (5.0, 6.0)]),
        ("reversed", [(6.0, 5.0), (8.0, 7.0), (10.0, 9.0), (12.0, 11.0)]),
        ("negative", [(-9.0, -8.0); 4]),
        ("none", [(nan, nan); 4]),
        ("beyond the end", [(90.0, 91.0), (91.0, 92.0), (92.0, 93.0), (93.0, 94.0)]),
    ] {
        let got = read(&file(times), 20.0);
        let stretch: Vec<(f64, f64)> = got.words[1..5].iter().map(|w| (w.start_s, w.end_s)).collect();
        assert!(stretch.iter().all(|(a, b)| *a <= 5.0 && *b >= 13.0), "{how}: {stretch:?}");
        // A contradiction of words and segment costs both; nothing else leaves the segment.
        let most = if how == "beyond the end" { 20.0 } else { 13.0 };
        assert!(stretch.iter().all(|(_, b)| *b <= most), "{how}: {stretch:?}");
        assert_eq!(got.unplaced, [1, 2, 3, 4], "{how}");
    }
}

#[test]
fn turns_of_two_people_that_overlap_are_both_believed() {
    let turn =
        |text: &str, a: i64, b: i64| json!({"Content": text, "BeginOffsetMillis": a, "EndOffsetMillis": b});
    let file = json!({"Transcript": [turn("well I think that you told me so last week", 1000, 3200),
        turn("no I never said anything at all of that", 1200, 3100), turn("it is 4471", 12_000, 14_000)]});
    let got = read(&file, 20.0);
    assert_eq!((got.words[0].start_s, got.words[0].end_s), (1.0, 3.2));
    assert_eq!((got.words[10].start_s, got.words[10].end_s), (1.2, 3.1));
    assert_eq!(place_of(&file, 20.0, "4471"), (12.0, 14.0));
}

#[test]
fn a_neighbours_time_is_no_time() {
    let word = |w: &str, a: f64, b: f64| json!({"word": w, "start": a, "end": b});
    let words = json!([
        word("It's", 5.0, 5.3),
        word("4471", 12.5, 13.2),
        word("okay", 12.5, 13.2),
        word("bye", 14.0, 14.5)
    ]);
    let file =
        json!({"segments": [{"start": 5.0, "end": 14.6, "text": "It's 4471 okay bye", "words": words}]});
    assert_eq!(place_of(&file, 20.0, "4471"), (5.3, 14.0));
}

#[test]
fn pythons_nan_and_clock_times_are_read() {
    let file = r#"{"segments": [{"start": "00:00:05.000", "end": "0:00:13,000", "text": "it is 4471 okay", "words": [
        {"word": "it", "start": 5.0, "end": 5.2}, {"word": "is", "start": 5.3, "end": 5.5},
        {"word": "4471", "start": NaN, "end": NaN}, {"word": "okay", "start": 12.0, "end": 12.4}]}]}"#;
    let got = parse(file.as_bytes(), 20.0).expect("a transcript");
    assert_eq!((got.words[2].start_s, got.words[2].end_s), (5.5, 12.0));
}

#[test]
fn one_absurd_time_costs_one_word() {
    let words = each(|w, a, b| {
        if w == "4471," {
            json!({"word": w, "start": 800.0, "end": 801.0})
        } else {
            json!({"word": w, "start": a, "end": b})
        }
    });
    let got = read(&json!({"text": texts(), "words": words}), 9.0);
    assert_eq!(got.unplaced, [2]);
    assert_eq!(place_of(&json!({"text": texts(), "words": words}), 9.0, "4471"), (1.9, 6.5));
}

#[test]
fn a_last_chunk_without_an_end_reaches_to_the_recordings_end_and_no_earlier_one_does() {
    let chunk = |t: &str, a: f64, b: Option<f64>| json!({"text": t, "timestamp": [a, b]});
    let file = json!({"text": "", "chunks": [chunk(" what is it", 1.0, Some(3.0)), chunk(" four four seven one", 5.0, Some(9.0)), chunk(" and the rest", 20.0, None)]});
    assert_eq!(place_of(&file, 40.0, "four"), (5.0, 9.0));
    assert_eq!(place_of(&file, 40.0, "rest"), (20.0, 40.0));
}

#[test]
fn azures_display_adds_only_what_its_words_do_not_say() {
    let word =
        |w: &str, a: i64, b: i64| json!({"text": w, "offsetMilliseconds": a, "durationMilliseconds": b - a});
    let file = |words: Value| json!({"combinedPhrases": [{"text": "It's 4471. Thanks."}], "phrases": [{"offsetMilliseconds": 1000, "durationMilliseconds": 6000, "text": "It's 4471. Thanks.", "words": words}]});
    let spoken = file(json!([
        word("it's", 1000, 1200),
        word("forty", 2000, 2300),
        word("four", 2300, 2600),
        word("seventy", 2600, 3000),
        word("one", 3000, 3200),
        word("thanks", 6000, 6500)
    ]));
    let texts = |f: &Value| read(f, 9.0).words.iter().map(|w| w.text.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(texts(&spoken), "it's forty four seventy one Thanks.");
    let lacking = file(json!([word("it's", 1000, 1200), word("thanks", 6000, 6500)]));
    assert_eq!(texts(&lacking), "it's 4471. Thanks.");
    assert_eq!(place_of(&lacking, 9.0, "4471"), (1.2, 6.0));
}

#[test]
fn times_that_fit_only_if_they_count_something_else_are_refused() {
    let seconds_as_milliseconds =
        json!({"id": "x", "audio_duration": 9, "text": texts(), "words": seconds("text")});
    let milliseconds_as_seconds = json!({"language_code": "eng", "language_probability": 1, "text": texts(),
        "words": each(|w, a, b| json!({"text": w, "start": ms(a), "end": ms(b), "type": "word"}))});
    for file in [seconds_as_milliseconds, milliseconds_as_seconds] {
        let error = parse(file.to_string().as_bytes(), 9.0).expect_err("a contradiction").to_string();
        assert!(error.contains("count something else") && !error.contains("4471"), "{error}");
    }
}

#[test]
fn an_unknown_shape_is_named_by_its_keys_and_never_by_a_value() {
    for (file, named) in [
        (json!({"hypotheses": [{"utterance": "4471"}], "model_id": "m"}), "hypotheses, model_id"),
        (json!([{"speech": "4471"}]), "a list with the keys speech"),
        (json!("4471 1234"), "a text"),
        (json!(4471), "a number"),
        (json!({"4471123456789017": 1, "my code is 4471": 2}), "an object, which"),
        (json!([]), "a list"),
        (json!({}), "an object"),
        (json!({"results": []}), "results"),
        (json!({"words": "4471"}), "words"),
    ] {
        let error = parse(file.to_string().as_bytes(), 9.0).expect_err("unknown").to_string();
        assert!(error.contains(named) && !error.contains("4471"), "{error}");
    }
    assert!(parse(b"my code is 4471", 9.0).is_err());
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Words and numbers, each with the time at which it is said.
    fn call(words: &[(bool, u8)]) -> Vec<(String, f64, f64)> {
        let mut at_s = 1.0;
        let one = |(k, (number, n)): (usize, &(bool, u8))| {
            let text = if *number {
                format!("{:02}{:02}", k % 100, n % 100)
            } else {
                format!("word{}", (b'a' + n % 6) as char)
            };
            let (start_s, end_s) = (at_s, at_s + 0.9);
            at_s += 1.0 + f64::from(n % 3) * 0.5;
            (text, start_s, end_s)
        };
        words.iter().enumerate().map(one).collect()
    }

    /// The file with some words away, some times away, and some of them absurd.
    fn broken(call: &[(String, f64, f64)], how: &[u8]) -> Vec<Value> {
        let word = |((text, a, b), how): (&(String, f64, f64), &u8)| match how {
            0 => None,
            1 => Some(json!({"word": text})),
            2 => Some(json!({"word": text, "start": null, "end": null})),
            3 => Some(json!({"word": text, "start": b, "end": b})),
            4 => Some(json!({"word": text, "start": -3.0, "end": -2.0})),
            _ => Some(json!({"word": text, "start": a, "end": b})),
        };
        call.iter().zip(how).filter_map(word).collect()
    }

    proptest! {
        #[test]
        fn no_digit_of_the_text_is_lost_whatever_words_and_times_are(
            words in prop::collection::vec((any::<bool>(), any::<u8>()), 1..24),
            how in prop::collection::vec(0u8..9, 24),
            with_segment in any::<bool>(),
        ) {
            let call = call(&words);
            let duration_s = call.last().expect("a word").2 + 2.0;
            let text = call.iter().map(|w| w.0.as_str()).collect::<Vec<_>>().join(" ");
            let listed = broken(&call, &how);
            let file = if with_segment {
                json!({"segments": [{"start": 0.5, "end": duration_s - 1.0, "text": text, "words": listed}]})
            } else {
                json!({"text": text, "words": listed})
            };
            let got = read(&file, duration_s);
            for (text, start_s, end_s) in call.iter().filter(|w| w.0.starts_with(|c: char| c.is_ascii_digit())) {
                let held = got.words.iter().any(|w| w.text == *text && w.start_s <= start_s + 1e-6 && w.end_s >= end_s - 1e-6);
                prop_assert!(held, "{text} at {start_s}..{end_s} of {file}: {:?}", got.words);
            }
        }

        #[test]
        fn every_word_has_a_place_in_the_recording_whatever_its_times(
            times in prop::collection::vec((prop::num::f64::ANY, prop::num::f64::ANY), 0..12),
            duration_s in 0f64..90.0,
        ) {
            let words: Vec<Value> = times.iter().map(|(a, b)| json!({"word": "4471", "start": a, "end": b})).collect();
            let got = read(&json!({"text": "", "words": words}), duration_s);
            prop_assert_eq!(got.words.len(), times.len());
            for word in &got.words {
                prop_assert!(0.0 <= word.start_s && word.start_s <= word.end_s && word.end_s <= duration_s, "{word:?}");
            }
        }

        #[test]
        fn any_json_is_words_or_an_error(text in "\\{(\"(words|results|result|transcription|items|tokens|text|start|chunks|timestamp|monologues|phrases|sentences|segments|alternatives|Transcript)\":(\\[\\]|\\{\\}|\\[\\{\\}\\]|1|\"x\"|null),?){0,4}\\}") {
            let _ = parse(text.as_bytes(), 10.0);
        }

        #[test]
        fn any_bytes_are_words_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, 10.0);
        }
    }
}
