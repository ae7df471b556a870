//! A password that is dictated sign by sign, whoever says it: "capital K as in
//! kilo, lowercase romeo, the number seven, dollar sign". Nobody says kinds of
//! letters and signs for anything else, so its shape tells it.

use super::cues::{Cue, Marks, What};
use super::lexicon::{Numeral, class};
use super::text::{Text, Written};
use crate::call::Reason;
use std::ops::RangeInclusive;

/// Words that say no sign between two that do: "then a", "all the rest".
const MOST_BETWEEN: usize = 3;
/// Signs of a password that was announced, and of one that was not.
const LEAST_ITEMS: usize = 4;
const LEAST_SURE_ITEMS: usize = 6;
/// Words in which a password, or an order's number, stays the subject.
const SUBJECT_WORDS: u32 = 60;
const NUMBERED_WORDS: u32 = 30;

pub(super) struct Dictated<'a> {
    pub text: &'a Text<'a>,
    pub marks: &'a Marks,
}

/// What a run of words has said so far.
#[derive(Default)]
struct Items {
    letters: usize,
    digits: usize,
    kinds: usize,
}

enum Item {
    Letter,
    Digit,
    /// "capital", "dollar": a kind of letter or a sign.
    Kind,
    /// "as in kilo", "then": with what stands around it.
    Between(bool),
    Else,
}

impl Dictated<'_> {
    /// Every password that is dictated so, in order.
    pub fn find(&self) -> Vec<RangeInclusive<usize>> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.text.len() {
            let Some((last, items)) = self.run(at) else {
                at += 1;
                continue;
            };
            if self.is_password(at, &items) {
                found.push(self.with_word(at)..=last);
            }
            at = last + 1;
        }
        found
    }

    /// The run of letters, digits and signs that begins at `first`: its last word.
    fn run(&self, first: usize) -> Option<(usize, Items)> {
        let mut items = Items::default();
        let (mut last, mut between) = (None, 0);
        for at in first..self.text.len() {
            if self.text.tokens[at].turn != self.text.tokens[first].turn || between > MOST_BETWEEN {
                break;
            }
            let said = match self.item(at) {
                Item::Letter => &mut items.letters,
                Item::Digit => &mut items.digits,
                Item::Kind => &mut items.kinds,
                Item::Between(spells) if last.is_some() => {
                    (last, between) = if spells { (Some(at), 0) } else { (last, between + 1) };
                    continue;
                }
                Item::Between(_) | Item::Else => break,
            };
            *said += 1;
            (last, between) = (Some(at), 0);
        }
        last.map(|last| (last, items))
    }

    fn item(&self, at: usize) -> Item {
        let token = &self.text.tokens[at];
        let own = |i: Option<usize>| {
            i.and_then(|i| self.text.tokens.get(i)).filter(|t| t.turn == token.turn && i != Some(at))
        };
        let beside = |classes: u64| {
            [at.checked_sub(1), Some(at + 1)].into_iter().filter_map(own).any(|t| t.is(classes))
        };
        if token.nato {
            Item::Between(true)
        } else if token.is(class::SYMBOL) {
            Item::Kind
        } else if token.letter && (token.spells || !token.is(class::LETTER_WORD) || beside(class::SYMBOL))
            || token.is(class::SPELLING) && beside(class::SYMBOL)
        {
            Item::Letter
        } else if matches!(token.written, Some(Written::Digits | Written::Mixed))
            || token.numeral.is_some_and(|n| !matches!(n, Numeral::Ordinal(_) | Numeral::Repeat(_)))
        {
            Item::Digit
        } else if token.is_filler()
            || self.marks.infill[at]
            || token.is(class::NUMBER_JOINT | class::AND | class::ARTICLE | class::LETTER_WORD)
            || token.is(class::LEAD | class::MAIL_WORD) && !token.is(class::COPULA | class::REQUEST)
        {
            Item::Between(false)
        } else {
            Item::Else
        }
    }

    fn is_password(&self, first: usize, items: &Items) -> bool {
        let Items { letters, digits, kinds } = *items;
        let all = letters + digits + kinds;
        let announced = self.is_subject(first, SUBJECT_WORDS, |c| {
            matches!(c.what, What::Secret { reason: Reason::Password, strong: true, .. })
        });
        if announced {
            let worded = kinds >= 2 && letters >= 1 && digits >= 1;
            return (kinds >= 1 && letters >= 2 || worded) && all >= LEAST_ITEMS;
        }
        let numbered = self.is_subject(first, NUMBERED_WORDS, |c| c.names_number);
        kinds >= 2 && letters >= 3 && digits >= 1 && all >= LEAST_SURE_ITEMS && !numbered
    }

    /// "tiger, capital T, nine": the word whose signs follow.
    fn with_word(&self, first: usize) -> usize {
        let turn = self.text.tokens[first].turn;
        let word = first.checked_sub(1).map(|i| &self.text.tokens[i]);
        let word = word.filter(|t| t.turn == turn && t.classes == 0 && t.word == 0 && !t.ends_sentence);
        if word.is_some() && self.text.tokens[first].is(class::SYMBOL) { first - 1 } else { first }
    }

    /// A cue that `is` it was heard at most `words` before.
    fn is_subject(&self, first: usize, words: u32, is: impl Fn(&Cue) -> bool) -> bool {
        let counted = self.text.tokens[first].counted;
        let before = &self.marks.cues[..self.marks.cues.partition_point(|c| c.first < first)];
        let near = before.iter().rev().take_while(|c| self.text.tokens[c.last].counted + words >= counted);
        near.into_iter().any(is)
    }
}
