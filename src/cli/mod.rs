//! The command line: one subcommand, one file.

mod demo;
mod detect;
mod doctor;
mod dtmf;
mod files;
mod hook;
mod migrate;
mod mute;
mod originals;
mod probe;
mod redact;
mod retention;
mod role;
pub mod roles;
mod serve;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Silences the secrets in recorded phone calls, sample by sample.
#[derive(Debug, Parser)]
#[command(name = "unsaid", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run beside a PBX: read its CDRs, redact its recordings, serve the page.
    Serve(serve::Args),
    /// Lay out a small office with recordings and calls, and redact them before your eyes.
    Demo(demo::Args),
    /// Silence keyed tones and spoken secrets in one file.
    Redact(redact::Args),
    /// Silence given spans of one file.
    Mute(mute::Args),
    /// List the keyed digits in files.
    Dtmf(dtmf::Args),
    /// List the secrets in transcripts, by word index.
    Detect(detect::Args),
    /// Say what files are, from their headers alone.
    Probe(probe::Args),
    /// Say what is missing, and how to get it.
    Doctor(doctor::Args),
    /// Let a PBX tell of a finished recording by itself.
    Hook(hook::Args),
    /// Delete recordings of days that are over, or list what would go.
    Retention(retention::Args),
    /// List, open and put back originals that were sealed before they were muted.
    Originals(originals::Args),
    /// Bring the database up to date and stop.
    Migrate(migrate::Args),
}

/// `unsaid probe` and nothing else.
#[derive(Debug, Parser)]
#[command(name = "unsaid", version)]
struct ProbeAlone {
    #[command(subcommand)]
    command: Probe,
}

#[derive(Debug, Subcommand)]
enum Probe {
    /// Say what files are, from their headers alone.
    Probe(probe::Args),
}

impl Cli {
    /// What this process was called with; ends it with a line where that is wrong.
    ///
    /// Scripts call `probe` once a file, by the million: it does not wait until the
    /// arguments of all the other commands are laid out.
    pub fn of_this_process() -> Cli {
        if std::env::args_os().nth(1).is_none_or(|command| command != "probe") {
            return Cli::parse();
        }
        let Probe::Probe(args) = ProbeAlone::parse().command;
        Cli { command: Command::Probe(args) }
    }
}

/// Why a command failed: decides the exit code.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// 2: the arguments or settings are wrong.
    #[error("{0}")]
    Usage(String),
    /// 3: the input is not understood, and was not changed.
    #[error("{0}")]
    NotUnderstood(String),
    /// 4: a service outside failed.
    #[error("{0}")]
    Service(String),
    /// 1: the work itself did not succeed.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    fn code(&self) -> u8 {
        match self {
            CliError::Failed(_) => 1,
            CliError::Usage(_) => 2,
            CliError::NotUnderstood(_) => 3,
            CliError::Service(_) => 4,
        }
    }
}

type Result<T> = std::result::Result<T, CliError>;

/// Runs a command to its exit code.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Probe(args) => probe::run(&args),
        Command::Dtmf(args) => dtmf::run(&args),
        Command::Mute(args) => mute::run(&args),
        Command::Detect(args) => detect::run(&args),
        Command::Redact(args) => in_runtime(redact::run(args)),
        Command::Serve(args) => in_runtime(serve::run(args)),
        Command::Demo(args) => in_runtime(demo::run(args)),
        Command::Doctor(args) => in_runtime(doctor::run(args)),
        Command::Hook(args) => in_runtime(hook::run(args)),
        Command::Retention(args) => in_runtime(retention::run(args)),
        Command::Originals(args) => in_runtime(originals::run(args)),
        Command::Migrate(args) => in_runtime(migrate::run(args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("unsaid: {error}");
            ExitCode::from(error.code())
        }
    }
}

fn in_runtime(work: impl Future<Output = Result<()>>) -> Result<()> {
    // One TLS provider for every client in the process; a second call finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::Failed(format!("no threads can be started: {e}")))?;
    runtime.block_on(work)
}

/// The settings of `--config`, or the defaults.
fn load(config: Option<&PathBuf>) -> Result<crate::config::Config> {
    crate::config::Config::load(config.map(PathBuf::as_path)).map_err(|e| CliError::Usage(e.to_string()))
}
