//! Calls from Twilio behave like any others; what is redacted is kept by us,
//! and the original there goes, where that is switched on.

use crate::office::{DATA, SECRETS, Unsaid, assert_redacted, segments_of};
use crate::servers::s3::{BUCKET, S3};
use crate::servers::twilio::{ACCOUNT, TOKEN, Twilio};
use crate::servers::{eventually, folder};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use ring::hmac;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A recording of the office with three secrets, and the words in it.
fn secret() -> (Vec<u8>, Vec<u8>) {
    let path = Path::new(DATA).join("monitor").join(SECRETS[0].0);
    (std::fs::read(&path).unwrap(), std::fs::read(path.with_extension("json")).unwrap())
}

/// The same on two channels.
fn on_two_channels(wav: &[u8]) -> Vec<u8> {
    let mut out = wav[..44].to_vec();
    out[22] = 2;
    out[32] = 4;
    out[28..32].copy_from_slice(&32_000u32.to_le_bytes());
    for sample in wav[44..].chunks_exact(2) {
        out.extend_from_slice(sample);
        out.extend_from_slice(sample);
    }
    let data = out.len() as u32 - 44;
    out[40..44].copy_from_slice(&data.to_le_bytes());
    out[4..8].copy_from_slice(&(data + 36).to_le_bytes());
    out
}

struct Cloud {
    twilio: Twilio,
    dir: TempDir,
}

impl Cloud {
    fn start() -> Cloud {
        Cloud { twilio: Twilio::start(), dir: folder() }
    }

    fn kept(&self, name: &str) -> PathBuf {
        self.dir.path().join("kept").join(name)
    }

    /// What an engine would hear in a recording.
    fn hear(&self, name: &str, json: &[u8]) {
        let path = self.kept(name).with_extension("json");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, json).unwrap();
    }

    fn settings(&self, source: &str, recordings: &str) -> String {
        let keep = format!("{{ kind = \"local\", dir = \"{}\" }}", self.dir.path().join("kept").display());
        self.settings_keeping(source, recordings, &keep)
    }

    fn settings_keeping(&self, source: &str, recordings: &str, keep: &str) -> String {
        format!(
            "[redact]\nsettle = \"1s\"\n[limits]\nretry_base = \"100ms\"\nretry_most = \"500ms\"\n[speech]\nkind = \"sidecar\"\n\
             [[pbx]]\nid = \"cloud\"\n[pbx.source]\nkind = \"twilio\"\naccount_sid = \"{ACCOUNT}\"\nauth_token = \"{TOKEN}\"\n\
             base_url = \"{}\"\nsince = \"2024-05-01\"\n{source}\n[pbx.recordings]\nkind = \"twilio\"\n{recordings}\n\
             keep = {keep}\n",
            self.twilio.url,
        )
    }
}

fn detail(unsaid: &Unsaid, calls: &[Value], linkedid: &str) -> Value {
    let call =
        calls.iter().find(|c| c["linkedid"] == linkedid).unwrap_or_else(|| panic!("{linkedid} in {calls:?}"));
    unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).unwrap()
}

#[test]
fn calls_are_listed_redacted_kept_played_and_the_original_is_deleted() {
    let cloud = Cloud::start();
    let (wav, words) = secret();
    let stereo = on_two_channels(&wav);
    let inbound = cloud.twilio.call(1, "inbound", "completed", 30, None);
    let dialled = cloud.twilio.call(2, "outbound-dial", "completed", 30, Some(1));
    let missed = cloud.twilio.call(3, "inbound", "no-answer", 35, None);
    let plain = cloud.twilio.call(4, "outbound-api", "completed", 36, None);
    cloud.twilio.call(5, "inbound", "in-progress", 59, None);
    let secret_sid = cloud.twilio.recording(1, &dialled, 2, stereo.clone());
    let plain_sid = cloud.twilio.recording(2, &plain, 1, wav.clone());
    let name = format!("2024/05/14/{secret_sid}-2.wav");
    cloud.hear(&name, &words);
    cloud.hear(
        &format!("2024/05/14/{plain_sid}.wav"),
        br#"{"text":"hello","words":[{"word":"hello","start":1.0,"end":1.4}]}"#,
    );
    cloud.twilio.account().busy = 2;
    let mut unsaid =
        Unsaid::serve(cloud.dir.path(), &cloud.settings("interval = \"300ms\"", "delete_originals = true"));
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(3, 90);
    assert_eq!(
        calls.len(),
        3,
        "a dialled leg is no call of its own, one that goes on is none yet: {calls:?}"
    );

    let call = detail(&unsaid, &calls, &inbound);
    let told = |c: &Value| {
        [&c["source"], &c["direction"], &c["disposition"], &c["status"], &c["from_number"], &c["to_number"]]
            .map(|v| v.as_str().unwrap().to_owned())
    };
    assert_eq!(told(&call), ["twilio", "inbound", "answered", "completed", "+15557654321", "+15551230000"]);
    assert_eq!(call["extension"], "client:alice");
    let recording = &call["recordings"][0];
    let segments = segments_of(recording);
    assert_eq!(segments.len(), SECRETS[0].1, "{recording}");
    let redacted = std::fs::read(cloud.kept(&name)).unwrap();
    assert_redacted(&name, &stereo, &redacted, &segments);
    assert_eq!(cloud.twilio.account().deleted, [secret_sid.as_str()], "the one that held secrets, once");
    assert!(cloud.twilio.account().media.contains_key(&plain_sid), "the one that held none stays");

    let play = |recording: &Value, range: &str| {
        let url = format!("{}/api/v1/recordings/{}/audio", unsaid.url, recording["id"].as_str().unwrap());
        let answer = reqwest::blocking::Client::new().get(url).header("Range", range).send().unwrap();
        (answer.status().as_u16(), answer.bytes().unwrap().to_vec())
    };
    assert_eq!(play(recording, "bytes=1000-2999"), (206, redacted[1000..3000].to_vec()));
    let outbound = detail(&unsaid, &calls, &plain);
    assert_eq!(
        (&outbound["direction"], &outbound["redaction_status"]),
        (&json!("outbound"), &json!("not_needed"))
    );
    assert_eq!(
        play(&outbound["recordings"][0], "bytes=500-999"),
        (206, wav[500..1000].to_vec()),
        "from Twilio"
    );
    let missed = detail(&unsaid, &calls, &missed);
    assert_eq!((&missed["status"], &missed["summary"]), (&json!("unanswered"), &json!("Unanswered call")));

    // Read again and again, it is done once.
    drop(unsaid);
    let asked = cloud.twilio.account().asked.len();
    let mut unsaid =
        Unsaid::serve(cloud.dir.path(), &cloud.settings("interval = \"300ms\"", "delete_originals = true"));
    unsaid.wait_until_ready();
    eventually("it reads again", 30, || (cloud.twilio.account().asked.len() > asked + 8).then_some(()));
    assert_eq!(unsaid.calls().len(), 3);
    assert_eq!(cloud.twilio.account().deleted.len(), 1);
    assert!(std::fs::read(cloud.kept(&name)).unwrap() == redacted);
}

#[test]
fn what_cannot_be_deleted_there_is_tried_until_it_can_and_is_kept_meanwhile() {
    let cloud = Cloud::start();
    let (wav, words) = secret();
    let call = cloud.twilio.call(1, "inbound", "completed", 30, None);
    let sid = cloud.twilio.recording(1, &call, 1, wav.clone());
    let name = format!("2024/05/14/{sid}.wav");
    cloud.hear(&name, &words);
    cloud.twilio.account().refuse_deletion = 500;
    let settings = cloud.settings("interval = \"300ms\"", "delete_originals = true");
    let mut unsaid = Unsaid::serve(cloud.dir.path(), &settings);
    unsaid.wait_until_ready();
    eventually("the copy is kept and the deletion refused", 60, || {
        let deletes = cloud.twilio.account().asked.iter().filter(|a| a.starts_with("DELETE")).count();
        (cloud.kept(&name).exists() && deletes >= 3).then_some(())
    });
    assert_ne!(unsaid.calls()[0]["status"], "completed", "not before the original is gone");
    // Killed in the middle, and Twilio answers again.
    unsaid.process.kill();
    cloud.twilio.account().refuse_deletion = 0;
    let mut unsaid = Unsaid::serve(cloud.dir.path(), &settings);
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(1, 120);
    assert_eq!((&calls[0]["status"], &calls[0]["redacted"]), (&json!("completed"), &json!(true)));
    assert_redacted(&name, &wav, &std::fs::read(cloud.kept(&name)).unwrap(), &segments_of(&calls[0]));
    assert_eq!(cloud.twilio.account().deleted, [sid]);
}

/// Copies and sealed originals in a bucket; the store goes away, and comes back.
#[test]
fn copies_and_sealed_originals_are_kept_in_a_bucket() {
    let (cloud, mut s3) = (Cloud::start(), S3::start());
    let (wav, words) = secret();
    let call = cloud.twilio.call(1, "inbound", "completed", 30, None);
    let sid = cloud.twilio.recording(1, &call, 1, wav.clone());
    let name = format!("2024/05/14/{sid}.wav");
    let key = age::x25519::Identity::generate();
    let object = |prefix: &str, name: &str| {
        let url = format!("http://127.0.0.1:{}/{BUCKET}/{prefix}/{name}", s3.port);
        reqwest::blocking::Client::new().get(url).send().unwrap()
    };
    let put = format!("http://127.0.0.1:{}/{BUCKET}/copies/{}", s3.port, name.replace(".wav", ".json"));
    assert!(reqwest::blocking::Client::new().put(put).body(words).send().unwrap().status().is_success());
    let settings =
        cloud.settings_keeping("interval = \"300ms\"", "delete_originals = true", &s3.keep("copies"));
    let settings = format!(
        "{settings}[pbx.originals]\nrecipients = [\"{}\"]\nkeep_days = 5\nkeep = {}\n",
        key.to_public(),
        s3.keep("sealed")
    );
    let mut unsaid = Unsaid::serve(cloud.dir.path(), &settings);
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(1, 90);
    let call = detail(&unsaid, &calls, &call);
    let recording = &call["recordings"][0];
    let redacted = object("copies", &name).bytes().unwrap().to_vec();
    assert_redacted(&name, &wav, &redacted, &segments_of(recording));
    assert_eq!(cloud.twilio.account().deleted, [sid]);
    let play = || {
        let url = format!("{}/api/v1/recordings/{}/audio", unsaid.url, recording["id"].as_str().unwrap());
        let answer =
            reqwest::blocking::Client::new().get(url).header("Range", "bytes=700-899").send().unwrap();
        (answer.status().as_u16(), answer.bytes().unwrap().to_vec())
    };
    assert_eq!(play(), (206, redacted[700..900].to_vec()), "played from the bucket");
    let config = cloud.dir.path().join("unsaid.toml").display().to_string();
    let originals = |args: &[&str]| {
        let output = std::process::Command::new(crate::office::UNSAID)
            .arg("originals")
            .args(args)
            .args(["--config", &config])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let listed: Value = serde_json::from_slice(&originals(&["list"])).unwrap();
    let sealed = object("sealed", listed["object"].as_str().unwrap()).bytes().unwrap();
    assert!(
        sealed.starts_with(b"age-encryption.org/v1") && !sealed.windows(400).any(|w| w == &wav[1_000..1_400])
    );
    let identity = cloud.dir.path().join("key.txt");
    std::fs::write(&identity, secrecy::ExposeSecret::expose_secret(&key.to_string())).unwrap();
    let opened = originals(&[
        "open",
        listed["id"].as_str().unwrap(),
        "--identity",
        &identity.display().to_string(),
        "--out",
        "-",
    ]);
    assert!(opened == wav);
    s3.process.kill();
    assert_ne!(play().0, 206, "the store is away, and unsaid says so");
    assert!(unsaid.process.is_running());
}

#[test]
fn originals_stay_at_twilio_unless_their_deletion_is_switched_on() {
    let cloud = Cloud::start();
    let (wav, words) = secret();
    let call = cloud.twilio.call(1, "inbound", "completed", 30, None);
    let sid = cloud.twilio.recording(1, &call, 1, wav);
    let name = format!("2024/05/14/{sid}.wav");
    cloud.hear(&name, &words);
    let mut unsaid = Unsaid::serve(cloud.dir.path(), &cloud.settings("interval = \"300ms\"", ""));
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(1, 60);
    assert_eq!(calls[0]["redacted"], true);
    assert!(cloud.kept(&name).exists() && cloud.twilio.account().deleted.is_empty());
    // Retention takes what is kept, by its day's folder.
    drop(unsaid);
    let settings = format!(
        "[data]\ndir = \"{}\"\n{}[pbx.retention]\ndays = 30\nat = \"03:30\"\n",
        cloud.dir.path().join("data").display(),
        cloud.settings("", "")
    );
    let config = cloud.dir.path().join("unsaid.toml");
    std::fs::write(&config, settings).unwrap();
    let run = std::process::Command::new(crate::office::UNSAID)
        .args(["retention", "--config"])
        .arg(&config)
        .output();
    let run = run.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(!cloud.kept(&name).exists() && !cloud.kept("2024").exists());
}

#[test]
fn a_signed_webhook_brings_a_call_at_once_and_nobody_else_is_believed() {
    let cloud = Cloud::start();
    let (wav, words) = secret();
    let webhook = "https://calls.example.com/api/v1/hooks/twilio/default/cloud";
    let source = format!("interval = \"1h\"\noverlap = \"30000h\"\nwebhook_url = \"{webhook}\"");
    let mut unsaid = Unsaid::serve(cloud.dir.path(), &cloud.settings(&source, ""));
    unsaid.wait_until_ready();
    eventually("the first reading is over", 30, || (cloud.twilio.account().asked.len() >= 2).then_some(()));
    let call = cloud.twilio.call(1, "inbound", "completed", 30, None);
    let sid = cloud.twilio.recording(1, &call, 1, wav);
    cloud.hear(&format!("2024/05/14/{sid}.wav"), &words);
    let form = [
        ("AccountSid", ACCOUNT),
        ("CallSid", call.as_str()),
        ("RecordingSid", sid.as_str()),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://example.com/never/asked/for"),
    ];
    let mut signed = webhook.to_owned();
    let mut sorted = form;
    sorted.sort_unstable();
    sorted.iter().for_each(|(name, value)| signed.push_str(&format!("{name}{value}")));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
    let signature = BASE64_STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    let body: String =
        form.iter().map(|(n, v)| format!("{n}={}&", v.replace(':', "%3A").replace('/', "%2F"))).collect();
    let post = |pbx: &str, signature: &str| {
        let url = format!("{}/api/v1/hooks/twilio/default/{pbx}", unsaid.url);
        let request = reqwest::blocking::Client::new().post(url).header("X-Twilio-Signature", signature);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        request.body(body.trim_end_matches('&').to_owned()).send().unwrap().status().as_u16()
    };
    assert_eq!((post("cloud", ""), post("cloud", "AAAA"), post("other", &signature)), (403, 403, 403));
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(unsaid.calls().is_empty(), "nobody who may has told yet");
    assert_eq!(post("cloud", &signature), 202);
    let calls = unsaid.wait_for_calls(1, 60);
    assert_eq!(calls[0]["redacted"], true);
}

#[test]
fn doctor_says_what_is_wrong_with_the_account() {
    let cloud = Cloud::start();
    let config = cloud.dir.path().join("unsaid.toml");
    let doctor = |settings: &str| {
        let head = format!("[data]\ndir = \"{}\"\n", cloud.dir.path().join("data").display());
        std::fs::write(&config, format!("{head}{settings}")).unwrap();
        let output = std::process::Command::new(crate::office::UNSAID)
            .args(["doctor", "--config", &config.display().to_string()])
            .output()
            .unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let good = cloud.settings("", "");
    assert!(doctor(&good).contains("answers; 0 calls on the first page"), "{}", doctor(&good));
    let bad = doctor(&good.replace(TOKEN, "another token"));
    assert!(
        bad.contains("Twilio refused") && bad.contains("auth_token") && !bad.contains("another token"),
        "{bad}"
    );
    let replace = doctor(&good.replace("[[pbx]]\n", "[[pbx]]\nwrite_back = \"replace\"\n"));
    assert!(replace.contains("cannot be replaced"), "{replace}");
}
