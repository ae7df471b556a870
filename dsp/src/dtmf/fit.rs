//! Two sinusoids and a constant, fitted to a stretch of audio by least squares
//! (Gauss-Newton on the frequencies): what a key really sounds like here.

/// Unknowns: cos and sin of each tone, each tone's frequency, the constant.
const N: usize = 7;
const ROUNDS: usize = 3;

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
    /// Energy of the stretch about its constant, and what the model leaves of it.
    pub energy: f64,
    pub residual: f64,
    pub frames: usize,
}

impl Fit {
    /// Fits `plane[from..to]`, starting from `omega`; `None` when the stretch
    /// is too short or the tones cannot be told apart in it.
    pub fn of(plane: &[f32], from: usize, to: usize, omega: [f64; 2]) -> Option<Fit> {
        let x = plane.get(from..to)?;
        if x.len() < 4 * N {
            return None;
        }
        let origin = (from + to) / 2;
        let mut fit =
            Fit { origin, omega, cos: [0.0; 2], sin: [0.0; 2], constant: 0.0, energy: 0.0, residual: 0.0, frames: x.len() };
        // A tone cannot be told from another one further off than the stretch resolves.
        let most = std::f64::consts::PI / x.len() as f64;
        for round in 0..=ROUNDS {
            let step = fit.step(x, from, round > 0)?;
            (fit.cos, fit.sin, fit.constant) = ([step[0], step[2]], [step[1], step[3]], step[6]);
            if round > 0 && round < ROUNDS {
                for t in 0..2 {
                    fit.omega[t] += step[4 + t].clamp(-most, most);
                }
            }
        }
        fit.measure(x, from);
        (fit.residual.is_finite() && fit.energy > 0.0).then_some(fit)
    }

    /// One linear least-squares step. Amplitudes come out absolute, frequencies as a change.
    fn step(&self, x: &[f32], from: usize, frequencies: bool) -> Option<[f64; N]> {
        let (mut normal, mut right) = ([[0f64; N]; N], [0f64; N]);
        let first = from as f64 - self.origin as f64;
        let mut wave = [Wave::at(self.omega[0], first), Wave::at(self.omega[1], first)];
        for (k, &sample) in x.iter().enumerate() {
            let t = first + k as f64;
            let mut basis = [wave[0].cos, wave[0].sin, wave[1].cos, wave[1].sin, 0.0, 0.0, 1.0];
            if frequencies {
                for n in 0..2 {
                    basis[4 + n] = t * (self.sin[n] * wave[n].cos - self.cos[n] * wave[n].sin);
                }
            }
            for i in 0..N {
                right[i] += basis[i] * f64::from(sample);
                for j in i..N {
                    normal[i][j] += basis[i] * basis[j];
                }
            }
            wave.iter_mut().for_each(Wave::advance);
        }
        if !frequencies {
            (normal[4][4], normal[5][5]) = (1.0, 1.0);
        }
        solve(normal, right)
    }

    fn measure(&mut self, x: &[f32], from: usize) {
        let mut model = self.waves(from);
        let (mut energy, mut residual) = (0.0, 0.0);
        for &sample in x {
            let v = f64::from(sample) - self.constant;
            let m = model.next();
            energy += v * v;
            residual += (v - m) * (v - m);
        }
        (self.energy, self.residual) = (energy, residual);
    }

    /// Amplitude of the row tone (0) or the column tone (1).
    pub fn amplitude(&self, tone: usize) -> f64 {
        self.cos[tone].hypot(self.sin[tone])
    }

    /// Amplitude of each tone in `x` over that of the fit: one period or more, roughly.
    pub fn levels(&self, x: &[f32]) -> [f64; 2] {
        [0, 1].map(|t| {
            let (mut wave, mut sums) = (Wave::at(self.omega[t], 0.0), (0.0, 0.0));
            for &sample in x {
                let v = f64::from(sample) - self.constant;
                sums = (sums.0 + v * wave.cos, sums.1 + v * wave.sin);
                wave.advance();
            }
            sums.0.hypot(sums.1) * 2.0 / (x.len() as f64 * self.amplitude(t)).max(1e-12)
        })
    }

    /// The constant under the tones.
    pub fn constant(&self) -> f64 {
        self.constant
    }

    /// Share of the energy that the two tones explain, 0 to 1.
    pub fn share(&self) -> f64 {
        (1.0 - self.residual / self.energy).max(0.0)
    }

    /// The tones from sample `at` on, without the constant.
    pub fn waves(&self, at: usize) -> Waves {
        let t = at as f64 - self.origin as f64;
        Waves { wave: [Wave::at(self.omega[0], t), Wave::at(self.omega[1], t)], cos: self.cos, sin: self.sin }
    }
}

/// The model's samples one after the other.
pub struct Waves {
    wave: [Wave; 2],
    cos: [f64; 2],
    sin: [f64; 2],
}

impl Waves {
    pub fn next(&mut self) -> f64 {
        let value = (0..2).map(|n| self.cos[n] * self.wave[n].cos + self.sin[n] * self.wave[n].sin).sum();
        self.wave.iter_mut().for_each(Wave::advance);
        value
    }
}

/// cos and sin of a running phase, by rotation.
struct Wave {
    cos: f64,
    sin: f64,
    step: (f64, f64),
}

impl Wave {
    fn at(omega: f64, t: f64) -> Wave {
        let (sin, cos) = (omega * t).sin_cos();
        let (step_sin, step_cos) = omega.sin_cos();
        Wave { cos, sin, step: (step_cos, step_sin) }
    }

    fn advance(&mut self) {
        (self.cos, self.sin) =
            (self.cos * self.step.0 - self.sin * self.step.1, self.sin * self.step.0 + self.cos * self.step.1);
    }
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
            phase in (0f64..6.28, 0f64..6.28), dc in -0.2f64..0.2, off in (-8f64..8.0, -8f64..8.0),
        ) {
            let w = |hz: f64| std::f64::consts::TAU * hz / 8_000.0;
            let plane: Vec<f32> = (0..200)
                .map(|k| (dc + a.0 * (w(f.0) * k as f64 + phase.0).sin() + a.1 * (w(f.1) * k as f64 + phase.1).sin()) as f32)
                .collect();
            let fit = Fit::of(&plane, 20, 180, [w(f.0 + off.0), w(f.1 + off.1)]).expect("a fit");
            prop_assert!((fit.omega[0] - w(f.0)).abs() < 1e-4, "{} {}", fit.omega[0], w(f.0));
            prop_assert!((fit.omega[1] - w(f.1)).abs() < 1e-4);
            prop_assert!((fit.amplitude(0) - a.0).abs() < 2e-3 && (fit.amplitude(1) - a.1).abs() < 2e-3);
            prop_assert!(fit.share() > 0.999);
        }
    }
}
