//! Goertzel's recurrence (1958): the power of a few frequencies in a window,
//! without a transform of all of them. Eight run side by side.

/// Frequencies to look for, as the recurrence's coefficients `2 cos(2πf/rate)`.
#[derive(Clone, Copy, Debug)]
pub struct Bank {
    coefficients: [f32; 8],
}

impl Bank {
    /// A bank for eight frequencies in hertz.
    pub fn new(frequencies_hz: [f32; 8], rate_hz: u32) -> Bank {
        let step = std::f64::consts::TAU / f64::from(rate_hz);
        Bank { coefficients: frequencies_hz.map(|f| (2.0 * (step * f64::from(f)).cos()) as f32) }
    }

    /// `|X(f)|²` of each frequency over `window`. A sine of amplitude A that
    /// fills the window gives about `(A·n/2)²`.
    pub fn powers(&self, window: &[f32]) -> [f32; 8] {
        let c = &self.coefficients;
        let (mut s1, mut s2) = ([0f32; 8], [0f32; 8]);
        for &x in window {
            let mut s0 = [0f32; 8];
            for k in 0..8 {
                s0[k] = x + c[k] * s1[k] - s2[k];
            }
            s2 = s1;
            s1 = s0;
        }
        let mut out = [0f32; 8];
        for k in 0..8 {
            out[k] = (s1[k] * s1[k] + s2[k] * s2[k] - c[k] * s1[k] * s2[k]).max(0.0);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The naive twin: the transform's sum at one frequency, in f64.
    fn naive(window: &[f32], f: f64, rate: f64) -> f64 {
        let (mut re, mut im) = (0f64, 0f64);
        for (n, &x) in window.iter().enumerate() {
            let phase = std::f64::consts::TAU * f * n as f64 / rate;
            re += f64::from(x) * phase.cos();
            im += f64::from(x) * phase.sin();
        }
        re * re + im * im
    }

    proptest! {
        #[test]
        fn powers_are_those_of_the_transform(
            window in prop::collection::vec(-1f32..1.0, 16..400),
            rate in prop::sample::select(vec![8_000u32, 16_000, 48_000]),
        ) {
            let f = [697.0f32, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
            for (got, f) in Bank::new(f, rate).powers(&window).into_iter().zip(f) {
                let want = naive(&window, f64::from(f), f64::from(rate));
                let scale = 1.0 + want + window.len() as f64;
                prop_assert!((f64::from(got) - want).abs() / scale < 2e-3, "{got} {want}");
            }
        }
    }
}
