//! `unsaid mute IN OUT --spans SPANS.json`: silence given spans, nothing else.

use super::files::{FileBytes, format_name, not_understood, read_all, write_out};
use super::{CliError, Result};
use serde::Deserialize;
use unsaid_dsp::container::{ReadAt, locate};
use unsaid_dsp::mute::{Patch, patches};
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
    /// The format of headerless standard input, as an extension: sln, ulaw, gsm …
    #[arg(long)]
    format: Option<String>,
}

#[derive(Deserialize)]
struct Seconds {
    start: f64,
    end: f64,
}

pub fn run(args: &Args) -> Result<()> {
    if args.spans == "-" && args.input == "-" {
        return Err(CliError::Usage("only one of IN and --spans can be standard input".to_owned()));
    }
    let spans = read_spans(&args.spans)?;
    let name = format_name(&args.input, args.format.as_deref());
    if args.input == "-" || args.output == "-" {
        let bytes = read_all(&args.input)?;
        let patches = planned(&args.input, &name, bytes.as_slice(), &spans)?;
        return write_out(&args.input, &args.output, Some(&bytes), &patches);
    }
    let patches = planned(&args.input, &name, &FileBytes::open(&args.input)?, &spans)?;
    write_out(&args.input, &args.output, None, &patches)
}

fn planned(
    input: &str,
    name: &str,
    source: &(impl ReadAt + ?Sized),
    spans: &[Seconds],
) -> Result<Vec<Patch>> {
    let layout: Layout = locate(name, source).map_err(|e| not_understood(input, &e))?;
    let spans: Vec<Span> = spans.iter().map(|s| Span::from_seconds(s.start, s.end, layout.rate)).collect();
    patches(source, &layout, &spans).map_err(|e| not_understood(input, &e))
}

fn read_spans(path: &str) -> Result<Vec<Seconds>> {
    let bytes = read_all(path)?;
    serde_json::from_slice(&bytes).map_err(|e| {
        CliError::NotUnderstood(format!(
            r#"{path}: it is not a list of spans ({e}); write [{{"start":1.0,"end":2.5}}, …] in seconds"#
        ))
    })
}
