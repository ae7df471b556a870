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

/// Cores from which on a model keeps up with some calls at once, and the model's file, smallest first.
/// Measured: base takes 0.3 of real time on two cores. Whisper's authors give the others relative to it
/// (small a quarter of its speed).
const MODELS: [(usize, &str); 3] =
    [(1, "ggml-tiny-q8_0.bin"), (2, "ggml-base-q8_0.bin"), (8, "ggml-small-q8_0.bin")];

/// Where models are to be had, and which to take on so many cores.
fn get_a_model(cores: usize) -> String {
    let fits = MODELS.iter().rfind(|(least, _)| *least <= cores).unwrap_or(&MODELS[0]);
    format!(
        "get one from https://huggingface.co/ggerganov/whisper.cpp and name it in speech.model_path; for {cores} \
         cores take {} (English alone: with .en behind the size), a larger one hears better where calls may wait; \
         `scripts/setup.sh model` of the source fetches base and tiny.en",
        fits.1
    )
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

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
    loaded.map(said).map_err(|e| format!("{e}: {}", get_a_model(cores())))
}

#[cfg(not(feature = "whisper"))]
fn whisper(_: &SpeechConfig) -> std::result::Result<String, String> {
    Err(format!("{}; then {}", super::roles::WITHOUT_WHISPER, get_a_model(cores())))
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

#[cfg(test)]
mod tests {
    use super::get_a_model;

    #[test]
    fn the_model_that_is_named_fits_the_cores() {
        for (cores, file) in [(1, "tiny"), (2, "base"), (4, "base"), (8, "small"), (64, "small")] {
            let said = get_a_model(cores);
            assert!(said.contains(&format!("take ggml-{file}-q8_0.bin")), "{said}");
        }
    }
}
