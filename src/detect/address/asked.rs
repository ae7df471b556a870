//! What is asked about a place: a caller's address, or where a traveller goes.

use super::{Addresses, MORE_QUESTIONS};
use crate::call::Reason;
use crate::detect::cues::{Cue, What};
use crate::detect::lexicon::class;
use crate::detect::text::TURN_WORDS;
use std::ops::RangeInclusive;

/// Words of "and state" behind "what city".
const AND_STATE_WORDS: usize = 2;

impl Addresses<'_> {
    /// "Which city?": by itself, a traveller's or a guest's as well.
    pub(super) fn asks_for_city(&self, cue: &Cue) -> bool {
        let last = &self.text.tokens[cue.last];
        // "What city and state?" is asked of an address.
        let said = self.text.tokens[cue.first..].iter().take(cue.last - cue.first + 1 + AND_STATE_WORDS);
        let parts = said.filter(|t| t.turn == last.turn && t.is(class::PLACE_PART));
        cue.asks
            && parts.count() == 1
            && last.is(class::PLACE_PART)
            && !last.is(class::STREET | class::STREET_WEAK | class::STREET_FIRST | class::ADDRESS_STOP)
    }

    /// An address was said or asked for around the question `n`.
    pub(super) fn is_about_address(&self, n: usize, said: &[RangeInclusive<usize>]) -> bool {
        let cue = &self.marks.cues[n];
        let from = cue.first.saturating_sub(TURN_WORDS);
        let turn = self.text.tokens[cue.last].turn;
        let other = |c: &&Cue| {
            matches!(c.what, What::Secret { reason: Reason::Address, .. }) && !self.asks_for_city(c)
        };
        let before = self.marks.cues[..n].iter().rev().take_while(|c| c.last >= from).any(|c| other(&c));
        let beside = || {
            let own = self.marks.cues[n + 1..].iter().take_while(|c| self.text.tokens[c.first].turn == turn);
            own.take(MORE_QUESTIONS).any(|c| other(&c))
        };
        before || beside() || said.iter().any(|r| *r.end() >= from && *r.start() < cue.first)
    }
}
