//! Transcripts at the door: what is not understood is refused by name, and what
//! has no time that can be is silenced with the stretch that must hold it.

use crate::office::{Office, UNSAID, Unsaid};
use crate::servers::folder;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

/// Seconds of noise that swells and fades like syllables, as a WAV of 8 kHz.
fn talk(seconds: u32) -> Vec<u8> {
    let mut noise = 1u32;
    let samples: Vec<u8> = (0..seconds * 8_000)
        .flat_map(|k| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let swell = (f64::from(k) / 8e3 * 13.0).sin().abs().sqrt();
            let sample = f64::from(noise >> 16) - 32_768.0;
            ((sample * swell * 0.1) as i16).to_le_bytes()
        })
        .collect();
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + samples.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(8_000u32.to_le_bytes());
    wav.extend(16_000u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend((samples.len() as u32).to_le_bytes());
    wav.extend(samples);
    wav
}

fn dry_run(dir: &Path, seconds: u32, transcript: &Value) -> Output {
    let (wav, words) = (dir.join("call.wav"), dir.join("call.json"));
    std::fs::write(&wav, talk(seconds)).unwrap();
    std::fs::write(&words, transcript.to_string()).unwrap();
    let args = ["redact", &wav.display().to_string(), "--dry-run", "--words", &words.display().to_string()];
    Command::new(UNSAID).args(args).output().unwrap()
}

fn silenced(ran: &Output) -> Vec<(f64, f64)> {
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let of = |s: &Value| (s["start"].as_f64().unwrap(), s["end"].as_f64().unwrap());
    told["segments"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_card_that_the_engine_could_not_place_is_silenced_where_it_must_have_been_said() {
    let dir = folder();
    let word = |w: &str, a: f64, b: f64| json!({"word": w, "start": a, "end": b});
    let asked = json!({"start": 1.0, "end": 3.0, "text": "Your card number please?",
        "words": [word("Your", 1.0, 1.2), word("card", 1.3, 1.6), word("number", 1.7, 2.1), word("please?", 2.2, 2.6)]});
    let last = json!({"start": 15.0, "end": 16.5, "text": "Thank you.", "words": [word("Thank", 15.0, 15.3), word("you.", 15.4, 15.8)]});
    let card = "It is 4111 1111 1111 1111";
    let (it, is) = (word("It", 5.0, 5.2), word("is", 5.3, 5.5));
    let at = |n: usize| 12.9 + n as f64 * 0.02;
    let squeezed: Vec<Value> =
        (0..4).map(|n| word(if n == 0 { "4111" } else { "1111" }, at(n), at(n + 1))).collect();
    let groups = |word: &dyn Fn(&str) -> Value| ["4111", "1111", "1111", "1111"].map(word).to_vec();
    for (how, words) in [
        ("in the text alone", vec![it.clone(), is.clone()]),
        ("without times", [vec![it.clone(), is.clone()], groups(&|w| json!({"word": w}))].concat()),
        (
            "null",
            [vec![it.clone(), is.clone()], groups(&|w| json!({"word": w, "start": null, "end": null}))]
                .concat(),
        ),
        ("squeezed", [vec![it, is], squeezed].concat()),
        ("no words at all", vec![]),
    ] {
        let segment = json!({"start": 5.0, "end": 13.0, "text": card, "words": words});
        let got = silenced(&dry_run(
            dir.path(),
            20,
            &json!({"language": "en", "segments": [asked, segment, last]}),
        ));
        assert!(got.iter().any(|(a, b)| *a <= 5.5 && *b >= 13.0), "{how}: {got:?}");
        assert!(got.iter().map(|(a, b)| b - a).sum::<f64>() <= 10.0, "{how}: {got:?}");
    }
}

#[test]
fn an_unknown_transcript_ends_with_3_and_is_named_by_its_keys() {
    let dir = folder();
    for (transcript, said) in [
        (json!({"hypotheses": [{"utterance": "4111 1111"}]}), "hypotheses"),
        (json!({"results": [{"utterance": "4111 1111"}]}), "results"),
        (json!(["4111 1111"]), "a list"),
        (json!({"text": "", "segments": []}), "no words"),
    ] {
        let ran = dry_run(dir.path(), 20, &transcript);
        let error = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(3), "{error}");
        assert!(error.contains(said) && !error.contains("4111"), "{error}");
    }
    // Nothing was said, and nothing was heard.
    assert!(silenced(&dry_run(dir.path(), 2, &json!({"text": "", "segments": []}))).is_empty());
}

#[test]
fn a_call_whose_transcript_is_unknown_fails_with_that_sentence_and_its_file_is_whole() {
    let office = Office::lay_out();
    let (recording, _) = crate::office::SECRETS[0];
    let beside = office.monitor().join(recording).with_extension("json");
    std::fs::write(&beside, r#"{"hypotheses":[{"utterance":"4111 1111"}]}"#).unwrap();
    let before = office.read(recording);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(17, 90);
    let failed: Vec<&Value> = calls.iter().filter(|c| c["status"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    let one = unsaid.get(&format!("/api/v1/calls/{}", failed[0]["id"].as_str().unwrap())).unwrap();
    let details: Vec<&str> =
        one["recordings"].as_array().unwrap().iter().filter_map(|r| r["detail"].as_str()).collect();
    assert!(details.iter().any(|d| d.contains("the keys hypotheses") && !d.contains("4111")), "{details:?}");
    assert_eq!(office.read(recording), before);
}
