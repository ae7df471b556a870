//! Which languages a call is held in: what its transcript says, and what its
//! commonest words say where it is mixed.

use super::lexicon::{Lexicon, class, normalise};
use super::ruleset::Ruleset;
use crate::call::Word;

/// Words that are looked at together.
const WINDOW: usize = 24;
/// Common words of a language among them that tell it.
const LEAST_VOTES: usize = 6;

/// The lexicons to read `words` with: the one declared, by the transcript or
/// the settings, and every other that a stretch of the call is plainly in.
pub fn spoken<'a>(words: &[Word], declared: Option<&str>, rules: &'a Ruleset) -> Vec<&'a Lexicon> {
    let declared = declared.or(rules.language.as_deref());
    let own = declared.and_then(|d| rules.lexicons.iter().position(|l| d.starts_with(&*l.language)));
    let votes = votes(words, &rules.lexicons);
    let most = own.or_else(|| (0..votes.len()).rev().max_by_key(|l| votes[*l].iter().sum::<usize>()));
    let first = most.unwrap_or(0);
    let told = |l: usize| {
        votes[l].iter().zip(&votes[first]).any(|(here, main)| *here >= LEAST_VOTES && *here > 2 * *main)
    };
    let mut out: Vec<&Lexicon> = rules.lexicons.get(first).into_iter().collect();
    out.extend((0..rules.lexicons.len()).filter(|l| *l != first && told(*l)).map(|l| &rules.lexicons[l]));
    out
}

/// Common words of each language in every window.
fn votes(words: &[Word], lexicons: &[Lexicon]) -> Vec<Vec<usize>> {
    let mut votes = vec![vec![0; words.len() / WINDOW + 1]; lexicons.len()];
    if lexicons.len() < 2 {
        return votes;
    }
    for (i, word) in words.iter().enumerate() {
        let plain = normalise(word.text.trim());
        for (l, lexicon) in lexicons.iter().enumerate() {
            let votes_for = lexicon.entry_of(&plain).is_some_and(|e| e.classes & class::VOTE != 0);
            votes[l][i / WINDOW] += usize::from(votes_for);
        }
    }
    votes
}
