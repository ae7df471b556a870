//! Words that are heard for a digit: "for", "ate", "won", "to". They are
//! digits inside a run of digits and at its edges; elsewhere they are words.

use super::lexicon::{Numeral, class};
use super::text::{Text, Written};

/// Words to either side that are looked at.
const REACH: usize = 20;
/// Sounds between two digits of one run.
const MAX_SOUNDS: usize = 2;
/// Sure digits around a homophone that can hardly be anything else, and around a common word.
const LEAST_BESIDE_ODD: usize = 2;
const LEAST_BESIDE_COMMON: usize = 3;
/// Words of an answer that is digits and homophones alone.
const ANSWER_WORDS: std::ops::RangeInclusive<usize> = 3..=24;
/// Sure digits at whose edge one is another.
const LEAST_AT_EDGE: usize = 3;
/// A pause after which nothing follows.
const PAUSE_S: f64 = 0.8;

/// What a run holds to one side of a word.
#[derive(Default)]
struct Side {
    /// Digits by themselves or in a group: "four", `4532`.
    sure: usize,
    /// Common words that are heard for one.
    common: usize,
    /// Two sure ones side by side.
    pairs: usize,
}

/// Is the homophone at `at` a digit here?
pub(super) fn is_digit(text: &Text, at: usize) -> bool {
    let token = &text.tokens[at];
    if !token.is(class::HOMOPHONE) || token.numeral.is_some() {
        return false;
    }
    let before = side(text, (at.saturating_sub(REACH)..at).rev(), at);
    let after = side(text, at + 1..(at + 1 + REACH).min(text.len()), at);
    let common = token.is(class::COMMON);
    let sure = before.sure + after.sure;
    // "c'est six zéro": a link before the first digit.
    if before.sure == 0 && token.is(class::COPULA) {
        return false;
    }
    if sure > 0 && is_answer(text, at) {
        return true;
    }
    if before.sure > 0 && after.sure > 0 {
        // "three to five, two to four": hardly a number stands beside another.
        let pairs = before.pairs + after.pairs > before.common + after.common;
        return if common { sure >= LEAST_BESIDE_COMMON && pairs } else { sure >= LEAST_BESIDE_ODD };
    }
    if common {
        sure >= LEAST_AT_EDGE && is_edge(text, at, before.sure > 0)
    } else {
        sure >= LEAST_BESIDE_ODD
    }
}

/// A turn that is digits and homophones alone: "nine won too".
fn is_answer(text: &Text, at: usize) -> bool {
    let turn = text.tokens[at].turn;
    let own = |i: &usize| text.tokens[*i].turn == turn;
    let most = *ANSWER_WORDS.end();
    let from = (0..=at).rev().take(most).take_while(own).last().unwrap_or(at);
    let words = (from..text.len()).take(most + 1).take_while(own);
    let says = |i: &usize| is_sure(text, *i) || text.tokens[*i].is(class::HOMOPHONE);
    text.speakers > 1
        && ANSWER_WORDS.contains(&words.clone().filter(says).count())
        && words.clone().count() <= most
        && words.into_iter().all(|i| says(&i) || text.tokens[i].is_filler())
}

/// A common word is a digit at an edge where nothing else begins or ends there.
fn is_edge(text: &Text, at: usize, ends: bool) -> bool {
    let tokens = &text.tokens;
    if ends {
        let next = (at + 1..tokens.len()).find(|i| !tokens[*i].is(class::HOMOPHONE));
        return tokens[at].ends_sentence
            || next.is_none_or(|i| tokens[i].turn != tokens[at].turn || text.pause_s(i) > PAUSE_S);
    }
    let before =
        (0..at).rev().take(MAX_SOUNDS + 1).find(|i| !tokens[*i].is(class::HOMOPHONE | class::FILLER));
    before.is_none_or(|i| {
        tokens[i].turn != tokens[at].turn || tokens[i].ends_sentence || tokens[i].is(class::COPULA)
    })
}

fn side(text: &Text, words: impl Iterator<Item = usize>, at: usize) -> Side {
    let mut side = Side::default();
    let (mut sounds, mut last_sure) = (0, false);
    for i in words {
        let token = &text.tokens[i];
        let sure = is_sure(text, i);
        let number = matches!(token.numeral, Some(Numeral::Teen(_) | Numeral::Ten(_) | Numeral::Repeat(_)));
        if token.speaker != text.tokens[at].speaker {
            break;
        } else if sure || number || token.is(class::HOMOPHONE) {
            side.sure += usize::from(sure);
            side.pairs += usize::from(sure && last_sure);
            side.common += usize::from(token.is(class::COMMON));
            last_sure = sure;
            sounds = 0;
        } else if token.is_filler() && sounds < MAX_SOUNDS {
            sounds += 1;
        } else {
            break;
        }
    }
    side
}

/// A digit by itself or in a group, or a word that can hardly be anything else beside one.
fn is_sure(text: &Text, at: usize) -> bool {
    let token = &text.tokens[at];
    token.written == Some(Written::Digits)
        || matches!(token.numeral, Some(Numeral::Unit(_)))
        || token.numeral.is_none() && token.is(class::HOMOPHONE) && !token.is(class::COMMON)
}
