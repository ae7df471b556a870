//! Which of the numbers and words near a keyword are the value.

use super::keywords::Keyword;
use super::lexicon::Lexicon;
use super::numbers::Run;
use super::{Detection, Ruleset};
use crate::call::{Reason, Word};

/// ISO/IEC 7812: a card number has 12 to 19 digits; 13 in a row need no keyword.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// Words that a password may have.
const PASSWORD_WORDS: usize = 4;
/// A pause that ends a spoken password.
const PASSWORD_PAUSE_S: f64 = 1.5;
/// Words between a house number and its "street".
const STREET_WORDS: usize = 5;

/// Every run that a keyword announces or that looks like a secret by itself.
pub fn numbers(plain: &[String], runs: &[Run], keywords: &[Keyword], rules: &Ruleset) -> Vec<Detection> {
    let lexicon = &rules.lexicon;
    runs.iter()
        .filter_map(|run| {
            let announced = announced_by(plain, run, keywords, rules);
            let reason = reason_of(run, announced)?;
            let last = match reason {
                Reason::Address => street_end(plain, run, lexicon),
                _ => run.last,
            };
            Some(Detection { first: run.first, last, reason })
        })
        .collect()
}

/// The reason of a run, by its shape and by the nearest keyword before it.
fn reason_of(run: &Run, announced: Option<Reason>) -> Option<Reason> {
    if run.groups == [3, 2, 4] {
        return Some(Reason::Ssn);
    }
    if CARD_DIGITS.contains(&run.digits) && announced != Some(Reason::Dob) {
        return Some(Reason::CardNumber);
    }
    let reason = announced?;
    let unlikely = run.counted || run.pronoun && reason != Reason::Cvv;
    // A date near "card" is when it expires, not its number.
    let reason = match reason {
        Reason::CardNumber if run.month => Reason::Expiry,
        Reason::Email => return None,
        other => other,
    };
    (!unlikely).then_some(reason)
}

/// The reason of the nearest keyword whose window reaches the run. The window
/// counts words without fillers and numbers, so that it stays open while an
/// answer goes on.
fn announced_by(plain: &[String], run: &Run, keywords: &[Keyword], rules: &Ruleset) -> Option<Reason> {
    let nearest = keywords.iter().rev().find(|k| k.last < run.first)?;
    let between = &plain[nearest.last + 1..run.first];
    let counted = between
        .iter()
        .filter(|w| !rules.lexicon.is_filler(w) && !w.chars().any(|c| c.is_ascii_digit()))
        .filter(|w| !rules.lexicon.numbers.units.contains(*w))
        .count();
    (counted < rules.window_words).then_some(nearest.reason)
}

/// A house number takes its street with it, and a run right after (a zip) stays its own.
fn street_end(plain: &[String], run: &Run, lexicon: &Lexicon) -> usize {
    (run.last + 1..plain.len().min(run.last + 1 + STREET_WORDS))
        .find(|i| lexicon.words.streets.contains(&plain[*i]))
        .unwrap_or(run.last)
}

/// "the password is blue monkey": the words after the link, up to a pause.
pub fn passwords(words: &[Word], plain: &[String], keywords: &[Keyword], rules: &Ruleset) -> Vec<Detection> {
    let lexicon = &rules.lexicon;
    let mut found = Vec::new();
    for keyword in keywords.iter().filter(|k| k.reason == Reason::Password) {
        let says = |w: &String| matches!(w.as_str(), "is" | "was" | "it's");
        let reach = plain.len().min(keyword.last + 4);
        let Some(link) = (keyword.last + 1..reach).find(|i| says(&plain[*i])) else { continue };
        let Some(first) =
            (link + 1..plain.len().min(link + 3)).find(|i| !lexicon.words.links.contains(&plain[*i]))
        else {
            continue;
        };
        if is_remark(&plain[first]) {
            continue;
        }
        let mut last = first;
        while last + 1 < plain.len()
            && last + 1 - first < PASSWORD_WORDS
            && words[last + 1].start_s - words[last].end_s < PASSWORD_PAUSE_S
            && !lexicon.words.links.contains(&plain[last + 1])
            && words[last + 1].speaker == words[first].speaker
            && !words[last].text.trim_end().ends_with(['.', '?', '!'])
        {
            last += 1;
        }
        found.push(Detection { first, last, reason: Reason::Password });
    }
    found
}

/// "that password is not valid" tells of a password without saying it.
fn is_remark(plain: &str) -> bool {
    ["not", "incorrect", "wrong", "invalid", "correct", "required", "case", "too", "expired", "reset"]
        .contains(&plain)
}
