//! A person's name in an answer: from the first word that is one, as far as
//! names go on.

use super::cues::Marks;
use super::gazetteer::{is_given_name, is_surname};
use super::lexicon::class;
use super::text::Text;
use std::ops::RangeInclusive;

/// Words of an answer before its name: "yes of course, it's …".
const LEAD_WORDS: usize = 8;
/// And where it is in no list.
const SURE_LEAD_WORDS: usize = 3;
/// Words of a name; letters that spell it count for nothing.
const NAME_WORDS: usize = 4;

pub struct Names<'a> {
    pub text: &'a Text<'a>,
    pub marks: &'a Marks,
}

impl Names<'_> {
    /// The name in what turn `turn` says from `from` on: the first word that
    /// may be one, in a list or not, or else the first that is in one, or is spelled.
    pub fn find(&self, from: usize, turn: u32) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let reach = (from..tokens.len()).take(LEAD_WORDS).take_while(|i| tokens[*i].turn == turn);
        let known = || reach.clone().find(|i| self.is_known(*i) && (*i == from || !self.is_thing(*i)));
        let spelled = || reach.clone().find(|i| self.is_spelled(*i));
        let first = self.unlisted(from, turn).or_else(known).or_else(spelled)?;
        Some(first..=self.last(first))
    }

    /// The first word after "sure, it's", where it may be a name.
    fn unlisted(&self, from: usize, turn: u32) -> Option<usize> {
        let tokens = &self.text.tokens;
        let skip = class::LEAD | class::FILLER | class::COPULA | class::CORRECTION;
        let at = (from..tokens.len())
            .take_while(|i| tokens[*i].turn == turn)
            .take(LEAD_WORDS)
            .find(|i| !(tokens[*i].is(skip) && !tokens[*i].letter || self.marks.infill[*i]))?;
        let said = (from..at).filter(|i| !tokens[*i].is_filler() && !self.marks.infill[*i]).count();
        if said > SURE_LEAD_WORDS {
            return None;
        }
        (self.may_be(at) && !tokens[at].is(class::REFUSE | class::REQUEST)).then_some(at)
    }

    /// "about my bill": a word that is a name, where a thing is named.
    fn is_thing(&self, at: usize) -> bool {
        !is_given_name(&self.text.plain(at)) || self.text.tokens[at - 1].is(class::ADDRESS_STOP)
    }

    fn is_known(&self, at: usize) -> bool {
        let plain = self.text.plain(at);
        let token = &self.text.tokens[at];
        let common =
            class::LEAD | class::CLOSE | class::REFUSE | class::REQUEST | class::COPULA | class::FILLER;
        !token.is(common) && !self.marks.infill[at] && (is_given_name(&plain) || is_surname(&plain))
    }

    /// Letters in a row.
    fn is_spelled(&self, at: usize) -> bool {
        let letter = |i: usize| self.text.tokens.get(i).is_some_and(|t| t.letter);
        letter(at) && letter(at + 1)
    }

    /// A word that is no number and ends no answer.
    fn may_be(&self, at: usize) -> bool {
        let token = &self.text.tokens[at];
        token.letter || token.written.is_none() && token.numeral.is_none() && !token.is(class::CLOSE)
    }

    fn last(&self, first: usize) -> usize {
        let tokens = &self.text.tokens;
        let (mut last, mut words) = (first, 1);
        while let Some(next) = tokens.get(last + 1) {
            let at = last + 1;
            let spells = next.letter || next.is(class::AS_IN) && tokens[last].letter;
            let ends = next.turn != tokens[first].turn
                || tokens[last].ends_sentence
                || !self.may_be(at)
                || self.marks.hold[at]
                || self.marks.infill[at] && !next.letter;
            // In no list: its capital, or that nothing follows it.
            let closes = tokens.get(at + 1).is_none_or(|t| t.turn != next.turn || t.is(class::CLOSE))
                || next.ends_sentence;
            let plain_word = next.is(class::LEAD | class::STREET | class::REQUEST | class::COPULA);
            let named = self.is_known(at) || !plain_word && (next.capital || closes);
            if ends || !(named || spells) || words >= NAME_WORDS {
                break;
            }
            words += usize::from(!next.letter);
            last = at;
        }
        last
    }
}
