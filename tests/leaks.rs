//! After a whole run no unredacted word and no byte run of a secret's audio is
//! left in any file: not in a database, a write-ahead log, a log line, a
//! temporary file, nor in the recording itself.

use crate::office::{Office, SECRETS, Unsaid, segments_of};
use std::path::{Path, PathBuf};

/// Said in the office's secrets alone.
const SECRET_WORDS: &[&str] = &[
    "three", "six", "seven", "eight", "nine", "march", "ninth", "nineteen", "eighty", "zulu", "tango", "kilo",
];
/// Bytes of coded audio that are no coincidence.
const RUN: usize = 64;

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), out);
        } else {
            out.push(entry.path());
        }
    }
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

#[test]
fn nothing_unredacted_is_left_in_any_file() {
    let office = Office::lay_out();
    let before: Vec<Vec<u8>> = SECRETS.iter().map(|(p, _)| office.read(p)).collect();
    let mut unsaid = Unsaid::serve(office.path(), &format!("log = \"trace\"\n{}", office.settings()));
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(17, 90);
    let mut needles = Vec::new();
    for call in &calls {
        let detail = unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).unwrap();
        for recording in detail["recordings"].as_array().unwrap() {
            let Some(n) = SECRETS.iter().position(|s| recording["path"] == s.0) else { continue };
            let layout = unsaid_dsp::container::locate(SECRETS[n].0, before[n].as_slice()).unwrap();
            for (start, end) in segments_of(recording) {
                let span = unsaid_dsp::Span::from_seconds(start, end, layout.rate);
                let patch = &unsaid_dsp::mute::patches(
                    before[n].as_slice(),
                    &layout,
                    &[span],
                    &unsaid_dsp::mute::Options::default(),
                )
                .unwrap()[0];
                let secret = &before[n][patch.offset as usize..patch.end() as usize];
                // Every eighth run of the secret's own bytes.
                needles.extend(
                    secret
                        .chunks_exact(RUN)
                        .step_by(8)
                        .filter(|c| c.iter().any(|b| *b != c[0]))
                        .map(<[u8]>::to_vec),
                );
            }
        }
    }
    assert!(needles.len() > 300, "{}", needles.len());
    unsaid.process.signal("TERM");
    unsaid.process.wait();
    let mut all = Vec::new();
    files(office.path(), &mut all);
    let looked_at = |name: &str| all.iter().any(|f| f.to_string_lossy().ends_with(name));
    assert!(looked_at("store.sqlite") && looked_at("log.sqlite") && looked_at("unsaid.log"));
    let needles: std::collections::HashSet<&[u8]> = needles.iter().map(Vec::as_slice).collect();
    for file in &all {
        let bytes = std::fs::read(file).unwrap();
        assert!(
            !bytes.windows(RUN).any(|w| needles.contains(w)),
            "{} holds a secret's audio",
            file.display()
        );
        // The transcripts beside the recordings are another tool's, and are left alone.
        if file.extension().is_some_and(|e| e == "json") {
            continue;
        }
        for word in SECRET_WORDS {
            let quoted = format!("\"{word}\"");
            assert!(!holds(&bytes, quoted.as_bytes()), "{} holds a secret's word", file.display());
        }
    }
}
