//! A phone call with exact word times: Asterisk's prompts for the agent, one
//! of FSDD's speakers (or the same voice) for the customer.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::{Path, PathBuf};
use unsaid_dsp::{container, decode};

const RATE_HZ: f64 = 8e3;
const NAMES: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const PROMPTS: &str = "/usr/share/asterisk/sounds/en_US_f_Allison";

/// Who says the digits.
pub const SPEAKERS: [&str; 7] = ["allison", "jackson", "lucas", "theo", "george", "yweweler", "nicolas"];

/// A word where it sounds.
#[derive(Debug, Clone)]
pub struct Said {
    pub word: String,
    pub start_s: f64,
    pub end_s: f64,
    /// Whether the word belongs to a value that must go, and which digit it is.
    pub secret: Option<u8>,
}

/// A call in the making; 8 kHz.
pub struct Call {
    pub samples: Vec<f32>,
    pub words: Vec<Said>,
    speaker: &'static str,
    rng: StdRng,
}

impl Call {
    pub fn new(speaker: &'static str, seed: u64) -> Call {
        let mut call =
            Call { samples: Vec::new(), words: Vec::new(), speaker, rng: StdRng::seed_from_u64(seed) };
        call.pause(0.3);
        call
    }

    pub fn duration_s(&self) -> f64 {
        self.samples.len() as f64 / RATE_HZ
    }

    pub fn pause(&mut self, s: f64) {
        let len = self.samples.len() + (s * RATE_HZ) as usize;
        self.samples.resize(len, 0.0);
    }

    /// One of Asterisk's prompts; its words are spread over it by their letters.
    pub fn prompt(&mut self, key: &str, text: &str) {
        let clip = speech(&read(&Path::new(PROMPTS).join(format!("{key}.wav"))));
        let (start_s, len_s) = (self.duration_s(), clip.len() as f64 / RATE_HZ);
        self.samples.extend(clip);
        let total: usize = text.split(' ').map(|w| w.len() + 1).sum();
        let mut at_s = start_s;
        for word in text.split(' ') {
            let end_s = at_s + len_s * (word.len() + 1) as f64 / total as f64;
            self.words.push(Said { word: word.to_owned(), start_s: at_s, end_s, secret: None });
            at_s = end_s;
        }
        let pause = self.rng.random_range(0.35..0.55);
        self.pause(pause);
    }

    /// A value that must go, digit by digit, in groups.
    pub fn digits(&mut self, value: &str, groups: &[usize]) {
        let mut digits = value.bytes().map(|b| b - b'0');
        for group in groups {
            for digit in digits.by_ref().take(*group) {
                self.digit(digit);
                let pause = self.rng.random_range(0.05..0.13);
                self.pause(pause);
            }
            let pause = self.rng.random_range(0.25..0.5);
            self.pause(pause);
        }
    }

    fn digit(&mut self, digit: u8) {
        let file = match self.speaker {
            "allison" => Path::new(PROMPTS).join(format!("digits/{digit}.wav")),
            speaker => {
                let take = [1, 3][self.rng.random_range(0..2)];
                data().join(format!("digits/{digit}_{speaker}_{take}.wav"))
            }
        };
        let clip = speech(&read(&file));
        let start_s = self.duration_s();
        self.samples.extend(clip);
        let word = NAMES[usize::from(digit)].to_owned();
        self.words.push(Said { word, start_s, end_s: self.duration_s(), secret: Some(digit) });
    }

    /// The call as a 16-bit WAV, with a little noise in the line.
    pub fn wav(&mut self) -> Vec<u8> {
        let noise: Vec<f32> =
            (0..self.samples.len()).map(|_| self.rng.random_range(-0.0006..0.0006)).collect();
        let pcm = self.samples.iter().zip(noise).map(|(x, n)| ((x + n).clamp(-1.0, 1.0) * 32_767.0) as i16);
        let data: Vec<u8> = pcm.flat_map(i16::to_le_bytes).collect();
        let len = data.len() as u32;
        let mut wav = Vec::with_capacity(44 + data.len());
        wav.extend_from_slice(b"RIFF");
        wav.extend((36 + len).to_le_bytes());
        wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
        wav.extend(8_000u32.to_le_bytes());
        wav.extend(16_000u32.to_le_bytes());
        wav.extend_from_slice(b"\x02\0\x10\0data");
        wav.extend(len.to_le_bytes());
        wav.extend(data);
        wav
    }
}

/// This crate's own data.
pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

#[track_caller]
fn read(file: &Path) -> Vec<f32> {
    let bytes = std::fs::read(file).unwrap_or_else(|e| {
        panic!("{}: {e}: `make test` installs asterisk-core-sounds-en-wav", file.display())
    });
    let layout = container::locate(&file.to_string_lossy(), bytes.as_slice()).expect("a WAV");
    decode::decode(bytes.as_slice(), &layout).expect("a WAV").mono()
}

/// The part within 45 dB of the loudest 10 ms, at a telephone's level.
fn speech(x: &[f32]) -> Vec<f32> {
    let power: Vec<f32> = x.chunks(80).map(|c| c.iter().map(|v| v * v).sum::<f32>() / 80.0).collect();
    let loudest = power.iter().fold(0f32, |a, &b| a.max(b));
    let sounds = |p: &f32| *p > loudest * 10f32.powf(-4.5);
    let first = power.iter().position(sounds).unwrap_or(0) * 80;
    let last = power.iter().rposition(sounds).map_or(x.len(), |k| ((k + 1) * 80).min(x.len()));
    let x = &x[first..last];
    let rms = (x.iter().map(|v| v * v).sum::<f32>() / x.len().max(1) as f32).sqrt();
    let peak = x.iter().fold(0f32, |a, v| a.max(v.abs()));
    let gain = (0.055 / rms.max(1e-9)).min(0.9 / peak.max(1e-9));
    x.iter().map(|v| v * gain).collect()
}
