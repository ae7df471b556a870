//! Which of an engine's times can be, and where that must lie whose time cannot.
//!
//! A time is believed when it lies in the recording, in the order of what is
//! said, and leaves room to say it. Whatever has no such time lies in the
//! shortest stretch that must hold it: between the last believable time before
//! and the first behind, and wide enough to be spoken in.

use super::reading::Time;
use crate::hearing::pace;

/// Something that is said at one time: a word, or a whole segment.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    pub time: Time,
    pub words: usize,
    pub syllables: f64,
    /// Seconds that it may last where only its start or its end is known.
    pub longest_s: f64,
}

/// Where something lies, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// Where the engine puts it.
    Told { start_s: f64, end_s: f64 },
    /// Somewhere in this stretch.
    Between { start_s: f64, end_s: f64 },
}

impl Place {
    /// The stretch that holds both.
    pub fn hull(self, other: Place) -> Place {
        let (start_s, end_s) = (self.start_s().min(other.start_s()), self.end_s().max(other.end_s()));
        match (self, other) {
            (Place::Told { .. }, Place::Told { .. }) => Place::Told { start_s, end_s },
            _ => Place::Between { start_s, end_s },
        }
    }

    /// What comes behind it is said from here on.
    fn behind_s(self) -> f64 {
        match self {
            Place::Told { end_s, .. } => end_s,
            Place::Between { start_s, .. } => start_s,
        }
    }

    /// What comes before it is said up to here.
    fn before_s(self) -> f64 {
        match self {
            Place::Told { start_s, .. } => start_s,
            Place::Between { end_s, .. } => end_s,
        }
    }

    pub fn start_s(self) -> f64 {
        let (Place::Told { start_s, .. } | Place::Between { start_s, .. }) = self;
        start_s
    }

    pub fn end_s(self) -> f64 {
        let (Place::Told { end_s, .. } | Place::Between { end_s, .. }) = self;
        end_s
    }
}

/// The stretch that holds everything: a segment, or the recording.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub start_s: f64,
    pub end_s: f64,
    /// Seconds that a believed time may lie outside of it.
    pub slack_s: f64,
}

/// Places everything that is said in `bounds`, in order.
pub fn places(said: &[Said], bounds: Bounds) -> Vec<Place> {
    let mut told = possible(said, bounds);
    drop_disorder(&mut told);
    let narrow = drop_squeezed(said, &mut told, bounds);
    let place = |at: usize| {
        let (start_s, end_s) = told[at]?;
        Some(if narrow[at] { around(&told, at, bounds) } else { Place::Told { start_s, end_s } })
    };
    let placed: Vec<Option<Place>> = (0..said.len()).map(place).collect();
    filled(said, &placed, bounds)
}

/// From the end of what comes before to the start of what follows.
fn around(told: &[Told], at: usize, bounds: Bounds) -> Place {
    let before = told[..at].iter().rev().find_map(|t| t.map(|(_, end_s)| end_s));
    let behind = told[at + 1..].iter().find_map(|t| t.map(|(start_s, _)| start_s));
    let start_s = before.unwrap_or(bounds.start_s);
    Place::Between { start_s, end_s: behind.unwrap_or(bounds.end_s).max(start_s) }
}

/// Gives a stretch to everything that has no place yet.
pub fn filled(said: &[Said], placed: &[Option<Place>], bounds: Bounds) -> Vec<Place> {
    let mut out: Vec<Place> = Vec::with_capacity(said.len());
    while out.len() < said.len() {
        let at = out.len();
        if let Some(place) = placed[at] {
            out.push(place);
            continue;
        }
        let end = (at..said.len()).find(|i| placed[*i].is_some()).unwrap_or(said.len());
        let place = between(said, placed, at..end, bounds);
        out.extend(std::iter::repeat_n(place, end - at));
    }
    out
}

type Told = Option<(f64, f64)>;

/// Times inside the bounds that run forward; a missing end is taken from what follows.
fn possible(said: &[Said], bounds: Bounds) -> Vec<Told> {
    let (low, high) = (bounds.start_s - bounds.slack_s, bounds.end_s + bounds.slack_s);
    let inside = |t: &f64| (low..=high).contains(t);
    let start = |i: usize| said.get(i).and_then(|s| s.time.start_s).filter(inside);
    let end = |i: usize| said.get(i).and_then(|s| s.time.end_s).filter(inside);
    let whole = |i: usize| {
        let Said { time, longest_s, .. } = said[i];
        let (a, b) = match (time.start_s, time.end_s) {
            (Some(a), Some(b)) => (a, b),
            (Some(a), None) => {
                let next = (i + 1..said.len()).find_map(|n| start(n).or_else(|| end(n)));
                (a, next.filter(|n| *n > a).unwrap_or(bounds.end_s).min(a + longest_s))
            }
            (None, Some(b)) => {
                let before = (0..i).rev().find_map(|n| end(n).or_else(|| start(n)));
                (before.filter(|p| *p < b).unwrap_or(bounds.start_s).max(b - longest_s), b)
            }
            (None, None) => return None,
        };
        (inside(&a) && inside(&b) && a <= b).then_some((a, b))
    };
    (0..said.len()).map(whole).collect()
}

/// Seconds that times may run backwards between two words.
const BACKWARDS_S: f64 = 0.5;

/// Pairs of times that are compared at the most.
const MOST_PAIRS: usize = 20_000_000;

/// Forgets times that are out of order: the fewest that make the rest run
/// forward, and of the rest those that as many contradict as they contradict.
fn drop_disorder(told: &mut [Told]) {
    let starts: Vec<(usize, f64)> = told.iter().enumerate().filter_map(|(i, t)| Some((i, (*t)?.0))).collect();
    if !wanders(&starts) {
        return;
    }
    let chain = longest_rising(&starts);
    let mut on_chain = vec![false; starts.len()];
    chain.iter().for_each(|n| on_chain[*n] = true);
    let (kept, off): (Vec<usize>, Vec<usize>) = (0..starts.len()).partition(|n| on_chain[*n]);
    // So much disorder is no order.
    if off.len() * kept.len() > MOST_PAIRS {
        told.iter_mut().for_each(|t| *t = None);
        return;
    }
    let disagree = |a: usize, b: usize| {
        let (first, second) = (starts[a.min(b)].1, starts[a.max(b)].1);
        second < first - BACKWARDS_S
    };
    let against_kept: Vec<usize> =
        off.iter().map(|o| kept.iter().filter(|k| disagree(*o, **k)).count()).collect();
    for k in &kept {
        let against: Vec<usize> = (0..off.len()).filter(|o| disagree(off[*o], *k)).collect();
        // One of two says the truth, and nobody knows which.
        let most = against.iter().map(|o| against_kept[*o]).max();
        if most.is_some_and(|most| against.len() >= most) {
            told[starts[*k].0] = None;
        }
    }
    for (o, against) in off.iter().zip(against_kept) {
        if against > 0 {
            told[starts[*o].0] = None;
        }
    }
}

/// Does any time lie far before one that comes before it?
fn wanders(starts: &[(usize, f64)]) -> bool {
    let mut latest = f64::NEG_INFINITY;
    starts.iter().any(|(_, s)| {
        latest = latest.max(*s);
        *s < latest - BACKWARDS_S
    })
}

/// The longest run of starts that never fall, by their positions.
fn longest_rising(starts: &[(usize, f64)]) -> Vec<usize> {
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; starts.len()];
    for (n, (_, start)) in starts.iter().enumerate() {
        let at = tails.partition_point(|t| starts[*t].1 <= *start);
        before[n] = at.checked_sub(1).map(|b| tails[b]);
        if at == tails.len() { tails.push(n) } else { tails[at] = n }
    }
    let mut out: Vec<usize> = std::iter::successors(tails.last().copied(), |n| before[*n]).collect();
    out.reverse();
    out
}

/// How many in a row are looked at together.
const ROWS: [usize; 4] = [2, 3, 4, 8];

/// Forgets times in which nobody can say what they hold. What is too narrow by itself, but has
/// room between its neighbours, keeps its place in the order and is told apart: `true`.
fn drop_squeezed(said: &[Said], told: &mut [Told], bounds: Bounds) -> Vec<bool> {
    let narrow: Vec<bool> =
        (0..said.len()).map(|at| told[at].is_some() && is_squeezed(said, told, &[at])).collect();
    let has_room = |at: usize| {
        let place = around(told, at, bounds);
        place.end_s() - place.start_s() >= least_s(said, std::iter::once(at))
    };
    let cramped: Vec<usize> = (0..said.len()).filter(|at| narrow[*at] && !has_room(*at)).collect();
    cramped.into_iter().for_each(|at| told[at] = None);
    for row in ROWS {
        let timed: Vec<usize> = (0..said.len()).filter(|i| told[*i].is_some()).collect();
        let squeezed: Vec<&[usize]> = timed.windows(row).filter(|w| is_squeezed(said, told, w)).collect();
        squeezed.concat().into_iter().for_each(|i| told[i] = None);
    }
    narrow
}

fn is_squeezed(said: &[Said], told: &[Told], row: &[usize]) -> bool {
    // Sentences of two people overlap; words of one do not.
    if row.len() > 1 && row.iter().any(|i| said[*i].words > 1) {
        return false;
    }
    let times = row.iter().filter_map(|i| told[*i]);
    let (from, to) = times.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| (a.min(t.0), b.max(t.1)));
    // Tools that cannot align a word give it its neighbour's time: which of the two it is nobody knows.
    if row.len() == 2 && told[row[0]] == told[row[1]] {
        return true;
    }
    // 1 ms: times are rounded.
    to - from + 1e-3 < least_s(said, row.iter().copied())
}

fn least_s(said: &[Said], row: impl Iterator<Item = usize>) -> f64 {
    let (words, syllables) =
        row.fold((0, 0.0), |(words, all), i| (words + said[i].words, all + said[i].syllables));
    pace::least_s(words, syllables)
}

/// The shortest stretch that has room for all of `run`, which lies between what has a place.
fn between(said: &[Said], placed: &[Option<Place>], run: std::ops::Range<usize>, bounds: Bounds) -> Place {
    let need_s = least_s(said, run.clone()).max(LEAST_S);
    let before = |i: usize| (0..i).rev().find_map(|n| placed[n].map(|p| (n, p)));
    let after = |i: usize| (i..said.len()).find_map(|n| placed[n].map(|p| (n, p)));
    let (mut left, mut right) = (before(run.start), after(run.end));
    let start_of = |left: Option<(usize, Place)>| left.map_or(bounds.start_s, |(_, p)| p.behind_s());
    let end_of = |right: Option<(usize, Place)>| right.map_or(bounds.end_s, |(_, p)| p.before_s());
    let (mut start_s, mut end_s) = (start_of(left), end_of(right));
    // No room between the neighbours: one of them is said elsewhere than its time says.
    while end_s - start_s < need_s && (left.is_some() || right.is_some()) {
        start_s = left.map_or(bounds.start_s, |(_, p)| p.start_s()).min(start_s);
        end_s = right.map_or(bounds.end_s, |(_, p)| p.end_s()).max(end_s);
        if end_s - start_s < need_s {
            left = left.and_then(|(n, _)| before(n));
            right = right.and_then(|(n, _)| after(n + 1));
            (start_s, end_s) = (start_s.min(start_of(left)), end_s.max(end_of(right)));
        }
    }
    Place::Between { start_s: start_s.min(end_s), end_s: end_s.max(start_s) }
}

/// No word is shorter than this.
const LEAST_S: f64 = 0.08;
