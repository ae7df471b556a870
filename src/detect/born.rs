//! A date of birth that is said in parts: "March", "mm-hmm", "the fourth",
//! "yes", "fifty-nine". Whoever was asked for it says day, month and year in
//! any order, over as many turns as the other needs to write them down.

use super::cues::{Cue, Marks, What};
use super::lexicon::{Numeral, class};
use super::numbers::{Chunk, Kind};
use super::text::{Text, Written};
use crate::call::Reason;
use std::ops::RangeInclusive;

/// Words that say nothing of the date between two of its parts, and before its first.
const WORDS_BETWEEN: usize = 4;
const WORDS_BEFORE: usize = 12;
/// Words from the keyword to what it announces: "birthday is the 4th".
const DIRECT_WORDS: usize = 3;
/// Words that are read for one date.
const REACH: usize = 60;
/// Digits that a part of a date may have: "19801980" is a whole one.
const MOST_DIGITS: usize = 8;

/// A date found, with the keyword that asked for it.
pub type Born = (RangeInclusive<usize>, (usize, usize));

pub struct Births<'a> {
    pub text: &'a Text<'a>,
    pub marks: &'a Marks,
    pub chunks: &'a [Chunk],
}

/// What has been said of a date so far.
#[derive(Clone, Copy, Default)]
struct Said {
    month: bool,
    ordinal: bool,
    year: bool,
    numbers: usize,
}

impl Said {
    /// Day, month and year are there.
    fn is_whole(self) -> bool {
        usize::from(self.month) + usize::from(self.ordinal) + usize::from(self.year) + self.numbers >= 3
    }

    fn begun(self) -> bool {
        self.month || self.ordinal || self.year || self.numbers > 0
    }
}

/// One part of a date: its words, and what it says.
struct Part {
    last: usize,
    said: Said,
}

impl Births<'_> {
    /// Every part of every date of birth; they may overlap with what is found otherwise.
    pub fn find(&self) -> Vec<Born> {
        let mut found = Vec::new();
        for (n, cue) in self.marks.cues.iter().enumerate() {
            if matches!(cue.what, What::Secret { reason: Reason::Dob, .. }) {
                self.after(n, cue, &mut found);
            }
        }
        found
    }

    /// The parts that follow the keyword `n`.
    fn after(&self, n: usize, cue: &Cue, found: &mut Vec<Born>) {
        let tokens = &self.text.tokens;
        let (mut said, mut between, mut at) = (Said::default(), 0, cue.last + 1);
        let mut cues = self.marks.cues[n + 1..].iter().peekable();
        let reach = tokens.len().min(at + REACH);
        while at < reach {
            while cues.peek().is_some_and(|c| c.first < at) {
                cues.next();
            }
            if cues.peek().is_some_and(|c| c.first == at && !self.goes_with(c, said)) {
                return;
            }
            let token = &tokens[at];
            let own = token.turn == tokens[cue.last].turn && self.text.speakers > 1;
            let asked = said.begun() || cue.asks && !own || between == 0 && at <= cue.last + DIRECT_WORDS;
            if let Some(part) = self.part(at, asked) {
                // Between two whole dates the second is another's, or corrects the first.
                let corrects = (at.saturating_sub(3)..at).any(|i| self.marks.correction[i]);
                if said.is_whole() && !corrects {
                    return;
                }
                let first = if said.begun() { self.with_article(at) } else { at };
                said = if corrects && said.is_whole() { part.said } else { said.and(part.said) };
                found.push((first..=part.last, (cue.first, cue.last)));
                (between, at) = (0, part.last + 1);
                continue;
            }
            if self.is_plainly_else(at) {
                return;
            }
            if token.is(class::DATE_PART) {
                between = 0;
            } else if !(token.is_filler()
                || token.is(class::DATE_INSIDE)
                || self.marks.infill[at]
                || self.marks.hold[at]
                || self.marks.correction[at])
            {
                between += 1;
            }
            if between > if said.begun() { WORDS_BETWEEN } else { WORDS_BEFORE } {
                return;
            }
            at += 1;
        }
    }

    /// A keyword inside a date that does not end it: "birth" again, and what only asks for more.
    fn goes_with(&self, cue: &Cue, said: Said) -> bool {
        let part = (cue.first..=cue.last).any(|i| self.text.tokens[i].is(class::DATE_PART));
        matches!(cue.what, What::Secret { reason: Reason::Dob, .. }) && !said.begun() || part && said.begun()
    }

    /// A price, a time, a count: the subject has changed.
    fn is_plainly_else(&self, at: usize) -> bool {
        self.chunk_at(at).is_some_and(|c| {
            matches!(c.kind, Kind::Price | Kind::Time) || self.counts(c) || c.len() > MOST_DIGITS
        })
    }

    /// "four days", but not "four" before "and the year?".
    fn counts(&self, chunk: &Chunk) -> bool {
        let turn = self.text.tokens[chunk.last].turn;
        let after = self.text.tokens.get(chunk.last + 1).filter(|t| t.turn == turn);
        chunk.counted && after.is_some_and(|t| !t.is(class::DATE_PART | class::DATE_INSIDE))
    }

    fn chunk_at(&self, at: usize) -> Option<&Chunk> {
        let n = self.chunks.partition_point(|c| c.last < at);
        self.chunks.get(n).filter(|c| c.first <= at)
    }

    /// The part of a date that begins at `at`: a chunk of numbers, a month or a
    /// day by its ordinal that stands alone.
    fn part(&self, at: usize, asked: bool) -> Option<Part> {
        let token = &self.text.tokens[at];
        if let Some(chunk) = self.chunk_at(at).filter(|c| c.first == at) {
            let plain = matches!(chunk.kind, Kind::Number | Kind::Slashed | Kind::Date);
            let fits = plain && !self.counts(chunk) && chunk.letters == 0 && chunk.len() <= MOST_DIGITS;
            // "birthday cards, 3 for 10": a small number is a day only to who asked.
            let fits = fits && (asked || chunk.len() >= 3 || chunk.month.is_some() || chunk.ordinal);
            return fits.then(|| Part { last: chunk.last, said: of_chunk(chunk) });
        }
        let ordinal = |i: usize| {
            let token = self.text.tokens.get(i);
            token.is_some_and(|t| {
                matches!(t.numeral, Some(Numeral::Ordinal(_))) || t.written == Some(Written::Ordinal)
            })
        };
        if asked && token.is(class::MONTH) && !token.letter && self.stands_alone(at) {
            return Some(Part { last: at, said: Said { month: true, ..Said::default() } });
        }
        (asked && ordinal(at) && self.stands_alone(at))
            .then(|| Part { last: at, said: Said { ordinal: true, ..Said::default() } })
    }

    /// Nothing but sounds, articles and other parts of a date beside it: "march"
    /// is a month, "march over there" is none.
    fn stands_alone(&self, at: usize) -> bool {
        let tokens = &self.text.tokens;
        let token = &tokens[at];
        let plain = |i: usize| {
            let t = &tokens[i];
            t.turn != token.turn
                || t.is_filler()
                || t.is(class::DATE_INSIDE | class::LEAD | class::CLOSE | class::MONTH | class::COPULA)
                || self.marks.infill[i]
                || self.marks.correction[i]
                || t.numeral.is_some()
                || t.written.is_some()
        };
        let before = at == 0 || tokens[at - 1].ends_sentence || plain(at - 1);
        let after = token.ends_sentence || at + 1 >= tokens.len() || plain(at + 1);
        before && after
    }

    /// "the" before a day that follows another part.
    fn with_article(&self, at: usize) -> usize {
        let tokens = &self.text.tokens;
        let inside = |i: usize| tokens[i].is(class::DATE_INSIDE) && tokens[i].turn == tokens[at].turn;
        (at.saturating_sub(2)..at).rev().take_while(|i| inside(*i)).last().unwrap_or(at)
    }
}

impl Said {
    fn and(self, other: Said) -> Said {
        Said {
            month: self.month || other.month,
            ordinal: self.ordinal || other.ordinal,
            year: self.year || other.year,
            numbers: self.numbers + other.numbers,
        }
    }
}

/// What a chunk says of a date.
fn of_chunk(chunk: &Chunk) -> Said {
    let mut said = Said { month: chunk.month.is_some(), ordinal: chunk.ordinal, ..Said::default() };
    // "august mille …": a year that was not said to its end.
    let begun = chunk.digits.ends_with("1000") && chunk.scale;
    let mut groups =
        chunk.groups.len() - usize::from(begun) - usize::from(chunk.ordinal && !chunk.groups.is_empty());
    let digits = chunk.digits.as_str();
    // "nineteen eighty", "1980": a year, said in one group or two.
    for (at, _) in digits.match_indices("19").chain(digits.match_indices("20")) {
        let ends = at + 4 == digits.len();
        if ends && !said.year && digits.len() >= 4 {
            said.year = true;
            groups = groups.saturating_sub(if chunk.groups.last() == Some(&4) { 1 } else { 2 });
        }
    }
    // "031459": six and eight digits in one group are a whole date.
    said.numbers = if chunk.groups.len() == 1 && digits.len() >= 6 { 3 } else { groups };
    said
}
