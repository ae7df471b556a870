//! `unsaid dtmf FILE…`: the keyed digits, for whoever asks to see them.

use super::Result;
use super::files::{FileBytes, Sources, not_understood, read_all, to_stdout};
use serde_json::{Map, Value, json};
use unsaid_dsp::container::{ContainerError, Hint, ReadAt, locate};
use unsaid_dsp::decode::Reader;
use unsaid_dsp::dtmf::{self, Detector};

pub type Args = Sources;

/// One JSON object over all files; one that is not understood makes the exit code 3.
pub fn run(args: &Args) -> Result<()> {
    let mut all = Map::new();
    let looked = args.each(|file, hint| {
        all.insert(file.to_owned(), tones(file, hint)?);
        Ok(())
    });
    to_stdout(format!("{}\n", Value::Object(all)).as_bytes())?;
    looked
}

fn tones(file: &str, hint: Hint<'_>) -> Result<Value> {
    if file == "-" {
        return listen(file, hint, read_all(file)?.as_slice());
    }
    listen(file, hint, &FileBytes::open(file)?)
}

/// Stretch after stretch, so that memory does not grow with the recording.
fn listen(file: &str, hint: Hint<'_>, source: &(impl ReadAt + ?Sized)) -> Result<Value> {
    let failed = |e: ContainerError| not_understood(file, &e);
    let layout = locate(hint, source).map_err(failed)?;
    let mut detectors: Vec<Detector> = (0..layout.channels).map(|_| Detector::new(layout.rate)).collect();
    let mut reader = Reader::open(source, &layout).map_err(failed)?;
    let mut planes = Vec::new();
    while reader.next(&mut planes).map_err(failed)? {
        detectors.iter_mut().zip(&planes).for_each(|(detector, plane)| detector.push(plane));
    }
    let tones = dtmf::of_all_channels(detectors.into_iter().flat_map(Detector::finish).collect());
    let seconds = |frames| (layout.rate.seconds(frames) * 1e4).round() / 1e4;
    let list = tones.iter().map(|t| {
        json!({ "digit": t.digit.symbol().to_string(), "start": seconds(t.span.start), "end": seconds(t.span.end) })
    });
    Ok(Value::Array(list.collect()))
}
