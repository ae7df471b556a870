//! Where a secret is announced.

use super::lexicon::{Lexicon, Pattern};
use crate::call::Reason;

/// A keyword: `first..=last` are its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    pub first: usize,
    pub last: usize,
    pub reason: Reason,
}

/// Every keyword in order, longest phrase first where several fit; phrases
/// that only look like one are left out.
pub fn find(plain: &[String], lexicon: &Lexicon) -> Vec<Keyword> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < plain.len() {
        let keyword = lexicon.keywords.iter().find(|(_, p)| matches(plain, at, p));
        match keyword {
            Some((reason, pattern)) if !is_excluded(plain, at, lexicon) => {
                found.push(Keyword { first: at, last: at + pattern.len() - 1, reason: *reason });
                at += pattern.len();
            }
            _ => at += 1,
        }
    }
    found
}

fn matches(plain: &[String], at: usize, pattern: &[Pattern]) -> bool {
    plain.len() >= at + pattern.len() && pattern.iter().zip(&plain[at..]).all(|(p, word)| p.matches(word))
}

/// Is the word at `at` inside a phrase that means something else?
fn is_excluded(plain: &[String], at: usize, lexicon: &Lexicon) -> bool {
    lexicon
        .not
        .iter()
        .any(|phrase| (0..phrase.len()).any(|inside| at >= inside && matches(plain, at - inside, phrase)))
}
