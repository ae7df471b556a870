//! `unsaid demo`: a small office with real recordings, every role at work on it.

use super::roles::{App, Role};
use super::serve::stop_on_signal;
use super::{CliError, Result};
use crate::call::TenantId;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::store::calls::CallRow;
use crate::store::recordings::RecordingRow;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rust_embed::Embed;
use std::collections::{BTreeMap, HashSet};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the office, its database and its log are kept.
    #[arg(long, default_value = "unsaid-data/demo")]
    data: PathBuf,
    /// Where the page is served.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// End when every call has an outcome, with a table.
    #[arg(long)]
    once: bool,
    /// What hears the calls.
    #[arg(long, value_enum, default_value = "whisper")]
    words: Words,
    /// Whisper's weights, a ggml file: `scripts/setup.sh model` fetches this one.
    #[arg(long, default_value = ".servers/models/ggml-base-q8_0.bin")]
    model: PathBuf,
}

/// Where the words of the office's calls come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Words {
    /// Whisper in this process listens to each call.
    Whisper,
    /// The transcripts that lie beside the recordings.
    Sidecar,
}

/// The office: composed from human voices; see tests/data/NOTICE.
#[derive(Embed)]
#[folder = "tests/data/office"]
struct Office;

/// Whole conversations of the same office.
#[derive(Embed)]
#[folder = "tests/data/conversations"]
struct Conversations;

/// The CDRs, in each of the two, and the folder of the recordings.
const CDR: &str = "cdr.csv";
const MONITOR: &str = "monitor/";

/// Words of a call that the table shows.
const SHOWN_WORDS: usize = 18;
const POLL: Duration = Duration::from_millis(100);
/// An office of two dozen calls takes minutes to listen to; this is a broken machine.
const GIVE_UP: Duration = Duration::from_secs(3_600);
/// Recordings are dated back: a fresh file would count as still being written.
const AGE: Duration = Duration::from_secs(3_600);

pub async fn run(args: Args) -> Result<()> {
    if args.words == Words::Whisper && !args.model.is_file() {
        return Err(CliError::Usage(format!(
            "{} is not there: `scripts/setup.sh model` fetches it, --model names another ggml file, \
             and --words sidecar takes the transcripts beside the recordings",
            args.model.display()
        )));
    }
    let expected = lay_out(&args.data)?;
    let mut config = Config::from_text(&settings(&args)).map_err(|e| CliError::Usage(e.to_string()))?;
    config.data.dir = args.data.clone();
    crate::telemetry::start(
        &std::env::var("UNSAID_LOG").unwrap_or_else(|_| "warn".to_owned()),
        config.log_format,
    );
    let shutdown = CancellationToken::new();
    stop_on_signal(shutdown.clone());
    let app = App::open(config).await?;
    let (store, metrics) = (app.store.clone(), app.metrics.clone());
    println!("The office lies in {}; its page is http://{}", args.data.display(), args.listen);
    let roles = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { app.run(&Role::ALL, shutdown).await }
    });
    let watched = watch(&store, expected, &shutdown, &roles).await;
    if args.once || watched.is_err() {
        shutdown.cancel();
    } else {
        println!("Every call has its outcome. The page stays up; Ctrl-C stops it.");
    }
    // What a role failed of says more than that the calls stopped.
    roles.await.map_err(|e| CliError::Failed(e.to_string()))??;
    let calls = watched?;
    if args.once {
        print_table(&store, &calls).await?;
        println!("{}", heard(&args, &metrics));
    }
    let failed = calls.iter().filter(|c| c.status == "failed").count();
    if failed > 0 && args.once {
        return Err(CliError::Failed(format!("{failed} calls failed")));
    }
    Ok(())
}

/// Writes the office's files, once: a second start goes on with what is there.
/// Answers with the number of calls.
fn lay_out(data: &Path) -> Result<usize> {
    let failed = |e: std::io::Error| CliError::Failed(format!("{} cannot be written: {e}", data.display()));
    let marker = data.join(CDR);
    let csv = cdr().ok_or_else(|| CliError::Failed("the office is not in this build".to_owned()))?;
    if !marker.exists() {
        write_recordings::<Office>(data)
            .and_then(|()| write_recordings::<Conversations>(data))
            .map_err(failed)?;
        // Last: a half-written office is laid out again.
        std::fs::write(&marker, &csv).map_err(failed)?;
    }
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let column = reader.headers().ok().and_then(|h| h.iter().position(|n| n == "linkedid")).unwrap_or(0);
    let calls: HashSet<String> =
        reader.records().filter_map(|r| r.ok()?.get(column).map(str::to_owned)).collect();
    Ok(calls.len())
}

/// The CDRs of both, under one head.
fn cdr() -> Option<Vec<u8>> {
    let (mut all, more) = (Office::get(CDR)?.data.into_owned(), Conversations::get(CDR)?.data);
    let head = more.iter().position(|byte| *byte == b'\n')?;
    all.extend_from_slice(&more[head + 1..]);
    Some(all)
}

fn write_recordings<Folder: Embed>(data: &Path) -> std::io::Result<()> {
    for name in Folder::iter().filter(|n| n.starts_with(MONITOR)) {
        let Some(file) = Folder::get(&name) else { continue };
        let path = data.join(name.as_ref());
        std::fs::create_dir_all(path.parent().unwrap_or(data))?;
        std::fs::write(&path, &file.data)?;
        std::fs::File::options().write(true).open(&path)?.set_modified(SystemTime::now() - AGE)?;
    }
    Ok(())
}

fn settings(args: &Args) -> String {
    let base = toml::Value::String(args.data.join("monitor").display().to_string());
    let csv = toml::Value::String(args.data.join("cdr.csv").display().to_string());
    format!(
        r#"
[api]
listen = "{listen}"
[redact]
settle = "10s"
[speech]
{speech}
[[pbx]]
id = "office"
timezone = "UTC"
trunks = ["ITSP"]
[pbx.source]
kind = "csv"
path = {csv}
[pbx.recordings]
kind = "local"
base = {base}
"#,
        listen = args.listen,
        speech = speech(args),
    )
}

fn speech(args: &Args) -> String {
    match args.words {
        Words::Sidecar => "kind = \"sidecar\"".to_owned(),
        Words::Whisper => {
            let path = toml::Value::String(args.model.display().to_string());
            format!("kind = \"whisper\"\nmodel_path = {path}")
        }
    }
}

/// Which engine heard the calls, and how fast.
fn heard(args: &Args, metrics: &Metrics) -> String {
    if args.words == Words::Sidecar {
        return "words: the transcripts beside the recordings".to_owned();
    }
    let audio_s = metrics.engine_heard_seconds.with_label_values(&["whisper"]).get();
    let work_s = metrics.engine_seconds.with_label_values(&["whisper"]).get();
    let model = args.model.file_name().unwrap_or_default().display().to_string();
    if audio_s == 0.0 {
        return format!("words: Whisper in this process ({model}), heard before");
    }
    format!(
        "words: Whisper in this process ({model}) heard {audio_s:.0} s of calls in {work_s:.1} s, {:.2} of real time",
        work_s / audio_s
    )
}

/// Prints a line as each call ends; answers when all have ended.
async fn watch(
    store: &Store,
    expected: usize,
    shutdown: &CancellationToken,
    roles: &tokio::task::JoinHandle<Result<()>>,
) -> Result<Vec<CallRow>> {
    let bar = progress(expected);
    let tenant = TenantId::default_tenant();
    let mut told: HashSet<String> = HashSet::new();
    let started = tokio::time::Instant::now();
    loop {
        let calls = store.calls(&tenant, None, 1_000).await.map_err(|e| CliError::Failed(e.to_string()))?;
        for call in calls.iter().filter(|c| is_ended(c)) {
            if told.insert(call.id.clone()) {
                bar.suspend(|| println!("{}", line(call)));
                bar.set_position(told.len() as u64);
            }
        }
        let ended = calls.iter().filter(|c| is_ended(c)).count();
        if ended >= expected {
            bar.finish_and_clear();
            return Ok(calls);
        }
        if shutdown.is_cancelled() || roles.is_finished() {
            return Err(CliError::Failed(format!("stopped with {ended} of {expected} calls ended")));
        }
        if started.elapsed() > GIVE_UP {
            return Err(CliError::Failed(format!("only {ended} of {expected} calls ended in {GIVE_UP:?}")));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn progress(expected: usize) -> ProgressBar {
    let bar = ProgressBar::new(expected as u64);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} calls  {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn is_ended(call: &CallRow) -> bool {
    matches!(call.status.as_str(), "completed" | "unanswered" | "failed")
}

fn line(call: &CallRow) -> String {
    let what = format!("{} → {}", call.from_number, call.to_number);
    let detail = call.detail.as_deref().map(|d| format!("  {d}")).unwrap_or_default();
    format!(
        "{}  {:<9} {what:<28} {:<11} {}{detail}",
        call.started_at.format("%m-%d %H:%M"),
        call.direction,
        call.status,
        reasons(call),
    )
}

/// `card_number 2, cvv 1`.
fn reasons(call: &CallRow) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for segment in &call.redacted_segments.0 {
        *counts.entry(segment.reason.as_str()).or_default() += 1;
    }
    let each: Vec<String> = counts.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
    each.join(", ")
}

async fn recordings_of(store: &Store, call: &CallRow) -> Result<Vec<RecordingRow>> {
    let tenant = TenantId::default_tenant();
    store.recordings_of(&tenant, &call.id).await.map_err(|e| CliError::Failed(e.to_string()))
}

/// How the sanitized transcript begins.
fn said(recording: &RecordingRow) -> Option<String> {
    let transcript = recording.transcript.as_ref()?;
    let words = transcript.words();
    let begins: Vec<&str> = words.iter().map(|w| w.word.trim()).take(SHOWN_WORDS).collect();
    let more = if words.len() > SHOWN_WORDS { " …" } else { "" };
    (!words.is_empty()).then(|| format!("{} words: {}{more}", words.len(), begins.join(" ")))
}

async fn print_table(store: &Store, calls: &[CallRow]) -> Result<()> {
    let (mut muted_s, mut elapsed_ms, mut spans) = (0.0, 0, 0);
    println!(
        "\n{:<18} {:<28} {:<11} {:<34} {:>8} {:>7}",
        "call", "from → to", "outcome", "spans by reason", "muted s", "ms"
    );
    for call in calls.iter().rev() {
        let recordings = recordings_of(store, call).await?;
        let (muted, ms) = recordings.iter().fold((0.0, 0), |(m, t), r| (m + r.muted_s, t + r.elapsed_ms));
        let parties = format!("{} → {}", call.from_number, call.to_number);
        println!(
            "{:<18} {parties:<28} {:<11} {:<34} {muted:>8.2} {ms:>7}",
            call.linkedid,
            call.status,
            reasons(call)
        );
        recordings.iter().filter_map(said).for_each(|said| println!("{:<18} {said}", ""));
        muted_s += muted;
        elapsed_ms += ms;
        spans += call.redacted_segments.0.len();
    }
    let failed = calls.iter().filter(|c| c.status == "failed").count();
    println!(
        "total: {} calls, {failed} failed, {spans} spans, {muted_s:.2} s muted, {elapsed_ms} ms of work",
        calls.len()
    );
    Ok(())
}
