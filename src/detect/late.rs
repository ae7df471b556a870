//! A word that comes long after its question: glasses are looked for, the
//! weather is spoken of, and then "okay, it's harmonica" – "thank you". It
//! still answers, while nothing else was asked.

use super::cues::{Cue, Marks, What};
use super::lexicon::class;
use super::text::Text;
use crate::call::Reason;
use std::ops::{Range, RangeInclusive};

/// Turns and words after the question that are read.
const MOST_TURNS: usize = 14;
const MOST_WORDS: usize = 90;
/// Words of a late value.
const VALUE_WORDS: usize = 4;
/// Words of a turn that asks for nothing: "the one on the account".
const ASIDE_WORDS: usize = 5;

pub(super) struct Late<'a> {
    pub text: &'a Text<'a>,
    pub marks: &'a Marks,
}

impl Late<'_> {
    /// The value at the end of a turn that is thanked for, after the word `from`.
    pub fn find(&self, cue: &Cue, from: usize) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        if self.text.speakers < 2 {
            return None;
        }
        let end = self.end(cue, from);
        let asker = tokens[cue.last].speaker;
        let mut at = self.turn_end(cue.last, end);
        for _ in 0..MOST_TURNS {
            let turn = at..self.turn_end(at, end);
            if turn.is_empty() {
                return None;
            }
            if tokens[turn.start].speaker == asker {
                if self.asks_else(turn.clone()) {
                    return None;
                }
            } else {
                if turn.clone().any(|i| tokens[i].is(class::FORGOT))
                    && !turn.clone().any(|i| self.marks.hold[i])
                {
                    return None;
                }
                if turn.start >= from
                    && self.is_thanked(turn.end, end)
                    && let Some(value) = self.at_end(turn.clone())
                {
                    return Some(value);
                }
            }
            at = turn.end;
        }
        None
    }

    /// Where another thing is the subject, or it is too late.
    fn end(&self, cue: &Cue, from: usize) -> usize {
        let first = self.marks.cues.partition_point(|c| c.first <= from.max(cue.last));
        let other = |c: &&Cue| !matches!(c.what, What::Secret { reason: Reason::Password, .. });
        let most = self.text.len().min(cue.last + MOST_WORDS);
        let next = self.marks.cues[first..].iter().take_while(|c| c.first < most).find(other);
        next.map_or(most, |c| c.first)
    }

    /// The first word behind the turn at `at`.
    fn turn_end(&self, at: usize, end: usize) -> usize {
        let Some(token) = self.text.tokens.get(at) else { return end };
        (at..end).find(|i| self.text.tokens[*i].turn != token.turn).unwrap_or(end.max(at))
    }

    /// The asker asks for another thing: more than "take your time".
    fn asks_else(&self, turn: Range<usize>) -> bool {
        let request =
            |i: usize| self.text.tokens[i].is(class::REQUEST) && !self.marks.hold[i] && !self.marks.infill[i];
        turn.len() > ASIDE_WORDS && turn.into_iter().any(request)
    }

    /// The asker's next turn begins with "thank you", "perfect".
    fn is_thanked(&self, at: usize, end: usize) -> bool {
        let thanks = |t: &super::text::Token| t.is(class::CLOSE | class::BACKCHANNEL);
        self.text.tokens.get(at).filter(|_| at <= end).is_some_and(|t| thanks(t) && !t.is(class::REQUEST))
    }

    /// Words that nobody says otherwise, letters or a code, at a turn's end
    /// behind "it's", "okay" or nothing.
    fn at_end(&self, turn: Range<usize>) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let code = |i: usize| {
            let t = &tokens[i];
            t.letter && !t.is(class::LETTER_WORD) || t.spells || t.written.is_some() || t.numeral.is_some()
        };
        let unknown =
            |i: usize| tokens[i].classes & !(class::STARTS_PHRASE | class::SYMBOL | class::SPELLING) == 0;
        let part = |i: &usize| (unknown(*i) || code(*i)) && !self.marks.hold[*i] && !self.marks.infill[*i];
        let first = turn.clone().rev().take_while(part).last()?;
        let words = (first..turn.end).filter(|i| !code(*i)).count();
        let behind = |i: usize| self.marks.hold[i] || self.marks.infill[i] || tokens[i].is(class::COPULA);
        let announced = first == turn.start || behind(first - 1);
        let asks = tokens[turn.end - 1].asks;
        (announced && words <= VALUE_WORDS && !asks).then_some(first..=turn.end - 1)
    }
}
