//! A call with several recordings: each is redacted with what all of them tell.

use crate::office::{Office, Unsaid, age, assert_redacted};
use crate::servers::eventually;
use serde_json::{Value, json};
use std::io::Write;

pub const HEADER: &str = "calldate,disposition,src,dst,channel,dstchannel,uniqueid,linkedid,sequence,duration,billsec,recordingfile\n";
/// A blind transfer between two extensions whose calls are recorded.
const FIRST: &str = "external-201-15557654321-20240514-130500-1715706300.110.wav";
const SECOND: &str = "external-202-15557654321-20240514-130600-1715706300.110.wav";

/// An office without calls.
pub fn empty_office() -> Office {
    let office = Office::lay_out();
    std::fs::remove_dir_all(office.monitor()).unwrap();
    std::fs::create_dir_all(office.monitor().join("2024/05/14")).unwrap();
    std::fs::write(office.path().join("cdr.csv"), HEADER).unwrap();
    office
}

/// A recording with these words, half a second each, as another tool heard them.
pub fn lay(office: &Office, name: &str, text: &str) {
    let words: Vec<Value> = text
        .split_whitespace()
        .enumerate()
        .map(|(n, word)| json!({"word": word, "start": n as f64 * 0.5, "end": n as f64 * 0.5 + 0.45}))
        .collect();
    let seconds = words.len() as u32 / 2 + 2;
    let path = office.monitor().join("2024/05/14").join(name);
    let json = json!({"task": "transcribe", "language": "english", "duration": seconds, "text": text, "words": words});
    std::fs::write(path.with_extension("json"), json.to_string()).unwrap();
    let samples = (0..seconds * 8_000)
        .flat_map(|n| ((n.wrapping_mul(2_654_435_761) >> 20) as i16 - 2_048).to_le_bytes());
    let data: Vec<u8> = samples.collect();
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(data.len() as u32 + 36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    wav.extend_from_slice(&(data.len() as u32).to_le_bytes());
    wav.extend_from_slice(&data);
    std::fs::write(&path, wav).unwrap();
    age(&path);
}

/// The leg that names it ends.
fn end_leg(office: &Office, name: &str, minute: u32) {
    let line = format!(
        "2024-05-14 13:0{minute}:00,ANSWERED,15557654321,20{minute},PJSIP/ITSP-1,PJSIP/20{minute}-2,1715706300.110,1715706300.110,{minute},60,55,{name}\n"
    );
    let mut csv = std::fs::File::options().append(true).open(office.path().join("cdr.csv")).unwrap();
    csv.write_all(line.as_bytes()).unwrap();
}

/// The recording's outcome, once it has `count` segments and its file says the same.
fn silenced(unsaid: &Unsaid, office: &Office, name: &str, before: &[u8], count: usize) -> Vec<(f64, f64)> {
    let segments = eventually(&format!("{name} has {count} silent spans"), 60, || {
        let calls = unsaid.calls();
        let call = unsaid.get(&format!("/api/v1/calls/{}", calls.first()?["id"].as_str()?))?;
        let recordings = call["recordings"].as_array()?.clone();
        let recording = recordings.into_iter().find(|r| r["recordingfile"] == name)?;
        let done = recording["redaction_status"] == "completed";
        let segments = crate::office::segments_of(&recording);
        (done && segments.len() == count).then_some(segments)
    });
    let path = format!("2024/05/14/{name}");
    assert_redacted(&path, before, &office.read(&path), &segments);
    segments
}

fn before(office: &Office, name: &str) -> Vec<u8> {
    office.read(&format!("2024/05/14/{name}"))
}

#[test]
fn the_same_speech_in_two_files_is_silenced_in_both_though_one_alone_does_not_tell() {
    let office = empty_office();
    lay(&office, FIRST, "hello my member password is 8 3 0 2 7 1 yes thank you very much");
    lay(&office, SECOND, "right so that was 8 3 0 2 7 1 then and I will call you back soon");
    let (one, two) = (before(&office, FIRST), before(&office, SECOND));
    end_leg(&office, FIRST, 1);
    end_leg(&office, SECOND, 2);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    silenced(&unsaid, &office, FIRST, &one, 1);
    let spans = silenced(&unsaid, &office, SECOND, &two, 1);
    assert!(spans[0].0 < 2.0 && spans[0].1 > 4.9, "the six digits of it: {spans:?}");
}

/// The first recording's words may be forgotten when the second comes: unsaid was or was not started again between.
fn a_question_is_answered_after_a_transfer(asked: &str, silent_in_it: usize, started_again: bool) {
    let office = empty_office();
    lay(&office, FIRST, asked);
    lay(&office, SECOND, "eight three oh two thanks that is all I need for today then");
    let (one, two) = (before(&office, FIRST), before(&office, SECOND));
    end_leg(&office, FIRST, 1);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(1, 60);
    if started_again {
        drop(unsaid);
        unsaid = Unsaid::serve(office.path(), &office.settings());
        unsaid.wait_until_ready();
    }
    end_leg(&office, SECOND, 2);
    silenced(&unsaid, &office, SECOND, &two, 1);
    if silent_in_it > 0 {
        silenced(&unsaid, &office, FIRST, &one, silent_in_it);
    } else {
        assert!(before(&office, FIRST) == one, "there is nothing in the question");
    }
}

const QUESTION: &str = "sure I can help you with that could you tell me your pin";

#[test]
fn a_question_before_a_transfer_is_answered_after_it() {
    a_question_is_answered_after_a_transfer(QUESTION, 0, false);
}

#[test]
fn a_question_before_a_transfer_is_answered_after_it_and_after_a_restart() {
    a_question_is_answered_after_a_transfer(QUESTION, 0, true);
    let two = "my password is 8 3 0 2 7 1 yes that is it and now could you tell me your pin";
    a_question_is_answered_after_a_transfer(two, 1, true);
}

/// The second recording ends long after the first was found to be harmless; unsaid was or was not started again between.
fn a_late_recording_tells(started_again: bool) {
    let office = empty_office();
    lay(&office, FIRST, "we sold 8 3 0 2 7 1 of these last year and I will connect you now");
    let one = before(&office, FIRST);
    end_leg(&office, FIRST, 1);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let call = unsaid.wait_for_calls(1, 60).remove(0);
    assert_eq!((&call["status"], &call["redacted"]), (&json!("completed"), &json!(false)), "{call}");
    assert_eq!(before(&office, FIRST), one);
    if started_again {
        drop(unsaid);
        unsaid = Unsaid::serve(office.path(), &office.settings());
        unsaid.wait_until_ready();
    }
    lay(&office, SECOND, "hello my member password is 8 3 0 2 7 1 yes thank you very much");
    let two = before(&office, SECOND);
    end_leg(&office, SECOND, 2);
    silenced(&unsaid, &office, SECOND, &two, 1);
    silenced(&unsaid, &office, FIRST, &one, 1);
    let call = unsaid.wait_for_calls(1, 60).remove(0);
    assert_eq!((&call["status"], &call["redacted"]), (&json!("completed"), &json!(true)), "{call}");
}

#[test]
fn what_a_later_recording_tells_reaches_an_earlier_one() {
    a_late_recording_tells(false);
}

#[test]
fn what_a_later_recording_tells_reaches_an_earlier_one_after_a_restart() {
    a_late_recording_tells(true);
}
