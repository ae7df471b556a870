//! Recordings and rows as a broken PBX leaves them: each call ends with a
//! sentence, and a file that is not understood is not touched.

use crate::office::{DATA, Office, SECRETS, Unsaid, age, assert_redacted, segments_of};
use serde_json::Value;
use std::path::Path;

const GOOD: &str = SECRETS[0].0;

struct Case {
    /// In the name of its recording.
    label: &'static str,
    recordingfile: String,
    bytes: Option<Vec<u8>>,
    status: &'static str,
    redaction: &'static str,
    says: &'static str,
}

fn original() -> Vec<u8> {
    std::fs::read(Path::new(DATA).join("monitor").join(GOOD)).unwrap()
}

fn file_name(label: &str, extension: &str) -> String {
    format!("{label}-201-15550-20240514-120000-1715693412.34.{extension}")
}

fn with_size(mut bytes: Vec<u8>, size: u32) -> Vec<u8> {
    bytes[40..44].copy_from_slice(&size.to_le_bytes());
    bytes
}

fn cases() -> Vec<Case> {
    let good = original();
    let odd = {
        let mut bytes = good.clone();
        bytes.push(0x55);
        let size = (bytes.len() - 44) as u32;
        with_size(bytes, size)
    };
    let mut unknown = good.clone();
    unknown[20..22].copy_from_slice(&0x0161u16.to_le_bytes());
    let file = |label, bytes: Vec<u8>, status, redaction, says| Case {
        label,
        recordingfile: file_name(label, "wav"),
        bytes: Some(bytes),
        status,
        redaction,
        says,
    };
    let name = |label, recordingfile: &str, says| Case {
        label,
        recordingfile: recordingfile.to_owned(),
        bytes: None,
        status: "failed",
        redaction: "failed",
        says,
    };
    vec![
        file("whole", good.clone(), "completed", "completed", ""),
        file("truncated", good[..good.len() / 2].to_vec(), "completed", "completed", ""),
        file("zerosize", with_size(good.clone(), 0), "completed", "completed", ""),
        file("toolarge", with_size(good.clone(), 0x7000_0000), "completed", "completed", ""),
        file("oddlength", odd, "completed", "completed", ""),
        file("headeronly", good[..44].to_vec(), "completed", "not_needed", "no audio"),
        file("headerzero", with_size(good[..44].to_vec(), 0), "completed", "not_needed", "no audio"),
        file("empty", Vec::new(), "failed", "failed", "empty"),
        file("halfheader", good[..20].to_vec(), "failed", "failed", "fmt"),
        file(
            "textfile",
            b"this is a text file named .wav, nothing more".to_vec(),
            "failed",
            "failed",
            "not a WAV file",
        ),
        file("unknowncodec", unknown, "failed", "failed", "not supported"),
        Case { bytes: None, ..file("missing", Vec::new(), "failed", "failed", "not there") },
        name("climbing", "../../etc/passwd", "climbs out"),
        name("absolute", "/etc/passwd", "not below the base"),
        name("newline", "a\nb-201-15550-20240514-120000-1715693412.34.wav", "control characters"),
        name("undated", "call.wav", "not there"),
        Case {
            bytes: None,
            ..file("outlink", Vec::new(), "failed", "failed", "outside the recordings folder")
        },
    ]
}

fn csv_of(cases: &[Case]) -> String {
    let mut out =
        "calldate,uniqueid,linkedid,sequence,disposition,billsec,duration,dstchannel,recordingfile,did\n"
            .to_owned();
    for (n, case) in cases.iter().enumerate() {
        let quoted = case.recordingfile.replace('"', "\"\"");
        out.push_str(&format!(
            "2024-05-14 12:00:{n:02},17156934{n:02}.1,17156934{n:02}.1,{},ANSWERED,20,25,PJSIP/201-1,\"{quoted}\",1555\n",
            n + 1
        ));
    }
    // A row with an empty linkedid, and one with no identity at all.
    out.push_str("2024-05-14 13:00:00,1715700000.7,,900,BUSY,0,5,PJSIP/201-1,,1555\n");
    out.push_str("2024-05-14 13:01:00,,,0,FAILED,0,5,,,1555\n");
    out
}

#[test]
fn every_bad_recording_ends_visibly_and_untouched() {
    let office = Office::lay_out();
    let folder = office.monitor().join("2024/05/14");
    let words = std::fs::read(Path::new(DATA).join("monitor").join(GOOD).with_extension("json")).unwrap();
    let cases = cases();
    for case in &cases {
        let path = folder.join(&case.recordingfile);
        if let Some(bytes) = &case.bytes {
            std::fs::write(&path, bytes).unwrap();
            age(&path);
            std::fs::write(path.with_extension("json"), &words).unwrap();
        }
        if case.label == "outlink" {
            let outside = office.path().join("outside.wav");
            std::fs::write(&outside, original()).unwrap();
            age(&outside);
            std::os::unix::fs::symlink(&outside, &path).unwrap();
        }
    }
    std::fs::write(office.path().join("cdr.csv"), csv_of(&cases)).unwrap();
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(cases.len() + 2, 90);
    assert_eq!(calls.len(), cases.len() + 2);
    for (n, case) in cases.iter().enumerate() {
        let call = calls.iter().find(|c| c["linkedid"] == format!("17156934{n:02}.1")).unwrap();
        check(&unsaid, &office, case, call);
    }
    let busy =
        calls.iter().find(|c| c["linkedid"] == "1715700000.7").expect("the empty linkedid is its uniqueid");
    assert_eq!(
        (busy["status"].as_str(), busy["summary"].as_str()),
        (Some("unanswered"), Some("Unanswered call"))
    );
    assert!(calls.iter().any(|c| c["disposition"] == "failed" && c["status"] == "unanswered"));
    assert_eq!(
        std::fs::read(office.path().join("outside.wav")).unwrap(),
        original(),
        "what a link leads to is not touched"
    );
    let log = unsaid.process.tail();
    assert!(!log.contains("four five"), "{log}");
}

fn check(unsaid: &Unsaid, office: &Office, case: &Case, call: &Value) {
    let label = case.label;
    let detail = unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).unwrap();
    let recording = &detail["recordings"][0];
    assert_eq!(
        (call["status"].as_str(), recording["redaction_status"].as_str()),
        (Some(case.status), Some(case.redaction)),
        "{label}: {detail:#}"
    );
    let said = recording["detail"].as_str().unwrap_or("");
    assert!(said.contains(case.says), "{label} said: {said}");
    let Some(before) = &case.bytes else { return };
    let after = std::fs::read(office.monitor().join("2024/05/14").join(&case.recordingfile)).unwrap();
    if case.redaction == "completed" {
        assert_redacted(&case.recordingfile, before, &after, &segments_of(recording));
    } else {
        assert_eq!(&after, before, "{label} was touched");
    }
}
