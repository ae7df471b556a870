//! The named-entity model beside the rules, in ONNX Runtime itself.

use crate::office::UNSAID;
use crate::servers::folder;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/ner");

/// ONNX Runtime as `make test` fetches it.
#[track_caller]
fn runtime() -> PathBuf {
    let arch = if cfg!(target_arch = "aarch64") { "linux-aarch64" } else { "linux-x64" };
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".servers/onnxruntime/ai/onnxruntime/native")
        .join(arch)
        .join("libonnxruntime.so");
    assert!(path.is_file(), "{} is missing: `make test` fetches it", path.display());
    path
}

fn settings(dir: &Path, more: &str) -> String {
    let config = dir.join("unsaid.toml");
    let text = format!(
        "[redact.rules]\ncategories = [\"name\", \"address\"]\n[redact.ner]\nmodel_dir = \"{MODEL}\"\nruntime = \"{}\"\n{more}",
        runtime().display()
    );
    std::fs::write(&config, text).unwrap();
    config.display().to_string()
}

/// Words a second apart.
fn words(text: &str) -> Vec<Value> {
    let word = |(k, w): (usize, &str)| json!({ "word": w, "start": k as f64, "end": k as f64 + 0.5 });
    text.split(' ').enumerate().map(word).collect()
}

fn detect(dir: &Path, config: &str, text: &str) -> Output {
    let lines = dir.join("words.jsonl");
    std::fs::write(&lines, json!({ "id": 1, "lang": "en", "words": words(text) }).to_string()).unwrap();
    let args = ["detect", "--explain", "--words", &lines.display().to_string(), "--config", config];
    Command::new(UNSAID).args(args).output().unwrap()
}

/// (first, last, reason) of what was found.
#[track_caller]
fn spans(output: &Output) -> Vec<(u64, u64, String)> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let spans = answer["spans"].as_array().unwrap();
    let number = |s: &Value, key: &str| s[key].as_u64().unwrap();
    spans
        .iter()
        .map(|s| (number(s, "first"), number(s, "last"), s["reason"].as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn a_model_finds_names_and_streets_that_nothing_announces() {
    let dir = folder();
    let text = "tell Delphine Okafor we met Marek. on Larkspur, not in larkspur";
    let on = settings(dir.path(), "");
    let found = spans(&detect(dir.path(), &on, text));
    let expected = [(1, 2, "name"), (5, 5, "name"), (7, 7, "address")];
    assert_eq!(found, expected.map(|(a, b, r)| (a, b, r.to_owned())));
    // Its words stand in the explanation by number alone.
    let told = String::from_utf8(detect(dir.path(), &on, text).stdout).unwrap();
    assert!(told.contains("entity model") && !told.contains("Okafor"), "{told}");
    // The rules alone find none of them.
    let off = dir.path().join("off.toml");
    std::fs::write(&off, "[redact.rules]\ncategories = [\"name\", \"address\"]\n").unwrap();
    assert_eq!(spans(&detect(dir.path(), &off.display().to_string(), text)), []);
}

#[test]
fn a_model_reads_a_long_call_to_its_end_and_nothing_twice() {
    let dir = folder();
    let mut text = vec!["so"; 900];
    for at in [0, 31, 160, 161, 500, 899] {
        text[at] = "yolanda";
    }
    let found = spans(&detect(dir.path(), &settings(dir.path(), ""), &text.join(" ")));
    let starts: Vec<u64> = found.iter().map(|s| s.0).collect();
    assert_eq!(starts, [0, 31, 160, 161, 500, 899]);
}

#[test]
fn an_operator_says_what_a_models_labels_mean_and_what_is_off_stays() {
    let dir = folder();
    let own = settings(dir.path(), "[redact.ner.labels]\nSTREET = \"name\"\n");
    let found = spans(&detect(dir.path(), &own, "on tamarind"));
    assert_eq!(found, [(1, 1, "name".to_owned())]);
    let only = settings(dir.path(), "");
    let only = std::fs::read_to_string(&only).unwrap().replace("\"name\", ", "");
    let config = dir.path().join("only.toml");
    std::fs::write(&config, only).unwrap();
    let found = spans(&detect(dir.path(), &config.display().to_string(), "marek on tamarind"));
    assert_eq!(found, [(2, 2, "address".to_owned())]);
}

#[test]
fn a_model_that_cannot_be_used_stops_the_work_with_a_sentence() {
    let dir = folder();
    let other = settings(dir.path(), "model_sha256 = \"00\"\n");
    let output = detect(dir.path(), &other, "hello");
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("redact.ner.model_sha256"), "{said}");
    let text = std::fs::read_to_string(&other).unwrap();
    for (from, to, names) in
        [(MODEL, "/nowhere", "/nowhere/model.onnx"), ("libonnxruntime.so", "none.so", "redact.ner.runtime")]
    {
        let broken = dir.path().join("broken.toml");
        std::fs::write(&broken, text.replace("model_sha256 = \"00\"\n", "").replace(from, to)).unwrap();
        let output = detect(dir.path(), &broken.display().to_string(), "hello");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains(names), "{said}");
    }
}

#[test]
fn what_a_model_finds_is_silenced_and_the_outcome_names_it() {
    let dir = folder();
    let config = settings(dir.path(), "");
    let path = |name: &str| dir.path().join(name).display().to_string();
    // Ten seconds of a steady voice.
    let pcm: Vec<u8> = (0..80_000).flat_map(|k| (((k % 80) as i16 - 40) * 200).to_le_bytes()).collect();
    std::fs::write(path("call.sln"), &pcm).unwrap();
    let text = json!({ "text": "x", "language": "en", "words": words("so um delphine okafor is here now") });
    std::fs::write(path("call.json"), text.to_string()).unwrap();
    let args =
        ["redact", &path("call.sln"), &path("out.sln"), "--words", &path("call.json"), "--config", &config];
    let output = Command::new(UNSAID).args(args).args(["--report", &path("report.json")]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(path("report.json")).unwrap()).unwrap();
    assert_eq!(report["segments"][0]["reason"], "name");
    assert!(report["ruleset"].as_str().unwrap().contains("+ner:"), "{report}");
    assert!(!report.to_string().contains("okafor"));
    let after = std::fs::read(path("out.sln")).unwrap();
    assert!(after[2 * 8_000 * 2..][..8_000].iter().all(|b| *b == 0), "the name still sounds");
    assert_eq!(after[..16_000], pcm[..16_000]);
}
