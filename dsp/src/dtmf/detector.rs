//! The receiver: audio in pieces of any size, memory for some seconds.

use super::blocks::{Basis, Scratch};
use super::evidence::{self, Evidence};
use super::front::Front;
use super::judge;
use super::seeds::{Look, seeds};
use super::{TONES_HZ, Tone};
use crate::audio::{Rate, Span};

/// Seconds that are looked at together, and how far the next look reaches back.
const LOOK_S: f64 = 8.0;
const OVERLAP_S: f64 = 0.4;
/// Pieces of one key are one tone across a gap this long (Q.24: an interruption of 10 ms is bridged).
const BRIDGE_S: f64 = 0.012;
/// Keys come in company: near a sure one, less is enough.
const COMPANY_S: f64 = 4.0;

/// Finds keys in a stream of one channel.
pub struct Detector {
    rate: Rate,
    front: Front,
    basis: Basis,
    scratch: Scratch,
    pending: Vec<f32>,
    /// The frame of the stream that `pending` begins with.
    origin: u64,
    candidates: Vec<Candidate>,
}

#[derive(Clone, Copy)]
struct Candidate {
    tone: Tone,
    log_odds: f64,
    /// What it takes in the company of a sure key.
    least: f64,
    /// Of row and column.
    level_db: [f64; 2],
    deviation: [f64; 2],
    /// How far each tone sounds on by itself, where little but the two sounds in their band.
    reach: Option<[Span; 2]>,
}

impl Candidate {
    /// One thumb on one telephone: keys of a run are as loud as each other, row and column alike.
    fn is_like(&self, sure: &Candidate) -> bool {
        let weaker = |c: &Candidate| c.level_db[0].min(c.level_db[1]);
        let twist = |c: &Candidate| c.level_db[1] - c.level_db[0];
        self.log_odds > judge::IF_LIKE
            && (weaker(self) - weaker(sure)).abs() < judge::LIKE_DB
            && (twist(self) - twist(sure)).abs() < judge::LIKE_DB
    }

    /// A voice sounds near one of its tones and bends what is measured of it; the
    /// other is the sure key's, to the hertz and the decibel: how far that one sounds.
    fn half_hidden(&self, sure: &Candidate) -> Option<Span> {
        let level = |t: usize| self.level_db[t] - sure.level_db[t];
        let off = |t: usize| (self.deviation[t] - sure.deviation[t]).abs();
        let exact = |t: usize| level(t).abs() < judge::EXACT_DB && off(t) < judge::EXACT_DEVIATION;
        let hidden = |t: usize| {
            (-judge::EXACT_DB..judge::HIDDEN_DB).contains(&level(t)) && off(t) < judge::HIDDEN_DEVIATION
        };
        let reach = self.reach?;
        (0..2).find(|&t| exact(t) && hidden(1 - t)).map(|t| reach[t])
    }
}

impl Detector {
    /// A detector for audio of `rate`. Below 4 kHz there is no room for the
    /// column tones, and nothing is ever found.
    pub fn new(rate: Rate) -> Detector {
        let front = Front::new(rate.hz());
        let basis = Basis::new(front.rate_hz(rate.hz()));
        Detector {
            rate,
            front,
            basis,
            scratch: Scratch::default(),
            pending: Vec::new(),
            origin: 0,
            candidates: Vec::new(),
        }
    }

    /// Takes the next frames.
    pub fn push(&mut self, mut plane: &[f32]) {
        let look = self.frames(LOOK_S);
        let step = look - self.frames(OVERLAP_S);
        while self.pending.len() + plane.len() > look {
            let (now, later) = plane.split_at(look.saturating_sub(self.pending.len()));
            self.pending.extend_from_slice(now);
            plane = later;
            self.look();
            self.pending.drain(..step);
            self.origin += step as u64;
        }
        self.pending.extend_from_slice(plane);
    }

    /// All keys of the stream, in order of their start.
    pub fn finish(mut self) -> Vec<Tone> {
        self.look();
        let frames = self.origin + self.pending.len() as u64;
        let clamped = |tone: Tone| Tone { span: Span::clamp(&tone.span, frames), ..tone };
        let keys = self.judged().into_iter().map(clamped);
        join(keys.collect(), self.frames(BRIDGE_S) as u64)
    }

    fn frames(&self, seconds: f64) -> usize {
        // A multiple of the front's factor, so that every look falls on the same grid.
        (seconds * f64::from(self.rate.hz())) as usize / self.front.factor * self.front.factor
    }

    /// Looks at what is pending.
    fn look(&mut self) {
        if self.rate.hz() < 4_000 {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let passed = if self.front.factor == 1 { None } else { Some(self.front.pass(&pending)) };
        let plane = passed.as_deref().unwrap_or(&pending);
        let rate_hz = self.front.rate_hz(self.rate.hz());
        let first = self.candidates.len();
        self.look_as(Look::First, plane, rate_hz);
        if self.candidates[first..].iter().any(|c| c.log_odds > judge::SURE) {
            self.look_as(Look::InCompany, plane, rate_hz);
        }
        self.pending = pending;
    }

    fn look_as(&mut self, look: Look, plane: &[f32], rate_hz: f64) {
        let (origin, factor) = (self.origin, self.front.factor as u64);
        let least = if look == Look::First { judge::IN_COMPANY } else { judge::ON_SECOND_LOOK };
        let found = candidates(plane, rate_hz, &self.basis, &mut self.scratch, look).filter_map(|e| {
            let log_odds = judge::log_odds(&e);
            let frames = |s: Span| Span::new(origin + s.start * factor, origin + s.end * factor);
            let is_near = log_odds > judge::IN_COMPANY;
            let outer = if is_near { evidence::beyond_slips(plane, rate_hz, &e) } else { e.outer };
            let span = frames(outer);
            // What only the second look sees is never a key by itself.
            let log_odds = if look == Look::First { log_odds } else { log_odds.min(judge::ALONE) };
            // Edges are asked for again where a voice may have moved them.
            let is_unsure = log_odds < judge::ALONE || e.rival > judge::NO_RIVAL;
            let is_clear = e.band_share > judge::CLEAR_SHARE && e.weight > judge::CLEAR_WEIGHT;
            let is_clear = is_clear && look == Look::InCompany && is_unsure;
            let reach = is_clear.then(|| [0, 1].map(|t| frames(evidence::reach(plane, rate_hz, &e, t))));
            (log_odds > judge::IF_LIKE || is_clear).then(|| Candidate {
                tone: Tone { digit: e.digit, span },
                log_odds,
                least,
                level_db: e.levels_db(),
                deviation: e.deviation,
                reach,
            })
        });
        self.candidates.extend(found);
    }

    /// The candidates that are keys: by themselves, or in the company of a sure one.
    fn judged(&self) -> Vec<Tone> {
        let company = self.frames(COMPANY_S) as u64;
        let of = |sieve: &dyn Fn(&Candidate) -> bool| {
            Timeline::new(self.candidates.iter().filter(|c| sieve(c)), self.frames(LOOK_S) as u64)
        };
        let sure = of(&|c| c.log_odds > judge::SURE);
        let beside = |c: &Candidate| {
            let Span { start, end } = c.tone.span;
            sure.overlapping(start.saturating_sub(company), end + company)
        };
        let keys =
            of(&|c| c.log_odds > judge::ALONE || beside(c).any(|s| c.log_odds > c.least || c.is_like(s)));
        // Where a key was found already, half of another is but a part of it.
        let hidden = self.candidates.iter().filter_map(|c| {
            let Span { start, end } = c.tone.span;
            if keys.overlapping(start, end).next().is_some() {
                return None;
            }
            let span = beside(c).find_map(|s| c.half_hidden(s))?;
            Some(Tone { span, ..c.tone })
        });
        let keys = keys.all.iter().map(|c| {
            // One tone tells the edges too, where a voice hid them.
            let span = beside(c).find_map(|s| c.half_hidden(s)).unwrap_or(c.tone.span);
            Tone { span, ..c.tone }
        });
        keys.chain(hidden).collect()
    }
}

/// Candidates by their start.
struct Timeline<'a> {
    all: Vec<&'a Candidate>,
    /// None is longer.
    longest: u64,
}

impl<'a> Timeline<'a> {
    fn new(candidates: impl Iterator<Item = &'a Candidate>, longest: u64) -> Timeline<'a> {
        let mut all: Vec<&Candidate> = candidates.collect();
        all.sort_by_key(|c| c.tone.span);
        Timeline { all, longest }
    }

    fn overlapping(&self, start: u64, end: u64) -> impl Iterator<Item = &Candidate> {
        let first = self.all.partition_point(|c| c.tone.span.start + self.longest < start);
        let near = self.all[first..].iter().take_while(move |c| c.tone.span.start < end);
        near.filter(move |c| start < c.tone.span.end).copied()
    }
}

/// The evidence of every seed in `plane` that `look` takes for worth it.
pub fn candidates<'a>(
    plane: &'a [f32],
    rate_hz: f64,
    basis: &'a Basis,
    scratch: &mut Scratch,
    look: Look,
) -> impl Iterator<Item = Evidence> + use<'a> {
    let mut last: Option<Evidence> = None;
    seeds(plane, basis, scratch, look)
        .into_iter()
        .filter(move |s| look != Look::First || judge::is_worth(s))
        .filter_map(move |seed| {
            // A long tone in noise has several seeds; the first one traced it all.
            let middle = (seed.best * basis.len() + basis.len()) as u64;
            let traced =
                last.filter(|e| e.digit == seed.digit && (e.span.start..e.span.end).contains(&middle));
            if traced.is_some_and(|e| judge::log_odds(&e) > judge::IN_COMPANY) {
                return None;
            }
            let evidence = evidence::examine(plane, rate_hz, basis.len(), &seed);
            last = evidence.or(last);
            evidence
        })
}

/// Joins pieces of one tone, in order.
fn join(mut tones: Vec<Tone>, bridge: u64) -> Vec<Tone> {
    tones.sort_by_key(|t| t.span);
    let mut out: Vec<Tone> = Vec::with_capacity(tones.len());
    for tone in tones {
        let same = out
            .iter_mut()
            .rev()
            .take(4)
            .find(|t| t.digit == tone.digit && tone.span.start <= t.span.end + bridge);
        match same {
            Some(before) => before.span.end = before.span.end.max(tone.span.end),
            None => out.push(tone),
        }
    }
    out
}

/// Angular frequencies (radians a sample) of a digit's tones.
pub fn nominal(digit: super::Digit, rate_hz: f64) -> [f64; 2] {
    let turn = std::f64::consts::TAU / rate_hz;
    [usize::from(digit.row), 4 + usize::from(digit.column)].map(|t| turn * f64::from(TONES_HZ[t]))
}
