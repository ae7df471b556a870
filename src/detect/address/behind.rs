//! What stands behind a street: its house number where a postcode tells it, and
//! the unit, which another may add in the next turn.

use super::{Addresses, CITY_WORDS, SHORT_ANSWER};
use crate::detect::lexicon::class;
use crate::detect::numbers::{Chunk, Kind};
use std::ops::RangeInclusive;

/// Words behind an address to its turn's end, and before what the next adds.
const TURN_TAIL: usize = 2;

impl Addresses<'_> {
    /// "18 rue Haute, right?" – "yes, building C, third floor": units that another
    /// adds in the turn behind an address.
    pub(super) fn next_units(&self, end: usize) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let turn = tokens[end].turn;
        let next = (end + 1..tokens.len()).take(TURN_TAIL + 1).find(|i| tokens[*i].turn != turn)?;
        let own = |i: &usize| tokens[*i].turn == turn + 1;
        let first = (next..tokens.len())
            .take(TURN_TAIL + 1)
            .take_while(own)
            .find(|i| !(tokens[*i].is_filler() || self.marks.infill[*i] || tokens[*i].is(class::LEAD)))?;
        if !self.numbered_unit(first) {
            return None;
        }
        let part = |i: &usize| {
            tokens[*i].is(class::UNIT) || tokens[*i].letter || self.chunk_at(*i).is_some_and(|c| c.len() <= 4)
        };
        (first..tokens.len())
            .take(SHORT_ANSWER)
            .take_while(own)
            .take_while(part)
            .last()
            .map(|last| first..=last)
    }

    /// "appartement six", "boite 4", "batiment C".
    pub(super) fn numbered_unit(&self, at: usize) -> bool {
        let own = |i: usize| self.text.tokens.get(i).is_some_and(|t| t.turn == self.text.tokens[at].turn);
        let numbered = self.chunk_at(at + 1).is_some_and(|c| !c.digits.is_empty());
        self.text.tokens[at].is(class::UNIT)
            && own(at + 1)
            && (numbered
                || self.text.tokens[at + 1].letter && !self.text.tokens[at + 1].is(class::LETTER_WORD))
    }

    /// "chemin du Lac 12, et la localite 1696 Bulle": the end of what a house
    /// number goes on with, where a postcode of four or five digits tells it for sure.
    pub(super) fn located(&self, number: usize) -> Option<usize> {
        let tokens = &self.text.tokens;
        let counts = |c: &Chunk| c.counted && !tokens.get(c.last + 1).is_some_and(|t| t.is(class::PLACE_IN));
        let house = self.chunk_at(number).filter(|c| !counts(c) && c.kind == Kind::Number)?;
        // "97, 5030 Gembloux": both in a row.
        if let [1..=3, 4..=5] = house.groups[..] {
            return Some(self.city(house.last)).filter(|end| *end > house.last);
        }
        if house.len() > 4 || house.letters > 0 {
            return None;
        }
        let (mut words, mut i) = (0, house.last + 1);
        while let Some(token) = tokens.get(i).filter(|t| t.turn == tokens[number].turn) {
            if let Some(chunk) = self.chunk_at(i).filter(|c| !c.digits.is_empty()) {
                let code = matches!(chunk.len(), 4 | 5) && chunk.kind == Kind::Number && chunk.letters == 0;
                let named = self.city(chunk.last);
                if code && !chunk.digits.starts_with('0') && named > chunk.last {
                    return Some(named);
                }
                if i > 0 && tokens[i - 1].is(class::UNIT) {
                    i = chunk.last + 1;
                    continue;
                }
                return None;
            }
            let links =
                token.is(class::AND | class::ARTICLE | class::PLACE_LINK | class::POST_CODE | class::UNIT)
                    || token.is_filler()
                    || self.unknown(i);
            words += usize::from(!token.is_filler());
            if !links || words > CITY_WORDS {
                return None;
            }
            i += 1;
        }
        None
    }

    /// "county road 9", "highway 12": the number is its name.
    pub(super) fn numbered_road(&self, at: usize) -> bool {
        let kind = at.checked_sub(1).map(|i| &self.text.tokens[i]);
        self.text.tokens[at].is(class::STREET_FIRST)
            || self.text.tokens[at].is(class::STREET) && kind.is_some_and(|k| k.is(class::NUMBERED_ROAD))
    }
}
