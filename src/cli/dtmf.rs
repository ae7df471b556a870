//! `unsaid dtmf FILE…`: the keyed digits, for whoever asks to see them.

use super::Result;
use super::files::{Sources, not_understood, read_all, to_stdout};
use serde_json::{Map, Value, json};
use unsaid_dsp::container::locate;
use unsaid_dsp::decode::decode;
use unsaid_dsp::dtmf::{Tone, detect};

pub type Args = Sources;

/// One JSON object over all files; one that is not understood makes the exit code 3.
pub fn run(args: &Args) -> Result<()> {
    let mut all = Map::new();
    let looked = args.each(|file, name| {
        all.insert(file.to_owned(), tones(file, name)?);
        Ok(())
    });
    to_stdout(format!("{}\n", Value::Object(all)).as_bytes())?;
    looked
}

fn tones(file: &str, name: &str) -> Result<Value> {
    let bytes = read_all(file)?;
    let layout = locate(name, bytes.as_slice()).map_err(|e| not_understood(file, &e))?;
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
