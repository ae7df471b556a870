//! Recordings that no CDR names are found in their folders and redacted.

use crate::office::{DATA, Office, SECRETS, Unsaid, age, assert_redacted, segments_of};
use crate::servers::eventually;
use crate::servers::is_root;
use crate::servers::openssh::{Release, Sshd};
use crate::siblings::{HEADER, empty_office};
use chrono::{TimeDelta, Utc};
use serde_json::Value;
use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
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
    // Whatever its name says, it lies in a folder of today.
    let elsewhere = format!("{folder}/in-15551230000-15557654321-20230101-000103-1672531200.79.wav");
    let before_us = "2024/05/14/in-15551230000-15557654321-20240514-000104-1715644864.80.wav";
    for (path, hours_ago) in [(orphan.as_str(), 7), (&young, 1), (&elsewhere, 7), (before_us, 7)] {
        lay(&office, path, hours_ago);
    }
    let before = office.read(&orphan);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(19, 90);
    let call = calls.iter().find(|c| c["linkedid"] == "1715000000.77").expect("the orphan is a call");
    assert_eq!((&call["direction"], &call["status"]), (&"inbound".into(), &"completed".into()), "{call}");
    assert_eq!((&call["from_number"], &call["to_number"]), (&"15557654321".into(), &"15551230000".into()));
    let call = unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).unwrap();
    let segments = segments_of(&call["recordings"][0]);
    assert_eq!(segments.len(), SECRETS[0].1);
    assert_redacted(&orphan, &before, &office.read(&orphan), &segments);
    assert!(calls.iter().any(|c| c["linkedid"] == "1672531200.79") && office.read(&elsewhere) != before);
    for untouched in [young.as_str(), before_us] {
        assert_eq!(office.read(untouched), before, "{untouched} is not ours to touch");
    }
    // Started again, it finds what it knows.
    drop(unsaid);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(unsaid.calls().len(), 19);
}

/// When a call of this test began: eight hours ago, by the PBX's clock, which is UTC.
fn began(n: i64) -> chrono::DateTime<Utc> {
    Utc::now() - TimeDelta::hours(8) + TimeDelta::seconds(n)
}

/// A call's row, and its unique id.
fn call(csv: &mut String, n: i64, file: impl Fn(&str) -> String) -> String {
    let id = format!("{}.{n}", began(100 * n).timestamp());
    let at = began(100 * n).format("%Y-%m-%d %H:%M:%S");
    csv.push_str(&format!(
        "{at},ANSWERED,1555765{n:04},2{n:02},PJSIP/ITSP-1,PJSIP/2{n:02}-2,{id},{id},{n},60,55,\"{}\"\n",
        file(&id)
    ));
    id
}

fn recordings(unsaid: &Unsaid) -> HashMap<String, (Value, Value)> {
    let calls = unsaid.calls().into_iter();
    let detailed = calls.filter_map(|c| unsaid.get(&format!("/api/v1/calls/{}", c["id"].as_str()?)));
    let all = detailed.flat_map(|call| {
        let recordings = call["recordings"].as_array().unwrap().clone();
        recordings.into_iter().filter_map(move |r| Some((r["path"].as_str()?.to_owned(), (call.clone(), r))))
    });
    all.collect()
}

#[test]
fn every_recording_below_the_base_has_an_outcome_whoever_named_it_or_nobody() {
    let office = empty_office();
    let today = began(0);
    let (folder, date) = (today.format("%Y/%m/%d").to_string(), today.format("%Y-%m-%d"));
    let mut csv = HEADER.to_owned();
    // What lies on disk, and the call that it is of, where there is one.
    let mut files: Vec<(String, Option<String>)> = Vec::new();
    let none = |_: &str| String::new();
    // As the CDR says, but elsewhere or under another extension.
    let id = call(&mut csv, 1, |id| format!("{id}.wav"));
    files.push((format!("{folder}/{id}.wav"), Some(id)));
    let id = call(&mut csv, 2, |id| format!("exten-202-{date}-{id}.wav"));
    files.push((format!("exten-202-{date}-{id}.wav"), Some(id)));
    let id = call(&mut csv, 3, |id| format!("q-700-{id}.wav49"));
    files.push((format!("queues/700/{date}/q-700-{id}.WAV"), Some(id)));
    let id = call(&mut csv, 4, |id| format!("/mnt/elsewhere/{id}-rec"));
    files.push((format!("archive/{id}-rec.wav"), Some(id)));
    // Named by no CDR, of a known call by its id.
    let id = call(&mut csv, 5, none);
    files.push((format!("{folder}/08/x-{id}-in.wav"), Some(id.clone())));
    files.push((format!("{folder}/08/x-{id}-out.wav"), Some(id)));
    let id = call(&mut csv, 6, none);
    files.push((format!("auto-206-{id}-done.wav"), Some(id)));
    // By its parties and its time.
    let id = call(&mut csv, 7, none);
    let at = began(720).format("%Y%m%d_%H%M%S");
    files.push((format!("Зоя/+1 (555) 765-0007 & 207 100% \"{at}\".wav"), Some(id)));
    // Its CDR names it without a date, and a script put it elsewhere.
    let id = call(&mut csv, 8, |_| "support of 8.wav".to_owned());
    files.push(("support/8/support of 8.mp3.wav".to_owned(), None));
    files.push(("support/support of 8.wav".to_owned(), Some(id)));
    // Of nobody.
    files.push((format!("{folder}/[on demand] it's a+b%20.wav"), None));
    files.push(("deep/er/and/deeper/note.wav".to_owned(), None));
    for (path, _) in &files {
        lay(&office, path, 7);
    }
    lay(&office, ".trash/hidden.wav", 7);
    std::fs::write(office.path().join("cdr.csv"), csv).unwrap();
    let before: HashMap<&str, Vec<u8>> = files.iter().map(|(p, _)| (p.as_str(), office.read(p))).collect();
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let done = eventually("every file is redacted", 90, || {
        assert!(unsaid.process.is_running());
        let done = recordings(&unsaid);
        let is_done =
            |path: &String| done.get(path).is_some_and(|(_, r)| r["redaction_status"] == "completed");
        files.iter().all(|(path, _)| is_done(path)).then_some(done)
    });
    for (path, linkedid) in &files {
        let (call, recording) = &done[path];
        if let Some(linkedid) = linkedid {
            assert_eq!(call["linkedid"], linkedid.as_str(), "{path}");
            assert_eq!(
                (&call["status"], &call["duration_s"]),
                (&"completed".into(), &60.into()),
                "{path}: {call}"
            );
        }
        assert_redacted(path, &before[path.as_str()], &office.read(path), &segments_of(recording));
    }
    assert_eq!(unsaid.calls().len(), 8 + 3, "every file of a known call is that call's");
    assert_eq!(office.read(".trash/hidden.wav"), before[files[0].0.as_str()], "it is hidden");
}

#[test]
fn a_folder_that_cannot_be_listed_is_said_and_holds_up_no_other() {
    let office = empty_office();
    std::fs::write(office.path().join("cdr.csv"), HEADER).unwrap();
    for path in ["closed/one.wav", "open/two.wav"] {
        lay(&office, path, 7);
    }
    // Root is kept out of nothing.
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups --";
    let sshd = match is_root() {
        true => Sshd::start_release(Release::installed(), "", |sftp| format!("{nobody} {sftp}")),
        false => Sshd::start(),
    };
    if is_root() {
        assert!(crate::servers::run(
            std::process::Command::new("chown").arg("-R").arg("65534:65534").arg(office.monitor())
        ));
    }
    std::fs::set_permissions(office.monitor().join("closed"), std::fs::Permissions::from_mode(0o000))
        .unwrap();
    let local = format!("kind = \"local\"\nbase = \"{}\"\n", office.monitor().display());
    let settings = office.settings().replace(&local, &sshd.settings(&office.monitor()));
    let settings = settings.replace("kind = \"sidecar\"", "kind = \"none\"");
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(1, 60);
    assert_eq!((&calls[0]["linkedid"], &calls[0]["status"]), (&"open/two".into(), &"completed".into()));
    let log = std::fs::read_to_string(&unsaid.process.log).unwrap();
    assert!(log.contains("cannot be looked into") && log.contains("closed"), "{log}");
    std::fs::set_permissions(office.monitor().join("closed"), std::fs::Permissions::from_mode(0o755))
        .unwrap();
}

#[test]
fn a_header_alone_is_an_outcome_too() {
    let office = empty_office();
    std::fs::write(office.path().join("cdr.csv"), HEADER).unwrap();
    lay(&office, "empty.wav", 7);
    lay(&office, "nothing.wav", 7);
    for (name, len) in [("empty.wav", 44), ("nothing.wav", 0)] {
        let file = office.monitor().join(name);
        let header = std::fs::read(&file).unwrap();
        std::fs::write(&file, &header[..len]).unwrap();
        std::fs::remove_file(file.with_extension("json")).unwrap();
        let at = SystemTime::now() - Duration::from_secs(7 * 3_600);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
    }
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    for call in unsaid.wait_for_calls(2, 60) {
        assert_eq!(
            (&call["status"], &call["redaction_status"]),
            (&"unanswered".into(), &"not_needed".into()),
            "{call}"
        );
        assert!(call["detail"].as_str().is_some_and(|d| d.contains("no audio")), "{call}");
    }
}

#[test]
fn a_recording_that_grew_since_its_redaction_is_heard_again_by_the_sweep() {
    let office = empty_office();
    let today = began(0);
    let path = format!("{}/x.wav", today.format("%Y/%m/%d"));
    let mut csv = HEADER.to_owned();
    call(&mut csv, 1, |_| path.clone());
    std::fs::write(office.path().join("cdr.csv"), csv).unwrap();
    lay(&office, &path, 7);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(1, 60);
    drop(unsaid);
    let file = office.monitor().join(&path);
    let muted = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&muted[..], &muted[44..]].concat()).unwrap();
    age(&file);
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    eventually("it is heard again", 60, || {
        let (_, recording) = recordings(&unsaid).remove(&path)?;
        let len = 2 * muted.len() as u64 - 44;
        (recording["redaction_status"] == "completed" && recording["size_bytes"].as_u64() == Some(len))
            .then_some(())
    });
}
