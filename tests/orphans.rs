//! Recordings that no CDR names are found in their folders and redacted.

use crate::office::{DATA, Office, SECRETS, Unsaid, assert_redacted, segments_of};
use chrono::Utc;
use std::path::Path;
use std::time::{Duration, SystemTime};

const SECRET: &str = SECRETS[0].0;

/// A copy of a recording with a secret and of its transcript under another name, written to so long ago.
fn lay(office: &Office, path: &str, hours_ago: u64) {
    let file = office.monitor().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let from = Path::new(DATA).join("monitor").join(SECRET);
    std::fs::copy(from.with_extension("json"), file.with_extension("json")).unwrap();
    std::fs::copy(from, &file).unwrap();
    let at = SystemTime::now() - Duration::from_secs(hours_ago * 3_600);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
}

#[test]
fn a_recording_that_no_cdr_names_becomes_a_call_and_is_redacted_once() {
    let office = Office::lay_out();
    let today = Utc::now().date_naive();
    let (folder, date) = (today.format("%Y/%m/%d"), today.format("%Y%m%d"));
    let orphan = format!("{folder}/in-15551230000-15557654321-{date}-000102-1715000000.77.wav");
    let young = format!("{folder}/in-15551230000-15557654321-{date}-000103-1715000001.78.wav");
    let elsewhere = format!("{folder}/in-15551230000-15557654321-20230101-000103-1672531200.79.wav");
    let before_us = "2024/05/14/in-15551230000-15557654321-20240514-000104-1715644864.80.wav";
    for (path, hours_ago) in [(orphan.as_str(), 7), (&young, 1), (&elsewhere, 7), (before_us, 7)] {
        lay(&office, path, hours_ago);
    }
    let before = office.read(&orphan);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(18, 90);
    let call = calls.iter().find(|c| c["linkedid"] == "1715000000.77").expect("the orphan is a call");
    assert_eq!((&call["direction"], &call["status"]), (&"inbound".into(), &"completed".into()), "{call}");
    assert_eq!((&call["from_number"], &call["to_number"]), (&"15557654321".into(), &"15551230000".into()));
    let call = unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).unwrap();
    let segments = segments_of(&call["recordings"][0]);
    assert_eq!(segments.len(), SECRETS[0].1);
    assert_redacted(&orphan, &before, &office.read(&orphan), &segments);
    for untouched in [young.as_str(), &elsewhere, before_us] {
        assert_eq!(office.read(untouched), before, "{untouched} is not ours to touch");
    }
    // Started again, it finds what it knows.
    drop(unsaid);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(unsaid.calls().len(), 18);
}
