//! The way in: any rate to about 8 kHz by a short linear-phase filter. The
//! keys' tones end at 1.7 kHz, so only what would fold onto them must go.

/// The highest rate that is worked on as it is.
const NATIVE_HZ: u32 = 8_000;

/// Keeps every `factor`-th sample of low-passed audio.
pub struct Front {
    pub factor: usize,
    taps: Vec<f32>,
}

impl Front {
    pub fn new(rate_hz: u32) -> Front {
        let factor = (rate_hz / NATIVE_HZ).max(1) as usize;
        if factor == 1 {
            return Front { factor, taps: vec![1.0] };
        }
        // Cut in the middle between the pass band (1.75 kHz) and what folds
        // onto it; Hamming's window is 3.3/N wide.
        let out = f64::from(rate_hz) / factor as f64;
        let width = (out - 3_500.0) / f64::from(rate_hz);
        let half = (3.3 / width / 2.0).ceil() as i64;
        let cut = out / 2.0 / f64::from(rate_hz);
        let raw: Vec<f64> = (-half..=half)
            .map(|k| {
                let x = std::f64::consts::TAU * cut * k as f64;
                let sinc = if k == 0 { 1.0 } else { x.sin() / x };
                sinc * (0.54 + 0.46 * (std::f64::consts::PI * k as f64 / half as f64).cos())
            })
            .collect();
        let sum: f64 = raw.iter().sum();
        Front { factor, taps: raw.iter().map(|t| (t / sum) as f32).collect() }
    }

    /// Rate of what comes out.
    pub fn rate_hz(&self, rate_hz: u32) -> f64 {
        f64::from(rate_hz) / self.factor as f64
    }

    /// Sample n of the answer stands where sample `n·factor` of `plane` does; outside is silence.
    pub fn pass(&self, plane: &[f32]) -> Vec<f32> {
        if self.factor == 1 {
            return plane.to_vec();
        }
        let half = self.taps.len() / 2;
        (0..plane.len() / self.factor).map(|n| self.at(plane, n * self.factor, half)).collect()
    }

    fn at(&self, plane: &[f32], centre: usize, half: usize) -> f32 {
        let from = centre.saturating_sub(half);
        let to = (centre + half + 1).min(plane.len());
        let taps = &self.taps[from + half - centre..];
        let mut lanes = [0f32; 8];
        let (x, x_rest) = plane[from..to].as_chunks::<8>();
        let (t, t_rest) = taps.as_chunks::<8>();
        for (x, t) in x.iter().zip(t) {
            for j in 0..8 {
                lanes[j] += x[j] * t[j];
            }
        }
        let rest: f32 = x_rest
            .iter()
            .zip(t_rest.iter().chain(t.get(x.len()).into_iter().flatten()))
            .map(|(x, t)| x * t)
            .sum();
        lanes.iter().sum::<f32>() + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(rate: u32, hz: f64) -> f64 {
        let plane: Vec<f32> = (0..rate as usize)
            .map(|k| (std::f64::consts::TAU * hz * k as f64 / f64::from(rate)).sin() as f32)
            .collect();
        let out = Front::new(rate).pass(&plane);
        let inner = &out[out.len() / 4..out.len() / 2];
        20.0 * (inner.iter().map(|x| f64::from(x * x)).sum::<f64>() / inner.len() as f64 * 2.0).sqrt().log10()
    }

    #[test]
    fn the_keys_tones_pass_and_what_folds_onto_them_does_not() {
        for rate in [16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000] {
            for hz in [697.0, 1_209.0, 1_633.0] {
                assert!(level(rate, hz).abs() < 1.0, "{rate}: {hz} Hz is {} dB", level(rate, hz));
                let folded = Front::new(rate).rate_hz(rate) - hz;
                if folded < f64::from(rate) / 2.0 {
                    assert!(level(rate, folded) < -40.0, "{rate}: {folded} Hz is {} dB", level(rate, folded));
                }
            }
        }
    }

    #[test]
    fn a_sample_keeps_its_place() {
        for rate in [8_000, 11_025, 16_000, 44_100, 48_000] {
            let front = Front::new(rate);
            let mut plane = vec![0f32; 4_000];
            plane[100 * front.factor] = 1.0;
            let out = front.pass(&plane);
            let top = (0..out.len()).max_by(|a, b| out[*a].total_cmp(&out[*b]));
            assert_eq!(top, Some(100), "{rate}");
        }
    }
}
