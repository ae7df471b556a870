//! Digits that an engine dressed as something else: "5:06", "$45.32",
//! "4,532", "4th", "1/2". Where a secret of digits was asked for or goes on,
//! and where they are a part of a card's number, they are digits. Elsewhere
//! they stay the time, the price or the date that they look like.

use super::cues::{Cue, Marks, What};
use super::lexicon::class;
use super::numbers::{Chunk, Kind};
use super::question::Questions;
use super::text::Text;
use crate::call::Reason;

/// Sounds and joints between two chunks of one run, at most.
const MAX_BETWEEN: usize = 3;
/// A pause after which another value begins.
const MAX_PAUSE_S: f64 = 12.0;
/// Words between a question and its answer, and between a statement and its value.
const ASKED_WORDS: u32 = 25;
const STATED_WORDS: u32 = 3;
/// Turns in which an answer comes.
const ANSWER_TURNS: u32 = 3;
/// Words after which a value no longer goes on.
const GOES_ON_WORDS: u32 = 4;
/// Keywords of one turn that are looked at.
const MOST_CUES: usize = 6;
/// ISO/IEC 7812: digits of a card's number that nobody announced.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=30;
/// Plain digits among them, so that a list of times or prices is none.
const LEAST_PLAIN: usize = 6;
/// The same beside counts with a comma, "4,532 151 1,283 366".
const LEAST_PLAIN_BESIDE_COUNTS: usize = 3;

/// A value of several chunks that is still being said.
struct Open {
    reason: Reason,
    digits: usize,
    last: usize,
}

struct Dresses<'a> {
    text: &'a Text<'a>,
    marks: &'a Marks,
}

/// `chunks` with those that are digits after all as plain numbers, each run of them as one.
pub fn undress(text: &Text, marks: &Marks, chunks: Vec<Chunk>) -> Vec<Chunk> {
    if !chunks.iter().any(is_dressed) {
        return chunks;
    }
    let dresses = Dresses { text, marks };
    let mut out: Vec<Chunk> = Vec::with_capacity(chunks.len());
    let mut open: Option<Open> = None;
    let mut questions = Questions::default();
    let (mut from, mut heard) = (0, 0);
    while from < chunks.len() {
        let mut to = from + 1;
        while to < chunks.len() && dresses.follows(&chunks[to - 1], &chunks[to]) {
            to += 1;
        }
        let run = &chunks[from..to];
        while heard < marks.cues.len() && marks.cues[heard].last < run[0].first {
            questions.hear(heard, text, marks);
            heard += 1;
        }
        let asked = dresses.reason(run, open.as_ref()).or_else(|| {
            let late = |r: &Reason| may_be(*r, run) && !dresses.is_quantity(run) && !run[0].counted;
            questions.asked(run[0].first, text, marks).find(late)
        });
        let digits = run.iter().map(Chunk::len).sum::<usize>();
        if run.iter().any(is_dressed) && (dresses.is_card(run) || asked.is_some_and(|r| may_be(r, run))) {
            out.push(merged(run));
        } else {
            out.extend_from_slice(run);
        }
        open = asked.map(|reason| {
            let before = open.filter(|o| o.reason == reason).map_or(0, |o| o.digits);
            Open { reason, digits: before + digits, last: chunks[to - 1].last }
        });
        from = to;
    }
    out
}

/// Written as something other than digits.
fn is_dressed(chunk: &Chunk) -> bool {
    matches!(chunk.kind, Kind::Price | Kind::Time | Kind::Slashed)
}

/// May a run in answer to a question after `reason` be its digits?
fn may_be(reason: Reason, run: &[Chunk]) -> bool {
    let digits = run.iter().map(Chunk::len).sum::<usize>();
    let slashed = run.iter().any(|c| c.kind == Kind::Slashed);
    match reason {
        Reason::CardNumber => run.len() >= 2 || digits >= 8 || digits >= 3 && !slashed,
        Reason::Cvv => (3..=4).contains(&digits),
        // A date with strokes is one already.
        Reason::Expiry => (3..=6).contains(&digits) && !slashed,
        Reason::Ssn => (3..=15).contains(&digits) && !(run.len() == 1 && slashed),
        Reason::Password => (3..=10).contains(&digits) && !(run.len() == 1 && slashed),
        Reason::BankAccount => digits >= 4,
        _ => false,
    }
}

/// A run as one plain number.
fn merged(run: &[Chunk]) -> Chunk {
    let (first, last) = (&run[0], &run[run.len() - 1]);
    Chunk {
        first: first.first,
        last: last.last,
        digits: run.iter().map(|c| c.digits.as_str()).collect(),
        numbers: run.iter().map(|c| c.numbers).sum(),
        groups: run.iter().flat_map(|c| c.groups.iter().copied()).collect(),
        kind: Kind::Number,
        month: None,
        ordinal: false,
        letters: 0,
        scale: run.iter().any(|c| c.scale),
        counted: last.counted && !is_dressed(last),
        year: false,
        like_price: false,
    }
}

impl Dresses<'_> {
    /// Nothing but sounds and joints between two chunks of one speaker.
    fn follows(&self, a: &Chunk, b: &Chunk) -> bool {
        let tokens = &self.text.tokens;
        let plain = |c: &Chunk| c.letters == 0 && c.kind != Kind::Date && !c.counted && !c.is_empty();
        plain(a)
            && plain(b)
            && b.first - a.last <= MAX_BETWEEN + 1
            && tokens[a.last].speaker == tokens[b.first].speaker
            && self.text.pause_s(b.first) <= MAX_PAUSE_S
            && (a.last + 1..b.first).all(|i| {
                (self.marks.infill[i] || tokens[i].is(class::NUMBER_JOINT)) && !self.marks.correction[i]
            })
    }

    /// As long as a card's number, and more than times or prices in a row.
    fn is_card(&self, run: &[Chunk]) -> bool {
        let plain = |c: &&Chunk| !is_dressed(c);
        let digits = run.iter().map(Chunk::len).sum::<usize>();
        let bare = run.iter().filter(plain).map(Chunk::len).sum::<usize>();
        let counts = run.iter().filter(|c| is_dressed(c)).all(|c| self.is_count(c));
        let least = if counts { LEAST_PLAIN_BESIDE_COUNTS } else { LEAST_PLAIN };
        CARD_DIGITS.contains(&digits) && bare >= least
    }

    /// "4,532", no currency.
    fn is_count(&self, chunk: &Chunk) -> bool {
        chunk.kind == Kind::Price
            && chunk.groups.iter().skip(1).all(|g| *g == 3)
            && !(chunk.first..=chunk.last).any(|i| self.text.tokens[i].currency)
    }

    /// Which secret of digits the run answers or goes on.
    fn reason(&self, run: &[Chunk], open: Option<&Open>) -> Option<Reason> {
        let first = run[0].first;
        let cues = &self.marks.cues[..self.marks.cues.partition_point(|c| c.first < first)];
        let goes_on = open.filter(|o| {
            let new = cues.last().is_some_and(|c| c.first > o.last);
            let whole = match o.reason {
                Reason::CardNumber => o.digits >= 16,
                Reason::Ssn => o.digits >= 9,
                _ => false,
            };
            !(new || whole) && self.text.words_between(o.last, first) <= GOES_ON_WORDS
        });
        if let Some(open) = goes_on {
            return Some(open.reason);
        }
        let single = run.len() == 1;
        if single && (run[0].counted || self.is_quantity(run)) || self.asks_how_much(cues) {
            return None;
        }
        // One turn may ask for several: the last that it can be.
        let turn = self.text.tokens[cues.last()?.last].turn;
        let asked = cues.iter().rev().take(MOST_CUES).take_while(|c| self.text.tokens[c.last].turn == turn);
        asked
            .take_while(|c| c.what != What::Harmless)
            .filter_map(|c| match c.what {
                What::Secret { reason, strong: true, .. } => Some((c, reason)),
                _ => None,
            })
            .filter(|(_, reason)| may_be(*reason, run) || !run.iter().any(is_dressed))
            .find(|(c, reason)| {
                let stated = self.is_stated(c, first) && !(*reason == Reason::CardNumber && single);
                stated || self.is_asked(c, first)
            })
            .map(|(_, reason)| reason)
    }

    /// "at 12:30", "only $45".
    fn is_quantity(&self, run: &[Chunk]) -> bool {
        let before = run[0].first.checked_sub(1).map(|i| &self.text.tokens[i]);
        before.is_some_and(|t| t.is(class::BEFORE_QUANTITY) && t.turn == self.text.tokens[run[0].first].turn)
    }

    fn is_asked(&self, cue: &Cue, first: usize) -> bool {
        let tokens = &self.text.tokens;
        let turns = tokens[first].turn - tokens[cue.last].turn;
        let answer = tokens[first].speaker != tokens[cue.last].speaker || self.text.speakers < 2;
        cue.asks && answer && turns <= ANSWER_TURNS && self.text.words_between(cue.last, first) <= ASKED_WORDS
    }

    /// "what time", "how much": a question after something else in the same turn.
    fn asks_how_much(&self, cues: &[Cue]) -> bool {
        let tokens = &self.text.tokens;
        let turn = cues.last().map_or(0, |c| tokens[c.last].turn);
        cues.iter()
            .rev()
            .take(MOST_CUES)
            .take_while(|c| tokens[c.last].turn == turn)
            .any(|c| c.what == What::Harmless && (c.first..=c.last).any(|i| tokens[i].is(class::REQUEST)))
            && self.text.speakers > 1
    }

    /// "expires 12.28": nothing but links between.
    fn is_stated(&self, cue: &Cue, first: usize) -> bool {
        let between = cue.last + 1..first;
        self.text.words_between(cue.last, first) <= STATED_WORDS + 1
            && between.clone().all(|i| {
                let t = &self.text.tokens[i];
                t.is(class::COPULA | class::LEAD | class::FILLER) || self.marks.infill[i]
            })
    }
}
