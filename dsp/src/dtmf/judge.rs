//! Is it a key? A logistic regression over ten measures and their products,
//! learned from the kit in `tests/kit` (`tests/kit/fit_judge.py` prints the
//! tables). The gates before it are the standards' limits with room to spare.

use super::evidence::Evidence;
use super::seeds::Seed;

const FEATURES: usize = 10;
/// Q.24 accepts ±1.8 % (NTT) and must reject ±3.0 %.
const MOST_DEVIATION: f64 = 0.025;
/// A redactor takes ±10 dB; telephones stay within 8.
const MOST_TWIST_DB: f64 = 13.0;
/// Coarse windows that must agree: a burst of 20 ms makes three or more.
const LEAST_HITS: usize = 2;
/// The shares of all windows together: what every key in the kit has, but for
/// those that a voice hides, and 19 in 20 seeds of speech have not.
const LEAST_WEIGHT: f32 = 0.9;
/// A tone shorter than this, on clean audio, is no key (ETSI: < 20 ms must not; a redactor looks lower).
const LEAST_LEN_S: f64 = 0.012;
/// Log-odds from which a candidate is a key by itself, near a key that is
/// sure, and from which one is sure.
pub const ALONE: f64 = 3.0;
pub const IN_COMPANY: f64 = -1.5;
pub const SURE: f64 = 4.5;
/// Near a sure one, for what only the second look saw.
pub const ON_SECOND_LOOK: f64 = 1.0;
/// Near a sure one, for what is as loud as it: row and column within this many dB.
pub const IF_LIKE: f64 = -8.0;
pub const LIKE_DB: f64 = 3.0;
/// Near a sure one, where a voice hides one tone and bends what is measured of it:
/// how exactly the other must be the sure one's, how far off the hidden one may be,
/// and the least share of what sounds in the band, and weight, of both.
pub const EXACT_DB: f64 = 1.5;
pub const EXACT_DEVIATION: f64 = 0.0055;
pub const HIDDEN_DB: f64 = 6.5;
pub const HIDDEN_DEVIATION: f64 = 0.04;
pub const CLEAR_SHARE: f64 = 0.55;
pub const CLEAR_WEIGHT: f64 = 0.3;
/// Below this nothing beside the tones moves their edges.
pub const NO_RIVAL: f64 = 0.1;

include!("judge_weights.rs");

/// Is the seed worth a closer look?
pub fn is_worth(seed: &Seed) -> bool {
    seed.hits >= LEAST_HITS && seed.weight >= LEAST_WEIGHT
}

/// The one signal of R1 (ITU-T Q.323) whose two frequencies, 700 and 1500 Hz,
/// lie within what Q.24 accepts for a key: as deviations from the key's.
const R1_SEVEN: [f64; 2] = [700.0 / 697.0 - 1.0, 1_500.0 / 1_477.0 - 1.0];
/// How near to them it must be.
const R1_TOLERANCE: f64 = 0.002;

/// R1's seven looks like a key in all but its exact frequencies: by itself it is none.
fn is_r1_seven(e: &Evidence) -> bool {
    e.digit.symbol() == '3' && (0..2).all(|t| (e.deviation[t] - R1_SEVEN[t]).abs() < R1_TOLERANCE)
}

/// The natural logarithm of the odds that it is a key; −∞ outside the gates.
pub fn log_odds(e: &Evidence) -> f64 {
    let deviation = e.deviation[0].abs().max(e.deviation[1].abs());
    if deviation >= MOST_DEVIATION
        || e.twist_db.abs() >= MOST_TWIST_DB
        || e.hits < LEAST_HITS
        || e.len_s < LEAST_LEN_S
    {
        return f64::NEG_INFINITY;
    }
    let features: [f64; FEATURES] = [
        (e.rival + 1e-2).log10(),
        e.outside.clamp(1e-2, 1.0).log10(),
        (100.0 * deviation).min(1.5),
        (100.0 * e.drift).min(4.0),
        e.unsteady.clamp(1.0, 10.0).log10(),
        e.band_share,
        e.share,
        e.len_s.min(0.1).log10(),
        e.twist_db.abs().min(6.0) / 6.0,
        (e.hits.min(20) as f64).log10(),
    ];
    let z: [f64; FEATURES] = std::array::from_fn(|i| (features[i] - CENTRE[i]) / SCALE[i]);
    let pairs = (0..FEATURES).flat_map(|i| (i..FEATURES).map(move |j| (i, j)));
    let products = pairs.zip(PAIRS).map(|((i, j), w)| w * (z[i] * z[j]).clamp(-6.0, 6.0));
    let odds = BIAS + z.iter().zip(LINEAR).map(|(z, w)| z * w).sum::<f64>() + products.sum::<f64>();
    if is_r1_seven(e) { odds.min(ALONE) } else { odds }
}
