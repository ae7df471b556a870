//! `unsaid dtmf FILE…`: the keyed digits, for whoever asks to see them.

use super::files::{format_name, not_understood, read_all, to_stdout};
use super::{CliError, Result};
use serde_json::{Map, Value, json};
use unsaid_dsp::container::locate;
use unsaid_dsp::decode::decode;
use unsaid_dsp::dtmf::{Tone, detect};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recordings; `-` is standard input.
    #[arg(required = true)]
    files: Vec<String>,
    /// The format of headerless standard input, as an extension: sln, ulaw, gsm …
    #[arg(long)]
    format: Option<String>,
}

/// One JSON object over all files; one that is not understood makes the exit code 3.
pub fn run(args: &Args) -> Result<()> {
    let mut all = Map::new();
    let mut failed: Option<CliError> = None;
    for file in &args.files {
        match tones(file, args.format.as_deref()) {
            Ok(tones) => {
                all.insert(file.clone(), tones);
            }
            Err(error) => {
                if let Some(before) = failed.replace(error) {
                    eprintln!("unsaid: {before}");
                }
            }
        }
    }
    to_stdout(format!("{}\n", Value::Object(all)).as_bytes())?;
    failed.map_or(Ok(()), Err)
}

fn tones(file: &str, format: Option<&str>) -> Result<Value> {
    let bytes = read_all(file)?;
    let layout =
        locate(&format_name(file, format), bytes.as_slice()).map_err(|e| not_understood(file, &e))?;
    let samples = decode(&bytes, &layout).map_err(|e| not_understood(file, &e))?;
    let mut tones: Vec<Tone> = samples.planes.iter().flat_map(|p| detect(p, samples.rate)).collect();
    tones.sort_by_key(|t| t.span);
    // One key heard on both channels is one key.
    tones.dedup_by(|b, a| a.digit == b.digit && b.span.start < a.span.end);
    let seconds = |frames| (samples.rate.seconds(frames) * 1e4).round() / 1e4;
    let list = tones.iter().map(|t| {
        json!({ "digit": t.digit.symbol().to_string(), "start": seconds(t.span.start), "end": seconds(t.span.end) })
    });
    Ok(Value::Array(list.collect()))
}
