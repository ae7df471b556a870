//! Nothing is waited for without an end: what cannot come ends in an outcome that says why.

use crate::office::{Office, SECRETS, Unsaid, assert_redacted, is_ended, segments_of};
use crate::servers::eventually;
use std::io::Write;
use std::time::{Duration, SystemTime};
use unsaid::bus::embedded::EmbeddedLog;
use unsaid::bus::{Bus, Outgoing};

const FILE: &str = SECRETS[0].0;
const LINKEDID: &str = "1715693412.34";
/// Of a PBX whose clock is ahead.
const AHEAD: Duration = Duration::from_secs(365 * 24 * 3_600);

fn date_ahead(file: &std::fs::File) {
    file.set_modified(SystemTime::now() + AHEAD).unwrap();
}

#[test]
fn a_recording_whose_time_lies_in_the_future_is_redacted_once_it_no_longer_changes() {
    let office = Office::lay_out();
    let before = office.read(FILE);
    let path = office.monitor().join(FILE);
    // It is still being written: what is there is half of it.
    std::fs::write(&path, &before[..before.len() / 2]).unwrap();
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    date_ahead(&file);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let of_call = |unsaid: &Unsaid| unsaid.calls().into_iter().find(|c| c["linkedid"] == LINKEDID);
    eventually("the call waits", 30, || of_call(&unsaid).filter(|c| !is_ended(c)));
    let rest = &before[before.len() / 2..];
    for part in rest.chunks(rest.len() / 12 + 1) {
        file.write_all(part).unwrap();
        date_ahead(&file);
        std::thread::sleep(Duration::from_millis(400));
        assert!(of_call(&unsaid).is_none_or(|c| !is_ended(&c)), "it is being written to");
    }
    let call = eventually("the call ends", 60, || of_call(&unsaid).filter(is_ended));
    assert_eq!(call["status"], "completed", "{call}");
    assert_redacted(FILE, &before, &office.read(FILE), &segments_of(&call));
    let mtime = std::fs::metadata(&path).unwrap().modified().unwrap();
    assert!(mtime > SystemTime::now() + AHEAD / 2, "its time is as the PBX wrote it");
}

#[test]
fn a_message_about_a_recording_that_the_database_does_not_know_ends_as_a_dead_letter() {
    let office = Office::lay_out();
    let data = office.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = EmbeddedLog::open(&data).await.unwrap();
        log.ensure_topic("unsaid.recordings", 8).await.unwrap();
        let payload = r#"{"tenant":"default","pbx":"office","linkedid":"9.9","recording_id":"of nobody","recordingfile":"a.wav","why":"new"}"#;
        let message = Outgoing { key: "default/office/9.9".into(), headers: vec![], payload: payload.into() };
        log.publish("unsaid.recordings", message).await.unwrap();
    });
    drop(runtime);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(17, 90);
    eventually("it is given up, and says why", 60, || {
        let metrics = reqwest::blocking::get(format!("{}/metrics", unsaid.url)).ok()?.text().ok()?;
        let told = r#"unsaid_dead_letters_total{reason="no_row",stage="redact"} 1"#;
        metrics.lines().any(|line| line == told).then_some(())
    });
}
