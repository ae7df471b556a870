//! Keyed digits (ITU-T Q.23 tones, Q.24 receivers), found offline: a coarse
//! pass over overlapping Goertzel windows, then a fine pass that finds where
//! each tone really begins and ends.
//!
//! A redactor must be more sensitive than a switch: it takes bursts from 20 ms
//! (what RFC 4733 muting leaves over), twist to 12 dB and tones under speech.

use crate::audio::{Rate, Span};
use crate::goertzel::Bank;

/// Row and column frequencies in hertz, Q.23.
const TONES_HZ: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
const SYMBOLS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
/// 102 samples at 8 kHz, the window of Asterisk and spandsp: 78 Hz resolution.
const WINDOW_S: f64 = 0.012_75;
/// Half a window: a 20 ms burst fills at least two windows wholly or nearly.
const HOPS_PER_WINDOW: usize = 2;
/// Share of the window's energy in the two tones, for a hit that stands alone.
const CLEAR_SHARE: f32 = 0.80;
/// Share for a tone under speech or noise, which must then last longer.
const BURIED_SHARE: f32 = 0.45;
/// Windows in a run of clear hits (19 ms) and of buried ones (38 ms).
const CLEAR_RUN: usize = 2;
const BURIED_RUN: usize = 5;
/// 12 dB of twist either way as a power ratio.
const MAX_TWIST: f32 = 15.85;
/// The tone is at least 6 dB above every other row or column.
const MIN_LEAD: f32 = 4.0;
/// Least amplitude of one tone, −54 dBFS: below Q.24's −42 dBm0 with twist.
const MIN_AMPLITUDE: f32 = 0.002;
/// What the fine pass adds on each side: its own resolution.
const EDGE_S: f64 = 0.003;

/// A key of the pad. It is a secret: `Debug` says nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digit {
    row: u8,
    column: u8,
}

impl Digit {
    /// The key's symbol, for whoever asked to see it.
    pub fn symbol(self) -> char {
        SYMBOLS[usize::from(self.row & 3)][usize::from(self.column & 3)]
    }
}

impl std::fmt::Debug for Digit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digit")
    }
}

/// One keyed tone and the frames that hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    pub digit: Digit,
    pub span: Span,
}

/// One window's verdict.
#[derive(Clone, Copy)]
struct Hit {
    digit: Digit,
    share: f32,
}

/// A run of windows with one digit: `first..=last`.
#[derive(Clone, Copy)]
struct Run {
    digit: Digit,
    first: usize,
    last: usize,
    hits: usize,
    clear: usize,
}

/// Every tone in `plane`, in order. `rate` from 8 kHz up; slower audio has no
/// room for the column tones and gives none.
pub fn detect(plane: &[f32], rate: Rate) -> Vec<Tone> {
    if rate.hz() < 4_000 {
        return Vec::new();
    }
    let window = (f64::from(rate.hz()) * WINDOW_S).round() as usize;
    let hop = window / HOPS_PER_WINDOW;
    let bank = Bank::new(TONES_HZ, rate.hz());
    let hits: Vec<Option<Hit>> = (0..)
        .map(|w| w * hop)
        .take_while(|at| at + window <= plane.len())
        .map(|at| judge(&bank, &plane[at..at + window]))
        .collect();
    let tones = runs(&hits).into_iter().map(|run| {
        let coarse = Span::new((run.first * hop) as u64, (run.last * hop + window) as u64);
        Tone { digit: run.digit, span: edges(plane, rate, run.digit, coarse) }
    });
    join(tones, rate)
}

/// The digit that a window holds, if one does.
fn judge(bank: &Bank, window: &[f32]) -> Option<Hit> {
    let powers = bank.powers(window);
    let (row, row_power, row_next) = best(&powers[..4]);
    let (column, column_power, column_next) = best(&powers[4..]);
    let half = window.len() as f32 / 2.0;
    let floor = (MIN_AMPLITUDE * half) * (MIN_AMPLITUDE * half);
    let twist = row_power / column_power;
    if row_power < floor
        || column_power < floor
        || !(1.0 / MAX_TWIST..=MAX_TWIST).contains(&twist)
        || row_power < MIN_LEAD * row_next
        || column_power < MIN_LEAD * column_next
    {
        return None;
    }
    let energy: f32 = window.iter().map(|x| x * x).sum();
    // |X|² = (A·n/2)² and the sine's energy is A²·n/2, so the share is |X|²·2/(n·E).
    let share = (row_power + column_power) / (half * energy);
    (share >= BURIED_SHARE).then_some(Hit { digit: Digit { row: row as u8, column: column as u8 }, share })
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

/// Runs of one digit that last long enough; one missing window does not end a run (Q.24: 10 ms).
fn runs(hits: &[Option<Hit>]) -> Vec<Run> {
    let mut done: Vec<Run> = Vec::new();
    let mut open: Option<Run> = None;
    for (w, hit) in hits.iter().enumerate() {
        let Some(hit) = hit else { continue };
        let clear = usize::from(hit.share >= CLEAR_SHARE);
        match &mut open {
            Some(run) if run.digit == hit.digit && w - run.last <= 2 => {
                run.last = w;
                run.hits += 1;
                run.clear += clear;
            }
            _ => {
                done.extend(open.take());
                open = Some(Run { digit: hit.digit, first: w, last: w, hits: 1, clear });
            }
        }
    }
    done.extend(open);
    done.retain(|run| run.clear >= CLEAR_RUN || run.hits >= BURIED_RUN && run.clear >= 1);
    done
}

/// The fine pass: the two tones' level in 5 ms windows every millisecond
/// crosses half of its own plateau where the tone begins and ends.
fn edges(plane: &[f32], rate: Rate, digit: Digit, coarse: Span) -> Span {
    let hz = f64::from(rate.hz());
    let (window, step) = ((hz * 0.005) as usize, ((hz * 0.001) as usize).max(1));
    let reach = (hz * 0.02) as usize;
    let from = (coarse.start as usize).saturating_sub(reach);
    let to = (coarse.end as usize + reach).min(plane.len());
    let bank = Bank::new(TONES_HZ, rate.hz());
    let (row, column) = (usize::from(digit.row), 4 + usize::from(digit.column));
    let levels: Vec<f32> = (from..to.saturating_sub(window))
        .step_by(step)
        .map(|at| {
            let p = bank.powers(&plane[at..at + window]);
            (p[row].min(p[column])).sqrt()
        })
        .collect();
    let centre = ((coarse.start + coarse.end) as usize / 2).saturating_sub(from + window / 2) / step;
    let Some(plateau) = median(&levels, centre) else { return coarse };
    let half = plateau * 0.5;
    let mut first = centre;
    while first > 0 && levels[first - 1] >= half {
        first -= 1;
    }
    let mut last = centre;
    while last + 1 < levels.len() && levels[last + 1] >= half {
        last += 1;
    }
    // A window at half of the plateau is centred on the edge.
    let pad = (hz * EDGE_S) as usize;
    let start = (from + first * step + window / 2).saturating_sub(pad);
    let end = (from + last * step + window / 2 + pad).min(plane.len());
    // Never less than what the coarse pass is sure of: its run without the outer windows' slack.
    let slack = (hz * WINDOW_S) as u64;
    Span::new((start as u64).min(coarse.start + slack), (end as u64).max(coarse.end.saturating_sub(slack)))
}

/// The median level of the nine steps around `centre`.
fn median(levels: &[f32], centre: usize) -> Option<f32> {
    let from = centre.saturating_sub(4);
    let mut near: Vec<f32> = levels.get(from..(centre + 5).min(levels.len()))?.to_vec();
    near.sort_unstable_by(f32::total_cmp);
    near.get(near.len() / 2).copied().filter(|m| *m > 0.0)
}

/// Joins pieces of one tone that less than 10 ms part (Q.24: interruption bridged).
fn join(tones: impl Iterator<Item = Tone>, rate: Rate) -> Vec<Tone> {
    let bridge = u64::from(rate.hz() / 100);
    let mut out: Vec<Tone> = Vec::new();
    for tone in tones {
        match out.last_mut() {
            Some(last) if last.digit == tone.digit && tone.span.start <= last.span.end + bridge => {
                last.span.end = last.span.end.max(tone.span.end);
            }
            _ => out.push(tone),
        }
    }
    out
}

#[cfg(test)]
mod tests;
