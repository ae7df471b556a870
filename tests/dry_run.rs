//! A dry run finds everything and touches nothing; once it is over, what it
//! found is silenced.

use crate::office::{DATA, Office, PLAIN, SECRETS, UNSAID, Unsaid};
use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

#[test]
fn a_dry_run_touches_no_recording_and_tells_what_it_would_silence() {
    let office = Office::lay_out();
    let dry = office.settings().replace("[redact]\n", "[redact]\ndry_run = true\n");
    let times = |office: &Office, path: &str| {
        let meta = std::fs::metadata(office.monitor().join(path)).unwrap();
        (meta.ctime(), meta.ctime_nsec(), meta.mtime(), meta.ino())
    };
    let before: Vec<_> = SECRETS.iter().map(|s| (office.read(s.0), times(&office, s.0))).collect();
    let mut unsaid = Unsaid::serve(office.path(), &dry);
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(17, 90);
    let found: Vec<&Value> = calls.iter().filter(|c| c["redaction_status"] == "dry_run").collect();
    let segments: usize = found.iter().map(|c| c["redacted_segments"].as_array().unwrap().len()).sum();
    assert_eq!(segments, SECRETS.iter().map(|s| s.1).sum::<usize>());
    for call in &found {
        assert_eq!((&call["redacted"], &call["redacted_at"]), (&Value::Bool(false), &Value::Null), "{call}");
        let one = unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).unwrap();
        for recording in one["recordings"].as_array().unwrap() {
            if recording["redaction_status"] == "dry_run" {
                let audio =
                    format!("{}/api/v1/recordings/{}/audio", unsaid.url, recording["id"].as_str().unwrap());
                let played = reqwest::blocking::get(audio).unwrap().status().as_u16();
                assert_eq!(played, 409, "what still holds a secret is not played");
                assert!(recording["detail"].as_str().unwrap().contains("dry run"), "{recording}");
            }
        }
    }
    for ((path, _), before) in SECRETS.iter().zip(&before) {
        assert_eq!((office.read(path), times(&office, path)), *before, "{path} was touched");
    }
    drop(unsaid);

    // The same settings without it: the calls are there already, their recordings are done now.
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    crate::servers::eventually("nothing is left of the dry run", 60, || {
        let calls = unsaid.calls();
        let done = calls.iter().filter(|c| c["redacted"] == true).count();
        let dry = calls.iter().filter(|c| c["redaction_status"] == "dry_run").count();
        (dry == 0 && done == found.len()).then_some(())
    });
    for ((path, _), before) in SECRETS.iter().zip(&before) {
        assert_ne!(office.read(path), before.0, "{path} was not silenced");
    }
    for path in PLAIN {
        assert_eq!(office.read(path), std::fs::read(Path::new(DATA).join("monitor").join(path)).unwrap());
    }
}

#[test]
fn redact_with_dry_run_prints_the_report_and_writes_nothing() {
    let office = Office::lay_out();
    let file = office.monitor().join(SECRETS[0].0);
    let before = std::fs::read(&file).unwrap();
    let words = file.with_extension("json").display().to_string();
    let output = Command::new(UNSAID)
        .args(["redact", "--dry-run", "--words", &words, &file.display().to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["segments"].as_array().unwrap().len(), SECRETS[0].1);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let both = Command::new(UNSAID).args(["redact", "--dry-run", "a.wav", "b.wav"]).output().unwrap();
    assert_eq!(both.status.code(), Some(2), "an output and a dry run contradict each other");
}
