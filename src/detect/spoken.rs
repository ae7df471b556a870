//! Secrets that are words: a password, the answer to a security question, a
//! name. They are found by who asked and who answers.

use super::cues::{Cue, Marks, What};
use super::lexicon::class;
use super::names::Names;
use super::text::{TURN_WORDS, Text, Written};
use crate::call::Reason;
use std::ops::RangeInclusive;

/// Words of a value at most; letters that are spelled count for nothing.
const PASSWORD_WORDS: usize = 6;
/// Words after "my name is" in which who answers the telephone offers help.
const GREETING_WORDS: usize = 14;
/// Words between a keyword and its "is".
const COPULA_WORDS: usize = 6;
/// Words of a question after its keyword.
const REST_WORDS: usize = 6;
const QUESTION_WORDS: usize = 18;
/// Words in which a "hold on" comes before an answer.
const HOLD_WORDS: usize = 6;
/// Turns that an answer may be late.
const LATE_TURNS: u32 = 4;
/// Numbers that are an answer by themselves.
const LEAST_DIGITS: usize = 3;
/// And cues: where no speakers are told apart, a call is one turn.
const LATE_CUES: usize = 6;
/// A pause that ends a value.
const MAX_PAUSE_S: f64 = 1.8;
/// A pause after which an answer begins, where no speakers are told apart.
const ANSWER_PAUSE_S: f64 = 0.35;

pub struct Spoken<'a> {
    pub text: &'a Text<'a>,
    pub marks: &'a Marks,
}

impl Spoken<'_> {
    /// Every value that is words, with the keyword that announced it.
    pub fn find(&self) -> Vec<(RangeInclusive<usize>, Reason, (usize, usize))> {
        let mut found = Vec::new();
        for cue in &self.marks.cues {
            let What::Secret { reason: reason @ (Reason::Password | Reason::Name), .. } = cue.what else {
                continue;
            };
            // "my first car was a wreck" answers nothing that was asked.
            let worded = matches!(cue.what, What::Secret { worded: true, .. }) && !cue.asks;
            if worded {
                continue;
            }
            // "this is …" tells a name only to who asked for one.
            let weak = matches!(cue.what, What::Secret { strong: false, .. });
            if reason == Reason::Name && (self.is_greeting(cue) || weak && !self.was_asked(cue)) {
                continue;
            }
            let value = self.stated(cue, reason).or_else(|| self.answered(cue, reason));
            found.extend(value.map(|v| (v, reason, (cue.first, cue.last))));
        }
        found
    }

    /// "my name is Karen and I'll be helping you": who answers the telephone is no secret.
    fn is_greeting(&self, cue: &Cue) -> bool {
        let tokens = &self.text.tokens;
        let turn = tokens[cue.last].turn;
        !cue.asks
            && (cue.last + 1..tokens.len())
                .take(GREETING_WORDS)
                .take_while(|i| tokens[*i].turn == turn)
                .any(|i| tokens[i].is(class::SERVICE))
    }

    /// A name was asked for in one of the turns before.
    fn was_asked(&self, cue: &Cue) -> bool {
        let turn = |c: &Cue| self.text.tokens[c.last].turn;
        let before = &self.marks.cues[..self.marks.cues.partition_point(|c| c.first < cue.first)];
        let near = before.iter().rev().take(LATE_CUES).take_while(|c| turn(c) + LATE_TURNS >= turn(cue));
        near.into_iter().any(|c| c.asks && matches!(c.what, What::Secret { reason: Reason::Name, .. }))
    }

    /// "my password is blue monkey".
    fn stated(&self, cue: &Cue, reason: Reason) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let turn = tokens[cue.last].turn;
        if tokens[cue.last].ends_sentence {
            return None;
        }
        let reach = tokens.len().min(cue.last + 1 + COPULA_WORDS);
        let own =
            tokens[cue.first..=cue.last].iter().any(|t| t.is(class::COPULA)) || tokens[cue.last].possessive;
        let copula = (cue.last + 1..reach)
            .take_while(|i| tokens[*i].turn == turn && !tokens[*i - 1].ends_sentence)
            .find(|i| tokens[*i].is(class::COPULA));
        let from = match copula {
            Some(i) => i + 1,
            None if own => cue.last + 1,
            None => return None,
        };
        // "what is the password": the copula stands before the keyword, the value in the answer.
        self.value(from, turn, reason)
    }

    /// "what's the password" – "copper kettle".
    fn answered(&self, cue: &Cue, reason: Reason) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let turn = tokens[cue.last].turn;
        let rest =
            tokens[cue.last + 1..].iter().take_while(|t| t.turn == turn).take(QUESTION_WORDS + 1).count();
        // "… a security question: who was your best friend?"
        let question = tokens[cue.first..=cue.last].iter().any(|t| t.is(class::QUESTION));
        let most = if question { QUESTION_WORDS } else { REST_WORDS };
        if !(cue.asks || question) || self.text.speakers > 1 && rest > most {
            return None;
        }
        if self.text.speakers < 2 {
            return self.answered_by_pause(cue, reason);
        }
        let mut at = (cue.last + 1..tokens.len()).take(TURN_WORDS).find(|i| tokens[*i].turn != turn)?;
        let answers = tokens[at].speaker;
        loop {
            let own = tokens.get(at)?.turn;
            if own > turn + LATE_TURNS {
                return None;
            }
            if tokens[at].speaker == answers
                && let Some(value) = self.value(at, own, reason)
            {
                return Some(value);
            }
            let words = (at..tokens.len()).take(TURN_WORDS).take_while(|i| tokens[*i].turn == own);
            let waits = words.clone().any(|i| self.marks.hold[i])
                || words.clone().all(|i| tokens[i].is_filler() || tokens[i].is(class::LEAD));
            // Only who is looking for it, or is told to go ahead, answers later.
            if !waits && tokens[at].speaker == answers {
                return None;
            }
            at = words.last()? + 1;
        }
    }

    fn answered_by_pause(&self, cue: &Cue, reason: Reason) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let reach = tokens.len().min(cue.last + 8);
        let at =
            (cue.last + 1..reach).find(|i| tokens[*i - 1].asks || self.text.pause_s(*i) >= ANSWER_PAUSE_S)?;
        // What is asked for was said before the pause, in digits.
        let number = |i: usize| tokens[i].written.is_some() || tokens[i].numeral.is_some();
        if (cue.last + 1..at).filter(|i| number(*i)).count() >= LEAST_DIGITS {
            return None;
        }
        self.value(at, tokens[at].turn, reason)
    }

    /// The value that begins at `from` or a few words later, in turn `turn`.
    fn value(&self, from: usize, turn: u32, reason: Reason) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        if reason == Reason::Name {
            return Names { text: self.text, marks: self.marks }.find(from, turn);
        }
        // What was said before "hold on" is no value.
        let own = tokens.iter().skip(from).take(TURN_WORDS).take_while(|t| t.turn == turn).count();
        // In a call that is one turn, only a "hold on" right at the beginning is this answer's.
        let own = if self.text.speakers < 2 { own.min(HOLD_WORDS) } else { own };
        let held = (from..from + own).rev().find(|i| self.marks.hold[*i]);
        let mut first = held.map_or(from, |i| i + 1);
        while let Some(token) = tokens.get(first).filter(|t| t.turn == turn) {
            let skip = token.is(class::LEAD | class::FILLER | class::COPULA)
                || self.marks.infill[first]
                || token.is(class::CORRECTION);
            if !skip || token.letter && tokens.get(first + 1).is_some_and(|t| t.letter) {
                break;
            }
            if token.ends_sentence && first > from + 3 {
                return None;
            }
            first += 1;
        }
        let begins = tokens.get(first).filter(|t| t.turn == turn)?;
        // "no, just the order number": another thing is told.
        let cues = &self.marks.cues[self.marks.cues.partition_point(|c| c.first < from)..];
        if cues.iter().take_while(|c| c.first <= first).any(|c| c.what == What::Harmless) {
            return None;
        }
        if begins.is(class::REFUSE | class::CLOSE | class::REQUEST) && !begins.letter {
            return None;
        }
        let (mut last, mut words) = (first, 0);
        for (i, token) in tokens.iter().enumerate().skip(first) {
            let over = token.turn != turn
                || i > first && (self.text.pause_s(i) > MAX_PAUSE_S || tokens[i - 1].ends_sentence);
            if over
                || words >= PASSWORD_WORDS
                || i > first && token.is(class::CLOSE) && !token.letter && token.numeral.is_none()
            {
                break;
            }
            if !token.is_filler() {
                words += usize::from(!token.letter && token.written.is_none() && token.numeral.is_none());
                last = i;
            }
        }
        // "half an inch, four dollars": a thing for sale, no word to get in with.
        let number = |i: usize| tokens[i].written.is_some() || tokens[i].numeral.is_some();
        let counts = (first..=last).any(|i| {
            let counted = i > first && tokens[i].is(class::UNIT_AFTER) && number(i - 1);
            tokens[i].is(class::PRICE) || tokens[i].written == Some(Written::Price) || counted
        });
        (!counts).then_some(first..=last)
    }
}
