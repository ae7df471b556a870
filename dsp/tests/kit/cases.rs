//! What must be found: each category turns one screw of the standards.

use super::signal::*;
use super::{Case, Truth, voices};

/// A signal under construction: keys one after another with pauses.
struct Builder {
    rate: u32,
    plane: Vec<f32>,
    truths: Vec<Truth>,
    at_s: f64,
    dice: Dice,
}

impl Builder {
    fn new(rate: u32, seconds: f64, seed: u64) -> Builder {
        let mut dice = Dice::new(seed);
        let at_s = 0.25 + dice.within(0.0, 0.02);
        Builder {
            rate,
            plane: vec![0.0; (seconds * f64::from(rate)) as usize],
            truths: Vec::new(),
            at_s,
            dice,
        }
    }

    fn key(&mut self, key: Key, pause_s: f64, must: bool) {
        let (start, end) = add_key(&mut self.plane, f64::from(self.rate), self.at_s, &key, &mut self.dice);
        self.truths.push(Truth { digit: DIGITS[key.digit], start, end, must });
        self.at_s += key.len_s + pause_s + self.dice.within(0.0, 0.01);
    }

    fn done(mut self, category: &'static str, condition: String) -> Case {
        let end = ((self.at_s + 0.2) * f64::from(self.rate)) as usize;
        self.plane.truncate(end.min(self.plane.len()));
        quantize(&mut self.plane);
        Case { category, condition, rate: self.rate, plane: self.plane, truths: self.truths }
    }
}

/// All sixteen keys with `len_s`, `pause_s` and `dbm0`, changed by `change`.
fn keys(
    b: &mut Builder,
    len_s: f64,
    pause_s: f64,
    dbm0: f64,
    must: bool,
    change: impl Fn(&mut Key, &mut Dice),
) {
    for digit in 0..16 {
        let mut key = Key::plain(digit, len_s, dbm0);
        change(&mut key, &mut b.dice);
        b.key(key, pause_s, must);
    }
}

pub fn all() -> Vec<Case> {
    let voice = voices::talker(120.0);
    let mut out = Vec::new();
    clean(&mut out);
    frequency(&mut out);
    twist(&mut out);
    level(&mut out);
    short(&mut out);
    noise(&mut out);
    talkers(&mut out, &voice);
    impairments(&mut out, &voice);
    everything(&mut out, &voice);
    super::codecs::add(&mut out);
    out
}

/// All screws at once, within what a redactor must take.
fn everything(out: &mut Vec<Case>, voice: &[f32]) {
    for seed in 0..120u64 {
        let mut b = Builder::new(8_000, 12.0, 2_000 + seed);
        let dbm0 = b.dice.within(-30.0, 0.0);
        let kind = ["noise", "talker", "hum", "quiet"][seed as usize % 4];
        // The shorter the burst, the less may be on top of it.
        let snr = b.dice.within(6.0, 30.0);
        let shortest = if snr > 18.0 {
            0.02
        } else if snr > 12.0 {
            0.03
        } else {
            0.05
        };
        let mut loudest = dbm0;
        for digit in 0..16 {
            let twist = b.dice.within(-9.0, 9.0);
            let mut key = Key::plain(digit, b.dice.within(shortest, 0.15), dbm0);
            (key.row_dbm0, key.column_dbm0) = (dbm0 - twist.max(0.0), dbm0 + twist.min(0.0));
            (key.row_off, key.column_off) = (b.dice.within(-0.016, 0.016), b.dice.within(-0.016, 0.016));
            loudest = loudest.min(key.row_dbm0.min(key.column_dbm0));
            b.key(key, 0.08, true);
        }
        let rms = amplitude(loudest) * 10f64.powf(-snr / 20.0);
        match kind {
            "noise" => add_noise(&mut b.plane, rms, &mut b.dice),
            "talker" => {
                let from = b.dice.below(voice.len());
                add_looped(&mut b.plane, voice, from, rms);
            }
            "hum" => {
                add_sine(&mut b.plane, 8e3, 60.0, amplitude(dbm0), 0.0);
                add_sine(&mut b.plane, 8e3, 180.0, amplitude(dbm0) / 3.0, 1.0);
                add_noise(&mut b.plane, rms / 2.0, &mut b.dice);
            }
            _ => {}
        }
        out.push(b.done("everything", kind.to_owned()));
    }
}

fn clean(out: &mut Vec<Case>) {
    for (n, rate) in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000].into_iter().enumerate() {
        for (m, (len, pause)) in
            [(0.04, 0.04), (0.05, 0.05), (0.07, 0.07), (0.1, 0.1), (0.25, 0.1)].into_iter().enumerate()
        {
            let mut b = Builder::new(rate, 8.0, (n * 10 + m) as u64);
            keys(&mut b, len, pause, -10.0, true, |_, _| {});
            out.push(b.done("clean", format!("{rate} Hz, {} ms", len * 1e3)));
        }
    }
}

fn frequency(out: &mut Vec<Case>) {
    for (n, off) in [0.005, 0.010, 0.015, 0.018, 0.022, 0.030, 0.035, 0.045].into_iter().enumerate() {
        for len in [0.04, 0.08] {
            let mut b = Builder::new(8_000, 8.0, 100 + n as u64);
            keys(&mut b, len, 0.07, -12.0, off <= 0.018, |k, d| {
                k.row_off = if d.below(2) == 0 { off } else { -off };
                k.column_off = if d.below(2) == 0 { off } else { -off };
            });
            out.push(b.done("frequency", format!("{}% {} ms", off * 100.0, len * 1e3)));
        }
    }
}

fn twist(out: &mut Vec<Case>) {
    for db in -14..=16 {
        let mut b = Builder::new(8_000, 8.0, 200 + (db + 20) as u64);
        keys(&mut b, 0.06, 0.06, -12.0, (-10..=10).contains(&db), |k, _| {
            // Positive: the column is louder.
            if db > 0 { k.row_dbm0 -= f64::from(db) } else { k.column_dbm0 += f64::from(db) }
        });
        out.push(b.done("twist", format!("{db} dB")));
    }
}

fn level(out: &mut Vec<Case>) {
    for db in (-54..=6).step_by(4).chain([-42, -45, 3]) {
        let mut b = Builder::new(8_000, 8.0, 300 + (db + 60) as u64);
        keys(&mut b, 0.06, 0.06, f64::from(db), db >= -42, |_, _| {});
        out.push(b.done("level", format!("{db} dBm0")));
    }
}

fn short(out: &mut Vec<Case>) {
    for (n, ms) in [10.0, 15.0, 20.0, 22.0, 25.0, 30.0, 36.0, 40.0, 50.0].into_iter().enumerate() {
        for (m, noise_dbm0) in [None, Some(-45.0)].into_iter().enumerate() {
            for k in 0..3 {
                let mut b = Builder::new(8_000, 8.0, 400 + (n * 10 + m * 3 + k) as u64);
                keys(&mut b, ms / 1e3, 0.12, -10.0 - 6.0 * k as f64, ms >= 20.0, |_, _| {});
                if let Some(db) = noise_dbm0 {
                    add_noise(&mut b.plane, amplitude(db), &mut b.dice);
                }
                out.push(b.done("short", format!("{ms} ms")));
            }
        }
    }
}

/// Tone power (both together) over noise power, in dB.
fn noise(out: &mut Vec<Case>) {
    for (n, snr) in [20.0, 15.0, 12.0, 9.0, 6.0, 3.0, 0.0].into_iter().enumerate() {
        for (m, len) in [0.05, 0.07, 0.1].into_iter().enumerate() {
            for k in 0..3 {
                let mut b = Builder::new(8_000, 8.0, 500 + (n * 30 + m * 3 + k) as u64);
                keys(&mut b, len, 0.08, -14.0, true, |_, _| {});
                let rms = amplitude(-14.0) * 10f64.powf(-snr / 20.0);
                add_noise(&mut b.plane, rms, &mut b.dice);
                out.push(b.done("noise", format!("{snr} dB")));
            }
        }
    }
}

fn talkers(out: &mut Vec<Case>, voice: &[f32]) {
    for (n, snr) in [20.0, 12.0, 9.0, 6.0, 3.0, 0.0].into_iter().enumerate() {
        for (m, len) in [0.06, 0.1, 0.16].into_iter().enumerate() {
            for k in 0..4 {
                let mut b = Builder::new(8_000, 9.0, 700 + (n * 30 + m * 4 + k) as u64);
                keys(&mut b, len, 0.12, -14.0, true, |_, _| {});
                let rms = amplitude(-14.0) * 10f64.powf(-snr / 20.0);
                let talkers = if k == 3 { 6 } else { 1 };
                for _ in 0..talkers {
                    let from = b.dice.below(voice.len());
                    add_looped(&mut b.plane, voice, from, rms / f64::from(talkers).sqrt());
                }
                let category = if talkers > 1 { "over babble" } else { "over a talker" };
                out.push(b.done(category, format!("{snr} dB")));
            }
        }
    }
}

fn impairments(out: &mut Vec<Case>, voice: &[f32]) {
    let rate = 8_000.0;
    let tone = amplitude(-12.0);
    for seed in 0..6u64 {
        for what in [
            "hum",
            "dial tone",
            "echo",
            "slips",
            "long slips",
            "loss",
            "clipping",
            "dc",
            "pulses",
            "decay",
            "double talk echo",
        ] {
            let mut b = Builder::new(8_000, 9.0, 900 + seed * 20);
            let len = [0.05, 0.08, 0.12][seed as usize % 3];
            keys(&mut b, len, 0.09, if what == "clipping" { 3.0 } else { -12.0 }, true, |_, _| {});
            let frames = b.plane.len();
            match what {
                "hum" => {
                    for h in 1..6 {
                        add_sine(&mut b.plane, rate, 50.0 * h as f64, tone / h as f64, 0.3 * h as f64);
                    }
                }
                "dial tone" => {
                    let down = 10f64.powf(-(seed as f64) * 2.0 / 20.0);
                    add_sine(&mut b.plane, rate, 350.0, tone * down, 0.1);
                    add_sine(&mut b.plane, rate, 440.0, tone * down, 0.7);
                }
                "echo" => {
                    let delay = 80 + 40 * seed as usize;
                    let dry = b.plane.clone();
                    (delay..frames).for_each(|n| b.plane[n] += 0.316 * dry[n - delay]);
                }
                "slips" => {
                    // A sample dropped or doubled every 40 ms; truth moves with it.
                    let mut n = 320;
                    while n < b.plane.len() {
                        if b.dice.below(2) == 0 {
                            b.plane.remove(n);
                            b.truths.iter_mut().for_each(|t| {
                                t.start -= usize::from(t.start > n);
                                t.end -= usize::from(t.end > n)
                            });
                        } else {
                            let x = b.plane[n];
                            b.plane.insert(n, x);
                            b.truths.iter_mut().for_each(|t| {
                                t.start += usize::from(t.start > n);
                                t.end += usize::from(t.end > n)
                            });
                        }
                        n += 320;
                    }
                }
                "long slips" => slip_in_keys(&mut b),
                "loss" => {
                    // 10 ms of silence in the middle of some tones.
                    for t in b.truths.clone() {
                        if b.dice.below(2) == 0 {
                            let middle = (t.start + t.end) / 2;
                            b.plane[middle - 40..middle + 40].fill(0.0);
                        }
                    }
                }
                "clipping" => {}
                "dc" => b.plane.iter_mut().for_each(|x| *x += 0.05),
                "pulses" => {
                    for _ in 0..40 {
                        let n = b.dice.below(frames - 3);
                        b.plane[n] += 0.3;
                        b.plane[n + 1] -= 0.3;
                    }
                }
                "decay" => {
                    // A keypad's release: the last 5 ms fade.
                    for t in b.truths.clone() {
                        (0..40).for_each(|k| b.plane[t.end - 1 - k] *= (k as f32 + 0.5) / 40.0);
                    }
                }
                _ => {
                    let from = b.dice.below(voice.len());
                    add_looped(&mut b.plane, voice, from, tone * 0.2);
                    let dry = b.plane.clone();
                    (320..frames).for_each(|n| b.plane[n] += 0.2 * dry[n - 320]);
                }
            }
            out.push(b.done("impairments", what.to_owned()));
        }
    }
}

/// One to three times a key, anywhere in it, up to 5 ms are dropped or repeated; truth moves with it.
fn slip_in_keys(b: &mut Builder) {
    for n in 0..b.truths.len() {
        for _ in 0..=b.dice.below(3) {
            let (start, end) = (b.truths[n].start, b.truths[n].end);
            let len = 1 + b.dice.below(40);
            let at = start + 8 + b.dice.below((end - start).saturating_sub(len + 16).max(1));
            if b.dice.below(2) == 0 {
                b.plane.drain(at..at + len);
                move_truths(b, n, -(len as isize));
            } else {
                let again = b.plane[at..at + len].to_vec();
                b.plane.splice(at..at, again);
                move_truths(b, n, len as isize);
            }
        }
    }
}

/// What follows key `n` moves, and its own end.
fn move_truths(b: &mut Builder, n: usize, by: isize) {
    b.truths[n].end = b.truths[n].end.saturating_add_signed(by);
    for t in &mut b.truths[n + 1..] {
        t.start = t.start.saturating_add_signed(by);
        t.end = t.end.saturating_add_signed(by);
    }
}
