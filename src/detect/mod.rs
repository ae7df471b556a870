//! Words → detections → spans. Pure and deterministic: the same words and the
//! same ruleset give the same spans, each with its reason and why.
//!
//! A transcript is read once (`text`), its phrases are found (`cues`), its
//! numbers gathered into chunks (`numbers`). Every cue that is still open bids
//! for a chunk, what is harmless bids too (`context`, `shape`). E-mail and
//! street addresses have shapes of their own (`email`, `address`), passwords
//! and names are what the one who was asked answers (`spoken`), and whatever
//! was found is found again where it is read back (`readback`). A small network
//! reads the words beside the rules (`learned`). If in doubt, it is a secret.

pub mod address;
mod born;
mod compose;
pub mod context;
pub mod cues;
mod dictated;
mod dictation;
mod dressed;
pub mod email;
pub mod entities;
pub mod explain;
mod foreign;
mod gazetteer;
pub mod hallucination;
mod homophone;
pub mod language;
mod late;
pub mod learned;
pub mod lexicon;
mod mail_turns;
pub mod merge;
mod names;
pub mod numbers;
pub mod own;
mod own_place;
pub mod phrases;
mod postcode;
mod question;
pub mod readback;
mod repair;
pub mod ruleset;
pub mod sanitize;
pub mod shape;
pub mod spoken;
pub mod text;
pub mod together;

pub use entities::{Entities, EntitiesError, detect_with_model};
pub use lexicon::{Lexicon, LexiconError};
pub use ruleset::{Ruleset, Rulesets, Settings, SettingsError};
pub use sanitize::{SanitizedText, SanitizedTranscript, sanitize};

use crate::call::{Reason, Word};
use cues::What;
use lexicon::class;
use text::Text;

/// Letters at either end of a spelled value that are words elsewhere.
const MOST_LETTERS: usize = 3;
/// ISO 3166-1 alpha-2, as an IBAN (ISO 13616) begins with it.
const COUNTRY_LETTERS: usize = 2;

/// What made a detection: names and numbers alone, never a word of the value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Why {
    /// Which rule, in two or three words.
    pub rule: &'static str,
    /// The keyword's first and last word.
    pub keyword: Option<(usize, usize)>,
    /// Words between keyword and value that count in a window.
    pub distance: usize,
    /// The bid that won; 1 and more is sure.
    pub confidence: f32,
}

/// Why and which words: indexes into the transcript, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    pub first: usize,
    pub last: usize,
    pub reason: Reason,
    pub why: Why,
}

impl Detection {
    /// A detection that needs no keyword.
    pub fn new(first: usize, last: usize, reason: Reason, rule: &'static str) -> Detection {
        Detection { first, last, reason, why: Why { rule, confidence: 1.0, ..Why::default() } }
    }
}

/// Every secret in `words`, in order, disjoint. `language` is what the
/// transcript says of itself (ISO 639-1).
pub fn detect(words: &[Word], language: Option<&str>, rules: &Ruleset) -> Vec<Detection> {
    let mut found = Vec::new();
    for lexicon in language::spoken(words, language, rules) {
        found.extend(in_language(words, lexicon, rules));
    }
    if rules.network {
        found = beside_rules(words, merge::disjoint(found), rules);
    }
    found.extend(rules.own.find(words));
    found.retain(|d| rules.has(d.reason));
    rules.own.allow(words, &mut found);
    merge::disjoint(found)
}

/// With what the network is sure of, and without what it excludes. Whatever the operator's own
/// phrases announce stays.
fn beside_rules(words: &[Word], mut found: Vec<Detection>, rules: &Ruleset) -> Vec<Detection> {
    let Some(reading) = learned::Reading::of(words, &found) else { return found };
    found.retain(|d| rules.has_own_phrases(d.reason) || !reading.excludes(d));
    let last_four = |d: &Detection| {
        let digits = |w: &Word| w.text.chars().filter(char::is_ascii_digit).count();
        d.reason == Reason::CardNumber && words[d.first..=d.last].iter().map(digits).sum::<usize>() == 4
    };
    found.extend(reading.values().into_iter().filter(|d| !(rules.keep_last_four && last_four(d))));
    found
}

/// Where digits are asked for, as seconds and reasons in order: "enter your
/// PIN" is answered with keys.
pub fn announced(words: &[Word], language: Option<&str>, rules: &Ruleset) -> Vec<(f64, Reason)> {
    let keyed = |r: &Reason| {
        matches!(
            r,
            Reason::CardNumber
                | Reason::Cvv
                | Reason::Expiry
                | Reason::Dob
                | Reason::Ssn
                | Reason::Password
                | Reason::BankAccount
        )
    };
    let mut out = Vec::new();
    for lexicon in language::spoken(words, language, rules) {
        let text = Text::new(words, lexicon, &rules.foreign);
        for cue in cues::find(&text, lexicon).cues {
            let at_s = words[cue.last].end_s;
            if let What::Secret { reason, .. } = cue.what
                && keyed(&reason)
                && at_s.is_finite()
            {
                out.push((at_s, reason));
            }
        }
    }
    out.sort_by(|a, b| a.0.total_cmp(&b.0));
    out
}

fn in_language(words: &[Word], lexicon: &Lexicon, rules: &Ruleset) -> Vec<Detection> {
    let text = Text::new(words, lexicon, &rules.foreign);
    let marks = cues::find(&text, lexicon);
    let chunks = dressed::undress(&text, &marks, numbers::chunks(&text, &marks));
    let mut found: Vec<Detection> = email::find(&text, &marks, lexicon)
        .into_iter()
        .map(|r| Detection::new(*r.start(), *r.end(), Reason::Email, "at and dot"))
        .collect();
    let asked = mail_turns::Turns { text: &text, marks: &marks }.find(&found);
    found.extend(asked.into_iter().map(|(r, keyword)| {
        let why = Why { rule: "mail in turns", keyword: Some(keyword), distance: 0, confidence: 1.0 };
        Detection { first: *r.start(), last: *r.end(), reason: Reason::Email, why }
    }));
    let (addresses, public) = address::Addresses {
        text: &text,
        marks: &marks,
        chunks: &chunks,
        number_after: lexicon.number_after,
    }
    .find();
    found.extend(addresses.iter().map(|r| Detection::new(*r.start(), *r.end(), Reason::Address, "street")));
    for value in context::Context::new(&text, &marks, &chunks, rules.window_words).values() {
        let chunk = &chunks[value.chunk];
        if value.reason == Reason::Address && public.iter().any(|r| r.contains(&chunk.first)) {
            continue;
        }
        let last_four = value.why.keyword.is_some_and(|(first, last)| {
            let at = marks.cues.partition_point(|c| c.first < first);
            let cue = marks.cues.get(at).filter(|c| c.first == first && c.last == last);
            cue.is_some_and(|c| matches!(c.what, What::Secret { last_four: true, .. }))
        });
        if !(rules.keep_last_four && last_four && chunk.len() == 4) {
            // "2297 star": the keys behind a code are said with it.
            let keys =
                text.tokens[chunk.last + 1..].iter().take(2).take_while(|t| t.is(class::KEYPAD)).count();
            let last = if value.reason == Reason::Password { chunk.last + keys } else { chunk.last };
            let (first, last) = match value.reason {
                Reason::Password if chunk.letters > 0 => with_letters(&text, &marks, chunk.first, last),
                _ => (chunk.first, last),
            };
            let first = if value.reason == Reason::BankAccount { with_country(&text, first) } else { first };
            let last = if chunk.letters > 0 { with_spelling(&text, last) } else { last };
            found.push(Detection { first, last, reason: value.reason, why: value.why });
        }
    }
    let births = born::Births { text: &text, marks: &marks, chunks: &chunks }.find();
    found.extend(births.into_iter().map(|(r, keyword)| {
        let why = Why { rule: "date in parts", keyword: Some(keyword), distance: 0, confidence: 1.0 };
        Detection { first: *r.start(), last: *r.end(), reason: Reason::Dob, why }
    }));
    let spoken = spoken::Spoken { text: &text, marks: &marks }.find();
    found.extend(spoken.into_iter().map(|(r, reason, keyword)| {
        let why = Why { rule: "answer", keyword: Some(keyword), distance: 0, confidence: 1.0 };
        Detection { first: *r.start(), last: *r.end(), reason, why }
    }));
    let dictated = dictated::Dictated { text: &text, marks: &marks }.find();
    found.extend(
        dictated
            .into_iter()
            .map(|r| Detection::new(*r.start(), *r.end(), Reason::Password, "dictated signs")),
    );
    let mut found = merge::disjoint(found);
    found.extend(repair::find(&text, &marks, &chunks, &found));
    let found = merge::disjoint(found);
    let again = readback::find(&text, &chunks, &found);
    let mut all = found;
    all.extend(again);
    merge::over_sounds(merge::disjoint(all), &text, &marks)
}

/// "o b r i e n", "z e b r a": with the letters at either end that are words elsewhere.
fn with_letters(text: &Text, marks: &cues::Marks, first: usize, last: usize) -> (usize, usize) {
    let turn = text.tokens[first].turn;
    let spells = |i: &usize| {
        let t = &text.tokens[*i];
        t.letter && !marks.letter[*i] && t.turn == turn
    };
    let before = (0..first).rev().take(MOST_LETTERS).take_while(spells).last();
    let after = (last + 1..text.len()).take(MOST_LETTERS).take_while(spells).last();
    (before.unwrap_or(first), after.unwrap_or(last))
}

/// "BE sixty-eight …": the country before the digits of an account.
fn with_country(text: &Text, first: usize) -> usize {
    let country = |i: &usize| {
        let word = text.words[*i].text.trim();
        let two = word.len() == COUNTRY_LETTERS && word.bytes().all(|b| b.is_ascii_uppercase());
        two && text.tokens[*i].turn == text.tokens[first].turn
    };
    first.checked_sub(1).filter(country).unwrap_or(first)
}

/// "c for charlie": with the word that spells the last letter.
fn with_spelling(text: &Text, last: usize) -> usize {
    let turn = text.tokens[last].turn;
    let spells = |i: &usize| text.tokens[*i].nato && text.tokens[*i].turn == turn;
    (last + 1..text.len()).take_while(spells).last().unwrap_or(last)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_dictated;
#[cfg(test)]
mod tests_digits;
#[cfg(test)]
mod tests_said;
