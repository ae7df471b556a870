//! `unsaid probe FILE…`: what files are, a JSON line each.

use super::Result;
use super::files::{FileBytes, Sources, not_understood, read_all, to_stdout};
use serde_json::json;
use unsaid_dsp::container::{self, Hint, ReadAt};

pub type Args = Sources;

/// Every file is looked at; one that is not understood makes the exit code 3.
pub fn run(args: &Args) -> Result<()> {
    args.each(|file, hint| {
        let told = if file == "-" {
            line(file, hint, read_all(file)?.as_slice())
        } else {
            line(file, hint, &FileBytes::open(file)?)
        };
        to_stdout(told?.as_bytes())
    })
}

fn line(file: &str, hint: Hint<'_>, source: &(impl ReadAt + ?Sized)) -> Result<String> {
    let layout = container::locate(hint, source).map_err(|e| not_understood(file, &e))?;
    let account = &layout.account;
    let named = account.total() - account.unaccounted;
    let value = json!({
        "path": file,
        "container": layout.container.name(),
        "codec": layout.codec.name(),
        "sample_rate_hz": layout.rate.hz(),
        "channels": layout.channels,
        "frames": layout.frames(),
        "duration_s": (layout.duration_s() * 1e6).round() / 1e6,
        // By the file's own length, so that a reader that forgets bytes shows here.
        "unaccounted_bytes": source.len().saturating_sub(named),
        "foreign_bytes": account.foreign,
    });
    Ok(format!("{value}\n"))
}
