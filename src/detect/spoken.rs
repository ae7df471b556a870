//! Secrets that are words: a password, the answer to a security question, a
//! name. They are found by who asked and who answers.

use super::cues::{Cue, Marks, What};
use super::late::Late;
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
/// Words and cues in which a security question stays the subject.
const SUBJECT_WORDS: u32 = 60;
const SUBJECT_CUES: usize = 12;
/// Corrections of one value; words before one, and words that say why: "that's the old one, it's".
const MOST_CORRECTIONS: usize = 3;
const CORRECTION_WORDS: usize = 2;
const OLD_ONE_WORDS: usize = 8;
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
            if self.is_stray_answer(cue) {
                continue;
            }
            let value = self.stated(cue, reason).or_else(|| self.answered(cue, reason));
            let value = value.or_else(|| self.said_before(cue, reason)).filter(|v| !self.echoes(cue, v));
            let late = self.late(cue, reason, value.as_ref());
            let keyword = (cue.first, cue.last);
            let corrected = value.iter().flat_map(|v| self.corrected(*v.end(), reason)).collect::<Vec<_>>();
            found.extend(value.into_iter().chain(corrected).chain(late).map(|v| (v, reason, keyword)));
        }
        found
    }

    /// What comes long after the question, where nothing came at once, or what
    /// came was said on the way: "honey, what's the password?".
    fn late(
        &self,
        cue: &Cue,
        reason: Reason,
        value: Option<&RangeInclusive<usize>>,
    ) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let held = |v: &RangeInclusive<usize>| {
            (cue.last + 1..*v.end()).any(|i| self.marks.hold[i] && tokens[i].turn != tokens[cue.last].turn)
        };
        if reason != Reason::Password || !cue.asks || value.is_some_and(|v| !held(v)) {
            return None;
        }
        Late { text: self.text, marks: self.marks }.find(cue, value.map_or(cue.last + 1, |v| v.end() + 1))
    }

    /// "mother's maiden name" – "my mother's?": the question again is no answer.
    fn echoes(&self, cue: &Cue, value: &RangeInclusive<usize>) -> bool {
        let asked: Vec<_> = (cue.first..=cue.last).map(|i| self.text.plain(i)).collect();
        value.clone().all(|i| asked.contains(&self.text.plain(i)))
    }

    /// "and the answer?" asks for a secret only where security questions are the subject.
    fn is_stray_answer(&self, cue: &Cue) -> bool {
        let counted = |c: &Cue| self.text.tokens[c.last].counted;
        let before = &self.marks.cues[..self.marks.cues.partition_point(|c| c.first < cue.first)];
        matches!(cue.what, What::Secret { worded: true, strong: false, .. })
            && !before
                .iter()
                .rev()
                .take(SUBJECT_CUES)
                .take_while(|c| counted(c) + SUBJECT_WORDS >= counted(cue))
                .any(|c| matches!(c.what, What::Secret { reason: Reason::Password, strong: true, .. }))
    }

    /// "tiger lily nine is my password", "I set it to tiger lily as the password".
    fn said_before(&self, cue: &Cue, reason: Reason) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        if reason != Reason::Password || matches!(cue.what, What::Secret { worded: true, .. }) {
            return None;
        }
        let turn = tokens[cue.first].turn;
        let own = |i: usize| tokens[i].turn == turn && !tokens[i].ends_sentence;
        let before = (cue.first.saturating_sub(3)..cue.first).rev();
        let copula = before.take_while(|i| own(*i)).find(|i| tokens[*i].is(class::COPULA))?;
        if (copula + 1..cue.first).count() == 0 || !(copula + 1..cue.first).all(|i| tokens[i].is(class::LEAD))
        {
            return None;
        }
        let part = |i: &usize| {
            let t = &tokens[*i];
            let ordinal = matches!(t.numeral, Some(super::lexicon::Numeral::Ordinal(_)));
            own(*i)
                && !ordinal
                && (self.is_code(*i) || t.classes & !(class::STARTS_PHRASE | class::SYMBOL) == 0)
        };
        let first = (copula.saturating_sub(PASSWORD_WORDS)..copula).rev().take_while(part).last()?;
        let opens = first == 0 || tokens[first - 1].turn != turn || tokens[first - 1].ends_sentence;
        let linked = first > 0 && tokens[first - 1].is(class::COPULA | class::HOMOPHONE);
        let sure = copula - first >= 2 || self.is_code(first);
        ((opens || linked) && sure).then_some(first..=copula - 1)
    }

    /// A letter, digits or a number word.
    fn is_code(&self, at: usize) -> bool {
        let t = &self.text.tokens[at];
        t.letter && (t.spells || !t.is(class::LETTER_WORD)) || t.written.is_some() || t.numeral.is_some()
    }

    /// "sunflower, no sorry, sunflowers": what comes after a correction is a value too.
    fn corrected(&self, mut last: usize, reason: Reason) -> Vec<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let turn = tokens[last].turn;
        let mut out = Vec::new();
        while out.len() < MOST_CORRECTIONS {
            let own = |i: &usize| tokens[*i].turn == turn;
            let corrects = |i: &usize| self.marks.correction[*i];
            let near = (last + 1..tokens.len()).take(CORRECTION_WORDS).take_while(own);
            let Some(at) = near.into_iter().find(corrects) else { break };
            let from = (at..tokens.len()).take_while(own).find(|i| !corrects(i));
            let Some(from) = from else { break };
            // "no, that's the old one, it's …": the value follows the last of them.
            let reach = (from..tokens.len()).take(OLD_ONE_WORDS).take_while(own);
            // "it's harmonica, yes, that's the one": what comes behind the value is none.
            let reach = reach.take_while(|i| *i == from || !tokens[*i].is(class::BACKCHANNEL));
            let copula = reach.filter(|i| tokens[*i].is(class::COPULA)).last();
            let Some(value) = self.value(copula.map_or(from, |i| i + 1), turn, reason) else { break };
            last = *value.end();
            out.push(value);
        }
        out
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
        let own = tokens[cue.first..=cue.last].iter().any(|t| t.is(class::COPULA))
                || tokens[cue.last].possessive
                // "change my password to"
                || tokens[cue.last].is(class::HOMOPHONE);
        let copula = (cue.last + 1..reach)
            .take_while(|i| tokens[*i].turn == turn && !tokens[*i - 1].ends_sentence)
            .find(|i| tokens[*i].is(class::COPULA));
        let from = match copula {
            Some(i) => i + 1,
            None if own => cue.last + 1,
            // "the password, d like dog"
            None if tokens.get(cue.last + 1).is_some_and(|t| t.turn == turn && t.spells) => cue.last + 1,
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

    /// The first word in turn `turn` that is no "sure, it's" and nothing before a "hold on".
    fn begins(&self, from: usize, turn: u32, reason: Reason) -> Option<usize> {
        let tokens = &self.text.tokens;
        // What was said before "hold on" is no value.
        let own = tokens.iter().skip(from).take(TURN_WORDS).take_while(|t| t.turn == turn).count();
        // In a call that is one turn, only a "hold on" right at the beginning is this answer's.
        let own = if self.text.speakers < 2 { own.min(HOLD_WORDS) } else { own };
        let held = (from..from + own).rev().find(|i| self.marks.hold[*i]);
        let mut first = held.map_or(from, |i| i + 1);
        while let Some(token) = tokens.get(first).filter(|t| t.turn == turn) {
            // "the password? d like dog": the keyword said again is no value.
            if let Some(again) = self.cue_at(first, reason) {
                first = again.last + 1;
                continue;
            }
            // "it's for the bank", "is on the back": where and what for, not what.
            let place = token.is(class::PURPOSE | class::PLACE_IN)
                && first > 0
                && tokens[first - 1].is(class::COPULA)
                && tokens.get(first + 1).is_some_and(|t| t.is(class::ARTICLE | class::LEAD) && !t.letter);
            if place && reason == Reason::Password {
                return None;
            }
            let skip = token.is(class::LEAD | class::FILLER | class::COPULA)
                || self.marks.infill[first]
                || token.is(class::CORRECTION);
            if !skip || self.begins_spelling(first) {
                break;
            }
            if token.ends_sentence && first > from + 3 {
                return None;
            }
            first += 1;
        }
        Some(first)
    }

    /// The value that begins at `from` or a few words later, in turn `turn`.
    fn value(&self, from: usize, turn: u32, reason: Reason) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        if reason == Reason::Name {
            return Names { text: self.text, marks: self.marks }.find(from, turn);
        }
        let first = self.begins(from, turn, reason)?;
        let begins = tokens.get(first).filter(|t| t.turn == turn)?;
        // "no, just the order number": another thing is told.
        let cues = &self.marks.cues[self.marks.cues.partition_point(|c| c.first < from)..];
        if cues.iter().take_while(|c| c.first <= first).any(|c| c.what == What::Harmless) {
            return None;
        }
        if begins.is(class::REFUSE | class::CLOSE | class::REQUEST)
            && !begins.letter
            && !begins.is(class::SYMBOL)
        {
            return None;
        }
        let first = self.with_article(first, from, turn);
        let (mut last, mut words) = (first, 0);
        for (i, token) in tokens.iter().enumerate().skip(first) {
            let over = token.turn != turn
                || i > first && (self.text.pause_s(i) > MAX_PAUSE_S || tokens[i - 1].ends_sentence);
            if over || words >= PASSWORD_WORDS || i > first && self.closes(i) {
                break;
            }
            if !token.is_filler() || token.is(class::AND) && tokens.get(i + 1).is_some_and(|t| t.turn == turn)
            {
                words +=
                    usize::from(!self.is_code(i) && !token.nato && !token.is(class::SYMBOL | class::AND));
                last = i;
            }
        }
        // "half an inch, four dollars": a thing for sale, no word to get in with.
        let number = |i: usize| tokens[i].written.is_some() || tokens[i].numeral.is_some();
        let counts = (first..=last).any(|i| {
            // "nine dollar sign" is no price.
            let sign = tokens[i].is(class::SYMBOL) && tokens.get(i + 1).is_some_and(|t| t.is(class::SYMBOL));
            let counted =
                i > first && tokens[i].is(class::UNIT_AFTER) && number(i - 1) && !number(i) && !sign;
            tokens[i].is(class::PRICE) || tokens[i].written == Some(Written::Price) || counted
        });
        (!counts).then_some(first..=last)
    }

    /// A word that ends a value, and is none of its letters, numbers and signs.
    fn closes(&self, at: usize) -> bool {
        let tokens = &self.text.tokens;
        let token = &tokens[at];
        let code = |i: usize| tokens.get(i).is_some_and(|t| t.turn == token.turn) && self.is_code(i);
        if self.marks.correction[at] && !token.letter {
            return true;
        }
        let sign = |i: usize| tokens.get(i).is_some_and(|t| t.turn == token.turn && t.is(class::SYMBOL));
        // "signo de exclamación"
        if sign(at - 1) && sign(at + 1) {
            return false;
        }
        // "r and k"
        if token.is(class::AND) {
            return !(code(at - 1) && code(at + 1));
        }
        // "i think": a word, unless letters stand beside it.
        let spelled = at >= 2 && tokens[at - 1].letter && tokens[at - 2].letter;
        let word = token.is(class::LETTER_WORD) && !(token.spells || spelled || code(at - 1) && code(at + 1));
        token.is(class::CLOSE)
            && !token.nato
            && !token.is(class::SYMBOL)
            && (!token.letter || word)
            && token.numeral.is_none()
    }

    fn cue_at(&self, at: usize, reason: Reason) -> Option<&Cue> {
        let cue = self.marks.cues.get(self.marks.cues.partition_point(|c| c.first < at))?;
        let same = matches!(cue.what, What::Secret { reason: r, .. } if r == reason);
        (cue.first == at && same).then_some(cue)
    }

    /// A letter of several, or a sign, begins here although it is a word elsewhere.
    fn begins_spelling(&self, at: usize) -> bool {
        let tokens = &self.text.tokens;
        let token = &tokens[at];
        token.spells
            || token.is(class::SYMBOL)
            || token.letter && tokens.get(at + 1).is_some_and(|t| t.letter)
            // "all caps"
            || tokens.get(at + 1).is_some_and(|t| t.is(class::SYMBOL) && t.turn == token.turn)
                && !token.is(class::COPULA | class::FILLER)
                && !self.marks.infill[at]
    }

    /// "a chevy nova", "the fighting owls": the article is said with its value.
    fn with_article(&self, first: usize, from: usize, turn: u32) -> usize {
        let tokens = &self.text.tokens;
        let article = |i: usize| tokens[i].is(class::ARTICLE) && tokens[i].turn == turn;
        let unknown = tokens.get(first).is_some_and(|t| !self.is_code(first) && !t.is(class::LEAD));
        if first > from && unknown && article(first - 1) { first - 1 } else { first }
    }
}
