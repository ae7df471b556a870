//! A call read in one language: its tokens, its phrases, its numbers, and what
//! the rules make of them.

use super::cues::{self, Marks, What};
use super::lexicon::{Lexicon, class};
use super::numbers::{self, Chunk};
use super::text::Text;
use super::{
    Detection, Ruleset, Why, address, born, context, dictated, dressed, email, example, mail_turns, merge,
    readback, repair, shape, spoken,
};
use crate::call::{Reason, Word};
use std::ops::RangeInclusive;

/// Letters at either end of a spelled value that are words elsewhere.
const MOST_LETTERS: usize = 3;
/// ISO 3166-1 alpha-2, as an IBAN (ISO 13616) begins with it.
const COUNTRY_LETTERS: usize = 2;

pub struct Reading<'a> {
    text: Text<'a>,
    pub lexicon: &'a Lexicon,
    marks: Marks,
    chunks: Vec<Chunk>,
    rules: &'a Ruleset,
}

impl<'a> Reading<'a> {
    pub fn of(words: &'a [Word], lexicon: &'a Lexicon, rules: &'a Ruleset) -> Reading<'a> {
        let text = Text::new(words, lexicon, &rules.foreign);
        let marks = cues::find(&text, lexicon);
        let chunks = dressed::undress(&text, &marks, numbers::chunks(&text, &marks));
        Reading { text, lexicon, marks, chunks, rules }
    }

    /// What the rules find, in order and disjoint.
    pub fn find(&self) -> Vec<Detection> {
        let mut found = self.mails();
        let (addresses, public) = self.addresses();
        found.extend(addresses);
        found.extend(self.numbers(&public));
        found.extend(self.answers());
        let mut found = merge::disjoint(found);
        found.extend(repair::find(&self.text, &self.marks, &self.chunks, &found));
        let mut found = merge::disjoint(found);
        found.extend(self.repetitions(&found));
        found.retain(|d| !self.is_example(d));
        merge::over_sounds(merge::disjoint(found), &self.text, &self.marks)
    }

    /// Where `found` is said again.
    pub fn repetitions(&self, found: &[Detection]) -> Vec<Detection> {
        readback::find(&self.text, &self.chunks, found)
    }

    /// Is it as long as a card's number? 13 digits and more go whatever was said.
    pub fn is_long(&self, found: &Detection) -> bool {
        let first = self.chunks.partition_point(|c| c.first < found.first);
        let inside = self.chunks[first..].iter().take_while(|c| c.last <= found.last);
        found.reason == Reason::CardNumber
            && inside.map(Chunk::len).sum::<usize>() >= *shape::CARD_RUN.start()
    }

    /// Is it no more than a code that a rule forbids: "it can't be 1234"?
    pub fn is_example(&self, found: &Detection) -> bool {
        let first = self.chunks.partition_point(|c| c.last < found.first);
        let holds = |c: &&Chunk| c.first <= found.first && found.last <= c.last;
        let chunk = self.chunks.get(first).filter(holds);
        chunk.is_some_and(|c| example::is_example(&self.text, &self.marks, c))
    }

    /// Is the word at `at` a part of a number?
    pub fn is_number(&self, at: usize) -> bool {
        let next = self.chunks.partition_point(|c| c.first <= at);
        next.checked_sub(1).is_some_and(|n| self.chunks[n].last >= at)
    }

    fn mails(&self) -> Vec<Detection> {
        let Reading { text, marks, lexicon, .. } = self;
        let mut found: Vec<Detection> = email::find(text, marks, lexicon)
            .into_iter()
            .map(|r| Detection::new(*r.start(), *r.end(), Reason::Email, "at and dot"))
            .collect();
        let asked = mail_turns::Turns { text, marks }.find(&found);
        found.extend(asked.into_iter().map(|(r, keyword)| {
            let why = Why { rule: "mail in turns", keyword: Some(keyword), distance: 0, confidence: 1.0 };
            Detection { first: *r.start(), last: *r.end(), reason: Reason::Email, why }
        }));
        found
    }

    /// Addresses that are somebody's, and those that are told to everybody.
    fn addresses(&self) -> (Vec<Detection>, Vec<RangeInclusive<usize>>) {
        let addresses = address::Addresses {
            text: &self.text,
            marks: &self.marks,
            chunks: &self.chunks,
            number_after: self.lexicon.number_after,
        };
        let (own, public) = addresses.find();
        let street =
            |r: &RangeInclusive<usize>| Detection::new(*r.start(), *r.end(), Reason::Address, "street");
        (own.iter().map(street).collect(), public)
    }

    /// Numbers for which a cue bid.
    fn numbers(&self, public: &[RangeInclusive<usize>]) -> Vec<Detection> {
        let Reading { text, marks, chunks, rules, .. } = self;
        let mut found = Vec::new();
        for value in context::Context::new(text, marks, chunks, rules.window_words).values() {
            let chunk = &chunks[value.chunk];
            if value.reason == Reason::Address && public.iter().any(|r| r.contains(&chunk.first)) {
                continue;
            }
            if !(rules.keep_last_four && self.is_last_four(&value.why) && chunk.len() == 4) {
                let (first, last) = self.with_its_letters(chunk, value.reason);
                found.push(Detection { first, last, reason: value.reason, why: value.why });
            }
        }
        found
    }

    /// Was no more than a card's last four digits asked for?
    fn is_last_four(&self, why: &Why) -> bool {
        let cues = &self.marks.cues;
        why.keyword.is_some_and(|(first, last)| {
            let at = cues.partition_point(|c| c.first < first);
            let cue = cues.get(at).filter(|c| c.first == first && c.last == last);
            cue.is_some_and(|c| matches!(c.what, What::Secret { last_four: true, .. }))
        })
    }

    /// A chunk's words with the keys, letters and country that are said with it.
    fn with_its_letters(&self, chunk: &Chunk, reason: Reason) -> (usize, usize) {
        let tokens = &self.text.tokens;
        // "2297 star": the keys behind a code are said with it.
        let keys = tokens[chunk.last + 1..].iter().take(2).take_while(|t| t.is(class::KEYPAD)).count();
        let last = if reason == Reason::Password { chunk.last + keys } else { chunk.last };
        let (first, last) = match reason {
            Reason::Password if chunk.letters > 0 => self.with_letters(chunk.first, last),
            _ => (chunk.first, last),
        };
        let first = if reason == Reason::BankAccount { self.with_country(first) } else { first };
        let last = if chunk.letters > 0 { self.with_spelling(last) } else { last };
        (first, last)
    }

    /// Births in parts, what is said where a word was asked for, and dictated signs.
    fn answers(&self) -> Vec<Detection> {
        let Reading { text, marks, chunks, .. } = self;
        let births = born::Births { text, marks, chunks }.find();
        let births = births.into_iter().map(|(r, keyword)| (r, Reason::Dob, keyword, "date in parts"));
        let spoken = spoken::Spoken { text, marks }.find();
        let spoken = spoken.into_iter().map(|(r, reason, keyword)| (r, reason, keyword, "answer"));
        let said = births.chain(spoken).map(|(r, reason, keyword, rule)| {
            let why = Why { rule, keyword: Some(keyword), distance: 0, confidence: 1.0 };
            Detection { first: *r.start(), last: *r.end(), reason, why }
        });
        let dictated = dictated::Dictated { text, marks }.find();
        let dictated = dictated
            .into_iter()
            .map(|r| Detection::new(*r.start(), *r.end(), Reason::Password, "dictated signs"));
        said.chain(dictated).collect()
    }

    /// "o b r i e n", "z e b r a": with the letters at either end that are words elsewhere.
    fn with_letters(&self, first: usize, last: usize) -> (usize, usize) {
        let tokens = &self.text.tokens;
        let turn = tokens[first].turn;
        let spells = |i: &usize| tokens[*i].letter && !self.marks.letter[*i] && tokens[*i].turn == turn;
        let before = (0..first).rev().take(MOST_LETTERS).take_while(spells).last();
        let after = (last + 1..tokens.len()).take(MOST_LETTERS).take_while(spells).last();
        (before.unwrap_or(first), after.unwrap_or(last))
    }

    /// "BE sixty-eight …": the country before the digits of an account.
    fn with_country(&self, first: usize) -> usize {
        let country = |i: &usize| {
            let word = self.text.words[*i].text.trim();
            let two = word.len() == COUNTRY_LETTERS && word.bytes().all(|b| b.is_ascii_uppercase());
            two && self.text.tokens[*i].turn == self.text.tokens[first].turn
        };
        first.checked_sub(1).filter(country).unwrap_or(first)
    }

    /// "c for charlie": with the word that spells the last letter.
    fn with_spelling(&self, last: usize) -> usize {
        let tokens = &self.text.tokens;
        let spells = |i: &usize| tokens[*i].nato && tokens[*i].turn == tokens[last].turn;
        (last + 1..tokens.len()).take_while(spells).last().unwrap_or(last)
    }
}
