//! `unsaid redact IN OUT`: one file, words and tones.

use super::files::{format_name, not_read, not_understood, read_all, write_out, write_whole};
use super::roles::{open_whisper, rules_of};
use super::{CliError, Result, load};
use crate::call::{RawTranscript, TenantId};
use crate::config::{Config, SpeechKind};
use crate::speech::openai::OpenAiSpeech;
use crate::speech::{SpeechError, Transcriber, Utterance, read_transcript};
use crate::stage::redact::plan::{self, Findings, Heard, Plan};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use unsaid_dsp::container::Hint;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording; `-` is standard input.
    input: String,
    /// Where the result goes; may be the recording itself; `-` is standard output.
    #[arg(required_unless_present = "dry_run")]
    output: Option<String>,
    /// Write nothing; print what would be silenced, as --report does.
    #[arg(long, conflicts_with = "output")]
    dry_run: bool,
    /// A transcript of the recording with word times: verbose_json, or the JSON of whisper.cpp, WhisperX,
    /// Hugging Face, NeMo, Vosk, Deepgram, AssemblyAI, ElevenLabs, AWS, Google, Azure, Speechmatics, Rev or
    /// Twilio. Without one the configured speech engine is asked.
    #[arg(long)]
    words: Option<String>,
    /// What was silenced and why, as JSON; never what was found.
    #[arg(long)]
    report: Option<String>,
    /// Settings; see unsaid.default.toml.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The format of headerless standard input, as an extension: sln, ulaw, gsm …
    #[arg(long)]
    format: Option<String>,
    /// Channels of a headerless file: 2 where MixMonitor's option D wrote both parties into .raw.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=2))]
    channels: Option<u16>,
}

pub async fn run(args: Args) -> Result<()> {
    let config = load(args.config.as_ref())?;
    crate::telemetry::start(&config.log, config.log_format);
    let rules = rules_of(&config)?;
    let bytes = read_all(&args.input)?;
    let name = format_name(&args.input, args.format.as_deref());
    let hint = Hint { name: &name, channels: args.channels };
    let heard = plan::hear(hint, &bytes, true, rules.tones).map_err(|e| not_understood(&args.input, &e))?;
    let words = words(&args, &config, &heard).await?;
    let findings = plan::find(&heard, words.as_ref(), &plan::Beside::default(), &rules)
        .map_err(|e| CliError::Service(format!("{e}; the recording was not changed")))?;
    let spans = plan::spans_of(&findings.segments, &heard.layout);
    let plan = plan::plan(&bytes, &heard.layout, spans).map_err(|e| not_understood(&args.input, &e))?;
    if let Some(output) = &args.output {
        match &plan.rewritten {
            Some(after) => write_whole(output, after)?,
            None => write_out(&args.input, output, Some(&bytes), &plan.patches)?,
        }
    }
    let report = args.report.as_deref().or(args.dry_run.then_some("-"));
    if let Some(report) = report {
        write_report(report, &args.input, &heard, &findings, &plan, &rules.version())?;
    }
    Ok(())
}

/// From the given transcript, or the configured engine, or none at all, which is said.
async fn words(args: &Args, config: &Config, heard: &Heard) -> Result<Option<RawTranscript>> {
    // Beside the recording, where the settings say that they lie there.
    let beside = (config.speech.kind == SpeechKind::Sidecar && args.input != "-")
        .then(|| Path::new(&args.input).with_extension("json").display().to_string());
    if let Some(path) = args.words.as_ref().or(beside.as_ref()) {
        let json = read_all(path)?;
        let words = read_transcript(&json, &heard.speech, heard.duration_s);
        return words.map(Some).map_err(|e| CliError::NotUnderstood(format!("{path}: {e}")));
    }
    let engine: Arc<dyn Transcriber> = match config.speech.kind {
        SpeechKind::Openai => Arc::new(OpenAiSpeech::new(config.speech.clone()).map_err(|e| service(&e))?),
        SpeechKind::Whisper => open_whisper(config)?,
        _ => return Ok(only_tones()),
    };
    let tenant = TenantId::default_tenant();
    let audio = Utterance { plane: &heard.speech, duration_s: heard.duration_s, tenant: &tenant, path: None };
    engine.transcribe(audio).await.map(Some).map_err(|e| service(&e))
}

/// Said where no engine listens.
fn only_tones() -> Option<RawTranscript> {
    eprintln!(
        "unsaid: no transcript and no speech engine: only keyed tones are silenced (see --words and [speech])"
    );
    None
}

fn service(error: &SpeechError) -> CliError {
    CliError::Service(format!("{error}; the recording was not changed"))
}

fn write_report(
    path: &str,
    input: &str,
    heard: &Heard,
    findings: &Findings,
    plan: &Plan,
    ruleset: &str,
) -> Result<()> {
    let report = json!({
        "path": input,
        "duration_s": heard.duration_s,
        "muted_s": plan.muted_s,
        "segments": findings.segments,
        "sha256_before": plan.before_sha256,
        "sha256_after": plan.after_sha256,
        "byte_ranges": plan.patches.iter().map(|p| [p.offset, p.bytes.len() as u64]).collect::<Vec<_>>(),
        "ruleset": ruleset,
        "transcript": findings.transcript,
    });
    let text = format!("{report:#}\n");
    if path == "-" {
        return super::files::to_stdout(text.as_bytes());
    }
    std::fs::write(path, text).map_err(|e| not_read(path, &e))
}
