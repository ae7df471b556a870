//! Numbers in another language than the words around them: an English call in
//! which the digits come in Spanish, half and half, or through an interpreter.

use super::lexicon::{Lexicon, Numeral, class};
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// What a word says in a language that the text is not read in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said {
    Number(Numeral),
    Month(u32),
    /// Between two numbers: "treinta y cuatro", "quince de abril".
    And,
    Joint,
}

/// The numbers of every language of a ruleset.
#[derive(Clone, Debug, Default)]
pub struct Foreign {
    words: HashMap<Box<str>, Stranger, RandomState>,
}

/// What a word says in another language, and in which.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stranger {
    pub said: Said,
    language: usize,
}

/// Languages that are told apart.
const MOST_LANGUAGES: usize = 16;
/// Sounds between two numbers of one run, at most.
const MAX_BETWEEN: usize = 4;

impl Foreign {
    pub fn of(lexicons: &[Lexicon]) -> Foreign {
        let mut words = HashMap::default();
        let all =
            lexicons.iter().take(MOST_LANGUAGES).zip(0..).flat_map(|(l, n)| l.entries().map(move |e| (n, e)));
        for (language, (word, entry)) in all {
            let said = match entry.numeral {
                Some(Numeral::Ordinal(_)) => continue,
                Some(numeral) => Said::Number(numeral),
                None if entry.classes & class::MONTH != 0 => Said::Month(entry.value),
                None if entry.classes & class::AND != 0 => Said::And,
                None if entry.classes & (class::NUMBER_JOINT | class::DATE_INSIDE) != 0 => Said::Joint,
                None => continue,
            };
            // "sept" is a month in English and seven in French: a number says more.
            let known = words.get(word).map(|s: &Stranger| s.said);
            if known.is_none() || matches!((known, said), (Some(Said::Month(_)), Said::Number(_))) {
                words.insert(word.into(), Stranger { said, language });
            }
        }
        Foreign { words }
    }

    pub fn said(&self, plain: &str) -> Option<Stranger> {
        self.words.get(plain).copied()
    }
}

/// A word of a text that may be a number of another language, or is one of its own.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    pub at: usize,
    /// What it says in another language; `None` for a number of the text's own.
    pub said: Option<Stranger>,
    /// The text's own language knows the word as something else: "très", "cent".
    pub known: bool,
}

/// Those of `candidates` (in order) that are numbers here: three in a row or
/// more of one speaker, or two that can be nothing else. `sound` says which words say nothing.
pub fn accepted(
    candidates: &[Candidate],
    sound: impl Fn(usize) -> bool,
    speaker: impl Fn(usize) -> u16,
) -> Vec<Candidate> {
    let mut out = Vec::new();
    let mut from = 0;
    while from < candidates.len() {
        let mut to = from + 1;
        let next = |a: usize, b: usize| speaker(a) == speaker(b) && follows(a, b, &sound);
        while to < candidates.len() && next(candidates[to - 1].at, candidates[to].at) {
            to += 1;
        }
        accept(&candidates[from..to], &mut out);
        from = to;
    }
    out
}

fn follows(a: usize, b: usize, sound: impl Fn(usize) -> bool) -> bool {
    b - a <= MAX_BETWEEN + 1 && (a + 1..b).all(sound)
}

/// Puts the foreign numbers of one run into `out`.
fn accept(run: &[Candidate], out: &mut Vec<Candidate>) {
    let number = |c: &Candidate| c.said.is_none_or(|s| matches!(s.said, Said::Number(_) | Said::Month(_)));
    let numbers = run.iter().filter(|c| number(c)).count();
    let strangers = run.iter().filter(|c| c.said.is_some() && number(c)).count();
    let mut sure = [0; MOST_LANGUAGES];
    let certain = run.iter().filter(|c| !c.known && number(c)).filter_map(|c| c.said);
    certain.for_each(|s| sure[s.language] += 1);
    let taken = |c: &Candidate| match c.said {
        None => false,
        Some(s) if c.known => sure[s.language] >= 2,
        Some(_) => numbers >= 3 || numbers == strangers && numbers >= 2,
    };
    // What only links numbers is none at an edge.
    let (Some(first), Some(last)) = (run.iter().position(number), run.iter().rposition(number)) else {
        return;
    };
    if sure.iter().any(|n| *n > 0) {
        out.extend(run[first..=last].iter().filter(|c| taken(c)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(at: usize, said: Option<Stranger>, known: bool) -> Candidate {
        Candidate { at, said, known }
    }

    #[test]
    fn a_lone_stranger_is_a_word_and_three_in_a_row_are_numbers() {
        let unit = Some(Stranger { said: Said::Number(Numeral::Unit(4)), language: 1 });
        let quiet = |_| false;
        assert!(accepted(&[candidate(3, unit, false)], quiet, |_| 0).is_empty());
        let run: Vec<Candidate> = (3..6).map(|at| candidate(at, unit, false)).collect();
        assert_eq!(accepted(&run, quiet, |_| 0).len(), 3);
        // "fifty five cents": known as something else.
        let own = [candidate(1, None, true), candidate(2, None, true), candidate(3, unit, true)];
        assert!(accepted(&own, quiet, |_| 0).is_empty());
    }
}
