//! Retention: days that are over go, by the clock of the user, and nothing else.

use crate::office::{Office, SECRETS, UNSAID, Unsaid};
use crate::servers::openssh::Sshd;
use crate::servers::{eventually, folder};
use chrono::{Days, NaiveDate, Timelike, Utc};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

/// Recordings of the last `days` days below `base`, one a day, and things that are none.
fn record(base: &Path, days: u64) {
    let today = Utc::now().date_naive();
    for ago in 0..days {
        let day = today.checked_sub_days(Days::new(ago)).unwrap();
        let folder = base.join(day.format("%Y/%m/%d").to_string());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("out-1-2-{}-a.1.wav", day.format("%Y%m%d"))), [0u8; 100]).unwrap();
    }
}

fn day(ago: u64) -> NaiveDate {
    Utc::now().date_naive().checked_sub_days(Days::new(ago)).unwrap()
}

fn settings(recordings: &str, days: u32, at: &str) -> String {
    format!(
        "[[pbx]]\nid = \"office\"\n[pbx.source]\nkind = \"csv\"\npath = \"/nonexistent.csv\"\n\
         [pbx.retention]\ndays = {days}\nat = \"{at}\"\n[pbx.recordings]\n{recordings}"
    )
}

fn local(base: &Path) -> String {
    format!("kind = \"local\"\nbase = \"{}\"\n", base.display())
}

fn retention(dir: &Path, settings: &str, more: &[&str]) -> Output {
    let config = dir.join("unsaid.toml");
    std::fs::write(&config, format!("[data]\ndir = \"{}\"\n{settings}", dir.join("data").display())).unwrap();
    let args = ["retention", "--config", &config.display().to_string()].map(str::to_owned);
    Command::new(UNSAID).args(args).args(more).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn exists(base: &Path, ago: u64) -> bool {
    base.join(day(ago).format("%Y/%m/%d").to_string()).exists()
}

fn keeps_its_days(base: &Path, recordings: &str) {
    let dir = folder();
    record(base, 10);
    let outside = dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious.wav"), b"x").unwrap();
    let old = base.join(day(8).format("%Y/%m/%d").to_string());
    // What is not ours to delete: a link to a file, a note; and whole days that are links.
    std::os::unix::fs::symlink(outside.join("precious.wav"), old.join("link.wav")).unwrap();
    std::fs::write(old.join("note.txt"), b"x").unwrap();
    std::fs::create_dir_all(base.join("2001/01")).unwrap();
    std::os::unix::fs::symlink(&outside, base.join("2001/01/02")).unwrap();
    std::fs::create_dir_all(base.join("2001/13/45")).unwrap();
    std::fs::write(base.join("2001/13/45/no-day.wav"), b"x").unwrap();

    let settings = settings(recordings, 3, "03:30");
    let listed = said(&retention(dir.path(), &settings, &["--dry-run"]));
    assert!(listed.contains("7 files of 700 bytes would be deleted"), "{listed}");
    assert!((0..10).all(|ago| exists(base, ago)), "a dry run deletes nothing");
    let deleted = said(&retention(dir.path(), &settings, &[]));
    assert!(deleted.contains("7 files of 700 bytes and 6 folders deleted"), "{deleted}");
    for ago in 0..10 {
        assert_eq!(exists(base, ago), ago < 3 || ago == 8, "the day {ago} days ago");
    }
    let left: Vec<_> = std::fs::read_dir(&old).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(outside.join("precious.wav").exists() && base.join("2001/13/45/no-day.wav").exists());
    assert!(said(&retention(dir.path(), &settings, &[])).contains("0 files"));
}

#[test]
fn days_that_are_over_go_and_links_and_other_files_stay() {
    let dir = folder();
    keeps_its_days(dir.path(), &local(dir.path()));
}

#[test]
fn the_same_over_sftp() {
    let (dir, sshd) = (folder(), Sshd::start());
    keeps_its_days(dir.path(), &sshd.settings(dir.path()));
}

#[test]
fn a_call_on_hold_keeps_its_recording_and_the_schedule_is_told() {
    let office = Office::lay_out();
    // Half a minute or more from now, by the clock of UTC; changed later, it runs again.
    let soon = Utc::now() + chrono::TimeDelta::seconds(90);
    let at = format!("{:02}:{:02}", soon.hour(), soon.minute());
    let with = format!("{}[pbx.retention]\ndays = 30\nat = \"{at}\"\n", office.settings());
    let mut unsaid = Unsaid::serve(office.path(), &with);
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(17, 90);
    let url = unsaid.url.clone();
    let stats = eventually("the recordings are counted", 20, || {
        let stats = unsaid.get("/api/v1/integrations/freepbx/recordings-stats")?;
        (stats[0]["file_count"].is_u64()).then_some(stats)
    });
    let files = walk(&office.monitor());
    let bytes: u64 = files.iter().map(|f| f.1).sum();
    assert_eq!(
        (stats[0]["file_count"].as_u64(), stats[0]["size_bytes"].as_u64()),
        (Some(files.len() as u64), Some(bytes)),
        "{stats}"
    );
    assert_eq!(stats[0]["base_path"], office.monitor().display().to_string());
    assert_eq!(
        (&stats[0]["oldest_day"], &stats[0]["newest_day"], &stats[0]["days"]),
        (&json!("2024-05-14"), &json!("2024-05-15"), &json!(2))
    );

    let held = calls.iter().find(|c| c["linkedid"] == "1715706300.110").unwrap();
    let hold = format!("{url}/api/v1/calls/{}/hold", held["id"].as_str().unwrap());
    let client = reqwest::blocking::Client::new();
    let put = |url: &str| client.put(url).json(&json!({ "held": true })).send().unwrap().status().as_u16();
    assert_eq!((put(&hold), put(&format!("{url}/api/v1/calls/nobody/hold"))), (200, 404));
    let state = unsaid.get("/api/v1/integrations/freepbx/retention").unwrap();
    assert_eq!(
        (&state[0]["enabled"], &state[0]["days"], &state[0]["last_run"]),
        (&json!(true), &json!(30), &Value::Null)
    );
    let next = state[0]["next_run_at"].as_str().unwrap();
    assert!(next.contains(&format!("T{at}:00")), "{next}");

    let run = eventually("the run of this minute ends", 150, || {
        let state = unsaid.get("/api/v1/integrations/freepbx/retention")?;
        state[0]["last_run"]["ended_at"].is_string().then(|| state[0]["last_run"].clone())
    });
    let left: Vec<String> = walk(&office.monitor()).into_iter().map(|f| f.0).collect();
    // Two recordings of the held call, each with its transcript.
    assert_eq!((left.len(), run["files_held"].as_u64()), (4, Some(4)), "{left:?} {run}");
    assert!(left.iter().all(|f| f.contains("1715706300.110")), "{left:?}");
    assert_eq!(run["files_deleted"].as_u64(), Some(files.len() as u64 - 4));
    let gone = unsaid.calls().into_iter().find(|c| c["linkedid"] == "1715693412.34").unwrap();
    let gone = unsaid.get(&format!("/api/v1/calls/{}", gone["id"].as_str().unwrap())).unwrap();
    assert!(gone["recordings"][0]["deleted_at"].is_string(), "{gone}");
    assert_eq!(gone["recordings"][0]["redacted_segments"].as_array().unwrap().len(), SECRETS[0].1);
}

/// Every plain file below a folder, with its size.
fn walk(folder: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            found.push((entry.path().display().to_string(), entry.metadata().unwrap().len()));
        }
    }
    found
}
