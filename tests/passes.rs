//! A recording that is heard a second time: what was silenced stays silenced and told, and the
//! original's hash is the one of the first day.

use crate::office::{Office, Unsaid, age, segments_of};
use crate::servers::eventually;
use crate::siblings::{empty_office, lay};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use unsaid::stage::redact::plan::sha256;

const FIRST: &str = "external-201-15557654321-20240514-130500-1715706300.110";
const SECOND: &str = "external-202-15557654321-20240514-130600-1715706300.110";
const SECRET: &str = "hello my member password is 8 3 0 2 7 1 yes thank you very much";

/// A recording with these words, in the format of its extension.
fn lay_as(office: &Office, stem: &str, extension: &str, coding: &str, text: &str) -> PathBuf {
    let wav = office.monitor().join("2024/05/14").join(format!("{stem}.wav"));
    lay(office, &format!("{stem}.wav"), text);
    if extension == "wav" && coding.is_empty() {
        return wav;
    }
    let plain = wav.with_extension("plain");
    std::fs::rename(&wav, &plain).unwrap();
    let file = wav.with_extension(extension);
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "wav", "-i"])
        .arg(&plain)
        .args(coding.split_whitespace())
        .arg(&file)
        .status();
    assert!(made.unwrap().success(), "{extension}");
    std::fs::remove_file(plain).unwrap();
    age(&file);
    file
}

fn end_leg(office: &Office, name: &str, minute: u32) {
    let line = format!(
        "2024-05-14 13:0{minute}:00,ANSWERED,15557654321,20{minute},PJSIP/ITSP-1,PJSIP/20{minute}-2,1715706300.110,1715706300.110,{minute},60,55,{name}\n"
    );
    let mut csv = std::fs::File::options().append(true).open(office.path().join("cdr.csv")).unwrap();
    csv.write_all(line.as_bytes()).unwrap();
}

/// How many redactions have ended since unsaid started.
fn ended(unsaid: &Unsaid) -> u32 {
    let metrics = reqwest::blocking::get(format!("{}/metrics", unsaid.url)).unwrap().text().unwrap();
    let counts = metrics.lines().filter(|l| l.starts_with("unsaid_redactions_total{"));
    counts.map(|l| l.rsplit(' ').next().unwrap().parse::<u32>().unwrap()).sum()
}

fn recording(unsaid: &Unsaid, stem: &str) -> Option<Value> {
    let calls = unsaid.calls();
    let call = unsaid.get(&format!("/api/v1/calls/{}", calls.first()?["id"].as_str()?))?;
    let all = call["recordings"].as_array()?.clone();
    all.into_iter().find(|r| r["recordingfile"].as_str().is_some_and(|f| f.starts_with(stem)))
}

fn is_heard_again(extension: &str, coding: &str) {
    let office = empty_office();
    let file = lay_as(&office, FIRST, extension, coding, SECRET);
    let original = sha256(&std::fs::read(&file).unwrap());
    end_leg(&office, &format!("{FIRST}.{extension}"), 1);
    let settings = office.settings();
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(1, 60);
    let first = recording(&unsaid, FIRST).unwrap();
    assert_eq!(first["redaction_status"], "completed", "{extension}: {first}");
    let muted = std::fs::read(&file).unwrap();
    // Nothing is remembered after a restart: a secret in another recording has the first heard again.
    drop(unsaid);
    lay_as(&office, SECOND, "wav", "", SECRET);
    end_leg(&office, &format!("{SECOND}.wav"), 2);
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    eventually("both recordings have ended", 60, || (ended(&unsaid) >= 2).then_some(()));
    let call = unsaid.wait_for_calls(1, 60).remove(0);
    let again = eventually("the first has ended", 60, || {
        recording(&unsaid, FIRST).filter(|r| r["redaction_status"] != "processing")
    });
    assert_eq!(again["redaction_status"], "completed", "{extension}: {again}");
    assert_eq!((&call["redaction_status"], &call["redacted"]), (&json!("completed"), &json!(true)));
    for (a, b) in segments_of(&first) {
        let kept = segments_of(&again).iter().any(|(from, to)| *from <= a && *to >= b);
        assert!(kept, "{extension}: {first} then {again}");
    }
    assert_eq!(again["original_sha256"], original.as_str(), "{extension}: the first hash stays");
    assert_eq!(again["redacted_sha256"], sha256(&std::fs::read(&file).unwrap()).as_str(), "{extension}");
    assert_eq!(std::fs::read(&file).unwrap().len(), muted.len(), "{extension}");
}

#[test]
fn a_recording_that_is_heard_again_stays_redacted_in_every_format() {
    let formats = [
        ("wav", ""),
        ("flac", "-c:a flac"),
        ("mp3", "-b:a 16k"),
        ("ogg", "-c:a libvorbis"),
        ("opus", "-c:a libopus -b:a 24k"),
        ("g722", "-ar 16000 -c:a g722"),
        ("ulaw", "-f mulaw"),
    ];
    for (extension, coding) in formats {
        is_heard_again(extension, coding);
    }
}
