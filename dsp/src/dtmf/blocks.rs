//! The kernel: every 5 ms block of audio, correlated with the eight tones.
//!
//! A window of the coarse pass is the sum of neighbouring blocks, each turned
//! by the phase between them, so that no sample is multiplied twice although
//! the windows overlap.
#![allow(
    clippy::needless_range_loop,
    reason = "lanes and taps are numbered as the standard or the vector has them"
)]

use super::TONES_HZ;

/// A block in seconds: three make the coarse window of 15 ms, whose 67 Hz of
/// resolution parts the rows (73 to 89 Hz).
const BLOCK_S: f64 = 0.005;
/// Blocks in a window.
pub const WINDOW_BLOCKS: usize = 3;
/// Independent sums that hide the latency of an addition.
const LANES: usize = 4;

/// `Σ x[k]·e^{-jωk}` of one block for the eight tones, `k` from the block's
/// first sample: eight real parts, eight imaginary ones.
type Sums = [f32; 16];

#[derive(Clone, Copy, Default)]
struct Block {
    sums: Sums,
    energy: f32,
    total: f32,
}

/// What a window of [`WINDOW_BLOCKS`] blocks holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// `|X|²` of the eight tones.
    pub powers: [f32; 8],
    /// `Σ x²` about the mean: neither an offset nor most of a mains hum counts.
    pub energy: f32,
}

/// Memory that one look leaves to the next: giving it back and taking it anew
/// costs a sixth of the whole search.
#[derive(Default)]
pub struct Scratch {
    blocks: Vec<Block>,
    windows: Vec<Window>,
}

/// The tones' waves over one block, for one rate.
pub struct Basis {
    table: Vec<Sums>,
    /// `e^{-jωb}` for a block of b samples.
    turn: Sums,
}

impl Basis {
    pub fn new(rate_hz: f64) -> Basis {
        let len = (rate_hz * BLOCK_S).round().max(8.0) as usize;
        let at = |k: usize| {
            let mut row = [0f32; 16];
            for (j, tone) in TONES_HZ.iter().enumerate() {
                let phase = std::f64::consts::TAU * f64::from(*tone) * k as f64 / rate_hz;
                (row[j], row[j + 8]) = (phase.cos() as f32, -phase.sin() as f32);
            }
            row
        };
        Basis { table: (0..len).map(at).collect(), turn: at(len) }
    }

    /// Samples in a block.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// One window a block of `plane`, the first from its first sample on; a
    /// window of less energy than `least_energy` may be left empty.
    pub fn windows<'s>(&self, plane: &[f32], least_energy: f32, scratch: &'s mut Scratch) -> &'s [Window] {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the function's only demand is that the machine has AVX2
            // and FMA, which the line above asked it.
            #[allow(unsafe_code, reason = "measured: three times the speed of the baseline's SSE2")]
            unsafe {
                self.windows_avx2(plane, least_energy, scratch);
            }
            return &scratch.windows;
        }
        self.windows_scalar(plane, least_energy, scratch);
        &scratch.windows
    }

    /// The same on any machine.
    pub fn windows_scalar(&self, plane: &[f32], least_energy: f32, scratch: &mut Scratch) {
        self.all(plane, least_energy, scratch, |a, b, c| a * b + c);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn windows_avx2(&self, plane: &[f32], least_energy: f32, scratch: &mut Scratch) {
        self.all(plane, least_energy, scratch, f32::mul_add);
    }

    #[inline(always)]
    fn all(
        &self,
        plane: &[f32],
        least_energy: f32,
        scratch: &mut Scratch,
        mul_add: impl Fn(f32, f32, f32) -> f32 + Copy,
    ) {
        let Scratch { blocks, windows } = scratch;
        blocks.clear();
        windows.clear();
        // Loops, no closures: only what is inlined here is compiled for the machine's own vectors.
        for x in plane.chunks_exact(self.len()) {
            let (energy, total) = moments(x, mul_add);
            // A block far below the least cannot make a window.
            let loud = energy * 8.0 >= least_energy;
            let sums = if loud { sums(x, &self.table, mul_add) } else { [0f32; 16] };
            blocks.push(Block { sums, energy, total });
        }
        for three in blocks.array_windows() {
            windows.push(self.window(three, least_energy, mul_add));
        }
    }

    #[inline(always)]
    fn window(
        &self,
        blocks: &[Block; WINDOW_BLOCKS],
        least_energy: f32,
        mul_add: impl Fn(f32, f32, f32) -> f32 + Copy,
    ) -> Window {
        let [a, b, c] = blocks;
        let total = a.total + b.total + c.total;
        let energy = a.energy + b.energy + c.energy - total * total / (WINDOW_BLOCKS * self.len()) as f32;
        if energy < least_energy {
            return Window { energy, ..Window::default() };
        }
        let sums = self.before(&a.sums, &self.before(&b.sums, &c.sums, mul_add), mul_add);
        let mut powers = [0f32; 8];
        for j in 0..8 {
            powers[j] = mul_add(sums[j], sums[j], sums[j + 8] * sums[j + 8]);
        }
        Window { powers, energy }
    }

    /// `a` with `b` following a block later: `a + b·e^{-jωb}`.
    #[inline(always)]
    fn before(&self, a: &Sums, b: &Sums, mul_add: impl Fn(f32, f32, f32) -> f32) -> Sums {
        let (t, mut out) = (&self.turn, [0f32; 16]);
        for j in 0..8 {
            out[j] = mul_add(b[j], t[j], mul_add(-b[j + 8], t[j + 8], a[j]));
            out[j + 8] = mul_add(b[j], t[j + 8], mul_add(b[j + 8], t[j], a[j + 8]));
        }
        out
    }
}

#[inline(always)]
fn sums(x: &[f32], table: &[Sums], mul_add: impl Fn(f32, f32, f32) -> f32 + Copy) -> Sums {
    let mut lanes = [[0f32; 16]; LANES];
    let (quads, rest) = x.as_chunks::<LANES>();
    let (rows, rest_rows) = table.as_chunks::<LANES>();
    for (x, rows) in quads.iter().zip(rows) {
        for lane in 0..LANES {
            for j in 0..16 {
                lanes[lane][j] = mul_add(x[lane], rows[lane][j], lanes[lane][j]);
            }
        }
    }
    for (x, row) in rest.iter().zip(rest_rows) {
        for j in 0..16 {
            lanes[0][j] = mul_add(*x, row[j], lanes[0][j]);
        }
    }
    std::array::from_fn(|j| (lanes[0][j] + lanes[1][j]) + (lanes[2][j] + lanes[3][j]))
}

/// The sum of eight lanes, in three steps instead of eight.
#[inline(always)]
fn tree(v: [f32; 8]) -> f32 {
    ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
}

/// `Σ x²` and `Σ x`.
#[inline(always)]
fn moments(x: &[f32], mul_add: impl Fn(f32, f32, f32) -> f32) -> (f32, f32) {
    let (mut squares, mut totals) = ([0f32; 8], [0f32; 8]);
    let (eights, rest) = x.as_chunks::<8>();
    for x in eights {
        for j in 0..8 {
            squares[j] = mul_add(x[j], x[j], squares[j]);
            totals[j] += x[j];
        }
    }
    let (mut square, mut total) = (0f32, 0f32);
    for x in rest {
        square += x * x;
        total += x;
    }
    (tree(squares) + square, tree(totals) + total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The naive twin: the transform's sum at one frequency, in f64.
    fn naive(x: &[f32], hz: f64, rate: f64) -> f64 {
        let (mut re, mut im) = (0f64, 0f64);
        for (k, &v) in x.iter().enumerate() {
            let phase = std::f64::consts::TAU * hz * k as f64 / rate;
            re += f64::from(v) * phase.cos();
            im -= f64::from(v) * phase.sin();
        }
        re * re + im * im
    }

    proptest! {
        #[test]
        fn the_machine_s_kernel_the_scalar_one_and_the_transform_agree(
            plane in prop::collection::vec(-1f32..1.0, 200..900),
            rate in prop::sample::select(vec![7_350.0f64, 8_000.0, 8_820.0, 11_025.0, 12_000.0]),
        ) {
            let basis = Basis::new(rate);
            let (mut fast, mut slow) = (Scratch::default(), Scratch::default());
            let fast = basis.windows(&plane, 0.0, &mut fast);
            basis.windows_scalar(&plane, 0.0, &mut slow);
            prop_assert_eq!(fast.len() + WINDOW_BLOCKS - 1, plane.len() / basis.len());
            for (n, (f, s)) in fast.iter().zip(&slow.windows).enumerate() {
                let x = &plane[n * basis.len()..(n + WINDOW_BLOCKS) * basis.len()];
                let mean: f32 = x.iter().sum::<f32>() / x.len() as f32;
                let energy: f32 = x.iter().map(|v| (v - mean) * (v - mean)).sum();
                prop_assert!((f.energy - s.energy).abs() < 1e-3 && (f.energy - energy).abs() < 1e-3);
                for j in 0..8 {
                    let want = naive(x, f64::from(TONES_HZ[j]), rate);
                    prop_assert!((f.powers[j] - s.powers[j]).abs() < 1e-2 * (1.0 + s.powers[j]));
                    prop_assert!((f64::from(f.powers[j]) - want).abs() < 1e-2 * (1.0 + want));
                }
            }
        }
    }
}
