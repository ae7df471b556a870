//! Fetching and uploading over SFTP beside OpenSSH's own `sftp`, by turns, both
//! with their sign-in, from and to the same server; and how long a player waits
//! for the first bytes of a range.
//!
//!   cargo bench --bench sftp [-- MIB]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot run has nothing to report")]

#[allow(dead_code)]
#[path = "../tests/office.rs"]
mod office;
#[allow(dead_code)]
#[path = "../tests/servers/mod.rs"]
mod servers;

use office::{Office, SECRETS, Unsaid};
use servers::folder;
use servers::openssh::Sshd;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use unsaid::call::RecordingPath;
use unsaid::recordings::Recordings;
use unsaid::recordings::sftp::SftpRecordings;

const MIB: usize = 110;
const TURNS: usize = 7;
const RANGES: usize = 200;

/// One batch of OpenSSH's own client, from its start to its end.
fn openssh(server: &Sshd, batch: &str) -> Duration {
    let started = Instant::now();
    let mut child = Command::new("sftp")
        .args([
            "-q",
            "-b",
            "-",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ])
        .args(["-P", &server.port.to_string(), "-i"])
        .arg(&server.key)
        .arg(format!("{}@127.0.0.1", server.user))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(batch.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{batch}");
    started.elapsed()
}

async fn fetched(server: &Sshd, base: &Path, path: &RecordingPath, len: usize) -> Duration {
    let started = Instant::now();
    let recordings = SftpRecordings::new(server.config(base));
    assert_eq!(recordings.fetch(path, 1 << 30).await.unwrap().len(), len);
    started.elapsed()
}

async fn uploaded(server: &Sshd, base: &Path, bytes: &[u8]) -> Duration {
    let path = RecordingPath::parse("day/up.wav").unwrap();
    let _ = std::fs::remove_file(base.join("day/up.wav"));
    let started = Instant::now();
    let recordings = SftpRecordings::new(server.config(base));
    recordings.create(&path, bytes).await.unwrap();
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

fn told(what: &str, mib: usize, ours: Vec<Duration>, theirs: Vec<Duration>) {
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(o, t)| t.as_secs_f64() / o.as_secs_f64()).collect();
    let (ours, theirs) = (median(ours), median(theirs));
    let ratios: Vec<String> = ratios.iter().map(|r| format!("{r:.2}")).collect();
    println!(
        "{what} of {mib} MiB: unsaid {:.0} MiB/s, sftp {:.0} MiB/s: {:.2} x (by turns {})",
        mib as f64 / ours,
        mib as f64 / theirs,
        theirs / ours,
        ratios.join(" ")
    );
}

async fn transfers(mib: usize) {
    let (server, dir) = (Sshd::start(), folder());
    std::fs::create_dir(dir.path().join("day")).unwrap();
    let bytes: Vec<u8> =
        (0..mib << 20).map(|n| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0]).collect();
    std::fs::write(dir.path().join("day/call.wav"), &bytes).unwrap();
    let path = RecordingPath::parse("day/call.wav").unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ours.push(fetched(&server, dir.path(), &path, bytes.len()).await);
        theirs.push(openssh(&server, &format!("get {} {}\n", at("day/call.wav"), at("got.wav"))));
    }
    told("fetch", mib, ours, theirs);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ours.push(uploaded(&server, dir.path(), &bytes).await);
        // -f: flushed, as ours is.
        theirs.push(openssh(&server, &format!("put -f {} {}\n", at("day/call.wav"), at("day/theirs.wav"))));
    }
    told("upload, flushed,", mib, ours, theirs);
}

/// Ranges of a redacted recording through the API, until the last byte of 64 KiB.
fn playback() {
    let (server, office) = (Sshd::start(), Office::lay_out());
    let local = format!("kind = \"local\"\nbase = \"{}\"\n", office.monitor().display());
    let settings = office.settings().replace(&local, &server.settings(&office.monitor()));
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(17, 120);
    let name = SECRETS[0].0.rsplit('/').next().unwrap();
    let recordings = calls.iter().filter_map(|c| unsaid.get(&format!("/api/v1/calls/{}", c["id"].as_str()?)));
    let recording = recordings
        .flat_map(|c| c["recordings"].as_array().unwrap().clone())
        .find(|r| r["recordingfile"] == name)
        .unwrap();
    let url = format!("{}/api/v1/recordings/{}/audio", unsaid.url, recording["id"].as_str().unwrap());
    let http = reqwest::blocking::Client::new();
    let len = office.read(SECRETS[0].0).len();
    let mut times: Vec<Duration> = (0..RANGES)
        .map(|n| {
            let from = n * 7_919 % (len - 65_536);
            let started = Instant::now();
            let answer =
                http.get(&url).header("Range", format!("bytes={from}-{}", from + 65_535)).send().unwrap();
            assert_eq!(answer.status().as_u16(), 206);
            assert_eq!(answer.bytes().unwrap().len(), 65_536);
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    let ms = |at: usize| times[at].as_secs_f64() * 1e3;
    println!(
        "{RANGES} ranges of 64 KiB for a player: median {:.1} ms, 95 % {:.1} ms, longest {:.1} ms",
        ms(RANGES / 2),
        ms(RANGES * 95 / 100),
        ms(RANGES - 1)
    );
}

fn main() {
    let mib = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(MIB);
    servers::install_tls();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(transfers(mib));
    drop(runtime);
    playback();
}
