//! After `unsaid redact` nobody can read a digit of a spoken value, however
//! the engine's word times err, and nothing else of the recording changed.

#[allow(dead_code, reason = "the integration tests ask more of it")]
#[path = "../../servers/http.rs"]
mod http;

use clap::Parser;
use http::{Answer, Http};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use unsaid_dsp::resample::speech_plane;
use unsaid_dsp::{Samples, container, decode};
use unsaid_oracle::compose::{Call, SPEAKERS, Said};
use unsaid_oracle::engine::{Bent, verbose_json};
use unsaid_oracle::reader::DigitReader;

/// Half a word's neighbourhood: what a listener would take in.
const AROUND_S: f64 = 0.05;

/// A card of sixteen digits, its owner's PIN, and talk around them.
fn order(speaker: &'static str, seed: u64) -> Call {
    let mut call = Call::new(speaker, seed);
    call.prompt("hello", "Hello.");
    call.prompt("queue-thankyou", "Thank you for your patience.");
    call.prompt("vm-enter-num-to-call", "Please enter the number you wish to call.");
    call.digits(CARDS[seed as usize % CARDS.len()], &[4, 4, 4, 4]);
    call.prompt("one-moment-please", "One moment, please.");
    call.prompt("conf-getpin", "Please enter the conference pin number.");
    call.digits(PINS[seed as usize % PINS.len()], &[4]);
    call.prompt("auth-thankyou", "Thank you.");
    call.pause(1.0);
    call.prompt("demo-thanks", "Goodbye. Thank you for trying out the Asterisk open source PBX.");
    call
}

/// Numbers that payment networks publish for tests.
const CARDS: [&str; 4] = ["4532015112830366", "5425233430109903", "4916338506082832", "6011000990139424"];
const PINS: [&str; 3] = ["7402", "9316", "0583"];

struct Redacted {
    before: Vec<u8>,
    after: Vec<u8>,
    report: Value,
    name: String,
}

impl Redacted {
    fn segments(&self) -> Vec<(f64, f64)> {
        let all = self.report["segments"].as_array().unwrap();
        all.iter().map(|s| (s["start"].as_f64().unwrap(), s["end"].as_f64().unwrap())).collect()
    }

    /// Nothing outside the reported byte ranges changed, and nothing outside the segments.
    #[track_caller]
    fn assert_untouched_outside(&self) {
        assert_eq!(self.before.len(), self.after.len());
        let ranges: Vec<(usize, usize)> = self.report["byte_ranges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| (r[0].as_u64().unwrap() as usize, r[1].as_u64().unwrap() as usize))
            .collect();
        let changed = (0..self.before.len()).filter(|&k| self.before[k] != self.after[k]);
        let astray = changed.filter(|k| !ranges.iter().any(|(at, len)| (*at..at + len).contains(k))).count();
        assert_eq!(astray, 0, "{}: bytes changed outside the reported ranges", self.name);
        let (before, after) = (samples(&self.name, &self.before), samples(&self.name, &self.after));
        // GSM's decoder rings on into the frames after a mute; its frames are compared as bytes above.
        if self.name.to_lowercase().ends_with("gsm") || self.name.ends_with(".WAV") {
            return;
        }
        let rate = before.rate;
        let segments = self.segments();
        for (k, (a, b)) in before.planes[0].iter().zip(&after.planes[0]).enumerate() {
            let at_s = rate.seconds(k as u64);
            let inside = segments.iter().any(|(from, to)| (*from..*to).contains(&at_s));
            assert!(inside || a == b, "{}: a sample changed at {at_s} s", self.name);
        }
    }
}

fn samples(name: &str, bytes: &[u8]) -> Samples {
    let layout = container::locate(name, bytes).unwrap();
    decode::decode(bytes, &layout).unwrap()
}

/// The recording through the command line, with a server that answers `json`.
fn redact(folder: &Path, recording: &Path, json: String) -> Redacted {
    let http = Http::start(vec![Answer::ok(json)]);
    let config = folder.join("unsaid.toml");
    let settings =
        format!("[speech]\nkind = \"openai\"\nbase_url = \"{}\"\napi_key = \"sk-test\"\n", http.url);
    std::fs::write(&config, settings).unwrap();
    let name = recording.file_name().unwrap().to_string_lossy().into_owned();
    let (out, report) = (folder.join(format!("out-{name}")), folder.join("report.json"));
    let text = |p: &Path| p.display().to_string();
    let line = [
        "unsaid",
        "redact",
        &text(recording),
        &text(&out),
        "--config",
        &text(&config),
        "--report",
        &text(&report),
    ];
    let exit = unsaid::cli::run(unsaid::cli::Cli::parse_from(line));
    assert_eq!(format!("{exit:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
    // The whole call in one piece, so that the words' times are the call's.
    assert_eq!(http.asked().len(), 1);
    Redacted {
        before: std::fs::read(recording).unwrap(),
        after: std::fs::read(&out).unwrap(),
        report: serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap(),
        name,
    }
}

fn write(folder: &Path, call: &mut Call) -> PathBuf {
    let path = folder.join("call.wav");
    std::fs::write(&path, call.wav()).unwrap();
    path
}

/// The secret words that can be read in the recording where they were said.
fn readable(reader: &DigitReader, name: &str, bytes: &[u8], words: &[Said]) -> Vec<f64> {
    let plane = speech_plane(&samples(name, bytes)).unwrap();
    let secrets = words.iter().filter(|w| w.secret.is_some());
    let read = secrets.filter(|w| reader.read(&plane, w.start_s - AROUND_S, w.end_s + AROUND_S) == w.secret);
    read.map(|w| w.start_s).collect()
}

fn secrets(words: &[Said]) -> usize {
    words.iter().filter(|w| w.secret.is_some()).count()
}

#[test]
fn no_digit_is_readable_after_a_redaction_however_the_engine_errs() {
    let reader = DigitReader::load();
    let folder = tempfile::tempdir().unwrap();
    let (mut read_before, mut said) = (0, 0);
    let mut leaks = Vec::new();
    for (k, speaker) in SPEAKERS.into_iter().enumerate() {
        for (n, bent) in Bent::ALL.into_iter().enumerate() {
            let seed = (k * Bent::ALL.len() + n) as u64;
            let mut call = order(speaker, seed);
            let recording = write(folder.path(), &mut call);
            let json = verbose_json(&call.words, call.duration_s(), bent, seed);
            let done = redact(folder.path(), &recording, json);
            done.assert_untouched_outside();
            said += secrets(&call.words);
            read_before += readable(&reader, &done.name, &done.before, &call.words).len();
            let left = readable(&reader, &done.name, &done.after, &call.words);
            leaks.extend(left.into_iter().map(|at_s| (speaker, bent, seed, at_s)));
            assert_goodbye_stays(&done, &call, bent);
        }
    }
    // The ear is good enough for its silence to mean something.
    assert!(read_before * 100 >= said * 90, "it read only {read_before} of {said} digits before");
    assert!(leaks.is_empty(), "digits that can still be read: {leaks:?}");
}

/// Silence is for the secrets: whoever listens still hears the farewell.
fn assert_goodbye_stays(done: &Redacted, call: &Call, bent: Bent) {
    let farewell = call.words.iter().rev().take(10);
    let (from, to) = farewell.fold((f64::MAX, 0f64), |(a, b), w| (a.min(w.start_s), b.max(w.end_s)));
    for (start, end) in done.segments() {
        assert!(
            end <= from || start >= to,
            "{bent:?}: the farewell at {from} s was silenced from {start} to {end} s"
        );
    }
}

#[test]
fn no_digit_is_readable_in_any_format_that_a_pbx_records() {
    let reader = DigitReader::load();
    let folder = tempfile::tempdir().unwrap();
    // Name, and sox's words for it.
    let formats: [(&str, &[&str]); 5] = [
        ("mulaw.wav", &["-e", "u-law"]),
        ("alaw.wav", &["-e", "a-law"]),
        ("raw.gsm", &[]),
        ("wav49.WAV", &["-t", "wav", "-e", "gsm-full-rate"]),
        ("stereo.wav", &["-c", "2"]),
    ];
    for (k, (name, options)) in formats.into_iter().enumerate() {
        let mut call = order("allison", 100 + k as u64);
        let plain = write(folder.path(), &mut call);
        let recording = folder.path().join(name);
        let sox = Command::new("sox").arg(&plain).args(options).arg(&recording).status();
        assert!(sox.expect("sox is installed by `make test`").success(), "sox cannot write {name}");
        let json = verbose_json(&call.words, call.duration_s(), Bent::Jitter, k as u64);
        let done = redact(folder.path(), &recording, json);
        done.assert_untouched_outside();
        let before = readable(&reader, name, &done.before, &call.words).len();
        assert!(before * 100 >= secrets(&call.words) * 90, "{name}: it read only {before} before");
        let left = readable(&reader, name, &done.after, &call.words);
        assert!(left.is_empty(), "{name}: digits at {left:?} s can still be read");
    }
}

#[test]
fn the_ear_hears_a_mute_that_comes_too_late() {
    let reader = DigitReader::load();
    let folder = tempfile::tempdir().unwrap();
    let mut call = order("allison", 7);
    let recording = write(folder.path(), &mut call);
    let secrets = call.words.iter().filter(|w| w.secret.is_some());
    let late: Vec<Value> =
        secrets.map(|w| json!({ "start": w.start_s + 0.3, "end": w.end_s + 0.3 })).collect();
    let (spans, out) = (folder.path().join("late.json"), folder.path().join("late.wav"));
    std::fs::write(&spans, json!(late).to_string()).unwrap();
    let text = |p: &Path| p.display().to_string();
    let line = ["unsaid", "mute", &text(&recording), &text(&out), "--spans", &text(&spans)];
    let exit = unsaid::cli::run(unsaid::cli::Cli::parse_from(line));
    assert_eq!(format!("{exit:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
    let left = readable(&reader, "late.wav", &std::fs::read(&out).unwrap(), &call.words);
    assert!(!left.is_empty(), "a mute 0.3 s late leaves digits that can be read");
}
