//! Which languages a call is held in: what its transcript says, and what its
//! commonest words say where it is mixed.

use super::lexicon::{Lexicon, class, normalise};
use super::ruleset::Ruleset;
use crate::call::Word;

/// Words that are looked at together.
const WINDOW: usize = 8;
/// Windows in a row that are weighed together: a question in another language is short.
const TOGETHER: usize = 2;
/// Words of a language among them that tell it.
const LEAST_VOTES: usize = 3;

/// The lexicons to read `words` with: the one declared, by the transcript or
/// the settings, and every other that a stretch of the call is plainly in.
pub fn spoken<'a>(words: &[Word], declared: Option<&str>, rules: &'a Ruleset) -> Vec<&'a Lexicon> {
    let declared = declared.or(rules.language.as_deref());
    let own = declared.and_then(|d| rules.lexicons.iter().position(|l| d.starts_with(&*l.language)));
    let votes = votes(words, &rules.lexicons);
    let common = |l: usize| votes[l].iter().map(|v| v.common).sum::<usize>();
    let first = own.or_else(|| (0..votes.len()).rev().max_by_key(|l| common(*l))).unwrap_or(0);
    let told = |l: usize| {
        let sum = |v: &[Votes], of: fn(&Votes) -> usize| v.iter().map(of).sum::<usize>();
        votes[l].windows(TOGETHER).zip(votes[first].windows(TOGETHER)).any(|(here, main)| {
            let here = sum(here, |v| v.own);
            here >= LEAST_VOTES && here > 2 * sum(main, |v| v.common)
        })
    };
    let mut out: Vec<&Lexicon> = rules.lexicons.get(first).into_iter().collect();
    out.extend((0..rules.lexicons.len()).filter(|l| *l != first && told(*l)).map(|l| &rules.lexicons[l]));
    out
}

/// What the words of one window say for a language.
#[derive(Clone, Copy, Default)]
struct Votes {
    /// Its commonest words.
    common: usize,
    /// Those, and words that begin a phrase of it and are known in no other language.
    own: usize,
}

/// The votes for each language in every window; a window more than there are words for.
fn votes(words: &[Word], lexicons: &[Lexicon]) -> Vec<Vec<Votes>> {
    let mut votes = vec![vec![Votes::default(); words.len() / WINDOW + TOGETHER]; lexicons.len()];
    if lexicons.len() < 2 {
        return votes;
    }
    let mut known = vec![0; lexicons.len()];
    for (i, word) in words.iter().enumerate() {
        let plain = normalise(word.text.trim());
        for (l, lexicon) in lexicons.iter().enumerate() {
            known[l] = lexicon.entry_of(&plain).map_or(0, |e| e.classes | class::KNOWN);
        }
        let alone = known.iter().filter(|k| **k != 0).count() == 1;
        for (l, classes) in known.iter().enumerate() {
            let common = classes & class::VOTE != 0;
            let window = &mut votes[l][i / WINDOW];
            window.common += usize::from(common);
            window.own += usize::from(common || alone && classes & class::STARTS_PHRASE != 0);
        }
    }
    votes
}
