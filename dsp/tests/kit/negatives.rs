//! What must not be found: speech, music, mixed voices, other signals, vowels.

use super::Case;
use super::signal::*;
use super::voices;

pub fn case(category: &'static str, condition: String, mut plane: Vec<f32>) -> Case {
    quantize(&mut plane);
    Case { category, condition, rate: 8_000, plane, truths: Vec::new() }
}

/// Prompts of one language, file after file with their own silences.
pub fn prompts(language: &str) -> Vec<Case> {
    let files = voices::files(&format!("{}/{language}", voices::SOUNDS));
    files.iter().map(|f| case("speech", language.to_owned(), voices::read(f))).collect()
}

pub fn music() -> Vec<Case> {
    let files = voices::files(voices::MUSIC);
    files
        .iter()
        .map(|f| {
            case(
                "music",
                f.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default(),
                voices::read(f),
            )
        })
        .collect()
}

/// Two to six voices at once, with and without music, for `minutes`.
pub fn mixed(minutes: usize) -> Vec<Case> {
    let voices: Vec<Vec<f32>> =
        ["en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU"]
            .iter()
            .map(|l| {
                voices::files(&format!("{}/{l}", voices::SOUNDS))
                    .iter()
                    .step_by(3)
                    .flat_map(|f| voices::read(f))
                    .collect()
            })
            .filter(|v: &Vec<f32>| !v.is_empty())
            .collect();
    let music: Vec<f32> = voices::files(voices::MUSIC).iter().flat_map(|f| voices::read(f)).collect();
    (0..minutes)
        .map(|n| {
            let mut dice = Dice::new(4_000 + n as u64);
            let mut plane = vec![0f32; 60 * 8_000];
            for _ in 0..2 + dice.below(5) {
                let voice = &voices[dice.below(voices.len())];
                let (from, level) = (dice.below(voice.len()), dice.within(0.03, 0.12));
                add_looped(&mut plane, voice, from, level);
            }
            if n % 2 == 0 && !music.is_empty() {
                let from = dice.below(music.len());
                add_looped(&mut plane, &music, from, 0.05);
            }
            case("mixed", format!("minute {n}"), plane)
        })
        .collect()
}

/// Signals of the network and of modems, none of which is a key.
pub fn tones() -> Vec<Case> {
    let pairs: &[(f64, f64, &str)] = &[
        (350.0, 440.0, "dial"),
        (440.0, 480.0, "ring"),
        (480.0, 620.0, "busy"),
        (425.0, 0.0, "dial eu"),
        (400.0, 450.0, "ring uk"),
        (950.0, 0.0, "sit 1"),
        (1400.0, 0.0, "sit 2"),
        (1800.0, 0.0, "sit 3"),
        (1100.0, 0.0, "cng"),
        (2100.0, 0.0, "ced"),
        (1300.0, 0.0, "v.25"),
        (2130.0, 2750.0, "cas"),
        (697.0, 0.0, "row alone"),
        (941.0, 0.0, "row alone"),
        (1336.0, 0.0, "column alone"),
        (1477.0, 0.0, "column alone"),
        (697.0, 770.0, "two rows"),
        (852.0, 941.0, "two rows"),
        (1209.0, 1336.0, "two columns"),
        (1477.0, 1633.0, "two columns"),
        (600.0, 1200.0, "harmonic"),
        (750.0, 1500.0, "harmonic"),
        (725.0, 1270.0, "between"),
        (810.0, 1400.0, "between"),
        (900.0, 1550.0, "between"),
        (1000.0, 2000.0, "milliwatt"),
        (1004.0, 0.0, "milliwatt"),
        (853.0, 960.0, "eas"),
        (600.0, 1500.0, "r1ish"),
        (2600.0, 0.0, "sf"),
        (2400.0, 2600.0, "blue"),
        (700.0, 900.0, "r1"),
        (700.0, 1100.0, "r1"),
        (900.0, 1100.0, "r1"),
        (700.0, 1300.0, "r1"),
        (900.0, 1300.0, "r1"),
        (1100.0, 1300.0, "r1"),
        (700.0, 1500.0, "r1"),
        (900.0, 1500.0, "r1"),
        (1100.0, 1500.0, "r1"),
        (1300.0, 1500.0, "r1"),
        (700.0, 1700.0, "r1"),
        (900.0, 1700.0, "r1"),
        (1300.0, 1700.0, "r1"),
        (1500.0, 1700.0, "r1"),
        (1380.0, 1500.0, "r2f"),
        (1500.0, 1620.0, "r2f"),
        (1140.0, 1020.0, "r2b"),
        (900.0, 1140.0, "r2b"),
        (780.0, 1140.0, "r2b"),
        (660.0, 1140.0, "r2b"),
        (540.0, 1140.0, "r2b"),
        (780.0, 900.0, "r2b"),
        (660.0, 780.0, "r2b"),
        (1070.0, 1270.0, "v.21"),
        (1650.0, 1850.0, "v.21"),
        (1200.0, 2200.0, "bell 202"),
        (980.0, 1180.0, "v.21"),
    ];
    let mut out = Vec::new();
    for (n, &(a, b, name)) in pairs.iter().enumerate() {
        for (m, (on, off)) in [(0.06, 0.06), (0.25, 0.25), (0.5, 0.5)].into_iter().enumerate() {
            let mut dice = Dice::new((n * 7 + m) as u64);
            let mut plane = vec![0f32; 8 * 8_000];
            let mut at = 0.1;
            while at + on < 8.0 {
                let part = &mut plane[(at * 8e3) as usize..((at + on) * 8e3) as usize];
                add_sine(part, 8e3, a, 0.15, dice.within(0.0, 6.2));
                if b > 0.0 {
                    add_sine(part, 8e3, b, 0.15, dice.within(0.0, 6.2));
                }
                at += on + off;
            }
            add_noise(&mut plane, 0.001, &mut dice);
            out.push(case("other tones", name.to_owned(), plane));
        }
    }
    out.extend(sweeps_and_modems());
    out
}

fn sweeps_and_modems() -> Vec<Case> {
    let mut out = Vec::new();
    for n in 0..12u64 {
        let mut dice = Dice::new(6_000 + n);
        let mut plane = vec![0f32; 10 * 8_000];
        let (mut p, mut q) = (0.0, 0.0);
        for (k, x) in plane.iter_mut().enumerate() {
            let t = k as f64 / 8e3;
            let (fa, fb) = match n % 4 {
                0 => (600.0 + 50.0 * t, 1_150.0 + 60.0 * t),
                1 => (700.0 + 200.0 * (t * 2.0).sin(), 1_400.0 + 250.0 * (t * 1.3).cos()),
                // FSK at 300 baud.
                2 => (if (t * 300.0) as u64 * 2_654_435_761 % 7 < 3 { 1_270.0 } else { 1_070.0 }, 0.0),
                _ => (300.0 * 2f64.powf(t / 4.0), 0.0),
            };
            p += std::f64::consts::TAU * fa / 8e3;
            q += std::f64::consts::TAU * fb / 8e3;
            *x = (0.15 * p.sin() + if fb > 0.0 { 0.15 * q.sin() } else { 0.0 }) as f32;
        }
        add_noise(&mut plane, 0.001, &mut dice);
        out.push(case(
            "other tones",
            ["slow sweep", "wobble", "fsk", "siren"][n as usize % 4].to_owned(),
            plane,
        ));
    }
    out
}

/// Vowels of a synthesizer, sung on every note of two octaves.
pub fn vowels() -> Vec<Case> {
    let formants = [
        [730.0, 1090.0, 2440.0, 3400.0, 3850.0],
        [270.0, 2290.0, 3010.0, 3500.0, 3850.0],
        [300.0, 870.0, 2240.0, 3400.0, 3850.0],
        [530.0, 1840.0, 2480.0, 3400.0, 3850.0],
        [570.0, 840.0, 2410.0, 3400.0, 3850.0],
        [660.0, 1720.0, 2410.0, 3400.0, 3850.0],
        [490.0, 1350.0, 1690.0, 3300.0, 3850.0],
        [640.0, 1190.0, 2390.0, 3400.0, 3850.0],
        [800.0, 1400.0, 2600.0, 3400.0, 3850.0],
        [900.0, 1300.0, 2700.0, 3400.0, 3850.0],
    ];
    let mut out = Vec::new();
    for (v, formant) in formants.iter().enumerate() {
        for vibrato in [0.0, 0.01, 0.03] {
            let mut dice = Dice::new((8_000 + v * 10) as u64);
            let mut plane = vec![0f32; 37 * 4_000];
            for note in 0..37 {
                let f0 = 98.0 * 2f64.powf(f64::from(note) / 12.0) * dice.within(0.98, 1.02);
                let at = note as usize * 4_000;
                add_vowel(&mut plane[at + 200..at + 3_800], 8e3, f0, vibrato, formant, 0.12, &mut dice);
            }
            out.push(case("vowels", format!("vowel {v}, vibrato {vibrato}"), plane));
        }
    }
    out
}

/// Vowels whose formants lie on the tones and whose pitch divides both: what a
/// receiver that looks at two frequencies alone must fall for.
pub fn vowels_on_the_tones() -> Vec<Case> {
    let mut out = Vec::new();
    for row in ROWS_HZ {
        for column in COLUMNS_HZ {
            let mut dice = Dice::new((row + column * 10.0) as u64);
            let mut plane = vec![0f32; 20 * 4_000];
            for note in 0..20 {
                // The pitch of which both tones are nearly harmonics, from 90 Hz up.
                let lowest = dice.within(90.0, 400.0);
                let miss = |f0: f64| {
                    (row / f0 - (row / f0).round()).abs() + (column / f0 - (column / f0).round()).abs()
                };
                let f0 = (0..400)
                    .map(|k| lowest + 0.5 * f64::from(k))
                    .min_by(|a, b| miss(*a).total_cmp(&miss(*b)));
                let at = note * 4_000;
                let formants = [row, column, dice.within(2_200.0, 2_900.0), 3_300.0, 3_800.0];
                let vibrato = [0.0, 0.005, 0.02][note % 3];
                add_vowel(
                    &mut plane[at + 200..at + 3_800],
                    8e3,
                    f0.unwrap_or(150.0),
                    vibrato,
                    &formants,
                    0.12,
                    &mut dice,
                );
            }
            out.push(case("vowels", format!("on {row} and {column}"), plane));
        }
    }
    out
}

/// A synthesizer's speech, when espeak-ng is installed: steadier pitch than any human's.
pub fn synthetic() -> Vec<Case> {
    let text = "Thank you for calling. Your call may be recorded. The number that you have dialled, four five three two, \
                is not in service; please hang up and try again later. We are open from nine to five, Monday to Friday. \
                Our address is eleven hundred Main Street, suite two hundred and four. How may I help you today? ";
    let folder = super::codecs::scratch();
    let mut out = Vec::new();
    for voice in [
        "en", "en-us", "en+f3", "en+m7", "en+croak", "fr", "es", "it", "ru", "de", "pt", "fr+f4", "es+f5",
        "it+f2",
    ] {
        for pitch in ["10", "35", "55", "75", "95"] {
            let path = folder.join("espeak.wav");
            let spoken = std::process::Command::new("espeak-ng")
                .args(["-v", voice, "-p", pitch, "-s", "150", "-w"])
                .arg(&path)
                .arg(text)
                .status();
            if !spoken.is_ok_and(|s| s.success()) {
                return out;
            }
            out.push(case("synthetic speech", format!("{voice} {pitch}"), super::codecs::to_8k(&path)));
        }
    }
    out
}

/// Speech and music after the codecs of a line.
pub fn coded() -> Vec<Case> {
    let mut out = Vec::new();
    for (n, chain) in [
        [("-c:a libgsm", "gsm")],
        [("-c:a g726 -b:a 16k", "wav")],
        [("-c:a libmp3lame -b:a 8k", "mp3")],
        [("-c:a libopus -b:a 8k", "opus")],
    ]
    .into_iter()
    .enumerate()
    {
        let voice: Vec<f32> = voices::files(&format!("{}/fr_CA_f_June", voices::SOUNDS))
            .iter()
            .skip(n * 100)
            .take(100)
            .flat_map(|f| voices::read(f))
            .collect();
        out.push(case("coded speech", chain[0].0.to_owned(), super::codecs::through(&chain, &voice)));
        let tune: Vec<f32> =
            voices::files(voices::MUSIC).iter().skip(n).take(1).flat_map(|f| voices::read(f)).collect();
        if !tune.is_empty() {
            out.push(case("coded music", chain[0].0.to_owned(), super::codecs::through(&chain, &tune)));
        }
    }
    out
}
