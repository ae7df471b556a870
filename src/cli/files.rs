//! Files and `-` as input and output. An output appears whole or not at all.

use super::{CliError, Result};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use unsaid_dsp::container::{Hint, ReadAt};
use unsaid_dsp::mute::{Overlay, Patch};

/// The files that a command looks at, one after the other.
#[derive(Debug, clap::Args)]
pub struct Sources {
    /// Recordings; `-` is standard input.
    #[arg(required = true)]
    files: Vec<String>,
    /// The format of headerless standard input, as an extension: sln, ulaw, gsm …
    #[arg(long)]
    format: Option<String>,
    /// Channels of a headerless file: 2 where MixMonitor's option D wrote both parties into .raw.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=2))]
    channels: Option<u16>,
}

impl Sources {
    /// Calls `look` with each file and what tells its format. Every
    /// file is looked at; the last that was not understood decides the exit code.
    pub fn each(&self, mut look: impl FnMut(&str, Hint<'_>) -> Result<()>) -> Result<()> {
        let mut failed: Option<CliError> = None;
        for file in &self.files {
            let name = format_name(file, self.format.as_deref());
            let result = look(file, Hint { name: &name, channels: self.channels });
            if let Some(before) = result.err().and_then(|error| failed.replace(error)) {
                eprintln!("unsaid: {before}");
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// A file that is read where it is asked to be.
pub struct FileBytes {
    file: File,
    len: u64,
}

impl FileBytes {
    /// # Errors
    /// Exit 3 when the file cannot be opened.
    pub fn open(path: &str) -> Result<FileBytes> {
        let opened = File::open(path).and_then(|file| {
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(std::io::Error::other("it is a folder"));
            }
            Ok(FileBytes { len: metadata.len(), file })
        });
        opened.map_err(|e| not_read(path, &e))
    }
}

impl ReadAt for FileBytes {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }
}

pub fn not_read(path: &str, error: &std::io::Error) -> CliError {
    CliError::NotUnderstood(format!("{path}: it cannot be read: {error}"))
}

/// One sentence: which file, what is wrong, what to do.
pub fn not_understood(path: &str, error: &dyn std::fmt::Display) -> CliError {
    let named = if path == "-" { ", which --format names on standard input" } else { "" };
    CliError::NotUnderstood(format!(
        "{path}: {error}; unsaid reads WAV (PCM, float, µ-law, A-law, GSM, ADPCM), Wave64, .au, MP3, FLAC, Ogg and WebM (Vorbis, Opus) and .sln .raw .ulaw .alaw .gsm .g722{named}"
    ))
}

/// A whole file, or standard input for `-`.
pub fn read_all(path: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(path).map(|b| bytes = b)
    };
    read.map_err(|e| not_read(path, &e))?;
    Ok(bytes)
}

/// The name that says a headerless format: the file's own, or `-.EXT` for standard input.
pub fn format_name(path: &str, format: Option<&str>) -> String {
    match format {
        Some(extension) => format!("{path}.{}", extension.trim_start_matches('.')),
        None => path.to_owned(),
    }
}

/// Do both names lead to one file?
pub fn is_same(input: &str, output: &str) -> bool {
    let id = |p: &str| std::fs::metadata(p).map(|m| (m.dev(), m.ino()));
    matches!((id(input), id(output)), (Ok(a), Ok(b)) if a == b)
}

/// Overwrites the patches' bytes in the file itself, flushes and reads them back.
pub fn patch_in_place(path: &str, patches: &[Patch]) -> Result<()> {
    let failed = |e: std::io::Error| CliError::Failed(format!("{path}: it could not be written: {e}"));
    let file = File::options().read(true).write(true).open(path).map_err(failed)?;
    for patch in patches {
        file.write_all_at(&patch.bytes, patch.offset).map_err(failed)?;
    }
    file.sync_all().map_err(failed)?;
    for patch in patches {
        let mut there = vec![0u8; patch.bytes.len()];
        file.read_exact_at(&mut there, patch.offset).map_err(failed)?;
        if there != patch.bytes {
            return Err(CliError::Failed(format!("{path}: what was written does not read back")));
        }
    }
    Ok(())
}

/// Makes `output` a copy of `input` with the patches in it, through a
/// temporary file beside it that is compared with the input and then renamed.
pub fn copy_patched(input: &str, output: &str, patches: &[Patch]) -> Result<()> {
    let temporary = temporary_beside(output);
    let failed = |e: std::io::Error| CliError::Failed(format!("{output}: it could not be written: {e}"));
    let replaces = Path::new(output).exists();
    let written = std::fs::copy(input, &temporary)
        .map(|_| ())
        .and_then(|()| make_writable(&temporary))
        .and_then(|()| write_patches(&temporary, patches, replaces))
        .map_err(failed)
        .and_then(|()| compare(input, &temporary, patches))
        .and_then(|()| std::fs::rename(&temporary, output).map_err(failed));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// A file that takes another's place must be on the disk before it does.
fn write_patches(path: &Path, patches: &[Patch], flush: bool) -> std::io::Result<()> {
    let file = File::options().write(true).open(path)?;
    for patch in patches {
        file.write_all_at(&patch.bytes, patch.offset)?;
    }
    if flush { file.sync_all() } else { Ok(()) }
}

/// Bytes around each patch that are compared with the input's.
const MARGIN: u64 = 4_096;

/// Proves that `copy` has the input's length, and around each patch the
/// input's bytes with the patch in them. The rest was copied by the kernel.
fn compare(input: &str, copy: &Path, patches: &[Patch]) -> Result<()> {
    let name = copy.to_string_lossy();
    let (was, is) = (FileBytes::open(input)?, FileBytes::open(&name)?);
    let wanted = Overlay::new(&was, patches);
    let differs = || CliError::Failed(format!("{input}: its copy does not compare, so nothing was replaced"));
    if is.len() != was.len() {
        return Err(differs());
    }
    for patch in patches {
        let from = patch.offset.saturating_sub(MARGIN);
        let len = ((patch.end() + MARGIN).min(was.len()) - from) as usize;
        let (mut a, mut b) = (vec![0u8; len], vec![0u8; len]);
        wanted
            .read_at(from, &mut a)
            .and_then(|()| is.read_at(from, &mut b))
            .map_err(|e| not_read(input, &e))?;
        if a != b {
            return Err(differs());
        }
    }
    Ok(())
}

/// A copy of a read-only input is ours to patch.
fn make_writable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)?.permissions().mode();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode | 0o200))
}

fn temporary_beside(output: &str) -> PathBuf {
    let path = Path::new(output);
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".tmp-redacted-{}-{name}", std::process::id()))
}

/// Writes all bytes to standard output.
pub fn to_stdout(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever read us has seen enough.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| CliError::Failed(format!("standard output: {e}"))),
    }
}

/// Makes `output` of bytes in memory, through a temporary file beside it.
pub fn write_whole(output: &str, bytes: &[u8]) -> Result<()> {
    if output == "-" {
        return to_stdout(bytes);
    }
    let temporary = temporary_beside(output);
    let failed = |e: std::io::Error| {
        let _ = std::fs::remove_file(&temporary);
        CliError::Failed(format!("{output}: it could not be written: {e}"))
    };
    let mut file = File::create(&temporary).map_err(failed)?;
    let permissions = std::fs::metadata(output).map(|m| m.permissions());
    permissions.map_or(Ok(()), |p| file.set_permissions(p)).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&temporary, output).map_err(failed)
}

/// Where a patched recording goes: onto itself, beside it, or to standard output.
pub fn write_out(input: &str, output: &str, bytes: Option<&[u8]>, patches: &[Patch]) -> Result<()> {
    match bytes {
        Some(_) if output != "-" && input != "-" && is_same(input, output) => patch_in_place(output, patches),
        Some(original) => {
            let mut after = original.to_vec();
            unsaid_dsp::mute::apply(&mut after, patches);
            write_whole(output, &after)
        }
        None if is_same(input, output) => patch_in_place(output, patches),
        None => copy_patched(input, output, patches),
    }
}
