//! A recording that is not what its redaction left: it is played to nobody, and heard again.

use crate::office::{Office, Unsaid, age, segments_of};
use crate::servers::eventually;
use crate::siblings::{empty_office, lay};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;

const NAME: &str = "external-201-15557654321-20240514-130500-1715706300.110.wav";
const SECRET: &str = "hello my member password is 8 3 0 2 7 1 yes thank you very much";

fn served(text: &str) -> (Office, Unsaid, PathBuf) {
    let office = empty_office();
    lay(&office, NAME, text);
    let line = format!(
        "2024-05-14 13:05:00,ANSWERED,15557654321,201,PJSIP/ITSP-1,PJSIP/201-2,1715706300.110,1715706300.110,1,60,55,{NAME}\n"
    );
    let mut csv = std::fs::File::options().append(true).open(office.path().join("cdr.csv")).unwrap();
    csv.write_all(line.as_bytes()).unwrap();
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(1, 60);
    let file = office.monitor().join("2024/05/14").join(NAME);
    (office, unsaid, file)
}

fn recording(unsaid: &Unsaid) -> Value {
    let call = unsaid.calls().remove(0);
    unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).unwrap()["recordings"][0].clone()
}

fn asked(unsaid: &Unsaid, query: &str, range: Option<&str>) -> (u16, Vec<u8>) {
    let id = recording(unsaid)["id"].as_str().unwrap().to_owned();
    let mut request =
        reqwest::blocking::Client::new().get(format!("{}/api/v1/recordings/{id}/audio{query}", unsaid.url));
    if let Some(range) = range {
        request = request.header("Range", range);
    }
    let answer = request.send().unwrap();
    (answer.status().as_u16(), answer.bytes().unwrap().to_vec())
}

/// The same words twice, in two parts of a recording that went on.
fn twice(text: &str) -> String {
    format!("{text} and now again {text}")
}

#[test]
fn a_recording_that_grew_is_not_played_until_it_is_heard_again() {
    let (office, unsaid, file) = served(SECRET);
    assert_eq!(asked(&unsaid, "", None).0, 200);
    let before = segments_of(&recording(&unsaid));
    // Asterisk appends: more of the call, with the secret once more.
    let muted = std::fs::read(&file).unwrap();
    lay(&office, NAME, &twice(SECRET));
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&muted[..], &whole[muted.len()..]].concat()).unwrap();
    age(&file);
    for (query, range) in [("", None), ("?as=wav", None), ("", Some("bytes=0-99"))] {
        let (status, told) = asked(&unsaid, query, range);
        assert_eq!(status, 409, "{query} {range:?}");
        assert!(String::from_utf8_lossy(&told).contains("changed"), "{}", String::from_utf8_lossy(&told));
    }
    let again = eventually("it is heard again", 60, || {
        let recording = recording(&unsaid);
        (recording["redaction_status"] == "completed" && segments_of(&recording).len() > before.len())
            .then_some(recording)
    });
    assert_eq!(again["size_bytes"].as_u64(), Some(whole.len() as u64));
    let (status, played) = asked(&unsaid, "", None);
    assert!(status == 200 && played == std::fs::read(&file).unwrap());
}

#[test]
fn a_recording_that_was_put_over_a_redacted_one_is_not_played_though_it_is_as_long() {
    let (office, unsaid, file) = served(SECRET);
    let redacted = std::fs::read(&file).unwrap();
    assert_eq!(asked(&unsaid, "", None).0, 200);
    // A backup comes back, with its length and its time.
    let time = std::fs::metadata(&file).unwrap().modified().unwrap();
    lay(&office, NAME, SECRET);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    // What was played a moment ago is looked at anew after a restart at the latest.
    drop(unsaid);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    // The row that is read again may have led to the file before the question: then it is silent already.
    let (status, played) = asked(&unsaid, "", None);
    assert!(status == 409 || played == redacted, "{status}");
    eventually("it is silenced again", 60, || (std::fs::read(&file).unwrap() == redacted).then_some(()));
    eventually("it is played again", 60, || (asked(&unsaid, "", None).0 == 200).then_some(()));
}

#[test]
fn a_recording_in_which_nothing_was_is_heard_again_when_it_grew() {
    let (office, unsaid, file) = served("right so I will connect you now");
    assert_eq!(recording(&unsaid)["redaction_status"], "not_needed");
    lay(&office, NAME, SECRET);
    let whole = std::fs::read(&file).unwrap();
    assert_eq!(asked(&unsaid, "", None).0, 409);
    eventually("it is redacted", 60, || {
        (recording(&unsaid)["redaction_status"] == "completed").then_some(())
    });
    assert!(std::fs::read(&file).unwrap() != whole);
}
