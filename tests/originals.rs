//! Originals are sealed before a recording is muted, to keys that are not here.

use crate::office::{Office, SECRETS, UNSAID, Unsaid, age};
use crate::servers::eventually;
use chrono::{TimeDelta, Utc};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use unsaid::bus::embedded::EmbeddedLog;
use unsaid::bus::{Bus, Event};
use unsaid::call::{PbxId, TenantId};
use unsaid::config::keep::OriginalsConfig;
use unsaid::job::originals::KeptOriginals;
use unsaid::message::{Redacted, RedactionOutcome};
use unsaid::store::Store;
use unsaid::vault::originals::Originals;

/// An office whose originals are sealed; the key file, by the age that others use.
pub struct Sealing {
    pub office: Office,
    pub key: PathBuf,
    pub recipient: String,
}

impl Sealing {
    pub fn lay_out() -> Sealing {
        let office = Office::lay_out();
        let key = office.path().join("key.txt");
        let made = Command::new("age-keygen").arg("-o").arg(&key).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let public = Command::new("age-keygen").arg("-y").arg(&key).output().unwrap();
        let recipient = String::from_utf8(public.stdout).unwrap().trim().to_owned();
        Sealing { office, key, recipient }
    }

    pub fn settings(&self) -> String {
        format!(
            "{}[pbx.originals]\nrecipients = [\"{}\"]\nkeep_days = 2\n",
            self.office.settings(),
            self.recipient
        )
    }

    fn config(&self) -> OriginalsConfig {
        OriginalsConfig { recipients: vec![self.recipient.clone()], keep_days: 2, keep: None }
    }

    /// `unsaid originals`.
    pub fn originals(&self, args: &[&str]) -> Output {
        let config = self.office.path().join("unsaid.toml");
        let mut command = Command::new(UNSAID);
        command
            .arg("originals")
            .args(args)
            .arg("--config")
            .arg(config)
            .env("USER", "pat")
            .env_remove("SUDO_USER");
        command.output().unwrap()
    }

    pub fn list(&self) -> Vec<Value> {
        let listed = self.originals(&["list"]);
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        String::from_utf8(listed.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    fn sealed(&self, original: &Value) -> PathBuf {
        self.office.path().join("data/originals").join(original["object"].as_str().unwrap())
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_original_is_sealed_opens_with_the_key_and_with_no_other() {
    let sealing = Sealing::lay_out();
    let before: Vec<Vec<u8>> = SECRETS.iter().map(|s| sealing.office.read(s.0)).collect();
    let mut unsaid = Unsaid::serve(sealing.office.path(), &sealing.settings());
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(17, 90);
    let listed = sealing.list();
    assert_eq!(listed.len(), SECRETS.len(), "what was not muted is not kept: {listed:?}");
    for ((path, _), before) in SECRETS.iter().zip(&before) {
        let original = listed.iter().find(|o| o["path"] == *path).unwrap();
        let id = original["id"].as_str().unwrap();
        let out = sealing.office.path().join("opened.wav");
        let (key, to) = (sealing.key.display().to_string(), out.display().to_string());
        let opened = sealing.originals(&["open", id, "--identity", &key, "--out", &to]);
        assert!(opened.status.success(), "{}", text(&opened));
        assert!(std::fs::read(&out).unwrap() == *before && sealing.office.read(path) != *before, "{path}");
        let again = sealing.originals(&["open", id, "--identity", &key, "--out", &to]);
        assert_eq!(again.status.code(), Some(1), "a file that is there is not written over");
        std::fs::remove_file(&out).unwrap();
        // The age that everybody has opens it too, and unsaid opens a file without its data.
        let by_age =
            Command::new("age").arg("-d").arg("-i").arg(&sealing.key).arg(sealing.sealed(original)).output();
        assert!(by_age.unwrap().stdout == *before, "{path}");
        let file = sealing.sealed(original).display().to_string();
        let opened = sealing.originals(&["open", &file, "--identity", &key, "--out", "-"]);
        assert!(opened.stdout == *before, "{}", text(&opened));
    }
    let (id, other) = (listed[0]["id"].as_str().unwrap(), Sealing::lay_out());
    let key = other.key.display().to_string();
    let refused = sealing.originals(&["open", id, "--identity", &key, "--out", "-"]);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(3), 0));
    assert!(text(&refused).contains("sealed to another"), "{}", text(&refused));
}

#[test]
fn an_original_is_put_back_played_to_nobody_and_left_alone_and_the_audit_says_who() {
    let sealing = Sealing::lay_out();
    let (path, _) = SECRETS[0];
    let before = sealing.office.read(path);
    let mut unsaid = Unsaid::serve(sealing.office.path(), &sealing.settings());
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(17, 90);
    let listed = sealing.list();
    let original = listed.iter().find(|o| o["path"] == path).unwrap();
    let (id, recording) = (original["id"].as_str().unwrap(), original["recording_id"].as_str().unwrap());
    let key = sealing.key.display().to_string();
    let audio = format!("{}/api/v1/recordings/{recording}/audio", unsaid.url);
    assert_eq!(reqwest::blocking::get(&audio).unwrap().status().as_u16(), 200);

    // Somebody else's work on the file is not overwritten.
    let file = sealing.office.monitor().join(path);
    let redacted = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&redacted[..], &[0, 0]].concat()).unwrap();
    let refused = sealing.originals(&["restore", id, "--identity", &key]);
    assert!(!refused.status.success() && text(&refused).contains("not touched"), "{}", text(&refused));
    std::fs::write(&file, &redacted).unwrap();

    let restored = sealing.originals(&["restore", id, "--identity", &key, "--as", "Dana of audit"]);
    assert!(restored.status.success(), "{}", text(&restored));
    assert!(sealing.office.read(path) == before);
    assert_eq!(reqwest::blocking::get(&audio).unwrap().status().as_u16(), 409, "it is not played");
    let call =
        unsaid.calls().into_iter().find(|c| c["redaction_status"] == "restored").expect("the call says so");
    assert_eq!(
        (&call["redacted"], call["redacted_segments"].as_array().unwrap().len()),
        (&Value::Bool(false), 0)
    );
    assert!(call["detail"].as_str().unwrap().contains("Dana of audit"), "{call}");
    eventually("the topic tells it", 30, || {
        let metrics = reqwest::blocking::get(format!("{}/metrics", unsaid.url)).ok()?.text().ok()?;
        metrics.contains("unsaid_redactions_total{status=\"restored\"} 1").then_some(())
    });
    drop(unsaid);
    let told = outcomes(&sealing, recording);
    let statuses: Vec<_> = told.iter().map(|r| r.status).collect();
    assert_eq!(statuses, [RedactionOutcome::Completed, RedactionOutcome::Restored]);
    assert_eq!((&told[1].sha256_after, told[1].segments.len()), (&told[0].sha256_before, 0));
    let mut unsaid = Unsaid::serve(sealing.office.path(), &sealing.settings());
    unsaid.wait_until_ready();
    std::thread::sleep(Duration::from_secs(3));
    assert!(sealing.office.read(path) == before, "a restart does not mute it again");
    drop(unsaid);
    let (actor, actions) = trail(&sealing, recording);
    assert_eq!(actions, ["original_sealed", "original_restored"]);
    assert_eq!(actor, "Dana of audit");
}

/// All that topic `redactions` tells of a recording.
fn outcomes(sealing: &Sealing, recording: &str) -> Vec<Redacted> {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let bus = EmbeddedLog::open(&sealing.office.path().join("data")).await.unwrap();
        let mut subscription = bus.subscribe(&["unsaid.redactions".to_owned()], "test").await.unwrap();
        let mut told = Vec::new();
        while let Ok(event) = tokio::time::timeout(Duration::from_secs(2), subscription.next()).await {
            if let Event::Message(message) = event.unwrap() {
                told.push(serde_json::from_slice::<Redacted>(&message.payload).unwrap());
            }
        }
        subscription.close().await;
        told.retain(|r| r.recording_id == recording);
        told
    })
}

/// Who did the last thing to an original, and all that was done.
fn trail(sealing: &Sealing, recording: &str) -> (String, Vec<String>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open_sqlite(&sealing.office.path().join("data")).await.unwrap();
        let trail = store.audit_of(&TenantId::default_tenant(), recording).await.unwrap();
        let own: Vec<_> = trail.into_iter().filter(|e| e.action.starts_with("original")).collect();
        (own.last().unwrap().actor.clone(), own.into_iter().map(|e| e.action).collect())
    })
}

#[test]
fn what_cannot_be_sealed_is_not_muted_until_it_can() {
    let sealing = Sealing::lay_out();
    let (path, _) = SECRETS[0];
    let before = sealing.office.read(path);
    let place = sealing.office.path().join("data/originals/default");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, "in the way").unwrap();
    let mut unsaid = Unsaid::serve(sealing.office.path(), &sealing.settings());
    unsaid.wait_until_ready();
    let waiting = crate::servers::eventually("the call says why", 60, || {
        unsaid
            .calls()
            .into_iter()
            .find(|c| c["detail"].as_str().is_some_and(|d| d.contains("could not be sealed")))
    });
    assert_ne!(waiting["status"], "completed", "{waiting}");
    assert!(sealing.office.read(path) == before);
    assert!(sealing.list().is_empty());
    std::fs::remove_file(&place).unwrap();
    unsaid.wait_for_calls(17, 120);
    assert_eq!(sealing.list().len(), SECRETS.len());
    assert!(sealing.office.read(path) != before);
}

#[test]
fn originals_go_after_their_days_but_not_those_on_legal_hold() {
    let sealing = Sealing::lay_out();
    let mut unsaid = Unsaid::serve(sealing.office.path(), &sealing.settings());
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(17, 90);
    drop(unsaid);
    let listed = sealing.list();
    let held = calls
        .iter()
        .find(|c| c["redacted"] == true && c["redacted_segments"].as_array().unwrap().len() == 3)
        .unwrap();
    let tenant = TenantId::default_tenant();
    let data = sealing.office.path().join("data");
    let deleted = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open_sqlite(&data).await.unwrap();
        assert!(store.set_legal_hold(&tenant, held["id"].as_str().unwrap(), true).await.unwrap());
        let originals = Originals::open(&sealing.config(), &data).unwrap().into();
        let pbx = PbxId::try_from("office".to_owned()).unwrap();
        let kept = KeptOriginals { tenant, pbx, originals, store };
        assert_eq!(kept.delete_expired(Utc::now() + TimeDelta::hours(47)).await.unwrap(), 0);
        let deleted = kept.delete_expired(Utc::now() + TimeDelta::hours(49)).await.unwrap();
        assert_eq!(kept.delete_expired(Utc::now() + TimeDelta::hours(49)).await.unwrap(), 0);
        deleted
    });
    assert_eq!(deleted as usize, listed.len() - 1);
    let left = sealing.list();
    assert_eq!(left.len(), 1);
    for original in &listed {
        assert_eq!(sealing.sealed(original).exists(), original["id"] == left[0]["id"], "{original}");
    }
}

/// Of a recording that grows after its redaction, the second content is an original too; the redacted one is none.
#[test]
fn a_recording_that_grew_is_sealed_again_and_our_own_output_is_not() {
    let sealing = Sealing::lay_out();
    let (path, _) = SECRETS[5];
    let file = sealing.office.monitor().join(path);
    let mut unsaid = Unsaid::serve(sealing.office.path(), &sealing.settings());
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(17, 90);
    let of_path = || sealing.list().into_iter().filter(|o| o["path"] == path).count();
    assert_eq!(of_path(), 1);
    let muted = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&muted[..], &muted[..]].concat()).unwrap();
    age(&file);
    append_leg(&sealing.office, path);
    crate::servers::eventually("it is sealed again", 60, || (of_path() == 1 + 1).then_some(()));
    append_leg(&sealing.office, path);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(of_path(), 2);
}

/// One more leg names the recording.
fn append_leg(office: &Office, path: &str) {
    use std::io::Write;
    let csv = office.path().join("cdr.csv");
    let cdrs = std::fs::read_to_string(&csv).unwrap();
    let name = Path::new(path).file_name().unwrap().to_str().unwrap();
    let line = cdrs.lines().rfind(|l| l.contains(name)).unwrap();
    let (rest, sequence) = line.rsplit_once(',').unwrap();
    let next: u32 = sequence.parse::<u32>().unwrap() + 500;
    let mut file = std::fs::File::options().append(true).open(&csv).unwrap();
    writeln!(file, "{rest},{next}").unwrap();
}
