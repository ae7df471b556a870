//! Does a headerless file of 16-bit samples hold one party, or two side by side?
//!
//! MixMonitor's option D writes both parties of a call interleaved, with no
//! header that says so (Asterisk `apps/app_mixmonitor.c`). Their samples tell:
//!
//! * one party's neighbours are alike, and those two places apart less so;
//! * two parties' neighbours have nothing to do with each other, those two places apart have;
//! * where one of two is silent, every second sample is;
//! * where both hear the same, the samples of a pair are more alike than those of two pairs.
//!
//! Each loud window has a vote, and the votes must be clear.

use super::{ContainerError, ReadAt};

/// Samples of a window: half a second of one party at 8 kHz.
const WINDOW: usize = 4_096;
/// Shorter windows have no vote.
const LEAST: usize = 256;
/// Windows with less energy a sample than this (−78 dBFS) have no vote.
const AUDIBLE: f64 = 16.0;

/// A window's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vote {
    One,
    Two,
    Neither,
}

/// Channels of the 16-bit little-endian samples in `source`: one or two. A
/// file in which nothing can be heard has one.
///
/// # Errors
/// [`ContainerError::Parties`] when the sound does not tell.
pub fn count(source: &(impl ReadAt + ?Sized)) -> Result<u16, ContainerError> {
    let (mut one, mut two, mut neither) = (0u64, 0u64, 0u64);
    let mut bytes = vec![0u8; 2 * WINDOW];
    let mut at = 0u64;
    while at < source.len() {
        bytes.truncate((source.len() - at).min(2 * WINDOW as u64) as usize);
        source.read_at(at, &mut bytes)?;
        at += bytes.len() as u64;
        let samples: Vec<f64> =
            bytes.as_chunks::<2>().0.iter().map(|b| f64::from(i16::from_le_bytes(*b))).collect();
        match vote(&samples) {
            Some(Vote::One) => one += 1,
            Some(Vote::Two) => two += 1,
            Some(Vote::Neither) => neither += 1,
            None => {}
        }
    }
    match (one, two) {
        (0, 0) if neither == 0 => Ok(1),
        (one, two) if two > 0 && two >= 3 * one => Ok(2),
        (one, two) if one > 0 && one >= 9 * two => Ok(1),
        _ => Err(ContainerError::Parties),
    }
}

fn vote(samples: &[f64]) -> Option<Vote> {
    let energy: f64 = samples.iter().map(|x| x * x).sum();
    if samples.len() < LEAST || energy < AUDIBLE * samples.len() as f64 {
        return None;
    }
    let alike =
        |apart: usize| samples.iter().zip(&samples[apart..]).map(|(a, b)| a * b).sum::<f64>() / energy;
    let (next, second) = (alike(1), alike(2));
    let even: f64 = samples.iter().step_by(2).map(|x| x * x).sum();
    let louder = (2.0 * even - energy) / energy;
    let steps = |from: usize| -> f64 {
        samples[from..].chunks_exact(2).map(|pair| (pair[0] - pair[1]) * (pair[0] - pair[1])).sum()
    };
    let (within, between) = (steps(0), steps(1));
    let paired = (within - between) / (within + between).max(f64::MIN_POSITIVE);
    Some(if louder.abs() > 0.2 || paired.abs() > 0.3 || second - next > 0.3 && next > -0.35 {
        Vote::Two
    } else if louder.abs() < 0.1 && paired.abs() < 0.15 && (next - second > 0.05 || next > 0.9) {
        Vote::One
    } else {
        Vote::Neither
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two seconds of a voice: pulses of pitch through three resonances, with breath.
    fn voice(pitch_hz: f64, seed: u32) -> Vec<f64> {
        let mut dice = seed | 1;
        let mut noise = || {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(dice >> 8) / f64::from(1u32 << 23) - 1.0
        };
        let mut out: Vec<f64> = vec![0.0; 16_000];
        for (n, x) in out.iter_mut().enumerate() {
            let phase = (n as f64 * pitch_hz / 8_000.0).fract();
            let loud = (n as f64 / 1_300.0).sin().abs();
            *x = loud * (if phase < pitch_hz / 8_000.0 { 20.0 } else { 0.0 } + 0.3 * noise());
        }
        for (hz, width) in [(500.0, 80.0), (1_450.0, 120.0), (2_500.0, 200.0)] {
            let r = (-std::f64::consts::PI * width / 8_000.0_f64).exp();
            let (a, b) = (2.0 * r * (std::f64::consts::TAU * hz / 8_000.0_f64).cos(), -r * r);
            for n in 2..out.len() {
                out[n] += 0.7 * (a * out[n - 1] + b * out[n - 2]);
            }
        }
        let peak = out.iter().fold(1e-9f64, |m, x| m.max(x.abs()));
        out.iter().map(|x| x / peak * 9_000.0).collect()
    }

    fn file(samples: impl IntoIterator<Item = f64>) -> Vec<u8> {
        samples.into_iter().flat_map(|x| (x.round() as i16).to_le_bytes()).collect()
    }

    fn beside(a: &[f64], b: &[f64]) -> Vec<u8> {
        file(a.iter().zip(b).flat_map(|(a, b)| [*a, *b]))
    }

    fn told(file: &[u8]) -> Option<u16> {
        count(file).ok()
    }

    #[test]
    fn one_party_is_one_however_loud_or_coded() {
        let v = voice(110.0, 1);
        assert_eq!(told(&file(v.clone())), Some(1));
        assert_eq!(told(&file(v.iter().map(|x| x * 0.01))), Some(1));
        let coded = v
            .iter()
            .map(|x| f64::from(crate::codec::g711::ulaw_to_i16(crate::codec::g711::i16_to_ulaw(*x as i16))));
        assert_eq!(told(&file(coded)), Some(1));
        let keyed = (0..16_000).map(|k| {
            let t = f64::from(k) / 8_000.0 * std::f64::consts::TAU;
            4_000.0 * ((t * 941.0).sin() + (t * 1_477.0).sin())
        });
        assert_eq!(told(&file(keyed)), Some(1));
    }

    #[test]
    fn two_parties_are_two_also_where_one_is_silent_or_both_hear_the_same() {
        let (a, b) = (voice(110.0, 1), voice(190.0, 2));
        let silent = vec![0.0; a.len()];
        let tone: Vec<f64> = (0..16_000).map(|k| 8_000.0 * (f64::from(k) * 0.35).sin()).collect();
        let echo: Vec<f64> = (0..a.len()).map(|n| 0.3 * a[n.saturating_sub(5)]).collect();
        for (name, left, right) in [
            ("two voices", &a, &b),
            ("the first silent", &silent, &a),
            ("the second silent", &a, &silent),
            ("the same", &a, &a),
            ("a voice and its echo", &a, &echo),
            ("a tone on both", &tone, &tone),
            ("a tone and a voice", &tone, &b),
        ] {
            assert_eq!(told(&beside(left, right)), Some(2), "{name}");
        }
    }

    #[test]
    fn silence_is_one_and_noise_is_not_guessed() {
        assert_eq!(told(&[0; 9_000]), Some(1));
        assert_eq!(told(b""), Some(1));
        let mut dice = 7u32;
        let noise = (0..32_000).map(|_| {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from((dice >> 16) as i16 / 8)
        });
        assert_eq!(told(&file(noise)), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_counted_or_doubted(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
            if let Ok(parties) = count(bytes.as_slice()) {
                prop_assert!((1..=2).contains(&parties));
            }
        }
    }
}
