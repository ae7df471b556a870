//! Two sinusoids and a constant, fitted to a stretch of audio by least squares
//! (Gauss-Newton on the frequencies): what a key really sounds like here.
#![allow(
    clippy::needless_range_loop,
    reason = "lanes and taps are numbered as the standard or the vector has them"
)]

/// Unknowns: cos and sin of each tone, each tone's frequency, the constant.
const N: usize = 7;
/// Frames in the longest stretch: 24 ms at 16 kHz.
const MOST: usize = 400;
/// The unknowns' waves over a stretch.
type Columns = [[f32; MOST]; N];

/// The model `c + Σ a·cos(ωk) + b·sin(ωk)`, `k` in samples from `origin`.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    /// The sample that the phases count from.
    pub origin: usize,
    /// Radians a sample: row, column.
    pub omega: [f64; 2],
    cos: [f64; 2],
    sin: [f64; 2],
    constant: f64,
    pub frames: usize,
}

impl Fit {
    /// Fits `plane[from..to]`, starting from `omega`; `None` when the stretch
    /// is too short or the tones cannot be told apart in it. One round brings
    /// the frequencies near, which is enough for a neighbour of a fit.
    pub fn near(plane: &[f32], from: usize, to: usize, omega: [f64; 2]) -> Option<Fit> {
        Fit::fitted(plane, from, to, omega, true)
    }

    /// The frequencies as good as [`Fit::near`]'s, the amplitudes as they fit
    /// `omega`: enough to tell most of speech from a key.
    pub fn rough(plane: &[f32], from: usize, to: usize, omega: [f64; 2]) -> Option<Fit> {
        Fit::fitted(plane, from, to, omega, false)
    }

    fn fitted(plane: &[f32], from: usize, to: usize, omega: [f64; 2], again: bool) -> Option<Fit> {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the function's only demand is that the machine has AVX2
            // and FMA, which the line above asked it.
            #[allow(unsafe_code, reason = "measured: a third off the time of a fit")]
            return unsafe { Fit::fitted_avx2(plane, from, to, omega, again) };
        }
        Fit::fitted_scalar(plane, from, to, omega, again)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn fitted_avx2(plane: &[f32], from: usize, to: usize, omega: [f64; 2], again: bool) -> Option<Fit> {
        Fit::fitted_scalar(plane, from, to, omega, again)
    }

    /// The same on any machine.
    #[inline(always)]
    fn fitted_scalar(plane: &[f32], from: usize, to: usize, omega: [f64; 2], again: bool) -> Option<Fit> {
        let x = plane.get(from..to)?;
        if x.len() < 4 * N || x.len() > MOST {
            return None;
        }
        let mut basis: Columns = [[0.0; MOST]; N];
        let origin = (from + to) / 2;
        let mut fit = Fit { origin, omega, cos: [0.0; 2], sin: [0.0; 2], constant: 0.0, frames: x.len() };
        // A tone cannot be told from another one further off than the stretch resolves.
        let most = std::f64::consts::PI / x.len() as f64;
        fit.fill(&mut basis, x.len(), from);
        fit.set(&fit.step(x, &mut basis, false)?);
        let step = fit.step(x, &mut basis, true)?;
        for t in 0..2 {
            fit.omega[t] += step[4 + t].clamp(-most, most);
        }
        if again {
            fit.fill(&mut basis, x.len(), from);
            fit.set(&fit.step(x, &mut basis, false)?);
        }
        fit.omega.iter().chain(&fit.cos).chain(&fit.sin).all(|v| v.is_finite()).then_some(fit)
    }

    fn set(&mut self, step: &[f64; N]) {
        (self.cos, self.sin, self.constant) = ([step[0], step[2]], [step[1], step[3]], step[6]);
    }

    /// One linear least-squares step. Amplitudes come out absolute, frequencies as a change.
    #[inline(always)]
    fn step(&self, x: &[f32], basis: &mut Columns, frequencies: bool) -> Option<[f64; N]> {
        let len = x.len();
        // Time runs from −1 to 1 in the columns, for the sake of the arithmetic.
        let scale = 2.0 / len as f64;
        if frequencies {
            let [c0, s0, c1, s1, d0, d1, _] = basis;
            for (n, (d, c, s)) in [(d0, &*c0, &*s0), (d1, &*c1, &*s1)].into_iter().enumerate() {
                let (a, b) = (self.cos[n] as f32, self.sin[n] as f32);
                let half = len as f32 / 2.0;
                for k in 0..len {
                    d[k] = (k as f32 - half) * scale as f32 * (b * c[k] - a * s[k]);
                }
            }
        }
        let (mut normal, mut right) = ([[0f64; N]; N], [0f64; N]);
        for i in 0..N {
            if !frequencies && (i == 4 || i == 5) {
                normal[i][i] = 1.0;
                continue;
            }
            right[i] = dot(&basis[i][..len], x);
            for j in i..N {
                if frequencies || (j != 4 && j != 5) {
                    normal[i][j] = dot(&basis[i][..len], &basis[j][..len]);
                }
            }
        }
        let mut step = solve(normal, right)?;
        (step[4], step[5]) = (step[4] * scale, step[5] * scale);
        Some(step)
    }

    /// cos and sin of both tones over the stretch, and the constant.
    #[inline(always)]
    fn fill(&self, basis: &mut Columns, len: usize, from: usize) {
        let t = from as f64 - self.origin as f64;
        for n in 0..2 {
            let mut wave = Wave::at(self.omega[n], t);
            for first in (0..len).step_by(LANES) {
                // MOST is a multiple of LANES: what is past `len` is never read.
                basis[2 * n][first..first + LANES].copy_from_slice(&wave.cos);
                basis[2 * n + 1][first..first + LANES].copy_from_slice(&wave.sin);
                wave.advance();
            }
        }
        basis[6][..len].fill(1.0);
    }

    /// What the model leaves of `x`, which begins at sample `from`; the energies of both, about the constant.
    pub fn rest(&self, x: &[f32], from: usize) -> (Vec<f32>, Energies) {
        let constant = self.constant as f32;
        let rest: Vec<f32> = x.iter().zip(self.model(from, x.len())).map(|(x, m)| x - constant - m).collect();
        let energy = |v: &[f32], off: f32| v.iter().map(|x| f64::from(x - off).powi(2)).sum();
        let energies = Energies { all: energy(x, constant), rest: energy(&rest, 0.0) };
        (rest, energies)
    }

    /// Amplitude of the row tone (0) or the column tone (1).
    pub fn amplitude(&self, tone: usize) -> f64 {
        self.cos[tone].hypot(self.sin[tone])
    }

    /// Amplitude of each tone in `x` over that of the fit: one period or more, roughly.
    pub fn levels(&self, x: &[f32]) -> [f64; 2] {
        [0, 1].map(|t| {
            let (mut wave, mut sums) = (Wave::at(self.omega[t], 0.0), (0f32, 0f32));
            for eight in x.chunks(LANES) {
                for (l, v) in eight.iter().map(|v| v - self.constant as f32).enumerate() {
                    sums = (sums.0 + v * wave.cos[l], sums.1 + v * wave.sin[l]);
                }
                wave.advance();
            }
            let sums = (f64::from(sums.0), f64::from(sums.1));
            sums.0.hypot(sums.1) * 2.0 / (x.len() as f64 * self.amplitude(t)).max(1e-12)
        })
    }

    /// The constant under the tones.
    pub fn constant(&self) -> f64 {
        self.constant
    }

    /// `len` samples of the tones from sample `at` on, without the constant.
    pub fn model(&self, at: usize, len: usize) -> Vec<f32> {
        let t = at as f64 - self.origin as f64;
        let mut waves = [0, 1].map(|n| Wave::at(self.omega[n], t));
        let [a, b] = [0, 1].map(|n| (self.cos[n] as f32, self.sin[n] as f32));
        let mut out = Vec::with_capacity(len + LANES);
        while out.len() < len {
            let [v, w] = &waves;
            let eight: [f32; LANES] =
                std::array::from_fn(|l| a.0 * v.cos[l] + a.1 * v.sin[l] + b.0 * w.cos[l] + b.1 * w.sin[l]);
            out.extend_from_slice(&eight);
            waves.iter_mut().for_each(Wave::advance);
        }
        out.truncate(len);
        out
    }
}

/// Energies of a stretch and of what a model leaves of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Energies {
    pub all: f64,
    pub rest: f64,
}

impl Energies {
    /// Share of the energy that the two tones explain, 0 to 1.
    pub fn share(&self) -> f64 {
        (1.0 - self.rest / self.all.max(1e-18)).max(0.0)
    }
}

/// Samples of a wave that are made side by side.
const LANES: usize = 8;

/// cos and sin of a running phase over eight samples, by rotation.
struct Wave {
    cos: [f32; LANES],
    sin: [f32; LANES],
    step: (f32, f32),
}

impl Wave {
    #[inline(always)]
    fn at(omega: f64, t: f64) -> Wave {
        let (mut cos, mut sin) = ([0f32; LANES], [0f32; LANES]);
        let (first, one) = ((omega * t).sin_cos(), omega.sin_cos());
        let (mut s, mut c) = first;
        for l in 0..LANES {
            (cos[l], sin[l]) = (c as f32, s as f32);
            (c, s) = (c * one.1 - s * one.0, s * one.1 + c * one.0);
        }
        let (step_sin, step_cos) = (omega * LANES as f64).sin_cos();
        Wave { cos, sin, step: (step_cos as f32, step_sin as f32) }
    }

    #[inline(always)]
    fn advance(&mut self) {
        let (c, s) = self.step;
        for l in 0..LANES {
            let cos = self.cos[l] * c - self.sin[l] * s;
            self.sin[l] = self.sin[l] * c + self.cos[l] * s;
            self.cos[l] = cos;
        }
    }
}

/// In eight lanes: a single running sum would wait for every addition.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0f32; 16];
    let (x, x_rest) = a.as_chunks::<16>();
    let (y, y_rest) = b.as_chunks::<16>();
    for (x, y) in x.iter().zip(y) {
        for j in 0..16 {
            lanes[j] += x[j] * y[j];
        }
    }
    let rest: f32 = x_rest.iter().zip(y_rest).map(|(a, b)| a * b).sum();
    f64::from(lanes.iter().sum::<f32>() + rest)
}

/// Cholesky for the symmetric normal equations (upper half given).
fn solve(mut a: [[f64; N]; N], mut b: [f64; N]) -> Option<[f64; N]> {
    for i in 0..N {
        for k in 0..i {
            a[i][i] -= a[k][i] * a[k][i];
        }
        if a[i][i] <= 1e-12 {
            return None;
        }
        a[i][i] = a[i][i].sqrt();
        for j in i + 1..N {
            for k in 0..i {
                a[i][j] -= a[k][i] * a[k][j];
            }
            a[i][j] /= a[i][i];
        }
        for k in 0..i {
            b[i] -= a[k][i] * b[k];
        }
        b[i] /= a[i][i];
    }
    for i in (0..N).rev() {
        for j in i + 1..N {
            b[i] -= a[i][j] * b[j];
        }
        b[i] /= a[i][i];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_tones_that_are_there_come_out(
            f in (680f64..960.0, 1_190f64..1_660.0), a in (0.05f64..0.5, 0.05f64..0.5),
            phase in (0f64..6.0, 0f64..6.0), dc in -0.2f64..0.2, off in (-8f64..8.0, -8f64..8.0),
        ) {
            let w = |hz: f64| std::f64::consts::TAU * hz / 8_000.0;
            let plane: Vec<f32> = (0..200)
                .map(|k| (dc + a.0 * (w(f.0) * k as f64 + phase.0).sin() + a.1 * (w(f.1) * k as f64 + phase.1).sin()) as f32)
                .collect();
            let rough = Fit::near(&plane, 20, 180, [w(f.0 + off.0), w(f.1 + off.1)]).expect("a fit");
            let fit = Fit::near(&plane, 20, 180, rough.omega).expect("a fit");
            let twin = Fit::fitted_scalar(&plane, 20, 180, rough.omega, true).expect("a fit");
            prop_assert!((0..2).all(|t| (fit.omega[t] - twin.omega[t]).abs() < 1e-5));
            prop_assert!((0..2).all(|t| (fit.amplitude(t) - twin.amplitude(t)).abs() < 1e-3));
            prop_assert!((fit.omega[0] - w(f.0)).abs() < 1e-4, "{} {}", fit.omega[0], w(f.0));
            prop_assert!((fit.omega[1] - w(f.1)).abs() < 1e-4);
            prop_assert!((fit.amplitude(0) - a.0).abs() < 2e-3 && (fit.amplitude(1) - a.1).abs() < 2e-3);
            prop_assert!(fit.rest(&plane[20..180], 20).1.share() > 0.999);
        }
    }
}
