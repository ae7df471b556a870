//! The coarse pass: windows of three blocks in which one row and one column
//! stand above the others. It is meant to miss nothing; the judge is strict.

use super::Digit;
use super::blocks::{Basis, Scratch, WINDOW_BLOCKS, Window};

/// A tone is at least this many times (6 dB) the next of its group; where keys
/// are known to be near, a voice may come closer (3 dB).
const LEAD: f32 = 4.0;
const LEAD_IN_COMPANY: f32 = 1.5;
/// Row over column or the reverse, at most 16 dB.
const MOST_TWIST: f32 = 40.0;
/// Least amplitude of a tone, −63 dBFS.
const LEAST_AMPLITUDE: f32 = 0.0007;
/// Windows that may be missing in a run of one digit.
const GAP: usize = 3;

/// How closely to look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// At everything: cheap, and what is left of speech is little.
    First,
    /// Again, at a stretch in which keys were found.
    InCompany,
    /// At every seed of the first look, however weak: to learn the judge's weights.
    Whole,
}

/// A run of windows that hold one digit, and the best of them.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    pub digit: Digit,
    pub last: usize,
    pub hits: usize,
    pub best: usize,
    /// Tones' share of the energy in the best window.
    pub share: f32,
    /// Sum of the shares of all windows.
    pub weight: f32,
}

struct Hit {
    digit: Digit,
    share: f32,
}

/// All seeds in `plane`, in order.
pub fn seeds(plane: &[f32], basis: &Basis, scratch: &mut Scratch, look: Look) -> Vec<Seed> {
    let gate = Gate::of((WINDOW_BLOCKS * basis.len()) as f32, look);
    let mut done: Vec<Seed> = Vec::new();
    let mut open: Option<Seed> = None;
    for (w, window) in basis.windows(plane, gate.least_energy, scratch).iter().enumerate() {
        let Some(hit) = gate.judge(window) else { continue };
        match &mut open {
            Some(run) if run.digit == hit.digit && w - run.last <= GAP => {
                run.last = w;
                run.hits += 1;
                run.weight += hit.share;
                if hit.share > run.share {
                    (run.best, run.share) = (w, hit.share);
                }
            }
            _ => {
                done.extend(open.take());
                open = Some(Seed {
                    digit: hit.digit,
                    last: w,
                    hits: 1,
                    best: w,
                    share: hit.share,
                    weight: hit.share,
                });
            }
        }
    }
    done.extend(open);
    done
}

/// The limits for windows of one length.
struct Gate {
    frames: f32,
    lead: f32,
    /// Least power of a tone.
    floor: f32,
    /// Two tones at the floor have this energy; most of silence ends here.
    least_energy: f32,
}

impl Gate {
    fn of(frames: f32, look: Look) -> Gate {
        let lead = if look == Look::InCompany { LEAD_IN_COMPANY } else { LEAD };
        let amplitude = LEAST_AMPLITUDE * frames / 2.0;
        let floor = amplitude * amplitude;
        Gate { frames, lead, floor, least_energy: 4.0 * floor / frames }
    }

    #[inline(always)]
    fn judge(&self, window: &Window) -> Option<Hit> {
        let p = &window.powers;
        let (row, row_next) = lead([p[0], p[1], p[2], p[3]]);
        let (column, column_next) = lead([p[4], p[5], p[6], p[7]]);
        // Without shortcuts between them: a branch a window is dearer than all five.
        let fails = (row < self.floor)
            | (column < self.floor)
            | (row < self.lead * row_next)
            | (column < self.lead * column_next)
            | (row > MOST_TWIST * column)
            | (column > MOST_TWIST * row);
        if fails {
            return None;
        }
        let place = |group: &[f32], top: f32| group.iter().position(|p| *p == top).unwrap_or(0) as u8;
        let digit = Digit { row: place(&p[..4], row), column: place(&p[4..], column) };
        // |X|² = (A·n/2)² and a sine's energy is A²·n/2.
        Some(Hit { digit, share: (row + column) * 2.0 / (self.frames * window.energy) })
    }
}

/// The largest of four, and the next.
#[inline(always)]
fn lead(p: [f32; 4]) -> (f32, f32) {
    let (high, low) = (p[0].max(p[1]), p[0].min(p[1]));
    let (high_too, low_too) = (p[2].max(p[3]), p[2].min(p[3]));
    (high.max(high_too), high.min(high_too).max(low.max(low_too)))
}
