//! An e-mail address over several turns: "bob dot jones" – "at what?" –
//! "comcast dot net". Its parts alone have no shape; who was asked for it says them.

use super::Detection;
use super::cues::{Cue, Marks, What};
use super::lexicon::class;
use super::text::{TURN_WORDS, Text};
use crate::call::Reason;
use std::ops::{Range, RangeInclusive};

/// Turns after the question that are read.
const MOST_TURNS: u32 = 7;
/// Words of a question after its keyword.
const REST_WORDS: usize = 6;
/// Words of a local part that is neither spelled nor has a "dot".
const PLAIN_WORDS: usize = 5;
/// Letters in a row that are an address's by themselves.
const LEAST_LETTERS: usize = 3;

pub struct Turns<'a> {
    pub text: &'a Text<'a>,
    pub marks: &'a Marks,
}

impl Turns<'_> {
    /// Every part outside `found`, with the keyword that asked for it.
    pub fn find(&self, found: &[Detection]) -> Vec<(RangeInclusive<usize>, (usize, usize))> {
        let mut out = Vec::new();
        if self.text.speakers < 2 {
            return out;
        }
        for (n, cue) in self.marks.cues.iter().enumerate() {
            let mail = matches!(cue.what, What::Secret { reason: Reason::Email, .. });
            let rest = self.text.tokens[cue.last + 1..].iter().take(REST_WORDS + 1);
            let turn = self.text.tokens[cue.last].turn;
            if mail
                && cue.asks
                && self.asks_whole(cue)
                && rest.take_while(|t| t.turn == turn).count() <= REST_WORDS
            {
                let parts = self.parts(n, cue, found);
                out.extend(parts.into_iter().map(|r| (r, (cue.first, cue.last))));
            }
        }
        out
    }

    /// "At what?" is no "at what time?".
    fn asks_whole(&self, cue: &Cue) -> bool {
        let tokens = &self.text.tokens;
        let next = tokens.get(cue.last + 1).filter(|t| t.turn == tokens[cue.last].turn);
        let goes_on = next.is_some_and(|t| !t.is(class::MAIL_WORD | class::DOMAIN) && !t.is_filler());
        !(tokens[cue.first].is(class::AT)
            && cue.first < cue.last
            && !tokens[cue.last].ends_sentence
            && goes_on)
    }

    /// What is said to the question `n`, where no whole address answers it.
    fn parts(&self, n: usize, cue: &Cue, found: &[Detection]) -> Vec<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let turn = tokens[cue.last].turn;
        let end = self.end(n, turn);
        let mut at = (cue.last + 1..end).find(|i| tokens[*i].turn != turn).unwrap_or(end);
        let mut out: Vec<RangeInclusive<usize>> = Vec::new();
        let mut whole = false;
        // "at what?", "before the at?": asked of an address and nothing else.
        let told = tokens[cue.first..=cue.last].iter().any(|t| t.is(class::AT));
        while at < end && !whole {
            let own = at..(at..end).find(|i| tokens[*i].turn != tokens[at].turn).unwrap_or(end);
            let near = found.get(found.partition_point(|d| d.last < own.start));
            let known = near.is_some_and(|d| d.first < own.end);
            if known {
                return if out.is_empty() { Vec::new() } else { out };
            }
            let answers = tokens[own.start].speaker != tokens[cue.last].speaker;
            if answers && let Some(part) = self.content(own.clone()) {
                let domain = self.has_domain(&part);
                // "ana guion bajo" – "sí" – "luz"
                let joins = out.last().is_some_and(|p| tokens[*p.end()].is(class::MAIL_JOINT));
                let told = told || self.goes_on(own.end..end);
                let first = out.is_empty() && (self.is_spelled(&part) || self.is_plain(&part) && told);
                if domain || first || joins || !out.is_empty() && self.is_spelled(&part) {
                    out.push(part);
                }
                whole = domain;
            }
            at = own.end;
        }
        out
    }

    /// Where the talk about this address ends: at another subject, or some turns later.
    fn end(&self, n: usize, turn: u32) -> usize {
        let other = |c: &&Cue| !matches!(c.what, What::Secret { reason: Reason::Email, .. });
        let most = self.marks.cues[n].last + 1 + TURN_WORDS;
        let next = self.marks.cues[n + 1..].iter().take_while(|c| c.first < most).find(other);
        let end = next.map_or(self.text.len(), |c| c.first).min(most).min(self.text.len());
        (self.marks.cues[n].last + 1..end)
            .find(|i| self.text.tokens[*i].turn > turn + MOST_TURNS)
            .unwrap_or(end)
    }

    /// An answer without what is said around it: "it's", "um", "okay thanks".
    fn content(&self, own: Range<usize>) -> Option<RangeInclusive<usize>> {
        let aside = |i: &usize| {
            let t = &self.text.tokens[*i];
            let said = t.is(class::MAIL_STOP | class::LEAD | class::CLOSE)
                || self.marks.infill[*i]
                || self.marks.hold[*i]
                || self.marks.correction[*i];
            !(said && !t.letter && !t.is(class::AT | class::MAIL_JOINT | class::DOMAIN | class::PROVIDER))
        };
        let first = own.clone().find(aside)?;
        let last = own.rev().find(aside)?;
        let begins = &self.text.tokens[first];
        (begins.is(class::AT) || !begins.is(class::REFUSE | class::REQUEST)).then_some(first..=last)
    }

    fn has_domain(&self, part: &RangeInclusive<usize>) -> bool {
        let tokens = &self.text.tokens;
        part.clone().any(|i| {
            let end = tokens[i].is(class::DOMAIN) || i == *part.end() && !tokens[i].letter;
            tokens[i].is(class::PROVIDER) || i > *part.start() && end && tokens[i - 1].is(class::DOT)
        })
    }

    /// Letters in a row, or words with a "dot" between.
    fn is_spelled(&self, part: &RangeInclusive<usize>) -> bool {
        let tokens = &self.text.tokens;
        let letters = part.clone().filter(|i| tokens[*i].letter).count() >= LEAST_LETTERS;
        let joined = part.clone().any(|i| tokens[i].is(class::MAIL_JOINT)) && part.end() > part.start();
        letters || joined
    }

    /// A word or two that nobody says otherwise, or a number behind one.
    fn is_plain(&self, part: &RangeInclusive<usize>) -> bool {
        let tokens = &self.text.tokens;
        let unknown =
            |i: usize| tokens[i].classes & !class::STARTS_PHRASE == 0 && tokens[i].numeral.is_none();
        part.end() - part.start() < PLAIN_WORDS && part.clone().any(unknown)
    }

    /// "at what?", "at gmail": an address goes on in a later turn.
    fn goes_on(&self, rest: Range<usize>) -> bool {
        let tokens = &self.text.tokens;
        rest.into_iter().any(|i| {
            tokens[i].is(class::AT | class::PROVIDER)
                || i > 0 && tokens[i].is(class::DOMAIN) && tokens[i - 1].is(class::DOT)
        })
    }
}
