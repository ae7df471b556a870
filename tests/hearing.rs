//! What a real recogniser hears: spoken conversations of the demo's office, whose secrets are known to the
//! millisecond, and what stays audible of them.

use crate::office::UNSAID;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use unsaid_dsp::Rate;

const MATERIAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
/// Whisper base, which `scripts/setup.sh model` fetches.
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.servers/models/ggml-base-q8_0.bin");
/// Energy is measured in frames of 10 ms. One is speech when it is so much below the loudest at most, and
/// audible when more than this is left of it.
const SPEECH: f32 = 0.001;
const LEFT: f32 = 0.01;
/// A secret has leaked when more frames of its speech are audible.
const LEAK_FRAMES: usize = 10;
/// whisper.cpp's words begin up to 0.3 s late: so many frames of a first word may stay yet.
const LATE_FRAMES: usize = 30;

/// A conversation: its recording, and the stretches in seconds in which a secret is said.
struct Conversation {
    file: PathBuf,
    secrets: Vec<(String, f64, f64)>,
}

fn conversations() -> Vec<Conversation> {
    let told = std::fs::read_to_string(Path::new(MATERIAL).join("conversations/secrets.json")).unwrap();
    let told: BTreeMap<String, Vec<Value>> = serde_json::from_str(&told).unwrap();
    let folder = Path::new(MATERIAL).join("conversations/monitor/2024/05/16");
    let secret = |s: &Value| {
        (
            s["reason"].as_str().unwrap().to_owned(),
            s["start_s"].as_f64().unwrap(),
            s["end_s"].as_f64().unwrap(),
        )
    };
    told.into_iter()
        .map(|(name, secrets)| Conversation {
            file: folder.join(name),
            secrets: secrets.iter().map(secret).collect(),
        })
        .collect()
}

/// Energies of the recording's frames.
fn energies(file: &Path) -> Vec<f32> {
    let bytes = std::fs::read(file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let layout = unsaid_dsp::container::locate(name, bytes.as_slice()).unwrap();
    let samples = unsaid_dsp::decode::decode(bytes.as_slice(), &layout).unwrap();
    assert_eq!(samples.rate, Rate::NARROW_BAND);
    let frames = samples.planes[0].chunks(samples.rate.hz() as usize / 100);
    frames.map(|f| f.iter().map(|s| s * s).sum::<f32>() / f.len() as f32).collect()
}

/// Frames of a secret's speech that are still audible.
fn audible(before: &[f32], after: &[f32], (_, start_s, end_s): &(String, f64, f64)) -> usize {
    let frames = (start_s * 100.0) as usize..((end_s * 100.0) as usize).min(before.len());
    let loudest = before[frames.clone()].iter().copied().fold(0.0, f32::max);
    let heard = |i: &usize| before[*i] > SPEECH * loudest && after[*i] > LEFT * before[*i];
    frames.filter(heard).count()
}

/// Redacts by the command, with `more` arguments; answers with the redacted file.
fn redact(file: &Path, dir: &Path, more: &[&str]) -> PathBuf {
    let out = dir.join(file.file_name().unwrap());
    let ran = Command::new(UNSAID).arg("redact").arg(file).arg(&out).args(more).output().unwrap();
    assert!(ran.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&ran.stderr));
    out
}

/// Every secret of `conversation` of which more than `most` frames are audible in `redacted`.
fn leaks(conversation: &Conversation, redacted: &Path, most: usize) -> Vec<String> {
    let (before, after) = (energies(&conversation.file), energies(redacted));
    let leaked = |secret: &&(String, f64, f64)| audible(&before, &after, secret) > most;
    let name = conversation.file.file_name().unwrap().display();
    conversation.secrets.iter().filter(leaked).map(|s| format!("{} of {name}", s.0)).collect()
}

#[test]
fn nothing_spoken_stays_audible_by_the_words_that_a_recogniser_heard() {
    let dir = tempfile::tempdir().unwrap();
    let heard = Path::new(MATERIAL).join("hearing");
    let all = conversations();
    assert!(all.len() >= 10 && all.iter().filter(|c| !c.secrets.is_empty()).count() >= 4);
    let mut leaked = Vec::new();
    let mut hit = Vec::new();
    for conversation in &all {
        let stem = conversation.file.file_name().unwrap().to_str().unwrap();
        let words = heard.join(format!("{stem}.json"));
        let out = redact(&conversation.file, dir.path(), &["--words", words.to_str().unwrap()]);
        leaked.extend(leaks(conversation, &out, LEAK_FRAMES));
        let same = std::fs::read(&out).unwrap() == std::fs::read(&conversation.file).unwrap();
        if conversation.secrets.is_empty() && !same {
            hit.push(stem.to_owned());
        }
    }
    assert!(leaked.is_empty(), "leaked: {leaked:?}");
    assert!(hit.is_empty(), "silenced without a secret: {hit:?}");
}

#[test]
fn a_real_model_in_the_process_hears_a_card_and_leaves_plain_talk() {
    assert!(Path::new(MODEL).is_file(), "{MODEL} is missing: scripts/setup.sh model fetches it");
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("unsaid.toml");
    std::fs::write(&config, format!("[speech]\nkind = \"whisper\"\nmodel_path = \"{MODEL}\"\n")).unwrap();
    let all = conversations();
    let card = all.iter().find(|c| c.secrets.iter().any(|s| s.0 == "cvv")).unwrap();
    let plain = all.iter().find(|c| c.secrets.is_empty()).unwrap();
    let by_ear = ["--config", config.to_str().unwrap()];
    let leaked = leaks(card, &redact(&card.file, dir.path(), &by_ear), LATE_FRAMES);
    assert!(leaked.is_empty(), "leaked: {leaked:?}");
    let out = redact(&plain.file, dir.path(), &by_ear);
    assert_eq!(std::fs::read(out).unwrap(), std::fs::read(&plain.file).unwrap());
}
