//! The office of the demo as test material, and unsaid as a process beside it.

use crate::servers::{Process, eventually, folder, free_port};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use unsaid::call::RecordingPath;
use unsaid_dsp::Span;

pub const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/office");
pub const UNSAID: &str = env!("CARGO_BIN_EXE_unsaid");

/// The recordings of the office that hold a secret, and how many segments each.
pub const SECRETS: &[(&str, usize)] = &[
    ("2024/05/14/external-201-15557654321-20240514-093012-1715693412.34.wav", 3),
    ("2024/05/14/rg-600-15557654321-20240514-094103-1715694063.40.WAV", 1),
    ("2024/05/14/q-700-15557654321-20240514-100220-1715695340.50.wav", 2),
    ("2024/05/14/external-201-15557654321-20240514-130500-1715706300.110.wav", 1),
    ("2024/05/14/external-202-15557654321-20240514-130500-1715706300.110.wav", 1),
    ("2024/05/14/external-201-15557650001-20240514-141500-1715710500.112.ulaw", 1),
    ("2024/05/14/external-202-15557650002-20240514-143000-1715711400.114.alaw", 1),
    ("2024/05/15/external-201-15557650003-20240515-090000-1715778000.160.gsm", 1),
    ("2024/05/15/external-203-15557650004-20240515-101500-1715782500.170.wav", 1),
    ("2024/05/15/out-915557779999-202-20240515-110000-1715785200.180.wav", 1),
];
/// And those that hold none.
pub const PLAIN: &[&str] = &[
    "2024/05/14/out-915557778888-201-20240514-103144-1715697104.70.wav",
    "2024/05/14/internal-202-201-20240514-104500-1715697900.80.gsm",
    "2024/05/15/ondemand-201-15557654321-20240515-144000-1715798400.150.sln",
];

/// A copy of the office in a folder of its own.
pub struct Office {
    pub dir: tempfile::TempDir,
}

impl Office {
    pub fn lay_out() -> Office {
        let dir = folder();
        copy_tree(Path::new(DATA), dir.path());
        Office { dir }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn monitor(&self) -> PathBuf {
        self.dir.path().join("monitor")
    }

    pub fn read(&self, recording: &str) -> Vec<u8> {
        std::fs::read(self.monitor().join(recording)).unwrap()
    }

    /// Settings for this office: CSV source, local recordings, words beside them.
    pub fn settings(&self) -> String {
        format!(
            "[redact]\nsettle = \"1s\"\n[limits]\nretry_base = \"100ms\"\nretry_most = \"500ms\"\nattempts = 4\n\
             [speech]\nkind = \"sidecar\"\n[[pbx]]\nid = \"office\"\ntrunks = [\"ITSP\"]\n[pbx.source]\nkind = \"csv\"\n\
             path = \"{}\"\ninterval = \"200ms\"\n[pbx.recordings]\nkind = \"local\"\nbase = \"{}\"\n",
            self.path().join("cdr.csv").display(),
            self.monitor().display()
        )
    }
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
            age(&target);
        }
    }
}

/// Dates a file back, as a call that ended long ago.
pub fn age(path: &Path) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3_600)).unwrap();
}

/// `unsaid serve` as a process.
pub struct Unsaid {
    pub process: Process,
    pub url: String,
    http: reqwest::blocking::Client,
}

impl Unsaid {
    /// Starts with `settings`; its data directory is `dir/data`.
    pub fn serve(dir: &Path, settings: &str) -> Unsaid {
        Unsaid::serve_with(dir, settings, "")
    }

    /// The same with more of `[api]`.
    pub fn serve_with(dir: &Path, settings: &str, api: &str) -> Unsaid {
        let port = free_port();
        let config = dir.join("unsaid.toml");
        let head = format!(
            "[data]\ndir = \"{}\"\n[api]\nlisten = \"127.0.0.1:{port}\"\n{api}",
            dir.join("data").display()
        );
        // Keys of no table stand first.
        let (top, tables) = settings.split_at(settings.find('[').unwrap_or(0));
        std::fs::write(&config, format!("{top}{head}{tables}")).unwrap();
        let args = ["serve", "--config", &config.display().to_string()];
        let process = Process::start(dir, Path::new(UNSAID), &args, None);
        crate::servers::install_tls();
        let http = reqwest::blocking::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Unsaid { process, url: format!("http://127.0.0.1:{port}"), http }
    }

    pub fn wait_until_ready(&mut self) {
        eventually("unsaid is ready", 60, || {
            assert!(self.process.is_running(), "unsaid stopped:\n{}", self.process.tail());
            self.get("/readyz").map(|_| ())
        });
    }

    /// A JSON answer; `None` while the server is away.
    pub fn get(&self, path: &str) -> Option<Value> {
        let response = self.http.get(format!("{}{path}", self.url)).send().ok()?;
        response.status().is_success().then(|| response.json().ok()).flatten()
    }

    /// Every call, over all pages.
    pub fn calls(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        while let Some(page) = self.get(&format!("/api/v1/calls?limit=7{cursor}")) {
            all.extend(page["calls"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={}", next.replace('+', "%2B")),
                None => break,
            }
        }
        all
    }

    /// Waits until `count` calls have ended, and gives them.
    #[track_caller]
    pub fn wait_for_calls(&mut self, count: usize, seconds: u64) -> Vec<Value> {
        eventually(&format!("{count} calls end"), seconds, || {
            assert!(self.process.is_running(), "unsaid stopped:\n{}", self.process.tail());
            let calls = self.calls();
            let ended = calls.iter().filter(|c| is_ended(c)).count();
            (ended >= count).then_some(calls)
        })
    }
}

pub fn is_ended(call: &Value) -> bool {
    matches!(call["status"].as_str(), Some("completed" | "unanswered" | "failed"))
}

/// Proves that `after` is `before` but for silence in its segments, with the ramps of a redaction:
/// every byte outside is as it was, and inside, what the mute of those segments writes.
#[track_caller]
pub fn assert_redacted(path: &str, before: &[u8], after: &[u8], segments: &[(f64, f64)]) {
    assert_muted(path, before, after, segments, 0.002);
}

/// The same with ramps of `ramp_s`.
#[track_caller]
pub fn assert_muted(path: &str, before: &[u8], after: &[u8], segments: &[(f64, f64)], ramp_s: f64) {
    let name = RecordingPath::parse(path).unwrap();
    let layout = unsaid_dsp::container::locate(name.file_name(), before).unwrap();
    let spans: Vec<Span> = segments.iter().map(|&(a, b)| Span::from_seconds(a, b, layout.rate)).collect();
    let options = unsaid_dsp::mute::Options { ramp_s, ..Default::default() };
    let patches = unsaid_dsp::mute::patches(before, &layout, &spans, &options).unwrap();
    assert!(!patches.is_empty() && before != after, "{path} was not muted");
    assert_eq!(unsaid_dsp::mute::verify(before, after, &patches), Ok(()), "{path}");
}

/// The segments of a recording as the API tells them.
pub fn segments_of(recording: &Value) -> Vec<(f64, f64)> {
    let segments = recording["redacted_segments"].as_array().unwrap();
    segments.iter().map(|s| (s["start"].as_f64().unwrap(), s["end"].as_f64().unwrap())).collect()
}
