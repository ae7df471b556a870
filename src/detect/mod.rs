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
mod example;
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
mod reading;
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
use reading::Reading;
use text::Text;

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
    let lexicons = language::spoken(words, language, rules);
    let readings: Vec<Reading> = lexicons.iter().map(|l| Reading::of(words, l, rules)).collect();
    let mut found = merge::disjoint(readings.iter().flat_map(Reading::find).collect());
    if rules.network {
        found = beside_network(words, found, &readings, rules);
    }
    found.extend(rules.own.find(words));
    found.retain(|d| rules.has(d.reason));
    rules.own.allow(words, &mut found);
    merge::disjoint(found)
}

/// With what the network is sure of, wherever it is said, and without the words that it excludes.
/// Whatever the operator's own phrases announce stays, and what is as long as a card's number, and
/// all that was found in a call that is partly in a language which the network was not taught. Of a
/// call that is wholly in such a language it says nothing.
fn beside_network(
    words: &[Word],
    mut found: Vec<Detection>,
    readings: &[Reading],
    rules: &Ruleset,
) -> Vec<Detection> {
    let is_taught = |r: &Reading| learned::is_taught(&r.lexicon.language);
    if !readings.iter().any(is_taught) {
        return found;
    }
    let Some(network) = learned::Reading::of(words, &found) else { return found };
    if readings.iter().all(is_taught) {
        let stays = |d: &Detection| rules.has_own_phrases(d.reason) || readings.iter().any(|r| r.is_long(d));
        let is_number = |at: usize| readings.iter().any(|r| r.is_number(at));
        found = found
            .into_iter()
            .filter_map(|d| if stays(&d) { Some(d) } else { network.narrowed(d, is_number) })
            .collect();
    }
    let last_four = |d: &Detection| {
        let digits = |w: &Word| w.text.chars().filter(char::is_ascii_digit).count();
        d.reason == Reason::CardNumber && words[d.first..=d.last].iter().map(digits).sum::<usize>() == 4
    };
    let mut added = network.values();
    added.retain(|d| rules.has(d.reason) && !(rules.keep_last_four && last_four(d)));
    added.retain(|d| !readings.iter().any(|r| r.is_example(d)));
    // A reason that is off must not give its name to a value that is on.
    found.retain(|d| rules.has(d.reason));
    // What it found is found again where it is said again, unless it excludes that as well.
    let is_number = |at: usize| readings.iter().any(|r| r.is_number(at));
    let again = readings.iter().flat_map(|r| r.repetitions(&added));
    found.extend(again.filter_map(|d| network.narrowed(d, is_number)));
    found.extend(added);
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

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_dictated;
#[cfg(test)]
mod tests_digits;
#[cfg(test)]
mod tests_said;
