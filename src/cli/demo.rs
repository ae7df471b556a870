//! `unsaid demo`: a small office with real recordings, every role at work on it.

use super::roles::{App, Role};
use super::serve::stop_on_signal;
use super::{CliError, Result};
use crate::call::TenantId;
use crate::config::Config;
use crate::store::Store;
use crate::store::calls::CallRow;
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
}

/// The office: composed from human voices; see tests/data/NOTICE.
#[derive(Embed)]
#[folder = "tests/data/office"]
struct Office;

const POLL: Duration = Duration::from_millis(100);
/// An office of two dozen calls takes seconds; this is a broken machine.
const GIVE_UP: Duration = Duration::from_secs(600);
/// Recordings are dated back: a fresh file would count as still being written.
const AGE: Duration = Duration::from_secs(3_600);

pub async fn run(args: Args) -> Result<()> {
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
    let store = app.store.clone();
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
    let marker = data.join("cdr.csv");
    let csv = Office::get("cdr.csv")
        .ok_or_else(|| CliError::Failed("the office is not in this build".to_owned()))?;
    if !marker.exists() {
        for name in Office::iter().filter(|n| n.as_ref() != "cdr.csv") {
            let Some(file) = Office::get(&name) else { continue };
            let path = data.join(name.as_ref());
            std::fs::create_dir_all(path.parent().unwrap_or(data)).map_err(failed)?;
            std::fs::write(&path, &file.data).map_err(failed)?;
            let opened = std::fs::File::options().write(true).open(&path).map_err(failed)?;
            opened.set_modified(SystemTime::now() - AGE).map_err(failed)?;
        }
        // Last: a half-written office is laid out again.
        std::fs::write(&marker, &csv.data).map_err(failed)?;
    }
    let mut reader = csv::Reader::from_reader(csv.data.as_ref());
    let column = reader.headers().ok().and_then(|h| h.iter().position(|n| n == "linkedid")).unwrap_or(0);
    let calls: HashSet<String> =
        reader.records().filter_map(|r| r.ok()?.get(column).map(str::to_owned)).collect();
    Ok(calls.len())
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
kind = "sidecar"
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

async fn print_table(store: &Store, calls: &[CallRow]) -> Result<()> {
    let tenant = TenantId::default_tenant();
    let (mut muted_s, mut elapsed_ms, mut spans) = (0.0, 0, 0);
    println!(
        "\n{:<18} {:<28} {:<11} {:<34} {:>8} {:>7}",
        "call", "from → to", "outcome", "spans by reason", "muted s", "ms"
    );
    for call in calls.iter().rev() {
        let recordings =
            store.recordings_of(&tenant, &call.id).await.map_err(|e| CliError::Failed(e.to_string()))?;
        let (muted, ms) = recordings.iter().fold((0.0, 0), |(m, t), r| (m + r.muted_s, t + r.elapsed_ms));
        let parties = format!("{} → {}", call.from_number, call.to_number);
        println!(
            "{:<18} {parties:<28} {:<11} {:<34} {muted:>8.2} {ms:>7}",
            call.linkedid,
            call.status,
            reasons(call)
        );
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
