//! `unsaid probe FILE…`: what files are, a JSON line each.

use super::Result;
use super::files::{FileBytes, Sources, not_understood, read_all, to_stdout};
use serde_json::json;
use unsaid_dsp::Layout;
use unsaid_dsp::container;

pub type Args = Sources;

/// Every file is looked at; one that is not understood makes the exit code 3.
pub fn run(args: &Args) -> Result<()> {
    args.each(|file, name| to_stdout(line(file, &probe(file, name)?).as_bytes()))
}

fn probe(file: &str, name: &str) -> Result<Layout> {
    if file == "-" {
        return container::probe(name, read_all(file)?.as_slice()).map_err(|e| not_understood(file, &e));
    }
    container::probe(name, &FileBytes::open(file)?).map_err(|e| not_understood(file, &e))
}

fn line(file: &str, layout: &Layout) -> String {
    let value = json!({
        "path": file,
        "container": layout.container.name(),
        "codec": layout.codec.name(),
        "sample_rate_hz": layout.rate.hz(),
        "channels": layout.channels,
        "frames": layout.frames(),
        "duration_s": (layout.duration_s() * 1e6).round() / 1e6,
    });
    format!("{value}\n")
}
