//! `unsaid probe FILE…`: what files are, a JSON line each.

use super::files::{FileBytes, format_name, not_understood, read_all, to_stdout};
use super::{CliError, Result};
use serde_json::json;
use unsaid_dsp::Layout;
use unsaid_dsp::container::locate;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recordings; `-` is standard input.
    #[arg(required = true)]
    files: Vec<String>,
    /// The format of headerless standard input, as an extension: sln, ulaw, gsm …
    #[arg(long)]
    format: Option<String>,
}

/// Every file is looked at; one that is not understood makes the exit code 3.
pub fn run(args: &Args) -> Result<()> {
    let mut failed: Option<CliError> = None;
    for file in &args.files {
        match probe(file, args.format.as_deref()) {
            Ok(layout) => to_stdout(line(file, &layout).as_bytes())?,
            Err(error) => {
                if let Some(before) = failed.replace(error) {
                    eprintln!("unsaid: {before}");
                }
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

fn probe(file: &str, format: Option<&str>) -> Result<Layout> {
    let name = format_name(file, format);
    if file == "-" {
        return locate(&name, read_all(file)?.as_slice()).map_err(|e| not_understood(file, &e));
    }
    locate(&name, &FileBytes::open(file)?).map_err(|e| not_understood(file, &e))
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
