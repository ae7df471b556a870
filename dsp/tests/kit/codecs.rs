//! Cases that went through a codec, coded and decoded by ffmpeg (test-only peer).

use super::signal::*;
use super::{Case, Truth};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Name, steps of ffmpeg's encoder arguments with their file extension.
const CHAINS: &[(&str, &[(&str, &str)])] = &[
    ("ulaw", &[("-c:a pcm_mulaw", "wav")]),
    ("alaw", &[("-c:a pcm_alaw", "wav")]),
    ("gsm", &[("-c:a libgsm", "gsm")]),
    ("gsm twice", &[("-c:a libgsm", "gsm"), ("-c:a libgsm", "gsm")]),
    ("ulaw gsm alaw", &[("-c:a pcm_mulaw", "wav"), ("-c:a libgsm", "gsm"), ("-c:a pcm_alaw", "wav")]),
    ("g722", &[("-ar 16000 -c:a g722", "g722")]),
    ("g722 gsm", &[("-ar 16000 -c:a g722", "g722"), ("-ar 8000 -c:a libgsm", "gsm")]),
    ("g726 32k", &[("-c:a g726 -b:a 32k", "wav")]),
    ("g726 16k", &[("-c:a g726 -b:a 16k", "wav")]),
    ("mp3 8k", &[("-c:a libmp3lame -b:a 8k", "mp3")]),
    ("mp3 16k", &[("-c:a libmp3lame -b:a 16k", "mp3")]),
    ("mp3 32k", &[("-ar 16000 -c:a libmp3lame -b:a 32k", "mp3")]),
    ("mp3 64k", &[("-ar 44100 -c:a libmp3lame -b:a 64k", "mp3")]),
    ("ima", &[("-c:a adpcm_ima_wav", "wav")]),
    ("ms", &[("-c:a adpcm_ms", "wav")]),
    ("opus 12k", &[("-c:a libopus -b:a 12k -application voip", "opus")]),
    ("opus 24k", &[("-c:a libopus -b:a 24k", "opus")]),
    ("speex", &[("-c:a libspeex", "spx")]),
    ("vorbis", &[("-ar 44100 -c:a libvorbis -q:a 1", "ogg")]),
    ("g723.1", &[("-c:a g723_1 -b:a 6300", "wav")]),
    ("aac", &[("-ar 16000 -c:a aac -b:a 24k", "m4a")]),
    ("gsm opus", &[("-c:a libgsm", "gsm"), ("-c:a libopus -b:a 16k", "opus")]),
];

pub fn write_wav(path: &std::path::Path, rate: u32, plane: &[f32]) {
    let header = unsaid_dsp::container::wav::pcm16_header(
        unsaid_dsp::Rate::new(rate).expect("a rate"),
        1,
        plane.len() as u32 * 2,
    );
    let mut bytes = header.to_vec();
    bytes.extend(
        plane.iter().flat_map(|x| ((x * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16).to_le_bytes()),
    );
    std::fs::write(path, bytes).expect("a file in the scratch folder");
}

/// A new folder; whoever takes it removes it.
pub fn scratch() -> std::path::PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("unsaid-kit-{}-{count}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

fn ffmpeg(from: &std::path::Path, arguments: &str, to: &std::path::Path) {
    let status = Command::new("ffmpeg")
        .args(["-y", "-v", "error", "-i"])
        .arg(from)
        .args(arguments.split_whitespace())
        .arg(to)
        .status()
        .expect("ffmpeg, which scripts/setup.sh test installs");
    assert!(status.success(), "ffmpeg {arguments}");
}

/// `plane` through every step and back to 8 kHz.
pub fn through(chain: &[(&str, &str)], plane: &[f32]) -> Vec<f32> {
    let folder = scratch();
    let mut at = folder.join("0.wav");
    write_wav(&at, 8_000, plane);
    for (n, (arguments, extension)) in chain.iter().enumerate() {
        let next = folder.join(format!("{}.{extension}", n + 1));
        ffmpeg(&at, arguments, &next);
        at = next;
    }
    let back = to_8k(&at);
    let _ = std::fs::remove_dir_all(&folder);
    back
}

/// The samples of any file, at 8 kHz.
pub fn to_8k(path: &std::path::Path) -> Vec<f32> {
    let back = path.with_extension("8k.wav");
    ffmpeg(path, "-ar 8000 -ac 1 -c:a pcm_s16le", &back);
    super::voices::read(&back)
}

/// How many frames later `got` sounds than `sent`: the peak of their correlation.
fn delay(sent: &[f32], got: &[f32]) -> usize {
    let n = sent.len().min(16_000);
    (0..1_600)
        .map(|d| {
            (
                d,
                (0..n)
                    .filter(|k| k + d < got.len())
                    .map(|k| f64::from(sent[k].abs() * got[k + d].abs()))
                    .sum::<f64>(),
            )
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0, |best| best.0)
}

pub fn add(out: &mut Vec<Case>) {
    for (n, (name, chain)) in CHAINS.iter().enumerate() {
        for (m, (len, dbm0)) in [(0.06, -10.0), (0.1, -16.0)].into_iter().enumerate() {
            let mut dice = Dice::new((3_000 + n * 10 + m) as u64);
            let mut plane = vec![0f32; 32_000];
            let (mut truths, mut at) = (Vec::new(), 0.3);
            for (digit, symbol) in DIGITS.into_iter().enumerate() {
                let (start, end) = add_key(&mut plane, 8e3, at, &Key::plain(digit, len, dbm0), &mut dice);
                truths.push(Truth { digit: symbol, start, end, must: true });
                at += len + 0.08 + dice.within(0.0, 0.01);
            }
            plane.truncate(((at + 0.3) * 8e3) as usize);
            add_noise(&mut plane, amplitude(-55.0), &mut dice);
            let plane = {
                quantize(&mut plane);
                plane
            };
            let got = through(chain, &plane);
            let later = delay(&plane, &got);
            truths.iter_mut().for_each(|t| {
                t.start += later;
                t.end += later
            });
            out.push(Case {
                category: "codecs",
                condition: (*name).to_owned(),
                rate: 8_000,
                plane: got,
                truths,
            });
        }
    }
}
