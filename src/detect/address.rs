//! Street addresses: a house number and its street, with unit, city, state and
//! zip; and what somebody answers who was asked where to.

mod asked;
mod behind;

use super::cues::{Cue, Marks, What};
use super::lexicon::class;
use super::numbers::{Chunk, Kind};
use super::own_place::is_public;
use super::postcode::Postcodes;
use super::text::{TURN_WORDS, Text, Written};
use crate::call::Reason;
use std::ops::RangeInclusive;

/// Words between a house number and its "street".
const STREET_WORDS: usize = 4;
/// Words of an answer to "where to".
const ANSWER_WORDS: usize = 16;
/// Questions that go on asking for parts of one address, and their words.
const MORE_QUESTIONS: usize = 4;
const SHORT_QUESTION: usize = 5;
/// Words after a keyword in which a house number may follow its street.
const ASKED_WORDS: u32 = 12;
/// Words before an answer that say nothing.
const MOST_SKIPPED: usize = 7;
/// Words of an address that goes on in a turn of its own.
const SHORT_ANSWER: usize = 6;
/// Words between a street and its state or zip.
const CITY_WORDS: usize = 5;

pub struct Addresses<'a> {
    pub text: &'a Text<'a>,
    pub marks: &'a Marks,
    pub chunks: &'a [Chunk],
    /// The house number may follow the street.
    pub number_after: bool,
}

impl Addresses<'_> {
    /// Every address, and those that a firm tells everybody; they may overlap.
    pub fn find(&self) -> (Vec<RangeInclusive<usize>>, Vec<RangeInclusive<usize>>) {
        let mut found = Vec::new();
        for at in 0..self.text.len() {
            let token = &self.text.tokens[at];
            if token.is(class::STREET_FIRST) {
                found.extend(self.street_first(at));
            }
            if token.is(class::STREET) {
                found.extend(self.house_before(at).map(|first| self.with_unit(first)..=self.extend(at)));
            }
            if self.marks.postbox[at] && (at == 0 || !self.marks.postbox[at - 1]) {
                found.extend(self.postbox(at));
            }
        }
        found.extend(found.iter().filter_map(|r| self.next_units(*r.end())).collect::<Vec<_>>());
        found.sort_by_key(|r| *r.start());
        let shapes = found.len();
        for (n, cue) in self.marks.cues.iter().enumerate() {
            if let What::Secret { reason: Reason::Address, .. } = cue.what
                && (!self.asks_for_city(cue) || self.is_about_address(n, &found[..shapes]))
            {
                let answer = self.answer(cue, cue.last + 1);
                // A house number alone: its street may be asked for next.
                let number = || {
                    let next = (cue.last + 1..self.text.len())
                        .take(TURN_WORDS)
                        .find(|i| self.text.tokens[*i].turn != self.text.tokens[cue.last].turn)?;
                    self.chunk_at(next).filter(|c| !c.digits.is_empty() && cue.asks).map(|c| c.last)
                };
                let number = || number().map(|last| last..=last);
                let shaped = || {
                    let turn = self.text.tokens[cue.last].turn + 1;
                    let begun = |r: &RangeInclusive<usize>| self.text.tokens[*r.start()].turn < turn;
                    let next = found[..shapes].get(found[..shapes].partition_point(begun));
                    next.filter(|r| cue.asks && self.text.tokens[*r.start()].turn == turn).cloned()
                };
                if let Some(said) = answer.clone().or_else(shaped).or_else(number) {
                    self.further(n, *said.start(), *said.end(), &mut found);
                }
                found.extend(answer);
                found.extend(self.postcodes().after(cue));
            }
        }
        found.into_iter().partition(|address| !is_public(self.text, self.marks, address))
    }

    fn postcodes(&self) -> Postcodes<'_> {
        Postcodes { text: self.text, marks: self.marks }
    }

    /// "flat two, 14 Rose Lane": the unit before a house.
    fn with_unit(&self, first: usize) -> usize {
        let tokens = &self.text.tokens;
        let unit = |i: Option<usize>| {
            i.filter(|i| tokens[*i].is(class::UNIT) && tokens[*i].turn == tokens[first].turn)
        };
        let code = |i: usize| tokens[i].letter || tokens[i].written.is_some() || tokens[i].numeral.is_some();
        let before = first.checked_sub(1);
        let behind = before.filter(|i| code(*i)).and_then(|i| unit(i.checked_sub(1)));
        unit(before).or(behind).unwrap_or(first)
    }

    fn chunk_at(&self, at: usize) -> Option<&Chunk> {
        let n = self.chunks.partition_point(|c| c.last < at);
        self.chunks.get(n).filter(|c| c.first <= at)
    }

    /// A word that may stand in the name of a street or a city.
    fn names(&self, at: usize) -> bool {
        let token = &self.text.tokens[at];
        token.is(class::NAMED) || !token.is(class::ADDRESS_STOP) && token.written.is_none() && !token.letter
    }

    /// Not a word of the lexicon: a name, most likely.
    fn unknown(&self, at: usize) -> bool {
        let token = &self.text.tokens[at];
        token.classes
            & !(class::STREET
                | class::STREET_WEAK
                | class::NAMED
                | class::UNIT
                | class::STARTS_PHRASE
                | class::HOMOPHONE
                | class::SPELLING
                | class::REGION)
            == 0
            && token.written.is_none()
            && token.numeral.is_none()
    }

    /// The house number before a "street" at `at`.
    fn house_before(&self, at: usize) -> Option<usize> {
        let turn = self.text.tokens[at].turn;
        let weak = self.text.tokens[at].is(class::STREET_WEAK);
        let mut names = 0;
        for i in (at.saturating_sub(STREET_WORDS + 2)..at).rev() {
            let token = &self.text.tokens[i];
            if token.turn != turn || token.ends_sentence {
                return None;
            }
            let ordinal = token.written == Some(Written::Ordinal)
                || matches!(token.numeral, Some(super::lexicon::Numeral::Ordinal(_)));
            if ordinal {
                names += 1;
                continue;
            }
            let house = token.is_digits() || token.written == Some(Written::Mixed) || token.numeral.is_some();
            if house {
                let chunk = self.chunk_at(i);
                let first = chunk.map_or(i, |c| c.first);
                let digits = chunk.map_or(1, Chunk::len);
                // "455 Grand Boulevard" counts no thousands: what it may not count are stop words, which stand in no name.
                let price = chunk.is_some_and(|c| matches!(c.kind, Kind::Price | Kind::Time | Kind::Date));
                let likely = self.text.tokens[at - 1].capital || digits >= 2 && self.unknown(at - 1);
                return (names > 0 && !price && digits <= 7 && (!weak || likely)).then_some(first);
            }
            if token.is_filler() {
                continue;
            }
            if !self.names(i)
                || names >= STREET_WORDS
                || weak && names == 0 && !(self.unknown(i) || token.capital)
            {
                return None;
            }
            names += 1;
        }
        None
    }

    /// "calle Mayor 15", "12 rue de la Paix", "county road 9".
    fn street_first(&self, at: usize) -> Option<RangeInclusive<usize>> {
        let turn = self.text.tokens[at].turn;
        let before = at.checked_sub(1).filter(|i| self.text.tokens[*i].turn == turn);
        let before =
            before.map(|i| if self.text.tokens[i].is(class::HOUSE_SUFFIX) && i > 0 { i - 1 } else { i });
        let house = before
            .and_then(|i| self.chunk_at(i))
            .filter(|c| c.len() <= 5 && !c.digits.is_empty() && c.kind == Kind::Number);
        let mut last = at;
        let mut number = None;
        for i in at + 1..self.text.len().min(at + 10) {
            let token = &self.text.tokens[i];
            if token.turn != turn {
                break;
            }
            if let Some(chunk) = self.chunk_at(i)
                && !chunk.digits.is_empty()
            {
                let plain = !matches!(chunk.kind, Kind::Price | Kind::Time);
                number = plain.then_some(chunk.last);
                break;
            }
            // "rue Garneau, appartement six": its number is not the house's.
            if token.is(class::ADDRESS_STOP) || house.is_some() && last > at && self.numbered_unit(i) {
                break;
            }
            last = i;
            if token.ends_sentence || token.comma && house.is_some() {
                break;
            }
        }
        match (house, number) {
            (Some(house), _) if last > at => Some(house.first..=self.extend(last)),
            (Some(house), Some(number)) => Some(house.first..=self.extend(number)),
            (None, Some(number)) if self.number_after || self.is_asked(at) => {
                let end = self.located(number).unwrap_or_else(|| self.extend(number));
                Some(at..=end)
            }
            (None, Some(number)) => self.located(number).map(|end| at..=end),
            _ => None,
        }
    }

    /// An address was asked for or announced a few words before.
    fn is_asked(&self, at: usize) -> bool {
        let counted = self.text.tokens[at].counted;
        let before = &self.marks.cues[..self.marks.cues.partition_point(|c| c.first < at)];
        before
            .iter()
            .rev()
            .take_while(|c| self.text.tokens[c.last].counted + ASKED_WORDS >= counted)
            .any(|c| matches!(c.what, What::Secret { reason: Reason::Address, strong: true, .. }))
    }

    fn postbox(&self, at: usize) -> Option<RangeInclusive<usize>> {
        let end = (at..self.text.len()).find(|i| !self.marks.postbox[*i])?;
        let number = self.chunk_at(end).or_else(|| self.chunk_at(end + 1))?;
        Some(at..=self.extend(number.last))
    }

    /// On from a street's end over unit, city, state and zip.
    fn extend(&self, mut end: usize) -> usize {
        let turn = self.text.tokens[end].turn;
        loop {
            let Some(next) = self.text.tokens.get(end + 1).filter(|t| t.turn == turn) else { return end };
            let numeric =
                |i: usize| self.chunk_at(i).filter(|c| c.kind == Kind::Number && !c.counted).map(|c| c.last);
            let at = end + 1;
            if next.is(class::UNIT) {
                // "apartment 4b", "north"
                let value = self.text.tokens.get(at + 1).filter(|t| t.turn == turn);
                let value = value.filter(|t| t.letter || t.written == Some(Written::Mixed)).map(|_| at + 1);
                end = numeric(at + 1).filter(|_| at + 1 < self.text.len()).or(value).unwrap_or(at);
            } else if let Some(code) = self.postcode_after(at) {
                end = code;
            } else if let Some(region) = self.region_after(at) {
                end = region;
            } else if let Some(last) = numeric(at).filter(|_| self.zip(at) || self.numbered_road(end)) {
                end = last;
            } else {
                return self.city(end);
            }
            if self.text.tokens[end].ends_sentence
                && !self.text.tokens.get(end + 1).is_some_and(|t| t.turn == turn && self.goes_on(end + 1))
            {
                return end;
            }
        }
    }

    /// A postcode's last word, a city before it or not.
    fn postcode_after(&self, at: usize) -> Option<usize> {
        let turn = self.text.tokens[at].turn;
        let near = (at..self.text.len()).take(CITY_WORDS).take_while(|i| self.text.tokens[*i].turn == turn);
        let codes = self.postcodes();
        for i in near {
            if let Some(end) = codes.ends(i) {
                return Some(end);
            }
            if !self.names(i) || self.text.tokens[i].is(class::POST_CODE) {
                return None;
            }
        }
        None
    }

    /// After a full stop an address goes on with a unit, a state or a zip.
    fn goes_on(&self, at: usize) -> bool {
        self.text.tokens[at].is(class::UNIT)
            || self.region_after(at).is_some()
            || self.zip(at)
            || self.postcode_after(at).is_some()
    }

    fn zip(&self, at: usize) -> bool {
        self.chunk_at(at)
            .is_some_and(|c| (c.len() == 5 || c.len() == 9 || c.letters > 0 && c.len() <= 4) && c.first == at)
    }

    /// A state's last word within a few name words from `at`.
    fn region_after(&self, at: usize) -> Option<usize> {
        let turn = self.text.tokens.get(at)?.turn;
        for i in at..self.text.len().min(at + CITY_WORDS) {
            let token = &self.text.tokens[i];
            if token.turn != turn {
                return None;
            }
            if self.marks.region[i]
                && (self.text.plain(i).len() > 2
                    || self.is_upper(i)
                    || i + 1 < self.text.len() && self.zip(i + 1))
            {
                let own = |k: &usize| self.marks.region[*k] && self.text.tokens[*k].turn == turn;
                let last = (i..self.text.len()).take_while(own).last().unwrap_or(i);
                return Some(last.min(i + 1));
            }
            let links = token.is(class::REGION_LINK);
            if !(self.names(i) && token.numeral.is_none() || links && i == at || token.is_filler()) {
                return None;
            }
        }
        None
    }

    fn is_upper(&self, at: usize) -> bool {
        self.text.words[at].text.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase)
    }

    /// A city that ends the sentence or the turn: names alone, two at most.
    fn city(&self, end: usize) -> usize {
        let turn = self.text.tokens[end].turn;
        if self.text.tokens[end].ends_sentence {
            return end;
        }
        let mut at = end + 1;
        if self.text.tokens.get(at).is_some_and(|t| t.turn == turn && t.is(class::FILLER) && !t.comma) {
            at += 1;
        }
        if self.text.tokens.get(at).is_some_and(|t| t.turn == turn && t.is(class::PLACE_IN)) {
            at += 1;
        }
        let names = (at..self.text.len().min(at + 3))
            .take_while(|i| self.text.tokens[*i].turn == turn && self.unknown(*i) && self.names(*i))
            .take_while(|i| *i == at || !self.text.tokens[*i - 1].ends_sentence)
            .count();
        if (1..=2).contains(&names) { at + names - 1 } else { end }
    }

    /// "and the city?", "street?": short questions after an answer ask for more of it.
    fn further(&self, cue: usize, said_from: usize, mut said: usize, found: &mut Vec<RangeInclusive<usize>>) {
        let tokens = &self.text.tokens;
        let cue = Cue { asks: true, ..self.marks.cues[cue] };
        for _ in 0..MORE_QUESTIONS {
            let Some(asks) =
                (said + 1..tokens.len()).take(TURN_WORDS).find(|i| tokens[*i].turn != tokens[said].turn)
            else {
                return;
            };
            let words = (asks..tokens.len())
                .take(TURN_WORDS)
                .take_while(|i| tokens[*i].turn == tokens[asks].turn)
                .count();
            let last = asks + words - 1;
            let listens = self.listens(asks, last, said_from, said);
            let from = self.marks.cues.partition_point(|c| c.first < asks);
            let other = self.marks.cues[from..]
                .iter()
                .take_while(|c| c.first <= last)
                .any(|c| !matches!(c.what, What::Secret { reason: Reason::Address, .. }));
            if !listens && (words > SHORT_QUESTION || other) {
                return;
            }
            // "number?", "which floor?": answered with a number alone.
            let asks_part =
                (asks..=last).any(|i| tokens[i].is(class::UNIT | class::PLACE_PART | class::POST_CODE));
            if (listens || asks_part)
                && let Some(more) = self.more(last + 1, tokens[said].speaker, said_from)
            {
                said = *more.end();
                found.push(more);
                continue;
            }
            let part = (asks..=last).rev().find(|i| tokens[*i].is(class::PLACE_PART));
            let asked = Cue { last: part.unwrap_or(cue.last), ..cue };
            let Some(answer) = self.answer(&asked, last + 1) else { return };
            said = *answer.end();
            found.push(answer);
        }
    }

    /// The turn `first..=last` only listens: "mm-hmm", "in", or what was said read back.
    fn listens(&self, first: usize, last: usize, said_from: usize, said: usize) -> bool {
        let heard: Vec<_> = (said_from..=said).map(|i| self.text.plain(i)).collect();
        (first..=last).all(|i| {
            let t = &self.text.tokens[i];
            t.is_filler()
                || self.marks.infill[i]
                || t.is(class::PLACE_LINK)
                || heard.contains(&self.text.plain(i))
        })
    }

    /// "cherry", "hill road", "apartment 6": how an address goes on in turn of
    /// its own. Without a street yet, a name; behind one, a unit, a state, a zip.
    fn more(&self, at: usize, speaker: u16, said_from: usize) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let own = tokens.get(at).filter(|t| t.speaker == speaker)?.turn;
        let words = (at..tokens.len()).take(SHORT_ANSWER + 1).take_while(|i| tokens[*i].turn == own);
        let first = words.clone().find(|i| !(tokens[*i].is(class::LEAD) || self.marks.infill[*i]))?;
        let last = words.last().filter(|last| last - at < SHORT_ANSWER)?;
        let part = |i: usize| {
            tokens[i].is(class::UNIT | class::STREET) || self.marks.region[i] || self.chunk_at(i).is_some()
        };
        let plain = (first..=last).all(|i| part(i) || self.names(i) || tokens[i].letter);
        let closes = tokens[first].is(class::CLOSE | class::REFUSE | class::REQUEST | class::STREET_FIRST);
        let street = (said_from..at).any(|i| tokens[i].is(class::STREET | class::STREET_FIRST));
        let goes_on = (first..=last).any(part) || !street;
        (plain && !closes && goes_on).then_some(first..=last)
    }

    /// "in", "of the" inside an address; "and" before its next part alone.
    fn links(&self, at: usize) -> bool {
        let part = |i: usize| {
            self.chunk_at(i).is_some() || self.text.tokens.get(i).is_some_and(|t| t.is(class::UNIT))
        };
        let token = &self.text.tokens[at];
        token.is(class::PLACE_LINK) || token.is(class::AND) && part(at + 1)
    }

    /// Where the answer to a cue begins, behind "sure, it's" and "hold on".
    fn answer_at(&self, cue: &Cue, from: usize) -> Option<usize> {
        let tokens = &self.text.tokens;
        let mut at = from;
        // To the answer's turn, when the question goes on a little.
        if cue.asks {
            let turn = tokens[from - 1].turn;
            let next = (at..tokens.len().min(at + 10)).find(|i| tokens[*i].turn != turn);
            at = next.unwrap_or(at);
        }
        let mut skipped = 0;
        while let Some(token) = tokens.get(at) {
            let skip = token.is(class::LEAD | class::COPULA | class::FILLER | class::BACKCHANNEL)
                || self.marks.hold[at]
                || self.marks.infill[at];
            if !skip || token.written.is_some() || self.chunk_at(at).is_some_and(|c| !c.digits.is_empty()) {
                break;
            }
            skipped += usize::from(!self.marks.hold[at]);
            at += 1;
        }
        (skipped <= MOST_SKIPPED).then_some(at)
    }

    /// What follows an address cue: an answer in the next turn, or what the
    /// same person goes on to say.
    fn answer(&self, cue: &Cue, from: usize) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let turn = tokens[from - 1].turn;
        let at = self.answer_at(cue, from)?;
        let token = tokens.get(at)?;
        let street_first = token.is(class::STREET_FIRST) && !tokens[cue.last].is(class::PLACE_PART);
        if token.is(class::REFUSE) || street_first || !cue.asks && token.turn != turn {
            return None;
        }
        let zip_alone = tokens[cue.last].is(class::POST_CODE);
        let chunk = self
            .chunk_at(at)
            .filter(|c| c.kind == Kind::Number && !c.counted && !c.digits.is_empty() && c.len() <= 7);
        let own = token.turn;
        let mut last = None;
        let mut named = 0;
        let mut region = false;
        let mut i = at;
        while i < tokens.len().min(at + ANSWER_WORDS) {
            let t = &tokens[i];
            if t.turn != own {
                if !self.marks.infill[i] {
                    break;
                }
                i += 1;
                continue;
            }
            if let Some(c) = self.chunk_at(i).filter(|c| !c.digits.is_empty() || c.letters > 0) {
                last = Some(c.last);
                i = c.last;
            } else if self.names(i) && !t.is_filler() || t.is(class::UNIT | class::REGION) {
                region |= self.marks.region[i];
                named += 1;
                last = Some(i);
            } else if t.is(class::ADDRESS_STOP) && !t.is_filler() && !self.links(i) {
                break;
            }
            if tokens[i].ends_sentence
                && !tokens.get(i + 1).is_some_and(|t| t.turn == own && self.goes_on(i + 1))
            {
                break;
            }
            i += 1;
        }
        let street = last.is_some_and(|l| (at..=l).any(|i| tokens[i].is(class::STREET))) && named >= 2;
        let numbered = last.is_some_and(|l| self.chunk_at(l).is_some());
        let place = chunk.is_some() && named > 0 && !zip_alone
            || region && cue.asks
            || street && (cue.asks || numbered);
        let city = cue.asks && named > 0 && named <= 4 && tokens[cue.last].is(class::PLACE_PART);
        last.filter(|l| (place || city) && *l >= at).map(|last| at..=last)
    }
}
