//! The map matches the ground: arrows of `use crate::` point one way, files
//! stay small, secrets have no Display.

use regex::Regex;
use std::path::{Path, PathBuf};

/// Rooms from the bottom up: a room uses those before it, and itself.
const ORDER: &[&[&str]] = &[
    &["call"],
    &["hearing"],
    &["detect", "message", "telemetry"],
    &["config", "metrics", "outages", "sqlite"],
    &["store", "bus", "recordings"],
    &["speech", "ner", "vault"],
    &["analysis"],
    &["stage", "source", "job"],
    &["api"],
    &["cli"],
];
/// `metrics` begins its labels at zero from the call's reasons; `speech` borrows
/// the bus's backoff: nothing else crosses.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn rank(room: &str) -> usize {
    ORDER.iter().position(|level| level.contains(&room)).unwrap_or_else(|| panic!("{room} is not on the map"))
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn all(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(&Path::new(ROOT).join(folder), &mut files);
    assert!(files.len() > 5);
    files.into_iter().map(|f| (f.clone(), std::fs::read_to_string(&f).unwrap())).collect()
}

#[test]
fn no_room_uses_one_above_it() {
    let arrow = Regex::new(r"crate::([a-z_]+)").unwrap();
    for (file, text) in all("src") {
        let inside = file.strip_prefix(Path::new(ROOT).join("src")).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let room = first.trim_end_matches(".rs").to_owned();
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        for found in arrow.captures_iter(&text) {
            let used = &found[1];
            assert!(rank(used) <= rank(&room), "{} uses {used}, which is above {room}", file.display());
        }
    }
}

#[test]
fn dsp_is_pure() {
    for (file, text) in all("dsp/src") {
        for forbidden in ["std::fs", "std::time", "std::net", "tokio", "serde", "tracing", "println!"] {
            assert!(!text.contains(forbidden), "{} uses {forbidden}", file.display());
        }
    }
}

#[test]
fn files_stay_small_and_nothing_is_unfinished() {
    for (file, text) in all("src").into_iter().chain(all("dsp/src")) {
        let code = text.split("\n#[cfg(test)]").next().unwrap();
        let lines = code.lines().count();
        assert!(lines <= 520, "{} has {lines} lines", file.display());
        for mark in ["FIXME", "XXX", "todo!", "unimplemented!"] {
            assert!(!text.contains(mark), "{} holds {mark}", file.display());
        }
    }
}

#[test]
fn what_must_not_leak_has_no_display_and_a_silent_debug() {
    let word = std::fs::read_to_string(Path::new(ROOT).join("src/call/word.rs")).unwrap();
    for secret in ["Word", "RawTranscript"] {
        assert!(!word.contains(&format!("Display for {secret}")));
        assert!(word.contains(&format!("fmt::Debug for {secret}")));
    }
    let derives =
        Regex::new(r"derive\([^)]*Serialize[^)]*\)\]\s*pub struct (Word|RawTranscript|Tone|Digit)\b")
            .unwrap();
    for (file, text) in all("src").into_iter().chain(all("dsp/src")) {
        assert!(!derives.is_match(&text), "{} lets a secret be written out", file.display());
    }
}
