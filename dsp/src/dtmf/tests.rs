//! The receiver's promises, from the limits of Q.24 and beyond where a redactor must go beyond.

use super::*;

/// Tones on noise: seeded, so that every run hears the same.
struct Line {
    rate: u32,
    plane: Vec<f32>,
    seed: u64,
}

impl Line {
    fn new(rate: u32, noise: f32) -> Line {
        let mut line = Line { rate, plane: Vec::new(), seed: 7 };
        line.plane = (0..rate * 2).map(|_| 0.0).collect();
        for k in 0..line.plane.len() {
            line.plane[k] = line.white() * noise;
        }
        line
    }

    fn white(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.seed >> 40) as f32 / 8_388_608.0) - 1.0
    }

    /// Adds a digit; levels are amplitudes of one tone each.
    fn key(&mut self, symbol: char, at_s: f64, len_s: f64, row: f32, column: f32) -> Span {
        let (r, c) = (0..16).map(|i| (i / 4, i % 4)).find(|&(r, c)| SYMBOLS[r][c] == symbol).expect("a key");
        let hz = f64::from(self.rate);
        let span = Span::new((at_s * hz) as u64, ((at_s + len_s) * hz) as u64);
        for k in span.start..span.end {
            let t = std::f64::consts::TAU * k as f64 / hz;
            self.plane[k as usize] += row * (t * f64::from(TONES_HZ[r])).sin() as f32
                + column * (t * f64::from(TONES_HZ[4 + c])).sin() as f32;
        }
        span
    }

    fn found(&self) -> (String, Vec<Span>) {
        let tones = detect(&self.plane, Rate::new(self.rate).expect("a rate"));
        (tones.iter().map(|t| t.digit.symbol()).collect(), tones.iter().map(|t| t.span).collect())
    }
}

#[test]
fn all_sixteen_keys_are_found_at_every_rate() {
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
        let mut line = Line::new(rate, 0.001);
        for (n, symbol) in "1234567890*#ABCD".chars().enumerate() {
            line.key(symbol, 0.1 + 0.1 * n as f64, 0.05, 0.2, 0.2);
        }
        assert_eq!(line.found().0, "1234567890*#ABCD", "{rate} Hz");
    }
}

#[test]
fn bursts_from_20_ms_and_levels_from_minus_42_dbm0_are_found() {
    for len_s in [0.020, 0.023, 0.030, 0.040, 0.1] {
        for start in 0..13 {
            let mut line = Line::new(8_000, 0.0005);
            line.key('5', 0.5 + f64::from(start) * 0.001, len_s, 0.15, 0.15);
            assert_eq!(line.found().0, "5", "{len_s} s at +{start} ms");
        }
    }
    for dbm0 in [0.0f32, -10.0, -25.0, -42.0] {
        // 0 dBm0 lies 3 dB below full scale; each tone carries half of the power.
        let amplitude = 10f32.powf((dbm0 - 3.0) / 20.0) * 0.7;
        let mut line = Line::new(8_000, amplitude * 0.02);
        line.key('8', 0.5, 0.06, amplitude, amplitude);
        assert_eq!(line.found().0, "8", "{dbm0} dBm0");
    }
}

#[test]
fn twist_of_10_db_either_way_is_accepted() {
    for (row, column) in [(0.3, 0.095), (0.095, 0.3)] {
        let mut line = Line::new(8_000, 0.001);
        line.key('7', 0.5, 0.06, row, column);
        assert_eq!(line.found().0, "7");
    }
}

#[test]
fn every_frame_of_a_tone_is_inside_its_span_and_little_more() {
    for rate in [8_000, 16_000, 48_000] {
        for start in 0..20 {
            let mut line = Line::new(rate, 0.001);
            let truth = line.key('3', 0.4 + f64::from(start) * 0.0007, 0.08, 0.2, 0.1);
            let (_, spans) = line.found();
            assert_eq!(spans.len(), 1);
            let most = u64::from(rate) * 12 / 1_000;
            assert!(spans[0].start <= truth.start && truth.start - spans[0].start <= most);
            assert!(spans[0].end >= truth.end && spans[0].end - truth.end <= most);
        }
    }
}

#[test]
fn a_tone_under_noise_at_6_db_is_found() {
    let mut line = Line::new(8_000, 0.17);
    line.key('9', 0.7, 0.1, 0.2, 0.2);
    assert!(line.found().0.contains('9'));
}

#[test]
fn noise_single_tones_and_dial_tone_are_no_digits() {
    assert_eq!(Line::new(8_000, 0.3).found().0, "");
    let mut line = Line::new(8_000, 0.001);
    for k in 0..line.plane.len() {
        let t = std::f64::consts::TAU * k as f64 / 8_000.0;
        line.plane[k] += ((t * 350.0).sin() + (t * 440.0).sin()) as f32 * 0.2;
    }
    assert_eq!(line.found().0, "");
    let mut line = Line::new(8_000, 0.001);
    line.key('1', 0.5, 0.2, 0.3, 0.0);
    assert_eq!(line.found().0, "");
}

#[test]
fn a_digit_says_nothing_of_itself() {
    assert_eq!(format!("{:?}", Digit { row: 1, column: 2 }), "Digit");
}
