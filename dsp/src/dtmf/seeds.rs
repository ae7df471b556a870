//! The coarse pass: windows of three blocks in which one row and one column
//! stand above the others. It is meant to miss nothing; the judge is strict.

use super::Digit;
use super::blocks::{Basis, Sums, powers};

/// Blocks in a window.
pub const WINDOW_BLOCKS: usize = 3;
/// A tone is at least this many times (6 dB) the next of its group.
const LEAD: f32 = 4.0;
/// Row over column or the reverse, at most 16 dB.
const MOST_TWIST: f32 = 40.0;
/// Least amplitude of a tone, −63 dBFS.
const LEAST_AMPLITUDE: f32 = 0.0007;
/// Windows that may be missing in a run of one digit.
const GAP: usize = 3;

/// A run of windows that hold one digit, and the best of them.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    pub digit: Digit,
    pub last: usize,
    pub hits: usize,
    pub best: usize,
    /// Tones' share of the energy in the best window.
    pub share: f32,
}

struct Hit {
    digit: Digit,
    share: f32,
}

/// All seeds in `plane`, in order.
pub fn seeds(plane: &[f32], basis: &Basis) -> Vec<Seed> {
    let blocks = basis.blocks(plane);
    let energies: Vec<f32> = plane.chunks_exact(basis.len()).map(energy).collect();
    let mut done: Vec<Seed> = Vec::new();
    let mut open: Option<Seed> = None;
    for (w, parts) in blocks.windows(WINDOW_BLOCKS).enumerate() {
        let energy = energies[w] + energies[w + 1] + energies[w + 2];
        let Some(hit) = judge(basis, parts, energy) else { continue };
        match &mut open {
            Some(run) if run.digit == hit.digit && w - run.last <= GAP => {
                run.last = w;
                run.hits += 1;
                if hit.share > run.share {
                    (run.best, run.share) = (w, hit.share);
                }
            }
            _ => {
                done.extend(open.take());
                open = Some(Seed { digit: hit.digit, last: w, hits: 1, best: w, share: hit.share });
            }
        }
    }
    done.extend(open);
    done
}

fn judge(basis: &Basis, parts: &[Sums], energy: f32) -> Option<Hit> {
    let frames = (WINDOW_BLOCKS * basis.len()) as f32;
    let floor = (LEAST_AMPLITUDE * frames / 2.0) * (LEAST_AMPLITUDE * frames / 2.0);
    // Two tones at the floor have this energy; most of silence ends here.
    if energy < 4.0 * floor / frames {
        return None;
    }
    let two = basis.append(&parts[0], &parts[1], 1);
    let powers = powers(&basis.append(&two, &parts[2], 2));
    let (row, row_power, row_next) = best(&powers[..4]);
    let (column, column_power, column_next) = best(&powers[4..]);
    if row_power < floor
        || column_power < floor
        || row_power < LEAD * row_next
        || column_power < LEAD * column_next
        || row_power > MOST_TWIST * column_power
        || column_power > MOST_TWIST * row_power
    {
        return None;
    }
    // |X|² = (A·n/2)² and a sine's energy is A²·n/2.
    let share = (row_power + column_power) * 2.0 / (frames * energy);
    Some(Hit { digit: Digit { row: row as u8, column: column as u8 }, share })
}

/// Index and power of the strongest, and the power of the next.
fn best(powers: &[f32]) -> (usize, f32, f32) {
    let mut top = (0, 0f32, 0f32);
    for (i, &p) in powers.iter().enumerate() {
        if p > top.1 {
            top = (i, p, top.1);
        } else if p > top.2 {
            top.2 = p;
        }
    }
    top
}

fn energy(block: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    let (eights, rest) = block.as_chunks::<8>();
    for x in eights {
        for j in 0..8 {
            lanes[j] += x[j] * x[j];
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
}
