//! Negatives that come near a key by chance: melodies sung by a synthesizer,
//! chords whose notes lie on the tones, and modems that talk both ways at once.

use super::Case;
use super::negatives::case;
use super::signal::*;
use std::f64::consts::TAU;

/// First to fifth formant of thirteen vowels, in hertz (Peterson and Barney 1952, and singers' between them).
const VOWELS_HZ: [[f64; 5]; 13] = [
    [730.0, 1_090.0, 2_440.0, 3_400.0, 3_850.0],
    [270.0, 2_290.0, 3_010.0, 3_500.0, 3_850.0],
    [300.0, 870.0, 2_240.0, 3_400.0, 3_850.0],
    [530.0, 1_840.0, 2_480.0, 3_400.0, 3_850.0],
    [570.0, 840.0, 2_410.0, 3_400.0, 3_850.0],
    [660.0, 1_720.0, 2_410.0, 3_400.0, 3_850.0],
    [490.0, 1_350.0, 1_690.0, 3_300.0, 3_850.0],
    [640.0, 1_190.0, 2_390.0, 3_400.0, 3_850.0],
    [800.0, 1_400.0, 2_600.0, 3_400.0, 3_850.0],
    [900.0, 1_300.0, 2_700.0, 3_400.0, 3_850.0],
    [400.0, 2_000.0, 2_550.0, 3_400.0, 3_850.0],
    [700.0, 1_200.0, 2_600.0, 3_300.0, 3_700.0],
    [850.0, 1_610.0, 2_600.0, 3_300.0, 3_800.0],
];

/// `minutes` of melodies: every note another vowel, pitch, vibrato and sharpness of its formants.
pub fn sung(minutes: usize) -> Vec<Case> {
    melodies("sung", 12_000, minutes, sing)
}

/// The same with the first two formants on a key's tones and a pitch that nearly divides both.
pub fn sung_on_the_tones(minutes: usize) -> Vec<Case> {
    melodies("sung on the tones", 15_000, minutes, sing_on_the_tones)
}

fn melodies(name: &str, seed: u64, minutes: usize, sing: impl Fn(&mut [f32], &mut Dice)) -> Vec<Case> {
    (0..minutes)
        .map(|minute| {
            let mut dice = Dice::new(seed + minute as u64);
            let mut plane = vec![0f32; 60 * 8_000];
            let mut at_s = 0.05;
            while at_s < 59.0 {
                let len_s = dice.within(0.15, 0.8);
                let range = (at_s * 8e3) as usize..((at_s + len_s) * 8e3) as usize;
                let mut note = vec![0f32; range.len()];
                sing(&mut note, &mut dice);
                plane[range].copy_from_slice(&note);
                at_s += len_s + dice.within(0.0, 0.15);
            }
            add_noise(&mut plane, 0.0005, &mut dice);
            case("vowels", format!("{name}, minute {minute}"), plane)
        })
        .collect()
}

fn sing_on_the_tones(note: &mut [f32], dice: &mut Dice) {
    let (row, column) = (ROWS_HZ[dice.below(4)], COLUMNS_HZ[dice.below(4)]);
    let miss = |f0: f64| (row / f0 - (row / f0).round()).abs() + (column / f0 - (column / f0).round()).abs();
    let mut pitches: Vec<f64> = (0..680).map(|k| 80.0 + 0.5 * f64::from(k)).collect();
    pitches.sort_by(|a, b| miss(*a).total_cmp(&miss(*b)));
    let sharpness = dice.within(0.1, 1.0);
    let formants = [
        row * dice.within(0.985, 1.015),
        column * dice.within(0.985, 1.015),
        dice.within(2_200.0, 2_900.0),
        3_300.0,
        3_800.0,
    ];
    let voice = Voice {
        f0: pitches[dice.below(40)],
        vibrato: [0.0, 0.0, 0.003, 0.005, 0.01][dice.below(5)],
        bandwidths: [60.0, 90.0, 120.0, 180.0, 250.0].map(|b| b * sharpness),
        tilt: dice.within(0.6, 1.7),
    };
    add_voice(note, 8e3, &voice, &formants, 0.12, dice);
    fade(note);
}

fn sing(note: &mut [f32], dice: &mut Dice) {
    let scale = dice.within(0.9, 1.15);
    let formants = VOWELS_HZ[dice.below(VOWELS_HZ.len())].map(|f| f * scale);
    let sharpness = dice.within(0.2, 1.2);
    let register = [1.0, 1.0, 1.0, 2.0, 2.0, 1.6][dice.below(6)];
    let voice = Voice {
        f0: dice.within(80.0, 260.0) * register,
        vibrato: [0.0, 0.0, 0.003, 0.005, 0.01, 0.02][dice.below(6)],
        bandwidths: [60.0, 90.0, 120.0, 180.0, 250.0].map(|b| b * sharpness),
        tilt: dice.within(0.6, 1.7),
    };
    add_voice(note, 8e3, &voice, &formants, 0.12, dice);
    fade(note);
}

/// 20 ms at either end.
fn fade(note: &mut [f32]) {
    let len = 160.min(note.len() / 2);
    for n in 0..len {
        let gain = n as f32 / len as f32;
        note[n] *= gain;
        let last = note.len() - 1 - n;
        note[last] *= gain;
    }
}

/// Chords of two to four notes with one to five partials each, as a keyboard holds music plays them.
pub fn chords(minutes: usize) -> Vec<Case> {
    const CHORDS: [&[f64]; 7] = [
        &[0.0, 4.0, 7.0],
        &[0.0, 3.0, 7.0],
        &[0.0, 4.0, 7.0, 10.0],
        &[0.0, 5.0, 9.0],
        &[0.0, 12.0],
        &[0.0, 7.0],
        &[0.0, 3.0, 8.0],
    ];
    (0..minutes)
        .map(|minute| {
            let mut dice = Dice::new(13_000 + minute as u64);
            let mut plane = vec![0f32; 60 * 8_000];
            let mut at_s = 0.0;
            while at_s < 59.0 {
                let len_s = dice.within(0.2, 0.6);
                let part = &mut plane[(at_s * 8e3) as usize..((at_s + len_s) * 8e3) as usize];
                let (root, decay) = (dice.within(110.0, 880.0), dice.within(0.0, 5.0));
                for step in CHORDS[dice.below(CHORDS.len())] {
                    let hz = root * 2f64.powf(step / 12.0);
                    for partial in 1..=1 + dice.below(5) {
                        let hz = hz * partial as f64;
                        if hz < 3_900.0 {
                            let amplitude = dice.within(0.3, 1.0) / partial as f64;
                            add_sine(part, 8e3, hz, amplitude, dice.within(0.0, TAU));
                        }
                    }
                }
                part.iter_mut().enumerate().for_each(|(n, x)| *x *= (-decay * n as f64 / 8e3).exp() as f32);
                let gain = (0.15 / power(part).sqrt().max(1e-9)) as f32;
                part.iter_mut().for_each(|x| *x *= gain);
                at_s += len_s;
            }
            add_noise(&mut plane, 0.001, &mut dice);
            case("other tones", "chords".to_owned(), plane)
        })
        .collect()
}

/// V.21's two channels, and Bell 103's, at 300 baud: each alone and both at once.
pub fn modems(minutes: usize) -> Vec<Case> {
    const V21: [[f64; 2]; 2] = [[980.0, 1_180.0], [1_650.0, 1_850.0]];
    const BELL_103: [[f64; 2]; 2] = [[1_270.0, 1_070.0], [2_225.0, 2_025.0]];
    (0..minutes)
        .map(|minute| {
            let mut dice = Dice::new(14_000 + minute as u64);
            let mut plane = vec![0f32; 60 * 8_000];
            for (n, part) in plane.chunks_mut(8 * 8_000).enumerate() {
                let channels = if n % 2 == 0 { V21 } else { BELL_103 };
                // The first, the second, and both.
                let which = (n / 2 + minute) % 3;
                for (c, channel) in channels.iter().enumerate() {
                    if which == 2 || which == c {
                        add_fsk(part, *channel, 300.0, &mut dice);
                    }
                }
            }
            add_noise(&mut plane, 0.001, &mut dice);
            case("other tones", "modem".to_owned(), plane)
        })
        .collect()
}

/// Random bits by two frequencies, the phase without a break.
fn add_fsk(plane: &mut [f32], hz: [f64; 2], baud: f64, dice: &mut Dice) {
    let (mut phase, mut bit, mut bits) = (dice.within(0.0, TAU), 0, 0);
    for (n, x) in plane.iter_mut().enumerate() {
        let now = (n as f64 / 8e3 * baud) as usize + 1;
        if now != bits {
            (bits, bit) = (now, dice.below(2));
        }
        phase += TAU * hz[bit] / 8e3;
        *x += (0.15 * phase.sin()) as f32;
    }
}
