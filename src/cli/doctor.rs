//! `unsaid doctor`: what is missing, and how to get it.

use super::roles::{open_store, rules_of};
use super::{CliError, Result, load};
use crate::config::pbx::{PbxConfig, SourceConfig};
use crate::config::{AnalysisKind, Config, SpeechConfig, SpeechKind};
use crate::recordings;
use crate::source::freepbx::followed;
use crate::source::twilio;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where models are to be had, and which to take.
const GET_A_MODEL: &str = "get one from https://huggingface.co/ggerganov/whisper.cpp (ggml-base.en-q8_0.bin; \
ggml-small.en-q8_0.bin where the CPU allows; without .en for other languages) and name it in speech.model_path";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Settings; see unsaid.default.toml.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// One thing that was looked at.
struct Finding {
    what: String,
    result: std::result::Result<String, String>,
}

pub async fn run(args: Args) -> Result<()> {
    let config = load(args.config.as_ref())?;
    let mut findings = vec![data(&config.data.dir), rules(&config)];
    findings.push(store(&config).await);
    findings.push(speech(&config.speech).await);
    if config.analysis.kind == AnalysisKind::Openai {
        findings.push(reachable("analysis", &config.analysis.base_url).await);
    }
    for pbx in &config.pbx {
        findings.extend(source(pbx).await);
        findings.push(base(pbx).await);
    }
    let mut failed = 0;
    for finding in findings {
        match finding.result {
            Ok(said) => println!("ok    {:24} {said}", finding.what),
            Err(said) => {
                failed += 1;
                println!("FAIL  {:24} {said}", finding.what);
            }
        }
    }
    match failed {
        0 => Ok(()),
        1 => Err(CliError::Service("one thing is missing".to_owned())),
        n => Err(CliError::Service(format!("{n} things are missing"))),
    }
}

fn data(dir: &Path) -> Finding {
    let tried = std::fs::create_dir_all(dir).and_then(|()| {
        let probe = dir.join(".doctor");
        std::fs::write(&probe, b"")?;
        std::fs::remove_file(&probe)
    });
    let result = match tried {
        Ok(()) => Ok(format!("{} can be written to", dir.display())),
        Err(e) => Err(format!(
            "{}: {e}; make it writable for this user, or name another in data.dir",
            dir.display()
        )),
    };
    Finding { what: "data".to_owned(), result }
}

fn rules(config: &Config) -> Finding {
    let result = rules_of(config).map(|r| format!("ruleset {}", r.version())).map_err(|e| e.to_string());
    Finding { what: "redact".to_owned(), result }
}

async fn store(config: &Config) -> Finding {
    let opened = open_store(config).await;
    let result = opened.map(|_| "opens, and its tables are up to date".to_owned()).map_err(|e| e.to_string());
    Finding { what: "store".to_owned(), result }
}

async fn speech(config: &SpeechConfig) -> Finding {
    let what = "speech".to_owned();
    let result = match config.kind {
        SpeechKind::None => {
            Ok("none: only keyed tones are silenced; set speech.kind to hear words".to_owned())
        }
        SpeechKind::Sidecar => Ok("transcripts are read beside the recordings".to_owned()),
        SpeechKind::Openai => return reachable(&what, &config.base_url).await,
        SpeechKind::Whisper => whisper(config),
    };
    Finding { what, result }
}

#[cfg(feature = "whisper")]
fn whisper(config: &SpeechConfig) -> std::result::Result<String, String> {
    let loaded = crate::speech::whisper::WhisperSpeech::load(config);
    let said = |_| format!("{} loads; {} threads", config.model_path.display(), config.threads);
    loaded.map(said).map_err(|e| format!("{e}: {GET_A_MODEL}"))
}

#[cfg(not(feature = "whisper"))]
fn whisper(_: &SpeechConfig) -> std::result::Result<String, String> {
    Err(format!("{}; then {GET_A_MODEL}", super::roles::WITHOUT_WHISPER))
}

/// Any answer will do: what it is asked for needs a key and costs.
async fn reachable(what: &str, base_url: &str) -> Finding {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build();
    let result = match client {
        Ok(client) => match client.get(base_url).send().await {
            Ok(_) => Ok(format!("{base_url} answers")),
            Err(e) => Err(format!(
                "{base_url} does not answer ({}); check {what}.base_url and the firewall",
                e.without_url()
            )),
        },
        Err(e) => Err(e.without_url().to_string()),
    };
    Finding { what: what.to_owned(), result }
}

/// The PBX's CDRs, where they lie in a database.
async fn source(pbx: &PbxConfig) -> Option<Finding> {
    let checked = match &pbx.source {
        SourceConfig::Freepbx(freepbx) => followed::check(freepbx).await,
        SourceConfig::Twilio(account) => twilio::check(account).await,
        SourceConfig::Csv(_) => return None,
    };
    Some(Finding { what: format!("CDRs of {}", pbx.id), result: checked.map_err(|e| e.to_string()) })
}

async fn base(pbx: &PbxConfig) -> Finding {
    let what = format!("recordings of {}", pbx.id);
    let checked = recordings::check::check(recordings::open(&pbx.recordings).as_ref()).await;
    let result = match checked {
        Ok(seen) => Ok(format!("{}: {seen}", pbx.base())),
        Err(e) => Err(match e.advice() {
            Some(advice) => format!("{}: {e}; {advice}", pbx.base()),
            None => format!("{}: {e}", pbx.base()),
        }),
    };
    Finding { what, result }
}
