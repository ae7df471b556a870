//! Human speech and music from Debian's packages of Asterisk sounds.

use std::path::{Path, PathBuf};

pub const SOUNDS: &str = "/usr/share/asterisk/sounds";
pub const MUSIC: &str = "/usr/share/asterisk/moh";

/// Every WAV below `folder`, in order of its name.
pub fn files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "wav") {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    walk(Path::new(folder), &mut out);
    out.sort();
    out
}

/// The samples of a 16-bit mono 8 kHz file of these packages.
pub fn read(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let at = bytes.windows(4).position(|w| w == b"data").map_or(bytes.len(), |p| p + 8).min(bytes.len());
    bytes[at..].as_chunks::<2>().0.iter().map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0).collect()
}

/// English prompts end to end, without their silence, at most `seconds` at 8 kHz.
pub fn talker(seconds: f64) -> Vec<f32> {
    let mut out = Vec::new();
    for file in files(&format!("{SOUNDS}/en_US_f_Allison")) {
        for chunk in read(&file).chunks(400) {
            if super::signal::power(chunk) > 1e-4 {
                out.extend_from_slice(chunk);
            }
        }
        if out.len() as f64 > seconds * 8_000.0 {
            break;
        }
    }
    out
}
