//! `unsaid mute IN OUT --spans SPANS.json`: silence given spans, nothing else.

use super::files::{FileBytes, format_name, not_understood, read_all, write_out, write_whole};
use super::{CliError, Result};
use serde::Deserialize;
use unsaid_dsp::container::{ContainerError, Hint, ReadAt, locate};
use unsaid_dsp::mute::{
    Change, Fill, Mismatch, Options, Overlay, plan, reach_frames, spliced, verify_decoded, verify_outside,
};
use unsaid_dsp::{Layout, Span};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording; `-` is standard input.
    input: String,
    /// Where the result goes; may be the recording itself, then only the muted bytes are written; `-` is standard output.
    output: String,
    /// A JSON list: [{"start":1.0,"end":2.5}, …] in seconds; `-` is standard input.
    #[arg(long)]
    spans: String,
    /// Let the audio die away over this long inside each edge, so that nothing clicks: 2ms. PCM and G.711.
    #[arg(long, value_parser = humantime::parse_duration)]
    ramp: Option<std::time::Duration>,
    /// A quiet 1 kHz tone instead of silence, so that a listener knows. PCM and G.711.
    #[arg(long)]
    tone: bool,
    /// The format of headerless standard input, as an extension: sln, ulaw, gsm …
    #[arg(long)]
    format: Option<String>,
    /// Channels of a headerless file: 2 where MixMonitor's option D wrote both parties into .raw.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=2))]
    channels: Option<u16>,
}

#[derive(Deserialize)]
struct Seconds {
    start: f64,
    end: f64,
}

/// What a time may lie behind the end by rounding.
const ROUNDING_S: f64 = 0.001;

pub fn run(args: &Args) -> Result<()> {
    if args.spans == "-" && args.input == "-" {
        return Err(CliError::Usage("only one of IN and --spans can be standard input".to_owned()));
    }
    let spans = read_spans(&args.spans)?;
    if args.input == "-" || args.output == "-" {
        let bytes = read_all(&args.input)?;
        return match planned(args, bytes.as_slice(), &spans)? {
            Change::InPlace(patches) => write_out(&args.input, &args.output, Some(&bytes), &patches),
            Change::Rewritten(splices) => write_whole(&args.output, &spliced(&bytes, &splices)),
        };
    }
    match planned(args, &FileBytes::open(&args.input)?, &spans)? {
        Change::InPlace(patches) => write_out(&args.input, &args.output, None, &patches),
        Change::Rewritten(splices) => write_whole(&args.output, &spliced(&read_all(&args.input)?, &splices)),
    }
}

/// The change, proven before anything is written: decoded again it is silent
/// inside, and what it was outside.
fn planned(args: &Args, source: &(impl ReadAt + ?Sized), spans: &[Seconds]) -> Result<Change> {
    let failed = |e: ContainerError| not_understood(&args.input, &e);
    let name = format_name(&args.input, args.format.as_deref());
    let layout = locate(Hint { name: &name, channels: args.channels }, source).map_err(failed)?;
    check(&args.spans, spans, layout.duration_s())?;
    let spans: Vec<Span> = spans.iter().map(|s| Span::from_seconds(s.start, s.end, layout.rate)).collect();
    let options = Options {
        ramp_s: args.ramp.unwrap_or_default().as_secs_f64(),
        fill: if args.tone { Fill::Tone } else { Fill::Silence },
    };
    let change = plan(source, &layout, &spans, &options).map_err(failed)?;
    let proof = match &change {
        Change::InPlace(patches) => prove(source, &Overlay::new(source, patches), &layout, &spans, &options),
        Change::Rewritten(splices) => {
            let mut bytes = vec![0u8; usize::try_from(source.len()).unwrap_or(0)];
            let read = source.read_at(0, &mut bytes).map_err(ContainerError::from);
            read.and_then(|()| prove(source, spliced(&bytes, splices).as_slice(), &layout, &spans, &options))
        }
    };
    proof.map_err(failed)?.map_err(|e| {
        CliError::Failed(format!("{}: the mute did not verify, so nothing was written: {e}", args.input))
    })?;
    Ok(change)
}

/// Refuses spans that cannot be meant, and says of one that lies partly outside
/// the recording which part is silenced.
fn check(path: &str, spans: &[Seconds], duration_s: f64) -> Result<()> {
    if spans.is_empty() {
        eprintln!("unsaid: {path}: the list of spans is empty, so nothing is silenced");
    }
    for (n, &Seconds { start, end }) in spans.iter().enumerate() {
        let wrong = if !(start.is_finite() && end.is_finite()) {
            Some("its times are no numbers".to_owned())
        } else if end <= start {
            Some("it ends where it begins, or before".to_owned())
        } else if end <= 0.0 {
            Some("it lies before the recording".to_owned())
        } else if start >= duration_s {
            let unit = if start / 1e3 < duration_s {
                "; it looks like milliseconds, and times are in seconds"
            } else {
                ""
            };
            Some(format!("it lies behind the recording, which is {duration_s:.3} s long{unit}"))
        } else {
            None
        };
        let named = format!("{path}: span {} (start {start}, end {end})", n + 1);
        if let Some(wrong) = wrong {
            return Err(CliError::Usage(format!("{named} cannot be silenced: {wrong}; nothing was written")));
        }
        if start < 0.0 || end > duration_s + ROUNDING_S {
            let (from, to) = (start.max(0.0), end.min(duration_s));
            eprintln!(
                "unsaid: {named} lies partly outside the recording: only {from:.3} to {to:.3} s is silenced"
            );
        }
    }
    Ok(())
}

fn prove(
    before: &(impl ReadAt + ?Sized),
    after: &(impl ReadAt + ?Sized),
    layout: &Layout,
    spans: &[Span],
    options: &Options,
) -> std::result::Result<std::result::Result<(), Mismatch>, ContainerError> {
    if let Err(mismatch) = verify_decoded(after, layout, spans, options)? {
        return Ok(Err(mismatch));
    }
    // Where blocks stand alone, nothing but the patches' bytes is written.
    match reach_frames(layout).filter(|_| layout.block_bytes() == 0) {
        Some(reach) => verify_outside(before, after, layout, spans, reach),
        None => Ok(Ok(())),
    }
}

fn read_spans(path: &str) -> Result<Vec<Seconds>> {
    let bytes = read_all(path)?;
    serde_json::from_slice(&bytes).map_err(|e| {
        CliError::NotUnderstood(format!(
            r#"{path}: it is not a list of spans ({e}); write [{{"start":1.0,"end":2.5}}, …] in seconds"#
        ))
    })
}
